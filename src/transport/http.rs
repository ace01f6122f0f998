//! HTTP/1.1 (RFC 9112) over a given connection: sends one request and reads one response, every size bounded.
//!
//! The only file that names ureq. It must not know an address or the time. The connection has a deadline, so ureq gets no
//! time-out (with one it would start threads), no proxy and no name to look up.
//!
//! At trace level, ureq logs every byte that it sends and receives, secrets and tokens too, and a library cannot prevent
//! that. The C library has no logger. A Rust program that installs one must not log `ureq_proto` at trace level.

use super::encoding;
use crate::{oauth::request::HttpRequest, oauth::response::RawResponse, secret::Secret};
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
    http::{Method, StatusCode, header},
    unversioned::transport::{Buffers, LazyBuffers, NextTimeout},
};
use zeroize::Zeroizing;

/// For all heads of one response together, 1xx responses included.
const HEAD_LIMIT: usize = 64 << 10;
const BODY_LIMIT: usize = 1 << 20;
/// For all bytes of one response. In chunks of one byte, the largest body takes six times its size.
const RESPONSE_LIMIT: usize = 8 * BODY_LIMIT;
const CHUNK_LINE_LIMIT: usize = 4 << 10;

/// Why there is no response.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    /// The peer closed the connection before the first byte of its response.
    NoResponse,
    /// The peer closed the connection in the middle of its response.
    CutShort,
    /// The response is malformed or too large. The text completes "its response …".
    Unusable(&'static str),
    /// The server speaks TLS, and the request was for http.
    TlsServer,
    /// ureq rejected the request, or reported an error that it should not meet.
    Internal,
}

const BROKEN_HEAD: Fault = Fault::Unusable(
    "has a head that is not HTTP/1.1, with more than 128 headers, or with a Content-Length that is no number or \
     contradicts another",
);
const LARGE_HEAD: Fault = Fault::Unusable("has more than 64 KiB of headers");
const LARGE_BODY: Fault = Fault::Unusable("is larger than 1 MiB");
const BROKEN_CHUNK: Fault = Fault::Unusable("has a broken chunk (Transfer-Encoding)");
pub(super) const TLS_PROXY: Fault = Fault::Unusable("is TLS, not HTTP (write https:// before its host)");

impl Fault {
    pub(super) fn is_time_out(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::TimedOut)
    }

    /// Returns the error of rustls, which arrives inside an error of reading or writing.
    pub(super) fn tls(&self) -> Option<&rustls::Error> {
        let Self::Io(error) = self else { return None };
        error.get_ref()?.downcast_ref()
    }

    /// Returns the fault for an error of ureq. `unparsable` is for a response that ureq could not parse.
    fn of(error: ureq::Error, unparsable: Self) -> Self {
        use ureq::Error as E;
        match error {
            // Only `UreqConnection` makes such an error, and puts a fault into it.
            E::Other(fault) => fault.downcast().map_or(Self::Internal, |fault| *fault),
            E::Protocol(_) => unparsable,
            E::LargeResponseHeader(..) => LARGE_HEAD,
            E::BodyExceedsLimit(_) => LARGE_BODY,
            // The connection ended properly, but too early.
            E::BodyStalled => Self::CutShort,
            E::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::CutShort,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NoResponse => f.write_str("closed before its response"),
            Self::CutShort => f.write_str("closed in the middle of its response"),
            Self::Unusable(what) => write!(f, "its response {what}"),
            Self::TlsServer => f.write_str("its response is TLS, not HTTP"),
            Self::Internal => f.write_str("the HTTP crate rejects it"),
        }
    }
}

impl std::error::Error for Fault {}

/// A connection, for one request.
pub(super) trait Stream: Read + Write + Send + Sync + 'static {}

impl<S: Read + Write + Send + Sync + 'static> Stream for S {}

/// Fills the statics of ureq, which otherwise the first request fills under a lock. A fork at that moment would leave the
/// lock held in the child for ever. So this makes a request without a connection: before the first real one, and before
/// every fork.
pub(super) fn fill_statics() {
    static FILLED: AtomicBool = AtomicBool::new(false);
    if !FILLED.load(Ordering::Acquire) {
        let config = Agent::config_builder().proxy(None).build();
        let _ =
            Agent::with_parts(config, SingleConnector(Mutex::new(None)), NoResolver).get("http://localhost/").call();
        FILLED.store(true, Ordering::Release);
    }
}

/// The additions to a request that a proxy forwards to the server (RFC 9112 §3.2.2).
pub(super) struct ForwardProxy {
    /// The origin of the server, as in `http://host:port`, which goes before the target.
    pub(super) origin: String,
    /// The value of Proxy-Authorization.
    pub(super) authorization: Option<Secret>,
}

/// An HTTP client. Each request has an agent of its own, so that no pool, and no lock of one, outlives the request.
pub(super) struct Client {
    config: ureq::config::Config,
}

impl Client {
    pub(super) fn new() -> Self {
        // The builder reads a proxy from the environment before `proxy(None)` removes it. It runs once, here, because the host
        // program may change its environment later.
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
        Self { config }
    }

    /// Sends one request, reads the response and drops the connection. The end of the connection may end the response.
    /// Without a forward proxy, the peer is the server itself or a tunnel to it. The proxy gets its credentials only
    /// `with_credentials`.
    pub(super) fn exchange(
        &self,
        stream: impl Stream,
        request: &HttpRequest,
        proxy: Option<&ForwardProxy>,
        with_credentials: bool,
    ) -> Result<RawResponse, Fault> {
        let url = &request.endpoint.url;
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut builder = ureq::http::Request::builder().method(method).uri(url);
        // ureq rejects a line that does not fit into its buffer.
        let mut room = 1024 + url.len();
        let body = request.body.as_ref().map(Secret::expose);
        let authorization = proxy.filter(|_| with_credentials).and_then(|proxy| proxy.authorization.as_ref());
        let authorization = authorization.map(|value| ("proxy-authorization", value.expose()));
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
        for (name, value) in headers.chain(authorization) {
            builder = builder.header(name, value);
            room += name.len() + value.len() + ": \r\n".len();
        }
        let origin = proxy.map_or("", |proxy| &proxy.origin).to_owned();
        builder = builder.header(header::CONNECTION, "close");
        let has_head = Arc::new(AtomicBool::new(false));
        let connection = UreqConnection {
            stream: Box::new(stream),
            unsent: Zeroizing::new(Vec::with_capacity(origin.len() + room + body.map_or(0, str::len))),
            origin,
            buffers: LazyBuffers::new(HEAD_LIMIT, room),
            received: 0,
            has_head: Arc::clone(&has_head),
        };
        let connector = SingleConnector(Mutex::new(Some(connection)));
        let agent = Agent::with_parts(self.config.clone(), connector, NoResolver);
        let response = match body {
            Some(body) => agent.run(builder.body(body).map_err(|_| Fault::Internal)?),
            None => agent.run(builder.body(()).map_err(|_| Fault::Internal)?),
        };
        let response = response.map_err(|error| Fault::of(error, BROKEN_HEAD))?;
        has_head.store(true, Ordering::Relaxed);
        let (head, body) = response.into_parts();
        check_head(&head)?;
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
        let (mut headers, mut body) = (headers.collect(), read_all(reader, room)?);
        encoding::decode(&mut headers, &mut body, BODY_LIMIT);
        Ok(RawResponse { status: head.status.as_u16(), headers, body })
    }
}

/// Rejects heads that ureq accepts.
fn check_head(head: &ureq::http::response::Parts) -> Result<(), Fault> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Fault::Unusable("switches to another protocol unasked (101)"));
    }
    let codings = head.headers.get_all(header::TRANSFER_ENCODING).into_iter();
    let codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    // RFC 2616 §3.6 had a coding that does nothing, and old servers still send it.
    let mut codings = codings.filter(|name| !matches!(name.to_ascii_lowercase().as_slice(), b"" | b"identity"));
    let Some(coding) = codings.next() else { return Ok(()) };
    if !coding.eq_ignore_ascii_case(b"chunked") || codings.next().is_some() {
        return Err(Fault::Unusable("has a Transfer-Encoding other than chunked"));
    }
    // RFC 9112 §6.1. ureq would take the chunks for the body.
    if head.version != ureq::http::Version::HTTP_11 {
        return Err(Fault::Unusable("is HTTP/1.0 with a Transfer-Encoding"));
    }
    Ok(())
}

/// Reads to the end. Replaces a buffer that is too small, since a buffer that grows leaves unwiped copies behind.
fn read_all(mut reader: impl Read, room: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    // One byte more than expected, since the read that meets the end needs room too.
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

/// The connection that ureq uses. Its faults pass through ureq as [`ureq::Error::Other`].
struct UreqConnection {
    stream: Box<dyn Stream>,
    /// The request, which is sent as one block: one packet and one TLS record, where ureq would make two.
    unsent: Zeroizing<Vec<u8>>,
    /// The text before the target for a forward proxy; otherwise empty.
    origin: String,
    buffers: LazyBuffers,
    received: usize,
    /// Whether the head of the response is complete.
    has_head: Arc<AtomicBool>,
}

impl UreqConnection {
    /// Returns false if the peer has ended the connection properly.
    fn read_more(&mut self) -> Result<bool, Fault> {
        if !self.unsent.is_empty() {
            self.stream.write_all(&self.unsent).and_then(|()| self.stream.flush()).map_err(Fault::Io)?;
            self.unsent.clear();
        }
        let has_head = self.has_head.load(Ordering::Relaxed);
        loop {
            // ureq reads 1xx responses and trailers without a limit.
            match self.received {
                HEAD_LIMIT.. if !has_head => return Err(LARGE_HEAD),
                RESPONSE_LIMIT.. => return Err(LARGE_BODY),
                // Of a body, ureq leaves only an incomplete chunk line in the buffer.
                _ if has_head && self.buffers.input().len() >= CHUNK_LINE_LIMIT => return Err(BROKEN_CHUNK),
                _ => {}
            }
            let room = self.buffers.input_append_buf();
            let length = match self.stream.read(room) {
                Ok(0) if self.received > 0 => return Ok(false),
                Ok(0) => return Err(Fault::NoResponse),
                // Without close_notify, an attacker may have cut the connection (RFC 9112 §9.8).
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(if self.received > 0 { Fault::CutShort } else { Fault::NoResponse });
                }
                read => read.map_err(Fault::Io)?,
            };
            let first = self.received == 0;
            let new = &room[..length];
            // A handshake or alert record of TLS: an http request went to a port for https.
            if first && matches!(new[0], 0x15 | 0x16) {
                return Err(if self.origin.is_empty() { Fault::TlsServer } else { TLS_PROXY });
            }
            // Only the end of a line, or the first bytes, can complete a head or make it invalid. Parsing after each byte
            // would be quadratic.
            let enough = has_head || first || new.contains(&b'\n');
            self.buffers.input_appended(length);
            self.received += length;
            if enough {
                return Ok(true);
            }
        }
    }
}

impl fmt::Debug for UreqConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UreqConnection")
    }
}

impl ureq::unversioned::transport::Transport for UreqConnection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let mut output = &self.buffers.output()[..amount];
        if self.unsent.is_empty() {
            // `output` begins with the whole first line. Its target is that for a server.
            let method = output.iter().position(|byte| *byte == b' ').map_or(0, |space| space + 1);
            let (method, rest) = output.split_at(method);
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

    /// The caller has made the TLS connection if the URL is https.
    fn is_tls(&self) -> bool {
        true
    }
}

/// Gives ureq the given connection, once.
#[derive(Debug)]
struct SingleConnector(Mutex<Option<UreqConnection>>);

impl ureq::unversioned::transport::Connector for SingleConnector {
    type Out = UreqConnection;

    fn connect(
        &self,
        _: &ureq::unversioned::transport::ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<UreqConnection>, ureq::Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// Gives ureq no address, since it does not make the connection.
#[derive(Debug)]
struct NoResolver;

impl ureq::unversioned::resolver::Resolver for NoResolver {
    fn resolve(
        &self,
        _: &ureq::http::Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ureq::unversioned::resolver::ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

#[cfg(test)]
mod tests;
