//! Calls leak nothing, whatever their result.

use super::gateways::accepted_and_closed;
use super::program::{Figures, Host};
use super::support::certs::{Authority, LOOPBACK, Validity};
use super::support::client;
use super::support::gateway::{Builder, Gateway, Opening, Step};
use super::support::instrument::slowdown;
use super::support::proxy::{self, Proxy};
use super::support::response::Response;
use super::support::sockets::{Ignoring, Refusing};
use super::support::socks::{Reply as SocksReply, Socks};

/// How much the heap may grow without a leak: a few buffers may be larger when it is measured.
const MAX_GROWTH: f64 = 2.0 * 1024.0;

/// The host. malloc() has no cache per thread, which would look like growth.
fn host() -> Host {
    Host::new("host_failures.c").env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
}

/// Milliseconds; for tests in which a call has to time out.
const SHORT: u32 = 60;
/// Milliseconds; long enough for a busy machine.
const LONG: u32 = 20_000;

#[derive(Default)]
struct Failures {
    arguments: Vec<String>,
    gateways: Vec<Gateway>,
    proxies: Vec<Proxy>,
}

impl Failures {
    fn url(&mut self, result: i32, connect: u32, timeout: u32, proxy: &str, url: &str) {
        self.arguments
            .push(format!("{result}|{connect}|{timeout}|{proxy}|{url}"));
    }

    fn gateway(&mut self, result: i32, gateway: Builder) {
        self.gateway_within(result, LONG, LONG, gateway);
    }

    fn gateway_within(&mut self, result: i32, connect: u32, timeout: u32, gateway: Builder) {
        let gateway = gateway.start();
        self.url(result, connect, timeout, "", &gateway.url());
        self.gateways.push(gateway);
    }

    fn proxy(&mut self, proxy: Proxy) {
        let url = "https://gateway.test/voice";
        self.url(client::PROXY_FAILED, LONG, LONG, &proxy.url(), url);
        self.proxies.push(proxy);
    }
}

fn opening(steps: Vec<Step>) -> Builder {
    Gateway::tls().opening(move |_| Opening::Raw(steps.clone()))
}

fn responding(response: Response) -> Builder {
    Gateway::tls().answer(move |_| response.clone())
}

fn ending(response: &'static str, end: Step) -> Builder {
    Gateway::tls().answer(move |_| vec![Step::Send(response.into()), end.clone()])
}

#[test]
fn forty_rounds_of_every_failure_leak_no_descriptor_thread_or_memory() {
    let (refusing, ignoring) = (Refusing::new(), Ignoring::new());
    let mut failures = Failures::default();
    for (result, connect, url) in [
        (client::RESOLVE_FAILED, LONG, "https://nowhere.test/voice"),
        (client::RESOLVE_FAILED, SHORT, "https://slow.test/voice"),
        (
            client::CONNECT_FAILED,
            LONG,
            &format!("https://{}", refusing.address()),
        ),
        (
            client::CONNECT_FAILED,
            SHORT,
            &format!("https://{}", ignoring.address()),
        ),
    ] {
        failures.url(result, connect, LONG, "", url);
    }
    let unknown_authority = Authority::new();
    failures.gateway(
        client::TLS_FAILED,
        Gateway::tls().certificate(unknown_authority.server(LOOPBACK, Validity::Now)),
    );
    failures.gateway(
        client::TLS_FAILED,
        Gateway::tls().certificate(Authority::common().server(LOOPBACK, Validity::Expired)),
    );
    failures.gateway(
        client::TLS_FAILED,
        opening(vec![Step::Send(b"SSH-2.0-x\r\n".to_vec()), Step::Stall]),
    );
    failures.gateway(client::CONNECT_FAILED, opening(vec![Step::Reset]));
    failures.gateway(client::CONNECT_FAILED, opening(vec![Step::Fin]));
    let silent = opening(vec![Step::Stall]);
    failures.gateway_within(client::CONNECT_FAILED, SHORT, LONG, silent);
    failures.gateway(client::CONNECTION_LOST, ending("", Step::Fin));
    failures.gateway(
        client::CONNECTION_LOST,
        ending("HTTP/1.1 200 OK\r\n", Step::Reset),
    );
    // Without TLS: its handshake may take this long on a busy machine.
    let plain_and_silent = Gateway::plain().answer(|_| vec![Step::Stall]);
    failures.gateway_within(client::TIMED_OUT, LONG, 250 * slowdown(), plain_and_silent);
    failures.gateway(client::BAD_RESPONSE, ending("garbage\r\n\r\n", Step::Close));
    failures.gateway(client::BAD_RESPONSE, responding(Response::json("{")));
    failures.gateway(
        client::BAD_RESPONSE,
        responding(Response::json("x".repeat(100_000))),
    );
    failures.gateway(
        client::HTTP_ERROR,
        responding(Response::json("moved").code(302)),
    );
    failures.gateway(
        client::HTTP_ERROR,
        responding(Response::json("broken").code(500)),
    );
    failures.gateway(
        client::REJECTED,
        responding(Response::refused(-10, "no money")),
    );
    failures.gateway(client::OK, Gateway::tls());

    let gateway = Gateway::tls().start();
    failures.proxy(Proxy::answering(|_| proxy::refusal("403 Forbidden")));
    failures.proxy(Proxy::opening(Opening::Raw(vec![Step::Reset])));
    failures.proxy(Proxy::answering(|_| {
        vec![Step::Send(b"garbage\r\n\r\n".to_vec()), Step::Close]
    }));
    failures.proxy(Proxy::of(
        "https",
        Gateway::tls().answer(|_| proxy::refusal("403 Forbidden")),
    ));
    failures.proxy(Proxy::of(
        "https",
        Gateway::tls().certificate(unknown_authority.server(LOOPBACK, Validity::Now)),
    ));
    let socks = Socks::replying(|_| SocksReply::Refuse(2));
    failures.url(
        client::PROXY_FAILED,
        LONG,
        LONG,
        &socks.url("socks5h"),
        &gateway.url(),
    );
    failures.url(
        client::PROXY_FAILED,
        LONG,
        LONG,
        &socks.url("socks5"),
        &gateway.url(),
    );
    let by = Proxy::tls(gateway.address());
    failures.url(client::OK, LONG, LONG, &by.url(), &gateway.url());
    failures.proxies.push(by);
    let by = format!("http://{}", refusing.address());
    failures.url(client::PROXY_FAILED, LONG, LONG, &by, &gateway.url());
    let by = format!("http://{}", ignoring.address());
    failures.url(client::PROXY_FAILED, SHORT, LONG, &by, &gateway.url());

    // Shut down during the wait for the response, the lookup, and the connect.
    let silent = ending("", Step::Stall).start();
    for url in [
        silent.url(),
        "https://slow.test/voice".to_owned(),
        format!("https://{}", ignoring.address()),
    ] {
        failures.arguments.push(format!("!0|{LONG}|{LONG}||{url}"));
    }

    let mut host = host()
        .arg("rounds")
        .env("HOST_CA", Authority::common().file());
    for failure in &failures.arguments {
        host = host.arg(failure);
    }
    let figures = host.keeps("40 rounds of every kind of failure");
    assert!(figures.count("calls") >= failures.arguments.len() * 40);
    assert!(figures.get("grown") < MAX_GROWTH, "memory grows");
}

/// Places so many calls, and checks that memory and descriptors have not grown.
#[track_caller]
fn check_flat(calls: u32, gateway: &Gateway, promise: &str) -> Figures {
    let host = host().arg("many-calls").arg(calls).calling(gateway);
    let figures = host.keeps(promise);
    assert!(figures.get("grown") < MAX_GROWTH, "memory grows");
    assert_eq!(figures.count("descriptors_grown"), 0);
    assert_eq!(figures.count("descriptors_left"), 0);
    figures
}

#[test]
fn memory_and_descriptors_stay_flat_over_a_hundred_thousand_calls() {
    let gateway = Gateway::plain().start();
    check_flat(100_000, &gateway, "100,000 calls from 8 threads");
}

#[test]
fn memory_and_descriptors_stay_flat_over_two_thousand_connections() {
    let gateway = Gateway::tls().answer(accepted_and_closed).start();
    let promise = "2,000 calls, each over a TLS connection of its own";
    let figures = check_flat(2_000, &gateway, promise);
    assert_eq!(gateway.connections(), figures.count("calls"));
}

#[test]
fn with_thousands_of_descriptors_calls_work_and_with_none_left_they_fail_as_not_connected() {
    let gateway = Gateway::tls().start();
    host()
        .arg("many-descriptors")
        .calling(&gateway)
        .keeps("1,500 descriptors, and none left");
    assert_eq!(gateway.finish_and_count(), 3);
}
