//! Hosts with signals.

use std::time::Duration;

use super::gateways::{SCHEMES, accepted, accepted_after, silent};
use super::program::Host;
use super::support::c::Build;
use super::support::gateway::{Builder, Gateway, Opening, Step};
use super::support::instrument::{Instrument, slowdown};

fn host(mode: &str) -> Host {
    Host::new("host_signals.c").arg(mode)
}

#[test]
fn a_timer_that_interrupts_every_system_call_makes_no_call_fail_and_no_wait_shorter() {
    // Long enough to be interrupted.
    let pause = Duration::from_millis(3);
    let gateway = Gateway::tls()
        .answer(move |delivery| accepted_after(pause, delivery))
        .start();
    let silent = silent();
    let figures = host("timer")
        .calling_url(&gateway.url_for("localhost"))
        .env("HOST_SILENT", silent.url())
        .keeps("4 threads, each interrupted every 500 us without SA_RESTART");
    let answered = gateway.finish_and_count();
    assert_eq!(answered + silent.finish_and_count(), figures.count("calls"));
}

#[test]
fn a_call_that_is_always_interrupted_ends_in_time_and_when_its_client_is_shut_down() {
    for (scheme, builder) in SCHEMES {
        for system_call in ["send", "recv", "poll"] {
            // Responds to the first call only.
            let gateway = builder()
                .answer(|delivery| {
                    if delivery.callee() == "8613000000000" {
                        accepted(delivery).into()
                    } else {
                        vec![Step::Stall]
                    }
                })
                .start();
            let figures = host("always-interrupted")
                .arg(system_call)
                .calling(&gateway)
                .keeps(&format!("{system_call} always interrupted, {scheme}"));
            let late = figures.get("late_ms");
            assert!(late < 1000.0 * f64::from(slowdown()), "{late} ms late");
        }
    }
}

#[test]
fn sigpipe_at_its_default_is_never_raised_while_servers_reset_connections() {
    let opening = |opening: Opening| Gateway::tls().opening(move |_| opening.clone());
    let answering = |steps: Vec<Step>| {
        Gateway::tls().answer(move |delivery| {
            let mut all = vec![Step::Send(accepted(delivery).bytes())];
            all.extend(steps.clone());
            all
        })
    };
    let pause = || Step::Pause(Duration::from_millis(1));
    let reading_ten_bytes = |builder: Builder| {
        builder.receive_buffer(8192).opening(move |_| {
            Opening::AfterHandshake(vec![Step::Read(10), Step::HalfClose, pause(), Step::Reset])
        })
    };
    let gateways: Vec<Gateway> = [
        // As the connection opens, in the handshake, and after it.
        opening(Opening::Raw(vec![Step::Reset])),
        opening(Opening::Raw(vec![Step::Fin])),
        opening(Opening::MidHandshake(vec![Step::Reset])),
        opening(Opening::AfterHandshake(vec![Step::Reset])),
        opening(Opening::AfterHandshake(vec![Step::Close])),
        opening(Opening::AfterHandshake(vec![Step::Fin])),
        // While the request arrives.
        opening(Opening::AfterHandshake(vec![Step::Read(10), Step::Reset])),
        opening(Opening::AfterHandshake(vec![Step::Read(10), Step::Close])),
        // While the rest of it waits to be sent.
        reading_ten_bytes(Gateway::tls()),
        reading_ten_bytes(Gateway::plain()),
        // Before the response, and in the middle of it.
        Gateway::tls().answer(|_| vec![Step::Reset]),
        Gateway::tls().answer(|_| vec![Step::Send(b"HTTP/1.1 200".to_vec()), Step::Reset]),
        // After it, while the connection is idle.
        answering(vec![Step::Reset]),
        answering(vec![Step::Fin]),
        answering(vec![Step::Close]),
        answering(vec![pause(), Step::Reset]),
        // The client's next write would raise SIGPIPE, at the latest its close_notify when it is freed. After
        // a RST alone, the first system call would fail with ECONNRESET instead.
        answering(vec![pause(), Step::HalfClose, Step::Reset]),
        // Plain HTTP.
        Gateway::plain().opening(|_| Opening::Raw(vec![Step::Read(10), Step::Reset])),
        Gateway::plain().opening(|_| Opening::Raw(vec![Step::Read(10), Step::Fin])),
        Gateway::plain().answer(|delivery| vec![Step::Send(accepted(delivery).bytes()), Step::Fin]),
    ]
    .map(|gateway| gateway.start())
    .into();
    let urls: Vec<String> = gateways.iter().map(Gateway::url).collect();
    let figures = host("sigpipe")
        .calling(&gateways[0])
        .arg(urls.join(" "))
        .keeps("SIGPIPE at its default, servers reset at 20 places");
    assert!(figures.count("failed") > figures.count("calls") / 3);
}

#[test]
fn signal_dispositions_and_masks_are_the_same_after_use() {
    let gateway = Gateway::tls().start();
    let silent = silent();
    host("dispositions")
        .calling_url(&gateway.url_for("gateway.test"))
        .env("HOST_SILENT", silent.url())
        .keeps("dispositions, mask and alternate stack after use");
}

#[test]
fn no_signal_is_delivered_on_the_librarys_thread() {
    let gateway = Gateway::tls().start();
    host("during-lookup")
        .calling_url(&gateway.url_for("gateway.test"))
        .keeps("signals sent while a lookup runs");
}

#[test]
fn a_thread_cancelled_inside_a_call_ends_once_the_call_has_returned() {
    let silent = silent();
    let figures = host("cancel-in-call")
        .calling(&silent)
        .env("HOST_SILENT", silent.url())
        .keeps("threads cancelled inside a call");
    assert_eq!(figures.count("lost"), 0);
    assert_eq!(silent.finish().len(), figures.count("threads"));
}

/// The host that cancels threads with the asynchronous cancellation type. All its symbols are bound when it
/// starts, so that the loader is never cancelled.
fn cancelling(mode: &str) -> Option<Host> {
    if let Some(instrument) = Instrument::current() {
        println!("ignored: {instrument:?} cannot be cancelled at any instruction");
        return None;
    }
    let build = Build::c().flag("-rdynamic").flag("-Wl,-z,now");
    Some(Host::built(&build, "host_cancel.c").arg(mode))
}

#[test]
fn a_thread_cancelled_asynchronously_inside_any_function_ends_after_the_function_has_done_its_work()
{
    let Some(host) = cancelling("inside-each") else {
        return;
    };
    let (gateway, silent) = (Gateway::tls().start(), silent());
    host.calling(&gateway)
        .env("HOST_SILENT", silent.url())
        .keeps("threads cancelled asynchronously inside each function");
    assert_eq!(silent.finish_and_count(), 1);
}

#[test]
fn a_thread_cancelled_before_its_calls_finishes_them_and_keeps_its_cancellation_type() {
    let Some(host) = cancelling("before-calls") else {
        return;
    };
    let gateway = Gateway::tls().start();
    host.calling(&gateway)
        .keeps("threads cancelled before their calls");
    assert_eq!(gateway.finish_and_count(), 3);
}

#[test]
fn a_thread_whose_cancellation_arrives_late_finishes_its_call() {
    let Some(host) = cancelling("late-signal") else {
        return;
    };
    let (gateway, silent) = (Gateway::tls().start(), silent());
    host.calling(&gateway)
        .env("HOST_SILENT", silent.url())
        .keeps("a thread cancelled by a signal that arrives late");
    assert_eq!(silent.finish_and_count(), 1);
}

#[test]
fn threads_cancelled_asynchronously_at_any_moment_leave_nothing_behind() {
    for (calls, gateway) in [
        (true, Gateway::plain()),
        (true, Gateway::tls()),
        (false, Gateway::tls()),
    ] {
        let Some(host) = cancelling("any-moment") else {
            return;
        };
        let gateway = gateway.start();
        let host = host.arg(400);
        // If no call takes long, other functions are cancelled, too.
        let host = if calls {
            host
        } else {
            host.arg("invalid-calls")
        };
        let figures = host
            .calling(&gateway)
            .keeps("400 threads cancelled asynchronously at any moment");
        let inside = ["in_new", "in_send", "in_shutdown", "in_free"];
        let inside = inside.map(|place| figures.count(place));
        assert!(inside.iter().sum::<usize>() > 100, "{inside:?}");
    }
}
