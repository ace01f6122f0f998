// The C functions that this package calls, as tokensource.h declares them. No other file declares any.
'use strict';

const PROTOTYPES = `
uint32_t tks_abi_version(void);
const char *tks_version(void);
const char *tks_status_name(tks_status status);

tks_config *tks_config_new(void);
tks_status tks_config_set(tks_config *config, const char *name, const char *value, tks_error **error_out);
void tks_config_free(tks_config *config);

tks_status tks_source_new(const tks_config *config, tks_source **source_out, tks_error **error_out);
tks_status tks_source_get_within(const tks_source *source, double seconds, tks_token **token_out, tks_error **error_out);
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
`;

const lines = PROTOTYPES.split('\n').filter(Boolean);

/** The prototypes by function name. */
const prototypes = Object.fromEntries(lines.map((line) => [line.match(/(\w+)\(/)[1], line]));

/** Returns a function of the loaded `library` that JavaScript can call. */
function declare(library, name) {
  // Type names are global in koffi, and two copies of this package may share one koffi.
  const plain = prototypes[name]
    .replaceAll('tks_status ', 'int32_t ')
    .replaceAll(/tks_\w+ \*\*/g, '_Out_ void **')
    .replaceAll(/(const )?tks_\w+ \*/g, 'void *');
  return library.func(plain);
}

module.exports = { prototypes, declare };
