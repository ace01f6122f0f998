//! Shared parts of the test programs. No test program uses all of them.
#![allow(dead_code)]

pub mod build;
pub mod capi;
pub mod cc;
