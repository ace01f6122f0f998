//! Pure: PEM (RFC 7468), in which certificates and keys are stored.
//!
//! It must not know what a key is for. Its contents are wiped.

use rustls::pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

/// What completes "the file … " if its PEM cannot be read.
pub(crate) const BROKEN: &str = "is broken PEM: copy it again or replace it";
/// The same for a key with a passphrase.
pub(crate) const ENCRYPTED: &str =
    "is encrypted, and there is no option for a passphrase: decrypt it with `openssl pkey`";

/// Returns the sections of the kinds that rustls knows. An error stands for a section that is broken.
pub(crate) fn sections(text: &str) -> impl Iterator<Item = Result<(SectionKind, Zeroizing<Vec<u8>>), String>> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes());
    sections.map(|section| match section {
        Ok((kind, der)) => Ok((kind, Zeroizing::new(der))),
        Err(_) => Err(format!("it {BROKEN}")),
    })
}

/// Returns what the sections say that they are, such as `PRIVATE KEY`. A section needs no end to be among them.
pub(crate) fn labels(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split(['\n', '\r']);
    lines.filter_map(|line| line.strip_prefix("-----BEGIN ")?.split_once("-----")).map(|(label, _)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_labels_are_found_between_other_text() {
        let text = "Bag Attributes\r\n-----BEGIN CERTIFICATE-----\r\nAQID\r\n-----END CERTIFICATE-----\r\n\
                    -----BEGIN DH PARAMETERS-----\nAQ==\n-----END DH PARAMETERS-----\n\
                    -----BEGIN PRIVATE KEY-----\nBAUG\n-----END PRIVATE KEY-----";
        let found: Vec<_> = sections(text).map(|section| section.map(|(kind, der)| (kind, der.to_vec()))).collect();
        let expected = [(SectionKind::Certificate, vec![1, 2, 3]), (SectionKind::PrivateKey, vec![4, 5, 6])];
        assert_eq!(found, expected.map(Ok));
        assert_eq!(labels(text).collect::<Vec<_>>(), ["CERTIFICATE", "DH PARAMETERS", "PRIVATE KEY"]);
    }

    #[test]
    fn a_section_that_is_broken_is_an_error() {
        for broken in [
            "-----BEGIN PRIVATE KEY-----\nAQID\n",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY----- AQID -----END PRIVATE KEY-----",
        ] {
            assert_eq!(sections(broken).next().unwrap().unwrap_err(), format!("it {BROKEN}"), "{broken}");
            assert_eq!(labels(broken).collect::<Vec<_>>(), ["PRIVATE KEY"]);
        }
    }
}
