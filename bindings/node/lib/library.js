// Finds the shared library and sees to it that it is the right one. The only file that looks for it.
//
// In this order: what the environment variable TOKENSOURCE_LIBRARY names, the package for this platform, the system's.
// What is there and cannot be used is an error, never a reason to look further.
'use strict';

const { resolve } = require('node:path');
const { prototypes, declare } = require('./prototypes');

const ABI = 1;

/** The first version that has all that this package calls. */
const LEAST = '0.1.0';

/** The only one that there is. */
const PLATFORM_PACKAGE = 'tokensource-linux-x64-gnu';

/** What calls the library: it has its own package for each platform, which is all that can be missing. */
function foreign() {
  try {
    return require('koffi');
  } catch (error) {
    throw new Error(
      `koffi cannot be loaded, probably for want of its package for ${process.platform} on ${process.arch}: install without ` +
        `--omit=optional, and keep tokensource and koffi out of bundles (${error.message})`,
      { cause: error },
    );
  }
}

/** What may help where there is no library. */
function advice() {
  return process.platform === 'linux' && process.arch === 'x64'
    ? `install the package ${PLATFORM_PACKAGE}, which needs glibc, or let`
    : `there is a package of it for Linux on x86-64 only, not for ${process.platform} on ${process.arch}: build it, and let`;
}

function find() {
  if (process.env.TOKENSOURCE_LIBRARY) {
    // Without a slash, the loader would look for it everywhere but here.
    return resolve(process.env.TOKENSOURCE_LIBRARY);
  }
  try {
    return require.resolve(PLATFORM_PACKAGE);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') {
      throw error;
    }
    return `libtokensource.so.${ABI}`;
  }
}

/** Whether version `a` comes before version `b`. */
function isOlder(a, b) {
  const [these, those] = [a, b].map((version) => version.split('.').map((part) => parseInt(part, 10)));
  const place = those.findIndex((part, index) => part !== these[index]);
  return place !== -1 && these[place] < those[place];
}

function load() {
  const koffi = foreign();
  const path = find();
  let library;
  let abi;
  try {
    library = koffi.load(path);
    // Before any other function is looked up: another ABI may lack it.
    abi = declare(library, 'tks_abi_version')();
  } catch (error) {
    throw new Error(
      `the tokensource library cannot be loaded: ${advice()} TOKENSOURCE_LIBRARY name libtokensource.so ` +
        `(tried ${path}: ${error.message})`,
      { cause: error },
    );
  }
  if (abi !== ABI) {
    throw new Error(`${path} speaks ABI ${abi}, this package ABI ${ABI}: install matching versions of both`);
  }
  const version = declare(library, 'tks_version')();
  if (isOlder(version, LEAST)) {
    throw new Error(`${path} is version ${version}, this package needs ${LEAST} or later`);
  }
  return Object.fromEntries(Object.keys(prototypes).map((name) => [name, declare(library, name)]));
}

module.exports = load();
