//! Whole requests, as options make them.

use super::*;
use crate::{clock::Clock, config::Config};

/// Returns the request of a client with these options, added to the ones that every client needs.
pub(super) fn request(options: &[(&str, &str)]) -> HttpRequest {
    let mut config = Config::new();
    for (name, value) in [("token_url", "https://h/t"), ("client_id", "id"), ("client_secret", "secret")] {
        config.set(name, value).unwrap();
    }
    for (name, value) in options {
        // A provider brings its own URL.
        if *name == "provider" {
            config.set("token_url", None).unwrap();
        }
        config.set(name, *value).unwrap();
    }
    let settings = config.settings(&|_| None).unwrap();
    let credentials = settings.credentials.read().1.unwrap();
    token_request(&settings, settings.server.endpoint(), &ClientAuth::new(&settings, credentials), Clock::System.now())
}

pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut found = request.headers.iter().filter(|(known, _)| known == name);
    let value = found.next().map(|(_, value)| value.expose());
    assert!(found.next().is_none(), "{name} twice");
    value
}

pub(super) fn body(options: &[(&str, &str)]) -> String {
    request(options).body.unwrap().expose().to_owned()
}

fn whole(request: &HttpRequest) -> String {
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.expose())).collect();
    let body = request.body.as_ref().unwrap().expose();
    format!("{}\n{headers}\n{body}", request.endpoint.url)
}

#[test]
fn the_secret_the_credentials_and_all_that_the_caller_added_are_redacted() {
    let mut config = Config::new();
    let options = [("provider", "podero"), ("client_id", "id"), ("client_secret", "hush"), ("param.p", "added")];
    for (name, value) in options {
        config.set(name, value).unwrap();
    }
    let ours = ["aHVzaA", "aHVzaA==", "aWQ6aHVzaA", "aWQ6aHVzaA==", "added", "hush", "no-cache"];
    for (proxy, of_the_proxy) in [
        (None, &[][..]),
        (Some("http://me:pass@proxy"), &["bWU6cGFzcw", "bWU6cGFzcw==", "pass"]),
        (Some("http://key@proxy"), &["a2V5Og", "a2V5Og==", "key"]),
    ] {
        config.set("proxy", proxy).unwrap();
        let settings = config.settings(&|_| None).unwrap();
        let credentials = settings.credentials.read().1.unwrap();
        let texts = texts_to_redact(&settings, &ClientAuth::new(&settings, credentials));
        let mut texts: Vec<_> = texts.iter().map(Secret::expose).collect();
        texts.sort();
        let mut expected = [&ours[..], of_the_proxy].concat();
        expected.sort();
        assert_eq!(texts, expected);
    }
    config.set("proxy", None).unwrap().set("auth_method", "client_secret_post").unwrap();
    let settings = config.settings(&|_| None).unwrap();
    let credentials = settings.credentials.read().1.unwrap();
    let texts = texts_to_redact(&settings, &ClientAuth::new(&settings, credentials));
    let mut texts: Vec<_> = texts.iter().map(Secret::expose).collect();
    texts.sort();
    assert_eq!(texts, ["aHVzaA", "aHVzaA==", "added", "hush", "no-cache"]);
}

#[test]
fn podero_gets_exactly_this() {
    let version = env!("CARGO_PKG_VERSION");
    for (provider, host) in [("podero", "app.podero.com"), ("podero-sandbox", "sandbox-app.podero.com")] {
        let request = request(&[("provider", provider), ("client_id", "my-id"), ("client_secret", "s3cret")]);
        let expected = format!(
            "https://{host}/oauth2/token/\n\
             authorization: Basic bXktaWQ6czNjcmV0\n\
             content-type: application/json\n\
             user-agent: tokensource/{version}\n\
             accept: application/json\n\
             cache-control: no-cache\n\
             \n\
             {{\"grant_type\":\"client_credentials\"}}"
        );
        assert_eq!(whole(&request), expected);
    }
}

#[test]
fn gardin_gets_exactly_this() {
    let request = request(&[("provider", "gardin"), ("client_id", "my-id"), ("client_secret", "p+/=ss")]);
    let expected = format!(
        "https://login.gardin.ag/oauth2/token\n\
         authorization: Basic bXktaWQ6cCsvPXNz\n\
         content-type: application/x-www-form-urlencoded\n\
         user-agent: tokensource/{}\n\
         accept: application/json\n\
         \n\
         grant_type=client_credentials",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(whole(&request), expected);
}

#[test]
fn a_request_prints_without_its_secrets() {
    let sent = request(&[("client_secret", "hunter2"), ("auth_method", "client_secret_post"), ("header.x", "hunter3")]);
    assert!(!format!("{sent:?}").contains("hunter"));
}

/// Returns the request line, the headers that are not in every request, and the body.
fn sent(options: &[(&str, &str)]) -> String {
    let request = request(options);
    let in_every = ["content-type", "user-agent", "accept"];
    let headers = request.headers.iter().filter(|(name, _)| !in_every.contains(&name.as_str()));
    let headers: String = headers.map(|(name, value)| format!("{name}: {} ", value.expose())).collect();
    format!("{} {headers}{}", request.endpoint.url, request.body.unwrap().expose())
}

/// `id` and `secret` as HTTP Basic.
const BASIC: &str = "authorization: Basic aWQ6c2VjcmV0";

#[test]
fn a_parameter_can_make_another_grant_without_an_option_for_it() {
    let by_parameters: [(&[(&str, &str)], String); 6] = [
        (
            &[("grant_type", "password"), ("param.username", "me"), ("param.password", "p w"), ("scope", "a")],
            format!("https://h/t {BASIC} grant_type=password&scope=a&password=p%20w&username=me"),
        ),
        (
            &[("grant_type", "refresh_token"), ("param.refresh_token", "r")],
            format!("https://h/t {BASIC} grant_type=refresh_token&refresh_token=r"),
        ),
        (
            &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("param.subject_token", "s"),
                ("param.subject_token_type", "urn:x"),
                ("param.requested_token_type", "urn:y"),
                ("audience", "a"),
            ],
            format!(
                "https://h/t {BASIC} grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=a\
                 &requested_token_type=urn%3Ay&subject_token=s&subject_token_type=urn%3Ax"
            ),
        ),
        (
            &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("param.assertion", "a.b.c"),
                ("auth_method", "client_secret_post"),
            ],
            "https://h/t grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&client_id=id\
             &client_secret=secret&assertion=a.b.c"
                .to_owned(),
        ),
        (
            &[("grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer"), ("param.assertion", "PHNhbWw+")],
            format!(
                "https://h/t {BASIC} grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml2-bearer\
                 &assertion=PHNhbWw%2B"
            ),
        ),
        (
            &[("param.client_assertion", "a.b.c"), ("param.client_assertion_type", "urn:z")],
            format!(
                "https://h/t {BASIC} grant_type=client_credentials&client_assertion=a.b.c&client_assertion_type=urn%3Az"
            ),
        ),
    ];
    for (options, expected) in by_parameters {
        assert_eq!(sent(options), expected);
    }
}

#[test]
fn a_grant_type_is_any_text() {
    // Zoom, SAP Ariba.
    for grant_type in ["account_credentials", "openapi_2lo", "client_credential"] {
        let expected = format!("https://h/t {BASIC} grant_type={grant_type}&account_id=1");
        assert_eq!(sent(&[("grant_type", grant_type), ("param.account_id", "1")]), expected);
    }
}

#[test]
fn a_public_client_sends_its_id_and_an_empty_secret_is_a_secret() {
    let empty = ("client_secret", "");
    assert_eq!(sent(&[empty]), "https://h/t authorization: Basic aWQ6 grant_type=client_credentials");
    assert_eq!(
        sent(&[empty, ("auth_method", "client_secret_post"), ("grant_type", "password"), ("param.username", "me")]),
        "https://h/t grant_type=password&client_id=id&username=me"
    );
}

#[test]
fn a_key_goes_into_a_header_and_a_query_stays_in_the_url() {
    assert_eq!(
        sent(&[("header.X-API-Key", "k"), ("token_url", "https://h/t?tenant=1&x=%20"), ("header.accept", "*/*")]),
        format!("https://h/t?tenant=1&x=%20 {BASIC} x-api-key: k grant_type=client_credentials")
    );
}
