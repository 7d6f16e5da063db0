//! The records of the sandbox gateway: `recordSip` and `recordSipQuery`.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration as Span, OffsetDateTime, UtcOffset};

use crate::caller::{Caller, Request, Response, now, sign};
use crate::process::Sandbox;
use crate::{GOOD, KEY, SECRET, SLACK, call};

/// Longer than a record may take to appear on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

pub fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("a time")
}

pub fn unix(text: &Value) -> i64 {
    let text = text.as_str().expect("a string");
    assert!(text.len() == 25 && text.ends_with("+08:00"), "{text}");
    OffsetDateTime::parse(text, &Rfc3339)
        .expect("a time")
        .unix_timestamp()
}

/// A query for a day before and after now.
pub fn query() -> Value {
    let now = OffsetDateTime::now_utc();
    json!({
        "current": 1,
        "size": 100,
        "params": {
            "strTime": text(now - Span::DAY),
            "endTime": text(now + Span::DAY),
            "sipGroupName": "",
            "phoneName": "",
        },
    })
}

/// `query()` with other parameters.
pub fn query_with(params: &[(&str, Value)]) -> Value {
    let mut query = query();
    for (name, value) in params {
        query["params"][*name] = value.clone();
    }
    query
}

#[track_caller]
pub fn page(sandbox: &Sandbox, query: &Value) -> Value {
    let response = call(sandbox, &Request::for_records(query));
    assert_eq!(response.status(), "0", "{response:?}");
    assert_eq!(response.reason(), "success");
    response.json()["data"].clone()
}

/// All records of a sandbox that has no more than 100.
#[track_caller]
fn records(sandbox: &Sandbox) -> Vec<Value> {
    let page = page(sandbox, &query());
    let records = page["records"].as_array().expect("an array").clone();
    assert_eq!(page["total"], records.len(), "{page}");
    records
}

/// The record of one callee that has one.
#[track_caller]
fn record_of(sandbox: &Sandbox, callee: &str) -> Value {
    let mut found = records(sandbox);
    found.retain(|record| record["callee"] == callee);
    assert_eq!(found.len(), 1, "{callee}: {found:?}");
    found.remove(0)
}

/// Whom the records are of, oldest first.
pub fn callees(sandbox: &Sandbox) -> Vec<Value> {
    let records = records(sandbox);
    records.iter().rev().map(|r| r["callee"].clone()).collect()
}

/// Sends a request, and does not mind what comes back.
pub fn send(sandbox: &Sandbox, request: &Request) -> Option<Response> {
    Caller::to(sandbox).call(request)
}

#[test]
fn an_accepted_call_is_in_the_records_under_its_recording_id_with_the_documented_fields() {
    let sandbox = Sandbox::start(&[]);
    let before = now().cast_signed();
    let request = json!({
        "callee": "8613800138003",
        "displayNum": "4930123456",
        "account": "1001",
        "appId": "app",
        "calledInfo": "a tag",
    });
    let id = call(&sandbox, &Request::with(&request)).recording_id();
    let response = call(&sandbox, &Request::for_record(&id));
    assert_eq!(response.status(), "0");
    assert_eq!(response.reason(), "success");
    assert!(response.date().abs_diff(now()) <= SLACK, "{response:?}");

    let record = response.json()["data"].clone();
    let submitted = unix(&record["submitTime"]);
    assert!((before..=now().cast_signed()).contains(&submitted));
    let time = |after: i64| {
        let zone = UtcOffset::from_hms(8, 0, 0).expect("an offset");
        let at = OffsetDateTime::from_unix_timestamp(submitted + after).expect("a time");
        text(at.to_offset(zone))
    };
    let expected = json!({
        "voiceId": id,
        "sipGroupName": "sandbox",
        "phoneName": "phone-1001",
        "callee": "8613800138003",
        "displayNum": "4930123456",
        "code": "Sandbox(Loopback)",
        "submitTime": time(0),
        "callTime": time(1),
        "ringingTime": time(2),
        "answerTime": time(5),
        "hangupTime": time(40),
        "callDuration": 35,
        "chargedDuration": 60,
        "terminationCode": "200",
        "terminationReason": "success",
        "cost": "0.02",
        "rate": "0.02",
        "billPeriod": "60+60",
        "recordingFileId": format!("file-{id}"),
    });
    assert_eq!(record, expected);
    assert_eq!(records(&sandbox), [record]);
}

#[test]
fn an_accepted_call_whose_response_was_lost_is_in_the_records() {
    let sandbox = Sandbox::start(&[
        "--on=81=drop",
        "--on=82=http-status:502",
        "--on=83=garbage",
        "--on=84=delay-ms:3600000",
        "--on=10=status:0",
    ]);
    let mut expected = Vec::new();
    for suffix in [81, 82, 83, 91] {
        let callee = format!("86138001380{suffix}");
        let response = send(&sandbox, &Request::to(&callee));
        assert!(response.is_none_or(|response| !response.body.contains("success")));
        // The diary names the record.
        let line = sandbox.line();
        let (_, id) = line.rsplit_once(", record ").expect("a recording ID");
        assert_eq!(record_of(&sandbox, &callee)["voiceId"], id, "{line}");
        assert!(sandbox.line().contains(" recordSipQuery "), "the lookup");
        expected.push(callee);
    }
    // A client that does not wait for the response.
    let mut caller = Caller::to(&sandbox);
    caller.send(&Request::to("8613800138084").bytes());
    assert!(sandbox.line().contains("status 0, recording ID "));
    drop(caller);
    expected.push("8613800138084".to_owned());
    // One that an option lets succeed.
    call(&sandbox, &Request::to("8613800138010")).recording_id();
    expected.push("8613800138010".to_owned());
    assert_eq!(callees(&sandbox), expected);
}

#[test]
fn a_call_that_was_refused_or_never_arrived_whole_is_not_in_the_records() {
    let sandbox = Sandbox::start(&[
        "--on=81=drop",
        "--on=8210=http-status:502",
        "--on=83=status:-99",
    ]);
    let good = Request::to(GOOD);
    let refused = [
        Request::to("8613800138010"),
        Request::to("8613800138022"),
        Request::to("8613800138083"),
        Request::to("123"),
        good.clone().header("Sign", "x"),
        good.clone().at("1630468800"),
        good.clone().without("Content-Type"),
        good.clone().body("{"),
        good.clone().path("/voice/sendsip"),
        // Lost and refused: the suffix, the signature, a field.
        Request::to("8613800138210"),
        Request::to("8613800138081").header("Sign", "x"),
        Request::with(&json!({ "callee": "8613800138081", "account": "", "appId": "app" })),
        Request::to("8613800138091").header("Sign", "x"),
    ];
    for request in &refused {
        send(&sandbox, request);
        assert!(!sandbox.line().contains(", record"), "{request:?}");
    }
    let mut caller = Caller::to(&sandbox);
    let whole = good.bytes();
    caller.send(&whole[..whole.len() - 1]);
    caller.close();
    assert!(sandbox.line().contains("the request was cut off"));
    assert_eq!(records(&sandbox), [Value::Null; 0]);

    call(&sandbox, &good).recording_id();
    assert_eq!(callees(&sandbox), [GOOD]);
}

#[test]
fn a_suffix_that_loses_the_response_does_so_for_an_accepted_call_only_and_gives_way_to_an_option() {
    let sandbox = Sandbox::start(&["--on=92=status:0", "--on=991=http-status:502"]);
    let usual = Request::to("8613800138091");
    assert!(send(&sandbox, &usual).is_none());
    let unsigned = call(&sandbox, &usual.header("Sign", "x"));
    assert_eq!(unsigned.status(), "-1");
    call(&sandbox, &Request::to("8613800138092")).recording_id();
    assert_eq!(call(&sandbox, &Request::to("8613800138991")).code, 502);
    // The option speaks for the record, too: none of them is late.
    let expected = ["8613800138091", "8613800138092", "8613800138991"];
    assert_eq!(callees(&sandbox), expected);
}

#[test]
fn a_record_appears_after_its_delay_and_not_before() {
    let everyone = Sandbox::start(&["--record-delay-ms=700", "--on=81=record-delay-ms:0"]);
    let some = Sandbox::start(&[
        "--on=81=record-delay-ms:700",
        "--on=82=drop,record-delay-ms:700",
    ]);
    let usual = Sandbox::start(&[]);
    let cases = [
        (&everyone, "8613800138000", 700),
        (&everyone, "8613800138081", 0),
        (&some, "8613800138081", 700),
        (&some, "8613800138082", 700),
        (&some, "8613800138000", 0),
        (&usual, "8613800138092", 3000),
        (&usual, "8613800138091", 0),
    ];
    for (sandbox, callee, delay) in cases {
        let started = Instant::now();
        let response = send(sandbox, &Request::to(callee));
        let mut lookups = 0;
        while !callees(sandbox).contains(&json!(callee)) {
            lookups += 1;
            assert!(started.elapsed() < LIMIT, "{callee}: no record");
            if let Some(response) = &response {
                let lookup = Request::for_record(&response.recording_id());
                let status = call(sandbox, &lookup).status();
                assert!(status == "-24" || status == "0", "{status}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(delay), "{callee}: {took:?}");
        // With a delay there may be none either, on a busy machine.
        assert!(lookups == 0 || delay > 0, "{callee}: {lookups} lookups");
    }
}

#[test]
fn a_record_that_is_not_due_is_under_its_recording_id_neither() {
    let sandbox = Sandbox::start(&[&format!("--record-delay-ms={}", u64::MAX)]);
    let id = call(&sandbox, &Request::to(GOOD)).recording_id();
    assert_eq!(call(&sandbox, &Request::for_record(&id)).status(), "-24");
    assert_eq!(records(&sandbox), [Value::Null; 0]);
}

#[test]
fn what_has_not_happened_is_missing_null_or_empty_by_the_callee() {
    let sandbox = Sandbox::start(&[]);
    let record = |callee: &str| {
        call(&sandbox, &Request::to(callee)).recording_id();
        record_of(&sandbox, callee)
    };
    let all = [
        ("ringingTime", json!(null)),
        ("answerTime", json!(null)),
        ("hangupTime", json!(null)),
        ("callDuration", json!(null)),
        ("chargedDuration", json!(null)),
        ("terminationCode", json!(null)),
        ("terminationReason", json!(null)),
        ("cost", json!(null)),
        ("recordingFileId", json!(null)),
    ];
    let check = |record: &Value, absent: &[&str], as_what: Option<&Value>| {
        for (field, _) in &all {
            let value = record.get(field);
            if absent.contains(field) {
                assert_eq!(value, as_what, "{field}: {record}");
            } else {
                assert!(value.is_some_and(|v| !v.is_null() && v != ""), "{field}");
            }
        }
        for field in ["submitTime", "callTime"] {
            unix(&record[field]);
        }
    };

    let busy = record("8613800138700");
    let absent = ["ringingTime", "answerTime", "recordingFileId"];
    check(&busy, &absent, None);
    assert_eq!(busy["terminationCode"], "486");
    assert_eq!(
        (&busy["callDuration"], &busy["cost"]),
        (&json!(0), &json!("0"))
    );
    assert!(unix(&busy["hangupTime"]) >= unix(&busy["callTime"]));

    let no_answer = record("8613800138800");
    let absent = ["answerTime", "recordingFileId"];
    check(&no_answer, &absent, Some(&Value::Null));
    assert_eq!(no_answer["terminationCode"], "480");
    assert!(unix(&no_answer["hangupTime"]) >= unix(&no_answer["ringingTime"]));

    let ringing = record("8613800138900");
    let numbers = ["callDuration", "chargedDuration"];
    let mut texts: Vec<&str> = all.iter().map(|(field, _)| *field).collect();
    texts.retain(|field| *field != "ringingTime" && !numbers.contains(field));
    for field in numbers {
        assert_eq!(ringing.get(field), None, "{ringing}");
    }
    for field in &texts {
        assert_eq!(ringing[field], "", "{field}: {ringing}");
    }
    unix(&ringing["ringingTime"]);

    // Longer than a period of billing.
    let answered = record("8613800138009");
    check(&answered, &[], None);
    assert_eq!(
        [
            &answered["callDuration"],
            &answered["chargedDuration"],
            &answered["cost"]
        ],
        [&json!(95), &json!(120), &json!("0.04")]
    );
    // The documentation's display number, where the call names none.
    assert_eq!(answered["displayNum"], "1008122211");
}

#[test]
fn an_unknown_recording_id_is_status_24() {
    let sandbox = Sandbox::start(&[]);
    let id = call(&sandbox, &Request::to(GOOD)).recording_id();
    for unknown in [
        "2203031113381000002",
        "0",
        "x",
        &id[1..],
        &"9".repeat(1000),
        "%0A",
    ] {
        let response = call(&sandbox, &Request::for_record(unknown));
        assert_eq!(
            response.json(),
            json!({ "status": "-24", "reason": "data does not exist", "data": null }),
            "{unknown}"
        );
    }
    assert_eq!(call(&sandbox, &Request::for_record(&id)).status(), "0");
}

#[test]
fn records_need_the_key_the_signature_the_time_and_the_content_type_that_calls_need() {
    let sandbox = Sandbox::start(&[]);
    let id = call(&sandbox, &Request::to(GOOD)).recording_id();
    for good in [Request::for_record(&id), Request::for_records(&query())] {
        let with = |name, value: &str| good.clone().header(name, value);
        let stamp = &good.headers["Timestamp"];
        let wrong = [
            (with("Api-Key", "other"), "-1"),
            (with("Sign", &sign(KEY, "other", stamp)), "-1"),
            (with("Sign", &sign(KEY, SECRET, "1")), "-1"),
            (good.clone().without("Api-Key"), "-1"),
            (good.clone().without("Sign"), "-1"),
            (good.clone().without("Timestamp"), "-1"),
            (good.clone().at("1630468800"), "-16"),
            (good.clone().at("now"), "-22"),
        ];
        for (request, status) in wrong {
            let response = call(&sandbox, &request);
            assert_eq!(response.status(), status, "{:?}", request.headers);
            assert_eq!(response.json()["data"], Value::Null);
            assert!(response.date().abs_diff(now()) <= SLACK, "{response:?}");
        }
        let typeless = good.clone().without("Content-Type");
        assert_eq!(call(&sandbox, &typeless).code, 415);
        assert_eq!(call(&sandbox, &good).status(), "0");
    }
    // The credentials before the data: who may not ask does not learn what there is.
    for id in [&id, "0"] {
        let unsigned = Request::for_record(id).header("Sign", "x");
        assert_eq!(call(&sandbox, &unsigned).status(), "-1");
    }
    let unsigned = Request::for_records(&json!({})).header("Sign", "x");
    assert_eq!(call(&sandbox, &unsigned).status(), "-1");
}

#[test]
fn each_of_the_endpoints_has_one_method_and_one_path() {
    let sandbox = Sandbox::start(&[]);
    let id = call(&sandbox, &Request::to(GOOD)).recording_id();
    let record = Request::for_record(&id);
    let records = Request::for_records(&query());
    for (request, allowed) in [(&record, "GET"), (&records, "POST")] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let request = Request {
                method,
                ..request.clone()
            };
            let response = call(&sandbox, &request);
            if method == allowed {
                assert_eq!(response.status(), "0");
            } else {
                let allow = response.headers["allow"].as_str();
                assert_eq!((response.code, allow), (405, allowed), "{method}");
            }
        }
    }
    for path in [
        "/voice/recordSip",
        "/voice/recordSip/",
        &format!("/voice/recordSip/{id}/"),
        &format!("/voice/recordsip/{id}"),
        &format!("/recordSip/{id}"),
    ] {
        assert_eq!(
            call(&sandbox, &record.clone().path(path)).code,
            404,
            "{path}"
        );
    }
    for path in [
        "/voice/recordSipQuery/",
        "/voice/recordsipquery",
        "/recordSipQuery",
    ] {
        assert_eq!(
            call(&sandbox, &records.clone().path(path)).code,
            404,
            "{path}"
        );
    }
}

#[test]
fn the_records_go_by_the_clock_of_the_gateway() {
    for offset in [-40 * 86_400_i64, 3600] {
        let sandbox = Sandbox::start(&["--clock-offset", &offset.to_string()]);
        let there = now().saturating_add_signed(offset);
        let stamp = there.to_string();
        let id = call(&sandbox, &Request::to(GOOD).at(&stamp)).recording_id();
        let response = call(&sandbox, &Request::for_record(&id).at(&stamp));
        let submitted = unix(&response.json()["data"]["submitTime"]);
        assert!(submitted.abs_diff(there.cast_signed()) <= SLACK);
        // Neither with a timestamp of the true time, nor in a range around it.
        assert_eq!(call(&sandbox, &Request::for_record(&id)).status(), "-16");
        let at = OffsetDateTime::from_unix_timestamp(there.cast_signed()).expect("a time");
        let total = |from: OffsetDateTime, to: OffsetDateTime| {
            let range = [("strTime", json!(text(from))), ("endTime", json!(text(to)))];
            let request = Request::for_records(&query_with(&range)).at(&stamp);
            let response = call(&sandbox, &request);
            (response.status() == "0").then(|| response.json()["data"]["total"].take())
        };
        let minute = Span::MINUTE;
        assert_eq!(total(at - minute, at + minute), Some(json!(1)));
        assert_eq!(total(at + minute, at + minute * 2), Some(json!(0)));
        // Two months before that clock.
        assert_eq!(
            total(at - Span::DAY * 61, at - Span::DAY * 60),
            Some(json!(0))
        );
        assert_eq!(total(at - Span::DAY * 63, at - Span::DAY * 60), None);
    }
}

#[test]
fn only_the_newest_calls_have_records() {
    let sandbox = Sandbox::start(&["--plain", "--max-records=3"]);
    let ids: Vec<String> = (10..15)
        .map(|n| call(&sandbox, &Request::to(&format!("86138001{n}00"))).recording_id())
        .collect();
    assert_eq!(
        callees(&sandbox),
        ["861380011200", "861380011300", "861380011400"]
    );
    for (id, status) in ids.iter().zip(["-24", "-24", "0", "0", "0"]) {
        assert_eq!(call(&sandbox, &Request::for_record(id)).status(), status);
    }
}

#[test]
fn ten_thousand_calls_have_records_unless_an_option_says_otherwise() {
    let sandbox = Sandbox::start(&["--plain"]);
    let id = call(&sandbox, &Request::to(GOOD)).recording_id();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mut caller = Caller::to(&sandbox);
            let request = Request::to(GOOD).bytes();
            thread::spawn(move || {
                for _ in 0..2500 {
                    caller.send(&request);
                    caller.read_response().expect("a response").recording_id();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a caller");
    }
    assert_eq!(page(&sandbox, &query())["total"], 10_000);
    assert_eq!(call(&sandbox, &Request::for_record(&id)).status(), "-24");
}

#[test]
fn a_fault_for_every_request_is_for_lookups_too_and_one_for_a_callee_is_not() {
    let good = [Request::for_record("1"), Request::for_records(&query())];
    let drop = Sandbox::start(&["--drop"]);
    let proxy = Sandbox::start(&["--http-status=502"]);
    let garbage = Sandbox::start(&["--garbage"]);
    let slow = Sandbox::start(&["--delay-ms=400"]);
    let some = Sandbox::start(&["--on=81=drop"]);
    for request in good {
        assert!(send(&drop, &request).is_none());
        assert_eq!(call(&proxy, &request).code, 502);
        assert!(call(&garbage, &request).body.starts_with("<html>"));
        let started = Instant::now();
        call(&slow, &request).status();
        assert!(started.elapsed() >= Duration::from_millis(400));
    }
    assert_eq!(call(&some, &Request::for_record("81")).status(), "-24");
    let mut query = query();
    query["callee"] = json!("8613800138081");
    assert_eq!(page(&some, &query)["total"], 0);
}

#[test]
fn each_lookup_has_a_line_in_the_diary_without_a_callee() {
    let sandbox = Sandbox::start(&["--on=82=record-delay-ms:3600000"]);
    let line = |request: Request| {
        send(&sandbox, &request);
        let line = sandbox.line();
        let (time, rest) = line.split_once(' ').expect("a time");
        assert!(time.len() == 20 && time.ends_with('Z'), "{line}");
        rest.to_owned()
    };
    let id = call(&sandbox, &Request::to(GOOD)).recording_id();
    assert!(sandbox.line().ends_with(&id));
    let late = call(&sandbox, &Request::to("8613800138082")).recording_id();
    assert!(sandbox.line().ends_with(&late));
    let mut second = query();
    second["current"] = json!(2);
    let cases = [
        (
            Request::for_record(&id),
            format!("recordSip/{id} status 0, the record"),
        ),
        (
            Request::for_record(&late),
            format!("recordSip/{late} status -24, data does not exist (its record is not due yet)"),
        ),
        (
            Request::for_record("%0A2026-01-01T00:00:00Z"),
            "recordSip/\"%0A2026-01-01T00:00\" status -24, data does not exist (no call was accepted \
             with this recording ID)"
                .to_owned(),
        ),
        (
            Request::for_record(&id).header("Sign", "x"),
            format!(
                "recordSip/{id} status -1, authentication error (Sign is not the MD5 of key, secret \
                 and Timestamp)"
            ),
        ),
        (
            Request::for_records(&query()),
            "recordSipQuery status 0, page 1 of 1, 1 of 1 records".to_owned(),
        ),
        (
            Request::for_records(&second),
            "recordSipQuery status 0, page 2 of 1, 0 of 1 records".to_owned(),
        ),
        (
            Request::for_records(&json!({})),
            "recordSipQuery status -22, parameter exception: current is missing".to_owned(),
        ),
        (
            Request::for_records(&query_with(&[("endTime", json!("2022-02-18T00:00:00Z"))])),
            "recordSipQuery status -25, out of the time range (endTime is before strTime)".to_owned(),
        ),
        (
            Request { method: "PUT", ..Request::for_record(&id) },
            format!("recordSip/{id} HTTP 405 Method Not Allowed (the method is not GET)"),
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(line(request), expected);
    }
}
