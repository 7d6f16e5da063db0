//! Any bytes as the API's response: what is taken for accepted or refused has to be so by a second
//! reader of the same JSON, and a recording ID has to be fit for a log.
#![no_main]

mod meaning;
mod unicode;

use libfuzzer_sys::fuzz_target;
use meaning::Meaning;
use serde_json::Value;
use unicode::is_recording_id;

/// A status, as text.
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
    let Some(meaning) = meaning::of(body) else {
        return;
    };
    // A mark and spaces before the JSON, and NULs and spaces behind it, say nothing.
    let json = std::str::from_utf8(body).expect("what was read is UTF-8");
    let is_space = |c: char| " \t\r\n".contains(c);
    let json = json
        .trim_start_matches(|c| is_space(c) || c == '\u{feff}')
        .trim_end_matches(|c| is_space(c) || c == '\0');
    let Ok(json) = serde_json::from_str::<Value>(json) else {
        // `Value` refuses numbers beyond a double; the library skips them unread.
        return;
    };
    let status = text(&json["status"]).and_then(|status| status.trim().parse::<i32>().ok());
    let data = &json["data"];
    match meaning {
        Meaning::Accepted(id) => {
            assert_eq!(status, Some(0));
            assert!(is_recording_id(&id), "{id:?}");
            if let Value::String(data) = data {
                assert_eq!(*data, id);
            } else {
                assert!(data.is_number() && id.bytes().all(|b| b"-0123456789".contains(&b)));
            }
        }
        Meaning::NoRecording => {
            assert_eq!(status, Some(0));
            // What is an ID is taken.
            assert!(!data.is_i64() && !data.is_u64());
            assert!(!data.as_str().is_some_and(is_recording_id), "{data}");
        }
        Meaning::Refused(refused) => {
            assert!(refused < 0);
            assert_eq!(status, Some(refused));
        }
        Meaning::NotTheApis(positive) => {
            assert!(positive > 0);
            assert_eq!(status, Some(positive));
        }
    }
});
