// axios with a token, and with a new token after a 401.

import axios from 'axios';
import { source } from './source.mjs';

const api = axios.create();

/** @type {WeakMap<object, import('tokensource').Token>} */
const sent = new WeakMap();

api.interceptors.request.use(async (config) => {
  const token = await source.token();
  config.headers.set('Authorization', token.authorization);
  sent.set(config, token);
  return config;
});

api.interceptors.response.use(undefined, async (error) => {
  if (!axios.isAxiosError(error) || error.response?.status !== 401 || !error.config) {
    throw error;
  }
  source.invalidate(sent.get(error.config));
  error.config.headers.set('Authorization', await source.authorization());
  // Without these interceptors, so that a second 401 is final.
  return axios.request(error.config);
});

const response = await api.post(process.env.API_URL ?? '', 'hello');
console.log(response.status, response.data);
