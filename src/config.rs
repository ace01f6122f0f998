//! What was asked: options and a provider's row, checked and made into immutable settings.

use crate::secret::Secret;
use std::{path::PathBuf, time::Duration};

/// Everything a source needs to know, checked: nothing in it can be contradictory or malformed.
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    pub(crate) client_id: String,
    pub(crate) client_secret: ClientSecret,
    pub(crate) auth_method: AuthMethod,
    pub(crate) basic_encoding: BasicEncoding,
    pub(crate) body_format: BodyFormat,
    pub(crate) grant_type: String,
    pub(crate) scope: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) resource: Vec<String>,
    /// `param.NAME`, in the order of their names.
    pub(crate) params: Vec<(String, Secret)>,
    /// `header.NAME`, in the order of their names.
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) refresh: Refresh,
    pub(crate) refresh_ahead: Option<Duration>,
    pub(crate) expiry_margin: Option<Duration>,
    pub(crate) default_lifetime: Duration,
    pub(crate) roots: Roots,
    pub(crate) identity: Option<Identity>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) user_agent: String,
}

/// The token endpoint: where the credential may go, and nowhere else.
pub(crate) struct Endpoint {
    /// As configured, fit to print (it holds no user information) and to hand to the transport.
    pub(crate) url: String,
    pub(crate) https: bool,
    /// Without brackets for an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `http` without `allow_insecure_http`: every address that the host resolves to must be loopback.
    pub(crate) must_be_loopback: bool,
}

pub(crate) enum ClientSecret {
    Text(Secret),
    /// Absolute; read at each fetch.
    File(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthMethod {
    ClientSecretBasic,
    ClientSecretPost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BasicEncoding {
    Rfc6749,
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    Form,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    Background,
    Inline,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// The system's, else the bundled.
    Auto,
    System,
    Bundled,
    /// A PEM file, and the name of the option or environment variable that named it.
    File {
        path: PathBuf,
        named_by: &'static str,
    },
}

/// The client certificate of mutual TLS: absolute paths of PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// An HTTP proxy, decided once for this endpoint from the option or the environment.
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password, percent-decoded.
    pub(crate) credentials: Option<(Secret, Secret)>,
    /// `proxy`, or the environment variable that named it.
    pub(crate) named_by: &'static str,
}
