// What must and what must not compile in a module. Never run.

import { TokenSource, TokenSourceError } from 'tokensource';
import type { Token } from 'tokensource';
// @ts-expect-error there is none
import whole from 'tokensource';

export const token: Promise<Token> = new TokenSource({}).token();
export const error: Error = new TokenSourceError('a test', { code: 'TKS_HTTP' });
export { whole };
