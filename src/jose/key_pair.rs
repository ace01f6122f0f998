//! A private key that signs, and the only file that names the signatures of ring.
//!
//! A key that ring cannot sign with is refused with the reason, which completes "option signing_key_file: PATH: …". No
//! message quotes a part of a key.

use super::algorithm::SigningAlgorithm;
use crate::{
    error::{Error, ErrorKind},
    secret::Secret,
};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
    rsa,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding},
};
use zeroize::Zeroizing;

/// What to do about a key of another kind.
pub(super) const KINDS: &str = "make an RSA (2048 to 4096 bits), P-256, P-384 or Ed25519 key";
/// What is wrong with a key that ring refuses for no other reason.
pub(super) const CONTRADICTORY: &str = "its parts do not fit together: copy it again, or make a new key";

/// Boxed, so that the allocator of the C library wipes each: ring wipes nothing.
pub(super) enum KeyPair {
    Rsa(Box<rsa::KeyPair>),
    Elliptic(Curve, Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    /// Both sides have it.
    Secret(Secret),
}

/// A curve for ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

/// The numbers of an RSA key (RFC 8017 §3.2), each with its highest byte first.
pub(super) type RsaNumbers<'a> = rsa::KeyPairComponents<&'a [u8]>;

impl Curve {
    /// Returns the length of a coordinate, and of the private number.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// Returns why no key of this curve is taken.
pub(super) fn unsupported_curve(name: &str) -> String {
    format!("its curve is {name}, which this library cannot sign with: make a P-256, P-384 or Ed25519 key")
}

impl KeyPair {
    pub(super) fn rsa(numbers: RsaNumbers<'_>) -> Result<Self, String> {
        let public = rsa::PublicKeyComponents { n: significant(numbers.public_key.n), e: numbers.public_key.e };
        let bits = public.n.first().map_or(0, |first| 8 * public.n.len() - first.leading_zeros() as usize);
        if !(2047..=4096).contains(&bits) {
            return Err(format!("it has {bits} bits: make one of 2048 to 4096"));
        }
        // ring wants primes whose length is a multiple of 512 bits.
        if !bits.div_ceil(2).is_multiple_of(512) {
            return Err(format!(
                "it has {bits} bits, which this library cannot sign with: make one of 2048, 3072 or 4096"
            ));
        }
        let exponent = significant(public.e);
        if exponent.len() > 4 {
            return Err("its exponent is too large: make a key with the exponent 65537".into());
        }
        let exponent_value = exponent.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
        if exponent_value < 65537 {
            return Err(format!("its exponent is {exponent_value}: make a key with the exponent 65537"));
        }
        let pair = rsa::KeyPair::from_components(&rsa::KeyPairComponents {
            public_key: rsa::PublicKeyComponents { n: public.n, e: exponent },
            d: significant(numbers.d),
            p: significant(numbers.p),
            q: significant(numbers.q),
            dP: significant(numbers.dP),
            dQ: significant(numbers.dQ),
            qInv: significant(numbers.qInv),
        });
        pair.map(|pair| Self::Rsa(Box::new(pair))).map_err(|_| CONTRADICTORY.into())
    }

    /// Takes the private number, and the public point as SEC 1 §2.3.3 writes it.
    pub(super) fn elliptic(curve: Curve, private: &[u8], point: &[u8]) -> Result<Self, String> {
        let again = "write it again with openssl ec -in OLD -out NEW";
        match point.first() {
            // ring cannot compute the point.
            None => return Err(format!("it lacks its public key: {again}")),
            Some(2 | 3) => {
                return Err(format!("it lacks its public key in uncompressed form: {again} -conv_form uncompressed"));
            }
            Some(_) => {}
        }
        let algorithm = match curve {
            Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        };
        let private = fixed_length(private, curve.length()).ok_or(CONTRADICTORY)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, point, &SystemRandom::new());
        pair.map(|pair| Self::Elliptic(curve, Box::new(pair))).map_err(|_| CONTRADICTORY.into())
    }

    /// Takes the seed (RFC 8032 §5.1.5), and the public key if it is known.
    pub(super) fn ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<Self, String> {
        let pair = match public {
            Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => Ed25519KeyPair::from_seed_unchecked(seed),
        };
        pair.map(|pair| Self::Ed25519(Box::new(pair))).map_err(|_| CONTRADICTORY.into())
    }

    /// Returns what the key is, with an article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "an RSA key",
            Self::Elliptic(Curve::P256, _) => "a P-256 key",
            Self::Elliptic(Curve::P384, _) => "a P-384 key",
            Self::Ed25519(_) => "an Ed25519 key",
            Self::Secret(_) => "a shared secret",
        }
    }

    /// Returns what the key can sign. The first is the default.
    pub(super) fn algorithms(&self) -> &'static [SigningAlgorithm] {
        use SigningAlgorithm as A;
        match self {
            Self::Rsa(_) => &[A::Rs256, A::Rs384, A::Rs512, A::Ps256, A::Ps384, A::Ps512],
            Self::Elliptic(Curve::P256, _) => &[A::Es256],
            Self::Elliptic(Curve::P384, _) => &[A::Es384],
            Self::Ed25519(_) => &[A::EdDsa, A::Ed25519],
            Self::Secret(_) => &[A::Hs256, A::Hs384, A::Hs512],
        }
    }

    /// Returns the algorithms as a message lists them.
    pub(super) fn listed_algorithms(&self) -> String {
        self.algorithms().iter().map(|algorithm| algorithm.word()).collect::<Vec<_>>().join(" ")
    }

    /// Returns the public key as a certificate holds it. Returns None for a shared secret.
    pub(super) fn public_key(&self) -> Option<&[u8]> {
        match self {
            Self::Rsa(pair) => Some(pair.public_key().as_ref()),
            Self::Elliptic(_, pair) => Some(pair.public_key().as_ref()),
            Self::Ed25519(pair) => Some(pair.public_key().as_ref()),
            Self::Secret(_) => None,
        }
    }

    /// Signs the message as JWS wants it: a signature of ECDSA is r and s, each of full length (RFC 7518 §3.4).
    pub(super) fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        use SigningAlgorithm as A;
        let random = SystemRandom::new();
        let rsa = |encoding: &'static dyn RsaEncoding| match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).map(|()| signature).map_err(|_| failed(&random))
            }
            _ => Err(does_not_fit()),
        };
        let elliptic = |wanted: Curve| match self {
            Self::Elliptic(curve, pair) if *curve == wanted => {
                pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| failed(&random))
            }
            _ => Err(does_not_fit()),
        };
        let ed25519 = || match self {
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            _ => Err(does_not_fit()),
        };
        let secret = |hash| match self {
            Self::Secret(secret) => Ok(hmac(hash, secret.expose().as_bytes(), message)),
            _ => Err(does_not_fit()),
        };
        match algorithm {
            A::Rs256 => rsa(&signature::RSA_PKCS1_SHA256),
            A::Rs384 => rsa(&signature::RSA_PKCS1_SHA384),
            A::Rs512 => rsa(&signature::RSA_PKCS1_SHA512),
            A::Ps256 => rsa(&signature::RSA_PSS_SHA256),
            A::Ps384 => rsa(&signature::RSA_PSS_SHA384),
            A::Ps512 => rsa(&signature::RSA_PSS_SHA512),
            A::Es256 => elliptic(Curve::P256),
            A::Es384 => elliptic(Curve::P384),
            A::EdDsa | A::Ed25519 => ed25519(),
            A::Hs256 => secret(hmac::HMAC_SHA256),
            A::Hs384 => secret(hmac::HMAC_SHA384),
            A::Hs512 => secret(hmac::HMAC_SHA512),
        }
    }
}

pub(super) fn hmac(hash: hmac::Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hash, secret), message).as_ref().to_vec()
}

fn does_not_fit() -> Error {
    Error::new(ErrorKind::Internal, "the signing algorithm does not fit the key")
}

/// ring does not say why it did not sign. Without random numbers nothing is signed. Otherwise it is the key, whose numbers
/// ring compares only here (RSA).
fn failed(random: &SystemRandom) -> Error {
    match random.fill(&mut [0]) {
        Err(_) => Error::new(ErrorKind::Internal, "this system returns no random numbers, so nothing can be signed"),
        Ok(()) => Error::new(ErrorKind::InvalidConfig, format!("the signing key cannot sign: {CONTRADICTORY}")),
    }
}

/// Returns the number without the zeros in front of it.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Returns the number in this many bytes. Some programs leave out zeros in front of it. Returns None if it is longer.
pub(super) fn fixed_length(number: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let number = significant(number);
    let mut fixed = Zeroizing::new(vec![0; length]);
    fixed[length.checked_sub(number.len())?..].copy_from_slice(number);
    Some(fixed)
}
