//! One exchange with the API: a connection, kept or new, and a request that goes over it at most once.
//!
//! The request is written in one piece, head and body. That makes "the request is out" one place, in
//! [`converse`]: a failure before it is provably unsent, and none after it is.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::Proxy;

use crate::connection::{Connection, Pool, Tls, unsent};
use crate::http::{Incoming, Malformed, Reply, connect_request};
use crate::outcome::Failure;
use crate::outcome::itnio_result::*;
use crate::resolver::Resolver;
use crate::transport::{self, Socket, Stop, Wait};

/// A request that is no longer than this goes out in one segment: all of it has arrived, or nothing.
const SEGMENT: usize = 1200;

/// Room for one read; an answer of the API has some 300 bytes.
const PIECE: usize = 1024;

/// Where the requests go, and how.
#[derive(Clone, Debug)]
pub struct Route {
    /// A name or an address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// None for plain HTTP.
    pub tls: Option<Tls>,
    /// The proxy to tunnel through.
    pub proxy: Option<Proxy>,
}

/// A route, and what one process keeps of it from call to call.
#[derive(Debug)]
pub struct Endpoint {
    route: Route,
    resolver: Resolver,
    pool: Pool,
    stop: Stop,
}

/// When an exchange has to be over.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// All of it.
    pub deadline: Instant,
    /// How long a new connection may take, within that.
    pub connect_timeout: Duration,
}

/// An answer, and the connection that it came over, which is closed unless it is [kept](Endpoint::keep).
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub reply: Reply,
    /// Whether the answer may have come before the whole request had arrived; see
    /// [`Answered::is_premature`].
    pub may_be_premature: bool,
    connection: Connection,
}

impl Answered {
    /// Whether the answer came before the other side had the whole request, so that it cannot be the answer
    /// to it: a segment that is sent behind the request acknowledges it (RFC 9293, 3.4). One system call.
    pub fn is_premature(&self) -> bool {
        // A system that cannot tell proves nothing.
        self.connection
            .unacknowledged()
            .is_ok_and(|bytes| bytes > 0)
    }

    /// Whether the server has said more than one answer by now: then nobody can tell which is the one.
    pub fn has_more(&mut self) -> bool {
        self.reply.has_more || self.connection.has_data()
    }
}

/// Why there is no answer.
enum Broken {
    /// Not all of the request was handed to the system.
    BeforeOut(Failure),
    AfterOut(Failure),
}

impl Endpoint {
    /// Without connections or addresses yet; shares no lock with any other.
    ///
    /// # Errors
    ///
    /// Where the process has no descriptor left.
    pub fn new(route: &Route) -> io::Result<Endpoint> {
        let route = Route {
            tls: route.tls.as_ref().map(Tls::afresh),
            ..route.clone()
        };
        let (host, port) = match &route.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (route.host.as_str(), route.port),
        };
        Ok(Endpoint {
            resolver: Resolver::new(host.trim_matches(['[', ']']), port),
            pool: Pool::default(),
            stop: Stop::new()?,
            route,
        })
    }

    /// Ends the exchanges in progress, and refuses new ones.
    pub fn shut_down(&self) {
        self.stop.request();
        self.resolver.wake();
        self.pool.close();
    }

    /// Whether it has been shut down.
    pub fn is_shut_down(&self) -> bool {
        self.stop.requested()
    }

    /// Sends `request` at most once, and waits for the whole answer: over a kept connection, or,
    /// where there is none or it turned out dead before the request was out, over a new one. `veto` is asked
    /// right before the request is sent, and may have a reason against it.
    ///
    /// # Errors
    ///
    /// Whatever kept the answer away. The failure's result tells whether the request may have arrived.
    pub fn post(
        &self,
        request: &[u8],
        terms: &Terms,
        mut veto: impl FnMut() -> Option<Failure>,
    ) -> Result<Answered, Failure> {
        let wait = Wait {
            deadline: terms.deadline,
            stop: &self.stop,
        };
        let kept = self
            .pool
            .take(&wait)
            .map_err(|error| unsent(ITNIO_CONNECT_FAILED, "find a kept connection", &error))?;
        let mut connection = kept.map_or_else(|| self.connect(terms), Ok)?;
        loop {
            if let Some(failure) = veto() {
                return Err(failure);
            }
            let is_fresh = connection.is_fresh();
            match converse(connection, request, &wait) {
                // Where no time is left for another connection, that would then be blamed.
                Err(Broken::BeforeOut(_)) if !is_fresh && Instant::now() < terms.deadline => {
                    connection = self.connect(terms)?;
                }
                Err(Broken::BeforeOut(failure) | Broken::AfterOut(failure)) => return Err(failure),
                Ok(answered) => return Ok(answered),
            }
        }
    }

    /// Keeps the connection of an answer for another request, where the answer allows it.
    pub fn keep(&self, answered: Answered) {
        if answered.reply.persists {
            self.pool
                .put(answered.connection, answered.reply.keep_alive);
        }
    }

    /// A new connection to the API.
    fn connect(&self, terms: &Terms) -> Result<Connection, Failure> {
        let Endpoint { route, stop, .. } = self;
        if stop.requested() {
            return Err(unsent(ITNIO_SHUT_DOWN, "call", &transport::Error::ShutDown));
        }
        let wait = Wait {
            deadline: terms.deadline.min(Instant::now() + terms.connect_timeout),
            stop,
        };
        let socket = self.reach(&wait)?;
        if let Some(proxy) = &route.proxy {
            self.tunnel(&socket, proxy, &wait)?;
        }
        let mut connection = Connection::open(socket, route.tls.as_ref(), &wait)
            .map_err(|failure| self.of_host(failure))?;
        connection
            .expect_quiet(&wait)
            .map_err(|error| self.of_host(unsent(ITNIO_CONNECT_FAILED, "connect", &error)))?;
        Ok(connection)
    }

    /// A failure with the API's host in its reason.
    fn of_host(&self, failure: Failure) -> Failure {
        let Route { host, port, .. } = &self.route;
        Failure {
            reason: format!("{host}:{port}: {}", failure.reason),
            ..failure
        }
    }

    /// A socket to the host, or to the proxy.
    fn reach(&self, wait: &Wait<'_>) -> Result<Socket, Failure> {
        let route = &self.route;
        let (lookup_failed, connect_failed) = match route.proxy {
            Some(_) => (ITNIO_PROXY_FAILED, ITNIO_PROXY_FAILED),
            None => (ITNIO_RESOLVE_FAILED, ITNIO_CONNECT_FAILED),
        };
        let peer = match &route.proxy {
            Some(proxy) => format!("proxy {}:{}", proxy.host(), proxy.port()),
            None => format!("{}:{}", route.host, route.port),
        };
        let mut asked_again = false;
        loop {
            let mut found = self
                .resolver
                .find(wait)
                .map_err(|error| unsent(lookup_failed, format_args!("look up {peer}"), &error))?;
            if route.tls.is_none() {
                // Plain HTTP is for this machine only, whatever a name server says.
                found.addresses.retain(|address| address.ip().is_loopback());
                if found.addresses.is_empty() {
                    let text = format!("look up {peer}: not a loopback address, and not https");
                    return Err(Failure::new(ITNIO_RESOLVE_FAILED, text));
                }
            }
            match Socket::connect(&found.addresses, wait) {
                Ok(socket) => return Ok(socket),
                Err(error) => {
                    self.resolver.distrust();
                    // Addresses from memory may be out of date: ask once more, unless that has
                    // just been done.
                    if found.remembered && !asked_again && wait.check().is_ok() {
                        asked_again = true;
                        continue;
                    }
                    return Err(unsent(
                        connect_failed,
                        format_args!("connect to {peer}"),
                        &error,
                    ));
                }
            }
        }
    }

    /// Asks the proxy behind `socket` for a tunnel to the API (RFC 9110, 9.3.6).
    fn tunnel(&self, socket: &Socket, proxy: &Proxy, wait: &Wait<'_>) -> Result<(), Failure> {
        let Route { host, port, .. } = &self.route;
        let target = match host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            _ => format!("{host}:{port}"),
        };
        let request = connect_request(&target, basic_credentials(proxy).as_deref());
        socket
            .send_all(request.as_bytes(), wait)
            .map_err(|error| unsent(ITNIO_PROXY_FAILED, "ask the proxy for a tunnel", &error))?;
        // A proxy says nothing behind the head that grants a tunnel, and what stands behind one that
        // refuses does not matter.
        let status = receive(|room| socket.receive(room, wait), Incoming::take_head);
        match status {
            Ok(200..300) => Ok(()),
            Ok(status) => Err(Failure::new(
                ITNIO_PROXY_FAILED,
                format!("the proxy answered with HTTP status {status}"),
            )),
            Err(NoAnswer::Unheard(error)) => {
                Err(unsent(ITNIO_PROXY_FAILED, "wait for the proxy", &error))
            }
            Err(NoAnswer::Malformed(why)) => {
                Err(Failure::new(ITNIO_PROXY_FAILED, format!("proxy: {why}")))
            }
        }
    }
}

/// Sends a request over this connection, and waits for the answer.
fn converse(
    mut connection: Connection,
    request: &[u8],
    wait: &Wait<'_>,
) -> Result<Answered, Broken> {
    if let Err(error) = connection.send(request, wait) {
        connection.abandon();
        let failure = unsent(ITNIO_CONNECT_FAILED, "send the request", &error);
        return Err(Broken::BeforeOut(failure));
    }
    // The request is out. Whatever happens from here on, it may have arrived.
    let sent = Instant::now();
    match receive(|room| connection.receive(room, wait), Incoming::take) {
        Ok(reply) => Ok(Answered {
            reply,
            may_be_premature: connection.is_fresh()
                || request.len() > SEGMENT
                || sent.elapsed() < connection.round_trip(),
            connection,
        }),
        Err(why) => {
            connection.abandon();
            Err(Broken::AfterOut(why.after_out()))
        }
    }
}

/// Why nothing was heard that is an answer.
enum NoAnswer {
    Unheard(transport::Error),
    Malformed(Malformed),
}

impl NoAnswer {
    /// What that means once the request is out. None of it says that nothing was sent.
    fn after_out(self) -> Failure {
        match self {
            NoAnswer::Unheard(error) => {
                let result = match error {
                    transport::Error::TimedOut => ITNIO_TIMED_OUT,
                    _ => ITNIO_CONNECTION_LOST,
                };
                Failure::new(result, format!("waiting for the answer: {error}"))
            }
            NoAnswer::Malformed(why) => Failure::new(ITNIO_BAD_RESPONSE, why.to_string()),
        }
    }
}

/// Reads until `take`, given one piece after the other and at last an empty one, has what it wants.
fn receive<T>(
    mut read: impl FnMut(&mut [u8]) -> Result<usize, transport::Error>,
    mut take: impl FnMut(&mut Incoming, &[u8]) -> Result<Option<T>, Malformed>,
) -> Result<T, NoAnswer> {
    let mut incoming = Incoming::default();
    let mut room = [0; PIECE];
    loop {
        let received = read(&mut room).map_err(NoAnswer::Unheard)?;
        let piece = room.get(..received).unwrap_or_default();
        match take(&mut incoming, piece).map_err(NoAnswer::Malformed)? {
            Some(answer) => return Ok(answer),
            None if piece.is_empty() => return Err(NoAnswer::Unheard(transport::Error::Closed)),
            None => {}
        }
    }
}

/// The proxy's user name and password, where its URL has them (RFC 7617).
fn basic_credentials(proxy: &Proxy) -> Option<String> {
    let (user, password) = (proxy.username(), proxy.password());
    user.or(password)?;
    let pair = format!("{}:{}", user.unwrap_or(""), password.unwrap_or(""));
    Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}
