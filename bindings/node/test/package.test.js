// What is packed, and the libraries that a checkout and an installed package look for.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
const { test } = require('node:test');
const { PACKAGE, given, read, run } = require('./support');

test('the package has what its users need and nothing else', () => {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: PACKAGE, encoding: 'utf8' }));
  const folders = new Set(files.map(({ path }) => path.replace(/\/.*/, '/')));
  const expected = ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'examples/', 'index.d.mts', 'index.d.ts', 'index.js', 'index.mjs', 'lib/'];
  // Above all no scripts: lib/library.js takes them for the mark of a checkout.
  assert.deepEqual([...folders].sort(), [...expected, 'package.json']);
});

for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) {
  test(`${name} is the one of the repository`, () => {
    assert.equal(readFileSync(join(PACKAGE, name), 'utf8'), read(name));
  });
}

/** Copies the package below a new folder, as the tree of a repository has it. Returns the root of that tree. */
function copyOfTree(t) {
  const tree = realpathSync(mkdtempSync(join(tmpdir(), 'tokensource-tree-')));
  t.after(() => rmSync(tree, { recursive: true }));
  const folder = join(tree, 'bindings/node');
  cpSync(PACKAGE, folder, { recursive: true });
  writeFileSync(join(tree, 'Cargo.toml'), '');
  // No package of the platform is here, which would be found first.
  mkdirSync(join(tree, 'node_modules'));
  const modules = dirname(dirname(require.resolve('koffi')));
  ['koffi', '@koromix'].forEach((name) => symlinkSync(join(modules, name), join(tree, 'node_modules', name)));
  return tree;
}

function build(tree) {
  mkdirSync(join(tree, 'target/release'), { recursive: true });
  cpSync(given('TOKENSOURCE_LIBRARY'), join(tree, 'target/release/libtokensource.so'));
}

// Prints the path of the library that is loaded.
const LOADED = "console.log(process.report.getReport().sharedObjects.find((path) => path.includes('libtokensource')))";
const load = (folder, ...flags) =>
  run([...flags, '-e', `require(${JSON.stringify(folder)}); ${LOADED}`], { TOKENSOURCE_LIBRARY: '', LD_LIBRARY_PATH: '' });

test('a checkout loads the library that make build has built, also through a link', async (t) => {
  const tree = copyOfTree(t);
  const folder = join(tree, 'bindings/node');
  const library = join(tree, 'target/release/libtokensource.so');
  const advice = new RegExp(`run "make build" in ${tree}, or let TOKENSOURCE_LIBRARY`);
  // An installed library of the system is used before anything is built.
  const before = await load(folder).catch(({ message }) => message);
  assert.ok(advice.test(before) || /libtokensource\.so\.1\b/.test(before), before);
  build(tree);
  assert.equal(await load(folder), `${library}\n`);

  const project = join(tree, 'project');
  mkdirSync(join(project, 'node_modules'), { recursive: true });
  symlinkSync(folder, join(project, 'node_modules/tokensource'));
  const linked = join(project, 'node_modules/tokensource');
  assert.equal(await load(linked), `${library}\n`);
  // Now the link has its own place next to the target/ of a project.
  mkdirSync(join(project, 'target/release'), { recursive: true });
  writeFileSync(join(project, 'target/release/libtokensource.so'), 'not a library');
  writeFileSync(join(project, 'Cargo.toml'), '');
  assert.equal(await load(linked, '--preserve-symlinks'), `${library}\n`);
});

test('an installed package loads no library from the folders around it', async (t) => {
  const tree = copyOfTree(t);
  build(tree);
  rmSync(join(tree, 'bindings/node/scripts'), { recursive: true });
  const result = await load(join(tree, 'bindings/node')).catch(({ message }) => message);
  assert.ok(!result.includes(join(tree, 'target')), result);
});

test('a checkout without its dependencies names the command that installs them', async (t) => {
  const tree = copyOfTree(t);
  rmSync(join(tree, 'node_modules'), { recursive: true });
  const expected = `run "npm install --no-save --omit=dev ./bindings/node" in ${tree}`;
  await assert.rejects(load(join(tree, 'bindings/node')), ({ message }) => message.includes(expected));
});
