/* Tells ThreadSanitizer of the locks that it cannot see: the standard library comes compiled, and not for it. What of
 * it is inlined into our code is instrumented: taking a free lock, and letting one go. What is not is taking a lock that
 * is held, and the same after waiting for a condition. Without this all that a lock guards looks like a race.
 *
 * The linker's --wrap puts these in the place of the functions that LOCK, WAIT and WAIT_TIMEOUT name, mangled. The
 * number that a lock is made of is the lock's first and only word, and ThreadSanitizer knows locks by it. */
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
