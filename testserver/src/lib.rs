//! A token server for tests. It listens on loopback only, grants tokens like a well-behaved OAuth 2.0 server, and
//! misbehaves to the byte where a script tells it to.
//!
//! ```
//! use tokensource_testserver::{Script, Server, ServerOptions};
//!
//! let server = Server::start(ServerOptions {
//!     script: Script::parse(r#"[{"status": 503, "retry_after": 1}, {"expires_in": 60}]"#).unwrap(),
//!     ..ServerOptions::default()
//! });
//! println!("{}", server.url()); // http://127.0.0.1:PORT/oauth2/token/
//! // … let the program under test fetch a token from there …
//! assert_eq!(server.requests(), 0);
//! ```
//!
//! With TLS under an authority of the test's own:
//!
//! ```
//! use tokensource_testserver::{Authority, Leaf, Server, ServerOptions};
//!
//! let authority = Authority::new();
//! let server = Server::start(ServerOptions { tls: Some(authority.tls(Leaf::Expired)), ..ServerOptions::default() });
//! assert!(server.url().starts_with("https://127.0.0.1:"));
//! let ca_file = authority.pem(); // what the client is told to trust
//! # assert!(ca_file.starts_with("-----BEGIN CERTIFICATE-----"));
//! ```
//!
//! The files: `answer` (scripts and their bytes, pure), `dialect` (the manners of particular servers, pure), `http` (reads
//! a request), `connection` (bytes and patience), `listener` (threads), `server`, `proxy`, `tls` (certificates), `said` (what
//! the tests keep).
#![forbid(unsafe_code)]

mod answer;
mod connection;
mod dialect;
mod http;
mod leak_log;
mod listener;
mod proxy;
mod server;
mod tls;

pub use answer::{Answer, Close, Flood, Member, Rendered, Script};
pub use dialect::Dialect;
pub use http::Request;
pub use leak_log::leak_log;
pub use proxy::{Behaviour, Proxy, ProxyOptions};
pub use server::{Seen, SeenByProxy, Server, ServerOptions};
pub use tls::{Authority, Identity, Leaf, Tls, Versions};
