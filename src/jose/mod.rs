//! Signatures in JSON: JWS, JWK and their algorithms (RFC 7515, 7517, 7518, 8037).
//!
//! This room knows keys and bytes. It must not know OAuth, an option or a file.

mod algorithm;

pub use algorithm::{SigningAlgorithm, SigningCertHeader};
