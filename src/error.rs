//! The library's one error. What it means to a C caller is decided once, in [`ffi::result`](crate::ffi::result).

use std::fmt;

/// Why a call has no accepted response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What happened, as far as the caller has to know.
    pub kind: ErrorKind,
    /// The API's status, where it responded with one.
    pub status: Option<i32>,
    /// What failed, for a log. It may still hold control characters.
    pub reason: String,
}

/// What happened, sorted by the question that matters: may the phone ring?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller's mistake. Nothing was sent.
    InvalidArgument,
    /// The API responded with a negative status: its own refusal.
    Rejected,
    /// Not all of the request was handed to the operating system: no server can have read it.
    NotSent(NotSent),
    /// The last byte of the request was handed to the operating system: it may have arrived.
    MaybeSent(MaybeSent),
    /// The records do not show what became of a call that is in doubt.
    InDoubt(InDoubt),
    /// A bug in this library.
    Internal,
}

/// What failed before the whole request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The DNS lookup.
    Resolve,
    /// The TCP connection, or the connection while the request was being sent.
    Connect,
    /// The TLS handshake, or the trust store.
    Tls,
    /// The proxy, or its tunnel.
    Proxy,
    /// Nothing: the client was shut down.
    Canceled,
}

/// Why there is no valid response to a request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaybeSent {
    /// The deadline passed.
    TimedOut,
    /// The connection ended.
    ConnectionLost,
    /// The response has an HTTP status other than 2xx and is not the API's.
    HttpStatus,
    /// The response is not the documented one, or not to this request.
    BadResponse,
}

/// Why a call stays in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDoubt {
    /// There is no record of such a call yet.
    NoRecord,
    /// There are records of several such calls.
    SeveralRecords,
    /// The records could not be read.
    RecordsFailed,
}

impl From<NotSent> for ErrorKind {
    fn from(kind: NotSent) -> ErrorKind {
        ErrorKind::NotSent(kind)
    }
}

impl From<MaybeSent> for ErrorKind {
    fn from(kind: MaybeSent) -> ErrorKind {
        ErrorKind::MaybeSent(kind)
    }
}

impl From<InDoubt> for ErrorKind {
    fn from(kind: InDoubt) -> ErrorKind {
        ErrorKind::InDoubt(kind)
    }
}

impl ErrorKind {
    /// Whether the phone may ring all the same.
    pub fn may_have_dialed(self) -> bool {
        matches!(
            self,
            ErrorKind::MaybeSent(_) | ErrorKind::InDoubt(_) | ErrorKind::Internal
        )
    }
}

impl Error {
    /// An error without a status of the API's.
    pub fn new(kind: impl Into<ErrorKind>, reason: impl Into<String>) -> Error {
        Error {
            kind: kind.into(),
            status: None,
            reason: reason.into(),
        }
    }

    /// The caller's mistake in `field`.
    pub fn invalid(field: &str, mistake: impl fmt::Display) -> Error {
        Error::new(ErrorKind::InvalidArgument, format!("{field}: {mistake}"))
    }

    /// The same error with the API's status.
    pub fn with_status(self, status: Option<i32>) -> Error {
        Error { status, ..self }
    }
}
