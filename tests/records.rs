//! Reads of the API's records: they tell of a call what is known, and never place one.

mod support;

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use support::client::{
    BAD_RESPONSE, CONNECT_FAILED, CONNECTION_LOST, Client, Config, HTTP_ERROR, INVALID_ARGUMENT,
    KEY, NO_RECORD, NO_STATUS, OK, Query, RECORDS_FAILED, REJECTED, Request, SECRET,
    SEVERAL_RECORDS, SHUT_DOWN, TIMED_OUT, may_have_dialed, text, unix_now,
};
use support::diary::Delivery;
use support::gateway::{Gateway, Step};
use support::response::{Response, unique_id};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const CALLEE: &str = "4915112345678";
const ID: &str = "2203031113381000002";

/// A time as the API writes it.
fn time_text(unix: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(unix).unwrap();
    let zone = time::UtcOffset::from_hms(8, 0, 0).unwrap();
    time.to_offset(zone).format(&Rfc3339).unwrap()
}

fn unix(text: &Value) -> i64 {
    let text = text.as_str().expect("a time");
    OffsetDateTime::parse(text, &Rfc3339)
        .expect(text)
        .unix_timestamp()
}

fn record(id: &str, callee: &str, submitted: i64) -> Value {
    json!({ "voiceId": id, "callee": callee, "submitTime": time_text(submitted) })
}

fn ok(data: &Value) -> Response {
    Response::json(json!({ "status": "0", "reason": "success", "data": data }).to_string())
}

/// Accepts calls, and has these records, as the API's documentation says.
fn answer(request: &Delivery, records: &[Value]) -> Response {
    let line = request.line();
    if line.starts_with("POST /voice/sendSip ") {
        return Response::ok(&unique_id());
    }
    if let Some(id) = line.strip_prefix("GET /voice/recordSip/") {
        let id = id.strip_suffix(" HTTP/1.1").expect("a request line");
        return match records.iter().find(|record| record["voiceId"] == id) {
            Some(record) => ok(record),
            None => Response::refused(-24, "data does not exist"),
        };
    }
    assert_eq!(line, "POST /voice/recordSipQuery HTTP/1.1");
    let query = request.json();
    let count = |name: &str| usize::try_from(query[name].as_u64().expect(name)).unwrap();
    let (current, size) = (count("current"), count("size"));
    assert!(current >= 1 && (1..=100).contains(&size), "{query}");
    let params = &query["params"];
    let (from, to) = (unix(&params["strTime"]), unix(&params["endTime"]));
    assert!((0..=31 * 24 * 3600).contains(&(to - from)), "{query}");
    let is_in = |record: &&Value| {
        let time = &record["submitTime"];
        (time.is_null() || (from..=to).contains(&unix(time)))
            && ["sipGroupName", "phoneName"]
                .into_iter()
                .all(|name| params[name].is_null() || params[name] == record[name])
    };
    let found: Vec<_> = records.iter().filter(is_in).collect();
    let pages = found.len().div_ceil(size);
    let page: Vec<_> = found.iter().skip((current - 1) * size).take(size).collect();
    ok(&json!({
        "total": found.len(), "size": size, "current": current, "pages": pages,
        "searchCount": true, "records": page,
    }))
}

fn gateway(records: Vec<Value>) -> Gateway {
    Gateway::plain()
        .answer(move |request| answer(request, &records))
        .start()
}

fn client(gateway: &Gateway) -> Client {
    Client::new(&gateway.config().timeout_ms(10_000)).expect("a client")
}

/// A client of a gateway whose response to any query is this one.
#[track_caller]
fn look_answered_with(response: impl Into<Vec<Step>>) -> (Gateway, Client) {
    let steps = response.into();
    let gateway = Gateway::plain().answer(move |_| steps.clone()).start();
    let client = client(&gateway);
    (gateway, client)
}

#[test]
fn a_record_tells_all_that_the_api_tells() {
    let now = unix_now();
    let gateway = gateway(vec![json!({
        "voiceId": ID, "sipGroupName": "group1", "phoneName": "sipName8555", "callee": CALLEE,
        "displayNum": "1008122211", "code": "Afghanistan(Kandahar)", "submitTime": time_text(now - 60),
        "callTime": time_text(now - 59), "ringingTime": time_text(now - 55), "answerTime": time_text(now - 50),
        "hangupTime": time_text(now - 45), "callDuration": 5, "chargedDuration": 60,
        "terminationCode": "200", "terminationReason": "success", "cost": "0.20", "rate": 0.25,
        "billPeriod": "60+60", "recordingFileId": "file", "currency": "CNY", "unknown": {"x": [1]},
    })]);
    let client = client(&gateway);
    let reply = client.get_record(ID);
    let record = reply.record();
    assert_eq!((reply.status, reply.reason()), (0, ""));
    let texts = [
        (&record.callee, CALLEE),
        (&record.display_num, "1008122211"),
        (&record.phone_name, "sipName8555"),
        (&record.phone_group, "group1"),
        (&record.region, "Afghanistan(Kandahar)"),
        (&record.submit_time, &time_text(now - 60)),
        (&record.call_time, &time_text(now - 59)),
        (&record.ringing_time, &time_text(now - 55)),
        (&record.answer_time, &time_text(now - 50)),
        (&record.hangup_time, &time_text(now - 45)),
        (&record.termination_code, "200"),
        (&record.termination_reason, "success"),
        (&record.cost, "0.20"),
        (&record.rate, "0.25"),
        (&record.billing_period, "60+60"),
        (&record.currency, "CNY"),
        (&record.recording_file_id, "file"),
    ];
    for (text, expected) in texts {
        assert_eq!(text.as_deref(), Some(expected));
    }
    assert_eq!(record.recording_id, ID);
    let times = [
        record.submitted_at,
        record.called_at,
        record.ringing_at,
        record.answered_at,
        record.hung_up_at,
    ];
    assert_eq!(times, [60, 59, 55, 50, 45].map(|ago| now - ago));
    assert_eq!((record.call_duration_s, record.charged_duration_s), (5, 60));
}

#[test]
fn a_read_is_signed_and_has_no_more_than_it_needs() {
    let gateway = gateway(vec![record(ID, CALLEE, unix_now())]);
    let client = client(&gateway);
    client.get_record(ID).record();
    client.get_record("a/../b?c").expect(REJECTED);
    client.find_records(&Query::since(unix_now() - 10)).record();
    drop(client);
    let [get, encoded, query] = gateway.finish().try_into().expect("three requests");
    assert_eq!(get.line(), format!("GET /voice/recordSip/{ID} HTTP/1.1"));
    assert_eq!(
        encoded.line(),
        "GET /voice/recordSip/a%2F..%2Fb%3Fc HTTP/1.1"
    );
    assert_eq!(query.line(), "POST /voice/recordSipQuery HTTP/1.1");
    let names = |delivery: &Delivery| -> Vec<_> {
        delivery
            .headers()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    };
    let common = [
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "content-type",
        "api-key",
        "sign",
        "timestamp",
    ];
    assert_eq!(names(&get), common);
    assert_eq!(get.body, b"");
    assert_eq!(names(&query)[..8], common);
    for delivery in [&get, &query] {
        delivery.check_signature(KEY, SECRET);
    }
    let body = query.json();
    assert_eq!((&body["current"], &body["size"]), (&json!(1), &json!(100)));
    let params = body["params"].as_object().expect("params");
    assert_eq!(params.keys().collect::<Vec<_>>(), ["endTime", "strTime"]);
}

#[test]
fn the_record_of_another_call_is_not_taken() {
    let (_gateway, client) = look_answered_with(ok(&record("7", CALLEE, unix_now())));
    let reply = client.get_record(ID);
    reply
        .expect(BAD_RESPONSE)
        .expect_reason("the record of another call");
    assert_eq!((reply.status, reply.records.len()), (0, 0));
}

#[test]
fn a_recording_id_that_the_api_does_not_know_is_its_refusal() {
    let gateway = gateway(Vec::new());
    let reply = client(&gateway).get_record(ID);
    assert_eq!(
        (reply.expect(REJECTED).status, reply.reason()),
        (-24, "data does not exist")
    );
}

#[test]
fn all_pages_are_read_and_the_newest_records_come_first() {
    let now = unix_now();
    // In no order that helps.
    let records: Vec<_> = (0..250)
        .map(|number| (number * 77) % 250)
        .map(|ago| record(&format!("id{ago}"), CALLEE, now - 1 - ago))
        .collect();
    let gateway = gateway(records);
    let client = client(&gateway);
    let query = Query {
        max_records: 1_000,
        ..Query::since(now - 1_000)
    };
    let newest_first: Vec<_> = (0..250).map(|ago| format!("id{ago}")).collect();
    assert_eq!(client.find_records(&query).recording_ids(), newest_first);
    assert_eq!(gateway.deliveries().len(), 3);
    // No more than asked for; 100 where nothing is asked for.
    for (max_records, count) in [(0, 100), (1, 1), (240, 240)] {
        let found = client.find_records(&Query {
            max_records,
            ..query.clone()
        });
        assert_eq!(found.recording_ids(), newest_first[..count]);
    }
}

#[test]
fn a_call_that_is_placed_while_pages_are_read_hides_none_and_doubles_none() {
    let now = unix_now();
    let records = Mutex::new(
        (1..=150)
            .map(|n| record(&format!("id{n}"), CALLEE, now - n))
            .collect::<Vec<_>>(),
    );
    let gateway = Gateway::plain()
        .answer(move |request| {
            let mut records = records.lock().unwrap();
            let response = answer(request, &records);
            records.insert(0, record(&unique_id(), CALLEE, now));
            response
        })
        .start();
    let client = client(&gateway);
    let query = Query {
        max_records: 1_000,
        until: now - 1,
        ..Query::since(now - 1_000)
    };
    let expected: Vec<_> = (1..=150).map(|n| format!("id{n}")).collect();
    assert_eq!(client.find_records(&query).recording_ids(), expected);
}

#[test]
fn a_server_that_repeats_a_page_is_not_asked_for_ever() {
    let now = unix_now();
    for with_pages in [false, true] {
        let records: Vec<_> = (0..100)
            .map(|n| record(&format!("id{n}"), CALLEE, now - n))
            .collect();
        let gateway = Gateway::plain()
            .answer(move |_| {
                let mut page = json!({ "records": records });
                if with_pages {
                    page["pages"] = json!(1_000_000);
                }
                ok(&page)
            })
            .start();
        let client = client(&gateway);
        client.find_records(&Query::since(now - 1_000)).expect(OK);
        assert_eq!(gateway.deliveries().len(), 2);
    }
}

#[test]
fn a_page_that_was_not_asked_for_is_not_taken() {
    let (_gateway, client) = look_answered_with(ok(&json!({ "current": 2, "records": [] })));
    client
        .find_records(&Query::since(unix_now()))
        .expect(BAD_RESPONSE)
        .expect_reason("page");
}

#[test]
fn records_are_filtered_by_all_that_a_query_says() {
    let now = unix_now();
    let full = |id: &str, callee: &str, display: &str, phone: &str, group: &str, ago: i64| {
        let mut record = record(id, callee, now - ago);
        record["displayNum"] = display.into();
        record["phoneName"] = phone.into();
        record["sipGroupName"] = group.into();
        record
    };
    let gateway = gateway(vec![
        full("a", "1", "10", "p", "g", 10),
        full("b", "2", "10", "p", "g", 20),
        full("c", "1", "11", "p", "g", 30),
        full("d", "1", "10", "q", "g", 40),
        full("e", "1", "10", "p", "h", 50),
        full("f", "1", "10", "p", "g", 500),
    ]);
    let client = client(&gateway);
    let all = Query::since(now - 100);
    for (query, expected) in [
        (all.clone(), "abcde"),
        (
            Query {
                callee: text("1"),
                ..all.clone()
            },
            "acde",
        ),
        (
            Query {
                display_num: text("10"),
                ..all.clone()
            },
            "abde",
        ),
        (
            Query {
                phone_name: text("p"),
                ..all.clone()
            },
            "abce",
        ),
        (
            Query {
                phone_group: text("g"),
                ..all.clone()
            },
            "abcd",
        ),
        (
            Query {
                since: now - 30,
                ..all.clone()
            },
            "abc",
        ),
        (
            Query {
                until: now - 30,
                ..all.clone()
            },
            "cde",
        ),
        (
            Query {
                callee: text("3"),
                ..all.clone()
            },
            "",
        ),
    ] {
        assert_eq!(
            client.find_records(&query).recording_ids().concat(),
            expected,
            "{query:?}"
        );
    }
}

#[test]
fn a_long_time_is_asked_for_in_parts_that_the_api_allows() {
    let (now, day) = (unix_now(), 24 * 3600);
    let records = (0..55).map(|ago| record(&format!("id{ago}"), CALLEE, now - 10 - ago * day));
    let gateway = gateway(records.collect());
    let client = client(&gateway);
    let found = client.find_records(&Query::since(now - 55 * day));
    assert_eq!(found.recording_ids().len(), 55);
    assert_eq!(gateway.deliveries().len(), 2);
    // The newest are enough: the older part is not asked for.
    let few = Query {
        max_records: 3,
        ..Query::since(now - 55 * day)
    };
    assert_eq!(
        client.find_records(&few).recording_ids(),
        ["id0", "id1", "id2"]
    );
    assert_eq!(gateway.deliveries().len(), 3);
}

#[test]
fn a_query_without_a_time_is_the_callers_mistake() {
    let gateway = gateway(Vec::new());
    let client = client(&gateway);
    let now = unix_now();
    for (query, field) in [
        (Query::default(), "since"),
        (Query::since(-1), "since"),
        (Query::since(i64::MAX), "since"),
        (
            Query {
                until: -1,
                ..Query::since(now)
            },
            "until",
        ),
        (
            Query {
                until: i64::MAX,
                ..Query::since(now)
            },
            "until",
        ),
        (
            Query {
                callee: text(&b"\xff"[..]),
                ..Query::since(now)
            },
            "callee",
        ),
        (
            Query {
                reserved: [0, 0, 0, 1],
                ..Query::since(now)
            },
            "query: made for a later version",
        ),
    ] {
        client
            .find_records(&query)
            .expect(INVALID_ARGUMENT)
            .expect_reason(field);
    }
    for recording_id in ["", ".", ".."] {
        client
            .get_record(recording_id)
            .expect(INVALID_ARGUMENT)
            .expect_reason("recording_id");
    }
    assert_eq!(gateway.deliveries().len(), 0);
}

#[test]
fn hostile_records_are_survived() {
    let now = unix_now();
    let good = record(ID, CALLEE, now);
    let found = [
        json!({ "records": [null, 7, [], {}, "x", { "voiceId": null }, good] }),
        json!({ "records": [good, { "voiceId": "a\u{0}b" }, { "voiceId": " " }], "total": "x", "pages": {} }),
        json!({ "records": [good], "pages": -1, "size": 1e300, "current": null }),
        // One without a time may be of any.
        json!({ "records": [{ "voiceId": ID, "callee": CALLEE, "submitTime": "yesterday", "cost": [] }] }),
    ];
    for data in found {
        let (_gateway, client) = look_answered_with(ok(&data));
        let reply = client.find_records(&Query::to(CALLEE, now - 5));
        assert_eq!(reply.recording_ids(), [ID], "{data}");
    }
    for data in [
        json!(null),
        json!({}),
        json!({ "records": null }),
        json!({ "records": [] }),
    ] {
        let (_gateway, client) = look_answered_with(ok(&data));
        assert!(
            client
                .find_records(&Query::since(now))
                .recording_ids()
                .is_empty(),
            "{data}"
        );
    }
    let deep = format!(r#"{{"status":0,"data":{}"#, "[".repeat(200_000));
    for response in [
        ok(&json!([])),
        ok(&json!("x")),
        ok(&json!({ "records": {} })),
        Response::json(deep),
        Response::json(vec![b'x'; 1024 * 1024 + 1]),
        Response::json(vec![b'x'; 1024 * 1024 + 1]).chunked(),
        Response::json(vec![b'x'; 1024 * 1024 + 1]).until_close(),
    ] {
        let (_gateway, client) = look_answered_with(response);
        let reply = client.find_records(&Query::since(now));
        assert_eq!(
            (
                reply.expect(BAD_RESPONSE).records.len(),
                reply.reason().is_empty()
            ),
            (0, false)
        );
    }
}

#[test]
fn a_page_of_a_hundred_long_records_is_read() {
    let now = unix_now();
    let long = |n: i64| {
        let mut record = record(&format!("id{n}"), CALLEE, now - n);
        record["terminationReason"] = "x".repeat(9_000).into();
        record
    };
    let gateway = gateway((0..100).map(long).collect());
    let found = client(&gateway).find_records(&Query::since(now - 200));
    assert_eq!(found.recording_ids().len(), 100);
    let reason = found.records[0].termination_reason.as_deref();
    assert_eq!(reason.map(str::len), Some(9_000));
}

#[test]
fn a_read_is_repeated_once_where_a_reused_connection_is_lost() {
    let now = unix_now();
    for (lost, expected) in [(1, OK), (2, CONNECTION_LOST)] {
        let left = AtomicUsize::new(lost);
        let gateway = Gateway::plain()
            .answer(move |request| -> Vec<Step> {
                let may_lose = request.order > 1;
                let take = |left: usize| left.checked_sub(1);
                if may_lose
                    && left
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                        .is_ok()
                {
                    return vec![Step::Reset];
                }
                answer(request, &[record(ID, CALLEE, now)]).into()
            })
            .start();
        let client = client(&gateway);
        client.get_record(ID).expect(OK);
        client.get_record(ID).expect(expected);
        assert_eq!(gateway.deliveries().len(), 3);
    }
}

#[test]
fn the_servers_clock_counts_both_ways() {
    let now = unix_now();
    // Far ahead, behind, and as ours.
    for offset in [600, -600, 0] {
        let gateway = Gateway::plain()
            .answer(move |request| {
                let server = unix_now() + offset;
                let query = request.json();
                let to = unix(&query["params"]["endTime"]);
                let records = [
                    record("old", CALLEE, now + offset - 100),
                    record(ID, CALLEE, now + offset),
                ];
                // What the server does not know to be later than its own time, it has no record of.
                let known: &[Value] = if (to - server).abs() < 120 {
                    &records
                } else {
                    &[]
                };
                let date = SystemTime::UNIX_EPOCH + Duration::from_secs(server.try_into().unwrap());
                answer(request, known).date(date)
            })
            .start();
        let client = client(&gateway);
        let found = client.find_records(&Query::to(CALLEE, now - 10));
        assert_eq!(found.recording_ids(), [ID], "{offset}");
        let submitted = found.records[0].submitted_at;
        assert!(
            (submitted - now).abs() <= 3,
            "{offset}: {submitted} and {now}"
        );
        assert_eq!(found.records[0].submit_time, Some(time_text(now + offset)));
        let call = client.find_call(&Request::to(CALLEE), now, Duration::ZERO);
        assert_eq!(call.accepted(), ID, "{offset}");
    }
}

#[test]
fn a_call_in_doubt_is_found_once_the_api_has_its_record() {
    let started = unix_now();
    for delay in [Duration::ZERO, Duration::from_millis(900)] {
        // Accepts, says nothing, and has the record later.
        let placed = Mutex::new(None);
        let gateway = Gateway::plain()
            .answer(move |request| -> Vec<Step> {
                let mut placed = placed.lock().unwrap();
                if request.line().contains("/sendSip ") {
                    *placed = Some(Instant::now());
                    return vec![Step::Reset];
                }
                let is_there = placed.is_some_and(|placed: Instant| placed.elapsed() >= delay);
                let records = [
                    record("other", "1", started),
                    record("earlier", CALLEE, started - 60),
                    record(ID, CALLEE, started),
                ];
                answer(request, if is_there { &records } else { &records[..2] }).into()
            })
            .start();
        let client = client(&gateway);
        let request = Request::to(CALLEE);
        let call = client.send(&request);
        assert!(call.may_have_dialed() && call.result == CONNECTION_LOST);
        let found = client.find_call(&request, started, Duration::from_millis(20_000));
        assert_eq!((found.accepted(), found.status), (ID, 0));
        assert!(found.elapsed >= delay, "{found:?}");
        drop(client);
        let deliveries = gateway.finish();
        let is_call = |delivery: &&Delivery| delivery.line().contains("/sendSip ");
        assert_eq!(
            deliveries.iter().filter(is_call).count(),
            1,
            "a look placed a call"
        );
    }
}

#[test]
fn a_call_without_a_record_stays_in_doubt_and_is_asked_for_ever_more_seldom() {
    let started = unix_now();
    let gateway = gateway(vec![
        record("other", "1", started),
        record("earlier", CALLEE, started - 60),
        json!({ "voiceId": "timeless", "callee": CALLEE }),
    ]);
    let client = client(&gateway);
    let once = client.find_call(&Request::to(CALLEE), started, Duration::ZERO);
    assert_eq!(
        (once.expect(NO_RECORD).status, &once.recording_id),
        (0, &None)
    );
    assert!(once.may_have_dialed());
    assert_eq!(gateway.deliveries().len(), 1);
    let patient = client.find_call(&Request::to(CALLEE), started, Duration::from_millis(3_000));
    patient.expect(NO_RECORD);
    assert!(patient.elapsed >= Duration::from_secs(3), "{patient:?}");
    drop(client);
    // At 0, 250, 750, 1,750 and 3,000 ms.
    let looks: Vec<_> = gateway
        .finish()
        .iter()
        .skip(1)
        .map(|look| look.at)
        .collect();
    let pauses: Vec<_> = looks.windows(2).map(|looks| looks[1] - looks[0]).collect();
    assert!((2..=4).contains(&pauses.len()), "{pauses:?}");
    assert!(pauses[1] >= Duration::from_millis(450), "{pauses:?}");
}

#[test]
fn several_records_are_for_the_caller_to_judge() {
    let now = unix_now();
    let gateway = gateway(vec![record("17", CALLEE, now), record("18", CALLEE, now)]);
    let reply =
        client(&gateway).find_call(&Request::to(CALLEE), now, Duration::from_millis(20_000));
    reply
        .expect(SEVERAL_RECORDS)
        .expect_reason("17")
        .expect_reason("18");
    assert!(reply.may_have_dialed() && reply.elapsed < Duration::from_secs(10));
}

#[test]
fn a_display_number_tells_calls_apart() {
    let now = unix_now();
    let mut first = record("17", CALLEE, now);
    first["displayNum"] = "100".into();
    let mut second = record("18", CALLEE, now);
    second["displayNum"] = "200".into();
    let gateway = gateway(vec![first, second]);
    let client = client(&gateway);
    let request = Request {
        display_num: text("200"),
        ..Request::to(CALLEE)
    };
    assert_eq!(
        client.find_call(&request, now, Duration::ZERO).accepted(),
        "18"
    );
    let request = Request {
        display_num: text("300"),
        ..Request::to(CALLEE)
    };
    client
        .find_call(&request, now, Duration::ZERO)
        .expect(NO_RECORD);
}

#[test]
fn the_record_of_a_call_that_is_known_is_not_anothers() {
    let now = unix_now();
    let known: Arc<Mutex<Vec<Value>>> = Arc::default();
    let gateway = Gateway::plain()
        .answer({
            let known = Arc::clone(&known);
            move |request| {
                let mut known = known.lock().unwrap();
                if request.line().contains("/sendSip ") {
                    let id = unique_id();
                    known.push(record(&id, CALLEE, now));
                    return Response::ok(&id);
                }
                answer(request, &known)
            }
        })
        .start();
    let client = client(&gateway);
    let request = Request::to(CALLEE);
    client.send(&request).accepted();
    client
        .find_call(&request, now, Duration::ZERO)
        .expect(NO_RECORD);
    // That of a call in doubt is found once, and is then known.
    known.lock().unwrap().push(record(ID, CALLEE, now));
    assert_eq!(
        client.find_call(&request, now, Duration::ZERO).accepted(),
        ID
    );
    client
        .find_call(&request, now, Duration::ZERO)
        .expect(NO_RECORD);
}

#[test]
fn the_record_of_a_call_in_progress_is_not_anothers() {
    let now = unix_now();
    let gateway = Gateway::plain()
        .answer(move |request| -> Vec<Step> {
            if request.line().contains("/sendSip ") {
                let response = Response::ok(ID).bytes();
                return vec![Step::Pause(Duration::from_secs(2)), Step::Send(response)];
            }
            answer(request, &[record(ID, CALLEE, now)]).into()
        })
        .start();
    let client = client(&gateway);
    thread::scope(|scope| {
        let call = scope.spawn(|| client.call(CALLEE));
        gateway.wait_for_requests(1);
        let found = client.find_call(&Request::to(CALLEE), now, Duration::ZERO);
        found.expect(NO_RECORD).expect_reason("in progress");
        // Once it is over, its ID is known.
        client
            .find_call(&Request::to(CALLEE), now, Duration::from_millis(4_000))
            .expect(NO_RECORD);
        assert_eq!(call.join().expect("no panic").accepted(), ID);
    });
}

#[test]
fn no_failure_of_a_look_says_that_the_phone_has_not_rung() {
    let now = unix_now();
    let request = Request::to(CALLEE);
    let check = |client: &Client, request: &Request, since: i64, reason: &str| {
        let reply = client.find_call(request, since, Duration::ZERO);
        reply.expect(RECORDS_FAILED).expect_reason(reason);
        assert!(reply.may_have_dialed(), "{reply:?}");
        reply
    };
    for (steps, status, reason) in [
        (
            Response::refused(-2, "restricted IP access").into(),
            -2,
            "restricted",
        ),
        (
            Response::refused(-15, "query too frequent").into(),
            -15,
            "frequent",
        ),
        (Response::new(503, "busy").into(), NO_STATUS, "503"),
        (Response::json("{}").into(), NO_STATUS, "no status"),
        (vec![Step::Reset], NO_STATUS, "waiting for the response"),
    ] {
        let (_gateway, client) = look_answered_with(steps);
        assert_eq!(check(&client, &request, now, reason).status, status);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/voice", nobody.local_addr().unwrap());
    drop(nobody);
    let unreachable = Client::new(&Config::new(&url)).expect("a client");
    check(&unreachable, &request, now, "connect to");

    let gateway = gateway(Vec::new());
    let client = client(&gateway);
    check(&client, &Request::default(), now, "callee: NULL");
    check(&client, &request, 0, "since");
    for (field, empty) in [
        (
            "callee: empty",
            Request {
                callee: text(""),
                ..request.clone()
            },
        ),
        (
            "account: empty",
            Request {
                account: text(""),
                ..request.clone()
            },
        ),
        (
            "app_id: empty",
            Request {
                app_id: text(""),
                ..request.clone()
            },
        ),
    ] {
        check(&client, &empty, now, field);
    }
    check(
        &client,
        &Request {
            reserved: [1, 0, 0, 0],
            ..request.clone()
        },
        now,
        "made for a later version",
    );
    assert_eq!(gateway.deliveries().len(), 0);
    client.shutdown();
    check(&client, &request, now, "shut down");
    for result in [NO_RECORD, SEVERAL_RECORDS, RECORDS_FAILED] {
        assert!(may_have_dialed(result));
    }
}

#[test]
fn a_look_that_may_succeed_later_is_tried_again_and_no_other() {
    let now = unix_now();
    for (first, looks) in [
        (Response::refused(-15, "query too frequent"), 2),
        (Response::refused(-18, "a fault"), 2),
        (Response::new(503, "busy"), 2),
        (Response::refused(-1, "authentication error"), 1),
        (Response::refused(-2, "restricted IP access"), 1),
    ] {
        let gateway = Gateway::plain()
            .answer(move |request| match request.order {
                1 => first.clone(),
                _ => answer(request, &[record(ID, CALLEE, now)]),
            })
            .start();
        let client = client(&gateway);
        let reply = client.find_call(&Request::to(CALLEE), now, Duration::from_millis(20_000));
        reply.expect(if looks == 2 { OK } else { RECORDS_FAILED });
        assert_eq!(gateway.deliveries().len(), looks, "{reply:?}");
    }
}

#[test]
fn shutdown_ends_a_patient_look_at_once() {
    let gateway = gateway(Vec::new());
    let client = client(&gateway);
    thread::scope(|scope| {
        let look = scope.spawn(|| {
            client.find_call(
                &Request::to(CALLEE),
                unix_now(),
                Duration::from_millis(600_000),
            )
        });
        gateway.wait_for_requests(3);
        let stopped = Instant::now();
        client.shutdown();
        let reply = look.join().expect("no panic");
        reply.expect(RECORDS_FAILED).expect_reason("shut down");
        assert!(
            stopped.elapsed() < Duration::from_secs(5),
            "{:?}",
            stopped.elapsed()
        );
    });
    client.get_record(ID).expect(SHUT_DOWN);
    client
        .find_records(&Query::since(unix_now()))
        .expect(SHUT_DOWN);
}

#[test]
fn a_call_and_a_query_may_have_a_time_of_their_own() {
    let (gateway, client) = look_answered_with(vec![Step::Stall]);
    let call = client.send(&Request::to(CALLEE).timeout_ms(300));
    call.expect(TIMED_OUT);
    let query = Query {
        timeout_ms: 300,
        ..Query::since(unix_now())
    };
    let found = client.find_records(&query);
    found.expect(TIMED_OUT);
    for elapsed in [call.elapsed, found.elapsed] {
        let range = Duration::from_millis(300)..Duration::from_secs(6);
        assert!(range.contains(&elapsed), "{elapsed:?}");
    }
    drop(client);
    drop(gateway);
}

#[test]
fn the_deadline_holds_for_all_pages_together() {
    let now = unix_now();
    let gateway = Gateway::plain()
        .answer(move |request| -> Vec<Step> {
            let first = request.order * 100;
            let records: Vec<_> = (first..first + 100)
                .map(|n| record(&n.to_string(), CALLEE, now))
                .collect();
            let page = ok(&json!({ "records": records })).bytes();
            vec![Step::Pause(Duration::from_millis(200)), Step::Send(page)]
        })
        .start();
    let client = client(&gateway);
    let query = Query {
        timeout_ms: 1_500,
        ..Query::since(now)
    };
    let reply = client.find_records(&query);
    assert_eq!(reply.expect(TIMED_OUT).records.len(), 0);
    assert!(reply.elapsed < Duration::from_secs(7), "{reply:?}");
    assert!(gateway.deliveries().len() >= 2);
}

#[test]
fn a_program_of_a_later_version_is_told_so() {
    let gateway = gateway(Vec::new());
    for place in 0..4 {
        let mut reserved = [0; 4];
        reserved[place] = 8;
        let config = Config {
            reserved,
            ..gateway.config()
        };
        let failure = Client::new(&config).expect_err("a failure");
        assert_eq!(failure.result, INVALID_ARGUMENT);
        assert!(
            failure.reason.contains("config: made for a later version"),
            "{failure:?}"
        );
        let reply = client(&gateway).send(&Request {
            reserved,
            ..Request::to(CALLEE)
        });
        reply
            .expect(INVALID_ARGUMENT)
            .expect_reason("request: made for a later version");
    }
    assert_eq!(gateway.deliveries().len(), 0);
    let closed = Config::new("http://127.0.0.1:1/voice");
    let client = Client::new(&closed).expect("a client");
    client.get_record(ID).expect(CONNECT_FAILED);
    let (_gateway, client) = look_answered_with(Response::new(500, "x"));
    client.get_record(ID).expect(HTTP_ERROR);
}
