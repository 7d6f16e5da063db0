//! The bytes of a request.
//!
//! The names of header fields are written as the API's documentation writes them, although their case means
//! nothing (RFC 9110, 5.1): there are gateways that know no other.

use std::io::Write;

use ureq::http::Method;

const USER_AGENT: &str = concat!("User-Agent: libitnio/", env!("CARGO_PKG_VERSION"), "\r\n");

// A server may send what coding it likes where nothing is said (RFC 9110, 12.5.3).
const ACCEPT_ENCODING: &str = "Accept-Encoding: identity\r\n";

/// Room for a request line without its path, and for the fields whose values differ from request to request.
const ROOM_FOR_FIELDS: usize = 256;

/// What all requests of a client have in common.
pub struct RequestTemplate {
    base_path: String,
    fields: String,
}

impl RequestTemplate {
    /// For paths below `base_path` on this host. None of the three has a control character.
    pub fn new(base_path: &str, authority: &str, api_key: &str) -> RequestTemplate {
        RequestTemplate {
            base_path: base_path.to_owned(),
            fields: format!(
                "Host: {authority}\r\n\
                 {USER_AGENT}\
                 Accept: application/json\r\n\
                 {ACCEPT_ENCODING}\
                 Content-Type: application/json;charset=UTF-8\r\n\
                 Api-Key: {api_key}\r\n"
            ),
        }
    }

    /// A whole request, for one write. `path` begins with a slash and has no control character.
    pub fn request(
        &self,
        method: &Method,
        path: &str,
        sign: &str,
        timestamp: i64,
        body: &[u8],
    ) -> Vec<u8> {
        let length = self.base_path.len() + path.len() + self.fields.len() + body.len();
        let mut request = Vec::with_capacity(ROOM_FOR_FIELDS + length);
        for part in [
            method.as_str().as_bytes(),
            b" ",
            self.base_path.as_bytes(),
            path.as_bytes(),
            b" HTTP/1.1\r\n",
            self.fields.as_bytes(),
        ] {
            request.extend_from_slice(part);
        }
        // Writing into memory does not fail.
        let _ = write!(request, "Sign: {sign}\r\nTimestamp: {timestamp}\r\n");
        if method == Method::POST {
            let _ = write!(request, "Content-Length: {}\r\n", body.len());
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        request
    }
}

/// A request to a proxy for a tunnel to `target`, a host and a port (RFC 9110, 9.3.6).
pub fn connect_request(target: &str, authorization: Option<&str>) -> String {
    let authorization = authorization.map_or_else(String::new, |credentials| {
        format!("Proxy-Authorization: {credentials}\r\n")
    });
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{USER_AGENT}{authorization}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_method_its_path_and_a_length_where_it_has_a_body() {
        let template = RequestTemplate::new("/voice", "h:8443", "key");
        for (method, body, line, end) in [
            (
                Method::POST,
                "{}",
                "POST /voice/x HTTP/1.1\r\n",
                "Content-Length: 2\r\n\r\n{}",
            ),
            (Method::GET, "", "GET /voice/x HTTP/1.1\r\n", "\r\n\r\n"),
        ] {
            let request = template.request(&method, "/x", "sign", 7, body.as_bytes());
            let request = String::from_utf8(request).unwrap();
            assert!(request.starts_with(&format!("{line}Host: h:8443\r\n")));
            assert!(request.contains("\r\nApi-Key: key\r\nSign: sign\r\nTimestamp: 7\r\n"));
            assert!(request.ends_with(end), "{request}");
            assert_eq!(
                request.contains("Content-Length"),
                method == Method::POST,
                "{request}"
            );
        }
    }
}
