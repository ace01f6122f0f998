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
    without_cargo(&mut make)
        .env_remove("MAKEFLAGS")
        .env("CARGO_TERM_QUIET", "true")
        .env("CARGO_TARGET_DIR", target)
        .args(["--silent", goal]);
    assert!(make.status().expect("make").success(), "make {goal} failed");
    target.to_owned()
}

/// Removes the variables that cargo sets for a test: they would make some build scripts run again.
pub fn without_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if name == "OUT_DIR" || (name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME") {
            command.env_remove(name);
        }
    }
    command
}
