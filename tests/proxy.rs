//! CONNECT proxies: from the configuration or the environment; working, refusing, down, slow, or sending
//! garbage. Whatever a proxy does wrong, no request reaches the API.

mod support;

use std::thread;
use std::time::Duration;

use support::c::{self, Build};
use support::certs::Authority;
use support::client::*;
use support::gateway::{Gateway, Opening, Step};
use support::proxy::{Proxy, check_failure, refusal, tunnel};
use support::response::{Response, recording_id_for};
use support::sockets::{Ignoring, Refusing};

#[test]
fn a_proxy_that_works_carries_every_call() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let client = Client::new(&gateway.config().proxy(&proxy.url())).expect("a client");
    for number in 1..=10 {
        let callee = format!("70000{number:02}");
        assert_eq!(client.call(&callee).accepted(), recording_id_for(&callee));
    }
    drop(client);
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "one tunnel, reused: {asked:?}");
    let target = gateway.address();
    assert_eq!(asked[0].line(), format!("CONNECT {target} HTTP/1.1"));
    assert_eq!(asked[0].header("host"), target.to_string());
    // Headers for the API are not sent to the proxy.
    let names: Vec<_> = asked[0]
        .headers()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for secret in [
        "sign",
        "api-key",
        "timestamp",
        "proxy-authorization",
        "content-length",
    ] {
        assert!(
            !names.contains(&secret.to_owned()),
            "{secret} went to the proxy: {names:?}"
        );
    }
    assert_eq!(gateway.finish_and_count(), 10);
}

#[test]
fn the_proxy_resolves_the_name_and_the_certificate_is_still_checked() {
    // gateway.test has no address here; the proxy connects to the gateway.
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let through = |host: &str| {
        let url = text(format!("https://{host}:4430/voice"));
        Config {
            base_url: url,
            ..gateway.config()
        }
        .proxy(&proxy.url())
    };
    Client::new(&through("gateway.test"))
        .expect("a client")
        .call("7000001")
        .accepted();
    assert_eq!(
        proxy.asked()[0].line(),
        "CONNECT gateway.test:4430 HTTP/1.1"
    );
    Client::new(&through("another.test"))
        .expect("a client")
        .call("7000002")
        .expect(TLS_FAILED);
    let callees: Vec<_> = gateway
        .deliveries()
        .iter()
        .map(|delivery| delivery.callee())
        .collect();
    assert_eq!(callees, ["7000001"]);
}

#[test]
fn a_name_and_password_are_sent_to_the_proxy() {
    let gateway = Gateway::tls().start();
    // "user:pass%20word" in Base64, decoded and as it stands.
    let decoded = Proxy::with_password(gateway.address(), "dXNlcjpwYXNzIHdvcmQ=");
    let plain = Proxy::with_password(gateway.address(), "dXNlcjpodW50ZXIyMg==");
    let call_as = |user: &str, proxy: &Proxy, callee: &str| {
        let url = proxy.url().replace("http://", &format!("http://{user}"));
        Client::new(&gateway.config().proxy(&url))
            .expect("a client")
            .call(callee)
    };
    call_as("user:pass%20word@", &decoded, "7000001").accepted();
    call_as("user:hunter22@", &plain, "7000002").accepted();
    for wrong in ["", "user:hunter23@", "user@"] {
        let reply = call_as(wrong, &plain, "7000003");
        reply.expect(PROXY_FAILED);
        reply.expect_reason("407");
    }
    assert_eq!(gateway.deliveries().len(), 2);
}

#[test]
fn a_proxy_that_refuses_is_named_with_its_status() {
    for status in [
        "403 Forbidden",
        "407 Proxy Authentication Required",
        "404 Not Found",
        "405 Method Not Allowed",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "302 Found",
        "301 Moved Permanently",
    ] {
        let proxy = Proxy::answering(move |_| refusal(status));
        let reply = check_failure(status, &proxy.url());
        reply.expect_reason(&status[..3]);
        assert_eq!(proxy.asked().len(), 1, "asked once: {status}");
    }
}

#[test]
fn a_proxy_that_is_down_or_sends_garbage_is_a_proxy_failure() {
    let sending = |bytes: &'static str| {
        Proxy::answering(move |_| vec![Step::Send(bytes.into()), Step::Close])
    };
    let opening = |steps: &[Step]| Proxy::opening(Opening::Raw(steps.to_vec()));
    let proxies = [
        ("closes at once", opening(&[Step::Fin])),
        ("resets at once", opening(&[Step::Reset])),
        ("accepts and sends nothing", opening(&[Step::Stall])),
        ("closes when asked", Proxy::answering(|_| vec![Step::Close])),
        ("resets when asked", Proxy::answering(|_| vec![Step::Reset])),
        ("stalls when asked", Proxy::answering(|_| vec![Step::Stall])),
        ("closes in its response", sending("HTTP/1.1 200 Conn")),
        (
            "closes before the end of its head",
            sending("HTTP/1.1 200 OK\r\nX: y\r\n"),
        ),
        (
            "speaks another protocol",
            sending("220 smtp.example ESMTP\r\n\r\n"),
        ),
        ("speaks binary", sending("\u{5}\u{0}\u{1}\u{2}\r\n\r\n")),
        (
            "answers HTML without a head",
            sending("<html>Log in to this wi-fi</html>\r\n\r\n"),
        ),
        (
            "never ends its head",
            Proxy::answering(|_| {
                vec![
                    Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
                    Step::Flood(b"X: y\r\n".repeat(1000)),
                ]
            }),
        ),
        (
            "never ends its line",
            Proxy::answering(|_| vec![Step::Flood(vec![b'x'; 4096])]),
        ),
    ];
    for (name, proxy) in &proxies {
        check_failure(name, &proxy.url());
    }
    check_failure(
        "refuses connections",
        &format!("http://{}", Refusing::new().address()),
    );
    let ignoring = Ignoring::new();
    check_failure(
        "ignores connections",
        &format!("http://{}", ignoring.address()),
    );
    let reply = check_failure("has no address", "http://proxy.invalid:3128");
    reply.expect_reason("proxy.invalid");
}

#[test]
fn a_failure_beyond_the_tunnel_is_not_a_proxy_failure() {
    // The proxy grants the tunnel, and then the API's side fails.
    for (name, steps, result) in [
        ("closed", vec![Step::Close], CONNECT_FAILED),
        ("reset", vec![Step::Reset], CONNECT_FAILED),
        (
            "not TLS",
            vec![
                Step::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
                Step::Stall,
            ],
            TLS_FAILED,
        ),
    ] {
        let proxy = Proxy::answering(move |_| {
            let granted = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
            [
                vec![Step::Send(granted), Step::Pause(Duration::from_millis(50))],
                steps.clone(),
            ]
            .concat()
        });
        let config = Config::new("https://gateway.test/voice").ca_file(Authority::common().file());
        let client = Client::new(&config.proxy(&proxy.url())).expect("a client");
        let reply = client.call("7000001");
        assert_eq!(reply.result, result, "{name}: {reply:?}");
    }
    // A gateway that resets the connection after it has the request.
    let gateway = Gateway::tls().answer(|_| vec![Step::Reset]).start();
    let proxy = Proxy::to(gateway.address());
    let client = Client::new(&gateway.config().proxy(&proxy.url())).expect("a client");
    client.call("7000001").expect(CONNECTION_LOST);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn no_call_fails_where_the_tunnel_closes_while_idle() {
    let gateway = Gateway::tls()
        .answer(|request| {
            let response = Response::ok(&recording_id_for(&request.callee()));
            vec![
                Step::Send(response.bytes()),
                Step::Pause(Duration::from_millis(5)),
                Step::Close,
            ]
        })
        .start();
    let proxy = Proxy::to(gateway.address());
    let client = Client::new(&gateway.config().proxy(&proxy.url())).expect("a client");
    for number in 1..=5 {
        let callee = format!("70000{number:02}");
        assert_eq!(client.call(&callee).accepted(), recording_id_for(&callee));
        gateway.wait_for_ends(number);
        thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(proxy.asked().len(), 5);
}

/// Makes one call through a proxy that answers CONNECT with this head; checks the call's result.
#[track_caller]
fn check_head(head: &'static str, expected: i32) {
    let gateway = Gateway::tls().start();
    let target = gateway.address();
    let proxy = Proxy::answering(move |_| vec![Step::Send(head.into()), Step::Tunnel(target)]);
    let client = Client::new(&gateway.config().proxy(&proxy.url())).expect("a client");
    let reply = client.call("7000001");
    assert_eq!(reply.result, expected, "{head:?}: {reply:?}");
}

#[test]
fn a_success_with_an_unusual_head_opens_the_tunnel() {
    // Unusual but harmless: HTTP/1.0, no reason phrase, more headers, a body length that means nothing here.
    for head in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 OK\r\nVia: x\r\nProxy-Agent: y\r\nDate: z\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 17\r\n\r\n",
    ] {
        check_head(head, OK);
    }
}

#[test]
fn plain_http_on_loopback_uses_no_proxy() {
    let gateway = Gateway::plain().start();
    let proxy = Proxy::answering(|_| refusal("403 Forbidden"));
    let client = Client::new(&gateway.config().proxy(&proxy.url())).expect("a client");
    client.call("7000001").accepted();
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn the_environment_names_the_proxy_and_its_exceptions() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let refusing = Proxy::answering(|_| refusal("403 Forbidden"));
    let (good, bad) = (proxy.url(), refusing.url());
    let (good, bad) = (good.as_str(), bad.as_str());
    let program = Build::c().compile("call.c");
    let ca = Authority::common().file().to_str().expect("a UTF-8 path");
    let port = gateway.address().port();

    // Only the proxy can reach gateway.test: so 0 means through it, 6 through the proxy that refuses, and
    // 3 without a proxy.
    let (through_proxy, refused, direct) = (0, 6, 3);
    let cases: &[(&[(&str, &str)], i32)] = &[
        (&[], direct),
        (&[("https_proxy", good)], through_proxy),
        (&[("HTTPS_PROXY", good)], through_proxy),
        (&[("all_proxy", good)], through_proxy),
        (&[("ALL_PROXY", good)], through_proxy),
        (&[("http_proxy", bad), ("HTTP_PROXY", bad)], direct),
        // The more specific variable first, then the lower-case one.
        (
            &[
                ("https_proxy", good),
                ("HTTPS_PROXY", bad),
                ("all_proxy", bad),
                ("ALL_PROXY", bad),
            ],
            through_proxy,
        ),
        (
            &[
                ("HTTPS_PROXY", good),
                ("all_proxy", bad),
                ("ALL_PROXY", bad),
            ],
            through_proxy,
        ),
        (&[("all_proxy", good), ("ALL_PROXY", bad)], through_proxy),
        (&[("https_proxy", bad), ("HTTPS_PROXY", good)], refused),
        (&[("https_proxy", "")], direct),
        (&[("https_proxy", good), ("NO_PROXY", "")], through_proxy),
        (&[("https_proxy", good), ("NO_PROXY", "*")], direct),
        (
            &[("https_proxy", good), ("no_proxy", "gateway.test")],
            direct,
        ),
        (
            &[("https_proxy", good), ("NO_PROXY", "GATEWAY.TEST")],
            direct,
        ),
        (
            &[
                ("https_proxy", good),
                ("NO_PROXY", "other.example, gateway.test ,x"),
            ],
            direct,
        ),
        (&[("https_proxy", good), ("NO_PROXY", "test")], direct),
        (&[("https_proxy", good), ("NO_PROXY", ".test")], direct),
        (
            &[
                ("https_proxy", good),
                ("NO_PROXY", "way.test,ateway.test,gateway,gateway.tes"),
            ],
            through_proxy,
        ),
        (
            &[("https_proxy", good), ("NO_PROXY", "x.gateway.test")],
            through_proxy,
        ),
        (
            &[
                ("HTTPS_PROXY", good),
                ("no_proxy", "other.example"),
                ("NO_PROXY", "*"),
            ],
            through_proxy,
        ),
    ];
    let mut wrong = Vec::new();
    for (variables, expected) in cases {
        let mut command = c::command(&program);
        command.envs(variables.iter().copied());
        let url = format!("https://gateway.test:{port}/voice");
        command.args(["--url", &url, "--ca", ca, "--timeout", "20000", "7000001"]);
        let output = c::run(command, c::LIMIT);
        if !output.success().starts_with(&format!("result={expected} ")) {
            wrong.push(format!(
                "{variables:?}: expected {expected}, got {}",
                output.stdout.trim()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_environment_is_read_when_the_client_is_made_and_the_configuration_overrides_it() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let refusing = Proxy::answering(|_| refusal("403 Forbidden"));
    let program = Build::c().compile("call.c");
    let ca = Authority::common().file();
    let run = |environment: &str, arguments: &[&str]| {
        let mut command = c::command(&program);
        command
            .env("https_proxy", environment)
            .arg("--ca")
            .arg(ca)
            .args(arguments)
            .arg("7000001");
        c::run(command, c::LIMIT).success().to_owned()
    };
    let url = gateway.url();
    // "" is no proxy at all.
    let output = run(&refusing.url(), &["--url", &url, "--proxy", ""]);
    assert!(output.starts_with("result=0 "), "{output}");
    let output = run(&refusing.url(), &["--url", &url, "--proxy", &proxy.url()]);
    assert!(output.starts_with("result=0 "), "{output}");
    assert_eq!(proxy.asked().len(), 1);
    // Later changes to the environment make no difference.
    let output = run(
        &proxy.url(),
        &["--url", &url, "--unset", "https_proxy", "--times", "2"],
    );
    assert_eq!(output.matches("result=0 ").count(), 2, "{output}");
    assert_eq!(proxy.asked().len(), 2);
    // A variable that is not the URL of a proxy is named.
    let output = run("http://user:hunter22@proxy:port", &["--url", &url]);
    assert!(
        output.starts_with("result=2 ") && output.contains("https_proxy"),
        "{output}"
    );
    assert!(!output.contains("hunter22"), "{output}");
    assert_eq!(refusing.connections(), 0);
}

#[test]
fn a_tunnel_granted_byte_by_byte_works() {
    let gateway = Gateway::tls().start();
    let target = gateway.address();
    let proxy = Proxy::answering(move |_| {
        let Step::Send(granted) = tunnel(target).remove(0) else {
            unreachable!()
        };
        vec![
            Step::Drip(granted, Duration::from_millis(3)),
            Step::Tunnel(target),
        ]
    });
    let client = Client::new(&gateway.config().proxy(&proxy.url())).expect("a client");
    client.call("7000001").accepted();
}

#[test]
fn an_ipv6_address_is_sent_in_brackets() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let config = Config {
        base_url: text("https://[0:0::1]:4430/voice"),
        ..gateway.config()
    };
    let client = Client::new(&config.proxy(&proxy.url())).expect("a client");
    client.call("7000001").accepted();
    assert_eq!(proxy.asked()[0].line(), "CONNECT [::1]:4430 HTTP/1.1");
    assert_eq!(proxy.asked()[0].header("host"), "[::1]:4430");
}

#[test]
fn a_tunnel_is_granted_by_any_2xx_and_by_nothing_else() {
    for (head, result) in [
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            OK,
        ),
        ("HTTP/1.1 201 Created\r\n\r\n", OK),
        ("HTTP/1.1 204 No Content\r\n\r\n", OK),
        ("HTTP/1.1 299 Why not\r\nConnection: close\r\n\r\n", OK),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", PROXY_FAILED),
        ("HTTP/1.1 300 Choices\r\n\r\n", PROXY_FAILED),
        ("HTTP/1.1 999 Odd\r\n\r\n", PROXY_FAILED),
        ("HTTP/1.1 099 Odd\r\n\r\n", PROXY_FAILED),
    ] {
        check_head(head, result);
    }
}
