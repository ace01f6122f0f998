// The source that the other examples share. A program creates it once and keeps it.

import { TokenSource } from 'tokensource';

export const source = new TokenSource({
  tokenUrl: process.env.TOKEN_URL,
  clientId: process.env.CLIENT_ID,
  clientSecret: process.env.CLIENT_SECRET,
  timeout: 5,
});
