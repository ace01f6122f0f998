//! The error for a request that failed: what happened, at which peer, what to do, and whether another attempt may help.
//!
//! Pure: it must not touch the network or read a clock.

use super::{
    http::Fault,
    socks::{self, Refusal},
    tls,
    tunnel::{ProxyRoute, Way},
};
use crate::{
    config::NamedBy,
    duration::in_seconds,
    error::{Error, ErrorKind},
    system::{self, TOO_MANY_FILES},
};
use std::{io, time::Duration};

/// How far a request came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connect,
    ProxyHandshake,
    Tunnel,
    Handshake,
    Response,
}

/// The names and limits that a message about one request may mention.
pub(super) struct Diagnosis<'a> {
    /// Host of the server, and port unless it is the default of the scheme.
    pub(super) authority: &'a str,
    pub(super) server_host: &'a str,
    /// What names the server.
    pub(super) named_by: NamedBy,
    /// The peer of the connection: the proxy, or else the server.
    pub(super) peer_host: &'a str,
    pub(super) peer_port: u16,
    pub(super) proxy: Option<&'a ProxyRoute>,
    /// The variables that name certificate authorities for other programs only.
    pub(super) unread_ca_variables: &'a [&'static str],
    /// The options of these names; `connect_timeout` only if it is the shorter limit.
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Option<Duration>,
}

impl Diagnosis<'_> {
    fn server(&self) -> String {
        let through = self.proxy.map(|route| format!(", asked through {},", self.proxy_of(route)));
        format!("{}{}", self.server_at(self.authority), through.unwrap_or_default())
    }

    fn server_at(&self, address: &str) -> String {
        match self.named_by {
            NamedBy::TokenUrl | NamedBy::Metadata => format!("the token server {address}"),
            NamedBy::Issuer => format!("the server {address} (for the metadata of issuer)"),
        }
    }

    fn proxy_of(&self, route: &ProxyRoute) -> String {
        let address = format_authority(self.peer_host, self.peer_port);
        format!("the proxy {address} (named by {})", route.named_by)
    }

    fn peer(&self) -> String {
        match (self.proxy, self.named_by) {
            (Some(route), NamedBy::TokenUrl | NamedBy::Metadata) => self.proxy_of(route),
            (Some(route), NamedBy::Issuer) => format!("{} for the metadata of issuer", self.proxy_of(route)),
            (None, _) => self.server_at(&format_authority(self.peer_host, self.peer_port)),
        }
    }

    /// The option that limits a connection, and its value.
    fn connect_limit(&self) -> String {
        match self.connect_timeout {
            Some(limit) => format!("connect_timeout is {} s", in_seconds(limit)),
            None => self.total_limit(),
        }
    }

    fn total_limit(&self) -> String {
        format!("timeout is {} s", in_seconds(self.timeout))
    }

    /// A failure of a proxy counts as one of the network, whatever it is.
    fn kind_of_time_out(&self) -> ErrorKind {
        if self.proxy.is_some() { ErrorKind::Network } else { ErrorKind::Timeout }
    }

    pub(super) fn failed_lookup(&self, error: &io::Error) -> Error {
        match self.proxy {
            Some(route) => self.failed_lookup_of(self.peer_host, route.named_by, error),
            None => self.failed_lookup_of(self.peer_host, &self.named_by.to_string(), error),
        }
    }

    /// The lookup of the server, for a SOCKS proxy that must not look it up.
    pub(super) fn failed_lookup_of_server(&self, error: &io::Error) -> Error {
        let named_by = format!("{} (with socks5h the proxy looks it up)", self.named_by);
        self.failed_lookup_of(self.server_host, &named_by, error)
    }

    fn failed_lookup_of(&self, host: &str, named_by: &str, error: &io::Error) -> Error {
        let purpose = if self.named_by == NamedBy::Issuer { " (for the metadata of issuer)" } else { "" };
        if error.kind() == io::ErrorKind::TimedOut {
            let limit = self.connect_limit();
            let why = format!(
                "looking up the host `{host}`{purpose} took too long ({limit}): this machine's DNS does not respond"
            );
            return another_attempt(self.kind_of_time_out(), why);
        }
        let why = format!(
            "cannot look up the host `{host}`{purpose} ({error}): check it in {named_by}, and this machine's DNS"
        );
        another_attempt(ErrorKind::Network, why)
    }

    pub(super) fn failure(&self, phase: Phase, fault: Fault) -> Error {
        if let Some(error) = fault.tls() {
            if matches!(error, rustls::Error::FailedToGetRandomBytes) {
                let why = "this system gives no random numbers, which TLS needs: allow the system call getrandom (a \
                           sandbox such as seccomp may forbid it)";
                return Error::new(ErrorKind::Internal, why).retryable();
            }
            let unread = self.unread_ca_variables;
            let (with, reason) = match self.proxy.filter(|route| route.is_in_tls(phase)) {
                Some(route) => (self.peer(), tls::explain_for_proxy(error, unread, route.named_by)),
                None => (self.server(), tls::explain(error, unread).into_owned()),
            };
            return Error::new(ErrorKind::Tls, format!("TLS with {with} failed; {reason}"));
        }
        if let Fault::Io(error) = &fault
            && system::is_forbidden(error)
        {
            let peer = self.peer();
            let why = format!(
                "this system forbids a connection to {peer} ({error}): allow it (a sandbox such as seccomp, SELinux or \
                 AppArmor, or a rule of this machine's firewall, may forbid it)"
            );
            return Error::new(ErrorKind::Network, why).retryable();
        }
        if matches!(fault, Fault::Internal) {
            let server = self.server();
            let why = format!("the request to {server} could not be made: a bug in this library, please report it");
            return Error::new(ErrorKind::Internal, why);
        }
        match phase {
            Phase::Connect => self.failed_connect(&fault),
            Phase::ProxyHandshake => self.failed_handshake(&self.peer(), self.kind_of_time_out(), &fault),
            Phase::Tunnel => self.failed_tunnel(&fault),
            Phase::Handshake => self.failed_handshake(&self.server(), ErrorKind::Timeout, &fault),
            Phase::Response => self.failed_response(&fault),
        }
    }

    fn failed_connect(&self, fault: &Fault) -> Error {
        let peer = self.peer();
        if fault.is_time_out() {
            let limit = self.connect_limit();
            let why = format!(
                "connecting to {peer} took too long ({limit}; {fault}): it is down, or a firewall drops what is sent"
            );
            return another_attempt(self.kind_of_time_out(), why);
        }
        let why = match fault {
            Fault::Io(error) if system::is_out_of_files(error) => {
                format!("no connection to {peer} can be opened ({error}): {TOO_MANY_FILES}")
            }
            fault => {
                format!("cannot connect to {peer} ({fault}): it is down, its address is wrong or a firewall refuses")
            }
        };
        another_attempt(ErrorKind::Network, why)
    }

    fn failed_tunnel(&self, fault: &Fault) -> Error {
        let peer = self.peer();
        if let Fault::Unusable(what) = fault {
            let why = format!(
                "{peer} is not usable as a proxy: its response to CONNECT {what}; check that it is an http proxy"
            );
            return Error::new(ErrorKind::Network, why);
        }
        let why =
            format!("{peer} gave no response to CONNECT ({fault}): check that it is an http proxy, and that it works");
        another_attempt(ErrorKind::Network, why)
    }

    fn failed_handshake(&self, with: &str, kind_of_time_out: ErrorKind, fault: &Fault) -> Error {
        if fault.is_time_out() {
            let limit = self.connect_limit();
            let why = format!(
                "the TLS handshake with {with} took too long ({limit}): it is overloaded or does not speak TLS"
            );
            return another_attempt(kind_of_time_out, why);
        }
        let why = format!(
            "the TLS handshake with {with} broke off ({fault}): it is restarting, does not speak TLS there, or a \
             middlebox refuses it"
        );
        another_attempt(ErrorKind::Network, why)
    }

    fn failed_response(&self, fault: &Fault) -> Error {
        let server = self.server();
        if let Fault::Unusable(what) = fault {
            let why = format!("{server} does not speak HTTP as it should: its response {what}");
            return Error::new(ErrorKind::BadResponse, why);
        }
        if matches!(fault, Fault::TlsServer) {
            let why = format!(
                "{server} does not speak HTTP as it should: its response is TLS, not HTTP; {} should probably begin with https",
                self.named_by
            );
            return Error::new(ErrorKind::BadResponse, why);
        }
        if fault.is_time_out() {
            let limit = self.total_limit();
            let why = format!("{server} did not respond completely in time ({limit}): it is slow or stuck");
            // No other attempt: the server has the request and may be at work on it. A second one would add to its load.
            return Error::new(ErrorKind::Timeout, why).retryable();
        }
        let why = format!(
            "the connection to {server} broke ({fault}): it is overloaded or restarting, or a middlebox broke it"
        );
        another_attempt(ErrorKind::Network, why)
    }

    /// Returns the error for a SOCKS proxy that opened no tunnel.
    pub(super) fn failed_socks(&self, refusal: Refusal) -> Error {
        let peer = self.peer();
        let Some(ProxyRoute { target, has_credentials, named_by, .. }) = self.proxy else {
            return Error::new(
                ErrorKind::Internal,
                "a tunnel without a proxy: a bug in this library, please report it",
            );
        };
        let refused = |why: String| Error::new(ErrorKind::Network, why);
        match refusal {
            Refusal::Broken(Fault::Unusable(what)) => {
                refused(format!("{peer} is not usable as a SOCKS5 proxy: its response {what}"))
            }
            Refusal::Broken(fault)
                if fault.tls().is_some() || matches!(&fault, Fault::Io(error) if system::is_forbidden(error)) =>
            {
                self.failure(Phase::Tunnel, fault)
            }
            Refusal::Broken(fault) => another_attempt(
                ErrorKind::Network,
                format!("{peer} opened no tunnel ({fault}): check that it is a SOCKS5 proxy, and that it works"),
            ),
            Refusal::NoMethod if *has_credentials => refused(format!(
                "{peer} accepts neither a user and password nor a client without them: use another proxy"
            )),
            Refusal::NoMethod => refused(format!(
                "{peer} wants a user and password: put them into {named_by}, as in socks5h://user:password@host:port, \
                 percent-encoded"
            )),
            Refusal::WrongCredentials => {
                refused(format!("{peer} refused the credentials: put a user and password that it accepts into its URL"))
            }
            Refusal::Reply(code @ (2 | 7)) => refused(format!(
                "{peer} refuses to connect to {target} ({}): allow it there, or use another proxy",
                socks::meaning(code)
            )),
            Refusal::Reply(8) => refused(format!(
                "{peer} does not know the kind of address of {target}: let it look the server up (socks5h), or use \
                 another proxy"
            )),
            Refusal::Reply(code) => another_attempt(
                ErrorKind::Network,
                format!(
                    "{peer} could not reach {target} (code {code}, {}): the server is down, or not reachable from the proxy",
                    socks::meaning(code)
                ),
            ),
        }
    }

    /// Returns the error for a status of the proxy's own; None for a 2xx. `offered` are the schemes of authentication that the
    /// proxy offers.
    pub(super) fn refusal_by_proxy(&self, status: u16, offered: &[String], sent_credentials: bool) -> Option<Error> {
        let ProxyRoute { target, has_credentials, named_by, .. } = self.proxy?;
        let peer = self.peer();
        let refused = |why: String| Error::new(ErrorKind::Network, why);
        Some(match status {
            200..300 => return None,
            401 | 407 if !offered.is_empty() && !offered.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic")) => {
                refused(format!(
                    "{peer} offers {} ({status}); this library supports only Basic: run a local proxy such as cntlm or px",
                    offered.join(" and ")
                ))
            }
            401 | 407 if *has_credentials && !sent_credentials => another_attempt(
                ErrorKind::Network,
                format!("{peer} wants a user and password again ({status}): the next request has them"),
            ),
            401 | 407 if *has_credentials => refused(format!(
                "{peer} refused the credentials ({status}): put a user and password that it accepts into its URL"
            )),
            401 | 407 => refused(format!(
                "{peer} wants a user and password ({status}): put them into {named_by}, as in \
                 http://user:password@host:port, percent-encoded"
            )),
            429 => another_attempt(
                ErrorKind::Network,
                format!("{peer} is asked too often (429): send it fewer requests, or use another proxy"),
            ),
            408 | 425 | 500.. => another_attempt(
                ErrorKind::Network,
                format!("{peer} could not reach {target} ({status}): it is overloaded, or the server is down"),
            ),
            _ => refused(format!(
                "{peer} refuses to connect to {target} ({status}): allow it there, or use another proxy"
            )),
        })
    }
}

impl ProxyRoute {
    /// Returns whether TLS in this phase is TLS with the proxy.
    fn is_in_tls(&self, phase: Phase) -> bool {
        match phase {
            Phase::ProxyHandshake | Phase::Tunnel => true,
            Phase::Connect | Phase::Handshake => false,
            Phase::Response => self.tls_name.is_some() && matches!(self.way, Way::Forward),
        }
    }
}

/// Returns a retryable error that another attempt of the same fetch may avoid.
fn another_attempt(kind: ErrorKind, why: String) -> Error {
    Error::new(kind, why).retryable().worth_another_attempt()
}

/// A host as a URL has it: an IPv6 address in brackets (RFC 3986 §3.2.2).
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

pub(super) fn format_authority(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}
