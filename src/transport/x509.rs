//! Pure: finds the parts of a certificate (RFC 5280 §4.1), of any version, which webpki reads of version 3 only.
//!
//! It must not decide whether a certificate is to be trusted.

/// The parts of a certificate.
pub(super) struct Certificate<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    /// The SubjectPublicKeyInfo without its tag and length.
    public_key: &'a [u8],
    extensions: Option<&'a [u8]>,
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const BOOLEAN: u8 = 0x01;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// 2.5.29.37 and 1.3.6.1.5.5.7.3.1.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

impl<'a> Certificate<'a> {
    /// Returns None if the bytes are no certificate in DER.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
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
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Returns whether the certificate may be used by a server: without the extension that limits its use, or with serverAuth
    /// in it.
    pub(super) fn is_for_servers(&self) -> bool {
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
    pub(super) fn has_key(&self, public_key: &[u8]) -> bool {
        let other = Reader(public_key).take(SEQUENCE).and_then(key_bits);
        match (key_bits(self.public_key), other) {
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

/// The rest of a sequence of elements.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Returns the content of the next element if it has this tag. Otherwise the element stays.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.0.first() != Some(&tag) {
            return None;
        }
        self.next().map(|(_, content)| content)
    }

    /// Returns tag and content of the next element. Returns None if there is none, or its length does not fit.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            length @ 0..=0x7f => (usize::from(length), rest),
            long @ 0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            // No length, or one of more bytes than any file has.
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
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
