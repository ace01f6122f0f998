//! Pure: what a response means to a source: another token, or a repeat, which has the text of a token that it knows.
//!
//! Servers and caches return one token until it dies. Some count its seconds down to 0 (WSO2, Spring Security OAuth), and
//! some state the full lifetime each time (express-gateway). So a repeat alone proves nothing about the end of the token.
//! This file must not read a clock nor change a state. All instants are in boot time.

use crate::{
    duration::{Nanos, SECOND, nanos},
    oauth::times::{ExpirySource, StatedExpiry},
    source::schedule::TICK,
};
use std::time::Duration;

/// What a response that states an end of 0 or less gives a token that the source has not seen before. The server may mean
/// that the token never ends.
pub(crate) const ENDED_LIFETIME: Duration = Duration::from_secs(60);

/// Our clock is ahead of the server's by the latency of a response and by the fraction that whole seconds leave out.
const CLOCK_LEAD: Nanos = SECOND;

/// A repeat that states an end earlier by more than this has another end. Whole seconds explain any smaller difference.
const SAME_END: Nanos = 2 * SECOND;

/// Where the lifetime of a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LifetimeSource {
    ExpiresIn,
    ExpiresAt,
    Jwt,
    /// The server stated no end: the option `default_lifetime`, or the minute of a token with an end of 0 or less.
    Default,
}

impl From<ExpirySource> for LifetimeSource {
    fn from(told_by: ExpirySource) -> Self {
        match told_by {
            ExpirySource::ExpiresIn => Self::ExpiresIn,
            ExpirySource::ExpiresAt => Self::ExpiresAt,
            ExpirySource::Jwt => Self::Jwt,
        }
    }
}

/// The lifetime that a response gives its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) span: Duration,
    pub(crate) from: LifetimeSource,
}

/// The lifetimes that the options set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LifetimeRules {
    /// For a response that states no end.
    pub(crate) default: Duration,
    /// For a response that states an end of 0 or less.
    pub(crate) ended: Duration,
    /// No lifetime is longer, wherever it comes from.
    pub(crate) most: Duration,
}

impl LifetimeRules {
    /// Returns the lifetime of a token that the source has not seen before. Returns None if it has expired.
    pub(crate) fn lifetime(&self, expiry: StatedExpiry) -> Option<Lifetime> {
        let (span, from) = match expiry {
            StatedExpiry::In { left, told_by } => (left, told_by.into()),
            // The claims of a JWT are the token's own: they do not mean "never".
            StatedExpiry::Ended { told_by: ExpirySource::Jwt } => return None,
            StatedExpiry::Ended { .. } => (self.ended, LifetimeSource::Default),
            StatedExpiry::NotStated => (self.default, LifetimeSource::Default),
        };
        Some(Lifetime { span: span.min(self.most), from })
    }
}

/// What a source knows about the end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownEnd {
    pub(crate) end: Nanos,
    pub(crate) lifetime_from: LifetimeSource,
    /// A repeat whose request was sent before this instant cannot prove that the server extended the token.
    pub(crate) last_possible_end: Nanos,
}

impl KnownEnd {
    /// Returns the end of a token that a response brings: its request was sent at `sent`, and it `arrived`.
    pub(crate) fn new(lifetime: Lifetime, sent: Nanos, arrived: Nanos) -> Self {
        let span = nanos(lifetime.span);
        Self {
            end: sent.saturating_add(span),
            lifetime_from: lifetime.from,
            last_possible_end: arrived.saturating_add(span).saturating_add(CLOCK_LEAD),
        }
    }

    /// Returns whether the token is over at an instant. Like every token, it counts as a tick older than it is.
    fn is_over(&self, now: Nanos) -> bool {
        now >= self.end - TICK
    }

    /// Ends the token `now`, as the server states.
    pub(crate) fn end_now(&mut self, now: Nanos) {
        self.end = self.end.min(now);
        self.last_possible_end = self.last_possible_end.min(now.saturating_add(CLOCK_LEAD));
    }

    fn is_stated(&self) -> bool {
        self.lifetime_from != LifetimeSource::Default
    }
}

/// What a repeat means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The token keeps its end.
    Keeps,
    /// The server has never stated an end, and the token is still the same: its end moves.
    Moves(KnownEnd),
    /// The token has another end from now on, which callers must notice.
    Changes(KnownEnd),
    /// The server states that the token has ended.
    Ends,
    /// The token is over by its stated end, and the repeat does not prove the contrary.
    ProvesNothing,
}

/// What a repeat states, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) expiry: StatedExpiry,
    /// How long the claims of a JWT leave the token.
    pub(crate) jwt_left: Option<Duration>,
    pub(crate) sent: Nanos,
    pub(crate) arrived: Nanos,
}

impl Statement {
    /// Returns what this statement means for a token of which `known` is known. A rejected token is not in hand any more.
    pub(crate) fn about(self, known: KnownEnd, is_rejected: bool, rules: LifetimeRules) -> Repeat {
        let Self { expiry, jwt_left, sent, arrived } = self;
        let Some(lifetime) = rules.lifetime(expiry) else { return Repeat::Ends };
        if matches!(expiry, StatedExpiry::Ended { .. }) && known.is_stated() {
            return Repeat::Ends;
        }
        let told = KnownEnd::new(lifetime, sent, arrived);
        // A server cannot extend a JWT beyond its own claims.
        let by_jwt = jwt_left.map_or(Nanos::MAX, |left| arrived.saturating_add(nanos(left)));
        let extended = KnownEnd { end: told.end.min(by_jwt), ..told };
        let repeat = if told.is_stated() && told.end < known.end.saturating_sub(SAME_END) {
            Repeat::Changes(KnownEnd { last_possible_end: told.last_possible_end.min(known.last_possible_end), ..told })
        } else if !known.is_stated() && !is_rejected {
            Repeat::Moves(extended)
        } else if sent >= known.last_possible_end {
            Repeat::Changes(extended)
        } else if known.is_over(arrived) {
            Repeat::ProvesNothing
        } else if is_rejected {
            // The text is in hand again. Callers must notice, since some of them have reported it.
            Repeat::Changes(KnownEnd { end: told.end.min(known.end), ..known })
        } else {
            Repeat::Keeps
        };
        match repeat {
            Repeat::Changes(end) | Repeat::Moves(end) if end.is_over(arrived) => Repeat::Ends,
            repeat => repeat,
        }
    }
}

#[cfg(test)]
mod tests;
