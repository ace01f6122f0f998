//! One fetch: it reads the credentials, looks up the token endpoint if the settings name an issuer, and sends requests until
//! a response settles it or its attempts or its time are used up.
//!
//! It keeps nothing between two fetches, and must not know about the cached token: the source decides what a result means,
//! and keeps the metadata of the issuer.
//! A store that many processes share would wrap [`Fetch`].

use crate::{
    backoff,
    clock::{Clock, Now},
    config::{Endpoint, Server, Settings},
    duration::{Nanos, SECOND, duration, nanos},
    error::{Error, ErrorKind},
    oauth::{
        self,
        client_auth::ClientAuth,
        metadata::{Lookup, Metadata},
        response::{self, Asked, Grant},
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
    /// Returns the metadata of the issuer that an earlier fetch found.
    fn metadata(&self) -> Option<KnownMetadata>;
}

/// How a fetch ended, and the files that it read, in the state in which it read them. If another state of one of them is
/// seen later, a fetch that failed may succeed.
pub(crate) struct FetchOutcome {
    pub(crate) result: Result<TimedGrant, Error>,
    pub(crate) watched: Vec<WatchedFile>,
    /// The metadata for later fetches. None if what is known stays.
    pub(crate) metadata: Option<KnownMetadata>,
}

impl FetchOutcome {
    /// Returns the outcome of a fetch that failed before it read or learned anything.
    pub(crate) fn failed(error: Error) -> Self {
        Self { result: Err(error), watched: Vec::new(), metadata: None }
    }
}

/// The metadata of the issuer, and from when on it is looked up again, in boot time.
#[derive(Clone, Debug)]
pub(crate) struct KnownMetadata {
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) due: Nanos,
}

/// How long metadata is used.
const METADATA_LIFE: Nanos = 24 * 3600 * SECOND;

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
        let mut lookups = Lookups { known: context.metadata(), has_changed: false, has_failed: false };
        let result = credentials.and_then(|credentials| {
            let auth = ClientAuth::new(&self.settings, credentials);
            let secrets = oauth::texts_to_redact(&self.settings, &auth);
            let mut attempt = 1;
            loop {
                let error = match self.attempt(&auth, &secrets, &mut lookups, context) {
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
        FetchOutcome { result, watched, metadata: lookups.known.filter(|_| lookups.has_changed) }
    }
}

/// What one fetch knows of the issuer's metadata.
struct Lookups {
    known: Option<KnownMetadata>,
    /// Whether later fetches need to know `known`.
    has_changed: bool,
    /// A lookup has failed, so this fetch makes do with what is known.
    has_failed: bool,
}

impl Lookups {
    fn learn(&mut self, metadata: Arc<Metadata>, due: Nanos) {
        self.known = Some(KnownMetadata { metadata, due });
        self.has_changed = true;
    }

    /// Notes how a request to the token endpoint failed. If the endpoint may have moved, the next attempt looks it up.
    fn note(&mut self, error: &Error, was_connected: bool) {
        let is_gone = matches!(error.http_status(), Some(404 | 405 | 410));
        let is_unreachable = !was_connected && matches!(error.kind(), ErrorKind::Network | ErrorKind::Timeout);
        if let Some(known) = self.known.take_if(|_| is_gone || is_unreachable) {
            self.learn(known.metadata, Nanos::MIN);
        }
    }
}

impl HttpFetch {
    fn attempt(
        &self,
        auth: &ClientAuth,
        secrets: &[Secret],
        lookups: &mut Lookups,
        context: &dyn FetchContext,
    ) -> Result<TimedGrant, Error> {
        let metadata;
        let asked = match &self.settings.server {
            Server::TokenUrl(endpoint) => Asked::from(endpoint),
            Server::Issuer(issuer) => {
                metadata = self.metadata(issuer, secrets, lookups, context)?;
                Asked { endpoint: &metadata.token_endpoint, auth_methods: &metadata.auth_methods }
            }
        };
        let now = self.clock.now();
        let limits = self.limits(now, context.deadline(), "the token endpoint", context)?;
        let request = oauth::token_request(&self.settings, asked.endpoint, auth, now);
        context.count_request();
        #[cfg(feature = "testing")]
        crate::fault::panic_if_named(&self.settings.user_agent);
        let sent = Cell::new(None);
        let response = self.transport.send(&request, limits, &|| sent.set(Some(self.clock.now().boot)));
        let grant = response.and_then(|response| {
            let unix_seconds = self.clock.coarse().wall / SECOND;
            response::read(&response, &self.settings, asked, auth, unix_seconds, secrets)
        });
        match grant {
            Ok(grant) => Ok(TimedGrant { grant, sent: sent.get().unwrap_or(now.boot) }),
            Err(error) => {
                lookups.note(&error, sent.get().is_some());
                Err(error)
            }
        }
    }

    /// Returns the limits of a request that must end by `until`, or the error if no time is left for it.
    fn limits(&self, now: Now, until: Nanos, to: &str, context: &dyn FetchContext) -> Result<Limits, Error> {
        let left = duration(until.saturating_sub(now.coarse.monotonic));
        if left.is_zero() {
            let message = format!("no time was left for a request to {to}: set a larger timeout");
            return Err(Error::new(ErrorKind::Timeout, message).retryable());
        }
        let connect = left.min(self.settings.connect_timeout);
        Ok(Limits { total: left, connect, threads: context.may_start_threads() })
    }

    /// Returns the metadata for one attempt. If it is due for another lookup and that fails, the known metadata serves on.
    fn metadata(
        &self,
        issuer: &Endpoint,
        secrets: &[Secret],
        lookups: &mut Lookups,
        context: &dyn FetchContext,
    ) -> Result<Arc<Metadata>, Error> {
        let now = self.clock.now();
        let known = lookups.known.as_ref();
        if let Some(known) = known.filter(|known| now.boot < known.due || lookups.has_failed) {
            return Ok(known.metadata.clone());
        }
        let left = context.deadline().saturating_sub(now.coarse.monotonic);
        // The known endpoint must have time to respond.
        let left = if known.is_some() { left / 2 } else { left };
        let found = self.look_up(issuer, secrets, now.coarse.monotonic.saturating_add(left), context);
        still_wanted(context)?;
        match (found, known) {
            (Ok(found), _) => {
                let found = Arc::new(found);
                lookups.learn(found.clone(), now.boot.saturating_add(METADATA_LIFE));
                Ok(found)
            }
            (Err(_), Some(known)) => {
                lookups.has_failed = true;
                Ok(known.metadata.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Looks the metadata up, until `until` on the monotonic clock.
    fn look_up(
        &self,
        issuer: &Endpoint,
        secrets: &[Secret],
        until: Nanos,
        context: &dyn FetchContext,
    ) -> Result<Metadata, Error> {
        let mut lookup = Lookup::new(issuer, self.settings.identity.is_some(), secrets);
        loop {
            still_wanted(context)?;
            let limits = self.limits(self.clock.now(), until, "the metadata of issuer", context)?;
            context.count_request();
            let response = self.transport.send(&lookup.request(&self.settings.user_agent), limits, &|| {});
            let response = response.map_err(|error| lookup.with_places(error))?;
            if let Some(found) = lookup.read(&response, self.clock.coarse().wall / SECOND) {
                return found;
            }
        }
    }
}

/// Returns an error if the source was closed, or if another fetch runs in place of this one.
fn still_wanted(context: &dyn FetchContext) -> Result<(), Error> {
    match context.pause(Nanos::MIN) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::new(ErrorKind::Closed, "the fetch is no longer wanted")),
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
        fn metadata(&self) -> Option<KnownMetadata> {
            None
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
