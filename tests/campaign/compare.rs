//! The callers' diary held against the gateway's log: what must never happen.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::support::client::{OK, REJECTED};
use crate::support::response::recording_id_for;

use super::behavior::{Arrival, EXPIRED, Verdict};
use super::group::Group;
use super::run::{Evidence, Line};
use super::unsolicited::{Timing, TrueResponse, is_on_wrong_clock, timing_of};

/// The promises that a campaign checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// A request arrives once. After a refused timestamp once more, with the corrected time.
    Once,
    /// What was reported as not sent has not arrived.
    NotSentMeansNotArrived,
    /// Accepted means accepted, with the recording ID of this very call.
    OwnRecording,
    /// Refused means refused, with this status.
    RefusalIsTrue,
    /// Once a call has returned, nothing more of its request leaves the caller's system.
    OverWhenReturned,
    /// No call outlives its deadline.
    InTime,
    /// What arrives whole is what was asked for.
    Authentic,
    /// No request is sent over a connection on which an unsolicited response has arrived.
    NoUnsolicited,
    /// No clock is corrected by an unsolicited response.
    OwnClock,
}

/// What was reported wrongly to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WrongResult {
    /// Accepted, with the recording ID of an unsolicited response.
    UnsolicitedRecording(Timing),
    /// Accepted, with the recording ID of another call.
    OtherCallsRecording,
    /// Refused, for a status that is not the API's.
    PageAsRefusal,
    /// Refused, by an unsolicited response or by the response to another request.
    OtherRefusal,
    /// Refused, by a response behind which the true one came.
    RefusalBefore(TrueResponse),
}

/// A promise that was not kept.
#[derive(Clone, Debug)]
pub struct Violation {
    pub promise: Promise,
    pub line: Line,
    pub arrivals: Vec<Arrival>,
}

impl Violation {
    /// What was reported wrongly to the caller, where the kinds can be distinguished.
    pub fn wrong_result(&self) -> Option<WrongResult> {
        let reported = &self.line.reported;
        match self.promise {
            Promise::OwnRecording => {
                let id = reported.recording_id.as_deref()?;
                if let Some(timing) = timing_of(id) {
                    return Some(WrongResult::UnsolicitedRecording(timing));
                }
                let own = id == recording_id_for(&self.line.callee);
                (!own).then_some(WrongResult::OtherCallsRecording)
            }
            Promise::RefusalIsTrue if reported.status > 0 => Some(WrongResult::PageAsRefusal),
            Promise::RefusalIsTrue => Some(
                (self.true_response())
                    .map_or(WrongResult::OtherRefusal, WrongResult::RefusalBefore),
            ),
            _ => None,
        }
    }

    /// When the true response came, where the call's first response was a refusal.
    pub fn true_response(&self) -> Option<TrueResponse> {
        self.arrivals
            .iter()
            .find_map(|arrival| arrival.true_response)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            promise,
            line,
            arrivals,
        } = self;
        write!(
            f,
            "{promise:?}: callee {} (group {}, caller {}, call {}) got {:?}; the gateway has {:?}",
            line.callee, line.group, line.caller, line.call, line.reported, arrivals
        )
    }
}

/// How far a call may outlive its deadline because the machine is busy.
const SLACK: Duration = Duration::from_millis(2500);

/// How far, in seconds, a corrected timestamp may be from the time that the gateway claimed.
const CLOCK_SLACK: i64 = 5;

/// How many requests for one callee were accepted: how often its phone rings.
pub fn rings(arrivals: &[Arrival]) -> usize {
    arrivals
        .iter()
        .filter(|arrival| arrival.verdict == Verdict::Accepted)
        .count()
}

/// Whether a request arrived whole, other than one refused for its timestamp, after which the caller
/// is free to try again.
pub fn arrived(arrivals: &[Arrival]) -> bool {
    arrivals
        .iter()
        .any(|arrival| arrival.verdict != Verdict::Refused(EXPIRED))
}

/// Every promise that was not kept.
pub fn violations(diary: &[Line], evidence: &Evidence) -> Vec<Violation> {
    let shared: HashMap<u64, bool> = evidence
        .groups
        .iter()
        .map(|group: &Group| (group.number, group.callers > 1))
        .collect();
    let deadline = Duration::from_millis(evidence.settings.timeout_ms.into());
    let mut found = Vec::new();
    for line in diary {
        let arrivals = evidence.arrivals_of(&line.callee);
        let reported = &line.reported;
        let rings = rings(arrivals);
        let last = arrivals.last().map(|arrival| arrival.verdict);
        let own = reported.recording_id.as_deref() == Some(&recording_id_for(&line.callee));
        for (promise, kept) in [
            (Promise::Once, arrives_once(arrivals, shared[&line.group])),
            (
                Promise::NotSentMeansNotArrived,
                reported.may_have_dialed || reported.result == REJECTED || !arrived(arrivals),
            ),
            (
                Promise::OwnRecording,
                reported.result != OK || (own && rings == 1),
            ),
            (
                Promise::RefusalIsTrue,
                reported.result != REJECTED
                    || (rings == 0 && last == Some(Verdict::Refused(reported.status)))
                    || is_true_response_late(line, arrivals, evidence),
            ),
            (Promise::InTime, reported.elapsed <= deadline + SLACK),
            (
                Promise::OverWhenReturned,
                arrivals
                    .iter()
                    .all(|arrival| !was_held_back(line, arrival, evidence)),
            ),
            (
                Promise::Authentic,
                arrivals.iter().all(|arrival| arrival.authentic),
            ),
            (
                Promise::NoUnsolicited,
                arrivals.iter().all(|arrival| arrival.unsolicited.is_none()),
            ),
            (
                Promise::OwnClock,
                arrivals
                    .iter()
                    .all(|arrival| !is_on_wrong_clock(arrival.stamp, arrival.came)),
            ),
        ] {
            if !kept {
                found.push(Violation {
                    promise,
                    line: line.clone(),
                    arrivals: arrivals.to_vec(),
                });
            }
        }
    }
    found
}

/// Whether nothing was repeated, but for one refused timestamp whose response the caller had read:
/// then the repeat has the time that this response claimed. (Where threads share a client, one of
/// another call's responses may have been the later one.)
fn arrives_once(arrivals: &[Arrival], shared: bool) -> bool {
    match arrivals {
        [] | [_] => true,
        [refused, repeat] => {
            refused.verdict == Verdict::Refused(EXPIRED)
                && refused
                    .claimed_time
                    .is_some_and(|time| shared || (repeat.stamp - time).abs() <= CLOCK_SLACK)
        }
        _ => false,
    }
}

/// Whether the call was refused, and the true response came so late that the caller, who opens another connection,
/// could not know of it by its deadline.
pub fn is_true_response_late(line: &Line, arrivals: &[Arrival], evidence: &Evidence) -> bool {
    let [arrival] = arrivals else { return false };
    let number = usize::try_from(line.group).expect("a small number");
    let limit = Duration::from_millis(evidence.settings.timeout_ms.into());
    arrival.true_response == Some(TrueResponse::Later)
        && line.reported.elapsed >= limit
        && evidence.connection_records[number].iter().any(|record| {
            record.connection == arrival.connection
                && record
                    .true_response_at
                    .is_none_or(|there| there >= line.began + limit)
        })
}

/// Whether a part of this request had still been in the caller's system when the call's deadline had
/// long passed. Only that of a bulky request can be.
fn was_held_back(line: &Line, arrival: &Arrival, evidence: &Evidence) -> bool {
    let number = usize::try_from(line.group).expect("a small number");
    evidence.groups[number].bulky
        && evidence.connection_records[number].iter().any(|record| {
            record.connection == arrival.connection
                && record
                    .bursts
                    .last()
                    .is_some_and(|burst| burst.call == Some(line.call))
                && record.held.is_some_and(|held| held < arrival.length)
        })
}
