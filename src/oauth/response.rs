//! Pure: judges a response. A raw HTTP response becomes a grant or an error (RFC 6749 §5).
//!
//! A server, a proxy or a captive portal may have sent it, so everything is bounded and nothing is believed. Every text that
//! goes into an error goes through `redact.rs`. This file must not read a clock nor decide what happens next.

use crate::{
    config::{Settings, is_nqchar, token_type},
    error::{Error, ErrorKind},
    oauth::{
        form,
        hints::{self, Refusal, WHICH_URL, WHOSE_FAULT},
        json::{self, Object, ObjectError, Omitted},
        redirect::Target,
        sent::{Asked, SentRequest},
        times::{self, ResponseTime, StatedExpiry},
    },
    redact::{Redactor, is_printable, truncate},
    secret::Secret,
};
use serde_json::value::RawValue;
use std::{str, time::Duration};
use zeroize::Zeroizing;

/// An HTTP response as it came, bounded by the transport.
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    /// Names in lower case; values that were not UTF-8 are left out.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// What the server granted, before any clock was read.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) access_token: Secret,
    /// As the server wrote it; "Bearer" if the response has none or an empty one.
    pub(crate) token_type: String,
    pub(crate) scope: Option<String>,
    pub(crate) expiry: StatedExpiry,
    /// How long the claims of a JWT leave the token, by the server's clock or ours, whichever is behind. Zero if its `exp`
    /// is past, and None for any other token.
    pub(crate) jwt_left: Option<Duration>,
    /// The JSON object without access_token, refresh_token, id_token.
    pub(crate) response: Secret,
    /// The SHA-256 of the refresh token that was sent, if the response brings another one.
    pub(crate) rotated_refresh_token: Option<[u8; 32]>,
}

/// Apigee writes the second.
const BEARER: [&str; 2] = ["Bearer", "BearerToken"];

/// The members that hold a token: kept out of `Grant::response` and out of every error.
const TOKENS: [&str; 3] = ["access_token", "refresh_token", "id_token"];

/// Some servers issue tokens of 8 kB. A longer one than this fits in no HTTP server's header limit (16 KiB to 60 KiB).
const LONGEST_TOKEN: usize = 64 * 1024;

const CHECK_PATH: &str = "check response.access_token";

/// What one error may hold of a server's texts, in characters.
const LONGEST_CODE: usize = 100;
const LONGEST_DESCRIPTION: usize = 300;
const LONGEST_TOTAL: usize = 500;
/// Where the reason of a refusal is, if it is not at the top: Apigee and Google, FedEx, UPS.
const REASONS: [(&str, &str); 7] = [
    ("error", ""),
    ("fault", ""),
    ("errors", ""),
    ("response", ""),
    ("response", "errors"),
    ("response", "error"),
    ("error", "errors"),
];
/// In how many items of an array a reason is looked for.
const MOST_REASONS: usize = 10;
/// A name, a header's value, a page's title.
const LONGEST_NAME: usize = 60;
const LONGEST_URL: usize = 200;

/// The error codes of RFC 6749, 6750, 8628 and 8707.
const CODES: [&str; 14] = [
    "access_denied",
    "insufficient_scope",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
];

/// Reads the response to a request. `wall_seconds` is Unix time, used where the response has no Date.
pub(crate) fn read(response: &RawResponse, sent: SentRequest<'_>, wall_seconds: i64) -> Result<Grant, Error> {
    let SentRequest { settings, server, secrets, .. } = sent;
    // The error code is worth reading also where the body is not UTF-8.
    let replaced;
    let (text, is_utf8) = match str::from_utf8(&response.body) {
        Ok(text) => (text, true),
        Err(_) => {
            replaced = Zeroizing::new(String::from_utf8_lossy(&response.body).into_owned());
            (replaced.as_str(), false)
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let form = form::read(response, text);
    let body = Body::read(response, form.as_ref().map_or(text, |form| form.as_str()));
    let tokens = body.object().map(|object| {
        let mut tokens = object.texts(&TOKENS);
        let path = settings.response_access_token.as_deref().unwrap_or_default();
        tokens.extend(object.at(path).ok().flatten().and_then(json::text));
        tokens
    });
    let tokens = tokens.unwrap_or_default();
    let secrets = secrets.iter().map(Secret::expose).chain(tokens.iter().map(|token| token.as_str()));
    let redactor = Redactor::new(secrets);
    let time = response.time(wall_seconds);
    let response = ParsedResponse { raw: response, sent, settings, server, body, is_utf8, redactor, time };

    match (response.error_code(), response.raw.status) {
        (Some(code), _) => Err(response.refusal(Some(code))),
        // NestJS responds with 201 to every POST, and a proxy that changes a response with 203 (RFC 9110 §15.3.4).
        (None, 202 | 203) if response.has_token() => response.grant().map_err(|reason| response.bad_response(&reason)),
        (None, 200 | 201) => response.grant().map_err(|reason| response.bad_response(&reason)),
        (None, 200..=299) => {
            Err(response.bad_response(&format!("a token comes with 200 (RFC 6749 §5.1); {WHICH_URL}")))
        }
        (None, _) => Err(response.refusal(None)),
    }
}

impl RawResponse {
    /// Returns the first value of this header that `read` accepts.
    pub(super) fn find<'a, T>(&'a self, name: &str, read: impl Fn(&'a str) -> Option<T>) -> Option<T> {
        self.headers.iter().filter(|(known, _)| known == name).find_map(|(_, value)| read(value.trim()))
    }

    /// Returns when the response was made, by the server's clock and by ours.
    pub(crate) fn time(&self, wall_seconds: i64) -> ResponseTime {
        let date = self.find("date", times::http_date);
        let age = self.find("age", times::age).unwrap_or_default();
        ResponseTime { servers: date.map(|date| date.saturating_add(age)), ours: wall_seconds }
    }

    pub(super) fn has_content_type(&self, wanted: &str) -> bool {
        let kind = self.find("content-type", |value| value.split(';').next());
        kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
    }

    pub(super) fn is_encoded(&self) -> bool {
        self.encoding().is_some()
    }

    /// Returns the encoding of a body that was encoded although the request did not accept any encoding.
    fn encoding(&self) -> Option<&str> {
        self.find("content-encoding", |value| {
            value.split(',').map(str::trim).find(|word| !word.is_empty() && !word.eq_ignore_ascii_case("identity"))
        })
    }
}

/// What the body of a response turned out to be.
enum Body<'a> {
    Object(Object<'a>),
    /// HTML, and its title.
    Page(Option<&'a str>),
    Encoded(&'a str),
    Empty,
    /// Another text, and why it is not a usable object.
    Text(&'a str, ObjectError),
}

impl<'a> Body<'a> {
    fn read(response: &'a RawResponse, text: &'a str) -> Self {
        if let Some(encoding) = response.encoding() {
            return Self::Encoded(encoding);
        }
        match Object::read(text) {
            Ok(object) => Self::Object(object),
            Err(_) if text.trim().is_empty() => Self::Empty,
            Err(_) if is_page(response, text) => Self::Page(title(text)),
            Err(error) => Self::Text(text.trim(), error),
        }
    }

    fn is_json(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Text(_, ObjectError::NotAnObject))
    }

    fn object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

fn is_page(response: &RawResponse, text: &str) -> bool {
    let is_html = |kind: &str| kind.eq_ignore_ascii_case("text/html");
    response.find("content-type", |value| value.get(..9)).is_some_and(is_html)
        || starts_with(text.trim_start(), "<!doctype html")
        || starts_with(text.trim_start(), "<html")
}

/// In upper or lower case.
fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

fn title(page: &str) -> Option<&str> {
    // The title is near the top, and a page may be a megabyte.
    let top = page.char_indices().nth(4096).map_or(page, |(end, _)| &page[..end]);
    // ASCII case alone keeps every position.
    let lower = top.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(top[start..end].trim()).filter(|title| !title.is_empty())
}

/// A response and all that is needed to judge it.
struct ParsedResponse<'a> {
    raw: &'a RawResponse,
    sent: SentRequest<'a>,
    settings: &'a Settings,
    server: Asked<'a>,
    body: Body<'a>,
    is_utf8: bool,
    redactor: Redactor,
    time: ResponseTime,
}

impl ParsedResponse<'_> {
    /// Returns the server's error code. Other things occur as `error` too: Spring's "Service Unavailable", objects, numbers.
    fn error_code(&self) -> Option<String> {
        let code = self.body.object()?.text("error")?;
        // A known code is no echo, even where a secret happens to be a part of it ("client").
        let is_echo = || !CODES.contains(&code.as_str()) && self.redactor.contains_secret(&code);
        // A form has no other way to write that there is no error.
        if matches!(code.as_str(), "0" | "false") && self.has_token() {
            return None;
        }
        let fits = (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(is_nqchar);
        (fits && !is_echo()).then(|| code.to_string())
    }

    /// Returns the grant, or why this success is not usable.
    fn grant(&self) -> Result<Grant, String> {
        let object = self.object_or_reason()?;
        // Some servers send an empty or false `error` with a valid token. Any other value means that there is none.
        if object.get("error").is_some_and(|error| !is_falsy(error)) {
            return Err(format!("its error member is not an error code; {WHOSE_FAULT}"));
        }
        let path = self.token_path();
        let beside =
            path.split_last().map_or(Ok(None), |(_, way)| object.inner(way)).map_err(|error| self.reason(&error))?;
        let name = truncate(&path.join("."), LONGEST_NAME);
        let advice = if self.settings.response_access_token.is_some() { CHECK_PATH } else { WHICH_URL };
        let token = object.at(&path).map_err(|error| self.reason(&error))?;
        let token = token.ok_or(format!("it has no {name}; {advice}"))?;
        let token = json::text(token).ok_or(format!("its {name} is not a string; {WHOSE_FAULT}"))?;
        let member = |name: &str| beside.as_ref().and_then(|beside| beside.get(name)).or_else(|| object.get(name));
        let told = |name: &str| match (name, &self.settings.response_expires_in, &self.settings.response_expires_at) {
            ("expires_in", Some(path), _) | ("expires_at", _, Some(path)) => object.at(path).ok().flatten(),
            _ => member(name),
        };
        let omitted = Omitted {
            names: &TOKENS,
            at_every_depth: self.settings.response_access_token.is_some(),
            path: &path,
            text: self.settings.response_access_token.is_some().then_some(&token),
        };
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Err(format!("its {name} has {} characters; {WHOSE_FAULT}", token.len()));
        }
        // It goes into a header: RFC 6750 §2.1 allows less, and a line feed would begin another header.
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("its {name} holds characters other than visible ASCII; {WHOSE_FAULT}"));
        }
        Ok(Grant {
            token_type: self.token_type(member("token_type"))?,
            scope: self.scope(member("scope"))?,
            expiry: times::stated_expiry(told, &token, self.time),
            jwt_left: times::jwt_left(&token, self.time.earlier()),
            response: Secret::new(object.without(&omitted).as_str()),
            rotated_refresh_token: self.rotated_refresh_token(object),
            access_token: Secret::new(token.as_str()),
        })
    }

    /// Returns the SHA-256 of the refresh token that was sent, if the response brings another one.
    fn rotated_refresh_token(&self, object: &Object<'_>) -> Option<[u8; 32]> {
        let (sent, new) = (self.sent.refresh_token()?, object.text("refresh_token")?);
        (!new.is_empty() && new.as_str() != sent.expose()).then(|| sent.sha256())
    }

    /// Returns the JSON object of the body, or why there is none.
    fn object_or_reason(&self) -> Result<&Object<'_>, String> {
        let redacted = |text| self.redactor.redact(text, LONGEST_NAME);
        match &self.body {
            Body::Encoded(encoding) => Err(format!(
                "its body is encoded ({}), which the request did not ask for; {WHOSE_FAULT}",
                redacted(encoding)
            )),
            Body::Empty => Err(format!("its body is empty; {WHICH_URL}")),
            Body::Object(object) => Ok(object),
            _ if !self.is_utf8 => Err(format!("its body is not UTF-8; {WHOSE_FAULT}")),
            Body::Page(title) => {
                let titled = title.map(|title| format!(" titled \"{}\"", redacted(title))).unwrap_or_default();
                Err(format!("its body is a web page{titled}; {WHICH_URL}"))
            }
            Body::Text(_, ObjectError::NotJson { line, column }) => {
                let (kind, next) = match self.raw.find("content-type", Some) {
                    Some(kind) if kind.to_ascii_lowercase().contains("json") => {
                        (", though its Content-Type is".into(), WHOSE_FAULT)
                    }
                    Some(kind) => (format!(" but {}", redacted(kind)), WHICH_URL),
                    None => (String::new(), WHICH_URL),
                };
                Err(format!("its body is not JSON{kind} (line {line}, column {column}); {next}"))
            }
            Body::Text(_, error) => Err(self.reason(error)),
        }
    }

    /// Returns why a text of JSON is not usable.
    fn reason(&self, error: &ObjectError) -> String {
        match error {
            ObjectError::NotAnObject => format!("its body is JSON but not an object; {WHICH_URL}"),
            ObjectError::TooDeep => format!("its JSON is nested too deeply; {WHOSE_FAULT}"),
            ObjectError::TooManyMembers => format!("it has more than 1000 members; {WHOSE_FAULT}"),
            ObjectError::Contradiction { member } => {
                let known = ["error", "token_type", "expires_in", "scope"].into_iter().chain(TOKENS);
                // Any other name may be anything, even a token.
                let name = known.into_iter().find(|known| known == member).unwrap_or("a member");
                format!("it contains {name} twice with different values; {WHOSE_FAULT}")
            }
            ObjectError::NotJson { line, column } => {
                format!("its body is not JSON (line {line}, column {column}); {WHICH_URL}")
            }
        }
    }

    /// Returns the names of the members that lead to the access token.
    fn token_path(&self) -> Vec<String> {
        self.settings.response_access_token.clone().unwrap_or_else(|| vec!["access_token".into()])
    }

    fn has_token(&self) -> bool {
        let path = self.token_path();
        self.body.object().is_some_and(|object| matches!(object.at(&path), Ok(Some(_))))
    }

    /// Returns a scope that is a string, or an array of strings as Twitch sends it, with spaces between. Anything else counts
    /// as no scope, since the token is usable without.
    fn scope(&self, value: Option<&RawValue>) -> Result<Option<String>, String> {
        let Some(value) = value else {
            return Ok(None);
        };
        let list = || Some(serde_json::from_str::<Vec<String>>(value.get()).ok()?.join(" "));
        let scope = json::text(value).map(|scope| scope.to_string()).or_else(list);
        // Some servers send a line for each scope.
        let scope = scope.map(|scope| match scope.contains(['\n', '\r', '\t']) {
            true => scope.split([' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "),
            false => scope,
        });
        match scope {
            Some(scope) if !self.is_utf8 && scope.contains(char::REPLACEMENT_CHARACTER) => {
                Err(format!("its scope is not UTF-8; {WHOSE_FAULT}"))
            }
            Some(scope) if !is_printable(&scope) => {
                Err(format!("its scope holds unprintable characters; {WHOSE_FAULT}"))
            }
            scope => Ok(scope),
        }
    }

    fn token_type(&self, value: Option<&RawValue>) -> Result<String, String> {
        let Some(value) = value else {
            return Ok("Bearer".into());
        };
        let known = BEARER.into_iter().chain(self.settings.token_type.as_deref());
        match json::text(value) {
            Some(kind) if kind.is_empty() => Ok("Bearer".into()),
            Some(kind) if known.into_iter().any(|known| kind.eq_ignore_ascii_case(known)) => Ok(kind.to_string()),
            Some(kind) => {
                let shown = self.redactor.redact(&kind, LONGEST_NAME);
                let advice = match token_type(&kind) {
                    Ok(_) if shown == kind.as_str() => format!(
                        "if this server's tokens are sent as Bearer, set token_type={shown}, else ask its operator"
                    ),
                    _ => "ask the server's operator".into(),
                };
                Err(format!("its token_type is \"{shown}\", and this library supports only Bearer; {advice}"))
            }
            None => Err(format!("its token_type is not a string; {WHOSE_FAULT}")),
        }
    }

    /// Returns the beginning of each message. A proxy that forwards http may have responded itself, and nothing in the
    /// response shows it.
    fn message_start(&self) -> String {
        let responder = match self.settings.proxies.proxy_for(self.server.endpoint) {
            Ok(Some(proxy)) if !self.server.endpoint.https && proxy.scheme.is_http() => {
                "the token endpoint, or the proxy before it,"
            }
            _ => "the token endpoint",
        };
        format!("{responder} responded with {}", self.raw.status)
    }

    /// Returns our own words about the token endpoint, with what names it in place of `token_url`.
    fn named(&self, words: &str) -> String {
        words.replace("token_url", &self.server.endpoint.named_by.to_string())
    }

    /// Returns the error of a success that is not usable.
    fn bad_response(&self, reason: &str) -> Error {
        let message = format!("{}, but {}", self.message_start(), self.named(reason));
        Error::new(ErrorKind::BadResponse, message).with_http_status(self.raw.status)
    }

    /// Returns the error of a response that refuses, with the error code if the server named one.
    fn refusal(&self, code: Option<String>) -> Error {
        let status = self.raw.status;
        let description = match code {
            Some(_) => self.body.object().and_then(|object| self.sanitized(&object.text("error_description")?)),
            None => self.plain_description(),
        };
        let mut message = self.message_start();
        if let Some(code) = &code {
            message = format!("{message} {code}");
        }
        if let Some(description) = &description {
            message = format!("{message}: {}", description.trim_end_matches(['.', ' ']));
        }
        let length = |text: &Option<String>| text.as_deref().map_or(0, |text| text.chars().count());
        let mut left = LONGEST_TOTAL - length(&code) - length(&description);
        let challenges = self.raw.headers.iter().filter(|(name, _)| name == "www-authenticate");
        let path =
            self.body.is_json().then(|| self.redactor.redact(self.server.endpoint.path(), left.min(LONGEST_URL)));
        // A query may hold a key, and half of a URL is no audience.
        let url = &self.settings.server.endpoint().url;
        let is_shown = url.len() <= LONGEST_URL && !url.contains('?') && !self.redactor.contains_secret(url);
        let refusal = Refusal {
            status,
            code: code.as_deref().unwrap_or_default(),
            wants_bearer: hints::offer_only_bearer(challenges.map(|(_, value)| value.as_str())),
            json_at: path.as_deref(),
            token_url: if is_shown { url } else { "the text of token_url" },
            is_of_entra: description.as_deref().is_some_and(|description| description.contains("AADSTS")),
            server_seconds: self.time.servers,
            sent: self.sent,
        };
        if let 300..=399 = status {
            let target = self.raw.find("location", |location| Target::read(location, self.server.endpoint));
            let advice = self.named(target.as_ref().map_or(WHICH_URL, |target| target.advice));
            let url = target.map(|target| self.redactor.redact(&target.url, left.min(LONGEST_URL)));
            left -= length(&url);
            let url = url.as_deref().unwrap_or("nowhere");
            message = format!("{message}; redirects are never followed, and this one points to {url}; {advice}");
        } else {
            message = format!("{message}; {}", self.named(&refusal.hint()));
            let (methods, is_about_client) = (self.server.auth_methods, refusal.has(&["invalid_client"], &[401]));
            if is_about_client && !methods.is_empty() && refusal.clock().is_none() {
                message = format!("{message}; the server's metadata lists {}", listed(methods));
            }
        }
        let is_worth_another_attempt = refusal.has_retryable_status();
        let is_transient = is_worth_another_attempt || refusal.has_retryable_code();
        let error = match code {
            Some(code) => {
                let uri = self.body.object().and_then(|object| self.page_uri(&object.text("error_uri")?, left));
                Error::new(ErrorKind::OAuth, message).with_oauth(code, description, uri)
            }
            None => Error::new(ErrorKind::Http, message),
        };
        let error = if is_worth_another_attempt { error.worth_another_attempt() } else { error };
        let error = if is_transient { error.retryable() } else { error };
        error
            .with_http_status(status)
            .with_server_wait(self.raw.find("retry-after", |value| times::retry_after(value, self.time.now())))
    }

    /// Returns a text of the server as an error may show it. Returns None for one that came broken, since a search for
    /// secrets in it would prove nothing.
    fn sanitized(&self, text: &str) -> Option<String> {
        let is_whole = !text.trim().is_empty() && !text.contains(char::REPLACEMENT_CHARACTER);
        is_whole.then(|| self.redactor.redact(text, LONGEST_DESCRIPTION))
    }

    /// Returns the URI of a page for people to read (RFC 6749 §5.2), whole but for its query, or not at all. The query is
    /// where servers echo the request, and no page needs it.
    fn page_uri(&self, uri: &str, limit: usize) -> Option<String> {
        let (uri, _) = uri.split_once('?').unwrap_or((uri, ""));
        let is_web = starts_with(uri, "https://") || starts_with(uri, "http://");
        let fits = uri.len() <= limit && uri.bytes().all(is_nqchar);
        (is_web && fits && !self.redactor.contains_secret(uri)).then(|| uri.to_owned())
    }

    /// Returns the reason that an object of a refusal names.
    fn reason_in(&self, object: &Object<'_>) -> Option<String> {
        // As API Management, AWS, Okta, Spring, FastAPI, Apigee and RFC 9457 write it.
        const NAMES: [&str; 13] = [
            "error_description",
            "message",
            "Message",
            "errorMessage",
            "error_message",
            "detail",
            "errorSummary",
            "faultstring",
            "Error",
            "error",
            "title",
            "ErrorCode",
            "errorCode",
        ];
        NAMES.iter().find_map(|name| self.sanitized(&object.text(name)?))
    }

    /// Returns the reason in a value inside the object of a refusal. Of an array, the first item with a reason counts.
    fn reason_of(&self, value: &RawValue) -> Option<String> {
        if let Ok(object) = Object::read(value.get()) {
            return self.reason_in(&object);
        }
        let items: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
        items.into_iter().take(MOST_REASONS).find_map(|item| match json::text(item) {
            Some(text) => self.sanitized(&text),
            None => self.reason_in(&Object::read(item.get()).ok()?),
        })
    }

    /// Returns how a refusal without an error code describes itself.
    fn plain_description(&self) -> Option<String> {
        match &self.body {
            Body::Object(object) => self.reason_in(object).or_else(|| {
                REASONS.iter().find_map(|(outer, inner)| {
                    let value = object.get(outer)?;
                    if inner.is_empty() {
                        return self.reason_of(value);
                    }
                    let object = Object::read(value.get()).ok()?;
                    self.reason_of(object.get(inner)?)
                })
            }),
            Body::Page(title) => Some(match title.and_then(|title| self.sanitized(title)) {
                Some(title) => format!("a web page titled \"{title}\""),
                None => "a web page".into(),
            }),
            // Half a JSON text or a form may hold a token anywhere.
            Body::Text(text, _) if text.starts_with(['{', '[', '"', '<']) => None,
            Body::Text(text, _) if text.contains(['=', ':']) && text.to_ascii_lowercase().contains("token") => None,
            Body::Text(text, _) => self.sanitized(text),
            Body::Encoded(_) | Body::Empty => None,
        }
    }
}

/// Returns names as a text: `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Returns whether the value of `error` means that there is none: 0, `{}`, `[]`, an empty text or `false`.
fn is_falsy(error: &RawValue) -> bool {
    use serde_json::Value;
    match serde_json::from_str(error.get()) {
        Ok(Value::Number(number)) => number.as_f64() == Some(0.0),
        Ok(Value::Object(members)) => members.is_empty(),
        Ok(Value::Array(items)) => items.is_empty(),
        Ok(Value::String(text)) => text.is_empty() || text == "0" || text == "false",
        Ok(Value::Bool(is_error)) => !is_error,
        Ok(Value::Null) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
pub(super) mod tests;
