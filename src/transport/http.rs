//! HTTP/1.1 (RFC 9112) over anything that reads and writes: one request out, one answer in, every size bounded.
//!
//! The only file that names the HTTP crate, which is a parser and no client: a client logs, keeps or copies what it sends,
//! and all of that is secret here. It may not know an address, TLS or the time.

use crate::{request::TokenRequest, response::RawResponse, secret::Secret};
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// For all heads of one answer, those of 1xx answers included.
const HEAD_LIMIT: usize = 64 << 10;
const HEADERS_LIMIT: usize = 100;
const BODY_LIMIT: usize = 1 << 20;
const CHUNK_LINE_LIMIT: usize = 4 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    /// The peer closed the connection before the first byte of its answer.
    NoAnswer,
    /// The peer closed the connection in the middle of its answer.
    CutShort,
    /// The answer is complete or goes on, and no good. What is said follows the words "its answer".
    Unusable(&'static str),
}

/// The bytes of the request for a token.
pub(super) fn post(authority: &str, request: &TokenRequest) -> Zeroizing<Vec<u8>> {
    let body = request.body.expose();
    let start = format!("POST {} HTTP/1.1\r\nHost: {authority}\r\n", target(&request.url));
    let end = format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let headers = request.headers.iter().flat_map(|(name, value)| [name.as_str(), ": ", value.expose(), "\r\n"]);
    join([start.as_str()].into_iter().chain(headers).chain([end.as_str(), body]))
}

/// The bytes that ask a proxy for a tunnel (RFC 9110 §9.3.6). `authorization` is the value of Proxy-Authorization.
pub(super) fn connect(authority: &str, user_agent: &str, authorization: Option<&Secret>) -> Zeroizing<Vec<u8>> {
    let start = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {user_agent}\r\n");
    let authorization = authorization.map_or(["", "", ""], |value| ["Proxy-Authorization: ", value.expose(), "\r\n"]);
    join([start.as_str()].into_iter().chain(authorization).chain(["\r\n"]))
}

/// Joined in a block of the right size from the start: one that grows leaves unwiped copies behind.
fn join<'a>(parts: impl Iterator<Item = &'a str> + Clone) -> Zeroizing<Vec<u8>> {
    let mut joined = Zeroizing::new(Vec::with_capacity(parts.clone().map(str::len).sum()));
    parts.for_each(|part| joined.extend_from_slice(part.as_bytes()));
    joined
}

/// Path and query of an absolute URL, as they stand in the request line (RFC 9112 §3.2.1).
fn target(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = after_scheme.find(['/', '?']).map_or("", |at| &after_scheme[at..]);
    if target.starts_with('/') { target.to_owned() } else { format!("/{target}") }
}

/// Sends one request and reads its answer, which the end of the connection may end.
pub(super) fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> Result<RawResponse, Fault> {
    send(stream, request)?;
    let mut incoming = Incoming::new(stream);
    let head = incoming.final_head()?;
    let body = match head.framing {
        Framing::Nothing => Zeroizing::default(),
        Framing::Length(length) => incoming.body_of(length)?,
        Framing::Chunked => incoming.chunked_body()?,
        Framing::UntilClosed => incoming.body_until_closed()?,
    };
    Ok(RawResponse { status: head.status, headers: head.headers, body })
}

/// Asks a proxy for a tunnel and tells the status that it answered. From a 2xx on, the stream is the tunnel.
pub(super) fn open_tunnel(stream: &mut (impl Read + Write), request: &[u8]) -> Result<u16, Fault> {
    send(stream, request)?;
    let mut incoming = Incoming::new(stream);
    let status = incoming.final_head()?.status;
    // In neither TLS nor HTTP does the server speak first, so what follows is the proxy's own page.
    if (200..300).contains(&status) && incoming.start < incoming.end {
        return Err(Fault::Unusable("goes on where the tunnel should begin"));
    }
    Ok(status)
}

fn send(stream: &mut impl Write, request: &[u8]) -> Result<(), Fault> {
    match stream.write_all(request).and_then(|()| stream.flush()) {
        // A server may refuse, say why and close before it has read everything: its answer tells more than the error.
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
        sent => sent.map_err(Fault::Io),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Nothing,
    Length(usize),
    Chunked,
    UntilClosed,
}

#[derive(Debug)]
struct Head {
    length: usize,
    status: u16,
    headers: Vec<(String, String)>,
    framing: Framing,
}

/// Reads the head of an answer; `None` while it is incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut answer = httparse::Response::new(&mut headers);
    let length = match answer.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Fault::Unusable("has more than 100 headers")),
        // A handshake or alert record of TLS: a port for https was asked in http.
        Err(_) if matches!(bytes, [0x15 | 0x16, 3, ..]) => return Err(Fault::Unusable(TLS)),
        Err(_) => return Err(Fault::Unusable("is not HTTP/1.1")),
    };
    let status = answer.code.unwrap_or(0);
    if status < 100 {
        return Err(Fault::Unusable("is not HTTP/1.1"));
    }
    let framing = framing(status, answer.headers)?;
    let headers = answer.headers.iter().filter_map(|header| {
        Some((header.name.to_ascii_lowercase(), std::str::from_utf8(header.value).ok()?.to_owned()))
    });
    Ok(Some(Head { length, status, headers: headers.collect(), framing }))
}

const TLS: &str = "is TLS, not HTTP: token_url should probably begin with https";

/// How the body ends (RFC 9112 §6.3).
fn framing(status: u16, headers: &[httparse::Header<'_>]) -> Result<Framing, Fault> {
    let values = |name: &'static str| {
        let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.flat_map(|header| header.value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    };
    if status < 200 || matches!(status, 204 | 304) {
        return Ok(Framing::Nothing);
    }
    let mut codings = values("transfer-encoding").filter(|coding| !coding.is_empty());
    if let Some(coding) = codings.next() {
        if coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none() {
            return Ok(Framing::Chunked);
        }
        return Err(Fault::Unusable("has a Transfer-Encoding other than chunked"));
    }
    let mut lengths = values("content-length");
    let Some(length) = lengths.next() else { return Ok(Framing::UntilClosed) };
    if lengths.any(|other| other != length) {
        return Err(Fault::Unusable("has two different Content-Length headers"));
    }
    if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
        return Err(Fault::Unusable("has a Content-Length that is no number"));
    }
    // Only digits, so what does not parse is too large.
    let length = std::str::from_utf8(length).ok().and_then(|digits| digits.parse().ok());
    length.filter(|length| *length <= BODY_LIMIT).map(Framing::Length).ok_or(TOO_LARGE)
}

const TOO_LARGE: Fault = Fault::Unusable("is larger than 1 MiB");
const BAD_CHUNK: Fault = Fault::Unusable("has a broken chunk (Transfer-Encoding)");

/// What has arrived and was not yet read: `buffer[start..end]`.
struct Incoming<'a, S> {
    stream: &'a mut S,
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

impl<'a, S: Read> Incoming<'a, S> {
    fn new(stream: &'a mut S) -> Self {
        Self { stream, buffer: Zeroizing::new(vec![0; HEAD_LIMIT]), start: 0, end: 0 }
    }

    /// Reads once, behind what is already there, and says how many bytes came. 0: the peer has ended in good order.
    fn read_more(&mut self) -> Result<usize, Fault> {
        match self.stream.read(&mut self.buffer[self.end..]) {
            // TLS that ends without close_notify may have been cut by anyone (RFC 9112 §9.8).
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Fault::CutShort),
            read => {
                let length = read.map_err(Fault::Io)?;
                self.end += length;
                Ok(length)
            }
        }
    }

    /// The first head that is not 1xx (RFC 9110 §15.2). The buffer is never emptied meanwhile, so they end.
    fn final_head(&mut self) -> Result<Head, Fault> {
        let mut new = 0..0;
        loop {
            // A head can only have become complete or wrong by a line's end, or by the very first bytes. To parse after
            // every byte would be quadratic.
            if new.start == 0 || self.buffer[new].contains(&b'\n') {
                while let Some(head) = parse_head(&self.buffer[self.start..self.end])? {
                    self.start += head.length;
                    match head.status {
                        101 => return Err(Fault::Unusable("switches to another protocol unasked (101)")),
                        100..200 => {}
                        _ => return Ok(head),
                    }
                }
            }
            if self.end == self.buffer.len() {
                return Err(Fault::Unusable("has more than 64 KiB of headers"));
            }
            let before = self.end;
            match self.read_more() {
                Ok(0) | Err(Fault::CutShort) if before == 0 => return Err(Fault::NoAnswer),
                Ok(0) => return Err(Fault::CutShort),
                read => read?,
            };
            new = before..self.end;
        }
    }

    /// Makes sure that something is there to be read, if the peer sends anything more at all.
    fn has_more(&mut self) -> Result<bool, Fault> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            return Ok(self.read_more()? > 0);
        }
        Ok(true)
    }

    /// Moves at most `limit` bytes into the body.
    fn move_into(&mut self, body: &mut Zeroizing<Vec<u8>>, limit: usize) -> usize {
        let length = limit.min(self.end - self.start);
        let needed = body.len() + length;
        if body.capacity() < needed {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(body.capacity() * 2)));
            larger.extend_from_slice(body);
            *body = larger;
        }
        body.extend_from_slice(&self.buffer[self.start..self.start + length]);
        self.start += length;
        length
    }

    fn take_into(&mut self, body: &mut Zeroizing<Vec<u8>>, mut length: usize) -> Result<(), Fault> {
        while length > 0 {
            if !self.has_more()? {
                return Err(Fault::CutShort);
            }
            length -= self.move_into(body, length);
        }
        Ok(())
    }

    fn body_of(&mut self, length: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut body = Zeroizing::new(Vec::with_capacity(length));
        self.take_into(&mut body, length)?;
        Ok(body)
    }

    fn body_until_closed(&mut self) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut body = Zeroizing::default();
        while self.has_more()? {
            self.move_into(&mut body, BODY_LIMIT + 1 - body.len());
            if body.len() > BODY_LIMIT {
                return Err(TOO_LARGE);
            }
        }
        Ok(body)
    }

    /// RFC 9112 §7.1. The last chunk ends the body: trailers could say nothing that is asked for.
    fn chunked_body(&mut self) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut body = Zeroizing::default();
        loop {
            let size = self.chunk_size()?;
            if size == 0 {
                return Ok(body);
            }
            let size = usize::try_from(size).ok().filter(|size| *size <= BODY_LIMIT - body.len()).ok_or(TOO_LARGE)?;
            self.take_into(&mut body, size)?;
            let mut end = Zeroizing::default();
            self.take_into(&mut end, 2)?;
            if *end != b"\r\n" {
                return Err(BAD_CHUNK);
            }
        }
    }

    fn chunk_size(&mut self) -> Result<u64, Fault> {
        loop {
            let line = &self.buffer[self.start..self.end];
            match httparse::parse_chunk_size(line) {
                // The parser takes a line without a digit for a size of 0, which would end the body too soon.
                Ok(httparse::Status::Complete((length, size))) if line[0].is_ascii_hexdigit() => {
                    self.start += length;
                    return Ok(size);
                }
                Ok(httparse::Status::Partial) if line.len() < CHUNK_LINE_LIMIT => {}
                _ => return Err(BAD_CHUNK),
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.read_more()? == 0 {
                return Err(Fault::CutShort);
            }
        }
    }
}
