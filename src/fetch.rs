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
        assertion::Moment,
        credentials::{RequestCredentials, texts_of_assertion},
        hints,
        metadata::{Lookup, Metadata},
        response::{self, Grant},
        sent::{Asked, SentRequest},
        skew::Skew,
    },
    secret::Secret,
    system::{self, WatchedFile},
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
    /// Returns the SHA-256 of the refresh token in place of which an earlier response brought another.
    fn rotated_refresh_token(&self) -> Option<[u8; 32]>;
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
        let (mut watched, texts) = self.settings.credentials.read();
        let texts_were_read = texts.is_ok();
        let mut lookups = Lookups { known: context.metadata(), has_changed: false, has_failed: false };
        let credentials = texts.and_then(|texts| RequestCredentials::new(&self.settings, texts));
        let result = credentials.and_then(|credentials| {
            let secrets = credentials.texts_to_redact(&self.settings);
            let sending = Sending { credentials, secrets, context };
            let mut server_clock = None;
            let mut attempt = 1;
            loop {
                let error = match self.attempt(&sending, &mut lookups, &mut server_clock) {
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
        if texts_were_read {
            watched.extend(self.transport.watched_files());
        }
        FetchOutcome { result, watched, metadata: lookups.known.filter(|_| lookups.has_changed) }
    }
}

/// What all requests of one fetch have in common.
struct Sending<'a> {
    credentials: RequestCredentials,
    /// The texts that no error may show.
    secrets: Vec<Secret>,
    context: &'a dyn FetchContext,
}

/// The server's clock, as a response showed it. It holds for one fetch: a machine whose clock is wrong pays two requests a
/// token, and one whose clock was set pays one again.
#[derive(Clone, Copy)]
struct ServerClock {
    seconds: i64,
    /// The boot time at which it showed this.
    shown_at: Nanos,
}

impl ServerClock {
    /// Returns the Unix time of the server at this boot time.
    fn unix_seconds(self, now: Nanos) -> i64 {
        self.seconds.saturating_add(now.saturating_sub(self.shown_at) / SECOND)
    }
}

/// How a request failed.
struct Failure {
    error: Error,
    /// The server's clock, if it may accept a request that is signed by that clock.
    server_clock: Option<ServerClock>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, server_clock: None }
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
    /// Sends one request, and a second one if the first shows that our clock is wrong. A fetch does so once.
    fn attempt(
        &self,
        sending: &Sending<'_>,
        lookups: &mut Lookups,
        server_clock: &mut Option<ServerClock>,
    ) -> Result<TimedGrant, Error> {
        let metadata;
        let asked = match &self.settings.server {
            Server::TokenUrl(endpoint) => Asked::from(endpoint),
            Server::Issuer(issuer) => {
                metadata = self.metadata(issuer, &sending.secrets, lookups, sending.context)?;
                Asked { endpoint: &metadata.token_endpoint, auth_methods: &metadata.auth_methods }
            }
        };
        let Failure { error, server_clock: shown } = match self.send(sending, asked, lookups, *server_clock) {
            Ok(granted) => return Ok(granted),
            Err(failure) => failure,
        };
        let is_in_time = self.clock.coarse().monotonic < sending.context.deadline();
        if shown.is_none() || server_clock.is_some() || !is_in_time || still_wanted(sending.context).is_err() {
            return Err(error);
        }
        *server_clock = shown;
        self.send(sending, asked, lookups, *server_clock).map_err(|failure| failure.error)
    }

    /// Sends one request, signed by the server's clock if it is known.
    fn send(
        &self,
        sending: &Sending<'_>,
        asked: Asked<'_>,
        lookups: &mut Lookups,
        server_clock: Option<ServerClock>,
    ) -> Result<TimedGrant, Failure> {
        let Sending { credentials, secrets, context } = sending;
        let now = self.clock.now();
        let limits = self.limits(now, context.deadline(), "the token endpoint", *context)?;
        let moment = Moment {
            unix_seconds: server_clock.map_or(now.coarse.wall / SECOND, |clock| clock.unix_seconds(now.boot)),
            // A sandbox may forbid random numbers, and a request that is not signed needs none.
            jti: if credentials.signer().is_some() { unique_id()? } else { [0; 16] },
        };
        let (request, signed) = credentials.request(&self.settings, asked.endpoint, &moment)?;
        context.count_request();
        #[cfg(feature = "testing")]
        crate::fault::panic_if_named(&self.settings.user_agent);
        let sent_at = Cell::new(None);
        let response = self.transport.send(&request, limits, &|| sent_at.set(Some(self.clock.now())));
        let (was_connected, sent_at) = (sent_at.get().is_some(), sent_at.get().unwrap_or(now));
        let result = response.map_err(Failure::from).and_then(|response| {
            let arrived = self.clock.now();
            let is_signed_over_https = signed.is_some() && asked.endpoint.https;
            let date = response.time(0).servers.filter(|_| is_signed_over_https);
            let skew = date.and_then(|date| Skew::of(date, sent_at.coarse.wall, arrived.coarse.wall));
            // Each request has an assertion of its own.
            let secrets: Vec<Secret> =
                secrets.iter().cloned().chain(signed.iter().flat_map(texts_of_assertion)).collect();
            let rotated_refresh_token = context.rotated_refresh_token();
            let sent = SentRequest::new(&self.settings, asked, credentials, &secrets);
            let sent = SentRequest { skew, rotated_refresh_token, ..sent };
            response::read(&response, sent, arrived.coarse.wall / SECOND).map_err(|error| {
                let may_be_about_time = hints::may_be_about_time(response.status, error.oauth_error());
                let shown = skew.filter(|skew| skew.may_heal() && may_be_about_time);
                let shown_at = arrived.boot;
                let shown = shown.map(|skew| ServerClock { seconds: skew.server_seconds, shown_at });
                // The second signature did not help, but our clock is wrong all the same.
                let advice = skew.filter(|_| server_clock.is_some()).map(Skew::advice);
                let error = match advice.filter(|advice| !error.message().ends_with(advice)) {
                    Some(advice) => error.with_suffix(&format!("; {advice}")),
                    None => error,
                };
                Failure { error, server_clock: shown }
            })
        });
        match result {
            Ok(grant) => Ok(TimedGrant { grant, sent: sent_at.boot }),
            Err(failure) => {
                lookups.note(&failure.error, was_connected);
                Err(failure)
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

/// Returns the random bytes that tell an assertion from every other one. There must be no fallback: a server refuses an
/// assertion that it has seen.
fn unique_id() -> Result<[u8; 16], Error> {
    system::random_bytes().map_err(|error| {
        let message =
            format!("the system gives no random numbers ({error}), which an assertion needs: allow getrandom");
        Error::new(ErrorKind::Internal, message)
    })
}

/// Returns an error if the source was closed, or if another fetch runs in place of this one.
fn still_wanted(context: &dyn FetchContext) -> Result<(), Error> {
    match context.pause(Nanos::MIN) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::new(ErrorKind::Closed, "the fetch is no longer wanted")),
    }
}

#[cfg(test)]
mod tests;
