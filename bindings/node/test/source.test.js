'use strict';

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { pathToFileURL } = require('node:url');
const { inspect } = require('node:util');
const { runInNewContext } = require('node:vm');
const { TokenSource, TokenSourceError } = require('tokensource');
const { said, scripted } = require('./support');

const CLOSED = { name: 'TokenSourceError', code: 'TKS_CLOSED' };

test('a token has what the server said', async (t) => {
  const { options } = await scripted(t, [{ scope: 'read write' }]);
  const source = new TokenSource(options);
  const token = await source.token();
  const { accessToken, tokenType, scope, generation, expiresIn, expiresAt, response } = token;
  assert.equal(tokenType, 'Bearer');
  assert.equal(token.authorization, `Bearer ${accessToken}`);
  assert.equal(await source.authorization(), `Bearer ${accessToken}`);
  assert.equal(scope, 'read write');
  assert.equal(generation, 1);
  assert.ok(expiresIn > 3000 && expiresIn <= 3600, String(expiresIn));
  assert.ok(Math.abs(expiresAt - (Date.now() + 3600e3)) < 600e3, String(expiresAt));
  assert.deepEqual(response, { expires_in: 3600, scope: 'read write', token_type: 'Bearer' });
  assert.ok(Object.isFrozen(token));
  assert.equal(await source.token(), token);
});

// Until then it tells where it stands.
test('the seconds that a token has left end at 0', { timeout: 60_000 }, async (t) => {
  const { options } = await scripted(t, [{ expires_in: 1 }]);
  const token = await new TokenSource(options).token();
  while (token.expiresIn > 0) {
    assert.ok(token.expiresIn <= 1);
    await sleep(20);
  }
  assert.equal(token.expiresIn, 0);
  assert.ok(token.expiresAt <= new Date());
});

test('a token stays the same object while its refreshes fail', { timeout: 60_000 }, async (t) => {
  const { options } = await scripted(t, [{ expires_in: 10 }, { status: 503 }]);
  const file = join(mkdtempSync(join(tmpdir(), 'tokensource-')), 'secret');
  t.after(() => rmSync(dirname(file), { recursive: true }));
  writeFileSync(file, 'secret');
  // With such a file the library is asked each time, for it may be mended.
  const more = { clientSecret: undefined, clientSecretFile: file, refreshAhead: 10, expiryMargin: 0 };
  const source = new TokenSource({ ...options, ...more });
  const token = await source.token();
  while (source.lastError === null) {
    assert.equal(source.tokenIfReady(), token);
    await sleep(20);
  }
  assert.equal(await source.token(), token);
});

test('a server that says nothing of scope leaves it null', async (t) => {
  const { options } = await scripted(t);
  assert.equal((await new TokenSource(options).token()).scope, null);
});

test('who comes while a fetch runs shares it, and nobody is left behind', async (t) => {
  const { options, seen } = await scripted(t, [{ delay: 0.3 }]);
  const source = new TokenSource(options);
  assert.equal(source.tokenIfReady(), null);
  const calls = Array.from({ length: 32 }, () => source.token());
  const tokens = new Set(await Promise.all(calls));
  assert.equal(tokens.size, 1);
  assert.equal(source.tokenIfReady(), [...tokens][0]);
  assert.equal((await seen()).requests, 1);
  assert.deepEqual(source.stats, { requests: 1, failures: 0, tokens: 1, waits: 32 });
});

test('warmUp starts the fetch that the first call then finds done or joins', async (t) => {
  const { options, seen } = await scripted(t);
  const source = new TokenSource(options);
  assert.equal(source.warmUp(), undefined);
  await source.token();
  assert.equal((await seen()).requests, 1);
});

test('an invalidated token is replaced, any other changes nothing', async (t) => {
  const { options } = await scripted(t, [{ delay: 0.3 }]);
  const [source, other] = [new TokenSource(options), new TokenSource(options)];
  const first = await source.token();
  source.invalidate(await other.token());
  source.invalidate(null);
  source.invalidate(undefined);
  assert.equal(await source.token(), first);
  source.invalidate(first);
  assert.equal(source.tokenIfReady(), null);
  const second = await source.token();
  assert.notEqual(second.accessToken, first.accessToken);
  source.invalidate(first);
  assert.equal(await source.token(), second);
  for (const wrong of ['Bearer x', {}, 5, structuredClone(second)]) {
    assert.throws(() => source.invalidate(wrong), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  }
});

test('nothing that prints or copies shows a secret or a token', async (t) => {
  const { options } = await scripted(t, [{ error: 'invalid_client' }, {}]);
  const secret = 'correct-horse-battery-staple';
  const source = new TokenSource({ ...options, clientSecret: secret, header: { 'x-api-key': secret }, param: { p: secret } });
  const error = await source.token().catch((error) => error);
  const good = new TokenSource(options);
  const token = await good.token();
  for (const value of [source, error, good, token, [token], { token }]) {
    const texts = [inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value), inspect(structuredClone(value))];
    said('node', ...texts);
    for (const text of texts) {
      assert.ok(!text.includes(secret) && !text.includes(token.accessToken), text);
    }
  }
  assert.match(inspect(token), /^Token \{\s+tokenType: 'Bearer'/);
  assert.equal(JSON.parse(JSON.stringify(token)).tokenType, 'Bearer');
});

test('a signal ends the wait of its caller alone', async (t) => {
  const { options } = await scripted(t, [{ delay: 0.5 }]);
  const source = new TokenSource(options);
  const controller = new AbortController();
  const stays = source.token();
  const leaves = [source.token(controller), source.authorization(controller)];
  const reason = new Error('enough');
  controller.abort(reason);
  for (const call of leaves) {
    await assert.rejects(call, { name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  }
  assert.deepEqual(getEventListeners(controller.signal, 'abort'), []);
  assert.equal((await stays).generation, 1);
  assert.equal((await source.token({ signal: new AbortController().signal })).generation, 1);
});

test('a signal that was aborted before is told at once, also where a token is ready', async (t) => {
  const { options, seen } = await scripted(t);
  const source = new TokenSource(options);
  const signal = AbortSignal.abort();
  await assert.rejects(source.token({ signal }), { name: 'AbortError' });
  assert.equal((await seen()).requests, 0);
  await source.token();
  await assert.rejects(source.token({ signal }), { name: 'AbortError' });
});

test('a thousand callers of one signal leave no listener and no warning behind', async (t) => {
  const { options } = await scripted(t, [{ delay: 0.2 }]);
  const source = new TokenSource(options);
  const warnings = [];
  const note = (warning) => warnings.push(warning);
  process.on('warning', note);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 1000 }, () => source.token({ signal })));
  await new Promise(setImmediate);
  process.off('warning', note);
  assert.deepEqual([getEventListeners(signal, 'abort'), warnings], [[], []]);
});

test('close ends every wait at once and the source for good', async (t) => {
  const { options } = await scripted(t, [{ hang: true }]);
  const source = new TokenSource(options);
  const waiting = [source.token(), source.token(), source.authorization()];
  const told = [];
  waiting.forEach((call) => call.catch((error) => told.push(error.code)));
  source.close();
  // No timer is waited for.
  await new Promise(setImmediate);
  assert.deepEqual(told, Array(3).fill('TKS_CLOSED'));
  for (const call of waiting) {
    await assert.rejects(call, CLOSED);
  }
  await assert.rejects(source.token(), CLOSED);
  await assert.rejects(source.fetch(options.tokenUrl), CLOSED);
  assert.throws(() => source.tokenIfReady(), CLOSED);
  assert.throws(() => source.warmUp(), CLOSED);
  source.close();
  assert.equal(source.lastError, null);
});

test('a token outlives its closed source', async (t) => {
  const { options } = await scripted(t);
  const source = new TokenSource(options);
  const token = await source.token();
  source[Symbol.dispose]();
  await assert.rejects(source.token(), CLOSED);
  assert.match(token.authorization, /^Bearer /);
  assert.ok(token.expiresIn > 0);
  source.invalidate(token);
});

test('a program that sets its own clock still gets its token', async (t) => {
  const { options } = await scripted(t, [{ delay: 0.1 }]);
  const source = new TokenSource(options);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  assert.equal((await source.token()).generation, 1);
});

test('options are named in camel case by one rule, and what is not plain text is refused', async (t) => {
  const { options, seen } = await scripted(t);
  const source = new TokenSource({
    ...options,
    timeout: 5.5,
    maxAttempts: 1,
    allowInsecureHttp: false,
    audience: undefined,
    scope: null,
    param: { extra_one: 'a b', asItIs: 5, left: undefined },
    header: { 'X-Extra': 'é' },
  });
  await source.token();
  const { last } = await seen();
  assert.match(last.body, /extra_one=a/);
  assert.match(last.body, /asItIs=5/);
  assert.equal(last.headers['x-extra'], 'é');
  assert.ok(!last.body.includes('audience') && !last.body.includes('left'), last.body);

  const refused = (more, expected) => assert.throws(() => new TokenSource({ ...options, ...more }), expected);
  const refusal = (message) => ({ name: 'TokenSourceError', code: 'TKS_INVALID_ARGUMENT', message });
  refused({ clientIdd: 'x' }, refusal(/^unknown option "clientIdd", did you mean client_id\?/));
  refused({ clientID: 'x' }, refusal(/^unknown option "clientID", did you mean client_id\?/));
  refused({ client_idd: 'x' }, refusal(/^unknown option "client_idd", did you mean client_id\?/));
  new TokenSource({ ...options, param: {}, header: {} }).close();
  refused({ http: {} }, refusal(/^unknown option "http.NAME"/));
  refused({ timeout: {} }, refusal(/^unknown option "timeout.NAME", did you mean timeout\?/));
  refused({ httpHeader: { 'X-A': 'x' } }, refusal(/^unknown option "httpHeader.X-A"/));
  refused({ timeout: { a: 1 } }, refusal(/unknown option "timeout.a"/));
  refused({ timeout: 0 }, refusal(/timeout.*above 0/));
  refused({ timeout: NaN }, refusal(/timeout/));
  refused({ timeout: 1e-7 }, refusal(/timeout/));
  refused({ refresh: 'inline' }, refusal(/block the event loop/));
  refused({ refresh: ['inline'] }, refusal(/block the event loop/));
  refused({ clientSecret: 'hush-hush\0' }, refusal('option "client_secret": a NUL is not allowed'));
  refused({ param: { a: '\ud800' } }, refusal('option "param.a": an unpaired surrogate is not allowed'));
  refused({ scope: ['a', 'b\0'] }, refusal('option "scope": a NUL is not allowed'));
  refused({ clientId: null }, { name: 'TokenSourceError', code: 'TKS_INVALID_CONFIG' });
  for (const value of [5n, Symbol('x'), () => 1, [5], ['x', null], new Date(), Buffer.from('x')]) {
    refused({ clientSecret: value }, { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /"client_secret" must be/ });
  }
  refused({ header: new Headers() }, { name: 'TypeError', message: /"header" must be .* \(header and param: a plain object\)/ });
  for (const value of [undefined, null, 'x', 5, []]) {
    assert.throws(() => new TokenSource(value), { name: 'TypeError', message: /^options must be a plain object/ });
  }
  await assert.rejects(source.token('x'), { name: 'TypeError' });
  await assert.rejects(source.token({ signal: 'x' }), { name: 'TypeError' });
});

test('options are a plain object, of any realm or without a prototype', async (t) => {
  const { options } = await scripted(t);
  const elsewhere = runInNewContext('(entries) => Object.fromEntries(entries)')(Object.entries(options));
  for (const plain of [elsewhere, Object.assign(Object.create(null), options)]) {
    assert.equal((await new TokenSource(plain).token()).tokenType, 'Bearer');
  }
  for (const other of [new (class Own {})(), Object.create(options), new Map(Object.entries(options))]) {
    assert.throws(() => new TokenSource(other), { name: 'TypeError', message: /^options must be a plain object/ });
  }
});

test('strings in an array are joined by spaces, and a URL is its href', async (t) => {
  const { options, seen } = await scripted(t);
  const more = { tokenUrl: new URL(options.tokenUrl), scope: ['read', 'write'], audience: new URL('https://a.example') };
  await new TokenSource({ ...options, ...more, param: { list: ['a', 'b'] } }).token();
  const sent = Object.fromEntries(new URLSearchParams((await seen()).last.body));
  assert.equal(sent.scope, 'read write');
  assert.equal(sent.audience, 'https://a.example/');
  assert.equal(sent.list, 'a b');
  const proxied = new TokenSource({ ...options, proxy: new URL('http://user:pass@127.0.0.1:9') });
  proxied.close();
  assert.throws(() => new TokenSource({ ...options, scope: [] }), { code: 'TKS_INVALID_ARGUMENT', message: /the value is empty/ });
});

test('a URL of a file is its path', async (t) => {
  const { options, seen } = await scripted(t);
  const file = join(mkdtempSync(join(tmpdir(), 'tokensource-')), 'a secret');
  t.after(() => rmSync(dirname(file), { recursive: true }));
  writeFileSync(file, 'horse-battery');
  const at = (url) => new TokenSource({ ...options, clientSecret: undefined, clientSecretFile: new URL(url) });
  await at(pathToFileURL(file)).token();
  const { authorization } = (await seen()).last.headers;
  assert.equal(Buffer.from(authorization.slice('Basic '.length), 'base64').toString(), 'test-client:horse-battery');
  assert.throws(() => at('file:///a%00b'), { code: 'TKS_INVALID_ARGUMENT', message: /a NUL is not allowed/ });
  assert.throws(() => at('file://elsewhere/a'), { name: 'TypeError', code: 'ERR_INVALID_FILE_URL_HOST' });
});

test('an option in two spellings is refused, one that is left out is none', async (t) => {
  const { options } = await scripted(t);
  const refused = (more, name) =>
    assert.throws(() => new TokenSource({ ...options, ...more }), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: `option "${name}" is given twice, in two spellings: keep one`,
    });
  refused({ client_id: 'other' }, 'client_id');
  refused({ client_id: null }, 'client_id');
  refused({ 'param': { a: 1 }, 'param.a': 2 }, 'param.a');
  assert.equal((await new TokenSource({ ...options, client_id: undefined }).token()).generation, 1);
});

test('what is not { signal } is refused where a signal would be lost', async (t) => {
  const { options, seen } = await scripted(t);
  const source = new TokenSource(options);
  const { signal } = new AbortController();
  for (const ask of [() => source.token, () => source.authorization]) {
    const call = (given) => ask().call(source, given);
    await assert.rejects(call(signal), { name: 'TypeError', message: 'pass the signal as { signal }' });
    await assert.rejects(call({ sginal: signal }), { name: 'TypeError', message: /^unknown option "sginal"/ });
    await assert.rejects(call({ signal, timeout: 5 }), { name: 'TypeError', message: /^unknown option "timeout"/ });
  }
  assert.equal((await seen()).requests, 0);
});

test('null takes away what a provider sets', async (t) => {
  const { options, seen } = await scripted(t);
  const podero = { ...options, provider: 'podero' };
  const noCache = async (header) => {
    await new TokenSource({ ...podero, header }).token();
    return (await seen()).last.headers['cache-control'];
  };
  assert.equal(await noCache({}), 'no-cache');
  assert.equal(await noCache({ 'cache-control': undefined }), 'no-cache');
  assert.equal(await noCache({ 'cache-control': null }), undefined);
});

test('an error has its parts and a stack that leads to who awaited it', async (t) => {
  const parts = { error: 'invalid_client', error_description: 'no such client', error_uri: 'https://a.example/why' };
  const { options } = await scripted(t, [{ status: 401, body: parts, delay: 0.1 }]);
  const source = new TokenSource(options);
  async function whoAsks() {
    await source.token();
  }
  const error = await whoAsks().catch((error) => error);
  assert.ok(error instanceof TokenSourceError && error instanceof Error);
  assert.match(error.stack, /^TokenSourceError: .*invalid_client[^]*at async whoAsks/);
  assert.match(String(error), /^TokenSourceError: /);
  const { code, oauthError, oauthUri, httpStatus, isTransient, retryAfter } = error;
  assert.deepEqual([code, oauthError, oauthUri, httpStatus, isTransient], ['TKS_OAUTH', 'invalid_client', parts.error_uri, 401, false]);
  assert.equal(error.oauthDescription, parts.error_description);
  assert.ok(retryAfter > 30 && retryAfter <= 60, String(retryAfter));
  assert.equal(source.lastError.message, error.message);
  assert.equal(source.stats.failures, 1);
  // Held off: told at once, each its own error.
  const again = await source.token().catch((error) => error);
  assert.notEqual(again, error);
  assert.equal(source.tokenIfReady(), null);
  source.warmUp();
  source.close();
  assert.equal((await source.token().catch((error) => error)).retryAfter, null);
  // Now, and not never.
  assert.equal(new TokenSourceError('a test', { code: 'TKS_HTTP', retryAfter: 0 }).retryAfter, 0);
});

test('where no answer came, an error has no part of one', async (t) => {
  const { options } = await scripted(t, [{ close: 'before' }]);
  const error = await new TokenSource({ ...options, maxAttempts: 1 }).token().catch((error) => error);
  const { code, oauthError, oauthDescription, oauthUri, httpStatus, isTransient } = error;
  assert.deepEqual([code, isTransient], ['TKS_NETWORK', true]);
  assert.deepEqual([oauthError, oauthDescription, oauthUri, httpStatus], [null, null, null, null]);
});

test('nobody else makes a token', async (t) => {
  const { options } = await scripted(t, [{}]);
  const source = new TokenSource(options);
  const token = await source.token();
  assert.throws(() => new token.constructor(5n), { name: 'TypeError', message: /^tokens come from/ });
  source.close();
});
