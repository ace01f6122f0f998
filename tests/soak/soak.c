/* A sustained load: many sources whose tokens live for seconds, and many threads that ask them for tokens at random.
 *
 *     soak URL CA-FILE SECONDS
 *
 * The server grants JWTs, so that each token itself says when it ends. The program fails if a call failed, a token was
 * expired when it was returned, the memory went on growing, or a call waited without need. It prints what it counted. */
#include <tokensource.h>

#include "../../benches/common.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum { SOURCES = 1000, THREADS = 200, PAUSE_MICROSECONDS = 1000 };
/* What the memory may still grow after a third of the time, when every source has fetched several times. */
static const double MOST_GROWTH = 0.03;

static tks_source *sources[SOURCES];
static atomic_ulong calls, errors, expired, first_calls, late_calls;
static atomic_bool has_had_token[SOURCES];
static atomic_bool ended;

/* Returns the number after "exp": in the claims of a JWT, or -1. */
static long end_of(const char *jwt) {
    char claims[1024];
    size_t length = 0;
    unsigned bits = 0, held = 0;
    const char *at = strchr(jwt, '.');
    for (at = at ? at + 1 : ""; *at && *at != '.' && length + 1 < sizeof claims; at++) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        bits = (bits << 6 | (unsigned)(strchr(digits, *at) - digits)) & 0xffff;
        held += 6;
        if (held >= 8)
            claims[length++] = (char)(bits >> (held -= 8));
    }
    claims[length] = 0;
    const char *found = strstr(claims, "\"exp\":");
    return found ? strtol(found + strlen("\"exp\":"), NULL, 10) : -1;
}

static void *ask(void *argument) {
    unsigned random = (unsigned)(uintptr_t)argument + 1;
    while (!ended) {
        random = random * 1664525u + 1013904223u;
        unsigned index = (random >> 8) % SOURCES;
        /* 0 means that a call may wait: the source has no token that is valid. */
        if (tks_source_generation(sources[index]) == 0)
            atomic_fetch_add(has_had_token[index] ? &late_calls : &first_calls, 1);
        tks_error *error = NULL;
        tks_token *token = NULL;
        if (tks_source_get(sources[index], &token, &error)) {
            if (atomic_fetch_add(&errors, 1) == 0)
                fprintf(stderr, "%s\n", tks_error_message(error));
        } else {
            if (end_of(tks_token_access_token(token)) < (long)time(NULL))
                atomic_fetch_add(&expired, 1);
            has_had_token[index] = true;
        }
        tks_error_free(error);
        tks_token_free(token);
        atomic_fetch_add(&calls, 1);
        usleep(PAUSE_MICROSECONDS);
    }
    return NULL;
}

static unsigned long total(int which) {
    unsigned long sum = 0;
    for (int i = 0; i < SOURCES; i++)
        sum += tks_source_stat(sources[i], which);
    return sum;
}

int main(int argc, char **argv) {
    if (argc != 4)
        give_up("usage", "soak URL CA-FILE SECONDS");
    int seconds = atoi(argv[3]);
    tks_config *config = config_for(argv[1], argv[2]);
    for (int i = 0; i < SOURCES; i++)
        sources[i] = source_for(config);
    tks_config_free(config);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, ask, (void *)(uintptr_t)i))
            give_up("thread", "cannot be started");
    double early = 0, late = 0;
    for (int second = 1; second <= seconds; second++) {
        sleep(1);
        late = memory("VmRSS:");
        if (second == seconds / 3)
            early = late;
        if (second % 10 == 0)
            printf("after %3d s  calls %9lu  tokens %7lu  waits %6lu  resident %.1f MB\n", second, calls,
                   total(TKS_STAT_TOKENS), total(TKS_STAT_WAITS), late / 1e6);
    }
    ended = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    unsigned long waits = total(TKS_STAT_WAITS), failures = total(TKS_STAT_FAILURES);
    printf("calls %lu, errors %lu, expired tokens %lu, failed fetches %lu\n", calls, errors, expired, failures);
    printf("waits %lu: %lu calls found a source that never had a token, %lu one without a valid token\n", waits,
           first_calls, late_calls);
    printf("resident %.1f MB after a third of the time, %.1f MB at the end\n", early / 1e6, late / 1e6);
    if (errors || expired || failures || late > early * (1 + MOST_GROWTH) || waits > first_calls + late_calls)
        give_up("soak", "the load showed a fault: see the numbers");
    for (int i = 0; i < SOURCES; i++)
        tks_source_free(sources[i]);
    return 0;
}
