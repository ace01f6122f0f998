/* Many threads use one handle at the same time. argv: a server that grants, one that rejects the client. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>

enum { THREADS = 64, CALLS = 50 };

static tks_source *source;
static pthread_barrier_t start;

/* tks_source_new takes its config as `const`, so all threads may use one config. */
static void *make_sources(void *config) {
    pthread_barrier_wait(&start);
    for (int i = 0; i < CALLS; i++) {
        tks_error *error = NULL;
        tks_source *made = NULL;
        CHECK_OK(tks_source_new(config, &made, &error), error);
        tks_source_free(made);
    }
    return NULL;
}

/* A source without a token and a server that grants: all callers share one request and one token. */
static void *get_tokens(void *unused) {
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

/* A wrong secret: all callers share one request and one failure, and no caller waits after the first response. */
static void *be_rejected(void *unused) {
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

/* An API that rejects every token: each caller reports each token. */
static void *report_tokens(void *unused) {
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

static void run_all(void *(*work)(void *), void *argument) {
    pthread_t threads[THREADS];
    CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, argument) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_barrier_destroy(&start) == 0);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    tks_config *config = config_for(argv[1]);
    run_all(make_sources, config);
    tks_config_free(config);

    source = source_for(argv[1]);
    run_all(get_tokens, NULL);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 0);
    CHECK(tks_source_stat(source, TKS_STAT_WAITS) >= 1);
    CHECK(tks_source_stat(source, TKS_STAT_WAITS) <= THREADS);

    /* The limit on invalidations: two fetches at once, then one after 1 s, 2 s, 4 s, 8 s ... for any number of reports. */
    run_all(report_tokens, NULL);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) >= 3);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) <= 9);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 0);
    tks_source_free(source);

    source = source_for(argv[2]);
    run_all(be_rejected, NULL);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 0);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_WAITS) <= THREADS);
    tks_source_free(source);
    return 0;
}
