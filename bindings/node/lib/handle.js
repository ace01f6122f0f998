// Frees what the library allocates. No other file calls a free function.
'use strict';

const { tks_config_new, tks_config_free, tks_source_free, tks_token_free, tks_error_free } = require('./library');

const registry = new FinalizationRegistry(({ pointer, free }) => free(pointer));

/** Frees the source when `owner` is collected. */
function ownSource(owner, pointer) {
  registry.register(owner, { pointer, free: tks_source_free });
}

/** Frees the token when `owner` is collected. */
function ownToken(owner, pointer) {
  registry.register(owner, { pointer, free: tks_token_free });
}

/** Returns the result of `work`, which receives a config that is freed afterwards. */
function withConfig(work) {
  const config = tks_config_new();
  try {
    return work(config);
  } finally {
    tks_config_free(config);
  }
}

/** Returns the result of `read`, which receives the error. The error is freed afterwards. */
function takeError(pointer, read) {
  try {
    return read(pointer);
  } finally {
    tks_error_free(pointer);
  }
}

module.exports = { ownSource, ownToken, freeToken: tks_token_free, withConfig, takeError };
