//! A CONNECT proxy that follows a script, with or without TLS to it: the gateway's code with another request
//! line. SOCKS5 proxies are in `socks`.

use std::net::SocketAddr;
use std::time::Duration;

use super::client::{Client, PROXY_FAILED, Reply};
use super::diary::Delivery;
use super::gateway::{Builder, Gateway, Opening, Step};

/// Fails the test unless a call through this proxy fails as the proxy's failure, in time, and nothing reaches
/// the gateway.
#[track_caller]
pub fn check_failure(name: &str, proxy: &str) -> Reply {
    let gateway = Gateway::tls().start();
    let config = gateway.config().proxy(proxy).connect_timeout_ms(1500);
    let client = Client::new(&config).expect("a client");
    let reply = client.call("7000001");
    drop(client);
    assert_eq!(reply.result, PROXY_FAILED, "{name}: {reply:?}");
    assert!(!reply.may_have_dialed());
    assert!(reply.elapsed < Duration::from_secs(8), "{name}: {reply:?}");
    assert_eq!(gateway.connections(), 0, "{name}");
    reply
}

/// A running proxy; everything in it ends when it drops.
pub struct Proxy {
    inner: Gateway,
    scheme: &'static str,
}

impl Proxy {
    /// A proxy that connects to `target` whatever the CONNECT asks for.
    pub fn to(target: SocketAddr) -> Proxy {
        Proxy::answering(move |_| tunnel(target))
    }

    /// The same with TLS to the proxy.
    pub fn tls(target: SocketAddr) -> Proxy {
        Proxy::of("https", Gateway::tls().answer(move |_| tunnel(target)))
    }

    /// The same as [`Proxy::to`], with a small receive buffer: [`Builder::receive_buffer`].
    pub fn narrow(target: SocketAddr, bytes: usize) -> Proxy {
        let proxy = Gateway::plain().receive_buffer(bytes);
        Proxy::of("http", proxy.answer(move |_| tunnel(target)))
    }

    /// One that is made of this gateway, under a URL of this scheme.
    pub fn of(scheme: &'static str, proxy: Builder) -> Proxy {
        let inner = proxy.start();
        Proxy { inner, scheme }
    }

    /// The same as [`Proxy::to`], for clients that send this name and password; 407 for others.
    pub fn with_password(target: SocketAddr, basic: &'static str) -> Proxy {
        Proxy::answering(move |request| {
            let authorized = request
                .headers()
                .contains(&("proxy-authorization".to_owned(), format!("Basic {basic}")));
            if authorized {
                tunnel(target)
            } else {
                refusal("407 Proxy Authentication Required")
            }
        })
    }

    /// A proxy that answers each request with these steps.
    pub fn answering(answer: impl Fn(&Delivery) -> Vec<Step> + Send + Sync + 'static) -> Proxy {
        Proxy::of("http", Gateway::plain().answer(answer))
    }

    /// A proxy that does this with each connection before it reads anything.
    pub fn opening(opening: Opening) -> Proxy {
        Proxy::of("http", Gateway::plain().opening(move |_| opening.clone()))
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.inner.address())
    }

    pub fn address(&self) -> SocketAddr {
        self.inner.address()
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Delivery> {
        self.inner.deliveries()
    }

    /// How each TLS handshake with it so far ended.
    pub fn handshakes(&self) -> Vec<Result<(), String>> {
        self.inner.handshakes()
    }

    pub fn connections(&self) -> usize {
        self.inner.connections()
    }

    /// Waits until this many requests have arrived.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        self.inner.wait_for_requests(count);
    }
}

/// Grants the tunnel.
pub fn tunnel(target: SocketAddr) -> Vec<Step> {
    let granted = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
    vec![Step::Send(granted), Step::Tunnel(target)]
}

/// Refuses it with this status line, and an HTML page.
pub fn refusal(status: &str) -> Vec<Step> {
    let page = "<html>not through me</html>";
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    );
    vec![Step::Send(head.into_bytes()), Step::Close]
}
