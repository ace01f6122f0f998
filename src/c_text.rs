//! Text with a NUL after it, so that C reads the bytes that Rust reads; and constant texts, joined when compiled.
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

    /// Takes a text that ends with its NUL.
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

/// Joins constant texts, where `concat!` takes only literals.
macro_rules! const_join {
    ($texts:expr, $separator:expr) => {{
        const TEXTS: &[&str] = $texts;
        const BYTES: [u8; $crate::c_text::joined_length(TEXTS, $separator)] = $crate::c_text::join(TEXTS, $separator);
        match std::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => panic!("texts in a row are text"),
        }
    }};
}
pub(crate) use const_join;

/// For [`const_join`].
pub(crate) const fn joined_length(texts: &[&str], separator: &str) -> usize {
    let mut length = 0;
    let mut text = 0;
    while text < texts.len() {
        length += texts[text].len() + if text > 0 { separator.len() } else { 0 };
        text += 1;
    }
    length
}

/// For [`const_join`].
pub(crate) const fn join<const LENGTH: usize>(texts: &[&str], separator: &str) -> [u8; LENGTH] {
    let mut joined = [0; LENGTH];
    let mut end = 0;
    let mut text = 0;
    while text < texts.len() {
        if text > 0 {
            end = append(&mut joined, end, separator);
        }
        end = append(&mut joined, end, texts[text]);
        text += 1;
    }
    joined
}

const fn append(joined: &mut [u8], at: usize, text: &str) -> usize {
    let (_, rest) = joined.split_at_mut(at);
    let (place, _) = rest.split_at_mut(text.len());
    place.copy_from_slice(text.as_bytes());
    at + text.len()
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
    fn constant_texts_are_joined_when_compiled() {
        const ONE: &str = "é";
        const JOINED: &str = const_join!(&[ONE, "", "b"], " | ");
        assert_eq!(JOINED, "é |  | b");
        assert_eq!(const_join!(&[], " | "), "");
    }

    #[test]
    fn it_prints_without_its_nul() {
        assert_eq!(format!("{:?}", Some(CText::new("read"))), "Some(\"read\")");
    }
}
