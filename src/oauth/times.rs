//! Pure: the lifetimes and dates in a response.
//!
//! `now` is Unix time and a parameter, for this file must not read a clock. No span is longer than ten years.

use crate::{
    duration::{TEN_YEARS, parse_seconds},
    oauth::json::{self, Object},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::value::RawValue;
use std::{
    str,
    time::{Duration, UNIX_EPOCH},
};
use zeroize::Zeroizing;

/// Which part of a response tells the end of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpirySource {
    /// A span, such as `expires_in`.
    ExpiresIn,
    /// A moment, such as `expires_at`.
    #[allow(dead_code, reason = "no moment is read yet")]
    ExpiresAt,
    /// The claims of a JWT.
    Jwt,
}

/// What a response tells about the end of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatedExpiry {
    /// The token has this time left, above 0 and at most ten years.
    In { left: Duration, told_by: ExpirySource },
    /// The time left is 0 or less.
    Ended { told_by: ExpirySource },
    /// The response tells no end, or none that can be read.
    NotStated,
}

impl StatedExpiry {
    /// Returns the stated end `left` from now.
    fn of(left: Duration, told_by: ExpirySource) -> Self {
        if left.is_zero() { Self::Ended { told_by } } else { Self::In { left, told_by } }
    }
}

/// Returns what `expires_in` tells, as a number or as a string.
pub(crate) fn expires_in(value: &RawValue) -> StatedExpiry {
    let text = json::text(value);
    let number = text.as_ref().map_or(value.get(), |text| text.trim());
    // `true` has an e too. It parses as neither. A string with an exponent is not read.
    let span = match number.strip_prefix('-') {
        Some(number) => span(number, text.is_none()).map(|_| Duration::ZERO),
        None => span(number, text.is_none()),
    };
    span.map_or(StatedExpiry::NotStated, |left| StatedExpiry::of(left, ExpirySource::ExpiresIn))
}

fn span(number: &str, exponent: bool) -> Option<Duration> {
    if exponent && number.contains(['e', 'E']) { float_seconds(number.parse().ok()?) } else { seconds(number) }
}

fn seconds(text: &str) -> Option<Duration> {
    Some(parse_seconds(text)?.min(TEN_YEARS))
}

/// Accepts infinity, and returns None below 0.
fn float_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.min(TEN_YEARS.as_secs_f64())).ok()
}

/// Returns the lifetime that the claims of a JWT name: the smaller of `exp − iat` and `exp − now`. The second counts only
/// up to a day, since the clock may be wrong.
pub(crate) fn jwt_lifetime(token: &str, now: i64) -> Option<Duration> {
    let (exp, iat) = jwt_times(token)?;
    let from_now = Some(exp - now as f64).filter(|left| *left <= 86_400.0);
    let spans = [iat.map(|iat| exp - iat), from_now].into_iter().flatten();
    spans.filter(|span| *span > 0.0).reduce(f64::min).and_then(float_seconds).filter(|span| !span.is_zero())
}

/// Returns how long the claims of a JWT leave it from `now`, or zero if its `exp` is past. Returns None if it has no `exp`.
pub(crate) fn jwt_left(token: &str, now: i64) -> Option<Duration> {
    let (exp, _) = jwt_times(token)?;
    Some(float_seconds(exp - now as f64).unwrap_or_default())
}

/// Returns `exp` and `iat` of a JWT, in Unix time.
fn jwt_times(token: &str) -> Option<(f64, Option<f64>)> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return None;
    };
    let is_base64url = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_base64url(header) || !is_base64url(signature) {
        return None;
    }
    let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload).ok()?);
    let claims = Object::read(str::from_utf8(&payload).ok()?).ok()?;
    let time = |name| claims.get(name)?.get().parse::<f64>().ok();
    Some((time("exp")?, time("iat")))
}

/// Returns the wait that Retry-After asks for, in seconds or as a date. Returns None if the date is past.
pub(crate) fn retry_after(value: &str, now: i64) -> Option<Duration> {
    seconds(value).or_else(|| {
        let left = http_date(value)?.saturating_sub(now);
        Some(Duration::from_secs(u64::try_from(left).ok()?).min(TEN_YEARS))
    })
}

/// Returns an HTTP date (RFC 9110 §5.6.7) as Unix time.
pub(crate) fn http_date(date: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(date).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::response::{
        Grant,
        tests::{NOW, error_of, grant_of, read_response},
    };

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn expires_in_is_read_in_every_spelling() {
        let left = |left| StatedExpiry::In { left, told_by: ExpirySource::ExpiresIn };
        let ten_years = left(Duration::from_secs(315_576_000));
        let millis = |millis| left(Duration::from_millis(millis));
        let (ended, none) = (StatedExpiry::Ended { told_by: ExpirySource::ExpiresIn }, StatedExpiry::NotStated);
        for (written, expiry) in [
            ("1", millis(1000)),
            ("3600", millis(3_600_000)),
            ("3600.0", millis(3_600_000)),
            ("3600.5", millis(3_600_500)),
            ("0.001", millis(1)),
            ("0.000000001", left(Duration::from_nanos(1))),
            ("3599.9999999999", left(Duration::new(3599, 999_999_999))),
            ("3.6e3", millis(3_600_000)),
            ("36E+2", millis(3_600_000)),
            ("\"3600\"", millis(3_600_000)),
            ("\" 3600 \"", millis(3_600_000)),
            ("\"3600.25\"", millis(3_600_250)),
            ("\"\\u0031\"", millis(1000)),
            ("\"0060\"", millis(60_000)),
            // Clamped.
            ("315576000", ten_years),
            ("315576000.000000001", ten_years),
            ("315576001", ten_years),
            ("18446744073709551615", ten_years),
            ("18446744073709551616", ten_years),
            ("99999999999999999999999999999999999999999999999.5", ten_years),
            ("1e308", ten_years),
            ("1e400", ten_years),
            ("\"99999999999999999999999999\"", ten_years),
            // Ended, or not readable.
            ("0", ended),
            ("0.0", ended),
            ("0.0000000001", ended),
            ("1e-400", ended),
            ("0e0", ended),
            ("-0", ended),
            ("-1", ended),
            ("-0.5", ended),
            ("-1e400", ended),
            ("null", none),
            ("true", none),
            ("false", none),
            ("[3600]", none),
            ("{\"e\":1}", none),
            ("\"\"", none),
            ("\" \"", none),
            ("\"0\"", ended),
            ("\"-1\"", ended),
            ("\"+1\"", none),
            ("\"1e3\"", none),
            ("\"1.\"", none),
            ("\".5\"", none),
            ("\"1,5\"", none),
            ("\"1.5.5\"", none),
            ("\"1_000\"", none),
            ("\"0x10\"", none),
            ("\"3600s\"", none),
            ("\"inf\"", none),
            ("\"NaN\"", none),
            ("\"\\u0663\"", none),
            ("\"\\ud800\"", none),
        ] {
            assert_eq!(
                grant_of(&format!(r#"{{"access_token":"T","expires_in":{written}}}"#)).expiry,
                expiry,
                "{written}"
            );
        }
        let digits = "9".repeat(500_000);
        assert_eq!(
            grant_of(&format!(r#"{{"access_token":"T","expires_in":0.{digits}}}"#)).expiry,
            left(Duration::from_nanos(999_999_999))
        );
        assert_eq!(grant_of(&format!(r#"{{"access_token":"T","expires_in":"{digits}"}}"#)).expiry, ten_years);
    }

    fn jwt(claims: &str) -> String {
        format!("eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims))
    }

    fn lifetime(grant: &Grant) -> Option<Duration> {
        match grant.expiry {
            StatedExpiry::In { left, .. } => Some(left),
            StatedExpiry::Ended { .. } | StatedExpiry::NotStated => None,
        }
    }

    fn lifetime_of(body: &str) -> Option<Duration> {
        lifetime(&grant_of(body))
    }

    #[test]
    fn a_jwt_has_the_time_left_that_its_exp_leaves() {
        let left = |left: f64| jwt_left(&jwt(&format!(r#"{{"iat":1,"exp":{}}}"#, NOW as f64 + left)), NOW);
        assert_eq!(left(60.5), Some(Duration::from_millis(60_500)));
        assert_eq!([left(0.0), left(-1.0), left(-1e12)], [Some(Duration::ZERO); 3]);
        assert_eq!(left(1e12), Some(TEN_YEARS));
        assert_eq!([jwt_left(&jwt(r#"{"iat":1}"#), NOW), jwt_left("opaque", NOW)], [None; 2]);
    }

    #[test]
    fn the_claims_of_a_jwt_name_the_lifetime_if_the_response_does_not() {
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        let lives = |left: i64| format!(r#"{{"exp":{}}}"#, NOW + left);
        let issued = |ago: i64, left: i64| format!(r#"{{"iat":{},"exp":{}}}"#, NOW - ago, NOW + left);
        for (claims, lifetime) in [
            (lives(1), seconds(1.0)),
            (lives(86_400), seconds(86_400.0)),
            // More than a day: rather our clock is wrong.
            (lives(86_401), None),
            (lives(0), None),
            (lives(-1), None),
            (issued(0, 3600), seconds(3600.0)),
            (issued(60, 3600), seconds(3600.0)),
            (issued(-60, 3600), seconds(3540.0)),
            (issued(3600, -1), seconds(3599.0)),
            (issued(0, 90_000), seconds(90_000.0)),
            (issued(-3600, 3600), seconds(3600.0)),
            (issued(-3600, -60), None),
            (format!(r#"{{"iat":{NOW},"exp":{NOW}.5}}"#), seconds(0.5)),
            (format!(r#"{{"iat":{NOW},"exp":7.84111877e8}}"#), seconds(100.0)),
            (r#"{"iat":0,"exp":1e400}"#.into(), seconds(315_576_000.0)),
            (r#"{"iat":1e400,"exp":1e400}"#.into(), None),
            (r#"{"iat":-1e400,"exp":1}"#.into(), seconds(315_576_000.0)),
            (r#"{"exp":1e-400,"iat":0}"#.into(), None),
            (r#"{"exp":null}"#.into(), None),
            (format!(r#"{{"exp":"{}"}}"#, NOW + 60), None),
            (format!(r#"{{"exp":[{}]}}"#, NOW + 60), None),
            (format!(r#"{{"iat":"{NOW}","exp":{}}}"#, NOW + 60), seconds(60.0)),
            (format!(r#"{{"exp":{},"exp":{}}}"#, NOW + 60, NOW + 61), None),
            (format!(r#"{{"iat":{NOW}}}"#), None),
            ("{}".into(), None),
            ("[]".into(), None),
            ("not json".into(), None),
            ("".into(), None),
            (format!(r#"{{"exp":{}, "x":{}1{}}}"#, NOW + 60, "[".repeat(30_000 / 3), "]".repeat(30_000 / 3)), None),
        ] {
            let body = format!(r#"{{"access_token":"{}"}}"#, jwt(&claims));
            assert_eq!(lifetime_of(&body), lifetime, "{claims}");
            let with_zero = body.replace('}', r#","expires_in":0}"#);
            assert_eq!(lifetime_of(&with_zero), lifetime, "{claims}");
        }
        let hour = jwt(&lives(3600));
        assert_eq!(lifetime_of(&format!(r#"{{"access_token":"{hour}","expires_in":10}}"#)), seconds(10.0));
        let [header, payload, signature] = hour.split('.').collect::<Vec<_>>()[..] else { panic!() };
        for (token, lifetime) in [
            (format!("{header}.{payload}."), seconds(3600.0)),
            (format!(".{payload}.{signature}"), seconds(3600.0)),
            (format!("{header}.{payload}"), None),
            (format!("{header}.{payload}.{signature}.x"), None),
            (format!("{header}.{payload}=.{signature}"), None),
            (format!("{header}.{payload}.sig+nature"), None),
            (format!("head/er.{payload}.{signature}"), None),
            (format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(b"{\"exp\":\xff}")), None),
            ("..".into(), None),
        ] {
            assert_eq!(lifetime_of(&format!(r#"{{"access_token":"{token}"}}"#)), lifetime, "{token}");
        }
    }

    #[test]
    fn the_date_of_a_response_takes_precedence_over_our_clock() {
        let body = format!(r#"{{"access_token":"{}"}}"#, jwt(&format!(r#"{{"exp":{}}}"#, NOW + 3600)));
        for (headers, left) in [
            (&[][..], 3600),
            (&[("date", DATE)], 3600),
            (&[("date", "Sun, 06 Nov 1994 08:49:38 GMT")], 3599),
            (&[("date", "Sunday, 06-Nov-94 08:48:37 GMT")], 3660),
            (&[("date", "Sun Nov  6 08:48:37 1994")], 3660),
            (&[("date", "now")], 3600),
            (&[("date", "now"), ("date", "Sun, 06 Nov 1994 08:49:38 GMT")], 3599),
            (&[("date", "Thu, 01 Jan 1970 00:00:00 GMT")], 0),
        ] {
            let lifetime = lifetime(&read_response(200, headers, &body).unwrap());
            assert_eq!(lifetime.map_or(0, |left| left.as_secs()), left, "{headers:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_compared_with_the_date_of_the_response() {
        let wait = |seconds| Some(Duration::from_secs(seconds));
        let later = "Sun, 06 Nov 1994 08:50:37 GMT";
        for (headers, expected) in [
            (&[("retry-after", "0")][..], wait(0)),
            (&[("retry-after", "120")], wait(120)),
            (&[("retry-after", " 120 ")], wait(120)),
            (&[("retry-after", "0.5")], Some(Duration::from_millis(500))),
            (&[("retry-after", "86401")], wait(86_401)),
            (&[("retry-after", "99999999999999999999999999")], wait(315_576_000)),
            (&[("retry-after", later)], wait(60)),
            (&[("retry-after", later), ("date", "Sun, 06 Nov 1994 08:50:36 GMT")], wait(1)),
            (&[("retry-after", later), ("date", later)], wait(0)),
            (&[("retry-after", later), ("date", "Sun, 06 Nov 1994 08:50:38 GMT")], None),
            (&[("retry-after", later), ("date", "Thu, 01 Jan 1970 00:00:00 GMT")], wait(315_576_000)),
            (&[("retry-after", "Sunday, 06-Nov-94 08:50:37 GMT")], wait(60)),
            (&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], wait(315_576_000)),
            (&[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "+1")], None),
            (&[("retry-after", "1e3")], None),
            (&[("retry-after", "")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "5, 10")], None),
            (&[("retry-after", "soon"), ("retry-after", "5")], wait(5)),
            (&[("x-retry-after", "5")], None),
        ] {
            for status in [429, 503, 500, 408, 401, 404] {
                assert_eq!(error_of(status, headers, "").server_wait(), expected, "{status} {headers:?}");
            }
        }
        assert_eq!(error_of(200, &[("retry-after", "5")], r#"{"error":"slow_down"}"#).server_wait(), wait(5));
        assert_eq!(error_of(200, &[("retry-after", "5")], "{}").server_wait(), None);
    }
}
