//! Many threads, and threads with small stacks.

use std::collections::HashSet;
use std::time::Duration;

use super::gateways::accepted;
use super::program::Host;
use super::support::certs::{Authority, LOOPBACK, Validity};
use super::support::client;
use super::support::gateway::{Gateway, Step};
use super::support::proxy::{self, Proxy};
use super::support::response::Response;
use super::support::socks::Socks;

#[test]
fn each_of_256_threads_on_one_client_gets_its_own_recording_ids() {
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

/// Makes, uses and frees a client in a thread with a stack of 64 KiB, and prints how much of it was used.
fn fits(host: Host, what: &str, result: i32, text: usize) {
    host.arg(64)
        .arg(result)
        .arg(text)
        .keeps(&format!("a thread with a 64 KiB stack, {what}"));
}

fn host() -> Host {
    Host::new("host_stack.c")
}

#[test]
fn a_client_with_tls_fits_into_a_stack_of_64_kib() {
    for (version, name) in [
        (&rustls::version::TLS13, "TLS 1.3"),
        (&rustls::version::TLS12, "TLS 1.2"),
    ] {
        let server = Authority::common().server_with_versions(LOOPBACK, Validity::Now, &[version]);
        let gateway = Gateway::tls().certificate(server).start();
        fits(host().calling(&gateway), name, client::OK, 0);
        assert_eq!(gateway.finish_and_count(), 2);
    }
}

#[test]
fn a_client_with_a_proxy_or_a_name_to_resolve_fits_into_a_stack_of_64_kib() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::to(gateway.address());
    let host_behind = |url: &str| host().calling_url(url).through(&proxy);
    fits(
        host_behind(&gateway.url_for("gateway.test")),
        "a proxy",
        client::OK,
        0,
    );
    fits(
        host().calling_url(&gateway.url_for("localhost")),
        "a name",
        client::OK,
        0,
    );
    assert_eq!(proxy.asked().len(), 1);
    assert_eq!(gateway.finish_and_count(), 4);
}

#[test]
fn a_client_with_a_socks_or_an_https_proxy_fits_into_a_stack_of_64_kib() {
    let gateway = Gateway::tls().start();
    let url = gateway.url_for("gateway.test");
    let socks = Socks::to(gateway.address());
    let by_socks = host().calling_url(&url);
    let by_socks = by_socks.env("HOST_PROXY", socks.url_as("socks5h", "user:password"));
    fits(by_socks, "a SOCKS proxy", client::OK, 0);
    assert_eq!(socks.asked().len(), 1);
    for (version, name) in [
        (&rustls::version::TLS13, "TLS 1.3 to a proxy"),
        (&rustls::version::TLS12, "TLS 1.2 to a proxy"),
    ] {
        let server = Authority::common().server_with_versions(LOOPBACK, Validity::Now, &[version]);
        let target = gateway.address();
        let proxy = Gateway::tls().certificate(server);
        let proxy = Proxy::of("https", proxy.answer(move |_| proxy::tunnel(target)));
        fits(
            host().calling_url(&url).through(&proxy),
            name,
            client::OK,
            0,
        );
        let large = host().calling_url(&url).through(&proxy);
        fits(large, name, client::OK, client::MAX_ARGUMENT);
        assert_eq!(proxy.asked().len(), 2);
    }
    assert_eq!(gateway.finish_and_count(), 10);
}

#[test]
fn a_client_with_the_systems_trust_store_fits_into_a_stack_of_64_kib() {
    let gateway = Gateway::tls().start();
    let host = host()
        .env("HOST_URL", gateway.url())
        .env("SSL_CERT_FILE", Authority::common().file());
    fits(host, "the system's trust store", client::OK, 0);
}

#[test]
fn failures_large_requests_and_hostile_responses_fit_into_a_stack_of_64_kib() {
    let untrusted = Gateway::tls()
        .certificate(Authority::new().server(LOOPBACK, Validity::Now))
        .start();
    let what = "a certificate of an unknown authority";
    fits(host().calling(&untrusted), what, client::TLS_FAILED, 0);

    let gateway = Gateway::tls().start();
    let what = "the longest text";
    fits(
        host().calling(&gateway),
        what,
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
    let what = "a response nested 30,000 deep";
    fits(host().calling(&nested), what, client::BAD_RESPONSE, 0);

    let many_headers = Gateway::tls()
        .answer(|delivery| {
            (0..90).fold(accepted(delivery), |response, number| {
                response.header(&format!("X-{number}"), &"v".repeat(500))
            })
        })
        .start();
    let what = "a response with 90 long headers";
    fits(host().calling(&many_headers), what, client::OK, 0);

    let dripping = Gateway::tls()
        .answer(|delivery| vec![Step::Drip(accepted(delivery).bytes(), Duration::ZERO)])
        .start();
    let what = "a response byte by byte";
    fits(host().calling(&dripping), what, client::OK, 0);
}
