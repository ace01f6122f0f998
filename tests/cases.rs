//! Runs the cases of `tests/cases/*.json` with a real clock: through the C library, against a server on a socket.
//!
//! A call may return a fifth of a second too early and half a second too late, unless the step says otherwise.

mod common;

#[path = "cases/case.rs"]
mod case;

use case::{Call, Case, ClockKind, Step};
use common::capi::{Config, Error, FAILURES, REQUESTS, Source, TOKENS, Token, WAITS};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokensource_testserver::{Server, ServerOptions};

struct World {
    started: Instant,
    source: Arc<Source>,
    server: Server,
    secret: PathBuf,
    returned: HashMap<String, Arc<Token>>,
    last_generation: u32,
    waiting: HashMap<String, Vec<JoinHandle<Outcome>>>,
}

struct Outcome {
    result: Result<Option<Token>, Error>,
    took: f64,
    /// Counted from the begin of the step: a thread that starts late waits less.
    took_at_least: f64,
}

impl World {
    fn new(case: &Case, nth: usize) -> Self {
        let secret = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("secret-of-case-{nth}"));
        fs::write(&secret, "horse-battery").unwrap();
        let server = Server::start(ServerOptions { script: case.server.clone(), ..ServerOptions::default() });
        let mut config = Config::new();
        let url = server.url();
        config.set("token_url", url.as_str()).unwrap();
        config.set("client_id", "id").unwrap();
        if !case.options.contains_key("client_secret_file") {
            config.set("client_secret", "horse-battery").unwrap();
        }
        for (name, value) in &case.options {
            config.set(name, value.replace("$FILE", secret.to_str().unwrap()).as_str()).unwrap();
        }
        let source = Arc::new(Source::new(&config).unwrap());
        let (returned, waiting) = (HashMap::new(), HashMap::new());
        Self { started: Instant::now(), source, server, secret, returned, last_generation: 0, waiting }
    }

    fn call(
        &self,
        callers: usize,
        call: impl Fn(&Source) -> Result<Option<Token>, Error> + Clone + Send + 'static,
    ) -> Vec<JoinHandle<Outcome>> {
        let step_began = Instant::now();
        let start = |_| {
            let (source, call) = (self.source.clone(), call.clone());
            thread::spawn(move || {
                let since = Instant::now();
                let result = call(&source);
                let [took, took_at_least] = [since, step_began].map(|since| since.elapsed().as_secs_f64());
                Outcome { result, took, took_at_least }
            })
        };
        (0..callers).map(start).collect()
    }

    fn run(&mut self, step: &Step) {
        assert!(!step.no_threads, "{step:?}: nothing prevents threads here");
        let at = Duration::from_secs_f64(step.at.unwrap_or(0.0));
        thread::sleep(at.saturating_sub(self.started.elapsed()));
        let seconds = step.seconds;
        let callers = match step.call {
            Call::Get => self.call(step.callers, |source| source.get().map(Some)),
            Call::GetWithin => self.call(step.callers, move |source| source.get_within(seconds)),
            Call::Join => self.waiting.remove(&step.text).expect("the name of waiting callers"),
            Call::Invalidate => {
                let token = self.returned[&step.text].clone();
                self.call(step.callers, move |source| {
                    source.invalidate(&token);
                    Ok(None)
                })
            }
            Call::Close => self.call(step.callers, |source| {
                source.close();
                Ok(None)
            }),
            Call::WriteSecret => {
                fs::write(&self.secret, &step.text).unwrap();
                Vec::new()
            }
            Call::Look => Vec::new(),
            Call::SetWall | Call::Suspend | Call::Freeze => {
                panic!("{step:?}: no test may set the clocks of the system")
            }
        };
        if let Some(name) = &step.name {
            self.waiting.insert(name.clone(), callers);
        } else {
            for caller in callers {
                self.check(step, caller.join().unwrap());
            }
        }
        let counters =
            [(step.requests, REQUESTS), (step.failures, FAILURES), (step.tokens, TOKENS), (step.waits, WAITS)];
        for (expected, which) in counters {
            let counted = self.source.stat(which);
            assert!(expected.is_none_or(|expected| expected == counted), "{step:?}: stat {which} is {counted}");
        }
        if let Some(requests) = step.requests {
            assert_eq!(self.server.requests() as u64, requests, "{step:?}: the server counts differently");
        }
        if let Some(status) = &step.last_error {
            let error = self.source.last_error();
            assert_eq!(error.as_ref().map_or("TKS_OK".into(), Error::status), *status, "{step:?}");
        }
    }

    fn check(&mut self, step: &Step, outcome: Outcome) {
        let (before, after) = step.give_or_take.map_or((0.2, 0.5), |seconds| (seconds, seconds));
        assert!(step.took - before <= outcome.took_at_least, "{step:?}: took {} at least", outcome.took_at_least);
        assert!(outcome.took <= step.took + after, "{step:?}: took {}", outcome.took);
        let returned = match &outcome.result {
            Ok(Some(token)) => Some(token.access_token()),
            Ok(None) => matches!(step.call, Call::GetWithin | Call::Join).then(|| "TKS_PENDING".into()),
            Err(error) => Some(error.status()),
        };
        assert_eq!(returned, step.gives, "{step:?}: {:?}", outcome.result);
        match outcome.result {
            Ok(Some(token)) => {
                assert!(token.expires_in() > 0.0, "{step:?}: {token:?} has expired");
                let new = token.generation() != std::mem::replace(&mut self.last_generation, token.generation());
                assert!(step.new.is_none_or(|expected| expected == new), "{step:?}: {token:?}");
                self.returned.insert(token.access_token(), Arc::new(token));
            }
            Err(error) => {
                let left = error.retry_after();
                // The time left can only be less than the hold-off.
                let left_is = |expected: f64| (expected - 0.5..=expected).contains(&left);
                assert!(step.retry_after.is_none_or(left_is), "{step:?}: {error:?}, {left} s left");
                assert!(step.transient.is_none_or(|expected| expected == error.is_transient()), "{step:?}: {error:?}");
                assert!(step.oauth_error.is_none() || step.oauth_error == error.oauth_error(), "{step:?}: {error:?}");
            }
            Ok(None) => {}
        }
    }
}

#[test]
fn every_case_holds() {
    let cases = case::all(ClockKind::Real);
    let count = cases.len();
    // In parallel, since most of the time they wait.
    let runs: Vec<_> = cases
        .into_iter()
        .enumerate()
        .map(|(nth, (file, case))| {
            let name = format!("{file}: {}", case.name);
            let run = move || {
                let mut world = World::new(&case, nth);
                case.steps.iter().for_each(|step| world.run(step));
            };
            (name, thread::spawn(run))
        })
        .collect();
    let failed: Vec<_> = runs.into_iter().filter_map(|(name, run)| run.join().is_err().then_some(name)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count >= 12, "only {count} cases");
}
