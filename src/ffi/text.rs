//! Strings and numbers from C: checked here, once, so that the core sees only `&str` and `Duration`.
//!
//! It must not know the options.

use super::boundary;
use crate::{Error, ErrorKind, duration::TEN_YEARS};
use std::{
    ffi::{CStr, c_char},
    time::Duration,
};

/// # Safety
/// `text` is NULL or ends with a NUL, and does not change while the result is in use.
pub(super) unsafe fn required<'a>(argument: &str, text: *const c_char) -> Result<&'a str, Error> {
    // SAFETY: as the caller promised.
    unsafe { optional(argument, text) }?.ok_or_else(|| boundary::null_argument(argument))
}

/// # Safety
/// As for [`required`].
pub(super) unsafe fn optional<'a>(argument: &str, text: *const c_char) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and ends with a NUL as the caller promised.
    let text = unsafe { CStr::from_ptr(text) };
    let not_utf8 = |_| Error::new(ErrorKind::InvalidArgument, format!("the argument `{argument}` is not UTF-8"));
    text.to_str().map(Some).map_err(not_utf8)
}

/// Returns a number of seconds as a duration: 0 for a negative number or NaN, and at most ten years.
pub(super) fn seconds(seconds: f64) -> Duration {
    if seconds > 0.0 { Duration::from_secs_f64(seconds.min(TEN_YEARS.as_secs_f64())) } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_is_not_utf8_is_rejected_with_the_name_of_its_argument() {
        let read = |text: &CStr| unsafe { required("value", text.as_ptr()).map(str::to_owned) };
        assert_eq!(read(c"").unwrap(), "");
        assert_eq!(read(c"p\xc3\xa9").unwrap(), "pé");
        let error = read(c"p\xe9").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.message(), "the argument `value` is not UTF-8");
    }

    #[test]
    fn null_is_rejected_only_where_a_string_is_required() {
        assert_eq!(unsafe { optional("value", std::ptr::null()) }.unwrap(), None);
        let error = unsafe { required("name", std::ptr::null()) }.unwrap_err();
        assert_eq!(error.message(), "the argument `name` is NULL");
    }

    #[test]
    fn every_number_of_seconds_becomes_a_duration() {
        for zero in [f64::NAN, f64::NEG_INFINITY, -1.0, -0.0, 0.0] {
            assert_eq!(seconds(zero), Duration::ZERO);
        }
        assert_eq!(seconds(0.25), Duration::from_millis(250));
        for long in [TEN_YEARS.as_secs_f64(), 1e300, f64::INFINITY] {
            assert_eq!(seconds(long), Duration::from_secs(315_576_000));
        }
    }
}
