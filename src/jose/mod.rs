//! Signatures in JSON: JWS, JWK and their algorithms (RFC 7515, 7517, 7518, 8037). JOSE is their common name.
//!
//! Pure, but for the random numbers that some signatures take: texts, keys and bytes are parameters. It must not know
//! OAuth, and reads neither an option nor a file. Its messages name options, since they say what to do.

mod algorithm;
mod certificate;
mod jwk;
mod jws;
mod key_pair;
mod private_key;
mod signing_key;

pub use algorithm::{SigningAlgorithm, SigningCertHeader};
pub(crate) use certificate::SigningCertificate;
pub(crate) use jws::{Member, compact};
pub(crate) use signing_key::{NEITHER_PEM_NOR_JSON, SigningKey};

#[cfg(test)]
mod tests;
