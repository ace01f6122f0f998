//! Good and bad certificates, with a rustls client.

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version,
};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};
use tokensource_testserver::{Authority, Close, Identity, Leaf, Response, Server, ServerOptions, Tls, Versions};

fn server(tls: Tls) -> Server {
    Server::start(ServerOptions { tls: Some(tls), ..ServerOptions::default() })
}

/// Requests a token as a client that trusts the authority. The error is the client's.
fn request_token(server: &Server, host: &str, authority: &Authority, client: Option<&Identity>) -> io::Result<String> {
    request_token_with(server, host, authority, client, &[&version::TLS12, &version::TLS13])
}

fn request_token_with(
    server: &Server,
    host: &str,
    authority: &Authority,
    client: Option<&Identity>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => config.with_client_auth_cert(client.certificates(), client.private_key()).unwrap(),
    };
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", server.port()))?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket);
    stream.write_all(b"POST /oauth2/token/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

fn refusal(response: io::Result<String>) -> String {
    response.expect_err("must be refused").to_string()
}

#[test]
fn a_good_certificate_is_valid_for_every_name_of_loopback() {
    let authority = Authority::new();
    for leaf in [Leaf::Good, Leaf::GoodRsa] {
        let server = server(authority.tls(leaf));
        assert!(server.url().starts_with("https://127.0.0.1:"));
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert!(request_token(&server, host, &authority, None).unwrap().contains("token-"), "{leaf:?} {host}");
        }
        assert_eq!(server.connections(), 3);
    }
}

#[test]
fn each_bad_certificate_is_rejected_for_its_own_reason() {
    let authority = Authority::new();
    for (leaf, reason) in [
        (Leaf::Expired, "expired"),
        (Leaf::NotYetValid, "not valid yet"),
        (Leaf::WrongHost, "not valid for name"),
        (Leaf::SubjectOnly, "not valid for"),
        (Leaf::SelfSigned, "UnknownIssuer"),
        (Leaf::OtherAuthority, "UnknownIssuer"),
        (Leaf::MissingIntermediate, "UnknownIssuer"),
        (Leaf::ClientOnly, "extended key usage"),
    ] {
        let server = server(authority.tls(leaf));
        let refused = refusal(request_token(&server, "localhost", &authority, None));
        assert!(refused.contains(reason), "{leaf:?}: {refused}");
        assert_eq!((server.requests(), server.connections()), (0, 1), "{leaf:?}");
    }
    let server = server(authority.tls(Leaf::WrongHost));
    assert!(request_token(&server, "wrong.example", &authority, None).is_ok());
}

#[test]
fn mutual_tls_requires_a_client_certificate_of_its_authority() {
    let authority = Authority::new();
    let server = server(authority.mutual_tls());
    assert!(request_token(&server, "localhost", &authority, Some(&authority.client())).is_ok());
    let refused = refusal(request_token(&server, "localhost", &authority, None));
    assert!(refused.contains("CertificateRequired"), "{refused}");
    let stranger = Authority::new().client();
    let refused = refusal(request_token(&server, "localhost", &authority, Some(&stranger)));
    assert!(refused.contains("received fatal alert"), "{refused}");
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_server_may_support_one_version_only() {
    let authority = Authority::new();
    for (versions, spoken, other) in
        [(Versions::Only12, &version::TLS12, &version::TLS13), (Versions::Only13, &version::TLS13, &version::TLS12)]
    {
        let server = server(Tls { versions, ..authority.tls(Leaf::Good) });
        assert!(request_token_with(&server, "localhost", &authority, None, &[spoken]).is_ok(), "{versions:?}");
        let refused = refusal(request_token_with(&server, "localhost", &authority, None, &[other]));
        assert!(refused.contains("ProtocolVersion"), "{versions:?}: {refused}");
    }
}

#[test]
fn a_response_that_is_cut_off_cuts_tls_off() {
    let authority = Authority::new();
    let server = server(authority.tls(Leaf::Good));
    server.set_script(Response { close: Some(Close::MidBody), ..Response::default() });
    assert_eq!(request_token(&server, "localhost", &authority, None).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    server.set_script(Response { close: Some(Close::Reset), ..Response::default() });
    assert_eq!(request_token(&server, "localhost", &authority, None).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_key_of_another_certificate_is_an_error() {
    let authority = Authority::new();
    let mut tls = authority.tls(Leaf::Good);
    tls.identity.key = authority.issue(Leaf::GoodRsa).key;
    assert!(Server::bind(ServerOptions { tls: Some(tls), ..ServerOptions::default() }).is_err());
}
