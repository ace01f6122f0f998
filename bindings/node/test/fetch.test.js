// TokenSource.fetch: the header, the one retry after a 401, redirects, bodies and signals.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { createServer } = require('node:http');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { Agent } = require('undici');
const { TokenSource } = require('tokensource');
const { scripted } = require('./support');

/** Starts an API that responds with `respond(request, nth)`: a status, or a status and headers. `seen` has each request. */
async function api(t, respond) {
  const seen = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) {
      body += part;
    }
    seen.push({ authorization: request.headers.authorization, body, path: request.url, method: request.method });
    const [status, headers] = [respond(request, seen.length)].flat();
    response.writeHead(status, headers).end('response');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, seen };
}

const bearer = (seen) => seen.map(({ authorization }) => authorization);
const rejectsFirst = (request, nth) => (nth === 1 ? 401 : 200);

test('fetch adds the header to the caller\'s own and replaces the caller\'s Authorization', async (t) => {
  const { options } = await scripted(t);
  const { url, seen } = await api(t, ({ headers }) => (headers['x-own'] === 'yes' ? 200 : 400));
  const source = new TokenSource(options);
  for (const headers of [{ 'X-Own': 'yes' }, new Headers({ 'x-own': 'yes', authorization: 'Basic x' }), [['x-own', 'yes']]]) {
    const init = { headers };
    const calls = [[url, init], [new URL(url), init], [new Request(url, init)], [new Request(url), init]];
    for (const call of calls) {
      const response = await source.fetch(...call);
      assert.deepEqual([response.status, await response.text()], [200, 'response']);
    }
  }
  assert.deepEqual(new Set(bearer(seen)), new Set(['Bearer token-1']));
});

test('fetch works without its source as receiver and adds no enumerable property', async (t) => {
  const { options } = await scripted(t);
  const { url, seen } = await api(t, () => 200);
  const source = new TokenSource(options);
  const client = { fetch: source.fetch };
  assert.equal((await client.fetch(url)).status, 200);
  assert.deepEqual(bearer(seen), ['Bearer token-1']);
  assert.deepEqual(Object.keys(source), []);
});

const bodies = {
  'nothing': undefined,
  'a string': 'body',
  'form fields': new URLSearchParams({ a: 'b' }),
  'a multipart form': (() => {
    const form = new FormData();
    form.set('a', 'b');
    return form;
  })(),
  'a blob': new Blob(['body']),
  'a buffer': Buffer.from('body'),
  'an ArrayBuffer': new Uint8Array([98, 99]).buffer,
};
for (const [name, body] of Object.entries(bodies)) {
  test(`after a 401, fetch sends ${name} once more with a new token`, async (t) => {
    const { options } = await scripted(t);
    const { url, seen } = await api(t, rejectsFirst);
    const response = await new TokenSource(options).fetch(url, { method: body ? 'PUT' : 'GET', body });
    assert.equal(response.status, 200);
    assert.deepEqual(bearer(seen), ['Bearer token-1', 'Bearer token-2']);
    // The boundary of a multipart form is random.
    const [first, second] = seen.map(({ body }) => body.replaceAll(/-{6,}\S+/g, 'boundary'));
    assert.equal(first, second);
    assert.equal(first !== '', body !== undefined);
  });
}

test('fetch returns any other error status to the caller', async (t) => {
  const { options } = await scripted(t);
  const { url, seen } = await api(t, () => 403);
  const source = new TokenSource(options);
  assert.equal((await source.fetch(url)).status, 403);
  assert.equal(seen.length, 1);
  assert.equal(source.tokenIfReady()?.generation, 1);
});

test('fetch returns a second 401', async (t) => {
  const { options, seen: tokens } = await scripted(t);
  const { url, seen } = await api(t, () => 401);
  const source = new TokenSource(options);
  const response = await source.fetch(url);
  assert.equal(response.status, 401);
  assert.equal(await response.text(), 'response');
  assert.deepEqual(bearer(seen), ['Bearer token-1', 'Bearer token-2']);
  // After two rejected tokens in a row the source keeps the third.
  for (let nth = 0; nth < 5; nth += 1) {
    const again = await source.fetch(url);
    assert.deepEqual([again.status, await again.text()], [401, 'response']);
  }
  assert.ok((await tokens()).requests <= 3);
  // Two requests for each call while the token is replaced, then one.
  assert.equal(seen.length, 2 + 2 + 4);
});

test('a stream body is sent once, and the next call has a new token', async (t) => {
  const { options } = await scripted(t);
  const { url, seen } = await api(t, rejectsFirst);
  const source = new TokenSource(options);
  const streams = [() => new Blob(['body']).stream(), async function* () { yield Buffer.from('body'); }];
  const response = await source.fetch(url, { method: 'POST', body: streams[0](), duplex: 'half' });
  assert.deepEqual([response.status, await response.text(), seen.length], [401, 'response', 1]);
  await source.fetch(url, { method: 'POST', body: streams[1](), duplex: 'half' });
  assert.deepEqual(bearer(seen), ['Bearer token-1', 'Bearer token-2']);
});

for (const [name, body] of Object.entries({ ...bodies, 'a stream': new Blob(['body']).stream() })) {
  test(`after a 401, fetch sends a Request with ${name} once more, through its dispatcher`, async (t) => {
    const { options } = await scripted(t);
    const types = [];
    const { url, seen } = await api(t, ({ headers }, nth) => {
      types.push(headers['content-type']);
      return nth === 1 ? 401 : 200;
    });
    const dispatcher = new Agent();
    const dispatch = t.mock.method(dispatcher, 'dispatch');
    const request = new Request(url, { method: body ? 'PUT' : 'GET', body, duplex: 'half', dispatcher });
    assert.equal((await new TokenSource(options).fetch(request)).status, 200);
    assert.deepEqual(bearer(seen), ['Bearer token-1', 'Bearer token-2']);
    assert.equal(seen[0].body, seen[1].body);
    assert.equal(seen[0].body !== '', body !== undefined);
    assert.equal(types[0], types[1]);
    assert.equal(dispatch.mock.callCount(), 2);
    assert.equal(request.bodyUsed, body !== undefined);
  });
}

test('fetch rejects a Request with a used body as the global fetch does', async (t) => {
  const { options } = await scripted(t);
  const { url, seen } = await api(t, rejectsFirst);
  const source = new TokenSource(options);
  const request = new Request(url, { method: 'POST', body: 'body' });
  await request.text();
  const { message } = await fetch(request).catch((error) => error);
  await assert.rejects(source.fetch(request), { name: 'TypeError', message });
  // A body in init replaces the used one.
  assert.equal((await source.fetch(request, { body: 'another' })).status, 200);
  assert.deepEqual(seen.map(({ body }) => body), ['another', 'another']);
});

test('the copy of a Request is released however its fetch ends', async (t) => {
  const clone = t.mock.method(Request.prototype, 'clone');
  const outcomes = [[200, 200], [403, 403], [0, 'TypeError'], [[302, { location: 'ftp://a.example' }], 'TypeError'], [401, 401]];
  for (const [outcome, expected] of outcomes) {
    const { options } = await scripted(t);
    const { url } = await api(t, (request) => outcome || request.socket.destroy() && 200);
    const call = new TokenSource(options).fetch(new Request(url, { method: 'POST', body: 'body' }));
    assert.equal(await call.then(({ status }) => status, ({ name }) => name), expected);
    assert.equal(clone.mock.calls.at(-1).result.bodyUsed, true);
  }
  assert.equal(clone.mock.callCount(), outcomes.length);
});

test('a signal ends a fetch that reads the rest of a Request body', { timeout: 30_000 }, async (t) => {
  const { options } = await scripted(t);
  const server = createServer((request, response) => response.writeHead(401).flushHeaders());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  // This body never ends.
  const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('body')) });
  const controller = new AbortController();
  const reason = new Error('enough');
  const clone = t.mock.method(Request.prototype, 'clone');
  const init = { method: 'POST', body, duplex: 'half', signal: controller.signal };
  const call = new TokenSource(options).fetch(new Request(`http://127.0.0.1:${server.address().port}/`, init));
  while (!clone.mock.calls[0]?.result.body.locked) {
    await sleep(5);
  }
  controller.abort(reason);
  await assert.rejects(call, (error) => error === reason);
});

test('the header follows a redirect within the origin and no other redirect', async (t) => {
  const { options, seen: tokens } = await scripted(t);
  const elsewhere = await api(t, () => 401);
  const { url, seen } = await api(t, ({ url }) =>
    url === '/' ? [302, { location: '/here' }] : url === '/there' ? [307, { location: elsewhere.url }] : 200,
  );
  const source = new TokenSource(options);
  assert.equal((await source.fetch(url)).status, 200);
  assert.deepEqual(bearer(seen), ['Bearer token-1', 'Bearer token-1']);
  const response = await source.fetch(`${url}there`, { method: 'POST', body: 'body' });
  assert.equal(response.status, 401);
  // The other origin received no token, so its 401 does not invalidate one.
  assert.deepEqual(bearer(elsewhere.seen), [undefined]);
  assert.equal(source.tokenIfReady()?.accessToken, 'token-1');
  assert.equal((await tokens()).requests, 1);
});

test('a 401 after a redirect within the origin replaces the token', async (t) => {
  const { options } = await scripted(t);
  const { url, seen } = await api(t, ({ url, headers }) =>
    url === '/' ? [302, { location: '/here' }] : headers.authorization === 'Bearer token-2' ? 200 : 401,
  );
  assert.equal((await new TokenSource(options).fetch(url)).status, 200);
  assert.deepEqual(bearer(seen), ['Bearer token-1', 'Bearer token-1', 'Bearer token-2', 'Bearer token-2']);
});

for (const [outcome, second] of [['is sent again', {}], ['fails without a new token', { error: 'invalid_client' }]]) {
  test(`the response with the 401 is released when the request ${outcome}`, async (t) => {
    const { options } = await scripted(t, [{}, second]);
    let gone;
    const server = createServer((request, response) => {
      if (request.headers.authorization === 'Bearer token-2') {
        response.end();
        return;
      }
      // This response never ends by itself.
      response.writeHead(401).write('no');
      gone = once(response, 'close', { signal: AbortSignal.timeout(30_000) });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    const call = new TokenSource(options).fetch(`http://127.0.0.1:${server.address().port}/`);
    const status = await call.then(({ status }) => status, ({ oauthError }) => oauthError);
    assert.equal(status, second.error ?? 200);
    await gone;
  });
}

test('a 401 whose body breaks off does not fail the fetch', async (t) => {
  const { options } = await scripted(t, [{}, { delay: 0.3 }]);
  const server = createServer((request, response) => {
    if (request.headers.authorization === 'Bearer token-2') {
      response.end();
      return;
    }
    response.writeHead(401, { 'content-length': 9 }).write('no');
    setTimeout(() => request.socket.destroy(), 50);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const response = await new TokenSource(options).fetch(`http://127.0.0.1:${server.address().port}/`);
  assert.equal(response.status, 200);
});

test('a change to the arguments during the wait does not affect the call', async (t) => {
  const { options } = await scripted(t, [{ delay: 0.1 }]);
  const { url, seen } = await api(t, () => 200);
  const address = new URL('first', url);
  const init = { method: 'POST', body: 'first' };
  const call = new TokenSource(options).fetch(address, init);
  address.pathname = init.body = 'second';
  await call;
  assert.deepEqual(seen.map(({ path, body }) => [path, body]), [['/first', 'first']]);
});

test('a Request may be passed as init', async (t) => {
  const { options } = await scripted(t);
  const { url, seen } = await api(t, ({ headers }) => (headers['x-own'] === 'yes' ? 200 : 400));
  const init = new Request(url, { method: 'POST', body: 'body', headers: { 'x-own': 'yes' } });
  assert.equal((await new TokenSource(options).fetch(`${url}moved`, init)).status, 200);
  assert.deepEqual(seen, [{ authorization: 'Bearer token-1', body: 'body', path: '/moved', method: 'POST' }]);
});

test('an invalid signal is rejected, and null removes the signal of a Request', async (t) => {
  const { options } = await scripted(t);
  const { url } = await api(t, () => 200);
  const source = new TokenSource(options);
  await assert.rejects(source.fetch(url, { signal: 'x' }), { name: 'TypeError', message: /must be an AbortSignal/ });
  const request = new Request(url, { signal: AbortSignal.abort() });
  assert.equal((await source.fetch(request, { signal: null })).status, 200);
});

test('a replaced global fetch is called', async (t) => {
  const { options } = await scripted(t);
  const own = t.mock.method(globalThis, 'fetch', async () => new Response('', { status: own.mock.callCount() ? 200 : 401 }));
  assert.equal((await new TokenSource(options).fetch('https://api.example')).status, 200);
  assert.equal(own.mock.callCount(), 2);
});

test('fetch rejects with the reason when no replacement can be fetched', async (t) => {
  const { options } = await scripted(t, [{}, { error: 'invalid_client' }]);
  const { url } = await api(t, () => 401);
  await assert.rejects(new TokenSource(options).fetch(url), { name: 'TokenSourceError', oauthError: 'invalid_client' });
});

test('a signal rejects a fetch with its reason, during the wait for a token and after', async (t) => {
  const { options } = await scripted(t);
  const never = await scripted(t, [{ hang: true }]);
  const { url } = await api(t, () => 200);
  const reason = new Error('enough');
  const controller = new AbortController();
  const hanging = new TokenSource(never.options);
  const calls = [hanging.fetch(url, controller), hanging.fetch(new Request(url, controller))];
  controller.abort(reason);
  for (const call of calls) {
    await assert.rejects(call, (error) => error === reason || error.cause === reason);
  }
  const source = new TokenSource(options);
  await source.token();
  await assert.rejects(source.fetch(url, { signal: AbortSignal.abort(reason) }), reason);
  assert.equal((await source.fetch(url, { signal: new AbortController().signal })).status, 200);
});
