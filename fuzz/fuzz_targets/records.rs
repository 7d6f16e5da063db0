//! Any bytes as a response with records: what is taken for a record has to be one by a second reader of the
//! same JSON, its recording ID and texts fit for a log, and its times those that its texts say.
#![no_main]

mod unicode;

use itnio::api::find_records::Page;
use itnio::api::record::{Moment, Record, time_text, unix_time};
use itnio::api::response::parse;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;
use unicode::{has_hidden, is_recording_id};

/// The most records of a page.
const PAGE_SIZE: usize = 100;

fuzz_target!(|input: &[u8]| {
    let Some((number, body)) = input.split_at_checked(8) else {
        return;
    };
    let number = i64::from_le_bytes(number.try_into().expect("eight bytes"));
    check_time(number);
    check_time(number % 100_000_000_000);
    let Ok(response) = parse(body) else { return };
    // What `Value` refuses (numbers beyond a double), the library skips unread.
    let json = serde_json::from_slice::<Value>(body).ok();
    let data = json.as_ref().map(|json| &json["data"]);
    if let Some(record) = response.data.and_then(Record::parse) {
        check_record(&record, data);
    }
    check_page(response.data, number, data);
});

/// A time that is written is read as the same, if it is one.
fn check_time(unix: i64) {
    if let Some(text) = time_text(unix) {
        assert_eq!(
            unix_time(&text),
            Some(unix).filter(|unix| *unix > 0),
            "{text}"
        );
        assert_eq!(seconds(&text), Some(unix), "{text}");
    }
}

fn check_page(data: Option<&RawValue>, number: i64, json: Option<&Value>) {
    let asked = usize::try_from(number.rem_euclid(4) + 1).expect("a small number");
    let Ok(page) = Page::read(data, asked) else {
        return;
    };
    assert!(page.records.len() <= PAGE_SIZE);
    let Some(json) = json else { return };
    let items = json["records"].as_array().map_or(&[][..], Vec::as_slice);
    // `Value` does not keep the digits of a large number.
    if items.iter().any(|item| item["voiceId"].is_f64()) {
        return;
    }
    // One without an ID is none.
    let expected: Vec<_> = items
        .iter()
        .filter_map(|item| Some((id(&item["voiceId"])?, item)))
        .collect();
    assert_eq!(page.records.len(), expected.len());
    for (record, (id, item)) in page.records.iter().zip(expected) {
        assert_eq!(record.recording_id, id);
        check_record(record, Some(item));
    }
    let count = |name: &str| text(&json[name])?.parse::<usize>().ok();
    assert!(count("current").is_none_or(|current| current == asked));
    match count("pages").filter(|pages| *pages > 0) {
        Some(pages) => assert_eq!(page.is_last, asked >= pages || items.is_empty()),
        None if items.len() >= PAGE_SIZE => assert!(!page.is_last),
        None => {}
    }
}

fn check_record(record: &Record, json: Option<&Value>) {
    assert!(is_recording_id(&record.recording_id));
    let texts = [
        ("callee", &record.callee),
        ("displayNum", &record.display_num),
        ("phoneName", &record.phone_name),
        ("sipGroupName", &record.phone_group),
        ("code", &record.region),
        ("submitTime", &record.submitted.text),
        ("callTime", &record.called.text),
        ("ringingTime", &record.ringing.text),
        ("answerTime", &record.answered.text),
        ("hangupTime", &record.hung_up.text),
        ("terminationCode", &record.termination_code),
        ("terminationReason", &record.termination_reason),
        ("rate", &record.rate),
        ("billPeriod", &record.billing_period),
        ("recordingFileId", &record.recording_file_id),
        ("", &record.cost),
        ("", &record.currency),
    ];
    for (name, found) in texts {
        if let Some(text) = found {
            assert!(
                !text.trim().is_empty() && !has_hidden(text),
                "{name}: {text:?}"
            );
        }
        if let Some(json) = json
            && !name.is_empty()
        {
            check_text(&json[name], found.as_deref());
        }
    }
    for moment in [
        &record.submitted,
        &record.called,
        &record.ringing,
        &record.answered,
        &record.hung_up,
    ] {
        check_moment(moment);
    }
    for duration in [record.call_duration_s, record.charged_duration_s] {
        assert!(duration.is_none_or(|duration| duration >= 0));
    }
}

/// A text is the one that stands there.
fn check_text(json: &Value, found: Option<&str>) {
    match json {
        Value::String(text) if !has_hidden(text) => {
            assert_eq!(
                found,
                Some(text.as_str()).filter(|text| !text.trim().is_empty())
            );
        }
        Value::String(_) => {}
        Value::Number(number) => {
            let found = found.expect("a number is a text");
            assert_eq!(found.parse::<f64>().ok(), number.as_f64(), "{found}");
        }
        _ => assert_eq!(found, None),
    }
}

fn check_moment(moment: &Moment) {
    let expected = moment.text.as_deref().and_then(seconds);
    if let Some(unix) = moment.unix {
        assert!(unix > 0);
        assert_eq!(expected, Some(unix), "{moment:?}");
    } else if !moment
        .text
        .as_deref()
        .is_some_and(|text| text.contains(":60"))
    {
        // Leap seconds are at the end of a month only.
        assert!(expected.is_none_or(|unix| unix <= 0), "{moment:?}");
    }
}

/// The recording ID of a record.
fn id(json: &Value) -> Option<String> {
    text(json).filter(|id| is_recording_id(id))
}

/// The text of a string or of a whole number.
fn text(json: &Value) -> Option<String> {
    match json {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// The Unix seconds of a time, by another way than the library's. None for what is none.
fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let two = |at: usize, max: i64| {
        let digits = text.get(at..at + 2)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .parse()
            .ok()
            .filter(|number| is_number && *number <= max)
    };
    let sign =
        |at: usize, allowed: &str| text.get(at..at + 1).filter(|sign| allowed.contains(sign));
    let year = 100 * two(0, 99)? + two(2, 99)?;
    sign(4, "-")?;
    let month = two(5, 12)?;
    sign(7, "-")?;
    let day = two(8, 31)?;
    // Some write a space for the T; the library takes any character.
    text.get(10..11)?;
    let hour = two(11, 23)?;
    sign(13, ":")?;
    let minute = two(14, 59)?;
    let mut at = 16;
    let mut second = 0;
    if sign(at, ":").is_some() {
        second = two(at + 1, 60)?;
        at += 3;
        if sign(at, ".").is_some() {
            let digits = text[at + 1..]
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
            at += 1 + digits.checked_sub(1)? + 1;
        }
    }
    let offset = if sign(at, "Zz").is_some() {
        (at + 1 == text.len()).then_some(0)?
    } else {
        let direction = if sign(at, "+-")? == "+" { 1 } else { -1 };
        let hours = two(at + 1, 23)?;
        let rest = text.get(at + 3..)?;
        let minutes = match rest.len() {
            0 => 0,
            2 => two(at + 3, 59)?,
            3 if rest.starts_with(':') => two(at + 4, 59)?,
            _ => return None,
        };
        direction * (3600 * hours + 60 * minutes)
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [
        31,
        28 + i64::from(is_leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let before = usize::try_from(month).ok()?.checked_sub(1)?;
    if day < 1 || day > *days.get(before)? {
        return None;
    }
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let years = |year: i64| {
        if year == 0 {
            -366
        } else {
            365 * (year - 1) + leaps(year - 1)
        }
    };
    let date = years(year) - years(1970) + days[..before].iter().sum::<i64>() + day - 1;
    let unix = |second: i64| 86_400 * date + 3600 * hour + 60 * minute + second - offset;
    if second == 60 {
        // A leap second: at the end of a month by UTC, and then as the second before.
        let next = unix(60);
        let is_end = next % 86_400 == 0;
        return is_end.then_some(next - 1);
    }
    Some(unix(second))
}
