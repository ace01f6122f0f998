/* Shared by the programs in this folder: a clock, the memory of the process, a source. */
#ifndef COMMON_H
#define COMMON_H

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENT_ID "benchmark"
#define CLIENT_SECRET "correct-horse-battery-staple"

static inline double seconds_on(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Returns a line of /proc/self/status, in bytes: "VmRSS:" is resident memory, "VmHWM:" its maximum so far. */
static inline double memory(const char *name) {
    char line[256];
    double kilobytes = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0)
            kilobytes = strtod(line + strlen(name), NULL);
    if (status)
        fclose(status);
    return kilobytes * 1024;
}

_Noreturn static inline void give_up(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why ? why : "failed");
    exit(1);
}

#ifdef TOKENSOURCE_H
/* `ca_file` may be NULL: then `url` is http. */
static inline tks_config *config_for(const char *url, const char *ca_file) {
    tks_error *error = NULL;
    tks_config *config = tks_config_new();
    if (tks_config_set(config, "token_url", url, &error) || tks_config_set(config, "client_id", CLIENT_ID, &error)
        || tks_config_set(config, "client_secret", CLIENT_SECRET, &error)
        || tks_config_set(config, "ca_file", ca_file, &error))
        give_up("config", tks_error_message(error));
    return config;
}

static inline tks_source *source_for(const tks_config *config) {
    tks_error *error = NULL;
    tks_source *source = NULL;
    if (tks_source_new(config, &source, &error))
        give_up("source", tks_error_message(error));
    return source;
}

static inline tks_token *token_from(const tks_source *source) {
    tks_error *error = NULL;
    tks_token *token = NULL;
    if (tks_source_get(source, &token, &error))
        give_up("token", tks_error_message(error));
    return token;
}
#endif

#endif
