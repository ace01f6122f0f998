//! What is said where a test sees it, kept for the search for secrets that ends `make test`.

use std::{env, fs::OpenOptions, io::Write, path::Path};

/// Adds a text, and a NUL that ends it, to the file called `by` in the directory that TOKENSOURCE_LEAK_LOG names; without
/// that variable it is forgotten.
///
/// In one write, so that the texts of threads and processes do not mix.
pub fn leak_log(by: &str, text: &str) {
    let Some(folder) = env::var_os("TOKENSOURCE_LEAK_LOG") else { return };
    let file = OpenOptions::new().create(true).append(true).open(Path::new(&folder).join(by));
    // A test may have used up all the files that its process may open.
    let _ = file.and_then(|mut file| file.write_all(format!("{text}\0").as_bytes()));
}
