//! At most once: a request that may have reached the API is never sent again, and an idle connection
//! that has ended is replaced only where that is proved to be safe.

mod support;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use rustls::ServerConnection;

use support::c::{self, Build};
use support::certs::{Authority, LOOPBACK, Validity};
use support::client::*;
use support::gateway::{Builder, Gateway, Opening, Step};
use support::response::{Response, recording_id_for, unique_id};
use support::sockets::Server;

fn accepted(callee: &str) -> Vec<u8> {
    Response::ok(&recording_id_for(callee)).bytes()
}

#[test]
fn a_request_is_not_repeated_when_its_reused_connection_ends_after_delivery() {
    // libcurl sends these again: a reused connection that ends without a byte of a response.
    for end in [Step::Reset, Step::Fin, Step::Close] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let last = end.clone();
            let gateway = builder
                .answer(move |request| match request.number {
                    1..=3 => vec![Step::Send(accepted(&request.callee()))],
                    _ => vec![last.clone()],
                })
                .start();
            let client = Client::new(&gateway.config()).expect("a client");
            for callee in ["7000001", "7000002", "7000003"] {
                client.call(callee).accepted();
            }
            let reply = client.call("7000004");
            reply.expect(CONNECTION_LOST);
            assert!(reply.may_have_dialed());
            // The client can still be used.
            client.call("7000005").accepted();
            drop(client);
            let deliveries = gateway.finish();
            let callees: Vec<_> = deliveries
                .iter()
                .map(|delivery| delivery.callee())
                .collect();
            assert_eq!(
                callees,
                ["7000001", "7000002", "7000003", "7000004", "7000005"],
                "{end:?}"
            );
            assert!(
                deliveries.iter().all(|delivery| delivery.complete),
                "{end:?}"
            );
            let connections: Vec<_> = deliveries
                .iter()
                .map(|delivery| delivery.connection)
                .collect();
            assert_eq!(connections, [1, 1, 1, 1, 2], "{end:?}");
        }
    }
}

#[test]
fn no_call_fails_where_the_server_closes_each_idle_connection() {
    for end in [Step::Close, Step::Fin, Step::Reset] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let last = end.clone();
            let gateway = builder
                .answer(move |request| {
                    let response = Step::Send(accepted(&request.callee()));
                    vec![
                        response,
                        Step::Pause(Duration::from_millis(5)),
                        last.clone(),
                    ]
                })
                .start();
            let client = Client::new(&gateway.config()).expect("a client");
            for number in 1..=15 {
                let callee = format!("70000{number:02}");
                let reply = client.call(&callee);
                assert_eq!(reply.accepted(), recording_id_for(&callee), "{end:?}");
                gateway.wait_for_ends(number);
                // The gateway has sent the end; over loopback it arrives almost at once.
                thread::sleep(Duration::from_millis(10));
            }
            drop(client);
            assert_eq!(gateway.finish_and_count(), 15, "{end:?}");
        }
    }
}

#[test]
fn a_dead_idle_connection_is_replaced_only_once() {
    // The first ends while idle; its replacement ends before it gets a request.
    for builder in [Gateway::plain(), Gateway::tls()] {
        let gateway = builder
            .opening(|connection| match connection {
                1 => Opening::Serve,
                _ => Opening::Raw(vec![Step::Reset]),
            })
            .answer(|request| vec![Step::Send(accepted(&request.callee())), Step::Reset])
            .start();
        let client = Client::new(&gateway.config()).expect("a client");
        client.call("7000001").accepted();
        gateway.wait_for_ends(1);
        thread::sleep(Duration::from_millis(10));
        let reply = client.call("7000002");
        drop(client);
        let connections = gateway.connections();
        let delivered = gateway.finish_and_count();
        assert_eq!(delivered, 1, "the second request never arrived: {reply:?}");
        assert_eq!(connections, 2, "one replacement: {reply:?}");
        // Without TLS the request may have been sent before the reset came.
        assert!(
            [CONNECT_FAILED, CONNECTION_LOST].contains(&reply.result),
            "{reply:?}"
        );
    }
}

#[test]
fn fifty_calls_on_one_client_use_one_connection() {
    for builder in [Gateway::plain(), Gateway::tls()] {
        let gateway = builder.start();
        let client = Client::new(&gateway.config()).expect("a client");
        for number in 1..=50 {
            let callee = format!("70000{number:02}");
            assert_eq!(client.call(&callee).accepted(), recording_id_for(&callee));
        }
        drop(client);
        assert_eq!(gateway.connections(), 1);
        assert_eq!(gateway.finish_and_count(), 50);
    }
}

#[test]
fn only_an_accepted_call_leaves_its_connection_for_reuse() {
    // A refusal or an error page that comes twice looks like the response to another call.
    let gateway = Gateway::tls()
        .answer(|request| match request.order {
            1 => Response::refused(-10, "no money"),
            2 => Response::new(502, "<html>"),
            3 => Response::json("not JSON"),
            4 => Response::new(302, "").header("Location", "/"),
            5 => Response::refused(-22, "no").chunked(),
            _ => Response::ok(&unique_id()),
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    let results = [
        REJECTED,
        HTTP_ERROR,
        BAD_RESPONSE,
        HTTP_ERROR,
        REJECTED,
        OK,
        OK,
    ];
    for expected in results {
        client.call("7000001").expect(expected);
    }
    drop(client);
    let connections: Vec<_> = gateway.finish().iter().map(|d| d.connection).collect();
    assert_eq!(connections, [1, 2, 3, 4, 5, 6, 6]);
}

#[test]
fn a_connection_that_the_server_said_it_would_close_is_not_used_again() {
    for head in [
        "HTTP/1.1 200 OK\r\nConnection: close",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive",
        "HTTP/1.1 200 OK\r\nConnection: x,CLOSE ,y",
        // In a second at most, and a request takes time.
        "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0",
        "HTTP/1.1 200 OK\r\nKeep-Alive: max=100, timeout=1",
        "HTTP/1.0 200 OK",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive",
    ] {
        // The server announces it and does not do it: a second request would be ignored.
        let gateway = Gateway::plain()
            .answer(move |_| {
                let body = format!(r#"{{"status":"0","data":"{}"}}"#, unique_id());
                let response = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                vec![Step::Send(response.into()), Step::Stall]
            })
            .start();
        let client = Client::new(&gateway.config().timeout_ms(5_000)).expect("a client");
        for callee in ["7000001", "7000002", "7000003"] {
            let reply = client.call(callee);
            assert_eq!(reply.result, OK, "{head:?}: {reply:?}");
        }
        drop(client);
        assert_eq!(gateway.connections(), 3, "{head:?}");
        assert_eq!(gateway.finish_and_count(), 3, "{head:?}");
    }
}

#[test]
fn a_connection_is_idle_for_no_longer_than_the_server_allows() {
    let gateway = Gateway::plain()
        .answer(|_| Response::ok(&unique_id()).header("Keep-Alive", "timeout=3"))
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call("7000001").accepted();
    client.call("7000002").accepted();
    assert_eq!(gateway.connections(), 1);
    thread::sleep(Duration::from_millis(2200));
    client.call("7000003").accepted();
    assert_eq!(gateway.connections(), 2);
}

#[test]
fn an_unsolicited_response_is_given_to_no_call() {
    // A second response right after the first, or while the connection is idle: the next call must
    // not take its recording ID.
    for pause in [0, 30] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let gateway = builder
                .answer(move |request| {
                    let own = accepted(&request.callee());
                    let unsolicited = Response::ok("6666666666666666666").bytes();
                    if pause == 0 {
                        vec![Step::Send([own, unsolicited].concat())]
                    } else {
                        let pause = Step::Pause(Duration::from_millis(pause));
                        vec![Step::Send(own), pause, Step::Send(unsolicited)]
                    }
                })
                .start();
            let client = Client::new(&gateway.config()).expect("a client");
            for callee in ["7000001", "7000002", "7000003"] {
                let reply = client.call(callee);
                assert_eq!(
                    reply.accepted(),
                    recording_id_for(callee),
                    "after {pause} ms"
                );
                // Until the gateway has surely sent it, also on a busy machine.
                thread::sleep(Duration::from_millis(15 * pause));
            }
            drop(client);
            assert_eq!(gateway.finish_and_count(), 3);
        }
    }
}

#[test]
fn a_response_before_the_first_request_is_given_to_no_call() {
    let page = Response::new(408, "<html>Request Timeout</html>");
    let expired = Response::refused(-16, "timestamp expires")
        .date(SystemTime::now() + Duration::from_secs(3600));
    for unsolicited in [
        Response::ok("6666666666666666666"),
        Response::refused(-10, "no money"),
        expired,
        page,
    ] {
        let greet = |builder: Builder| {
            let unsolicited = unsolicited.bytes();
            builder.opening(move |connection| match connection {
                1 => Opening::Greeting(unsolicited.clone()),
                _ => Opening::Serve,
            })
        };
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let certificate =
                Authority::common().server_with_versions(LOOPBACK, Validity::Now, &[version]);
            let gateway = greet(Gateway::plain().certificate(certificate)).start();
            let client = Client::new(&gateway.config()).expect("a client");
            let reply = client.call("7000001");
            reply.expect(CONNECT_FAILED);
            reply.expect_reason("before the request");
            assert_eq!(
                client.call("7000002").accepted(),
                recording_id_for("7000002")
            );
            drop(client);
            assert_eq!(gateway.finish_and_count(), 1);
        }
        // Without a handshake the request would be sent before the server has sent anything.
        let gateway = greet(Gateway::plain()).start();
        let mut command = c::command(&Build::c().compile("call.c"));
        command
            .env("LD_PRELOAD", Build::preload().compile("preload_slow.c"))
            .env("SLOW_CONNECT_MS", "500")
            .args(["--url", &gateway.url(), "7000001", "7000002"]);
        let output = c::run(command, c::LIMIT);
        let lines: Vec<_> = output.success().lines().collect();
        assert!(
            lines[0].starts_with(&format!("result={CONNECT_FAILED} "))
                && lines[0].contains("before the request"),
            "{lines:?}"
        );
        let own = format!("id={} ", recording_id_for("7000002"));
        assert!(lines[1].contains(&own), "{lines:?}");
        assert_eq!(gateway.finish_and_count(), 1);
    }
}

#[test]
fn where_a_server_answers_twice_no_call_gets_the_response_of_another() {
    // By the callee's last digit.
    fn response_to(callee: &str) -> Response {
        match callee.as_bytes().last() {
            Some(b'7') => Response::refused(-10, "no money"),
            Some(b'8') => Response::new(502, "<html>"),
            Some(b'9') => Response::refused(-16, "timestamp expires"),
            _ => Response::ok(&recording_id_for(callee)),
        }
    }
    let mut anothers = 0;
    for pause in [None, Some(0), Some(200), Some(1000), Some(3000)] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let gateway = builder
                .answer(move |request| {
                    let response = response_to(&request.callee()).bytes();
                    match pause {
                        None => vec![Step::Send([response.clone(), response].concat())],
                        Some(micros) => vec![
                            Step::Send(response.clone()),
                            Step::Pause(Duration::from_micros(micros)),
                            Step::Send(response),
                        ],
                    }
                })
                .start();
            let client = Client::new(&gateway.config()).expect("a client");
            for number in 0..100 {
                let callee = format!("70000{number:02}");
                let reply = client.call(&callee);
                let is_refused = matches!(number % 10, 7 | 9);
                match reply.result {
                    OK => assert_eq!(reply.accepted(), recording_id_for(&callee), "{pause:?}"),
                    REJECTED => assert!(is_refused, "{pause:?}: {callee} was placed: {reply:?}"),
                    HTTP_ERROR => {}
                    _ => {
                        reply.expect(BAD_RESPONSE);
                        let is_anothers = reply.reason().contains("another call");
                        anothers += usize::from(is_anothers);
                        assert!(
                            is_anothers || is_refused && reply.reason().contains("more than one"),
                            "{reply:?}"
                        );
                    }
                }
            }
            drop(client);
            assert_eq!(gateway.finish_and_count(), 100, "{pause:?}");
        }
    }
    assert!(anothers > 0, "no response to another call was ever noticed");
}

#[test]
fn a_recording_id_is_accepted_for_one_call_only_over_any_connection() {
    let gateway = Gateway::plain()
        .answer(|request| {
            let id = match request.callee().as_str() {
                "7000003" => recording_id_for("7000001"),
                callee => recording_id_for(callee),
            };
            Response::ok(&id).header("Connection", "close")
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call("7000001").accepted();
    client.call("7000002").accepted();
    let reply = client.call("7000003");
    reply.expect(BAD_RESPONSE);
    assert_eq!(reply.status, 0);
    assert!(
        reply.reason().contains(&recording_id_for("7000001")),
        "{reply:?}"
    );
    // Each client remembers its own IDs: another client accepts this one.
    let other = Client::new(&gateway.config()).expect("a client");
    other.call("7000001").accepted();
}

#[test]
fn a_refusal_that_comes_before_the_request_has_arrived_is_a_bad_response() {
    // A part of the request is not delivered yet: the server's kernel has no room for it.
    for refusal in [
        Response::refused(-10, "no money"),
        Response::refused(-16, "timestamp expires")
            .date(SystemTime::now() + Duration::from_secs(3600)),
    ] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let early = Opening::AfterHandshake(vec![
                Step::Pause(Duration::from_millis(300)),
                Step::Send(refusal.bytes()),
                Step::Pause(Duration::from_millis(300)),
                Step::Read(20_000),
            ]);
            let gateway = builder
                .receive_buffer(4096)
                .opening(move |_| early.clone())
                .start();
            let client = Client::new(&gateway.config()).expect("a client");
            let reply = client.send(&Request {
                called_info: text("x".repeat(20_000)),
                ..Request::to("7000001")
            });
            reply.expect(BAD_RESPONSE);
            reply.expect_reason("before the request");
            assert!(reply.may_have_dialed());
            assert_eq!(gateway.connections(), 1);
        }
    }
}

#[test]
fn a_refusal_followed_by_another_response_is_a_bad_response() {
    let expired = Response::refused(-16, "timestamp expires")
        .date(SystemTime::now() + Duration::from_secs(3600));
    for refusal in [Response::refused(-10, "no money"), expired] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let refusal = refusal.bytes();
            let gateway = builder
                .answer(move |request| {
                    let acceptance = accepted(&request.callee());
                    vec![Step::Send([refusal.clone(), acceptance].concat())]
                })
                .start();
            let client = Client::new(&gateway.config()).expect("a client");
            let reply = client.call("7000001");
            reply.expect(BAD_RESPONSE);
            reply.expect_reason("more than one");
            assert!(reply.may_have_dialed());
            drop(client);
            assert_eq!(gateway.finish_and_count(), 1);
        }
    }
}

#[test]
fn line_ends_after_a_response_change_nothing() {
    // As old servers add them.
    for ends in ["\r\n", "\n", "\r\n\r\n"] {
        for builder in [Gateway::plain(), Gateway::tls()] {
            let gateway = builder
                .answer(move |request| {
                    let response = match request.callee().as_str() {
                        "7000001" => Response::refused(-10, "no money").bytes(),
                        callee => accepted(callee),
                    };
                    vec![Step::Send([&response, ends.as_bytes()].concat())]
                })
                .start();
            let client = Client::new(&gateway.config()).expect("a client");
            client.call("7000001").expect(REJECTED);
            client.call("7000002").accepted();
            client.call("7000003").accepted();
        }
    }
}

#[test]
fn a_call_with_a_refused_timestamp_is_not_repeated_after_another_response() {
    // The repeat's connection takes a while, and the second response comes before it is open.
    let gateway = Gateway::tls()
        .opening(|connection| match connection {
            1 => Opening::Serve,
            _ => Opening::Delayed(Duration::from_millis(800)),
        })
        .answer(|request| {
            let expired = Response::refused(-16, "timestamp expires")
                .date(SystemTime::now() + Duration::from_secs(3600));
            vec![
                Step::Send(expired.bytes()),
                Step::Pause(Duration::from_millis(200)),
                Step::Send(accepted(&request.callee())),
            ]
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    let reply = client.call("7000001");
    reply.expect(BAD_RESPONSE);
    assert_eq!(reply.status, -16);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn a_success_that_comes_before_the_request_has_arrived_is_a_bad_response() {
    // On a reused connection; the gateway reads on only after it has sent this.
    for builder in [Gateway::plain(), Gateway::tls()] {
        let gateway = builder
            .receive_buffer(4096)
            .answer(|request| {
                vec![
                    Step::Send(accepted(&request.callee())),
                    Step::Pause(Duration::from_millis(600)),
                    Step::Send(Response::ok("6666666666666666666").bytes()),
                    Step::Pause(Duration::from_millis(300)),
                ]
            })
            .start();
        let client = Client::new(&gateway.config()).expect("a client");
        client.call("7000001").accepted();
        thread::sleep(Duration::from_millis(100));
        let reply = client.send(&Request {
            called_info: text("x".repeat(20_000)),
            ..Request::to("7000002")
        });
        reply.expect(BAD_RESPONSE);
        reply.expect_reason("before the request");
        assert_eq!(gateway.connections(), 1);
    }
}

#[test]
fn a_response_faster_than_a_round_trip_is_checked_against_the_acknowledged_bytes() {
    // The preloaded library sets how long a round trip takes, and counts how often the kernel was asked what has
    // been acknowledged.
    for (round_trip_us, asked) in [("0", 1), ("10000000", 5)] {
        let gateway = Gateway::plain().start();
        let log = support::scratch().join(format!("asked-{round_trip_us}"));
        let mut command = c::command(&Build::c().compile("call.c"));
        command
            .env("LD_PRELOAD", Build::preload().compile("preload_slow.c"))
            .env("SLOW_ROUND_TRIP_US", round_trip_us)
            .env("SLOW_ASKED", &log)
            .args(["--url", &gateway.url(), "--times", "5", "7000001"]);
        let output = c::run(command, c::LIMIT);
        assert_eq!(
            output.success().matches("result=0 ").count(),
            5,
            "{output:?}"
        );
        let log = std::fs::read_to_string(log).expect("a log");
        // And once more as the connection is closed.
        assert_eq!(log.trim(), (asked + 1).to_string());
    }
}

#[test]
fn half_of_an_unsolicited_tls_record_is_given_to_no_call() {
    // The other half comes after the next request, and completes a response that belongs to no request.
    for apart in [false, true] {
        let config = Authority::common().server(LOOPBACK, Validity::Now);
        let server = Server::start(move |number, peer| {
            let mut tls = ServerConnection::new(Arc::clone(&config)).expect("a server connection");
            let mut socket = peer.stream();
            let mut request = [0; 4096];
            let mut received = |tls: &mut ServerConnection| {
                let mut stream = rustls::Stream::new(tls, &mut socket);
                stream.read(&mut request).is_ok_and(|read| read > 0)
            };
            let encrypt = |tls: &mut ServerConnection, response: Response| {
                let mut records = Vec::new();
                tls.writer().write_all(&response.bytes()).expect("room");
                while tls.wants_write() {
                    tls.write_tls(&mut records).expect("room");
                }
                records
            };
            if !received(&mut tls) {
                return;
            }
            let mut own = encrypt(&mut tls, Response::ok(&number.to_string()));
            let mut unsolicited = encrypt(&mut tls, Response::ok("6666666666666666666"));
            let rest = unsolicited.split_off(20);
            let mut sent = Ok(());
            if apart {
                sent = peer.stream().write_all(&own);
                peer.pause(Duration::from_millis(50));
                own.clear();
            }
            own.extend(unsolicited);
            sent = sent.and_then(|()| peer.stream().write_all(&own));
            if sent.is_ok() && received(&mut tls) {
                let _ = peer.stream().write_all(&rest);
                peer.stall();
            }
        });
        let config = Config::new(&format!("https://{}/voice", server.address()))
            .ca_file(Authority::common().file());
        let client = Client::new(&config).expect("a client");
        for number in ["1", "2", "3"] {
            assert_eq!(client.call("7000001").accepted(), number);
            thread::sleep(Duration::from_millis(150));
        }
    }
}

#[test]
fn a_call_that_timed_out_leaves_no_response_to_the_next() {
    // The first response comes late. It must not become the second call's.
    let gateway = Gateway::plain()
        .answer(|request| {
            let late = if request.callee() == "7000001" {
                900
            } else {
                0
            };
            vec![
                Step::Pause(Duration::from_millis(late)),
                Step::Send(accepted(&request.callee())),
            ]
        })
        .start();
    let client = Client::new(&gateway.config().timeout_ms(600)).expect("a client");
    client.call("7000001").expect(TIMED_OUT);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(
        client.call("7000002").accepted(),
        recording_id_for("7000002")
    );
    drop(client);
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn a_request_cut_in_the_middle_is_never_completed() {
    // The server reads a part, lets the deadline pass, and reads on: only what the kernel held may
    // come, and never the whole request.
    for builder in [Gateway::plain(), Gateway::tls()] {
        let gateway = builder
            .receive_buffer(4096)
            .opening(|_| {
                Opening::AfterHandshake(vec![
                    Step::Read(1000),
                    Step::Pause(Duration::from_millis(1500)),
                    Step::Read(100_000_000),
                ])
            })
            .start();
        let client = Client::new(&gateway.config().timeout_ms(700)).expect("a client");
        let reply = client.send(&Request::large("7000001"));
        reply.expect(CONNECT_FAILED);
        assert!(reply.elapsed < Duration::from_secs(6), "{reply:?}");
        drop(client);
        let deliveries = gateway.finish();
        assert_eq!(deliveries.len(), 1);
        assert!(
            !deliveries[0].complete,
            "a request that was reported as not sent arrived whole"
        );
    }
}

/// Numbers that look random and are the same in every run.
fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 32;
    x = x.wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

#[test]
fn in_a_mix_of_faults_the_results_agree_with_the_gateways_diary() {
    for (tls, builder) in [(0_u64, Gateway::plain()), (1, Gateway::tls())] {
        let gateway = builder
            .opening(
                move |connection| match mixed(connection as u64 * 2 + tls) % 12 {
                    0 => Opening::Raw(vec![Step::Reset]),
                    1 => Opening::Raw(vec![Step::Fin]),
                    2 if tls == 1 => Opening::MidHandshake(vec![Step::Reset]),
                    3 => Opening::AfterHandshake(vec![Step::Read(40), Step::Reset]),
                    _ => Opening::Serve,
                },
            )
            .answer(move |request| {
                let callee = request.callee();
                let whole = accepted(&callee);
                let chance = mixed(callee.parse::<u64>().expect("digits") * 2 + tls);
                let part = whole[..(chance / 100) as usize % whole.len()].to_vec();
                match chance % 12 {
                    0 => vec![Step::Reset],
                    1 => vec![Step::Fin],
                    2 => vec![Step::Send(part), Step::Reset],
                    3 => vec![Step::Send(part), Step::Close],
                    4 => vec![Step::Send(whole), Step::Reset],
                    5 => vec![Step::Send(whole), Step::Close],
                    _ => vec![Step::Send(whole)],
                }
            })
            .start();
        let client = Client::new(&gateway.config()).expect("a client");
        let replies =
            client.call_from_threads(4, 75, |thread, call| format!("7{thread:02}{call:04}"));
        drop(client);
        let mut delivered: HashMap<String, usize> = HashMap::new();
        for delivery in gateway.finish().iter().filter(|delivery| delivery.complete) {
            *delivered.entry(delivery.callee()).or_default() += 1;
        }
        let mut kinds: HashMap<i32, usize> = HashMap::new();
        for (callee, reply) in &replies {
            let times = delivered.get(callee).copied().unwrap_or(0);
            assert!(times <= 1, "{callee} delivered {times} times: {reply:?}");
            assert!(
                times == 0 || reply.may_have_dialed(),
                "{callee} reported as not sent: {reply:?}"
            );
            if reply.result == OK {
                assert_eq!(times, 1, "{callee} accepted and never delivered");
                assert_eq!(reply.accepted(), recording_id_for(callee));
            }
            *kinds.entry(reply.result).or_default() += 1;
        }
        // Each kind of result came up. (Without TLS, a request may be sent before a reset comes.)
        let expected = [OK, CONNECTION_LOST, CONNECT_FAILED];
        for kind in &expected[..2 + usize::from(tls == 1)] {
            assert!(
                kinds.get(kind).is_some_and(|count| *count >= 5),
                "{kinds:?}"
            );
        }
    }
}
