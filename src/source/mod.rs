//! Carries out what `standing.rs` says follows from an instant or an event: serves, fetches, waits, refuses. And the
//! counters.
//!
//! It decides nothing about a token, and what a fetch does is said in `fetch.rs`.

#[cfg(test)]
pub(crate) mod cases;
mod flight;
mod lock;
mod published;
mod state;

use crate::{
    clock::Clock,
    config::{Config, Refresh, Settings},
    duration::{Nanos, SECOND, in_seconds, nanos},
    error::{Error, ErrorKind},
    fetch::{Fetch, FetchContext, HttpFetch, TimedGrant},
    source::flight::Flight,
    source::lock::ForkSafeMutex,
    source::published::{FastPath, Published},
    source::state::{Decision, FetchReason, SourceState},
    system::{self, Stamp},
    token::{CachedToken, FetchTimes, Schedule, Token},
    transport::HttpTransport,
};
use arc_swap::Guard;
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Keeps one access token good: fetches it when it is first asked for, hands it out while it lasts, refreshes it before it
/// ends. Any number of threads may use one source at any time, and every process should have one for each client.
///
/// Nothing runs while nothing is asked. Dropping the source is [`close`](Self::close); tokens live on.
///
/// ```no_run
/// use tokensource::{Config, TokenSource};
///
/// let mut config = Config::new();
/// config.set("provider", "podero")?.set("client_id", "my-client")?.set("client_secret_file", "/run/secrets/podero")?;
/// let source = TokenSource::new(&config)?;
/// let token = source.get()?;
/// println!("a token that lives {:?} more", token.expires_in());
/// # Ok::<(), tokensource::Error>(())
/// ```
pub struct TokenSource {
    shared: Arc<Shared>,
}

struct Shared {
    current: Published<SourceState>,
    gate: ForkSafeMutex<FetchResult>,
    fetch: Box<dyn Fetch>,
    terms: Policy,
    clock: Clock,
    random: Box<dyn Fn() -> f64 + Send + Sync>,
    /// When the secret's file was last looked at, on the monotonic clock.
    looked: AtomicI64,
    counts: Counts,
}

/// The settings that the life of a token depends on.
struct Policy {
    timeout: Duration,
    max_attempts: u32,
    inline: bool,
    margin: Option<Duration>,
    ahead: Option<Duration>,
    default_lifetime: Duration,
    secret_file: Option<PathBuf>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    failures: AtomicU64,
    tokens: AtomicU64,
    waits: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// How a flight ends.
type FetchResult = Result<CachedToken, Error>;

/// A call that cannot be answered at once.
struct Call {
    /// It came through `get_within`.
    polls: bool,
    /// How long it stays, and how long it may be kept if it fetches itself, both on the monotonic clock.
    until: Nanos,
    latest: Nanos,
    /// It counts as one that waited.
    counted: bool,
}

/// What is left to do for a caller who has been behind the gate.
enum Step {
    /// The standing has changed meanwhile: look again.
    Again,
    Wait(Arc<Flight<FetchResult>>),
    Fly(Arc<Flight<FetchResult>>),
    /// With the token that is handed out meanwhile.
    FlyBeside(Arc<Flight<FetchResult>>, Arc<Token>),
    /// An inline caller would have to wait longer for the spacing than it may.
    TooSoon,
}

impl TokenSource {
    /// A source that does as `config` says. The configuration is checked and copied; nothing is sent yet.
    ///
    /// The environment is read here, once: the proxy variables and `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`], with everything that is wrong in one message.
    pub fn new(config: &Config) -> Result<Self, Error> {
        system::watch_forks::<HttpTransport>();
        let settings = Arc::new(config.settings(&system::variable)?);
        let transport = Box::new(HttpTransport::new(&settings)?);
        let fetch = HttpFetch { settings: settings.clone(), transport, clock: Clock::System };
        Ok(Self::with(&settings, Box::new(fetch), Clock::System, Box::new(system::random)))
    }

    pub(crate) fn with(
        settings: &Settings,
        fetch: Box<dyn Fetch>,
        clock: Clock,
        random: Box<dyn Fn() -> f64 + Send + Sync>,
    ) -> Self {
        let terms = Policy::of(settings);
        let standing = SourceState::new(clock.now(), system::fork_count());
        let shared = Shared {
            current: Published::new(standing),
            gate: ForkSafeMutex::new(),
            fetch,
            terms,
            clock,
            random,
            looked: AtomicI64::new(Nanos::MIN),
            counts: Counts::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A good token: the current one at once, or the result of the one fetch that everybody waits for. Waits at most the
    /// option `timeout`.
    ///
    /// With `refresh = inline` one caller fetches, also while the token is still good.
    ///
    /// # Errors
    /// What the fetch failed with; and, without waiting, what the last fetch failed with while the server is left alone
    /// ([`Error::retry_after`] says for how long). [`ErrorKind::Timeout`] when the time ran out, [`ErrorKind::Closed`].
    pub fn get(&self) -> Result<Arc<Token>, Error> {
        match self.shared.token(None) {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(timed_out(self.shared.terms.timeout)),
            Err(error) => Err(error),
        }
    }

    /// As [`get`](Self::get), waiting at most `within` (and at most the option `timeout`). `None`: the fetch is still
    /// running. Zero never waits, and starts what is needed: it warms a source up, and an event loop polls with it.
    ///
    /// With `refresh = inline`, and where no thread can be had, the caller fetches, so the call may take longer.
    ///
    /// # Errors
    /// As `get`, but for the time-out.
    pub fn get_within(&self, within: Duration) -> Result<Option<Arc<Token>>, Error> {
        self.shared.token(Some(within))
    }

    /// The number of the token that [`get`](Self::get) would return now without starting or awaiting anything, or 0. A
    /// caller that keeps its token asks this instead: it takes as long as reading the clock, writes nothing and never
    /// waits.
    ///
    /// Also 0 when a clock was set or the machine slept, until the next `get` has looked; and while a failure is held off
    /// that a changed `client_secret_file` may end, so that `get` looks at the file.
    #[inline]
    pub fn generation(&self) -> u32 {
        self.glance().unwrap_or_else(|| self.shared.generation())
    }

    /// The generation where a glance is enough. Loads and wrapping arithmetic: nothing that could panic.
    #[inline]
    pub(crate) fn glance(&self) -> Option<u32> {
        let now = self.shared.clock.coarse();
        let view = self.shared.current.view()?;
        (view.forks == system::fork_count()).then(|| view.generation(now))
    }

    /// Says that the API refused `token` (a 401, say). If it is the current token of this source, the next `get` fetches
    /// another; else nothing happens, so any number of threads may report the same token.
    ///
    /// An API that refuses every token is not answered by a fetch each time: if the replacement is reported within 60 s,
    /// further reports are ignored for 1 s, doubling to 60 s.
    pub fn invalidate(&self, token: &Token) {
        self.shared.change(|standing, now, _| (standing.invalidate(token, now), ()));
    }

    /// What the last finished fetch failed with, with the time left now until the server is asked again. `None`: it was
    /// good, or there was none. While a good token is served, this is where a failed refresh shows.
    pub fn last_error(&self) -> Option<Error> {
        let (standing, now) = self.shared.look();
        standing.outcome().map(|error| standing.dated(error, now))
    }

    /// How many requests were sent, repeated attempts included.
    pub fn requests(&self) -> u64 {
        self.shared.counts.requests.load(Ordering::Relaxed)
    }

    /// How many fetches failed.
    pub fn failures(&self) -> u64 {
        self.shared.counts.failures.load(Ordering::Relaxed)
    }

    /// How many fetches brought a token.
    pub fn tokens(&self) -> u64 {
        self.shared.counts.tokens.load(Ordering::Relaxed)
    }

    /// How many calls had to wait for a fetch.
    pub fn waits(&self) -> u64 {
        self.shared.counts.waits.load(Ordering::Relaxed)
    }

    /// Ends the source: every waiting call returns [`ErrorKind::Closed`] now, as do later ones. A request that is under way
    /// is not waited for; its answer is thrown away.
    pub fn close(&self) {
        let flight = self.shared.change(|standing, _, flight| {
            standing.close();
            (true, flight.take())
        });
        if let Some(flight) = flight {
            flight.land(Err(closed()));
        }
    }
}

#[cfg(test)]
impl TokenSource {
    pub(crate) fn fetch_in_flight(&self) -> bool {
        self.shared.current.load().fetch_in_flight().is_some()
    }
}

impl Drop for TokenSource {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("generation", &self.generation())
            .field("requests", &self.requests())
            .field("failures", &self.failures())
            .field("tokens", &self.tokens())
            .field("waits", &self.waits())
            .finish_non_exhaustive()
    }
}

impl Policy {
    fn of(settings: &Settings) -> Self {
        Self {
            timeout: settings.timeout,
            max_attempts: settings.max_attempts,
            inline: settings.refresh == Refresh::Inline,
            margin: settings.expiry_margin,
            ahead: settings.refresh_ahead,
            default_lifetime: settings.default_lifetime,
            secret_file: settings.client_secret.path().map(Into::into),
        }
    }

    /// What a fetch may take: a little less than its callers wait, so that they hear what it failed with. A busy machine
    /// takes its time to start a thread and to wake another.
    fn budget(&self) -> Duration {
        self.timeout - (self.timeout / 10).min(Duration::from_millis(200))
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the token source is closed")
}

fn timed_out(timeout: Duration) -> Error {
    let message = format!("no token within the timeout of {} s; the fetch is still running", in_seconds(timeout));
    Error::new(ErrorKind::Timeout, message).retryable().with_retry_after(Duration::ZERO)
}

impl Shared {
    /// The standing of this process and the instant. Takes the gate only after a fork, or when a clock was set.
    fn look(&self) -> (Guard<Arc<SourceState>>, Nanos) {
        let standing = self.current.load();
        if standing.forks() == system::fork_count()
            && let Some(now) = standing.instant(self.clock.coarse())
        {
            return (standing, now);
        }
        // Not looked at again: the wall clock may move as often as it is read.
        let now = self.change(|_, now, _| (true, now));
        (self.current.load(), now)
    }

    /// Changes the standing behind the gate: `work` gets it with the instant and the flight, and says whether it changed
    /// anything.
    fn change<R>(
        &self,
        work: impl FnOnce(&mut SourceState, Nanos, &mut Option<Arc<Flight<FetchResult>>>) -> (bool, R),
    ) -> R {
        self.gate.pass(|flight| {
            let mut standing = SourceState::clone(&self.current.load());
            let now = standing.rebase(self.clock.now());
            let forks = system::fork_count();
            let forked = standing.forks() != forks;
            if forked {
                standing.after_fork(forks, now, (self.random)());
            }
            let (changed, result) = work(&mut standing, now, flight);
            if changed || forked {
                self.current.publish(standing);
            }
            result
        })
    }

    fn generation(&self) -> u32 {
        if self.current.load().forks() != system::fork_count() {
            self.change(|_, _, _| (false, ()));
        }
        self.current.load().view().generation(self.clock.coarse())
    }

    /// `within`: how long a caller of `get_within` waits; `None` for `get`. The answer `None`: that was not long enough.
    fn token(self: &Arc<Self>, within: Option<Duration>) -> Result<Option<Arc<Token>>, Error> {
        let mut visit: Option<Call> = None;
        loop {
            let (standing, now) = self.look();
            if self.secret_has_changed(&standing) {
                let failed_with = standing.secret_that_failed();
                self.change(|standing, _, _| (standing.end_secret_hold_off(failed_with), ()));
                continue;
            }
            match standing.verdict(now) {
                Decision::Serve(served) => return Ok(Some(served.token.clone())),
                Decision::Fail(error) => return Err(standing.dated(error, now)),
                Decision::FailUnlessPolling(error) if within.is_none() => return Err(standing.dated(error, now)),
                Decision::Closed => return Err(closed()),
                Decision::ServeAndRefresh(_)
                | Decision::StartFetch(_)
                | Decision::AwaitFetch
                | Decision::FailUnlessPolling(_) => {}
            }
            drop(standing);
            if visit.as_ref().is_some_and(|visit| self.monotonic() >= visit.until) {
                return Ok(None);
            }
            let visit = visit.get_or_insert_with(|| self.visit(within));
            if let Some(outcome) = self.attend(visit) {
                return outcome;
            }
        }
    }

    fn visit(&self, within: Option<Duration>) -> Call {
        let after = |span: Duration| self.monotonic().saturating_add(nanos(span));
        let timeout = self.terms.timeout;
        Call {
            polls: within.is_some(),
            until: after(within.map_or(timeout, |within| within.min(timeout))),
            latest: after(timeout),
            counted: false,
        }
    }

    /// Starts the fetch that is needed, or finds the one that is under way, and stays for its result where that is needed.
    /// `None`: look again.
    fn attend(self: &Arc<Self>, visit: &mut Call) -> Option<Result<Option<Arc<Token>>, Error>> {
        let flight = match self.step(visit) {
            Step::Again => return None,
            Step::TooSoon => return Some(Ok(None)),
            Step::FlyBeside(flight, token) => {
                // A caller that has just fetched is handed what it brought.
                return (!self.depart(&flight, visit)).then_some(Ok(Some(token)));
            }
            Step::Fly(flight) => {
                self.depart(&flight, visit);
                flight
            }
            Step::Wait(flight) => flight,
        };
        if self.monotonic() < visit.until {
            self.count_wait(visit);
        }
        let landing = flight.wait(&self.clock, visit.until)?;
        let (standing, now) = self.look();
        match landing {
            // A caller that woke late must not be handed a token that is past by now.
            Ok(served) => (now < served.life.unusable_at).then_some(Ok(Some(served.token))),
            Err(error) => Some(Err(standing.dated(&error, now))),
        }
    }

    fn count_wait(&self, visit: &mut Call) {
        if !std::mem::replace(&mut visit.counted, true) {
            count(&self.counts.waits);
        }
    }

    /// Decides again, alone, and enters what follows.
    fn step(&self, visit: &Call) -> Step {
        self.change(|standing, now, slot| {
            let (purpose, token) = match standing.verdict(now) {
                Decision::ServeAndRefresh(served) => (FetchReason::Refresh, Some(served.token.clone())),
                Decision::StartFetch(purpose) => (purpose, None),
                Decision::AwaitFetch | Decision::FailUnlessPolling(_) => {
                    return (false, slot.clone().map_or(Step::Again, Step::Wait));
                }
                Decision::Serve(_) | Decision::Fail(_) | Decision::Closed => return (false, Step::Again),
            };
            let pause = standing.next_fetch_at().saturating_sub(now);
            if self.terms.inline && visit.polls && pause > 0 && self.monotonic() + pause > visit.until {
                return (false, Step::TooSoon);
            }
            let flight = Flight::new();
            *slot = Some(flight.clone());
            standing.begin_fetch(purpose);
            (true, token.map_or_else(|| Step::Fly(flight.clone()), |token| Step::FlyBeside(flight.clone(), token)))
        })
    }

    /// Has the fetch of `flight` done: by a thread of its own, or, inline and where none can be had for what is needed,
    /// by this one. True: by this one.
    fn depart(self: &Arc<Self>, flight: &Arc<Flight<FetchResult>>, visit: &mut Call) -> bool {
        if !self.terms.inline {
            let work = {
                let (shared, flight, running) = (self.clone(), flight.clone(), self.clock.running());
                move || {
                    let _running = running;
                    shared.fly(&flight, None);
                }
            };
            let Err(error) = system::spawn("fetch", work) else { return false };
            let (standing, now) = self.look();
            if standing.is_good(now) {
                let message =
                    format!("no thread could be started for the refresh ({error}): this process is at a limit");
                self.land(flight, now, Err(Error::new(ErrorKind::Internal, message).retryable()), None);
                return false;
            }
        }
        self.count_wait(visit);
        self.fly(flight, Some(visit.latest));
        true
    }

    /// `caller`: until when the calling thread may be kept, where the fetch has no thread of its own.
    fn fly(&self, flight: &Flight<FetchResult>, caller: Option<Nanos>) {
        let (standing, now) = self.look();
        let spaced = self.monotonic().saturating_add(standing.next_fetch_at().saturating_sub(now).max(0));
        drop(standing);
        if flight.wait(&self.clock, caller.map_or(spaced, |latest| latest.min(spaced))).is_some() {
            return;
        }
        let started = self.clock.now();
        let deadline = started.coarse.monotonic.saturating_add(nanos(self.terms.budget()));
        let deadline = caller.map_or(deadline, |latest| deadline.min(latest));
        let errand = RunningFetch { shared: self, flight, deadline, threads: caller.is_none() };
        let mut secret = None;
        let landing = catch_unwind(AssertUnwindSafe(|| {
            let fetched = self.fetch.fetch(&errand);
            secret = fetched.secret;
            self.served(fetched.result?, started.boot)
        }));
        let landing = landing.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Internal, "the fetch panicked: this is a bug in tokensource, please report it"))
        });
        self.land(flight, started.boot, landing, secret);
    }

    /// Enters the result of a fetch, and gives it to all who wait for it.
    fn land(&self, flight: &Flight<FetchResult>, started: Nanos, landing: FetchResult, secret: Option<Option<Stamp>>) {
        let random = (self.random)();
        let entered = self.change(|standing, now, slot| {
            if standing.is_closed() {
                return (false, false);
            }
            *slot = None;
            match &landing {
                Ok(served) => {
                    count(&self.counts.tokens);
                    standing.granted(served.clone(), started, now);
                }
                Err(error) => {
                    count(&self.counts.failures);
                    standing.failed(error.clone(), secret, now, random);
                }
            }
            (true, true)
        });
        // After `close` its word is the one to hear, though it may not have said it yet.
        if entered {
            flight.land(landing);
        }
    }

    /// Makes the token. Only the one flight that is under way comes here, so the next generation is its own.
    fn served(&self, granted: TimedGrant, started: Nanos) -> FetchResult {
        let (standing, arrived) = self.look();
        let lifetime = granted.grant.lifetime.unwrap_or(self.terms.default_lifetime);
        let (margin, ahead) = (self.terms.margin, self.terms.ahead);
        let birth = FetchTimes { started, sent: granted.sent, arrived, lifetime, margin, ahead };
        let life = Schedule::new(&birth, (self.random)()).ok_or_else(|| {
            let message = format!(
                "the token was already expired when it arrived: it lives {} s, counted from when it was asked for",
                in_seconds(lifetime)
            );
            Error::new(ErrorKind::BadResponse, message)
        })?;
        let token = Token::new(granted.grant, granted.sent, lifetime, standing.next_generation(), self.clock.clone());
        Ok(CachedToken { token: Arc::new(token), life })
    }

    /// Looks at the secret's file, at most once a second, where that could end a hold-off.
    fn secret_has_changed(&self, standing: &SourceState) -> bool {
        let (Some(failed_with), Some(path)) = (standing.secret_that_failed(), &self.terms.secret_file) else {
            return false;
        };
        let (now, looked) = (self.monotonic(), self.looked.load(Ordering::Relaxed));
        now >= looked.saturating_add(SECOND)
            && self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && Stamp::at(path) != failed_with
    }

    fn monotonic(&self) -> Nanos {
        self.clock.coarse().monotonic
    }
}

/// What a running fetch sees of its source.
struct RunningFetch<'a> {
    shared: &'a Shared,
    flight: &'a Flight<FetchResult>,
    deadline: Nanos,
    threads: bool,
}

impl FetchContext for RunningFetch<'_> {
    fn deadline(&self) -> Nanos {
        self.deadline
    }

    fn attempts(&self) -> u32 {
        let (standing, now) = self.shared.look();
        match standing.fetch_in_flight() {
            Some(FetchReason::Probe) => 1,
            // A failed refresh costs nobody anything while the token is good.
            Some(FetchReason::Refresh) if standing.is_good(now) => 1,
            _ => self.shared.terms.max_attempts,
        }
    }

    fn count_request(&self) {
        count(&self.shared.counts.requests);
    }

    fn pause(&self, until: Nanos) -> bool {
        self.flight.wait(&self.shared.clock, until).is_none()
    }

    fn threads(&self) -> bool {
        self.threads
    }

    fn random(&self) -> f64 {
        (self.shared.random)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::test::TestClock, config::client_secret::ClientSecret, source::cases::Scripted};
    use tokensource_testserver::Script;

    fn source(script: &str, clock: &Arc<TestClock>) -> (TokenSource, Arc<Scripted>) {
        source_of(Settings::example(), script, clock)
    }

    fn source_of(settings: Settings, script: &str, clock: &Arc<TestClock>) -> (TokenSource, Arc<Scripted>) {
        let server = Scripted::new(Script::parse(script).unwrap(), clock);
        let (settings, clock) = (Arc::new(settings), Clock::Test(clock.clone()));
        let fetch = HttpFetch { settings: settings.clone(), transport: Box::new(server.clone()), clock: clock.clone() };
        (TokenSource::with(&settings, Box::new(fetch), clock, Box::new(|| 0.5)), server)
    }

    #[test]
    fn a_dropped_source_makes_no_further_attempt() {
        let clock = TestClock::new();
        let (source, server) = source(r#"[{"status": 503, "retry_after": 10}, {}]"#, &clock);
        assert!(source.get_within(Duration::ZERO).unwrap().is_none());
        clock.settle();
        drop(source);
        clock.pass_to(20 * SECOND);
        assert_eq!(server.requests.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn only_a_fetch_with_a_thread_of_its_own_may_start_another() {
        for (refresh, threads) in [(Refresh::Background, true), (Refresh::Inline, false)] {
            let clock = TestClock::new();
            let (source, server) = source_of(Settings { refresh, ..Settings::example() }, "[{}]", &clock);
            source.get().unwrap();
            assert_eq!(server.threads.load(Ordering::Relaxed), threads, "{refresh:?}");
        }
    }

    #[test]
    fn what_a_fetch_brings_after_close_is_heard_by_nobody() {
        let clock = TestClock::new();
        let (source, _) = source("[{}]", &clock);
        let flight = Flight::new();
        source.close();
        source.shared.land(&flight, 0, Err(timed_out(Duration::ZERO)), None);
        assert!(flight.wait(&Clock::System, 0).is_none());
        assert_eq!(source.failures(), 0);
    }

    #[test]
    fn a_caller_that_wakes_late_is_not_handed_a_token_that_is_past() {
        let clock = TestClock::new();
        let (source, _) = source("[{}]", &clock);
        let token = source.get().unwrap();
        clock.advance(3600 * SECOND);
        let birth = FetchTimes {
            started: 0,
            sent: 0,
            arrived: 0,
            lifetime: Duration::from_secs(3600),
            margin: None,
            ahead: None,
        };
        let flight = Flight::new();
        flight.land(Ok(CachedToken { token, life: Schedule::new(&birth, 0.5).unwrap() }));
        source.shared.change(|standing, _, slot| {
            standing.begin_fetch(FetchReason::NoToken);
            *slot = Some(flight);
            (true, ())
        });
        assert!(source.get_within(Duration::ZERO).unwrap().is_none());
    }

    #[test]
    fn a_wall_clock_that_is_set_between_any_two_looks_keeps_nobody() {
        let clock = TestClock::new();
        let (source, server) = source("[{}]", &clock);
        clock.move_wall_at_each_look(86_400 * SECOND);
        for _ in 0..3 {
            assert_eq!(source.get().unwrap().access_token(), "token-1");
            assert_eq!(source.generation(), 0);
        }
        assert_eq!(server.requests.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_token_outlives_its_source() {
        let clock = TestClock::new();
        let (source, _) = source("[{}]", &clock);
        let token = source.get().unwrap();
        drop(source);
        assert_eq!(token.access_token(), "token-1");
        assert_eq!(token.expires_in(), Duration::from_secs(3600));
    }

    #[test]
    fn a_token_of_another_source_is_not_this_ones() {
        let clock = TestClock::new();
        let (mine, other) = (source("[{}]", &clock).0, source("[{}]", &clock).0);
        let (token, foreign) = (mine.get().unwrap(), other.get().unwrap());
        assert_eq!(token.access_token(), foreign.access_token());
        mine.invalidate(&foreign);
        assert_eq!(mine.generation(), token.generation());
        mine.invalidate(&token);
        assert_eq!(mine.generation(), 0);
        assert_eq!(other.generation(), foreign.generation());
    }

    struct Panics;

    impl Fetch for Panics {
        fn fetch(&self, _: &dyn FetchContext) -> crate::fetch::FetchOutcome {
            panic!("as the test asked")
        }
    }

    #[test]
    fn a_panic_in_a_fetch_is_an_error_for_all_who_wait() {
        let source = TokenSource::with(&Settings::example(), Box::new(Panics), Clock::System, Box::new(|| 0.5));
        let error = source.get().unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Internal, false));
        assert_eq!(source.last_error().unwrap().kind(), ErrorKind::Internal);
        assert_eq!((source.failures(), source.requests()), (1, 0));
        assert!(error.retry_after().unwrap() > Duration::from_secs(29));
    }

    #[test]
    fn a_panic_in_a_fetch_is_held_off_though_there_is_a_file_to_look_at() {
        let client_secret = ClientSecret::File(std::env::temp_dir());
        let settings = Settings { client_secret, ..Settings::example() };
        let source = TokenSource::with(&settings, Box::new(Panics), Clock::System, Box::new(|| 0.5));
        for _ in 0..2 {
            assert_eq!(source.get().unwrap_err().kind(), ErrorKind::Internal);
        }
        assert_eq!(source.failures(), 1);
    }

    #[test]
    fn what_is_printed_of_a_source_is_what_it_counts() {
        let clock = TestClock::new();
        let (source, _) = source("[{}]", &clock);
        source.get().unwrap();
        let printed = format!("{source:?}");
        assert!(printed.contains("generation: 1, requests: 1, failures: 0, tokens: 1, waits: 1"), "{printed}");
    }
}
