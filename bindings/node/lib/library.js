// Finds, loads and checks the shared library. No other file looks for it.
//
// The order is: the path in the environment variable TOKENSOURCE_LIBRARY, the package of this platform, in a checkout the
// library that `make build` has built, the system's library. A library that exists and cannot be used is an error; the search
// does not continue after it.
'use strict';

const { existsSync, realpathSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { prototypes, declare } = require('./prototypes');

const ABI = 1;

/** The first version that has every function this package calls. */
const OLDEST_VERSION = '0.1.0';

/** The only platform package so far. */
const PLATFORM_PACKAGE = 'tokensource-linux-x64-gnu';

/**
 * Returns the root of the checkout that this file belongs to, or null in an installed package. No package contains the
 * scripts. Without them the folders around this one belong to another project, and a library in them must not be loaded.
 */
function checkout() {
  // Under --preserve-symlinks, __dirname is in the project that links to the checkout.
  const folder = realpathSync(join(__dirname, '..'));
  const tree = resolve(folder, '../..');
  return [join(folder, 'scripts/build'), join(tree, 'Cargo.toml')].every(existsSync) ? tree : null;
}

/** koffi crashes the process in an older Bun when a source is collected. 1.3.14 was the last that did. */
const OLDEST_BUN = '1.4.0';

function loadKoffi() {
  const { bun } = process.versions;
  if (bun && isOlder(bun, OLDEST_BUN)) {
    throw new Error(
      `Bun ${bun} crashes when it frees an object of this package, because of a fault between Bun and koffi: ` +
        'update to Bun 1.4.5, or use Node 20 or Deno 2.9.6, or later',
    );
  }
  try {
    return require('koffi');
  } catch (error) {
    const tree = checkout();
    const advice = tree
      ? `run "npm install --no-save --omit=dev ./bindings/node" in ${tree}`
      : 'install without --omit=optional, and keep tokensource and koffi out of bundles';
    throw new Error(
      `koffi cannot be loaded, probably because its package for ${process.platform} on ${process.arch} is missing: ` +
        `${advice} (${error.message})`,
      { cause: error },
    );
  }
}

/** Returns what to do when no library is found. The name of the library follows. */
function advice() {
  const tree = checkout();
  if (tree) {
    return `run "make build" in ${tree}, or let`;
  }
  return process.platform === 'linux' && process.arch === 'x64'
    ? `install the package ${PLATFORM_PACKAGE}, which needs glibc, or let`
    : `there is a package of it for Linux on x86-64 only, not for ${process.platform} on ${process.arch}: build it, and let`;
}

function libraryPath() {
  if (process.env.TOKENSOURCE_LIBRARY) {
    // The loader would search its own path for a name without a slash.
    return resolve(process.env.TOKENSOURCE_LIBRARY);
  }
  try {
    return require.resolve(PLATFORM_PACKAGE);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') {
      throw error;
    }
  }
  const tree = checkout();
  const built = tree && join(tree, 'target/release/libtokensource.so');
  return built && existsSync(built) ? built : `libtokensource.so.${ABI}`;
}

/** Returns whether version `a` is older than version `b`. */
function isOlder(a, b) {
  const [these, those] = [a, b].map((version) => version.split('.').map((part) => parseInt(part, 10)));
  const place = those.findIndex((part, index) => part !== these[index]);
  return place !== -1 && these[place] < those[place];
}

function load() {
  const koffi = loadKoffi();
  const path = libraryPath();
  let library;
  let abi;
  try {
    library = koffi.load(path);
    // Before any other function is looked up: a library of another ABI may lack it.
    abi = declare(library, 'tks_abi_version')();
  } catch (error) {
    throw new Error(
      `the tokensource library cannot be loaded: ${advice()} TOKENSOURCE_LIBRARY name libtokensource.so ` +
        `(tried ${path}: ${error.message})`,
      { cause: error },
    );
  }
  if (abi !== ABI) {
    throw new Error(`${path} has ABI ${abi}, this package needs ABI ${ABI}: install matching versions of both`);
  }
  const version = declare(library, 'tks_version')();
  if (isOlder(version, OLDEST_VERSION)) {
    throw new Error(`${path} is version ${version}, this package needs ${OLDEST_VERSION} or later`);
  }
  return Object.fromEntries(Object.keys(prototypes).map((name) => [name, declare(library, name)]));
}

module.exports = load();
