// undici's request with a token, and with a new token after a 401.

import { request } from 'undici';
import { source } from './source.mjs';

/**
 * @param {string} url
 * @param {{ method?: 'GET' | 'POST', headers?: Record<string, string>, body?: string }} options
 */
async function call(url, options) {
  /** @param {import('tokensource').Token} token */
  const send = ({ authorization }) => request(url, { ...options, headers: { ...options.headers, authorization } });
  const token = await source.token();
  const response = await send(token);
  if (response.statusCode !== 401) {
    return response;
  }
  await response.body.dump();
  source.invalidate(token);
  return send(await source.token());
}

const response = await call(process.env.API_URL ?? '', { method: 'POST', body: 'hello' });
console.log(response.statusCode, await response.body.text());
