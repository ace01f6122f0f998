// got with a token, and with a new token after a 401.

import got from 'got';
import { source } from './source.mjs';

const api = got.extend({
  // The hook below would add the header to a redirected request to another origin too.
  followRedirect: false,
  hooks: {
    beforeRequest: [
      async (options) => {
        const token = await source.token();
        options.headers.authorization = token.authorization;
        options.context.token = token;
      },
    ],
    afterResponse: [
      (response, retry) => {
        if (response.statusCode !== 401) {
          return response;
        }
        const token = /** @type {import('tokensource').Token} */ (response.request.options.context.token);
        source.invalidate(token);
        return retry({});
      },
    ],
  },
});

const response = await api.post(process.env.API_URL ?? '', { body: 'hello' });
console.log(response.statusCode, response.body);
