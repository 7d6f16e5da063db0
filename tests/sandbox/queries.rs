//! What `recordSipQuery` of the sandbox gateway finds, in which order, and what it refuses.

use serde_json::{Value, json};
use time::{Duration as Span, OffsetDateTime, UtcOffset};

use crate::caller::{Caller, Request};
use crate::process::Sandbox;
use crate::records::{callees, page, query, query_with, send, text, unix};
use crate::{GOOD, call};

#[test]
fn records_come_in_pages_newest_first_and_each_is_on_one_page() {
    let sandbox = Sandbox::start(&["--plain"]);
    let mut caller = Caller::to(&sandbox);
    let mut ids: Vec<Value> = (0..250)
        .map(|number| {
            let request = Request::to(&format!("8613{number:06}00"));
            let response = caller.call(&request).expect("a response");
            json!(response.recording_id())
        })
        .collect();
    ids.reverse();
    for size in [100_usize, 99, 50, 7, 1] {
        let pages = 250_usize.div_ceil(size);
        let mut found = Vec::new();
        for current in (1..=pages).take(40) {
            let mut query = query();
            query["current"] = json!(current);
            query["size"] = json!(size);
            let response = caller.call(&Request::for_records(&query)).expect("a page");
            let mut page = response.json()["data"].take();
            let records = page["records"].take();
            let records = records.as_array().expect("an array");
            assert_eq!(
                page,
                json!({
                    "total": 250,
                    "size": size,
                    "current": current,
                    "pages": pages,
                    "searchCount": true,
                    "records": null,
                })
            );
            assert_eq!(records.len(), size.min(250 - found.len()));
            found.extend(records.iter().map(|record| record["voiceId"].clone()));
        }
        assert_eq!(found, ids[..found.len()], "{size}");
        assert!(found.len() == 250 || size < 7);
    }
    // The last is one whose first record's number, in 64 bits, would be 0.
    for (current, size, pages) in [(4, 100, 3), (u64::MAX, 100, 3), ((1 << 58) + 1, 64, 4)] {
        let mut query = query();
        query["current"] = json!(current);
        query["size"] = json!(size);
        let page = page(&sandbox, &query);
        assert_eq!(
            (&page["total"], &page["pages"]),
            (&json!(250), &json!(pages))
        );
        assert_eq!(page["records"], json!([]));
    }
}

#[test]
fn the_newest_is_the_one_with_the_latest_time_of_submission() {
    let sandbox = Sandbox::start(&["--on=85=clock-offset:200"]);
    for callee in [GOOD, "8613800138085", "8613800138001"] {
        send(&sandbox, &Request::to(callee));
    }
    call(&sandbox, &Request::to("8613800138003")).recording_id();
    let expected = [GOOD, "8613800138003", "8613800138085"];
    assert_eq!(callees(&sandbox), expected);
}

#[test]
fn a_page_without_records_is_a_page() {
    let sandbox = Sandbox::start(&[]);
    assert_eq!(
        page(&sandbox, &query()),
        json!({
            "total": 0,
            "size": 100,
            "current": 1,
            "pages": 0,
            "searchCount": true,
            "records": [],
        })
    );
}

#[test]
fn a_query_that_breaks_a_documented_rule_is_status_22_and_names_the_field() {
    let sandbox = Sandbox::start(&[]);
    let mut caller = Caller::to(&sandbox);
    let mut refused = |body: &str, what: &str| {
        let request = Request::for_records(&Value::Null).body(body);
        let response = caller.call(&request).expect("a response");
        let expected = format!("parameter exception: {what}");
        assert_eq!(response.status(), "-22", "{body}");
        assert!(response.reason().starts_with(&expected), "{response:?}");
        assert_eq!(response.json()["data"], Value::Null);
    };
    for body in ["", "{", "[]", "null", &"[".repeat(60_000)] {
        refused(body, "the body is not ");
    }
    for field in ["current", "size", "params"] {
        let mut query = query();
        query.as_object_mut().expect("an object").remove(field);
        refused(&query.to_string(), &format!("{field} is missing"));
    }
    for field in ["strTime", "endTime"] {
        let mut query = query();
        let params = query["params"].as_object_mut().expect("an object");
        params.remove(field);
        refused(&query.to_string(), &format!("{field} is missing"));
    }
    let wrong = [
        ("current", json!(0)),
        ("current", json!(-1)),
        ("current", json!(1.5)),
        ("current", json!("1")),
        ("current", json!(null)),
        ("size", json!(0)),
        ("size", json!(101)),
        ("size", json!("20")),
        ("params", json!([])),
        ("params", json!(null)),
    ];
    for (field, value) in wrong {
        let mut query = query();
        query[field] = value;
        refused(&query.to_string(), &format!("{field} must be "));
    }
    let wrong = [
        ("strTime", json!("")),
        ("strTime", json!(null)),
        ("strTime", json!(1_645_171_200)),
        ("strTime", json!("yesterday")),
        // Without an offset, without a time, and what is no date.
        ("strTime", json!("2022-02-18T00:00:00")),
        ("strTime", json!("2022-02-18")),
        ("endTime", json!("2022-02-30T00:00:00+08:00")),
        ("endTime", json!("2022-02-18T00:00:00+08:00 or so")),
        ("sipGroupName", json!(1)),
        ("phoneName", json!(["phone-1001"])),
    ];
    for (field, value) in wrong {
        let query = query_with(&[(field, value)]);
        refused(&query.to_string(), &format!("{field} must be "));
    }
}

#[test]
fn a_query_outside_the_time_range_is_status_25() {
    let sandbox = Sandbox::start(&[]);
    let now = OffsetDateTime::now_utc();
    let day = Span::DAY;
    let status = |from: OffsetDateTime, to: OffsetDateTime| {
        let range = [("strTime", json!(text(from))), ("endTime", json!(text(to)))];
        let response = call(&sandbox, &Request::for_records(&query_with(&range)));
        if response.status() == "-25" {
            assert_eq!(response.reason(), "out of the time range");
            assert_eq!(response.json()["data"], Value::Null);
        }
        response.status()
    };
    let minute = Span::MINUTE;
    for (from, to, expected) in [
        // At most 31 days apart.
        (now - day * 31, now, "0"),
        (now - day * 31 - Span::SECOND, now, "-25"),
        // Within two months of now.
        (now - day * 62 + minute, now - day * 40, "0"),
        (now - day * 62 - minute, now - day * 40, "-25"),
        (now - day * 365, now - day * 360, "-25"),
        // The right way round.
        (now, now, "0"),
        (now, now - Span::SECOND, "-25"),
        // The rest of today.
        (now - day, now + day * 2, "0"),
    ] {
        assert_eq!(status(from, to), expected, "{from} {to}");
    }
    // The ends of the calendar.
    for (from, to) in [
        ("0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
        ("9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59"),
    ] {
        let range = [("strTime", json!(from)), ("endTime", json!(to))];
        let response = call(&sandbox, &Request::for_records(&query_with(&range)));
        assert_eq!(response.status(), "-25", "{from} {to}");
    }
}

#[test]
fn a_query_finds_what_was_submitted_between_its_times_in_whole_seconds_and_any_offset() {
    let sandbox = Sandbox::start(&[]);
    let id = call(&sandbox, &Request::to(GOOD)).recording_id();
    let record = call(&sandbox, &Request::for_record(&id)).json()["data"].take();
    let submitted = unix(&record["submitTime"]);
    let at = OffsetDateTime::from_unix_timestamp(submitted).expect("a time");
    let found = |from: String, to: String| {
        let range = [("strTime", json!(from)), ("endTime", json!(to))];
        page(&sandbox, &query_with(&range))["total"] == 1
    };
    let zone = UtcOffset::from_hms(-5, -30, 0).expect("an offset");
    let (utc, west) = (text(at), text(at.to_offset(zone)));
    assert!(utc.ends_with('Z') && west.ends_with("-05:30"));
    assert!(found(utc.clone(), utc.clone()));
    assert!(found(west.clone(), west));
    let shown = record["submitTime"].as_str().expect("a time").to_owned();
    assert!(found(shown.clone(), shown));
    let second = Span::SECOND;
    assert!(found(text(at - second), text(at + second)));
    assert!(!found(text(at - second), text(at - Span::MILLISECOND)));
    assert!(!found(text(at + Span::MILLISECOND), text(at + second)));
}

#[test]
fn names_of_group_and_phone_match_exactly() {
    let sandbox = Sandbox::start(&[]);
    let long = "x".repeat(1000);
    for account in ["1001", "1002", "1001", &long] {
        let body = json!({ "callee": GOOD, "account": account, "appId": "app" });
        call(&sandbox, &Request::with(&body)).recording_id();
    }
    let long = format!("phone-{}", "x".repeat(64));
    for (group, phone, expected) in [
        (json!(""), json!(""), 4),
        (json!(null), json!(null), 4),
        (json!("sandbox"), json!(""), 4),
        (json!(""), json!("phone-1001"), 2),
        (json!("sandbox"), json!("phone-1002"), 1),
        (json!("sandbox"), json!(long), 1),
        (json!("Sandbox"), json!("phone-1001"), 0),
        (json!("other"), json!(""), 0),
        (json!(""), json!("phone-100"), 0),
        (json!(""), json!("1001"), 0),
        (json!(""), json!(" phone-1001"), 0),
    ] {
        let names = [("sipGroupName", group), ("phoneName", phone)];
        let page = page(&sandbox, &query_with(&names));
        assert_eq!(page["total"], expected, "{names:?}");
        let records = page["records"].as_array().expect("an array");
        assert_eq!(records.len(), expected, "{names:?}");
    }
    // They are optional.
    let mut query = query();
    let params = query["params"].as_object_mut().expect("an object");
    params.remove("sipGroupName");
    params.remove("phoneName");
    assert_eq!(page(&sandbox, &query)["total"], 4);
}
