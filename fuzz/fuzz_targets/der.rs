#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tokensource::fuzzing::der(bytes));
