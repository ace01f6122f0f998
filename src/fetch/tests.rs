//! Fetches from servers that a test scripts, in the time of a test clock.

use super::*;
use crate::{
    clock::test::TestClock,
    config::Config,
    oauth::{request::HttpRequest, response::RawResponse},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{collections::VecDeque, sync::Mutex, time::UNIX_EPOCH};

/// How a server responds: the status, the body, and how many seconds its clock is before ours (below 0: behind).
#[derive(Clone, Copy, Debug)]
struct Reply(u16, &'static str, Option<i64>);

const TOKEN: &str = r#"{"access_token":"T","expires_in":3600}"#;
const INVALID_CLIENT: &str = r#"{"error":"invalid_client"}"#;
const INVALID_GRANT: &str = r#"{"error":"invalid_grant"}"#;

/// A server to which a connection takes 3 s, and which responds after 2 s more.
struct Server {
    clock: Arc<TestClock>,
    replies: Mutex<VecDeque<Reply>>,
    /// The bodies that it was sent.
    bodies: Mutex<Vec<String>>,
}

impl Server {
    fn new(replies: &[Reply]) -> Arc<Self> {
        let replies = Mutex::new(replies.iter().copied().collect());
        Arc::new(Self { clock: TestClock::new(), replies, bodies: Mutex::default() })
    }

    fn requests(&self) -> usize {
        self.bodies.lock().unwrap().len()
    }

    /// Returns the claims of the assertion in each request.
    fn claims(&self) -> Vec<serde_json::Value> {
        let claims = |body: &String| {
            let claims = body.rsplit('=').next().unwrap().split('.').nth(1).unwrap();
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
        };
        self.bodies.lock().unwrap().iter().map(claims).collect()
    }

    /// Returns the seconds by which the time of each assertion is before the wall clock at the start.
    fn issued(&self) -> Vec<i64> {
        self.claims().iter().map(|claims| claims["iat"].as_i64().unwrap() - START).collect()
    }

    fn fetch(self: &Arc<Self>, options: &[(&str, &str)], context: &Context) -> Result<TimedGrant, Error> {
        let mut config = Config::new();
        for (name, value) in options {
            config.set(name, *value).unwrap();
        }
        let settings = Arc::new(config.settings(&|_| None).unwrap());
        let clock = Clock::Test(self.clock.clone());
        HttpFetch { settings, transport: Box::new(self.clone()), clock }.fetch(context).result
    }
}

/// The wall clock of a test, in Unix time.
const START: i64 = 1_767_225_600;

impl Transport for Arc<Server> {
    fn send(&self, request: &HttpRequest, _: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error> {
        self.clock.advance(3 * SECOND);
        about_to_send();
        self.clock.advance(2 * SECOND);
        self.bodies.lock().unwrap().push(request.body.as_ref().unwrap().expose().to_owned());
        let Reply(status, body, ahead) = self.replies.lock().unwrap().pop_front().expect("a request too many");
        let unix_seconds = self.clock.now().coarse.wall / SECOND;
        let date = |ahead| UNIX_EPOCH + duration((unix_seconds + ahead) * SECOND);
        let headers = ahead.map(|ahead| ("date".to_owned(), httpdate::fmt_http_date(date(ahead))));
        if status == 0 {
            return Err(Error::new(ErrorKind::Network, "broken").retryable().worth_another_attempt());
        }
        Ok(RawResponse { status, headers: headers.into_iter().collect(), body: body.as_bytes().to_vec().into() })
    }
}

/// What a source says to its fetch.
struct Context {
    deadline: Nanos,
    max_attempts: u32,
    is_wanted: bool,
    requests: Cell<u32>,
    rotated: Option<[u8; 32]>,
}

impl Default for Context {
    fn default() -> Self {
        Self { deadline: Nanos::MAX, max_attempts: 1, is_wanted: true, requests: Cell::new(0), rotated: None }
    }
}

impl FetchContext for Context {
    fn deadline(&self) -> Nanos {
        self.deadline
    }
    fn max_attempts(&self) -> u32 {
        self.max_attempts
    }
    fn count_request(&self) {
        self.requests.set(self.requests.get() + 1);
    }
    fn pause(&self, _: Nanos) -> ControlFlow<()> {
        if self.is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
    fn may_start_threads(&self) -> bool {
        false
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn metadata(&self) -> Option<KnownMetadata> {
        None
    }
    fn rotated_refresh_token(&self) -> Option<[u8; 32]> {
        self.rotated
    }
}

const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/ed25519.pem");
const SIGNED: [(&str, &str); 3] = [("token_url", "https://h/t"), ("client_id", "id"), ("signing_key_file", KEY)];
const AN_HOUR_BEHIND: &str = "; this machine's clock is 3600 s behind the server's: set it";

#[test]
fn the_life_of_a_token_begins_when_the_connection_is_up() {
    let server = Server::new(&[Reply(200, TOKEN, None)]);
    let started = server.clock.now().boot;
    let secret = [("token_url", "https://h/t"), ("client_id", "id"), ("client_secret", "s")];
    let granted = server.fetch(&secret, &Context::default()).unwrap();
    assert_eq!(granted.sent - started, 3 * SECOND);
}

#[test]
fn a_wrong_clock_heals_by_a_second_signature_of_the_same_attempt() {
    // The second request is signed 5 s after the first, and no time passes between a response and the next request.
    for (ahead, issued) in [(3600, 5 + 3600), (-3600, 5 - 3600), (15 * 3600, 5 + 15 * 3600)] {
        for refusal in [
            Reply(401, INVALID_CLIENT, Some(ahead)),
            Reply(400, INVALID_CLIENT, Some(ahead)),
            Reply(403, INVALID_CLIENT, Some(ahead)),
            Reply(400, INVALID_GRANT, Some(ahead)),
            Reply(400, "", Some(ahead)),
            Reply(401, "<html>", Some(ahead)),
        ] {
            let server = Server::new(&[refusal, Reply(200, TOKEN, Some(ahead))]);
            let context = Context::default();
            server.fetch(&SIGNED, &context).unwrap_or_else(|error| panic!("{refusal:?}: {error}"));
            assert_eq!(server.issued(), [0, issued], "{refusal:?}");
            assert_eq!(context.requests.get(), 2);
            let claims = server.claims();
            assert_ne!(claims[0]["jti"], claims[1]["jti"]);
            assert_eq!(claims[1]["exp"].as_i64().unwrap() - claims[1]["iat"].as_i64().unwrap(), 60);
        }
    }
}

#[test]
fn the_server_s_clock_goes_on_by_boot_time_for_the_rest_of_the_fetch() {
    let refused = Reply(401, INVALID_CLIENT, Some(3600));
    let server = Server::new(&[Reply(503, "", None), refused, Reply(503, "", None), Reply(200, TOKEN, None)]);
    let context = Context { max_attempts: 3, ..Context::default() };
    server.fetch(&SIGNED, &context).unwrap();
    assert_eq!(server.issued(), [0, 5, 10 + 3600, 15 + 3600]);
    // It is forgotten then.
    server.replies.lock().unwrap().extend([refused, Reply(200, TOKEN, None)]);
    server.fetch(&SIGNED, &context).unwrap();
    assert_eq!(server.issued()[4..], [20, 25 + 3600]);
}

#[test]
fn a_refusal_that_is_not_about_the_clock_is_final() {
    const SCOPE: &str = r#"{"error":"invalid_scope"}"#;
    const ECHO: &str = r#"{"error":"Unauthorized","status":401}"#;
    let http = [("token_url", "http://127.0.0.1/t"), SIGNED[1], SIGNED[2]];
    let secret = [SIGNED[0], SIGNED[1], ("client_secret", "s")];
    let path = std::env::temp_dir().join(format!("tks-fetch-{}", std::process::id()));
    std::fs::write(&path, "a.b.c").unwrap();
    let file = [SIGNED[0], SIGNED[1], ("client_assertion_file", path.to_str().unwrap())];
    for (options, reply) in [
        // The right clock, to the second: the request is sent 3 s after the start, and its response is there 2 s later.
        (SIGNED, Reply(401, INVALID_CLIENT, Some(5))),
        (SIGNED, Reply(401, INVALID_CLIENT, Some(-7))),
        (SIGNED, Reply(401, INVALID_CLIENT, Some(0))),
        (SIGNED, Reply(401, INVALID_CLIENT, None)),
        (SIGNED, Reply(401, INVALID_CLIENT, Some(15 * 3600 + 1))),
        (SIGNED, Reply(401, INVALID_CLIENT, Some(30 * 3600))),
        (SIGNED, Reply(400, SCOPE, Some(3600))),
        (SIGNED, Reply(401, SCOPE, Some(3600))),
        (SIGNED, Reply(403, "", Some(3600))),
        (SIGNED, Reply(404, "", Some(3600))),
        (SIGNED, Reply(500, "", Some(3600))),
        (SIGNED, Reply(200, "{}", Some(3600))),
        (http, Reply(401, INVALID_CLIENT, Some(3600))),
        (secret, Reply(401, INVALID_CLIENT, Some(3600))),
        (file, Reply(401, INVALID_CLIENT, Some(3600))),
        (SIGNED, Reply(401, ECHO, Some(0))),
    ] {
        let server = Server::new(&[reply]);
        let error = server.fetch(&options, &Context::default()).err().unwrap();
        assert_eq!(server.requests(), 1, "{reply:?}");
        let hours = |hours| {
            error.message().ends_with(&format!("; this machine's clock is {hours} h behind the server's: set it"))
        };
        let ahead = reply.2.unwrap_or_default();
        assert_eq!(hours(15), ahead == 15 * 3600 + 1, "{error}");
        assert_eq!(hours(30), ahead == 30 * 3600, "{error}");
        assert!(ahead > 3600 || !error.message().contains("clock"), "{error}");
    }
    let _ = std::fs::remove_file(path);
    // One second more is another clock.
    for ahead in [6, -8] {
        let server = Server::new(&[Reply(401, INVALID_CLIENT, Some(ahead)), Reply(200, TOKEN, None)]);
        server.fetch(&SIGNED, &Context::default()).unwrap();
        assert_eq!(server.requests(), 2, "{ahead}");
    }
}

#[test]
fn a_second_refusal_names_the_clock_and_ends_the_fetch() {
    let refused = Reply(401, INVALID_CLIENT, Some(3600));
    for (second, is_named) in [
        (refused, true),
        (Reply(400, r#"{"error":"invalid_scope"}"#, Some(3600)), true),
        (Reply(503, "", Some(3600)), true),
        (Reply(401, INVALID_CLIENT, Some(0)), false),
        (Reply(0, "", None), false),
    ] {
        let server = Server::new(&[refused, second]);
        let error = server.fetch(&SIGNED, &Context::default()).err().unwrap();
        assert_eq!(server.requests(), 2);
        assert_eq!(error.message().ends_with(AN_HOUR_BEHIND), is_named, "{second:?}: {error}");
        assert_eq!(error.message().matches("clock").count(), usize::from(is_named), "{error}");
    }
    let server = Server::new(&[Reply(401, INVALID_CLIENT, Some(-100)), Reply(401, INVALID_CLIENT, Some(-100))]);
    let error = server.fetch(&SIGNED, &Context::default()).err().unwrap();
    assert!(error.message().ends_with("; this machine's clock is 98 s ahead of the server's: set it"), "{error}");
}

#[test]
fn no_second_signature_is_made_late_nor_for_a_source_that_was_closed() {
    let refused = Reply(401, INVALID_CLIENT, Some(3600));
    let start = TestClock::new().now().coarse.monotonic;
    for (context, requests) in [
        (Context { deadline: start + 5 * SECOND, ..Context::default() }, 1),
        (Context { deadline: start + 5 * SECOND + 1, ..Context::default() }, 2),
        (Context { is_wanted: false, ..Context::default() }, 1),
    ] {
        let server = Server::new(&[refused, refused]);
        let error = server.fetch(&SIGNED, &context).err().unwrap();
        assert_eq!((server.requests(), context.requests.get()), (requests, requests as u32));
        assert_eq!(error.oauth_error(), Some("invalid_client"));
        assert!(error.message().ends_with("the server's: set it"), "{error}");
    }
}

#[test]
fn the_assertion_of_a_grant_heals_too() {
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let server = Server::new(&[Reply(400, INVALID_GRANT, Some(3600)), Reply(200, TOKEN, None)]);
    server.fetch(&[&SIGNED[..], &[grant]].concat(), &Context::default()).unwrap();
    assert_eq!(server.issued(), [0, 3605]);
}

#[test]
fn each_attempt_has_an_assertion_of_its_own() {
    let server = Server::new(&[Reply(503, "", None); 5]);
    server.fetch(&SIGNED, &Context { max_attempts: 5, ..Context::default() }).err().unwrap();
    let mut ids: Vec<_> = server.claims().iter().map(|claims| claims["jti"].as_str().unwrap().to_owned()).collect();
    assert!(ids.iter().all(|id| id.len() == 22), "{ids:?}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert_eq!(server.issued(), [0, 5, 10, 15, 20]);
}

#[test]
fn a_system_without_random_numbers_signs_nothing() {
    system::RANDOM_FAILS.set(true);
    let server = Server::new(&[Reply(200, TOKEN, None)]);
    let context = Context { max_attempts: 3, ..Context::default() };
    let error = server.fetch(&SIGNED, &context).err().unwrap();
    assert_eq!((error.kind(), error.is_transient(), server.requests()), (ErrorKind::Internal, false, 0), "{error}");
    let secret = [SIGNED[0], SIGNED[1], ("client_secret", "s")];
    server.fetch(&secret, &context).unwrap();
    system::RANDOM_FAILS.set(false);
}

#[test]
fn a_refresh_token_in_place_of_which_another_came_is_known_again() {
    const OTHER: &str = r#"{"access_token":"T","refresh_token":"r2"}"#;
    const SAME: &str = r#"{"access_token":"T","refresh_token":"r1"}"#;
    let options =
        [SIGNED[0], SIGNED[1], ("client_secret", "s"), ("grant_type", "refresh_token"), ("param.refresh_token", "r1")];
    let rotated = |options: &[(&str, &str)], body: &'static str| {
        let server = Server::new(&[Reply(200, body, None)]);
        server.fetch(options, &Context::default()).unwrap().grant.rotated_refresh_token
    };
    let sha256 = Secret::new("r1").sha256();
    assert_eq!(rotated(&options, OTHER), Some(sha256));
    assert_eq!(rotated(&options, SAME), None);
    assert_eq!(rotated(&options, TOKEN), None);
    // Another grant may bring one too.
    assert_eq!(rotated(&options[..3], OTHER), None);
    let message = |rotated| {
        let server = Server::new(&[Reply(400, INVALID_GRANT, None)]);
        let error = server.fetch(&options, &Context { rotated, ..Context::default() }).err().unwrap();
        error.message().to_owned()
    };
    assert!(message(Some(sha256)).ends_with(
        "; the server gave a new refresh token with an earlier response, which this library does not keep: turn rotation \
         off for this client, or set the new one"
    ));
    for rotated in [None, Some(Secret::new("r2").sha256())] {
        assert!(message(rotated).ends_with("get a new one"), "{}", message(rotated));
    }
}

#[test]
fn an_assertion_that_a_server_echoes_is_redacted_with_and_without_its_signature() {
    /// Repeats what it was sent.
    struct Echo(fn(&str) -> String, Mutex<String>);
    impl Transport for Arc<Echo> {
        fn send(&self, request: &HttpRequest, _: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error> {
            about_to_send();
            let body = request.body.as_ref().unwrap().expose();
            let assertion = body.rsplit('=').next().unwrap();
            *self.1.lock().unwrap() = assertion.to_owned();
            let description = serde_json::Value::from(format!("refused: {} .", self.0(assertion)));
            let body = format!(r#"{{"error":"invalid_client","error_description":{description}}}"#);
            Ok(RawResponse { status: 401, headers: Vec::new(), body: body.into_bytes().into() })
        }
    }
    let in_base64 = |text: &str| base64::prelude::BASE64_STANDARD.encode(text);
    let spellings: [fn(&str) -> String; 7] = [
        |assertion| assertion.to_owned(),
        |assertion| assertion.rsplit('.').next().unwrap().to_owned(),
        |assertion| assertion.replace('.', "%2E"),
        |assertion| assertion.replace('_', "&#95;").replace('-', "\\u002d"),
        |assertion| base64::prelude::BASE64_STANDARD.encode(assertion),
        |assertion| base64::prelude::BASE64_STANDARD.encode(assertion.rsplit('.').next().unwrap()),
        |assertion| assertion.chars().map(|c| format!("%{:02x}", c as u32)).collect(),
    ];
    for spelling in spellings {
        let echo = Arc::new(Echo(spelling, Mutex::default()));
        let mut config = Config::new();
        for (name, value) in SIGNED {
            config.set(name, value).unwrap();
        }
        let settings = Arc::new(config.settings(&|_| None).unwrap());
        let fetch = HttpFetch { settings, transport: Box::new(echo.clone()), clock: Clock::Test(TestClock::new()) };
        let error = fetch.fetch(&Context::default()).result.err().unwrap();
        let assertion = echo.1.lock().unwrap().clone();
        let description = error.oauth_description().unwrap();
        assert!(description.starts_with("refused: [redacted]"), "{description}");
        let signature = assertion.rsplit('.').next().unwrap();
        for part in [signature, &signature[..40], &in_base64(&assertion)[..40], &in_base64(signature)[..40]] {
            assert!(!error.message().contains(part), "{error}");
        }
    }
}
