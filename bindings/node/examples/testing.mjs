// A token endpoint for the tests of a program. A mock of fetch or node:http does not see the token request, because the library
// sends it itself.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { TokenSource } from 'tokensource';

let count = 0;
const endpoint = createServer((request, response) => {
  count += 1;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ access_token: `test-${count}`, expires_in: 3600 }));
});
await once(endpoint.listen(0, '127.0.0.1'), 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (endpoint.address());

const source = new TokenSource({ tokenUrl: `http://127.0.0.1:${port}/`, clientId: 'test', clientSecret: 'test' });
console.log(await source.authorization());
source.invalidate(source.tokenIfReady());
console.log(await source.authorization());
endpoint.close();
