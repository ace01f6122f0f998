//! Looks up the addresses of a host name, before a deadline, and puts them in the order in which to try them.
//!
//! The system's lookup cannot be interrupted, so it runs on a thread of its own that takes no signals. A stuck lookup keeps
//! its thread, and a source has one such thread at most. It must not decide what a failed lookup means.

use crate::{config::is_localhost, system};
use arc_swap::ArcSwapOption;
use std::{
    collections::{BTreeSet, VecDeque},
    io, mem,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Instant,
};

/// The addresses of a host name and a port.
pub(super) type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks up one host: a server or a proxy.
pub(super) struct Resolver {
    pub(super) host: String,
    pub(super) port: u16,
    lookup: Arc<Lookup>,
    /// The last lookup that was started on a thread. Not behind a lock, which a fork could leave held in the child.
    pending: ArcSwapOption<PendingLookup>,
    last_use: ArcSwapOption<LastUse>,
}

struct PendingLookup {
    /// In a child of a later fork, the thread does not exist, and the lock may be held for ever.
    forks: u32,
    result: Mutex<Option<Result<Vec<SocketAddr>, Arc<io::Error>>>>,
    finished: Condvar,
}

/// Returns the lookup of the operating system.
pub(super) fn system_lookup() -> Arc<Lookup> {
    Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect()))
}

impl Resolver {
    pub(super) fn new(host: &str, port: u16, lookup: Arc<Lookup>) -> Self {
        Self { host: host.to_owned(), port, lookup, pending: ArcSwapOption::empty(), last_use: ArcSwapOption::empty() }
    }

    /// Returns the addresses of the host in the order in which to try them. Fails with `TimedOut` at the deadline: the lookup
    /// then continues, and the next call waits for it. Without `threads`, the lookup may overrun the deadline.
    pub(super) fn addresses(&self, deadline: Instant, threads: bool) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let found = if is_localhost(&self.host) {
            [IpAddr::from(Ipv6Addr::LOCALHOST), IpAddr::from(Ipv4Addr::LOCALHOST)]
                .map(|address| SocketAddr::new(address, self.port))
                .to_vec()
        } else if threads {
            self.look_up_on_thread(deadline)?
        } else {
            self.look_up()?
        };
        Ok(order(found, self.last_use.load().as_deref().copied()))
    }

    /// Remembers whether an address that connected was of use, for the order of the next call.
    pub(super) fn remember(&self, address: SocketAddr, worked: bool) {
        let used = if worked { LastUse::Worked(address) } else { LastUse::Failed(address) };
        if self.last_use.load().as_deref() != Some(&used) {
            self.last_use.store(Some(Arc::new(used)));
        }
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

/// The most addresses to try. Each has a socket of its own for a while.
const MAX_ADDRESSES: usize = 64;

/// How the last use of an address ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastUse {
    Worked(SocketAddr),
    Failed(SocketAddr),
}

/// Alternates the address families, IPv6 first (RFC 8305 §4), and removes duplicates. The address that worked last begins
/// with its family. An address that connected and then failed ends the list.
fn order(mut found: Vec<SocketAddr>, last: Option<LastUse>) -> Vec<SocketAddr> {
    // Not a hash set, which needs random numbers: a sandbox may forbid them.
    let mut known = BTreeSet::new();
    found.retain(|address| known.insert(*address));
    found.sort_by_key(|address| match last {
        Some(LastUse::Worked(worked)) if worked == *address => 0,
        Some(LastUse::Failed(failed)) if failed == *address => 2,
        _ => 1,
    });
    let ipv6_first = match last {
        Some(LastUse::Worked(worked)) if known.contains(&worked) => worked.is_ipv6(),
        _ => true,
    };
    let failed = found.pop_if(|address| last == Some(LastUse::Failed(*address)));
    let (mut turn, mut other): (VecDeque<_>, VecDeque<_>) =
        found.into_iter().partition(|address| address.is_ipv6() == ipv6_first);
    let mut ordered = Vec::new();
    while let Some(next) = turn.pop_front().or_else(|| other.pop_front()) {
        ordered.push(next);
        mem::swap(&mut turn, &mut other);
    }
    ordered.truncate(MAX_ADDRESSES - failed.iter().len());
    ordered.extend(failed);
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
    fn address_families_alternate_and_ipv6_begins() {
        for (found, ordered) in [
            (&["[1::]:1", "[2::]:1", "[3::]:1", "1.1.1.1:1"][..], &["[1::]:1", "1.1.1.1:1", "[2::]:1", "[3::]:1"][..]),
            (&["1.1.1.1:1", "[1::]:1", "[2::]:1"], &["[1::]:1", "1.1.1.1:1", "[2::]:1"]),
            (&["1.1.1.1:1", "2.2.2.2:1", "[1::]:1"], &["[1::]:1", "1.1.1.1:1", "2.2.2.2:1"]),
            (&["2.2.2.2:1", "1.1.1.1:1"], &["2.2.2.2:1", "1.1.1.1:1"]),
            (&["1.1.1.1:1", "[1::]:1", "1.1.1.1:1", "[1::]:1"], &["[1::]:1", "1.1.1.1:1"]),
            (&[], &[]),
        ] {
            assert_eq!(order(addresses(found), None), addresses(ordered));
        }
        let many = (1..=200).map(|port| SocketAddr::from(([1, 1, 1, 1], port))).collect::<Vec<_>>();
        assert_eq!(order(many, None).len(), MAX_ADDRESSES);
    }

    #[test]
    fn the_address_that_worked_last_is_first_and_the_one_that_failed_is_last() {
        let found = ["[1::]:1", "[2::]:1", "1.1.1.1:1", "2.2.2.2:1"];
        let one = |address: &str| address.parse::<SocketAddr>().unwrap();
        for (last, ordered) in [
            (LastUse::Worked(one("2.2.2.2:1")), ["2.2.2.2:1", "[1::]:1", "1.1.1.1:1", "[2::]:1"]),
            (LastUse::Worked(one("[2::]:1")), ["[2::]:1", "1.1.1.1:1", "[1::]:1", "2.2.2.2:1"]),
            (LastUse::Worked(one("9.9.9.9:1")), ["[1::]:1", "1.1.1.1:1", "[2::]:1", "2.2.2.2:1"]),
            (LastUse::Failed(one("[1::]:1")), ["[2::]:1", "1.1.1.1:1", "2.2.2.2:1", "[1::]:1"]),
            (LastUse::Failed(one("9.9.9.9:1")), ["[1::]:1", "1.1.1.1:1", "[2::]:1", "2.2.2.2:1"]),
        ] {
            assert_eq!(order(addresses(&found), Some(last)), addresses(&ordered), "{last:?}");
        }
        let alone = one("1.1.1.1:1");
        assert_eq!(order(vec![alone], Some(LastUse::Failed(alone))), [alone]);
    }

    #[test]
    fn a_resolver_remembers_the_last_use_of_an_address() {
        let found = addresses(&["[1::]:7", "1.1.1.1:7"]);
        let resolver = Resolver::new(
            "a",
            7,
            Arc::new({
                let found = found.clone();
                move |_, _| Ok(found.clone())
            }),
        );
        let first = || resolver.addresses(soon(), false).unwrap()[0];
        assert_eq!(first(), found[0]);
        resolver.remember(found[1], true);
        assert_eq!(first(), found[1]);
        resolver.remember(found[1], false);
        assert_eq!(first(), found[0]);
    }

    #[test]
    fn an_ip_address_is_not_looked_up() {
        for (host, expected) in [("127.0.0.1", "127.0.0.1:7"), ("::1", "[::1]:7")] {
            let resolver = Resolver::new(host, 7, Arc::new(|_, _| panic!("looked up")));
            assert_eq!(resolver.addresses(Instant::now(), true).unwrap(), addresses(&[expected]));
        }
    }

    #[test]
    fn localhost_and_every_name_below_it_is_not_looked_up() {
        for host in ["localhost", "localhost.", "a.localhost", "a.b.localhost."] {
            let resolver = Resolver::new(host, 7, Arc::new(|_, _| panic!("looked up")));
            assert_eq!(resolver.addresses(Instant::now(), true).unwrap(), addresses(&["[::1]:7", "127.0.0.1:7"]));
        }
        for host in ["localhost.example", "alocalhost", "localhost.."] {
            let resolver = Resolver::new(host, 7, Arc::new(|_, _| Err(io::Error::other("looked up"))));
            assert_eq!(resolver.addresses(soon(), false).unwrap_err().to_string(), "looked up");
        }
    }

    #[test]
    fn the_system_looks_up_with_and_without_a_thread() {
        for threads in [true, false] {
            // No name, so it fails without the network.
            assert!(Resolver::new("a b", 7, system_lookup()).addresses(soon(), threads).is_err());
        }
    }

    #[test]
    fn a_failed_lookup_returns_the_reason() {
        let resolver = Resolver::new("a", 7, Arc::new(|_, _| Err(io::Error::other("no such name"))));
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
        assert!(Resolver::new("a", 7, Arc::new(lookup)).addresses(soon(), false).is_ok());
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
        let resolver = Resolver::new("a", 7, Arc::new(lookup));
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
