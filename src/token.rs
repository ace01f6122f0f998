//! A grant and the moment it was asked for make a token; when that token is fresh, ageing and expired.
//!
//! It decides nothing about fetching. Instants come in as parameters; only the two accessors that say how much time is
//! left read a clock, because their answer is for now.

use crate::{
    c_text::CText,
    clock::Clock,
    duration::{Nanos, SECOND, duration, nanos},
    oauth::response::Grant,
    secret::Secret,
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// An access token as it was granted: immutable, shared by everyone who asked for it, usable from any thread, and
/// independent of the source it came from.
pub struct Token {
    pub(crate) access_token: Secret,
    pub(crate) authorization: Secret,
    pub(crate) token_type: CText,
    pub(crate) scope: Option<CText>,
    pub(crate) response: Secret,
    generation: u32,
    /// On the clock that counts the machine's sleep.
    ends_at: Nanos,
    clock: Clock,
}

impl Token {
    pub(crate) fn new(grant: Grant, sent: Nanos, lifetime: Duration, generation: u32, clock: Clock) -> Self {
        Self {
            // RFC 6750 §2.1 writes the scheme so, whatever case the server's `token_type` had.
            authorization: Secret::new(["Bearer ", grant.access_token.expose()].concat()),
            access_token: grant.access_token,
            token_type: CText::new(grant.token_type),
            scope: grant.scope.map(CText::new),
            response: grant.response,
            generation,
            ends_at: sent.saturating_add(nanos(lifetime)),
            clock,
        }
    }

    /// The access token itself. The caller keeps it out of logs.
    pub fn access_token(&self) -> &str {
        self.access_token.expose()
    }

    /// What an `Authorization` header holds: `Bearer` and the access token (RFC 6750 §2.1).
    pub fn authorization(&self) -> &str {
        self.authorization.expose()
    }

    /// `token_type` as the server wrote it; `Bearer` if it wrote none.
    pub fn token_type(&self) -> &str {
        self.token_type.as_str()
    }

    /// The scopes that were granted, separated by spaces. `None`: the server said nothing, so they are the ones that
    /// were asked for (RFC 6749 §5.1).
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_ref().map(CText::as_str)
    }

    /// The server's answer, a JSON object, without `access_token`, `refresh_token` and `id_token`.
    pub fn response(&self) -> &str {
        self.response.expose()
    }

    /// Which of its source's tokens this is: compare with [`TokenSource::generation`](crate::TokenSource::generation).
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// How long the token is still valid, as of now, by the lifetime that the server gave it, counted from when it was
    /// asked. Zero when it is past. No setting of the wall clock changes it, and the machine's sleep counts.
    pub fn expires_in(&self) -> Duration {
        duration(self.ends_at.saturating_sub(self.clock.now().boot))
    }

    /// When the token ends by the wall clock as it is set now.
    pub fn expires_at(&self) -> SystemTime {
        let now = self.clock.now();
        let left = self.ends_at.saturating_sub(now.boot).max(0);
        SystemTime::UNIX_EPOCH + duration(now.coarse.wall.saturating_add(left))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("access_token", &self.access_token)
            .field("token_type", &self.token_type())
            .field("scope", &self.scope())
            .field("expires_in", &self.expires_in())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// Both coarse clocks may be one tick behind (10 ms where the kernel ticks slowest), so every token counts as this much
/// older than it is.
const TICK: Nanos = 10_000_000;

/// When a token is fresh, ageing and expired, on the clock that counts the machine's sleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Fresh before it, ageing from it on.
    pub(crate) refresh_at: Nanos,
    /// Served before it, expired from it on.
    pub(crate) unusable_at: Nanos,
    /// How long before its true end the token is no longer served.
    pub(crate) margin: Nanos,
    /// Ageing never begins before it.
    half: Nanos,
    /// How long before `unusable_at` ageing begins, but for the jitter.
    ahead: Nanos,
}

/// What a life is made of.
pub(crate) struct FetchTimes {
    /// When the fetch began, when its successful request was sent, and when the answer was there.
    pub(crate) started: Nanos,
    pub(crate) sent: Nanos,
    pub(crate) arrived: Nanos,
    pub(crate) lifetime: Duration,
    /// The options `expiry_margin` and `refresh_ahead`.
    pub(crate) margin: Option<Duration>,
    pub(crate) ahead: Option<Duration>,
}

impl Schedule {
    /// `None`: dead on arrival. `random` is at least 0 and below 1.
    pub(crate) fn new(birth: &FetchTimes, random: f64) -> Option<Self> {
        let lifetime = nanos(birth.lifetime);
        let start = birth.sent - TICK;
        let end = start.saturating_add(lifetime);
        if birth.arrived >= end {
            return None;
        }
        let margin = birth.margin.map_or((lifetime / 10).min(60 * SECOND), nanos).min(lifetime / 2);
        let took = birth.arrived - birth.started;
        let ahead = birth.ahead.map_or((lifetime / 5).min(300 * SECOND).max(2 * took), nanos).min(lifetime);
        let mut life =
            Self { refresh_at: 0, unusable_at: end - margin, margin, half: start.saturating_add(lifetime / 2), ahead };
        if birth.arrived >= life.unusable_at {
            // The answer took longer than the margin leaves. Every later one may too, so this one serves to its end
            // while the next is fetched.
            life = Self { refresh_at: start, unusable_at: end, margin: 0, half: start, ahead: lifetime };
        } else {
            life.draw(random);
        }
        Some(life)
    }

    /// Draws when ageing begins, so that a fleet, or a parent and its children, do not refresh in step.
    pub(crate) fn draw(&mut self, random: f64) {
        let ahead = (self.ahead as f64 * (0.8 + 0.4 * random)) as Nanos;
        self.refresh_at = (self.unusable_at - ahead).max(self.half);
    }
}

/// A token and the times at which it is served.
#[derive(Clone, Debug)]
pub(crate) struct CachedToken {
    pub(crate) token: Arc<Token>,
    pub(crate) life: Schedule,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::test::TestClock;

    /// The middle of the jitter's range: a factor of 1.
    const MIDDLE: f64 = 0.5;

    fn birth(lifetime: Duration) -> FetchTimes {
        let sent = 5_000 * SECOND;
        FetchTimes { started: sent, sent, arrived: sent, lifetime, margin: None, ahead: None }
    }

    /// Ageing and end, counted from the token's start, which is one tick before it was sent.
    fn of(birth: &FetchTimes, random: f64) -> (Nanos, Nanos) {
        let life = Schedule::new(birth, random).unwrap();
        let start = birth.sent - TICK;
        (life.refresh_at - start, life.unusable_at - start)
    }

    #[test]
    fn a_token_ages_and_ends_as_its_lifetime_says() {
        let seconds = |n| birth(Duration::from_secs(n));
        // (lifetime, ageing, end): margin min(60, L/10), ahead min(300, L/5), ageing not before L/2.
        for (lifetime, ageing, end) in [
            (1, 7 * SECOND / 10, 9 * SECOND / 10),
            (5, 35 * SECOND / 10, 45 * SECOND / 10),
            (60, 42 * SECOND, 54 * SECOND),
            (600, 420 * SECOND, 540 * SECOND),
            (1_500, 1_140 * SECOND, 1_440 * SECOND),
            (36_000, 35_640 * SECOND, 35_940 * SECOND),
            (315_576_000, 315_575_640 * SECOND, 315_575_940 * SECOND),
        ] {
            assert_eq!(of(&seconds(lifetime), MIDDLE), (ageing, end), "{lifetime} s");
        }
    }

    #[test]
    fn jitter_moves_the_ageing_by_a_fifth_either_way_and_never_the_end() {
        let hour = birth(Duration::from_secs(3600));
        assert_eq!(of(&hour, 0.0), (3300 * SECOND, 3540 * SECOND));
        assert_eq!(of(&hour, MIDDLE), (3240 * SECOND, 3540 * SECOND));
        assert_eq!(of(&hour, 1.0), (3180 * SECOND, 3540 * SECOND));
        let mut life = Schedule::new(&hour, 0.0).unwrap();
        life.draw(MIDDLE);
        assert_eq!(Some(life), Schedule::new(&hour, MIDDLE));
    }

    #[test]
    fn options_set_the_margin_and_the_lead() {
        let hour = birth(Duration::from_secs(3600));
        let margin = Some(Duration::from_secs(100));
        let ahead = Some(Duration::from_secs(1000));
        assert_eq!(of(&FetchTimes { margin, ahead, ..hour }, MIDDLE), (2500 * SECOND, 3500 * SECOND));
        let hour = birth(Duration::from_secs(3600));
        let never = FetchTimes { ahead: Some(Duration::ZERO), margin: Some(Duration::ZERO), ..hour };
        assert_eq!(of(&never, 1.0), (3600 * SECOND, 3600 * SECOND));
    }

    #[test]
    fn a_margin_and_a_lead_beyond_the_lifetime_leave_half_of_it() {
        let year = Some(Duration::from_secs(31_557_600));
        let greedy = FetchTimes { margin: year, ahead: year, ..birth(Duration::from_secs(10)) };
        assert_eq!(of(&greedy, MIDDLE), (5 * SECOND, 5 * SECOND));
    }

    #[test]
    fn a_slow_server_is_asked_twice_as_long_ahead_as_it_took() {
        let mut slow = birth(Duration::from_secs(6));
        slow.arrived += 2 * SECOND;
        // 6 - 0.6 - 4 = 1.4, but not before 3.
        assert_eq!(of(&slow, MIDDLE), (3 * SECOND, 54 * SECOND / 10));
        let mut slow = birth(Duration::from_secs(60));
        slow.started -= 3 * SECOND;
        slow.arrived += 5 * SECOND;
        assert_eq!(of(&slow, MIDDLE), (38 * SECOND, 54 * SECOND));
    }

    #[test]
    fn a_token_late_on_arrival_serves_to_its_end_and_a_dead_one_never() {
        let arrival = |after: Nanos| FetchTimes { arrived: 5_000 * SECOND + after, ..birth(Duration::from_secs(10)) };
        // Served until 9 s after its start, dead at 10 s; the start is one tick before it was sent.
        let in_time = of(&arrival(9 * SECOND - TICK - 1), MIDDLE);
        assert_eq!(in_time, (5 * SECOND, 9 * SECOND));
        let late = of(&arrival(9 * SECOND - TICK), MIDDLE);
        assert_eq!(late, (0, 10 * SECOND));
        assert_eq!(Schedule::new(&arrival(9 * SECOND - TICK), MIDDLE).unwrap().margin, 0);
        assert!(Schedule::new(&arrival(10 * SECOND - TICK - 1), MIDDLE).is_some());
        assert!(Schedule::new(&arrival(10 * SECOND - TICK), MIDDLE).is_none());
    }

    #[test]
    fn a_redrawn_late_token_stays_ageing() {
        let mut life =
            Schedule::new(&FetchTimes { arrived: 5_009 * SECOND, ..birth(Duration::from_secs(10)) }, 0.0).unwrap();
        life.draw(0.0);
        assert!(life.refresh_at <= 5_009 * SECOND, "{life:?}");
    }

    fn token(clock: &Arc<TestClock>) -> Token {
        let grant = Grant {
            access_token: Secret::new("the-t0ken"),
            token_type: "bearer".into(),
            scope: Some("read".into()),
            lifetime: None,
            response: Secret::new("{}"),
        };
        let clock = Clock::Test(clock.clone());
        Token::new(grant, clock.now().boot, Duration::from_secs(3600), 7, clock)
    }

    #[test]
    fn the_time_left_counts_sleep_and_ignores_the_wall_clock() {
        let clock = TestClock::new();
        let token = token(&clock);
        let end = token.expires_at();
        assert_eq!(token.expires_in(), Duration::from_secs(3600));
        clock.advance(600 * SECOND);
        clock.suspend(1000 * SECOND);
        assert_eq!(token.expires_in(), Duration::from_secs(2000));
        assert_eq!(token.expires_at(), end);
        clock.set_wall(-86_400 * SECOND);
        assert_eq!(token.expires_in(), Duration::from_secs(2000));
        assert_eq!(token.expires_at(), end - Duration::from_secs(86_400));
        clock.advance(2000 * SECOND - 1);
        assert_eq!(token.expires_in(), Duration::from_nanos(1));
        clock.advance(1);
        assert_eq!(token.expires_in(), Duration::ZERO);
        let past = token.expires_at();
        clock.advance(SECOND);
        assert_eq!(token.expires_in(), Duration::ZERO);
        assert_eq!(token.expires_at(), past + Duration::from_secs(1));
    }

    #[test]
    fn a_token_shows_its_parts_and_prints_without_its_text() {
        let token = token(&TestClock::new());
        assert_eq!(token.access_token(), "the-t0ken");
        assert_eq!(token.authorization(), "Bearer the-t0ken");
        assert_eq!((token.token_type(), token.scope(), token.response()), ("bearer", Some("read"), "{}"));
        assert_eq!(token.generation(), 7);
        let shown = format!("{token:?}");
        assert!(shown.contains("[redacted]") && shown.contains("\"read\""), "{shown}");
        assert!(!shown.contains("t0ken"), "{shown}");
    }
}
