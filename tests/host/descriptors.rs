//! Hosts that close the library's descriptors, and open their own under the same numbers.

use std::time::Duration;

use super::gateways::{SCHEMES, accepted_after};
use super::program::{Figures, Host};
use super::support::gateway::{Builder, Gateway, Step};
use super::support::instrument::slowdown;

/// The processor time that a wait of one or two seconds may take. A busy wait takes all of it.
const MAX_WAIT_PROCESSOR_MS: f64 = 100.0;

fn host(mode: &str) -> Host {
    Host::new("host_descriptors.c").arg(mode)
}

#[track_caller]
fn check_no_busy_wait(figures: &Figures) {
    let used = figures.get("wait_processor_ms");
    assert!(
        used < MAX_WAIT_PROCESSOR_MS * f64::from(slowdown()),
        "a busy wait: {used}"
    );
}

/// Responds after a pause, so that parallel calls need a connection each: to one callee after a second, to
/// another never.
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

/// Begins a response late, and never ends it.
fn begins_late(gateway: Builder) -> Gateway {
    let late = Duration::from_millis(800) * slowdown();
    gateway
        .answer(move |_| {
            let begun = Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec());
            vec![Step::Pause(late), begun, Step::Stall]
        })
        .start()
}

/// Runs a mode with TLS and with plain HTTP; returns the figures of both.
#[track_caller]
fn keeps(mode: &str, gateway: fn(Builder) -> Gateway, promise: &str) -> [Figures; 2] {
    SCHEMES.map(|(_, builder)| host(mode).calling(&gateway(builder())).keeps(promise))
}

#[test]
fn a_waiting_call_whose_descriptors_the_host_replaced_ends_in_time_and_leaves_the_hosts_sockets_alone()
 {
    let promise = "closefrom(3) and the host's sockets, while a call waits";
    keeps("waiting", begins_late, promise);
}

#[test]
fn a_client_whose_idle_connections_the_host_replaced_is_freed_without_touching_the_hosts_sockets() {
    let promise = "closefrom(3) and the host's sockets, then shutdown and free";
    keeps("idle", gateway, promise);
}

#[test]
fn a_call_over_an_idle_connection_that_the_host_replaced_ends_in_time() {
    let promise = "closefrom(3) and the host's blocking sockets, then a call";
    keeps("idle-then-call", gateway, promise);
}

#[test]
fn data_for_the_host_on_sockets_that_replaced_idle_connections_is_not_read() {
    let promise = "closefrom(3), and sockets with data for the host";
    keeps("idle-with-data", gateway, promise);
}

#[test]
fn files_of_the_host_that_replaced_idle_connections_are_neither_read_nor_written_nor_closed() {
    let promise = "the host's files in place of idle connections";
    keeps("idle-by-files", gateway, promise);
}

#[test]
fn a_process_without_standard_descriptors_places_calls_and_can_open_them_later() {
    let promise = "0, 1 and 2 closed before the first client";
    for figures in keeps("standard-opened-later", gateway, promise) {
        check_no_busy_wait(&figures);
    }
    let figures = host("standard-replaced")
        .calling(&gateway(Gateway::tls()))
        .keeps("0, 1 and 2 closed, and replaced between two calls");
    check_no_busy_wait(&figures);
}

#[test]
fn a_client_whose_event_descriptor_the_host_replaced_waits_without_a_busy_loop_and_shuts_down_soon()
{
    for (replacement, shutdown_ms) in [
        ("readable", 500.0),
        ("ended", 500.0),
        ("closed", 500.0),
        ("eventfd", 1500.0),
        ("no-data", 1500.0),
    ] {
        let figures = host("event")
            .arg(replacement)
            .calling(&gateway(Gateway::plain()))
            .keeps(&format!(
                "the client's event descriptor replaced: {replacement}"
            ));
        check_no_busy_wait(&figures);
        let took = figures.get("shutdown_ms");
        assert!(
            took < shutdown_ms * f64::from(slowdown()),
            "{replacement}: {took}"
        );
    }
}

#[test]
fn a_socket_that_is_always_ready_and_never_has_data_causes_no_busy_loop() {
    let gateway = begins_late(Gateway::plain());
    let figures = host("always-ready")
        .calling(&gateway)
        .keeps("a socket that is always ready, in place of a call's connection");
    check_no_busy_wait(&figures);
    assert_eq!(gateway.finish_and_count(), 1);
}
