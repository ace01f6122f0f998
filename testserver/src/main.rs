//! The command: parses its arguments, starts a server, and ends after its time or with its standard input.

use lexopt::{Parser, ValueExt, prelude::*};
use std::{
    error::Error,
    ffi::OsString,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};
use tokensource_testserver::{
    Assertions, Authority, ClientKey, Dialect, Leaf, ProxyOptions, Response, Script, Server, ServerOptions,
};

const HELP: &str = "\
A scripted OAuth 2.0 token server for tests, on loopback only.

Usage: tokensource-testserver [OPTIONS]

Prints the URL of its token endpoint as the first line; with --proxy the proxy's URL as the second.

What it grants
  --dialect NAME        plain (default): grants a token to every request, on any path
                        podero: JSON to /oauth2/token/, Basic percent-decoded, opaque tokens for 36000 s
                        gardin: a form to /oauth2/token, Basic not decoded, JWT for 3600 s
  --client-id ID        the client that podero and gardin accept (default: test-client)
  --client-secret TEXT  its secret (default: test-secret)
  --assertions DIR      requires a signed assertion, of the client or of the jwt-bearer grant; writes two keys for the
                        client to sign with: DIR/signing.key (P-256) and DIR/signing-rsa.key
  --audience TEXT       what aud of an assertion must be (default: the URL of the token endpoint)
  --expires-in SECONDS  lifetime of the tokens

How it misbehaves
  --script FILE         a JSON array of responses, one for each token request; the last repeats
  --fail STATUS[:CODE]  every response has this HTTP status, and this OAuth error if given: 503, 401:invalid_client
  --delay SECONDS       every response waits so long
  --skew SECONDS        its clock is so far ahead, or behind with a minus: in its Date, and where it checks an assertion

How it is reached
  --port N              (default: any free port)
  --ipv6                listens on ::1 instead of 127.0.0.1
  --tls DIR             speaks https; writes DIR/ca.pem for the client to trust
  --mtls                requires a client certificate; writes DIR/client.pem and DIR/client.key
  --proxy               starts an HTTP proxy too

When it ends
  --seconds N           after this time (default: 3600)
  --until-stdin-closes  when its standard input ends, so that it never outlives the program that started it

  --help, --version

While it runs, on the same port (replace the path of the token URL):
  GET  /-/seen          the requests so far: requests, connections, running, last, all
  POST /-/script        a new script as the body; the next request gets its first response
  POST /-/reset         forgets the requests, and restarts the script
";

struct Arguments {
    server: ServerOptions,
    directory: Option<PathBuf>,
    assertions: Option<PathBuf>,
    mtls: bool,
    lifetime: Duration,
    until_stdin_closes: bool,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tokensource-testserver: {error} (see --help)");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tokensource-testserver: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns None after --help and --version.
fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, Box<dyn Error>> {
    let mut server = ServerOptions::default();
    let (mut directory, mut mtls, mut lifetime, mut until_stdin_closes) = (None, false, 3600.0, false);
    let (mut assertions, mut audiences) = (None, Vec::new());
    let (mut scripted, mut known_client) = (false, false);
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("dialect") => {
                server.dialect = match &*parser.value()?.string()? {
                    "plain" => Dialect::Plain,
                    "podero" => Dialect::Podero,
                    "gardin" => Dialect::Gardin,
                    other => return Err(format!("--dialect is plain, podero or gardin, not {other:?}").into()),
                }
            }
            Long("client-id") => (server.client_id, known_client) = (parser.value()?.string()?, true),
            Long("client-secret") => (server.client_secret, known_client) = (parser.value()?.string()?, true),
            Long("assertions") => assertions = Some(PathBuf::from(parser.value()?)),
            Long("audience") => audiences.push(parser.value()?.string()?),
            Long("expires-in") => server.expires_in = Some(parser.value()?.parse()?),
            Long("script" | "fail") if scripted => return Err("give one of --script and --fail, once".into()),
            Long("script") => {
                let file = PathBuf::from(parser.value()?);
                let json = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                server.script = Script::parse(&json).map_err(|error| format!("{}: {error}", file.display()))?;
                scripted = true;
            }
            Long("fail") => {
                server.script = failure(&parser.value()?.string()?)?.into();
                scripted = true;
            }
            Long("delay") => server.delay = seconds("--delay", &parser.value()?.string()?, 600.0)?,
            Long("skew") => server.skew = skew(&parser.value()?.string()?)?,
            Long("port") => server.port = parser.value()?.parse()?,
            Long("ipv6") => server.ipv6 = true,
            Long("tls") => directory = Some(PathBuf::from(parser.value()?)),
            Long("mtls") => mtls = true,
            Long("proxy") => server.proxy = Some(ProxyOptions::default()),
            Long("seconds") => lifetime = seconds("--seconds", &parser.value()?.string()?, 1e6)?.as_secs_f64(),
            Long("until-stdin-closes") => until_stdin_closes = true,
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(None);
            }
            Long("version") => {
                println!("tokensource-testserver {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    if mtls && directory.is_none() {
        return Err("--mtls needs --tls DIR".into());
    }
    if known_client && server.dialect == Dialect::Plain && assertions.is_none() {
        return Err(
            "--client-id and --client-secret need --dialect podero or gardin, or --assertions: plain accepts any \
                    client"
                .into(),
        );
    }
    if assertions.is_some() {
        server.assertions = Some(Assertions { keys: Vec::new(), audiences });
    } else if !audiences.is_empty() {
        return Err("--audience needs --assertions DIR".into());
    }
    let lifetime = Duration::from_secs_f64(lifetime);
    Ok(Some(Arguments { server, directory, assertions, mtls, lifetime, until_stdin_closes }))
}

fn failure(text: &str) -> Result<Response, String> {
    let (status, error) = text.split_once(':').map_or((text, None), |(status, code)| (status, Some(code.to_owned())));
    match status.parse() {
        Ok(status @ 100..=999) => Ok(Response { status: Some(status), error, ..Response::default() }),
        _ => Err(format!("--fail is an HTTP status with or without an OAuth error, not {text:?}")),
    }
}

fn seconds(name: &str, text: &str, most: f64) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=most).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("{name} is seconds from 0 to {most}, not {text:?}")),
    }
}

fn skew(text: &str) -> Result<i64, String> {
    // Thirty years, so that the year is one that a date can have.
    const MOST: i64 = 1_000_000_000;
    match text.parse::<i64>() {
        Ok(seconds) if (-MOST..=MOST).contains(&seconds) => Ok(seconds),
        _ => Err(format!("--skew is whole seconds from -{MOST} to {MOST}, not {text:?}")),
    }
}

fn run(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let write = |directory: &Path, name: &str, text: &str| {
        let file = directory.join(name);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    };
    if let (Some(directory), Some(assertions)) = (&arguments.assertions, &mut arguments.server.assertions) {
        for (name, key) in [("signing.key", ClientKey::p256()), ("signing-rsa.key", ClientKey::rsa())] {
            write(directory, name, &key.pem)?;
            assertions.keys.push(key.jwk);
        }
    }
    if let Some(directory) = &arguments.directory {
        let authority = Authority::new();
        write(directory, "ca.pem", &authority.pem())?;
        if arguments.mtls {
            let client = authority.client();
            write(directory, "client.pem", &client.chain)?;
            write(directory, "client.key", &client.key)?;
        }
        let tls = if arguments.mtls { authority.mutual_tls() } else { authority.tls(Leaf::Good) };
        arguments.server.tls = Some(tls);
    }
    let port = arguments.server.port;
    let server = Server::bind(arguments.server).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!("port {port} is taken: choose another with --port, or leave it out"),
        _ => error.to_string(),
    })?;
    let mut out = io::stdout();
    writeln!(out, "{}", server.url())?;
    if let Some(proxy) = server.proxy() {
        writeln!(out, "{}", proxy.url())?;
    }
    out.flush()?;

    let (ended, wait) = mpsc::channel();
    if arguments.until_stdin_closes {
        let ended = ended.clone();
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            let _ = ended.send(());
        });
    }
    let _ = wait.recv_timeout(arguments.lifetime);
    Ok(())
}
