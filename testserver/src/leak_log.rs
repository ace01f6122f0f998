//! The leak log: texts that tests have seen, for the search for secrets at the end of `make test`.

use std::{env, fs::OpenOptions, io::Write, path::Path};

/// Appends a text and a NUL to a file in the directory that TOKENSOURCE_LEAK_LOG names. Without that variable, does nothing.
///
/// The text is one write, so that texts of threads and processes do not mix.
pub fn leak_log(file: &str, text: &str) {
    let Some(folder) = env::var_os("TOKENSOURCE_LEAK_LOG") else { return };
    let file = OpenOptions::new().create(true).append(true).open(Path::new(&folder).join(file));
    // Errors are ignored: a test may have used up all file descriptors of its process.
    let _ = file.and_then(|mut file| file.write_all(format!("{text}\0").as_bytes()));
}
