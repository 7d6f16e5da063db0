//! The C API from C: NULL, out-parameters, ownership, the texts, and that nothing is printed. The checks are in
//! c/api.c.

mod support;

use std::mem::{offset_of, size_of};
use std::time::Duration;

use serde_json::{Value, json};
use support::c::{self, Build};
use support::client::{RawConfig, RawRequest};
use support::diary::Delivery;
use support::gateway::{Gateway, Step};
use support::response::{RecordingIds, Response};
use support::sockets::Refusing;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Responds by the callee's first digit, as c/api.c expects.
fn by_first_digit() -> impl Fn(&Delivery) -> Vec<Step> + Send + Sync + 'static {
    let ids = RecordingIds::default();
    move |request| {
        let callee = request.callee();
        match callee.chars().next() {
            Some('9') => Response::refused(-10, "no money").into(),
            Some('8') => vec![Step::Reset],
            _ => Response::ok(&ids.next(&callee)).into(),
        }
    }
}

/// Runs one of the program's checks; returns its output, and the number of requests that it sent.
fn check(name: &str) -> (String, usize) {
    check_with(name, by_first_digit())
}

/// The same with a gateway that responds in this way.
fn check_with<A: Into<Vec<Step>>>(
    name: &str,
    answer: impl Fn(&Delivery) -> A + Send + Sync + 'static,
) -> (String, usize) {
    let gateway = Gateway::plain().answer(answer).start();
    let mut command = c::command(&Build::c().compile("api.c"));
    command.args([name, &gateway.url()]);
    let output = c::run(command, c::LIMIT);
    let printed = output.success().to_owned();
    assert!(printed.contains("checks="), "{printed}");
    assert_eq!(output.stderr, "", "nothing is printed");
    (printed, gateway.finish_and_count())
}

#[test]
fn null_for_a_required_pointer_is_an_invalid_argument_and_nothing_is_sent() {
    assert_eq!(check("null").1, 0);
}

#[test]
fn each_out_parameter_may_be_null_and_the_others_are_always_written() {
    // Eight choices of out-parameters for each of the three callees that can be sent.
    assert_eq!(check("out-parameters").1, 24);
}

#[test]
fn the_library_copies_the_strings_that_it_keeps_and_changes_no_argument() {
    assert_eq!(check("copies").1, 2);
}

#[test]
fn the_text_for_any_number_is_static_one_line_and_never_null() {
    assert_eq!(check("texts").1, 0);
}

/// Has records of calls to two numbers, as c/api.c expects.
fn with_records(request: &Delivery) -> Response {
    let ok = |data: Value| {
        Response::json(json!({ "status": "0", "reason": "success", "data": data }).to_string())
    };
    let now = OffsetDateTime::now_utc() - Duration::from_secs(60);
    let time = |seconds| {
        let time = now + Duration::from_secs(seconds);
        time.format(&Rfc3339).expect("a time")
    };
    let full = json!({
        "voiceId": "1", "callee": "4915112345678", "displayNum": "4930123456", "phoneName": "p",
        "sipGroupName": "g\u{e9}", "code": "Germany", "submitTime": time(0), "callTime": time(1),
        "ringingTime": time(2), "answerTime": time(3), "hangupTime": time(8), "callDuration": 5,
        "chargedDuration": 60, "terminationCode": "200", "terminationReason": "success", "cost": "0.10",
        "rate": "0.10", "billPeriod": "60+60", "currency": "USD", "recordingFileId": "f",
    });
    let to =
        |id: &str, callee: &str| json!({ "voiceId": id, "callee": callee, "submitTime": time(0) });
    match request.line().as_str() {
        "GET /voice/recordSip/1 HTTP/1.1" => ok(full),
        "GET /voice/recordSip/3 HTTP/1.1" => Response::refused(-24, "data does not exist"),
        line => {
            assert_eq!(line, "POST /voice/recordSipQuery HTTP/1.1");
            ok(json!({ "records": [full, { "voiceId": "2" }, to("3", "7"), to("4", "7")] }))
        }
    }
}

#[test]
fn null_for_what_a_read_needs_is_a_mistake_and_nothing_is_sent() {
    assert_eq!(check("null-records").1, 0);
}

#[test]
fn records_are_the_callers_until_it_frees_them() {
    assert_eq!(check_with("records", with_records).1, 19);
}

#[test]
fn a_look_for_a_call_writes_what_is_wanted_and_never_says_that_it_was_not_placed() {
    // Eight choices of out-parameters for each of the three callees that can be looked for.
    assert_eq!(check_with("find-call", with_records).1, 24);
}

#[test]
fn header_library_and_package_have_one_version() {
    let (printed, _) = check("versions");
    assert!(
        printed.starts_with(concat!("version=", env!("CARGO_PKG_VERSION"), " ")),
        "{printed}"
    );
}

#[test]
fn structs_have_the_same_layout_in_c_and_in_these_tests() {
    let output = c::run(c::command(&Build::c().compile("layout.c")), c::LIMIT);
    let expected = [
        ("itnio_config", size_of::<RawConfig>()),
        ("itnio_config.api_key", offset_of!(RawConfig, api_key)),
        ("itnio_config.api_secret", offset_of!(RawConfig, api_secret)),
        ("itnio_config.base_url", offset_of!(RawConfig, base_url)),
        ("itnio_config.ca_file", offset_of!(RawConfig, ca_file)),
        ("itnio_config.proxy", offset_of!(RawConfig, proxy)),
        (
            "itnio_config.connect_timeout_ms",
            offset_of!(RawConfig, connect_timeout_ms),
        ),
        ("itnio_config.timeout_ms", offset_of!(RawConfig, timeout_ms)),
        ("itnio_sip_request", size_of::<RawRequest>()),
        ("itnio_sip_request.callee", offset_of!(RawRequest, callee)),
        (
            "itnio_sip_request.display_num",
            offset_of!(RawRequest, display_num),
        ),
        ("itnio_sip_request.account", offset_of!(RawRequest, account)),
        ("itnio_sip_request.app_id", offset_of!(RawRequest, app_id)),
        (
            "itnio_sip_request.called_info",
            offset_of!(RawRequest, called_info),
        ),
        ("itnio_result", size_of::<i32>()),
    ];
    let expected: String = expected
        .map(|(name, number)| format!("{name} {number}\n"))
        .concat();
    assert_eq!(output.success(), expected);
}

#[test]
fn nothing_is_printed_whatever_happens() {
    let program = Build::c().compile("call.c");
    let gateway = Gateway::tls().answer(by_first_digit()).start();
    let refusing = Refusing::new();
    let url = gateway.url();
    let elsewhere = format!("https://{}/voice", refusing.address());
    let ca = support::certs::Authority::common()
        .file()
        .to_str()
        .expect("a UTF-8 path");
    for (arguments, results) in [
        (
            vec![
                "--url", &url, "--ca", ca, "4700001", "9700001", "8700001", "",
            ],
            "0 1 11 2",
        ),
        (vec!["--url", &url, "4700001"], "5"),
        (vec!["--url", &elsewhere, "--ca", ca, "4700001"], "4"),
        (vec!["--url", "nonsense", "4700001"], "2"),
        (vec!["--url", &url, "--ca", "/nonexistent", "4700001"], "2"),
        (
            vec!["--url", "https://gateway.invalid", "--ca", ca, "4700001"],
            "3",
        ),
    ] {
        let mut command = c::command(&program);
        // These make Rust libraries print more.
        command
            .env("RUST_BACKTRACE", "full")
            .env("RUST_LOG", "trace")
            .args(&arguments);
        let output = c::run(command, c::LIMIT);
        let seen: Vec<_> = output
            .success()
            .lines()
            .map(|line| {
                line.split_once(' ')
                    .expect("a result")
                    .0
                    .trim_start_matches("result=")
            })
            .collect();
        assert_eq!(
            seen.join(" "),
            results,
            "{arguments:?}: a line per call, and no other"
        );
        assert_eq!(output.stderr, "", "{arguments:?}");
    }
}
