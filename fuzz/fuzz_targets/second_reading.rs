//! A second reader of HTTP: what the bytes of a response, up to the connection's end, can mean.

/// An HTTP response.
#[derive(Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
    /// Whether there is a `Date`.
    pub is_dated: bool,
    /// Whether there is only one way to read it: it keeps to the letter of RFC 9112, is of a usual size,
    /// and nothing follows it.
    pub is_plain: bool,
}

/// The one response that `bytes` can be taken for, however liberally they are read; none where they end
/// early, where their lengths contradict each other, or where they are no response.
pub fn read(bytes: &[u8]) -> Option<Response> {
    let mut rest = bytes;
    let mut is_plain = bytes.len() < 16 * 1024;
    loop {
        let head = Head::read(&mut rest)?;
        is_plain &= head.is_plain;
        match head.status {
            // No request asks for another protocol.
            101 => return None,
            100..200 => is_plain &= head.lengths.is_empty() && head.coding.is_none(),
            _ => return body(head, rest, is_plain),
        }
    }
}

fn body(head: Head, mut rest: &[u8], mut is_plain: bool) -> Option<Response> {
    let body = if matches!(head.status, 204 | 304) {
        // There is no body, whatever the head says (RFC 9112, 6.3).
        is_plain = false;
        Vec::new()
    } else if head.coding == Some(false) {
        is_plain = false;
        std::mem::take(&mut rest).to_vec()
    } else if head.coding == Some(true) {
        is_plain &= head.lengths.is_empty();
        chunks(&mut rest, &mut is_plain)?
    } else if let Some((first, others)) = head.lengths.split_first() {
        if others.iter().any(|other| other != first) {
            return None;
        }
        is_plain &= others.is_empty() && first.len() < 6;
        let length = decimal(first)?;
        let body = rest.get(..length)?;
        rest = &rest[length..];
        body.to_vec()
    } else {
        std::mem::take(&mut rest).to_vec()
    };
    Some(Response {
        status: head.status,
        body,
        is_dated: head.is_dated,
        is_plain: is_plain && rest.is_empty(),
    })
}

/// The parts of a head that count here.
struct Head {
    status: u16,
    lengths: Vec<String>,
    /// Whether the body is in chunks, where there is a transfer coding.
    coding: Option<bool>,
    is_dated: bool,
    is_plain: bool,
}

impl Head {
    fn read(rest: &mut &[u8]) -> Option<Head> {
        let mut line = next_line(rest)?;
        let mut is_plain = line.is_plain;
        while line.text.is_empty() {
            is_plain = false;
            line = next_line(rest)?;
        }
        let after_version = line.text.strip_prefix("HTTP/1.")?;
        is_plain &= after_version.starts_with("1 ");
        let status = after_version.get(1..)?.trim_start_matches(' ');
        is_plain &= status.len() == 3 || status.get(3..4) == Some(" ");
        let status: u16 = status.get(..3)?.parse().ok()?;
        is_plain &= (100..600).contains(&status);
        let mut head = Head {
            status,
            lengths: Vec::new(),
            coding: None,
            is_dated: false,
            is_plain,
        };
        let mut count = 0;
        let mut field = String::new();
        loop {
            let line = next_line(rest)?;
            head.is_plain &= line.is_plain && count < 60;
            if count > 0 && line.text.starts_with([' ', '\t']) {
                // It goes on with the field before (RFC 9112, 5.2).
                head.is_plain = false;
                field = field + "\n" + &line.text;
                continue;
            }
            if count > 0 {
                head.header(&field);
            }
            if line.text.is_empty() {
                return Some(head);
            }
            count += 1;
            field = line.text;
        }
    }

    fn header(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        self.is_plain &= line.contains(':') && !name.is_empty() && name.chars().all(is_token);
        let value = value.trim_matches([' ', '\t', '\n']);
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => self
                .lengths
                .extend(value.split(',').map(|one| one.trim().to_owned())),
            "transfer-encoding" => {
                self.is_plain &= value.eq_ignore_ascii_case("chunked") && self.coding.is_none();
                // Whoever does not know the last coding reads up to the end (RFC 9112, 6.3).
                let mut codings = value
                    .split(',')
                    .map(|coding| coding.trim_matches([' ', '\t']));
                let last = codings.rfind(|coding| !coding.is_empty());
                self.coding = Some(last.is_some_and(|it| it.eq_ignore_ascii_case("chunked")));
            }
            "date" => self.is_dated = true,
            // No request asks for it: the library need not understand it.
            "content-encoding" | "upgrade" => self.is_plain = false,
            _ => {}
        }
    }
}

/// A line without its end.
struct Line {
    text: String,
    /// Printable ASCII, up to CRLF.
    is_plain: bool,
}

fn next_line(rest: &mut &[u8]) -> Option<Line> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, after) = rest.split_at(end);
    *rest = &after[1..];
    let stripped = line.strip_suffix(b"\r");
    let text = String::from_utf8_lossy(stripped.unwrap_or(line)).into_owned();
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    Some(Line {
        is_plain: stripped.is_some() && text.bytes().all(is_printable),
        text,
    })
}

fn chunks(rest: &mut &[u8], is_plain: &mut bool) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = next_line(rest)?;
        let size = line.text.split(';').next().unwrap_or_default();
        *is_plain &= line.is_plain && size.len() == line.text.len() && size.len() < 5;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        *rest = &rest[size..];
        let end = next_line(rest)?;
        *is_plain &= end.is_plain;
        if !end.text.is_empty() {
            return None;
        }
    }
    loop {
        let trailer = next_line(rest)?;
        *is_plain &= trailer.is_plain;
        if trailer.text.is_empty() {
            return Some(body);
        }
        *is_plain = false;
    }
}

fn decimal(text: &str) -> Option<usize> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}
