//! State: a flight, which is one fetch whose one result all waiting callers share (singleflight).
//!
//! It must not know what the result is. `tests/loom.rs` model-checks this file, with loom's locks in place of the standard
//! library's.

use crate::{
    clock::Clock,
    duration::Nanos,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

#[derive(Debug)]
pub(crate) struct Flight<T> {
    result: Mutex<Option<T>>,
    completed: Condvar,
}

impl<T: Clone> Flight<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { result: Mutex::new(None), completed: Condvar::new() })
    }

    /// Gives the result to all waiting threads. Returns false, and changes nothing, if the flight has a result already.
    pub(crate) fn complete(&self, result: T) -> bool {
        let mut slot = self.lock();
        if slot.is_some() {
            return false;
        }
        *slot = Some(result);
        drop(slot);
        self.completed.notify_all();
        true
    }

    /// Waits for the result until the monotonic clock reads `until`. Returns None if there is none by then.
    pub(crate) fn wait(&self, clock: &Clock, until: Nanos) -> Option<T> {
        let mut result = self.lock();
        loop {
            if result.is_some() || clock.coarse().monotonic >= until {
                return result.clone();
            }
            result = clock.wait(&self.completed, result, until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        // A panic elsewhere leaves no result or a whole one.
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::test::TestClock;

    #[test]
    fn the_first_result_counts() {
        let flight = Flight::new();
        assert_eq!(flight.wait(&Clock::System, 0), None);
        assert!(flight.complete(1));
        assert!(!flight.complete(2));
        assert_eq!(flight.wait(&Clock::System, 0), Some(1));
    }

    #[test]
    fn a_wait_ends_at_its_instant_and_not_earlier() {
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
    fn all_waiting_threads_get_the_one_result() {
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
        flight.complete(5);
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == Some(5)));
    }
}
