//! Documents as servers write them, and as attackers would.

use super::*;
use crate::redact::is_printable;
use std::time::Duration;

const ISSUER: &str = "https://as.example/realms/a";
const SECRET: &str = "s3cr3t-4711";
/// Sun, 06 Nov 1994 08:49:37 GMT.
const NOW: i64 = 784_111_777;

fn issuer(url: &str) -> Endpoint {
    Endpoint { named_by: NamedBy::Issuer, ..Endpoint::parse(url).unwrap() }
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> RawResponse {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    RawResponse { status, headers, body: body.as_bytes().to_vec().into() }
}

/// Returns what the first place's response means; None if the second place is to be asked.
fn read_at(issuer: &Endpoint, certificate: bool, response: &RawResponse) -> Option<Result<Metadata, Error>> {
    let secrets = [Secret::new(SECRET)];
    let read = Lookup::new(issuer, certificate, &secrets).read(response, NOW);
    if let Some(Err(error)) = &read {
        check(error);
    }
    read
}

#[track_caller]
fn check(error: &Error) {
    let message = error.message();
    assert!(is_printable(message) && !message.contains(SECRET) && message.chars().count() <= 1200, "{message}");
    assert!(message.contains("the metadata of issuer"), "{message}");
    assert!(message.contains("tried https://") || message.contains("tried http://"), "{message}");
}

fn document(members: &str) -> RawResponse {
    response(200, &[("content-type", "application/json")], &format!(r#"{{"issuer":"{ISSUER}",{members}}}"#))
}

fn endpoint_of(response: &RawResponse) -> Endpoint {
    read_at(&issuer(ISSUER), false, response).unwrap().unwrap().token_endpoint
}

#[track_caller]
fn error_at(url: &str, certificate: bool, members: &str) -> String {
    let document = response(200, &[], &format!(r#"{{"issuer":"{url}",{members}}}"#));
    let error = read_at(&issuer(url), certificate, &document).expect("a document").unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::BadResponse, Some(200)), "{error}");
    assert!(!error.is_transient() && !error.is_worth_another_attempt(), "{error}");
    error.message().to_owned()
}

#[test]
fn one_slash_at_the_end_of_the_issuer_is_left_out_of_both_places() {
    for (url, appended, inserted) in [
        ("https://h", "https://h/.well-known/openid-configuration", "https://h/.well-known/oauth-authorization-server"),
        (
            "https://h/",
            "https://h/.well-known/openid-configuration",
            "https://h/.well-known/oauth-authorization-server",
        ),
        (
            "https://h:8443/realms/a",
            "https://h:8443/realms/a/.well-known/openid-configuration",
            "https://h:8443/.well-known/oauth-authorization-server/realms/a",
        ),
        (
            "HTTPS://H/a/",
            "HTTPS://H/a/.well-known/openid-configuration",
            "HTTPS://H/.well-known/oauth-authorization-server/a",
        ),
        (
            "https://h/a//",
            "https://h/a//.well-known/openid-configuration",
            "https://h/.well-known/oauth-authorization-server/a/",
        ),
        (
            "http://[::1]:1/x",
            "http://[::1]:1/x/.well-known/openid-configuration",
            "http://[::1]:1/.well-known/oauth-authorization-server/x",
        ),
    ] {
        let issuer = issuer(url);
        let found = places(&issuer);
        assert_eq!(found.each_ref().map(|place| place.url.as_str()), [appended, inserted]);
        for place in found {
            let same = |one: &Endpoint| (one.https, one.host.clone(), one.port, one.must_be_loopback, one.named_by);
            assert_eq!(same(&place), same(&issuer));
            assert_eq!(
                same(&Endpoint { named_by: NamedBy::Issuer, ..Endpoint::parse(&place.url).unwrap() }),
                same(&issuer)
            );
        }
    }
}

#[test]
fn a_request_holds_nothing_but_our_name_and_what_we_accept() {
    let issuer = issuer(ISSUER);
    let secrets = [Secret::new(SECRET)];
    let request = Lookup::new(&issuer, true, &secrets).request("me/1");
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(headers, [("user-agent", "me/1"), ("accept", "application/json")]);
    assert!(request.body.is_none());
}

#[test]
fn the_second_place_is_asked_where_the_first_has_no_document() {
    let issuer = issuer(ISSUER);
    for (status, body) in [
        (400, ""),
        (401, ""),
        (403, ""),
        (404, r#"{"error":"not_found"}"#),
        (405, ""),
        (410, ""),
        (301, ""),
        (302, ""),
        (307, ""),
        (308, ""),
        (200, ""),
        (200, "<html>sign in</html>"),
        (200, "[]"),
        (200, "\"text\""),
        (200, "null"),
        (200, r#"{"issuer":"#),
        (200, r#"{} {}"#),
    ] {
        let mut lookup = Lookup::new(&issuer, false, &[]);
        assert!(
            lookup.read(&response(status, &[("location", "https://elsewhere.example/")], body), NOW).is_none(),
            "{status} {body}"
        );
        let second = lookup.request("me");
        assert_eq!(second.endpoint.url, "https://as.example/.well-known/oauth-authorization-server/realms/a");
        let found = lookup.read(&document(r#""token_endpoint":"https://as.example/t""#), NOW).unwrap().unwrap();
        assert_eq!(found.token_endpoint.url, "https://as.example/t");
    }
    for status in [201, 204, 206, 402, 406, 408, 409, 418, 429, 500, 503, 599, 100] {
        assert!(read_at(&issuer, false, &response(status, &[], "")).is_some(), "{status}");
    }
    // A JSON object that does not hold is no reason to look elsewhere.
    for body in ["{}", r#"{"issuer":7}"#, r#"{"a":1,"a":2}"#] {
        assert!(read_at(&issuer, false, &response(200, &[], body)).unwrap().is_err(), "{body}");
    }
    let encoded = response(200, &[("content-encoding", "br")], &format!(r#"{{"issuer":"{ISSUER}"}}"#));
    assert!(read_at(&issuer, false, &encoded).is_none());
}

#[test]
fn an_error_has_the_last_status_and_both_places() {
    let issuer = issuer(ISSUER);
    let both = |first: RawResponse, second: RawResponse| {
        let mut lookup = Lookup::new(&issuer, false, &[]);
        assert!(lookup.read(&first, NOW).is_none());
        lookup.read(&second, NOW).unwrap().unwrap_err()
    };
    let error = both(response(403, &[], ""), response(404, &[], ""));
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Http, Some(404)));
    assert_eq!(
        error.message(),
        "the metadata of issuer responded with 404; check issuer, or set token_url; tried \
         https://as.example/realms/a/.well-known/openid-configuration (403) and \
         https://as.example/.well-known/oauth-authorization-server/realms/a"
    );
    let error = both(response(404, &[], ""), response(200, &[], "<html>"));
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::BadResponse, Some(200)));
    assert!(error.message().starts_with("the metadata of issuer responded with 200, but no JSON object; "), "{error}");
    let error = both(response(200, &[], "x"), response(503, &[("retry-after", "7")], ""));
    assert!(error.message().contains("(no JSON object) and "), "{error}");
    assert_eq!(error.server_wait(), Some(Duration::from_secs(7)));
    let error = both(response(404, &[], ""), response(302, &[("location", "/login?code=s#x")], ""));
    assert!(error.message().contains("never followed, and this one points to https://as.example/login; "), "{error}");
    // A second place that breaks.
    let mut lookup = Lookup::new(&issuer, false, &[]);
    assert!(lookup.read(&response(404, &[], ""), NOW).is_none());
    let error = lookup.with_places(Error::new(ErrorKind::Network, "broke").retryable());
    assert!(error.message().starts_with("broke; tried https://") && error.is_transient(), "{error}");
}

#[test]
fn a_status_says_whether_another_attempt_may_help() {
    for (status, kind, again) in [
        (204, ErrorKind::BadResponse, false),
        (406, ErrorKind::Http, false),
        (408, ErrorKind::Http, true),
        (425, ErrorKind::Http, true),
        (429, ErrorKind::Http, true),
        (500, ErrorKind::Http, true),
        (503, ErrorKind::Http, true),
        (407, ErrorKind::Http, false),
    ] {
        let error = read_at(&issuer(ISSUER), false, &response(status, &[], "")).unwrap().unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (kind, Some(status)));
        assert_eq!((error.is_transient(), error.is_worth_another_attempt()), (again, again), "{status}");
        assert!(error.message().starts_with(&format!("the metadata of issuer responded with {status}")), "{error}");
        assert!(error.message().contains("; tried https://as.example/realms/a/.well-known/openid-configuration"));
        assert!(!error.message().contains("oauth-authorization-server"), "{error}");
    }
}

#[test]
fn the_issuer_must_be_the_same_to_the_byte() {
    for (url, says, hint) in [
        ("https://h", "https://h/", Some("only a slash at the end differs")),
        ("https://h/", "https://h", Some("only a slash at the end differs")),
        ("https://h/a", "https://h/A", Some("only upper and lower case differ")),
        ("https://h/a", "https://H/a", Some("only upper and lower case differ")),
        ("https://h/a", "https://H/a/", Some("only upper and lower case, and a slash at the end, differ")),
        ("https://h", "https://h.evil.example", None),
        ("https://h", "http://h", None),
        ("https://h", "https://h:443", None),
        ("https://h/a", "https://h/a%20", None),
        ("https://login.example/contoso.com/v2.0", "https://login.example/0aa8/v2.0", None),
        ("https://h", "", None),
    ] {
        let document = response(200, &[], &format!(r#"{{"issuer":"{says}","token_endpoint":"https://h/t"}}"#));
        let error = read_at(&issuer(url), false, &document).unwrap().unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::BadResponse, Some(200)));
        let words =
            format!("the metadata of issuer says issuer \"{says}\": set issuer to that if it is the server you mean");
        assert!(error.message().starts_with(&words), "{error}");
        match hint {
            Some(hint) => assert!(error.message().contains(&format!("you mean ({hint});")), "{error}"),
            None => assert!(error.message().contains("you mean; tried"), "{error}"),
        }
    }
    // A JSON text can be written in several ways.
    let escaped = response(200, &[], r#"{"issuer":"https:\/\/h","token_endpoint":"https:\/\/h\/t"}"#);
    assert_eq!(read_at(&issuer("https://h"), false, &escaped).unwrap().unwrap().token_endpoint.url, "https://h/t");
    for none in [r#""x":1"#, r#""issuer":null"#, r#""issuer":["https://h"]"#, r#""issuer":{"https://h":1}"#] {
        let document = response(200, &[], &format!(r#"{{{none},"token_endpoint":"https://h/t"}}"#));
        let error = read_at(&issuer("https://h"), false, &document).unwrap().unwrap_err();
        assert!(error.message().contains("the metadata of issuer names no issuer"), "{error}");
    }
}

#[test]
fn the_token_endpoint_may_be_on_another_host() {
    for url in ["https://as.example/t", "https://tokens.example:8443/t?a=b", "https://[2001:db8::1]/t"] {
        let endpoint = endpoint_of(&document(&format!(r#""token_endpoint":"{url}""#)));
        assert_eq!((endpoint.url.as_str(), endpoint.named_by), (url, NamedBy::Metadata));
        assert!(!endpoint.must_be_loopback);
    }
    let with_mark = document(r#""token_endpoint":"https://as.example/t""#);
    let mut body = "\u{feff}".as_bytes().to_vec();
    body.extend_from_slice(&with_mark.body);
    assert_eq!(endpoint_of(&RawResponse { body: body.into(), ..with_mark }).host, "as.example");
}

#[test]
fn an_endpoint_that_is_no_plain_url_is_rejected_and_not_repeated() {
    for members in [
        r#""a":1"#,
        r#""token_endpoint":null"#,
        r#""token_endpoint":7"#,
        r#""token_endpoint":["https://as.example/t"]"#,
        r#""token_endpoint":{"url":"https://as.example/t"}"#,
    ] {
        assert!(
            error_at(ISSUER, false, members).contains("the metadata of issuer names no token_endpoint"),
            "{members}"
        );
    }
    for (url, why) in [
        ("", "does not start with https://"),
        ("/t", "does not start with https://"),
        ("as.example/t", "does not start with https://"),
        ("ftp://as.example/t", "neither https nor http"),
        ("https://user:s3cr3t-4711@as.example/t", "holds a user"),
        ("https://as.example/t#x", "has a fragment"),
        ("https://as.example/a b", "a character that a URL cannot hold"),
        ("https://as.example\\\\@evil.example/", "a character that a URL cannot hold"),
        ("https://\\u00e4.example/", "beyond ASCII"),
        ("https:///t", "has no host"),
        ("https://127.1/t", "ends in a number"),
    ] {
        let message = error_at(ISSUER, false, &format!(r#""token_endpoint":"{url}""#));
        assert!(message.contains("names a token_endpoint that is not usable (") && message.contains(why), "{message}");
    }
}

#[test]
fn an_https_issuer_announces_an_https_endpoint_also_where_http_is_allowed() {
    for url in ["http://as.example/t", "http://localhost/t", "HTTP://as.example/t"] {
        let message = error_at(ISSUER, false, &format!(r#""token_endpoint":"{url}""#));
        assert!(message.contains("announces an http endpoint, and issuer is https"), "{message}");
    }
    let plain = issuer("http://as.example");
    let allowed = Endpoint { must_be_loopback: false, ..plain.clone() };
    for (issuer, url, is_taken) in [
        (&allowed, "http://as.example/t", true),
        (&allowed, "http://other.example/t", true),
        (&allowed, "https://other.example/t", true),
        (&plain, "http://as.example/t", false),
        (&plain, "https://as.example/t", true),
    ] {
        let document = response(200, &[], &format!(r#"{{"issuer":"http://as.example","token_endpoint":"{url}"}}"#));
        let read = read_at(issuer, false, &document).unwrap();
        assert_eq!(read.is_ok(), is_taken, "{url}");
        match read {
            Ok(metadata) => assert!(!metadata.token_endpoint.must_be_loopback),
            Err(error) => assert!(error.message().contains("allow_insecure_http=true"), "{error}"),
        }
    }
}

#[test]
fn an_endpoint_on_this_machine_needs_an_issuer_on_this_machine() {
    let here = [
        "https://localhost/t",
        "https://LOCALHOST./t",
        "https://a.localhost:8443/t",
        "https://127.0.0.1/t",
        "https://127.8.9.10/t",
        "https://0.0.0.0/t",
        "https://[::1]/t",
        "https://[::]/t",
        "https://[::ffff:127.0.0.1]/t",
        "https://[::ffff:7f00:1]/t",
    ];
    for url in here {
        let message = error_at(ISSUER, false, &format!(r#""token_endpoint":"{url}""#));
        assert!(
            message.contains("an endpoint on this machine itself, and issuer is another machine"),
            "{url} {message}"
        );
    }
    for elsewhere in ["https://localhost.example/t", "https://128.0.0.1/t", "https://[::2]/t"] {
        endpoint_of(&document(&format!(r#""token_endpoint":"{elsewhere}""#)));
    }
    for (issuer_url, url, must_be_loopback) in [
        ("http://localhost:1", "http://127.0.0.1:2/t", true),
        ("http://127.0.0.1:1", "https://localhost/t", false),
        ("https://[::1]", "https://localhost/t", false),
        ("https://localhost", "https://elsewhere.example/t", false),
    ] {
        let document = response(200, &[], &format!(r#"{{"issuer":"{issuer_url}","token_endpoint":"{url}"}}"#));
        let found = read_at(&issuer(issuer_url), false, &document).unwrap().unwrap();
        assert_eq!(found.token_endpoint.must_be_loopback, must_be_loopback, "{url}");
    }
}

#[test]
fn only_a_client_with_a_certificate_takes_the_alias_for_mutual_tls() {
    let plain = r#""token_endpoint":"https://as.example/t""#;
    let with_alias = |alias: &str| document(&format!(r#"{plain},"mtls_endpoint_aliases":{alias}"#));
    let found = |response: &RawResponse, certificate| {
        let read = read_at(&issuer(ISSUER), certificate, response).unwrap();
        read.map(|metadata| metadata.token_endpoint.host).map_err(|error| error.message().to_owned())
    };
    let alias = with_alias(r#"{"token_endpoint":"https://mtls.example/t"}"#);
    assert_eq!((found(&alias, true), found(&alias, false)), (Ok("mtls.example".into()), Ok("as.example".into())));
    for absent in ["null", "{}", r#"{"token_endpoint":null}"#, r#"{"revocation_endpoint":"https://m/r"}"#] {
        assert_eq!(found(&with_alias(absent), true), Ok("as.example".into()), "{absent}");
    }
    for (wrong, words) in [
        ("[]", "mtls_endpoint_aliases that is no object"),
        (r#""https://mtls.example/t""#, "mtls_endpoint_aliases that is no object"),
        (r#"{"token_endpoint":7}"#, "no usable mtls_endpoint_aliases.token_endpoint"),
        (r#"{"token_endpoint":"http://mtls.example/t"}"#, "announces an http endpoint, and issuer is https"),
        (
            r#"{"token_endpoint":"https://u@mtls.example/t"}"#,
            "a mtls_endpoint_aliases.token_endpoint that is not usable",
        ),
        (r#"{"token_endpoint":"https://localhost/t"}"#, "on this machine itself"),
        (r#"{"token_endpoint":"https://a/","token_endpoint":"https://b/"}"#, "contains token_endpoint twice"),
    ] {
        assert!(found(&with_alias(wrong), true).unwrap_err().contains(words), "{wrong}");
        assert_eq!(found(&with_alias(wrong), false), Ok("as.example".into()), "{wrong}");
    }
}

#[test]
fn a_member_that_is_repeated_must_say_the_same() {
    let same = r#""token_endpoint":"https://as.example/t","token_endpoint":"https://as.example/t""#;
    endpoint_of(&document(same));
    for (members, name) in [
        (r#""token_endpoint":"https://as.example/t","token_endpoint":"https://evil.example/t""#, "token_endpoint"),
        (r#""issuer":"https://evil.example","token_endpoint":"https://as.example/t""#, "issuer"),
        (r#""token_endpoint":"https://as.example/t","s3cr3t-4711":1,"s3cr3t-4711":2"#, "a member"),
    ] {
        let message = error_at(ISSUER, false, members);
        assert!(message.contains(&format!("contains {name} twice with different values")), "{message}");
    }
    let deep = format!(r#""x":{}1{}"#, "[".repeat(200), "]".repeat(200));
    assert!(error_at(ISSUER, false, &deep).contains("nested too deeply"));
    let many: Vec<_> = (0..1001).map(|number| format!(r#""m{number}":1"#)).collect();
    assert!(error_at(ISSUER, false, &many.join(",")).contains("more than 1000 members"));
}

#[test]
fn a_text_of_a_document_is_redacted_shortened_and_printable() {
    for says in [SECRET, "https://h/s3cr3t%2D4711", "\\u202e\\u0000\\n", &"x".repeat(5000)] {
        let document = response(200, &[], &format!(r#"{{"issuer":"{says}"}}"#));
        let error = read_at(&issuer(ISSUER), false, &document).unwrap().unwrap_err();
        assert!(error.message().contains("says issuer \""), "{error}");
        assert!(!error.message().contains("s3cr3t%2D4711"), "{error}");
    }
}

#[test]
fn the_methods_of_a_document_are_those_that_are_registered() {
    let methods = |list: &str| {
        let members =
            format!(r#""token_endpoint":"https://as.example/t","token_endpoint_auth_methods_supported":{list}"#);
        read_at(&issuer(ISSUER), false, &document(&members)).unwrap().unwrap().auth_methods
    };
    assert_eq!(
        methods(r#"["private_key_jwt","client_secret_post","client_assertion","s3cr3t-4711","private_key_jwt"]"#),
        ["private_key_jwt", "client_secret_post"]
    );
    for list in ["null", "[]", "7", r#""none""#, r#"["none",7]"#, r#"{"none":1}"#] {
        assert_eq!(methods(list), [""; 0], "{list}");
    }
}
