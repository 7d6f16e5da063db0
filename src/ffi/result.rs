//! C's results, and how the library's errors become results.

use std::ffi::CStr;

use crate::error::{ErrorKind, InDoubt, MaybeSent, NotSent};

/// The result of a call, or of `itnio_client_new`.
///
/// The order is part of the contract: 0 the API accepted the call, 1 it refused, 2 to 9 nothing
/// reached the API, 10 and up the call may have been placed. No number is ever reused. New results
/// may come with a new version; `itnio_may_have_dialed` tells what any number means for redialling.
#[allow(
    non_camel_case_types,
    reason = "a result has one name, in Rust and in C"
)]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum itnio_result {
    /// The API accepted the call (status 0) and gave a recording ID.
    ITNIO_OK = 0,
    /// The API answered with a negative status: its own refusal. (The error pages of frameworks and
    /// gateways carry positive ones, which refuse nothing.)
    ITNIO_REJECTED = 1,
    /// The caller's mistake, named in the reason; nothing was sent.
    ITNIO_INVALID_ARGUMENT = 2,
    /// The host name has no address, or the lookup took too long; nothing was sent.
    ITNIO_RESOLVE_FAILED = 3,
    /// Refused, unreachable, timed out, or ended before the whole request was sent.
    ITNIO_CONNECT_FAILED = 4,
    /// The TLS handshake or the server's certificate failed; nothing was sent.
    ITNIO_TLS_FAILED = 5,
    /// The proxy could not be reached, its certificate failed, or it refused or failed the tunnel; nothing was sent.
    ITNIO_PROXY_FAILED = 6,
    /// The client was shut down before the request was sent.
    ITNIO_SHUT_DOWN = 7,
    /// The request was sent, and no whole response came in time.
    ITNIO_TIMED_OUT = 10,
    /// The request was sent, and the connection ended before a whole response.
    ITNIO_CONNECTION_LOST = 11,
    /// An HTTP response that is not the API's: 3xx, 4xx, 5xx, a proxy's page.
    ITNIO_HTTP_ERROR = 12,
    /// A response that is not the documented one, or not to this request: no HTTP, not its JSON, larger
    /// than 64 KiB, a positive status, status 0 without a recording ID or with that of another call, or
    /// one that came before the request had arrived.
    ITNIO_BAD_RESPONSE = 13,
    /// A bug in the library, caught at the boundary.
    ITNIO_INTERNAL_ERROR = 14,
    /// From itnio_find_call(): there is no record of such a call yet. That proves nothing: nobody says how soon
    /// a record appears.
    ITNIO_NO_RECORD = 15,
    /// From itnio_find_call(): there are records of several such calls, or one and several calls in doubt; the reason
    /// has the recording IDs.
    ITNIO_SEVERAL_RECORDS = 16,
    /// From itnio_find_call(): the records could not be read, or an argument is wrong; the reason says which.
    ITNIO_RECORDS_FAILED = 17,
}

use itnio_result::*;

/// Every result: what [`from_i32`] recognises.
const ALL: [itnio_result; 16] = [
    ITNIO_OK,
    ITNIO_REJECTED,
    ITNIO_INVALID_ARGUMENT,
    ITNIO_RESOLVE_FAILED,
    ITNIO_CONNECT_FAILED,
    ITNIO_TLS_FAILED,
    ITNIO_PROXY_FAILED,
    ITNIO_SHUT_DOWN,
    ITNIO_TIMED_OUT,
    ITNIO_CONNECTION_LOST,
    ITNIO_HTTP_ERROR,
    ITNIO_BAD_RESPONSE,
    ITNIO_INTERNAL_ERROR,
    ITNIO_NO_RECORD,
    ITNIO_SEVERAL_RECORDS,
    ITNIO_RECORDS_FAILED,
];

/// The result with this number. A number from C is never cast to the enum: an unknown one would be
/// undefined behaviour.
pub fn from_i32(number: i32) -> Option<itnio_result> {
    ALL.into_iter().find(|result| *result as i32 == number)
}

impl itnio_result {
    /// Whether a call that ended so may have been placed: the order of the results says it.
    pub fn may_have_dialed(self) -> bool {
        !(1..10).contains(&(self as i32))
    }

    /// One line for a log.
    pub fn message(self) -> &'static CStr {
        match self {
            ITNIO_OK => c"the API accepted the call",
            ITNIO_REJECTED => c"the API refused the call",
            ITNIO_INVALID_ARGUMENT => c"invalid argument; nothing was sent",
            ITNIO_RESOLVE_FAILED => c"the host name could not be resolved; nothing was sent",
            ITNIO_CONNECT_FAILED => c"the connection failed before the request was sent",
            ITNIO_TLS_FAILED => c"the TLS handshake failed; nothing was sent",
            ITNIO_PROXY_FAILED => c"the proxy failed; nothing was sent",
            ITNIO_SHUT_DOWN => c"the client was shut down before the request was sent",
            ITNIO_TIMED_OUT => c"no complete response came in time; the call may have been placed",
            ITNIO_CONNECTION_LOST => {
                c"the connection ended before a complete response; the call may have been placed"
            }
            ITNIO_HTTP_ERROR => {
                c"an HTTP response that is not the API's; the call may have been placed"
            }
            ITNIO_BAD_RESPONSE => {
                c"the response is not the documented one; the call may have been placed"
            }
            ITNIO_INTERNAL_ERROR => c"a bug in the library; the call may have been placed",
            ITNIO_NO_RECORD => c"no record of such a call yet; it may have been placed",
            ITNIO_SEVERAL_RECORDS => c"records of several such calls; it may have been placed",
            ITNIO_RECORDS_FAILED => c"the records could not be read; the call may have been placed",
        }
    }
}

/// The one place where a result is made of an error.
impl From<ErrorKind> for itnio_result {
    fn from(kind: ErrorKind) -> itnio_result {
        match kind {
            ErrorKind::Rejected => ITNIO_REJECTED,
            ErrorKind::InvalidArgument => ITNIO_INVALID_ARGUMENT,
            ErrorKind::NotSent(NotSent::Resolve) => ITNIO_RESOLVE_FAILED,
            ErrorKind::NotSent(NotSent::Connect) => ITNIO_CONNECT_FAILED,
            ErrorKind::NotSent(NotSent::Tls) => ITNIO_TLS_FAILED,
            ErrorKind::NotSent(NotSent::Proxy) => ITNIO_PROXY_FAILED,
            ErrorKind::NotSent(NotSent::Canceled) => ITNIO_SHUT_DOWN,
            ErrorKind::MaybeSent(MaybeSent::TimedOut) => ITNIO_TIMED_OUT,
            ErrorKind::MaybeSent(MaybeSent::ConnectionLost) => ITNIO_CONNECTION_LOST,
            ErrorKind::MaybeSent(MaybeSent::HttpStatus) => ITNIO_HTTP_ERROR,
            ErrorKind::MaybeSent(MaybeSent::BadResponse) => ITNIO_BAD_RESPONSE,
            ErrorKind::InDoubt(InDoubt::NoRecord) => ITNIO_NO_RECORD,
            ErrorKind::InDoubt(InDoubt::SeveralRecords) => ITNIO_SEVERAL_RECORDS,
            ErrorKind::InDoubt(InDoubt::RecordsFailed) => ITNIO_RECORDS_FAILED,
            ErrorKind::Internal => ITNIO_INTERNAL_ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_results_below_ten_say_that_nothing_was_dialed() {
        for result in ALL {
            let number = result as i32;
            assert_eq!(from_i32(number), Some(result));
            assert_eq!(
                result.may_have_dialed(),
                number == 0 || number >= 10,
                "{result:?}"
            );
        }
        assert_eq!(from_i32(8), None);
        assert_eq!(from_i32(-1), None);
    }

    #[test]
    fn a_result_says_of_the_phone_what_its_error_says() {
        for (kind, expected) in [
            (ErrorKind::Rejected, ITNIO_REJECTED),
            (ErrorKind::InvalidArgument, ITNIO_INVALID_ARGUMENT),
            (NotSent::Resolve.into(), ITNIO_RESOLVE_FAILED),
            (NotSent::Connect.into(), ITNIO_CONNECT_FAILED),
            (NotSent::Tls.into(), ITNIO_TLS_FAILED),
            (NotSent::Proxy.into(), ITNIO_PROXY_FAILED),
            (NotSent::Canceled.into(), ITNIO_SHUT_DOWN),
            (MaybeSent::TimedOut.into(), ITNIO_TIMED_OUT),
            (MaybeSent::ConnectionLost.into(), ITNIO_CONNECTION_LOST),
            (MaybeSent::HttpStatus.into(), ITNIO_HTTP_ERROR),
            (MaybeSent::BadResponse.into(), ITNIO_BAD_RESPONSE),
            (InDoubt::NoRecord.into(), ITNIO_NO_RECORD),
            (InDoubt::SeveralRecords.into(), ITNIO_SEVERAL_RECORDS),
            (InDoubt::RecordsFailed.into(), ITNIO_RECORDS_FAILED),
            (ErrorKind::Internal, ITNIO_INTERNAL_ERROR),
        ] {
            let result = itnio_result::from(kind);
            assert_eq!(result, expected);
            assert_eq!(result.may_have_dialed(), kind.may_have_dialed(), "{kind:?}");
        }
    }
}
