//! Pure: how far this machine's clock is from the server's, by the Date of a response (RFC 9110 §6.6.1).
//!
//! A server refuses an assertion that is expired or from the future by its own clock. This file decides nothing about a
//! request: `fetch.rs` signs once more where that may help.

use crate::duration::{Nanos, SECOND};

/// A smaller difference is none: a Date has whole seconds, and servers allow 10 s at least.
const TOLERANCE: Nanos = 5 * SECOND;

/// A wrong time zone makes at most 14 h. A larger difference is as likely a Date that something on the way invented.
const MOST_THAT_HEALS: Nanos = 15 * HOUR;

/// Up to this, a message counts seconds.
const SHOWN_IN_SECONDS: Nanos = 2 * HOUR;

const HOUR: Nanos = 3600 * SECOND;

/// A difference between the two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skew {
    /// The server's clock when the response arrived, in Unix seconds.
    pub(crate) server_seconds: i64,
    /// By how much our clock is behind. Below 0 it is ahead.
    behind: Nanos,
}

impl Skew {
    /// Returns the difference that a response shows, if it is one. `server_seconds` is its Date in Unix time. `sent` and
    /// `arrived` are our wall clock when the request was sent, and when its response was there.
    pub(crate) fn of(server_seconds: i64, sent: Nanos, arrived: Nanos) -> Option<Self> {
        let date = server_seconds.saturating_mul(SECOND);
        let behind = if date < sent.saturating_sub(TOLERANCE) {
            date.saturating_sub(sent)
        } else if date > arrived.saturating_add(TOLERANCE) {
            date.saturating_sub(arrived)
        } else {
            return None;
        };
        Some(Self { server_seconds, behind })
    }

    /// Returns whether a request that is signed by the server's clock may be accepted.
    pub(crate) fn may_heal(self) -> bool {
        self.behind.saturating_abs() <= MOST_THAT_HEALS
    }

    /// Returns what to do next about it.
    pub(crate) fn advice(self) -> String {
        let direction = if self.behind > 0 { "behind" } else { "ahead of" };
        let span = match self.behind.saturating_abs() {
            span @ ..=SHOWN_IN_SECONDS => format!("{} s", span / SECOND),
            span => format!("{} h", span.saturating_add(HOUR / 2) / HOUR),
        };
        format!("this machine's clock is {span} {direction} the server's: set it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    /// Returns the difference where the Date is `seconds` after the request was sent, and the response took 2 s.
    fn skew(seconds: i64) -> Option<Skew> {
        Skew::of(NOW + seconds, NOW * SECOND, (NOW + 2) * SECOND)
    }

    #[test]
    fn a_date_within_five_seconds_of_the_request_or_of_the_response_is_no_skew() {
        for seconds in [-5, -1, 0, 2, 7] {
            assert_eq!(skew(seconds), None, "{seconds}");
        }
        assert_eq!(skew(-6), Some(Skew { server_seconds: NOW - 6, behind: -6 * SECOND }));
        assert_eq!(skew(8), Some(Skew { server_seconds: NOW + 8, behind: 6 * SECOND }));
    }

    #[test]
    fn up_to_fifteen_hours_a_second_signature_may_help() {
        let hours = |hours: i64| hours * 3600;
        for (seconds, may_heal) in [
            (3600, true),
            (-3600, true),
            (hours(15) + 2, true),
            (hours(15) + 3, false),
            (-hours(15), true),
            (-hours(15) - 1, false),
            (hours(30), false),
        ] {
            assert_eq!(skew(seconds).unwrap().may_heal(), may_heal, "{seconds}");
        }
    }

    #[test]
    fn the_advice_counts_seconds_up_to_two_hours() {
        for (seconds, words) in [
            (97, "95 s behind"),
            (-95, "95 s ahead of"),
            (7202, "7200 s behind"),
            (7203, "2 h behind"),
            (2 + 25_197, "7 h behind"),
            (-108_000, "30 h ahead of"),
        ] {
            let advice = format!("this machine's clock is {words} the server's: set it");
            assert_eq!(skew(seconds).unwrap().advice(), advice);
        }
    }
}
