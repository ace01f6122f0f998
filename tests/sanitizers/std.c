/* Reports to ThreadSanitizer the lock operations that it cannot see, because the standard library is not compiled for it.
 * Functions that are inlined into our code are instrumented: taking a free lock, and releasing one. Taking a held lock is
 * not, nor is retaking a lock after a wait for a condition. Without this file, all data behind a lock looks like a race.
 *
 * The linker's --wrap replaces the functions whose mangled names are LOCK, WAIT and WAIT_TIMEOUT. ThreadSanitizer identifies
 * a lock by the address of its first and only word. */
#include <stdbool.h>
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

/* Mutex::lock_contended(&self) */
void lock(void *mutex) __asm__("__wrap_" LOCK);
void real_lock(void *mutex) __asm__("__real_" LOCK);

/* Condvar::wait(&self, &Mutex) */
void wait(void *condvar, void *mutex) __asm__("__wrap_" WAIT);
void real_wait(void *condvar, void *mutex) __asm__("__real_" WAIT);

/* Condvar::wait_timeout(&self, &Mutex, Duration) -> bool */
bool wait_timeout(void *condvar, void *mutex, uint64_t seconds, uint32_t nanos) __asm__("__wrap_" WAIT_TIMEOUT);
bool real_wait_timeout(void *condvar, void *mutex, uint64_t seconds, uint32_t nanos) __asm__("__real_" WAIT_TIMEOUT);

void lock(void *mutex) {
    real_lock(mutex);
    __tsan_acquire(mutex);
}

void wait(void *condvar, void *mutex) {
    __tsan_release(mutex);
    real_wait(condvar, mutex);
    __tsan_acquire(mutex);
}

bool wait_timeout(void *condvar, void *mutex, uint64_t seconds, uint32_t nanos) {
    __tsan_release(mutex);
    bool in_time = real_wait_timeout(condvar, mutex, seconds, nanos);
    __tsan_acquire(mutex);
    return in_time;
}
