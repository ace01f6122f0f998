/* The life cycle of a token, as the header describes it. argv: a server that grants, one that rejects the client. */
#include "check.h"

#include <time.h>

static void incomplete_config(void) {
    tks_config *config = tks_config_new();
    tks_source *source = NULL;
    tks_error *error = NULL;

    CHECK(tks_source_new(config, &source, &error) == TKS_INVALID_CONFIG);
    CHECK(source == NULL);
    CHECK(tks_error_status(error) == TKS_INVALID_CONFIG);
    CHECK(tks_error_retry_after(error) < 0);
    tks_error_free(error);
    tks_config_free(config);
}

static void granted(const char *url) {
    tks_source *source = source_for(url);
    tks_error *error = NULL;
    tks_token *first = NULL, *same = NULL, *next = NULL;

    CHECK(tks_source_generation(source) == 0);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 0);
    CHECK(tks_source_last_error(source, &error) == TKS_OK && error == NULL);

    CHECK_OK(tks_source_get(source, &first, &error), error);
    CHECK(strncmp(tks_token_authorization(first), "Bearer ", 7) == 0);
    CHECK(strcmp(tks_token_authorization(first) + 7, tks_token_access_token(first)) == 0);
    CHECK(strlen(tks_token_access_token(first)) > 0);
    CHECK(strcmp(tks_token_type(first), "Bearer") == 0);
    CHECK(tks_token_response(first)[0] == '{');
    CHECK(strstr(tks_token_response(first), tks_token_access_token(first)) == NULL);
    CHECK(tks_token_expires_in(first) > 3500 && tks_token_expires_in(first) <= 3600);
    double skew = difftime((time_t)tks_token_expires_at(first), time(NULL)) - tks_token_expires_in(first);
    CHECK(skew > -5 && skew < 5);
    CHECK(tks_token_generation(first) != 0);
    CHECK(tks_source_generation(source) == tks_token_generation(first));

    /* The token is cached: no second request, and the same handle. */
    CHECK_OK(tks_source_get(source, &same, &error), error);
    CHECK(same == first);
    tks_token_free(same);
    CHECK_OK(tks_source_get_within(source, 0, &same, &error), error);
    CHECK(same == first);
    tks_token_free(same);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 0);

    /* The API rejected the token: the next token is another, and a second report of the first one changes nothing. */
    tks_source_invalidate(source, first);
    CHECK(tks_source_generation(source) == 0);
    CHECK_OK(tks_source_get(source, &next, &error), error);
    CHECK(next != first);
    CHECK(tks_token_generation(next) != tks_token_generation(first));
    tks_source_invalidate(source, first);
    CHECK(tks_source_generation(source) == tks_token_generation(next));
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 2);
    tks_token_free(first);

    tks_source_close(source);
    CHECK(tks_source_generation(source) == 0);
    CHECK(tks_source_get(source, &same, &error) == TKS_CLOSED);
    CHECK(same == NULL && tks_error_status(error) == TKS_CLOSED);
    CHECK(tks_error_retry_after(error) < 0);
    tks_error_free(error);
    CHECK(tks_source_get_within(source, 0, &same, &error) == TKS_CLOSED);
    CHECK(same == NULL && tks_error_status(error) == TKS_CLOSED);
    tks_error_free(error);
    tks_source_free(source);
    CHECK(strlen(tks_token_access_token(next)) > 0);
    tks_token_free(next);
}

static void rejected(const char *url) {
    tks_source *source = source_for(url);
    tks_error *error = NULL, *again = NULL;
    tks_token *token = NULL;

    CHECK(tks_source_get(source, &token, &error) == TKS_OAUTH);
    CHECK(token == NULL);
    CHECK(tks_error_status(error) == TKS_OAUTH);
    CHECK(strcmp(tks_error_oauth_error(error), "invalid_client") == 0);
    CHECK(tks_error_http_status(error) == 401);
    CHECK(tks_error_is_transient(error) == 0);
    CHECK(tks_error_retry_after(error) > 0);
    CHECK(strstr(tks_error_message(error), SECRET) == NULL);

    /* In the hold-off: the same error at once, without another request. */
    CHECK(tks_source_get(source, &token, &again) == TKS_OAUTH);
    CHECK(again != error);
    CHECK(tks_error_retry_after(again) <= tks_error_retry_after(error));
    tks_error_free(again);
    CHECK(tks_source_generation(source) == 0);
    CHECK(tks_source_last_error(source, NULL) == TKS_OAUTH);
    CHECK(tks_source_last_error(source, &again) == TKS_OAUTH);
    CHECK(strcmp(tks_error_message(again), tks_error_message(error)) == 0);
    CHECK(tks_source_stat(source, TKS_STAT_REQUESTS) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_FAILURES) == 1);
    CHECK(tks_source_stat(source, TKS_STAT_TOKENS) == 0);

    /* An error outlives its source. */
    tks_source_free(source);
    CHECK(strcmp(tks_error_oauth_error(again), "invalid_client") == 0);
    tks_error_free(again);
    tks_error_free(error);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    incomplete_config();
    granted(argv[1]);
    rejected(argv[2]);
    return 0;
}
