//! What FreeBSD and Apple's systems do in their own way. Compiled in CI; never run there.
//!
//! The inode of a TCP socket is 0 there, so `Descriptor::is_ours` takes a host's socket under the same number
//! for the library's.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use libc::{c_int, c_void};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// How everything is sent: without waiting, and without SIGPIPE. Apple's sockets have an option for the
/// second, SO_NOSIGPIPE, which the socket2 crate sets on each new one.
#[cfg(target_vendor = "apple")]
pub const SEND_FLAGS: c_int = libc::MSG_DONTWAIT;
/// How everything is sent: without waiting, and without SIGPIPE.
#[cfg(not(target_vendor = "apple"))]
pub const SEND_FLAGS: c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

/// The clock that goes on while the machine sleeps: Apple's. FreeBSD's stands still.
pub const BOOT_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

#[cfg(target_vendor = "apple")]
mod cancel {
    use libc::c_int;

    pub const PTHREAD_CANCEL_ENABLE: c_int = 1;
    pub const PTHREAD_CANCEL_DISABLE: c_int = 0;
    pub const PTHREAD_CANCEL_DEFERRED: c_int = 2;
    pub const PTHREAD_CANCEL_ASYNCHRONOUS: c_int = 0;
}

#[cfg(not(target_vendor = "apple"))]
mod cancel {
    use libc::c_int;

    pub const PTHREAD_CANCEL_ENABLE: c_int = 0;
    pub const PTHREAD_CANCEL_DISABLE: c_int = 1;
    pub const PTHREAD_CANCEL_DEFERRED: c_int = 0;
    pub const PTHREAD_CANCEL_ASYNCHRONOUS: c_int = 2;
}

pub use cancel::*;

/// A TCP socket: non-blocking, close-on-exec.
pub fn stream_socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Two datagram sockets that are connected to each other: non-blocking, close-on-exec.
pub fn datagram_pair() -> io::Result<(Socket, Socket)> {
    let pair = Socket::pair(Domain::UNIX, Type::DGRAM, None)?;
    pair.0.set_nonblocking(true)?;
    pair.1.set_nonblocking(true)?;
    Ok(pair)
}

/// Has the close that follows end a TCP connection with an RST. Where a forked process holds a copy of the
/// socket, that is its close.
pub fn reset_connection(socket: BorrowedFd<'_>) {
    // An error leaves it at the shutdown and close.
    let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
}

/// How many of the bytes sent over a TCP socket the peer's system has not acknowledged.
#[cfg(target_vendor = "apple")]
pub fn unacknowledged_bytes(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: c_int = 0;
    let mut length = size_of_val(&bytes) as libc::socklen_t;
    // SAFETY: the pointer and the length are those of one live int.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NWRITE,
            (&raw mut bytes).cast(),
            &raw mut length,
        )
    };
    if failed != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or_default())
}

/// How many of the bytes sent over a TCP socket the peer's system has not acknowledged.
#[cfg(not(target_vendor = "apple"))]
pub fn unacknowledged_bytes(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: c_int = 0;
    // SAFETY: FIONWRITE (ioctl(2)) writes one int.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::FIONWRITE, &raw mut bytes) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or_default())
}

/// A TCP connection's round-trip time; zero where the system cannot tell.
pub fn round_trip_time(socket: BorrowedFd<'_>) -> Duration {
    #[cfg(target_vendor = "apple")]
    use libc::{TCP_CONNECTION_INFO as TCP_INFO, tcp_connection_info as TcpInfo};
    #[cfg(not(target_vendor = "apple"))]
    use libc::{TCP_INFO, tcp_info as TcpInfo};

    // SAFETY: both structs are plain numbers; zero is a value of them.
    let mut info: TcpInfo = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the pointer and the length are those of one live struct.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    #[cfg(target_vendor = "apple")]
    let time = Duration::from_millis(info.tcpi_srtt.into());
    #[cfg(not(target_vendor = "apple"))]
    let time = Duration::from_micros(info.tcpi_rtt.into());
    if failed == 0 { time } else { Duration::ZERO }
}

/// Has the page be all zeros in each process forked from this one; false where the kernel cannot.
///
/// # Safety
/// `page` is the caller's, of `size` bytes, and nothing that it holds is needed.
#[cfg(target_os = "freebsd")]
pub unsafe fn zero_on_fork(page: *mut c_void, size: usize) -> bool {
    // SAFETY: the caller's page.
    unsafe { libc::minherit(page, size, libc::INHERIT_ZERO) == 0 }
}

/// Has the page be all zeros in each process forked from this one: Apple's kernel cannot.
///
/// # Safety
/// None is needed.
#[cfg(not(target_os = "freebsd"))]
pub unsafe fn zero_on_fork(_page: *mut c_void, _size: usize) -> bool {
    false
}

/// Whether this program has more rights than who started it, so that the environment is not to be trusted.
pub fn is_secure_execution() -> bool {
    // SAFETY: it takes no pointer.
    unsafe { libc::issetugid() != 0 }
}

/// Nothing to block: a cancelled thread's state is looked at where the cancellation is handled.
pub fn block_cancel_signal() -> bool {
    false
}

/// Nothing to take back.
pub fn unblock_cancel_signal() {}
