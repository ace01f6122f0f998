//! Tests: runs `tests/cases/*.json` with an injected clock. After each step it also checks the generation, which must be
//! set exactly when `get` would return a token and do nothing else.

#[path = "../../tests/cases/case.rs"]
mod case;

use crate::{
    clock::{Clock, test::TestClock},
    config::{Config, Settings},
    duration::{Nanos, duration, nanos},
    error::{Error, ErrorKind},
    fetch::{Fetch, HttpFetch},
    oauth::request::HttpRequest,
    oauth::response::RawResponse,
    source::TokenSource,
    system::NO_THREADS,
    token::Token,
    transport::{Limits, Transport},
};
use case::{Call, Case, ClockKind, Step};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};
use tokensource_testserver::{Close, Script};

/// A server that responds according to a script, in the time of a test clock.
pub(crate) struct Scripted {
    pub(crate) script: Script,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) requests: AtomicUsize,
    /// Whether the last request was allowed to start threads.
    pub(crate) threads: AtomicBool,
}

impl Scripted {
    pub(crate) fn new(script: Script, clock: &Arc<TestClock>) -> Arc<Self> {
        Arc::new(Self { script, clock: clock.clone(), requests: AtomicUsize::new(0), threads: AtomicBool::new(false) })
    }

    /// Returns a fetch that sends its requests to this server.
    pub(crate) fn fetch(self: &Arc<Self>, settings: &Arc<Settings>) -> Box<dyn Fetch> {
        let clock = Clock::Test(self.clock.clone());
        Box::new(HttpFetch { settings: settings.clone(), transport: Box::new(self.clone()), clock })
    }
}

impl Transport for Arc<Scripted> {
    fn send(&self, _: &HttpRequest, limits: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error> {
        about_to_send();
        let n = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        self.threads.store(limits.threads, Ordering::SeqCst);
        let response = self.script.response(n);
        let sent = self.clock.now().coarse.monotonic;
        let delay = if response.hang { Duration::MAX } else { response.delay };
        let (lock, condvar) = (Mutex::new(()), Condvar::new());
        let mut guard = lock.lock().unwrap();
        let until = sent.saturating_add(nanos(delay.min(limits.total)));
        while self.clock.now().coarse.monotonic < until {
            guard = Clock::Test(self.clock.clone()).wait(&condvar, guard, until);
        }
        // The second holds after a freeze.
        if delay > limits.total || self.clock.now().coarse.monotonic > sent.saturating_add(nanos(limits.total)) {
            return Err(Error::new(ErrorKind::Timeout, "the server took too long").retryable());
        }
        if response.close.is_some() {
            assert_ne!(response.close, Some(Close::MidBody), "only the tests over sockets cut a body short");
            return Err(Error::new(ErrorKind::Network, "the connection was closed")
                .retryable()
                .worth_another_attempt());
        }
        let wall = SystemTime::UNIX_EPOCH + duration(self.clock.now().coarse.wall);
        let rendered = response.render(n, wall);
        let headers = rendered.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Ok(RawResponse { status: rendered.status, headers, body: rendered.body.into() })
    }
}

/// Returns whether the credential is in a file.
fn has_file(case: &Case) -> bool {
    let names = ["client_secret_file", "client_assertion_file", "signing_key_file"];
    names.iter().any(|name| case.options.contains_key(*name))
}

const KEY: &str = include_str!("../../tests/keys/ed25519.pem");

struct World {
    clock: Arc<TestClock>,
    server: Arc<Scripted>,
    source: Arc<TokenSource>,
    secret: PathBuf,
    returned: HashMap<String, Arc<Token>>,
    last_generation: u32,
    waiting: HashMap<String, Vec<Caller>>,
    /// A clock was moved since the last `get`: the generation is 0 until the next.
    moved: bool,
}

struct Outcome {
    result: Result<Option<Arc<Token>>, Error>,
    took: Nanos,
}

/// The outcome of a call on its own thread. It is set before the thread counts as idle.
type Caller = Arc<Mutex<Option<Outcome>>>;

fn is_done(caller: &Caller) -> bool {
    caller.lock().unwrap().is_some()
}

impl World {
    fn new(case: &Case) -> Self {
        static WORLDS: AtomicUsize = AtomicUsize::new(0);
        let nth = WORLDS.fetch_add(1, Ordering::SeqCst);
        let secret = std::env::temp_dir().join(format!("tokensource-case-{}-{nth}", std::process::id()));
        let holds = if case.options.contains_key("signing_key_file") { KEY } else { "horse-battery" };
        std::fs::write(&secret, holds).unwrap();
        let clock = TestClock::new();
        let server = Scripted::new(case.server.clone(), &clock);
        let mut config = Config::new();
        config.set("token_url", "https://localhost/token").unwrap().set("client_id", "id").unwrap();
        if !has_file(case) {
            config.set("client_secret", "horse-battery").unwrap();
        }
        for (name, value) in &case.options {
            config.set(name, value.replace("$FILE", secret.to_str().unwrap()).as_str()).unwrap();
        }
        let settings = Arc::new(config.settings(&|_| None).unwrap());
        let fetch = server.fetch(&settings);
        let source = TokenSource::with(&settings, fetch, Clock::Test(clock.clone()), Box::new(|| 0.5));
        let source = Arc::new(source);
        Self {
            clock,
            server,
            source,
            secret,
            returned: HashMap::new(),
            last_generation: 0,
            waiting: HashMap::new(),
            moved: false,
        }
    }

    /// Starts callers, which run until they wait for the clock to move.
    fn call(
        &self,
        callers: usize,
        no_threads: bool,
        call: impl Fn(&TokenSource) -> Result<Option<Arc<Token>>, Error> + Clone + Send + 'static,
    ) -> Vec<Caller> {
        let start = |_| {
            let (source, clock, call, caller) =
                (self.source.clone(), self.clock.clone(), call.clone(), Caller::default());
            let running = clock.running();
            thread::spawn({
                let caller = caller.clone();
                move || {
                    let _running = running;
                    NO_THREADS.set(no_threads);
                    let since = clock.elapsed();
                    let result = call(&source);
                    *caller.lock().unwrap() = Some(Outcome { result, took: clock.elapsed() - since });
                }
            });
            caller
        };
        let callers = (0..callers).map(start).collect();
        self.clock.settle();
        callers
    }

    /// Moves the clock until all callers have returned.
    fn join(&self, callers: &[Caller]) -> Vec<Outcome> {
        while !callers.iter().all(is_done) {
            assert!(self.clock.advance_to_next_wait(), "no thread waits for an instant");
        }
        callers.iter().map(|caller| caller.lock().unwrap().take().unwrap()).collect()
    }

    fn run(&mut self, step: &Step) {
        if let Some(at) = step.at {
            let at = case::nanos(at);
            assert!(at >= self.clock.elapsed(), "{step:?}: the clock is at {} ns already", self.clock.elapsed());
            self.clock.advance_to(at);
        }
        let seconds = case::nanos(step.seconds);
        let within = Duration::from_secs_f64(step.seconds.max(0.0));
        let callers = match step.call {
            Call::Get => self.call(step.callers, step.no_threads, |source| source.get().map(Some)),
            Call::GetWithin => self.call(step.callers, step.no_threads, move |source| source.get_within(within)),
            Call::Join => self.waiting.remove(&step.text).expect("the name of waiting callers"),
            Call::Invalidate => {
                let token = self.returned[&step.text].clone();
                self.call(step.callers, step.no_threads, move |source| {
                    source.invalidate(&token);
                    Ok(None)
                })
            }
            Call::Close => self.call(step.callers, step.no_threads, |source| {
                source.close();
                Ok(None)
            }),
            Call::SetWall => {
                self.clock.set_wall(seconds);
                Vec::new()
            }
            Call::Suspend => {
                self.clock.suspend(seconds);
                Vec::new()
            }
            Call::Freeze => {
                self.clock.advance(seconds);
                self.clock.settle();
                Vec::new()
            }
            Call::WriteSecret => {
                std::fs::write(&self.secret, &step.text).unwrap();
                Vec::new()
            }
            Call::Look => Vec::new(),
        };
        self.moved = match step.call {
            Call::SetWall | Call::Suspend => true,
            Call::Look | Call::WriteSecret | Call::Join => self.moved,
            _ => false,
        };
        if let Some(name) = &step.name {
            assert!(step.gives.is_none(), "{step:?}: `gives` belongs to the step that joins the callers");
            self.waiting.insert(name.clone(), callers);
        } else {
            let outcomes = self.join(&callers);
            for outcome in outcomes {
                self.check(step, outcome);
            }
            self.clock.settle();
        }
        let stats = self.source.stats();
        let counters = [
            (step.requests, stats.requests, "requests"),
            (step.tokens, stats.tokens, "tokens"),
            (step.failures, stats.failures, "failures"),
            (step.waits, stats.waits, "waits"),
        ];
        for (expected, counted, what) in counters {
            assert!(expected.is_none_or(|expected| expected == counted), "{step:?}: {counted} {what}");
        }
        assert_eq!(stats.requests, self.server.requests.load(Ordering::SeqCst) as u64);
        if let Some(status) = &step.last_error {
            let error = self.source.last_error();
            assert_eq!(error.as_ref().map_or("TKS_OK".into(), name), *status, "{step:?}");
        }
    }

    fn check(&mut self, step: &Step, outcome: Outcome) {
        assert_eq!(outcome.took, case::nanos(step.took), "{step:?}: took");
        let returned = match &outcome.result {
            Ok(Some(token)) => Some(token.access_token().to_owned()),
            Ok(None) => matches!(step.call, Call::GetWithin | Call::Join).then(|| "TKS_PENDING".into()),
            Err(error) => Some(name(error)),
        };
        assert_eq!(returned, step.gives, "{step:?}: {:?}", outcome.result);
        match outcome.result {
            Ok(Some(token)) => {
                assert!(!token.expires_in().is_zero(), "{step:?}: {token:?} has expired");
                let new = token.generation() != std::mem::replace(&mut self.last_generation, token.generation());
                assert!(step.new.is_none_or(|expected| expected == new), "{step:?}: {token:?}");
                self.returned.insert(token.access_token().to_owned(), token);
            }
            Err(error) => {
                let left = error.retry_after().map_or(-1, nanos);
                assert!(step.retry_after.is_none_or(|expected| case::nanos(expected) == left), "{step:?}: {error:?}");
                assert!(step.transient.is_none_or(|expected| expected == error.is_transient()), "{step:?}: {error:?}");
                assert!(
                    step.oauth_error.as_ref().is_none_or(|code| Some(code.as_str()) == error.oauth_error()),
                    "{step:?}: {error:?}"
                );
            }
            Ok(None) => {}
        }
    }

    /// Compares the generation with what `get` does now.
    fn check_generation(self) -> Result<(), String> {
        let generation = self.source.generation();
        let before = (self.source.stats().requests, self.source.fetch_in_flight());
        let caller = self.call(1, false, |source| source.get().map(Some)).pop().unwrap();
        let outcome = caller.lock().unwrap().take();
        let at_once = (self.source.stats().requests, self.source.fetch_in_flight()) == before;
        let cached = match outcome {
            Some(Outcome { result: Ok(Some(token)), .. }) if at_once => token.generation(),
            _ => 0,
        };
        if generation == cached || self.moved && generation == 0 {
            return Ok(());
        }
        Err(format!("the generation is {generation}, and get without a fetch or a wait gives {cached}"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.source.close();
        // Threads that still wait for the server time out.
        self.clock.advance(i64::MAX / 4);
        let _ = std::fs::remove_file(&self.secret);
    }
}

fn name(error: &Error) -> String {
    let name = match error.kind() {
        ErrorKind::InvalidArgument => "INVALID_ARGUMENT",
        ErrorKind::InvalidConfig => "INVALID_CONFIG",
        ErrorKind::Network => "NETWORK",
        ErrorKind::Tls => "TLS",
        ErrorKind::Timeout => "TIMEOUT",
        ErrorKind::Http => "HTTP",
        ErrorKind::OAuth => "OAUTH",
        ErrorKind::BadResponse => "BAD_RESPONSE",
        ErrorKind::Internal => "INTERNAL",
        ErrorKind::Closed => "CLOSED",
    };
    format!("TKS_{name}")
}

#[test]
fn every_case_holds() {
    let cases = case::all(ClockKind::Injected);
    let failed: Vec<String> = cases.iter().filter_map(|(file, case)| failure(file, case)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(cases.len() >= 40, "only {} cases", cases.len());
}

/// Returns the case that failed and the number of its steps. The failure itself is on stderr.
fn failure(file: &str, case: &Case) -> Option<String> {
    let fails = |steps: usize, then: &dyn Fn(World)| {
        let run = || {
            let mut world = World::new(case);
            case.steps[..steps].iter().for_each(|step| world.run(step));
            then(world);
        };
        let ran = catch_unwind(AssertUnwindSafe(run));
        ran.is_err().then(|| format!("{file}: {}, after {steps} steps", case.name))
    };
    // With a file the generation is 0 during a hold-off, since `get` checks the file.
    let has_file = has_file(case);
    fails(case.steps.len(), &drop).or_else(|| {
        // Each step is the last step once, since `check_generation` changes the state.
        (0..=case.steps.len())
            .filter(|_| !has_file)
            .find_map(|steps| fails(steps, &|world| world.check_generation().unwrap()))
    })
}
