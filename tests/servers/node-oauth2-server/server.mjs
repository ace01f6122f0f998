// @node-oauth/oauth2-server, which reads HTTP Basic as it is (`basic_encoding=raw`), as Amazon Cognito does.
//
// usage: server.mjs DIRECTORY, where node_modules is

import { clients, installed, possible, serve } from '../serve.mjs';

const { default: OAuth2Server } = await installed('@node-oauth/oauth2-server');

const known = new Map(possible);
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
  const answer = new OAuth2Server.Response();
  // What it throws, it has written into the answer too, but for a request that it does not even look at.
  await oauth.token(new OAuth2Server.Request({ headers, method, query: {}, body }), answer).catch((error) => {
    if (answer.status === 200) {
      answer.status = error.code;
      answer.body = { error: error.name, error_description: error.message };
    }
  });
  response.writeHead(answer.status, { ...answer.headers, 'Content-Type': 'application/json' });
  response.end(JSON.stringify(answer.body));
});
