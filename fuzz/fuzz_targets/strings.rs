//! Any bytes in every string that C hands in: no panic; a reason that names a field and what is wrong
//! with it; and what is sent is what was given, field by field.
#![no_main]

mod peer;
mod unicode;

use std::ffi::{CString, c_char};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::ptr;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;

use itnio::ffi::exports::*;
use itnio::ffi::result::itnio_result::*;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A field of a struct from C: NULL, or a string.
type Field = Option<CString>;

/// The pointer that C would pass.
fn pointer(field: &Field) -> *const c_char {
    field.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// The longest string that is taken.
const MAX_LENGTH: usize = 64 * 1024;

/// A client of a server that accepts every call, each with an ID of its own, and passes on what it was
/// asked for and the ID.
struct Line {
    client: *mut itnio_client,
    calls: Receiver<(Value, String)>,
}

// SAFETY: a client may be used from any thread.
unsafe impl Send for Line {}

static LINE: LazyLock<Mutex<Line>> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    let (pass_on, calls) = channel();
    let mut ids = 1_u64..;
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            while let Some(body) = read_body(&mut stream) {
                let id = ids.next().expect("another").to_string();
                let response = format!(r#"{{"status":"0","data":"{id}"}}"#);
                pass_on
                    .send((body, id))
                    .expect("the receiver lives as long");
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
                    response.len()
                );
                stream
                    .write_all((head + &response).as_bytes())
                    .expect("a client");
            }
        }
    });
    let base_url = CString::new(base_url).expect("no NUL");
    let config = itnio_config {
        api_key: c"key".as_ptr(),
        api_secret: c"secret".as_ptr(),
        base_url: base_url.as_ptr(),
        ca_file: ptr::null(),
        proxy: c"".as_ptr(),
        connect_timeout_ms: 0,
        timeout_ms: 0,
        reserved: [ptr::null(); 4],
    };
    Mutex::new(Line {
        client: peer::client(&config).expect("a client"),
        calls,
    })
});

fn read_body(stream: &mut impl Read) -> Option<Value> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = std::str::from_utf8(&request[..end]).expect("a head in ASCII");
            let length: usize = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, length)| length.parse().ok())
                .expect("a length");
            if request.len() == end + 4 + length {
                return Some(serde_json::from_slice(&request[end + 4..]).expect("JSON"));
            }
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
}

/// Fields, one after the other: NULL where it begins with 0xff, else up to a zero. Where it begins with
/// 0xfe, it is filled up to about the longest that is taken.
fn fields<const N: usize>(input: &[u8]) -> [Field; N] {
    let mut parts = input.split(|byte| *byte == 0);
    std::array::from_fn(|_| {
        let part = parts.next()?;
        let text = match part {
            [0xff, ..] => return None,
            [0xfe, more, text @ ..] => {
                let mut text = text.to_vec();
                text.resize(MAX_LENGTH - 1 + usize::from(more % 3), b'x');
                text
            }
            text => text.to_vec(),
        };
        Some(CString::new(text).expect("no NUL"))
    })
}

/// What is wrong with a field by itself.
fn mistake(field: &Field, is_required: bool) -> Option<&'static str> {
    match field {
        None => is_required.then_some("NULL"),
        Some(text) if text.count_bytes() > MAX_LENGTH => Some("longer than 64 KiB"),
        Some(text) if text.to_str().is_err() => Some("not UTF-8"),
        Some(text) => (is_required && text.is_empty()).then_some("empty"),
    }
}

/// A reason for each mistake in these fields.
fn reasons<const N: usize>(fields: [(&str, &Field, bool); N]) -> Vec<String> {
    let mistakes = fields.map(|(name, field, is_required)| {
        mistake(field, is_required).map(|mistake| format!("{name}: {mistake}"))
    });
    mistakes.into_iter().flatten().collect()
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    if kind % 2 == 0 {
        check_config(rest);
    } else {
        check_request(rest);
    }
});

fn check_config(input: &[u8]) {
    let given: [Field; 4] = fields(input);
    let [api_key, api_secret, base_url, proxy] = &given;
    let config = itnio_config {
        api_key: pointer(api_key),
        api_secret: pointer(api_secret),
        base_url: pointer(base_url),
        // Not any file of this machine's; and no trust store, which takes long to read.
        ca_file: c"/nonexistent/ca.pem".as_ptr(),
        proxy: pointer(proxy),
        connect_timeout_ms: 0,
        timeout_ms: 0,
        reserved: [ptr::null(); 4],
    };
    let expected = reasons([
        ("api_key", api_key, true),
        ("api_secret", api_secret, true),
        ("base_url", base_url, false),
        ("proxy", proxy, false),
    ]);
    match peer::client(&config) {
        Ok(client) => {
            assert!(expected.is_empty(), "{expected:?}");
            // SAFETY: it is used nowhere else.
            unsafe { itnio_client_free(client) };
        }
        Err((result, reason)) => {
            assert_eq!(result, ITNIO_INVALID_ARGUMENT, "{reason}");
            // A control character is found before an empty string behind it.
            assert!(
                expected.is_empty()
                    || expected.contains(&reason)
                    || reason == "api_key: has a control character",
                "{reason}, not {expected:?}"
            );
            let fields = [
                "api_key: ",
                "api_secret: ",
                "base_url: ",
                "proxy: ",
                "ca_file: ",
            ];
            assert!(
                fields.iter().any(|field| reason.starts_with(field)),
                "{reason}"
            );
        }
    }
}

fn check_request(input: &[u8]) {
    let given: [Field; 5] = fields(input);
    let [callee, display_num, account, app_id, called_info] = &given;
    let request = itnio_sip_request {
        callee: pointer(callee),
        display_num: pointer(display_num),
        account: pointer(account),
        app_id: pointer(app_id),
        called_info: pointer(called_info),
        timeout_ms: 0,
        reserved: [ptr::null(); 4],
    };
    let line = LINE.lock().expect("no panic before");
    let reply = peer::send(line.client, &request);

    let expected = reasons([
        ("callee", callee, true),
        ("display_num", display_num, false),
        ("account", account, true),
        ("app_id", app_id, true),
        ("called_info", called_info, false),
    ]);
    if !expected.is_empty() {
        assert_eq!(reply.result, ITNIO_INVALID_ARGUMENT);
        let reason = reply.reason.expect("checked");
        assert!(expected.contains(&reason), "{reason}, not {expected:?}");
        assert!(line.calls.try_recv().is_err());
        return;
    }
    assert_eq!(reply.result, ITNIO_OK);
    let (sent, id) = line.calls.recv().expect("a body");
    assert_eq!(reply.recording_id, Some(id));
    for (name, field) in ["callee", "displayNum", "account", "appId", "calledInfo"]
        .iter()
        .zip(&given)
    {
        let text = field.as_ref().map(|text| text.to_str().expect("checked"));
        let expected = text.map(|text| Value::String(text.to_owned()));
        assert_eq!(sent.get(name), expected.as_ref(), "{name}");
    }
}
