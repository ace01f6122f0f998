// Where only a function that returns at once is taken: the token that is ready, warmed up at the start.
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
