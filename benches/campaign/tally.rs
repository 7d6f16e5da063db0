//! What each client reported of its calls, compared with what the gateway received: the same counts for all of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::campaign::compare::rings;
use crate::campaign::run::{Evidence, Line};
use crate::campaign::sum::Sum;
use crate::programs::Performed;
use crate::support::client::{OK, REJECTED};
use crate::support::response::recording_id_for;

/// What a client reported of a call.
enum Reported {
    Accepted,
    /// By the API: its statuses are negative, any other is some page's.
    Refused,
    /// By the client itself.
    NotSent,
    Failed,
}

/// A call, whoever made it.
struct Call<'a> {
    callee: &'a str,
    reported: Reported,
    /// The same in the client's own words.
    words: String,
    recording_id: Option<&'a str>,
    elapsed: Duration,
}

impl<'a> Call<'a> {
    fn of_library(line: &'a Line) -> Call<'a> {
        let reported = &line.reported;
        Call {
            callee: &line.callee,
            reported: match reported.result {
                OK => Reported::Accepted,
                REJECTED => Reported::Refused,
                _ if !reported.may_have_dialed => Reported::NotSent,
                _ => Reported::Failed,
            },
            words: format!("result {}", reported.result),
            recording_id: reported.recording_id.as_deref(),
            elapsed: reported.elapsed,
        }
    }

    fn of_program(performed: &'a Performed) -> Call<'a> {
        let http_status = performed.http_status;
        let (reported, words) = match (&performed.error, performed.status.as_deref()) {
            (Some(error), _) => (Reported::Failed, error.clone()),
            (None, Some(status)) => (
                match status {
                    "0" if http_status == 200 => Reported::Accepted,
                    status if status.starts_with('-') => Reported::Refused,
                    _ => Reported::Failed,
                },
                format!("HTTP {http_status}, status {status}"),
            ),
            (None, None) => (
                Reported::Failed,
                format!("HTTP {http_status}, not the JSON"),
            ),
        };
        Call {
            callee: &performed.callee,
            reported,
            words,
            recording_id: performed.recording_id.as_deref(),
            elapsed: Duration::from_micros(performed.microseconds),
        }
    }
}

/// Calls that did not arrive, arrived and rang at most once, rang more than once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub not_arrived: usize,
    pub arrived: usize,
    pub rang_twice: usize,
}

impl Counts {
    /// Those that arrived.
    pub fn all_arrived(self) -> usize {
        self.arrived + self.rang_twice
    }

    pub fn add(&mut self, more: Counts) {
        self.not_arrived += more.not_arrived;
        self.arrived += more.arrived;
        self.rang_twice += more.rang_twice;
    }

    pub fn all(self) -> usize {
        self.not_arrived + self.all_arrived()
    }
}

/// A client's counts.
#[derive(Default)]
pub struct Tally {
    /// The client, for a heading.
    pub name: String,
    pub calls: usize,
    pub connections: usize,
    pub faults: usize,
    pub unsolicited: usize,
    pub accepted: Counts,
    pub refused: Counts,
    /// Reported as not sent by the client itself.
    pub not_sent: Counts,
    /// All other failures, by the client's words.
    pub failed: BTreeMap<String, Counts>,
    /// Whether the client says itself what was not sent.
    pub says_not_sent: bool,
    pub not_sent_and_rang: usize,
    pub refused_and_rang: usize,
    pub anothers_recording: usize,
    pub most_rings: usize,
    pub longest: Duration,
}

/// The name stays the first one's.
impl Sum for Tally {
    fn add(&mut self, other: Tally) {
        self.calls.add(other.calls);
        self.connections.add(other.connections);
        self.faults.add(other.faults);
        self.unsolicited.add(other.unsolicited);
        self.accepted.add(other.accepted);
        self.refused.add(other.refused);
        self.not_sent.add(other.not_sent);
        for (words, counts) in other.failed {
            self.failed.entry(words).or_default().add(counts);
        }
        self.says_not_sent |= other.says_not_sent;
        self.not_sent_and_rang.add(other.not_sent_and_rang);
        self.refused_and_rang.add(other.refused_and_rang);
        self.anothers_recording.add(other.anothers_recording);
        self.most_rings = self.most_rings.max(other.most_rings);
        self.longest = self.longest.max(other.longest);
    }
}

impl Tally {
    pub fn of_library(name: &str, diary: &[Line], evidence: &Evidence) -> Tally {
        let mut tally = Tally::of(name, diary.iter().map(Call::of_library), evidence);
        tally.says_not_sent = true;
        tally
    }

    pub fn of_program(name: &str, diary: &[Performed], evidence: &Evidence) -> Tally {
        Tally::of(name, diary.iter().map(Call::of_program), evidence)
    }

    fn of<'a>(name: &str, calls: impl Iterator<Item = Call<'a>>, evidence: &Evidence) -> Tally {
        let records = evidence.connection_records.iter().flatten();
        let mut tally = Tally {
            name: name.to_owned(),
            connections: evidence.connections,
            faults: records
                .clone()
                .filter(|record| record.fault.is_some())
                .count(),
            unsolicited: records.map(|record| record.unsolicited.len()).sum(),
            ..Tally::default()
        };
        for call in calls {
            let arrivals = evidence.arrivals_of(call.callee);
            let rings = rings(arrivals);
            tally.calls += 1;
            tally.most_rings = tally.most_rings.max(rings);
            tally.longest = tally.longest.max(call.elapsed);
            let counts = match call.reported {
                Reported::Accepted => {
                    let own = recording_id_for(call.callee);
                    tally.anothers_recording +=
                        usize::from(call.recording_id != Some(own.as_str()));
                    &mut tally.accepted
                }
                Reported::Refused => {
                    tally.refused_and_rang += usize::from(rings > 0);
                    &mut tally.refused
                }
                Reported::NotSent => {
                    tally.not_sent_and_rang += usize::from(rings > 0);
                    &mut tally.not_sent
                }
                Reported::Failed => tally.failed.entry(call.words).or_default(),
            };
            *match rings {
                _ if arrivals.is_empty() => &mut counts.not_arrived,
                0 | 1 => &mut counts.arrived,
                _ => &mut counts.rang_twice,
            } += 1;
        }
        tally
    }

    /// What was reported neither as accepted nor as refused.
    pub fn errors(&self) -> impl Iterator<Item = Counts> {
        [self.not_sent]
            .into_iter()
            .chain(self.failed.values().copied())
    }

    fn all(&self) -> impl Iterator<Item = Counts> {
        [self.accepted, self.refused]
            .into_iter()
            .chain(self.errors())
    }

    pub fn arrived(&self) -> usize {
        self.all().map(Counts::all_arrived).sum()
    }

    pub fn rang_twice(&self) -> usize {
        self.all().map(|counts| counts.rang_twice).sum()
    }

    /// Calls of which something was reported that was not so.
    pub fn wrong(&self) -> usize {
        self.anothers_recording + self.refused_and_rang + self.not_sent_and_rang
    }

    /// Of a client that does not say what was not sent: calls with an error that no call which arrived ended
    /// with. That is more than a caller could know, who has no such list.
    pub fn not_sent_by_words(&self) -> usize {
        let never_arrived = |counts: &&Counts| !self.says_not_sent && counts.all_arrived() == 0;
        self.failed
            .values()
            .filter(never_arrived)
            .map(|counts| counts.all())
            .sum()
    }

    /// Calls of which nobody knows whether they arrived.
    pub fn unknown(&self) -> usize {
        let failed: usize = self.failed.values().map(|counts| counts.all()).sum();
        failed - self.not_sent_by_words()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} calls over {} connections; {} faults injected",
            self.calls, self.connections, self.faults
        )?;
        writeln!(f, "not arrived   arrived    rang more than once")?;
        let mut row = |words: &str, counts: Counts| {
            let Counts {
                not_arrived,
                arrived,
                rang_twice,
            } = counts;
            writeln!(
                f,
                "{not_arrived:11}  {arrived:8}  {rang_twice:8}    {words}"
            )
        };
        row("accepted", self.accepted)?;
        row("refused", self.refused)?;
        if self.says_not_sent {
            row("not sent", self.not_sent)?;
        }
        for (words, counts) in &self.failed {
            row(words, *counts)?;
        }
        writeln!(
            f,
            "arrived: {}; rang more than once: {} (at most {} times), of those reported as success: {}",
            self.arrived(),
            self.rang_twice(),
            self.most_rings,
            self.accepted.rang_twice
        )?;
        writeln!(
            f,
            "unsolicited: {}; success with another call's recording ID: {}; refused (a negative status), and rang: {}",
            self.unsolicited, self.anothers_recording, self.refused_and_rang
        )?;
        writeln!(
            f,
            "nobody knows whether it arrived: {}; longest call: {} ms",
            self.unknown(),
            self.longest.as_millis()
        )
    }
}
