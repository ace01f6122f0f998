//! Sends one request and returns its response. Only this room touches the network:
//!
//!   resolver.rs    a host name to its addresses, before a deadline
//!   connect.rs     TCP to the first address that accepts (RFC 8305), before a deadline
//!   tunnel.rs      CONNECT through an HTTP proxy, to a server that speaks TLS
//!   socks.rs       CONNECT through a SOCKS5 proxy
//!   tls.rs         certificates, the handshake, and what a failed one means
//!   x509.rs        the parts of a certificate
//!   http.rs        HTTP/1.1, every size bounded
//!   encoding.rs    gzip and deflate, which some servers send unasked
//!   diagnosis.rs   the error for a request that failed, and whether another attempt may help
//!
//! Each request has a connection of its own, which is closed after it: servers drop idle connections after seconds, and
//! tokens are fetched minutes or hours apart. So there is no pool, and nothing that a fork could share or freeze.
//!
//! It must not follow a redirect, build a request or judge a response.

mod connect;
mod diagnosis;
mod encoding;
mod http;
mod resolver;
mod socks;
mod tls;
mod tunnel;
mod x509;

use crate::{
    config::{Proxy, ProxyScheme, Roots, Settings},
    error::{Error, ErrorKind},
    oauth::request::TokenRequest,
    oauth::response::RawResponse,
    system::{BeforeFork, WatchedFile},
};
use connect::{Connection, DeadlineStream};
use diagnosis::{Diagnosis, Phase, bracketed, format_authority};
use http::{Client, Fault, ForwardProxy};
use resolver::Resolver;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tls::{Setup, Tls, TlsStream};
use tunnel::{ProxyRoute, Way, offered_schemes};

/// The limits of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For everything, from the lookup to the last byte of the response.
    pub(crate) total: Duration,
    /// For the lookup and the connection, TLS included. A value above `total` has no effect.
    pub(crate) connect: Duration,
    /// Whether threads may be started. If not, the calling thread looks names up.
    pub(crate) threads: bool,
}

/// Sends one request and returns the response, whatever its status. The error says whether it is retryable, and whether
/// it is worth another attempt of the same fetch.
pub(crate) trait Transport: Send + Sync {
    /// Calls `about_to_send` when the connection is up, before the first byte of the request: a token's life counts from
    /// then on.
    fn send(&self, request: &TokenRequest, limits: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error>;

    /// Returns the files that the last request read, such as certificates, in the state in which it read them.
    fn watched_files(&self) -> Vec<WatchedFile> {
        Vec::new()
    }
}

/// HTTP/1.1 to one token endpoint, through TLS and a proxy where the settings say so.
pub(crate) struct HttpTransport {
    host: String,
    port: u16,
    /// The host, and the port unless it is the default of the scheme.
    authority: String,
    must_be_loopback: bool,
    /// The values of the options, for messages. The limits of one request are shorter.
    timeout: Duration,
    connect_timeout: Duration,
    unread_ca_variables: Vec<&'static str>,
    /// For the peer of the connection: the proxy, or else the server.
    resolver: Resolver,
    proxy: Option<ProxyRoute>,
    /// For TLS to the server or to the proxy.
    tls: Option<Tls>,
    /// The name in the server's certificate, if TLS is spoken to it.
    server_name: Option<ServerName<'static>>,
    client: Client,
}

impl BeforeFork for HttpTransport {
    fn settle() {
        http::fill_statics();
    }
}

impl HttpTransport {
    /// Reads and checks the files that the settings name. [`ErrorKind::InvalidConfig`] names the option or variable, the
    /// file and what to do.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let endpoint = &settings.endpoint;
        let target = format_authority(&endpoint.host, endpoint.port);
        let certificate_name = |host: &str, named_by: &str| {
            ServerName::try_from(host.to_owned()).map_err(|_| {
                let why = format!("the host `{host}` in {named_by} cannot stand in a certificate: correct it");
                Error::new(ErrorKind::InvalidConfig, why)
            })
        };
        let server_name = endpoint.https.then(|| certificate_name(&endpoint.host, "token_url")).transpose()?;
        let proxy_uses_tls = settings.proxy.as_ref().is_some_and(|proxy| proxy.scheme == ProxyScheme::Https);
        let tls = if endpoint.https || proxy_uses_tls {
            Some(Tls::new(&settings.roots, settings.identity.as_ref())?)
        } else {
            // Files that an option names are checked even though http does not use them.
            let given = matches!(&settings.roots, Roots::File { named_by: "ca_file", .. });
            let roots = if given { &settings.roots } else { &Roots::Bundled };
            Tls::new(roots, settings.identity.as_ref())?;
            None
        };
        let default_port = if endpoint.https { 443 } else { 80 };
        let authority = if endpoint.port == default_port { bracketed(&endpoint.host) } else { target.clone() };
        let way = |proxy: &Proxy| match (proxy.scheme, endpoint.https) {
            (ProxyScheme::Http | ProxyScheme::Https, false) => Way::Forward,
            (ProxyScheme::Http | ProxyScheme::Https, true) => {
                let connect = |authorization| tunnel::connect_request(&target, &settings.user_agent, authorization);
                Way::Connect { with_credentials: connect(proxy.authorization().as_ref()), without: connect(None) }
            }
            (scheme @ (ProxyScheme::Socks5 | ProxyScheme::Socks5h), _) => Way::Socks {
                credentials: proxy.credentials.clone(),
                resolver: (scheme == ProxyScheme::Socks5).then(|| Resolver::new(&endpoint.host, endpoint.port)),
            },
        };
        let proxy = settings.proxy.as_ref().map(|proxy| {
            Ok(ProxyRoute {
                way: way(proxy),
                tls_name: proxy_uses_tls.then(|| certificate_name(&proxy.host, proxy.named_by)).transpose()?,
                target: target.clone(),
                has_credentials: proxy.credentials.is_some(),
                named_by: proxy.named_by,
                refuses_passwords: AtomicBool::new(false),
            })
        });
        let forward_proxy =
            settings.proxy.as_ref().filter(|proxy| proxy.scheme.is_http() && !endpoint.https).map(|proxy| {
                ForwardProxy { origin: format!("http://{authority}"), authorization: proxy.authorization() }
            });
        Ok(Self {
            host: endpoint.host.clone(),
            port: endpoint.port,
            authority,
            must_be_loopback: endpoint.must_be_loopback,
            timeout: settings.timeout,
            connect_timeout: settings.connect_timeout,
            unread_ca_variables: settings.unread_ca_variables.clone(),
            resolver: match &settings.proxy {
                Some(proxy) => Resolver::new(&proxy.host, proxy.port),
                None => Resolver::new(&endpoint.host, endpoint.port),
            },
            proxy: proxy.transpose()?,
            tls,
            server_name,
            client: Client::new(forward_proxy),
        })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: &TokenRequest, limits: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error> {
        let started = Instant::now();
        // First, so that an unusable certificate file costs no connection.
        let setup = self.tls.as_ref().map(Tls::current).transpose()?;
        let mut peer = None;
        let stream = self.connect(started + limits.connect.min(limits.total), setup.as_ref(), limits, &mut peer);
        let response = stream.and_then(|mut stream| {
            stream.set_deadline(started + limits.total);
            about_to_send();
            self.exchange(stream, request, limits)
        });
        if let Some(peer) = peer {
            self.resolver.remember(peer, response.is_ok());
        }
        response
    }

    fn watched_files(&self) -> Vec<WatchedFile> {
        self.tls.iter().flat_map(Tls::watched_files).collect()
    }
}

impl HttpTransport {
    /// Connects to the server, through the proxy if there is one, TLS included. `peer` receives the address that accepted.
    fn connect(
        &self,
        deadline: Instant,
        setup: Option<&Setup>,
        limits: Limits,
        peer: &mut Option<SocketAddr>,
    ) -> Result<Box<dyn Connection>, Error> {
        let stream = self.connect_without_tls(deadline, setup, limits, peer)?;
        match (setup, &self.server_name) {
            (Some(setup), Some(name)) => self.handshake(stream, &setup.server, name, Phase::Handshake, limits),
            _ => Ok(stream),
        }
    }

    fn connect_without_tls(
        &self,
        deadline: Instant,
        setup: Option<&Setup>,
        limits: Limits,
        peer: &mut Option<SocketAddr>,
    ) -> Result<Box<dyn Connection>, Error> {
        let mut dial = || {
            let stream = self.dial(deadline, limits)?;
            *peer = Some(stream.peer);
            let stream: Box<dyn Connection> = Box::new(stream);
            match (setup, self.proxy.as_ref().and_then(|route| route.tls_name.as_ref())) {
                (Some(setup), Some(name)) => self.handshake(stream, &setup.proxy, name, Phase::ProxyHandshake, limits),
                _ => Ok(stream),
            }
        };
        let Some(route) = &self.proxy else { return dial() };
        match &route.way {
            Way::Forward => dial(),
            Way::Connect { with_credentials, without } => {
                let mut stream = dial()?;
                let sends_credentials = !route.refuses_passwords.load(Ordering::Relaxed);
                let request = if sends_credentials { with_credentials } else { without };
                let reply = tunnel::open(&mut stream, request);
                let reply = reply.map_err(|fault| self.diagnosis(limits).failure(Phase::Tunnel, fault))?;
                self.check_proxy_status(route, reply.status, &reply.offered, sends_credentials, limits)?;
                Ok(stream)
            }
            Way::Socks { credentials, resolver } => {
                let mut targets = self.socks_targets(resolver.as_ref(), deadline, limits)?.into_iter();
                let mut target = targets.next();
                while let Some(current) = target {
                    let mut stream = dial()?;
                    target = targets.next();
                    match socks::open(&mut stream, &current, credentials.as_ref()) {
                        Ok(()) => return Ok(stream),
                        // The server's next address may do, or be of a kind that the proxy knows.
                        Err(socks::Refusal::Reply(1 | 3..=6 | 8)) if target.is_some() => {}
                        Err(refusal) => return Err(self.diagnosis(limits).failed_socks(refusal)),
                    }
                }
                Err(self.diagnosis(limits).failed_lookup_of_server(&io::Error::other("it has no address")))
            }
        }
    }

    /// Returns the server as a SOCKS proxy is told of it: by name, or by each of its addresses.
    fn socks_targets(
        &self,
        resolver: Option<&Resolver>,
        deadline: Instant,
        limits: Limits,
    ) -> Result<Vec<socks::Target>, Error> {
        let addresses = match (resolver, self.host.parse()) {
            (_, Ok(address)) => vec![SocketAddr::new(address, self.port)],
            (None, Err(_)) => return Ok(vec![socks::Target::Name(self.host.clone(), self.port)]),
            (Some(resolver), Err(_)) => resolver
                .addresses(deadline, limits.threads)
                .map_err(|error| self.diagnosis(limits).failed_lookup_of_server(&error))?,
        };
        Ok(addresses.into_iter().map(socks::Target::Address).collect())
    }

    /// Connects to the proxy, or else to the server.
    fn dial(&self, deadline: Instant, limits: Limits) -> Result<DeadlineStream, Error> {
        let found = self.resolver.addresses(deadline, limits.threads);
        let addresses = found.map_err(|error| self.diagnosis(limits).failed_lookup(&error))?;
        // A proxy need not be on this machine. It resolves `localhost` itself.
        let elsewhere = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let Some(other) = elsewhere.filter(|_| self.must_be_loopback && self.proxy.is_none()) {
            let why = format!(
                "http is only for this machine itself, and `{}` is {} here: use https, or set allow_insecure_http=true",
                self.host,
                other.ip()
            );
            return Err(Error::new(ErrorKind::InvalidConfig, why));
        }
        connect::dial(&addresses, deadline)
            .map_err(|error| self.diagnosis(limits).failure(Phase::Connect, Fault::Io(error)))
    }

    fn handshake(
        &self,
        stream: Box<dyn Connection>,
        config: &Arc<ClientConfig>,
        name: &ServerName<'static>,
        phase: Phase,
        limits: Limits,
    ) -> Result<Box<dyn Connection>, Error> {
        match TlsStream::handshake(stream, Arc::clone(config), name.clone()) {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.diagnosis(limits).failure(phase, Fault::Io(error))),
        }
    }

    fn exchange(
        &self,
        stream: Box<dyn Connection>,
        request: &TokenRequest,
        limits: Limits,
    ) -> Result<RawResponse, Error> {
        let forwarding = self.proxy.as_ref().filter(|route| matches!(route.way, Way::Forward));
        let sends_credentials = forwarding.is_some_and(|route| !route.refuses_passwords.load(Ordering::Relaxed));
        let response = self.client.exchange(stream, request, sends_credentials);
        let response = response.map_err(|fault| self.diagnosis(limits).failure(Phase::Response, fault))?;
        // Through a tunnel, a 407 would be the server's own. A forward proxy passes on all other statuses of the server, so
        // only 407 is certainly the proxy's.
        if let Some(route) = forwarding.filter(|_| response.status == 407) {
            let values = response.headers.iter().filter(|(name, _)| name == "proxy-authenticate");
            let offered = offered_schemes(values.map(|(_, value)| value.as_str()));
            self.check_proxy_status(route, response.status, &offered, sends_credentials, limits)?;
        }
        Ok(response)
    }

    /// Returns the error for a status of the proxy's own that is no success. A proxy that offers only other schemes than Basic
    /// gets no password again, until it offers Basic.
    fn check_proxy_status(
        &self,
        route: &ProxyRoute,
        status: u16,
        offered: &[String],
        sent_credentials: bool,
        limits: Limits,
    ) -> Result<(), Error> {
        if matches!(status, 401 | 407) {
            let refuses = !offered.is_empty() && !offered.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"));
            route.refuses_passwords.store(refuses, Ordering::Relaxed);
        }
        self.diagnosis(limits).refusal_by_proxy(status, offered, sent_credentials).map_or(Ok(()), Err)
    }

    fn diagnosis(&self, limits: Limits) -> Diagnosis<'_> {
        Diagnosis {
            authority: &self.authority,
            server_host: &self.host,
            peer_host: &self.resolver.host,
            peer_port: self.resolver.port,
            proxy: self.proxy.as_ref(),
            unread_ca_variables: &self.unread_ca_variables,
            timeout: self.timeout,
            connect_timeout: (limits.connect < limits.total).then_some(self.connect_timeout),
        }
    }
}

#[cfg(test)]
mod tests;
