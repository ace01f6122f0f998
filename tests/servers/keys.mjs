// Writes keys for clients to sign with, in each form that the option signing_key_file takes, into a directory.
//
// usage: keys.mjs DIRECTORY
//
// Node writes them, so that the library reads what another implementation wrote. The servers read public.jwks.

import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , directory] = process.argv;
const write = (name, text) => writeFileSync(join(directory, name), text);
const pem = (key, type) => key.export({ type, format: 'pem' });

/** The algorithm in the JWK Set, and the form of PEM before PKCS#8. */
const keys = {
  rsa: { pair: generateKeyPairSync('rsa', { modulusLength: 2048 }), alg: 'RS256', old: 'pkcs1' },
  p256: { pair: generateKeyPairSync('ec', { namedCurve: 'P-256' }), alg: 'ES256', old: 'sec1' },
  p384: { pair: generateKeyPairSync('ec', { namedCurve: 'P-384' }), alg: 'ES384', old: 'sec1' },
  ed25519: { pair: generateKeyPairSync('ed25519'), alg: 'EdDSA' },
};

for (const [kid, { pair, old }] of Object.entries(keys)) {
  write(`${kid}.pkcs8.pem`, pem(pair.privateKey, 'pkcs8'));
  if (old) write(`${kid}.${old}.pem`, pem(pair.privateKey, old));
  write(`${kid}.jwk`, JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), kid }));
}

// As `openssl ecparam -genkey` writes it: the name of the curve comes first.
const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
write('p256.parameters.pem', parameters + pem(keys.p256.pair.privateKey, 'sec1'));

const { privateKey: rsa } = keys.rsa.pair;
write(
  'rsa.google.json',
  JSON.stringify({
    type: 'service_account',
    project_id: 'project',
    private_key_id: 'rsa',
    private_key: pem(rsa, 'pkcs8'),
    client_email: 'signing-rsa@project.iam.example',
    token_uri: 'https://elsewhere.example/token',
  }),
);

const set = (part, more) =>
  JSON.stringify({
    keys: Object.entries(keys).map(([kid, { pair, alg }]) => ({ ...pair[part].export({ format: 'jwk' }), kid, ...more(alg) })),
  });
write('private.jwks', set('privateKey', (alg) => ({ alg, use: 'sig' })));
write('public.jwks', set('publicKey', () => ({ use: 'sig' })));

write('stranger.pem', pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'pkcs8'));
