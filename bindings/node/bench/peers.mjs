// The same job with each package: the value of an Authorization header, from a cached token while it is valid.
//
// Each entry imports its package. For a token URL it returns a function that a program calls before each API request.

/** The peers without a cache of their own fetch the next token this many seconds before the expiry. */
const MARGIN = 60;

export const peers = {
  async tokensource() {
    const { TokenSource } = await import('../index.mjs');
    return (tokenUrl) => {
      const source = new TokenSource({ tokenUrl, clientId: 'id', clientSecret: 'secret', timeout: 300 });
      return () => source.authorization();
    };
  },

  // openid-client has no cache: its users write this one.
  async 'openid-client'() {
    const client = await import('openid-client');
    return (tokenUrl) => {
      const config = new client.Configuration({ issuer: 'http://127.0.0.1', token_endpoint: tokenUrl }, 'id', 'secret');
      config.timeout = 300;
      client.allowInsecureRequests(config);
      let token;
      return async () => {
        if (!token || token.expiresIn() < MARGIN) {
          token = await client.clientCredentialsGrant(config);
        }
        return `Bearer ${token.access_token}`;
      };
    };
  },

  async 'simple-oauth2'() {
    const { ClientCredentials } = (await import('simple-oauth2')).default;
    return (tokenUrl) => {
      const { origin, pathname } = new URL(tokenUrl);
      const client = new ClientCredentials({
        client: { id: 'id', secret: 'secret' },
        auth: { tokenHost: origin, tokenPath: pathname },
      });
      let token;
      return async () => {
        if (!token || token.expired(MARGIN)) {
          token = await client.getToken({});
        }
        return `Bearer ${token.token.access_token}`;
      };
    };
  },

  // MSAL sends requests to Microsoft's servers only: they are redirected to the test server.
  async 'MSAL Node'() {
    const { ConfidentialClientApplication } = await import('@azure/msal-node');
    return (tokenUrl) => {
      const sendPostRequestAsync = async (url, { headers, body }) => {
        const response = await fetch(tokenUrl, { method: 'POST', headers, body });
        return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.json() };
      };
      const authority = 'https://login.microsoftonline.com/tenant';
      const metadata = {
        authorization_endpoint: `${authority}/authorize`,
        token_endpoint: `${authority}/token`,
        issuer: authority,
        jwks_uri: `${authority}/keys`,
      };
      const application = new ConfidentialClientApplication({
        auth: { clientId: 'id', clientSecret: 'secret', authority, authorityMetadata: JSON.stringify(metadata) },
        system: { networkClient: { sendPostRequestAsync, sendGetRequestAsync: () => Promise.reject(new Error('GET')) } },
      });
      return async () => {
        const { accessToken } = await application.acquireTokenByClientCredential({ scopes: ['api/.default'] });
        return `Bearer ${accessToken}`;
      };
    };
  },
};
