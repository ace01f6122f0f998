//! Builds the programs in `tests/c` with the system's compiler against the release build and runs each of them plain and
//! under valgrind; and those of `tests/abi`, which other releases left. A program that passes ends with 0 and prints nothing.
#![cfg(target_os = "linux")]

mod common;

use common::build::make;
use common::cc::{LEAKS, VALGRIND, compile};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
    time::Duration,
};
use tokensource_testserver::{Answer, Authority, Leaf, Member, Script, Server, ServerOptions};

/// Where libtokensource.so.1 is.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| make("build").join("release"));

fn granting_after(seconds: f64) -> Server {
    Server::start(ServerOptions { delay: Duration::from_secs_f64(seconds), ..ServerOptions::default() })
}

fn granting() -> Server {
    granting_after(0.0)
}

fn refusing() -> Server {
    let script = Answer::refusal("invalid_client").into();
    Server::start(ServerOptions { script, ..ServerOptions::default() })
}

/// A server that speaks TLS, and the file of the roots to trust.
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

/// Under `timeout`, since what some programs look for is a hang.
fn run(command: &[&str], program: &Path, arguments: &[&str]) -> Output {
    let mut timeout = Command::new("timeout");
    timeout.args(["--kill-after=5", "300"]).args(command).arg(program).args(arguments);
    timeout.stdin(Stdio::null()).output().expect("timeout")
}

fn passes(command: &[&str], program: &Path, arguments: &[&str]) {
    let Output { status, stdout, stderr } = run(command, program, arguments);
    let said = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(status.success() && said.is_empty(), "{command:?} {}: {status}\n{said}", program.display());
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
fn abuse_is_refused_and_harms_nothing() {
    // It takes its time, so that who does not wait has no token yet.
    let server = granting_after(0.5);
    both(&program("abuse.c"), &[&server.url()]);
}

#[test]
fn a_token_lives_as_the_header_says() {
    let (granting, refusing) = (granting(), refusing());
    both(&program("life.c"), &[&granting.url(), &refusing.url()]);
}

#[test]
fn threads_share_one_request_and_one_refusal() {
    let (granting, refusing) = (granting_after(0.3), refusing());
    both(&program("threads.c"), &[&granting.url(), &refusing.url()]);
    assert_eq!(refusing.requests(), 2);
}

#[test]
fn children_of_forks_live() {
    let server = granting_after(0.3);
    let fork = program("fork.c");
    for (command, forks) in [(&[][..], "200"), (&VALGRIND, "20")] {
        // Not under LEAKS: a child leaks on purpose what another thread of its parent may have held locked.
        let script = Script::parse(r#"[{"expires_in": 4}, {"hang": true}]"#).unwrap();
        let once = Server::start(ServerOptions { script, ..ServerOptions::default() });
        passes(command, &fork, &[&server.url(), forks, &once.url()]);
    }
}

#[test]
fn children_of_forks_while_certificates_are_loaded_live() {
    let (server, file) = over_tls(Script::default(), "forks.pem");
    let (roots, arguments) = (program("roots.c"), [&*server.url(), file.to_str().unwrap()]);
    // The certificates are loaded once in a process, so there must be many.
    for _ in 0..20 {
        plain(&roots, &arguments);
    }
    passes(&VALGRIND, &roots, &arguments);
}

#[test]
fn a_process_with_too_many_files_open_is_told_so() {
    let server = granting();
    let secret = Path::new(env!("CARGO_TARGET_TMPDIR")).join("files.secret");
    fs::write(&secret, "correct-horse-battery-staple\n").unwrap();
    // Not under valgrind, which opens files of its own.
    plain(&program("files.c"), &[&server.url(), secret.to_str().unwrap()]);
}

#[test]
fn signals_are_the_hosts() {
    let server = granting_after(1.0);
    both(&program("signals.c"), &[&server.url()]);
}

#[test]
fn going_away_during_a_fetch_is_harmless_and_quick() {
    let (slow, quick) = (granting_after(30.0), granting_after(0.5));
    let unload = program("unload.c");
    plain(&unload, &[&slow.url(), &quick.url(), "100"]);
    valgrind(&unload, &[&slow.url(), &quick.url(), "5000"]);
}

#[test]
fn a_panic_is_a_status_and_prints_nothing() {
    let server = granting();
    let library = make("testing-library").join("testing/debug");
    both(&compile("tests/c/panic.c", &[], &library), &[&server.url()]);
}

#[test]
fn no_secret_stays_in_memory() {
    let answer = Answer { token: Member::text("a-token-that-is-found-nowhere-else"), ..Answer::default() };
    let (server, roots) = over_tls(answer.into(), "wiped.pem");
    let (url, roots) = (server.url(), roots.to_str().unwrap());
    // What malloc is given back it keeps, and does not give to the system.
    let keeping = ["env", "MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=1000000000", "MALLOC_MMAP_MAX_=0"];
    passes(&keeping, &program("wiped.c"), &[&url, roots]);
    // And the search finds what is there: in a library that does not wipe.
    let library = make("testing-library").join("testing/debug");
    passes(&keeping, &compile("tests/c/wiped.c", &[], &library), &[&url, roots, "leave_memory"]);
}

/// Plain: the same calls of today's programs are watched. A program in `tests/abi` may ask for what every release promises and
/// for nothing else: no option of the tests, none of the library's memory, no limit of the machine.
#[test]
fn programs_of_every_release_run_with_this_library() {
    let (granting, refusing, waiting, slow) = (granting(), refusing(), granting_after(0.5), granting_after(30.0));
    let [granting, refusing, waiting, slow] = [granting.url(), refusing.url(), waiting.url(), slow.url()];
    let mut ran = 0;
    for release in fs::read_dir("tests/abi").unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let own_header = format!("-I{}", release.display());
        for source in fs::read_dir(release).unwrap().map(|entry| entry.unwrap().path()) {
            let arguments = match source.file_name().unwrap().to_str().unwrap() {
                "tokensource.h" | "check.h" => continue,
                "abuse.c" => vec![&*waiting],
                "life.c" => vec![&*granting, &refusing],
                "threads.c" => vec![&*waiting, &refusing],
                "unload.c" => vec![&*slow, &waiting, "5000"],
                _ => panic!("{}: with which arguments?", source.display()),
            };
            plain(&compile(&source, &[&own_header], &LIBRARY), &arguments);
            ran += 1;
        }
    }
    assert!(ran >= 4);
}

#[test]
fn the_objects_of_cpp_live_as_their_header_says() {
    let script = |json: &str| {
        let script = Script::parse(json).unwrap();
        Server::start(ServerOptions { script, ..ServerOptions::default() })
    };
    let refusing = script(
        r#"[{"status": 400, "body": {"error": "invalid_scope", "error_description": "No such scope.",
            "error_uri": "https://login.example/scopes"}}]"#,
    );
    let (granting, overloaded) = (granting(), script(r#"[{"status": 503, "retry_after": 7}]"#));
    let slow = granting_after(30.0);
    let urls = [granting.url(), refusing.url(), overloaded.url(), slow.url()];
    both(&program("objects.cpp"), &urls.each_ref().map(String::as_str));
}

#[test]
fn a_library_of_another_abi_is_refused_by_cpp() {
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
    let answer = run(&[], &example, &[&server.url(), "someone", secret.to_str().unwrap()]);
    assert!(answer.status.success() && answer.stdout.starts_with(b"Authorization: Bearer "), "{answer:?}");
    let answer = run(&[], &example, &["ftp://example.com/", "someone", secret.to_str().unwrap()]);
    assert!(!answer.status.success() && answer.stderr.starts_with(b"option token_url"), "{answer:?}");
}
