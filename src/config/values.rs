//! What one value may be, and the values that were set: each is parsed once, when it is set, and kept as its type.
//!
//! A parser here looks at one value alone, and must not know the other options: what options mean together is decided in
//! `settings.rs`. Pure, but for the working directory that makes a path absolute.

use crate::{
    config::{
        endpoint::{Endpoint, uri_characters},
        names::{OptionName, Place, SHOWN},
        options::{Slot, options},
        providers::Provider,
        proxy::ProxyChoice,
        settings::{AuthMethod, BasicEncoding, BodyFormat, Ca, Refresh},
        words::one_of,
    },
    duration,
    error::{Error, ErrorKind},
    redact::truncate,
    secret::Secret,
};
use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

/// The longest value, and the largest secret file: no size that a caller chooses is without bound.
pub(crate) const LONGEST_VALUE: usize = 64 * 1024;

/// The values that were set. None is an option that is not.
#[derive(Clone, Default)]
pub(crate) struct Values {
    pub(crate) provider: Option<&'static Provider>,
    pub(crate) token_url: Option<Endpoint>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) client_secret_file: Option<PathBuf>,
    pub(crate) auth_method: Option<AuthMethod>,
    pub(crate) basic_encoding: Option<BasicEncoding>,
    pub(crate) body_format: Option<BodyFormat>,
    pub(crate) grant_type: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) resource: Option<Vec<String>>,
    pub(crate) params: Members,
    pub(crate) headers: Members,
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) refresh: Option<Refresh>,
    pub(crate) refresh_ahead: Option<Duration>,
    pub(crate) expiry_margin: Option<Duration>,
    pub(crate) default_lifetime: Option<Duration>,
    pub(crate) ca: Option<Ca>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert_file: Option<PathBuf>,
    pub(crate) client_key_file: Option<PathBuf>,
    pub(crate) proxy: Option<ProxyChoice>,
    pub(crate) user_agent: Option<String>,
    pub(crate) allow_insecure_http: Option<bool>,
}

/// The members of `param.NAME` or `header.NAME`. None is a member that was unset: the provider's must not come back.
pub(crate) type Members = BTreeMap<String, Option<Secret>>;

impl Values {
    /// Sets an option by its name, or unsets it. The error says what is allowed or which name was meant; the values are
    /// then as they were.
    pub(crate) fn set(&mut self, name: &str, text: Option<&str>) -> Result<(), Error> {
        let name = OptionName::find(name)?;
        self.put(&name, text).map_err(|wrong| {
            let (name, allowed) = (truncate(&name.full(), SHOWN), name.option.allowed());
            Error::new(ErrorKind::InvalidArgument, format!("option {name}: {wrong}; allowed: {allowed}"))
        })
    }

    fn put(&mut self, name: &OptionName, text: Option<&str>) -> Result<(), String> {
        if let Some(text) = text {
            if text.is_empty() && !name.option.may_be_empty() {
                return Err("the value is empty; to unset the option, give no value (NULL, None, null)".into());
            }
            if text.len() > LONGEST_VALUE {
                return Err("the value is longer than 64 KiB".into());
            }
        }
        match &name.place {
            Place::Field(field) => (field.set)(self, text),
            Place::Member(family, member) => {
                let value = text.map(family.parse_value).transpose()?;
                (family.members_mut)(self).insert(member.clone(), value);
                Ok(())
            }
        }
    }

    fn is_set(&self, name: &OptionName) -> bool {
        match &name.place {
            Place::Field(field) => (field.get)(self).is_some(),
            Place::Member(family, member) => (family.members)(self).contains_key(member),
        }
    }

    /// Returns these values, with those of the provider for the options that are not set.
    pub(crate) fn over_provider(&self) -> Result<Self, Error> {
        let mut values = self.clone();
        for (name, text) in self.provider.map_or(&[][..], |provider| provider.options) {
            if !self.is_set(&OptionName::find(name)?) {
                values.set(name, Some(text))?;
            }
        }
        Ok(values)
    }
}

/// Shows the options that are set; `[redacted]` stands for each value that is a secret.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for option in options() {
            match option.slot() {
                Slot::Field(field) => match (field.get)(self) {
                    Some(_) if option.is_secret() => drop(map.entry(&option.name(), &format_args!("[redacted]"))),
                    Some(value) => drop(map.entry(&option.name(), value)),
                    None => {}
                },
                Slot::Family(family) => {
                    for (member, value) in (family.members)(self) {
                        map.entry(&[family.prefix, member].concat(), value);
                    }
                }
            }
        }
        map.finish()
    }
}

/// Parses the words `true` and `false`.
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    one_of(text, [("true", true), ("false", false)].into_iter())
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
    if value.starts_with(' ') || value.ends_with(' ') { Err("it has a space at an end".into()) } else { Ok(value) }
}

/// Parses a header's value that is a secret.
pub(crate) fn secret_field_value(text: &str) -> Result<Secret, String> {
    field_value(text).map(Secret::new)
}

/// Takes any text as a secret.
pub(crate) fn secret_text(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// Parses the client secret, given as text or read from a file. A line break at its end is what `echo` and `fgets` leave
/// behind.
pub(crate) fn client_secret(text: &str) -> Result<Secret, String> {
    if text.contains('\0') {
        return Err("the secret holds a NUL".into());
    }
    if text.ends_with(['\n', '\r']) {
        return Err("the secret ends in a line break: remove it".into());
    }
    if text.contains(['\n', '\r']) {
        return Err("the secret holds a line break".into());
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

/// Returns true for NQCHAR of RFC 6749 (appendix A): visible ASCII without `"` and `\`. A scope is of these characters, and
/// so are an error code and an error URI (§5.2).
pub(crate) fn is_nqchar(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

const STRAY_SPACE: &str = "it has a space at an end, or two in a row";

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

/// Parses a path, and makes it absolute at once: a daemon changes its directory after it has read its options.
pub(crate) fn path(text: &str) -> Result<PathBuf, String> {
    if text.contains('\0') {
        return Err("the path holds a NUL".into());
    }
    // Messages name paths. A key in PEM is no path but a secret, also where a variable keeps it in one line.
    if text.contains(['\n', '\r']) || text.contains("-----BEGIN ") {
        return Err("this is not a path: give the name of the file, not what is in it".into());
    }
    std::path::absolute(text).map_err(|error| format!("the path cannot be made absolute: {error}"))
}

#[cfg(test)]
mod tests;
