// oidc-provider, which is certified and strict. For its one API (RFC 8707) it issues signed tokens.
//
// usage: server.mjs DIRECTORY, which contains node_modules

import { asciiClients, clients, importInstalled, serve } from '../serve.mjs';

const { Provider, errors } = await importInstalled('oidc-provider');

const API = 'https://api.example/';

const settings = {
  clients: asciiClients.map(([id, { secret, auth_method: method }]) => ({
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: method,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: 'read write',
  })),
  scopes: ['read', 'write'],
  ttl: { ClientCredentials: (ctx, token, client) => clients[client.clientId].lifetime ?? 600 },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(ctx, resource) {
        if (resource !== API) throw new errors.InvalidTarget();
        return { scope: 'read write', accessTokenFormat: 'jwt' };
      },
    },
  },
};

serve('/token', (origin) => new Provider(origin, settings).callback());
