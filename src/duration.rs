//! Spans of time: nanoseconds for arithmetic, and seconds as text.
//!
//! Pure, and the ground floor: it must not read a clock nor import another file of the crate.

use std::time::Duration;

/// Nanoseconds on a clock whose zero only that clock knows; or a span between two readings of one clock.
pub(crate) type Nanos = i64;

pub(crate) const SECOND: Nanos = 1_000_000_000;

/// The longest duration that an option or a server may name: ten years of 365.25 days.
pub(crate) const TEN_YEARS: Duration = Duration::from_secs(315_576_000);

/// Returns a span in nanoseconds; the largest [`Nanos`] if it is longer than that (292 years).
pub(crate) fn nanos(span: Duration) -> Nanos {
    Nanos::try_from(span.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Returns a number of nanoseconds as a `Duration`; zero if it is negative.
pub(crate) fn duration(span: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(span).unwrap_or(0))
}

/// Parses seconds written as digits, or as digits, a point and digits: exact to the nanosecond, finer digits are cut off.
/// Returns None for any other text, and `Duration::MAX` for more whole seconds than a `Duration` holds.
///
/// A float in between would accept `inf`, `NaN` and `1e400`, on which `Duration` panics.
pub(crate) fn parse_seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    // Digits fail to parse only where they are too many.
    let Ok(whole) = whole.parse() else { return Some(Duration::MAX) };
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    Some(Duration::new(whole, nanos))
}

/// Parses the value of an option that takes seconds. Returns what is wrong with it, to stand after the value.
pub(crate) fn seconds(text: &str) -> Result<Duration, &'static str> {
    match parse_seconds(text) {
        None => Err("is not a plain decimal number of seconds"),
        Some(span) if span > TEN_YEARS => Err("is above 10 years"),
        Some(span) => Ok(span),
    }
}

/// Returns a span as [`parse_seconds`] reads it: every digit, and none that a float would add.
pub(crate) fn in_seconds(span: Duration) -> String {
    let text = format!("{}.{:09}", span.as_secs(), span.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_convert_at_their_ends() {
        assert_eq!(nanos(Duration::MAX), Nanos::MAX);
        assert_eq!(duration(-1), Duration::ZERO);
        assert_eq!(duration(nanos(Duration::from_nanos(17))), Duration::from_nanos(17));
    }

    #[test]
    fn seconds_are_read_to_the_nanosecond() {
        let read = [
            ("0", Duration::ZERO),
            ("30", Duration::from_secs(30)),
            ("0030.0", Duration::from_secs(30)),
            ("0.1", Duration::from_millis(100)),
            ("2.000000001", Duration::new(2, 1)),
            ("2.0000000019", Duration::new(2, 1)),
            ("2.999999999999999999999999", Duration::new(2, 999_999_999)),
            ("315576000", TEN_YEARS),
            ("315576000.0000000009", TEN_YEARS),
        ];
        for (text, span) in read {
            assert_eq!(seconds(text), Ok(span), "{text}");
        }
        assert_eq!(TEN_YEARS.as_secs() * 4, 10 * (4 * 365 + 1) * 86400);
    }

    #[test]
    fn a_number_of_any_length_is_parsed_without_overflow() {
        assert_eq!(parse_seconds("18446744073709551615.999999999"), Some(Duration::MAX));
        assert_eq!(parse_seconds("18446744073709551616"), Some(Duration::MAX));
        assert_eq!(parse_seconds(&"9".repeat(400)), Some(Duration::MAX));
        assert_eq!(parse_seconds(&format!("0.{}", "9".repeat(400))), Some(Duration::new(0, 999_999_999)));
    }

    #[test]
    fn seconds_are_shown_as_they_were_written() {
        for text in ["0", "30", "100", "0.1", "1.118", "2.5", "0.000001", "2.000000001", "315575999.999999999"] {
            assert_eq!(in_seconds(seconds(text).unwrap()), text);
        }
    }
}
