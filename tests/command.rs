//! Compiles the command in `cli` and the demo in `bindings/c` like any C program, and runs them like a shell does.
//!
//! How the library behaves is tested elsewhere. The tests here are about arguments, output and exit status.
#![cfg(target_os = "linux")]

mod common;

use common::build::make;
use common::cc::{LEAKS, VALGRIND};
use serde_json::{Value, json};
use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{LazyLock, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokensource_testserver::{
    Authority, Behaviour, Dialect, Leaf, Proxy, ProxyOptions, Script, Server, ServerOptions, leak_log,
};

/// The directory of all build results.
static TARGET: LazyLock<PathBuf> = LazyLock::new(|| make("build"));
static COMMAND: LazyLock<PathBuf> = LazyLock::new(|| compile("cli/tokensource.c", "command"));

const SECRET: &str = "correct-horse-battery-staple";
/// The token that the scripted servers grant.
const TOKEN: &str = "open-sesame";

const ID: &str = "client_id=test-client";

fn compile(source: &str, name: &str) -> PathBuf {
    compile_with(&["-O2", "-D_FORTIFY_SOURCE=2"], source, name)
}

fn compile_with(flags: &[&str], source: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bindings");
    fs::create_dir_all(&folder).unwrap();
    let (program, library) = (folder.join(name), TARGET.join("release"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread", "-Iinclude"]).args(flags);
    cc.arg(source).arg("-o").arg(&program).arg("-L").arg(&library).arg("-ltokensource");
    cc.arg(format!("-Wl,-rpath,{}", library.display()));
    assert!(cc.status().expect("cc").success(), "{source} does not compile");
    program
}

struct Ran {
    status: ExitStatus,
    out: String,
    err: String,
}

impl Ran {
    fn succeeded(self) -> String {
        assert_eq!((self.status.code(), &*self.err), (Some(0), ""));
        self.out
    }

    /// Returns the one line on standard error without its prefix.
    fn failed(self, code: i32) -> String {
        assert_eq!((self.status.code(), &*self.out), (Some(code), ""), "{}", self.err);
        let line = self.err.strip_prefix("tokensource: ").and_then(|line| line.strip_suffix('\n'));
        let line = line.unwrap_or_else(|| panic!("{:?}", self.err));
        assert!(!line.contains(char::is_control), "{line:?}");
        line.to_owned()
    }
}

/// Runs a command and passes it `input`. The output must not contain a secret.
fn run(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // A program that reads no input ends before this write.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    });
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(!err.contains(SECRET) && !err.contains(TOKEN) && !out.contains(SECRET), "{out}{err}");
    leak_log("command", &err);
    Ran { status: output.status, out, err }
}

/// A program with no environment but what the caller sets. It runs under `timeout`, so that a hang fails one test only.
fn bare(program: &Path) -> Command {
    let mut timeout = Command::new("timeout");
    timeout.env_clear().args(["--kill-after=5", "300"]).arg(program);
    timeout
}

fn tokensource<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = bare(&COMMAND);
    command.args(arguments);
    command
}

fn run_with<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    run(&mut tokensource(arguments), b"")
}

/// A server that rejects what the real one rejects, and grants what the real one grants.
fn server(dialect: Dialect) -> Server {
    Server::start(ServerOptions { dialect, client_secret: SECRET.into(), ..ServerOptions::default() })
}

/// A server that follows a script.
fn scripted(script: &str) -> Server {
    Server::start(ServerOptions { script: Script::parse(script).unwrap(), ..ServerOptions::default() })
}

fn url(server: &Server) -> String {
    format!("token_url={}", server.url())
}

fn secret() -> String {
    format!("client_secret={SECRET}")
}

/// `get` with the options for a scripted server, and more.
fn get(server: &Server, more: &[&str]) -> Command {
    let mut command = tokensource(["get", ID, &url(server), &secret()]);
    command.args(more);
    command
}

/// `get` from a Podero server that knows the secret. The options lack the secret.
fn podero(server: &Server) -> Command {
    tokensource(["get", "provider=podero", ID, &url(server)])
}

fn granted_by_podero(ran: Ran) {
    let token = ran.succeeded();
    assert!(token.len() == 31 && token.ends_with('\n'), "{token:?}");
    assert!(token.trim_end().chars().all(|c| c.is_ascii_alphanumeric()), "{token:?}");
}

#[test]
fn the_command_and_the_demo_compile_without_a_warning_at_every_optimization_level() {
    for source in ["cli/tokensource.c", "bindings/c/demo.c"] {
        for flags in [&["-O0", "-g"][..], &["-O2", "-D_FORTIFY_SOURCE=2"], &["-O3", "-Wconversion", "-Wshadow"]] {
            compile_with(flags, source, "warnings");
        }
    }
}

#[test]
fn get_prints_the_token() {
    let server = server(Dialect::Podero);
    granted_by_podero(run(podero(&server).arg(secret()), b""));
    assert_eq!(run(&mut get(&scripted(r#"[{"token": "open-sesame"}]"#), &[]), b"").succeeded(), "open-sesame\n");
}

#[test]
fn get_prints_the_header() {
    let server = scripted(r#"[{"token": "open-sesame", "token_type": "bearer"}]"#);
    for arguments in [["--header", "scope=a"], ["scope=a", "--header"]] {
        assert_eq!(run(&mut get(&server, &arguments), b"").succeeded(), "Authorization: Bearer open-sesame\n");
    }
}

fn get_json(server: &Server) -> Value {
    let out = run(&mut get(server, &["--json"]), b"").succeeded();
    assert!(out.ends_with("}\n"), "{out}");
    serde_json::from_str(&out).expect(&out)
}

#[test]
fn get_prints_everything_as_json() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    let server = scripted(
        r#"[{"body": {"access_token": "a\"b\\c", "token_type": "bEARER", "expires_in": 3600,
                      "scope": "r w", "id_token": "hidden", "more": ["\u0000ü\n"]}}]"#,
    );
    let mut answer = get_json(&server);
    let expires_in = answer["expires_in"].take().as_u64().unwrap();
    let expires_at = answer["expires_at"].take().as_u64().unwrap();
    assert!((3500..=3600).contains(&expires_in), "{expires_in}");
    assert!((before + 3599..=now() + 3601).contains(&expires_at), "{expires_at}");
    let response = json!({"token_type": "bEARER", "expires_in": 3600, "scope": "r w", "more": ["\u{fffd}ü\n"]});
    let token = r#"a"b\c"#;
    assert_eq!(
        answer,
        json!({"access_token": token, "token_type": "bEARER", "scope": "r w", "expires_at": null, "expires_in": null,
               "response": response})
    );
    // A scope that the server did not send is null.
    assert_eq!(get_json(&scripted(r#"[{"token": "open-sesame"}]"#))["scope"], Value::Null);
}

#[test]
fn the_secret_is_read_from_standard_input_like_from_a_file() {
    let server = server(Dialect::Podero);
    let from_stdin = |input: &[u8]| run(podero(&server).arg("client_secret_file=-"), input);
    for end in ["", "\n", "\r\n"] {
        granted_by_podero(from_stdin(format!("{SECRET}{end}").as_bytes()));
    }
    let too_long = [b'x'; (64 << 10) + 1];
    for (input, code, reason) in [
        (&b""[..], 2, "standard input: it is empty"),
        (b"\r\n", 2, "standard input: it is empty"),
        (b"a\0b", 2, "standard input: the secret holds a NUL"),
        (&too_long, 2, "standard input: it is larger than 64 KiB"),
        (b"a\n\n", 1, "standard input: option client_secret: the secret ends in a line break"),
        (b"a\nb", 1, "standard input: option client_secret: the secret holds a line break"),
        (b"\xff", 1, "standard input: "),
    ] {
        let line = from_stdin(input).failed(code);
        assert!(line.contains(&format!(": {reason}")), "{line}");
    }
    assert_eq!(server.requests(), 3);

    let taker = scripted(r#"[{"token": "open-sesame"}]"#);
    let mut post = tokensource(["get", ID, &url(&taker), "auth_method=client_secret_post", "client_secret_file=-"]);
    assert_eq!(run(&mut post, &too_long[1..]).succeeded(), "open-sesame\n");
    let mut closed = Command::new("sh");
    closed.env_clear().args(["-c", r#"exec "$@" <&-"#, "sh"]).arg(&*COMMAND).args(["get", "client_secret_file=-"]);
    assert!(run(&mut closed, b"").failed(2).contains("standard input: Bad file descriptor"));
}

#[test]
fn the_secret_is_read_from_a_file() {
    let (server, file) = (server(Dialect::Gardin), Path::new(env!("CARGO_TARGET_TMPDIR")).join("command.secret"));
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let file = format!("client_secret_file={}", file.display());
    let token = run_with(["get", "provider=gardin", ID, &url(&server), &file]).succeeded();
    assert_eq!(token.split('.').count(), 3);
    assert!(
        run_with(["get", "provider=gardin", ID, "client_secret_file=/nonexistent"]).failed(2).contains("/nonexistent")
    );
}

#[test]
fn options_are_read_from_the_environment() {
    let server = server(Dialect::Podero);
    let environment = [
        ("TOKENSOURCE_PROVIDER", "podero".to_owned()),
        ("TOKENSOURCE_TOKEN_URL", server.url()),
        ("TOKENSOURCE_CLIENT_ID", "test-client".into()),
        ("TOKENSOURCE_SCOPE", String::new()),
    ];
    let with = |name: &str, value: &str| {
        let mut command = tokensource(["get"]);
        command.envs(environment.clone()).env(name, value);
        command
    };
    granted_by_podero(run(&mut with("TOKENSOURCE_CLIENT_SECRET", SECRET), b""));
    granted_by_podero(run(&mut with("TOKENSOURCE_CLIENT_SECRET_FILE", "-"), SECRET.as_bytes()));
    // An empty secret is allowed, but an empty variable counts as not set.
    assert!(run(&mut with("TOKENSOURCE_CLIENT_SECRET", ""), b"").failed(2).contains("client_secret"));
    let line = run(&mut with("TOKENSOURCE_MAX_ATTEMPTS", "many"), b"").failed(1);
    assert!(line.starts_with("TKS_INVALID_ARGUMENT: TOKENSOURCE_MAX_ATTEMPTS: option max_attempts: "), "{line}");

    // For every option of the library.
    for option in tokensource::options().iter().filter(|option| !option.name().contains('.')) {
        let variable = format!("TOKENSOURCE_{}", option.name().to_uppercase());
        let line = run(tokensource(["get"]).env(&variable, "\u{85}"), b"");
        if line.status.code() == Some(1) {
            assert!(line.err.contains(&format!(": {variable}: option {}: ", option.name())), "{}", line.err);
        } else {
            // A file may have every name.
            let takes_any_text = ["client_secret", "signing_key"].contains(&option.name());
            assert!(option.name().ends_with("_file") || takes_any_text, "{variable}: {}", line.err);
        }
    }
    let mut family = with("TOKENSOURCE_CLIENT_SECRET", SECRET);
    granted_by_podero(run(family.env("TOKENSOURCE_PARAM.NAME", "x").env("TOKENSOURCE_HEADER.NAME", "\u{85}"), b""));
    assert!(!server.seen().last.unwrap().body.contains("NAME"));
}

#[test]
fn a_variable_that_is_not_utf8_is_rejected_and_not_ignored() {
    let arguments = ["get", "token_url=https://token.example/", ID, "client_secret_file=-"];
    for (name, value) in [("HTTPS_PROXY", &b"http://proxy\xff:1"[..]), ("SSL_CERT_FILE", b"/nowhere/ca-\xff.pem")] {
        let line = run(tokensource(arguments).env(name, OsStr::from_bytes(value)), SECRET.as_bytes()).failed(2);
        assert!(line.contains(name), "{line}");
    }
}

#[test]
fn arguments_override_the_environment() {
    let server = server(Dialect::Podero);
    let with = |name: &str, value: &str, argument: &str, input: &str| {
        run(podero(&server).env(name, value).arg(argument), input.as_bytes())
    };
    granted_by_podero(with("TOKENSOURCE_CLIENT_SECRET", "not-horse-battery", &secret(), ""));
    granted_by_podero(with("TOKENSOURCE_CLIENT_SECRET_FILE", "/nonexistent", &secret(), ""));
    granted_by_podero(with("TOKENSOURCE_CLIENT_SECRET", "not-horse-battery", "client_secret_file=-", SECRET));
    granted_by_podero(run(podero(&server).env("TOKENSOURCE_TOKEN_URL", "http://127.0.0.1:1/").arg(secret()), b""));
    with("TOKENSOURCE_CLIENT_SECRET", SECRET, "client_secret=not-horse-battery", "").failed(7);
    with("TOKENSOURCE_CLIENT_SECRET", SECRET, "client_secret=", "").failed(7);
}

#[test]
fn an_argument_for_a_credential_overrides_the_variables_for_all() {
    let server = server(Dialect::Podero);
    let all = [
        ("TOKENSOURCE_CLIENT_SECRET", "not-horse-battery"),
        ("TOKENSOURCE_CLIENT_SECRET_FILE", "/nonexistent"),
        ("TOKENSOURCE_SIGNING_KEY", "not-a-horse-battery-key"),
        ("TOKENSOURCE_SIGNING_KEY_FILE", "/nonexistent"),
        ("TOKENSOURCE_CLIENT_ASSERTION_FILE", "/nonexistent"),
    ];
    granted_by_podero(run(podero(&server).envs(all).arg(secret()), b""));
    granted_by_podero(run(podero(&server).envs(all).arg("client_secret_file=-"), SECRET.as_bytes()));
    // Alone, each variable counts; with an argument for another credential, none does.
    for (name, value) in all {
        let ran = run(podero(&server).env(name, value), b"");
        assert!(!ran.status.success(), "{name}");
        for argument in ["signing_key=x", "signing_key_file=/missing", "client_assertion_file=/missing"] {
            let line = run(podero(&server).env(name, value).arg(argument), b"").failed(2);
            assert!(!line.contains("both set") && !line.contains("/nonexistent"), "{name} {argument}: {line}");
        }
    }
}

/// The key of RFC 8037 A.1, which is public.
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
                      "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

#[test]
fn the_signing_key_is_read_from_standard_input() {
    let server = scripted(r#"[{"token": "open-sesame"}]"#);
    let key = |input: &[u8]| run(&mut tokensource(["get", ID, &url(&server), "signing_key_file=-"]), input);
    for end in ["", "\n", "\r\n", "\n\n"] {
        assert_eq!(key(format!("{KEY}{end}").as_bytes()).succeeded(), "open-sesame\n");
    }
    assert!(server.seen().last.unwrap().body.contains("client_assertion=eyJ"));
    for (input, code, reason) in [
        (&b""[..], 2, "standard input: it is empty"),
        (b"{\0}", 2, "standard input: the key holds a NUL"),
        (&[b'x'; (64 << 10) + 1], 2, "standard input: it is larger than 64 KiB"),
        (b"horse-battery", 2, "signing_key"),
    ] {
        let line = key(input).failed(code);
        assert!(line.contains(reason) && !line.contains("horse-battery"), "{line}");
    }
}

#[test]
fn standard_input_is_one_credential() {
    let both = "client_secret_file and signing_key_file cannot both be standard input; see tokensource help";
    let arguments = ["get", ID, "token_url=http://127.0.0.1:1/", "client_secret_file=-", "signing_key_file=-"];
    assert_eq!(run(&mut tokensource(arguments), SECRET.as_bytes()).failed(64), both);
    let mut variables = tokensource(&arguments[..3]);
    variables.env("TOKENSOURCE_CLIENT_SECRET_FILE", "-").env("TOKENSOURCE_SIGNING_KEY_FILE", "-");
    assert_eq!(run(&mut variables, SECRET.as_bytes()).failed(64), both);
}

#[test]
fn arguments_are_accepted_in_any_order_and_the_last_one_counts() {
    let server = server(Dialect::Podero);
    let (url, secret) = (url(&server), secret());
    let (first, last) = ([&*url, &secret, ID, "provider=podero"], ["provider=podero", ID, &secret, &url]);
    for arguments in [first, last] {
        granted_by_podero(run(tokensource(["get"]).args(arguments), b""));
    }
    granted_by_podero(run(podero(&server).args(["client_secret=not-horse-battery", &secret]), b""));
    run(podero(&server).args([&secret, "client_secret=not-horse-battery"]), b"").failed(7);
}

#[test]
fn every_error_has_its_name_and_its_exit_status() {
    let server = server(Dialect::Podero);
    let line = run(podero(&server).arg("client_secret=not-horse-battery"), b"").failed(7);
    assert!(line.starts_with("TKS_OAUTH: the token endpoint responded with 401 invalid_client; "), "{line}");
    assert!(line.contains("client_secret"), "{line}");
    let line = run(podero(&server).args([&secret(), "body_format=form"]), b"").failed(7);
    assert!(line.contains("unsupported_grant_type") && line.contains("body_format=json"), "{line}");

    let line = run_with(["get", "provider=podero", &secret()]).failed(2);
    assert!(line.starts_with("TKS_INVALID_CONFIG: client_id is not set"), "{line}");
    let line = run_with(["get", "timeuot=5"]).failed(1);
    assert_eq!(line, r#"TKS_INVALID_ARGUMENT: unknown option "timeuot", did you mean timeout?"#);
    assert!(run_with(["get", "=x"]).failed(1).starts_with("TKS_INVALID_ARGUMENT: "));
    let line = run_with(["get", ID, "token_url=http://127.0.0.1:1/", &secret(), "max_attempts=1"]).failed(3);
    assert!(line.starts_with("TKS_NETWORK: ") && line.contains("127.0.0.1:1"), "{line}");

    let stranger = Authority::new().tls(Leaf::Good);
    let stranger = Server::start(ServerOptions { tls: Some(stranger), ..ServerOptions::default() });
    for (server, more, code, name) in [
        (stranger, "max_attempts=1", 4, "TKS_TLS"),
        (scripted(r#"[{"hang": true}]"#), "timeout=0.5", 5, "TKS_TIMEOUT"),
        (scripted(r#"[{"status": 503}]"#), "max_attempts=1", 6, "TKS_HTTP"),
        (scripted(r#"[{"body": "<html>open-sesame</html>"}]"#), "max_attempts=1", 8, "TKS_BAD_RESPONSE"),
    ] {
        let line = run(&mut get(&server, &[more]), b"").failed(code);
        assert!(line.starts_with(&format!("{name}: ")), "{line}");
    }
}

#[test]
fn a_wrong_command_line_is_reported_without_repeating_it() {
    let mut lines = Vec::new();
    for arguments in [
        &[SECRET][..],
        &["gte"],
        &["get", SECRET],
        &["get", "-p", SECRET],
        &["get", &format!("--client_secret={SECRET}")],
        &["get", "--header", "--json"],
        &["options", SECRET],
        &["help", "get"],
    ] {
        lines.push(run_with(arguments).failed(64));
    }
    assert!(lines.iter().all(|line| line.ends_with("; see tokensource help")), "{lines:#?}");
    assert!(lines[2].starts_with("argument 1 of get is neither NAME=VALUE nor"), "{}", lines[2]);
    let nothing = run_with([""; 0]);
    assert_eq!((nothing.status.code(), &*nothing.out), (Some(64), ""));
    assert!(nothing.err.starts_with("Usage: tokensource get "));
}

#[test]
fn an_output_that_cannot_be_written_is_reported() {
    let server = scripted(r#"[{"token": "open-sesame"}]"#);
    let into_nothing = |command: &str| {
        let mut sh = Command::new("sh");
        sh.env_clear().args(["-c", command, "sh"]).arg(&*COMMAND).args(["get", ID, &url(&server), &secret()]);
        run(&mut sh, b"").failed(74)
    };
    assert_eq!(into_nothing(r#"exec "$@" > /dev/full"#), "standard output: No space left on device");
    assert_eq!(into_nothing(r#"exec "$@" >&-"#), "standard output: Bad file descriptor");
    let mut version = Command::new("sh");
    version.env_clear().args(["-c", r#"exec "$@" --version > /dev/full"#, "sh"]).arg(&*COMMAND);
    assert_eq!(run(&mut version, b"").failed(74), "standard output: No space left on device");

    let broken_pipe = |command: &mut Command| {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        command
            .env_clear()
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
    };
    let arguments = ["get", ID, &url(&server), &secret()];
    let mut ignoring = Command::new("sh");
    ignoring.args(["-c", r#"trap '' PIPE; exec "$@""#, "sh"]).arg(&*COMMAND).args(arguments);
    let output = broken_pipe(&mut ignoring).unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "tokensource: standard output: Broken pipe\n");
    let output = broken_pipe(Command::new(&*COMMAND).args(arguments)).unwrap();
    assert_eq!((output.status.signal(), &*output.stderr), (Some(libc::SIGPIPE), &b""[..]));
}

#[test]
fn ps_shows_no_value_and_ctrl_c_ends_the_command() {
    let server = scripted(r#"[{"hang": true}]"#);
    // SIGINT may be ignored when these tests run in the background, and a child inherits that.
    let mut command = Command::new("env");
    command.env_clear().arg("--default-signal=INT").arg(&*COMMAND);
    command.args(["get", ID, &url(&server), &secret(), "param.pin=1234"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    assert!(server.wait_for_requests(1, Duration::from_secs(30)));
    let line = fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap();
    let words: Vec<_> = line.split('\0').filter(|word| !word.is_empty()).skip(1).collect();
    assert_eq!(words, ["get", "client_id", "token_url", "client_secret", "param.pin"]);
    // The `kill` of the shell, because the program of this name is not on every machine.
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGINT));
}

#[test]
fn options_lists_every_option_within_80_columns() {
    let listed = run_with(["options"]).succeeded();
    assert!(listed.lines().all(|line| line.chars().count() < 80 && line.trim_end() == line), "{listed}");
    let mut words = listed.split_whitespace();
    for option in tokensource::options() {
        assert!(listed.lines().any(|line| line.starts_with(&format!("{} ", option.name()))), "{}", option.name());
        let expected = option.name().split_whitespace().chain(option.help().split_whitespace());
        assert!(expected.eq(words.by_ref().take(1 + option.help().split_whitespace().count())), "{}", option.name());
    }
    assert_eq!(words.next(), None);
}

#[test]
fn the_help_and_the_manual_page_agree() {
    let help = run_with(["help"]).succeeded();
    for arguments in [&["--help"][..], &["-h"], &["get", "--help"], &["get", ID, "--help"]] {
        assert_eq!(run_with(arguments).succeeded(), help);
    }
    assert!(help.lines().all(|line| line.chars().count() < 80 && line.trim_end() == line), "{help}");
    assert_eq!(run_with(["--version"]).succeeded(), format!("tokensource {}\n", env!("CARGO_PKG_VERSION")));

    let page = fs::read_to_string("cli/tokensource.1").unwrap();
    let (_, numbers) = help.split_once("Exit status:").unwrap();
    let numbers: Vec<_> = numbers.split_whitespace().collect();
    let names: Vec<_> = numbers.windows(2).filter(|pair| pair[1].starts_with("TKS_")).collect();
    assert_eq!(names.len(), 11);
    for pair in &names[..9] {
        assert!(page.contains(&format!(".It {}\n.Dv {} :\n", pair[0], pair[1])), "{pair:?}");
    }
    for status in ["64", "74"] {
        assert!(numbers.contains(&status) && page.contains(&format!(".It {status}\n")));
    }
    for flag in ["header", "json", "version"] {
        assert!(help.contains(&format!("--{flag}")) && page.contains(&format!("Fl -{flag}")));
    }
}

/// `python -m tokensource` does the same as the command.
#[test]
fn the_python_command_has_the_same_help() {
    let python = fs::read_to_string("bindings/python/src/tokensource/__main__.py").unwrap();
    let (_, python) = python.split_once("\nHELP = \"\"\"").unwrap();
    let python = python.split("\"\"\"").next().unwrap().replace("python -m tokensource", "tokensource");
    let help = run_with(["help"]).succeeded();
    assert!(help.contains(&python), "{help}\n{python}");
}

#[test]
fn nothing_leaks() {
    let server = scripted(r#"[{"token": "open-sesame"}]"#);
    let (url, secret) = (url(&server), secret());
    let checked = |arguments: &[&str]| {
        let mut command = bare(Path::new(VALGRIND[0]));
        run(command.args(&VALGRIND[1..]).args(LEAKS).arg(&*COMMAND).args(arguments), b"x")
    };
    for form in [&["--json"][..], &["--header"], &[]] {
        checked(&[&["get", ID, &url, &secret][..], form].concat()).succeeded();
    }
    checked(&["get", ID, &url, "client_secret_file=-"]).succeeded();
    checked(&["get", ID]).failed(2);
    checked(&["get", "timeuot=5"]).failed(1);
    checked(&["options"]).succeeded();
}

/// Only one test runs the demo at a time, because each run installs the Node package in the same place.
static DEMO: Mutex<()> = Mutex::new(());

/// The demo with its output in a pipe, and with the variables that cargo needs.
fn demo() -> Command {
    let mut demo = bare(Path::new("bindings/c/demo.sh"));
    for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"] {
        demo.envs(env::var_os(name).map(|value| (name, value)));
    }
    demo.arg(&*TARGET).env("CARGO_TERM_QUIET", "true").env("TERM", "xterm");
    demo
}

#[test]
fn the_demo_prints_every_section() {
    let _demo = DEMO.lock();
    // `run` returns only after every program of the demo has ended, because they share its standard error.
    let out = run(&mut demo(), b"").succeeded();
    let lines: Vec<_> = out.lines().collect();
    assert!(lines.len() <= 45 && lines.iter().all(|line| line.chars().count() < 80), "{out}");
    assert!(!out.contains('\x1b'), "{out}");
    let about = |heading: &str| {
        let from =
            lines.iter().position(|line| line.starts_with(heading)).unwrap_or_else(|| panic!("{heading}\n{out}"));
        lines[from..].iter().take_while(|line| !line.is_empty()).map(|line| line.trim()).collect::<Vec<_>>().join("\n")
    };
    let has = |heading: &str, texts: &[&str]| {
        for text in texts {
            assert!(about(heading).contains(text), "{heading}: {text}\n{out}");
        }
    };
    has("podero: a server on this machine", &["... (30 characters)", "type      Bearer", "read write", "in 36000 s"]);
    has("gardin: a server on this machine", &["token     eyJ", "type      Bearer", "UTC, in 3600 s"]);
    has("10,000 more reads in two ways", &["requests  0\n", " ns  tks_source_generation", " ns  tks_source_get"]);
    has("a token that lives 4 s", &["before the first one expired", ", of which 0 waited;"]);
    has("a wrong secret", &["TKS_OAUTH\n", "401 invalid_client", "requests  1 for 1000 calls", "next in 60 s"]);
    has("a form sent to podero", &["400 unsupported_grant_type", "body_format=json", "requests  1 for 1000 calls"]);
}

#[test]
fn the_demo_uses_the_real_server_when_it_has_a_client() {
    let _demo = DEMO.lock();
    let proxy = Proxy::start(ProxyOptions { behaviour: Behaviour::Status(503), ..ProxyOptions::default() });
    let mut demo = demo();
    demo.env("PODERO_CLIENT_ID", "test-client").env("PODERO_CLIENT_SECRET", SECRET).env("HTTPS_PROXY", proxy.url());
    let ran = run(&mut demo, b"");
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.out.contains("podero: the real server\n  error     TKS_"), "{}", ran.out);
    assert!(ran.out.contains("gardin: a server on this machine") && !ran.out.contains(SECRET), "{}", ran.out);
    assert!(!proxy.targets().is_empty() && proxy.targets().iter().all(|asked| asked == "app.podero.com:443"));
}
