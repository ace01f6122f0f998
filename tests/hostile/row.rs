//! The format of the rows beside this file: what a network does, and what must come back.
//!
//! In every text, these stand for what is known only when the row runs:
//!
//! | | |
//! |---|---|
//! | `$URL` `$PORT` | the token endpoint, and its port |
//! | `$ELSEWHERE` | another server, to which nothing may ever be sent |
//! | `$PROXY` | host and port of the row's proxy |
//! | `$REFUSED` `$FULL` | a port where nobody listens; one whose listener takes no more connections |
//! | `$CA` `$CLIENT_CERT` `$CLIENT_KEY` `$STRANGER_CERT` `$STRANGER_KEY` `$NO_CA` | files |
//! | `$SECRET` `$BASIC` … | the client's secret and its HTTP Basic credential, as `secrets.rs` spells them |
//! | `$(1000*ab)` | `ab`, so many times |

use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};
use tokensource_testserver::{Leaf, ProxyOptions, Response, Script, Versions};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What holds, as a sentence.
    pub name: String,
    /// Besides `client_id`, `client_secret`, a `timeout` of 5 and, unless given, `token_url`; with `tls` also `ca_file`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,

    /// What the server says to each request, or to the first, the second and so on.
    pub answer: Option<Response>,
    #[serde(default)]
    pub answers: Script,
    /// The server says these bytes (each character is one) to the first it hears, and reads no request.
    pub blunt: Option<String>,
    /// The server speaks TLS, with this certificate.
    pub tls: Option<Leaf>,
    #[serde(default)]
    pub versions: Versions,
    /// The server wants a client certificate.
    #[serde(default)]
    pub mutual: bool,
    pub proxy: Option<ProxyOptions>,
    /// A proxy that says this to each request.
    pub proxy_answer: Option<Response>,
    /// The server listens on ::1 alone.
    #[serde(default)]
    pub ipv6: bool,

    /// Runs in a process of its own with this environment alone.
    pub environment: Option<BTreeMap<String, String>>,
    /// Runs in a process of its own, whose memory may not grow by 16 MiB.
    #[serde(default)]
    pub measured: bool,

    /// A token's text, or a status such as `TKS_NETWORK`.
    pub gives: String,
    /// What it may give as well: RFC 9112 leaves it to the client, or the HTTP crate reads no better.
    pub or: Option<String>,
    /// How many requests the server sees.
    #[serde(default = "one")]
    pub requests: usize,
    /// How many connections the server sees, where that matters.
    pub connections: Option<usize>,
    /// Whom the requests were for that came to the proxy.
    pub asked: Option<Vec<String>>,

    /// What the error's message holds, in any case of letters.
    #[serde(default)]
    pub says: Vec<String>,
    pub http_status: Option<i32>,
    pub oauth_error: Option<String>,
    pub description: Option<String>,
    pub uri: Option<String>,
    pub transient: Option<bool>,

    /// Seconds, to within five.
    pub expires_in: Option<f64>,
    pub token_type: Option<String>,
    pub scope: Option<String>,
    pub response: Option<String>,
}

fn one() -> usize {
    1
}

/// Each row as it is written, with the name of its file.
pub fn all() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let rows = paths.iter().flat_map(|path| {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let rows: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(&std::fs::read_to_string(path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        rows.into_iter().map(move |row| (file.clone(), row.get().to_owned()))
    });
    rows.collect()
}

impl Row {
    /// Reads a row, with the values that its names stand for.
    pub fn read(text: &str, values: &[(&str, String)]) -> Self {
        let mut text = text.to_owned();
        // The longest name first: one may begin like another.
        let mut values = values.to_vec();
        values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in values {
            let quoted = serde_json::to_string(&value).unwrap();
            text = text.replace(&format!("${name}"), &quoted[1..quoted.len() - 1]);
        }
        while let Some((before, after)) = text.split_once("$(") {
            let (repetition, after) = after.split_once(')').expect("$(times*text)");
            let (times, repeated) = repetition.split_once('*').expect("$(times*text)");
            text = [before, &repeated.repeat(times.parse().unwrap()), after].concat();
        }
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:.300}"))
    }

    pub fn script(&self) -> Script {
        self.answer.clone().map_or_else(|| self.answers.clone(), Script::from)
    }

    /// Whether it needs a process of its own.
    pub fn is_apart(&self) -> bool {
        self.measured || self.environment.is_some()
    }
}
