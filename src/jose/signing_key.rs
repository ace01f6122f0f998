//! Pure: a text becomes the one key that signs, or the reason why not.
//!
//! The text is PEM, a JWK, a JWK Set or the JSON of a Google service account. No message quotes the text.

use super::{
    algorithm::SigningAlgorithm,
    jwk::{self, Jwk, PUBLIC_KEY},
    key_pair::{KINDS, KeyPair},
    private_key,
};
use crate::{error::Error, json::Object, pem, secret::Secret};
use rustls::pki_types::pem::SectionKind;
use std::{fmt, hint::black_box};
use zeroize::Zeroizing;

/// What is wrong with text or bytes that are no key at all.
pub(crate) const NEITHER_PEM_NOR_JSON: &str = "it is neither PEM nor JSON: convert it with openssl pkey";

/// One key, ready to sign.
pub(crate) struct SigningKey {
    pair: KeyPair,
    id: Option<String>,
    /// The algorithm that the key itself names.
    algorithm: Option<SigningAlgorithm>,
    client_email: Option<String>,
}

impl SigningKey {
    /// Reads the key. `id` chooses in a JWK Set, and goes before the key's own id. `wanted` goes before its own algorithm.
    /// An error completes "option signing_key_file: PATH: …".
    pub(crate) fn read(text: &str, id: Option<&str>, wanted: Option<SigningAlgorithm>) -> Result<Self, String> {
        let key = wiping_the_stack(|| Self::of_text(text, id, wanted))?;
        Ok(Self { id: id.map(str::to_owned).or(key.id), ..key })
    }

    fn of_text(text: &str, id: Option<&str>, wanted: Option<SigningAlgorithm>) -> Result<Self, String> {
        if text.starts_with('\u{feff}') {
            return Err("it begins with a byte order mark: save it without one".into());
        }
        let text = text.trim_start();
        if text.starts_with('{') {
            Self::of_json(text, id, wanted)
        } else if text.contains("-----BEGIN ") {
            Ok(Self { pair: of_pem(text)?, id: None, algorithm: None, client_email: None })
        } else {
            Err(NEITHER_PEM_NOR_JSON.into())
        }
    }

    /// Returns the key of an HMAC: the octets of the secret (OpenID Connect Core §10.1).
    pub(crate) fn of_secret(secret: &Secret, id: Option<&str>) -> Self {
        let id = id.map(str::to_owned);
        Self { pair: KeyPair::Secret(secret.clone()), id, algorithm: None, client_email: None }
    }

    fn of_json(text: &str, id: Option<&str>, wanted: Option<SigningAlgorithm>) -> Result<Self, String> {
        let object = Object::read(text).map_err(jwk::broken)?;
        let kind = object.text("type");
        if object.get("kty").is_none() && object.get("keys").is_none() && kind.is_some() {
            return match kind.as_ref().map(|kind| kind.as_str()) {
                Some("service_account") => Self::of_service_account(&object),
                _ => Err("it is no key of a Google service account, whose type is service_account: create one".into()),
            };
        }
        let Jwk { pair, id, algorithm } = match object.get("keys") {
            Some(keys) if object.get("kty").is_none() => jwk::choose(keys, id, wanted)?,
            None if object.get("kty").is_none() => {
                return Err("it is JSON, but no JWK, no JWK Set and no key of a Google service account".into());
            }
            _ => jwk::read(&object, wanted)?,
        };
        Ok(Self { pair, id, algorithm, client_email: None })
    }

    /// Reads what Google's console saves. Its URLs are ignored, since a file of credentials must not say where a credential
    /// is sent.
    fn of_service_account(object: &Object<'_>) -> Result<Self, String> {
        let text = |name| object.text(name).map(|text| text.to_string());
        let key = object.text("private_key").ok_or("it lacks private_key: download the key again")?;
        if !key.contains("-----BEGIN ") {
            return Err("its private_key is not PEM: download the key again".into());
        }
        let pair = of_pem(key.trim_start())?;
        Ok(Self { pair, id: text("private_key_id"), algorithm: None, client_email: text("client_email") })
    }

    /// Returns the algorithm to sign with: `wanted`, else that of the key itself, else the default of its kind. An error is
    /// complete. `named_by` is the option that named the key.
    pub(crate) fn algorithm(
        &self,
        wanted: Option<SigningAlgorithm>,
        named_by: &str,
    ) -> Result<SigningAlgorithm, String> {
        let possible = self.pair.algorithms();
        let algorithm = wanted.or(self.algorithm).unwrap_or(possible[0]);
        if !possible.contains(&algorithm) {
            let (holds, kind) = (if self.is_secret() { "is" } else { "holds" }, self.pair.kind());
            let (word, possible) = (algorithm.word(), self.pair.listed_algorithms());
            return Err(format!(
                "signing_algorithm={word} does not fit: {named_by} {holds} {kind}, which signs {possible}"
            ));
        }
        let KeyPair::Secret(secret) = &self.pair else { return Ok(algorithm) };
        let length = secret.expose().len();
        if length >= hash_length(algorithm) {
            return Ok(algorithm);
        }
        let longest = possible.iter().rev().find(|algorithm| hash_length(**algorithm) <= length);
        let advice = longest.map(|algorithm| format!("set signing_algorithm={}", algorithm.word()));
        let advice = advice.unwrap_or_else(|| "the server must issue a longer one".into());
        let (word, needed) = (algorithm.word(), hash_length(algorithm));
        Err(format!("{word} needs a secret of {needed} bytes; this one has {length}: {advice}"))
    }

    /// Returns the header `kid`.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the service account that the key belongs to.
    pub(crate) fn client_email(&self) -> Option<&str> {
        self.client_email.as_deref()
    }

    /// Returns whether servers often want the header `kid` with such a key.
    pub(crate) fn wants_key_id(&self) -> bool {
        matches!(self.pair, KeyPair::Rsa(_) | KeyPair::Elliptic(..))
    }

    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.pair, KeyPair::Secret(_))
    }

    /// Returns the public key as a certificate holds it. Returns None for a shared secret.
    pub(super) fn public_key(&self) -> Option<&[u8]> {
        self.pair.public_key()
    }

    /// Signs a message. The algorithm must be one that [`algorithm`](Self::algorithm) returned.
    pub(crate) fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        wiping_the_stack(|| self.pair.sign(algorithm, message))
    }
}

/// Runs `work`, then overwrites the part of the stack that it used: ring leaves numbers of the key there.
fn wiping_the_stack<T>(work: impl FnOnce() -> T) -> T {
    // Deeper than ring goes, and a quarter of the stack that a caller must have.
    const DEPTH: usize = 32 << 10;
    #[inline(never)]
    fn overwrite() {
        black_box(&mut [0_u8; DEPTH]);
    }
    #[inline(never)]
    fn run<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    let result = run(work);
    overwrite();
    result
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kind", &self.pair.kind()).field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key for an HMAC must be as long as the hash (RFC 7518 §3.2).
fn hash_length(algorithm: SigningAlgorithm) -> usize {
    use SigningAlgorithm as A;
    match algorithm {
        A::Hs512 => 64,
        A::Hs384 => 48,
        A::Hs256 => 32,
        A::Rs256 | A::Rs384 | A::Rs512 | A::Ps256 | A::Ps384 | A::Ps512 => 0,
        A::Es256 | A::Es384 | A::EdDsa | A::Ed25519 => 0,
    }
}

fn of_pem(text: &str) -> Result<KeyPair, String> {
    // A variable of an environment often keeps a key in one line.
    let one_line = text.contains("\\n").then(|| Zeroizing::new(text.replace("\\n", "\n")));
    let text = one_line.as_ref().map_or(text, |text| text.as_str());
    let labels: Vec<&str> = pem::labels(text).collect();
    let private: Vec<&str> = labels.iter().copied().filter(|label| label.ends_with("PRIVATE KEY")).collect();
    match private[..] {
        [] => Err(without_private_key(&labels)),
        ["OPENSSH PRIVATE KEY"] => Err("it is an OpenSSH key: write it again with ssh-keygen -p -m PKCS8".into()),
        [label] if label.contains("ENCRYPTED") || text.contains("Proc-Type: 4,ENCRYPTED") => {
            Err(format!("it {}", pem::ENCRYPTED))
        }
        [label] => {
            for section in pem::sections(text) {
                let (kind, der) = section?;
                match kind {
                    SectionKind::PrivateKey => return private_key::of_pkcs8(&der),
                    SectionKind::RsaPrivateKey => return private_key::of_pkcs1(&der),
                    SectionKind::EcPrivateKey => return private_key::of_sec1(&der),
                    _ => {}
                }
            }
            Err(match label {
                "RSA-PSS PRIVATE KEY" => private_key::RSASSA_PSS_ONLY.into(),
                _ => format!("it is a key of another kind: {KINDS}"),
            })
        }
        [_, _] => Err("it holds two private keys: keep only one".into()),
        _ => Err("it holds several private keys: keep only one".into()),
    }
}

fn without_private_key(labels: &[&str]) -> String {
    let has = |kinds: &[&str]| labels.iter().any(|label| kinds.contains(label));
    if has(&["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"]) {
        "it holds a certificate and no private key".into()
    } else if has(&["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]) {
        "it holds a certificate request and no private key".into()
    } else if has(&["PUBLIC KEY", "RSA PUBLIC KEY"]) {
        PUBLIC_KEY.into()
    } else if labels.is_empty() {
        format!("it {}", pem::BROKEN)
    } else {
        "it holds no private key: it must be PEM, with a line that says BEGIN PRIVATE KEY".into()
    }
}

#[cfg(test)]
mod tests;
