//! Pure: the OAuth 2.0 messages. A request is built from settings, and a response is read into a grant or an error.
//!
//! It opens no connection, reads no file and no clock.

pub(crate) mod client_auth;
mod form;
mod hints;
pub(crate) mod metadata;
mod redirect;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod times;

use crate::{
    clock::Now,
    config::{Endpoint, Settings},
    json,
    secret::Secret,
};
use client_auth::ClientAuth;
use request::{Draft, HttpRequest};

/// Returns the request of one attempt, which is built `now`: a signed assertion must not be sent twice (RFC 7523 §3).
pub(crate) fn token_request(settings: &Settings, endpoint: &Endpoint, auth: &ClientAuth, now: Now) -> HttpRequest {
    let mut draft = Draft::new(settings);
    auth.apply(now, &mut draft);
    draft.finish(endpoint)
}

/// Returns the texts of the requests of one fetch that no error may show, since the server or a proxy may echo them.
pub(crate) fn texts_to_redact(settings: &Settings, auth: &ClientAuth) -> Vec<Secret> {
    [request::texts_to_redact(settings), auth.texts_to_redact()].concat()
}

#[cfg(test)]
mod tests;
