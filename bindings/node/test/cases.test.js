// Runs the cases of tests/cases/*.json whose clock is real. tests/cases/case.rs describes the format.
//
// A time may be 0.2 s early and 0.5 s late, unless the step has a tolerance of its own.
'use strict';

const assert = require('node:assert/strict');
const { mkdtempSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { after, before, describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { TokenSource } = require('tokensource');
const { given, read, scripted } = require('./support');

const files = readdirSync(join(given('TOKENSOURCE_TREE'), 'tests/cases')).filter((name) => name.endsWith('.json'));
const cases = files.flatMap((name) => JSON.parse(read(`tests/cases/${name}`))).filter(({ clock }) => clock === 'real');

// In Node every call is a get_within, and a call that receives TKS_PENDING waits: a probe is like any other fetch.
const PROBE = 'after a hold-off one caller probes and the others are refused at once';
const ADAPTED = {
  [PROBE]: (steps) => [
    ...steps.slice(0, 3),
    { at: 2.6, call: 'get', callers: 9, name: 'others' },
    { call: 'get_within', gives: 'TKS_PENDING' },
    { call: 'join', text: 'prober', gives: 'token-2', took: 1, requests: 2 },
    { call: 'join', text: 'others', gives: 'token-2', took: 0.6, requests: 2 },
  ],
};

class World {
  given = new Map();
  waiting = new Map();
  generation = 0;

  constructor(source, seen, secret) {
    this.source = source;
    this.seen = seen;
    this.secret = secret;
  }

  async get(call) {
    const since = performance.now();
    const outcome = {};
    try {
      outcome.token = await call();
      outcome.gives = outcome.token.accessToken;
    } catch (error) {
      outcome.error = error;
      outcome.gives = error.name === 'AbortError' ? 'TKS_PENDING' : error.code;
    }
    outcome.took = (performance.now() - since) / 1000;
    return outcome;
  }

  getWithin(seconds) {
    if (seconds > 0) {
      return this.get(() => this.source.token({ signal: AbortSignal.timeout(seconds * 1000) }));
    }
    return this.get(() => {
      const token = this.source.tokenIfReady();
      return token ?? Promise.reject(Object.assign(new Error('pending'), { code: 'TKS_PENDING' }));
    });
  }

  call({ call = 'look', callers = 1, seconds = 0, text = '' }) {
    const times = (work) => Array.from({ length: callers }, work);
    switch (call) {
      case 'look':
        return [];
      case 'get':
        return times(() => this.get(() => this.source.token()));
      case 'get_within':
        return times(() => this.getWithin(seconds));
      case 'join': {
        const waiting = this.waiting.get(text);
        this.waiting.delete(text);
        return waiting;
      }
      case 'invalidate':
        times(() => this.source.invalidate(this.given.get(text)));
        return [];
      case 'close':
        this.source.close();
        return [];
      case 'write_secret':
        writeFileSync(this.secret, text);
        return [];
      default:
        throw new Error(`unknown call: ${call}`);
    }
  }

  async run(step) {
    const about = JSON.stringify(step);
    if (this.started === undefined) {
      this.started = performance.now();
    } else {
      await sleep(Math.max(0, (step.at ?? 0) * 1000 - (performance.now() - this.started)));
    }
    const outcomes = this.call(step);
    if (step.name) {
      this.waiting.set(step.name, outcomes);
    } else {
      for (const outcome of await Promise.all(outcomes)) {
        this.check(step, about, outcome);
      }
    }
    const { stats, lastError } = this.source;
    for (const counter of ['requests', 'failures', 'tokens', 'waits']) {
      assert.equal(stats[counter], step[counter] ?? stats[counter], `${about}: ${counter}`);
    }
    if (step.requests !== undefined) {
      assert.equal((await this.seen()).requests, step.requests, `${about}: the server has another count`);
    }
    if (step.last_error !== undefined) {
      assert.equal(lastError?.code ?? 'TKS_OK', step.last_error, about);
    }
  }

  check(step, about, { token, error, gives, took }) {
    const before = step.give_or_take ?? 0.2;
    const after = step.give_or_take ?? 0.5;
    const expected = step.took ?? 0;
    assert.ok(took >= expected - before && took <= expected + after, `${about}: took ${took}`);
    assert.equal(gives, step.gives, `${about}: ${error?.stack}`);
    if (token) {
      assert.ok(token.expiresIn > 0, `${about}: the token is expired`);
      assert.equal(token.generation !== this.generation, step.new ?? token.generation !== this.generation, about);
      this.generation = token.generation;
      this.given.set(token.accessToken, token);
    } else {
      const left = error.retryAfter;
      const expected = step.retry_after;
      assert.ok(expected === undefined || (left >= expected - 0.5 && left <= expected), `${about}: ${left} s left`);
      assert.equal(error.isTransient, step.transient ?? error.isTransient, about);
      assert.equal(error.oauthError, step.oauth_error ?? error.oauthError, about);
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tokensource-cases-'));
const ends = [() => rmSync(folder, { recursive: true })];

async function prepare({ options = {}, server }, nth) {
  const secret = join(folder, String(nth));
  writeFileSync(secret, 'horse-battery');
  const { url, seen } = await scripted({ after: (end) => ends.push(end) }, server);
  const all = { token_url: url, client_id: 'id', ...options };
  if (all.client_secret_file) {
    all.client_secret_file = secret;
  } else {
    all.client_secret = 'horse-battery';
  }
  const camel = (option) => option.replaceAll(/_[a-z]/g, ([, letter]) => letter.toUpperCase());
  const own = Object.fromEntries(Object.entries(all).map(([option, value]) => [camel(option), value]));
  return { own, seen, secret };
}

// Concurrent, because the cases mostly wait.
describe('every case passes', { concurrency: cases.length }, () => {
  let prepared;

  // All servers start before the first clock does, because so many processes would delay it.
  before(async () => {
    prepared = await Promise.all(cases.map(prepare));
  });
  after(() => ends.forEach((end) => end()));

  for (const [nth, { name, steps }] of cases.entries()) {
    test(name, async () => {
      const { own, seen, secret } = prepared[nth];
      if (own.refresh === 'inline') {
        // An inline refresh would block the event loop.
        assert.throws(() => new TokenSource(own), { code: 'TKS_INVALID_ARGUMENT', message: /block the event loop/ });
        return;
      }
      const world = new World(new TokenSource(own), seen, secret);
      for (const step of ADAPTED[name]?.(steps) ?? steps) {
        await world.run(step);
      }
    });
  }

  test('there are at least twelve cases, and every adapted one exists', () => {
    const names = new Set(cases.map(({ name }) => name));
    assert.ok(names.size >= 12, `only ${names.size} cases`);
    assert.deepEqual(Object.keys(ADAPTED).filter((name) => !names.has(name)), []);
  });
});
