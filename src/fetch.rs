//! One fetch: it reads the credentials, and sends requests until a response settles it or its attempts or its time are used
//! up.
//!
//! It keeps nothing between two fetches, and must not know about the cached token: the source decides what a result means.
//! A store that many processes share would wrap [`Fetch`].

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
    system::WatchedFile,
    transport::{Limits, Transport},
};
use std::{cell::Cell, ops::ControlFlow, sync::Arc};

/// Gets a grant from the server, or from a store.
pub(crate) trait Fetch: Send + Sync {
    fn fetch(&self, context: &dyn FetchContext) -> FetchOutcome;
}

/// What a running fetch asks its source.
pub(crate) trait FetchContext {
    /// Returns when the fetch must end, on the monotonic clock.
    fn deadline(&self) -> Nanos;
    /// Returns how many attempts the fetch has. Ask again before each, since a refresh has more once the token has expired.
    fn max_attempts(&self) -> u32;
    /// Counts a request that is about to be sent.
    fn count_request(&self);
    /// Waits until the monotonic clock reads `until`. Returns `Break` as soon as the result is no longer wanted.
    fn pause(&self, until: Nanos) -> ControlFlow<()>;
    /// Returns whether the fetch may start threads.
    fn may_start_threads(&self) -> bool;
    /// Returns a random number, at least 0 and below 1.
    fn random(&self) -> f64;
}

/// How a fetch ended, and the files that it read, in the state in which it read them. If another state of one of them is
/// seen later, a fetch that failed may succeed.
pub(crate) struct FetchOutcome {
    pub(crate) result: Result<TimedGrant, Error>,
    pub(crate) watched: Vec<WatchedFile>,
}

/// A grant, and the boot time at which its request was sent, when the connection was up.
pub(crate) struct TimedGrant {
    pub(crate) grant: Grant,
    pub(crate) sent: Nanos,
}

/// A fetch over HTTP, according to the settings.
pub(crate) struct HttpFetch {
    pub(crate) settings: Arc<Settings>,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) clock: Clock,
}

impl Fetch for HttpFetch {
    fn fetch(&self, context: &dyn FetchContext) -> FetchOutcome {
        let (mut watched, credentials) = self.settings.credentials.read();
        let credentials_were_read = credentials.is_ok();
        let result = credentials.and_then(|credentials| {
            let auth = ClientAuth::new(&self.settings, credentials);
            let secrets = oauth::texts_to_redact(&self.settings, &auth);
            let mut attempt = 1;
            loop {
                let error = match self.attempt(&auth, &secrets, context) {
                    Err(error) if error.is_worth_another_attempt() => error,
                    settled => return settled,
                };
                let now = self.clock.coarse().monotonic;
                let until = now.saturating_add(nanos(backoff::pause(attempt, error.server_wait(), context.random())));
                if attempt >= context.max_attempts() || until >= context.deadline() || context.pause(until).is_break() {
                    return Err(error);
                }
                attempt += 1;
            }
        });
        if credentials_were_read {
            watched.extend(self.transport.watched_files());
        }
        FetchOutcome { result, watched }
    }
}

impl HttpFetch {
    fn attempt(&self, auth: &ClientAuth, secrets: &[Secret], context: &dyn FetchContext) -> Result<TimedGrant, Error> {
        let now = self.clock.now();
        let left = duration(context.deadline().saturating_sub(now.coarse.monotonic));
        if left.is_zero() {
            let message = "no time was left for a request to the token endpoint: set a larger timeout";
            return Err(Error::new(ErrorKind::Timeout, message).retryable());
        }
        let request = oauth::token_request(&self.settings, self.settings.server.endpoint(), auth, now);
        context.count_request();
        #[cfg(feature = "testing")]
        crate::fault::panic_if_named(&self.settings.user_agent);
        let limits = Limits {
            total: left,
            connect: left.min(self.settings.connect_timeout),
            threads: context.may_start_threads(),
        };
        let sent = Cell::new(now.boot);
        let response = self.transport.send(&request, limits, &|| sent.set(self.clock.now().boot))?;
        let unix_seconds = self.clock.coarse().wall / SECOND;
        let grant = response::read(&response, &self.settings, (&request.endpoint).into(), auth, unix_seconds, secrets)?;
        Ok(TimedGrant { grant, sent: sent.get() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::test::TestClock, oauth::request::HttpRequest, oauth::response::RawResponse};

    /// A server to which a connection takes 3 s, and which responds after 2 s more.
    struct SlowToConnect(Arc<TestClock>);

    impl Transport for SlowToConnect {
        fn send(&self, _: &HttpRequest, _: Limits, about_to_send: &dyn Fn()) -> Result<RawResponse, Error> {
            self.0.advance(3 * SECOND);
            about_to_send();
            self.0.advance(2 * SECOND);
            let body = br#"{"access_token":"T","expires_in":3}"#.to_vec();
            Ok(RawResponse { status: 200, headers: Vec::new(), body: body.into() })
        }
    }

    struct Context;

    impl FetchContext for Context {
        fn deadline(&self) -> Nanos {
            Nanos::MAX
        }
        fn max_attempts(&self) -> u32 {
            1
        }
        fn count_request(&self) {}
        fn pause(&self, _: Nanos) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
        fn may_start_threads(&self) -> bool {
            false
        }
        fn random(&self) -> f64 {
            0.5
        }
    }

    #[test]
    fn the_life_of_a_token_begins_when_the_connection_is_up() {
        let clock = TestClock::new();
        let started = clock.now().boot;
        let transport = Box::new(SlowToConnect(clock.clone()));
        let fetch = HttpFetch { settings: Arc::new(Settings::example()), transport, clock: Clock::Test(clock.clone()) };
        let outcome = fetch.fetch(&Context);
        assert_eq!(outcome.result.unwrap().sent - started, 3 * SECOND);
        assert_eq!(outcome.watched, []);
    }
}
