//! Tests: when the metadata of an issuer is looked up, and how long it is used. The clock is injected, and each fetch runs on
//! the thread of the test.

use super::*;
use crate::{
    clock::test::TestClock,
    config::{Endpoint, NamedBy, Refresh, Server},
    duration::{Nanos, SECOND, nanos},
    error::ErrorKind,
    oauth::{request::HttpRequest, response::RawResponse},
    transport::{Limits, Transport},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    collections::VecDeque,
    sync::{Mutex, OnceLock, Weak},
};

const ISSUER: &str = "https://as.example";
const HOUR: Nanos = 3600 * SECOND;

/// What a server does with one request.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Returns a document that names the token endpoint of this host.
    Names(&'static str),
    Returns(u16, &'static str),
    /// Returns a token that lives an hour.
    Grants,
    /// Is not reached.
    Unreachable,
    /// Breaks the connection when it is up.
    Breaks,
    /// Has a certificate that is not trusted.
    Untrusted,
    /// Takes all the time that it gets, once the connection is up.
    Hangs,
    /// The program closes the source meanwhile; then a document comes.
    Closes,
    /// Lets so many seconds pass, and names this host.
    Slow(i64, &'static str),
}
use Does::*;

/// All servers of one test, which do in turn what the script says.
struct Servers {
    clock: Arc<TestClock>,
    script: Mutex<VecDeque<Does>>,
    /// The requests, as in `GET https://host/path`.
    requests: Mutex<Vec<(String, Limits)>>,
    /// The body of the last request.
    body: Mutex<String>,
    source: OnceLock<Weak<TokenSource>>,
}

impl Transport for Arc<Servers> {
    fn send(&self, request: &HttpRequest, limits: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error> {
        let method = if request.body.is_some() { "POST" } else { "GET" };
        self.requests.lock().unwrap().push((format!("{method} {}", request.endpoint.url), limits));
        *self.body.lock().unwrap() = request.body.as_ref().map(|body| body.expose().to_owned()).unwrap_or_default();
        let does = self.script.lock().unwrap().pop_front().expect("a request too many");
        let network = |why| Error::new(ErrorKind::Network, why).retryable().worth_another_attempt();
        if matches!(does, Unreachable) {
            return Err(network("cannot connect"));
        }
        if matches!(does, Untrusted) {
            return Err(Error::new(ErrorKind::Tls, "not trusted"));
        }
        about_to_send();
        let document = |host| format!(r#"{{"issuer":"{ISSUER}","token_endpoint":"https://{host}/token"}}"#);
        let (status, body) = match does {
            Names(host) => (200, document(host)),
            Slow(seconds, host) => {
                self.clock.advance(seconds * SECOND);
                (200, document(host))
            }
            Returns(status, body) => (status, body.to_owned()),
            Grants => (200, format!(r#"{{"access_token":"T{}","expires_in":3600}}"#, self.clock.elapsed())),
            Closes => {
                self.source.get().unwrap().upgrade().unwrap().close();
                (200, document("as.example"))
            }
            Hangs => {
                self.clock.advance(nanos(limits.total));
                return Err(Error::new(ErrorKind::Timeout, "took too long").retryable());
            }
            Breaks | Unreachable | Untrusted => return Err(network("broke")),
        };
        Ok(RawResponse { status, headers: Vec::new(), body: body.into_bytes().into() })
    }
}

struct World {
    clock: Arc<TestClock>,
    servers: Arc<Servers>,
    source: Arc<TokenSource>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let issuer = Endpoint { named_by: NamedBy::Issuer, ..Endpoint::parse(ISSUER).unwrap() };
        let mut settings = Settings { server: Server::Issuer(issuer), refresh: Refresh::Inline, ..Settings::example() };
        change(&mut settings);
        let (clock, settings) = (TestClock::new(), Arc::new(settings));
        let (script, requests) = (Mutex::default(), Mutex::default());
        let (body, source) = (Mutex::default(), OnceLock::new());
        let servers = Arc::new(Servers { clock: clock.clone(), script, requests, body, source });
        let transport = Box::new(servers.clone());
        let fetch = HttpFetch { settings: settings.clone(), transport, clock: Clock::Test(clock.clone()) };
        let source = TokenSource::with(&settings, Box::new(fetch), Clock::Test(clock.clone()), Box::new(|| 0.0));
        let source = Arc::new(source);
        servers.source.set(Arc::downgrade(&source)).unwrap();
        Self { clock, servers, source }
    }

    /// Calls `get` while the servers do this, all of it. Returns the requests and the result.
    #[track_caller]
    fn get(&self, does: &[Does]) -> (Vec<String>, Result<Arc<Token>, Error>) {
        self.servers.script.lock().unwrap().extend(does);
        self.servers.requests.lock().unwrap().clear();
        let before = self.source.stats().requests;
        let result = self.source.get();
        let left = self.servers.script.lock().unwrap().drain(..).collect::<Vec<_>>();
        assert!(left.is_empty(), "not asked for: {left:?}; {result:?}");
        let requests: Vec<_> = self.servers.requests.lock().unwrap().iter().map(|(sent, _)| sent.clone()).collect();
        assert_eq!(self.source.stats().requests - before, requests.len() as u64, "each request counts");
        (requests.iter().map(|request| short(request)).collect(), result)
    }

    #[track_caller]
    fn requests(&self, does: &[Does]) -> Vec<String> {
        self.get(does).0
    }

    #[track_caller]
    fn error(&self, does: &[Does]) -> Error {
        self.get(does).1.unwrap_err()
    }

    fn limits(&self) -> Vec<Limits> {
        self.servers.requests.lock().unwrap().iter().map(|(_, limits)| *limits).collect()
    }
}

/// Names a request by its kind: `first`, `second`, or the host of a token endpoint.
fn short(request: &str) -> String {
    match request {
        "GET https://as.example/.well-known/openid-configuration" => "first".into(),
        "GET https://as.example/.well-known/oauth-authorization-server" => "second".into(),
        other => other.strip_prefix("POST https://").and_then(|rest| rest.strip_suffix("/token")).unwrap().into(),
    }
}

#[test]
fn the_endpoint_is_looked_up_at_the_first_fetch_and_kept() {
    let world = World::new();
    assert_eq!(world.source.stats().requests, 0);
    assert_eq!(world.requests(&[Names("a"), Grants]), ["first", "a"]);
    assert_eq!((world.source.stats().tokens, world.source.stats().requests), (1, 2));
    world.clock.advance(2 * HOUR);
    assert_eq!(world.requests(&[Grants]), ["a"]);
}

#[test]
fn the_second_place_is_asked_in_the_same_attempt() {
    let world = World::with(|settings| settings.max_attempts = 1);
    assert_eq!(world.requests(&[Returns(404, ""), Names("a"), Grants]), ["first", "second", "a"]);
}

#[test]
fn a_token_url_is_never_looked_up() {
    let url = Endpoint::parse("https://t.example/token").unwrap();
    let world = World::with(|settings| settings.server = Server::TokenUrl(url));
    assert_eq!(world.requests(&[Returns(404, "")]), ["t.example"]);
    world.clock.advance(61 * SECOND);
    assert_eq!(world.requests(&[Grants]), ["t.example"]);
    world.clock.advance(30 * HOUR);
    assert_eq!(world.requests(&[Unreachable, Unreachable, Grants]), ["t.example", "t.example", "t.example"]);
}

#[test]
fn a_lookup_belongs_to_an_attempt_and_is_repeated_with_it() {
    let world = World::with(|settings| settings.max_attempts = 3);
    let does = [Unreachable, Returns(503, ""), Names("a"), Grants];
    assert_eq!(world.requests(&does), ["first", "first", "first", "a"]);
    let world = World::with(|settings| settings.max_attempts = 2);
    let error = world.error(&[Breaks, Returns(404, ""), Returns(500, "")]);
    assert_eq!((error.kind(), error.http_status(), error.is_transient()), (ErrorKind::Http, Some(500), true));
    assert_eq!(world.source.stats().failures, 1);
}

#[test]
fn metadata_is_used_for_24_hours_of_boot_time() {
    for sleeps in [false, true] {
        let world = World::new();
        let pass = |span| if sleeps { world.clock.suspend(span) } else { world.clock.advance(span) };
        world.requests(&[Names("a"), Grants]);
        pass(24 * HOUR - 1);
        assert_eq!(world.requests(&[Grants]), ["a"]);
        let world = World::new();
        let pass = |span| if sleeps { world.clock.suspend(span) } else { world.clock.advance(span) };
        world.requests(&[Names("a"), Grants]);
        pass(24 * HOUR);
        assert_eq!(world.requests(&[Names("b"), Grants]), ["first", "b"], "{sleeps}");
        // The day begins anew.
        pass(24 * HOUR - 1);
        assert_eq!(world.requests(&[Grants]), ["b"]);
    }
    // A wall clock that is set is no reason.
    let world = World::new();
    world.requests(&[Names("a"), Grants]);
    world.clock.set_wall(48 * HOUR);
    world.clock.advance(2 * HOUR);
    assert_eq!(world.requests(&[Grants]), ["a"]);
}

#[test]
fn an_endpoint_that_is_gone_is_looked_up_by_the_next_fetch() {
    for (status, looks_up) in
        [(404, true), (405, true), (410, true), (400, false), (401, false), (403, false), (409, false), (302, false)]
    {
        let world = World::new();
        let error = world.error(&[Names("a"), Returns(status, "")]);
        assert_eq!(error.http_status(), Some(status));
        // The metadata is kept although the fetch failed.
        world.clock.advance(61 * SECOND);
        let does = if looks_up { &[Names("b"), Grants][..] } else { &[Grants] };
        let asked = if looks_up { &["first", "b"][..] } else { &["a"] };
        assert_eq!(world.requests(does), asked, "{status}");
    }
    // Also where the body names a code.
    let world = World::new();
    world.error(&[Names("a"), Returns(404, r#"{"error":"invalid_client"}"#)]);
    world.clock.advance(61 * SECOND);
    assert_eq!(world.requests(&[Names("b"), Grants]), ["first", "b"]);
}

#[test]
fn an_endpoint_that_is_not_reached_is_looked_up_by_the_next_attempt() {
    let world = World::new();
    assert_eq!(world.requests(&[Names("a"), Unreachable, Names("b"), Grants]), ["first", "a", "first", "b"]);
    world.clock.advance(2 * HOUR);
    assert_eq!(world.requests(&[Grants]), ["b"]);
    // Each attempt that does not reach it is a reason.
    let world = World::with(|settings| settings.max_attempts = 3);
    let does = [Names("a"), Unreachable, Names("b"), Unreachable, Names("c"), Unreachable];
    assert_eq!(world.requests(&does), ["first", "a", "first", "b", "first", "c"]);
    world.clock.advance(61 * SECOND);
    assert_eq!(world.requests(&[Names("d"), Grants]), ["first", "d"]);
    // What happens once the connection is up is no reason, nor is a certificate.
    for does in [Breaks, Returns(503, "")] {
        let world = World::with(|settings| settings.max_attempts = 2);
        assert_eq!(world.requests(&[Names("a"), does, Grants]), ["first", "a", "a"], "{does:?}");
    }
    for does in [Untrusted, Hangs] {
        let world = World::new();
        world.error(&[Names("a"), does]);
        world.clock.advance(61 * SECOND);
        assert_eq!(world.requests(&[Grants]), ["a"], "{does:?}");
    }
}

#[test]
fn known_metadata_serves_on_while_a_new_lookup_fails() {
    for fails in [
        &[Unreachable][..],
        &[Untrusted],
        &[Hangs],
        &[Returns(503, "")],
        &[Returns(404, ""), Returns(404, "")],
        &[Returns(404, ""), Breaks],
        &[Returns(200, r#"{"issuer":"https://other.example","token_endpoint":"https://evil.example/token"}"#)],
        &[Returns(200, r#"{"issuer":"https://as.example","token_endpoint":"http://as.example/token"}"#)],
        &[Returns(200, r#"{"issuer":"https://as.example"}"#)],
    ] {
        let world = World::new();
        world.requests(&[Names("a"), Grants]);
        world.clock.advance(24 * HOUR);
        let (requests, result) = world.get(&[fails, &[Grants]].concat());
        assert_eq!(requests.last().unwrap(), "a", "{fails:?}");
        assert!(result.is_ok() && requests.len() == fails.len() + 1, "{fails:?}");
        // The next fetch looks again.
        world.clock.advance(2 * HOUR);
        assert_eq!(world.requests(&[Names("b"), Grants]), ["first", "b"], "{fails:?}");
    }
}

#[test]
fn a_fetch_whose_new_lookup_failed_makes_no_other() {
    let world = World::with(|settings| settings.max_attempts = 4);
    let does = [Names("a"), Unreachable, Unreachable, Unreachable, Unreachable, Grants];
    assert_eq!(world.requests(&does), ["first", "a", "first", "a", "a", "a"]);
}

#[test]
fn a_new_lookup_takes_at_most_half_of_the_time_that_is_left() {
    let seconds = |limits: &Limits| (limits.total.as_secs_f64(), limits.connect.as_secs_f64());
    // A fetch has 0.2 s less than its callers.
    let world = World::with(|settings| settings.timeout = Duration::from_millis(20_200));
    world.requests(&[Slow(5, "a"), Grants]);
    assert_eq!(world.limits().iter().map(seconds).collect::<Vec<_>>(), [(20.0, 10.0), (15.0, 10.0)]);
    world.clock.advance(24 * HOUR);
    assert_eq!(world.requests(&[Hangs, Grants]), ["first", "a"]);
    assert_eq!(world.limits().iter().map(seconds).collect::<Vec<_>>(), [(10.0, 10.0), (10.0, 10.0)]);
    // Both places share that half.
    world.clock.advance(2 * HOUR);
    assert_eq!(world.requests(&[Returns(404, ""), Hangs, Grants]), ["first", "second", "a"]);
    assert_eq!(world.limits()[1].total, Duration::from_secs(10));
    // The first lookup may take all of the time, and then it fails.
    let world = World::with(|settings| settings.timeout = Duration::from_millis(20_200));
    let error = world.error(&[Hangs]);
    assert_eq!((error.kind(), world.limits()[0].total), (ErrorKind::Timeout, Duration::from_secs(20)));
    // A document that comes at the last instant leaves no time for the request.
    let world = World::with(|settings| settings.timeout = Duration::from_millis(20_200));
    let error = world.error(&[Slow(20, "a")]);
    assert!(error.message().contains("no time was left for a request to the token endpoint"), "{error}");
}

#[test]
fn after_close_no_lookup_and_no_request_begins() {
    let world = World::new();
    let (requests, result) = world.get(&[Closes]);
    assert_eq!((requests, result.unwrap_err().kind()), (vec!["first".to_owned()], ErrorKind::Closed));
}

#[test]
fn the_hold_off_of_a_lookup_is_that_of_its_kind() {
    for (does, kind, seconds) in [
        (&[Returns(404, ""), Returns(404, "")][..], ErrorKind::Http, 60),
        (&[Returns(402, "")], ErrorKind::Http, 60),
        (&[Returns(404, ""), Returns(200, "<html>")], ErrorKind::BadResponse, 30),
        (&[Returns(200, r#"{"issuer":"https://other.example"}"#)], ErrorKind::BadResponse, 30),
        (&[Untrusted], ErrorKind::Tls, 30),
    ] {
        let world = World::new();
        let error = world.error(does);
        assert_eq!((error.kind(), error.retry_after()), (kind, Some(Duration::from_secs(seconds))), "{does:?}");
        world.clock.advance(nanos(Duration::from_secs(seconds)) - 1);
        world.error(&[]);
        world.clock.advance(1);
        assert_eq!(world.requests(&[Names("a"), Grants]), ["first", "a"], "{does:?}");
    }
}

#[test]
fn a_document_never_chooses_the_audience_of_an_assertion() {
    let mut config = Config::new();
    for (name, value) in [
        ("issuer", ISSUER),
        ("client_id", "me"),
        ("client_secret", "S3cretOnlyLettersAndDigits0123456789"),
        ("auth_method", "client_secret_jwt"),
    ] {
        config.set(name, value).unwrap();
    }
    let signed = config.settings(&|_| None).unwrap();
    let world = World::with(|settings| *settings = Settings { refresh: Refresh::Inline, ..signed });
    let audience = || {
        let body = world.servers.body.lock().unwrap();
        let assertion = body.split('&').find_map(|parameter| parameter.strip_prefix("client_assertion=")).unwrap();
        let claims = BASE64_URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<serde_json::Value>(&claims).unwrap()["aud"].clone()
    };
    assert_eq!(world.requests(&[Names("honest.example"), Grants]), ["first", "honest.example"]);
    assert_eq!(audience(), ISSUER);
    world.clock.advance(24 * HOUR);
    assert_eq!(world.requests(&[Names("other.example"), Grants]), ["first", "other.example"]);
    assert_eq!(audience(), ISSUER);
}
