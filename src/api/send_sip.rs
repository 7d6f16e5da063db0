//! `voice/sendSip` ("Invoke Phone"): places a phone call.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Endpoint;
use super::recording_ids::RecordingIds;
use super::repeat::RepeatPolicy;
use super::response::scalar;
use crate::error::{Error, ErrorKind};
use crate::plain_text::is_hidden;
use ureq::http::Method;

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
    /// 0: the client's.
    #[serde(skip)]
    pub timeout_ms: u32,
}

/// A call to place.
pub struct SendSip<'a> {
    /// What to ask for.
    pub request: &'a SipRequest<'a>,
    /// The recording IDs of the client's other calls.
    pub handed_out: &'a RecordingIds,
}

/// Gives the recording ID.
impl Endpoint for SendSip<'_> {
    type Output = String;

    const METHOD: Method = Method::POST;

    // A phone call cannot be taken back.
    const REPEAT: RepeatPolicy = RepeatPolicy::AtMostOnce;

    fn path(&self) -> Cow<'_, str> {
        "/sendSip".into()
    }

    fn validate(&self) -> Result<(), Error> {
        for (field, text) in [
            ("callee", self.request.callee),
            ("account", self.request.account),
            ("app_id", self.request.app_id),
        ] {
            if text.is_empty() {
                return Err(Error::invalid(field, "empty"));
            }
        }
        Ok(())
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self.request)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("the request: {error}")))
    }

    fn read_data(&self, data: Option<&RawValue>) -> Result<String, Cow<'static, str>> {
        Ok(recording_id(data)?)
    }

    fn accept(&self, id: String) -> Result<String, String> {
        if !self.handed_out.insert(&id) {
            return Err(format!(
                "the response has the recording ID of another call, {id}"
            ));
        }
        Ok(id)
    }
}

/// The recording ID in a response's `data`, or why it is none. It goes into logs, databases and SIP headers.
pub fn recording_id(data: Option<&RawValue>) -> Result<String, &'static str> {
    const MISSING: &str = "the response has status 0, but no recording ID in data";
    let id = scalar(data.ok_or(MISSING)?)
        .ok_or("the response's data is neither a string nor a whole number")?;
    if id.trim().is_empty() {
        Err("the response has status 0, but an empty recording ID in data")
    } else if id.contains(is_hidden) {
        Err("the response's recording ID has a control, format or bidirectional character")
    } else if id.eq_ignore_ascii_case("null") || id == "-0" {
        // What is written where there is no ID; and -0, which another reader takes for 0.
        Err(MISSING)
    } else {
        Ok(id.into_owned())
    }
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
            timeout_ms: 0,
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
    fn a_recording_id_keeps_all_its_digits() {
        for data in [r#""2203031113381000002""#, "2203031113381000002"] {
            let data: &RawValue = serde_json::from_str(data).unwrap();
            assert_eq!(recording_id(Some(data)).unwrap(), "2203031113381000002");
        }
    }

    #[test]
    fn data_that_cannot_be_a_recording_id_is_an_error() {
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
            let data: &RawValue = serde_json::from_str(data).unwrap();
            assert!(recording_id(Some(data)).is_err(), "{data}");
        }
        assert!(recording_id(None).is_err());
    }
}
