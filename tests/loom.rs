//! Model-checks what threads do with `src/flight.rs` and with the view of `src/current.rs`: the very files, with loom's
//! locks and atomics in place of the standard library's. Loom tries every interleaving and every stale read that the
//! memory model allows. Its waits never time out; time-outs are tested with the injected clock.
//!
//! `harness = false`, so that the files' own unit tests stay out.

#![allow(dead_code, unused_imports, reason = "each file is more than what is modelled of it")]

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
    //! Time that stands still: a wait ends only by being woken.
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

    /// For an import of the unit tests.
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
    check("every waiter gets the one result", || {
        let flight = Flight::new();
        let waiters = [1, 2].map(|_| {
            let flight = flight.clone();
            thread::spawn(move || flight.wait(&Clock, 1))
        });
        assert!(flight.land(5));
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Some(5));
        }
    });
    check("of two landings one counts, for everybody", || {
        let flight = Flight::new();
        let other = thread::spawn({
            let flight = flight.clone();
            move || flight.land(2)
        });
        let waiter = thread::spawn({
            let flight = flight.clone();
            move || flight.wait(&Clock, 1)
        });
        let mine = flight.land(1);
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
        let glance = Arc::new(SeqLock::new(view(1)));
        let writer = thread::spawn({
            let glance = glance.clone();
            move || {
                for n in [2, 3] {
                    glance.begin();
                    glance.end(view(n));
                }
            }
        });
        let mut last = 0;
        for _ in 0..2 {
            if let Some(read) = glance.read() {
                assert_eq!(read, view(read.generation));
                assert!(read.generation >= last);
                last = read.generation;
            }
        }
        writer.join().unwrap();
        assert_eq!(glance.read(), Some(view(3)));
    });
}

fn check(what: &str, model: impl Fn() + Sync + Send + 'static) {
    print!("loom: {what} ... ");
    let mut builder = loom::model::Builder::new();
    // Enough for every ordering that matters of so few threads, and minutes sooner than without a bound.
    builder.preemption_bound = Some(2);
    builder.check(model);
    println!("ok");
}
