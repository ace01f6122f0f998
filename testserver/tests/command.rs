//! The command, as a program that starts it uses it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokensource-testserver"));
    command.args(arguments);
    command
}

/// A running server. Dropping it closes the server's standard input.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        command.args(["--until-stdin-closes", "--seconds", "60"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().into()
    }

    fn request_token(url: &str) -> String {
        let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(format!("POST /{path} HTTP/1.1\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(std::thread::panicking() || status.success(), "{status}");
    }
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_error_for_a_port_in_use_names_the_port() {
    let mut running = Running::start(&[]);
    let url = running.line();
    let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap();
    let output = run(&["--port", port]);
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains(&format!("port {port} is taken: choose another with --port")), "{message}");
}

fn directory(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn the_first_line_is_the_token_url_and_the_server_ends_with_its_input() {
    let mut server = Running::start(&[]);
    let url = server.line();
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/oauth2/token/"), "{url}");
    assert!(Running::request_token(&url).contains(r#""access_token":"token-1","expires_in":3600"#));
}

#[test]
fn flags_change_the_responses() {
    let url = Running::start(&["--dialect", "gardin"]).line();
    assert!(url.ends_with("/oauth2/token"), "{url}");
    let mut server = Running::start(&["--fail", "503:temporarily_unavailable", "--delay", "0.01"]);
    let response = Running::request_token(&server.line());
    assert!(
        response.starts_with("HTTP/1.1 503 ") && response.contains(r#"{"error":"temporarily_unavailable"}"#),
        "{response}"
    );
    let mut server = Running::start(&["--expires-in=7", "--ipv6"]);
    let response = Running::request_token(&server.line());
    assert!(response.contains(r#""expires_in":7,"#), "{response}");
}

#[test]
fn a_script_is_read_from_a_file() {
    let file = directory("script").join("script.json");
    fs::write(&file, r#"[{"status": 429, "retry_after": 5}]"#).unwrap();
    let mut server = Running::start(&["--script", file.to_str().unwrap()]);
    assert!(Running::request_token(&server.line()).contains("\r\nRetry-After: 5\r\n"));
}

#[test]
fn the_date_shows_the_skew_of_the_clock() {
    for (skew, expected) in [("-86400", -86400.0), ("3600", 3600.0)] {
        let mut server = Running::start(&["--skew", skew]);
        let response = Running::request_token(&server.line());
        let date = response.lines().find_map(|line| line.strip_prefix("Date: ")).unwrap();
        let date = httpdate::parse_http_date(date).unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((date - now - expected).abs() < 5.0, "{response}");
    }
}

#[test]
fn a_server_that_requires_assertions_writes_the_keys_and_refuses_the_rest() {
    let directory = directory("assertions");
    let mut server =
        Running::start(&["--assertions", directory.to_str().unwrap(), "--audience", "https://issuer.example"]);
    let response = Running::request_token(&server.line());
    assert!(response.starts_with("HTTP/1.1 401 ") && response.contains("client_assertion_type is wrong"), "{response}");
    for name in ["signing.key", "signing-rsa.key"] {
        let text = fs::read_to_string(directory.join(name)).unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"), "{name}");
    }
}

#[test]
fn tls_writes_the_files_of_the_client() {
    let directory = directory("tls");
    let mut server = Running::start(&["--tls", directory.to_str().unwrap(), "--mtls", "--proxy"]);
    assert!(server.line().starts_with("https://127.0.0.1:"));
    assert!(server.line().starts_with("http://127.0.0.1:"));
    for (name, begin) in [("ca.pem", "CERTIFICATE"), ("client.pem", "CERTIFICATE"), ("client.key", "PRIVATE KEY")] {
        let text = fs::read_to_string(directory.join(name)).unwrap();
        assert!(text.starts_with(&format!("-----BEGIN {begin}-----")), "{name}");
    }
}

#[test]
fn the_server_ends_after_its_seconds() {
    let output = run(&["--seconds", "0"]);
    assert!(output.status.success() && output.stdout.starts_with(b"http://127.0.0.1:"));
}

#[test]
fn help_names_every_flag() {
    let output = run(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    let source = include_str!("../src/main.rs");
    let flags: Vec<_> = source.split("Long(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(flags.len() > 15);
    for flag in flags {
        assert!(help.contains(&format!("--{flag}")), "--{flag}");
    }
    assert!(output.status.success());
}

#[test]
fn a_wrong_argument_is_an_error_of_one_line() {
    for (arguments, reason) in [
        (&["--dialect", "french"][..], "not \"french\""),
        (&["--nonsense"], "--nonsense"),
        (&["--mtls"], "--tls"),
        (&["--client-id", "x"], "--dialect"),
        (&["--audience", "x"], "--assertions"),
        (&["--skew", "soon"], "--skew"),
        (&["--fail", "teapot"], "teapot"),
        (&["--delay", "-1"], "--delay"),
        (&["--seconds", "NaN"], "--seconds"),
        (&["--script", "/nonexistent"], "/nonexistent"),
        (&["--fail", "500", "--script", "x"], "one of"),
    ] {
        let output = run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), message.lines().count()), (Some(2), 1), "{message}");
        assert!(message.contains(reason), "{message}");
    }
}
