// What is written here a second time is what the library says of itself.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
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

  const statuses = [...header.matchAll(/#define (TKS_(?!STAT_|ABI_|VERSION)\w+) \d+/g)].map(([, status]) => status);
  const [, codes] = types.match(/type TokenSourceErrorCode =([^]*?);/);
  const thrown = statuses.filter((status) => !['TKS_OK', 'TKS_PENDING'].includes(status));
  assert.deepEqual([...codes.matchAll(/'(\w+)'/g)].map(([, code]) => code), thrown);
});

test('the package has the version of the library', () => {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  assert.equal(library.func('const char *tks_version(void)')(), version);
});

test('the types have the words that an option takes', () => {
  const types = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
  const [name, help] = ['name', 'help'].map((what) => library.func(`const char *tks_option_${what}(size_t index)`));
  let unions = 0;
  for (let index = 0; name(index) !== null; index += 1) {
    const camel = name(index).replaceAll(/_[a-z]/g, ([, letter]) => letter.toUpperCase());
    const [, typed] = types.match(new RegExp(`^  ${camel}\\?: ('[^;(]*) \\| (\\(string & \\{\\}\\) \\| )?null \\|`, 'm')) ?? [];
    // An inline refresh is refused here.
    if (typed && camel !== 'refresh') {
      const [, allowed] = help(index).match(/Allowed: ([^.]*)\./);
      assert.equal(typed.replaceAll("'", ''), allowed, camel);
      unions += 1;
    }
  }
  assert.equal(unions, 5);
});

test('a library that is not there, or another one, is refused with what to do', async (t) => {
  const asks = (path) => run(['-e', "require('tokensource')"], { TOKENSOURCE_LIBRARY: path });
  await assert.rejects(asks('/nowhere/libtokensource.so'), /install the package tokensource-.*tried \/nowhere/);
  const libc = process.report.getReport().sharedObjects.find((path) => path.includes('/libc.so'));
  await assert.rejects(asks(libc), /install the package tokensource-.*tks_abi_version/);

  const folder = mkdtempSync(join(tmpdir(), 'tokensource-libraries-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const fake = (abi, version) => {
    const path = join(folder, `libtokensource-${abi}-${version}.so`);
    const text = `unsigned tks_abi_version(void) { return ${abi}; } const char *tks_version(void) { return "${version}"; }`;
    execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-o', path, '-'], { input: text });
    return path;
  };
  await assert.rejects(asks(fake(2, '9.0.0')), /speaks ABI 2, this package ABI 1/);
  for (const version of ['0.0.9', '0.0.10']) {
    await assert.rejects(asks(fake(1, version)), new RegExp(`is version ${version}, this package needs 0.1.0`));
  }
  // New enough, and no more than that.
  for (const version of ['0.1.0', '0.10.0', '1.0.0']) {
    await assert.rejects(asks(fake(1, version)), /tks_status_name/);
  }
});

test('without what koffi needs, the error says what to do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tokensource-bare-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const asks = () => run([join(folder, 'index.js')]);
  const koffi = join(folder, 'node_modules/koffi');
  for (const part of ['index.js', 'lib']) {
    cpSync(join(PACKAGE, part), join(folder, part), { recursive: true });
  }
  await assert.rejects(asks(), /koffi cannot be loaded, .* for linux on x64: .*Cannot find module 'koffi'/);
  // As `npm install --omit=optional` leaves it.
  cpSync(dirname(require.resolve('koffi')), koffi, { recursive: true });
  await assert.rejects(asks(), /koffi cannot be loaded, .* install without --omit=optional, .*bundles \(Cannot find the native/);
  await assert.rejects(asks(), /\[cause\]: Error: Cannot find the native/);
});

test('where there is no library for the platform, the error says so', async () => {
  const asks = (platform, arch) => {
    const pretend = `Object.defineProperties(process, { platform: { value: '${platform}' }, arch: { value: '${arch}' } });`;
    return run(['-e', `require('koffi'); ${pretend} require('tokensource');`], { TOKENSOURCE_LIBRARY: '/nowhere/lib.so' });
  };
  for (const [platform, arch] of [['darwin', 'x64'], ['linux', 'arm64'], ['win32', 'x64']]) {
    await assert.rejects(asks(platform, arch), ({ message }) => {
      assert.match(message, new RegExp(`for Linux on x86-64 only, not for ${platform} on ${arch}: build it, and let TOKENSOURCE_LIBRARY`));
      return !message.includes('tokensource-linux') && !message.includes('-gnu');
    });
  }
});

test('the library that is named is a file, also without a slash', async () => {
  // run() is in the directory of the package, where there is none.
  await assert.rejects(run(['-e', "require('tokensource')"], { TOKENSOURCE_LIBRARY: 'libc.so.6' }), (error) =>
    error.message.includes(`tried ${join(PACKAGE, 'libc.so.6')}: `),
  );
});
