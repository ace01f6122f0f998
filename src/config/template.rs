//! `{NAME}` in a value of a provider: where a variable may stand in it, and the text that the variables make of it.
//!
//! Pure. A variable must not lead anywhere but where its place allows: in a URL it is a host or one segment of the path,
//! and never a user, a longer path or a query.

use crate::{config::endpoint::parse_authority, secret::Secret};

/// A text with placeholders, each of which stands where one may stand.
pub(crate) struct Template<'a>(Vec<Piece<'a>>);

enum Piece<'a> {
    Text(&'a str),
    Placeholder { name: &'a str, place: Place<'a> },
}

enum Place<'a> {
    /// The host of a URL, or part of it. With the whole authority, which may have other placeholders.
    Authority(&'a str),
    Path,
    /// Not in a URL.
    Text,
}

/// Why a template cannot be filled, by variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfilled<'a> {
    Missing(&'a str),
    /// With what the variable must be.
    Invalid(&'a str, &'static str),
}

impl<'a> Template<'a> {
    /// Finds the placeholders. Any other brace is text. Returns an error for a placeholder where none may stand.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_placeholder(rest) {
            let place = place(text, text.len() - rest.len() + before.len()).ok_or_else(|| {
                format!("it has {{{name}}} outside the host and the path of its URL, where no variable may stand")
            })?;
            pieces.extend([Piece::Text(before), Piece::Placeholder { name, place }]);
            rest = after;
        }
        pieces.push(Piece::Text(rest));
        Ok(Self(pieces))
    }

    /// Returns the variables that the text needs.
    pub(crate) fn variables(&self) -> Vec<&'a str> {
        let name = |piece: &Piece<'a>| match piece {
            Piece::Placeholder { name, .. } => Some(*name),
            Piece::Text(_) => None,
        };
        self.0.iter().filter_map(name).collect()
    }

    /// Returns the text with the values of the variables, or what is wrong with each of them.
    pub(crate) fn fill<'v>(&self, value_of: &dyn Fn(&str) -> Option<&'v str>) -> Result<Secret, Vec<Unfilled<'a>>> {
        let mut texts = Vec::with_capacity(self.0.len());
        let mut unfilled = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => texts.push(*text),
                Piece::Placeholder { name, place } => match value_of(name) {
                    None => unfilled.push(Unfilled::Missing(name)),
                    Some(value) => match place.rejects(value, value_of) {
                        Some(must_be) => unfilled.push(Unfilled::Invalid(name, must_be)),
                        None => texts.push(value),
                    },
                },
            }
        }
        // The text around the placeholders may be a secret. `concat` allocates the whole length at once.
        if unfilled.is_empty() { Ok(Secret::new(texts.concat())) } else { Err(unfilled) }
    }
}

impl Place<'_> {
    /// Returns what a variable must be here, if this value is something else.
    fn rejects<'v>(&self, value: &str, value_of: &dyn Fn(&str) -> Option<&'v str>) -> Option<&'static str> {
        let is_unreserved = !value.is_empty() && value.bytes().all(is_unreserved);
        match self {
            Self::Authority(authority) => {
                let is_host = parse_authority(&filled(authority, value_of)).is_ok();
                // A part of a host is not always a host: the number of an account is none.
                let fits = is_host && (is_unreserved || parse_authority(value).is_ok());
                (!fits).then_some("it must be a host or host:port")
            }
            // RFC 3986 §5.2.4 removes these two together with the segment before.
            Self::Path => (!is_unreserved || [".", ".."].contains(&value)).then_some("it must be one path segment"),
            Self::Text => (!is_unreserved).then_some("it must be letters, digits and - . _ ~"),
        }
    }
}

/// The text with what is known of the variables. One that is missing counts as a host, and is reported elsewhere.
fn filled<'v>(text: &str, value_of: &dyn Fn(&str) -> Option<&'v str>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = next_placeholder(rest) {
        filled = filled + before + value_of(name).unwrap_or("host");
        rest = after;
    }
    filled + rest
}

/// Splits a text at its first placeholder: what stands before it, its name, what stands after it.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let rest = &text[at + 1..];
        let (name, rest) = rest.split_at(rest.bytes().position(|byte| !is_name_character(byte))?);
        let after = rest.strip_prefix('}').filter(|_| !name.is_empty())?;
        Some((&text[..at], name, after))
    })
}

/// Returns true for a character of the NAME of `variable.NAME`.
fn is_name_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

/// Returns the place of the placeholder at this byte, or None if none may stand there.
fn place(text: &str, at: usize) -> Option<Place<'_>> {
    // Some options are lists, with spaces between.
    let start = text[..at].rfind(' ').map_or(0, |space| space + 1);
    let (word, at) = (text[start..].split(' ').next().unwrap_or_default(), at - start);
    let Some((scheme, rest)) = word.split_once("://") else { return Some(Place::Text) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let path = rest[authority.len()..].split(['?', '#']).next().unwrap_or_default();
    let place = at.checked_sub(scheme.len() + "://".len())?;
    match place {
        _ if place < authority.len() => Some(Place::Authority(authority)),
        _ if place < authority.len() + path.len() => Some(Place::Path),
        _ => None,
    }
}

/// Returns true for a character that is the same in each part of a URI, with or without encoding (RFC 3986 §2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: [(&str, &str); 12] = [
        ("host", "login.example.com"),
        ("port", "localhost:8443"),
        ("v6", "[::1]:8443"),
        ("number", "1234567"),
        ("no-port", "host:0"),
        ("labels", "a..b"),
        ("end", ":80"),
        ("realm", "My_realm-1.~"),
        ("dot", "."),
        ("dots", ".."),
        ("three", "..."),
        ("colon", "a:b"),
    ];

    fn fill(text: &str) -> Result<String, String> {
        let value_of = |name: &str| VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let filled = Template::parse(text)?.fill(&value_of);
        filled.map(|filled| filled.expose().to_owned()).map_err(|unfilled| format!("{unfilled:?}"))
    }

    #[test]
    fn a_text_is_filled() {
        for (text, filled) in [
            ("https://{host}/realms/{realm}/token", "https://login.example.com/realms/My_realm-1.~/token"),
            ("https://{port}/", "https://localhost:8443/"),
            ("https://{v6}", "https://[::1]:8443"),
            ("https://{number}.suitetalk.example/t", "https://1234567.suitetalk.example/t"),
            ("https://{host}:8443/", "https://login.example.com:8443/"),
            ("https://x-{number}.{host}/x{realm}y/{three}/", "https://x-1234567.login.example.com/xMy_realm-1.~y/.../"),
            ("api://{host}", "api://login.example.com"),
            ("//host/{realm}?a={realm}", "//host/My_realm-1.~?a=My_realm-1.~"),
            ("{dot} {realm} https://{host}/{realm} a", ". My_realm-1.~ https://login.example.com/My_realm-1.~ a"),
            ("{realm}{realm}", "My_realm-1.~My_realm-1.~"),
            ("", ""),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(filled), "{text}");
        }
    }

    #[test]
    fn any_other_brace_is_text() {
        for text in ["{}", "{", "}{", "{a b}", "{\"a\":1}", "https://h/?x={}", "{ä}", "{a.b}", "{https://{", "{realm"]
        {
            assert_eq!(fill(text).as_deref(), Ok(text));
        }
        assert_eq!(fill("{{realm}}").as_deref(), Ok("{My_realm-1.~}"));
        assert_eq!(fill("{x{dot}").as_deref(), Ok("{x."));
    }

    #[test]
    fn a_placeholder_stands_nowhere_else_in_a_url() {
        for text in
            ["{realm}://h/", "https://h/?a={realm}", "https://h?{realm}", "https://h/#{realm}", "a https://h?{realm}"]
        {
            let wrong = fill(text).unwrap_err();
            assert_eq!(
                wrong, "it has {realm} outside the host and the path of its URL, where no variable may stand",
                "{text}"
            );
        }
    }

    #[test]
    fn a_value_that_does_not_fit_its_place_is_rejected() {
        let host = |name: &str| format!("[Invalid(\"{name}\", \"it must be a host or host:port\")]");
        let segment = |name: &str| format!("[Invalid(\"{name}\", \"it must be one path segment\")]");
        let text = |name: &str| format!("[Invalid(\"{name}\", \"it must be letters, digits and - . _ ~\")]");
        for (template, wrong) in [
            ("https://{no-port}/", host("no-port")),
            ("https://{labels}/", host("labels")),
            ("https://{number}/", host("number")),
            ("https://{dots}/", host("dots")),
            ("https://host{end}/", host("end")),
            ("https://{colon}/", host("colon")),
            ("https://{port}.example.com/", host("port")),
            ("https://{port}:1/", host("port")),
            ("https://x{v6}/", host("v6")),
            ("https://h/{dot}/t", segment("dot")),
            ("https://h/{dots}", segment("dots")),
            ("https://h/.{dot}", segment("dot")),
            ("https://h/{colon}", segment("colon")),
            ("https://h/{v6}/x", segment("v6")),
            ("{colon}", text("colon")),
            ("urn:x:{port}", text("port")),
        ] {
            assert_eq!(fill(template), Err(wrong), "{template}");
        }
    }

    #[test]
    fn each_missing_variable_is_reported() {
        assert_eq!(
            fill("https://{a}.{b}/{dot}/{c}"),
            Err(r#"[Missing("a"), Missing("b"), Invalid("dot", "it must be one path segment"), Missing("c")]"#.into())
        );
        let template = Template::parse("https://{a}/{b}").unwrap();
        assert_eq!(template.variables(), ["a", "b"]);
    }
}
