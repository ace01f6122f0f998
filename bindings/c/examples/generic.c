/* Gets an access token with the options that most servers need, and prints the value of the Authorization header. */
#include <stdio.h>
#include <stdlib.h>
#include <tokensource.h>

int main(void) {
    tks_error *error = NULL;
    tks_source *source = NULL;
    tks_token *token = NULL;
    tks_config *config = tks_config_new();
    int failed = tks_config_set(config, "token_url", getenv("TOKEN_URL"), &error)
        || tks_config_set(config, "client_id", getenv("CLIENT_ID"), &error)
        || tks_config_set(config, "client_secret", getenv("CLIENT_SECRET"), &error)
        || tks_config_set(config, "scope", "read", &error)
        || tks_config_set(config, "audience", "https://api.example.com", &error)
        || tks_source_new(config, &source, &error)
        || tks_source_get(source, &token, &error);
    fprintf(failed ? stderr : stdout, "%s\n", failed ? tks_error_message(error) : tks_token_authorization(token));
    tks_token_free(token);
    tks_source_free(source);
    tks_config_free(config);
    tks_error_free(error);
    return failed;
}
