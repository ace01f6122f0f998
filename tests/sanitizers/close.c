/* Closes a source while other threads wait for its token, or are about to. Replaces `unload` under ThreadSanitizer: that
 * program counts threads, and the sanitizer has one of its own. argv: the URL of a slow server. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <time.h>

enum { WAITERS = 4, ROUNDS = 20 };

static void *wait_for_token(void *source) {
    tks_token *token = NULL;
    CHECK(tks_source_get(source, &token, NULL) == TKS_CLOSED);
    CHECK(token == NULL);
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    for (int round = 0; round < ROUNDS; round++) {
        tks_source *source = source_for(argv[1]);
        pthread_t waiters[WAITERS];
        struct timespec pause = {0, round * 1000000L};
        for (int i = 0; i < WAITERS; i++)
            CHECK(pthread_create(&waiters[i], NULL, wait_for_token, source) == 0);
        /* Each round closes at a different moment. */
        nanosleep(&pause, NULL);
        tks_source_close(source);
        for (int i = 0; i < WAITERS; i++)
            CHECK(pthread_join(waiters[i], NULL) == 0);
        tks_source_free(source);
    }
    return 0;
}
