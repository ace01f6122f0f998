//! Tests: logs the Debug output of every Error, Config and Token on drop, so that `tests/secret_leaks.rs` can search it.
//!
//! It must not be compiled into the library.

use crate::{config::Config, error::Error, token::Token};
use std::fmt::Debug;

fn leak_log(value: &impl Debug) {
    tokensource_testserver::leak_log("unit", &format!("{value:?}"));
}

impl Drop for Error {
    fn drop(&mut self) {
        leak_log(&(self.to_string(), self.oauth_description(), self.oauth_uri(), &self));
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        leak_log(self);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        leak_log(self);
    }
}
