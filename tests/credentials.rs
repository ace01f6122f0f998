//! Credentials over time, through the C library and over TLS: files that are rotated, rewritten and lost, clocks that are
//! wrong, one assertion for each attempt, and the bytes of each grant that machines use.
#![cfg(target_os = "linux")]

mod common;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::capi::{Config, Error, FAILURES, REQUESTS, Source, TOKENS};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};
use tokensource_testserver::{
    Assertions, Authority, ClientKey, Leaf, Request, Response, Script, Server, ServerOptions,
};

type Options<'a> = &'a [(&'a str, &'a str)];

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const SAML2_BEARER: &str = "urn:ietf:params:oauth:grant-type:saml2-bearer";
const CLIENT_ASSERTION: &str = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// A server over TLS that knows one key, and the files of its client.
struct World {
    server: Server,
    key: ClientKey,
    folder: PathBuf,
}

impl World {
    /// `name` is that of the test: each has a directory of its own.
    fn new(name: &str, script: &str, options: impl FnOnce(&ClientKey) -> ServerOptions) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("credentials").join(name);
        fs::create_dir_all(&folder).unwrap();
        let (authority, key) = (Authority::new(), ClientKey::p256());
        fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.join("key.pem"), &key.pem).unwrap();
        let script = Script::parse(script).unwrap();
        let server = Server::start(ServerOptions { script, tls: Some(authority.tls(Leaf::Good)), ..options(&key) });
        Self { server, key, folder }
    }

    /// A server that requires assertions by the key.
    fn verifying(name: &str, script: &str, skew: i64) -> Self {
        Self::new(name, script, |key| ServerOptions {
            assertions: Some(Assertions::by(key)),
            skew,
            ..ServerOptions::default()
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).into_os_string().into_string().unwrap()
    }

    /// Writes a file as a program does that renews it: all at once.
    fn write(&self, name: &str, text: &str) -> String {
        let new = self.folder.join(format!("{name}.new"));
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.join(name)).unwrap();
        self.path(name)
    }

    fn source(&self, options: Options) -> Source {
        let (url, ca_file) = (self.server.url(), self.path("ca.pem"));
        let mut config = Config::new();
        let always = [("token_url", url.as_str()), ("ca_file", &ca_file), ("client_id", "test-client")];
        for (name, value) in always.iter().chain(options) {
            config.set(name, *value).unwrap();
        }
        Source::new(&config).unwrap_or_else(|error| panic!("{options:?}: {error:?}"))
    }

    fn signing(&self, options: Options) -> Source {
        self.source(&[&[("signing_key_file", self.path("key.pem").as_str())], options].concat())
    }

    fn last(&self) -> Request {
        self.server.seen().last.unwrap()
    }
}

/// Calls until the condition holds, every 20 ms, for at most `seconds`.
fn wait_until(seconds: u64, mut holds: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Returns the claims of an assertion in a request.
fn claims(request: &Request, parameter: &str) -> Value {
    let assertion = &request.parameters()[parameter];
    let claims = assertion.split('.').nth(1).expect("a JWS");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[test]
fn each_of_five_attempts_has_an_assertion_of_its_own() {
    let world = World::verifying("attempts", r#"[{"status": 503, "times": 4}, {}]"#, 0);
    let source = world.signing(&[("max_attempts", "5")]);
    source.get().unwrap();
    let requests = world.server.seen().all;
    let identifiers: BTreeSet<String> = requests
        .iter()
        .map(|request| claims(request, "client_assertion")["jti"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((requests.len(), identifiers.len(), source.stat(REQUESTS)), (5, 5, 5));
    assert!(identifiers.iter().all(|jti| jti.len() == 22), "{identifiers:?}");
    let claims = claims(&requests[0], "client_assertion");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&"test-client".into(), &"test-client".into(), &world.server.url().into())
    );
}

#[test]
fn a_wrong_clock_heals_in_each_fetch() {
    for skew in [-3600, 3600] {
        let world = World::verifying(&format!("skew{skew}"), r#"[{"expires_in": 4}]"#, skew);
        let source = world.signing(&[]);
        let first = source.get().unwrap();
        assert_eq!(source.stat(REQUESTS), 2);
        // A refresh has one attempt, and the offset was forgotten.
        let refreshed = wait_until(10, || source.get().unwrap().generation() != first.generation());
        assert!(refreshed, "{:?}", source.last_error());
        assert_eq!([REQUESTS, TOKENS, FAILURES].map(|stat| source.stat(stat)), [4, 2, 0]);
        let iat = |nth: usize| claims(&world.server.seen().all[nth], "client_assertion")["iat"].as_i64().unwrap();
        assert!(((iat(1) - iat(0)) - skew).abs() <= 2, "{} {}", iat(0), iat(1));
    }
}

#[test]
fn a_rotated_key_ends_the_hold_off() {
    let world = World::verifying("rotated", "[]", 0);
    world.write("key.pem", &ClientKey::p256().pem);
    let source = world.signing(&[]);
    let error = source.get().unwrap_err();
    assert_eq!((error.oauth_error().as_deref(), source.stat(REQUESTS)), (Some("invalid_client"), 1));
    // Nothing has changed.
    assert!(!wait_until(2, || source.get().is_ok()));
    assert_eq!((source.stat(REQUESTS), source.generation()), (1, 0));
    world.write("key.pem", &world.key.pem);
    assert!(wait_until(5, || source.get().is_ok()), "{:?}", source.last_error());
    assert_eq!(source.stat(REQUESTS), 2);
}

#[test]
fn an_assertion_that_another_program_renews_ends_the_hold_off() {
    let script = r#"[{"error": "invalid_client"}, {}]"#;
    let world = World::new("renewed", script, |_| ServerOptions::default());
    let file = world.write("assertion", "hush-4711-old\n");
    let source = world.source(&[("client_assertion_file", &file)]);
    source.get().unwrap_err();
    world.write("assertion", "hush-4711-new\n");
    assert!(wait_until(5, || source.get().is_ok()), "{:?}", source.last_error());
    let sent: Vec<String> =
        world.server.seen().all.iter().map(|r| r.parameters()["client_assertion"].clone()).collect();
    assert_eq!(sent, ["hush-4711-old", "hush-4711-new"]);
}

#[test]
fn an_assertion_that_is_rewritten_each_second_causes_no_request_each_second() {
    let world = World::new("rewritten", r#"[{"error": "invalid_client"}]"#, |_| ServerOptions::default());
    let file = world.write("assertion", "hush-4711-0\n");
    let source = world.source(&[("client_assertion_file", &file)]);
    source.get().unwrap_err();
    let mut nth = 0;
    for _ in 0..8 {
        nth += 1;
        world.write("assertion", &format!("hush-4711-{nth}\n"));
        assert!(!wait_until(1, || source.get().is_ok()));
    }
    // The first change ends the hold-off, and the next one may after ten seconds.
    assert_eq!(source.stat(REQUESTS), 2);
}

#[test]
fn a_token_is_returned_to_its_end_while_its_key_is_unreadable() {
    let world = World::verifying("unreadable", r#"[{"expires_in": 6}]"#, 0);
    let source = world.signing(&[]);
    let token = source.get().unwrap();
    world.write("key.pem", "no key at all");
    let failed = || source.last_error().is_some_and(|error| error.status() == "TKS_INVALID_CONFIG");
    assert!(wait_until(6, || source.get().unwrap().generation() == token.generation() && failed()));
    let mut error: Option<Error> = None;
    assert!(wait_until(8, || source.get().map_err(|refused| error = Some(refused)).is_err()));
    let message = error.unwrap().message();
    assert!(message.contains("signing_key_file") && message.contains("key.pem"), "{message}");
    assert!(!message.contains("no key at all"), "{message}");
    assert_eq!(source.stat(REQUESTS), 1);

    fs::remove_file(world.path("key.pem")).unwrap();
    thread::sleep(Duration::from_millis(100));
    world.write("key.pem", &world.key.pem);
    assert!(wait_until(15, || source.get().is_ok()), "{:?}", source.last_error());
}

#[test]
fn each_grant_of_a_machine_sends_its_parameters() {
    let world = World::new("grants", "[]", |_| ServerOptions::default());
    let file = world.write("credential", "hush-4711.of.another-program\n");
    let key_file = world.path("key.pem");
    let secret = [("client_secret", "hunter2")];
    let post = [("client_secret", "hunter2"), ("auth_method", "client_secret_post")];
    let subject = [
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token_file", &*file),
        ("scope", "read write"),
        ("audience", "//api.example/pool"),
    ];
    let jwt = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    let exchange = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&scope=read%20write\
                    &audience=%2F%2Fapi.example%2Fpool&subject_token=hush-4711.of.another-program\
                    &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A";
    let refresh = "grant_type=refresh_token&refresh_token=hush-4711.of.another-program";
    let rows: [(&[Options], String); 10] = [
        (
            &[&[("client_assertion_file", &file)]],
            format!(
                "grant_type=client_credentials&client_id=test-client&{CLIENT_ASSERTION}&client_assertion=hush-4711.of.another-program"
            ),
        ),
        (&[&[("grant_type", JWT_BEARER), ("signing_key_file", &key_file)]], format!("{jwt}&assertion=JWS")),
        (
            &[&[("grant_type", JWT_BEARER), ("signing_key_file", &key_file)], &post],
            format!("{jwt}&assertion=JWS&client_id=test-client&client_secret=hunter2"),
        ),
        (
            &[&[("grant_type", JWT_BEARER), ("signing_key_file", &key_file), ("assertion_file", &file)]],
            format!(
                "{jwt}&assertion=hush-4711.of.another-program&client_id=test-client&{CLIENT_ASSERTION}&client_assertion=JWS"
            ),
        ),
        (
            &[&[("grant_type", SAML2_BEARER), ("assertion_file", &file)], &secret],
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml2-bearer&assertion=hush-4711.of.another-program"
                .into(),
        ),
        (&[&subject], format!("{exchange}jwt&client_id=test-client")),
        (
            &[
                &subject,
                &secret,
                &[
                    ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                    ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt"),
                ],
            ],
            format!("{exchange}access_token&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"),
        ),
        (&[&[("grant_type", "refresh_token"), ("refresh_token_file", &file)], &secret], refresh.into()),
        (
            &[&[("grant_type", "refresh_token"), ("refresh_token_file", &file), ("auth_method", "none")]],
            format!("{refresh}&client_id=test-client"),
        ),
        (
            &[&[("signing_key_file", &key_file)]],
            format!("grant_type=client_credentials&client_id=test-client&{CLIENT_ASSERTION}&client_assertion=JWS"),
        ),
    ];
    for (options, expected) in rows {
        let options = options.concat();
        world.source(&options).get().unwrap_or_else(|error| panic!("{options:?}: {error:?}"));
        let request = world.last();
        let parameters = request.parameters();
        let signed = ["assertion", "client_assertion"].iter().filter_map(|name| parameters.get(*name));
        let body = signed
            .filter(|text| text.starts_with("eyJ"))
            .fold(request.body.clone(), |body, jws| body.replace(jws, "JWS"));
        assert_eq!(body, expected, "{options:?}");
        let basic = options.contains(&secret[0]) && !options.contains(&post[1]);
        assert_eq!(request.header("authorization").starts_with("Basic "), basic, "{options:?}");
    }
}

#[test]
fn a_signed_grant_is_accepted_and_has_the_claims_of_its_options() {
    let world = World::verifying("grant", "[]", 0);
    let source = world.signing(&[("grant_type", JWT_BEARER), ("claim.sub", "someone"), ("claim.scope", "read")]);
    source.get().unwrap();
    let claims = claims(&world.last(), "assertion");
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["scope"]),
        (&"test-client".into(), &"someone".into(), &"read".into())
    );
    let elsewhere = world.signing(&[("grant_type", JWT_BEARER), ("assertion_audience", "https://elsewhere.example")]);
    let error = elsewhere.get().unwrap_err();
    assert_eq!((error.oauth_error().as_deref(), error.http_status()), (Some("invalid_grant"), 400));
    assert!(error.message().contains("set claim.sub (RFC 7523)"), "{error:?}");
}

#[test]
fn a_refresh_token_that_was_replaced_leads_to_a_hint() {
    let granted =
        r#"{"access_token": "first", "expires_in": 3600, "token_type": "Bearer", "refresh_token": "hush-4711-new"}"#;
    let script = format!(r#"[{{"body": {granted}}}, {{"error": "invalid_grant"}}]"#);
    let world = World::new("refresh", &script, |_| ServerOptions::default());
    let file = world.write("refresh-token", "hush-4711-old\n");
    let source =
        world.source(&[("grant_type", "refresh_token"), ("refresh_token_file", &file), ("auth_method", "none")]);
    let token = source.get().unwrap();
    assert!(!token.response().contains("hush-4711"), "{token:?}");
    source.invalidate(&token);
    let message = source.get().unwrap_err().message();
    assert!(message.contains("the server gave a new refresh token with an earlier response"), "{message}");
    assert!(message.contains(&format!("write the new one to {file}")), "{message}");
    // The file with another token ends the hold-off.
    world.server.set_script(Response::default());
    world.write("refresh-token", "hush-4711-new\n");
    assert!(wait_until(5, || source.get().is_ok()), "{:?}", source.last_error());
    assert_eq!(world.last().parameters()["refresh_token"], "hush-4711-new");
}

#[test]
fn metadata_never_chooses_the_audience() {
    let world = World::new("audience", "[]", |_| ServerOptions::default());
    let issuer = format!("https://localhost:{}", world.server.port());
    let metadata = format!(r#"{{"issuer": "{issuer}", "token_endpoint": "{}"}}"#, world.server.url());
    world.server.set_script(Script::parse(&format!(r#"[{{"body": {metadata}}}, {{}}]"#)).unwrap());
    let mut config = Config::new();
    for (name, value) in [
        ("issuer", issuer.as_str()),
        ("ca_file", &world.path("ca.pem")),
        ("client_id", "test-client"),
        ("signing_key_file", &world.path("key.pem")),
    ] {
        config.set(name, value).unwrap();
    }
    let source = Source::new(&config).unwrap();
    source.get().unwrap();
    let request = world.last();
    assert_eq!(
        (request.path.as_str(), &claims(&request, "client_assertion")["aud"]),
        ("/oauth2/token/", &issuer.into())
    );
    assert_eq!(source.stat(REQUESTS), 2);
}
