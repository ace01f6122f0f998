//! One fetch: read the secret, build the request, send it, read the answer, try again within the budget.
//!
//! It keeps nothing between two fetches and knows no token: what the result is worth is the source's to say. A store that
//! many processes share will wrap [`Fetch`] without the source learning of it.

use crate::{
    backoff,
    clock::Clock,
    config::Settings,
    duration::{Nanos, SECOND, duration, nanos},
    error::{Error, ErrorKind},
    oauth::{
        self,
        client_auth::ClientAuth,
        response::{self, Grant},
    },
    secret::Secret,
    system::Stamp,
    transport::{Limits, Transport},
};
use std::sync::Arc;

/// Brings a grant, once for each call.
pub(crate) trait Fetch: Send + Sync {
    fn fetch(&self, course: &dyn FetchContext) -> FetchOutcome;
}

/// What the source tells a fetch while it runs.
pub(crate) trait FetchContext {
    /// When it must be over, on the monotonic clock.
    fn deadline(&self) -> Nanos;
    /// How many requests it may send, as of now: fewer while a good token is still served.
    fn attempts(&self) -> u32;
    /// A request is about to be sent.
    fn count_request(&self);
    /// Waits until the monotonic clock reads `until`. False: nobody wants the result any more.
    fn pause(&self, until: Nanos) -> bool;
    /// Whether threads may be started.
    fn threads(&self) -> bool;
    fn random(&self) -> f64;
}

pub(crate) struct FetchOutcome {
    pub(crate) result: Result<TimedGrant, Error>,
    /// What the file of the secret was when it was read; the inner `None`: there was no file. `None`: the secret is text.
    pub(crate) secret: Option<Option<Stamp>>,
}

pub(crate) struct TimedGrant {
    pub(crate) grant: Grant,
    /// When the request that succeeded was sent, on the clock that counts the machine's sleep.
    pub(crate) sent: Nanos,
}

/// A fetch over HTTP, as the settings say.
pub(crate) struct HttpFetch {
    pub(crate) settings: Arc<Settings>,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) clock: Clock,
}

impl Fetch for HttpFetch {
    fn fetch(&self, course: &dyn FetchContext) -> FetchOutcome {
        let (stamp, secret) = self.settings.client_secret.read();
        let result = secret.and_then(|secret| {
            let auth = ClientAuth::new(&self.settings, secret);
            let secrets = oauth::texts_to_redact(&self.settings, &auth);
            let mut attempt = 1;
            loop {
                let error = match self.attempt(&auth, &secrets, course) {
                    Err(error) if error.is_worth_another_attempt() => error,
                    settled => return settled,
                };
                let now = self.clock.coarse().monotonic;
                let until = now.saturating_add(nanos(backoff::pause(attempt, error.server_wait(), course.random())));
                if attempt >= course.attempts() || until >= course.deadline() || !course.pause(until) {
                    return Err(error);
                }
                attempt += 1;
            }
        });
        FetchOutcome { result, secret: self.settings.client_secret.path().map(|_| stamp) }
    }
}

impl HttpFetch {
    fn attempt(&self, auth: &ClientAuth, secrets: &[Secret], course: &dyn FetchContext) -> Result<TimedGrant, Error> {
        let now = self.clock.now();
        let left = duration(course.deadline().saturating_sub(now.coarse.monotonic));
        if left.is_zero() {
            let message = "no time was left to ask the token endpoint: a larger timeout would help";
            return Err(Error::new(ErrorKind::Timeout, message).retryable());
        }
        let request = oauth::token_request(&self.settings, auth, now);
        course.count_request();
        #[cfg(feature = "testing")]
        assert!(self.settings.user_agent != "panic!", "as the test asked");
        let limits =
            Limits { total: left, connect: left.min(self.settings.connect_timeout), threads: course.threads() };
        let answer = self.transport.send(&request, limits)?;
        let unix_seconds = self.clock.coarse().wall / SECOND;
        let grant = response::read(&answer, &self.settings, unix_seconds, secrets)?;
        Ok(TimedGrant { grant, sent: now.boot })
    }
}
