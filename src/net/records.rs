//! A socket for TLS to read from, that knows whether a record has begun.

use std::io::{self, Read};

use super::socket::Socket;

/// The length of a record's header: a type, a version, and the length of what follows (RFC 8446, 5.1).
const HEADER_LENGTH: usize = 5;

/// A socket for TLS to read from. Does not wait: `WouldBlock` where it would.
pub struct TrackingReader<'a> {
    /// Where the records come from.
    pub socket: &'a Socket,
    /// What is known of them.
    pub records: &'a mut RecordTracker,
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

    /// Whether only whole records were read: rustls does not say whether it holds the beginning of one.
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
