//! A host whose name service hangs, fails and changes its mind.

use std::sync::Arc;

use super::gateways::accepted_and_closed;
use super::program::Host;
use super::relay::Relay;
use super::support::gateway::Gateway;

const NAME: &str = "gateway.test";

fn host(life: &str, gateway: &Gateway) -> Host {
    Host::new("host_dns.c")
        .arg(life)
        .calling_url(&gateway.url_for(NAME))
}

#[test]
fn a_name_service_that_hangs_holds_up_no_call_beyond_its_deadline_and_takes_one_thread() {
    let gateway = Gateway::tls().start();
    let figures = host("hang", &gateway).keeps("200 calls while the name service hangs");
    assert_eq!(figures.count("look_up_threads"), 1);
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn a_warm_connection_outlives_an_outage_of_the_name_service() {
    let gateway = Gateway::tls().start();
    let figures = host("outage", &gateway).keeps("names fail or hang while a connection is warm");
    assert_eq!(gateway.connections(), 1);
    assert_eq!(gateway.finish_and_count(), figures.count("calls"));
}

#[test]
fn new_connections_go_to_the_last_known_addresses_while_names_fail_or_hang() {
    let gateway = Gateway::tls().answer(accepted_and_closed).start();
    let figures = host("last-known", &gateway).keeps("names fail or hang, new connections needed");
    assert_eq!(gateway.connections(), figures.count("calls"));
    assert_eq!(gateway.finish_and_count(), figures.count("calls"));
}

#[test]
fn a_changed_address_is_followed_after_a_failure_and_after_a_minute() {
    let first = Gateway::tls().answer(accepted_and_closed).start();
    // The second one's answer to a certain number is to close the relay to the first.
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
    host("moves", &second)
        .env("HOST_CONTROL", second.url())
        .keeps("the name moves to another address");
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
fn a_child_forked_during_a_look_up_does_its_own() {
    let gateway = Gateway::tls().start();
    let figures = host("fork", &gateway).keeps("a fork while a name is looked up");
    assert_eq!(gateway.finish_and_count(), figures.count("calls"));
}

#[test]
fn a_system_without_threads_to_give_fails_look_ups_and_nothing_else() {
    let gateway = Gateway::tls().start();
    host("no-threads", &gateway).keeps("no thread to be had");
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn a_system_without_threads_to_give_goes_on_with_the_last_known_addresses() {
    let gateway = Gateway::tls().answer(accepted_and_closed).start();
    let figures = host("no-threads-later", &gateway).keeps("no thread to be had, a name known");
    assert_eq!(gateway.finish_and_count(), figures.count("calls"));
}
