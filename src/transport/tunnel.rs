//! Opens a tunnel through an http proxy with CONNECT (RFC 9110 §9.3.6).
//!
//! Not through ureq: it would keep the connection, and report a proxy's refusal as a broken connection. It must not read
//! anything that the server sends.

use super::{
    http::{Fault, TLS_PROXY},
    resolver::Resolver,
};
use crate::secret::Secret;
use rustls::pki_types::ServerName;
use std::{
    io::{Read, Write},
    sync::atomic::AtomicBool,
};
use zeroize::Zeroizing;

const HEAD_LIMIT: usize = 16 << 10;

/// The route to the server through a proxy.
pub(super) struct ProxyRoute {
    pub(super) way: Way,
    /// The name in the proxy's certificate, if TLS is spoken to it.
    pub(super) tls_name: Option<ServerName<'static>>,
    /// Host and port of the server.
    pub(super) target: String,
    pub(super) has_credentials: bool,
    /// The option or variable that names the proxy.
    pub(super) named_by: &'static str,
    /// Whether the proxy has said that it accepts no user and password, so that it gets none.
    pub(super) refuses_passwords: AtomicBool,
}

/// What a proxy is asked for.
pub(super) enum Way {
    /// To forward the request itself, which is for http: a default Squid allows CONNECT to port 443 only.
    Forward,
    /// A tunnel, with these requests.
    Connect { with_credentials: Zeroizing<Vec<u8>>, without: Zeroizing<Vec<u8>> },
    /// A tunnel through SOCKS5. The resolver looks the server up if the proxy must not.
    Socks { credentials: Option<(Secret, Secret)>, resolver: Option<Resolver> },
}

/// How a proxy responded to CONNECT.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// The schemes of authentication that it offers (RFC 9110 §11.7.1).
    pub(super) offered: Vec<String>,
}

/// Returns the schemes that the values of Proxy-Authenticate offer, at most ten, each printable and short. A parameter is no
/// scheme, nor is what is quoted.
pub(super) fn offered_schemes<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut schemes: Vec<String> = Vec::new();
    for value in values {
        let mut quoted = false;
        let challenges = value.split(|c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        for challenge in challenges {
            let scheme = challenge.split_whitespace().next().unwrap_or_default();
            let is_scheme =
                (1..=20).contains(&scheme.len()) && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let is_new = !schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme));
            if is_scheme && is_new && schemes.len() < 10 {
                schemes.push(scheme.to_owned());
            }
        }
    }
    schemes
}

/// Returns the bytes of the request. `authorization` is the value of Proxy-Authorization.
pub(super) fn connect_request(authority: &str, user_agent: &str, authorization: Option<&Secret>) -> Zeroizing<Vec<u8>> {
    let start = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {user_agent}\r\n");
    let authorization = authorization.map_or(["", "", ""], |value| ["Proxy-Authorization: ", value.expose(), "\r\n"]);
    let parts = [start.as_str()].into_iter().chain(authorization).chain(["\r\n"]);
    // Allocated in full at once: a buffer that grows leaves unwiped copies behind.
    let mut request = Zeroizing::new(Vec::with_capacity(parts.clone().map(str::len).sum()));
    parts.for_each(|part| request.extend_from_slice(part.as_bytes()));
    request
}

/// Sends the request and returns the response. After a 2xx, the stream is the tunnel.
pub(super) fn open(stream: &mut (impl Read + Write), request: &[u8]) -> Result<Reply, Fault> {
    stream.write_all(request).and_then(|()| stream.flush()).map_err(Fault::Io)?;
    let mut buffer = vec![0; HEAD_LIMIT];
    let (mut start, mut end) = (0, 0);
    loop {
        match stream.read(&mut buffer[end..]) {
            Ok(0) if end == buffer.len() => return Err(Fault::Unusable("has more than 16 KiB of headers")),
            Ok(0) if end == 0 => return Err(Fault::NoResponse),
            Ok(0) => return Err(Fault::CutShort),
            read => end += read.map_err(Fault::Io)?,
        }
        while let Some((length, reply)) = parse_head(&buffer[start..end])? {
            start += length;
            match reply.status {
                100..200 => {}
                // In TLS the client sends first. So bytes after the head are a page of the proxy's own.
                200..300 if start < end => return Err(Fault::Unusable("goes on where the tunnel should begin")),
                _ => return Ok(reply),
            }
        }
    }
}

/// Returns length and content of a head; None while it is incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, Reply)>, Fault> {
    // A handshake or alert record of TLS.
    if matches!(bytes, [0x15 | 0x16, ..]) {
        return Err(TLS_PROXY);
    }
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => {
            // Some proxies send 401 with the header of a server.
            let names = ["proxy-authenticate", "www-authenticate"];
            let values = response
                .headers
                .iter()
                .filter(|header| names.iter().any(|name| header.name.eq_ignore_ascii_case(name)));
            let offered = offered_schemes(values.filter_map(|header| std::str::from_utf8(header.value).ok()));
            Ok(response.code.map(|status| (length, Reply { status, offered })))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(Fault::Unusable("is not HTTP/1.1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Cursor};

    #[test]
    fn a_connect_request_has_the_credentials_if_there_are_any() {
        let secret = Secret::new("Basic dTpw");
        let request = connect_request("[::1]:443", "us/1", Some(&secret));
        assert_eq!(
            std::str::from_utf8(&request).unwrap(),
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nUser-Agent: us/1\r\n\
             Proxy-Authorization: Basic dTpw\r\n\r\n"
        );
        assert_eq!(request.capacity(), request.len());
        assert_eq!(
            std::str::from_utf8(&connect_request("a:443", "us/1", None)).unwrap(),
            "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nUser-Agent: us/1\r\n\r\n"
        );
    }

    /// A proxy that sends at most `step` bytes at a time.
    struct Proxy<'a> {
        response: Cursor<&'a [u8]>,
        step: usize,
    }

    impl Read for Proxy<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let step = self.step.min(buffer.len());
            self.response.read(&mut buffer[..step])
        }
    }

    impl Write for Proxy<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn status_of(response: &[u8], step: usize) -> Result<u16, Fault> {
        open(&mut Proxy { response: Cursor::new(response), step }, b"?").map(|reply| reply.status)
    }

    #[test]
    fn the_schemes_that_a_proxy_offers_are_found() {
        for (values, schemes) in [
            (&["Negotiate", "NTLM"][..], &["Negotiate", "NTLM"][..]),
            (&["Negotiate, NTLM, Basic realm=\"a, Digest\""], &["Negotiate", "NTLM", "Basic"]),
            (&["Digest realm=\"x\", nonce=\"y\", qop=\"auth, auth-int\", stale=false"], &["Digest"]),
            (&["NTLM TlRMTVNTUAACAAAA=="], &["NTLM"]),
            (&["basic realm=a", "BASIC realm=b"], &["basic"]),
            (&["", ",", " , ,"], &[]),
            (&["Bad/Scheme", "\u{202e}x", "averyveryverylongschemename"], &[]),
        ] {
            assert_eq!(offered_schemes(values.iter().copied()), schemes, "{values:?}");
        }
        let many: Vec<_> = (0..100).map(|number| format!("S{number}")).collect();
        assert_eq!(offered_schemes(many.iter().map(String::as_str)).len(), 10);
        let refusal = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\n\r\n";
        let reply = open(&mut Proxy { response: Cursor::new(refusal), step: 3 }, b"?").unwrap();
        assert_eq!(reply, Reply { status: 407, offered: vec!["Negotiate".into(), "NTLM".into()] });
    }

    #[test]
    fn a_tunnel_is_open_if_nothing_follows_the_2xx() {
        for step in [1, usize::MAX] {
            assert_eq!(status_of(b"HTTP/1.1 200 Connection established\r\n\r\n", step).unwrap(), 200);
            assert_eq!(status_of(b"HTTP/1.1 102 Wait\r\n\r\nHTTP/1.0 200 OK\r\nA: b\r\n\r\n", step).unwrap(), 200);
            assert_eq!(status_of(b"HTTP/1.1 407 No\r\nContent-Length: 9\r\n\r\n<html>", step).unwrap(), 407);
            assert!(matches!(status_of(b"<html>", step), Err(Fault::Unusable("is not HTTP/1.1"))));
            for record in [b"\x15\x03\x03", b"\x16\x03\x01"] {
                assert!(matches!(status_of(record, step), Err(Fault::Unusable(what)) if what.starts_with("is TLS")));
            }
            assert!(matches!(status_of(b"", step), Err(Fault::NoResponse)));
            assert!(matches!(status_of(b"HTTP/1.1 200 OK\r\n", step), Err(Fault::CutShort)));
        }
        assert!(matches!(status_of(b"HTTP/1.1 200 OK\r\n\r\n<html>", usize::MAX), Err(Fault::Unusable(_))));
    }

    #[test]
    fn an_endless_head_is_refused() {
        let endless = b"HTTP/1.1 200 OK\r\nA: ".iter().copied().chain([b'x'; 20_000]).collect::<Vec<_>>();
        for response in [endless, b"HTTP/1.1 100 Go on\r\n\r\n".repeat(1000)] {
            assert!(matches!(
                status_of(&response, usize::MAX),
                Err(Fault::Unusable("has more than 16 KiB of headers"))
            ));
        }
    }
}
