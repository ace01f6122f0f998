//! The operating system: clocks, the count of forks, threads that take no signal, random numbers, the environment, what a
//! file is.
//!
//! The only file outside `ffi` that may hold `unsafe`. It may not know what any of this is for.

use crate::duration::{Nanos, SECOND};
use std::{
    fs::Metadata,
    io,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

#[cfg(unix)]
fn read_clock(id: libc::clockid_t) -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes; an unknown clock leaves it as it is.
    unsafe { libc::clock_gettime(id, &mut time) };
    #[allow(clippy::unnecessary_cast, reason = "the fields are 32 bits wide on some targets")]
    (time.tv_sec as Nanos).saturating_mul(SECOND).saturating_add(time.tv_nsec as Nanos)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod clocks {
    //! Coarse clocks cost 6 ns to read where the precise ones cost 25, and are at most one tick (4 to 10 ms) behind.
    pub(super) const MONOTONIC: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    pub(super) const WALL: libc::clockid_t = libc::CLOCK_REALTIME_COARSE;
    pub(super) const BOOT: libc::clockid_t = libc::CLOCK_BOOTTIME;
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod clocks {
    //! CLOCK_MONOTONIC counts sleep on macOS; elsewhere the wall clock tells of a sleep, and the token is kept.
    pub(super) const MONOTONIC: libc::clockid_t = libc::CLOCK_MONOTONIC;
    pub(super) const WALL: libc::clockid_t = libc::CLOCK_REALTIME;
    pub(super) const BOOT: libc::clockid_t = libc::CLOCK_MONOTONIC;
}

/// Time that nobody sets and that stands still while the machine sleeps.
#[cfg(unix)]
#[inline]
pub(crate) fn monotonic_coarse() -> Nanos {
    read_clock(clocks::MONOTONIC)
}

/// Unix time.
#[cfg(unix)]
#[inline]
pub(crate) fn wall_coarse() -> Nanos {
    read_clock(clocks::WALL)
}

/// Time that nobody sets and that counts the machine's sleep.
#[cfg(unix)]
pub(crate) fn boottime() -> Nanos {
    read_clock(clocks::BOOT)
}

#[cfg(not(unix))]
pub(crate) fn monotonic_coarse() -> Nanos {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    crate::duration::nanos(START.get_or_init(std::time::Instant::now).elapsed())
}

#[cfg(not(unix))]
pub(crate) fn wall_coarse() -> Nanos {
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    unix.map_or(0, crate::duration::nanos)
}

#[cfg(not(unix))]
pub(crate) fn boottime() -> Nanos {
    monotonic_coarse()
}

static FORKS: AtomicU32 = AtomicU32::new(0);

/// How many forks lie between this process and the one that first called [`watch_forks`]. Whatever holds a lock, a
/// thread or a connection remembers the count it was made under, and is not touched under another: a fork copies a held
/// lock but not the thread that would let it go.
#[inline]
pub(crate) fn fork_count() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// What must be done before this process is copied, lest a lock be copied that is held.
pub(crate) trait BeforeFork {
    /// Called by the thread that forks; must not panic, and waits for nothing but other threads of this process.
    fn settle();
}

/// Counts forks from now on. Called before anything that could be harmed by one is made.
pub(crate) fn watch_forks<B: BeforeFork>() {
    #[cfg(unix)]
    {
        // A flag and not a Once: a fork while another thread runs a Once hangs the child's next caller for ever.
        static WATCHED: AtomicBool = AtomicBool::new(false);
        extern "C" fn in_the_parent<B: BeforeFork>() {
            B::settle();
        }
        extern "C" fn in_the_child() {
            FORKS.fetch_add(1, Ordering::Relaxed);
        }
        if !WATCHED.load(Ordering::Acquire) {
            // SAFETY: the child's handler touches one atomic and nothing else, which is all that a child of a fork may do;
            // the parent's may do what any code may. Both stay callable for the life of the process: the library is
            // linked with `-z nodelete`.
            unsafe { libc::pthread_atfork(Some(in_the_parent::<B>), None, Some(in_the_child)) };
            // Only now, so that nobody goes on unwatched. Two who come first both count, and a fork is then two steps.
            WATCHED.store(true, Ordering::Release);
        }
    }
}

/// What the name of every thread of ours begins with. Linux keeps 15 characters of a name.
pub(crate) const THREADS: &str = "tks-";

/// Starts a thread that takes none of the host's signals. A thread that does not mask SIGTERM killed a daemon that reads
/// a signalfd.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    #[cfg(test)]
    if NO_THREADS.get() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let builder = thread::Builder::new().name(format!("{THREADS}{name}")).stack_size(1 << 20);
    with_signals_blocked(|| builder.spawn(work)).map(drop)
}

#[cfg(test)]
thread_local! {
    /// Whether this process is at its limit of threads, as the calling thread sees it.
    pub(crate) static NO_THREADS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A new thread inherits the mask of the thread that makes it, so the mask is set here for as long as that takes.
#[cfg(unix)]
fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are valid for reads and writes, and `sigset_t` may be all zeros.
    let before = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        before
    };
    let answer = work();
    // SAFETY: `before` was filled by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    answer
}

#[cfg(not(unix))]
fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// A random number from the operating system, at least 0 and below 1. Asked afresh each time: a seed kept in memory
/// would be copied by a fork, and a fleet of children would move in step.
pub(crate) fn random() -> f64 {
    let mut bytes = [0; 8];
    // A system without randomness still gets its tokens, only not spread out.
    if getrandom::getrandom(&mut bytes).is_err() {
        return 0.5;
    }
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

/// An environment variable. U+FFFD stands for what is not UTF-8 in it: a variable that cannot be read is to be refused by its
/// name, and not taken for none.
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.into_string();
    Some(value.unwrap_or_else(|value| value.to_string_lossy().into_owned()))
}

/// Whether an error says that this process, or the machine, has as many files open as it may. What could not be opened
/// is not to blame then.
#[cfg(unix)]
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(not(unix))]
pub(crate) fn is_out_of_files(_: &io::Error) -> bool {
    false
}

/// What to do where [`is_out_of_files`], for a message.
pub(crate) const TOO_MANY_FILES: &str =
    "this program, or this machine, has too many files open: close some, or raise the limit (ulimit -n)";

/// Tells one state of a file from another: a rewritten or replaced file has another stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    #[cfg(unix)]
    pub(crate) fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: file.dev(), inode: file.ino(), size: file.size(), modified: (file.mtime(), file.mtime_nsec()) }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(file: &Metadata) -> Self {
        let modified = file.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = modified.map_or((0, 0), |time| (time.as_secs() as i64, i64::from(time.subsec_nanos())));
        Self { device: 0, inode: 0, size: file.len(), modified }
    }

    /// The stamp of what a path names now; `None` where nothing can be seen there.
    pub(crate) fn at(path: &std::path::Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_spread_over_the_unit_interval() {
        let numbers: Vec<f64> = (0..1000).map(|_| random()).collect();
        assert!(numbers.iter().all(|n| (0.0..1.0).contains(n)));
        assert!(numbers.iter().any(|n| *n < 0.1) && numbers.iter().any(|n| *n > 0.9));
    }

    #[cfg(unix)]
    #[test]
    fn a_spawned_thread_blocks_signals_and_its_maker_does_not() {
        fn term_is_blocked() -> bool {
            // SAFETY: a null new set only asks; the old set is valid for writes.
            unsafe {
                let mut mask: libc::sigset_t = std::mem::zeroed();
                libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &mut mask);
                libc::sigismember(&mask, libc::SIGTERM) == 1
            }
        }
        let (tell, hear) = std::sync::mpsc::channel();
        spawn("test", move || tell.send(term_is_blocked()).unwrap()).unwrap();
        assert!(hear.recv().unwrap());
        assert!(!term_is_blocked());
    }

    #[test]
    fn a_rewritten_file_has_another_stamp() {
        let path = std::env::temp_dir().join(format!("tks-stamp-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let first = Stamp::at(&path).unwrap();
        assert_eq!(Stamp::at(&path), Some(first));
        std::fs::write(&path, "three").unwrap();
        assert_ne!(Stamp::at(&path), Some(first));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Stamp::at(&path), None);
    }
}
