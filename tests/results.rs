//! The table of results: a real fault for each row, with a count of what the gateway received, and what
//! `itnio_may_have_dialed` says.
//!
//! Rows with a file of their own have their further faults there: arguments, certificates, proxies,
//! deadlines, responses.

mod support;

use std::thread;
use std::time::Duration;

use support::client::*;
use support::gateway::{Builder, Gateway, Opening, Step};
use support::proxy::{Proxy, refusal};
use support::response::{Response, recording_id_for};
use support::sockets::{Ignoring, Refusing};

const CALLEE: &str = "4915112345678";

/// Makes one call; checks its result, and how often a whole request arrived.
#[track_caller]
fn check(builder: Builder, request: &Request, expected: i32, delivered: usize) -> Reply {
    let gateway = builder.start();
    let client = Client::new(&gateway.config().timeout_ms(15_000)).expect("a client");
    let reply = client.send(request);
    drop(client);
    let count = gateway.finish_and_count();
    reply.expect(expected);
    assert_eq!(count, delivered, "whole requests delivered; {reply:?}");
    reply
}

/// The rows, each a test: name, gateway, result, and how often the request was delivered.
macro_rules! rows {
    ($($name:ident: $gateway:expr => $result:expr, $delivered:expr;)*) => {$(
        #[test]
        fn $name() {
            check($gateway, &Request::to(CALLEE), $result, $delivered);
        }
    )*};
}

fn opening(steps: impl Into<Vec<Step>>) -> Opening {
    Opening::Raw(steps.into())
}

fn tls_opening(opening: Opening) -> Builder {
    Gateway::tls().opening(move |_| opening.clone())
}

fn plain_response(steps: impl Into<Vec<Step>>) -> Builder {
    let steps = steps.into();
    Gateway::plain().answer(move |_| steps.clone())
}

fn tls_response(steps: impl Into<Vec<Step>>) -> Builder {
    let steps = steps.into();
    Gateway::tls().answer(move |_| steps.clone())
}

fn send(bytes: &[u8]) -> Step {
    Step::Send(bytes.to_vec())
}

rows! {
    ok_a_call_is_accepted: Gateway::tls() => OK, 1;
    ok_a_call_is_accepted_without_tls_on_loopback: Gateway::plain() => OK, 1;

    rejected_the_api_says_no: tls_response(Response::refused(-10, "no money")) => REJECTED, 1;
    rejected_with_an_http_error: tls_response(Response::refused(-1, "who?").code(401)) => REJECTED, 1;

    connect_failed_closed_before_the_handshake: tls_opening(opening([Step::Fin])) => CONNECT_FAILED, 0;
    connect_failed_reset_before_the_handshake: tls_opening(opening([Step::Reset])) => CONNECT_FAILED, 0;
    connect_failed_closed_after_the_hello:
        tls_opening(opening([Step::Read(5), Step::Pause(Duration::from_millis(20)), Step::Fin])) => CONNECT_FAILED, 0;
    connect_failed_closed_in_the_handshake:
        tls_opening(Opening::MidHandshake(vec![Step::Fin])) => CONNECT_FAILED, 0;
    connect_failed_reset_in_the_handshake:
        tls_opening(Opening::MidHandshake(vec![Step::Reset])) => CONNECT_FAILED, 0;

    tls_failed_the_server_speaks_http:
        tls_opening(opening([send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Stall])) => TLS_FAILED, 0;
    tls_failed_the_server_speaks_smtp:
        tls_opening(opening([send(b"220 mail.example ESMTP\r\n"), Step::Stall])) => TLS_FAILED, 0;
    tls_failed_the_server_sends_an_alert:
        tls_opening(opening([Step::Read(5), send(&[21, 3, 3, 0, 2, 2, 40]), Step::Stall])) => TLS_FAILED, 0;
    tls_failed_garbage_in_the_handshake:
        tls_opening(Opening::MidHandshake(vec![send(&[0xff; 4096]), Step::Stall])) => TLS_FAILED, 0;

    connection_lost_closed_instead_of_a_response: tls_response([Step::Close]) => CONNECTION_LOST, 1;
    connection_lost_without_close_notify_instead_of_a_response: tls_response([Step::Fin]) => CONNECTION_LOST, 1;
    connection_lost_reset_instead_of_a_response: tls_response([Step::Reset]) => CONNECTION_LOST, 1;
    connection_lost_closed_instead_of_a_response_plain: plain_response([Step::Fin]) => CONNECTION_LOST, 1;
    connection_lost_reset_instead_of_a_response_plain: plain_response([Step::Reset]) => CONNECTION_LOST, 1;
    connection_lost_in_the_head: tls_response([send(b"HTTP/1.1 200 OK\r\nCont"), Step::Fin]) => CONNECTION_LOST, 1;
    connection_lost_in_the_body:
        tls_response([send(b"HTTP/1.1 200 OK\r\nContent-Length: 62\r\n\r\n{\"status\":"), Step::Fin]) => CONNECTION_LOST, 1;
    connection_lost_an_alert_instead_of_a_response:
        tls_response([Step::SendRaw(vec![21, 3, 3, 0, 2, 2, 40]), Step::Stall]) => CONNECTION_LOST, 1;
    connection_lost_garbage_below_tls:
        tls_response([Step::SendRaw(vec![0xff; 64]), Step::Stall]) => CONNECTION_LOST, 1;

    http_error_a_bad_gateway: tls_response(Response::new(502, "<html>Bad gateway</html>")) => HTTP_ERROR, 1;
    http_error_a_redirect:
        tls_response(Response::new(307, "").header("Location", "/voice/sendSip")) => HTTP_ERROR, 1;
    http_error_not_found: tls_response(Response::new(404, "")) => HTTP_ERROR, 1;

    bad_response_a_page: tls_response(Response::json("<html>Welcome to this wi-fi</html>")) => BAD_RESPONSE, 1;
    bad_response_success_without_an_id: tls_response(Response::json(r#"{"status":"0"}"#)) => BAD_RESPONSE, 1;
    bad_response_no_http: tls_response([send(b"what?\r\n\r\n"), Step::Close]) => BAD_RESPONSE, 1;
    bad_response_too_large: tls_response(Response::json(" ".repeat(70_000))) => BAD_RESPONSE, 1;
}

// TIMED_OUT is in deadlines.rs, INVALID_ARGUMENT in arguments.rs. INTERNAL_ERROR is a bug, which has
// no fault from outside: the unit test in src/ffi/panic.rs checks that a panic becomes one.

#[test]
fn timed_out_no_response_comes() {
    let gateway = plain_response([Step::Stall]).start();
    let client = Client::new(&gateway.config().timeout_ms(600)).expect("a client");
    let reply = client.call(CALLEE);
    reply.expect(TIMED_OUT);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn invalid_argument_nothing_is_sent() {
    let gateway = Gateway::plain().start();
    let client = Client::new(&gateway.config()).expect("a client");
    client
        .send(&Request {
            account: None,
            ..Request::to(CALLEE)
        })
        .expect(INVALID_ARGUMENT);
    drop(client);
    assert_eq!(gateway.connections(), 0);
}

#[test]
fn resolve_failed_a_name_without_an_address() {
    // RFC 6761, 6.4: this name never has one.
    let config = Config::new("https://gateway.invalid/voice").timeout_ms(20_000);
    let reply = Client::new(&config).expect("a client").call(CALLEE);
    reply.expect(RESOLVE_FAILED);
    reply.expect_reason("gateway.invalid");
}

#[test]
fn connect_failed_nobody_listens() {
    let refusing = Refusing::new();
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}/voice", refusing.address());
        let reply = Client::new(&Config::new(&url))
            .expect("a client")
            .call(CALLEE);
        reply.expect(CONNECT_FAILED);
        reply.expect_reason("127.0.0.1");
    }
}

#[test]
fn connect_failed_the_handshake_is_never_answered() {
    let ignoring = Ignoring::new();
    let url = format!("http://{}/voice", ignoring.address());
    let config = Config::new(&url).connect_timeout_ms(400);
    let reply = Client::new(&config).expect("a client").call(CALLEE);
    reply.expect(CONNECT_FAILED);
    assert!(reply.elapsed < Duration::from_secs(5), "{reply:?}");
}

#[test]
fn connect_failed_the_connection_ended_before_the_request_was_sent() {
    for (name, steps) in [
        (
            "reset in the request",
            vec![Step::Read(20_000), Step::Reset],
        ),
        ("closed in the request", vec![Step::Read(20_000), Step::Fin]),
        (
            "reset before any of it is read",
            vec![Step::Pause(Duration::from_millis(300)), Step::Reset],
        ),
    ] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let steps = steps.clone();
            let builder = builder
                .receive_buffer(4096)
                .opening(move |_| Opening::AfterHandshake(steps.clone()));
            let reply = check(builder, &Request::large(CALLEE), CONNECT_FAILED, 0);
            assert!(!reply.may_have_dialed(), "{name}: {reply:?}");
        }
    }
}

#[test]
fn proxy_failed_the_proxy_says_no() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::answering(|_| refusal("403 Forbidden"));
    let client = Client::new(&gateway.config().proxy(&proxy.url())).expect("a client");
    client.call(CALLEE).expect(PROXY_FAILED);
    drop(client);
    assert_eq!(gateway.connections(), 0);
}

#[test]
fn shut_down_refuses_new_calls() {
    let gateway = Gateway::tls().start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call(CALLEE).accepted();
    client.shutdown();
    client.call("4915112345679").expect(SHUT_DOWN);
    client.shutdown();
    client.call("4915112345679").expect(SHUT_DOWN);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 1);
}

/// With limits so long that only the shutdown can have ended the call in time.
fn patient(config: Config) -> Config {
    config.connect_timeout_ms(60_000).timeout_ms(60_000)
}

/// Shuts a client down while its call is at the point that `reached` waits for; returns the call's reply.
fn shut_down_during(client: &Client, request: &Request, reached: impl FnOnce()) -> Reply {
    thread::scope(|scope| {
        let call = scope.spawn(|| client.send(request));
        reached();
        // The gateway has reached it; this gives the library time to reach it, too.
        thread::sleep(Duration::from_millis(50));
        client.shutdown();
        let reply = call.join().expect("the call");
        assert!(
            reply.elapsed < Duration::from_secs(10),
            "ended by the shutdown: {reply:?}"
        );
        reply
    })
}

#[test]
fn shutdown_ends_a_call_in_each_phase_with_the_right_result() {
    let after_handshake = |steps: &[Step]| Opening::AfterHandshake(steps.to_vec());
    let phases: [(&str, Builder, i32, usize); 6] = [
        (
            "before the handshake",
            tls_opening(opening([Step::Stall])),
            SHUT_DOWN,
            0,
        ),
        (
            "in the handshake",
            tls_opening(Opening::MidHandshake(vec![Step::Stall])),
            SHUT_DOWN,
            0,
        ),
        (
            "waiting for the response",
            tls_response([Step::Stall]),
            CONNECTION_LOST,
            1,
        ),
        (
            "in the response's head",
            tls_response([send(b"HTTP/1.1 200 "), Step::Stall]),
            CONNECTION_LOST,
            1,
        ),
        (
            "in the response's body",
            plain_response([
                send(b"HTTP/1.1 200 OK\r\nContent-Length: 62\r\n\r\n{\"sta"),
                Step::Stall,
            ]),
            CONNECTION_LOST,
            1,
        ),
        (
            "in the request",
            Gateway::tls()
                .receive_buffer(4096)
                .opening(move |_| after_handshake(&[Step::Stall])),
            SHUT_DOWN,
            0,
        ),
    ];
    for (name, builder, expected, delivered) in phases {
        let gateway = builder.start();
        let client = Client::new(&patient(gateway.config())).expect("a client");
        let request = if name == "in the request" {
            Request::large(CALLEE)
        } else {
            Request::to(CALLEE)
        };
        let reply = shut_down_during(&client, &request, || match delivered {
            0 => gateway.wait_for_connections(1),
            count => gateway.wait_for_requests(count),
        });
        assert_eq!(reply.result, expected, "{name}: {reply:?}");
        drop(client);
        assert_eq!(gateway.finish_and_count(), delivered, "{name}");
    }
}

#[test]
fn shutdown_ends_a_call_that_waits_to_be_connected_or_for_a_proxy() {
    let ignoring = Ignoring::new();
    let url = format!("https://{}/voice", ignoring.address());
    let client = Client::new(&patient(Config::new(&url))).expect("a client");
    shut_down_during(&client, &Request::to(CALLEE), || ()).expect(SHUT_DOWN);

    let gateway = Gateway::tls().start();
    let proxy = Proxy::answering(|_| vec![Step::Stall]);
    let client = Client::new(&patient(gateway.config().proxy(&proxy.url()))).expect("a client");
    shut_down_during(&client, &Request::to(CALLEE), || proxy.wait_for_requests(1))
        .expect(SHUT_DOWN);
    drop(client);
    assert_eq!(gateway.connections(), 0);
}

#[test]
fn shutdown_ends_many_calls_at_once() {
    let gateway = tls_response([Step::Stall]).start();
    let client = Client::new(&patient(gateway.config())).expect("a client");
    thread::scope(|scope| {
        let calls: Vec<_> = (0..16)
            .map(|n| {
                scope.spawn({
                    let client = &client;
                    move || client.call(&format!("49151123456{n:02}"))
                })
            })
            .collect();
        gateway.wait_for_requests(16);
        client.shutdown();
        for call in calls {
            let reply = call.join().expect("a call");
            reply.expect(CONNECTION_LOST);
            assert!(reply.elapsed < Duration::from_secs(15), "{reply:?}");
        }
    });
    drop(client);
    assert_eq!(gateway.finish_and_count(), 16);
}

#[test]
fn only_0_and_unknown_numbers_and_10_and_up_may_have_dialed() {
    for result in -1000..1000 {
        assert_eq!(
            may_have_dialed(result),
            !(1..=7).contains(&result),
            "{result}"
        );
    }
    for result in [i32::MIN, i32::MIN + 1, i32::MAX] {
        assert!(may_have_dialed(result), "{result}");
    }
}

#[test]
fn each_of_many_threads_gets_its_own_response() {
    let gateway = Gateway::tls().start();
    let client = Client::new(&gateway.config()).expect("a client");
    for (callee, reply) in
        client.call_from_threads(8, 25, |thread, call| format!("49{thread:03}{call:05}"))
    {
        assert_eq!(reply.accepted(), recording_id_for(&callee));
    }
    drop(client);
    let connections = gateway.connections();
    assert!(connections <= 8, "{connections} connections for 8 threads");
    assert_eq!(gateway.finish_and_count(), 200);
}
