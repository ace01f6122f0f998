//! The proxy, HTTP or SOCKS5: parsed from the option or a variable of the environment, and the hosts that are reached without one.
//!
//! Pure: the environment is a parameter. An error must not repeat any of a proxy's text, since it may hold a password.

use crate::{
    config::{
        endpoint::{Endpoint, parse_authority},
        environment::Environment,
    },
    secret::Secret,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// A value of the option `proxy`.
#[derive(Clone, Debug)]
pub(crate) enum ProxyChoice {
    /// `none`: without a proxy, whatever the environment names.
    Direct,
    Through(Proxy),
}

impl ProxyChoice {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "none" { Ok(Self::Direct) } else { Proxy::parse(text, "proxy").map(Self::Through) }
    }
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyScheme {
    Http,
    /// HTTP over TLS.
    Https,
    /// SOCKS5, with the address of the server.
    Socks5,
    /// SOCKS5, with the name of the server, which the proxy looks up.
    Socks5h,
}

impl ProxyScheme {
    pub(crate) fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

/// A proxy.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) scheme: ProxyScheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password, percent-decoded.
    pub(crate) credentials: Option<(Secret, Secret)>,
    /// `proxy`, or the environment variable that names it.
    pub(crate) named_by: &'static str,
}

impl Proxy {
    /// Parses `[SCHEME://][user[:password]@]host[:port]`, where the scheme is http unless it is given. The default port is
    /// that of the scheme.
    pub(crate) fn parse(text: &str, named_by: &'static str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            None => (ProxyScheme::Http, text),
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "http" => (ProxyScheme::Http, rest),
                "https" => (ProxyScheme::Https, rest),
                "socks5" => (ProxyScheme::Socks5, rest),
                "socks5h" => (ProxyScheme::Socks5h, rest),
                // Programs differ in what `socks` means.
                "socks" | "socks4" | "socks4a" => {
                    return Err("of SOCKS only version 5 is supported: write socks5:// or socks5h://".into());
                }
                _ => return Err("its scheme is not http, https, socks5 or socks5h".into()),
            },
        };
        // At the last @, since a password may hold one that is not encoded.
        let (user, address) = rest.rsplit_once('@').map_or((None, rest), |(user, address)| (Some(user), address));
        let address = address.strip_suffix('/').unwrap_or(address);
        if address.contains(['/', '?', '#']) {
            return Err("it has text after the host and port (in a user or password, percent-encode / ? # @)".into());
        }
        let (host, port) = parse_authority(address)?;
        let credentials = user.map(|user| credentials(user, scheme)).transpose()?;
        Ok(Self { scheme, host, port: port.unwrap_or(scheme.default_port()), credentials, named_by })
    }

    /// Returns the value of Proxy-Authorization (RFC 7617). A SOCKS proxy gets the user and password in another way.
    pub(crate) fn authorization(&self) -> Option<Secret> {
        let (user, password) = self.credentials.as_ref()?;
        let pair = Zeroizing::new([user.expose(), ":", password.expose()].concat());
        Some(Secret::new(["Basic ", &Zeroizing::new(BASE64_STANDARD.encode(&*pair))].concat()))
    }
}

/// Which proxy each server is reached through. The servers of one source may differ: the issuer's and the token endpoint's.
#[derive(Clone, Debug)]
pub(crate) enum ProxyRules {
    /// The option `proxy` holds for every server.
    Option(ProxyChoice),
    /// The variables of the environment, which were read when the source was made.
    Environment {
        /// The proxy for https and the one for http, or why a variable names no usable one.
        https: Option<Result<Proxy, String>>,
        http: Option<Result<Proxy, String>>,
        /// The list of the hosts that are reached without a proxy.
        exempt: Option<String>,
    },
}

impl ProxyRules {
    /// Reads the variables of the environment.
    pub(crate) fn of_environment(environment: &Environment<'_>) -> Self {
        let proxy = |https| {
            let variable = environment.proxy(https)?;
            Some(Proxy::parse(&variable.value, variable.name).map_err(|wrong| {
                format!(
                    "the environment variable {} names no usable proxy: {wrong}; correct it or set the option proxy",
                    variable.name
                )
            }))
        };
        let exempt = environment.no_proxy().map(|list| list.value.to_string());
        Self::Environment { https: proxy(true), http: proxy(false), exempt }
    }

    /// Returns the proxy for the server of this endpoint. The environment never names one for this machine itself.
    pub(crate) fn proxy_for(&self, endpoint: &Endpoint) -> Result<Option<&Proxy>, String> {
        match self {
            Self::Option(ProxyChoice::Direct) => Ok(None),
            Self::Option(ProxyChoice::Through(proxy)) => Ok(Some(proxy)),
            Self::Environment { https, http, exempt } => {
                let is_direct = endpoint.is_loopback() || exempt.as_ref().is_some_and(|list| is_exempt(endpoint, list));
                let named = if endpoint.https { https } else { http };
                match named.as_ref().filter(|_| !is_direct) {
                    None => Ok(None),
                    Some(proxy) => proxy.as_ref().map(Some).map_err(String::clone),
                }
            }
        }
    }

    /// Returns every proxy that a server may be reached through.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        let (one, other) = match self {
            Self::Option(ProxyChoice::Direct) => (None, None),
            Self::Option(ProxyChoice::Through(proxy)) => (Some(proxy), None),
            Self::Environment { https, http, .. } => (usable(https), usable(http)),
        };
        one.into_iter().chain(other)
    }
}

fn usable(named: &Option<Result<Proxy, String>>) -> Option<&Proxy> {
    named.as_ref()?.as_ref().ok()
}

/// Parses `user[:password]`, percent-encoded.
fn credentials(text: &str, scheme: ProxyScheme) -> Result<(Secret, Secret), String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |part: &str| {
        let bytes = Zeroizing::new(percent_decode_str(part).collect::<Vec<u8>>());
        match std::str::from_utf8(&bytes) {
            Ok(text) if !text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) => {
                Ok(Secret::new(text))
            }
            _ => Err("its user or password is not printable UTF-8 after percent-decoding"),
        }
    };
    let (user, password) = (decode(user)?, decode(password)?);
    if !scheme.is_http() {
        let is_too_long = user.expose().len() > 255 || password.expose().len() > 255;
        return match is_too_long {
            true => Err("its user or password is longer than 255 bytes, which SOCKS5 cannot carry (RFC 1929)".into()),
            false => Ok((user, password)),
        };
    }
    if user.expose().contains(':') {
        return Err("its user holds a colon, which HTTP Basic cannot carry (RFC 7617)".into());
    }
    Ok((user, password))
}

/// Returns true if a NO_PROXY list names this endpoint. The rules are curl's, and ports and CIDR ranges count too.
fn is_exempt(endpoint: &Endpoint, list: &str) -> bool {
    list.split([',', ' ', '\t']).filter(|item| !item.is_empty()).any(|item| item == "*" || names(item, endpoint))
}

fn names(item: &str, endpoint: &Endpoint) -> bool {
    let (name, port) = match item.rsplit_once(':') {
        // The last group of an IPv6 address without brackets is not a port.
        Some((name, port)) if item.parse::<IpAddr>().is_err() && !item.contains('/') => match port.parse::<u16>() {
            Ok(port) => (name, Some(port)),
            Err(_) => (item, None),
        },
        _ => (item, None),
    };
    if port.is_some_and(|port| port != endpoint.port) {
        return false;
    }
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = endpoint.host.parse::<IpAddr>() {
        return match name.split_once('/') {
            Some((network, bits)) => is_within(address, network, bits),
            None => name.parse() == Ok(address),
        };
    }
    // A domain names itself and all below it, with or without its leading dot.
    let domain = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let host = endpoint.host.trim_end_matches('.');
    host.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_within(address: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    // The addresses may differ in the low bits. Shifting all bits out leaves nothing that differs.
    match (address, network.parse()) {
        (IpAddr::V4(a), Ok(IpAddr::V4(b))) if bits <= 32 => {
            (a.to_bits() ^ b.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), Ok(IpAddr::V6(b))) if bits <= 128 => {
            (a.to_bits() ^ b.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (String, u16, Option<(String, String)>) {
        let proxy = Proxy::parse(text, "proxy").unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
        let credentials = proxy.credentials.map(|(user, password)| (user.expose().into(), password.expose().into()));
        (proxy.host, proxy.port, credentials)
    }

    #[test]
    fn a_proxy_is_parsed_and_its_credentials_are_decoded() {
        let user = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(parse("http://proxy.example:3128"), ("proxy.example".into(), 3128, None));
        assert_eq!(parse("HTTP://proxy.example/"), ("proxy.example".into(), 80, None));
        assert_eq!(parse("proxy.example:8080"), ("proxy.example".into(), 8080, None));
        assert_eq!(parse("http://[::1]:3128/"), ("::1".into(), 3128, None));
        assert_eq!(parse("http://me:p%40ss%2F%C3%BC@h:1"), ("h".into(), 1, user("me", "p@ss/ü")));
        assert_eq!(parse("http://me:p@ss/word@h:1"), ("h".into(), 1, user("me", "p@ss/word")));
        assert_eq!(parse("me@h"), ("h".into(), 80, user("me", "")));
        assert_eq!(parse("http://:pw@h"), ("h".into(), 80, user("", "pw")));
        assert_eq!(parse("http://me:a:b%@h"), ("h".into(), 80, user("me", "a:b%")));
    }

    #[test]
    fn the_scheme_of_a_proxy_gives_its_default_port() {
        use ProxyScheme::{Http, Https, Socks5, Socks5h};
        for (text, scheme, port) in [
            ("h", Http, 80),
            ("http://h", Http, 80),
            ("HTTPS://h", Https, 443),
            ("https://h:8443", Https, 8443),
            ("socks5://h", Socks5, 1080),
            ("Socks5H://h/", Socks5h, 1080),
            ("socks5h://[::1]:9050", Socks5h, 9050),
        ] {
            let proxy = Proxy::parse(text, "proxy").unwrap();
            assert_eq!((proxy.scheme, proxy.port), (scheme, port), "{text}");
        }
    }

    #[test]
    fn a_user_of_a_socks_proxy_may_hold_a_colon_and_is_at_most_255_bytes_long() {
        assert_eq!(parse("socks5://a%3Ab:c%40@h"), ("h".into(), 1080, Some(("a:b".into(), "c@".into()))));
        assert_eq!(parse("socks5h://a@h"), ("h".into(), 1080, Some(("a".into(), String::new()))));
        let long = "x".repeat(255);
        assert_eq!(parse(&format!("socks5://{long}:{long}@h")).2, Some((long.clone(), long.clone())));
        for text in [format!("socks5://{long}x:p@h"), format!("socks5://u:{long}x@h")] {
            assert!(Proxy::parse(&text, "proxy").unwrap_err().contains("255 bytes"));
        }
        assert!(Proxy::parse(&format!("http://{long}x@h"), "proxy").is_ok());
    }

    #[test]
    fn a_text_that_is_no_proxy_is_rejected_and_not_repeated() {
        let rejected = [
            ("socks://me:hunter2@h:1080", "SOCKS only version 5"),
            ("socks4a://me:hunter2@h:1080", "SOCKS only version 5"),
            ("socks5://me:hunter2@h:1080/x", "after the host and port"),
            ("socks5h://me:hunter2@:1080", "no host"),
            ("https://m%3Ae:hunter2@h", "colon"),
            ("ftp://me:hunter2@h", "scheme"),
            ("http://me:hunter2@h/path", "after the host and port"),
            ("http://me:hunter2@h?x", "after the host and port"),
            ("http://me:hunter2@", "no host"),
            ("http://me:hunter2@h:0", "port"),
            ("http://me:hunter2", "port"),
            ("http://me:hunter2%0A@h", "printable"),
            ("http://me:hunter2%ff@h", "printable"),
            ("http://me:hunter2\u{fffd}@h", "printable"),
            ("http://m%3Ae:hunter2@h", "colon"),
            ("http://me:hunter2@h h", "not a valid host name"),
        ];
        for (text, reason) in rejected {
            let wrong = Proxy::parse(text, "proxy").expect_err(text);
            assert!(wrong.contains(reason) && !wrong.contains("hunter2"), "{text}: {wrong}");
        }
    }

    fn of_environment(url: &str, variables: &[(&str, &str)]) -> Result<Option<(String, &'static str)>, String> {
        let read =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let rules = ProxyRules::of_environment(&Environment(&read));
        let proxy = rules.proxy_for(&Endpoint::parse(url).unwrap())?;
        Ok(proxy.map(|proxy| (proxy.host.clone(), proxy.named_by)))
    }

    #[test]
    fn a_proxy_is_named_by_its_variable() {
        assert_eq!(of_environment("https://h/", &[]), Ok(None));
        assert_eq!(of_environment("https://h/", &[("all_proxy", "p")]), Ok(Some(("p".into(), "all_proxy"))));
        assert_eq!(of_environment("http://h/", &[("http_proxy", "p")]), Ok(Some(("p".into(), "http_proxy"))));
    }

    #[test]
    fn each_server_has_its_own_proxy_by_the_variables_that_were_read_once() {
        let variables = [("https_proxy", "s"), ("http_proxy", "p"), ("no_proxy", "b.example")];
        let read =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let rules = ProxyRules::of_environment(&Environment(&read));
        let option = ProxyRules::Option(ProxyChoice::parse("o").unwrap());
        let none = ProxyRules::Option(ProxyChoice::parse("none").unwrap());
        for (url, host) in [
            ("https://a.example/", Some("s")),
            ("http://a.example/", Some("p")),
            ("https://b.example/", None),
            ("https://localhost/", None),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            let host_of = |rules: &ProxyRules| rules.proxy_for(&endpoint).unwrap().map(|proxy| proxy.host.clone());
            assert_eq!(host_of(&rules).as_deref(), host, "{url}");
            assert_eq!((host_of(&option).as_deref(), host_of(&none)), (Some("o"), None), "{url}");
        }
        let hosts = |rules: &ProxyRules| rules.proxies().map(|proxy| proxy.host.clone()).collect::<Vec<_>>();
        assert_eq!(
            (hosts(&rules), hosts(&option), hosts(&none)),
            (vec!["s".into(), "p".into()], vec!["o".into()], vec![])
        );
    }

    #[test]
    fn the_environment_never_sends_loopback_through_a_proxy() {
        for url in ["https://localhost/", "https://127.0.0.1/", "https://[::1]/", "http://localhost/"] {
            assert_eq!(of_environment(url, &[("https_proxy", "p"), ("http_proxy", "p")]), Ok(None), "{url}");
        }
    }

    #[test]
    fn an_unusable_variable_is_named_but_not_repeated_and_only_where_it_would_be_used() {
        let socks = ("HTTPS_PROXY", "socks4://me:hunter2@h");
        let wrong = of_environment("https://h/", &[socks]).unwrap_err();
        assert!(wrong.contains("HTTPS_PROXY") && wrong.contains("SOCKS") && !wrong.contains("hunter2"), "{wrong}");
        assert_eq!(of_environment("http://h/", &[socks]), Ok(None));
        assert_eq!(of_environment("https://h/", &[socks, ("NO_PROXY", "h")]), Ok(None));
    }

    #[test]
    fn no_proxy_lists_hosts_domains_ports_addresses_and_ranges() {
        let host = "https://api.example.com/";
        let address = "https://10.1.2.3/";
        let v6 = "https://[fd00::5]:8443/";
        let exempt = [
            (host, "*"),
            (host, "x.example, API.Example.Com"),
            (host, "example.com"),
            (host, ".example.com"),
            (host, "*.example.com"),
            (host, "example.com."),
            (host, "example.com:443"),
            (host, "a b\texample.com"),
            ("https://api.example.com./", "example.com"),
            (address, "10.1.2.3"),
            (address, "10.1.2.3:443"),
            (address, "10.0.0.0/8"),
            (address, "0.0.0.0/0"),
            (address, "10.1.2.3/32"),
            (v6, "fd00::5"),
            (v6, "[fd00::5]"),
            (v6, "[fd00::5]:8443"),
            (v6, "fd00:0::5"),
            (v6, "fd00::/8"),
            (v6, "::/0"),
        ];
        for (url, list) in exempt {
            assert!(is_exempt(&Endpoint::parse(url).unwrap(), list), "{url} {list}");
        }
        let not_exempt = [
            (host, ""),
            (host, ","),
            (host, "ample.com"),
            (host, "www.api.example.com"),
            (host, "example.com:80"),
            (host, "10.0.0.0/8"),
            (host, "[::1]"),
            (address, "3"),
            (address, ".2.3"),
            (address, "10.1.2.30"),
            (address, "10.1.2.3:80"),
            (address, "11.0.0.0/8"),
            (address, "10.1.2.2/32"),
            (address, "10.0.0.0/33"),
            (address, "10.0.0.0/x"),
            (address, "::/0"),
            (v6, "fd00::6"),
            (v6, "[fd00::5]:443"),
            (v6, "fc00::/8"),
            (v6, "fd00::/129"),
        ];
        for (url, list) in not_exempt {
            assert!(!is_exempt(&Endpoint::parse(url).unwrap(), list), "{url} {list}");
        }
    }
}
