/* Many threads ask a cold source at once: one request, one token, for all. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>

enum { THREADS = 64, CALLS = 50 };

static tks_source *source;
static pthread_barrier_t start;

static void *ask(void *unused) {
    pthread_barrier_wait(&start);
    for (int i = 0; i < CALLS; i++) {
        tks_error *error = NULL;
        tks_token *token = NULL;
        CHECK_OK(tks_source_get(source, &token, &error), error);
        CHECK(tks_token_generation(token) == tks_source_generation(source));
        CHECK(strncmp(tks_token_authorization(token), "Bearer ", 7) == 0);
        CHECK(tks_token_expires_in(token) > 0);
        CHECK(tks_source_last_error(source, NULL) == TKS_OK);
        tks_token_free(token);
    }
    return unused;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];

    CHECK(argc == 2);
    source = source_for(argv[1]);
    CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, ask, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);

    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 0);
    CHECK(tks_source_stat(source, TKS_STAT_WAITS) >= 1);
    CHECK(tks_source_stat(source, TKS_STAT_WAITS) <= THREADS);
    tks_source_free(source);
    return 0;
}
