//! Against servers on this machine that do as they are told, the bad ones above all.

use super::*;
use crate::{
    config::{Endpoint, Identity, Proxy, Roots, Settings},
    oauth::request::Value,
    secret::Secret,
    system::Stamp,
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
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

// What is asked, and how.

fn settings(url: &str) -> Settings {
    let (scheme, rest) = url.split_once("://").unwrap();
    let authority = rest.split(['/', '?']).next().unwrap();
    let (host, port) = authority.rsplit_once(':').unwrap();
    Settings {
        endpoint: Endpoint {
            url: url.into(),
            https: scheme == "https",
            host: host.trim_matches(['[', ']']).into(),
            port: port.parse().unwrap(),
            must_be_loopback: scheme == "http",
        },
        roots: Roots::Bundled,
        user_agent: "tokensource-test/1".into(),
        ..Settings::example()
    }
}

const AMPLE: Limits = Limits { total: Duration::from_secs(20), connect: Duration::from_secs(20), threads: true };
/// Too short for whoever never answers, and long enough to get as far as being unanswered.
const SHORT: Limits = Limits { total: Duration::from_millis(400), connect: Duration::from_secs(20), threads: true };

fn ask(settings: &Settings) -> Result<RawResponse, Error> {
    send(&HttpTransport::new(settings)?, settings, AMPLE)
}

fn send(transport: &HttpTransport, settings: &Settings, limits: Limits) -> Result<RawResponse, Error> {
    let request = TokenRequest {
        url: settings.endpoint.url.clone(),
        headers: vec![("Authorization".into(), Value::Secret(Secret::new("Basic aWQ6aHVudGVyMg==")))],
        body: Secret::new("grant_type=client_credentials"),
    };
    transport.send(&request, limits)
}

/// The error, held against what its kind must say. Nothing secret is ever in it.
#[track_caller]
fn refused(asked: Result<RawResponse, Error>, status: ErrorKind, transient: bool, again: bool) -> String {
    let error = asked.err().expect("an error");
    assert_eq!(
        (error.kind(), error.is_retryable(), error.is_worth_another_attempt()),
        (status, transient, again),
        "{error}"
    );
    let message = error.message();
    assert!(!message.contains("hunter2") && !message.contains("aWQ6aHVudGVyMg"), "{message}");
    assert!(message.chars().all(|c| !c.is_control()), "{message}");
    message.to_owned()
}

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

// Servers.

/// A server for one connection, and what its script returns.
fn serve<T: Send + 'static>(script: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || script(listener.accept().unwrap().0)))
}

/// A request, head and body, and nothing after it.
fn read_request(stream: &mut impl Read) -> io::Result<String> {
    let mut request = read_head(stream)?;
    let length =
        request.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    request.push_str(std::str::from_utf8(&body).unwrap());
    Ok(request)
}

fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8(head).unwrap())
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Answers one request, returns it, and whether the client closed the connection then.
fn answer(mut stream: impl Read + Write, bytes: &str) -> (String, bool) {
    let request = read_request(&mut stream).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream.flush().unwrap();
    (request, matches!(stream.read(&mut [0]), Ok(0)))
}

fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

// Plain HTTP.

#[test]
fn a_request_goes_out_as_written_on_a_connection_of_its_own() {
    let (port, server) = serve(|stream| answer(stream, OK));
    let response = ask(&settings(&format!("http://127.0.0.1:{port}/token?a=b"))).unwrap();
    assert_eq!((response.status, response.body.as_slice()), (200, &b"{}"[..]));
    assert_eq!(response.headers, [("content-length".to_owned(), "2".to_owned())]);
    let (request, closed) = server.join().unwrap();
    assert_eq!(
        request,
        format!(
            "POST /token?a=b HTTP/1.1\r\ncontent-length: 29\r\nhost: 127.0.0.1:{port}\r\n\
             authorization: Basic aWQ6aHVudGVyMg==\r\nconnection: close\r\n\r\ngrant_type=client_credentials"
        )
    );
    assert!(closed);
}

#[test]
fn the_schemes_own_port_and_brackets_are_written_as_rfc_9110_says() {
    let authority = |url| HttpTransport::new(&settings(url)).unwrap().authority;
    assert_eq!(authority("https://as.example:443/"), "as.example");
    assert_eq!(authority("http://localhost:80/"), "localhost");
    assert_eq!(authority("https://[::1]:80/"), "[::1]:80");
}

#[test]
fn a_redirect_is_an_answer_like_any_other() {
    let (port, server) = serve(|stream| answer(stream, "HTTP/1.1 307 No\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"));
    let response = ask(&settings(&format!("http://127.0.0.1:{port}/a"))).unwrap();
    assert_eq!(response.status, 307);
    assert!(server.join().unwrap().1);
}

#[test]
fn an_answer_that_comes_before_the_request_was_read_is_heard() {
    let (port, server) = serve(|mut stream| {
        stream.write_all(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut vec![]);
    });
    assert_eq!(ask(&settings(&format!("http://127.0.0.1:{port}/"))).unwrap().status, 429);
    server.join().unwrap();
}

#[test]
fn a_connection_that_breaks_is_worth_another_attempt() {
    // Closed with the request unread, which resets it; closed after it; closed in the answer.
    let scripts: [fn(TcpStream); 3] = [
        |stream| drop(stream),
        |mut stream| drop(read_request(&mut stream).unwrap()),
        |mut stream| {
            read_request(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{").unwrap();
        },
    ];
    for script in scripts {
        let (port, server) = serve(script);
        let message = refused(ask(&settings(&format!("http://127.0.0.1:{port}/"))), ErrorKind::Network, true, true);
        assert_says(&message, &["connection to the token server 127.0.0.1:", "broke"]);
        server.join().unwrap();
    }
}

#[test]
fn a_garbled_answer_is_not_asked_for_again() {
    for garbage in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
        let (port, server) = serve(move |stream| answer(stream, garbage));
        let message =
            refused(ask(&settings(&format!("http://127.0.0.1:{port}/"))), ErrorKind::BadResponse, false, false);
        assert_says(&message, &["does not speak HTTP as it should"]);
        server.join().unwrap();
    }
}

#[test]
fn a_silent_or_dripping_server_ends_with_the_time_and_is_not_asked_again() {
    for dripping in [false, true] {
        let (port, server) = serve(move |mut stream| {
            read_request(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
            let pause = Duration::from_millis(10);
            stream.set_read_timeout(Some(pause)).unwrap();
            // Until the client has gone.
            while !matches!(stream.read(&mut [0]), Ok(0)) {
                if dripping && stream.write_all(b"x").is_err() {
                    break;
                }
            }
        });
        let settings = settings(&format!("http://127.0.0.1:{port}/"));
        let asked = send(&HttpTransport::new(&settings).unwrap(), &settings, SHORT);
        let message = refused(asked, ErrorKind::Timeout, true, false);
        assert_says(&message, &["did not answer completely in time (timeout is 30 s)"]);
        server.join().unwrap();
    }
}

// Names and connections.

#[test]
fn nobody_listening_is_worth_another_attempt() {
    let port = unused_port();
    let message = refused(ask(&settings(&format!("http://127.0.0.1:{port}/"))), ErrorKind::Network, true, true);
    assert_says(&message, &[&format!("cannot connect to the token server 127.0.0.1:{port} (127.0.0.1:{port}: ")]);
}

fn with_lookup(
    settings: &Settings,
    lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
) -> HttpTransport {
    let mut transport = HttpTransport::new(settings).unwrap();
    transport.names = Resolver::with_lookup(&transport.names.host, transport.names.port, Arc::new(lookup));
    transport
}

#[test]
fn an_unknown_host_is_worth_another_attempt_with_and_without_threads() {
    let settings = settings("https://nowhere.example:443/");
    let transport = with_lookup(&settings, |_, _| Err(io::Error::other("Name or service not known")));
    for threads in [true, false] {
        let asked = send(&transport, &settings, Limits { threads, ..AMPLE });
        let message = refused(asked, ErrorKind::Network, true, true);
        assert_says(&message, &["cannot look up the host `nowhere.example` (Name or service not known)", "token_url"]);
    }
}

#[test]
fn a_lookup_that_never_ends_is_a_time_out_worth_another_attempt() {
    let settings = settings("https://stuck.example:443/");
    let (open, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let transport = with_lookup(&settings, move |_, _| {
        let _ = gate.lock().unwrap().recv();
        Ok(vec![])
    });
    for (total, connect, budget) in [(5000, 10, "(connect_timeout is 10 s)"), (20, 5000, "(timeout is 30 s)")] {
        let limits =
            Limits { total: Duration::from_millis(total), connect: Duration::from_millis(connect), threads: true };
        let message = refused(send(&transport, &settings, limits), ErrorKind::Timeout, true, true);
        assert_says(&message, &["`stuck.example` took too long", budget]);
    }
    drop(open);
}

#[test]
fn plain_http_goes_to_loopback_only_if_every_address_is() {
    let settings = settings(&format!("http://localhost:{}/", unused_port()));
    let transport = with_lookup(&settings, |_, port| {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([192, 0, 2, 1], port))])
    });
    let message = refused(send(&transport, &settings, AMPLE), ErrorKind::InvalidConfig, false, false);
    assert_says(&message, &["`localhost` is 192.0.2.1 here", "allow_insecure_http"]);
}

#[test]
fn a_dead_first_address_is_passed_over() {
    let (port, server) = serve(|stream| answer(stream, OK));
    let settings = settings(&format!("http://localhost:{port}/"));
    let transport = with_lookup(&settings, |_, port| {
        Ok(vec![SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)), SocketAddr::from(([127, 0, 0, 1], port))])
    });
    assert_eq!(send(&transport, &settings, AMPLE).unwrap().status, 200);
    server.join().unwrap();
}

// Proxies.

fn through(mut settings: Settings, port: u16, credentials: bool) -> Settings {
    settings.proxy = Some(Proxy {
        host: "127.0.0.1".into(),
        port,
        credentials: credentials.then(|| (Secret::new("user"), Secret::new("p:hunter2"))),
        named_by: "HTTPS_PROXY",
    });
    settings
}

#[test]
fn a_tunnel_is_asked_for_with_our_credentials_and_only_the_proxy_is_looked_up() {
    let (port, proxy) = serve(|mut stream| read_head(&mut stream).unwrap());
    let settings = through(settings("https://nowhere.example:444/token"), port, true);
    refused(ask(&settings), ErrorKind::Network, true, true);
    assert_eq!(
        proxy.join().unwrap(),
        "CONNECT nowhere.example:444 HTTP/1.1\r\nHost: nowhere.example:444\r\nUser-Agent: tokensource-test/1\r\n\
         Proxy-Authorization: Basic dXNlcjpwOmh1bnRlcjI=\r\n\r\n"
    );
}

#[test]
fn for_http_the_proxy_is_handed_the_request_itself() {
    for (authority, written) in
        [("nowhere.example:81", "nowhere.example:81"), ("nowhere.example:80", "nowhere.example")]
    {
        let (port, proxy) = serve(|stream| answer(stream, OK));
        let settings = through(settings(&format!("http://{authority}/token")), port, true);
        assert_eq!(ask(&settings).unwrap().status, 200);
        assert_eq!(
            proxy.join().unwrap().0,
            format!(
                "POST http://{written}/token HTTP/1.1\r\ncontent-length: 29\r\nhost: {written}\r\n\
                 authorization: Basic aWQ6aHVudGVyMg==\r\nproxy-authorization: Basic dXNlcjpwOmh1bnRlcjI=\r\n\
                 connection: close\r\n\r\ngrant_type=client_credentials"
            )
        );
    }
}

#[test]
fn a_407_is_the_proxys_where_it_passes_the_request_on() {
    for (credentials, words) in [
        (true, "refused our credentials (407)"),
        (false, "wants a user and password (407): put them into HTTPS_PROXY, as in http://user:"),
    ] {
        let (port, proxy) = serve(|stream| answer(stream, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"));
        let settings = through(settings("http://as.example:80/"), port, credentials);
        let message = refused(ask(&settings), ErrorKind::Network, false, false);
        assert_says(&message, &[&format!("the proxy 127.0.0.1:{port} (named by HTTPS_PROXY)"), words]);
        proxy.join().unwrap();
    }
}

#[test]
fn a_proxy_that_refuses_is_named_with_who_named_it() {
    for (status, credentials, transient, words) in [
        (407, true, false, "refused our credentials (407)"),
        (401, true, false, "refused our credentials (401)"),
        (407, false, false, "wants a user and password (407): put them into HTTPS_PROXY, as in http://user:"),
        (401, false, false, "wants a user and password (401)"),
        (403, true, false, "refuses to connect to as.example:443 (403)"),
        (302, false, false, "refuses to connect to as.example:443 (302)"),
        (502, true, true, "could not reach as.example:443 (502)"),
        (429, true, true, "is asked too often (429)"),
    ] {
        let (port, proxy) = serve(move |mut stream| {
            read_head(&mut stream).unwrap();
            write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 5\r\n\r\n<html").unwrap();
        });
        let settings = through(settings("https://as.example:443/"), port, credentials);
        let message = refused(ask(&settings), ErrorKind::Network, transient, transient);
        assert_says(&message, &[&format!("the proxy 127.0.0.1:{port} (named by HTTPS_PROXY)"), words]);
        proxy.join().unwrap();
    }
}

#[test]
fn a_proxy_that_is_none_is_named_too() {
    for (says, transient) in [("<html>hello</html>\n", false), ("HTTP/1.1 200 OK\r\n\r\n<html>", false), ("", true)] {
        let (port, proxy) = serve(move |mut stream| {
            read_head(&mut stream).unwrap();
            stream.write_all(says.as_bytes()).unwrap();
        });
        let settings = through(settings("https://as.example:443/"), port, false);
        let message = refused(ask(&settings), ErrorKind::Network, transient, transient);
        assert_says(&message, &["the proxy 127.0.0.1:", "(named by HTTPS_PROXY)", "http proxy"]);
        proxy.join().unwrap();
    }
}

#[test]
fn a_silent_or_absent_proxy_is_the_network_that_fails() {
    let (port, proxy) = serve(|mut stream| stream.read_to_end(&mut vec![]).unwrap());
    let silent = through(settings("https://as.example:443/"), port, false);
    let asked = send(&HttpTransport::new(&silent).unwrap(), &silent, SHORT);
    assert_says(&refused(asked, ErrorKind::Network, true, true), &["gave no answer to CONNECT (timed out)"]);
    proxy.join().unwrap();

    let absent = through(settings("https://as.example:443/"), unused_port(), false);
    assert_says(&refused(ask(&absent), ErrorKind::Network, true, true), &["cannot connect to the proxy 127.0.0.1:"]);

    let mut unknown = through(settings("https://as.example:443/"), 1, false);
    unknown.proxy.as_mut().unwrap().host = "nowhere.example".into();
    let transport = with_lookup(&unknown, |host, _| Err(io::Error::other(format!("no {host}"))));
    let message = refused(send(&transport, &unknown, AMPLE), ErrorKind::Network, true, true);
    assert_says(&message, &["(no nowhere.example)", "HTTPS_PROXY"]);
}

// TLS.

/// A certificate authority and what it signs.
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

/// A directory of one test's own.
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

/// Accepts one connection; the request, or why there was none.
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
        // The client says good-bye before it goes.
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
fn tls_of_both_versions_and_every_kind_of_key_carries_a_request() {
    let (ca, files) = (authority("ours"), Files::new());
    for kind in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        for version in [&TLS12, &TLS13] {
            for host in ["localhost", "127.0.0.1"] {
                let (port, server) = serve_tls(&ca.sign_with(kind, |_| {}), &[version], None);
                assert_eq!(ask(&trusting(&ca, &files, &format!("https://{host}:{port}/t"))).unwrap().status, 200);
                assert!(server.join().unwrap().unwrap().starts_with("POST /t HTTP/1.1\r\n"));
            }
        }
    }
}

#[test]
fn tls_goes_through_a_proxy_to_the_server_itself() {
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
    let settings = through(trusting(&ca, &files, &format!("https://localhost:{server_port}/")), port, true);
    assert_eq!(ask(&settings).unwrap().status, 200);
    let request = server.join().unwrap().unwrap();
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(!request.to_ascii_lowercase().contains("proxy-authorization"), "{request}");
    proxy.join().unwrap();
}

#[test]
fn a_bad_certificate_is_refused_with_what_is_wrong_and_what_to_do() {
    let (ca, other, files) = (authority("ours"), authority("other"), Files::new());
    let self_signed = {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
        Leaf { pem: certificate.pem(), chain: vec![certificate.der().clone()], key }
    };
    let leaves: [(Leaf, &[&str]); 9] = [
        (
            ca.sign(|params| params.not_after = date_time_ymd(2024, 2, 3)),
            &["ended on Sat, 03 Feb 2024", "clock says", "must renew it"],
        ),
        (ca.sign(|params| params.not_before = date_time_ymd(2090, 1, 1)), &["not yet valid", "2090", "set the clock"]),
        (
            ca.sign(|params| *params = CertificateParams::new(vec!["a.example".into(), "b.example".into()]).unwrap()),
            &["is for a.example, b.example, not for the host in token_url"],
        ),
        (ca.sign(|params| params.subject_alt_names = vec![]), &["names no host", "subjectAltName"]),
        (other.sign(|_| {}), &["nobody who is trusted here", "ca_file", "intermediate", "intercepts"]),
        (authority("ours").sign(|_| {}), &["not its issuer's", "old certificate of the CA"]),
        (self_signed, &["nobody who is trusted here", "self-signed"]),
        (
            ca.sign(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            &["a CA's certificate as its own", "CA:FALSE"],
        ),
        (
            ca.sign(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            &["not made for servers", "serverAuth"],
        ),
    ];
    for (leaf, words) in leaves {
        let (port, server) = serve_tls(&leaf, BOTH, None);
        let asked = ask(&trusting(&ca, &files, &format!("https://localhost:{port}/")));
        let message = refused(asked, ErrorKind::Tls, false, false);
        assert_says(&message, &[&format!("TLS with the token server localhost:{port} failed: ")]);
        assert_says(&message, words);
        assert!(server.join().unwrap().is_err());
    }
}

#[test]
fn bundled_roots_do_not_trust_a_private_ca() {
    let (port, server) = serve_tls(&authority("ours").sign(|_| {}), BOTH, None);
    let asked = ask(&settings(&format!("https://localhost:{port}/")));
    assert_says(&refused(asked, ErrorKind::Tls, false, false), &["ca_file"]);
    assert!(server.join().unwrap().is_err());
}

#[test]
fn what_is_no_modern_tls_is_told_apart() {
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
        let asked = ask(&settings(&format!("https://localhost:{port}/")));
        assert_says(&refused(asked, ErrorKind::Tls, false, false), &[words]);
        server.join().unwrap();
    }
}

#[test]
fn a_handshake_that_breaks_or_never_ends_is_worth_another_attempt() {
    let (port, server) = serve(drop);
    let asked = ask(&settings(&format!("https://localhost:{port}/")));
    assert_says(
        &refused(asked, ErrorKind::Network, true, true),
        &["the TLS handshake with the token server", "broke off"],
    );
    server.join().unwrap();

    let (port, server) = serve(|mut stream| stream.read_to_end(&mut vec![]).unwrap());
    let settings = settings(&format!("https://localhost:{port}/"));
    let asked = send(&HttpTransport::new(&settings).unwrap(), &settings, SHORT);
    assert_says(&refused(asked, ErrorKind::Timeout, true, true), &["took too long (timeout is 30 s)"]);
    server.join().unwrap();
}

#[test]
fn http_to_a_tls_port_says_so() {
    let (port, server) = serve(|mut stream| {
        // What OpenSSL says to an HTTP request.
        stream.write_all(b"\x15\x03\x01\x00\x02\x02\x46").unwrap();
        let _ = stream.read_to_end(&mut vec![]);
    });
    let message = refused(ask(&settings(&format!("http://localhost:{port}/"))), ErrorKind::BadResponse, false, false);
    assert_says(&message, &["begin with https"]);
    server.join().unwrap();
}

#[test]
fn a_client_certificate_is_shown_and_its_absence_explained() {
    let (ca, other, files) = (authority("ours"), authority("other"), Files::new());
    let (ours, wrong) = (ca.sign(|_| {}), other.sign(|_| {}));
    let identity = |name: &str, leaf: &Leaf| Identity {
        cert: files.write(&format!("{name}.pem"), &leaf.pem),
        key: files.write(&format!("{name}.key"), leaf.key.serialize_pem()),
    };
    for version in [&TLS12, &TLS13] {
        let ask_as = |identity: Option<Identity>| {
            let (port, server) = serve_tls(&ca.sign(|_| {}), &[version], Some(&ca));
            let mut settings = trusting(&ca, &files, &format!("https://localhost:{port}/"));
            settings.identity = identity;
            (ask(&settings), server.join().unwrap())
        };
        let (asked, served) = ask_as(Some(identity("ours", &ours)));
        assert_eq!(asked.unwrap().status, 200);
        served.unwrap();
        let (asked, served) = ask_as(None);
        assert_says(&refused(asked, ErrorKind::Tls, false, false), &["client certificate", "client_cert_file"]);
        assert!(served.is_err());
        let (asked, served) = ask_as(Some(identity("wrong", &wrong)));
        assert_says(&refused(asked, ErrorKind::Tls, false, false), &["refused our client certificate"]);
        assert!(served.is_err());
    }
}

// Files.

fn new_error(settings: &Settings) -> String {
    refused(HttpTransport::new(settings).map(|_| unreachable!("taken")), ErrorKind::InvalidConfig, false, false)
}

#[test]
fn an_unusable_ca_file_is_refused_at_once_by_name() {
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
            assert_says(&new_error(&settings), &[&format!("the file {path:?} that {named_by} names "), words]);
        }
    }
}

#[test]
fn a_path_is_shown_shortened_and_in_one_line() {
    let mut settings = settings("https://as.example:443/");
    settings.roots = Roots::File { path: format!("/nowhere\n{}", "/x".repeat(30_000)).into(), named_by: "ca_file" };
    let message = new_error(&settings);
    assert_says(&message, &["the file \"/nowhere", "…\" that ca_file names cannot be read"]);
    assert!(message.chars().count() < 700, "{message}");
}

#[test]
fn for_http_only_what_an_option_names_is_looked_at() {
    let mut settings = settings("http://localhost:80/");
    let path = PathBuf::from("/nowhere/ca.pem");
    settings.roots = Roots::File { path: path.clone(), named_by: "ca_file" };
    assert_says(&new_error(&settings), &["ca_file"]);
    settings.roots = Roots::File { path, named_by: "SSL_CERT_FILE" };
    assert!(HttpTransport::new(&settings).is_ok());
}

#[test]
fn an_unusable_client_certificate_or_key_is_refused_at_once_by_name() {
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
        assert_says(&new_error(&settings), &[words]);
    }
}

#[test]
fn a_name_that_no_certificate_could_have_is_refused_at_once() {
    assert_says(&new_error(&settings("https://a b:443/")), &["token_url"]);
}

#[test]
fn sources_share_the_certificates_of_a_file_while_it_stays_as_it_is() {
    let (ca, files) = (authority("ours"), Files::new());
    let (path, copy) = (files.write("ca.pem", &ca.pem), files.write("copy.pem", &ca.pem));
    let roots = |path: &PathBuf| {
        let mut seen = vec![];
        let roots = tls::roots_of(path, "ca_file", &mut seen).unwrap();
        assert_eq!(seen, [(path.clone(), Stamp::at(path).unwrap())]);
        roots
    };
    let first = roots(&path);
    assert!(Arc::ptr_eq(&first, &roots(&path)));
    assert!(!Arc::ptr_eq(&first, &roots(&copy)));

    files.write("ca.pem", ca.pem.clone() + "\n");
    let second = roots(&path);
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&second, &roots(&path)));

    // With the last source they go.
    let last = Arc::downgrade(&second);
    drop(second);
    assert!(last.upgrade().is_none());
    roots(&path);
}

#[test]
fn a_rotated_file_counts_from_the_next_request_on() {
    let (old, new, files) = (authority("old"), authority("new"), Files::new());
    let settings = trusting(&old, &files, "https://localhost:443/");
    let mut transport = HttpTransport::new(&settings).unwrap();
    let mut ask_server_of = |ca: &Authority| {
        let (port, server) = serve_tls(&ca.sign(|_| {}), BOTH, None);
        transport.names = Resolver::new("localhost", port);
        let asked = send(&transport, &settings, AMPLE);
        // Where nobody was called, the server still waits for someone.
        drop(TcpStream::connect(("127.0.0.1", port)));
        let _ = server.join().unwrap();
        asked
    };
    assert_eq!(ask_server_of(&old).unwrap().status, 200);
    refused(ask_server_of(&new), ErrorKind::Tls, false, false);

    files.write("ca.pem", old.pem.clone() + &new.pem);
    assert_eq!(ask_server_of(&old).unwrap().status, 200);
    assert_eq!(ask_server_of(&new).unwrap().status, 200);

    files.write("ca.pem", "not a certificate");
    assert_says(&refused(ask_server_of(&old), ErrorKind::InvalidConfig, false, false), &["ca_file names holds no"]);
    fs::remove_file(files.0.join("ca.pem")).unwrap();
    assert_says(
        &refused(ask_server_of(&old), ErrorKind::InvalidConfig, false, false),
        &["ca_file names cannot be read"],
    );

    files.write("ca.pem", &new.pem);
    assert_eq!(ask_server_of(&new).unwrap().status, 200);
    refused(ask_server_of(&old), ErrorKind::Tls, false, false);
}
