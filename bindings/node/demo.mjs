// Both tokens in Node: what demo.sh shows beside the C program. Its arguments are the token URLs of servers with the manners
// of Podero and of Gardin.

import { TokenSource } from 'tokensource';

const CALLS = 10_000;

async function show(provider, tokenUrl) {
  const source = new TokenSource({ provider, tokenUrl, clientId: 'test-client', clientSecret: 'test-secret', timeout: 5 });
  const { accessToken, expiresIn } = await source.token();
  const since = performance.now();
  for (let call = 0; call < CALLS; call++) {
    source.tokenIfReady();
  }
  const took = (((performance.now() - since) * 1e6) / CALLS).toFixed(0);
  const token = `${accessToken.slice(0, 6)}... (${accessToken.length} characters)`;
  console.log(`  ${provider.padEnd(9)} ${token}, ${expiresIn.toFixed(0)} s left; again in ${took} ns`);
}

const [podero, gardin] = process.argv.slice(2);
console.log('\nNode');
await show('podero', podero);
await show('gardin', gardin);
