//! HTTP responses, built to the byte.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::gateway::Step;

/// How the end of the body is marked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    Length,
    Chunked,
    UntilClose,
}

/// A response: 200, JSON, `Content-Length`, no `Date`, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Response {
    code: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    framing: Framing,
}

impl Response {
    pub fn new(code: u16, body: impl Into<Vec<u8>>) -> Response {
        Response {
            code,
            headers: Vec::new(),
            body: body.into(),
            framing: Framing::Length,
        }
        .header("Content-Type", "application/json;charset=UTF-8")
    }

    /// 200 with this body.
    pub fn json(body: impl Into<Vec<u8>>) -> Response {
        Response::new(200, body)
    }

    /// The documentation's response to a call that was placed.
    pub fn ok(recording_id: &str) -> Response {
        Response::json(format!(
            r#"{{"status":"0","reason":"success","data":"{recording_id}","appId":"4"}}"#
        ))
    }

    /// The API's refusal with this status.
    pub fn refused(status: i32, reason: &str) -> Response {
        Response::json(format!(
            r#"{{"status":"{status}","reason":"{reason}","data":null}}"#
        ))
    }

    pub fn code(mut self, code: u16) -> Response {
        self.code = code;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Response {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn date(self, time: SystemTime) -> Response {
        self.header("Date", &httpdate::fmt_http_date(time))
    }

    /// The body in chunks of a few bytes.
    pub fn chunked(mut self) -> Response {
        self.framing = Framing::Chunked;
        self
    }

    /// The body ends with the connection.
    pub fn until_close(mut self) -> Response {
        self.framing = Framing::UntilClose;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} Whatever\r\n", self.code).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        match self.framing {
            Framing::Length => {
                bytes.extend(format!("Content-Length: {}\r\n\r\n", self.body.len()).into_bytes());
                bytes.extend(&self.body);
            }
            Framing::Chunked => {
                bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in self.body.chunks(7) {
                    bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    bytes.extend(chunk);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
            Framing::UntilClose => {
                bytes.extend(b"Connection: close\r\n\r\n");
                bytes.extend(&self.body);
            }
        }
        bytes
    }

    /// How many of the bytes are the head, its empty line included.
    pub fn head_length(&self) -> usize {
        self.bytes()
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a head")
            + 4
    }
}

impl From<Response> for Vec<Step> {
    fn from(response: Response) -> Vec<Step> {
        let mut steps = vec![Step::Send(response.bytes())];
        if response.framing == Framing::UntilClose {
            steps.push(Step::Close);
        }
        steps
    }
}

/// A recording ID of the documented form, 19 digits, that no other callee gets.
pub fn recording_id_for(callee: &str) -> String {
    recording_id(callee, 0)
}

/// Whether it is one for a call to `callee`, the first or a later one.
pub fn is_recording_id_for(id: &str, callee: &str) -> bool {
    let own = recording_id_for(callee);
    id.len() == own.len() && id.get(4..) == own.get(4..)
}

/// The one for a call to `callee` after this many earlier ones.
fn recording_id(callee: &str, before: u64) -> String {
    format!("{}{callee:0>15}", 2203 + before)
}

/// Recording IDs as the API gives them: each call has one of its own.
#[derive(Default)]
pub struct RecordingIds(Mutex<HashMap<String, u64>>);

impl RecordingIds {
    /// For another call to `callee`: [`recording_id_for`] for the first.
    pub fn next(&self, callee: &str) -> String {
        let mut calls = self.0.lock().expect("no panic under the lock");
        let before = calls.entry(callee.to_owned()).or_default();
        let id = recording_id(callee, *before);
        *before += 1;
        id
    }
}

/// A recording ID that no other call of this process gets.
pub fn unique_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("26{:017}", COUNT.fetch_add(1, Ordering::Relaxed))
}
