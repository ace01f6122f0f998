//! Compiles the programs in `tests/c` against the release build, and runs each with and without valgrind. Does the same with
//! the programs of earlier releases in `tests/abi`. A program that passes ends with 0 and prints nothing.
//!
//! The checks are in the programs. This file starts their servers.
#![cfg(target_os = "linux")]

mod common;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use common::build::make;
use common::cc::{LEAKS, VALGRIND, compile};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
    time::Duration,
};
use tokensource_testserver::{Authority, Leaf, Member, Response, Script, Server, ServerOptions};

/// The folder of libtokensource.so.1.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| make("build").join("release"));

fn granting_after(seconds: f64) -> Server {
    Server::start(ServerOptions { delay: Duration::from_secs_f64(seconds), ..ServerOptions::default() })
}

fn granting() -> Server {
    granting_after(0.0)
}

fn rejecting() -> Server {
    let script = Response::oauth_error("invalid_client").into();
    Server::start(ServerOptions { script, ..ServerOptions::default() })
}

/// A server with TLS, and the file of the CA to trust.
fn over_tls(script: Script, file: &str) -> (Server, PathBuf) {
    let authority = Authority::new();
    let roots = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    fs::write(&roots, authority.pem()).unwrap();
    let tls = Some(authority.tls(Leaf::Good));
    (Server::start(ServerOptions { script, tls, ..ServerOptions::default() }), roots)
}

fn program(name: &str) -> PathBuf {
    compile(format!("tests/c/{name}"), &[], &LIBRARY)
}

/// Runs a program under `timeout`, because some tests are about hangs.
fn run(command: &[&str], program: &Path, arguments: &[&str]) -> Output {
    let mut timeout = Command::new("timeout");
    timeout.args(["--kill-after=5", "300"]).args(command).arg(program).args(arguments);
    timeout.stdin(Stdio::null()).output().expect("timeout")
}

fn passes(command: &[&str], program: &Path, arguments: &[&str]) {
    let Output { status, stdout, stderr } = run(command, program, arguments);
    let printed = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(status.success() && printed.is_empty(), "{command:?} {}: {status}\n{printed}", program.display());
}

fn plain(program: &Path, arguments: &[&str]) {
    passes(&[], program, arguments);
}

fn valgrind(program: &Path, arguments: &[&str]) {
    passes(&[&VALGRIND[..], &LEAKS[..]].concat(), program, arguments);
}

fn both(program: &Path, arguments: &[&str]) {
    plain(program, arguments);
    valgrind(program, arguments);
}

#[test]
fn wrong_arguments_are_rejected_and_do_no_harm() {
    // The server responds late, so that a caller that does not wait has no token yet.
    let server = granting_after(0.5);
    both(&program("abuse.c"), &[&server.url()]);
}

#[test]
fn a_token_has_the_life_cycle_of_the_header() {
    let (granting, rejecting) = (granting(), rejecting());
    both(&program("life.c"), &[&granting.url(), &rejecting.url()]);
}

#[test]
fn threads_share_one_request_and_one_error() {
    let (granting, rejecting) = (granting_after(0.3), rejecting());
    both(&program("threads.c"), &[&granting.url(), &rejecting.url()]);
    assert_eq!(rejecting.requests(), 2);
}

#[test]
fn children_of_forks_use_the_handles_they_inherit() {
    let server = granting_after(0.3);
    let fork = program("fork.c");
    for (command, forks) in [(&[][..], "200"), (&VALGRIND, "20")] {
        // Without LEAKS: a child leaks on purpose what another thread of its parent may have locked.
        let script = Script::parse(r#"[{"expires_in": 4}, {"hang": true}]"#).unwrap();
        let once = Server::start(ServerOptions { script, ..ServerOptions::default() });
        passes(command, &fork, &[&server.url(), forks, &once.url()]);
    }
}

#[test]
fn a_fork_while_certificates_are_loaded_does_no_harm() {
    let (server, file) = over_tls(Script::default(), "forks.pem");
    let (roots, arguments) = (program("roots.c"), [&*server.url(), file.to_str().unwrap()]);
    // A process loads the certificates once, so the test needs many processes.
    for _ in 0..20 {
        plain(&roots, &arguments);
    }
    passes(&VALGRIND, &roots, &arguments);
}

#[test]
fn the_error_names_too_many_open_files() {
    let server = granting();
    let secret = Path::new(env!("CARGO_TARGET_TMPDIR")).join("files.secret");
    fs::write(&secret, "correct-horse-battery-staple\n").unwrap();
    // Not under valgrind, which opens its own files.
    plain(&program("files.c"), &[&server.url(), secret.to_str().unwrap()]);
}

#[test]
fn the_library_takes_no_signal() {
    let server = granting_after(1.0);
    both(&program("signals.c"), &[&server.url()]);
}

#[test]
fn close_dlclose_and_exit_during_a_fetch_do_not_wait() {
    let (slow, quick) = (granting_after(30.0), granting_after(0.5));
    let unload = program("unload.c");
    plain(&unload, &[&slow.url(), &quick.url(), "100"]);
    valgrind(&unload, &[&slow.url(), &quick.url(), "5000"]);
}

#[test]
fn a_panic_becomes_a_status_and_prints_nothing() {
    let server = granting();
    let library = make("testing-library").join("testing/debug");
    both(&compile("tests/c/panic.c", &[], &library), &[&server.url()]);
}

#[test]
fn no_secret_remains_in_memory() {
    let answer = Response { token: Member::text("a-token-that-is-found-nowhere-else"), ..Response::default() };
    let (server, roots) = over_tls(answer.into(), "wiped.pem");
    let (url, roots, parts) = (server.url(), roots.to_str().unwrap(), parts_of_keys());
    let arguments = |fault| [&[&*url, roots, fault, &*parts], &KEYS[..]].concat();
    // malloc keeps freed memory and does not return it to the system.
    let keeping = ["env", "MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=1000000000", "MALLOC_MMAP_MAX_=0"];
    passes(&keeping, &program("wiped.c"), &arguments("-"));
    // The search finds secrets in a library that does not wipe.
    let library = make("testing-library").join("testing/debug");
    passes(&keeping, &compile("tests/c/wiped.c", &[], &library), &arguments("leave_memory"));
}

/// The keys that sign in `wiped.c`. Each JWK has the numbers of the PEM file.
const KEYS: [&str; 6] = [
    "tests/keys/rsa-2048.pem",
    "tests/keys/rsa-2048.jwk.json",
    "tests/keys/p256.pem",
    "tests/keys/p256.jwk.json",
    "tests/keys/p384.pem",
    "tests/keys/ed25519.pem",
];

/// Returns parts of 16 bytes of every private number, 24 characters of each line of the files, and what each assertion
/// begins with.
fn parts_of_keys() -> String {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for name in ["rsa-2048", "p256", "p384", "ed25519"] {
        let read = |kind: &str| fs::read_to_string(format!("tests/keys/{name}{kind}")).unwrap();
        parts.extend(read(".pem").lines().filter(|line| line.len() == 64).map(|line| line[20..44].into()));
        let jwk: serde_json::Value = serde_json::from_str(&read(".jwk.json")).unwrap();
        for text in ["d", "p", "q", "dp", "dq", "qi"].iter().filter_map(|member| jwk[member].as_str()) {
            let number = BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
            parts.extend(number.chunks_exact(16).map(<[u8]>::to_vec));
            parts.push(text[text.len() - 24..].into());
        }
    }
    for header in [r#"{"alg":"RS256","typ":"JWT"}"#, r#"{"alg":"ES256","typ":"JWT"}"#] {
        parts.push(format!("{}.eyJpc3MiOi", BASE64_URL_SAFE_NO_PAD.encode(header)).into());
    }
    let hexadecimal = |part: &Vec<u8>| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    parts.iter().map(hexadecimal).collect::<Vec<_>>().join(",")
}

/// Without valgrind, which runs the current programs. A program in `tests/abi` may use what every release promises and
/// nothing else: no test option, no search of memory, no limit of the machine.
#[test]
fn programs_of_every_release_run_with_this_library() {
    let (granting, rejecting, waiting, slow) = (granting(), rejecting(), granting_after(0.5), granting_after(30.0));
    let [granting, rejecting, waiting, slow] = [granting.url(), rejecting.url(), waiting.url(), slow.url()];
    let mut ran = 0;
    for release in fs::read_dir("tests/abi").unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let own_header = format!("-I{}", release.display());
        for source in fs::read_dir(release).unwrap().map(|entry| entry.unwrap().path()) {
            let arguments = match source.file_name().unwrap().to_str().unwrap() {
                "tokensource.h" | "check.h" => continue,
                "abuse.c" => vec![&*waiting],
                "life.c" => vec![&*granting, &rejecting],
                "threads.c" => vec![&*waiting, &rejecting],
                "unload.c" => vec![&*slow, &waiting, "5000"],
                _ => panic!("{}: its arguments are not known", source.display()),
            };
            plain(&compile(&source, &[&own_header], &LIBRARY), &arguments);
            ran += 1;
        }
    }
    assert!(ran >= 4);
}

#[test]
fn the_cpp_objects_behave_as_their_header_states() {
    let script = |json: &str| {
        let script = Script::parse(json).unwrap();
        Server::start(ServerOptions { script, ..ServerOptions::default() })
    };
    let rejecting = script(
        r#"[{"status": 400, "body": {"error": "invalid_scope", "error_description": "No such scope.",
            "error_uri": "https://login.example/scopes"}}]"#,
    );
    let (granting, overloaded) = (granting(), script(r#"[{"status": 503, "retry_after": 7}]"#));
    let slow = granting_after(30.0);
    let urls = [granting.url(), rejecting.url(), overloaded.url(), slow.url()];
    both(&program("objects.cpp"), &urls.each_ref().map(String::as_str));
}

#[test]
fn the_cpp_header_rejects_a_library_with_another_abi_version() {
    both(&program("other_abi.cpp"), &[]);
}

#[test]
fn the_example_in_the_header_works() {
    let header = fs::read_to_string("include/tokensource.h").unwrap();
    let comment = header.lines().map(|line| line.strip_prefix(" *").unwrap_or(line));
    let code = comment.skip_while(|line| *line != " # Example").skip(1).take_while(|line| !line.starts_with(" #"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, secret) = (folder.join("example.c"), folder.join("example.secret"));
    fs::write(&source, code.collect::<Vec<_>>().join("\n")).unwrap();
    fs::write(&secret, "correct-horse-battery-staple\n").unwrap();

    let server = granting();
    let example = compile(&source, &[], &LIBRARY);
    let output = run(&[], &example, &[&server.url(), "someone", secret.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.starts_with(b"Authorization: Bearer "), "{output:?}");
    let output = run(&[], &example, &["ftp://example.com/", "someone", secret.to_str().unwrap()]);
    assert!(!output.status.success() && output.stderr.starts_with(b"option token_url"), "{output:?}");
}
