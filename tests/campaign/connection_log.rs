//! What a proxy writes down of each connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::links::Sent;
use super::plan::{Direction, FaultKind};

/// A connection that has ended.
#[derive(Clone, Debug)]
pub struct ConnectionRecord {
    /// Its number in its group.
    pub connection: u64,
    pub opened: Moment,
    pub fault: Option<InjectedFault>,
    /// What the caller sent, until the gateway began to send, or the next call began.
    pub bursts: Vec<Burst>,
    /// The unsolicited responses that came through to the caller.
    pub unsolicited: Vec<Sent>,
    /// How much of the last call's bursts had left the caller's system when a stall ended.
    pub held: Option<u64>,
    /// When a true response that came later was known to be in the caller's system.
    pub true_response_at: Option<Instant>,
}

/// The bytes of one call's bursts, together.
pub fn taken_of(bursts: &[Burst], call: Option<u64>) -> u64 {
    bursts
        .iter()
        .filter(|burst| burst.call == call)
        .map(|burst| burst.taken)
        .sum()
}

impl ConnectionRecord {
    /// How old the connection was when the fault was injected; `None` in a group of several callers,
    /// where it is not known.
    pub fn age(&self) -> Option<Age> {
        let opened_for = self.opened.call()?;
        Some(match self.fault?.at.call() {
            None => Age::Idle,
            Some(call) if call == opened_for => Age::New,
            Some(_) => Age::Reused,
        })
    }
}

/// How old a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// In the call that it was opened for.
    New,
    /// In a later call.
    Reused,
    /// Between calls.
    Idle,
}

/// A fault that was injected.
#[derive(Clone, Copy, Debug)]
pub struct InjectedFault {
    pub direction: Direction,
    pub kind: FaultKind,
    pub at: Moment,
    /// Whether it waited for the connection to be idle.
    pub idle: bool,
}

/// Which call a group's caller is in, or which was its last. Known where the group has one caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment(u64);

impl Moment {
    /// The call in progress. The first is 0.
    pub fn call(self) -> Option<u64> {
        (self.0 % 2 == 1).then_some(self.0 / 2)
    }

    /// Whether it is in this call, in the one before, or between the two.
    pub fn is_about(self, call: u64) -> bool {
        (2 * call).saturating_sub(1) <= self.0 && self.0 <= 2 * call + 1
    }
}

/// What the caller sent without a break from the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// The call in progress when it began.
    pub call: Option<u64>,
    /// Bytes that reached the proxy's system, passed on or not.
    pub taken: u64,
}

/// The number of the group's current call, set by its caller.
#[derive(Debug, Default)]
pub struct CallClock(AtomicU64);

impl CallClock {
    pub fn enter(&self, call: u64) {
        self.0.store(2 * call + 1, Ordering::SeqCst);
    }

    pub fn leave(&self, call: u64) {
        self.0.store(2 * call + 2, Ordering::SeqCst);
    }

    pub fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::SeqCst))
    }
}
