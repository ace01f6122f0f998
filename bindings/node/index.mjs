// The same classes as `require` gives, so that a program that uses both has one.

import { createRequire } from 'node:module';

// To import CommonJS instead starts Node's parser of its exports, a tenth of what it costs to load this package.
const require = createRequire(import.meta.url);

export const { TokenSource } = require('./lib/source');
export const { TokenSourceError } = require('./lib/errors');
