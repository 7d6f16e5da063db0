//! libitnio: place a phone call through the Itniotech voice API, from C.
//!
//! The library asks the API to place a call (`voice/sendSip`), waits for the response, and says
//! whether the call was placed. Its promises:
//!
//!   - A request that may have reached the API is never sent again: one call, one ring.
//!   - Every failure says whether the phone may have rung: itnio_may_have_dialed().
//!   - Where that is in doubt, itnio_find_call() looks into the API's records of calls.
//!
//! A call, in full:
//!
//!     itnio_config config = {0};
//!     config.api_key = "...";
//!     config.api_secret = "...";
//!
//!     itnio_client *client;
//!     char *id, *reason;
//!     if (itnio_client_new(&config, &client, &reason) == ITNIO_OK) {
//!         itnio_sip_request request = {0};
//!         request.callee = "4915112345678";
//!         request.account = "1001";
//!         request.app_id = "my-app";
//!         itnio_result result = itnio_send_sip(client, &request, NULL, &id, &reason);
//!         if (result == ITNIO_OK)
//!             printf("placed, recording %s\n", id);
//!         else if (itnio_may_have_dialed(result))
//!             printf("in doubt, see itnio_find_call(): %s\n", reason);
//!         else
//!             printf("not placed: %s\n", reason);
//!         itnio_free_string(id);
//!         itnio_free_string(reason);
//!         itnio_client_free(client);
//!     }
//!
//! Input. All strings are NUL-terminated UTF-8 of at most 64 KiB. Zero-initialise the structs: a zero field
//! means its default, or "not given". Their reserved fields become real ones in later versions; a library that
//! finds one set which it does not know says that it is too old for the program. The library copies what it keeps, so that arguments need to live for
//! the duration of a call only. A mistake in an argument crashes nothing and sends nothing; it is
//! ITNIO_INVALID_ARGUMENT, with a reason that names the field.
//!
//! Output. Each out-parameter may be NULL where it is not wanted; the others are always written,
//! whatever the result. A string that is handed out is freed with itnio_free_string(), once, and with
//! nothing else; records with itnio_records_free(). Strings that are returned as `const char *` are static.
//!
//! Times. Those of arguments, and Unix seconds in records, are of this host's clock, and the server's those of its
//! own: where its responses show that it has another time, the library converts them.
//!
//! Threads. Make one client per account and share it: every function may be called from any thread
//! at any time, on the same client too, but for itnio_client_free(), which needs every call on that
//! client to have returned. Calls block. 64 KiB of stack are enough. A thread that is cancelled inside a
//! call, whichever its cancellation type, is cancelled once the call has returned, or at its very end.
//!
//! Forks. A client may be used on in the parent and in the children of a fork, however they were made:
//! fork(), _Fork(), clone(2). Each process has connections of its own; what a child does,
//! itnio_client_shutdown() and itnio_client_free() included, does not reach its parent's. A child that shares
//! its parent's memory (vfork(), CLONE_VM), or that was forked by a signal handler inside a call, may only
//! exec or _exit.
//!
//! Descriptors. The library's are 3 and up, and close-on-exec. A host that closes descriptors which it has not
//! opened (closefrom(), a loop up to the limit) does it before the client is made, or makes a new one: calls
//! that find theirs gone end within their time, and nothing of the host's is shut down or closed in their
//! place. But a socket of the host's that has got the number of an idle connection may be sent a request.
//!
//! Memory. Where the system has no memory for an allocation of the library's, the process is ended by
//! abort(), after a message on standard error that says so: there is no result for it. (Linux grants memory
//! before it has it, so that this takes a limit, such as RLIMIT_AS.) What a call takes is bounded by the
//! limits on its fields and on responses: 1 KiB for an ordinary one, and at most 6 MiB. Responses with records
//! are read up to 1 MiB each; the records handed out take what their texts take. An idle connection
//! takes some 20 KiB, twice that through an `https://` proxy, and a client up to 150 KiB, without the authorities
//! that it trusts (those of a system take some 100 KiB).
//!
//! Process behaviour. But for that message nothing is printed, no signal disposition is changed, SIGPIPE is
//! never raised, and the environment is read in itnio_client_new() only, and not at all in a program with more
//! rights than its caller (setuid, setgid, file capabilities). Only a DNS lookup that has timed out leaves a
//! thread behind after a call, since getaddrinfo() cannot be cancelled: the library therefore stays mapped
//! after dlclose().

use std::ffi::{c_char, c_void};
use std::ptr;
use std::time::Duration;

use super::panic::catch_panic;
use super::pointers::{self, Out};
use super::records::{itnio_record, itnio_records};
use super::result::itnio_result::{ITNIO_INTERNAL_ERROR, ITNIO_OK};
use super::result::{self, itnio_result};
use crate::api::client::{Client, Config};
use crate::api::find_call::in_doubt;
use crate::api::find_records::RecordQuery;
use crate::api::record::Record;
use crate::api::response;
use crate::api::send_sip::SipRequest;
use crate::error::Error;
use crate::wipe;

/// What `*status` is where the API did not answer with a status: `INT32_MIN`.
pub const ITNIO_NO_STATUS: i32 = i32::MIN;

/// Asks one account's calls of the API, over connections that it keeps between them. Share it
/// between threads.
#[allow(non_camel_case_types, reason = "a C name")]
pub struct itnio_client(Client);

/// What a client is made from. Zero-initialise it: a zero field means its default.
#[allow(non_camel_case_types, reason = "a C name")]
#[repr(C)]
pub struct itnio_config {
    /// Required: the account's API key. Not empty, and without control characters.
    pub api_key: *const c_char,
    /// Required: the account's API secret. Not empty, and without control characters. The client's
    /// copy is wiped when the client is freed; wipe your own copy yourself.
    pub api_secret: *const c_char,
    /// The URL up to, and without, `/sendSip`. NULL: `https://api.itniotech.com/voice`. It is
    /// `https://`; `http://` is accepted for loopback hosts only. It has no user, query or fragment. An account of
    /// another brand of the API has another one: `https://api.onbuka.com/v3/voice`,
    /// `https://api.laaffic.com/v3/voice`.
    pub base_url: *const c_char,
    /// A regular file of at most 16 MiB with the certificates of the authorities to trust, in PEM (OpenSSL's
    /// "TRUSTED CERTIFICATE", too) or in DER, used instead of the system's trust store. Those that cannot be
    /// read are passed over, and where there is no other, the reason says what is wrong. NULL: the system's.
    /// Verification cannot be switched off. An `http://` base URL does not look at it.
    pub ca_file: *const c_char,
    /// The proxy to tunnel through, such as `http://user:password@proxy:3128`. Its scheme is `http://` (CONNECT;
    /// also where there is no scheme), `https://` (CONNECT inside TLS with the proxy, whose certificate has to come
    /// from the authorities that are trusted for the API's), `socks5h://` or `socks://` (SOCKS5, where the proxy
    /// looks up the host) or `socks5://` (where the host is looked up here). The port is 80, 443 or 1080 where it
    /// has none. Special characters in a user name or password are written as `%XX`. No request goes past a proxy
    /// that fails.
    /// NULL: what the environment says, in the first of `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY`
    /// that is not empty, unless the first of `no_proxy`, `NO_PROXY` that is not empty names the host: a list of
    /// hosts, domains and networks (`10.0.0.0/8`), or `*`, as curl 8 reads it. `""`: no proxy. An `http://` base
    /// URL does not look at it.
    pub proxy: *const c_char,
    /// The most that a connection may take, in milliseconds: DNS, TCP, proxy and TLS together,
    /// within `timeout_ms`. 0: 5000.
    pub connect_timeout_ms: u32,
    /// The most that a call may take, in milliseconds, whatever the server does. 0: 30000. Time in which the
    /// machine sleeps counts, so that no call is placed hours late when it wakes up.
    pub timeout_ms: u32,
    /// For fields of later versions. NULL.
    pub reserved: [*const c_void; 4],
}

/// A call to place. Zero-initialise it: NULL in an optional field leaves it out of the request. The server
/// checks the documentation's rules on numbers and lengths (status -22).
#[allow(non_camel_case_types, reason = "a C name")]
#[repr(C)]
pub struct itnio_sip_request {
    /// Required: the number to call, by the documentation 7 to 15 digits, country code and number.
    pub callee: *const c_char,
    /// The number to show, by the documentation 7 to 15 digits. NULL: left out.
    pub display_num: *const c_char,
    /// Required: the phone's account.
    pub account: *const c_char,
    /// Required: the voice application's ID.
    pub app_id: *const c_char,
    /// Text that goes with the call, by the documentation up to 1000 characters. NULL: left out.
    pub called_info: *const c_char,
    /// The most that this call may take, in milliseconds. 0: the client's `timeout_ms`.
    pub timeout_ms: u32,
    /// For fields of later versions. NULL.
    pub reserved: [*const c_void; 4],
}

/// Which records itnio_find_records() looks for. Zero-initialise it: NULL in a field means any.
#[allow(non_camel_case_types, reason = "a C name")]
#[repr(C)]
pub struct itnio_record_query {
    /// Required: calls that were submitted at this time or later, in Unix seconds of this host's clock. The
    /// API's documentation has records of the last two months.
    pub since: i64,
    /// Calls that were submitted at this time or before, in the same way. 0: now.
    pub until: i64,
    /// The number that was called.
    pub callee: *const c_char,
    /// The number that was shown.
    pub display_num: *const c_char,
    /// The phone's name (which is not its account).
    pub phone_name: *const c_char,
    /// The name of the phone's group.
    pub phone_group: *const c_char,
    /// The most records that are handed out, the newest ones. 0: 100.
    pub max_records: u32,
    /// The most that it may take, in milliseconds, however many pages there are. 0: the client's `timeout_ms`.
    pub timeout_ms: u32,
    /// For fields of later versions. NULL.
    pub reserved: [*const c_void; 4],
}

/// Makes a client. Reads the certificates and the environment; connects to nothing.
///
/// `config` is read during the call only. `*client` is the new client, to be freed with
/// itnio_client_free(), or NULL where the result is not `ITNIO_OK`. `*reason` is NULL on `ITNIO_OK`, else
/// one line of text that names the field, to be freed with itnio_free_string().
///
/// Returns `ITNIO_OK`; `ITNIO_INVALID_ARGUMENT` for a field that cannot be used (a missing key, a
/// `ca_file` without a usable certificate, an invalid proxy in the environment), or where `client` is NULL;
/// `ITNIO_TLS_FAILED` where the system's trust store cannot be used; `ITNIO_CONNECT_FAILED` where the
/// process has no descriptor left.
///
/// May be called from any thread, as long as no other one changes the environment.
///
/// # Safety
///
/// `config` is NULL or points to a valid struct; its strings are NULL or NUL-terminated. `client` and
/// `reason` are NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_client_new(
    config: *const itnio_config,
    client: *mut *mut itnio_client,
    reason: *mut *mut c_char,
) -> itnio_result {
    catch_panic(ITNIO_INTERNAL_ERROR, || {
        // SAFETY: the caller's promise.
        let mut client = unsafe { Out::new(client, ptr::null_mut()) };
        // SAFETY: the caller's promise.
        let mut reason = unsafe { Out::new(reason, ptr::null_mut()) };
        let made = client
            .require("client")
            // SAFETY: the caller's promise.
            .and_then(|()| unsafe { read_config(config) })
            .and_then(|config| Client::new(&config));
        match made {
            Ok(made) => {
                client.set(pointers::into_raw(itnio_client(made)));
                ITNIO_OK
            }
            Err(error) => {
                reason.set_reason(&error.reason);
                error.kind.into()
            }
        }
    })
}

/// Ends the calls in progress on `client`, and refuses new ones, for good.
///
/// Calls in progress return at once, each with its true result: `ITNIO_SHUT_DOWN` where the request was
/// not sent yet, `ITNIO_CONNECTION_LOST` where it was and the phone may ring; new ones return
/// `ITNIO_SHUT_DOWN`. The client is still to be freed, once they have all returned. NULL is allowed, and
/// so is a second time. In a forked child it ends the child's calls only.
///
/// May be called from any thread, but not from a signal handler.
///
/// # Safety
///
/// `client` is NULL, or a client that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_client_shutdown(client: *const itnio_client) {
    catch_panic((), || {
        // SAFETY: the caller's promise.
        if let Ok(client) = unsafe { pointers::borrow(client, "client") } {
            client.0.shut_down();
        }
    });
}

/// Frees a client, closes its connections, and wipes the secret from memory.
///
/// Every call on the client has to have returned: itnio_client_shutdown() is how to get there. NULL is
/// allowed. In a forked child it closes the child's connections only.
///
/// # Safety
///
/// `client` is NULL, or a client that has not been freed and that nobody uses.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_client_free(client: *mut itnio_client) {
    catch_panic((), || {
        // SAFETY: the caller's promise.
        drop(unsafe { pointers::from_raw(client) });
    });
}

/// Places a call, and waits for the API's response, at most for `timeout_ms`.
///
/// The request is sent at most once. Two cases are proved not to have been a call, and are tried again,
/// once each, within the same time: a reused connection that failed before the whole request was
/// sent, and status -16 (timestamp expires) where the response's `Date` shows a wrong clock. That clock is
/// corrected for later calls, too, once a request has been signed by it and was not refused as expired.
///
/// What a server says before a request is no response to it: the connection is then not used. Nor is one that
/// comes before the whole request has arrived, one with the recording ID of another call of this client, or a
/// refusal with another response behind it. What no caller can tell is a response that belongs to nobody and
/// comes once the request has arrived, before the true one. It is taken for this call's, be it a refusal;
/// and calls that follow on the same connection without a pause may each get the response to the one before.
///
/// `client` and `request` are not changed; the request's strings are read during the call only.
/// `*status` is the status in the response (0 is the API's success), whatever the result, else
/// `ITNIO_NO_STATUS`. `*recording_id` is the recording ID on `ITNIO_OK`, else NULL: as it was received, not
/// blank, and without control, format or bidirectional characters. `*reason` is NULL on `ITNIO_OK`, else
/// one line of text for a log: the API's own reason where it gave one, else what failed, naming the field,
/// the host or the file; at most 1 KiB, without control, format or bidirectional characters, and with
/// neither the secret nor a signature in it. Both strings are freed with itnio_free_string(). Each of the three
/// pointers may be NULL.
///
/// Returns `ITNIO_OK` if and only if the API answered with status 0 and a recording ID; else see
/// `itnio_result`, and ask itnio_may_have_dialed() before trying again.
///
/// May be called from any number of threads at once. Never from a signal handler.
///
/// # Safety
///
/// `client` is NULL or a client that has not been freed, and is not while this runs. `request` is NULL or
/// points to a valid struct; its strings are NULL or NUL-terminated. `status`, `recording_id` and
/// `reason` are NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_send_sip(
    client: *const itnio_client,
    request: *const itnio_sip_request,
    status: *mut i32,
    recording_id: *mut *mut c_char,
    reason: *mut *mut c_char,
) -> itnio_result {
    catch_panic(ITNIO_INTERNAL_ERROR, || {
        // SAFETY: the caller's promise.
        let mut out = unsafe { Outs::new(status, recording_id, reason) };
        // SAFETY: the caller's promise.
        let sent = unsafe { pointers::borrow(client, "client") }.and_then(|client| {
            // SAFETY: the caller's promise.
            let request = unsafe { read_request(request) }?;
            client.0.send_sip(&request)
        });
        out.finish(sent, |id| pointers::string_into_raw(&id))
    })
}

/// Reads the API's record of one call (`voice/recordSip`), by its recording ID.
///
/// It changes nothing, so the request is sent once more where the connection is lost, within the same time.
/// `recording_id` is read during the call only. `*status` is as for itnio_send_sip(): -24 where there is no
/// such record. `*records` has the one record on `ITNIO_OK`, to be freed with itnio_records_free(), else it is
/// NULL. `*reason` is as for itnio_send_sip(). Each of the three pointers may be NULL.
///
/// Returns `ITNIO_OK`, or what became of the request, as itnio_send_sip() does. Nothing that it returns says
/// anything about a phone: do not ask itnio_may_have_dialed().
///
/// May be called from any number of threads at once. Never from a signal handler.
///
/// # Safety
///
/// `client` is NULL or a client that has not been freed, and is not while this runs. `recording_id` is NULL
/// or NUL-terminated. `status`, `records` and `reason` are NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_get_record(
    client: *const itnio_client,
    recording_id: *const c_char,
    status: *mut i32,
    records: *mut *mut itnio_records,
    reason: *mut *mut c_char,
) -> itnio_result {
    catch_panic(ITNIO_INTERNAL_ERROR, || {
        // SAFETY: the caller's promise.
        let mut out = unsafe { Outs::new(status, records, reason) };
        // SAFETY: the caller's promise.
        let found = unsafe { pointers::borrow(client, "client") }.and_then(|client| {
            // SAFETY: the caller's promise.
            let recording_id = unsafe { pointers::required(recording_id, "recording_id") }?;
            let record = client.0.get_record(recording_id)?;
            Ok(vec![record])
        });
        out.finish(found, records_into_raw)
    })
}

/// Reads the API's records of many calls (`voice/recordSipQuery`): all pages, the newest first.
///
/// It changes nothing, so each request is sent once more where its connection is lost, within the same time.
/// `query` and its strings are read during the call only. A record without a time of submission counts as
/// one in the time asked for; one without a recording ID is none. `*status` and `*reason` are as for
/// itnio_send_sip(). `*records` are the records on `ITNIO_OK`, none of them twice, to be freed with
/// itnio_records_free(); else it is NULL. Each of the three pointers may be NULL.
///
/// Returns `ITNIO_OK`, also where there are none, or what became of the first request that failed, as
/// itnio_send_sip() does. `ITNIO_BAD_RESPONSE` also for more than 100,000 calls in 30 days. Nothing that it
/// returns says anything about a phone: do not ask itnio_may_have_dialed().
///
/// May be called from any number of threads at once. Never from a signal handler.
///
/// # Safety
///
/// `client` is NULL or a client that has not been freed, and is not while this runs. `query` is NULL or
/// points to a valid struct; its strings are NULL or NUL-terminated. `status`, `records` and `reason` are NULL
/// or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_find_records(
    client: *const itnio_client,
    query: *const itnio_record_query,
    status: *mut i32,
    records: *mut *mut itnio_records,
    reason: *mut *mut c_char,
) -> itnio_result {
    catch_panic(ITNIO_INTERNAL_ERROR, || {
        // SAFETY: the caller's promise.
        let mut out = unsafe { Outs::new(status, records, reason) };
        // SAFETY: the caller's promise.
        let found = unsafe { pointers::borrow(client, "client") }.and_then(|client| {
            // SAFETY: the caller's promise.
            client.0.find_records(&unsafe { read_query(query) }?)
        });
        out.finish(found, records_into_raw)
    })
}

/// Looks a call up that is in doubt: was one like it placed? For after an itnio_send_sip() whose result makes
/// itnio_may_have_dialed() true, and was not `ITNIO_OK`.
///
/// `request` is the one that was given to itnio_send_sip(); its callee, and its display number where it has
/// one, have to be those of the record. `since` is the time before itnio_send_sip() was called, in Unix
/// seconds (`time(NULL)`); the server's clock is allowed for. The API is asked at once, and where it has no
/// record yet, again with growing pauses, until `patience_ms` is over (0: once); the last request may take
/// the time of a call beyond that. Recording IDs that this client has handed out in this process, by this function
/// too, do not count (nearly all of the last 8,000), and no call is found while another one to the same callee
/// is in progress on it, or where two of its calls to this callee are in doubt. What cannot be told apart is a
/// call that somebody else, a forked process too, placed to the same number since then.
///
/// `*status` is the API's status for the last look, as for itnio_send_sip(). `*recording_id` is the
/// recording ID on `ITNIO_OK`, else NULL; `*reason` is NULL on `ITNIO_OK`, else says why there is none. Both are
/// freed with itnio_free_string(). Each of the three pointers may be NULL.
///
/// Returns `ITNIO_OK` where the call was placed; else `ITNIO_NO_RECORD`, `ITNIO_SEVERAL_RECORDS`,
/// `ITNIO_RECORDS_FAILED` or `ITNIO_INTERNAL_ERROR`. For all of them itnio_may_have_dialed() is true: nothing
/// proves that a call was not placed, not even an argument that is wrong.
///
/// It never places a call. May be called from any number of threads at once; itnio_client_shutdown() ends
/// it. Never from a signal handler.
///
/// # Safety
///
/// As for itnio_send_sip().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_find_call(
    client: *const itnio_client,
    request: *const itnio_sip_request,
    since: i64,
    patience_ms: u32,
    status: *mut i32,
    recording_id: *mut *mut c_char,
    reason: *mut *mut c_char,
) -> itnio_result {
    catch_panic(ITNIO_INTERNAL_ERROR, || {
        // SAFETY: the caller's promise.
        let mut out = unsafe { Outs::new(status, recording_id, reason) };
        // SAFETY: the caller's promise.
        let found = unsafe { pointers::borrow(client, "client") }.and_then(|client| {
            // SAFETY: the caller's promise.
            let request = unsafe { read_request(request) }?;
            let patience = Duration::from_millis(patience_ms.into());
            client.0.find_call(&request, since, patience)
        });
        out.finish(found.map_err(in_doubt), |id| pointers::string_into_raw(&id))
    })
}

/// How many records there are. NULL: 0.
///
/// # Safety
///
/// `records` is NULL, or was handed out and has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_records_count(records: *const itnio_records) -> usize {
    catch_panic(0, || {
        // SAFETY: the caller's promise.
        unsafe { pointers::borrow(records, "records") }.map_or(0, itnio_records::count)
    })
}

/// The record with this index, from 0; NULL where there is none. It lives, with its strings, until
/// itnio_records_free().
///
/// # Safety
///
/// `records` is NULL, or was handed out and has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_records_get(
    records: *const itnio_records,
    index: usize,
) -> *const itnio_record {
    catch_panic(ptr::null(), || {
        // SAFETY: the caller's promise.
        let records = unsafe { pointers::borrow(records, "records") };
        records.map_or(ptr::null(), |records| records.get(index))
    })
}

/// Frees records, and all that itnio_records_get() gave of them. NULL is allowed.
///
/// # Safety
///
/// `records` is NULL, or was handed out and has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_records_free(records: *mut itnio_records) {
    catch_panic((), || {
        // SAFETY: the caller's promise.
        drop(unsafe { pointers::from_raw(records) });
    });
}

/// Frees a string that the library handed out: a recording ID or a reason. NULL is allowed.
///
/// # Safety
///
/// `string` is NULL, or a string that this library handed out and that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn itnio_free_string(string: *mut c_char) {
    catch_panic((), || {
        // SAFETY: the caller's promise.
        unsafe { pointers::free_string(string) };
    });
}

/// Whether a call that ended with this result may have been placed: false means that the phone has not
/// rung and that trying again is safe. Takes any number; an unknown one is true.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn itnio_may_have_dialed(result: i32) -> bool {
    catch_panic(true, || {
        result::from_i32(result).is_none_or(itnio_result::may_have_dialed)
    })
}

/// One line in English that says what a result means. Takes any number. The text is static; never NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn itnio_result_message(result: i32) -> *const c_char {
    let unknown = c"a result that this version of the library does not have";
    catch_panic(unknown, || {
        result::from_i32(result).map_or(unknown, itnio_result::message)
    })
    .as_ptr()
}

/// The meaning that the API's documentation gives to a status, that of its other brands and pages included. Takes
/// any number. The text is static; never NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn itnio_status_message(status: i32) -> *const c_char {
    catch_panic(c"", || response::status_message(status)).as_ptr()
}

/// The version of the library that runs, such as "0.1.0"; `ITNIO_VERSION` is that of the header. The text
/// is static; never NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn itnio_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Hands records out.
fn records_into_raw(records: Vec<Record>) -> *mut itnio_records {
    pointers::into_raw(itnio_records::new(&records))
}

/// The out-parameters of what asks the API.
struct Outs<T> {
    status: Out<i32>,
    output: Out<*mut T>,
    reason: Out<*mut c_char>,
}

impl<T> Outs<T> {
    /// # Safety
    ///
    /// All three are NULL, or may be written to for as long as this lives.
    unsafe fn new(status: *mut i32, output: *mut *mut T, reason: *mut *mut c_char) -> Outs<T> {
        // SAFETY: the caller's promise.
        unsafe {
            Outs {
                status: Out::new(status, ITNIO_NO_STATUS),
                output: Out::new(output, ptr::null_mut()),
                reason: Out::new(reason, ptr::null_mut()),
            }
        }
    }

    /// Writes the result, and what `into_raw` makes of the output where the caller wants it.
    fn finish<O>(
        &mut self,
        result: Result<O, Error>,
        into_raw: impl FnOnce(O) -> *mut T,
    ) -> itnio_result {
        match result {
            Ok(output) => {
                self.status.set(0);
                self.output.set_if_wanted(|| into_raw(output));
                ITNIO_OK
            }
            Err(error) => {
                self.status.set(error.status.unwrap_or(ITNIO_NO_STATUS));
                self.reason.set_reason(&error.reason);
                error.kind.into()
            }
        }
    }
}

/// # Safety
///
/// `config` is NULL or points to a valid struct; its strings are NULL or NUL-terminated. None of that changes
/// during `'a`.
unsafe fn read_config<'a>(config: *const itnio_config) -> Result<Config<'a>, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let config = pointers::borrow(config, "config")?;
        require_null(&config.reserved, "config")?;
        Ok(Config {
            api_key: pointers::required(config.api_key, "api_key")?,
            api_secret: wipe::after(|| pointers::required(config.api_secret, "api_secret"))?,
            base_url: pointers::optional(config.base_url, "base_url")?,
            ca_file: pointers::optional(config.ca_file, "ca_file")?,
            proxy: pointers::optional(config.proxy, "proxy")?,
            connect_timeout_ms: config.connect_timeout_ms,
            timeout_ms: config.timeout_ms,
        })
    }
}

/// # Safety
///
/// As for [`read_config`].
unsafe fn read_request<'a>(request: *const itnio_sip_request) -> Result<SipRequest<'a>, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let request = pointers::borrow(request, "request")?;
        require_null(&request.reserved, "request")?;
        Ok(SipRequest {
            callee: pointers::required(request.callee, "callee")?,
            display_num: pointers::optional(request.display_num, "display_num")?,
            account: pointers::required(request.account, "account")?,
            app_id: pointers::required(request.app_id, "app_id")?,
            called_info: pointers::optional(request.called_info, "called_info")?,
            timeout_ms: request.timeout_ms,
        })
    }
}

/// # Safety
///
/// As for [`read_config`].
unsafe fn read_query<'a>(query: *const itnio_record_query) -> Result<RecordQuery<'a>, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let query = pointers::borrow(query, "query")?;
        require_null(&query.reserved, "query")?;
        Ok(RecordQuery {
            since: query.since,
            until: query.until,
            callee: pointers::optional(query.callee, "callee")?,
            display_num: pointers::optional(query.display_num, "display_num")?,
            phone_name: pointers::optional(query.phone_name, "phone_name")?,
            phone_group: pointers::optional(query.phone_group, "phone_group")?,
            max_records: query.max_records,
            timeout_ms: query.timeout_ms,
        })
    }
}

/// A program that was compiled for a later version may have set a field that this one would pass over.
fn require_null(reserved: &[*const c_void], parameter: &str) -> Result<(), Error> {
    if reserved.iter().all(|field| field.is_null()) {
        return Ok(());
    }
    Err(Error::invalid(
        parameter,
        "made for a later version of the library",
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::mem::offset_of;
    use std::process::{Command, Stdio};

    use super::{itnio_config, itnio_record, itnio_record_query, itnio_sip_request};
    use crate::ffi::result::itnio_result;

    /// C11 that holds C's sizes and offsets to Rust's.
    macro_rules! static_asserts {
        ($($kind:ident { $($field:ident),* })*) => {{
            let mut source = "#include <stddef.h>\n#include <itnio.h>\n".to_owned();
            $(
                let (name, size, align) = (stringify!($kind), size_of::<$kind>(), align_of::<$kind>());
                source += &format!("_Static_assert(sizeof({name}) == {size}, \"{name}\");\n");
                source += &format!("_Static_assert(_Alignof({name}) == {align}, \"{name}\");\n");
                $({
                    let (field, offset) = (stringify!($field), offset_of!($kind, $field));
                    source += &format!("_Static_assert(offsetof({name}, {field}) == {offset}, \"{field}\");\n");
                })*
            )*
            source
        }};
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri starts no compiler")]
    fn structs_and_results_have_the_layout_of_the_header() {
        let source = static_asserts! {
            itnio_config { api_key, api_secret, base_url, ca_file, proxy, connect_timeout_ms, timeout_ms, reserved }
            itnio_sip_request { callee, display_num, account, app_id, called_info, timeout_ms, reserved }
            itnio_record_query { since, until, callee, display_num, phone_name, phone_group, max_records, timeout_ms, reserved }
            itnio_record {
                recording_id, callee, display_num, phone_name, phone_group, region, submit_time, call_time, ringing_time,
                answer_time, hangup_time, submitted_at, called_at, ringing_at, answered_at, hung_up_at, call_duration_s,
                charged_duration_s, termination_code, termination_reason, cost, rate, billing_period, currency,
                recording_file_id
            }
            itnio_result {}
        };
        let mut compiler = Command::new(std::env::var_os("CC").unwrap_or("cc".into()))
            .args(["-std=c11", "-fsyntax-only", "-x", "c"])
            .args(["-I", concat!(env!("CARGO_MANIFEST_DIR"), "/include"), "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = compiler.stdin.take().unwrap();
        input.write_all(source.as_bytes()).unwrap();
        drop(input);
        assert!(compiler.wait().unwrap().success(), "{source}");
    }

    #[test]
    fn every_export_that_runs_code_is_guarded() {
        let source = include_str!("exports.rs");
        let exports: Vec<_> = source.split("#[unsafe(no_mangle)]\n").skip(1).collect();
        let header = include_str!("../../include/itnio.h");
        let is_declaration =
            |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains('(');
        let declared = header.lines().filter(is_declaration).count();
        assert!(header.contains("itnio_send_sip(") && declared > 1);
        assert_eq!(exports.len(), declared);
        for export in exports {
            let body = export.split("\n}").next().unwrap();
            let name = body.split('(').next().unwrap();
            assert!(
                body.contains("catch_panic(") || name.ends_with("itnio_version"),
                "{name}"
            );
            // Else the host is aborted where its thread is cancelled in the guard.
            assert!(name.contains("extern \"C-unwind\" fn"), "{name}");
        }
    }
}
