// The token and what keeps it good. No call waits: while a fetch runs, a timer asks the library whether it has ended.
'use strict';

const { fileURLToPath } = require('node:url');
const { inspect } = require('node:util');
// Kept from a program's tests, which may put a clock of their own in place of the global ones.
const { setTimeout, clearTimeout } = require('node:timers');
const library = require('./library');
const { keepSource, keepToken, dropToken, withConfig } = require('./handle');
const { TokenSourceError, Failure, abortError, typeError, valueError } = require('./errors');

const { tks_source_generation, tks_source_get_within, tks_token_generation } = library;

const OK = 0;
const PENDING = 10;
const STATS = { requests: 1, failures: 2, tokens: 3, waits: 4 };

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

// Who shows this may make a token: a pointer of anyone's would crash.
const OURS = Symbol('ours');

// What the library writes its answers to. Read at once after each call.
const sourceOut = [null];
const tokenOut = [null];
const errorOut = [null];

/** An access token and what came with it. */
class Token {
  #pointer;
  #accessToken;
  #authorization;
  #tokenType;
  #scope;
  #generation;

  constructor(ours, pointer) {
    if (ours !== OURS) {
      throw new TypeError('tokens come from TokenSource.token()');
    }
    keepToken(this, pointer);
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

  /** What a log may show. */
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

/** Keeps a token good. */
class TokenSource {
  #pointer;
  #token = null;
  #generation = -1; // which no token has
  #waiting = new Map(); // who is to be told, and their signals
  #waits = 0;
  #pause = FIRST_PAUSE_MS;
  #timer = null;

  constructor(options) {
    this.#pointer = withConfig((config) => {
      for (const [name, value, asWritten] of texts(options)) {
        if (library.tks_config_set(config, name, value, errorOut) !== OK) {
          const failure = new Failure(errorOut[0]);
          // An unknown name is told in the spelling of whoever wrote it.
          failure.message = failure.message.replace(`unknown option "${name}"`, () => `unknown option "${asWritten}"`);
          throw failure.toError();
        }
      }
      check(library.tks_source_new(config, sourceOut, errorOut));
      return sourceOut[0];
    });
    keepSource(this, this.#pointer);
    // Handed to a client that takes a fetch, it is called without its source.
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
    const answer = this.#ready();
    if (!(answer instanceof Failure)) {
      return answer;
    }
    if (answer.code === 'TKS_CLOSED') {
      throw answer.toError();
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
    // Nobody waits in the library: who waits, waits here.
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
    const [asked, how] = asRead(input, init);
    const request = asked instanceof Request ? asked : { url: asked };
    const signal = how.signal === undefined ? request.signal : how.signal;
    const headers = new Headers(how.headers ?? request.headers);
    const send = (token) => {
      headers.set('authorization', token.authorization);
      return fetch(asked, { ...how, headers });
    };

    let spare = null;
    try {
      const token = await this.token({ signal });
      spare = spareOf(request, how);
      const response = await send(token);
      if (response.status !== 401 || answeredElsewhere(response, request.url)) {
        return response;
      }
      this.invalidate(token);
      if (!isReplayable(how.body)) {
        return response;
      }
      const another = await this.token({ signal }).catch(async (error) => {
        await letGo(response);
        throw error;
      });
      // The source has had enough of replacing: the API will go on refusing.
      if (another === token) {
        return response;
      }
      await letGo(response);
      if (spare !== null) {
        how.body = await bytesOf(spare, signal);
      }
      return await send(another);
    } catch (error) {
      // The reason itself, as the global fetch does.
      throw signal?.aborted ? signal.reason : error;
    } finally {
      // Not awaited: that would be until the body that is sent has ended too.
      letGo(spare);
    }
  }

  /** A token, null while a fetch runs, or why there is none. */
  #ready() {
    return tks_source_generation(this.#pointer) === this.#generation ? this.#token : this.#ask();
  }

  /** The same, asked of the library: that starts the fetch if one is needed. */
  #ask() {
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
      dropToken(pointer);
    } else {
      this.#token = new Token(OURS, pointer);
      this.#generation = generation;
    }
    return this.#token;
  }

  async #wait(signal) {
    this.#waits += 1;
    const answer = await new Promise((resolve) => {
      signal?.addEventListener('abort', this.#abort, { once: true });
      this.#waiting.set(resolve, signal);
      if (this.#timer === null) {
        this.#pause = FIRST_PAUSE_MS;
        this.#wake();
      }
    });
    // Made here and not where the answer is known, so that the stack leads to who awaits it.
    if (answer === null) {
      throw abortError(signal);
    }
    return orThrow(answer);
  }

  /** One function for all, which a signal therefore knows once however many wait. */
  #abort = ({ target }) => {
    for (const [resolve, signal] of this.#waiting) {
      if (signal === target) {
        this.#waiting.delete(resolve);
        resolve(null);
      }
    }
    if (this.#waiting.size === 0) {
      this.#sleep();
    }
  };

  /** The one timer. It keeps the program alive, as whoever awaits a token wants. */
  #wake() {
    this.#timer = setTimeout(() => this.#poll(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }

  #sleep() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #poll() {
    this.#sleep();
    const answer = this.#ask();
    if (answer === null) {
      this.#wake();
      return;
    }
    for (const [resolve, signal] of this.#waiting) {
      signal?.removeEventListener('abort', this.#abort);
      resolve(answer);
    }
    this.#waiting.clear();
  }
}

/** Options as the library names them: clientId is client_id, param: { a: 'b' } is param.a. */
function* texts(options) {
  if (!isPlain(options)) {
    throw typeError('options', 'a plain object', options);
  }
  const given = new Set();
  for (const [name, value, asWritten] of named(options)) {
    const text = textOf(name, value);
    if (text === undefined) {
      continue;
    }
    if (given.has(name)) {
      throw valueError(`option ${JSON.stringify(name)} is given twice, in two spellings: keep one`);
    }
    given.add(name);
    yield [name, text, asWritten];
  }
}

function* named(options) {
  for (const [camel, value] of Object.entries(options)) {
    const name = camel.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (isPlain(value)) {
      const parts = Object.entries(value);
      // Unsetting what nothing sets asks the library whether there are such options at all.
      for (const [own, each] of parts.length > 0 ? parts : [['NAME', null]]) {
        yield [`${name}.${own}`, each, `${camel}.${own}`];
      }
    } else {
      yield [name, value, camel];
    }
  }
}

/** What the library is given: undefined is nothing, as where an argument is left out, and null unsets. */
function textOf(name, value) {
  const text = value === undefined || value === null ? value : written(name, value);
  for (const each of [name, text]) {
    // C would end the text at a NUL, and half of a surrogate pair has no UTF-8.
    if (each?.includes('\0')) {
      refuse(`option ${JSON.stringify(name)}: a NUL is not allowed`);
    }
    if (each?.isWellFormed() === false) {
      refuse(`option ${JSON.stringify(name)}: an unpaired surrogate is not allowed`);
    }
  }
  if (name === 'refresh' && text === 'inline') {
    refuse('option refresh: inline would block the event loop; allowed in Node: background');
  }
  return text;
}

/** Whatever the option: strings in an array are separated by spaces, a URL is its href, and that of a file its path. */
function written(name, value) {
  if (value instanceof URL) {
    return value.protocol === 'file:' ? fileURLToPath(value) : value.href;
  }
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
    return value.join(' ');
  }
  if (!['string', 'number', 'boolean'].includes(typeof value)) {
    const expected = 'a string, strings in an array, a URL, a number, a boolean or null (header and param: a plain object)';
    throw typeError(`option ${JSON.stringify(name)}`, expected, value);
  }
  return String(value);
}

function refuse(message) {
  throw new TokenSourceError(message, { code: 'TKS_INVALID_ARGUMENT' });
}

function orThrow(answer) {
  if (answer instanceof Failure) {
    throw answer.toError();
  }
  return answer;
}

function check(status) {
  if (status !== OK) {
    throw new Failure(errorOut[0]).toError();
  }
}

function isPlain(value) {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

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

/** What is asked of fetch, read at once as the global one does: a caller may change its own while a token is awaited. */
function asRead(input, init) {
  const how = {};
  // Inherited ones too: a Request, or an AbortController, may stand in its place.
  for (const name in init) {
    how[name] = init[name];
  }
  return [input instanceof URL ? input.href : input, how];
}

/** After a redirect to another origin, which the header does not follow, a refusal says nothing about the token. */
function answeredElsewhere(response, asked) {
  return response.redirected && new URL(response.url).origin !== new URL(asked).origin;
}

/** Frees the connection of an answer, or the copy of a body, that nobody reads, unless that broke by itself. */
async function letGo(message) {
  await message?.body?.cancel().catch(() => {});
}

/** A copy of a Request whose own body is sent, for a second time. One whose body was used is the global fetch's to refuse. */
function spareOf(request, how) {
  const isOwn = (how.body ?? null) === null && (request.body ?? null) !== null;
  return isOwn && !request.bodyUsed ? request.clone() : null;
}

/** What the copy holds. It is not sent itself, for in Node 20 it lacks the dispatcher of its Request. */
function bytesOf({ body }, signal) {
  return new Response(body.pipeThrough(new TransformStream(), { signal: signal ?? undefined })).arrayBuffer();
}

/** Whether a body of init can be sent twice. A stream cannot. */
function isReplayable(body) {
  return (
    body === null ||
    typeof body !== 'object' ||
    [URLSearchParams, FormData, Blob, ArrayBuffer].some((kind) => body instanceof kind) ||
    ArrayBuffer.isView(body)
  );
}

module.exports = { TokenSource };
