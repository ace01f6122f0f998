// Timers, threads, processes and memory: the life of a program that has a source.
'use strict';

const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { TokenSource } = require('tokensource');
const { run, runText, scripted } = require('./support');

const HANG = [{ hang: true }];

/** The first lines of a program whose argument is a token URL. */
const PROGRAM = `
  const { TokenSource } = require('tokensource');
  const make = () => new TokenSource({ tokenUrl: process.argv.at(-1), clientId: 'id', clientSecret: 'horse-battery', timeout: 300 });
  const source = make();
`;

// A program that does not end by itself is stopped after a minute, and its test fails.

test('a program that awaits a token stays alive until the token is there', async (t) => {
  const { url } = await scripted(t, [{ delay: 0.5 }]);
  assert.equal(await runText(`${PROGRAM} source.token().then((token) => console.log(token.accessToken));`, url), 'token-1\n');
});

test('a program ends that only warms up, or whose wait was aborted or closed', async (t) => {
  const { url } = await scripted(t, HANG);
  await runText(`${PROGRAM} source.warmUp();`, url);
  const aborts = `
    const controller = new AbortController();
    source.token(controller).catch((error) => console.log(error.name));
    setTimeout(() => controller.abort(), 20);`;
  assert.equal(await runText(PROGRAM + aborts, url), 'AbortError\n');
  const once = await scripted(t, [{ delay: 0.1 }, ...HANG]);
  assert.equal(await runText(`${PROGRAM} source.token().then((token) => { source.invalidate(token); ${aborts} });`, once.url), 'AbortError\n');
  const closes = `source.token().catch((error) => console.log(error.code)); setTimeout(() => source.close(), 20);`;
  assert.equal(await runText(PROGRAM + closes, url), 'TKS_CLOSED\n');
});

test('one timer serves all callers, with pauses of 1, 2, 4 ... 50 ms that start over at the next wait', async (t) => {
  const { url } = await scripted(t, HANG);
  const counts = `
    const timers = require('node:timers');
    const { setTimeout, clearTimeout } = timers;
    const pauses = [];
    const running = new Set();
    let controller;
    timers.setTimeout = (work, pause) => {
      if (pauses.push(pause) === 9) {
        setImmediate(() => controller.abort());
      }
      const timer = setTimeout(() => {
        running.delete(timer);
        work();
      });
      running.add(timer);
      return timer;
    };
    timers.clearTimeout = (timer) => {
      running.delete(timer);
      clearTimeout(timer);
    };
    ${PROGRAM}
    async function wait(callers) {
      pauses.length = 0;
      controller = new AbortController();
      const calls = Array.from({ length: callers }, () => source.token(controller));
      const most = running.size;
      await Promise.allSettled(calls);
      console.log(most, pauses.slice(0, 9).join(), running.size);
    }
    wait(32).then(() => wait(1));`;
  const expected = '1 1,2,4,8,16,32,50,50,50 0\n';
  assert.equal(await runText(counts, url), expected + expected);
});

/** The same, with the name of each library function in `calls` when it is called. */
const RECORDED = `
  const library = require('./lib/library');
  const calls = [];
  for (const [name, call] of Object.entries(library)) {
    library[name] = (...values) => {
      calls.push(name);
      return call(...values);
    };
  }
  ${PROGRAM}
`;

test('a cached token costs one library call and no allocation', async (t) => {
  const { url } = await scripted(t);
  const counts = `
    source.token().then(async (token) => {
      calls.length = 0;
      const same = [await source.token(), source.tokenIfReady()].every((result) => result === token);
      await source.authorization();
      console.log(same, calls.join());
    });`;
  assert.equal(await runText(RECORDED + counts, url), `true ${Array(3).fill('tks_source_generation')}\n`);
});

test('a token handle that the library returns again is freed again', async (t) => {
  const { url } = await scripted(t, [{ expires_in: 4 }, { status: 503 }]);
  const file = join(mkdtempSync(join(tmpdir(), 'tokensource-')), 'secret');
  t.after(() => rmSync(dirname(file), { recursive: true }));
  writeFileSync(file, 'horse-battery');
  const counts = `
    const options = { tokenUrl: process.argv.at(-1), clientId: 'id', refreshAhead: 4, expiryMargin: 0 };
    // With a secret file each call goes to the library after a failed refresh.
    const uncached = new TokenSource({ ...options, clientSecretFile: ${JSON.stringify(file)} });
    uncached.token().then(async (token) => {
      while (uncached.lastError === null) {
        uncached.tokenIfReady();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      calls.length = 0;
      console.log(uncached.tokenIfReady() === token, calls.join());
    });`;
  const expected = 'true tks_source_generation,tks_source_get_within,tks_token_generation,tks_token_free\n';
  assert.equal(await runText(RECORDED + counts, url), expected);
});

test('process.exit does not wait for a fetch', async (t) => {
  const { url } = await scripted(t, HANG);
  const exits = `for (let i = 0; i < 8; i++) make().token(); setTimeout(() => process.exit(), 50);`;
  assert.equal(await runText(PROGRAM + exits, url), '');
});

test('a hundred waiting sources do not delay file and DNS operations', async (t) => {
  const { url } = await scripted(t, HANG);
  const works = `
    for (let i = 0; i < 100; i++) make().token().catch(() => {});
    const work = async () => {
      for (let i = 0; i < 20; i++) {
        await require('node:fs/promises').stat('.');
        await require('node:dns/promises').lookup('localhost');
      }
      console.log('done');
      process.exit();
    };
    setTimeout(work, 50);`;
  assert.equal(await runText(PROGRAM + works, url), 'done\n');
});

test('a worker thread has its own sources and can be terminated during a fetch', async (t) => {
  const start = (workerData) => new Worker(join(__dirname, 'programs/worker.js'), { workerData });
  const message = (worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));

  const slow = await scripted(t, [{ delay: 0.3, times: 9 }]);
  const working = Array.from({ length: 3 }, () => start(slow.options));
  const tokens = working.map(async (worker) => [await message(worker), await message(worker)]);
  assert.deepEqual((await Promise.all(tokens)).map(([, token]) => token).sort(), ['token-1', 'token-2', 'token-3']);

  const hanging = await scripted(t, HANG);
  const worker = start({ ...hanging.options, timeout: 300 });
  await message(worker);
  assert.equal(await worker.terminate(), 1);
  assert.equal((await new TokenSource(slow.options).token()).generation, 1);
});

// koffi aborts the process if a worker is terminated while it loads: see "Worker threads" in README.md.
test('many workers that have loaded the package can be terminated at once', async (t) => {
  const { options } = await scripted(t, HANG);
  const start = () => new Worker(join(__dirname, 'programs/worker.js'), { workerData: { ...options, timeout: 300 } });
  for (let round = 0; round < 4; round++) {
    const workers = Array.from({ length: 10 }, start);
    const requested = workers.map((worker) => new Promise((resolve) => worker.once('message', resolve)));
    assert.deepEqual(await Promise.all(requested), Array(10).fill('requested'));
    assert.deepEqual(await Promise.all(workers.map((worker) => worker.terminate())), Array(10).fill(1));
  }
});

test('each process of a cluster has its own token', async (t) => {
  const { url, seen } = await scripted(t);
  const file = join(__dirname, 'programs/cluster.js');
  assert.deepEqual((await run([file, url])).trim().split('\n').sort(), ['token-2', 'token-3']);
  assert.equal((await seen()).requests, 3);
});

test('ten thousand collected sources, tokens and errors free their memory', async (t) => {
  const { url } = await scripted(t, [{ body: { access_token: 't', expires_in: 3600, note: 'x'.repeat(300_000) } }]);
  const refusing = await scripted(t, [{ error: 'invalid_client', error_description: 'x'.repeat(500) }]);
  const collects = `
    const refused = new TokenSource({ tokenUrl: ${JSON.stringify(refusing.url)}, clientId: 'id', clientSecret: 'secret' });
    const long = { tokenUrl: process.argv.at(-1), clientId: 'id', clientSecret: 's'.repeat(4000) };
    const turn = () => new Promise((resolve) => setTimeout(resolve));
    async function round() {
      for (let i = 0; i < 2500; i++) {
        new TokenSource(long);
        refused.lastError;
        if (i % 100 === 0) {
          source.invalidate(source.tokenIfReady());
          await make().token();
          gc();
          await turn();
        }
      }
      gc();
      await turn();
      return process.memoryUsage.rss() / 1e6;
    }
    (async () => {
      await refused.token().catch(() => {});
      await round();
      const before = await round();
      await round();
      await round();
      console.log((await round()) - before);
    })();`;
  const grown = Number(await runText(PROGRAM + collects, url));
  assert.ok(grown < 8, `${grown} MB more after three more rounds`);
});

test('a failed warm-up causes no unhandled rejection', async (t) => {
  const { url } = await scripted(t, [{ error: 'invalid_client' }]);
  const program = `
    process.on('unhandledRejection', (reason) => console.log('unhandled', reason));
    source.warmUp();
    const wait = () => (source.lastError ? console.log(source.lastError.oauthError) : setTimeout(wait, 5));
    wait();`;
  assert.equal(await runText(PROGRAM + program, url), 'invalid_client\n');
});

test('import and require return the same classes', async () => {
  const program = `
    import { TokenSource, TokenSourceError } from 'tokensource';
    import { createRequire } from 'node:module';
    const required = createRequire(import.meta.url)('tokensource');
    console.log(required.TokenSource === TokenSource && required.TokenSourceError === TokenSourceError);`;
  assert.equal(await run(['--input-type=module', '-e', program]), 'true\n');
  // Bundlers use this condition, because they do not follow createRequire.
  const resolved = "console.log(import.meta.resolve('tokensource').split('/').pop())";
  assert.equal(await run(['--conditions=module', '--input-type=module', '-e', program]), 'true\n');
  assert.equal(await run(['--conditions=module', '--input-type=module', '-e', resolved]), 'index.js\n');
});
