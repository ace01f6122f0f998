//! Keys for a client to sign assertions with, for tests: the private key as PEM, the public key as a JWK.
//!
//! It must not verify: that is for `assertion`.

use crate::tls::RSA_KEY;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rcgen::KeyPair;
use ring::{rsa, signature};
use serde_json::{Value, json};

/// A key pair.
#[derive(Clone, Debug)]
pub struct ClientKey {
    /// The private key, PKCS#8.
    pub pem: String,
    /// The public key (RFC 7517), without `kid`.
    pub jwk: Value,
}

impl ClientKey {
    /// Returns a new P-256 key, which signs ES256.
    pub fn p256() -> Self {
        let pair = KeyPair::generate().expect("the system has random numbers");
        let point = pair.public_key_raw();
        // An uncompressed point: 4, x and y (SEC 1 §2.3.3).
        let (x, y) = point[1..].split_at(32);
        Self { pem: pair.serialize_pem(), jwk: json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)}) }
    }

    /// Returns the stored RSA key of 2048 bits, which is always the same.
    pub fn rsa() -> Self {
        let der = KeyPair::from_pem(RSA_KEY).expect("a fixed key").serialize_der();
        let pair = signature::RsaKeyPair::from_pkcs8(&der).expect("a fixed key");
        let public = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
        Self { pem: RSA_KEY.into(), jwk: json!({"kty": "RSA", "n": encoded(&public.n), "e": encoded(&public.e)}) }
    }
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
