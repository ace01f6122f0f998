//! Pure: the instants at which a cached token is due for refresh and no longer usable.
//!
//! It must not read a clock nor decide about a fetch. All instants are in boot time.

use crate::{
    duration::{Nanos, SECOND, nanos},
    source::repeat::KnownEnd,
    token::Token,
};
use std::{sync::Arc, time::Duration};

/// A token counts as this much older than it is, since both coarse clocks may be one tick behind: 10 ms where the kernel
/// ticks slowest.
pub(crate) const TICK: Nanos = 10_000_000;

/// A token and its schedule.
#[derive(Clone, Debug)]
pub(crate) struct CachedToken {
    pub(crate) token: Arc<Token>,
    pub(crate) schedule: Schedule,
    pub(crate) known: KnownEnd,
}

/// From when on a token is ageing (valid, but due for refresh), and from when on it is no longer returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The token is ageing from this instant on.
    pub(crate) refresh_at: Nanos,
    /// The token counts as expired from this instant on.
    pub(crate) unusable_at: Nanos,
    /// How long `unusable_at` is before the end of the lifetime.
    pub(crate) expiry_margin: Nanos,
    /// `refresh_at` is never before this instant.
    earliest_refresh: Nanos,
    /// How long `refresh_at` is before `unusable_at`, without jitter.
    refresh_lead: Nanos,
}

/// What the schedule of a token follows from.
pub(crate) struct FetchTimes {
    /// When the fetch began, when its successful request was sent, and when the response had arrived.
    pub(crate) started: Nanos,
    pub(crate) sent: Nanos,
    pub(crate) arrived: Nanos,
    pub(crate) lifetime: Duration,
    /// The options of these names.
    pub(crate) expiry_margin: Option<Duration>,
    pub(crate) refresh_ahead: Option<Duration>,
}

impl Schedule {
    /// Returns the schedule of a token. Returns None if the token has expired on arrival. `random` is at least 0 and below 1.
    pub(crate) fn new(times: &FetchTimes, random: f64) -> Option<Self> {
        let lifetime = nanos(times.lifetime);
        let start = times.sent - TICK;
        let end = start.saturating_add(lifetime);
        if times.arrived >= end {
            return None;
        }
        let expiry_margin = times.expiry_margin.map_or((lifetime / 10).min(60 * SECOND), nanos).min(lifetime / 2);
        let took = times.arrived - times.started;
        let default_lead = (lifetime / 5).min(300 * SECOND).max(2 * took);
        let mut schedule = Self {
            refresh_at: 0,
            unusable_at: end - expiry_margin,
            expiry_margin,
            earliest_refresh: start.saturating_add(lifetime / 2),
            refresh_lead: times.refresh_ahead.map_or(default_lead, nanos).min(lifetime),
        };
        if times.arrived >= schedule.unusable_at {
            // The response took longer than the margin leaves, and so may each later response. The token is therefore
            // usable to its end, while the next is fetched.
            schedule = Self {
                refresh_at: start,
                unusable_at: end,
                expiry_margin: 0,
                earliest_refresh: start,
                refresh_lead: lifetime,
            };
        } else {
            schedule.apply_jitter(random);
        }
        Some(schedule)
    }

    /// Returns the schedule of a repeat that arrives before the `end` of its token. There is no margin: the server returns no
    /// other token before that end.
    pub(crate) fn of_repeat(times: &FetchTimes, end: Nanos, random: f64) -> Self {
        let unusable_at = end - TICK;
        let left = unusable_at - times.arrived;
        let default_lead = (left / 5).min(300 * SECOND).max(2 * (times.arrived - times.started));
        let mut schedule = Self {
            refresh_at: 0,
            unusable_at,
            expiry_margin: 0,
            earliest_refresh: times.arrived + left / 2,
            refresh_lead: times.refresh_ahead.map_or(default_lead, nanos).min(left),
        };
        schedule.apply_jitter(random);
        schedule
    }

    /// Sets `refresh_at` with a new jitter, so that a fleet, or a parent and its children, do not refresh in step.
    pub(crate) fn apply_jitter(&mut self, random: f64) {
        let lead = (self.refresh_lead as f64 * (0.8 + 0.4 * random)) as Nanos;
        self.refresh_at = (self.unusable_at - lead).max(self.earliest_refresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The middle of the jitter's range: a factor of 1.
    const MIDDLE: f64 = 0.5;

    fn times(lifetime: Duration) -> FetchTimes {
        let sent = 5_000 * SECOND;
        FetchTimes { started: sent, sent, arrived: sent, lifetime, expiry_margin: None, refresh_ahead: None }
    }

    /// Returns `refresh_at` and `unusable_at`, counted from the token's start, which is one tick before its request.
    fn schedule(times: &FetchTimes, random: f64) -> (Nanos, Nanos) {
        let schedule = Schedule::new(times, random).unwrap();
        let start = times.sent - TICK;
        (schedule.refresh_at - start, schedule.unusable_at - start)
    }

    #[test]
    fn a_token_is_ageing_and_expires_according_to_its_lifetime() {
        let seconds = |n| times(Duration::from_secs(n));
        // (lifetime, refresh_at, unusable_at): margin min(60, L/10), lead min(300, L/5), refresh not before L/2.
        for (lifetime, refresh_at, unusable_at) in [
            (1, 7 * SECOND / 10, 9 * SECOND / 10),
            (5, 35 * SECOND / 10, 45 * SECOND / 10),
            (60, 42 * SECOND, 54 * SECOND),
            (600, 420 * SECOND, 540 * SECOND),
            (1_500, 1_140 * SECOND, 1_440 * SECOND),
            (36_000, 35_640 * SECOND, 35_940 * SECOND),
            (315_576_000, 315_575_640 * SECOND, 315_575_940 * SECOND),
        ] {
            assert_eq!(schedule(&seconds(lifetime), MIDDLE), (refresh_at, unusable_at), "{lifetime} s");
        }
    }

    #[test]
    fn jitter_moves_the_refresh_by_a_fifth_of_the_lead_and_never_the_expiry() {
        let hour = times(Duration::from_secs(3600));
        assert_eq!(schedule(&hour, 0.0), (3300 * SECOND, 3540 * SECOND));
        assert_eq!(schedule(&hour, MIDDLE), (3240 * SECOND, 3540 * SECOND));
        assert_eq!(schedule(&hour, 1.0), (3180 * SECOND, 3540 * SECOND));
        let mut jittered = Schedule::new(&hour, 0.0).unwrap();
        jittered.apply_jitter(MIDDLE);
        assert_eq!(Some(jittered), Schedule::new(&hour, MIDDLE));
    }

    #[test]
    fn options_set_the_margin_and_the_lead() {
        let hour = times(Duration::from_secs(3600));
        let expiry_margin = Some(Duration::from_secs(100));
        let refresh_ahead = Some(Duration::from_secs(1000));
        assert_eq!(
            schedule(&FetchTimes { expiry_margin, refresh_ahead, ..hour }, MIDDLE),
            (2500 * SECOND, 3500 * SECOND)
        );
        let hour = times(Duration::from_secs(3600));
        let never = FetchTimes { refresh_ahead: Some(Duration::ZERO), expiry_margin: Some(Duration::ZERO), ..hour };
        assert_eq!(schedule(&never, 1.0), (3600 * SECOND, 3600 * SECOND));
    }

    #[test]
    fn a_margin_and_a_lead_above_the_lifetime_leave_half_of_it() {
        let year = Some(Duration::from_secs(31_557_600));
        let greedy = FetchTimes { expiry_margin: year, refresh_ahead: year, ..times(Duration::from_secs(10)) };
        assert_eq!(schedule(&greedy, MIDDLE), (5 * SECOND, 5 * SECOND));
    }

    #[test]
    fn the_lead_is_at_least_twice_what_the_fetch_took() {
        let mut slow = times(Duration::from_secs(6));
        slow.arrived += 2 * SECOND;
        // 6 - 0.6 - 4 = 1.4, but not before 3.
        assert_eq!(schedule(&slow, MIDDLE), (3 * SECOND, 54 * SECOND / 10));
        let mut slow = times(Duration::from_secs(60));
        slow.started -= 3 * SECOND;
        slow.arrived += 5 * SECOND;
        assert_eq!(schedule(&slow, MIDDLE), (38 * SECOND, 54 * SECOND));
    }

    #[test]
    fn a_token_that_arrives_within_its_margin_is_usable_to_its_end_and_an_expired_token_never() {
        let arrival = |after: Nanos| FetchTimes { arrived: 5_000 * SECOND + after, ..times(Duration::from_secs(10)) };
        // Usable until 9 s after its start, expired at 10 s. The start is one tick before the request was sent.
        let in_time = schedule(&arrival(9 * SECOND - TICK - 1), MIDDLE);
        assert_eq!(in_time, (5 * SECOND, 9 * SECOND));
        let late = schedule(&arrival(9 * SECOND - TICK), MIDDLE);
        assert_eq!(late, (0, 10 * SECOND));
        assert_eq!(Schedule::new(&arrival(9 * SECOND - TICK), MIDDLE).unwrap().expiry_margin, 0);
        assert!(Schedule::new(&arrival(10 * SECOND - TICK - 1), MIDDLE).is_some());
        assert!(Schedule::new(&arrival(10 * SECOND - TICK), MIDDLE).is_none());
    }

    #[test]
    fn a_repeat_is_usable_to_its_end_and_due_a_fifth_of_the_time_left_before() {
        let repeat = |left: Nanos, refresh_ahead| {
            let times =
                FetchTimes { refresh_ahead, expiry_margin: Some(Duration::from_secs(9)), ..times(Duration::ZERO) };
            let schedule = Schedule::of_repeat(&times, times.arrived + left + TICK, MIDDLE);
            (schedule.refresh_at - times.arrived, schedule.unusable_at - times.arrived)
        };
        assert_eq!(repeat(10 * SECOND, None), (8 * SECOND, 10 * SECOND));
        assert_eq!(repeat(3600 * SECOND, None), (3300 * SECOND, 3600 * SECOND));
        assert_eq!(repeat(1, None), (1, 1));
        assert_eq!(repeat(10 * SECOND, Some(Duration::ZERO)), (10 * SECOND, 10 * SECOND));
        assert_eq!(repeat(10 * SECOND, Some(Duration::from_secs(3000))), (5 * SECOND, 10 * SECOND));
    }

    #[test]
    fn a_new_jitter_leaves_a_late_token_ageing() {
        let mut schedule =
            Schedule::new(&FetchTimes { arrived: 5_009 * SECOND, ..times(Duration::from_secs(10)) }, 0.0).unwrap();
        schedule.apply_jitter(0.0);
        assert!(schedule.refresh_at <= 5_009 * SECOND, "{schedule:?}");
    }
}
