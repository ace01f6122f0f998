//! Pure: how a source stands, what follows from that at an instant, and how each event changes it.
//!
//! Everything that decides about a token is here, in one value that is replaced whole: a child of a fork reads it without
//! a lock. It starts nothing and waits for nothing. Instants are on the clock that counts the machine's sleep.

use crate::{
    backoff,
    clock::{Coarse, Now},
    duration::{Nanos, SECOND, duration, nanos},
    error::Error,
    source::published::{FastPath, FastView},
    system::Stamp,
    token::{CachedToken, Token},
};
use std::{ptr, time::Duration};

/// Successful fetches start at least this far apart.
const SPACING: Nanos = SECOND;

/// A replacement that is invalidated within this time puts the brake on.
const BRAKE_MEMORY: Nanos = 60 * SECOND;

/// What a fetch is for, which says how often it may try and who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchReason {
    /// There is no good token: everyone waits.
    NoToken,
    /// The token is ageing: nobody waits.
    Refresh,
    /// A hold-off is over: one caller finds out, the others are refused meanwhile.
    Probe,
}

/// What `get` does at an instant.
#[derive(Debug)]
pub(crate) enum Decision<'a> {
    Serve(&'a CachedToken),
    /// Serve, and start a refresh.
    ServeAndRefresh(&'a CachedToken),
    /// Wait for the fetch that is under way.
    AwaitFetch,
    /// Start a fetch and wait for it.
    StartFetch(FetchReason),
    /// Fail at once with the error of the last fetch.
    Fail(&'a Error),
    /// As `Fail`, while another caller's probe is under way.
    FailUnlessPolling(&'a Error),
    Closed,
}

#[derive(Clone, Debug)]
pub(crate) struct SourceState {
    /// Three clocks read at one moment: what the two coarse ones read later gives the third.
    base: Now,
    /// The last token until it is replaced or invalidated, also when it has expired.
    served: Option<CachedToken>,
    /// How the last finished fetch ended.
    outcome: Option<Error>,
    hold_off: Option<HoldOff>,
    failures_in_a_row: u32,
    brake: InvalidateLimiter,
    next_fetch_at: Nanos,
    generation: u32,
    fetch_in_flight: Option<FetchReason>,
    closed: bool,
    forks: u32,
}

/// After a failed fetch, how long the server is left alone.
#[derive(Clone, Debug)]
struct HoldOff {
    own_until: Option<Nanos>,
    server_until: Option<Nanos>,
    /// There was a good token when it began.
    ageing: bool,
    /// What the file of the secret was when the failed fetch read it; the inner `None`: there was no file. `None`: it read
    /// none, so that none can be mended.
    secret: Option<Option<Stamp>>,
}

impl HoldOff {
    fn until(&self) -> Nanos {
        self.own_until.max(self.server_until).unwrap_or(Nanos::MIN)
    }
}

/// Against an API that rejects every token.
#[derive(Clone, Debug, Default)]
struct InvalidateLimiter {
    /// How often in a row a replacement was invalidated too soon.
    level: u32,
    /// Invalidations before it do nothing.
    ignore_until: Option<Nanos>,
    /// What the sixty seconds count from; `None` before the first invalidation.
    since: Option<Nanos>,
    /// The token that was invalidated has no replacement yet.
    awaiting: bool,
}

impl SourceState {
    pub(crate) fn new(now: Now, forks: u32) -> Self {
        Self {
            base: now,
            served: None,
            outcome: None,
            hold_off: None,
            failures_in_a_row: 0,
            brake: InvalidateLimiter::default(),
            next_fetch_at: Nanos::MIN,
            generation: 0,
            fetch_in_flight: None,
            closed: false,
            forks,
        }
    }

    /// The instant that the coarse clocks tell. `None`: a clock was set or the machine slept, so they do not tell, and
    /// [`rebase`](Self::rebase) is due.
    pub(crate) fn instant(&self, now: Coarse) -> Option<Nanos> {
        let moved = now.offset().wrapping_sub(self.base.coarse.offset()).unsigned_abs();
        (moved <= self.tolerance().unsigned_abs()).then(|| self.reckoned(now))
    }

    fn reckoned(&self, now: Coarse) -> Nanos {
        self.base.boot.saturating_add(now.monotonic.saturating_sub(self.base.coarse.monotonic))
    }

    /// How far the coarse clocks may move apart before they count as set. Each may be a tick behind the other.
    fn tolerance(&self) -> Nanos {
        self.served.as_ref().map_or(Nanos::MAX, |served| served.life.margin).clamp(SECOND / 50, 2 * SECOND)
    }

    /// Takes all three clocks as agreeing from now on. The instant never goes back.
    pub(crate) fn rebase(&mut self, now: Now) -> Nanos {
        let instant = now.boot.max(self.reckoned(now.coarse));
        self.base = Now { boot: instant, ..now };
        instant
    }

    pub(crate) fn verdict(&self, now: Nanos) -> Decision<'_> {
        if self.closed {
            return Decision::Closed;
        }
        if let Some(served) = self.served.as_ref().filter(|served| now < served.life.unusable_at) {
            return if now < self.no_action_until(served) {
                Decision::Serve(served)
            } else {
                Decision::ServeAndRefresh(served)
            };
        }
        match (self.fetch_in_flight, self.refused_until().zip(self.outcome.as_ref())) {
            (Some(FetchReason::Probe), Some((_, error))) => Decision::FailUnlessPolling(error),
            (Some(_), _) => Decision::AwaitFetch,
            (None, Some((until, error))) if now < until => Decision::Fail(error),
            (None, Some(_)) => Decision::StartFetch(FetchReason::Probe),
            (None, None) => Decision::StartFetch(FetchReason::NoToken),
        }
    }

    /// Until when a good token is handed out with nothing else done.
    fn no_action_until(&self, served: &CachedToken) -> Nanos {
        if self.fetch_in_flight.is_some() {
            return served.life.unusable_at;
        }
        let held_off = self.hold_off.as_ref().map_or(Nanos::MIN, HoldOff::until);
        served.life.refresh_at.max(held_off).max(self.next_fetch_at).min(served.life.unusable_at)
    }

    /// Without a good token: until when callers are refused, and after which one of them probes.
    fn refused_until(&self) -> Option<Nanos> {
        let hold_off = self.hold_off.as_ref()?;
        match self.served.as_ref().filter(|_| hold_off.ageing) {
            // Our own hold-off was for the sake of a token that is no more; the server's word stays.
            Some(served) => hold_off.server_until.filter(|until| *until > served.life.unusable_at),
            None => Some(hold_off.until()),
        }
    }

    /// The earliest that a fetch may be sent.
    pub(crate) fn next_fetch_at(&self) -> Nanos {
        self.next_fetch_at
    }

    pub(crate) fn is_good(&self, now: Nanos) -> bool {
        !self.closed && self.served.as_ref().is_some_and(|served| now < served.life.unusable_at)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn fetch_in_flight(&self) -> Option<FetchReason> {
        self.fetch_in_flight
    }

    pub(crate) fn forks(&self) -> u32 {
        self.forks
    }

    /// The state of the secret's file that the failure being held off was made with, where a look at the file could end
    /// the hold-off. The inner `None`: there was no file.
    pub(crate) fn secret_that_failed(&self) -> Option<Option<Stamp>> {
        let hold_off = self.hold_off.as_ref().filter(|_| self.fetch_in_flight.is_none())?;
        hold_off.own_until.and(hold_off.secret)
    }

    /// An error as of now: with the time left until the server is asked again, which a closed source never does.
    pub(crate) fn dated(&self, error: &Error, now: Nanos) -> Error {
        if self.closed {
            return error.clone();
        }
        let until = if self.is_good(now) { self.hold_off.as_ref().map(HoldOff::until) } else { self.refused_until() };
        error.clone().with_retry_after(until.map_or(Duration::ZERO, |until| duration(until.saturating_sub(now))))
    }

    /// The error of the last finished fetch. `None`: it was good, or there was none.
    pub(crate) fn outcome(&self) -> Option<&Error> {
        self.outcome.as_ref()
    }

    pub(crate) fn next_generation(&self) -> u32 {
        self.generation.wrapping_add(1).max(1)
    }

    pub(crate) fn begin_fetch(&mut self, purpose: FetchReason) {
        self.fetch_in_flight = Some(purpose);
    }

    /// A fetch that started at `started` brought a token.
    pub(crate) fn granted(&mut self, served: CachedToken, started: Nanos, now: Nanos) {
        self.generation = served.token.generation();
        self.served = Some(served);
        self.outcome = None;
        self.hold_off = None;
        self.failures_in_a_row = 0;
        self.next_fetch_at = started.saturating_add(SPACING);
        self.fetch_in_flight = None;
        self.brake.replaced(now);
    }

    /// A fetch failed, having read the secret from a file in the state `secret`, if it came to that.
    pub(crate) fn failed(&mut self, error: Error, secret: Option<Option<Stamp>>, now: Nanos, random: f64) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let wait = backoff::hold_off(&error, self.failures_in_a_row, random);
        let until = |wait: Duration| now.saturating_add(nanos(wait));
        self.hold_off = Some(HoldOff {
            own_until: wait.own.map(until),
            server_until: wait.server.map(until),
            ageing: self.is_good(now),
            secret,
        });
        self.outcome = Some(error);
        self.fetch_in_flight = None;
    }

    /// A caller says that the API refused `token`. False: it is not the one being served, or the brake is on.
    pub(crate) fn invalidate(&mut self, token: &Token, now: Nanos) -> bool {
        let current = self.served.as_ref().filter(|served| ptr::eq(&*served.token, token));
        if current.is_none_or(|served| now >= served.life.unusable_at) || !self.brake.allows(now) {
            return false;
        }
        self.served = None;
        // The refresh under way is the replacement; else the next fetch need not keep its distance.
        if self.fetch_in_flight.is_none() {
            self.next_fetch_at = Nanos::MIN;
        }
        if let Some(hold_off) = self.hold_off.take_if(|hold_off| hold_off.ageing) {
            let stays = hold_off.server_until.is_some_and(|until| until > now);
            self.hold_off = stays.then_some(HoldOff { own_until: None, ..hold_off });
        }
        true
    }

    /// The file of the secret is no longer what the fetch failed with: our own hold-off has no reason any more. False: by
    /// now it is not that failure which is held off.
    pub(crate) fn end_secret_hold_off(&mut self, failed_with: Option<Option<Stamp>>) -> bool {
        if failed_with.is_none() || self.secret_that_failed() != failed_with {
            return false;
        }
        self.hold_off = self.hold_off.take().filter(|hold_off| hold_off.server_until.is_some());
        if let Some(hold_off) = &mut self.hold_off {
            hold_off.own_until = None;
        }
        true
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.served = None;
        self.fetch_in_flight = None;
    }

    /// In a child of a fork: the threads of the parent are not here, and siblings must not refresh in step.
    pub(crate) fn after_fork(&mut self, forks: u32, now: Nanos, random: f64) {
        self.forks = forks;
        self.fetch_in_flight = None;
        if let Some(served) = self.served.as_mut().filter(|served| now < served.life.refresh_at) {
            served.life.draw(random);
        }
    }
}

impl FastPath for SourceState {
    fn view(&self) -> FastView {
        let no_action_until = match &self.served {
            // `get` must be asked, for it looks at the file.
            Some(_) if self.secret_that_failed().is_some() => Nanos::MIN,
            Some(served) => {
                let left = self.no_action_until(served).saturating_sub(self.base.boot);
                self.base.coarse.monotonic.saturating_add(left)
            }
            None => Nanos::MIN,
        };
        FastView {
            generation: self.generation,
            no_action_until,
            offset: self.base.coarse.offset(),
            tolerance: self.tolerance(),
            forks: self.forks,
        }
    }
}

impl InvalidateLimiter {
    /// Whether an invalidation acts now; if so, it counts.
    fn allows(&mut self, now: Nanos) -> bool {
        if self.ignore_until.is_some_and(|until| now < until) {
            return false;
        }
        let too_soon = self.since.is_some_and(|since| now < since.saturating_add(BRAKE_MEMORY));
        self.level = if too_soon { self.level.saturating_add(1) } else { 0 };
        self.ignore_until = too_soon.then(|| now.saturating_add(nanos(backoff::brake(self.level))));
        self.since = self.ignore_until.or(Some(now));
        self.awaiting = true;
        true
    }

    /// A token came: the sixty seconds of the one that replaces an invalidated one count from here.
    fn replaced(&mut self, now: Nanos) {
        if std::mem::take(&mut self.awaiting) {
            self.since = self.since.max(Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        error::ErrorKind,
        oauth::response::Grant,
        secret::Secret,
        token::{FetchTimes, Schedule},
    };
    use std::sync::Arc;

    /// The middle of the jitter: a factor of 1 for the lead, 0.875 for a hold-off.
    const MIDDLE: f64 = 0.5;
    const TICK: Nanos = 10_000_000;
    /// The zero of the tests, on each clock another.
    const ZERO: Now = Now { coarse: Coarse { monotonic: 7_000 * SECOND, wall: 1_000_000 * SECOND }, boot: 0 };

    fn at(instant: Nanos) -> Now {
        let coarse = Coarse { monotonic: ZERO.coarse.monotonic + instant, wall: ZERO.coarse.wall + instant };
        Now { coarse, boot: instant }
    }

    fn standing() -> SourceState {
        SourceState::new(at(0), 0)
    }

    fn served(generation: u32, sent: Nanos, lifetime: u64) -> CachedToken {
        let lifetime = Duration::from_secs(lifetime);
        let grant = Grant {
            access_token: Secret::new("token-0"),
            token_type: "Bearer".into(),
            scope: None,
            lifetime: None,
            response: Secret::new("{}"),
        };
        let birth = FetchTimes { started: sent, sent, arrived: sent, lifetime, margin: None, ahead: None };
        let life = Schedule::new(&birth, MIDDLE).unwrap();
        CachedToken { token: Arc::new(Token::new(grant, sent, lifetime, generation, Clock::System)), life }
    }

    /// A token of 100 s, sent at `sent`: ageing from 70 s, expired from 90 s after its start, one tick before `sent`.
    fn granted(standing: &mut SourceState, sent: Nanos) -> Arc<Token> {
        let served = served(standing.next_generation(), sent, 100);
        standing.granted(served.clone(), sent, sent);
        served.token
    }

    fn transient() -> Error {
        Error::new(ErrorKind::Network, "no route").retryable()
    }

    fn permanent() -> Error {
        Error::new(ErrorKind::OAuth, "invalid_client")
    }

    fn waiting(error: Error, seconds: u64) -> Error {
        error.with_server_wait(Some(Duration::from_secs(seconds)))
    }

    /// The verdict in a word; and the generation must be told exactly when a token is served with nothing else done.
    fn verdict(standing: &SourceState, now: Nanos) -> &'static str {
        let word = match standing.verdict(now) {
            Decision::Serve(_) => "serve",
            Decision::ServeAndRefresh(_) => "refresh",
            Decision::AwaitFetch => "join",
            Decision::StartFetch(FetchReason::NoToken) => "fetch",
            Decision::StartFetch(FetchReason::Probe) => "probe",
            Decision::StartFetch(FetchReason::Refresh) => unreachable!("a refresh serves"),
            Decision::Fail(_) => "refuse",
            Decision::FailUnlessPolling(_) => "refuse during probe",
            Decision::Closed => "closed",
        };
        assert_eq!(standing.view().generation(at(now).coarse) != 0, word == "serve", "{word} at {now}");
        word
    }

    /// What is said the instant before, at and after.
    fn around(standing: &SourceState, instant: Nanos) -> [&'static str; 3] {
        [-1, 0, 1].map(|by| verdict(standing, instant + by))
    }

    #[test]
    fn a_token_is_fresh_then_ageing_then_expired_to_the_nanosecond() {
        let mut standing = standing();
        assert_eq!(verdict(&standing, 0), "fetch");
        granted(&mut standing, 0);
        assert_eq!(verdict(&standing, 0), "serve");
        assert_eq!(around(&standing, 70 * SECOND - TICK), ["serve", "refresh", "refresh"]);
        assert_eq!(around(&standing, 90 * SECOND - TICK), ["refresh", "fetch", "fetch"]);
    }

    #[test]
    fn nobody_waits_for_a_refresh_until_the_token_ends_under_it() {
        let mut standing = standing();
        granted(&mut standing, 0);
        standing.rebase(at(75 * SECOND));
        standing.begin_fetch(FetchReason::Refresh);
        assert_eq!(around(&standing, 90 * SECOND - TICK), ["serve", "join", "join"]);
    }

    #[test]
    fn a_fetch_for_which_there_is_need_is_joined() {
        let mut standing = standing();
        standing.begin_fetch(FetchReason::NoToken);
        assert_eq!(verdict(&standing, 0), "join");
    }

    #[test]
    fn a_transient_failure_is_held_off_for_a_second_doubling_to_thirty_then_probed() {
        let mut standing = standing();
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            standing.failed(transient(), None, now, MIDDLE);
            now += seconds * SECOND / 8 * 7;
            assert_eq!(around(&standing, now), ["refuse", "probe", "probe"]);
            standing.rebase(at(now));
            standing.begin_fetch(FetchReason::Probe);
            assert_eq!(verdict(&standing, now), "refuse during probe");
        }
    }

    #[test]
    fn a_permanent_failure_is_held_off_for_a_minute() {
        let mut standing = standing();
        standing.failed(permanent(), None, 0, MIDDLE);
        assert_eq!(around(&standing, 60 * SECOND), ["refuse", "probe", "probe"]);
    }

    #[test]
    fn the_servers_wait_replaces_a_transient_hold_off_and_lengthens_a_permanent_one() {
        let held = |error| {
            let mut standing = standing();
            standing.failed(error, None, 0, MIDDLE);
            standing
        };
        let probed_at =
            |error, seconds| assert_eq!(around(&held(error), seconds * SECOND), ["refuse", "probe", "probe"]);
        probed_at(waiting(transient(), 0), 1);
        probed_at(waiting(transient(), 20), 20);
        probed_at(waiting(transient(), 90_000), 3600);
        probed_at(waiting(permanent(), 10), 60);
        probed_at(waiting(permanent(), 100), 100);
    }

    #[test]
    fn an_error_is_handed_out_with_the_time_left() {
        let mut standing = standing();
        standing.failed(permanent(), None, 0, MIDDLE);
        let left = |now| standing.dated(standing.outcome().unwrap(), now).retry_after();
        assert_eq!(left(0), Some(Duration::from_secs(60)));
        assert_eq!(left(60 * SECOND - 1), Some(Duration::from_nanos(1)));
        assert_eq!(left(61 * SECOND), Some(Duration::ZERO));
    }

    #[test]
    fn a_failed_refresh_is_held_off_while_the_token_is_served() {
        let mut standing = standing();
        granted(&mut standing, 0);
        let now = 75 * SECOND;
        standing.rebase(at(now));
        standing.begin_fetch(FetchReason::Refresh);
        standing.failed(waiting(transient(), 5), None, now, MIDDLE);
        assert_eq!(around(&standing, now + 5 * SECOND), ["serve", "refresh", "refresh"]);
        assert_eq!(standing.dated(standing.outcome().unwrap(), now).retry_after(), Some(Duration::from_secs(5)));
    }

    #[test]
    fn our_hold_off_of_a_refresh_ends_with_the_token_and_the_count_goes_on() {
        let mut standing = standing();
        granted(&mut standing, 0);
        let now = 75 * SECOND;
        standing.rebase(at(now));
        standing.failed(permanent(), None, now, MIDDLE);
        let end = 90 * SECOND - TICK;
        assert_eq!(around(&standing, end), ["serve", "fetch", "fetch"]);
        standing.rebase(at(end));
        standing.failed(transient(), None, end, MIDDLE);
        // The second failure in a row: 2 s, and now there is no token for whose sake it was.
        assert_eq!(around(&standing, end + 2 * SECOND / 8 * 7), ["refuse", "probe", "probe"]);
    }

    #[test]
    fn the_servers_hold_off_of_a_refresh_outlives_the_token() {
        let mut standing = standing();
        granted(&mut standing, 0);
        let now = 75 * SECOND;
        standing.rebase(at(now));
        standing.failed(waiting(transient(), 30), None, now, MIDDLE);
        assert_eq!(around(&standing, 90 * SECOND - TICK), ["serve", "refuse", "refuse"]);
        assert_eq!(around(&standing, now + 30 * SECOND), ["refuse", "probe", "probe"]);
        // One that is over with the token, or was before it, is no hold-off any more.
        standing.failed(waiting(transient(), 10), None, 80 * SECOND - TICK, MIDDLE);
        assert_eq!(around(&standing, 90 * SECOND - TICK), ["serve", "fetch", "fetch"]);
        standing.failed(waiting(transient(), 10), None, now, MIDDLE);
        assert_eq!(around(&standing, 90 * SECOND - TICK), ["refresh", "fetch", "fetch"]);
    }

    #[test]
    fn an_invalidated_token_is_not_served_again() {
        let mut standing = standing();
        let token = granted(&mut standing, 0);
        standing.rebase(at(10 * SECOND));
        assert!(standing.invalidate(&token, 10 * SECOND));
        assert_eq!(verdict(&standing, 10 * SECOND), "fetch");
        assert!(!standing.invalidate(&token, 10 * SECOND));
        standing.failed(permanent(), None, 11 * SECOND, MIDDLE);
        assert_eq!(verdict(&standing, 12 * SECOND), "refuse");
    }

    #[test]
    fn only_the_very_token_that_is_served_can_be_invalidated() {
        let mut standing = standing();
        let token = granted(&mut standing, 0);
        let twin = served(token.generation(), 0, 100).token;
        assert!(!standing.invalidate(&twin, SECOND));
        assert!(!standing.invalidate(&token, 90 * SECOND - TICK));
        assert_eq!(verdict(&standing, SECOND), "serve");
        assert!(standing.invalidate(&token, 90 * SECOND - TICK - 1));
    }

    #[test]
    fn invalidate_joins_the_refresh_under_way() {
        let mut standing = standing();
        let token = granted(&mut standing, 0);
        standing.rebase(at(75 * SECOND));
        standing.begin_fetch(FetchReason::Refresh);
        assert!(standing.invalidate(&token, 75 * SECOND));
        assert_eq!(verdict(&standing, 75 * SECOND), "join");
        granted(&mut standing, 75 * SECOND);
        assert_eq!(verdict(&standing, 75 * SECOND), "serve");
    }

    #[test]
    fn invalidate_ends_our_hold_off_and_leaves_the_servers() {
        for (error, words) in [
            (permanent(), ["fetch", "fetch", "fetch"]),
            (waiting(transient(), 10), ["refuse", "probe", "probe"]),
            (waiting(permanent(), 10), ["refuse", "probe", "probe"]),
        ] {
            let mut standing = standing();
            let token = granted(&mut standing, 0);
            standing.rebase(at(75 * SECOND));
            standing.failed(error, None, 75 * SECOND, MIDDLE);
            assert!(standing.invalidate(&token, 76 * SECOND));
            assert_eq!(around(&standing, 85 * SECOND), words);
        }
        let mut standing = standing();
        let token = granted(&mut standing, 0);
        standing.rebase(at(75 * SECOND));
        standing.failed(waiting(transient(), 10), None, 75 * SECOND, MIDDLE);
        assert!(standing.invalidate(&token, 85 * SECOND));
        assert_eq!(verdict(&standing, 85 * SECOND), "fetch");
    }

    /// Invalidates the current token at each instant, replacing it at once where that acts.
    fn acts(standing: &mut SourceState, token: &mut Arc<Token>, now: Nanos) -> bool {
        let acts = standing.invalidate(token, now);
        if acts {
            *token = granted(standing, now);
        }
        acts
    }

    #[test]
    fn the_brake_ignores_for_a_second_doubling_to_sixty() {
        let mut standing = standing();
        let mut token = granted(&mut standing, 0);
        assert!(acts(&mut standing, &mut token, 0));
        assert!(acts(&mut standing, &mut token, 0));
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            // Tokens of 100 s are replaced as they age; that is not for the brake.
            token = granted(&mut standing, now);
            now += seconds * SECOND;
            assert!(!acts(&mut standing, &mut token, now - 1), "{seconds}");
            assert!(acts(&mut standing, &mut token, now), "{seconds}");
        }
    }

    #[test]
    fn the_brake_forgets_after_a_minute() {
        for (after, braked) in [(60 * SECOND - 1, true), (60 * SECOND, false)] {
            let mut standing = standing();
            let mut token = granted(&mut standing, 0);
            assert!(acts(&mut standing, &mut token, 5 * SECOND));
            let now = 5 * SECOND + after;
            assert!(acts(&mut standing, &mut token, now));
            assert_eq!(!acts(&mut standing, &mut token, now + 1), braked, "{after}");
        }
    }

    #[test]
    fn the_brakes_minute_counts_from_the_replacement_and_from_no_later_token() {
        let mut standing = standing();
        let token = granted(&mut standing, 0);
        assert!(standing.invalidate(&token, SECOND));
        let mut token = granted(&mut standing, 50 * SECOND);
        assert!(acts(&mut standing, &mut token, 100 * SECOND));
        assert!(!acts(&mut standing, &mut token, 100 * SECOND), "the replacement came 50 s ago");

        let mut standing = self::standing();
        let token = granted(&mut standing, 0);
        assert!(standing.invalidate(&token, SECOND));
        granted(&mut standing, SECOND);
        let mut token = granted(&mut standing, 70 * SECOND);
        assert!(acts(&mut standing, &mut token, 75 * SECOND));
        assert!(acts(&mut standing, &mut token, 75 * SECOND), "its first replacement lived long enough");
    }

    #[test]
    fn an_ageing_token_is_not_refreshed_before_the_spacing() {
        let mut standing = standing();
        let served = served(1, 0, 1);
        // Served until 0.9 s, ageing from 0.7 s after its start; the spacing ends at 1 s.
        standing.granted(served, 0, 0);
        assert_eq!(around(&standing, 7 * SECOND / 10 - TICK), ["serve"; 3]);
        assert_eq!(around(&standing, 9 * SECOND / 10 - TICK), ["serve", "fetch", "fetch"]);
        assert_eq!(standing.next_fetch_at(), SECOND);
    }

    #[test]
    fn the_spacing_counts_from_the_start_of_a_fetch_and_is_waived_after_an_invalidate() {
        let mut standing = standing();
        let served = served(1, 4 * SECOND, 100);
        standing.granted(served.clone(), 3 * SECOND, 5 * SECOND);
        assert_eq!(standing.next_fetch_at(), 4 * SECOND);
        assert!(standing.invalidate(&served.token, 5 * SECOND));
        assert_eq!(standing.next_fetch_at(), Nanos::MIN);
        // The refresh under way is the first after the invalidate: the one after it keeps its distance.
        let token = granted(&mut standing, 6 * SECOND);
        standing.begin_fetch(FetchReason::Refresh);
        assert!(standing.invalidate(&token, 66 * SECOND));
        assert_eq!(standing.next_fetch_at(), 7 * SECOND);
    }

    #[test]
    fn a_set_clock_or_a_sleep_is_seen_at_the_tolerance_and_reckoned_by_the_third_clock() {
        let mut standing = standing();
        granted(&mut standing, 0);
        let moved = |by: Nanos| {
            let mut now = at(SECOND);
            now.coarse.wall += by;
            (standing.instant(now.coarse).is_some(), standing.view().generation(now.coarse) != 0)
        };
        // The margin is 10 s, so the tolerance is 2 s.
        for by in [2 * SECOND, -2 * SECOND] {
            assert_eq!(moved(by), (true, true));
        }
        for by in [2 * SECOND + 1, -2 * SECOND - 1, 86_400 * SECOND, -86_400 * SECOND] {
            assert_eq!(moved(by), (false, false));
        }
        // The machine slept 80 s.
        let mut now = at(5 * SECOND);
        now.coarse.wall += 80 * SECOND;
        now.boot += 80 * SECOND;
        assert_eq!(standing.rebase(now), 85 * SECOND);
        assert_eq!(standing.instant(now.coarse), Some(85 * SECOND));
        assert_eq!(standing.view().generation(now.coarse), 0);
    }

    #[test]
    fn the_tolerance_is_the_margin_between_a_fiftieth_and_two_seconds() {
        let tolerance = |lifetime, margin| {
            let mut standing = standing();
            let mut served = served(1, 0, lifetime);
            served.life.margin = margin;
            standing.granted(served, 0, 0);
            standing.view().tolerance
        };
        assert_eq!(tolerance(100, 10 * SECOND), 2 * SECOND);
        assert_eq!(tolerance(10, SECOND), SECOND);
        assert_eq!(tolerance(10, 0), SECOND / 50);
        assert_eq!(standing().view().tolerance, 2 * SECOND);
    }

    #[test]
    fn the_instant_never_goes_back() {
        let mut standing = standing();
        let mut now = at(10 * SECOND);
        now.boot = 9 * SECOND;
        assert_eq!(standing.rebase(now), 10 * SECOND);
        assert_eq!(standing.instant(now.coarse), Some(10 * SECOND));
    }

    #[test]
    fn a_changed_secret_ends_our_hold_off_and_leaves_the_servers() {
        let path = std::env::temp_dir();
        let stamp = Stamp::at(&path);
        let held = |error| {
            let mut standing = standing();
            standing.failed(error, Some(stamp), 0, MIDDLE);
            standing
        };
        let mut standing = held(permanent());
        assert_eq!(standing.secret_that_failed(), Some(stamp));
        assert!(!standing.end_secret_hold_off(Some(None)), "another failure than the one that was looked at");
        assert!(!standing.end_secret_hold_off(None));
        assert!(standing.end_secret_hold_off(Some(stamp)));
        assert_eq!(verdict(&standing, 0), "fetch");
        assert_eq!(standing.secret_that_failed(), None);

        let mut standing = held(waiting(permanent(), 10));
        assert!(standing.end_secret_hold_off(Some(stamp)));
        assert_eq!(around(&standing, 10 * SECOND), ["refuse", "probe", "probe"]);
        assert_eq!(held(waiting(transient(), 10)).secret_that_failed(), None);
        let mut unread = self::standing();
        unread.failed(permanent(), None, 0, MIDDLE);
        assert_eq!(unread.secret_that_failed(), None);
    }

    #[test]
    fn no_generation_is_told_while_a_file_may_be_mended() {
        let mut standing = standing();
        granted(&mut standing, 0);
        standing.failed(permanent(), Some(None), 75 * SECOND, MIDDLE);
        assert!(matches!(standing.verdict(76 * SECOND), Decision::Serve(_)));
        assert_eq!(standing.view().generation(at(76 * SECOND).coarse), 0);
        standing.begin_fetch(FetchReason::Refresh);
        assert_eq!(verdict(&standing, 76 * SECOND), "serve");
    }

    #[test]
    fn a_child_keeps_the_token_and_the_hold_off_and_draws_its_own_lead() {
        let mut standing = standing();
        granted(&mut standing, 0);
        standing.begin_fetch(FetchReason::Refresh);
        standing.after_fork(1, SECOND, 0.0);
        assert_eq!((standing.forks(), standing.fetch_in_flight()), (1, None));
        assert_eq!(around(&standing, 74 * SECOND - TICK), ["serve", "refresh", "refresh"]);
        // One that ages already does not become fresh again.
        let mut standing = self::standing();
        granted(&mut standing, 0);
        standing.after_fork(1, 70 * SECOND - TICK, 0.0);
        assert_eq!(verdict(&standing, 70 * SECOND - TICK), "refresh");
        standing.failed(permanent(), None, 100 * SECOND, MIDDLE);
        standing.after_fork(2, 101 * SECOND, 0.0);
        assert_eq!(verdict(&standing, 101 * SECOND), "refuse");
    }

    #[test]
    fn a_closed_source_has_nothing() {
        let mut standing = standing();
        granted(&mut standing, 0);
        standing.failed(permanent(), None, 0, MIDDLE);
        standing.close();
        assert_eq!(verdict(&standing, 0), "closed");
        assert_eq!(standing.dated(standing.outcome().unwrap(), 0).retry_after(), None, "it never asks again");
        assert!(standing.is_closed() && !standing.is_good(0));
    }

    #[test]
    fn generations_count_up_and_wrap_past_zero() {
        let mut standing = standing();
        assert_eq!(standing.next_generation(), 1);
        granted(&mut standing, 0);
        assert_eq!(standing.next_generation(), 2);
        standing.granted(served(u32::MAX, 0, 100), 0, 0);
        assert_eq!(standing.next_generation(), 1);
    }
}
