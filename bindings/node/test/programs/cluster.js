// A primary process with a token forks two workers and prints the token of each. The argument is a token URL.
'use strict';

const cluster = require('node:cluster');
const { TokenSource } = require('tokensource');

const source = new TokenSource({ tokenUrl: process.argv[2], clientId: 'id', clientSecret: 'horse-battery' });
source.token().then(({ accessToken }) => {
  if (cluster.isPrimary) {
    cluster.fork();
    cluster.fork();
    cluster.on('message', (worker, token) => console.log(token));
  } else {
    process.send(accessToken, () => process.disconnect());
  }
});
