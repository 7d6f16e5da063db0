//! A group: one proxy, and the callers whose connections go through it.

use crate::support::client::MAX_ARGUMENT;

use super::rng::Rng;

/// The protocol of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    Plain,
    Tls12,
    Tls13,
}

impl Wire {
    pub const ALL: [Wire; 3] = [Wire::Plain, Wire::Tls12, Wire::Tls13];

    pub fn is_tls(self) -> bool {
        self != Wire::Plain
    }
}

/// A little less than the length of a bulky request, `Request::large`: four of its fields have as many
/// control characters as they may have bytes, and JSON writes one in six. On a group with small buffers,
/// its write blocks.
pub const BULK: usize = 4 * 6 * MAX_ARGUMENT;

/// A gateway keeps what it receives: not too many bulky requests, then.
const MOST_BULKY_CALLS: u64 = 120;

/// One group of a campaign.
#[derive(Clone, Debug)]
pub struct Group {
    pub number: u64,
    pub wire: Wire,
    /// Threads that share one client. With one, the call that a fault met is known.
    pub callers: u64,
    pub calls_per_caller: u64,
    pub bulky: bool,
}

impl Group {
    /// Groups for about this many calls: half of them TLS 1.3, one in sixteen shared by four threads,
    /// and two for bulky requests.
    pub fn for_calls(calls: u64, groups: u64) -> Vec<Group> {
        let callers = |number: u64| if number % 16 == 15 { 4 } else { 1 };
        let total: u64 = (0..groups).map(callers).sum();
        let mut all: Vec<Group> = (0..groups)
            .map(|number| Group {
                number,
                wire: [Wire::Tls13, Wire::Plain, Wire::Tls13, Wire::Tls12]
                    [usize::try_from(number / 16 + number).expect("a small number") % 4],
                callers: callers(number),
                calls_per_caller: calls.div_ceil(total),
                bulky: false,
            })
            .collect();
        all.extend(
            [(Wire::Plain, calls / 50), (Wire::Tls13, calls / 100)]
                .into_iter()
                .zip(groups..)
                .map(|((wire, calls), number)| Group {
                    number,
                    wire,
                    callers: 1,
                    calls_per_caller: calls.min(MOST_BULKY_CALLS),
                    bulky: true,
                }),
        );
        all
    }

    /// Whether its caller rests before this call for long enough that something can come meanwhile.
    /// Where callers share a client, another one's call may come first.
    pub fn is_idle_before(&self, call: u64) -> bool {
        self.callers == 1 && call < self.calls_per_caller && rest(call) >= 1000
    }

    /// Whether its proxy can keep a new connection from being ready. One without TLS is ready as soon as the
    /// system has queued it, and where callers share a client, it may have another at hand.
    pub fn can_hold_back_a_connection(&self) -> bool {
        self.callers == 1 && self.wire.is_tls()
    }

    /// The number that the caller's call number `call` dials, but for its last six digits.
    pub fn prefix(&self, caller: u64) -> String {
        format!("49{:03}{caller}", self.number)
    }

    /// Twelve digits that no other call of the campaign dials.
    pub fn callee(&self, caller: u64, call: u64) -> String {
        format!("{}{call:06}", self.prefix(caller))
    }
}

/// The group and the call of a number that [`Group::callee`] made.
pub fn group_and_call(callee: &str) -> Option<(u64, u64)> {
    let digits = callee.strip_prefix("49")?;
    Some((
        digits.get(..3)?.parse().ok()?,
        digits.get(4..)?.parse().ok()?,
    ))
}

/// How long a caller rests before a call, in microseconds: so that connections also end while
/// they are idle. benches/c/campaign_curl.c has the same line.
pub fn rest(call: u64) -> u64 {
    if call % 4 == 3 { call * 7919 % 3000 } else { 0 }
}

/// The random numbers for something about one callee.
pub fn rng_for(seed: u64, callee: &str) -> Rng {
    Rng::named(&[seed, callee.parse().unwrap_or(u64::MAX)])
}
