// A worker thread that reports when it has requested its token, and then the token.
'use strict';

const { parentPort, workerData } = require('node:worker_threads');
const { TokenSource } = require('tokensource');

const call = new TokenSource(workerData).token();
parentPort.postMessage('requested');
call.then(({ accessToken }) => parentPort.postMessage(accessToken));
