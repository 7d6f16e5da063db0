//! Hosts that fork.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::gateways::{SCHEMES, accepted_after};
use super::program::{Figures, Host, process_of};
use super::support::client::{CONNECT_FAILED, TIMED_OUT};
use super::support::diary::Delivery;
use super::support::gateway::{Builder, Gateway, Opening, Step};
use super::support::instrument::{self, Instrument, slowdown};

/// A gateway whose answers take a while, so that calls are in flight when a process forks.
fn slow_gateway(pause: Duration) -> Gateway {
    Gateway::tls()
        .answer(move |delivery| accepted_after(pause, delivery))
        .start()
}

/// Runs a life of the forking host, and compares its figures with the gateway's diary: every call
/// arrived once, and no connection served two processes.
fn live(life: &str, gateway: Gateway, promise: &str) -> (Figures, Vec<Delivery>) {
    compare(Host::new("host_fork.c").arg(life), gateway, promise)
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

/// The connections of the process that called first.
fn connections_of_the_parent(diary: &[Delivery]) -> HashSet<usize> {
    let parent = process_of(&diary[0]);
    let its = diary
        .iter()
        .filter(|delivery| process_of(delivery) == parent);
    its.map(|delivery| delivery.connection).collect()
}

#[test]
fn children_forked_while_eight_threads_are_inside_call_at_once_and_the_parent_goes_on() {
    let promise = "24 forks while 8 threads are inside";
    let (figures, diary) = live("inside", slow_gateway(Duration::from_millis(1)), promise);
    assert_eq!(figures.count("child_calls"), 24 * 6);
    let connections = connections_of_the_parent(&diary);
    println!("  the parent used {} connections", connections.len());
    assert!(connections.len() <= 8, "none of the parent's was lost");
}

#[test]
fn a_client_that_was_not_used_before_the_fork_works_in_parent_and_children() {
    let promise = "8 forks before first use";
    let (figures, _) = live("unused", Gateway::tls().start(), promise);
    assert_eq!(figures.count("child_calls"), 8 * 6);
}

#[test]
fn children_forked_during_the_very_first_call_call_at_once() {
    let promise = "100 forks, 0 to 2 ms into the first call of a process";
    let (figures, _) = live("first", Gateway::tls().start(), promise);
    assert_eq!(figures.count("child_calls"), 100);
}

#[test]
fn a_client_works_in_seven_generations_of_forks() {
    let (figures, _) = live("fork-of-fork", Gateway::tls().start(), "forks of forks");
    assert_eq!(figures.count("child_calls"), 3 * 2 + 3 * 4 - 1);
}

#[test]
fn a_daemon_that_forks_twice_uses_its_client_on() {
    for life in ["daemon", "free-and-daemon"] {
        let promise = format!("{life}: forks twice");
        let (figures, _) = live(life, Gateway::tls().start(), &promise);
        assert_eq!(figures.count("child_calls"), 10);
    }
}

#[test]
fn what_a_child_does_to_the_inherited_client_does_not_reach_the_parents_connections() {
    let promise = "24 children that shut down or free what they inherited";
    let (_, diary) = live("ends", slow_gateway(Duration::from_millis(250)), promise);
    let connections_of_crowd = |number: &str| -> HashSet<usize> {
        let its = diary
            .iter()
            .filter(|delivery| delivery.callee().starts_with(number));
        its.map(|delivery| delivery.connection).collect()
    };
    let (kept, used_after) = (
        connections_of_crowd("860001"),
        connections_of_crowd("860002"),
    );
    println!(
        "  {} connections kept before, {} used after, {} of them new",
        kept.len(),
        used_after.len(),
        used_after.difference(&kept).count()
    );
    assert!(kept.len() > 8, "more than the calls in flight need");
    assert_eq!(used_after, kept, "the parent's kept connections serve on");
    assert_eq!(connections_of_the_parent(&diary), kept);
}

#[test]
fn what_was_left_of_a_call_given_up_is_not_delivered_later_not_even_for_a_forked_child() {
    for life in ["time-out", "time-out-beside-child"] {
        // Reads only when the call has long been given up.
        let late = Opening::AfterHandshake(vec![Step::Pause(Duration::from_secs(2))]);
        let gateway = Gateway::plain()
            .receive_buffer(4096)
            .opening(move |_| late.clone())
            .start();
        let figures = Host::new("host_fork.c")
            .arg(life)
            .calling(&gateway)
            .keeps("a request on its way as its call is given up");
        assert!([CONNECT_FAILED, TIMED_OUT].contains(&(figures.get("result") as i32)));
        let diary = gateway.finish();
        assert_eq!(diary.len(), 1);
        assert!(!diary[0].complete, "{life}: it went on by itself");
    }
}

/// How the host makes its processes.
const WAYS: [&str; 5] = ["fork", "_Fork", "clone", "handler", "dlmopen"];

/// A gateway whose answers take a little, and the last one a second.
fn lingering(gateway: Builder) -> Gateway {
    gateway
        .answer(|delivery| {
            let last = delivery.callee().ends_with("9000000");
            accepted_after(Duration::from_millis(if last { 1000 } else { 5 }), delivery)
        })
        .start()
}

/// Parent and children, made in this way, all use the client and end it as they like.
fn makes_processes(way: &str, gateway: Gateway, change: impl Fn(Host) -> Host, promise: &str) {
    let host = Host::new("host_processes.c").arg(way);
    let host = match way {
        "dlmopen" => host.arg(instrument::library().display()),
        _ => host,
    };
    let lacking = match (way, Instrument::current()) {
        ("fork" | "handler", _) | (_, None) => None,
        (_, Some(instrument)) => Some(format!("{instrument:?} does not follow it")),
    };
    if let Some(why) = lacking {
        println!("{promise}: ignored: {why}");
        return;
    }
    let (figures, diary) = compare(change(host), gateway, promise);
    if figures.count("lacking") == 1 {
        println!("{promise}: ignored: this libc has no {way}");
        return;
    }
    assert_eq!(figures.count("children"), 6, "{promise}");
    assert_eq!(figures.count("child_calls"), 4 * 3, "{promise}");
    // One after the other, over one connection: none of them ended it.
    assert_eq!(connections_of_the_parent(&diary).len(), 1, "{promise}");
    let used = figures.get("wait_processor_ms");
    assert!(
        used < 100.0 * f64::from(slowdown()),
        "{promise}: the parent waits at {used} ms of processor time a second"
    );
}

#[test]
fn a_child_is_told_from_its_parent_in_whichever_way_it_was_made() {
    for way in WAYS {
        for (scheme, gateway) in SCHEMES {
            let promise = format!("6 children made by {way}, {scheme}");
            makes_processes(way, lingering(gateway()), |host| host, &promise);
        }
    }
}

#[test]
fn a_child_is_told_from_its_parent_where_the_kernel_wipes_no_page() {
    // The second copy of dlmopen() does not get the host's madvise().
    for way in ["fork", "_Fork", "clone", "handler"] {
        for advice in ["refused", "ignored"] {
            let promise = format!("6 children made by {way}, MADV_WIPEONFORK {advice}");
            let change = |host: Host| host.env("HOST_ADVICE", advice);
            makes_processes(way, lingering(Gateway::tls()), change, &promise);
        }
    }
    let promise = "6 children that have their parent's process ID, MADV_WIPEONFORK refused";
    let change = |host: Host| host.env("HOST_ADVICE", "refused").env("HOST_SAME_ID", "1");
    makes_processes("fork", lingering(Gateway::plain()), change, promise);
}
