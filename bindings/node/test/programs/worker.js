// A thread that says when it has asked for its token, and which it was given.
'use strict';

const { parentPort, workerData } = require('node:worker_threads');
const { TokenSource } = require('tokensource');

const call = new TokenSource(workerData).token();
parentPort.postMessage('asked');
call.then(({ accessToken }) => parentPort.postMessage(accessToken));
