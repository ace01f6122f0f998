//! Text with a NUL after it, so that C reads the bytes that Rust reads.
//!
//! It must not hold a secret: it prints, and is not wiped. Text that must not be seen is a [`Secret`](crate::secret::Secret).

use std::{borrow::Cow, fmt};

/// Text that is no secret, kept with a NUL for C.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CText(Cow<'static, str>);

impl CText {
    /// C reads a text only up to the first NUL in it.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.push('\0');
        Self(Cow::Owned(text))
    }

    /// Takes a text that has its NUL already, as `concat!(…, "\0")` makes it.
    pub(crate) const fn from_static(text: &'static str) -> Self {
        assert!(matches!(text.as_bytes(), [.., 0]), "one NUL, at the end");
        Self(Cow::Borrowed(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0[..self.0.len() - 1]
    }

    /// Returns where C reads the text: valid as long as this value.
    #[cfg(any(feature = "capi", test))]
    pub(crate) fn as_ptr(&self) -> *const std::ffi::c_char {
        self.0.as_ptr().cast()
    }
}

impl fmt::Debug for CText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_and_rust_read_the_same_text() {
        for text in [CText::new(""), CText::new("Größe"), CText::from_static("fixed\0")] {
            assert_eq!(text.0, format!("{}\0", text.as_str()));
            assert_eq!(text.as_ptr(), text.as_str().as_ptr().cast());
        }
        assert_eq!(CText::new("read").as_str(), "read");
        assert_eq!(CText::from_static("fixed\0").as_str(), "fixed");
    }

    #[test]
    fn it_prints_without_its_nul() {
        assert_eq!(format!("{:?}", Some(CText::new("read"))), "Some(\"read\")");
    }
}
