//! Hosts that close descriptors which are not their own, and open others under the same numbers.

use std::time::Duration;

use super::gateways::{SCHEMES, accepted_after};
use super::program::{Figures, Host};
use super::support::gateway::{Builder, Gateway, Step};
use super::support::instrument::slowdown;

/// What a wait of one or two seconds may take of the processor. A busy wait takes all of it.
const IDLE_MS: f64 = 100.0;

fn host(life: &str) -> Host {
    Host::new("host_descriptors.c").arg(life)
}

#[track_caller]
fn waits_without_work(figures: &Figures) {
    let used = figures.get("wait_processor_ms");
    assert!(
        used < IDLE_MS * f64::from(slowdown()),
        "a busy wait: {used}"
    );
}

/// Answers after a little, so that calls at once need connections of their own; to some after a second,
/// to others never.
fn gateway(gateway: Builder) -> Gateway {
    gateway
        .answer(|delivery| {
            let pause = match delivery.callee().as_str() {
                "8600009000000" => 1000,
                "8600009000001" => return vec![Step::Stall],
                _ => 100,
            };
            accepted_after(Duration::from_millis(pause), delivery)
        })
        .start()
}

/// Begins an answer late, and never ends it.
fn hesitant(gateway: Builder) -> Gateway {
    let late = Duration::from_millis(800) * slowdown();
    gateway
        .answer(move |_| {
            let begun = Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec());
            vec![Step::Pause(late), begun, Step::Stall]
        })
        .start()
}

/// Runs a mode with TLS and with plain HTTP; gives the figures of both.
#[track_caller]
fn keeps(mode: &str, gateway: fn(Builder) -> Gateway, promise: &str) -> [Figures; 2] {
    SCHEMES.map(|(_, builder)| host(mode).calling(&gateway(builder())).keeps(promise))
}

#[test]
fn a_call_whose_descriptors_the_host_takes_ends_in_time_and_touches_nothing_of_the_host() {
    let promise = "closefrom(3) and the host's sockets, while a call waits";
    keeps("waiting", hesitant, promise);
}

#[test]
fn a_client_whose_kept_connections_the_host_takes_ends_without_touching_the_hosts_sockets() {
    let promise = "closefrom(3) and the host's sockets, then shutdown and free";
    keeps("kept", gateway, promise);
}

#[test]
fn a_call_over_a_kept_connection_that_the_host_took_ends_in_time() {
    let promise = "closefrom(3) and the host's blocking sockets, then a call";
    keeps("kept-and-used", gateway, promise);
}

#[test]
fn what_the_host_has_to_read_in_place_of_kept_connections_stays_there() {
    let promise = "closefrom(3), and sockets with something to read for the host";
    keeps("kept-with-data", gateway, promise);
}

#[test]
fn files_of_the_host_in_place_of_kept_connections_are_neither_read_nor_written_nor_closed() {
    let promise = "the host's files in place of kept connections";
    keeps("kept-files", gateway, promise);
}

#[test]
fn a_process_without_standard_descriptors_calls_and_gets_them_for_itself() {
    let promise = "0, 1 and 2 closed before the first client";
    for figures in keeps("standard", gateway, promise) {
        waits_without_work(&figures);
    }
    let figures = host("standard-replaced")
        .calling(&gateway(Gateway::tls()))
        .keeps("0, 1 and 2 closed, and replaced between two calls");
    waits_without_work(&figures);
}

#[test]
fn a_client_whose_event_the_host_took_waits_without_work_and_shuts_down_soon() {
    for (by, shutdown_ms) in [
        ("readable", 500.0),
        ("ended", 500.0),
        ("closed", 500.0),
        ("eventfd", 1500.0),
        ("quiet", 1500.0),
    ] {
        let figures = host("event")
            .arg(by)
            .calling(&gateway(Gateway::plain()))
            .keeps(&format!("the client's event taken by the host: {by}"));
        waits_without_work(&figures);
        let took = figures.get("shutdown_ms");
        assert!(took < shutdown_ms * f64::from(slowdown()), "{by}: {took}");
    }
}

#[test]
fn a_socket_that_is_always_ready_and_gives_nothing_is_waited_for_without_work() {
    let gateway = hesitant(Gateway::plain());
    let figures = host("restless")
        .calling(&gateway)
        .keeps("a socket that is always ready, in place of a call's");
    waits_without_work(&figures);
    assert_eq!(gateway.finish_and_count(), 1);
}
