//! An HTTP proxy that opens tunnels and forwards requests, over TLS if it has a certificate. Every host leads to loopback.

use crate::{
    connection::Connection,
    http::{self, NoRequest, Request},
    listener::{Listener, loopback},
    tls::Tls,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::ServerConfig;
use serde::Deserialize;
use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// The settings of a proxy.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyOptions {
    /// The user and password that it requires, as HTTP Basic. None accepts every client.
    pub credentials: Option<(String, String)>,
    /// The status without these credentials: 407, or 401, which some proxies send wrongly.
    pub refusal: u16,
    pub behaviour: Behaviour,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self { credentials: None, refusal: 407, behaviour: Behaviour::Tunnel }
    }
}

/// The reaction of a proxy to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Connects to the requested port on 127.0.0.1 or ::1, and opens a tunnel, or forwards the request for an http URL.
    #[default]
    Tunnel,
    /// Sends 200 and a page, as a captive portal does.
    Html,
    /// Never responds.
    Silent,
    /// Closes the connection without a response.
    Close,
    /// Responds with this status.
    Status(u16),
}

/// A running proxy, which ends when it is dropped.
pub struct Proxy {
    listener: Listener,
    is_tls: bool,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<Request>,
}

/// The number of requests that are kept.
const MAX_SEEN: usize = 100;

impl Proxy {
    /// Starts a proxy on a free port of 127.0.0.1. Panics if there is none.
    pub fn start(options: ProxyOptions) -> Self {
        Self::bind(options).expect("a free port on 127.0.0.1")
    }

    /// Does the same for a proxy that speaks TLS.
    pub fn start_tls(options: ProxyOptions, tls: &Tls) -> Self {
        let config = tls.config().expect("a usable certificate");
        Self::listen(options, Some(config)).expect("a free port on 127.0.0.1")
    }

    pub(crate) fn bind(options: ProxyOptions) -> io::Result<Self> {
        Self::listen(options, None)
    }

    fn listen(options: ProxyOptions, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let is_tls = tls.is_some();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let started = Instant::now();
        let listener = Listener::start(loopback(false, 0), {
            let seen = seen.clone();
            move |stream| {
                let _ = serve(&options, tls.as_ref(), &seen, started, stream);
            }
        })?;
        Ok(Self { listener, is_tls, seen })
    }

    /// Returns `http://127.0.0.1:PORT`, or with https, without credentials.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.listener.address())
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// Returns the host and port of each request, in order, rejected ones included: the first hundred.
    pub fn targets(&self) -> Vec<String> {
        let target = |path: String| http::split_url(&path).map_or(path.clone(), |(authority, _)| authority.to_owned());
        self.requests().into_iter().map(|request| target(request.path)).collect()
    }

    /// Returns the requests to the proxy itself, without those through a tunnel: the first hundred.
    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// Forgets connections and requests.
    pub fn reset(&self) {
        *self.seen.lock().unwrap() = Seen::default();
    }
}

fn serve(
    options: &ProxyOptions,
    tls: Option<&Arc<ServerConfig>>,
    seen: &Mutex<Seen>,
    started: Instant,
    stream: Arc<TcpStream>,
) -> io::Result<()> {
    seen.lock().unwrap().connections += 1;
    let mut connection = Connection::new(stream.clone(), tls)?;
    let mut request = match http::read(&mut connection) {
        Ok(request) => request,
        Err(NoRequest::Gone) => return Ok(()),
        Err(NoRequest::Invalid(status)) => return connection.write(&error_response(status, "")),
    };
    request.at = started.elapsed().as_secs_f64();
    {
        let mut seen = seen.lock().unwrap();
        if seen.requests.len() < MAX_SEEN {
            seen.requests.push(request.clone());
        }
    }
    let is_connect = request.method == "CONNECT";
    let Some((authority, path)) =
        (if is_connect { Some((&*request.path, "")) } else { http::split_url(&request.path) })
    else {
        return connection.write(&error_response(400, ""));
    };
    if let Some((user, password)) = &options.credentials {
        let required = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        if request.header("proxy-authorization") != required {
            return connection.write(&error_response(options.refusal, "Proxy-Authenticate: Basic realm=\"proxy\"\r\n"));
        }
    }
    match options.behaviour {
        Behaviour::Tunnel => {
            let port = match authority.rsplit_once(':') {
                Some((_, port)) => port.parse().ok(),
                None => (!is_connect).then_some(80),
            };
            let Some(port) = port else { return connection.write(&error_response(400, "")) };
            let addresses: [SocketAddr; 2] = [loopback(false, port), loopback(true, port)];
            let Ok(upstream) = TcpStream::connect(&addresses[..]) else {
                return connection.write(&error_response(502, ""));
            };
            upstream.set_nodelay(true)?;
            if is_connect {
                connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            } else {
                let mut forwarded = format!("{} {path} HTTP/1.1\r\n", request.method);
                // The proxy must not forward its own credentials (RFC 9110 §11.7.2).
                for (name, value) in request.headers.iter().filter(|(name, _)| *name != "proxy-authorization") {
                    forwarded.push_str(&format!("{name}: {value}\r\n"));
                }
                (&upstream).write_all(format!("{forwarded}\r\n{}", request.body).as_bytes())?;
            }
            (&upstream).write_all(&connection.received)?;
            if tls.is_some() {
                connection.received.clear();
                tunnel_in_turns(connection, &upstream);
            } else {
                stream.set_read_timeout(None)?;
                tunnel(&stream, &upstream);
            }
        }
        Behaviour::Html => {
            let page = "<html><body>Please sign in to the network.</body></html>\n";
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", page.len());
            connection.write((head + page).as_bytes())?;
            connection.drain();
        }
        Behaviour::Silent => connection.wait_for_end(),
        Behaviour::Close => {}
        Behaviour::Status(status) => connection.write(&error_response(status, ""))?,
    }
    Ok(())
}

fn error_response(status: u16, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Refused\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// Does what [`tunnel`] does, on one thread, since both ways of TLS have one state.
fn tunnel_in_turns(mut client: Connection, upstream: &TcpStream) {
    const TURN: Duration = Duration::from_millis(2);
    let is_idle = |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    let _ = upstream.set_read_timeout(Some(TURN));
    let mut buffer = [0; 16384];
    loop {
        match client.fill(Instant::now() + TURN) {
            Ok(1..) => {
                if (&*upstream).write_all(&client.received).is_err() {
                    break;
                }
                client.received.clear();
            }
            Err(error) if is_idle(&error) => {}
            _ => break,
        }
        match (&*upstream).read(&mut buffer) {
            Ok(read @ 1..) => {
                if client.write(&buffer[..read]).is_err() {
                    break;
                }
            }
            Err(error) if is_idle(&error) => {}
            _ => break,
        }
    }
    client.close();
}

/// Copies bytes both ways until either side closes, and closes both.
fn tunnel(client: &TcpStream, upstream: &TcpStream) {
    thread::scope(|scope| {
        let copy = |from: &TcpStream, to: &TcpStream| {
            let mut buffer = [0; 16384];
            while let Ok(read @ 1..) = (&*from).read(&mut buffer) {
                if (&*to).write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        };
        let _ = thread::Builder::new().spawn_scoped(scope, move || copy(upstream, client));
        copy(client, upstream);
    });
}
