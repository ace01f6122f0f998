//! Keys for the tests of this room, and a judge of signatures that shares no code with it.

use super::{SigningAlgorithm, SigningKey};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use std::{fs, path::Path};

/// Returns a file of tests/keys, which are no secrets.
pub(super) fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn key(name: &str) -> SigningKey {
    SigningKey::read(&file(name), None, None).unwrap_or_else(|wrong| panic!("{name}: {wrong}"))
}

/// Returns whether the signature holds under the public key.
pub(super) fn holds(key: &SigningKey, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    use SigningAlgorithm as A;
    let with: &dyn VerificationAlgorithm = match algorithm {
        A::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        A::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        A::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        A::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        A::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        A::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        A::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        A::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        A::EdDsa | A::Ed25519 => &signature::ED25519,
        A::Hs256 | A::Hs384 | A::Hs512 => panic!("a shared secret has no public key"),
    };
    UnparsedPublicKey::new(with, key.public_key().unwrap()).verify(message, signature).is_ok()
}
