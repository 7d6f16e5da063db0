//! C's pointers: NULL and UTF-8 in arguments, out-parameters, what is handed out and taken back.

use std::ffi::{CString, c_char};
use std::slice;
use std::str;

use crate::error::Error;
use crate::plain_text::{self, plain};

/// The longest argument, in bytes without the NUL: what takes time or memory by its length takes
/// little.
const MAX_ARGUMENT_LENGTH: usize = 64 * 1024;

/// What a pointer from C points to. Fails for NULL, with the `field`'s name.
///
/// # Safety
///
/// `pointer` is NULL, or points to a valid `T` that nobody changes during `'a`.
pub unsafe fn borrow<'a, T>(pointer: *const T, field: &str) -> Result<&'a T, Error> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| Error::invalid(field, "NULL"))
}

/// A string from C that may be left out. Fails for one that is not UTF-8 or longer than 64 KiB, with the
/// `field`'s name.
///
/// # Safety
///
/// `string` is NULL, or NUL-terminated and unchanged during `'a`.
pub unsafe fn optional<'a>(string: *const c_char, field: &str) -> Result<Option<&'a str>, Error> {
    if string.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and for the rest the caller's promise.
    let length = unsafe { libc::strnlen(string, MAX_ARGUMENT_LENGTH + 1) };
    if length > MAX_ARGUMENT_LENGTH {
        return Err(Error::invalid(field, "longer than 64 KiB"));
    }
    // SAFETY: there are as many bytes before the NUL, and for the rest the caller's promise.
    let bytes = unsafe { slice::from_raw_parts(string.cast(), length) };
    str::from_utf8(bytes)
        .map(Some)
        .map_err(|_| Error::invalid(field, "not UTF-8"))
}

/// A string from C that has to be there. Fails for NULL, and as [`optional`] does.
///
/// # Safety
///
/// As for [`optional`].
pub unsafe fn required<'a>(string: *const c_char, field: &str) -> Result<&'a str, Error> {
    // SAFETY: the caller's promise.
    unsafe { optional(string, field) }?.ok_or_else(|| Error::invalid(field, "NULL"))
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
        if self.is_wanted() {
            // SAFETY: not NULL, and for the rest the promise made to `new`.
            unsafe { self.0.write(value) };
        }
    }

    /// Fails for NULL, with the `parameter`'s name.
    pub fn require(&self, parameter: &str) -> Result<(), Error> {
        let is_wanted = self.is_wanted().then_some(());
        is_wanted.ok_or_else(|| Error::invalid(parameter, "NULL"))
    }

    fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }
}

impl<T> Out<*mut T> {
    /// Hands out what `make` gives, where the caller wants it.
    pub fn set_if_wanted(&mut self, make: impl FnOnce() -> *mut T) {
        if self.is_wanted() {
            self.set(make());
        }
    }
}

impl Out<*mut c_char> {
    /// Hands a reason out: plain text of at most [`plain_text::MAX_LENGTH`] bytes.
    pub fn set_reason(&mut self, reason: &str) {
        let reason = plain(reason);
        let end = (0..=plain_text::MAX_LENGTH.min(reason.len()))
            .rev()
            .find(|end| reason.is_char_boundary(*end))
            .unwrap_or_default();
        self.set_if_wanted(|| string_into_raw(reason.get(..end).unwrap_or_default()));
    }
}

/// Hands a string out as it is. It has no NUL.
pub fn string_into_raw(text: &str) -> *mut c_char {
    CString::new(text).unwrap_or_default().into_raw()
}

/// Takes back a string that [`string_into_raw`] handed out.
///
/// # Safety
///
/// `string` is NULL, or was handed out and not taken back yet.
pub unsafe fn free_string(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: `string_into_raw` had it from `CString::into_raw`; the rest is the caller's promise.
        drop(unsafe { CString::from_raw(string) });
    }
}

/// Hands an object out.
pub fn into_raw<T>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

/// Takes back an object that [`into_raw`] handed out.
///
/// # Safety
///
/// `object` is NULL, or was handed out and not taken back yet, and nobody uses it.
pub unsafe fn from_raw<T>(object: *mut T) -> Option<T> {
    if object.is_null() {
        return None;
    }
    // SAFETY: `into_raw` had it from `Box::into_raw`; the rest is the caller's promise.
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
        let given = into_raw(5);
        // SAFETY: handed out once, taken back once.
        assert_eq!(unsafe { from_raw(given) }, Some(5));
        // SAFETY: NULL.
        assert_eq!(unsafe { from_raw(ptr::null_mut::<u8>()) }, None);
    }
}
