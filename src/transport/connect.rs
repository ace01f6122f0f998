//! TCP with a deadline: every read and write ends at it, even if the peer sends one byte at a time.
//!
//! It must not look up a name or know what is sent.

use crate::system;
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// A connection whose reads and writes fail with `TimedOut` after its deadline.
pub(super) struct DeadlineStream {
    socket: TcpStream,
    pub(super) deadline: Instant,
}

/// Connects to the first address that accepts. The error is that of the last address, and names it.
pub(super) fn dial(addresses: &[SocketAddr], deadline: Instant) -> io::Result<DeadlineStream> {
    let socket = try_each(addresses, deadline, TcpStream::connect_timeout)?;
    // TLS writes twice in a row. Nagle's algorithm would delay the second write until the peer acknowledges the first.
    let _ = socket.set_nodelay(true);
    Ok(DeadlineStream { socket, deadline })
}

fn try_each<T>(
    addresses: &[SocketAddr],
    deadline: Instant,
    connect: impl Fn(&SocketAddr, Duration) -> io::Result<T>,
) -> io::Result<T> {
    let mut last_failure = io::Error::other("the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let attempt = match share(left, addresses.len() - tried) {
            Some(share) => connect(address, share),
            None => Err(io::ErrorKind::TimedOut.into()),
        };
        match attempt {
            Ok(connected) => return Ok(connected),
            Err(error) if system::is_out_of_files(&error) => return Err(error),
            Err(error) => last_failure = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(last_failure)
}

/// Returns the time that one of several addresses may take: an equal part of the time that is left, so that an address
/// without an answer leaves time for the others. Returns None if nothing is left.
fn share(left: Duration, addresses: usize) -> Option<Duration> {
    let share = left / u32::try_from(addresses).unwrap_or(u32::MAX);
    (!share.is_zero()).then_some(share)
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
    use std::{cell::RefCell, net::TcpListener};

    #[test]
    fn a_share_is_an_equal_part_of_what_is_left() {
        let left = Duration::from_secs(10);
        assert_eq!(share(left, 1), Some(left));
        assert_eq!(share(left, 4), Some(Duration::from_millis(2500)));
        assert_eq!(share(Duration::ZERO, 1), None);
        assert_eq!(share(Duration::from_nanos(1), 2), None);
    }

    #[test]
    fn a_silent_address_leaves_time_for_the_next() {
        let (dead, alive) = (SocketAddr::from(([1; 4], 1)), SocketAddr::from(([2; 4], 2)));
        let shares = RefCell::new(vec![]);
        let deadline = Instant::now() + Duration::from_secs(1000);
        let connected = try_each(&[dead, alive], deadline, |address, share| {
            shares.borrow_mut().push(share);
            if *address == dead { Err(io::ErrorKind::TimedOut.into()) } else { Ok(*address) }
        });
        assert_eq!(connected.unwrap(), alive);
        assert!(shares.borrow()[0] <= Duration::from_secs(500));
    }

    #[cfg(unix)]
    #[test]
    fn running_out_of_file_descriptors_ends_the_attempts() {
        let addresses = [SocketAddr::from(([1; 4], 1)), SocketAddr::from(([2; 4], 2))];
        let tried = RefCell::new(vec![]);
        let deadline = Instant::now() + Duration::from_secs(1000);
        let failed = try_each(&addresses, deadline, |address, _| {
            tried.borrow_mut().push(*address);
            Err::<(), _>(io::Error::from_raw_os_error(libc::EMFILE))
        });
        assert!(system::is_out_of_files(&failed.unwrap_err()));
        assert_eq!(*tried.borrow(), addresses[..1]);
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
