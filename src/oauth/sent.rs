//! Pure: a request that was sent, and all that is known of it when its response is judged.
//!
//! It must not judge a response.

use crate::{
    config::{Endpoint, GrantParameters, Settings},
    oauth::{credentials::RequestCredentials, skew::Skew},
    secret::Secret,
};

/// The server that a request went to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) endpoint: &'a Endpoint,
    /// The methods of client authentication that its metadata lists, if that was read.
    pub(crate) auth_methods: &'a [&'static str],
}

impl<'a> From<&'a Endpoint> for Asked<'a> {
    fn from(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, auth_methods: &[] }
    }
}

/// A request that was sent, and what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct SentRequest<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) server: Asked<'a>,
    pub(crate) credentials: &'a RequestCredentials,
    /// The texts that the server was sent and may echo in any spelling.
    pub(crate) secrets: &'a [Secret],
    /// How far our clock is from the server's, if this library signed the request and TLS vouches for the Date.
    pub(crate) skew: Option<Skew>,
    /// The SHA-256 of the refresh token in place of which an earlier response brought another.
    pub(crate) rotated_refresh_token: Option<[u8; 32]>,
}

impl<'a> SentRequest<'a> {
    /// Returns a request of which nothing more is known.
    pub(crate) fn new(
        settings: &'a Settings,
        server: Asked<'a>,
        credentials: &'a RequestCredentials,
        secrets: &'a [Secret],
    ) -> Self {
        Self { settings, server, credentials, secrets, skew: None, rotated_refresh_token: None }
    }

    /// Returns the refresh token of the request, from its file or from `param.refresh_token`.
    pub(super) fn refresh_token(&self) -> Option<&'a Secret> {
        let params = &self.settings.params;
        let of_param = || params.iter().find(|(name, _)| name == "refresh_token").map(|(_, value)| value);
        let is_sent = self.settings.grant == GrantParameters::RefreshToken;
        self.credentials.grant.refresh_token.as_ref().or_else(of_param).filter(|_| is_sent)
    }

    /// Returns whether the server has given another refresh token in place of the one that was sent.
    pub(super) fn has_rotated_refresh_token(&self) -> bool {
        let rotated = self.rotated_refresh_token.zip(self.refresh_token());
        rotated.is_some_and(|(sha256, token)| token.sha256() == sha256)
    }
}
