// Measures the package and its peers in Node and prints one table.
//
//     run.mjs TOKENSOURCE-TESTSERVER NODE-26 RESULT.json
//
// Each comparison is measured in turn, many times, each time in a process of its own. Numbers are medians.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { peers } from './peers.mjs';

const [testserver, node26, result] = process.argv.slice(2);
const names = Object.keys(peers);
const measurer = fileURLToPath(new URL('measure.mjs', import.meta.url));
const ROUNDS = { import: 9, memory: 5, cached: 5, ready: 5, call: 5, idle: 3, fetch: 3, hanging: 3, abort: 5, terminate: 5, exit: 5, cold: 1 };

async function serve(...args) {
  const server = spawn(testserver, ['--until-stdin-closes', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [url] = await once(server.stdout, 'data');
  return { url: String(url).trim(), end: () => server.stdin.end() };
}

async function measure(what, name, url, node = process.execPath) {
  const { stdout } = await promisify(execFile)(node, ['--disable-warning=ExperimentalWarning', measurer, what, name, url], {
    env: { ...process.env, NODE_ENV: 'production' },
  });
  return JSON.parse(stdout);
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/** Measures each cell, [name, node], once per round, one after the other. */
async function inTurn(what, url, cells = names.map((name) => [name])) {
  const taken = cells.map(() => []);
  for (let round = 0; round < ROUNDS[what]; round += 1) {
    for (const [nth, [name, node]] of cells.entries()) {
      taken[nth].push(await measure(what, name, url, node));
    }
  }
  return taken;
}

function row(title, cells, unit) {
  console.log(`  ${title.padEnd(46)}${cells.map((cell) => cell.padStart(15)).join('')}  ${unit}`);
}

const numbers = (taken, digits) => taken.map((values) => median(values).toFixed(digits));
const delays = (taken, which) => taken.map((values) => median(values.map((value) => value[which])).toFixed(1));

console.log(`Node ${process.versions.node}; load ${loadavg().map((load) => load.toFixed(1)).join(' ')}`);
row('', names, '');

const quick = await serve();
row('import', numbers(await inTurn('import', quick.url), 1), 'ms');
row('resident, with a token', numbers(await inTurn('memory', quick.url), 1), 'MB');
const cached = await inTurn('cached', quick.url);
row('cached: await authorization()', numbers(cached, 0), 'ns');
row('cached: tokenIfReady()', numbers(await inTurn('ready', quick.url, [['tokensource']]), 0), 'ns');

const requests = [];
for (const name of names) {
  const server = await serve('--delay', '0.3');
  await measure('cold', name, server.url);
  requests.push((await (await fetch(new URL('/-/seen', server.url))).json()).requests);
  server.end();
}
row('32 callers of a cold source', requests.map(String), 'requests');

const slow = await serve('--delay', '2');
const hanging = await serve('--delay', '60');
const [idle] = await inTurn('idle', quick.url, [['tokensource']]);
row('loop delay when idle, 99 % and worst', [...delays([idle], 'percentile'), ...delays([idle], 'worst')], 'ms');
const fetched = await inTurn('fetch', slow.url);
row('loop delay during a fetch of 2 s, 99 %', delays(fetched, 'percentile'), 'ms');
row('  worst', delays(fetched, 'worst'), 'ms');
const hung = await inTurn('hanging', hanging.url);
row('loop delay, 100 sources, server hangs, 99 %', delays(hung, 'percentile'), 'ms');
row('  worst', delays(hung, 'worst'), 'ms');
row('  fs.stat and dns.lookup meanwhile', delays(hung, 'look'), 'ms');
for (const [what, title] of [
  ['abort', 'a signal during a fetch'],
  ['terminate', 'worker.terminate() during 8 fetches'],
  ['exit', 'process.exit() during 8 fetches'],
]) {
  row(title, numbers(await inTurn(what, hanging.url, [['tokensource']]), 1), 'ms');
}

const cells = [['koffi'], ['koffi', node26], ['node:ffi', node26]];
row('one call of tks_source_generation', ['koffi', 'koffi, 26', 'node:ffi, 26'], '');
row('', numbers(await inTurn('call', quick.url, cells), 1), 'ns');
console.log(`load ${loadavg().map((load) => load.toFixed(1)).join(' ')}`);

const byName = (values) => Object.fromEntries(names.map((name, nth) => [name, values[nth]]));
const figures = { node: process.versions.node, cached_ns: byName(cached.map(median)), cold_requests: byName(requests) };
writeFileSync(result, `${JSON.stringify(figures, null, 2)}\n`);

[quick, slow, hanging].forEach((server) => server.end());
