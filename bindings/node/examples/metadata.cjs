// For an API that requires a synchronous function: warms the source up at the start and returns the cached token.
'use strict';

const { TokenSource } = require('tokensource');

const source = new TokenSource({
  tokenUrl: process.env.TOKEN_URL,
  clientId: process.env.CLIENT_ID,
  clientSecret: process.env.CLIENT_SECRET,
});
source.warmUp();

function metadata() {
  const token = source.tokenIfReady();
  return token ? { authorization: token.authorization } : {};
}

source.token().then(() => console.log(Object.keys(metadata())));
