//! The server over raw sockets: every kind of response, the requests it keeps, its control endpoints, its end.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};
use tokensource_testserver::{Dialect, Response, Script, Server, ServerOptions};

const LONG: Duration = Duration::from_secs(10);

fn server(script: &str) -> Server {
    Server::start(ServerOptions { script: Script::parse(script).unwrap(), ..ServerOptions::default() })
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.origin().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

fn token_request(connection: &str) -> String {
    let body = "grant_type=client_credentials";
    format!(
        "POST /oauth2/token/ HTTP/1.1\r\nHost: h\r\nConnection: {connection}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request on a new connection, and reads until the server closes it.
fn exchange(server: &Server, request: &str) -> io::Result<String> {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    Ok(response.into_iter().map(char::from).collect())
}

fn request_token(server: &Server) -> String {
    exchange(server, &token_request("close")).unwrap()
}

fn control(server: &Server, method: &str, path: &str, body: &str) -> String {
    let head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    exchange(server, &(head + body)).unwrap()
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

/// Reads one response from a connection that stays open.
fn read_one(stream: &mut TcpStream) -> String {
    let mut response = String::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        response.push(char::from(byte[0]));
        if response.ends_with('}') {
            return response;
        }
    }
}

#[test]
fn each_request_gets_a_new_token() {
    let server = server("[]");
    let first = request_token(&server);
    assert!(first.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{first}");
    assert_eq!(body(&first), r#"{"access_token":"token-1","expires_in":3600,"token_type":"Bearer"}"#);
    assert!(request_token(&server).contains("token-2"));
    assert_eq!(server.url(), format!("http://127.0.0.1:{}/oauth2/token/", server.port()));
}

#[test]
fn responses_come_in_the_order_of_the_script() {
    let server = server(r#"[{"status": 503, "times": 2}, {"error": "invalid_scope"}, {}]"#);
    let statuses: Vec<String> = (0..5).map(|_| request_token(&server)[9..12].to_string()).collect();
    assert_eq!(statuses, ["503", "503", "400", "200", "200"]);
}

#[test]
fn a_connection_stays_open_for_the_next_request() {
    let server = server("[]");
    let mut stream = connect(&server);
    for n in 1..=3 {
        stream.write_all(token_request("keep-alive").as_bytes()).unwrap();
        assert!(read_one(&mut stream).contains(&format!("token-{n}")));
    }
    assert_eq!((server.requests(), server.connections()), (3, 1));
}

#[test]
fn a_connection_ends_where_the_response_closes_it() {
    let server = server(
        r#"[{"close": "before"}, {"close": "after_head", "body": "abcd"}, {"close": "mid_body", "body": "abcd"},
            {"raw": "HTP/9 \u00ff\r\n", "latin1": true}, {"headers": {"Content-Length": null}, "body": "abcd"}]"#,
    );
    let keep = token_request("keep-alive");
    assert_eq!(exchange(&server, &keep).unwrap(), "");
    assert!(exchange(&server, &keep).unwrap().ends_with("Content-Length: 4\r\n\r\n"));
    assert_eq!(body(&exchange(&server, &keep).unwrap()), "ab");
    assert_eq!(exchange(&server, &keep).unwrap(), "HTP/9 \u{ff}\r\n");
    assert_eq!(body(&exchange(&server, &keep).unwrap()), "abcd");
}

#[test]
fn the_client_gets_a_reset_as_a_reset() {
    let server = server(r#"[{"close": "reset"}]"#);
    assert_eq!(exchange(&server, &token_request("close")).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_reset_in_the_middle_comes_after_at_most_half_of_the_body() {
    let server = server(r#"[{"close": "reset_mid_body"}]"#);
    assert_eq!(exchange(&server, &token_request("close")).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_flood_follows_everything_else_and_ends_with_the_client() {
    let few = server(r#"[{"raw": "first ", "flood": {"text": "ab", "times": 3}}]"#);
    assert_eq!(request_token(&few), "first ababab");
    let bytes = server(r#"[{"raw": "", "latin1": true, "flood": {"text": "\u00ff", "times": 2}}]"#);
    assert_eq!(request_token(&bytes), "\u{ff}\u{ff}");

    let endless = server(r#"[{"raw": "", "flood": {"text": "x", "times": 1000000000000}}]"#);
    let mut stream = connect(&endless);
    stream.write_all(token_request("close").as_bytes()).unwrap();
    stream.read_exact(&mut vec![0; 1 << 20]).unwrap();
    drop(stream);
    // Returns only after the flood has ended.
    drop(endless);
}

#[test]
fn a_raw_reply_follows_the_first_bytes_and_counts_no_request() {
    let server = Server::start(ServerOptions { raw_reply: Some(b"no".to_vec()), ..ServerOptions::default() });
    assert_eq!(exchange(&server, "?").unwrap(), "no");
    assert_eq!((server.requests(), server.connections()), (0, 1));
}

#[test]
fn a_slow_response_is_complete() {
    let server = server(r#"[{"delay": 0.01, "drip": 0.0001, "raw": "HTTP/1.1 200 OK\r\n\r\nabcd"}]"#);
    assert_eq!(body(&request_token(&server)), "abcd");
}

#[test]
fn a_padded_response_is_complete() {
    let server = server(r#"[{"body": "x", "pad": 3000000}]"#);
    assert_eq!(body(&request_token(&server)).len(), 3_000_001);
}

#[test]
fn a_request_without_a_response_runs_until_the_client_closes() {
    for script in [r#"[{"hang": true}]"#, r#"[{"delay": 600}]"#, r#"[{"drip": 600}]"#] {
        let server = server(script);
        let mut stream = connect(&server);
        stream.write_all(token_request("close").as_bytes()).unwrap();
        assert!(server.wait_for_requests(1, LONG));
        assert_eq!(server.seen().running, 1, "{script}");
        drop(stream);
        while server.seen().running > 0 {
            thread::yield_now();
        }
    }
}

#[test]
fn dropping_the_server_ends_running_requests() {
    let server = server(r#"[{"hang": true}, {"delay": 600}, {"drip": 600}]"#);
    let mut streams: Vec<_> = (0..4).map(|_| connect(&server)).collect();
    for (n, stream) in streams[..3].iter_mut().enumerate() {
        stream.write_all(token_request("close").as_bytes()).unwrap();
        assert!(server.wait_for_requests(n + 1, LONG));
    }
    drop(server);
    for stream in &mut streams {
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok() || ended.unwrap_err().kind() == ErrorKind::ConnectionReset);
        assert_eq!(rest, b"");
    }
}

#[test]
fn the_server_keeps_requests() {
    let server = server("[]");
    assert!(server.seen().last.is_none());
    exchange(&server, "POST /a?b=c HTTP/1.1\r\nX-Header: One\r\nContent-Length: 3\r\nConnection: close\r\n\r\nü!")
        .unwrap();
    let seen = server.seen();
    let last = seen.last.unwrap();
    assert_eq!((&*last.method, &*last.path, &*last.body), ("POST", "/a?b=c", "ü!"));
    assert_eq!(last.header("x-header"), "One");
    request_token(&server);
    let all = server.seen().all;
    assert!(all.len() == 2 && all[0].at > 0.0 && all[0].at <= all[1].at);
}

#[test]
fn the_server_keeps_a_hundred_requests_and_counts_all() {
    let server = server("[]");
    let mut stream = connect(&server);
    for n in 0..103 {
        stream.write_all(format!("POST /{n} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        read_one(&mut stream);
    }
    let seen = server.seen();
    assert_eq!((seen.requests, seen.all.len()), (103, 100));
    assert_eq!((&*seen.all[0].path, &*seen.last.unwrap().path), ("/3", "/102"));
}

#[test]
fn a_body_may_come_in_chunks_or_after_100_continue() {
    let server = server("[]");
    exchange(
        &server,
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
    )
    .unwrap();
    assert_eq!(server.seen().last.unwrap().body, "abc");
    let expecting = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    assert!(exchange(&server, expecting).unwrap().starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_malformed_or_too_large_request_is_rejected() {
    let server = server("[]");
    assert!(exchange(&server, "nonsense\r\n\r\n").unwrap().starts_with("HTTP/1.1 400 "));
    let large = format!("POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n{}", "x".repeat(100_000));
    assert!(exchange(&server, &large).unwrap().starts_with("HTTP/1.1 413 "));
    assert_eq!(server.requests(), 0);
}

#[test]
fn control_requests_work_and_are_not_counted() {
    let server = server("[]");
    request_token(&server);
    let seen: serde_json::Value = serde_json::from_str(body(&control(&server, "GET", "/-/seen", ""))).unwrap();
    assert_eq!((&seen["requests"], &seen["connections"], &seen["running"]), (&1.into(), &1.into(), &0.into()));
    assert_eq!(seen["last"], seen["all"][0]);
    assert_eq!(seen["last"]["body"], "grant_type=client_credentials");
    assert_eq!(seen["last"]["headers"]["host"], "h");

    assert!(
        control(&server, "POST", "/-/script", r#"[{"status": 500}, {"status": 501}]"#).starts_with("HTTP/1.1 200 ")
    );
    assert!(request_token(&server).starts_with("HTTP/1.1 500 "));
    let refused = control(&server, "POST", "/-/script", r#"[{"statis": 500}]"#);
    assert!(refused.starts_with("HTTP/1.1 400 ") && body(&refused).contains("unknown field `statis`"), "{refused}");
    assert!(request_token(&server).starts_with("HTTP/1.1 501 "));

    control(&server, "POST", "/-/reset", "");
    let seen = server.seen();
    assert_eq!((seen.requests, seen.connections, seen.all.len()), (0, 0, 0));
    assert!(request_token(&server).starts_with("HTTP/1.1 500 "));
    assert!(control(&server, "GET", "/-/nothing", "").starts_with("HTTP/1.1 404 "));
    assert_eq!((server.requests(), server.connections()), (1, 1));
}

#[test]
fn a_connection_counts_from_its_first_token_request() {
    let server = server("[]");
    let mut stream = connect(&server);
    stream.write_all(b"GET /-/seen HTTP/1.1\r\n\r\n").unwrap();
    assert!(read_one(&mut stream).contains(r#""connections":0"#));
    stream.write_all(token_request("keep-alive").as_bytes()).unwrap();
    read_one(&mut stream);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_script_can_be_replaced() {
    let server = server(r#"[{"status": 500}]"#);
    request_token(&server);
    server.set_script(Response::oauth_error("invalid_client"));
    let refused = request_token(&server);
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("\r\nWWW-Authenticate: Basic "), "{refused}");
    assert!(!server.wait_for_requests(3, Duration::from_millis(1)));
}

#[test]
fn a_request_that_a_dialect_rejects_takes_no_response_of_the_script() {
    let server = Server::start(ServerOptions {
        dialect: Dialect::Gardin,
        script: Script::parse(r#"[{"status": 503}]"#).unwrap(),
        client_id: "a".into(),
        client_secret: "b".into(),
        expires_in: Some(5),
        ..ServerOptions::default()
    });
    assert!(server.url().ends_with("/oauth2/token"));
    // YTpi is a:b.
    let good = "POST /oauth2/token HTTP/1.1\r\nConnection: close\r\nAuthorization: Basic YTpi\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials";
    let refused = exchange(&server, &good.replace("YTpi", "YTpj")).unwrap();
    assert!(refused.starts_with("HTTP/1.1 400 ") && body(&refused) == r#"{"error":"invalid_client"}"#, "{refused}");
    assert!(exchange(&server, good).unwrap().starts_with("HTTP/1.1 503 "));
    server.set_script(Script::default());
    let granted = exchange(&server, good).unwrap();
    assert!(granted.contains(r#"{"access_token":"eyJ"#) && granted.contains(r#""expires_in":5,"#), "{granted}");
}

#[test]
fn the_server_can_listen_on_ipv6() {
    let server = Server::start(ServerOptions { ipv6: true, ..ServerOptions::default() });
    assert!(server.url().starts_with("http://[::1]:"));
    assert!(request_token(&server).contains("token-1"));
}

#[test]
fn a_port_in_use_is_an_error() {
    let server = server("[]");
    let again = Server::bind(ServerOptions { port: server.port(), ..ServerOptions::default() });
    assert_eq!(again.err().map(|error| error.kind()), Some(ErrorKind::AddrInUse));
}

#[test]
fn two_hundred_clients_at_once_all_get_a_response() {
    let server = Arc::new(server(r#"[{"delay": 0.05}]"#));
    let start = Arc::new(Barrier::new(200));
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let (server, start) = (server.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                body(&request_token(&server)).to_string()
            })
        })
        .collect();
    let responses: BTreeSet<String> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    assert_eq!(responses.len(), 200);
    assert!(responses.iter().all(|response| response.starts_with(r#"{"access_token":"token-"#)));
    assert_eq!((server.requests(), server.connections()), (200, 200));
}
