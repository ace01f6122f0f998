// oidc-provider, which is certified and strict about everything. It signs tokens for the resources that it knows (RFC 8707).
//
// usage: server.mjs DIRECTORY, where node_modules is

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const installed = createRequire(join(process.argv[2], 'package.json'));
const { Provider, errors } = await import(pathToFileURL(installed.resolve('oidc-provider')));

const known = JSON.parse(readFileSync(new URL('../clients.json', import.meta.url)));
// It takes visible ASCII and spaces alone (RFC 6749 appendix A).
const possible = Object.entries(known).filter(([, { secret }]) => /^[ -~]*$/.test(secret));

const clients = possible.map(([id, { secret, auth_method: method }]) => ({
  client_id: id,
  client_secret: secret,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  scope: 'read write',
}));

const RESOURCE = 'https://api.example/';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    scopes: ['read', 'write'],
    ttl: { ClientCredentials: (ctx, token, client) => known[client.clientId].lifetime ?? 600 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(ctx, resource) {
          if (resource !== RESOURCE) throw new errors.InvalidTarget();
          return { scope: 'read write', accessTokenFormat: 'jwt' };
        },
      },
    },
  });
  server.on('request', provider.callback());
  console.log(`${issuer}/token`);
});

process.stdin.on('end', () => process.exit()).resume();
