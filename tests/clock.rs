//! A host with a wrong clock: after status -16 the clock is corrected from the server's `Date`, once, and the
//! correction is remembered. Where there is nothing to correct, nothing is sent twice.

mod support;

use std::time::{Duration, SystemTime};

use support::client::*;
use support::diary::Delivery;
use support::gateway::{Builder, Gateway, Opening, Step};
use support::response::{Response, recording_id_for};

/// The server's clock, this many seconds from ours.
fn server_time(offset: i64) -> SystemTime {
    let seconds = Duration::from_secs(offset.unsigned_abs());
    if offset < 0 {
        SystemTime::now() - seconds
    } else {
        SystemTime::now() + seconds
    }
}

/// The response of an API with such a clock, whose tolerance is a minute.
fn check_timestamp(request: &Delivery, offset: i64) -> Response {
    let response = if (request.skew() - offset).abs() <= 60 {
        Response::ok(&recording_id_for(&request.callee()))
    } else {
        Response::refused(-16, "timestamp expires")
    };
    response.date(server_time(offset))
}

/// Makes a call for each result, to 7000001 and so on, with one client; returns the diary. A refusal has to be
/// of the timestamp.
#[track_caller]
fn calls(gateway: Gateway, results: &[i32]) -> Vec<Delivery> {
    let client = Client::new(&gateway.config()).expect("a client");
    for (number, result) in (7_000_001..).zip(results) {
        let callee = number.to_string();
        let reply = client.call(&callee);
        reply.expect(*result);
        match *result {
            OK => assert_eq!(reply.accepted(), recording_id_for(&callee)),
            _ => assert_eq!(reply.status, -16, "{reply:?}"),
        }
    }
    drop(client);
    gateway.finish()
}

/// Fails the test unless each request's timestamp was so far from the gateway's clock, give or take 2 s.
#[track_caller]
fn check_skews(deliveries: &[Delivery], expected: &[i64]) {
    let skews: Vec<_> = deliveries.iter().map(Delivery::skew).collect();
    assert_eq!(skews.len(), expected.len(), "{skews:?}");
    for (skew, expected) in skews.iter().zip(expected) {
        assert!((skew - expected).abs() <= 2, "{skews:?}");
    }
}

fn expired() -> Response {
    Response::refused(-16, "timestamp expires")
}

#[test]
fn a_wrong_clock_is_corrected_by_one_repeat_and_remembered() {
    for offset in [
        3600,
        -3600,
        86_400,
        -86_400,
        90,
        -90,
        400_000_000,
        -400_000_000,
    ] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let gateway = builder
                .answer(move |request| check_timestamp(request, offset))
                .start();
            let deliveries = calls(gateway, &[OK; 3]);
            let callees: Vec<_> = deliveries.iter().map(Delivery::callee).collect();
            assert_eq!(
                callees,
                ["7000001", "7000001", "7000002", "7000003"],
                "{offset} s"
            );
            for delivery in &deliveries {
                delivery.check_signature(KEY, SECRET);
            }
            check_skews(&deliveries, &[0, offset, offset, offset]);
        }
    }
}

#[test]
fn a_date_in_a_success_changes_no_clock() {
    // Only a refusal says that the clock is wrong. The Date may be wrong itself.
    let gateway = Gateway::plain()
        .answer(|request| {
            Response::ok(&recording_id_for(&request.callee())).date(server_time(7200))
        })
        .start();
    check_skews(&calls(gateway, &[OK; 2]), &[0, 0]);
}

#[test]
fn each_client_has_a_clock_of_its_own() {
    let gateway = Gateway::plain()
        .answer(|request| check_timestamp(request, 3600))
        .start();
    let clients = [(); 2].map(|()| Client::new(&gateway.config()).expect("a client"));
    for client in &clients {
        client.call("7000001").accepted();
    }
    drop(clients);
    assert_eq!(gateway.finish_and_count(), 4);
}

#[test]
fn a_clock_that_changes_again_is_corrected_again() {
    // The server's clock is put right after the third request.
    let gateway = Gateway::plain()
        .answer(|request| check_timestamp(request, if request.order <= 3 { -86_400 } else { 0 }))
        .start();
    let deliveries = calls(gateway, &[OK; 3]);
    let callees: Vec<_> = deliveries.iter().map(Delivery::callee).collect();
    assert_eq!(
        callees,
        ["7000001", "7000001", "7000002", "7000003", "7000003"]
    );
}

/// Makes one call, which has to be refused with -16, and checks that its request arrived `times`.
#[track_caller]
fn check_refused(name: &str, builder: Builder, times: usize) {
    let gateway = builder.start();
    let client = Client::new(&gateway.config()).expect("a client");
    let reply = client.call("7000001");
    drop(client);
    let delivered = gateway.finish_and_count();
    assert_eq!(
        (reply.result, reply.status),
        (REJECTED, -16),
        "{name}: {reply:?}"
    );
    assert_eq!(delivered, times, "{name}");
    assert_eq!(reply.reason(), "timestamp expires", "{name}");
}

#[test]
fn a_status_16_that_cannot_be_corrected_is_delivered_once() {
    let wrong = httpdate::fmt_http_date(server_time(3600));
    for date in [
        "",
        "0",
        "-1",
        "yesterday",
        "Thu, 01 Jan",
        "1630468800",
        "2021-09-01T04:00:00Z",
        "Wed, 99 Sep 2021 04:00:00 GMT",
        "Wed, 01 Foo 2021 04:00:00 GMT",
        "Wed, 01 Sep 2021 25:61:61 GMT",
        "Wed, 01 Sep 99999999 04:00:00 GMT",
        "\u{fffd}",
    ] {
        let builder = Gateway::plain().answer(move |_| expired().header("Date", date));
        check_refused(&format!("Date: {date}"), builder, 1);
    }
    check_refused("no Date", Gateway::plain().answer(|_| expired()), 1);
    for age in ["0", "1", "4000", "x"] {
        let wrong = wrong.clone();
        let builder =
            Gateway::plain().answer(move |_| expired().header("Date", &wrong).header("Age", age));
        check_refused(&format!("Age: {age}"), builder, 1);
    }
}

#[test]
fn a_status_16_from_a_server_whose_clock_agrees_is_delivered_once() {
    // Whole seconds, and a second may pass on the way: 1 is well within "2 s".
    for offset in [-1, 0, 1] {
        let builder = Gateway::plain().answer(move |_| expired().date(server_time(offset)));
        check_refused(&format!("{offset} s"), builder, 1);
    }
    // And well outside.
    for offset in [-5, 5] {
        let builder = Gateway::plain().answer(move |_| expired().date(server_time(offset)));
        check_refused(&format!("{offset} s"), builder, 2);
    }
}

#[test]
fn a_status_16_after_the_correction_is_final() {
    // The server sends another time in each response: there is one repeat, not one per response.
    let gateway = Gateway::plain()
        .answer(|request| expired().date(server_time(3600 * request.order as i64)))
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    let reply = client.call("7000001");
    assert_eq!((reply.result, reply.status), (REJECTED, -16));
    drop(client);
    assert_eq!(gateway.finish_and_count(), 2);

    // The server always sends the same time and always refuses it: the time is not remembered, and each call
    // tries it once.
    let gateway = Gateway::plain()
        .answer(|_| expired().date(server_time(3600)))
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    for delivered in [2, 4, 6] {
        client.call("7000001").expect(REJECTED);
        assert_eq!(gateway.deliveries().len(), delivered);
    }
}

#[test]
fn a_fault_in_the_repeat_decides_the_result() {
    // The first request was refused; the result is that of the second.
    for (name, steps, result, delivered) in [
        ("reset", vec![Step::Reset], CONNECTION_LOST, 2),
        ("closed", vec![Step::Close], CONNECTION_LOST, 2),
        (
            "an error page",
            Response::new(503, "").into(),
            HTTP_ERROR,
            2,
        ),
        (
            "another refusal",
            Response::refused(-10, "no money").into(),
            REJECTED,
            2,
        ),
    ] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let steps = steps.clone();
            let gateway = builder
                .answer(move |request| match request.order {
                    1 => expired().date(server_time(3600)).into(),
                    _ => steps.clone(),
                })
                .start();
            let client = Client::new(&gateway.config()).expect("a client");
            let reply = client.call("7000001");
            drop(client);
            assert_eq!(reply.result, result, "{name}: {reply:?}");
            if result == REJECTED {
                assert_eq!(reply.status, -10);
            }
            assert_eq!(gateway.finish_and_count(), delivered, "{name}");
        }
    }
}

#[test]
fn the_repeat_goes_over_a_new_connection_where_the_old_one_is_closed() {
    let gateway = Gateway::tls()
        .answer(|request| {
            let response = check_timestamp(request, 3600).header("Connection", "close");
            vec![Step::Send(response.bytes()), Step::Close]
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call("7000001").accepted();
    drop(client);
    assert_eq!(gateway.connections(), 2);
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn both_requests_together_keep_the_deadline() {
    let gateway = Gateway::plain()
        .answer(|request| {
            let pause = Step::Pause(Duration::from_millis(500));
            vec![pause, Step::Send(check_timestamp(request, 3600).bytes())]
        })
        .start();
    let client = Client::new(&gateway.config().timeout_ms(800)).expect("a client");
    let reply = client.call("7000001");
    reply.expect(TIMED_OUT);
    assert!(reply.elapsed >= Duration::from_millis(790), "{reply:?}");
    assert!(reply.elapsed < Duration::from_secs(4), "{reply:?}");
    drop(client);
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn a_status_16_with_an_http_error_is_corrected_too() {
    for code in [400, 401, 403, 500] {
        let gateway = Gateway::plain()
            .answer(move |request| {
                let response = check_timestamp(request, 3600);
                if request.order == 1 {
                    response.code(code)
                } else {
                    response
                }
            })
            .start();
        let deliveries = calls(gateway, &[OK]);
        assert!(deliveries.iter().all(|delivery| delivery.complete));
        assert_eq!(deliveries.len(), 2);
    }
}

#[test]
fn threads_that_find_the_clock_wrong_at_once_each_repeat_at_most_once() {
    let gateway = Gateway::tls()
        .answer(|request| check_timestamp(request, -86_400))
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    let number = |thread, call| format!("7{thread:03}{call:03}");
    for (callee, reply) in client.call_from_threads(8, 5, number) {
        assert_eq!(reply.accepted(), recording_id_for(&callee));
    }
    drop(client);
    let deliveries = gateway.finish();
    assert!(
        deliveries.len() <= 48,
        "{} deliveries of 40 calls by 8 threads",
        deliveries.len()
    );
    for thread in 0..8 {
        for call in 1..5 {
            let callee = number(thread, call);
            let times = deliveries
                .iter()
                .filter(|delivery| delivery.callee() == callee)
                .count();
            assert_eq!(times, 1, "{callee}: its thread knew the clock by then");
        }
    }
}

#[test]
fn a_wrong_date_is_used_in_one_call_only() {
    // Both clocks are right. One response is a -16 all the same, and its Date is a load balancer's.
    for wrong in [600, -600] {
        let gateway = Gateway::plain()
            .answer(move |request| match request.order {
                1 => expired().date(server_time(wrong)),
                _ => check_timestamp(request, 0).date(server_time(wrong)),
            })
            .start();
        check_skews(&calls(gateway, &[REJECTED, OK, OK]), &[0, wrong, 0, 0]);
    }
}

#[test]
fn a_correction_that_worked_stays_after_a_wrong_date() {
    // The host is an hour behind, and the client has learnt that. Then one response has a wrong Date.
    let gateway = Gateway::plain()
        .answer(|request| match request.order {
            3 => expired().date(server_time(7200)),
            4 => check_timestamp(request, 3600).date(server_time(7200)),
            _ => check_timestamp(request, 3600),
        })
        .start();
    check_skews(
        &calls(gateway, &[OK, REJECTED, OK]),
        &[0, 3600, 3600, 7200, 3600],
    );
}

#[test]
fn a_repeat_without_a_response_changes_no_clock() {
    let gateway = Gateway::plain()
        .answer(|request| match request.order {
            1 => expired().date(server_time(3600)).into(),
            2 => vec![Step::Reset],
            _ => check_timestamp(request, 0).into(),
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call("7000001").expect(CONNECTION_LOST);
    client.call("7000002").accepted();
}

#[test]
fn a_status_16_is_the_result_where_no_time_is_left_for_the_repeat() {
    // The repeat needs a new connection, and the server completes no further handshake.
    let gateway = Gateway::tls()
        .opening(|connection| match connection {
            1 => Opening::Serve,
            _ => Opening::Raw(vec![Step::Stall]),
        })
        .answer(|_| expired().date(server_time(3600)))
        .start();
    let client = Client::new(&gateway.config().timeout_ms(900)).expect("a client");
    let reply = client.call("7000001");
    assert_eq!((reply.result, reply.status), (REJECTED, -16), "{reply:?}");
    assert!(reply.elapsed >= Duration::from_millis(890), "{reply:?}");
    drop(client);
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn an_offset_that_is_refused_is_dropped() {
    // The host was an hour behind, and has been corrected. Refusals no longer have a Date.
    for undated in [true, false] {
        let gateway = Gateway::plain()
            .answer(move |request| match request.order {
                1 | 2 => check_timestamp(request, 3600),
                // Or it is a time that has just been refused.
                _ if request.skew().abs() > 60 && !undated => expired().date(server_time(3600)),
                _ if request.skew().abs() > 60 => expired(),
                _ => Response::ok(&recording_id_for(&request.callee())),
            })
            .start();
        check_skews(&calls(gateway, &[OK, REJECTED, OK]), &[0, 3600, 3600, 0]);
    }
}
