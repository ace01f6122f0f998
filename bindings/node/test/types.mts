// Code that must compile in a module, and code that must not. Never run.

import { TokenSource, TokenSourceError } from 'tokensource';
import type { Token } from 'tokensource';
// @ts-expect-error there is no default export
import whole from 'tokensource';

export const token: Promise<Token> = new TokenSource({}).token();
export const error: Error = new TokenSourceError('a test', { code: 'TKS_HTTP' });
export { whole };
