// Runs a server on a free port of this machine, for both Node servers.
//
// Prints the URL of the token endpoint. Ends when its standard input ends, so also when the test program is killed.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const clients = JSON.parse(readFileSync(new URL('clients.json', import.meta.url)));

// Both servers accept only visible ASCII and spaces in a secret (RFC 6749 appendix A).
export const asciiClients = Object.entries(clients).filter(([, { secret }]) => /^[ -~]*$/.test(secret));

/** Imports a package from node_modules of the directory that the command line names. */
export function importInstalled(name) {
  const require = createRequire(join(process.argv[2], 'package.json'));
  return import(pathToFileURL(require.resolve(name)));
}

/** Serves requests with the function that `makeHandler` returns for the server's origin. With `tls` it speaks https. */
export function serve(path, makeHandler, tls) {
  const server = tls ? createTlsServer(tls) : createServer();
  server.listen(0, '127.0.0.1', () => {
    const origin = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
    server.on('request', makeHandler(origin));
    console.log(origin + path);
  });
  process.stdin.on('end', () => process.exit()).resume();
}
