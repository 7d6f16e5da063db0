//! What a web server says to php-fpm: one request per connection, by the FastCGI protocol.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

/// No page takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// What a page has sent.
#[derive(Debug)]
pub struct Page {
    /// With its headers, as PHP has written it.
    pub text: String,
    #[expect(dead_code, reason = "a test that fails shows it")]
    pub errors: String,
}

impl Page {
    pub fn body(&self) -> &str {
        self.text
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body)
    }
}

/// Asks for a script with this query. An error is a connection that ended before the response did.
pub fn get(socket: &Path, script: &Path, query: &str) -> io::Result<Page> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let script = script.to_str().expect("a UTF-8 path");
    let mut params = Vec::new();
    for (name, value) in [
        ("SCRIPT_FILENAME", script),
        ("SCRIPT_NAME", script),
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_URI", script),
        ("QUERY_STRING", query),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
    ] {
        for text in [name, value] {
            // Lengths above 127 take four bytes, the first of them marked.
            let length = u32::try_from(text.len()).expect("a short text") | 1 << 31;
            params.extend(length.to_be_bytes());
        }
        params.extend([name, value].concat().into_bytes());
    }
    let mut request = Vec::new();
    let responder = [0, 1, 0, 0, 0, 0, 0, 0];
    for (kind, content) in [
        (BEGIN_REQUEST, &responder[..]),
        (PARAMS, &params),
        (PARAMS, &[]),
        (STDIN, &[]),
    ] {
        let [high, low] = u16::try_from(content.len())
            .expect("one record")
            .to_be_bytes();
        request.extend([1, kind, 0, 1, high, low, 0, 0]);
        request.extend(content);
    }
    stream.write_all(&request)?;

    let (mut text, mut errors) = (Vec::new(), Vec::new());
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header)?;
        let [_, kind, _, _, high, low, padding, _] = header;
        let mut content = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        stream.read_exact(&mut content)?;
        stream.read_exact(&mut vec![0; usize::from(padding)])?;
        match kind {
            STDOUT => text.extend(content),
            STDERR => errors.extend(content),
            END_REQUEST => break,
            _ => return Err(io::Error::other(format!("a record of type {kind}"))),
        }
    }
    Ok(Page {
        text: String::from_utf8_lossy(&text).into_owned(),
        errors: String::from_utf8_lossy(&errors).into_owned(),
    })
}
