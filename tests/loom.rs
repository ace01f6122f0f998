//! Model-checks `src/source/flight.rs` and the seqlock of `src/source/published.rs`: the very files, with loom's locks and
//! atomics in place of the standard library's. Loom tries every interleaving and every stale read that the memory model
//! allows. Its waits never time out: timeouts are tested with the injected clock.
//!
//! `harness = false`, so that the unit tests of these files stay out.

#![allow(dead_code, unused_imports, reason = "the models use a part of each file")]

#[path = "../src/duration.rs"]
mod duration;
#[path = "../src/source/flight.rs"]
mod flight;
#[path = "../src/source/published.rs"]
mod published;

mod sync {
    pub use loom::sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence},
    };
    pub use std::sync::PoisonError;
}

mod clock {
    //! Time that stands still: only a notification ends a wait.
    use crate::{
        duration::Nanos,
        sync::{Condvar, MutexGuard},
    };

    #[derive(Clone, Copy)]
    pub(crate) struct Coarse {
        pub monotonic: Nanos,
        pub wall: Nanos,
    }

    impl Coarse {
        pub fn offset(self) -> Nanos {
            self.wall - self.monotonic
        }
    }

    pub struct Clock;

    /// The unit tests import it.
    pub mod test {
        pub struct TestClock;
    }

    impl Clock {
        pub fn coarse(&self) -> Coarse {
            Coarse { monotonic: 0, wall: 0 }
        }

        pub fn wait<'a, T>(&self, condvar: &Condvar, guard: MutexGuard<'a, T>, _until: Nanos) -> MutexGuard<'a, T> {
            condvar.wait(guard).unwrap()
        }
    }
}

use clock::Clock;
use flight::Flight;
use loom::{sync::Arc, thread};
use published::{FastView, SeqLock};

fn main() {
    check("every waiting thread gets the one result", || {
        let flight = Flight::new();
        let waiters = [1, 2].map(|_| {
            let flight = flight.clone();
            thread::spawn(move || flight.wait(&Clock, 1))
        });
        assert!(flight.complete(5));
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Some(5));
        }
    });
    check("of two results the same one counts for every thread", || {
        let flight = Flight::new();
        let other = thread::spawn({
            let flight = flight.clone();
            move || flight.complete(2)
        });
        let waiter = thread::spawn({
            let flight = flight.clone();
            move || flight.wait(&Clock, 1)
        });
        let mine = flight.complete(1);
        assert_ne!(mine, other.join().unwrap());
        let result = if mine { 1 } else { 2 };
        assert_eq!(waiter.join().unwrap(), Some(result));
        assert_eq!(flight.wait(&Clock, 1), Some(result));
    });
    check("a view is read whole or not at all, and never goes back", || {
        let view = |n: u32| FastView {
            generation: n,
            no_action_until: i64::from(n),
            offset: i64::from(n),
            tolerance: i64::from(n),
            forks: n,
        };
        let seqlock = Arc::new(SeqLock::new(view(1)));
        let writer = thread::spawn({
            let seqlock = seqlock.clone();
            move || {
                for n in [2, 3] {
                    seqlock.begin_write();
                    seqlock.end_write(view(n));
                }
            }
        });
        let mut last = 0;
        for _ in 0..2 {
            if let Some(read) = seqlock.read() {
                assert_eq!(read, view(read.generation));
                assert!(read.generation >= last);
                last = read.generation;
            }
        }
        writer.join().unwrap();
        assert_eq!(seqlock.read(), Some(view(3)));
    });
}

fn check(property: &str, model: impl Fn() + Sync + Send + 'static) {
    print!("loom: {property} ... ");
    let mut builder = loom::model::Builder::new();
    // Two preemptions suffice for every ordering of so few threads that matters. Without a bound it takes minutes longer.
    builder.preemption_bound = Some(2);
    builder.check(model);
    println!("ok");
}
