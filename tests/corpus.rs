//! Runs the corpus of the C ABI's fuzzer again; those of the other fuzzers are run by `src/fuzzing.rs`.

#[path = "../fuzz/abi/program.rs"]
mod program;

use std::path::Path;
use tokensource as _;

#[test]
fn every_program_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/abi");
    let files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 20, "only {} files", files.len());
    for path in files {
        program::run(&std::fs::read(path).unwrap());
    }
}
