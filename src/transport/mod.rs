//! Sends one request and returns its response. Only this room touches the network:
//!
//!   resolver.rs    a host name to its addresses, before a deadline
//!   connect.rs     TCP to the first address that accepts (RFC 8305), before a deadline
//!   tunnel.rs      CONNECT through a proxy, to a server that speaks TLS
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
mod tls;
mod tunnel;
mod x509;

use crate::{
    config::{Proxy, Roots, Settings},
    error::{Error, ErrorKind},
    oauth::request::TokenRequest,
    oauth::response::RawResponse,
    system::{BeforeFork, WatchedFile},
};
use connect::DeadlineStream;
use diagnosis::{Diagnosis, Phase, bracketed, format_authority};
use http::{Client, Fault, ForwardProxy};
use resolver::Resolver;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tls::{Tls, TlsStream};
use tunnel::ProxyRoute;

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
    tls: Option<(Tls, ServerName<'static>)>,
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
        let tls = if endpoint.https {
            let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| {
                let why =
                    format!("the host `{}` in token_url cannot stand in a certificate: correct it", endpoint.host);
                Error::new(ErrorKind::InvalidConfig, why)
            })?;
            Some((Tls::new(&settings.roots, settings.identity.as_ref())?, name))
        } else {
            // Files that an option names are checked even though http does not use them.
            let given = matches!(&settings.roots, Roots::File { named_by: "ca_file", .. });
            let roots = if given { &settings.roots } else { &Roots::Bundled };
            Tls::new(roots, settings.identity.as_ref())?;
            None
        };
        let default_port = if endpoint.https { 443 } else { 80 };
        let authority = if endpoint.port == default_port { bracketed(&endpoint.host) } else { target.clone() };
        let connect =
            |proxy: &Proxy| tunnel::connect_request(&target, &settings.user_agent, proxy.authorization().as_ref());
        let proxy = settings.proxy.as_ref().map(|proxy| ProxyRoute {
            connect: endpoint.https.then(|| connect(proxy)),
            target: target.clone(),
            has_credentials: proxy.credentials.is_some(),
            named_by: proxy.named_by,
        });
        let forward_proxy = settings
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
            unread_ca_variables: settings.unread_ca_variables.clone(),
            resolver: match &settings.proxy {
                Some(proxy) => Resolver::new(&proxy.host, proxy.port),
                None => Resolver::new(&endpoint.host, endpoint.port),
            },
            proxy,
            tls,
            client: Client::new(forward_proxy),
        })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: &TokenRequest, limits: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error> {
        let started = Instant::now();
        // First, so that an unusable certificate file costs no connection.
        let tls = self.tls.as_ref().map(|(tls, name)| Ok((tls.current()?, name.clone()))).transpose()?;
        let stream = self.connect(started + limits.connect.min(limits.total), limits)?;
        let peer = stream.peer;
        let response = self.send_over(stream, tls, request, started + limits.total, limits, about_to_send);
        self.resolver.remember(peer, response.is_ok());
        response
    }

    fn watched_files(&self) -> Vec<WatchedFile> {
        self.tls.iter().flat_map(|(tls, _)| tls.watched_files()).collect()
    }
}

impl HttpTransport {
    fn connect(&self, deadline: Instant, limits: Limits) -> Result<DeadlineStream, Error> {
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

    /// Sends the request over a new connection. `deadline` is that of the response.
    fn send_over(
        &self,
        mut stream: DeadlineStream,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
        request: &TokenRequest,
        deadline: Instant,
        limits: Limits,
        about_to_send: &dyn Fn(),
    ) -> Result<RawResponse, Error> {
        if let Some(request) = self.proxy.as_ref().and_then(|route| route.connect.as_ref()) {
            let status = tunnel::open(&mut stream, request);
            let status = status.map_err(|fault| self.diagnosis(limits).failure(Phase::Tunnel, fault))?;
            self.check_proxy_status(status, limits)?;
        }
        let Some((config, name)) = tls else {
            stream.deadline = deadline;
            about_to_send();
            return self.exchange(stream, request, limits);
        };
        let stream = TlsStream::handshake(stream, config, name);
        let mut stream = stream.map_err(|error| self.diagnosis(limits).failure(Phase::Handshake, Fault::Io(error)))?;
        stream.set_deadline(deadline);
        about_to_send();
        self.exchange(stream, request, limits)
    }

    fn exchange(
        &self,
        stream: impl http::Stream,
        request: &TokenRequest,
        limits: Limits,
    ) -> Result<RawResponse, Error> {
        let response = self.client.exchange(stream, request);
        let response = response.map_err(|fault| self.diagnosis(limits).failure(Phase::Response, fault))?;
        // Through a tunnel, a 407 would be the server's own. A forward proxy passes on all other statuses of the server, so
        // only 407 is certainly the proxy's.
        if response.status == 407 && self.proxy.as_ref().is_some_and(|route| route.connect.is_none()) {
            self.check_proxy_status(response.status, limits)?;
        }
        Ok(response)
    }

    fn check_proxy_status(&self, status: u16, limits: Limits) -> Result<(), Error> {
        self.diagnosis(limits).refusal_by_proxy(status).map_or(Ok(()), Err)
    }

    fn diagnosis(&self, limits: Limits) -> Diagnosis<'_> {
        Diagnosis {
            authority: &self.authority,
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
