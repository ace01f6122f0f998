// Shared by the tests: token servers that end with this process, and programs that run in a process of their own. Tests nothing.
'use strict';

const { execFile, spawn } = require('node:child_process');
const { appendFileSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { createInterface } = require('node:readline');
const { inspect } = require('node:util');
const { Failure } = require('../lib/errors');

const PACKAGE = join(__dirname, '..');

/** Adds texts to the leak log, which `make test` searches for secrets. In one write, because other processes write to it too. */
function logForLeaks(file, ...texts) {
  if (process.env.TOKENSOURCE_LEAK_LOG) {
    appendFileSync(join(process.env.TOKENSOURCE_LEAK_LOG, file), `${texts.join('\n')}\0`);
  }
}

// Every error that a test receives goes to the leak log.
const { toError } = Failure.prototype;
Failure.prototype.toError = function () {
  const error = toError.call(this);
  logForLeaks('node', String(error), error.stack, JSON.stringify(error), inspect(error, { showHidden: true, depth: null }));
  return error;
};

/** Returns a path that bindings/node/scripts/test sets. */
function given(variable) {
  if (!process.env[variable]) {
    throw new Error(`${variable} is not set: run bindings/node/scripts/test`);
  }
  return process.env[variable];
}

const read = (path) => readFileSync(join(given('TOKENSOURCE_TREE'), path), 'utf8');

/** Starts a program that prints the URL of a token endpoint and ends with its standard input. Returns the URL. */
async function start(t, command, args) {
  const server = spawn(command, args, { cwd: given('TOKENSOURCE_TREE') });
  t.after(() => server.stdin.end());
  let errors = '';
  server.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  for await (const line of createInterface({ input: server.stdout })) {
    return line;
  }
  throw new Error(`${command} ${args.join(' ')} did not start\n${errors}`);
}

/** Starts the scripted token server, which testserver/README.md describes. */
async function scripted(t, script = [{}], args = []) {
  const url = await start(t, given('TOKENSOURCE_TESTSERVER'), ['--until-stdin-closes', ...args]);
  const control = (path, init) => fetch(new URL(path, url), init);
  await control('/-/script', { method: 'POST', body: JSON.stringify(script) });
  const seen = async () => (await control('/-/seen')).json();
  const options = { tokenUrl: url, clientId: 'test-client', clientSecret: 'test-secret' };
  return { url, seen, options };
}

/** Runs Node in the folder of the package, where the package can be imported by name. Returns the output. */
function run(args, env = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd: PACKAGE, env: { ...process.env, ...env }, timeout: 60_000 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      logForLeaks('node.out', stdout, stderr);
      if (error) {
        reject(new Error(`${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
      } else {
        resolve(stdout + stderr);
      }
    });
  });
}

/** Runs a program that is given as text. */
const runText = (text, ...args) => run(['--expose-gc', '-e', text, '--', ...args]);

module.exports = { PACKAGE, given, read, logForLeaks, start, scripted, run, runText };
