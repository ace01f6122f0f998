#![no_main]

#[path = "../abi/program.rs"]
mod program;

use tokensource as _;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| program::run(bytes));
