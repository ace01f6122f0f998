//! The secrets of the tests, in the spellings that a server may echo, and the search for them in a text.
//!
//! It must not follow `src/redact.rs`: two searches with one idea would overlook the same spelling.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub const CLIENT: &str = "hostile-client";
pub const SECRET: &str = "s3cr3t-Zürich+4711/&=\"<\\ ~q";
/// The tokens, `param.*`, `header.*` and proxy passwords that a row must not show begin with it.
pub const SECRET_MARKER: &str = "hush-hush";
/// Every secret of every other test contains one of these, except the secrets in examples of a standard or a server.
pub const SECRET_MARKERS: [&str; 6] = ["horse-battery", "hunter2", "hush-4711", "test-secret", "s3cr3t", SECRET_MARKER];

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn percent(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn pair() -> String {
    format!("{CLIENT}:{}", percent(SECRET))
}

/// Returns the names for rows and their values.
pub fn spellings() -> Vec<(&'static str, String)> {
    let each = |spell: fn(char) -> String| SECRET.chars().map(spell).collect::<String>();
    vec![
        ("SECRET", SECRET.to_owned()),
        ("SECRET_UPPER", SECRET.to_uppercase()),
        ("SECRET_PERCENT", percent(SECRET)),
        ("SECRET_PERCENT_LOWER", percent(SECRET).to_lowercase()),
        ("SECRET_TWICE_PERCENT", percent(&percent(SECRET))),
        ("SECRET_FORM", percent(SECRET).replace("%20", "+")),
        ("SECRET_JSON", each(|c| format!("\\u{:04x}", u32::from(c)))),
        ("SECRET_HTML", each(|c| if c.is_alphanumeric() { c.to_string() } else { format!("&#{};", u32::from(c)) })),
        ("SECRET_HTML_HEX", each(|c| format!("&#x{:X};", u32::from(c)))),
        ("SECRET_BASE64", BASE64_STANDARD.encode(SECRET)),
        ("PAIR", pair()),
        ("BASIC", BASE64_STANDARD.encode(pair())),
        ("RAW_BASIC", BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}"))),
        ("BASIC_LOWER", BASE64_STANDARD.encode(pair()).to_lowercase()),
        ("BASIC_UPPER", BASE64_STANDARD.encode(pair()).to_uppercase()),
        ("BASIC_PERCENT", percent(&BASE64_STANDARD.encode(pair()))),
        ("BASIC_URL", BASE64_URL_SAFE_NO_PAD.encode(pair())),
    ]
}

/// Returns what a text shows of a secret. Returns None if it shows nothing.
pub fn found_in(text: &str) -> Option<String> {
    let mut readings = vec![text.to_owned()];
    // Twice, since a decoded text may still be encoded.
    for _ in 0..2 {
        for reading in readings.clone() {
            readings.push(percent_decode_str(&reading).decode_utf8_lossy().into_owned());
            readings.push(reading.replace('+', " "));
            readings.push(unescaped(&reading, "\\u", 4, 16));
            readings.push(reading.replace('\\', ""));
            readings.push(unescaped(&reading, "&#", 0, 10));
            readings.push(unescaped(&reading, "&#x", 0, 16));
            readings.extend(words(&reading).filter_map(|word| {
                let decoded = BASE64_STANDARD_NO_PAD.decode(word).or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(word));
                Some(String::from_utf8_lossy(&decoded.ok()?).into_owned())
            }));
        }
        readings.sort();
        readings.dedup();
    }
    let pieces = [SECRET.to_owned(), BASE64_STANDARD.encode(pair()), BASE64_STANDARD.encode(SECRET), percent(SECRET)];
    let pieces = pieces.iter().flat_map(|piece| {
        let chars: Vec<char> = piece.to_lowercase().chars().collect();
        // Part of a secret is already a leak.
        chars.windows(8).map(|window| window.iter().collect::<String>()).collect::<Vec<_>>()
    });
    let words = SECRET_MARKERS.iter().flat_map(|word| in_base64(word)).chain(SECRET_MARKERS.map(str::to_owned));
    let pieces: Vec<String> = pieces.chain(words.map(|word| word.to_lowercase())).collect();
    readings.iter().find_map(|reading| {
        let reading = reading.to_lowercase();
        pieces.iter().find(|piece| reading.contains(*piece)).cloned()
    })
}

/// Returns the spellings of a word within a Base64 text, one for each alignment. A short word has none, since a search would
/// find it by chance.
fn in_base64(word: &str) -> Vec<String> {
    let middle = |before: usize| {
        let text = BASE64_STANDARD_NO_PAD.encode([&vec![0; before][..], word.as_bytes()].concat());
        // Only the characters whose bits all come from the word.
        text[(before * 8).div_ceil(6)..(before + word.len()) * 8 / 6].to_owned()
    };
    (0..3).map(middle).filter(|_| word.len() > 6).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/-_".contains(c)).filter(|word| word.len() >= 8)
}

/// Replaces `start` and the `length` digits after it by their character. A `length` of 0 stands for digits up to a semicolon.
fn unescaped(text: &str, start: &str, length: usize, radix: u32) -> String {
    let mut parts = text.split(start);
    let mut read = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = match length {
            0 => part.split_once(';').unwrap_or((part, "")),
            _ => (part.get(..length).unwrap_or_default(), part.get(length..).unwrap_or(part)),
        };
        match u32::from_str_radix(digits, radix).ok().and_then(char::from_u32) {
            Some(c) => {
                read.push(c);
                read.push_str(rest);
            }
            None => {
                read.push_str(start);
                read.push_str(part);
            }
        }
    }
    read
}

/// Without it, a search that finds nothing would prove nothing.
#[test]
fn the_search_finds_each_spelling() {
    for (name, spelling) in spellings() {
        assert!(found_in(&format!("it was '{spelling}'.")).is_some(), "{name}: {spelling}");
    }
    assert!(found_in("a hush-hush token").is_some());
    for word in SECRET_MARKERS.into_iter().filter(|word| word.len() > 6) {
        for before in ["", "a", "bc"] {
            // The neighbours belong to no Base64 text, so that decoding finds nothing.
            let glued = format!("from/{}", BASE64_STANDARD.encode(format!("{before}{word}/@")));
            assert!(found_in(&glued).is_some(), "{word} in {glued}");
        }
    }
    assert_eq!(found_in("invalid_client: check client_id hostile-client"), None);
}
