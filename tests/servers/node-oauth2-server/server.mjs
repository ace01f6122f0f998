// @node-oauth/oauth2-server, which does not decode HTTP Basic (`basic_encoding=raw`), as Amazon Cognito does not.
//
// usage: server.mjs DIRECTORY, which contains node_modules

import { asciiClients, clients, importInstalled, serve } from '../serve.mjs';

const { default: OAuth2Server } = await importInstalled('@node-oauth/oauth2-server');

const known = new Map(asciiClients);
const SCOPES = ['read', 'write'];

const oauth = new OAuth2Server({
  model: {
    async getClient(id, secret) {
      const client = known.get(id)?.secret === secret && clients[id];
      return client && { id, grants: ['client_credentials'], accessTokenLifetime: client.lifetime ?? 3600 };
    },
    async getUserFromClient(client) {
      return client;
    },
    async validateScope(user, client, scope = SCOPES) {
      return scope.every((word) => SCOPES.includes(word)) && scope;
    },
    async saveToken(token, client, user) {
      return { ...token, client, user };
    },
  },
});

serve('/oauth/token', () => async (request, response) => {
  const chunks = await request.toArray();
  const body = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
  const { headers, method } = request;
  const result = new OAuth2Server.Response();
  // Its errors are in `result` already, except for a request that it rejects before it reads it.
  await oauth.token(new OAuth2Server.Request({ headers, method, query: {}, body }), result).catch((error) => {
    if (result.status === 200) {
      result.status = error.code;
      result.body = { error: error.name, error_description: error.message };
    }
  });
  response.writeHead(result.status, { ...result.headers, 'Content-Type': 'application/json' });
  response.end(JSON.stringify(result.body));
});
