//! Compiles the examples in `bindings/c/examples` and runs them, with and without valgrind, against the test server.
#![cfg(target_os = "linux")]

mod common;

use common::build::make;
use common::cc::{LEAKS, VALGRIND, compile};
use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
    time::Duration,
};
use tokensource_testserver::{Dialect, Script, Server, ServerOptions};

/// The folder of libtokensource.so.1.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| make("build").join("release"));

static API: LazyLock<PathBuf> = LazyLock::new(|| example("api.c"));
static DAEMON: LazyLock<PathBuf> = LazyLock::new(|| example("daemon.c"));

const SECRET: &str = "correct-horse-battery-staple";

fn example(name: &str) -> PathBuf {
    compile(format!("bindings/c/examples/{name}"), &["-lcurl"], &LIBRARY)
}

/// A server that rejects what the real one rejects.
fn server(dialect: Dialect) -> Server {
    Server::start(ServerOptions { dialect, client_secret: SECRET.into(), ..ServerOptions::default() })
}

/// A server that follows a script.
fn scripted(script: &str) -> Server {
    Server::start(ServerOptions { script: Script::parse(script).unwrap(), ..ServerOptions::default() })
}

/// A program with no environment but what the caller sets. It runs under `timeout`, so that a hang fails one test only.
fn bare(program: &Path) -> Command {
    under(&[], program)
}

/// The same under valgrind, which ends with 99 after an invalid access or a leak.
fn watched(program: &Path) -> Command {
    under(&[&VALGRIND[..], &LEAKS[..]].concat(), program)
}

fn under(watcher: &[&str], program: &Path) -> Command {
    let mut timeout = Command::new("timeout");
    // PATH is needed to find valgrind.
    timeout.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    timeout.args(["--kill-after=5", "120"]).args(watcher).arg(program).stdin(Stdio::null());
    timeout
}

/// Runs a program. Returns its exit status and its output, which must not contain the secret.
fn ran(command: &mut Command) -> (Option<i32>, String, String) {
    ended(command.output().unwrap())
}

fn ended(Output { status, stdout, stderr }: Output) -> (Option<i32>, String, String) {
    let [out, err] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(!out.contains(SECRET) && !err.contains(SECRET), "{out}{err}");
    (status.code(), out, err)
}

#[test]
fn every_example_compiles_without_a_warning_at_every_optimization_level() {
    let examples = fs::read_dir("bindings/c/examples").unwrap().map(|entry| entry.unwrap().path());
    // objects.cpp uses all of tokensource.hpp.
    for program in examples.chain(["tests/c/objects.cpp".into()]) {
        for more in [&["-O0"][..], &["-O2", "-D_FORTIFY_SOURCE=2"], &["-O3", "-Wconversion", "-Wshadow"]] {
            let flags = [more, &["-lcurl", "-o", concat!(env!("CARGO_TARGET_TMPDIR"), "/warnings")]].concat();
            compile(&program, &flags, &LIBRARY);
        }
    }
}

#[test]
fn the_generic_example_sends_every_option_and_prints_the_header() {
    let generic = example("generic.c");
    for program in [bare, watched] {
        let get = |server: &Server| {
            let mut command = program(&generic);
            ran(command.env("TOKEN_URL", server.url()).env("CLIENT_ID", "someone").env("CLIENT_SECRET", SECRET))
        };
        let server = scripted("[{}]");
        assert_eq!(get(&server), (Some(0), "Bearer token-1\n".into(), String::new()));
        let body = server.seen().last.unwrap().body;
        assert!(body.contains("scope=read") && body.contains("audience=https%3A%2F%2Fapi.example.com"), "{body}");
        let (status, out, err) = get(&scripted(r#"[{"error": "invalid_client"}]"#));
        assert_eq!((status, &*out), (Some(1), ""));
        assert!(err.contains("invalid_client"), "{err}");
        let (status, out, err) = ran(&mut program(&generic));
        assert_eq!((status, &*out), (Some(1), ""));
        assert!(err.contains("client_id is not set"), "{err}");
    }
}

#[test]
fn the_shortest_examples_print_the_header_for_podero() {
    let server = server(Dialect::Podero);
    for (name, failure) in [("get.c", 1), ("get.cpp", 7)] {
        let get = example(name);
        for program in [bare, watched] {
            let asked = |secret: &str| {
                let mut command = program(&get);
                command.env("PODERO_TOKEN_URL", server.url()).env("PODERO_CLIENT_ID", "test-client");
                ran(command.env("PODERO_CLIENT_SECRET", secret))
            };
            let (status, header, err) = asked(SECRET);
            assert_eq!((status, &*err), (Some(0), ""));
            assert!(header.starts_with("Authorization: Bearer ") && header.len() == 22 + 31, "{header:?}");
            let (status, out, err) = asked("wrong");
            assert_eq!((status, &*out), (Some(failure), ""));
            assert!(err.contains("invalid_client"), "{err}");
            assert!(ran(&mut program(&get)).2.contains("client_id is not set"));
        }
    }
}

#[test]
fn the_threads_of_an_example_share_each_token() {
    let (server, threads) = (server(Dialect::Gardin), example("threads.c"));
    let options = ["provider", "gardin", "token_url", &server.url(), "client_id", "test-client", "client_secret"];
    let (status, out, err) = ran(bare(&threads).args(options).arg(SECRET));
    assert_eq!((status, &*err), (Some(0), ""));
    assert_eq!(out, "8000 calls by 8 threads, 2 requests for a token\n");
    assert_eq!(server.requests(), 2);
    let (status, out, err) = ran(watched(&threads).args(options).arg("wrong"));
    assert_eq!((status, &*out), (Some(1), ""));
    assert!(err.contains("invalid_client"), "{err}");
}

/// Runs `api` with a token server, with or without valgrind.
fn call(url: &str, program: fn(&Path) -> Command) -> (Option<i32>, String, String) {
    let tokens = scripted("[{}]");
    ran(program(&API).args([&*tokens.url(), url]).env("CLIENT_ID", "someone").env("CLIENT_SECRET", SECRET))
}

/// Returns the Authorization header of each call that the API received.
fn authorizations(api: &Server) -> Vec<String> {
    let seen = api.seen().all.into_iter();
    seen.map(|call| call.headers.get("authorization").cloned().unwrap_or_default()).collect()
}

#[test]
fn an_api_call_succeeds_after_the_api_revoked_the_token() {
    for program in [bare, watched] {
        let api = scripted(r#"[{"status": 401, "body": "rejected"}, {"body": "assets"}]"#);
        assert_eq!(call(&api.origin(), program), (Some(0), "assets".into(), String::new()));
        assert_eq!(authorizations(&api), ["Bearer token-1", "Bearer token-2"]);
    }
}

#[test]
fn an_api_that_rejects_every_token_is_called_twice() {
    let api = scripted(r#"[{"status": 401, "body": "rejected"}]"#);
    assert_eq!(call(&api.origin(), watched), (Some(1), String::new(), "the API responded with status 401\n".into()));
    assert_eq!(authorizations(&api), ["Bearer token-1", "Bearer token-2"]);
}

#[test]
fn the_token_does_not_follow_a_redirect() {
    let other = scripted("[{}]");
    let script = format!(r#"[{{"status": 307, "headers": {{"Location": "{}/elsewhere"}}}}]"#, other.origin());
    let api = scripted(&script);
    let (status, _, err) = call(&api.origin(), bare);
    assert_eq!((status, &*err), (Some(1), "the API responded with status 307\n"));
    assert_eq!((api.requests(), other.connections()), (1, 0));
}

#[test]
fn an_api_call_that_fails_reports_the_reason() {
    let (status, out, err) = ran(bare(&API).args(["http://127.0.0.1:9/"; 2]));
    assert_eq!((status, &*out), (Some(1), ""));
    assert!(err.contains("client_id is not set"), "{err}");
    let (status, out, err) = call("http://127.0.0.1:9/", watched);
    assert_eq!((status, &*out), (Some(1), ""));
    assert!(err.starts_with("the API: "), "{err}");
}

/// Starts the daemon with a token server.
fn daemon(server: &Server, program: fn(&Path) -> Command, more: &[&str]) -> Child {
    let mut command = program(&DAEMON);
    command.args(["token_url", &server.url(), "client_id", "someone", "client_secret", SECRET]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ends a daemon by a signal, which `timeout` passes on.
fn end(mut daemon: Child, signal: &str) -> (Option<i32>, String, String) {
    // The `kill` of the shell, because the program of this name is not on every machine.
    assert!(Command::new("sh").args(["-c", &format!("kill {signal} {}", daemon.id())]).status().unwrap().success());
    let mut err = String::new();
    daemon.stderr.take().map(|mut pipe| pipe.read_to_string(&mut err));
    let (status, out, rest) = ended(daemon.wait_with_output().unwrap());
    (status, out, err + &rest)
}

/// Returns the next line of a daemon's log.
fn logged(daemon: &mut Child) -> String {
    let mut line = String::new();
    // Byte by byte, so that later lines are not lost with the buffer.
    BufReader::with_capacity(1, daemon.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

#[test]
fn a_daemon_works_until_a_signal_ends_it() {
    for (program, signal) in [(bare as fn(&Path) -> Command, "-INT"), (watched, "-TERM")] {
        // Tokens with a short lifetime, so that the test sees a refresh.
        let server = Server::start(ServerOptions { expires_in: Some(4), ..ServerOptions::default() });
        let mut daemon = daemon(&server, program, &[]);
        assert_eq!(logged(&mut daemon), "daemon: a new token, number 1\n");
        assert_eq!(logged(&mut daemon), "daemon: a new token, number 2\n");
        let (status, out, _) = end(daemon, signal);
        assert_eq!((status, &*out), (Some(0), ""));
    }
}

#[test]
fn a_signal_ends_a_daemon_that_waits_for_its_first_token() {
    // The server never responds, and the daemon would wait for longer than `timeout` lets it run.
    let server = scripted(r#"[{"hang": true}]"#);
    let daemon = daemon(&server, watched, &["timeout", "1000"]);
    assert!(server.wait_for_requests(1, Duration::from_secs(60)));
    assert_eq!(end(daemon, "-TERM"), (Some(0), String::new(), String::new()));
}

#[test]
fn a_daemon_logs_why_it_has_no_token_and_respects_the_hold_off() {
    let server = scripted(r#"[{"error": "invalid_client"}]"#);
    let mut daemon = daemon(&server, watched, &[]);
    let line = logged(&mut daemon);
    assert!(line.starts_with("daemon: no token: ") && line.contains("invalid_client"), "{line}");
    let (status, _, err) = end(daemon, "-TERM");
    assert_eq!((status, &*err), (Some(0), ""));
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_daemon_with_a_wrong_option_does_not_start() {
    let (status, out, err) = ran(bare(&DAEMON).args(["token_ulr", "https://login.example/"]));
    assert_eq!((status, &*out), (Some(1), ""));
    assert!(err.starts_with("daemon: ") && err.contains("token_url"), "{err}");
}
