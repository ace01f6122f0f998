// Third-party authorization servers, each configured as its users do: what they grant and what they reject.
'use strict';

const assert = require('node:assert/strict');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, describe, before, test } = require('node:test');
const { TokenSource } = require('tokensource');
const { given, read, start } = require('./support');

const clients = JSON.parse(read('tests/servers/clients.json'));
const installed = given('TOKENSOURCE_SERVERS');
const database = mkdtempSync(join(tmpdir(), 'tokensource-servers-'));

const interpreter = join(installed, 'python/venv/bin/python');
const python = (name, ...args) => [interpreter, ['-B', `tests/servers/${name}/server.py`, ...args]];
const node = (name) => [process.execPath, [`tests/servers/${name}/server.mjs`, join(installed, 'node')]];

const servers = {
  django: {
    program: python('django', 'JSONOAuthLibCore', database),
    options: { provider: 'podero' },
    lifetime: 36000,
    scope: 'read write',
  },
  authlib: {
    program: python('authlib'),
    options: { provider: 'gardin' },
    // This server decodes the header, and Gardin's own may not.
    odd: { basicEncoding: 'rfc6749' },
    lifetime: 3600,
    scope: null,
  },
  'oidc-provider': {
    program: node('oidc-provider'),
    options: { scope: 'read' },
    lifetime: 600,
    scope: 'read',
  },
  'node-oauth2-server': {
    program: node('node-oauth2-server'),
    options: { provider: 'gardin' },
    lifetime: 3600,
    scope: 'read write',
  },
};

const ends = [() => rmSync(database, { recursive: true, force: true })];
after(() => ends.forEach((end) => end()));

// Concurrent, because these tests mostly wait.
describe('real servers', { concurrency: true }, () => {
  for (const [name, { program, options, odd, lifetime, scope }] of Object.entries(servers)) {
    describe(name, { concurrency: true }, () => {
      let tokenUrl;
      const source = (clientId, more) =>
        new TokenSource({ ...options, tokenUrl, clientId, clientSecret: clients[clientId]?.secret ?? 'none', ...more });

      before(async () => {
        tokenUrl = await start({ after: (end) => ends.push(end) }, ...program);
      });

      test('grants 32 concurrent callers one token with its lifetime and scope', async () => {
        const plain = source('plain');
        const tokens = new Set(await Promise.all(Array.from({ length: 32 }, () => plain.token())));
        assert.equal(tokens.size, 1);
        const [token] = tokens;
        assert.equal(token.tokenType, 'Bearer');
        assert.equal(token.scope, scope);
        // node-oauth2-server counts from the moment it writes the response.
        assert.ok(token.expiresIn > lifetime - 60 && token.expiresIn <= lifetime, String(token.expiresIn));
        assert.equal(token.response.access_token, undefined);
        assert.equal(plain.stats.requests, 1);
      });

      test('rejects a wrong secret, and the message does not contain it', async () => {
        const wrong = source('plain', { clientSecret: 'not-the-right-horse-battery' });
        await assert.rejects(wrong.token(), ({ code, oauthError, isTransient, message }) => {
          assert.deepEqual([code, oauthError, isTransient], ['TKS_OAUTH', 'invalid_client', false]);
          assert.ok(!message.includes('not-the-right-horse-battery'), message);
          return true;
        });
        assert.equal(wrong.stats.requests, 1);
      });

      test('accepts a secret with special characters in its encoding of HTTP Basic', async () => {
        assert.equal((await source('odd+id %20', odd).token()).tokenType, 'Bearer');
      });

      test('grants a new token after the first was invalidated', async () => {
        const plain = source('plain');
        const first = await plain.token();
        plain.invalidate(first);
        assert.notEqual((await plain.token()).accessToken, first.accessToken);
      });

      test('grants the next token while the current one is in use', async () => {
        const brief = source('brief');
        const { generation } = await brief.token();
        while ((await brief.token()).generation === generation) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assert.equal(brief.stats.failures, 0);
      });
    });
  }
});
