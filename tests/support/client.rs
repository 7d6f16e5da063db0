//! The C API through the compiled library, as a few Rust types.
//!
//! Every call that any test makes goes through here, so the rules that hold for every call are
//! checked here: out-parameters always written, a reason that is one clean line without a secret.
//!
//! The structs are written by hand and not shared with src/: this is a caller's independent view of the header.

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

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
}

#[repr(C)]
pub struct RawRequest {
    pub callee: *const c_char,
    pub display_num: *const c_char,
    pub account: *const c_char,
    pub app_id: *const c_char,
    pub called_info: *const c_char,
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
        }
    }
}

/// What one `itnio_send_sip` returned. (A `Response` is what a server sent.)
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
        let raw_request = RawRequest {
            callee: pointer(&request.callee),
            display_num: pointer(&request.display_num),
            account: pointer(&request.account),
            app_id: pointer(&request.app_id),
            called_info: pointer(&request.called_info),
        };
        let (mut status, mut id, mut reason) = (UNWRITTEN_STATUS, unwritten(), unwritten());
        let started = Instant::now();
        // SAFETY: all pointers live through the call.
        let result =
            unsafe { (api().send_sip)(self.raw, &raw_request, &mut status, &mut id, &mut reason) };
        let reply = Reply {
            result,
            status,
            recording_id: take(id, "*recording_id"),
            reason: take(reason, "*reason"),
            elapsed: started.elapsed(),
        };
        check_reply(&reply, &self.secrets);
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

/// The rules for whatever `itnio_send_sip` returns.
fn check_reply(reply: &Reply, secrets: &[String]) {
    assert_ne!(
        reply.status, UNWRITTEN_STATUS,
        "*status is not written: {reply:?}"
    );
    assert!(
        matches!(reply.result, OK..=SHUT_DOWN | TIMED_OUT..=INTERNAL_ERROR),
        "not a result of the table: {reply:?}"
    );
    assert_eq!(
        reply.recording_id.is_some(),
        reply.result == OK,
        "ID and result: {reply:?}"
    );
    match reply.result {
        OK => assert_eq!(reply.status, 0, "{reply:?}"),
        REJECTED => assert!(reply.status != 0 && reply.status != NO_STATUS, "{reply:?}"),
        INVALID_ARGUMENT => assert_eq!(reply.status, NO_STATUS, "{reply:?}"),
        _ => {}
    }
    if let Some(id) = &reply.recording_id {
        assert!(
            !id.is_empty() && !id.contains(char::is_control),
            "a bad ID: {reply:?}"
        );
    }
    check_reason(reply.result, reply.reason.as_deref(), secrets);
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
