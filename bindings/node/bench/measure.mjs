// Takes one measurement in a process of its own and prints it as JSON.
//
//     measure.mjs WHAT PEER URL

import { fork } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { peers } from './peers.mjs';

const [what, name, url] = process.argv.slice(2);
const options = { tokenUrl: url, clientId: 'id', clientSecret: 'secret', timeout: 300 };

const BATCH_MS = 30;
const BATCHES = 9;

/** Returns the median time of one call in nanoseconds. */
async function perCall(batch) {
  const results = [];
  let count = 1000;
  for (let nth = 0; nth < BATCHES + 2; nth += 1) {
    const since = performance.now();
    await batch(count);
    const took = performance.now() - since;
    results.push((took * 1e6) / count);
    count = Math.max(10, Math.ceil((count * BATCH_MS) / took));
  }
  return results.slice(2).sort((a, b) => a - b)[BATCHES >> 1];
}

/** Returns by how many milliseconds a timer was late while `work` ran: the 99th percentile and the maximum. */
async function delay(work) {
  await sleep(100);
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work();
  histogram.disable();
  // The timer itself takes a millisecond.
  return { percentile: histogram.percentile(99) / 1e6 - 1, worst: histogram.max / 1e6 - 1 };
}

const MEASUREMENTS = {
  async import() {
    const since = performance.now();
    await peers[name]();
    return performance.now() - since;
  },

  async memory() {
    await (await peers[name]())(url)();
    return process.memoryUsage.rss() / 1e6;
  },

  async cached() {
    const header = (await peers[name]())(url);
    await header();
    return perCall(async (count) => {
      for (let nth = 0; nth < count; nth += 1) {
        await header();
      }
    });
  },

  async ready() {
    const { TokenSource } = await import('../index.mjs');
    const source = new TokenSource(options);
    await source.token();
    return perCall((count) => {
      let generations = 0;
      for (let nth = 0; nth < count; nth += 1) {
        generations += source.tokenIfReady().generation;
      }
      return generations;
    });
  },

  async cold() {
    const header = (await peers[name]())(url);
    await Promise.all(Array.from({ length: 32 }, header));
    return null;
  },

  idle: () => delay(() => sleep(2000)),

  async fetch() {
    const header = (await peers[name]())(url);
    return delay(header);
  },

  async hanging() {
    const make = await peers[name]();
    let look;
    const late = await delay(async () => {
      for (let nth = 0; nth < 100; nth += 1) {
        make(url)().catch(() => {});
        await sleep(5);
      }
      const since = performance.now();
      for (let nth = 0; nth < 20; nth += 1) {
        await stat('.');
        await lookup('localhost');
      }
      look = (performance.now() - since) / 20;
      await sleep(1500);
    });
    return { ...late, look };
  },

  /** The milliseconds from an abort to the rejection of the call, during a fetch. */
  async abort() {
    const source = new (await import('../index.mjs')).TokenSource(options);
    const controller = new AbortController();
    const call = source.token(controller).catch(() => performance.now());
    await sleep(300);
    const since = performance.now();
    controller.abort();
    return (await call) - since;
  },

  /** The milliseconds to terminate a worker during a fetch. */
  async terminate() {
    const worker = new Worker(new URL('fetching.mjs', import.meta.url), { workerData: options });
    await once(worker, 'message');
    const since = performance.now();
    await worker.terminate();
    return performance.now() - since;
  },

  /** The milliseconds from process.exit() to the end of the process, during a fetch. */
  async exit() {
    const program = fileURLToPath(new URL('fetching.mjs', import.meta.url));
    const child = fork(program, [JSON.stringify(options)]);
    const [since] = await once(child, 'message');
    await once(child, 'exit');
    return Date.now() - since;
  },

  /** One call of tks_source_generation, without the package. */
  async call() {
    const generation = await generationCall();
    return perCall((count) => {
      let generations = 0;
      for (let nth = 0; nth < count; nth += 1) {
        generations += generation();
      }
      return generations;
    });
  },
};

/** Returns a function that calls tks_source_generation for a source with a token, through koffi or Node's own ffi. */
async function generationCall() {
  const { default: koffi } = await import('koffi');
  const path = process.env.TOKENSOURCE_LIBRARY;
  const library = koffi.load(path);
  const set = library.func('int tks_config_set(void *config, const char *name, const char *value, void *error_out)');
  const out = [null];
  const config = library.func('void *tks_config_new(void)')();
  Object.entries({ token_url: url, client_id: 'id', client_secret: 'secret' }).forEach((pair) => set(config, ...pair, null));
  library.func('int tks_source_new(void *config, _Out_ void **source_out, void *error_out)')(config, out, null);
  const [source] = out;
  library.func('int tks_source_get(void *source, _Out_ void **token_out, void *error_out)')(source, out, null);
  if (name === 'koffi') {
    const call = library.func('uint32_t tks_source_generation(void *source)');
    return () => call(source);
  }
  const { dlopen } = await import('node:ffi');
  const signature = { arguments: ['pointer'], return: 'uint32' };
  const call = dlopen(path, { tks_source_generation: signature }).functions.tks_source_generation;
  return () => call(source);
}

process.stdout.write(JSON.stringify(await MEASUREMENTS[what]()), () => process.exit());
