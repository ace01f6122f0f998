/* A bug in the library becomes a status and not a crash, and prints nothing. Built against the library of the tests: its
 * option panic_next makes the next call panic, and the user agent "panic!" makes each fetch panic. */
#include "check.h"

static tks_config *config;

static void arm(void) {
    CHECK(tks_config_set(config, "panic_next", "true", NULL) == TKS_OK);
}

static void check_contained(tks_status status, tks_error **error_out) {
    tks_error *error = *error_out;
    CHECK(status == TKS_INTERNAL);
    CHECK(tks_error_status(error) == TKS_INTERNAL);
    CHECK(strstr(tks_error_message(error), ".rs:") != NULL);
    CHECK(strstr(tks_error_message(error), "as the test asked") == NULL);
    tks_error_free(error);
}

int main(int argc, char **argv) {
    tks_error *error = NULL;
    tks_source *source = NULL, *none = NULL;
    tks_token *token = NULL, *good = NULL;

    CHECK(argc == 2);
    config = config_for(argv[1]);
    CHECK_OK(tks_source_new(config, &source, &error), error);
    CHECK_OK(tks_source_get(source, &good, &error), error);

    arm();
    CHECK(tks_config_new() == NULL);
    arm();
    check_contained(tks_config_set(config, "scope", "read", &error), &error);
    arm();
    CHECK(tks_config_set(config, "scope", "read", NULL) == TKS_INTERNAL);
    arm();
    check_contained(tks_source_new(config, &none, &error), &error);
    arm();
    check_contained(tks_source_get(source, &token, &error), &error);
    arm();
    check_contained(tks_source_get_within(source, 1, &token, &error), &error);
    arm();
    check_contained(tks_source_last_error(source, &error), &error);
    arm();
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 0);
    arm();
    CHECK(tks_token_generation(good) == 0);
    arm();
    CHECK(tks_token_expires_at(good) == 0);
    arm();
    CHECK(tks_token_expires_in(good) == 0);
    arm();
    CHECK(tks_option_name(0) == NULL);
    arm();
    CHECK(tks_option_help(0) == NULL);
    arm();
    tks_source_invalidate(source, good);
    arm();
    tks_source_close(source);

    /* Nothing has changed, because the calls that panicked did nothing. */
    CHECK(tks_source_generation(source) == tks_token_generation(good));
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 1);
    tks_token_free(good);
    tks_source_free(source);

    /* A panic on a thread of the library. */
    CHECK_OK(tks_config_set(config, "user_agent", "panic!", &error), error);
    CHECK_OK(tks_source_new(config, &source, &error), error);
    CHECK(tks_source_get(source, &token, &error) == TKS_INTERNAL);
    CHECK(token == NULL);
    CHECK(tks_error_retry_after(error) > 0);
    tks_error_free(error);
    tks_source_free(source);
    tks_config_free(config);
    return 0;
}
