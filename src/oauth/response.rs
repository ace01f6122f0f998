//! Pure: a raw HTTP answer becomes a grant or an error (RFC 6749 §5).
//!
//! An answer is whatever a server, a proxy or a captive portal cares to send: everything is bounded, nothing is believed,
//! and what goes into an error goes through `printable.rs`. It may not look at a clock nor decide what happens next.

use crate::{
    config::{AuthMethod, BasicEncoding, BodyFormat, ClientSecret, Endpoint, Settings},
    duration::{TEN_YEARS, parse_seconds},
    error::{Error, ErrorKind},
    oauth::json::{self, Object, Unusable},
    redact::{Redactor, is_printable},
    secret::Secret,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::value::RawValue;
use std::{
    str,
    time::{Duration, UNIX_EPOCH},
};
use zeroize::Zeroizing;

/// An HTTP answer as it came, bounded by the transport.
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    /// Names in lower case; values that were not UTF-8 are left out.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// What the server granted, before anyone has looked at a clock.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) access_token: Secret,
    /// As the server wrote it; "Bearer" if it did not.
    pub(crate) token_type: String,
    pub(crate) scope: Option<String>,
    /// Above 0 and at most ten years. `None`: neither `expires_in` nor a JWT told.
    pub(crate) lifetime: Option<Duration>,
    /// The JSON object without access_token, refresh_token, id_token.
    pub(crate) response: Secret,
}

/// The members that hold a token: kept out of `Grant::response` and out of every error.
const TOKENS: [&str; 3] = ["access_token", "refresh_token", "id_token"];

/// Tokens of 8 kB are met; none is useful that no HTTP server would take in a header (16 KiB to 60 KiB at most).
const LONGEST_TOKEN: usize = 64 * 1024;

/// What one error may hold of a server's texts, in characters.
const LONGEST_CODE: usize = 100;
const LONGEST_DESCRIPTION: usize = 300;
const LONGEST_IN_ALL: usize = 500;
/// A name, a header's value, a page's title.
const LONGEST_NAME: usize = 60;
const LONGEST_URL: usize = 200;

/// Reads the answer to a request that was made from `settings`.
///
/// `wall_seconds` is Unix time, used where the answer has no Date. `secrets` are the texts that the server was sent and may
/// echo in any spelling.
pub(crate) fn read(
    response: &RawResponse,
    settings: &Settings,
    wall_seconds: i64,
    secrets: &[Secret],
) -> Result<Grant, Error> {
    // An error's code is worth reading in a body that is not UTF-8, too.
    let replaced;
    let (text, utf8) = match str::from_utf8(&response.body) {
        Ok(text) => (text, true),
        Err(_) => {
            replaced = Zeroizing::new(String::from_utf8_lossy(&response.body).into_owned());
            (replaced.as_str(), false)
        }
    };
    let body = Body::read(response, text.strip_prefix('\u{feff}').unwrap_or(text));
    let tokens: Vec<_> = TOKENS.iter().filter_map(|name| body.object()?.text(name)).collect();
    let hidden =
        Redactor::new(secrets.iter().map(|secret| secret.expose()).chain(tokens.iter().map(|token| token.as_str())));
    let now = response.find("date", unix_seconds).unwrap_or(wall_seconds);
    let answer = Answer { response, settings, body, utf8, hidden, now };

    match (answer.code(), response.status) {
        (Some(code), _) => Err(answer.refusal(Some(code))),
        // 201 is what NestJS, for one, answers to every POST.
        (None, 200 | 201) => answer.grant(),
        (None, 200..=299) => Err(answer.unusable(&format!("a token comes with 200 (RFC 6749 §5.1); {WHICH_URL}"))),
        (None, _) => Err(answer.refusal(None)),
    }
}

const WHICH_URL: &str = "is token_url the token endpoint?";
const WHOSE_FAULT: &str = "the server breaks RFC 6749 §5.1: ask whoever runs it";

impl RawResponse {
    /// The first value of this header that can be read.
    fn find<'a, T>(&'a self, name: &str, read: impl Fn(&'a str) -> Option<T>) -> Option<T> {
        self.headers.iter().filter(|(known, _)| known == name).find_map(|(_, value)| read(value.trim()))
    }

    /// The encoding of a body that is not as it was written, which was not asked for.
    fn encoding(&self) -> Option<&str> {
        self.find("content-encoding", |value| {
            value.split(',').map(str::trim).find(|word| !word.is_empty() && !word.eq_ignore_ascii_case("identity"))
        })
    }
}

/// What an answer's body turned out to be.
enum Body<'a> {
    Object(Object<'a>),
    /// HTML, and its title.
    Page(Option<&'a str>),
    Encoded(&'a str),
    Empty,
    /// Something else, and why it is no usable object.
    Text(&'a str, Unusable),
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
            Err(unusable) => Self::Text(text.trim(), unusable),
        }
    }

    fn object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

fn is_page(response: &RawResponse, text: &str) -> bool {
    let starts = |with: &str| text.trim_start().get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let said =
        response.find("content-type", |value| value.get(..9)).is_some_and(|t| t.eq_ignore_ascii_case("text/html"));
    said || starts("<!doctype html") || starts("<html")
}

fn title(page: &str) -> Option<&str> {
    // Titles stand near the top, and a page may be a megabyte.
    let top = page.char_indices().nth(4096).map_or(page, |(end, _)| &page[..end]);
    // ASCII case alone: the positions are the same in both.
    let small = top.to_ascii_lowercase();
    let start = small.find("<title")?;
    let start = start + small[start..].find('>')? + 1;
    let end = start + small[start..].find("</title")?;
    Some(top[start..end].trim()).filter(|title| !title.is_empty())
}

/// An answer and all that is needed to judge it.
struct Answer<'a> {
    response: &'a RawResponse,
    settings: &'a Settings,
    body: Body<'a>,
    utf8: bool,
    hidden: Redactor,
    /// The answer's own Date if it has one, else ours: Unix seconds.
    now: i64,
}

impl Answer<'_> {
    /// The server's error code. Many other things stand in `error`: Spring's "Service Unavailable", objects, numbers.
    fn code(&self) -> Option<String> {
        let code = self.body.object()?.text("error")?;
        // RFC 6749 §5.2's characters without the space.
        let fits = code.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        // A known code is no echo, even where a secret happens to be a part of it ("client").
        let echo = || !CODES.contains(&code.as_str()) && self.hidden.is_in(&code);
        (fits && (1..=LONGEST_CODE).contains(&code.len()) && !echo()).then(|| code.to_string())
    }

    fn grant(&self) -> Result<Grant, Error> {
        self.granted().map_err(|why| self.unusable(&why))
    }

    fn granted(&self) -> Result<Grant, String> {
        let object = self.usable()?;
        // An empty or false `error` names none, and stands beside good tokens; anything else is not to be overlooked.
        if object.get("error").is_some_and(|error| !matches!(error.get(), "\"\"" | "false")) {
            return Err(format!("its error member is no error code; {WHOSE_FAULT}"));
        }
        let token = object.get("access_token").ok_or(format!("it has no access_token; {WHICH_URL}"))?;
        let token = json::text(token).ok_or(format!("its access_token is not a string; {WHOSE_FAULT}"))?;
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Err(format!("its access_token has {} characters; {WHOSE_FAULT}", token.len()));
        }
        // It goes into a header: RFC 6750 §2.1 allows less, a line feed would be somebody's second header.
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("its access_token holds more than visible ASCII characters; {WHOSE_FAULT}"));
        }
        Ok(Grant {
            token_type: self.token_type(object)?,
            scope: scope(object)?,
            lifetime: object.get("expires_in").and_then(expires_in).or_else(|| jwt_lifetime(&token, self.now)),
            response: Secret::new(object.without(&TOKENS).as_str()),
            access_token: Secret::new(token.as_str()),
        })
    }

    fn usable(&self) -> Result<&Object<'_>, String> {
        let print = |text| self.hidden.print(text, LONGEST_NAME);
        match &self.body {
            Body::Encoded(encoding) => {
                Err(format!("its body is encoded ({}), which nobody asked for; {WHOSE_FAULT}", print(encoding)))
            }
            Body::Empty => Err(format!("its body is empty; {WHICH_URL}")),
            _ if !self.utf8 => Err(format!("its body is not UTF-8; {WHOSE_FAULT}")),
            Body::Page(title) => {
                let titled = title.map(|title| format!(" titled \"{}\"", print(title))).unwrap_or_default();
                Err(format!("its body is a web page{titled}; {WHICH_URL}"))
            }
            Body::Text(_, Unusable::NotJson { line, column }) => {
                let (kind, next) = match self.response.find("content-type", Some) {
                    Some(kind) if kind.to_ascii_lowercase().contains("json") => {
                        (" though it says so".into(), WHOSE_FAULT)
                    }
                    Some(kind) => (format!(" but {}", print(kind)), WHICH_URL),
                    None => (String::new(), WHICH_URL),
                };
                Err(format!("its body is not JSON{kind} (line {line}, column {column}); {next}"))
            }
            Body::Text(_, Unusable::NotAnObject) => Err(format!("its body is JSON but no object; {WHICH_URL}")),
            Body::Text(_, Unusable::TooDeep) => Err(format!("its JSON is nested too deeply; {WHOSE_FAULT}")),
            Body::Text(_, Unusable::TooMany) => Err(format!("it has more than 1000 members; {WHOSE_FAULT}")),
            Body::Text(_, Unusable::Contradiction { member }) => {
                let known = ["error", "token_type", "expires_in", "scope"].into_iter().chain(TOKENS);
                // Another name may be anything, a token too.
                let name = known.into_iter().find(|known| known == member).unwrap_or("a member");
                Err(format!("it gives {name} twice with different values; {WHOSE_FAULT}"))
            }
            Body::Object(object) => Ok(object),
        }
    }

    fn token_type(&self, object: &Object<'_>) -> Result<String, String> {
        let Some(value) = object.get("token_type") else {
            return Ok("Bearer".into());
        };
        match json::text(value) {
            Some(kind) if kind.eq_ignore_ascii_case("bearer") => Ok(kind.to_string()),
            Some(kind) => {
                let kind = self.hidden.print(&kind, LONGEST_NAME);
                Err(format!(
                    "its token_type is \"{kind}\" and this library knows only Bearer; ask whoever runs the server"
                ))
            }
            None => Err(format!("its token_type is not a string; {WHOSE_FAULT}")),
        }
    }

    /// Who answered, as far as can be told: what passes http on may answer for itself, and nothing in its answer says so.
    fn answered(&self) -> String {
        let Settings { endpoint, proxy, .. } = self.settings;
        let who = match proxy {
            Some(_) if !endpoint.https => "the token endpoint, or the proxy before it,",
            _ => "the token endpoint",
        };
        format!("{who} answered {}", self.response.status)
    }

    fn unusable(&self, why: &str) -> Error {
        let message = format!("{}, but {why}", self.answered());
        Error::new(ErrorKind::BadResponse, message).with_http_status(self.response.status)
    }

    fn refusal(&self, code: Option<String>) -> Error {
        let status = self.response.status;
        let description = match code {
            Some(_) => self.body.object().and_then(|object| self.quote(&object.text("error_description")?)),
            None => self.told(),
        };
        let mut message = self.answered();
        if let Some(code) = &code {
            message = format!("{message} {code}");
        }
        if let Some(description) = &description {
            message = format!("{message}: {}", description.trim_end_matches(['.', ' ']));
        }
        let length = |text: &Option<String>| text.as_deref().map_or(0, |text| text.chars().count());
        let mut left = LONGEST_IN_ALL - length(&code) - length(&description);
        let case = Case { status, code: code.as_deref().unwrap_or_default(), settings: self.settings };
        if let 300..=399 = status {
            let (target, next) = self.redirect(left.min(LONGEST_URL));
            left -= length(&target);
            let target = target.as_deref().unwrap_or("nowhere");
            message = format!("{message}; redirects are never followed, this one points to {target}; {next}");
        } else {
            let next = HINTS.iter().find(|(applies, _)| applies(&case)).map_or(ASK, |(_, hint)| hint);
            message = format!("{message}; {next}");
        }
        let (again, transient) = (case.is_busy(), case.is_busy() || case.asks_for_patience());
        let error = match code {
            Some(code) => {
                let uri = self.body.object().and_then(|object| self.uri(&object.text("error_uri")?, left));
                Error::new(ErrorKind::OAuth, message).with_oauth(code, description, uri)
            }
            None => Error::new(ErrorKind::Http, message),
        };
        let error = if again { error.worth_another_attempt() } else { error };
        let error = if transient { error.retryable() } else { error };
        error
            .with_http_status(status)
            .with_server_wait(self.response.find("retry-after", |value| retry_after(value, self.now)))
    }

    /// A text of the server, fit to print. One that came broken could not be searched for secrets.
    fn quote(&self, text: &str) -> Option<String> {
        let usable = !text.trim().is_empty() && !text.contains(char::REPLACEMENT_CHARACTER);
        usable.then(|| self.hidden.print(text, LONGEST_DESCRIPTION))
    }

    /// A page for a human to read (RFC 6749 §5.2): whole or not at all.
    fn uri(&self, uri: &str, most: usize) -> Option<String> {
        let starts = |with: &str| uri.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        let fits = uri.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) && uri.len() <= most;
        (fits && (starts("https://") || starts("http://")) && !self.hidden.is_in(uri)).then(|| uri.to_owned())
    }

    /// What a refusal without an OAuth code says in other ways.
    fn told(&self) -> Option<String> {
        match &self.body {
            // As API Management, AWS, Okta, Spring, FastAPI and RFC 9457 write it; Apigee and Google one level deeper.
            Body::Object(object) => {
                const NAMES: [&str; 8] = [
                    "error_description",
                    "message",
                    "Message",
                    "detail",
                    "errorSummary",
                    "faultstring",
                    "error",
                    "title",
                ];
                let said = |object: &Object<'_>| NAMES.iter().find_map(|name| self.quote(&object.text(name)?));
                let inner = |name| Object::read(object.get(name)?.get()).ok().as_ref().and_then(said);
                said(object).or_else(|| inner("error")).or_else(|| inner("fault"))
            }
            Body::Page(title) => Some(match title.and_then(|title| self.quote(title)) {
                Some(title) => format!("a web page titled \"{title}\""),
                None => "a web page".into(),
            }),
            // Half a JSON text or a form may hold a token in a place that nobody knows.
            Body::Text(text, _) if text.starts_with(['{', '[', '"', '<']) => None,
            Body::Text(text, _) if text.contains(['=', ':']) && text.to_ascii_lowercase().contains("token") => None,
            Body::Text(text, _) => self.quote(text),
            Body::Encoded(_) | Body::Empty => None,
        }
    }

    /// Where a redirect points, and what to do about it. It is never followed: a credential goes to the URL that was
    /// configured.
    fn redirect(&self, most: usize) -> (Option<String>, &'static str) {
        let endpoint = &self.settings.endpoint;
        match self.response.find("location", |location| Target::read(location, endpoint)) {
            Some(target) => (Some(self.hidden.print(&target.url, most)), target.advice),
            None => (None, WHICH_URL),
        }
    }
}

/// Where a redirect points.
struct Target {
    /// Absolute, without user information, query and fragment, any of which may hold a secret.
    url: String,
    advice: &'static str,
}

impl Target {
    fn read(location: &str, endpoint: &Endpoint) -> Option<Self> {
        let location = without_query(location);
        let (own_scheme, own) = without_query(&endpoint.url).split_once("://")?;
        let (own_authority, own_path) = split_path(own);
        let (scheme, rest) = match location.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
                (scheme, rest.to_owned())
            }
            _ if location.is_empty() => (own_scheme, own.to_owned()),
            _ if location.starts_with("//") => (own_scheme, location[2..].to_owned()),
            _ if location.starts_with('/') => (own_scheme, format!("{own_authority}{location}")),
            _ if location.split('/').next()?.contains(':') => return None,
            _ => {
                let (folder, _) = own_path.rsplit_once('/').unwrap_or_default();
                (own_scheme, format!("{own_authority}{folder}/{location}"))
            }
        };
        let (authority, path) = split_path(&rest);
        let authority = authority.rsplit('@').next()?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().ok()?)),
            _ => (authority, None),
        };
        if host.is_empty() {
            return None;
        }
        let https = scheme.eq_ignore_ascii_case("https");
        let same_host = host.trim_matches(['[', ']']).eq_ignore_ascii_case(&endpoint.host);
        let same_port = port.unwrap_or(if https { 443 } else { 80 }) == endpoint.port;
        let same_origin = https == endpoint.https && same_host && same_port;
        let advice = if same_origin && path == own_path {
            "that is token_url itself: ask whoever runs the server"
        } else if same_origin && path.trim_end_matches('/') == own_path.trim_end_matches('/') {
            "only a trailing slash differs: set token_url to it"
        } else if same_origin || https {
            "if that is the token endpoint, set token_url to it"
        } else {
            "that is not https: check token_url"
        };
        Some(Self { url: format!("{}://{authority}{path}", scheme.to_ascii_lowercase()), advice })
    }
}

fn split_path(url: &str) -> (&str, &str) {
    url.split_at(url.find('/').unwrap_or(url.len()))
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// What a hint depends on.
struct Case<'a> {
    status: u16,
    /// Empty if the server named none.
    code: &'a str,
    settings: &'a Settings,
}

impl Case<'_> {
    /// The statuses that are tried again whatever their body says. RFC 9110 §15: an impossible status counts as a 500.
    fn is_busy(&self) -> bool {
        matches!(self.status, 408 | 425 | 429) || self.status >= 500
    }

    fn asks_for_patience(&self) -> bool {
        matches!(self.code, "temporarily_unavailable" | "server_error" | "slow_down")
    }

    fn says(&self, codes: &[&str], statuses: &[u16]) -> bool {
        codes.contains(&self.code) || statuses.contains(&self.status)
    }

    fn wrong_client(&self) -> bool {
        self.says(&["invalid_client"], &[401])
    }

    /// What is so of the secret. Of one in a file, which is not known here, nothing is.
    fn has_secret(&self, so: impl FnOnce(&str) -> bool) -> bool {
        match &self.settings.client_secret {
            ClientSecret::Text(secret) => so(secret.expose()),
            ClientSecret::File(_) => false,
        }
    }

    /// Whether HTTP Basic carried characters that its two encodings write differently (RFC 6749 §2.3.1).
    fn is_ambiguous(&self) -> bool {
        let ambiguous = |text: &str| text.bytes().any(|b| !(b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
        let basic = self.settings.auth_method == AuthMethod::ClientSecretBasic;
        basic && (self.has_secret(ambiguous) || ambiguous(&self.settings.client_id))
    }

    fn is_raw(&self) -> bool {
        self.settings.basic_encoding == BasicEncoding::Raw
    }

    fn sends(&self, format: BodyFormat) -> bool {
        self.settings.body_format == format
    }
}

/// Codes of RFC 6749, 6750, 8628 and 8707.
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

const ASK: &str = "ask whoever runs the server what it wants";

type Hint = (fn(&Case<'_>) -> bool, &'static str);

/// What to do next: the first row that applies.
const HINTS: &[Hint] = &[
    (
        |it| it.says(&[], &[407, 511]),
        "that is no token server but a proxy or portal on the way: sign in there, or set proxy with a user and password",
    ),
    (|it| it.says(&["slow_down"], &[429]), "the server limits how often it is asked: it is asked again later"),
    (
        |it| it.is_busy() || it.asks_for_patience(),
        "the trouble is the server's: it is asked again later; if it stays, ask whoever runs it",
    ),
    // django-oauth-toolkit's JSON backend says this to a form.
    (
        |it| it.says(&["unsupported_grant_type"], &[]) && it.sends(BodyFormat::Form),
        "the server may want body_format=json, or does not offer this grant_type",
    ),
    (
        |it| it.says(&["unsupported_grant_type"], &[]),
        "the server may want body_format=form, or does not offer this grant_type",
    ),
    (
        |it| it.says(&["unauthorized_client"], &[]),
        "the server does not let this client use this grant_type: ask whoever runs it",
    ),
    (
        |it| it.says(&["invalid_scope", "insufficient_scope"], &[]),
        "check scope: the server does not grant it to this client",
    ),
    (|it| it.says(&["invalid_target"], &[]), "check resource and audience"),
    (|it| it.says(&["invalid_grant"], &[]), "check grant_type and the param.NAME options that go with it"),
    // What a variable that is not set leaves, and what is copied with a secret.
    (
        |it| it.wrong_client() && it.has_secret(str::is_empty),
        "client_secret is empty: if this client has one, set it; else check client_id and which environment it is for",
    ),
    (
        |it| it.wrong_client() && it.has_secret(|secret| secret.trim() != secret),
        "client_secret begins or ends with a space: check whether that belongs to it; then client_id and which \
         environment they are for",
    ),
    // Auth0 says access_denied with a 401 to a wrong secret.
    (
        |it| it.wrong_client() && it.is_ambiguous() && it.is_raw(),
        "check client_id, client_secret and which environment they are for; they hold characters that not all servers \
         read alike: try basic_encoding=rfc6749 or auth_method=client_secret_post",
    ),
    (
        |it| it.wrong_client() && it.is_ambiguous(),
        "check client_id, client_secret and which environment they are for; they hold characters that not all servers \
         read alike: try basic_encoding=raw or auth_method=client_secret_post",
    ),
    (
        |it| it.wrong_client() && it.settings.auth_method == AuthMethod::ClientSecretBasic,
        "check client_id, client_secret and which environment they are for; the server may want \
         auth_method=client_secret_post",
    ),
    (
        |it| it.wrong_client(),
        "check client_id, client_secret and which environment they are for; the server may want \
         auth_method=client_secret_basic",
    ),
    (
        |it| it.says(&["access_denied"], &[403]),
        "the server refuses this client or its address: ask whoever runs it what this client may do and from where",
    ),
    (|it| it.says(&[], &[404, 410]), "nothing is there: check the path of token_url, also whether it ends in a slash"),
    (|it| it.says(&[], &[405]), "nothing takes a POST there: check the path of token_url"),
    (|it| it.says(&[], &[406, 415]) && it.sends(BodyFormat::Form), "the server may want body_format=json"),
    (|it| it.says(&[], &[406, 415]), "the server may want body_format=form"),
    (
        |it| it.says(&[], &[413, 414, 431]),
        "the request is too large for the server: shorten token_url, scope, header.NAME or param.NAME",
    ),
    // oidc-provider says invalid_request to a percent sign that encodes nothing.
    (
        |it| it.says(&["invalid_request"], &[]) && it.is_ambiguous() && it.is_raw(),
        "client_id and client_secret hold characters that not all servers read alike: try basic_encoding=rfc6749; else \
         check that all the server needs is set (scope, audience, resource, param.NAME)",
    ),
    (
        |it| it.says(&["invalid_request"], &[400, 422]) && it.sends(BodyFormat::Form),
        "check that all the server needs is set (scope, audience, resource, param.NAME); it may want body_format=json",
    ),
    (
        |it| it.says(&["invalid_request"], &[400, 422]),
        "check that all the server needs is set (scope, audience, resource, param.NAME); it may want body_format=form",
    ),
];

/// A string, or an array of strings as Twitch sends it. Anything else tells nothing, and a token is good without.
fn scope(object: &Object<'_>) -> Result<Option<String>, String> {
    let Some(value) = object.get("scope") else {
        return Ok(None);
    };
    let list = || Some(serde_json::from_str::<Vec<String>>(value.get()).ok()?.join(" "));
    match json::text(value).map(|scope| scope.to_string()).or_else(list) {
        Some(scope) if !is_printable(&scope) => Err(format!("its scope holds unprintable characters; {WHOSE_FAULT}")),
        scope => Ok(scope),
    }
}

/// Above 0, at most ten years.
fn expires_in(value: &RawValue) -> Option<Duration> {
    let lifetime = match json::text(value) {
        Some(text) => seconds(text.trim())?,
        // `true` has an e too, and parses as neither.
        None if value.get().contains(['e', 'E']) => float_seconds(value.get().parse().ok()?)?,
        None => seconds(value.get())?,
    };
    (!lifetime.is_zero()).then_some(lifetime)
}

/// Plain decimals, exactly; at most ten years.
fn seconds(text: &str) -> Option<Duration> {
    Some(parse_seconds(text)?.min(TEN_YEARS))
}

/// A float of seconds, infinity too; at most ten years. `None` below 0.
fn float_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.min(TEN_YEARS.as_secs_f64())).ok()
}

/// How long a JWT says that it lives: the smaller of `exp − iat` and `exp − now`. The second counts only up to a day,
/// since the clock may be wrong.
fn jwt_lifetime(token: &str, now: i64) -> Option<Duration> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return None;
    };
    let is_base64url = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_base64url(header) || !is_base64url(signature) {
        return None;
    }
    let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload).ok()?);
    let claims = Object::read(str::from_utf8(&payload).ok()?).ok()?;
    let moment = |name| claims.get(name)?.get().parse::<f64>().ok();
    let exp = moment("exp")?;
    let from_now = Some(exp - now as f64).filter(|left| *left <= 86_400.0);
    let spans = [moment("iat").map(|iat| exp - iat), from_now].into_iter().flatten();
    spans.filter(|span| *span > 0.0).reduce(f64::min).and_then(float_seconds).filter(|span| !span.is_zero())
}

/// Seconds, or a date held against `now`; `None` if it is past or unreadable.
fn retry_after(value: &str, now: i64) -> Option<Duration> {
    seconds(value).or_else(|| {
        let left = unix_seconds(value)?.saturating_sub(now);
        Some(Duration::from_secs(u64::try_from(left).ok()?).min(TEN_YEARS))
    })
}

/// An HTTP date (RFC 9110 §5.6.7) as Unix seconds.
fn unix_seconds(date: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(date).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests;
