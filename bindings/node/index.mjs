// The same classes as `require` gives, so that a program that uses both has one.
import tokensource from './index.js';

export const { TokenSource, TokenSourceError } = tokensource;
