// Gets a token of Podero, whose settings are built in, and prints the Authorization header.

import { TokenSource } from 'tokensource';

const source = new TokenSource({
  provider: 'podero',
  clientId: process.env.PODERO_CLIENT_ID,
  clientSecret: process.env.PODERO_CLIENT_SECRET,
  tokenUrl: process.env.PODERO_TOKEN_URL, // undefined: the URL of the provider
  timeout: 5, // seconds
});
console.log('Authorization:', await source.authorization());
