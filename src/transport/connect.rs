//! TCP within the time there is: every read and write ends at the deadline, however slowly the peer drips.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// A connection that cannot outlive its deadline.
pub(super) struct Wire {
    socket: TcpStream,
    pub(super) deadline: Instant,
}

/// Connects to the first address that answers; the error is that of the last one tried, with its address.
pub(super) fn dial(addresses: &[SocketAddr], by: Instant) -> io::Result<Wire> {
    let mut last_failure = io::Error::other("the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = by.saturating_duration_since(Instant::now());
        let attempt = match share(left, addresses.len() - tried) {
            Some(share) => TcpStream::connect_timeout(address, share),
            None => Err(io::ErrorKind::TimedOut.into()),
        };
        match attempt {
            Ok(socket) => {
                // TLS writes twice in a row; Nagle's algorithm would hold the second back until the first is acknowledged.
                let _ = socket.set_nodelay(true);
                return Ok(Wire { socket, deadline: by });
            }
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

impl Wire {
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

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.until_deadline(|socket, left| {
            socket.set_read_timeout(Some(left))?;
            socket.read(buffer)
        })
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.until_deadline(|socket, left| {
            socket.set_write_timeout(Some(left))?;
            socket.write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
