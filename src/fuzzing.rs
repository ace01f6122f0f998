//! What must hold for any bytes: for the fuzzers in `fuzz/`, and for the test that replays their corpora.
//!
//! Each function gives bytes to one pure part of the library and checks the result. The formats are simple, so that people
//! can read and write a corpus. It must not open a connection.

use crate::{
    config::{
        Config, Endpoint, Environment, NamedBy, OptionInfo, Proxy, ProxyRules, Settings, Template, options,
        parse_provider_file,
    },
    duration::TEN_YEARS,
    error::Error,
    jose::{SigningAlgorithm, SigningCertHeader, SigningCertificate, SigningKey},
    oauth::{
        assertion::Moment,
        credentials::RequestCredentials,
        metadata::Lookup,
        response::{self, RawResponse},
        sent::SentRequest,
        times::StatedExpiry,
    },
    redact::Redactor,
    secret::Secret,
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{sync::LazyLock, time::Duration};
use zeroize::Zeroizing;

/// No error may show it.
const SECRET_MARKER: &str = "hush-4711";

/// The key of RFC 8037 A.1.
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// Panics unless the error is printable, bounded and free of the secret.
fn check_error(error: &Error) {
    check_error_within(error, 1200);
}

fn check_error_within(error: &Error, longest: usize) {
    let texts = [Some(error.message()), error.oauth_error(), error.oauth_description(), error.oauth_uri()];
    for text in texts.into_iter().flatten() {
        assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}', '\u{feff}']), "{text:?}");
        assert!(!text.to_lowercase().contains(SECRET_MARKER), "{text:?}");
    }
    let from_the_server: usize = texts[1..].iter().flatten().map(|text| text.chars().count()).sum();
    assert!(from_the_server <= 500, "{error:?}");
    assert!(error.message().chars().count() <= longest, "{error:?}");
    assert!(!format!("{error:?}").to_lowercase().contains(SECRET_MARKER), "{error:?}");
}

fn settings(more: &[(&str, &str)]) -> Settings {
    let mut config = Config::new();
    let required =
        [("token_url", "https://h.example/oauth2/token"), ("client_id", "id"), ("client_secret", SECRET_MARKER)];
    for (name, value) in required.iter().chain(more) {
        config.set(name, *value).expect("a valid value");
    }
    config.settings(&|_| None).expect("valid settings")
}

fn client(more: &[(&str, &str)]) -> (Settings, RequestCredentials) {
    let settings = settings(more);
    let texts = settings.credentials.read().1.expect("text");
    let credentials = RequestCredentials::new(&settings, texts).expect("credentials that fit");
    (settings, credentials)
}

/// A line with its status, header lines, an empty line, the body.
fn raw_response(bytes: &[u8]) -> RawResponse {
    let (head, body) = match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (&b""[..], bytes),
    };
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.lines();
    let status: u16 = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(200);
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    RawResponse { status, headers, body: Zeroizing::new(body.to_vec()) }
}

/// Reads a response.
pub fn response(bytes: &[u8]) {
    let response = raw_response(bytes);
    let status = response.status;
    static REQUESTS: LazyLock<[(Settings, RequestCredentials, Vec<Secret>); 4]> = LazyLock::new(|| {
        let elsewhere = &[("response.access_token", "data.token"), ("response.expires_in", "data.life")];
        let signed = &[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("signing_key", KEY)];
        [&[][..], &[("auth_method", "client_secret_post"), ("body_format", "json")], elsewhere, signed].map(|more| {
            let (settings, credentials) = client(more);
            let secrets = credentials.texts_to_redact(&settings);
            (settings, credentials, secrets)
        })
    });
    for (settings, credentials, secrets) in &*REQUESTS {
        let sent = SentRequest::new(settings, settings.server.endpoint().into(), credentials, secrets);
        match response::read(&response, sent, 1_700_000_000) {
            Ok(grant) => {
                let token = grant.access_token.expose();
                assert!(!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
                let kind = grant.token_type.to_ascii_lowercase();
                assert!(kind == "bearer" || kind == "bearertoken");
                if let StatedExpiry::In { left, .. } = grant.expiry {
                    assert!(left > Duration::ZERO && left <= TEN_YEARS);
                }
                assert!(grant.scope.is_none_or(|scope| !scope.contains(char::is_control)));
                let rest: serde_json::Map<String, serde_json::Value> =
                    match serde_json::from_str(grant.response.expose()) {
                        Ok(rest) => rest,
                        // A number that no float holds is kept as it was written.
                        Err(error) => return assert!(error.to_string().contains("out of range"), "{error}"),
                    };
                assert!(["access_token", "refresh_token", "id_token"].iter().all(|name| !rest.contains_key(*name)));
            }
            Err(error) => {
                check_error(&error);
                assert_eq!(error.http_status(), Some(status));
                assert!(error.server_wait().is_none_or(|wait| wait <= TEN_YEARS));
            }
        }
    }
}

/// Reads the metadata of an issuer: a line with the issuer, and the response of the place that is asked. `+` before the issuer
/// allows http, and `*` stands for a client certificate.
pub fn metadata(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line = String::from_utf8_lossy(&bytes[..end]);
    let url = line.trim_start_matches(['+', '*']);
    let marks = &line[..line.len() - url.len()];
    let Ok(issuer) = Endpoint::parse(url) else { return };
    let must_be_loopback = issuer.must_be_loopback && !marks.contains('+');
    let has_certificate = marks.contains('*');
    let issuer = Endpoint { must_be_loopback, named_by: NamedBy::Issuer, ..issuer };
    let response = raw_response(bytes.get(end + 1..).unwrap_or_default());
    let secrets = [Secret::new(SECRET_MARKER)];
    let mut lookup = Lookup::new(&issuer, has_certificate, &secrets);
    for _ in 0..2 {
        let request = lookup.request("fuzz/1");
        // No document chooses where the next request goes.
        let place = Endpoint::parse(&request.endpoint.url).expect("a place is a URL");
        assert_eq!((place.https, &place.host, place.port), (issuer.https, &issuer.host, issuer.port));
        assert!(request.body.is_none() && request.headers.len() == 2);
        let found = match lookup.read(&response, 1_700_000_000) {
            None => continue,
            Some(Err(error)) => {
                assert_eq!(error.http_status(), Some(response.status));
                return check_error(&error);
            }
            Some(Ok(found)) => found,
        };
        let endpoint = found.token_endpoint;
        assert!(
            Endpoint::parse(&endpoint.url).is_ok_and(|same| same.host == endpoint.host && same.https == endpoint.https)
        );
        assert!(endpoint.https || !issuer.https, "{}", endpoint.url);
        assert!(!endpoint.is_loopback() || issuer.is_loopback(), "{}", endpoint.url);
        assert!(endpoint.https || endpoint.is_loopback() || !issuer.must_be_loopback, "{}", endpoint.url);
        let text = String::from_utf8_lossy(&response.body);
        assert!(found.auth_methods.iter().all(|method| text.contains('\\') || text.contains(method)));
        return;
    }
    panic!("a third place");
}

/// Encodes a secret and looks for it in the error. A line of letters, each an encoding, the innermost first; then the secret.
pub fn redact(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some((nesting, secret)) = text.split_once('\n') else { return };
    // Fewer than four characters are redacted only as a word.
    if !(4..=200).contains(&secret.trim().chars().count()) {
        return;
    }
    let is_base64 = |kind: &char| "bB".contains(*kind);
    let base64 = nesting.chars().next().filter(is_base64);
    let around = nesting.chars().filter(|kind| !is_base64(kind)).take(4);
    let spelled = base64.into_iter().chain(around).fold(secret.to_owned(), |text, kind| encoded(kind, &text));
    // A longer one would only cost time: what takes too long to read is redacted.
    if spelled.len() > 2000 {
        return;
    }
    let redactor = Redactor::new([secret]);
    for (before, after) in [("got '", "'."), ("{\"a\":\"", "\"}"), ("", ""), ("x=", "&y=")] {
        let echo = [before, &spelled, after].concat();
        assert!(redactor.contains_secret(&echo), "{echo:?}");
        let shown = redactor.redact(&echo, 100_000);
        assert!(shown.contains("[redacted]") && !shown.contains(&spelled), "{echo:?} becomes {shown:?}");
    }
}

/// Returns the text as the encoders of servers write it.
fn encoded(kind: char, text: &str) -> String {
    let each = |encode: fn(char) -> String| text.chars().map(encode).collect::<String>();
    let percent = |set: &'static AsciiSet| utf8_percent_encode(text, set).to_string();
    let json = || {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    match kind {
        'b' => BASE64_STANDARD.encode(text),
        'B' => BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"client_secret\":{}}}", serde_json::Value::from(text))),
        'p' => percent(NON_ALPHANUMERIC),
        // The digits alone: Base64 in lower case is no Base64.
        'l' => text.bytes().fold(String::new(), |text, octet| match octet.is_ascii_alphanumeric() {
            true => text + char::from(octet).encode_utf8(&mut [0]),
            false => format!("{text}%{octet:02x}"),
        }),
        'a' => text.bytes().map(|octet| format!("%{octet:02X}")).collect(),
        'f' => percent(NON_ALPHANUMERIC).replace("%20", "+"),
        // What JavaScript calls escape().
        'v' => text.encode_utf16().map(|unit| format!("%u{unit:04X}")).collect(),
        'j' => json(),
        's' => json().replace('/', "\\/"),
        'u' => text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        'h' => each(|c| match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\'' => "&#x27;".into(),
            c => c.into(),
        }),
        'n' => each(|c| format!("&#{};", u32::from(c))),
        'x' => each(|c| format!("&#x{:X};", u32::from(c))),
        'N' => each(|c| match c {
            '+' => "&plus;".into(),
            '/' => "&sol;".into(),
            '=' => "&equals;".into(),
            '%' => "&percnt;".into(),
            '\\' => "&bsol;".into(),
            '&' => "&amp;".into(),
            c => c.into(),
        }),
        _ => text.to_owned(),
    }
}

/// Reads the Retry-After, the Date and the Age of a response, and the end of its token, a line each.
pub fn dates(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let headers = [("retry-after", line()), ("date", line()), ("age", line())];
    let headers = Vec::from(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let read = |status, body: String| {
        let body = Zeroizing::new(body.into_bytes());
        static CLIENT: LazyLock<(Settings, RequestCredentials)> = LazyLock::new(|| client(&[]));
        let (settings, credentials) = &*CLIENT;
        let response = RawResponse { status, headers: headers.clone(), body };
        let sent = SentRequest::new(settings, settings.server.endpoint().into(), credentials, &[]);
        response::read(&response, sent, 1_700_000_000)
    };
    let error = read(503, String::new()).expect_err("a 503 grants nothing");
    check_error(&error);
    assert!(error.server_wait().is_none_or(|wait| wait <= TEN_YEARS));
    assert!(error.is_transient() && error.is_worth_another_attempt());
    let end = line();
    for end in [serde_json::Value::from(end).to_string(), end.to_owned()] {
        for member in ["expires_in", "expires_at"] {
            match read(200, format!(r#"{{"access_token":"T","{member}":{end}}}"#)) {
                Ok(grant) => {
                    if let StatedExpiry::In { left, .. } = grant.expiry {
                        assert!(left > Duration::ZERO && left <= TEN_YEARS);
                    }
                }
                // A text that is no JSON.
                Err(error) => check_error(&error),
            }
        }
    }
}

/// Reads options, a line each, and builds their request. `name=value` sets an option, `name` unsets it, and `$NAME=value` is
/// a variable of the environment.
pub fn options_and_request(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut config = Config::new();
    let mut environment = Vec::new();
    for line in text.lines() {
        let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
        if let Some(variable) = name.strip_prefix('$') {
            environment.push((variable, value.unwrap_or_default()));
            continue;
        }
        // An option that is no secret may show its value.
        let is_shown = value.is_some_and(|value| value.to_lowercase().contains(SECRET_MARKER) && !is_secret(name));
        if name.to_lowercase().contains(SECRET_MARKER) || is_shown {
            continue;
        }
        if let Err(error) = config.set(name, value) {
            check_error(&error);
        }
    }
    assert!(!format!("{config:?}").to_lowercase().contains(SECRET_MARKER), "{config:?}");
    let read = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    match config.settings(&read) {
        // It reports everything at once, and each of a dozen paths has up to 500 characters.
        Err(error) => check_error_within(&error, 12_000),
        Ok(settings) => {
            assert!(settings.timeout > Duration::ZERO && settings.timeout <= TEN_YEARS);
            assert!(settings.connect_timeout > Duration::ZERO && settings.max_attempts > 0);
            let Ok(texts) = settings.credentials.read().1 else { return };
            let Ok(credentials) = RequestCredentials::new(&settings, texts) else { return };
            let moment = Moment { unix_seconds: 1_700_000_000, jti: [0; 16] };
            let (request, _) = credentials.request(&settings, settings.server.endpoint(), &moment).expect("a request");
            let mut names = Vec::new();
            for (name, value) in &request.headers {
                assert!(
                    !name.is_empty() && !name.contains(|c: char| c.is_control() || c == ':' || c == ' '),
                    "{name:?}"
                );
                assert!(!value.expose().contains(['\r', '\n', '\0']));
                names.push(name.as_str());
            }
            names.sort();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
            assert!(!format!("{request:?}").contains(SECRET_MARKER));
        }
    }
}

/// Reads variables, a line each as `NAME=VALUE`, an empty line, and a provider file.
pub fn provider(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (variables, file) = text.split_once("\n\n").unwrap_or(("", &text));
    // A name and a value that is no secret may be shown.
    let is_shown = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let holds_marker = |text: &str| text.to_lowercase().contains(SECRET_MARKER);
        holds_marker(name) || holds_marker(value) && !is_secret(name.trim())
    };
    if variables.lines().chain(file.split('\n')).any(is_shown) {
        return;
    }
    let mut config = Config::new();
    config.set("client_id", "id").and_then(|config| config.set("client_secret", SECRET_MARKER)).expect("valid values");
    let mut known = Vec::new();
    for line in variables.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        match config.set(&format!("variable.{name}"), value) {
            Ok(_) => known.push((name, value)),
            Err(error) => check_error(&error),
        }
    }
    // The last value of a variable counts.
    let value_of = |name: &str| known.iter().rev().find(|(set, _)| *set == name).map(|(_, value)| *value);
    match config.settings_with_provider_file(file, &|_| None) {
        Ok(settings) => assert!(!format!("{settings:?}").contains(SECRET_MARKER)),
        // It reports several lines of the file.
        Err(error) => check_error_within(&error, 12_000),
    }
    let Ok(lines) = parse_provider_file(file) else { return };
    for line in lines {
        let template = line.text.expose();
        if let Ok(filled) = Template::parse(template).expect("parsed before").fill(&value_of) {
            check_filled(template, filled.expose());
        }
    }
}

/// Panics if variables changed more of a URL than its host and single segments of its path.
fn check_filled(template: &str, filled: &str) {
    assert_eq!(template.split(' ').count(), filled.split(' ').count());
    for (template, filled) in template.split(' ').zip(filled.split(' ')) {
        let Some((scheme, rest)) = template.split_once("://") else { continue };
        let after = filled.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).expect("the same scheme");
        let parts = |rest: &str| {
            let end = rest.find(['?', '#']).unwrap_or(rest.len());
            let (path, query) = rest.split_at(end);
            (path.split('/').map(str::to_owned).collect::<Vec<_>>(), query.to_owned())
        };
        let ((before, query), (after, query_after)) = (parts(rest), parts(after));
        assert_eq!((before.len(), query), (after.len(), query_after), "{template} became {filled}");
        for (nth, (before, after)) in
            before.iter().zip(&after).enumerate().filter(|(_, (before, after))| before != after)
        {
            match nth {
                0 => drop(
                    Endpoint::parse(&format!("https://{after}/")).unwrap_or_else(|wrong| panic!("{after}: {wrong}")),
                ),
                _ => assert!(![".", ".."].contains(&&**after), "{before} became {after}"),
            }
        }
    }
}

fn is_secret(name: &str) -> bool {
    let family = name.split_once('.').map(|(family, _)| format!("{family}.NAME"));
    let known = |option: &&OptionInfo| option.name() == name || Some(option.name()) == family.as_deref();
    options().iter().find(known).is_some_and(OptionInfo::is_secret)
}

/// Reads a URL, a proxy and a NO_PROXY list, a line each.
pub fn url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, proxy, exempt) = (line(), line(), line());
    if let Ok(endpoint) = Endpoint::parse(url) {
        // The HTTP crate must read the same host and port, and no user.
        let other: http::Uri = url.parse().expect("a URL");
        let authority = other.authority().expect("an authority");
        assert!(!authority.as_str().contains('@') && !endpoint.host.contains(['@', '/', '%', '[', ']']), "{url}");
        assert_eq!(authority.host().trim_matches(['[', ']']).to_ascii_lowercase(), endpoint.host);
        assert_eq!(other.port_u16().unwrap_or(if endpoint.https { 443 } else { 80 }), endpoint.port);
        assert_eq!(other.scheme_str().map(str::to_ascii_lowercase).as_deref() == Some("https"), endpoint.https);
        let read = |name: &str| match name {
            "https_proxy" | "http_proxy" => Some(proxy.to_owned()),
            "no_proxy" => Some(exempt.to_owned()),
            _ => None,
        };
        if let Ok(Some(_)) = ProxyRules::of_environment(&Environment(&read)).proxy_for(&endpoint) {
            assert!(!endpoint.is_loopback() && Proxy::parse(proxy, "proxy").is_ok());
        }
    }
    if let Ok(proxy) = Proxy::parse(proxy, "proxy") {
        assert!(!proxy.host.is_empty() && !proxy.host.contains(['@', '/', '[', ']']) && proxy.port > 0);
        for text in proxy.credentials.iter().flat_map(|(user, password)| [user, password]) {
            assert!(!text.expose().contains(char::is_control));
        }
    }
}

/// Reads a signing key and its certificate: PEM, a JWK, a JWK Set or the JSON of a service account.
pub fn key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let certificate = SigningCertificate::read(&text);
    if let Err(wrong) = &certificate {
        check_refusal(wrong);
    }
    for (id, algorithm) in [(None, None), (Some("k1"), None), (Some("k1"), Some(SigningAlgorithm::Es256))] {
        match SigningKey::read(&text, id, algorithm) {
            Ok(key) => {
                check_key(&key);
                let _ = certificate.as_ref().is_ok_and(|certificate| certificate.fits(&key));
            }
            Err(wrong) => check_refusal(&wrong),
        }
    }
}

/// Reads DER as a private key of each form, and as a certificate.
pub fn der(bytes: &[u8]) {
    let base64 = BASE64_STANDARD.encode(bytes);
    let pem = |label: &str| format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n");
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
        match SigningKey::read(&pem(label), None, None) {
            Ok(key) => check_key(&key),
            Err(wrong) => check_refusal(&wrong),
        }
    }
    match SigningCertificate::read(&pem("CERTIFICATE")) {
        Ok(certificate) => {
            for (header, word) in SigningCertHeader::WORDS.iter().map(|(word, header)| (*header, *word)) {
                assert_eq!(certificate.header(header).0, word);
            }
        }
        Err(wrong) => check_refusal(&wrong),
    }
}

/// Panics unless the key signs, or says why it does not.
fn check_key(key: &SigningKey) {
    let message = b"header.claims";
    match key.algorithm(None, "signing_key_file").map(|algorithm| key.sign(algorithm, message)) {
        Ok(Ok(signature)) => assert!((64..=512).contains(&signature.len())),
        Ok(Err(error)) => check_error(&error),
        Err(wrong) => check_refusal(&wrong),
    }
}

/// Panics unless the text can end a message. At most ten ids are quoted, of 80 characters.
fn check_refusal(wrong: &str) {
    assert!(wrong.starts_with("it ") || wrong.starts_with("its ") || wrong.contains(" of its keys "), "{wrong:?}");
    assert!(!wrong.contains(char::is_control) && wrong.chars().count() <= 1000, "{wrong:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn replay(target: &str, run: fn(&[u8])) {
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        if !corpora.exists() {
            // The published crate has none: cargo leaves out folders with a Cargo.toml of their own.
            return;
        }
        let folder = corpora.join(target);
        let files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 20, "{} holds only {} files", folder.display(), files.len());
        for path in files {
            run(&std::fs::read(path).unwrap());
        }
    }

    #[test]
    fn each_file_of_the_corpora_holds() {
        replay("response", response);
        replay("dates", dates);
        replay("options", options_and_request);
        replay("url", url);
        replay("redact", redact);
        replay("metadata", metadata);
        replay("provider", provider);
        replay("key", key);
        replay("der", der);
    }
}
