// The global fetch with a token.

import { source } from './source.mjs';

const response = await source.fetch(process.env.API_URL ?? '', { method: 'POST', body: 'hello' });
console.log(response.status, await response.text());
