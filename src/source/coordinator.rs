//! Carries out what `state.rs` decides: returns the cached token, starts a fetch, waits for it or fails. And it counts.
//!
//! It must not decide anything about a token, and must not know how a fetch gets one: that is in `fetch.rs`.

use crate::{
    clock::Clock,
    config::{Refresh, Settings},
    duration::{Nanos, SECOND, in_seconds, nanos},
    error::{Error, ErrorKind},
    fetch::{Fetch, FetchContext, FetchOutcome, KnownMetadata},
    source::{
        flight::Flight,
        lock::ForkSafeMutex,
        published::{FastPath, Published},
        repeat::{ENDED_LIFETIME, LifetimeRules},
        schedule::CachedToken,
        state::{Arrival, Decision, FetchReason, LifeRules, SourceState, Update},
    },
    system::{self, WatchedFile},
    token::Token,
};
use arc_swap::Guard;
use std::{
    mem,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// What the callers of one source, and its running fetch, share.
pub(super) struct Coordinator {
    /// Unlike that of any other source of this process.
    id: u64,
    state: Published<SourceState>,
    /// Locked to change the state. It holds the flight of the fetch that is running.
    flight: ForkSafeMutex<Option<Arc<Flight<FetchResult>>>>,
    fetch: Box<dyn Fetch>,
    policy: Policy,
    clock: Clock,
    random: Box<dyn Fn() -> f64 + Send + Sync>,
    /// When the watched files were last checked, on the monotonic clock.
    files_checked_at: AtomicI64,
    counters: Counters,
}

/// The settings on which the decisions about a token depend.
struct Policy {
    timeout: Duration,
    max_attempts: u32,
    inline: bool,
    life: LifeRules,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    failures: AtomicU64,
    tokens: AtomicU64,
    waits: AtomicU64,
}

/// What a source has done since it was made, from [`TokenSource::stats`](crate::TokenSource::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many requests were sent, also for the metadata of `issuer`. Each attempt counts.
    pub requests: u64,
    /// How many fetches failed.
    pub failures: u64,
    /// How many fetches got a token.
    pub tokens: u64,
    /// How many function calls waited for a fetch.
    pub waits: u64,
}

/// How a flight ends. Without a token and without an error, the waiting calls decide again.
type FetchResult = Result<Option<CachedToken>, Error>;

/// When a fetch began and when it should have ended, in boot time.
#[derive(Clone, Copy)]
struct FetchSpan {
    started: Nanos,
    due: Nanos,
}

/// A function call that cannot return at once.
struct Call {
    /// It is a call of `get_within`.
    polls: bool,
    /// Until when the call waits, on the monotonic clock.
    wait_until: Nanos,
    /// Until when a fetch may keep the calling thread, on the monotonic clock.
    fetch_until: Nanos,
    counted_as_wait: bool,
}

/// What a call does next, decided under the lock.
enum Next {
    /// The state has changed meanwhile: decide again.
    Recheck,
    Wait(Arc<Flight<FetchResult>>),
    Fetch(Arc<Flight<FetchResult>>),
    /// Fetch, and return this token meanwhile.
    FetchInBackground(Arc<Flight<FetchResult>>, Arc<Token>),
    /// This thread would have to fetch, and the spacing of fetches ends after the time that the call may wait.
    TooSoon,
}

/// Where a fetch runs or has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RanOn {
    /// The fetch has finished.
    ThisThread,
    Worker,
    /// No thread could be started for a refresh. It has failed, and the token is still valid.
    NoThread,
}

/// How one attempt of a call to get a token ended.
enum Poll {
    Ready(Arc<Token>),
    /// The time of the call is over.
    Pending,
    /// Decide again.
    Retry,
}

impl Policy {
    fn new(settings: &Settings) -> Self {
        Self {
            timeout: settings.timeout,
            max_attempts: settings.max_attempts,
            inline: match settings.refresh {
                Refresh::Inline => true,
                Refresh::Background => false,
            },
            life: LifeRules {
                lifetimes: LifetimeRules {
                    default: settings.default_lifetime,
                    ended: if settings.default_lifetime_is_set { settings.default_lifetime } else { ENDED_LIFETIME },
                    most: settings.max_lifetime.unwrap_or(Duration::MAX),
                },
                expiry_margin: settings.expiry_margin,
                refresh_ahead: settings.refresh_ahead,
            },
        }
    }

    /// Returns the time for a fetch. Its callers wait a little longer, so that they get its error and not a timeout. A busy
    /// machine is slow to start a thread and to wake another.
    fn fetch_timeout(&self) -> Duration {
        self.timeout - (self.timeout / 10).min(Duration::from_millis(200))
    }
}

impl Counters {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the token source is closed")
}

fn timed_out(timeout: Duration) -> Error {
    let message =
        format!("no token within the timeout of {} s: call again, or set a larger timeout", in_seconds(timeout));
    Error::new(ErrorKind::Timeout, message).retryable().with_retry_after(Duration::ZERO)
}

impl Coordinator {
    pub(super) fn new(
        settings: &Settings,
        fetch: Box<dyn Fetch>,
        clock: Clock,
        random: Box<dyn Fn() -> f64 + Send + Sync>,
    ) -> Self {
        static SOURCES: AtomicU64 = AtomicU64::new(0);
        Self {
            id: SOURCES.fetch_add(1, Ordering::Relaxed),
            state: Published::new(SourceState::new(clock.now(), system::fork_count())),
            flight: ForkSafeMutex::new(),
            fetch,
            policy: Policy::new(settings),
            clock,
            random,
            files_checked_at: AtomicI64::new(Nanos::MIN),
            counters: Counters::default(),
        }
    }

    /// Waits for a valid token, at most the option `timeout`.
    pub(super) fn get(self: &Arc<Self>) -> Result<Arc<Token>, Error> {
        self.token(None)?.ok_or_else(|| timed_out(self.policy.timeout))
    }

    /// Waits for a valid token, at most `within` and the option `timeout`. Returns None if there is none by then.
    pub(super) fn get_within(self: &Arc<Self>, within: Duration) -> Result<Option<Arc<Token>>, Error> {
        self.token(Some(within))
    }

    /// Returns the generation if the fast path can read it. It must stay free of anything that could panic: the C library
    /// calls it outside its boundary.
    #[inline(always)]
    pub(super) fn try_fast_generation(&self) -> Option<u32> {
        let now = self.clock.coarse();
        let view = self.state.fast_view()?;
        (view.forks == system::fork_count()).then(|| view.generation(now))
    }

    /// Returns the generation in all other cases: in a child of a fork, and while a state is being published.
    pub(super) fn generation(&self) -> u32 {
        if self.state.load().forks() != system::fork_count() {
            self.update(|_, _, _| (Update::Keep, ()));
        }
        self.state.load().fast_view().generation(self.clock.coarse())
    }

    pub(super) fn invalidate(&self, token: &Token) {
        if token.source() != self.id {
            return;
        }
        self.update(|state, now, _| (state.invalidate(token, now), ()));
    }

    pub(super) fn last_error(&self) -> Option<Error> {
        let (state, now) = self.snapshot();
        state.last_error().map(|error| state.error_as_of(error, now))
    }

    pub(super) fn stats(&self) -> Stats {
        let Counters { requests, failures, tokens, waits } = &self.counters;
        let [requests, failures, tokens, waits] =
            [requests, failures, tokens, waits].map(|counter| counter.load(Ordering::Relaxed));
        Stats { requests, failures, tokens, waits }
    }

    pub(super) fn close(&self) {
        let flight = self.update(|state, _, flight| {
            state.close();
            (Update::Publish, flight.take())
        });
        if let Some(flight) = flight {
            flight.complete(Err(closed()));
        }
    }

    /// Returns the state of this process and the boot time. Locks only after a fork, or when a clock was set.
    #[inline(always)]
    fn snapshot(&self) -> (Guard<Arc<SourceState>>, Nanos) {
        let state = self.state.load();
        if state.forks() == system::fork_count()
            && let Some(now) = state.checked_boot_time_at(self.clock.coarse())
        {
            return (state, now);
        }
        // Without another check of the clocks: the wall clock may be set as often as it is read.
        let now = self.update(|_, now, _| (Update::Publish, now));
        (self.state.load(), now)
    }

    /// Changes the state under the lock. `work` gets the state, the boot time and the flight of the running fetch.
    fn update<R>(
        &self,
        work: impl FnOnce(&mut SourceState, Nanos, &mut Option<Arc<Flight<FetchResult>>>) -> (Update, R),
    ) -> R {
        self.flight.with(|flight| {
            let mut state = SourceState::clone(&self.state.load());
            let now = state.rebase(self.clock.now());
            let forks = system::fork_count();
            let forked = state.forks() != forks;
            if forked {
                state.after_fork(forks, now, (self.random)());
            }
            let (update, result) = work(&mut state, now, flight);
            if forked || update == Update::Publish {
                self.state.publish(state);
            }
            result
        })
    }

    /// Returns a valid token, or None if the time of the call is over. `within` is None for `get`.
    fn token(self: &Arc<Self>, within: Option<Duration>) -> Result<Option<Arc<Token>>, Error> {
        let mut call: Option<Call> = None;
        loop {
            let (state, now) = self.snapshot();
            if self.watched_file_has_changed(&state, now) {
                let failed_with = state.watched_files();
                self.update(|state, now, _| (state.file_changed(failed_with, now), ()));
                continue;
            }
            match state.decide(now) {
                Decision::Serve(cached) => return Ok(Some(cached.token.clone())),
                Decision::Fail(error) => return Err(state.error_as_of(error, now)),
                Decision::FailUnlessPolling(error) if within.is_none() => return Err(state.error_as_of(error, now)),
                Decision::Closed => return Err(closed()),
                Decision::ServeAndRefresh(_)
                | Decision::StartFetch(_)
                | Decision::AwaitFetch
                | Decision::FailUnlessPolling(_) => {}
            }
            drop(state);
            if call.as_ref().is_some_and(|call| self.monotonic() >= call.wait_until) {
                return Ok(None);
            }
            let call = call.get_or_insert_with(|| self.new_call(within));
            match self.wait_for_token(call)? {
                Poll::Ready(token) => return Ok(Some(token)),
                Poll::Pending => return Ok(None),
                Poll::Retry => {}
            }
        }
    }

    fn new_call(&self, within: Option<Duration>) -> Call {
        let after = |span: Duration| self.monotonic().saturating_add(nanos(span));
        let timeout = self.policy.timeout;
        Call {
            polls: within.is_some(),
            wait_until: after(within.map_or(timeout, |within| within.min(timeout))),
            fetch_until: after(timeout),
            counted_as_wait: false,
        }
    }

    /// Starts the fetch that is needed or finds the one in flight, and waits for its result if the call needs it.
    fn wait_for_token(self: &Arc<Self>, call: &mut Call) -> Result<Poll, Error> {
        let flight = match self.claim_fetch(call) {
            Next::Recheck => return Ok(Poll::Retry),
            Next::TooSoon => return Ok(Poll::Pending),
            Next::FetchInBackground(flight, token) => {
                return Ok(match self.start_fetch(&flight, call) {
                    // The next decision returns the token that this thread has just fetched.
                    RanOn::ThisThread => Poll::Retry,
                    RanOn::Worker | RanOn::NoThread => Poll::Ready(token),
                });
            }
            Next::Fetch(flight) => {
                self.start_fetch(&flight, call);
                flight
            }
            Next::Wait(flight) => flight,
        };
        if self.monotonic() < call.wait_until {
            self.count_wait(call);
        }
        let Some(result) = flight.wait(&self.clock, call.wait_until) else { return Ok(Poll::Retry) };
        let (state, now) = self.snapshot();
        match result {
            Ok(Some(cached)) if now < cached.schedule.unusable_at => Ok(Poll::Ready(cached.token)),
            // There is no token yet; or this thread woke late, and the token has expired meanwhile.
            Ok(_) => Ok(Poll::Retry),
            Err(error) => Err(state.error_as_of(&error, now)),
        }
    }

    fn count_wait(&self, call: &mut Call) {
        if !mem::replace(&mut call.counted_as_wait, true) {
            Counters::add(&self.counters.waits);
        }
    }

    /// Decides again, under the lock, and begins the fetch if this call is the one to start it.
    fn claim_fetch(&self, call: &Call) -> Next {
        self.update(|state, now, in_flight| {
            let (reason, token) = match state.decide(now) {
                Decision::ServeAndRefresh(cached) => (FetchReason::Refresh, Some(cached.token.clone())),
                Decision::StartFetch(reason) => (reason, None),
                Decision::AwaitFetch | Decision::FailUnlessPolling(_) => {
                    return (Update::Keep, in_flight.clone().map_or(Next::Recheck, Next::Wait));
                }
                Decision::Serve(_) | Decision::Fail(_) | Decision::Closed => return (Update::Keep, Next::Recheck),
            };
            let pause = state.next_fetch_at().saturating_sub(now);
            if self.policy.inline && call.polls && pause > 0 && self.monotonic() + pause > call.wait_until {
                return (Update::Keep, Next::TooSoon);
            }
            let flight = Flight::new();
            if let Some(overdue) = in_flight.replace(flight.clone()) {
                overdue.complete(Ok(None));
            }
            state.begin_fetch(reason, (now + pause.max(0)).saturating_add(nanos(self.policy.fetch_timeout())));
            let next = match token {
                Some(token) => Next::FetchInBackground(flight, token),
                None => Next::Fetch(flight),
            };
            (Update::Publish, next)
        })
    }

    /// Runs the fetch on a new thread; on this thread in inline mode, or if no thread can be started and no token is valid.
    fn start_fetch(self: &Arc<Self>, flight: &Arc<Flight<FetchResult>>, call: &mut Call) -> RanOn {
        if !self.policy.inline {
            let work = {
                let (coordinator, flight, running) = (self.clone(), flight.clone(), self.clock.running());
                move || {
                    let _running = running;
                    coordinator.run_fetch(&flight, None);
                }
            };
            let Err(error) = system::spawn("fetch", work) else { return RanOn::Worker };
            let (state, now) = self.snapshot();
            if state.has_valid_token(now) {
                let message =
                    format!("no thread could be started for the refresh ({error}): this process is at a limit");
                let error = Error::new(ErrorKind::Internal, message).retryable();
                self.finish_fetch(flight, FetchSpan { started: now, due: Nanos::MAX }, FetchOutcome::failed(error));
                return RanOn::NoThread;
            }
        }
        self.count_wait(call);
        self.run_fetch(flight, Some(call.fetch_until));
        RanOn::ThisThread
    }

    /// Runs the fetch of a flight on this thread. `keep_until` is when the calling thread must be free again; None on a
    /// worker thread.
    fn run_fetch(&self, flight: &Flight<FetchResult>, keep_until: Option<Nanos>) {
        let (state, now) = self.snapshot();
        let start_at = self.monotonic().saturating_add(state.next_fetch_at().saturating_sub(now).max(0));
        drop(state);
        // The flight has a result before that only if the source was closed, or another fetch runs in place of this one.
        if flight.wait(&self.clock, keep_until.map_or(start_at, |until| until.min(start_at))).is_some() {
            return;
        }
        let started = self.clock.now();
        let deadline = started.coarse.monotonic.saturating_add(nanos(self.policy.fetch_timeout()));
        let deadline = keep_until.map_or(deadline, |until| deadline.min(until));
        let context = RunningFetch { coordinator: self, flight, deadline, may_start_threads: keep_until.is_none() };
        // On the boot clock, which counts the machine's sleep.
        let due = started.boot.saturating_add(deadline.saturating_sub(started.coarse.monotonic));
        let span = FetchSpan { started: started.boot, due };
        let outcome = catch_unwind(AssertUnwindSafe(|| self.fetch.fetch(&context))).unwrap_or_else(|_| {
            let message = "the fetch panicked: this is a bug in tokensource, please report it";
            FetchOutcome::failed(Error::new(ErrorKind::Internal, message))
        });
        self.finish_fetch(flight, span, outcome);
    }

    /// Stores the result of a fetch in the state, and gives it to all waiting callers.
    fn finish_fetch(&self, flight: &Flight<FetchResult>, span: FetchSpan, outcome: FetchOutcome) {
        let FetchOutcome { result, watched, metadata } = outcome;
        let random = (self.random)();
        let result = self.update(|state, now, in_flight| {
            // The source was closed, or another fetch has run in place of this one: the calls have a result. A server may
            // have revoked the token of this one since.
            if state.is_closed() || !in_flight.as_ref().is_some_and(|own| ptr::eq(&**own, flight)) {
                return (Update::Keep, None);
            }
            *in_flight = None;
            if let Some(found) = metadata {
                state.metadata_arrived(found);
            }
            let make_token = |grant, end, generation| Token::new(grant, end, generation, self.id, self.clock.clone());
            let arrival = match result {
                Ok(granted) => state.grant_arrived(granted, (span.started, now), self.policy.life, random, make_token),
                Err(error) => Arrival::Failed { error, ended: Nanos::MAX },
            };
            let result = match arrival {
                Arrival::Token(cached) => {
                    Counters::add(&self.counters.tokens);
                    Ok(Some(cached))
                }
                Arrival::Nothing => {
                    Counters::add(&self.counters.tokens);
                    Ok(None)
                }
                // A response that was read well past the end of its token lay in a frozen process.
                Arrival::Failed { error, ended }
                    if state.forgive_fetch(&error, span.due.min(ended.saturating_add(SECOND)), now) =>
                {
                    Ok(None)
                }
                Arrival::Failed { error, .. } => {
                    Counters::add(&self.counters.failures);
                    state.fetch_failed(error.clone(), watched, now, random);
                    Err(error)
                }
            };
            (Update::Publish, Some(result))
        });
        if let Some(result) = result {
            flight.complete(result);
        }
    }

    /// Checks the watched files, at most once a second, if the change of one could end a hold-off now.
    #[inline(always)]
    fn watched_file_has_changed(&self, state: &SourceState, now: Nanos) -> bool {
        let watched = state.watched_files();
        if watched.is_empty() || !state.may_file_end_hold_off(now) {
            return false;
        }
        let (now, checked_at) = (self.monotonic(), self.files_checked_at.load(Ordering::Relaxed));
        now >= checked_at.saturating_add(SECOND)
            && self.files_checked_at.compare_exchange(checked_at, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && watched.iter().any(WatchedFile::has_changed)
    }

    fn monotonic(&self) -> Nanos {
        self.clock.coarse().monotonic
    }
}

#[cfg(test)]
impl Coordinator {
    pub(super) fn fetch_in_flight(&self) -> bool {
        self.state.load().fetch_in_flight().is_some()
    }
}

/// What a running fetch sees of its source.
struct RunningFetch<'a> {
    coordinator: &'a Coordinator,
    flight: &'a Flight<FetchResult>,
    deadline: Nanos,
    may_start_threads: bool,
}

impl FetchContext for RunningFetch<'_> {
    fn deadline(&self) -> Nanos {
        self.deadline
    }

    fn max_attempts(&self) -> u32 {
        let (state, now) = self.coordinator.snapshot();
        match state.fetch_in_flight() {
            Some(FetchReason::Probe) => 1,
            // A failed refresh harms no caller while the token is valid.
            Some(FetchReason::Refresh) if state.has_valid_token(now) => 1,
            _ => self.coordinator.policy.max_attempts,
        }
    }

    fn count_request(&self) {
        Counters::add(&self.coordinator.counters.requests);
    }

    fn pause(&self, until: Nanos) -> ControlFlow<()> {
        // `close` completes the flight of a running fetch, and so does a call that starts another in its place.
        match self.flight.wait(&self.coordinator.clock, until) {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    fn may_start_threads(&self) -> bool {
        self.may_start_threads
    }

    fn random(&self) -> f64 {
        (self.coordinator.random)()
    }

    fn metadata(&self) -> Option<KnownMetadata> {
        self.coordinator.state.load().metadata().cloned()
    }

    fn rotated_refresh_token(&self) -> Option<[u8; 32]> {
        self.coordinator.state.load().rotated_refresh_token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::test::TestClock,
        source::{
            cases::Scripted,
            repeat::{KnownEnd, Lifetime, LifetimeSource},
            schedule::{FetchTimes, Schedule},
        },
    };
    use tokensource_testserver::Script;

    fn coordinator(clock: &Arc<TestClock>) -> Arc<Coordinator> {
        let settings = Arc::new(Settings::example());
        let fetch = Scripted::new(Script::parse("[{}]").unwrap(), clock).fetch(&settings);
        Arc::new(Coordinator::new(&settings, fetch, Clock::Test(clock.clone()), Box::new(|| 0.5)))
    }

    #[test]
    fn the_result_of_a_fetch_after_close_reaches_no_caller() {
        let coordinator = coordinator(&TestClock::new());
        let flight = Flight::new();
        coordinator.close();
        let span = FetchSpan { started: 0, due: Nanos::MAX };
        coordinator.finish_fetch(&flight, span, FetchOutcome::failed(timed_out(Duration::ZERO)));
        assert!(flight.wait(&Clock::System, 0).is_none());
        assert_eq!(coordinator.stats().failures, 0);
    }

    #[test]
    fn the_result_of_a_fetch_that_another_fetch_replaced_changes_nothing() {
        let coordinator = coordinator(&TestClock::new());
        let token = coordinator.get().unwrap();
        let span = FetchSpan { started: 0, due: Nanos::MAX };
        let replaced = Flight::new();
        coordinator.finish_fetch(&replaced, span, FetchOutcome::failed(timed_out(Duration::ZERO)));
        assert!(replaced.wait(&Clock::System, 0).is_none());
        assert!(coordinator.last_error().is_none());
        assert_eq!((coordinator.stats().failures, coordinator.generation()), (0, token.generation()));
    }

    #[test]
    fn a_caller_that_wakes_late_does_not_get_an_expired_token() {
        let clock = TestClock::new();
        let coordinator = coordinator(&clock);
        let token = coordinator.get().unwrap();
        clock.advance(3600 * SECOND);
        let times = FetchTimes {
            started: 0,
            sent: 0,
            arrived: 0,
            lifetime: Duration::from_secs(3600),
            expiry_margin: None,
            refresh_ahead: None,
        };
        let flight = Flight::new();
        let schedule = Schedule::new(&times, 0.5).unwrap();
        let lifetime = Lifetime { span: Duration::from_secs(3600), from: LifetimeSource::ExpiresIn };
        flight.complete(Ok(Some(CachedToken { token, schedule, known: KnownEnd::new(lifetime, 0, 0) })));
        coordinator.update(|state, _, in_flight| {
            state.begin_fetch(FetchReason::NoToken, Nanos::MAX);
            *in_flight = Some(flight);
            (Update::Publish, ())
        });
        assert!(coordinator.get_within(Duration::ZERO).unwrap().is_none());
    }
}
