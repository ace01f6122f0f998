// The parts that the package repeats agree with the header and the library: prototypes, numbers, types, versions, licences.
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

test('each function is declared as in the header, and called', () => {
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

test('the numbers agree with the header', () => {
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

test('the types have exactly the options and status codes of the library', () => {
  const types = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
  const name = library.func('const char *tks_option_name(size_t index)');
  const options = [];
  const members = [];
  for (let index = 0; name(index) !== null; index += 1) {
    const [option, member] = name(index).replaceAll(/_[a-z]/g, ([, letter]) => letter.toUpperCase()).split('.');
    if (member === 'NAME') {
      // Such a family has a plural name too.
      options.push(`${option}s`, option);
    } else if (!member || members.push(member) === 1) {
      options.push(option);
    }
  }
  const [, typed] = types.match(/interface TokenSourceOptions \{([^]*?)\n\}/);
  assert.deepEqual([...typed.matchAll(/^  (\w+)\?:/gm)].map(([, option]) => option), options);
  assert.deepEqual([...typed.matchAll(/^ {8}(\w+)\?:/gm)].map(([, member]) => member), members);

  const statuses = [...header.matchAll(/#define (TKS_(?!STAT_|ABI_|VERSION)\w+) \d+/g)].map(([, status]) => status);
  const [, codes] = types.match(/type TokenSourceErrorCode =([^]*?);/);
  const thrown = statuses.filter((status) => !['TKS_OK', 'TKS_PENDING'].includes(status));
  assert.deepEqual([...codes.matchAll(/'(\w+)'/g)].map(([, code]) => code), thrown);
});

test('the package has the version of the library', () => {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  assert.equal(library.func('const char *tks_version(void)')(), version);
});

test('the types have the words that an option allows', () => {
  const types = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
  const [name, help] = ['name', 'help'].map((what) => library.func(`const char *tks_option_${what}(size_t index)`));
  let unions = 0;
  for (let index = 0; name(index) !== null; index += 1) {
    const camel = name(index).replaceAll(/_[a-z]/g, ([, letter]) => letter.toUpperCase());
    const union = `^  ${camel}\\?:\\s+(?:\\| )?('[^;(]*)\\s\\| (?:\\(string & \\{\\}\\)\\s+\\| )?null\\s+\\|`;
    const [, typed] = types.match(new RegExp(union, 'm')) ?? [];
    // Node rejects an inline refresh.
    if (typed && camel !== 'refresh') {
      const [, allowed] = help(index).match(/Allowed: ([^.]*)\./);
      assert.equal(typed.replaceAll("'", '').replaceAll(/\s+/g, ' ').trim(), allowed, camel);
      unions += 1;
    }
  }
  assert.equal(unions, 7);
});

test('the types describe each option as the library does', () => {
  const types = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
  const [name, help] = ['name', 'help'].map((what) => library.func(`const char *tks_option_${what}(size_t index)`));
  const camelCase = (text) => text.replaceAll(/_[a-z]/g, ([, letter]) => letter.toUpperCase());
  const known = [];
  for (let index = 0; name(index) !== null; index += 1) {
    known.push([name(index), help(index)]);
  }
  const words = new Set(known.map(([option]) => option));
  // NAME is in the types a member of an object, and refresh has one value in Node.
  const described = known.filter(([option]) => !option.endsWith('.NAME') && option !== 'refresh');
  for (const [option, text] of described) {
    const [, meaning] = text.match(/^(.*) Allowed: /);
    // Its own name is the parameter of the request: grant_type.
    const spelled = (word) => (words.has(word) && word !== option ? camelCase(word) : word);
    const expected = meaning.replaceAll(/\b[a-z]+(?:_[a-z]+)+\b/g, spelled);
    const pattern = `/\\*\\*((?:(?!\\*/)[^])*)\\*/\\n +${camelCase(option.split('.').at(-1))}\\?:`;
    const [, comment] = types.match(new RegExp(pattern)) ?? assert.fail(option);
    const shown = comment.replaceAll(/\s*\n \s*\* ?/g, ' ').trim().replace(/^Seconds\. /, '');
    assert.ok(shown.startsWith(expected), `${option}: ${shown}`);
  }
});

test('a missing or different library is rejected with advice', async (t) => {
  const load = (path) => run(['-e', "require('tokensource')"], { TOKENSOURCE_LIBRARY: path });
  await assert.rejects(load('/nowhere/libtokensource.so'), /install the package tokensource-.*tried \/nowhere/);
  const libc = process.report.getReport().sharedObjects.find((path) => path.includes('/libc.so'));
  await assert.rejects(load(libc), /install the package tokensource-.*tks_abi_version/);

  const folder = mkdtempSync(join(tmpdir(), 'tokensource-libraries-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const fake = (abi, version) => {
    const path = join(folder, `libtokensource-${abi}-${version}.so`);
    const text = `unsigned tks_abi_version(void) { return ${abi}; } const char *tks_version(void) { return "${version}"; }`;
    execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-o', path, '-'], { input: text });
    return path;
  };
  await assert.rejects(load(fake(2, '9.0.0')), /has ABI 2, this package needs ABI 1/);
  for (const version of ['0.0.9', '0.0.10']) {
    await assert.rejects(load(fake(1, version)), new RegExp(`is version ${version}, this package needs 0.1.0`));
  }
  // These versions pass the check, and the fakes lack every other function.
  for (const version of ['0.1.0', '0.10.0', '1.0.0']) {
    await assert.rejects(load(fake(1, version)), /tks_status_name/);
  }
});

test('without koffi\'s own package, the error has advice', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tokensource-bare-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const load = () => run([join(folder, 'index.js')]);
  const koffi = join(folder, 'node_modules/koffi');
  for (const part of ['index.js', 'lib']) {
    cpSync(join(PACKAGE, part), join(folder, part), { recursive: true });
  }
  await assert.rejects(load(), /koffi cannot be loaded, .* for linux on x64 is missing: .*Cannot find module 'koffi'/);
  // The state after `npm install --omit=optional`.
  cpSync(dirname(require.resolve('koffi')), koffi, { recursive: true });
  await assert.rejects(load(), /koffi cannot be loaded, .* install without --omit=optional, .*bundles \(Cannot find the native/);
  await assert.rejects(load(), /\[cause\]: Error: Cannot find the native/);
});

test('on another platform, the error names the supported one', async () => {
  const load = (platform, arch) => {
    const pretend = `Object.defineProperties(process, { platform: { value: '${platform}' }, arch: { value: '${arch}' } });`;
    return run(['-e', `require('koffi'); ${pretend} require('tokensource');`], { TOKENSOURCE_LIBRARY: '/nowhere/lib.so' });
  };
  for (const [platform, arch] of [['darwin', 'x64'], ['linux', 'arm64'], ['win32', 'x64']]) {
    await assert.rejects(load(platform, arch), ({ message }) => {
      assert.match(message, new RegExp(`for Linux on x86-64 only, not for ${platform} on ${arch}: build it, and let TOKENSOURCE_LIBRARY`));
      return !message.includes('tokensource-linux') && !message.includes('-gnu');
    });
  }
});

test('a Bun in which koffi crashes is refused before koffi is loaded', async () => {
  const load = (bun) => {
    const pretend = `Object.defineProperty(process.versions, 'bun', { value: ${JSON.stringify(bun)} });`;
    return run(['-e', `${pretend} require('tokensource'); console.log('loaded');`], {});
  };
  for (const bun of ['1.3.14', '1.3.9', '1.2.0', '1.0.0', '0.8.1']) {
    await assert.rejects(load(bun), new RegExp(`Bun ${bun.replaceAll('.', '\\.')} crashes .*: update to Bun 1\\.4\\.5, or use`));
  }
  for (const bun of ['1.4.0', '1.4.5', '1.10.0', '2.0.0', '1.4.0-canary.20260831.1']) {
    assert.equal(await load(bun), 'loaded\n');
  }
});

test('TOKENSOURCE_LIBRARY without a slash is a file in the current directory', async () => {
  // run() starts in the folder of the package, where no such file exists.
  await assert.rejects(run(['-e', "require('tokensource')"], { TOKENSOURCE_LIBRARY: 'libc.so.6' }), (error) =>
    error.message.includes(`tried ${join(PACKAGE, 'libc.so.6')}: `),
  );
});
