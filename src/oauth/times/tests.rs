//! The lifetimes and dates in responses, at the instants around each boundary.

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
        ("\"3600s\"", millis(3_600_000)),
        ("\"inf\"", none),
        ("\"NaN\"", none),
        ("\"\\u0663\"", none),
        ("\"\\ud800\"", none),
    ] {
        assert_eq!(grant_of(&format!(r#"{{"access_token":"T","expires_in":{written}}}"#)).expiry, expiry, "{written}");
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

const ENDED_SPAN: StatedExpiry = StatedExpiry::Ended { told_by: ExpirySource::ExpiresIn };
const ENDED_MOMENT: StatedExpiry = StatedExpiry::Ended { told_by: ExpirySource::ExpiresAt };
const DEAD_JWT: StatedExpiry = StatedExpiry::Ended { told_by: ExpirySource::Jwt };

fn span(seconds: f64) -> StatedExpiry {
    StatedExpiry::In { left: Duration::from_secs_f64(seconds), told_by: ExpirySource::ExpiresIn }
}

fn moment(seconds: f64) -> StatedExpiry {
    StatedExpiry::In { left: Duration::from_secs_f64(seconds), told_by: ExpirySource::ExpiresAt }
}

fn by_claims(seconds: f64) -> StatedExpiry {
    StatedExpiry::In { left: Duration::from_secs_f64(seconds), told_by: ExpirySource::Jwt }
}

const TEN_YEARS_LEFT: f64 = 315_576_000.0;

/// Returns what a response with these members, beside its token, tells at an instant by the server's Date.
fn told(members: &str, now: i64) -> StatedExpiry {
    let object = format!("{{{members}}}");
    let object = Object::read(&object).unwrap();
    stated_expiry(|name| object.get(name), "T", ResponseTime { servers: Some(now), ours: 0 })
}

#[test]
fn each_member_that_tells_an_end_is_read() {
    for name in ["expires_in", "expires_at", "expires_on", "expires", "expiresAt", "expiresIn", "expiresOn"] {
        for (value, expected) in [
            ("60".into(), span(60.0)),
            ("\"60\"".into(), span(60.0)),
            ("\"60s\"".into(), span(60.0)),
            ("\"00:01:00\"".into(), span(60.0)),
            (format!("{}", NOW_2026 + 60), moment(60.0)),
            (format!("\"{}\"", NOW_2026 + 60), moment(60.0)),
            (format!("{}.5", NOW_2026 + 60), moment(60.5)),
            (format!("{}", (NOW_2026 + 60) * 1000), moment(60.0)),
            (format!("\"{}001\"", NOW_2026 + 60), moment(60.001)),
            ("1.795860060e9".into(), moment(60.0)),
            ("\"2026-11-28T10:01:00Z\"".into(), moment(60.0)),
            ("0".into(), ENDED_SPAN),
            ("-1".into(), ENDED_SPAN),
            ("\"-1\"".into(), ENDED_SPAN),
            ("\"-60s\"".into(), ENDED_SPAN),
            ("\"-00:01:00\"".into(), ENDED_SPAN),
            (format!("{NOW_2026}"), ENDED_MOMENT),
            (format!("{}", NOW_2026 - 1), ENDED_MOMENT),
            (format!("{}", (NOW_2026 - 1) * 1000), ENDED_MOMENT),
            ("\"2026-11-28T10:00:00Z\"".into(), ENDED_MOMENT),
            ("true".into(), StatedExpiry::NotStated),
            ("[60]".into(), StatedExpiry::NotStated),
            ("\"soon\"".into(), StatedExpiry::NotStated),
            ("null".into(), StatedExpiry::NotStated),
        ] {
            assert_eq!(told(&format!("\"{name}\":{value}"), NOW_2026), expected, "{name}: {value}");
        }
    }
    for name in
        ["ext_expires_in", "refresh_expires_in", "refresh_token_expires_in", "not_before", "issued_at", "EXPIRES_IN"]
    {
        assert_eq!(told(&format!("\"{name}\":60"), NOW_2026), StatedExpiry::NotStated, "{name}");
    }
}

/// 2026-11-28T10:00:00Z.
const NOW_2026: i64 = 1_795_860_000;

#[test]
fn a_number_is_a_span_or_unix_time_by_its_size() {
    let at = |number: &str, now| told(&format!("\"expires_at\":{number}"), now);
    let second_before = 999_999_999;
    assert_eq!(at("999999999", 0), span(TEN_YEARS_LEFT));
    assert_eq!(at("999999999.999999999", 0), span(TEN_YEARS_LEFT));
    assert_eq!(at("1000000000", second_before), moment(1.0));
    assert_eq!(at("1000000000.000000001", second_before), moment(1.000_000_001));
    assert_eq!(at("1000000000", 1_000_000_000), ENDED_MOMENT);
    // 10^11: seconds below, milliseconds from there on, which are in 1973.
    assert_eq!(at("99999999999", 99_999_999_998), moment(1.0));
    assert_eq!(at("99999999999.5", 99_999_999_999), moment(0.5));
    assert_eq!(at("100000000000", 99_999_999), moment(1.0));
    assert_eq!(at("100000000000", 100_000_000), ENDED_MOMENT);
    assert_eq!(at("1e11", 99_999_999), moment(1.0));
    // Microseconds are beyond ten years, and so is what no Duration holds.
    for number in ["1795860060000000", "1e400", "18446744073709551616", "\"99999999999999999999999999\""] {
        assert_eq!(at(number, NOW_2026), moment(TEN_YEARS_LEFT), "{number}");
    }
    assert_eq!(at("-1e400", NOW_2026), ENDED_SPAN);
}

#[test]
fn expires_in_is_unix_time_only_within_ten_years_of_the_response() {
    let at = |number: String| told(&format!("\"expires_in\":{number}"), NOW_2026);
    let ten_years = 315_576_000;
    assert_eq!(at(format!("{}", NOW_2026 + 3600)), moment(3600.0));
    assert_eq!(at(format!("{}000", NOW_2026 + 3600)), moment(3600.0));
    assert_eq!(at(format!("{}", NOW_2026 + ten_years)), moment(TEN_YEARS_LEFT));
    assert_eq!(at(format!("{}.000000001", NOW_2026 + ten_years)), span(TEN_YEARS_LEFT));
    assert_eq!(at(format!("{}", NOW_2026 + ten_years + 1)), span(TEN_YEARS_LEFT));
    // The token has ended. A number that means "never" is far from now.
    assert_eq!(at(format!("{NOW_2026}")), ENDED_MOMENT);
    assert_eq!(at(format!("{}", NOW_2026 - ten_years)), ENDED_MOMENT);
    assert_eq!(at(format!("{}", NOW_2026 - ten_years - 1)), span(TEN_YEARS_LEFT));
    for number in ["1e9", "1e12", "1e400", "4102444800", "99999999999", "9999999999999", "18446744073709551615"] {
        assert_eq!(at(number.into()), span(TEN_YEARS_LEFT), "{number}");
        assert_eq!(at(format!("-{number}")), ENDED_SPAN, "{number}");
    }
}

#[test]
fn the_smallest_end_above_0_counts() {
    let soon = NOW_2026 + 60;
    for (members, expected) in [
        (format!(r#""expires_in":3600,"expires_at":{soon}"#), moment(60.0)),
        (format!(r#""expires_in":60,"expires_at":{}"#, NOW_2026 + 3600), span(60.0)),
        (format!(r#""expires_in":60,"expires_at":{soon}"#), span(60.0)),
        (r#""expires_in":3600,"expires":"30s""#.into(), span(30.0)),
        // A moment that is past never beats a span, since a clock may be wrong.
        (format!(r#""expires_in":3600,"expires_at":{NOW_2026}"#), span(3600.0)),
        (format!(r#""expires_in":3600,"expires_at":{}"#, NOW_2026 - 7200), span(3600.0)),
        (r#""expires_in":3600,"expires_at":0"#.into(), span(3600.0)),
        (format!(r#""expires_in":0,"expires_at":{soon}"#), moment(60.0)),
        (format!(r#""expires_in":-1,"expires_on":"{soon}""#), moment(60.0)),
        (r#""expires_in":"soon","expires":60"#.into(), span(60.0)),
        (r#""expires_in":true,"expires":0"#.into(), ENDED_SPAN),
        (r#""expires_in":0,"expires_at":"2026-11-28T10:01:00""#.into(), ENDED_SPAN),
        (format!(r#""expires_at":{NOW_2026},"expires_on":{soon}"#), moment(60.0)),
        (format!(r#""expires_at":{NOW_2026},"expires_in":0"#), ENDED_SPAN),
    ] {
        assert_eq!(told(&members, NOW_2026), expected, "{members}");
    }
}

#[test]
fn a_date_is_rfc_3339_with_an_offset() {
    let at = |date: &str| told(&format!("\"expires_at\":\"{date}\""), NOW_2026);
    for (date, left) in [
        ("2026-11-28T10:00:01Z", 1.0),
        ("2026-11-28t10:01:00z", 60.0),
        ("2026-11-28 10:01:00+00:00", 60.0),
        (" 2026-11-28T10:01:00Z ", 60.0),
        ("2026-11-28T10:01:00-00:00", 60.0),
        ("2026-11-28T11:01:00+01:00", 60.0),
        ("2026-11-28T15:46:00+05:45", 60.0),
        ("2026-11-27T20:01:00-14:00", 60.0),
        ("2026-11-29T09:00:00+23:00", -7200.0),
        ("2026-11-28T10:00:00.000000001Z", 0.000_000_001),
        ("2026-11-28T10:01:00.5Z", 60.5),
        ("2026-11-28T10:01:00.1234567899Z", 60.123_456_789),
        // A leap second.
        ("2026-11-28T10:00:60Z", 60.0),
        ("2026-12-01T00:00:00Z", 223_200.0),
        ("2027-03-01T10:00:00Z", 93.0 * 86_400.0),
        ("2028-02-29T10:00:00Z", 458.0 * 86_400.0),
        ("2028-03-01T10:00:00Z", 459.0 * 86_400.0),
        ("9999-12-31T23:59:59Z", TEN_YEARS_LEFT),
        ("2026-11-28T10:00:00Z", 0.0),
        ("2026-11-28T09:59:59.999999999Z", -1.0),
        ("1969-12-31T23:59:59Z", -1.0),
        ("0000-01-01T00:00:00Z", -1.0),
    ] {
        let expected = if left > 0.0 { moment(left) } else { ENDED_MOMENT };
        assert_eq!(at(date), expected, "{date}");
    }
    for date in [
        "2026-11-28T10:01:00",
        "2026-11-28 10:01:00",
        "2026-11-28",
        "2026-11-28T10:01Z",
        "2026-11-28T10:01:00+0000",
        "2026-11-28T10:01:00+00",
        "2026-11-28T10:01:00 Z",
        "2026-11-28T10:01:00.Z",
        "2026-11-28T10:01:005Z",
        "2026-11-28T10:01:00,5Z",
        "2026-11-28T10:01:00.5.5Z",
        "2026-11-28T10:01:00Z[UTC]",
        "2026-11-28T10:01:00+24:00",
        "2026-11-28T10:01:00+00:60",
        "2026-11-28T24:00:00Z",
        "2026-11-28T10:60:00Z",
        "2026-11-28T10:01:61Z",
        "2026-00-28T10:01:00Z",
        "2026-13-28T10:01:00Z",
        "2026-11-00T10:01:00Z",
        "2026-11-31T10:01:00Z",
        "2027-02-29T10:01:00Z",
        "2100-02-29T10:01:00Z",
        "+2026-11-28T10:01:00Z",
        "20261128T100100Z",
        "28.11.2026 10:01:00",
        "11/28/2026 10:01:00 AM +00:00",
        "Sat, 28 Nov 2026 10:01:00 GMT",
        "2026-11-28T10:01:0\u{660}Z",
    ] {
        assert_eq!(at(date), StatedExpiry::NotStated, "{date}");
    }
    // A date in `expires_in` is a date, however far away.
    assert_eq!(told(r#""expires_in":"2026-11-28T10:01:00Z""#, NOW_2026), moment(60.0));
    assert_eq!(told(r#""expires_in":"2990-01-01T00:00:00Z""#, NOW_2026), moment(TEN_YEARS_LEFT));
    assert_eq!(told(r#""expires_in":"1990-01-01T00:00:00Z""#, NOW_2026), ENDED_MOMENT);
}

#[test]
fn the_days_of_the_calendar_agree_with_the_dates_of_http() {
    for day in (0..60_000).step_by(7).chain([58, 59, 60, 365, 366, 789, 11_016, 47_540, 47_541, 47_542]) {
        let instant = UNIX_EPOCH + Duration::from_secs(day * 86_400 + 86_399);
        let date = httpdate::HttpDate::from(instant).to_string();
        let [day_of_month, month, year] = [&date[5..7], &date[8..11], &date[12..16]];
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months.iter().position(|name| *name == month).unwrap() + 1;
        let date = format!("{year}-{month:02}-{day_of_month}T23:59:59Z");
        let unix = rfc3339_date(&date).unwrap();
        assert_eq!(unix, i128::from(day * 86_400 + 86_399) * 1_000_000_000, "{date}");
    }
}

#[test]
fn a_span_is_read_in_seconds_with_a_unit_and_in_hours_minutes_and_seconds() {
    let of = |text: &str| told(&format!("\"expires_in\":\"{text}\""), NOW_2026);
    for (text, seconds) in [
        ("1s", 1.0),
        ("0.5s", 0.5),
        ("1.000340012s", 1.000_340_012),
        (" 60s ", 60.0),
        ("4000000000s", TEN_YEARS_LEFT),
        ("00:00:01", 1.0),
        ("01:02:03", 3723.0),
        ("00:00:01.5000000", 1.5),
        ("24:00:00", 86_400.0),
        ("100:00:00", 360_000.0),
        ("999999999:59:59", TEN_YEARS_LEFT),
    ] {
        assert_eq!(of(text), span(seconds), "{text}");
    }
    for text in ["0s", "0.0s", "-1s", "00:00:00", "00:00:00.0000000", "-01:00:00"] {
        assert_eq!(of(text), ENDED_SPAN, "{text}");
    }
    for text in [
        "s",
        "60 s",
        "60S",
        "60ms",
        "1m",
        "1h",
        "1d",
        "PT1M",
        "1e3s",
        "+60s",
        "--60s",
        ".5s",
        "5.s",
        "60ss",
        "1:00:00",
        "00:60:00",
        "00:00:60",
        "00:1:00",
        "00:01:0",
        "00:01",
        "1.00:00:00",
        "00:01:00.",
        "00:01:00:00",
        ":01:00",
        "00::00",
        "9999999999:00:00",
    ] {
        assert_eq!(of(text), StatedExpiry::NotStated, "{text}");
    }
}

/// Returns what a response with a JWT tells, whose server's Date and whose reader's clock are so many seconds ahead of `NOW`.
fn told_beside_jwt(claims: &str, members: &str, server: Option<i64>, ours: i64) -> StatedExpiry {
    let object = format!("{{{members}}}");
    let object = Object::read(&object).unwrap();
    let time = ResponseTime { servers: server.map(|ahead| NOW + ahead), ours: NOW + ours };
    stated_expiry(|name| object.get(name), &jwt(claims), time)
}

#[test]
fn the_exp_of_a_jwt_counts_beside_another_end_only_if_it_is_clearly_sooner() {
    let exp = |left: f64| format!(r#"{{"iat":{NOW},"exp":{}}}"#, NOW as f64 + left);
    let hour = r#""expires_in":3600"#;
    for (left, expected) in [
        (3597.0, by_claims(3597.0)),
        (3597.75, by_claims(3597.75)),
        (3598.0, span(3600.0)),
        (3600.0, span(3600.0)),
        (86_400.0, span(3600.0)),
        (1e12, span(3600.0)),
        (0.5, by_claims(0.5)),
        (0.0, DEAD_JWT),
        (-1.0, DEAD_JWT),
    ] {
        assert_eq!(told_beside_jwt(&exp(left), hour, Some(0), 0), expected, "{left}");
    }
    // Without a Date the claims do not count: our clock alone may be wrong.
    for left in [60.0, 0.0, -3600.0] {
        assert_eq!(told_beside_jwt(&exp(left), hour, None, 0), span(3600.0), "{left}");
    }
    // The clock that is behind counts.
    for (server, ours, expected) in [
        (600, 0, by_claims(1200.0)),
        (0, 600, by_claims(1200.0)),
        (600, 600, by_claims(600.0)),
        (1199, 5000, by_claims(1.0)),
        (1200, 1200, DEAD_JWT),
        (1199, 1200, by_claims(1.0)),
        (1200, 1199, by_claims(1.0)),
        (5000, -10_000, span(3600.0)),
        (-10_000, 5000, span(3600.0)),
    ] {
        let expiry = told_beside_jwt(&exp(1200.0), hour, Some(server), ours);
        assert_eq!(expiry, expected, "server {server}, ours {ours}");
    }
    // A server whose Date is 2 h ahead of everything else.
    assert_eq!(told_beside_jwt(&exp(3600.0), hour, Some(7200), 0), span(3600.0));
    assert_eq!(told_beside_jwt(&exp(3600.0), "", Some(7200), 0), by_claims(3600.0));
    // Beside a moment, as beside a span.
    let in_an_hour = format!(r#""expires_at":"1994-11-06T09:49:37Z","x":{}"#, NOW + 3600);
    assert_eq!(told_beside_jwt(&exp(60.0), &in_an_hour, Some(0), 0), by_claims(60.0));
    assert_eq!(told_beside_jwt(&exp(7200.0), &in_an_hour, Some(0), 0), moment(3600.0));
}

#[test]
fn a_jwt_without_another_end_is_dead_if_its_exp_is_past_by_both_clocks() {
    let hour_until = |left: i64| format!(r#"{{"iat":{},"exp":{}}}"#, NOW + left - 3600, NOW + left);
    for (left, server, ours, expected) in [
        (1, Some(0), 0, by_claims(1.0)),
        (0, Some(0), 0, DEAD_JWT),
        (-1, Some(0), 0, DEAD_JWT),
        (-86_400, Some(0), 0, DEAD_JWT),
        (-1, Some(-1), 0, DEAD_JWT),
        (-1, Some(0), -1, DEAD_JWT),
        (-1, Some(-2), 0, by_claims(1.0)),
        (-1, Some(0), -2, by_claims(3600.0)),
        // A second clock is missing.
        (-1, None, 0, by_claims(3600.0)),
    ] {
        for members in ["", r#""expires_in":0"#, r#""expires_in":-1,"expires_at":0"#, r#""expires_in":"soon""#] {
            let expiry = told_beside_jwt(&hour_until(left), members, server, ours);
            assert_eq!(expiry, expected, "{left} {server:?} {ours} {members}");
        }
    }
}

#[test]
fn the_age_of_a_response_adds_to_its_date() {
    let at = |headers: &[(&str, &str)]| {
        let body = format!(r#"{{"access_token":"T","expires_at":{}}}"#, 1_000_003_600);
        read_response(200, headers, &body).unwrap().expiry
    };
    let date = ("date", "Sun, 09 Sep 2001 01:46:40 GMT");
    for (headers, expected) in [
        (&[date][..], moment(3600.0)),
        (&[date, ("age", "0")], moment(3600.0)),
        (&[date, ("age", "600")], moment(3000.0)),
        (&[date, ("age", " 600 ")], moment(3000.0)),
        (&[date, ("age", "600, 1")], moment(3000.0)),
        (&[date, ("age", "old"), ("age", "600")], moment(3000.0)),
        (&[date, ("age", "3599")], moment(1.0)),
        (&[date, ("age", "3600")], ENDED_MOMENT),
        (&[date, ("age", "99999999999999999999999999")], ENDED_MOMENT),
        (&[date, ("age", "-600")], moment(3600.0)),
        (&[date, ("age", "1.5")], moment(3600.0)),
        (&[date, ("age", "")], moment(3600.0)),
        // Without a Date, our clock counts, and an Age does not.
        (&[], moment((1_000_003_600 - NOW) as f64)),
        (&[("age", "600")], moment((1_000_003_600 - NOW) as f64)),
    ] {
        assert_eq!(at(headers), expected, "{headers:?}");
    }
    // A JWT from a cache on the way.
    let body = format!(r#"{{"access_token":"{}","expires_in":3600}}"#, jwt(&format!(r#"{{"exp":{}}}"#, NOW + 3600)));
    let expiry =
        |age| read_response(200, &[("date", "Sun, 06 Nov 1994 08:39:37 GMT"), ("age", age)], &body).unwrap().expiry;
    assert_eq!(expiry("600"), span(3600.0));
    assert_eq!(expiry("300"), span(3600.0));
    let later = |age| read_response(200, &[("date", DATE), ("age", age)], &body).unwrap().expiry;
    assert_eq!(later("0"), span(3600.0));
}
