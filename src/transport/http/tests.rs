//! Responses of a scripted peer, whole and byte by byte.

use super::*;
use crate::{config::Endpoint, oauth::request::Value, secret::Secret};
use std::collections::VecDeque;

/// A peer that sends prepared pieces, one per read, and keeps the blocks that it receives, one per write.
#[derive(Default)]
struct Peer {
    pieces: VecDeque<Vec<u8>>,
    sent_blocks: Arc<Mutex<Vec<String>>>,
    end: Option<io::ErrorKind>,
}

fn peer(pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Peer {
    Peer { pieces: pieces.into_iter().map(Into::into).collect(), ..Peer::default() }
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.pieces.front_mut() else { return self.end.map_or(Ok(0), |kind| Err(kind.into())) };
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        piece.drain(..length);
        if piece.is_empty() {
            self.pieces.pop_front();
        }
        Ok(length)
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent_blocks.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn request(url: &str) -> HttpRequest {
    HttpRequest {
        endpoint: Endpoint::parse(url).unwrap(),
        headers: vec![
            ("authorization".into(), Value::Secret(Secret::new("Basic eDp5"))),
            ("content-type".into(), Value::Open("application/x-www-form-urlencoded".into())),
            ("x-name".into(), Value::Secret(Secret::new("é"))),
        ],
        body: Some(Secret::new("grant_type=client_credentials")),
    }
}

fn exchange(peer: Peer) -> Result<RawResponse, String> {
    Client::new().exchange(peer, &request("https://as.example/t"), None, true).map_err(|fault| format!("{fault:?}"))
}

/// Returns the response to a request. It must be the same whether it arrives at once or byte by byte.
fn response(bytes: impl AsRef<[u8]>) -> Result<RawResponse, String> {
    let bytes = bytes.as_ref();
    let whole = exchange(peer([bytes]));
    let dripped = exchange(peer(bytes.iter().map(|byte| [*byte])));
    match (&whole, &dripped) {
        (Ok(whole), Ok(dripped)) => {
            assert_eq!((whole.status, &whole.headers), (dripped.status, &dripped.headers));
            assert_eq!(whole.body, dripped.body);
        }
        (Err(whole), Err(dripped)) => assert_eq!(whole, dripped),
        _ => panic!("whole: {}, dripped: {}", whole.is_ok(), dripped.is_ok()),
    }
    whole
}

fn body(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8(response(bytes).unwrap().body.to_vec()).unwrap()
}

fn fault(bytes: impl AsRef<[u8]>) -> String {
    response(bytes).err().expect("a fault")
}

fn sent(request: &HttpRequest) -> Vec<String> {
    let peer = peer(["HTTP/1.1 204 No Content\r\n\r\n"]);
    let sent_blocks = Arc::clone(&peer.sent_blocks);
    assert_eq!(Client::new().exchange(peer, request, None, true).unwrap().status, 204);
    let sent_blocks = sent_blocks.lock().unwrap();
    sent_blocks.clone()
}

#[test]
fn a_request_is_sent_as_one_block() {
    assert_eq!(
        sent(&request("https://as.example:8443/oauth2/token?tenant=1")),
        ["POST /oauth2/token?tenant=1 HTTP/1.1\r\ncontent-length: 29\r\nhost: as.example:8443\r\n\
          authorization: Basic eDp5\r\ncontent-type: application/x-www-form-urlencoded\r\nx-name: é\r\n\
          connection: close\r\n\r\ngrant_type=client_credentials"]
    );
}

#[test]
fn a_request_without_a_body_is_a_get() {
    let mut get = HttpRequest { body: None, ..request("https://as.example/.well-known/openid-configuration") };
    get.headers = vec![("user-agent".into(), Value::Open("me".into())), ("accept".into(), Value::Open("a/b".into()))];
    assert_eq!(
        sent(&get),
        ["GET /.well-known/openid-configuration HTTP/1.1\r\nhost: as.example\r\nuser-agent: me\r\n\
          accept: a/b\r\nconnection: close\r\n\r\n"]
    );
}

#[test]
fn a_forward_proxy_gets_the_whole_url_and_our_credentials() {
    let authorization = Some(Secret::new("Basic dTpw"));
    let (client, proxy) = (Client::new(), ForwardProxy { origin: "http://as.example:81".into(), authorization });
    for (url, target) in [("http://as.example:81/t?a=b", "/t?a=b"), ("http://as.example:81", "/")] {
        let peer = peer(["HTTP/1.1 204 No Content\r\n\r\n"]);
        let sent_blocks = Arc::clone(&peer.sent_blocks);
        assert_eq!(client.exchange(peer, &request(url), Some(&proxy), true).unwrap().status, 204);
        assert_eq!(
            *sent_blocks.lock().unwrap(),
            [format!(
                "POST http://as.example:81{target} HTTP/1.1\r\ncontent-length: 29\r\nhost: as.example:81\r\n\
                 authorization: Basic eDp5\r\ncontent-type: application/x-www-form-urlencoded\r\nx-name: é\r\n\
                 proxy-authorization: Basic dTpw\r\nconnection: close\r\n\r\ngrant_type=client_credentials"
            )]
        );
    }
    let get = HttpRequest { body: None, ..request("http://as.example:81/m") };
    let answers = peer(["HTTP/1.1 204 No Content\r\n\r\n"]);
    let sent_blocks = Arc::clone(&answers.sent_blocks);
    assert_eq!(client.exchange(answers, &get, Some(&proxy), false).unwrap().status, 204);
    assert!(
        sent_blocks.lock().unwrap()[0].starts_with("GET http://as.example:81/m HTTP/1.1\r\nhost: as.example:81\r\n")
    );
    let speaks_tls = peer([b"\x15\x03\x01\x00\x02\x02\x46"]);
    let fault = client.exchange(speaks_tls, &request("http://as.example:81"), Some(&proxy), true).err();
    assert!(matches!(fault, Some(Fault::Unusable(what)) if what.ends_with("(write https:// before its host)")));
}

#[test]
fn a_request_may_be_large() {
    let mut large = request(&format!("https://as.example/{}", "p".repeat(60_000)));
    large.headers.push(("x-large".into(), Value::Secret(Secret::new("h".repeat(300_000)))));
    large.body = Some(Secret::new("b".repeat(300_000)));
    let sent = sent(&large);
    let [sent] = sent.as_slice() else { panic!("{} blocks", sent.len()) };
    assert!(sent.contains(&"p".repeat(60_000)) && sent.contains(&"h".repeat(300_000)));
    assert!(sent.ends_with(&format!("\r\n\r\n{}", "b".repeat(300_000))));
}

#[test]
fn the_target_begins_with_a_slash_and_the_host_header_omits_the_default_port() {
    for (url, target, host) in [
        ("https://a/b?c=/d", "/b?c=/d", "a"),
        ("https://a", "/", "a"),
        ("https://a?b=/c", "/?b=/c", "a"),
        ("https://a:443/", "/", "a"),
        ("http://a:443/", "/", "a:443"),
        ("http://[::1]:80/", "/", "[::1]"),
        ("https://[::1]:80/", "/", "[::1]:80"),
    ] {
        let head = format!("POST {target} HTTP/1.1\r\ncontent-length: 29\r\nhost: {host}\r\n");
        assert!(sent(&request(url))[0].starts_with(&head), "{url}");
    }
}

#[test]
fn header_names_are_lower_case_and_values_that_are_not_utf8_are_dropped() {
    let response =
        response(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic \r\nX-A: caf\xe9\r\nContent-Length: 0\r\n\r\n");
    let response = response.unwrap();
    assert_eq!(response.status, 401);
    let expected = [("www-authenticate", "Basic"), ("content-length", "0")];
    assert_eq!(response.headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn the_length_the_last_chunk_or_the_end_of_the_connection_ends_a_body() {
    assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}and more"), "{}");
    assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\n{}"), "{}");
    assert_eq!(body("HTTP/1.0 200 OK\r\n\r\n{}"), "{}");
    assert_eq!(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n{}"), "{}");
    assert_eq!(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b\r\n{\r\n1 \r\n}\r\n0\r\n"), "{}");
    // RFC 9112 §6.3: the coding overrides the length.
    assert_eq!(
        body("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        "{}"
    );
    assert_eq!(body("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"), "");
}

#[test]
fn a_response_that_ends_early_is_cut_short() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Len",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}",
    ] {
        assert_eq!(fault(cut), "CutShort", "{cut:?}");
    }
    assert_eq!(fault(""), "NoResponse");
}

#[test]
fn an_end_that_an_attacker_could_have_made_ends_no_response() {
    for (kind, sent, fault) in [
        (io::ErrorKind::UnexpectedEof, "HTTP/1.1 200 OK\r\n\r\n{}", "CutShort"),
        (io::ErrorKind::ConnectionReset, "HTTP/1.1 200 OK\r\n\r\n{}", "Io(Kind(ConnectionReset))"),
        (io::ErrorKind::TimedOut, "HTTP/1.1 200 OK\r\n\r\n{}", "Io(Kind(TimedOut))"),
        (io::ErrorKind::TimedOut, "HTTP/1.1 200 OK\r\n", "Io(Kind(TimedOut))"),
    ] {
        assert_eq!(exchange(Peer { end: Some(kind), ..peer([sent]) }).err().unwrap(), fault);
    }
    let silent = Peer { end: Some(io::ErrorKind::UnexpectedEof), ..Peer::default() };
    assert_eq!(exchange(silent).err().unwrap(), "NoResponse");
}

#[test]
fn a_body_of_one_mebibyte_is_accepted_and_one_byte_more_is_not() {
    const MEBIBYTE: usize = 1 << 20;
    let large = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(MEBIBYTE);
    assert_eq!(response(&large).unwrap().body.len(), MEBIBYTE);
    let too_large = r#"Unusable("is larger than 1 MiB")"#;
    assert_eq!(fault(large + "x"), too_large);
    assert_eq!(fault("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"), too_large);
    assert_eq!(fault("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"), too_large);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for size in ["100001", "ffffffffffffffff"] {
        assert_eq!(fault(format!("{chunked}{size}\r\n{}", "x".repeat(MEBIBYTE + 1))), too_large);
    }
    let first = format!("{chunked}100000\r\n{}\r\n", "x".repeat(MEBIBYTE));
    assert_eq!(response(first.clone() + "0\r\n").unwrap().body.len(), MEBIBYTE);
    assert_eq!(fault(first + "1\r\nx\r\n0\r\n"), too_large);
}

#[test]
fn many_tiny_chunks_make_one_body() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    bytes.extend(b"1\r\nx\r\n".repeat(20_000));
    bytes.extend(b"0\r\n\r\n");
    assert_eq!(response(&bytes).unwrap().body.len(), 20_000);
}

#[test]
fn responses_with_1xx_are_skipped_up_to_a_limit() {
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    assert_eq!(body(format!("{early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}")), "{}");
    assert_eq!(fault(early), "CutShort");
    assert_eq!(fault("HTTP/1.1 100 Continue\r\n\r\n".repeat(4000)), r#"Unusable("has more than 64 KiB of headers")"#);
}

#[test]
fn the_bytes_and_lines_of_a_head_are_bounded() {
    let head = |lines: usize, length: usize| {
        format!("HTTP/1.1 200 OK\r\n{}", format!("a: {}\r\n", "b".repeat(length)).repeat(lines))
    };
    assert_eq!(response(head(128, 1) + "\r\n").unwrap().headers.len(), 128);
    assert!(fault(head(129, 1) + "\r\n").contains("more than 128 headers"));
    assert_eq!(fault(head(1, 65 << 10) + "\r\n"), r#"Unusable("has more than 64 KiB of headers")"#);
    assert_eq!(
        fault(format!("{}{}", head(0, 0), "a".repeat(65 << 10))),
        r#"Unusable("has more than 64 KiB of headers")"#
    );
}

#[test]
fn other_protocols_than_http_are_recognised() {
    for bytes in ["SSH-2.0-OpenSSH_9.2\r\n", "<html>no</html>\n", "{}", "HTTP/2 200\r\n\r\n", "HTTP/1.1 099 No\r\n\r\n"]
    {
        assert!(fault(bytes).contains("not HTTP/1.1"), "{bytes:?}");
    }
    assert_eq!(
        fault("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        r#"Unusable("switches to another protocol unasked (101)")"#
    );
    assert_eq!(fault(b"\x15\x03\x01\x00\x02\x02\x46"), "TlsServer");
}

#[test]
fn contradictory_or_broken_framing_is_rejected() {
    let with = |headers: &str, body: &str| fault(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}"));
    assert!(with("Content-Length: 2\r\nContent-Length: 3", "{}x").contains("contradicts another"));
    for length in ["2, 3", "+2", "-2", "", "0x2", "2 3", "99999999999999999999999"] {
        assert!(with(&format!("Content-Length: {length}"), "{}x").contains("no number"), "{length}");
    }
    for coding in ["gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked\r\nTransfer-Encoding: \u{e9}"]
    {
        let why = with(&format!("Transfer-Encoding: {coding}"), "2\r\n{}\r\n0\r\n\r\n");
        assert!(why.contains("other than chunked"), "{coding}");
    }
    let old = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    assert!(fault(old).contains("HTTP/1.0 with a Transfer-Encoding"));
    for chunk in ["\r\n", "x\r\n", "-1\r\n", "2\r\n{}0\r\n\r\n", "10000000000000000\r\n"] {
        assert!(with("Transfer-Encoding: chunked", chunk).contains("broken chunk"), "{chunk:?}");
    }
    // A line that is too long, complete or not.
    assert!(with("Transfer-Encoding: chunked", &format!("1;{}\r\n", "x".repeat(5000))).contains("broken chunk"));
    assert!(with("Transfer-Encoding: chunked", &format!("1;{}", "x".repeat(5000))).contains("broken chunk"));
}

#[test]
fn endless_trailers_are_rejected() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n";
    assert_eq!(body(format!("{head}A: b\r\n\r\n")), "{}");
    let endless = std::iter::once(head.into()).chain(std::iter::repeat_n("A: b\r\n".repeat(10_000), 150));
    assert_eq!(exchange(peer(endless)).err().unwrap(), r#"Unusable("is larger than 1 MiB")"#);
}
