//! What the options mean together: the values that were set, a provider's and the defaults make immutable settings.
//!
//! The environment is a parameter, and the secret file is the only file that is read. This file must not parse a value:
//! that happened in `values.rs`.

use crate::{
    config::{
        client_secret::ClientSecret,
        endpoint::Endpoint,
        environment::Environment,
        options::defaults,
        proxy::{Proxy, ProxyChoice},
        values::{Members, Values},
        words::words,
    },
    error::{Error, ErrorKind},
    secret::Secret,
};
use std::{path::PathBuf, time::Duration};

words! {
    /// How the client authenticates (RFC 6749 §2.3.1): the option `auth_method`.
    AuthMethod {
        /// The id and the secret in the header Authorization.
        ClientSecretBasic = "client_secret_basic",
        /// The id and the secret as two parameters of the body.
        ClientSecretPost = "client_secret_post",
    }
}

words! {
    /// How the id and the secret are written into HTTP Basic: the option `basic_encoding`.
    BasicEncoding {
        /// Percent-encoded, as RFC 6749 requires.
        Rfc6749 = "rfc6749",
        /// Unchanged.
        Raw = "raw",
    }
}

words! {
    /// The format of the request body: the option `body_format`.
    BodyFormat {
        /// `application/x-www-form-urlencoded`, which the standard requires.
        Form = "form",
        /// `application/json`.
        Json = "json",
    }
}

words! {
    /// Where fetches run: the option `refresh`.
    Refresh {
        /// On a short-lived thread of the library.
        Background = "background",
        /// On the caller's thread. No thread is ever started.
        Inline = "inline",
    }
}

words! {
    /// The certificate authorities to trust: the option `ca`.
    Ca {
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
    /// `header.NAME` in lower case, in the order of their names.
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
}

/// The client certificate of mutual TLS: absolute paths of PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// A default that is a number, read when the library is compiled.
const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a default is digits"),
    }
}

const fn seconds(text: &str) -> Duration {
    Duration::from_secs(number(text) as u64)
}

impl Settings {
    /// Checks the options together. One error reports all that is missing or contradictory.
    pub(crate) fn new(values: &Values, environment: &Environment<'_>) -> Result<Self, Error> {
        let options = EffectiveOptions { values: values.over_provider()? };
        let mut errors = Vec::new();
        let endpoint = collect_error(&mut errors, options.endpoint());
        let client_id = collect_error(&mut errors, options.client_id());
        let client_secret = collect_error(&mut errors, options.client_secret());
        let roots = collect_error(&mut errors, options.roots(environment));
        let identity = collect_error(&mut errors, options.identity());
        let proxy =
            endpoint.as_ref().and_then(|endpoint| collect_error(&mut errors, options.proxy(endpoint, environment)));
        let (Some(endpoint), Some(client_id), Some(client_secret), Some(roots), Some(identity), Some(proxy)) =
            (endpoint, client_id, client_secret, roots, identity, proxy)
        else {
            return Err(Error::new(ErrorKind::InvalidConfig, errors.join("; ")));
        };
        let (auth_method, basic_encoding) = (options.auth_method(), options.basic_encoding());
        let values = options.values;
        Ok(Self {
            endpoint,
            client_id,
            client_secret,
            auth_method,
            basic_encoding,
            body_format: values.body_format.unwrap_or_default(),
            grant_type: values.grant_type.unwrap_or_else(|| defaults::GRANT_TYPE.to_owned()),
            scope: values.scope,
            audience: values.audience,
            resource: values.resource.unwrap_or_default(),
            params: sent(values.params),
            headers: sent(values.headers),
            timeout: values.timeout.unwrap_or(const { seconds(defaults::TIMEOUT) }),
            connect_timeout: values.connect_timeout.unwrap_or(const { seconds(defaults::CONNECT_TIMEOUT) }),
            max_attempts: values.max_attempts.unwrap_or(const { number(defaults::MAX_ATTEMPTS) }),
            refresh: values.refresh.unwrap_or_default(),
            refresh_ahead: values.refresh_ahead,
            expiry_margin: values.expiry_margin,
            default_lifetime: values.default_lifetime.unwrap_or(const { seconds(defaults::DEFAULT_LIFETIME) }),
            roots,
            identity,
            proxy,
            user_agent: values.user_agent.unwrap_or_else(|| defaults::USER_AGENT.to_owned()),
        })
    }
}

/// Returns the members of a family that are sent.
fn sent(members: Members) -> Vec<(String, Secret)> {
    members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Keeps what is wrong for the one error that reports everything.
fn collect_error<T>(errors: &mut Vec<String>, part: Result<T, String>) -> Option<T> {
    part.map_err(|wrong| errors.push(wrong)).ok()
}

/// The options in effect, read together. Each method returns one part of the settings, or what is wrong with it.
struct EffectiveOptions {
    values: Values,
}

impl EffectiveOptions {
    fn auth_method(&self) -> AuthMethod {
        self.values.auth_method.unwrap_or_default()
    }

    fn basic_encoding(&self) -> BasicEncoding {
        self.values.basic_encoding.unwrap_or_default()
    }

    fn endpoint(&self) -> Result<Endpoint, String> {
        let mut endpoint = self.values.token_url.clone().ok_or("neither provider nor token_url is set: set one")?;
        endpoint.must_be_loopback &= !self.values.allow_insecure_http.unwrap_or_default();
        if endpoint.must_be_loopback && !endpoint.is_loopback() {
            return Err(
                "token_url is http to another machine, where everyone on the way can read the secret: use https, \
                 or set allow_insecure_http=true"
                    .into(),
            );
        }
        Ok(endpoint)
    }

    fn client_id(&self) -> Result<String, String> {
        let id = self.values.client_id.clone().ok_or("client_id is not set: set it")?;
        let has_colon_delimiter = match (self.auth_method(), self.basic_encoding()) {
            (AuthMethod::ClientSecretBasic, BasicEncoding::Raw) => true,
            (AuthMethod::ClientSecretBasic, BasicEncoding::Rfc6749) | (AuthMethod::ClientSecretPost, _) => false,
        };
        if has_colon_delimiter && id.contains(':') {
            return Err(
                "basic_encoding=raw cannot carry the colon in client_id (RFC 7617): set basic_encoding=rfc6749 \
                 or auth_method=client_secret_post"
                    .into(),
            );
        }
        Ok(id)
    }

    fn client_secret(&self) -> Result<ClientSecret, String> {
        let secret = match (&self.values.client_secret, &self.values.client_secret_file) {
            (Some(text), None) => ClientSecret::Text(text.clone()),
            (None, Some(path)) => ClientSecret::File(path.clone()),
            (Some(_), Some(_)) => return Err("client_secret and client_secret_file are both set: unset one".into()),
            (None, None) => {
                return Err(
                    "neither client_secret nor client_secret_file is set: set one (client_secret may be empty, \
                     for a client that has none)"
                        .into(),
                );
            }
        };
        secret.read().1.map_err(|error| error.message().to_owned())?;
        Ok(secret)
    }

    fn roots(&self, environment: &Environment<'_>) -> Result<Roots, String> {
        match (self.values.ca, &self.values.ca_file) {
            (Some(_), Some(_)) => Err("ca and ca_file are both set: unset one".into()),
            (None, Some(path)) => Ok(Roots::File { path: path.clone(), named_by: "ca_file" }),
            (Some(ca), None) => Ok(ca.into()),
            (None, None) => match environment.ca_file() {
                Some(file) => {
                    let path = std::path::absolute(file.value.as_str());
                    let path = path.map_err(|error| format!("{}: {error}", file.name))?;
                    Ok(Roots::File { path, named_by: file.name })
                }
                None => Ok(Ca::DEFAULT.into()),
            },
        }
    }

    fn identity(&self) -> Result<Option<Identity>, String> {
        match (&self.values.client_cert_file, &self.values.client_key_file) {
            (Some(cert), Some(key)) => Ok(Some(Identity { cert: cert.clone(), key: key.clone() })),
            (None, None) => Ok(None),
            (Some(_), None) => Err("client_cert_file is set without client_key_file: set both".into()),
            (None, Some(_)) => Err("client_key_file is set without client_cert_file: set both".into()),
        }
    }

    fn proxy(&self, endpoint: &Endpoint, environment: &Environment<'_>) -> Result<Option<Proxy>, String> {
        match &self.values.proxy {
            Some(ProxyChoice::Direct) => Ok(None),
            Some(ProxyChoice::Through(proxy)) => Ok(Some(proxy.clone())),
            None => Proxy::of_environment(endpoint, environment),
        }
    }
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

#[cfg(test)]
impl Settings {
    /// Of a client that sets no more than it must.
    pub(crate) fn example() -> Self {
        let mut config = crate::Config::new();
        for (name, value) in [
            ("token_url", "https://auth.example.com/oauth2/token"),
            ("client_id", "my-client"),
            ("client_secret", "hunter2"),
        ] {
            config.set(name, value).unwrap();
        }
        config.settings(&|_| None).unwrap()
    }
}

#[cfg(test)]
mod tests;
