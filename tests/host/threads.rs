//! Many threads, and small ones.

use std::collections::HashSet;
use std::time::Duration;

use super::gateways::accepted;
use super::program::Host;
use super::support::certs::{Authority, LOOPBACK, Validity};
use super::support::client;
use super::support::gateway::{Gateway, Step};
use super::support::proxy::Proxy;
use super::support::response::Response;

#[test]
fn each_of_256_threads_on_one_client_gets_its_own_answer() {
    let gateway = Gateway::tls().start();
    let figures = Host::new("host_threads.c")
        .arg(256)
        .arg(20)
        .calling(&gateway)
        .keeps("256 threads on one client");
    let connections = gateway.connections();
    let diary = gateway.finish();
    println!("  over {connections} connections");
    let callees: HashSet<_> = diary.iter().map(|delivery| delivery.callee()).collect();
    assert_eq!(diary.len(), figures.count("calls"));
    assert_eq!(callees.len(), diary.len(), "each call arrived once");
    assert!(connections <= 256, "{connections}");
}

/// Lives a whole life in a thread with a stack of 64 KiB, and prints how much of it was used.
fn live_small(host: Host, life: &str, result: i32, text: usize) {
    host.arg(64)
        .arg(result)
        .arg(text)
        .keeps(&format!("a thread with a 64 KiB stack, {life}"));
}

fn host() -> Host {
    Host::new("host_stack.c")
}

#[test]
fn a_whole_life_over_tls_fits_into_a_stack_of_64_kib() {
    for (version, name) in [
        (&rustls::version::TLS13, "TLS 1.3"),
        (&rustls::version::TLS12, "TLS 1.2"),
    ] {
        let server = Authority::common().server_with_versions(LOOPBACK, Validity::Now, &[version]);
        let gateway = Gateway::tls().certificate(server).start();
        live_small(host().calling(&gateway), name, client::OK, 0);
        assert_eq!(gateway.finish_and_count(), 2);
    }
}

#[test]
fn a_whole_life_through_a_proxy_and_with_a_name_to_look_up_fits_into_a_stack_of_64_kib() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let host_behind = |url: &str| host().calling_url(url).through(&proxy);
    live_small(
        host_behind(&gateway.url_for("gateway.test")),
        "a proxy",
        client::OK,
        0,
    );
    live_small(
        host().calling_url(&gateway.url_for("localhost")),
        "a name",
        client::OK,
        0,
    );
    assert_eq!(proxy.asked().len(), 1);
    assert_eq!(gateway.finish_and_count(), 4);
}

#[test]
fn a_whole_life_with_the_systems_trust_store_fits_into_a_stack_of_64_kib() {
    let gateway = Gateway::tls().start();
    let host = host()
        .env("HOST_URL", gateway.url())
        .env("SSL_CERT_FILE", Authority::common().file());
    live_small(host, "the system's trust store", client::OK, 0);
}

#[test]
fn failures_large_requests_and_hostile_answers_fit_into_a_stack_of_64_kib() {
    let stranger = Gateway::tls()
        .certificate(Authority::new().server(LOOPBACK, Validity::Now))
        .start();
    let life = "a certificate of a stranger";
    live_small(host().calling(&stranger), life, client::TLS_FAILED, 0);

    let gateway = Gateway::tls().start();
    let life = "the longest text";
    live_small(
        host().calling(&gateway),
        life,
        client::OK,
        client::MAX_ARGUMENT,
    );

    let nested = Gateway::tls()
        .answer(|_| {
            let depth = 30_000;
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            Response::json(format!(r#"{{"status":"0","x":{open}{close}}}"#))
        })
        .start();
    let life = "an answer nested 30,000 deep";
    live_small(host().calling(&nested), life, client::BAD_RESPONSE, 0);

    let many_headers = Gateway::tls()
        .answer(|delivery| {
            (0..90).fold(accepted(delivery), |response, number| {
                response.header(&format!("X-{number}"), &"v".repeat(500))
            })
        })
        .start();
    let life = "an answer with 90 long headers";
    live_small(host().calling(&many_headers), life, client::OK, 0);

    let dripping = Gateway::tls()
        .answer(|delivery| vec![Step::Drip(accepted(delivery).bytes(), Duration::ZERO)])
        .start();
    let life = "an answer byte by byte";
    live_small(host().calling(&dripping), life, client::OK, 0);
}
