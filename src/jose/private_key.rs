//! Pure: a private key in DER, as PEM holds it: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 A.1.2) or SEC 1 (RFC 5915).
//!
//! ring could read most of them. It does not say why it refuses the others, and cannot read SEC 1.

use super::key_pair::{CONTRADICTORY, Curve, KINDS, KeyPair, RsaNumbers, unsupported_curve};
use crate::{
    der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE},
    pem,
};
use ring::rsa::PublicKeyComponents;

// Object identifiers, in the order of their numbers.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const X25519: &[u8] = &[0x2b, 0x65, 110];
const X448: &[u8] = &[0x2b, 0x65, 111];
const ED25519: &[u8] = &[0x2b, 0x65, 112];
const ED448: &[u8] = &[0x2b, 0x65, 113];
const SECP256K1: &[u8] = &[0x2b, 0x81, 4, 0, 10];
const P_384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
const P_521: &[u8] = &[0x2b, 0x81, 4, 0, 35];

/// The public key of PKCS#8, a BIT STRING under this tag.
const PKCS8_PUBLIC: u8 = 0x81;
const SEC1_CURVE: u8 = 0xa0;
const SEC1_PUBLIC: u8 = 0xa1;

fn broken() -> String {
    format!("it {}", pem::BROKEN)
}

/// Returns the content of the one SEQUENCE that the bytes are.
fn sequence(der: &[u8]) -> Option<Reader<'_>> {
    let mut whole = Reader(der);
    let content = whole.take(SEQUENCE)?;
    whole.0.is_empty().then_some(Reader(content))
}

/// Returns the content of a BIT STRING of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    content.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bits)| bits)
}

pub(super) fn of_pkcs8(der: &[u8]) -> Result<KeyPair, String> {
    struct Parts<'a> {
        algorithm: &'a [u8],
        /// Tag and content.
        parameters: Option<(u8, &'a [u8])>,
        key: &'a [u8],
        public: Option<&'a [u8]>,
    }
    let parts = || {
        let mut info = sequence(der)?;
        let _version = info.take(INTEGER)?;
        let mut algorithm = Reader(info.take(SEQUENCE)?);
        let (algorithm, parameters) = (algorithm.take(OBJECT_IDENTIFIER)?, algorithm.next());
        let key = info.take(OCTET_STRING)?;
        let public = std::iter::from_fn(|| info.next()).find(|(tag, _)| *tag == PKCS8_PUBLIC);
        Some(Parts { algorithm, parameters, key, public: public.and_then(|(_, content)| bits(content)) })
    };
    let Parts { algorithm, parameters, key, public } = parts().ok_or_else(broken)?;
    match algorithm {
        RSA_ENCRYPTION => of_pkcs1(key),
        EC_PUBLIC_KEY => of_sec1_on(parameters.map(curve).transpose()?, key),
        ED25519 => KeyPair::ed25519(Reader(key).take(OCTET_STRING).ok_or_else(broken)?, public),
        RSASSA_PSS => Err(RSASSA_PSS_ONLY.into()),
        ED448 => Err(unsupported_curve("Ed448")),
        X25519 => Err(unsupported_curve("X25519")),
        X448 => Err(unsupported_curve("X448")),
        _ => Err(format!("it is a key of another kind: {KINDS}")),
    }
}

pub(super) const RSASSA_PSS_ONLY: &str = "its kind is id-RSASSA-PSS, which this library cannot sign with: make a key of \
                                          the kind rsaEncryption, which signs PS256 too";

pub(super) fn of_pkcs1(der: &[u8]) -> Result<KeyPair, String> {
    let numbers = || {
        let mut key = sequence(der)?;
        let version = key.take(INTEGER)?;
        let mut number = || key.take(INTEGER);
        let public_key = PublicKeyComponents { n: number()?, e: number()? };
        let (d, p, q) = (number()?, number()?, number()?);
        let numbers = RsaNumbers { public_key, d, p, q, dP: number()?, dQ: number()?, qInv: number()? };
        Some((version, numbers))
    };
    match numbers().ok_or_else(broken)? {
        ([0], numbers) => KeyPair::rsa(numbers),
        _ => Err("it has more than two primes: make a key with two".into()),
    }
}

pub(super) fn of_sec1(der: &[u8]) -> Result<KeyPair, String> {
    of_sec1_on(None, der)
}

/// `curve` is what PKCS#8 says around the key.
fn of_sec1_on(named: Option<Curve>, der: &[u8]) -> Result<KeyPair, String> {
    let parts = || {
        let mut key = sequence(der)?;
        let _version = key.take(INTEGER)?;
        let private = key.take(OCTET_STRING)?;
        let named = match key.take(SEC1_CURVE) {
            Some(content) => Some(Reader(content).next()?),
            None => None,
        };
        let point = match key.take(SEC1_PUBLIC) {
            Some(content) => bits(Reader(content).take(BIT_STRING)?)?,
            None => &[],
        };
        Some((private, named, point))
    };
    let (private, inner, point) = parts().ok_or_else(broken)?;
    let inner = inner.map(curve).transpose()?;
    match (named, inner) {
        (Some(named), Some(inner)) if named != inner => Err(CONTRADICTORY.into()),
        (Some(curve), _) | (None, Some(curve)) => KeyPair::elliptic(curve, private, point),
        (None, None) => Err("it does not name its curve: write it again with openssl ec -in OLD -out NEW".into()),
    }
}

/// Returns the curve that the element names.
fn curve((tag, content): (u8, &[u8])) -> Result<Curve, String> {
    match (tag, content) {
        (OBJECT_IDENTIFIER, P_256) => Ok(Curve::P256),
        (OBJECT_IDENTIFIER, P_384) => Ok(Curve::P384),
        (OBJECT_IDENTIFIER, P_521) => Err(unsupported_curve("P-521 (ES512)")),
        (OBJECT_IDENTIFIER, SECP256K1) => Err(unsupported_curve("secp256k1 (ES256K)")),
        (SEQUENCE, _) => Err("its curve is written as numbers and has no name: write it again with \
                              openssl ec -in OLD -out NEW -param_enc named_curve"
            .into()),
        _ => Err(unsupported_curve("another one")),
    }
}
