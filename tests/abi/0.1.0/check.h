/* The checks that the programs here share. A program that passes ends with 0 and prints nothing. Otherwise it names the
 * first check that failed. */
#ifndef CHECK_H
#define CHECK_H

#include <fcntl.h>
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

/* Checks a call that must succeed. Prints its error if it fails. */
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

/* Adds the texts of an error to the leak log and frees it. The leak log is searched for secrets at the end of the tests. The
 * file is c in the directory TOKENSOURCE_LEAK_LOG. One write, because other threads and children write to it too. */
static inline void log_and_free(tks_error *error) {
    const char *folder = getenv("TOKENSOURCE_LEAK_LOG");
    const char *texts[] = {tks_error_message(error), tks_error_oauth_error(error), tks_error_oauth_description(error),
                           tks_error_oauth_uri(error)};
    char path[4096], all[16384];
    size_t at, length = 0;
    int file;
    if (folder != NULL && error != NULL) {
        for (at = 0; at < sizeof texts / sizeof *texts; at++) {
            length += (size_t)snprintf(all + length, sizeof all - length, "%s\n", texts[at] != NULL ? texts[at] : "");
            CHECK(length < sizeof all);
        }
        CHECK((size_t)snprintf(path, sizeof path, "%s/c", folder) < sizeof path);
        file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
        /* One program has opened all the files that it may open. */
        if (file >= 0) {
            CHECK(write(file, all, length + 1) == (ssize_t)length + 1);
            close(file);
        }
    }
    tks_error_free(error);
}
#define tks_error_free log_and_free

#define SECRET "correct-horse-battery-staple"

/* Returns the number of threads of this process. */
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
