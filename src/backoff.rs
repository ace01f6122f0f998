//! Pure: the pause between attempts, the hold-off after a failed fetch, and how long `invalidate` is ignored.
//!
//! It must not read a clock and keeps no state. The number of failures, the server's Retry-After and a random number are
//! parameters. A random number is at least 0 and below 1.

use crate::error::{Error, ErrorKind};
use std::time::Duration;

/// The least and the most that a server's Retry-After counts for in a hold-off.
const SERVER_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// Returns the `nth` (from 1) of spans that start at `first` and double up to `most`.
fn doubling(first: Duration, nth: u32, most: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(nth.saturating_sub(1))).min(most)
}

/// Returns the pause before the next attempt of one fetch, after `attempt` (from 1) has failed. A Retry-After is obeyed
/// exactly. Otherwise the jitter is full, since a fleet that failed together must not retry together.
pub(crate) fn pause(attempt: u32, server_wait: Option<Duration>, random: f64) -> Duration {
    server_wait.unwrap_or_else(|| doubling(Duration::from_millis(250), attempt, Duration::from_secs(8)).mul_f64(random))
}

/// How long a source sends nothing after a failed fetch. The longer of the two spans counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HoldOffSpan {
    /// Our own caution. It ends early when its reason is gone: the secret file has changed, or the token has expired.
    pub(crate) own: Option<Duration>,
    /// The server's Retry-After. Nothing ends it early.
    pub(crate) server: Option<Duration>,
}

/// Returns the hold-off after a fetch that failed with `error`, the last of `failures_in_a_row` (from 1).
pub(crate) fn hold_off(error: &Error, failures_in_a_row: u32, random: f64) -> HoldOffSpan {
    let server = error.server_wait().map(|wait| wait.clamp(SERVER_WAIT.0, SERVER_WAIT.1));
    let own = match error.kind() {
        ErrorKind::Tls => Some(Duration::from_secs(30)),
        // Retryable where a token had expired when it arrived, or where a limit of this process prevents that a file is
        // read or a thread is started.
        ErrorKind::BadResponse | ErrorKind::InvalidConfig | ErrorKind::Internal if !error.is_transient() => {
            Some(Duration::from_secs(30))
        }
        _ if !error.is_transient() => Some(Duration::from_secs(60)),
        _ if server.is_some() => None,
        _ => Some(
            doubling(Duration::from_secs(1), failures_in_a_row, Duration::from_secs(30)).mul_f64(0.75 + 0.25 * random),
        ),
    };
    HoldOffSpan { own, server }
}

/// Returns how long `invalidate` is ignored after the `nth` (from 1) replacement in a row was rejected too soon.
pub(crate) fn invalidate_limit(nth: u32) -> Duration {
    doubling(Duration::from_secs(1), nth, Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALMOST_1: f64 = 1.0 - f64::EPSILON / 2.0;

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn retryable() -> Error {
        Error::new(ErrorKind::Network, "").retryable()
    }

    #[test]
    fn a_pause_is_below_a_bound_that_doubles() {
        for (attempt, bound) in
            [(1, 0.25), (2, 0.5), (3, 1.0), (4, 2.0), (5, 4.0), (6, 8.0), (7, 8.0), (33, 8.0), (u32::MAX, 8.0)]
        {
            assert_eq!(pause(attempt, None, 0.0), Duration::ZERO);
            assert_eq!(pause(attempt, None, 0.5), secs(bound / 2.0));
            assert!(pause(attempt, None, ALMOST_1) <= secs(bound));
            assert!(pause(attempt, None, ALMOST_1) > secs(bound * 0.999));
        }
    }

    #[test]
    fn a_retry_after_is_obeyed_exactly_as_a_pause() {
        for wait in [Duration::ZERO, secs(2.0), Duration::from_secs(86_400), Duration::MAX] {
            assert_eq!(pause(1, Some(wait), 0.3), wait);
            assert_eq!(pause(u32::MAX, Some(wait), 0.3), wait);
        }
    }

    #[test]
    fn a_retryable_failure_doubles_the_hold_off_up_to_30_seconds() {
        for (failures, full) in
            [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 16.0), (6, 30.0), (7, 30.0), (40, 30.0), (u32::MAX, 30.0)]
        {
            assert_eq!(
                hold_off(&retryable(), failures, 0.0),
                HoldOffSpan { own: Some(secs(full * 0.75)), server: None },
                "{failures}"
            );
            let longest = hold_off(&retryable(), failures, ALMOST_1).own.unwrap();
            assert!(longest <= secs(full) && longest > secs(full * 0.999), "{failures}: {longest:?}");
        }
    }

    #[test]
    fn the_hold_off_is_a_minute_after_a_permanent_failure_and_half_a_minute_after_an_unusable_response() {
        for (kind, seconds) in [
            (ErrorKind::OAuth, 60.0),
            (ErrorKind::Http, 60.0),
            (ErrorKind::Network, 60.0),
            (ErrorKind::Tls, 30.0),
            (ErrorKind::BadResponse, 30.0),
            (ErrorKind::InvalidConfig, 30.0),
            (ErrorKind::Internal, 30.0),
        ] {
            for failures in [1, 2, u32::MAX] {
                let held = hold_off(&Error::new(kind, ""), failures, 0.5);
                assert_eq!(held, HoldOffSpan { own: Some(secs(seconds)), server: None }, "{kind:?}");
            }
        }
        let tls = Error::new(ErrorKind::Tls, "").retryable();
        assert_eq!(hold_off(&tls, 1, 0.0).own, Some(secs(30.0)), "also if the transport calls it retryable");
        let expired = Error::new(ErrorKind::BadResponse, "").retryable();
        assert_eq!(hold_off(&expired, 2, 0.0).own, Some(secs(1.5)), "the next token may be a good one");
        let at_a_limit = Error::new(ErrorKind::InvalidConfig, "").retryable();
        assert_eq!(
            hold_off(&at_a_limit, 1, 0.0).own,
            Some(secs(0.75)),
            "another part of the program may close files at any moment"
        );
    }

    #[test]
    fn retry_after_replaces_a_retryable_hold_off_and_adds_to_a_permanent_one() {
        for (asked, kept) in [
            (Duration::ZERO, 1),
            (Duration::from_millis(999), 1),
            (Duration::from_secs(1), 1),
            (Duration::from_secs(3600), 3600),
            (Duration::from_secs(3601), 3600),
            (Duration::MAX, 3600),
        ] {
            let server = Some(Duration::from_secs(kept));
            let error = retryable().with_server_wait(Some(asked));
            assert_eq!(hold_off(&error, 9, 0.5), HoldOffSpan { own: None, server }, "{asked:?}");
            let error = Error::new(ErrorKind::OAuth, "").with_server_wait(Some(asked));
            assert_eq!(hold_off(&error, 9, 0.5), HoldOffSpan { own: Some(secs(60.0)), server }, "{asked:?}");
        }
    }

    #[test]
    fn the_invalidate_limit_doubles_from_a_second_to_a_minute() {
        for (nth, seconds) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (u32::MAX, 60)] {
            assert_eq!(invalidate_limit(nth), Duration::from_secs(seconds), "{nth}");
        }
    }
}
