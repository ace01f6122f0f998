//! The format of the cases beside this file: what a server answers, what is called when, and what must come back.
//!
//! Shared by the runner with the injected clock (`src/cases.rs`) and the one over the C library (`tests/cases.rs`).

// Neither runner uses all of it.
#![allow(dead_code)]

use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};
use tokensource_testserver::Script;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What holds, as a sentence.
    pub name: String,
    pub clock: ClockKind,
    /// Besides `token_url`, `client_id` and `client_secret`, which every case has.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    #[serde(default)]
    pub server: Script,
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// Time is the test's: exact to the nanosecond. Random numbers are 0.5: no jitter in a token's lead, pauses half
    /// as long as they may be, hold-offs 7/8 as long.
    Injected,
    /// The system's time, over the C library, for what does not hang on less than a fifth of a second.
    Real,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Seconds since the start; left out: where the last step ended.
    pub at: Option<f64>,
    #[serde(default)]
    pub call: Call,
    /// So many callers at once, who all get the same.
    #[serde(default = "one")]
    pub callers: usize,
    /// For `get_within`, `set_wall` and `suspend`.
    #[serde(default)]
    pub seconds: f64,
    /// For `invalidate` (a token that was given before) and `write_secret`.
    #[serde(default)]
    pub text: String,
    /// During the call no thread can be started. With the injected clock only.
    #[serde(default)]
    pub no_threads: bool,
    /// Leaves the callers waiting under this name until a `join` of it.
    pub name: Option<String>,

    /// A token's text, or a status such as `TKS_NETWORK`. Left out where a call gives nothing.
    pub gives: Option<String>,
    /// Seconds that the call took.
    #[serde(default)]
    pub took: f64,
    /// With the real clock: by how many seconds it may be more or less.
    pub give_or_take: Option<f64>,
    /// Seconds that the error says are left.
    pub retry_after: Option<f64>,
    /// The error's OAuth code.
    pub oauth_error: Option<String>,
    pub transient: Option<bool>,
    /// Whether this step's token is of another generation than the last one given (with equal text, too).
    pub new: Option<bool>,
    /// After the step: the status of the last finished fetch, `TKS_OK` if it was good.
    pub last_error: Option<String>,
    /// After the step: the counters.
    pub requests: Option<u64>,
    pub tokens: Option<u64>,
    pub failures: Option<u64>,
    pub waits: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Nothing: only time passes.
    #[default]
    Look,
    Get,
    GetWithin,
    Join,
    Invalidate,
    Close,
    /// Somebody sets the wall clock forward by so many seconds, or back.
    SetWall,
    /// The machine sleeps.
    Suspend,
    /// Writes the file that the option `client_secret_file = $FILE` names; before the first step it holds `horse-battery`.
    WriteSecret,
}

fn one() -> usize {
    1
}

/// All cases of this clock, with the names of their files.
pub fn all(clock: ClockKind) -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let cases = paths.iter().flat_map(|path| {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        cases.into_iter().map(move |case| (file.clone(), case))
    });
    cases.filter(|(_, case)| case.clock == clock).collect()
}

pub fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}
