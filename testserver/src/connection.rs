//! One connection, plain or TLS: reads, writes and waits. It must not know HTTP.

use rustls::{ServerConfig, ServerConnection, Stream};
use socket2::SockRef;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

/// The longest wait within one response.
const MAX_WAIT: Duration = Duration::from_secs(3600);
const MAX_WRITE: Duration = Duration::from_secs(60);
const MAX_DRAIN: Duration = Duration::from_secs(2);
const MAX_UNREAD: usize = 2 << 20;

pub(crate) struct Connection {
    socket: Arc<TcpStream>,
    tls: Option<Box<ServerConnection>>,
    /// Bytes that were read and not used yet.
    pub(crate) received: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(socket: Arc<TcpStream>, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        socket.set_write_timeout(Some(MAX_WRITE))?;
        let tls = tls.map(|config| ServerConnection::new(config.clone())).transpose().map_err(io::Error::other)?;
        Ok(Self { socket, tls: tls.map(Box::new), received: Vec::new() })
    }

    /// Reads the next bytes into `received`, before the deadline. Returns 0 if the client has closed. The first call makes
    /// the TLS handshake.
    pub(crate) fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; 16384];
        let mut socket = &*self.socket;
        let read = match &mut self.tls {
            None => socket.read(&mut buffer),
            Some(tls) => Stream::new(&mut **tls, &mut socket).read(&mut buffer),
        };
        if read.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidData) {
            // The handshake failed. The client must be able to read the alert.
            self.drain();
        }
        let read = read?;
        self.received.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    /// Waits. Returns false as soon as the client has closed the connection.
    pub(crate) fn wait(&mut self, span: Duration) -> bool {
        let deadline = Instant::now() + span.min(MAX_WAIT);
        while Instant::now() < deadline {
            match self.fill(deadline) {
                Ok(0) => return false,
                Ok(_) if self.received.len() > MAX_UNREAD => return false,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return false,
            }
        }
        true
    }

    pub(crate) fn wait_for_end(&mut self) {
        self.wait(MAX_WAIT);
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut socket = &*self.socket;
        match &mut self.tls {
            None => socket.write_all(bytes),
            Some(tls) => {
                let mut stream = Stream::new(&mut **tls, &mut socket);
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }

    /// Closes the connection, with close_notify under TLS, so that the client knows that nothing was cut off.
    pub(crate) fn close(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.complete_io(&mut &*self.socket);
        }
    }

    /// Ends the sending side, and discards the bytes that the client still sends. Closing a socket with unread bytes resets
    /// the connection, and the client could lose the response.
    pub(crate) fn drain(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
        let _ = self.socket.set_read_timeout(Some(MAX_DRAIN));
        let _ = io::copy(&mut (&*self.socket).take(MAX_UNREAD as u64), &mut io::sink());
    }

    /// Closes the connection with a TCP reset, which is what SO_LINGER of zero means.
    pub(crate) fn reset(self) {
        let _ = SockRef::from(&*self.socket).set_linger(Some(Duration::ZERO));
    }
}
