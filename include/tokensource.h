/*
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
 *     tks_source_new, tks_config_free         one source for each token, for the life of the program
 *         tks_source_get                      before each call of the API, from any thread
 *         tks_token_authorization             the value of the Authorization header
 *         tks_source_invalidate               when the API answered 401 all the same
 *         tks_token_free
 *     tks_source_free
 *
 * # Manners
 *
 * Handles. What a function hands out through **out is the caller's to free, with the _free function of its type,
 * once, after every call on it has returned. Handles may be freed in any order: a source keeps no hold of its config, a
 * token outlives its source. A const char * that a function returns belongs to the handle that was asked and lives as
 * long; one that was asked of nothing lives for ever.
 *
 * NULL. Every function takes NULL for every pointer without crashing. _free of NULL does nothing; asked of NULL, an
 * accessor says NULL, 0 or TKS_INVALID_ARGUMENT; every other function says TKS_INVALID_ARGUMENT.
 *
 * Errors. A function that can fail returns a tks_status and takes error_out last, which may be NULL. All **out are
 * set to NULL first. With TKS_OK and TKS_PENDING no error object is made; with every other status there is one, and
 * no other object. There is no "last error" of a thread.
 *
 * Text. Text in is UTF-8, ends with a NUL and is copied. Text out is UTF-8 and ends with a NUL.
 *
 * Threads. A source, a token and an error may be used from any thread at any time. A config may be used from any
 * thread, by one at a time.
 *
 * Forks. A child of a fork may go on using every handle, whatever the parent's threads were doing at that moment.
 *
 * The host. Nothing is written to stdout or stderr, no signal handler is installed, no environment variable is
 * changed, nothing exits. Fetches run on short-lived threads of the library that block all signals; with the option
 * refresh set to inline there are none. A bug in the library becomes TKS_INTERNAL. Running out of memory
 * aborts. Once loaded, the library stays loaded: dlclose is harmless and does nothing.
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

/*
 How many requests were sent to the token endpoint.
 */
#define TKS_STAT_REQUESTS 1

/*
 How many fetches failed.
 */
#define TKS_STAT_FAILURES 2

/*
 How many fetches brought a token.
 */
#define TKS_STAT_TOKENS 3

/*
 How many calls had to wait for a fetch.
 */
#define TKS_STAT_WAITS 4

/*
 The number of the ABI that this header describes: the number in the soname.
 */
#define TKS_ABI_VERSION 1

/*
 What is asked of a token endpoint, and how. One thread at a time.
 */
typedef struct tks_config tks_config;

/*
 What went wrong, with its parts. Never changes. Any thread, any time.
 */
typedef struct tks_error tks_error;

/*
 Keeps a token good. Any thread, any time.
 */
typedef struct tks_source tks_source;

/*
 An access token and what came with it. Never changes. Any thread, any time.
 */
typedef struct tks_token tks_token;

/*
 How a call ended: one of the TKS_ numbers below. More may be added, none is ever renumbered: keep a default branch.
 */
typedef int32_t tks_status;

/*
 It worked.
 */
#define TKS_OK 0

/*
 An argument is NULL, not UTF-8, an unknown option or a bad value.
 */
#define TKS_INVALID_ARGUMENT 1

/*
 Each option is well formed, together they are not; or a file that an option names is unusable.
 */
#define TKS_INVALID_CONFIG 2

/*
 Resolving, connecting, reading, writing, or the proxy.
 */
#define TKS_NETWORK 3

/*
 The TLS handshake or a certificate.
 */
#define TKS_TLS 4

/*
 The time that was allowed ran out.
 */
#define TKS_TIMEOUT 5

/*
 A refusing HTTP status without an OAuth error.
 */
#define TKS_HTTP 6

/*
 The server named an OAuth error (RFC 6749 section 5.2).
 */
#define TKS_OAUTH 7

/*
 A success that cannot be used.
 */
#define TKS_BAD_RESPONSE 8

/*
 A bug in this library, contained.
 */
#define TKS_INTERNAL 9

/*
 Not an error: the fetch is still running.
 */
#define TKS_PENDING 10

/*
 tks_source_close was called.
 */
#define TKS_CLOSED 11

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes a config with no option set. Free it with tks_config_free. Never fails.
 */
tks_config *tks_config_new(void);

/*
 Sets the option `name` to a copy of `value`; NULL unsets it. The last call wins, whatever the order.

 TKS_INVALID_ARGUMENT: there is no such option, or the value does not suit it. The message says what would.
 */
tks_status tks_config_set(tks_config *config, const char *name, const char *value, tks_error **error_out);

/*
 Frees a config. The sources made from it are not touched.
 */
void tks_config_free(tks_config *config);

tks_status tks_source_new(const tks_config *config, tks_source **source_out, tks_error **error_out);

tks_status tks_source_get(const tks_source *source, tks_token **token_out, tks_error **error_out);

tks_status tks_source_get_within(const tks_source *source,
                                 double seconds,
                                 tks_token **token_out,
                                 tks_error **error_out);

uint32_t tks_source_generation(const tks_source *source);

void tks_source_invalidate(const tks_source *source, const tks_token *token);

tks_status tks_source_last_error(const tks_source *source, tks_error **error_out);

uint64_t tks_source_stat(const tks_source *source, int32_t which);

void tks_source_close(const tks_source *source);

void tks_source_free(tks_source *source);

const char *tks_token_access_token(const tks_token *token);

const char *tks_token_authorization(const tks_token *token);

const char *tks_token_type(const tks_token *token);

const char *tks_token_scope(const tks_token *token);

int64_t tks_token_expires_at(const tks_token *token);

double tks_token_expires_in(const tks_token *token);

uint32_t tks_token_generation(const tks_token *token);

const char *tks_token_response(const tks_token *token);

void tks_token_free(tks_token *token);

tks_status tks_error_status(const tks_error *error);

const char *tks_error_message(const tks_error *error);

const char *tks_error_oauth_error(const tks_error *error);

const char *tks_error_oauth_description(const tks_error *error);

const char *tks_error_oauth_uri(const tks_error *error);

int32_t tks_error_http_status(const tks_error *error);

double tks_error_retry_after(const tks_error *error);

int32_t tks_error_is_transient(const tks_error *error);

void tks_error_free(tks_error *error);

uint32_t tks_abi_version(void);

const char *tks_version(void);

const char *tks_status_name(tks_status status);

const char *tks_option_name(size_t index);

const char *tks_option_help(size_t index);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TOKENSOURCE_H */
