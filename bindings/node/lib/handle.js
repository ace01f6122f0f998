// How long what the library hands out lives. The only file that frees.
'use strict';

const { tks_config_new, tks_config_free, tks_source_free, tks_token_free, tks_error_free } = require('./library');

const forgotten = new FinalizationRegistry(({ pointer, free }) => free(pointer));

/** Frees the source once `owner` is garbage. */
function keepSource(owner, pointer) {
  forgotten.register(owner, { pointer, free: tks_source_free });
}

/** Frees the token once `owner` is garbage. */
function keepToken(owner, pointer) {
  forgotten.register(owner, { pointer, free: tks_token_free });
}

/** A config that lives as long as `work`. */
function withConfig(work) {
  const config = tks_config_new();
  try {
    return work(config);
  } finally {
    tks_config_free(config);
  }
}

/** What `read` makes of an error, which is freed. */
function takeError(pointer, read) {
  try {
    return read(pointer);
  } finally {
    tks_error_free(pointer);
  }
}

module.exports = { keepSource, keepToken, dropToken: tks_token_free, withConfig, takeError };
