//! An endpoint of the server: a URL that is parsed once, strictly, so that no two parsers can disagree where a credential
//! goes.
//!
//! Pure: it must not resolve a name. Whether a host may be reached over plain `http` is decided in `effective.rs`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// What an endpoint was named by, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The option `token_url`, of the program or of a provider.
    TokenUrl,
    /// The option `issuer`: the metadata is read there.
    Issuer,
    /// The metadata of the issuer, which names its token endpoint.
    Metadata,
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenUrl => "token_url",
            Self::Issuer => "issuer",
            Self::Metadata => "the token_endpoint of issuer's metadata",
        })
    }
}

/// Where a request may go, and nowhere else.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// As it was set. It is printable, since it holds no user information.
    pub(crate) url: String,
    pub(crate) https: bool,
    /// In lower case; without brackets for an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `http` without `allow_insecure_http`: every address that the host resolves to must be loopback.
    pub(crate) must_be_loopback: bool,
    pub(crate) named_by: NamedBy,
}

impl Endpoint {
    /// Parses an `https` or `http` URL. The error does not repeat the URL: a password in it must not reach a log.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        uri_characters(url)?;
        let (scheme, rest) = url.split_once("://").ok_or("it does not start with https://")?;
        let https = scheme.eq_ignore_ascii_case("https");
        if !https && !scheme.eq_ignore_ascii_case("http") {
            return Err("its scheme is neither https nor http".into());
        }
        if rest.contains('#') {
            return Err("it has a fragment (#…), which is never sent to a server: remove it".into());
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err("it holds a user: set client_id and client_secret instead".into());
        }
        let (host, port) = parse_authority(authority)?;
        // The transport would reject some texts later, such as a URL of 64 KiB.
        url.parse::<http::Uri>().map_err(|error| format!("it is not a URL: {error}"))?;
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let named_by = NamedBy::TokenUrl;
        Ok(Self { url: url.to_owned(), https, host, port, must_be_loopback: !https, named_by })
    }

    /// Parses an issuer identifier (RFC 8414 §2), which has no query.
    pub(crate) fn parse_issuer(url: &str) -> Result<Self, String> {
        if url.contains('?') {
            return Err("it has a query (?…), which no issuer has: remove it".into());
        }
        Ok(Self { named_by: NamedBy::Issuer, ..Self::parse(url)? })
    }

    /// Returns the path, without the query.
    pub(crate) fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let rest = rest.split('?').next().unwrap_or_default();
        rest.find('/').map_or("/", |start| &rest[start..])
    }

    /// Returns true if the host names this machine: `localhost`, a name below it, or a literal loopback address.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => is_localhost(&self.host),
        }
    }
}

/// Returns true for `localhost` and the names below it. They always mean this machine, so they need no lookup (RFC 6761
/// §6.3) and work without `/etc/hosts` too.
pub(crate) fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost")
}

/// Rejects a character that RFC 3986 does not allow anywhere in a URI.
pub(crate) fn uri_characters(uri: &str) -> Result<(), String> {
    if !uri.is_ascii() {
        return Err("it has characters beyond ASCII: write the host as xn--…, percent-encode the rest".into());
    }
    match uri.find(|c: char| !c.is_ascii_graphic() || r#""<>\^`{|}"#.contains(c)) {
        Some(at) => Err(format!("byte {at} is a character that a URL cannot hold: percent-encode it")),
        None => Ok(()),
    }
}

/// Parses `host`, `host:port`, `[v6]` or `[v6]:port`. Returns the host in lower case without brackets, and the port.
pub(crate) fn parse_authority(authority: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or("its host has [ without ]")?;
            address.parse::<Ipv6Addr>().map_err(|_| "the text between [ and ] is not an IPv6 address")?;
            match port.strip_prefix(':') {
                None if !port.is_empty() => return Err("only a port can follow ]".into()),
                port => (address, port),
            }
        }
        None => {
            let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
            host_name(host)?;
            (host, port)
        }
    };
    let port = port.map(parse_port).transpose()?;
    Ok((host.to_ascii_lowercase(), port))
}

fn parse_port(digits: &str) -> Result<u16, &'static str> {
    match digits.parse() {
        // `parse` accepts a sign.
        Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err("its port is not a number from 1 to 65535"),
    }
}

/// Accepts a DNS name (also with underscores, and with one final dot) or an IPv4 address of four decimal numbers.
/// Resolvers also take `127.1` and `0x7f.1` for addresses, where other parsers take them for names.
fn host_name(host: &str) -> Result<(), String> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() {
        return Err("it has no host".into());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err("its host is not a valid host name".into());
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    let looks_like_a_number =
        last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    if looks_like_a_number && host.parse::<std::net::Ipv4Addr>().is_err() {
        return Err("its host ends in a number but is not an IPv4 address of four decimal numbers".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (bool, String, u16) {
        let endpoint = Endpoint::parse(url).unwrap_or_else(|wrong| panic!("{url}: {wrong}"));
        assert_eq!(endpoint.url, url);
        (endpoint.https, endpoint.host, endpoint.port)
    }

    #[test]
    fn a_url_is_parsed_into_its_parts() {
        let parts_of = [
            ("https://app.podero.com/oauth2/token/", (true, "app.podero.com", 443)),
            ("HTTPS://Example.COM", (true, "example.com", 443)),
            ("http://localhost:8080/t?tenant=a@b:c/d", (false, "localhost", 8080)),
            ("https://h?x=1", (true, "h", 443)),
            ("https://svc.cluster.local.:65535/", (true, "svc.cluster.local.", 65535)),
            ("http://[::1]/t", (false, "::1", 80)),
            ("https://[2001:DB8::1]:1/t", (true, "2001:db8::1", 1)),
            ("https://127.0.0.1/", (true, "127.0.0.1", 443)),
            ("https://my_host-1/", (true, "my_host-1", 443)),
        ];
        for (url, (https, host, port)) in parts_of {
            assert_eq!(parts(url), (https, host.to_owned(), port), "{url}");
        }
    }

    #[test]
    fn the_path_of_a_url_has_no_query() {
        for (url, path) in [
            ("https://h", "/"),
            ("https://h/", "/"),
            ("https://h?a/b", "/"),
            ("https://h/?a/b", "/"),
            ("https://[::1]:1/x/y/?a", "/x/y/"),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().path(), path, "{url}");
        }
    }

    #[test]
    fn a_text_that_is_not_plainly_a_url_is_rejected_with_its_reason() {
        let long = format!("https://h/{}", "a".repeat(1 << 16));
        let rejected = [
            ("example.com/token", "does not start with https://"),
            ("//example.com/token", "does not start with https://"),
            ("ftp://example.com/", "neither https nor http"),
            (" https://example.com/", "byte 0"),
            ("https://example.com/a b", "byte 21"),
            ("https://example.com/\n", "byte 20"),
            ("https://example.com\\@evil.example/", "byte 19"),
            ("https://münchen.example/", "xn--"),
            ("https://example.com/#top", "fragment"),
            ("https://user:hunter2@example.com/", "client_id"),
            ("https://user@example.com/", "client_id"),
            ("https://", "no host"),
            ("https:///token", "no host"),
            ("https://:443/token", "no host"),
            ("https://./token", "no host"),
            ("https://a..b/", "not a valid host name"),
            ("https://%61.example/", "not a valid host name"),
            ("https://a:b:c/", "port"),
            ("https://::1/", "no host"),
            ("https://h:/", "port"),
            ("https://h:0/", "port"),
            ("https://h:65536/", "port"),
            ("https://h:+1/", "port"),
            ("https://[::1/", "[ without ]"),
            ("https://[::1]x/", "follow ]"),
            ("https://[fe80::1%25eth0]/", "not an IPv6"),
            ("https://[127.0.0.1]/", "not an IPv6"),
            ("https://127.1/", "ends in a number"),
            ("https://2130706433/", "ends in a number"),
            ("https://0x7f000001/", "ends in a number"),
            ("https://127.0.0.01/", "ends in a number"),
            (&long, "not a URL"),
        ];
        for (url, reason) in rejected {
            let wrong = Endpoint::parse(url).expect_err(url);
            assert!(wrong.contains(reason), "{url}: {wrong}");
            assert!(!wrong.contains("hunter2"), "{wrong}");
        }
    }

    #[test]
    fn loopback_is_a_literal_address_or_localhost() {
        for url in [
            "http://localhost/",
            "http://LOCALHOST.:1/",
            "http://a.localhost/",
            "http://127.0.0.1/",
            "http://127.255.0.9/",
            "http://[::1]/",
        ] {
            assert!(Endpoint::parse(url).unwrap().is_loopback(), "{url}");
        }
        for url in [
            "http://localhost.example/",
            "http://alocalhost/",
            "http://128.0.0.1/",
            "http://0.0.0.0/",
            "http://[::2]/",
            "http://h/",
        ] {
            assert!(!Endpoint::parse(url).unwrap().is_loopback(), "{url}");
        }
    }
}
