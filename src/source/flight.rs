//! State: a piece of work that is under way, and its one result shared by all who wait for it.
//!
//! It knows nothing of tokens or of what makes a result good. Model-checked by `tests/loom.rs`, which puts loom's locks
//! in place of the standard library's.

use crate::{
    clock::Clock,
    duration::Nanos,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// Work that is under way, whoever does it.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    landed: Mutex<Option<T>>,
    changed: Condvar,
}

impl<T: Clone> Flight<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { landed: Mutex::new(None), changed: Condvar::new() })
    }

    /// Gives everybody the result. The first one counts: false, and no effect, for a later one.
    pub(crate) fn land(&self, result: T) -> bool {
        let mut landed = self.lock();
        if landed.is_some() {
            return false;
        }
        *landed = Some(result);
        drop(landed);
        self.changed.notify_all();
        true
    }

    /// The result, waited for until the monotonic clock reads `until`. `None`: it was not there by then.
    pub(crate) fn wait(&self, clock: &Clock, until: Nanos) -> Option<T> {
        let mut landed = self.lock();
        loop {
            if landed.is_some() || clock.coarse().monotonic >= until {
                return landed.clone();
            }
            landed = clock.wait(&self.changed, landed, until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        // A panic elsewhere leaves either no result or a whole one.
        self.landed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::test::TestClock;

    #[test]
    fn the_first_landing_counts() {
        let flight = Flight::new();
        assert_eq!(flight.wait(&Clock::System, 0), None);
        assert!(flight.land(1));
        assert!(!flight.land(2));
        assert_eq!(flight.wait(&Clock::System, 0), Some(1));
    }

    #[test]
    fn a_wait_ends_at_its_instant_and_not_before() {
        let clock = TestClock::new();
        let flight = Flight::<i32>::new();
        let until = clock.now().coarse.monotonic + 10;
        let waiter = std::thread::spawn({
            let (flight, clock) = (flight.clone(), Clock::Test(clock.clone()));
            let running = clock.running();
            move || {
                let _running = running;
                flight.wait(&clock, until)
            }
        });
        clock.settle();
        clock.advance(9);
        clock.settle();
        assert!(!waiter.is_finished());
        clock.advance(1);
        assert_eq!(waiter.join().unwrap(), None);
    }

    #[test]
    fn all_who_wait_get_the_one_result() {
        let clock = TestClock::new();
        let flight = Flight::new();
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                let (flight, clock) = (flight.clone(), Clock::Test(clock.clone()));
                let running = clock.running();
                std::thread::spawn(move || {
                    let _running = running;
                    flight.wait(&clock, Nanos::MAX)
                })
            })
            .collect();
        clock.settle();
        flight.land(5);
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == Some(5)));
    }
}
