//! Pure: finds the parts of a certificate (RFC 5280 §4.1), of any version, which webpki reads of version 3 only.
//!
//! It must not decide whether a certificate is to be trusted.

use crate::der::{BIT_STRING, BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE};

/// The parts of a certificate.
pub(crate) struct Certificate<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    /// The SubjectPublicKeyInfo without its tag and length.
    public_key: &'a [u8],
    extensions: Option<&'a [u8]>,
}

const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// 2.5.29.37 and 1.3.6.1.5.5.7.3.1.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

impl<'a> Certificate<'a> {
    /// Returns None if the bytes are no certificate in DER.
    pub(crate) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut whole = Reader(der);
        let mut certificate = Reader(whole.take(SEQUENCE)?);
        let mut signed = Reader(certificate.take(SEQUENCE)?);
        let _algorithm = certificate.take(SEQUENCE)?;
        let _signature = certificate.take(BIT_STRING)?;
        let _version = signed.take(VERSION);
        let _serial = signed.take(INTEGER)?;
        let _algorithm = signed.take(SEQUENCE)?;
        let issuer = signed.take(SEQUENCE)?;
        let _validity = signed.take(SEQUENCE)?;
        let subject = signed.take(SEQUENCE)?;
        let public_key = signed.take(SEQUENCE)?;
        key_bits(public_key)?;
        let mut extensions = None;
        // Between the key and the extensions, version 2 has two unique identifiers.
        while let Some((tag, content)) = signed.next() {
            if tag == EXTENSIONS {
                extensions = Some(Reader(content).take(SEQUENCE)?);
            }
        }
        let is_whole = whole.0.is_empty() && certificate.0.is_empty() && signed.0.is_empty();
        is_whole.then_some(Self { issuer, subject, public_key, extensions })
    }

    /// Returns whether issuer and subject are the same, as in a self-signed certificate.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Returns whether the certificate may be used by a server: without the extension that limits its use, or with serverAuth
    /// in it.
    pub(crate) fn is_for_servers(&self) -> bool {
        let mut extensions = Reader(self.extensions.unwrap_or_default());
        while let Some((_, extension)) = extensions.next() {
            let mut extension = Reader(extension);
            if extension.take(OBJECT_IDENTIFIER) != Some(EXTENDED_KEY_USAGE) {
                continue;
            }
            let _critical = extension.take(BOOLEAN);
            let usages = extension.take(OCTET_STRING).and_then(|value| Reader(value).take(SEQUENCE));
            let mut usages = Reader(usages.unwrap_or_default());
            return std::iter::from_fn(|| usages.next()).any(|usage| usage == (OBJECT_IDENTIFIER, SERVER_AUTH));
        }
        true
    }

    /// Returns whether the certificate is for this public key, which is a SubjectPublicKeyInfo in DER. Only the key itself
    /// counts: two names of an algorithm, such as RSA and RSA-PSS, may mean the same key.
    pub(crate) fn has_key(&self, public_key: &[u8]) -> bool {
        self.is_for(Reader(public_key).take(SEQUENCE).and_then(key_bits))
    }

    /// Does the same for the bits of a key alone, as a key pair returns them.
    pub(crate) fn has_key_bits(&self, bits: &[u8]) -> bool {
        self.is_for(Some(bits))
    }

    fn is_for(&self, key: Option<&[u8]>) -> bool {
        match (key_bits(self.public_key), key) {
            // The point of an elliptic curve may be given by one coordinate and the parity of the other (SEC 1 §2.3.3).
            (Some([parity @ (2 | 3), x @ ..]), Some([4, point @ ..])) if point.len() == 2 * x.len() => {
                point.starts_with(x) && point.last().is_some_and(|last| last & 1 == parity & 1)
            }
            (ours, theirs) => ours == theirs,
        }
    }
}

/// Returns the bits of the key in the content of a SubjectPublicKeyInfo.
fn key_bits(public_key: &[u8]) -> Option<&[u8]> {
    let mut parts = Reader(public_key);
    let _algorithm = parts.take(SEQUENCE)?;
    // The first byte is the number of unused bits.
    parts.take(BIT_STRING)?.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bits)| bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, PublicKeyData};

    fn certificate(key: &KeyPair, usages: &[ExtendedKeyUsagePurpose]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.extended_key_usages = usages.to_vec();
        params.self_signed(key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_is_for_its_own_key_only() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let der = certificate(&key, &[]);
        let certificate = Certificate::parse(&der).unwrap();
        assert!(certificate.is_self_issued());
        assert!(certificate.has_key(&key.subject_public_key_info()));
        assert!(!certificate.has_key(&other.subject_public_key_info()));
        assert!(!certificate.has_key(b""));
    }

    #[test]
    fn a_compressed_point_is_the_same_key() {
        let info = |bits: &[u8]| {
            [&[SEQUENCE, bits.len() as u8 + 5, SEQUENCE, 0, BIT_STRING, bits.len() as u8 + 1, 0], bits].concat()
        };
        for (compressed, same) in [([2, 7, 8], true), ([3, 7, 8], false), ([2, 7, 9], false)] {
            let compressed = info(&compressed);
            let certificate = Certificate { issuer: b"", subject: b"", public_key: &compressed[2..], extensions: None };
            assert_eq!(certificate.has_key(&info(&[4, 7, 8, 1, 2])), same);
        }
    }

    #[test]
    fn a_certificate_may_be_limited_to_other_uses() {
        use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
        let key = KeyPair::generate().unwrap();
        for (usages, for_servers) in [
            (&[][..], true),
            (&[ServerAuth], true),
            (&[ClientAuth, ServerAuth], true),
            (&[ClientAuth], false),
            (&[Any], false),
        ] {
            let der = certificate(&key, usages);
            assert_eq!(Certificate::parse(&der).unwrap().is_for_servers(), for_servers, "{usages:?}");
        }
    }

    #[test]
    fn cut_or_extended_bytes_are_no_certificate() {
        let der = certificate(&KeyPair::generate().unwrap(), &[]);
        assert!(Certificate::parse(&der).is_some());
        for length in 0..der.len() {
            assert!(Certificate::parse(&der[..length]).is_none(), "{length}");
        }
        assert!(Certificate::parse(&[der.as_slice(), b"x"].concat()).is_none());
        for nonsense in
            [&[0x30, 0x80][..], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x85, 0, 0, 0, 0, 0], &[0; 3]]
        {
            assert!(Certificate::parse(nonsense).is_none());
        }
    }
}
