//! The transport over TLS: certificates, client certificates and their files.

use super::*;
use crate::{
    config::Identity,
    system::FileState,
    transport::tls::{MEANWHILE, RootSource, shared_roots},
};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

/// A certificate authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

struct Leaf {
    pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Authority {
    fn sign(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        self.sign_with(&PKCS_ECDSA_P256_SHA256, change)
    }

    fn sign_with(&self, kind: &'static SignatureAlgorithm, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate_for(kind).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { pem: certificate.pem(), chain: vec![certificate.der().clone()], key }
    }

    fn store(&self) -> Arc<RootCertStore> {
        use rustls::pki_types::pem::PemObject;
        let mut store = RootCertStore::empty();
        store.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        Arc::new(store)
    }
}

/// A directory for one test, removed on drop.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tks-transport-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];

/// Starts a server for one connection. Returns its port, and the request or the reason why there was none.
fn serve_tls(
    leaf: &Leaf,
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Authority>,
) -> (u16, JoinHandle<io::Result<String>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(clients.store(), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(leaf.key.serialize_der()).unwrap();
    let config = builder.with_single_cert(leaf.chain.clone(), key).unwrap();
    serve(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
        let request = read_request(&mut stream)?;
        stream.write_all(OK.as_bytes())?;
        stream.flush()?;
        // The client sends close_notify before it closes.
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        Ok(request)
    })
}

fn trusting(ca: &Authority, files: &Files, url: &str) -> Settings {
    let mut settings = settings(url);
    settings.roots = Roots::File { path: files.write("ca.pem", &ca.pem), named_by: "ca_file" };
    settings
}

#[test]
fn both_tls_versions_work_with_every_kind_of_key() {
    let (ca, files) = (authority("ours"), Files::new());
    for kind in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        for version in [&TLS12, &TLS13] {
            for host in ["localhost", "127.0.0.1"] {
                let (port, server) = serve_tls(&ca.sign_with(kind, |_| {}), &[version], None);
                assert_eq!(send(&trusting(&ca, &files, &format!("https://{host}:{port}/t"))).unwrap().status, 200);
                assert!(server.join().unwrap().unwrap().starts_with("POST /t HTTP/1.1\r\n"));
            }
        }
    }
}

#[test]
fn tls_through_a_proxy_ends_at_the_server() {
    let (ca, files) = (authority("ours"), Files::new());
    let (server_port, server) = serve_tls(&ca.sign(|_| {}), BOTH, None);
    let (port, proxy) = serve(move |mut stream| {
        read_head(&mut stream).unwrap();
        let server = TcpStream::connect(("127.0.0.1", server_port)).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let (mut from, mut to) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
        let up = thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
        let _ = io::copy(&mut &server, &mut stream);
        let _ = stream.shutdown(std::net::Shutdown::Both);
        up.join().unwrap();
    });
    let settings = through_proxy(trusting(&ca, &files, &format!("https://localhost:{server_port}/")), port, true);
    assert_eq!(send(&settings).unwrap().status, 200);
    let request = server.join().unwrap().unwrap();
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(!request.to_ascii_lowercase().contains("proxy-authorization"), "{request}");
    proxy.join().unwrap();
}

/// Starts an HTTP proxy that speaks TLS, for one connection, and leads a tunnel to `port`, or responds OK itself. Returns the
/// head of the request, or the reason why there was none.
fn tls_proxy(leaf: &Leaf, clients: Arc<AnyClient>, port: Option<u16>) -> (u16, JoinHandle<io::Result<String>>) {
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(leaf.chain.clone(), PrivateKeyDer::try_from(leaf.key.serialize_der()).unwrap())
        .unwrap();
    serve(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
        let Some(port) = port else {
            let request = read_request(&mut stream)?;
            stream.write_all(OK.as_bytes())?;
            stream.flush()?;
            return Ok(request);
        };
        let head = read_head(&mut stream)?;
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let pause = Some(Duration::from_millis(5));
        stream.sock.set_read_timeout(pause)?;
        server.set_read_timeout(pause)?;
        let mut buffer = [0; 4096];
        let is_idle = |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(head),
                Ok(length) => server.write_all(&buffer[..length])?,
                Err(error) if is_idle(&error) => {}
                Err(_) => return Ok(head),
            }
            match server.read(&mut buffer) {
                Ok(0) => return Ok(head),
                Ok(length) => stream.write_all(&buffer[..length])?,
                Err(error) if is_idle(&error) => {}
                Err(_) => return Ok(head),
            }
        }
    })
}

#[test]
fn tls_to_a_proxy_trusts_ca_file_and_shows_no_client_certificate() {
    let (ca, files) = (authority("ours"), Files::new());
    let ours = ca.sign(|_| {});
    let identity =
        Identity { cert: files.write("c.pem", &ours.pem), key: files.write("c.key", ours.key.serialize_pem()) };
    let shown = Arc::new(std::sync::Mutex::new(vec![]));
    let start = |port| tls_proxy(&ca.sign(|_| {}), Arc::new(AnyClient(shown.clone())), port);

    // A tunnel, and TLS with a client certificate in it.
    let (server_port, server) = serve_tls(&ca.sign(|_| {}), BOTH, Some(&ca));
    let (port, proxy) = start(Some(server_port));
    let mut settings = trusting(&ca, &files, &format!("https://localhost:{server_port}/t"));
    settings.identity = Some(identity.clone());
    let settings = through_socks(settings, ProxyScheme::Https, port, true);
    assert_eq!(send(&settings).unwrap().status, 200);
    let head = proxy.join().unwrap().unwrap();
    assert!(head.starts_with("CONNECT localhost:") && head.contains("Proxy-Authorization: Basic "), "{head}");
    assert!(server.join().unwrap().unwrap().starts_with("POST /t HTTP/1.1\r\n"));
    assert!(shown.lock().unwrap().is_empty());

    // The request itself.
    let (port, proxy) = start(None);
    let mut settings = trusting(&ca, &files, "http://as.example:80/t");
    settings.identity = Some(identity);
    let settings = through_socks(settings, ProxyScheme::Https, port, true);
    assert_eq!(send(&settings).unwrap().status, 200);
    let request = proxy.join().unwrap().unwrap();
    assert!(request.starts_with("POST http://as.example/t HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("proxy-authorization: Basic "), "{request}");
    assert!(shown.lock().unwrap().is_empty());
}

#[test]
fn an_error_of_tls_with_a_proxy_names_the_proxy() {
    let (ca, other, files) = (authority("ours"), authority("other"), Files::new());
    for (leaf, words) in [
        (other.sign(|_| {}), "the proxy's certificate is not signed by a trusted CA"),
        (
            ca.sign(|params| *params = CertificateParams::new(vec!["a.example".into()]).unwrap()),
            "the proxy's certificate is for a.example, not for the host in HTTPS_PROXY",
        ),
    ] {
        for url in ["https://as.example:443/", "http://as.example:80/"] {
            let (port, proxy) = tls_proxy(&leaf, Arc::new(AnyClient(Arc::default())), None);
            let settings = through_socks(trusting(&ca, &files, url), ProxyScheme::Https, port, true);
            let message = assert_error(send(&settings), ErrorKind::Tls, false, false);
            assert_contains(
                &message,
                &[&format!("TLS with the proxy 127.0.0.1:{port} (named by HTTPS_PROXY) failed; "), words],
            );
            assert!(proxy.join().unwrap().is_err());
        }
    }
    let (port, proxy) = serve(|mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut vec![]);
    });
    let plain = through_socks(trusting(&ca, &files, "https://as.example:443/"), ProxyScheme::Https, port, true);
    assert_contains(&assert_error(send(&plain), ErrorKind::Tls, false, false), &["not TLS", "write http:// there"]);
    proxy.join().unwrap();
    let (port, proxy) = serve(drop);
    let closed = through_socks(trusting(&ca, &files, "https://as.example:443/"), ProxyScheme::Https, port, true);
    let message = assert_error(send(&closed), ErrorKind::Network, true, true);
    assert_contains(&message, &["the TLS handshake with the proxy 127.0.0.1:", "broke off"]);
    proxy.join().unwrap();
}

#[test]
fn the_error_for_a_bad_certificate_names_the_fault_and_the_remedy() {
    let (ca, other, files) = (authority("ours"), authority("other"), Files::new());
    let self_signed = {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
        Leaf { pem: certificate.pem(), chain: vec![certificate.der().clone()], key }
    };
    let leaves: [(Leaf, &[&str]); 9] = [
        (
            ca.sign(|params| params.not_after = date_time_ymd(2024, 2, 3)),
            &["expired on Sat, 03 Feb 2024", "clock says", "must renew it"],
        ),
        (ca.sign(|params| params.not_before = date_time_ymd(2090, 1, 1)), &["not yet valid", "2090", "set the clock"]),
        (
            ca.sign(|params| *params = CertificateParams::new(vec!["a.example".into(), "b.example".into()]).unwrap()),
            &["is for a.example, b.example, not for the host in token_url"],
        ),
        (ca.sign(|params| params.subject_alt_names = vec![]), &["names no host", "subjectAltName"]),
        (other.sign(|_| {}), &["not signed by a trusted CA", "ca_file", "intermediate", "intercepts"]),
        (authority("ours").sign(|_| {}), &["not its issuer's", "old certificate of the CA"]),
        (self_signed, &["not signed by a trusted CA", "self-signed"]),
        (
            ca.sign(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            &["presents a CA certificate as its own", "very certificate in ca_file", "CA:FALSE"],
        ),
        (
            ca.sign(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            &["not made for servers", "serverAuth"],
        ),
    ];
    for (leaf, words) in leaves {
        let (port, server) = serve_tls(&leaf, BOTH, None);
        let result = send(&trusting(&ca, &files, &format!("https://localhost:{port}/")));
        let message = assert_error(result, ErrorKind::Tls, false, false);
        assert_contains(&message, &[&format!("TLS with the token server localhost:{port} failed; ")]);
        assert_contains(&message, words);
        assert!(server.join().unwrap().is_err());
    }
}

#[test]
fn bundled_roots_do_not_trust_a_private_ca() {
    let (port, server) = serve_tls(&authority("ours").sign(|_| {}), BOTH, None);
    let result = send(&settings(&format!("https://localhost:{port}/")));
    assert_contains(&assert_error(result, ErrorKind::Tls, false, false), &["ca_file"]);
    assert!(server.join().unwrap().is_err());
}

#[test]
fn the_error_for_a_failed_handshake_names_the_likely_cause() {
    let cases: [(&[u8], &str); 4] = [
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS 1.1 or older"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not TLS: is this the port of a plain http server"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "may want a client certificate"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "knows no host of this name"),
    ];
    for (bytes, words) in cases {
        let (port, server) = serve(move |mut stream| {
            stream.write_all(bytes).unwrap();
            let _ = stream.read_to_end(&mut vec![]);
        });
        let result = send(&settings(&format!("https://localhost:{port}/")));
        assert_contains(&assert_error(result, ErrorKind::Tls, false, false), &[words]);
        server.join().unwrap();
    }
}

#[test]
fn a_handshake_that_breaks_or_never_ends_is_worth_another_attempt() {
    let (port, server) = serve(drop);
    let result = send(&settings(&format!("https://localhost:{port}/")));
    assert_contains(
        &assert_error(result, ErrorKind::Network, true, true),
        &["the TLS handshake with the token server", "broke off"],
    );
    server.join().unwrap();

    let (port, server) = serve(|mut stream| stream.read_to_end(&mut vec![]).unwrap());
    let settings = settings(&format!("https://localhost:{port}/"));
    let result = send_within(&HttpTransport::new(&settings).unwrap(), &settings, SHORT);
    assert_contains(&assert_error(result, ErrorKind::Timeout, true, true), &["took too long (timeout is 30 s)"]);
    server.join().unwrap();
}

#[test]
fn http_to_a_tls_port_is_reported_as_such() {
    let (port, server) = serve(|mut stream| {
        // OpenSSL's response to an HTTP request.
        stream.write_all(b"\x15\x03\x01\x00\x02\x02\x46").unwrap();
        let _ = stream.read_to_end(&mut vec![]);
    });
    let message =
        assert_error(send(&settings(&format!("http://localhost:{port}/"))), ErrorKind::BadResponse, false, false);
    assert_contains(&message, &["begin with https"]);
    server.join().unwrap();
}

#[test]
fn a_client_certificate_is_sent_and_its_absence_is_explained() {
    let (ca, other, files) = (authority("ours"), authority("other"), Files::new());
    let (ours, wrong) = (ca.sign(|_| {}), other.sign(|_| {}));
    let identity = |name: &str, leaf: &Leaf| Identity {
        cert: files.write(&format!("{name}.pem"), &leaf.pem),
        key: files.write(&format!("{name}.key"), leaf.key.serialize_pem()),
    };
    for version in [&TLS12, &TLS13] {
        let send_as = |identity: Option<Identity>| {
            let (port, server) = serve_tls(&ca.sign(|_| {}), &[version], Some(&ca));
            let mut settings = trusting(&ca, &files, &format!("https://localhost:{port}/"));
            settings.identity = identity;
            (send(&settings), server.join().unwrap())
        };
        let (result, served) = send_as(Some(identity("ours", &ours)));
        assert_eq!(result.unwrap().status, 200);
        served.unwrap();
        let (result, served) = send_as(None);
        assert_contains(
            &assert_error(result, ErrorKind::Tls, false, false),
            &["client certificate", "client_cert_file"],
        );
        assert!(served.is_err());
        let (result, served) = send_as(Some(identity("wrong", &wrong)));
        assert_contains(&assert_error(result, ErrorKind::Tls, false, false), &["refused the client certificate"]);
        assert!(served.is_err());
    }
}

/// Accepts every client certificate, also one that webpki cannot read.
#[derive(Debug)]
struct AnyClient(Arc<std::sync::Mutex<Vec<u8>>>);

impl rustls::server::danger::ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::server::danger::ClientCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = end_entity.to_vec();
        Ok(rustls::server::danger::ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Returns the certificate as one of version 1, which has neither a version nor extensions. Its signature is wrong.
fn of_version_1(der: &[u8]) -> Vec<u8> {
    fn element(bytes: &[u8]) -> (u8, &[u8], usize) {
        let (length, start) = match bytes[1] {
            0x82 => (usize::from(bytes[2]) << 8 | usize::from(bytes[3]), 4),
            0x81 => (usize::from(bytes[2]), 3),
            length => (usize::from(length), 2),
        };
        (bytes[0], &bytes[start..start + length], start + length)
    }
    let wrap = |content: Vec<u8>| [&[0x30, 0x82], &(content.len() as u16).to_be_bytes()[..], &content].concat();
    let (_, certificate, _) = element(der);
    let (_, mut signed, end) = element(certificate);
    let mut kept = vec![];
    while !signed.is_empty() {
        let (tag, _, length) = element(signed);
        if tag != 0xa0 && tag != 0xa3 {
            kept.extend_from_slice(&signed[..length]);
        }
        signed = &signed[length..];
    }
    wrap([wrap(kept), certificate[end..].to_vec()].concat())
}

fn pem(der: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
}

#[test]
fn a_client_certificate_of_version_1_is_sent() {
    let (ca, files) = (authority("ours"), Files::new());
    for kind in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519] {
        let leaf = ca.sign_with(kind, |_| {});
        let der = of_version_1(&leaf.chain[0]);
        let shown = Arc::new(std::sync::Mutex::new(vec![]));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server_leaf = ca.sign(|_| {});
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(Arc::new(AnyClient(shown.clone())))
            .with_single_cert(server_leaf.chain, PrivateKeyDer::try_from(server_leaf.key.serialize_der()).unwrap())
            .unwrap();
        let (port, server) = serve(move |stream| {
            respond(StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream), OK)
        });
        let mut settings = trusting(&ca, &files, &format!("https://localhost:{port}/"));
        let cert = files.write("v1.pem", pem(&der));
        let key = files.write("v1.key", leaf.key.serialize_pem());
        settings.identity = Some(Identity { cert: cert.clone(), key });
        assert_eq!(send(&settings).unwrap().status, 200);
        server.join().unwrap();
        assert_eq!(*shown.lock().unwrap(), der);

        let other = files.write("other.key", KeyPair::generate_for(kind).unwrap().serialize_pem());
        settings.identity = Some(Identity { cert: cert.clone(), key: other });
        assert_contains(&new_error(&settings), &["client_key_file names does not belong to the certificate"]);
        files.write("v1.pem", pem(&der[..der.len() - 1]));
        assert_contains(&new_error(&settings), &["client_cert_file names holds a certificate that cannot be read"]);
    }
}

// A server's own certificate in ca_file.

/// Returns a self-signed certificate that is marked as that of a CA.
fn own(change: impl FnOnce(&mut CertificateParams)) -> Leaf {
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Leaf { pem: certificate.pem(), chain: vec![certificate.der().clone()], key }
}

/// Sends a request to a server with this certificate. Returns the message of the error, if there is one.
#[track_caller]
fn send_to_own(leaf: &Leaf, roots: Roots, host: &str) -> Result<(), String> {
    for version in [&TLS12, &TLS13] {
        let (port, server) = serve_tls(leaf, &[version], None);
        let settings = Settings { roots: roots.clone(), ..settings(&format!("https://{host}:{port}/")) };
        let result = send(&settings);
        let served = server.join().unwrap();
        if result.is_err() {
            assert!(served.is_err());
            return Err(assert_error(result, ErrorKind::Tls, false, false));
        }
    }
    Ok(())
}

#[test]
fn a_self_signed_certificate_of_a_server_that_is_itself_in_ca_file_is_accepted() {
    let (leaf, files) = (own(|_| {}), Files::new());
    let ca_file = |text: &str| Roots::File { path: files.write("own.pem", text), named_by: "ca_file" };
    assert_eq!(send_to_own(&leaf, ca_file(&leaf.pem), "localhost"), Ok(()));
    let among_others = authority("other").pem + &leaf.pem;
    assert_eq!(send_to_own(&leaf, ca_file(&among_others), "localhost"), Ok(()));
    let with_usage = own(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert_eq!(send_to_own(&with_usage, ca_file(&with_usage.pem), "localhost"), Ok(()));
    // One that is not marked as that of a CA was accepted already.
    let plain = own(|params| params.is_ca = IsCa::NoCa);
    assert_eq!(send_to_own(&plain, ca_file(&plain.pem), "localhost"), Ok(()));
}

#[test]
fn a_self_signed_certificate_in_ca_file_must_hold_in_every_other_way() {
    let files = Files::new();
    let ca_file = |leaf: &Leaf| Roots::File { path: files.write("own.pem", &leaf.pem), named_by: "ca_file" };
    let client_only = own(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    for (leaf, host, words) in [
        (own(|params| params.not_after = date_time_ymd(2024, 2, 3)), "localhost", "expired on Sat, 03 Feb 2024"),
        (own(|params| params.not_before = date_time_ymd(2090, 1, 1)), "localhost", "not yet valid"),
        (own(|_| {}), "127.0.0.1", "is for localhost, not for the host"),
        (own(|params| params.subject_alt_names = vec![]), "localhost", "names no host"),
        (client_only, "localhost", "not made for servers"),
    ] {
        assert_contains(&send_to_own(&leaf, ca_file(&leaf), host).unwrap_err(), &[words]);
    }
}

#[test]
fn only_ca_file_lets_a_server_show_the_very_certificate() {
    let (leaf, files) = (own(|_| {}), Files::new());
    let path = files.write("own.pem", &leaf.pem);
    // The same key and names, but another certificate.
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let again = params.self_signed(&leaf.key).unwrap().pem();
    let other = files.write("again.pem", again);
    let directory = files.0.join("certs");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("own.pem"), &leaf.pem).unwrap();
    for roots in [
        Roots::File { path, named_by: "SSL_CERT_FILE" },
        Roots::File { path: other, named_by: "ca_file" },
        Roots::Environment { file: None, directories: vec![directory] },
        Roots::Bundled,
    ] {
        assert_contains(
            &send_to_own(&leaf, roots, "localhost").unwrap_err(),
            &["presents a CA certificate as its own"],
        );
    }
    // It is not self-signed, although it is in ca_file.
    let ca = authority("ours");
    let signed = ca.sign(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let roots = Roots::File { path: files.write("both.pem", ca.pem + &signed.pem), named_by: "ca_file" };
    assert_contains(&send_to_own(&signed, roots, "localhost").unwrap_err(), &["presents a CA certificate as its own"]);
}

// Directories.

#[test]
fn the_certificates_of_directories_and_of_the_file_beside_them_are_trusted() {
    let (one, two, three, files) = (authority("one"), authority("two"), authority("three"), Files::new());
    let (a, b) = (files.0.join("a"), files.0.join("b"));
    fs::create_dir(&a).unwrap();
    fs::create_dir(&b).unwrap();
    let file = files.write("one.pem", &one.pem);
    fs::write(a.join("0a1b2c3d.0"), &two.pem).unwrap();
    fs::write(a.join("README"), "No certificate.").unwrap();
    fs::write(a.join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    fs::write(a.join("broken.pem"), pem(b"no certificate")).unwrap();
    std::os::unix::fs::symlink("nowhere", a.join("dangling.0")).unwrap();
    std::os::unix::fs::symlink("0a1b2c3d.0", a.join("two.pem")).unwrap();
    fs::create_dir(a.join("below")).unwrap();
    fs::write(b.join("ca.crt"), &three.pem).unwrap();
    let accepts = |roots: &Roots, ca: &Authority| {
        let (port, server) = serve_tls(&ca.sign(|_| {}), BOTH, None);
        let settings = Settings { roots: roots.clone(), ..settings(&format!("https://localhost:{port}/")) };
        let result = send(&settings);
        let _ = server.join().unwrap();
        result.is_ok()
    };
    let nowhere = files.0.join("nowhere");
    for (file, directories, accepted) in [
        (Some(&file), vec![&a, &b], [true, true, true]),
        (None, vec![&a, &nowhere], [false, true, false]),
        (None, vec![&b], [false, false, true]),
        (Some(&file), vec![&nowhere], [true, false, false]),
    ] {
        let directories = directories.into_iter().cloned().collect();
        let roots = Roots::Environment { file: file.cloned(), directories };
        assert_eq!([&one, &two, &three].map(|ca| accepts(&roots, ca)), accepted, "{roots:?}");
    }
    let empty = a.join("below");
    for (directory, words) in [
        (&nowhere, "cannot be read (No such file"),
        (&empty, "holds no certificate: name a directory"),
        (&file, "cannot be read (Not a directory"),
    ] {
        let mut settings = settings("https://as.example:443/");
        settings.roots = Roots::Environment { file: None, directories: vec![directory.clone()] };
        assert_contains(
            &new_error(&settings),
            &[&format!("the directory {directory:?} that SSL_CERT_DIR names "), words],
        );
    }
}

#[test]
fn a_file_that_appears_in_a_directory_is_read_at_the_next_request() {
    let (old, new, files) = (authority("old"), authority("new"), Files::new());
    let directory = files.0.join("certs");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("old.pem"), &old.pem).unwrap();
    let mut settings = settings("https://localhost:443/");
    settings.roots = Roots::Environment { file: None, directories: vec![directory.clone()] };
    let transport = HttpTransport::new(&settings).unwrap();
    let mut send_to_server_of = |ca: &Authority| {
        let (port, server) = serve_tls(&ca.sign(|_| {}), BOTH, None);
        settings.server = super::settings(&format!("https://localhost:{port}/")).server;
        let result = send_within(&transport, &settings, AMPLE);
        let _ = server.join().unwrap();
        (result.is_ok(), transport.watched_files())
    };
    let (accepted, watched) = send_to_server_of(&new);
    assert!(!accepted && watched.len() == 2 && !watched.iter().any(WatchedFile::has_changed), "{watched:?}");
    fs::write(directory.join("new.pem"), &new.pem).unwrap();
    assert!(watched.iter().any(WatchedFile::has_changed));
    assert!(send_to_server_of(&new).0 && send_to_server_of(&old).0);
}

#[test]
fn a_bad_certificate_names_the_variables_of_other_programs() {
    let (port, server) = serve_tls(&authority("ours").sign(|_| {}), BOTH, None);
    let mut settings = settings(&format!("https://localhost:{port}/"));
    settings.unread_ca_variables = vec!["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
    let message = assert_error(send(&settings), ErrorKind::Tls, false, false);
    assert_contains(&message, &["REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE are set, which this library does not read"]);
    let _ = server.join().unwrap();
}

// Files.

pub(super) fn new_error(settings: &Settings) -> String {
    assert_error(HttpTransport::new(settings).map(|_| unreachable!("accepted")), ErrorKind::InvalidConfig, false, false)
}

#[test]
fn an_unusable_ca_file_fails_at_once_and_is_named() {
    let (ca, files) = (authority("ours"), Files::new());
    let fifo = files.0.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let broken = ca.pem.replacen("MII", "!!!", 1);
    let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (path, words) in [
        (files.0.join("none.pem"), "cannot be read (No such file"),
        (files.0.clone(), "is not a regular file"),
        (fifo, "is not a regular file"),
        (files.write("empty.pem", ""), "is empty"),
        (files.write("large.pem", ca.pem.repeat(4000)), "is larger than 1 MiB"),
        (files.write("text.pem", "hello"), "holds no certificate"),
        (files.write("key.pem", KeyPair::generate().unwrap().serialize_pem()), "holds no certificate"),
        (files.write("broken.pem", broken), "is broken PEM"),
        (files.write("der.pem", ca.pem.clone() + not_a_certificate), "a certificate that cannot be read"),
    ] {
        for named_by in ["ca_file", "SSL_CERT_FILE"] {
            let mut settings = settings("https://as.example:443/");
            settings.roots = Roots::File { path: path.clone(), named_by };
            assert_contains(&new_error(&settings), &[&format!("the file {path:?} that {named_by} names "), words]);
        }
    }
}

#[test]
fn a_path_in_a_message_is_shortened_and_in_one_line() {
    let mut settings = settings("https://as.example:443/");
    settings.roots = Roots::File { path: format!("/nowhere\n{}", "/x".repeat(30_000)).into(), named_by: "ca_file" };
    let message = new_error(&settings);
    assert_contains(&message, &["the file \"/nowhere", "…\" that ca_file names cannot be read"]);
    assert!(message.chars().count() < 700, "{message}");
}

#[test]
fn for_http_only_files_that_an_option_names_are_checked() {
    let mut settings = settings("http://localhost:80/");
    let path = PathBuf::from("/nowhere/ca.pem");
    settings.roots = Roots::File { path: path.clone(), named_by: "ca_file" };
    assert_contains(&new_error(&settings), &["ca_file"]);
    settings.roots = Roots::File { path, named_by: "SSL_CERT_FILE" };
    assert!(HttpTransport::new(&settings).is_ok());
}

#[test]
fn an_unusable_client_certificate_or_key_fails_at_once_and_is_named() {
    let (ca, files) = (authority("ours"), Files::new());
    let leaf = ca.sign(|_| {});
    let cert = files.write("cert.pem", &leaf.pem);
    let key = files.write("key.pem", leaf.key.serialize_pem());
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old_encrypted =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let nonsense = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let none = files.0.join("none.pem");
    for (cert, key, words) in [
        (&none, &key, "that client_cert_file names cannot be read"),
        (&cert, &none, "that client_key_file names cannot be read"),
        (&key, &key, "that client_cert_file names holds no certificate"),
        (&cert, &cert, "that client_key_file names holds no private key"),
        (
            &files.write("nc.pem", no_certificate),
            &key,
            "that client_cert_file names holds a certificate that cannot be read",
        ),
        (&cert, &files.write("e.pem", encrypted), "that client_key_file names is encrypted"),
        (&cert, &files.write("o.pem", old_encrypted), "that client_key_file names is encrypted"),
        (&cert, &files.write("n.pem", nonsense), "that client_key_file names holds a key of a kind"),
        (
            &cert,
            &files.write("x.pem", KeyPair::generate().unwrap().serialize_pem()),
            "that client_key_file names does not belong to the certificate",
        ),
    ] {
        let mut settings = settings("https://as.example:443/");
        settings.identity = Some(Identity { cert: cert.clone(), key: key.clone() });
        assert_contains(&new_error(&settings), &[words]);
    }
}

#[test]
fn a_certificate_and_key_that_are_replaced_while_they_are_read_fit_together() {
    let (ca, files) = (authority("ours"), Files::new());
    let (old, new) = (ca.sign(|_| {}), ca.sign(|_| {}));
    let identity =
        Identity { cert: files.write("cert.pem", &old.pem), key: files.write("key.pem", old.key.serialize_pem()) };
    let mut settings = trusting(&ca, &files, "https://as.example:443/");
    settings.identity = Some(identity.clone());
    let folder = files.0.clone();
    let replace = move |cert: &str, key: String| {
        fs::write(folder.join("cert.pem"), cert).unwrap();
        fs::write(folder.join("key.pem"), key).unwrap();
    };
    // Without the second look, the certificate would be the old one and the key the new one.
    let (cert, key) = (new.pem.clone(), new.key.serialize_pem());
    MEANWHILE.set(Some(Box::new({
        let replace = replace.clone();
        move || replace(&cert, key)
    })));
    assert!(HttpTransport::new(&settings).is_ok());

    // A mismatch that stays is an error, and the files that it is about are watched.
    let transport = HttpTransport::new(&settings).unwrap();
    fs::write(&identity.key, old.key.serialize_pem()).unwrap();
    let result = send_within(&transport, &settings, AMPLE);
    assert_contains(&assert_error(result, ErrorKind::InvalidConfig, false, false), &["does not belong"]);
    let watched = transport.watched_files();
    let paths: Vec<_> = watched.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(paths, ["ca.pem", "cert.pem", "key.pem"]);
    assert!(!watched.iter().any(WatchedFile::has_changed));
    replace(&old.pem, old.key.serialize_pem());
    assert!(watched.iter().any(WatchedFile::has_changed));

    // A file that is missing for a moment is watched too.
    fs::remove_file(&identity.cert).unwrap();
    let result = send_within(&transport, &settings, AMPLE);
    assert_contains(&assert_error(result, ErrorKind::InvalidConfig, false, false), &["cannot be read"]);
    let watched = transport.watched_files();
    assert_eq!(watched[1], WatchedFile { path: identity.cert.clone(), state: FileState::Missing });
    fs::write(&identity.cert, &old.pem).unwrap();
    assert!(watched[1].has_changed());
    MEANWHILE.set(Some(Box::new(move || fs::remove_file(&identity.key).unwrap())));
    assert_contains(&new_error(&settings), &["client_key_file names cannot be read"]);
}

#[test]
fn a_host_that_no_certificate_can_contain_fails_at_once() {
    assert_contains(&new_error(&settings("https://a b:443/")), &["token_url"]);
}

#[test]
fn sources_share_the_certificates_of_a_file_until_it_changes() {
    let (ca, files) = (authority("ours"), Files::new());
    let (path, copy) = (files.write("ca.pem", &ca.pem), files.write("copy.pem", &ca.pem));
    let roots = |path: &PathBuf| {
        let source = RootSource { path: path.clone(), named_by: "ca_file", is_directory: false };
        let mut files = vec![];
        let roots = shared_roots(&[source], &mut files).unwrap();
        assert_eq!(files, [WatchedFile { path: path.clone(), state: FileState::at(path) }]);
        roots
    };
    let first = roots(&path);
    assert!(Arc::ptr_eq(&first, &roots(&path)));
    assert!(!Arc::ptr_eq(&first, &roots(&copy)));

    files.write("ca.pem", ca.pem.clone() + "\n");
    let second = roots(&path);
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&second, &roots(&path)));

    // The last source frees them.
    let last = Arc::downgrade(&second);
    drop(second);
    assert!(last.upgrade().is_none());
    roots(&path);
}

#[test]
fn the_next_request_uses_a_rotated_file() {
    let (old, new, files) = (authority("old"), authority("new"), Files::new());
    let mut settings = trusting(&old, &files, "https://localhost:443/");
    let transport = HttpTransport::new(&settings).unwrap();
    let mut send_to_server_of = |ca: &Authority| {
        let (port, server) = serve_tls(&ca.sign(|_| {}), BOTH, None);
        settings.server = super::settings(&format!("https://localhost:{port}/")).server;
        let result = send_within(&transport, &settings, AMPLE);
        // Where the transport made no connection, the server still waits for one.
        drop(TcpStream::connect(("127.0.0.1", port)));
        let _ = server.join().unwrap();
        result
    };
    assert_eq!(send_to_server_of(&old).unwrap().status, 200);
    assert_error(send_to_server_of(&new), ErrorKind::Tls, false, false);

    files.write("ca.pem", old.pem.clone() + &new.pem);
    assert_eq!(send_to_server_of(&old).unwrap().status, 200);
    assert_eq!(send_to_server_of(&new).unwrap().status, 200);

    files.write("ca.pem", "not a certificate");
    assert_contains(
        &assert_error(send_to_server_of(&old), ErrorKind::InvalidConfig, false, false),
        &["ca_file names holds no"],
    );
    fs::remove_file(files.0.join("ca.pem")).unwrap();
    assert_contains(
        &assert_error(send_to_server_of(&old), ErrorKind::InvalidConfig, false, false),
        &["ca_file names cannot be read"],
    );

    files.write("ca.pem", &new.pem);
    assert_eq!(send_to_server_of(&new).unwrap().status, 200);
    assert_error(send_to_server_of(&old), ErrorKind::Tls, false, false);
}
