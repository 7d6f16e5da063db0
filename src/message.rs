//! The request's body and the API's answer, as serde types.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::plain_text::is_hidden;

/// The body of `voice/sendSip`, in the documentation's order.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SipRequest<'a> {
    /// The number to call.
    pub callee: &'a str,
    /// The number to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_num: Option<&'a str>,
    /// The phone's account.
    pub account: &'a str,
    /// The voice application's ID.
    pub app_id: &'a str,
    /// Text that goes with the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called_info: Option<&'a str>,
}

/// The API's answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Status 0, with a usable recording ID.
    Accepted(String),
    /// Status 0, but what stands in `data` is no recording ID; says why.
    NoRecording(&'static str),
    /// A negative status, with the API's own reason where it gave one. All refusals that the API
    /// family documents are negative.
    Refused(i32, Option<String>),
    /// A positive status. No refusal of the API: the error pages of frameworks and gateways carry
    /// one, such as Spring's `"status":500` or that of a problem document (RFC 9457, 3.1.2).
    NotTheApis(i32),
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    reason: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Reads an answer liberally: `status` and `data` may be numbers, unknown fields are ignored,
/// `reason` may be missing. Raw values keep a number's digits as they were sent: a recording ID has
/// more of them than a double can hold.
///
/// # Errors
///
/// What is wrong with it, where it is not the documented JSON.
pub fn parse(body: &[u8]) -> Result<Answer, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    // Serde also reads an array as a struct; the API's answer is an object.
    if !text.trim_start().starts_with('{') {
        return Err("the answer is not a JSON object".to_owned());
    }
    let wire: Wire<'_> = serde_json::from_str(text)
        .map_err(|e| format!("the answer is not the documented JSON: {e}"))?;
    let status = wire.status.ok_or("the answer has no status")?;
    let status: i32 = scalar(status)
        .and_then(|text| text.trim().parse().ok())
        // INT32_MIN is what C callers see where there was no status.
        .filter(|status| *status != i32::MIN)
        .ok_or("the answer's status is not a whole number")?;
    Ok(match status.cmp(&0) {
        Ordering::Less => {
            let reason = wire.reason.and_then(scalar).map(Cow::into_owned);
            Answer::Refused(status, reason)
        }
        Ordering::Greater => Answer::NotTheApis(status),
        Ordering::Equal => match wire.data.map(scalar) {
            None => Answer::NoRecording("the answer has status 0, but no recording ID in data"),
            Some(None) => {
                Answer::NoRecording("the answer's data is neither a string nor a whole number")
            }
            Some(Some(id)) => match unusable(&id) {
                Some(why) => Answer::NoRecording(why),
                None => Answer::Accepted(id.into_owned()),
            },
        },
    })
}

/// Why a text cannot be a recording ID: it goes into logs, databases and SIP headers.
fn unusable(id: &str) -> Option<&'static str> {
    if id.trim().is_empty() {
        Some("the answer has status 0, but an empty recording ID in data")
    } else if id.contains(is_hidden) {
        Some("the answer's recording ID has a control, format or bidirectional character")
    } else if id.eq_ignore_ascii_case("null") || id == "-0" {
        // What is written where there is no ID; and -0, of which another reader makes 0.
        Some("the answer has status 0, but no recording ID in data")
    } else {
        None
    }
}

/// The text of a JSON string, or the digits of a whole number.
fn scalar(value: &RawValue) -> Option<Cow<'_, str>> {
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

    #[test]
    fn the_body_has_the_documented_fields_and_leaves_out_what_is_not_given() {
        let mut request = SipRequest {
            callee: "4915112345678",
            display_num: None,
            account: "1001",
            app_id: "a\"b",
            called_info: None,
        };
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"callee":"4915112345678","account":"1001","appId":"a\"b"}"#
        );
        request.display_num = Some("4930123456");
        request.called_info = Some("é");
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"callee":"4915112345678","displayNum":"4930123456","account":"1001","appId":"a\"b","calledInfo":"é"}"#
        );
    }

    #[test]
    fn the_documented_answer_and_its_odd_shapes_are_read() {
        let id = || Answer::Accepted("2203031113381000002".to_owned());
        for body in [
            r#"{"status":"0","reason":"success","data":"2203031113381000002"}"#,
            r#"{"status":0,"data":2203031113381000002}"#,
            r#" {"data":"2203031113381000002","x":[{"y":null}],"status":"0","appId":7} "#,
        ] {
            assert_eq!(parse(body.as_bytes()), Ok(id()), "{body}");
        }
        assert_eq!(
            parse(br#"{"status":"-10","reason":"no money","data":null}"#),
            Ok(Answer::Refused(-10, Some("no money".to_owned())))
        );
        assert_eq!(
            parse(br#"{"status":-999,"data":{}}"#),
            Ok(Answer::Refused(-999, None))
        );
    }

    #[test]
    fn status_0_without_a_usable_recording_id_is_told_apart() {
        for data in [
            r#""""#,
            "null",
            "{}",
            "[1]",
            "true",
            "1.5",
            "1e3",
            r#""a\u0000b""#,
            r#""a\nb""#,
            r#"" ""#,
            r#""\u00a0\t""#,
            r#""1\u200b2""#,
            r#""\ufeff12""#,
            r#""12\u202e""#,
            r#""1\u20282""#,
            r#""null""#,
            r#""NULL""#,
            "-0",
            r#""-0""#,
        ] {
            let body = format!(r#"{{"status":"0","data":{data}}}"#);
            assert!(
                matches!(parse(body.as_bytes()), Ok(Answer::NoRecording(_))),
                "{body}"
            );
        }
        assert!(matches!(
            parse(br#"{"status":"0"}"#),
            Ok(Answer::NoRecording(_))
        ));
    }

    #[test]
    fn a_positive_status_is_no_refusal() {
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
            assert_eq!(parse(body.as_bytes()), Ok(Answer::NotTheApis(status)));
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
            deep.as_str(),
        ] {
            assert!(parse(body.as_bytes()).is_err(), "{body:.60}");
        }
        assert!(parse(b"{\"status\":\"0\",\"data\":\"\xff\"}").is_err());
    }
}
