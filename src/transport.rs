//! Sends. The only file that names the HTTP crate, the only one that touches the network.

use crate::{error::Error, request::TokenRequest, response::RawResponse};
use std::time::Duration;

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For everything, lookup and reading included.
    pub(crate) total: Duration,
    /// For the lookup and the connection, TLS included; never more than `total` in effect.
    pub(crate) connect: Duration,
    /// Whether threads may be started. Without: names are looked up on the calling thread.
    pub(crate) threads: bool,
}

/// Sends one request and brings the answer, whatever its status. An error says by `worth_another_attempt` and
/// `transient` what the fetch may do with it.
pub(crate) trait Transport: Send + Sync {
    fn send(&self, request: &TokenRequest, limits: Limits) -> Result<RawResponse, Error>;
}
