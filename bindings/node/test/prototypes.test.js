// What is written here a second time is what the library says of itself.
'use strict';

const assert = require('node:assert/strict');
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');
const koffi = require('koffi');
const { prototypes } = require('../lib/prototypes');
const { PACKAGE, given, read, run } = require('./support');

const header = read('include/tokensource.h');
const library = koffi.load(given('TOKENSOURCE_LIBRARY'));

test('each function is declared as the header has it, and called somewhere', () => {
  const folder = join(PACKAGE, 'lib');
  const others = readdirSync(folder).filter((name) => name !== 'prototypes.js');
  const code = others.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  const text = header.replaceAll(/\s+/g, ' ');
  for (const [name, prototype] of Object.entries(prototypes)) {
    assert.ok(text.includes(` ${prototype}`), prototype);
    assert.match(code, new RegExp(`\\b${name}\\b`));
  }
  assert.ok(Object.keys(prototypes).length > 25);
});

test('the numbers are those of the header', () => {
  const defined = (name) => Number(header.match(new RegExp(`#define ${name} (\\d+)`))[1]);
  const source = readFileSync(join(PACKAGE, 'lib/source.js'), 'utf8');
  const finder = readFileSync(join(PACKAGE, 'lib/library.js'), 'utf8');
  assert.match(finder, new RegExp(`const ABI = ${defined('TKS_ABI_VERSION')};`));
  assert.match(source, new RegExp(`const OK = ${defined('TKS_OK')};`));
  assert.match(source, new RegExp(`const PENDING = ${defined('TKS_PENDING')};`));
  const stats = ['REQUESTS', 'FAILURES', 'TOKENS', 'WAITS'];
  const expected = stats.map((name) => `${name.toLowerCase()}: ${defined(`TKS_STAT_${name}`)}`).join(', ');
  assert.ok(source.includes(`const STATS = { ${expected} };`), expected);
});

test('the types have every option and every status of the library, and no other', () => {
  const types = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
  const name = library.func('const char *tks_option_name(size_t index)');
  const options = [];
  for (let index = 0; name(index) !== null; index += 1) {
    const [option] = name(index).split('.');
    options.push(option.replaceAll(/_[a-z]/g, ([, letter]) => letter.toUpperCase()));
  }
  const [, typed] = types.match(/interface TokenSourceOptions \{([^]*?)\n\}/);
  assert.deepEqual([...typed.matchAll(/^  (\w+)\?:/gm)].map(([, option]) => option), options);

  const statuses = [...header.matchAll(/#define (TKS_(?!STAT_|ABI_)\w+) \d+/g)].map(([, status]) => status);
  const [, codes] = types.match(/type TokenSourceErrorCode =([^]*?);/);
  const thrown = statuses.filter((status) => !['TKS_OK', 'TKS_PENDING'].includes(status));
  assert.deepEqual([...codes.matchAll(/'(\w+)'/g)].map(([, code]) => code), thrown);
});

test('the package has the version of the library', () => {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  assert.equal(library.func('const char *tks_version(void)')(), version);
});

test('a library that is not there, or another one, is refused with what to do', async () => {
  const asks = (path) => run(['-e', "require('tokensource')"], { TOKENSOURCE_LIBRARY: path });
  await assert.rejects(asks('/nowhere/libtokensource.so'), /install the package tokensource-.*tried \/nowhere/);
  await assert.rejects(asks('libc.so.6'), /tks_abi_version/);
});
