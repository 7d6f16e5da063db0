//! `timeout_ms` and `connect_timeout_ms` hold whatever the server does, in each phase of a call,
//! and the result is the phase's.

mod support;

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::cipher::OutboundPlainMessage;
use rustls::crypto::ring::cipher_suite;
use rustls::{ConnectionTrafficSecrets, ContentType, ProtocolVersion, ServerConnection};

use support::c::{self, Build};
use support::certs::{Authority, LOOPBACK, Validity};
use support::client::*;
use support::diary::whole_request;
use support::gateway::{Builder, Gateway, Opening, Step};
use support::proxy::Proxy;
use support::response::{Response, unique_id};
use support::sockets::{Ignoring, Server};

/// Long enough for a loaded machine to get to the phase, short enough to wait for.
const TIMEOUT_MS: u32 = 700;
/// What a loaded machine may add. Far less than what any peer here would take.
const SLACK: Duration = Duration::from_secs(5);

/// Fails the test unless the call took its time, and not much more.
#[track_caller]
fn on_time(reply: &Reply, milliseconds: u32) {
    let time = Duration::from_millis(milliseconds.into());
    // poll(2) counts in milliseconds.
    assert!(
        reply.elapsed + Duration::from_millis(5) >= time,
        "given up early: {reply:?}"
    );
    assert!(
        reply.elapsed < time + SLACK,
        "the deadline did not hold: {reply:?}"
    );
}

#[track_caller]
fn check(builder: Builder, request: &Request, expected: i32, delivered: usize) {
    let gateway = builder.start();
    let client = Client::new(&gateway.config().timeout_ms(TIMEOUT_MS)).expect("a client");
    let reply = client.send(request);
    on_time(&reply, TIMEOUT_MS);
    drop(client);
    let count = gateway.finish_and_count();
    reply.expect(expected);
    assert_eq!(count, delivered, "whole requests delivered; {reply:?}");
}

/// Each row a test: what the server does, the phase's result, how often the request was delivered.
macro_rules! rows {
    ($($name:ident: $gateway:expr => $result:expr, $delivered:expr;)*) => {$(
        #[test]
        fn $name() {
            check($gateway, &Request::to("7000001"), $result, $delivered);
        }
    )*};
}

fn opening(builder: Builder, opening: Opening) -> Builder {
    builder.opening(move |_| opening.clone())
}

fn response(builder: Builder, steps: impl Into<Vec<Step>>) -> Builder {
    let steps = steps.into();
    builder.answer(move |_| steps.clone())
}

fn send(bytes: &str) -> Step {
    Step::Send(bytes.into())
}

/// A byte now and then: a limit on the wait for the next byte alone never ends the call.
fn drip(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Drip(bytes.into(), Duration::from_millis(60))
}

rows! {
    a_server_that_accepts_and_says_nothing:
        opening(Gateway::tls(), Opening::Raw(vec![Step::Stall])) => CONNECT_FAILED, 0;
    a_server_that_stalls_in_the_handshake:
        opening(Gateway::tls(), Opening::MidHandshake(vec![Step::Stall])) => CONNECT_FAILED, 0;
    a_server_that_drips_its_handshake:
        // The head of a record of 16,000 bytes, which it then takes its time with.
        opening(Gateway::tls(), Opening::Raw(vec![send("\u{16}\u{3}\u{3}\u{3e}\u{0}\u{2}"), drip(vec![0; 400])]))
            => CONNECT_FAILED, 0;

    a_server_that_never_answers: response(Gateway::tls(), [Step::Stall]) => TIMED_OUT, 1;
    a_server_that_never_answers_plain: response(Gateway::plain(), [Step::Stall]) => TIMED_OUT, 1;
    a_server_that_says_continue_and_no_more:
        response(Gateway::tls(), [send("HTTP/1.1 100 Continue\r\n\r\n"), Step::Stall]) => TIMED_OUT, 1;
    a_server_that_stalls_in_the_head:
        response(Gateway::tls(), [send("HTTP/1.1 200 OK\r\nContent-"), Step::Stall]) => TIMED_OUT, 1;
    a_server_that_stalls_before_the_body:
        response(Gateway::tls(), [send("HTTP/1.1 200 OK\r\nContent-Length: 62\r\n\r\n"), Step::Stall]) => TIMED_OUT, 1;
    a_server_that_stalls_in_the_body:
        response(Gateway::tls(), [send("HTTP/1.1 200 OK\r\nContent-Length: 62\r\n\r\n{\"st"), Step::Stall]) => TIMED_OUT, 1;
    a_server_that_stalls_between_chunks:
        response(Gateway::plain(), [send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"st\r\n"), Step::Stall])
            => TIMED_OUT, 1;
    a_server_that_ends_neither_the_body_nor_the_connection:
        response(Gateway::plain(), [send("HTTP/1.1 200 OK\r\n\r\n{\"status\":\"0\",\"data\":\"1\"}"), Step::Stall])
            => TIMED_OUT, 1;

    a_server_that_drips_continues:
        response(Gateway::plain(), [drip("HTTP/1.1 100 Continue\r\n\r\n".repeat(10))]) => TIMED_OUT, 1;
    a_server_that_drips_its_head:
        response(Gateway::tls(), [drip(Response::ok(&unique_id()).bytes())]) => TIMED_OUT, 1;
    a_server_that_drips_its_body:
        response(Gateway::tls(), [
            send("HTTP/1.1 200 OK\r\nContent-Length: 62\r\n\r\n"),
            drip(r#"{"status":"0","reason":"success","data":"2203031113381000002"}"#),
        ]) => TIMED_OUT, 1;
    a_server_that_drips_chunks:
        response(Gateway::plain(), [
            send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            drip("1\r\n \r\n".repeat(60)),
        ]) => TIMED_OUT, 1;
    a_server_that_stalls_in_a_record:
        // The head of a record, and not all of that.
        response(Gateway::tls(), [Step::SendRaw(vec![23, 3, 3]), Step::Stall]) => TIMED_OUT, 1;
}

#[test]
fn a_server_that_takes_no_bytes() {
    for builder in [Gateway::plain(), Gateway::tls()] {
        let builder = builder
            .receive_buffer(4096)
            .opening(|_| Opening::AfterHandshake(vec![Step::Stall]));
        check(builder, &Request::large("7000001"), CONNECT_FAILED, 0);
    }
}

#[test]
fn a_server_that_takes_a_few_bytes_now_and_then() {
    let sips: Vec<Step> = (1..60)
        .flat_map(|n| [Step::Read(n * 10), Step::Pause(Duration::from_millis(60))])
        .collect();
    let builder = Gateway::plain()
        .receive_buffer(4096)
        .opening(move |_| Opening::AfterHandshake(sips.clone()));
    check(builder, &Request::large("7000001"), CONNECT_FAILED, 0);
}

#[test]
fn a_host_that_does_not_answer_connects() {
    let ignoring = Ignoring::new();
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}/voice", ignoring.address());
        let config = Config::new(&url).timeout_ms(TIMEOUT_MS);
        let reply = Client::new(&config).expect("a client").call("7000001");
        reply.expect(CONNECT_FAILED);
        on_time(&reply, TIMEOUT_MS);
    }
}

#[test]
fn connect_timeout_bounds_connecting_within_a_longer_timeout() {
    let stalling = [
        opening(Gateway::tls(), Opening::Raw(vec![Step::Stall])),
        opening(Gateway::tls(), Opening::MidHandshake(vec![Step::Stall])),
    ];
    for builder in stalling {
        let gateway = builder.start();
        let config = gateway.config().connect_timeout_ms(400).timeout_ms(60_000);
        let client = Client::new(&config).expect("a client");
        let reply = client.call("7000001");
        reply.expect(CONNECT_FAILED);
        on_time(&reply, 400);
    }
    let ignoring = Ignoring::new();
    let config = Config::new(&format!("https://{}/voice", ignoring.address()))
        .connect_timeout_ms(400)
        .timeout_ms(60_000);
    let reply = Client::new(&config).expect("a client").call("7000001");
    reply.expect(CONNECT_FAILED);
    on_time(&reply, 400);
}

#[test]
fn connect_timeout_bounds_the_proxy_too() {
    let gateway = Gateway::tls().start();
    for proxy in [
        Proxy::opening(Opening::Raw(vec![Step::Stall])),
        Proxy::answering(|_| vec![Step::Stall]),
        Proxy::answering(|_| vec![Step::Send(b"HTTP/1.1 200 ".to_vec()), Step::Stall]),
        Proxy::answering(|_| {
            vec![drip(
                "HTTP/1.1 200 Connection established\r\nX: y\r\n".repeat(10),
            )]
        }),
    ] {
        let config = gateway
            .config()
            .proxy(&proxy.url())
            .connect_timeout_ms(400)
            .timeout_ms(60_000);
        let client = Client::new(&config).expect("a client");
        let reply = client.call("7000001");
        reply.expect(PROXY_FAILED);
        on_time(&reply, 400);
    }
    assert_eq!(gateway.connections(), 0);
}

#[test]
fn connect_timeout_does_not_bound_the_response() {
    let gateway = response(
        Gateway::tls(),
        [
            Step::Pause(Duration::from_millis(1200)),
            Step::Send(Response::ok(&unique_id()).bytes()),
        ],
    )
    .start();
    let config = gateway.config().connect_timeout_ms(800).timeout_ms(60_000);
    Client::new(&config)
        .expect("a client")
        .call("7000001")
        .accepted();
}

#[test]
fn a_slow_response_within_the_time_is_accepted() {
    let bytes = Response::ok("2203031113381000002").bytes();
    let gateway = response(
        Gateway::tls(),
        [Step::Drip(bytes, Duration::from_millis(5))],
    )
    .start();
    let client = Client::new(&gateway.config().timeout_ms(30_000)).expect("a client");
    assert_eq!(client.call("7000001").accepted(), "2203031113381000002");
}

#[test]
fn a_deadline_holds_on_a_reused_connection() {
    let gateway = Gateway::tls()
        .answer(|request| match request.number {
            1 => Response::ok(&unique_id()).into(),
            _ => vec![Step::Stall],
        })
        .start();
    let client = Client::new(&gateway.config().timeout_ms(TIMEOUT_MS)).expect("a client");
    client.call("7000001").accepted();
    let reply = client.call("7000002");
    reply.expect(TIMED_OUT);
    on_time(&reply, TIMEOUT_MS);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn a_default_of_5_seconds_to_connect_and_30_for_all_holds() {
    let stalling = opening(Gateway::tls(), Opening::Raw(vec![Step::Stall])).start();
    let silent = response(Gateway::tls(), [Step::Stall]).start();
    thread::scope(|scope| {
        for (gateway, result, milliseconds) in [
            (&stalling, CONNECT_FAILED, 5_000),
            (&silent, TIMED_OUT, 30_000),
        ] {
            scope.spawn(move || {
                let reply = Client::new(&gateway.config())
                    .expect("a client")
                    .call("7000001");
                reply.expect(result);
                on_time(&reply, milliseconds);
            });
        }
    });
}

#[test]
fn the_shortest_and_the_longest_timeout_hold() {
    let gateway = Gateway::tls().start();
    let config = gateway.config().timeout_ms(1);
    let reply = Client::new(&config).expect("a client").call("7000001");
    // A millisecond is not enough for a handshake, or just so.
    assert!(
        [OK, CONNECT_FAILED, TIMED_OUT].contains(&reply.result),
        "{reply:?}"
    );
    assert!(reply.elapsed < SLACK, "{reply:?}");
    let config = gateway
        .config()
        .timeout_ms(u32::MAX)
        .connect_timeout_ms(u32::MAX);
    Client::new(&config)
        .expect("a client")
        .call("7000002")
        .accepted();
}

#[test]
fn a_reused_connection_that_takes_no_more_bytes_is_what_the_reason_names() {
    // With no time left, a new connection would fail too, and the reason would name that one.
    let gateway = Gateway::tls()
        .receive_buffer(4096)
        .answer(|_| vec![Step::Send(Response::ok(&unique_id()).bytes()), Step::Stall])
        .start();
    let proxy = Proxy::narrow(gateway.address(), 4096);
    for by_proxy in [false, true] {
        let config = gateway.config().timeout_ms(TIMEOUT_MS);
        let config = if by_proxy {
            config.proxy(&proxy.url())
        } else {
            config
        };
        let client = Client::new(&config).expect("a client");
        client.call("7000001").accepted();
        let reply = client.send(&Request::large("7000001"));
        reply.expect(CONNECT_FAILED);
        on_time(&reply, TIMEOUT_MS);
        assert!(reply.reason().contains("send the request"), "{reply:?}");
    }
}

/// TLS records full of session tickets without an end, as they follow what this server has sent.
fn tickets(tls: ServerConnection) -> impl Iterator<Item = Vec<u8>> {
    let secrets = tls.dangerous_extract_secrets().expect("secrets");
    let (first, ConnectionTrafficSecrets::Aes256Gcm { key, iv }) = secrets.tx else {
        panic!("another cipher suite than that which rustls puts first");
    };
    let suite = cipher_suite::TLS13_AES_256_GCM_SHA384
        .tls13()
        .expect("TLS 1.3");
    let mut encrypter = suite.aead_alg.encrypter(key, iv);
    // For an hour, no age to add, no nonce, one byte of ticket, no extensions (RFC 8446, 4.6.1).
    let ticket = b"\x04\0\0\x0e\0\0\x0e\x10\0\0\0\0\0\0\x01t\0\0";
    let record = ticket.repeat(900);
    (first..).map(move |sequence| {
        let record = OutboundPlainMessage {
            typ: ContentType::Handshake,
            version: ProtocolVersion::TLSv1_2,
            payload: record.as_slice().into(),
        };
        let record = encrypter.encrypt(record, sequence);
        record.expect("a record").encode()
    })
}

/// A server that sends `response` to the first request of each connection, and then floods the client with tickets,
/// by the connection's number. `is_whole` says whether a request has arrived.
fn flooding(
    floods: fn(usize) -> bool,
    is_whole: fn(&mut Vec<u8>) -> bool,
    response: fn(usize) -> Vec<u8>,
) -> Server {
    let mut tls = (*Authority::common().server(LOOPBACK, Validity::Now)).clone();
    tls.enable_secret_extraction = true;
    let tls = Arc::new(tls);
    Server::start(move |number, peer| {
        let mut tls = ServerConnection::new(Arc::clone(&tls)).expect("a server connection");
        let mut socket = peer.stream();
        let mut stream = rustls::Stream::new(&mut tls, &mut socket);
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        while !is_whole(&mut request) {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => request.extend(&buffer[..read]),
                _ => return,
            }
        }
        let sent = stream.write_all(&response(number));
        if sent.and_then(|()| stream.flush()).is_ok() && floods(number) {
            let until = Instant::now() + Duration::from_secs(20);
            let _ = tickets(tls)
                .take_while(|_| Instant::now() < until)
                .try_for_each(|record| socket.write_all(&record));
        }
        peer.stall();
    })
}

/// A gateway that floods its first connection.
fn flooding_gateway() -> Server {
    flooding(
        |number| number == 1,
        |request| whole_request(request).is_some(),
        |number| Response::ok(&number.to_string()).bytes(),
    )
}

/// An `https://` proxy that grants each tunnel and floods it.
fn flooding_proxy() -> Server {
    flooding(
        |_| true,
        |request| request.ends_with(b"\r\n\r\n"),
        |_| b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
    )
}

#[test]
fn an_idle_connection_that_never_stops_sending_delays_no_call() {
    let server = flooding_gateway();
    let config = Config::new(&format!("https://{}/voice", server.address()))
        .ca_file(Authority::common().file())
        .timeout_ms(5_000);
    let client = Client::new(&config).expect("a client");
    assert_eq!(client.call("7000001").accepted(), "1");
    // Until the tickets have arrived.
    thread::sleep(Duration::from_millis(1500));
    let reply = client.call("7000002");
    assert!(reply.elapsed < SLACK, "{reply:?}");
    assert_eq!(reply.accepted(), "2");
}

#[test]
fn a_proxy_that_never_stops_sending_tickets_does_not_extend_the_wait() {
    let proxy = flooding_proxy();
    let config = Config::new("https://127.0.0.1:9/voice")
        .ca_file(Authority::common().file())
        .proxy(&format!("https://{}", proxy.address()));
    let client = Client::new(&config.clone().timeout_ms(TIMEOUT_MS)).expect("a client");
    let reply = client.call("7000001");
    reply.expect(CONNECT_FAILED);
    on_time(&reply, TIMEOUT_MS);
    // Nor does it keep a shutdown from ending it.
    let client = Client::new(&config).expect("a client");
    let (reply, ended) = thread::scope(|scope| {
        let call = scope.spawn(|| client.call("7000002"));
        thread::sleep(Duration::from_millis(500));
        client.shutdown();
        let shut_down = Instant::now();
        (call.join().expect("a call"), shut_down.elapsed())
    });
    reply.expect(SHUT_DOWN);
    assert!(ended < Duration::from_secs(3), "{reply:?}");
}

#[test]
fn the_check_of_idle_connections_keeps_the_deadline() {
    // Each of the reads that a check may need takes half a second.
    let server = flooding_gateway();
    let mut command = c::command(&Build::c().compile("call.c"));
    command
        .env("LD_PRELOAD", Build::preload().compile("preload_slow.c"))
        .env("SLOW_RECV_MS", "500")
        .arg("--ca")
        .arg(Authority::common().file())
        .args(["--url", &format!("https://{}/voice", server.address())])
        .args(["--timeout", "2500", "--pause", "1500", "7000001", "7000002"]);
    let output = c::run(command, c::LIMIT);
    let lines: Vec<_> = output.success().lines().collect();
    assert!(lines[0].starts_with("result=0 "), "{lines:?}");
    let expected = format!("result={CONNECT_FAILED} ");
    assert!(lines[1].starts_with(&expected), "{lines:?}");
    let took = lines[1].split_once("ms=").and_then(|(_, rest)| {
        let (ms, _) = rest.split_once(' ')?;
        ms.parse::<u64>().ok()
    });
    // Sixteen reads would take 8 s.
    assert!(took.is_some_and(|ms| ms < 5500), "{lines:?}");
}
