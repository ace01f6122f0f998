//! The responses of the server: one [`Response`] for each token request, a [`Script`] of them, and their bytes.
//!
//! Pure: it must not read a clock or touch a socket. `server.rs` carries out delays and early ends.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// The responses in the order of the requests. The last one repeats. An empty script is the same as `[{}]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Script(pub Vec<Response>);

impl Script {
    /// Parses a JSON array of responses.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("not a script: {error}"))
    }

    /// Returns the response for the `n`th request of this script, counted from 1.
    pub fn response(&self, n: usize) -> Response {
        let mut left = n.max(1);
        for response in &self.0 {
            let times = response.times.unwrap_or(1);
            if left <= times {
                return response.clone();
            }
            left -= times;
        }
        self.0.last().cloned().unwrap_or_default()
    }
}

impl From<Response> for Script {
    fn from(response: Response) -> Self {
        Self(vec![response])
    }
}

/// One response. Every omitted member is that of a well-behaved server, so `{}` grants a token for an hour.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Response {
    /// How many requests in a row get this response. Default: 1.
    pub times: Option<usize>,

    /// The access token, `access_token`. Default: `token-1`, `token-2` and so on, counting all requests.
    pub token: Member,
    /// The lifetime in seconds, `expires_in`. Default: 3600.
    pub expires_in: Member,
    /// The token type, `token_type`. Default: `Bearer`.
    pub token_type: Member,
    /// The granted scope, `scope`. Default: omitted.
    pub scope: Member,

    /// Makes this an OAuth error (RFC 6749 §5.2): status 401 for `invalid_client` and 400 for every other code, unless
    /// `status` is set.
    pub error: Option<String>,
    pub error_description: Option<String>,

    /// The HTTP status. Without an `error`, the body of a status other than 2xx is empty.
    pub status: Option<u16>,
    /// Added to the default headers. A header of the same name is replaced, or omitted if the value is `null`. With
    /// `Transfer-Encoding: chunked` the body is sent in chunks. With `Content-Length: null` the connection ends it.
    pub headers: BTreeMap<String, Option<String>>,
    /// `Date`. Default: `now`. `-86400` or `+60` is a number of seconds from now. Any other text is sent unchanged.
    #[serde(deserialize_with = "text")]
    pub date: Option<String>,
    /// `Retry-After`. `now+60` becomes that date. A number, and any other text, is sent unchanged.
    #[serde(deserialize_with = "text")]
    pub retry_after: Option<String>,
    /// Replaces the default body: the content of a string, or any other JSON as written.
    #[serde(deserialize_with = "text")]
    pub body: Option<String>,
    /// The number of spaces after the body, at most 64 MiB.
    pub pad: usize,
    /// Encodes every character below U+0100 of `headers`, `body` and `raw` as one byte, so that `ÿ` is not UTF-8.
    pub latin1: bool,
    /// Replaces all the above: these bytes, after which the connection ends.
    pub raw: Option<String>,
    /// Sent after everything else, until the client closes; then the connection ends.
    pub flood: Option<Flood>,

    /// Seconds before the response, at most 600.
    #[serde(deserialize_with = "seconds")]
    pub delay: Duration,
    /// Seconds before each byte, those of the head included, at most 600.
    #[serde(deserialize_with = "seconds")]
    pub drip: Duration,
    /// Never responds, and ends when the client closes.
    pub hang: bool,
    /// Ends the connection early.
    pub close: Option<Close>,
}

/// A text that is sent many times, without holding all of it in memory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    pub text: String,
    /// At most 16 GiB are sent.
    pub times: u64,
}

/// A member of the JSON object that grants a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Member {
    /// Absent from the script: the value of a well-behaved server.
    #[default]
    Default,
    /// `null` in the script: absent from the response.
    Omitted,
    /// Any other JSON in the script: sent as written, even `1e400`.
    Json(String),
}

/// Where a connection ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Close {
    /// Before the first byte of the response.
    Before,
    /// After the empty line that ends the headers.
    AfterHead,
    /// After half of the body.
    MidBody,
    /// Before the first byte of the response, by a TCP reset.
    Reset,
    /// After half of the body, by a TCP reset.
    ResetMidBody,
}

/// The parts of a response, before they become bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

const MAX_FLOOD: u64 = 16 << 30;
const FLOOD_BLOCK: usize = 16 << 10;
const MAX_PAD: usize = 64 << 20;
const MAX_WAIT: f64 = 600.0;

impl Response {
    /// Returns an OAuth error.
    pub fn oauth_error(error: &str) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// Returns a response with this status and no body.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Returns the parts of this response as the `n`th of the server, counted from 1. `now` is wall-clock time.
    pub fn render(&self, n: usize, now: SystemTime) -> Rendered {
        let status = self.status.unwrap_or(match self.error.as_deref() {
            None => 200,
            Some("invalid_client") => 401,
            Some(_) => 400,
        });
        let mut body = self.encode(&self.body.clone().unwrap_or_else(|| self.default_body(status, n)));
        body.resize(body.len() + self.pad.min(MAX_PAD), b' ');

        let mut defaults = vec![(
            "Date",
            self.date.as_deref().map_or_else(|| httpdate::fmt_http_date(now), |date| date_or_text(date, now)),
        )];
        if !body.is_empty() {
            defaults.push(("Content-Type", "application/json".into()));
        }
        // RFC 6749 §5.1.
        defaults.push(("Cache-Control", "no-store".into()));
        if status == 401 {
            defaults.push(("WWW-Authenticate", "Basic realm=\"token\"".into()));
        }
        if let Some(after) = &self.retry_after {
            defaults
                .push(("Retry-After", if after.starts_with("now") { date_or_text(after, now) } else { after.clone() }));
        }
        if !is_bodiless(status) && !self.is_chunked() {
            defaults.push(("Content-Length", body.len().to_string()));
        }
        let is_set = |name: &str| self.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
        let defaults = defaults.into_iter().filter(|(name, _)| !is_set(name)).map(|(name, value)| (name.into(), value));
        let added = self.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        Rendered { status, headers: defaults.chain(added).collect(), body }
    }

    /// Returns the default body for this status.
    fn default_body(&self, status: u16, n: usize) -> String {
        let mut members = Vec::new();
        if let Some(error) = &self.error {
            members.push(("error", Some(quoted(error))));
            members.push(("error_description", self.error_description.as_deref().map(quoted)));
        } else if (200..300).contains(&status) && !is_bodiless(status) {
            members.push(("access_token", self.token.or_default(Some(quoted(&format!("token-{n}"))))));
            members.push(("expires_in", self.expires_in.or_default(Some("3600".into()))));
            members.push(("token_type", self.token_type.or_default(Some(quoted("Bearer")))));
            members.push(("scope", self.scope.or_default(None)));
        } else {
            return String::new();
        }
        let members = members.into_iter().filter_map(|(name, value)| Some(format!("\"{name}\":{}", value?)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    fn is_chunked(&self) -> bool {
        let chunked =
            |value: &Option<String>| value.as_ref().is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        self.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("transfer-encoding") && chunked(value))
    }

    fn encode(&self, text: &str) -> Vec<u8> {
        if !self.latin1 {
            return text.as_bytes().to_vec();
        }
        let byte = |c: char| u8::try_from(u32::from(c)).map_or_else(|_| c.to_string().into_bytes(), |byte| vec![byte]);
        text.chars().flat_map(byte).collect()
    }

    /// Returns the bytes of this response, and whether the connection may be used again after it.
    pub(crate) fn to_bytes(&self, n: usize, now: SystemTime) -> Encoded {
        if let Some(raw) = &self.raw {
            return Encoded { bytes: self.encode(raw), reusable: false };
        }
        let rendered = self.render(n, now);
        let mut head = format!("HTTP/1.1 {} {}\r\n", rendered.status, reason(rendered.status));
        for (name, value) in &rendered.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let has = |name: &str| rendered.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        let closes = rendered
            .headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close"));
        let ends = is_bodiless(rendered.status) || self.is_chunked() || has("content-length");
        let mut bytes = self.encode(&head);
        let head = bytes.len();
        if self.is_chunked() {
            bytes.extend(chunked(&rendered.body));
        } else {
            bytes.extend(rendered.body);
        }
        match self.close {
            Some(Close::Before | Close::Reset) => bytes.clear(),
            Some(Close::AfterHead) => bytes.truncate(head),
            Some(Close::MidBody | Close::ResetMidBody) => bytes.truncate(head + (bytes.len() - head) / 2),
            None => {}
        }
        Encoded { bytes, reusable: ends && !closes && self.close.is_none() && self.flood.is_none() }
    }

    /// Returns a block of bytes, and how often to send it.
    pub(crate) fn flood(&self) -> Option<(Vec<u8>, u64)> {
        let flood = self.flood.as_ref()?;
        let text = self.encode(&flood.text);
        let most = MAX_FLOOD / text.len().max(1) as u64;
        // In blocks, since writing a few bytes at a time would take hours.
        let each = (FLOOD_BLOCK / text.len().max(1)).max(1) as u64;
        let times = flood.times.min(most);
        Some((text.repeat(each.min(times) as usize), times.div_ceil(each)))
    }
}

pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reusable: bool,
}

impl Member {
    /// Returns the member for a string.
    pub fn text(text: &str) -> Self {
        Self::Json(quoted(text))
    }

    fn or_default(&self, default: Option<String>) -> Option<String> {
        match self {
            Self::Default => default,
            Self::Omitted => None,
            Self::Json(json) => Some(json.clone()),
        }
    }

    /// Sets the value if the script does not contain the member.
    pub(crate) fn set_default(&mut self, json: impl FnOnce() -> String) {
        if *self == Self::Default {
            *self = Self::Json(json());
        }
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(if raw.get() == "null" { Self::Omitted } else { Self::Json(raw.get().into()) })
    }
}

/// Returns the content of a string, or any other JSON as written.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    if raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).map(Some).map_err(D::Error::custom);
    }
    Ok(Some(raw.get().into()))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    if !(0.0..=MAX_WAIT).contains(&seconds) {
        return Err(D::Error::custom(format!("seconds must be 0 to {MAX_WAIT}, not {seconds}")));
    }
    Ok(Duration::from_secs_f64(seconds))
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns `now`, `now+60`, `+60` or `-60` as an HTTP date, and any other text unchanged.
fn date_or_text(text: &str, now: SystemTime) -> String {
    let offset = text.strip_prefix("now").unwrap_or(text);
    let seconds = match offset.chars().next() {
        None => Some(0),
        Some('+' | '-') => offset.parse::<i64>().ok(),
        Some(_) => None,
    };
    let moment = seconds.and_then(|seconds| {
        let span = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 { now.checked_sub(span) } else { now.checked_add(span) }
    });
    // httpdate panics outside the years 1970 to 9999.
    let printable = |moment: &SystemTime| {
        moment.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|unix| unix.as_secs() < 253_402_300_800)
    };
    moment.filter(printable).map_or_else(|| text.into(), httpdate::fmt_http_date)
}

fn is_bodiless(status: u16) -> bool {
    matches!(status, 100..200 | 204 | 304)
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !body.is_empty() {
        bytes.extend(format!("{:x}\r\n", body.len()).bytes());
        bytes.extend(body);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    fn response(json: &str) -> Response {
        serde_json::from_str(json).unwrap()
    }

    fn body(json: &str) -> String {
        String::from_utf8(response(json).render(7, now()).body).unwrap()
    }

    fn header(json: &str, name: &str) -> Vec<String> {
        let headers = response(json).render(1, now()).headers;
        headers.into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    #[test]
    fn an_empty_response_grants_a_token_for_an_hour() {
        let rendered = Response::default().render(7, now());
        assert_eq!(rendered.status, 200);
        assert_eq!(rendered.body, br#"{"access_token":"token-7","expires_in":3600,"token_type":"Bearer"}"#);
        let headers: Vec<_> = rendered.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            headers.join("\n"),
            "Date: Thu, 01 Jan 2026 00:00:00 GMT\nContent-Type: application/json\nCache-Control: no-store\nContent-Length: 66"
        );
    }

    #[test]
    fn members_are_sent_as_written() {
        assert_eq!(
            body(r#"{"token": "a\u0041\n", "expires_in": 1e400, "token_type": null, "scope": ["x",  1]}"#),
            r#"{"access_token":"a\u0041\n","expires_in":1e400,"scope":["x",  1]}"#
        );
        assert_eq!(body(r#"{"expires_in": "3600", "token": null}"#), r#"{"expires_in":"3600","token_type":"Bearer"}"#);
    }

    #[test]
    fn a_body_is_the_content_of_a_string_or_json_as_written() {
        assert_eq!(body(r#"{"body": "<p>\u0041"}"#), "<p>A");
        assert_eq!(body(r#"{"body": {"access_token":  "x"}}"#), r#"{"access_token":  "x"}"#);
        assert_eq!(body(r#"{"body": null}"#), "null");
        assert_eq!(body(r#"{"body": "x", "pad": 3}"#), "x   ");
        assert_eq!(response(r#"{"body": "é", "latin1": true}"#).render(1, now()).body, [0xE9]);
    }

    #[test]
    fn an_error_sets_status_and_body() {
        let status = |json| response(json).render(1, now()).status;
        assert_eq!(status(r#"{"error": "invalid_client"}"#), 401);
        assert_eq!(status(r#"{"error": "invalid_scope"}"#), 400);
        assert_eq!(status(r#"{"error": "invalid_scope", "status": 200}"#), 200);
        assert_eq!(
            body(r#"{"error": "x", "error_description": "d\"d"}"#),
            r#"{"error":"x","error_description":"d\"d"}"#
        );
        assert_eq!(body(r#"{"status": 503}"#), "");
        assert_eq!(body(r#"{"status": 204}"#), "");
    }

    #[test]
    fn headers_are_added_replaced_and_omitted() {
        assert_eq!(header(r#"{"headers": {"X-One": "1"}}"#, "x-one"), ["1"]);
        assert_eq!(header(r#"{"headers": {"content-type": "text/html"}}"#, "content-type"), ["text/html"]);
        assert_eq!(header(r#"{"headers": {"DATE": null}}"#, "date"), [""; 0]);
        assert_eq!(header(r#"{"headers": {"Transfer-Encoding": "chunked"}}"#, "content-length"), [""; 0]);
        assert_eq!(header(r#"{"status": 204}"#, "content-length"), [""; 0]);
    }

    #[test]
    fn dates_are_now_an_offset_or_any_text() {
        let date = |json| header(json, "date").concat();
        assert_eq!(date(r#"{"date": "now"}"#), "Thu, 01 Jan 2026 00:00:00 GMT");
        assert_eq!(date(r#"{"date": "-86400"}"#), "Wed, 31 Dec 2025 00:00:00 GMT");
        assert_eq!(date(r#"{"date": -86400}"#), "Wed, 31 Dec 2025 00:00:00 GMT");
        assert_eq!(date(r#"{"date": "now+1"}"#), "Thu, 01 Jan 2026 00:00:01 GMT");
        assert_eq!(date(r#"{"date": "yesterday"}"#), "yesterday");
        assert_eq!(date(r#"{"date": "+99999999999999"}"#), "+99999999999999");
        let after = |json| header(json, "retry-after").concat();
        assert_eq!(after(r#"{"retry_after": 5}"#), "5");
        assert_eq!(after(r#"{"retry_after": -5}"#), "-5");
        assert_eq!(after(r#"{"retry_after": "now+5"}"#), "Thu, 01 Jan 2026 00:00:05 GMT");
        assert_eq!(after(r#"{"retry_after": "soon"}"#), "soon");
        assert_eq!(after("{}"), "");
    }

    #[test]
    fn a_script_repeats_its_last_response() {
        let script = Script::parse(r#"[{"status": 500}, {"status": 501, "times": 2}, {"status": 502}]"#).unwrap();
        let status = |n| script.response(n).status.unwrap();
        assert_eq!([1, 2, 3, 4, 99].map(status), [500, 501, 501, 502, 502]);
        assert_eq!(Script::default().response(3), Response::default());
    }

    #[test]
    fn a_script_with_a_typing_error_is_rejected() {
        for bad in [
            r#"[{"expire_in": 5}]"#,
            r#"[{"delay": -1}]"#,
            r#"[{"drip": 601}]"#,
            r#"[{"close": "after"}]"#,
            r#"{"status": 200}"#,
            "",
        ] {
            assert!(Script::parse(bad).unwrap_err().starts_with("not a script: "), "{bad}");
        }
    }

    #[test]
    fn the_bytes_are_head_and_body() {
        let encoded = response(r#"{"body": "abcd", "headers": {"Date": null}}"#).to_bytes(1, now());
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\n";
        assert_eq!(String::from_utf8(encoded.bytes).unwrap(), format!("{head}abcd"));
        assert!(encoded.reusable);
    }

    #[test]
    fn the_bytes_end_where_the_response_closes_the_connection() {
        let ends = |json| String::from_utf8(response(json).to_bytes(1, now()).bytes).unwrap();
        assert_eq!(ends(r#"{"body": "abcd", "close": "before"}"#), "");
        assert_eq!(ends(r#"{"body": "abcd", "close": "reset"}"#), "");
        assert!(ends(r#"{"body": "abcd", "close": "after_head"}"#).ends_with("Content-Length: 4\r\n\r\n"));
        assert!(ends(r#"{"body": "abcd", "close": "mid_body"}"#).ends_with("\r\n\r\nab"));
        assert!(
            ends(r#"{"body": "abcd", "headers": {"transfer-encoding": "chunked"}}"#)
                .ends_with("\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")
        );
        assert_eq!(response(r#"{"raw": "ÿ\r\n", "latin1": true}"#).to_bytes(1, now()).bytes, b"\xFF\r\n");
    }

    #[test]
    fn a_connection_is_reusable_if_the_response_shows_its_own_end() {
        let reusable = |json| response(json).to_bytes(1, now()).reusable;
        assert!(reusable("{}"));
        assert!(reusable(r#"{"status": 204}"#));
        assert!(reusable(r#"{"headers": {"Transfer-Encoding": "chunked"}}"#));
        assert!(!reusable(r#"{"headers": {"Content-Length": null}}"#));
        assert!(!reusable(r#"{"headers": {"connection": "Close"}}"#));
        assert!(!reusable(r#"{"close": "mid_body"}"#));
        assert!(!reusable(r#"{"raw": ""}"#));
    }
}
