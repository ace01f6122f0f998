//! Searches the output of the stages of `make test`, and the errors and Debug texts that they logged, for the secrets of the
//! tests. The last stage runs it. Without the stages, it tests the search alone.
//!
//! In the directory that TOKENSOURCE_LEAK_LOG names, STAGE.out is the output of a stage and its children. It may contain
//! tokens: the command, the examples and the demo print them. Every other file is named after the tests that wrote it. Its
//! texts, each ended by a NUL, are errors and the Debug output of sources and tokens, and must not contain a token either.

#[path = "hostile/secrets.rs"]
mod secrets;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

/// The tests that log texts, and how many different texts each logs at least.
const LOGGED: [(&str, usize); 9] = [
    ("unit", 500),
    ("cases", 4),
    ("hostile", 200),
    ("credentials", 4),
    ("servers", 20),
    ("c", 10),
    ("command", 20),
    ("python", 50),
    ("node", 30),
];

/// Whether the text contains a token of the test server or of the tests.
fn contains_token(text: &str) -> bool {
    let counted = |after: &str| after.starts_with(|c: char| c.is_ascii_digit());
    text.split("token-").skip(1).any(counted) || ["open-sesame", "the-t0ken"].iter().any(|token| text.contains(token))
}

/// Returns the number of different texts, and the leaks among them.
fn search<'a>(by: &str, texts: impl Iterator<Item = &'a str>) -> (usize, Vec<String>) {
    let texts: BTreeSet<&str> = texts.filter(|text| !text.trim().is_empty()).collect();
    let leak = |text: &&str| {
        let token = || (!by.ends_with(".out") && contains_token(text)).then(|| "a token".to_owned());
        secrets::found_in(text).or_else(token).map(|found| format!("{by}: {found} in {text:.1000}"))
    };
    (texts.len(), texts.iter().filter_map(leak).collect())
}

#[test]
fn the_search_finds_secrets_in_every_log_and_tokens_in_logged_texts() {
    let search = |by, texts: &[&str]| search(by, texts.iter().copied()).1.len();
    assert_eq!(search("rust.out", &["ok", "client_secret is correct-horse-battery-staple", "Bearer token-1"]), 1);
    assert_eq!(search("unit", &["Error { message: \"no token-1\" }", "check token_url", "hunter2", "the-t0ken"]), 3);
    assert_eq!(search("python", &["Basic aWQ6aHVudGVyMg==", "check client_secret, client_id", "a token"]), 1);
}

#[test]
#[ignore = "the last stage of `make test` runs it, on the output of the others"]
fn no_output_and_no_logged_text_contains_a_secret() {
    let folder = env::var_os("TOKENSOURCE_LEAK_LOG").expect("TOKENSOURCE_LEAK_LOG");
    let (mut counts, mut leaks) = (BTreeMap::new(), Vec::new());
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let bytes = fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let ends: &[char] = if name.ends_with(".out") { &['\0', '\n'] } else { &['\0'] };
        let (count, found) = search(name, text.split(ends));
        println!("{name}: {count} texts");
        counts.insert(name.to_owned(), count);
        leaks.extend(found);
    }
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    for (by, least) in LOGGED {
        assert!(count(by) >= least, "{by}: only {} texts were logged", count(by));
    }
    for stage in env::var("STAGES").expect("STAGES").split_whitespace().filter(|stage| *stage != "leaks") {
        assert!(counts.contains_key(&format!("{stage}.out")), "the output of the stage {stage} is missing");
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
