//! The proxy over raw sockets.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};
use tokensource_testserver::{Behaviour, Proxy, ProxyOptions, Server, ServerOptions};

fn send(proxy: &Proxy, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.url().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn rest(mut stream: TcpStream) -> String {
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn start(behaviour: Behaviour) -> Proxy {
    Proxy::start(ProxyOptions { behaviour, ..ProxyOptions::default() })
}

const CONNECT: &str = "CONNECT token.example:443 HTTP/1.1\r\nHost: token.example:443\r\n\r\n";

#[test]
fn a_tunnel_to_any_host_leads_to_loopback() {
    let server = Server::start(ServerOptions::default());
    let proxy = start(Behaviour::Tunnel);
    let target = format!("token.example:{}", server.port());
    let request = "POST /oauth2/token/ HTTP/1.1\r\nConnection: close\r\n\r\n";
    let response = rest(send(&proxy, &format!("CONNECT {target} HTTP/1.1\r\n\r\n{request}")));
    assert!(response.starts_with("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains("token-1"));
    assert_eq!((proxy.connections(), proxy.targets()), (1, vec![target]));
    proxy.reset();
    assert_eq!((proxy.connections(), proxy.targets().len()), (0, 0));
}

#[test]
fn a_request_for_an_http_url_is_forwarded_without_the_proxys_credentials() {
    let server = Server::start(ServerOptions::default());
    let credentials = Some(("user".into(), "pa:ss".into()));
    let proxy = Proxy::start(ProxyOptions { credentials, ..ProxyOptions::default() });
    let target = format!("token.example:{}", server.port());
    // dXNlcjpwYTpzcw== is user:pa:ss.
    for authorization in ["", "Proxy-Authorization: Basic dXNlcjpwYTpzcw==\r\n"] {
        let url = format!("http://{target}/oauth2/token/?a=b");
        let head = format!("POST {url} HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n{authorization}\r\n");
        let response = rest(send(&proxy, &format!("{head}x=y")));
        let status = if authorization.is_empty() { "407" } else { "200" };
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
    }
    assert_eq!(proxy.targets(), [target.as_str(), &target]);
    let seen = server.seen();
    let last = seen.last.unwrap();
    assert_eq!((seen.requests, &*last.method, &*last.path, &*last.body), (1, "POST", "/oauth2/token/?a=b", "x=y"));
    assert_eq!((last.header("proxy-authorization"), last.header("connection")), ("", "close"));
}

#[test]
fn a_tunnel_to_a_closed_port_is_a_bad_gateway() {
    let taken = Server::start(ServerOptions::default());
    let port = taken.port();
    drop(taken);
    let response = rest(send(&start(Behaviour::Tunnel), &format!("CONNECT localhost:{port} HTTP/1.1\r\n\r\n")));
    assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
}

#[test]
fn a_proxy_may_require_credentials() {
    for refusal in [407, 401] {
        let server = Server::start(ServerOptions::default());
        let credentials = Some(("user".into(), "pa:ss".into()));
        let proxy = Proxy::start(ProxyOptions { credentials, refusal, ..ProxyOptions::default() });
        let connect = |authorization: &str| {
            let port = server.port();
            rest(send(
                &proxy,
                &format!("CONNECT h:{port} HTTP/1.1\r\n{authorization}\r\nGET / HTTP/1.0\r\nConnection: close\r\n\r\n"),
            ))
        };
        assert!(connect("").starts_with(&format!("HTTP/1.1 {refusal} ")));
        assert!(
            connect("Proxy-Authorization: Basic dXNlcjp3cm9uZw==\r\n").starts_with(&format!("HTTP/1.1 {refusal} "))
        );
        // dXNlcjpwYTpzcw== is user:pa:ss.
        assert!(connect("Proxy-Authorization: Basic dXNlcjpwYTpzcw==\r\n").contains("token-1"));
        assert_eq!((proxy.connections(), proxy.requests().len(), server.requests()), (3, 3, 1));
    }
}

#[test]
fn a_proxy_may_refuse_send_a_page_or_close() {
    assert!(rest(send(&start(Behaviour::Status(503)), CONNECT)).starts_with("HTTP/1.1 503 "));
    assert_eq!(rest(send(&start(Behaviour::Close), CONNECT)), "");
    assert!(rest(send(&start(Behaviour::Tunnel), "GET / HTTP/1.1\r\n\r\n")).starts_with("HTTP/1.1 400 "));

    let page = rest(send(&start(Behaviour::Html), &format!("{CONNECT}hello")));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"), "{page}");
}

#[test]
fn a_silent_proxy_sends_nothing_until_it_is_dropped() {
    let proxy = start(Behaviour::Silent);
    let stream = send(&proxy, CONNECT);
    while proxy.targets().is_empty() {
        std::thread::yield_now();
    }
    drop(proxy);
    assert_eq!(rest(stream), "");
}

#[test]
fn the_requests_to_the_proxy_of_a_server_are_in_its_seen() {
    let server = Server::start(ServerOptions { proxy: Some(ProxyOptions::default()), ..ServerOptions::default() });
    let request = format!("CONNECT h:{} HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\nConnection: close\r\n\r\n", server.port());
    assert!(rest(send(server.proxy().unwrap(), &request)).contains("token-1"));
    let seen = serde_json::to_value(server.seen()).unwrap();
    assert_eq!(seen["proxy"]["connections"], 1);
    assert_eq!(seen["proxy"]["targets"][0], format!("h:{}", server.port()));
}
