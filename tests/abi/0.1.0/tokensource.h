/* ====================================================================================================
 * tokensource: an OAuth 2.0 access token that is always good.
 *
 * A program that calls an API as itself trades a client id and a client secret for an access token that lives minutes
 * or hours (the client-credentials grant, RFC 6749 section 4.4). A source keeps such a token good: it fetches one when
 * it is first asked, hands out the same one until it ages, fetches the next beside it, and shares each fetch and its
 * result, good or bad, among all threads.
 *
 * # Example
 *
 *     #include <stdio.h>
 *     #include <tokensource.h>
 *
 *     int main(int argc, char **argv) {
 *         tks_error *error = NULL;
 *         tks_source *source = NULL;
 *         tks_token *token = NULL;
 *
 *         tks_config *config = tks_config_new();
 *         int failed = argc != 4
 *             || tks_config_set(config, "token_url", argv[1], &error)
 *             || tks_config_set(config, "client_id", argv[2], &error)
 *             || tks_config_set(config, "client_secret_file", argv[3], &error)
 *             || tks_source_new(config, &source, &error)
 *             || tks_source_get(source, &token, &error);
 *         if (failed)
 *             fprintf(stderr, "%s\n", error ? tks_error_message(error) : "usage: example URL ID SECRET-FILE");
 *         else
 *             printf("Authorization: %s\n", tks_token_authorization(token));
 *
 *         tks_token_free(token);
 *         tks_source_free(source);
 *         tks_config_free(config);
 *         tks_error_free(error);
 *         return failed;
 *     }
 *
 * # From start to end
 *
 *     tks_config_new, tks_config_set ...      what is asked, as name and value texts
 *     tks_source_new, tks_config_free         one source for each kind of token, for the life of the program
 *         tks_source_get                      before each call of the API, from any thread
 *         tks_token_authorization             the value of the Authorization header
 *         tks_source_invalidate               when the API answered 401 all the same
 *         tks_token_free
 *     tks_source_free
 *
 * # Manners
 *
 * Handles. What a function hands out through `**out` is the caller's to free, with the `_free` function of its type,
 * once, after every call on it has returned. Handles may be freed in any order: a source keeps no hold of its config, a
 * token outlives its source. A `const char *` that a function returns belongs to the handle that was asked and lives as
 * long; one that was asked of nothing lives for ever.
 *
 * NULL. Every function takes NULL for every pointer without crashing: one that answers with a status then says
 * TKS_INVALID_ARGUMENT, one that answers with a value says NULL or 0, one without an answer does nothing. Only `error_out`
 * and the `value` of an option may be NULL in earnest.
 *
 * Errors. A function that can fail returns a tks_status and takes `error_out` last, which may be NULL. All `**out` are
 * set to NULL first. With TKS_OK and TKS_PENDING no error object is made; with every other status there is one, and
 * no other object. There is no "last error" of a thread, and errno means nothing after a call.
 *
 * Text. Text in is UTF-8, ends with a NUL and is copied. Text out is UTF-8 and ends with a NUL.
 *
 * Threads. A source, a token and an error may be used from any thread at any time. A config may be used from any
 * thread, by one at a time. No function may be called from a signal handler, and no thread may be cancelled
 * (pthread_cancel) in one. A signal does not end a wait.
 *
 * Forks. A child of fork() may go on using every handle, whatever the parent's threads were doing at that moment; one
 * made behind its back (_Fork, vfork, clone) may only exec. Files and sockets are closed by exec; a child of a fork during
 * a fetch keeps a copy of that socket.
 *
 * The host. Nothing is written to stdout or stderr, no signal handler is installed, no environment variable is
 * changed, nothing exits. Fetches run on short-lived threads of the library that block all signals, and run at the
 * priority of the caller who needed them. With the option `refresh` set to `inline` there are none; then, and where the
 * system gives the library no thread, who asks for a token needs 128 KiB of stack. A bug in the library becomes
 * TKS_INTERNAL. Running out of memory aborts. Once loaded, the library stays loaded: dlclose is harmless and does nothing.
 * A plugin that contains the static library must see to that itself (link it with `-z nodelete`).
 *
 * Cost. Whatever does not say that it waits or reads files only computes, and not for long.
 *
 * Secrets. No error message holds a secret or a token. All memory of the library is wiped when it is freed.
 *
 * Versions. Functions, options and status numbers are only ever added. Whoever loads the library by hand compares
 * tks_abi_version() with TKS_ABI_VERSION.
 */

#ifndef TOKENSOURCE_H
#define TOKENSOURCE_H

#include <stddef.h>
#include <stdint.h>

/**
 * How many requests were sent to the token endpoint.
 */
#define TKS_STAT_REQUESTS 1

/**
 * How many fetches failed.
 */
#define TKS_STAT_FAILURES 2

/**
 * How many fetches brought a token.
 */
#define TKS_STAT_TOKENS 3

/**
 * How many calls had to wait for a fetch.
 */
#define TKS_STAT_WAITS 4

/**
 * The number of the ABI that this header describes: the number in the soname.
 */
#define TKS_ABI_VERSION 1

/**
 * What is asked of a token endpoint, and how. One thread at a time.
 */
typedef struct tks_config tks_config;

/**
 * What went wrong, with its parts. Never changes. Any thread, any time.
 */
typedef struct tks_error tks_error;

/**
 * Keeps a token good. Any thread, any time.
 */
typedef struct tks_source tks_source;

/**
 * An access token and what came with it. Never changes. Any thread, any time.
 */
typedef struct tks_token tks_token;

/**
 * How a call ended: one of the TKS_ numbers below. More may be added, none is ever renumbered: keep a default branch.
 */
typedef int32_t tks_status;

/**
 * It worked.
 */
#define TKS_OK 0

/**
 * An argument is NULL, not UTF-8, an unknown option or a bad value.
 */
#define TKS_INVALID_ARGUMENT 1

/**
 * Each option is well formed, together they are not; or a file that an option names is unusable.
 */
#define TKS_INVALID_CONFIG 2

/**
 * Resolving, connecting, reading, writing, or the proxy.
 */
#define TKS_NETWORK 3

/**
 * The TLS handshake or a certificate.
 */
#define TKS_TLS 4

/**
 * The time that was allowed ran out.
 */
#define TKS_TIMEOUT 5

/**
 * A refusing HTTP status without an OAuth error.
 */
#define TKS_HTTP 6

/**
 * The server named an OAuth error (RFC 6749 section 5.2).
 */
#define TKS_OAUTH 7

/**
 * A success that cannot be used.
 */
#define TKS_BAD_RESPONSE 8

/**
 * A bug in this library, contained; or no thread can be had for a refresh, while the token is still good.
 */
#define TKS_INTERNAL 9

/**
 * Not an error: the fetch is still running.
 */
#define TKS_PENDING 10

/**
 * tks_source_close was called.
 */
#define TKS_CLOSED 11

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/* ====================================================================================================
 * Config: what is asked, and how.
 *
 * Options are pairs of texts, so that a new one changes no function: tks_option_name and tks_option_help list them.
 * Booleans are `true` and `false`; durations are seconds, such as `30` or `0.5`. An empty value is refused, except for
 * `client_secret` and `param.NAME`.
 */

/**
 * Makes a config with no option set, for the caller to free with tks_config_free.
 *
 * NULL: only after a bug in the library.
 */
tks_config *tks_config_new(void);

/**
 * Sets the option `name` to a copy of `value`; NULL unsets it, even if the provider has it. The last call for a name
 * wins, and the order among names does not matter.
 *
 * TKS_INVALID_ARGUMENT: there is no such option, or the value does not suit it. The message says what would, the config
 * is as it was.
 */
tks_status tks_config_set(tks_config *config, const char *name, const char *value, tks_error **error_out);

/**
 * Frees a config. The sources made from it have a copy of their own.
 */
void tks_config_free(tks_config *config);

/* ====================================================================================================
 * Source: keeps a token good.
 *
 * One source for each kind of token that the program needs, kept for as long as it runs: the source is what knows the
 * token, and what failed. It asks the server only when it is asked itself.
 */

/**
 * Checks a config as a whole and makes a source from a copy of it in `*source_out`, for the caller to free with
 * tks_source_free. Sends nothing and starts no thread, but reads the files that the options name, and of the environment
 * the variables about proxies and certificates.
 *
 * TKS_INVALID_CONFIG: an option is missing, two contradict each other or a file is unusable. The message says which.
 */
tks_status tks_source_new(const tks_config *config,
                          tks_source **source_out,
                          tks_error **error_out);

/**
 * Puts a good token into `*token_out`, for the caller to free with tks_token_free. Two calls may hand out the same pointer:
 * each is freed all the same.
 *
 * While the source has one this takes no lock, allocates nothing and never waits, also when the token ages and a refresh
 * runs beside it: only the call that starts the refresh does more, and with the option `refresh` set to `inline` fetches
 * itself. Otherwise it waits for the one fetch that all callers share, at most the option `timeout` counted from this
 * call. While the source holds off after a failed fetch it returns that error at once; once a second it looks first
 * whether the `client_secret_file`, if there is one, has changed.
 *
 * TKS_TIMEOUT, TKS_NETWORK, TKS_TLS, TKS_HTTP, TKS_OAUTH, TKS_BAD_RESPONSE: the fetch failed; tks_error_retry_after tells
 * when the source asks again. TKS_INVALID_CONFIG: a file can no longer be used. TKS_CLOSED: the source was closed.
 */
tks_status tks_source_get(const tks_source *source,
                          tks_token **token_out,
                          tks_error **error_out);

/**
 * As tks_source_get, but waits at most `seconds` (0, negative or NaN: not at all; never more than `timeout`) and then
 * returns TKS_PENDING with the fetch still running, no token and no error. Ask again: an event loop passes 0 and comes
 * back after 1, 2, 4 ... 50 ms; a language that wants to see its signals passes 0.1. Called once and ignored, it warms a
 * source up.
 *
 * With the option `refresh` set to `inline`, and where the system gives the library no thread, the caller fetches itself
 * and may stay longer than `seconds`.
 */
tks_status tks_source_get_within(const tks_source *source,
                                 double seconds,
                                 tks_token **token_out,
                                 tks_error **error_out);

/**
 * The number of the token that tks_source_get would return now without starting or awaiting anything; 0 if there is
 * none. The quick way: keep a token, and as long as this equals its tks_token_generation it is the one to use.
 *
 * Reads two coarse clocks and nothing else that costs: about 10 ns, no lock, no shared write, no allocation. Every fetch
 * that brings a token begins a new generation, even if the text is the same; the numbers wrap, past 0.
 *
 * Also 0 where tks_source_get has to look first: when a clock was set or the machine slept, and while a failure is held
 * off that a changed `client_secret_file` may end.
 */
uint32_t tks_source_generation(const tks_source *source);

/**
 * Says that the API refused `token`, with a 401 for example, although it is not past. If it is still the source's
 * current one, the next tks_source_get fetches another; an older or another source's token does nothing. `token` stays
 * the caller's. Does not wait.
 *
 * The first acts at once. If the replacement is refused within 60 s too, further ones are ignored for 1 s, doubling to
 * 60 s: an API that answers 401 for a missing permission does not cost a token per call.
 */
void tks_source_invalidate(const tks_source *source, const tks_token *token);

/**
 * How the last finished fetch ended: TKS_OK if it brought a token or none has finished, else its status, and its error in
 * `*error_out`. The way to see that refreshes fail while the token is still good and tks_source_get says TKS_OK.
 *
 * TKS_INVALID_ARGUMENT: `source` is NULL.
 */
tks_status tks_source_last_error(const tks_source *source,
                                 tks_error **error_out);

/**
 * A count since the source was made: `which` is one of TKS_STAT_REQUESTS, _FAILURES, _TOKENS and _WAITS; any other number
 * counts 0.
 */
uint64_t tks_source_stat(const tks_source *source,
                         int32_t which);

/**
 * Makes every call that waits on the source return TKS_CLOSED now, as all later ones do; tks_source_generation is 0. The
 * tokens stay as they are. Does not wait: a fetch that runs ends by itself. With `refresh` set to `inline` the caller that
 * fetches returns when its fetch ends.
 */
void tks_source_close(const tks_source *source);

/**
 * Frees a source once no call on it is running: tks_source_close ends those that wait. The tokens stay as they are. Never
 * waits for a fetch that runs.
 */
void tks_source_free(tks_source *source);

/* ====================================================================================================
 * Token: an immutable snapshot.
 *
 * A token outlives its source, and says the same for ever; only its time runs out.
 */

/**
 * The token itself: visible ASCII.
 */
const char *tks_token_access_token(const tks_token *token);

/**
 * The value of the Authorization header: "Bearer " and the token.
 */
const char *tks_token_authorization(const tks_token *token);

/**
 * The token's type as the server wrote it; "Bearer" if it did not.
 */
const char *tks_token_type(const tks_token *token);

/**
 * The scope that the server granted. NULL: it said nothing, which means what was asked (RFC 6749 section 5.1).
 */
const char *tks_token_scope(const tks_token *token);

/**
 * When the token ends, in Unix seconds: the wall clock as it is now and tks_token_expires_in.
 */
int64_t tks_token_expires_at(const tks_token *token);

/**
 * How many seconds the token has left now, whatever was done to the wall clock; 0 when it is past.
 */
double tks_token_expires_in(const tks_token *token);

/**
 * The token's number: see tks_source_generation.
 */
uint32_t tks_token_generation(const tks_token *token);

/**
 * The JSON object that the server answered, without access_token, refresh_token and id_token: for what a server adds of its
 * own.
 */
const char *tks_token_response(const tks_token *token);

/**
 * Lets go of a token. Its memory is wiped when the source has let go of it too.
 */
void tks_token_free(tks_token *token);

/* ====================================================================================================
 * Error: what went wrong, with its parts.
 */

/**
 * The status that the failed call returned.
 */
tks_status tks_error_status(const tks_error *error);

/**
 * What happened, whose fault it is and what to do next: one line of printable text without secrets, for a log. Where it
 * repeats the system's own words, they are in the language of the locale that the program has set.
 */
const char *tks_error_message(const tks_error *error);

/**
 * The server's code (RFC 6749 section 5.2), such as "invalid_client". NULL unless the status is TKS_OAUTH.
 */
const char *tks_error_oauth_error(const tks_error *error);

/**
 * The server's error_description, shortened and made printable, or NULL.
 */
const char *tks_error_oauth_description(const tks_error *error);

/**
 * The server's error_uri, where it is an http or https URL that can be shown whole, or NULL.
 */
const char *tks_error_oauth_uri(const tks_error *error);

/**
 * The HTTP status of the server's answer; 0 if none came.
 */
int32_t tks_error_http_status(const tks_error *error);

/**
 * Seconds until the source asks the server again, counted from when the error was handed out; until then its callers get
 * this error at once. Negative: it never will.
 */
double tks_error_retry_after(const tks_error *error);

/**
 * 1 if the same request may well succeed later with nothing changed here, else 0.
 */
int32_t tks_error_is_transient(const tks_error *error);

/**
 * Frees an error.
 */
void tks_error_free(tks_error *error);

/* ====================================================================================================
 * Library: what it says of itself. The texts live for ever.
 */

/**
 * The number of the ABI that the loaded library speaks. Whoever loads it by hand compares it with TKS_ABI_VERSION.
 */
uint32_t tks_abi_version(void);

/**
 * The version of the loaded library, such as "0.1.0".
 */
const char *tks_version(void);

/**
 * The name of a status, such as "TKS_NETWORK"; "TKS_UNKNOWN" for a number that this library does not know.
 */
const char *tks_status_name(tks_status status);

/**
 * The name of an option, counted from 0; NULL past the last.
 */
const char *tks_option_name(size_t index);

/**
 * What an option means, its values and its default, in a line or two; NULL past the last.
 */
const char *tks_option_help(size_t index);

#ifdef __cplusplus
}  /* extern "C" */
#endif  /* __cplusplus */

#endif  /* TOKENSOURCE_H */
