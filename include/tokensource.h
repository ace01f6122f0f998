/* ====================================================================================================
 * tokensource: an OAuth 2.0 access token that is always valid.
 *
 * A program that calls an API as itself trades a client id and a client secret for an access token. This is the
 * client-credentials grant of RFC 6749 section 4.4. Such a token lives minutes or hours. A token source keeps a valid one
 * for all threads of the program. It fetches the first token on demand, caches it, and refreshes it in the background
 * before it expires. All threads share each fetch and its result, whether token or error.
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
 * # Life cycle
 *
 *     tks_config_new, tks_config_set ...      the options, as pairs of name and value
 *     tks_source_new, tks_config_free         one source for each kind of token, for the life of the program
 *         tks_source_get                      before each API call, from any thread
 *         tks_token_authorization             the value of the Authorization header
 *         tks_source_invalidate               after the API rejected the token with a 401
 *         tks_token_free
 *     tks_source_free
 *
 * # Conventions
 *
 * Ownership. A function that stores a handle in a `**out` argument gives it to the caller. The caller frees it once, with
 * the `_free` function of its type, after every function call on it has returned. Handles may be freed in any order: a
 * source has its own copy of its config, and a token outlives its source. A `const char *` that a function returns is
 * owned by the handle that was passed, and is valid until that handle is freed. Strings from functions without a handle
 * are static.
 *
 * NULL. Passing NULL never crashes. Functions that return a tks_status return TKS_INVALID_ARGUMENT, functions that return
 * a value return NULL or 0, and void functions do nothing. NULL is meaningful only for `error_out` and for the `value` of
 * an option.
 *
 * Errors. A function that can fail returns a tks_status and takes `error_out` as its last argument. A caller that needs
 * no error object passes NULL. All `**out` arguments are set to NULL first. TKS_OK and TKS_PENDING come without an error
 * object; every other status comes with an error object and no other object. There is no thread-local "last error", and
 * errno has no meaning after a call.
 *
 * Strings. Strings are UTF-8 and end with a NUL. The library copies every string that is passed to it.
 *
 * const. Functions that take a handle as `const` may be called on the same handle from any number of threads at the same
 * time. While a function that takes a handle without `const` runs, no other function must be called on that handle. So
 * all threads may use a source, a token and an error at once. One thread at a time may set the options of a config.
 * tks_source_close takes a `const` handle because other threads may be waiting in calls on it. Each token that a call
 * stores is a handle of its own, even if two pointers are equal.
 *
 * Threads. A handle may be used and freed on any thread. Functions must not be called from a signal handler. A thread
 * must not be cancelled (pthread_cancel) during a function call. A signal does not end a wait.
 *
 * Forks. A child of fork() may go on using every handle, even if threads of the parent were in calls on it. A child
 * created without fork handlers (_Fork, vfork, clone) may only call exec. The library's files and sockets are closed by
 * exec. A child that is forked during a fetch keeps a copy of the socket of that fetch.
 *
 * Blocking. No function blocks or does I/O unless its comment states it.
 *
 * Process. The library writes nothing to stdout or stderr, installs no signal handler, changes no environment variable
 * and never exits. Fetches run on short-lived threads of the library, which block all signals and have the priority of
 * the caller that needed the fetch. With the option `refresh` set to `inline`, or if the system provides no thread, the
 * calling thread performs the fetch. It needs 128 KiB of stack. A bug in the library becomes TKS_INTERNAL. Running out of
 * memory aborts the process. Once loaded, the library stays loaded: dlclose does nothing. A plugin that contains the
 * static library must be linked with `-z nodelete`.
 *
 * Secrets. No error message contains a secret or a token. All memory of the library is wiped when it is freed.
 *
 * Versions. Functions, options and status numbers are added, and never changed or removed. A program that loads the
 * library at run time compares tks_abi_version() with TKS_ABI_VERSION.
 */

#ifndef TOKENSOURCE_H
#define TOKENSOURCE_H

#include <stddef.h>
#include <stdint.h>

/**
 * The options of a source. Must not be used by another thread while an option is set.
 */
typedef struct tks_config tks_config;

/**
 * What went wrong, with its parts. Never changes. May be used by any number of threads at the same time.
 */
typedef struct tks_error tks_error;

/**
 * Keeps a valid token. May be used by any number of threads at the same time.
 */
typedef struct tks_source tks_source;

/**
 * An access token and what the server sent with it. Never changes. May be used by any number of threads at the same
 * time.
 */
typedef struct tks_token tks_token;

/**
 * The result of a function call: one of the TKS_ numbers of the error section. Numbers may be added and are never
 * changed: keep a default branch.
 */
typedef int32_t tks_status;

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/* ====================================================================================================
 * Config: the options of a source.
 *
 * Every option is a name and a value, both strings, so a new option changes no function. tks_option_name and
 * tks_option_help list the options. Booleans are `true` and `false`. Durations are seconds, such as `30` or `0.5`. An
 * empty value is rejected, except for `client_secret`, `param.NAME` and `claim.NAME`.
 */

/**
 * Returns a new config without options. The caller frees it with tks_config_free. Returns NULL only after a bug in the
 * library.
 */
tks_config *tks_config_new(void);

/**
 * Sets the option `name` to a copy of `value`. NULL unsets the option, even if the provider has a value for it. Setting
 * an option again replaces its value; the order of the options does not matter.
 *
 * TKS_INVALID_ARGUMENT: the option does not exist, or the value is not allowed. The message names what is allowed. The
 * config is unchanged.
 */
tks_status tks_config_set(tks_config *config, const char *name, const char *value, tks_error **error_out);

/**
 * Frees a config. Sources that were made from it have their own copy.
 */
void tks_config_free(tks_config *config);

/* ====================================================================================================
 * Source: keeps a valid token.
 *
 * A program needs one source for each kind of token, for as long as it runs. The source holds the cached token and the
 * last failure. It sends a request only when a caller needs a token.
 */

/**
 * The number of requests that were sent: to the token endpoint, and for the metadata of `issuer`.
 */
#define TKS_STAT_REQUESTS 1

/**
 * The number of fetches that failed.
 */
#define TKS_STAT_FAILURES 2

/**
 * The number of fetches that returned a token.
 */
#define TKS_STAT_TOKENS 3

/**
 * The number of function calls that waited for a fetch.
 */
#define TKS_STAT_WAITS 4

/**
 * Checks a config as a whole, and stores a source made from a copy of it in `*source_out`. The caller frees the source
 * with tks_source_free. Sends nothing and starts no thread. Reads the files that the options name, and the environment
 * variables for proxies and certificates.
 *
 * TKS_INVALID_CONFIG: an option is missing, two options contradict each other, or a file is not usable. The message names
 * the option.
 */
tks_status tks_source_new(const tks_config *config,
                          tks_source **source_out,
                          tks_error **error_out);

/**
 * Stores a valid token in `*token_out`. The caller frees it with tks_token_free. Two calls may store the same pointer;
 * each call then needs its own tks_token_free.
 *
 * While the source has a valid token, this function takes no lock, allocates nothing and never waits. A refresh runs in
 * the background, and only the call that starts it does more. With the option `refresh` set to `inline`, that call
 * performs the fetch.
 *
 * Without a valid token, this function waits for the one fetch that all callers share. It waits at most the option
 * `timeout`, counted from this call. During the hold-off after a failed fetch it returns the error of that fetch at once.
 * If that fetch read a file, it first checks once a second whether the file has changed.
 *
 * TKS_TIMEOUT, TKS_NETWORK, TKS_TLS, TKS_HTTP, TKS_OAUTH, TKS_BAD_RESPONSE: the fetch failed. tks_error_retry_after
 * returns the seconds until the next request. TKS_INVALID_CONFIG: a file is no longer usable. TKS_CLOSED: the source was
 * closed.
 */
tks_status tks_source_get(const tks_source *source,
                          tks_token **token_out,
                          tks_error **error_out);

/**
 * Does the same as tks_source_get, but waits at most `seconds`, and never longer than `timeout`. Does not wait if
 * `seconds` is 0, negative or NaN. Returns TKS_PENDING if the fetch is still running; then there is no token and no error.
 *
 * An event loop passes 0 and calls again after 1, 2, 4 ... 50 ms. A language runtime that must handle signals passes 0.1.
 * One call with 0 at the start of the program warms a source up.
 *
 * With the option `refresh` set to `inline`, or if the system provides no thread, the calling thread performs the
 * fetch. The call may then take longer than `seconds`.
 */
tks_status tks_source_get_within(const tks_source *source,
                                 double seconds,
                                 tks_token **token_out,
                                 tks_error **error_out);

/**
 * Returns the generation of the token that tks_source_get would return now without starting or awaiting a fetch. Returns
 * 0 if there is no such token.
 *
 * This is the fast path. A caller keeps a token and compares this number with tks_token_generation before each use. The
 * token is current while the two are equal.
 *
 * Reads two coarse clocks, which takes about 10 ns: no lock, no shared write, no allocation. The numbers wrap around and
 * skip 0.
 *
 * Every other token begins a new generation. If the server returns the same token again, the generation stays. It changes
 * all the same if the server extends the token or ends it sooner, or if the token was reported by tks_source_invalidate.
 *
 * Also returns 0 when tks_source_get has to check first. This is so after a clock was set or the machine slept, and
 * during a hold-off that a changed file may end.
 */
uint32_t tks_source_generation(const tks_source *source);

/**
 * Reports that the API rejected `token`, for example with a 401, before it expired. If it is the current token of the
 * source, or an older handle of the same access token, the next tks_source_get fetches another. Any other token, or a token
 * of another source, changes nothing. The caller still owns `token`. Does not wait.
 *
 * The first report takes effect at once. If the API rejects the replacement within 60 s too, further reports are ignored
 * for 1 s, doubling up to 60 s. So an API that responds 401 because of a missing permission does not cost a token for
 * each call.
 */
void tks_source_invalidate(const tks_source *source,
                           const tks_token *token);

/**
 * Returns TKS_OK if the last finished fetch returned a token, or if no fetch has finished. Otherwise returns the status of
 * that fetch, and stores its error in `*error_out`. Shows that refreshes fail while the token is still valid and
 * tks_source_get returns TKS_OK.
 *
 * TKS_INVALID_ARGUMENT: `source` is NULL.
 */
tks_status tks_source_last_error(const tks_source *source,
                                 tks_error **error_out);

/**
 * Returns a count since the source was made. `which` is TKS_STAT_REQUESTS, TKS_STAT_FAILURES, TKS_STAT_TOKENS or
 * TKS_STAT_WAITS. Returns 0 for any other number.
 */
uint64_t tks_source_stat(const tks_source *source, int32_t which);

/**
 * Makes every call that waits on the source return TKS_CLOSED now. All later calls return TKS_CLOSED too, and
 * tks_source_generation returns 0. Tokens remain usable. Does not wait: a running fetch ends by itself. With the option
 * `refresh` set to `inline`, the caller that performs a fetch returns when that fetch ends.
 */
void tks_source_close(const tks_source *source);

/**
 * Frees a source. Every other call on it must have returned; tks_source_close ends the calls that wait. Tokens remain
 * usable. Never waits for a running fetch.
 */
void tks_source_free(tks_source *source);

/* ====================================================================================================
 * Token: an immutable snapshot.
 *
 * A token outlives its source. Nothing in it changes but the remaining lifetime.
 */

/**
 * Returns the access token: visible ASCII characters.
 */
const char *tks_token_access_token(const tks_token *token);

/**
 * Returns the value of the Authorization header: "Bearer " and the access token.
 */
const char *tks_token_authorization(const tks_token *token);

/**
 * Returns the token type as the server sent it, or "Bearer" if the server sent none or an empty one.
 */
const char *tks_token_type(const tks_token *token);

/**
 * Returns the scope that the server granted. Returns NULL if the server sent none, which means that it granted the
 * requested scope (RFC 6749 section 5.1).
 */
const char *tks_token_scope(const tks_token *token);

/**
 * Returns the expiry in Unix seconds: the current wall clock plus tks_token_expires_in.
 */
int64_t tks_token_expires_at(const tks_token *token);

/**
 * Returns the remaining lifetime in seconds, even if the wall clock was set. Returns 0 if the token has expired.
 */
double tks_token_expires_in(const tks_token *token);

/**
 * Returns the generation of the token: see tks_source_generation.
 */
uint32_t tks_token_generation(const tks_token *token);

/**
 * Returns the JSON object of the server's response, without access_token, refresh_token and id_token. It has the members
 * that a server adds to those of the standard. Every JSON parser reads it: U+FFFD stands for half a surrogate pair and for a
 * NUL. A number that no double holds, such as 1e400, is kept as the server wrote it.
 */
const char *tks_token_response(const tks_token *token);

/**
 * Frees a token. Its memory is wiped once the source no longer uses it either.
 */
void tks_token_free(tks_token *token);

/* ====================================================================================================
 * Error: what went wrong, with its parts.
 */

/**
 * Success.
 */
#define TKS_OK 0

/**
 * An option is unknown or its value is not allowed; or an argument is NULL or not UTF-8.
 */
#define TKS_INVALID_ARGUMENT 1

/**
 * Each option is well formed, but together they are not; or a file that an option names is not usable.
 */
#define TKS_INVALID_CONFIG 2

/**
 * Resolving, connecting, reading or writing failed, or the proxy failed.
 */
#define TKS_NETWORK 3

/**
 * The TLS handshake failed, or a certificate is not usable.
 */
#define TKS_TLS 4

/**
 * The time allowed ran out.
 */
#define TKS_TIMEOUT 5

/**
 * The server rejected the request with an HTTP status and without an OAuth error.
 */
#define TKS_HTTP 6

/**
 * The server named an OAuth error (RFC 6749 section 5.2).
 */
#define TKS_OAUTH 7

/**
 * The server reported success, but its response is not usable.
 */
#define TKS_BAD_RESPONSE 8

/**
 * A bug in this library was contained; or no thread could be started for a refresh while the token was still valid.
 */
#define TKS_INTERNAL 9

/**
 * Not an error: the fetch is still running.
 */
#define TKS_PENDING 10

/**
 * The source was closed.
 */
#define TKS_CLOSED 11

/**
 * Returns the status of the failed call.
 */
tks_status tks_error_status(const tks_error *error);

/**
 * Returns one line of printable text for a log: what happened, whose fault it is and what to do next. It contains no
 * secret. Messages of the operating system are in the language of the program's locale.
 */
const char *tks_error_message(const tks_error *error);

/**
 * Returns the server's error code (RFC 6749 section 5.2), such as "invalid_client". Returns NULL unless the status is
 * TKS_OAUTH.
 */
const char *tks_error_oauth_error(const tks_error *error);

/**
 * Returns the server's error_description, shortened and made printable. Returns NULL if there is none.
 */
const char *tks_error_oauth_description(const tks_error *error);

/**
 * Returns the server's error_uri. Returns NULL if there is none, or if it is not an http or https URL that can be shown
 * in full.
 */
const char *tks_error_oauth_uri(const tks_error *error);

/**
 * Returns the HTTP status of the server's response. Returns 0 if there was no response.
 */
int32_t tks_error_http_status(const tks_error *error);

/**
 * Returns the seconds until the source sends the next request, counted from when this error was returned. Until then
 * callers get this error at once. Returns a negative number if the source sends no further request.
 */
double tks_error_retry_after(const tks_error *error);

/**
 * Returns 1 if the error is retryable: the same request may succeed later without a change on this side. Otherwise
 * returns 0.
 */
int32_t tks_error_is_transient(const tks_error *error);

/**
 * Frees an error.
 */
void tks_error_free(tks_error *error);

/* ====================================================================================================
 * Library: its versions, and the names of statuses and options. All strings are static.
 */

/**
 * The ABI version that this header describes: the number in the soname.
 */
#define TKS_ABI_VERSION 1

/**
 * The version of this header. tks_version returns the version of the loaded library, which may be later.
 */
#define TKS_VERSION "0.1.0"

/**
 * The major number of TKS_VERSION.
 */
#define TKS_VERSION_MAJOR 0

/**
 * The minor number of TKS_VERSION.
 */
#define TKS_VERSION_MINOR 1

/**
 * The patch number of TKS_VERSION.
 */
#define TKS_VERSION_PATCH 0

/**
 * Returns the ABI version of the loaded library. A program that loads the library at run time compares it with
 * TKS_ABI_VERSION.
 */
uint32_t tks_abi_version(void);

/**
 * Returns the version of the loaded library, such as "0.1.0".
 */
const char *tks_version(void);

/**
 * Returns the name of a status, such as "TKS_NETWORK". Returns "TKS_UNKNOWN" for a number that this library does not
 * know.
 */
const char *tks_status_name(tks_status status);

/**
 * Returns the name of an option, counted from 0. Returns NULL after the last option.
 */
const char *tks_option_name(size_t index);

/**
 * Returns the help for an option: its meaning, its values and its default. Returns NULL after the last option.
 */
const char *tks_option_help(size_t index);

#ifdef __cplusplus
}  /* extern "C" */
#endif  /* __cplusplus */

#endif  /* TOKENSOURCE_H */
