//! A second address of a gateway, which can be closed.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Forwards connections from an address of its own to a gateway. If one side ends, so does the other.
pub struct Relay {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Relay {
    /// On 127.0.0.2, at this port.
    pub fn start(port: u16, target: SocketAddr) -> Relay {
        let listener =
            TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).expect("the other address");
        let address = listener.local_addr().expect("its address");
        let closed = Arc::new(AtomicBool::new(false));
        let accepting = thread::spawn({
            let closed = Arc::clone(&closed);
            move || {
                for client in listener.incoming().map_while(Result::ok) {
                    if closed.load(Ordering::SeqCst) {
                        return;
                    }
                    let gateway = TcpStream::connect(target).expect("the gateway");
                    copy(&client, &gateway);
                    copy(&gateway, &client);
                }
            }
        });
        Relay {
            address,
            closed,
            accepting: Mutex::new(Some(accepting)),
        }
    }

    /// Refuses connections from now on.
    pub fn close(&self) {
        let accepting = self
            .accepting
            .lock()
            .expect("no panic under the lock")
            .take();
        if let Some(accepting) = accepting {
            self.closed.store(true, Ordering::SeqCst);
            let _ = TcpStream::connect(self.address); // wakes the thread that accepts
            accepting.join().expect("a relay that does not panic");
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

fn copy(from: &TcpStream, to: &TcpStream) {
    let mut from = from.try_clone().expect("a descriptor");
    let mut to = to.try_clone().expect("a descriptor");
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
