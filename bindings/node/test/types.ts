// What must and what must not compile. Never run.

import { TokenSource, TokenSourceError } from 'tokensource';
import type { Stats, Token, TokenSourceOptions } from 'tokensource';

const options: TokenSourceOptions = { provider: 'podero', clientId: 'id', clientSecret: 'secret', timeout: 5 };
const source = new TokenSource({ ...options, header: { 'x-own': 'yes', 'cache-control': null }, param: { a: 1 } });

new TokenSource({ provider: 'a-later-one', tokenUrl: new URL('https://example.com'), scope: ['a', 'b'] as const, resource: ['a'] });
new TokenSource({ clientSecretFile: new URL('file:///run/secret'), caFile: null, clientKeyFile: 'key.pem' });
new TokenSource({ clientId: undefined, scope: undefined, timeout: undefined, param: undefined, header: undefined });

// @ts-expect-error an option that there is not
new TokenSource({ clientIdd: 'id' });
// @ts-expect-error a value that it does not take
new TokenSource({ bodyFormat: 'xml' });
// @ts-expect-error durations are numbers
new TokenSource({ timeout: '5' });
// @ts-expect-error it would block the event loop
new TokenSource({ refresh: 'inline' });
// @ts-expect-error no options
new TokenSource();

export async function types(signal: AbortSignal, error: unknown) {
  const token: Token = await source.token({ signal });
  const text: string = await source.authorization({ signal: undefined });
  // @ts-expect-error a signal is an option
  await source.token(signal);
  const { scope, expiresAt, response }: { scope: string | null; expiresAt: Date; response: Record<string, unknown> } = token;
  // @ts-expect-error a token does not change
  token.accessToken = text;
  // @ts-expect-error there may be none
  source.tokenIfReady().accessToken;
  source.invalidate(source.tokenIfReady());
  // @ts-expect-error a token, not its text
  source.invalidate(text);
  const { requests }: Stats = source.stats;
  const answer: Response = await source.fetch(new URL('https://example.com'), { signal, method: 'POST' });
  if (error instanceof TokenSourceError && error.code === 'TKS_OAUTH') {
    // @ts-expect-error it may never ask again
    const seconds: number = error.retryAfter;
    return seconds;
  }
  using another = new TokenSource(options);
  const code: string | undefined = source.lastError?.code;
  return [scope, expiresAt, response, requests, answer, another, code, new TokenSourceError('a test', { code: 'TKS_HTTP' })];
}
