//! Looks up the addresses of a host name, before a deadline.
//!
//! The system's lookup cannot be interrupted, so it runs on a thread of its own that takes no signals. A stuck lookup keeps
//! its thread, and a source has one such thread at most. It must not decide what a failed lookup means.

use crate::system;
use arc_swap::ArcSwapOption;
use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Instant,
};

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks up one host: a server or a proxy.
pub(super) struct Resolver {
    pub(super) host: String,
    pub(super) port: u16,
    lookup: Arc<Lookup>,
    /// The last lookup that was started on a thread. Not behind a lock, which a fork could leave held in the child.
    pending: ArcSwapOption<PendingLookup>,
}

struct PendingLookup {
    /// In a child of a later fork, the thread does not exist, and the lock may be held for ever.
    forks: u32,
    result: Mutex<Option<Result<Vec<SocketAddr>, Arc<io::Error>>>>,
    finished: Condvar,
}

impl Resolver {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self::with_lookup(host, port, Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())))
    }

    pub(super) fn with_lookup(host: &str, port: u16, lookup: Arc<Lookup>) -> Self {
        Self { host: host.to_owned(), port, lookup, pending: ArcSwapOption::empty() }
    }

    /// Returns the addresses of the host in the order in which to try them. Fails with `TimedOut` at the deadline: the lookup
    /// then continues, and the next call waits for it. Without `threads`, the lookup may overrun the deadline.
    pub(super) fn addresses(&self, deadline: Instant, threads: bool) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        if threads { self.look_up_on_thread(deadline) } else { self.look_up() }.map(interleave_families)
    }

    fn look_up(&self) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        (self.lookup)(&self.host, self.port).map_err(Arc::new)
    }

    fn look_up_on_thread(&self, deadline: Instant) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        let pending = loop {
            let last = self.pending.load();
            if let Some(last) = last.as_ref().filter(|last| last.is_running()) {
                break Arc::clone(last);
            }
            let next = Arc::new(PendingLookup::new());
            let before = self.pending.compare_and_swap(&last, Some(Arc::clone(&next)));
            if before.as_ref().map(Arc::as_ptr) != last.as_ref().map(Arc::as_ptr) {
                continue;
            }
            let (lookup, host, port, shared) = (self.lookup.clone(), self.host.clone(), self.port, next.clone());
            let work = move || shared.finish(lookup(&host, port).map_err(Arc::new));
            // If no thread can be started, a late result is better than none.
            if system::spawn("lookup", work).is_err() {
                next.finish(self.look_up());
            }
            break next;
        };
        pending.wait(deadline)
    }
}

impl PendingLookup {
    fn new() -> Self {
        Self { forks: system::fork_count(), result: Mutex::default(), finished: Condvar::new() }
    }

    /// Returns whether the result is still to come. The result of a lookup that finished earlier may be out of date.
    fn is_running(&self) -> bool {
        self.forks == system::fork_count() && self.result.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn finish(&self, result: Result<Vec<SocketAddr>, Arc<io::Error>>) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.finished.notify_all();
    }

    fn wait(&self, deadline: Instant) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(result) = &*result {
                return result.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Arc::new(io::ErrorKind::TimedOut.into()));
            }
            result = self.finished.wait_timeout(result, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The most addresses to try. With more, each would get too little of the time.
const MAX_ADDRESSES: usize = 8;

/// Alternates the address families, beginning with the system's first choice (RFC 8305 §4). Where IPv6 is configured but
/// does not work, the second address already does.
fn interleave_families(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = found.first().copied() else { return found };
    let (same, other): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| address.is_ipv6() == first.is_ipv6());
    let mut other = other.into_iter();
    let turns = same.into_iter().map(Some).chain(std::iter::repeat(None));
    let mut ordered = Vec::new();
    for same in turns {
        let before = ordered.len();
        ordered.extend(same);
        ordered.extend(other.next());
        if ordered.len() == before {
            break;
        }
    }
    ordered.truncate(MAX_ADDRESSES);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        time::Duration,
    };

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|address| address.parse().unwrap()).collect()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn address_families_alternate_beginning_with_the_systems_choice() {
        let found = addresses(&["[1::]:1", "[2::]:1", "[3::]:1", "1.1.1.1:1"]);
        assert_eq!(interleave_families(found), addresses(&["[1::]:1", "1.1.1.1:1", "[2::]:1", "[3::]:1"]));
        let found = addresses(&["1.1.1.1:1", "[1::]:1", "[2::]:1"]);
        assert_eq!(interleave_families(found), addresses(&["1.1.1.1:1", "[1::]:1", "[2::]:1"]));
        assert_eq!(interleave_families(vec![]), vec![]);
        assert_eq!(interleave_families(vec![SocketAddr::from(([1, 1, 1, 1], 1)); 20]).len(), MAX_ADDRESSES);
    }

    #[test]
    fn an_ip_address_is_not_looked_up() {
        for (host, expected) in [("127.0.0.1", "127.0.0.1:7"), ("::1", "[::1]:7")] {
            let resolver = Resolver::with_lookup(host, 7, Arc::new(|_, _| panic!("looked up")));
            assert_eq!(resolver.addresses(Instant::now(), true).unwrap(), addresses(&[expected]));
        }
    }

    #[test]
    fn the_system_resolves_localhost_with_and_without_a_thread() {
        let resolver = Resolver::new("localhost", 7);
        for threads in [true, false] {
            assert!(resolver.addresses(soon(), threads).unwrap().iter().all(|found| found.ip().is_loopback()));
        }
    }

    #[test]
    fn a_failed_lookup_returns_the_reason() {
        let resolver = Resolver::with_lookup("a", 7, Arc::new(|_, _| Err(io::Error::other("no such name"))));
        for threads in [true, false] {
            assert_eq!(resolver.addresses(soon(), threads).unwrap_err().to_string(), "no such name");
        }
    }

    #[test]
    fn without_threads_the_calling_thread_looks_up() {
        let caller = std::thread::current().id();
        let lookup = move |_: &str, _| {
            assert_eq!(std::thread::current().id(), caller);
            Ok(addresses(&["127.0.0.1:7"]))
        };
        assert!(Resolver::with_lookup("a", 7, Arc::new(lookup)).addresses(soon(), false).is_ok());
    }

    #[test]
    fn later_calls_wait_for_a_stuck_lookup_and_start_no_second_one() {
        let (started, release) = (Arc::new(AtomicUsize::new(0)), Mutex::new(None));
        let (open, gate) = mpsc::channel::<()>();
        *release.lock().unwrap() = Some(gate);
        let lookup = {
            let started = started.clone();
            move |_: &str, _| {
                // The first lookup blocks until it is released. Later ones return at once.
                if started.fetch_add(1, Ordering::SeqCst) == 0 {
                    let _ = release.lock().unwrap().take().unwrap().recv();
                }
                Ok(addresses(&["127.0.0.1:7"]))
            }
        };
        let resolver = Resolver::with_lookup("a", 7, Arc::new(lookup));
        for _ in 0..3 {
            let gone = Instant::now() + Duration::from_millis(5);
            assert_eq!(resolver.addresses(gone, true).unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| resolver.addresses(soon(), true));
            drop(open);
            assert_eq!(waiter.join().unwrap().unwrap(), addresses(&["127.0.0.1:7"]));
        });
        let before = started.load(Ordering::SeqCst);
        assert!(before <= 2, "{before} lookups");
        // The next call does not use the result of a finished lookup.
        resolver.addresses(soon(), true).unwrap();
        assert_eq!(started.load(Ordering::SeqCst), before + 1);
    }
}
