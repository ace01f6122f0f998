//! Accepts connections on loopback, gives each a thread of its own, and ends them all when dropped.
//!
//! Knows nothing of what is said on a connection.

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
    open: Arc<Open>,
    accepting: Option<JoinHandle<()>>,
}

/// The connections that have a thread.
#[derive(Default)]
struct Open {
    connections: Mutex<Connections>,
    one_ended: Condvar,
}

#[derive(Default)]
struct Connections {
    stopping: bool,
    next: u64,
    streams: HashMap<u64, Arc<TcpStream>>,
}

/// Forgets its connection when dropped, even by a panic.
struct Entry {
    open: Arc<Open>,
    id: u64,
}

/// 127.0.0.1 or ::1; port 0 lets the system choose.
pub(crate) fn loopback(ipv6: bool, port: u16) -> SocketAddr {
    let ip = if ipv6 { IpAddr::from(Ipv6Addr::LOCALHOST) } else { IpAddr::from(Ipv4Addr::LOCALHOST) };
    SocketAddr::new(ip, port)
}

impl Listener {
    pub(crate) fn start(
        address: SocketAddr,
        serve: impl Fn(Arc<TcpStream>) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        // The standard library's backlog of 128 loses connections when a whole test suite connects at once.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(MAX_CONNECTIONS as i32)?;
        let listener = TcpListener::from(socket);
        let address = listener.local_addr()?;

        let open = Arc::new(Open::default());
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
            let mut connections = self.open.connections.lock().unwrap();
            connections.stopping = true;
            for stream in connections.streams.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        // A blocked accept returns only for a connection.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let connections = self.open.connections.lock().unwrap();
        let ended = self
            .open
            .one_ended
            .wait_timeout_while(connections, Duration::from_secs(10), |connections| !connections.streams.is_empty());
        drop(ended);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.open.connections.lock().unwrap().streams.remove(&self.id);
        self.open.one_ended.notify_all();
    }
}

impl Open {
    fn is_stopping(&self) -> bool {
        self.connections.lock().unwrap().stopping
    }

    /// `None`: too many, or stopping.
    fn enter(self: &Arc<Self>, stream: &Arc<TcpStream>) -> Option<Entry> {
        let mut connections = self.connections.lock().unwrap();
        if connections.stopping || connections.streams.len() >= MAX_CONNECTIONS {
            return None;
        }
        let id = connections.next;
        connections.next += 1;
        connections.streams.insert(id, stream.clone());
        Some(Entry { open: self.clone(), id })
    }
}

fn accept(listener: &TcpListener, open: &Arc<Open>, serve: Arc<impl Fn(Arc<TcpStream>) + Send + Sync + 'static>) {
    while !open.is_stopping() {
        let Ok((stream, _)) = listener.accept() else {
            // Most likely no file descriptor is left: wait for one.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let Some(entry) = open.enter(&stream) else { continue };
        let serve = serve.clone();
        // Where no thread can be had the closure is dropped, and the connection with it.
        let _ = thread::Builder::new().name("testserver".into()).stack_size(1 << 19).spawn(move || {
            let _entry = entry;
            serve(stream);
        });
    }
}
