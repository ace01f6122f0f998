// For `import`: index.mjs has no default, which the types of CommonJS would promise.

export * from './index.js';
