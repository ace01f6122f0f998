//! From a host's name to its addresses, within the time there is.
//!
//! The system's lookup cannot be interrupted, so it runs on a thread of its own that takes no signals; when it is
//! stuck, the thread stays and is the only one of its source that does. It may not decide what a failed lookup means.

use crate::system;
use arc_swap::ArcSwapOption;
use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Instant,
};

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks up one host, whoever's it is.
pub(super) struct Resolver {
    pub(super) host: String,
    pub(super) port: u16,
    lookup: Arc<Lookup>,
    /// The lookup that was last started on a thread. Not behind a lock: a child of a fork must get past it.
    outstanding: ArcSwapOption<Outstanding>,
}

struct Outstanding {
    /// In a child of a fork the thread does not exist and its lock may be held for ever.
    forks: u32,
    found: Mutex<Option<Result<Vec<SocketAddr>, Arc<io::Error>>>>,
    changed: Condvar,
}

impl Resolver {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self::with_lookup(host, port, Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())))
    }

    pub(super) fn with_lookup(host: &str, port: u16, lookup: Arc<Lookup>) -> Self {
        Self { host: host.to_owned(), port, lookup, outstanding: ArcSwapOption::empty() }
    }

    /// The addresses of the host in the order in which to try them. `TimedOut` when `by` has come: the
    /// lookup then goes on, and whoever asks next waits for the same one. Without `threads` it may overrun `by`.
    pub(super) fn addresses(&self, by: Instant, threads: bool) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        if threads { self.look_up_on_a_thread(by) } else { self.look_up() }.map(in_turn)
    }

    fn look_up(&self) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        (self.lookup)(&self.host, self.port).map_err(Arc::new)
    }

    fn look_up_on_a_thread(&self, by: Instant) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        let outstanding = loop {
            let last = self.outstanding.load();
            if let Some(last) = last.as_ref().filter(|last| last.is_running()) {
                break Arc::clone(last);
            }
            let next = Arc::new(Outstanding::new());
            let before = self.outstanding.compare_and_swap(&last, Some(Arc::clone(&next)));
            if before.as_ref().map(Arc::as_ptr) != last.as_ref().map(Arc::as_ptr) {
                continue;
            }
            let (lookup, host, port, told) = (self.lookup.clone(), self.host.clone(), self.port, next.clone());
            let work = move || told.finish(lookup(&host, port).map_err(Arc::new));
            // Where no thread can be had, a late answer is better than none.
            if system::spawn("lookup", work).is_err() {
                next.finish(self.look_up());
            }
            break next;
        };
        outstanding.wait(by)
    }
}

impl Outstanding {
    fn new() -> Self {
        Self { forks: system::fork_count(), found: Mutex::default(), changed: Condvar::new() }
    }

    /// Whether an answer is still to come. One that came while nobody waited is old and asked for again.
    fn is_running(&self) -> bool {
        self.forks == system::fork_count() && self.found.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn finish(&self, found: Result<Vec<SocketAddr>, Arc<io::Error>>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        self.changed.notify_all();
    }

    fn wait(&self, by: Instant) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = &*found {
                return found.clone();
            }
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Arc::new(io::ErrorKind::TimedOut.into()));
            }
            found = self.changed.wait_timeout(found, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// More addresses than this are not tried: each would get too little of the time.
const TRIED: usize = 8;

/// The families by turns, beginning with the system's first choice (RFC 8305 §4): where IPv6 is configured but dead,
/// the second address is already one that works.
fn in_turn(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
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
    ordered.truncate(TRIED);
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
    fn families_take_turns_beginning_with_the_systems_choice() {
        let found = addresses(&["[1::]:1", "[2::]:1", "[3::]:1", "1.1.1.1:1"]);
        assert_eq!(in_turn(found), addresses(&["[1::]:1", "1.1.1.1:1", "[2::]:1", "[3::]:1"]));
        let found = addresses(&["1.1.1.1:1", "[1::]:1", "[2::]:1"]);
        assert_eq!(in_turn(found), addresses(&["1.1.1.1:1", "[1::]:1", "[2::]:1"]));
        assert_eq!(in_turn(vec![]), vec![]);
        assert_eq!(in_turn(vec![SocketAddr::from(([1, 1, 1, 1], 1)); 20]).len(), TRIED);
    }

    #[test]
    fn an_address_is_not_looked_up() {
        for (host, expected) in [("127.0.0.1", "127.0.0.1:7"), ("::1", "[::1]:7")] {
            let resolver = Resolver::with_lookup(host, 7, Arc::new(|_, _| panic!("looked up")));
            assert_eq!(resolver.addresses(Instant::now(), true).unwrap(), addresses(&[expected]));
        }
    }

    #[test]
    fn the_system_knows_localhost_with_and_without_a_thread() {
        let resolver = Resolver::new("localhost", 7);
        for threads in [true, false] {
            assert!(resolver.addresses(soon(), threads).unwrap().iter().all(|found| found.ip().is_loopback()));
        }
    }

    #[test]
    fn a_failed_lookup_says_why() {
        let resolver = Resolver::with_lookup("a", 7, Arc::new(|_, _| Err(io::Error::other("no such name"))));
        for threads in [true, false] {
            assert_eq!(resolver.addresses(soon(), threads).unwrap_err().to_string(), "no such name");
        }
    }

    #[test]
    fn without_threads_the_caller_looks_up() {
        let caller = std::thread::current().id();
        let lookup = move |_: &str, _| {
            assert_eq!(std::thread::current().id(), caller);
            Ok(addresses(&["127.0.0.1:7"]))
        };
        assert!(Resolver::with_lookup("a", 7, Arc::new(lookup)).addresses(soon(), false).is_ok());
    }

    #[test]
    fn a_stuck_lookup_is_waited_for_and_never_doubled() {
        let (started, release) = (Arc::new(AtomicUsize::new(0)), Mutex::new(None));
        let (open, gate) = mpsc::channel::<()>();
        *release.lock().unwrap() = Some(gate);
        let lookup = {
            let started = started.clone();
            move |_: &str, _| {
                // The first one is stuck until it is released; a later one answers at once.
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
        // An answer that is there already is old: the next one asks anew.
        resolver.addresses(soon(), true).unwrap();
        assert_eq!(started.load(Ordering::SeqCst), before + 1);
    }
}
