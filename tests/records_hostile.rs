//! Hostile and merely ordinary servers behind reads of records: what they send, when, and in how many pieces.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use support::client::{
    BAD_RESPONSE, CONNECTION_LOST, Client, NO_RECORD, OK, Query, RECORDS_FAILED, REJECTED, Request,
    SECRET, SEVERAL_RECORDS, TIMED_OUT, unix_now,
};
use support::diary::Delivery;
use support::gateway::{Gateway, Step};
use support::response::{Response, unique_id};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const CALLEE: &str = "4915112345678";
const ID: &str = "2203031113381000002";

fn time_text(unix: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(unix).unwrap();
    let zone = time::UtcOffset::from_hms(8, 0, 0).unwrap();
    time.to_offset(zone).format(&Rfc3339).unwrap()
}

fn record(id: &str, submitted: i64) -> Value {
    json!({ "voiceId": id, "callee": CALLEE, "submitTime": time_text(submitted) })
}

fn ok(data: &Value) -> Response {
    Response::json(json!({ "status": "0", "reason": "success", "data": data }).to_string())
}

fn page(records: &[Value]) -> Response {
    ok(&json!({ "records": records }))
}

fn is_call(request: &Delivery) -> bool {
    request.line().contains("/sendSip ")
}

fn client(gateway: &Gateway) -> Client {
    Client::new(&gateway.config().timeout_ms(20_000)).expect("a client")
}

/// A client of a gateway that has these records, and no others.
fn server_with(records: Vec<Value>) -> (Gateway, Client) {
    let gateway = Gateway::plain()
        .answer(move |request| {
            assert!(!is_call(request), "a look placed a call");
            page(&records)
        })
        .start();
    let client = client(&gateway);
    (gateway, client)
}

/// The page that a query asks for.
fn current(request: &Delivery) -> usize {
    usize::try_from(request.json()["current"].as_u64().unwrap()).unwrap()
}

#[test]
fn a_server_that_gives_smaller_pages_is_asked_for_all_of_them() {
    let now = unix_now();
    let gateway = Gateway::plain()
        .answer(move |request| {
            let current = current(request);
            let records: Vec<_> = (0..120)
                .map(|n| record(&format!("id{n}"), now - n))
                .skip((current - 1) * 50)
                .take(50)
                .collect();
            ok(&json!({ "total": 120, "size": 50, "current": current, "pages": 3, "records": records }))
        })
        .start();
    let query = Query {
        max_records: 1_000,
        ..Query::since(now - 1_000)
    };
    let found = client(&gateway).find_records(&query);
    assert_eq!(found.recording_ids().len(), 120);
}

#[test]
fn a_whole_page_of_calls_that_are_placed_meanwhile_hides_none() {
    let now = unix_now();
    let records: Vec<_> = (1..=150)
        .map(|n| record(&format!("id{n}"), now - n))
        .collect();
    let records = Mutex::new(records);
    let gateway = Gateway::plain()
        .answer(move |request| {
            let mut records = records.lock().unwrap();
            let current = current(request);
            let part: Vec<_> = records.iter().skip((current - 1) * 100).take(100).collect();
            let pages = records.len().div_ceil(100);
            let response =
                ok(&json!({ "current": current, "size": 100, "pages": pages, "records": part }));
            if current == 1 {
                for _ in 0..100 {
                    records.insert(0, record(&unique_id(), now));
                }
            }
            response
        })
        .start();
    let query = Query {
        max_records: 1_000,
        until: now - 1,
        ..Query::since(now - 1_000)
    };
    let found = client(&gateway).find_records(&query);
    assert_eq!(found.recording_ids().len(), 150);
}

#[test]
fn times_are_read_as_the_servers_of_this_world_write_them() {
    let expected = 1_645_166_520;
    for (text, unix) in [
        ("2022-02-18T14:42:00+08:00", expected),
        ("2022-02-18T06:42:00Z", expected),
        ("2022-02-18T14:42:00.000+08:00", expected),
        ("2022-02-18T14:42:00.999999999+08:00", expected),
        // Java's OffsetDateTime leaves out seconds that are zero.
        ("2022-02-18T14:42+08:00", expected),
        ("2022-02-18T06:42Z", expected),
        // Jackson's and Python's offset.
        ("2022-02-18T14:42:00.000+0800", expected),
        ("2022-02-18T14:42:00+0800", expected),
        ("2022-02-18T14:42:00+08", expected),
        ("2022-02-18 14:42:00+08:00", expected),
        ("2022-02-17T21:42:00-09:00", expected),
        // A zero that stands for no time, in Go, .NET and C.
        ("0001-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T08:00:00+08:00", 0),
        // Nobody knows in which zone.
        ("2022-02-18T14:42:00", 0),
        ("2022-02-18 14:42:00", 0),
        ("2022-02-18", 0),
        ("2022-02-30T14:42:00Z", 0),
        ("+08:00", 0),
        ("T+08:00", 0),
        ("yesterday", 0),
        ("é+0800", 0),
    ] {
        let gateway = Gateway::plain()
            .answer(move |_| ok(&json!({ "voiceId": ID, "answerTime": text })))
            .start();
        let reply = self::client(&gateway).get_record(ID);
        assert_eq!(reply.record().answered_at, unix, "{text}");
        assert_eq!(reply.record().answer_time.as_deref(), Some(text));
    }
}

#[test]
fn no_time_stays_no_time_on_another_clock() {
    let gateway = Gateway::plain()
        .answer(|_| {
            ok(&json!({ "voiceId": ID, "answerTime": "1970-01-01T00:00:00Z" }))
                .date(SystemTime::now() + Duration::from_secs(7_200))
        })
        .start();
    assert_eq!(client(&gateway).get_record(ID).record().answered_at, 0);
}

#[test]
fn a_slow_response_is_not_taken_for_a_slow_clock() {
    let now = unix_now();
    let gateway = Gateway::plain()
        .answer(move |request| -> Vec<Step> {
            // A call that somebody else placed before.
            let response = page(&[record("earlier", now - 7)]).date(SystemTime::now());
            let bytes = response.bytes();
            let head = response.head_length();
            // Twice as slow the second time.
            let pause = Duration::from_millis(4_000 * u64::try_from(request.order.min(2)).unwrap());
            vec![
                Step::Send(bytes[..head].to_vec()),
                Step::Pause(pause),
                Step::Send(bytes[head..].to_vec()),
            ]
        })
        .start();
    let client = client(&gateway);
    client
        .find_call(&Request::to(CALLEE), now, Duration::ZERO)
        .expect(NO_RECORD);
    assert_eq!(gateway.deliveries().len(), 1);
}

#[test]
fn a_reason_with_recording_ids_has_no_secret() {
    let now = unix_now();
    // Checked by the client of these tests.
    for id in [SECRET, "05d7a50893e22a5c4bb3216ae3396c7c", "x7BZ1lzh9x"] {
        let (_gateway, client) = server_with(vec![record(id, now), record("18", now)]);
        let reply = client.find_call(&Request::to(CALLEE), now, Duration::ZERO);
        reply.expect(SEVERAL_RECORDS).expect_reason("18");
        assert!(!reply.reason().to_lowercase().contains(SECRET), "{reply:?}");
    }
}

#[test]
fn a_list_that_does_not_exist_is_an_empty_one() {
    let now = unix_now();
    let gateway = Gateway::plain()
        .answer(move |request| match request.order {
            1..=3 => Response::refused(-24, "data does not exist"),
            _ => page(&[record(ID, now)]),
        })
        .start();
    let client = client(&gateway);
    assert!(
        client
            .find_records(&Query::since(now))
            .recording_ids()
            .is_empty()
    );
    client
        .find_call(&Request::to(CALLEE), now, Duration::ZERO)
        .expect(NO_RECORD);
    let found = client.find_call(&Request::to(CALLEE), now, Duration::from_secs(20));
    assert_eq!(found.accepted(), ID);
}

#[test]
fn a_call_without_a_display_number_of_its_own_is_found() {
    let now = unix_now();
    let mut shown = record(ID, now);
    shown["displayNum"] = "100".into();
    let (_gateway, client) = server_with(vec![shown]);
    let request = Request {
        display_num: support::client::text(""),
        ..Request::to(CALLEE)
    };
    let found = client.find_call(&request, now, Duration::ZERO);
    assert_eq!(found.accepted(), ID);
}

#[test]
fn a_page_with_more_records_than_asked_for_is_not_taken() {
    let records: Vec<_> = (0..101)
        .map(|n| json!({ "voiceId": n.to_string() }))
        .collect();
    let (_gateway, client) = server_with(records);
    client
        .find_records(&Query::since(unix_now()))
        .expect(BAD_RESPONSE);
}

#[test]
fn a_call_in_doubt_that_was_found_is_in_doubt_no_more() {
    let now = unix_now();
    let placed = Mutex::new(0);
    let gateway = Gateway::plain()
        .answer(move |request| -> Vec<Step> {
            let mut placed = placed.lock().unwrap();
            if is_call(request) {
                *placed += 1;
                return vec![Step::Reset];
            }
            let records: Vec<_> = (1..=*placed)
                .map(|n| record(&format!("id{n}"), now))
                .collect();
            page(&records).into()
        })
        .start();
    let client = client(&gateway);
    let request = Request::to(CALLEE);
    for number in 1..=3 {
        client.send(&request).expect(CONNECTION_LOST);
        let found = client.find_call(&request, now, Duration::ZERO);
        assert_eq!(found.accepted(), format!("id{number}"));
    }
}

#[test]
fn one_record_is_not_given_to_the_first_of_two_calls_in_doubt() {
    let now = unix_now();
    // The first call is lost on its way; the second one is placed, and its response lost.
    let gateway = Gateway::plain()
        .answer(move |request| -> Vec<Step> {
            if is_call(request) {
                return vec![Step::Reset];
            }
            page(&[record("second", now)]).into()
        })
        .start();
    let client = client(&gateway);
    let request = Request::to(CALLEE);
    client.send(&request).expect(CONNECTION_LOST);
    client.send(&request).expect(CONNECTION_LOST);
    let first = client.find_call(&request, now, Duration::ZERO);
    assert_ne!(first.result, OK, "the ID of the other call: {first:?}");
}

#[test]
fn a_wrong_date_of_a_load_balancer_does_not_make_an_earlier_call_this_one() {
    let now = unix_now();
    for behind in [3_600, 1_700_000_000] {
        let gateway = Gateway::plain()
            .answer(move |request| {
                // The API's own clock is right: it takes the timestamp.
                assert!(request.skew().abs() < 60);
                let wrong = SystemTime::now() - Duration::from_secs(behind);
                let wanted = request.json()["params"].clone();
                let is_in = |time: i64| {
                    let text = |name: &str| wanted[name].as_str().unwrap().to_owned();
                    let parse = |text: String| {
                        OffsetDateTime::parse(&text, &Rfc3339)
                            .unwrap()
                            .unix_timestamp()
                    };
                    (parse(text("strTime"))..=parse(text("endTime"))).contains(&time)
                };
                // Another process called an hour ago, and this one's call never arrived.
                let earlier = now - 3_600 + 5;
                let records: Vec<_> = is_in(earlier)
                    .then(|| record("earlier", earlier))
                    .into_iter()
                    .collect();
                page(&records).date(wrong)
            })
            .start();
        let found = client(&gateway).find_call(&Request::to(CALLEE), now, Duration::ZERO);
        found.expect(NO_RECORD);
    }
}

#[test]
fn one_record_goes_to_one_of_the_threads_that_look_for_it() {
    let now = unix_now();
    for _ in 0..20 {
        let (_gateway, client) = server_with(vec![record(ID, now)]);
        let replies: Vec<_> = thread::scope(|scope| {
            let looks: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        client.find_call(&Request::to(CALLEE), now, Duration::from_millis(300))
                    })
                })
                .collect();
            looks.into_iter().map(|look| look.join().unwrap()).collect()
        });
        let found = replies.iter().filter(|reply| reply.result == OK).count();
        assert!(found <= 1, "{replies:?}");
        for reply in replies.iter().filter(|reply| reply.result != OK) {
            reply.expect(NO_RECORD);
        }
    }
}

#[test]
fn a_late_copy_of_a_record_is_not_the_response_to_a_call_nor_the_other_way_round() {
    let now = unix_now();
    // The copy comes once the next request is there, and before its response.
    let gateway = Gateway::plain()
        .answer(move |request| -> Vec<Step> {
            let own = |request: &str| match request.contains("/sendSip ") {
                true => Response::ok(&unique_id()).bytes(),
                false => ok(&record(ID, now)).bytes(),
            };
            if request.number == 1 {
                return vec![Step::Send(own(&request.line()))];
            }
            let copied = if is_call(request) {
                "/recordSip/"
            } else {
                "/sendSip "
            };
            vec![
                Step::Send(own(copied)),
                Step::Pause(Duration::from_millis(50)),
                Step::Send(own(&request.line())),
            ]
        })
        .start();
    let client = client(&gateway);
    client.get_record(ID).expect(OK);
    client.call(CALLEE).expect(BAD_RESPONSE);
    client.call(CALLEE).accepted();
    client.get_record(ID).expect(BAD_RESPONSE);
    assert_eq!(gateway.connections(), 2);
}

#[test]
fn a_page_of_records_is_neither_a_call_nor_a_record() {
    let now = unix_now();
    let gateway = Gateway::plain()
        .answer(move |_| page(&[record(ID, now)]))
        .start();
    let client = client(&gateway);
    client.find_records(&Query::since(now)).expect(OK);
    client.call(CALLEE).expect(BAD_RESPONSE);
    client.find_records(&Query::since(now)).expect(OK);
    client.get_record(ID).expect(BAD_RESPONSE);
}

#[test]
fn a_wrong_clock_is_put_right_by_a_refused_read_and_the_look_goes_on() {
    let now = unix_now();
    for offset in [7_200_i64, -7_200] {
        let gateway = Gateway::plain()
            .answer(move |request| {
                let server = unix_now() + offset;
                let date = SystemTime::UNIX_EPOCH + Duration::from_secs(server.try_into().unwrap());
                if (request.timestamp() - server).abs() > 30 {
                    return Response::refused(-16, "timestamp expires").date(date);
                }
                assert!(!is_call(request));
                let records = [
                    record(ID, now + offset),
                    record("earlier", now + offset - 60),
                ];
                page(&records).date(date)
            })
            .start();
        let client = client(&gateway);
        let found = client.find_call(&Request::to(CALLEE), now, Duration::ZERO);
        assert_eq!(found.accepted(), ID, "{offset}");
        let record = client.get_record(ID);
        record.expect(BAD_RESPONSE);
    }
}

#[test]
fn a_refused_timestamp_without_a_date_ends_a_look_as_refused() {
    let (now, looks) = (unix_now(), Arc::new(AtomicUsize::new(0)));
    let gateway = Gateway::plain()
        .answer({
            let looks = Arc::clone(&looks);
            move |_| {
                looks.fetch_add(1, Ordering::SeqCst);
                Response::refused(-16, "timestamp expires")
            }
        })
        .start();
    let client = client(&gateway);
    client.get_record(ID).expect(REJECTED);
    let reply = client.find_call(&Request::to(CALLEE), now, Duration::ZERO);
    assert_eq!(reply.expect(RECORDS_FAILED).status, -16);
    assert_eq!(looks.load(Ordering::SeqCst), 2);
}

#[test]
fn the_deadline_of_a_look_holds_in_each_phase() {
    let now = unix_now();
    let body = page(&[record(ID, now)]).bytes();
    for steps in [
        vec![Step::Stall],
        vec![Step::Drip(body.clone(), Duration::from_millis(100))],
        vec![Step::Send(body[..body.len() - 1].to_vec()), Step::Stall],
        vec![Step::Flood(b"\r\n".to_vec())],
    ] {
        let is_flood = matches!(steps[0], Step::Flood(_));
        let gateway = Gateway::plain().answer(move |_| steps.clone()).start();
        let client = client(&gateway);
        let query = Query {
            timeout_ms: 400,
            ..Query::since(now)
        };
        let reply = client.find_records(&query);
        if !is_flood {
            reply.expect(TIMED_OUT);
        }
        let request = Request::to(CALLEE).timeout_ms(400);
        let found = client.find_call(&request, now, Duration::from_millis(300));
        found.expect(RECORDS_FAILED);
        for elapsed in [reply.elapsed, found.elapsed] {
            assert!(elapsed < Duration::from_secs(6), "{elapsed:?}");
        }
    }
}

#[test]
fn shutdown_ends_a_look_in_the_middle_of_a_page() {
    let now = unix_now();
    let gateway = Gateway::plain()
        .answer(move |_| {
            let bytes = page(&[record(ID, now)]).bytes();
            vec![Step::Send(bytes[..bytes.len() / 2].to_vec()), Step::Stall]
        })
        .start();
    let client = client(&gateway);
    thread::scope(|scope| {
        let look =
            scope.spawn(|| client.find_call(&Request::to(CALLEE), now, Duration::from_secs(600)));
        gateway.wait_for_requests(1);
        let stopped = Instant::now();
        client.shutdown();
        look.join().unwrap().expect(RECORDS_FAILED);
        assert!(stopped.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn times_at_the_end_of_the_calendar_are_survived() {
    let now = unix_now();
    let (_gateway, client) = server_with(vec![record(ID, now)]);
    for since in [1, 253_402_300_799, now + 400 * 86_400] {
        for until in [0, 1, 253_402_300_799] {
            let query = Query {
                until,
                max_records: 1,
                timeout_ms: 5_000,
                ..Query::since(since)
            };
            client.find_records(&query);
        }
    }
}

#[test]
fn control_characters_in_records_are_not_handed_out() {
    let text = "a\u{1}\r\nb\u{202e}\u{0}c\u{85}";
    let mut record = json!({ "voiceId": ID });
    for name in [
        "sipGroupName",
        "phoneName",
        "callee",
        "displayNum",
        "code",
        "submitTime",
        "callTime",
        "ringingTime",
        "answerTime",
        "hangupTime",
        "terminationCode",
        "terminationReason",
        "cost",
        "rate",
        "billPeriod",
        "recordingFileId",
        "currency",
    ] {
        record[name] = text.into();
    }
    let gateway = Gateway::plain().answer(move |_| ok(&record)).start();
    let reply = client(&gateway).get_record(ID);
    assert_eq!(reply.record().region.as_deref(), Some("a   b c "));
}
