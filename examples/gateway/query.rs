//! What a `recordSipQuery` asks for, and its documented limits.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::api::{Refusal, TIME_RANGE, bad_parameter, refusal};

/// The most records of a page.
const MAX_SIZE: u64 = 100;
/// The longest time from `strTime` to `endTime`.
const MAX_SPAN: Duration = Duration::days(31);
/// The documentation's "recent two months", at their longest.
const RECENT: Duration = Duration::days(62);

/// A query within its limits.
#[derive(Debug)]
pub struct Query {
    /// The number of the page, from 1 on.
    pub current: u64,
    /// How many records a page has at the most.
    pub size: usize,
    /// When the call was submitted, in nanoseconds of Unix time.
    pub submitted: RangeInclusive<i128>,
    /// The name of the phone's group, if that matters.
    pub group: Option<String>,
    /// The name of the phone, if that matters.
    pub phone_name: Option<String>,
}

impl Query {
    /// Reads a query, `clock` being the gateway's time.
    pub fn new(body: &Map<String, Value>, clock: OffsetDateTime) -> Result<Self, Refusal> {
        let current = number(body, "current", u64::MAX)?;
        let size = number(body, "size", MAX_SIZE)?;
        let params = match required(body, "params")? {
            Value::Object(params) => params,
            _ => return Err(bad_parameter("params must be an object")),
        };
        let (from, to) = (time(params, "strTime")?, time(params, "endTime")?);
        let group = name(params, "sipGroupName")?;
        let phone_name = name(params, "phoneName")?;

        let nanoseconds = from.unix_timestamp_nanos()..=to.unix_timestamp_nanos();
        let span = nanoseconds.end() - nanoseconds.start();
        let oldest = clock.unix_timestamp_nanos() - RECENT.whole_nanoseconds();
        let why = if span < 0 {
            "endTime is before strTime"
        } else if span > MAX_SPAN.whole_nanoseconds() {
            "strTime and endTime are more than 31 days apart"
        } else if *nanoseconds.start() < oldest {
            "strTime is more than two months (62 days) ago"
        } else {
            return Ok(Self {
                current,
                size: usize::try_from(size).unwrap_or(usize::MAX),
                submitted: nanoseconds,
                group,
                phone_name,
            });
        };
        Err(refusal(TIME_RANGE, why))
    }
}

fn required<'a>(object: &'a Map<String, Value>, field: &str) -> Result<&'a Value, Refusal> {
    object
        .get(field)
        .ok_or_else(|| bad_parameter(format!("{field} is missing")))
}

/// A number from 1 to `max`.
fn number(body: &Map<String, Value>, field: &str, max: u64) -> Result<u64, Refusal> {
    match required(body, field)?.as_u64() {
        Some(number) if (1..=max).contains(&number) => Ok(number),
        _ if max == u64::MAX => Err(bad_parameter(format!("{field} must be a number from 1 on"))),
        _ => Err(bad_parameter(format!(
            "{field} must be a number from 1 to {max}"
        ))),
    }
}

/// A time in the form that the documentation shows.
fn time(params: &Map<String, Value>, field: &str) -> Result<OffsetDateTime, Refusal> {
    let text = required(params, field)?.as_str();
    text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
        .ok_or_else(|| {
            bad_parameter(format!(
                "{field} must be a time with an offset, such as 2022-02-18T00:00:00+08:00"
            ))
        })
}

/// A name to match; an empty one, as in the documentation's example, matches all.
fn name(params: &Map<String, Value>, field: &str) -> Result<Option<String>, Refusal> {
    match params.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if name.is_empty() => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(_) => Err(bad_parameter(format!("{field} must be a string, or null"))),
    }
}
