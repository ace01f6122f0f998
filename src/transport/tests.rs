//! The transport against scripted servers and proxies on this machine.

mod tls;

use super::*;
use crate::{
    config::{NamedBy, ProxyChoice},
    oauth::request::Value,
    secret::Secret,
};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

// Requests.

fn settings(url: &str) -> Settings {
    let (scheme, rest) = url.split_once("://").unwrap();
    let authority = rest.split(['/', '?']).next().unwrap();
    let (host, port) = authority.rsplit_once(':').unwrap();
    Settings {
        server: Server::TokenUrl(Endpoint {
            url: url.into(),
            https: scheme == "https",
            host: host.trim_matches(['[', ']']).into(),
            port: port.parse().unwrap(),
            must_be_loopback: scheme == "http",
            named_by: NamedBy::TokenUrl,
        }),
        roots: Roots::Bundled,
        user_agent: "tokensource-test/1".into(),
        ..Settings::example()
    }
}

const AMPLE: Limits = Limits { total: Duration::from_secs(20), connect: Duration::from_secs(20), threads: true };
/// Long enough to send the request, and short enough to wait for a response that never comes.
const SHORT: Limits = Limits { total: Duration::from_millis(400), connect: Duration::from_secs(20), threads: true };

fn send(settings: &Settings) -> Result<RawResponse, Error> {
    send_within(&HttpTransport::new(settings)?, settings, AMPLE)
}

fn send_within(transport: &HttpTransport, settings: &Settings, limits: Limits) -> Result<RawResponse, Error> {
    let request = HttpRequest {
        endpoint: settings.server.endpoint().clone(),
        headers: vec![("Authorization".into(), Value::Secret(Secret::new("Basic aWQ6aHVudGVyMg==")))],
        body: Some(Secret::new("grant_type=client_credentials")),
    };
    transport.send(&request, limits, &|| {})
}

/// Asserts that the result is such an error, without a secret in its message, and returns the message.
#[track_caller]
fn assert_error(result: Result<RawResponse, Error>, kind: ErrorKind, retryable: bool, again: bool) -> String {
    let error = result.err().expect("an error");
    assert_eq!(
        (error.kind(), error.is_transient(), error.is_worth_another_attempt()),
        (kind, retryable, again),
        "{error}"
    );
    let message = error.message();
    assert!(!message.contains("hunter2") && !message.contains("aWQ6aHVudGVyMg"), "{message}");
    assert!(message.chars().all(|c| !c.is_control()), "{message}");
    message.to_owned()
}

#[track_caller]
fn assert_contains(message: &str, texts: &[&str]) {
    for text in texts {
        assert!(message.contains(text), "`{text}` is not in: {message}");
    }
}

// Servers.

/// Starts a server for one connection. Returns its port, and the result of the script.
fn serve<T: Send + 'static>(script: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || script(listener.accept().unwrap().0)))
}

/// Reads a request, head and body, and nothing after it.
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

/// Responds to one request. Returns it, and whether the client closed the connection afterwards.
fn respond(mut stream: impl Read + Write, bytes: &str) -> (String, bool) {
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
fn a_request_is_sent_as_given_on_a_connection_of_its_own() {
    let (port, server) = serve(|stream| respond(stream, OK));
    let response = send(&settings(&format!("http://127.0.0.1:{port}/token?a=b"))).unwrap();
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
fn the_authority_omits_the_default_port_and_has_ipv6_in_brackets() {
    let authority = |url| HttpTransport::new(&settings(url)).unwrap().configured.authority.clone();
    assert_eq!(authority("https://as.example:443/"), "as.example");
    assert_eq!(authority("http://localhost:80/"), "localhost");
    assert_eq!(authority("https://[::1]:80/"), "[::1]:80");
}

#[test]
fn a_redirect_is_returned_and_not_followed() {
    let (port, server) =
        serve(|stream| respond(stream, "HTTP/1.1 307 No\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"));
    let response = send(&settings(&format!("http://127.0.0.1:{port}/a"))).unwrap();
    assert_eq!(response.status, 307);
    assert!(server.join().unwrap().1);
}

#[test]
fn a_response_that_comes_before_the_request_was_read_is_returned() {
    let (port, server) = serve(|mut stream| {
        stream.write_all(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut vec![]);
    });
    assert_eq!(send(&settings(&format!("http://127.0.0.1:{port}/"))).unwrap().status, 429);
    server.join().unwrap();
}

#[test]
fn a_broken_connection_is_worth_another_attempt() {
    // Closed with the request unread, which resets it; closed after the request; closed in the response.
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
        let message =
            assert_error(send(&settings(&format!("http://127.0.0.1:{port}/"))), ErrorKind::Network, true, true);
        assert_contains(&message, &["connection to the token server 127.0.0.1:", "broke"]);
        server.join().unwrap();
    }
}

#[test]
fn a_garbled_response_is_not_worth_another_attempt() {
    for garbage in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
        let (port, server) = serve(move |stream| respond(stream, garbage));
        let message =
            assert_error(send(&settings(&format!("http://127.0.0.1:{port}/"))), ErrorKind::BadResponse, false, false);
        assert_contains(&message, &["does not speak HTTP as it should"]);
        server.join().unwrap();
    }
}

#[test]
fn a_silent_or_dripping_server_times_out_and_is_not_worth_another_attempt() {
    for dripping in [false, true] {
        let (port, server) = serve(move |mut stream| {
            read_request(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
            let pause = Duration::from_millis(10);
            stream.set_read_timeout(Some(pause)).unwrap();
            // Until the client closes the connection.
            while !matches!(stream.read(&mut [0]), Ok(0)) {
                if dripping && stream.write_all(b"x").is_err() {
                    break;
                }
            }
        });
        let settings = settings(&format!("http://127.0.0.1:{port}/"));
        let result = send_within(&HttpTransport::new(&settings).unwrap(), &settings, SHORT);
        let message = assert_error(result, ErrorKind::Timeout, true, false);
        assert_contains(&message, &["did not respond completely in time (timeout is 30 s)"]);
        server.join().unwrap();
    }
}

// Names and connections.

#[test]
fn a_refused_connection_is_worth_another_attempt() {
    let port = unused_port();
    let message = assert_error(send(&settings(&format!("http://127.0.0.1:{port}/"))), ErrorKind::Network, true, true);
    assert_contains(&message, &[&format!("cannot connect to the token server 127.0.0.1:{port} (127.0.0.1:{port}: ")]);
}

#[cfg(unix)]
#[test]
fn a_fault_of_this_system_is_not_blamed_on_the_server() {
    let settings = settings("https://as.example:443/");
    let transport = HttpTransport::new(&settings).unwrap();
    let (endpoint, route, deadline) = (settings.server.endpoint(), &*transport.configured, Instant::now());
    let journey = Journey { transport: &transport, endpoint, route, setup: None, deadline, limits: AMPLE };
    let forbidden = || Fault::Io(io::Error::from_raw_os_error(libc::EPERM));
    for phase in [Phase::Connect, Phase::Tunnel, Phase::Handshake, Phase::Response] {
        let error = journey.diagnosis().failure(phase, forbidden());
        let message = assert_error(Err(error), ErrorKind::Network, true, false);
        assert_contains(&message, &["this system forbids a connection to the token server as.example:443", "seccomp"]);
    }
    let random = Fault::Io(io::Error::other(rustls::Error::FailedToGetRandomBytes));
    let error = journey.diagnosis().failure(Phase::Handshake, random);
    let message = assert_error(Err(error), ErrorKind::Internal, true, false);
    assert_contains(&message, &["random numbers", "getrandom"]);
    assert!(!message.contains("as.example"), "{message}");
}

fn with_lookup(
    settings: &Settings,
    lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
) -> HttpTransport {
    let mut transport = HttpTransport::new(settings).unwrap();
    transport.lookup = Arc::new(lookup);
    let route = Route::new(settings.server.endpoint(), &settings.proxies, &settings.user_agent, &transport.lookup);
    transport.configured = Arc::new(route.unwrap());
    transport
}

#[test]
fn an_unknown_host_is_worth_another_attempt_with_and_without_threads() {
    let settings = settings("https://nowhere.example:443/");
    let transport = with_lookup(&settings, |_, _| Err(io::Error::other("Name or service not known")));
    for threads in [true, false] {
        let result = send_within(&transport, &settings, Limits { threads, ..AMPLE });
        let message = assert_error(result, ErrorKind::Network, true, true);
        assert_contains(
            &message,
            &["cannot look up the host `nowhere.example` (Name or service not known)", "token_url"],
        );
    }
}

#[test]
fn a_stuck_lookup_times_out_and_is_worth_another_attempt() {
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
        let message = assert_error(send_within(&transport, &settings, limits), ErrorKind::Timeout, true, true);
        assert_contains(&message, &["`stuck.example` took too long", budget]);
    }
    drop(open);
}

#[test]
fn plain_http_needs_every_address_to_be_loopback() {
    let settings = settings(&format!("http://this-machine:{}/", unused_port()));
    let transport = with_lookup(&settings, |_, port| {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([192, 0, 2, 1], port))])
    });
    let message = assert_error(send_within(&transport, &settings, AMPLE), ErrorKind::InvalidConfig, false, false);
    assert_contains(&message, &["`this-machine` is 192.0.2.1 here", "allow_insecure_http"]);
}

#[test]
fn an_address_that_refuses_is_skipped() {
    let (port, server) = serve(|stream| respond(stream, OK));
    let settings = settings(&format!("http://this-machine:{port}/"));
    let transport = with_lookup(&settings, |_, port| {
        Ok(vec![SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)), SocketAddr::from(([127, 0, 0, 1], port))])
    });
    assert_eq!(send_within(&transport, &settings, AMPLE).unwrap().status, 200);
    server.join().unwrap();
}

// Several servers.

#[test]
fn one_transport_reaches_the_server_of_each_request() {
    let (first, one) = serve(|stream| respond(stream, OK));
    let (second, other) = serve(|stream| respond(stream, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"));
    let [configured, mut elsewhere] = [first, second].map(|port| settings(&format!("http://127.0.0.1:{port}/t")));
    elsewhere.server.endpoint_mut().named_by = NamedBy::Metadata;
    let transport = HttpTransport::new(&configured).unwrap();
    assert_eq!(send_within(&transport, &elsewhere, AMPLE).unwrap().status, 404);
    assert_eq!(send_within(&transport, &configured, AMPLE).unwrap().status, 200);
    assert!(one.join().unwrap().0.contains(&format!("host: 127.0.0.1:{first}\r\n")));
    assert!(other.join().unwrap().0.contains(&format!("host: 127.0.0.1:{second}\r\n")));
}

#[test]
fn the_routes_to_the_configured_server_and_one_other_are_kept() {
    let endpoint = |url: &str| settings(url).server.endpoint().clone();
    let transport = HttpTransport::new(&settings("https://as.example:443/")).unwrap();
    let route = |url: &str| transport.route(&endpoint(url)).unwrap();
    let (a, b) = ("https://a.example:443/", "https://b.example:443/");
    let to_a = route(a);
    assert!(Arc::ptr_eq(&to_a, &route("https://a.example:443/another/path")));
    for (url, host) in
        [("https://a.example:444/", "a.example"), ("http://a.example:443/", "a.example"), (b, "b.example")]
    {
        assert!(!Arc::ptr_eq(&to_a, &route(url)) && route(url).host == host, "{url}");
    }
    // The last other server replaced it.
    assert!(!Arc::ptr_eq(&to_a, &route(a)));
    assert!(Arc::ptr_eq(&transport.configured, &route("https://as.example:443/x")));
}

#[test]
fn each_server_is_reached_through_its_own_proxy() {
    let (port, proxy) = serve(|stream| respond(stream, OK));
    let elsewhere = settings("http://as.example:80/t").server.endpoint().clone();
    let mut settings = settings("http://direct.example:80/");
    let address = format!("127.0.0.1:{port}");
    settings.proxies = ProxyRules::of_environment(&crate::config::Environment(&|name| match name {
        "http_proxy" => Some(address.clone()),
        "no_proxy" => Some("direct.example".into()),
        _ => None,
    }));
    let transport = HttpTransport::new(&settings).unwrap();
    assert!(transport.configured.proxy.is_none());
    settings.server = Server::TokenUrl(elsewhere);
    assert_eq!(send_within(&transport, &settings, AMPLE).unwrap().status, 200);
    assert!(proxy.join().unwrap().0.starts_with("POST http://as.example/t HTTP/1.1\r\n"));
}

#[test]
fn tls_that_was_not_set_up_is_never_left_out() {
    let transport = HttpTransport::new(&settings("http://localhost:80/")).unwrap();
    let (port, server) = serve(|mut stream| stream.read(&mut [0]).unwrap());
    let result = send_within(&transport, &settings(&format!("https://localhost:{port}/")), AMPLE);
    assert_error(result, ErrorKind::Internal, false, false);
    assert_eq!(server.join().unwrap(), 0);
}

#[test]
fn a_looked_up_server_may_speak_tls_though_its_issuer_does_not() {
    let plain = settings("http://localhost:80/");
    let Server::TokenUrl(endpoint) = plain.server.clone() else { panic!("no token_url") };
    assert!(HttpTransport::new(&plain).unwrap().tls.is_none());
    let looked_up = Settings { server: Server::Issuer(endpoint), ..plain };
    assert!(HttpTransport::new(&looked_up).unwrap().tls.is_some());
}

#[test]
fn a_message_names_what_named_the_server() {
    for (named_by, server, named) in [
        (NamedBy::TokenUrl, "the token server 127.0.0.1:", "check it in token_url, "),
        (NamedBy::Metadata, "the token server 127.0.0.1:", "check it in the token_endpoint of issuer's metadata, "),
        (NamedBy::Issuer, "(for the metadata of issuer)", "check it in issuer, "),
    ] {
        let mut refused = settings(&format!("http://127.0.0.1:{}/", unused_port()));
        refused.server.endpoint_mut().named_by = named_by;
        assert_contains(&assert_error(send(&refused), ErrorKind::Network, true, true), &[server]);
        let mut unknown = settings("https://nowhere.example:443/");
        unknown.server.endpoint_mut().named_by = named_by;
        let transport = with_lookup(&unknown, |_, _| Err(io::Error::other("no name")));
        let message = assert_error(send_within(&transport, &unknown, AMPLE), ErrorKind::Network, true, true);
        assert_contains(&message, &["`nowhere.example`", named]);
        assert_eq!(message.contains("(for the metadata of issuer)"), named_by == NamedBy::Issuer, "{message}");
        let mut through = through_proxy(settings("https://nowhere.example:443/"), unused_port(), false);
        through.server.endpoint_mut().named_by = named_by;
        let message = assert_error(send(&through), ErrorKind::Network, true, true);
        assert_contains(&message, &["cannot connect to the proxy 127.0.0.1:"]);
        assert_eq!(message.contains("for the metadata of issuer"), named_by == NamedBy::Issuer, "{message}");
        unknown.server.endpoint_mut().host = "a b".into();
        assert_contains(&tls::new_error(&unknown), &[&format!("in {named_by} cannot stand in a certificate")]);
    }
}

// Proxies.

fn through_proxy(mut settings: Settings, port: u16, credentials: bool) -> Settings {
    let proxy = Proxy {
        scheme: ProxyScheme::Http,
        host: "127.0.0.1".into(),
        port,
        credentials: credentials.then(|| (Secret::new("user"), Secret::new("p:hunter2"))),
        named_by: "HTTPS_PROXY",
    };
    settings.proxies = ProxyRules::Option(ProxyChoice::Through(proxy));
    settings
}

/// Changes the one proxy of the settings.
fn change_proxy(settings: &mut Settings, change: impl FnOnce(&mut Proxy)) {
    let ProxyRules::Option(ProxyChoice::Through(proxy)) = &mut settings.proxies else { panic!("no proxy") };
    change(proxy);
}

#[test]
fn connect_has_our_credentials_and_only_the_proxy_is_looked_up() {
    let (port, proxy) = serve(|mut stream| read_head(&mut stream).unwrap());
    let settings = through_proxy(settings("https://nowhere.example:444/token"), port, true);
    assert_error(send(&settings), ErrorKind::Network, true, true);
    assert_eq!(
        proxy.join().unwrap(),
        "CONNECT nowhere.example:444 HTTP/1.1\r\nHost: nowhere.example:444\r\nUser-Agent: tokensource-test/1\r\n\
         Proxy-Authorization: Basic dXNlcjpwOmh1bnRlcjI=\r\n\r\n"
    );
}

#[test]
fn for_http_the_proxy_gets_the_request_itself() {
    for (authority, written) in
        [("nowhere.example:81", "nowhere.example:81"), ("nowhere.example:80", "nowhere.example")]
    {
        let (port, proxy) = serve(|stream| respond(stream, OK));
        let settings = through_proxy(settings(&format!("http://{authority}/token")), port, true);
        assert_eq!(send(&settings).unwrap().status, 200);
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
fn a_407_of_a_forward_proxy_is_an_error_of_the_proxy() {
    for (credentials, words) in [
        (true, "refused the credentials (407)"),
        (false, "wants a user and password (407): put them into HTTPS_PROXY, as in http://user:"),
    ] {
        let (port, proxy) = serve(|stream| respond(stream, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"));
        let settings = through_proxy(settings("http://as.example:80/"), port, credentials);
        let message = assert_error(send(&settings), ErrorKind::Network, false, false);
        assert_contains(&message, &[&format!("the proxy 127.0.0.1:{port} (named by HTTPS_PROXY)"), words]);
        proxy.join().unwrap();
    }
}

/// Starts a proxy that responds to one request on each connection, in turn. Returns its port and the requests.
fn proxy_that_responds(responses: Vec<&'static str>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move |response: &str| {
        let mut stream = listener.accept().unwrap().0;
        let request = read_head(&mut stream).unwrap();
        stream.write_all(response.as_bytes()).unwrap();
        // The client may have sent a body, which must not reset the connection.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut vec![]);
        request
    };
    (port, thread::spawn(move || responses.into_iter().map(serve).collect()))
}

#[test]
fn a_proxy_that_offers_no_basic_is_named_and_gets_no_password_again() {
    let ntlm =
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";
    let digest =
        "HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"Basic, a\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n";
    let basic = "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM, Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n";
    for url in ["https://as.example:443/", "http://as.example:80/"] {
        let (port, proxy) = proxy_that_responds(vec![ntlm, digest, basic, basic]);
        let settings = through_proxy(settings(url), port, true);
        let transport = HttpTransport::new(&settings).unwrap();
        let send = |kind, retryable, words: &[&str]| {
            let message = assert_error(send_within(&transport, &settings, AMPLE), kind, retryable, retryable);
            assert_contains(&message, words);
        };
        let basic_only = "this library supports only Basic: run a local proxy such as cntlm or px";
        send(ErrorKind::Network, false, &["offers Negotiate and NTLM (407)", basic_only]);
        send(ErrorKind::Network, false, &["offers Digest (407)", basic_only]);
        send(ErrorKind::Network, true, &["wants a user and password again (407)"]);
        send(ErrorKind::Network, false, &["refused the credentials (407)"]);
        let requests = proxy.join().unwrap();
        let has_password = |request: &String| request.to_ascii_lowercase().contains("proxy-authorization");
        assert_eq!(requests.iter().map(has_password).collect::<Vec<_>>(), [true, false, false, true], "{url}");
    }
    for credentials in [true, false] {
        let (port, proxy) = proxy_that_responds(vec![ntlm]);
        let settings = through_proxy(settings("https://as.example:443/"), port, credentials);
        let message = assert_error(send(&settings), ErrorKind::Network, false, false);
        assert_contains(&message, &["offers Negotiate and NTLM (407)"]);
        proxy.join().unwrap();
    }
}

/// Copies bytes both ways until both sides have ended.
fn relay(stream: TcpStream, server: TcpStream) {
    let (mut from, mut to) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = io::copy(&mut &server, &mut &stream);
    let _ = stream.shutdown(std::net::Shutdown::Both);
    up.join().unwrap();
}

/// Starts a SOCKS proxy that leads each request to `port`, and refuses the kinds of address in `refused`. It wants the
/// credentials of [`through_proxy`] if `log_in`. Returns its port, and the kind, address and port of each request.
fn socks_proxy(port: u16, log_in: bool, refused: &'static [u8], connections: usize) -> (u16, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let proxy = thread::spawn(move || {
        let serve = |_| {
            let mut stream = listener.accept().unwrap().0;
            let mut read = |length: usize| {
                let mut bytes = vec![0; length];
                stream.read_exact(&mut bytes).unwrap();
                bytes
            };
            let count = read(2)[1];
            assert_eq!(read(count.into()).contains(&2), log_in);
            (&stream).write_all(&[5, if log_in { 2 } else { 0 }]).unwrap();
            let read = |length: usize| {
                let mut bytes = vec![0; length];
                (&stream).read_exact(&mut bytes).unwrap();
                bytes
            };
            if log_in {
                assert_eq!(read(16), b"\x01\x04user\x09p:hunter2");
                (&stream).write_all(&[1, 0]).unwrap();
            }
            let kind = read(4)[3];
            let mut request = vec![kind];
            request.extend(match kind {
                1 => read(6),
                4 => read(18),
                _ => {
                    let length = usize::from(read(1)[0]);
                    read(length + 2)
                }
            });
            if refused.contains(&kind) {
                (&stream).write_all(b"\x05\x08\x00\x01\0\0\0\0\0\0").unwrap();
            } else {
                (&stream).write_all(b"\x05\x00\x00\x01\0\0\0\0\0\0").unwrap();
                relay(stream, TcpStream::connect(("127.0.0.1", port)).unwrap());
            }
            request
        };
        (0..connections).map(serve).collect()
    });
    (own, proxy)
}

fn through_socks(settings: Settings, scheme: ProxyScheme, port: u16, credentials: bool) -> Settings {
    let mut settings = through_proxy(settings, port, credentials);
    change_proxy(&mut settings, |proxy| proxy.scheme = scheme);
    settings
}

#[test]
fn a_socks_proxy_gets_the_name_or_the_address_of_the_server() {
    let name = [&[3][..], b"nowhere.example", &81u16.to_be_bytes()].concat();
    let v6 = [&[4][..], &[0; 15], &[1], &81u16.to_be_bytes()].concat();
    let v4 = [&[1, 127, 0, 0, 1][..], &81u16.to_be_bytes()].concat();
    for (scheme, refused, asked) in [
        (ProxyScheme::Socks5h, &[][..], vec![name]),
        (ProxyScheme::Socks5, &[], vec![v6.clone()]),
        // The next address of the server follows on a connection of its own.
        (ProxyScheme::Socks5, &[4], vec![v6, v4]),
    ] {
        for credentials in [true, false] {
            let (server_port, server) = serve(|stream| respond(stream, OK));
            let (port, proxy) = socks_proxy(server_port, credentials, refused, asked.len());
            let settings = through_socks(settings("http://nowhere.example:81/t"), scheme, port, credentials);
            let transport = with_lookup(&settings, |host, port| {
                assert_eq!(host, "nowhere.example");
                Ok(vec![
                    SocketAddr::from(([127, 0, 0, 1], port)),
                    SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)),
                ])
            });
            assert_eq!(send_within(&transport, &settings, AMPLE).unwrap().status, 200);
            assert_eq!(proxy.join().unwrap(), asked);
            let request = server.join().unwrap().0;
            assert!(request.starts_with("POST /t HTTP/1.1\r\n") && !request.contains("proxy-auth"), "{request}");
        }
    }
}

#[test]
fn an_error_of_a_socks_proxy_names_it_and_says_what_to_do() {
    for (reply, credentials, retryable, words) in [
        (&b"\x05\xff"[..], false, false, "wants a user and password: put them into HTTPS_PROXY, as in socks5h://user:"),
        (b"\x05\xff", true, false, "accepts neither a user and password nor"),
        (b"\x05\x02\x01\x01", true, false, "refused the credentials"),
        (b"\x05\x00\x05\x02", false, false, "refuses to connect to as.example:443 (its rules do not allow it)"),
        (b"\x05\x00\x05\x08", false, false, "does not know the kind of address"),
        (b"\x05\x00\x05\x05", false, true, "could not reach as.example:443 (code 5, connection refused)"),
        (b"HTTP/1.1 400 No\r\n\r\n", false, false, "is HTTP, not SOCKS5 (write http://"),
        (b"\x05", false, true, "opened no tunnel (closed in the middle of its response)"),
        (b"", false, true, "opened no tunnel (closed before its response)"),
    ] {
        let (port, proxy) = serve(move |mut stream| {
            stream.write_all(reply).unwrap();
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut vec![]);
        });
        let settings = through_socks(settings("https://as.example:443/"), ProxyScheme::Socks5h, port, credentials);
        let message = assert_error(send(&settings), ErrorKind::Network, retryable, retryable);
        assert_contains(&message, &[&format!("the proxy 127.0.0.1:{port} (named by HTTPS_PROXY)"), words]);
        proxy.join().unwrap();
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = through_socks(settings("https://as.example:443/"), ProxyScheme::Socks5h, port, false);
    let result = send_within(&HttpTransport::new(&settings).unwrap(), &settings, SHORT);
    assert_contains(&assert_error(result, ErrorKind::Network, true, true), &["opened no tunnel (timed out)"]);
}

#[test]
fn an_error_of_a_proxy_names_the_proxy_and_its_option() {
    for (status, credentials, retryable, words) in [
        (407, true, false, "refused the credentials (407)"),
        (401, true, false, "refused the credentials (401)"),
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
        let settings = through_proxy(settings("https://as.example:443/"), port, credentials);
        let message = assert_error(send(&settings), ErrorKind::Network, retryable, retryable);
        assert_contains(&message, &[&format!("the proxy 127.0.0.1:{port} (named by HTTPS_PROXY)"), words]);
        proxy.join().unwrap();
    }
}

#[test]
fn an_error_of_a_server_that_is_no_proxy_names_it_and_its_option() {
    for (response, retryable) in [("<html>hello</html>\n", false), ("HTTP/1.1 200 OK\r\n\r\n<html>", false), ("", true)]
    {
        let (port, proxy) = serve(move |mut stream| {
            read_head(&mut stream).unwrap();
            stream.write_all(response.as_bytes()).unwrap();
        });
        let settings = through_proxy(settings("https://as.example:443/"), port, false);
        let message = assert_error(send(&settings), ErrorKind::Network, retryable, retryable);
        assert_contains(&message, &["the proxy 127.0.0.1:", "(named by HTTPS_PROXY)", "http proxy"]);
        proxy.join().unwrap();
    }
}

#[test]
fn a_silent_absent_or_unknown_proxy_is_a_network_error() {
    let (port, proxy) = serve(|mut stream| stream.read_to_end(&mut vec![]).unwrap());
    let silent = through_proxy(settings("https://as.example:443/"), port, false);
    let result = send_within(&HttpTransport::new(&silent).unwrap(), &silent, SHORT);
    assert_contains(
        &assert_error(result, ErrorKind::Network, true, true),
        &["gave no response to CONNECT (timed out)"],
    );
    proxy.join().unwrap();

    let absent = through_proxy(settings("https://as.example:443/"), unused_port(), false);
    assert_contains(
        &assert_error(send(&absent), ErrorKind::Network, true, true),
        &["cannot connect to the proxy 127.0.0.1:"],
    );

    let mut unknown = through_proxy(settings("https://as.example:443/"), 1, false);
    change_proxy(&mut unknown, |proxy| proxy.host = "nowhere.example".into());
    let transport = with_lookup(&unknown, |host, _| Err(io::Error::other(format!("no {host}"))));
    let message = assert_error(send_within(&transport, &unknown, AMPLE), ErrorKind::Network, true, true);
    assert_contains(&message, &["(no nowhere.example)", "HTTPS_PROXY"]);
}
