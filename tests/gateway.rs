//! The promises of the sandbox gateway (examples/gateway) to those who test against it.

#[path = "sandbox/caller.rs"]
mod caller;
/// What `process` needs of it.
mod support {
    #[allow(dead_code, reason = "shared with the other tests")]
    pub mod platform;
}

#[path = "sandbox/process.rs"]
mod process;
#[path = "sandbox/queries.rs"]
mod queries;
#[path = "sandbox/records.rs"]
mod records;

use std::collections::HashSet;
use std::fs;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use caller::{Caller, KEY, Request, Response, SECRET, now, sign};
use process::{Sandbox, gateway, refusal_to_start};
use serde_json::{Value, json};

/// The documented statuses other than 0, each with its meaning.
const REFUSALS: [(i32, &str); 7] = [
    (-1, "authentication error"),
    (-2, "restricted IP access"),
    (-10, "the customer's balance is insufficient"),
    (-16, "timestamp expires"),
    (-18, "port program unusual"),
    (-22, "parameter exception"),
    (-26, "getting fee failed"),
];

/// A callee that is accepted.
const GOOD: &str = "8613800138000";

/// How far two readings of the clock may be apart on a busy machine.
const SLACK: u64 = 30;

#[track_caller]
fn call(sandbox: &Sandbox, request: &Request) -> Response {
    Caller::to(sandbox).call(request).expect("a response")
}

// The request

#[test]
fn the_documented_signature_is_accepted_and_the_id_has_the_documented_form() {
    let then = 1_630_468_800_u64;
    let offset = then.cast_signed() - now().cast_signed();
    let sandbox = Sandbox::start(&["--clock-offset", &offset.to_string()]);
    let request = Request::to(GOOD)
        .header("Timestamp", "1630468800")
        .header("Sign", "05d7a50893e22a5c4bb3216ae3396c7c");
    let response = call(&sandbox, &request);
    assert_eq!(response.json()["reason"], "success");
    assert_eq!(
        response.json().as_object().map(|members| members.len()),
        Some(3)
    );
    // 2021-09-01 04:00 UTC, plus the seconds that the test took.
    assert!(
        response.recording_id().starts_with("210901040"),
        "{response:?}"
    );
    assert!(response.date().abs_diff(then) <= SLACK, "{response:?}");
}

#[test]
fn a_wrong_or_missing_key_or_signature_is_status_1() {
    let sandbox = Sandbox::start(&[]);
    let good = Request::to(GOOD);
    let stamp = good.headers["Timestamp"].clone();
    let wrong = [
        good.clone().header("Api-Key", "other"),
        good.clone()
            .header("Api-Key", "other")
            .header("Sign", &sign("other", SECRET, &stamp)),
        good.clone().header("Sign", &sign(KEY, "other", &stamp)),
        good.clone().header("Sign", &sign(KEY, SECRET, "1")),
        good.clone()
            .header("Sign", &sign(KEY, SECRET, &stamp).to_uppercase()),
        good.clone().header("Sign", ""),
        good.clone().without("Api-Key"),
        good.clone().without("Sign"),
        good.clone().without("Timestamp"),
    ];
    for request in wrong {
        let response = call(&sandbox, &request);
        assert_eq!(response.status(), "-1", "{:?}", request.headers);
        assert_eq!(response.reason(), "authentication error");
        assert_eq!(response.json()["data"], Value::Null);
    }
    assert_eq!(call(&sandbox, &good).status(), "0");
}

#[test]
fn another_key_and_secret_can_be_chosen() {
    let sandbox = Sandbox::start(&["--key", "k", "--secret", "s"]);
    let good = Request::to(GOOD);
    assert_eq!(call(&sandbox, &good).status(), "-1");
    let sign = sign("k", "s", &good.headers["Timestamp"]);
    assert_eq!(
        call(&sandbox, &good.header("Api-Key", "k").header("Sign", &sign)).status(),
        "0"
    );
}

#[test]
fn a_timestamp_outside_the_window_is_status_16_and_date_has_the_servers_time() {
    let check = |sandbox: &Sandbox, off: i64, status: &str| {
        let stamp = now().saturating_add_signed(off).to_string();
        let response = call(sandbox, &Request::to(GOOD).at(&stamp));
        assert_eq!(response.status(), status, "{off}");
        assert!(response.date().abs_diff(now()) <= SLACK, "{response:?}");
    };
    let usual = Sandbox::start(&[]);
    let narrow = Sandbox::start(&["--window", "90"]);
    for sign in [-1, 1] {
        check(&usual, 260 * sign, "0");
        check(&usual, 340 * sign, "-16");
        check(&usual, 86_400 * sign, "-16");
        check(&narrow, 50 * sign, "0");
        check(&narrow, 130 * sign, "-16");
    }
    // Milliseconds by mistake, and more than fits into any clock.
    for stamp in ["1630468800000", "9999999999999999999", "0"] {
        assert_eq!(
            call(&usual, &Request::to(GOOD).at(stamp)).status(),
            "-16",
            "{stamp}"
        );
    }
}

#[test]
fn the_signature_is_checked_before_the_timestamp() {
    let sandbox = Sandbox::start(&[]);
    let old = Request::to(GOOD).at("1630468800");
    assert_eq!(call(&sandbox, &old).status(), "-16");
    assert_eq!(call(&sandbox, &old.header("Sign", "0")).status(), "-1");
}

#[test]
fn a_timestamp_that_is_not_a_number_of_seconds_is_status_22() {
    let sandbox = Sandbox::start(&[]);
    for stamp in [
        "",
        "now",
        "-1",
        "+1630468800",
        "1630468800.5",
        "99999999999999999999",
    ] {
        let response = call(&sandbox, &Request::to(GOOD).at(stamp));
        assert_eq!(response.status(), "-22", "{stamp}");
        assert!(response.reason().contains("Timestamp"), "{response:?}");
    }
}

#[test]
fn a_clock_offset_changes_both_date_and_the_check_of_the_timestamp() {
    for offset in [-86_400_i64, 3600] {
        let sandbox = Sandbox::start(&["--clock-offset", &offset.to_string()]);
        let there = now().saturating_add_signed(offset);
        let response = call(&sandbox, &Request::to(GOOD));
        assert_eq!(response.status(), "-16");
        assert!(response.date().abs_diff(there) <= SLACK, "{response:?}");
        let corrected = Request::to(GOOD).at(&response.date().to_string());
        assert_eq!(call(&sandbox, &corrected).status(), "0");
    }
}

#[test]
fn other_paths_methods_and_content_types_are_http_errors() {
    let sandbox = Sandbox::start(&[]);
    let good = Request::to(GOOD);
    let code = |request: Request| call(&sandbox, &request).code;
    assert_eq!(code(good.clone().path("/")), 404);
    assert_eq!(code(good.clone().path("/voice/sendsip")), 404);
    assert_eq!(code(good.clone().path("/voice/sendSip/")), 404);
    let get = call(
        &sandbox,
        &Request {
            method: "GET",
            ..good.clone()
        },
    );
    assert_eq!((get.code, get.headers["allow"].as_str()), (405, "POST"));
    assert_eq!(code(good.clone().without("Content-Type")), 415);
    for wrong in [
        "application/json",
        "text/plain;charset=UTF-8",
        "application/json;charset=GBK",
    ] {
        let response = call(&sandbox, &good.clone().header("Content-Type", wrong));
        assert_eq!(response.code, 415, "{wrong}");
        assert!(
            response.body.contains("application/json;charset=UTF-8"),
            "{response:?}"
        );
    }
    assert_eq!(code(good.clone().body(&" ".repeat(65_537))), 413);
    for right in [
        "Application/JSON; Charset=utf-8",
        "application/json;charset=\"UTF-8\"",
    ] {
        assert_eq!(
            call(&sandbox, &good.clone().header("Content-Type", right)).status(),
            "0"
        );
    }
}

#[test]
fn a_body_that_breaks_a_documented_rule_is_status_22_and_names_the_field() {
    let sandbox = Sandbox::start(&[]);
    let mut caller = Caller::to(&sandbox);
    let mut response = |body: &str| {
        let response = caller
            .call(&Request::to(GOOD).body(body))
            .expect("a response");
        (response.status(), response.reason())
    };
    let good = json!({ "callee": GOOD, "account": "1001", "appId": "app" });
    let with = |field: &str, value: &Value| {
        let mut body = good.clone();
        body[field] = value.clone();
        body.to_string()
    };

    for body in ["", "{", "[]", "null", "\"callee\"", &"[".repeat(60_000)] {
        let (status, reason) = response(body);
        assert_eq!(status, "-22", "{body}");
        assert!(reason.contains("the body is not"), "{reason}");
    }
    for field in ["callee", "account", "appId"] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(field);
        assert_eq!(
            response(&body.to_string()),
            (
                "-22".to_owned(),
                format!("parameter exception: {field} is missing")
            )
        );
    }
    let wrong = [
        ("callee", json!("123456")),
        ("callee", json!("1234567890123456")),
        ("callee", json!("+8613800138000")),
        ("callee", json!("138 0013 8000")),
        ("callee", json!("١٢٣٤٥٦٧")),
        ("callee", json!(8_613_800_138_000_u64)),
        ("callee", json!(null)),
        ("displayNum", json!("")),
        ("displayNum", json!("123456")),
        ("displayNum", json!(1_234_567)),
        ("account", json!("")),
        ("account", json!(1001)),
        ("account", json!(null)),
        ("appId", json!("")),
        ("appId", json!({})),
        ("calledInfo", json!("x".repeat(1001))),
        ("calledInfo", json!(5)),
        ("calledInfo", json!(null)),
    ];
    for (field, value) in wrong {
        let (status, reason) = response(&with(field, &value));
        assert_eq!(status, "-22", "{field} {value}");
        assert!(
            reason.starts_with(&format!("parameter exception: {field} must be ")),
            "{reason}"
        );
    }
    let right = [
        ("callee", json!("1234567")),
        ("callee", json!("123456789012345")),
        ("displayNum", json!("1234567")),
        ("displayNum", json!(null)),
        ("calledInfo", json!("")),
        ("calledInfo", json!("é".repeat(1000))),
        ("unknown", json!([1])),
    ];
    for (field, value) in right {
        assert_eq!(response(&with(field, &value)).0, "0", "{field} {value}");
    }
}

// The response

#[test]
fn the_last_two_digits_of_the_callee_choose_each_documented_status_and_two_lost_responses() {
    let sandbox = Sandbox::start(&[]);
    let mut caller = Caller::to(&sandbox);
    for suffix in 0..100 {
        let request = Request::to(&format!("86138001380{suffix:02}"));
        let response = caller.call(&request);
        if [91, 92].contains(&suffix) {
            assert!(response.is_none(), "{suffix}: {response:?}");
            caller = Caller::to(&sandbox);
            continue;
        }
        let response = response.expect("a response");
        match REFUSALS.iter().find(|(status, _)| *status == -suffix) {
            Some((status, meaning)) => assert_eq!(
                response.json(),
                json!({ "status": status.to_string(), "reason": meaning, "data": null })
            ),
            None => assert_eq!(response.recording_id().len(), 19, "{suffix}"),
        }
        // On a correct clock: ...16 must not look like a clock to correct.
        assert!(response.date().abs_diff(now()) <= SLACK, "{response:?}");
    }
}

#[test]
fn a_status_of_the_apis_other_pages_comes_with_its_meaning_where_it_is_asked_for() {
    let others = [
        (-15, "query too frequent"),
        (-20, "data exists already"),
        (-21, "data validation failed"),
        (-23, "data cap reached"),
        (-24, "data does not exist"),
        (-25, "out of the time range"),
        (-27, "the period's send limit is reached"),
        (-28, "the number's send limit of the period is reached"),
    ];
    let rules = others.map(|(status, _)| format!("--on={}=status:{status}", -status));
    let sandbox = Sandbox::start(&rules.each_ref().map(String::as_str));
    for (status, meaning) in others {
        let response = call(&sandbox, &Request::to(&format!("86138001380{}", -status)));
        assert_eq!(response.status(), status.to_string());
        assert_eq!(response.reason(), meaning);
    }
}

#[test]
fn recording_ids_are_19_digits_and_unique_across_connections() {
    let sandbox = Sandbox::start(&[]);
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let mut caller = Caller::to(&sandbox);
            let mut id = move || {
                caller
                    .call(&Request::to(GOOD))
                    .expect("a response")
                    .recording_id()
            };
            thread::spawn(move || (0..50).map(|_| id()).collect::<Vec<_>>())
        })
        .collect();
    let ids: Vec<_> = callers
        .into_iter()
        .flat_map(|c| c.join().expect("a caller"))
        .collect();
    assert!(
        ids.iter()
            .all(|id| id.len() == 19 && id.bytes().all(|byte| byte.is_ascii_digit()))
    );
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 400);
}

#[test]
fn a_connection_is_reused_for_the_next_request() {
    let sandbox = Sandbox::start(&[]);
    let mut caller = Caller::to(&sandbox);
    for suffix in ["00", "10", "22", "00"] {
        assert!(
            caller
                .call(&Request::to(&format!("86138001380{suffix}")))
                .is_some()
        );
    }
    // An HTTP error does not end the connection either.
    assert!(caller.call(&Request::to(GOOD).path("/")).is_some());
    assert!(caller.call(&Request::to(GOOD)).is_some());
}

#[test]
fn the_certificate_is_for_localhost_and_both_loopback_addresses_and_no_other() {
    let sandbox = Sandbox::start(&[]);
    for host in ["localhost", "127.0.0.1", "::1"] {
        assert!(
            Caller::as_host(&sandbox, host, &sandbox.ca_file).is_ok(),
            "{host}"
        );
    }
    for host in ["api.itniotech.com", "127.0.0.2"] {
        assert!(
            Caller::as_host(&sandbox, host, &sandbox.ca_file).is_err(),
            "{host}"
        );
    }
    let other = Sandbox::start(&[]);
    assert!(Caller::as_host(&sandbox, "localhost", &other.ca_file).is_err());
    let errors = sandbox.finish().errors;
    assert!(
        errors.contains("the TLS handshake failed: received fatal alert"),
        "{errors}"
    );
}

#[test]
fn plain_speaks_http_and_writes_no_file() {
    let sandbox = Sandbox::start(&["--plain"]);
    assert!(sandbox.base_url.starts_with("http://127.0.0.1:"));
    assert_eq!(sandbox.ca_file.as_os_str(), "");
    assert_eq!(call(&sandbox, &Request::to(GOOD)).status(), "0");
}

// Faults

#[test]
fn a_fault_can_apply_to_every_request() {
    // A fault is that of something in between, such as a proxy: a wrong signature makes no difference.
    let requests = [
        Request::to(GOOD),
        Request::to("8613800138010").header("Sign", "x"),
    ];
    let drop = Sandbox::start(&["--drop"]);
    let proxy = Sandbox::start(&["--http-status", "502"]);
    let garbage = Sandbox::start(&["--garbage"]);
    for request in requests {
        assert!(Caller::to(&drop).call(&request).is_none());
        assert_eq!(call(&proxy, &request).code, 502);
        let response = call(&garbage, &request);
        assert_eq!(response.code, 200);
        assert!(
            serde_json::from_str::<Value>(&response.body).is_err(),
            "{response:?}"
        );
    }
}

#[test]
fn a_delay_holds_the_right_response_back() {
    let sandbox = Sandbox::start(&["--delay-ms", "400"]);
    for (callee, status) in [(GOOD, "0"), ("8613800138010", "-10")] {
        let mut caller = Caller::to(&sandbox);
        let started = Instant::now();
        assert_eq!(
            caller
                .call(&Request::to(callee))
                .expect("a response")
                .status(),
            status
        );
        assert!(started.elapsed() >= Duration::from_millis(400));
    }
}

#[test]
fn each_fault_can_apply_to_a_single_callee_in_one_run() {
    let sandbox = Sandbox::start(&[
        "--on=91=drop",
        "--on=92=http-status:503",
        "--on=93=garbage",
        "--on=94=delay-ms:400",
        "--on=95=clock-offset:3600",
        "--on=96=status:-99",
        "--on=97=delay-ms:400,status:-18",
        "--on=10=status:0",
        "--on=16=delay-ms:1",
        "--on=8888=status:-26",
        "--on=88=status:-2",
    ]);
    let to = |end: &str| Request::to(&format!("861380013{end}"));
    let response = |end: &str| call(&sandbox, &to(end));
    assert!(Caller::to(&sandbox).call(&to("8091")).is_none());
    assert_eq!(response("8092").code, 503);
    assert!(response("8093").body.starts_with("<html>"));
    for (end, status) in [("8094", "0"), ("8097", "-18")] {
        let started = Instant::now();
        assert_eq!(response(end).status(), status);
        assert!(started.elapsed() >= Duration::from_millis(400));
    }
    let late = response("8095");
    assert_eq!(late.status(), "-16");
    assert!(late.date().abs_diff(now() + 3600) <= SLACK, "{late:?}");
    assert_eq!(response("8096").status(), "-99");
    // A rule replaces the table only where it says what to answer.
    assert_eq!(response("8010").status(), "0");
    assert_eq!(response("8016").status(), "-16");
    // The longest suffix decides.
    assert_eq!(response("8888").status(), "-26");
    assert_eq!(response("8088").status(), "-2");
    // A rule's status is only for requests that pass the checks, and only for its callee.
    assert_eq!(
        call(&sandbox, &to("8096").header("Sign", "x")).status(),
        "-1"
    );
    assert_eq!(response("8000").status(), "0");
    assert_eq!(response("8001").status(), "-1");
}

#[test]
fn a_rule_for_a_callee_overrides_the_fault_for_every_request() {
    let sandbox = Sandbox::start(&["--http-status=502", "--delay-ms=300", "--on=00=status:0"]);
    let started = Instant::now();
    assert_eq!(call(&sandbox, &Request::to(GOOD)).status(), "0");
    assert!(
        started.elapsed() >= Duration::from_millis(300),
        "the rule does not change the delay"
    );
    assert_eq!(call(&sandbox, &Request::to("8613800138001")).code, 502);
}

// The log

#[test]
fn each_request_gets_one_line_and_no_secret_is_in_any() {
    let sandbox = Sandbox::start(&[
        "--on=91=drop",
        "--on=94=delay-ms:300,status:-10",
        "--on=92=http-status:502",
    ]);
    let good = Request::to(GOOD);
    let id = call(&sandbox, &good).recording_id();
    let mut expected = vec![format!("8613800138000 status 0, recording ID {id}")];

    let mut log = |request: Request, line: &str| {
        // The connection may end without a response.
        let _ = Caller::to(&sandbox).call(&request);
        expected.push(line.to_owned());
    };
    log(
        Request::to("8613800138010"),
        "8613800138010 status -10, the customer's balance is insufficient (the callee ends in 10)",
    );
    log(
        good.clone().header("Sign", "0123"),
        "8613800138000 status -1, authentication error (Sign is not the MD5 of key, secret and Timestamp)",
    );
    log(
        good.clone().header("Api-Key", SECRET),
        "8613800138000 status -1, authentication error (the Api-Key is not the one of --key)",
    );
    log(
        good.clone().at("1630468800000"),
        "8613800138000 status -16, timestamp expires (the Timestamp looks like milliseconds)",
    );
    log(
        Request::to("1\n2026-01-01T00:00:00Z 8613800138000 status 0"),
        "\"1\\n2026-01-01T00\" status -22, parameter exception: callee must be a string of 7 to 15 digits",
    );
    log(
        Request::to("8613800138091"),
        "8613800138091 no response, connection closed (as asked for on the command line), record ID",
    );
    log(
        Request::to("8613800138092"),
        "8613800138092 HTTP 502 Bad Gateway (as asked for on the command line), record ID",
    );
    log(
        good.clone().path("/"),
        "8613800138000 HTTP 404 Not Found (the path is not /voice/sendSip, /voice/recordSip/ID or \
         /voice/recordSipQuery)",
    );

    // A client that does not wait for the response has sent a request all the same, if it sent all of it.
    let mut leave = |bytes: &[u8], line: &str| {
        let mut caller = Caller::to(&sandbox);
        caller.send(bytes);
        caller.close();
        expected.push(line.to_owned());
    };
    leave(
        &Request::to("8613800138094").bytes(),
        "8613800138094 status -10, the customer's balance is insufficient (as asked for on the \
         command line), 300 ms later",
    );
    leave(
        b"POST /voice/sendSip HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        "- no response, connection closed (the request was cut off)",
    );

    let lines: Vec<String> = expected.iter().map(|_| sandbox.line()).collect();
    let finished = sandbox.finish();
    assert_eq!(finished.log, [""; 0], "a line too many");
    for (line, expected) in lines.iter().zip(&expected) {
        let (time, rest) = line.split_once(' ').expect("a time");
        assert!(time.len() == 20 && time.ends_with('Z'), "{line}");
        // Whether it is the right one, the tests of the records show.
        match (
            expected.strip_suffix("ID"),
            rest.split_at_checked(rest.len() - 19),
        ) {
            (Some(expected), Some((before, id))) => {
                assert_eq!(before, expected);
                assert!(id.bytes().all(|byte| byte.is_ascii_digit()), "{line}");
            }
            _ => assert_eq!(rest, expected),
        }
    }
    let printed = lines.concat() + &finished.errors;
    for secret in [SECRET, good.headers["Sign"].as_str()] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn what_is_not_http_is_reported_on_standard_error_and_does_no_harm() {
    let sandbox = Sandbox::start(&["--plain"]);
    let mut caller = Caller::to(&sandbox);
    caller.send(b"\x16\x03\x01 this is not HTTP\r\n\r\n");
    let response = caller.read_response();
    assert!(response.is_none_or(|response| response.code == 400));
    assert_eq!(call(&sandbox, &Request::to(GOOD)).status(), "0");
    let finished = sandbox.finish();
    assert!(
        finished.errors.contains("this is not HTTP"),
        "{}",
        finished.errors
    );
}

// Start and end

#[test]
fn it_ends_cleanly_on_a_signal_and_removes_its_ca_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ca.pem");
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let sandbox = Sandbox::start(&[
            "--delay-ms=100",
            "--on=94=delay-ms:3600000",
            "--ca-file",
            file.to_str().expect("UTF-8"),
        ]);
        let address = sandbox.address().to_owned();
        assert!(file.exists());
        // Neither an idle connection nor one in the middle of a handshake delays it, nor a response
        // that is not due for an hour ...
        let mut idle = Caller::to(&sandbox);
        let silent = TcpStream::connect(&address).expect("a connection");
        let mut patient = Caller::to(&sandbox);
        patient.send(&Request::to("8613800138094").bytes());
        assert!(sandbox.line().contains("3600000 ms later"));
        // ... and a request that is answered soon gets its response.
        let mut caller = Caller::to(&sandbox);
        caller.send(&Request::to(GOOD).bytes());
        assert!(sandbox.line().contains("status 0"), "it has arrived");
        sandbox.signal(signal);
        assert_eq!(caller.read_response().expect("a response").status(), "0");
        let finished = sandbox.wait();
        assert_eq!(finished.status.code(), Some(0), "{}", finished.errors);
        assert!(!file.exists());
        assert!(idle.read_response().is_none());
        assert!(patient.read_response().is_none());
        assert!(TcpStream::connect(&address).is_err());
        drop(silent);
    }
}

#[test]
fn it_does_not_remove_a_ca_file_that_another_program_has_replaced() {
    let sandbox = Sandbox::start(&[]);
    let file = sandbox.ca_file.clone();
    fs::write(&file, "another's").expect("a file");
    let directory = sandbox.directory().to_owned();
    // The directory is removed with the sandbox, so this looks into it before.
    sandbox.signal(libc::SIGTERM);
    let gone = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(sandbox.address()).is_ok() {
        assert!(Instant::now() < gone, "it does not end");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(fs::read_to_string(&file).expect("the file"), "another's");
    let entries = fs::read_dir(directory).expect("a directory").count();
    assert_eq!(entries, 1, "nothing else is left there");
}

#[test]
fn it_exits_after_the_given_number_of_requests() {
    let sandbox = Sandbox::start(&["--requests", "3"]);
    let mut idle = Caller::to(&sandbox);
    for callee in [GOOD, "8613800138010", GOOD] {
        assert!(Caller::to(&sandbox).call(&Request::to(callee)).is_some());
    }
    let finished = sandbox.wait();
    assert_eq!((finished.status.code(), finished.log.len()), (Some(0), 3));
    assert!(idle.read_response().is_none());
}

#[test]
fn a_ca_file_overwrites_only_an_empty_file_or_one_of_another_sandbox() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ca.pem");
    let path = file.to_str().expect("UTF-8");

    fs::write(&file, "-----BEGIN PRIVATE KEY-----").expect("a file");
    let (code, message) = refusal_to_start(&["--port", "0", "--ca-file", path]);
    assert_eq!(code, Some(1));
    assert!(
        message.contains(path) && message.contains("is not a sandbox's CA"),
        "{message}"
    );
    assert_eq!(
        fs::read_to_string(&file).expect("the file"),
        "-----BEGIN PRIVATE KEY-----"
    );

    fs::write(&file, "").expect("a file");
    let first = Sandbox::start(&["--ca-file", path]);
    let second = Sandbox::start(&["--ca-file", path]);
    assert_eq!(second.ca_file, file);
    assert!(Caller::as_host(&second, "localhost", &file).is_ok());
    drop(first);
    assert_eq!(second.finish().status.code(), Some(0));
    assert!(!file.exists());
}

#[test]
fn a_port_in_use_is_a_clear_error_and_the_other_gateway_keeps_its_file() {
    let first = Sandbox::start(&[]);
    let (_, port) = first.address().rsplit_once(':').expect("a port");
    let path = first.ca_file.to_str().expect("UTF-8");
    let (code, message) = refusal_to_start(&["--port", port, "--ca-file", path]);
    assert_eq!(code, Some(1));
    assert!(
        message.contains(&format!("127.0.0.1:{port}")) && message.contains("--port"),
        "{message}"
    );
    assert_eq!(call(&first, &Request::to(GOOD)).status(), "0");
}

#[test]
fn a_ca_file_that_cannot_be_written_is_a_clear_error() {
    for path in ["/nowhere/ca.pem", "/dev/null", "/proc/ca.pem", "/"] {
        let (code, message) = refusal_to_start(&["--port", "0", "--ca-file", path]);
        assert_eq!(code, Some(1), "{path}");
        let expected = format!("gateway: cannot write the CA file {path}: ");
        assert!(
            message.starts_with(&expected) && message.contains("--ca-file"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn a_bad_option_is_a_clear_error() {
    let bad: [(&[&str], &str); 20] = [
        (&["--port", "x"], "--port"),
        (&["--port", "65536"], "--port"),
        (&["--address", "0.0.0.0"], "loopback only"),
        (&["--address", "localhost"], "not an IP address"),
        (&["--window=-1"], "--window"),
        (&["--http-status", "200"], "--http-status"),
        (&["--delay-ms", "soon"], "--delay-ms"),
        (&["--clock-offset", "999999999"], "--clock-offset"),
        (&["--record-delay-ms=-1"], "--record-delay-ms"),
        (&["--max-records", "0"], "--max-records"),
        (&["--drop", "--garbage"], "cannot be used with"),
        (&["--plain", "--ca-file", "x"], "cannot be used with"),
        (&["--on", "91"], "SUFFIX=FAULT"),
        (&["--on", "ab=drop"], "\"ab\""),
        (&["--on", "91=explode"], "\"explode\" is not a fault"),
        (&["--on", "91=drop:1"], "drop takes no value"),
        (&["--on", "91=status"], "status needs a number"),
        (
            &["--on", "91=record-delay-ms"],
            "record-delay-ms needs a number",
        ),
        (&["--on", "91=drop,garbage"], "two different things"),
        (&["--on", "91=drop", "--on", "91=delay-ms:1"], "given twice"),
    ];
    for (options, expected) in bad {
        let (code, message) = refusal_to_start(options);
        assert_eq!(code, Some(2), "{options:?}: {message}");
        assert!(message.contains(expected), "{options:?}: {message}");
    }
}

#[test]
fn the_help_names_every_status_fault_and_check() {
    let output = gateway().arg("--help").output().expect("the gateway");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    for (status, meaning) in REFUSALS {
        let row = help
            .lines()
            .find(|line| line.contains(&format!("...{:02}", -status)));
        let row = row.unwrap_or_else(|| panic!("{status} is not in the help"));
        assert!(
            row.contains(&status.to_string()) && row.contains(meaning),
            "{row}"
        );
    }
    for fault in [
        "status:N",
        "http-status:N",
        "garbage",
        "drop",
        "delay-ms:N",
        "clock-offset:N",
        "record-delay-ms:N",
    ] {
        assert!(help.contains(&format!("      {fault} ")), "{fault}");
    }
    for suffix in ["...91", "...92", "...7xx", "...8xx", "...9xx"] {
        assert!(help.contains(&format!("      {suffix} ")), "{suffix}");
    }
    for field in ["callee", "displayNum", "account", "appId", "calledInfo"] {
        assert!(help.contains(field), "{field}");
    }
}

#[test]
fn the_curl_command_of_the_help_works() {
    let output = gateway().arg("--help").output().expect("the gateway");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    let (_, script) = help
        .split_once("With curl:\n")
        .expect("an example for curl");
    let (script, _) = script.split_once("\n\n").expect("an end of it");
    let sandbox = Sandbox::start(&[]);
    let script = script.replace("127.0.0.1:8443", sandbox.address()).replace(
        "/tmp/itnio-sandbox-ca-8443.pem",
        sandbox.ca_file.to_str().expect("UTF-8"),
    );
    let output = std::process::Command::new("sh")
        .args(["-euc", &script])
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .expect("a shell");
    let response: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(response["status"], "0", "{response}");
}

#[test]
fn a_recording_id_starts_with_the_time_in_utc() {
    // The format is written a second time here, so that the gateway's own code does not check itself.
    let sandbox = Sandbox::start(&[]);
    let before = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_secs();
    let id = call(&sandbox, &Request::to(GOOD)).recording_id();
    let times = (before..=now()).map(|second| {
        let at = time::OffsetDateTime::from_unix_timestamp(second.cast_signed()).expect("a time");
        format!(
            "{:02}{:02}{:02}{:02}{:02}{:02}",
            at.year() % 100,
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    });
    assert!(times.into_iter().any(|time| id.starts_with(&time)), "{id}");
}
