//! State: whose turn it is to change a source, and the flight that is under way.
//!
//! A fork copies a held lock but not the thread that would let it go, so the first to come in a child finds a gate of its
//! own. It knows nothing of what is changed behind it.

use crate::{source::flight::Flight, system};
use arc_swap::ArcSwap;
use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

pub(crate) struct ForkSafeMutex<T>(ArcSwap<Inner<T>>);

struct Inner<T> {
    forks: u32,
    flight: Mutex<Option<Arc<Flight<T>>>>,
}

impl<T> ForkSafeMutex<T> {
    pub(crate) fn new() -> Self {
        Self(ArcSwap::new(Inner::new()))
    }

    /// Does `work` while no other thread of this process is behind the gate. `work` must be short and wait for nothing.
    pub(crate) fn pass<R>(&self, work: impl FnOnce(&mut Option<Arc<Flight<T>>>) -> R) -> R {
        loop {
            let inner = self.0.load_full();
            if inner.forks == system::fork_count() {
                let mut flight = inner.flight.lock().unwrap_or_else(PoisonError::into_inner);
                return work(&mut flight);
            }
            let before = self.0.compare_and_swap(&inner, Inner::new());
            if Arc::ptr_eq(&before, &inner) {
                // The parent's gate may be locked for ever, and its flight is nobody's: neither is touched again.
                mem::forget(inner);
            }
        }
    }
}

impl<T> Inner<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self { forks: system::fork_count(), flight: Mutex::new(None) })
    }
}
