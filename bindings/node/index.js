// The entry point for `require`, and for bundlers that follow no createRequire. Only exports.
'use strict';

const { TokenSource } = require('./lib/source');
const { TokenSourceError } = require('./lib/errors');

module.exports = { TokenSource, TokenSourceError };
