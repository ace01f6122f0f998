//! Sends. With its parts the only file that touches the network:
//!
//!   resolver.rs   a host's name to its addresses, within the time there is
//!   connect.rs    TCP within the time there is
//!   tunnel.rs     through a proxy to a server that speaks TLS
//!   tls.rs        certificates, and what a failed handshake means
//!   http.rs       HTTP/1.1, every size bounded
//!
//! One connection per request, closed after it: servers drop idle ones after seconds, tokens are fetched minutes or
//! hours apart. So there is no pool, and nothing that a fork could share or freeze. No redirect is followed. What is
//! sent and what an answer means is said elsewhere.

mod connect;
mod http;
mod resolver;
mod tls;
mod tunnel;

use crate::{
    config::{Proxy, Roots, Settings},
    duration::in_seconds,
    error::{Error, ErrorKind},
    oauth::request::TokenRequest,
    oauth::response::RawResponse,
    system::{self, BeforeFork, TOO_MANY_FILES},
};
use connect::DeadlineStream;
use http::{Client, Fault, ForwardProxy};
use resolver::Resolver;
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use std::{
    io::{self, Read, Write},
    sync::Arc,
    time::{Duration, Instant},
};
use tls::Tls;
use zeroize::Zeroizing;

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For everything, lookup and reading included.
    pub(crate) total: Duration,
    /// For the lookup and the connection, TLS included; never more than `total` in effect.
    pub(crate) connect: Duration,
    /// Whether threads may be started. Without: names are looked up on the calling thread.
    pub(crate) threads: bool,
}

/// Sends one request and brings the answer, whatever its status. An error says by `worth_another_attempt` and
/// `transient` what the fetch may do with it.
pub(crate) trait Transport: Send + Sync {
    fn send(&self, request: &TokenRequest, limits: Limits) -> Result<RawResponse, Error>;
}

/// HTTP/1.1 to one token endpoint, through TLS and a proxy where the settings say so.
pub(crate) struct HttpTransport {
    host: String,
    /// Host, and port unless it is the scheme's own.
    authority: String,
    must_be_loopback: bool,
    /// The options of these names, for a message: what is left of them for one request is less.
    timeout: Duration,
    connect_timeout: Duration,
    /// Of whom the connection is made to: the proxy, or else the server.
    names: Resolver,
    proxy: Option<ProxyRoute>,
    tls: Option<(Tls, ServerName<'static>)>,
    client: Client,
}

/// How to get through a proxy.
struct ProxyRoute {
    /// The request for a tunnel; `None` where the proxy passes on what it is told. For http it is that, since a stock Squid
    /// makes tunnels to port 443 alone.
    connect: Option<Zeroizing<Vec<u8>>>,
    /// Host and port of the server.
    target: String,
    has_credentials: bool,
    named_by: &'static str,
}

impl BeforeFork for HttpTransport {
    fn settle() {
        http::fill_statics();
    }
}

impl HttpTransport {
    /// Reads and checks what the settings name. [`ErrorKind::InvalidConfig`] names the option or variable, the file
    /// and what to do.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let endpoint = &settings.endpoint;
        let target = host_and_port(&endpoint.host, endpoint.port);
        let tls = if endpoint.https {
            let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| {
                let why =
                    format!("the host `{}` in token_url cannot stand in a certificate: correct it", endpoint.host);
                Error::new(ErrorKind::InvalidConfig, why)
            })?;
            Some((Tls::new(&settings.roots, settings.identity.as_ref())?, name))
        } else {
            // Files that an option names are checked even where http makes no use of them.
            let given = matches!(&settings.roots, Roots::File { named_by: "ca_file", .. });
            let roots = if given { &settings.roots } else { &Roots::Bundled };
            Tls::new(roots, settings.identity.as_ref())?;
            None
        };
        let own_port = if endpoint.https { 443 } else { 80 };
        let authority = if endpoint.port == own_port { bracketed(&endpoint.host) } else { target.clone() };
        let connect = |proxy: &Proxy| tunnel::request(&target, &settings.user_agent, proxy.authorization().as_ref());
        let proxy = settings.proxy.as_ref().map(|proxy| ProxyRoute {
            connect: endpoint.https.then(|| connect(proxy)),
            target: target.clone(),
            has_credentials: proxy.credentials.is_some(),
            named_by: proxy.named_by,
        });
        let relay = settings
            .proxy
            .as_ref()
            .filter(|_| !endpoint.https)
            .map(|proxy| ForwardProxy { origin: format!("http://{authority}"), authorization: proxy.authorization() });
        Ok(Self {
            host: endpoint.host.clone(),
            authority,
            must_be_loopback: endpoint.must_be_loopback,
            timeout: settings.timeout,
            connect_timeout: settings.connect_timeout,
            names: match &settings.proxy {
                Some(proxy) => Resolver::new(&proxy.host, proxy.port),
                None => Resolver::new(&endpoint.host, endpoint.port),
            },
            proxy,
            tls,
            client: Client::new(relay),
        })
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn host_and_port(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

impl Transport for HttpTransport {
    fn send(&self, request: &TokenRequest, limits: Limits) -> Result<RawResponse, Error> {
        let started = Instant::now();
        // First of all: with a bad certificate file, nobody need be called.
        let tls = self.tls.as_ref().map(|(tls, name)| Ok((tls.current()?, name.clone()))).transpose()?;
        let mut wire = self.connect(started + limits.connect.min(limits.total), limits)?;
        let Some((config, name)) = tls else {
            wire.deadline = started + limits.total;
            return self.exchange(wire, request, limits);
        };
        let mut session = self.shake_hands(wire, config, name, limits)?;
        session.0.sock.deadline = started + limits.total;
        self.exchange(session, request, limits)
    }
}

/// TLS that says good-bye when it is dropped.
struct Session(StreamOwned<ClientConnection, DeadlineStream>);

impl Read for Session {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.conn.send_close_notify();
        // The answer is there or not; the server's ear for a farewell changes nothing.
        let _ = self.0.conn.write_tls(&mut self.0.sock);
    }
}

impl HttpTransport {
    fn connect(&self, by: Instant, limits: Limits) -> Result<DeadlineStream, Error> {
        let looked_up = self.names.addresses(by, limits.threads);
        let addresses = looked_up.map_err(|error| self.failed_lookup(&error, limits))?;
        // A proxy has addresses of its own, and is asked for `localhost` by name.
        let elsewhere = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let Some(other) = elsewhere.filter(|_| self.must_be_loopback && self.proxy.is_none()) {
            let why = format!(
                "http is only for this machine itself, and `{}` is {} here: use https, or set allow_insecure_http=true",
                self.host,
                other.ip()
            );
            return Err(Error::new(ErrorKind::InvalidConfig, why));
        }
        let mut wire =
            connect::dial(&addresses, by).map_err(|error| self.failed(Fault::Io(error), Phase::Connect, limits))?;
        if let Some(through) = &self.proxy
            && let Some(request) = &through.connect
        {
            let status = tunnel::open(&mut wire, request);
            let status = status.map_err(|fault| self.failed(fault, Phase::Tunnel, limits))?;
            self.check_proxy(through, status)?;
        }
        Ok(wire)
    }

    fn shake_hands(
        &self,
        mut wire: DeadlineStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        limits: Limits,
    ) -> Result<Session, Error> {
        let failed = |error| self.failed(Fault::Io(error), Phase::Handshake, limits);
        let mut session = ClientConnection::new(config, name).map_err(|error| failed(io::Error::other(error)))?;
        while session.is_handshaking() {
            if session.complete_io(&mut wire).map_err(failed)? == (0, 0) {
                return Err(failed(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(Session(StreamOwned::new(session, wire)))
    }

    fn exchange(
        &self,
        stream: impl http::Stream,
        request: &TokenRequest,
        limits: Limits,
    ) -> Result<RawResponse, Error> {
        let answer = self.client.exchange(stream, request);
        let answer = answer.map_err(|fault| self.failed(fault, Phase::Answer, limits))?;
        // Through a tunnel, it would be the server's own. Of other statuses nobody can tell whose they are.
        if let Some(through) = self.proxy.as_ref().filter(|through| through.connect.is_none() && answer.status == 407) {
            self.check_proxy(through, answer.status)?;
        }
        Ok(answer)
    }
}

/// How far a request came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connect,
    Tunnel,
    Handshake,
    Answer,
}

impl HttpTransport {
    /// The server that was configured, for a message.
    fn server(&self) -> String {
        let through = self.proxy.as_ref().map(|_| format!(", asked through {},", self.peer()));
        format!("the token server {}{}", self.authority, through.unwrap_or_default())
    }

    /// Whom the connection was made to, for a message.
    fn peer(&self) -> String {
        let address = host_and_port(&self.names.host, self.names.port);
        match &self.proxy {
            Some(through) => format!("the proxy {address} (named by {})", through.named_by),
            None => format!("the token server {address}"),
        }
    }

    fn failed_lookup(&self, error: &io::Error, limits: Limits) -> Error {
        let host = &self.names.host;
        let source = self.proxy.as_ref().map_or("token_url", |through| through.named_by);
        let error = if error.kind() == io::ErrorKind::TimedOut {
            let why = format!(
                "looking up the host `{host}` took too long ({}): this machine's DNS does not answer",
                self.budget(limits)
            );
            Error::new(self.status_of_time_out(), why)
        } else {
            let why =
                format!("cannot look up the host `{host}` ({error}): check it in {source}, and this machine's DNS");
            Error::new(ErrorKind::Network, why)
        };
        error.retryable().worth_another_attempt()
    }

    /// A proxy that fails is the network that fails, however it does so.
    fn status_of_time_out(&self) -> ErrorKind {
        if self.proxy.is_some() { ErrorKind::Network } else { ErrorKind::Timeout }
    }

    fn failed(&self, fault: Fault, phase: Phase, limits: Limits) -> Error {
        let (server, peer) = (self.server(), self.peer());
        if let Some(error) = fault.tls() {
            return Error::new(ErrorKind::Tls, format!("TLS with {server} failed: {}", tls::explain(error)));
        }
        let timed_out = fault.is_time_out();
        let again = |status, why: String| Error::new(status, why).retryable().worth_another_attempt();
        match (phase, fault) {
            (_, Fault::Refused) => {
                let why = format!("the request to {server} could not be made: a bug in this library, please report it");
                Error::new(ErrorKind::Internal, why)
            }
            (Phase::Connect, fault) if timed_out => {
                let why = format!(
                    "connecting to {peer} took too long ({}; {fault}): it is down, or a firewall drops what is sent",
                    self.budget(limits)
                );
                again(self.status_of_time_out(), why)
            }
            (Phase::Connect, Fault::Io(error)) if system::is_out_of_files(&error) => {
                let why = format!("no connection to {peer} can be opened ({error}): {TOO_MANY_FILES}");
                again(ErrorKind::Network, why)
            }
            (Phase::Connect, fault) => {
                let why = format!(
                    "cannot connect to {peer} ({fault}): it is down, its address is wrong or a firewall refuses"
                );
                again(ErrorKind::Network, why)
            }
            (Phase::Tunnel, Fault::Unusable(what)) => {
                let why = format!("{peer} is no use: its answer to CONNECT {what}; check that it is an http proxy");
                Error::new(ErrorKind::Network, why)
            }
            (Phase::Tunnel, fault) => {
                let why = format!(
                    "{peer} gave no answer to CONNECT ({fault}): check that it is an http proxy, and that it works"
                );
                again(ErrorKind::Network, why)
            }
            (Phase::Handshake, _) if timed_out => {
                let why = format!(
                    "the TLS handshake with {server} took too long ({}): it is overloaded or does not speak TLS",
                    self.budget(limits)
                );
                again(ErrorKind::Timeout, why)
            }
            (Phase::Handshake, fault) => {
                let why = format!(
                    "the TLS handshake with {server} broke off ({fault}): it is restarting, does not speak TLS there, \
                     or something between refuses"
                );
                again(ErrorKind::Network, why)
            }
            (Phase::Answer, Fault::Unusable(what)) => {
                let why = format!("{server} does not speak HTTP as it should: its answer {what}");
                Error::new(ErrorKind::BadResponse, why)
            }
            // The server has the request and may be at work on it: a second one would only add to its load.
            (Phase::Answer, _) if timed_out => {
                let why = format!(
                    "{server} did not answer completely in time (timeout is {} s): it is slow or stuck",
                    in_seconds(self.timeout)
                );
                Error::new(ErrorKind::Timeout, why).retryable()
            }
            (Phase::Answer, fault) => {
                let why = format!(
                    "the connection to {server} broke ({fault}): it is overloaded or restarting, or something between \
                     broke it"
                );
                again(ErrorKind::Network, why)
            }
        }
    }

    /// The option that limits a connection, and its value.
    fn budget(&self, limits: Limits) -> String {
        if limits.connect < limits.total {
            format!("connect_timeout is {} s", in_seconds(self.connect_timeout))
        } else {
            format!("timeout is {} s", in_seconds(self.timeout))
        }
    }

    fn check_proxy(
        &self,
        ProxyRoute { target, has_credentials, named_by, .. }: &ProxyRoute,
        status: u16,
    ) -> Result<(), Error> {
        let peer = self.peer();
        let failed = |why: String| Error::new(ErrorKind::Network, why);
        let later = |why: String| failed(why).retryable().worth_another_attempt();
        Err(match status {
            200..300 => return Ok(()),
            401 | 407 if *has_credentials => failed(format!(
                "{peer} refused our credentials ({status}): put a user and password that it accepts into its URL"
            )),
            401 | 407 => failed(format!(
                "{peer} wants a user and password ({status}): put them into {named_by}, as in \
                 http://user:password@host:port, percent-encoded"
            )),
            429 => later(format!("{peer} is asked too often (429): ask it for less, or use another proxy")),
            408 | 425 | 500.. => {
                later(format!("{peer} could not reach {target} ({status}): it is overloaded, or the server is down"))
            }
            _ => failed(format!(
                "{peer} refuses to connect to {target} ({status}): allow it there, or use another proxy"
            )),
        })
    }
}

#[cfg(test)]
mod tests;
