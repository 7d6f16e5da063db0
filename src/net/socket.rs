//! TCP sockets that never block in the kernel: each wait is one of [`IoContext`]'s.
//!
//! A host may close descriptors that are not its own, and open others under the same numbers. So no
//! receive or send can block, whatever the number stands for; no wait relies on what `poll` says of it;
//! and nothing is shut down or closed that is not what was opened.

use std::cell::Cell;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Type};

use super::io::{IoContext, IoError, is_transient};
use crate::sys::Descriptor;

/// How long a connection attempt has before the next address is tried beside it (RFC 8305, 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How often in a row a socket may be reported ready that is not, before the next wait is put off.
const MAX_FALSE_REPORTS: u32 = 4;

/// How everything is sent: without waiting, and without SIGPIPE.
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

/// A TCP socket: non-blocking, close-on-exec, without Nagle's delay, and without SIGPIPE.
#[derive(Debug)]
pub struct Socket {
    /// What the system knows it by.
    pub descriptor: Descriptor,
    // How often in a row it was reported ready and nothing could be read or written since.
    false_reports: Cell<u32>,
}

impl Socket {
    /// Connects to the first address that accepts. While one has not, the next is tried beside it
    /// after [`ATTEMPT_DELAY`], or at once where it fails (RFC 8305). Where all fail, it is the last one's error.
    pub fn connect(addresses: &[SocketAddr], context: &IoContext<'_>) -> Result<Socket, IoError> {
        let mut next = addresses.iter();
        let mut pending: Vec<Socket> = Vec::new();
        let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
        loop {
            context.check()?;
            match next.next().map(start_connect) {
                Some(Ok(socket)) => pending.push(socket),
                Some(Err(error)) => {
                    last_error = error;
                    continue;
                }
                None if pending.is_empty() => return Err(IoError::Io(last_error)),
                None => {}
            }
            let attempt = if next.len() > 0 {
                context.within(ATTEMPT_DELAY)
            } else {
                *context
            };
            let mut entries: Vec<_> = pending
                .iter()
                .map(|socket| socket.descriptor.poll_entry(libc::POLLOUT))
                .chain([context.cancellation.poll_entry()])
                .collect();
            match attempt.poll(&mut entries) {
                Ok(()) => {}
                Err(IoError::TimedOut) if attempt.deadline < context.deadline => continue,
                Err(error) => return Err(error),
            }
            let tried = std::mem::take(&mut pending);
            for (socket, entry) in tried.into_iter().zip(&entries) {
                if entry.revents == 0 {
                    pending.push(socket);
                } else if let Some(error) = socket.options().take_error()? {
                    last_error = error;
                } else {
                    socket.options().set_tcp_nodelay(true)?;
                    return Ok(socket);
                }
            }
        }
    }

    /// Hands all of `bytes` to the system. Where it fails, the peer cannot have received the last byte.
    pub fn send_all(&self, mut bytes: &[u8], context: &IoContext<'_>) -> Result<(), IoError> {
        while !bytes.is_empty() {
            match (&mut &*self).write(bytes) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(error) => self.wait_writable(error, context)?,
            }
        }
        Ok(())
    }

    /// Waits for bytes; 0 where the peer has closed.
    pub fn receive(&self, buffer: &mut [u8], context: &IoContext<'_>) -> Result<usize, IoError> {
        self.read_when_ready(context, || (&mut &*self).read(buffer))
    }

    /// Waits until `read`, from this socket, gets something; 0 where the peer has closed.
    pub fn read_when_ready(
        &self,
        context: &IoContext<'_>,
        mut read: impl FnMut() -> io::Result<usize>,
    ) -> Result<usize, IoError> {
        loop {
            self.wait_readable(context)?;
            match read() {
                Err(error) if is_transient(&error) => {}
                received => return Ok(received?),
            }
        }
    }

    /// Waits until there is something to read, or the peer has closed.
    pub fn wait_readable(&self, context: &IoContext<'_>) -> Result<(), IoError> {
        self.wait(libc::POLLIN, context)
    }

    /// After a write that failed: waits where it was only too early, and fails for any other error.
    pub fn wait_writable(&self, error: io::Error, context: &IoContext<'_>) -> Result<(), IoError> {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.wait(libc::POLLOUT, context),
            io::ErrorKind::Interrupted => context.check(),
            _ => Err(IoError::Io(error)),
        }
    }

    fn wait(&self, event: libc::c_short, context: &IoContext<'_>) -> Result<(), IoError> {
        let reports = self.false_reports.get();
        if reports >= MAX_FALSE_REPORTS {
            // 1 ms, 2 ms, 4 ms ...
            let millis = 1 << (reports - MAX_FALSE_REPORTS).min(6);
            context.pause(Duration::from_millis(millis))?;
        }
        self.false_reports.set(reports.saturating_add(1));
        let cancellation = context.cancellation.poll_entry();
        context.poll(&mut [self.descriptor.poll_entry(event), cancellation])
    }

    fn options(&self) -> SockRef<'_> {
        SockRef::from(&self.descriptor)
    }

    /// Takes note that what was reported ready was.
    fn was_ready(&self, moved: io::Result<usize>) -> io::Result<usize> {
        if moved.is_ok() {
            self.false_reports.set(0);
        }
        moved
    }
}

/// Reads do not wait: `WouldBlock` where they would.
impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.was_ready(self.descriptor.receive(buffer, 0))
    }
}

/// Writes do not wait either, and never raise SIGPIPE: the standard library's `write_vectored` would.
impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.was_ready(self.options().send_with_flags(bytes, SEND_FLAGS))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            // What most requests are; the kernel then has no list to copy.
            [piece] => self.write(piece),
            _ => self.was_ready(self.options().send_vectored_with_flags(pieces, SEND_FLAGS)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A process forked from this one may hold a copy of the descriptor: closing ours alone
        // would leave the connection open. The reverse, a child that ends its parent's connection,
        // cannot happen: what a process inherited is never dropped (`api::process_state`).
        if self.descriptor.is_ours() {
            let _ = self.options().shutdown(Shutdown::Both);
        }
    }
}

fn start_connect(address: &SocketAddr) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = socket2::Socket::new(Domain::for_address(*address), kind, Some(Protocol::TCP))?;
    let socket = Socket {
        descriptor: Descriptor::new(socket.into())?,
        false_reports: Cell::new(0),
    };
    match socket.options().connect(&(*address).into()) {
        Err(error)
            if error.raw_os_error() != Some(libc::EINPROGRESS)
                && error.kind() != io::ErrorKind::Interrupted =>
        {
            Err(error)
        }
        _ => Ok(socket),
    }
}
