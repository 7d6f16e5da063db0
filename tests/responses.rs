//! Responses in every form: those that have to be read, those that are not the API's, and those that a
//! hostile server might send. In each case the request has been delivered once.

mod support;

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use support::client::{
    BAD_RESPONSE, CONNECTION_LOST, Client, Config, HTTP_ERROR, INTERNAL_ERROR, NO_STATUS, OK,
    REJECTED, Reply, SECRET, text,
};
use support::gateway::{Gateway, Step};
use support::response::{Response, unique_id};

const ID: &str = "2203031113381000002";

/// Makes a call to a server with this response, and checks that the request arrived once.
#[track_caller]
fn call_answered_with(name: &str, steps: Vec<Step>) -> Reply {
    let gateway = Gateway::plain().answer(move |_| steps.clone()).start();
    let client = Client::new(&gateway.config().timeout_ms(10_000)).expect("a client");
    let reply = client.call("4915112345678");
    drop(client);
    let delivered = gateway.finish_and_count();
    assert_eq!(
        delivered, 1,
        "{name}: delivered {delivered} times: {reply:?}"
    );
    reply
}

/// A response, and the expected result.
struct Case {
    name: &'static str,
    steps: Vec<Step>,
    result: i32,
    status: i32,
}

fn case(name: &'static str, response: impl Into<Vec<Step>>, result: i32, status: i32) -> Case {
    Case {
        name,
        steps: response.into(),
        result,
        status,
    }
}

/// Tries every case, and reports all that failed.
#[track_caller]
fn check(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for Case {
        name,
        steps,
        result,
        status,
    } in cases
    {
        let reply = call_answered_with(name, steps);
        if (reply.result, reply.status) != (result, status) {
            wrong.push(format!(
                "{name}: expected ({result}, {status}), got {reply:?}"
            ));
        } else if result == OK && reply.recording_id.as_deref() != Some(ID) {
            wrong.push(format!("{name}: another ID: {reply:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A success with this JSON as its `data`.
fn data(value: &str) -> Response {
    Response::json(format!(
        r#"{{"status":"0","reason":"success","data":{value}}}"#
    ))
}

fn raw(bytes: impl AsRef<[u8]>) -> Vec<Step> {
    vec![Step::Send(bytes.as_ref().to_vec()), Step::Close]
}

#[test]
fn success_is_read_in_every_unusual_form() {
    let documented = Response::ok(ID);
    let json = |body: &str| Response::json(body);
    let in_pieces = |response: &Response, size: usize| {
        response
            .bytes()
            .chunks(size)
            .flat_map(|piece| {
                [
                    Step::Send(piece.to_vec()),
                    Step::Pause(Duration::from_millis(2)),
                ]
            })
            .collect::<Vec<_>>()
    };
    let after = |prefix: &str, response: &Response| {
        vec![Step::Send([prefix.as_bytes(), &response.bytes()].concat())]
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 62\r\n";
    let body = format!(r#"{{"status":"0","reason":"success","data":"{ID}"}}"#);
    let cases = vec![
        case("the documented one", documented.clone(), OK, 0),
        case("without appId", json(&body), OK, 0),
        case(
            "status a number",
            json(&format!(r#"{{"status":0,"data":"{ID}"}}"#)),
            OK,
            0,
        ),
        case(
            "status and data numbers, all digits kept",
            json(&format!(r#"{{"status":0,"data":{ID}}}"#)),
            OK,
            0,
        ),
        case(
            "no reason",
            json(&format!(r#"{{"status":"0","data":"{ID}"}}"#)),
            OK,
            0,
        ),
        case(
            "reason null",
            json(&format!(r#"{{"status":"0","reason":null,"data":"{ID}"}}"#)),
            OK,
            0,
        ),
        case(
            "reason an object",
            json(&format!(r#"{{"status":"0","reason":{{}},"data":"{ID}"}}"#)),
            OK,
            0,
        ),
        case(
            "unknown fields",
            json(&format!(
                r#"{{"x":[1,{{"y":null}}],"data":"{ID}","appId":4,"status":"0","z":1e400}}"#
            )),
            OK,
            0,
        ),
        case(
            "spaces around everything",
            json(&format!(
                "\r\n\t {{ \"status\" : \"0\" ,\n\"data\" : \"{ID}\" }}  \n"
            )),
            OK,
            0,
        ),
        case(
            "escapes in strings",
            json(&format!(
                r#"{{"st\u0061tus":"\u0030","data":"\u0032{}"}}"#,
                &ID[1..]
            )),
            OK,
            0,
        ),
        case("chunked", documented.clone().chunked(), OK, 0),
        case(
            "the body ends with the connection",
            documented.clone().until_close(),
            OK,
            0,
        ),
        case("one byte at a time", in_pieces(&documented, 1), OK, 0),
        case("in pieces of 13", in_pieces(&documented, 13), OK, 0),
        case(
            "chunked, one byte at a time",
            in_pieces(&documented.clone().chunked(), 1),
            OK,
            0,
        ),
        case(
            "100 first",
            after("HTTP/1.1 100 Continue\r\n\r\n", &documented),
            OK,
            0,
        ),
        case(
            "103 with headers first, and 102",
            after(
                "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
                &documented,
            ),
            OK,
            0,
        ),
        case(
            "HTTP/1.0",
            raw(format!("HTTP/1.0 200 OK\r\n\r\n{body}")),
            OK,
            0,
        ),
        case(
            "no reason phrase",
            raw(format!("HTTP/1.1 200\r\nContent-Length: 62\r\n\r\n{body}")),
            OK,
            0,
        ),
        case("no content type", raw(format!("{head}\r\n{body}")), OK, 0),
        case(
            "text/html that is JSON",
            raw(format!("{head}Content-Type: text/html\r\n\r\n{body}")),
            OK,
            0,
        ),
        case("closed after the response", raw(documented.bytes()), OK, 0),
        case(
            "reset after the response",
            vec![
                Step::Send(documented.bytes()),
                Step::Pause(Duration::from_millis(50)),
                Step::Reset,
            ],
            OK,
            0,
        ),
        case(
            "an unknown field, 20,000 deep",
            json(&format!(
                r#"{{"x":{}{},"status":"0","data":"{ID}"}}"#,
                "[".repeat(20_000),
                "]".repeat(20_000)
            )),
            OK,
            0,
        ),
        case("empty lines first", after("\r\n\r\n", &documented), OK, 0),
        case(
            "many headers",
            (0..60).fold(documented, |a, n| a.header(&format!("X-{n}"), "v")),
            OK,
            0,
        ),
    ];
    assert_eq!(body.len(), 62);
    check(cases);
}

#[test]
fn a_recording_id_of_19_digits_keeps_each_of_them() {
    // 2203031113381000002 is more than a double can hold: it would come back as ...000.
    for id in [
        "2203031113381000002",
        "9223372036854775807",
        "18446744073709551615",
        "99999999999999999999999",
        "0",
        "007",
        "a-b_c.d é",
    ] {
        let quoted = call_answered_with(id, data(&format!("\"{id}\"")).into());
        assert_eq!(quoted.accepted(), id);
        if id.bytes().all(|byte| byte.is_ascii_digit()) && (id == "0" || !id.starts_with('0')) {
            let number = call_answered_with(id, data(id).into());
            assert_eq!(number.accepted(), id);
        }
    }
}

#[test]
fn every_refusal_is_passed_on_with_its_status_and_reason() {
    for status in [-1, -2, -10, -16, -18, -22, -26, -999, i32::MIN + 1] {
        for body in [
            format!(r#"{{"status":"{status}","reason":"not today","data":null}}"#),
            format!(r#"{{"status":{status},"reason":"not today"}}"#),
            format!(r#"{{"reason":"not today","data":{{}},"status":" {status} ","code":[]}}"#),
            format!(r#"{{"status":"{status}","reason":"not today","data":"{ID}"}}"#),
        ] {
            let reply = call_answered_with(&body, Response::json(body.as_str()).into());
            reply.expect(REJECTED);
            assert_eq!(
                (reply.status, reply.reason()),
                (status, "not today"),
                "{body}"
            );
            assert!(!reply.may_have_dialed());
        }
    }
}

#[test]
fn a_positive_status_is_not_a_refusal() {
    // Frameworks and gateways send these by themselves: the request may have been read, and the call placed.
    let pages: [(u16, &str, i32); 12] = [
        // The error pages of two versions of Spring Boot.
        (
            500,
            r#"{"timestamp":"2026-11-25T08:00:00.000+00:00","status":500,"error":"Internal Server Error","path":"/voice/sendSip"}"#,
            500,
        ),
        (
            404,
            r#"{"timestamp":1764057600000,"status":404,"error":"Not Found","message":"","path":"/voice/sendSip"}"#,
            404,
        ),
        // Problem details (RFC 9457), as ASP.NET, Quarkus and Spring 6 send them.
        (504, r#"{"title":"Gateway Timeout","status":504}"#, 504),
        (
            400,
            r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"x","instance":"/voice/sendSip"}"#,
            400,
        ),
        (502, r#"{"status":"502","reason":"x"}"#, 502),
        (302, r#"{"status":302}"#, 302),
        (503, r#"{"status":1,"reason":"down","data":"1"}"#, 1),
        (200, r#"{"code":0,"status":200,"data":"1"}"#, 200),
        (
            200,
            r#"{"status":"200","reason":"success","data":"1"}"#,
            200,
        ),
        (200, r#"{"status":1,"reason":"not today"}"#, 1),
        (201, r#"{"status":"7","data":null}"#, 7),
        (200, r#"{"status":2147483647}"#, i32::MAX),
    ];
    for (code, body, status) in pages {
        let reply = call_answered_with(body, Response::new(code, body).into());
        let expected = if code < 300 { BAD_RESPONSE } else { HTTP_ERROR };
        reply.expect(expected);
        assert_eq!(reply.status, status, "{body}");
        assert!(reply.may_have_dialed(), "{body}");
    }
}

#[test]
fn a_refusal_without_a_reason_gets_the_documented_meaning() {
    for (reason, expected) in [
        ("", "balance"),
        (r#","reason":null"#, "balance"),
        (r#","reason":"""#, "balance"),
        (r#","reason":"  \n ""#, "balance"),
        (r#","reason":"\u200b\ufeff""#, "balance"),
        (r#","reason":{"text":"no"}"#, "balance"),
        (r#","reason":17"#, ""),
    ] {
        let body = format!(r#"{{"status":"-10"{reason}}}"#);
        let reply = call_answered_with(&body, Response::json(body.as_str()).into());
        reply.expect(REJECTED);
        assert!(reply.reason().contains(expected), "{body}: {reply:?}");
    }
}

#[test]
fn a_refusal_is_one_with_any_http_status() {
    for code in [200, 201, 202, 400, 401, 403, 404, 429, 500, 502, 503, 302] {
        let reply = call_answered_with(
            "refusal",
            Response::refused(-2, "restricted IP").code(code).into(),
        );
        reply.expect(REJECTED);
        assert_eq!(
            (reply.status, reply.reason()),
            (-2, "restricted IP"),
            "HTTP {code}"
        );
        assert!(!reply.may_have_dialed());
    }
}

#[test]
fn an_http_error_that_is_not_the_apis_may_have_dialed() {
    for code in [
        300, 301, 400, 401, 403, 404, 407, 408, 410, 413, 418, 429, 451, 499, 500, 501, 502, 503,
        504, 599,
    ] {
        for body in [
            "",
            "<html><h1>Bad gateway</h1></html>",
            "null",
            "{}",
            "[]",
            "{\"error\":\"x\"}",
            "\"-10\"",
        ] {
            let reply = call_answered_with("error page", Response::new(code, body).into());
            reply.expect(HTTP_ERROR);
            assert_eq!(reply.status, NO_STATUS);
            reply.expect_reason(&code.to_string());
            assert!(reply.may_have_dialed());
        }
    }
}

#[test]
fn an_http_error_that_says_success_is_an_http_error_and_may_have_dialed() {
    // It is not documented. The caller must not be told that it is safe to dial again.
    for code in [302, 400, 500, 503] {
        let reply = call_answered_with("contradiction", Response::ok(ID).code(code).into());
        assert!(reply.may_have_dialed(), "{reply:?}");
        reply.expect(HTTP_ERROR);
    }
}

#[test]
fn redirects_are_never_followed() {
    for code in [301, 302, 303, 307, 308] {
        let elsewhere = Gateway::plain().start();
        let url = format!("{}/sendSip", elsewhere.url());
        for location in [url.as_str(), "/voice/sendSip", "http://[", ""] {
            let response = Response::new(code, "moved").header("Location", location);
            // `call_answered_with` counts one delivery, so that "/voice/sendSip" is not followed either.
            call_answered_with("redirect", response.into()).expect(HTTP_ERROR);
        }
        assert_eq!(elsewhere.connections(), 0, "HTTP {code} was followed");
    }
}

#[test]
fn status_0_without_a_usable_recording_id_is_a_bad_response() {
    // The unit test of src/api has a similar list; this one checks what a caller of the library gets.
    let cases = [
        r#""""#,
        "null",
        "{}",
        "[]",
        r#"["1"]"#,
        "true",
        "1.5",
        "1e3",
        r#""a\u0000b""#,
        r#""a\nb""#,
        r#""\u007f""#,
        r#""\u009f1""#,
        r#""\t""#,
        r#""1\r\nX-Evil: 1""#,
        // Blank, invisible, and other ways to write "none".
        r#"" ""#,
        r#""\u00a0\u3000""#,
        r#""1\u200b2""#,
        r#""\ufeff1""#,
        r#""1\u202e2""#,
        r#""1\u2066""#,
        r#""1\u20282""#,
        r#""\u00ad""#,
        r#""null""#,
        r#""Null""#,
        "-0",
        r#""-0""#,
    ];
    let mut cases: Vec<_> = cases
        .map(|value| case(value, data(value), BAD_RESPONSE, 0))
        .into_iter()
        .collect();
    cases.push(case(
        "no data",
        Response::json(r#"{"status":"0","reason":"success"}"#),
        BAD_RESPONSE,
        0,
    ));
    check(cases);
}

#[test]
fn what_is_not_the_documented_json_is_a_bad_response() {
    let bodies: [&'static str; 30] = [
        "",
        " ",
        "null",
        "true",
        "0",
        "\"0\"",
        "[]",
        "{}",
        "{",
        "}",
        "{\"status\":\"0\"",
        r#"{"status":"0","data":"1"}}"#,
        r#"{"status":"0","data":"1"}{}"#,
        r#"{"status":"0","data":"1",}"#,
        r#"{"status":"","data":"1"}"#,
        r#"{"status":null,"data":"1"}"#,
        r#"{"status":true,"data":"1"}"#,
        r#"{"status":[],"data":"1"}"#,
        r#"{"status":"zero","data":"1"}"#,
        r#"{"status":0.0,"data":"1"}"#,
        r#"{"status":"0x0","data":"1"}"#,
        r#"{"status":"99999999999","data":"1"}"#,
        r#"{"data":"1"}"#,
        r#"{"Status":"0","data":"1"}"#,
        r#"["0","success","1"]"#,
        r#"{"status":"0","status":"-10","data":"1"}"#,
        r#"{"status":"-10","status":"0","data":"1"}"#,
        r#"{"status":"0","data":"1","data":"2"}"#,
        "{'status':'0','data':'1'}",
        "status=0&data=1",
    ];
    let mut cases: Vec<_> = bodies
        .map(|body| case(body, Response::json(body), BAD_RESPONSE, NO_STATUS))
        .into_iter()
        .collect();
    cases.extend([
        case(
            "not UTF-8",
            Response::json(b"{\"status\":\"0\",\"data\":\"\xff\xfe\"}".as_slice()),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case(
            "half of a surrogate pair",
            data(r#""\ud800""#),
            BAD_RESPONSE,
            0,
        ),
        case(
            "a raw NUL",
            Response::json(b"{\"status\":\"0\",\"data\":\"a\0b\"}".as_slice()),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case(
            "deep arrays",
            Response::json("[".repeat(30_000)),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case(
            "deep objects",
            Response::json("{\"a\":".repeat(10_000)),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case(
            "gzip without a request for it",
            Response::json(b"\x1f\x8b\x08\x00\x00".as_slice()).header("Content-Encoding", "gzip"),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case(
            "204 without a body",
            Response::new(204, ""),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case(
            "status INT32_MIN",
            Response::json(r#"{"status":"-2147483648"}"#),
            BAD_RESPONSE,
            NO_STATUS,
        ),
    ]);
    check(cases);
}

#[test]
fn what_is_not_http_is_a_bad_response() {
    let cases = [
        ("a banner", "220 mail.example ESMTP\r\n"),
        ("no version", "200 OK\r\n\r\n{}"),
        ("HTTP/2", "HTTP/2 200\r\n\r\n{}"),
        ("HTTP/9.9", "HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        ("a status of letters", "HTTP/1.1 abc OK\r\n\r\n{}"),
        (
            "a status too small",
            "HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\n{}",
        ),
        (
            "a header without colon",
            "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n{}",
        ),
        ("a header with NUL", "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n{}"),
        (
            "a length of letters",
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        ),
        (
            "a negative length",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        ),
        (
            "a chunk size of letters",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        ),
        (
            "a huge chunk size",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n{}",
        ),
        (
            "a copy of the request",
            "POST /voice/sendSip HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
        ("binary", "\u{1}\u{2}\u{3}\u{0}\u{ff}\u{fe}\r\n\r\n"),
        (
            "a switch of protocols",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, bytes) in cases {
        let reply = call_answered_with(name, raw(bytes));
        // A 101 is an HTTP response that is not the API's, too.
        let allowed: &[i32] = if name.contains("switch") {
            &[BAD_RESPONSE, HTTP_ERROR]
        } else {
            &[BAD_RESPONSE]
        };
        if !allowed.contains(&reply.result) || reply.status != NO_STATUS {
            wrong.push(format!("{name}: {reply:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn contradictory_lengths_are_no_internal_error_and_may_have_dialed() {
    let body = format!(r#"{{"status":"0","data":"{ID}"}}"#);
    for head in [
        format!("Content-Length: {}\r\nContent-Length: 5", body.len()),
        format!("Content-Length: {}, 7", body.len()),
        format!("Content-Length: +{}", body.len()),
        "Content-Length: 99999999999999999999999999".to_owned(),
    ] {
        let reply = call_answered_with(
            &head,
            raw(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}")),
        );
        assert_ne!(reply.result, INTERNAL_ERROR, "{head}");
        assert!(reply.may_have_dialed(), "{head}: {reply:?}");
    }
}

#[test]
fn a_response_that_ends_early_is_a_lost_connection() {
    for response in [Response::ok(ID), Response::ok(ID).chunked()] {
        let bytes = response.bytes();
        for end in [Step::Close, Step::Fin, Step::Reset] {
            for length in [
                0,
                1,
                9,
                20,
                response.head_length() - 1,
                response.head_length(),
                bytes.len() - 1,
            ] {
                let reply = call_answered_with(
                    "early end",
                    vec![Step::Send(bytes[..length].to_vec()), end.clone()],
                );
                assert_eq!(
                    reply.result, CONNECTION_LOST,
                    "{length} bytes, then {end:?}: {reply:?}"
                );
                assert!(reply.may_have_dialed());
            }
        }
    }
}

#[test]
fn over_tls_a_response_that_ends_early_is_a_lost_connection() {
    let response = Response::ok(ID);
    for end in [Step::Close, Step::Fin, Step::Reset] {
        for length in [0, 20, response.head_length(), response.bytes().len() - 1] {
            let steps = vec![Step::Send(response.bytes()[..length].to_vec()), end.clone()];
            let gateway = Gateway::tls().answer(move |_| steps.clone()).start();
            let client = Client::new(&gateway.config()).expect("a client");
            client.call("4915112345678").expect(CONNECTION_LOST);
            drop(client);
            assert_eq!(
                gateway.finish_and_count(),
                1,
                "{length} bytes, then {end:?}"
            );
        }
    }
}

#[test]
fn over_tls_a_body_may_end_with_the_connection_and_without_close_notify() {
    let response = Response::ok(ID).until_close().bytes();
    for end in [Step::Close, Step::Fin] {
        let steps = vec![Step::Send(response.clone()), end];
        let gateway = Gateway::tls().answer(move |_| steps.clone()).start();
        let client = Client::new(&gateway.config()).expect("a client");
        assert_eq!(client.call("4915112345678").accepted(), ID);
    }
}

#[test]
fn over_tls_a_whole_response_counts_whatever_follows_it() {
    // No record at all; one that cannot be decrypted; an unencrypted alert.
    for following in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\x17\x03\x03\x00\x20................................",
        b"\x15\x03\x03\x00\x02\x02\x50",
    ] {
        for response in [
            Response::ok(ID),
            Response::refused(-10, "no"),
            Response::json(format!(
                r#"{{"status":"0","data":"{ID}","x":"{}"}}"#,
                "x".repeat(3000)
            )),
        ] {
            let response = response.bytes();
            let expected = if response.ends_with(b"null}") {
                REJECTED
            } else {
                OK
            };
            let gateway = Gateway::tls()
                .answer(move |_| {
                    // Each call has a recording ID of its own.
                    let text = String::from_utf8(response.clone()).expect("text");
                    let response = text.replace(ID, &unique_id());
                    vec![Step::SendThenRaw(response.into(), following.to_vec())]
                })
                .start();
            let client = Client::new(&gateway.config().timeout_ms(10_000)).expect("a client");
            for callee in ["7000001", "7000002"] {
                let reply = client.call(callee);
                assert_eq!(reply.result, expected, "{following:?}: {reply:?}");
            }
            drop(client);
            assert_eq!(gateway.connections(), 2);
            assert_eq!(gateway.finish_and_count(), 2);
        }
    }
}

#[test]
fn a_response_is_read_up_to_64_kib() {
    let padded = |size: usize| {
        let body = format!(r#"{{"status":"0","data":"{ID}","x":""}}"#);
        Response::json(body.replace(
            r#""x":"""#,
            &format!(r#""x":"{}""#, "x".repeat(size - body.len())),
        ))
    };
    check(vec![
        case("60 KiB", padded(60 * 1024), OK, 0),
        case("60 KiB, chunked", padded(60 * 1024).chunked(), OK, 0),
        case(
            "60 KiB, until the connection ends",
            padded(60 * 1024).until_close(),
            OK,
            0,
        ),
        case(
            "64 KiB and a byte",
            padded(64 * 1024 + 1),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case(
            "64 KiB and a byte, chunked",
            padded(64 * 1024 + 1).chunked(),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case(
            "64 KiB and a byte, until the connection ends",
            padded(64 * 1024 + 1).until_close(),
            BAD_RESPONSE,
            NO_STATUS,
        ),
        case("1 MiB", padded(1024 * 1024), BAD_RESPONSE, NO_STATUS),
        case(
            "a length of 4 GiB",
            raw(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n{}",
                " ".repeat(70_000)
            )),
            BAD_RESPONSE,
            NO_STATUS,
        ),
    ]);
}

#[test]
fn a_response_that_never_ends_is_given_up_long_before_the_deadline() {
    let flood = |head: &str, more: &str| {
        vec![
            Step::Send(head.into()),
            Step::Flood(more.repeat(1 + 8192 / more.len()).into()),
        ]
    };
    let mut wrong = Vec::new();
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (name, steps) in [
        ("a body", flood("HTTP/1.1 200 OK\r\n\r\n", " ")),
        (
            "a body of JSON",
            flood("HTTP/1.1 200 OK\r\n\r\n{\"x\":\"", "x"),
        ),
        (
            "a body of 16 EiB",
            flood(
                "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
                "[",
            ),
        ),
        ("chunks", flood(chunked, "1\r\n \r\n")),
        ("a chunk's size", flood(chunked, "0")),
        ("a chunk's extension", flood(chunked, "1;a=b;c=d")),
        ("trailers", flood(&format!("{chunked}0\r\n"), "x: y\r\n")),
        ("headers", flood("HTTP/1.1 200 OK\r\n", "x: y\r\n")),
        ("one header", flood("HTTP/1.1 200 OK\r\nx: ", "y")),
        ("a status line", flood("HTTP/1.1 200 ", "O")),
        ("continue", flood("", "HTTP/1.1 100 Continue\r\n\r\n")),
        ("empty lines", flood("", "\r\n")),
        ("zeros", flood("", "\0")),
    ] {
        let reply = call_answered_with(name, steps);
        if reply.result != BAD_RESPONSE || reply.elapsed > Duration::from_secs(8) {
            wrong.push(format!("{name}: {reply:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_reason_is_one_clean_line_of_at_most_a_kibibyte() {
    // The rules themselves are checked for every reason of every test, in the wrapper.
    for (given, expected) in [
        (r"a\r\nb\tc\u0000d\u001be\u007ff\u0085g", "a  b c d e f g"),
        (r"a\u202eb\u2066c\u200bd\ufeffe\u00adf\u2028g", "abcdef g"),
        ("ä€𝄞", "ä€𝄞"),
        ("%s%n %x", "%s%n %x"),
    ] {
        let reply = call_answered_with(given, Response::refused(-22, given).into());
        reply.expect(REJECTED);
        assert_eq!(reply.reason(), expected);
    }
    for unit in ["x", "é", "€", "𝄞", r"x\n", "x€"] {
        let reply = call_answered_with(unit, Response::refused(-22, &unit.repeat(5000)).into());
        reply.expect(REJECTED);
        assert!(
            reply.reason().len() > 1000,
            "{} bytes of {unit:?}",
            reply.reason().len()
        );
    }
}

#[test]
fn a_secret_or_signature_that_the_server_sends_back_is_not_repeated() {
    // Once in the API's own reason, once where an error message might quote it.
    type Echo = fn(&str) -> Response;
    let echoes: [(&str, Echo); 6] = [
        ("the reason", |text| {
            Response::refused(-1, &format!("bad {text}!"))
        }),
        ("the reason, twice", |text| {
            Response::refused(-1, &format!("{text}{text} {text}"))
        }),
        ("the reason, across its end", |text| {
            Response::refused(-1, &format!("{}{text}", "x".repeat(1024 - text.len() / 2)))
        }),
        ("an error page", |text| Response::new(500, text)),
        ("JSON of another kind", |text| {
            Response::json(format!("{{\"status\":\"{text}\"}}"))
        }),
        ("a field's name", |text| {
            Response::json(format!("{{\"{text}\":1,\"status\"}}"))
        }),
    ];
    for (name, echo) in echoes {
        let gateway = Gateway::plain()
            .answer(move |request| match request.number {
                1 => echo(SECRET),
                _ => echo(&request.header("sign")),
            })
            .start();
        let client = Client::new(&gateway.config()).expect("a client");
        // `call` fails the test where a reason shows the secret, or 32 hexadecimal digits.
        for _ in 0..2 {
            let reply = client.call("4915112345678");
            assert_ne!(reply.result, OK);
            let half = &SECRET[..SECRET.len() / 2 + 1];
            assert!(
                !reply.reason().contains(half),
                "{name}: half of the secret in {reply:?}"
            );
        }
    }
    // And the signature of the first attempt, which was refused for its timestamp.
    let gateway = Gateway::plain()
        .answer({
            let before = Mutex::new(String::new());
            move |request| {
                let sign = request.header("sign").to_owned();
                let before = std::mem::replace(&mut *before.lock().expect("no panic"), sign);
                match request.order {
                    1 => Response::refused(-16, "timestamp expires")
                        .date(SystemTime::now() + Duration::from_secs(3600)),
                    _ => Response::refused(-1, &format!("after {before}")),
                }
            }
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    let reply = client.call("4915112345678");
    assert_eq!((reply.status, reply.reason()), (-1, "after ***"));
    assert_eq!(gateway.deliveries().len(), 2);
    // And where the bytes are not HTTP.
    for bytes in [
        format!("{SECRET}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n"),
    ] {
        assert_ne!(call_answered_with("not HTTP", raw(bytes)).result, OK);
    }
}

#[test]
fn a_secret_or_signature_is_not_repeated_however_it_is_changed() {
    const SPACED: &str = "s3cr3t w1th a sp4ce";
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 7] = [
        ("as it is", str::to_owned),
        ("in capitals", str::to_uppercase),
        ("with a line break in it", |text| {
            format!(r"{}\n{}", &text[..9], &text[9..])
        }),
        ("with a zero-width space in it", |text| {
            format!("{}\u{200b}{}", &text[..9], &text[9..])
        }),
        ("with a joiner following each character", |text| {
            text.chars().flat_map(|c| [c, '\u{200d}']).collect()
        }),
        ("with a direction mark in it", |text| {
            format!("{}\u{202e}{}", &text[..9], &text[9..])
        }),
        ("with tabs for spaces", |text| text.replace(' ', r"\t")),
    ];
    for (name, change) in changes {
        // The secret; the signature of this request; that of the previous call.
        for what in 0..3 {
            let before = Mutex::new(String::new());
            let gateway = Gateway::plain()
                .answer(move |request| {
                    let sign = request.header("sign");
                    let last =
                        std::mem::replace(&mut *before.lock().expect("no panic"), sign.clone());
                    match request.order {
                        1 => Response::ok(&unique_id()),
                        _ => {
                            let echo = change([SPACED, &sign, &last][what]);
                            Response::refused(-1, &format!("{echo} is what you sent"))
                        }
                    }
                })
                .start();
            let config = Config {
                api_secret: text(SPACED),
                ..gateway.config()
            };
            let client = Client::new(&config).expect("a client");
            client.call("4915112345678").accepted();
            let reply = client.call("4915112345678");
            reply.expect(REJECTED);
            assert_eq!(reply.reason(), "*** is what you sent", "{name}, {what}");
        }
    }
}

#[test]
fn a_recording_id_is_returned_unchanged() {
    for id in ["1 2", " 12 ", "<12>", "a\u{301}\u{1f4de}", "-5", "nullable"] {
        let reply = call_answered_with(id, data(&format!("\"{id}\"")).into());
        assert_eq!(reply.accepted(), id);
    }
}
