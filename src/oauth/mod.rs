//! Pure: the OAuth 2.0 messages. A request is built from settings, and a response is read into a grant or an error.
//!
//! It opens no connection and reads no clock.

pub(crate) mod json;
pub(crate) mod request;
pub(crate) mod response;
