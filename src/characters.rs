//! The character classes of the RFCs, each written once.
//!
//! Pure: it knows only single bytes, and must not know what a text of them means.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// Returns true for RFC 3986's unreserved characters (§2.3), which mean the same percent-encoded and as they are.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// All but the unreserved characters, for `percent_encoding`.
pub(crate) const ALL_BUT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns true for RFC 6749's NQCHAR (appendix A): visible ASCII without `"` and `\`.
pub(crate) fn is_nqchar(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_encode;

    #[test]
    fn the_unreserved_characters_are_those_that_are_not_encoded() {
        for byte in 0..=u8::MAX {
            let encoded = percent_encode(&[byte], ALL_BUT_UNRESERVED).to_string();
            assert_eq!(is_unreserved(byte), encoded.len() == 1, "{byte:#x}");
        }
    }

    #[test]
    fn nqchar_is_as_rfc_6749_writes_it() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_nqchar(byte), matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e), "{byte:#x}");
        }
    }
}
