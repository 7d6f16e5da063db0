//! A phone as many a program has one: it tries again when a kept connection dies, and takes every
//! failure for "not placed". The campaign has to find both out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::support::client::{CONNECT_FAILED, KEY, NO_STATUS, OK, REJECTED, SECRET};

use super::lane::Lane;
use super::run::{Field, Phone, Said};

/// Plain HTTP, over one connection.
pub struct Careless {
    address: String,
    timeout: Duration,
    kept: Mutex<Option<TcpStream>>,
}

impl Careless {
    pub fn on(field: &Field, lane: &Lane) -> Careless {
        let url = field.url(lane);
        let address = url.trim_start_matches("http://").trim_end_matches("/voice");
        Careless {
            address: address.to_owned(),
            timeout: Duration::from_millis(field.terms.timeout_ms.into()),
            kept: Mutex::new(None),
        }
    }

    fn ask(&self, stream: &mut TcpStream, callee: &str, until: Instant) -> Option<String> {
        let body = format!(r#"{{"callee":"{callee}","account":"8001","appId":"4"}}"#);
        let sign = md5::compute(format!("{KEY}{SECRET}0"));
        let head = format!(
            "POST /voice/sendSip HTTP/1.1\r\nHost: x\r\nApi-Key: {KEY}\r\nTimestamp: 0\r\n\
             Sign: {sign:x}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).ok()?;
        let mut answer = Vec::new();
        loop {
            let left = until.checked_duration_since(Instant::now())?;
            stream
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .ok()?;
            let mut more = [0; 1024];
            match stream.read(&mut more).ok()? {
                0 => return None,
                count => answer.extend(&more[..count]),
            }
            let text = String::from_utf8_lossy(&answer);
            // Good enough for what the gateway answers.
            if text.contains('}') || text.contains("</html>") {
                return Some(text.into_owned());
            }
        }
    }
}

impl Phone for Careless {
    fn call(&self, callee: &str, _: Option<&str>) -> Said {
        let started = Instant::now();
        let until = started + self.timeout;
        let mut kept = self.kept.lock().expect("no panic under the lock");
        let attempt = |stream: Option<TcpStream>| {
            let mut stream = match stream {
                Some(stream) => stream,
                None => TcpStream::connect(&self.address).ok()?,
            };
            let answer = self.ask(&mut stream, callee, until)?;
            Some((stream, answer))
        };
        let answered = match kept.take() {
            Some(stream) => attempt(Some(stream)).or_else(|| attempt(None)),
            None => attempt(None),
        };
        let text = answered.map(|(stream, answer)| {
            *kept = Some(stream);
            answer
        });
        let field = |name: &str| {
            let (_, rest) = text.as_deref()?.split_once(&format!("\"{name}\":\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let status = field("status").and_then(|status| status.parse().ok());
        Said {
            result: match status {
                Some(0) => OK,
                Some(_) => REJECTED,
                None => CONNECT_FAILED,
            },
            may_have_dialed: status == Some(0),
            status: status.unwrap_or(NO_STATUS),
            recording_id: (status == Some(0)).then(|| field("data")).flatten(),
            reason: String::new(),
            elapsed: started.elapsed(),
        }
    }
}
