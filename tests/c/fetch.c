/* Gets one token with the options given as NAME=VALUE. Prints a line for each part of the token, or of the error. The line
   `grown` has the growth of peak memory in KiB since a token from the URL in the first argument. */
#include "check.h"

/* Returns the peak memory in KiB. getrusage would start with the peak of the parent process. */
static long peak(void) {
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (kib < 0 && fgets(line, sizeof line, status) != NULL) {
        sscanf(line, "VmHWM: %ld kB", &kib);
    }
    fclose(status);
    CHECK(kib > 0);
    return kib;
}

/* Checks that the measurement detects 32 MiB. Otherwise it would prove nothing. */
static void check_peak(void) {
    const long before = peak();
    const size_t size = ((size_t)before << 10) + ((size_t)32 << 20);
    volatile char *block = malloc(size);
    size_t at;
    CHECK(block != NULL);
    for (at = 0; at < size; at += 1024) {
        block[at] = 1;
    }
    CHECK(peak() - before > 24 << 10);
    free((void *)block);
}

static void print_part(const char *name, const char *value) {
    if (value != NULL) {
        printf("%s=%s\n", name, value);
    }
}

static void print_error(tks_error *error) {
    print_part("status", tks_status_name(tks_error_status(error)));
    print_part("message", tks_error_message(error));
    print_part("oauth_error", tks_error_oauth_error(error));
    print_part("description", tks_error_oauth_description(error));
    print_part("uri", tks_error_oauth_uri(error));
    printf("http_status=%d\ntransient=%d\n", (int)tks_error_http_status(error), (int)tks_error_is_transient(error));
    tks_error_free(error);
}

int main(int count, char **arguments) {
    tks_error *error = NULL;
    tks_source *source = NULL;
    tks_token *token = NULL;
    tks_config *config = tks_config_new();
    long before;
    int at;

    CHECK(count > 1);
    source = source_for(arguments[1]);
    CHECK_OK(tks_source_get(source, &token, &error), error);
    tks_token_free(token);
    tks_source_free(source);
    before = peak();

    for (at = 2; at < count; at++) {
        char *value = strchr(arguments[at], '=');
        CHECK(value != NULL);
        *value = '\0';
        CHECK_OK(tks_config_set(config, arguments[at], value + 1, &error), error);
    }
    if (tks_source_new(config, &source, &error) != TKS_OK || tks_source_get(source, &token, &error) != TKS_OK) {
        print_error(error);
    } else {
        print_part("token", tks_token_access_token(token));
        print_part("token_type", tks_token_type(token));
        print_part("scope", tks_token_scope(token));
        print_part("response", tks_token_response(token));
        printf("expires_in=%f\n", tks_token_expires_in(token));
    }
    printf("grown=%ld\n", peak() - before);
    check_peak();
    tks_token_free(token);
    tks_source_free(source);
    tks_config_free(config);
    return 0;
}
