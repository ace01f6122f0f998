//! The settings of a source, immutable and checked, and the words of the options that choose among a few.
//!
//! This file holds only data, and must not check any. `effective.rs` makes settings of options.

use crate::{
    config::{credential::ClientCredentials, endpoint::Endpoint, proxy::ProxyRules},
    jose::{SigningAlgorithm, SigningCertHeader},
    secret::Secret,
    words::words,
};
use std::{path::PathBuf, time::Duration};

words! {
    /// How the client authenticates (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2): the option `auth_method`.
    AuthMethod {
        /// The id and the secret in the header Authorization.
        ClientSecretBasic = "client_secret_basic",
        /// The id and the secret as two parameters of the body.
        ClientSecretPost = "client_secret_post",
        /// An assertion that the secret signs.
        ClientSecretJwt = "client_secret_jwt",
        /// An assertion that the signing key signs.
        PrivateKeyJwt = "private_key_jwt",
        /// An assertion that another program signs, from a file.
        ClientAssertion = "client_assertion",
        /// The client certificate of the TLS connection.
        TlsClientAuth = "tls_client_auth",
        /// No client authentication.
        None = "none",
    }
}

words! {
    /// How the id and the secret are written into HTTP Basic: the option `basic_encoding`.
    BasicEncoding, default Rfc6749 {
        /// Percent-encoded, as RFC 6749 requires.
        Rfc6749 = "rfc6749",
        /// Unchanged.
        Raw = "raw",
    }
}

words! {
    /// The format of the request body: the option `body_format`.
    BodyFormat, default Form {
        /// `application/x-www-form-urlencoded`, which the standard requires.
        Form = "form",
        /// `application/json`.
        Json = "json",
    }
}

words! {
    /// Where fetches run: the option `refresh`.
    Refresh, default Background {
        /// On a short-lived thread of the library.
        Background = "background",
        /// On the caller's thread. No thread is ever started.
        Inline = "inline",
    }
}

words! {
    /// The certificate authorities to trust: the option `ca`.
    Ca, default Auto {
        /// The system's; the bundled ones if it has none.
        Auto = "auto",
        /// Only the system's.
        System = "system",
        /// Only the bundled ones.
        Bundled = "bundled",
    }
}

/// All that a source needs to know: nothing in it can be malformed or contradictory.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) server: Server,
    pub(crate) credentials: ClientCredentials,
    pub(crate) auth_method: AuthMethod,
    /// Whether the request names the client, where its id is set.
    pub(crate) sends_client_id: bool,
    /// Some if this library signs an assertion.
    pub(crate) signing: Option<Box<Signing>>,
    pub(crate) grant: GrantParameters,
    pub(crate) basic_encoding: BasicEncoding,
    pub(crate) body_format: BodyFormat,
    /// None if the parameter is not sent.
    pub(crate) grant_type: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) resource: Vec<String>,
    /// `param.NAME`, in the order of their names.
    pub(crate) params: Vec<(String, Secret)>,
    /// `header.NAME` in lower case, in the order of their names.
    pub(crate) headers: Vec<(String, Secret)>,
    /// `response.NAME`: the names of the members that lead to a value.
    pub(crate) response_access_token: Option<Vec<String>>,
    pub(crate) response_expires_in: Option<Vec<String>>,
    pub(crate) response_expires_at: Option<Vec<String>>,
    /// The word by which this server means Bearer.
    pub(crate) token_type: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) refresh: Refresh,
    pub(crate) refresh_ahead: Option<Duration>,
    pub(crate) expiry_margin: Option<Duration>,
    pub(crate) default_lifetime: Duration,
    /// Whether the program or its provider set `default_lifetime`.
    pub(crate) default_lifetime_is_set: bool,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) roots: Roots,
    /// The variables that are set and name certificate authorities for other programs only, for messages.
    pub(crate) unread_ca_variables: Vec<&'static str>,
    pub(crate) identity: Option<Identity>,
    pub(crate) proxies: ProxyRules,
    pub(crate) user_agent: String,
}

/// Where the token endpoint is known from.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// The option `token_url`.
    TokenUrl(Endpoint),
    /// The option `issuer`: the metadata there names the token endpoint (RFC 8414).
    Issuer(Endpoint),
}

impl Server {
    /// Returns the URL of the option.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::TokenUrl(endpoint) | Self::Issuer(endpoint) => endpoint,
        }
    }

    #[cfg(test)]
    pub(crate) fn endpoint_mut(&mut self) -> &mut Endpoint {
        match self {
            Self::TokenUrl(endpoint) | Self::Issuer(endpoint) => endpoint,
        }
    }
}

/// The grants that have parameters of their own. Every other one is `Plain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrantParameters {
    Plain,
    /// RFC 7523 §2.1: an assertion, which this library signs unless it is set.
    JwtBearer,
    /// RFC 8693 §2.1. None is a type that is not sent.
    TokenExchange {
        subject_token_type: Option<String>,
        requested_token_type: Option<String>,
    },
    /// RFC 6749 §6.
    RefreshToken,
}

/// What an assertion is for. One request has at most one that this library signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SigningPurpose {
    /// It authenticates the client (RFC 7523 §2.2).
    ClientAssertion,
    /// It is the grant (RFC 7523 §2.1).
    Grant,
}

/// What the assertions of this library say.
#[derive(Clone, Debug)]
pub(crate) struct Signing {
    pub(crate) purpose: SigningPurpose,
    /// None if it follows from the key.
    pub(crate) algorithm: Option<SigningAlgorithm>,
    pub(crate) cert_header: SigningCertHeader,
    /// The claim `aud`, to the character as it was set.
    pub(crate) audience: String,
    /// The option `issuer`, which may be the audience that the server wants.
    pub(crate) issuer: Option<String>,
    pub(crate) lifetime: Duration,
    pub(crate) typ: String,
    /// `claim.NAME`, in the order of their names.
    pub(crate) claims: Vec<(String, Secret)>,
}

/// The certificate authorities to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// The system's; the bundled ones if it has none.
    Auto,
    System,
    Bundled,
    /// A PEM file, and the name of the option or environment variable that named it.
    File {
        path: PathBuf,
        named_by: &'static str,
    },
    /// The file of SSL_CERT_FILE, if it is set, and the directories of SSL_CERT_DIR.
    Environment {
        file: Option<PathBuf>,
        directories: Vec<PathBuf>,
    },
}

/// The client certificate of mutual TLS: absolute paths of PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl From<Ca> for Roots {
    fn from(ca: Ca) -> Self {
        match ca {
            Ca::Auto => Self::Auto,
            Ca::System => Self::System,
            Ca::Bundled => Self::Bundled,
        }
    }
}
