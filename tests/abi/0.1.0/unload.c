/* The program ends, closes a source or unloads the library while a fetch runs. close wakes the callers that wait. dlclose
 * and exit do no harm and do not wait. Linked without the library. argv: a server that takes 30 s, one that takes less than
 * 1 s, how many ms a wake may take. */
#define _POSIX_C_SOURCE 200809L
#include <tokensource.h>

/* The functions of the library, found by dlsym. ISO C does not convert a void * to a function pointer, so the bytes are
 * copied. */
#define FUNCTIONS(X)                                                                                        \
    X(tks_config *, tks_config_new, (void))                                                                 \
    X(tks_status, tks_config_set, (tks_config *, const char *, const char *, tks_error **))                 \
    X(void, tks_config_free, (tks_config *))                                                                \
    X(tks_status, tks_source_new, (const tks_config *, tks_source **, tks_error **))                        \
    X(tks_status, tks_source_get, (const tks_source *, tks_token **, tks_error **))                         \
    X(tks_status, tks_source_get_within, (const tks_source *, double, tks_token **, tks_error **))          \
    X(void, tks_source_close, (const tks_source *))                                                         \
    X(void, tks_source_free, (tks_source *))                                                                \
    X(const char *, tks_error_message, (const tks_error *))                                                 \
    X(const char *, tks_status_name, (tks_status))
#define DECLARE(type, name, arguments) static type(*loaded_##name) arguments;
FUNCTIONS(DECLARE)
#define tks_config_new loaded_tks_config_new
#define tks_config_set loaded_tks_config_set
#define tks_config_free loaded_tks_config_free
#define tks_source_new loaded_tks_source_new
#define tks_error_message loaded_tks_error_message
#define tks_status_name loaded_tks_status_name
#include "check.h"

#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

enum { WAITERS = 4 };

static void *load(void) {
    void *library = dlopen("libtokensource.so.1", RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
#define FIND(type, name, arguments)                     \
    *(void **)&loaded_##name = dlsym(library, #name);   \
    CHECK(loaded_##name != NULL);
    FUNCTIONS(FIND)
    return library;
}

static void pause_10_ms(void) {
    struct timespec pause = {0, 10000000};
    nanosleep(&pause, NULL);
}

static void *wait_for_token(void *source) {
    tks_token *token = NULL;
    CHECK(loaded_tks_source_get(source, &token, NULL) == TKS_CLOSED);
    CHECK(token == NULL);
    return NULL;
}

static void close_wakes(const char *slow, double allowed) {
    tks_source *source = source_for(slow);
    pthread_t waiters[WAITERS];
    struct timespec began, ended;

    for (int i = 0; i < WAITERS; i++)
        CHECK(pthread_create(&waiters[i], NULL, wait_for_token, source) == 0);
    /* The waiters, the fetch and this thread. 200 ms more, so that all of them wait. */
    while (threads() < WAITERS + 2)
        pause_10_ms();
    for (int i = 0; i < 20; i++)
        pause_10_ms();
    clock_gettime(CLOCK_MONOTONIC, &began);
    loaded_tks_source_close(source);
    for (int i = 0; i < WAITERS; i++)
        CHECK(pthread_join(waiters[i], NULL) == 0);
    loaded_tks_source_free(source);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    CHECK((ended.tv_sec - began.tv_sec) * 1e3 + (ended.tv_nsec - began.tv_nsec) / 1e6 < allowed);
}

static void start_fetch(const char *url) {
    tks_source *source = source_for(url);
    tks_token *token = NULL;
    int before = threads();
    CHECK(loaded_tks_source_get_within(source, 0, &token, NULL) == TKS_PENDING);
    CHECK(threads() > before);
    loaded_tks_source_free(source);
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    void *library = load();

    /* The thread of this fetch returns to its code after dlclose. */
    start_fetch(argv[2]);
    CHECK(dlclose(library) == 0);
    while (threads() > 1)
        pause_10_ms();

    library = load();
    close_wakes(argv[1], atof(argv[3]));
    CHECK(dlclose(library) == 0);

    /* This fetch still runs when the process ends. */
    load();
    start_fetch(argv[1]);
    return 0;
}
