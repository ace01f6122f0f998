// Gets an access token with the options that most servers need, and prints the value of the Authorization header.

import { TokenSource } from 'tokensource';

const source = new TokenSource({
  tokenUrl: process.env.TOKEN_URL, clientId: process.env.CLIENT_ID, clientSecret: process.env.CLIENT_SECRET,
  scope: 'read', audience: 'https://api.example.com',
});
console.log('Authorization:', await source.authorization());
