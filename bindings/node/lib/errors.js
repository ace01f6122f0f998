// What can go wrong, as errors that Node people know.
'use strict';

const library = require('./library');
const { takeError } = require('./handle');

/** A token could not be had, or an option was refused. */
class TokenSourceError extends Error {
  constructor(message, parts) {
    super(message);
    this.code = parts.code;
    this.oauthError = parts.oauthError ?? null;
    this.oauthDescription = parts.oauthDescription ?? null;
    this.oauthUri = parts.oauthUri ?? null;
    this.httpStatus = parts.httpStatus ?? null;
    this.retryAfter = parts.retryAfter ?? null;
    this.isTransient = parts.isTransient ?? false;
  }
}
Object.defineProperty(TokenSourceError.prototype, 'name', {
  value: 'TokenSourceError',
  configurable: true,
  writable: true,
});

/** Why a call of the library failed: made into an error where somebody is told, for the stack to lead there. */
class Failure {
  constructor(pointer) {
    takeError(pointer, () => {
      const retryAfter = library.tks_error_retry_after(pointer);
      this.message = library.tks_error_message(pointer);
      this.code = library.tks_status_name(library.tks_error_status(pointer));
      this.oauthError = library.tks_error_oauth_error(pointer);
      this.oauthDescription = library.tks_error_oauth_description(pointer);
      this.oauthUri = library.tks_error_oauth_uri(pointer);
      this.httpStatus = library.tks_error_http_status(pointer) || null;
      this.retryAfter = retryAfter < 0 ? null : retryAfter;
      this.isTransient = library.tks_error_is_transient(pointer) === 1;
    });
  }

  toError() {
    return new TokenSourceError(this.message, this);
  }
}

/** An error as Node's own functions throw for a signal, such as those of node:timers/promises. */
function abortError(signal) {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  return Object.defineProperties(error, {
    name: { value: 'AbortError', configurable: true, writable: true },
    code: { value: 'ABORT_ERR', configurable: true, writable: true, enumerable: true },
  });
}

/** An error for an argument of the wrong type. It tells no value: it may be a secret. */
function typeError(what, expected, value) {
  const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
  return Object.assign(new TypeError(`${what} must be ${expected}, not ${found}`), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** An error for an argument of the right type that cannot be meant. */
function valueError(message) {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
}

module.exports = { TokenSourceError, Failure, abortError, typeError, valueError };
