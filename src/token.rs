//! An access token with its lifetime: a grant, and the instant at which its request was sent.
//!
//! It must not decide when a token is refreshed or cached. Only the two accessors for the time left read a clock, because
//! their result holds for now.

use crate::{
    c_text::CText,
    clock::Clock,
    duration::{Nanos, duration},
    oauth::response::Grant,
    secret::Secret,
};
use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime},
};

/// An access token as the server granted it. Its texts never change, any number of threads may share it, and it outlives its
/// source. Its end moves only while the server returns the same token and states no end.
pub struct Token {
    pub(crate) access_token: Secret,
    pub(crate) authorization: Secret,
    pub(crate) token_type: CText,
    pub(crate) scope: Option<CText>,
    pub(crate) response: Secret,
    generation: u32,
    /// The source that the token is of.
    source: u64,
    /// In boot time. It moves only where the server states no end.
    expires_at: AtomicI64,
    clock: Clock,
}

impl Token {
    /// Returns the token of a grant. Its lifetime is over at `end`, in boot time.
    pub(crate) fn new(grant: Grant, end: Nanos, generation: u32, source: u64, clock: Clock) -> Self {
        Self {
            // RFC 6750 §2.1 writes the scheme so, whatever case the server's `token_type` has.
            authorization: Secret::new(["Bearer ", grant.access_token.expose()].concat()),
            access_token: grant.access_token,
            token_type: CText::new(grant.token_type),
            scope: grant.scope.map(CText::new),
            response: grant.response,
            generation,
            source,
            expires_at: AtomicI64::new(end),
            clock,
        }
    }

    /// Returns the end of the lifetime in boot time.
    fn end(&self) -> Nanos {
        self.expires_at.load(Ordering::Relaxed)
    }

    /// Moves the end of the lifetime for all handles of this token.
    pub(crate) fn move_end(&self, end: Nanos) {
        self.expires_at.store(end, Ordering::Relaxed);
    }

    pub(crate) fn source(&self) -> u64 {
        self.source
    }

    /// Returns the access token itself. Keep it out of logs.
    pub fn access_token(&self) -> &str {
        self.access_token.expose()
    }

    /// Returns the value of an `Authorization` header: `Bearer` and the access token (RFC 6750 §2.1).
    pub fn authorization(&self) -> &str {
        self.authorization.expose()
    }

    /// Returns `token_type` as the server wrote it, or `Bearer` if the response has none or an empty one.
    pub fn token_type(&self) -> &str {
        self.token_type.as_str()
    }

    /// Returns the granted scopes, separated by spaces. Returns None if the response has none: then the granted scopes are
    /// the requested ones (RFC 6749 §5.1).
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_ref().map(CText::as_str)
    }

    /// Returns the server's response as a JSON object, without `access_token`, `refresh_token` and `id_token`.
    pub fn response(&self) -> &str {
        self.response.expose()
    }

    /// Returns the number of this token among those of its source, to compare with
    /// [`TokenSource::generation`](crate::TokenSource::generation).
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns how long the token is still valid, or zero if it has expired.
    ///
    /// The server's lifetime counts from when the request was sent. Setting the wall clock does not change the result, and
    /// the time that the machine sleeps counts.
    pub fn expires_in(&self) -> Duration {
        duration(self.end().saturating_sub(self.clock.now().boot))
    }

    /// Returns when the token expires, by the wall clock as it is set now.
    pub fn expires_at(&self) -> SystemTime {
        let now = self.clock.now();
        let left = self.end().saturating_sub(now.boot).max(0);
        SystemTime::UNIX_EPOCH + duration(now.coarse.wall.saturating_add(left))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("access_token", &self.access_token)
            .field("token_type", &self.token_type())
            .field("scope", &self.scope())
            .field("expires_in", &self.expires_in())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::test::TestClock, duration::SECOND, oauth::times::StatedExpiry};
    use std::sync::Arc;

    fn token(clock: &Arc<TestClock>) -> Token {
        let grant = Grant {
            access_token: Secret::new("the-t0ken"),
            token_type: "bearer".into(),
            scope: Some("read".into()),
            expiry: StatedExpiry::NotStated,
            jwt_left: None,
            response: Secret::new("{}"),
            rotated_refresh_token: None,
        };
        let clock = Clock::Test(clock.clone());
        Token::new(grant, clock.now().boot + 3600 * SECOND, 7, 1, clock)
    }

    #[test]
    fn the_time_left_counts_sleep_and_ignores_the_wall_clock() {
        let clock = TestClock::new();
        let token = token(&clock);
        let end = token.expires_at();
        assert_eq!(token.expires_in(), Duration::from_secs(3600));
        clock.advance(600 * SECOND);
        clock.suspend(1000 * SECOND);
        assert_eq!(token.expires_in(), Duration::from_secs(2000));
        assert_eq!(token.expires_at(), end);
        clock.set_wall(-86_400 * SECOND);
        assert_eq!(token.expires_in(), Duration::from_secs(2000));
        assert_eq!(token.expires_at(), end - Duration::from_secs(86_400));
        clock.advance(2000 * SECOND - 1);
        assert_eq!(token.expires_in(), Duration::from_nanos(1));
        clock.advance(1);
        assert_eq!(token.expires_in(), Duration::ZERO);
        let expired = token.expires_at();
        clock.advance(SECOND);
        assert_eq!(token.expires_in(), Duration::ZERO);
        assert_eq!(token.expires_at(), expired + Duration::from_secs(1));
    }

    #[test]
    fn a_token_shows_its_parts_and_its_debug_output_is_redacted() {
        let token = token(&TestClock::new());
        assert_eq!(token.access_token(), "the-t0ken");
        assert_eq!(token.authorization(), "Bearer the-t0ken");
        assert_eq!((token.token_type(), token.scope(), token.response()), ("bearer", Some("read"), "{}"));
        assert_eq!(token.generation(), 7);
        let shown = format!("{token:?}");
        assert!(shown.contains("[redacted]") && shown.contains("\"read\""), "{shown}");
        assert!(!shown.contains("t0ken"), "{shown}");
    }
}
