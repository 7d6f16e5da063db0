//! What a scripted peer received, and when.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A request, or the part of one that arrived.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The connection that it came over; the first is 1.
    pub connection: usize,
    /// The address that sent it.
    pub peer: SocketAddr,
    /// Its number within the connection; the first is 1.
    pub number: usize,
    /// Its number among all that this gateway has received; the first is 1.
    pub order: usize,
    /// When its last byte had been read.
    pub at: Instant,
    pub clock: SystemTime,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    /// Whether all of it arrived, head and body.
    pub complete: bool,
    /// The numbers of TCP segments and TLS records with data that it came in. Exact from the second
    /// request of a connection on: the first may share its segment with the end of the handshake.
    pub segments: u32,
    pub records: u32,
}

impl Delivery {
    /// The request line.
    pub fn line(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        head.lines().next().unwrap_or_default().to_owned()
    }

    /// Names in lower case, and values, in the order of arrival.
    pub fn headers(&self) -> Vec<(String, String)> {
        String::from_utf8_lossy(&self.head)
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect()
    }

    /// The value of a header that occurs once.
    #[track_caller]
    pub fn header(&self, name: &str) -> String {
        let values: Vec<_> = self
            .headers()
            .into_iter()
            .filter(|(this, _)| this == name)
            .map(|(_, v)| v)
            .collect();
        match values.as_slice() {
            [value] => value.clone(),
            _ => panic!("{} headers {name} in {self:?}", values.len()),
        }
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The number called, or "" where there is none.
    pub fn callee(&self) -> String {
        serde_json::from_slice::<serde_json::Value>(&self.body)
            .ok()
            .and_then(|body| Some(body.get("callee")?.as_str()?.to_owned()))
            .unwrap_or_default()
    }

    /// The request's timestamp, in seconds since 1970.
    #[track_caller]
    pub fn timestamp(&self) -> i64 {
        self.header("timestamp")
            .parse()
            .expect("a number of seconds")
    }

    /// How far the request's time is from the receiver's, in seconds.
    #[track_caller]
    pub fn skew(&self) -> i64 {
        let now = self
            .clock
            .duration_since(UNIX_EPOCH)
            .expect("a clock after 1970")
            .as_secs();
        self.timestamp() - i64::try_from(now).expect("a clock that fits into an i64")
    }

    /// Fails the test unless key and signature are as the API's documentation has them.
    #[track_caller]
    pub fn check_signature(&self, key: &str, secret: &str) {
        assert_eq!(self.header("api-key"), key);
        let signed = md5::compute(format!("{key}{secret}{}", self.timestamp()));
        assert_eq!(self.header("sign"), format!("{signed:x}"), "{self:?}");
    }
}

/// Takes a request off the front of `buffer`, if all of it is there.
pub fn whole_request(buffer: &mut Vec<u8>) -> Option<(Vec<u8>, Vec<u8>)> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let length = String::from_utf8_lossy(&buffer[..head])
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().expect("a length"));
    if buffer.len() < head + length {
        return None;
    }
    let mut request: Vec<u8> = buffer.drain(..head + length).collect();
    let body = request.split_off(head);
    Some((request, body))
}
