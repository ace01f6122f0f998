//! What was asked: options and a provider's row, checked together and made into immutable settings.
//!
//! What one value may be is said in `options.rs`; here is said what the options mean beside each other. The environment
//! is a parameter, and the client's secret file is the only file that is looked at.

pub(crate) use crate::{client_secret::ClientSecret, endpoint::Endpoint, proxy::Proxy};
use crate::{
    error::{Error, Status},
    options::{self, options},
    providers,
    secret::Secret,
};
use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

/// The options of a [`TokenSource`](crate::TokenSource), by name.
///
/// Each value is checked when it is set; what the options mean together is checked when a source is made. They may be
/// set in any order, and the last set of an option wins. [`options`](crate::options()) lists them all.
///
/// ```
/// # fn main() -> Result<(), tokensource::Error> {
/// let mut config = tokensource::Config::new();
/// config.set("provider", "podero")?.set("client_id", "my-client")?.set("client_secret_file", "/run/secrets/podero")?;
/// config.set("scope", "read write")?;
/// config.set("scope", None)?; // as if it had never been set
///
/// let error = config.set("timeuot", "5").unwrap_err();
/// assert_eq!(error.message(), "unknown option \"timeuot\", did you mean timeout?");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Config {
    /// `None` only for a header or parameter that was unset: a provider's own must not come back.
    values: BTreeMap<String, Option<Secret>>,
}

impl Config {
    /// No option set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an option, or unsets it with `None`: then a provider's value or the default holds again, and a `header.NAME`
    /// or `param.NAME` is not sent even if the provider's row has it.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`] for an unknown name or a bad value, with the nearest name or the allowed values; the
    /// config is then as it was.
    pub fn set<'a>(&mut self, name: &str, value: impl Into<Option<&'a str>>) -> Result<&mut Self, Error> {
        let (option, name) = options::find(name)?;
        match value.into() {
            Some(value) => {
                let value = option.check(&name, value)?;
                self.values.insert(name, Some(value));
            }
            None if option.is_family() => {
                self.values.insert(name, None);
            }
            None => {
                self.values.remove(&name);
            }
        }
        Ok(self)
    }

    /// Everything together, checked. All that is missing or contradictory is told in one error.
    pub(crate) fn settings(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Error> {
        let values = self.effective();
        let get = |name: &str| values.get(name).copied();
        let path = |name: &str| get(name).map(PathBuf::from);
        let is_set = |name: &str| self.values.contains_key(name);
        let span = |name: &str| get(name).map(options::seconds).transpose().map_err(|wrong| bug(name, wrong));

        let mut wrong = Vec::new();

        let endpoint = match get("token_url").map(Endpoint::parse) {
            Some(Ok(mut endpoint)) => {
                let anywhere = get("allow_insecure_http") == Some("true");
                endpoint.must_be_loopback &= !anywhere;
                if endpoint.must_be_loopback && !endpoint.is_loopback() {
                    wrong.push(
                        "token_url is http to another machine, which shows the secret to everyone on the way: use https, or \
                         set allow_insecure_http = true"
                            .to_owned(),
                    );
                }
                Some(endpoint)
            }
            Some(Err(reason)) => return Err(bug("token_url", &reason)),
            None => {
                wrong.push("neither provider nor token_url is set: set one".to_owned());
                None
            }
        };

        let auth_method = match get("auth_method") {
            Some("client_secret_post") => AuthMethod::ClientSecretPost,
            _ => AuthMethod::ClientSecretBasic,
        };
        let basic_encoding = match get("basic_encoding") {
            Some("raw") => BasicEncoding::Raw,
            _ => BasicEncoding::Rfc6749,
        };
        let client_id = get("client_id");
        match client_id {
            None => wrong.push("client_id is not set".to_owned()),
            Some(id) if id.contains(':') && (auth_method, basic_encoding) == RAW_BASIC => wrong.push(
                "basic_encoding = raw cannot carry the colon in client_id (RFC 7617): set basic_encoding = rfc6749 or \
                 auth_method = client_secret_post"
                    .to_owned(),
            ),
            Some(_) => {}
        }

        let client_secret = match (get("client_secret"), path("client_secret_file")) {
            (Some(text), None) => Some(ClientSecret::Text(Secret::new(text))),
            (None, Some(file)) => Some(ClientSecret::File(file)),
            (Some(_), Some(_)) => {
                wrong.push("client_secret and client_secret_file are both set: unset one".to_owned());
                None
            }
            (None, None) => {
                wrong.push(
                    "neither client_secret nor client_secret_file is set: set one (client_secret may be empty, for a client \
                     that has none)"
                        .to_owned(),
                );
                None
            }
        };
        if let Some((_, Err(error))) = client_secret.as_ref().map(ClientSecret::read) {
            wrong.push(error.message().to_owned());
        }

        let roots = match (get("ca"), path("ca_file")) {
            (_, Some(path)) => {
                if is_set("ca") {
                    wrong.push("ca and ca_file are both set: unset one".to_owned());
                }
                Roots::File { path, named_by: "ca_file" }
            }
            (Some("system"), None) => Roots::System,
            (Some("bundled"), None) => Roots::Bundled,
            _ if is_set("ca") => Roots::Auto,
            _ => match environment("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
                Some(path) => Roots::File {
                    path: std::path::absolute(&path).unwrap_or_else(|_| path.into()),
                    named_by: "SSL_CERT_FILE",
                },
                None => Roots::Auto,
            },
        };

        let identity = match (path("client_cert_file"), path("client_key_file")) {
            (Some(cert), Some(key)) => Some(Identity { cert, key }),
            (None, None) => None,
            (Some(_), None) => {
                wrong.push("client_cert_file is set without client_key_file: set both".to_owned());
                None
            }
            (None, Some(_)) => {
                wrong.push("client_key_file is set without client_cert_file: set both".to_owned());
                None
            }
        };

        let proxy = match endpoint.as_ref().map(|endpoint| Proxy::choose(get("proxy"), endpoint, environment)) {
            Some(Ok(proxy)) => proxy,
            Some(Err(reason)) => {
                wrong.push(reason);
                None
            }
            None => None,
        };

        let (Some(endpoint), Some(client_id), Some(client_secret), true) =
            (endpoint, client_id, client_secret, wrong.is_empty())
        else {
            return Err(Error::new(Status::InvalidConfig, wrong.join("; ")));
        };
        let family = |prefix: &str| {
            let members = values.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, *value)));
            members.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
        };
        Ok(Settings {
            endpoint,
            client_id: client_id.to_owned(),
            client_secret,
            auth_method,
            basic_encoding,
            body_format: if get("body_format") == Some("json") { BodyFormat::Json } else { BodyFormat::Form },
            grant_type: get("grant_type").unwrap_or_default().to_owned(),
            scope: get("scope").map(str::to_owned),
            audience: get("audience").map(str::to_owned),
            resource: get("resource").map(|uris| uris.split(' ').map(str::to_owned).collect()).unwrap_or_default(),
            params: family("param."),
            headers: family("header."),
            timeout: span("timeout")?.unwrap_or_default(),
            connect_timeout: span("connect_timeout")?.unwrap_or_default(),
            max_attempts: options::attempts(get("max_attempts").unwrap_or_default())
                .map_err(|wrong| bug("max_attempts", wrong))?,
            refresh: if get("refresh") == Some("inline") { Refresh::Inline } else { Refresh::Background },
            refresh_ahead: span("refresh_ahead")?,
            expiry_margin: span("expiry_margin")?,
            default_lifetime: span("default_lifetime")?.unwrap_or_default(),
            roots,
            identity,
            proxy,
            user_agent: get("user_agent").unwrap_or_default().to_owned(),
        })
    }

    /// The defaults, under the provider's row, under what was set.
    fn effective(&self) -> BTreeMap<&str, &str> {
        let mut values: BTreeMap<&str, &str> =
            options().iter().filter_map(|option| Some((option.name(), option.default()?))).collect();
        let provider = self.values.get("provider").and_then(Option::as_ref).map(Secret::expose);
        for row in providers::all().iter().filter(|row| Some(row.name) == provider) {
            values.extend(row.options.iter().copied());
        }
        for (name, value) in &self.values {
            match value {
                Some(value) => values.insert(name, value.expose()),
                None => values.remove(name.as_str()),
            };
        }
        values
    }
}

const RAW_BASIC: (AuthMethod, BasicEncoding) = (AuthMethod::ClientSecretBasic, BasicEncoding::Raw);

/// A value that was refused although it had been checked when it was set.
fn bug(name: &str, wrong: &str) -> Error {
    Error::new(Status::Internal, format!("a bug in tokensource: the checked option {name} is wrong: {wrong}"))
}

/// Shows what was set; `[redacted]` stands for each value that is a secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in &self.values {
            let open = options::find(name).is_ok_and(|(option, _)| !option.is_secret());
            match value {
                Some(value) if open => map.entry(name, &value.expose()),
                value => map.entry(name, value),
            };
        }
        map.finish()
    }
}

/// Everything a source needs to know, checked: nothing in it can be contradictory or malformed.
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
