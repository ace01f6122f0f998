//! The HTTP proxy: read from the option or, under the rules that keep a caller of a CGI program from planting one, from the
//! environment.
//!
//! Pure: the environment is a parameter. No error repeats any of a proxy's text, for it may hold a password.

use crate::{
    config::endpoint::{Endpoint, host_and_port},
    secret::Secret,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// An HTTP proxy, decided once for this endpoint from the option or the environment.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password, percent-decoded.
    pub(crate) credentials: Option<(Secret, Secret)>,
    /// `proxy`, or the environment variable that named it.
    pub(crate) named_by: &'static str,
}

impl Proxy {
    /// Reads `[http://][user[:password]@]host[:port]`; the port is 80 where none is written.
    pub(crate) fn parse(text: &str, named_by: &'static str) -> Result<Self, String> {
        let rest = match text.split_once("://") {
            None => text,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
                return Err(
                    "a proxy is spoken to over http:// (what goes through it to an https URL is still TLS)".into()
                );
            }
            Some((scheme, _)) if scheme.to_ascii_lowercase().starts_with("socks") => {
                return Err("SOCKS proxies are not supported: name an HTTP proxy".into());
            }
            Some(_) => return Err("its scheme is not http".into()),
        };
        // The last @: an unencoded one in a password does no harm here.
        let (user, address) = rest.rsplit_once('@').map_or((None, rest), |(user, address)| (Some(user), address));
        let address = address.strip_suffix('/').unwrap_or(address);
        if address.contains(['/', '?', '#']) {
            return Err("nothing may follow the host and port (in a user or password, percent-encode / ? # @)".into());
        }
        let (host, port) = host_and_port(address)?;
        let credentials = user.map(credentials).transpose()?;
        Ok(Self { host, port: port.unwrap_or(80), credentials, named_by })
    }

    /// The proxy for this endpoint: the option if it is set (`none` is one way of setting it), else the environment's.
    pub(crate) fn choose(
        option: Option<&str>,
        endpoint: &Endpoint,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        if let Some(text) = option {
            return if text == "none" { Ok(None) } else { Self::parse(text, "proxy").map(Some) };
        }
        if endpoint.is_loopback() {
            return Ok(None);
        }
        // HTTP_PROXY is never read: in a CGI program it is the request header `Proxy` of whoever calls (httpoxy).
        let names: &[&'static str] = match endpoint.https {
            true => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
            false => &["http_proxy"],
        };
        let read = |name: &str| environment(name).filter(|text| !text.is_empty()).map(Zeroizing::new);
        let Some((name, text)) = names.iter().find_map(|name| Some((*name, read(name)?))) else { return Ok(None) };
        let exempt = read("no_proxy").or_else(|| read("NO_PROXY"));
        if exempt.is_some_and(|exempt| is_exempt(endpoint, &exempt)) {
            return Ok(None);
        }
        let refused = |wrong| {
            format!(
                "the environment variable {name} names no usable proxy: {wrong}; correct it or set the option proxy"
            )
        };
        Self::parse(&text, name).map(Some).map_err(refused)
    }

    /// The value of Proxy-Authorization (RFC 7617).
    pub(crate) fn authorization(&self) -> Option<Secret> {
        let (user, password) = self.credentials.as_ref()?;
        let pair = Zeroizing::new([user.expose(), ":", password.expose()].concat());
        Some(Secret::new(["Basic ", &Zeroizing::new(BASE64_STANDARD.encode(&*pair))].concat()))
    }
}

/// Percent-decodes `user[:password]`.
fn credentials(text: &str) -> Result<(Secret, Secret), String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |part: &str| {
        let bytes = Zeroizing::new(percent_decode_str(part).collect::<Vec<u8>>());
        match std::str::from_utf8(&bytes) {
            Ok(text) if !text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) => {
                Ok(Secret::new(text))
            }
            _ => Err("its user or password is not printable UTF-8 once percent-decoded"),
        }
    };
    let (user, password) = (decode(user)?, decode(password)?);
    if user.expose().contains(':') {
        return Err("its user holds a colon, which HTTP Basic cannot carry (RFC 7617)".into());
    }
    Ok((user, password))
}

/// Whether a NO_PROXY list names this endpoint, by curl's rules, with ports and CIDR ranges besides.
fn is_exempt(endpoint: &Endpoint, list: &str) -> bool {
    list.split([',', ' ', '\t']).filter(|item| !item.is_empty()).any(|item| item == "*" || names(item, endpoint))
}

fn names(item: &str, endpoint: &Endpoint) -> bool {
    let (name, port) = match item.rsplit_once(':') {
        // The last group of a bare IPv6 address is no port.
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
    // Equal in all but the low bits; shifting all of them out leaves nothing to differ.
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
    fn a_proxy_is_taken_apart_and_its_credentials_are_decoded() {
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
    fn what_is_no_http_proxy_is_refused_without_a_word_of_it() {
        let refused = [
            ("https://me:hunter2@h", "over http://"),
            ("socks5h://me:hunter2@h:1080", "SOCKS"),
            ("ftp://me:hunter2@h", "scheme"),
            ("http://me:hunter2@h/path", "nothing may follow"),
            ("http://me:hunter2@h?x", "nothing may follow"),
            ("http://me:hunter2@", "no host"),
            ("http://me:hunter2@h:0", "port"),
            ("http://me:hunter2", "port"),
            ("http://me:hunter2%0A@h", "printable"),
            ("http://me:hunter2%ff@h", "printable"),
            ("http://me:hunter2\u{fffd}@h", "printable"),
            ("http://m%3Ae:hunter2@h", "colon"),
            ("http://me:hunter2@h h", "not a host name"),
        ];
        for (text, reason) in refused {
            let wrong = Proxy::parse(text, "proxy").expect_err(text);
            assert!(wrong.contains(reason) && !wrong.contains("hunter2"), "{text}: {wrong}");
        }
    }

    fn chosen(option: Option<&str>, url: &str, environment: &[(&str, &str)]) -> Option<(String, &'static str)> {
        let endpoint = Endpoint::parse(url).unwrap();
        let read =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Proxy::choose(option, &endpoint, &read).unwrap().map(|proxy| (proxy.host, proxy.named_by))
    }

    #[test]
    fn the_option_wins_over_the_environment_and_holds_for_loopback_too() {
        let environment = [("https_proxy", "env"), ("http_proxy", "env"), ("no_proxy", "*")];
        assert_eq!(chosen(Some("own"), "https://h/", &environment), Some(("own".into(), "proxy")));
        assert_eq!(chosen(Some("own"), "http://127.0.0.1/", &environment), Some(("own".into(), "proxy")));
        assert_eq!(chosen(Some("none"), "https://h/", &environment[..2]), None);
    }

    #[test]
    fn the_environment_is_asked_in_order_lower_case_first() {
        let all = [("ALL_PROXY", "d"), ("all_proxy", "c"), ("HTTPS_PROXY", "b"), ("https_proxy", "a")];
        for (count, winner) in [(4, "https_proxy"), (3, "HTTPS_PROXY"), (2, "all_proxy"), (1, "ALL_PROXY")] {
            assert_eq!(chosen(None, "https://h/", &all[..count]).unwrap().1, winner);
        }
        assert_eq!(chosen(None, "https://h/", &[("https_proxy", ""), ("HTTPS_PROXY", "b")]).unwrap().1, "HTTPS_PROXY");
        assert_eq!(chosen(None, "https://h/", &[]), None);
    }

    #[test]
    fn http_takes_only_the_lower_case_variable_and_https_never_that_one() {
        assert_eq!(chosen(None, "http://h/", &[("http_proxy", "p")]), Some(("p".into(), "http_proxy")));
        assert_eq!(chosen(None, "http://h/", &[("HTTP_PROXY", "p"), ("ALL_PROXY", "p"), ("https_proxy", "p")]), None);
        assert_eq!(chosen(None, "https://h/", &[("HTTP_PROXY", "p"), ("http_proxy", "p")]), None);
    }

    #[test]
    fn the_environment_never_sends_loopback_through_a_proxy() {
        for url in ["https://localhost/", "https://127.0.0.1/", "https://[::1]/", "http://localhost/"] {
            assert_eq!(chosen(None, url, &[("https_proxy", "p"), ("http_proxy", "p")]), None, "{url}");
        }
    }

    #[test]
    fn an_unusable_variable_is_named_but_not_repeated_and_only_where_it_would_be_used() {
        let read = |name: &str| (name == "HTTPS_PROXY").then(|| "socks5://me:hunter2@h".to_owned());
        let wrong = Proxy::choose(None, &Endpoint::parse("https://h/").unwrap(), &read).unwrap_err();
        assert!(wrong.contains("HTTPS_PROXY") && wrong.contains("SOCKS") && !wrong.contains("hunter2"), "{wrong}");
        assert!(Proxy::choose(None, &Endpoint::parse("http://h/").unwrap(), &read).unwrap().is_none());
        assert_eq!(chosen(None, "https://h/", &[("https_proxy", "socks5://h"), ("NO_PROXY", "h")]), None);
    }

    #[test]
    fn no_proxy_names_hosts_domains_ports_addresses_and_ranges() {
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
