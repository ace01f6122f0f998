/* Many threads use one source at once, whatever its server says. argv: a server that grants, one that refuses. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>

enum { THREADS = 64, CALLS = 50 };

static tks_source *source;
static pthread_barrier_t start;

/* A cold source and a server that grants: one request, one token, for all. */
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

/* A wrong secret: one request, one failure, told to everybody alike, and nobody waits after the first answer. */
static void *be_refused(void *unused) {
    pthread_barrier_wait(&start);
    for (int i = 0; i < CALLS; i++) {
        tks_error *error = NULL;
        tks_token *token = NULL;
        CHECK(tks_source_get(source, &token, &error) == TKS_OAUTH);
        CHECK(token == NULL && tks_source_generation(source) == 0);
        CHECK(strcmp(tks_error_oauth_error(error), "invalid_client") == 0);
        CHECK(tks_error_http_status(error) == 401);
        CHECK(tks_error_retry_after(error) > 0 && tks_error_retry_after(error) <= 60);
        CHECK(!tks_error_is_transient(error));
        tks_error_free(error);
    }
    return unused;
}

/* An API that refuses every token: whoever is given one reports it. */
static void *report(void *unused) {
    pthread_barrier_wait(&start);
    for (int i = 0; i < CALLS; i++) {
        tks_error *error = NULL;
        tks_token *token = NULL;
        CHECK_OK(tks_source_get(source, &token, &error), error);
        tks_source_invalidate(source, token);
        tks_token_free(token);
    }
    return unused;
}

static void all(void *(*work)(void *)) {
    pthread_t threads[THREADS];
    CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_barrier_destroy(&start) == 0);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    source = source_for(argv[1]);
    all(ask);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 0);
    CHECK(tks_source_stat(source, TKS_STAT_WAITS) >= 1);
    CHECK(tks_source_stat(source, TKS_STAT_WAITS) <= THREADS);

    /* The brake: two fetches at once, then one after 1 s, 2 s, 4 s, 8 s ... however many report. */
    all(report);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) >= 3);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) <= 9);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 0);
    tks_source_free(source);

    source = source_for(argv[2]);
    all(be_refused);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 0);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_WAITS) <= THREADS);
    tks_source_free(source);
    return 0;
}
