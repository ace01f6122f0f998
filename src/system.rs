//! The operating system: clocks, the fork count, threads with all signals blocked, random numbers, the environment, file
//! stamps, and waiting for sockets.
//!
//! The only file outside `ffi` that may hold `unsafe`. It must not know what any of this is for.

use crate::duration::{Nanos, SECOND};
use std::{
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

#[cfg(unix)]
#[inline(always)]
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
    //! CLOCK_MONOTONIC counts sleep on macOS. Elsewhere it stands still: the wall clock shows the sleep, the token is kept.
    pub(super) const MONOTONIC: libc::clockid_t = libc::CLOCK_MONOTONIC;
    pub(super) const WALL: libc::clockid_t = libc::CLOCK_REALTIME;
    pub(super) const BOOT: libc::clockid_t = libc::CLOCK_MONOTONIC;
}

/// Returns a time that nothing sets and that stands still while the machine sleeps.
#[cfg(unix)]
#[inline(always)]
pub(crate) fn monotonic_coarse() -> Nanos {
    read_clock(clocks::MONOTONIC)
}

/// Returns Unix time.
#[cfg(unix)]
#[inline(always)]
pub(crate) fn wall_coarse() -> Nanos {
    read_clock(clocks::WALL)
}

/// Returns a time that nothing sets and that counts the machine's sleep.
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

/// Returns how many forks lie between this process and the process that first called [`watch_forks`].
///
/// An object with a lock, a thread or a connection must not be touched under another count than that under which it was
/// made. A fork copies a held lock but not the thread that would release it.
#[inline(always)]
pub(crate) fn fork_count() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// What must be done before this process is copied, so that no held lock is copied.
pub(crate) trait BeforeFork {
    /// Runs in the thread that forks. It must not panic, and may wait for other threads of this process alone.
    fn settle();
}

/// Counts forks from now on. Called before the first object is made that a fork could harm.
pub(crate) fn watch_forks<B: BeforeFork>() {
    #[cfg(unix)]
    {
        // A flag, not a Once: a fork while another thread runs a Once hangs the child's next caller for ever.
        static WATCHED: AtomicBool = AtomicBool::new(false);
        extern "C" fn in_the_parent<B: BeforeFork>() {
            B::settle();
        }
        extern "C" fn in_the_child() {
            FORKS.fetch_add(1, Ordering::Relaxed);
        }
        if !WATCHED.load(Ordering::Acquire) {
            // SAFETY: the child's handler touches one atomic and nothing else, as a child of a fork must; the parent's is
            // not limited. Both stay callable for the life of the process: the library is linked with `-z nodelete`.
            unsafe { libc::pthread_atfork(Some(in_the_parent::<B>), None, Some(in_the_child)) };
            // Set last, so that no thread continues unwatched. Two threads may both register: a fork then counts as two.
            WATCHED.store(true, Ordering::Release);
        }
    }
}

/// The prefix of the name of every thread of this library. Linux keeps 15 characters of a name.
pub(crate) const THREADS: &str = "tks-";

/// Starts a thread with all signals blocked. A thread that did not block SIGTERM killed a daemon that reads a signalfd.
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
    /// Whether [`spawn`] fails on the calling thread, as it does at the limit of threads.
    pub(crate) static NO_THREADS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `work` with all signals blocked: a new thread inherits the mask of the thread that starts it.
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
    let result = work();
    // SAFETY: `before` was filled by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    result
}

#[cfg(not(unix))]
fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Returns a random number from the operating system, at least 0 and below 1. It keeps no seed: a fork would copy it, and
/// all children would refresh in step.
pub(crate) fn random() -> f64 {
    let mut bytes = [0; 8];
    // A system without random numbers still gets its tokens, but without jitter.
    if getrandom::getrandom(&mut bytes).is_err() {
        return 0.5;
    }
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

/// Returns random bytes of the operating system. No other call returns the same, in any process.
pub(crate) fn random_bytes<const COUNT: usize>() -> Result<[u8; COUNT], getrandom::Error> {
    #[cfg(test)]
    if RANDOM_FAILS.get() {
        return Err(getrandom::Error::UNSUPPORTED);
    }
    let mut bytes = [0; COUNT];
    getrandom::getrandom(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
thread_local! {
    /// Whether the system gives no random bytes to this thread.
    pub(crate) static RANDOM_FAILS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Returns an environment variable, with U+FFFD in place of bytes that are not UTF-8. The caller must reject such a
/// variable by name, and must not treat it as unset.
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.into_string();
    Some(value.unwrap_or_else(|value| value.to_string_lossy().into_owned()))
}

/// Returns whether the error reports the limit of open files of this process or the machine. The file or address that
/// could not be opened is then not at fault.
#[cfg(unix)]
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(not(unix))]
pub(crate) fn is_out_of_files(_: &io::Error) -> bool {
    false
}

/// What to do about [`is_out_of_files`], for a message.
pub(crate) const TOO_MANY_FILES: &str =
    "this program, or this machine, has too many files open: close some, or raise the limit (ulimit -n)";

/// A file, and the state in which it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WatchedFile {
    pub(crate) path: PathBuf,
    pub(crate) state: FileState,
}

impl WatchedFile {
    /// Returns whether the file is in another state now.
    pub(crate) fn has_changed(&self) -> bool {
        FileState::at(&self.path) != self.state
    }
}

/// A file at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// The path leads to no file that can be seen.
    Missing,
    Seen(Stamp),
}

impl FileState {
    /// Returns the state of the file at this path.
    pub(crate) fn at(path: &Path) -> Self {
        Stamp::at(path).map_or(Self::Missing, Self::Seen)
    }
}

/// Returns whether a connection has started and its result is still to come.
#[cfg(unix)]
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

#[cfg(not(unix))]
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Waits until a socket is writable, at most for `timeout`. Returns the places of the writable ones: none after a time-out
/// or a signal. A socket that connects becomes writable when its attempt ends.
#[cfg(unix)]
pub(crate) fn wait_writable(sockets: &[&socket2::Socket], timeout: Duration) -> io::Result<Vec<usize>> {
    use std::os::fd::AsRawFd;
    let waiting =
        |socket: &&socket2::Socket| libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    let mut polled: Vec<_> = sockets.iter().map(waiting).collect();
    // Rounded up, since a wait of 0 ms would spin until the moment has come.
    let milliseconds = timeout.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(libc::c_int::MAX);
    // SAFETY: `polled` is valid for reads and writes, and has this length.
    let found = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
    if found < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(vec![]) } else { Err(error) };
    }
    Ok((0..polled.len()).filter(|place| polled[*place].revents != 0).collect())
}

#[cfg(not(unix))]
pub(crate) fn wait_writable(sockets: &[&socket2::Socket], timeout: Duration) -> io::Result<Vec<usize>> {
    thread::sleep(timeout.min(Duration::from_millis(5)));
    // A socket has a peer once it is connected. An error is left in place for the caller.
    Ok((0..sockets.len()).filter(|place| sockets[*place].peer_addr().is_ok()).collect())
}

/// Returns whether this system itself refused, before anything was sent: a sandbox, or a rule of a firewall. The peer is
/// then not at fault. The error must come from the system call itself, as an error that arrives later may be the peer's.
#[cfg(unix)]
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES))
}

#[cfg(not(unix))]
pub(crate) fn is_forbidden(_: &io::Error) -> bool {
    false
}

/// Identifies a state of a file: a rewritten or replaced file has another stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// The time of the last change of the inode. Nothing can set it, as `rsync -t` sets `modified`.
    changed: (i64, i64),
}

impl Stamp {
    #[cfg(unix)]
    pub(crate) fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(file: &Metadata) -> Self {
        let modified = file.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = modified.map_or((0, 0), |time| (time.as_secs() as i64, i64::from(time.subsec_nanos())));
        Self { device: 0, inode: 0, size: file.len(), modified, changed: (0, 0) }
    }

    /// Returns the stamp of the file at a path. Returns None if the path leads to no file that can be seen.
    pub(crate) fn at(path: &Path) -> Option<Self> {
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
    fn a_spawned_thread_blocks_signals_and_the_thread_that_started_it_does_not() {
        fn term_is_blocked() -> bool {
            // SAFETY: a null new set only reads the mask; the old set is valid for writes.
            unsafe {
                let mut mask: libc::sigset_t = std::mem::zeroed();
                libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &mut mask);
                libc::sigismember(&mask, libc::SIGTERM) == 1
            }
        }
        let (sender, receiver) = std::sync::mpsc::channel();
        spawn("test", move || sender.send(term_is_blocked()).unwrap()).unwrap();
        assert!(receiver.recv().unwrap());
        assert!(!term_is_blocked());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_keeps_its_size_and_its_time_of_modification_has_another_stamp() {
        let path = std::env::temp_dir().join(format!("tks-same-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let (first, modified) = (Stamp::at(&path), std::fs::metadata(&path).unwrap().modified().unwrap());
        // The kernel's time of a change is a tick behind.
        std::thread::sleep(std::time::Duration::from_millis(30));
        std::fs::write(&path, "two").unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), modified);
        assert_ne!(Stamp::at(&path), first);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_rewritten_file_has_another_stamp() {
        let path = std::env::temp_dir().join(format!("tks-stamp-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let first = Stamp::at(&path).unwrap();
        assert_eq!(Stamp::at(&path), Some(first));
        std::fs::write(&path, "three").unwrap();
        assert_ne!(Stamp::at(&path), Some(first));
        let seen = WatchedFile { path: path.clone(), state: FileState::at(&path) };
        assert!(!seen.has_changed());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Stamp::at(&path), None);
        assert!(seen.has_changed());
    }
}
