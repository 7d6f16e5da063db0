//! `voice/recordSipQuery`: the records of many calls, page by page.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use ureq::http::Method;

use super::Endpoint;
use super::client::Client;
use super::clock::{MAX_CLOCK_SKEW, unix_now};
use super::record::{self, Record, time_text};
use super::recording_ids::hash_of;
use super::repeat::RepeatPolicy;
use super::response::{bad_response, does_not_exist, scalar};
use crate::error::{Error, ErrorKind};
use crate::net::io::Deadline;

/// The records of a page, by the documentation 1 to 100.
const PAGE_SIZE: usize = 100;

/// The most pages that are read for one range of time: an account may place many calls, but the memory for
/// what is known of them has to end somewhere.
const MAX_PAGES: usize = 1_000;

/// The longest range of time of a query. The documentation allows 31 days.
const MAX_RANGE: i64 = 30 * 24 * 3600;

/// The documentation does not say whether a query's times bound the submission or the call: the call may
/// come this much later.
const CALL_DELAY: i64 = 3600;

/// How far a range reaches beyond the server's time of now, should its clock not be that of its `Date`.
const RANGE_MARGIN: i64 = 60;

/// The records that are asked for where the caller does not say how many.
const DEFAULT_MAX_RECORDS: u32 = 100;

/// Which records to look for; see `itnio_record_query` for each field.
#[derive(Clone, Copy, Debug)]
pub struct RecordQuery<'a> {
    /// Submitted at this time or later, by our clock.
    pub since: i64,
    /// Submitted at this time or before, by our clock. 0: now.
    pub until: i64,
    /// Default: any.
    pub callee: Option<&'a str>,
    /// Default: any.
    pub display_num: Option<&'a str>,
    /// Default: any.
    pub phone_name: Option<&'a str>,
    /// Default: any.
    pub phone_group: Option<&'a str>,
    /// 0: the default.
    pub max_records: u32,
    /// 0: the client's.
    pub timeout_ms: u32,
}

/// One page of records.
#[derive(Serialize)]
struct FindRecords<'a> {
    current: usize,
    size: usize,
    params: Params<'a>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    str_time: String,
    end_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sip_group_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_name: Option<&'a str>,
}

/// What a page has.
#[derive(Debug)]
pub struct Page {
    /// Its records.
    pub records: Vec<Record>,
    /// Whether there is no other page behind it.
    pub is_last: bool,
    // Whether the server says which page it is, and how many there are.
    is_numbered: bool,
}

#[derive(Default, Deserialize)]
struct PageData<'a> {
    #[serde(borrow)]
    current: Option<&'a RawValue>,
    #[serde(borrow)]
    size: Option<&'a RawValue>,
    #[serde(borrow)]
    pages: Option<&'a RawValue>,
    #[serde(borrow)]
    records: Option<Items<'a>>,
}

/// The items of an array, as many as a page may have: a megabyte has room for half a million.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Items<'a>, D::Error> {
        from.deserialize_seq(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Items<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            if items.len() == PAGE_SIZE {
                return Err(de::Error::custom("more records than were asked for"));
            }
            items.push(item);
        }
        Ok(Items(items))
    }
}

impl Endpoint for FindRecords<'_> {
    type Output = Page;

    const METHOD: Method = Method::POST;

    // It changes nothing, although it is a POST.
    const REPEAT: RepeatPolicy = RepeatPolicy::Safe;

    const MAX_BODY_SIZE: usize = record::MAX_BODY_SIZE;

    fn path(&self) -> Cow<'_, str> {
        "/recordSipQuery".into()
    }

    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("the query: {error}")))
    }

    fn read_data(&self, data: Option<&RawValue>) -> Result<Page, Cow<'static, str>> {
        Page::read(data, self.current)
    }
}

impl Page {
    /// Reads page number `asked` of a response's `data`. Fails where it is none, or another one.
    pub fn read(data: Option<&RawValue>, asked: usize) -> Result<Page, Cow<'static, str>> {
        // None, or null, where there is nothing to show.
        let page: Option<PageData<'_>> = serde_json::from_str(data.map_or("null", RawValue::get))
            .map_err(|error| {
            format!("the response's data is not a page of records: {error}")
        })?;
        let page = page.unwrap_or_default();
        let records = page.records.map_or_else(Vec::new, |items| items.0);
        let number = |value: Option<&RawValue>| scalar(value?)?.parse::<usize>().ok();
        let (current, pages) = (number(page.current), number(page.pages));
        if current.is_some_and(|current| current != asked) {
            return Err("the response has another page of records".into());
        }
        // A server may have smaller pages than it was asked for; 0 where it has not counted.
        let size = number(page.size).filter(|size| *size > 0);
        let is_full = records.len() >= size.unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
        let is_last = match pages.filter(|pages| *pages > 0) {
            Some(pages) => pages <= asked || records.is_empty(),
            None => !is_full,
        };
        Ok(Page {
            is_last,
            is_numbered: current.is_some() && pages.is_some(),
            records: records.into_iter().filter_map(Record::parse).collect(),
        })
    }
}

impl RecordQuery<'_> {
    /// Whether it asks for this record. One without a time of submission may be asked for.
    fn wants(&self, record: &Record) -> bool {
        let is = |wanted: Option<&str>, text: &Option<String>| {
            wanted.is_none_or(|wanted| text.as_deref() == Some(wanted))
        };
        let is_in_time = |time| time >= self.since && (self.until == 0 || time <= self.until);
        is(self.callee, &record.callee)
            && is(self.display_num, &record.display_num)
            && is(self.phone_name, &record.phone_name)
            && is(self.phone_group, &record.phone_group)
            && record.submitted.unix.is_none_or(is_in_time)
    }

    fn max_records(&self) -> usize {
        let max = match self.max_records {
            0 => DEFAULT_MAX_RECORDS,
            max => max,
        };
        usize::try_from(max).unwrap_or(usize::MAX)
    }
}

impl Client {
    /// The records that `query` asks for, the newest first.
    pub fn find_records(&self, query: &RecordQuery<'_>) -> Result<Vec<Record>, Error> {
        for (field, time, first) in [("since", query.since, 1), ("until", query.until, 0)] {
            if time < first || time_text(time).is_none() {
                return Err(Error::invalid(field, "not a time in Unix seconds"));
            }
        }
        let deadline = self.deadline(query.timeout_ms);
        let known = self.state()?.clock.offset();
        match self.read_records(query, known, deadline)? {
            Ok(records) => Ok(records),
            // Where the server's clock has another time, so have the records.
            Err(offset) => {
                let records = self.read_records(query, offset, deadline)?;
                records
                    .map_err(|_| bad_response(Some(0), "the server's clock does not stand still"))
            }
        }
    }

    /// The records, with the times of a server's clock that is `offset` seconds ahead of ours. An offset where
    /// the server's first response shows that it is another.
    fn read_records(
        &self,
        query: &RecordQuery<'_>,
        offset: i64,
        deadline: Deadline,
    ) -> Result<Result<Vec<Record>, i64>, Error> {
        let clock = &self.state()?.clock;
        let latest = unix_now().saturating_add(RANGE_MARGIN);
        let until = match query.until {
            0 => latest,
            until => latest.min(until.saturating_add(CALL_DELAY)),
        };
        let first = query.since.saturating_add(offset);
        let mut last = until.saturating_add(offset).max(first);
        let mut known = HashSet::new();
        let mut found = Vec::new();
        let mut is_first_response = true;
        loop {
            let start = first.max(last.saturating_sub(MAX_RANGE));
            let mut request = FindRecords {
                current: 1,
                size: PAGE_SIZE,
                params: Params {
                    str_time: time_text(start).unwrap_or_default(),
                    end_time: time_text(last).unwrap_or_default(),
                    sip_group_name: query.phone_group,
                    phone_name: query.phone_name,
                },
            };
            loop {
                let asked_at = unix_now();
                let (page, head) = match self.call(&request, deadline) {
                    Err(error) if does_not_exist(&error) => break,
                    called => called?,
                };
                let shown = clock.offset_at(offset, &head, asked_at);
                if is_first_response && (shown - offset).abs() > MAX_CLOCK_SKEW {
                    return Ok(Err(shown));
                }
                is_first_response = false;
                let known_before = known.len();
                for record in page.records {
                    // A call that is placed meanwhile moves others on to the next page.
                    if known.insert(hash_of(&record.recording_id)) {
                        let record = record.on_our_clock(offset);
                        found.extend(Some(record).filter(|record| query.wants(record)));
                    }
                }
                keep_newest(&mut found, query.max_records());
                // A server may repeat a page, or a whole page of calls has been placed meanwhile.
                if page.is_last || known.len() == known_before && !page.is_numbered {
                    break;
                }
                if request.current == MAX_PAGES {
                    let why = "more than 100,000 records: ask for a shorter time";
                    return Err(bad_response(Some(0), why));
                }
                request.current += 1;
            }
            if start == first || found.len() == query.max_records() {
                return Ok(Ok(found));
            }
            last = start;
        }
    }
}

fn keep_newest(records: &mut Vec<Record>, count: usize) {
    records.sort_by_key(|record| Reverse(record.submitted.unix));
    records.truncate(count);
}
