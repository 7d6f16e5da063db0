//! A proxy on the loopback that holds back what it forwards, in each direction: a long way to the
//! server, on a machine that cannot pretend one to its network.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The running proxy. Its threads end with the connections, and with the process.
pub struct Proxy {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// Forwards to this port of the loopback.
    pub fn start(target: u16, delay: Duration) -> io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Proxy {
            port: listener.local_addr()?.port(),
            connections: Arc::default(),
        };
        let connections = Arc::clone(&proxy.connections);
        thread::spawn(move || {
            for client in listener.incoming() {
                connections.fetch_add(1, Ordering::Relaxed);
                let forwarded = client.and_then(|client| forward(client, target, delay));
                if let Err(error) = forwarded {
                    eprintln!("delaying proxy: {error}");
                }
            }
        });
        Ok(proxy)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it was asked for so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn forward(client: TcpStream, target: u16, delay: Duration) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", target))?;
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
    }
    direction(client.try_clone()?, server.try_clone()?, delay);
    direction(server, client, delay);
    Ok(())
}

/// One thread reads and notes when, the other writes when it is time: what follows closely arrives
/// closely.
fn direction(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let bytes = buffer[..read].to_vec();
            if sender.send((Instant::now() + delay, bytes)).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
