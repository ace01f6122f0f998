//! Pure: reads a response that is form-encoded, as some servers of the years before RFC 6749 send it.
//!
//! The members become a JSON object of texts, so that every rule for JSON holds for them too.

use crate::oauth::response::RawResponse;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// Returns the form as a JSON object. Returns None for any other body. A body without this Content-Type is a form only if it
/// has an access token.
pub(super) fn read(response: &RawResponse, text: &str) -> Option<Zeroizing<String>> {
    let text = text.trim();
    let is_form = !text.starts_with(['{', '[', '"'])
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<')
        && !response.is_encoded();
    if !is_form {
        return None;
    }
    let mut object = Zeroizing::new(String::with_capacity(2 * text.len()));
    object.push('{');
    let mut has_token = false;
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').filter(|(name, _)| !name.is_empty())?;
        let (name, value) = (decoded(name)?, decoded(value)?);
        has_token |= *name == "access_token";
        if object.len() > 1 {
            object.push(',');
        }
        push_string(&mut object, &name);
        object.push(':');
        push_string(&mut object, &value);
    }
    object.push('}');
    let is_declared = response.has_content_type("application/x-www-form-urlencoded");
    (is_declared || has_token).then_some(object)
}

fn push_string(object: &mut String, text: &str) {
    let string = Zeroizing::new(serde_json::Value::from(text).to_string());
    object.push_str(&string);
}

/// Returns a name or a value as text. Returns None if a percent sign encodes nothing, or if it is no UTF-8.
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let is_hex =
        |digits: Option<&str>| digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !text.split('%').skip(1).all(|after| is_hex(after.get(..2))) {
        return None;
    }
    let spaced = Zeroizing::new(text.replace('+', " "));
    Some(Zeroizing::new(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned()))
}
