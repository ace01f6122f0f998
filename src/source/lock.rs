//! State: the lock under which a source is changed.
//!
//! A fork copies a held lock but not the thread that would release it. So the first thread that locks in a child replaces
//! the mutex. This file must not know what the lock protects.

use crate::system;
use arc_swap::ArcSwap;
use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

/// A mutex that a child of a fork can lock, even if the parent held it during the fork. In the child it holds the default
/// value again.
pub(crate) struct ForkSafeMutex<T>(ArcSwap<Inner<T>>);

struct Inner<T> {
    forks: u32,
    value: Mutex<T>,
}

impl<T: Default> ForkSafeMutex<T> {
    pub(crate) fn new() -> Self {
        Self(ArcSwap::new(Inner::new()))
    }

    /// Runs `work` under the lock. It must be short and must not wait.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        loop {
            let inner = self.0.load_full();
            if inner.forks == system::fork_count() {
                let mut value = inner.value.lock().unwrap_or_else(PoisonError::into_inner);
                return work(&mut value);
            }
            let before = self.0.compare_and_swap(&inner, Inner::new());
            if Arc::ptr_eq(&before, &inner) {
                // The mutex may be locked for ever, and its value belongs to the parent's threads: touch neither again.
                mem::forget(inner);
            }
        }
    }
}

impl<T: Default> Inner<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self { forks: system::fork_count(), value: Mutex::default() })
    }
}
