//! A client that can send anything to a gateway: HTTP by hand over rustls, without the library.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::process::Sandbox;

pub const KEY: &str = "bDqJFiq9";
pub const SECRET: &str = "7bz1lzh9";

pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_secs()
}

pub fn sign(key: &str, secret: &str, timestamp: &str) -> String {
    format!("{:x}", md5::compute(format!("{key}{secret}{timestamp}")))
}

/// A valid request, until a test changes it.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub headers: BTreeMap<&'static str, String>,
    pub body: String,
}

impl Request {
    pub fn to(callee: &str) -> Self {
        Self::with(&json!({ "callee": callee, "account": "1001", "appId": "app" }))
    }

    pub fn with(body: &Value) -> Self {
        let headers = [
            ("Content-Type", "application/json;charset=UTF-8".to_owned()),
            ("Api-Key", KEY.to_owned()),
        ];
        Self {
            method: "POST",
            path: "/voice/sendSip".to_owned(),
            headers: headers.into(),
            body: body.to_string(),
        }
        .at(&now().to_string())
    }

    /// For the record with this recording ID.
    pub fn for_record(id: &str) -> Self {
        let get = Self {
            method: "GET",
            ..Self::with(&Value::Null).body("")
        };
        get.path(&format!("/voice/recordSip/{id}"))
    }

    /// For the records that this asks for.
    pub fn for_records(query: &Value) -> Self {
        Self::with(query).path("/voice/recordSipQuery")
    }

    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// Signed for this time.
    pub fn at(self, timestamp: &str) -> Self {
        let sign = sign(KEY, SECRET, timestamp);
        self.header("Timestamp", timestamp).header("Sign", &sign)
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let Self {
            method,
            path,
            headers,
            body,
        } = self;
        let headers: String = headers
            .iter()
            .map(|(k, v)| format!("{k}: {v}\r\n"))
            .collect();
        let length = match (*method, body.len()) {
            ("GET", 0) => String::new(),
            (_, length) => format!("Content-Length: {length}\r\n"),
        };
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n{body}").into_bytes()
    }
}

/// An HTTP response.
#[derive(Debug)]
pub struct Response {
    pub code: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Response {
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 200, "{self:?}");
        assert_eq!(
            self.headers["content-type"],
            "application/json;charset=UTF-8"
        );
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub fn status(&self) -> String {
        self.json()["status"].as_str().expect("a status").to_owned()
    }

    pub fn reason(&self) -> String {
        self.json()["reason"].as_str().expect("a reason").to_owned()
    }

    #[track_caller]
    pub fn recording_id(&self) -> String {
        assert_eq!(self.status(), "0", "{self:?}");
        self.json()["data"]
            .as_str()
            .expect("a recording ID")
            .to_owned()
    }

    /// What the `Date` header says, in Unix time.
    pub fn date(&self) -> u64 {
        let date = httpdate::parse_http_date(&self.headers["date"]).expect("a date");
        date.duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs()
    }
}

pub trait Stream: Read + Write + Send {
    /// Ends this side of the connection.
    fn end(&mut self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn end(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Stream for StreamOwned<ClientConnection, TcpStream> {
    fn end(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.end()
    }
}

/// One connection to a gateway.
pub struct Caller(BufReader<Box<dyn Stream>>);

impl Caller {
    /// Connects, over TLS unless the sandbox is plain.
    #[track_caller]
    pub fn to(sandbox: &Sandbox) -> Self {
        if sandbox.base_url.starts_with("http://") {
            return Self(BufReader::new(Box::new(connect(sandbox))));
        }
        Self::as_host(sandbox, "127.0.0.1", &sandbox.ca_file).expect("a TLS handshake")
    }

    /// Connects over TLS, and checks that the certificate is for `host` and by `ca_file`.
    pub fn as_host(sandbox: &Sandbox, host: &'static str, ca_file: &Path) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca_file).expect("a PEM file") {
            roots
                .add(certificate.expect("a certificate"))
                .expect("an authority");
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host).expect("a name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("a TLS client");
        let mut stream = StreamOwned::new(tls, connect(sandbox));
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(Self(BufReader::new(Box::new(stream))))
    }

    pub fn send(&mut self, bytes: &[u8]) {
        let stream = self.0.get_mut();
        stream
            .write_all(bytes)
            .and_then(|()| stream.flush())
            .expect("a gateway that reads");
    }

    /// Sends a request and reads the response: `None` if the connection ends without a byte of one.
    pub fn call(&mut self, request: &Request) -> Option<Response> {
        self.send(&request.bytes());
        self.read_response()
    }

    /// Ends the connection, and waits until the gateway has ended it, too. (Dropping it could
    /// reset it, and what the gateway has not read by then would be lost.)
    pub fn close(mut self) {
        let stream = self.0.get_mut();
        stream.end().expect("a connection to end");
        // How the gateway ends it does not matter here.
        let _ = io::copy(stream, &mut io::sink());
    }

    /// Reads a response: `None` if the connection ends without a byte of one.
    pub fn read_response(&mut self) -> Option<Response> {
        let status = self.line()?;
        let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut headers = BTreeMap::new();
        loop {
            let line = self.line().expect("a whole head");
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers
            .get("content-length")
            .map_or(0, |n| n.parse().expect("a length"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a whole body");
        let body = String::from_utf8(body).expect("UTF-8");
        Some(Response {
            code: code.expect("a status line"),
            headers,
            body,
        })
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            // rustls's error for an end without close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            result => {
                result.expect("a gateway that answers");
                Some(line.trim_end().to_owned())
            }
        }
    }
}

fn connect(sandbox: &Sandbox) -> TcpStream {
    let stream = TcpStream::connect(sandbox.address()).expect("a gateway that listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a socket");
    stream
}
