//! TLS over a socket, or over the TLS session with a proxy (`nested`).
//!
//! It is rustls over our own socket, without a stream in between: one that retries or puts off a failed
//! write (as rustls's own `complete_io` does with the next read) could not say whether a request is sent.

use std::io::{self, Read, Write};

use rustls::ClientConnection;

use super::io::{IoContext, IoError, is_transient};
use super::socket::Socket;
use super::{tls_reasons, verifier};
use crate::error::{Error, NotSent};

/// The length of a record's header: a type, a version, and the length of what follows (RFC 8446, 5.1).
const HEADER_LENGTH: usize = 5;

/// What a TLS session runs over. Its reads do not wait: `WouldBlock` where they would.
pub trait Transport: Read {
    /// Waits until `read`, from this transport, gets something; 0 where the other side has closed.
    fn wait_and_read(
        &mut self,
        context: &IoContext<'_>,
        read: impl FnMut(&mut Self) -> io::Result<usize>,
    ) -> Result<usize, IoError>;

    /// Hands to the system all that `tls` has to send. Where it fails, the peer cannot have received the last
    /// byte of it.
    fn send_all_of(
        &mut self,
        tls: &mut ClientConnection,
        context: &IoContext<'_>,
    ) -> Result<(), IoError>;

    /// The same, as far as it goes without waiting.
    fn try_send_all_of(&mut self, tls: &mut ClientConnection);

    // These two are places of their own for each transport, so that rustls's code is compiled into an ordinary
    // call: shared, they would cost it instructions.

    /// Encrypts all of `bytes` for a session over this transport, and sends nothing.
    fn encrypt(tls: &mut ClientConnection, bytes: &[u8]) -> io::Result<()>;

    /// Takes data that a session over this transport has decrypted.
    fn read_decrypted(tls: &mut ClientConnection, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Transport for &Socket {
    #[inline(always)]
    fn wait_and_read(
        &mut self,
        context: &IoContext<'_>,
        mut read: impl FnMut(&mut Self) -> io::Result<usize>,
    ) -> Result<usize, IoError> {
        let socket = *self;
        socket.read_when_ready(context, || read(self))
    }

    fn send_all_of(
        &mut self,
        tls: &mut ClientConnection,
        context: &IoContext<'_>,
    ) -> Result<(), IoError> {
        while tls.wants_write() {
            if let Err(error) = tls.write_tls(self) {
                self.wait_writable(error, context)?;
            }
        }
        Ok(())
    }

    fn try_send_all_of(&mut self, tls: &mut ClientConnection) {
        // An error says that the server receives nothing any more.
        while tls.wants_write() && tls.write_tls(self).is_ok() {}
    }

    fn encrypt(tls: &mut ClientConnection, bytes: &[u8]) -> io::Result<()> {
        tls.writer().write_all(bytes)
    }

    fn read_decrypted(tls: &mut ClientConnection, buffer: &mut [u8]) -> io::Result<usize> {
        tls.reader().read(buffer)
    }
}

/// A TLS session. Each of its methods takes the transport that it runs over.
pub struct TlsSession {
    /// What was read so far: rustls does not say whether it holds the beginning of a record.
    pub records: RecordTracker,
    pub(super) tls: ClientConnection,
}

impl TlsSession {
    /// Before its handshake.
    pub fn new(tls: ClientConnection) -> TlsSession {
        let records = RecordTracker::default();
        TlsSession { records, tls }
    }

    /// Fails with [`NotSent::Tls`] where one side refused it, and else with what happened to the connection.
    pub fn handshake(
        &mut self,
        transport: &mut impl Transport,
        context: &IoContext<'_>,
    ) -> Result<(), Error> {
        let interrupted = |error: IoError| error.before_send(NotSent::Connect, "TLS handshake");
        loop {
            transport
                .send_all_of(&mut self.tls, context)
                .map_err(interrupted)?;
            if !self.tls.is_handshaking() {
                return Ok(());
            }
            let received = self
                .receive_records(transport, context)
                .map_err(interrupted)?;
            if let Err(error) = self.tls.process_new_packets() {
                // The alert that tells the server why.
                transport.try_send_all_of(&mut self.tls);
                let reason = verifier::take_refusal().unwrap_or_else(|| self.reason(&error));
                return Err(Error::new(NotSent::Tls, format!("TLS: {reason}")));
            }
            if received == 0 {
                return Err(interrupted(IoError::Closed));
            }
        }
    }

    /// As [`Socket::send_all`].
    pub fn send_all<T: Transport>(
        &mut self,
        bytes: &[u8],
        transport: &mut T,
        context: &IoContext<'_>,
    ) -> Result<(), IoError> {
        T::encrypt(&mut self.tls, bytes)?;
        transport.send_all_of(&mut self.tls, context)
    }

    /// As [`Socket::receive`].
    // Nested sessions have one, too: without this, ordinary calls would pay for that.
    #[inline(always)]
    pub fn receive<T: Transport>(
        &mut self,
        buffer: &mut [u8],
        transport: &mut T,
        context: &IoContext<'_>,
    ) -> Result<usize, IoError> {
        loop {
            match T::read_decrypted(&mut self.tls, buffer) {
                // EOF without close_notify is EOF: its length or its JSON shows whether the response is
                // complete.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Ok(read?),
            }
            // rustls repeats what it found wrong behind the data that has been read by now.
            if let Err(error) = self.tls.process_new_packets() {
                return Err(self.failed(&error));
            }
            // Such as a refusal to renegotiate; the response to a key update goes with a request.
            transport.send_all_of(&mut self.tls, context)?;
            self.receive_records(transport, context)?;
            // Data counts whatever comes behind it.
            let _ = self.tls.process_new_packets();
        }
    }

    /// Whether there is data to receive; fails where the server has closed. Only looks at what was read.
    // Nested sessions have one, too: without this, ordinary calls would pay for that.
    #[inline(always)]
    pub fn has_data(&mut self) -> Result<bool, IoError> {
        let state = match self.tls.process_new_packets() {
            Ok(state) => state,
            Err(error) => return Err(self.failed(&error)),
        };
        if state.plaintext_bytes_to_read() == 0 && state.peer_has_closed() {
            return Err(IoError::Closed);
        }
        Ok(state.plaintext_bytes_to_read() > 0)
    }

    /// Reads once from the transport, where something can be read.
    pub fn read_records(&mut self, transport: &mut impl Transport) -> Result<(), IoError> {
        match self.read_once(transport) {
            Err(error) if !is_transient(&error) => Err(IoError::Io(error)),
            _ => Ok(()),
        }
    }

    /// Reads once, without waiting.
    #[inline(always)]
    pub(super) fn read_once(&mut self, transport: &mut impl Transport) -> io::Result<usize> {
        let records = &mut self.records;
        self.tls
            .read_tls(&mut TrackingReader { transport, records })
    }

    /// Sends a close_notify (RFC 8446, 6.1), as far as it goes without waiting.
    pub fn close(&mut self, transport: &mut impl Transport) {
        self.tls.send_close_notify();
        transport.try_send_all_of(&mut self.tls);
    }

    fn failed(&self, error: &rustls::Error) -> IoError {
        IoError::Io(io::Error::other(format!("TLS: {}", self.reason(error))))
    }

    fn reason(&self, error: &rustls::Error) -> String {
        tls_reasons::session(error, &self.records.header)
    }

    /// Waits for bytes; 0 where the server has closed.
    #[inline(always)]
    fn receive_records(
        &mut self,
        transport: &mut impl Transport,
        context: &IoContext<'_>,
    ) -> Result<usize, IoError> {
        transport.wait_and_read(context, |transport| self.read_once(transport))
    }
}

/// What TLS reads from. Does not wait.
struct TrackingReader<'a, T> {
    transport: &'a mut T,
    records: &'a mut RecordTracker,
}

impl<T: Transport> Read for TrackingReader<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = self.transport.read(buffer)?;
        self.records
            .consume(buffer.get(..received).unwrap_or_default());
        Ok(received)
    }
}

/// Follows a stream of TLS records as far as to tell where one ends.
#[derive(Debug, Default)]
pub struct RecordTracker {
    header: [u8; HEADER_LENGTH],
    header_length: usize,
    body_left: usize,
}

impl RecordTracker {
    fn consume(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.body_left > 0 {
                let skipped = self.body_left.min(bytes.len());
                self.body_left -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            if let Some(byte) = self.header.get_mut(self.header_length) {
                *byte = *first;
            }
            self.header_length += 1;
            bytes = rest;
            if self.header_length == HEADER_LENGTH {
                let [.., high, low] = self.header;
                self.body_left = usize::from(u16::from_be_bytes([high, low]));
                self.header_length = 0;
            }
        }
    }

    /// Whether what was read is an HTTP response in place of the first record.
    pub fn is_http(&self) -> bool {
        self.header == *b"HTTP/"
    }

    /// Whether only whole records were read.
    pub fn at_boundary(&self) -> bool {
        self.header_length == 0 && self.body_left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(length: u16) -> Vec<u8> {
        let mut record = vec![0x17, 3, 3];
        record.extend(length.to_be_bytes());
        record.resize(HEADER_LENGTH + usize::from(length), 0xff);
        record
    }

    #[test]
    fn only_whole_records_are_a_boundary_however_they_are_cut() {
        let records = [record(3), record(0), record(300)];
        let stream = records.concat();
        let mut end = 0;
        let mut boundaries = vec![0];
        boundaries.extend(records.iter().map(|record| {
            end += record.len();
            end
        }));
        for size in [1, 2, 5, 7, 64, stream.len()] {
            let mut tracker = RecordTracker::default();
            assert!(tracker.at_boundary());
            let mut read = 0;
            for piece in stream.chunks(size) {
                tracker.consume(piece);
                read += piece.len();
                let is_boundary = boundaries.contains(&read);
                assert_eq!(tracker.at_boundary(), is_boundary, "{read} by {size}");
            }
        }
    }

    #[test]
    fn the_longest_record_is_followed_to_its_end() {
        let longest = record(u16::MAX);
        let mut tracker = RecordTracker::default();
        tracker.consume(&longest[..longest.len() - 1]);
        assert!(!tracker.at_boundary());
        tracker.consume(&longest[longest.len() - 1..]);
        assert!(tracker.at_boundary());
    }
}
