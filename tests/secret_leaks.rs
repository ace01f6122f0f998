//! Searches the output of the stages of `make test`, and the errors and Debug texts that they logged, for the secrets of the
//! tests, for parts of their keys and for signed assertions. The last stage runs it. Without the stages, it tests the search
//! alone.
//!
//! In the directory that TOKENSOURCE_LEAK_LOG names, STAGE.out is the output of a stage and its children. It may contain
//! tokens: the command, the examples and the demo print them. Every other file is named after the tests that wrote it. Its
//! texts, each ended by a NUL, are errors and the Debug output of sources and tokens, and must not contain a token either.

#[path = "hostile/secrets.rs"]
mod secrets;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
    sync::LazyLock,
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

/// How a private key begins in DER, as Base64: RSA, P-256 and P-384 in PKCS#8, Ed25519, RSA in PKCS#1, P-256 in SEC 1. Then
/// the private number in a JWK.
const KEY_BEGINS: [&str; 7] = [
    "AgEAMA0GCSqGSIb3DQEBAQUABII",
    "MIGHAgEAMBMGByqGSM49",
    "MIG2AgEAMBAGByqGSM49",
    "MC4CAQAwBQYDK2VwBCIE",
    "IBAAKCAQEA",
    "MHcCAQEEI",
    "\"d\":\"",
];

/// Returns whether the text contains the begin of a private key, or a part of one in `tests/keys`.
fn contains_key(text: &str) -> bool {
    static PARTS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let paths = fs::read_dir("tests/keys").unwrap().map(|entry| entry.unwrap().path());
        let private = |path: &PathBuf| fs::read_to_string(path).ok().filter(|text| text.contains("PRIVATE KEY-----"));
        let texts: Vec<String> = paths.filter_map(|path| private(&path)).collect();
        // The first line of a key is the same in all keys of its kind.
        let body = |text: &String| {
            let key =
                text.split("PRIVATE KEY-----").nth(1).unwrap().lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
            key.into_iter().filter(|line| line.len() == 64)
        };
        texts.iter().flat_map(body).map(|line| line[20..44].to_owned()).collect()
    });
    let flat = text.replace([' ', '\\'], "");
    KEY_BEGINS.iter().any(|begin| flat.contains(begin)) || PARTS.iter().any(|part| text.contains(part.as_str()))
}

/// Returns whether the text contains a signed assertion (RFC 7515 §7.1), whatever it says.
fn contains_assertion(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    words.filter(|word| word.matches('.').count() >= 2).any(|word| {
        let header = word.split('.').find(|part| part.starts_with("eyJ")).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.decode(header).is_ok_and(|header| String::from_utf8_lossy(&header).contains("\"alg\""))
    })
}

/// Returns the number of different texts, and the leaks among them.
fn search<'a>(by: &str, texts: impl Iterator<Item = &'a str>) -> (usize, Vec<String>) {
    let texts: BTreeSet<&str> = texts.filter(|text| !text.trim().is_empty()).collect();
    let leak = |text: &&str| {
        let token = || (!by.ends_with(".out") && contains_token(text)).then(|| "a token".to_owned());
        let key = || contains_key(text).then(|| "a part of a private key".to_owned());
        let assertion = || (!by.ends_with(".out") && contains_assertion(text)).then(|| "an assertion".to_owned());
        secrets::found_in(text)
            .or_else(token)
            .or_else(key)
            .or_else(assertion)
            .map(|found| format!("{by}: {found} in {text:.1000}"))
    };
    (texts.len(), texts.iter().filter_map(leak).collect())
}

#[test]
fn the_search_finds_secrets_in_every_log_and_tokens_in_logged_texts() {
    let search = |by, texts: &[&str]| search(by, texts.iter().copied()).1.len();
    assert_eq!(search("rust.out", &["ok", "client_secret is correct-horse-battery-staple", "Bearer token-1"]), 1);
    assert_eq!(search("unit", &["Error { message: \"no token-1\" }", "check token_url", "hunter2", "the-t0ken"]), 3);
    let key = fs::read_to_string("tests/keys/p256.pem").unwrap();
    let jwk = fs::read_to_string("tests/keys/rsa-2048.jwk.json").unwrap();
    for text in key.lines().filter(|line| line.len() == 64).chain([&*jwk, &jwk.replace('"', "\\\"")]) {
        assert_eq!((search("unit", &[text]), search("rust.out", &[text])), (1, 1), "{text}");
    }
    let assertion = "Some(\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzb21lb25lIn0.9DDO99JbRJi6rDeyejzDwo\")";
    assert_eq!((search("unit", &[assertion]), search("rust.out", &[assertion])), (1, 0));
    assert_eq!(search("unit", &["it is no key: a line that says BEGIN PRIVATE KEY", "eyJ.example.org", "v1.2.3"]), 0);
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
