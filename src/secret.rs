//! Text that must not be seen: it prints as `[redacted]`, is wiped when dropped and has one door, [`Secret::expose`].
//!
//! Every secret, token and Basic value of the library lives in this type. It may not grow a second way out: whoever
//! audits the library greps for `expose`.

use std::fmt;
use zeroize::Zeroizing;

/// Secret text, kept with a NUL after it so that a C caller can be handed the very same bytes.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<Box<str>>);

impl Secret {
    /// Takes the text over. The caller's own copy, if it kept one, is the caller's to wipe.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        let mut kept = String::with_capacity(text.len() + 1);
        kept.push_str(&text);
        kept.push('\0');
        Self(Zeroizing::new(kept.into_boxed_str()))
    }

    /// The text itself. The only way to read it.
    pub(crate) fn expose(&self) -> &str {
        &self.0[..self.0.len() - 1]
    }

    /// The text and the NUL that follows it, for a reader that needs both.
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
    fn has_one_door() {
        let secret = Secret::new("hunter2");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(secret.expose_with_nul(), "hunter2\0");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "[redacted] [redacted] Some([redacted])");
    }

    #[test]
    fn may_be_empty() {
        assert_eq!(Secret::new("").expose(), "");
        assert_eq!(Secret::new("").expose_with_nul(), "\0");
    }
}
