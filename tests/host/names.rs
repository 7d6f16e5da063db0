//! A host whose name service hangs, fails and changes addresses.

use std::sync::Arc;

use super::gateways::accepted_and_closed;
use super::program::Host;
use super::relay::Relay;
use super::support::gateway::Gateway;

const NAME: &str = "gateway.test";

fn host(mode: &str, gateway: &Gateway) -> Host {
    Host::new("host_dns.c")
        .arg(mode)
        .calling_url(&gateway.url_for(NAME))
}

#[test]
fn a_name_service_that_hangs_delays_no_call_beyond_its_deadline_and_needs_one_thread() {
    let gateway = Gateway::tls().start();
    let figures = host("hang", &gateway).keeps("200 calls while the name service hangs");
    assert_eq!(figures.count("lookup_threads"), 1);
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn a_reused_connection_needs_no_name_service_and_works_during_its_outage() {
    let gateway = Gateway::tls().start();
    let figures =
        host("outage", &gateway).keeps("lookups fail or hang while there is an idle connection");
    assert_eq!(gateway.connections(), 1);
    assert_eq!(gateway.finish_and_count(), figures.count("calls"));
}

#[test]
fn new_connections_go_to_the_last_known_addresses_while_lookups_fail_or_hang() {
    let gateway = Gateway::tls().answer(accepted_and_closed).start();
    let figures =
        host("last-known", &gateway).keeps("lookups fail or hang, new connections needed");
    assert_eq!(gateway.connections(), figures.count("calls"));
    assert_eq!(gateway.finish_and_count(), figures.count("calls"));
}

#[test]
fn a_changed_address_is_followed_after_a_failure_and_after_a_minute() {
    let first = Gateway::tls().answer(accepted_and_closed).start();
    // A call to this number makes the second gateway close the relay to the first.
    let relay: Arc<std::sync::OnceLock<Relay>> = Arc::default();
    let second = Gateway::tls()
        .answer({
            let relay = Arc::clone(&relay);
            move |delivery| {
                if delivery.callee() == "8699999999999" {
                    relay.get().expect("the relay").close();
                }
                accepted_and_closed(delivery)
            }
        })
        .start();
    let started = Relay::start(second.address().port(), first.address());
    assert!(relay.set(started).is_ok());
    host("change-address", &second)
        .env("HOST_CONTROL", second.url())
        .keeps("the name gets another address");
    let numbers = |gateway: Gateway| -> Vec<String> {
        let diary = gateway.finish();
        let callees = diary.iter().map(|delivery| delivery.callee());
        callees
            .map(|callee| callee.trim_start_matches("8600010000").to_owned())
            .collect()
    };
    assert_eq!(numbers(first), ["001", "002", "004"]);
    assert_eq!(
        numbers(second),
        ["003", "8699999999999", "005", "007", "008"]
    );
}

#[test]
fn a_child_forked_during_a_lookup_starts_its_own() {
    let gateway = Gateway::tls().start();
    let figures = host("fork", &gateway).keeps("a fork while a name is looked up");
    assert_eq!(gateway.finish_and_count(), figures.count("calls"));
}

#[test]
fn without_new_threads_lookups_fail_and_nothing_else() {
    let gateway = Gateway::tls().start();
    host("no-threads", &gateway).keeps("no new thread");
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn without_new_threads_calls_use_the_last_known_addresses() {
    let gateway = Gateway::tls().answer(accepted_and_closed).start();
    let figures =
        host("no-threads-cached", &gateway).keeps("no new thread, addresses in the cache");
    assert_eq!(gateway.finish_and_count(), figures.count("calls"));
}
