//! An OAuth 2.0 access token that is always good.
//!
//! A program that calls an API as itself, with no user present, trades a client id and a client secret for an access token
//! that lives minutes or hours (the client-credentials grant, RFC 6749 §4.4). A [`TokenSource`] makes that trade, and
//! everything around it: it keeps the token, refreshes it before it ends and beside those who use it, shares each fetch and
//! its one result among all threads, tries again where that helps and holds off where it does not.
//!
//! ```no_run
//! use tokensource::{Config, TokenSource};
//!
//! let mut config = Config::new();
//! config
//!     .set("token_url", "https://login.example/oauth2/token")?
//!     .set("client_id", "my-service")?
//!     .set("client_secret_file", "/run/secrets/my-service")?
//!     .set("scope", "read")?;
//! let source = TokenSource::new(&config)?;
//!
//! // Before each call of the API, from any thread:
//! let token = source.get()?;
//! let header = ("Authorization", token.authorization());
//! // After a 401:
//! source.invalidate(&token);
//! # let _ = header;
//! # Ok::<(), tokensource::Error>(())
//! ```
//!
//! Four nouns: a [`Config`] says what is asked, a [`TokenSource`] keeps a token good, a [`Token`] is an immutable snapshot,
//! an [`Error`] says what went wrong, with its parts. [`options`] lists what a config understands; a provider such as
//! `podero` or `gardin` is a row of options.
//!
//! The same behaviour is to be had in C: see `include/tokensource.h`, and the feature `capi`, which no Rust program needs.
#![deny(unsafe_code)]
#![warn(missing_docs)]

//   Config ──► TokenRequest ──► RawResponse ──► Grant ──► Token ──► TokenSource ──► handle ──► caller
//   (what was   (pure)           (transport)     (pure)    (+ time)   (state)
//    asked)
//
// Nothing flows back. A retry is a loop inside the fetch, never a call upwards.
//
//   secret.rs         text that prints as [redacted], is wiped on drop, has one `expose()`
//   error.rs          the one error type
//   duration.rs       nanoseconds, and seconds as text
//   system.rs         the operating system, and the only `unsafe` outside ffi
//   sync.rs           locks and atomics that loom replaces in its models
//   clock.rs          the current time and waiting, replaceable in tests
//   options.rs        THE table of options
//   providers.rs      what a provider's documentation says, as data
//   config.rs         options + provider -> checked, immutable settings; with
//       endpoint.rs   the token endpoint's URL
//       proxy.rs      which proxy, if any
//       client_secret.rs  the secret: text, or a file that is read at each fetch
//   request.rs        pure: settings and a secret -> TokenRequest
//   response.rs       pure: RawResponse -> Grant or Error; with
//       json.rs       JSON that contradicts itself nowhere and is as deep as it likes
//       printable.rs  others' text made fit to print
//   backoff.rs        pure: what failed, how often, the server's hint, a random number -> pause
//   transport.rs      sends; with its parts the only files that touch the network:
//       resolver.rs   a name to addresses     connect.rs   TCP        tls.rs   whom to trust
//       tunnel.rs     through a proxy         http.rs      the only file that names ureq
//   fetch.rs          one fetch with its attempts. A store will wrap this
//   token.rs          grant + the time of its request -> token
//   source/           one token source; with
//       mod.rs        its public face
//       coordinator.rs  carries out what state.rs decides: serve, fetch, wait, fail; stats
//       state.rs      pure: the state of a source, and what `get` does in it at an instant
//       schedule.rs   pure: when a token is due for refresh and when it expires
//       published.rs  state: read without a lock; the fast path
//       flight.rs     state: one fetch and its one result for all waiting callers
//       lock.rs       state: the lock under which a source is changed, also after a fork
//       cases.rs      tests: runs tests/cases/*.json with an injected clock
//   ffi/              the C ABI: borrow, call one method, hand out
//   fault.rs          tests: faults that are switched on in the C library
//   fuzzing.rs        tests: what any bytes must not break

mod backoff;
mod c_text;
mod clock;
mod config;
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
#[cfg(test)]
mod leak_log;
mod oauth;
mod redact;
mod secret;
mod source;
mod sync;
#[allow(unsafe_code)]
mod system;
mod token;
mod transport;

pub use config::{AuthMethod, BasicEncoding, BodyFormat, Ca, Config, OptionInfo, Refresh, options};
pub use error::{Error, ErrorKind};
pub use source::{Stats, TokenSource};
pub use token::Token;
