//! Accepts connections on loopback, starts a thread for each, and closes them all when dropped.
//!
//! It must not read or write a byte of a connection.

use socket2::{Domain, Socket, Type};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

const MAX_CONNECTIONS: usize = 1024;

pub(crate) struct Listener {
    address: SocketAddr,
    open: Arc<OpenConnections>,
    accepting: Option<JoinHandle<()>>,
}

/// The connections that have a thread.
#[derive(Default)]
struct OpenConnections {
    table: Mutex<Table>,
    one_closed: Condvar,
}

#[derive(Default)]
struct Table {
    stopping: bool,
    next: u64,
    streams: HashMap<u64, Arc<TcpStream>>,
}

/// Removes its connection from the table when dropped, also by a panic.
struct Entry {
    open: Arc<OpenConnections>,
    id: u64,
}

/// Returns an address on 127.0.0.1 or ::1. For port 0, the system chooses a port.
pub(crate) fn loopback(ipv6: bool, port: u16) -> SocketAddr {
    let ip = if ipv6 { IpAddr::from(Ipv6Addr::LOCALHOST) } else { IpAddr::from(Ipv4Addr::LOCALHOST) };
    SocketAddr::new(ip, port)
}

impl Listener {
    pub(crate) fn start(
        address: SocketAddr,
        serve: impl Fn(Arc<TcpStream>) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        // The backlog of the standard library, 128, loses connections when a whole test suite connects at once.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(MAX_CONNECTIONS as i32)?;
        let listener = TcpListener::from(socket);
        let address = listener.local_addr()?;

        let open = Arc::new(OpenConnections::default());
        let accepting = thread::Builder::new().name("testserver-accept".into()).spawn({
            let open = open.clone();
            move || accept(&listener, &open, Arc::new(serve))
        })?;
        Ok(Self { address, open, accepting: Some(accepting) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        {
            let mut table = self.open.table.lock().unwrap();
            table.stopping = true;
            for stream in table.streams.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        // Only a connection ends a blocked accept.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let table = self.open.table.lock().unwrap();
        let limit = Duration::from_secs(10);
        drop(self.open.one_closed.wait_timeout_while(table, limit, |table| !table.streams.is_empty()));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.open.table.lock().unwrap().streams.remove(&self.id);
        self.open.one_closed.notify_all();
    }
}

impl OpenConnections {
    fn is_stopping(&self) -> bool {
        self.table.lock().unwrap().stopping
    }

    /// Returns None if there are too many connections, or the listener is stopping.
    fn enter(self: &Arc<Self>, stream: &Arc<TcpStream>) -> Option<Entry> {
        let mut table = self.table.lock().unwrap();
        if table.stopping || table.streams.len() >= MAX_CONNECTIONS {
            return None;
        }
        let id = table.next;
        table.next += 1;
        table.streams.insert(id, stream.clone());
        Some(Entry { open: self.clone(), id })
    }
}

fn accept(
    listener: &TcpListener,
    open: &Arc<OpenConnections>,
    serve: Arc<impl Fn(Arc<TcpStream>) + Send + Sync + 'static>,
) {
    while !open.is_stopping() {
        let Ok((stream, _)) = listener.accept() else {
            // Probably no file descriptor is left.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let Some(entry) = open.enter(&stream) else { continue };
        let serve = serve.clone();
        // If no thread can be started, the closure is dropped, and the connection with it.
        let _ = thread::Builder::new().name("testserver".into()).stack_size(1 << 19).spawn(move || {
            let _entry = entry;
            serve(stream);
        });
    }
}
