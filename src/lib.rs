//! An OAuth 2.0 access token that is always good.
#![deny(unsafe_code)]

mod backoff;
mod clock;
mod config;
mod error;
mod json;
mod printable;
mod request;
mod response;
mod secret;
#[allow(unsafe_code)]
mod system;
mod transport;

pub use error::{Error, Status};
pub use secret::Secret;
