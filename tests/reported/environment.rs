//! Names and their addresses, clocks that jump or stand still, and what a machine lacks.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::support::c::{self, Build, Output};
use super::support::certs::{Authority, LOOPBACK, Validity};
use super::support::client::{CONNECT_FAILED, Client, INVALID_ARGUMENT, RESOLVE_FAILED, text};
use super::support::gateway::{Gateway, Opening, Step};
use super::support::instrument::slowdown;
use super::support::response::{Response, recording_id_for, unique_id};
use super::support::sockets::Ignoring;
use super::support::{library, scratch};

/// c/call.c with a name service that knows this name, too: "name address address ...". Its log of lookups.
fn caller(test: &str, other: &str) -> (Command, PathBuf) {
    let log = scratch().join(format!("reported-{test}.names"));
    let mut command = c::command(&Build::c().compile("call.c"));
    command
        .env("LD_PRELOAD", Build::preload().compile("preload_names.c"))
        .env("NAMES_LOG", &log)
        .env("NAMES_OTHER", other)
        .arg("--ca")
        .arg(Authority::common().file());
    (command, log)
}

/// Runs c/call.c with these arguments.
#[track_caller]
fn call(test: &str, other: &str, arguments: &[&str]) -> Output {
    let (mut command, _) = caller(test, other);
    command.args(arguments);
    let output = c::run(command, c::LIMIT);
    output.success();
    output
}

/// The number after `name=` in each line.
#[track_caller]
fn values(output: &Output, name: &str) -> Vec<i64> {
    let value = |line: &str| {
        let (_, rest) = line.split_once(&format!("{name}=")).expect("a number");
        rest.split_whitespace().next()?.parse().ok()
    };
    output
        .stdout
        .lines()
        .map(|line| value(line).expect("a number"))
        .collect()
}

/// A C host of tests/c, whose functions the library calls instead of the system's; calls this gateway.
#[track_caller]
fn host(source: &str, mode: &str, gateway: &Gateway, environment: &[(&str, &str)]) -> Output {
    let mut command = c::command(&Build::c().flag("-rdynamic").compile(source));
    command
        .arg(mode)
        .env("HOST_URL", gateway.url())
        .envs(environment.iter().copied());
    command.env("HOST_CA", Authority::common().file());
    c::run(command, c::LIMIT)
}

/// A gateway for a name with several addresses, of which 127.0.0.1 is its own.
fn gateway_of(name: &str) -> Gateway {
    Gateway::tls()
        .certificate(Authority::common().server(&[LOOPBACK, &[name]].concat(), Validity::Now))
        .answer(|_| Response::ok(&unique_id()).until_close())
        .start()
}

#[test]
fn an_address_that_does_not_respond_costs_a_moment_and_the_next_connection_nothing() {
    let gateway = gateway_of("many.test");
    let port = gateway.address().port();
    let dead = [7, 8, 9].map(|last| Ignoring::at(([127, 0, 0, last], port).into()));
    let url = gateway.url_for("many.test");
    let other = "many.test 127.0.0.7 127.0.0.8 127.0.0.9 127.0.0.1";
    let output = call(
        "dead",
        other,
        &[
            "--url",
            &url,
            "--connect-timeout",
            "20000",
            "--times",
            "3",
            "7000001",
        ],
    );
    assert_eq!(values(&output, "result"), [0, 0, 0], "{output:?}");
    let took = values(&output, "ms");
    assert!(
        took[0] >= 700,
        "three addresses have their moment: {output:?}"
    );
    assert!(took[0] < 700 + 5000, "{output:?}");
    // Where one has accepted, the next connection begins. (Three addresses would have their moment again.)
    assert!(took[1].min(took[2]) < 700, "{output:?}");
    drop(dead);
    assert_eq!(
        gateway.connections(),
        3,
        "one connection a call, and none beside it"
    );
    assert_eq!(gateway.finish_and_count(), 3);
}

#[test]
fn however_little_time_there_is_each_address_gets_its_share() {
    let gateway = gateway_of("many.test");
    let port = gateway.address().port();
    let dead: Vec<_> = (11..=17)
        .map(|last| Ignoring::at(([127, 0, 0, last], port).into()))
        .collect();
    let url = gateway.url_for("many.test");
    let other = "many.test 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 127.0.0.15 127.0.0.16 127.0.0.17 127.0.0.1";
    // Seven moments are 1750 ms. Should the machine be busy, one more try.
    let result = (0..4).map(|round| {
        let test = format!("share-{round}");
        let output = call(
            &test,
            other,
            &["--url", &url, "--connect-timeout", "1200", "7000001"],
        );
        values(&output, "result")[0]
    });
    assert!(result.into_iter().any(|result| result == 0));
    drop(dead);
}

#[test]
fn addresses_that_all_ignore_or_refuse_fail_in_time_and_send_nothing() {
    let gateway = gateway_of("many.test");
    let port = gateway.address().port();
    let dead = Ignoring::at(([127, 0, 0, 21], port).into());
    let url = gateway.url_for("many.test");
    // Nobody listens at the others.
    let other = "many.test 127.0.0.22 127.0.0.21 127.0.0.23 ::1";
    let output = call(
        "all-dead",
        other,
        &["--url", &url, "--connect-timeout", "900", "7000001"],
    );
    assert_eq!(
        values(&output, "result"),
        [i64::from(CONNECT_FAILED)],
        "{output:?}"
    );
    let took = values(&output, "ms")[0];
    assert!((890..900 + 5000).contains(&took), "{output:?}");
    drop(dead);
    assert_eq!(gateway.finish().len(), 0);
}

#[test]
fn a_name_that_ends_with_a_dot_is_looked_up_as_it_is_and_its_certificate_has_none() {
    // The dot keeps the resolver from its search domains (resolv.conf(5), ndots).
    let gateway = Gateway::tls().start();
    let url = gateway.url_for("gateway.test.");
    let (mut command, log) = caller("dot", "gateway.test. 127.0.0.1");
    command.args(["--url", &url, "7000001"]);
    let output = c::run(command, c::LIMIT);
    output.success();
    assert_eq!(values(&output, "result"), [0], "{output:?}");
    assert_eq!(
        std::fs::read_to_string(log).expect("a log"),
        "gateway.test.\n"
    );
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn a_name_in_capitals_or_with_an_underscore_is_reached() {
    let names = [LOOPBACK, &["voice_gw.test"]].concat();
    let gateway = Gateway::tls()
        .certificate(Authority::common().server(&names, Validity::Now))
        .start();
    for name in ["GateWay.TEST", "voice_gw.test"] {
        let url = gateway.url_for(name);
        let other = format!("{name} 127.0.0.1");
        let output = call("letters", &other, &["--url", &url, "7000001"]);
        assert_eq!(values(&output, "result"), [0], "{output:?}");
    }
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn a_number_that_other_clients_take_for_an_address_is_refused_when_the_client_is_made() {
    // As names they reach this machine by getaddrinfo(), whatever they seem to be.
    for (host, mistake) in [
        ("http://127.1", "loopback"),
        ("http://0x7f.1", "loopback"),
        ("http://2130706433", "loopback"),
        ("http://0177.0.0.1", "loopback"),
        ("https://127.1", "no valid name"),
        ("https://0x7f.1", "no valid name"),
        ("https://2130706433", "no valid name"),
        ("https://[fe80::1%25lo]", "no IPv6 address"),
        ("https://[fe80::1%lo]", "base_url"),
        ("https://\u{e4}.example", "base_url"),
    ] {
        let mut config = super::support::client::Config::new("");
        config.base_url = text(format!("{host}/voice"));
        let failure = Client::new(&config).expect_err(host);
        assert_eq!(failure.result, INVALID_ARGUMENT, "{host}: {failure:?}");
        assert!(failure.reason.contains(mistake), "{host}: {failure:?}");
    }
}

#[test]
fn a_lookup_that_fails_for_now_says_so_and_nothing_was_sent() {
    // A name that no name service can have (RFC 6761, 6.4).
    let output = call(
        "none",
        "",
        &[
            "--url",
            "https://nowhere.invalid/voice",
            "--timeout",
            "20000",
            "7000001",
        ],
    );
    assert_eq!(
        values(&output, "result"),
        [i64::from(RESOLVE_FAILED)],
        "{output:?}"
    );
    assert!(
        output.stdout.contains("look up nowhere.invalid:443: "),
        "{output:?}"
    );
}

#[test]
fn localhost_is_reached_where_its_first_address_is_another_familys() {
    let gateway = Gateway::plain().start();
    let url = gateway.url_for("localhost");
    let output = call(
        "localhost",
        "localhost ::1 127.0.0.1",
        &["--url", &url, "--times", "2", "7000001"],
    );
    assert_eq!(values(&output, "result"), [0, 0], "{output:?}");
    assert_eq!(gateway.connections(), 1);
}

#[test]
fn a_connection_that_was_idle_while_the_machine_slept_is_not_used_again() {
    let gateway = Gateway::tls().start();
    let output = host("host_sleep.c", "idle", &gateway, &[]);
    output.success();
    // The second call has a new one; the third, after a nap, uses it again.
    assert_eq!(gateway.connections(), 2);
    assert_eq!(gateway.finish_and_count(), 3);
}

#[test]
fn a_call_that_waits_for_its_connection_while_the_machine_sleeps_is_not_placed_when_it_wakes_up() {
    let pause = Duration::from_millis(3000) * slowdown();
    let gateway = Gateway::tls()
        .opening(move |_| Opening::Delayed(pause))
        .start();
    let after = (500 * slowdown()).to_string();
    let output = host(
        "host_sleep.c",
        "connecting",
        &gateway,
        &[("HOST_AFTER_MS", &after)],
    );
    output.success();
    assert!(
        values(&output, "took_ms")[0] < 3000 * i64::from(slowdown()),
        "{output:?}"
    );
    assert_eq!(gateway.finish().len(), 0, "nothing was sent");
}

#[test]
fn a_call_whose_response_is_lost_while_the_machine_sleeps_ends_when_it_wakes_up() {
    let gateway = Gateway::plain().answer(|_| vec![Step::Stall]).start();
    let after = (500 * slowdown()).to_string();
    let output = host(
        "host_sleep.c",
        "response-lost",
        &gateway,
        &[("HOST_AFTER_MS", &after)],
    );
    output.success();
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn a_wall_clock_that_jumps_changes_the_timestamps_and_no_wait() {
    let pause = Step::Pause(Duration::from_millis(150));
    let gateway = Gateway::plain()
        .answer(move |request| {
            let response = Response::ok(&recording_id_for(&request.callee()));
            vec![pause.clone(), Step::Send(response.bytes())]
        })
        .start();
    let output = host("host_sleep.c", "wall", &gateway, &[]);
    output.success();
    assert_eq!(gateway.connections(), 1);
    let deliveries = gateway.finish();
    // Beyond 2^31 - 1, the end of a 32-bit time_t, for one of them.
    for (delivery, jump) in deliveries
        .iter()
        .zip([0, 86_400, -86_400, 500_000_000, -900_000_000])
    {
        let skew = delivery.skew() - jump;
        assert!(skew.abs() <= 5, "{jump} s: {skew} s off");
    }
    assert_eq!(deliveries.len(), 5);
    assert!(
        deliveries
            .iter()
            .any(|delivery| delivery.timestamp() > i64::from(i32::MAX))
    );
}

#[test]
fn an_empty_environment_is_enough() {
    let gateway = Gateway::tls().start();
    let mut command = c::command(&Build::c().compile("call.c"));
    command
        .env_clear()
        .arg("--url")
        .arg(gateway.url())
        .arg("--ca")
        .arg(Authority::common().file());
    command.arg("7000001");
    let output = c::run(command, c::LIMIT);
    output.success();
    assert_eq!(values(&output, "result"), [0], "{output:?}");
}

#[test]
fn neither_locale_nor_time_zone_can_change_a_number_or_a_time() {
    // The library calls none of the functions that look at them.
    let imports = super::support::elf::output("nm", &["-D", "--undefined-only"], library::path());
    let imports: BTreeSet<&str> = imports
        .split_whitespace()
        .filter_map(|word| word.split('@').next())
        .collect();
    assert!(imports.contains("clock_gettime"), "{imports:?}");
    for prefix in [
        "strtod",
        "strtol",
        "strtoul",
        "atof",
        "atoi",
        "printf",
        "fprintf",
        "sprintf",
        "snprintf",
        "vsnprintf",
        "sscanf",
        "setlocale",
        "newlocale",
        "uselocale",
        "localeconv",
        "nl_langinfo",
        "toupper",
        "tolower",
        "isalpha",
        "strcasecmp",
        "strcoll",
        "localtime",
        "mktime",
        "strftime",
        "strptime",
        "tzset",
        "gettimeofday",
    ] {
        let found: Vec<_> = imports
            .iter()
            .filter(|name| name.trim_start_matches("__").starts_with(prefix))
            .collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn a_sandbox_that_refuses_random_numbers_file_status_and_advice_is_enough() {
    for error in [libc::ENOSYS, libc::EPERM] {
        let gateway = Gateway::tls().start();
        let output = host("host_seccomp.c", &error.to_string(), &gateway, &[]);
        if output.code == Some(77) {
            eprintln!("not tried: the system has no seccomp filters");
            return;
        }
        output.success();
        assert_eq!(gateway.finish_and_count(), 2);
    }
}
