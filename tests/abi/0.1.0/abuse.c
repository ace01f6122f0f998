/* Calls every function with wrong arguments: NULL, unknown options, odd numbers. Each call is rejected and does no harm.
 * argv: a server that responds late. */
#include "check.h"

#include <math.h>
#include <stdint.h>

/* A pointer to no handle. Every function must overwrite it in an `**out` argument, also when it fails. */
#define STALE(type) ((type *)(uintptr_t)0x5a5a5a50)

static void null_everywhere(const char *url) {
    tks_error *error = STALE(tks_error);
    tks_source *source = STALE(tks_source);
    tks_token *token = STALE(tks_token);
    tks_config *config = config_for(url);

    CHECK(tks_config_set(NULL, NULL, NULL, NULL) == TKS_INVALID_ARGUMENT);
    CHECK(tks_config_set(NULL, "scope", "read", &error) == TKS_INVALID_ARGUMENT);
    CHECK(strstr(tks_error_message(error), "config") != NULL);
    CHECK(tks_error_status(error) == TKS_INVALID_ARGUMENT);
    CHECK(tks_error_oauth_error(error) == NULL);
    CHECK(tks_error_oauth_description(error) == NULL);
    CHECK(tks_error_oauth_uri(error) == NULL);
    CHECK(tks_error_http_status(error) == 0);
    CHECK(tks_error_retry_after(error) < 0);
    CHECK(tks_error_is_transient(error) == 0);
    tks_error_free(error);
    CHECK(tks_config_set(config, NULL, "read", &error) == TKS_INVALID_ARGUMENT);
    CHECK(strstr(tks_error_message(error), "name") != NULL);
    tks_error_free(error);
    CHECK(tks_config_set(config, "scope", NULL, &error) == TKS_OK);
    CHECK(error == NULL);
    tks_config_free(NULL);

    error = STALE(tks_error);
    CHECK(tks_source_new(NULL, NULL, NULL) == TKS_INVALID_ARGUMENT);
    CHECK(tks_source_new(NULL, &source, &error) == TKS_INVALID_ARGUMENT);
    CHECK(source == NULL && error != NULL);
    tks_error_free(error);
    CHECK(tks_source_new(config, NULL, &error) == TKS_INVALID_ARGUMENT);
    CHECK(strstr(tks_error_message(error), "source_out") != NULL);
    tks_error_free(error);
    tks_config_free(config);

    error = STALE(tks_error);
    CHECK(tks_source_get(NULL, NULL, NULL) == TKS_INVALID_ARGUMENT);
    CHECK(tks_source_get(NULL, &token, &error) == TKS_INVALID_ARGUMENT);
    CHECK(token == NULL && error != NULL);
    tks_error_free(error);
    error = STALE(tks_error);
    token = STALE(tks_token);
    CHECK(tks_source_get_within(NULL, 1.0, NULL, NULL) == TKS_INVALID_ARGUMENT);
    CHECK(tks_source_get_within(NULL, 1.0, &token, &error) == TKS_INVALID_ARGUMENT);
    CHECK(token == NULL && error != NULL);
    tks_error_free(error);
    error = STALE(tks_error);
    CHECK(tks_source_last_error(NULL, NULL) == TKS_INVALID_ARGUMENT);
    CHECK(tks_source_last_error(NULL, &error) == TKS_INVALID_ARGUMENT);
    CHECK(error != NULL);
    tks_error_free(error);
    CHECK(tks_source_generation(NULL) == 0);
    CHECK(tks_source_stat(NULL, TKS_STAT_REQUESTS) == 0);
    tks_source_invalidate(NULL, NULL);
    tks_source_close(NULL);
    tks_source_free(NULL);

    CHECK(tks_token_access_token(NULL) == NULL);
    CHECK(tks_token_authorization(NULL) == NULL);
    CHECK(tks_token_type(NULL) == NULL);
    CHECK(tks_token_scope(NULL) == NULL);
    CHECK(tks_token_response(NULL) == NULL);
    CHECK(tks_token_expires_at(NULL) == 0);
    CHECK(tks_token_expires_in(NULL) == 0);
    CHECK(tks_token_generation(NULL) == 0);
    tks_token_free(NULL);

    CHECK(tks_error_status(NULL) == TKS_INVALID_ARGUMENT);
    CHECK(tks_error_message(NULL) == NULL);
    CHECK(tks_error_oauth_error(NULL) == NULL);
    CHECK(tks_error_oauth_description(NULL) == NULL);
    CHECK(tks_error_oauth_uri(NULL) == NULL);
    CHECK(tks_error_http_status(NULL) == 0);
    CHECK(tks_error_retry_after(NULL) == 0);
    CHECK(tks_error_is_transient(NULL) == 0);
    tks_error_free(NULL);
}

/* Numbers that no later version accepts either. */
static void wild_numbers(void) {
    static const tks_status unknown[] = {-1, 1000, INT32_MIN, INT32_MAX};
    size_t count = 0;

    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CHECK(strcmp(tks_status_name(unknown[i]), "TKS_UNKNOWN") == 0);

    while (tks_option_name(count) != NULL) {
        CHECK(tks_option_name(count)[0] != '\0');
        CHECK(tks_option_help(count) != NULL && tks_option_help(count)[0] != '\0');
        count++;
    }
    CHECK(count > 0);
    CHECK(tks_option_help(count) == NULL);
    CHECK(tks_option_name(SIZE_MAX) == NULL && tks_option_help(SIZE_MAX) == NULL);
}

/* Checks that an option is rejected, with a message that is short enough for a log. */
static void check_rejected(tks_config *config, const char *name, const char *value) {
    tks_error *error = NULL;
    CHECK(tks_config_set(config, name, value, &error) == TKS_INVALID_ARGUMENT);
    CHECK(error != NULL);
    CHECK(strlen(tks_error_message(error)) < 1024);
    tks_error_free(error);
    CHECK(tks_config_set(config, name, value, NULL) == TKS_INVALID_ARGUMENT);
}

static void bad_options(const char *url) {
    static const char *const durations[] = {"inf", "-inf", "NaN", "1e400", "1e3", "-0", "-1", "0", "", " ", "1,5", "0x10"};
    tks_config *config = config_for(url);
    tks_error *error = NULL;
    char *mebibyte = malloc((1 << 20) + 1);

    CHECK(mebibyte != NULL);
    memset(mebibyte, 'x', 1 << 20);
    mebibyte[1 << 20] = '\0';

    check_rejected(config, "", "read");
    check_rejected(config, "scop", "read");
    check_rejected(config, "\xff", "read");
    check_rejected(config, "scope", "\xc3\x28");
    check_rejected(config, mebibyte, "read");
    check_rejected(config, "timeout", mebibyte);
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
        check_rejected(config, "timeout", durations[i]);

    /* The option decides whether this is too long for a scope. Nothing breaks, and the message stays short. */
    tks_status status = tks_config_set(config, "scope", mebibyte, &error);
    CHECK(status == TKS_OK || status == TKS_INVALID_ARGUMENT);
    CHECK(status == TKS_OK || strlen(tks_error_message(error)) < 1024);
    tks_error_free(error);
    free(mebibyte);

    for (int i = 0; i < 1000; i++)
        CHECK_OK(tks_config_set(config, "scope", i % 2 ? "read" : NULL, &error), error);
    tks_config_free(config);
}

static void odd_seconds(const char *url) {
    static const double never[] = {NAN, -INFINITY, -1.0, -0.0, 0.0, 1e-300};
    tks_source *source = source_for(url);
    tks_error *error = STALE(tks_error);
    tks_token *token = STALE(tks_token);

    CHECK(tks_source_get_within(source, never[0], &token, &error) == TKS_PENDING);
    CHECK(token == NULL && error == NULL);
    CHECK_OK(tks_source_get_within(source, INFINITY, &token, &error), error);
    tks_token_free(token);
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        CHECK_OK(tks_source_get_within(source, never[i], &token, &error), error);
        tks_token_free(token);
    }
    CHECK_OK(tks_source_get_within(source, 1e308, &token, &error), error);

    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 1);
    static const int32_t unknown[] = {0, -1, 1000, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CHECK(tks_source_stat(source, unknown[i]) == 0);

    CHECK(tks_source_get(source, NULL, &error) == TKS_INVALID_ARGUMENT);
    tks_error_free(error);
    tks_source_invalidate(source, NULL);
    tks_source_invalidate(NULL, token);
    CHECK(tks_source_generation(source) == tks_token_generation(token));

    /* A token outlives its source, also after the source was closed. */
    tks_source_close(source);
    tks_source_close(source);
    tks_source_free(source);
    CHECK(strncmp(tks_token_authorization(token), "Bearer ", 7) == 0);
    tks_token_free(token);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    null_everywhere(argv[1]);
    wild_numbers();
    bad_options(argv[1]);
    odd_seconds(argv[1]);
    return 0;
}
