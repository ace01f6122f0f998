// Runs every example against a token server and an API, and checks its output.
'use strict';

const assert = require('node:assert/strict');
const { readdirSync } = require('node:fs');
const { createServer } = require('node:http');
const { join } = require('node:path');
const { test } = require('node:test');
const { PACKAGE, run, scripted } = require('./support');

/** Starts an API that rejects every token but the second. Returns its URL. */
async function api(t) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) {
      body += part;
    }
    const good = request.headers.authorization === 'Bearer token-2' && body === 'hello';
    response.writeHead(good ? 200 : 401).end(good ? 'welcome' : 'no');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

const EXPECTED = {
  'axios.mjs': '200 welcome\n',
  'errors.mjs': 'TKS_OAUTH invalid_client 401\na setting must change\n',
  'fetch.mjs': '200 welcome\n',
  'generic.mjs': 'Authorization: Bearer token-1\n',
  'got.mjs': '200 welcome\n',
  'metadata.cjs': "[ 'authorization' ]\n",
  'podero.mjs': 'Authorization: Bearer TOKEN\n',
  'source.mjs': '',
  'testing.mjs': 'Bearer test-1\nBearer test-2\n',
  'undici.mjs': '200 welcome\n',
};

test('errors.mjs reports when its time limit is over', async (t) => {
  const { url } = await scripted(t);
  const aborted = 'data:text/javascript,AbortSignal.timeout = () => AbortSignal.abort()';
  const printed = await run(['--import', aborted, 'examples/errors.mjs'], { TOKEN_URL: url, CLIENT_ID: 'id' });
  assert.equal(printed, 'no token within 5 s\n');
});

test('generic.mjs sends its scope and audience', async (t) => {
  const { url, seen } = await scripted(t);
  await run(['examples/generic.mjs'], { TOKEN_URL: url, CLIENT_ID: 'id', CLIENT_SECRET: 'horse-battery' });
  const { scope, audience } = Object.fromEntries(new URLSearchParams((await seen()).last.body));
  assert.deepEqual([scope, audience], ['read', 'https://api.example.com']);
});

test('every example has an expected output', () => {
  assert.deepEqual(readdirSync(join(PACKAGE, 'examples')).sort(), Object.keys(EXPECTED));
});

for (const [name, expected] of Object.entries(EXPECTED)) {
  test(`${name} prints the expected output`, async (t) => {
    const script = name === 'errors.mjs' ? [{ error: 'invalid_client' }] : [{}];
    const { url, seen } = await scripted(t, script, name === 'podero.mjs' ? ['--dialect', 'podero'] : []);
    const env = {
      TOKEN_URL: url,
      CLIENT_ID: 'id',
      CLIENT_SECRET: 'horse-battery',
      API_URL: await api(t),
      PODERO_TOKEN_URL: url,
      PODERO_CLIENT_ID: 'test-client',
      PODERO_CLIENT_SECRET: 'test-secret',
    };
    const printed = await run([join('examples', name)], env);
    assert.equal(printed.replace(/\b[A-Za-z0-9]{30}\b/, 'TOKEN'), expected);
    assert.equal((await seen()).requests, expected.startsWith('200') ? 2 : ['source.mjs', 'testing.mjs'].includes(name) ? 0 : 1);
  });
}
