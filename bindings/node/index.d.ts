/// <reference lib="esnext.disposable" />

/** What is asked of a token endpoint, and how. Durations are in seconds; null unsets what a provider has set. */
export interface TokenSourceOptions {
  /** A service whose documentation is built in: it sets other options, and any of them given beside it wins. */
  provider?: 'podero' | 'podero-sandbox' | 'gardin' | (string & {}) | null | undefined;
  /** Where tokens are fetched: an https URL, http only to this machine or with allowInsecureHttp. */
  tokenUrl?: string | URL | null | undefined;
  clientId?: string | null | undefined;
  /** May be empty, for a client that has none. */
  clientSecret?: string | null | undefined;
  /** A file that holds the secret, read again at each fetch, so that a changed secret needs no restart. */
  clientSecretFile?: string | URL | null | undefined;
  /** How id and secret are sent: in an HTTP Basic header (the default) or in the body. */
  authMethod?: 'client_secret_basic' | 'client_secret_post' | null | undefined;
  /** Whether id and secret are percent-encoded before they go into HTTP Basic, as RFC 6749 says (the default), or not. */
  basicEncoding?: 'rfc6749' | 'raw' | null | undefined;
  /** How the body of the request is written. Default: form. */
  bodyFormat?: 'form' | 'json' | null | undefined;
  /** Default: client_credentials. */
  grantType?: string | null | undefined;
  /** The scopes to ask for: an array, or a text that separates them by spaces. */
  scope?: string | readonly string[] | null | undefined;
  /** The API that the token is for, where the server wants it under this name. */
  audience?: string | null | undefined;
  /** The APIs that the token is for (RFC 8707): an array, or a text that separates them by spaces. */
  resource?: string | readonly string[] | null | undefined;
  /** More parameters of the request, by name. Treated as secrets. */
  param?: Record<string, string | number | boolean | null | undefined> | undefined;
  /** More headers of the request, by name. Treated as secrets. */
  header?: Record<string, string | number | boolean | null | undefined> | undefined;
  /** Seconds. The longest that one call waits for a token, and one fetch may take with all its attempts. Default: 30. */
  timeout?: number | null | undefined;
  /** Seconds. The longest that one attempt may take to resolve and connect. Default: 10. */
  connectTimeout?: number | null | undefined;
  /** How many requests one fetch may send when they fail in a way that may pass, 1 to 100. Default: 3. */
  maxAttempts?: number | null | undefined;
  /** Always background here: an inline refresh would block the event loop. */
  refresh?: 'background' | null | undefined;
  /** Seconds. How long before a token expires its replacement is fetched; 0 never fetches early. */
  refreshAhead?: number | null | undefined;
  /** Seconds. How long before its end a token counts as expired, at most half of its lifetime. */
  expiryMargin?: number | null | undefined;
  /** Seconds. How long a token lives when the answer does not say. Default: 600. */
  defaultLifetime?: number | null | undefined;
  /** Whose certificate authorities are trusted. Default: auto, the system's, else the bundled ones. */
  ca?: 'auto' | 'system' | 'bundled' | null | undefined;
  /** A PEM file of the only certificate authorities to trust. */
  caFile?: string | URL | null | undefined;
  /** The client certificate of mutual TLS and its chain, in PEM. */
  clientCertFile?: string | URL | null | undefined;
  /** The private key that belongs to clientCertFile, in PEM. */
  clientKeyFile?: string | URL | null | undefined;
  /** The HTTP proxy to go through, http://[user:password@]host[:port], or none. Unset: the environment's. */
  proxy?: string | URL | null | undefined;
  /** The value of the User-Agent header. */
  userAgent?: string | null | undefined;
  /** Whether an http URL may leave this machine. Everyone on the way can then read the secret and the token. */
  allowInsecureHttp?: boolean | null | undefined;
}

/** An access token and what came with it. Printed or copied, it shows neither the token nor what the server added. */
export interface Token {
  readonly accessToken: string;
  /** The value of the Authorization header: "Bearer " and the token. */
  readonly authorization: string;
  /** As the server wrote it; "Bearer" if it did not. */
  readonly tokenType: string;
  /** What the server granted; null: it said nothing, which means what was asked. */
  readonly scope: string | null;
  /** The wall clock as it is now and expiresIn. */
  readonly expiresAt: Date;
  /** Seconds left now; 0 when past. */
  readonly expiresIn: number;
  /** What the server answered, without the token. */
  readonly response: Record<string, unknown>;
  /** The number of the fetch that brought it. */
  readonly generation: number;
}

export interface WaitOptions {
  /** Ends this call with an AbortError, whose cause is the signal's reason. The fetch goes on for the others. */
  signal?: AbortSignal | null | undefined;
}

/** Counts since the source was made. */
export interface Stats {
  /** Requests sent to the token endpoint. */
  requests: number;
  /** Fetches that failed. */
  failures: number;
  /** Fetches that brought a token. */
  tokens: number;
  /** Calls that had to wait for a fetch. */
  waits: number;
}

/**
 * Keeps a token good: fetches one when it is first asked, hands out the same one until it ages, fetches the next beside it,
 * and shares each fetch and its result among all who ask. Make one for each kind of token, for the life of the program.
 *
 * No method blocks. token and authorization reject with a TokenSourceError, or for their signal with an AbortError.
 */
export class TokenSource {
  /**
   * Checks the options and sends nothing.
   *
   * @throws {TokenSourceError} TKS_INVALID_ARGUMENT or TKS_INVALID_CONFIG; the message says what would do.
   * @throws {TypeError} for a value of another type.
   */
  constructor(options: TokenSourceOptions);

  /** A good token; the same object until it is replaced. */
  token(options?: WaitOptions): Promise<Token>;

  /** The value for an Authorization header. */
  authorization(options?: WaitOptions): Promise<string>;

  /**
   * The token if there is a good one; else null, and a fetch was started unless the source holds off after one that
   * failed: see lastError.
   *
   * @throws {TokenSourceError} TKS_CLOSED.
   */
  tokenIfReady(): Token | null;

  /** Starts the first fetch and forgets about it. Throws as tokenIfReady does. */
  warmUp(): void;

  /** Says that an API refused this token. If it is still the current one, the next call has another fetched. */
  invalidate(token: Token | null | undefined): void;

  /**
   * The global fetch with the Authorization header. After a 401 the token is replaced and the request sent once more,
   * unless init.body is a stream; a Request's own body is kept in memory for that, and read to its end first. The header
   * never follows a redirect to another origin. It may be handed over by itself, and for a signal it rejects with the
   * reason, as the global fetch does.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

  /** Why the last finished fetch failed, or null. Shows that refreshes fail while the token is still good. */
  get lastError(): TokenSourceError | null;

  get stats(): Stats;

  /** Ends all that wait, and all later calls, with TKS_CLOSED. Tokens stay as they are. */
  close(): void;

  /** The same as close, for `using`. */
  [Symbol.dispose](): void;
}

/** More may be added. */
export type TokenSourceErrorCode =
  | 'TKS_INVALID_ARGUMENT'
  | 'TKS_INVALID_CONFIG'
  | 'TKS_NETWORK'
  | 'TKS_TLS'
  | 'TKS_TIMEOUT'
  | 'TKS_HTTP'
  | 'TKS_OAUTH'
  | 'TKS_BAD_RESPONSE'
  | 'TKS_INTERNAL'
  | 'TKS_CLOSED'
  | (string & {});

export interface TokenSourceErrorParts {
  code: TokenSourceErrorCode;
  oauthError?: string | null | undefined;
  oauthDescription?: string | null | undefined;
  oauthUri?: string | null | undefined;
  httpStatus?: number | null | undefined;
  retryAfter?: number | null | undefined;
  isTransient?: boolean | undefined;
}

/** A token could not be had, or an option was refused. The message holds no secret. */
export class TokenSourceError extends Error {
  /** A program's own tests may want to make one. */
  constructor(message: string, parts: TokenSourceErrorParts);

  readonly code: TokenSourceErrorCode;
  /** The server's code, such as "invalid_client". */
  readonly oauthError: string | null;
  readonly oauthDescription: string | null;
  readonly oauthUri: string | null;
  /** null: no answer came. */
  readonly httpStatus: number | null;
  /** Seconds until the source asks again, and until then tells this error at once; null: it never will. */
  readonly retryAfter: number | null;
  /** Whether the same request may well succeed later with nothing changed here. */
  readonly isTransient: boolean;
}
