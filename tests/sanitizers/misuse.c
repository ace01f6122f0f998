/* Breaks a rule of the header, which a sanitizer must see. argv: which, a server that grants. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>

/* Handles that are never freed: more than one, for a copy of the last pointer may lie on the stack still, and is as good as a use. */
static void leak(const char *url) {
    for (int i = 0; i < 4; i++) {
        tks_error *error = NULL;
        tks_token *token = NULL;
        tks_source *source = source_for(url);
        CHECK_OK(tks_source_get(source, &token, &error), error);
        tks_source_free(source);
    }
}

/* A handle is used that was freed. */
static void stale(const char *url) {
    tks_config *config = config_for(url);
    tks_config_free(config);
    tks_config_set(config, "scope", "read", NULL);
}

static void *set(void *config) {
    tks_config_set(config, "scope", "read", NULL);
    return NULL;
}

/* A config is used by two at a time. */
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
