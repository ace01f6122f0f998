//! HTTP/1.1 (RFC 9112) over anything that reads and writes: one request out, one answer in, every size bounded.
//!
//! The only file that names the HTTP crate, which is a parser and no client: ureq writes every byte that it sends and
//! receives to the log at trace level, and all of that is secret here. It may not know an address or the time.

use crate::{request::TokenRequest, response::RawResponse, secret::Secret};
use std::{
    fmt,
    io::{self, Read, Write},
};
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

impl Fault {
    pub(super) fn is_time_out(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::TimedOut)
    }

    /// What TLS found wrong, which it hands through as an error of reading or writing.
    pub(super) fn tls(&self) -> Option<&rustls::Error> {
        let Self::Io(error) = self else { return None };
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NoAnswer => f.write_str("closed before its answer"),
            Self::CutShort => f.write_str("closed in the middle of its answer"),
            Self::Unusable(what) => write!(f, "its answer {what}"),
        }
    }
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
    stream.write_all(request).and_then(|()| stream.flush()).map_err(Fault::Io)
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
    // RFC 2616 had a coding that does nothing, and old servers still name it.
    let mut codings =
        values("transfer-encoding").filter(|name| !matches!(name.to_ascii_lowercase().as_slice(), b"" | b"identity"));
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
        let mut body = Zeroizing::new(Vec::new());
        while self.has_more()? {
            let room = BODY_LIMIT + 1 - body.len();
            self.move_into(&mut body, room);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// A peer that sends prepared pieces, one per read, and keeps what it is sent.
    #[derive(Default)]
    struct Peer {
        pieces: VecDeque<Vec<u8>>,
        heard: Vec<u8>,
        end: Option<io::ErrorKind>,
    }

    impl Read for Peer {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.pieces.front_mut() else { return self.end.map_or(Ok(0), |kind| Err(kind.into())) };
            let length = piece.len().min(buffer.len());
            buffer[..length].copy_from_slice(&piece[..length]);
            piece.drain(..length);
            if piece.is_empty() {
                self.pieces.pop_front();
            }
            Ok(length)
        }
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The answer to a request, whole and byte by byte, which must be the same.
    fn answer(bytes: impl AsRef<[u8]>) -> Result<RawResponse, String> {
        let bytes = bytes.as_ref();
        let read = |pieces: Vec<Vec<u8>>| {
            let mut peer = Peer { pieces: pieces.into(), ..Peer::default() };
            exchange(&mut peer, b"?").map_err(|fault| format!("{fault:?}"))
        };
        let whole = read(vec![bytes.to_vec()]);
        let dripped = read(bytes.iter().map(|byte| vec![*byte]).collect());
        match (&whole, &dripped) {
            (Ok(whole), Ok(dripped)) => {
                assert_eq!((whole.status, &whole.headers), (dripped.status, &dripped.headers));
                assert_eq!(whole.body, dripped.body);
            }
            (Err(whole), Err(dripped)) => assert_eq!(whole, dripped),
            _ => panic!("whole: {}, dripped: {}", whole.is_ok(), dripped.is_ok()),
        }
        whole
    }

    fn body(bytes: impl AsRef<[u8]>) -> String {
        String::from_utf8(answer(bytes).unwrap().body.to_vec()).unwrap()
    }

    fn fault(bytes: impl AsRef<[u8]>) -> String {
        answer(bytes).err().expect("this answer is no good")
    }

    #[test]
    fn a_request_is_one_block_of_exactly_these_bytes() {
        let request = TokenRequest {
            url: "https://as.example:8443/oauth2/token?tenant=1".into(),
            headers: vec![
                ("Authorization".into(), Secret::new("Basic eDp5")),
                ("Content-Type".into(), Secret::new("application/x-www-form-urlencoded")),
            ],
            body: Secret::new("grant_type=client_credentials"),
        };
        let bytes = post("as.example:8443", &request);
        assert_eq!(
            std::str::from_utf8(&bytes).unwrap(),
            "POST /oauth2/token?tenant=1 HTTP/1.1\r\nHost: as.example:8443\r\nAuthorization: Basic eDp5\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\nConnection: close\r\n\r\n\
             grant_type=client_credentials"
        );
        assert_eq!(bytes.capacity(), bytes.len());
    }

    #[test]
    fn a_tunnel_is_asked_for_with_or_without_credentials() {
        let secret = Secret::new("Basic dTpw");
        assert_eq!(
            std::str::from_utf8(&connect("[::1]:443", "us/1", Some(&secret))).unwrap(),
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nUser-Agent: us/1\r\n\
             Proxy-Authorization: Basic dTpw\r\n\r\n"
        );
        assert_eq!(
            std::str::from_utf8(&connect("a:443", "us/1", None)).unwrap(),
            "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nUser-Agent: us/1\r\n\r\n"
        );
    }

    #[test]
    fn a_target_begins_with_a_slash() {
        assert_eq!(target("https://a/b?c=/d"), "/b?c=/d");
        assert_eq!(target("https://a"), "/");
        assert_eq!(target("https://a?b=/c"), "/?b=/c");
        assert_eq!(target("http://[::1]:80/"), "/");
    }

    #[test]
    fn headers_come_with_lower_case_names_and_without_what_is_not_utf8() {
        let answer = answer(
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic \r\nX-A: caf\xe9\r\nContent-Length: 0\r\n\r\n",
        );
        let answer = answer.unwrap();
        assert_eq!(answer.status, 401);
        let expected = [("www-authenticate", "Basic"), ("content-length", "0")];
        assert_eq!(answer.headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_body_ends_by_its_length_its_last_chunk_or_the_connection() {
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}and more"), "{}");
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\n{}"), "{}");
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\n{}"), "{}");
        assert_eq!(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n{}"), "{}");
        assert_eq!(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b\r\n{\r\n1 \r\n}\r\n0\r\n"), "{}");
        // RFC 9112 §6.3: of the two, the coding counts.
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
            "{}"
        );
        assert_eq!(body("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"), "");
    }

    #[test]
    fn a_body_that_stops_early_is_cut_short() {
        for cut in [
            "HTTP/1.1 200 OK\r\nContent-Len",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}",
        ] {
            assert_eq!(fault(cut), "CutShort", "{cut:?}");
        }
        assert_eq!(fault(""), "NoAnswer");
    }

    #[test]
    fn an_end_that_anyone_could_have_made_is_no_end() {
        let pieces = [b"HTTP/1.1 200 OK\r\n\r\n{}".to_vec()];
        let mut peer = Peer { pieces: pieces.into(), end: Some(io::ErrorKind::UnexpectedEof), ..Peer::default() };
        assert!(matches!(exchange(&mut peer, b"?"), Err(Fault::CutShort)));
    }

    #[test]
    fn a_body_of_one_mebibyte_is_taken_and_one_byte_more_is_not() {
        const MEBIBYTE: usize = 1 << 20;
        let large = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(MEBIBYTE);
        assert_eq!(answer(&large).unwrap().body.len(), MEBIBYTE);
        let too_large = r#"Unusable("is larger than 1 MiB")"#;
        assert_eq!(fault(large + "x"), too_large);
        assert_eq!(fault("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"), too_large);
        assert_eq!(fault("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"), too_large);
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(fault(format!("{chunked}100001\r\n")), too_large);
        assert_eq!(fault(format!("{chunked}ffffffffffffffff\r\n")), too_large);
        let first = format!("{chunked}100000\r\n{}\r\n", "x".repeat(MEBIBYTE));
        assert_eq!(answer(first.clone() + "0\r\n").unwrap().body.len(), MEBIBYTE);
        assert_eq!(fault(first + "1\r\nx\r\n0\r\n"), too_large);
    }

    #[test]
    fn many_tiny_chunks_are_one_body() {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        bytes.extend(b"1\r\nx\r\n".repeat(20_000));
        bytes.extend(b"0\r\n\r\n");
        assert_eq!(answer(&bytes).unwrap().body.len(), 20_000);
    }

    #[test]
    fn answers_with_1xx_are_passed_over_but_not_for_ever() {
        let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        assert_eq!(body(format!("{early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}")), "{}");
        assert_eq!(fault(early), "CutShort");
        assert_eq!(
            fault("HTTP/1.1 100 Continue\r\n\r\n".repeat(4000)),
            r#"Unusable("has more than 64 KiB of headers")"#
        );
    }

    #[test]
    fn a_head_is_bounded_in_bytes_and_in_lines() {
        let head = |lines: usize, length: usize| {
            format!("HTTP/1.1 200 OK\r\n{}", format!("a: {}\r\n", "b".repeat(length)).repeat(lines))
        };
        assert_eq!(answer(head(100, 1) + "\r\n").unwrap().headers.len(), 100);
        assert_eq!(fault(head(101, 1) + "\r\n"), r#"Unusable("has more than 100 headers")"#);
        assert_eq!(fault(head(1, 65 << 10) + "\r\n"), r#"Unusable("has more than 64 KiB of headers")"#);
        assert_eq!(
            fault(format!("{}{}", head(0, 0), "a".repeat(65 << 10))),
            r#"Unusable("has more than 64 KiB of headers")"#
        );
    }

    #[test]
    fn what_is_not_http_is_told_apart() {
        assert_eq!(fault("SSH-2.0-OpenSSH_9.2\r\n"), r#"Unusable("is not HTTP/1.1")"#);
        assert_eq!(fault("<html>no</html>\n"), r#"Unusable("is not HTTP/1.1")"#);
        assert_eq!(fault("HTTP/1.1 099 No\r\n\r\n"), r#"Unusable("is not HTTP/1.1")"#);
        assert_eq!(
            fault("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            r#"Unusable("switches to another protocol unasked (101)")"#
        );
        let mut peer = Peer { pieces: [b"\x15\x03\x01\x00\x02\x02\x46".to_vec()].into(), ..Peer::default() };
        assert!(matches!(exchange(&mut peer, b"?"), Err(Fault::Unusable(TLS))));
    }

    #[test]
    fn contradictory_or_broken_framing_is_refused() {
        let with = |headers: &str, body: &str| fault(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}"));
        assert!(with("Content-Length: 2\r\nContent-Length: 3", "{}x").contains("two different"));
        assert!(with("Content-Length: 2, 3", "{}x").contains("two different"));
        for length in ["+2", "-2", "", "0x2", "2 3"] {
            assert!(with(&format!("Content-Length: {length}"), "{}").contains("no number"), "{length}");
        }
        assert!(with("Transfer-Encoding: gzip, chunked", "").contains("other than chunked"));
        for chunk in ["\r\n", "x\r\n", "-1\r\n", "2\r\n{}0\r\n\r\n", "00000000000000001\r\n"] {
            assert!(with("Transfer-Encoding: chunked", chunk).contains("broken chunk"), "{chunk:?}");
        }
        assert!(with("Transfer-Encoding: chunked", &format!("1;{}", "x".repeat(5000))).contains("broken chunk"));
    }

    #[test]
    fn a_tunnel_is_open_when_nothing_follows_its_2xx() {
        let ask = |answer: &[u8]| open_tunnel(&mut Peer { pieces: [answer.to_vec()].into(), ..Peer::default() }, b"?");
        assert_eq!(ask(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap(), 200);
        assert_eq!(ask(b"HTTP/1.1 407 No\r\nContent-Length: 9\r\n\r\n").unwrap(), 407);
        assert!(matches!(ask(b"HTTP/1.1 200 OK\r\n\r\n<html>"), Err(Fault::Unusable(_))));
        assert!(matches!(ask(b"<html>"), Err(Fault::Unusable(_))));
    }
}
