//! Text that must not be seen: it prints as `[redacted]`, is wiped when dropped and has one way out, [`Secret::expose`].
//!
//! Every secret, token and Basic value of the library is a `Secret`, and nothing else is: an audit reads each `expose`.
//! This file must not offer a second way out. Text for C that is no secret is a [`CText`](crate::c_text::CText).

use std::fmt;
use zeroize::Zeroizing;

/// Secret text, kept with a NUL after it, so that C reads the same bytes and no copy is made.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<Box<str>>);

impl Secret {
    /// Copies the text and wipes the argument. A copy that the caller keeps is the caller's to wipe.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        let mut kept = String::with_capacity(text.len() + 1);
        kept.push_str(&text);
        kept.push('\0');
        Self(Zeroizing::new(kept.into_boxed_str()))
    }

    /// Returns the text. This is the only way to read it.
    pub(crate) fn expose(&self) -> &str {
        &self.0[..self.0.len() - 1]
    }

    /// Returns the SHA-256 of the text, by which it is known again.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.expose().as_bytes());
        digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
    }

    /// Returns the text with the NUL that follows it.
    #[cfg(any(feature = "capi", test))]
    pub(crate) fn expose_with_nul(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_one_way_out() {
        let secret = Secret::new("hunter2");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(secret.expose_with_nul(), "hunter2\0");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "[redacted] [redacted] Some([redacted])");
    }

    #[test]
    fn a_secret_may_be_empty() {
        assert_eq!(Secret::new("").expose(), "");
        assert_eq!(Secret::new("").expose_with_nul(), "\0");
    }
}
