//! Runs the rows of `tests/hostile/*.json`: a network that lies, breaks and stalls, and what a caller must get.
//!
//! Each row runs through the C library and through the Rust API, or in a process of its own. In every row, nothing goes to
//! another origin, errors show no secret and no unprintable character, no call hangs, and a second call sends no request.

mod common;

#[path = "hostile/row.rs"]
mod row;
#[path = "hostile/secrets.rs"]
mod secrets;

use row::Row;
use secrets::{CLIENT, SECRET};
use std::{
    collections::BTreeMap,
    fs,
    net::{TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokensource_testserver::{
    Assertions, Authority, ClientKey, Leaf, Proxy, ProxyOptions, Request, Response, Script, Server, ServerOptions, Tls,
    leak_log,
};

type Outcome = Result<Received, Box<Failed>>;

#[derive(Debug, PartialEq)]
struct Received {
    token: String,
    token_type: String,
    scope: Option<String>,
    response: String,
    expires_in: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct Failed {
    status: String,
    message: String,
    oauth_error: Option<String>,
    description: Option<String>,
    uri: Option<String>,
    http_status: i32,
    transient: bool,
}

/// A first call and, if the source could be made, a second.
struct Run {
    first: Outcome,
    took: Duration,
    again: Option<Outcome>,
    /// The growth of the process in KiB, where it was measured.
    grown: Option<u64>,
}

type Options = BTreeMap<String, String>;

fn through_c(options: &Options) -> Run {
    use common::capi::{Config, Error, Source, Token};
    let failed = |error: Error| {
        Box::new(Failed {
            status: error.status(),
            message: error.message(),
            oauth_error: error.oauth_error(),
            description: error.oauth_description(),
            uri: error.oauth_uri(),
            http_status: error.http_status(),
            transient: error.is_transient(),
        })
    };
    let granted = |token: Token| {
        assert_eq!(token.authorization(), format!("Bearer {}", token.access_token()));
        Received {
            token: token.access_token(),
            token_type: token.token_type(),
            scope: token.scope(),
            response: token.response(),
            expires_in: token.expires_in(),
        }
    };
    let mut config = Config::new();
    for (name, value) in options {
        config.set(name, value.as_str()).unwrap();
    }
    let source = Source::new(&config).map_err(failed);
    run(source, |source| source.get().map(granted).map_err(failed))
}

fn through_rust(options: &Options) -> Run {
    use tokensource::{Config, Error, ErrorKind, Token, TokenSource};
    let failed = |error: Error| {
        let status = match error.kind() {
            ErrorKind::InvalidArgument => "TKS_INVALID_ARGUMENT",
            ErrorKind::InvalidConfig => "TKS_INVALID_CONFIG",
            ErrorKind::Network => "TKS_NETWORK",
            ErrorKind::Tls => "TKS_TLS",
            ErrorKind::Timeout => "TKS_TIMEOUT",
            ErrorKind::Http => "TKS_HTTP",
            ErrorKind::OAuth => "TKS_OAUTH",
            ErrorKind::BadResponse => "TKS_BAD_RESPONSE",
            other => panic!("{other:?}"),
        };
        let shown = format!("{error:?} {error}");
        assert_eq!(secrets::found_in(&shown), None);
        leak_log("hostile", &shown);
        Box::new(Failed {
            status: status.into(),
            message: error.message().into(),
            oauth_error: error.oauth_error().map(str::to_owned),
            description: error.oauth_description().map(str::to_owned),
            uri: error.oauth_uri().map(str::to_owned),
            http_status: error.http_status().unwrap_or_default().into(),
            transient: error.is_transient(),
        })
    };
    let granted = |token: std::sync::Arc<Token>| {
        leak_log("hostile", &format!("{token:?}"));
        Received {
            token: token.access_token().into(),
            token_type: token.token_type().into(),
            scope: token.scope().map(str::to_owned),
            response: token.response().into(),
            expires_in: token.expires_in().as_secs_f64(),
        }
    };
    let mut config = Config::new();
    for (name, value) in options {
        config.set(name, value.as_str()).unwrap();
    }
    let source = TokenSource::new(&config).map_err(failed);
    leak_log("hostile", &format!("{config:?} {source:?}"));
    run(source, |source| source.get().map(granted).map_err(failed))
}

fn run<S>(source: Result<S, Box<Failed>>, get: impl Fn(&S) -> Outcome) -> Run {
    let since = Instant::now();
    let (first, took, again) = match source {
        Ok(source) => {
            let first = get(&source);
            let took = since.elapsed();
            // A token that is about to expire is fetched again.
            let lasts = first.as_ref().map_or(true, |granted| granted.expires_in > 120.0);
            (first, took, lasts.then(|| get(&source)))
        }
        Err(failed) => (Err(failed), since.elapsed(), None),
    };
    Run { first, took, again, grown: None }
}

/// Runs the call in a process of its own, whose whole environment this is.
fn in_a_process(options: &Options, environment: &BTreeMap<String, String>) -> Run {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let library = common::build::make("build").join("release");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fetch");
        let mut cc = Command::new("cc");
        cc.args(["-std=c99", "-D_DEFAULT_SOURCE", "-g", "-Iinclude", "tests/c/fetch.c", "-o"]).arg(&program);
        cc.arg("-L").arg(&library).arg("-ltokensource").arg(format!("-Wl,-rpath,{}", library.display()));
        assert!(cc.status().expect("cc").success());
        program
    });
    let warm = Server::start(ServerOptions::default());
    let mut fetch = Command::new(&*PROGRAM);
    fetch.env_clear().envs(environment).arg(warm.url()).stdin(Stdio::null());
    fetch.args(options.iter().map(|(name, value)| format!("{name}={value}")));
    let since = Instant::now();
    let output = fetch.output().unwrap();
    let took = since.elapsed();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let printed: BTreeMap<String, String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.split_once('=').expect("each part on its own line"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let text = |name: &str| printed.get(name).cloned();
    let first = match text("token") {
        Some(token) => Ok(Received {
            token,
            token_type: printed["token_type"].clone(),
            scope: text("scope"),
            response: printed["response"].clone(),
            expires_in: printed["expires_in"].parse().unwrap(),
        }),
        None => Err(Box::new(Failed {
            status: printed["status"].clone(),
            message: printed["message"].clone(),
            oauth_error: text("oauth_error"),
            description: text("description"),
            uri: text("uri"),
            http_status: printed["http_status"].parse().unwrap(),
            transient: printed["transient"] == "1",
        })),
    };
    Run { first, took, again: None, grown: Some(printed["grown"].parse().unwrap()) }
}

/// What the rows share.
struct Common {
    authority: Authority,
    signing_key: ClientKey,
    /// The name and path of each file.
    files: Vec<(&'static str, String)>,
    refused: u16,
    full: TcpListener,
    /// These connections fill the backlog of `full`.
    waiting: Vec<TcpStream>,
}

impl Common {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
        fs::create_dir_all(&folder).unwrap();
        let (authority, stranger) = (Authority::new(), Authority::new());
        let (client, unknown) = (authority.client(), stranger.client());
        let signing_key = ClientKey::p256();
        let texts = [
            ("CA", authority.pem()),
            ("CLIENT_CERT", client.chain),
            ("CLIENT_KEY", client.key),
            ("STRANGER_CERT", unknown.chain),
            ("STRANGER_KEY", unknown.key),
            ("SIGNING_KEY", signing_key.pem.clone()),
            ("ASSERTION", "hush-hush.of-another.program\n".into()),
            ("NO_CA", "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n".into()),
        ];
        let files = texts.map(|(name, text)| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            (name, path.into_os_string().into_string().unwrap())
        });
        let authorities = folder.join("authorities");
        fs::create_dir_all(&authorities).unwrap();
        fs::write(authorities.join("ca.pem"), authority.pem()).unwrap();
        let authorities = ("CA_DIR", authorities.into_os_string().into_string().unwrap());
        let full = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = full.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(one) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            waiting.push(one);
        }
        // The port of the other end of a connection is taken and has no listener.
        let refused = waiting[0].local_addr().unwrap().port();
        let files = files.into_iter().chain([authorities]).collect();
        Self { authority, signing_key, files, refused, full, waiting }
    }
}

/// The servers of one row.
struct World {
    row: Row,
    server: Server,
    elsewhere: Server,
    proxy: Option<Proxy>,
    raw_proxy: Option<Server>,
    options: Options,
}

impl World {
    fn new(text: &str, common: &Common) -> Self {
        let raw = Row::read(text, &[]);
        let tls = raw.tls.map(|leaf: Leaf| Tls {
            versions: raw.versions,
            client_root: raw.mutual.then(|| common.authority.pem()),
            ..common.authority.tls(leaf)
        });
        let is_tls = tls.is_some();
        let bytes = |text: &String| text.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect();
        let raw_reply = raw.blunt.as_ref().map(bytes);
        let server = Server::start(ServerOptions {
            client_id: CLIENT.into(),
            assertions: raw.assertions.then(|| Assertions::by(&common.signing_key)),
            skew: raw.skew,
            tls,
            raw_reply,
            ipv6: raw.ipv6,
            ..ServerOptions::default()
        });
        let elsewhere = Server::start(ServerOptions::default());
        let proxy = raw.proxy.clone().map(|options: ProxyOptions| match raw.proxy_tls {
            Some(leaf) => Proxy::start_tls(options, &common.authority.tls(leaf)),
            None => Proxy::start(options),
        });
        let raw_proxy = raw.proxy_answer.as_ref().map(|_| Server::start(ServerOptions::default()));

        let origin = proxy.as_ref().map(Proxy::url).or_else(|| raw_proxy.as_ref().map(Server::origin));
        let mut values = secrets::spellings();
        values.extend(common.files.clone());
        values.extend([
            ("URL", server.url()),
            ("ORIGIN", server.origin()),
            ("PORT", server.port().to_string()),
            ("ELSEWHERE", elsewhere.url()),
            ("PROXY", origin.unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()),
            ("REFUSED", common.refused.to_string()),
            ("FULL", common.full.local_addr().unwrap().port().to_string()),
        ]);
        let row = Row::read(text, &values);
        server.set_script(row.script());
        if let (Some(proxy), Some(answer)) = (&raw_proxy, &row.proxy_answer) {
            proxy.set_script(answer.clone());
        }

        let mut options: Options = [
            ("token_url", server.url()),
            ("client_id", CLIENT.into()),
            ("client_secret", SECRET.into()),
            ("timeout", "5".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if is_tls && !row.options.contains_key("ca") && row.environment.is_none() {
            options.insert("ca_file".into(), common.files[0].1.clone());
        }
        for (name, value) in row.options.clone() {
            match value {
                Some(value) => options.insert(name, value),
                None => options.remove(&name),
            };
        }
        Self { row, server, elsewhere, proxy, raw_proxy, options }
    }

    fn check(&self, ran: Run) {
        let row = &self.row;
        let Run { first, took, again, grown } = ran;
        let timeout = Duration::from_secs_f64(self.options["timeout"].parse().unwrap());
        assert!(took <= timeout + Duration::from_secs(1), "took {took:?}: {first:?}");
        let given = first.as_ref().map_or_else(|failed| &failed.status, |granted| &granted.token);
        assert!(
            *given == row.gives || Some(given) == row.or.as_ref(),
            "gives {given:.100} instead of {:.100}: {first:?}",
            row.gives
        );
        match &first {
            Ok(granted) => self.check_token(granted),
            Err(failed) => {
                self.check_error(failed);
                assert_printable(failed);
            }
        }
        if let Some(again) = again {
            match (&first, &again) {
                (Ok(first), Ok(again)) => assert_eq!(first.token, again.token),
                // If the call ended before its fetch, the second call reports how the fetch ended.
                (Err(first), Err(again)) if first.status == "TKS_TIMEOUT" => assert_eq!(first.status, again.status),
                (first, again) => assert_eq!(first, again, "the second call"),
            }
        }
        assert!(grown.is_none_or(|grown| !row.measured || grown < 16 << 10), "grew by {grown:?} KiB");
        assert!(!row.measured || grown.is_some());

        let seen = self.server.seen();
        assert_eq!(seen.requests, row.requests, "requests: {first:?}");
        assert!(
            row.connections.is_none_or(|expected| expected == seen.connections),
            "{} connections",
            seen.connections
        );
        let url = self.options.get("token_url").cloned().unwrap_or_else(|| self.server.url());
        let path = &url[url.match_indices('/').nth(2).unwrap().0..];
        let sees = seen.all.iter().map(|request| format!("{} {}", request.method, request.path)).collect::<Vec<_>>();
        assert!(row.sees.as_ref().is_none_or(|expected| *expected == sees), "{sees:?}: {first:?}");
        for request in &seen.all {
            assert_eq!(request.header("proxy-authorization"), "", "the proxy's credentials are not the server's");
            if self.options.contains_key("issuer") && request.path.contains("/.well-known/") {
                self.check_lookup(request);
            } else if row.sees.is_none() {
                assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", path));
            }
        }
        let proxy_requests = self.proxy.as_ref().map(|proxy| proxy.requests());
        let proxy_requests = proxy_requests.or_else(|| self.raw_proxy.as_ref().map(|proxy| proxy.seen().all));
        for request in proxy_requests.iter().flatten() {
            // The proxy must see the credentials only of a request that is not TLS.
            let asked = (request.method.as_str(), request.header("authorization").is_empty());
            assert_eq!(
                asked,
                if url.starts_with("https") { ("CONNECT", true) } else { ("POST", false) },
                "{request:?}"
            );
        }
        if let Some(expected) = &row.asked {
            let paths = || proxy_requests.into_iter().flatten().map(|request| request.path).collect();
            let asked = self.proxy.as_ref().map_or_else(paths, Proxy::targets);
            assert_eq!(asked, *expected, "{first:?}");
        }
        assert_eq!(self.elsewhere.connections(), 0, "a request went to another server");
    }

    /// A request for metadata must have no credential, and no header of the program.
    fn check_lookup(&self, request: &Request) {
        assert_eq!((request.method.as_str(), request.body.as_str()), ("GET", ""));
        assert_eq!(request.header("accept"), "application/json");
        let names: Vec<_> = request.headers.keys().map(String::as_str).collect();
        assert_eq!(names, ["accept", "connection", "host", "user-agent"], "{request:?}");
    }

    fn check_token(&self, granted: &Received) {
        let row = &self.row;
        let near = |expected: f64| (expected - 5.0..=expected).contains(&granted.expires_in);
        assert!(row.expires_in.is_none_or(near), "expires_in is {}", granted.expires_in);
        assert!(row.token_type.as_ref().is_none_or(|expected| *expected == granted.token_type), "{granted:?}");
        assert!(row.scope.is_none() || row.scope == granted.scope, "{granted:?}");
        assert!(row.response.as_ref().is_none_or(|expected| *expected == granted.response), "{granted:?}");
        assert!(!granted.response.contains(&granted.token), "{granted:?}");
    }

    fn check_error(&self, failed: &Failed) {
        let row = &self.row;
        let message = failed.message.to_lowercase();
        for words in &row.says {
            assert!(message.contains(&words.to_lowercase()), "\"{words}\" is not in: {}", failed.message);
        }
        assert!(row.http_status.is_none_or(|expected| expected == failed.http_status), "{failed:?}");
        assert!(row.transient.is_none_or(|expected| expected == failed.transient), "{failed:?}");
        for (expected, given) in
            [(&row.oauth_error, &failed.oauth_error), (&row.description, &failed.description), (&row.uri, &failed.uri)]
        {
            assert!(expected.is_none() || expected == given, "{failed:?}");
        }
        assert_eq!(failed.oauth_error.is_some(), failed.status == "TKS_OAUTH", "{failed:?}");
    }
}

/// A server may add this many characters to an error. The library adds fewer.
const LONGEST: usize = 500;

fn assert_printable(failed: &Failed) {
    let Failed { message, oauth_error, description, uri, .. } = failed;
    leak_log("hostile", &format!("{failed:?}"));
    assert!(message.chars().count() > 20, "{failed:?}");
    assert!(message.chars().count() <= 2 * LONGEST, "{failed:?}");
    let from_the_server: usize =
        [oauth_error, description, uri].into_iter().flatten().map(|text| text.chars().count()).sum();
    assert!(from_the_server <= LONGEST, "{from_the_server} characters of the server: {failed:?}");
    for text in [Some(message), oauth_error.as_ref(), description.as_ref(), uri.as_ref()].into_iter().flatten() {
        let turns = |c: char| matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        assert!(!text.contains(|c: char| c.is_control() || turns(c)), "{failed:?}");
        assert_eq!(secrets::found_in(text), None, "shown by {text}");
    }
}

#[test]
fn every_row_holds() {
    let rows = row::all();
    let common = Common::new();
    assert!(common.waiting.len() > 1);
    // If set, only rows run whose name or file contains it.
    let only = std::env::var("HOSTILE").unwrap_or_default();
    let mut work = Vec::new();
    for (file, text) in &rows {
        let row = Row::read(text, &[]);
        let name = format!("{file}: {:.100}", row.name);
        if name.contains(&only) {
            let ways: &[&str] = if row.needs_a_process() { &["process"] } else { &["C", "Rust"] };
            work.extend(ways.iter().map(|way| (format!("{name} ({way})"), *way, text)));
        }
    }
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let one = || {
        while let Some((name, way, text)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let held = catch_unwind(AssertUnwindSafe(|| {
                let world = World::new(text, &common);
                world.check(match *way {
                    "C" => through_c(&world.options),
                    "Rust" => through_rust(&world.options),
                    _ => in_a_process(&world.options, &world.row.environment.clone().unwrap_or_default()),
                });
            }));
            if let Err(panic) = held {
                let message = panic.downcast::<String>().map_or_else(|_| "it panicked".into(), |message| *message);
                failed.lock().unwrap().push(format!("{name}\n    {message:.1500}"));
            }
        }
    };
    // Most rows wait most of the time.
    std::panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| (0..12).for_each(|_| drop(scope.spawn(one))));
    let _ = std::panic::take_hook();
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} failed\n{}", failed.len(), work.len(), failed.join("\n"));
    assert!(!only.is_empty() || rows.len() >= 220, "only {} rows", rows.len());
}

#[test]
fn a_lookup_and_its_request_fit_into_the_stack_that_an_inline_fetch_needs() {
    use common::capi::{Config, Source};
    let authority = Authority::new();
    let ca = Path::new(env!("CARGO_TARGET_TMPDIR")).join("small-stack.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let tls = Some(authority.tls(Leaf::GoodRsa));
    let server = Server::start(ServerOptions { tls, ..ServerOptions::default() });
    let issuer = server.origin();
    // As many members as a document may have.
    let members: String = (0..900).map(|number| format!(r#","m{number}":["text",{{"a":{number}}}]"#)).collect();
    let document = format!(r#"{{"issuer":"{issuer}","token_endpoint":"{}"{members}}}"#, server.url());
    let answer = |body: Option<String>| Response { body, ..Response::default() };
    server.set_script(Script(vec![Response::status(404), answer(Some(document)), answer(None)]));
    let options = [
        ("issuer", issuer.as_str()),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("refresh", "inline"),
        ("ca_file", ca.to_str().unwrap()),
    ];
    let mut config = Config::new();
    for (name, value) in options {
        config.set(name, value).unwrap();
    }
    thread::scope(|scope| {
        let small = thread::Builder::new().stack_size(128 << 10);
        let got = small.spawn_scoped(scope, || {
            let token = Source::new(&config).unwrap().get().unwrap();
            assert_eq!(token.access_token(), "token-3");
        });
        got.unwrap().join().unwrap();
    });
    assert_eq!(server.requests(), 3);
}
