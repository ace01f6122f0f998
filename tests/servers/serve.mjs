// Runs a Node server on a free port of this machine: what both of them share.
//
// Prints the URL of the token endpoint, and ends when standard input does: also when whoever started it is killed.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const clients = JSON.parse(readFileSync(new URL('clients.json', import.meta.url)));

// Both servers take visible ASCII and spaces alone (RFC 6749 appendix A).
export const possible = Object.entries(clients).filter(([, { secret }]) => /^[ -~]*$/.test(secret));

/** Imports a package from the node_modules of the directory that the command line names. */
export function installed(name) {
  const require = createRequire(join(process.argv[2], 'package.json'));
  return import(pathToFileURL(require.resolve(name)));
}

/** `handler` makes the function that answers requests out of the URL that they come to. */
export function serve(path, handler) {
  const server = createServer();
  server.listen(0, '127.0.0.1', () => {
    const origin = `http://127.0.0.1:${server.address().port}`;
    server.on('request', handler(origin));
    console.log(origin + path);
  });
  process.stdin.on('end', () => process.exit()).resume();
}
