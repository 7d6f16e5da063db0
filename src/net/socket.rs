//! TCP sockets that never block in the kernel: each wait is one of [`IoContext`]'s.
//!
//! A host may close descriptors that are not its own, and open others under the same numbers. So no
//! receive or send can block, whatever the number stands for; no wait relies on what `poll` says of it;
//! and nothing is shut down or closed that is not what was opened.

use std::cell::Cell;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use socket2::{Domain, SockRef};

use super::boot_time::BootTime;
use super::io::{IoContext, IoError, is_transient};
use crate::sys::{Descriptor, SEND_FLAGS, stream_socket};

/// How long a connection attempt has before the next address is tried beside it (RFC 8305, 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The least that it has, however many addresses there are (RFC 8305, 5).
const MIN_ATTEMPT_DELAY: Duration = Duration::from_millis(10);

/// How often in a row a socket may be reported ready that is not, before the next wait is put off.
const MAX_FALSE_REPORTS: u32 = 4;

/// A TCP socket: non-blocking, close-on-exec, without Nagle's delay, and without SIGPIPE.
#[derive(Debug)]
pub struct Socket {
    /// What the system knows it by.
    pub descriptor: Descriptor,
    // How often in a row it was reported ready and nothing could be read or written since.
    false_reports: Cell<u32>,
}

impl Socket {
    /// Connects to the first address that accepts, and says which it is. While one has not, the next is tried
    /// beside it after a moment, or at once where it fails (RFC 8305). Nothing is sent over any, and only the
    /// one that accepted is left open. Where all fail, it is the last one's error.
    pub fn connect(
        addresses: &[SocketAddr],
        context: &IoContext<'_>,
    ) -> Result<(Socket, SocketAddr), IoError> {
        let mut next = addresses.iter();
        let mut pending: Vec<(Socket, SocketAddr)> = Vec::new();
        let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
        loop {
            context.check()?;
            match next
                .next()
                .map(|address| (start_connect(address), *address))
            {
                Some((Ok(socket), address)) => pending.push((socket, address)),
                Some((Err(error), _)) => {
                    last_error = error;
                    continue;
                }
                None if pending.is_empty() => return Err(IoError::Io(last_error)),
                None => {}
            }
            let attempt = match next.len() {
                0 => *context,
                left => {
                    let remaining = context.deadline.remaining(BootTime::now());
                    context.within(attempt_delay(remaining, left))
                }
            };
            let mut entries: Vec<_> = pending
                .iter()
                .map(|(socket, _)| socket.descriptor.poll_entry(libc::POLLOUT))
                .chain([context.cancellation.poll_entry()])
                .collect();
            match attempt.poll(&mut entries) {
                Ok(()) => {}
                Err(IoError::TimedOut) if attempt.deadline < context.deadline => continue,
                Err(error) => return Err(error),
            }
            let tried = std::mem::take(&mut pending);
            for ((socket, address), entry) in tried.into_iter().zip(&entries) {
                if entry.revents == 0 {
                    pending.push((socket, address));
                } else if let Some(error) = socket.options().take_error()? {
                    last_error = error;
                } else {
                    socket.options().set_tcp_nodelay(true)?;
                    return Ok((socket, address));
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

/// How long an attempt has the field to itself where so many addresses are left behind it: so little that each
/// of them gets its turn in the time that remains.
fn attempt_delay(remaining: Duration, left: usize) -> Duration {
    let shares = u32::try_from(left).unwrap_or(u32::MAX).saturating_add(1);
    (remaining / shares).clamp(MIN_ATTEMPT_DELAY, ATTEMPT_DELAY)
}

fn start_connect(address: &SocketAddr) -> io::Result<Socket> {
    let socket = Socket {
        descriptor: Descriptor::new(stream_socket(Domain::for_address(*address))?.into())?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_gets_its_turn_however_little_time_there_is() {
        let millis = Duration::from_millis;
        for (remaining, left, delay) in [
            (5_000, 1, 250),
            (5_000, 19, 250),
            (200, 1, 100),
            (1_000, 9, 100),
            (100, 99, 10),
            (0, 1, 10),
        ] {
            let given = attempt_delay(millis(remaining), left);
            assert_eq!(given, millis(delay), "{remaining} ms, {left} left");
        }
        assert_eq!(attempt_delay(Duration::MAX, usize::MAX), ATTEMPT_DELAY);
    }
}
