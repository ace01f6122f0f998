//! The format of the cases in this directory: how the server responds, what is called when, and what it must return.
//!
//! Two runners share it: `src/source/cases.rs` with the injected clock, and `tests/cases.rs` over the C library.

#![allow(dead_code, reason = "each runner uses a part of it")]

use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};
use tokensource_testserver::Script;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows, as a sentence.
    pub name: String,
    pub clock: ClockKind,
    /// In addition to `token_url`, `client_id` and `client_secret`, which every case has.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    #[serde(default)]
    pub server: Script,
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// The test moves the clock, exact to the nanosecond. Every random number is 0.5: no jitter in the refresh lead,
    /// pauses of half the most, hold-offs of 7/8 of the most.
    Injected,
    /// The system's clocks, over the C library, for what does not depend on less than a fifth of a second.
    Real,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Seconds since the start. If it is left out, the step begins where the last step ended.
    pub at: Option<f64>,
    #[serde(default)]
    pub call: Call,
    /// The number of simultaneous callers, which all get the same result.
    #[serde(default = "one")]
    pub callers: usize,
    /// For `get_within`, `set_wall`, `suspend` and `freeze`.
    #[serde(default)]
    pub seconds: f64,
    /// For `invalidate` (a token that a call returned before) and `write_secret`.
    #[serde(default)]
    pub text: String,
    /// No thread can be started during the call. Only with the injected clock.
    #[serde(default)]
    pub no_threads: bool,
    /// Leaves the callers waiting under this name, until a step joins them.
    pub name: Option<String>,

    /// The access token that the call returns, or a status such as `TKS_NETWORK`. Left out if the call returns nothing.
    pub gives: Option<String>,
    /// How many seconds the call takes.
    #[serde(default)]
    pub took: f64,
    /// How many seconds more or less it may take. Only with the real clock.
    pub give_or_take: Option<f64>,
    /// How many seconds of the hold-off are left, according to the error.
    pub retry_after: Option<f64>,
    /// The OAuth error code.
    pub oauth_error: Option<String>,
    pub transient: Option<bool>,
    /// Whether the generation differs from that of the last returned token. The access token may be the same.
    pub new: Option<bool>,
    /// After the step: the status of the last finished fetch, `TKS_OK` if it got a token.
    pub last_error: Option<String>,
    /// After the step: the stats.
    pub requests: Option<u64>,
    pub tokens: Option<u64>,
    pub failures: Option<u64>,
    pub waits: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Calls nothing: only time passes.
    #[default]
    Look,
    Get,
    GetWithin,
    Join,
    Invalidate,
    Close,
    /// Sets the wall clock forward by so many seconds, or back.
    SetWall,
    /// The machine sleeps for so many seconds.
    Suspend,
    /// No thread runs for so many seconds, on every clock.
    Freeze,
    /// Writes the file that an option such as `client_secret_file = $FILE` names. Before the first step it holds
    /// `horse-battery`, or a key if `signing_key_file` is set.
    WriteSecret,
}

fn one() -> usize {
    1
}

/// Returns all cases of this clock, with the names of their files.
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
