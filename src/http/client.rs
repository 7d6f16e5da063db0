//! One request over one connection.
//!
//! The request is written in one piece, head and body. So there is one place, in [`HttpClient::send`], where
//! it is sent: an error before it proves that it was not, and none after it does.

use std::time::{Duration, Instant};

use super::parser::{Head, HttpResponse, ParseError, ResponseParser};
use super::proxy::Proxy;
use crate::error::{Error, MaybeSent, NotSent};
use crate::net::boot_time::BootTime;
use crate::net::connection::Connection;
use crate::net::io::{CancellationToken, Deadline, IoContext, IoError};
use crate::net::link::Link;
use crate::net::pool::ConnectionPool;
use crate::net::resolver::Resolver;
use crate::net::socket::Socket;
use crate::net::tls::TlsConfig;

/// A request that is no longer than this goes out in one segment: all of it has arrived, or nothing.
const MAX_SEGMENT_SIZE: usize = 1200;

/// Room for one read; a response of the API has some 300 bytes.
const READ_BUFFER_SIZE: usize = 1024;

/// Where the requests go, and how.
#[derive(Clone)]
pub struct Route {
    /// A name or an address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// None for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The proxy to tunnel through.
    pub proxy: Option<Proxy>,
    /// How long a new connection may take.
    pub connect_timeout: Duration,
}

/// A route, and what one process keeps of it from call to call.
pub struct HttpClient {
    route: Route,
    // Of the proxy, or else of the host.
    resolver: Resolver,
    // Of the host, for a proxy that wants its address.
    host_resolver: Option<Resolver>,
    pool: ConnectionPool<Connection>,
    cancellation: CancellationToken,
}

/// A request and its response, and the connection that they went over, which is closed unless it is
/// [released](HttpClient::release).
pub struct Exchange {
    /// The response.
    pub response: HttpResponse,
    /// Whether the response may have come before the whole request had arrived; see
    /// [`Exchange::is_premature`].
    pub may_be_premature: bool,
    connection: Connection,
}

impl Exchange {
    /// Whether the response came before the server had the whole request, so that it cannot be the response
    /// to it: a segment that is sent behind the request acknowledges it (RFC 9293, 3.4). One system call.
    pub fn is_premature(&self) -> bool {
        // A system that cannot tell proves nothing.
        let unacknowledged = self.connection.socket.descriptor.unacknowledged_bytes();
        unacknowledged.is_ok_and(|bytes| bytes > 0)
    }

    /// Whether the server has sent more than one response by now: then nobody can tell which is the one.
    pub fn has_more(&mut self) -> bool {
        self.response.has_more || self.connection.has_data()
    }
}

impl HttpClient {
    /// Without connections or addresses yet; shares no lock with any other. Fails where the process has no
    /// descriptor left.
    pub fn new(route: &Route) -> std::io::Result<HttpClient> {
        let route = Route {
            tls: route.tls.as_ref().map(TlsConfig::with_new_session_cache),
            proxy: route.proxy.as_ref().map(Proxy::with_new_session_cache),
            ..route.clone()
        };
        let (host, port) = match &route.proxy {
            Some(proxy) => (proxy.host.as_str(), proxy.port),
            None => (route.host.as_str(), route.port),
        };
        Ok(HttpClient {
            resolver: Resolver::new(host, port),
            host_resolver: route
                .proxy
                .as_ref()
                .filter(|proxy| proxy.wants_address())
                .map(|_| Resolver::new(&route.host, route.port)),
            pool: ConnectionPool::default(),
            cancellation: CancellationToken::new()?,
            route,
        })
    }

    /// Ends the exchanges in progress, and refuses new ones.
    pub fn shut_down(&self) {
        self.cancellation.cancel();
        self.resolver.wake();
        if let Some(resolver) = &self.host_resolver {
            resolver.wake();
        }
        self.pool.close();
    }

    /// Whether it has been shut down.
    pub fn is_shut_down(&self) -> bool {
        self.cancellation.is_canceled()
    }

    /// What ends the waits of a call.
    pub fn context(&self, deadline: Deadline) -> IoContext<'_> {
        IoContext {
            deadline,
            cancellation: &self.cancellation,
        }
    }

    /// The idle connection that was used last and is still open, if there is one. Fails at the end of the
    /// wait: servers may send TLS messages on idle connections without an end.
    pub fn idle_connection(&self, context: &IoContext<'_>) -> Result<Option<Connection>, Error> {
        loop {
            context
                .check()
                .map_err(|error| error.before_send(NotSent::Connect, "find an idle connection"))?;
            let Some(mut connection) = self.pool.acquire(BootTime::now()) else {
                return Ok(None);
            };
            if connection.check_usable(context).is_ok() {
                return Ok(Some(connection));
            }
        }
    }

    /// A new connection to the API. Fails with [`NotSent`].
    pub fn new_connection(&self, context: &IoContext<'_>) -> Result<Connection, Error> {
        let route = &self.route;
        let context = context.within(route.connect_timeout);
        let link = match &route.proxy {
            None => Link::plain(self.connect_socket(&context)?),
            Some(proxy) => self.connect_through(proxy, &context)?,
        };
        Connection::open(link, route.tls.as_ref(), &context).map_err(|error| Error {
            reason: format!("{}:{}: {}", route.host, route.port, error.reason),
            ..error
        })
    }

    /// Sends `request` once, and waits for the whole response, with a body of so many bytes at most. Fails with [`NotSent`] where its last byte was
    /// not handed to the system, and with [`MaybeSent`] after that.
    pub fn send(
        &self,
        mut connection: Connection,
        request: &[u8],
        max_body_size: usize,
        context: &IoContext<'_>,
    ) -> Result<Exchange, Error> {
        if let Err(error) = connection.send(request, context) {
            connection.reset();
            return Err(error.before_send(NotSent::Connect, "send the request"));
        }
        // The request is sent. Whatever happens from here on, it may have arrived.
        let sent = Instant::now();
        let read = |buffer: &mut [u8]| connection.receive(buffer, context);
        match receive(
            ResponseParser::new(max_body_size),
            read,
            ResponseParser::push,
        ) {
            Ok(response) => Ok(Exchange {
                response,
                may_be_premature: !connection.is_reused
                    || request.len() > MAX_SEGMENT_SIZE
                    || sent.elapsed() < connection.round_trip_time,
                connection,
            }),
            Err(error) => {
                connection.reset();
                Err(error.after_send())
            }
        }
    }

    /// Keeps an exchange's connection for another request, where the server does. Gives the response's head.
    pub fn release(&self, mut exchange: Exchange) -> Head {
        let head = exchange.response.head;
        if head.is_persistent {
            exchange.connection.is_reused = true;
            self.pool
                .release(exchange.connection, head.keep_alive, BootTime::now());
        }
        head
    }

    /// A socket that is connected to the host, or to the proxy.
    fn connect_socket(&self, context: &IoContext<'_>) -> Result<Socket, Error> {
        let route = &self.route;
        let (lookup_failed, connect_failed) = match route.proxy {
            Some(_) => (NotSent::Proxy, NotSent::Proxy),
            None => (NotSent::Resolve, NotSent::Connect),
        };
        let peer = match &route.proxy {
            Some(proxy) => proxy.to_string(),
            None => format!("{}:{}", route.host, route.port),
        };
        let mut looked_up_again = false;
        loop {
            let mut resolved = self.resolver.resolve(context).map_err(|error| {
                error.before_send(lookup_failed, format_args!("look up {peer}"))
            })?;
            if route.tls.is_none() {
                // Plain HTTP is for this machine only, whatever a name server says.
                resolved.addresses.retain(|addr| addr.ip().is_loopback());
                if resolved.addresses.is_empty() {
                    let reason = format!("look up {peer}: not a loopback address, and not https");
                    return Err(Error::new(NotSent::Resolve, reason));
                }
            }
            match Socket::connect(&resolved.addresses, context) {
                Ok((socket, address)) => {
                    if resolved.addresses.first() != Some(&address) {
                        self.resolver.prefer(address);
                    }
                    return Ok(socket);
                }
                Err(error) => {
                    self.resolver.invalidate();
                    // Addresses from the cache may be out of date.
                    if resolved.from_cache && !looked_up_again && context.check().is_ok() {
                        looked_up_again = true;
                        continue;
                    }
                    let step = format!("connect to {peer}");
                    return Err(error.before_send(connect_failed, step));
                }
            }
        }
    }

    /// A proxy's tunnel to the host.
    fn connect_through(&self, proxy: &Proxy, context: &IoContext<'_>) -> Result<Link, Error> {
        let Route { host, port, .. } = &self.route;
        let Some(resolver) = &self.host_resolver else {
            let socket = self.connect_socket(context)?;
            let opened = proxy.open_tunnel(socket, host, *port, context);
            return opened.map_err(|failed| failed.error);
        };
        let resolved = resolver.resolve(context).map_err(|error| {
            error.before_send(NotSent::Resolve, format_args!("look up {host}:{port}"))
        })?;
        // Which of the addresses the proxy can reach, it alone knows: each has its part of the time.
        let mut addresses = resolved.addresses.iter();
        loop {
            let Some(address) = addresses.next() else {
                return Err(Error::new(NotSent::Resolve, "no address"));
            };
            let socket = self.connect_socket(context)?;
            let left = addresses.len() as u32;
            let part = context.within(context.deadline.remaining(BootTime::now()) / (left + 1));
            let ip = address.ip().to_string();
            match proxy.open_tunnel(socket, &ip, address.port(), &part) {
                Ok(link) => return Ok(link),
                Err(failed) if failed.is_about_address && left > 0 => {}
                Err(failed) => {
                    resolver.invalidate();
                    return Err(failed.error);
                }
            }
        }
    }
}

/// Why there is no response.
pub(super) enum ResponseError {
    Io(IoError),
    Parse(ParseError),
}

impl ResponseError {
    /// What that means once the request is sent. None of it says that it was not.
    fn after_send(self) -> Error {
        match self {
            ResponseError::Io(error) => {
                let kind = match error {
                    IoError::TimedOut => MaybeSent::TimedOut,
                    _ => MaybeSent::ConnectionLost,
                };
                Error::new(kind, format!("waiting for the response: {error}"))
            }
            ResponseError::Parse(why) => Error::new(MaybeSent::BadResponse, why.0),
        }
    }
}

/// Reads until `push`, given one piece after the other and at last an empty one, has what it wants.
pub(super) fn receive<T>(
    mut parser: ResponseParser,
    mut read: impl FnMut(&mut [u8]) -> Result<usize, IoError>,
    mut push: impl FnMut(&mut ResponseParser, &[u8]) -> Result<Option<T>, ParseError>,
) -> Result<T, ResponseError> {
    let mut buffer = [0; READ_BUFFER_SIZE];
    loop {
        let received = read(&mut buffer).map_err(ResponseError::Io)?;
        let piece = buffer.get(..received).unwrap_or_default();
        match push(&mut parser, piece).map_err(ResponseError::Parse)? {
            Some(wanted) => return Ok(wanted),
            None if piece.is_empty() => return Err(ResponseError::Io(IoError::Closed)),
            None => {}
        }
    }
}
