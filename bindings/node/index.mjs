// Exports the same classes as `require`, so that a program that uses both has one of each.

import { createRequire } from 'node:module';

// An import of CommonJS starts Node's parser for its exports, which costs a tenth of the time to load this package.
const require = createRequire(import.meta.url);

export const { TokenSource } = require('./lib/source');
export const { TokenSourceError } = require('./lib/errors');
