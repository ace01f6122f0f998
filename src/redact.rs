//! Pure: makes third-party text printable. The result is one line, bounded, and free of secrets.
//!
//! Servers echo what they were sent, the secret included, in any of the spellings that a web framework knows. Every text
//! of a response that goes into an error goes through here. This file must not know a server or an error, only text.

use crate::secret::Secret;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    str,
};
use zeroize::Zeroizing;

/// A secret of fewer characters is redacted only as a whole word: without every "a", nothing would be left to read.
const SHORTEST_IN_WORD: usize = 4;

/// How many encodings one inside the other are read: a log line in JSON that quotes a page that quotes a URL has three.
const DEPTH: usize = 4;

/// The name in the longest entity, `&CounterClockwiseContourIntegral;`, has 31 characters, and a padded number may too.
const LONGEST_ENTITY: usize = 32;

/// Fewer characters of Base64 hold less than four of a secret.
const SHORTEST_BASE64: usize = 6;

/// Of a longer Base64 text only so much is decoded at a time. What is shown of it is much shorter.
const LONGEST_BASE64: usize = 4 * 1024;

/// The most characters that are decoded for one text. No server needs as many, and one that wants to cost time would use
/// more: what then is not read yet is redacted.
const MOST_WORK: usize = 100_000;

/// So many positions are remembered: more than the longest escape has, and less than a megabyte.
const MOST_KNOWN: usize = 4096;

/// Replaces secrets in texts, however they are spelled there. Each character of a secret may be encoded for a URL, a form,
/// JSON or HTML, with up to [`DEPTH`] of these in any order. The innermost may be Base64.
pub(crate) struct Redactor(Vec<Zeroizing<String>>);

impl Redactor {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let kept = secrets.into_iter().map(str::trim).filter(|secret| !secret.is_empty()).map(|secret| {
            let mut kept = Zeroizing::new(String::with_capacity(3 * secret.len()));
            kept.extend(secret.chars().map(printable));
            kept
        });
        Self(kept.collect())
    }

    /// Returns the text in one line, with `[redacted]` for each secret, cut to `limit` characters (at least 1).
    pub(crate) fn redact(&self, text: &str, limit: usize) -> String {
        let mut search = Search::new(&self.0, text.trim(), true);
        let mut redacted = String::new();
        let mut length = 0;
        while length <= limit
            && let Some((next, end)) = search.spelled.first(search.at)
        {
            if let Some(end) = search.secret_end() {
                redacted.push_str("[redacted]");
                length += "[redacted]".len();
                search.skip_to(end);
            } else {
                redacted.push(printable(next));
                length += 1;
                search.skip_to(end);
            }
        }
        if let Some((cut, _)) = redacted.char_indices().nth(limit) {
            let (before, _) = redacted[..cut].char_indices().next_back().unwrap_or_default();
            redacted.truncate(before);
            redacted.push('…');
        }
        redacted
    }

    /// Returns whether the text holds a secret.
    pub(crate) fn contains_secret(&self, text: &str) -> bool {
        Search::new(&self.0, text, true).finds_secret()
    }
}

/// A search for secrets through one text, from its start to its end.
struct Search<'a> {
    secrets: &'a [Zeroizing<String>],
    spelled: Spelled<'a>,
    /// Whether texts in Base64 are decoded too.
    in_base64: bool,
    /// Whether secrets count that are redacted only as a whole word.
    short_too: bool,
    at: usize,
    /// The character before `at`, as it is.
    before: Option<char>,
    /// Where an encoded character ends that belongs to no word, such as `%3D`.
    word_starts: BTreeSet<usize>,
    /// Where the Base64 text ends that was read last.
    base64_end: usize,
}

impl<'a> Search<'a> {
    fn new(secrets: &'a [Zeroizing<String>], text: &'a str, in_base64: bool) -> Self {
        let spelled = Spelled { text, work_left: Cell::new(MOST_WORK), known: RefCell::default() };
        Self {
            secrets,
            spelled,
            in_base64,
            short_too: true,
            at: 0,
            before: None,
            word_starts: BTreeSet::new(),
            base64_end: 0,
        }
    }

    fn skip_to(&mut self, end: usize) {
        self.before = self.spelled.text[..end].chars().next_back();
        self.at = end;
        self.word_starts = self.word_starts.split_off(&end);
    }

    /// Returns whether a secret is anywhere from here on.
    fn finds_secret(&mut self) -> bool {
        while let Some((_, end)) = self.spelled.first(self.at) {
            if self.secret_end().is_some() {
                return true;
            }
            self.skip_to(end);
        }
        false
    }

    /// Returns the end of the longest secret that starts here. Returns None if none does.
    fn secret_end(&mut self) -> Option<usize> {
        let text = self.spelled.text;
        let starts = self.spelled.readings(self.at, DEPTH);
        self.word_starts.extend(starts.iter().filter(|(c, _)| !c.is_alphanumeric()).map(|(_, end)| end));
        let starts_word = !self.before.is_some_and(char::is_alphanumeric) || self.word_starts.contains(&self.at);
        let ends_word = |end| {
            let next = self.spelled.readings(end, DEPTH);
            next.is_empty() || next.iter().any(|(c, _)| !c.is_alphanumeric())
        };
        let found = self.secrets.iter().filter_map(|secret| {
            let end = self.spelled.end_of(secret, &starts)?;
            let is_long = secret.chars().nth(SHORTEST_IN_WORD - 1).is_some();
            (is_long || self.short_too && starts_word && ends_word(end)).then_some(end)
        });
        let found = found.chain(jwt_end(&text[self.at..]).map(|length| self.at + length)).max();
        let found = found.max(self.base64_with_secret());
        // What was not read may be a secret.
        if self.spelled.work_left.get() == 0 { Some(text.len()) } else { found }
    }

    /// Returns the end of a Base64 text that starts here and holds a secret.
    fn base64_with_secret(&mut self) -> Option<usize> {
        if !self.in_base64 || self.at < self.base64_end {
            return None;
        }
        let longest_secret = self.secrets.iter().map(|secret| secret.len()).max()?;
        // A secret may be in an object of JSON there, and each of its characters be six.
        let most = LONGEST_BASE64 + 8 * longest_secret;
        let mut word = Zeroizing::new(Vec::with_capacity(most.min(self.spelled.text.len() - self.at)));
        let mut end = self.at;
        while word.len() < most
            && let Some((c, next)) = self.spelled.last_base64(end)
        {
            word.push(match c {
                '-' => b'+',
                '_' => b'/',
                c => c as u8,
            });
            end = next;
        }
        self.base64_end = end;
        if word.len() < SHORTEST_BASE64 {
            return None;
        }
        // A letter before the text, as in a path, moves its start.
        (0..4).any(|skipped| holds_secret(self.secrets, &word[skipped..])).then_some(end)
    }
}

/// Returns whether a text in Base64 holds a secret.
fn holds_secret(secrets: &[Zeroizing<String>], word: &[u8]) -> bool {
    // What follows a text may look like a part of it.
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&STANDARD, config);
    let word = if word.len() % 4 == 1 { &word[..word.len() - 1] } else { word };
    let mut decoded = Zeroizing::new(vec![0; word.len()]);
    let Ok(length) = engine.decode_slice(word, &mut decoded) else { return false };
    let text = Zeroizing::new(String::from_utf8_lossy(&decoded[..length]).into_owned());
    let mut search = Search::new(secrets, &text, false);
    // In what is no text, a short word is there by chance.
    search.short_too = is_printable(&text) && !text.contains(char::REPLACEMENT_CHARACTER);
    search.finds_secret()
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/-_".contains(c)
}

/// A text whose characters may be encoded. All positions are in bytes.
struct Spelled<'a> {
    text: &'a str,
    work_left: Cell<usize>,
    /// The readings that were found last, by position and depth: without them, each encoding would multiply the work.
    known: RefCell<BTreeMap<(usize, usize), Vec<Reading>>>,
}

/// A character, and where it ends.
type Reading = (char, usize);

/// Stands for an entity that is not in the short list. It matches whatever is neither letter nor digit.
const SOME_MARK: char = '\u{e000}';

impl Spelled<'_> {
    /// Returns the character as it is.
    fn first(&self, at: usize) -> Option<Reading> {
        let c = self.text.get(at..)?.chars().next()?;
        Some((c, at + c.len_utf8()))
    }

    /// Returns all that may stand here, where up to `depth` encodings are one inside the other. Nothing stands at the end.
    fn readings(&self, at: usize, depth: usize) -> Vec<Reading> {
        // However it is encoded, an escape starts with one of these.
        let first = match self.first(at) {
            Some(first @ ('%' | '\\' | '&', _)) if depth > 0 => first,
            plain => return self.has_work_left().then_some(plain).flatten().into_iter().collect(),
        };
        if let Some(known) = self.known.borrow().get(&(at, depth)) {
            return known.clone();
        }
        if !self.has_work_left() {
            return Vec::new();
        }
        let outer = depth - 1;
        let mut readings = if outer == 0 { vec![first] } else { self.readings(at, outer) };
        for (c, rest) in readings.clone() {
            match c {
                '%' => self.percent(rest, outer, &mut readings),
                '\\' => self.backslash(rest, outer, &mut readings),
                '&' => self.entity(rest, outer, &mut readings),
                _ => {}
            }
        }
        readings.sort_unstable();
        readings.dedup();
        let mut known = self.known.borrow_mut();
        if known.len() == MOST_KNOWN {
            known.clear();
        }
        known.insert((at, depth), readings.clone());
        readings
    }

    /// Counts one step of the search.
    fn has_work_left(&self) -> bool {
        let less = self.work_left.get().saturating_sub(1);
        self.work_left.replace(less) > 0
    }

    /// Returns the character of a Base64 text that stands here, as often decoded as can be.
    fn last_base64(&self, at: usize) -> Option<Reading> {
        self.readings(at, DEPTH).into_iter().filter(|(c, _)| is_base64(*c)).max_by_key(|(_, end)| *end)
    }

    /// Returns the ends of `wanted`.
    fn after(&self, at: usize, depth: usize, wanted: char) -> impl Iterator<Item = usize> {
        self.readings(at, depth).into_iter().filter(move |(c, _)| *c == wanted).map(|(_, end)| end)
    }

    /// Returns the numbers that stand here, of so many digits in hexadecimal.
    fn hex(&self, at: usize, depth: usize, digits: usize) -> Vec<(u32, usize)> {
        let mut numbers = vec![(0, at)];
        for _ in 0..digits {
            let longer = numbers.into_iter().flat_map(|(number, at)| {
                let digit = move |(c, end): Reading| Some((number << 4 | c.to_digit(16)?, end));
                self.readings(at, depth).into_iter().filter_map(digit)
            });
            numbers = longer.collect();
        }
        numbers
    }

    /// Adds the characters that are percent-encoded, in UTF-8 or Latin-1, or as JavaScript's `escape` writes them (`%u20ac`).
    fn percent(&self, at: usize, depth: usize, readings: &mut Vec<Reading>) {
        for (octet, end) in self.hex(at, depth, 2) {
            readings.extend(char::from_u32(octet).map(|c| (c, end)));
            let length = (octet as u8).leading_ones() as usize;
            if let 2..=4 = length {
                self.utf8(vec![octet as u8], end, depth, length, readings);
            }
        }
        for end in self.after(at, depth, 'u') {
            self.utf16(end, depth, readings, |end| self.after(end, depth, '%').collect());
        }
    }

    /// Adds the characters of `length` percent-encoded octets that begin with these.
    fn utf8(&self, octets: Vec<u8>, at: usize, depth: usize, length: usize, readings: &mut Vec<Reading>) {
        if octets.len() == length {
            let c = str::from_utf8(&octets).ok().and_then(|text| text.chars().next());
            readings.extend(c.map(|c| (c, at)));
            return;
        }
        for start in self.after(at, depth, '%') {
            for (octet, end) in self.hex(start, depth, 2) {
                self.utf8([&octets[..], &[octet as u8]].concat(), end, depth, length, readings);
            }
        }
    }

    /// Adds the characters that a backslash escapes in JSON, and in JavaScript (`\x26`).
    fn backslash(&self, at: usize, depth: usize, readings: &mut Vec<Reading>) {
        for (c, end) in self.readings(at, depth) {
            match c {
                'n' | 'r' | 't' | 'f' => readings.push((' ', end)),
                'b' => readings.push(('\u{8}', end)),
                'u' => self.utf16(end, depth, readings, |end| self.after(end, depth, '\\').collect()),
                'x' => readings.extend(
                    self.hex(end, depth, 2).into_iter().filter_map(|(code, end)| Some((char::from_u32(code)?, end))),
                ),
                c => readings.push((c, end)),
            }
        }
    }

    /// Adds the characters of one or two units in four digits. `before_u` returns where the `u` of the second may start.
    fn utf16(&self, at: usize, depth: usize, readings: &mut Vec<Reading>, before_u: impl Fn(usize) -> Vec<usize>) {
        for (high, end) in self.hex(at, depth, 4) {
            if let Some(c) = char::from_u32(high) {
                readings.push((c, end));
                continue;
            }
            // A surrogate without its other half is no character, and matches nothing.
            let starts = before_u(end).into_iter().flat_map(|start| self.after(start, depth, 'u'));
            for (low, end) in starts.flat_map(|start| self.hex(start, depth, 4)) {
                let c = char::decode_utf16([high as u16, low as u16]).next().and_then(Result::ok);
                readings.extend(c.map(|c| (c, end)));
            }
        }
    }

    /// Adds the characters of an entity of HTML or XML.
    fn entity(&self, at: usize, depth: usize, readings: &mut Vec<Reading>) {
        let mut names = vec![(String::new(), at)];
        for _ in 0..LONGEST_ENTITY {
            let mut longer = Vec::new();
            for (name, at) in names {
                for (c, end) in self.readings(at, depth) {
                    match c {
                        ';' => readings.extend(entity(&name).map(|c| (c, end))),
                        '#' if name.is_empty() => longer.push(("#".into(), end)),
                        c if c.is_ascii_alphanumeric() => longer.push((format!("{name}{c}"), end)),
                        _ => {}
                    }
                }
            }
            names = longer;
        }
    }

    /// Returns where `secret` ends, in upper or lower case, if its first character is among `starts`.
    fn end_of(&self, secret: &str, starts: &[Reading]) -> Option<usize> {
        let mut wanted = secret.chars();
        let first = wanted.next()?;
        let mut ends: Vec<usize> = starts.iter().filter(|(c, _)| is_same(*c, first)).map(|(_, end)| *end).collect();
        for wanted in wanted {
            if ends.is_empty() {
                return None;
            }
            let next = ends.iter().flat_map(|end| self.readings(*end, DEPTH));
            let mut next: Vec<usize> = next.filter(|(c, _)| is_same(*c, wanted)).map(|(_, end)| end).collect();
            next.sort_unstable();
            next.dedup();
            ends = next;
        }
        ends.into_iter().max()
    }
}

/// Returns whether a character of a text may be this one of a secret. A plus sign is a space of a form.
fn is_same(c: char, wanted: char) -> bool {
    match (c, wanted) {
        ('+', ' ') => true,
        (SOME_MARK, wanted) if !wanted.is_ascii_alphanumeric() => true,
        _ if c.is_ascii() && wanted.is_ascii() => printable(c).eq_ignore_ascii_case(&wanted),
        _ => printable(c).to_lowercase().eq(wanted.to_lowercase()),
    }
}

/// Returns the character of an entity, without `&` and `;`.
fn entity(name: &str) -> Option<char> {
    match name {
        // With these, another encoding inside it can be read.
        "amp" | "AMP" => Some('&'),
        "percnt" => Some('%'),
        "bsol" => Some('\\'),
        "semi" => Some(';'),
        "num" => Some('#'),
        "" | "#" => None,
        _ => match name.strip_prefix('#') {
            Some(number) => {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)
            }
            None => Some(SOME_MARK),
        },
    }
}

/// Returns a Base64 text as it is and in the alphabet for URLs (RFC 4648 §5), which goes without padding.
pub(crate) fn base64_spellings(text: &str) -> [Secret; 2] {
    let half = Zeroizing::new(text.trim_end_matches('=').replace('+', "-"));
    [Secret::new(text), Secret::new(half.replace('/', "_"))]
}

/// Returns a caller's own text, such as the path of a file, made printable and cut to `limit` characters.
pub(crate) fn truncate(text: &str, limit: usize) -> String {
    let mut shown: String = text.chars().take(limit).map(printable).collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// Returns whether the text can be shown as it is: one line, without control characters and without characters that
/// reorder or hide text.
pub(crate) fn is_printable(text: &str) -> bool {
    text.chars().all(|c| printable(c) == c)
}

/// Returns the character if it is printable; else a space or U+FFFD, which keeps the words around it apart.
fn printable(c: char) -> char {
    // Nearly every character is one of these, and Rust's table is slow.
    if matches!(c, ' '..='~') {
        return c;
    }
    // `Debug` shows every character as itself but control, format, private and unassigned ones. At the start of a text it
    // also escapes combining marks, which Thai and Hindi need. A letter therefore goes before.
    let mut buffer = [b'a'; 5];
    let end = 1 + c.encode_utf8(&mut buffer[1..]).len();
    let shown = str::from_utf8(&buffer[..end]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c));
    match c {
        _ if c.is_whitespace() => ' ',
        _ if shown => c,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Returns the length of a JWT at the start of `text`. Every JWT is redacted, since it may be a token.
fn jwt_end(text: &str) -> Option<usize> {
    // Every JWS and JWE starts with `eyJ`, which is `{"` in base64url.
    let rest = text.strip_prefix("eyJ")?.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let word = &text[..text.len() - rest.len()];
    (word.matches('.').count() >= 2).then_some(word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(text: &str, secrets: &[&str]) -> String {
        Redactor::new(secrets.iter().copied()).redact(text, 1000)
    }

    #[test]
    fn unprintable_characters_are_replaced_one_for_one() {
        for (text, shown) in [
            ("plain \"quoted\" 'text' \\ ~", "plain \"quoted\" 'text' \\ ~"),
            ("Größe 大小 размер ขนาดที่ हिन्दी عربي 😀", "Größe 大小 размер ขนาดที่ हिन्दी عربي 😀"),
            ("  a\r\nb\tc\u{a0}d\u{2028}e\u{85}f\n", "a  b c d e f"),
            ("a\0b\x1b[31mc\x7fd\u{9f}", "a\u{fffd}b\u{fffd}[31mc\u{fffd}d\u{fffd}"),
            (
                "\u{202e}\u{2066}\u{200b}\u{200f}\u{feff}\u{61c}\u{ad}\u{e0041}x",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}x",
            ),
            ("\u{e000}\u{10ffff}", "\u{fffd}\u{fffd}"),
            ("", ""),
        ] {
            assert_eq!(redact(text, &[]), shown, "{text:?}");
            assert!(is_printable(shown), "{shown:?}");
            assert!(text == shown || !is_printable(text), "{text:?}");
        }
    }

    #[test]
    fn a_text_is_never_longer_than_its_limit() {
        let none = Redactor::new([]);
        assert_eq!(none.redact("abc", 3), "abc");
        assert_eq!(none.redact("abcd", 3), "ab…");
        assert_eq!(none.redact("äöüß", 3), "äö…");
        assert_eq!(none.redact("ab", 1), "…");
        assert_eq!(none.redact(&"x".repeat(1 << 20), 300).chars().count(), 300);
        let redactor = Redactor::new(["hunter2"]);
        assert_eq!(redactor.redact("hunter2", 10), "[redacted]");
        assert_eq!(redactor.redact("ab hunter2", 7), "ab [re…");
    }

    #[test]
    fn a_secret_is_redacted_in_each_spelling() {
        let secret = "s3c+r/e&t \"ü\\<";
        for text in [
            "s3c+r/e&t \"ü\\<",
            "S3C+R/E&T \"ü\\<",
            "s3c%2Br%2Fe%26t%20%22%C3%BC%5C%3C",
            "s3c%2br%2fe%26t+%22%c3%bc%5c%3c",
            "s3c%252Br%252Fe%2526t%2520%2522%25C3%25BC%255C%253C",
            "s3c%25252Br%25252Fe%252526t%252520%252522%2525C3%2525BC%25255C%25253C",
            "%733%63+r/e%26t \"ü\\%3C",
            "s3c+r/e&amp;t &quot;ü\\&lt;",
            "s3c&#43;r&#x2F;e&#38;t&#x20;&#34;&#252;&#92;&#60;",
            r#"s3c+r\/e\u0026t \"\u00fc\\\u003c"#,
            r#"s3c+r\\/e\\u0026t \\\"\\u00fc\\\\\\u003c"#,
            r#"\\\\u0073\\\\u0033c+r/e&t \\\\\\\"ü\\\\\\\\<"#,
            "s3c+r/e&t\n\"ü\\<",
        ] {
            assert_eq!(redact(&format!("got '{text}'."), &[secret]), "got '[redacted]'.", "{text}");
            assert!(Redactor::new([secret]).contains_secret(&format!("x{text}y")), "{text}");
        }
        assert!(!Redactor::new([secret]).contains_secret("s3c+r/e&t"));
        for text in ["x😀y", r"x\ud83d\uDE00y", r"x\\ud83d\\ude00y", "x%F0%9F%98%80y", "x&#128512;y"] {
            assert_eq!(redact(text, &["😀yyy", "x😀y"]), "[redacted]", "{text}");
        }
    }

    #[test]
    fn a_secret_is_redacted_in_encodings_one_inside_the_other() {
        let secret = "Zq8&vT\"w2Lm<9x";
        for text in [
            // Percent-encoded JSON, as a redirect carries it.
            "%7B%22client_secret%22%3A%20%22Zq8%26vT%5C%22w2Lm%3C9x%22%7D",
            // Escaped for HTML twice, and JSON in HTML.
            "Zq8&amp;amp;vT&amp;quot;w2Lm&amp;lt;9x",
            "{&quot;client_secret&quot;: &quot;Zq8&amp;vT\\&quot;w2Lm&lt;9x&quot;}",
            // HTML in JSON, twice; percent-encoding of every octet; JSON in HTML in a URL in JSON.
            r"Zq8\\u0026amp;vT\\u0026quot;w2Lm\\u0026lt;9x",
            "%25%35%41%25%37%31%25%33%38%25%32%36%25%37%36%25%35%34%25%32%32w2Lm%25%33%43%25%33%39x",
            r"\u005a\u0071\u0038\u0025\u0032\u0036\u0061\u006d\u0070%3BvT%5C%5C%26quot%3Bw2Lm%26lt%3B9x",
            // JavaScript, HTML 5's names, Latin-1.
            r"Zq8\x26vT\x22w2Lm\x3C9x",
            "Zq8%u0026vT%u0022w2Lm%u003C9x",
            "Zq8&AMP;vT&QUOT;w2Lm&LT;9x",
            // Base64 at the innermost: the secret, an object with it, and behind a letter that moves its start.
            "WnE4JnZUIncyTG08OXg=",
            "WnE4JnZUIncyTG08OXg%253D",
            "eyJjbGllbnRfc2VjcmV0IjoiWnE4JnZUXCJ3MkxtPDl4In0",
            "&#101;yJjbGllbnRfc2VjcmV0IjoiWnE4JnZUXCJ3MkxtPDl4In0\\u003d",
            "xWnE4JnZUIncyTG08OXg",
        ] {
            let shown = redact(&format!("got '{text}'."), &[secret]);
            assert!(shown.contains("[redacted]"), "{text} becomes {shown}");
            for part in ["q8", "vT", "w2Lm", "9x", "nE4J"] {
                assert!(!shown.contains(part), "{text} becomes {shown}");
            }
        }
        for text in ["Zq8&vTw2Lm<9x", "Zq8&amp;vT", "WnE4JnZUIncyTG0", "the id of the client is unknown to us"] {
            assert_eq!(redact(text, &[secret]), text);
        }
    }

    #[test]
    fn four_encodings_are_read_and_a_fifth_is_not() {
        let nested = |times: usize| format!("abc&{}lt;", "amp;".repeat(times - 1));
        assert_eq!(redact(&nested(4), &["abc<"]), "[redacted]");
        assert_eq!(redact(&nested(5), &["abc<"]), nested(5));
    }

    #[test]
    fn a_text_that_would_take_too_long_to_read_is_redacted_unread() {
        let limit = 300;
        for (text, secret) in [
            ("a".repeat(1 << 20), "a".repeat(20_000) + "b"),
            ("%25".repeat(300_000), "%".repeat(2_000) + "x"),
            ("\\".repeat(1 << 20), "\\".repeat(2_000) + "x"),
            ("&amp;".repeat(200_000), "&".repeat(2_000) + "x"),
            ("%25%32%35".repeat(100_000), "%".repeat(2_000) + "x"),
        ] {
            let shown = redact(&text[..], &[&secret]);
            assert!(shown.ends_with("[redacted]") && shown.chars().count() <= 1000, "{shown}");
            assert!(Redactor::new([secret.as_str()]).contains_secret(&text), "{}", &text[..9]);
            // No secret looks like the start of this.
            let plain = Redactor::new(["none"]).redact(&text, limit);
            assert!(plain.chars().count() <= limit, "{plain}");
        }
    }

    #[test]
    fn a_percent_sign_is_read_as_itself_and_as_an_escape() {
        assert_eq!(redact("a%25%b=a%2525%25b", &["a%25%b"]), "[redacted]=[redacted]");
        let broken = "% %2 %zz %c3 %c3%28 %ü &;&#x110000;&#;&ü;&amp \\ü \\u12 \\ud800 \\ud800\\ud800 \\ud800\\n \\";
        assert_eq!(redact(broken, &["none"]), broken);
    }

    #[test]
    fn the_name_of_an_entity_has_at_most_31_characters() {
        let entity = |zeros: usize| format!("x&#{}252;y", "0".repeat(zeros));
        assert_eq!(redact(&entity(27), &["xüy"]), "[redacted]");
        assert_eq!(redact(&entity(28), &["xüy"]), entity(28));
        assert_eq!(redact("x&uuml;y x&CounterClockwiseContourIntegral;y", &["xüy"]), "[redacted] [redacted]");
        assert_eq!(redact("&", &["&"]), "[redacted]");
    }

    #[test]
    fn the_longest_secret_is_redacted_before_the_text_is_cut() {
        let redactor = Redactor::new(["secret-part", "secret-part-and-more", " padded "]);
        assert_eq!(redactor.redact("x secret-part-and-more y", 100), "x [redacted] y");
        assert_eq!(redactor.redact("secret-part-and", 100), "[redacted]-and");
        assert_eq!(redactor.redact("xpaddedx", 100), "x[redacted]x");
        assert_eq!(redactor.redact(&format!("{}secret-part", "x".repeat(95)), 100), format!("{}[red…", "x".repeat(95)));
    }

    #[test]
    fn a_short_secret_is_redacted_only_as_a_whole_word() {
        assert_eq!(
            redact("a cab, a-b (ab) ab", &["a", "ab", ""]),
            "[redacted] cab, [redacted]-b ([redacted]) [redacted]"
        );
        // An encoded neighbour is no letter.
        assert_eq!(
            redact("x%3Dab%26 \\nab\\u0022 &lt;ab&gt;", &["ab"]),
            "x%3D[redacted]%26 \\n[redacted]\\u0022 &lt;[redacted]&gt;"
        );
        assert_eq!(redact("xabcy xabcdy", &["abc"]), "xabcy xabcdy");
        assert_eq!(redact("xabcy xabcdy", &["abcd"]), "xabcy x[redacted]y");
        assert_eq!(redact("nothing", &["", "  "]), "nothing");
    }

    #[test]
    fn every_jwt_is_redacted() {
        assert_eq!(redact("token eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2ln expired", &[]), "token [redacted] expired");
        assert_eq!(redact("eyJustAWord. eyJa.b", &[]), "eyJustAWord. eyJa.b");
    }

    #[test]
    fn a_truncated_text_keeps_its_spaces_and_shows_no_control_character() {
        assert_eq!(truncate(" a\n\u{202e}b ", 5), " a \u{fffd}b…");
        assert_eq!(truncate("éé", 2), "éé");
        assert_eq!(truncate("ééé", 2), "éé…");
    }
}
