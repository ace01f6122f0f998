//! Pure: a signed text of a header and claims, in the compact serialization (RFC 7515 §7.1).
//!
//! It must not know what a member means. The members are written in the order in which they are given.

use super::{algorithm::SigningAlgorithm, signing_key::SigningKey};
use crate::{error::Error, secret::Secret};
use base64::{Engine, encoded_len, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

/// A member of a header or of the claims.
pub(crate) enum Member<'a> {
    Text(&'a str),
    Number(i64),
    Json(Value),
}

/// Signs the claims. The header says only what it is given.
pub(crate) fn compact(
    header: &[(&str, Member<'_>)],
    claims: &[(&str, Member<'_>)],
    key: &SigningKey,
    algorithm: SigningAlgorithm,
) -> Result<Secret, Error> {
    let (header, claims) = (json(header), json(claims));
    let length = |bytes: usize| encoded_len(bytes, false).unwrap_or(usize::MAX / 4) + ".".len();
    let capacity = length(header.len()) + length(claims.len()) + length(LONGEST_SIGNATURE);
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    BASE64_URL_SAFE_NO_PAD.encode_string(&*header, &mut text);
    text.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(&*claims, &mut text);
    let signature = key.sign(algorithm, text.as_bytes())?;
    text.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(Secret::new(text.as_str()))
}

/// That of RSA with 4096 bits.
const LONGEST_SIGNATURE: usize = 512;

/// Writes the members, into a buffer that does not grow: a copy that is left behind is not wiped.
fn json(members: &[(&str, Member<'_>)]) -> Zeroizing<Vec<u8>> {
    struct Members<'a>(&'a [(&'a str, Member<'a>)]);
    impl Serialize for Members<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut object = serializer.serialize_map(None)?;
            for (name, member) in self.0 {
                match member {
                    Member::Text(text) => object.serialize_entry(name, text)?,
                    Member::Number(number) => object.serialize_entry(name, number)?,
                    Member::Json(value) => object.serialize_entry(name, value)?,
                }
            }
            object.end()
        }
    }
    let mut json = Zeroizing::new(Vec::with_capacity(capacity(members)));
    serde_json::to_writer(&mut *json, &Members(members)).expect("a Vec takes every write, and text is always JSON");
    json
}

fn capacity(members: &[(&str, Member<'_>)]) -> usize {
    // A byte becomes six, as in \u0001. A number has at most 20 characters.
    let length = |(name, member): &(&str, Member<'_>)| {
        let value = match member {
            Member::Text(text) => 6 * text.len(),
            Member::Number(_) => 20,
            Member::Json(value) => value.to_string().len(),
        };
        6 * name.len() + value + r#""":"","#.len()
    };
    members.iter().map(length).sum::<usize>() + "{}".len()
}

#[cfg(test)]
mod tests;
