//! The documented API: a request in, a verdict out. No input or output happens here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::faults::{self, Fault, Faults, Outcome};
use crate::query::Query;
use crate::records::{Page, Record, Records};

/// The documented statuses of a call and what they mean.
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
/// Those of the records, and of the API's other pages: no callee asks for them, but `--on` may.
const OTHER_STATUSES: [(i32, &str); 8] = [
    (-15, "query too frequent"),
    (-20, "data exists already"),
    (-21, "data validation failed"),
    (-23, "data cap reached"),
    (NO_DATA, "data does not exist"),
    (TIME_RANGE, "out of the time range"),
    (-27, "the period's send limit is reached"),
    (-28, "the number's send limit of the period is reached"),
];
const AUTHENTICATION: i32 = -1;
const TIMESTAMP: i32 = -16;
const PARAMETER: i32 = -22;
const NO_DATA: i32 = -24;
pub const TIME_RANGE: i32 = -25;

/// Why something happens that an option asks for.
const AS_ASKED: &str = "as asked for on the command line";

/// What the gateway does about a request.
#[derive(Debug)]
pub struct Verdict {
    /// Whom to call or what to look up, for the log; a dash where the request does not say.
    pub subject: String,
    /// How long to wait before the response is sent.
    pub delay: Duration,
    /// The time by the gateway's clock, for the `Date` header.
    pub clock: SystemTime,
    /// What to send.
    pub response: ResponseKind,
    /// What led to it, for the log; empty where the response itself says it all.
    pub why: String,
    /// The recording ID of a call that was accepted, though the response does not say so.
    pub record: Option<String>,
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
        /// What was asked for, on success.
        data: Data,
    },
    /// An HTTP error that does not come from the API.
    Http(StatusCode),
    /// HTTP 405: only this method is allowed.
    OtherMethod(&'static str),
    /// HTTP 200 without the API's JSON.
    Garbage,
    /// No response: the connection ends.
    Nothing,
}

/// The `data` of a response.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Data {
    /// `null`.
    Nothing,
    /// Of a call that was accepted.
    RecordingId(String),
    /// The record that was asked for.
    Record(Map<String, Value>),
    /// Of the records that were asked for.
    Page(Page),
}

/// A response, and why.
type Decision = (ResponseKind, String);

/// A check that did not hold.
pub type Refusal = Decision;

/// What a path stands for.
#[derive(Clone, Copy, Debug)]
enum Endpoint<'a> {
    SendSip,
    /// With the recording ID.
    RecordSip(&'a str),
    RecordSipQuery,
    Unknown,
}

impl<'a> Endpoint<'a> {
    fn of(path: &'a str) -> Self {
        match path.strip_prefix("/voice/").unwrap_or_default() {
            "sendSip" => Self::SendSip,
            "recordSipQuery" => Self::RecordSipQuery,
            rest => match rest.strip_prefix("recordSip/") {
                Some(id) if !id.is_empty() && !id.contains('/') => Self::RecordSip(id),
                _ => Self::Unknown,
            },
        }
    }
}

/// The API of one sandbox.
#[derive(Debug)]
pub struct Api {
    key: String,
    secret: String,
    window: u64,
    faults: Faults,
    records: Records,
    /// The last seven digits of the next recording ID.
    next_id: AtomicU64,
}

impl Api {
    /// `window` is in seconds; the records are of the newest `max_records` calls.
    pub fn new(
        key: String,
        secret: String,
        window: u64,
        max_records: usize,
        faults: Faults,
    ) -> Self {
        // A gateway that is started again within a second does not begin where the last one did.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            key,
            secret,
            window,
            faults,
            records: Records::new(max_records),
            next_id: AtomicU64::new(u64::from(since.subsec_micros()) * 10),
        }
    }

    /// Judges one request, `now` being the right time.
    pub fn judge(&self, head: &Parts, body: &[u8], now: SystemTime) -> Verdict {
        let endpoint = Endpoint::of(head.uri.path());
        let body = parse(body);
        let callee = match endpoint {
            Endpoint::RecordSip(_) | Endpoint::RecordSipQuery => None,
            Endpoint::SendSip | Endpoint::Unknown => {
                let call = body.as_ref().ok();
                call.and_then(|call| call.get("callee")?.as_str())
            }
        };
        let fault = self.faults.of(callee.unwrap_or_default());
        let clock = shifted(now, fault.clock_offset.unwrap_or(0));

        let checked = check_route(endpoint, head)
            .and_then(|()| self.authenticate(&head.headers, clock))
            .and_then(|()| match endpoint {
                Endpoint::RecordSip(id) => self.record_sip(id),
                Endpoint::RecordSipQuery => self.record_sip_query(&body, clock),
                Endpoint::SendSip | Endpoint::Unknown => self.send_sip(&body, fault, clock),
            });
        // What the API decides is done, even where something else is sent.
        let (decided, its_why) = checked.unwrap_or_else(|refusal| refusal);
        let record = decided.recording_id().map(str::to_owned);
        let lost = record.as_ref().and(lost_by_suffix(callee, fault));
        let (response, why) = match (fault.outcome, lost) {
            (Some(Outcome::Drop), _) => (ResponseKind::Nothing, AS_ASKED.to_owned()),
            (Some(Outcome::Garbage), _) => (ResponseKind::Garbage, AS_ASKED.to_owned()),
            (Some(Outcome::HttpStatus(code)), _) => (
                ResponseKind::Http(StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY)),
                AS_ASKED.to_owned(),
            ),
            (None, Some(lost)) => (
                ResponseKind::Nothing,
                format!("the callee ends in {}", lost.suffix),
            ),
            (Some(Outcome::Status(_)) | None, _) => (decided, its_why),
        };
        Verdict {
            subject: subject(endpoint, callee),
            delay: fault.delay.unwrap_or_default(),
            clock,
            record: record.filter(|_| response.recording_id().is_none()),
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

    /// Places a call: by what the command line says, or by the last two digits of the callee.
    fn send_sip(&self, body: &Body, fault: Fault, clock: SystemTime) -> Result<Decision, Refusal> {
        let call = check_call(body)?;
        let text = |field: &str| call.get(field).and_then(Value::as_str);
        let callee = text("callee").unwrap_or_default();
        let (status, why) = match fault.outcome {
            Some(Outcome::Status(status)) => (status, AS_ASKED.to_owned()),
            _ => by_suffix(callee),
        };
        if status != 0 {
            return Ok((api_response(status, Data::Nothing), why));
        }
        let lost = lost_by_suffix(Some(callee), fault);
        let delay = fault.record_delay.or(lost.map(|lost| lost.record_delay));
        let id = self.recording_id(clock);
        let record = Record::new(
            id.clone(),
            callee,
            text("displayNum"),
            text("account").unwrap_or_default(),
            clock.into(),
        );
        self.records.add(record, delay.unwrap_or_default());
        Ok((api_response(0, Data::RecordingId(id)), why))
    }

    /// The record with this recording ID.
    fn record_sip(&self, id: &str) -> Result<Decision, Refusal> {
        let record = self.records.get(id).map_err(|why| refusal(NO_DATA, why))?;
        Ok((api_response(0, Data::Record(record)), String::new()))
    }

    /// One page of the records that a query asks for.
    fn record_sip_query(&self, body: &Body, clock: SystemTime) -> Result<Decision, Refusal> {
        let body = body.as_ref().map_err(bad_parameter)?;
        let query = Query::new(body, clock.into())?;
        let page = self.records.page(&query);
        Ok((api_response(0, Data::Page(page)), String::new()))
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

impl ResponseKind {
    /// Of a call that this says was accepted.
    pub fn recording_id(&self) -> Option<&str> {
        match self {
            Self::Api {
                data: Data::RecordingId(id),
                ..
            } => Some(id),
            _ => None,
        }
    }
}

/// What a callee asks for by its last two digits, where the command line does not say anything else.
fn by_suffix(callee: &str) -> (i32, String) {
    let suffix = callee
        .get(callee.len().saturating_sub(2)..)
        .unwrap_or_default();
    let status = suffix.parse::<i32>().map_or(0, |number| -number);
    if status != 0 && STATUSES.iter().any(|(known, _)| *known == status) {
        (status, format!("the callee ends in {suffix}"))
    } else {
        (0, String::new())
    }
}

/// Whether the response to an accepted call is lost by the callee's last two digits: what the command
/// line says goes before.
fn lost_by_suffix(callee: Option<&str>, fault: Fault) -> Option<&'static faults::Lost> {
    match fault.outcome {
        None => faults::lost(callee?),
        Some(_) => None,
    }
}

fn api_response(status: i32, data: Data) -> ResponseKind {
    ResponseKind::Api {
        status,
        reason: meaning(status)
            .unwrap_or("a status that is not documented")
            .to_owned(),
        data,
    }
}

fn check_route(endpoint: Endpoint, head: &Parts) -> Result<(), Refusal> {
    let method = match endpoint {
        Endpoint::SendSip | Endpoint::RecordSipQuery => "POST",
        Endpoint::RecordSip(_) => "GET",
        Endpoint::Unknown => {
            return Err((
                ResponseKind::Http(StatusCode::NOT_FOUND),
                "the path is not /voice/sendSip, /voice/recordSip/ID or /voice/recordSipQuery"
                    .into(),
            ));
        }
    };
    if head.method.as_str() != method {
        return Err((
            ResponseKind::OtherMethod(method),
            format!("the method is not {method}"),
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

/// The JSON object in a request's body, or what is wrong with it.
type Body = Result<Map<String, Value>, String>;

fn parse(body: &[u8]) -> Body {
    match serde_json::from_slice(body) {
        Ok(Value::Object(call)) => Ok(call),
        Ok(_) => Err("the body is not a JSON object".to_owned()),
        Err(error) => Err(format!("the body is not JSON: {error}")),
    }
}

fn check_call(body: &Body) -> Result<&Map<String, Value>, Refusal> {
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
    Ok(call)
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
pub fn refusal(status: i32, why: impl Into<String>) -> Refusal {
    (api_response(status, Data::Nothing), why.into())
}

/// Refuses with -22 and tells the client which field it is about.
pub fn bad_parameter(what: impl AsRef<str>) -> Refusal {
    let reason = format!("parameter exception: {}", what.as_ref());
    (
        ResponseKind::Api {
            status: PARAMETER,
            reason,
            data: Data::Nothing,
        },
        String::new(),
    )
}

fn meaning(status: i32) -> Option<&'static str> {
    STATUSES
        .iter()
        .chain(&OTHER_STATUSES)
        .find(|(known, _)| *known == status)
        .map(|(_, meaning)| *meaning)
}

/// What a request is about, for the log.
fn subject(endpoint: Endpoint, callee: Option<&str>) -> String {
    match endpoint {
        Endpoint::RecordSip(id) => format!("recordSip/{}", printable(id, 19)),
        Endpoint::RecordSipQuery => "recordSipQuery".to_owned(),
        Endpoint::SendSip | Endpoint::Unknown => {
            callee.map_or_else(|| "-".to_owned(), |callee| printable(callee, 15))
        }
    }
}

/// A number as it may stand in a log: nothing that could forge a line, nothing endless.
fn printable(number: &str, length: usize) -> String {
    if is_digits(number, 1..=length) {
        return number.to_owned();
    }
    let start: String = number.chars().take(length).collect();
    format!("{start:?}")
}

fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { time - by } else { time + by }
}
