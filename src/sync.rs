//! The locks and atomics of the files that `tests/loom.rs` model-checks. There, loom's take their place.
//!
//! It must not hold more than these names.

pub(crate) use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence},
};
