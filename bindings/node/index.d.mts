// The types for `import`. index.mjs has no default export, which the types of CommonJS would promise.

export * from './index.js';
