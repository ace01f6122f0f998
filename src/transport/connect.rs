//! TCP within the time there is: every read and write ends at the deadline, however slowly the peer drips.

use crate::system;
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// A connection that cannot outlive its deadline.
pub(super) struct DeadlineStream {
    socket: TcpStream,
    pub(super) deadline: Instant,
}

/// Connects to the first address that answers; the error is that of the last one tried, with its address.
pub(super) fn dial(addresses: &[SocketAddr], by: Instant) -> io::Result<DeadlineStream> {
    let socket = try_each(addresses, by, TcpStream::connect_timeout)?;
    // TLS writes twice in a row; Nagle's algorithm would hold the second back until the first is acknowledged.
    let _ = socket.set_nodelay(true);
    Ok(DeadlineStream { socket, deadline: by })
}

fn try_each<T>(
    addresses: &[SocketAddr],
    by: Instant,
    connect: impl Fn(&SocketAddr, Duration) -> io::Result<T>,
) -> io::Result<T> {
    let mut last_failure = io::Error::other("the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = by.saturating_duration_since(Instant::now());
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

/// What one of several addresses may take of the time that is left. One that answers nothing leaves the others theirs.
fn share(left: Duration, addresses: usize) -> Option<Duration> {
    let share = left / u32::try_from(addresses).unwrap_or(u32::MAX);
    (!share.is_zero()).then_some(share)
}

impl DeadlineStream {
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// Repeats until the deadline what a signal or the socket's own time-out broke off.
    fn until_deadline<T>(
        &mut self,
        mut attempt: impl FnMut(&mut TcpStream, Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let left = self.left()?;
            match attempt(&mut self.socket, left) {
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                other => return other,
            }
        }
    }
}

impl Read for DeadlineStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.until_deadline(|socket, left| {
            socket.set_read_timeout(Some(left))?;
            socket.read(buffer)
        })
    }
}

impl Write for DeadlineStream {
    /// Into a connection that the peer has closed, everything can be written: a server may refuse, say why and close
    /// before it has read what we send, and what it said (a TLS alert, for one) tells more than the error. A read
    /// always follows.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.until_deadline(|socket, left| {
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
    fn an_address_that_answers_nothing_leaves_time_for_the_next() {
        let (dead, alive) = (SocketAddr::from(([1; 4], 1)), SocketAddr::from(([2; 4], 2)));
        let shares = RefCell::new(vec![]);
        let by = Instant::now() + Duration::from_secs(1000);
        let connected = try_each(&[dead, alive], by, |address, share| {
            shares.borrow_mut().push(share);
            if *address == dead { Err(io::ErrorKind::TimedOut.into()) } else { Ok(*address) }
        });
        assert_eq!(connected.unwrap(), alive);
        assert!(shares.borrow()[0] <= Duration::from_secs(500));
    }

    #[cfg(unix)]
    #[test]
    fn without_a_file_to_open_no_address_is_to_blame() {
        let addresses = [SocketAddr::from(([1; 4], 1)), SocketAddr::from(([2; 4], 2))];
        let tried = RefCell::new(vec![]);
        let by = Instant::now() + Duration::from_secs(1000);
        let failed = try_each(&addresses, by, |address, _| {
            tried.borrow_mut().push(*address);
            Err::<(), _>(io::Error::from_raw_os_error(libc::EMFILE))
        });
        assert!(system::is_out_of_files(&failed.unwrap_err()));
        assert_eq!(*tried.borrow(), addresses[..1]);
    }

    #[test]
    fn a_refusing_address_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let alive = listener.local_addr().unwrap();
        let dead = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, alive.port()));
        let by = Instant::now() + Duration::from_secs(20);
        assert_eq!(dial(&[dead, alive], by).unwrap().socket.peer_addr().unwrap(), alive);
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
