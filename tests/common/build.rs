//! Builds with `make`, for tests that use the library from outside. The Makefile is the only way to build it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Runs `make GOAL`. Returns the directory of all build results.
pub fn make(goal: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut make = Command::new("make");
    // The variables that cargo sets for a test would make some build scripts run again.
    for (name, _) in env::vars_os() {
        if name == "OUT_DIR" || (name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME") {
            make.env_remove(name);
        }
    }
    make.env_remove("MAKEFLAGS")
        .env("CARGO_TERM_QUIET", "true")
        .env("CARGO_TARGET_DIR", target)
        .args(["--silent", goal]);
    assert!(make.status().expect("make").success(), "make {goal} failed");
    target.to_owned()
}
