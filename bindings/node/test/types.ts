// Code that must compile, and code that must not. Never run.

import { TokenSource, TokenSourceError } from 'tokensource';
import type { Stats, Token, TokenSourceOptions } from 'tokensource';

const options: TokenSourceOptions = { provider: 'podero', clientId: 'id', clientSecret: 'secret', timeout: 5 };
const source = new TokenSource({ ...options, headers: { 'x-own': 'yes', 'cache-control': null }, params: { a: 1, b: true } });

new TokenSource({ provider: 'a-later-one', tokenUrl: new URL('https://example.com'), scope: ['a', 'b'] as const, resource: ['a'] });
new TokenSource({ clientSecretFile: new URL('file:///run/secret'), caFile: null, clientKeyFile: 'key.pem' });
new TokenSource({ clientId: undefined, scope: undefined, timeout: undefined, params: undefined, headers: undefined });
new TokenSource({ header: { 'x-own': 'yes', 'cache-control': null }, param: { a: 1, b: undefined } });
new TokenSource({ header: undefined, param: undefined });
new TokenSource({ provider: 'entra', variables: { tenant: 'a' }, signingKeyFile: new URL('file:///run/key'), claims: { sub: 'a' } });
new TokenSource({ authMethod: 'private_key_jwt', signingAlgorithm: 'ES256', variable: undefined, claim: { level: 1, left: null } });

// @ts-expect-error an unknown option
new TokenSource({ clientIdd: 'id' });
// @ts-expect-error a value that the option does not allow
new TokenSource({ bodyFormat: 'xml' });
// @ts-expect-error durations are numbers
new TokenSource({ timeout: '5' });
// @ts-expect-error parameters have names
new TokenSource({ params: 'a=1' });
// @ts-expect-error a claim is a text
new TokenSource({ claims: { list: ['a'] } });
// @ts-expect-error headers are a plain object
new TokenSource({ headers: new Headers() });
// @ts-expect-error the value of a parameter is no object
new TokenSource({ params: { a: {} } });
// @ts-expect-error an inline refresh would block the event loop
new TokenSource({ refresh: 'inline' });
// @ts-expect-error the options are required
new TokenSource();

export async function types(signal: AbortSignal, error: unknown) {
  const token: Token = await source.token({ signal });
  const text: string = await source.authorization({ signal: undefined });
  // @ts-expect-error the signal belongs into an object
  await source.token(signal);
  const { scope, expiresAt, response }: { scope: string | null; expiresAt: Date; response: Record<string, unknown> } = token;
  // @ts-expect-error a token is read-only
  token.accessToken = text;
  // @ts-expect-error the result may be null
  source.tokenIfReady().accessToken;
  source.invalidate(source.tokenIfReady());
  // @ts-expect-error a Token is expected, not its text
  source.invalidate(text);
  const { requests }: Stats = source.stats;
  const apiResponse: Response = await source.fetch(new URL('https://example.com'), { signal, method: 'POST' });
  if (error instanceof TokenSourceError && error.code === 'TKS_OAUTH') {
    // @ts-expect-error retryAfter may be null
    const seconds: number = error.retryAfter;
    return seconds;
  }
  using another = new TokenSource(options);
  const code: string | undefined = source.lastError?.code;
  return [scope, expiresAt, response, requests, apiResponse, another, code, new TokenSourceError('a test', { code: 'TKS_HTTP' })];
}
