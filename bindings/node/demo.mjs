// The Node part of `make demo`: a token of each provider, and the time of a cached call. The arguments are the token URLs of
// servers that imitate Podero and Gardin.

import { TokenSource } from 'tokensource';

const CALLS = 10_000;

async function show(provider, tokenUrl) {
  const source = new TokenSource({ provider, tokenUrl, clientId: 'test-client', clientSecret: 'test-secret', timeout: 5 });
  const { accessToken, expiresIn } = await source.token();
  const start = performance.now();
  for (let call = 0; call < CALLS; call++) {
    source.tokenIfReady();
  }
  const nanoseconds = (((performance.now() - start) * 1e6) / CALLS).toFixed(0);
  const token = `${accessToken.slice(0, 6)}... (${accessToken.length} characters)`;
  console.log(`  ${provider.padEnd(9)} ${token}, ${expiresIn.toFixed(0)} s left; again in ${nanoseconds} ns`);
}

const [podero, gardin] = process.argv.slice(2);
console.log('\nNode');
await show('podero', podero);
await show('gardin', gardin);
