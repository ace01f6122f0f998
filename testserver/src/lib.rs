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
//! With TLS, and a certificate authority that exists for the test only:
//!
//! ```
//! use tokensource_testserver::{Authority, Leaf, Server, ServerOptions};
//!
//! let authority = Authority::new();
//! let server = Server::start(ServerOptions { tls: Some(authority.tls(Leaf::Expired)), ..ServerOptions::default() });
//! assert!(server.url().starts_with("https://127.0.0.1:"));
//! let ca_file = authority.pem(); // for the client to trust
//! # assert!(ca_file.starts_with("-----BEGIN CERTIFICATE-----"));
//! ```
//!
//! The files: `response` (scripts and their bytes, pure), `dialect` (particular servers, pure), `assertion` (verifies signed
//! assertions, pure), `client_key` (keys to sign them), `http` (reads a request), `connection` (reads, writes and waits),
//! `listener` (threads), `server`, `proxy`, `tls` (certificates), `leak_log` (texts that must not contain a secret).
#![forbid(unsafe_code)]

mod assertion;
mod client_key;
mod connection;
mod dialect;
mod http;
mod leak_log;
mod listener;
mod proxy;
mod response;
mod server;
mod tls;

pub use assertion::Assertions;
pub use client_key::ClientKey;
pub use dialect::Dialect;
pub use http::Request;
pub use leak_log::leak_log;
pub use proxy::{Behaviour, Proxy, ProxyOptions};
pub use response::{Close, Flood, Member, Rendered, Response, Script};
pub use server::{Seen, SeenByProxy, Server, ServerOptions};
pub use tls::{Authority, Identity, Leaf, Tls, Versions};
