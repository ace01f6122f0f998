/* Breaks a rule of the header, which the sanitizer must find. argv: the rule, the URL of a server that grants. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>

/* Handles that are never freed. More than one: a copy of the last pointer may still be on the stack, and count as a use. */
static void leak(const char *url) {
    for (int i = 0; i < 4; i++) {
        tks_error *error = NULL;
        tks_token *token = NULL;
        tks_source *source = source_for(url);
        CHECK_OK(tks_source_get(source, &token, &error), error);
        tks_source_free(source);
    }
}

/* A handle that is used after it was freed. */
static void stale(const char *url) {
    tks_config *config = config_for(url);
    tks_config_free(config);
    tks_config_set(config, "scope", "read", NULL);
}

static void *set(void *config) {
    tks_config_set(config, "scope", "read", NULL);
    return NULL;
}

/* A config that two threads use at the same time. */
static void race(const char *url) {
    pthread_t others[2];
    tks_config *config = config_for(url);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&others[i], NULL, set, config) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(others[i], NULL) == 0);
    tks_config_free(config);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    if (strcmp(argv[1], "leak") == 0)
        leak(argv[2]);
    else if (strcmp(argv[1], "stale") == 0)
        stale(argv[2]);
    else if (strcmp(argv[1], "race") == 0)
        race(argv[2]);
    else
        return 2;
    return 0;
}
