// The errors of this package, in the form that Node programs expect. Builds errors and decides nothing.
'use strict';

const library = require('./library');
const { takeError } = require('./handle');

/** The source has no token to return, or an option is invalid. */
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

/** The parts of a failed library call. Becomes an error only where a caller receives it, so that the stack leads there. */
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

/** Returns the error that Node's own functions throw for an aborted signal, such as those of node:timers/promises. */
function abortError(signal) {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  return Object.defineProperties(error, {
    name: { value: 'AbortError', configurable: true, writable: true },
    code: { value: 'ABORT_ERR', configurable: true, writable: true, enumerable: true },
  });
}

/** Returns an error for an argument of the wrong type. The message omits the value, which may be a secret. */
function typeError(what, expected, value) {
  const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
  return Object.assign(new TypeError(`${what} must be ${expected}, not ${found}`), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** Returns an error for an argument whose type is right and whose value is not. */
function valueError(message) {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
}

module.exports = { TokenSourceError, Failure, abortError, typeError, valueError };
