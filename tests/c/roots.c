/* Forks while other threads load the system's certificates for the first time. The children load their own.
 * argv: a server with TLS, the file of its authority. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

enum { BUSY = 4, FORKS = 10 };

static const char *url, *authority;
static pthread_barrier_t start;

/* No CA of the system's list signed the server's certificate, so the handshake fails. */
static void trust_the_system(void) {
    tks_error *error = NULL;
    tks_token *token = NULL;
    tks_source *source = source_for(url);
    CHECK(tks_source_get(source, &token, &error) == TKS_TLS);
    tks_error_free(error);
    tks_source_free(source);
}

static void trust_the_authority(void) {
    tks_error *error = NULL;
    tks_token *token = NULL;
    tks_source *source = NULL;
    tks_config *config = config_for(url);
    CHECK_OK(tks_config_set(config, "ca_file", authority, &error), error);
    CHECK_OK(tks_source_new(config, &source, &error), error);
    CHECK_OK(tks_source_get(source, &token, &error), error);
    tks_token_free(token);
    tks_source_free(source);
    tks_config_free(config);
}

static void *keep_busy(void *unused) {
    pthread_barrier_wait(&start);
    trust_the_system();
    trust_the_authority();
    return unused;
}

int main(int argc, char **argv) {
    pthread_t busy[BUSY];
    pid_t children[FORKS];

    CHECK(argc == 3);
    url = argv[1];
    authority = argv[2];
    CHECK(pthread_barrier_init(&start, NULL, BUSY + 1) == 0);
    for (int i = 0; i < BUSY; i++)
        CHECK(pthread_create(&busy[i], NULL, keep_busy, NULL) == 0);
    pthread_barrier_wait(&start);
    for (int i = 0; i < FORKS; i++) {
        struct timespec pause = {0, 1000000};
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0) {
            /* This test is about hangs. */
            alarm(60);
            trust_the_system();
            trust_the_authority();
            _exit(0);
        }
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < FORKS; i++) {
        int status = 0;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (int i = 0; i < BUSY; i++)
        CHECK(pthread_join(busy[i], NULL) == 0);
    return 0;
}
