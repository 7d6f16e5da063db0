//! What the targets share: the C API called as C calls it, and what it gave back.

use std::ffi::{CStr, c_char};
use std::ptr;

use itnio::ffi::exports::*;
use itnio::ffi::result::itnio_result::{self, *};

use crate::unicode;

/// A client, or the reason against it.
pub fn client(config: &itnio_config) -> Result<*mut itnio_client, (itnio_result, String)> {
    let (mut client, mut reason) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `config` is valid, and the out-parameters are live.
    let result = unsafe { itnio_client_new(config, &raw mut client, &raw mut reason) };
    let reason = taken(reason);
    assert_eq!(result == ITNIO_OK, !client.is_null());
    match reason {
        None => Ok(client),
        Some(reason) => {
            check_reason(result, &reason);
            Err((result, reason))
        }
    }
}

/// What a call gave.
#[derive(Debug)]
#[allow(dead_code, reason = "each target looks at a part of it")]
pub struct Reply {
    pub result: itnio_result,
    /// The API's status, where the response has one.
    pub status: Option<i32>,
    pub recording_id: Option<String>,
    pub reason: Option<String>,
}

/// Places a call, and checks what holds for every call.
pub fn send(client: *const itnio_client, request: &itnio_sip_request) -> Reply {
    let (mut status, mut id, mut reason) = (1, ptr::null_mut(), ptr::null_mut());
    // SAFETY: the client and the request are valid, and the out-parameters are live.
    let result = unsafe {
        itnio_send_sip(
            client,
            request,
            &raw mut status,
            &raw mut id,
            &raw mut reason,
        )
    };
    let (recording_id, reason) = (taken(id), taken(reason));
    let is_ok = result == ITNIO_OK;
    let results: &[_] = match (status != ITNIO_NO_STATUS).then_some(status) {
        None => {
            assert!(!is_ok && result != ITNIO_REJECTED);
            &[result]
        }
        // A refusal is one, unless it came before the request had arrived.
        Some(..0) => &[ITNIO_REJECTED, ITNIO_BAD_RESPONSE],
        Some(0) => &[ITNIO_OK, ITNIO_HTTP_ERROR, ITNIO_BAD_RESPONSE],
        Some(1..) => &[ITNIO_HTTP_ERROR, ITNIO_BAD_RESPONSE],
    };
    assert!(results.contains(&result), "{result:?}, status {status}");
    assert_eq!(is_ok, recording_id.is_some());
    assert_eq!(is_ok, reason.is_none());
    if let Some(reason) = &reason {
        check_reason(result, reason);
    }
    Reply {
        result,
        status: (status != ITNIO_NO_STATUS).then_some(status),
        recording_id,
        reason,
    }
}

fn check_reason(result: itnio_result, reason: &str) {
    assert_ne!(result, ITNIO_INTERNAL_ERROR, "{reason}");
    assert!(
        reason.len() <= 1024 && !unicode::has_hidden(reason),
        "{reason:?}"
    );
}

fn taken(string: *mut c_char) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the library has just handed it out.
    let text = unsafe { CStr::from_ptr(string) }
        .to_str()
        .expect("UTF-8")
        .to_owned();
    // SAFETY: it is freed once.
    unsafe { itnio_free_string(string) };
    Some(text)
}
