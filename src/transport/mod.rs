//! Sends one request and returns its response. Only this room touches the network:
//!
//!   resolver.rs    a host name to its addresses, before a deadline
//!   connect.rs     TCP to the first address that accepts (RFC 8305), before a deadline
//!   tunnel.rs      CONNECT through an HTTP proxy, to a server that speaks TLS
//!   socks.rs       CONNECT through a SOCKS5 proxy
//!   tls.rs         certificates, the handshake, and what a failed one means
//!   http.rs        HTTP/1.1, every size bounded
//!   encoding.rs    gzip and deflate, which some servers send unasked
//!   diagnosis.rs   the error for a request that failed, and whether another attempt may help
//!
//! Each request has a connection of its own, which is closed after it: servers drop idle connections after seconds, and
//! tokens are fetched minutes or hours apart. So there is no pool, and nothing that a fork could share or freeze.
//!
//! A request names its endpoint. What is kept of a server is the route to it, and of two servers at most.
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

use crate::{
    config::{Endpoint, Proxy, ProxyRules, ProxyScheme, Roots, Server, Settings},
    error::{Error, ErrorKind},
    oauth::request::HttpRequest,
    oauth::response::RawResponse,
    system::{BeforeFork, WatchedFile},
};
use arc_swap::ArcSwapOption;
use connect::{Connection, DeadlineStream};
use diagnosis::{Diagnosis, Phase, bracketed, format_authority};
use http::{Client, Fault, ForwardProxy};
use resolver::{Lookup, Resolver, system_lookup};
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
    fn send(&self, request: &HttpRequest, limits: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error>;

    /// Returns the files that the last request read, such as certificates, in the state in which it read them.
    fn watched_files(&self) -> Vec<WatchedFile> {
        Vec::new()
    }
}

/// HTTP/1.1 to the servers of one source, through TLS and a proxy where the settings say so.
pub(crate) struct HttpTransport {
    proxies: ProxyRules,
    user_agent: String,
    /// The values of the options, for messages. The limits of one request are shorter.
    timeout: Duration,
    connect_timeout: Duration,
    unread_ca_variables: Vec<&'static str>,
    /// For TLS to a server or to a proxy.
    tls: Option<Tls>,
    client: Client,
    lookup: Arc<Lookup>,
    /// The route to the server that the settings name.
    configured: Arc<Route>,
    /// The route to the last other server, which the metadata named.
    other: ArcSwapOption<Route>,
}

/// The way to one server, and what earlier requests have shown of it.
struct Route {
    https: bool,
    host: String,
    port: u16,
    /// The host, and the port unless it is the default of the scheme.
    authority: String,
    /// For the peer of the connection: the proxy, or else the server.
    resolver: Resolver,
    proxy: Option<ProxyRoute>,
    /// The proxy that forwards the request itself.
    forward_proxy: Option<ForwardProxy>,
    /// The name in the server's certificate, if TLS is spoken to it.
    server_name: Option<ServerName<'static>>,
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
        let endpoint = settings.server.endpoint();
        let lookup = system_lookup();
        let configured = Route::new(endpoint, &settings.proxies, &settings.user_agent, &lookup)?;
        let proxy_uses_tls = configured.proxy.as_ref().is_some_and(|proxy| proxy.tls_name.is_some());
        // Metadata may name a server that speaks TLS, whatever its own server speaks.
        let is_looked_up = matches!(settings.server, Server::Issuer(_));
        let tls = if endpoint.https || proxy_uses_tls || is_looked_up {
            Some(Tls::new(&settings.roots, settings.identity.as_ref())?)
        } else {
            // Files that an option names are checked even though http does not use them.
            let given = matches!(&settings.roots, Roots::File { named_by: "ca_file", .. });
            let roots = if given { &settings.roots } else { &Roots::Bundled };
            Tls::new(roots, settings.identity.as_ref())?;
            None
        };
        Ok(Self {
            proxies: settings.proxies.clone(),
            user_agent: settings.user_agent.clone(),
            timeout: settings.timeout,
            connect_timeout: settings.connect_timeout,
            unread_ca_variables: settings.unread_ca_variables.clone(),
            tls,
            client: Client::new(),
            lookup,
            configured: Arc::new(configured),
            other: ArcSwapOption::empty(),
        })
    }

    /// Returns the route to the server of this endpoint. It is made if it is not known.
    fn route(&self, endpoint: &Endpoint) -> Result<Arc<Route>, Error> {
        let known = [Some(Arc::clone(&self.configured)), self.other.load_full()];
        if let Some(route) = known.into_iter().flatten().find(|route| route.leads_to(endpoint)) {
            return Ok(route);
        }
        let route = Arc::new(Route::new(endpoint, &self.proxies, &self.user_agent, &self.lookup)?);
        self.other.store(Some(Arc::clone(&route)));
        Ok(route)
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: &HttpRequest, limits: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error> {
        let started = Instant::now();
        // First, so that an unusable certificate file costs no connection.
        let setup = self.tls.as_ref().map(Tls::current).transpose()?;
        let endpoint = &request.endpoint;
        let route = &*self.route(endpoint)?;
        let deadline = started + limits.connect.min(limits.total);
        let journey = Journey { transport: self, endpoint, route, setup: setup.as_ref(), deadline, limits };
        let mut peer = None;
        let response = journey.connect(&mut peer).and_then(|mut stream| {
            stream.set_deadline(started + limits.total);
            about_to_send();
            journey.exchange(stream, request)
        });
        if let Some(peer) = peer {
            route.resolver.remember(peer, response.is_ok());
        }
        response
    }

    fn watched_files(&self) -> Vec<WatchedFile> {
        self.tls.iter().flat_map(Tls::watched_files).collect()
    }
}

impl Route {
    /// [`ErrorKind::InvalidConfig`] if a host cannot stand in a certificate, or if no usable proxy is named.
    fn new(endpoint: &Endpoint, proxies: &ProxyRules, user_agent: &str, lookup: &Arc<Lookup>) -> Result<Self, Error> {
        let invalid = |why: String| Error::new(ErrorKind::InvalidConfig, why);
        let Endpoint { https, ref host, port, named_by, .. } = *endpoint;
        let certificate_name = |host: &str, named_by: &str| {
            ServerName::try_from(host.to_owned()).map_err(|_| {
                invalid(format!("the host `{host}` in {named_by} cannot stand in a certificate: correct it"))
            })
        };
        let target = format_authority(host, port);
        let default_port = if https { 443 } else { 80 };
        let authority = if port == default_port { bracketed(host) } else { target.clone() };
        let proxy = proxies.proxy_for(endpoint).map_err(invalid)?;
        let resolver = |host: &str, port| Resolver::new(host, port, Arc::clone(lookup));
        let way = |proxy: &Proxy| match (proxy.scheme, https) {
            (ProxyScheme::Http | ProxyScheme::Https, false) => Way::Forward,
            (ProxyScheme::Http | ProxyScheme::Https, true) => {
                let connect = |authorization| tunnel::connect_request(&target, user_agent, authorization);
                Way::Connect { with_credentials: connect(proxy.authorization().as_ref()), without: connect(None) }
            }
            (scheme @ (ProxyScheme::Socks5 | ProxyScheme::Socks5h), _) => Way::Socks {
                credentials: proxy.credentials.clone(),
                resolver: (scheme == ProxyScheme::Socks5).then(|| resolver(host, port)),
            },
        };
        let route = |proxy: &Proxy| {
            let uses_tls = proxy.scheme == ProxyScheme::Https;
            Ok::<_, Error>(ProxyRoute {
                way: way(proxy),
                tls_name: uses_tls.then(|| certificate_name(&proxy.host, proxy.named_by)).transpose()?,
                target: target.clone(),
                has_credentials: proxy.credentials.is_some(),
                named_by: proxy.named_by,
                refuses_passwords: AtomicBool::new(false),
            })
        };
        let forward_proxy = |proxy: &Proxy| ForwardProxy {
            origin: format!("http://{authority}"),
            authorization: proxy.authorization(),
        };
        Ok(Self {
            https,
            host: host.clone(),
            port,
            resolver: proxy.map_or_else(|| resolver(host, port), |proxy| resolver(&proxy.host, proxy.port)),
            forward_proxy: proxy.filter(|proxy| proxy.scheme.is_http() && !https).map(forward_proxy),
            proxy: proxy.map(route).transpose()?,
            server_name: https.then(|| certificate_name(host, &named_by.to_string())).transpose()?,
            authority,
        })
    }

    fn leads_to(&self, endpoint: &Endpoint) -> bool {
        (self.https, &self.host, self.port) == (endpoint.https, &endpoint.host, endpoint.port)
    }
}

/// One request on its way to a server.
struct Journey<'a> {
    transport: &'a HttpTransport,
    endpoint: &'a Endpoint,
    route: &'a Route,
    setup: Option<&'a Setup>,
    /// For the connection, TLS included.
    deadline: Instant,
    limits: Limits,
}

impl Journey<'_> {
    /// Connects to the server, through the proxy if there is one, TLS included. `peer` receives the address that accepted.
    fn connect(&self, peer: &mut Option<SocketAddr>) -> Result<Box<dyn Connection>, Error> {
        let stream = self.connect_without_tls(peer)?;
        match &self.route.server_name {
            Some(name) => self.handshake(stream, &self.setup()?.server, name, Phase::Handshake),
            None => Ok(stream),
        }
    }

    fn connect_without_tls(&self, peer: &mut Option<SocketAddr>) -> Result<Box<dyn Connection>, Error> {
        let mut dial = || {
            let stream = self.dial()?;
            *peer = Some(stream.peer);
            let stream: Box<dyn Connection> = Box::new(stream);
            match self.route.proxy.as_ref().and_then(|route| route.tls_name.as_ref()) {
                Some(name) => self.handshake(stream, &self.setup()?.proxy, name, Phase::ProxyHandshake),
                None => Ok(stream),
            }
        };
        let Some(route) = &self.route.proxy else { return dial() };
        match &route.way {
            Way::Forward => dial(),
            Way::Connect { with_credentials, without } => {
                let mut stream = dial()?;
                let sends_credentials = !route.refuses_passwords.load(Ordering::Relaxed);
                let request = if sends_credentials { with_credentials } else { without };
                let reply = tunnel::open(&mut stream, request);
                let reply = reply.map_err(|fault| self.diagnosis().failure(Phase::Tunnel, fault))?;
                self.check_proxy_status(route, reply.status, &reply.offered, sends_credentials)?;
                Ok(stream)
            }
            Way::Socks { credentials, resolver } => {
                let mut targets = self.socks_targets(resolver.as_ref())?.into_iter();
                let mut target = targets.next();
                while let Some(current) = target {
                    let mut stream = dial()?;
                    target = targets.next();
                    match socks::open(&mut stream, &current, credentials.as_ref()) {
                        Ok(()) => return Ok(stream),
                        // The server's next address may do, or be of a kind that the proxy knows.
                        Err(socks::Refusal::Reply(1 | 3..=6 | 8)) if target.is_some() => {}
                        Err(refusal) => return Err(self.diagnosis().failed_socks(refusal)),
                    }
                }
                Err(self.diagnosis().failed_lookup_of_server(&io::Error::other("it has no address")))
            }
        }
    }

    /// Returns how TLS is spoken. It is there if the settings can lead to a server or a proxy that speaks it.
    fn setup(&self) -> Result<&Setup, Error> {
        let bug = "TLS was not set up for this server: a bug in this library, please report it";
        self.setup.ok_or_else(|| Error::new(ErrorKind::Internal, bug))
    }

    /// Returns the server as a SOCKS proxy is told of it: by name, or by each of its addresses.
    fn socks_targets(&self, resolver: Option<&Resolver>) -> Result<Vec<socks::Target>, Error> {
        let Route { host, port, .. } = self.route;
        let addresses = match (resolver, host.parse()) {
            (_, Ok(address)) => vec![SocketAddr::new(address, *port)],
            (None, Err(_)) => return Ok(vec![socks::Target::Name(host.clone(), *port)]),
            (Some(resolver), Err(_)) => resolver
                .addresses(self.deadline, self.limits.threads)
                .map_err(|error| self.diagnosis().failed_lookup_of_server(&error))?,
        };
        Ok(addresses.into_iter().map(socks::Target::Address).collect())
    }

    /// Connects to the proxy, or else to the server.
    fn dial(&self) -> Result<DeadlineStream, Error> {
        let found = self.route.resolver.addresses(self.deadline, self.limits.threads);
        let addresses = found.map_err(|error| self.diagnosis().failed_lookup(&error))?;
        // A proxy need not be on this machine. It resolves `localhost` itself.
        let elsewhere = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let Some(other) = elsewhere.filter(|_| self.endpoint.must_be_loopback && self.route.proxy.is_none()) {
            let why = format!(
                "http is only for this machine itself, and `{}` is {} here: use https, or set allow_insecure_http=true",
                self.route.host,
                other.ip()
            );
            return Err(Error::new(ErrorKind::InvalidConfig, why));
        }
        connect::dial(&addresses, self.deadline)
            .map_err(|error| self.diagnosis().failure(Phase::Connect, Fault::Io(error)))
    }

    fn handshake(
        &self,
        stream: Box<dyn Connection>,
        config: &Arc<ClientConfig>,
        name: &ServerName<'static>,
        phase: Phase,
    ) -> Result<Box<dyn Connection>, Error> {
        match TlsStream::handshake(stream, Arc::clone(config), name.clone()) {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.diagnosis().failure(phase, Fault::Io(error))),
        }
    }

    fn exchange(&self, stream: Box<dyn Connection>, request: &HttpRequest) -> Result<RawResponse, Error> {
        let forwarding = self.route.proxy.as_ref().filter(|route| matches!(route.way, Way::Forward));
        let sends_credentials = forwarding.is_some_and(|route| !route.refuses_passwords.load(Ordering::Relaxed));
        let forward_proxy = self.route.forward_proxy.as_ref();
        let response = self.transport.client.exchange(stream, request, forward_proxy, sends_credentials);
        let response = response.map_err(|fault| self.diagnosis().failure(Phase::Response, fault))?;
        // Through a tunnel, a 407 would be the server's own. A forward proxy passes on all other statuses of the server, so
        // only 407 is certainly the proxy's.
        if let Some(route) = forwarding.filter(|_| response.status == 407) {
            let values = response.headers.iter().filter(|(name, _)| name == "proxy-authenticate");
            let offered = offered_schemes(values.map(|(_, value)| value.as_str()));
            self.check_proxy_status(route, response.status, &offered, sends_credentials)?;
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
    ) -> Result<(), Error> {
        if matches!(status, 401 | 407) {
            let refuses = !offered.is_empty() && !offered.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"));
            route.refuses_passwords.store(refuses, Ordering::Relaxed);
        }
        self.diagnosis().refusal_by_proxy(status, offered, sent_credentials).map_or(Ok(()), Err)
    }

    fn diagnosis(&self) -> Diagnosis<'_> {
        let Self { transport, route, limits, .. } = *self;
        Diagnosis {
            authority: &route.authority,
            server_host: &route.host,
            named_by: self.endpoint.named_by,
            peer_host: &route.resolver.host,
            peer_port: route.resolver.port,
            proxy: route.proxy.as_ref(),
            unread_ca_variables: &transport.unread_ca_variables,
            timeout: transport.timeout,
            connect_timeout: (limits.connect < limits.total).then_some(transport.connect_timeout),
        }
    }
}

#[cfg(test)]
mod tests;
