//! One HTTP exchange: ureq speaks HTTP, over connections that are ours.
//!
//! Each exchange has an agent of its own. An agent is cheap, and so its connector knows the call
//! that it connects for: its deadline, and whether its request is out. What outlives the call (the
//! pool, the resolver) is in the [`Endpoint`].
//!
//! A [`Line`] holds back what ureq writes until ureq awaits the answer, and then sends it all, head
//! and body. That makes "the request is out" one place. A failure before it is provably unsent.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::{HeaderValue, Request, Uri, header};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, Transport,
};
use ureq::{Agent, Proxy};

use crate::connection::{Connection, Pool, Tls, unsent};
use crate::outcome::Failure;
use crate::outcome::itnio_result::*;
use crate::resolver::Resolver;
use crate::transport::{self, Socket, Stop, Wait};

/// The largest answer that is read: its head, and its body.
const ANSWER_LIMIT: usize = 64 * 1024;

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
    config: Config,
    resolver: Resolver,
    pool: Pool,
    stop: Stop,
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
            config: Config::builder()
                .user_agent(concat!("libitnio/", env!("CARGO_PKG_VERSION")))
                .accept("application/json")
                .accept_encoding("")
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .max_response_header_size(ANSWER_LIMIT)
                .proxy(route.proxy.clone())
                .build(),
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
}

/// One exchange's terms, and how far it has come.
#[derive(Debug)]
pub struct Call {
    /// When it has to be over.
    pub deadline: Instant,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// Whether a kept connection may serve.
    pub may_reuse: bool,
    /// The longest line of the request's head, at least.
    pub longest_line: usize,
    /// What is known of it.
    pub progress: Progress,
}

/// What is known of an exchange.
#[derive(Debug, Default)]
pub struct Progress {
    reused: AtomicBool,
    out: AtomicBool,
    // In seconds; 0 where the server has not said.
    keep_alive: AtomicU32,
}

impl Call {
    /// Whether a kept connection turned out dead before the request was out, so that the request
    /// may go out on a fresh one.
    pub fn found_stale_connection(&self) -> bool {
        self.progress.reused.load(Ordering::Relaxed) && !self.progress.out.load(Ordering::Relaxed)
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub http_status: u16,
    /// The `Date` header.
    pub date: Option<HeaderValue>,
    /// Whether there is an `Age` header.
    pub has_age: bool,
    /// At most [`ANSWER_LIMIT`] bytes.
    pub body: Vec<u8>,
}

/// Sends `request` at most once, and waits for the whole answer.
///
/// # Errors
///
/// Whatever kept the answer away. The failure's result tells whether the request may have arrived.
pub fn post(
    endpoint: &Arc<Endpoint>,
    call: &Arc<Call>,
    request: Request<&[u8]>,
) -> Result<Reply, Failure> {
    let connector = CallConnector {
        endpoint: Arc::clone(endpoint),
        call: Arc::clone(call),
    };
    let agent = Agent::with_parts(endpoint.config.clone(), connector, NoLookup);
    exchange(&agent, call, request).map_err(|error| {
        if call.progress.out.load(Ordering::Relaxed) {
            unanswered(error)
        } else {
            unstarted(error)
        }
    })
}

fn exchange(agent: &Agent, call: &Call, request: Request<&[u8]>) -> Result<Reply, ureq::Error> {
    let mut response = agent.run(request)?;
    let headers = response.headers();
    let date = headers.get(header::DATE).cloned();
    let has_age = headers.contains_key(header::AGE);
    if let Some(seconds) = headers
        .get("keep-alive")
        .and_then(|value| value.to_str().ok())
        .and_then(keep_alive_timeout)
    {
        call.progress
            .keep_alive
            .store(seconds.max(1), Ordering::Relaxed);
    }
    Ok(Reply {
        http_status: response.status().as_u16(),
        date,
        has_age,
        body: response
            .body_mut()
            .with_config()
            .limit(ANSWER_LIMIT as u64)
            .read_to_vec()?,
    })
}

/// The seconds of `Keep-Alive: timeout=5, max=100` (RFC 2068, 19.7.1.1, and what servers send).
fn keep_alive_timeout(value: &str) -> Option<u32> {
    value
        .split(',')
        .find_map(|parameter| parameter.trim().strip_prefix("timeout="))
        .and_then(|seconds| seconds.parse().ok())
}

/// An error after the request was out. Whatever it is, it never says that nothing was sent.
fn unanswered(error: ureq::Error) -> Failure {
    let failure = match error {
        ureq::Error::Other(other) => ours(other),
        ureq::Error::BodyStalled => Failure::new(
            ITNIO_CONNECTION_LOST,
            "waiting for the answer: the connection ended in the middle of it",
        ),
        ureq::Error::Io(error) => Failure::new(
            ITNIO_CONNECTION_LOST,
            format!("waiting for the answer: {error}"),
        ),
        ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
            Failure::new(ITNIO_BAD_RESPONSE, "the answer is larger than 64 KiB")
        }
        error => Failure::new(
            ITNIO_BAD_RESPONSE,
            format!("the answer cannot be read as HTTP: {error}"),
        ),
    };
    if failure.result.may_have_dialed() {
        failure
    } else {
        Failure {
            result: ITNIO_INTERNAL_ERROR,
            ..failure
        }
    }
}

/// An error before the request was out: ours, or a bug, since everything was checked.
fn unstarted(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Other(other) => ours(other),
        error => Failure::new(ITNIO_INTERNAL_ERROR, format!("the request: {error}")),
    }
}

fn ours(error: Box<dyn std::error::Error + Send + Sync>) -> Failure {
    error.downcast::<Failure>().map_or_else(
        |error| Failure::new(ITNIO_INTERNAL_ERROR, error.to_string()),
        |failure| *failure,
    )
}

fn theirs(failure: Failure) -> ureq::Error {
    ureq::Error::Other(Box::new(failure))
}

/// ureq looks the host up before it asks for a connection, which a kept one does not need: so the
/// look-up is in [`Endpoint::reach`], and this says nothing.
#[derive(Debug)]
struct NoLookup;

impl UreqResolver for NoLookup {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(ResolvedSocketAddrs::from_fn(|_| {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
        }))
    }
}

/// Gives a call its connection: one from the pool, else a new one.
#[derive(Debug)]
struct CallConnector {
    endpoint: Arc<Endpoint>,
    call: Arc<Call>,
}

impl Connector for CallConnector {
    type Out = Line;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Line>, ureq::Error> {
        let connection = self.connection(details).map_err(theirs)?;
        let call = &self.call;
        let purpose = Purpose::Request(Arc::clone(call));
        let mut line = Line::new(connection, purpose, &self.endpoint, call.deadline);
        // ureq writes whole lines.
        line.room += call.longest_line;
        Ok(Some(line))
    }
}

impl CallConnector {
    fn connection(&self, details: &ConnectionDetails<'_>) -> Result<Connection, Failure> {
        let Endpoint { route, stop, .. } = &*self.endpoint;
        let call = &self.call;
        if stop.requested() {
            return Err(unsent(ITNIO_SHUT_DOWN, "call", &transport::Error::ShutDown));
        }
        if call.may_reuse
            && let Some(connection) = self.endpoint.pool.take()
        {
            call.progress.reused.store(true, Ordering::Relaxed);
            return Ok(connection);
        }
        let wait = Wait {
            deadline: call.deadline.min(Instant::now() + call.connect_timeout),
            stop,
        };
        let socket = Arc::new(self.endpoint.reach(&wait)?);
        if route.proxy.is_some() {
            self.tunnel(&socket, details, &wait)?;
        }
        Connection::open(socket, route.tls.as_ref(), &wait).map_err(|failure| Failure {
            reason: format!("{}:{}: {}", route.host, route.port, failure.reason),
            ..failure
        })
    }

    /// Has ureq ask the proxy behind `socket` for a tunnel to the API.
    fn tunnel(
        &self,
        socket: &Arc<Socket>,
        details: &ConnectionDetails<'_>,
        wait: &Wait<'_>,
    ) -> Result<(), Failure> {
        // ureq wants to connect to the proxy itself, and wraps the line in something that cannot be
        // opened again. So the line is laid into its hands, and only the socket lives on.
        let connection = Connection::open(Arc::clone(socket), None, wait)?;
        let line = Line::new(connection, Purpose::Tunnel, &self.endpoint, wait.deadline);
        let line = Mutex::new(Some(line));
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::new(move |_: &ConnectionDetails<'_>| {
                let line = line.lock().unwrap_or_else(PoisonError::into_inner).take();
                line.map(|line| Box::new(line) as Box<dyn Transport>)
                    .ok_or(ureq::Error::ConnectionFailed)
            }),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        match Connector::<()>::connect(&ConnectProxyConnector::default(), &details, None) {
            Ok(_) => Ok(()),
            Err(ureq::Error::Other(other)) => Err(ours(other)),
            Err(error) => Err(Failure::new(ITNIO_PROXY_FAILED, error.to_string())),
        }
    }
}

/// What a line is for.
#[derive(Debug)]
enum Purpose {
    /// The request and its answer. The connection then goes back to the pool.
    Request(Arc<Call>),
    /// Asking a proxy for a tunnel.
    Tunnel,
}

/// A connection in ureq's hands.
struct Line {
    connection: Option<Connection>,
    purpose: Purpose,
    endpoint: Arc<Endpoint>,
    deadline: Instant,
    // What ureq has written, and behind it, from `staged` on, `room` for more.
    output: Vec<u8>,
    staged: usize,
    room: usize,
    // What has been received, of which ureq has taken up to `taken`; behind `filled` is room.
    input: Vec<u8>,
    taken: usize,
    filled: usize,
    received: usize,
    progress: bool,
    keep: bool,
}

/// Room for the next write.
const ROOM: usize = 1024;

/// Room for the next read.
const INPUT_ROOM: usize = 1024;

impl Line {
    fn new(
        connection: Connection,
        purpose: Purpose,
        endpoint: &Arc<Endpoint>,
        deadline: Instant,
    ) -> Line {
        Line {
            connection: Some(connection),
            purpose,
            endpoint: Arc::clone(endpoint),
            deadline,
            output: Vec::new(),
            staged: 0,
            room: ROOM,
            input: Vec::new(),
            taken: 0,
            filled: 0,
            received: 0,
            progress: false,
            keep: false,
        }
    }

    /// Sends what was held back, and waits for input.
    fn converse(&mut self) -> Result<usize, Failure> {
        if self.received > 2 * ANSWER_LIMIT {
            // ureq limits an answer's head and its body, but neither what comes before, between and
            // behind them (1xx answers, the sizes of chunks, trailers) nor a proxy's answer.
            return Err(self.purpose.endless());
        }
        self.room_for_input();
        let Some(connection) = &mut self.connection else {
            return Err(Failure::new(
                ITNIO_INTERNAL_ERROR,
                "a line without a connection",
            ));
        };
        let wait = Wait {
            deadline: self.deadline,
            stop: &self.endpoint.stop,
        };
        let staged = self.output.get(..self.staged).unwrap_or_default();
        if !staged.is_empty() {
            wait.check()
                .and_then(|()| connection.send(staged, &wait))
                .map_err(|error| self.purpose.unsent(&error))?;
            self.staged = 0;
            if let Purpose::Request(call) = &self.purpose {
                call.progress.out.store(true, Ordering::Relaxed);
            }
        }
        let room = self.input.get_mut(self.filled..).unwrap_or_default();
        connection
            .receive(room, &wait)
            .map_err(|error| self.purpose.unanswered(&error))
    }

    fn room_for_input(&mut self) {
        if self.taken > 0 {
            self.input.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
        }
        if self.input.len() - self.filled < INPUT_ROOM / 2 {
            self.input.resize(self.filled + INPUT_ROOM, 0);
        }
    }
}

impl Purpose {
    fn unsent(&self, error: &transport::Error) -> Failure {
        match self {
            Purpose::Request(_) => unsent(ITNIO_CONNECT_FAILED, "send the request", error),
            Purpose::Tunnel => unsent(ITNIO_PROXY_FAILED, "ask the proxy for a tunnel", error),
        }
    }

    fn endless(&self) -> Failure {
        match self {
            Purpose::Request(_) => Failure::new(ITNIO_BAD_RESPONSE, "the answer has no end"),
            Purpose::Tunnel => Failure::new(ITNIO_PROXY_FAILED, "the proxy's answer has no end"),
        }
    }

    fn unanswered(&self, error: &transport::Error) -> Failure {
        match (self, error) {
            (Purpose::Tunnel, error) => unsent(ITNIO_PROXY_FAILED, "wait for the proxy", error),
            (Purpose::Request(_), transport::Error::TimedOut) => {
                Failure::new(ITNIO_TIMED_OUT, "waiting for the answer: timed out")
            }
            (Purpose::Request(_), error) => Failure::new(
                ITNIO_CONNECTION_LOST,
                format!("waiting for the answer: {error}"),
            ),
        }
    }
}

impl Transport for Line {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.staged += amount;
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let received = self.converse().map_err(|failure| {
            if let Some(connection) = self.connection.take() {
                connection.abandon();
            }
            theirs(failure)
        })?;
        self.filled += received;
        self.received += received;
        Ok(received > 0)
    }

    /// ureq asks this of a connection whose answer has been read to its end, and which may be kept.
    /// It is kept in our pool, not in that of an agent which ends with the call: so the answer is no.
    fn is_open(&mut self) -> bool {
        self.keep = true;
        false
    }

    fn is_tls(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_tls)
    }
}

impl Buffers for Line {
    fn output(&mut self) -> &mut [u8] {
        self.output.resize(self.staged + self.room, 0);
        self.output.get_mut(self.staged..).unwrap_or_default()
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.output();
        // The scratch room is for chunked requests, which ours are not.
        let output = self.output.get_mut(self.staged..).unwrap_or_default();
        (&mut [], output)
    }

    fn input(&self) -> &[u8] {
        self.input.get(self.taken..self.filled).unwrap_or_default()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.room_for_input();
        self.input.get_mut(self.filled..).unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.taken = (self.taken + amount).min(self.filled);
    }

    fn can_use_input(&self) -> bool {
        self.progress && !self.input().is_empty()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // A tunnel's socket lives on without its line.
        let (Purpose::Request(call), Some(connection)) = (&self.purpose, self.connection.take())
        else {
            return;
        };
        if self.keep {
            let said = call.progress.keep_alive.load(Ordering::Relaxed);
            let limit = (said > 0).then(|| Duration::from_secs(u64::from(said)));
            self.endpoint.pool.put(connection, limit);
        } else if connection.has_unacknowledged() {
            connection.abandon();
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({:?})", self.connection)
    }
}
