//! Opens a tunnel through a SOCKS5 proxy (RFC 1928), with a user and password if it asks for them (RFC 1929).
//!
//! It must not look up a name, nor read anything that the server sends.

use super::http::Fault;
use crate::secret::Secret;
use std::{
    io::{self, Read, Write},
    net::SocketAddr,
};
use zeroize::Zeroizing;

/// The server, as the proxy is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Address(SocketAddr),
    /// A host name, which the proxy looks up, and a port.
    Name(String, u16),
}

/// Why there is no tunnel.
#[derive(Debug)]
pub(super) enum Refusal {
    Broken(Fault),
    /// The proxy accepts neither a client without credentials nor, if there are any, a user and password.
    NoMethod,
    WrongCredentials,
    /// The code of RFC 1928 §6 for a connection that the proxy did not make.
    Reply(u8),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Broken(Fault::CutShort),
            _ => Self::Broken(Fault::Io(error)),
        }
    }
}

const VERSION: u8 = 5;
const WITHOUT_CREDENTIALS: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks for a connection to the target. Afterwards, the stream is the tunnel. The credentials are sent only if the proxy
/// asks for them.
pub(super) fn open(
    stream: &mut (impl Read + Write),
    target: &Target,
    credentials: Option<&(Secret, Secret)>,
) -> Result<(), Refusal> {
    let greeting: &[u8] = match credentials {
        None => &[VERSION, 1, WITHOUT_CREDENTIALS],
        Some(_) => &[VERSION, 2, WITHOUT_CREDENTIALS, USER_AND_PASSWORD],
    };
    send(stream, greeting)?;
    let mut method = [0; 2];
    // One byte first, since another kind of server may send fewer than two.
    match stream.read(&mut method[..1])? {
        0 => return Err(Refusal::Broken(Fault::NoResponse)),
        _ if method[0] != VERSION => return Err(Refusal::Broken(not_socks(method[0]))),
        _ => stream.read_exact(&mut method[1..])?,
    }
    match (method[1], credentials) {
        (WITHOUT_CREDENTIALS, _) => {}
        (USER_AND_PASSWORD, Some((user, password))) => log_in(stream, user.expose(), password.expose())?,
        (USER_AND_PASSWORD | NO_METHOD, _) => return Err(Refusal::NoMethod),
        _ => return Err(Refusal::Broken(Fault::Unusable("chooses a way to sign in that was not offered"))),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    let port = match target {
        Target::Address(SocketAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.ip().octets());
            address.port()
        }
        Target::Address(SocketAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.ip().octets());
            address.port()
        }
        Target::Name(name, port) => {
            // A host name has at most 254 bytes.
            request.extend([NAME, name.len() as u8]);
            request.extend(name.as_bytes());
            *port
        }
    };
    request.extend(port.to_be_bytes());
    send(stream, &request)?;
    // A proxy that refuses may close after the code.
    let mut reply = [0; 2];
    stream.read_exact(&mut reply)?;
    match reply {
        [VERSION, 0] => {}
        [VERSION, code] => return Err(Refusal::Reply(code)),
        [first, _] => return Err(Refusal::Broken(not_socks(first))),
    }
    // The address that the proxy uses. Nothing may be read beyond it, since the server may be next.
    let mut kind = [0; 3];
    stream.read_exact(&mut kind)?;
    let length = match kind[1] {
        IPV4 => 4 - 1,
        IPV6 => 16 - 1,
        NAME => usize::from(kind[2]),
        _ => return Err(Refusal::Broken(Fault::Unusable("names an address of an unknown kind"))),
    };
    let mut rest = [0; 255 + 2];
    stream.read_exact(&mut rest[..length + 2])?;
    Ok(())
}

/// RFC 1929. Each part is at most 255 bytes, which was checked when the option was set.
fn log_in(stream: &mut (impl Read + Write), user: &str, password: &str) -> Result<(), Refusal> {
    let mut request = Zeroizing::new(Vec::with_capacity(3 + user.len() + password.len()));
    request.extend([1, user.len() as u8]);
    request.extend(user.as_bytes());
    request.push(password.len() as u8);
    request.extend(password.as_bytes());
    send(stream, &request)?;
    let mut status = [0; 2];
    match stream.read_exact(&mut status) {
        Ok(()) if status[1] == 0 => Ok(()),
        // Some proxies close without a status.
        Err(error) if !matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            Err(error.into())
        }
        _ => Err(Refusal::WrongCredentials),
    }
}

fn send(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Returns the fault for a first byte that is not that of SOCKS5.
fn not_socks(first: u8) -> Fault {
    Fault::Unusable(match first {
        b'H' => "is HTTP, not SOCKS5 (write http:// before its host)",
        0 | 4 => "is SOCKS4, which is not supported",
        0x15 | 0x16 => "is TLS, not SOCKS5",
        _ => "is not SOCKS5",
    })
}

/// Returns what a code of RFC 1928 §6 means. It completes "the proxy could not reach the server: …".
pub(super) fn meaning(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "its rules do not allow it",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time-out on the way",
        7 => "it does not know the command CONNECT",
        8 => "it does not know this kind of address",
        _ => "an unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A proxy that sends prepared bytes, at most `step` at a time, and keeps what it receives.
    struct Proxy {
        response: Cursor<Vec<u8>>,
        step: usize,
        received: Vec<u8>,
    }

    impl Read for Proxy {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let step = self.step.min(buffer.len());
            self.response.read(&mut buffer[..step])
        }
    }

    impl Write for Proxy {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.received.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the result, what the proxy received, and what it sent that was not read.
    fn run(response: &[u8], target: &Target, user: bool) -> (Result<(), Refusal>, Vec<u8>, Vec<u8>) {
        let credentials = (Secret::new("me"), Secret::new("p:w"));
        let mut results = [1, usize::MAX].map(|step| {
            let mut proxy = Proxy { response: Cursor::new(response.to_vec()), step, received: vec![] };
            let result = open(&mut proxy, target, user.then_some(&credentials));
            let read = proxy.response.position() as usize;
            (result, proxy.received, response[read..].to_vec())
        });
        assert_eq!(format!("{:?}", results[0]), format!("{:?}", results[1]));
        std::mem::replace(&mut results[0], (Ok(()), vec![], vec![]))
    }

    fn name() -> Target {
        Target::Name("as.example".into(), 443)
    }

    #[test]
    fn a_tunnel_is_asked_for_by_name_or_by_address() {
        let granted = b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90after";
        for (target, request) in [
            (name(), &b"\x05\x01\x00\x05\x01\x00\x03\x0aas.example\x01\xbb"[..]),
            (Target::Address("1.2.3.4:80".parse().unwrap()), b"\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50"),
            (
                Target::Address("[1::2]:8443".parse().unwrap()),
                b"\x05\x01\x00\x05\x01\x00\x04\x00\x01\0\0\0\0\0\0\0\0\0\0\0\0\x00\x02\x20\xfb",
            ),
        ] {
            let (result, received, rest) = run(granted, &target, false);
            assert!(result.is_ok());
            assert_eq!((received.as_slice(), rest.as_slice()), (request, &b"after"[..]));
        }
    }

    #[test]
    fn nothing_is_read_beyond_the_address_of_the_proxy() {
        let v6 = [&b"\x05\x00\x05\x00\x00\x04"[..], &[7; 18], b"after"].concat();
        let named = [&b"\x05\x00\x05\x00\x00\x03\x05proxy\x00\x50"[..], b"after"].concat();
        let no_name = [&b"\x05\x00\x05\x00\x00\x03\x00\x00\x50"[..], b"after"].concat();
        for response in [v6, named, no_name] {
            let (result, _, rest) = run(&response, &name(), false);
            assert!(result.is_ok());
            assert_eq!(rest, b"after");
        }
    }

    #[test]
    fn credentials_are_sent_only_if_the_proxy_asks_for_them() {
        let granted = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90";
        let (result, received, _) = run(&[&b"\x05\x00"[..], granted].concat(), &name(), true);
        assert!(result.is_ok() && received.starts_with(b"\x05\x02\x00\x02\x05\x01\x00"));
        for version in [1, 5] {
            let response = [&[5, 2, version, 0][..], granted].concat();
            let (result, received, _) = run(&response, &name(), true);
            assert!(result.is_ok() && received.starts_with(b"\x05\x02\x00\x02\x01\x02me\x03p:w\x05\x01\x00"));
        }
        for response in [&b"\x05\x02\x01\x01"[..], b"\x05\x02", b"\x05\x02\x01"] {
            assert!(matches!(run(response, &name(), true).0, Err(Refusal::WrongCredentials)));
        }
        for (response, user) in [(b"\x05\xff", false), (b"\x05\xff", true), (b"\x05\x02", false)] {
            let (result, received, _) = run(response, &name(), user);
            assert!(matches!(result, Err(Refusal::NoMethod)));
            assert!(received.len() <= 4, "{received:?}");
        }
    }

    #[test]
    fn a_refusal_has_its_code() {
        for code in 1..=9 {
            // With and without the address that should follow.
            for rest in [&b""[..], b"\x00\x01\0\0\0\0\0\0"] {
                let response = [&[5, 0, 5, code], rest].concat();
                assert!(matches!(run(&response, &name(), false).0, Err(Refusal::Reply(found)) if found == code));
            }
        }
    }

    #[test]
    fn another_kind_of_server_is_recognised() {
        for (response, words) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "is HTTP"),
            (b"\x00\x5b\0\0\0\0\0\0", "SOCKS4"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "is TLS"),
            (b"SSH-2.0-x\r\n", "is not SOCKS5"),
            (b"\x05\x01", "not offered"),
            (b"\x05\x00\x05\x00\x00\x07\x00", "unknown kind"),
            (b"\x05\x00\x00\x5b", "SOCKS4"),
        ] {
            let result = run(response, &name(), false).0;
            assert!(matches!(result, Err(Refusal::Broken(Fault::Unusable(what))) if what.contains(words)), "{words}");
        }
        assert!(matches!(run(b"", &name(), false).0, Err(Refusal::Broken(Fault::NoResponse))));
        for response in [&b"\x05"[..], b"\x05\x00", b"\x05\x00\x05\x00\x00", b"\x05\x00\x05\x00\x00\x01\x7f"] {
            assert!(matches!(run(response, &name(), false).0, Err(Refusal::Broken(Fault::CutShort))));
        }
    }
}
