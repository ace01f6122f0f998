//! What one value may be: a parser for each kind of value, and the names in an option family.
//!
//! A parser looks at one value alone, and must not know the other options: what options mean together is decided in
//! `effective.rs`. Pure, but for the working directory that makes a path absolute.

use crate::{
    config::endpoint::uri_characters,
    duration,
    redact::truncate,
    secret::Secret,
    words::{SHOWN, one_of},
};
use std::{path::PathBuf, time::Duration};
use zeroize::Zeroizing;

/// The longest value, and the largest secret file: no size that a caller chooses is without bound.
pub(crate) const LONGEST_VALUE: usize = 64 * 1024;

/// The words of a boolean, as an option's help shows them.
pub(crate) const BOOLEANS: &str = "true | false";

pub(crate) const fn boolean_word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Parses one of the words of [`BOOLEANS`].
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    one_of(text, [true, false].into_iter().map(|value| (boolean_word(value), value)))
}

/// Parses text without control characters.
pub(crate) fn text(text: &str) -> Result<String, String> {
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(format!("it holds a control character (U+{:04X}) at byte {at}", u32::from(c))),
        None => Ok(text.to_owned()),
    }
}

/// Parses a header's value (RFC 9110 §5.5), without tabs. Recipients strip spaces at its ends, so that none belongs there.
pub(crate) fn field_value(value: &str) -> Result<String, String> {
    let value = text(value)?;
    if value.starts_with(' ') || value.ends_with(' ') {
        Err("it begins or ends with a space".into())
    } else {
        Ok(value)
    }
}

/// Parses a header's value that is a secret.
pub(crate) fn secret_field_value(text: &str) -> Result<Secret, String> {
    field_value(text).map(Secret::new)
}

/// Takes any text as a secret.
pub(crate) fn secret_text(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// Parses the client secret.
pub(crate) fn client_secret(text: &str) -> Result<Secret, String> {
    one_line(text, "secret")
}

/// Parses a credential, given as text or read from a file. A line break at its end is what `echo` and `fgets` leave behind.
pub(crate) fn one_line(text: &str, what: &str) -> Result<Secret, String> {
    if text.contains('\0') {
        return Err(format!("the {what} holds a NUL"));
    }
    if text.ends_with(['\n', '\r']) {
        return Err(format!("the {what} ends in a line break: remove it"));
    }
    if text.contains(['\n', '\r']) {
        return Err(format!("the {what} holds a line break"));
    }
    Ok(Secret::new(text))
}

/// Parses a list of scopes (RFC 6749 §3.3).
pub(crate) fn scope(text: &str) -> Result<String, String> {
    if let Some(at) = text.bytes().position(|byte| !is_nqchar(byte) && byte != b' ') {
        return Err(format!("it holds a character at byte {at} that no scope may hold (RFC 6749 section 3.3)"));
    }
    if text.split(' ').any(str::is_empty) { Err(STRAY_SPACE.into()) } else { Ok(text.to_owned()) }
}

/// What [`member_path`] allows.
pub(crate) const MEMBER_PATH: &str = "the names of 1 to 8 members, one inside the other, with dots between";

/// Parses the names of the members that lead to a value in a response.
pub(crate) fn member_path(path: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text(path)?.split('.').map(str::to_owned).collect();
    match names.len() {
        _ if names.iter().any(String::is_empty) => {
            Err("a name is empty: it begins or ends with a dot, or has two in a row".into())
        }
        1..=8 => Ok(names),
        count => Err(format!("it has {count} names")),
    }
}

/// Parses the word by which a server means Bearer.
pub(crate) fn token_type(text: &str) -> Result<String, String> {
    // Such a token is worth nothing in a header that says Bearer (RFC 9449, RFC 8693 §2.2.1).
    const NEVER_BEARER: [&str; 3] = ["DPoP", "MAC", "N_A"];
    if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_graphic() && byte != b' ') {
        return Err(format!("it holds a character at byte {at} that is not visible ASCII"));
    }
    if text.split(' ').any(str::is_empty) {
        return Err(STRAY_SPACE.into());
    }
    match NEVER_BEARER.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        Some(word) => Err(format!("a token of the type {word} cannot be sent as Bearer")),
        None => Ok(text.to_owned()),
    }
}

/// Returns true for NQCHAR of RFC 6749 (appendix A): visible ASCII without `"` and `\`. A scope is of these characters, and
/// so are an error code and an error URI (§5.2).
pub(crate) fn is_nqchar(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

const STRAY_SPACE: &str = "it begins or ends with a space, or has two in a row";

/// Parses absolute URIs (RFC 8707 §2).
pub(crate) fn resource(text: &str) -> Result<Vec<String>, String> {
    text.split(' ').map(absolute_uri).collect()
}

fn absolute_uri(uri: &str) -> Result<String, String> {
    if uri.is_empty() {
        return Err(STRAY_SPACE.into());
    }
    uri_characters(uri)?;
    let (scheme, rest) = uri.split_once(':').ok_or("it holds a URI without scheme, such as https:")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !is_scheme || rest.is_empty() {
        return Err("it holds a URI that is not absolute".into());
    }
    if rest.contains('#') { Err("it holds a URI with a fragment (#…)".into()) } else { Ok(uri.to_owned()) }
}

/// Parses seconds from 0 to ten years.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    duration::seconds(text).map_err(|wrong| format!("\"{}\" {wrong}", truncate(text, SHOWN)))
}

/// Parses seconds above 0, up to ten years.
pub(crate) fn positive_seconds(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err(format!("\"{}\" is not above 0", truncate(text, SHOWN))),
        span => Ok(span),
    }
}

/// Parses the number of attempts, from 1 to 100.
pub(crate) fn attempts(text: &str) -> Result<u32, String> {
    let wrong = |what| Err(format!("\"{}\" {what}", truncate(text, SHOWN)));
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return wrong("is not a whole number");
    }
    match text.parse() {
        Ok(count @ 1..=100) => Ok(count),
        _ => wrong("is out of range"),
    }
}

/// What [`path`] allows, where the file is read by the rules of a credential.
pub(crate) const FILE_PATH: &str =
    "the path of a regular file of at most 64 KiB; a relative path is made absolute when it is set";

/// Parses visible ASCII.
pub(crate) fn visible(text: &str) -> Result<String, String> {
    match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
        Some(at) => Err(format!("it holds a character at byte {at} that is not visible ASCII")),
        None => Ok(text.to_owned()),
    }
}

/// Parses one absolute URI.
pub(crate) fn uri(text: &str) -> Result<String, String> {
    absolute_uri(text)
}

/// What is wrong with a text that begins so. Some editors write one before any text in UTF-8, and no editor shows it.
pub(crate) const BYTE_ORDER_MARK: &str = "it begins with a byte order mark: save it without one";

/// Parses a signing key as text. A variable of the environment often keeps a PEM in one line, with `\n` for each line
/// break. In JSON these two characters already have that meaning.
pub(crate) fn signing_key(text: &str) -> Result<Secret, String> {
    if text.contains('\0') {
        return Err("the key holds a NUL".into());
    }
    if text.starts_with('\u{feff}') {
        return Err(BYTE_ORDER_MARK.into());
    }
    if text.trim_start().starts_with('{') || !text.contains("\\n") {
        return Ok(Secret::new(text));
    }
    let mut pem = Zeroizing::new(String::with_capacity(text.len()));
    for (index, line) in text.split("\\n").enumerate() {
        if index > 0 {
            pem.push('\n');
        }
        pem.push_str(line);
    }
    Ok(Secret::new(pem.as_str()))
}

/// Parses the NAME of `claim.NAME`.
pub(crate) fn claim_name(name: &str) -> Result<String, String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("NAME has only visible ASCII; give the value separately".into());
    }
    if name.len() > LONGEST_VALUE {
        return Err("NAME is longer than 64 KiB".into());
    }
    match name {
        "aud" => Err("aud is the option assertion_audience".into()),
        "exp" => Err("exp follows from assertion_lifetime".into()),
        "iat" | "nbf" | "jti" => Err("iat, nbf and jti are not for an option to set".into()),
        _ => Ok(name.to_owned()),
    }
}

/// Parses the NAME of `variable.NAME`.
pub(crate) fn variable_name(name: &str) -> Result<String, String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err("NAME has only letters, digits and - _; give the value separately".into());
    }
    if name.len() > LONGEST_VALUE {
        return Err("NAME is longer than 64 KiB".into());
    }
    Ok(name.to_owned())
}

/// Parses the value of a variable. Where it may stand is decided when a value is filled.
pub(crate) fn variable(text: &str) -> Result<Secret, String> {
    if text.len() > 253 {
        return Err("it is longer than 253 characters".into());
    }
    match text.bytes().position(|byte| !byte.is_ascii_alphanumeric() && !b".-_~:[]".contains(&byte)) {
        Some(at) => Err(format!("it holds a character at byte {at} that no variable may hold")),
        None => Ok(Secret::new(text)),
    }
}

/// Parses the path of a signing key.
pub(crate) fn key_path(text: &str) -> Result<PathBuf, String> {
    if text.contains("-----BEGIN ") || text.trim_start().starts_with('{') {
        return Err("this is a key, not a path: set signing_key".into());
    }
    path(text)
}

/// Parses a path, and makes it absolute at once: a daemon changes its directory after it has read its options.
pub(crate) fn path(text: &str) -> Result<PathBuf, String> {
    if text.contains('\0') {
        return Err("the path holds a NUL".into());
    }
    // Messages name paths. A key in PEM is no path but a secret, also where a variable keeps it in one line.
    if text.contains(['\n', '\r']) || text.contains("-----BEGIN ") {
        return Err("this is not a path: give the name of the file, not its contents".into());
    }
    std::path::absolute(text).map_err(|error| format!("the path cannot be made absolute: {error}"))
}

/// Parses the NAME of `header.NAME`, and returns it in lower case.
pub(crate) fn header_name(name: &str) -> Result<String, String> {
    const SET_BY_THE_LIBRARY: &[&str] = &[
        "authorization",
        "host",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "accept-encoding",
    ];
    let name = http::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "NAME is not the name of a header (RFC 9110 section 5.1); give the value separately")?;
    let name = name.as_str();
    if name == "user-agent" {
        return Err("User-Agent is the option user_agent".into());
    }
    if SET_BY_THE_LIBRARY.contains(&name) || name.starts_with("content-") || name.starts_with("proxy-") {
        return Err(format!("{} cannot be set by an option: it follows from the request", truncate(name, SHOWN)));
    }
    Ok(name.to_owned())
}

/// Parses the NAME of `param.NAME` (RFC 6749 §8.2).
pub(crate) fn param_name(name: &str) -> Result<String, String> {
    const WITH_AN_OPTION: &[&str] = &["grant_type", "scope", "audience", "resource"];
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        return Err("NAME has only letters, digits and - . _ (RFC 6749 section 8.2); give the value separately".into());
    }
    if name.len() > LONGEST_VALUE {
        return Err("NAME is longer than 64 KiB".into());
    }
    if WITH_AN_OPTION.contains(&name) {
        return Err(format!("{name} has an option of its own: set that one"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests;
