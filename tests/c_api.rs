//! The C API from C: NULL, out-parameters, ownership, the texts, and that nothing is printed. The checks are in
//! c/api.c.

mod support;

use std::mem::{offset_of, size_of};

use support::c::{self, Build};
use support::client::{RawConfig, RawRequest};
use support::diary::Delivery;
use support::gateway::{Gateway, Step};
use support::response::{RecordingIds, Response};
use support::sockets::Refusing;

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
    let gateway = Gateway::plain().answer(by_first_digit()).start();
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
