import { TokenSource } from 'tokensource';

const source = new TokenSource({
  provider: 'podero',
  clientId: process.env.PODERO_CLIENT_ID,
  clientSecret: process.env.PODERO_CLIENT_SECRET,
  tokenUrl: process.env.PODERO_TOKEN_URL, // undefined: the provider's
  timeout: 5, // seconds
});
console.log('Authorization:', await source.authorization());
