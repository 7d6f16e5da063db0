//! A simple client with the usual mistakes: it tries again when an idle connection has died, takes every
//! failure for "not placed" and every status but 0 for a refusal, and takes the first bytes that it reads for
//! the response. The campaign has to catch each of these mistakes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::SockRef;

use crate::support::certs::{Authority, LOOPBACK};
use crate::support::client::{CONNECT_FAILED, KEY, NO_STATUS, OK, REJECTED, SECRET};

use super::group::{BULK, Group};
use super::run::{CallClient, CallResult, Setup};

/// It keeps one connection.
pub struct NaiveClient {
    address: String,
    tls: Option<Arc<ClientConfig>>,
    /// Closes a connection at once, or its system would go on with the rest of a bulky request for long.
    resets: bool,
    timeout: Duration,
    idle: Mutex<Option<Stream>>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> Option<()> {
        match self {
            Stream::Plain(socket) => socket.write_all(bytes).ok(),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()).ok(),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Option<usize> {
        match self {
            Stream::Plain(socket) => socket.read(bytes).ok(),
            Stream::Tls(stream) => stream.read(bytes).ok(),
        }
    }
}

impl NaiveClient {
    pub fn new(setup: &Setup, group: &Group) -> NaiveClient {
        let url = setup.url(group);
        let (_, address) = url.split_once("://").expect("a URL");
        let address = address.trim_end_matches("/voice");
        NaiveClient {
            address: address.to_owned(),
            resets: group.bulky,
            tls: group.wire.is_tls().then(trusting),
            timeout: Duration::from_millis(setup.settings.timeout_ms.into()),
            idle: Mutex::new(None),
        }
    }

    fn connect(&self) -> Option<Stream> {
        let socket = TcpStream::connect(&self.address).ok()?;
        let _ = socket.set_read_timeout(Some(self.timeout));
        let _ = socket.set_write_timeout(Some(self.timeout));
        if self.resets {
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        }
        let Some(config) = &self.tls else {
            return Some(Stream::Plain(socket));
        };
        let name = ServerName::try_from(LOOPBACK[0]).expect("a name");
        let session = ClientConnection::new(Arc::clone(config), name).ok()?;
        Some(Stream::Tls(Box::new(StreamOwned::new(session, socket))))
    }

    fn ask(&self, stream: &mut Stream, callee: &str, info: &str, until: Instant) -> Option<String> {
        let body = format!(
            r#"{{"callee":"{callee}","account":"8001","appId":"4","calledInfo":"{info}"}}"#
        );
        let sign = md5::compute(format!("{KEY}{SECRET}0"));
        let head = format!(
            "POST /voice/sendSip HTTP/1.1\r\nHost: x\r\nApi-Key: {KEY}\r\nTimestamp: 0\r\n\
             Sign: {sign:x}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes())?;
        let mut response = Vec::new();
        loop {
            let left = until.checked_duration_since(Instant::now())?;
            stream
                .socket()
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .ok()?;
            let mut more = [0; 1024];
            match stream.read(&mut more)? {
                0 => return None,
                count => response.extend(&more[..count]),
            }
            let text = String::from_utf8_lossy(&response);
            // Good enough for what the gateway answers.
            if text.contains('}') || text.contains("</html>") {
                return Some(text.into_owned());
            }
        }
    }
}

impl CallClient for NaiveClient {
    fn call(&self, callee: &str, bulky: bool) -> CallResult {
        let info = "i".repeat(if bulky { BULK } else { 0 });
        let started = Instant::now();
        let until = started + self.timeout;
        let mut idle = self.idle.lock().expect("no panic under the lock");
        let attempt = |stream: Option<Stream>| {
            let mut stream = match stream {
                Some(stream) => stream,
                None => self.connect()?,
            };
            let response = self.ask(&mut stream, callee, &info, until)?;
            Some((stream, response))
        };
        let attempted = match idle.take() {
            Some(stream) => attempt(Some(stream)).or_else(|| attempt(None)),
            None => attempt(None),
        };
        let text = attempted.map(|(stream, response)| {
            *idle = Some(stream);
            response
        });
        let value = |name: &str| {
            let (_, rest) = text.as_deref()?.split_once(&format!("\"{name}\":"))?;
            let rest = rest.trim_start_matches('"');
            Some(rest.split(['"', ',', '}']).next()?.to_owned())
        };
        let status = value("status").and_then(|status| status.parse().ok());
        CallResult {
            result: match status {
                Some(0) => OK,
                Some(_) => REJECTED,
                None => CONNECT_FAILED,
            },
            may_have_dialed: status == Some(0),
            status: status.unwrap_or(NO_STATUS),
            recording_id: (status == Some(0)).then(|| value("data")).flatten(),
            reason: String::new(),
            elapsed: started.elapsed(),
        }
    }
}

fn trusting() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(Authority::common().file());
    roots
        .add(certificate.expect("a certificate"))
        .expect("an authority's");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that ring has")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
