// What the tests share: token servers that end with this process, and programs of their own processes.
'use strict';

const { execFile, spawn } = require('node:child_process');
const { appendFileSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { createInterface } = require('node:readline');

const { inspect } = require('node:util');
const { Failure } = require('../lib/errors');

const PACKAGE = join(__dirname, '..');

/** Keeps a text for the search for secrets that ends `make test`: in one write, since others write too. */
function said(by, ...texts) {
  if (process.env.TOKENSOURCE_LEAK_LOG) {
    appendFileSync(join(process.env.TOKENSOURCE_LEAK_LOG, by), `${texts.join('\n')}\0`);
  }
}

// Every error that the library hands out is shown once more.
const { toError } = Failure.prototype;
Failure.prototype.toError = function () {
  const error = toError.call(this);
  said('node', String(error), error.stack, JSON.stringify(error), inspect(error, { showHidden: true, depth: null }));
  return error;
};

/** A path that bindings/node/scripts/test names. */
function given(variable) {
  if (!process.env[variable]) {
    throw new Error(`${variable} is not set: run bindings/node/scripts/test`);
  }
  return process.env[variable];
}

const read = (path) => readFileSync(join(given('TOKENSOURCE_TREE'), path), 'utf8');

/** Starts a program that prints the URL of a token endpoint and ends with its standard input. */
async function start(t, command, args) {
  const server = spawn(command, args, { cwd: given('TOKENSOURCE_TREE') });
  t.after(() => server.stdin.end());
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  for await (const line of createInterface({ input: server.stdout })) {
    return line;
  }
  throw new Error(`${command} ${args.join(' ')} did not start\n${said}`);
}

/** The scripted server: answers as testserver/README.md says. */
async function scripted(t, script = [{}], args = []) {
  const url = await start(t, given('TOKENSOURCE_TESTSERVER'), ['--until-stdin-closes', ...args]);
  const control = (path, init) => fetch(new URL(path, url), init);
  await control('/-/script', { method: 'POST', body: JSON.stringify(script) });
  const seen = async () => (await control('/-/seen')).json();
  const options = { tokenUrl: url, clientId: 'test-client', clientSecret: 'test-secret' };
  return { url, seen, options };
}

/** Runs a program of Node in the package, where it can import itself by name, and gives what it prints. */
function run(args, env = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd: PACKAGE, env: { ...process.env, ...env }, timeout: 60_000 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      said('node.out', stdout, stderr);
      if (error) {
        reject(new Error(`${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
      } else {
        resolve(stdout + stderr);
      }
    });
  });
}

/** Runs the text of a program. */
const runText = (text, ...args) => run(['--expose-gc', '-e', text, '--', ...args]);

module.exports = { PACKAGE, given, read, said, start, scripted, run, runText };
