/*
 * A daemon with worker threads that call an API until SIGTERM or SIGINT. It then ends at once, even if a worker waits for a
 * token.
 *
 * Each worker keeps a token. After a failed fetch it sleeps through the hold-off of the source. The main thread waits for
 * the signals. Once a second it logs new tokens and failed fetches. These include failed refreshes, which no caller sees
 * while the token is still valid.
 *
 * usage: daemon NAME VALUE ... (options, such as provider podero client_id ID client_secret_file FILE)
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <tokensource.h>

enum { WORKERS = 4 };
static const double BETWEEN_JOBS = 0.5; /* seconds */

static tks_source *source;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ending; /* on the monotonic clock, which cannot be set */
static int is_ending;

static void end(void) {
    pthread_mutex_lock(&lock);
    is_ending = 1;
    pthread_cond_broadcast(&ending);
    pthread_mutex_unlock(&lock);
    tks_source_close(source);
}

/* Sleeps. Returns 0 if the daemon ends. */
static int pause_for(double seconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    time_t whole = (time_t)seconds;
    until.tv_sec += whole;
    until.tv_nsec += (long)((seconds - (double)whole) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&lock);
    while (!is_ending && pthread_cond_timedwait(&ending, &lock, &until) == 0)
        continue;
    int goes_on = !is_ending;
    pthread_mutex_unlock(&lock);
    return goes_on;
}

/* Stands for a request to the API, which needs a time limit of its own. For a 401, see api.c. */
static void call_api(const tks_token *token) {
    (void)tks_token_authorization(token);
}

/* Replaces *kept if it is not the current token. If there is none, *kept is NULL and *wait is the rest of the hold-off:
   until then the source returns the same error. */
static void keep_token(tks_token **kept, double *wait) {
    tks_error *error = NULL;
    uint32_t generation = tks_source_generation(source);
    if (generation != 0 && generation == tks_token_generation(*kept))
        return;
    tks_token_free(*kept);
    if (tks_source_get(source, kept, &error) != TKS_OK) {
        double hold_off = tks_error_retry_after(error);
        if (hold_off < 0 || hold_off > *wait)
            *wait = hold_off;
    }
    tks_error_free(error);
}

static void *work(void *unused) {
    tks_token *token = NULL;
    double wait;
    do {
        wait = BETWEEN_JOBS;
        keep_token(&token, &wait);
        if (token != NULL)
            call_api(token);
        /* A negative number means that the source is closed. */
    } while (wait >= 0 && pause_for(wait));
    tks_token_free(token);
    return unused;
}

/* Logs what happened since its last call. */
static void write_log(void) {
    static uint64_t tokens, failures;
    uint64_t tokens_now = tks_source_stat(source, TKS_STAT_TOKENS);
    uint64_t failures_now = tks_source_stat(source, TKS_STAT_FAILURES);
    tks_error *error = NULL;
    if (failures_now != failures && tks_source_last_error(source, &error) != TKS_OK)
        fprintf(stderr, "daemon: no token: %s\n", tks_error_message(error));
    else if (tokens_now != tokens)
        fprintf(stderr, "daemon: a new token, number %llu\n", (unsigned long long)tokens_now);
    tks_error_free(error);
    tokens = tokens_now;
    failures = failures_now;
}

static tks_status make_source(int count, char **options, tks_error **error) {
    tks_status status = TKS_OK;
    tks_config *config = tks_config_new();
    for (int i = 0; i + 1 < count && status == TKS_OK; i += 2)
        status = tks_config_set(config, options[i], options[i + 1], error);
    if (status == TKS_OK)
        status = tks_source_new(config, &source, error);
    tks_config_free(config);
    return status;
}

int main(int argc, char **argv) {
    const struct timespec second = {1, 0};
    pthread_condattr_t monotonic;
    pthread_t workers[WORKERS];
    int started = 0;
    tks_error *error = NULL;
    tks_token *token = NULL;

    /* Blocked before the first thread starts, so that only this thread takes the signals. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    if (make_source(argc - 1, argv + 1, &error) != TKS_OK) {
        fprintf(stderr, "daemon: %s\n", tks_error_message(error));
        tks_error_free(error);
        return EXIT_FAILURE;
    }
    /* The first fetch runs while the daemon starts. The first worker gets its result. */
    tks_source_get_within(source, 0, &token, NULL);
    tks_token_free(token);

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ending, &monotonic);
    pthread_condattr_destroy(&monotonic);
    while (started < WORKERS && pthread_create(&workers[started], NULL, work, NULL) == 0)
        started++;
    if (started == WORKERS) {
        do
            write_log();
        while (sigtimedwait(&signals, NULL, &second) == -1);
    } else {
        fputs("daemon: a thread could not be started\n", stderr);
    }

    end();
    for (int i = 0; i < started; i++)
        pthread_join(workers[i], NULL);
    tks_source_free(source);
    return started == WORKERS ? EXIT_SUCCESS : EXIT_FAILURE;
}
