/* The CPU time of a fetch, without that of making a source.
 *
 *     fetch COUNT NAME=VALUE...    makes COUNT fetches with these options, and prints CPU ms per fetch and per source */
#include <tokensource.h>

#include "common.h"

static double milliseconds(void) {
    return seconds_on(CLOCK_PROCESS_CPUTIME_ID) * 1e3;
}

int main(int argc, char **argv) {
    if (argc < 3)
        give_up("usage", "fetch COUNT NAME=VALUE...");
    tks_error *error = NULL;
    tks_config *config = tks_config_new();
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            give_up(argv[i], "no option");
        *value++ = 0;
        if (tks_config_set(config, argv[i], value, &error))
            give_up("config", tks_error_message(error));
    }

    /* Sets up what all sources of a process share. */
    tks_source *first = source_for(config);
    tks_token_free(token_from(first));
    /* A source fetches at most once a second, except after the first token that is invalidated. */
    long sources = atol(argv[1]) / 2;
    double making = 0, fetching = 0;
    for (long i = 0; i < sources; i++) {
        double began = milliseconds();
        tks_source *source = source_for(config);
        double made = milliseconds();
        tks_token *token = token_from(source);
        tks_source_invalidate(source, token);
        tks_token_free(token);
        tks_token_free(token_from(source));
        fetching += milliseconds() - made;
        making += made - began;
        if (tks_source_stat(source, TKS_STAT_TOKENS) != 2)
            give_up("fetch", "the second token was not fetched");
        tks_source_free(source);
    }
    printf("%.6f %.6f\n", fetching / (double)(2 * sources), making / (double)sources);
    tks_source_free(first);
    tks_config_free(config);
    return 0;
}
