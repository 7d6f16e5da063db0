//! What Linux does in its own way.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use libc::{c_int, c_ulong, c_void};
use socket2::{Domain, Protocol, Socket, Type};

/// How everything is sent: without waiting, and without SIGPIPE.
pub const SEND_FLAGS: c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

/// The clock that goes on while the machine sleeps.
pub const BOOT_CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;

pub const PTHREAD_CANCEL_ENABLE: c_int = 0;
pub const PTHREAD_CANCEL_DISABLE: c_int = 1;
pub const PTHREAD_CANCEL_DEFERRED: c_int = 0;
pub const PTHREAD_CANCEL_ASYNCHRONOUS: c_int = 1;

/// A TCP socket: non-blocking, close-on-exec.
pub fn stream_socket(domain: Domain) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    Socket::new(domain, kind, Some(Protocol::TCP))
}

/// Two datagram sockets that are connected to each other: non-blocking, close-on-exec.
pub fn datagram_pair() -> io::Result<(Socket, Socket)> {
    Socket::pair(Domain::UNIX, Type::DGRAM.nonblocking().cloexec(), None)
}

/// Ends a TCP connection with an RST: connect(2), AF_UNSPEC. An error leaves it at the shutdown and close that
/// follow.
pub fn reset_connection(socket: BorrowedFd<'_>) {
    // SAFETY: all zeros is a valid address, of the family AF_UNSPEC.
    let unspecified: libc::sockaddr = unsafe { std::mem::zeroed() };
    let length = size_of_val(&unspecified) as libc::socklen_t;
    // SAFETY: the pointer and the length are those of one live address.
    unsafe { libc::connect(socket.as_raw_fd(), &raw const unspecified, length) };
}

/// How many of the bytes sent over a TCP socket the peer's system has not acknowledged.
pub fn unacknowledged_bytes(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: c_int = 0;
    // SAFETY: TIOCOUTQ (SIOCOUTQ, tcp(7)) writes one int.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or_default())
}

/// A TCP connection's round-trip time; zero where the system cannot tell.
pub fn round_trip_time(socket: BorrowedFd<'_>) -> Duration {
    // SAFETY: tcp_info is plain numbers; zero is a value of it.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the pointer and the length are those of one live struct.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    match failed {
        0 => Duration::from_micros(info.tcpi_rtt.into()),
        _ => Duration::ZERO,
    }
}

/// Has the page be all zeros in each process forked from this one; false where the kernel cannot.
///
/// # Safety
/// `page` is the caller's, of `size` bytes, and nothing that it holds is needed.
pub unsafe fn zero_on_fork(page: *mut c_void, size: usize) -> bool {
    // Some versions of qemu-user accept any advice and do nothing: one that accepts -1 knows none
    // (BoringSSL checks the same).
    // SAFETY: the caller's page.
    unsafe {
        libc::madvise(page, size, -1) != 0 && libc::madvise(page, size, libc::MADV_WIPEONFORK) == 0
    }
}

/// Whether this program has more rights than who started it (setuid, setgid, file capabilities), so that
/// the environment is not to be trusted: glibc's `secure_getenv` says so, too.
pub fn is_secure_execution() -> bool {
    // SAFETY: getauxval takes no pointer. Miri does not have it.
    !cfg!(miri) && unsafe { libc::getauxval(libc::AT_SECURE) } != 0
}

/// The signal by which glibc cancels a thread, SIGCANCEL, as a set of signals: 32, in its
/// sysdeps/unix/sysv/linux/internal-signals.h. musl looks at the thread's state where it handles its own.
const CANCEL_SIGNAL: c_ulong = if cfg!(target_env = "gnu") {
    1 << (32 - 1)
} else {
    0
};

/// Blocks the signal by which a thread of the asynchronous type is cancelled; false where it was blocked
/// already.
pub fn block_cancel_signal() -> bool {
    CANCEL_SIGNAL != 0 && change_signal_mask(libc::SIG_BLOCK, CANCEL_SIGNAL) & CANCEL_SIGNAL == 0
}

/// Takes it back. A signal that came meanwhile is delivered.
pub fn unblock_cancel_signal() {
    change_signal_mask(libc::SIG_UNBLOCK, CANCEL_SIGNAL);
}

/// Gives those of the first signals that were blocked before. It asks the kernel, since pthread_sigmask()
/// leaves out the signals that glibc uses itself.
fn change_signal_mask(how: c_int, set: c_ulong) -> c_ulong {
    // A set has 64 bits, in one word or in two.
    const WORDS: usize = size_of::<u64>() / size_of::<c_ulong>();
    let (mut words, mut before) = ([0; WORDS], [0; WORDS]);
    words[0] = set;
    // SAFETY: the kernel reads 8 bytes of `words`, and writes 8 bytes of `before`.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            how,
            words.as_ptr(),
            before.as_mut_ptr(),
            size_of_val(&words),
        );
    }
    before[0]
}
