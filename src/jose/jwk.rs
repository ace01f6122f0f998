//! Pure: a JWK (RFC 7517), and the key that is meant in a JWK Set.
//!
//! No message quotes a member, except `kid`, `alg` and the name of a curve.

use super::{
    algorithm::SigningAlgorithm,
    key_pair::{Curve, KINDS, KeyPair, RsaNumbers, fixed_length, unsupported_curve},
};
use crate::{
    json::{Object, ObjectError},
    redact::truncate,
    words::SHOWN,
};
use base64::{Engine, decoded_len_estimate, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::rsa::PublicKeyComponents;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// A private key, with what its JSON says about it.
pub(super) struct Jwk {
    pub(super) pair: KeyPair,
    pub(super) id: Option<String>,
    pub(super) algorithm: Option<SigningAlgorithm>,
}

/// The most ids that a message names.
const NAMED: usize = 10;

pub(super) const PUBLIC_KEY: &str = "it holds a public key and no private key";

/// Returns why the text is not a usable object.
pub(super) fn broken(error: ObjectError) -> String {
    match error {
        ObjectError::NotJson { line, column } => {
            format!("it is broken JSON at line {line}, column {column}: copy it again")
        }
        ObjectError::NotAnObject => "it is JSON, but no object: copy it again".into(),
        ObjectError::TooDeep => "its JSON is too deep: keep only the key".into(),
        ObjectError::TooManyMembers => "its JSON has too many members: keep only the key".into(),
        ObjectError::Contradiction { .. } => "its JSON has a member twice, with two values: keep only one".into(),
    }
}

/// Reads a JWK. `wanted` is the algorithm that replaces its own.
pub(super) fn read(jwk: &Object<'_>, wanted: Option<SigningAlgorithm>) -> Result<Jwk, String> {
    let text = |name: &str| jwk.text(name);
    let kind = text("kty").ok_or("it is a JWK without kty: copy it again")?;
    if kind.as_str() == "oct" {
        return Err("it is a shared secret: set client_secret and auth_method=client_secret_jwt".into());
    }
    if !is_private(jwk) {
        return Err(PUBLIC_KEY.into());
    }
    if is_for_encryption(jwk) {
        return Err("its use is enc, and this library signs: choose a key whose use is sig".into());
    }
    let curve = text("crv");
    let curve = curve.as_ref().map(|curve| curve.as_str());
    let pair = match (kind.as_str(), curve) {
        ("RSA", _) => rsa(jwk)?,
        ("EC", Some("P-256")) => elliptic(jwk, Curve::P256)?,
        ("EC", Some("P-384")) => elliptic(jwk, Curve::P384)?,
        ("EC", Some("P-521")) => return Err(unsupported_curve("P-521 (ES512)")),
        ("EC", Some("secp256k1")) => return Err(unsupported_curve("secp256k1 (ES256K)")),
        ("OKP", Some("Ed25519")) => KeyPair::ed25519(&number(jwk, "d")?, Some(&number(jwk, "x")?))?,
        ("EC" | "OKP", Some(curve)) => return Err(unsupported_curve(&truncate(curve, SHOWN))),
        ("EC" | "OKP", None) => return Err("it lacks crv: copy it again".into()),
        (_, _) => return Err(format!("it is a key of another kind: {KINDS}")),
    };
    let algorithm = match text("alg") {
        Some(word) if wanted.is_none() => Some(own_algorithm(&word, &pair)?),
        _ => None,
    };
    Ok(Jwk { pair, id: text("kid").map(|id| id.to_string()), algorithm })
}

/// Returns the key of a JWK Set that the id names; without an id the only one.
pub(super) fn choose(keys: &RawValue, id: Option<&str>, wanted: Option<SigningAlgorithm>) -> Result<Jwk, String> {
    let keys: Vec<&RawValue> =
        serde_json::from_str(keys.get()).map_err(|_| "its member keys is not a list: copy it again")?;
    let keys: Vec<_> = keys.into_iter().map(|key| Object::read(key.get())).collect::<Result<_, _>>().map_err(broken)?;
    let keys: Vec<_> = keys.iter().filter(|key| is_private(key) && !is_for_encryption(key)).collect();
    if keys.is_empty() {
        return Err("it is a JWK Set, and holds no private key for signatures".into());
    }
    let Some(id) = id else {
        return match keys[..] {
            [only] => read(only, wanted),
            _ => Err(match ids(&keys) {
                Some(ids) => format!("it holds several keys: set signing_key_id to one of {ids}"),
                None => "it holds several keys, and none has a kid: keep only one".into(),
            }),
        };
    };
    let named: Vec<_> = keys.iter().filter(|key| key.text("kid").is_some_and(|kid| *kid == id)).collect();
    let shown = truncate(id, SHOWN);
    match (&named[..], wanted) {
        ([only], _) => read(only, wanted),
        ([], _) => Err(match ids(&keys) {
            Some(ids) => format!("it holds no key {shown}: it has {ids}"),
            None => format!("it holds no key {shown}: its keys have no kid"),
        }),
        (_, None) => Err(format!("it holds several keys {shown}: set signing_algorithm, or keep only one")),
        // Alternatives for one use may share an id, if they are of different kinds (RFC 7517 §4.5).
        (several, Some(algorithm)) => {
            let fitting = several.iter().filter_map(|key| read(key, wanted).ok());
            let mut fitting = fitting.filter(|jwk| jwk.pair.algorithms().contains(&algorithm));
            match (fitting.next(), fitting.next()) {
                (Some(only), None) => Ok(only),
                (None, _) => Err(format!("none of its keys {shown} signs {}", algorithm.word())),
                (Some(_), Some(_)) => {
                    Err(format!("several of its keys {shown} sign {}: keep only one", algorithm.word()))
                }
            }
        }
    }
}

/// Returns the ids of the keys as a message names them. Returns None if no key has one.
fn ids(keys: &[&Object<'_>]) -> Option<String> {
    let mut ids: Vec<String> = Vec::new();
    for id in keys.iter().filter_map(|key| key.text("kid")).map(|id| truncate(&id, SHOWN)) {
        if ids.len() > NAMED {
            break;
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let more = if ids.len() > NAMED { ", …" } else { "" };
    ids.truncate(NAMED);
    (!ids.is_empty()).then(|| ids.join(", ") + more)
}

fn is_private(jwk: &Object<'_>) -> bool {
    jwk.get("d").is_some()
}

fn is_for_encryption(jwk: &Object<'_>) -> bool {
    jwk.text("use").is_some_and(|purpose| purpose.as_str() == "enc")
}

/// Returns what the member `alg` means, if the key can sign it.
fn own_algorithm(word: &str, pair: &KeyPair) -> Result<SigningAlgorithm, String> {
    let shown = truncate(word, SHOWN);
    match SigningAlgorithm::from_word(word) {
        Err(_) => Err(format!("its alg is {shown}, which this library cannot sign with: set signing_algorithm")),
        Ok(algorithm) if pair.algorithms().contains(&algorithm) => Ok(algorithm),
        Ok(_) => Err(format!(
            "its alg is {shown}, and it is {}, which signs {}: set signing_algorithm",
            pair.kind(),
            pair.listed_algorithms()
        )),
    }
}

fn rsa(jwk: &Object<'_>) -> Result<KeyPair, String> {
    if jwk.get("oth").is_some() {
        return Err("it has more than two primes: make a key with two".into());
    }
    let absent: Vec<_> = ["p", "q", "dp", "dq", "qi"].into_iter().filter(|name| jwk.get(name).is_none()).collect();
    if !absent.is_empty() {
        return Err(format!("it lacks {}: n, e and d alone are not enough", absent.join(", ")));
    }
    let number = |name| number(jwk, name);
    KeyPair::rsa(RsaNumbers {
        public_key: PublicKeyComponents { n: &number("n")?, e: &number("e")? },
        d: &number("d")?,
        p: &number("p")?,
        q: &number("q")?,
        dP: &number("dp")?,
        dQ: &number("dq")?,
        qInv: &number("qi")?,
    })
}

fn elliptic(jwk: &Object<'_>, curve: Curve) -> Result<KeyPair, String> {
    let coordinate = |name| {
        let number = number(jwk, name)?;
        fixed_length(&number, curve.length()).ok_or(format!("its {name} is too long: copy it again"))
    };
    let (x, y) = (coordinate("x")?, coordinate("y")?);
    // The point as SEC 1 §2.3.3 writes it.
    KeyPair::elliptic(curve, &number(jwk, "d")?, &[&[4], x.as_slice(), y.as_slice()].concat())
}

/// Returns the bytes of a member in Base64url (RFC 7518 §2). Some programs add its padding.
fn number(jwk: &Object<'_>, name: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let text = jwk.text(name).ok_or_else(|| format!("it lacks {name}: copy it again"))?;
    let text = text.trim_end_matches('=');
    let mut bytes = Zeroizing::new(vec![0; decoded_len_estimate(text.len())]);
    let length = BASE64_URL_SAFE_NO_PAD
        .decode_slice(text, &mut bytes)
        .map_err(|_| format!("its {name} is not Base64url: copy it again"))?;
    bytes.truncate(length);
    Ok(bytes)
}
