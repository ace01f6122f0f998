//! Faults that tests switch on in the C library, through options that no other build knows.
//!
//! Compiled only with the feature `testing`: the library that is shipped must not contain it.

use std::sync::atomic::{AtomicBool, Ordering};

static PANIC_NEXT: AtomicBool = AtomicBool::new(false);
static LEAVE_MEMORY: AtomicBool = AtomicBool::new(false);

/// Switches on the fault that has the name of this option. Returns false if there is no such fault.
pub(crate) fn switch_on(option: &str) -> bool {
    let fault = match option {
        "panic_next" => &PANIC_NEXT,
        "leave_memory" => &LEAVE_MEMORY,
        _ => return false,
    };
    fault.store(true, Ordering::Relaxed);
    true
}

/// Panics in the first function call after `panic_next` was switched on.
pub(crate) fn panic_if_switched_on() {
    assert!(!PANIC_NEXT.swap(false, Ordering::Relaxed), "as the test asked");
}

/// Panics in a fetch whose option `user_agent` names this fault.
pub(crate) fn panic_if_named(user_agent: &str) {
    assert!(user_agent != "panic!", "as the test asked");
}

/// Returns whether freed memory is left as it is, so that a test can prove that it would find a secret in it.
pub(crate) fn leaves_memory() -> bool {
    LEAVE_MEMORY.load(Ordering::Relaxed)
}
