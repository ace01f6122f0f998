//! Runs `tests/cases/*.json` with an injected clock, and asks at every step of every case whether the generation is told
//! exactly when `get` would start, await and fail nothing.

#[path = "../../tests/cases/case.rs"]
mod case;

use crate::{
    clock::{Clock, test::TestClock},
    config::Config,
    duration::{Nanos, duration, nanos},
    error::{Error, ErrorKind},
    fetch::HttpFetch,
    oauth::request::TokenRequest,
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

/// A server that answers by a script, in a test's time.
pub(crate) struct Scripted {
    pub(crate) script: Script,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) requests: AtomicUsize,
    /// Whether the last request was allowed threads.
    pub(crate) threads: AtomicBool,
}

impl Scripted {
    pub(crate) fn new(script: Script, clock: &Arc<TestClock>) -> Arc<Self> {
        Arc::new(Self { script, clock: clock.clone(), requests: AtomicUsize::new(0), threads: AtomicBool::new(false) })
    }
}

impl Transport for Arc<Scripted> {
    fn send(&self, _: &TokenRequest, limits: Limits) -> Result<RawResponse, Error> {
        let n = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        self.threads.store(limits.threads, Ordering::SeqCst);
        let answer = self.script.answer(n);
        let sent = self.clock.now().coarse.monotonic;
        let delay = if answer.hang { Duration::MAX } else { answer.delay };
        let (lock, condvar) = (Mutex::new(()), Condvar::new());
        let mut guard = lock.lock().unwrap();
        let until = sent.saturating_add(nanos(delay.min(limits.total)));
        while self.clock.now().coarse.monotonic < until {
            guard = Clock::Test(self.clock.clone()).wait(&condvar, guard, until);
        }
        if delay > limits.total {
            return Err(Error::new(ErrorKind::Timeout, "the server took too long").retryable());
        }
        if answer.close.is_some() {
            assert_ne!(answer.close, Some(Close::MidBody), "a body cut short is for the tests over sockets");
            return Err(Error::new(ErrorKind::Network, "the connection was closed")
                .retryable()
                .worth_another_attempt());
        }
        let wall = SystemTime::UNIX_EPOCH + duration(self.clock.now().coarse.wall);
        let rendered = answer.render(n, wall);
        let headers = rendered.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Ok(RawResponse { status: rendered.status, headers, body: rendered.body.into() })
    }
}

struct World {
    clock: Arc<TestClock>,
    server: Arc<Scripted>,
    source: Arc<TokenSource>,
    secret: PathBuf,
    given: HashMap<String, Arc<Token>>,
    last_generation: u32,
    waiting: HashMap<String, Vec<Caller>>,
    /// A clock was moved and no `get` has looked since: the generation is 0 until one does.
    moved: bool,
}

struct Outcome {
    result: Result<Option<Arc<Token>>, Error>,
    took: Nanos,
}

/// What a caller on a thread of its own will have been given. It is there before the clock says that all is quiet.
type Caller = Arc<Mutex<Option<Outcome>>>;

fn is_done(caller: &Caller) -> bool {
    caller.lock().unwrap().is_some()
}

impl World {
    fn new(case: &Case) -> Self {
        static WORLDS: AtomicUsize = AtomicUsize::new(0);
        let nth = WORLDS.fetch_add(1, Ordering::SeqCst);
        let secret = std::env::temp_dir().join(format!("tokensource-case-{}-{nth}", std::process::id()));
        std::fs::write(&secret, "horse-battery").unwrap();
        let clock = TestClock::new();
        let server = Scripted::new(case.server.clone(), &clock);
        let mut config = Config::new();
        config.set("token_url", "https://localhost/token").unwrap().set("client_id", "id").unwrap();
        if !case.options.contains_key("client_secret_file") {
            config.set("client_secret", "horse-battery").unwrap();
        }
        for (name, value) in &case.options {
            config.set(name, value.replace("$FILE", secret.to_str().unwrap()).as_str()).unwrap();
        }
        let settings = Arc::new(config.settings(&|_| None).unwrap());
        let (transport, test_clock) = (Box::new(server.clone()), Clock::Test(clock.clone()));
        let fetch = HttpFetch { settings: settings.clone(), transport, clock: test_clock.clone() };
        let source = Arc::new(TokenSource::with(&settings, Box::new(fetch), test_clock, Box::new(|| 0.5)));
        Self {
            clock,
            server,
            source,
            secret,
            given: HashMap::new(),
            last_generation: 0,
            waiting: HashMap::new(),
            moved: false,
        }
    }

    /// Starts callers, who run until they wait for time to pass.
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

    /// Lets time pass until all are done.
    fn join(&self, callers: &[Caller]) -> Vec<Outcome> {
        while !callers.iter().all(is_done) {
            assert!(self.clock.pass_on(), "a caller waits for nothing");
        }
        callers.iter().map(|caller| caller.lock().unwrap().take().unwrap()).collect()
    }

    fn run(&mut self, step: &Step) {
        if let Some(at) = step.at {
            let at = case::nanos(at);
            assert!(at >= self.clock.elapsed(), "{step:?}: it is {} ns already", self.clock.elapsed());
            self.clock.pass_to(at);
        }
        let seconds = case::nanos(step.seconds);
        let within = Duration::from_secs_f64(step.seconds.max(0.0));
        let callers = match step.call {
            Call::Get => self.call(step.callers, step.no_threads, |source| source.get().map(Some)),
            Call::GetWithin => self.call(step.callers, step.no_threads, move |source| source.get_within(within)),
            Call::Join => self.waiting.remove(&step.text).expect("the name of waiting callers"),
            Call::Invalidate => {
                let token = self.given[&step.text].clone();
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
            assert!(step.gives.is_none(), "{step:?}: what waiting callers are given is said where they are joined");
            self.waiting.insert(name.clone(), callers);
        } else {
            let outcomes = self.join(&callers);
            for outcome in outcomes {
                self.check(step, outcome);
            }
            self.clock.settle();
        }
        let counters = [
            (step.requests, self.source.requests(), "requests"),
            (step.tokens, self.source.tokens(), "tokens"),
            (step.failures, self.source.failures(), "failures"),
            (step.waits, self.source.waits(), "waits"),
        ];
        for (expected, counted, what) in counters {
            assert!(expected.is_none_or(|expected| expected == counted), "{step:?}: {counted} {what}");
        }
        assert_eq!(self.source.requests(), self.server.requests.load(Ordering::SeqCst) as u64);
        if let Some(status) = &step.last_error {
            let error = self.source.last_error();
            assert_eq!(error.as_ref().map_or("TKS_OK".into(), name), *status, "{step:?}");
        }
    }

    fn check(&mut self, step: &Step, outcome: Outcome) {
        assert_eq!(outcome.took, case::nanos(step.took), "{step:?}: took");
        let given = match &outcome.result {
            Ok(Some(token)) => Some(token.access_token().to_owned()),
            Ok(None) => matches!(step.call, Call::GetWithin | Call::Join).then(|| "TKS_PENDING".into()),
            Err(error) => Some(name(error)),
        };
        assert_eq!(given, step.gives, "{step:?}: {:?}", outcome.result);
        match outcome.result {
            Ok(Some(token)) => {
                assert!(!token.expires_in().is_zero(), "{step:?}: {token:?} is past its end");
                let new = token.generation() != std::mem::replace(&mut self.last_generation, token.generation());
                assert!(step.new.is_none_or(|expected| expected == new), "{step:?}: {token:?}");
                self.given.insert(token.access_token().to_owned(), token);
            }
            Err(error) => {
                let left = error.retry_after().map_or(-1, nanos);
                assert!(step.retry_after.is_none_or(|expected| case::nanos(expected) == left), "{step:?}: {error:?}");
                assert!(step.transient.is_none_or(|expected| expected == error.is_retryable()), "{step:?}: {error:?}");
                assert!(
                    step.oauth_error.as_ref().is_none_or(|code| Some(code.as_str()) == error.oauth_error()),
                    "{step:?}: {error:?}"
                );
            }
            Ok(None) => {}
        }
    }

    /// The generation now, against what `get` would do now.
    fn probe(self) -> Result<(), String> {
        let generation = self.source.generation();
        let before = (self.source.requests(), self.source.fetch_in_flight());
        let caller = self.call(1, false, |source| source.get().map(Some)).pop().unwrap();
        let outcome = caller.lock().unwrap().take();
        let at_once = (self.source.requests(), self.source.fetch_in_flight()) == before;
        let served = match outcome {
            Some(Outcome { result: Ok(Some(token)), .. }) if at_once => token.generation(),
            _ => 0,
        };
        if generation == served || self.moved && generation == 0 {
            return Ok(());
        }
        Err(format!("the generation is {generation}, and get without a fetch or a wait gives {served}"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.source.close();
        // Whoever still waits for the server sees the end of time.
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

/// What failed is on stderr; this says where.
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
    // The secret's file is an exception of its own: while a failure is held off, the generation is 0 so that `get` looks
    // at the file.
    let watched = case.options.contains_key("client_secret_file");
    fails(case.steps.len(), &drop).or_else(|| {
        // Each step is once the last, for what `probe` does disturbs the rest.
        (0..=case.steps.len()).filter(|_| !watched).find_map(|steps| fails(steps, &|world| world.probe().unwrap()))
    })
}
