// A token from any server that grants client credentials (RFC 6749, section 4.4).

import { TokenSource } from 'tokensource';

const source = new TokenSource({
  tokenUrl: process.env.TOKEN_URL, clientId: process.env.CLIENT_ID, clientSecret: process.env.CLIENT_SECRET,
  scope: 'read write', audience: 'https://api.example.com',
});
console.log('Authorization:', await source.authorization());
