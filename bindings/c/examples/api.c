/*
 * Calls an API with libcurl and prints its response. If the API rejects the token with a 401, this program reports the
 * token, gets another one and repeats the call once.
 *
 * libcurl gets the token and not the header. It then makes the header itself, and sends it to no other origin than that
 * of the URL. It follows no redirect by default.
 *
 * usage: api TOKEN-URL API-URL, with the client's id and secret in CLIENT_ID and CLIENT_SECRET
 *
 *     cc api.c -ltokensource -lcurl
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <tokensource.h>

static tks_source *make_source(const char *token_url, tks_error **error) {
    tks_source *source = NULL;
    tks_config *config = tks_config_new();
    if (tks_config_set(config, "token_url", token_url, error) == TKS_OK
        && tks_config_set(config, "client_id", getenv("CLIENT_ID"), error) == TKS_OK
        && tks_config_set(config, "client_secret", getenv("CLIENT_SECRET"), error) == TKS_OK)
        tks_source_new(config, &source, error);
    tks_config_free(config);
    return source;
}

/* Returns the HTTP status, or 0 if there was no response. */
static long call_with(CURL *curl, const tks_token *token) {
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, tks_token_access_token(token));
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK || code == CURLE_HTTP_RETURNED_ERROR)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    else
        fprintf(stderr, "the API: %s\n", curl_easy_strerror(code));
    return status;
}

/* Calls the API with the current token, and after a 401 with the next one. A second 401 has another reason, such as a
   missing permission, and another token does not help. */
static long call(CURL *curl, const tks_source *source, tks_error **error) {
    long status = 401;
    for (int calls = 0; calls < 2 && status == 401; calls++) {
        tks_token *token = NULL;
        if (tks_source_get(source, &token, error) != TKS_OK)
            return 0;
        status = call_with(curl, token);
        if (status == 401 && calls == 0)
            tks_source_invalidate(source, token);
        tks_token_free(token);
    }
    return status;
}

int main(int argc, char **argv) {
    tks_error *error = NULL;
    tks_source *source = NULL;
    CURL *curl = NULL;
    long status = 0;

    if (argc != 3) {
        fputs("usage: api TOKEN-URL API-URL\n", stderr);
        return EXIT_FAILURE;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && (curl = curl_easy_init()) != NULL
        && (source = make_source(argv[1], &error)) != NULL) {
        curl_easy_setopt(curl, CURLOPT_URL, argv[2]);
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L); /* do not print an error page */
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        status = call(curl, source, &error);
    }
    if (error != NULL)
        fprintf(stderr, "%s\n", tks_error_message(error));
    else if (status != 0 && status / 100 != 2)
        fprintf(stderr, "the API responded with status %ld\n", status);

    tks_source_free(source);
    tks_error_free(error);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return status / 100 == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
