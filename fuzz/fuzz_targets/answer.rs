//! Any bytes as the API's answer: what is taken for accepted or refused has to be so by another
//! reading of the same JSON.
#![no_main]

use itnio::message::{Answer, parse};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A status or a recording ID, as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // -0 is a float to `Value`.
        Value::Number(number) if number.as_f64() == Some(0.0) => Some("0".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fuzz_target!(|body: &[u8]| {
    let Ok(answer) = parse(body) else { return };
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        // `Value` refuses numbers beyond a double, which nobody has to look at to skip them.
        return;
    };
    let status = text(&json["status"]).and_then(|status| status.trim().parse::<i32>().ok());
    match answer {
        Answer::Accepted(id) => {
            assert_eq!(status, Some(0));
            assert!(!id.is_empty() && !id.contains(char::is_control));
            if let Value::String(data) = &json["data"] {
                assert_eq!(*data, id);
            } else {
                assert!(
                    json["data"].is_number() && id.bytes().all(|b| b"-0123456789".contains(&b))
                );
            }
        }
        Answer::NoRecording(_) => assert_eq!(status, Some(0)),
        Answer::Refused(refused, _) => {
            assert_ne!(refused, 0);
            assert_eq!(status, Some(refused));
        }
    }
});
