//! Values that are allowed and values that are rejected, one option at a time.

use super::*;
use crate::{
    config::{
        options::{OptionInfo, options},
        proxy::ProxyChoice,
        values::Values,
    },
    error::ErrorKind,
};

/// Each option, with a member for each family.
fn names() -> impl Iterator<Item = (&'static OptionInfo, String)> {
    options().iter().map(|option| (option, option.name().replace("NAME", "x")))
}

fn set(name: &str, value: &str) -> Result<Values, String> {
    let mut values = Values::default();
    values.set(name, Some(value)).map(|()| values).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(!error.message().contains(char::is_control), "{error}");
        error.message().to_owned()
    })
}

fn accepted(name: &str, value: &str) -> Values {
    set(name, value).unwrap_or_else(|message| panic!("{message}"))
}

fn rejected(name: &str, value: &str) -> String {
    set(name, value).expect_err(&format!("{name} took {value:?}"))
}

#[test]
fn a_text_that_is_not_among_the_words_is_rejected_with_all_and_the_closest() {
    assert_eq!(
        rejected("auth_method", "Client-Secret-Post"),
        "option auth_method: unknown value \"Client-Secret-Post\", did you mean client_secret_post?; \
         allowed: client_secret_basic | client_secret_post | client_secret_jwt | private_key_jwt | client_assertion | \
         tls_client_auth | none"
    );
    let message = rejected("provider", "podero_sandbx");
    assert!(message.contains("did you mean podero-sandbox?"), "{message}");
    assert!(message.contains("allowed: podero | podero-sandbox | gardin | "), "{message}");
    for (name, value, meant) in [("allow_insecure_http", "True", "true"), ("body_format", "json ", "json")] {
        assert!(rejected(name, value).contains(&format!("did you mean {meant}?")));
    }
    let none_is_close = "option allow_insecure_http: unknown value \"1\"; allowed: true | false";
    assert_eq!(rejected("allow_insecure_http", "1"), none_is_close);
    assert!(rejected("ca", &"\n".repeat(1000)).len() < 500);
}

#[test]
fn each_word_that_the_table_allows_is_a_value_of_its_own() {
    let mut options_of_words = 0;
    for option in options().iter().filter(|option| option.allowed().contains(" | ")) {
        let mut seen: Vec<_> =
            option.allowed().split(" | ").map(|word| format!("{:?}", accepted(option.name(), word))).collect();
        let words = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), words, "{}", option.name());
        options_of_words += 1;
    }
    assert_eq!(options_of_words, 9);
}

#[test]
fn a_number_that_is_no_plain_decimal_of_at_most_ten_years_is_rejected() {
    for text in [
        "inf", "NaN", "nan", "1e3", "1e400", "-0", "-1", "+1", " 1", "1 ", ".5", "5.", ".", "1.2.3", "1,5", "0x1", "٣",
        "1_0",
    ] {
        assert!(rejected("refresh_ahead", text).contains("plain decimal"), "{text}");
    }
    for text in ["315576001", "315576000.000000001", "18446744073709551615", "18446744073709551616", &"9".repeat(400)] {
        let message = rejected("timeout", text);
        assert!(message.contains("above 10 years") && message.len() < 250, "{message}");
    }
}

#[test]
fn only_the_timeouts_must_be_above_zero() {
    for name in ["timeout", "connect_timeout"] {
        for zero in ["0", "0.0", "0.0000000001"] {
            assert!(rejected(name, zero).contains("is not above 0"));
        }
    }
    assert_eq!(accepted("timeout", "0.000000001").timeout, Some(Duration::from_nanos(1)));
    assert_eq!(accepted("connect_timeout", "0.000000001").connect_timeout, Some(Duration::from_nanos(1)));
    assert_eq!(accepted("refresh_ahead", "0").refresh_ahead, Some(Duration::ZERO));
    assert_eq!(accepted("expiry_margin", "0").expiry_margin, Some(Duration::ZERO));
    assert_eq!(accepted("default_lifetime", "0").default_lifetime, Some(Duration::ZERO));
}

#[test]
fn attempts_are_from_1_to_100() {
    for (text, attempts) in [("1", 1), ("100", 100), ("007", 7)] {
        assert_eq!(accepted("max_attempts", text).max_attempts, Some(attempts));
    }
    for text in ["0", "101", "+1", "-1", "1.0", "4294967297", " 1"] {
        assert!(rejected("max_attempts", text).ends_with("allowed: a whole number from 1 to 100"));
    }
}

#[test]
fn an_empty_value_is_rejected_where_it_means_nothing() {
    for (option, name) in names() {
        match option.name() {
            "client_secret" | "param.NAME" | "claim.NAME" => drop(accepted(&name, "")),
            _ => assert!(rejected(&name, "").contains("the value is empty")),
        }
    }
}

#[test]
fn no_value_is_longer_than_64_kib() {
    accepted("param.x", &"x".repeat(LONGEST_VALUE));
    for (_, name) in names() {
        assert!(rejected(&name, &"1".repeat(LONGEST_VALUE + 1)).contains("longer than 64 KiB"));
    }
}

#[test]
fn text_holds_no_control_characters() {
    for name in ["client_id", "grant_type", "audience", "user_agent", "header.x"] {
        accepted(name, "Zoë: a b");
        for (bad, code) in
            [("a\r\nb", "U+000D"), ("a\0", "U+0000"), ("a\tb", "U+0009"), ("a\u{85}", "U+0085"), ("\x7f", "U+007F")]
        {
            assert!(rejected(name, bad).contains(code));
        }
    }
    assert_eq!(accepted("client_id", "Zoë: a b").client_id.as_deref(), Some("Zoë: a b"));
    for name in ["user_agent", "header.x"] {
        assert!(rejected(name, " a").contains("begins or ends with a space"));
        assert!(rejected(name, "a ").contains("begins or ends with a space"));
    }
    let values = accepted("param.x", "any\n\0thing");
    assert_eq!(values.params["x"].as_ref().unwrap().expose(), "any\n\0thing");
}

#[test]
fn a_secret_is_one_line() {
    let values = accepted("client_secret", " p√ss\tword ");
    assert_eq!(values.client_secret.unwrap().expose(), " p√ss\tword ");
    assert!(rejected("client_secret", "hunter2\n").contains("ends in a line break"));
    assert!(rejected("client_secret", "hunter\r2").contains("holds a line break"));
    assert!(rejected("client_secret", "hunter\x002").contains("holds a NUL"));
}

#[test]
fn a_scope_follows_rfc_6749() {
    for good in ["read", "read write", "api://x/.default", "!#[]~"] {
        assert_eq!(accepted("scope", good).scope.as_deref(), Some(good));
    }
    for bad in [" read", "read ", "read  write", "re\"ad", "re\\ad", "réad", "a\tb"] {
        rejected("scope", bad);
    }
}

#[test]
fn a_resource_is_an_absolute_uri_without_fragment() {
    for good in ["https://api.example.com/", "https://a/ urn:b:c", "https://a?q=1"] {
        assert_eq!(accepted("resource", good).resource.unwrap().join(" "), good);
    }
    for bad in ["api", "/api", ":x", "1a:b", "https:", "https://a/#b", "https://a/  https://b/", "https://ä/", "a b"] {
        rejected("resource", bad);
    }
}

#[test]
fn urls_and_proxies_are_parsed_when_they_are_set() {
    assert_eq!(accepted("token_url", "https://h/t").token_url.unwrap().host, "h");
    // allow_insecure_http may be set later.
    accepted("token_url", "http://h/t");
    assert!(rejected("token_url", "https://me:hunter2@h/").starts_with("option token_url: it holds a user"));
    assert!(matches!(accepted("proxy", "none").proxy, Some(ProxyChoice::Direct)));
    assert!(matches!(accepted("proxy", "http://me:pw@h:3128").proxy, Some(ProxyChoice::Through(_))));
    for url in ["https://me:pw@h", "socks5://h", "socks5h://me:pw@h:9050"] {
        assert!(matches!(accepted("proxy", url).proxy, Some(ProxyChoice::Through(_))), "{url}");
    }
    assert!(
        rejected("proxy", "socks4://me:hunter2@h").starts_with("option proxy: of SOCKS only version 5 is supported")
    );
}

#[test]
fn paths_are_made_absolute_when_they_are_set() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(accepted("client_secret_file", "a/b").client_secret_file, Some(here.join("a/b")));
    assert_eq!(accepted("ca_file", "a/b").ca_file, Some(here.join("a/b")));
    assert_eq!(accepted("client_cert_file", "a/b").client_cert_file, Some(here.join("a/b")));
    assert_eq!(accepted("client_key_file", "a/b").client_key_file, Some(here.join("a/b")));
    for name in ["client_secret_file", "ca_file", "client_cert_file", "client_key_file", "signing_cert_file"] {
        assert!(rejected(name, "a\0b").contains("NUL"));
        let one_line = r"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
        for content in ["-----BEGIN PRIVATE KEY-----\nhunter2\n", one_line, "hunter2\n", "hunter2\r"] {
            let message = rejected(name, content);
            assert!(message.contains("not its contents") && !message.contains("hunter2"), "{message}");
        }
    }
    #[cfg(unix)]
    assert_eq!(accepted("ca_file", "/a/b").ca_file, Some("/a/b".into()));
}

#[test]
fn no_error_shows_a_secret() {
    let spoiled =
        ["hunter2\n", "hunter2\0", "hunter2\r\nX: y", " hunter2", "http://hunter2:hunter2", "https://hunter2@h"];
    let mut rejections = 0;
    for (_, name) in names().filter(|(option, _)| option.is_secret()) {
        for value in spoiled {
            if let Err(message) = set(&name, value) {
                assert!(!message.contains("hunter2"), "{message}");
                rejections += 1;
            }
        }
    }
    assert!(rejections > 10);
}

#[test]
fn a_rejected_value_changes_nothing() {
    let mut values = accepted("timeout", "6");
    values.set("timeout", Some("x")).unwrap_err();
    assert_eq!(values.timeout, Some(Duration::from_secs(6)));
}

#[test]
fn a_token_type_is_words_that_can_mean_bearer() {
    for word in ["JWT", "jwt-bearer", "Application Access Token", "urn:x:y", "\"", "macaroon", "DPoP2"] {
        assert_eq!(accepted("token_type", word).token_type.as_deref(), Some(word));
    }
    for word in ["DPoP", "dpop", "MAC", "mac", "N_A", "n_a"] {
        assert!(rejected("token_type", word).contains("cannot be sent as Bearer; allowed: visible ASCII"), "{word}");
    }
    for word in [" JWT", "JWT ", "a  b", " ", "a\tb", "größe", "a\nb", "a\0"] {
        assert!(rejected("token_type", word).starts_with("option token_type: it "), "{word:?}");
    }
}

#[test]
fn a_path_has_one_to_eight_names() {
    for (path, names) in [
        ("token", &["token"][..]),
        ("data.token", &["data", "token"]),
        ("a.b.c.d.e.f.g.h", &["a", "b", "c", "d", "e", "f", "g", "h"]),
        ("with space.größe.$0", &["with space", "größe", "$0"]),
    ] {
        for option in ["response.access_token", "response.expires_in", "response.expires_at"] {
            accepted(option, path);
        }
        assert_eq!(accepted("response.access_token", path).response_access_token.unwrap(), names);
    }
    for path in [".", ".a", "a.", "a..b", "a.b.c.d.e.f.g.h.i", "a\nb"] {
        assert!(rejected("response.access_token", path).contains("allowed: the names of 1 to 8 members"), "{path}");
    }
}

#[test]
fn a_key_is_text_in_which_pem_may_have_its_line_breaks_written_out() {
    let key = |text: &str| accepted("signing_key", text).signing_key.unwrap().expose().to_owned();
    assert_eq!(key(r"-----BEGIN A-----\nhunter2\n-----END A-----\n"), "-----BEGIN A-----\nhunter2\n-----END A-----\n");
    assert_eq!(key("-----BEGIN A-----\r\nhunter2\n"), "-----BEGIN A-----\r\nhunter2\n");
    assert_eq!(key(r"a\n\nb\"), "a\n\nb\\");
    // JSON has its own meaning of the two characters.
    for json in [r#"{"private_key":"a\nb"}"#, "\r\n\t {\"a\":\"\\n\"}"] {
        assert_eq!(key(json), json);
    }
    assert_eq!(key(&"x".repeat(LONGEST_VALUE)).len(), LONGEST_VALUE);
    assert!(rejected("signing_key", "a\0b").contains("the key holds a NUL"));
    assert!(rejected("signing_key", "\u{feff}{}").contains("byte order mark"));
}

#[test]
fn a_key_is_not_a_path() {
    for text in [
        "-----BEGIN PRIVATE KEY-----\nhunter2\n",
        r"-----BEGIN PRIVATE KEY-----\nhunter2\n",
        "junk -----BEGIN PRIVATE KEY-----",
        "{\"kty\":\"hunter2\"}",
        " \n{\"kty\":\"hunter2\"}",
    ] {
        let message = rejected("signing_key_file", text);
        assert!(message.starts_with("option signing_key_file: this is a key, not a path: set signing_key; allowed: "));
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert!(rejected("signing_key_file", "hunter2\n").contains("give the name of the file, not its contents"));
    assert_eq!(accepted("signing_key_file", "/k").signing_key_file, Some("/k".into()));
}

#[test]
fn a_claim_has_any_text_and_a_name_that_no_other_option_decides() {
    for name in ["iss", "sub", "scope", "box_sub_type", "https://h/claim", "a.b", "Aud", "~"] {
        for text in ["", "a\nb", "größe", "\0"] {
            let values = accepted(&format!("claim.{name}"), text);
            assert_eq!(values.claims[name].as_ref().unwrap().expose(), text);
        }
    }
    for (name, wrong) in [
        ("aud", "aud is the option assertion_audience"),
        ("exp", "exp follows from assertion_lifetime"),
        ("iat", "iat, nbf and jti are not for an option to set"),
        ("nbf", "iat, nbf and jti are not for an option to set"),
        ("jti", "iat, nbf and jti are not for an option to set"),
        ("", "NAME has only visible ASCII; give the value separately"),
        ("a b", "NAME has only visible ASCII; give the value separately"),
        ("ä", "NAME has only visible ASCII; give the value separately"),
    ] {
        assert_eq!(rejected(&format!("claim.{name}"), "x"), format!("option claim.NAME: {wrong}"));
    }
    assert!(rejected(&format!("claim.{}", "x".repeat(LONGEST_VALUE + 1)), "x").contains("64 KiB"));
}

#[test]
fn a_variable_is_a_host_or_a_segment() {
    for text in ["a", "example.com:8443", "[::1]:1", "A-b_c~", &"x".repeat(253)] {
        let values = accepted("variable.tenant-1_A", text);
        assert_eq!(values.variables["tenant-1_A"].as_ref().unwrap().expose(), text);
        assert!(format!("{values:?}").contains(text));
    }
    for (text, wrong) in [
        ("a/b", "a character at byte 1"),
        ("a b", "a character at byte 1"),
        ("ä", "a character at byte 0"),
        ("%41", "a character at byte 0"),
        ("a@b", "a character at byte 1"),
        (&"x".repeat(254), "longer than 253"),
    ] {
        assert!(rejected("variable.host", text).contains(wrong), "{text}");
    }
    for name in ["", "a.b", "a b", "ä", "{a}"] {
        assert!(rejected(&format!("variable.{name}"), "x").contains("NAME has only letters, digits and - _"), "{name}");
    }
}

#[test]
fn an_issuer_is_a_url_without_query() {
    for url in ["https://h", "https://h/realms/a/", "http://localhost:1"] {
        assert_eq!(accepted("issuer", url).issuer.unwrap().url, url);
    }
    for (url, wrong) in [
        ("https://h?a", "it has a query (?…), which no issuer has: remove it"),
        ("https://h/?", "it has a query"),
        ("https://h/#a", "fragment"),
        ("https://me:hunter2@h/", "it holds a user"),
        ("h", "does not start with https://"),
    ] {
        let message = rejected("issuer", url);
        assert!(message.contains(wrong) && !message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_type_of_token_is_one_absolute_uri() {
    for name in ["subject_token_type", "requested_token_type"] {
        for uri in ["urn:ietf:params:oauth:token-type:jwt", "https://h/a?b"] {
            accepted(name, uri);
        }
        for uri in ["jwt", "access_token", "urn:", "urn:a urn:b", " urn:a", "urn:a#b", "urn:ä"] {
            assert!(rejected(name, uri).ends_with("allowed: an absolute URI without fragment"), "{uri}");
        }
    }
}

#[test]
fn a_typ_is_visible_ascii_and_a_lifetime_above_zero() {
    for typ in ["JWT", "client-authentication+jwt", "~"] {
        assert_eq!(accepted("assertion_typ", typ).assertion_typ.as_deref(), Some(typ));
    }
    for typ in ["a b", " ", "ä", "a\n", "\x7f"] {
        assert!(rejected("assertion_typ", typ).contains("that is not visible ASCII"), "{typ:?}");
    }
    assert_eq!(accepted("assertion_lifetime", "0.5").assertion_lifetime, Some(Duration::from_millis(500)));
    for span in ["0", "0.0", "315576001", "-1", "60s"] {
        rejected("assertion_lifetime", span);
    }
    for name in ["assertion_audience", "signing_key_id"] {
        accepted(name, "Zoë: a b");
        rejected(name, "a\nb");
    }
}
