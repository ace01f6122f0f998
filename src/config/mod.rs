//! The public configuration: options are set one by one, and checked together when a source is made.
//!
//! This file only passes each option on to the table. What a value may be is in `parsers.rs`, and what the options mean
//! together in `effective.rs`.

mod authentication;
mod credential;
mod effective;
mod endpoint;
mod environment;
mod names;
mod options;
mod parsers;
mod provider_file;
mod provider_values;
mod providers;
mod proxy;
mod settings;
mod template;
mod values;

pub(crate) use credential::{CredentialTexts, TextOrFile};
pub(crate) use endpoint::{Endpoint, NamedBy, is_localhost};
pub use options::{OptionInfo, options};
pub(crate) use parsers::{is_nqchar, token_type};
#[cfg(test)]
pub(crate) use proxy::ProxyChoice;
pub(crate) use proxy::{Proxy, ProxyRules, ProxyScheme};
pub use settings::{AuthMethod, BasicEncoding, BodyFormat, Ca, Refresh};
pub(crate) use settings::{GrantParameters, Identity, Roots, Server, Settings, Signing, SigningPurpose};
#[cfg(any(fuzzing, test))]
pub(crate) use {environment::Environment, provider_file::parse as parse_provider_file, template::Template};

use crate::{
    duration::in_seconds,
    error::{Error, ErrorKind},
    jose::{SigningAlgorithm, SigningCertHeader},
};
use std::{fmt, path::Path, time::Duration};
use values::Values;

/// The options of a [`TokenSource`](crate::TokenSource).
///
/// Each option has a method, and [`set`](Self::set) sets any option by its name, as a program does that reads its options
/// from a file. Both check the value and return the config again. What the options mean together is checked when a source
/// is made. The order of the calls does not matter, and setting an option again replaces its value.
/// [`options`](crate::options) lists all options.
///
/// ```
/// # fn main() -> Result<(), tokensource::Error> {
/// use std::time::Duration;
/// use tokensource::Config;
///
/// let mut config = Config::new();
/// config
///     .token_url("https://login.example/oauth2/token")?
///     .client_id("my-service")?
///     .client_secret_file("/run/secrets/my-service")?
///     .timeout(Duration::from_secs(10))?;
///
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
    values: Values,
}

impl Config {
    /// Returns a config with no option set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the option `name` to a `&str`, or unsets it with `None`. An unset option has the provider's value or the
    /// default. An unset `header.NAME` or `param.NAME` is not sent, even if the provider has it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name or a value that is not allowed. The message says what is allowed
    /// or which name was meant, and the config is unchanged.
    pub fn set<'a>(&mut self, name: &str, value: impl Into<Option<&'a str>>) -> Result<&mut Self, Error> {
        self.values.set(name, value.into())?;
        Ok(self)
    }

    /// Returns the checked settings. One error reports all that is missing or contradictory.
    pub(crate) fn settings(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Error> {
        effective::settings(&self.values, &environment::Environment(environment))
    }

    /// Returns the settings with this text in place of a provider file.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn settings_with_provider_file(
        &self,
        text: &str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Settings, Error> {
        effective::settings_with_provider_file(&self.values, text, &environment::Environment(environment))
    }
}

/// One method for each option. Each is [`set`](Config::set) with a type, and fails as it does.
impl Config {
    /// Sets `provider`, the name of a service whose settings are built in.
    pub fn provider(&mut self, name: &str) -> Result<&mut Self, Error> {
        self.set("provider", name)
    }

    /// Sets `provider_file`, a file that describes a server.
    pub fn provider_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("provider_file", path.as_ref())
    }

    /// Sets `variable.NAME`, which fills `{NAME}` in the values of the provider or the provider file.
    pub fn variable(&mut self, name: &str, value: &str) -> Result<&mut Self, Error> {
        self.set(&format!("variable.{name}"), value)
    }

    /// Sets `token_url`, the URL of the token endpoint.
    pub fn token_url(&mut self, url: &str) -> Result<&mut Self, Error> {
        self.set("token_url", url)
    }

    /// Sets `issuer`, the server's issuer identifier, where the token endpoint is looked up.
    pub fn issuer(&mut self, url: &str) -> Result<&mut Self, Error> {
        self.set("issuer", url)
    }

    /// Sets `client_id`.
    pub fn client_id(&mut self, id: &str) -> Result<&mut Self, Error> {
        self.set("client_id", id)
    }

    /// Sets `client_id_file`, a file that is read again at each fetch.
    pub fn client_id_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("client_id_file", path.as_ref())
    }

    /// Sets `client_secret`. It may be empty, for a client that has none.
    pub fn client_secret(&mut self, secret: &str) -> Result<&mut Self, Error> {
        self.set("client_secret", secret)
    }

    /// Sets `client_secret_file`, a file that is read again at each fetch.
    pub fn client_secret_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("client_secret_file", path.as_ref())
    }

    /// Sets `auth_method`, how the client authenticates.
    pub fn auth_method(&mut self, method: AuthMethod) -> Result<&mut Self, Error> {
        self.set("auth_method", method.word())
    }

    /// Sets `signing_key_file`, the private key that signs assertions.
    pub fn signing_key_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("signing_key_file", path.as_ref())
    }

    /// Sets `signing_key`, the same key as text.
    pub fn signing_key(&mut self, key: &str) -> Result<&mut Self, Error> {
        self.set("signing_key", key)
    }

    /// Sets `signing_key_id`, the `kid` in the header of assertions.
    pub fn signing_key_id(&mut self, id: &str) -> Result<&mut Self, Error> {
        self.set("signing_key_id", id)
    }

    /// Sets `signing_algorithm`, the algorithm that signs assertions.
    pub fn signing_algorithm(&mut self, algorithm: SigningAlgorithm) -> Result<&mut Self, Error> {
        self.set("signing_algorithm", algorithm.word())
    }

    /// Sets `signing_cert_file`, the certificate of the signing key, in PEM.
    pub fn signing_cert_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("signing_cert_file", path.as_ref())
    }

    /// Sets `signing_cert_header`, how the header of assertions names the certificate.
    pub fn signing_cert_header(&mut self, header: SigningCertHeader) -> Result<&mut Self, Error> {
        self.set("signing_cert_header", header.word())
    }

    /// Sets `assertion_audience`, the claim `aud` of assertions.
    pub fn assertion_audience(&mut self, audience: &str) -> Result<&mut Self, Error> {
        self.set("assertion_audience", audience)
    }

    /// Sets `assertion_lifetime`, the lifetime of an assertion.
    pub fn assertion_lifetime(&mut self, lifetime: Duration) -> Result<&mut Self, Error> {
        self.set_seconds("assertion_lifetime", lifetime)
    }

    /// Sets `assertion_typ`, the `typ` in the header of assertions.
    pub fn assertion_typ(&mut self, typ: &str) -> Result<&mut Self, Error> {
        self.set("assertion_typ", typ)
    }

    /// Sets `claim.NAME`, one more claim of assertions.
    pub fn claim(&mut self, name: &str, value: &str) -> Result<&mut Self, Error> {
        self.set(&format!("claim.{name}"), value)
    }

    /// Sets `client_assertion_file`, a file with a signed client assertion that another program renews.
    pub fn client_assertion_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("client_assertion_file", path.as_ref())
    }

    /// Sets `basic_encoding`, how the id and the secret are written into HTTP Basic.
    pub fn basic_encoding(&mut self, encoding: BasicEncoding) -> Result<&mut Self, Error> {
        self.set("basic_encoding", encoding.word())
    }

    /// Sets `body_format`, the format of the request body.
    pub fn body_format(&mut self, format: BodyFormat) -> Result<&mut Self, Error> {
        self.set("body_format", format.word())
    }

    /// Sets `grant_type`, for servers that use another word for the client-credentials grant. `none` sends none.
    pub fn grant_type(&mut self, grant_type: &str) -> Result<&mut Self, Error> {
        self.set("grant_type", grant_type)
    }

    /// Sets `scope`, the scopes to request, with one space between two.
    pub fn scope(&mut self, scope: &str) -> Result<&mut Self, Error> {
        self.set("scope", scope)
    }

    /// Sets `audience`, the API that the token is for.
    pub fn audience(&mut self, audience: &str) -> Result<&mut Self, Error> {
        self.set("audience", audience)
    }

    /// Sets `resource`, the absolute URIs of the APIs that the token is for (RFC 8707).
    pub fn resource(&mut self, uris: &[&str]) -> Result<&mut Self, Error> {
        self.set("resource", uris.join(" ").as_str())
    }

    /// Sets `assertion_file`, a file with the assertion of the grant.
    pub fn assertion_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("assertion_file", path.as_ref())
    }

    /// Sets `subject_token_file`, a file with the subject token of token exchange.
    pub fn subject_token_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("subject_token_file", path.as_ref())
    }

    /// Sets `subject_token_type`, the type of the subject token, a URI.
    pub fn subject_token_type(&mut self, uri: &str) -> Result<&mut Self, Error> {
        self.set("subject_token_type", uri)
    }

    /// Sets `requested_token_type`, the type of token to request in token exchange, a URI.
    pub fn requested_token_type(&mut self, uri: &str) -> Result<&mut Self, Error> {
        self.set("requested_token_type", uri)
    }

    /// Sets `refresh_token_file`, a file with a refresh token for `grant_type=refresh_token`.
    pub fn refresh_token_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("refresh_token_file", path.as_ref())
    }

    /// Sets `param.NAME`, an additional parameter of the request.
    pub fn param(&mut self, name: &str, value: &str) -> Result<&mut Self, Error> {
        self.set(&format!("param.{name}"), value)
    }

    /// Sets `header.NAME`, an additional header of the request.
    pub fn header(&mut self, name: &str, value: &str) -> Result<&mut Self, Error> {
        self.set(&format!("header.{name}"), value)
    }

    /// Sets `response.NAME`, the path of the member that holds the token (`access_token`) or its end (`expires_in`,
    /// `expires_at`).
    pub fn response(&mut self, name: &str, path: &str) -> Result<&mut Self, Error> {
        self.set(&format!("response.{name}"), path)
    }

    /// Sets `token_type`, the word by which this server means Bearer.
    pub fn token_type(&mut self, word: &str) -> Result<&mut Self, Error> {
        self.set("token_type", word)
    }

    /// Sets `timeout`, the longest time that one function call waits and that one fetch takes.
    pub fn timeout(&mut self, timeout: Duration) -> Result<&mut Self, Error> {
        self.set_seconds("timeout", timeout)
    }

    /// Sets `connect_timeout`, the longest time that one attempt takes to connect.
    pub fn connect_timeout(&mut self, timeout: Duration) -> Result<&mut Self, Error> {
        self.set_seconds("connect_timeout", timeout)
    }

    /// Sets `max_attempts`, the most requests that one fetch sends.
    pub fn max_attempts(&mut self, attempts: u32) -> Result<&mut Self, Error> {
        self.set("max_attempts", attempts.to_string().as_str())
    }

    /// Sets `refresh`, where fetches run.
    pub fn refresh(&mut self, refresh: Refresh) -> Result<&mut Self, Error> {
        self.set("refresh", refresh.word())
    }

    /// Sets `refresh_ahead`, how long before a token expires its replacement is fetched.
    pub fn refresh_ahead(&mut self, lead: Duration) -> Result<&mut Self, Error> {
        self.set_seconds("refresh_ahead", lead)
    }

    /// Sets `expiry_margin`, how long before its end a token counts as expired.
    pub fn expiry_margin(&mut self, margin: Duration) -> Result<&mut Self, Error> {
        self.set_seconds("expiry_margin", margin)
    }

    /// Sets `default_lifetime`, the lifetime of a token whose response does not give one.
    pub fn default_lifetime(&mut self, lifetime: Duration) -> Result<&mut Self, Error> {
        self.set_seconds("default_lifetime", lifetime)
    }

    /// Sets `max_lifetime`, the longest lifetime of a token, for a server that states too long a one.
    pub fn max_lifetime(&mut self, lifetime: Duration) -> Result<&mut Self, Error> {
        self.set_seconds("max_lifetime", lifetime)
    }

    /// Sets `ca`, the certificate authorities to trust.
    pub fn ca(&mut self, ca: Ca) -> Result<&mut Self, Error> {
        self.set("ca", ca.word())
    }

    /// Sets `ca_file`, a PEM file with the only certificate authorities to trust.
    pub fn ca_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("ca_file", path.as_ref())
    }

    /// Sets `client_cert_file`, the client certificate for mutual TLS, in PEM.
    pub fn client_cert_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("client_cert_file", path.as_ref())
    }

    /// Sets `client_key_file`, the private key of the client certificate, in PEM.
    pub fn client_key_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        self.set_path("client_key_file", path.as_ref())
    }

    /// Sets `proxy`, the URL of an HTTP proxy, or `none`.
    pub fn proxy(&mut self, url: &str) -> Result<&mut Self, Error> {
        self.set("proxy", url)
    }

    /// Sets `user_agent`, the value of the User-Agent header.
    pub fn user_agent(&mut self, user_agent: &str) -> Result<&mut Self, Error> {
        self.set("user_agent", user_agent)
    }

    /// Sets `allow_insecure_http`, whether an http URL may name another machine.
    pub fn allow_insecure_http(&mut self, allow: bool) -> Result<&mut Self, Error> {
        self.set("allow_insecure_http", parsers::boolean_word(allow))
    }

    fn set_seconds(&mut self, name: &str, span: Duration) -> Result<&mut Self, Error> {
        self.set(name, in_seconds(span).as_str())
    }

    fn set_path(&mut self, name: &str, path: &Path) -> Result<&mut Self, Error> {
        let not_utf8 = || {
            Error::new(ErrorKind::InvalidArgument, format!("option {name}: the path is not UTF-8; give another name"))
        };
        self.set(name, path.to_str().ok_or_else(not_utf8)?)
    }
}

/// Shows the options that are set; `[redacted]` stands for each value that is a secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.fmt(f)
    }
}

#[cfg(test)]
impl Settings {
    /// Returns the settings of a client that sets only what it must.
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

    const REQUIRED: [(&str, &str); 3] =
        [("token_url", "https://h/t"), ("client_id", "id"), ("client_secret", "hunter2")];

    #[test]
    fn the_last_value_set_counts_and_a_rejected_one_changes_nothing() {
        let mut config = config(&REQUIRED);
        config.set("timeout", "5").unwrap().set("timeout", "6").unwrap();
        config.set("header.A", "1").unwrap().set("header.a", "2").unwrap();
        config.set("timeout", "x").unwrap_err();
        let settings = config.settings(&|_| None).unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(6));
        assert_eq!(settings.headers.len(), 1);
        assert_eq!(settings.headers[0].1.expose(), "2");
    }

    #[test]
    fn none_unsets_an_option() {
        let mut config = config(&REQUIRED);
        config.set("timeout", "5").unwrap().set("scope", "a").unwrap().set("param.x", "1").unwrap();
        for name in ["timeout", "scope", "param.x", "audience", "header.never-set"] {
            config.set(name, None).unwrap();
        }
        let settings = config.settings(&|_| None).unwrap();
        assert_eq!((settings.timeout, settings.scope), (Duration::from_secs(30), None));
        assert!(settings.params.is_empty());
        assert_eq!(config.set("nonsense", None).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    /// A method of `Config`, called with a value, and the text that means the same.
    type TypedSetter = (&'static str, fn(&mut Config) -> Result<&mut Config, Error>, &'static str);

    const TYPED_SETTERS: &[TypedSetter] = &[
        ("provider", |config| config.provider("gardin"), "gardin"),
        ("provider_file", |config| config.provider_file("/p"), "/p"),
        ("variable.NAME", |config| config.variable("NAME", "v"), "v"),
        ("token_url", |config| config.token_url("https://h/"), "https://h/"),
        ("issuer", |config| config.issuer("https://h"), "https://h"),
        ("client_id", |config| config.client_id("id"), "id"),
        ("client_id_file", |config| config.client_id_file("/i"), "/i"),
        ("client_secret", |config| config.client_secret("hunter2"), "hunter2"),
        ("client_secret_file", |config| config.client_secret_file(Path::new("/s")), "/s"),
        ("auth_method", |config| config.auth_method(AuthMethod::ClientSecretPost), "client_secret_post"),
        ("signing_key_file", |config| config.signing_key_file("/k"), "/k"),
        ("signing_key", |config| config.signing_key("k"), "k"),
        ("signing_key_id", |config| config.signing_key_id("id"), "id"),
        ("signing_algorithm", |config| config.signing_algorithm(SigningAlgorithm::Es384), "ES384"),
        ("signing_cert_file", |config| config.signing_cert_file("/c"), "/c"),
        ("signing_cert_header", |config| config.signing_cert_header(SigningCertHeader::X5c), "x5c"),
        ("assertion_audience", |config| config.assertion_audience("a"), "a"),
        ("assertion_lifetime", |config| config.assertion_lifetime(Duration::from_secs(30)), "30"),
        ("assertion_typ", |config| config.assertion_typ("t"), "t"),
        ("claim.NAME", |config| config.claim("NAME", "c"), "c"),
        ("client_assertion_file", |config| config.client_assertion_file("/a"), "/a"),
        ("basic_encoding", |config| config.basic_encoding(BasicEncoding::Raw), "raw"),
        ("body_format", |config| config.body_format(BodyFormat::Json), "json"),
        ("grant_type", |config| config.grant_type("g"), "g"),
        ("scope", |config| config.scope("a b"), "a b"),
        ("audience", |config| config.audience("a"), "a"),
        ("resource", |config| config.resource(&["urn:a", "urn:b"]), "urn:a urn:b"),
        ("assertion_file", |config| config.assertion_file("/a"), "/a"),
        ("subject_token_file", |config| config.subject_token_file("/s"), "/s"),
        ("subject_token_type", |config| config.subject_token_type("urn:a"), "urn:a"),
        ("requested_token_type", |config| config.requested_token_type("urn:b"), "urn:b"),
        ("refresh_token_file", |config| config.refresh_token_file("/r"), "/r"),
        ("param.NAME", |config| config.param("NAME", "p"), "p"),
        ("header.NAME", |config| config.header("NAME", "h"), "h"),
        ("response.access_token", |config| config.response("access_token", "a.b"), "a.b"),
        ("response.expires_in", |config| config.response("expires_in", "c"), "c"),
        ("response.expires_at", |config| config.response("expires_at", "d.e"), "d.e"),
        ("token_type", |config| config.token_type("JWT"), "JWT"),
        ("timeout", |config| config.timeout(Duration::new(30, 1)), "30.000000001"),
        ("connect_timeout", |config| config.connect_timeout(Duration::from_millis(500)), "0.5"),
        ("max_attempts", |config| config.max_attempts(7), "7"),
        ("refresh", |config| config.refresh(Refresh::Inline), "inline"),
        ("refresh_ahead", |config| config.refresh_ahead(Duration::ZERO), "0"),
        ("expiry_margin", |config| config.expiry_margin(Duration::from_secs(9)), "9"),
        ("default_lifetime", |config| config.default_lifetime(Duration::from_secs(99)), "99"),
        ("max_lifetime", |config| config.max_lifetime(Duration::from_secs(98)), "98"),
        ("ca", |config| config.ca(Ca::Bundled), "bundled"),
        ("ca_file", |config| config.ca_file("/ca"), "/ca"),
        ("client_cert_file", |config| config.client_cert_file(String::from("/c")), "/c"),
        ("client_key_file", |config| config.client_key_file("/k"), "/k"),
        ("proxy", |config| config.proxy("none"), "none"),
        ("user_agent", |config| config.user_agent("me"), "me"),
        ("allow_insecure_http", |config| config.allow_insecure_http(true), "true"),
    ];

    #[test]
    fn each_option_has_a_method_that_sets_the_same() {
        let methods: Vec<_> = TYPED_SETTERS.iter().map(|(name, ..)| *name).collect();
        let options: Vec<_> = options().iter().map(OptionInfo::name).collect();
        assert_eq!(methods, options);
        for &(name, method, text) in TYPED_SETTERS {
            let mut typed = Config::new();
            method(&mut typed).unwrap();
            assert_eq!(format!("{typed:?}"), format!("{:?}", config(&[(name, text)])), "{name}");
            assert_ne!(format!("{typed:?}"), format!("{:?}", Config::new()), "{name}");
        }
    }

    #[test]
    fn a_secret_is_set_by_its_method_too() {
        let mut config = Config::new();
        config.client_secret("hunter2").unwrap().param("a", "b").unwrap().header("X-Key", "c").unwrap();
        let values = config.proxy("http://h").unwrap().values.clone();
        assert_eq!(values.client_secret.unwrap().expose(), "hunter2");
        assert_eq!(values.params["a"].as_ref().unwrap().expose(), "b");
        assert_eq!(values.headers["x-key"].as_ref().unwrap().expose(), "c");
        assert!(matches!(values.proxy, Some(ProxyChoice::Through(proxy)) if proxy.host == "h"));
    }

    #[test]
    fn a_duration_is_kept_to_the_nanosecond() {
        let mut config = config(&REQUIRED);
        for span in [Duration::new(1, 999_999_999), Duration::from_nanos(1), Duration::from_secs(315_576_000)] {
            let settings = config.timeout(span).unwrap().settings(&|_| None).unwrap();
            assert_eq!(settings.timeout, span);
        }
    }

    #[test]
    fn a_method_checks_its_value_as_the_table_says() {
        let mut config = Config::new();
        let rejected = |result: Result<&mut Config, Error>| {
            let error = result.map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            error.message().to_owned()
        };
        assert!(rejected(config.timeout(Duration::ZERO)).contains("option timeout: \"0\" is not above 0"));
        assert!(rejected(config.refresh_ahead(Duration::MAX)).contains("is above 10 years"));
        assert!(rejected(config.max_attempts(101)).contains("out of range"));
        assert!(rejected(config.resource(&[])).contains("the value is empty"));
        assert!(rejected(config.param("scope", "x")).contains("an option of its own"));
        assert!(rejected(config.header("a b", "x")).contains("not the name of a header"));
        #[cfg(unix)]
        {
            let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"/\xff");
            assert!(rejected(config.ca_file(name)).contains("option ca_file: the path is not UTF-8"));
        }
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let secrets: Vec<_> = options().iter().filter(|option| option.is_secret()).collect();
        assert_eq!(secrets.len(), 6);
        let mut config = config(&[("token_url", "http://h/"), ("client_id", "me")]);
        for option in secrets {
            let value = match option.name() {
                "proxy" => "http://hunter2:hunter2@hunter2",
                "client_secret" => "hunter2-hunter2-hunter2-hunter2-hunter2",
                _ => "hunter2",
            };
            config.set(&option.name().replace("NAME", "x"), value).unwrap();
        }
        config.set("param.y", None).unwrap();
        let error = config.settings(&|_| None).unwrap_err();
        config.set("allow_insecure_http", "true").unwrap().set("auth_method", "client_secret_jwt").unwrap();
        let debug_of_all = format!("{config:?}");
        config.set("signing_key", None).unwrap();
        let settings = config.settings(&|_| None).unwrap();
        let debug = format!("{config:?}");
        assert!(debug.contains(r#""client_id": "me""#) && debug.contains(r#""param.y": None"#), "{debug}");
        let proxy = settings.proxies.proxies().next().unwrap();
        let proxy = Proxy { host: String::new(), ..proxy.clone() };
        let settings = Settings { proxies: ProxyRules::Option(ProxyChoice::Through(proxy)), ..settings };
        assert!(!format!("{error} {error:?} {debug_of_all} {debug} {settings:?}").contains("hunter2"));
    }
}
