//! An OAuth 2.0 access token that is always good.
#![deny(unsafe_code)]

mod backoff;
#[cfg(test)]
mod cases;
mod client_secret;
mod clock;
mod config;
mod current;
mod endpoint;
mod error;
mod fetch;
#[cfg(feature = "capi")]
#[allow(unsafe_code)]
mod ffi;
mod flight;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod json;
mod options;
mod printable;
mod providers;
mod proxy;
mod request;
mod response;
mod secret;
mod source;
mod standing;
#[allow(unsafe_code)]
mod system;
mod token;
mod transport;

/// Locks and atomics of the files that `tests/loom.rs` model-checks, which puts loom's in their place.
mod sync {
    pub(crate) use std::sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence},
    };
}

pub use config::Config;
pub use error::{Error, Status};
pub use options::{OptionInfo, options};
pub use secret::Secret;
pub use source::TokenSource;
pub use token::Token;
