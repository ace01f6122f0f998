//! Pure: text of others made fit to print: one line, bounded, and without what must not be seen.
//!
//! Servers echo what they were sent, secret included, in any of the spellings that a web framework knows. Whatever goes
//! from an answer into an error goes through here. It knows no server and no error, only text.

use crate::secret::Secret;
use std::str;
use zeroize::Zeroizing;

/// A hidden text of fewer characters is looked for as a whole word only: hiding every "a" would leave nothing to read.
const SHORT: usize = 4;

/// From `&` to `;`. A million `&` and no `;` would otherwise be searched to the end at each of them.
const LONGEST_ENTITY: usize = 16;

/// Texts that may not be printed.
pub(crate) struct Redactor(Vec<Zeroizing<String>>);

impl Redactor {
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let kept = texts.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(|text| {
            let mut kept = Zeroizing::new(String::with_capacity(3 * text.len()));
            kept.extend(text.chars().map(plain));
            kept
        });
        Self(kept.collect())
    }

    /// The text with hidden ones as `[redacted]`, at most `most` (at least 1) characters of it, on one line.
    pub(crate) fn print(&self, text: &str, most: usize) -> String {
        let mut printed = String::new();
        let mut length = 0;
        let mut rest = text.trim();
        while let Some(next) = rest.chars().next()
            && length <= most
        {
            if let Some(after) = self.at(printed.chars().next_back(), rest) {
                printed.push_str("[redacted]");
                length += "[redacted]".len();
                rest = after;
            } else {
                printed.push(plain(next));
                length += 1;
                rest = &rest[next.len_utf8()..];
            }
        }
        if let Some((cut, _)) = printed.char_indices().nth(most) {
            let (before, _) = printed[..cut].char_indices().next_back().unwrap_or_default();
            printed.truncate(before);
            printed.push('…');
        }
        printed
    }

    /// Whether the text holds a hidden one.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let mut before = None;
        text.char_indices().any(|(at, next)| self.at(before.replace(next), &text[at..]).is_some())
    }

    /// What follows the hidden text at the start of `text`, if one is there.
    fn at<'t>(&self, before: Option<char>, text: &'t str) -> Option<&'t str> {
        let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let found = self.0.iter().filter_map(|hidden| {
            let rest = skip(text, hidden)?;
            let long = hidden.chars().nth(SHORT - 1).is_some();
            (long || !in_word(before) && !in_word(rest.chars().next())).then_some(rest)
        });
        found.chain(skip_jwt(text)).min_by_key(|rest| rest.len())
    }
}

/// Returns a text in Base64 as it is and in the alphabet for URLs (RFC 4648 §5), which goes without padding.
pub(crate) fn base64_spellings(text: &str) -> [Secret; 2] {
    let half = Zeroizing::new(text.trim_end_matches('=').replace('+', "-"));
    [Secret::new(text), Secret::new(half.replace('/', "_"))]
}

/// A word of a caller's or the path of a file, as it is but for what cannot be printed, at most `most` characters of it.
pub(crate) fn truncate(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).map(plain).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// Whether the text can be shown as it is: one line, no control character, nothing that turns or hides its neighbours.
pub(crate) fn is_printable(text: &str) -> bool {
    text.chars().all(|c| plain(c) == c)
}

/// The character if it is printable; else a space or U+FFFD, so that nothing grows together that was apart.
fn plain(c: char) -> char {
    // Almost all that there is, and Rust's table takes its time.
    if matches!(c, ' '..='~') {
        return c;
    }
    // Rust's own table of what `Debug` shows as itself: no control, format, private or unassigned character.
    // After a letter, since it escapes a combining mark (Thai and Hindi need them) only at the start of a text.
    let mut buffer = [b'a'; 5];
    let end = 1 + c.encode_utf8(&mut buffer[1..]).len();
    let shown = str::from_utf8(&buffer[..end]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c));
    match c {
        _ if c.is_whitespace() => ' ',
        _ if shown => c,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// What follows `hidden` at the start of `text`, in upper or lower case, each character plain, percent-encoded (any
/// encoder's choice of characters) or escaped for JSON, either up to three times, or escaped for a form or HTML.
fn skip<'t>(text: &'t str, hidden: &str) -> Option<&'t str> {
    let mut rests = vec![text];
    for wanted in hidden.chars() {
        let read = rests.iter().flat_map(|rest| [as_is(rest), decoded(rest, 0), decoded(rest, 1), decoded(rest, 2)]);
        let read = read.flatten();
        let mut next: Vec<&str> =
            read.filter(|(c, _)| plain(*c).to_lowercase().eq(wanted.to_lowercase())).map(|(_, rest)| rest).collect();
        next.sort_by_key(|rest| rest.len());
        next.dedup_by_key(|rest| rest.len());
        if next.is_empty() {
            return None;
        }
        rests = next;
    }
    rests.first().copied()
}

fn as_is(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|c| (c, chars.as_str()))
}

/// The character that stands encoded at the start of `text`; where it is percent-encoded or escaped for JSON, so many
/// times `more` than once.
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
        b'\\' => json(text, more + 1),
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

/// The character at the start of `text`, where it may be escaped so many times over: by `\"`, `\u0022` or two of those.
fn json(text: &str, times: usize) -> Option<(char, &str)> {
    let Some(less) = times.checked_sub(1).filter(|_| text.starts_with('\\')) else { return as_is(text) };
    let unit = |mut text| {
        let mut code = 0;
        for _ in 0..4 {
            let (digit, rest) = json(text, less)?;
            code = code << 4 | digit.to_digit(16)? as u16;
            text = rest;
        }
        Some((code, text))
    };
    let escaped = |text| match json(text, less)? {
        ('\\', rest) => json(rest, less),
        _ => None,
    };
    match escaped(text)? {
        ('n' | 'r' | 't', rest) => Some((' ', rest)),
        ('u', rest) => {
            let (first, rest) = unit(rest)?;
            if let Some(c) = char::from_u32(first.into()) {
                return Some((c, rest));
            }
            // Half of a pair; what is no character is no match either.
            let ('u', rest) = escaped(rest)? else { return None };
            let (second, rest) = unit(rest)?;
            Some((char::decode_utf16([first, second]).next()?.ok()?, rest))
        }
        other => Some(other),
    }
}

/// What follows the JWT at the start of `text`: a token, whoever's it is.
fn skip_jwt(text: &str) -> Option<&str> {
    // `eyJ` is `{"` in base64url: every JWS and JWE starts so.
    let rest = text.strip_prefix("eyJ")?.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let word = &text[..text.len() - rest.len()];
    (word.matches('.').count() >= 2).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(text: &str, hidden: &[&str]) -> String {
        Redactor::new(hidden.iter().copied()).print(text, 1000)
    }

    #[test]
    fn shows_what_can_be_shown_and_replaces_the_rest_one_for_one() {
        for (text, printed) in [
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
            assert_eq!(print(text, &[]), printed, "{text:?}");
            assert!(is_printable(printed), "{printed:?}");
            assert!(text == printed || !is_printable(text), "{text:?}");
        }
    }

    #[test]
    fn never_prints_more_than_it_was_told() {
        let none = Redactor::new([]);
        assert_eq!(none.print("abc", 3), "abc");
        assert_eq!(none.print("abcd", 3), "ab…");
        assert_eq!(none.print("äöüß", 3), "äö…");
        assert_eq!(none.print("ab", 1), "…");
        assert_eq!(none.print(&"x".repeat(1 << 20), 300).chars().count(), 300);
        let hidden = Redactor::new(["hunter2"]);
        assert_eq!(hidden.print("hunter2", 10), "[redacted]");
        assert_eq!(hidden.print("ab hunter2", 7), "ab [re…");
    }

    #[test]
    fn hides_a_text_in_whatever_spelling_it_comes() {
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
            assert_eq!(print(&format!("got '{text}'."), &[secret]), "got '[redacted]'.", "{text}");
            assert!(Redactor::new([secret]).is_in(&format!("x{text}y")), "{text}");
        }
        assert!(!Redactor::new([secret]).is_in("s3c+r/e&t"));
        for text in ["x😀y", r"x\ud83d\uDE00y", r"x\\ud83d\\ude00y", "x%F0%9F%98%80y", "x&#128512;y"] {
            assert_eq!(print(text, &["😀yyy", "x😀y"]), "[redacted]", "{text}");
        }
    }

    #[test]
    fn reads_a_percent_sign_both_ways() {
        assert_eq!(print("a%25%b=a%2525%25b", &["a%25%b"]), "[redacted]=[redacted]");
        let broken = "% %2 %zz %c3 %c3%28 %ü &;&#x110000;&#;&ü;&amp \\ü \\u12 \\ud800 \\ud800\\ud800 \\ud800\\n \\";
        assert_eq!(print(broken, &["none"]), broken);
    }

    #[test]
    fn looks_for_the_end_of_an_entity_where_it_can_be() {
        assert_eq!(print("x&#0000000000252;y", &["xüy"]), "[redacted]");
        let endless = format!("x&#{}252;y", "0".repeat(11));
        assert_eq!(print(&endless, &["xüy"]), endless);
        assert_eq!(print("&", &["&"]), "[redacted]");
    }

    #[test]
    fn hides_before_it_cuts_and_takes_the_longest() {
        let hidden = Redactor::new(["secret-part", "secret-part-and-more", " padded "]);
        assert_eq!(hidden.print("x secret-part-and-more y", 100), "x [redacted] y");
        assert_eq!(hidden.print("secret-part-and", 100), "[redacted]-and");
        assert_eq!(hidden.print("xpaddedx", 100), "x[redacted]x");
        assert_eq!(hidden.print(&format!("{}secret-part", "x".repeat(95)), 100), format!("{}[red…", "x".repeat(95)));
    }

    #[test]
    fn hides_a_short_text_only_as_a_whole_word() {
        assert_eq!(
            print("a cab, a-b (ab) ab", &["a", "ab", ""]),
            "[redacted] cab, [redacted]-b ([redacted]) [redacted]"
        );
        assert_eq!(print("xabcy xabcdy", &["abc"]), "xabcy xabcdy");
        assert_eq!(print("xabcy xabcdy", &["abcd"]), "xabcy x[redacted]y");
        assert_eq!(print("nothing", &["", "  "]), "nothing");
    }

    #[test]
    fn hides_every_jwt() {
        assert_eq!(print("token eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2ln expired", &[]), "token [redacted] expired");
        assert_eq!(print("eyJustAWord. eyJa.b", &[]), "eyJustAWord. eyJa.b");
    }

    #[test]
    fn a_short_text_keeps_its_spaces_and_shows_no_control() {
        assert_eq!(truncate(" a\n\u{202e}b ", 5), " a \u{fffd}b…");
        assert_eq!(truncate("éé", 2), "éé");
        assert_eq!(truncate("ééé", 2), "éé…");
    }
}
