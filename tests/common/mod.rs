//! What several test programs share. No test program uses all of it.
#![allow(dead_code)]

pub mod build;
pub mod capi;
pub mod cc;
