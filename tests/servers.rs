//! Third-party authorization servers, each in a usual setup, through the C library: what they grant, what they reject, and
//! whether the error then names the option to change. This file has clients with a shared secret, and `servers/signed.rs` has
//! clients without one.
//!
//! `make servers` installs them. Each server starts with the first test that needs it, and ends with this program.
#![cfg(target_os = "linux")]

mod common;

#[path = "servers/signed.rs"]
mod signed;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use common::build::make;
use common::capi::{Config, Error, REQUESTS, Source, Token};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

type Options<'a> = &'a [(&'a str, &'a str)];

const POST: (&str, &str) = ("auth_method", "client_secret_post");
const BASIC: (&str, &str) = ("auth_method", "client_secret_basic");
const RAW: (&str, &str) = ("basic_encoding", "raw");
const RFC6749: (&str, &str) = ("basic_encoding", "rfc6749");
const FORM: (&str, &str) = ("body_format", "form");
const JSON: (&str, &str) = ("body_format", "json");
const WRONG: (&str, &str) = ("client_secret", "not-the-right-horse-battery");

static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| make("servers").join("servers"));

const TEMPORARY: &str = env!("CARGO_TARGET_TMPDIR");

static DJANGO: LazyLock<Server> =
    LazyLock::new(|| Server::python("django", &["JSONOAuthLibCore", TEMPORARY], "podero", 36_000));

/// Like Podero with forms. Podero may change to them, since the JSON backend is deprecated.
static DJANGO_WITH_FORMS: LazyLock<Server> =
    LazyLock::new(|| Server::python("django", &["OAuthLibCore", TEMPORARY], "podero", 36_000));

static AUTHLIB: LazyLock<Server> = LazyLock::new(|| Server::python("authlib", &[&signed::KEYS], "gardin", 3600));

static OIDC_PROVIDER: LazyLock<Server> = LazyLock::new(|| Server::node("oidc-provider", &[&signed::KEYS], "", 600));

static NODE_OAUTH2_SERVER: LazyLock<Server> = LazyLock::new(|| Server::node("node-oauth2-server", &[], "gardin", 3600));

struct Server {
    /// Ends when its standard input does, with this program at the latest.
    _process: Child,
    url: String,
    /// The option `provider`; empty for none.
    provider: &'static str,
    /// The lifetime of its tokens, in seconds.
    lifetime: i64,
}

impl Server {
    fn python(name: &str, arguments: &[&str], provider: &'static str, lifetime: i64) -> Self {
        let mut command = Command::new(INSTALLED.join("python/venv/bin/python"));
        command.arg("-B").arg(format!("tests/servers/{name}/server.py")).args(arguments);
        Self::start(command, name, provider, lifetime)
    }

    fn node(name: &str, arguments: &[&str], provider: &'static str, lifetime: i64) -> Self {
        let mut command = Command::new("node");
        command.arg(format!("tests/servers/{name}/server.mjs")).arg(INSTALLED.join("node")).args(arguments);
        Self::start(command, name, provider, lifetime)
    }

    fn start(mut command: Command, name: &str, provider: &'static str, lifetime: i64) -> Self {
        // Some servers start twice, each with other arguments.
        static STARTED: AtomicUsize = AtomicUsize::new(1);
        let nth = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = Path::new(TEMPORARY).join(format!("server-{nth}-{name}.log"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut process = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let loopback = url.starts_with("http://127.0.0.1:") || url.starts_with("https://127.0.0.1:");
        assert!(loopback, "{name}: {url:?}\n{}", fs::read_to_string(log).unwrap());
        Self { _process: process, url: url.trim_end().to_owned(), provider, lifetime }
    }

    /// Makes a source for a client in `tests/servers/clients.json`. An option that is set twice has its last value.
    fn source(&self, client: &str, options: Options) -> Source {
        let secret = known(client).map_or("none", |known| known["secret"].as_str().unwrap());
        let mut config = Config::new();
        config.set("provider", Some(self.provider).filter(|name| !name.is_empty())).unwrap();
        let always = [("token_url", self.url.as_str()), ("client_id", client), ("client_secret", secret)];
        for (name, value) in always.iter().chain(options) {
            config.set(name, *value).unwrap();
        }
        Source::new(&config).unwrap()
    }

    /// Asserts that the server grants a token, whose parts agree with the response.
    fn assert_granted(&self, client: &str, options: Options) -> Token {
        self.assert_grants(&self.source(client, options), &format!("{client} {options:?}"))
    }

    /// Does the same for a source, with one request.
    fn assert_grants(&self, source: &Source, what: &str) -> Token {
        let before = unix_seconds();
        let token = source.get().unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let after = unix_seconds();
        // glewlwyd writes it in lower case.
        assert!(token.token_type().eq_ignore_ascii_case("Bearer"), "{}", token.token_type());
        assert_eq!(token.authorization(), format!("Bearer {}", token.access_token()));
        let response: Value = serde_json::from_str(&token.response()).unwrap();
        // node-oauth2-server counts from the time of its response, which may be a second after it made the token.
        let granted = response["expires_in"].as_i64().unwrap();
        assert!((self.lifetime - 60..=self.lifetime).contains(&granted), "{granted}");
        let left = token.expires_in();
        assert!((granted as f64 - 60.0..=granted as f64).contains(&left), "{left} of {granted}");
        let expiry = before + granted - 1..=after + granted + 1;
        assert!(expiry.contains(&token.expires_at()), "{} is not in {expiry:?}", token.expires_at());
        assert_eq!(response.get("access_token"), None);
        assert_eq!((source.generation(), source.stat(REQUESTS)), (token.generation(), 1));
        token
    }

    /// Asserts that the error has these parts, this hint and no secret, and that a second call returns it without a request.
    #[track_caller]
    fn assert_rejected(&self, client: &str, options: Options, expected: (&str, i32, &str), hint: &str) -> Error {
        let source = self.source(client, options);
        let error = source.get().expect_err("an error");
        let message = error.message();
        let parts = (error.status(), error.http_status(), error.oauth_error().unwrap_or_default());
        assert_eq!((parts.0.as_str(), parts.1, parts.2.as_str()), expected, "{message}");
        assert!(message.contains(hint), "{message}");
        assert!(message.chars().all(|c| !c.is_control()), "{message:?}");

        let secret = options.iter().rev().find(|(name, _)| *name == "client_secret").map(|(_, value)| *value);
        let secret = secret.or_else(|| known(client)?["secret"].as_str()).unwrap_or("none");
        let basic = BASE64_STANDARD.encode(format!("{client}:{secret}"));
        for text in [Some(message.clone()), error.oauth_description()].into_iter().flatten() {
            assert!(!text.contains(secret) && !text.contains(&basic), "{text}");
        }

        assert!(!error.is_transient() && (50.0..=60.0).contains(&error.retry_after()), "{}", error.retry_after());
        assert_eq!(source.get().unwrap_err().message(), message);
        assert_eq!(source.stat(REQUESTS), 1);
        error
    }

    /// Asserts that a token is replaced before it expires.
    fn assert_refreshed(&self, options: Options) {
        let source = self.source("brief", options);
        let first = source.get().unwrap();
        let second = (0..3000).find_map(|_| {
            thread::sleep(Duration::from_millis(10));
            Some(source.get().unwrap()).filter(|token| token.generation() != first.generation())
        });
        assert_ne!(second.expect("a second token within thirty seconds").access_token(), first.access_token());
    }

    /// Asserts that concurrent callers share one request to a slow server.
    fn assert_shared(&self, client: &str) {
        let source = self.source(client, &[]);
        assert!(source.get_within(0.0).unwrap().is_none(), "the server is not slow");
        let generations: Vec<u32> = thread::scope(|scope| {
            let callers: Vec<_> = (0..32).map(|_| scope.spawn(|| source.get().unwrap().generation())).collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        assert!(generations.iter().all(|generation| *generation == generations[0] && *generation != 0));
        assert_eq!(source.stat(REQUESTS), 1);
    }

    /// Asserts that a rejected token is replaced.
    fn assert_replaced(&self) {
        let source = self.source("plain", &[]);
        let first = source.get().unwrap();
        source.invalidate(&first);
        assert_eq!(source.generation(), 0);
        assert_ne!(source.get().unwrap().access_token(), first.access_token());
        assert_eq!(source.stat(REQUESTS), 2);
    }

    fn origin(&self) -> &str {
        let path = self.url.match_indices('/').nth(2).unwrap().0;
        &self.url[..path]
    }
}

/// Returns a client in `tests/servers/clients.json`.
fn known(client: &str) -> Option<&'static Value> {
    static CLIENTS: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(include_str!("servers/clients.json")).unwrap());
    CLIENTS.get(client)
}

fn unix_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// Returns the claims of a signed token.
fn claims(token: &Token) -> Value {
    let token = token.access_token();
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "a signed token");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap()
}

fn lifetime(claims: &Value) -> i64 {
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}

/// The hint in every error about client authentication.
const CHECK_CLIENT: &str = "check client_id, client_secret and which environment they are for";

const INVALID_CLIENT: (&str, i32, &str) = ("TKS_OAUTH", 401, "invalid_client");
const INVALID_CLIENT_400: (&str, i32, &str) = ("TKS_OAUTH", 400, "invalid_client");
const INVALID_REQUEST: (&str, i32, &str) = ("TKS_OAUTH", 400, "invalid_request");
const INVALID_SCOPE: (&str, i32, &str) = ("TKS_OAUTH", 400, "invalid_scope");
const INVALID_TARGET: (&str, i32, &str) = ("TKS_OAUTH", 400, "invalid_target");
const UNSUPPORTED_GRANT_TYPE: (&str, i32, &str) = ("TKS_OAUTH", 400, "unsupported_grant_type");

#[test]
fn django_grants_opaque_tokens_to_json_requests() {
    for client in ["plain", "odd+id %20", "accented", "hashed"] {
        for options in [&[][..], &[POST]] {
            let token = DJANGO.assert_granted(client, options);
            assert_eq!(token.scope().as_deref(), Some("read write"));
            assert_eq!(token.access_token().len(), 30);
        }
    }
    // Both encodings are the same for a secret such as Podero's.
    DJANGO.assert_granted("plain", &[RAW]);
    assert_eq!(DJANGO.assert_granted("plain", &[("scope", "read")]).scope().as_deref(), Some("read"));
}

#[test]
fn django_decodes_http_basic() {
    for client in ["odd+id %20", "accented", "hashed"] {
        DJANGO.assert_rejected(client, &[RAW], INVALID_CLIENT, "try basic_encoding=rfc6749");
    }
}

#[test]
fn a_rejection_by_django_leads_to_a_hint() {
    DJANGO.assert_rejected("plain", &[WRONG], INVALID_CLIENT, CHECK_CLIENT);
    DJANGO.assert_rejected("plain", &[WRONG, POST], INVALID_CLIENT, CHECK_CLIENT);
    DJANGO.assert_rejected(
        "hashed",
        &[("client_secret", "% + : @ e horse-battery")],
        INVALID_CLIENT,
        "try basic_encoding=raw",
    );
    DJANGO.assert_rejected("nobody", &[], INVALID_CLIENT, CHECK_CLIENT);
    for scope in ["nonsense", "read nonsense"] {
        DJANGO.assert_rejected("plain", &[("scope", scope)], INVALID_SCOPE, "check scope");
    }
    let grant_type = ("grant_type", "account_credentials");
    DJANGO.assert_rejected("plain", &[grant_type], UNSUPPORTED_GRANT_TYPE, "does not offer this grant_type");
}

#[test]
fn django_accepts_only_the_body_format_of_its_backend() {
    for options in [&[FORM][..], &[FORM, POST]] {
        DJANGO.assert_rejected("plain", options, UNSUPPORTED_GRANT_TYPE, "may want body_format=json");
        DJANGO_WITH_FORMS.assert_granted("odd+id %20", options);
    }
    DJANGO_WITH_FORMS.assert_rejected("plain", &[], UNSUPPORTED_GRANT_TYPE, "may want body_format=form");
    DJANGO_WITH_FORMS.assert_rejected("plain", &[POST], UNSUPPORTED_GRANT_TYPE, "may want body_format=form");
    DJANGO_WITH_FORMS.assert_granted("accented", &[FORM]);
}

#[test]
fn django_redirects_to_the_path_with_a_slash() {
    let without = DJANGO.url.trim_end_matches('/');
    let hint = format!("points to {without}/; only a trailing slash differs: set token_url to it");
    DJANGO.assert_rejected("plain", &[("token_url", without)], ("TKS_HTTP", 301, ""), &hint);
    let elsewhere = format!("{}/o/token/", DJANGO.origin());
    DJANGO.assert_rejected("plain", &[("token_url", &elsewhere)], ("TKS_HTTP", 404, ""), "check the path of token_url");
}

#[test]
fn concurrent_callers_send_one_request_to_a_slow_django() {
    DJANGO.assert_shared("hashed");
}

#[test]
fn authlib_grants_signed_tokens_to_forms() {
    for (client, options) in [
        ("plain", &[][..]),
        ("plain", &[RFC6749]),
        ("posting", &[POST]),
        ("odd+id %20", &[RFC6749]),
        ("odd+id posting", &[POST]),
        ("accented", &[RFC6749]),
    ] {
        let token = AUTHLIB.assert_granted(client, options);
        assert_eq!(token.scope(), None);
        let claims = claims(&token);
        assert_eq!((claims["client_id"].as_str(), lifetime(&claims)), (Some(client), AUTHLIB.lifetime));
    }
    assert_eq!(AUTHLIB.assert_granted("plain", &[("scope", "read write")]).scope().as_deref(), Some("read write"));
}

#[test]
fn a_rejection_by_authlib_leads_to_a_hint() {
    AUTHLIB.assert_rejected("plain", &[WRONG], INVALID_CLIENT, CHECK_CLIENT);
    AUTHLIB.assert_rejected("posting", &[WRONG, POST], INVALID_CLIENT, CHECK_CLIENT);
    AUTHLIB.assert_rejected("nobody", &[], INVALID_CLIENT, "The client does not exist");
    AUTHLIB.assert_rejected("nobody", &[POST], INVALID_CLIENT_400, "The client does not exist");
    AUTHLIB.assert_rejected("odd+id %20", &[RAW], INVALID_CLIENT, "try basic_encoding=rfc6749");
    AUTHLIB.assert_rejected("plain", &[JSON], UNSUPPORTED_GRANT_TYPE, "may want body_format=form");
    AUTHLIB.assert_rejected("plain", &[("scope", "read nonsense")], INVALID_SCOPE, "check scope");
    let slash = format!("{}/", AUTHLIB.url);
    let hint = "also whether it ends in a slash";
    AUTHLIB.assert_rejected("plain", &[("token_url", &slash)], ("TKS_HTTP", 404, ""), hint);
}

#[test]
fn authlib_accepts_only_the_registered_authentication_method() {
    AUTHLIB.assert_rejected("plain", &[POST], INVALID_CLIENT, "auth_method=client_secret_basic");
    AUTHLIB.assert_rejected("posting", &[BASIC], INVALID_CLIENT, "auth_method=client_secret_post");
    for encoding in [RAW, RFC6749] {
        AUTHLIB.assert_rejected("odd+id posting", &[encoding], INVALID_CLIENT, "auth_method=client_secret_post");
    }
}

#[test]
fn oidc_provider_grants_tokens() {
    for (client, options) in
        [("plain", &[][..]), ("plain", &[RAW]), ("posting", &[POST]), ("odd+id %20", &[]), ("odd+id posting", &[POST])]
    {
        assert_eq!(OIDC_PROVIDER.assert_granted(client, options).scope(), None);
    }
    assert_eq!(
        OIDC_PROVIDER.assert_granted("plain", &[("scope", "write read")]).scope().as_deref(),
        Some("write read")
    );
    // It drops an unknown scope, and the response names the granted scope only if one is left.
    assert_eq!(OIDC_PROVIDER.assert_granted("plain", &[("scope", "read nonsense")]).scope().as_deref(), Some("read"));
    assert_eq!(OIDC_PROVIDER.assert_granted("plain", &[("scope", "nonsense")]).scope(), None);
}

#[test]
fn oidc_provider_signs_a_token_for_a_resource() {
    let (api, other) = ("https://api.example/", "https://other.example/");
    let token = OIDC_PROVIDER.assert_granted("plain", &[("resource", api), ("scope", "read")]);
    assert_eq!(token.scope().as_deref(), Some("read"));
    let claims = claims(&token);
    assert_eq!((claims["aud"].as_str(), lifetime(&claims)), (Some(api), OIDC_PROVIDER.lifetime));
    for resource in [other.to_owned(), format!("{api} {other}")] {
        OIDC_PROVIDER.assert_rejected(
            "plain",
            &[("resource", &resource)],
            INVALID_TARGET,
            "check resource and audience",
        );
    }
}

#[test]
fn a_rejection_by_oidc_provider_leads_to_a_hint() {
    OIDC_PROVIDER.assert_rejected("plain", &[WRONG], INVALID_CLIENT, CHECK_CLIENT);
    OIDC_PROVIDER.assert_rejected("posting", &[WRONG, POST], INVALID_CLIENT, CHECK_CLIENT);
    OIDC_PROVIDER.assert_rejected("nobody", &[], INVALID_CLIENT, CHECK_CLIENT);
    OIDC_PROVIDER.assert_rejected("odd+id %20", &[RAW], INVALID_REQUEST, "try basic_encoding=rfc6749");
    OIDC_PROVIDER.assert_rejected("plain", &[JSON], INVALID_REQUEST, "may want body_format=form");
    let grant_type = ("grant_type", "account_credentials");
    OIDC_PROVIDER.assert_rejected("plain", &[grant_type], UNSUPPORTED_GRANT_TYPE, "does not offer this grant_type");
    let elsewhere = format!("{}/oauth2/token", OIDC_PROVIDER.origin());
    OIDC_PROVIDER.assert_rejected(
        "plain",
        &[("token_url", &elsewhere)],
        ("TKS_HTTP", 404, ""),
        "check the path of token_url",
    );
}

#[test]
fn node_oauth2_server_does_not_decode_http_basic() {
    for (client, options) in [("plain", &[][..]), ("plain", &[RFC6749]), ("odd+id %20", &[]), ("odd+id %20", &[POST])] {
        let token = NODE_OAUTH2_SERVER.assert_granted(client, options);
        assert_eq!(token.scope().as_deref(), Some("read write"));
    }
    NODE_OAUTH2_SERVER.assert_rejected("odd+id %20", &[RFC6749], INVALID_CLIENT, "try basic_encoding=raw");
}

#[test]
fn a_rejection_by_node_oauth2_server_leads_to_a_hint() {
    NODE_OAUTH2_SERVER.assert_rejected("plain", &[WRONG], INVALID_CLIENT, CHECK_CLIENT);
    NODE_OAUTH2_SERVER.assert_rejected("plain", &[WRONG, POST], INVALID_CLIENT_400, CHECK_CLIENT);
    NODE_OAUTH2_SERVER.assert_rejected("nobody", &[], INVALID_CLIENT, CHECK_CLIENT);
    NODE_OAUTH2_SERVER.assert_rejected("plain", &[JSON], INVALID_REQUEST, "may want body_format=form");
    NODE_OAUTH2_SERVER.assert_rejected("plain", &[("scope", "nonsense")], INVALID_SCOPE, "check scope");
}

#[test]
fn the_tokens_of_every_server_are_refreshed() {
    let inline = [("refresh", "inline")];
    thread::scope(|scope| {
        for options in [&[][..], &inline] {
            for server in [&DJANGO, &AUTHLIB, &OIDC_PROVIDER, &NODE_OAUTH2_SERVER] {
                scope.spawn(move || server.assert_refreshed(options));
            }
        }
    });
}

#[test]
fn a_rejected_token_of_every_server_is_replaced() {
    for server in [&DJANGO, &AUTHLIB, &OIDC_PROVIDER, &NODE_OAUTH2_SERVER] {
        server.assert_replaced();
    }
}

// SOCKS5 proxies.

/// A SOCKS5 proxy of Debian, which ends when it is dropped.
struct SocksProxy {
    process: Child,
    port: u16,
}

impl SocksProxy {
    fn microsocks(arguments: &[&str]) -> Self {
        let port = free_port();
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(arguments);
        Self::start(command, port)
    }

    fn dante() -> Self {
        let port = free_port();
        let config = Path::new(TEMPORARY).join(format!("danted-{port}.conf"));
        let text = format!(
            "logoutput: stderr\ninternal: 127.0.0.1 port = {port}\nexternal: 127.0.0.1\nclientmethod: none\n\
             socksmethod: none\nclient pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n\
             socks block {{ from: 0.0.0.0/0 to: 0.0.0.0/0 port = 1 }}\nsocks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n"
        );
        fs::write(&config, text).unwrap();
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.env("PATH", path).args(["-c", "exec danted -f \"$0\""]).arg(config);
        Self::start(command, port)
    }

    fn start(mut command: Command, port: u16) -> Self {
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let proxy = Self { process, port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return proxy;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{command:?} does not listen");
    }

    /// Fetches a token through this proxy. Returns the message of the error, if there is one.
    fn fetch(&self, scheme: &str, user: &str, url: &str, ca_file: &str) -> Result<String, String> {
        let proxy = format!("{scheme}://{user}127.0.0.1:{}", self.port);
        let mut config = Config::new();
        for (name, value) in [
            ("token_url", url),
            ("client_id", "me"),
            ("client_secret", "s"),
            ("proxy", &proxy),
            ("ca_file", ca_file),
            ("max_attempts", "1"),
        ] {
            config.set(name, value).unwrap();
        }
        let source = Source::new(&config).unwrap();
        source.get().map(|token| token.access_token()).map_err(|error| error.message())
    }
}

impl Drop for SocksProxy {
    fn drop(&mut self) {
        // Dante ends its children only if it may.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_token_comes_through_the_socks_proxies_of_debian() {
    use tokensource_testserver::{Authority, Leaf, Server as TokenServer, ServerOptions};
    let authority = Authority::new();
    let ca = Path::new(TEMPORARY).join("socks-ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let ca = ca.to_str().unwrap();
    let plain = TokenServer::start(ServerOptions::default());
    let tls = TokenServer::start(ServerOptions { tls: Some(authority.tls(Leaf::Good)), ..ServerOptions::default() });
    let named = tls.url().replace("127.0.0.1", "localhost");
    for proxy in [SocksProxy::microsocks(&[]), SocksProxy::dante()] {
        for scheme in ["socks5", "socks5h"] {
            for url in [&plain.url(), &tls.url(), &named] {
                proxy.fetch(scheme, "", url, ca).unwrap_or_else(|error| panic!("{scheme} {url}: {error}"));
            }
        }
        // The credentials are not asked for.
        proxy.fetch("socks5h", "me:pw@", &named, ca).unwrap();
        let nobody = format!("https://localhost:{}/", free_port());
        let error = proxy.fetch("socks5h", "", &nobody, ca).unwrap_err();
        assert!(error.contains("could not reach localhost:"), "{error}");
    }
    let error = SocksProxy::dante().fetch("socks5h", "", "https://localhost:1/", ca).unwrap_err();
    assert!(error.contains("refuses to connect to localhost:1 (its rules do not allow it)"), "{error}");

    let strict = SocksProxy::microsocks(&["-u", "me", "-P", "p:@ss"]);
    strict.fetch("socks5h", "me:p%3A%40ss@", &named, ca).unwrap();
    let error = strict.fetch("socks5h", "me:p%3A%40st@", &named, ca).unwrap_err();
    assert!(error.contains("refused the credentials") && !error.contains("@st"), "{error}");
    let error = strict.fetch("socks5", "", &named, ca).unwrap_err();
    assert!(error.contains("wants a user and password: put them into proxy"), "{error}");
}
