/* Children that are forked at the worst moments go on using the handles that they inherited. argv: a server that responds
 * late, the number of forks after its first response, a server that grants once for 4 s and then hangs. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

enum { BUSY = 4, EARLY = 20 };

static tks_source *source;
static int over;

/* Uses everything that a child may find locked: the source, the allocator, a fetch. */
static void *keep_busy(void *unused) {
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        tks_error *error = NULL;
        tks_token *token = NULL;
        CHECK_OK(tks_source_get(source, &token, &error), error);
        tks_source_generation(source);
        tks_source_last_error(source, NULL);
        tks_token_free(token);
        tks_source_free(source_for("http://127.0.0.1:9/"));
    }
    return unused;
}

/* Forks a child that gets a token. `kept` is the generation of its inherited token, or 0 if it must fetch its own. */
static pid_t fork_and_get(int frees, uint32_t kept) {
    uint64_t requests = tks_source_stat(source, TKS_STAT_REQUESTS);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        tks_error *error = NULL;
        tks_token *token = NULL;
        /* This test is about hangs. */
        alarm(60);
        CHECK(kept == 0 || tks_source_generation(source) == kept);
        CHECK_OK(tks_source_get(source, &token, &error), error);
        CHECK(kept == 0 || tks_token_generation(token) == kept);
        CHECK(kept == 0 || tks_source_stat(source, TKS_STAT_REQUESTS) == requests);
        CHECK(strncmp(tks_token_authorization(token), "Bearer ", 7) == 0);
        CHECK(tks_token_generation(token) == tks_source_generation(source));
        CHECK(tks_source_last_error(source, NULL) == TKS_OK);
        tks_token_free(token);
        if (frees)
            tks_source_free(source);
        _exit(0);
    }
    return child;
}

static void wait_for(pid_t child) {
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(!WIFSIGNALED(status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void check_current(tks_token *token) {
    tks_error *error = NULL;
    tks_token *current = NULL;
    CHECK_OK(tks_source_get(source, &current, &error), error);
    CHECK(current == token);
    CHECK(tks_source_generation(source) == tks_token_generation(token));
    tks_token_free(current);
}

/* The child inherits the ageing token, but not the running refresh: it starts its own. */
static void fork_during_a_refresh(const char *url) {
    tks_error *error = NULL;
    tks_token *token = NULL;
    struct timespec pause = {0, 10000000};
    tks_config *config = config_for(url);

    CHECK_OK(tks_config_set(config, "refresh_ahead", "4", &error), error);
    CHECK_OK(tks_source_new(config, &source, &error), error);
    tks_config_free(config);
    CHECK_OK(tks_source_get(source, &token, &error), error);
    while (tks_source_generation(source) != 0)
        nanosleep(&pause, NULL);
    check_current(token);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        CHECK(tks_source_generation(source) == 0);
        check_current(token);
        _exit(0);
    }
    wait_for(child);
    tks_token_free(token);
    tks_source_free(source);
}

int main(int argc, char **argv) {
    pthread_t busy[BUSY];
    pid_t early[EARLY];

    CHECK(argc == 4);
    fork_during_a_refresh(argv[3]);
    source = source_for(argv[1]);
    for (int i = 0; i < BUSY; i++)
        CHECK(pthread_create(&busy[i], NULL, keep_busy, NULL) == 0);

    /* The first fetch starts, connects and waits meanwhile. The children must fetch their own token. */
    for (int i = 0; i < EARLY; i++) {
        early[i] = fork_and_get(i % 2, 0);
        struct timespec pause = {0, i * 500000L};
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < EARLY; i++)
        wait_for(early[i]);

    for (int i = 0; i < atoi(argv[2]); i++)
        wait_for(fork_and_get(i % 2, tks_source_generation(source)));

    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < BUSY; i++)
        CHECK(pthread_join(busy[i], NULL) == 0);
    tks_source_free(source);
    return 0;
}
