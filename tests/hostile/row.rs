//! The format of the rows in this folder: what a network does, and what a caller must get.
//!
//! A name in a text stands for a value that is known only when the row runs:
//!
//! | | |
//! |---|---|
//! | `$URL` `$ORIGIN` `$PORT` | the token endpoint, its server, and its port |
//! | `$ELSEWHERE` | another server, to which nothing must ever be sent |
//! | `$PROXY` | host and port of the row's proxy |
//! | `$REFUSED` `$FULL` | a port without a listener; a port whose listener accepts no more connections |
//! | `$CA_DIR` | a directory that holds the file `$CA` |
//! | `$CA` `$CLIENT_CERT` `$CLIENT_KEY` `$STRANGER_CERT` `$STRANGER_KEY` `$NO_CA` | files |
//! | `$SIGNING_KEY` `$ASSERTION` | files: the client's key, and an assertion that another program has made |
//! | `$SECRET` `$BASIC` … | the client's secret and its HTTP Basic credentials, in the spellings of `secrets.rs` |
//! | `$(1000*ab)` | `ab`, 1000 times |

use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};
use tokensource_testserver::{Leaf, ProxyOptions, Response, Script, Versions};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// A sentence that says what holds.
    pub name: String,
    /// Added to `client_id`, `client_secret`, `token_url` and a `timeout` of 5, and with `tls` to `ca_file`. `null` leaves one out.
    #[serde(default)]
    pub options: BTreeMap<String, Option<String>>,

    /// The response to each request; `answers` holds the response to the first, the second and so on.
    pub answer: Option<Response>,
    #[serde(default)]
    pub answers: Script,
    /// The server sends these bytes (each character is one) on the first input, and reads no request.
    pub blunt: Option<String>,
    /// The server requires an assertion that `$SIGNING_KEY` has signed.
    #[serde(default)]
    pub assertions: bool,
    /// How many seconds the server's clock is ahead.
    #[serde(default)]
    pub skew: i64,
    /// The server speaks TLS, with this certificate.
    pub tls: Option<Leaf>,
    #[serde(default)]
    pub versions: Versions,
    /// The server requires a client certificate.
    #[serde(default)]
    pub mutual: bool,
    pub proxy: Option<ProxyOptions>,
    /// The proxy speaks TLS, with this certificate.
    pub proxy_tls: Option<Leaf>,
    /// The response of a proxy to each request.
    pub proxy_answer: Option<Response>,
    /// The server listens on ::1 only.
    #[serde(default)]
    pub ipv6: bool,

    /// The row runs in a process of its own, and this is its whole environment.
    pub environment: Option<BTreeMap<String, String>>,
    /// The row runs in a process of its own, whose memory must not grow by 16 MiB.
    #[serde(default)]
    pub measured: bool,

    /// The text of the token, or a status such as `TKS_NETWORK`.
    pub gives: String,
    /// Another allowed result: RFC 9112 leaves it to the client, or the HTTP crate decides.
    pub or: Option<String>,
    /// The number of requests that the server receives.
    #[serde(default = "one")]
    pub requests: usize,
    /// The number of connections that the server accepts, where it matters.
    pub connections: Option<usize>,
    /// The requests that the server receives, as in `GET /path`. Left out where each is a lookup or goes to `token_url`.
    pub sees: Option<Vec<String>>,
    /// The targets of the requests that the proxy receives.
    pub asked: Option<Vec<String>>,

    /// Parts of the error's message, in upper or lower case.
    #[serde(default)]
    pub says: Vec<String>,
    pub http_status: Option<i32>,
    pub oauth_error: Option<String>,
    pub description: Option<String>,
    pub uri: Option<String>,
    pub transient: Option<bool>,

    /// In seconds. The token may have up to five fewer.
    pub expires_in: Option<f64>,
    pub token_type: Option<String>,
    pub scope: Option<String>,
    pub response: Option<String>,
}

fn one() -> usize {
    1
}

/// Returns the text of each row with the name of its file.
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
    /// Reads a row, and replaces each name by its value.
    pub fn read(text: &str, values: &[(&str, String)]) -> Self {
        let mut text = text.to_owned();
        // The longest name first, since one name may begin with another.
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

    /// Returns whether the row needs a process of its own.
    pub fn needs_a_process(&self) -> bool {
        self.measured || self.environment.is_some()
    }
}
