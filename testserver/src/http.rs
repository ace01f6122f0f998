//! Reads one HTTP/1.1 request (RFC 9112), every size bounded. It must not judge the request.

use crate::connection::Connection;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::ErrorKind,
    time::{Duration, Instant},
};

const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 1 << 20;
/// For a whole request, the pause before it included.
const MAX_RECEIVE: Duration = Duration::from_secs(60);

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Request {
    pub method: String,
    /// Path and query; for CONNECT the host and port, and for a forward proxy the whole URL.
    pub path: String,
    /// Names are in lower case. Values of the same name are joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// Bytes that are not UTF-8 are replaced by U+FFFD.
    pub body: String,
    /// The arrival of its last byte, in seconds since the server started.
    pub at: f64,
}

/// Why there is no request.
#[derive(Debug, PartialEq)]
pub(crate) enum NoRequest {
    /// The client closed the connection, or sent nothing more.
    Gone,
    /// The client sent no valid request. The response has this status.
    Invalid(u16),
}

#[derive(Debug, PartialEq)]
struct Malformed;

impl Request {
    /// Returns the value of a header; an empty text if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Returns the media type of the body, in lower case and without its parameters.
    pub(crate) fn media_type(&self) -> String {
        self.header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Returns the members of a JSON body that are texts, or the parameters of a form.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        if self.media_type() == "application/json" {
            let members: BTreeMap<String, Value> = serde_json::from_str(&self.body).unwrap_or_default();
            return members.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.into()))).collect();
        }
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
    }
}

pub(crate) fn read(connection: &mut Connection) -> Result<Request, NoRequest> {
    let deadline = Instant::now() + MAX_RECEIVE;
    let fill = |connection: &mut Connection| match connection.fill(deadline) {
        Ok(0) => Err(NoRequest::Gone),
        Err(error) if error.kind() != ErrorKind::Interrupted => Err(NoRequest::Gone),
        _ => Ok(()),
    };
    let end = loop {
        match connection.received.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(end) if end <= MAX_HEAD => break end,
            None if connection.received.len() <= MAX_HEAD => fill(connection)?,
            _ => return Err(NoRequest::Invalid(431)),
        }
    };
    let head: Vec<u8> = connection.received.drain(..end + 4).collect();
    let mut request = parse_head(&head[..end]).ok_or(NoRequest::Invalid(400))?;
    if request.header("expect").eq_ignore_ascii_case("100-continue") {
        connection.write(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| NoRequest::Gone)?;
    }
    let body = if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        loop {
            match parse_chunks(&connection.received).map_err(|Malformed| NoRequest::Invalid(400))? {
                Some((body, used)) if body.len() <= MAX_BODY => {
                    connection.received.drain(..used);
                    break body;
                }
                None if connection.received.len() <= MAX_BODY => fill(connection)?,
                _ => return Err(NoRequest::Invalid(413)),
            }
        }
    } else {
        let length = match request.header("content-length") {
            "" => 0,
            length => length.parse().map_err(|_| NoRequest::Invalid(400))?,
        };
        if length > MAX_BODY {
            return Err(NoRequest::Invalid(413));
        }
        while connection.received.len() < length {
            fill(connection)?;
        }
        connection.received.drain(..length).collect()
    };
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(request)
}

/// Parses a head, without the empty line that ends it.
fn parse_head(head: &[u8]) -> Option<Request> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !version.starts_with("HTTP/1.") || path.is_empty() {
        return None;
    }
    let mut headers = BTreeMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let joined: &mut String = headers.entry(name.to_ascii_lowercase()).or_default();
        if !joined.is_empty() {
            joined.push_str(", ");
        }
        joined.push_str(value.trim_matches([' ', '\t']));
    }
    Some(Request { method: method.into(), path: path.into(), headers, ..Request::default() })
}

/// Splits a whole URL (RFC 9112 §3.2.2) into host with port, and path. Returns None for a path.
pub(crate) fn split_url(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((authority, if path.is_empty() { "/" } else { path }))
}

/// Returns the body and its length in chunks; None while it is incomplete.
fn parse_chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let Some(line) = bytes[at..].windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let size = String::from_utf8_lossy(&bytes[at..at + line]);
        let size = size.split(';').next().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let size = size.filter(|size| *size <= MAX_BODY).ok_or(Malformed)?;
        at += line + 2;
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
        if !chunk.ends_with(b"\r\n") {
            return Err(Malformed);
        }
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_parsed() {
        let request = parse_head(b"POST /a?b HTTP/1.1\r\nHost: h\r\nX-Two:1\r\nx-two:\t2 ").unwrap();
        assert_eq!((&*request.method, &*request.path), ("POST", "/a?b"));
        assert_eq!((request.header("host"), request.header("x-two"), request.header("none")), ("h", "1, 2", ""));
        assert_eq!(parse_head(b"GET http://h:1/a HTTP/1.0").unwrap().path, "http://h:1/a");
    }

    #[test]
    fn the_parameters_are_those_of_a_form_or_of_json() {
        let parameters = |media_type: &str, body: &str| {
            let headers = [("content-type".into(), media_type.into())].into();
            let request = Request { headers, body: body.into(), ..Request::default() };
            request.parameters().into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let form = "application/x-www-form-urlencoded";
        assert_eq!(parameters(form, "scope=a+b%2Bc&d=&nonsense"), ["d=", "scope=a b+c"]);
        assert_eq!(parameters("Application/JSON; charset=utf-8", r#"{"scope":"a+b","n":1}"#), ["scope=a+b"]);
        assert_eq!(parameters("application/json", "scope=a"), [""; 0]);
    }

    #[test]
    fn a_whole_url_is_split_into_authority_and_path() {
        assert_eq!(split_url("http://h:1/a?b"), Some(("h:1", "/a?b")));
        assert_eq!(split_url("http://h"), Some(("h", "/")));
        assert_eq!(split_url("/a?b=http://h"), None);
    }

    #[test]
    fn a_malformed_head_is_rejected() {
        for head in ["", "GET", "GET / HTTP/2", "GET  / HTTP/1.1", "GET /a b HTTP/1.1", "GET / HTTP/1.1\r\nno colon"] {
            assert_eq!(parse_head(head.as_bytes()), None, "{head}");
        }
    }

    #[test]
    fn chunks_are_joined() {
        assert_eq!(parse_chunks(b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\nmore"), Ok(Some((b"abcd".to_vec(), 23))));
        for incomplete in ["", "3", "3\r\n", "3\r\nabc\r", "3\r\nabc\r\n", "0\r\n"] {
            assert_eq!(parse_chunks(incomplete.as_bytes()), Ok(None), "{incomplete:?}");
        }
        for malformed in ["x\r\n", "3\r\nabcde\r\n", "fffffff\r\n"] {
            assert_eq!(parse_chunks(malformed.as_bytes()), Err(Malformed), "{malformed:?}");
        }
    }
}
