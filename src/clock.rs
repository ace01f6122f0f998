//! The current time, and waiting until a later one. A test replaces the clocks here; the transport alone times itself.
//!
//! It must not decide anything: `source/schedule.rs` and `source/state.rs` say what an instant means for a token.

use crate::{
    duration::{Nanos, duration},
    system,
};
use std::sync::{Condvar, MutexGuard, PoisonError};

/// The two clocks that every function call reads. A reading costs a few nanoseconds and is a few milliseconds behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coarse {
    /// Nothing sets it. It stands still while the machine sleeps.
    pub(crate) monotonic: Nanos,
    /// Unix time. It may be set at any moment, and it jumps when the machine wakes.
    pub(crate) wall: Nanos,
}

impl Coarse {
    /// Returns wall minus monotonic, which is constant until a clock is set or the machine sleeps.
    #[inline(always)]
    pub(crate) fn offset(self) -> Nanos {
        self.wall.saturating_sub(self.monotonic)
    }
}

/// The coarse clocks and boot time, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) coarse: Coarse,
    /// Boot time: nothing sets it, and it counts the time that the machine slept.
    pub(crate) boot: Nanos,
}

/// The system's clocks, or those of a test.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    #[cfg(test)]
    Test(std::sync::Arc<test::TestClock>),
}

impl Clock {
    #[inline(always)]
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

    /// Waits on `condvar` until it is notified or the monotonic clock reads `until`. It may return early: the caller
    /// checks its condition and the clock, and calls again.
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

    /// Returns a guard that marks this thread as running, so that the test clock knows when all threads are idle.
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
    _clock: Option<test::RunningThread>,
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

    /// Three clocks that a test sets, and the number of threads that are running under them.
    #[derive(Debug)]
    pub struct TestClock {
        now: Mutex<Now>,
        /// How far the wall clock is set forward at each reading.
        wall_step: AtomicI64,
        threads: Mutex<Threads>,
        changed: Condvar,
    }

    #[derive(Debug, Default)]
    struct Threads {
        running: usize,
        /// For each waiting thread: how often it has checked its condition since a thread last ran, and until when it
        /// waits.
        waiting: HashMap<ThreadId, (u32, Nanos)>,
    }

    /// 2026-01-01T00:00:00Z.
    const START: Nanos = 1_767_225_600 * SECOND;

    impl TestClock {
        /// Returns a clock at monotonic 1,000 s, boot time 5,000 s, wall 2026-01-01.
        pub fn new() -> Arc<Self> {
            let now = Now { coarse: Coarse { monotonic: 1_000 * SECOND, wall: START }, boot: 5_000 * SECOND };
            let (wall_step, threads) = (AtomicI64::new(0), Mutex::default());
            Arc::new(Self { now: Mutex::new(now), wall_step, threads, changed: Condvar::new() })
        }

        pub(crate) fn now(&self) -> Now {
            let mut now = self.now.lock().unwrap();
            now.coarse.wall += self.wall_step.load(Ordering::Relaxed);
            *now
        }

        /// Returns the nanoseconds of boot time since the clock was made.
        pub fn elapsed(&self) -> Nanos {
            self.now().boot - 5_000 * SECOND
        }

        /// Moves all three clocks.
        pub fn advance(&self, by: Nanos) {
            let mut now = self.now.lock().unwrap();
            now.coarse.monotonic += by;
            now.coarse.wall += by;
            now.boot += by;
        }

        /// Moves the clocks as a sleep of the machine does: monotonic time stands still.
        pub fn suspend(&self, by: Nanos) {
            let mut now = self.now.lock().unwrap();
            now.coarse.wall += by;
            now.boot += by;
        }

        /// Sets the wall clock forward or back.
        pub fn set_wall(&self, by: Nanos) {
            self.now.lock().unwrap().coarse.wall += by;
        }

        /// Sets the wall clock forward at every reading from now on.
        pub fn move_wall_at_each_reading(&self, by: Nanos) {
            self.wall_step.store(by, Ordering::Relaxed);
        }

        /// Returns when every running thread waits for the clock to move, or for a thread that does so. Panics after ten
        /// real seconds, since that is a hang.
        pub fn settle(&self) {
            let started = Instant::now();
            let mut threads = self.threads.lock().unwrap();
            threads.waiting.clear();
            while threads.waiting.values().filter(|(checks, _)| *checks >= 2).count() < threads.running {
                assert!(started.elapsed() < Duration::from_secs(10), "{} threads never came to rest", threads.running);
                threads = self.changed.wait_timeout(threads, Duration::from_millis(50)).unwrap().0;
            }
        }

        /// Returns the earliest instant that an idle thread waits for.
        fn next_instant(&self) -> Option<Nanos> {
            self.threads.lock().unwrap().waiting.values().map(|(_, until)| *until).min()
        }

        /// Moves the clocks to the next instant that a thread waits for. Returns false if no thread waits for one.
        pub fn advance_to_next_wait(&self) -> bool {
            self.settle();
            let Some(next) = self.next_instant() else { return false };
            self.advance(next - self.now().coarse.monotonic);
            self.settle();
            true
        }

        /// Moves the clocks until `elapsed` is `at`, and stops at each instant that a thread waits for on the way.
        pub fn advance_to(&self, at: Nanos) {
            self.settle();
            let left = |clock: &Self| at - clock.elapsed();
            while self.next_instant().is_some_and(|next| next - self.now().coarse.monotonic <= left(self)) {
                self.advance_to_next_wait();
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
            let waiting = threads.waiting.entry(thread::current().id()).or_default();
            *waiting = (waiting.0 + 1, until);
            drop(threads);
            self.changed.notify_all();
            condvar.wait_timeout(guard, Duration::from_micros(300)).unwrap_or_else(PoisonError::into_inner).0
        }

        pub(crate) fn running(self: &Arc<Self>) -> Running {
            let mut threads = self.threads.lock().unwrap();
            threads.running += 1;
            threads.waiting.clear();
            Running { _clock: Some(RunningThread(self.clone())) }
        }
    }

    #[derive(Debug)]
    pub(crate) struct RunningThread(Arc<TestClock>);

    impl Drop for RunningThread {
        fn drop(&mut self) {
            let mut threads = self.0.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.running -= 1;
            threads.waiting.clear();
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
