//! The system calls: sockets whose every wait ends at a deadline or when the client is shut down,
//! and what else a guest in somebody's process has to ask of the system.
//!
//! The sockets never block in the kernel: each wait is a `poll` on the socket and on the client's
//! [`Stop`], so that a shut-down reaches it at once, without `shutdown(2)` on a socket that a forked
//! process may share, and without a list of who waits where.
//!
//! A host may close descriptors that are not its own, and open others under the same numbers. So no
//! receive or send can block, whatever the number stands for; no wait relies on what `poll` says of it;
//! and nothing is shut down or closed that is not what was opened.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Type};

/// How long an attempt to connect has before the next address is tried beside it (RFC 8305, 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How long a wait goes on without a look at the client's shut-down, should its descriptor be gone.
const LOOK: Duration = Duration::from_millis(500);

/// The same where the descriptor is known to be of no use.
const LOOK_WITHOUT_EVENT: Duration = Duration::from_millis(50);

/// How often in a row a socket may be reported ready that is not, before the next wait is put off.
const FALSE_REPORTS: u32 = 4;

/// The first descriptor that is not standard input, output or error.
const FIRST_DESCRIPTOR: RawFd = 3;

/// Why I/O ended.
#[derive(Debug)]
pub enum Error {
    /// The deadline came.
    TimedOut,
    /// The client was shut down.
    ShutDown,
    /// The other side closed the connection.
    Closed,
    /// The system's or the peer's error.
    Io(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TimedOut => f.write_str("timed out"),
            Error::ShutDown => f.write_str("the client was shut down"),
            Error::Closed => f.write_str("the other side closed the connection"),
            Error::Io(error) => write!(f, "{error}"),
        }
    }
}

/// A descriptor that was opened here, as long as it is: the host may have closed it since, and opened
/// something of its own under the same number.
#[derive(Debug)]
struct Descriptor {
    number: RawFd,
    // Of what was opened.
    device: libc::dev_t,
    inode: libc::ino_t,
}

impl Descriptor {
    /// Takes `fd` over, under a number of 3 or more: those below are the host's, even while they are
    /// closed.
    fn new(mut fd: OwnedFd) -> io::Result<Descriptor> {
        if fd.as_raw_fd() < FIRST_DESCRIPTOR {
            // SAFETY: F_DUPFD_CLOEXEC takes no pointer.
            let number =
                unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) };
            if number < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: fcntl has just returned the descriptor, and nobody else has it.
            fd = unsafe { OwnedFd::from_raw_fd(number) };
        }
        let (device, inode) = identity(fd.as_raw_fd())?;
        Ok(Descriptor {
            number: fd.into_raw_fd(),
            device,
            inode,
        })
    }

    /// Whether the number still stands for what was opened. One system call.
    fn is_ours(&self) -> bool {
        identity(self.number).is_ok_and(|identity| identity == (self.device, self.inode))
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: nobody here closes it as long as `self` lives, and it is not -1.
        unsafe { BorrowedFd::borrow_raw(self.number) }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: it is ours, and nobody uses it any more.
            unsafe { libc::close(self.number) };
        }
    }
}

/// What a descriptor stands for, apart from any other that is open.
fn identity(number: RawFd) -> io::Result<(libc::dev_t, libc::ino_t)> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat writes one `stat`.
    if unsafe { libc::fstat(number, stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: fstat has written it.
    let stat = unsafe { stat.assume_init() };
    Ok((stat.st_dev, stat.st_ino))
}

/// The client's shut-down: set once, seen by every wait.
#[derive(Debug)]
pub struct Stop {
    requested: AtomicBool,
    // A socket that nobody sends to. Readable from the shut-down on, for good. Not an eventfd: those
    // share one inode, and could not be told from the host's.
    event: Descriptor,
}

impl Stop {
    /// Not shut down yet.
    ///
    /// # Errors
    ///
    /// Where the process has no descriptor left.
    pub fn new() -> io::Result<Stop> {
        // Of a pair, since some sandboxes refuse socket(AF_UNIX). The other one is closed at once,
        // which does not end a connectionless one.
        let kind = Type::DGRAM.nonblocking().cloexec();
        let (event, _) = socket2::Socket::pair(Domain::UNIX, kind, None)?;
        Ok(Stop {
            requested: AtomicBool::new(false),
            event: Descriptor::new(event.into())?,
        })
    }

    /// Ends every wait, now and later.
    pub fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
        if self.event.is_ours() {
            let _ = SockRef::from(&self.event).shutdown(std::net::Shutdown::Both);
        }
    }

    fn event(&self) -> libc::pollfd {
        pollfd(self.event.number, libc::POLLIN)
    }

    /// Whether it has been requested.
    pub fn requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }
}

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    /// Until then,
    pub deadline: Instant,
    /// or until this.
    pub stop: &'a Stop,
}

impl Wait<'_> {
    /// Fails where there is no time left.
    ///
    /// # Errors
    ///
    /// [`Error::ShutDown`] or [`Error::TimedOut`].
    pub fn check(&self) -> Result<(), Error> {
        if self.stop.requested() {
            return Err(Error::ShutDown);
        }
        if Instant::now() >= self.deadline {
            return Err(Error::TimedOut);
        }
        Ok(())
    }

    /// Waits until one of `events` has happened; which one is then in `revents`. The last of them is
    /// the stop's, which is not waited for where it says something else than that it was requested.
    ///
    /// # Errors
    ///
    /// The end of the wait, also where something is ready: somebody who never stops sending is not
    /// waited for. And a socket that is none any more.
    fn poll(&self, events: &mut [libc::pollfd]) -> Result<(), Error> {
        let mut look = LOOK;
        loop {
            if self.stop.requested() {
                return Err(Error::ShutDown);
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::TimedOut);
            }
            let millis = left.min(look).as_nanos().div_ceil(1_000_000);
            let millis = libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX);
            // SAFETY: the pointer and the length are those of one live slice.
            let ready =
                unsafe { libc::poll(events.as_mut_ptr(), events.len() as libc::nfds_t, millis) };
            if ready < 0 {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(Error::Io(error));
                }
                continue;
            }
            if self.stop.requested() {
                return Err(Error::ShutDown);
            }
            let Some((stop, sockets)) = events.split_last_mut() else {
                return Ok(());
            };
            if sockets
                .iter()
                .any(|socket| socket.revents & libc::POLLNVAL != 0)
            {
                return Err(Error::Io(io::Error::from_raw_os_error(libc::EBADF)));
            }
            if sockets.iter().any(|socket| socket.revents != 0) {
                return Ok(());
            }
            if stop.revents != 0 {
                // It is the host's by now: poll passes over a negative one.
                stop.fd = -1;
                look = LOOK_WITHOUT_EVENT;
            }
        }
    }

    /// Waits this long, or to the end of the wait.
    fn pause(&self, pause: Duration) -> Result<(), Error> {
        let paused = Wait {
            deadline: self.deadline.min(Instant::now() + pause),
            ..*self
        };
        match paused.poll(&mut [self.stop.event()]) {
            Err(Error::TimedOut) => self.check(),
            ended => ended,
        }
    }
}

fn pollfd(fd: RawFd, events: libc::c_short) -> libc::pollfd {
    libc::pollfd {
        fd,
        events,
        revents: 0,
    }
}

/// A connected TCP socket: non-blocking, close-on-exec, without Nagle's delay, and without SIGPIPE.
#[derive(Debug)]
pub struct Socket {
    descriptor: Descriptor,
    // How often in a row it was reported ready and nothing could be read or written since.
    false_reports: Cell<u32>,
}

impl Socket {
    /// Connects to the first address that answers. While one has not, the next is tried beside it
    /// after [`ATTEMPT_DELAY`], or at once where it fails (RFC 8305).
    ///
    /// # Errors
    ///
    /// The last address's error, where all fail; or the end of the wait.
    pub fn connect(addresses: &[SocketAddr], wait: &Wait<'_>) -> Result<Socket, Error> {
        let mut next = addresses.iter();
        let mut pending: Vec<Socket> = Vec::new();
        let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
        loop {
            wait.check()?;
            match next.next().map(start_connect) {
                Some(Ok(socket)) => pending.push(socket),
                Some(Err(error)) => {
                    last_error = error;
                    continue;
                }
                None if pending.is_empty() => return Err(Error::Io(last_error)),
                None => {}
            }
            let attempt = Wait {
                deadline: if next.len() > 0 {
                    wait.deadline.min(Instant::now() + ATTEMPT_DELAY)
                } else {
                    wait.deadline
                },
                ..*wait
            };
            let mut events: Vec<_> = pending
                .iter()
                .map(|socket| pollfd(socket.descriptor.number, libc::POLLOUT))
                .chain([wait.stop.event()])
                .collect();
            match attempt.poll(&mut events) {
                Ok(()) => {}
                Err(Error::TimedOut) if attempt.deadline < wait.deadline => continue,
                Err(error) => return Err(error),
            }
            let tried = std::mem::take(&mut pending);
            for (socket, event) in tried.into_iter().zip(&events) {
                if event.revents == 0 {
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

    /// Hands all of `bytes` to the system.
    ///
    /// # Errors
    ///
    /// Where not all of it was: the other side cannot have got the last byte.
    pub fn send_all(&self, mut bytes: &[u8], wait: &Wait<'_>) -> Result<(), Error> {
        while !bytes.is_empty() {
            match (&mut &*self).write(bytes) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(error) => self.until_writable(error, wait)?,
            }
        }
        Ok(())
    }

    /// Waits for bytes; 0 where the other side has closed.
    ///
    /// # Errors
    ///
    /// The connection's, or the end of the wait.
    pub fn receive(&self, buffer: &mut [u8], wait: &Wait<'_>) -> Result<usize, Error> {
        loop {
            self.until_readable(wait)?;
            match (&mut &*self).read(buffer) {
                Ok(received) => return Ok(received),
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(Error::Io(error)),
            }
        }
    }

    /// Waits until a read does not have to wait, if only for the end.
    ///
    /// # Errors
    ///
    /// The end of the wait.
    pub fn until_readable(&self, wait: &Wait<'_>) -> Result<(), Error> {
        self.until(libc::POLLIN, wait)
    }

    fn until(&self, event: libc::c_short, wait: &Wait<'_>) -> Result<(), Error> {
        let reports = self.false_reports.get();
        if reports >= FALSE_REPORTS {
            // 1 ms, 2 ms, 4 ms ...
            let millis = 1 << (reports - FALSE_REPORTS).min(6);
            wait.pause(Duration::from_millis(millis))?;
        }
        self.false_reports.set(reports.saturating_add(1));
        wait.poll(&mut [pollfd(self.descriptor.number, event), wait.stop.event()])
    }

    /// Looks at what can be read without waiting: `WouldBlock` where nothing can.
    ///
    /// # Errors
    ///
    /// The connection's.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive_now(buffer, libc::MSG_PEEK)
    }

    /// Never waits, not even where the number stands for a blocking socket by now.
    fn receive_now(&self, buffer: &mut [u8], flags: libc::c_int) -> io::Result<usize> {
        // SAFETY: the pointer and the length are those of one live slice, and any byte may be
        // written there.
        let received = unsafe {
            libc::recv(
                self.descriptor.number,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                flags | libc::MSG_DONTWAIT,
            )
        };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }

    fn options(&self) -> SockRef<'_> {
        SockRef::from(&self.descriptor)
    }

    /// Whether the host has not put something of its own in its place. One system call.
    pub fn is_ours(&self) -> bool {
        self.descriptor.is_ours()
    }

    /// Ends the connection at once, and with it what the system still holds of what was sent. Closing
    /// alone would leave that to be sent again for minutes, until the network that has failed is back;
    /// and closing without lingering would not end what a process forked from this one holds a copy of.
    pub fn abandon(&self) {
        if !self.is_ours() {
            return;
        }
        // SAFETY: all zeros is a valid address, of the family AF_UNSPEC.
        let nobody: libc::sockaddr = unsafe { std::mem::zeroed() };
        let length = size_of_val(&nobody) as libc::socklen_t;
        // Connecting to nobody dissolves the connection with an RST (connect(2)). An error leaves it at
        // the shut-down and close that follow.
        // SAFETY: the pointer and the length are those of one live address.
        unsafe { libc::connect(self.descriptor.number, &raw const nobody, length) };
    }

    /// How many of the bytes that were sent the other side has not acknowledged.
    ///
    /// # Errors
    ///
    /// Where the system cannot tell.
    pub fn unacknowledged(&self) -> io::Result<usize> {
        let mut bytes: libc::c_int = 0;
        // SAFETY: TIOCOUTQ (SIOCOUTQ, tcp(7)) writes one int.
        if unsafe { libc::ioctl(self.descriptor.number, libc::TIOCOUTQ, &raw mut bytes) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(usize::try_from(bytes).unwrap_or_default())
    }

    /// How long a segment and its acknowledgement take, as far as the system has measured it; zero where it
    /// cannot tell. One system call.
    pub fn round_trip(&self) -> Duration {
        // SAFETY: tcp_info is plain numbers; zero is a value of it.
        let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
        let mut length = size_of_val(&info) as libc::socklen_t;
        // SAFETY: the pointer and the length are those of one live struct.
        let failed = unsafe {
            libc::getsockopt(
                self.descriptor.number,
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

    /// After a write that failed: waits where it was only too early.
    ///
    /// # Errors
    ///
    /// Any other error, and the end of the wait.
    pub fn until_writable(&self, error: io::Error, wait: &Wait<'_>) -> Result<(), Error> {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.until(libc::POLLOUT, wait),
            io::ErrorKind::Interrupted => wait.check(),
            _ => Err(Error::Io(error)),
        }
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
        self.was_ready(self.receive_now(buffer, 0))
    }
}

/// How everything is sent: without waiting, and without SIGPIPE.
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

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
        // cannot happen: `client` keeps what was inherited from ever being dropped.
        if self.is_ours() {
            let _ = self.options().shutdown(std::net::Shutdown::Both);
        }
    }
}

/// Whether to try again: `poll` may report a socket ready that is not (its manual page, BUGS).
pub fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
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

/// The number of this process, where it has one; 0 where it has just been forked. In a page that the
/// kernel wipes in a forked child, or else in [`NOT_WIPED`]. Null before the first use.
static PROCESS: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// What [`PROCESS`] is where the kernel wipes no page.
static NOT_WIPED: AtomicU64 = AtomicU64::new(0);

/// Which process this is: a number that no process that this one was forked from has, however it was
/// forked: by fork(), _Fork(), or clone(2) without libc, seen by its libc or not.
///
/// A child that shares its parent's memory (vfork(), `CLONE_VM`) is not another process here: it may
/// only exec or _exit.
///
/// It costs two loads; where the kernel wipes no page (before Linux 4.14, in gVisor, in qemu-user), a
/// `getpid`, and then a child is not told from an ancestor that is gone and whose process ID it has got,
/// unless libc forked it, or a process between the two has used the library.
pub fn process_id() -> u64 {
    let mut word = PROCESS.load(Ordering::Acquire);
    if word.is_null() {
        word = detect_forks();
    }
    // SAFETY: it is NOT_WIPED, or at the start of a page that is never unmapped, aligned, and used
    // for this only.
    let known = unsafe { &*word }.load(Ordering::Acquire);
    if known != 0 && !(ptr::eq(word, &raw const NOT_WIPED) && known as u32 != system_id()) {
        return known;
    }
    // SAFETY: as above.
    number_process(unsafe { &*word }, known)
}

/// This process's ID, from the system: glibc does not remember it since 2.25, nor does musl.
fn system_id() -> u32 {
    // SAFETY: getpid takes no pointer, and cannot fail.
    unsafe { libc::getpid() }.cast_unsigned()
}

/// Gives this process a number, unless another thread has, in place of `old`.
#[cold]
fn number_process(word: &AtomicU64, old: u64) -> u64 {
    // Copied into a child by the fork, so that it is ahead of every ancestor's.
    static LAST: AtomicU64 = AtomicU64::new(0);
    let count = LAST.fetch_add(1, Ordering::SeqCst) + 1;
    // Together with the process ID, should the fork have copied the count a moment earlier than what
    // another thread did with it.
    let fresh = count << 32 | u64::from(system_id());
    match word.compare_exchange(old, fresh, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => fresh,
        Err(others) => others,
    }
}

/// Chooses the word for [`PROCESS`]. Takes no lock, which a fork could leave taken; two threads may both
/// come here, and one of them wins.
#[cold]
fn detect_forks() -> *mut AtomicU64 {
    let page = wiped_page();
    let ours = page.unwrap_or((&raw const NOT_WIPED).cast_mut());
    if page.is_none() {
        // Where a process ID is not enough: a child in a namespace of its own, a process ID used
        // again. Where there is no memory for it, the process ID alone has to do.
        // SAFETY: the handler is a function of this library, which is never unmapped (it is linked
        // with `-z nodelete`), and only touches an atomic.
        unsafe { libc::pthread_atfork(None, None, Some(forget_process)) };
    }
    match PROCESS.compare_exchange(ptr::null_mut(), ours, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => ours,
        Err(others) => {
            if let Some(page) = page {
                // SAFETY: mapped by this thread, and nobody else has seen it.
                unsafe { libc::munmap(page.cast(), size_of::<AtomicU64>()) };
            }
            others
        }
    }
}

extern "C" fn forget_process() {
    NOT_WIPED.store(0, Ordering::Release);
}

/// A page that is all zeros here, and in every process that is forked from this one.
fn wiped_page() -> Option<*mut AtomicU64> {
    // The kernel makes a whole page of it.
    let size = size_of::<AtomicU64>();
    let readable = libc::PROT_READ | libc::PROT_WRITE;
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let page = unsafe { libc::mmap(ptr::null_mut(), size, readable, private, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // Some versions of qemu-user accept any advice and do nothing: one that accepts -1 knows none
    // (BoringSSL looks so, too).
    // SAFETY: the page is ours, and empty.
    let is_wiped = unsafe {
        libc::madvise(page, size, -1) != 0 && libc::madvise(page, size, libc::MADV_WIPEONFORK) == 0
    };
    if !is_wiped {
        // SAFETY: mapped above, and nobody else has seen it.
        unsafe { libc::munmap(page, size) };
        return None;
    }
    Some(page.cast())
}

/// Whether this program has more rights than who started it (setuid, setgid, file capabilities), so that
/// the environment is not to be trusted: glibc's `secure_getenv` says so, too.
pub fn is_secure_execution() -> bool {
    // SAFETY: getauxval takes no pointer. Miri does not have it.
    !cfg!(miri) && unsafe { libc::getauxval(libc::AT_SECURE) } != 0
}

/// Starts a thread to which no signal is delivered: the host's handlers expect the host's threads.
///
/// # Errors
///
/// Where the system has no thread to give.
pub fn spawn_without_signals(
    name: &str,
    stack_size: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises `all`, and pthread_sigmask reads it and initialises `before`.
    // Neither can fail with these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let spawned = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(stack_size)
        .spawn(work);
    // SAFETY: `before` was initialised above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    spawned.map(drop)
}
