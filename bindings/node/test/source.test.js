// The public methods of TokenSource, its options and its errors, against the scripted token server.
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
const { logForLeaks, scripted } = require('./support');

const CLOSED = { name: 'TokenSourceError', code: 'TKS_CLOSED' };

test('a token has the values of the response', async (t) => {
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

test('expiresIn counts down to 0 and stays there', { timeout: 60_000 }, async (t) => {
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
  // With a secret file the library does not cache the failure: the file may change.
  const more = { clientSecret: undefined, clientSecretFile: file, refreshAhead: 10, expiryMargin: 0 };
  const source = new TokenSource({ ...options, ...more });
  const token = await source.token();
  while (source.lastError === null) {
    assert.equal(source.tokenIfReady(), token);
    await sleep(20);
  }
  assert.equal(await source.token(), token);
});

test('a token is found where the option response says', async (t) => {
  const body = { data: { token: 'token-1', life: '70' }, token_type: 'JWT' };
  const { options } = await scripted(t, [{ body }]);
  const response = { accessToken: 'data.token', expiresIn: 'data.life', expiresAt: null };
  const token = await new TokenSource({ ...options, response, tokenType: 'jwt' }).token();
  assert.equal(token.accessToken, 'token-1');
  assert.equal(token.tokenType, 'JWT');
  assert.ok(token.expiresIn > 60 && token.expiresIn <= 70);
  assert.deepEqual(token.response, { data: { life: '70' }, token_type: 'JWT' });
});

test('a response without scope leaves it null', async (t) => {
  const { options } = await scripted(t);
  assert.equal((await new TokenSource(options).token()).scope, null);
});

test('all callers during a fetch share its token', async (t) => {
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

test('the first call uses the fetch that warmUp started', async (t) => {
  const { options, seen } = await scripted(t);
  const source = new TokenSource(options);
  assert.equal(source.warmUp(), undefined);
  await source.token();
  assert.equal((await seen()).requests, 1);
});

test('invalidate replaces the current token and ignores any other', async (t) => {
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

test('logs and copies contain no secret and no token', async (t) => {
  const { options } = await scripted(t, [{ error: 'invalid_client' }, {}]);
  const secret = 'correct-horse-battery-staple';
  const source = new TokenSource({ ...options, clientSecret: secret, headers: { 'x-api-key': secret }, params: { p: secret } });
  const error = await source.token().catch((error) => error);
  const good = new TokenSource(options);
  const token = await good.token();
  for (const value of [source, error, good, token, [token], { token }]) {
    const texts = [inspect(value, { depth: 9, showHidden: true }), JSON.stringify(value), inspect(structuredClone(value))];
    logForLeaks('node', ...texts);
    for (const text of texts) {
      assert.ok(!text.includes(secret) && !text.includes(token.accessToken), text);
    }
  }
  assert.match(inspect(token), /^Token \{\s+tokenType: 'Bearer'/);
  assert.equal(JSON.parse(JSON.stringify(token)).tokenType, 'Bearer');
});

test('a signal ends only the wait of its own caller', async (t) => {
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

test('a call with an aborted signal rejects at once, even if a token is cached', async (t) => {
  const { options, seen } = await scripted(t);
  const source = new TokenSource(options);
  const signal = AbortSignal.abort();
  await assert.rejects(source.token({ signal }), { name: 'AbortError' });
  assert.equal((await seen()).requests, 0);
  await source.token();
  await assert.rejects(source.token({ signal }), { name: 'AbortError' });
});

test('a thousand callers with one signal leave no listener and cause no warning', async (t) => {
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

test('close rejects all waiting and later calls at once', async (t) => {
  const { options } = await scripted(t, [{ hang: true }]);
  const source = new TokenSource(options);
  const waiting = [source.token(), source.token(), source.authorization()];
  const codes = [];
  waiting.forEach((call) => call.catch((error) => codes.push(error.code)));
  source.close();
  // The calls reject without waiting for a timer.
  await new Promise(setImmediate);
  assert.deepEqual(codes, Array(3).fill('TKS_CLOSED'));
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

test('a mocked clock does not stop a fetch', async (t) => {
  const { options } = await scripted(t, [{ delay: 0.1 }]);
  const source = new TokenSource(options);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  assert.equal((await source.token()).generation, 1);
});

test('options are in camel case, and a value of another type is rejected', async (t) => {
  const { options, seen } = await scripted(t);
  const source = new TokenSource({
    ...options,
    timeout: 5.5,
    maxAttempts: 1,
    allowInsecureHttp: false,
    audience: undefined,
    scope: null,
    params: { extra_one: 'a b', asItIs: 5, left: undefined },
    headers: { 'X-Extra': 'é' },
  });
  await source.token();
  const { last } = await seen();
  assert.match(last.body, /extra_one=a/);
  assert.match(last.body, /asItIs=5/);
  assert.equal(last.headers['x-extra'], 'é');
  assert.ok(!last.body.includes('audience') && !last.body.includes('left'), last.body);

  const rejected = (more, expected) => assert.throws(() => new TokenSource({ ...options, ...more }), expected);
  const invalid = (message) => ({ name: 'TokenSourceError', code: 'TKS_INVALID_ARGUMENT', message });
  rejected({ clientIdd: 'x' }, invalid(/^unknown option "clientIdd", did you mean client_id\?/));
  rejected({ clientID: 'x' }, invalid(/^unknown option "clientID", did you mean client_id\?/));
  rejected({ client_idd: 'x' }, invalid(/^unknown option "client_idd", did you mean client_id\?/));
  new TokenSource({ ...options, params: {}, headers: {} }).close();
  new TokenSource({ ...options, param: {}, header: {} }).close();
  new TokenSource({ ...options, response: {} }).close();
  rejected({ response: { scope: 'a' } }, invalid(/allowed: response.access_token, response.expires_in, response.expires_at/));
  rejected({ response: { accessToken: 'a..b' } }, invalid(/^option response.access_token: a name is empty/));
  rejected({ http: {} }, invalid(/^unknown option "http.NAME"/));
  rejected({ timeout: {} }, invalid(/^unknown option "timeout.NAME", did you mean timeout\?/));
  rejected({ httpHeader: { 'X-A': 'x' } }, invalid(/^unknown option "httpHeader.X-A"/));
  rejected({ timeout: { a: 1 } }, invalid(/unknown option "timeout.a"/));
  rejected({ timeout: 0 }, invalid(/timeout.*above 0/));
  rejected({ timeout: NaN }, invalid(/timeout/));
  rejected({ timeout: 1e-10 }, invalid('option timeout: "0.0000000001" is not above 0; allowed: seconds above 0 up to 10 years, such as 2.5'));
  rejected({ timeout: 1e21 }, invalid(/^option timeout: "1000000000000000000000" is above 10 years/));
  rejected({ refresh: 'inline' }, invalid(/block the event loop/));
  rejected({ refresh: ['inline'] }, invalid(/block the event loop/));
  rejected({ clientSecret: 'hush-hush\0' }, invalid('option "client_secret": a NUL is not allowed'));
  rejected({ param: { a: '\ud800' } }, invalid('option "param.a": an unpaired surrogate is not allowed'));
  rejected({ scope: ['a', 'b\0'] }, invalid('option "scope": a NUL is not allowed'));
  rejected({ clientId: null }, { name: 'TokenSourceError', code: 'TKS_INVALID_CONFIG' });
  for (const value of [5n, Symbol('x'), () => 1, [5], ['x', null], new Date(), Buffer.from('x')]) {
    rejected({ clientSecret: value }, { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /"client_secret" must be/ });
  }
  for (const name of ['header', 'headers', 'param', 'params', 'claim', 'claims', 'variable', 'variables']) {
    const message = `option "${name}" must be a plain object, not object`;
    rejected({ [name]: new Headers() }, { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message });
  }
  for (const value of [undefined, null, 'x', 5, []]) {
    assert.throws(() => new TokenSource(value), { name: 'TypeError', message: /^options must be a plain object/ });
  }
  await assert.rejects(source.token('x'), { name: 'TypeError' });
  await assert.rejects(source.token({ signal: 'x' }), { name: 'TypeError' });
});

const KEY = JSON.stringify({
  // The key of RFC 8037 A.1, which is public.
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
});

test('claims are texts under their own names', async (t) => {
  const { options, seen } = await scripted(t);
  const named = { boxSubType: 'enterprise', level: 3, snake_case: true, empty: '', left: undefined };
  for (const claims of [{ claims: named }, { claim: named }]) {
    await new TokenSource({ ...options, clientSecret: undefined, signingKey: KEY, ...claims }).token();
    const sent = new URLSearchParams((await seen()).last.body).get('client_assertion');
    const { iss, sub, aud, jti, iat, exp, ...own } = JSON.parse(Buffer.from(sent.split('.')[1], 'base64url'));
    assert.deepEqual([iss, sub, aud, exp - iat], ['test-client', 'test-client', options.tokenUrl, 60]);
    assert.match(jti, /^[\w-]{22}$/);
    assert.deepEqual(own, { boxSubType: 'enterprise', level: '3', snake_case: 'true', empty: '' });
  }
});

test('variables fill a provider file', async (t) => {
  const { options, seen } = await scripted(t);
  const { host, pathname } = new URL(options.tokenUrl);
  const file = join(mkdtempSync(join(tmpdir(), 'tokensource-')), 'provider.conf');
  t.after(() => rmSync(dirname(file), { recursive: true }));
  writeFileSync(file, `token_url = http://{host}${pathname}\nparam.tenant = {tenantId}\n`);
  for (const variables of [{ variables: { host, tenantId: 7 } }, { variable: { host, tenantId: '7' } }]) {
    const at = { ...options, tokenUrl: undefined, providerFile: pathToFileURL(file), ...variables };
    await new TokenSource(at).token();
    assert.match((await seen()).last.body, /tenant=7/);
  }
  assert.throws(() => new TokenSource({ ...options, variable: { host }, variables: { host } }), {
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_VALUE',
    message: 'options "variable" and "variables" are both given: keep one',
  });
});

test('options may be a plain object of another realm or without a prototype', async (t) => {
  const { options } = await scripted(t);
  const elsewhere = runInNewContext('(entries) => Object.fromEntries(entries)')(Object.entries(options));
  for (const plain of [elsewhere, Object.assign(Object.create(null), options)]) {
    assert.equal((await new TokenSource(plain).token()).tokenType, 'Bearer');
  }
  for (const other of [new (class Options {})(), Object.create(options), new Map(Object.entries(options))]) {
    assert.throws(() => new TokenSource(other), { name: 'TypeError', message: /^options must be a plain object/ });
  }
});

test('strings in an array are joined by spaces, and a URL is its href', async (t) => {
  const { options, seen } = await scripted(t);
  const more = { tokenUrl: new URL(options.tokenUrl), scope: ['read', 'write'], audience: new URL('https://a.example') };
  await new TokenSource({ ...options, ...more, params: { list: ['a', 'b'] } }).token();
  const sent = Object.fromEntries(new URLSearchParams((await seen()).last.body));
  assert.equal(sent.scope, 'read write');
  assert.equal(sent.audience, 'https://a.example/');
  assert.equal(sent.list, 'a b');
  const proxied = new TokenSource({ ...options, proxy: new URL('http://user:pass@127.0.0.1:9') });
  proxied.close();
  assert.throws(() => new TokenSource({ ...options, scope: [] }), { code: 'TKS_INVALID_ARGUMENT', message: /the value is empty/ });
});

test('a file URL is its path', async (t) => {
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

test('an option in two spellings is rejected, unless one is undefined', async (t) => {
  const { options } = await scripted(t);
  const rejected = (more, name) =>
    assert.throws(() => new TokenSource({ ...options, ...more }), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: `option "${name}" is given twice, in two spellings: keep one`,
    });
  rejected({ client_id: 'other' }, 'client_id');
  rejected({ client_id: null }, 'client_id');
  rejected({ 'param': { a: 1 }, 'param.a': 2 }, 'param.a');
  assert.equal((await new TokenSource({ ...options, client_id: undefined }).token()).generation, 1);
});

test('params and headers are the plural names of param and header', async (t) => {
  const { options, seen } = await scripted(t);
  const sent = async (more) => {
    await new TokenSource({ ...options, ...more }).token();
    const { body, headers } = (await seen()).last;
    return [new URLSearchParams(body).get('organization'), headers['x-own']];
  };
  const [members, own] = [{ organization: 'one' }, { 'X-Own': 'two' }];
  assert.deepEqual(await sent({ params: members, headers: own }), ['one', 'two']);
  assert.deepEqual(await sent({ param: members, header: own }), ['one', 'two']);
  assert.deepEqual(await sent({ params: members, headers: own, param: undefined, header: undefined }), ['one', 'two']);
  assert.deepEqual(await sent({ params: members, headers: own, param: null, header: null }), ['one', 'two']);
  assert.deepEqual(await sent({ 'params': members, 'header.x-own': 'two' }), ['one', 'two']);
  assert.deepEqual(await sent({ 'param.organization': 'one', 'header.X-Own': 'two' }), ['one', 'two']);
  assert.deepEqual(await sent({ params: { organization: 1e-7 }, headers: { 'X-Own': -1.5e21 } }), ['0.0000001', '-1500000000000000000000']);
  assert.deepEqual(await sent({ params: null, headers: null }), [null, undefined]);

  const rejected = (more, expected) => assert.throws(() => new TokenSource({ ...options, ...more }), expected);
  const twice = (message) => ({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message });
  for (const plural of [{}, members]) {
    rejected({ param: {}, params: plural }, twice('options "param" and "params" are both given: keep one'));
    rejected({ header: {}, headers: plural }, twice('options "header" and "headers" are both given: keep one'));
  }
  const response = { 'response': { accessToken: 'a' }, 'response.access_token': 'b' };
  rejected(response, twice('option "response.access_token" is given twice, in two spellings: keep one'));
  new TokenSource({ ...options, 'response': null, 'response.accessToken': 'a' }).close();
  for (const own of [{ 'param.a': 2 }, { 'param.a': null }]) {
    rejected({ params: { a: 1 }, ...own }, twice('option "param.a" is given twice, in two spellings: keep one'));
  }
  // Names of headers have no case, and names of parameters have one.
  for (const own of [{ headers: { 'X-A': 1, 'x-a': 2 } }, { 'headers': { 'X-A': 1 }, 'header.x-a': 2 }]) {
    rejected(own, twice('option "header.x-a" is given twice, in two spellings: keep one'));
  }
  new TokenSource({ ...options, params: { a: 1, A: 2 } }).close();
  // Each error has the spelling of the caller, or the library's name of a known option.
  const invalid = (message) => ({ name: 'TokenSourceError', code: 'TKS_INVALID_ARGUMENT', message });
  for (const [name, value, found] of [['params', 'a=1', 'string'], ['headers', ['a'], 'an array'], ['response', 1, 'number']]) {
    const message = `option "${name}" must be a plain object, not ${found}`;
    rejected({ [name]: value }, { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message });
  }
  rejected({ params: { 'a b': 1 } }, invalid(/^option param\.NAME: /));
  rejected({ headers: { Authorization: 'Basic horse-battery' } }, invalid(/^option header\.NAME: authorization /));
});

test('an argument other than { signal } is rejected, so that no signal is ignored', async (t) => {
  const { options, seen } = await scripted(t);
  const source = new TokenSource(options);
  const { signal } = new AbortController();
  for (const method of [source.token, source.authorization]) {
    const call = (given) => method.call(source, given);
    await assert.rejects(call(signal), { name: 'TypeError', message: 'pass the signal as { signal }' });
    await assert.rejects(call({ sginal: signal }), { name: 'TypeError', message: /^unknown option "sginal"/ });
    await assert.rejects(call({ signal, timeout: 5 }), { name: 'TypeError', message: /^unknown option "timeout"/ });
  }
  assert.equal((await seen()).requests, 0);
});

test('null unsets what a provider sets', async (t) => {
  const { options, seen } = await scripted(t);
  const podero = { ...options, provider: 'podero' };
  const noCache = async (headers) => {
    await new TokenSource({ ...podero, headers }).token();
    return (await seen()).last.headers['cache-control'];
  };
  assert.equal(await noCache({}), 'no-cache');
  assert.equal(await noCache({ 'cache-control': undefined }), 'no-cache');
  assert.equal(await noCache({ 'cache-control': null }), undefined);
});

test('an error has its parts and a stack that leads to the caller', async (t) => {
  const parts = { error: 'invalid_client', error_description: 'no such client', error_uri: 'https://a.example/why' };
  const { options } = await scripted(t, [{ status: 401, body: parts, delay: 0.1 }]);
  const source = new TokenSource(options);
  async function caller() {
    await source.token();
  }
  const error = await caller().catch((error) => error);
  assert.ok(error instanceof TokenSourceError && error instanceof Error);
  assert.match(error.stack, /^TokenSourceError: .*invalid_client[^]*at async caller/);
  assert.match(String(error), /^TokenSourceError: /);
  const { code, oauthError, oauthUri, httpStatus, isTransient, retryAfter } = error;
  assert.deepEqual([code, oauthError, oauthUri, httpStatus, isTransient], ['TKS_OAUTH', 'invalid_client', parts.error_uri, 401, false]);
  assert.equal(error.oauthDescription, parts.error_description);
  assert.ok(retryAfter > 30 && retryAfter <= 60, String(retryAfter));
  assert.equal(source.lastError.message, error.message);
  assert.equal(source.stats.failures, 1);
  // During the hold-off each call rejects at once, with an error of its own.
  const again = await source.token().catch((error) => error);
  assert.notEqual(again, error);
  assert.equal(source.tokenIfReady(), null);
  source.warmUp();
  source.close();
  assert.equal((await source.token().catch((error) => error)).retryAfter, null);
  // 0 is a number of seconds, not the absence of one.
  assert.equal(new TokenSourceError('a test', { code: 'TKS_HTTP', retryAfter: 0 }).retryAfter, 0);
});

test('an error without a response has none of its parts', async (t) => {
  const { options } = await scripted(t, [{ close: 'before' }]);
  const error = await new TokenSource({ ...options, maxAttempts: 1 }).token().catch((error) => error);
  const { code, oauthError, oauthDescription, oauthUri, httpStatus, isTransient } = error;
  assert.deepEqual([code, isTransient], ['TKS_NETWORK', true]);
  assert.deepEqual([oauthError, oauthDescription, oauthUri, httpStatus], [null, null, null, null]);
});

test('a program cannot construct a token', async (t) => {
  const { options } = await scripted(t, [{}]);
  const source = new TokenSource(options);
  const token = await source.token();
  assert.throws(() => new token.constructor(5n), { name: 'TypeError', message: /^tokens come from/ });
  source.close();
});
