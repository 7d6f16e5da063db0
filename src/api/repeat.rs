//! Whether a request may be sent once more.

use super::clock::ClockReading;
use super::response::is_expired;
use crate::error::{Error, ErrorKind, MaybeSent};

/// When an endpoint's request may be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatPolicy {
    /// Only where it is proved that the API has not acted on it.
    AtMostOnce,
    /// It changes nothing (RFC 9110, 9.2.1): also where its response was lost.
    Safe,
}

/// How a request is sent once more.
#[derive(Clone, Copy, Debug)]
pub enum Repeat {
    /// Over a new connection.
    OnNewConnection,
    /// Signed with this time.
    WithClock(ClockReading),
}

/// How a request failed.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Whether it went over a connection that an earlier request had used.
    pub was_reused: bool,
    /// Whether the call's deadline has not passed.
    pub has_time: bool,
    /// The time that the server's `Date` shows, where it differs from the one that was signed with, and no
    /// request of this call was signed with a corrected time before.
    pub corrected: Option<ClockReading>,
}

/// Whether a request that failed with `error` is sent once more, and how.
pub fn repeat_after(
    error: &Error,
    policy: RepeatPolicy,
    circumstances: &Circumstances,
) -> Option<Repeat> {
    let on_new_connection =
        (circumstances.was_reused && circumstances.has_time).then_some(Repeat::OnNewConnection);
    match error.kind {
        // An idle connection that turned out dead. No server can have read a whole request.
        ErrorKind::NotSent(_) => on_new_connection,
        // The API refused the timestamp, and its `Date` shows the right one.
        ErrorKind::Rejected if is_expired(error) => circumstances.corrected.map(Repeat::WithClock),
        // An idle connection that turned out dead once the request was sent.
        ErrorKind::MaybeSent(MaybeSent::ConnectionLost) if policy == RepeatPolicy::Safe => {
            on_new_connection
        }
        ErrorKind::Rejected
        | ErrorKind::MaybeSent(_)
        | ErrorKind::InvalidArgument
        | ErrorKind::InDoubt(_)
        | ErrorKind::Internal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::clock::Clock;
    use crate::api::response::TIMESTAMP_EXPIRES;
    use crate::error::NotSent;

    const POLICIES: [RepeatPolicy; 2] = [RepeatPolicy::AtMostOnce, RepeatPolicy::Safe];

    fn every_circumstance() -> Vec<Circumstances> {
        let mut all = Vec::new();
        for was_reused in [false, true] {
            for has_time in [false, true] {
                for corrected in [None, Some(Clock::default().read())] {
                    all.push(Circumstances {
                        was_reused,
                        has_time,
                        corrected,
                    });
                }
            }
        }
        all
    }

    fn error(kind: impl Into<ErrorKind>, status: Option<i32>) -> Error {
        Error::new(kind, "").with_status(status)
    }

    #[test]
    fn a_request_that_may_have_been_sent_is_repeated_only_where_it_changes_nothing() {
        for circumstances in every_circumstance() {
            for kind in [
                MaybeSent::TimedOut,
                MaybeSent::ConnectionLost,
                MaybeSent::HttpStatus,
                MaybeSent::BadResponse,
            ] {
                // A status -16 in a response that is not the API's is nobody's refusal.
                for status in [None, Some(0), Some(TIMESTAMP_EXPIRES)] {
                    let error = error(kind, status);
                    let repeat = repeat_after(&error, RepeatPolicy::AtMostOnce, &circumstances);
                    assert!(repeat.is_none(), "{error:?} {circumstances:?}");
                    let repeat = repeat_after(&error, RepeatPolicy::Safe, &circumstances);
                    assert_eq!(
                        matches!(repeat, Some(Repeat::OnNewConnection)),
                        kind == MaybeSent::ConnectionLost
                            && circumstances.was_reused
                            && circumstances.has_time,
                        "{error:?} {circumstances:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_request_that_was_not_sent_over_a_reused_connection_goes_over_a_new_one() {
        for circumstances in every_circumstance() {
            for kind in [
                NotSent::Resolve,
                NotSent::Connect,
                NotSent::Tls,
                NotSent::Proxy,
                NotSent::Canceled,
            ] {
                for policy in POLICIES {
                    let repeat = repeat_after(&error(kind, None), policy, &circumstances);
                    assert_eq!(
                        matches!(repeat, Some(Repeat::OnNewConnection)),
                        circumstances.was_reused && circumstances.has_time,
                        "{kind:?} {circumstances:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_refused_request_is_repeated_only_where_its_timestamp_can_be_corrected() {
        for circumstances in every_circumstance() {
            for policy in POLICIES {
                for status in [-1, -15, TIMESTAMP_EXPIRES, -17] {
                    let error = error(ErrorKind::Rejected, Some(status));
                    let repeat = repeat_after(&error, policy, &circumstances);
                    assert_eq!(
                        matches!(repeat, Some(Repeat::WithClock(_))),
                        status == TIMESTAMP_EXPIRES && circumstances.corrected.is_some(),
                        "{status} {circumstances:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_callers_mistake_and_a_bug_are_never_repeated() {
        for circumstances in every_circumstance() {
            for kind in [ErrorKind::InvalidArgument, ErrorKind::Internal] {
                for policy in POLICIES {
                    let repeat = repeat_after(&error(kind, None), policy, &circumstances);
                    assert!(repeat.is_none(), "{kind:?} {circumstances:?}");
                }
            }
        }
    }
}
