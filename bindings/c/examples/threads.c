/*
 * Eight threads call an API with one token, which the API revokes halfway.
 *
 * Each thread keeps the token and checks before each call whether it is still current. The check costs as much as reading
 * the clock, so there is no gain in checking less often.
 *
 * usage: threads NAME VALUE ... (options, such as provider podero client_id ID client_secret_file FILE)
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tokensource.h>

enum { THREADS = 8, CALLS = 1000 };

static tks_source *source;
static tks_token *first;

/* Stands for a request to the API. Returns its HTTP status. */
static int call_api(const tks_token *token, int call) {
    int revoked = call >= CALLS / 2
        && strcmp(tks_token_authorization(token), tks_token_authorization(first)) == 0;
    return revoked ? 401 : 200;
}

/* Replaces *kept if it is not the current token. Returns 0 if there is no token. */
static int keep_token(tks_token **kept) {
    uint32_t generation = tks_source_generation(source);
    if (generation != 0 && generation == tks_token_generation(*kept))
        return 1;
    tks_error *error = NULL;
    tks_token_free(*kept);
    if (tks_source_get(source, kept, &error) != TKS_OK)
        fprintf(stderr, "%s\n", tks_error_message(error));
    tks_error_free(error);
    return *kept != NULL;
}

static void *work(void *done) {
    tks_token *token = NULL;
    for (int call = 0; call < CALLS && keep_token(&token); call++) {
        int status = call_api(token, call);
        if (status == 401) {
            /* All threads report the same token, and one fetch replaces it. One more call: a 401 may have other reasons. */
            tks_source_invalidate(source, token);
            status = keep_token(&token) ? call_api(token, call) : 401;
        }
        *(int *)done += status == 200;
    }
    tks_token_free(token);
    return NULL;
}

static tks_status make_source(int count, char **options, tks_error **error) {
    tks_status status = TKS_OK;
    tks_config *config = tks_config_new();
    for (int i = 0; i + 1 < count && status == TKS_OK; i += 2)
        status = tks_config_set(config, options[i], options[i + 1], error);
    if (status == TKS_OK)
        status = tks_source_new(config, &source, error);
    tks_config_free(config);
    return status;
}

int main(int argc, char **argv) {
    tks_error *error = NULL;
    pthread_t threads[THREADS];
    int done[THREADS] = {0}, started = 0, total = 0;

    /* The first token comes before the first thread, so that a wrong setting shows at once. */
    if (make_source(argc - 1, argv + 1, &error) != TKS_OK || tks_source_get(source, &first, &error) != TKS_OK) {
        fprintf(stderr, "%s\n", tks_error_message(error));
    } else {
        while (started < THREADS && pthread_create(&threads[started], NULL, work, &done[started]) == 0)
            started++;
        for (int i = 0; i < started; i++) {
            pthread_join(threads[i], NULL);
            total += done[i];
        }
        printf("%d calls by %d threads, %d requests for a token\n", total, started,
               (int)tks_source_stat(source, TKS_STAT_REQUESTS));
    }
    tks_token_free(first);
    tks_source_free(source);
    tks_error_free(error);
    return total == THREADS * CALLS ? EXIT_SUCCESS : EXIT_FAILURE;
}
