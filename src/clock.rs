//! Now, and waiting for later. The only file through which the library learns the time, so that a test can set it.
//!
//! It may not decide anything: what a moment means for a token is said in `token.rs` and `standing.rs`.

use crate::{
    duration::{Nanos, duration},
    system,
};
use std::sync::{Condvar, MutexGuard, PoisonError};

/// The two clocks that every call reads: a few nanoseconds each, a few milliseconds behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coarse {
    /// Never set, stands still while the machine sleeps.
    pub(crate) monotonic: Nanos,
    /// Unix time: anyone may set it, and it jumps when the machine wakes.
    pub(crate) wall: Nanos,
}

impl Coarse {
    /// Wall minus monotonic: constant until a clock is set or the machine sleeps.
    pub(crate) fn offset(self) -> Nanos {
        self.wall.saturating_sub(self.monotonic)
    }
}

/// The coarse clocks and the one that counts sleep too, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) coarse: Coarse,
    /// Never set, counts the time that the machine slept.
    pub(crate) boot: Nanos,
}

/// The system's clocks, or a test's.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    #[cfg(test)]
    Test(std::sync::Arc<test::TestClock>),
}

impl Clock {
    #[inline]
    pub(crate) fn coarse(&self) -> Coarse {
        match self {
            Self::System => Coarse { monotonic: system::monotonic_coarse(), wall: system::wall_coarse() },
            #[cfg(test)]
            Self::Test(clock) => clock.now().coarse,
        }
    }

    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System => Now { coarse: self.coarse(), boot: system::boottime() },
            #[cfg(test)]
            Self::Test(clock) => clock.now(),
        }
    }

    /// Waits on `condvar` until it is notified or the monotonic clock reads `until`, or less: a caller looks at what it
    /// waits for and at the clock, and calls again.
    pub(crate) fn wait<'a, T>(&self, condvar: &Condvar, guard: MutexGuard<'a, T>, until: Nanos) -> MutexGuard<'a, T> {
        match self {
            Self::System => {
                let left = duration(until.saturating_sub(system::monotonic_coarse()));
                condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
            }
            #[cfg(test)]
            Self::Test(clock) => clock.wait(condvar, guard, until),
        }
    }

    /// Counts the thread that holds the answer as running, which tells a test's clock when all is quiet.
    pub(crate) fn running(&self) -> Running {
        match self {
            Self::System => Running::default(),
            #[cfg(test)]
            Self::Test(clock) => clock.running(),
        }
    }
}

/// See [`Clock::running`].
#[derive(Debug, Default)]
pub(crate) struct Running {
    #[cfg(test)]
    _clock: Option<test::Counted>,
}

#[cfg(test)]
pub(crate) mod test {
    //! A clock that stands still until a test moves it.

    use super::*;
    use crate::duration::SECOND;
    use std::{
        collections::HashMap,
        sync::{
            Arc, Mutex,
            atomic::{AtomicI64, Ordering},
        },
        thread::{self, ThreadId},
        time::{Duration, Instant},
    };

    /// Three clocks that a test sets, and a count of the threads that are busy under them.
    #[derive(Debug)]
    pub struct TestClock {
        now: Mutex<Now>,
        /// By how much the wall clock is set whenever somebody looks at it.
        restless: AtomicI64,
        threads: Mutex<Threads>,
        changed: Condvar,
    }

    #[derive(Debug, Default)]
    struct Threads {
        running: usize,
        /// How often each thread has looked for what it waits for since anything last happened, and until when it waits.
        looked: HashMap<ThreadId, (u32, Nanos)>,
    }

    /// 2026-01-01T00:00:00Z.
    const START: Nanos = 1_767_225_600 * SECOND;

    impl TestClock {
        /// Monotonic 1,000 s, boottime 5,000 s, wall 2026-01-01.
        pub fn new() -> Arc<Self> {
            let now = Now { coarse: Coarse { monotonic: 1_000 * SECOND, wall: START }, boot: 5_000 * SECOND };
            let (restless, threads) = (AtomicI64::new(0), Mutex::default());
            Arc::new(Self { now: Mutex::new(now), restless, threads, changed: Condvar::new() })
        }

        pub(crate) fn now(&self) -> Now {
            let mut now = self.now.lock().unwrap();
            now.coarse.wall += self.restless.load(Ordering::Relaxed);
            *now
        }

        /// Nanoseconds since the clock was made, on the clock that counts sleep.
        pub fn elapsed(&self) -> Nanos {
            self.now().boot - 5_000 * SECOND
        }

        /// Time passes, for all three clocks.
        pub fn advance(&self, by: Nanos) {
            let mut now = self.now.lock().unwrap();
            now.coarse.monotonic += by;
            now.coarse.wall += by;
            now.boot += by;
        }

        /// The machine sleeps: monotonic time stands still.
        pub fn suspend(&self, by: Nanos) {
            let mut now = self.now.lock().unwrap();
            now.coarse.wall += by;
            now.boot += by;
        }

        /// Somebody sets the wall clock.
        pub fn set_wall(&self, by: Nanos) {
            self.now.lock().unwrap().coarse.wall += by;
        }

        /// Somebody sets the wall clock forward again and again.
        pub fn move_wall_at_each_look(&self, by: Nanos) {
            self.restless.store(by, Ordering::Relaxed);
        }

        /// Returns when every running thread does nothing but wait for the clock to move or for another that does.
        /// Panics after ten real seconds, since that is a hang.
        pub fn settle(&self) {
            let started = Instant::now();
            let mut threads = self.threads.lock().unwrap();
            threads.looked.clear();
            while threads.looked.values().filter(|(looks, _)| *looks >= 2).count() < threads.running {
                assert!(started.elapsed() < Duration::from_secs(10), "{} threads never came to rest", threads.running);
                threads = self.changed.wait_timeout(threads, Duration::from_millis(50)).unwrap().0;
            }
        }

        /// The earliest instant that a thread waits for, when all is quiet.
        fn next_instant(&self) -> Option<Nanos> {
            self.threads.lock().unwrap().looked.values().map(|(_, until)| *until).min()
        }

        /// Time passes until the next instant that a thread waits for. False: none does.
        pub fn pass_on(&self) -> bool {
            self.settle();
            let Some(next) = self.next_instant() else { return false };
            self.advance(next - self.now().coarse.monotonic);
            self.settle();
            true
        }

        /// Time passes until `elapsed` is `at`, and whoever waits for an instant on the way finds it on the clock.
        pub fn pass_to(&self, at: Nanos) {
            self.settle();
            let left = |clock: &Self| at - clock.elapsed();
            while self.next_instant().is_some_and(|next| next - self.now().coarse.monotonic <= left(self)) {
                self.pass_on();
            }
            self.advance(left(self));
            self.settle();
        }

        pub(super) fn wait<'a, T>(
            &self,
            condvar: &Condvar,
            guard: MutexGuard<'a, T>,
            until: Nanos,
        ) -> MutexGuard<'a, T> {
            if self.now().coarse.monotonic >= until {
                return guard;
            }
            let mut threads = self.threads.lock().unwrap();
            let looked = threads.looked.entry(thread::current().id()).or_default();
            *looked = (looked.0 + 1, until);
            drop(threads);
            self.changed.notify_all();
            condvar.wait_timeout(guard, Duration::from_micros(300)).unwrap_or_else(PoisonError::into_inner).0
        }

        pub(crate) fn running(self: &Arc<Self>) -> Running {
            let mut threads = self.threads.lock().unwrap();
            threads.running += 1;
            threads.looked.clear();
            Running { _clock: Some(Counted(self.clone())) }
        }
    }

    #[derive(Debug)]
    pub(crate) struct Counted(Arc<TestClock>);

    impl Drop for Counted {
        fn drop(&mut self) {
            let mut threads = self.0.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.running -= 1;
            threads.looked.clear();
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duration::nanos;
    use std::time::Duration;

    #[test]
    fn the_system_clocks_agree_with_the_standard_library() {
        let clock = Clock::System;
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(30));
        let after = clock.now();
        assert!(after.coarse.monotonic > before.coarse.monotonic);
        assert!(after.boot - before.boot >= nanos(Duration::from_millis(30)));
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!((nanos(unix) - after.coarse.wall).abs() < nanos(Duration::from_secs(1)));
    }
}
