//! State: what is published for everyone to read without a lock, and the few numbers of it that answer for a generation
//! in the time of reading the clock.
//!
//! It decides nothing: whoever publishes says what may be read. One writer at a time is the caller's to see to. A child
//! of a fork may read and publish whatever its parent's threads were doing at that moment.

use crate::{
    clock::Coarse,
    duration::Nanos,
    sync::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence},
};
use arc_swap::{ArcSwap, Guard};
use std::sync::Arc;

/// What answers for a generation: until when, on the monotonic clock, the token is handed out with nothing else done,
/// provided that the wall clock still agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FastView {
    pub(crate) generation: u32,
    pub(crate) no_action_until: Nanos,
    /// Wall minus monotonic when this was published, and how far it may move.
    pub(crate) offset: Nanos,
    pub(crate) tolerance: Nanos,
    /// The fork count of the process that published it.
    pub(crate) forks: u32,
}

impl FastView {
    /// The generation of the token that would be handed out now; 0 when something else would be done.
    #[inline]
    pub(crate) fn generation(&self, now: Coarse) -> u32 {
        let agrees = now.offset().wrapping_sub(self.offset).unsigned_abs() <= self.tolerance.unsigned_abs();
        if now.monotonic < self.no_action_until && agrees { self.generation } else { 0 }
    }
}

/// What is published has a view of itself.
pub(crate) trait FastPath {
    fn view(&self) -> FastView;
}

/// The published state. The state itself sits behind an atomic pointer; its view is repeated in plain atomics beside it,
/// because following the pointer costs more than both clocks together.
pub(crate) struct Published<S> {
    whole: ArcSwap<S>,
    glance: SeqLock,
}

impl<S: FastPath> Published<S> {
    pub(crate) fn new(state: S) -> Self {
        let glance = SeqLock::new(state.view());
        Self { whole: ArcSwap::from_pointee(state), glance }
    }

    pub(crate) fn load(&self) -> Guard<Arc<S>> {
        self.whole.load()
    }

    pub(crate) fn publish(&self, state: S) {
        let view = state.view();
        // Between `begin` and `end` readers of the view go to the whole, which changes in one step.
        self.glance.begin();
        self.whole.store(Arc::new(state));
        self.glance.end(view);
    }

    /// `None`: a publication is under way, or was when this process was forked; `load` has the answer.
    #[inline]
    pub(crate) fn view(&self) -> Option<FastView> {
        self.glance.read()
    }
}

/// A view in plain atomics, with a count that is odd while they are being written (a sequence lock without a lock:
/// readers write nothing, and never wait).
pub(crate) struct SeqLock {
    count: AtomicU32,
    /// The fork count in the upper half, the generation in the lower.
    who: AtomicU64,
    no_action_until: AtomicI64,
    offset: AtomicI64,
    tolerance: AtomicI64,
}

impl SeqLock {
    pub(crate) fn new(view: FastView) -> Self {
        Self {
            count: AtomicU32::new(0),
            who: AtomicU64::new(u64::from(view.forks) << 32 | u64::from(view.generation)),
            no_action_until: AtomicI64::new(view.no_action_until),
            offset: AtomicI64::new(view.offset),
            tolerance: AtomicI64::new(view.tolerance),
        }
    }

    /// The count may be odd already: in a child whose parent was just publishing.
    pub(crate) fn begin(&self) {
        self.count.store(self.count.load(Ordering::Relaxed) | 1, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    pub(crate) fn end(&self, view: FastView) {
        self.who.store(u64::from(view.forks) << 32 | u64::from(view.generation), Ordering::Relaxed);
        self.no_action_until.store(view.no_action_until, Ordering::Relaxed);
        self.offset.store(view.offset, Ordering::Relaxed);
        self.tolerance.store(view.tolerance, Ordering::Relaxed);
        self.count.store(self.count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    #[inline]
    pub(crate) fn read(&self) -> Option<FastView> {
        let count = self.count.load(Ordering::Acquire);
        let who = self.who.load(Ordering::Relaxed);
        let view = FastView {
            generation: who as u32,
            forks: (who >> 32) as u32,
            no_action_until: self.no_action_until.load(Ordering::Relaxed),
            offset: self.offset.load(Ordering::Relaxed),
            tolerance: self.tolerance.load(Ordering::Relaxed),
        };
        fence(Ordering::Acquire);
        (count.is_multiple_of(2) && self.count.load(Ordering::Relaxed) == count).then_some(view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: FastView = FastView { generation: 3, no_action_until: 1_000, offset: 50, tolerance: 20, forks: 0 };

    #[test]
    fn a_generation_holds_until_its_instant() {
        let at = |monotonic| VIEW.generation(Coarse { monotonic, wall: monotonic + 50 });
        assert_eq!([at(998), at(999), at(1_000), at(1_001)], [3, 3, 0, 0]);
    }

    #[test]
    fn a_generation_holds_while_the_wall_clock_agrees() {
        let moved = |by| VIEW.generation(Coarse { monotonic: 0, wall: 50 + by });
        assert_eq!([moved(-21), moved(-20), moved(0), moved(20), moved(21)], [0, 3, 3, 3, 0]);
        assert_eq!([moved(i64::MAX - 50), moved(i64::MIN)], [0, 0]);
    }

    #[test]
    fn a_view_reads_back_and_is_withheld_while_it_is_written() {
        let glance = SeqLock::new(VIEW);
        assert_eq!(glance.read(), Some(VIEW));
        glance.begin();
        assert_eq!(glance.read(), None);
        let next = FastView { generation: u32::MAX, no_action_until: -1, offset: -2, tolerance: 4, forks: 5 };
        glance.end(next);
        assert_eq!(glance.read(), Some(next));
    }

    #[test]
    fn a_child_goes_on_from_a_publication_cut_short() {
        let glance = SeqLock::new(VIEW);
        glance.begin();
        glance.begin();
        assert_eq!(glance.read(), None);
        glance.end(VIEW);
        assert_eq!(glance.read(), Some(VIEW));
    }

    #[test]
    fn what_is_published_is_loaded() {
        struct State(u32);
        impl FastPath for State {
            fn view(&self) -> FastView {
                FastView { generation: self.0, ..VIEW }
            }
        }
        let current = Published::new(State(1));
        assert_eq!((current.load().0, current.view().unwrap().generation), (1, 1));
        current.publish(State(2));
        assert_eq!((current.load().0, current.view().unwrap().generation), (2, 2));
    }
}
