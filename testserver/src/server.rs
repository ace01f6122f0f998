//! The server: listens, remembers what came, and carries an [`Answer`] out.

use crate::{
    answer::{Answer, Close, Script, quoted},
    connection::Connection,
    dialect::Dialect,
    http::{self, Request, Unread},
    listener::{Listener, loopback},
    proxy::{Proxy, ProxyOptions},
    tls::Tls,
};
use serde::Serialize;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant, SystemTime},
};

/// How a server is started. The default is plain HTTP on a free port of 127.0.0.1, granting a token to everyone.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub dialect: Dialect,
    /// What the dialects `Podero` and `Gardin` want; `Plain` does not look.
    pub client_id: String,
    pub client_secret: String,
    pub script: Script,
    /// `expires_in` where the script has none; `None`: as the dialect has it.
    pub expires_in: Option<u64>,
    /// How long each answer takes that has no `delay` of its own.
    pub delay: Duration,
    pub tls: Option<Tls>,
    /// Says this to whoever says anything, as soon as it is said, and ends. No request is read and none is counted.
    pub blunt: Option<Vec<u8>>,
    /// A proxy beside the server.
    pub proxy: Option<ProxyOptions>,
    /// 0: any free one.
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
            script: Script::default(),
            expires_in: None,
            delay: Duration::ZERO,
            tls: None,
            blunt: None,
            proxy: None,
            port: 0,
            ipv6: false,
        }
    }
}

/// A running server; dropping it ends it and every connection to it.
pub struct Server {
    state: Arc<State>,
    listener: Listener,
}

/// What came in so far, as `GET /-/seen` has it. Requests under `/-/` are not counted.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Token requests, refused ones included.
    pub requests: usize,
    /// Connections, those included on which no request came.
    pub connections: usize,
    /// Token requests that are being answered now.
    pub running: usize,
    pub last: Option<Request>,
    /// The last hundred, oldest first.
    pub all: Vec<Request>,
    /// What the proxy beside the server has seen.
    pub proxy: Option<SeenByProxy>,
}

/// See [`Seen::proxy`].
#[derive(Clone, Debug, Serialize)]
pub struct SeenByProxy {
    pub connections: usize,
    /// Host and port that each request was for, in order; the first hundred.
    pub asked: Vec<String>,
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
    /// Answers taken from this script.
    taken: usize,
    /// Requests since the server started, so that no token is granted twice.
    serial: usize,
    requests: usize,
    connections: usize,
    running: usize,
    all: VecDeque<Request>,
}

const MAX_SEEN: usize = 100;
const MAX_SILENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Starts a server. Panics where [`Server::bind`] fails.
    pub fn start(options: ServerOptions) -> Self {
        Self::bind(options).expect("a server on loopback")
    }

    /// Starts a server. Fails when the port is taken or the certificate and key do not fit.
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

    /// The token endpoint: `http://127.0.0.1:PORT/oauth2/token/`.
    pub fn url(&self) -> String {
        self.origin() + self.state.options.dialect.path()
    }

    /// `http://127.0.0.1:PORT`; the endpoints under `/-/` are here.
    pub fn origin(&self) -> String {
        let scheme = if self.state.options.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.listener.address())
    }

    pub fn port(&self) -> u16 {
        self.listener.address().port()
    }

    /// The proxy beside the server, if it was asked for.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.state.proxy.as_ref()
    }

    /// How many token requests came.
    pub fn requests(&self) -> usize {
        self.state.log().requests
    }

    /// How many connections came.
    pub fn connections(&self) -> usize {
        self.state.log().connections
    }

    pub fn seen(&self) -> Seen {
        self.state.seen()
    }

    /// Replaces the script; the next request gets its first answer.
    pub fn set_script(&self, script: impl Into<Script>) {
        self.state.set_script(script.into());
    }

    /// Forgets what came, and begins the script again.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Waits until `n` token requests have come; false when they have not within this time.
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
        let proxy = proxy.map(|proxy| SeenByProxy { connections: proxy.connections(), asked: proxy.asked() });
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

    /// One request after the other. The connection was counted when it came, which is undone when it turns out to be for
    /// the endpoints under `/-/`.
    fn serve(&self, mut connection: Connection) -> io::Result<()> {
        if let Some(bytes) = &self.options.blunt {
            connection.fill(Instant::now() + MAX_SILENCE)?;
            connection.write(bytes)?;
            connection.drain();
            return Ok(());
        }
        let mut counted = true;
        loop {
            let mut request = match http::read(&mut connection) {
                Ok(request) => request,
                Err(Unread::Gone) => return Ok(()),
                Err(Unread::Refused(status)) => {
                    connection.write(&Answer::status(status).wire(1, SystemTime::now()).bytes)?;
                    connection.drain();
                    return Ok(());
                }
            };
            request.at = self.started.elapsed().as_secs_f64();
            // What only proxies should be asked for, every server takes (RFC 9112 §3.2.2).
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
                let wire = self.control(&request).wire(1, SystemTime::now());
                connection.write(&wire.bytes)?;
                true
            } else {
                let (answer, n) = self.arrive(request);
                let running = Running(self);
                if answer.close == Some(Close::Reset) {
                    if connection.wait(answer.delay) {
                        drop(running);
                        connection.reset();
                    }
                    return Ok(());
                }
                let reusable = self.answer(&mut connection, &answer, n, running);
                if answer.close == Some(Close::ResetMidBody) {
                    connection.reset();
                    return Ok(());
                }
                reusable?
            };
            if last || !reusable {
                connection.end();
                return Ok(());
            }
        }
    }

    /// Writes a token request down and decides its answer, as the `n`th since the start.
    fn arrive(&self, request: Request) -> (Answer, usize) {
        let options = &self.options;
        let refusal = options.dialect.refusal(&request, (&options.client_id, &options.client_secret));
        let mut log = self.log();
        log.requests += 1;
        log.running += 1;
        log.serial += 1;
        let n = log.serial;
        let mut answer = refusal.unwrap_or_else(|| {
            log.taken += 1;
            let mut answer = log.script.answer(log.taken);
            if let Some(expires_in) = options.expires_in {
                answer.expires_in.usually(|| expires_in.to_string());
            }
            options.dialect.complete(&mut answer, &request, n, SystemTime::now());
            answer
        });
        if answer.delay.is_zero() {
            answer.delay = options.delay;
        }
        if log.all.len() == MAX_SEEN {
            log.all.pop_front();
        }
        log.all.push_back(request);
        self.arrived.notify_all();
        (answer, n)
    }

    /// Whether the connection may be used again.
    fn answer(&self, connection: &mut Connection, answer: &Answer, n: usize, running: Running) -> io::Result<bool> {
        if !connection.wait(answer.delay) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if answer.hang {
            connection.wait_for_end();
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let wire = answer.wire(n, SystemTime::now());
        let at_once = if answer.drip.is_zero() { 0 } else { wire.bytes.len().saturating_sub(1) };
        for byte in &wire.bytes[..at_once] {
            if !connection.wait(answer.drip) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            connection.write(&[*byte])?;
        }
        if !connection.wait(answer.drip) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        // Before the last byte, so that a client that has it all never sees its own request running.
        drop(running);
        connection.write(&wire.bytes[at_once..])?;
        if let Some((block, times)) = answer.flood() {
            for _ in 0..times {
                connection.write(&block)?;
            }
        }
        if answer.close.is_some() {
            // An error, so that TLS is cut off too instead of ended well.
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(wire.reusable)
    }

    fn control(&self, request: &Request) -> Answer {
        let json = |json: String| Answer { body: Some(json), ..Answer::default() };
        match (&*request.method, &*request.path) {
            ("GET", "/-/seen") => json(serde_json::to_string(&self.seen()).unwrap_or_default()),
            ("POST", "/-/script") => match Script::parse(&request.body) {
                Ok(script) => {
                    self.set_script(script);
                    json("{}".into())
                }
                Err(error) => Answer { status: Some(400), ..json(format!("{{\"error\":{}}}", quoted(&error))) },
            },
            ("POST", "/-/reset") => {
                self.reset();
                json("{}".into())
            }
            _ => Answer::status(404),
        }
    }
}
