/* After all handles are freed, no writable memory contains a secret. This includes the old place of a buffer that grew, the
 * copies of TLS and HTTP, and the stack of a thread that ended. argv: a server with TLS, the file of its authority, a fault
 * or `-`, parts of keys and of assertions in hexadecimal with commas between, and the files of the keys. The fault switches
 * wiping off, to prove that the search finds secrets. */
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

/* What is searched for. Each byte is inverted, so that the search does not find these copies. */
enum { LONGEST = 256, PARTS = 512 };
struct needle {
    size_t length;
    unsigned char inverted[LONGEST];
};
static struct needle secrets[SECRETS], token, parts[PARTS];
static size_t number_of_parts;

static void set_needle(struct needle *needle, const char *text) {
    needle->length = strlen(text);
    CHECK(needle->length > 0 && needle->length <= LONGEST);
    for (size_t i = 0; i < needle->length; i++)
        needle->inverted[i] = (unsigned char)~text[i];
}

static void set_backwards(struct needle *needle, const char *backwards) {
    set_needle(needle, backwards);
    for (size_t i = 0, j = needle->length - 1; i < j; i++, j--) {
        unsigned char byte = needle->inverted[i];
        needle->inverted[i] = needle->inverted[j];
        needle->inverted[j] = byte;
    }
}

static void read_parts(const char *hexadecimal) {
    for (const char *at = hexadecimal; *at != '\0'; at += *at == ',') {
        struct needle *part = &parts[number_of_parts++];
        CHECK(number_of_parts <= PARTS);
        for (unsigned int byte; sscanf(at, "%2x", &byte) == 1 && *at != ','; at += 2) {
            CHECK(part->length < LONGEST);
            part->inverted[part->length++] = (unsigned char)~byte;
        }
    }
}

static int matches(const unsigned char *bytes, const struct needle *needle, int reversed) {
    for (size_t i = 0; i < needle->length; i++)
        if ((bytes[i] ^ needle->inverted[reversed ? needle->length - 1 - i : i]) != 0xff)
            return 0;
    return 1;
}

/* Returns whether a writable page contains one of the needles, or one with its last byte first: a processor of today keeps a
 * large number so. */
static int is_in_memory(const struct needle *needles, size_t count) {
    static unsigned char page[4096 + LONGEST];
    /* The needles that begin with a byte, as a list with 0 at its end. A needle that is reversed has the number of itself
     * and of all. */
    static size_t first[256], next[2 * PARTS + 1];
    char line[512];
    int memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/maps", "r");
    int found = 0;

    CHECK(memory >= 0 && maps != NULL && count <= PARTS);
    memset(first, 0, sizeof first);
    for (size_t i = 0; i < 2 * count; i++) {
        const struct needle *needle = &needles[i % count];
        unsigned char begin = (unsigned char)~needle->inverted[i < count ? 0 : needle->length - 1];
        next[i + 1] = first[begin];
        first[begin] = i + 1;
    }
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        char mode[5];
        CHECK(sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3);
        if (mode[0] != 'r' || mode[1] != 'w')
            continue;
        /* The pages that are read overlap, so that a needle across a border is found. */
        for (unsigned long at = start; at < end; at += 4096) {
            ssize_t length = pread(memory, page, sizeof page, (off_t)at);
            for (ssize_t place = 0; place < length; place++)
                for (size_t i = first[page[place]]; i != 0; i = next[i]) {
                    const struct needle *needle = &needles[(i - 1) % count];
                    found |= place + (ssize_t)needle->length <= length && matches(page + place, needle, i > count);
                }
        }
    }
    fclose(maps);
    close(memory);
    return found;
}

/* Gets a token with this configuration, which it frees with all other handles. */
static void get_token(tks_config *config, char **argv, const char *trial) {
    tks_error *error = NULL;
    tks_token *got = NULL;
    tks_source *source = NULL;
    CHECK_OK(tks_config_set(config, "ca_file", argv[2], &error), error);
    if (trial != NULL)
        CHECK_OK(tks_config_set(config, trial, "", &error), error);
    CHECK_OK(tks_source_new(config, &source, &error), error);
    tks_config_free(config);
    CHECK_OK(tks_source_get(source, &got, &error), error);
    set_needle(&token, tks_token_access_token(got));
    tks_token_free(got);
    tks_source_free(source);
}

/* The threads of the library have ended, and so have their stacks. */
static void wait_for_threads(void) {
    while (threads() > 1) {
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
}

static void get_tokens_by_secret(char **argv, const char *trial) {
    for (size_t way = 0; way < sizeof WAYS / sizeof *WAYS; way++) {
        tks_error *error = NULL;
        tks_config *config = config_for(argv[1]);
        CHECK_OK(tks_config_set(config, "client_secret", SECRET_OF_ALL_KINDS, &error), error);
        for (int i = 0; i < 2; i++)
            CHECK_OK(tks_config_set(config, WAYS[way][i][0], WAYS[way][i][1], &error), error);
        get_token(config, argv, trial);
    }
    wait_for_threads();
}

static void get_tokens_by_key(int argc, char **argv, const char *trial) {
    for (int key = 5; key < argc; key++) {
        tks_error *error = NULL;
        tks_config *config = config_for(argv[1]);
        CHECK_OK(tks_config_set(config, "client_secret", NULL, &error), error);
        CHECK_OK(tks_config_set(config, "signing_key_file", argv[key], &error), error);
        get_token(config, argv, trial);
    }
    wait_for_threads();
}

int main(int argc, char **argv) {
    const char *trial = argc > 3 && strcmp(argv[3], "-") != 0 ? argv[3] : NULL;
    int found_secrets = 0, found_token = 0, found_parts = 0;

    CHECK(argc > 5);
    for (int i = 0; i < SECRETS; i++)
        set_backwards(&secrets[i], SECRETS_BACKWARDS[i]);
    read_parts(argv[4]);
    /* Freed memory is used again, so this may take more than one trial. */
    for (int trials = 0; trials < (trial == NULL ? 1 : 50) && !(found_secrets && found_token && found_parts); trials++) {
        /* The fetches with a key would use the memory that the others have freed. */
        get_tokens_by_secret(argv, trial);
        found_secrets |= is_in_memory(secrets, SECRETS);
        get_tokens_by_key(argc, argv, trial);
        found_parts |= is_in_memory(parts, number_of_parts);
        found_token |= is_in_memory(&token, 1);
    }
    CHECK(found_secrets == (trial != NULL));
    CHECK(found_token == (trial != NULL));
    CHECK(found_parts == (trial != NULL));
    return 0;
}
