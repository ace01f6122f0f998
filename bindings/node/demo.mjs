// Gets a token of each provider in Node. Its arguments are the URLs of two token servers on this machine.

import { TokenSource } from 'tokensource';

const [podero, gardin] = process.argv.slice(2);

async function show(provider, tokenUrl) {
  const source = new TokenSource({ provider, tokenUrl, clientId: 'test-client', clientSecret: 'test-secret', timeout: 5 });
  const since = performance.now();
  const { accessToken, scope, expiresAt } = await source.token();
  const took = (performance.now() - since).toFixed(1);
  console.log(`  ${provider.padEnd(9)} ${accessToken.slice(0, 6)}... (${accessToken.length} characters), after ${took} ms`);
  console.log(`            scope ${scope ?? 'not said'}, until ${expiresAt.toISOString()}`);
}

console.log(`in Node ${process.versions.node}`);
await show('podero', podero);
await show('gardin', gardin);
