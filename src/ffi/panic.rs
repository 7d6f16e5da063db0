//! What surrounds every export: a panic ends there, and the cancellation of a thread waits.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys;

thread_local! {
    /// Whether this thread is inside the library, where a panic is not printed.
    static IN_LIBRARY: Cell<bool> = const { Cell::new(false) };
}

/// Runs an export's body: what panics in it ends here, and gives `on_panic`; and pthread_cancel() of
/// this thread waits until it is over.
///
/// glibc cancels a thread by unwinding its frames, from any instruction where the type is asynchronous.
/// It aborts the process where it meets a frame that catches panics or drops something. So the frames
/// that run while the thread can be cancelled, this one and the export's, do neither: exports are
/// `extern "C-unwind"`, with nothing in them but a call of this.
pub fn catch_panic<T: Copy>(on_panic: T, body: impl FnOnce() -> T + Copy) -> T {
    let before = sys::disable_thread_cancel();
    let result = run(on_panic, body);
    // Where the thread has been cancelled, this may not return.
    sys::restore_thread_cancel(before);
    result
}

/// Runs `body` with cancellation off. In a frame of its own, also where everything is inlined.
#[inline(never)]
fn run<T>(on_panic: T, body: impl FnOnce() -> T) -> T {
    silence_panics();
    let outer = IN_LIBRARY.replace(true);
    // What the body works on is either its own, or guarded by locks that outlive a panic.
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    IN_LIBRARY.set(outer);
    result.unwrap_or_else(|payload| {
        // What `panic!` carries is text. Anything else may panic once more when it is dropped.
        if !(payload.is::<&str>() || payload.is::<String>()) {
            Box::leak(payload);
        }
        on_panic
    })
}

/// Nothing is printed on the host's terminal. The hook is that of this library's own copy of Rust's
/// standard library, and lets panics elsewhere (in a test, say) be printed as ever.
fn silence_panics() {
    static SILENCED: AtomicBool = AtomicBool::new(false);
    if SILENCED.load(Ordering::Relaxed) || SILENCED.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !IN_LIBRARY.get() {
            before(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_export_and_prints_nothing() {
        assert_eq!(catch_panic(7, || panic!("not to be seen")), 7);
        assert_eq!(catch_panic(7, || 8), 8);
        assert!(!IN_LIBRARY.get());
    }
}
