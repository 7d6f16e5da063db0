//! Unsolicited responses, and responses that come twice.

use std::time::Duration;

use crate::support::response::Response;

use super::behavior::{EXPIRED, clock};
use super::rng::Rng;

/// A response to no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsolicited {
    /// A call was accepted, with a recording ID that no call has.
    Accepted,
    Refused,
    /// With a `Date` of another time.
    Expired,
}

/// When it comes: before the caller's system can have sent all of the next request. (On plain HTTP
/// nothing comes before the first request, so an unsolicited response would race with that request; one
/// that comes a moment later looks like the response to it.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timing {
    /// With the last of the server's handshake.
    Handshake,
    /// Between two calls.
    Idle,
    /// In the middle of a bulky request.
    MidRequest,
}

impl Unsolicited {
    pub const ALL: [Unsolicited; 3] = [
        Unsolicited::Accepted,
        Unsolicited::Refused,
        Unsolicited::Expired,
    ];

    pub fn of(rng: &mut Rng) -> Unsolicited {
        Unsolicited::ALL[usize::try_from(rng.below(3)).expect("a small number")]
    }

    /// To the byte. `number` makes it unique.
    pub fn bytes(self, timing: Timing, number: u64) -> Vec<u8> {
        match self {
            Unsolicited::Accepted => Response::ok(&format!("{}{number:015}", prefix(timing))),
            Unsolicited::Refused => Response::refused(-10, "refused"),
            Unsolicited::Expired => {
                Response::refused(EXPIRED, "timestamp expires").date(clock(WRONG_CLOCK))
            }
        }
        .bytes()
    }
}

/// How far from ours, in seconds, the clock of an unsolicited response is, and that of a refusal which is
/// not the true response. Those of true responses are off by whole hours.
pub const WRONG_CLOCK: i64 = 5 * 3600 + 1800;

fn prefix(timing: Timing) -> &'static str {
    match timing {
        Timing::Handshake => "9998",
        Timing::Idle => "9999",
        Timing::MidRequest => "9997",
    }
}

/// When the unsolicited response with this recording ID came.
pub fn timing_of(recording_id: &str) -> Option<Timing> {
    [Timing::Handshake, Timing::Idle, Timing::MidRequest]
        .into_iter()
        .find(|timing| recording_id.len() == 19 && recording_id.starts_with(prefix(*timing)))
}

/// Whether a request that came at this time, and says that, was signed with such a clock.
pub fn is_on_wrong_clock(stamp: i64, came: i64) -> bool {
    const HOUR: i64 = 3600;
    const SLACK: i64 = 600;
    ((stamp - came).rem_euclid(HOUR) - HOUR / 2).abs() < HOUR / 2 - SLACK
}

/// When the true response comes to a call that has been placed and whose first response is a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrueResponse {
    /// In one write with the refusal.
    SameWrite,
    /// By the same connection, once the caller has begun to open another, and before that is ready: the
    /// group's proxy sees to it.
    Later,
}

/// When a response comes once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Copy {
    /// In one write with the first.
    AtOnce,
    After(Duration),
    /// When the connection's next request has been read, before the response to that.
    WithTheNext,
}

impl Copy {
    pub fn of(rng: &mut Rng) -> Copy {
        let after = Copy::After(Duration::from_micros(rng.below(3000)));
        rng.pick(&[(1, Copy::AtOnce), (2, after), (1, Copy::WithTheNext)])
    }

    /// For figures.
    pub fn name(self) -> &'static str {
        match self {
            Copy::AtOnce => "at once",
            Copy::After(_) => "up to 3 ms later",
            Copy::WithTheNext => "with the next",
        }
    }
}
