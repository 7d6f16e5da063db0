//! A connection to a server: a socket, TLS over it, and the TLS of a proxy between the two.

use std::io;
use std::time::Duration;

use super::io::{IoContext, IoError, is_transient};
use super::link::Link;
use super::nested::NestedSession;
use super::session::TlsSession;
use super::socket::Socket;
use super::tls::TlsConfig;
use crate::error::{Error, NotSent};

/// How many reads, of 4 KiB, it may take to see that a server has sent no response yet. It may have sent a
/// few session tickets; one that never stops is not waited for.
const MAX_PROBE_READS: usize = 16;

/// A connection, ready for requests.
pub struct Connection {
    /// How long a response takes at least; zero where the system cannot tell.
    pub round_trip_time: Duration,
    /// Whether a request has gone over it before.
    pub is_reused: bool,
    /// What it runs over.
    pub socket: Socket,
    tls: Tls,
    // A write was cut, or the server has gone: no close_notify may follow.
    skip_close_notify: bool,
}

/// What lies between the socket and HTTP.
enum Tls {
    None,
    Direct(Box<TlsSession>),
    /// Through an `https://` proxy.
    Nested(Box<NestedSession>),
}

/// What a look at an unread connection needs of TLS.
trait Session {
    /// Whether there is data to receive; fails where the server has closed. Only looks at what was read.
    fn has_data(&mut self, socket: &Socket) -> Result<bool, IoError>;
    /// Whether only whole records were read.
    fn at_boundary(&self) -> bool;
    /// Reads once from the socket, which is readable.
    fn read_records(&mut self, socket: &Socket) -> Result<(), IoError>;
}

impl Session for TlsSession {
    fn has_data(&mut self, _: &Socket) -> Result<bool, IoError> {
        self.has_data()
    }

    fn at_boundary(&self) -> bool {
        self.records.at_boundary()
    }

    fn read_records(&mut self, socket: &Socket) -> Result<(), IoError> {
        self.read_records(&mut &*socket)
    }
}

impl Session for NestedSession {
    fn has_data(&mut self, socket: &Socket) -> Result<bool, IoError> {
        self.has_data(socket)
    }

    fn at_boundary(&self) -> bool {
        self.at_boundary()
    }

    fn read_records(&mut self, socket: &Socket) -> Result<(), IoError> {
        self.read_records(socket)
    }
}

impl Connection {
    /// Makes one of a link, with a handshake where there is `tls`. Fails with [`NotSent::Tls`] where one side
    /// refused it, and else with what happened to the connection.
    pub fn open(
        link: Link,
        tls: Option<&TlsConfig>,
        context: &IoContext<'_>,
    ) -> Result<Connection, Error> {
        let Link { socket, proxy_tls } = link;
        let round_trip_time = socket.descriptor.round_trip_time();
        let tls = match (tls, proxy_tls) {
            (None, _) => Tls::None,
            (Some(tls), None) => {
                let mut session = Box::new(tls.start_session()?);
                session.handshake(&mut &socket, context)?;
                Tls::Direct(session)
            }
            (Some(tls), Some(proxy)) => {
                let mut session = Box::new(NestedSession::new(proxy, tls.start_session()?));
                session.handshake(&socket, context)?;
                Tls::Nested(session)
            }
        };
        let mut connection = Connection {
            round_trip_time,
            is_reused: false,
            socket,
            tls,
            skip_close_notify: true,
        };
        connection
            .check_usable(context)
            .map_err(|error| error.before_send(NotSent::Connect, "connect"))?;
        Ok(connection)
    }

    /// Hands a whole request to the system, in one write where the system takes it. Where it fails, the last
    /// byte was not handed over, and nothing more can be sent.
    pub fn send(&mut self, request: &[u8], context: &IoContext<'_>) -> Result<(), IoError> {
        // Until the write has succeeded.
        self.skip_close_notify = true;
        match &mut self.tls {
            Tls::None => self.socket.send_all(request, context)?,
            Tls::Direct(tls) => tls.send_all(request, &mut &self.socket, context)?,
            Tls::Nested(tls) => tls.send_all(request, &self.socket, context)?,
        }
        self.skip_close_notify = false;
        Ok(())
    }

    /// Waits for a part of the response; 0 where the server has closed.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        context: &IoContext<'_>,
    ) -> Result<usize, IoError> {
        match &mut self.tls {
            Tls::None => self.socket.receive(buffer, context),
            Tls::Direct(tls) => tls.receive(buffer, &mut &self.socket, context),
            Tls::Nested(tls) => tls.receive(buffer, &self.socket, context),
        }
    }

    /// Ends it in the middle of an exchange: once a call has returned, nothing more of its request
    /// leaves this machine.
    pub fn reset(mut self) {
        self.skip_close_notify = true;
        self.socket.descriptor.reset_connection();
    }

    /// Checks, before a request, that the server has neither closed the connection nor sent data: what it
    /// sends before a request is not the response to it. TLS messages, such as a new session ticket, may
    /// have come. Where it fails, no request may be sent over it.
    pub fn check_usable(&mut self, context: &IoContext<'_>) -> Result<(), IoError> {
        let usable = match self.probe(Some(context)) {
            Ok(false) => Ok(()),
            Ok(true) => Err(IoError::Io(io::Error::other(
                "the server sent something before the request",
            ))),
            Err(error) => Err(error),
        };
        // Where it is not usable, nobody waits for a close_notify.
        self.skip_close_notify = usable.is_err();
        usable
    }

    /// Whether the server has sent data that nobody has read. Does not wait, and so works after the deadline,
    /// too.
    pub fn has_data(&mut self) -> bool {
        matches!(self.probe(None), Ok(true))
    }

    /// Whether there is data. Fails where the server has closed, and at the end of a wait with `context`.
    fn probe(&mut self, context: Option<&IoContext<'_>>) -> Result<bool, IoError> {
        let tls = match &mut self.tls {
            Tls::None => None,
            Tls::Direct(tls) => Some(&mut **tls),
            Tls::Nested(tls) => return probe(&self.socket, Some(&mut **tls), context),
        };
        probe(&self.socket, tls, context)
    }
}

/// As [`Connection::probe`].
fn probe<S: Session>(
    socket: &Socket,
    mut tls: Option<&mut S>,
    context: Option<&IoContext<'_>>,
) -> Result<bool, IoError> {
    for _ in 0..MAX_PROBE_READS {
        context.map_or(Ok(()), IoContext::check)?;
        if let Some(tls) = &mut tls
            && tls.has_data(socket)?
        {
            return Ok(true);
        }
        // Without taking it: should the descriptor be the host's by now, so is what can be read.
        match socket.descriptor.receive(&mut [0], libc::MSG_PEEK) {
            Ok(0) => return Err(IoError::Closed),
            Ok(_) => {}
            // A record that has begun may be a response, and then not to the next request.
            Err(error) if is_transient(&error) => {
                return Ok(tls.is_some_and(|tls| !tls.at_boundary()));
            }
            Err(error) => return Err(IoError::Io(error)),
        }
        let Some(tls) = &mut tls else {
            return Ok(true);
        };
        if !socket.descriptor.is_ours() {
            return Err(IoError::Io(io::Error::other("the descriptor was closed")));
        }
        tls.read_records(socket)?;
    }
    Ok(true)
}

impl Drop for Connection {
    fn drop(&mut self) {
        let descriptor = &self.socket.descriptor;
        if self.skip_close_notify || !descriptor.is_ours() {
            return;
        }
        if !matches!(descriptor.unacknowledged_bytes(), Ok(0)) {
            // What has not arrived is not to arrive later.
            descriptor.reset_connection();
            return;
        }
        match &mut self.tls {
            Tls::None => {}
            Tls::Direct(tls) => tls.close(&mut &self.socket),
            Tls::Nested(tls) => tls.close(&self.socket),
        }
    }
}
