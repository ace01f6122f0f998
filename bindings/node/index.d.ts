/// <reference lib="esnext.disposable" />

/** The options of a source. Durations are in seconds; null unsets what a provider has set. */
export interface TokenSourceOptions {
  /** A service whose settings are built in. It sets other options; an option that is set explicitly wins. */
  provider?:
    | 'podero'
    | 'podero-sandbox'
    | 'gardin'
    | 'entra'
    | 'auth0'
    | 'okta'
    | 'okta-custom'
    | 'keycloak'
    | 'cognito'
    | 'google'
    | 'google-sts'
    | 'salesforce'
    | 'ebay'
    | 'ebay-sandbox'
    | (string & {})
    | null
    | undefined;
  /**
   * A file of your own that describes a server, as provider does. It is read once, when the source is made. Its values win over
   * the provider's.
   */
  providerFile?: string | URL | null | undefined;
  /** Fills {NAME} in the values of the provider or the provider file, by name. */
  variables?: Record<string, string | number | boolean | null | undefined> | null | undefined;
  /** The same as variables, under the library's name. Giving both is an error. */
  variable?: Record<string, string | number | boolean | null | undefined> | null | undefined;
  /** The URL of the token endpoint (RFC 6749 section 3.2). Redirects are never followed. */
  tokenUrl?: string | URL | null | undefined;
  /**
   * The server's issuer identifier (RFC 8414 section 2). Without tokenUrl, the token endpoint is looked up in the metadata there.
   * With tokenUrl, it is only the audience of assertions.
   */
  issuer?: string | URL | null | undefined;
  /** The client id. */
  clientId?: string | null | undefined;
  /** A file that holds the client id. It is read by the rules of clientSecretFile. */
  clientIdFile?: string | URL | null | undefined;
  /** The client secret. It may be empty. With authMethod=none, none is sent. */
  clientSecret?: string | null | undefined;
  /**
   * A file that holds the client secret. It is read again at each fetch, so a changed secret needs no restart. One line break at
   * its end is not part of the secret.
   */
  clientSecretFile?: string | URL | null | undefined;
  /**
   * The client authentication method. client_secret_basic and client_secret_post send the secret (RFC 6749 section 2.3.1),
   * client_secret_jwt and private_key_jwt a signed assertion (RFC 7523), client_assertion an assertion from a file,
   * tls_client_auth a certificate (RFC 8705).
   */
  authMethod?:
    | 'client_secret_basic'
    | 'client_secret_post'
    | 'client_secret_jwt'
    | 'private_key_jwt'
    | 'client_assertion'
    | 'tls_client_auth'
    | 'none'
    | null
    | undefined;
  /**
   * The private key that signs assertions: PEM, a JWK, a JWK Set or the JSON of a Google service account. It is read again at
   * each fetch.
   */
  signingKeyFile?: string | URL | null | undefined;
  /** The same as text. In PEM, a backslash followed by n stands for a line break. */
  signingKey?: string | null | undefined;
  /** The kid in the header of assertions (RFC 7515 section 4.1.4). In a JWK Set, it also selects the key. */
  signingKeyId?: string | null | undefined;
  /** The algorithm that signs assertions (RFC 7518 section 3.1). */
  signingAlgorithm?:
    | 'RS256'
    | 'RS384'
    | 'RS512'
    | 'PS256'
    | 'PS384'
    | 'PS512'
    | 'ES256'
    | 'ES384'
    | 'EdDSA'
    | 'Ed25519'
    | 'HS256'
    | 'HS384'
    | 'HS512'
    | null
    | undefined;
  /** The certificate of the signing key in PEM, leaf first. It may be the file of the key. */
  signingCertFile?: string | URL | null | undefined;
  /** How the header of assertions names the certificate: by its SHA-256, by its SHA-1, or as a whole. Default: x5t#S256. */
  signingCertHeader?: 'x5t#S256' | 'x5t' | 'x5c' | null | undefined;
  /** The claim aud of assertions, one text. */
  assertionAudience?: string | null | undefined;
  /**
   * Seconds. The lifetime of an assertion, from iat to exp. It is sent in whole seconds, rounded down, at least 1. Default: 60.
   */
  assertionLifetime?: number | null | undefined;
  /** The typ in the header of assertions. Default: JWT. */
  assertionTyp?: string | null | undefined;
  /** Further claims of an assertion, by name. A number is sent as text. Treated as secrets. */
  claims?: Record<string, string | number | boolean | null | undefined> | null | undefined;
  /** The same as claims, under the library's name. Giving both is an error. */
  claim?: Record<string, string | number | boolean | null | undefined> | null | undefined;
  /**
   * A file with a signed client assertion that another program renews (RFC 7521 section 4.2). It is one line, read again at each
   * fetch.
   */
  clientAssertionFile?: string | URL | null | undefined;
  /**
   * Whether the id and the secret are percent-encoded before they go into HTTP Basic, as RFC 6749 requires, or go in unchanged.
   * The two differ only for characters other than letters, digits and - . _ ~. Default: rfc6749.
   */
  basicEncoding?: 'rfc6749' | 'raw' | null | undefined;
  /** The format of the request body. The standard requires form; a few servers accept only JSON. Default: form. */
  bodyFormat?: 'form' | 'json' | null | undefined;
  /**
   * The value of grant_type. With none, it is not sent. jwt-bearer, token-exchange and refresh_token have options of their own;
   * the first two are set as full URNs. Default: client_credentials.
   */
  grantType?: string | null | undefined;
  /** The scopes to request (RFC 6749 section 3.3). An array, or a string that separates them by spaces. */
  scope?: string | readonly string[] | null | undefined;
  /** The API that the token is for, for servers that expect it under this name. */
  audience?: string | null | undefined;
  /**
   * The APIs that the token is for (RFC 8707), each sent as a parameter of its own. An array, or a string that separates them by
   * spaces.
   */
  resource?: string | readonly string[] | null | undefined;
  /**
   * A file with a signed assertion for the parameter assertion, with any grantType that takes one (RFC 7521 section 4.1). It is
   * one line, read again at each fetch.
   */
  assertionFile?: string | URL | null | undefined;
  /** A file with the subject_token of token exchange (RFC 8693). It is one line, read again at each fetch. */
  subjectTokenFile?: string | URL | null | undefined;
  /** The type of the subject token. It is sent only in token exchange. */
  subjectTokenType?: string | null | undefined;
  /** The type of token to request in token exchange. */
  requestedTokenType?: string | null | undefined;
  /**
   * A file with a refresh token for grantType=refresh_token, where the server does not rotate it. It is one line, read again at
   * each fetch.
   */
  refreshTokenFile?: string | URL | null | undefined;
  /** Further parameters of the token request, by name. Treated as secrets. */
  params?: Record<string, string | number | boolean | null | undefined> | null | undefined;
  /** The same as params, under the library's name. Giving both is an error. */
  param?: Record<string, string | number | boolean | null | undefined> | null | undefined;
  /** Further headers of the token request, by name. Treated as secrets. */
  headers?: Record<string, string | number | boolean | null | undefined> | null | undefined;
  /** The same as headers, under the library's name. Giving both is an error. */
  header?: Record<string, string | number | boolean | null | undefined> | null | undefined;
  /** Where the response holds the token and its end, for a server that puts them elsewhere: data.token, for example. */
  response?:
    | {
        /** The member of the response that holds the access token, for servers that put it elsewhere, such as data.token. */
        accessToken?: string | null | undefined;
        /** The member of the response that states the lifetime of the token. */
        expiresIn?: string | null | undefined;
        /** The member of the response that states the moment at which the token expires. */
        expiresAt?: string | null | undefined;
      }
    | null
    | undefined;
  /** The word by which this server means Bearer, in any case. Bearer itself and BearerToken are always accepted. */
  tokenType?: string | null | undefined;
  /**
   * Seconds. The longest time that one function call waits for a token, and that one fetch takes with all its attempts.
   * Default: 30.
   */
  timeout?: number | null | undefined;
  /**
   * Seconds. The longest time that one attempt takes to resolve and connect, TLS included. It counts within timeout.
   * Default: 10.
   */
  connectTimeout?: number | null | undefined;
  /** The most requests that one fetch sends. It sends another only after a retryable failure. Default: 3. */
  maxAttempts?: number | null | undefined;
  /** Always background in Node: an inline refresh would block the event loop. */
  refresh?: 'background' | null | undefined;
  /**
   * Seconds. The refresh lead: how long before a token expires its replacement is fetched, varied by a fifth at random. With 0
   * no token is refreshed early.
   */
  refreshAhead?: number | null | undefined;
  /** Seconds. How long before its end a token counts as expired, at most half of its lifetime. */
  expiryMargin?: number | null | undefined;
  /** Seconds. The lifetime of a token whose response does not give one. Default: 600. */
  defaultLifetime?: number | null | undefined;
  /** Seconds. The longest lifetime of a token, for a server that states too long a one. It also caps defaultLifetime. */
  maxLifetime?: number | null | undefined;
  /**
   * The certificate authorities to trust: the system's (or the bundled ones where it has none), only the system's, or only the
   * bundled ones. If neither this nor caFile is set, the environment variables SSL_CERT_FILE and SSL_CERT_DIR may name a file
   * and directories. Default: auto.
   */
  ca?: 'auto' | 'system' | 'bundled' | null | undefined;
  /** A PEM file with the only certificate authorities to trust. */
  caFile?: string | URL | null | undefined;
  /** The client certificate for mutual TLS and its chain, in PEM. */
  clientCertFile?: string | URL | null | undefined;
  /** The private key of clientCertFile, in PEM. */
  clientKeyFile?: string | URL | null | undefined;
  /**
   * The proxy to use, HTTP or SOCKS5, also for the addresses of this machine. With socks5h the proxy looks the server up; https
   * is TLS to the proxy. Treated as a secret.
   */
  proxy?: string | URL | null | undefined;
  /** The value of the User-Agent header. */
  userAgent?: string | null | undefined;
  /** Whether an http URL may name another machine. The secret and the token can then be read on the network. */
  allowInsecureHttp?: boolean | null | undefined;
}

/** An access token and the rest of its response. Logs and copies contain neither the token nor the response. */
export interface Token {
  readonly accessToken: string;
  /** The value of the Authorization header: "Bearer " and the token. */
  readonly authorization: string;
  /** As the server spelled it; "Bearer" if the response has none or an empty one. */
  readonly tokenType: string;
  /** The granted scope. null: the response has none, so the requested scope was granted. */
  readonly scope: string | null;
  /** The current time of the wall clock plus expiresIn. */
  readonly expiresAt: Date;
  /** The seconds left now; 0 after the expiry. */
  readonly expiresIn: number;
  /** The server's response without the token. */
  readonly response: Record<string, unknown>;
  /** The number of the fetch that returned the token. */
  readonly generation: number;
}

export interface WaitOptions {
  /** Rejects this call with an AbortError whose cause is the signal's reason. The fetch continues for other callers. */
  signal?: AbortSignal | null | undefined;
}

/** Counts since the source was created. */
export interface Stats {
  /** Requests sent, also for the metadata of issuer. */
  requests: number;
  /** Fetches that failed. */
  failures: number;
  /** Fetches that returned a token. */
  tokens: number;
  /** Calls that had to wait for a fetch. */
  waits: number;
}

/**
 * Returns a valid token at any time. The first call fetches it, later calls share it. The next token is fetched in the
 * background before the current one expires. All callers share one fetch and its result. Create one source for each kind of
 * token and keep it for the life of the program.
 *
 * No method blocks. token and authorization reject with a TokenSourceError, or with an AbortError for their signal.
 */
export class TokenSource {
  /**
   * Checks the options and sends no request.
   *
   * @throws {TokenSourceError} TKS_INVALID_ARGUMENT or TKS_INVALID_CONFIG; the message names the option and what is allowed.
   * @throws {TypeError} for a value of the wrong type, or an option that is given twice.
   */
  constructor(options: TokenSourceOptions);

  /** Returns a valid token: the same object until it is replaced. */
  token(options?: WaitOptions): Promise<Token>;

  /** Returns the value of the Authorization header. */
  authorization(options?: WaitOptions): Promise<string>;

  /**
   * Returns the token without waiting, or null if none is valid. Then a fetch is started, unless a failed fetch has started a
   * hold-off: see lastError.
   *
   * @throws {TokenSourceError} TKS_CLOSED.
   */
  tokenIfReady(): Token | null;

  /** Starts the first fetch without waiting for it. Throws as tokenIfReady does. */
  warmUp(): void;

  /** Reports that an API rejected this token. If the token is still current, the next call fetches another. */
  invalidate(token: Token | null | undefined): void;

  /**
   * Calls the global fetch with the Authorization header. After a 401 the token is replaced and the request is sent once more,
   * unless init.body is a stream. The body of a Request is kept in memory for that, and is read to its end first. The header
   * never follows a redirect to another origin. The function works without its source as receiver. When a signal aborts, it
   * rejects with the reason, as the global fetch does.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

  /** Returns the error of the last finished fetch, or null. Shows failed refreshes while the token is still valid. */
  get lastError(): TokenSourceError | null;

  get stats(): Stats;

  /** Rejects all waiting and later calls with TKS_CLOSED. Tokens keep their values. */
  close(): void;

  /** The same as close, for `using`. */
  [Symbol.dispose](): void;
}

/** Later versions may add codes. */
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

/** The source has no token to return, or an option is invalid. The message contains no secret. */
export class TokenSourceError extends Error {
  /** Public for the tests of a program. */
  constructor(message: string, parts: TokenSourceErrorParts);

  readonly code: TokenSourceErrorCode;
  /** The server's error code, such as "invalid_client". */
  readonly oauthError: string | null;
  readonly oauthDescription: string | null;
  readonly oauthUri: string | null;
  /** null: there was no response. */
  readonly httpStatus: number | null;
  /** The seconds until the source sends its next request. Until then it repeats this error at once. null: never. */
  readonly retryAfter: number | null;
  /** Whether the failure is retryable: the same request may succeed later without a change here. */
  readonly isTransient: boolean;
}
