//! An OAuth 2.0 access token that is always good.
#![deny(unsafe_code)]

mod client_secret;
mod clock;
mod config;
mod endpoint;
mod error;
mod options;
mod providers;
mod proxy;
mod request;
mod response;
mod secret;
#[allow(unsafe_code)]
mod system;
mod transport;

pub use config::Config;
pub use error::{Error, Status};
pub use options::{OptionInfo, options};
pub use secret::Secret;
