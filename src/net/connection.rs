//! A connection to a server: a socket, and TLS over it.
//!
//! TLS is rustls over our own socket, without a stream in between: one that retries or puts off a
//! failed write (as rustls's own `complete_io` does with the next read) could not say whether a
//! request is sent.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

use rustls::ClientConnection;

use super::io::{IoContext, IoError, is_transient};
use super::records::{RecordTracker, TrackingReader};
use super::socket::Socket;
use super::tls::TlsConfig;
use crate::error::{Error, NotSent};
use crate::sys::Descriptor;

/// How many reads, of 4 KiB, it may take to see that a server has sent no response yet. It may have sent a
/// few session tickets; one that never stops is not waited for.
const MAX_PROBE_READS: usize = 16;

/// A connection, ready for requests.
pub struct Connection {
    /// How long a response takes at least; zero where the system cannot tell.
    pub round_trip_time: Duration,
    /// Whether a request has gone over it before.
    pub is_reused: bool,
    socket: Socket,
    tls: Option<Box<ClientConnection>>,
    records: RecordTracker,
    // A write was cut, or the server has gone: no close_notify may follow.
    skip_close_notify: bool,
}

impl Connection {
    /// Makes one of a socket, with a handshake where there is `tls`. Fails with [`NotSent::Tls`] where one side
    /// refused it, and else with what happened to the connection.
    pub fn open(
        socket: Socket,
        tls: Option<&TlsConfig>,
        context: &IoContext<'_>,
    ) -> Result<Connection, Error> {
        let mut connection = Connection {
            round_trip_time: socket.descriptor.round_trip_time(),
            is_reused: false,
            socket,
            tls: None,
            records: RecordTracker::default(),
            skip_close_notify: true,
        };
        if let Some(tls) = tls {
            connection.tls = Some(Box::new(tls.start_session()?));
            connection.handshake(context)?;
        }
        connection
            .check_usable(context)
            .map_err(|error| error_before_send(NotSent::Connect, "connect", &error))?;
        Ok(connection)
    }

    fn handshake(&mut self, context: &IoContext<'_>) -> Result<(), Error> {
        let Connection {
            socket,
            tls: Some(tls),
            records,
            ..
        } = self
        else {
            return Ok(());
        };
        let interrupted =
            |error: IoError| error_before_send(NotSent::Connect, "TLS handshake", &error);
        loop {
            flush(tls, socket, context).map_err(interrupted)?;
            if !tls.is_handshaking() {
                return Ok(());
            }
            let received = receive_records(tls, socket, records, context).map_err(interrupted)?;
            if let Err(error) = tls.process_new_packets() {
                // The alert that tells the server why.
                try_flush(tls, socket);
                return Err(Error::new(NotSent::Tls, format!("TLS handshake: {error}")));
            }
            if received == 0 {
                return Err(interrupted(IoError::Closed));
            }
        }
    }

    /// Hands a whole request to the system, in one write where the system takes it. Where it fails, the last
    /// byte was not handed over, and nothing more can be sent.
    pub fn send(&mut self, request: &[u8], context: &IoContext<'_>) -> Result<(), IoError> {
        // Until the write has succeeded.
        self.skip_close_notify = true;
        match &mut self.tls {
            None => self.socket.send_all(request, context)?,
            Some(tls) => {
                tls.writer().write_all(request)?;
                flush(tls, &self.socket, context)?;
            }
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
        let Connection {
            socket,
            tls: Some(tls),
            records,
            ..
        } = self
        else {
            return self.socket.receive(buffer, context);
        };
        loop {
            match tls.reader().read(buffer) {
                // EOF without close_notify is EOF: its length or its JSON shows whether the response is
                // complete.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Ok(read?),
            }
            // rustls repeats what it found wrong behind the data that has been read by now.
            tls.process_new_packets().map_err(io::Error::other)?;
            // Such as a refusal to renegotiate; the response to a key update goes with a request.
            flush(tls, socket, context)?;
            receive_records(tls, socket, records, context)?;
            // Data counts whatever comes behind it.
            let _ = tls.process_new_packets();
        }
    }

    /// What the system knows it by.
    pub fn descriptor(&self) -> &Descriptor {
        &self.socket.descriptor
    }

    /// Ends it in the middle of an exchange: once a call has returned, nothing more of its request
    /// leaves this machine.
    pub fn reset(mut self) {
        self.skip_close_notify = true;
        self.descriptor().reset_connection();
    }

    /// Checks, before a request, that the server has neither closed the connection nor sent data: what it
    /// sends before a request is not the response to it. TLS messages, such as a new session ticket, may
    /// have come. Where it fails, no request may be sent over it.
    pub fn check_usable(&mut self, context: &IoContext<'_>) -> Result<(), IoError> {
        let usable = match self.probe(Some(context)) {
            Ok(Probe::Nothing) => Ok(()),
            Ok(Probe::Closed) => Err(IoError::Closed),
            Ok(Probe::Data) => Err(IoError::Io(io::Error::other(
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
        matches!(self.probe(None), Ok(Probe::Data))
    }

    fn probe(&mut self, context: Option<&IoContext<'_>>) -> Result<Probe, IoError> {
        for _ in 0..MAX_PROBE_READS {
            if let Some(context) = context {
                context.check()?;
            }
            if let Some(tls) = &mut self.tls {
                let state = tls.process_new_packets().map_err(io::Error::other)?;
                if state.plaintext_bytes_to_read() > 0 {
                    return Ok(Probe::Data);
                }
                if state.peer_has_closed() {
                    return Ok(Probe::Closed);
                }
            }
            let descriptor = &self.socket.descriptor;
            // Without taking it: should the descriptor be the host's by now, so is what can be read.
            match descriptor.receive(&mut [0], libc::MSG_PEEK) {
                Ok(0) => return Ok(Probe::Closed),
                Ok(_) => {}
                // A record that has begun may be a response, and then not to the next request.
                Err(error) if is_transient(&error) && !self.records.at_boundary() => {
                    return Ok(Probe::Data);
                }
                Err(error) if is_transient(&error) => return Ok(Probe::Nothing),
                Err(error) => return Err(IoError::Io(error)),
            }
            let Some(tls) = &mut self.tls else {
                return Ok(Probe::Data);
            };
            if !descriptor.is_ours() {
                return Err(IoError::Io(io::Error::other("the descriptor was closed")));
            }
            let mut reader = TrackingReader {
                socket: &self.socket,
                records: &mut self.records,
            };
            match tls.read_tls(&mut reader) {
                Err(error) if !is_transient(&error) => return Err(IoError::Io(error)),
                _ => {}
            }
        }
        Ok(Probe::Data)
    }
}

/// What can be read from a connection.
enum Probe {
    Nothing,
    Closed,
    Data,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let descriptor = self.descriptor();
        if self.skip_close_notify || !descriptor.is_ours() {
            return;
        }
        if !matches!(descriptor.unacknowledged_bytes(), Ok(0)) {
            // What has not arrived is not to arrive later.
            descriptor.reset_connection();
        } else if let Some(tls) = &mut self.tls {
            // RFC 8446, 6.1.
            tls.send_close_notify();
            try_flush(tls, &self.socket);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({:?})", self.socket)
    }
}

/// The error where `step` failed before the whole request was sent.
pub fn error_before_send(kind: NotSent, step: impl fmt::Display, error: &IoError) -> Error {
    let kind = match error {
        IoError::Canceled => NotSent::Canceled,
        _ => kind,
    };
    Error::new(kind, format!("{step}: {error}"))
}

/// Sends what TLS has ready.
fn flush(
    tls: &mut ClientConnection,
    socket: &Socket,
    context: &IoContext<'_>,
) -> Result<(), IoError> {
    while tls.wants_write() {
        if let Err(error) = tls.write_tls(&mut &*socket) {
            socket.wait_writable(error, context)?;
        }
    }
    Ok(())
}

/// Sends what TLS has ready, as far as it goes without waiting.
fn try_flush(tls: &mut ClientConnection, socket: &Socket) {
    // An error says that the server receives nothing any more.
    while tls.wants_write() && tls.write_tls(&mut &*socket).is_ok() {}
}

/// Waits for bytes for TLS; 0 where the server has closed.
fn receive_records(
    tls: &mut ClientConnection,
    socket: &Socket,
    records: &mut RecordTracker,
    context: &IoContext<'_>,
) -> Result<usize, IoError> {
    let mut reader = TrackingReader { socket, records };
    socket.read_when_ready(context, || tls.read_tls(&mut reader))
}
