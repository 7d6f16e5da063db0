//! The C API through the compiled library, as a few Rust types.
//!
//! Every call that any test makes goes through here, so the rules that hold for every call are
//! checked here: out-parameters always written, a reason that is one clean line without a secret.
//!
//! The structs are written by hand and not shared with src/: this is a caller's independent view of the header.

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char, c_void};
use std::fmt::Debug;
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub const OK: i32 = 0;
pub const REJECTED: i32 = 1;
pub const INVALID_ARGUMENT: i32 = 2;
pub const RESOLVE_FAILED: i32 = 3;
pub const CONNECT_FAILED: i32 = 4;
pub const TLS_FAILED: i32 = 5;
pub const PROXY_FAILED: i32 = 6;
pub const SHUT_DOWN: i32 = 7;
pub const TIMED_OUT: i32 = 10;
pub const CONNECTION_LOST: i32 = 11;
pub const HTTP_ERROR: i32 = 12;
pub const BAD_RESPONSE: i32 = 13;
pub const INTERNAL_ERROR: i32 = 14;
pub const NO_RECORD: i32 = 15;
pub const SEVERAL_RECORDS: i32 = 16;
pub const RECORDS_FAILED: i32 = 17;

/// `ITNIO_NO_STATUS`.
pub const NO_STATUS: i32 = i32::MIN;

/// The key and secret of the documentation's own example.
pub const KEY: &str = "bDqJFiq9";
pub const SECRET: &str = "7bz1lzh9";

#[repr(C)]
pub struct RawClient {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct RawConfig {
    pub api_key: *const c_char,
    pub api_secret: *const c_char,
    pub base_url: *const c_char,
    pub ca_file: *const c_char,
    pub proxy: *const c_char,
    pub connect_timeout_ms: u32,
    pub timeout_ms: u32,
    pub reserved: [*const c_void; 4],
}

#[repr(C)]
pub struct RawRequest {
    pub callee: *const c_char,
    pub display_num: *const c_char,
    pub account: *const c_char,
    pub app_id: *const c_char,
    pub called_info: *const c_char,
    pub timeout_ms: u32,
    pub reserved: [*const c_void; 4],
}

#[repr(C)]
pub struct RawQuery {
    pub since: i64,
    pub until: i64,
    pub callee: *const c_char,
    pub display_num: *const c_char,
    pub phone_name: *const c_char,
    pub phone_group: *const c_char,
    pub max_records: u32,
    pub timeout_ms: u32,
    pub reserved: [*const c_void; 4],
}

#[repr(C)]
pub struct RawRecord {
    pub recording_id: *const c_char,
    pub callee: *const c_char,
    pub display_num: *const c_char,
    pub phone_name: *const c_char,
    pub phone_group: *const c_char,
    pub region: *const c_char,
    pub submit_time: *const c_char,
    pub call_time: *const c_char,
    pub ringing_time: *const c_char,
    pub answer_time: *const c_char,
    pub hangup_time: *const c_char,
    pub submitted_at: i64,
    pub called_at: i64,
    pub ringing_at: i64,
    pub answered_at: i64,
    pub hung_up_at: i64,
    pub call_duration_s: i32,
    pub charged_duration_s: i32,
    pub termination_code: *const c_char,
    pub termination_reason: *const c_char,
    pub cost: *const c_char,
    pub rate: *const c_char,
    pub billing_period: *const c_char,
    pub currency: *const c_char,
    pub recording_file_id: *const c_char,
}

#[repr(C)]
pub struct RawRecords {
    _opaque: [u8; 0],
}

/// The functions that the tests call, as the header declares them.
pub struct Api {
    pub client_new:
        unsafe extern "C" fn(*const RawConfig, *mut *mut RawClient, *mut *mut c_char) -> i32,
    pub client_shutdown: unsafe extern "C" fn(*const RawClient),
    pub client_free: unsafe extern "C" fn(*mut RawClient),
    pub send_sip: unsafe extern "C" fn(
        *const RawClient,
        *const RawRequest,
        *mut i32,
        *mut *mut c_char,
        *mut *mut c_char,
    ) -> i32,
    pub get_record: unsafe extern "C" fn(
        *const RawClient,
        *const c_char,
        *mut i32,
        *mut *mut RawRecords,
        *mut *mut c_char,
    ) -> i32,
    pub find_records: unsafe extern "C" fn(
        *const RawClient,
        *const RawQuery,
        *mut i32,
        *mut *mut RawRecords,
        *mut *mut c_char,
    ) -> i32,
    pub find_call: unsafe extern "C" fn(
        *const RawClient,
        *const RawRequest,
        i64,
        u32,
        *mut i32,
        *mut *mut c_char,
        *mut *mut c_char,
    ) -> i32,
    pub records_count: unsafe extern "C" fn(*const RawRecords) -> usize,
    pub records_get: unsafe extern "C" fn(*const RawRecords, usize) -> *const RawRecord,
    pub records_free: unsafe extern "C" fn(*mut RawRecords),
    pub free_string: unsafe extern "C" fn(*mut c_char),
    pub may_have_dialed: unsafe extern "C" fn(i32) -> bool,
    pub result_message: unsafe extern "C" fn(i32) -> *const c_char,
    pub status_message: unsafe extern "C" fn(i32) -> *const c_char,
    pub version: unsafe extern "C" fn() -> *const c_char,
}

/// The library, loaded once and never unloaded.
pub fn api() -> &'static Api {
    static API: OnceLock<Api> = OnceLock::new();
    API.get_or_init(|| {
        // SAFETY: loading runs the library's initialisers, of which it has none of its own.
        let library =
            unsafe { libloading::Library::new(super::library::path()) }.expect("the library loads");
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the header declares it with this type.
                *unsafe { library.get($name) }.expect("the library exports its functions")
            };
        }
        let api = Api {
            client_new: function!(b"itnio_client_new"),
            client_shutdown: function!(b"itnio_client_shutdown"),
            client_free: function!(b"itnio_client_free"),
            send_sip: function!(b"itnio_send_sip"),
            get_record: function!(b"itnio_get_record"),
            find_records: function!(b"itnio_find_records"),
            find_call: function!(b"itnio_find_call"),
            records_count: function!(b"itnio_records_count"),
            records_get: function!(b"itnio_records_get"),
            records_free: function!(b"itnio_records_free"),
            free_string: function!(b"itnio_free_string"),
            may_have_dialed: function!(b"itnio_may_have_dialed"),
            result_message: function!(b"itnio_result_message"),
            status_message: function!(b"itnio_status_message"),
            version: function!(b"itnio_version"),
        };
        std::mem::forget(library);
        api
    })
}

/// `itnio_may_have_dialed`.
pub fn may_have_dialed(result: i32) -> bool {
    // SAFETY: any number is allowed.
    unsafe { (api().may_have_dialed)(result) }
}

/// A string for C. Any bytes but NUL, so that bad UTF-8 can be sent, too.
pub fn text(value: impl Into<Vec<u8>>) -> Option<CString> {
    Some(CString::new(value).expect("no NUL in an argument"))
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// What a caller of a later version may have set: no pointer is looked behind.
fn reserved(values: [usize; 4]) -> [*const c_void; 4] {
    values.map(ptr::without_provenance)
}

/// This host's time, in Unix seconds: what `since` of [`Client::find_call`] is.
pub fn unix_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a time after 1970")
        .as_secs()
        .try_into()
        .expect("a time of this era")
}

/// `itnio_config`; `None` is NULL.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub api_key: Option<CString>,
    pub api_secret: Option<CString>,
    pub base_url: Option<CString>,
    pub ca_file: Option<CString>,
    pub proxy: Option<CString>,
    pub connect_timeout_ms: u32,
    pub timeout_ms: u32,
    pub reserved: [usize; 4],
}

impl Config {
    /// The documentation's key and secret, and no proxy whatever the environment says.
    pub fn new(base_url: &str) -> Config {
        Config {
            api_key: text(KEY),
            api_secret: text(SECRET),
            base_url: text(base_url),
            proxy: text(""),
            ..Config::default()
        }
    }

    pub fn ca_file(mut self, path: &Path) -> Config {
        self.ca_file = text(path.to_str().expect("a UTF-8 path"));
        self
    }

    pub fn proxy(mut self, proxy: &str) -> Config {
        self.proxy = text(proxy);
        self
    }

    pub fn timeout_ms(mut self, milliseconds: u32) -> Config {
        self.timeout_ms = milliseconds;
        self
    }

    pub fn connect_timeout_ms(mut self, milliseconds: u32) -> Config {
        self.connect_timeout_ms = milliseconds;
        self
    }

    /// What no reason may show: the secret, and a password in a URL.
    fn secrets(&self) -> Vec<String> {
        let password = |url: &Option<CString>| {
            let url = url.as_ref()?.to_str().ok()?;
            let (userinfo, _) = url
                .split_once("://")
                .map_or(url, |(_, rest)| rest)
                .split_once('@')?;
            Some(userinfo.split_once(':')?.1.to_owned())
        };
        [
            self.api_secret
                .as_ref()
                .map(|secret| secret.to_string_lossy().into_owned()),
            password(&self.base_url),
            password(&self.proxy),
        ]
        .into_iter()
        .flatten()
        .filter(|secret| secret.len() >= 4)
        .collect()
    }
}

/// `itnio_sip_request`; `None` is NULL.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub callee: Option<CString>,
    pub display_num: Option<CString>,
    pub account: Option<CString>,
    pub app_id: Option<CString>,
    pub called_info: Option<CString>,
    pub timeout_ms: u32,
    pub reserved: [usize; 4],
}

impl Request {
    /// A request with the required fields only.
    pub fn to(callee: &str) -> Request {
        Request {
            callee: text(callee),
            account: text("8001"),
            app_id: text("4"),
            ..Request::default()
        }
    }

    pub fn timeout_ms(mut self, milliseconds: u32) -> Request {
        self.timeout_ms = milliseconds;
        self
    }

    fn raw(&self) -> RawRequest {
        RawRequest {
            callee: pointer(&self.callee),
            display_num: pointer(&self.display_num),
            account: pointer(&self.account),
            app_id: pointer(&self.app_id),
            called_info: pointer(&self.called_info),
            timeout_ms: self.timeout_ms,
            reserved: reserved(self.reserved),
        }
    }
}

/// The longest argument that is allowed, in bytes.
pub const MAX_ARGUMENT: usize = 64 * 1024;

impl Request {
    /// The largest possible request: each control character becomes six bytes of JSON (1.5 MiB in all).
    pub fn large(callee: &str) -> Request {
        let long = text("\u{1}".repeat(MAX_ARGUMENT));
        Request {
            callee: text(callee),
            display_num: long.clone(),
            account: long.clone(),
            app_id: long.clone(),
            called_info: long,
            ..Request::default()
        }
    }
}

/// `itnio_record_query`; `None` is NULL.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub since: i64,
    pub until: i64,
    pub callee: Option<CString>,
    pub display_num: Option<CString>,
    pub phone_name: Option<CString>,
    pub phone_group: Option<CString>,
    pub max_records: u32,
    pub timeout_ms: u32,
    pub reserved: [usize; 4],
}

impl Query {
    /// All calls since then.
    pub fn since(since: i64) -> Query {
        Query {
            since,
            ..Query::default()
        }
    }

    /// The calls to this number since then.
    pub fn to(callee: &str, since: i64) -> Query {
        Query {
            callee: text(callee),
            ..Query::since(since)
        }
    }
}

/// `itnio_record`; `None` is NULL.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub recording_id: String,
    pub callee: Option<String>,
    pub display_num: Option<String>,
    pub phone_name: Option<String>,
    pub phone_group: Option<String>,
    pub region: Option<String>,
    pub submit_time: Option<String>,
    pub call_time: Option<String>,
    pub ringing_time: Option<String>,
    pub answer_time: Option<String>,
    pub hangup_time: Option<String>,
    pub submitted_at: i64,
    pub called_at: i64,
    pub ringing_at: i64,
    pub answered_at: i64,
    pub hung_up_at: i64,
    pub call_duration_s: i32,
    pub charged_duration_s: i32,
    pub termination_code: Option<String>,
    pub termination_reason: Option<String>,
    pub cost: Option<String>,
    pub rate: Option<String>,
    pub billing_period: Option<String>,
    pub currency: Option<String>,
    pub recording_file_id: Option<String>,
}

impl Record {
    /// Copies a record that the library handed out.
    fn copy_of(raw: &RawRecord) -> Record {
        let text = |text: *const c_char| {
            if text.is_null() {
                return None;
            }
            // SAFETY: NUL-terminated, by the contract.
            let text = unsafe { CStr::from_ptr(text) }.to_bytes().to_vec();
            let text = String::from_utf8(text).expect("a record's text is UTF-8");
            assert!(!text.trim().is_empty(), "a record with an empty text");
            assert!(!text.contains(char::is_control), "in a record: {text:?}");
            Some(text)
        };
        let time = |seconds: i64, time: &Option<String>| {
            assert!(seconds == 0 || time.is_some(), "a time without its text");
            seconds
        };
        let duration = |seconds: i32| {
            assert!(seconds >= -1, "a duration of {seconds} s");
            seconds
        };
        let submit_time = text(raw.submit_time);
        let call_time = text(raw.call_time);
        let ringing_time = text(raw.ringing_time);
        let answer_time = text(raw.answer_time);
        let hangup_time = text(raw.hangup_time);
        Record {
            recording_id: text(raw.recording_id).expect("each record has a recording ID"),
            callee: text(raw.callee),
            display_num: text(raw.display_num),
            phone_name: text(raw.phone_name),
            phone_group: text(raw.phone_group),
            region: text(raw.region),
            submitted_at: time(raw.submitted_at, &submit_time),
            called_at: time(raw.called_at, &call_time),
            ringing_at: time(raw.ringing_at, &ringing_time),
            answered_at: time(raw.answered_at, &answer_time),
            hung_up_at: time(raw.hung_up_at, &hangup_time),
            submit_time,
            call_time,
            ringing_time,
            answer_time,
            hangup_time,
            call_duration_s: duration(raw.call_duration_s),
            charged_duration_s: duration(raw.charged_duration_s),
            termination_code: text(raw.termination_code),
            termination_reason: text(raw.termination_reason),
            cost: text(raw.cost),
            rate: text(raw.rate),
            billing_period: text(raw.billing_period),
            currency: text(raw.currency),
            recording_file_id: text(raw.recording_file_id),
        }
    }
}

/// What one `itnio_get_record` or `itnio_find_records` returned.
#[derive(Clone, Debug)]
pub struct RecordsReply {
    pub result: i32,
    pub status: i32,
    pub records: Vec<Record>,
    pub reason: Option<String>,
    pub elapsed: Duration,
}

impl RecordsReply {
    /// The reason, or "" for `ITNIO_OK`.
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }

    /// Fails the test unless the result is `expected`.
    #[track_caller]
    pub fn expect(&self, expected: i32) -> &RecordsReply {
        assert_eq!(self.result, expected, "not the result expected: {self:?}");
        self
    }

    /// Fails the test unless the reason contains `part`.
    #[track_caller]
    pub fn expect_reason(&self, part: &str) -> &RecordsReply {
        assert!(
            self.reason().contains(part),
            "{part:?} is not in the reason: {self:?}"
        );
        self
    }

    /// Fails the test unless the result is `ITNIO_OK`; returns the records' IDs, in their order.
    #[track_caller]
    pub fn recording_ids(&self) -> Vec<&str> {
        self.expect(OK);
        let ids = self.records.iter().map(|record| &*record.recording_id);
        ids.collect()
    }

    /// Fails the test unless there is exactly one record; returns it.
    #[track_caller]
    pub fn record(&self) -> &Record {
        self.expect(OK);
        match &self.records[..] {
            [record] => record,
            _ => panic!("not one record: {self:?}"),
        }
    }
}

/// What one `itnio_send_sip` or `itnio_find_call` returned. (A `Response` is what a server sent.)
#[derive(Clone, Debug)]
pub struct Reply {
    pub result: i32,
    pub status: i32,
    pub recording_id: Option<String>,
    pub reason: Option<String>,
    pub elapsed: Duration,
}

impl Reply {
    /// The reason, or "" for `ITNIO_OK`.
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }

    pub fn may_have_dialed(&self) -> bool {
        may_have_dialed(self.result)
    }

    /// Fails the test unless the result is `expected`.
    #[track_caller]
    pub fn expect(&self, expected: i32) -> &Reply {
        assert_eq!(self.result, expected, "not the result expected: {self:?}");
        self
    }

    /// Fails the test unless the reason contains `part`.
    #[track_caller]
    pub fn expect_reason(&self, part: &str) -> &Reply {
        assert!(
            self.reason().contains(part),
            "{part:?} is not in the reason: {self:?}"
        );
        self
    }

    /// Fails the test unless the call was accepted; returns the recording ID.
    #[track_caller]
    pub fn accepted(&self) -> &str {
        self.expect(OK);
        self.recording_id
            .as_deref()
            .expect("an ID goes with ITNIO_OK")
    }
}

/// What an `itnio_client_new` that failed returned.
#[derive(Clone, Debug)]
pub struct Failure {
    pub result: i32,
    pub reason: String,
}

/// A client, freed when it drops.
#[derive(Debug)]
pub struct Client {
    raw: *mut RawClient,
    secrets: Vec<String>,
}

// SAFETY: the header allows a client to be used from any thread.
unsafe impl Send for Client {}
// SAFETY: as above, also from several at once.
unsafe impl Sync for Client {}

/// The value of an out-parameter before the call: not NULL, and nothing that may be freed.
fn unwritten<T>() -> *mut T {
    ptr::without_provenance_mut(0x5a5a)
}
const UNWRITTEN_STATUS: i32 = 0x5a5a_5a5a;

impl Client {
    pub fn new(config: &Config) -> Result<Client, Failure> {
        let raw_config = RawConfig {
            api_key: pointer(&config.api_key),
            api_secret: pointer(&config.api_secret),
            base_url: pointer(&config.base_url),
            ca_file: pointer(&config.ca_file),
            proxy: pointer(&config.proxy),
            connect_timeout_ms: config.connect_timeout_ms,
            timeout_ms: config.timeout_ms,
            reserved: reserved(config.reserved),
        };
        let (mut raw, mut reason) = (unwritten(), unwritten());
        // SAFETY: all pointers live through the call.
        let result = unsafe { (api().client_new)(&raw_config, &mut raw, &mut reason) };
        assert_ne!(raw, unwritten(), "*client is not written (result {result})");
        let secrets = config.secrets();
        let reason = take(reason, "*reason");
        check_reason(result, reason.as_deref(), &secrets);
        if result == OK {
            assert!(!raw.is_null(), "ITNIO_OK without a client");
            Ok(Client { raw, secrets })
        } else {
            assert!(raw.is_null(), "a client with result {result}");
            Err(Failure {
                result,
                reason: reason.expect("checked above"),
            })
        }
    }

    pub fn send(&self, request: &Request) -> Reply {
        let raw_request = request.raw();
        let reply = reply_of(|status, id, reason| {
            // SAFETY: all pointers live through the call.
            unsafe { (api().send_sip)(self.raw, &raw_request, status, id, reason) }
        });
        check_reply(&reply, &self.secrets);
        reply
    }

    /// Looks for the call that this request has placed at `since` or later.
    pub fn find_call(&self, request: &Request, since: i64, patience: Duration) -> Reply {
        let raw_request = request.raw();
        let patience_ms = patience
            .as_millis()
            .try_into()
            .expect("a time that C can say");
        let reply = reply_of(|status, id, reason| {
            // SAFETY: all pointers live through the call.
            unsafe {
                (api().find_call)(
                    self.raw,
                    &raw_request,
                    since,
                    patience_ms,
                    status,
                    id,
                    reason,
                )
            }
        });
        check_found_call(&reply, &self.secrets);
        reply
    }

    /// The record with this recording ID.
    pub fn get_record(&self, recording_id: &str) -> RecordsReply {
        let recording_id = text(recording_id);
        let reply = records_of(|status, records, reason| {
            let recording_id = pointer(&recording_id);
            // SAFETY: all pointers live through the call.
            unsafe { (api().get_record)(self.raw, recording_id, status, records, reason) }
        });
        check_records(&reply, &self.secrets);
        let expected = usize::from(reply.result == OK);
        assert_eq!(reply.records.len(), expected, "{reply:?}");
        reply
    }

    pub fn find_records(&self, query: &Query) -> RecordsReply {
        let raw_query = RawQuery {
            since: query.since,
            until: query.until,
            callee: pointer(&query.callee),
            display_num: pointer(&query.display_num),
            phone_name: pointer(&query.phone_name),
            phone_group: pointer(&query.phone_group),
            max_records: query.max_records,
            timeout_ms: query.timeout_ms,
            reserved: reserved(query.reserved),
        };
        let reply = records_of(|status, records, reason| {
            // SAFETY: all pointers live through the call.
            unsafe { (api().find_records)(self.raw, &raw_query, status, records, reason) }
        });
        check_records(&reply, &self.secrets);
        reply
    }

    /// A call to this number.
    pub fn call(&self, callee: &str) -> Reply {
        self.send(&Request::to(callee))
    }

    /// `calls` calls from each of `threads` threads at once, to `callee(thread, call)`.
    pub fn call_from_threads(
        &self,
        threads: usize,
        calls: usize,
        callee: impl Fn(usize, usize) -> String + Sync,
    ) -> Vec<(String, Reply)> {
        let callee = &callee;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|thread| {
                    scope.spawn(move || {
                        (0..calls)
                            .map(|call| callee(thread, call))
                            .map(|callee| (callee.clone(), self.call(&callee)))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("a thread"))
                .collect()
        })
    }

    pub fn shutdown(&self) {
        // SAFETY: the client is alive.
        unsafe { (api().client_shutdown)(self.raw) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: no call is in progress, and none follows.
        unsafe { (api().client_free)(self.raw) }
    }
}

/// Takes over a string that the library handed out.
fn take(string: *mut c_char, name: &str) -> Option<String> {
    assert_ne!(string, unwritten(), "{name} is not written");
    if string.is_null() {
        return None;
    }
    // SAFETY: NUL-terminated, by the contract.
    let bytes = unsafe { CStr::from_ptr(string) }.to_bytes().to_vec();
    // SAFETY: the library's own string, freed once.
    unsafe { (api().free_string)(string) };
    Some(String::from_utf8(bytes).unwrap_or_else(|error| panic!("{name} is not UTF-8: {error:?}")))
}

/// Makes a call that hands out a recording ID, with a value in each out-parameter.
fn reply_of(call: impl FnOnce(*mut i32, *mut *mut c_char, *mut *mut c_char) -> i32) -> Reply {
    let (mut status, mut id, mut reason) = (UNWRITTEN_STATUS, unwritten(), unwritten());
    let started = Instant::now();
    let result = call(&mut status, &mut id, &mut reason);
    Reply {
        result,
        status,
        recording_id: take(id, "*recording_id"),
        reason: take(reason, "*reason"),
        elapsed: started.elapsed(),
    }
}

/// Makes a call that hands out records, with a value in each out-parameter.
fn records_of(
    call: impl FnOnce(*mut i32, *mut *mut RawRecords, *mut *mut c_char) -> i32,
) -> RecordsReply {
    let (mut status, mut records, mut reason) = (UNWRITTEN_STATUS, unwritten(), unwritten());
    let started = Instant::now();
    let result = call(&mut status, &mut records, &mut reason);
    let elapsed = started.elapsed();
    assert_ne!(records, unwritten(), "*records is not written");
    assert_eq!(
        records.is_null(),
        result != OK,
        "records and result {result}"
    );
    RecordsReply {
        result,
        status,
        records: take_records(records),
        reason: take(reason, "*reason"),
        elapsed,
    }
}

/// Takes over records that the library handed out.
fn take_records(records: *mut RawRecords) -> Vec<Record> {
    let api = api();
    // SAFETY: the library's own records, or NULL, alive until they are freed below, once.
    unsafe {
        let count = (api.records_count)(records);
        let get = |index| (api.records_get)(records, index);
        assert!(get(count).is_null() && get(usize::MAX).is_null());
        let copies = (0..count)
            .map(|index| Record::copy_of(get(index).as_ref().expect("a record")))
            .collect();
        (api.records_free)(records);
        copies
    }
}

/// The rules for whatever `itnio_send_sip` returns.
fn check_reply(reply: &Reply, secrets: &[String]) {
    assert!(
        matches!(reply.result, OK..=SHUT_DOWN | TIMED_OUT..=INTERNAL_ERROR),
        "not a result of the table: {reply:?}"
    );
    check_recording_id(reply);
    check_status(reply.result, reply.status, reply);
    check_reason(reply.result, reply.reason.as_deref(), secrets);
}

/// The rules for whatever `itnio_find_call` returns.
fn check_found_call(reply: &Reply, secrets: &[String]) {
    assert!(
        matches!(reply.result, OK | INTERNAL_ERROR..=RECORDS_FAILED),
        "not a result of a look for a call: {reply:?}"
    );
    assert!(reply.may_have_dialed(), "nothing proves that: {reply:?}");
    check_recording_id(reply);
    assert_ne!(
        reply.status, UNWRITTEN_STATUS,
        "*status is not written: {reply:?}"
    );
    // The API has answered the last look, be it with an empty list.
    if matches!(reply.result, OK | NO_RECORD | SEVERAL_RECORDS) {
        assert_eq!(reply.status, 0, "{reply:?}");
    }
    check_reason(reply.result, reply.reason.as_deref(), secrets);
}

/// The rules for whatever hands out records.
fn check_records(reply: &RecordsReply, secrets: &[String]) {
    assert!(
        matches!(reply.result, OK..=SHUT_DOWN | TIMED_OUT..=INTERNAL_ERROR),
        "not a result of the table: {reply:?}"
    );
    check_status(reply.result, reply.status, reply);
    check_reason(reply.result, reply.reason.as_deref(), secrets);
    let ids = reply.records.iter().map(|record| &record.recording_id);
    let ids: HashSet<_> = ids.collect();
    assert_eq!(ids.len(), reply.records.len(), "one twice: {reply:?}");
}

fn check_recording_id(reply: &Reply) {
    assert_eq!(
        reply.recording_id.is_some(),
        reply.result == OK,
        "ID and result: {reply:?}"
    );
    if let Some(id) = &reply.recording_id {
        assert!(
            !id.is_empty() && !id.contains(char::is_control),
            "a bad ID: {reply:?}"
        );
    }
}

/// The rules for every status, but for that of [`Client::find_call`].
fn check_status(result: i32, status: i32, reply: &dyn Debug) {
    assert_ne!(
        status, UNWRITTEN_STATUS,
        "*status is not written: {reply:?}"
    );
    match result {
        OK => assert_eq!(status, 0, "{reply:?}"),
        REJECTED => assert!(status != 0 && status != NO_STATUS, "{reply:?}"),
        INVALID_ARGUMENT => assert_eq!(status, NO_STATUS, "{reply:?}"),
        _ => {}
    }
}

/// The rules for every reason.
fn check_reason(result: i32, reason: Option<&str>, secrets: &[String]) {
    assert_eq!(
        reason.is_none(),
        result == OK,
        "a reason exactly where it is not ITNIO_OK"
    );
    let Some(reason) = reason else { return };
    assert!(
        !reason.trim().is_empty(),
        "an empty reason for result {result}"
    );
    assert!(
        reason.len() <= 1024,
        "{} bytes of reason: {reason:?}",
        reason.len()
    );
    assert!(
        !reason.contains(char::is_control),
        "a control character in {reason:?}"
    );
    for secret in secrets {
        assert!(!reason.contains(secret.as_str()), "a secret in {reason:?}");
    }
    assert!(
        !contains_signature(reason),
        "what looks like a signature in {reason:?}"
    );
}

/// Whether there are 32 hexadecimal digits in a row: the form of a signature.
fn contains_signature(text: &str) -> bool {
    let mut row = 0;
    text.bytes().any(|byte| {
        row = if byte.is_ascii_hexdigit() { row + 1 } else { 0 };
        row == 32
    })
}
