//! TLS over a socket.
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

/// A TLS session. Each of its methods takes the socket that it runs over.
pub struct TlsSession {
    /// What was read so far: rustls does not say whether it holds the beginning of a record.
    pub records: RecordTracker,
    tls: ClientConnection,
}

impl TlsSession {
    /// Before its handshake.
    pub fn new(tls: ClientConnection) -> TlsSession {
        let records = RecordTracker::default();
        TlsSession { records, tls }
    }

    /// Fails with [`NotSent::Tls`] where one side refused it, and else with what happened to the connection.
    pub fn handshake(&mut self, socket: &Socket, context: &IoContext<'_>) -> Result<(), Error> {
        let interrupted = |error: IoError| error.before_send(NotSent::Connect, "TLS handshake");
        loop {
            self.flush(socket, context).map_err(interrupted)?;
            if !self.tls.is_handshaking() {
                return Ok(());
            }
            let received = self.receive_records(socket, context).map_err(interrupted)?;
            if let Err(error) = self.tls.process_new_packets() {
                // The alert that tells the server why.
                self.try_flush(socket);
                let reason = verifier::take_refusal().unwrap_or_else(|| self.reason(&error));
                return Err(Error::new(NotSent::Tls, format!("TLS: {reason}")));
            }
            if received == 0 {
                return Err(interrupted(IoError::Closed));
            }
        }
    }

    /// As [`Socket::send_all`].
    pub fn send_all(
        &mut self,
        bytes: &[u8],
        socket: &Socket,
        context: &IoContext<'_>,
    ) -> Result<(), IoError> {
        self.tls.writer().write_all(bytes)?;
        self.flush(socket, context)
    }

    /// As [`Socket::receive`].
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        socket: &Socket,
        context: &IoContext<'_>,
    ) -> Result<usize, IoError> {
        loop {
            match self.tls.reader().read(buffer) {
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
            self.flush(socket, context)?;
            self.receive_records(socket, context)?;
            // Data counts whatever comes behind it.
            let _ = self.tls.process_new_packets();
        }
    }

    /// Whether there is data to receive; fails where the server has closed. Only looks at what was read.
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

    /// Reads once from the socket, which is readable.
    pub fn read_records(&mut self, socket: &Socket) -> Result<(), IoError> {
        let records = &mut self.records;
        match self.tls.read_tls(&mut TrackingReader { socket, records }) {
            Err(error) if !is_transient(&error) => Err(IoError::Io(error)),
            _ => Ok(()),
        }
    }

    /// Sends a close_notify (RFC 8446, 6.1), as far as it goes without waiting.
    pub fn close(&mut self, socket: &Socket) {
        self.tls.send_close_notify();
        self.try_flush(socket);
    }

    fn failed(&self, error: &rustls::Error) -> IoError {
        IoError::Io(io::Error::other(format!("TLS: {}", self.reason(error))))
    }

    fn reason(&self, error: &rustls::Error) -> String {
        tls_reasons::session(error, &self.records.header)
    }

    fn flush(&mut self, socket: &Socket, context: &IoContext<'_>) -> Result<(), IoError> {
        while self.tls.wants_write() {
            if let Err(error) = self.tls.write_tls(&mut &*socket) {
                socket.wait_writable(error, context)?;
            }
        }
        Ok(())
    }

    fn try_flush(&mut self, socket: &Socket) {
        // An error says that the server receives nothing any more.
        while self.tls.wants_write() && self.tls.write_tls(&mut &*socket).is_ok() {}
    }

    /// Waits for bytes; 0 where the server has closed.
    fn receive_records(
        &mut self,
        socket: &Socket,
        context: &IoContext<'_>,
    ) -> Result<usize, IoError> {
        let TlsSession { tls, records } = self;
        let mut reader = TrackingReader { socket, records };
        socket.read_when_ready(context, || tls.read_tls(&mut reader))
    }
}

/// What TLS reads from. Does not wait.
struct TrackingReader<'a> {
    socket: &'a Socket,
    records: &'a mut RecordTracker,
}

impl Read for TrackingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = (&mut &*self.socket).read(buffer)?;
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
