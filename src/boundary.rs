//! What makes an export safe: the panic guard, NULL and UTF-8, out-parameters.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_int};
use std::panic::{self, AssertUnwindSafe};
use std::slice;
use std::str;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::outcome::Failure;
use crate::plain_text::{self, plain};

/// The longest argument, in bytes without the NUL: what takes time or memory by its length takes
/// little.
const MAX_ARGUMENT_LENGTH: usize = 64 * 1024;

thread_local! {
    /// Whether this thread is inside the library, where a panic is not printed.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs an export's body: what panics in it ends here, and gives `on_panic`; and pthread_cancel() of
/// this thread waits until it is over.
///
/// glibc cancels a thread by unwinding its frames, from any instruction where the type is asynchronous.
/// It aborts the process where it meets a frame that catches panics or drops something. So the frames
/// that run while the thread can be cancelled, this one and the export's, do neither: exports are
/// `extern "C-unwind"`, with nothing in them but a call of this.
pub fn guard<T: Copy>(on_panic: T, body: impl FnOnce() -> T + Copy) -> T {
    let before = turn_cancellation_off();
    let result = catch(on_panic, body);
    // Where the thread has been cancelled, this may not return.
    restore_cancellation(before);
    result
}

/// Runs `body` with cancellation off. In a frame of its own, also where everything is inlined.
#[inline(never)]
fn catch<T>(on_panic: T, body: impl FnOnce() -> T) -> T {
    silence_panics();
    let outer = GUARDED.replace(true);
    // What the body works on is either its own, or guarded by locks that outlive a panic.
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    GUARDED.set(outer);
    result.unwrap_or_else(|payload| {
        // What `panic!` carries is text. Anything else may panic once more when it is dropped.
        if !(payload.is::<&str>() || payload.is::<String>()) {
            Box::leak(payload);
        }
        on_panic
    })
}

/// How pthread_cancel() acts on this thread.
#[derive(Clone, Copy)]
struct Cancellation {
    state: c_int,
    kind: c_int,
}

// Of glibc and musl.
const PTHREAD_CANCEL_ENABLE: c_int = 0;
const PTHREAD_CANCEL_DISABLE: c_int = 1;
const PTHREAD_CANCEL_DEFERRED: c_int = 0;
const PTHREAD_CANCEL_ASYNCHRONOUS: c_int = 1;

// The libc crate does not have them for glibc. POSIX: they cannot fail with a valid argument. They may
// unwind: that is how glibc ends the thread.
unsafe extern "C-unwind" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    fn pthread_setcanceltype(kind: c_int, before: *mut c_int) -> c_int;
    fn pthread_testcancel();
}

/// From here on, pthread_cancel() of this thread waits. Gives how it was before.
fn turn_cancellation_off() -> Cancellation {
    let mut before = Cancellation {
        state: PTHREAD_CANCEL_ENABLE,
        kind: PTHREAD_CANCEL_DEFERRED,
    };
    // Miri does not have them.
    if !cfg!(miri) {
        // The type as well: before glibc 2.34, a signal that is on its way would cancel the thread
        // whatever the state is.
        // SAFETY: the pointers may be written to, and no frame from here to the host has anything to
        // drop.
        unsafe {
            pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before.state);
            pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &raw mut before.kind);
        }
    }
    before
}

/// Puts it back. Acts at once on what waits, where the type is asynchronous.
fn restore_cancellation(before: Cancellation) {
    let mut off = 0;
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

/// Nothing is printed on the host's terminal. The hook is that of this library's own copy of Rust's
/// standard library, and lets panics elsewhere (in a test, say) be printed as ever.
fn silence_panics() {
    static SILENCED: AtomicBool = AtomicBool::new(false);
    if SILENCED.load(Ordering::Relaxed) || SILENCED.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !GUARDED.get() {
            before(info);
        }
    }));
}

/// What a pointer from C points to.
///
/// # Errors
///
/// `ITNIO_INVALID_ARGUMENT` for NULL, with the `field`'s name.
///
/// # Safety
///
/// `pointer` is NULL, or points to a valid `T` that nobody changes during `'a`.
pub unsafe fn borrow<'a, T>(pointer: *const T, field: &str) -> Result<&'a T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::invalid(field, "NULL"))
}

/// A string from C that may be left out.
///
/// # Errors
///
/// `ITNIO_INVALID_ARGUMENT` for one that is not UTF-8 or is longer than 64 KiB, with the `field`'s name.
///
/// # Safety
///
/// `string` is NULL, or NUL-terminated and unchanged during `'a`.
pub unsafe fn optional<'a>(string: *const c_char, field: &str) -> Result<Option<&'a str>, Failure> {
    if string.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and for the rest the caller's promise.
    let length = unsafe { libc::strnlen(string, MAX_ARGUMENT_LENGTH + 1) };
    if length > MAX_ARGUMENT_LENGTH {
        return Err(Failure::invalid(field, "longer than 64 KiB"));
    }
    // SAFETY: there are as many bytes before the NUL, and for the rest the caller's promise.
    let bytes = unsafe { slice::from_raw_parts(string.cast(), length) };
    str::from_utf8(bytes)
        .map(Some)
        .map_err(|_| Failure::invalid(field, "not UTF-8"))
}

/// A string from C that has to be there.
///
/// # Errors
///
/// `ITNIO_INVALID_ARGUMENT` for NULL, and as for [`optional`], with the `field`'s name.
///
/// # Safety
///
/// As for [`optional`].
pub unsafe fn required<'a>(string: *const c_char, field: &str) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    unsafe { optional(string, field) }?.ok_or_else(|| Failure::invalid(field, "NULL"))
}

/// An out-parameter, which the caller may leave out.
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Writes `initial` at once, so that it is written however the call ends.
    ///
    /// # Safety
    ///
    /// `pointer` is NULL, or may be written to for as long as this lives.
    pub unsafe fn new(pointer: *mut T, initial: T) -> Out<T> {
        let mut out = Out(pointer);
        out.set(initial);
        out
    }

    /// Writes `value`, where the caller wants it.
    pub fn set(&mut self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not NULL, and for the rest the promise made to `new`.
            unsafe { self.0.write(value) };
        }
    }

    /// Whether the caller wants it.
    pub fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }
}

impl Out<*mut c_char> {
    /// Hands a string out as it is, where the caller wants it. It has no NUL.
    pub fn set_text(&mut self, text: &str) {
        if self.is_wanted() {
            self.set(CString::new(text).unwrap_or_default().into_raw());
        }
    }

    /// Hands a reason out: plain text of at most [`plain_text::MAX_LENGTH`] bytes.
    pub fn set_reason(&mut self, reason: &str) {
        let reason = plain(reason);
        let end = (0..=plain_text::MAX_LENGTH.min(reason.len()))
            .rev()
            .find(|end| reason.is_char_boundary(*end))
            .unwrap_or_default();
        self.set_text(reason.get(..end).unwrap_or_default());
    }
}

/// Takes back a string that [`Out::set_text`] handed out.
///
/// # Safety
///
/// `string` is NULL, or was handed out and not taken back yet.
pub unsafe fn free_string(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: `set_text` had it from `CString::into_raw`; the rest is the caller's promise.
        drop(unsafe { CString::from_raw(string) });
    }
}

/// Hands an object out.
pub fn give<T>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

/// Takes back an object that [`give`] handed out.
///
/// # Safety
///
/// `object` is NULL, or was handed out and not taken back yet, and nobody uses it.
pub unsafe fn take<T>(object: *mut T) -> Option<T> {
    if object.is_null() {
        return None;
    }
    // SAFETY: `give` had it from `Box::into_raw`; the rest is the caller's promise.
    Some(*unsafe { Box::from_raw(object) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    fn handed_out(hand: impl FnOnce(&mut Out<*mut c_char>)) -> String {
        let mut string = ptr::null_mut();
        // SAFETY: `string` outlives `out`.
        let mut out = unsafe { Out::new(&raw mut string, ptr::null_mut()) };
        hand(&mut out);
        // SAFETY: just handed out.
        let text = unsafe { required(string, "string") }.unwrap().to_owned();
        // SAFETY: handed out once, taken back once.
        unsafe { free_string(string) };
        text
    }

    #[test]
    fn a_reason_is_one_line_of_at_most_a_kibibyte() {
        assert_eq!(
            handed_out(|out| out.set_reason("a\0b\r\nc\u{85}d\u{2028}e\x7f")),
            "a b  c d e "
        );
        let long = handed_out(|out| out.set_reason(&"é".repeat(2000)));
        assert_eq!(long.len(), 1024);
        let odd = handed_out(|out| out.set_reason(&format!("x{}", "é".repeat(2000))));
        assert_eq!(odd.len(), 1023);
    }

    #[test]
    fn a_panic_ends_at_the_guard_and_prints_nothing() {
        assert_eq!(guard(7, || panic!("not to be seen")), 7);
        assert_eq!(guard(7, || 8), 8);
        assert!(!GUARDED.get());
    }

    #[test]
    fn null_and_bad_text_name_the_field() {
        // SAFETY: NULL, and literals with a NUL at their end.
        unsafe {
            assert_eq!(
                required(ptr::null(), "callee").unwrap_err().reason,
                "callee: NULL"
            );
            assert_eq!(optional(ptr::null(), "callee").unwrap(), None);
            assert_eq!(
                required(c"\xff".as_ptr(), "callee").unwrap_err().reason,
                "callee: not UTF-8"
            );
            assert_eq!(
                borrow::<u8>(ptr::null(), "request").unwrap_err().reason,
                "request: NULL"
            );
        }
    }

    #[test]
    fn an_object_is_taken_back_once() {
        let given = give(5);
        // SAFETY: handed out once, taken back once.
        assert_eq!(unsafe { take(given) }, Some(5));
        // SAFETY: NULL.
        assert_eq!(unsafe { take(ptr::null_mut::<u8>()) }, None);
    }
}
