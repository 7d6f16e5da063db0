//! What is sent: the documented signature, the request to the byte, one write per request, and nothing
//! else.

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use support::certs::{Authority, LOOPBACK, Validity};
use support::client::{Client, Config, KEY, MAX_ARGUMENT, Request, SECRET, text};
use support::gateway::{Gateway, Step};
use support::platform;
use support::response::{Response, recording_id_for};

/// A request with every field given.
fn full_request() -> Request {
    Request {
        display_num: text("4930123456"),
        called_info: text("ring \"twice\", then\nhang up: \u{e9} \u{1f4de} \\ \u{7f} \u{1}"),
        ..Request::to("4915112345678")
    }
}

#[test]
fn the_documented_example_is_signed_as_documented() {
    const DOCUMENTED: i64 = 1_630_468_800;
    // The clock cannot be set, but the server's Date can: the repeat is signed with its time. A second
    // may have passed by then, so this may need several attempts.
    for _ in 0..20 {
        let gateway = Gateway::plain()
            .answer(|request| match request.order {
                1 => Response::refused(-16, "timestamp expires")
                    .date(UNIX_EPOCH + Duration::from_secs(DOCUMENTED as u64)),
                _ => Response::ok("2203031113381000002"),
            })
            .start();
        let client = Client::new(&gateway.config()).expect("a client");
        assert_eq!(
            client.call("4915112345678").accepted(),
            "2203031113381000002"
        );
        drop(client);
        let deliveries = gateway.finish();
        let [_, repeat] = &deliveries[..] else {
            panic!("{deliveries:?}")
        };
        repeat.check_signature(KEY, SECRET);
        if repeat.timestamp() == DOCUMENTED {
            assert_eq!(repeat.header("api-key"), "bDqJFiq9");
            assert_eq!(repeat.header("sign"), "05d7a50893e22a5c4bb3216ae3396c7c");
            return;
        }
    }
    panic!("no request was signed with the documented timestamp");
}

#[test]
fn the_request_is_what_the_documentation_says_to_the_byte() {
    for builder in [Gateway::plain(), Gateway::tls()] {
        let gateway = builder.start();
        let port = gateway.address().port();
        let client = Client::new(&gateway.config()).expect("a client");
        client.send(&full_request()).accepted();
        drop(client);
        let deliveries = gateway.finish();
        let [request] = &deliveries[..] else {
            panic!("{deliveries:?}")
        };

        let body = concat!(
            r#"{"callee":"4915112345678","displayNum":"4930123456","account":"8001","appId":"4","#,
            r#""calledInfo":"ring \"twice\", then\nhang up: "#,
            "\u{e9} \u{1f4de} \\\\ \u{7f} \\u0001\"}",
        );
        assert_eq!(String::from_utf8_lossy(&request.body), body);

        let head = String::from_utf8(request.head.clone()).expect("a head in ASCII");
        let mut lines: Vec<&str> = head
            .strip_suffix("\r\n\r\n")
            .expect("an end")
            .split("\r\n")
            .collect();
        assert_eq!(lines.remove(0), "POST /voice/sendSip HTTP/1.1");
        // The order of headers means nothing (RFC 9110, 5.3).
        lines.sort_unstable();
        let expected = [
            "Accept-Encoding: identity".to_owned(),
            "Accept: application/json".to_owned(),
            format!("Api-Key: {KEY}"),
            format!("Content-Length: {}", body.len()),
            "Content-Type: application/json;charset=UTF-8".to_owned(),
            format!("Host: 127.0.0.1:{port}"),
            format!("Sign: {}", request.header("sign")),
            format!("Timestamp: {}", request.timestamp()),
            concat!("User-Agent: libitnio/", env!("CARGO_PKG_VERSION")).to_owned(),
        ];
        assert_eq!(lines, expected, "each header once, and no other");
        request.check_signature(KEY, SECRET);
        assert!(request.skew().abs() <= 2, "the current time: {request:?}");
    }
}

#[test]
fn a_field_that_is_not_given_is_left_out_and_any_other_is_sent_as_it_is() {
    let gateway = Gateway::plain().start();
    let client = Client::new(&gateway.config()).expect("a client");
    // Checking these is left to the server.
    for value in [
        "",
        " ",
        "+49 (151) 1",
        "1",
        &"9".repeat(40),
        "null",
        "\u{202e}abc\u{fffd}",
    ] {
        let request = Request {
            display_num: text(value),
            ..Request::to("7654321")
        };
        client.send(&request).accepted();
        let deliveries = gateway.deliveries();
        assert_eq!(
            deliveries.last().expect("a request").json(),
            json!({"callee": "7654321", "displayNum": value, "account": "8001", "appId": "4"})
        );
    }
    client
        .send(&Request {
            called_info: text(""),
            ..Request::to("7654321")
        })
        .accepted();
    assert_eq!(
        gateway.deliveries().last().expect("a request").json(),
        json!({"callee": "7654321", "account": "8001", "appId": "4", "calledInfo": ""})
    );
}

#[test]
fn head_and_body_are_sent_in_one_write() {
    for (builder, records) in [(Gateway::plain(), 0), (Gateway::tls(), 1)] {
        let gateway = builder.start();
        let client = Client::new(&gateway.config()).expect("a client");
        for number in 1..=20 {
            client.call(&format!("49000000{number:03}")).accepted();
        }
        drop(client);
        for request in gateway.finish() {
            assert_eq!(request.connection, 1);
            if request.number > 1 {
                // qemu-user passes TCP_INFO on as it is, in the order of bytes of this machine.
                let is_known = cfg!(target_endian = "little") || !platform::is_emulated();
                assert!(
                    request.segments == 1 || !is_known,
                    "one TCP segment: {request:?}"
                );
                assert_eq!(request.records, records, "one TLS record: {request:?}");
            }
        }
    }
}

#[test]
fn a_large_request_arrives_whole() {
    // More than the buffers of TLS and of the kernels hold.
    let large = Request::large("7654321");
    for builder in [Gateway::plain(), Gateway::tls()] {
        let gateway = builder.receive_buffer(65_536).start();
        let client = Client::new(&gateway.config()).expect("a client");
        client.send(&large).accepted();
        drop(client);
        let deliveries = gateway.finish();
        assert_eq!(deliveries.len(), 1);
        let json = deliveries[0].json();
        for field in ["displayNum", "account", "appId", "calledInfo"] {
            assert!(
                json[field] == json!("\u{1}".repeat(MAX_ARGUMENT)),
                "{field}"
            );
        }
    }
}

#[test]
fn base_urls_of_every_usable_form_reach_the_gateway() {
    let gateway = Gateway::plain().start();
    let port = gateway.address().port();
    for (base, line) in [
        (
            format!("http://127.0.0.1:{port}/voice"),
            "POST /voice/sendSip HTTP/1.1",
        ),
        (
            format!("http://127.0.0.1:{port}/voice/"),
            "POST /voice/sendSip HTTP/1.1",
        ),
        (format!("http://127.0.0.1:{port}"), "POST /sendSip HTTP/1.1"),
        (
            format!("http://127.0.0.1:{port}/"),
            "POST /sendSip HTTP/1.1",
        ),
        (
            format!("http://127.0.0.1:{port}/a/b%20c/voice"),
            "POST /a/b%20c/voice/sendSip HTTP/1.1",
        ),
        (
            format!("http://localhost:{port}/voice"),
            "POST /voice/sendSip HTTP/1.1",
        ),
        (
            format!("HTTP://LOCALHOST:{port}/voice"),
            "POST /voice/sendSip HTTP/1.1",
        ),
        (
            format!("http://127.1.2.3:{port}/voice"),
            "POST /voice/sendSip HTTP/1.1",
        ),
    ] {
        // 127.1.2.3 is this machine, too, but nothing listens there.
        let client =
            Client::new(&Config::new(&base)).unwrap_or_else(|error| panic!("{base}: {error:?}"));
        if base.contains("127.1.2.3") {
            client
                .call("7654321")
                .expect(support::client::CONNECT_FAILED);
            continue;
        }
        client.call("7654321").accepted();
        assert_eq!(
            gateway.deliveries().last().expect("a request").line(),
            line,
            "{base}"
        );
    }
}

#[test]
fn cookies_are_not_stored_and_offers_of_the_server_are_ignored() {
    let gateway = Gateway::tls()
        .answer(|request| {
            Response::ok(&recording_id_for(&request.callee()))
                .header("Set-Cookie", "session=1; Path=/")
                .header("Alt-Svc", "h3=\":443\"")
                .header("WWW-Authenticate", "Basic realm=x")
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call("7654321").accepted();
    client.call("7654322").accepted();
    drop(client);
    let deliveries = gateway.finish();
    let names = |n: usize| {
        deliveries[n]
            .headers()
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(deliveries.len(), 2);
    assert_eq!(
        names(0),
        names(1),
        "the second request has the headers of the first"
    );
    assert!(
        !names(1)
            .iter()
            .any(|name| name == "cookie" || name == "authorization")
    );
}

#[test]
fn tls_1_2_and_1_3_are_supported() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = Authority::common().server_with_versions(LOOPBACK, Validity::Now, &[version]);
        let gateway = Gateway::tls().certificate(server).start();
        let client = Client::new(&gateway.config()).expect("a client");
        for callee in ["7654321", "7654322"] {
            assert_eq!(client.call(callee).accepted(), recording_id_for(callee));
        }
        drop(client);
        assert_eq!(gateway.finish_and_count(), 2);
    }
}

#[test]
fn early_data_is_never_used() {
    let mut server = Arc::unwrap_or_clone(Authority::common().server(LOOPBACK, Validity::Now));
    server.max_early_data_size = 64 * 1024;
    let gateway = Gateway::tls()
        .certificate(Arc::new(server))
        .answer(|request| {
            let id = recording_id_for(&request.callee());
            let response = Response::ok(&id).header("Connection", "close");
            vec![Step::Send(response.bytes()), Step::Close]
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    for callee in ["7654321", "7654322", "7654323"] {
        client.call(callee).accepted();
    }
    drop(client);
    let handshakes = gateway.handshakes();
    assert_eq!(
        handshakes,
        vec![Ok(()); 3],
        "the gateway reports early data as an error"
    );
    assert!(
        gateway.resumptions() > 0,
        "no session was resumed, so there was no place for early data"
    );
    assert_eq!(gateway.finish_and_count(), 3);
}

#[test]
fn each_call_has_its_own_timestamp() {
    let gateway = Gateway::plain().start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call("7654321").accepted();
    let first = SystemTime::now();
    std::thread::sleep(Duration::from_millis(2100));
    client.call("7654322").accepted();
    drop(client);
    let deliveries = gateway.finish();
    assert!(first.elapsed().is_ok());
    let step = deliveries[1].timestamp() - deliveries[0].timestamp();
    assert!(
        (2..=30).contains(&step),
        "{step} s between the timestamps of calls 2.1 s apart"
    );
    for request in &deliveries {
        request.check_signature(KEY, SECRET);
    }
}
