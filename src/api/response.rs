//! The JSON around every response of the API, and what it says of the request.

use std::borrow::Cow;
use std::ffi::CStr;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Endpoint;
use crate::error::{Error, ErrorKind, MaybeSent};
use crate::http::parser::HttpResponse;
use crate::plain_text::plain;

/// The status that refuses a timestamp: "timestamp expires".
pub const TIMESTAMP_EXPIRES: i32 = -16;

/// The status for data that does not exist.
const DATA_DOES_NOT_EXIST: i32 = -24;

/// The documented meaning of a status: of the API's documentation of `voice/sendSip`, and of the other pages of
/// its family.
pub fn status_message(status: i32) -> &'static CStr {
    match status {
        0 => c"success",
        -1 => c"authentication error",
        -2 => c"restricted IP access",
        -10 => c"the customer's balance is insufficient",
        -15 => c"query too frequent",
        TIMESTAMP_EXPIRES => c"timestamp expires",
        -18 => c"port program unusual",
        -20 => c"data exists already",
        -21 => c"data validation failed",
        -22 => c"parameter exception",
        -23 => c"data cap reached",
        DATA_DOES_NOT_EXIST => c"data does not exist",
        -25 => c"out of the time range",
        -26 => c"getting fee failed",
        -27 => c"the period's send limit is reached",
        -28 => c"the number's send limit of the period is reached",
        _ => c"a status that the API's documentation does not list",
    }
}

/// What the API responded.
#[derive(Debug)]
pub struct ApiResponse<'a> {
    /// 0, or its own refusal, which is negative: all that the API family documents are. A positive one is not
    /// the API's: the error pages of frameworks and gateways carry one, such as Spring's `"status":500` or that
    /// of a problem document (RFC 9457, 3.1.2).
    pub status: i32,
    /// Its own reason, where it gave one.
    pub reason: Option<Cow<'a, str>>,
    /// What stands in `data`.
    pub data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    reason: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Reads a response liberally: a byte order mark before it says nothing (RFC 8259, 8.1; a PHP script sends that
/// of each file that it includes), nor does a NUL behind it, which ends a string of C; `status` and `data` may be
/// numbers, unknown fields are ignored, `reason` may be missing. Any other text around it may be another response.
/// Raw values keep a number's digits as they were sent: a recording ID has more of them than a double can hold.
/// Errors: what is wrong with it, where it is not the documented JSON.
pub fn parse(body: &[u8]) -> Result<ApiResponse<'_>, Cow<'static, str>> {
    let text = std::str::from_utf8(body).map_err(|_| "the response is not UTF-8")?;
    let text = without_padding(text);
    // Serde also reads an array as a struct; the API's response is an object.
    if !text.starts_with('{') {
        return Err("the response is not a JSON object".into());
    }
    let envelope: Envelope<'_> = serde_json::from_str(text)
        .map_err(|e| format!("the response is not the documented JSON: {e}"))?;
    let status = envelope.status.ok_or("the response has no status")?;
    let status: i32 = scalar(status)
        .and_then(|text| text.trim().parse().ok())
        // INT32_MIN is what C callers see where there was no status.
        .filter(|status| *status != i32::MIN)
        .ok_or("the response's status is not a whole number")?;
    Ok(ApiResponse {
        status,
        reason: envelope.reason.and_then(scalar),
        data: envelope.data,
    })
}

fn without_padding(text: &str) -> &str {
    // As nearly all are.
    if text.starts_with('{') && text.ends_with('}') {
        return text;
    }
    text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
        .trim_end_matches(['\0', ' ', '\t', '\r', '\n'])
}

/// What a response says of an endpoint's request.
/// Errors: [`ErrorKind::Rejected`] for the API's own refusal, whatever its HTTP status; else [`MaybeSent`].
pub fn classify_response<E: Endpoint>(
    endpoint: &E,
    response: &HttpResponse,
) -> Result<E::Output, Error> {
    let is_success = (200..300).contains(&response.head.status);
    let coding = response.head.content_coding.as_deref();
    let (status, why) = match parse(response.body()) {
        // Some servers write a character set there, and send what it is without it.
        Err(why) => (None, coding.map_or(why, |coding| coded(coding).into())),
        Ok(api) if api.status == 0 => match endpoint.read_data(api.data) {
            Ok(output) if is_success => return Ok(output),
            Ok(_) => (Some(0), Cow::from("")),
            Err(why) => (Some(0), why),
        },
        Ok(api) if api.status < 0 => {
            let own = api.reason.filter(|own| !plain(own).trim().is_empty());
            let reason = own.unwrap_or_else(|| status_message(api.status).to_string_lossy());
            return Err(Error::new(ErrorKind::Rejected, reason).with_status(Some(api.status)));
        }
        Ok(ApiResponse { status, .. }) => {
            let why = format!("the response has status {status}, and refusals are negative");
            (Some(status), why.into())
        }
    };
    Err(if is_success {
        bad_response(status, &why)
    } else {
        let what = coding.map_or_else(|| "not the API's response".to_owned(), coded);
        let reason = format!("HTTP status {}, {what}", response.head.status);
        Error::new(MaybeSent::HttpStatus, reason).with_status(status)
    })
}

fn coded(coding: &str) -> String {
    format!("a response with Content-Encoding {coding}, which nobody asked for")
}

/// Whether the API refused the request's timestamp.
pub fn is_expired(error: &Error) -> bool {
    error.kind == ErrorKind::Rejected && error.status == Some(TIMESTAMP_EXPIRES)
}

/// Whether the API has nothing of what it was asked for.
pub fn does_not_exist(error: &Error) -> bool {
    error.kind == ErrorKind::Rejected && error.status == Some(DATA_DOES_NOT_EXIST)
}

/// HTTP 2xx with something that is not the API's response to this request.
pub fn bad_response(status: Option<i32>, reason: &str) -> Error {
    Error::new(MaybeSent::BadResponse, reason).with_status(status)
}

/// The text of a JSON string, or the digits of a whole number.
pub fn scalar(value: &RawValue) -> Option<Cow<'_, str>> {
    let raw = value.get();
    if let Some(string) = raw.strip_prefix('"') {
        // Without escapes, the text is what stands between the quotes.
        return match string.strip_suffix('"') {
            Some(text) if !text.contains('\\') => Some(Cow::Borrowed(text)),
            _ => serde_json::from_str(raw).ok().map(Cow::Owned),
        };
    }
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(Cow::Borrowed(raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::recording_ids::RecordingIds;
    use crate::api::send_sip::{SendSip, SipRequest};
    use crate::http::parser::{MAX_RESPONSE_SIZE, ResponseParser};

    fn refused(body: &str) -> (i32, Option<String>) {
        let response = parse(body.as_bytes()).expect(body);
        assert!(response.status < 0, "{body}: {response:?}");
        (response.status, response.reason.map(Cow::into_owned))
    }

    #[test]
    fn the_documented_response_and_its_odd_shapes_are_read() {
        for (body, expected) in [
            (
                r#"{"status":"0","reason":"success","data":"2203031113381000002"}"#,
                Some(r#""2203031113381000002""#),
            ),
            (
                r#"{"status":0,"data":2203031113381000002}"#,
                Some("2203031113381000002"),
            ),
            (
                r#" {"data":"22","x":[{"y":null}],"status":"0","appId":7} "#,
                Some(r#""22""#),
            ),
            (r#"{"status":"0","data":{"x":[1]}}"#, Some(r#"{"x":[1]}"#)),
            (r#"{"status":"0"}"#, None),
            ("\u{feff}{\"status\":\"0\",\"data\":\"1\"}", Some("\"1\"")),
            (
                "\u{feff}\n\u{feff} {\"status\":\"0\",\"data\":\"1\"} \r\n\0\n\0\0",
                Some("\"1\""),
            ),
        ] {
            let response = parse(body.as_bytes()).expect(body);
            assert_eq!(response.status, 0, "{body}");
            assert_eq!(response.data.map(RawValue::get), expected, "{body}");
        }
        assert_eq!(
            refused(r#"{"status":"-10","reason":"no money","data":null}"#),
            (-10, Some("no money".to_owned()))
        );
        assert_eq!(refused(r#"{"status":-999,"data":{}}"#), (-999, None));
    }

    #[test]
    fn a_positive_status_is_no_refusal() {
        let call = SendSip {
            request: &SipRequest {
                callee: "1",
                display_num: None,
                account: "2",
                app_id: "3",
                called_info: None,
                timeout_ms: 0,
            },
            handed_out: &RecordingIds::default(),
        };
        for (body, status) in [
            (
                r#"{"timestamp":"2026-11-25T08:00:00.000+00:00","status":500,"error":"Internal Server Error"}"#,
                500,
            ),
            (r#"{"title":"Gateway Timeout","status":504}"#, 504),
            (r#"{"status":"502","reason":"x"}"#, 502),
            (r#"{"code":0,"status":200,"data":"1"}"#, 200),
            (r#"{"status":1}"#, 1),
        ] {
            assert_eq!(parse(body.as_bytes()).expect(body).status, status);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let response = ResponseParser::new(MAX_RESPONSE_SIZE).push((head + body).as_bytes());
            let error = classify_response(&call, &response.unwrap().unwrap()).unwrap_err();
            assert_eq!(error.kind, MaybeSent::BadResponse.into(), "{body}");
        }
    }

    #[test]
    fn what_is_not_the_documented_json_is_an_error() {
        let deep = "[".repeat(50_000);
        for body in [
            "",
            "null",
            "[]",
            r#"["0","success","2203031113381000002"]"#,
            "{",
            r#"{"data":"1"}"#,
            r#"{"status":null}"#,
            r#"{"status":""}"#,
            r#"{"status":"zero"}"#,
            r#"{"status":0.0}"#,
            r#"{"status":true}"#,
            r#"{"status":"-2147483648"}"#,
            r#"{"status":"99999999999"}"#,
            r#"{"status":"0","status":"-10","data":"1"}"#,
            r#"{"status":"0","data":"1"}x"#,
            "\u{feff}",
            "\0{\"status\":\"0\",\"data\":\"1\"}",
            "{\"status\":\"0\",\0\"data\":\"1\"}",
            "{\"status\":\"0\",\"data\":\"1\"}\0{\"status\":\"-1\"}",
            "{\"status\":\"0\",\"data\":\"1\"}\u{feff}",
            "{\u{feff}\"status\":\"0\",\"data\":\"1\"}",
            deep.as_str(),
        ] {
            assert!(parse(body.as_bytes()).is_err(), "{body:.60}");
        }
        assert!(parse(b"{\"status\":\"0\",\"data\":\"\xff\"}").is_err());
    }
}
