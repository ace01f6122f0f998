//! An OAuth 2.0 access token that is always valid.
//!
//! A program that calls an API as itself, with no user present, trades a client id and a client secret for an access
//! token. The token lives minutes or hours (the client-credentials grant, RFC 6749 §4.4). A [`TokenSource`] makes that
//! trade, and everything around it. It caches the token, refreshes it in the background before it expires, and shares each
//! fetch and its one result among all threads. It retries where that helps, and holds off where it does not.
//!
//! ```no_run
//! use std::time::Duration;
//! use tokensource::{Config, TokenSource};
//!
//! let mut config = Config::new();
//! config
//!     .token_url("https://login.example/oauth2/token")?
//!     .client_id("my-service")?
//!     .client_secret_file("/run/secrets/my-service")?
//!     .scope("read")?
//!     .timeout(Duration::from_secs(10))?;
//! let source = TokenSource::new(&config)?;
//!
//! // Before each call of the API, on any thread:
//! let token = source.get()?;
//! let header = ("Authorization", token.authorization());
//! // After a 401 from the API:
//! source.invalidate(&token);
//! # let _ = header;
//! # Ok::<(), tokensource::Error>(())
//! ```
//!
//! Four types do the work:
//!
//! - A [`Config`] holds the options. Each has a method, and [`Config::set`] sets one by its name. [`options`] lists them.
//! - A [`TokenSource`] keeps a token valid. Make one for each client, and share it among the threads.
//! - A [`Token`] is an immutable snapshot, which outlives its source.
//! - An [`Error`] says what happened, whose fault it is and what to do next, and has the parts as data.
//!
//! **Function calls block.** [`TokenSource::get`] waits for the network when no token is valid, at most as long as the
//! option `timeout`. In an async program, call it as `tokio::task::spawn_blocking(move || source.get())`, or poll with
//! [`TokenSource::get_within`].
//!
//! The same library has an interface for C, in `include/tokensource.h`. It is built with the feature `capi`, which a Rust
//! program does not need.
#![deny(unsafe_code)]
#![warn(missing_docs)]

// The map. Data goes one way:
//
//   Config ──► Settings ──► HttpRequest ──► RawResponse ──► Grant ──► Token ──► TokenSource ──► handle ──► caller
//              (checked)     (pure)           (transport)     (pure)    (+ time)   (state)
//
// Nothing flows back, except what a running fetch asks of its source: the time and the attempts left, whether to go on. A
// retry is a loop inside the fetch. No file imports one that is further down in this list, and only ffi imports lib.rs.
//
// The ground floor:
//   duration.rs            spans of time: nanoseconds, and seconds as text
//   sync.rs                the locks and atomics that loom replaces
//   secret.rs              text that prints as [redacted], is wiped on drop and has one `expose()`
//   c_text.rs              text that is no secret, with a NUL for C
//   error.rs               the one error type
//   redact.rs              pure: third-party text made printable, without the secrets in it
//   words.rs               options that take one of a few words, as enums
//   json.rs                pure: JSON that cannot be trusted
//   pem.rs                 pure: the sections of PEM
//   der.rs                 pure: the elements of DER
//   x509.rs                pure: the parts of a certificate
//   system.rs              the operating system, and the only `unsafe` outside ffi
//   clock.rs               the time and waiting, replaceable in tests
//   fault.rs               for tests: faults that are switched on in the C library
//
// What is signed, and with which key (JOSE: RFC 7515 to 7518):
//   jose/algorithm.rs      the words for signatures
//   jose/key_pair.rs       a private key that signs, and the only file that names the signatures of ring
//   jose/private_key.rs    pure: a private key in DER
//   jose/jwk.rs            pure: a JWK, and the one that is meant in a JWK Set
//   jose/signing_key.rs    pure: a text becomes the one key that signs
//   jose/certificate.rs    pure: the certificate of a key, as a header names it
//   jose/jws.rs            pure: a signed text of a header and claims
//   jose/mod.rs            the room's face
//
// What a source is asked to do:
//   config/endpoint.rs     the URL of an endpoint of the server
//   config/parsers.rs      what one value may be: the parsers
//   config/environment.rs  what is read from the environment
//   config/proxy.rs        the HTTP proxy, and the hosts that are reached without one
//   config/credential.rs   the credentials: text, or a file that is read at each fetch
//   config/template.rs     pure: a text with placeholders, filled by variables
//   config/providers.rs    the settings of known services, as data
//   config/settings.rs     checked, immutable settings
//   config/values.rs       the values that were set, parsed
//   config/options.rs      THE table of options
//   config/names.rs        options by name
//   config/provider_file.rs    pure: a file that describes a server as a provider does
//   config/provider_values.rs  pure: what the provider's row and file say, with the variables filled in
//   config/authentication.rs  pure: which credential, which method, what is signed
//   config/effective.rs    values over a provider's over the defaults make settings
//   config/mod.rs          the public Config
//
// The messages of OAuth 2.0, pure:
//   oauth/assertion.rs     what this library signs: claims about the client or the grant
//   oauth/request.rs       settings make a request
//   oauth/client_auth.rs   client authentication: one function for each method
//   oauth/credentials.rs   what the requests of one fetch are made of
//   oauth/form.rs          a form-encoded response as JSON
//   oauth/times.rs         lifetimes and dates in a response
//   oauth/redirect.rs      where a redirect points, which is never followed
//   oauth/skew.rs          how far our clock is from the server's
//   oauth/sent.rs          a request that was sent
//   oauth/hints.rs         what to do next about a refusal
//   oauth/response.rs      a response becomes a grant or an error
//   oauth/metadata.rs      where an issuer's metadata is, and what of it counts
//   oauth/mod.rs           the room's face
//
// The network, and no other file touches it:
//   transport/resolver.rs  a host name to addresses
//   transport/connect.rs   TCP with a deadline, to the first address that accepts
//   transport/tls.rs       certificates, keys, the handshake
//   transport/http.rs      HTTP/1.1, and the only file that names ureq
//   transport/encoding.rs  pure: removes gzip and deflate from a response
//   transport/tunnel.rs    through an HTTP proxy
//   transport/socks.rs     through a SOCKS5 proxy
//   transport/diagnosis.rs the error for a request that failed
//   transport/mod.rs       sends a request and returns its response
//
// One token:
//   backoff.rs             pure: pauses between attempts, hold-off after failures
//   fetch.rs               one fetch with its attempts; a store would wrap it
//   token.rs               the public Token: a grant with its times
//
// The life of a token:
//   source/lock.rs         the lock under which a source changes, also after a fork
//   source/flight.rs       one fetch, shared by all callers
//   source/schedule.rs     pure: when a token is due for refresh, and when it expires
//   source/repeat.rs       pure: what it means that the server returns the same token again
//   source/published.rs    the published state, read without a lock
//   source/state.rs        pure: the state of a source, and what follows from it
//   source/coordinator.rs  carries out what the state decides
//   source/mod.rs          the public TokenSource
//
// The C interface: borrow, call one method of the core, return.
//   ffi/memory.rs          the allocator that wipes
//   ffi/error.rs           failures as status and object
//   ffi/boundary.rs        no panic crosses
//   ffi/text.rs            strings from C
//   ffi/config.rs          with those below, one file for each noun of the header
//   ffi/token.rs
//   ffi/source.rs
//   ffi/library.rs
//   ffi/mod.rs             the text that opens the header
//
// Tests:
//   leak_log.rs            collects what is searched for secrets
//   source/cases.rs        runs tests/cases/*.json with an injected clock
//   source/discovery.rs    when the metadata of an issuer is looked up
//   fuzzing.rs             what no bytes may break

mod backoff;
mod c_text;
mod clock;
mod config;
mod der;
mod duration;
mod error;
#[cfg(feature = "testing")]
mod fault;
mod fetch;
#[cfg(feature = "capi")]
#[allow(unsafe_code)]
mod ffi;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod jose;
mod json;
#[cfg(test)]
mod leak_log;
mod oauth;
mod pem;
mod redact;
mod secret;
mod source;
mod sync;
#[allow(unsafe_code)]
mod system;
mod token;
mod transport;
mod words;
mod x509;

pub use config::{AuthMethod, BasicEncoding, BodyFormat, Ca, Config, OptionInfo, Refresh, options};
pub use error::{Error, ErrorKind};
pub use jose::{SigningAlgorithm, SigningCertHeader};
pub use source::{Stats, TokenSource};
pub use token::Token;
