// Prints the header that Podero's API wants.
import { TokenSource } from 'tokensource';

const source = new TokenSource({
  provider: 'podero',
  clientId: process.env.PODERO_CLIENT_ID,
  clientSecret: process.env.PODERO_CLIENT_SECRET,
  tokenUrl: process.env.PODERO_TOKEN_URL,
});
console.log('Authorization:', await source.authorization());
