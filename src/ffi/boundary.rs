//! The boundary between C and Rust. No panic crosses it and none prints; a failure becomes a status and an error object.
//!
//! It must not know which function it guards.

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

/// Runs a function that may fail. Stores its error in `error_out`, or an error that describes its panic.
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

/// Runs a function that cannot fail. Returns `fallback` after a panic.
pub(super) fn infallible<T>(fallback: T, work: impl FnOnce() -> T) -> T {
    contained(work).unwrap_or(fallback)
}

/// Returns the place for a result, set to `empty` first.
pub(super) fn out<'a, T>(argument: &str, out: Option<&'a mut MaybeUninit<T>>, empty: T) -> Result<&'a mut T, Error> {
    out.map(|out| out.write(empty)).ok_or_else(|| null_argument(argument))
}

pub(super) fn null_argument(argument: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("the argument `{argument}` is NULL"))
}

/// Returns the place of a panic as the error, and not its message, which may quote a secret.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    INSIDE.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "testing")]
        crate::fault::panic_if_switched_on();
        work()
    }));
    INSIDE.set(false);
    result.map_err(|_| PANICKED_AT.try_with(Cell::take).unwrap_or_default())
}

/// Silences panics that are contained, here and on the library's own threads. Leaves all others to the previous hook,
/// because two Rust libraries in one static program may share one hook.
pub(super) fn silence_panics() {
    // A flag and not a Once: a fork while another thread runs a Once makes the child's next caller hang.
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
    // On a thread that is ending, the text may be dropped already.
    let _ = PANICKED_AT.try_with(|at| at.set(place));
}
