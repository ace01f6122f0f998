//! What the server says: one [`Answer`] for each token request, a [`Script`] of them, and their bytes.
//!
//! Pure: no clock, no socket. When an answer is late, cut or never comes is carried out by `server.rs`.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// The answers in the order of the requests; the last one repeats. An empty script answers as `[{}]` does.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Script(pub Vec<Answer>);

impl Script {
    /// Reads a JSON array of answers.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("not a script: {error}"))
    }

    /// The answer for the `n`th request of this script, counted from 1.
    pub fn answer(&self, n: usize) -> Answer {
        let mut left = n.max(1);
        for answer in &self.0 {
            let times = answer.times.unwrap_or(1);
            if left <= times {
                return answer.clone();
            }
            left -= times;
        }
        self.0.last().cloned().unwrap_or_default()
    }
}

impl From<Answer> for Script {
    fn from(answer: Answer) -> Self {
        Self(vec![answer])
    }
}

/// One answer. Everything left out is as a well-behaved server has it, so `{}` grants a token for an hour.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// How many requests in a row get this answer; 1 unless told.
    pub times: Option<usize>,

    /// `access_token`; usually `token-1`, `token-2` and so on, counting all requests.
    pub token: Member,
    /// `expires_in`; usually 3600.
    pub expires_in: Member,
    /// `token_type`; usually `Bearer`.
    pub token_type: Member,
    /// `scope`; usually left out.
    pub scope: Member,

    /// Makes this a refusal (RFC 6749 §5.2): status 401 for `invalid_client` and 400 for every other code, unless
    /// `status` is given.
    pub error: Option<String>,
    pub error_description: Option<String>,

    /// The HTTP status; without an `error`, one that is not 2xx comes with an empty body.
    pub status: Option<u16>,
    /// Added to the usual headers; one of the same name is replaced, or left out where the value is `null`. With
    /// `Transfer-Encoding: chunked` the body goes out in chunks; with `Content-Length: null` it ends with the connection.
    pub headers: BTreeMap<String, Option<String>>,
    /// `Date`: `now` unless told; `-86400` or `+60` is so many seconds from now; any other text goes out as it is.
    #[serde(deserialize_with = "text")]
    pub date: Option<String>,
    /// `Retry-After`: a number goes out as it is written; `now+60` becomes that date; so does any other text as it is.
    #[serde(deserialize_with = "text")]
    pub retry_after: Option<String>,
    /// Instead of the usual body: a string's content, any other JSON as it is written.
    #[serde(deserialize_with = "text")]
    pub body: Option<String>,
    /// So many spaces after the body, at most 64 MiB.
    pub pad: usize,
    /// Every character of `headers`, `body` and `raw` below U+0100 is one byte, so that `ÿ` is no UTF-8.
    pub latin1: bool,
    /// Instead of all the above: these bytes, and then the connection ends.
    pub raw: Option<String>,
    /// After everything else, for as long as the client listens; then the connection ends.
    pub flood: Option<Flood>,

    /// Seconds to wait first, at most 600.
    #[serde(deserialize_with = "seconds")]
    pub delay: Duration,
    /// Seconds to wait before each byte, head included, at most 600.
    #[serde(deserialize_with = "seconds")]
    pub drip: Duration,
    /// Never answers; ends when the client does.
    pub hang: bool,
    /// Ends the connection early.
    pub close: Option<Close>,
}

/// A text that is sent over and over, made as it goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    pub text: String,
    /// At most 16 GiB are sent.
    pub times: u64,
}

/// A member of the JSON that grants a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Member {
    /// Not in the script: what a well-behaved server says.
    #[default]
    Usual,
    /// `null` in the script: not in the answer.
    LeftOut,
    /// Any other JSON in the script: in the answer as it is written, even `1e400`.
    Json(String),
}

/// Where a connection ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Close {
    /// Without a byte of answer.
    Before,
    /// After the empty line that ends the headers.
    AfterHead,
    /// After half of the body.
    MidBody,
    /// Without a byte of answer, by a TCP reset.
    Reset,
    /// After half of the body, by a TCP reset.
    ResetMidBody,
}

/// An answer's parts, before they are put on a wire.
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

impl Answer {
    /// An OAuth error.
    pub fn refusal(error: &str) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// Nothing but this status.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// The parts of this answer as the `n`th of the server, counted from 1, at this moment of wall-clock time.
    pub fn render(&self, n: usize, now: SystemTime) -> Rendered {
        let status = self.status.unwrap_or(match self.error.as_deref() {
            None => 200,
            Some("invalid_client") => 401,
            Some(_) => 400,
        });
        let mut body = self.bytes(&self.body.clone().unwrap_or_else(|| self.json(status, n)));
        body.resize(body.len() + self.pad.min(MAX_PAD), b' ');

        let mut usual =
            vec![("Date", self.date.as_deref().map_or_else(|| httpdate::fmt_http_date(now), |date| at(date, now)))];
        if !body.is_empty() {
            usual.push(("Content-Type", "application/json".into()));
        }
        // RFC 6749 §5.1.
        usual.push(("Cache-Control", "no-store".into()));
        if status == 401 {
            usual.push(("WWW-Authenticate", "Basic realm=\"token\"".into()));
        }
        if let Some(after) = &self.retry_after {
            usual.push(("Retry-After", if after.starts_with("now") { at(after, now) } else { after.clone() }));
        }
        if !is_bodiless(status) && !self.is_chunked() {
            usual.push(("Content-Length", body.len().to_string()));
        }
        let told = |name: &str| self.headers.keys().any(|told| told.eq_ignore_ascii_case(name));
        let usual = usual.into_iter().filter(|(name, _)| !told(name)).map(|(name, value)| (name.into(), value));
        let added = self.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        Rendered { status, headers: usual.chain(added).collect(), body }
    }

    /// The usual body for this status.
    fn json(&self, status: u16, n: usize) -> String {
        let mut members = Vec::new();
        if let Some(error) = &self.error {
            members.push(("error", Some(quoted(error))));
            members.push(("error_description", self.error_description.as_deref().map(quoted)));
        } else if (200..300).contains(&status) && !is_bodiless(status) {
            members.push(("access_token", self.token.or_usually(Some(quoted(&format!("token-{n}"))))));
            members.push(("expires_in", self.expires_in.or_usually(Some("3600".into()))));
            members.push(("token_type", self.token_type.or_usually(Some(quoted("Bearer")))));
            members.push(("scope", self.scope.or_usually(None)));
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

    fn bytes(&self, text: &str) -> Vec<u8> {
        if !self.latin1 {
            return text.as_bytes().to_vec();
        }
        let byte = |c: char| u8::try_from(u32::from(c)).map_or_else(|_| c.to_string().into_bytes(), |byte| vec![byte]);
        text.chars().flat_map(byte).collect()
    }

    /// What goes over the wire, and whether the connection may be used again after it.
    pub(crate) fn wire(&self, n: usize, now: SystemTime) -> Wire {
        if let Some(raw) = &self.raw {
            return Wire { bytes: self.bytes(raw), reusable: false };
        }
        let rendered = self.render(n, now);
        let mut head = format!("HTTP/1.1 {} {}\r\n", rendered.status, reason(rendered.status));
        for (name, value) in &rendered.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let has = |name: &str| rendered.headers.iter().any(|(told, _)| told.eq_ignore_ascii_case(name));
        let closes = rendered
            .headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close"));
        let ends = is_bodiless(rendered.status) || self.is_chunked() || has("content-length");
        let mut bytes = self.bytes(&head);
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
        Wire { bytes, reusable: ends && !closes && self.close.is_none() && self.flood.is_none() }
    }

    /// What to write over and over, and how often.
    pub(crate) fn flood(&self) -> Option<(Vec<u8>, u64)> {
        let flood = self.flood.as_ref()?;
        let text = self.bytes(&flood.text);
        let most = MAX_FLOOD / text.len().max(1) as u64;
        // Written in blocks: a few bytes at a time would take hours.
        let each = (FLOOD_BLOCK / text.len().max(1)).max(1) as u64;
        let times = flood.times.min(most);
        Some((text.repeat(each.min(times) as usize), times.div_ceil(each)))
    }
}

pub(crate) struct Wire {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reusable: bool,
}

impl Member {
    /// The JSON of this string.
    pub fn text(text: &str) -> Self {
        Self::Json(quoted(text))
    }

    fn or_usually(&self, usual: Option<String>) -> Option<String> {
        match self {
            Self::Usual => usual,
            Self::LeftOut => None,
            Self::Json(json) => Some(json.clone()),
        }
    }

    /// Says this where the script says nothing.
    pub(crate) fn usually(&mut self, json: impl FnOnce() -> String) {
        if *self == Self::Usual {
            *self = Self::Json(json());
        }
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(if raw.get() == "null" { Self::LeftOut } else { Self::Json(raw.get().into()) })
    }
}

/// A string's content, or any other JSON as it is written.
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

/// `now`, `now+60`, `+60` or `-60` as an HTTP date; any other text as it is.
fn at(text: &str, now: SystemTime) -> String {
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

    fn answer(json: &str) -> Answer {
        serde_json::from_str(json).unwrap()
    }

    fn body(json: &str) -> String {
        String::from_utf8(answer(json).render(7, now()).body).unwrap()
    }

    fn header(json: &str, name: &str) -> Vec<String> {
        let headers = answer(json).render(1, now()).headers;
        headers.into_iter().filter(|(told, _)| told.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    #[test]
    fn an_empty_answer_grants_a_token_for_an_hour() {
        let rendered = Answer::default().render(7, now());
        assert_eq!(rendered.status, 200);
        assert_eq!(rendered.body, br#"{"access_token":"token-7","expires_in":3600,"token_type":"Bearer"}"#);
        let headers: Vec<_> = rendered.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            headers.join("\n"),
            "Date: Thu, 01 Jan 2026 00:00:00 GMT\nContent-Type: application/json\nCache-Control: no-store\nContent-Length: 66"
        );
    }

    #[test]
    fn members_go_out_as_they_are_written() {
        assert_eq!(
            body(r#"{"token": "a\u0041\n", "expires_in": 1e400, "token_type": null, "scope": ["x",  1]}"#),
            r#"{"access_token":"a\u0041\n","expires_in":1e400,"scope":["x",  1]}"#
        );
        assert_eq!(body(r#"{"expires_in": "3600", "token": null}"#), r#"{"expires_in":"3600","token_type":"Bearer"}"#);
    }

    #[test]
    fn a_body_is_a_text_or_json_as_it_is_written() {
        assert_eq!(body(r#"{"body": "<p>\u0041"}"#), "<p>A");
        assert_eq!(body(r#"{"body": {"access_token":  "x"}}"#), r#"{"access_token":  "x"}"#);
        assert_eq!(body(r#"{"body": null}"#), "null");
        assert_eq!(body(r#"{"body": "x", "pad": 3}"#), "x   ");
        assert_eq!(answer(r#"{"body": "é", "latin1": true}"#).render(1, now()).body, [0xE9]);
    }

    #[test]
    fn an_error_sets_status_and_body() {
        let status = |json| answer(json).render(1, now()).status;
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
    fn headers_are_added_replaced_and_left_out() {
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
    fn a_script_repeats_its_last_answer() {
        let script = Script::parse(r#"[{"status": 500}, {"status": 501, "times": 2}, {"status": 502}]"#).unwrap();
        let status = |n| script.answer(n).status.unwrap();
        assert_eq!([1, 2, 3, 4, 99].map(status), [500, 501, 501, 502, 502]);
        assert_eq!(Script::default().answer(3), Answer::default());
    }

    #[test]
    fn a_script_with_a_typing_error_is_refused() {
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
    fn the_wire_carries_head_and_body() {
        let wire = answer(r#"{"body": "abcd", "headers": {"Date": null}}"#).wire(1, now());
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\n";
        assert_eq!(String::from_utf8(wire.bytes).unwrap(), format!("{head}abcd"));
        assert!(wire.reusable);
    }

    #[test]
    fn the_wire_is_cut_where_the_answer_says() {
        let ends = |json| String::from_utf8(answer(json).wire(1, now()).bytes).unwrap();
        assert_eq!(ends(r#"{"body": "abcd", "close": "before"}"#), "");
        assert_eq!(ends(r#"{"body": "abcd", "close": "reset"}"#), "");
        assert!(ends(r#"{"body": "abcd", "close": "after_head"}"#).ends_with("Content-Length: 4\r\n\r\n"));
        assert!(ends(r#"{"body": "abcd", "close": "mid_body"}"#).ends_with("\r\n\r\nab"));
        assert!(
            ends(r#"{"body": "abcd", "headers": {"transfer-encoding": "chunked"}}"#)
                .ends_with("\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")
        );
        assert_eq!(answer(r#"{"raw": "ÿ\r\n", "latin1": true}"#).wire(1, now()).bytes, b"\xFF\r\n");
    }

    #[test]
    fn a_connection_is_used_again_only_when_the_client_can_tell_where_the_answer_ends() {
        let reusable = |json| answer(json).wire(1, now()).reusable;
        assert!(reusable("{}"));
        assert!(reusable(r#"{"status": 204}"#));
        assert!(reusable(r#"{"headers": {"Transfer-Encoding": "chunked"}}"#));
        assert!(!reusable(r#"{"headers": {"Content-Length": null}}"#));
        assert!(!reusable(r#"{"headers": {"connection": "Close"}}"#));
        assert!(!reusable(r#"{"close": "mid_body"}"#));
        assert!(!reusable(r#"{"raw": ""}"#));
    }
}
