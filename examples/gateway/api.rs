//! The documented API: a request in, a verdict out. No input or output happens here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::faults::{Faults, Outcome};

/// The documented statuses and what they mean.
const STATUSES: [(i32, &str); 8] = [
    (0, "success"),
    (AUTHENTICATION, "authentication error"),
    (-2, "restricted IP access"),
    (-10, "the customer's balance is insufficient"),
    (TIMESTAMP, "timestamp expires"),
    (-18, "port program unusual"),
    (PARAMETER, "parameter exception"),
    (-26, "getting fee failed"),
];
const AUTHENTICATION: i32 = -1;
const TIMESTAMP: i32 = -16;
const PARAMETER: i32 = -22;

/// What the gateway does about a request.
#[derive(Debug)]
pub struct Verdict {
    /// Whom to call, for the log; a dash where the request does not say.
    pub callee: String,
    /// How long to wait before the response is sent.
    pub delay: Duration,
    /// The time by the gateway's clock, for the `Date` header.
    pub clock: SystemTime,
    /// What to send.
    pub response: ResponseKind,
    /// What led to it, for the log; empty where the response itself says it all.
    pub why: String,
}

/// What goes back to the client.
#[derive(Debug)]
pub enum ResponseKind {
    /// The API's JSON.
    Api {
        /// 0 or one of the refusals.
        status: i32,
        /// The API's own words for it.
        reason: String,
        /// The recording ID, on success.
        data: Option<String>,
    },
    /// An HTTP error that does not come from the API.
    Http(StatusCode),
    /// HTTP 200 without the API's JSON.
    Garbage,
    /// No response: the connection ends.
    Nothing,
}

/// A check that did not hold: the response, and why.
type Refusal = (ResponseKind, String);

/// The API of one sandbox.
#[derive(Debug)]
pub struct Api {
    key: String,
    secret: String,
    window: u64,
    faults: Faults,
    /// The last seven digits of the next recording ID.
    next_id: AtomicU64,
}

impl Api {
    /// `window` is in seconds.
    pub fn new(key: String, secret: String, window: u64, faults: Faults) -> Self {
        // A gateway that is started again within a second does not begin where the last one did.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            key,
            secret,
            window,
            faults,
            next_id: AtomicU64::new(u64::from(since.subsec_micros()) * 10),
        }
    }

    /// Judges one request, `now` being the right time.
    pub fn judge(&self, head: &Parts, body: &[u8], now: SystemTime) -> Verdict {
        let body = parse(body);
        let callee = body
            .as_ref()
            .ok()
            .and_then(|call| call.get("callee")?.as_str());
        let fault = self.faults.of(callee.unwrap_or_default());
        let clock = shifted(now, fault.clock_offset.unwrap_or(0));

        let asked_for = "as asked for on the command line".to_owned();
        let (response, why) = match fault.outcome {
            Some(Outcome::Drop) => (ResponseKind::Nothing, asked_for),
            Some(Outcome::Garbage) => (ResponseKind::Garbage, asked_for),
            Some(Outcome::HttpStatus(code)) => (
                ResponseKind::Http(StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY)),
                asked_for,
            ),
            status @ (Some(Outcome::Status(_)) | None) => {
                let checked = check_route(head)
                    .and_then(|()| self.authenticate(&head.headers, clock))
                    .and_then(|()| check_call(&body));
                match (checked, status) {
                    (Err(refusal), _) => refusal,
                    (Ok(()), Some(Outcome::Status(status))) => {
                        (self.api_response(status, clock), asked_for)
                    }
                    (Ok(()), _) => self.by_suffix(callee.unwrap_or_default(), clock),
                }
            }
        };
        Verdict {
            callee: callee.map_or_else(|| "-".to_owned(), printable),
            delay: fault.delay.unwrap_or_default(),
            clock,
            response,
            why,
        }
    }

    /// Key, then signature, then time: a timestamp that is not signed proves nothing.
    fn authenticate(&self, headers: &HeaderMap, clock: SystemTime) -> Result<(), Refusal> {
        let header = |name: &str| {
            let value = headers
                .get(name)
                .map(|value| value.to_str().unwrap_or_default());
            value.ok_or_else(|| refusal(AUTHENTICATION, format!("there is no {name} header")))
        };
        let (key, timestamp, sign) = (header("Api-Key")?, header("Timestamp")?, header("Sign")?);
        if key != self.key {
            return Err(refusal(
                AUTHENTICATION,
                "the Api-Key is not the one of --key",
            ));
        }
        let expected = format!(
            "{:x}",
            md5::compute([&self.key, &self.secret, timestamp].concat())
        );
        if sign != expected {
            return Err(refusal(
                AUTHENTICATION,
                if sign.eq_ignore_ascii_case(&expected) {
                    "Sign has upper-case letters"
                } else {
                    "Sign is not the MD5 of key, secret and Timestamp"
                },
            ));
        }
        if !is_digits(timestamp, 1..=19) {
            return Err(bad_parameter("Timestamp must be Unix time in seconds"));
        }
        let clock = clock
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let off = timestamp
            .parse::<u64>()
            .map_or(u64::MAX, |timestamp| timestamp.abs_diff(clock));
        if off <= self.window {
            return Ok(());
        }
        Err(refusal(
            TIMESTAMP,
            if timestamp.len() == 13 {
                "the Timestamp looks like milliseconds".to_owned()
            } else {
                format!(
                    "the Timestamp is {off} s off, --window is {} s",
                    self.window
                )
            },
        ))
    }

    /// What the last two digits of a callee ask for.
    fn by_suffix(&self, callee: &str, clock: SystemTime) -> Refusal {
        let suffix = callee
            .get(callee.len().saturating_sub(2)..)
            .unwrap_or_default();
        let status = suffix.parse::<i32>().map_or(0, |number| -number);
        match meaning(status) {
            Some(_) if status != 0 => (
                self.api_response(status, clock),
                format!("the callee ends in {suffix}"),
            ),
            _ => (self.api_response(0, clock), String::new()),
        }
    }

    fn api_response(&self, status: i32, clock: SystemTime) -> ResponseKind {
        ResponseKind::Api {
            status,
            reason: meaning(status)
                .unwrap_or("a status that is not documented")
                .to_owned(),
            data: (status == 0).then(|| self.recording_id(clock)),
        }
    }

    /// An ID shaped like the documentation's 2203031113381000002: the time and seven digits.
    fn recording_id(&self, clock: SystemTime) -> String {
        let at = OffsetDateTime::from(clock);
        // Ten million calls later the clock has moved on, so that an ID never comes back.
        let number = self.next_id.fetch_add(1, Ordering::Relaxed) % 10_000_000;
        format!(
            "{:02}{:02}{:02}{:02}{:02}{:02}{number:07}",
            at.year() % 100,
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }
}

fn check_route(head: &Parts) -> Result<(), Refusal> {
    let (path, method) = (head.uri.path(), &head.method);
    if path != "/voice/sendSip" {
        return Err((
            ResponseKind::Http(StatusCode::NOT_FOUND),
            "the path is not /voice/sendSip".into(),
        ));
    }
    if method != Method::POST {
        return Err((
            ResponseKind::Http(StatusCode::METHOD_NOT_ALLOWED),
            "the method is not POST".into(),
        ));
    }
    let content_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_documented_content_type) {
        return Err((
            ResponseKind::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            "the Content-Type is not application/json;charset=UTF-8".into(),
        ));
    }
    Ok(())
}

/// Whether it is `application/json;charset=UTF-8`, in any case and spacing, as HTTP has it.
fn is_documented_content_type(value: &str) -> bool {
    value
        .split_once(';')
        .is_some_and(|(media_type, parameter)| {
            media_type.trim().eq_ignore_ascii_case("application/json")
                && parameter
                    .trim()
                    .replace('"', "")
                    .eq_ignore_ascii_case("charset=utf-8")
        })
}

/// The call in a request's body, or what is wrong with it.
fn parse(body: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(call)) => Ok(call),
        Ok(_) => Err("the body is not a JSON object".to_owned()),
        Err(error) => Err(format!("the body is not JSON: {error}")),
    }
}

fn check_call(body: &Result<Map<String, Value>, String>) -> Result<(), Refusal> {
    let call = body.as_ref().map_err(bad_parameter)?;
    for (field, required, rule, holds) in RULES {
        match call.get(field) {
            None if required => return Err(bad_parameter(format!("{field} is missing"))),
            Some(value) if !holds(value) => {
                return Err(bad_parameter(format!("{field} must be {rule}")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A field: its name, whether it is required, its rule in words and as code.
type FieldRule = (&'static str, bool, &'static str, fn(&Value) -> bool);

/// The documentation's rules for each field.
const RULES: [FieldRule; 5] = [
    ("callee", true, "a string of 7 to 15 digits", is_number),
    (
        "displayNum",
        false,
        "a string of 7 to 15 digits, or null",
        |v| v.is_null() || is_number(v),
    ),
    ("account", true, "a string, and not empty", is_text),
    ("appId", true, "a string, and not empty", is_text),
    (
        "calledInfo",
        false,
        "a string of 0 to 1000 characters",
        |value| {
            value
                .as_str()
                .is_some_and(|text| text.chars().count() <= 1000)
        },
    ),
];

fn is_number(value: &Value) -> bool {
    value.as_str().is_some_and(|text| is_digits(text, 7..=15))
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Refuses with a documented status, in the documented words.
fn refusal(status: i32, why: impl Into<String>) -> Refusal {
    let reason = meaning(status).unwrap_or_default().to_owned();
    (
        ResponseKind::Api {
            status,
            reason,
            data: None,
        },
        why.into(),
    )
}

/// Refuses with -22 and tells the client which field it is about.
fn bad_parameter(what: impl AsRef<str>) -> Refusal {
    let reason = format!("parameter exception: {}", what.as_ref());
    (
        ResponseKind::Api {
            status: PARAMETER,
            reason,
            data: None,
        },
        String::new(),
    )
}

fn meaning(status: i32) -> Option<&'static str> {
    STATUSES
        .iter()
        .find(|(known, _)| *known == status)
        .map(|(_, meaning)| *meaning)
}

/// A callee as it may stand in a log: nothing that could forge a line, nothing endless.
fn printable(callee: &str) -> String {
    if is_digits(callee, 1..=15) {
        return callee.to_owned();
    }
    let start: String = callee.chars().take(15).collect();
    format!("{start:?}")
}

fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { time - by } else { time + by }
}
