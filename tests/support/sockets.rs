//! The TCP server of the gateway and the proxy: a thread per connection, all of which end when the server
//! is dropped. And addresses that refuse or ignore connections.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

/// No server waits longer than this for anything.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    sockets: Mutex<HashMap<usize, Weak<TcpStream>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    /// Registers a socket for [`Server::stop`]. This does not keep it open.
    fn watch(&self, socket: &Arc<TcpStream>) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|_, socket| socket.strong_count() > 0);
        sockets.insert(Arc::as_ptr(socket).addr(), Arc::downgrade(socket));
        if self.stopped.load(Ordering::SeqCst) {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// A server on a free port of 127.0.0.1.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Runs `serve` for each connection, in a thread of its own; the first is number 1.
    pub fn start(serve: impl Fn(usize, Peer) + Send + Sync + 'static) -> Server {
        Server::start_with(None, serve)
    }

    /// The same, with a receive buffer of this size and small segments.
    pub fn start_with(
        receive_buffer: Option<usize>,
        serve: impl Fn(usize, Peer) + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        if let Some(bytes) = receive_buffer {
            // Set on the listening socket: accepted ones inherit both, and announce them in the handshake.
            let socket = SockRef::from(&listener);
            socket.set_recv_buffer_size(bytes).expect("a buffer's size");
            socket.set_tcp_mss(1000).expect("a segment's size");
        }
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let serve = Arc::new(serve);
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for number in 1.. {
                    let accepted = listener.accept();
                    if shared.stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok((stream, address)) = accepted else {
                        continue;
                    };
                    let _ = stream.set_nodelay(true);
                    let stream = Arc::new(stream);
                    shared.watch(&stream);
                    let peer = Peer {
                        stream,
                        address,
                        shared: Arc::clone(&shared),
                    };
                    let serve = Arc::clone(&serve);
                    let handle = thread::spawn(move || serve(number, peer));
                    let mut threads = shared.threads.lock().expect("no panic under the lock");
                    for thread in threads.extract_if(.., |thread| thread.is_finished()) {
                        thread
                            .join()
                            .expect("a scripted server that does not panic");
                    }
                    threads.push(handle);
                }
            }
        });
        Server {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until all connections have ended by themselves.
    pub fn wait_for_end(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        loop {
            let threads = self
                .shared
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if threads.iter().all(JoinHandle::is_finished) {
                return true;
            }
            drop(threads);
            if Instant::now() > until {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends all connections and threads. True if no thread panicked.
    fn stop(&mut self) -> bool {
        let Some(accepting) = self.accepting.take() else {
            return true;
        };
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes the thread that accepts
        let mut clean = accepting.join().is_ok();
        let sockets = take(&self.shared.sockets);
        for socket in sockets.values().filter_map(Weak::upgrade) {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        for thread in take(&self.shared.threads) {
            clean &= thread.join().is_ok();
        }
        clean
    }
}

fn take<T: Default>(shared: &Mutex<T>) -> T {
    mem::take(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.stop() && !thread::panicking() {
            panic!("a thread of a scripted server panicked: see above");
        }
    }
}

/// One accepted connection.
pub struct Peer {
    stream: Arc<TcpStream>,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Peer {
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The client's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Another socket that the server has to close when it ends.
    pub fn watch(&self, stream: TcpStream) -> Arc<TcpStream> {
        let stream = Arc::new(stream);
        self.shared.watch(&stream);
        stream
    }

    pub fn share(&self) -> Arc<TcpStream> {
        Arc::clone(&self.stream)
    }

    pub fn stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::SeqCst)
    }

    /// Waits, at most until the server ends.
    pub fn pause(&self, duration: Duration) {
        let until = Instant::now() + duration;
        while !self.stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(Duration::from_millis(10)));
        }
    }

    /// Reads and sends nothing until the client has closed the connection.
    pub fn stall(&self) {
        let until = Instant::now() + MAX_WAIT;
        while !self.stopped() && Instant::now() < until {
            let mut poll = libc::pollfd {
                fd: self.stream.as_raw_fd(),
                events: libc::POLLRDHUP,
                revents: 0,
            };
            // SAFETY: one valid pollfd.
            if unsafe { libc::poll(&mut poll, 1, 20) } != 0 {
                return;
            }
        }
    }

    /// When this is dropped, the connection is reset instead of closed.
    pub fn reset_when_dropped(&self) {
        let _ = socket2::SockRef::from(self.stream()).set_linger(Some(Duration::ZERO));
    }

    /// How many segments with data have arrived.
    pub fn segments(&self) -> u32 {
        tcp_info(self.stream()).tcpi_data_segs_in
    }
}

/// The state of a connection in the operating system.
pub fn tcp_info(stream: &TcpStream) -> libc::tcp_info {
    // SAFETY: tcp_info is plain numbers; zero is a value of it.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: the buffer and its length belong together.
    let failed = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &mut length,
        )
    };
    assert_eq!(failed, 0, "TCP_INFO: {}", io::Error::last_os_error());
    info
}

/// An address on loopback that refuses connections until this is dropped.
pub struct Refusing(Socket);

impl Refusing {
    pub fn new() -> Refusing {
        // Bound and not listening: the port stays reserved, and the system answers with a reset.
        Refusing(bound())
    }

    pub fn address(&self) -> SocketAddr {
        address_of(&self.0)
    }
}

/// An address on loopback that never answers TCP handshakes: its queue is full.
pub struct Ignoring {
    listener: Socket,
    queue: Vec<Socket>,
}

impl Ignoring {
    pub fn new() -> Ignoring {
        Ignoring::at(([127, 0, 0, 1], 0).into())
    }

    /// The same at this address.
    pub fn at(address: SocketAddr) -> Ignoring {
        let listener = bound_to(address);
        listener.listen(0).expect("listening");
        let address = address_of(&listener).into();
        let mut queue = Vec::new();
        // A queue of length 0 has room for one connection.
        for _ in 0..4 {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            let _ = socket.connect_timeout(&address, Duration::from_millis(100));
            queue.push(socket);
        }
        Ignoring { listener, queue }
    }

    pub fn address(&self) -> SocketAddr {
        address_of(&self.listener)
    }
}

fn bound() -> Socket {
    bound_to(([127, 0, 0, 1], 0).into())
}

fn bound_to(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&address.into()).expect("a free port");
    socket
}

fn address_of(socket: &Socket) -> SocketAddr {
    socket
        .local_addr()
        .expect("its address")
        .as_socket()
        .expect("an IP address")
}
