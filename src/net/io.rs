//! Waiting: until something can be read or written, a deadline passes, or the client is shut down.
//!
//! Each wait is a `poll` on the sockets and on the client's [`CancellationToken`], so that a shutdown ends it
//! at once, without `shutdown(2)` on a socket that a forked process may share, and without a list of waiting
//! calls.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libc::{c_int, pollfd};
use socket2::SockRef;

use super::boot_time::BootTime;
use crate::error::{Error, NotSent};
use crate::sys::{self, Descriptor};

/// How long a wait goes on without a check of the cancellation, should the host have closed its descriptor,
/// and of the deadline, should the machine have slept: the system's waits do not count that time.
pub const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The same where the descriptor is known to be the host's by now.
const CHECK_INTERVAL_WITHOUT_EVENT: Duration = Duration::from_millis(50);

/// Why I/O ended.
#[derive(Debug)]
pub enum IoError {
    /// The deadline passed.
    TimedOut,
    /// The client was shut down.
    Canceled,
    /// The peer closed the connection.
    Closed,
    /// The system's or the peer's error.
    Io(io::Error),
}

impl From<io::Error> for IoError {
    fn from(error: io::Error) -> IoError {
        IoError::Io(error)
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IoError::TimedOut => f.write_str("timed out"),
            IoError::Canceled => f.write_str("the client was shut down"),
            IoError::Closed => f.write_str("the other side closed the connection"),
            IoError::Io(error) => write!(f, "{error}"),
        }
    }
}

impl IoError {
    /// The error where `step` failed before the whole request was sent.
    pub fn before_send(&self, kind: NotSent, step: impl fmt::Display) -> Error {
        let kind = match self {
            IoError::Canceled => NotSent::Canceled,
            _ => kind,
        };
        Error::new(kind, format!("{step}: {self}"))
    }
}

/// Whether to try again: `poll` may report a socket ready that is not (its manual page, BUGS).
pub fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Set once, when the client is shut down, and seen by every wait.
#[derive(Debug)]
pub struct CancellationToken {
    is_canceled: AtomicBool,
    // A socket that nobody sends to. Readable once it is canceled, for good. Not an eventfd: those
    // share one inode, and could not be told from the host's.
    event: Descriptor,
}

impl CancellationToken {
    /// Not canceled yet. Fails where the process has no descriptor left.
    pub fn new() -> io::Result<CancellationToken> {
        // Of a pair, since some sandboxes refuse socket(AF_UNIX). The other one is closed at once,
        // which does not end a connectionless one.
        let (event, _) = sys::datagram_pair()?;
        Ok(CancellationToken {
            is_canceled: AtomicBool::new(false),
            event: Descriptor::new(event.into())?,
        })
    }

    /// Ends every wait, now and later.
    pub fn cancel(&self) {
        self.is_canceled.store(true, Ordering::SeqCst);
        if self.event.is_ours() {
            let _ = SockRef::from(&self.event).shutdown(Shutdown::Both);
        }
    }

    /// Whether it was canceled.
    pub fn is_canceled(&self) -> bool {
        self.is_canceled.load(Ordering::SeqCst)
    }

    /// What a wait for the cancellation polls.
    pub fn poll_entry(&self) -> pollfd {
        self.event.poll_entry(libc::POLLIN)
    }
}

/// When something has to be over, be it that the machine sleeps meanwhile: nobody is to be called hours after
/// the host has asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(BootTime);

impl Deadline {
    /// This long after `now`.
    pub fn after(now: BootTime, time: Duration) -> Deadline {
        Deadline(now + time)
    }

    /// Whether it has passed at `now`.
    pub fn has_passed(self, now: BootTime) -> bool {
        now >= self.0
    }

    /// How much time is left at `now`; zero once it has passed.
    pub fn remaining(self, now: BootTime) -> Duration {
        self.0.saturating_since(now)
    }

    /// The time that is left at `now`, at most `limit`, for `poll`: in whole milliseconds, rounded up, since
    /// a wait that ends early would spin. `None` once it has passed.
    pub fn poll_timeout(self, now: BootTime, limit: Duration) -> Option<c_int> {
        let remaining = self.remaining(now);
        if remaining.is_zero() {
            return None;
        }
        let millis = remaining.min(limit).as_nanos().div_ceil(1_000_000);
        Some(c_int::try_from(millis).unwrap_or(c_int::MAX))
    }
}

/// What ends the waits of a call.
#[derive(Clone, Copy, Debug)]
pub struct IoContext<'a> {
    /// When they have to be over.
    pub deadline: Deadline,
    /// What ends them before.
    pub cancellation: &'a CancellationToken,
}

impl IoContext<'_> {
    /// The same, but over after `time` at the latest.
    pub fn within(&self, time: Duration) -> Self {
        IoContext {
            deadline: self.deadline.min(Deadline::after(BootTime::now(), time)),
            ..*self
        }
    }

    /// Fails where there is no time left, with [`IoError::Canceled`] or [`IoError::TimedOut`].
    pub fn check(&self) -> Result<(), IoError> {
        if self.cancellation.is_canceled() {
            return Err(IoError::Canceled);
        }
        if self.deadline.has_passed(BootTime::now()) {
            return Err(IoError::TimedOut);
        }
        Ok(())
    }

    /// Waits until one of `entries` is ready; which one is then in `revents`. The last of them is
    /// the cancellation's, which is passed over where it is ready without a cancellation.
    /// Errors: the end of the wait, also where something is ready: a peer that never stops sending does not extend
    /// it. And `EBADF` for a descriptor that is closed.
    pub fn poll(&self, entries: &mut [pollfd]) -> Result<(), IoError> {
        let mut interval = CHECK_INTERVAL;
        loop {
            if self.cancellation.is_canceled() {
                return Err(IoError::Canceled);
            }
            let Some(timeout) = self.deadline.poll_timeout(BootTime::now(), interval) else {
                return Err(IoError::TimedOut);
            };
            match sys::poll(entries, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            let Some((event, sockets)) = entries.split_last_mut() else {
                return Ok(());
            };
            if sockets
                .iter()
                .any(|socket| socket.revents & libc::POLLNVAL != 0)
            {
                return Err(IoError::Io(io::Error::from_raw_os_error(libc::EBADF)));
            }
            if sockets.iter().any(|socket| socket.revents != 0) {
                return Ok(());
            }
            if event.revents != 0 {
                // It is the host's by now: poll passes over a negative one.
                event.fd = -1;
                interval = CHECK_INTERVAL_WITHOUT_EVENT;
            }
        }
    }

    /// Waits this long. Fails where the call has less time.
    pub fn pause(&self, pause: Duration) -> Result<(), IoError> {
        match self
            .within(pause)
            .poll(&mut [self.cancellation.poll_entry()])
        {
            Err(IoError::TimedOut) => self.check(),
            ended => ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(1000);

    #[test]
    fn a_wait_never_ends_before_its_deadline() {
        let now = BootTime::now();
        for (left, timeout) in [
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(1), 1),
            (Duration::from_micros(1001), 2),
            (Duration::from_millis(900), 900),
        ] {
            let deadline = Deadline::after(now, left);
            assert_eq!(deadline.poll_timeout(now, LONG), Some(timeout), "{left:?}");
        }
    }

    #[test]
    fn a_wait_is_no_longer_than_its_limit_and_than_poll_can_wait() {
        let now = BootTime::now();
        let deadline = Deadline::after(now, Duration::from_millis(u64::from(u32::MAX)));
        let limit = Duration::from_millis(500);
        assert_eq!(deadline.poll_timeout(now, limit), Some(500));
        assert_eq!(deadline.poll_timeout(now, Duration::MAX), Some(c_int::MAX));
    }

    #[test]
    fn there_is_no_wait_once_the_deadline_has_passed() {
        let now = BootTime::now();
        for late in [Duration::ZERO, Duration::from_nanos(1), LONG] {
            let deadline = Deadline::after(now, Duration::ZERO);
            assert!(deadline.has_passed(now + late));
            assert_eq!(deadline.remaining(now + late), Duration::ZERO);
            assert_eq!(deadline.poll_timeout(now + late, LONG), None);
        }
        assert!(!Deadline::after(now, Duration::from_nanos(1)).has_passed(now));
    }
}
