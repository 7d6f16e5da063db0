//! Promises of the header that belong to no other file of tests. docs/promises.md has each promise, with its
//! tests.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use support::c::{self, Build};
use support::certs::Authority;
use support::client::{
    BAD_RESPONSE, Client, Config, OK, PROXY_FAILED, Query, SHUT_DOWN, TLS_FAILED, unix_now,
};
use support::diary::Delivery;
use support::gateway::Gateway;
use support::response::{Response, recording_id_for, unique_id};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A response of the API with this `data`.
fn success(data: &Value) -> Response {
    Response::json(json!({ "status": "0", "reason": "success", "data": data }).to_string())
}

#[test]
fn a_call_an_idle_connection_and_a_client_take_no_more_memory_than_the_header_says() {
    let authority = Authority::common().pem();
    let [client, connection, call, largest] = memory_with(&authority);
    assert!((1..=150 * 1024).contains(&client), "{client}");
    // "Some 20 KiB", and 1 KiB to the next half.
    assert!((1..=22 * 1024).contains(&connection), "{connection}");
    assert!((1..=1536).contains(&call), "{call}");
    assert!((1..=6 * 1024 * 1024).contains(&largest), "{largest}");
    // As many authorities as a system trusts.
    let [with_more, ..] = memory_with(&authority.repeat(150));
    assert!(
        (1..=100 * 1024).contains(&(with_more - client)),
        "{client}, then {with_more}"
    );
}

/// What memory_use.c measures, with these authorities: a client, a connection, a call, and the largest one.
fn memory_with(authorities: &str) -> [i64; 4] {
    let file = support::scratch().join("authorities.pem");
    std::fs::write(&file, authorities).expect("a file");
    let gateway = Gateway::tls()
        .answer(|_| Response::ok(&unique_id()))
        .start();
    let mut command = c::command(&Build::c().compile("memory_use.c"));
    command.arg(gateway.url()).arg(&file);
    let output = c::run(command, c::LIMIT);
    let printed = output.success();
    println!("{printed}");
    ["client", "connection", "call", "largest"].map(|name| {
        let word = printed.split_whitespace().find_map(|word| {
            word.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='))
        });
        word.and_then(|number| number.parse().ok()).expect(name)
    })
}

#[test]
fn a_plain_base_url_looks_at_no_ca_file() {
    let gateway = Gateway::plain().start();
    let config = gateway.config().ca_file("/nonexistent/ca.pem".as_ref());
    let client = Client::new(&config).expect("a client");
    assert_eq!(
        client.call("7000001").accepted(),
        recording_id_for("7000001")
    );
}

#[test]
fn a_proxy_without_a_port_is_asked_on_port_80() {
    let config = Config::new("https://127.0.0.1:1/voice")
        .ca_file(Authority::common().file())
        .proxy("http://proxy.invalid");
    let reply = Client::new(&config).expect("a client").call("7000001");
    reply.expect(PROXY_FAILED).expect_reason("proxy.invalid:80");
}

#[test]
fn a_system_without_a_trust_store_is_a_tls_failure() {
    let gateway = Gateway::tls().start();
    let nothing = support::scratch().join("no-certificates");
    std::fs::create_dir(&nothing).expect("a directory");
    let mut command = c::command(&Build::c().compile("call.c"));
    command
        .env("SSL_CERT_FILE", nothing.join("none.pem"))
        .env("SSL_CERT_DIR", &nothing)
        .args(["--url", &gateway.url(), "--proxy", "", "7000001"]);
    let output = c::run(command, c::LIMIT);
    let printed = output.success();
    let expected = format!("result={TLS_FAILED} ");
    assert!(printed.starts_with(&expected), "{printed}");
    assert!(gateway.finish().is_empty(), "nothing was sent");
}

#[test]
fn shutdown_twice_and_with_null_is_harmless() {
    let gateway = Gateway::plain().start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call("7000001").accepted();
    client.shutdown();
    client.shutdown();
    // SAFETY: NULL is allowed.
    unsafe { (support::client::api().client_shutdown)(std::ptr::null()) };
    client.call("7000002").expect(SHUT_DOWN);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 1);
}

#[test]
fn reads_of_many_threads_each_get_their_own_records() {
    let record = |id: &str, callee: &str| {
        let time = OffsetDateTime::now_utc().format(&Rfc3339).expect("a time");
        json!({ "voiceId": id, "callee": callee, "submitTime": time })
    };
    let gateway = Gateway::plain()
        .answer(move |request: &Delivery| {
            let line = request.line();
            let one = line.strip_prefix("GET /voice/recordSip/");
            match one.and_then(|rest| rest.strip_suffix(" HTTP/1.1")) {
                Some(id) => success(&record(id, "1")),
                None => {
                    let page: Vec<_> = (0..100)
                        .map(|n| record(&format!("id{n}"), &format!("490000000{n}")))
                        .collect();
                    success(&json!({ "total": 100, "size": 100, "current": 1, "pages": 1, "records": page }))
                }
            }
        })
        .start();
    let client = Client::new(&gateway.config().timeout_ms(20_000)).expect("a client");
    let since = unix_now() - 60;
    thread::scope(|scope| {
        for number in 0..16 {
            let client = &client;
            scope.spawn(move || {
                for read in 0..20 {
                    let id = format!("{number}00{read}");
                    let reply = client.get_record(&id);
                    assert_eq!(reply.expect(OK).recording_ids(), [id.as_str()]);
                    let wanted = number * 5 + read % 5;
                    let query = Query::to(&format!("490000000{wanted}"), since);
                    let found = client.find_records(&query);
                    assert_eq!(found.recording_ids(), [format!("id{wanted}").as_str()]);
                }
            });
        }
    });
}

#[test]
fn more_than_a_hundred_thousand_records_are_a_bad_response() {
    let now = OffsetDateTime::now_utc().format(&Rfc3339).expect("a time");
    let asked = AtomicUsize::new(0);
    let gateway = Gateway::plain()
        .answer(move |_| {
            let page = asked.fetch_add(1, Ordering::Relaxed);
            let records: Vec<_> = (0..100)
                .map(|n| json!({ "voiceId": format!("{page}x{n}"), "submitTime": now }))
                .collect();
            success(&json!({
                "total": 200_000, "size": 100, "current": page + 1, "pages": 2_000, "records": records,
            }))
        })
        .start();
    let client = Client::new(&gateway.config().timeout_ms(120_000)).expect("a client");
    let reply = client.find_records(&Query::since(unix_now() - 60));
    reply.expect(BAD_RESPONSE).expect_reason("100,000");
    assert!(reply.records.is_empty(), "{reply:?}");
}
