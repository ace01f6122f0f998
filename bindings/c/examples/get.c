/* Prints the Authorization header for Podero's API. PODERO_TOKEN_URL may name another token endpoint, for a test. */
#include <stdio.h>
#include <stdlib.h>
#include <tokensource.h>

int main(void) {
    tks_error *error = NULL;
    tks_source *source = NULL;
    tks_token *token = NULL;

    tks_config *config = tks_config_new();
    int failed = tks_config_set(config, "provider", "podero", &error)
        || tks_config_set(config, "client_id", getenv("PODERO_CLIENT_ID"), &error)
        || tks_config_set(config, "client_secret", getenv("PODERO_CLIENT_SECRET"), &error)
        || tks_config_set(config, "token_url", getenv("PODERO_TOKEN_URL"), &error) /* NULL: the provider's */
        || tks_source_new(config, &source, &error)
        || tks_source_get(source, &token, &error);
    if (failed)
        fprintf(stderr, "%s\n", tks_error_message(error));
    else
        printf("Authorization: %s\n", tks_token_authorization(token));

    tks_token_free(token);
    tks_source_free(source);
    tks_config_free(config);
    tks_error_free(error);
    return failed;
}
