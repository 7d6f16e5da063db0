//! The API's records of the calls that a gateway has accepted: `POST {base}/recordSipQuery`, as far as its
//! documentation goes. Neither key nor signature nor timestamp is looked at.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::support::response::{RecordingIds, Response};

const PARAMETER_EXCEPTION: i32 = -22;
const OUT_OF_TIME_RANGE: i32 = -25;

const MAX_SIZE: u64 = 100;
const MAX_SPAN: time::Duration = time::Duration::days(31);
/// The documentation's "recent two months", at their longest.
const MAX_AGE: time::Duration = time::Duration::days(62);

/// What the campaign's phone and its group are called.
const PHONE_NAME: &str = "sipName8001";
const PHONE_GROUP: &str = "group1";

/// That of the documentation's examples.
const OFFSET_HOURS: i8 = 8;

struct Record {
    recording_id: String,
    callee: String,
    display_num: String,
    submitted: OffsetDateTime,
    /// Before that, it is in no page.
    appears: Instant,
}

/// The records of all gateways of a campaign. Each of its groups is a customer and sees the calls of its own: a
/// query has no field for the number called, so a look at all calls would go through all pages.
pub struct Records {
    delay: Duration,
    recording_ids: RecordingIds,
    by_group: Mutex<BTreeMap<u64, Vec<Record>>>,
}

impl Records {
    /// Records that appear so long after the call was accepted.
    pub fn new(delay: Duration) -> Records {
        Records {
            delay,
            recording_ids: RecordingIds::default(),
            by_group: Mutex::default(),
        }
    }

    /// Adds the call that this request's body asks for.
    pub fn add(&self, group: u64, body: &[u8], came: SystemTime) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let callee = text("callee");
        let mut display_num = text("displayNum");
        // What a bulky request has there is no number.
        if display_num.len() > 15 || !display_num.bytes().all(|byte| byte.is_ascii_digit()) {
            display_num.clear();
        }
        let record = Record {
            recording_id: self.recording_ids.next(&callee),
            callee,
            display_num,
            submitted: OffsetDateTime::from(came),
            appears: Instant::now() + self.delay,
        };
        let mut by_group = self.by_group.lock().unwrap_or_else(PoisonError::into_inner);
        by_group.entry(group).or_default().push(record);
    }

    /// Answers a query of this group's.
    pub fn query(&self, group: u64, body: &[u8], now: SystemTime) -> Response {
        match self.page(group, body, OffsetDateTime::from(now)) {
            Ok(page) => Response::json(
                json!({"status": "0", "reason": "success", "data": page}).to_string(),
            ),
            Err((status, reason)) => Response::refused(status, &reason),
        }
        .date(now)
    }

    fn page(&self, group: u64, body: &[u8], now: OffsetDateTime) -> Result<Value, (i32, String)> {
        let query = Query::read(body)?;
        query.check_range(now)?;
        let by_group = self.by_group.lock().unwrap_or_else(PoisonError::into_inner);
        let records: Vec<&Record> = by_group
            .get(&group)
            .into_iter()
            .flatten()
            .filter(|record| query.wants(record))
            .collect();
        // In the order of submission, so that the calls of which a caller is in doubt are on the last page.
        let shown: Vec<Value> = records
            .iter()
            .skip((query.current - 1).saturating_mul(query.size))
            .take(query.size)
            .map(|record| record.json())
            .collect();
        Ok(json!({
            "total": records.len(),
            "size": query.size,
            "current": query.current,
            "pages": records.len().div_ceil(query.size),
            "searchCount": true,
            "records": shown,
        }))
    }
}

impl Record {
    /// Of a phone that has rung, and been answered by nobody yet.
    fn json(&self) -> Value {
        let submitted = text_of(self.submitted);
        json!({
            "voiceId": self.recording_id,
            "sipGroupName": PHONE_GROUP,
            "phoneName": PHONE_NAME,
            "callee": self.callee,
            "displayNum": self.display_num,
            "code": "Germany",
            "submitTime": submitted,
            "callTime": submitted,
            "ringingTime": null,
            "answerTime": "",
            "callDuration": 0,
            "chargedDuration": 0,
            "cost": "0",
            "rate": "0.02",
            "billPeriod": "60+60",
        })
    }
}

/// A time as the API writes it.
fn text_of(time: OffsetDateTime) -> String {
    let offset = UtcOffset::from_hms(OFFSET_HOURS, 0, 0).expect("an offset of a time zone");
    let seconds = time.replace_nanosecond(0).expect("a whole second");
    seconds
        .to_offset(offset)
        .format(&Rfc3339)
        .expect("a time of this millennium")
}

struct Query {
    current: usize,
    size: usize,
    from: OffsetDateTime,
    to: OffsetDateTime,
    phone_group: String,
    phone_name: String,
}

impl Query {
    fn read(body: &[u8]) -> Result<Query, (i32, String)> {
        let wrong = |what: &str| (PARAMETER_EXCEPTION, format!("{what} is wrong"));
        let body: Value = serde_json::from_slice(body).map_err(|_| wrong("the body"))?;
        let number = |name: &str, most: u64| {
            let number = body[name].as_u64();
            let number = number.filter(|number| (1..=most).contains(number));
            number
                .and_then(|number| usize::try_from(number).ok())
                .ok_or_else(|| wrong(name))
        };
        let params = &body["params"];
        let time = |name: &str| {
            let text = params[name].as_str();
            text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
                .ok_or_else(|| wrong(name))
        };
        let name = |name: &str| match &params[name] {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(wrong(name)),
        };
        Ok(Query {
            current: number("current", u64::MAX)?,
            size: number("size", MAX_SIZE)?,
            from: time("strTime")?,
            to: time("endTime")?,
            phone_group: name("sipGroupName")?,
            phone_name: name("phoneName")?,
        })
    }

    fn check_range(&self, now: OffsetDateTime) -> Result<(), (i32, String)> {
        let why = if self.to < self.from {
            "endTime is before strTime"
        } else if self.to - self.from > MAX_SPAN {
            "more than 31 days"
        } else if self.from < now - MAX_AGE {
            "more than two months ago"
        } else {
            return Ok(());
        };
        Err((OUT_OF_TIME_RANGE, why.to_owned()))
    }

    fn wants(&self, record: &Record) -> bool {
        let is_named = |wanted: &str, name| wanted.is_empty() || wanted == name;
        record.appears <= Instant::now()
            && (self.from..=self.to).contains(&record.submitted)
            && is_named(&self.phone_group, PHONE_GROUP)
            && is_named(&self.phone_name, PHONE_NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25T12:00:00Z.
    const NOON: u64 = 1_795_608_000;
    const DAY: u64 = 24 * 3600;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Group 1 has had this many calls from noon on, one a second, and group 2 has had one.
    fn records(calls: u64, delay: Duration) -> Records {
        let records = Records::new(delay);
        for call in 0..calls {
            let body = format!(
                r#"{{"callee":"49001{call:07}","displayNum":"4930","account":"8001","appId":"4"}}"#
            );
            records.add(1, body.as_bytes(), at(NOON + call));
        }
        records.add(2, br#"{"callee":"490020000000"}"#, at(NOON));
        records
    }

    /// The JSON of the response to group 1's query, at one o'clock.
    fn ask(records: &Records, body: &str) -> Value {
        let response = records.query(1, body.as_bytes(), at(NOON + 3600)).bytes();
        let text = String::from_utf8(response).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.contains("Date: Wed, 25 Nov 2026 13:00:00 GMT"),
            "{head}"
        );
        serde_json::from_str(body).expect("JSON")
    }

    fn ids(response: &Value) -> Vec<&str> {
        let records = response["data"]["records"].as_array().expect("records");
        let ids = records.iter().map(|record| record["voiceId"].as_str());
        ids.map(|id| id.expect("an ID")).collect()
    }

    #[test]
    fn a_page_is_as_the_documentation_has_it() {
        let body = r#"{"current":1,"size":20,"params":{"strTime":"2026-11-25T20:00:00+08:00","endTime":"2026-11-25T13:00:00Z","sipGroupName":"","phoneName":""}}"#;
        let expected: Value = serde_json::from_str(
            r#"{"status":"0","reason":"success","data":{"total":1,"size":20,"current":1,"pages":1,"searchCount":true,"records":[
                {"voiceId":"2203000490010000000","sipGroupName":"group1","phoneName":"sipName8001","callee":"490010000000",
                 "displayNum":"4930","code":"Germany","submitTime":"2026-11-25T20:00:00+08:00","callTime":"2026-11-25T20:00:00+08:00",
                 "ringingTime":null,"answerTime":"","callDuration":0,"chargedDuration":0,"cost":"0","rate":"0.02","billPeriod":"60+60"}]}}"#,
        )
        .expect("JSON");
        assert_eq!(ask(&records(1, Duration::ZERO), body), expected);
    }

    #[test]
    fn each_record_is_on_one_page() {
        let records = records(205, Duration::ZERO);
        let page = |current: usize| {
            let body = format!(
                r#"{{"current":{current},"size":100,"params":{{"strTime":"2026-11-25T12:00:00Z","endTime":"2026-11-25T13:00:00Z"}}}}"#
            );
            ask(&records, &body)
        };
        let pages: Vec<Value> = (1..=4).map(page).collect();
        let lengths: Vec<usize> = pages.iter().map(|page| ids(page).len()).collect();
        assert_eq!(lengths, [100, 100, 5, 0]);
        let mut all: Vec<&str> = pages.iter().flat_map(ids).collect();
        all.dedup();
        assert_eq!(all.len(), 205);
        for (number, page) in (1..).zip(&pages) {
            let numbers = ["total", "pages", "current"].map(|name| page["data"][name].as_u64());
            assert_eq!(numbers, [Some(205), Some(3), Some(number)]);
        }
    }

    #[test]
    fn the_times_bound_the_submission_and_the_names_match() {
        let records = records(10, Duration::ZERO);
        let count = |params: &str| {
            let body = format!(r#"{{"current":1,"size":100,"params":{{{params}}}}}"#);
            ask(&records, &body)["data"]["total"].as_u64()
        };
        let times = r#""strTime":"2026-11-25T12:00:03Z","endTime":"2026-11-25T14:00:05+02:00""#;
        assert_eq!(count(times), Some(3));
        for (name, found) in [
            (r#""phoneName":"sipName8001""#, 3),
            (r#""phoneName":"sipname8001""#, 0),
            (r#""phoneName":null"#, 3),
            (r#""sipGroupName":"group1""#, 3),
            (r#""sipGroupName":"group""#, 0),
        ] {
            assert_eq!(count(&format!("{times},{name}")), Some(found), "{name}");
        }
    }

    #[test]
    fn a_query_out_of_its_limits_is_refused() {
        let records = records(1, Duration::ZERO);
        let hour = r#""strTime":"2026-11-25T12:00:00Z","endTime":"2026-11-25T13:00:00Z""#;
        for (body, status) in [
            ("[".to_owned(), "-22"),
            (format!(r#"{{"size":20,"params":{{{hour}}}}}"#), "-22"),
            (format!(r#"{{"current":0,"size":20,"params":{{{hour}}}}}"#), "-22"),
            (format!(r#"{{"current":1,"params":{{{hour}}}}}"#), "-22"),
            (format!(r#"{{"current":1,"size":101,"params":{{{hour}}}}}"#), "-22"),
            (r#"{"current":1,"size":20}"#.to_owned(), "-22"),
            (r#"{"current":1,"size":20,"params":{"strTime":"2026-11-25T12:00:00Z"}}"#.to_owned(), "-22"),
            (
                r#"{"current":1,"size":20,"params":{"strTime":"2026-11-25T12:00:00","endTime":"2026-11-25T13:00:00Z"}}"#.to_owned(),
                "-22",
            ),
            (
                r#"{"current":1,"size":20,"params":{"strTime":"2026-11-25T13:00:00Z","endTime":"2026-11-25T12:00:00Z"}}"#.to_owned(),
                "-25",
            ),
            (
                r#"{"current":1,"size":20,"params":{"strTime":"2026-10-25T12:59:59Z","endTime":"2026-11-25T13:00:00Z"}}"#.to_owned(),
                "-25",
            ),
            (
                r#"{"current":1,"size":20,"params":{"strTime":"2026-09-24T12:59:59Z","endTime":"2026-10-01T13:00:00Z"}}"#.to_owned(),
                "-25",
            ),
        ] {
            let response = ask(&records, &body);
            assert_eq!(response["status"], status, "{body}");
            assert_eq!(response["data"], Value::Null, "{body}");
        }
        let longest = r#"{"current":1,"size":20,"params":{"strTime":"2026-10-25T13:00:00Z","endTime":"2026-11-25T13:00:00Z"}}"#;
        assert_eq!(ask(&records, longest)["status"], "0");
    }

    #[test]
    fn a_record_appears_after_the_delay() {
        let delay = Duration::from_millis(300);
        let hour = r#"{"current":1,"size":20,"params":{"strTime":"2026-11-25T12:00:00Z","endTime":"2026-11-25T13:00:00Z"}}"#;
        let began = Instant::now();
        let records = records(1, delay);
        loop {
            let asked = began.elapsed();
            if !ids(&ask(&records, hour)).is_empty() {
                assert!(
                    began.elapsed() >= delay,
                    "there after {:?}",
                    began.elapsed()
                );
                break;
            }
            assert!(
                asked < delay + Duration::from_secs(10),
                "not there after {asked:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn calls_to_one_callee_have_records_of_their_own() {
        let records = records(1, Duration::ZERO);
        records.add(1, br#"{"callee":"490010000000"}"#, at(NOON + 1));
        let hour = r#"{"current":1,"size":20,"params":{"strTime":"2026-11-25T12:00:00Z","endTime":"2026-11-25T13:00:00Z"}}"#;
        assert_eq!(
            ids(&ask(&records, hour)),
            ["2203000490010000000", "2204000490010000000"]
        );
    }
}
