//! TCP with a deadline: connects to the first of several addresses that accepts (RFC 8305), and ends every read and write
//! at the deadline, even if the peer sends one byte at a time.
//!
//! It must not look up a name, know what is sent, or start a thread.

use crate::system;
use socket2::{Domain, Socket, Type};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// A connection whose reads and writes fail with `TimedOut` after its deadline.
pub(super) struct DeadlineStream {
    socket: TcpStream,
    pub(super) peer: SocketAddr,
    deadline: Instant,
}

/// A connection whose reads and writes end at a deadline: TCP, or TLS over another.
pub(super) trait Connection: Read + Write + Send + Sync {
    fn set_deadline(&mut self, deadline: Instant);
}

impl Connection for DeadlineStream {
    fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }
}

/// Connects to the first address that accepts. An address that does not respond delays the next by a quarter of a second
/// at most. The error names the address that it is about.
pub(super) fn dial(addresses: &[SocketAddr], deadline: Instant) -> io::Result<DeadlineStream> {
    let (winner, socket) = race(&mut Sockets, addresses, deadline)?;
    socket.set_nonblocking(false)?;
    // TLS writes twice in a row. Nagle's algorithm would delay the second write until the peer acknowledges the first.
    let _ = socket.set_tcp_nodelay(true);
    Ok(DeadlineStream { socket: socket.into(), peer: addresses[winner], deadline })
}

/// The Connection Attempt Delay of RFC 8305 §5: how long an address may be silent before the next one starts too.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// RFC 8305 §5 forbids a shorter delay.
const SHORTEST_DELAY: Duration = Duration::from_millis(10);

/// Decides which address starts next, and when. Time is a parameter.
struct StartSchedule {
    delay: Duration,
    addresses: usize,
    next: usize,
    due: Instant,
}

impl StartSchedule {
    /// The first address is due now. If the time does not suffice for all, they start closer together, so that half of the
    /// time is left when the last one starts.
    fn new(addresses: usize, now: Instant, deadline: Instant) -> Self {
        let starts = u32::try_from(addresses).unwrap_or(u32::MAX).max(1);
        let share = deadline.saturating_duration_since(now) / 2 / starts;
        Self { delay: share.clamp(SHORTEST_DELAY, ATTEMPT_DELAY), addresses, next: 0, due: now }
    }

    /// Returns the address to start now. Returns None if none is due.
    fn start(&mut self, now: Instant) -> Option<usize> {
        let next = self.next;
        if next >= self.addresses || now < self.due {
            return None;
        }
        (self.next, self.due) = (next + 1, now + self.delay);
        Some(next)
    }

    /// An address that fails need not be waited for.
    fn start_next_at_once(&mut self, now: Instant) {
        self.due = now;
    }

    fn start_no_more(&mut self) {
        self.addresses = self.next;
    }

    /// Returns when the next address starts. Returns None if all have started.
    fn next_start(&self) -> Option<Instant> {
        (self.next < self.addresses).then_some(self.due)
    }
}

/// The time and the connections that a race needs.
trait Network {
    type Connecting;
    fn now(&self) -> Instant;
    /// Starts to connect, and returns without waiting.
    fn start(&mut self, address: SocketAddr) -> io::Result<Self::Connecting>;
    /// Waits until an attempt ends, or until `until`. Returns the attempts that have ended, by their place.
    fn wait(
        &mut self,
        attempts: &[(usize, Self::Connecting)],
        until: Instant,
    ) -> io::Result<Vec<(usize, io::Result<()>)>>;
}

fn race<N: Network>(
    network: &mut N,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> io::Result<(usize, N::Connecting)> {
    let mut schedule = StartSchedule::new(addresses.len(), network.now(), deadline);
    let mut attempts: Vec<(usize, N::Connecting)> = Vec::new();
    let mut last_failure = io::Error::other("the name has no address");
    let named =
        |address: usize, error: &io::Error| io::Error::new(error.kind(), format!("{}: {error}", addresses[address]));
    loop {
        let now = network.now();
        if now >= deadline {
            // The address that was given the most time.
            return Err(match (attempts.first(), addresses.get(schedule.next)) {
                (Some((silent, _)), _) => named(*silent, &io::ErrorKind::TimedOut.into()),
                (None, Some(_)) => named(schedule.next, &io::ErrorKind::TimedOut.into()),
                (None, None) => last_failure,
            });
        }
        if let Some(address) = schedule.start(now) {
            match network.start(addresses[address]) {
                Ok(connecting) => attempts.push((address, connecting)),
                // No address is at fault. Those that have started may still succeed.
                Err(error) if system::is_out_of_files(&error) => {
                    schedule.start_no_more();
                    last_failure = error;
                }
                Err(error) => {
                    schedule.start_next_at_once(now);
                    last_failure = if system::is_forbidden(&error) { error } else { named(address, &error) };
                }
            }
            continue;
        }
        let next_start = schedule.next_start();
        if attempts.is_empty() && next_start.is_none() {
            return Err(last_failure);
        }
        let ended = network.wait(&attempts, next_start.map_or(deadline, |start| start.min(deadline)))?;
        if let Some((place, _)) = ended.iter().find(|(_, result)| result.is_ok()) {
            return Ok(attempts.swap_remove(*place));
        }
        for (place, result) in ended.into_iter().rev() {
            let (address, _) = attempts.remove(place);
            schedule.start_next_at_once(network.now());
            if let Err(error) = result {
                last_failure = named(address, &error);
            }
        }
    }
}

/// The sockets of the operating system.
struct Sockets;

impl Network for Sockets {
    type Connecting = Socket;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn start(&mut self, address: SocketAddr) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if !system::is_in_progress(&error) => Err(error),
            _ => Ok(socket),
        }
    }

    fn wait(&mut self, attempts: &[(usize, Socket)], until: Instant) -> io::Result<Vec<(usize, io::Result<()>)>> {
        let sockets: Vec<&Socket> = attempts.iter().map(|(_, socket)| socket).collect();
        let ended = system::wait_writable(&sockets, until.saturating_duration_since(Instant::now()))?;
        let result = |place: usize| match sockets[place].take_error() {
            Ok(Some(error)) | Err(error) => Err(error),
            Ok(None) => Ok(()),
        };
        Ok(ended.into_iter().map(|place| (place, result(place))).collect())
    }
}

impl DeadlineStream {
    fn time_left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// Repeats an operation that a signal or the socket's own time-out broke off, until the deadline.
    fn retry_until_deadline<T>(
        &mut self,
        mut attempt: impl FnMut(&mut TcpStream, Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let left = self.time_left()?;
            match attempt(&mut self.socket, left) {
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                other => return other,
            }
        }
    }
}

impl Read for DeadlineStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.retry_until_deadline(|socket, left| {
            socket.set_read_timeout(Some(left))?;
            socket.read(buffer)
        })
    }
}

impl Write for DeadlineStream {
    /// Succeeds also where the peer has closed the connection: a server may respond and close before it has read the
    /// request, and its response (a TLS alert, for example) explains more than the error of the write. A read always
    /// follows.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.retry_until_deadline(|socket, left| {
            socket.set_write_timeout(Some(left))?;
            socket.write(bytes)
        });
        match written {
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What an address does, this long after the start.
    #[derive(Clone, Copy)]
    enum Does {
        Accepts(u64),
        Refuses(u64),
        Nothing,
        /// The start itself fails, with this error of the system.
        FailsToStart(i32),
    }
    use Does::*;

    /// A network whose time passes only in [`Network::wait`].
    struct Script {
        since: Instant,
        now: Duration,
        addresses: Vec<Does>,
        starts: Vec<(usize, u64)>,
    }

    impl Network for Script {
        type Connecting = Option<(Duration, bool)>;

        fn now(&self) -> Instant {
            self.since + self.now
        }

        fn start(&mut self, address: SocketAddr) -> io::Result<Self::Connecting> {
            let number = usize::from(address.port());
            self.starts.push((number, self.now.as_millis() as u64));
            let at = |after: u64| self.now + Duration::from_millis(after);
            match self.addresses[number] {
                Accepts(after) => Ok(Some((at(after), true))),
                Refuses(after) => Ok(Some((at(after), false))),
                Nothing => Ok(None),
                FailsToStart(error) => Err(io::Error::from_raw_os_error(error)),
            }
        }

        fn wait(
            &mut self,
            attempts: &[(usize, Self::Connecting)],
            until: Instant,
        ) -> io::Result<Vec<(usize, io::Result<()>)>> {
            let first = attempts.iter().filter_map(|(_, end)| Some(end.as_ref()?.0)).min();
            let until = until - self.since;
            self.now = self.now.max(first.map_or(until, |first| first.min(until)));
            let refused = || Err(io::ErrorKind::ConnectionRefused.into());
            let ended = attempts.iter().enumerate().filter_map(|(place, (_, end))| {
                let (at, accepted) = (*end)?;
                (at <= self.now).then(|| (place, if accepted { Ok(()) } else { refused() }))
            });
            Ok(ended.collect())
        }
    }

    /// How a race ended.
    struct Ended {
        /// The address, or the error.
        result: Result<usize, io::Error>,
        took: u64,
        /// Each address that started, and when.
        starts: Vec<(usize, u64)>,
    }

    fn run(seconds: f64, addresses: &[Does]) -> Ended {
        let since = Instant::now();
        let mut network = Script { since, now: Duration::ZERO, addresses: addresses.to_vec(), starts: vec![] };
        let numbered: Vec<_> =
            (0..addresses.len()).map(|number| SocketAddr::from(([192, 0, 2, 1], number as u16))).collect();
        let result = race(&mut network, &numbered, since + Duration::from_secs_f64(seconds));
        Ended {
            result: result.map(|(address, _)| address),
            took: network.now.as_millis() as u64,
            starts: network.starts,
        }
    }

    #[test]
    fn the_next_address_starts_a_quarter_of_a_second_after_the_one_before() {
        let ended = run(10.0, &[Nothing, Nothing, Nothing, Accepts(7)]);
        assert_eq!((ended.result.unwrap(), ended.took), (3, 757));
        assert_eq!(ended.starts, [(0, 0), (1, 250), (2, 500), (3, 750)]);
    }

    #[test]
    fn the_first_address_to_connect_wins_though_it_started_earlier_or_later() {
        for (addresses, winner, took) in [
            (&[Accepts(5), Accepts(0)][..], 0, 5),
            (&[Accepts(249), Accepts(0)], 0, 249),
            (&[Accepts(250), Accepts(0)], 0, 250),
            (&[Accepts(251), Accepts(0)], 1, 250),
            (&[Accepts(300), Accepts(100)], 0, 300),
            (&[Accepts(600), Accepts(300), Accepts(10)], 2, 510),
            (&[Accepts(9000)], 0, 9000),
        ] {
            let ended = run(10.0, addresses);
            assert_eq!((ended.result.unwrap(), ended.took), (winner, took));
        }
    }

    #[test]
    fn an_address_that_fails_starts_the_next_at_once() {
        let ended = run(10.0, &[Refuses(3), FailsToStart(libc::ENETUNREACH), Refuses(0), Accepts(1)]);
        assert_eq!((ended.result.unwrap(), ended.took), (3, 4));
        assert_eq!(ended.starts, [(0, 0), (1, 3), (2, 3), (3, 3)]);
        // The silent address goes on meanwhile.
        let ended = run(10.0, &[Accepts(400), Refuses(10), Nothing]);
        assert_eq!((ended.result.unwrap(), ended.took), (0, 400));
        assert_eq!(ended.starts, [(0, 0), (1, 250), (2, 260)]);
    }

    #[test]
    fn many_silent_addresses_leave_half_of_the_time_for_the_last() {
        for (dead, seconds, delay) in [(19, 10.0, 250), (19, 5.0, 125), (19, 2.0, 50), (63, 10.0, 78), (1, 0.2, 50)] {
            let addresses: Vec<_> = [Nothing].repeat(dead).into_iter().chain([Accepts(20)]).collect();
            let ended = run(seconds, &addresses);
            assert_eq!(ended.result.unwrap(), dead);
            assert_eq!(ended.starts[1].1, delay, "{dead} in {seconds}");
            assert!(ended.took as f64 <= seconds * 500.0 + 20.0, "{dead} in {seconds}: {}", ended.took);
        }
    }

    #[test]
    fn the_deadline_ends_a_race_and_the_error_names_a_silent_address() {
        let ended = run(1.0, &[Refuses(1), Nothing, Nothing]);
        let error = ended.result.unwrap_err();
        assert_eq!((error.kind(), ended.took), (io::ErrorKind::TimedOut, 1000));
        assert!(error.to_string().starts_with("192.0.2.1:1: "), "{error}");
        let error = run(0.0, &[Accepts(0)]).result.unwrap_err();
        assert_eq!((error.kind(), error.to_string().starts_with("192.0.2.1:0: ")), (io::ErrorKind::TimedOut, true));
        let ended = run(1.0, &[Accepts(1001)]);
        assert_eq!((ended.result.unwrap_err().kind(), ended.took), (io::ErrorKind::TimedOut, 1000));
    }

    #[test]
    fn the_error_of_a_race_that_all_lose_is_that_of_the_last_to_fail() {
        let ended = run(10.0, &[Refuses(300), Refuses(0), FailsToStart(libc::ENETUNREACH)]);
        assert_eq!(ended.took, 300);
        assert!(ended.result.unwrap_err().to_string().starts_with("192.0.2.1:0: "));
        assert_eq!(run(10.0, &[]).result.unwrap_err().to_string(), "the name has no address");
    }

    #[cfg(unix)]
    #[test]
    fn running_out_of_file_descriptors_starts_no_other_address() {
        let ended = run(10.0, &[FailsToStart(libc::EMFILE), Accepts(0)]);
        assert!(system::is_out_of_files(&ended.result.unwrap_err()));
        assert_eq!(ended.starts.len(), 1);
        // An address that has started may still win.
        let ended = run(10.0, &[Accepts(500), FailsToStart(libc::EMFILE), Accepts(0)]);
        assert_eq!((ended.result.unwrap(), ended.starts.len()), (0, 2));
    }

    /// Sockets that listen and accept no more, so that a new connection gets no response, as from a dead address.
    #[cfg(target_os = "linux")]
    fn silent(addresses: &[SocketAddr]) -> Vec<Socket> {
        let mut open = vec![];
        for address in addresses {
            let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            listener.bind(&(*address).into()).unwrap();
            listener.listen(0).unwrap();
            open.push(listener);
            // A backlog of 0 holds one connection. The others are waiting for room.
            for _ in 0..3 {
                open.push(Sockets.start(*address).unwrap());
            }
        }
        open
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_dead_address_costs_less_than_a_third_of_a_second_and_nineteen_fit_into_the_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let alive = listener.local_addr().unwrap();
        let dead: Vec<_> = (1..=19).map(|n| SocketAddr::from(([127, 0, 1, n], alive.port()))).collect();
        let _open = silent(&dead);
        // A busy machine may delay a try, so the shortest of a few counts.
        for (count, limit, longest, tries) in [(1, 10.0, 0.3, 5), (19, 10.0, 9.0, 1), (19, 2.0, 1.9, 2)] {
            let addresses: Vec<_> = dead[..count].iter().chain([&alive]).copied().collect();
            let durations = (0..tries).map(|_| {
                let since = Instant::now();
                let stream = dial(&addresses, since + Duration::from_secs_f64(limit)).unwrap();
                assert_eq!((stream.peer, stream.socket.peer_addr().unwrap()), (alive, alive));
                since.elapsed().as_secs_f64()
            });
            let shortest = durations.fold(f64::INFINITY, f64::min);
            assert!(shortest < longest, "{count} dead addresses took {shortest} s");
        }
        let error = dial(&dead[..2], Instant::now() + Duration::from_millis(300)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().starts_with(&dead[0].to_string()), "{error}");
    }

    #[test]
    fn an_address_that_refuses_is_skipped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let alive = listener.local_addr().unwrap();
        let dead = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, alive.port()));
        let deadline = Instant::now() + Duration::from_secs(20);
        assert_eq!(dial(&[dead, alive], deadline).unwrap().socket.peer_addr().unwrap(), alive);
    }

    #[test]
    fn the_error_names_the_last_address() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dead = SocketAddr::from(([127, 0, 0, 1], port));
        let error = dial(&[dead], Instant::now() + Duration::from_secs(20)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().starts_with(&format!("{dead}: ")), "{error}");
        assert_eq!(dial(&[dead], Instant::now()).err().unwrap().kind(), io::ErrorKind::TimedOut);
        assert!(dial(&[], Instant::now()).is_err());
    }
}
