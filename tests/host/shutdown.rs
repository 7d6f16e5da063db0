//! `itnio_client_shutdown` while calls wait.

use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::Duration;

use super::program::{Figures, Host};
use super::support::client::{CONNECTION_LOST, MAX_ARGUMENT, OK, SHUT_DOWN};
use super::support::gateway::{Gateway, Opening, Step};
use super::support::instrument::slowdown;
use super::support::proxy::Proxy;
use super::support::scratch;
use super::support::sockets::Ignoring;

/// How long a call may take to end.
fn at_once_ms() -> f64 {
    100.0 * f64::from(slowdown())
}

const ROUNDS: usize = 5;
/// In each round.
const CALLS: usize = 8;

/// In each round the calls wait in the same state, and their client is shut down. They have to end with
/// `result` every time. To end at once they need a machine that is not too busy, so that is tried up to four
/// times.
fn ends_at_once(place: &str, result: i32, host: impl Fn() -> Host) -> Figures {
    retry_until_at_once(
        place,
        || host().arg(result).arg(300).arg(ROUNDS),
        Host::keeps,
    )
}

/// The same for calls whose requests have to arrive first.
fn ends_at_once_after_requests(place: &str, gateway: &Gateway) -> Figures {
    ends_at_once_after(place, gateway, |host| host)
}

/// The same for a host that is changed so.
fn ends_at_once_after(place: &str, gateway: &Gateway, change: impl Fn(Host) -> Host) -> Figures {
    let name = format!("requests-arrived-{}", place.replace(' ', "-"));
    let arrived = scratch().join(name);
    let host = || {
        let host = change(host(&gateway.url())).env("HOST_REQUESTS_ARRIVED", &arrived);
        host.arg(CONNECTION_LOST).arg(300).arg(ROUNDS)
    };
    retry_until_at_once(place, host, |host, promise| {
        let before = gateway.deliveries().len();
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    gateway.wait_for_requests(before + round * CALLS);
                    fs::write(&arrived, "").expect("a file");
                }
            });
            host.keeps(promise)
        })
    })
}

fn retry_until_at_once(
    place: &str,
    host: impl Fn() -> Host,
    run: impl Fn(Host, &str) -> Figures,
) -> Figures {
    let promise = format!("shut down while calls wait {place}");
    let attempt = || {
        let figures = run(host(), &promise);
        assert!(
            figures.get("longest_ms") < 50.0 * at_once_ms(),
            "not at once, and not soon"
        );
        let at_once = figures.get("longest_ms") < at_once_ms()
            && figures.get("longest_ms_refused") < at_once_ms();
        at_once.then_some(figures)
    };
    (0..4)
        .find_map(|_| attempt())
        .unwrap_or_else(|| panic!("{promise}: longer than {} ms", at_once_ms()))
}

fn host(url: &str) -> Host {
    Host::new("host_shutdown.c").calling_url(url)
}

fn silent(opening: Opening) -> Gateway {
    Gateway::tls().opening(move |_| opening.clone()).start()
}

#[test]
fn shutdown_ends_calls_that_wait_for_a_name_within_100_ms() {
    ends_at_once("for a name", SHUT_DOWN, || {
        host("https://gateway.test/voice").env("HOST_LOOKUPS_HANG", "1")
    });
}

#[test]
fn shutdown_ends_calls_that_connect_within_100_ms() {
    let ignoring = Ignoring::new();
    let url = format!("https://{}/voice", ignoring.address());
    ends_at_once("to connect", SHUT_DOWN, || host(&url));
}

#[test]
fn shutdown_ends_calls_in_the_handshake_within_100_ms() {
    for (place, opening) in [
        ("for a hello", Opening::Raw(vec![Step::Stall])),
        (
            "in the middle of the handshake",
            Opening::MidHandshake(vec![Step::Stall]),
        ),
    ] {
        let gateway = silent(opening);
        ends_at_once(place, SHUT_DOWN, || host(&gateway.url()));
    }
}

#[test]
fn shutdown_ends_calls_that_wait_for_a_proxy_within_100_ms() {
    let silent = |opening: Opening| Gateway::tls().opening(move |_| opening.clone());
    let answering = || Gateway::plain().answer(|_| vec![Step::Stall]);
    let half = Opening::MidHandshake(vec![Step::Stall]);
    for (place, proxy) in [
        ("for a proxy", Proxy::of("http", answering())),
        (
            "for a SOCKS proxy",
            Proxy::of("socks5h", silent(Opening::Raw(vec![Step::Stall]))),
        ),
        (
            "in the handshake with a proxy",
            Proxy::of("https", silent(half)),
        ),
        (
            "for an https:// proxy",
            Proxy::of("https", Gateway::tls().answer(|_| vec![Step::Stall])),
        ),
    ] {
        ends_at_once(place, SHUT_DOWN, || {
            host("https://gateway.test/voice").through(&proxy)
        });
    }
    // Through an https:// proxy, in the handshake with the server.
    let server = silent(Opening::Raw(vec![Step::Stall])).start();
    let proxy = Proxy::tls(server.address());
    ends_at_once("for a hello through a proxy", SHUT_DOWN, || {
        host("https://gateway.test/voice").through(&proxy)
    });
}

#[test]
fn shutdown_ends_calls_that_wait_for_the_response_within_100_ms() {
    let responses: [(&str, &'static [u8]); 3] = [
        ("for the response", b""),
        ("for the rest of a head", b"HTTP/1.1 200 O"),
        (
            "for the rest of a body",
            b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{\"status\":\"0\"",
        ),
    ];
    for (place, begun) in responses {
        let gateway = Gateway::tls()
            .answer(move |_| vec![Step::Send(begun.to_vec()), Step::Stall])
            .start();
        let figures = ends_at_once_after_requests(place, &gateway);
        // Each request was delivered, and only once.
        let delivered = gateway.finish_and_count();
        assert_eq!(delivered % figures.count("calls"), 0, "{delivered}");
    }
}

#[test]
fn shutdown_ends_calls_that_wait_for_the_response_through_an_https_proxy_within_100_ms() {
    let gateway = Gateway::tls().answer(|_| vec![Step::Stall]).start();
    let proxy = Proxy::tls(gateway.address());
    let place = "for the response through a proxy";
    let figures = ends_at_once_after(place, &gateway, |host| host.through(&proxy));
    let delivered = gateway.finish_and_count();
    assert_eq!(delivered % figures.count("calls"), 0, "{delivered}");
}

#[test]
fn shutdown_ends_calls_that_send_within_100_ms() {
    // Requests larger than the system's buffers, and a gateway that reads only after the calls have ended.
    let late = Opening::AfterHandshake(vec![Step::Pause(Duration::from_secs(2))]);
    let gateway = Gateway::plain()
        .receive_buffer(4096)
        .opening(move |_| late.clone())
        .start();
    ends_at_once("to send the rest of a request", SHUT_DOWN, || {
        host(&gateway.url()).env("HOST_TEXT_LENGTH", MAX_ARGUMENT.to_string())
    });
    let diary = gateway.finish();
    assert!(!diary.is_empty() && diary.iter().all(|delivery| !delivery.complete));
}

#[test]
fn shutdown_at_any_moment_gives_every_call_its_true_result() {
    let gateway = Gateway::tls().start();
    let results = scratch().join("results-of-shutdown");
    let figures = Host::new("host_shutdown_any.c")
        .arg(120)
        .arg(results.display())
        .calling(&gateway)
        .keeps("shut down at any moment of 8 threads' calls");
    let mut arrived: HashMap<String, usize> = HashMap::new();
    for delivery in gateway.finish() {
        *arrived.entry(delivery.callee()).or_default() += usize::from(delivery.complete);
    }
    let results = fs::read_to_string(results).expect("the results");
    assert_eq!(results.lines().count(), figures.count("calls"));
    for line in results.lines() {
        let (callee, result) = line.split_once(' ').expect("a number and a result");
        let result = result.parse().expect("a result");
        let arrived = arrived.get(callee).copied().unwrap_or_default();
        let possible = match result {
            OK => 1..=1,
            SHUT_DOWN => 0..=0,
            _ => 0..=1,
        };
        assert!(
            possible.contains(&arrived),
            "{line}: arrived {arrived} times"
        );
    }
}
