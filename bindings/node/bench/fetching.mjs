// A worker thread or a process with fetches that do not end. The process reports the time and exits.

import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { TokenSource } from '../index.mjs';

const sources = Array.from({ length: 8 }, () => new TokenSource(workerData ?? JSON.parse(process.argv[2])));
sources.forEach((source) => source.token().catch(() => {}));
await sleep(300);
if (parentPort) {
  parentPort.postMessage('fetching');
} else {
  process.send(Date.now(), () => process.exit());
}
