//! HTTP/1.1 (RFC 9112) over a connection that somebody else made: one request out, one answer in, every size bounded.
//!
//! The only file that names ureq. It may not know an address or the time: the connection itself ends when its time is
//! over, so ureq is given no time-out (with one it would start threads), no proxy and no name to look up.
//!
//! Through the `log` crate, ureq writes every byte that it sends and receives at trace level, secrets and tokens too, and
//! no library can keep it from that. The C library has no logger; a Rust program that installs one must not let
//! `ureq_proto` through at trace level.

use crate::{oauth::request::TokenRequest, oauth::response::RawResponse, secret::Secret};
use std::{
    fmt,
    io::{self, Read, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use ureq::{
    Agent,
    config::Config,
    http::{Request, StatusCode, Uri, Version, header, response},
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport},
    },
};
use zeroize::Zeroizing;

/// For all heads of one answer, those of 1xx answers included.
const HEAD_LIMIT: usize = 64 << 10;
const BODY_LIMIT: usize = 1 << 20;
/// For all that is read of one answer. The largest body takes six times its size when its chunks have one byte each.
const ANSWER_LIMIT: usize = 8 * BODY_LIMIT;
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
    /// The HTTP crate refuses what is asked of it.
    Refused,
}

const BROKEN_HEAD: Fault = Fault::Unusable(
    "has a head that is not HTTP/1.1, with more than 128 headers, or with a Content-Length that is no number or \
     contradicts another",
);
const LARGE_HEAD: Fault = Fault::Unusable("has more than 64 KiB of headers");
const LARGE_BODY: Fault = Fault::Unusable("is larger than 1 MiB");
const BROKEN_CHUNK: Fault = Fault::Unusable("has a broken chunk (Transfer-Encoding)");
const TLS_SERVER: Fault = Fault::Unusable("is TLS, not HTTP: token_url should probably begin with https");
pub(super) const TLS_PROXY: Fault = Fault::Unusable("is TLS, not HTTP (name its port for plain http)");

impl Fault {
    pub(super) fn is_time_out(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::TimedOut)
    }

    /// What TLS found wrong, which it hands through as an error of reading or writing.
    pub(super) fn tls(&self) -> Option<&rustls::Error> {
        let Self::Io(error) = self else { return None };
        error.get_ref()?.downcast_ref()
    }

    /// What an error of ureq means; a `broken` answer is one that ureq could not parse.
    fn of(error: ureq::Error, broken: Self) -> Self {
        use ureq::Error as E;
        match error {
            // Ours, from the connection.
            E::Other(fault) => fault.downcast().map_or(Self::Refused, |fault| *fault),
            E::Protocol(_) => broken,
            E::LargeResponseHeader(..) => LARGE_HEAD,
            E::BodyExceedsLimit(_) => LARGE_BODY,
            // The connection has ended, in good order but too early.
            E::BodyStalled => Self::CutShort,
            E::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::CutShort,
            _ => Self::Refused,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NoAnswer => f.write_str("closed before its answer"),
            Self::CutShort => f.write_str("closed in the middle of its answer"),
            Self::Unusable(what) => write!(f, "its answer {what}"),
            Self::Refused => f.write_str("the HTTP crate refuses it"),
        }
    }
}

impl std::error::Error for Fault {}

/// A connection, for one request.
pub(super) trait Stream: Read + Write + Send + Sync + 'static {}

impl<S: Read + Write + Send + Sync + 'static> Stream for S {}

/// ureq has a static that the first request fills, under a lock that a fork at this very moment would leave held in the
/// child for ever. So a first request is made here, over no connection: by whoever comes first, and before every fork.
pub(super) fn fill_statics() {
    static FILLED: AtomicBool = AtomicBool::new(false);
    if !FILLED.load(Ordering::Acquire) {
        let config = Agent::config_builder().proxy(None).build();
        let _ = Agent::with_parts(config, Only(Mutex::new(None)), NoResolver).get("http://localhost/").call();
        FILLED.store(true, Ordering::Release);
    }
}

/// What a proxy is told that passes a request on (RFC 9112 §3.2.2).
pub(super) struct ForwardProxy {
    /// The server's, as in `http://host:port`: it goes before the target.
    pub(super) origin: String,
    /// The value of Proxy-Authorization.
    pub(super) authorization: Option<Secret>,
}

/// Speaks HTTP. Each request has an agent of its own, so that no pool and no lock of one outlives it.
pub(super) struct Client {
    config: Config,
    relay: Option<ForwardProxy>,
}

impl Client {
    /// Without a relay, the peer is the server itself or a tunnel to it.
    pub(super) fn new(relay: Option<ForwardProxy>) -> Self {
        // A builder looks for a proxy in the environment before it is told that there is none: here, and not at a
        // request, where the host may be changing the environment.
        let config = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .max_response_header_size(HEAD_LIMIT)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .build();
        fill_statics();
        Self { config, relay }
    }

    /// Sends one request and reads its answer, which the end of the connection may end. The connection is dropped then.
    pub(super) fn exchange(&self, stream: impl Stream, request: &TokenRequest) -> Result<RawResponse, Fault> {
        let mut builder = Request::post(&request.url);
        // ureq refuses a line that does not fit into its buffer.
        let mut room = 1024 + request.url.len();
        let relay = self.relay.as_ref();
        let authorization =
            relay.and_then(|relay| relay.authorization.as_ref()).map(|it| ("proxy-authorization", it.expose()));
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
        for (name, value) in headers.chain(authorization) {
            builder = builder.header(name, value);
            room += name.len() + value.len() + ": \r\n".len();
        }
        let origin = relay.map_or("", |relay| &relay.origin).to_owned();
        let post = builder.header(header::CONNECTION, "close").body(request.body.expose());
        let has_head = Arc::new(AtomicBool::new(false));
        let line = Line {
            stream: Box::new(stream),
            unsent: Zeroizing::new(Vec::with_capacity(origin.len() + room + request.body.expose().len())),
            origin,
            buffers: LazyBuffers::new(HEAD_LIMIT, room),
            received: 0,
            has_head: Arc::clone(&has_head),
        };
        let agent = Agent::with_parts(self.config.clone(), Only(Mutex::new(Some(line))), NoResolver);
        let answer = agent.run(post.map_err(|_| Fault::Refused)?).map_err(|error| Fault::of(error, BROKEN_HEAD))?;
        has_head.store(true, Ordering::Relaxed);
        let (head, body) = answer.into_parts();
        check(&head)?;
        let length = body.content_length().map(usize::try_from);
        let room = match length {
            None => 0,
            Some(Ok(length)) if length <= BODY_LIMIT => length,
            Some(_) => return Err(LARGE_BODY),
        };
        let reader = body.into_with_config().limit(BODY_LIMIT as u64).reader();
        let headers = head.headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), std::str::from_utf8(value.as_bytes()).ok()?.to_owned()))
        });
        Ok(RawResponse { status: head.status.as_u16(), headers: headers.collect(), body: read_all(reader, room)? })
    }
}

/// What ureq takes and we do not.
fn check(head: &response::Parts) -> Result<(), Fault> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Fault::Unusable("switches to another protocol unasked (101)"));
    }
    let codings = head.headers.get_all(header::TRANSFER_ENCODING).into_iter();
    let codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    // RFC 2616 had a coding that does nothing, and old servers still name it.
    let mut codings = codings.filter(|name| !matches!(name.to_ascii_lowercase().as_slice(), b"" | b"identity"));
    let Some(coding) = codings.next() else { return Ok(()) };
    if !coding.eq_ignore_ascii_case(b"chunked") || codings.next().is_some() {
        return Err(Fault::Unusable("has a Transfer-Encoding other than chunked"));
    }
    // RFC 9112 §6.1. ureq takes the chunks for the body.
    if head.version != Version::HTTP_11 {
        return Err(Fault::Unusable("is HTTP/1.0 with a Transfer-Encoding"));
    }
    Ok(())
}

/// Reads to the end. A buffer that is too small is replaced, since one that grows leaves unwiped copies behind.
fn read_all(mut reader: impl Read, room: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // One byte more than is expected: to ask for the end takes room too.
    let mut body = Zeroizing::new(vec![0; room.max(4 << 10) + 1]);
    let mut length = 0;
    loop {
        if length == body.len() {
            let mut larger = Zeroizing::new(vec![0; 2 * length]);
            larger[..length].copy_from_slice(&body);
            body = larger;
        }
        match reader.read(&mut body[length..]).map_err(|error| Fault::of(error.into(), BROKEN_CHUNK))? {
            0 => break,
            read => length += read,
        }
    }
    body.truncate(length);
    Ok(body)
}

/// A connection as ureq sees it. Its faults travel through ureq as [`ureq::Error::Other`].
struct Line {
    stream: Box<dyn Stream>,
    /// The request, which leaves in one block: as one packet and one record of TLS, where ureq would make two.
    unsent: Zeroizing<Vec<u8>>,
    /// What a proxy wants before the target; else empty.
    origin: String,
    buffers: LazyBuffers,
    received: usize,
    /// Whether the head of the answer is complete.
    has_head: Arc<AtomicBool>,
}

impl Line {
    /// False: the peer has ended in good order.
    fn read_more(&mut self) -> Result<bool, Fault> {
        if !self.unsent.is_empty() {
            self.stream.write_all(&self.unsent).and_then(|()| self.stream.flush()).map_err(Fault::Io)?;
            self.unsent.clear();
        }
        let has_head = self.has_head.load(Ordering::Relaxed);
        loop {
            // Answers with 1xx and trailers, which ureq reads for ever.
            match self.received {
                HEAD_LIMIT.. if !has_head => return Err(LARGE_HEAD),
                ANSWER_LIMIT.. => return Err(LARGE_BODY),
                // What ureq leaves of a body until there is more is one line about a chunk.
                _ if has_head && self.buffers.input().len() >= CHUNK_LINE_LIMIT => return Err(BROKEN_CHUNK),
                _ => {}
            }
            let room = self.buffers.input_append_buf();
            let length = match self.stream.read(room) {
                Ok(0) if self.received > 0 => return Ok(false),
                Ok(0) => return Err(Fault::NoAnswer),
                // TLS that ends without close_notify may have been cut by anyone (RFC 9112 §9.8).
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(if self.received > 0 { Fault::CutShort } else { Fault::NoAnswer });
                }
                read => read.map_err(Fault::Io)?,
            };
            let first = self.received == 0;
            let new = &room[..length];
            // A handshake or alert record of TLS: a port for https was asked in http.
            if first && matches!(new[0], 0x15 | 0x16) {
                return Err(if self.origin.is_empty() { TLS_SERVER } else { TLS_PROXY });
            }
            // A head can only have become complete or wrong by a line's end, or by the very first bytes. To parse after
            // every byte would be quadratic.
            let enough = has_head || first || new.contains(&b'\n');
            self.buffers.input_appended(length);
            self.received += length;
            if enough {
                return Ok(true);
            }
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl Transport for Line {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let mut output = &self.buffers.output()[..amount];
        if self.unsent.is_empty() {
            // The whole first line. ureq writes its target as for a server.
            let (method, rest) = output.split_at("POST ".len());
            self.unsent.extend_from_slice(method);
            self.unsent.extend_from_slice(self.origin.as_bytes());
            output = rest;
        }
        self.unsent.extend_from_slice(output);
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        self.read_more().map_err(|fault| ureq::Error::Other(Box::new(fault)))
    }

    fn is_open(&mut self) -> bool {
        false
    }

    /// Whoever made the connection has seen to it, where the URL asks for it.
    fn is_tls(&self) -> bool {
        true
    }
}

/// Hands ureq the one connection that there is.
#[derive(Debug)]
struct Only(Mutex<Option<Line>>);

impl Connector for Only {
    type Out = Line;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Line>, ureq::Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// Looks nothing up.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{oauth::request::Value, secret::Secret};
    use std::collections::VecDeque;

    /// A peer that sends prepared pieces, one per read, and keeps what it is sent, one block per write.
    #[derive(Default)]
    struct Peer {
        pieces: VecDeque<Vec<u8>>,
        heard: Arc<Mutex<Vec<String>>>,
        end: Option<io::ErrorKind>,
    }

    fn peer(pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Peer {
        Peer { pieces: pieces.into_iter().map(Into::into).collect(), ..Peer::default() }
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
            self.heard.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn request(url: &str) -> TokenRequest {
        TokenRequest {
            url: url.into(),
            headers: vec![
                ("authorization".into(), Value::Secret(Secret::new("Basic eDp5"))),
                ("content-type".into(), Value::Open("application/x-www-form-urlencoded".into())),
                ("x-name".into(), Value::Secret(Secret::new("é"))),
            ],
            body: Secret::new("grant_type=client_credentials"),
        }
    }

    fn ask(peer: Peer) -> Result<RawResponse, String> {
        Client::new(None).exchange(peer, &request("https://as.example/t")).map_err(|fault| format!("{fault:?}"))
    }

    /// The answer to a request, whole and byte by byte, which must be the same.
    fn answer(bytes: impl AsRef<[u8]>) -> Result<RawResponse, String> {
        let bytes = bytes.as_ref();
        let whole = ask(peer([bytes]));
        let dripped = ask(peer(bytes.iter().map(|byte| [*byte])));
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

    fn sent(request: &TokenRequest) -> Vec<String> {
        let peer = peer(["HTTP/1.1 204 No Content\r\n\r\n"]);
        let heard = Arc::clone(&peer.heard);
        assert_eq!(Client::new(None).exchange(peer, request).unwrap().status, 204);
        let heard = heard.lock().unwrap();
        heard.clone()
    }

    #[test]
    fn a_request_is_one_block_of_exactly_these_bytes() {
        assert_eq!(
            sent(&request("https://as.example:8443/oauth2/token?tenant=1")),
            ["POST /oauth2/token?tenant=1 HTTP/1.1\r\ncontent-length: 29\r\nhost: as.example:8443\r\n\
              authorization: Basic eDp5\r\ncontent-type: application/x-www-form-urlencoded\r\nx-name: é\r\n\
              connection: close\r\n\r\ngrant_type=client_credentials"]
        );
    }

    #[test]
    fn a_proxy_that_passes_a_request_on_is_told_the_whole_url_and_who_we_are() {
        let authorization = Some(Secret::new("Basic dTpw"));
        let client = Client::new(Some(ForwardProxy { origin: "http://as.example:81".into(), authorization }));
        for (url, target) in [("http://as.example:81/t?a=b", "/t?a=b"), ("http://as.example:81", "/")] {
            let peer = peer(["HTTP/1.1 204 No Content\r\n\r\n"]);
            let heard = Arc::clone(&peer.heard);
            assert_eq!(client.exchange(peer, &request(url)).unwrap().status, 204);
            assert_eq!(
                *heard.lock().unwrap(),
                [format!(
                    "POST http://as.example:81{target} HTTP/1.1\r\ncontent-length: 29\r\nhost: as.example:81\r\n\
                     authorization: Basic eDp5\r\ncontent-type: application/x-www-form-urlencoded\r\nx-name: é\r\n\
                     proxy-authorization: Basic dTpw\r\nconnection: close\r\n\r\ngrant_type=client_credentials"
                )]
            );
        }
        let fault = client.exchange(peer([b"\x15\x03\x01\x00\x02\x02\x46"]), &request("http://as.example:81")).err();
        assert!(matches!(fault, Some(Fault::Unusable(what)) if what.ends_with("(name its port for plain http)")));
    }

    #[test]
    fn a_request_may_be_large() {
        let mut large = request(&format!("https://as.example/{}", "p".repeat(60_000)));
        large.headers.push(("x-large".into(), Value::Secret(Secret::new("h".repeat(300_000)))));
        large.body = Secret::new("b".repeat(300_000));
        let sent = sent(&large);
        let [sent] = sent.as_slice() else { panic!("{} blocks", sent.len()) };
        assert!(sent.contains(&"p".repeat(60_000)) && sent.contains(&"h".repeat(300_000)));
        assert!(sent.ends_with(&format!("\r\n\r\n{}", "b".repeat(300_000))));
    }

    #[test]
    fn a_target_begins_with_a_slash_and_a_host_is_as_rfc_9110_says() {
        for (url, target, host) in [
            ("https://a/b?c=/d", "/b?c=/d", "a"),
            ("https://a", "/", "a"),
            ("https://a?b=/c", "/?b=/c", "a"),
            ("https://a:443/", "/", "a"),
            ("http://a:443/", "/", "a:443"),
            ("http://[::1]:80/", "/", "[::1]"),
            ("https://[::1]:80/", "/", "[::1]:80"),
        ] {
            let head = format!("POST {target} HTTP/1.1\r\ncontent-length: 29\r\nhost: {host}\r\n");
            assert!(sent(&request(url))[0].starts_with(&head), "{url}");
        }
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
        for (kind, sent, fault) in [
            (io::ErrorKind::UnexpectedEof, "HTTP/1.1 200 OK\r\n\r\n{}", "CutShort"),
            (io::ErrorKind::ConnectionReset, "HTTP/1.1 200 OK\r\n\r\n{}", "Io(Kind(ConnectionReset))"),
            (io::ErrorKind::TimedOut, "HTTP/1.1 200 OK\r\n\r\n{}", "Io(Kind(TimedOut))"),
            (io::ErrorKind::TimedOut, "HTTP/1.1 200 OK\r\n", "Io(Kind(TimedOut))"),
        ] {
            assert_eq!(ask(Peer { end: Some(kind), ..peer([sent]) }).err().unwrap(), fault);
        }
        let silent = Peer { end: Some(io::ErrorKind::UnexpectedEof), ..Peer::default() };
        assert_eq!(ask(silent).err().unwrap(), "NoAnswer");
    }

    #[test]
    fn a_body_of_one_mebibyte_is_taken_and_one_byte_more_is_not() {
        const MEBIBYTE: usize = 1 << 20;
        let large = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(MEBIBYTE);
        assert_eq!(answer(&large).unwrap().body.len(), MEBIBYTE);
        let too_large = r#"Unusable("is larger than 1 MiB")"#;
        assert_eq!(fault(large + "x"), too_large);
        assert_eq!(fault("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"), too_large);
        assert_eq!(fault("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"), too_large);
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for size in ["100001", "ffffffffffffffff"] {
            assert_eq!(fault(format!("{chunked}{size}\r\n{}", "x".repeat(MEBIBYTE + 1))), too_large);
        }
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
        assert_eq!(answer(head(128, 1) + "\r\n").unwrap().headers.len(), 128);
        assert!(fault(head(129, 1) + "\r\n").contains("more than 128 headers"));
        assert_eq!(fault(head(1, 65 << 10) + "\r\n"), r#"Unusable("has more than 64 KiB of headers")"#);
        assert_eq!(
            fault(format!("{}{}", head(0, 0), "a".repeat(65 << 10))),
            r#"Unusable("has more than 64 KiB of headers")"#
        );
    }

    #[test]
    fn what_is_not_http_is_told_apart() {
        for bytes in
            ["SSH-2.0-OpenSSH_9.2\r\n", "<html>no</html>\n", "{}", "HTTP/2 200\r\n\r\n", "HTTP/1.1 099 No\r\n\r\n"]
        {
            assert!(fault(bytes).contains("not HTTP/1.1"), "{bytes:?}");
        }
        assert_eq!(
            fault("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            r#"Unusable("switches to another protocol unasked (101)")"#
        );
        assert!(fault(b"\x15\x03\x01\x00\x02\x02\x46").contains("is TLS, not HTTP"));
    }

    #[test]
    fn contradictory_or_broken_framing_is_refused() {
        let with = |headers: &str, body: &str| fault(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}"));
        assert!(with("Content-Length: 2\r\nContent-Length: 3", "{}x").contains("contradicts another"));
        for length in ["2, 3", "+2", "-2", "", "0x2", "2 3", "99999999999999999999999"] {
            assert!(with(&format!("Content-Length: {length}"), "{}x").contains("no number"), "{length}");
        }
        for coding in
            ["gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked\r\nTransfer-Encoding: \u{e9}"]
        {
            let why = with(&format!("Transfer-Encoding: {coding}"), "2\r\n{}\r\n0\r\n\r\n");
            assert!(why.contains("other than chunked"), "{coding}");
        }
        let old = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert!(fault(old).contains("HTTP/1.0 with a Transfer-Encoding"));
        for chunk in ["\r\n", "x\r\n", "-1\r\n", "2\r\n{}0\r\n\r\n", "10000000000000000\r\n"] {
            assert!(with("Transfer-Encoding: chunked", chunk).contains("broken chunk"), "{chunk:?}");
        }
        // Too long a line, whether it ends or not.
        assert!(with("Transfer-Encoding: chunked", &format!("1;{}\r\n", "x".repeat(5000))).contains("broken chunk"));
        assert!(with("Transfer-Encoding: chunked", &format!("1;{}", "x".repeat(5000))).contains("broken chunk"));
    }

    #[test]
    fn trailers_end() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n";
        assert_eq!(body(format!("{head}A: b\r\n\r\n")), "{}");
        let endless = std::iter::once(head.into()).chain(std::iter::repeat_n("A: b\r\n".repeat(10_000), 150));
        assert_eq!(ask(peer(endless)).err().unwrap(), r#"Unusable("is larger than 1 MiB")"#);
    }
}
