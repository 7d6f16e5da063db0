//! Requests that were read and requests that were not, and what TCP shows the caller of each.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::support::sockets::tcp_info;

const REQUEST: &[u8] = &[b'r'; 400];

/// What the server does with a request on a reused connection.
#[derive(Clone, Copy, Debug)]
pub enum ServerAction {
    ReadAndReset,
    ResetUnread,
    /// After the server has closed its sending direction.
    ReadAndClosed,
    /// The server had closed before it came.
    ClosedUnread,
}

/// What the caller's system shows afterwards.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientView {
    /// How the wait for the response ended: 0 bytes, or an error.
    end: Result<usize, ErrorKind>,
    /// Of the request: bytes that the other system has acknowledged, and that were not sent.
    acknowledged: u64,
    not_sent: u32,
}

/// Sends a request to a server that does this.
pub fn observe(action: ServerAction) -> ClientView {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut caller =
        TcpStream::connect(listener.local_addr().expect("its address")).expect("a connection");
    let (mut server, _) = listener.accept().expect("the connection");
    let mut exchange = || {
        caller.write_all(REQUEST)?;
        server.read_exact(&mut [0; REQUEST.len()])?;
        server.write_all(b"response")?;
        caller.read_exact(&mut [0; 8])
    };
    // A connection that is used in both directions delays its acknowledgements: they go with the responses.
    (0..3)
        .try_for_each(|_| exchange())
        .expect("a connection that serves");
    let before = tcp_info(&caller).tcpi_bytes_acked;

    match action {
        ServerAction::ClosedUnread => drop(server),
        _ => {
            if matches!(action, ServerAction::ReadAndClosed) {
                server.shutdown(Shutdown::Write).expect("half a close");
            }
            caller.write_all(REQUEST).expect("a write");
            if !matches!(action, ServerAction::ResetUnread) {
                server
                    .read_exact(&mut [0; REQUEST.len()])
                    .expect("the request");
            }
            if !matches!(action, ServerAction::ReadAndClosed) {
                let _ = SockRef::from(&server).set_linger(Some(Duration::ZERO));
            }
            drop(server);
        }
    }
    if matches!(action, ServerAction::ClosedUnread) {
        caller
            .write_all(REQUEST)
            .expect("a write: the end of the server does not forbid it");
    }
    thread::sleep(Duration::from_millis(2));
    let info = tcp_info(&caller);
    ClientView {
        end: caller.read(&mut [0; 1]).map_err(|error| error.kind()),
        acknowledged: info.tcpi_bytes_acked - before,
        not_sent: info.tcpi_notsent_bytes,
    }
}
