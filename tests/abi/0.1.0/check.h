/* What the programs here share. Each ends with 0 and prints nothing, or names the first check that failed. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tokensource.h>
#include <unistd.h>

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
            _exit(1);                                                           \
        }                                                                       \
    } while (0)

/* A call that should have been good; when it was not, its error is worth reading. */
#define CHECK_OK(call, error)                                                   \
    do {                                                                        \
        tks_status status_ = (call);                                            \
        if (status_ != TKS_OK) {                                                \
            const char *message_ = tks_error_message(error);                    \
            fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call,   \
                    tks_status_name(status_), message_ ? message_ : "");        \
            _exit(1);                                                           \
        }                                                                       \
    } while (0)

#define SECRET "correct-horse-battery-staple"

/* How many threads this process has. */
static inline int threads(void) {
    char line[256];
    int count = 0;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (count == 0 && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "Threads: %d", &count);
    fclose(status);
    return count;
}

static inline tks_config *config_for(const char *url) {
    tks_error *error = NULL;
    tks_config *config = tks_config_new();
    CHECK(config != NULL);
    CHECK_OK(tks_config_set(config, "token_url", url, &error), error);
    CHECK_OK(tks_config_set(config, "client_id", "someone", &error), error);
    CHECK_OK(tks_config_set(config, "client_secret", SECRET, &error), error);
    return config;
}

static inline tks_source *source_for(const char *url) {
    tks_error *error = NULL;
    tks_source *source = NULL;
    tks_config *config = config_for(url);
    CHECK_OK(tks_source_new(config, &source, &error), error);
    CHECK(source != NULL && error == NULL);
    tks_config_free(config);
    return source;
}

#endif
