//! Pure: the state of a source, what `get` does in it at an instant, and how each event changes it.
//!
//! Everything that decides about a token is here, in one value that is replaced whole: a child of a fork reads it without
//! a lock. It must not start a fetch nor wait. All instants are in boot time.

use crate::{
    backoff,
    clock::{Coarse, Now},
    duration::{Nanos, SECOND, duration, in_seconds, nanos},
    error::{Error, ErrorKind},
    fetch::{KnownMetadata, TimedGrant},
    oauth::response::Grant,
    secret::Secret,
    source::{
        published::{FastPath, FastView},
        repeat::{KnownEnd, LifetimeRules, LifetimeSource, Repeat, Statement},
        schedule::{CachedToken, FetchTimes, Schedule},
    },
    system::WatchedFile,
    token::Token,
};
use std::{mem, sync::Arc, time::Duration};

/// The least time between the starts of two successful fetches.
const FETCH_SPACING: Nanos = SECOND;

/// A token that another text replaced, and that the API rejects within this time while it has a long life left, was revoked
/// by the server: some keep one token per client, and revoke it when another process fetches one.
const REVOKED_WITHIN: Nanos = 10 * SECOND;
const LONG_LIFE: Nanos = 60 * SECOND;

/// What to do about a replacement that was revoked.
const SHARED_CLIENT: &str = "another process may use this client id at a server that keeps one token per client: share the \
                             token (store) or give each process its own client";

/// The least time between two hold-offs that a changed file ends.
const FILE_SPACING: Nanos = 10 * SECOND;

/// So many repeats in a row that state that their token has ended are a failure.
const MOST_ENDED: u32 = 3;

/// A fetch that ends, or still runs, more than this after its deadline was not slow: this process was frozen, or the
/// machine slept.
const OVERDUE: Nanos = SECOND;

/// If the wall clock is set forward by more than this, a virtual machine may have been paused, or restored from a snapshot:
/// then no other clock shows the time that its token has lost.
const CLOCK_JUMP: Nanos = 2 * SECOND;

/// The least time between two refreshes for which such a clock is the reason.
const JUMP_SPACING: Nanos = 60 * SECOND;

/// A replacement that is rejected within this time makes the next invalidations be ignored.
const LIMITER_WINDOW: Nanos = 60 * SECOND;

/// Why a fetch runs. The number of its attempts, and what its callers do meanwhile, follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchReason {
    /// There is no valid token: every caller waits.
    NoToken,
    /// The token is ageing: no caller waits.
    Refresh,
    /// A hold-off is over: one caller waits for the probe, the others fail meanwhile.
    Probe,
}

/// What `get` does at an instant.
#[derive(Debug)]
pub(crate) enum Decision<'a> {
    Serve(&'a CachedToken),
    ServeAndRefresh(&'a CachedToken),
    /// Waits for the fetch in flight.
    AwaitFetch,
    /// Starts a fetch and waits for it.
    StartFetch(FetchReason),
    /// Fails at once with the error of the last fetch.
    Fail(&'a Error),
    /// Fails while the probe of another caller runs. A polling caller waits for the probe.
    FailUnlessPolling(&'a Error),
    Closed,
}

/// The options on which the life of a token depends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LifeRules {
    pub(crate) lifetimes: LifetimeRules,
    /// The options of these names.
    pub(crate) expiry_margin: Option<Duration>,
    pub(crate) refresh_ahead: Option<Duration>,
}

/// What the response of a fetch brings.
#[derive(Debug)]
pub(crate) enum Arrival {
    Token(CachedToken),
    /// No token, and no failure: the server repeats a token that is over. The next fetch may start a second later.
    Nothing,
    /// A failure. A token that had expired when it arrived ended at the instant.
    Failed {
        error: Error,
        ended: Nanos,
    },
}

/// Whether a change of the state must be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    Publish,
    /// Nothing changed: the published state stays.
    Keep,
}

#[derive(Clone, Debug)]
pub(crate) struct SourceState {
    /// One simultaneous reading of all three clocks, from which later coarse readings are converted to boot time.
    base: Now,
    /// The last token until it is replaced or invalidated, also when it has expired.
    cached: Option<CachedToken>,
    /// The last invalidated token, until another text comes.
    rejected: Option<RejectedToken>,
    /// When the token in hand replaced a rejected token of another text.
    replaced_rejected_at: Option<Nanos>,
    /// What the last effective report of a rejected token gives reason to advise.
    rejection_advice: Option<&'static str>,
    /// When the token is due for refresh because the wall clock was set forward.
    due_by_clock: Option<Nanos>,
    /// The wall clock was set forward during the fetch in flight.
    clock_jumped_in_flight: bool,
    /// `due_by_clock` is not before this instant.
    next_due_by_clock: Nanos,
    /// How many repeats in a row stated that their token has ended.
    ended_in_a_row: u32,
    /// The error of the last finished fetch, unless it brought a token.
    last_error: Option<Error>,
    hold_off: Option<HoldOff>,
    /// When a changed file last ended a hold-off.
    file_ended_hold_off: Option<Nanos>,
    failures_in_a_row: u32,
    invalidate_limiter: InvalidateLimiter,
    next_fetch_at: Nanos,
    generation: u32,
    fetch_in_flight: Option<FetchReason>,
    /// When the fetch in flight should have ended.
    fetch_deadline: Nanos,
    /// The last fetch was overdue and did not count.
    overdue_was_forgiven: bool,
    /// The metadata of the issuer, if the settings name one and a fetch has found it.
    metadata: Option<KnownMetadata>,
    /// The SHA-256 of the refresh token in place of which a response brought another, which is not kept.
    rotated_refresh_token: Option<[u8; 32]>,
    closed: bool,
    forks: u32,
}

/// What is kept of a token that the API rejected. The source does not keep the token itself.
#[derive(Clone, Debug)]
struct RejectedToken {
    sha256: [u8; 32],
    known: KnownEnd,
}

impl RejectedToken {
    fn of(cached: &CachedToken) -> Self {
        Self { sha256: cached.token.access_token.sha256(), known: cached.known }
    }
}

/// Returns when the next fetch may start after a repeat: a second later, or at the last possible end if that is only a
/// little later still. Before that end, the same repeat would prove nothing.
fn next_after_repeat(now: Nanos, last_possible_end: Nanos) -> Nanos {
    let next = now.saturating_add(FETCH_SPACING);
    if last_possible_end <= next.saturating_add(FETCH_SPACING / 4) { next.max(last_possible_end) } else { next }
}

/// The time after a failed fetch in which the source sends nothing.
#[derive(Clone, Debug)]
struct HoldOff {
    own_until: Option<Nanos>,
    server_until: Option<Nanos>,
    /// There was a valid token when it began.
    token_was_valid: bool,
    /// The files that the failed fetch read, as it read them.
    watched: Arc<[WatchedFile]>,
}

impl HoldOff {
    fn until(&self) -> Nanos {
        self.own_until.max(self.server_until).unwrap_or(Nanos::MIN)
    }
}

/// Limits how often `invalidate` causes a fetch, in case the API rejects every token.
#[derive(Clone, Debug, Default)]
struct InvalidateLimiter {
    /// How many replacements in a row were rejected within the window.
    rejected_in_a_row: u32,
    ignore_until: Option<Nanos>,
    /// When the window began; None before the first invalidation.
    window_start: Option<Nanos>,
    /// The invalidated token has no replacement yet.
    awaiting_replacement: bool,
}

impl SourceState {
    pub(crate) fn new(now: Now, forks: u32) -> Self {
        Self {
            base: now,
            cached: None,
            rejected: None,
            replaced_rejected_at: None,
            rejection_advice: None,
            due_by_clock: None,
            clock_jumped_in_flight: false,
            next_due_by_clock: Nanos::MIN,
            ended_in_a_row: 0,
            last_error: None,
            hold_off: None,
            file_ended_hold_off: None,
            failures_in_a_row: 0,
            invalidate_limiter: InvalidateLimiter::default(),
            next_fetch_at: Nanos::MIN,
            generation: 0,
            fetch_in_flight: None,
            fetch_deadline: Nanos::MAX,
            overdue_was_forgiven: false,
            metadata: None,
            rotated_refresh_token: None,
            closed: false,
            forks,
        }
    }

    /// Returns the boot time of a coarse reading. Returns None if a clock was set or the machine slept since the last
    /// [`rebase`](Self::rebase), which is then due.
    #[inline(always)]
    pub(crate) fn checked_boot_time_at(&self, now: Coarse) -> Option<Nanos> {
        let moved = now.offset().wrapping_sub(self.base.coarse.offset()).unsigned_abs();
        (moved <= self.tolerance().unsigned_abs()).then(|| self.boot_time_at(now))
    }

    #[inline(always)]
    fn boot_time_at(&self, now: Coarse) -> Nanos {
        self.base.boot.saturating_add(now.monotonic.saturating_sub(self.base.coarse.monotonic))
    }

    /// Returns how far the coarse clocks may move apart before they count as set. Each may be a tick behind the other.
    #[inline(always)]
    fn tolerance(&self) -> Nanos {
        self.cached.as_ref().map_or(Nanos::MAX, |cached| cached.schedule.expiry_margin).clamp(SECOND / 50, 2 * SECOND)
    }

    /// Takes the three clocks as in step from now on. Returns the boot time, which never goes back.
    ///
    /// If the wall clock was set forward, the token becomes due for refresh. Nothing tells a corrected clock from a machine
    /// that was paused, and one request is the cheaper mistake.
    pub(crate) fn rebase(&mut self, now: Now) -> Nanos {
        let wall_passed = now.coarse.wall.saturating_sub(self.base.coarse.wall);
        let jump = wall_passed.saturating_sub(now.boot.saturating_sub(self.base.boot));
        let boot = now.boot.max(self.boot_time_at(now.coarse));
        self.base = Now { boot, ..now };
        if jump > CLOCK_JUMP {
            self.clock_jumped(boot);
        }
        boot
    }

    fn clock_jumped(&mut self, now: Nanos) {
        if self.fetch_in_flight.is_some() {
            // The server may have stated the lifetime before the jump.
            self.clock_jumped_in_flight = true;
        } else if self.cached.is_some() && self.due_by_clock.is_none() {
            let due = now.max(self.next_due_by_clock);
            self.due_by_clock = Some(due);
            // The refresh need not keep the spacing, since such refreshes keep a larger one.
            self.next_fetch_at = Nanos::MIN;
            self.next_due_by_clock = due.saturating_add(JUMP_SPACING);
        }
    }

    fn end_fetch(&mut self, now: Nanos) {
        self.fetch_in_flight = None;
        if mem::take(&mut self.clock_jumped_in_flight) {
            self.clock_jumped(now);
        }
    }

    #[inline(always)]
    pub(crate) fn decide(&self, now: Nanos) -> Decision<'_> {
        if self.closed {
            return Decision::Closed;
        }
        if let Some(cached) = self.valid(now) {
            return if now < self.no_action_until(cached) {
                Decision::Serve(cached)
            } else {
                Decision::ServeAndRefresh(cached)
            };
        }
        let in_flight = self.fetch_in_flight.filter(|_| now < self.overdue_from());
        match (in_flight, self.fail_until().zip(self.last_error.as_ref())) {
            (Some(FetchReason::Probe), Some((_, error))) => Decision::FailUnlessPolling(error),
            (Some(_), _) => Decision::AwaitFetch,
            (None, Some((until, error))) if now < until => Decision::Fail(error),
            (None, Some(_)) => Decision::StartFetch(FetchReason::Probe),
            (None, None) => Decision::StartFetch(FetchReason::NoToken),
        }
    }

    #[inline(always)]
    fn valid(&self, now: Nanos) -> Option<&CachedToken> {
        self.cached.as_ref().filter(|cached| now < cached.schedule.unusable_at)
    }

    /// Returns until when `get` returns a valid token and does nothing else.
    #[inline(always)]
    fn no_action_until(&self, cached: &CachedToken) -> Nanos {
        let Schedule { refresh_at, unusable_at, .. } = cached.schedule;
        if self.fetch_in_flight.is_some() {
            return unusable_at.min(self.overdue_from());
        }
        let held_off = self.hold_off.as_ref().map_or(Nanos::MIN, HoldOff::until);
        refresh_at.min(self.due_by_clock.unwrap_or(Nanos::MAX)).max(held_off).max(self.next_fetch_at).min(unusable_at)
    }

    /// Returns from when on the fetch in flight is overdue, and the next call starts another in its place. This happens once
    /// in a row.
    fn overdue_from(&self) -> Nanos {
        if self.overdue_was_forgiven { Nanos::MAX } else { self.fetch_deadline.saturating_add(OVERDUE + 1) }
    }

    /// Returns until when calls fail without a valid token; the first call after that is the probe. Returns None if calls
    /// do not fail.
    fn fail_until(&self) -> Option<Nanos> {
        let hold_off = self.hold_off.as_ref()?;
        match self.cached.as_ref().filter(|_| hold_off.token_was_valid) {
            // Our own hold-off ended with the token; the server's Retry-After still applies.
            Some(cached) => hold_off.server_until.filter(|until| *until > cached.schedule.unusable_at),
            None => Some(hold_off.until()),
        }
    }

    /// Returns the earliest instant at which a fetch may send its first request.
    pub(crate) fn next_fetch_at(&self) -> Nanos {
        self.next_fetch_at
    }

    pub(crate) fn has_valid_token(&self, now: Nanos) -> bool {
        self.valid(now).is_some()
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

    /// Returns the files with which the held-off failure was made. There are none if no change of a file can end the
    /// hold-off.
    #[inline(always)]
    pub(crate) fn watched_files(&self) -> &[WatchedFile] {
        match &self.hold_off {
            Some(HoldOff { own_until: Some(_), watched, .. }) if self.fetch_in_flight.is_none() => watched,
            _ => &[],
        }
    }

    /// Returns whether a changed file may end a hold-off now: a file that changes all the time must not undo every hold-off.
    pub(crate) fn may_file_end_hold_off(&self, now: Nanos) -> bool {
        self.file_ended_hold_off.is_none_or(|at| now >= at.saturating_add(FILE_SPACING))
    }

    /// Returns the error with the time left until the next request. A closed source sends no more requests.
    pub(crate) fn error_as_of(&self, error: &Error, now: Nanos) -> Error {
        if self.closed {
            return error.clone();
        }
        let until =
            if self.has_valid_token(now) { self.hold_off.as_ref().map(HoldOff::until) } else { self.fail_until() };
        error.clone().with_retry_after(until.map_or(Duration::ZERO, |until| duration(until.saturating_sub(now))))
    }

    /// Returns the error of the last finished fetch. Returns None if it brought a token, or if no fetch has finished.
    pub(crate) fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    pub(crate) fn metadata(&self) -> Option<&KnownMetadata> {
        self.metadata.as_ref()
    }

    /// Enters the metadata that a fetch found, whether or not it then got a token.
    pub(crate) fn metadata_arrived(&mut self, found: KnownMetadata) {
        self.metadata = Some(found);
    }

    /// Returns the SHA-256 of the refresh token in place of which a response brought another.
    pub(crate) fn rotated_refresh_token(&self) -> Option<[u8; 32]> {
        self.rotated_refresh_token
    }

    pub(crate) fn next_generation(&self) -> u32 {
        self.generation.wrapping_add(1).max(1)
    }

    /// Begins a fetch that should end at `deadline`. A fetch in flight is overdue: its result will not count.
    pub(crate) fn begin_fetch(&mut self, reason: FetchReason, deadline: Nanos) {
        self.overdue_was_forgiven |= self.fetch_in_flight.is_some();
        self.fetch_in_flight = Some(reason);
        self.fetch_deadline = deadline;
    }

    /// Ends a fetch that should have ended by `due` with `error`, if that is no failure: nothing could run for a while, and
    /// the server may be well. A response of the server counts always. So does a second overdue fetch in a row.
    pub(crate) fn forgive_fetch(&mut self, error: &Error, due: Nanos, now: Nanos) -> bool {
        let may_be_our_fault = match error.kind() {
            ErrorKind::Timeout | ErrorKind::Network | ErrorKind::Tls => true,
            // A token that had expired when it arrived.
            ErrorKind::BadResponse => error.is_transient(),
            _ => false,
        };
        if self.overdue_was_forgiven || !may_be_our_fault || now <= due.saturating_add(OVERDUE) {
            return false;
        }
        self.overdue_was_forgiven = true;
        self.end_fetch(now);
        true
    }

    /// Enters the response of a fetch that began at `started` and whose response arrived `now`. `make_token` makes a token
    /// with an end and a generation.
    pub(crate) fn grant_arrived(
        &mut self,
        granted: TimedGrant,
        (started, now): (Nanos, Nanos),
        rules: LifeRules,
        random: f64,
        make_token: impl FnOnce(Grant, Nanos, u32) -> Token,
    ) -> Arrival {
        let TimedGrant { grant, sent } = granted;
        self.rotated_refresh_token = grant.rotated_refresh_token.or(self.rotated_refresh_token);
        let LifeRules { lifetimes, expiry_margin, refresh_ahead } = rules;
        let times = |lifetime| FetchTimes { started, sent, arrived: now, lifetime, expiry_margin, refresh_ahead };
        let Some((known, is_rejected)) = self.known_end(&grant.access_token) else {
            let Some(lifetime) = lifetimes.lifetime(grant.expiry) else {
                let message = "the token had expired when it arrived: the `exp` in its claims is past, by the server's Date \
                               and by the clock of this machine; ask the server's operator why";
                let error = Error::new(ErrorKind::BadResponse, message).retryable();
                return Arrival::Failed { error, ended: Nanos::MAX };
            };
            let known = KnownEnd::new(lifetime, sent, now);
            let Some(schedule) = Schedule::new(&times(lifetime.span), random) else {
                let message = format!(
                    "the token was already expired when it arrived: its lifetime is {} s, counted from its request",
                    in_seconds(lifetime.span)
                );
                return Arrival::Failed {
                    error: Error::new(ErrorKind::BadResponse, message).retryable(),
                    ended: known.end,
                };
            };
            let token = Arc::new(make_token(grant, known.end, self.next_generation()));
            let cached = CachedToken { token, schedule, known };
            let replaces_rejected = self.rejected.take().is_some();
            self.fetch_succeeded(cached.clone(), started, now);
            self.replaced_rejected_at = replaces_rejected.then_some(now);
            return Arrival::Token(cached);
        };
        let statement = Statement { expiry: grant.expiry, jwt_left: grant.jwt_left, sent, arrived: now };
        let schedule = |end| Schedule::of_repeat(&times(Duration::ZERO), end, random);
        let repeat = statement.about(known, is_rejected, lifetimes);
        let (token, generation) = (self.cached.as_ref().map(|cached| cached.token.clone()), self.next_generation());
        let (token, known) = match (repeat, token) {
            (Repeat::Keeps, Some(token)) => (token, known),
            (Repeat::Moves(known), Some(token)) => {
                token.move_end(known.end);
                (token, known)
            }
            (Repeat::Changes(known), _) => (Arc::new(make_token(grant, known.end, generation)), known),
            (Repeat::Ends, _) => return self.token_ended(is_rejected, now),
            (Repeat::ProvesNothing | Repeat::Keeps | Repeat::Moves(_), _) => {
                self.nothing_arrived(now, known.last_possible_end);
                return Arrival::Nothing;
            }
        };
        let cached = CachedToken { token, schedule: schedule(known.end), known };
        self.fetch_succeeded(cached.clone(), now, now);
        self.next_fetch_at = next_after_repeat(now, known.last_possible_end);
        Arrival::Token(cached)
    }

    /// Returns what is known of this text, and whether the API rejected it. Returns None for another text.
    fn known_end(&self, text: &Secret) -> Option<(KnownEnd, bool)> {
        if let Some(cached) = self.cached.as_ref().filter(|cached| cached.token.access_token.expose() == text.expose())
        {
            return Some((cached.known, false));
        }
        let rejected = self.rejected.as_ref().filter(|rejected| rejected.sha256 == text.sha256())?;
        Some((rejected.known, true))
    }

    /// Ends the token in hand, or the rejected one, as the server states. The server states it of each request while it
    /// returns the token from a cache, so a few of them are no failure.
    fn token_ended(&mut self, is_rejected: bool, now: Nanos) -> Arrival {
        if let Some(rejected) = self.rejected.as_mut().filter(|_| is_rejected) {
            rejected.known.end_now(now);
        } else if let Some(cached) = &mut self.cached {
            cached.known.end_now(now);
            cached.schedule.unusable_at = cached.schedule.unusable_at.min(now);
        }
        self.ended_in_a_row = self.ended_in_a_row.saturating_add(1);
        if self.ended_in_a_row < MOST_ENDED {
            self.nothing_arrived(now, Nanos::MIN);
            return Arrival::Nothing;
        }
        let message = "the token endpoint returns the same token again and again, although it states that the token has \
                       expired; ask the server's operator why its cache keeps expired tokens";
        Arrival::Failed { error: Error::new(ErrorKind::BadResponse, message).retryable(), ended: Nanos::MAX }
    }

    /// Ends a fetch that brought no token and did not fail.
    fn nothing_arrived(&mut self, now: Nanos, last_possible_end: Nanos) {
        self.last_error = None;
        self.hold_off = None;
        self.failures_in_a_row = 0;
        self.next_fetch_at = next_after_repeat(now, last_possible_end);
        self.end_fetch(now);
        self.overdue_was_forgiven = false;
    }

    /// Caches the token of a fetch that began at `started`.
    pub(crate) fn fetch_succeeded(&mut self, cached: CachedToken, started: Nanos, now: Nanos) {
        self.generation = cached.token.generation();
        self.cached = Some(cached);
        self.ended_in_a_row = 0;
        self.last_error = None;
        self.hold_off = None;
        self.failures_in_a_row = 0;
        self.next_fetch_at = started.saturating_add(FETCH_SPACING);
        self.due_by_clock = None;
        self.end_fetch(now);
        self.overdue_was_forgiven = false;
        self.invalidate_limiter.token_replaced(now);
    }

    /// Begins the hold-off after a failed fetch, which read the `watched` files.
    pub(crate) fn fetch_failed(&mut self, error: Error, watched: Vec<WatchedFile>, now: Nanos, random: f64) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let span = backoff::hold_off(&error, self.failures_in_a_row, random);
        let until = |span: Duration| now.saturating_add(nanos(span));
        self.hold_off = Some(HoldOff {
            own_until: span.own.map(until),
            server_until: span.server.map(until),
            token_was_valid: self.has_valid_token(now),
            watched: watched.into(),
        });
        self.last_error = Some(error);
        self.end_fetch(now);
        self.overdue_was_forgiven = false;
    }

    /// Drops `token`, which the API rejected. Does nothing if its text is not that of the current token, or while
    /// invalidations are ignored.
    pub(crate) fn invalidate(&mut self, token: &Token, now: Nanos) -> Update {
        let is_current = |cached: &&CachedToken| cached.token.access_token.expose() == token.access_token.expose();
        let Some(rejected) = self.valid(now).filter(is_current).map(RejectedToken::of) else { return Update::Keep };
        if !self.invalidate_limiter.try_acquire(now) {
            return Update::Keep;
        }
        let is_young = |at: Nanos| now <= at.saturating_add(REVOKED_WITHIN);
        let was_revoked = self.replaced_rejected_at.take().is_some_and(is_young)
            && rejected.known.end.saturating_sub(now) >= LONG_LIFE;
        self.rejection_advice = was_revoked.then_some(SHARED_CLIENT);
        self.cached = None;
        self.rejected = Some(rejected);
        // A refresh in flight brings the replacement. Without one, the next fetch need not keep the spacing.
        if self.fetch_in_flight.is_none() {
            self.next_fetch_at = Nanos::MIN;
        }
        if let Some(hold_off) = self.hold_off.take_if(|hold_off| hold_off.token_was_valid) {
            let server_holds_off = hold_off.server_until.is_some_and(|until| until > now);
            self.hold_off = server_holds_off.then_some(HoldOff { own_until: None, ..hold_off });
        }
        Update::Publish
    }

    /// Ends our own hold-off, because a file is no longer as in `failed_with`. Does nothing if another failure is held off
    /// by now.
    pub(crate) fn file_changed(&mut self, failed_with: &[WatchedFile], now: Nanos) -> Update {
        if failed_with.is_empty() || self.watched_files() != failed_with || !self.may_file_end_hold_off(now) {
            return Update::Keep;
        }
        self.file_ended_hold_off = Some(now);
        self.hold_off = self.hold_off.take().filter(|hold_off| hold_off.server_until.is_some());
        if let Some(hold_off) = &mut self.hold_off {
            hold_off.own_until = None;
        }
        Update::Publish
    }

    /// Returns what the last report of a rejected token gives reason to advise, for the event about it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the events, which come later, will show it"))]
    pub(crate) fn rejection_advice(&self) -> Option<&'static str> {
        self.rejection_advice
    }

    /// Returns where the lifetime of the token in hand comes from, for the event about it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the events, which come later, will show it"))]
    pub(crate) fn lifetime_from(&self) -> Option<LifetimeSource> {
        self.cached.as_ref().map(|cached| cached.known.lifetime_from)
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.cached = None;
        self.rejected = None;
        self.fetch_in_flight = None;
    }

    /// Adapts the state to a child of a fork. The parent's threads do not exist there, and siblings must not refresh in step.
    pub(crate) fn after_fork(&mut self, forks: u32, now: Nanos, random: f64) {
        self.forks = forks;
        self.fetch_in_flight = None;
        if let Some(cached) = self.cached.as_mut().filter(|cached| now < cached.schedule.refresh_at) {
            cached.schedule.apply_jitter(random);
        }
    }
}

impl FastPath for SourceState {
    fn fast_view(&self) -> FastView {
        let no_action_until = match &self.cached {
            // `get` must run, since it checks the files.
            Some(_) if !self.watched_files().is_empty() => Nanos::MIN,
            Some(cached) => {
                let left = self.no_action_until(cached).saturating_sub(self.base.boot);
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
    /// Returns whether an invalidation takes effect now. If so, it counts.
    fn try_acquire(&mut self, now: Nanos) -> bool {
        if self.ignore_until.is_some_and(|until| now < until) {
            return false;
        }
        let too_soon = self.window_start.is_some_and(|start| now < start.saturating_add(LIMITER_WINDOW));
        self.rejected_in_a_row = if too_soon { self.rejected_in_a_row.saturating_add(1) } else { 0 };
        let limit = || now.saturating_add(nanos(backoff::invalidate_limit(self.rejected_in_a_row)));
        self.ignore_until = too_soon.then(limit);
        self.window_start = self.ignore_until.or(Some(now));
        self.awaiting_replacement = true;
        true
    }

    /// Begins the window of the token that replaces an invalidated token.
    fn token_replaced(&mut self, now: Nanos) {
        if mem::take(&mut self.awaiting_replacement) {
            self.window_start = self.window_start.max(Some(now));
        }
    }
}

#[cfg(test)]
mod tests;
