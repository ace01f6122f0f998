/* The cost of a cached token.
 *
 *     cached URL WHAT THREADS SECONDS    prints ns per call: CPU time, and wall-clock time of all threads together
 *
 * WHAT is one of:
 *     floor        an empty call into the library, and a read of both coarse clocks, which every check of an expiry needs
 *     generation   tks_source_generation
 *     get          tks_source_get, the header's value and the free
 *     mutex        the same by hand */
#include <tokensource.h>

#include "common.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { BATCH = 1000, MOST_THREADS = 64 };

static tks_source *source;
static pthread_barrier_t start;
static atomic_int stop;

/* The results are added up, so that the compiler cannot remove a call. */

static uint64_t ask_floor(void) {
    struct timespec monotonic, wall;
    uint32_t version = tks_abi_version();
    clock_gettime(CLOCK_MONOTONIC_COARSE, &monotonic);
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    return version + (uint64_t)monotonic.tv_nsec + (uint64_t)wall.tv_nsec;
}

static uint64_t ask_generation(void) {
    return tks_source_generation(source);
}

static uint64_t ask_get(void) {
    tks_token *token = NULL;
    tks_source_get(source, &token, NULL);
    uint64_t sum = (unsigned char)tks_token_authorization(token)[7];
    tks_token_free(token);
    return sum;
}

/* The peer: code by hand, with a mutex, a token with a reference count, and the same kind of clock. */
struct held {
    atomic_int holders;
    time_t valid_until;
    char authorization[64];
};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct held *held;

static uint64_t ask_mutex(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    pthread_mutex_lock(&mutex);
    struct held *token = held;
    if (now.tv_sec >= token->valid_until)
        abort(); /* a real program refreshes the token here */
    atomic_fetch_add_explicit(&token->holders, 1, memory_order_relaxed);
    pthread_mutex_unlock(&mutex);
    uint64_t sum = (unsigned char)token->authorization[7];
    if (atomic_fetch_sub_explicit(&token->holders, 1, memory_order_acq_rel) == 1)
        free(token);
    return sum;
}

struct tally {
    _Alignas(128) uint64_t calls;
    volatile uint64_t sum;
};

/* A loop for each, so that no other call is between the loop and the measured one. */
#define WORKER(what)                                                            \
    static void *work_##what(void *place) {                                     \
        struct tally *tally = place;                                            \
        uint64_t calls = 0, sum = 0;                                            \
        pthread_barrier_wait(&start);                                           \
        while (!atomic_load_explicit(&stop, memory_order_relaxed)) {            \
            for (int i = 0; i < BATCH; i++)                                     \
                sum += ask_##what();                                            \
            calls += BATCH;                                                     \
        }                                                                       \
        tally->calls = calls;                                                   \
        tally->sum = sum;                                                       \
        return NULL;                                                            \
    }
WORKER(floor)
WORKER(generation)
WORKER(get)
WORKER(mutex)

static void *(*worker(const char *name))(void *) {
    if (strcmp(name, "floor") == 0)
        return work_floor;
    if (strcmp(name, "generation") == 0)
        return work_generation;
    if (strcmp(name, "get") == 0)
        return work_get;
    if (strcmp(name, "mutex") == 0)
        return work_mutex;
    give_up(name, "is not floor, generation, get or mutex");
}

int main(int argc, char **argv) {
    static struct tally tallies[MOST_THREADS];
    pthread_t threads[MOST_THREADS];

    if (argc != 5)
        give_up("usage", "cached URL WHAT THREADS SECONDS");
    void *(*work)(void *) = worker(argv[2]);
    int count = atoi(argv[3]);
    if (count < 1 || count > MOST_THREADS)
        give_up("THREADS", "is out of range");
    double seconds = atof(argv[4]);

    tks_config *config = config_for(argv[1], NULL);
    source = source_for(config);
    tks_token *token = token_from(source);
    if (tks_source_generation(source) != tks_token_generation(token))
        give_up("generation", "is not the token's");
    held = malloc(sizeof *held);
    held->holders = 1;
    held->valid_until = (time_t)seconds_on(CLOCK_MONOTONIC) + 3600;
    snprintf(held->authorization, sizeof held->authorization, "%s", tks_token_authorization(token));

    pthread_barrier_init(&start, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, &tallies[i]))
            give_up("pthread_create", NULL);
    pthread_barrier_wait(&start);
    double cpu = seconds_on(CLOCK_PROCESS_CPUTIME_ID), wall = seconds_on(CLOCK_MONOTONIC);
    usleep((useconds_t)(seconds * 1e6));
    atomic_store(&stop, 1);
    uint64_t calls = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        calls += tallies[i].calls;
    }
    cpu = seconds_on(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds_on(CLOCK_MONOTONIC) - wall;
    printf("%.3f %.3f\n", cpu * 1e9 / calls, wall * 1e9 / calls);
    return 0;
}
