//! Pure: the certificate of a signing key, as the header of a signature names it (RFC 7515 §4.1.6 to 4.1.8).
//!
//! It must not judge a certificate: a server compares it with the one that is registered.

use super::{algorithm::SigningCertHeader, signing_key::SigningKey};
use crate::{pem, x509::Certificate};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls::pki_types::pem::SectionKind;
use serde_json::Value;

/// A certificate with those that lead to its authority.
#[derive(Debug)]
pub(crate) struct SigningCertificate {
    /// In DER. The first is that of the key.
    chain: Vec<Vec<u8>>,
}

impl SigningCertificate {
    /// Reads PEM, which may hold the key too. An error completes "option signing_cert_file: PATH: …".
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut chain = Vec::new();
        for section in pem::sections(text) {
            let (kind, der) = section?;
            if kind == SectionKind::Certificate {
                Certificate::parse(&der).ok_or("it holds a certificate that cannot be read: replace it")?;
                chain.push(der.to_vec());
            }
        }
        match chain.is_empty() {
            true => Err("it holds no certificate: it must be PEM, with lines that say BEGIN CERTIFICATE".into()),
            false => Ok(Self { chain }),
        }
    }

    /// Returns the name and the value of the header.
    pub(crate) fn header(&self, header: SigningCertHeader) -> (&'static str, Value) {
        let hash =
            |algorithm: &'static Algorithm| Value::from(BASE64_URL_SAFE_NO_PAD.encode(digest(algorithm, self.leaf())));
        let value = match header {
            SigningCertHeader::X5tS256 => hash(&SHA256),
            SigningCertHeader::X5t => hash(&SHA1_FOR_LEGACY_USE_ONLY),
            SigningCertHeader::X5c => self.chain.iter().map(|der| Value::from(BASE64_STANDARD.encode(der))).collect(),
        };
        (header.word(), value)
    }

    /// Returns whether this is the certificate of the key.
    pub(crate) fn fits(&self, key: &SigningKey) -> bool {
        let certificate = Certificate::parse(self.leaf());
        certificate.zip(key.public_key()).is_some_and(|(certificate, public_key)| certificate.has_key_bits(public_key))
    }

    fn leaf(&self) -> &[u8] {
        &self.chain[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        jose::tests::{file, key},
        secret::Secret,
    };

    fn certificate(name: &str) -> SigningCertificate {
        SigningCertificate::read(&file(name)).unwrap()
    }

    #[test]
    fn a_certificate_fits_its_own_key_in_each_form() {
        for (name, keys) in [
            ("rsa-2048-certificate.pem", &["rsa-2048.pem", "rsa-2048-pkcs1.pem", "rsa-2048.jwk.json"][..]),
            ("p256-certificate.pem", &["p256.pem", "p256-sec1.pem", "p256.jwk.json"]),
            ("p384-certificate.pem", &["p384.pem"]),
            ("ed25519-certificate.pem", &["ed25519.pem", "ed25519.jwk.json"]),
        ] {
            let certificate = certificate(name);
            assert!(keys.iter().all(|name| certificate.fits(&key(name))), "{name}");
            assert!(!certificate.fits(&key("rsa-4096.pem")));
            assert!(!certificate.fits(&SigningKey::of_secret(&Secret::new(""), None)));
        }
        // The first certificate is that of the key, also where the key is in the same file.
        let (own, other, its_key) = (file("p256-certificate.pem"), file("p384-certificate.pem"), file("p256.pem"));
        let read = |text: String| SigningCertificate::read(&text).unwrap();
        assert!(read(format!("{its_key}{own}{other}")).fits(&key("p256.pem")));
        assert!(!read(format!("{other}{own}")).fits(&key("p256.pem")));
    }

    /// The hashes are what `openssl x509 -outform DER | openssl dgst -binary | basenc --base64url` prints.
    #[test]
    fn the_header_names_the_certificate_in_three_ways() {
        let chain = format!("{}{}", file("p256-certificate.pem"), file("p384-certificate.pem"));
        let chain = SigningCertificate::read(&chain).unwrap();
        assert_eq!(chain.header(SigningCertHeader::X5tS256), ("x5t#S256", X5T_S256.into()));
        assert_eq!(chain.header(SigningCertHeader::X5t), ("x5t", X5T.into()));
        let base64 = |name: &str| file(name).lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let expected = ["p256-certificate.pem", "p384-certificate.pem"].map(base64);
        assert_eq!(chain.header(SigningCertHeader::X5c), ("x5c", expected.to_vec().into()));
    }

    #[test]
    fn a_file_without_a_usable_certificate_is_refused() {
        let read = |text: &str| SigningCertificate::read(text).unwrap_err();
        let none = "it holds no certificate: it must be PEM, with lines that say BEGIN CERTIFICATE";
        assert_eq!(read(&file("p256.pem")), none);
        assert_eq!(read(""), none);
        let broken = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        assert_eq!(read(broken), "it holds a certificate that cannot be read: replace it");
        let own = file("p256-certificate.pem");
        assert_eq!(read(&own[..own.len() / 2]), "it is broken PEM: copy it again or replace it");
    }

    const X5T_S256: &str = "F-5ny8ZdvhQojsZ1ZrgbNiiaaeboiOpHeFwWYSDdGYg";
    const X5T: &str = "2tljIaAqnHQEQHGDhkIgipn5_FY";
}
