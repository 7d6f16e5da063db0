//! Calls of the operating system, each a few lines of `unsafe` with the reason why it holds: sockets,
//! memory that a fork wipes, threads. What systems do differently is in [`platform`].

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(any(target_os = "freebsd", target_vendor = "apple"), path = "bsd.rs")]
mod platform;

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use libc::{c_int, pollfd};

use platform::{
    PTHREAD_CANCEL_ASYNCHRONOUS, PTHREAD_CANCEL_DEFERRED, PTHREAD_CANCEL_DISABLE,
    PTHREAD_CANCEL_ENABLE,
};
pub use platform::{SEND_FLAGS, datagram_pair, is_secure_execution, stream_socket};

/// A descriptor that the library opened. The host may have closed it since, and opened something of its own
/// under the same number: check [`Descriptor::is_ours`] before anything that a host could notice.
#[derive(Debug)]
pub struct Descriptor {
    number: RawFd,
    // Of the file that was opened.
    device: libc::dev_t,
    inode: libc::ino_t,
}

impl Descriptor {
    /// Takes `fd` over, under a number of 3 or more: those below are the host's, even while they are
    /// closed. Fails where the process has no descriptor left.
    pub fn new(mut fd: OwnedFd) -> io::Result<Descriptor> {
        if fd.as_raw_fd() <= libc::STDERR_FILENO {
            // Never one of the three: the standard library leaves them to standard input, output and error.
            fd = fd.try_clone()?;
        }
        let (device, inode) = file_identity(fd.as_raw_fd())?;
        Ok(Descriptor {
            number: fd.into_raw_fd(),
            device,
            inode,
        })
    }

    /// Whether the number still stands for what was opened. One system call.
    pub fn is_ours(&self) -> bool {
        file_identity(self.number).is_ok_and(|identity| identity == (self.device, self.inode))
    }

    /// What [`poll`] waits for on this descriptor.
    pub fn poll_entry(&self, events: libc::c_short) -> pollfd {
        pollfd {
            fd: self.number,
            events,
            revents: 0,
        }
    }

    /// Receives from a socket; `WouldBlock` where nothing can be received. Never waits, even where the number
    /// stands for a blocking socket by now.
    pub fn receive(&self, buffer: &mut [u8], flags: c_int) -> io::Result<usize> {
        // SAFETY: the pointer and the length are those of one live slice, and any byte may be
        // written there.
        let received = unsafe {
            libc::recv(
                self.number,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                flags | libc::MSG_DONTWAIT,
            )
        };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }

    /// Ends a TCP connection at once, with an RST, and with it what the system still
    /// holds of what was sent. Closing alone would leave that to be sent again for minutes, until the network
    /// that has failed is back; and closing without lingering would not end what a process forked from this
    /// one holds a copy of.
    pub fn reset_connection(&self) {
        if !self.is_ours() {
            return;
        }
        platform::reset_connection(self.as_fd());
    }

    /// How many of the bytes sent over a TCP socket the peer's system has not acknowledged. One system call.
    pub fn unacknowledged_bytes(&self) -> io::Result<usize> {
        platform::unacknowledged_bytes(self.as_fd())
    }

    /// A TCP connection's round-trip time as the system has measured it; zero where it cannot tell.
    pub fn round_trip_time(&self) -> Duration {
        platform::round_trip_time(self.as_fd())
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

/// Tells one open file from any other that is open.
fn file_identity(number: RawFd) -> io::Result<(libc::dev_t, libc::ino_t)> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat writes one `stat`.
    if unsafe { libc::fstat(number, stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: fstat has written it.
    let stat = unsafe { stat.assume_init() };
    Ok((stat.st_dev, stat.st_ino))
}

/// Waits until one of `entries` is ready, or for `timeout_ms`, or for a signal (`Interrupted`).
pub fn poll(entries: &mut [pollfd], timeout_ms: c_int) -> io::Result<()> {
    let count = entries.len() as libc::nfds_t;
    // SAFETY: the pointer and the length are those of one live slice.
    if unsafe { libc::poll(entries.as_mut_ptr(), count, timeout_ms) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// How long ago the system was started, with the time that it has slept since. A clock that cannot be read
/// shows the end of time: every deadline has passed then, and nothing is sent.
pub fn time_since_boot() -> Duration {
    // Miri does not have the other; nor has Linux before 2.6.39.
    let boot = if cfg!(miri) {
        libc::CLOCK_MONOTONIC
    } else {
        platform::BOOT_CLOCK
    };
    read_clock(boot)
        .or_else(|| read_clock(libc::CLOCK_MONOTONIC))
        .unwrap_or(Duration::MAX)
}

fn read_clock(clock: libc::clockid_t) -> Option<Duration> {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: clock_gettime writes one `timespec`.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: clock_gettime has written it.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

/// A number that is 0 in every process forked from this one, however it was forked. All threads get the same.
///
/// Where the kernel wipes no page (before Linux 4.14, in gVisor, in qemu-user), it is `fallback`, and `reset`
/// is called in each child that libc forks, if there is memory for that.
pub fn zeroed_on_fork(fallback: &'static AtomicU64, reset: extern "C" fn()) -> &'static AtomicU64 {
    static NUMBER: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
    let mut number = NUMBER.load(Ordering::Acquire);
    if number.is_null() {
        let page = wiped_page();
        if page.is_none() {
            // SAFETY: the handler is a function of this library, which is never unmapped (it is linked
            // with `-z nodelete`).
            unsafe { libc::pthread_atfork(None, None, Some(reset)) };
        }
        number = page.unwrap_or(ptr::from_ref(fallback).cast_mut());
        // Without a lock, which a fork could leave taken: of two threads that come here, one is first.
        let first =
            NUMBER.compare_exchange(ptr::null_mut(), number, Ordering::AcqRel, Ordering::Acquire);
        if let Err(others) = first {
            number = others;
            if let Some(page) = page {
                // SAFETY: mapped by this thread, and nobody else has seen it.
                unsafe { libc::munmap(page.cast(), size_of::<AtomicU64>()) };
            }
        }
    }
    // SAFETY: it is `fallback`, or at the start of a page that is never unmapped, aligned, and used for
    // this only.
    unsafe { &*number }
}

/// A page that is all zeros here, and in every process that is forked from this one.
fn wiped_page() -> Option<*mut AtomicU64> {
    // The kernel makes a whole page of it.
    let size = size_of::<AtomicU64>();
    let readable = libc::PROT_READ | libc::PROT_WRITE;
    let private = libc::MAP_PRIVATE | libc::MAP_ANON;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let page = unsafe { libc::mmap(ptr::null_mut(), size, readable, private, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the page is ours, and empty.
    let is_wiped = unsafe { platform::zero_on_fork(page, size) };
    if !is_wiped {
        // SAFETY: mapped above, and nobody else has seen it.
        unsafe { libc::munmap(page, size) };
        return None;
    }
    Some(page.cast())
}

/// Starts a thread to which no signal is delivered: the host's handlers expect the host's threads.
pub fn spawn_without_signals(
    name: &str,
    stack_size: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
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

/// How pthread_cancel() acts on a thread.
#[derive(Clone, Copy, Debug)]
pub struct CancelState {
    state: c_int,
    kind: c_int,
    // Whether `disable_thread_cancel` blocked glibc's signal.
    blocked_signal: bool,
}

// The libc crate does not have them. POSIX: they cannot fail with a valid argument. They may
// unwind: that is how glibc ends the thread.
unsafe extern "C-unwind" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    fn pthread_setcanceltype(kind: c_int, before: *mut c_int) -> c_int;
    fn pthread_testcancel();
}

/// From here on, pthread_cancel() of this thread waits. Returns how it was before.
///
/// The caller's frame, and those above it up to the host's, may have nothing to drop.
pub fn disable_thread_cancel() -> CancelState {
    let mut before = CancelState {
        state: PTHREAD_CANCEL_ENABLE,
        kind: PTHREAD_CANCEL_DEFERRED,
        blocked_signal: false,
    };
    // Miri does not have them.
    if !cfg!(miri) {
        // The type as well: before glibc 2.41, a signal that is on its way cancels the thread whatever the
        // state is.
        // SAFETY: the pointers may be written to, and no frame from here to the host has anything to
        // drop.
        unsafe {
            pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before.state);
            pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &raw mut before.kind);
        }
        // And the signal: glibc makes the type asynchronous again while a system call such as poll waits.
        if before.state == PTHREAD_CANCEL_ENABLE && before.kind == PTHREAD_CANCEL_ASYNCHRONOUS {
            before.blocked_signal = platform::block_cancel_signal();
        }
    }
    before
}

/// Puts it back. Acts at once on a cancellation that waits, where the type is asynchronous.
///
/// The caller's frame, and those above it up to the host's, may have nothing to drop.
pub fn restore_thread_cancel(before: CancelState) {
    let mut off = 0;
    if before.blocked_signal {
        // One that came meanwhile is noted now, and acts below.
        platform::unblock_cancel_signal();
    }
    if !cfg!(miri) {
        // SAFETY: `off` may be written to, the values are what the system gave, and no frame from
        // here to the host has anything to drop.
        unsafe {
            pthread_setcancelstate(before.state, &raw mut off);
            if before.kind == PTHREAD_CANCEL_ASYNCHRONOUS {
                // The next line would do, but glibc 2.36 then forgets what pthread_join() is to give.
                pthread_testcancel();
                pthread_setcanceltype(before.kind, &raw mut off);
            }
        }
    }
}
