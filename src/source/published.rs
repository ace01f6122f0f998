//! State: the published state, which any thread reads without a lock, and the fast path that reads only the generation.
//!
//! It must not decide anything: the writer says what readers see. The caller allows one writer at a time. A child of a
//! fork may read and publish, whatever its parent's threads were doing at that moment.

use crate::{
    clock::Coarse,
    duration::Nanos,
    sync::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence},
};
use arc_swap::{ArcSwap, Guard};
use std::sync::Arc;

/// The part of the state that the fast path reads. The generation is current until `no_action_until`, while the wall clock
/// stays in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FastView {
    pub(crate) generation: u32,
    /// Until when `get` returns the token and does nothing else, on the monotonic clock.
    pub(crate) no_action_until: Nanos,
    /// Wall minus monotonic when this was published, and how far that may move.
    pub(crate) offset: Nanos,
    pub(crate) tolerance: Nanos,
    /// The fork count of the process that published it.
    pub(crate) forks: u32,
}

impl FastView {
    /// Returns the generation of the token that `get` would return now, or 0 if `get` would do anything else.
    #[inline(always)]
    pub(crate) fn generation(&self, now: Coarse) -> u32 {
        let in_step = now.offset().wrapping_sub(self.offset).unsigned_abs() <= self.tolerance.unsigned_abs();
        if now.monotonic < self.no_action_until && in_step { self.generation } else { 0 }
    }
}

/// A state that the fast path can read.
pub(crate) trait FastPath {
    fn fast_view(&self) -> FastView;
}

/// The published state. The state itself is behind an atomic pointer. A copy of its fast view is in plain atomics, because
/// following the pointer costs more than reading both clocks.
pub(crate) struct Published<S> {
    state: ArcSwap<S>,
    fast_view: SeqLock,
}

impl<S: FastPath> Published<S> {
    pub(crate) fn new(state: S) -> Self {
        let fast_view = SeqLock::new(state.fast_view());
        Self { state: ArcSwap::from_pointee(state), fast_view }
    }

    pub(crate) fn load(&self) -> Guard<Arc<S>> {
        self.state.load()
    }

    pub(crate) fn publish(&self, state: S) {
        let fast_view = state.fast_view();
        // Meanwhile readers of the fast view fall back on the state, which changes in one step.
        self.fast_view.begin_write();
        self.state.store(Arc::new(state));
        self.fast_view.end_write(fast_view);
    }

    /// Returns None while a state is being published, or if one was when this process was forked. Then use
    /// [`load`](Self::load).
    #[inline(always)]
    pub(crate) fn fast_view(&self) -> Option<FastView> {
        self.fast_view.read()
    }
}

/// A seqlock: a fast view in plain atomics, and a sequence number that is odd while they are written. Readers write
/// nothing and never wait.
pub(crate) struct SeqLock {
    sequence: AtomicU32,
    /// The fork count in the upper half, the generation in the lower.
    forks_and_generation: AtomicU64,
    no_action_until: AtomicI64,
    offset: AtomicI64,
    tolerance: AtomicI64,
}

impl SeqLock {
    pub(crate) fn new(view: FastView) -> Self {
        Self {
            sequence: AtomicU32::new(0),
            forks_and_generation: AtomicU64::new(u64::from(view.forks) << 32 | u64::from(view.generation)),
            no_action_until: AtomicI64::new(view.no_action_until),
            offset: AtomicI64::new(view.offset),
            tolerance: AtomicI64::new(view.tolerance),
        }
    }

    /// The sequence number may be odd already, in a child of a fork whose parent was publishing.
    pub(crate) fn begin_write(&self) {
        self.sequence.store(self.sequence.load(Ordering::Relaxed) | 1, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    pub(crate) fn end_write(&self, view: FastView) {
        let forks_and_generation = u64::from(view.forks) << 32 | u64::from(view.generation);
        self.forks_and_generation.store(forks_and_generation, Ordering::Relaxed);
        self.no_action_until.store(view.no_action_until, Ordering::Relaxed);
        self.offset.store(view.offset, Ordering::Relaxed);
        self.tolerance.store(view.tolerance, Ordering::Relaxed);
        self.sequence.store(self.sequence.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn read(&self) -> Option<FastView> {
        let sequence = self.sequence.load(Ordering::Acquire);
        let forks_and_generation = self.forks_and_generation.load(Ordering::Relaxed);
        let view = FastView {
            generation: forks_and_generation as u32,
            forks: (forks_and_generation >> 32) as u32,
            no_action_until: self.no_action_until.load(Ordering::Relaxed),
            offset: self.offset.load(Ordering::Relaxed),
            tolerance: self.tolerance.load(Ordering::Relaxed),
        };
        fence(Ordering::Acquire);
        (sequence.is_multiple_of(2) && self.sequence.load(Ordering::Relaxed) == sequence).then_some(view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: FastView = FastView { generation: 3, no_action_until: 1_000, offset: 50, tolerance: 20, forks: 0 };

    #[test]
    fn a_generation_is_current_until_its_instant() {
        let at = |monotonic| VIEW.generation(Coarse { monotonic, wall: monotonic + 50 });
        assert_eq!([at(998), at(999), at(1_000), at(1_001)], [3, 3, 0, 0]);
    }

    #[test]
    fn a_generation_is_current_while_the_wall_clock_is_in_step() {
        let moved = |by| VIEW.generation(Coarse { monotonic: 0, wall: 50 + by });
        assert_eq!([moved(-21), moved(-20), moved(0), moved(20), moved(21)], [0, 3, 3, 3, 0]);
        assert_eq!([moved(i64::MAX - 50), moved(i64::MIN)], [0, 0]);
    }

    #[test]
    fn a_view_is_read_as_written_and_not_while_it_is_written() {
        let seqlock = SeqLock::new(VIEW);
        assert_eq!(seqlock.read(), Some(VIEW));
        seqlock.begin_write();
        assert_eq!(seqlock.read(), None);
        let next = FastView { generation: u32::MAX, no_action_until: -1, offset: -2, tolerance: 4, forks: 5 };
        seqlock.end_write(next);
        assert_eq!(seqlock.read(), Some(next));
    }

    #[test]
    fn a_child_of_a_fork_publishes_after_an_interrupted_publication() {
        let seqlock = SeqLock::new(VIEW);
        seqlock.begin_write();
        seqlock.begin_write();
        assert_eq!(seqlock.read(), None);
        seqlock.end_write(VIEW);
        assert_eq!(seqlock.read(), Some(VIEW));
    }

    #[test]
    fn the_published_state_is_loaded() {
        struct State(u32);
        impl FastPath for State {
            fn fast_view(&self) -> FastView {
                FastView { generation: self.0, ..VIEW }
            }
        }
        let published = Published::new(State(1));
        assert_eq!((published.load().0, published.fast_view().unwrap().generation), (1, 1));
        published.publish(State(2));
        assert_eq!((published.load().0, published.fast_view().unwrap().generation), (2, 2));
    }
}
