//! Responses as servers, proxies and portals send them, and the grant or error that each becomes.

use super::*;
use crate::oauth::{credentials::RequestCredentials, times::ExpirySource};
use base64::{Engine, prelude::BASE64_STANDARD};

/// Sun, 06 Nov 1994 08:49:37 GMT.
pub(crate) const NOW: i64 = 784_111_777;

pub(crate) const SECRET: &str = "s3cr3t+va/lue==";
const BASIC: &str = "bXktY2xpZW50OnMzY3IzdCUyQnZhJTJGbHVlJTNEJTNE";
const PARAM: &str = "pïn 4711";

pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

fn credentials_of(settings: &Settings) -> RequestCredentials {
    RequestCredentials::new(settings, settings.credentials.read().1.unwrap()).unwrap()
}

pub(crate) fn read_with(settings: &Settings, status: u16, headers: Headers<'_>, body: &[u8]) -> Result<Grant, Error> {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let response = RawResponse { status, headers, body: Zeroizing::new(body.to_vec()) };
    let secrets = [SECRET, BASIC, PARAM, "7"].map(Secret::new);
    let credentials = credentials_of(settings);
    let result =
        read(&response, SentRequest::new(settings, settings.server.endpoint().into(), &credentials, &secrets), NOW);
    if let Err(error) = &result {
        check_error(error);
    }
    result
}

pub(crate) fn read_response(status: u16, headers: Headers<'_>, body: &str) -> Result<Grant, Error> {
    read_with(&Settings::example(), status, headers, body.as_bytes())
}

#[track_caller]
pub(crate) fn grant_of(body: &str) -> Grant {
    read_response(200, &[], body).unwrap_or_else(|error| panic!("{body}: {error}"))
}

#[track_caller]
pub(crate) fn error_of(status: u16, headers: Headers<'_>, body: &str) -> Error {
    read_response(status, headers, body).expect_err(body)
}

/// Panics unless the error is printable, bounded and free of secrets.
#[track_caller]
fn check_error(error: &Error) {
    let texts = [Some(error.message()), error.oauth_error(), error.oauth_description(), error.oauth_uri()];
    for text in texts.into_iter().flatten() {
        assert!(is_printable(text), "{text:?}");
        assert!(!text.is_empty());
        assert!(text.chars().count() <= 1000, "{} characters: {text}", text.chars().count());
        for secret in [SECRET, BASIC, PARAM, "the-t0ken", "va%2Flue", "va/lue", "s3cr3t+", "4711"] {
            assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{text}");
        }
    }
    assert!(error.http_status().is_some());
    assert!(error.is_transient() || !error.is_worth_another_attempt());
    assert_eq!(error.kind() == ErrorKind::OAuth, error.oauth_error().is_some());
}

/// The columns are type, scope, lifetime in milliseconds (or 0) and the rest of the response.
#[test]
fn a_valid_response_becomes_a_grant() {
    for (body, token_type, scope, lifetime, rest) in [
        // Podero, Gardin (Amazon Cognito), and the example of RFC 6749 §5.1.
        (
            r#"{"access_token":"T","expires_in":36000,"token_type":"Bearer","scope":"read write"}"#,
            "Bearer",
            Some("read write"),
            36_000_000,
            r#"{"expires_in":36000,"token_type":"Bearer","scope":"read write"}"#,
        ),
        (
            r#"{"access_token":"T","expires_in":3600,"token_type":"Bearer"}"#,
            "Bearer",
            None,
            3_600_000,
            r#"{"expires_in":3600,"token_type":"Bearer"}"#,
        ),
        (
            r#"{"access_token":"T","token_type":"bearer","expires_in":3600,"refresh_token":"R","example_parameter":"example_value"}"#,
            "bearer",
            None,
            3_600_000,
            r#"{"token_type":"bearer","expires_in":3600,"example_parameter":"example_value"}"#,
        ),
        (r#"{"access_token":"T"}"#, "Bearer", None, 0, "{}"),
        (r#"{"access_token":"T","token_type":null}"#, "Bearer", None, 0, r#"{"token_type":null}"#),
        (r#"{"access_token":"T","token_type":"BEARER"}"#, "BEARER", None, 0, r#"{"token_type":"BEARER"}"#),
        (r#"{"access_token":"T","token_type":"bEaReR"}"#, "bEaReR", None, 0, r#"{"token_type":"bEaReR"}"#),
        // Apigee's default, and servers that leave the word out.
        (
            r#"{"access_token":"T","token_type":"BearerToken"}"#,
            "BearerToken",
            None,
            0,
            r#"{"token_type":"BearerToken"}"#,
        ),
        (
            r#"{"access_token":"T","token_type":"bearertoken"}"#,
            "bearertoken",
            None,
            0,
            r#"{"token_type":"bearertoken"}"#,
        ),
        (r#"{"access_token":"T","token_type":""}"#, "Bearer", None, 0, r#"{"token_type":""}"#),
        // Names and values with escapes, and tokens of other kinds.
        (
            r#"{"\u0061ccess_token":"\u0054","id\u005ftoken":"I","refresh_token":null,"n\u0061me":"\u0000"}"#,
            "Bearer",
            None,
            0,
            r#"{"name":"\ufffd"}"#,
        ),
        // A repetition is not a contradiction.
        (r#"{"access_token":"T","access_token":"\u0054","x":1,"x":1}"#, "Bearer", None, 0, r#"{"x":1}"#),
        ("\u{feff}{\"access_token\":\"T\"}", "Bearer", None, 0, "{}"),
        (" \r\n\t{ \"access_token\" : \"T\" } \r\n", "Bearer", None, 0, "{}"),
        // Values that this library does not read are kept as they were written.
        (
            r#"{"z":1e400,"access_token":"T","a":[1, {"access_token":"inner"}],"b":-0.10}"#,
            "Bearer",
            None,
            0,
            r#"{"z":1e400,"a":[1, {"access_token":"inner"}],"b":-0.10}"#,
        ),
        // An `error` that names no error.
        (r#"{"access_token":"T","error":null}"#, "Bearer", None, 0, r#"{"error":null}"#),
        (r#"{"access_token":"T","error":""}"#, "Bearer", None, 0, r#"{"error":""}"#),
        (r#"{"access_token":"T","error":false}"#, "Bearer", None, 0, r#"{"error":false}"#),
        // Scopes.
        (r#"{"access_token":"T","scope":""}"#, "Bearer", Some(""), 0, r#"{"scope":""}"#),
        (r#"{"access_token":"T","scope":null}"#, "Bearer", None, 0, r#"{"scope":null}"#),
        (r#"{"access_token":"T","scope":["a","b:c"]}"#, "Bearer", Some("a b:c"), 0, r#"{"scope":["a","b:c"]}"#),
        (r#"{"access_token":"T","scope":[]}"#, "Bearer", Some(""), 0, r#"{"scope":[]}"#),
        (r#"{"access_token":"T","scope":[1]}"#, "Bearer", None, 0, r#"{"scope":[1]}"#),
        (r#"{"access_token":"T","scope":7}"#, "Bearer", None, 0, r#"{"scope":7}"#),
        (r#"{"access_token":"T","scope":{"a":"b"}}"#, "Bearer", None, 0, r#"{"scope":{"a":"b"}}"#),
        (r#"{"access_token":"T","scope":"größe"}"#, "Bearer", Some("größe"), 0, r#"{"scope":"größe"}"#),
    ] {
        let grant = grant_of(body);
        assert_eq!(grant.access_token.expose(), "T", "{body}");
        assert_eq!(grant.token_type, token_type, "{body}");
        assert_eq!(grant.scope.as_deref(), scope, "{body}");
        let left = match grant.expiry {
            StatedExpiry::In { left, .. } => left.as_millis(),
            StatedExpiry::Ended { .. } | StatedExpiry::NotStated => 0,
        };
        assert_eq!(left, lifetime, "{body}");
        assert_eq!(grant.response.expose(), rest, "{body}");
    }
}

#[test]
fn a_form_encoded_response_is_read_as_an_object_of_texts() {
    let form = &[("content-type", "application/x-www-form-urlencoded")][..];
    let plain = &[("content-type", "text/plain")][..];
    let lied = &[("content-type", "application/json")][..];
    for (headers, body, scope, rest) in [
        (form, "access_token=T&token_type=bearer", None, r#"{"token_type":"bearer"}"#),
        (plain, "access_token=T&scope=read+write%20all\n", Some("read write all"), r#"{"scope":"read write all"}"#),
        (lied, "scope=a%2Cb&access%5Ftoken=%54", Some("a,b"), r#"{"scope":"a,b"}"#),
        (&[], "access_token=T&x=%C3%BC%00&refresh_token=R", None, "{\"x\":\"ü\\ufffd\"}"),
        (&[], "access_token=T&access_token=T&error=", None, r#"{"error":""}"#),
        (&[], "access_token=T&error=0", None, r#"{"error":"0"}"#),
        (form, r#"{"access_token":"T","x":"a=b"}"#, None, r#"{"x":"a=b"}"#),
    ] {
        let grant = read_response(200, headers, body).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(grant.access_token.expose(), "T", "{body}");
        assert_eq!(grant.scope.as_deref(), scope, "{body}");
        assert_eq!(grant.response.expose(), rest, "{body}");
    }
    let grant = grant_of("access_token=T&expires_in=60");
    let told_by = ExpirySource::ExpiresIn;
    assert_eq!(grant.expiry, StatedExpiry::In { left: Duration::from_secs(60), told_by });
    let error = error_of(400, form, "error=invalid_client&error_description=No+such%20client");
    assert_eq!(error.oauth_error(), Some("invalid_client"));
    assert_eq!(error.oauth_description(), Some("No such client"));
    assert_eq!(error_of(200, &[], "access_token=the-t0ken&error=invalid_scope").oauth_error(), Some("invalid_scope"));
}

fn with_paths(token: &str, expires_in: Option<&str>, expires_at: Option<&str>) -> Settings {
    let path = |path: &str| path.split('.').map(str::to_owned).collect();
    Settings {
        response_access_token: Some(path(token)),
        response_expires_in: expires_in.map(path),
        response_expires_at: expires_at.map(path),
        ..Settings::example()
    }
}

#[test]
fn a_token_and_its_end_are_found_where_the_options_say() {
    let read = |settings: &Settings, body: &str| {
        let grant = read_with(settings, 200, &[], body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(grant.access_token.expose(), "T", "{body}");
        grant
    };
    let seconds = |grant: &Grant| match grant.expiry {
        StatedExpiry::In { left, .. } => left.as_secs(),
        StatedExpiry::Ended { .. } | StatedExpiry::NotStated => 0,
    };
    // Beside the token first, then at the top.
    for (path, body, left, scope, rest) in [
        (
            "data.token",
            r#"{"data":{"token":"T","expires_in":60},"expires_in":90}"#,
            60,
            None,
            r#"{"data":{"expires_in":60},"expires_in":90}"#,
        ),
        (
            "data.token",
            r#"{"data":{"token":"T"},"expires_in":90,"scope":"a"}"#,
            90,
            Some("a"),
            r#"{"data":{},"expires_in":90,"scope":"a"}"#,
        ),
        ("accessToken", r#"{"accessToken":"T","scope":"b"}"#, 0, Some("b"), r#"{"scope":"b"}"#),
        (
            "a.b.c.d.e.f.g.h",
            r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":"T","scope":"c"}}}}}}}}"#,
            0,
            Some("c"),
            r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"scope":"c"}}}}}}}}"#,
        ),
        (
            "data.token",
            r#"{"data":{"token":"T","access_token":"x","l":[{"id_token":1,"k":"T"}]},"refresh_token":"R","token":"kept"}"#,
            0,
            None,
            r#"{"data":{"l":[{"k":"[redacted]"}]},"token":"kept"}"#,
        ),
    ] {
        let grant = read(&with_paths(path, None, None), body);
        assert_eq!(seconds(&grant), left, "{body}");
        assert_eq!(grant.scope.as_deref(), scope, "{body}");
        assert_eq!(grant.response.expose(), rest, "{body}");
    }
    let body = r#"{"r":{"t":"T","expires_in":5,"life":{"s":"70"}},"at":"1994-11-06T08:50:57Z"}"#;
    assert_eq!(seconds(&read(&with_paths("r.t", Some("r.life.s"), None), body)), 70);
    assert_eq!(seconds(&read(&with_paths("r.t", Some("r.none"), Some("at")), body)), 80);
    assert_eq!(seconds(&read(&with_paths("r.t", None, Some("at")), body)), 5);
    let only_end = Settings { response_access_token: None, ..with_paths("x", Some("life"), None) };
    assert_eq!(seconds(&read(&only_end, r#"{"access_token":"T","expires_in":5,"life":70}"#)), 70);
    for (body, why) in [
        ("{}", "it has no data.token; check response.access_token"),
        (r#"{"access_token":"the-t0ken"}"#, "it has no data.token; check response.access_token"),
        (r#"{"data":"the-t0ken"}"#, "it has no data.token"),
        (r#"{"data":[{"token":"the-t0ken"}]}"#, "it has no data.token"),
        (r#"{"data":{"token":7}}"#, "its data.token is not a string"),
        (r#"{"data":{"token":"the t0ken"}}"#, "its data.token holds characters other than visible ASCII"),
        (r#"{"data":{"token":"the-t0ken","token":"other"}}"#, "it contains a member twice"),
        (r#"{"data":{"token":"the-t0ken","token_type":"the-t0ken"}}"#, "its token_type is \"[redacted]\""),
        (r#"{"data":{"token":"T","token_type":"mac"}}"#, "its token_type is \"mac\""),
    ] {
        let error = read_with(&with_paths("data.token", None, None), 200, &[], body.as_bytes()).unwrap_err();
        assert!(error.message().contains(why), "{body}\n{error}");
    }
    // What is inside such a member is no text of an error.
    let echo = br#"{"error":"x","error_description":"had the-t0ken and R-4712","data":{"token":"the-t0ken","refresh_token":["R-4712"]}}"#;
    let error = read_with(&with_paths("data.token", None, None), 400, &[], echo).unwrap_err();
    assert_eq!(error.oauth_description(), Some("had [redacted] and [redacted]"));
}

#[test]
fn a_token_is_taken_although_its_response_is_odd() {
    for body in [
        r#"{"access_token":"T","error":0}"#,
        r#"{"access_token":"T","error":-0.0}"#,
        r#"{"access_token":"T","error":{ }}"#,
        r#"{"access_token":"T","error":[ ]}"#,
        r#"{"access_token":"T","error":""}"#,
        r#"{"access_token":"T","error":"0"}"#,
        r#"{"access_token":"T","error":false}"#,
    ] {
        for status in [200, 201, 202, 203] {
            assert_eq!(read_response(status, &[], body).unwrap().access_token.expose(), "T", "{status} {body}");
        }
    }
    for (scope, normalised) in [
        (r#""a\nb\r\nc\td""#, "a b c d"),
        (r#""\n a  b\n""#, "a b"),
        (r#"["a","b\n","c d"]"#, "a b c d"),
        (r#""a  b""#, "a  b"),
    ] {
        let grant = grant_of(&format!(r#"{{"access_token":"T","scope":{scope}}}"#));
        assert_eq!(grant.scope.as_deref(), Some(normalised), "{scope}");
    }
    let latin1 = |body: &[u8]| read_with(&Settings::example(), 200, &[], body);
    let grant = latin1(b"{\"access_token\":\"T\",\"org\":\"M\xfcller\",\"\xe4\":1,\"\xf6\":2}").unwrap();
    assert_eq!(grant.response.expose(), "{\"org\":\"M\u{fffd}ller\",\"\u{fffd}\":2}");
    for (body, why) in [
        (&b"{\"access_token\":\"T\xfc\"}"[..], "other than visible ASCII"),
        (b"{\"access_token\":\"T\",\"scope\":\"gr\xfcn\"}", "its scope is not UTF-8"),
        (b"{\"access_token\":\"T\",\"token_type\":\"\xfc\"}", "its token_type is"),
        (b"{\"access_token\":\"the-t0ken\",\xfc}", "its body is not UTF-8"),
        (b"\xff\xfe{\0}\0", "its body is not UTF-8"),
    ] {
        assert!(latin1(body).unwrap_err().message().contains(why), "{body:?}");
    }
}

#[test]
fn the_word_of_the_option_token_type_counts_as_bearer_in_any_case() {
    let settings = Settings { token_type: Some("Application Access Token".into()), ..Settings::example() };
    let kind = |settings: &Settings, kind: &str| {
        let body = format!(r#"{{"access_token":"T","token_type":"{kind}"}}"#);
        read_with(settings, 200, &[], body.as_bytes()).map(|grant| grant.token_type)
    };
    for word in ["Application Access Token", "application access token", "Bearer", "bearer", "BearerToken"] {
        assert_eq!(kind(&settings, word).unwrap(), word);
        assert_eq!(kind(&Settings::example(), word).is_ok(), word.starts_with(['B', 'b']), "{word}");
    }
    assert_eq!(kind(&settings, "").unwrap(), "Bearer");
    for word in ["DPoP", "MAC", "N_A", "JWT", "Application  Access Token", "Application", "Application Access Token "] {
        assert!(kind(&settings, word).unwrap_err().message().contains("supports only Bearer"), "{word}");
    }
}

#[test]
fn unrelated_headers_do_not_change_a_grant() {
    for (status, headers) in [
        (201, &[][..]),
        (200, &[("content-type", "text/html; charset=utf-8")]),
        (200, &[("content-type", "")]),
        (200, &[("content-encoding", "identity")]),
        (200, &[("content-encoding", "Identity, ")]),
        (200, &[("date", "yesterday")]),
        (200, &[("location", "https://elsewhere.example/")]),
        (200, &[("www-authenticate", "Bearer error=\"invalid_token\"")]),
    ] {
        let grant = read_response(status, headers, r#"{"access_token":"T","expires_in":1}"#).unwrap();
        let left = Duration::from_secs(1);
        assert_eq!(grant.expiry, StatedExpiry::In { left, told_by: ExpirySource::ExpiresIn }, "{headers:?}");
    }
}

#[test]
fn the_error_of_an_unusable_success_gives_the_reason() {
    let html = &[("content-type", "text/html; charset=utf-8")][..];
    let plain = &[("content-type", "text/plain")][..];
    let json = &[("content-type", "application/JSON")][..];
    let form = &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")][..];
    let none: Headers<'_> = &[];
    for (status, headers, body, why) in [
        (200, none, "", "its body is empty; is token_url the token endpoint?"),
        (200, none, " \r\n", "its body is empty"),
        (200, none, "\u{feff}", "its body is empty"),
        (200, none, "null", "JSON but not an object"),
        (200, none, "[]", "JSON but not an object"),
        (200, none, r#"[{"access_token":"T"}]"#, "JSON but not an object"),
        (200, none, "\"the-t0ken\"", "JSON but not an object"),
        (200, none, "42", "JSON but not an object"),
        (200, none, "OK", "not JSON (line 1, column 1)"),
        (200, plain, "the-t0ken", "not JSON but text/plain (line 1, column"),
        (200, json, "OK", "not JSON, though its Content-Type is (line 1, column 1); the server"),
        (200, none, "access_token=the-t0ken&token_type", "not JSON"),
        (200, none, "access_token=the-t0ken&x=<b>", "not JSON"),
        (200, none, "access_token=the-t0ken&x=a b", "not JSON"),
        (200, none, "access_token=the-t0ken&=1", "not JSON"),
        (200, none, "access_token=the-t0ken&", "not JSON"),
        (200, none, "access_token=the-t0ken&x=%zz", "not JSON"),
        (200, none, "access_token=the-t0ken&x=%ff", "not JSON"),
        (200, none, "access_token=the-t0ken&x=%+1", "not JSON"),
        (200, none, "token=the-t0ken", "not JSON"),
        (200, none, "access_token=the-t0ken&access_token=other", "it contains access_token twice"),
        (200, none, "access_token=the+t0ken", "other than visible ASCII"),
        (200, none, "access_token=", "its access_token has 0 characters"),
        (200, form, "token=the-t0ken", "it has no access_token"),
        (200, none, r#"{"access_token":"the-t0ken""#, "not JSON"),
        (200, none, r#"{"access_token":"the-t0k"#, "not JSON"),
        (200, none, r#"{"access_token":"the-t0ken",}"#, "not JSON"),
        (200, none, r#"{"access_token":"the-t0ken"}{}"#, "not JSON"),
        (200, none, "{\"access_token\":\"the-t0ken\"}\0", "not JSON"),
        (200, none, "{\"access_token\":\"the-t0ken\n\"}", "not JSON"),
        (200, none, "{'access_token':'the-t0ken'}", "not JSON"),
        (200, none, ")]}',\n{\"access_token\":\"the-t0ken\"}", "not JSON"),
        (200, none, "callback({\"access_token\":\"the-t0ken\"})", "not JSON"),
        (200, none, "<?xml version=\"1.0\"?><access_token>the-t0ken</access_token>", "not JSON"),
        (200, html, "<html><head><title> Sign in </title>", "a web page titled \"Sign in\"; is token_url"),
        (200, none, "\n<!DOCTYPE html><TITLE lang=\"en\">Hi</TITLE>", "a web page titled \"Hi\""),
        (200, none, "<HTML><body>", "its body is a web page; is token_url"),
        (200, html, "<html><title>never closed", "its body is a web page;"),
        (200, html, "<html><title></title>", "its body is a web page;"),
        (200, html, "<html><title>s3cr3t+va/lue==</title>", "titled \"[redacted]\""),
        (200, &[("content-encoding", "gzip")], "{\"access_token\":\"the-t0ken\"}", "its body is encoded (gzip)"),
        (200, &[("content-encoding", "identity, br")], "{}", "its body is encoded (br)"),
        (200, &[("content-encoding", "\u{7}\u{202e}x")], "{}", "its body is encoded (\u{fffd}\u{fffd}x)"),
        (200, none, "{}", "it has no access_token; is token_url"),
        (200, none, r#"{"access_token":null}"#, "it has no access_token"),
        (200, none, r#"{"Access_Token":"the-t0ken"}"#, "it has no access_token"),
        (200, none, r#"{"accessToken":"the-t0ken"}"#, "it has no access_token"),
        (200, none, r#"{"data":{"access_token":"the-t0ken"}}"#, "it has no access_token"),
        (200, none, r#"{"refresh_token":"the-t0ken","id_token":"the-t0ken"}"#, "it has no access_token"),
        (200, none, r#"{"access_token":42}"#, "its access_token is not a string"),
        (200, none, r#"{"access_token":["the-t0ken"]}"#, "its access_token is not a string"),
        (200, none, r#"{"access_token":{"value":"the-t0ken"}}"#, "its access_token is not a string"),
        (200, none, r#"{"access_token":true}"#, "its access_token is not a string"),
        (200, none, r#"{"access_token":"\ud800"}"#, "its access_token is not a string"),
        (200, none, r#"{"access_token":""}"#, "its access_token has 0 characters"),
        (200, none, r#"{"access_token":" the-t0ken"}"#, "other than visible ASCII"),
        (200, none, r#"{"access_token":"the-t0ken\r\nX-Evil: 1"}"#, "other than visible ASCII"),
        (200, none, r#"{"access_token":"the-t0ken\n"}"#, "other than visible ASCII"),
        (200, none, r#"{"access_token":"the-t0ken\u0000"}"#, "other than visible ASCII"),
        (200, none, r#"{"access_token":"the-t0ken\u007f"}"#, "other than visible ASCII"),
        (200, none, r#"{"access_token":"the-t0ken\u0020"}"#, "other than visible ASCII"),
        (200, none, r#"{"access_token":"thé-t0ken"}"#, "other than visible ASCII"),
        (
            200,
            none,
            r#"{"access_token":"T","token_type":"mac"}"#,
            "its token_type is \"mac\", and this library supports only",
        ),
        (200, none, r#"{"access_token":"T","token_type":"DPoP"}"#, "\"DPoP\""),
        (200, none, r#"{"access_token":"T","token_type":"Bearer Token"}"#, "set token_type=Bearer Token, else"),
        (200, none, r#"{"access_token":"T","token_type":"jwt-bearer"}"#, "set token_type=jwt-bearer, else ask its"),
        (200, none, r#"{"access_token":"T","token_type":"JWT"}"#, "sent as Bearer, set token_type=JWT"),
        (200, none, r#"{"access_token":"T","token_type":" "}"#, "only Bearer; ask the server's operator"),
        (200, none, r#"{"access_token":"T","token_type":"MAC"}"#, "only Bearer; ask the server's operator"),
        (200, none, r#"{"access_token":"T","token_type":"dpop"}"#, "only Bearer; ask the server's operator"),
        (200, none, r#"{"access_token":"T","token_type":"n_a"}"#, "only Bearer; ask the server's operator"),
        (200, none, r#"{"access_token":"T","token_type":"größe"}"#, "only Bearer; ask the server's operator"),
        (200, none, r#"{"access_token":"T","token_type":"Bearer "}"#, "token_type is \"Bearer\""),
        (200, none, r#"{"access_token":"T","token_type":"a\n\u202eb"}"#, "token_type is \"a \u{fffd}b\""),
        (200, none, r#"{"access_token":"the-t0ken","token_type":"the-t0ken"}"#, "token_type is \"[redacted]\""),
        (200, none, r#"{"access_token":"T","token_type":1}"#, "its token_type is not a string"),
        (200, none, r#"{"access_token":"T","token_type":["Bearer"]}"#, "its token_type is not a string"),
        (200, none, r#"{"access_token":"T","scope":"a\u0000b"}"#, "its scope holds unprintable"),
        (200, none, r#"{"access_token":"T","scope":["a","\u202e"]}"#, "its scope holds unprintable"),
        (200, none, r#"{"access_token":"the-t0ken","access_token":"other"}"#, "it contains access_token twice"),
        (200, none, r#"{"access_token":"the-t0ken","\u0061ccess_token":"other"}"#, "it contains access_token twice"),
        (200, none, r#"{"access_token":"T","access_token":null}"#, "it contains access_token twice"),
        (200, none, r#"{"access_token":"T","expires_in":1,"expires_in":2}"#, "it contains expires_in twice"),
        (200, none, r#"{"access_token":"T","error":"a","error":null}"#, "it contains error twice"),
        (200, none, r#"{"access_token":"the-t0ken","the-t0ken":1,"the-t0ken":2}"#, "it contains a member twice"),
        (200, none, r#"{"access_token":"T","error":{"code":1}}"#, "its error member is not an error code"),
        (200, none, r#"{"access_token":"T","error":[0]}"#, "its error member is not an error code"),
        (200, none, r#"{"access_token":"T","error":" "}"#, "its error member is not an error code"),
        (200, none, r#"{"error":{}}"#, "it has no access_token"),
        (200, none, r#"{"access_token":"T","error":1}"#, "its error member is not an error code"),
        (200, none, r#"{"access_token":"T","error":true}"#, "its error member is not an error code"),
        (200, none, r#"{"access_token":"T","error":"Service Unavailable"}"#, "its error member is not an error code"),
        (200, none, r#"{"error":["invalid_client"]}"#, "its error member is not an error code"),
        (200, none, r#"{"error":"a\"b"}"#, "its error member is not an error code"),
        (200, none, r#"{"error":"s3cr3t+va/lue=="}"#, "its error member is not an error code"),
        (202, none, r#"{"access_token":null}"#, "responded with 202, but a token comes with 200"),
        (203, none, "{}", "responded with 203, but a token comes with 200"),
        (203, none, r#"{"access_token":1}"#, "responded with 203, but its access_token is not a string"),
        (206, none, r#"{"access_token":"the-t0ken"}"#, "responded with 206, but a token comes with 200"),
        (204, none, "", "responded with 204, but a token comes with 200 (RFC 6749 §5.1); is token_url"),
        (206, none, r#"{"access_token":"the-t0ken"}"#, "responded with 206"),
        (299, none, "", "responded with 299"),
        (201, none, "", "the token endpoint responded with 201, but its body is empty"),
    ] {
        let error = error_of(status, headers, body);
        assert_eq!(error.kind(), ErrorKind::BadResponse, "{body}");
        assert!(error.message().starts_with("the token endpoint responded with 2"), "{error}");
        assert!(error.message().contains(why), "{body}\n{error}\n{why}");
        assert_eq!(error.http_status(), Some(status));
        assert!(!error.is_transient() && !error.is_worth_another_attempt());
    }
    let error = read_with(&Settings::example(), 200, &[], b"{\"access_token\":\"T\",\"x\":\"\xff\",}").unwrap_err();
    assert!(error.message().contains("not UTF-8"), "{error}");
    let utf16: Vec<u8> = "{\"access_token\":\"T\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_with(&Settings::example(), 200, &[], &utf16).unwrap_err().kind(), ErrorKind::BadResponse);
}

#[test]
fn the_length_of_a_token_is_bounded() {
    let body = |length: usize| format!(r#"{{"access_token":"{}"}}"#, "t".repeat(length));
    for length in [1, 8 * 1024, LONGEST_TOKEN] {
        assert_eq!(grant_of(&body(length)).access_token.expose().len(), length);
    }
    for length in [LONGEST_TOKEN + 1, 1 << 20] {
        let error = error_of(200, &[], &body(length));
        assert!(error.message().contains(&format!("its access_token has {length} characters")), "{error}");
    }
    let all: String = (0x21..=0x7e_u8).map(char::from).collect();
    let written = serde_json::to_string(&all).unwrap();
    assert_eq!(grant_of(&format!(r#"{{"access_token":{written}}}"#)).access_token.expose(), all);
}

#[test]
fn a_body_of_any_depth_and_length_is_rejected_without_harm() {
    let many = 10_000_000;
    let bodies = [
        "[".repeat(many),
        "{".repeat(many),
        format!(r#"{{"access_token":"T","x":{}"#, "[".repeat(many)),
        format!(r#"{{"access_token":"T","x":{}{}}}"#, "[".repeat(many), "]".repeat(many)),
        "{\"a\":".repeat(many / 5),
        "\"".repeat(many),
        "\u{202e}".repeat(many / 3),
    ];
    for body in &bodies {
        assert_eq!(error_of(200, &[], body).kind(), ErrorKind::BadResponse);
        assert_eq!(error_of(401, &[], body).kind(), ErrorKind::Http);
        assert_eq!(error_of(503, &[("content-type", "text/html")], body).kind(), ErrorKind::Http);
    }
    assert!(error_of(200, &[], &bodies[3]).message().contains("nested too deeply"));
    let deep = |levels| format!(r#"{{"access_token":"T","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(read_response(200, &[], &deep(126)).is_ok());
    assert!(read_response(200, &[], &deep(127)).is_err());
}

/// The columns are the kind, whether it is retryable, and whether another attempt follows.
#[test]
fn a_refusal_is_judged_by_status_and_code() {
    use ErrorKind::{Http, OAuth};
    let spring = r#"{"timestamp":"2024-01-01T00:00:00Z","status":503,"error":"Service Unavailable","path":"/token"}"#;
    let too_long = format!(r#"{{"error":"{}"}}"#, "x".repeat(101));
    let just_fits = format!(r#"{{"error":"{}"}}"#, "x".repeat(100));
    for (status, body, kind, is_transient, is_attempted_again) in [
        (400, r#"{"error":"invalid_request"}"#, OAuth, false, false),
        (400, r#"{"error":"invalid_client"}"#, OAuth, false, false),
        (401, r#"{"error":"invalid_client","error_description":null}"#, OAuth, false, false),
        (403, r#"{"error":"access_denied"}"#, OAuth, false, false),
        (404, r#"{"error":"not_found"}"#, OAuth, false, false),
        (418, r#"{"error":"teapot"}"#, OAuth, false, false),
        (302, r#"{"error":"login_required"}"#, OAuth, false, false),
        (202, r#"{"error":"authorization_pending"}"#, OAuth, false, false),
        (200, r#"{"error":"invalid_client"}"#, OAuth, false, false),
        (200, r#"{"access_token":"the-t0ken","error":"invalid_scope"}"#, OAuth, false, false),
        (201, r#"{"error":"invalid_client"}"#, OAuth, false, false),
        // Retryable with any status, but attempted again only with some.
        (400, r#"{"error":"temporarily_unavailable"}"#, OAuth, true, false),
        (400, r#"{"error":"server_error"}"#, OAuth, true, false),
        (400, r#"{"error":"slow_down"}"#, OAuth, true, false),
        (401, r#"{"error":"temporarily_unavailable"}"#, OAuth, true, false),
        (200, r#"{"error":"temporarily_unavailable"}"#, OAuth, true, false),
        (303, r#"{"error":"server_error"}"#, OAuth, true, false),
        // With any body.
        (408, r#"{"error":"invalid_client"}"#, OAuth, true, true),
        (425, "", Http, true, true),
        (429, r#"{"error":"invalid_request"}"#, OAuth, true, true),
        (429, r#"{"error":"slow_down"}"#, OAuth, true, true),
        (429, "Too Many Requests", Http, true, true),
        (500, r#"{"error":"invalid_client"}"#, OAuth, true, true),
        (500, r#"{"error":"server_error"}"#, OAuth, true, true),
        (500, r#"{"access_token":"the-t0ken"}"#, Http, true, true),
        (501, "", Http, true, true),
        (502, "<html><title>Bad Gateway</title>", Http, true, true),
        (503, spring, Http, true, true),
        (504, "\0\0\0", Http, true, true),
        (599, "", Http, true, true),
        (999, "", Http, true, true),
        (407, "", Http, false, false),
        (409, "", Http, false, false),
        (424, "", Http, false, false),
        (426, "", Http, false, false),
        (428, "", Http, false, false),
        (499, "", Http, false, false),
        (100, "", Http, false, false),
        (300, "", Http, false, false),
        (304, "", Http, false, false),
        // No code.
        (400, "", Http, false, false),
        (400, "{}", Http, false, false),
        (400, r#"{"error":null}"#, Http, false, false),
        (400, r#"{"error":""}"#, Http, false, false),
        (400, r#"{"error":true}"#, Http, false, false),
        (400, r#"{"error":400}"#, Http, false, false),
        (400, r#"{"error":{"code":"invalid_client","message":"no"}}"#, Http, false, false),
        (400, r#"{"error":["invalid_client"]}"#, Http, false, false),
        (400, r#"{"error":"Bad Request"}"#, Http, false, false),
        (400, r#"{"error":" invalid_client"}"#, Http, false, false),
        (400, r#"{"error":"invalid\nclient"}"#, Http, false, false),
        (400, r#"{"error":"invalid\u0000client"}"#, Http, false, false),
        (400, r#"{"error":"inv\"alid"}"#, Http, false, false),
        (400, r#"{"error":"inv\\alid"}"#, Http, false, false),
        (400, r#"{"error":"ungültig"}"#, Http, false, false),
        (400, r#"{"error":"a\u007f"}"#, Http, false, false),
        (400, r#"{"error":"\u0021#[]~"}"#, OAuth, false, false),
        (400, &just_fits, OAuth, false, false),
        (400, &too_long, Http, false, false),
        (400, r#"{"error":"s3cr3t+va/lue=="}"#, Http, false, false),
        (400, r#"{"error":"bXktY2xpZW50OnMzY3IzdCUyQnZhJTJGbHVlJTNEJTNE"}"#, Http, false, false),
        (400, r#"{"error":"the-t0ken","access_token":"the-t0ken"}"#, Http, false, false),
        (400, r#"{"error":"invalid_client","error":"invalid_scope"}"#, Http, false, false),
        (400, r#"{"error":"invalid_client","error":"invalid_client"}"#, OAuth, false, false),
        (400, r#"{"error":"invalid_client"} "#, OAuth, false, false),
        (400, r#"{"error":"invalid_client"}x"#, Http, false, false),
        (400, r#"[{"error":"invalid_client"}]"#, Http, false, false),
        (400, "error=invalid_client", Http, false, false),
        (400, "\u{feff}{\"error\":\"invalid_client\"}", OAuth, false, false),
    ] {
        let error = error_of(status, &[], body);
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert_eq!(error.is_transient(), is_transient, "{status} {body}: {error}");
        assert_eq!(error.is_worth_another_attempt(), is_attempted_again, "{status} {body}: {error}");
        assert_eq!(error.http_status(), Some(status));
        assert!(error.message().starts_with(&format!("the token endpoint responded with {status}")), "{error}");
        assert_eq!(error.server_wait(), None);
    }
    let encoded = error_of(401, &[("content-encoding", "gzip")], r#"{"error":"invalid_client"}"#);
    assert_eq!(encoded.kind(), Http);
    let latin1 = b"{\"error\":\"invalid_client\",\"error_description\":\"ung\xfcltig\"}";
    let latin1 = read_with(&Settings::example(), 401, &[], latin1).unwrap_err();
    assert_eq!((latin1.oauth_error(), latin1.oauth_description()), (Some("invalid_client"), None));
}

#[test]
fn a_known_code_is_kept_although_a_secret_is_part_of_it() {
    let response = RawResponse {
        status: 400,
        headers: vec![],
        body: Zeroizing::new(br#"{"error":"invalid_client","error_description":"bad client"}"#.to_vec()),
    };
    let settings = Settings::example();
    let (credentials, secrets) = (credentials_of(&settings), [Secret::new("client")]);
    let error =
        read(&response, SentRequest::new(&settings, settings.server.endpoint().into(), &credentials, &secrets), NOW)
            .unwrap_err();
    assert_eq!(error.oauth_error(), Some("invalid_client"));
    assert_eq!(error.oauth_description(), Some("bad [redacted]"));
}

#[test]
fn a_proxy_that_forwards_http_may_have_responded_itself() {
    let (either, server) =
        ("the token endpoint, or the proxy before it, responded with ", "the token endpoint responded with ");
    for (url, proxy, responder) in [
        ("http://127.0.0.1/t", Some("http://proxy"), either),
        ("http://127.0.0.1/t", None, server),
        ("https://127.0.0.1/t", Some("http://proxy"), server),
    ] {
        let mut config = crate::Config::new();
        for (name, value) in [("token_url", url), ("client_id", "id"), ("client_secret", SECRET)] {
            config.set(name, value).unwrap();
        }
        config.set("proxy", proxy).unwrap();
        let settings = config.settings(&|_| None).unwrap();
        for status in [200, 204, 302, 403, 503] {
            let error = read_with(&settings, status, &[], b"").unwrap_err();
            assert!(error.message().starts_with(&format!("{responder}{status}")), "{error}");
        }
    }
}

#[test]
fn the_description_of_a_refusal_without_a_code_is_shown() {
    for (body, shown) in [
        (r#"{"message":"Invalid API key"}"#, ": Invalid API key;"),
        (r#"{"statusCode":401,"message":"Access denied due to missing subscription key."}"#, ": Access denied due to"),
        (r#"{"Message":"not allowed"}"#, ": not allowed;"),
        (r#"{"__type":"NotAuthorizedException","message":"no"}"#, ": no;"),
        (r#"{"errorCode":"invalid_client","errorSummary":"Invalid value"}"#, ": Invalid value;"),
        (r#"{"detail":"Authentication failed"}"#, ": Authentication failed;"),
        (r#"{"type":"about:blank","title":"Forbidden","status":403}"#, ": Forbidden;"),
        (
            r#"{"error":{"code":403,"message":"Caller has no permission","status":"DENIED"}}"#,
            ": Caller has no permission;",
        ),
        (r#"{"fault":{"faultstring":"Invalid ApiKey","detail":{}}}"#, ": Invalid ApiKey;"),
        (r#"{"status":500,"error":"Internal Server Error","path":"/t"}"#, ": Internal Server Error;"),
        (r#"{"error":"not a code","error_description":"but a reason"}"#, ": but a reason;"),
        (r#"{"error":{"error":{"message":"too deep to look"}}}"#, "418;"),
        (r#"{"message":["no text"]}"#, "418;"),
        (r#"{"errors":[{"code":"NOT.AUTHORIZED","message":"no credentials"}]}"#, ": no credentials;"),
        (r#"{"errors":[{"code":"1"},{"message":" "},{"message":"the third"}]}"#, ": the third;"),
        (r#"{"errors":{"message":"an object"}}"#, ": an object;"),
        (r#"{"errors":["a text","another"]}"#, ": a text;"),
        (r#"{"errors":[{"detail":"as JSON:API writes it"}]}"#, ": as JSON:API writes it;"),
        (r#"{"response":{"errors":[{"code":"10401","message":"no"}]}}"#, ": no;"),
        (r#"{"response":{"message":"no"}}"#, ": no;"),
        (r#"{"response":[{"errors":[{"message":"too deep to look"}]}]}"#, "418;"),
        (r#"{"error":{"errors":[{"message":"no"}]}}"#, ": no;"),
        (r#"{"errorCode":"x","errorMessage":"no"}"#, ": no;"),
        (r#"{"error_code":7,"error_message":"no"}"#, ": no;"),
        (r#"{"ErrorCode":"invalid_request","Error":"no"}"#, ": no;"),
        (r#"{"ErrorCode":"invalid_request"}"#, ": invalid_request;"),
        (r#"{"title":"Forbidden","detail":"no"}"#, ": no;"),
        (r#"{"message":"at the top","errors":[{"message":"inside"}]}"#, ": at the top;"),
        (r#"{"errors":[]}"#, "418;"),
        (r#"{"errors":[1,null,[],{},[{"message":"no"}]]}"#, "418;"),
        (r#"{"errors":[{"message":"s3cr3t+va/lue== is wrong"}]}"#, ": [redacted] is wrong;"),
        (r#"{"errors":[{"message":"a\u202eb\u001b[31m\nc"}]}"#, ": a\u{fffd}b\u{fffd}[31m c;"),
        (r#"{"message":"the-t0ken here","id_token":"the-t0ken"}"#, ": [redacted] here;"),
        ("error code: 1020", ": error code: 1020;"),
        ("RBAC: access denied", ": RBAC: access denied;"),
        ("line one\nline two\u{1b}[31m", ": line one line two\u{fffd}[31m;"),
        ("access_token=the-t0ken", "418;"),
        ("AccessToken: the-t0ken", "418;"),
        ("Invalid token", ": Invalid token;"),
        ("{\"access_token\":\"the-t0ken", "418;"),
        ("\"the-t0ken\"", "418;"),
        ("<Error><Code>AccessDenied</Code></Error>", "418;"),
        ("<html><body>no title", ": a web page;"),
        ("<html><title>a\u{202e}b\n</title>", ": a web page titled \"a\u{fffd}b\";"),
        ("\0", ": \u{fffd};"),
        ("\u{fffd}", "418;"),
    ] {
        let error = error_of(418, &[], body);
        assert!(error.message().contains(shown), "{body}\n{error}");
        assert!(error.oauth_description().is_none());
    }
}

#[test]
fn a_reason_in_an_array_is_bounded() {
    let message = |length| format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "d".repeat(length));
    assert!(error_of(418, &[], &message(300)).message().contains(&format!(": {};", "d".repeat(300))));
    assert!(error_of(418, &[], &message(301)).message().contains(&format!(": {}…;", "d".repeat(299))));
    let late = |place| format!(r#"{{"errors":[{}"late"]}}"#, "0,".repeat(place));
    assert!(error_of(418, &[], &late(9)).message().contains(": late;"));
    assert!(!error_of(418, &[], &late(10)).message().contains("late"));
}

#[test]
fn a_description_is_bounded_and_a_uri_whole_or_absent() {
    let long = "d".repeat(100_000);
    let error = error_of(400, &[], &format!(r#"{{"error":"x","error_description":"{long}"}}"#));
    assert_eq!(error.oauth_description().unwrap().chars().count(), 300);
    assert!(error.oauth_description().unwrap().ends_with('…'));
    for (description, shown) in [
        (r#""gr\u00f6\u00dfer""#, Some("größer")),
        (r#""a\u0000b\u001b[0m\u202ec""#, Some("a\u{fffd}b\u{fffd}[0m\u{fffd}c")),
        (r#""a\r\nb\u2028c""#, Some("a  b c")),
        (r#""""#, None),
        (r#"" \n ""#, None),
        ("null", None),
        ("42", None),
        (r#"["a"]"#, None),
        (r#"{"a":"b"}"#, None),
        (r#""\ud800""#, None),
    ] {
        let error = error_of(400, &[], &format!(r#"{{"error":"x","error_description":{description}}}"#));
        assert_eq!(error.oauth_description(), shown, "{description}");
        assert_eq!(error.oauth_error(), Some("x"));
    }
    for uri in ["https://e.example/invalid_client?a=b#c", "https://e.example/invalid_client?r=s3cr3t%2Bva%2Flue%3D%3D"]
    {
        let error = error_of(400, &[], &format!(r#"{{"error":"x","error_uri":"{uri}"}}"#));
        assert_eq!(error.oauth_uri(), Some("https://e.example/invalid_client"));
    }
    let fits = format!("https://e.example/{}", "x".repeat(500 - 1 - 18));
    let too_long = format!("{fits}x");
    for (uri, kept) in [
        ("https://e.example/errors#invalid_client", true),
        ("HTTP://e.example", true),
        (&fits, true),
        (&too_long, false),
        ("https://e.example/a b", false),
        ("https://e.example/\\u0000", false),
        ("https://e.example/ä", false),
        ("https://e.example/\\\"", false),
        ("javascript:alert(1)", false),
        ("/errors/1", false),
        ("", false),
        ("https://e.example/s3cr3t%2Bva%2Flue%3D%3D", false),
        ("https://e.example/the-t0ken", false),
    ] {
        let error = error_of(400, &[], &format!(r#"{{"error":"x","error_uri":"{uri}","access_token":"the-t0ken"}}"#));
        assert_eq!(error.oauth_uri(), kept.then_some(uri), "{uri}");
    }
    for uri in ["null", "1", "[]"] {
        assert_eq!(error_of(400, &[], &format!(r#"{{"error":"x","error_uri":{uri}}}"#)).oauth_uri(), None);
    }
}

/// The server sends the longest error that it can.
#[test]
fn no_error_holds_more_than_500_characters_of_the_server() {
    let code = "\u{7e}".repeat(100);
    let body = format!(
        r#"{{"error":"{code}","error_description":"{}","error_uri":"https://{}"}}"#,
        "ö".repeat(1000),
        "~".repeat(92)
    );
    let location = format!("https://{}/", "ö".repeat(1000));
    for status in [400, 302] {
        let error = error_of(status, &[("location", &location)], &body);
        let parts = [error.oauth_error(), error.oauth_description(), error.oauth_uri()].into_iter().flatten();
        let parts: usize = parts.map(|text| text.chars().count()).sum();
        let in_message = error.message().chars().filter(|c| "~ö…".contains(*c)).count();
        let location = if status == 302 { 100 } else { 0 };
        assert_eq!(parts, 500 - location, "{error:?}");
        assert_eq!(in_message, 400 + location - if status == 302 { "https://".len() } else { 0 }, "{error}");
    }
}

/// A server may put what it was sent, or what it grants, anywhere into a response.
#[test]
fn no_echo_of_a_secret_is_shown_in_any_place_or_spelling() {
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let escaped = |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let entities = |text: &str| text.chars().map(|c| format!("&#{};", u32::from(c))).collect::<String>();
    let form = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string().replace("%20", "+")
    };
    let places = [
        r#"{"error":@}"#,
        r#"{"error":"invalid_client","error_description":@}"#,
        r#"{"error":"invalid_client","error_uri":@}"#,
        r#"{"error":"two words","error_description":@,"access_token":"the-t0ken"}"#,
        r#"{"error":{"message":@}}"#,
        r#"{"message":@}"#,
        r#"{"detail":@}"#,
        r#"{"access_token":"T","token_type":@}"#,
        r#"{"access_token":@,"token_type":"mac","scope":@}"#,
        r#"{"access_token":"the-t0ken","error":"denied","error_description":"the-t0ken and" }"#,
        r#"{@:1,@:2}"#,
        r#"{"access_token":@,"access_token":"the-t0ken"}"#,
        "<html><title>@</title><body>@",
        "plain @ text",
        "client_secret=@&grant_type=client_credentials",
        "{\"broken\":@",
    ];
    let mut errors = 0;
    for secret in [SECRET, BASIC, PARAM] {
        let spellings = [
            json(secret),
            json(&format!("Basic {secret}")),
            json(&format!("{}{secret}", "x".repeat(295))),
            json(&format!("https://e.example/{}", form(secret))),
            json(&json(secret)),
            json(&secret.to_uppercase()),
            format!("\"{}\"", escaped(secret)),
            json(&escaped(secret)),
            json(&percent(secret)),
            json(&entities(secret)),
            json(&form(secret)),
        ];
        for place in places {
            for spelling in &spellings {
                let body = place.replace('@', spelling);
                for status in [200, 202, 302, 401] {
                    let header = spelling.trim_matches('"');
                    let location = format!("https://{header}@e.example/{header}?{header}");
                    for headers in [
                        &[("location", location.as_str()), ("retry-after", header)][..],
                        &[("location", header), ("content-type", header)],
                        &[("content-encoding", header)],
                        &[("content-type", "text/html")],
                    ] {
                        // `check_error` checks every error.
                        errors += u32::from(read_response(status, headers, &body).is_err());
                    }
                }
            }
        }
    }
    assert!(errors > 7_000, "{errors}");
}

#[test]
fn the_planted_basic_value_belongs_to_the_planted_secret() {
    let pair = BASE64_STANDARD.decode(BASIC).unwrap();
    assert_eq!(pair, b"my-client:s3cr3t%2Bva%2Flue%3D%3D");
}

#[test]
fn an_endpoint_of_metadata_is_named_by_it_and_the_methods_it_lists_are_a_hint() {
    use crate::config::{Endpoint, NamedBy};
    let settings = Settings::example();
    let endpoint = Endpoint { named_by: NamedBy::Metadata, ..settings.server.endpoint().clone() };
    let message = |status, body: &str, auth_methods: &[&'static str]| {
        let response = RawResponse { status, headers: Vec::new(), body: Zeroizing::new(body.into()) };
        let asked = Asked { endpoint: &endpoint, auth_methods };
        let credentials = credentials_of(&settings);
        read(&response, SentRequest::new(&settings, asked, &credentials, &[]), NOW).unwrap_err().message().to_owned()
    };
    for (status, body) in [(404, ""), (405, ""), (302, ""), (200, ""), (200, "<html>"), (204, ""), (413, "")] {
        let message = message(status, body, &["none"]);
        assert!(
            message.contains("the token_endpoint of issuer's metadata") && !message.contains("token_url"),
            "{message}"
        );
        assert!(!message.contains("lists"), "{message}");
    }
    for (listed, words) in [
        (&["private_key_jwt"][..], "; the server's metadata lists private_key_jwt"),
        (&["private_key_jwt", "none"], "; the server's metadata lists private_key_jwt and none"),
        (&["a", "b", "c"], "; the server's metadata lists a, b and c"),
    ] {
        assert!(message(400, r#"{"error":"invalid_client"}"#, listed).ends_with(words));
        assert!(message(401, "", listed).ends_with(words));
        assert!(!message(400, r#"{"error":"invalid_scope"}"#, listed).contains("lists"));
    }
    assert!(!message(401, "", &[]).contains("lists"));
}
