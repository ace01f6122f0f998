//! The border between C and Rust: no panic crosses it, none prints, and what went wrong becomes a status and an object.

use super::error::{tks_error, tks_status};
use crate::{Error, ErrorKind, system};
use std::{
    cell::Cell,
    mem::MaybeUninit,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static PANICKED_AT: Cell<String> = const { Cell::new(String::new()) };
}

/// Runs what may fail. An error, or the panic that stopped it, goes out through `error_out`.
pub(super) fn fallible(
    error_out: Option<&mut MaybeUninit<Option<Box<tks_error>>>>,
    work: impl FnOnce() -> Result<tks_status, Error>,
) -> tks_status {
    let error_out = error_out.map(|out| out.write(None));
    let error = match contained(work) {
        Ok(Ok(status)) => return status,
        Ok(Err(error)) => error,
        Err(place) => Error::new(
            ErrorKind::Internal,
            format!("a bug in tokensource {} (at {place}); please report it", env!("CARGO_PKG_VERSION")),
        ),
    };
    if let Some(out) = error_out {
        *out = Some(Box::new(tks_error::new(&error)));
    }
    error.kind() as tks_status
}

/// Runs what cannot fail; after a panic the answer is `fallback`.
pub(super) fn or<T>(fallback: T, work: impl FnOnce() -> T) -> T {
    contained(work).unwrap_or(fallback)
}

/// Where an answer goes, emptied first.
pub(super) fn out<'a, T>(argument: &str, out: Option<&'a mut MaybeUninit<T>>, empty: T) -> Result<&'a mut T, Error> {
    out.map(|out| out.write(empty)).ok_or_else(|| null(argument))
}

pub(super) fn null(argument: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("the argument `{argument}` is NULL"))
}

/// The place of the panic is told, its message is not: it may quote what must not be seen.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    INSIDE.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "testing")]
        assert!(!PANIC_NEXT.swap(false, Ordering::Relaxed), "as the test asked");
        work()
    }));
    INSIDE.set(false);
    result.map_err(|_| PANICKED_AT.try_with(Cell::take).unwrap_or_default())
}

/// Silences panics that are contained, here and on the library's own threads, and leaves all others to the hook that was
/// there: a program that links two Rust libraries statically may share one hook between them.
pub(super) fn silence_panics() {
    // A flag and not a Once: a fork while another thread runs a Once hangs the child's next caller for ever.
    static SILENCED: AtomicBool = AtomicBool::new(false);
    if SILENCED.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if INSIDE.get() {
            remember(panic);
        } else if !thread::current().name().is_some_and(|name| name.starts_with(system::THREADS)) {
            before(panic);
        }
    }));
}

fn remember(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    // On a thread that is ending the text may be gone already.
    let _ = PANICKED_AT.try_with(|at| at.set(place));
}

/// Makes the next call panic. Only in the library that the tests build for themselves.
#[cfg(feature = "testing")]
pub(super) static PANIC_NEXT: AtomicBool = AtomicBool::new(false);
