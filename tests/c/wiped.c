/* When all handles are freed no secret is left in memory that could be written to: not where a buffer grew, not where TLS
 * or HTTP kept a copy, not on the stack of a thread that ended. argv: a server that speaks TLS, the roots to trust. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <time.h>

/* Backwards, so that the needles are not found themselves. */
static const char SECRET_BACKWARDS[] = "elpats-yrettab-esroh-tcerroc";
/* Base64 of someone:correct-horse-battery-staple. */
static const char BASIC_BACKWARDS[] = "lxGchR3ctknclRHdhJWLlNncvhWL0NWZyJ3bjpTZu9WZt92c";

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

/* Looks through every writable page, and names the mapping that holds the needle. */
static void search(const char *what, const char *needle_backwards) {
    static char page[4096 + 256];
    char line[512];
    int memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/maps", "r");

    CHECK(memory >= 0 && maps != NULL && strlen(needle_backwards) < 256);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        char mode[5];
        CHECK(sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3);
        if (mode[0] != 'r' || mode[1] != 'w')
            continue;
        /* Pages overlap, for what lies across their border. */
        for (unsigned long at = start; at < end; at += 4096) {
            ssize_t length = pread(memory, page, sizeof page, (off_t)at);
            if (length > 0 && holds(page, (size_t)length, needle_backwards)) {
                fprintf(stderr, "%s is still at %lx in %s", what, at, line);
                _exit(1);
            }
        }
    }
    fclose(maps);
    close(memory);
}

int main(int argc, char **argv) {
    tks_error *error = NULL;
    tks_token *token = NULL;
    char token_backwards[256];

    CHECK(argc == 3);
    tks_config *config = config_for(argv[1]);
    tks_source *source = NULL;
    CHECK_OK(tks_config_set(config, "ca_file", argv[2], &error), error);
    CHECK_OK(tks_source_new(config, &source, &error), error);
    tks_config_free(config);
    CHECK_OK(tks_source_get(source, &token, &error), error);
    CHECK(strlen(tks_token_access_token(token)) < sizeof token_backwards);
    backwards(token_backwards, tks_token_access_token(token));
    tks_token_free(token);
    tks_source_free(source);
    while (threads() > 1) {
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }

    search("the client secret", SECRET_BACKWARDS);
    search("the Basic value", BASIC_BACKWARDS);
    search("the token", token_backwards);
    return 0;
}
