'use strict';

const { TokenSource } = require('./lib/source');
const { TokenSourceError } = require('./lib/errors');

module.exports = { TokenSource, TokenSourceError };
