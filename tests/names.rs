//! Host names: one lookup for many calls, a deadline that includes lookups, and all addresses are tried.
//! LD_PRELOAD replaces getaddrinfo(). For the age of cache entries and outages see host.rs.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use support::c::{self, Build, Output};
use support::certs::{Authority, LOOPBACK, Validity};
use support::gateway::Gateway;
use support::proxy::Proxy;
use support::socks::Socks;

/// Runs c/call.c with the name service; returns its output, and the names that were looked up.
fn call(test: &str, environment: &[(&str, &str)], arguments: &[&str]) -> (Output, Vec<String>) {
    let log: PathBuf = support::scratch().join(format!("{test}.names"));
    let mut command = c::command(&Build::c().compile("call.c"));
    command
        .env("LD_PRELOAD", Build::preload().compile("preload_names.c"))
        .env("NAMES_LOG", &log)
        .envs(environment.iter().copied())
        .arg("--ca")
        .arg(Authority::common().file())
        .args(arguments);
    let output = c::run(command, c::LIMIT);
    output.success();
    let names = std::fs::read_to_string(&log).unwrap_or_default();
    std::fs::remove_file(&log).ok();
    (output, names.lines().map(str::to_owned).collect())
}

/// Places so many calls, which all have to be accepted; returns the names that were looked up.
#[track_caller]
fn accepted(test: &str, times: usize, options: &[&str]) -> Vec<String> {
    let count = times.to_string();
    let arguments = [options, &["--times", &count, "7000001"]].concat();
    let (output, names) = call(test, &[], &arguments);
    let accepted = output.stdout.matches("result=0 ").count();
    assert_eq!(accepted, times, "{output:?}");
    names
}

/// The number after `name=` in a line.
#[track_caller]
fn value(line: &str, name: &str) -> i64 {
    let (_, rest) = line.split_once(&format!("{name}=")).expect(line);
    rest.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .expect(line)
}

#[test]
fn fifty_calls_use_one_lookup_and_one_connection() {
    let gateway = Gateway::tls().start();
    let url = gateway.url_for("gateway.test");
    assert_eq!(accepted("fifty", 50, &["--url", &url]), ["gateway.test"]);
    assert_eq!(gateway.connections(), 1);
    assert_eq!(gateway.finish_and_count(), 50);
}

#[test]
fn a_closed_connection_needs_no_new_lookup() {
    let gateway = Gateway::tls()
        .answer(|_| support::response::Response::ok(&support::response::unique_id()).until_close())
        .start();
    let url = gateway.url_for("gateway.test");
    assert_eq!(accepted("closed", 10, &["--url", &url]), ["gateway.test"]);
    assert_eq!(gateway.connections(), 10);
}

#[test]
fn an_address_needs_no_lookup() {
    let gateway = Gateway::tls().start();
    let names = accepted("address", 1, &["--url", &gateway.url()]);
    assert_eq!(names, Vec::<String>::new());
}

#[test]
fn a_lookup_that_hangs_does_not_exceed_the_deadline() {
    for (arguments, limit) in [
        (["--timeout", "600", "--connect-timeout", "30000"], 600),
        (["--timeout", "30000", "--connect-timeout", "600"], 600),
    ] {
        let url = [
            "--url",
            "https://hang.test/voice",
            "--times",
            "2",
            "7000001",
        ];
        let (output, names) = call("hang", &[], &[&arguments[..], &url[..]].concat());
        let lines: Vec<_> = output.stdout.lines().collect();
        assert_eq!(lines.len(), 2);
        for line in lines {
            assert_eq!(value(line, "result"), 3, "{line}");
            assert!(line.contains("hang.test"), "the host is named: {line}");
            let ms = value(line, "ms");
            assert!((limit - 5..limit + 5000).contains(&ms), "{line}");
        }
        assert_eq!(
            names,
            ["hang.test"],
            "the second call waits for the first call's lookup"
        );
        // The process has ended although the lookup still hangs.
        assert!(output.elapsed < Duration::from_secs(20));
    }
}

#[test]
fn a_proxys_name_that_hangs_is_a_proxy_failure() {
    let arguments = [
        "--url",
        "https://gateway.test/voice",
        "--proxy",
        "http://hang.test:3128",
    ];
    let limits = ["--connect-timeout", "600", "7000001"];
    let (output, names) = call("proxy-hang", &[], &[&arguments[..], &limits[..]].concat());
    assert_eq!(value(&output.stdout, "result"), 6, "{output:?}");
    assert!(
        (595..5600).contains(&value(&output.stdout, "ms")),
        "{output:?}"
    );
    assert_eq!(names, ["hang.test"]);
}

#[test]
fn behind_a_proxy_only_the_proxys_name_is_looked_up() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let url = gateway.url_for("gateway.test");
    let by_name = format!("http://proxy.test:{}", proxy.address().port());
    let names = accepted("proxy", 5, &["--url", &url, "--proxy", &by_name]);
    assert_eq!(names, ["proxy.test"]);
}

#[test]
fn behind_a_socks_proxy_the_host_is_looked_up_where_the_scheme_says() {
    let gateway = Gateway::tls().start();
    let url = gateway.url_for("gateway.test");
    for (scheme, expected) in [
        ("socks", &["proxy.test"][..]),
        ("socks5h", &["proxy.test"]),
        ("socks5", &["gateway.test", "proxy.test"]),
    ] {
        let proxy = Socks::to(gateway.address());
        let by_name = format!("{scheme}://proxy.test:{}", proxy.address().port());
        let names = accepted(scheme, 5, &["--url", &url, "--proxy", &by_name]);
        assert_eq!(names, expected, "{scheme}");
        assert_eq!(proxy.asked().len(), 1, "{scheme}");
    }
}

#[test]
fn after_an_address_that_refuses_the_next_one_is_tried() {
    let names = [LOOPBACK, &["dual.test"]].concat();
    let gateway = Gateway::tls()
        .certificate(Authority::common().server(&names, Validity::Now))
        .start();
    let url = gateway.url_for("dual.test");
    assert_eq!(accepted("dual", 3, &["--url", &url]), ["dual.test"]);
    assert_eq!(gateway.connections(), 1);
}

#[test]
fn plain_http_never_leaves_this_machine_whatever_the_name_service_says() {
    let elsewhere = [("NAMES_LOCALHOST", "192.0.2.1")];
    let arguments = [
        "--url",
        "http://localhost:8080/voice",
        "--timeout",
        "5000",
        "7000001",
    ];
    let (output, _) = call("localhost", &elsewhere, &arguments);
    let result = value(&output.stdout, "result");
    assert_eq!(result, 3, "{output:?}");
    assert!(
        value(&output.stdout, "ms") < 4000,
        "nothing was tried: {output:?}"
    );
}
