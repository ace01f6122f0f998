//! One connection, plain or TLS: bytes in, bytes out, patience. Knows nothing of HTTP.

use rustls::{ServerConfig, ServerConnection, Stream};
use socket2::SockRef;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

/// No connection stays with one answer for longer.
const MAX_WAIT: Duration = Duration::from_secs(3600);
const MAX_WRITE: Duration = Duration::from_secs(60);
const MAX_DRAIN: Duration = Duration::from_secs(2);
const MAX_UNREAD: usize = 2 << 20;

pub(crate) struct Connection {
    socket: Arc<TcpStream>,
    tls: Option<Box<ServerConnection>>,
    /// What came in and was not taken yet.
    pub(crate) received: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(socket: Arc<TcpStream>, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        socket.set_write_timeout(Some(MAX_WRITE))?;
        let tls = tls.map(|config| ServerConnection::new(config.clone())).transpose().map_err(io::Error::other)?;
        Ok(Self { socket, tls: tls.map(Box::new), received: Vec::new() })
    }

    /// Reads what comes next into `received`, by this moment; 0 when the client has ended. The first reading makes the
    /// TLS handshake.
    pub(crate) fn fill(&mut self, until: Instant) -> io::Result<usize> {
        let left = until.saturating_duration_since(Instant::now());
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
            // The handshake failed and an alert says why.
            self.drain();
        }
        let read = read?;
        self.received.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    /// Lets time pass; false as soon as the client has ended the connection.
    pub(crate) fn wait(&mut self, span: Duration) -> bool {
        let until = Instant::now() + span.min(MAX_WAIT);
        while Instant::now() < until {
            match self.fill(until) {
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

    /// Ends as TLS wants it, so that the client knows that nothing was cut off.
    pub(crate) fn end(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.complete_io(&mut &*self.socket);
        }
    }

    /// Says no more, and throws away what the client still says: a socket that is closed with something unread resets
    /// its connection, and the client may lose what it was told.
    pub(crate) fn drain(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
        let _ = self.socket.set_read_timeout(Some(MAX_DRAIN));
        let _ = io::copy(&mut (&*self.socket).take(MAX_UNREAD as u64), &mut io::sink());
    }

    /// Ends with a TCP reset: closing a socket that lingers for no time at all throws its connection away.
    pub(crate) fn reset(self) {
        let _ = SockRef::from(&*self.socket).set_linger(Some(Duration::ZERO));
    }
}
