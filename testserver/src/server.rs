//! The server: reads requests, keeps them, and carries out the [`Response`] for each.

use crate::{
    assertion::{Assertions, Identifiers, Moment},
    connection::Connection,
    dialect::Dialect,
    http::{self, NoRequest, Request},
    listener::{Listener, loopback},
    proxy::{Proxy, ProxyOptions},
    response::{Close, Response, Script, quoted},
    tls::Tls,
};
use serde::Serialize;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The settings of a server. The default is plain HTTP on a free port of 127.0.0.1, where every request gets a token.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub dialect: Dialect,
    /// The client that the dialects `Podero` and `Gardin` accept, and the one that signs assertions. Otherwise `Plain` accepts
    /// every client.
    pub client_id: String,
    pub client_secret: String,
    /// Refuses every token request without one of these assertions, as an OAuth error.
    pub assertions: Option<Assertions>,
    /// How many seconds the server's clock is ahead: in its Date, and where it checks an assertion.
    pub skew: i64,
    pub script: Script,
    /// `expires_in` if the script does not set it. None is the default of the dialect.
    pub expires_in: Option<u64>,
    /// The delay of each response whose script sets none.
    pub delay: Duration,
    pub tls: Option<Tls>,
    /// Sends these bytes at the first byte of the client, and closes. Reads and counts no request.
    pub raw_reply: Option<Vec<u8>>,
    /// A proxy that starts and ends with the server.
    pub proxy: Option<ProxyOptions>,
    /// 0 is any free port.
    pub port: u16,
    /// ::1 instead of 127.0.0.1.
    pub ipv6: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            dialect: Dialect::Plain,
            client_id: "test-client".into(),
            client_secret: "test-secret".into(),
            assertions: None,
            skew: 0,
            script: Script::default(),
            expires_in: None,
            delay: Duration::ZERO,
            tls: None,
            raw_reply: None,
            proxy: None,
            port: 0,
            ipv6: false,
        }
    }
}

/// A running server. It ends, with every connection, when it is dropped.
pub struct Server {
    state: Arc<State>,
    listener: Listener,
}

/// The requests so far, as `GET /-/seen` returns them. Requests under `/-/` are not counted.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Token requests, rejected ones included.
    pub requests: usize,
    /// Connections, those without a request included.
    pub connections: usize,
    /// Token requests without a complete response.
    pub running: usize,
    pub last: Option<Request>,
    /// The last hundred, oldest first.
    pub all: Vec<Request>,
    /// The requests to the server's proxy.
    pub proxy: Option<SeenByProxy>,
}

/// See [`Seen::proxy`].
#[derive(Clone, Debug, Serialize)]
pub struct SeenByProxy {
    pub connections: usize,
    /// The host and port of each request, in order: the first hundred.
    pub targets: Vec<String>,
}

struct State {
    options: ServerOptions,
    started: Instant,
    proxy: Option<Proxy>,
    log: Mutex<Log>,
    arrived: Condvar,
}

#[derive(Default)]
struct Log {
    script: Script,
    /// The number of responses taken from this script.
    taken: usize,
    /// The number of requests since the server started, which `reset` keeps, so that no token is granted twice.
    serial: usize,
    requests: usize,
    connections: usize,
    running: usize,
    all: VecDeque<Request>,
    identifiers: Identifiers,
}

const MAX_SEEN: usize = 100;
const MAX_SILENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Starts a server. Panics if [`Server::bind`] fails.
    pub fn start(options: ServerOptions) -> Self {
        Self::bind(options).expect("a server on loopback")
    }

    /// Starts a server. Fails if the port is taken, or if certificate and key do not fit.
    pub fn bind(options: ServerOptions) -> io::Result<Self> {
        let tls = options.tls.as_ref().map(Tls::config).transpose().map_err(io::Error::other)?;
        let proxy = options.proxy.clone().map(Proxy::bind).transpose()?;
        let address = loopback(options.ipv6, options.port);
        let log = Mutex::new(Log { script: options.script.clone(), ..Log::default() });
        let state = Arc::new(State { options, started: Instant::now(), proxy, log, arrived: Condvar::new() });
        let listener = Listener::start(address, {
            let state = state.clone();
            move |stream| {
                state.log().connections += 1;
                if let Ok(connection) = Connection::new(stream, tls.as_ref()) {
                    let _ = state.serve(connection);
                }
            }
        })?;
        Ok(Self { state, listener })
    }

    /// Returns the URL of the token endpoint: `http://127.0.0.1:PORT/oauth2/token/`.
    pub fn url(&self) -> String {
        self.origin() + self.state.options.dialect.path()
    }

    /// Returns `http://127.0.0.1:PORT`, where the endpoints under `/-/` are.
    pub fn origin(&self) -> String {
        let scheme = if self.state.options.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.listener.address())
    }

    pub fn port(&self) -> u16 {
        self.listener.address().port()
    }

    /// Returns the proxy of the server, if the options have one.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.state.proxy.as_ref()
    }

    /// Returns the number of token requests.
    pub fn requests(&self) -> usize {
        self.state.log().requests
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.state.log().connections
    }

    pub fn seen(&self) -> Seen {
        self.state.seen()
    }

    /// Replaces the script. The next request gets its first response.
    pub fn set_script(&self, script: impl Into<Script>) {
        self.state.set_script(script.into());
    }

    /// Forgets the requests, and restarts the script.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Waits until `n` token requests have arrived. Returns false if the time is over before.
    pub fn wait_for_requests(&self, n: usize, within: Duration) -> bool {
        let log = self.state.log();
        let (log, _) = self.state.arrived.wait_timeout_while(log, within, |log| log.requests < n).unwrap();
        log.requests >= n
    }
}

/// Counts a request as running until dropped.
struct Running<'a>(&'a State);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.log().running -= 1;
    }
}

impl State {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    fn seen(&self) -> Seen {
        let proxy = self.proxy.as_ref();
        let proxy = proxy.map(|proxy| SeenByProxy { connections: proxy.connections(), targets: proxy.targets() });
        let log = self.log();
        Seen {
            requests: log.requests,
            connections: log.connections,
            running: log.running,
            last: log.all.back().cloned(),
            all: log.all.iter().cloned().collect(),
            proxy,
        }
    }

    fn set_script(&self, script: Script) {
        let mut log = self.log();
        log.script = script;
        log.taken = 0;
    }

    fn reset(&self) {
        let mut log = self.log();
        (log.requests, log.connections, log.taken) = (0, 0, 0);
        log.all.clear();
        if let Some(proxy) = &self.proxy {
            proxy.reset();
        }
    }

    /// Serves the requests of one connection. The connection was counted when it arrived. A request to an endpoint under
    /// `/-/` takes that back.
    fn serve(&self, mut connection: Connection) -> io::Result<()> {
        if let Some(bytes) = &self.options.raw_reply {
            connection.fill(Instant::now() + MAX_SILENCE)?;
            connection.write(bytes)?;
            connection.drain();
            return Ok(());
        }
        let mut counted = true;
        loop {
            let mut request = match http::read(&mut connection) {
                Ok(request) => request,
                Err(NoRequest::Gone) => return Ok(()),
                Err(NoRequest::Invalid(status)) => {
                    connection.write(&Response::status(status).to_bytes(1, SystemTime::now()).bytes)?;
                    connection.drain();
                    return Ok(());
                }
            };
            request.at = self.started.elapsed().as_secs_f64();
            // Every server must accept a whole URL (RFC 9112 §3.2.2).
            if let Some((_, path)) = http::split_url(&request.path) {
                request.path = path.to_owned();
            }
            let last = request.header("connection").eq_ignore_ascii_case("close");
            let is_control = request.path.starts_with("/-/");
            if counted == is_control {
                let mut log = self.log();
                log.connections = if counted { log.connections.saturating_sub(1) } else { log.connections + 1 };
                counted = !counted;
            }
            let reusable = if is_control {
                let encoded = self.control(&request).to_bytes(1, SystemTime::now());
                connection.write(&encoded.bytes)?;
                true
            } else {
                let (response, n) = self.accept(request);
                let running = Running(self);
                if response.close == Some(Close::Reset) {
                    if connection.wait(response.delay) {
                        drop(running);
                        connection.reset();
                    }
                    return Ok(());
                }
                let reusable = self.respond(&mut connection, &response, n, running);
                if response.close == Some(Close::ResetMidBody) {
                    connection.reset();
                    return Ok(());
                }
                reusable?
            };
            if last || !reusable {
                connection.close();
                return Ok(());
            }
        }
    }

    /// Returns the time by the server's clock.
    fn now(&self) -> SystemTime {
        let skew = Duration::from_secs(self.options.skew.unsigned_abs());
        if self.options.skew < 0 { SystemTime::now() - skew } else { SystemTime::now() + skew }
    }

    /// Keeps a token request. Returns its response, and its number since the start.
    fn accept(&self, request: Request) -> (Response, usize) {
        let options = &self.options;
        let client = (&*options.client_id, &*options.client_secret);
        let mut log = self.log();
        let rejection = options.dialect.rejection(&request, client).or_else(|| {
            let scheme = if options.tls.is_some() { "https" } else { "http" };
            let now = self.now().duration_since(UNIX_EPOCH).map_or(0, |unix| unix.as_secs() as i64);
            options.assertions.as_ref()?.rejection(&request, &Moment { client, scheme, now }, &mut log.identifiers)
        });
        log.requests += 1;
        log.running += 1;
        log.serial += 1;
        let n = log.serial;
        let mut response = rejection.unwrap_or_else(|| {
            log.taken += 1;
            let mut response = log.script.response(log.taken);
            if let Some(expires_in) = options.expires_in {
                response.expires_in.set_default(|| expires_in.to_string());
            }
            options.dialect.complete(&mut response, &request, n, self.now());
            response
        });
        if response.delay.is_zero() {
            response.delay = options.delay;
        }
        if log.all.len() == MAX_SEEN {
            log.all.pop_front();
        }
        log.all.push_back(request);
        self.arrived.notify_all();
        (response, n)
    }

    /// Sends a response. Returns whether the connection may be used again.
    fn respond(
        &self,
        connection: &mut Connection,
        response: &Response,
        n: usize,
        running: Running,
    ) -> io::Result<bool> {
        if !connection.wait(response.delay) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if response.hang {
            connection.wait_for_end();
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let encoded = response.to_bytes(n, self.now());
        let dripped = if response.drip.is_zero() { 0 } else { encoded.bytes.len().saturating_sub(1) };
        for byte in &encoded.bytes[..dripped] {
            if !connection.wait(response.drip) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            connection.write(&[*byte])?;
        }
        if !connection.wait(response.drip) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        // Before the last byte, so that a client with a complete response never sees its own request as running.
        drop(running);
        connection.write(&encoded.bytes[dripped..])?;
        if let Some((block, times)) = response.flood() {
            for _ in 0..times {
                connection.write(&block)?;
            }
        }
        if response.close.is_some() {
            // An error, so that TLS ends without close_notify.
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(encoded.reusable)
    }

    /// Carries out a request to an endpoint under `/-/`.
    fn control(&self, request: &Request) -> Response {
        let json = |json: String| Response { body: Some(json), ..Response::default() };
        match (&*request.method, &*request.path) {
            ("GET", "/-/seen") => json(serde_json::to_string(&self.seen()).unwrap_or_default()),
            ("POST", "/-/script") => match Script::parse(&request.body) {
                Ok(script) => {
                    self.set_script(script);
                    json("{}".into())
                }
                Err(error) => Response { status: Some(400), ..json(format!("{{\"error\":{}}}", quoted(&error))) },
            },
            ("POST", "/-/reset") => {
                self.reset();
                json("{}".into())
            }
            _ => Response::status(404),
        }
    }
}
