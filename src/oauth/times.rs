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
    ops::RangeInclusive,
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
        if left.is_zero() { Self::Ended { told_by } } else { Self::In { left: left.min(TEN_YEARS), told_by } }
    }

    /// Returns the end that counts where a response tells two: the sooner one above 0, and one of 0 or less only where
    /// nothing above 0 is told.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::In { left, .. }, Self::In { left: sooner, .. }) if sooner < left => other,
            (Self::In { .. }, _) | (_, Self::NotStated) => self,
            (Self::NotStated, _) | (_, Self::In { .. }) => other,
            (Self::Ended { .. }, Self::Ended { .. }) => self,
        }
    }
}

/// The instant of a response by two clocks, in Unix time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseTime {
    /// The response's Date and its Age, by which a cache on the way makes it older (RFC 9111 §5.1).
    pub(crate) servers: Option<i64>,
    pub(crate) ours: i64,
}

impl ResponseTime {
    /// Returns the instant by the server's clock. Our own may be wrong, so it counts only where the response has no Date.
    pub(crate) fn now(self) -> i64 {
        self.servers.unwrap_or(self.ours)
    }

    /// Returns the instant by the clock that is behind.
    pub(crate) fn earlier(self) -> i64 {
        self.now().min(self.ours)
    }
}

/// The members that tell an end, apart from `expires_in`: Entra, IMDS and many gateways use one of them.
const OTHER_MEMBERS: [&str; 6] = ["expires_at", "expires_on", "expires", "expiresAt", "expiresIn", "expiresOn"];

/// The end of a JWT counts beside another end only if it is sooner by more than this. Whole seconds explain a smaller
/// difference.
const SAME_END: Duration = Duration::from_secs(2);

/// Returns what a response tells about the end of its token. `member` returns the value of a member, and None for a member
/// that is absent.
pub(crate) fn stated_expiry<'a>(
    member: impl Fn(&str) -> Option<&'a RawValue>,
    access_token: &str,
    time: ResponseTime,
) -> StatedExpiry {
    let expires_in = member("expires_in").and_then(|value| Some(expires_in(WrittenEnd::read(value)?, time.now())));
    let others = OTHER_MEMBERS.iter().filter_map(|name| Some(WrittenEnd::read(member(name)?)?.expiry(time.now())));
    let told = expires_in.into_iter().chain(others).fold(StatedExpiry::NotStated, StatedExpiry::or);
    // Our clock may be wrong, and so may the server's: the claims are believed only where both say the same.
    let jwt_left = time.servers.and_then(|_| jwt_left(access_token, time.earlier()));
    match (told, jwt_left) {
        (StatedExpiry::In { left, .. }, Some(by_jwt)) if left > by_jwt.saturating_add(SAME_END) => {
            StatedExpiry::of(by_jwt, ExpirySource::Jwt)
        }
        (StatedExpiry::In { .. }, _) => told,
        (_, Some(Duration::ZERO)) => StatedExpiry::Ended { told_by: ExpirySource::Jwt },
        _ => jwt_lifetime(access_token, time.now())
            .map_or(told, |left| StatedExpiry::In { left, told_by: ExpirySource::Jwt }),
    }
}

/// Returns what `expires_in` tells. A moment in it counts only within ten years of the response: without that bound, a
/// number that means "never" would end the token.
fn expires_in(written: WrittenEnd, now: i64) -> StatedExpiry {
    let ten_years = i128::try_from(TEN_YEARS.as_nanos()).unwrap_or(i128::MAX);
    match written {
        WrittenEnd::Number { moment, .. } if (moment - unix_nanos(now)).abs() > ten_years => {
            StatedExpiry::of(TEN_YEARS, ExpirySource::ExpiresIn)
        }
        written => written.expiry(now),
    }
}

/// An end as a member has it.
#[derive(Clone, Copy)]
enum WrittenEnd {
    Span(Duration),
    /// A moment, in nanoseconds of Unix time.
    Date(i128),
    /// A number so large that it is Unix time, in nanoseconds.
    Number {
        moment: i128,
    },
}

impl WrittenEnd {
    /// Reads a number, also as text: below 10⁹ it is seconds, below 10¹¹ Unix time in seconds, else in milliseconds. Reads a
    /// date (RFC 3339), and the spans `60s` (protobuf) and `00:01:00` (.NET). Returns None for anything else.
    fn read(value: &RawValue) -> Option<Self> {
        let text = json::text(value);
        let text = match &text {
            Some(text) => text.trim(),
            None => value.get(),
        };
        if let Some(date) = rfc3339_date(text) {
            return Some(Self::Date(date));
        }
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let is_number = !value.get().starts_with('"');
        let number = number(text, is_number);
        let span = || text.strip_suffix('s').and_then(parse_seconds).or_else(|| hours_minutes_seconds(text));
        match number.or_else(span)? {
            _ if is_negative => Some(Self::Span(Duration::ZERO)),
            unix if number.is_some() && unix >= UNIX_MILLISECONDS => Some(Self::Number { moment: nanos(unix / 1000) }),
            unix if number.is_some() && unix >= UNIX_SECONDS => Some(Self::Number { moment: nanos(unix) }),
            span => Some(Self::Span(span)),
        }
    }

    fn expiry(self, now: i64) -> StatedExpiry {
        match self {
            Self::Span(left) => StatedExpiry::of(left, ExpirySource::ExpiresIn),
            Self::Date(moment) | Self::Number { moment } => {
                let left = u64::try_from((moment - unix_nanos(now)).max(0)).unwrap_or(u64::MAX);
                StatedExpiry::of(Duration::from_nanos(left), ExpirySource::ExpiresAt)
            }
        }
    }
}

/// From these numbers on, an end is Unix time.
const UNIX_SECONDS: Duration = Duration::from_secs(1_000_000_000);
const UNIX_MILLISECONDS: Duration = Duration::from_secs(100_000_000_000);

fn nanos(span: Duration) -> i128 {
    i128::try_from(span.as_nanos()).unwrap_or(i128::MAX)
}

fn unix_nanos(seconds: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000
}

/// Returns a number that is not negative. A string with an exponent is not read; `true` has an e too, and parses as nothing.
fn number(text: &str, exponent: bool) -> Option<Duration> {
    if exponent && text.contains(['e', 'E']) {
        // As far as infinity, which no Duration holds.
        let number: f64 = text.parse().ok()?;
        return Duration::try_from_secs_f64(number.min(1e18)).ok();
    }
    parse_seconds(text)
}

/// Returns a span such as `00:01:00`.
fn hours_minutes_seconds(text: &str) -> Option<Duration> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let hours: u32 = digits(hours, 2..=9)?;
    let minutes = digits(minutes, 2..=2).filter(|minutes| *minutes < 60)?;
    digits(seconds.get(..2)?, 2..=2).filter(|seconds| *seconds < 60)?;
    Some(Duration::from_secs(u64::from(hours) * 3600 + u64::from(minutes) * 60) + parse_seconds(seconds)?)
}

fn digits(text: &str, lengths: RangeInclusive<usize>) -> Option<u32> {
    let is_number = lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Returns a date of RFC 3339, which always has an offset, in nanoseconds of Unix time. A date without an offset may be in
/// any zone.
fn rfc3339_date(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    let part = |at: usize, length: usize| digits(text.get(at..at + length)?, length..=length);
    // RFC 3339 §5.6: the T may be lower case, or a space.
    let separators = [(4, &b"-"[..]), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")];
    if !separators.iter().all(|(at, allowed)| bytes.get(*at).is_some_and(|byte| allowed.contains(byte))) {
        return None;
    }
    let (year, month, day) = (i64::from(part(0, 4)?), part(5, 2)?, part(8, 2)?);
    let (hour, minute, second) = (part(11, 2)?, part(14, 2)?, part(17, 2)?);
    let rest = text.get(19..)?;
    let length = rest.find(['Z', 'z', '+', '-'])?;
    let (fraction, offset) = rest.split_at(length);
    let fraction = match fraction {
        "" => Duration::ZERO,
        _ => fraction.starts_with('.').then(|| parse_seconds(&format!("0{fraction}"))).flatten()?,
    };
    let offset = match offset.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign, _, _, b':', _, _] => {
            let hours = digits(offset.get(1..3)?, 2..=2).filter(|hours| *hours < 24)?;
            let minutes = digits(offset.get(4..)?, 2..=2).filter(|minutes| *minutes < 60)?;
            let seconds = i64::from(hours * 3600 + minutes * 60);
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    // A leap second is the 60th of a minute.
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_from_1970(year, i64::from(month), i64::from(day)) * 86_400
        + i64::from(hour * 3600 + minute * 60 + second)
        - offset;
    Some(unix_nanos(seconds) + nanos(fraction))
}

/// Returns the days of the Gregorian calendar from 1970-01-01 to a date. A year counts from March, so that a leap day is its
/// last.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between March of the year 0 and 1970.
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
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

/// Returns how many seconds ago a JWT expired, if it did.
pub(crate) fn expired_since(token: &str, now: i64) -> Option<i64> {
    let (exp, _) = jwt_times(token)?;
    let ago = now as f64 - exp;
    (ago > 0.0).then_some(ago as i64)
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

/// Returns the seconds of an Age header (RFC 9111 §5.1). In a list the first counts.
pub(crate) fn age(value: &str) -> Option<i64> {
    let age = value.split(',').next()?.trim();
    let is_number = !age.is_empty() && age.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| age.parse::<i64>().map_or(LONGEST_AGE, |age| age.min(LONGEST_AGE)))
}

/// RFC 9111 §1.2.2: any longer span counts as this one.
const LONGEST_AGE: i64 = 1 << 31;

#[cfg(test)]
mod tests;
