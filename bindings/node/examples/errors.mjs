// Reports why there is no token.

import { TokenSource, TokenSourceError } from 'tokensource';

const source = new TokenSource({
  tokenUrl: process.env.TOKEN_URL,
  clientId: process.env.CLIENT_ID,
  clientSecret: 'not the right one',
});

try {
  const token = await source.token({ signal: AbortSignal.timeout(5000) });
  console.log(`a token for ${token.scope ?? 'the requested scope'}, valid until ${token.expiresAt.toISOString()}`);
} catch (error) {
  if (error instanceof Error && error.name === 'AbortError') {
    console.log('no token within 5 s');
  } else if (error instanceof TokenSourceError) {
    console.log(error.code, error.oauthError, error.httpStatus);
    console.log(error.isTransient ? 'retryable' : 'a setting must change');
  } else {
    throw error;
  }
}
