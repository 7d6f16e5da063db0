//! Proxies, and the variables that name them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::Duration;

use super::support::c::{self, Build};
use super::support::certs::{Authority, LOOPBACK, Validity};
use super::support::client::*;
use super::support::gateway::{Gateway, Opening, Step};
use super::support::proxy::{self, Proxy, refusal, tunnel};
use super::support::response::{Response, recording_id_for};
use super::support::sockets::{Ignoring, Refusing};
use super::support::socks::{Asked, Host, Manners, Reply as SocksReply, Socks};

/// A client of this gateway under a name that only a proxy knows.
#[track_caller]
fn client_through(gateway: &Gateway, proxy: &str) -> Client {
    let config = Config {
        base_url: text(gateway.url_for("gateway.test")),
        ..gateway.config()
    };
    Client::new(&config.proxy(proxy)).expect("a client")
}

/// Places a call in a process of its own, with these variables and a name service that knows *.test;
/// returns its line.
fn call_with_environment(variables: &[(&str, &str)], url: &str) -> String {
    let mut command = c::command(&Build::c().compile("call.c"));
    command
        .env("LD_PRELOAD", Build::preload().compile("preload_names.c"))
        .envs(variables.iter().copied())
        .arg("--ca")
        .arg(Authority::common().file())
        .args(["--timeout", "20000", "--url", url, "7000001"]);
    c::run(command, c::LIMIT).success().trim().to_owned()
}

/// The reason of [`proxy::check_failure`], which names the proxy.
#[track_caller]
fn check_failure(name: &str, proxy: &str) -> String {
    let reason = proxy::check_failure(name, proxy).reason().to_owned();
    assert!(reason.contains("proxy "), "{name}: {reason}");
    reason
}

fn name(host: &str) -> Host {
    Host::Name(host.to_owned())
}

// SOCKS5.

#[test]
fn a_socks_proxy_that_a_desktop_has_put_into_all_proxy_is_used() {
    let gateway = Gateway::tls().start();
    let port = gateway.address().port();
    let url = gateway.url_for("gateway.test");
    let here = Host::Address(Ipv4Addr::LOCALHOST.into());
    for (scheme, host) in [
        ("socks", name("gateway.test")),
        ("socks5", here),
        ("socks5h", name("gateway.test")),
        ("SOCKS5H", name("gateway.test")),
    ] {
        for variable in ["ALL_PROXY", "all_proxy", "https_proxy"] {
            let proxy = Socks::to(gateway.address());
            let line = call_with_environment(&[(variable, &(proxy.url(scheme) + "/"))], &url);
            assert!(line.starts_with("result=0 "), "{scheme} {variable}: {line}");
            let expected = Asked {
                methods: vec![0],
                login: None,
                host: host.clone(),
                port,
            };
            assert_eq!(proxy.asked(), [expected], "{scheme}");
        }
    }
}

#[test]
fn a_socks_tunnel_is_kept_for_the_next_calls() {
    let gateway = Gateway::tls().start();
    let proxy = Socks::to(gateway.address());
    let client = client_through(&gateway, &proxy.url("socks5h"));
    for number in 1..=10 {
        let callee = format!("70000{number:02}");
        assert_eq!(client.call(&callee).accepted(), recording_id_for(&callee));
    }
    assert_eq!(proxy.asked().len(), 1);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 10);
}

#[test]
fn a_socks_proxy_gets_the_login_of_its_url_and_no_other_is_tried() {
    let gateway = Gateway::tls().start();
    let target = gateway.address();
    let manners = Manners {
        login: Some(("us:er", "p@ss w%rd")),
        drip: None,
    };
    let proxy = Socks::start(manners, move |_| SocksReply::Tunnel(target));
    let right = proxy.url_as("socks5h", "us%3Aer:p%40ss%20w%25rd");
    client_through(&gateway, &right).call("7000001").accepted();
    let asked = proxy.asked();
    assert_eq!(asked[0].methods, [0, 2]);
    assert_eq!(
        asked[0].login,
        Some(("us:er".to_owned(), "p@ss w%rd".to_owned()))
    );
    for (url, part) in [
        (
            proxy.url_as("socks5h", "us%3Aer:hunter22"),
            "refused the user name or password",
        ),
        (proxy.url("socks5h"), "no user name and password"),
    ] {
        let reply = client_through(&gateway, &url).call("7000002");
        reply.expect(PROXY_FAILED);
        reply.expect_reason(part);
    }
    assert_eq!(gateway.deliveries().len(), 1);
}

#[test]
fn a_socks_login_may_have_no_password_and_the_proxy_may_not_want_it() {
    let gateway = Gateway::tls().start();
    let target = gateway.address();
    let manners = Manners {
        login: Some(("user", "")),
        drip: None,
    };
    let with_login = Socks::start(manners, move |_| SocksReply::Tunnel(target));
    let without = Socks::to(target);
    for url in [
        with_login.url_as("socks5h", "user"),
        with_login.url_as("socks5h", "user:"),
        without.url_as("socks5h", "user:password"),
    ] {
        client_through(&gateway, &url).call("7000001").accepted();
    }
    assert_eq!(without.asked()[0].login, None);
}

#[test]
fn each_reply_of_a_socks_proxy_has_a_sentence() {
    for (code, sentence) in [
        (1, "it failed, and does not say why"),
        (2, "its rules forbid this host"),
        (3, "it cannot reach the host's network"),
        (4, "it cannot reach the host, or does not know its name"),
        (5, "the host refused its connection"),
        (6, "its connection to the host timed out"),
        (7, "it does not make connections"),
        (8, "it does not support this kind of address"),
        (9, "RFC 1928 does not know"),
        (255, "RFC 1928 does not know"),
    ] {
        let proxy = Socks::replying(move |_| SocksReply::Refuse(code));
        for scheme in ["socks5h", "socks5"] {
            let reason = check_failure(sentence, &proxy.url(scheme));
            let number = format!("(SOCKS reply {code})");
            assert!(reason.contains(sentence), "{code}: {reason}");
            assert!(reason.contains(&number), "{code}: {reason}");
        }
        assert_eq!(proxy.asked().len(), 2, "asked once each: {code}");
    }
}

#[test]
fn a_socks_proxy_that_fails_at_any_point_is_a_proxy_failure() {
    const HELLO: usize = 3;
    const REQUEST: usize = HELLO + 10;
    let read = Step::Read;
    let send = |bytes: &[u8]| Step::Send(bytes.to_vec());
    let chosen = || vec![read(HELLO), send(&[5, 0]), read(REQUEST)];
    let cut: Vec<u8> = [&[5, 0, 0, 1][..], &[127, 0, 0, 1, 1]].concat();
    let mut cases = vec![
        ("sends garbage", vec![send(b"\0\xff garbage")], "SOCKS4"),
        (
            "speaks HTTP",
            vec![send(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
            "http://",
        ),
        ("speaks SOCKS4", vec![send(&[0, 91])], "SOCKS4"),
        (
            "speaks something else",
            vec![send(b"220 smtp\r\n")],
            "does not speak SOCKS5",
        ),
        ("wants another login", vec![send(&[5, 1])], "not supported"),
        (
            "chooses what was not offered",
            vec![send(&[5, 2])],
            "no user name and password",
        ),
        (
            "accepts none",
            vec![send(&[5, 0xff])],
            "no user name and password",
        ),
        (
            "replies with another version",
            [chosen(), vec![send(&[4, 0, 0, 1, 127, 0, 0, 1, 0, 80])]].concat(),
            "SOCKS4",
        ),
        (
            "replies with an unknown kind of address",
            [chosen(), vec![send(&[5, 0, 0, 9, 127, 0, 0, 1, 0, 80])]].concat(),
            "cannot be read",
        ),
    ];
    for (end, steps) in [
        ("closes", vec![Step::Fin]),
        ("resets", vec![Step::Reset]),
        ("stalls", vec![Step::Stall]),
    ] {
        let part = if end == "closes" { "closed" } else { "" };
        let before = [
            vec![],
            vec![read(HELLO)],
            vec![read(HELLO), send(&[5])],
            chosen(),
            [chosen(), vec![send(&[5])]].concat(),
            [chosen(), vec![send(&cut)]].concat(),
        ];
        for before in before {
            cases.push((end, [before, steps.clone()].concat(), part));
        }
    }
    for (name, steps, part) in cases {
        let opening = Opening::Raw([steps, vec![Step::Stall]].concat());
        let proxy = Proxy::of(
            "socks5h",
            Gateway::plain().opening(move |_| opening.clone()),
        );
        let reason = check_failure(name, &proxy.url());
        assert!(reason.contains(part), "{name}: {reason}");
    }
    for scheme in ["socks5", "socks5h"] {
        let refusing = Refusing::new();
        check_failure("refuses", &format!("{scheme}://{}", refusing.address()));
        let ignoring = Ignoring::new();
        check_failure("ignores", &format!("{scheme}://{}", ignoring.address()));
        check_failure("is unknown", &format!("{scheme}://proxy.invalid"));
    }
}

#[test]
fn a_socks_proxy_may_reply_with_any_kind_of_address_byte_by_byte() {
    let gateway = Gateway::tls().start();
    let target = gateway.address();
    let port = [0, 80];
    for from in [
        [&[1][..], &Ipv4Addr::UNSPECIFIED.octets(), &port].concat(),
        [&[4][..], &Ipv6Addr::LOCALHOST.octets(), &port].concat(),
        [&[3][..], &[9], b"a.example", &port].concat(),
        [&[3][..], &[0], &port].concat(),
        [&[3][..], &[255], &[b'x'; 255], &port].concat(),
    ] {
        for drip in [None, Some(Duration::from_millis(1))] {
            let manners = Manners { login: None, drip };
            let reply = SocksReply::TunnelFrom(target, from.clone());
            let proxy = Socks::start(manners, move |_| reply.clone());
            let client = client_through(&gateway, &proxy.url("socks5h"));
            client.call("7000001").accepted();
        }
    }
}

#[test]
fn an_address_goes_to_a_socks_proxy_as_an_address() {
    let gateway = Gateway::tls().start();
    let proxy = Socks::to(gateway.address());
    for scheme in ["socks", "socks5", "socks5h"] {
        for (host, address) in [
            ("127.0.0.1", IpAddr::from(Ipv4Addr::LOCALHOST)),
            ("[::1]", Ipv6Addr::LOCALHOST.into()),
        ] {
            let config = Config {
                base_url: text(format!("https://{host}:4430/voice")),
                ..gateway.config()
            };
            let client = Client::new(&config.proxy(&proxy.url(scheme))).expect("a client");
            client.call("7000001").accepted();
            let asked = proxy.asked().pop().expect("a request");
            assert_eq!((asked.host, asked.port), (Host::Address(address), 4430));
        }
    }
}

#[test]
fn where_a_socks_proxy_does_not_reach_one_address_it_is_asked_for_the_next() {
    // dual.test is ::1, and then 127.0.0.1.
    let names = [LOOPBACK, &["dual.test"]].concat();
    let gateway = Gateway::tls()
        .certificate(Authority::common().server(&names, Validity::Now))
        .start();
    let target = gateway.address();
    let url = gateway.url_for("dual.test");
    for failure in [
        SocksReply::Refuse(1),
        SocksReply::Refuse(3),
        SocksReply::Refuse(4),
        SocksReply::Refuse(8),
        SocksReply::Close,
        SocksReply::Stall,
    ] {
        let description = format!("{failure:?}");
        let proxy = Socks::replying(move |asked| match asked.host {
            Host::Address(IpAddr::V6(_)) => failure.clone(),
            _ => SocksReply::Tunnel(target),
        });
        let line = call_with_environment(&[("all_proxy", &proxy.url("socks5"))], &url);
        assert!(line.starts_with("result=0 "), "{description}: {line}");
        assert_eq!(proxy.asked().len(), 2, "{description}");
    }
    // A login that fails is tried once: more would lock the account.
    let manners = Manners {
        login: Some(("user", "password")),
        drip: None,
    };
    let proxy = Socks::start(manners, move |_| SocksReply::Tunnel(target));
    let wrong = proxy.url_as("socks5", "user:hunter22");
    let line = call_with_environment(&[("all_proxy", &wrong)], &url);
    assert!(line.starts_with("result=6 "), "{line}");
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn a_host_that_is_to_be_looked_up_here_and_has_no_address_is_no_fault_of_the_proxys() {
    let gateway = Gateway::tls().start();
    let proxy = Socks::to(gateway.address());
    let config = Config::new("https://nowhere.invalid/voice").ca_file(Authority::common().file());
    let through = |scheme| {
        let client = Client::new(&config.clone().proxy(&proxy.url(scheme))).expect("a client");
        client.call("7000001")
    };
    through("socks5").expect(RESOLVE_FAILED);
    assert_eq!(proxy.connections(), 0);
    // The gateway has no certificate for it.
    through("socks5h").expect(TLS_FAILED);
    assert_eq!(proxy.asked()[0].host, name("nowhere.invalid"));
}

#[test]
fn socks4_is_named_as_not_supported_with_its_variable() {
    for scheme in ["socks4", "socks4a"] {
        let url = format!("{scheme}://user:hunter22@127.0.0.1:1080");
        let line = call_with_environment(&[("ALL_PROXY", &url)], "https://gateway.test/voice");
        assert!(line.starts_with("result=2 "), "{line}");
        assert!(
            line.contains("ALL_PROXY: SOCKS4 is not supported"),
            "{line}"
        );
        assert!(!line.contains("hunter22"), "{line}");
    }
}

// https:// proxies.

#[test]
fn an_https_proxy_carries_every_call_over_one_tunnel() {
    for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
        let server = || Authority::common().server_with_versions(LOOPBACK, Validity::Now, versions);
        let gateway = Gateway::tls().certificate(server()).start();
        let target = gateway.address();
        let proxy = Gateway::tls().certificate(server());
        let proxy = Proxy::of("https", proxy.answer(move |_| tunnel(target)));
        let client = client_through(&gateway, &proxy.url());
        for number in 1..=10 {
            let callee = format!("70000{number:02}");
            assert_eq!(client.call(&callee).accepted(), recording_id_for(&callee));
        }
        drop(client);
        let asked = proxy.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        let expected = format!("CONNECT gateway.test:{} HTTP/1.1", target.port());
        assert_eq!(asked[0].line(), expected);
        let diary = gateway.finish();
        assert_eq!(diary.len(), 10);
        // One record each, and so one write.
        assert!(diary[1..].iter().all(|delivery| delivery.records == 1));
    }
}

#[test]
fn https_proxies_are_taken_from_the_environment_with_their_login() {
    let gateway = Gateway::tls().start();
    let target = gateway.address();
    let proxy = Gateway::tls().answer(move |request| {
        // user:p@ss
        let credentials = "Basic dXNlcjpwQHNz".to_owned();
        match request
            .headers()
            .contains(&("proxy-authorization".to_owned(), credentials))
        {
            true => tunnel(target),
            false => refusal("407 Proxy Authentication Required"),
        }
    });
    let proxy = Proxy::of("https", proxy);
    let url = proxy.url().replace("https://", "https://user:p%40ss@");
    let line = call_with_environment(&[("HTTPS_PROXY", &url)], &gateway.url_for("gateway.test"));
    assert!(line.starts_with("result=0 "), "{line}");
}

#[test]
fn the_certificate_of_an_https_proxy_is_checked_and_the_proxy_is_named() {
    let unknown = Authority::new();
    for (server, part) in [
        (unknown.server(LOOPBACK, Validity::Now), "certificate"),
        (
            Authority::common().server(&["another.test"], Validity::Now),
            "certificate",
        ),
        (
            Authority::common().server(LOOPBACK, Validity::Expired),
            "certificate",
        ),
    ] {
        let gateway = Gateway::tls().certificate(server);
        let proxy = Proxy::of("https", gateway.answer(|_| refusal("403 Forbidden")));
        let reason = check_failure("a certificate", &proxy.url());
        assert!(reason.contains(part), "{reason}");
        assert!(proxy.asked().is_empty(), "no login before the certificate");
    }
    // With the right one, it is the API's certificate that is not known.
    let gateway = Gateway::tls()
        .certificate(unknown.server(LOOPBACK, Validity::Now))
        .start();
    let proxy = Proxy::tls(gateway.address());
    client_through(&gateway, &proxy.url())
        .call("7000001")
        .expect(TLS_FAILED);
}

#[test]
fn a_proxy_of_another_kind_than_its_url_says_is_recognized() {
    let plain = Proxy::answering(|_| refusal("400 Bad Request"));
    let speaking = |bytes: &'static [u8]| {
        Proxy::opening(Opening::Raw(vec![Step::Send(bytes.to_vec()), Step::Stall]))
    };
    let http = speaking(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let tls = Proxy::tls(plain.address());
    let as_url = |scheme: &str, proxy: &Proxy| format!("{scheme}://{}", proxy.address());
    for (url, part) in [
        (as_url("https", &http), "write http:// in its URL"),
        (as_url("socks5h", &http), "write http:// in its URL"),
        (as_url("http", &tls), "write https:// in its URL"),
    ] {
        let reason = check_failure(part, &url);
        assert!(reason.contains(part), "{url}: {reason}");
    }
    let socks = Socks::to(plain.address());
    check_failure("HTTP to a SOCKS proxy", &socks.url("http"));
}

#[test]
fn an_https_proxy_that_fails_at_any_point_is_a_proxy_failure() {
    let raw = |steps: Vec<Step>| Gateway::tls().opening(move |_| Opening::Raw(steps.clone()));
    let half =
        |step: Step| Gateway::tls().opening(move |_| Opening::MidHandshake(vec![step.clone()]));
    let answer = |steps: Vec<Step>| Gateway::tls().answer(move |_| steps.clone());
    for (name, proxy) in [
        ("closes at once", raw(vec![Step::Fin])),
        ("resets at once", raw(vec![Step::Reset])),
        ("stalls at once", raw(vec![Step::Stall])),
        ("closes in the handshake", half(Step::Fin)),
        ("resets in the handshake", half(Step::Reset)),
        ("stalls in the handshake", half(Step::Stall)),
        ("closes when asked", answer(vec![Step::Close])),
        ("ends when asked", answer(vec![Step::Fin])),
        ("resets when asked", answer(vec![Step::Reset])),
        ("stalls when asked", answer(vec![Step::Stall])),
        ("refuses", answer(refusal("403 Forbidden"))),
        (
            "sends garbage",
            answer(vec![Step::Send(b"garbage\r\n\r\n".to_vec()), Step::Close]),
        ),
        (
            "sends garbage without TLS",
            answer(vec![Step::SendRaw(vec![b'x'; 50]), Step::Stall]),
        ),
    ] {
        check_failure(name, &Proxy::of("https", proxy).url());
    }
}

#[test]
fn a_failure_behind_an_https_proxy_is_not_the_proxys() {
    for (steps, result) in [
        (vec![Step::Close], CONNECT_FAILED),
        (vec![Step::Fin], CONNECT_FAILED),
        (vec![Step::Reset], CONNECT_FAILED),
        (
            vec![
                Step::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
                Step::Stall,
            ],
            TLS_FAILED,
        ),
    ] {
        let description = format!("{steps:?}");
        let proxy = Proxy::of(
            "https",
            Gateway::tls().answer(move |_| {
                let granted = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
                let granted = [Step::Send(granted), Step::Pause(Duration::from_millis(50))];
                [granted.to_vec(), steps.clone()].concat()
            }),
        );
        let config = Config::new("https://gateway.test/voice").ca_file(Authority::common().file());
        let client = Client::new(&config.proxy(&proxy.url())).expect("a client");
        let reply = client.call("7000001");
        assert_eq!(reply.result, result, "{description}: {reply:?}");
    }
}

#[test]
fn long_responses_through_an_https_proxy_arrive_whole_however_they_are_cut() {
    // A record of the proxy's holds several of the server's, or a part of one.
    for length in [0, 5_000, 60_000] {
        for size in [1, 100, 5_000, 16 * 1024] {
            if length / size > 10_000 {
                continue;
            }
            let gateway = Gateway::tls()
                .answer(move |request| {
                    let id = recording_id_for(&request.callee());
                    let padding = "x".repeat(length);
                    Response::json(format!(
                        r#"{{"status":"0","reason":"{padding}","data":"{id}","appId":"4"}}"#
                    ))
                })
                .start();
            let target = gateway.address();
            let granted = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
            let proxy = Gateway::tls().answer(move |_| {
                vec![
                    Step::Send(granted.clone()),
                    Step::TunnelInPieces(target, size),
                ]
            });
            let proxy = Proxy::of("https", proxy);
            let client = client_through(&gateway, &proxy.url());
            for callee in ["7000001", "7000002"] {
                let reply = client.call(callee);
                assert!(
                    reply.elapsed < Duration::from_secs(8),
                    "{length} by {size}: {reply:?}"
                );
                assert_eq!(
                    reply.accepted(),
                    recording_id_for(callee),
                    "{length} by {size}"
                );
            }
            assert_eq!(proxy.asked().len(), 1, "{length} by {size}");
        }
    }
}

#[test]
fn no_call_fails_where_the_tunnel_of_an_https_proxy_closes_while_idle() {
    for end in [Step::Close, Step::Fin, Step::Reset] {
        let last = end.clone();
        let gateway = Gateway::tls()
            .answer(move |request| {
                let response = Response::ok(&recording_id_for(&request.callee()));
                vec![
                    Step::Send(response.bytes()),
                    Step::Pause(Duration::from_millis(5)),
                    last.clone(),
                ]
            })
            .start();
        let proxy = Proxy::tls(gateway.address());
        let client = client_through(&gateway, &proxy.url());
        for number in 1..=5 {
            let callee = format!("70000{number:02}");
            assert_eq!(
                client.call(&callee).accepted(),
                recording_id_for(&callee),
                "{end:?}"
            );
            gateway.wait_for_ends(number);
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(proxy.asked().len(), 5, "{end:?}");
    }
}

#[test]
fn what_comes_unasked_through_an_https_proxy_is_no_calls_response() {
    let response_to_all = || Response::ok("2203031113381000009").bytes();
    // A response, and the beginning of a record.
    let begun = vec![0x17, 3, 3, 0, 80, 1, 2, 3];
    for unasked in [Step::Send(response_to_all()), Step::SendRaw(begun.clone())] {
        let unasked_once = unasked.clone();
        let gateway = Gateway::tls()
            .answer(move |request| {
                let response = Response::ok(&recording_id_for(&request.callee()));
                let mut steps = vec![Step::Send(response.bytes())];
                if request.connection == 1 {
                    steps.extend([Step::Pause(Duration::from_millis(20)), unasked_once.clone()]);
                }
                steps
            })
            .start();
        let proxy = Proxy::tls(gateway.address());
        let client = client_through(&gateway, &proxy.url());
        assert_eq!(
            client.call("7000001").accepted(),
            recording_id_for("7000001")
        );
        thread::sleep(Duration::from_millis(300));
        assert_eq!(
            client.call("7000002").accepted(),
            recording_id_for("7000002"),
            "{unasked:?}"
        );
        assert_eq!(proxy.asked().len(), 2, "{unasked:?}");
    }
}

#[test]
fn a_record_that_an_https_proxy_has_begun_unasked_is_no_calls_response() {
    let gateway = Gateway::tls().start();
    let target = gateway.address();
    let proxy = Gateway::tls().answer(move |request| {
        let begun = vec![0x17, 3, 3, 0, 80, 1, 2, 3];
        let tunnel = match request.connection {
            1 => Step::TunnelThenRaw(target, Duration::from_secs(1), begun),
            _ => Step::Tunnel(target),
        };
        vec![Step::Send(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()), tunnel]
    });
    let proxy = Proxy::of("https", proxy);
    let client = client_through(&gateway, &proxy.url());
    for callee in ["7000001", "7000002"] {
        assert_eq!(client.call(callee).accepted(), recording_id_for(callee));
        thread::sleep(Duration::from_millis(1500));
    }
    assert_eq!(proxy.asked().len(), 2);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn a_request_is_sent_through_an_https_proxy_once_the_system_has_its_last_byte() {
    // The gateway reads once the calls are over: until then, the systems have room for a small request, and not
    // for the end of a large one.
    let late = Opening::AfterHandshake(vec![Step::Pause(Duration::from_secs(5))]);
    let gateway = Gateway::tls()
        .receive_buffer(4096)
        .opening(move |_| late.clone())
        .start();
    let target = gateway.address();
    let proxy = Gateway::tls().receive_buffer(4096);
    let proxy = Proxy::of("https", proxy.answer(move |_| tunnel(target)));
    let config = gateway.config().proxy(&proxy.url()).timeout_ms(3_000);
    let send = |request: &Request| Client::new(&config).expect("a client").send(request);
    let reply = send(&Request::to("7000001"));
    reply.expect(TIMED_OUT);
    assert!(reply.may_have_dialed());
    let reply = send(&Request::large("7000002"));
    reply.expect(CONNECT_FAILED);
    reply.expect_reason("send the request");
    assert!(!reply.may_have_dialed());
    let arrived = gateway.finish();
    let whole = arrived.iter().filter(|delivery| delivery.complete);
    assert!(
        whole
            .map(|delivery| delivery.callee())
            .all(|callee| callee == "7000001")
    );
}

// The variables.

#[test]
fn a_proxys_url_may_lack_its_scheme_and_have_a_slash_a_path_and_line_ends() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let address = proxy.address();
    let cases = [
        format!("{address}"),
        format!("{address}/"),
        format!("http://{address}/"),
        format!("http://{address}/a/path?x=y#z"),
        format!("HTTP://{address}"),
        format!(" http://{address} "),
        format!("http://{address}\r"),
        format!("http://{address}\r\n"),
        format!("user:pass%20word@{address}/"),
    ];
    for url in &cases {
        let line = call_with_environment(&[("HTTPS_PROXY", url)], &gateway.url_for("gateway.test"));
        assert!(line.starts_with("result=0 "), "{url:?}: {line}");
    }
    assert_eq!(proxy.asked().len(), cases.len());
}

#[test]
fn an_empty_variable_counts_as_none() {
    let gateway = Gateway::tls().start();
    let url = gateway.url_for("gateway.test");
    let proxy = Proxy::to(gateway.address());
    for variables in [
        &[("https_proxy", ""), ("HTTPS_PROXY", "1")][..],
        &[
            ("https_proxy", " \t"),
            ("HTTPS_PROXY", ""),
            ("all_proxy", ""),
            ("ALL_PROXY", "1"),
        ],
        &[("https_proxy", "1"), ("no_proxy", ""), ("NO_PROXY", "")],
    ] {
        let proxy_url = proxy.url();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| {
                (
                    *name,
                    if *value == "1" {
                        proxy_url.as_str()
                    } else {
                        *value
                    },
                )
            })
            .collect();
        let before = proxy.asked().len();
        let line = call_with_environment(&variables, &url);
        assert!(line.starts_with("result=0 "), "{variables:?}: {line}");
        assert_eq!(proxy.asked().len(), before + 1, "{variables:?}");
    }
    let direct = [("https_proxy", ""), ("HTTPS_PROXY", ""), ("ALL_PROXY", "")];
    let line = call_with_environment(&direct, &url);
    assert!(line.starts_with("result=0 "), "{line}");
    assert_eq!(proxy.asked().len(), 3);
    // The first empty list of exceptions does not hide the second.
    let excepted = [("https_proxy", proxy.url()), ("no_proxy", String::new())];
    let excepted: Vec<_> = excepted
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let excepted = [&excepted[..], &[("NO_PROXY", "gateway.test")]].concat();
    let line = call_with_environment(&excepted, &url);
    assert!(line.starts_with("result=0 "), "{line}");
    assert_eq!(proxy.asked().len(), 3);
}

#[test]
fn what_is_wrong_with_a_proxys_variable_is_said_without_its_password() {
    for (variable, url, part) in [
        (
            "https_proxy",
            "http://user:hunter22#x@proxy.test:3128",
            "%23",
        ),
        (
            "HTTPS_PROXY",
            "http://user:hunter22/x@proxy.test:3128",
            "%2F",
        ),
        (
            "HTTPS_PROXY",
            "http://user:hunter22?@proxy.test:3128",
            "%3F",
        ),
        (
            "HTTPS_PROXY",
            "http://user:a^hunter22@proxy.test:3128",
            "%XX",
        ),
        (
            "HTTPS_PROXY",
            "http://user:a hunter22@proxy.test:3128",
            "%XX",
        ),
        (
            "HTTPS_PROXY",
            "\"http://user:hunter22@proxy.test:3128\"",
            "quotes",
        ),
        ("HTTPS_PROXY", "http://user:hunter22@::1:3128", "brackets"),
        (
            "HTTPS_PROXY",
            "http://us%3Aer:hunter22@proxy.test",
            "RFC 7617",
        ),
        (
            "HTTPS_PROXY",
            "http://user:hunter22@proxy.test:port",
            "port",
        ),
        ("HTTPS_PROXY", "http://proxy.test/proxy.pac", "PAC"),
        ("all_proxy", "ftp://user:hunter22@proxy.test", "socks5h://"),
        ("ALL_PROXY", "socks5://:hunter22@proxy.test", "RFC 1929"),
        ("ALL_PROXY", "socks5h://", "not a proxy's URL"),
    ] {
        let line = call_with_environment(&[(variable, url)], "https://gateway.test/voice");
        assert!(line.starts_with("result=2 "), "{url}: {line}");
        assert!(line.contains(&format!("{variable}: ")), "{url}: {line}");
        assert!(line.contains(part), "{url}: {line}");
        assert!(!line.contains("hunter22"), "{url}: {line}");
    }
}

#[test]
fn a_failure_of_the_environments_proxy_names_its_variable() {
    let refusing = Refusing::new();
    let forbidding = Proxy::answering(|_| refusal("403 Forbidden"));
    let socks = Socks::replying(|_| SocksReply::Refuse(2));
    for (variable, url) in [
        (
            "https_proxy",
            format!("http://user:hunter22@{}", refusing.address()),
        ),
        ("HTTPS_PROXY", forbidding.url()),
        ("all_proxy", socks.url("socks5")),
        ("ALL_PROXY", format!("https://{}", refusing.address())),
        ("ALL_PROXY", "http://proxy.invalid".to_owned()),
    ] {
        let line = call_with_environment(&[(variable, &url)], "https://gateway.test/voice");
        assert!(line.starts_with("result=6 "), "{url}: {line}");
        assert!(
            line.contains(&format!("(from {variable})")),
            "{url}: {line}"
        );
        assert!(!line.contains("hunter22"), "{url}: {line}");
    }
}

#[test]
fn in_a_cgi_program_the_requests_proxy_header_names_no_proxy() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::answering(|_| refusal("403 Forbidden"));
    let url = proxy.url();
    let variables = [
        ("REQUEST_METHOD", "GET"),
        ("HTTP_PROXY", url.as_str()),
        ("http_proxy", url.as_str()),
    ];
    let line = call_with_environment(&variables, &gateway.url_for("gateway.test"));
    assert!(line.starts_with("result=0 "), "{line}");
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn no_proxy_knows_networks_ports_and_domains() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let port = gateway.address().port();
    let with_port = format!("127.0.0.1:{port}");
    for (host, list, is_direct) in [
        ("127.0.0.1", "127.0.0.0/8", true),
        ("127.0.0.1", "localhost,127.0.0.0/8,::1", true),
        ("127.0.0.1", "10.0.0.0/8, 127.0.0.1", true),
        ("127.0.0.1", "10.0.0.0/8,fd00::/8", false),
        ("127.0.0.1", "*", true),
        ("127.0.0.1", with_port.as_str(), true),
        ("127.0.0.1", "127.0.0.1:1", false),
        ("gateway.test", "127.0.0.0/8", false),
        ("gateway.test", ".TEST", true),
        ("gateway.test", "gateway.test.", true),
        ("gateway.test", "*.test", true),
        ("gateway.test", "localhost\ngateway.test\n", true),
        ("gateway.test", "eway.test", false),
    ] {
        let before = proxy.asked().len();
        let variables = [("HTTPS_PROXY", proxy.url()), ("NO_PROXY", list.to_owned())];
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let line = call_with_environment(&variables, &gateway.url_for(host));
        assert!(line.starts_with("result=0 "), "{host} {list:?}: {line}");
        let was_direct = proxy.asked().len() == before;
        assert_eq!(was_direct, is_direct, "{host} {list:?}");
    }
}

// HTTP CONNECT.

#[test]
fn a_login_that_a_proxy_wants_is_named() {
    let refusing = |fields: &'static str| {
        Proxy::answering(move |_| {
            let head = format!("HTTP/1.1 407 Proxy Authentication Required\r\n{fields}\r\n");
            vec![Step::Send(head.into_bytes()), Step::Close]
        })
    };
    let basic = "Proxy-Authenticate: Basic realm=\"squid, or so\"\r\n";
    let others = "Proxy-Authenticate: NTLM\r\nproxy-authenticate: Negotiate\r\n";
    let both = "Proxy-Authenticate: Negotiate, Basic realm=\"x\"\r\n";
    for (fields, login, part) in [
        (
            basic,
            "",
            "it wants a login, and its URL has no user name and password",
        ),
        (
            basic,
            "user:hunter22@",
            "it refused the user name or password",
        ),
        (
            both,
            "user:hunter22@",
            "it refused the user name or password",
        ),
        (
            "",
            "",
            "it wants a login, and its URL has no user name and password",
        ),
        (others, "", "by NTLM, Negotiate; only Basic is supported"),
        (
            others,
            "user:hunter22@",
            "by NTLM, Negotiate; only Basic is supported",
        ),
    ] {
        let proxy = refusing(fields);
        let url = proxy.url().replace("http://", &format!("http://{login}"));
        let reason = check_failure(fields, &url);
        assert!(reason.contains("HTTP status 407"), "{reason}");
        assert!(reason.contains(part), "{fields} {login}: {reason}");
        assert!(!reason.contains("hunter22"), "{reason}");
    }
}

#[test]
fn a_page_in_place_of_a_tunnel_is_a_proxy_failure() {
    // A portal that responds to everything with its login page.
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
        "HTTP/1.0 200 OK\r\n\r\n<html>Log in</html>",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nLogin\r\n0\r\n\r\n",
    ] {
        let proxy = Proxy::answering(move |_| vec![Step::Send(response.into()), Step::Stall]);
        let reason = check_failure(response, &proxy.url());
        assert!(reason.contains("behind HTTP status 200"), "{reason}");
    }
}

#[test]
fn a_tunnel_may_be_granted_with_a_length_in_chunks_or_after_interim_responses() {
    let gateway = Gateway::tls().start();
    let target = gateway.address();
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "HTTP/1.1 200 CONNECT OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nProxy-Connection: close\r\n\r\n",
    ] {
        for proxy in [Gateway::plain(), Gateway::tls()] {
            let steps = vec![Step::Send(head.into()), Step::Tunnel(target)];
            let proxy = proxy.answer(move |_| steps.clone()).start();
            let url = proxy.url().replace("/voice", "");
            client_through(&gateway, &url).call("7000001").accepted();
            let asked = &proxy.deliveries()[0];
            assert_eq!(
                asked.header("host"),
                format!("gateway.test:{}", target.port())
            );
        }
    }
}
