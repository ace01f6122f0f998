//! What was asked: options and a provider's row, checked together and made into immutable settings.
//!
//! What one value may be is said in `options.rs`; here is said what the options mean beside each other. The environment
//! is a parameter, and the client's secret file is the only file that is looked at.

pub(crate) mod client_secret;
pub(crate) mod endpoint;
pub(crate) mod options;
pub(crate) mod providers;
pub(crate) mod proxy;

pub(crate) use crate::{config::client_secret::ClientSecret, config::endpoint::Endpoint, config::proxy::Proxy};
use crate::{
    duration,
    error::{Error, ErrorKind},
    secret::Secret,
};
use options::options;
use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

/// The options of a [`TokenSource`](crate::TokenSource), by name.
///
/// Each value is checked when it is set; what the options mean together is checked when a source is made. They may be
/// set in any order, and the last set of an option wins. [`options`](crate::config::options()) lists them all.
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

    /// Sets an option to a `&str`, or unsets it with `None`: then a provider's value or the default holds again, and a `header.NAME`
    /// or `param.NAME` is not sent even if the provider's row has it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name or a bad value, with what is allowed or was meant; the
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
        let asked = EffectiveOptions { config: self, values: self.effective() };
        let mut wrong = Vec::new();
        let endpoint = note(&mut wrong, asked.endpoint());
        let client_id = note(&mut wrong, asked.client_id());
        let client_secret = note(&mut wrong, asked.client_secret());
        let roots = note(&mut wrong, asked.roots(environment));
        let identity = note(&mut wrong, asked.identity());
        let proxy = endpoint
            .as_ref()
            .and_then(|endpoint| note(&mut wrong, Proxy::choose(asked.get("proxy"), endpoint, environment)));
        let (Some(endpoint), Some(client_id), Some(client_secret), Some(roots), Some(identity), Some(proxy)) =
            (endpoint, client_id, client_secret, roots, identity, proxy)
        else {
            return Err(Error::new(ErrorKind::InvalidConfig, wrong.join("; ")));
        };
        Ok(Settings {
            endpoint,
            client_id,
            client_secret,
            auth_method: asked.auth_method(),
            basic_encoding: asked.basic_encoding(),
            body_format: if asked.get("body_format") == Some("json") { BodyFormat::Json } else { BodyFormat::Form },
            grant_type: asked.text("grant_type"),
            scope: asked.get("scope").map(str::to_owned),
            audience: asked.get("audience").map(str::to_owned),
            resource: asked.get("resource").into_iter().flat_map(|uris| uris.split(' ')).map(str::to_owned).collect(),
            params: asked.family("param."),
            headers: asked.family("header."),
            timeout: asked.span("timeout")?.unwrap_or_default(),
            connect_timeout: asked.span("connect_timeout")?.unwrap_or_default(),
            max_attempts: options::attempts(&asked.text("max_attempts")).map_err(|wrong| bug("max_attempts", wrong))?,
            refresh: if asked.get("refresh") == Some("inline") { Refresh::Inline } else { Refresh::Background },
            refresh_ahead: asked.span("refresh_ahead")?,
            expiry_margin: asked.span("expiry_margin")?,
            default_lifetime: asked.span("default_lifetime")?.unwrap_or_default(),
            roots,
            identity,
            proxy,
            user_agent: asked.text("user_agent"),
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

/// The options in effect, read together. Each method says what is wrong with its part of them.
struct EffectiveOptions<'a> {
    config: &'a Config,
    values: BTreeMap<&'a str, &'a str>,
}

impl EffectiveOptions<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).copied()
    }

    /// Of an option that has a default.
    fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    fn span(&self, name: &str) -> Result<Option<Duration>, Error> {
        self.get(name).map(duration::seconds).transpose().map_err(|wrong| bug(name, wrong))
    }

    fn family(&self, prefix: &str) -> Vec<(String, Secret)> {
        let members = self.values.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, *value)));
        members.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
    }

    fn auth_method(&self) -> AuthMethod {
        match self.get("auth_method") {
            Some("client_secret_post") => AuthMethod::ClientSecretPost,
            _ => AuthMethod::ClientSecretBasic,
        }
    }

    fn basic_encoding(&self) -> BasicEncoding {
        if self.get("basic_encoding") == Some("raw") { BasicEncoding::Raw } else { BasicEncoding::Rfc6749 }
    }

    fn endpoint(&self) -> Result<Endpoint, String> {
        let url = self.get("token_url").ok_or("neither provider nor token_url is set: set one")?;
        let mut endpoint = Endpoint::parse(url)?;
        endpoint.must_be_loopback &= self.get("allow_insecure_http") != Some("true");
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
        let id = self.get("client_id").ok_or("client_id is not set: set it")?;
        let raw = self.auth_method() == AuthMethod::ClientSecretBasic && self.basic_encoding() == BasicEncoding::Raw;
        if raw && id.contains(':') {
            return Err(
                "basic_encoding=raw cannot carry the colon in client_id (RFC 7617): set basic_encoding=rfc6749 \
                        or auth_method=client_secret_post"
                    .into(),
            );
        }
        Ok(id.to_owned())
    }

    fn client_secret(&self) -> Result<ClientSecret, String> {
        let secret = match (self.get("client_secret"), self.get("client_secret_file")) {
            (Some(text), None) => ClientSecret::Text(Secret::new(text)),
            (None, Some(path)) => ClientSecret::File(path.into()),
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

    fn roots(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Roots, String> {
        let ca_is_set = self.config.values.contains_key("ca");
        if let Some(path) = self.get("ca_file") {
            return match ca_is_set {
                true => Err("ca and ca_file are both set: unset one".into()),
                false => Ok(Roots::File { path: path.into(), named_by: "ca_file" }),
            };
        }
        match environment("SSL_CERT_FILE").filter(|path| !path.is_empty() && !ca_is_set) {
            Some(path) => {
                let path = std::path::absolute(path).map_err(|error| format!("SSL_CERT_FILE: {error}"))?;
                Ok(Roots::File { path, named_by: "SSL_CERT_FILE" })
            }
            None => Ok(match self.get("ca") {
                Some("system") => Roots::System,
                Some("bundled") => Roots::Bundled,
                _ => Roots::Auto,
            }),
        }
    }

    fn identity(&self) -> Result<Option<Identity>, String> {
        match (self.get("client_cert_file"), self.get("client_key_file")) {
            (Some(cert), Some(key)) => Ok(Some(Identity { cert: cert.into(), key: key.into() })),
            (None, None) => Ok(None),
            (Some(_), None) => Err("client_cert_file is set without client_key_file: set both".into()),
            (None, Some(_)) => Err("client_key_file is set without client_cert_file: set both".into()),
        }
    }
}

/// Keeps what is wrong for the one error that tells everything.
fn note<T>(wrong: &mut Vec<String>, part: Result<T, String>) -> Option<T> {
    part.map_err(|reason| wrong.push(reason)).ok()
}

/// A value that was refused although it had been checked when it was set.
fn bug(name: &str, wrong: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("a bug in tokensource: the checked option {name} is wrong: {wrong}"))
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

#[cfg(test)]
impl Settings {
    /// Of a client that sets no more than it must.
    pub(crate) fn example() -> Self {
        let mut config = Config::new();
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
mod tests {
    use super::*;

    fn config(options: &[(&str, &str)]) -> Config {
        let mut config = Config::new();
        for (name, value) in options {
            config.set(name, *value).unwrap();
        }
        config
    }

    fn settings(options: &[(&str, &str)]) -> Settings {
        config(options).settings(&|_| None).unwrap()
    }

    fn refused(options: &[(&str, &str)]) -> String {
        let error = config(options).settings(&|_| None).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::InvalidConfig, false));
        error.message().to_owned()
    }

    const LEAST: [(&str, &str); 3] = [("token_url", "https://h/t"), ("client_id", "id"), ("client_secret", "hunter2")];

    fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        [&LEAST[..], more].concat()
    }

    #[test]
    fn what_is_not_set_is_as_the_table_of_options_says() {
        let settings = settings(&LEAST);
        let default = |name: &str| options().iter().find(|option| option.name() == name).unwrap().default().unwrap();
        let seconds = |span: Duration| span.as_secs_f64().to_string();
        assert_eq!(seconds(settings.timeout), default("timeout"));
        assert_eq!(seconds(settings.connect_timeout), default("connect_timeout"));
        assert_eq!(seconds(settings.default_lifetime), default("default_lifetime"));
        assert_eq!(settings.max_attempts.to_string(), default("max_attempts"));
        assert_eq!(settings.grant_type, default("grant_type"));
        assert_eq!(settings.user_agent, default("user_agent"));
        assert_eq!(
            (settings.auth_method, default("auth_method")),
            (AuthMethod::ClientSecretBasic, "client_secret_basic")
        );
        assert_eq!((settings.basic_encoding, default("basic_encoding")), (BasicEncoding::Rfc6749, "rfc6749"));
        assert_eq!((settings.body_format, default("body_format")), (BodyFormat::Form, "form"));
        assert_eq!((settings.refresh, default("refresh")), (Refresh::Background, "background"));
        assert_eq!((settings.roots, default("ca")), (Roots::Auto, "auto"));
        assert_eq!(default("allow_insecure_http"), "false");
        assert_eq!(
            options().iter().filter(|option| option.default().is_some()).count(),
            12,
            "each default is looked at here"
        );
        assert_eq!((settings.refresh_ahead, settings.expiry_margin), (None, None));
        assert_eq!((settings.scope, settings.audience, settings.resource), (None, None, vec![]));
        assert!(settings.params.is_empty() && settings.headers.is_empty());
        assert!(settings.identity.is_none() && settings.proxy.is_none());
    }

    #[test]
    fn a_program_may_rely_on_these_defaults() {
        let settings = settings(&LEAST);
        assert_eq!(settings.timeout, Duration::from_secs(30));
        assert_eq!(settings.connect_timeout, Duration::from_secs(10));
        assert_eq!(settings.default_lifetime, Duration::from_secs(600));
        assert_eq!(settings.max_attempts, 3);
        assert_eq!(settings.grant_type, "client_credentials");
    }

    #[test]
    fn each_word_of_an_option_is_a_setting_of_its_own() {
        let debug = |name, word: &'static str| format!("{:?}", settings(&with(&[(name, word)])));
        for name in ["auth_method", "basic_encoding", "body_format", "refresh", "ca"] {
            let option = options::find(name).unwrap().0;
            let mut seen: Vec<_> = option.words().map(|word| debug(name, word)).collect();
            assert_eq!(seen.iter().filter(|seen| **seen == debug("client_id", "id")).count(), 1, "{name}: the default");
            seen.dedup();
            assert_eq!(seen.len(), option.words().count(), "{name}");
        }
    }

    #[test]
    fn what_is_set_arrives() {
        let settings = settings(&with(&[
            ("auth_method", "client_secret_post"),
            ("body_format", "json"),
            ("grant_type", "g"),
            ("scope", "a b"),
            ("audience", "aud"),
            ("resource", "urn:a urn:b"),
            ("param.b", "2"),
            ("param.a", ""),
            ("header.X-Key", "k"),
            ("timeout", "1.5"),
            ("connect_timeout", "60"),
            ("max_attempts", "7"),
            ("refresh", "inline"),
            ("refresh_ahead", "0"),
            ("expiry_margin", "0.25"),
            ("default_lifetime", "60"),
            ("client_cert_file", "/c"),
            ("client_key_file", "/k"),
            ("ca_file", "/ca"),
            ("proxy", "http://u:p@proxy:1"),
            ("user_agent", "me"),
        ]));
        let open = |pairs: &[(String, Secret)]| {
            pairs.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((settings.auth_method, settings.body_format), (AuthMethod::ClientSecretPost, BodyFormat::Json));
        assert_eq!((settings.grant_type.as_str(), settings.scope.as_deref()), ("g", Some("a b")));
        assert_eq!(
            (settings.audience.as_deref(), settings.resource),
            (Some("aud"), vec!["urn:a".into(), "urn:b".into()])
        );
        assert_eq!((open(&settings.params), open(&settings.headers)), ("a= b=2".into(), "x-key=k".into()));
        assert_eq!(
            (settings.timeout, settings.connect_timeout),
            (Duration::from_millis(1500), Duration::from_secs(60))
        );
        assert_eq!((settings.max_attempts, settings.refresh), (7, Refresh::Inline));
        assert_eq!(settings.refresh_ahead, Some(Duration::ZERO));
        assert_eq!(settings.expiry_margin, Some(Duration::from_millis(250)));
        assert_eq!(settings.default_lifetime, Duration::from_secs(60));
        assert_eq!(settings.identity, Some(Identity { cert: "/c".into(), key: "/k".into() }));
        assert_eq!(settings.roots, Roots::File { path: "/ca".into(), named_by: "ca_file" });
        assert_eq!(settings.proxy.map(|proxy| (proxy.host, proxy.port)), Some(("proxy".into(), 1)));
        assert_eq!(settings.user_agent, "me");
    }

    #[test]
    fn the_last_set_wins_and_a_refused_one_changes_nothing() {
        let mut config = config(&with(&[("timeout", "5"), ("timeout", "6"), ("header.A", "1"), ("header.a", "2")]));
        config.set("timeout", "x").unwrap_err();
        let settings = config.settings(&|_| None).unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(6));
        assert_eq!(settings.headers.len(), 1);
        assert_eq!(settings.headers[0].1.expose(), "2");
    }

    #[test]
    fn none_unsets() {
        let mut config = config(&with(&[("timeout", "5"), ("scope", "a"), ("param.x", "1")]));
        for name in ["timeout", "scope", "param.x", "audience", "header.never-set"] {
            config.set(name, None).unwrap();
        }
        let settings = config.settings(&|_| None).unwrap();
        assert_eq!((settings.timeout, settings.scope), (Duration::from_secs(30), None));
        assert!(settings.params.is_empty());
        assert_eq!(config.set("nonsense", None).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn an_option_wins_over_its_providers_row_in_any_order() {
        let explicit = [("body_format", "form"), ("header.Cache-Control", "no-store")];
        let rest = [("provider", "podero"), ("client_id", "id"), ("client_secret", "hunter2")];
        for options in [[&explicit[..], &rest[..]].concat(), [&rest[..], &explicit[..]].concat()] {
            let settings = settings(&options);
            assert_eq!(settings.endpoint.host, "app.podero.com");
            assert_eq!(settings.body_format, BodyFormat::Form);
            assert_eq!(settings.headers[0].1.expose(), "no-store");
        }
    }

    #[test]
    fn unsetting_brings_a_providers_option_back_but_never_its_header() {
        for unset_first in [true, false] {
            let mut config = config(&[("client_id", "id"), ("client_secret", "hunter2"), ("body_format", "form")]);
            if !unset_first {
                config.set("provider", "podero").unwrap();
            }
            config.set("body_format", None).unwrap().set("header.Cache-Control", None).unwrap();
            config.set("provider", "podero").unwrap();
            let settings = config.settings(&|_| None).unwrap();
            assert_eq!(settings.body_format, BodyFormat::Json);
            assert!(settings.headers.is_empty());
        }
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        assert_eq!(
            refused(&[]),
            "neither provider nor token_url is set: set one; client_id is not set: set it; neither client_secret nor \
             client_secret_file is set: set one (client_secret may be empty, for a client that has none)"
        );
    }

    #[test]
    fn all_that_contradicts_is_told_at_once() {
        let message = refused(&[
            ("token_url", "http://h/t"),
            ("client_id", "a:b"),
            ("basic_encoding", "raw"),
            ("client_secret", "hunter2"),
            ("client_secret_file", "/nowhere"),
            ("ca", "auto"),
            ("ca_file", "/ca"),
            ("client_cert_file", "/c"),
        ]);
        for part in ["allow_insecure_http", "colon", "client_secret_file are both", "ca and ca_file", "client_key_file"]
        {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert_eq!(message.split("; ").count(), 5, "{message}");
        assert!(!message.contains("hunter2"));
        assert!(refused(&with(&[("client_key_file", "/k")])).contains("without client_cert_file"));
    }

    #[test]
    fn a_colon_in_the_id_stops_only_raw_basic() {
        settings(&with(&[("client_id", "a:b")]));
        settings(&with(&[("client_id", "a:b"), ("basic_encoding", "raw"), ("auth_method", "client_secret_post")]));
        refused(&with(&[("client_id", "a:b"), ("basic_encoding", "raw")]));
    }

    #[test]
    fn http_is_for_loopback_unless_allowed() {
        for url in ["http://localhost:1/", "http://127.0.0.1/", "http://[::1]/"] {
            assert!(settings(&with(&[("token_url", url)])).endpoint.must_be_loopback);
        }
        refused(&with(&[("token_url", "http://10.0.0.1/")]));
        for url in ["http://localhost:1/", "http://10.0.0.1/"] {
            let options = with(&[("token_url", url), ("allow_insecure_http", "true")]);
            assert!(!settings(&options).endpoint.must_be_loopback);
        }
        assert!(!settings(&LEAST).endpoint.must_be_loopback);
    }

    #[test]
    fn a_secret_file_must_be_usable_from_the_start() {
        let path = std::env::temp_dir().join(format!("tks-config-{}", std::process::id()));
        let path = path.to_str().unwrap();
        let options = [LEAST[0], LEAST[1], ("client_secret_file", path)];
        let message = refused(&options);
        assert!(message.starts_with(&format!("option client_secret_file: {path}: No such file")), "{message}");
        std::fs::write(path, "s\n").unwrap();
        assert_eq!(settings(&options).client_secret.read().1.unwrap().expose(), "s");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn ssl_cert_file_is_heeded_only_where_no_option_says_whom_to_trust() {
        let roots = |value: &'static str, more: &[(&'static str, &'static str)]| {
            let environment = move |name: &str| (name == "SSL_CERT_FILE").then(|| value.to_owned());
            config(&with(more)).settings(&environment).unwrap().roots
        };
        assert_eq!(roots("/e", &[]), Roots::File { path: "/e".into(), named_by: "SSL_CERT_FILE" });
        let here = std::env::current_dir().unwrap();
        assert_eq!(roots("e", &[]), Roots::File { path: here.join("e"), named_by: "SSL_CERT_FILE" });
        assert_eq!(roots("", &[]), Roots::Auto);
        assert_eq!(roots("/e", &[("ca", "auto")]), Roots::Auto);
        assert_eq!(roots("/e", &[("ca", "bundled")]), Roots::Bundled);
        assert_eq!(roots("/e", &[("ca_file", "/f")]), Roots::File { path: "/f".into(), named_by: "ca_file" });
    }

    #[test]
    fn the_environments_proxy_is_taken_and_a_broken_one_is_refused_without_its_password() {
        let from = |value: &'static str| {
            config(&LEAST).settings(&move |name| (name == "HTTPS_PROXY").then(|| value.to_owned()))
        };
        assert_eq!(from("http://u:p@proxy:1").unwrap().proxy.unwrap().named_by, "HTTPS_PROXY");
        let error = from("socks5://u:hunter3@proxy").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().contains("HTTPS_PROXY") && !error.message().contains("hunter3"), "{error}");
    }

    #[test]
    fn nothing_that_prints_shows_a_secret() {
        let secrets: Vec<_> = options().iter().filter(|option| option.is_secret()).collect();
        assert_eq!(secrets.len(), 4);
        let mut config = config(&[("token_url", "http://h/"), ("client_id", "me")]);
        for option in secrets {
            let value = if option.name() == "proxy" { "http://hunter2:hunter2@hunter2" } else { "hunter2" };
            config.set(&option.name().replace("NAME", "x"), value).unwrap();
        }
        config.set("param.y", None).unwrap();
        let error = config.settings(&|_| None).unwrap_err();
        config.set("allow_insecure_http", "true").unwrap();
        let settings = config.settings(&|_| None).unwrap();
        let debug = format!("{config:?}");
        assert!(debug.contains(r#""client_id": "me""#) && debug.contains(r#""param.y": None"#), "{debug}");
        let settings =
            Settings { proxy: settings.proxy.map(|proxy| Proxy { host: String::new(), ..proxy }), ..settings };
        assert!(!format!("{error} {error:?} {debug} {settings:?}").contains("hunter2"));
    }
}
