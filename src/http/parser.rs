//! Reads HTTP/1.1 responses (RFC 9112), without any I/O.
//!
//! Whatever a server sends, reading it takes bounded memory and time. What is read here is only
//! where a response ends and what its head says. Whether it is the API's is decided in `api`.

use std::borrow::Cow;
use std::fmt;
use std::mem::{self, MaybeUninit};
use std::ops::Range;
use std::time::Duration;

use httparse::{Header, ParserConfig, Response, Status};

/// The largest head that is read, and the largest body where the endpoint asks for no more.
pub const MAX_RESPONSE_SIZE: usize = 64 * 1024;

/// The most header fields of a response that are read without an allocation.
const MAX_FIELDS_ON_STACK: usize = 128;

/// The most header fields of a response (Node's limit, too). A head that comes line by line is read anew with
/// each, so that this bounds its time.
const MAX_FIELDS: usize = 1000;

/// The longest line behind a head: one that says how large a chunk is, or a trailer.
const MAX_LINE_LENGTH: usize = 1024;

/// Why bytes are no response.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseError(pub Cow<'static, str>);

fn too_large(limit: usize) -> ParseError {
    ParseError(format!("the response is larger than {} KiB", limit / 1024).into())
}

fn not_http(why: impl fmt::Display) -> ParseError {
    ParseError(format!("the response cannot be read as HTTP: {why}").into())
}

/// What the head of a response says.
#[derive(Debug)]
pub struct Head {
    /// The HTTP status, from 200 to 999, or 101.
    pub status: u16,
    /// The `Date` header.
    pub date: Option<String>,
    /// Whether there is an `Age` header.
    pub has_age: bool,
    /// The `Content-Encoding` header, where it names one.
    pub content_coding: Option<String>,
    /// Whether another request may follow on the connection.
    pub is_persistent: bool,
    /// For how long the server keeps the connection, where it says so.
    pub keep_alive: Option<Duration>,
    framing: Framing,
}

/// Where a body ends (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// A whole response.
#[derive(Debug)]
pub struct HttpResponse {
    /// Its head.
    pub head: Head,
    /// Whether something other than line ends came behind the response: old servers add one.
    pub has_more: bool,
    bytes: Vec<u8>,
    body: Range<usize>,
}

impl HttpResponse {
    /// At most as many bytes as the parser was made for.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body.clone()).unwrap_or_default()
    }
}

/// Reads a response piece by piece.
#[derive(Debug)]
pub struct ResponseParser {
    max_body_size: usize,
    bytes: Vec<u8>,
    // From here on, nothing has been made of the bytes yet.
    unread: usize,
    head: Option<Head>,
    body: Range<usize>,
    in_trailers: bool,
}

impl ResponseParser {
    /// For a body of at most so many bytes.
    pub fn new(max_body_size: usize) -> ResponseParser {
        ResponseParser {
            max_body_size,
            bytes: Vec::new(),
            unread: 0,
            head: None,
            body: 0..0,
            in_trailers: false,
        }
    }

    /// Takes what has been received, or nothing where the connection has ended; gives the response where
    /// it is now whole. Fails where it can no longer become one.
    pub fn push(&mut self, piece: &[u8]) -> Result<Option<HttpResponse>, ParseError> {
        if self.push_head(piece)?.is_none() || !self.read_body(piece.is_empty())? {
            return Ok(None);
        }
        // Only once the response is whole, and not with every piece of it: it may be long.
        let rest = self.unread_bytes();
        let is_empty = rest.is_empty();
        let is_last = rest.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        Ok(self.head.take().map(|head| HttpResponse {
            head: Head {
                // What follows the response is the response to no request.
                is_persistent: head.is_persistent && is_empty,
                ..head
            },
            has_more: !is_last,
            bytes: mem::take(&mut self.bytes),
            body: self.body.clone(),
        }))
    }

    /// The same, for a response of which only the head matters: returns its status.
    pub fn push_head(&mut self, piece: &[u8]) -> Result<Option<u16>, ParseError> {
        // No other limit ends 1xx responses, the sizes of chunks, and trailers.
        if self.bytes.len() > 2 * self.max_body_size.max(MAX_RESPONSE_SIZE) {
            return Err(ParseError("the response has no end".into()));
        }
        self.bytes.extend_from_slice(piece);
        if self.head.is_none() {
            // A head is lines: without the end of one there is nothing new in it, however small the
            // pieces are in which somebody sends it.
            if piece.is_empty() || piece.contains(&b'\n') {
                self.read_heads()?;
            }
            if self.head.is_none() && self.unread_bytes().len() > MAX_RESPONSE_SIZE {
                return Err(too_large(MAX_RESPONSE_SIZE));
            }
        }
        Ok(self.head.as_ref().map(|head| head.status))
    }

    /// Whether there is something behind what was read: behind the head, after [`ResponseParser::push_head`].
    pub fn has_more(&self) -> bool {
        !self.unread_bytes().is_empty()
    }

    fn unread_bytes(&self) -> &[u8] {
        self.bytes.get(self.unread..).unwrap_or_default()
    }

    /// Reads up to the first head that is not that of an interim response.
    fn read_heads(&mut self) -> Result<(), ParseError> {
        loop {
            self.skip_empty_lines();
            let Some((head, length)) = parse_head(self.unread_bytes())? else {
                return Ok(());
            };
            self.unread += length;
            // 101 (Switching Protocols) ends the wait: nobody asked for it (RFC 9110, 15.2.2).
            if !matches!(head.status, 100 | 102..200) {
                self.body = self.unread..self.unread;
                self.head = Some(head);
                return Ok(());
            }
        }
    }

    /// Passes the empty lines before a head, so that they are read once only.
    fn skip_empty_lines(&mut self) {
        loop {
            self.unread += match self.unread_bytes() {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => return,
            };
        }
    }

    /// Reads what is there of the body; true where that is all of it.
    fn read_body(&mut self, has_ended: bool) -> Result<bool, ParseError> {
        let framing = self.head.as_ref().map(|head| head.framing);
        match framing.unwrap_or(Framing::UntilClose) {
            Framing::Length(length) if length > self.max_body_size => {
                Err(too_large(self.max_body_size))
            }
            Framing::Length(length) => {
                let is_whole = self.bytes.len() - self.body.start >= length;
                if is_whole {
                    self.body.end = self.body.start + length;
                    self.unread = self.body.end;
                }
                Ok(is_whole)
            }
            Framing::Chunked => self.read_chunks(),
            Framing::UntilClose => {
                self.unread = self.bytes.len();
                self.body.end = self.unread;
                if self.body.len() > self.max_body_size {
                    return Err(too_large(self.max_body_size));
                }
                Ok(has_ended)
            }
        }
    }

    /// Moves the data of whole chunks to the body's end (RFC 9112, 7.1).
    fn read_chunks(&mut self) -> Result<bool, ParseError> {
        while !self.in_trailers {
            let unread = self.unread_bytes();
            let line = unread.get(..MAX_LINE_LENGTH).unwrap_or(unread);
            let (line, size) = match httparse::parse_chunk_size(line) {
                Ok(Status::Complete((length, size))) if is_one_size(line, length) => (length, size),
                Ok(Status::Partial) if line.len() < MAX_LINE_LENGTH => return Ok(false),
                _ => return Err(not_http("a chunk without a size")),
            };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > self.max_body_size - self.body.len() {
                return Err(too_large(self.max_body_size));
            }
            if size == 0 {
                self.unread += line;
                self.in_trailers = true;
                break;
            }
            match unread.get(line + size..line + size + 2) {
                None => return Ok(false),
                Some(b"\r\n") => {}
                Some(_) => return Err(not_http("a chunk longer than its size")),
            }
            let data = self.unread + line;
            self.bytes.copy_within(data..data + size, self.body.end);
            self.body.end += size;
            self.unread = data + size + 2;
        }
        // Trailers say nothing that matters here; they end with an empty line.
        loop {
            let unread = self.unread_bytes();
            let line = unread.get(..MAX_LINE_LENGTH).unwrap_or(unread);
            let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
                if line.len() == MAX_LINE_LENGTH {
                    return Err(not_http("a trailer without an end"));
                }
                return Ok(false);
            };
            let is_last = matches!(unread.get(..end), Some(b"" | b"\r"));
            self.unread += end + 1;
            if is_last {
                return Ok(true);
            }
        }
    }
}

/// Whether a line of this length tells a chunk's size, and is one line: httparse takes none for 0, and
/// lets line feeds into an extension.
fn is_one_size(bytes: &[u8], length: usize) -> bool {
    let mut line = bytes.iter().take(length);
    line.next().is_some_and(u8::is_ascii_hexdigit)
        && line.filter(|byte| **byte == b'\n').count() == 1
}

/// The head at the beginning of these bytes, and its length; `None` where it is not whole yet.
// Not inlined, so that its stack is not held while a call waits.
#[inline(never)]
fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, ParseError> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS_ON_STACK];
    let parsed = match parse_fields(bytes, &mut fields) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut fields = Vec::new();
            fields.resize_with(MAX_FIELDS, MaybeUninit::uninit);
            parse_fields(bytes, &mut fields)
        }
        parsed => parsed,
    };
    match parsed {
        Ok(Status::Complete(head)) => head.map(Some),
        Ok(Status::Partial) => Ok(None),
        Err(error) => Err(not_http(error)),
    }
}

/// The same with room for these fields. The outer error is httparse's.
fn parse_fields<'b>(
    bytes: &'b [u8],
    fields: &mut [MaybeUninit<Header<'b>>],
) -> httparse::Result<Result<(Head, usize), ParseError>> {
    let mut response = Response::new(&mut []);
    let length = match ParserConfig::default()
        // A line that begins with a space goes on with the one before (RFC 9112, 5.2: a user agent has to read
        // that); and what stands before a colon is a name, be there a space between (5.1).
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .parse_response_with_uninit_headers(&mut response, bytes, fields)?
    {
        Status::Complete(length) => length,
        Status::Partial => return Ok(Status::Partial),
    };
    let status = response.code.filter(|status| *status >= 100);
    let head = match status {
        _ if length > MAX_RESPONSE_SIZE => Err(too_large(MAX_RESPONSE_SIZE)),
        None => Err(not_http("no valid status")),
        Some(status) => read_fields(status, response.version == Some(1), response.headers),
    };
    Ok(Status::Complete(head.map(|head| (head, length))))
}

fn read_fields(status: u16, is_1_1: bool, fields: &[Header<'_>]) -> Result<Head, ParseError> {
    let mut head = Head {
        status,
        date: None,
        has_age: false,
        content_coding: None,
        framing: Framing::UntilClose,
        is_persistent: is_1_1,
        keep_alive: None,
    };
    let mut length = None;
    let mut is_chunked = None;
    for Header { name, value } in fields {
        let is = |field| name.eq_ignore_ascii_case(field);
        if is("content-length") {
            let given = content_length(value).ok_or_else(|| not_http("not a length"))?;
            if length.is_some_and(|length| length != given) {
                return Err(not_http("two lengths"));
            }
            length = Some(given);
        } else if is("transfer-encoding") {
            let last = tokens(value).next_back();
            is_chunked = Some(last.is_some_and(|it| it.eq_ignore_ascii_case(b"chunked")));
        } else if is("connection") {
            head.is_persistent &= !tokens(value).any(|it| it.eq_ignore_ascii_case(b"close"));
        } else if is("keep-alive") {
            head.keep_alive = keep_alive_timeout(value);
        } else if is("date") {
            head.date = std::str::from_utf8(value).ok().map(str::to_owned);
        } else if is("age") {
            head.has_age = true;
        } else if is("content-encoding")
            && tokens(value).any(|it| !it.eq_ignore_ascii_case(b"identity"))
        {
            head.content_coding = Some(String::from_utf8_lossy(value).into_owned());
        }
    }
    let has_no_body = matches!(status, 100..200 | 204 | 304);
    head.framing = match (is_chunked, length) {
        // RFC 9110, 6.4.1: no body, whatever the fields say.
        _ if has_no_body => Framing::Length(0),
        (Some(true), _) => Framing::Chunked,
        (None, Some(length)) => Framing::Length(length),
        _ => Framing::UntilClose,
    };
    // Two say where the body ends: somebody on the way may have believed the other (RFC 9112, 6.1).
    let is_contradictory = if has_no_body {
        is_chunked.is_some() || length.is_some_and(|length| length > 0)
    } else {
        is_chunked.is_some() && length.is_some()
    };
    head.is_persistent &= head.framing != Framing::UntilClose && status != 101 && !is_contradictory;
    Ok(head)
}

/// A length in digits, or the same one several times (RFC 9112, 6.3). One beyond a `usize` is too
/// large in any case.
fn content_length(value: &[u8]) -> Option<usize> {
    let mut lengths = std::str::from_utf8(value).ok()?.split(',').map(|text| {
        // And the end of a line, where the field goes on in the next.
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(usize::MAX))
    });
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

fn tokens(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

/// The seconds of `Keep-Alive: timeout=5, max=100` (RFC 2068, 19.7.1.1, and what servers send).
fn keep_alive_timeout(value: &[u8]) -> Option<Duration> {
    let seconds = tokens(value).find_map(|parameter| parameter.strip_prefix(b"timeout="))?;
    let seconds = std::str::from_utf8(seconds).ok()?.parse::<u32>().ok()?;
    Some(Duration::from_secs(u64::from(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a response that comes in pieces of this size; `None` where it is not whole at the end.
    fn is_not_http(response: &Result<Option<HttpResponse>, ParseError>) -> bool {
        let why = "the response cannot be read as HTTP: ";
        matches!(response, Err(error) if error.0.starts_with(why))
    }

    fn read(bytes: &[u8], size: usize, ends: bool) -> Result<Option<HttpResponse>, ParseError> {
        let mut parser = ResponseParser::new(MAX_RESPONSE_SIZE);
        for piece in bytes.chunks(size).chain(ends.then_some(&[][..])) {
            if let Some(response) = parser.push(piece)? {
                return Ok(Some(response));
            }
        }
        Ok(None)
    }

    fn whole(bytes: &[u8], ends: bool) -> HttpResponse {
        for size in [1, 2, 3, 7, 64] {
            let response = read(bytes, size, ends).expect("HTTP").expect("whole");
            assert_eq!(response.bytes.len(), bytes.len(), "in pieces of {size}");
        }
        read(bytes, usize::MAX, ends).expect("HTTP").expect("whole")
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        for (head, body, ends, is_persistent) in [
            ("Content-Length: 4", "abcd", false, true),
            (
                "content-length:4, 4\r\nContent-Length: 4",
                "abcd",
                false,
                true,
            ),
            (
                "Content-Length: 4\r\nConnection: x, Close",
                "abcd",
                false,
                false,
            ),
            (
                "Transfer-Encoding: chunked",
                "2\r\nab\r\n2;x=y\r\ncd\r\n0\r\n\r\n",
                false,
                true,
            ),
            (
                "Transfer-Encoding: chunked",
                "4\r\nabcd\r\n0\r\nx: y\r\n\r\n",
                false,
                true,
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 9",
                "4\r\nabcd\r\n0\r\n\r\n",
                false,
                false,
            ),
            ("Date: x", "abcd", true, false),
            ("Transfer-Encoding: chunked, x", "abcd", true, false),
        ] {
            let response = whole(
                format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").as_bytes(),
                ends,
            );
            assert_eq!(response.body(), b"abcd", "{head}");
            assert_eq!(response.head.is_persistent, is_persistent, "{head}");
        }
    }

    #[test]
    fn what_follows_a_response_ends_its_connection() {
        for (bytes, is_persistent) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na\r\n", false),
            ("HTTP/1.1 204 No\r\n\r\n", true),
            ("HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", false),
        ] {
            let response = read(bytes.as_bytes(), usize::MAX, false);
            assert_eq!(
                response.unwrap().unwrap().head.is_persistent,
                is_persistent,
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn interim_responses_are_passed_over_and_a_switch_of_protocols_is_not() {
        let bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n\
                      HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(whole(bytes.as_bytes(), false).head.status, 404);
        let switch = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        let response = whole(switch.as_bytes(), false);
        assert_eq!(
            (response.head.status, response.head.is_persistent),
            (101, false)
        );
    }

    #[test]
    fn a_response_that_is_cut_anywhere_is_not_whole() {
        for bytes in [
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nx: y\r\n\r\n",
        ] {
            for cut in 0..bytes.len() {
                let response = read(&bytes.as_bytes()[..cut], 5, true);
                assert!(
                    matches!(response, Ok(None)),
                    "{cut} of {bytes:?}: {response:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_http_is_said_to_be_so() {
        for bytes in [
            "220 mail.example ESMTP\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        ] {
            for size in [1, 9, usize::MAX] {
                let response = read(bytes.as_bytes(), size, true);
                assert!(is_not_http(&response), "{bytes:?}: {response:?}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes for hundreds of kilobytes")]
    fn what_never_ends_is_given_up() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (head, more) in [
            ("", "\r\n"),
            ("", "\0"),
            ("", "HTTP/1.1 100 Continue\r\n\r\n"),
            ("HTTP/1.1 200 ", "O"),
            ("HTTP/1.1 200 OK\r\n", "x: y\r\n"),
            ("HTTP/1.1 200 OK\r\nx: ", "y"),
            ("HTTP/1.1 200 OK\r\n\r\n", "x"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", "x"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                "x",
            ),
            (chunked, "1\r\nx\r\n"),
            (chunked, "0"),
            (chunked, "1;x"),
            (&format!("{chunked}0\r\n"), "x: y\r\n"),
            (&format!("{chunked}0\r\n"), "x"),
        ] {
            let bytes = head.to_owned() + &more.repeat(4 * 2 * MAX_RESPONSE_SIZE / more.len());
            let mut parser = ResponseParser::new(MAX_RESPONSE_SIZE);
            let given_up = bytes
                .as_bytes()
                .chunks(1000)
                .position(|piece| parser.push(piece).is_err());
            assert!(
                given_up.is_some_and(|piece| piece <= 2 * MAX_RESPONSE_SIZE / 1000 + 1),
                "{head:?} {more:?}: {given_up:?}"
            );
        }
    }

    #[test]
    fn the_fields_that_matter_are_read() {
        let bytes = "HTTP/1.1 200 OK\r\nDATE: Tue, 24 Nov 2026 21:55:03 GMT\r\nage: 1\r\n\
                      Keep-Alive: max=3, timeout=7\r\nContent-Length: 0\r\n\r\n";
        let response = whole(bytes.as_bytes(), false);
        assert_eq!(
            response.head.date.as_deref(),
            Some("Tue, 24 Nov 2026 21:55:03 GMT")
        );
        assert!(response.head.has_age);
        assert_eq!(response.head.keep_alive, Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_chunk_has_a_size() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for line in ["", " ", ";x=y", "\t;x", "1;x\ny", "0\n"] {
            for chunks in [
                format!("{line}\r\n\r\n"),
                format!("1\r\na\r\n{line}\r\n\r\n"),
            ] {
                for size in [1, usize::MAX] {
                    let response = read((head.to_owned() + &chunks).as_bytes(), size, false);
                    assert!(is_not_http(&response), "{chunks:?}: {response:?}");
                }
            }
        }
    }

    #[test]
    fn a_length_has_digits_and_nothing_else() {
        for length in [
            "\u{a0}4",
            "4\u{2003}",
            "4 4",
            "4;4",
            "0x4",
            "4,",
            ",4",
            "4,\u{a0}4",
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nabcd");
            let response = read(bytes.as_bytes(), usize::MAX, true);
            assert!(is_not_http(&response), "{length:?}: {response:?}");
        }
    }

    #[test]
    fn a_body_that_must_not_be_ends_its_connection() {
        for (fields, is_persistent) in [
            ("", true),
            ("Content-Length: 0\r\n", true),
            ("Content-Length: 5\r\n", false),
            ("Transfer-Encoding: chunked\r\n", false),
        ] {
            for status in [204, 304] {
                let bytes = format!("HTTP/1.1 {status} No\r\n{fields}\r\n");
                let response = read(bytes.as_bytes(), usize::MAX, false).unwrap().unwrap();
                assert_eq!(response.head.is_persistent, is_persistent, "{bytes:?}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes for hundreds of kilobytes")]
    fn empty_lines_are_gone_through_once() {
        let mut parser = ResponseParser::new(MAX_RESPONSE_SIZE);
        for sent in 1..=1000 {
            assert_eq!(parser.push_head(b"\r\n"), Ok(None));
            assert_eq!(parser.unread, 2 * sent);
        }
        assert_eq!(parser.push_head(b"\nHTTP/1.1 20"), Ok(None));
        assert_eq!(parser.push_head(b"3 OK\n\r\n"), Ok(Some(203)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes for hundreds of kilobytes")]
    fn the_limits_hold_to_the_byte() {
        let x = |count: usize| "x".repeat(count);
        let head = |length: usize| {
            let (start, end) = ("HTTP/1.1 200 OK\r\nx: ", "\r\nContent-Length: 0\r\n\r\n");
            format!("{start}{}{end}", x(length - start.len() - end.len()))
        };
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for over in [0, 1] {
            let size = MAX_RESPONSE_SIZE + over;
            for bytes in [
                head(size),
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{}",
                    x(size)
                ),
                format!("{chunked}{size:x}\r\n{}\r\n0\r\n\r\n", x(size)),
                format!(
                    "{chunked}1\r\nx\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                    size - 1,
                    x(size - 1)
                ),
                format!("HTTP/1.1 200 OK\r\n\r\n{}", x(size)),
            ] {
                for piece in [1000, usize::MAX] {
                    let response = read(bytes.as_bytes(), piece, true);
                    match response {
                        Ok(Some(_)) if over == 0 => {}
                        Err(error) if over == 1 && error == too_large(MAX_RESPONSE_SIZE) => {}
                        _ => panic!("{over} over, {:.60}: {response:?}", bytes),
                    }
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes for hundreds of kilobytes")]
    fn a_line_without_an_end_is_given_up_at_its_limit() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (head, line, limit) in [
            ("", "HTTP/1.1 200 ", MAX_RESPONSE_SIZE),
            (chunked, "0;", MAX_LINE_LENGTH),
            (&format!("{chunked}0\r\n"), "", MAX_LINE_LENGTH),
        ] {
            let mut parser = ResponseParser::new(MAX_RESPONSE_SIZE);
            let begun = head.to_owned() + line;
            assert!(matches!(parser.push(begun.as_bytes()), Ok(None)));
            let length = (line.len() + 1..2 * limit).find(|_| parser.push(b"x").is_err());
            assert!(
                length.is_some_and(|length| length.abs_diff(limit) <= 1),
                "{begun:?}: given up after {length:?}"
            );
        }
    }

    #[test]
    fn a_line_of_chunks_has_one_limit_however_it_comes() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (begin, end) in [("0;", "\r\n\r\n"), ("0\r\n", "\r\n\r\n")] {
            for (length, is_read) in [(MAX_LINE_LENGTH, true), (MAX_LINE_LENGTH + 1, false)] {
                // The line that is filled up, with its end.
                let rest = if begin == "0;" {
                    length - 4
                } else {
                    length - 2
                };
                let bytes = format!("{chunked}{begin}{}{end}", "x".repeat(rest));
                for size in [100, usize::MAX] {
                    let response = read(bytes.as_bytes(), size, false);
                    assert_eq!(
                        response.is_ok(),
                        is_read,
                        "{begin:?} {length} {size}: {response:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_field_may_go_on_in_the_next_line_and_its_name_end_with_a_space() {
        for (fields, is_persistent) in [
            ("X: a\r\n b: c\r\n\td\r\nContent-Length: 4", true),
            ("Content-Length:\r\n 4", true),
            ("Content-Length : 4\r\nConnection\t: close", false),
            ("Content-Length: 4\r\nConnection: x,\r\n  close", false),
            ("X: a\r\n Content-Length: 9\r\nContent-Length: 4", true),
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nabcd");
            let response = whole(bytes.as_bytes(), false);
            assert_eq!(response.body(), b"abcd", "{fields}");
            assert_eq!(response.head.is_persistent, is_persistent, "{fields}");
        }
        for fields in [
            " X: a\r\nContent-Length: 4",
            "Content-Length: 4\r\n 4",
            "Content-Length : 4\r\nContent-Length: 5",
            "Content Length: 4",
            "Content-Length: 4\r\nno colon",
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nabcd");
            let response = read(bytes.as_bytes(), usize::MAX, false);
            assert!(is_not_http(&response), "{fields:?}: {response:?}");
        }
    }

    #[test]
    fn a_thousand_fields_are_read_and_no_more() {
        let head = |fields: usize| {
            let fields = "x: y\r\n".repeat(fields - 1);
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 1\r\n\r\na")
        };
        for fields in [MAX_FIELDS_ON_STACK, MAX_FIELDS_ON_STACK + 1, MAX_FIELDS] {
            let response = read(head(fields).as_bytes(), 1000, false);
            assert_eq!(response.unwrap().unwrap().body(), b"a", "{fields} fields");
        }
        let response = read(head(MAX_FIELDS + 1).as_bytes(), 1000, false);
        assert!(is_not_http(&response), "{response:?}");
    }

    #[test]
    fn a_coding_of_the_content_is_told() {
        for (fields, coding) in [
            ("Content-Encoding: gzip", Some("gzip")),
            ("content-encoding: identity, BR ", Some("identity, BR")),
            (
                "Content-Encoding: gzip\r\nContent-Encoding: identity",
                Some("gzip"),
            ),
            ("Content-Encoding: Identity", None),
            ("Content-Encoding: , ,", None),
            ("Content-Encoding:", None),
            ("Accept-Encoding: gzip", None),
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\nContent-Length: 0\r\n\r\n");
            let response = read(bytes.as_bytes(), usize::MAX, false).unwrap().unwrap();
            assert_eq!(response.head.content_coding.as_deref(), coding, "{fields}");
        }
    }

    #[test]
    fn a_connection_ends_where_one_field_says_so() {
        for (fields, is_persistent) in [
            ("Connection: keep-alive", true),
            ("Connection: close\r\nConnection: keep-alive", false),
            ("Connection: keep-alive\r\nconnection: x, CLOSE ,y", false),
            ("Connection: closed, not-close", true),
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\nContent-Length: 0\r\n\r\n");
            let response = read(bytes.as_bytes(), usize::MAX, false).unwrap().unwrap();
            assert_eq!(response.head.is_persistent, is_persistent, "{fields}");
        }
    }
}
