//! What calls leave behind in the host: nothing.

use super::gateways::accepted_and_closed;
use super::program::{Figures, Host};
use super::support::certs::{Authority, LOOPBACK, Validity};
use super::support::client;
use super::support::gateway::{Builder, Gateway, Opening, Step};
use super::support::instrument::slowdown;
use super::support::proxy::{self, Proxy};
use super::support::response::Response;
use super::support::sockets::{Ignoring, Refusing};

/// What the heap may grow by without a leak: a few buffers that happen to be larger as it is weighed.
const NOISE: f64 = 2.0 * 1024.0;

/// The host, with a malloc that keeps nothing back per thread, which would look like growth.
fn host() -> Host {
    Host::new("host_failures.c").env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
}

/// A call that is given up after this time, where that is what the test is about.
const SHORT: u32 = 60;
/// No busy machine makes a call take longer.
const LONG: u32 = 20_000;

#[derive(Default)]
struct Ways {
    arguments: Vec<String>,
    gateways: Vec<Gateway>,
    proxies: Vec<Proxy>,
}

impl Ways {
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

fn answering(answer: Response) -> Builder {
    Gateway::tls().answer(move |_| answer.clone())
}

fn ending(answer: &'static str, end: Step) -> Builder {
    Gateway::tls().answer(move |_| vec![Step::Send(answer.into()), end.clone()])
}

#[test]
fn no_descriptor_thread_or_memory_is_left_by_forty_rounds_of_every_failure() {
    let (refusing, ignoring) = (Refusing::new(), Ignoring::new());
    let mut ways = Ways::default();
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
        ways.url(result, connect, LONG, "", url);
    }
    let stranger = Authority::new();
    ways.gateway(
        client::TLS_FAILED,
        Gateway::tls().certificate(stranger.server(LOOPBACK, Validity::Now)),
    );
    ways.gateway(
        client::TLS_FAILED,
        Gateway::tls().certificate(Authority::common().server(LOOPBACK, Validity::Expired)),
    );
    ways.gateway(
        client::TLS_FAILED,
        opening(vec![Step::Send(b"SSH-2.0-x\r\n".to_vec()), Step::Stall]),
    );
    ways.gateway(client::CONNECT_FAILED, opening(vec![Step::Reset]));
    ways.gateway(client::CONNECT_FAILED, opening(vec![Step::Fin]));
    let silent = opening(vec![Step::Stall]);
    ways.gateway_within(client::CONNECT_FAILED, SHORT, LONG, silent);
    ways.gateway(client::CONNECTION_LOST, ending("", Step::Fin));
    ways.gateway(
        client::CONNECTION_LOST,
        ending("HTTP/1.1 200 OK\r\n", Step::Reset),
    );
    // Without TLS, which may take this long on a busy machine.
    let plain_and_silent = Gateway::plain().answer(|_| vec![Step::Stall]);
    ways.gateway_within(client::TIMED_OUT, LONG, 250 * slowdown(), plain_and_silent);
    ways.gateway(client::BAD_RESPONSE, ending("garbage\r\n\r\n", Step::Close));
    ways.gateway(client::BAD_RESPONSE, answering(Response::json("{")));
    ways.gateway(
        client::BAD_RESPONSE,
        answering(Response::json("x".repeat(100_000))),
    );
    ways.gateway(
        client::HTTP_ERROR,
        answering(Response::json("moved").code(302)),
    );
    ways.gateway(
        client::HTTP_ERROR,
        answering(Response::json("broken").code(500)),
    );
    ways.gateway(
        client::REJECTED,
        answering(Response::refused(-10, "no money")),
    );
    ways.gateway(client::OK, Gateway::tls());

    let gateway = Gateway::tls().start();
    ways.proxy(Proxy::answering(|_| proxy::refusal("403 Forbidden")));
    ways.proxy(Proxy::opening(Opening::Raw(vec![Step::Reset])));
    ways.proxy(Proxy::answering(|_| {
        vec![Step::Send(b"garbage\r\n\r\n".to_vec()), Step::Close]
    }));
    let by = format!("http://{}", refusing.address());
    ways.url(client::PROXY_FAILED, LONG, LONG, &by, &gateway.url());
    let by = format!("http://{}", ignoring.address());
    ways.url(client::PROXY_FAILED, SHORT, LONG, &by, &gateway.url());

    // Shut down as the name is looked up, the proxy connects, and the answer comes.
    let silent = ending("", Step::Stall).start();
    for url in [
        silent.url(),
        "https://slow.test/voice".to_owned(),
        format!("https://{}", ignoring.address()),
    ] {
        ways.arguments.push(format!("!0|{LONG}|{LONG}||{url}"));
    }

    let mut host = host()
        .arg("rounds")
        .env("HOST_CA", Authority::common().file());
    for way in &ways.arguments {
        host = host.arg(way);
    }
    let figures = host.keeps("40 rounds of every kind of failure");
    assert!(figures.count("calls") >= ways.arguments.len() * 40);
    assert!(figures.get("grown") < NOISE, "memory grows");
}

/// Makes so many calls, and fails where memory or descriptors have grown.
#[track_caller]
fn stay_flat(calls: u32, gateway: &Gateway, promise: &str) -> Figures {
    let host = host().arg("many").arg(calls).calling(gateway);
    let figures = host.keeps(promise);
    assert!(figures.get("grown") < NOISE, "memory grows");
    assert_eq!(figures.count("descriptors_grown"), 0);
    assert_eq!(figures.count("descriptors_left"), 0);
    figures
}

#[test]
fn memory_and_descriptors_stay_flat_over_a_hundred_thousand_calls() {
    let gateway = Gateway::plain().start();
    stay_flat(100_000, &gateway, "100,000 calls from 8 threads");
}

#[test]
fn memory_and_descriptors_stay_flat_over_two_thousand_connections() {
    let gateway = Gateway::tls().answer(accepted_and_closed).start();
    let promise = "2,000 calls, each over a TLS connection of its own";
    let figures = stay_flat(2_000, &gateway, promise);
    assert_eq!(gateway.connections(), figures.count("calls"));
}

#[test]
fn a_process_with_thousands_of_descriptors_calls_and_one_without_any_left_fails_truly() {
    let gateway = Gateway::tls().start();
    host()
        .arg("crowded")
        .calling(&gateway)
        .keeps("1,500 descriptors, and none left");
    assert_eq!(gateway.finish_and_count(), 3);
}
