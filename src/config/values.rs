//! The values that were set, each as its type: one field for each option.
//!
//! This file holds only data. The table in `options.rs` says which field an option has, and which parser makes its value.

use crate::{
    config::{
        endpoint::Endpoint,
        providers::Provider,
        proxy::ProxyChoice,
        settings::{AuthMethod, BasicEncoding, BodyFormat, Ca, Refresh},
    },
    jose::{SigningAlgorithm, SigningCertHeader},
    secret::Secret,
};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// The values that were set. None is an option that is not.
#[derive(Clone, Default)]
pub(crate) struct Values {
    pub(crate) provider: Option<&'static Provider>,
    pub(crate) provider_file: Option<PathBuf>,
    pub(crate) variables: Members,
    pub(crate) token_url: Option<Endpoint>,
    pub(crate) issuer: Option<Endpoint>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_id_file: Option<PathBuf>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) client_secret_file: Option<PathBuf>,
    pub(crate) auth_method: Option<AuthMethod>,
    pub(crate) signing_key_file: Option<PathBuf>,
    pub(crate) signing_key: Option<Secret>,
    pub(crate) signing_key_id: Option<String>,
    pub(crate) signing_algorithm: Option<SigningAlgorithm>,
    pub(crate) signing_cert_file: Option<PathBuf>,
    pub(crate) signing_cert_header: Option<SigningCertHeader>,
    pub(crate) assertion_audience: Option<String>,
    pub(crate) assertion_lifetime: Option<Duration>,
    pub(crate) assertion_typ: Option<String>,
    pub(crate) claims: Members,
    pub(crate) client_assertion_file: Option<PathBuf>,
    pub(crate) basic_encoding: Option<BasicEncoding>,
    pub(crate) body_format: Option<BodyFormat>,
    pub(crate) grant_type: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) resource: Option<Vec<String>>,
    pub(crate) assertion_file: Option<PathBuf>,
    pub(crate) subject_token_file: Option<PathBuf>,
    pub(crate) subject_token_type: Option<String>,
    pub(crate) requested_token_type: Option<String>,
    pub(crate) refresh_token_file: Option<PathBuf>,
    pub(crate) params: Members,
    pub(crate) headers: Members,
    pub(crate) response_access_token: Option<Vec<String>>,
    pub(crate) response_expires_in: Option<Vec<String>>,
    pub(crate) response_expires_at: Option<Vec<String>>,
    pub(crate) token_type: Option<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) refresh: Option<Refresh>,
    pub(crate) refresh_ahead: Option<Duration>,
    pub(crate) expiry_margin: Option<Duration>,
    pub(crate) default_lifetime: Option<Duration>,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) ca: Option<Ca>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert_file: Option<PathBuf>,
    pub(crate) client_key_file: Option<PathBuf>,
    pub(crate) proxy: Option<ProxyChoice>,
    pub(crate) user_agent: Option<String>,
    pub(crate) allow_insecure_http: Option<bool>,
}

/// The members of a family, such as `param.NAME`. None is a member that was unset: the provider's must not come back.
pub(crate) type Members = BTreeMap<String, Option<Secret>>;
