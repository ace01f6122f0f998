//! The public face of a token source.
//!
//! It only passes function calls on: `coordinator.rs` carries them out, `state.rs` decides.

#[cfg(test)]
pub(crate) mod cases;
mod coordinator;
#[cfg(test)]
mod discovery;
mod flight;
mod lock;
mod published;
mod repeat;
mod schedule;
mod state;

pub use coordinator::Stats;

use crate::{
    clock::Clock,
    config::{Config, Settings},
    error::Error,
    fetch::{Fetch, HttpFetch},
    system,
    token::Token,
    transport::HttpTransport,
};
use coordinator::Coordinator;
use std::{fmt, sync::Arc, time::Duration};

/// Keeps one access token valid: it fetches the token when it is first needed, caches it, and refreshes it before it
/// expires. Any number of threads may share a source. Make one for each client, and keep it as long as the process runs.
///
/// The source does nothing between function calls, except that it finishes a running fetch. Dropping it is
/// [`close`](Self::close); its tokens stay usable.
///
/// ```no_run
/// use tokensource::{Config, TokenSource};
///
/// let mut config = Config::new();
/// config.set("provider", "podero")?.set("client_id", "my-client")?.set("client_secret_file", "/run/secrets/podero")?;
/// let source = TokenSource::new(&config)?;
/// let token = source.get()?;
/// println!("the token is valid for {:?}", token.expires_in());
/// # Ok::<(), tokensource::Error>(())
/// ```
pub struct TokenSource {
    coordinator: Arc<Coordinator>,
}

impl TokenSource {
    /// Returns a source with a copy of the checked `config`. It sends no request yet.
    ///
    /// The environment is read here, once: the proxy variables and `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig), with everything that is wrong in one message.
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
        Self { coordinator: Arc::new(Coordinator::new(settings, fetch, clock, random)) }
    }

    /// Returns a valid token: the cached one at once, or the result of the one fetch that all callers share.
    ///
    /// This function blocks, at most as long as the option `timeout`. In an async program, call it with
    /// `tokio::task::spawn_blocking(move || source.get())`, or poll with [`get_within`](Self::get_within).
    ///
    /// With `refresh = inline`, the calling thread performs the fetch, also that of a refresh.
    ///
    /// # Errors
    /// The error of the fetch. During the hold-off after a failed fetch it is returned at once, and
    /// [`Error::retry_after`] is the time left. [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the time is over,
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) after [`close`](Self::close).
    pub fn get(&self) -> Result<Arc<Token>, Error> {
        self.coordinator.get()
    }

    /// Returns a valid token as [`get`](Self::get) does, but waits at most `within`. Returns None if the fetch is still
    /// running then.
    ///
    /// With zero it never waits, and starts the fetch that is needed: an event loop polls with it, and one call warms a
    /// source up. With `refresh = inline`, or if no thread can be started, the calling thread performs the fetch, and the
    /// call may take longer.
    ///
    /// # Errors
    /// The errors of `get`, without the timeout.
    pub fn get_within(&self, within: Duration) -> Result<Option<Arc<Token>>, Error> {
        self.coordinator.get_within(within)
    }

    /// Returns the generation of the token that [`get`](Self::get) would return at once, or 0 if `get` would do anything
    /// else. While it equals the generation of a token that you keep, that token is the current one.
    ///
    /// This function costs as much as reading the clock, writes nothing and never waits.
    ///
    /// Every other token begins a new generation. If the server returns the same token again, the generation stays. It
    /// changes all the same if the server extends the token or ends it sooner, or if the token was reported by
    /// [`invalidate`](Self::invalidate).
    ///
    /// It also returns 0 when `get` has to check first. This is so after a clock was set or the machine slept, and during
    /// a hold-off that a changed file may end.
    #[inline(always)]
    pub fn generation(&self) -> u32 {
        self.try_fast_generation().unwrap_or_else(|| self.coordinator.generation())
    }

    /// Returns the generation if the fast path can read it. It cannot panic.
    #[inline(always)]
    pub(crate) fn try_fast_generation(&self) -> Option<u32> {
        self.coordinator.try_fast_generation()
    }

    /// Reports that the API rejected `token`, for example with a 401. If it is the current token, or an older handle of the
    /// same access token, the next `get` fetches another. Any other token changes nothing, so any number of threads may
    /// report the same one.
    ///
    /// If the API rejects the replacement within 60 s too, further reports are ignored for 1 s, doubling to 60 s. An API
    /// that rejects every token therefore does not cause a fetch each time.
    pub fn invalidate(&self, token: &Token) {
        self.coordinator.invalidate(token);
    }

    /// Returns the error of the last finished fetch, with the time left until the next request. Returns None if that fetch
    /// got a token, or if no fetch has finished. It shows a failed refresh while `get` still returns a valid token.
    pub fn last_error(&self) -> Option<Error> {
        self.coordinator.last_error()
    }

    /// Returns what the source has done since it was made.
    pub fn stats(&self) -> Stats {
        self.coordinator.stats()
    }

    /// Closes the source: every waiting call returns [`ErrorKind::Closed`](crate::ErrorKind::Closed) now, and so does every
    /// later call. It does not wait for a running request, whose response is discarded.
    pub fn close(&self) {
        self.coordinator.close();
    }
}

#[cfg(test)]
impl TokenSource {
    pub(crate) fn fetch_in_flight(&self) -> bool {
        self.coordinator.fetch_in_flight()
    }
}

impl Drop for TokenSource {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stats { requests, failures, tokens, waits } = self.stats();
        f.debug_struct("TokenSource")
            .field("generation", &self.generation())
            .field("requests", &requests)
            .field("failures", &failures)
            .field("tokens", &tokens)
            .field("waits", &waits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::test::TestClock,
        config::{Refresh, TextOrFile},
        duration::SECOND,
        error::ErrorKind,
        fetch::{FetchContext, FetchOutcome},
        source::cases::Scripted,
    };
    use std::sync::atomic::Ordering;
    use tokensource_testserver::Script;

    fn source(script: &str, clock: &Arc<TestClock>) -> (TokenSource, Arc<Scripted>) {
        source_with(Settings::example(), script, clock)
    }

    fn source_with(settings: Settings, script: &str, clock: &Arc<TestClock>) -> (TokenSource, Arc<Scripted>) {
        let server = Scripted::new(Script::parse(script).unwrap(), clock);
        let settings = Arc::new(settings);
        let fetch = server.fetch(&settings);
        (TokenSource::with(&settings, fetch, Clock::Test(clock.clone()), Box::new(|| 0.5)), server)
    }

    #[test]
    fn a_dropped_source_makes_no_further_attempt() {
        let clock = TestClock::new();
        let (source, server) = source(r#"[{"status": 503, "retry_after": 10}, {}]"#, &clock);
        assert!(source.get_within(Duration::ZERO).unwrap().is_none());
        clock.settle();
        drop(source);
        clock.advance_to(20 * SECOND);
        assert_eq!(server.requests.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn only_a_fetch_on_a_worker_thread_may_start_another_thread() {
        for (refresh, threads) in [(Refresh::Background, true), (Refresh::Inline, false)] {
            let clock = TestClock::new();
            let (source, server) = source_with(Settings { refresh, ..Settings::example() }, "[{}]", &clock);
            source.get().unwrap();
            assert_eq!(server.threads.load(Ordering::Relaxed), threads, "{refresh:?}");
        }
    }

    #[test]
    fn a_wall_clock_that_is_set_between_any_two_readings_blocks_no_caller() {
        let clock = TestClock::new();
        let (source, server) = source("[{}]", &clock);
        clock.move_wall_at_each_reading(86_400 * SECOND);
        for _ in 0..5 {
            source.get().unwrap();
            assert_eq!(source.generation(), 0);
            clock.settle();
            clock.advance(SECOND);
        }
        // Each time, the machine may have been paused: one refresh a minute.
        assert_eq!(server.requests.load(Ordering::Relaxed), 2);
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
    fn an_equal_token_of_another_source_cannot_be_invalidated() {
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
        fn fetch(&self, _: &dyn FetchContext) -> FetchOutcome {
            panic!("as the test asked")
        }
    }

    #[test]
    fn a_panic_in_a_fetch_is_an_error_for_every_waiting_caller() {
        let source = TokenSource::with(&Settings::example(), Box::new(Panics), Clock::System, Box::new(|| 0.5));
        let error = source.get().unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Internal, false));
        assert_eq!(source.last_error().unwrap().kind(), ErrorKind::Internal);
        assert_eq!((source.stats().failures, source.stats().requests), (1, 0));
        assert!(error.retry_after().unwrap() > Duration::from_secs(29));
    }

    #[test]
    fn a_panic_in_a_fetch_is_held_off_although_there_is_a_secret_file() {
        let mut settings = Settings::example();
        let path = std::env::temp_dir();
        let secret = TextOrFile::File { path, named_by: "client_secret_file", what: "secret" };
        settings.credentials.secret = Some(secret);
        let source = TokenSource::with(&settings, Box::new(Panics), Clock::System, Box::new(|| 0.5));
        for _ in 0..2 {
            assert_eq!(source.get().unwrap_err().kind(), ErrorKind::Internal);
        }
        assert_eq!(source.stats().failures, 1);
    }

    #[test]
    fn the_debug_output_of_a_source_is_its_stats() {
        let clock = TestClock::new();
        let (source, _) = source("[{}]", &clock);
        source.get().unwrap();
        let printed = format!("{source:?}");
        assert!(printed.contains("generation: 1, requests: 1, failures: 0, tokens: 1, waits: 1"), "{printed}");
    }
}
