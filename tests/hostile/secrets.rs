//! What no text may show, in the spellings in which a server may echo it, and the search for any of them.
//!
//! Written without a look at how the library hides them: two that think alike overlook alike.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub const CLIENT: &str = "hostile-client";
pub const SECRET: &str = "s3cr3t-Zürich+4711/&=\"<\\ ~q";
/// Tokens, `param.*`, `header.*` and proxy passwords that a row wants hidden begin with this.
pub const SECRET_MARKER: &str = "hush-hush";
/// Every secret of every other test has one of these in it, but for those of examples that a standard or a server wrote.
pub const SECRET_MARKERS: [&str; 6] = ["horse-battery", "hunter2", "hush-4711", "test-secret", "s3cr3t", SECRET_MARKER];

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn percent(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn pair() -> String {
    format!("{CLIENT}:{}", percent(SECRET))
}

/// The names for rows and what they stand for.
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

/// What the text shows of what it may not, if anything.
pub fn found_in(text: &str) -> Option<String> {
    let mut readings = vec![text.to_owned()];
    // Twice, as what is decoded may be encoded again.
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
        // Half a secret is one too many.
        chars.windows(8).map(|window| window.iter().collect::<String>()).collect::<Vec<_>>()
    });
    let words = SECRET_MARKERS.iter().flat_map(|word| in_base64(word)).chain(SECRET_MARKERS.map(str::to_owned));
    let pieces: Vec<String> = pieces.chain(words.map(|word| word.to_lowercase())).collect();
    readings.iter().find_map(|reading| {
        let reading = reading.to_lowercase();
        pieces.iter().find(|piece| reading.contains(*piece)).cloned()
    })
}

/// What a word looks like in the middle of a Base64 text, wherever that begins; nothing for one so short that it would be
/// found by chance.
fn in_base64(word: &str) -> Vec<String> {
    let middle = |before: usize| {
        let text = BASE64_STANDARD_NO_PAD.encode([&vec![0; before][..], word.as_bytes()].concat());
        // The characters to which nothing but the word gave bits.
        text[(before * 8).div_ceil(6)..(before + word.len()) * 8 / 6].to_owned()
    };
    (0..3).map(middle).filter(|_| word.len() > 6).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/-_".contains(c)).filter(|word| word.len() >= 8)
}

/// Replaces `start`, then `length` digits (0: up to a semicolon), by their character.
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

/// A search that finds nothing proves nothing: each spelling must be found.
#[test]
fn the_search_finds_each_spelling() {
    for (name, spelling) in spellings() {
        assert!(found_in(&format!("it said '{spelling}'.")).is_some(), "{name}: {spelling}");
    }
    assert!(found_in("a hush-hush token").is_some());
    for word in SECRET_MARKERS.into_iter().filter(|word| word.len() > 6) {
        for before in ["", "a", "bc"] {
            // Glued to what is no Base64 text of its own, so that decoding does not help.
            let glued = format!("from/{}", BASE64_STANDARD.encode(format!("{before}{word}/@")));
            assert!(found_in(&glued).is_some(), "{word} in {glued}");
        }
    }
    assert_eq!(found_in("invalid_client: check client_id hostile-client"), None);
}
