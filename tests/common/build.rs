//! What `make` builds, for the tests that look at the library from outside: one way to build it, the Makefile's.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Runs `make GOAL` and answers with the directory that everything is built in.
pub fn make(goal: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut make = Command::new("make");
    // What cargo tells a test would make build scripts that look at it run again.
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
