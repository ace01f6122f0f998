// oidc-provider, which is certified and strict. For its one API (RFC 8707) it issues signed tokens.
//
// usage: server.mjs DIRECTORY [KEYS [TLS]]
//
// DIRECTORY contains node_modules. KEYS contains public.jwks: then there is a client for each algorithm, named after it, and
// each signs with these keys. TLS contains server.pem, server.key and ca.pem: then the server speaks https, asks for a
// certificate of that CA, and has its metadata at the path of RFC 8414 only.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asciiClients, clients, importInstalled, serve } from '../serve.mjs';

const { Provider, errors } = await importInstalled('oidc-provider');

const API = 'https://api.example/';
const HMAC = ['HS256', 'HS384', 'HS512'];
const SIGNATURES = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA', 'Ed25519'];
const [, , , keys, certificates] = process.argv;

const machine = {
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  scope: 'read write',
};

function signingClients() {
  const jwks = JSON.parse(readFileSync(join(keys, 'public.jwks')));
  return SIGNATURES.map((algorithm) => ({
    ...machine,
    client_id: algorithm,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: algorithm,
    jwks,
  }));
}

const settings = {
  clients: [
    ...asciiClients.map(([id, { secret, auth_method: method }]) => ({
      ...machine,
      client_id: id,
      client_secret: secret,
      token_endpoint_auth_method: method,
    })),
    ...(keys ? signingClients() : []),
    ...(certificates
      ? [{ ...machine, client_id: 'certified', token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=Test client' }]
      : []),
  ],
  clientAuthMethods: [
    'client_secret_basic',
    'client_secret_post',
    'client_secret_jwt',
    'private_key_jwt',
    'none',
    ...(certificates ? ['tls_client_auth'] : []),
  ],
  enabledJWA: { clientAuthSigningAlgValues: [...HMAC, ...SIGNATURES] },
  scopes: ['read', 'write'],
  ttl: { ClientCredentials: (ctx, token, client) => clients[client.clientId]?.lifetime ?? 600 },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    mTLS: {
      enabled: Boolean(certificates),
      tlsClientAuth: true,
      certificateAuthorized: (ctx) => ctx.req.socket.authorized,
      getCertificate: (ctx) => ctx.req.socket.getPeerX509Certificate(),
      certificateSubjectMatches: (ctx, property, expected) =>
        property === 'tls_client_auth_subject_dn' && ctx.req.socket.getPeerX509Certificate().subject === expected,
    },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(ctx, resource) {
        if (resource !== API) throw new errors.InvalidTarget();
        return { scope: 'read write', accessTokenFormat: 'jwt' };
      },
    },
  },
};

const pem = (name) => readFileSync(join(certificates, name));
const tls = certificates && {
  cert: pem('server.pem'),
  key: pem('server.key'),
  ca: pem('ca.pem'),
  requestCert: true,
  rejectUnauthorized: false,
};

function handler(origin) {
  const provider = new Provider(origin, settings);
  // The response says only invalid_client.
  provider.on('grant.error', (ctx, error) => console.error(error.error, error.error_detail));
  const callback = provider.callback();
  if (!certificates) return callback;
  return (request, response) => {
    if (request.url !== '/.well-known/openid-configuration') return callback(request, response);
    return response.writeHead(404).end();
  };
}

serve('/token', handler, tls);
