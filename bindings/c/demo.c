/*
 * Shows the library at work on one screen: two tokens, the cost of reading a token, a refresh in the background, and two
 * errors.
 *
 * usage: demo PODERO GARDIN SHORT. The arguments are token URLs of test servers that behave like Podero, like Gardin, and
 * like Podero with short-lived tokens; demo.sh starts them. With PODERO_CLIENT_ID and PODERO_CLIENT_SECRET set, the first
 * token comes from the real Podero, and likewise for Gardin.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tokensource.h>
#include <unistd.h>

#include "../../cli/wrap.h"

enum { INDENT = 12, ROUNDS = 10, READS = 1000, PAUSE_MS = 5, PATIENCE_S = 30 };

static const char *bold = "", *red = "", *green = "", *plain = "";
static int surprises;

static void choose_colours(void) {
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if ((no_color == NULL || *no_color == '\0') && isatty(STDOUT_FILENO) && terminal != NULL
        && strcmp(terminal, "dumb") != 0) {
        bold = "\033[1m";
        red = "\033[31m";
        green = "\033[32m";
        plain = "\033[m";
    }
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void title(const char *text, const char *detail) {
    printf("\n%s%s%s: %s\n", bold, text, plain, detail);
    fflush(stdout);
}

static void label(const char *name) {
    printf("  %-*s", INDENT - 2, name);
}

/* Returns the colour for a promise of the library: red if it is not kept. */
static const char *promise(int kept) {
    surprises += !kept;
    return kept ? green : red;
}

static void show_error(const tks_error *error) {
    label("error");
    printf("%s%s%s\n%*s", red, tks_status_name(tks_error_status(error)), plain, INDENT, "");
    print_wrapped(tks_error_message(error), INDENT);
}

static void show_token(const tks_token *token, double took) {
    const char *text = tks_token_access_token(token), *scope = tks_token_scope(token);
    time_t end = (time_t)tks_token_expires_at(token);
    struct tm utc;
    char when[32];
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&end, &utc));
    label("token");
    printf("%s%.6s...%s (%zu characters), after %.1f ms\n", green, text, plain, strlen(text), took * 1e3);
    label("type");
    printf("%s\n", tks_token_type(token));
    label("scope");
    printf("%s\n", scope != NULL ? scope : "(the server sent none)");
    label("expires");
    printf("%s, in %.0f s\n", when, tks_token_expires_in(token));
}

/* `options` is a list of names and values, with NULL at its end. */
static tks_source *source_with(const char *const *options, tks_error **error) {
    tks_source *source = NULL;
    tks_status status = TKS_OK;
    tks_config *config = tks_config_new();
    for (; *options != NULL && status == TKS_OK; options += 2)
        status = tks_config_set(config, options[0], options[1], error);
    if (status == TKS_OK)
        tks_source_new(config, &source, error);
    tks_config_free(config);
    return source;
}

static int is_set(const char *variable) {
    return getenv(variable) != NULL && *getenv(variable) != '\0';
}

/* Returns a source that has a token, or NULL. `id` and `secret` name the variables of a real client. */
static tks_source *first_token(const char *provider, const char *id, const char *secret, const char *url) {
    int real = is_set(id) && is_set(secret);
    const char *options[] = {
        "provider",      provider,
        "token_url",     real ? NULL : url, /* NULL: the provider's */
        "client_id",     real ? getenv(id) : "test-client",
        "client_secret", real ? getenv(secret) : "test-secret",
        NULL,
    };
    tks_error *error = NULL;
    tks_token *token = NULL;
    title(provider, real ? "the real server" : "a server on this machine that rejects what the real one rejects");
    double start = seconds();
    tks_source *source = source_with(options, &error);
    if (error == NULL)
        tks_source_get(source, &token, &error);
    if (error == NULL) {
        show_token(token, seconds() - start);
    } else {
        surprises++;
        show_error(error);
        tks_source_free(source);
        source = NULL;
    }
    tks_token_free(token);
    tks_error_free(error);
    return source;
}

/* Returns the nanoseconds for one read, in the best of ROUNDS with READS reads each. */
static double cost(const tks_source *source, void (*read)(const tks_source *)) {
    double best = PATIENCE_S;
    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds();
        for (int i = 0; i < READS; i++)
            read(source);
        double took = seconds() - start;
        best = took < best ? took : best;
    }
    return best / READS * 1e9;
}

static void read_generation(const tks_source *source) {
    tks_source_generation(source);
}

static void read_token(const tks_source *source) {
    tks_token *token = NULL;
    tks_source_get(source, &token, NULL);
    tks_token_authorization(token);
    tks_token_free(token);
}

static void show_reads(const tks_source *source) {
    title("10,000 more reads in two ways", "the best of 10 rounds");
    uint64_t before = tks_source_stat(source, TKS_STAT_REQUESTS);
    double generation = cost(source, read_generation), token = cost(source, read_token);
    uint64_t requests = tks_source_stat(source, TKS_STAT_REQUESTS) - before;
    label("requests");
    printf("%s%d%s\n", promise(requests == 0), (int)requests, plain);
    label("one read");
    printf("%s%4.0f ns%s  tks_source_generation: is the token that I keep current?\n", bold, generation, plain);
    label("");
    printf("%s%4.0f ns%s  tks_source_get, tks_token_authorization, tks_token_free\n", bold, token, plain);
}

static void show_refresh(const char *url) {
    title("a token that lives 4 s", "read every 5 ms, until the second token is there");
    const char *options[] = {
        "provider", "podero", "token_url", url, "client_id", "test-client", "client_secret", "test-secret",
        "refresh_ahead", "2", NULL,
    };
    tks_error *error = NULL;
    tks_token *first = NULL, *token = NULL;
    double start = seconds();
    tks_source *source = source_with(options, &error);
    if (error == NULL)
        tks_source_get(source, &first, &error);
    double took = seconds() - start, slowest = 0;
    uint64_t waits = tks_source_stat(source, TKS_STAT_WAITS);
    int calls = 0;
    for (; error == NULL && tks_source_stat(source, TKS_STAT_TOKENS) < 2 && seconds() - start < PATIENCE_S; calls++) {
        double begin = seconds();
        tks_source_get(source, &token, &error);
        slowest = seconds() - begin > slowest ? seconds() - begin : slowest;
        tks_token_free(token);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
    if (error == NULL) {
        waits = tks_source_stat(source, TKS_STAT_WAITS) - waits;
        label("first");
        printf("after %.0f ms: the first call waited for it\n", took * 1e3);
        label("second");
        printf("there %.1f s before the first one expired\n", tks_token_expires_in(first));
        label("calls");
        printf("%d, of which %s%d waited%s; the slowest took %.2f ms\n", calls, promise(waits == 0), (int)waits, plain,
               slowest * 1e3);
    } else {
        surprises++;
        show_error(error);
    }
    tks_error_free(error);
    tks_token_free(first);
    tks_source_free(source);
}

/* Shows why a source gets no token, and that it sends one request for all calls. */
static void show_rejection(const char *url, const char *secret, const char *body_format) {
    const char *options[] = {
        "provider", "podero", "token_url", url, "client_id", "test-client", "client_secret", secret,
        "body_format", body_format, NULL,
    };
    tks_error *error = NULL;
    tks_token *token = NULL;
    tks_source *source = source_with(options, &error);
    if (error == NULL)
        tks_source_get(source, &token, &error);
    surprises += error == NULL;
    if (error != NULL)
        show_error(error);
    for (int call = 1; call < READS; call++)
        read_token(source);
    int requests = (int)tks_source_stat(source, TKS_STAT_REQUESTS);
    label("requests");
    printf("%s%d%s for %d calls; the next in %.0f s\n", promise(requests == 1), requests, plain, READS,
           tks_error_retry_after(error));
    tks_token_free(token);
    tks_error_free(error);
    tks_source_free(source);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: demo PODERO GARDIN SHORT (token URLs; see demo.sh)\n", stderr);
        return EXIT_FAILURE;
    }
    choose_colours();
    printf("%stokensource %s%s\n", bold, tks_version(), plain);
    tks_source *podero = first_token("podero", "PODERO_CLIENT_ID", "PODERO_CLIENT_SECRET", argv[1]);
    tks_source *gardin = first_token("gardin", "GARDIN_CLIENT_ID", "GARDIN_CLIENT_SECRET", argv[2]);
    if (podero != NULL || gardin != NULL)
        show_reads(podero != NULL ? podero : gardin);
    show_refresh(argv[3]);
    title("a wrong secret", "the error, and the number of requests");
    show_rejection(argv[1], "not-test-secret", NULL);
    title("a form sent to podero", "the server's error, and the advice of the library");
    show_rejection(argv[1], "test-secret", "form");
    tks_source_free(podero);
    tks_source_free(gardin);
    return surprises == 0 && fclose(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
