//! Pure: the OAuth 2.0 messages. A request is built from settings, and a response is read into a grant or an error.
//!
//! It opens no connection, reads no file and no clock.

pub(crate) mod assertion;
pub(crate) mod client_auth;
pub(crate) mod credentials;
mod form;
pub(crate) mod hints;
pub(crate) mod metadata;
mod redirect;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod sent;
pub(crate) mod skew;
pub(crate) mod times;

use crate::json;

#[cfg(test)]
mod tests;
