//! Pure: makes third-party text printable. The result is one line, bounded, and free of secrets.
//!
//! Servers echo what they were sent, the secret included, in any of the spellings that a web framework knows. Every text
//! of a response that goes into an error goes through here. This file must not know a server or an error, only text.

use crate::secret::Secret;
use std::str;
use zeroize::Zeroizing;

/// A secret of fewer characters is redacted only as a whole word: without every "a", nothing would be left to read.
const SHORTEST_IN_WORD: usize = 4;

/// From `&` to `;`. A text of a million `&` and no `;` would otherwise be searched to its end at each of them.
const LONGEST_ENTITY: usize = 16;

/// Replaces secrets in texts, however they are spelled there: see [`after_spelling`].
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
        let mut redacted = String::new();
        let mut length = 0;
        let mut rest = text.trim();
        while let Some(next) = rest.chars().next()
            && length <= limit
        {
            if let Some(after) = self.after_secret(redacted.chars().next_back(), rest) {
                redacted.push_str("[redacted]");
                length += "[redacted]".len();
                rest = after;
            } else {
                redacted.push(printable(next));
                length += 1;
                rest = &rest[next.len_utf8()..];
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
        let mut before = None;
        text.char_indices().any(|(start, next)| self.after_secret(before.replace(next), &text[start..]).is_some())
    }

    /// Returns what follows the longest secret at the start of `text`. Returns None if no secret is there. `before` is the
    /// character that precedes `text`.
    fn after_secret<'t>(&self, before: Option<char>, text: &'t str) -> Option<&'t str> {
        let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let found = self.0.iter().filter_map(|secret| {
            let rest = after_spelling(text, secret)?;
            let is_long = secret.chars().nth(SHORTEST_IN_WORD - 1).is_some();
            (is_long || !in_word(before) && !in_word(rest.chars().next())).then_some(rest)
        });
        found.chain(after_jwt(text)).min_by_key(|rest| rest.len())
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

/// Returns what follows `secret` at the start of `text`, in upper or lower case. Each character may be escaped for a form or
/// HTML, or up to three times percent-encoded or escaped for JSON. Encoders differ in which characters they encode.
fn after_spelling<'t>(text: &'t str, secret: &str) -> Option<&'t str> {
    let mut rests = vec![text];
    for wanted in secret.chars() {
        let read = rests.iter().flat_map(|rest| [first(rest), decoded(rest, 0), decoded(rest, 1), decoded(rest, 2)]);
        let read = read.flatten();
        let mut next: Vec<&str> = read
            .filter(|(c, _)| printable(*c).to_lowercase().eq(wanted.to_lowercase()))
            .map(|(_, rest)| rest)
            .collect();
        next.sort_by_key(|rest| rest.len());
        next.dedup_by_key(|rest| rest.len());
        if next.is_empty() {
            return None;
        }
        rests = next;
    }
    rests.first().copied()
}

/// Returns the first character as it is, and the rest.
fn first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|c| (c, chars.as_str()))
}

/// Returns the character that is encoded at the start of `text`, and the rest. Percent-encoding and escapes for JSON are
/// removed `1 + more` times.
fn decoded(text: &str, more: usize) -> Option<(char, &str)> {
    let hex = |digits: Option<&str>| u32::from_str_radix(digits?, 16).ok();
    match text.as_bytes().first()? {
        b'%' => {
            let start = &"%2525"[..1 + 2 * more];
            let octet = |rest: &str| Some(hex(rest.strip_prefix(start)?.get(..2))? as u8);
            let length = start.len() + 2;
            let octets: Vec<u8> = (0..4).map_while(|nth| octet(text.get(nth * length..)?)).collect();
            let (count, c) = (1..=octets.len()).find_map(|count| {
                let c = str::from_utf8(&octets[..count]).ok()?.chars().next()?;
                Some((count, c))
            })?;
            Some((c, &text[count * length..]))
        }
        b'\\' => unescaped_json(text, more + 1),
        _ if more > 0 => None,
        b'+' => Some((' ', &text[1..])),
        b'&' => {
            let end = text.bytes().take(LONGEST_ENTITY).position(|byte| byte == b';')?;
            let (entity, rest) = (&text[1..end], &text[end + 1..]);
            let c = match entity {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => {
                    let number = entity.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(digits) => hex(Some(digits))?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((c, rest))
        }
        _ => None,
    }
}

/// Returns the first character of a text that was escaped for JSON `times` times, and the rest. Its escape is `\"`, or
/// `\u0022`, or two of the latter for a surrogate pair.
fn unescaped_json(text: &str, times: usize) -> Option<(char, &str)> {
    let Some(less) = times.checked_sub(1).filter(|_| text.starts_with('\\')) else { return first(text) };
    let unit = |mut text| {
        let mut code = 0;
        for _ in 0..4 {
            let (digit, rest) = unescaped_json(text, less)?;
            code = code << 4 | digit.to_digit(16)? as u16;
            text = rest;
        }
        Some((code, text))
    };
    let escaped = |text| match unescaped_json(text, less)? {
        ('\\', rest) => unescaped_json(rest, less),
        _ => None,
    };
    match escaped(text)? {
        ('n' | 'r' | 't', rest) => Some((' ', rest)),
        ('u', rest) => {
            let (high, rest) = unit(rest)?;
            if let Some(c) = char::from_u32(high.into()) {
                return Some((c, rest));
            }
            // A surrogate without its other half is no character, and matches nothing.
            let ('u', rest) = escaped(rest)? else { return None };
            let (low, rest) = unit(rest)?;
            Some((char::decode_utf16([high, low]).next()?.ok()?, rest))
        }
        other => Some(other),
    }
}

/// Returns what follows a JWT at the start of `text`. Every JWT is redacted, since it may be a token.
fn after_jwt(text: &str) -> Option<&str> {
    // Every JWS and JWE starts with `eyJ`, which is `{"` in base64url.
    let rest = text.strip_prefix("eyJ")?.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let word = &text[..text.len() - rest.len()];
    (word.matches('.').count() >= 2).then_some(rest)
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
    fn a_percent_sign_is_read_as_itself_and_as_an_escape() {
        assert_eq!(redact("a%25%b=a%2525%25b", &["a%25%b"]), "[redacted]=[redacted]");
        let broken = "% %2 %zz %c3 %c3%28 %ü &;&#x110000;&#;&ü;&amp \\ü \\u12 \\ud800 \\ud800\\ud800 \\ud800\\n \\";
        assert_eq!(redact(broken, &["none"]), broken);
    }

    #[test]
    fn an_entity_is_at_most_sixteen_bytes_long() {
        assert_eq!(redact("x&#0000000000252;y", &["xüy"]), "[redacted]");
        let endless = format!("x&#{}252;y", "0".repeat(11));
        assert_eq!(redact(&endless, &["xüy"]), endless);
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
