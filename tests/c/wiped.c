/* After all handles are freed, no writable memory contains a secret. This includes the old place of a buffer that grew, the
 * copies of TLS and HTTP, and the stack of a thread that ended. argv: a server with TLS, the file of its authority. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <time.h>

/* A secret that needs percent-encoding in a form and a backslash in JSON. */
static const char SECRET_OF_ALL_KINDS[] = "correct-horse/battery\"staple+50%";
/* Backwards, so that the search does not find these strings: the secret plain, percent-encoded and escaped for JSON. Then
 * the Base64 forms of the first two, for each place in a group of three bytes. */
static const char *const SECRETS_BACKWARDS[] = {
    "%05+elpats\"yrettab/esroh-tcerroc",
    "52%05B2%elpats22%yrettabF2%esroh-tcerroc",
    "%05+elpats\"\\yrettab/esroh-tcerroc",
    "CM1sSZsBXY0NnI5JXZ0RXYi9SZzJ3bo1CdjVmcy92Y",
    "lATNrUGbwFGdzJSeyVGd0FmYvU2cy9GatQ3YlJncvN",
    "JwUzKlxGchR3ciknclRHdhJ2LlNncvhWL0NWZyJ3bj",
    "NyUCM1IkMlUGbwFGdzJjMlknclRHdhJmRyUSZzJ3bo1CdjVmcy92Y",
    "jMlATNCJTJlxGchR3cyITJ5JXZ0RXYiZkMlU2cy9GatQ3YlJncvN",
    "1ITJwUjQyUSZsBXY0NnMyUSeyVGd0FmYGJTJlNncvhWL0NWZyJ3bj",
};
enum { SECRETS = sizeof SECRETS_BACKWARDS / sizeof *SECRETS_BACKWARDS };

/* The ways in which a request can carry a secret: two options for each way. */
static const char *const WAYS[][2][2] = {
    {{"basic_encoding", "rfc6749"}, {"body_format", "form"}},
    {{"basic_encoding", "raw"}, {"body_format", "json"}},
    {{"auth_method", "client_secret_post"}, {"body_format", "form"}},
    {{"auth_method", "client_secret_post"}, {"body_format", "json"}},
};

static void backwards(char *to, const char *from) {
    size_t length = strlen(from);
    for (size_t i = 0; i < length; i++)
        to[i] = from[length - 1 - i];
    to[length] = '\0';
}

static int holds(const char *bytes, size_t length, const char *needle_backwards) {
    size_t needle = strlen(needle_backwards);
    for (size_t start = 0; start + needle <= length; start++) {
        size_t same = 0;
        while (same < needle && bytes[start + same] == needle_backwards[needle - 1 - same])
            same++;
        if (same == needle)
            return 1;
    }
    return 0;
}

/* Returns whether a writable page contains the needle. */
static int is_in_memory(const char *needle_backwards) {
    static char page[4096 + 256];
    char line[512];
    int memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/maps", "r");
    int found = 0;

    CHECK(memory >= 0 && maps != NULL && strlen(needle_backwards) < 256);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        char mode[5];
        CHECK(sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3);
        if (mode[0] != 'r' || mode[1] != 'w')
            continue;
        /* The pages that are read overlap, so that a needle across a border is found. */
        for (unsigned long at = start; at < end; at += 4096) {
            ssize_t length = pread(memory, page, sizeof page, (off_t)at);
            found |= length > 0 && holds(page, (size_t)length, needle_backwards);
        }
    }
    fclose(maps);
    close(memory);
    return found;
}

/* Gets a token in each way, and frees all handles. */
static void get_tokens(char **argv, const char *trial, char *token_backwards, size_t room) {
    for (size_t way = 0; way < sizeof WAYS / sizeof *WAYS; way++) {
        tks_error *error = NULL;
        tks_token *token = NULL;
        tks_source *source = NULL;
        tks_config *config = config_for(argv[1]);
        CHECK_OK(tks_config_set(config, "client_secret", SECRET_OF_ALL_KINDS, &error), error);
        CHECK_OK(tks_config_set(config, "ca_file", argv[2], &error), error);
        for (int i = 0; i < 2; i++)
            CHECK_OK(tks_config_set(config, WAYS[way][i][0], WAYS[way][i][1], &error), error);
        if (trial != NULL)
            CHECK_OK(tks_config_set(config, trial, "", &error), error);
        CHECK_OK(tks_source_new(config, &source, &error), error);
        tks_config_free(config);
        CHECK_OK(tks_source_get(source, &token, &error), error);
        CHECK(strlen(tks_token_access_token(token)) < room);
        backwards(token_backwards, tks_token_access_token(token));
        tks_token_free(token);
        tks_source_free(source);
    }
    while (threads() > 1) {
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
}

int main(int argc, char **argv) {
    /* A fourth word names a fault that switches wiping off, to prove that the search finds secrets. Freed memory is used
     * again, so this may take more than one trial. */
    const char *trial = argc == 4 ? argv[3] : NULL;
    char token_backwards[256] = "";
    int secrets = 0, tokens = 0;

    CHECK(argc == 3 || argc == 4);
    for (int trials = 0; trials < (trial == NULL ? 1 : 50) && !(secrets && tokens); trials++) {
        get_tokens(argv, trial, token_backwards, sizeof token_backwards);
        for (int i = 0; i < SECRETS; i++)
            secrets |= is_in_memory(SECRETS_BACKWARDS[i]);
        tokens |= is_in_memory(token_backwards);
    }
    CHECK(secrets == (trial != NULL));
    CHECK(tokens == (trial != NULL));
    return 0;
}
