// The token source and its token. No call blocks: while a fetch runs, a timer polls the library for its result.
'use strict';

const { fileURLToPath } = require('node:url');
const { inspect } = require('node:util');
// Imported because the tests of a program may replace the global ones with a mocked clock.
const { setTimeout, clearTimeout } = require('node:timers');
const library = require('./library');
const { ownSource, ownToken, freeToken, withConfig } = require('./handle');
const { TokenSourceError, Failure, abortError, typeError, valueError } = require('./errors');

const { tks_source_generation, tks_source_get_within, tks_token_generation } = library;

const OK = 0;
const PENDING = 10;
const STATS = { requests: 1, failures: 2, tokens: 3, waits: 4 };

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/** The option families of the library whose plural name is accepted too. */
const PLURALS = new Map([
  ['params', 'param'],
  ['headers', 'header'],
  ['claims', 'claim'],
  ['variables', 'variable'],
]);

/** The names of the options that take an object. */
const FAMILIES = new Set([...PLURALS, 'response'].flat());

// Only this module may construct a Token: an arbitrary pointer would crash the process.
const KEY = Symbol('key');

// The out parameters of the library. Each is read directly after the call that sets it.
const sourceOut = [null];
const tokenOut = [null];
const errorOut = [null];

/** An access token and the rest of its response. */
class Token {
  #pointer;
  #accessToken;
  #authorization;
  #tokenType;
  #scope;
  #generation;

  constructor(key, pointer) {
    if (key !== KEY) {
      throw new TypeError('tokens come from TokenSource.token()');
    }
    ownToken(this, pointer);
    this.#pointer = pointer;
    this.#accessToken = library.tks_token_access_token(pointer);
    this.#authorization = library.tks_token_authorization(pointer);
    this.#tokenType = library.tks_token_type(pointer);
    this.#scope = library.tks_token_scope(pointer);
    this.#generation = tks_token_generation(pointer);
    Object.freeze(this);
  }

  get accessToken() {
    return this.#accessToken;
  }

  get authorization() {
    return this.#authorization;
  }

  get tokenType() {
    return this.#tokenType;
  }

  get scope() {
    return this.#scope;
  }

  get expiresAt() {
    return new Date(library.tks_token_expires_at(this.#pointer) * 1000);
  }

  get expiresIn() {
    return library.tks_token_expires_in(this.#pointer);
  }

  get response() {
    return JSON.parse(library.tks_token_response(this.#pointer));
  }

  get generation() {
    return this.#generation;
  }

  /** Returns what a log may show. */
  toJSON() {
    const { tokenType, scope, expiresAt, generation } = this;
    return { tokenType, scope, expiresAt, generation };
  }

  [inspect.custom](depth, options) {
    return `Token ${inspect(this.toJSON(), options)}`;
  }

  static pointer(token) {
    return typeof token === 'object' && #pointer in token ? token.#pointer : undefined;
  }
}

/** Returns a valid token at any time and fetches the next one before it expires. */
class TokenSource {
  #pointer;
  #token = null;
  #generation = -1; // no token has this number
  #waiters = new Map(); // the resolve function of each waiting call, and its signal
  #waits = 0;
  #pause = FIRST_PAUSE_MS;
  #timer = null;

  constructor(options) {
    this.#pointer = withConfig((config) => {
      for (const [name, value, spelling] of optionPairs(options)) {
        if (library.tks_config_set(config, name, value, errorOut) !== OK) {
          const failure = new Failure(errorOut[0]);
          // An unknown name is reported in the caller's spelling.
          failure.message = failure.message.replace(`unknown option "${name}"`, () => `unknown option "${spelling}"`);
          throw failure.toError();
        }
      }
      throwUnlessOk(library.tks_source_new(config, sourceOut, errorOut));
      return sourceOut[0];
    });
    ownSource(this, this.#pointer);
    // A client that accepts a fetch function calls it without its source.
    Object.defineProperty(this, 'fetch', { value: this.fetch.bind(this), configurable: true, writable: true });
  }

  async token(options) {
    const signal = signalOf(options);
    return orThrow(this.#ready()) ?? (await this.#wait(signal));
  }

  async authorization(options) {
    const signal = signalOf(options);
    return (orThrow(this.#ready()) ?? (await this.#wait(signal))).authorization;
  }

  tokenIfReady() {
    const result = this.#ready();
    if (!(result instanceof Failure)) {
      return result;
    }
    if (result.code === 'TKS_CLOSED') {
      throw result.toError();
    }
    return null;
  }

  warmUp() {
    this.tokenIfReady();
  }

  invalidate(token) {
    if (token === null || token === undefined) {
      return;
    }
    const pointer = Token.pointer(token);
    if (pointer === undefined) {
      throw typeError('token', 'a token of this package', token);
    }
    library.tks_source_invalidate(this.#pointer, pointer);
  }

  get lastError() {
    const status = library.tks_source_last_error(this.#pointer, errorOut);
    return status === OK ? null : new Failure(errorOut[0]).toError();
  }

  get stats() {
    const counts = Object.entries(STATS).map(([name, which]) => [name, library.tks_source_stat(this.#pointer, which)]);
    const stats = Object.fromEntries(counts);
    // The library counts blocking calls, and this package makes none.
    stats.waits += this.#waits;
    return stats;
  }

  close() {
    library.tks_source_close(this.#pointer);
    if (this.#timer !== null) {
      this.#poll();
    }
  }

  [Symbol.dispose]() {
    this.close();
  }

  async fetch(input, init) {
    const [target, options] = snapshot(input, init);
    const request = target instanceof Request ? target : { url: target };
    const signal = options.signal === undefined ? request.signal : options.signal;
    const headers = new Headers(options.headers ?? request.headers);
    const send = (token) => {
      headers.set('authorization', token.authorization);
      return fetch(target, { ...options, headers });
    };

    let copy = null;
    try {
      const token = await this.token({ signal });
      copy = copyForRetry(request, options);
      const response = await send(token);
      if (response.status !== 401 || isFromAnotherOrigin(response, request.url)) {
        return response;
      }
      this.invalidate(token);
      if (!isReplayable(options.body)) {
        return response;
      }
      const replacement = await this.token({ signal }).catch(async (error) => {
        await discard(response);
        throw error;
      });
      // The source ignores further invalidations for a while: the API would reject the same token again.
      if (replacement === token) {
        return response;
      }
      await discard(response);
      if (copy !== null) {
        options.body = await readBody(copy, signal);
      }
      return await send(replacement);
    } catch (error) {
      // The global fetch rejects with the reason itself.
      throw signal?.aborted ? signal.reason : error;
    } finally {
      // Not awaited: the copy ends only when the body that is being sent has ended.
      discard(copy);
    }
  }

  /** Returns the current token, null while a fetch runs, or the Failure that prevents one. */
  #ready() {
    return tks_source_generation(this.#pointer) === this.#generation ? this.#token : this.#askLibrary();
  }

  /** Returns the same without the cache. The library starts a fetch if one is needed. */
  #askLibrary() {
    const status = tks_source_get_within(this.#pointer, 0, tokenOut, errorOut);
    if (status === PENDING) {
      return null;
    }
    if (status !== OK) {
      return new Failure(errorOut[0]);
    }
    const pointer = tokenOut[0];
    const generation = tks_token_generation(pointer);
    if (generation === this.#generation) {
      freeToken(pointer);
    } else {
      this.#token = new Token(KEY, pointer);
      this.#generation = generation;
    }
    return this.#token;
  }

  async #wait(signal) {
    this.#waits += 1;
    const result = await new Promise((resolve) => {
      signal?.addEventListener('abort', this.#abort, { once: true });
      this.#waiters.set(resolve, signal);
      if (this.#timer === null) {
        this.#pause = FIRST_PAUSE_MS;
        this.#startTimer();
      }
    });
    // Errors are created here, so that the stack leads to the caller.
    if (result === null) {
      throw abortError(signal);
    }
    return orThrow(result);
  }

  /** One listener for all calls, so that a signal holds it once, however many calls wait. */
  #abort = ({ target }) => {
    for (const [resolve, signal] of this.#waiters) {
      if (signal === target) {
        this.#waiters.delete(resolve);
        resolve(null);
      }
    }
    if (this.#waiters.size === 0) {
      this.#stopTimer();
    }
  };

  /** Starts the only timer. It keeps the process alive, as a program that awaits a token expects. */
  #startTimer() {
    this.#timer = setTimeout(() => this.#poll(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }

  #stopTimer() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #poll() {
    this.#stopTimer();
    const result = this.#askLibrary();
    if (result === null) {
      this.#startTimer();
      return;
    }
    for (const [resolve, signal] of this.#waiters) {
      signal?.removeEventListener('abort', this.#abort);
      resolve(result);
    }
    this.#waiters.clear();
  }
}

/** Yields each option as the library's name, its text and the caller's spelling. `clientId` becomes `client_id`. */
function* optionPairs(options) {
  if (!isPlainObject(options)) {
    throw typeError('options', 'a plain object', options);
  }
  for (const [plural, singular] of PLURALS) {
    if ((options[plural] ?? null) !== null && (options[singular] ?? null) !== null) {
      throw valueError(`options "${singular}" and "${plural}" are both given: keep one`);
    }
  }
  const given = new Set();
  for (const [name, value, spelling] of flattened(options)) {
    const text = textOf(name, value);
    if (text === undefined) {
      continue;
    }
    // The names of headers have no case (RFC 9110 section 5.1).
    const key = name.startsWith('header.') ? name.toLowerCase() : name;
    if (given.has(key)) {
      throw valueError(`option ${JSON.stringify(name)} is given twice, in two spellings: keep one`);
    }
    given.add(key);
    yield [name, text, spelling];
  }
}

/** Yields one entry per member of an option that is an object: `params: { a: 'b' }` becomes `param.a`. */
function* flattened(options) {
  for (const [camel, value] of Object.entries(options)) {
    const name = libraryName(camel);
    if (isPlainObject(value)) {
      const family = PLURALS.get(name) ?? name;
      const members = Object.entries(value);
      const any = family === 'response' ? 'access_token' : 'NAME';
      // Unsetting a member of an empty object has no effect, but the library rejects the name of an unknown family.
      for (const [member, each] of members.length > 0 ? members : [[any, null]]) {
        yield [libraryName(`${family}.${member}`), each, `${camel}.${member}`];
      }
    } else if (FAMILIES.has(name)) {
      // Without a member, the library knows no option of this name.
      if (value !== undefined && value !== null) {
        throw typeError(`option ${JSON.stringify(name)}`, 'a plain object', value);
      }
    } else {
      yield [name, value, camel];
    }
  }
}

/** Returns a name as the library writes it. `clientId` becomes `client_id`; the NAME in an option family is the program's own. */
function libraryName(camel) {
  const [, option, member] = camel.match(/^([^.]*)(.*)$/s);
  return snakeCase(option) + (option === 'response' ? snakeCase(member) : member);
}

function snakeCase(camel) {
  return camel.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Returns the text for the library. An undefined value counts as not given; null unsets the option. */
function textOf(name, value) {
  const text = value === undefined || value === null ? value : stringOf(name, value);
  for (const each of [name, text]) {
    // C would end the text at a NUL, and half of a surrogate pair has no UTF-8.
    if (each?.includes('\0')) {
      reject(`option ${JSON.stringify(name)}: a NUL is not allowed`);
    }
    if (each?.isWellFormed() === false) {
      reject(`option ${JSON.stringify(name)}: an unpaired surrogate is not allowed`);
    }
  }
  if (name === 'refresh' && text === 'inline') {
    reject('option refresh: inline would block the event loop; allowed in Node: background');
  }
  return text;
}

/** Returns a value as text, by one rule for all options. Strings in an array are joined by spaces; a file URL is its path. */
function stringOf(name, value) {
  if (value instanceof URL) {
    return value.protocol === 'file:' ? fileURLToPath(value) : value.href;
  }
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
    return value.join(' ');
  }
  if (!['string', 'number', 'boolean'].includes(typeof value)) {
    const expected = 'a string, strings in an array, a URL, a number, a boolean or null';
    throw typeError(`option ${JSON.stringify(name)}`, expected, value);
  }
  return typeof value === 'number' ? digits(value) : String(value);
}

/** Returns the number without an exponent, which the library does not read. */
function digits(value) {
  if (!/e/.test(String(value))) {
    return String(value);
  }
  return Number.isInteger(value) ? String(BigInt(value)) : value.toFixed(20).replace(/\.?0+$/, '');
}

function reject(message) {
  throw new TokenSourceError(message, { code: 'TKS_INVALID_ARGUMENT' });
}

function orThrow(result) {
  if (result instanceof Failure) {
    throw result.toError();
  }
  return result;
}

function throwUnlessOk(status) {
  if (status !== OK) {
    throw new Failure(errorOut[0]).toError();
  }
}

/** Returns whether the value is an object literal, also one of another realm or without a prototype. */
function isPlainObject(value) {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Returns the signal of a call, or undefined. Throws where a signal would otherwise be ignored. */
function signalOf(options) {
  if (options === undefined) {
    return undefined;
  }
  if (typeof options !== 'object' || options === null) {
    throw typeError('options', 'an object', options);
  }
  if (typeof options.aborted === 'boolean') {
    throw valueError('pass the signal as { signal }');
  }
  const unknown = Object.keys(options).find((key) => key !== 'signal');
  if (unknown !== undefined) {
    throw valueError(`unknown option ${JSON.stringify(unknown)}: only signal is known`);
  }
  const signal = options.signal ?? undefined;
  if (signal !== undefined && typeof signal.aborted !== 'boolean') {
    throw typeError('options.signal', 'an AbortSignal', signal);
  }
  if (signal?.aborted) {
    throw abortError(signal);
  }
  return signal;
}

/** Returns copies of the arguments of fetch, because a caller may change its own while the token is awaited. */
function snapshot(input, init) {
  const options = {};
  // Inherited members count: a Request or an AbortController may be passed as `init`.
  for (const name in init) {
    options[name] = init[name];
  }
  return [input instanceof URL ? input.href : input, options];
}

/** Returns whether a redirect led to another origin. It never received the token, so its 401 does not concern the token. */
function isFromAnotherOrigin(response, url) {
  return response.redirected && new URL(response.url).origin !== new URL(url).origin;
}

/** Releases the connection of an unread response, or a copied body. A connection that broke by itself is no error. */
async function discard(message) {
  await message?.body?.cancel().catch(() => {});
}

/** Returns a copy of a Request that is sent with its own body, or null. The global fetch itself rejects a used body. */
function copyForRetry(request, options) {
  const isOwn = (options.body ?? null) === null && (request.body ?? null) !== null;
  return isOwn && !request.bodyUsed ? request.clone() : null;
}

/** Returns the body of the copy. The copy itself cannot be sent: in Node 20 it lacks the dispatcher of its Request. */
function readBody({ body }, signal) {
  return new Response(body.pipeThrough(new TransformStream(), { signal: signal ?? undefined })).arrayBuffer();
}

/** Returns whether a body of `init` can be sent twice. A stream cannot. */
function isReplayable(body) {
  return (
    body === null ||
    typeof body !== 'object' ||
    [URLSearchParams, FormData, Blob, ArrayBuffer].some((kind) => body instanceof kind) ||
    ArrayBuffer.isView(body)
  );
}

module.exports = { TokenSource };
