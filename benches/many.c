/* Memory of many sources, or after many fetches.
 *
 *     many held COUNT URL [CA-FILE]    makes COUNT sources, each with a token, and prints the bytes per source
 *     many fetched COUNT URL           makes COUNT fetches, two with each source, one source at a time, and prints the
 *                                      resident bytes after the first tenth and at the end */
#include <tokensource.h>

#include "common.h"

static void hold(long count, const tks_config *config) {
    tks_source **sources = malloc((size_t)count * sizeof *sources);
    memset(sources, 0xff, (size_t)count * sizeof *sources);
    /* Sets up what all sources of a process share. */
    tks_source *first = source_for(config);
    tks_token_free(token_from(first));
    double before = memory("VmRSS:");
    for (long i = 0; i < count; i++) {
        sources[i] = source_for(config);
        tks_token_free(token_from(sources[i]));
    }
    printf("%.0f\n", (memory("VmRSS:") - before) / count);
    for (long i = 0; i < count; i++) {
        if (tks_source_generation(sources[i]) == 0)
            give_up("generation", "a source has lost its token");
        tks_source_free(sources[i]);
    }
    tks_source_free(first);
    free(sources);
}

/* A source fetches at most once a second, except after the first token that is invalidated. */
static void fetch(long count, const tks_config *config) {
    double early = 0;
    for (long i = 0; i < count / 2; i++) {
        if (i == count / 20)
            early = memory("VmRSS:");
        tks_source *source = source_for(config);
        tks_token *token = token_from(source);
        tks_source_invalidate(source, token);
        tks_token_free(token);
        tks_token_free(token_from(source));
        if (tks_source_stat(source, TKS_STAT_TOKENS) != 2)
            give_up("fetch", "the second token was not fetched");
        tks_source_free(source);
    }
    printf("%.0f %.0f\n", early, memory("VmRSS:"));
}

int main(int argc, char **argv) {
    if (argc < 4)
        give_up("usage", "many held|fetched COUNT URL [CA-FILE]");
    tks_config *config = config_for(argv[3], argc > 4 ? argv[4] : NULL);
    if (strcmp(argv[1], "held") == 0)
        hold(atol(argv[2]), config);
    else
        fetch(atol(argv[2]), config);
    tks_config_free(config);
    return 0;
}
