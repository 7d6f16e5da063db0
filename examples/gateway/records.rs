//! The records of the calls that were accepted. Each says at once how its call went; the callee
//! chooses it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::query::Query;

/// The group of all phones.
const GROUP: &str = "sandbox";
/// The number that is shown where a call does not name one: the documentation's.
const DISPLAY_NUM: &str = "1008122211";
/// The longest part of an account that gets into a phone's name: an account may fill a whole body.
const MAX_ACCOUNT: usize = 64;

/// The newest calls that were accepted.
#[derive(Debug)]
pub struct Records {
    /// The oldest goes first where there is one more than this.
    max: usize,
    entries: Mutex<VecDeque<Entry>>,
}

#[derive(Debug)]
struct Entry {
    record: Record,
    /// From when on it is shown; `None` if that is later than any clock goes.
    due: Option<Instant>,
}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

impl Records {
    /// Keeps `max` records.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            entries: Mutex::default(),
        }
    }

    /// Keeps a record, and shows it after `delay`.
    pub fn add(&self, record: Record, delay: Duration) {
        let due = Instant::now().checked_add(delay);
        let mut entries = self.lock();
        entries.push_back(Entry { record, due });
        if entries.len() > self.max {
            entries.pop_front();
        }
    }

    /// The record with this recording ID, or why there is none.
    pub fn get(&self, id: &str) -> Result<Map<String, Value>, &'static str> {
        let entries = self.lock();
        let entry = entries.iter().find(|entry| entry.record.id == id);
        match entry {
            Some(entry) if entry.is_due(Instant::now()) => Ok(entry.record.json()),
            Some(_) => Err("its record is not due yet"),
            None => Err("no call was accepted with this recording ID"),
        }
    }

    /// One page of the records that match, newest first.
    pub fn page(&self, query: &Query) -> Page {
        let now = Instant::now();
        let entries = self.lock();
        let mut found: Vec<&Record> = entries
            .iter()
            .rev()
            .filter(|entry| entry.is_due(now) && entry.record.matches(query))
            .map(|entry| &entry.record)
            .collect();
        // A clock may have been set back, or be fast for some callees.
        found.sort_by_key(|record| std::cmp::Reverse(record.submitted));
        let (total, size) = (found.len(), query.size);
        let first = usize::try_from(query.current - 1)
            .map_or(usize::MAX, |before| before.saturating_mul(size));
        let records = found.into_iter().skip(first).take(size);
        Page {
            total,
            size,
            current: query.current,
            pages: total.div_ceil(size),
            search_count: true,
            records: records.map(Record::json).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        // Each change is one push and one pop: there is no half of it.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page as the documentation shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// How many records match.
    total: usize,
    /// How many of them a page has at the most.
    size: usize,
    /// The number of this page, from 1 on.
    current: u64,
    /// How many pages there are.
    pages: usize,
    search_count: bool,
    records: Vec<Map<String, Value>>,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            total,
            current,
            pages,
            records,
            ..
        } = self;
        let count = records.len();
        write!(f, "page {current} of {pages}, {count} of {total} records")
    }
}

/// A call that was accepted.
#[derive(Debug)]
pub struct Record {
    id: String,
    callee: String,
    display_num: String,
    phone_name: String,
    /// In the API's time zone, and in whole seconds, as it is shown.
    submitted: OffsetDateTime,
}

impl Record {
    /// Of a call that passed every check.
    pub fn new(
        id: String,
        callee: &str,
        display_num: Option<&str>,
        account: &str,
        submitted: OffsetDateTime,
    ) -> Self {
        let account: String = account.chars().take(MAX_ACCOUNT).collect();
        let submitted = time_zone().map_or(submitted, |zone| submitted.to_offset(zone));
        Self {
            id,
            callee: callee.to_owned(),
            display_num: display_num.unwrap_or(DISPLAY_NUM).to_owned(),
            phone_name: format!("phone-{account}"),
            submitted: submitted.truncate_to_second(),
        }
    }

    fn matches(&self, query: &Query) -> bool {
        let is = |asked_for: &Option<String>, name: &str| {
            asked_for.as_ref().is_none_or(|asked_for| asked_for == name)
        };
        query
            .submitted
            .contains(&self.submitted.unix_timestamp_nanos())
            && is(&query.group, GROUP)
            && is(&query.phone_name, &self.phone_name)
    }

    /// As the documentation shows it.
    fn json(&self) -> Map<String, Value> {
        let course = Course::of(&self.callee);
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            let value = match (value, course.absent) {
                (Some(value), _) => value,
                (None, Absent::Null) => Value::Null,
                // A number cannot be empty.
                (None, Absent::Empty) if !name.ends_with("Duration") => json!(""),
                (None, Absent::Missing | Absent::Empty) => return,
            };
            fields.insert(name.to_owned(), value);
        };
        put("voiceId", Some(json!(self.id)));
        put("sipGroupName", Some(json!(GROUP)));
        put("phoneName", Some(json!(self.phone_name)));
        put("callee", Some(json!(self.callee)));
        put("displayNum", Some(json!(self.display_num)));
        put("code", Some(json!("Sandbox(Loopback)")));
        put("rate", Some(json!("0.02")));
        put("billPeriod", Some(json!("60+60")));

        let time = |after: i64| json!(self.time(after));
        put("submitTime", Some(time(0)));
        put("callTime", Some(time(1)));
        put("ringingTime", course.rings.then(|| time(2)));
        put("answerTime", course.answered.then(|| time(5)));
        let duration = if course.answered { course.duration } else { 0 };
        let over = course.termination.is_some();
        put("hangupTime", over.then(|| time(5 + duration)));
        let periods = (duration + 59) / 60;
        put("callDuration", over.then(|| json!(duration)));
        put("chargedDuration", over.then(|| json!(periods * 60)));
        let cost = match periods * 2 {
            0 => "0".to_owned(),
            cents => format!("0.{cents:02}"),
        };
        put("cost", over.then(|| json!(cost)));
        let (code, reason) = course.termination.unzip();
        put("terminationCode", code.map(|code| json!(code)));
        put("terminationReason", reason.map(|reason| json!(reason)));
        let file = format!("file-{}", self.id);
        put("recordingFileId", course.answered.then(|| json!(file)));
        fields
    }

    /// The time so many seconds after the submission.
    fn time(&self, after: i64) -> String {
        let at = self.submitted + time::Duration::seconds(after);
        // It fails for years of more than four digits only, and no option takes the clock there.
        at.format(&Rfc3339).unwrap_or_default()
    }
}

/// The API's: its documentation has +08:00 in all its times.
fn time_zone() -> Option<UtcOffset> {
    UtcOffset::from_hms(8, 0, 0).ok()
}

/// How a record says that something has not happened.
#[derive(Clone, Copy, Debug)]
enum Absent {
    /// It leaves the field out.
    Missing,
    Null,
    /// An empty string.
    Empty,
}

/// How a call went.
#[derive(Debug)]
struct Course {
    rings: bool,
    answered: bool,
    /// In seconds, if it was answered.
    duration: i64,
    /// Code and reason; `None` while the phone still rings.
    termination: Option<(&'static str, &'static str)>,
    absent: Absent,
}

impl Course {
    /// By the third digit from the callee's end; the last digit makes the call longer.
    fn of(callee: &str) -> Self {
        let digit = |from_end: usize| callee.bytes().rev().nth(from_end).unwrap_or(b'0') - b'0';
        let (rings, answered, termination, absent) = match digit(2) {
            7 => (false, false, Some(("486", "Busy Here")), Absent::Missing),
            8 => (true, false, Some(("480", "No Answer")), Absent::Null),
            9 => (true, false, None, Absent::Empty),
            _ => (true, true, Some(("200", "success")), Absent::Missing),
        };
        Self {
            rings,
            answered,
            duration: 5 + 10 * i64::from(digit(0)),
            termination,
            absent,
        }
    }
}
