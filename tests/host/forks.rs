//! Hosts that fork.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::gateways::{SCHEMES, accepted_after};
use super::program::{Figures, Host, process_of};
use super::support::client::{CONNECT_FAILED, TIMED_OUT};
use super::support::diary::Delivery;
use super::support::gateway::{Builder, Gateway, Opening, Step};
use super::support::instrument::{self, Instrument, slowdown};
use super::support::proxy::Proxy;

/// A gateway that responds after a pause, so that calls are in progress when a process forks.
fn slow_gateway(pause: Duration) -> Gateway {
    Gateway::tls()
        .answer(move |delivery| accepted_after(pause, delivery))
        .start()
}

/// Runs a mode of the host, and compares its figures with the gateway's diary: every call arrived once, and
/// no connection was used by two processes.
fn run(mode: &str, gateway: Gateway, promise: &str) -> (Figures, Vec<Delivery>) {
    compare(Host::new("host_fork.c").arg(mode), gateway, promise)
}

fn compare(host: Host, gateway: Gateway, promise: &str) -> (Figures, Vec<Delivery>) {
    let figures = host.calling(&gateway).keeps(promise);
    let diary = gateway.finish();
    let calls = figures.count("parent_calls") + figures.count("child_calls");
    let callees: HashSet<_> = diary.iter().map(|delivery| delivery.callee()).collect();
    assert_eq!((diary.len(), callees.len()), (calls, calls), "{promise}");
    for (connection, processes) in by_connection(&diary) {
        assert_eq!(
            processes.len(),
            1,
            "{promise}: connection {connection} is shared"
        );
    }
    (figures, diary)
}

fn by_connection(diary: &[Delivery]) -> HashMap<usize, HashSet<String>> {
    let mut connections: HashMap<_, HashSet<_>> = HashMap::new();
    for delivery in diary {
        connections
            .entry(delivery.connection)
            .or_default()
            .insert(process_of(delivery));
    }
    connections
}

/// The connections of the process that placed the first call.
fn connections_of_the_parent(diary: &[Delivery]) -> HashSet<usize> {
    let parent = process_of(&diary[0]);
    let its = diary
        .iter()
        .filter(|delivery| process_of(delivery) == parent);
    its.map(|delivery| delivery.connection).collect()
}

#[test]
fn children_forked_while_eight_threads_place_calls_can_call_at_once_and_the_parent_too() {
    let promise = "24 forks while 8 threads place calls";
    let (figures, diary) = run(
        "threads-calling",
        slow_gateway(Duration::from_millis(1)),
        promise,
    );
    assert_eq!(figures.count("child_calls"), 24 * 6);
    let connections = connections_of_the_parent(&diary);
    println!("  the parent used {} connections", connections.len());
    assert!(connections.len() <= 8, "the parent lost none");
}

#[test]
fn a_client_that_was_not_used_before_the_fork_works_in_parent_and_children() {
    let promise = "8 forks before first use";
    let (figures, _) = run("before-first-call", Gateway::tls().start(), promise);
    assert_eq!(figures.count("child_calls"), 8 * 6);
}

#[test]
fn children_forked_during_the_first_call_can_call_at_once() {
    let promise = "100 forks, 0 to 2 ms into the first call of a process";
    let (figures, _) = run("during-first-call", Gateway::tls().start(), promise);
    assert_eq!(figures.count("child_calls"), 100);
}

#[test]
fn a_client_works_in_seven_generations_of_forks() {
    let (figures, _) = run("generations", Gateway::tls().start(), "forks of forks");
    assert_eq!(figures.count("child_calls"), 3 * 2 + 3 * 4 - 1);
}

#[test]
fn a_daemon_that_forks_twice_can_still_use_its_client() {
    for mode in ["daemon", "free-and-daemon"] {
        let promise = format!("{mode}: forks twice");
        let (figures, _) = run(mode, Gateway::tls().start(), &promise);
        assert_eq!(figures.count("child_calls"), 10);
    }
}

#[test]
fn what_a_child_does_to_the_inherited_client_does_not_reach_the_parents_connections() {
    let promise = "24 children that shut down or free what they inherited";
    let (_, diary) = run(
        "end-client",
        slow_gateway(Duration::from_millis(250)),
        promise,
    );
    let connections_of_calls = |number: &str| -> HashSet<usize> {
        let its = diary
            .iter()
            .filter(|delivery| delivery.callee().starts_with(number));
        its.map(|delivery| delivery.connection).collect()
    };
    let before = connections_of_calls("860001");
    let after = connections_of_calls("860002");
    println!(
        "  {} idle connections before, {} used after, {} of them new",
        before.len(),
        after.len(),
        after.difference(&before).count()
    );
    assert!(before.len() > 8, "more than the calls in progress need");
    assert_eq!(after, before, "the parent's idle connections still work");
    assert_eq!(connections_of_the_parent(&diary), before);
}

#[test]
fn the_rest_of_a_request_that_was_given_up_is_never_sent_even_if_a_child_has_the_socket() {
    for mode in ["time-out", "time-out-beside-child"] {
        // Reads only long after the call has timed out.
        let late = Opening::AfterHandshake(vec![Step::Pause(Duration::from_secs(2))]);
        let gateway = Gateway::plain()
            .receive_buffer(4096)
            .opening(move |_| late.clone())
            .start();
        let figures = Host::new("host_fork.c")
            .arg(mode)
            .calling(&gateway)
            .keeps("a call that times out while its request is sent");
        assert!([CONNECT_FAILED, TIMED_OUT].contains(&(figures.get("result") as i32)));
        let diary = gateway.finish();
        assert_eq!(diary.len(), 1);
        assert!(!diary[0].complete, "{mode}: the rest was sent");
    }
}

/// The modes of the host: how it makes processes.
const WAYS: [&str; 5] = ["fork", "_Fork", "clone", "handler", "dlmopen"];

/// A gateway that responds after 5 ms, and to the last call after a second.
fn last_after_a_second(gateway: Builder) -> Gateway {
    gateway
        .answer(|delivery| {
            let last = delivery.callee().ends_with("9000000");
            accepted_after(Duration::from_millis(if last { 1000 } else { 5 }), delivery)
        })
        .start()
}

/// Parent and children, made in this way, use the client. Some children shut it down or free it.
fn makes_processes(way: &str, gateway: Gateway, change: impl Fn(Host) -> Host, promise: &str) {
    let host = Host::new("host_processes.c").arg(way);
    let host = match way {
        "dlmopen" => host.arg(instrument::library().display()),
        _ => host,
    };
    let unsupported = match (way, Instrument::current()) {
        ("fork" | "handler", _) | (_, None) => None,
        (_, Some(instrument)) => Some(format!("{instrument:?} does not follow it")),
    };
    if let Some(why) = unsupported {
        println!("{promise}: ignored: {why}");
        return;
    }
    let (figures, diary) = compare(change(host), gateway, promise);
    if figures.count("unsupported") == 1 {
        println!("{promise}: ignored: this libc has no {way}");
        return;
    }
    assert_eq!(figures.count("children"), 6, "{promise}");
    assert_eq!(figures.count("child_calls"), 4 * 3, "{promise}");
    // One call after the other over one connection: no child closed it.
    assert_eq!(connections_of_the_parent(&diary).len(), 1, "{promise}");
    let used = figures.get("wait_processor_ms");
    assert!(
        used < 100.0 * f64::from(slowdown()),
        "{promise}: a busy wait: {used} ms of processor time a second"
    );
}

#[test]
fn a_child_process_is_detected_in_whichever_way_it_was_made() {
    for way in WAYS {
        for (scheme, gateway) in SCHEMES {
            let promise = format!("6 children made by {way}, {scheme}");
            makes_processes(way, last_after_a_second(gateway()), |host| host, &promise);
        }
    }
}

#[test]
fn a_child_process_is_detected_even_if_the_kernel_wipes_no_page() {
    // The second copy of dlmopen() does not get the host's madvise().
    for way in ["fork", "_Fork", "clone", "handler"] {
        for advice in ["refused", "ignored"] {
            let promise = format!("6 children made by {way}, MADV_WIPEONFORK {advice}");
            let change = |host: Host| host.env("HOST_MADVISE", advice);
            makes_processes(way, last_after_a_second(Gateway::tls()), change, &promise);
        }
    }
    let promise = "6 children that have their parent's process ID, MADV_WIPEONFORK refused";
    let change = |host: Host| {
        host.env("HOST_MADVISE", "refused")
            .env("HOST_SAME_PID", "1")
    };
    makes_processes(
        "fork",
        last_after_a_second(Gateway::plain()),
        change,
        promise,
    );
}

#[test]
fn what_a_child_does_to_an_inherited_client_does_not_reach_its_parents_tunnels() {
    let promise =
        "24 children that shut down or free what they inherited, through an https:// proxy";
    let gateway = slow_gateway(Duration::from_millis(250));
    let proxy = Proxy::tls(gateway.address());
    let host = Host::new("host_fork.c").arg("end-client").through(&proxy);
    let (_, diary) = compare(host, gateway, promise);
    assert!(proxy.asked().len() > 8, "by the proxy");
    let connections_of_calls = |number: &str| -> HashSet<usize> {
        let its = diary
            .iter()
            .filter(|delivery| delivery.callee().starts_with(number));
        its.map(|delivery| delivery.connection).collect()
    };
    let before = connections_of_calls("860001");
    assert!(before.len() > 8, "more than the calls in progress need");
    assert_eq!(connections_of_calls("860002"), before);
    assert_eq!(connections_of_the_parent(&diary), before);
}
