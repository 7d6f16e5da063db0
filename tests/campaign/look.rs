//! The look at the API's records: each call whose result is unknown is looked for with `itnio_find_call`.

use std::collections::BTreeMap;
use std::fmt;
use std::iter;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::client::{Client, OK, RECORDS_FAILED, Reply, Request};
use crate::support::response::recording_id_for;

use super::compare::rings;
use super::run::{Evidence, Line, Settings, Setup};
use super::sum::Sum;

/// Threads of one group that look.
const LOOKERS: usize = 4;

/// For one request to the records: many are under way at once.
const LOOK_TIMEOUT_MS: u32 = 2000;

/// How often is asked where faults kept the records from being read.
const ATTEMPTS: usize = 10;

/// A call whose result was unknown, and what the look for it reported.
#[derive(Clone, Debug)]
pub struct Look {
    pub line: Line,
    pub reply: Reply,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The phone rang, and the recording ID is the call's own.
    Placed,
    /// There is no record, and the phone did not ring.
    NoRecord,
    /// Faults kept the records from being read.
    NotRead,
    /// There is another call's recording ID, or one for a phone that did not ring.
    Wrong,
    /// There was said to be no record, or several, when the one of this call had appeared.
    Missed,
}

impl Look {
    pub fn finding(&self, evidence: &Evidence) -> Finding {
        let rang = rings(evidence.arrivals_of(&self.line.callee)) > 0;
        let own = recording_id_for(&self.line.callee);
        match (self.reply.result, rang) {
            (OK, true) if self.reply.recording_id.as_deref() == Some(&own) => Finding::Placed,
            (OK, _) => Finding::Wrong,
            (RECORDS_FAILED, _) => Finding::NotRead,
            (_, true) => Finding::Missed,
            (_, false) => Finding::NoRecord,
        }
    }

    /// The line, with what is known after the look.
    fn line_after(&self) -> Line {
        let mut line = self.line.clone();
        if self.reply.result == OK {
            line.reported.result = OK;
            line.reported.recording_id = self.reply.recording_id.clone();
        }
        line
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Look { line, reply } = self;
        write!(
            f,
            "callee {} (group {}, call {}) was reported {:?}, then {reply:?}",
            line.callee, line.group, line.call, line.reported
        )
    }
}

/// What all looks came to.
#[derive(Debug, Default)]
pub struct Findings {
    pub counts: BTreeMap<Finding, usize>,
    /// Those that are wrong or missed.
    pub untrue: Vec<Look>,
    pub queries: usize,
}

impl Sum for Findings {
    fn add(&mut self, other: Findings) {
        self.counts.add(other.counts);
        self.untrue.add(other.untrue);
        self.queries.add(other.queries);
    }
}

impl Findings {
    pub fn of(looks: &[Look], evidence: &Evidence) -> Findings {
        let mut findings = Findings {
            queries: evidence.queries,
            ..Findings::default()
        };
        for look in looks {
            let finding = look.finding(evidence);
            *findings.counts.entry(finding).or_default() += 1;
            if matches!(finding, Finding::Wrong | Finding::Missed) {
                findings.untrue.push(look.clone());
            }
        }
        findings
    }

    pub fn count(&self, finding: Finding) -> usize {
        self.counts.get(&finding).copied().unwrap_or_default()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "looks: {:?} by {} queries", self.counts, self.queries)?;
        for look in self.untrue.iter().take(5) {
            write!(f, "\n    {look}")?;
        }
        Ok(())
    }
}

/// Whether a line's call is looked for.
pub fn is_unknown(line: &Line) -> bool {
    line.reported.may_have_dialed && line.reported.result != OK
}

/// The diary after the looks.
pub fn diary_after(diary: &[Line], looks: &[Look]) -> Vec<Line> {
    let known = diary.iter().filter(|line| !is_unknown(line)).cloned();
    known.chain(looks.iter().map(Look::line_after)).collect()
}

/// Until each proxy has passed on or lost what it held back, and the last record has appeared.
fn patience(settings: Settings) -> Duration {
    let stall = 3 * u64::from(settings.timeout_ms);
    Duration::from_millis(stall + u64::from(settings.record_delay_ms) + 1000)
}

/// The host's time before the call.
fn since(line: &Line) -> i64 {
    let began = SystemTime::now() - line.began.elapsed();
    let since = began.duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a clock of this age")
}

impl Setup {
    /// Looks for each call of the diary whose result is unknown. `clients` are those that made the calls, in the
    /// order of the groups; `looked` is called after each look.
    pub fn look(&self, clients: &[Client], diary: &[Line], looked: impl Fn() + Sync) -> Vec<Look> {
        let looked = &looked;
        thread::scope(|scope| {
            let mut lookers = Vec::new();
            for (group, client) in self.groups.iter().zip(clients) {
                let lines = diary
                    .iter()
                    .filter(|line| line.group == group.number && is_unknown(line));
                let unknown = Arc::new(Mutex::new(lines));
                for _ in 0..LOOKERS {
                    let unknown = Arc::clone(&unknown);
                    let next = move || unknown.lock().expect("no panic under the lock").next();
                    lookers.push(scope.spawn(move || {
                        let looks = iter::from_fn(next).map(|line| {
                            let look = self.look_for(client, line, group.bulky);
                            looked();
                            look
                        });
                        looks.collect::<Vec<_>>()
                    }));
                }
            }
            lookers
                .into_iter()
                .flat_map(|looker| looker.join().expect("a look that does not panic"))
                .collect()
        })
    }

    fn look_for(&self, client: &Client, line: &Line, bulky: bool) -> Look {
        let request = if bulky {
            Request::large(&line.callee)
        } else {
            Request::to(&line.callee)
        }
        .timeout_ms(LOOK_TIMEOUT_MS);
        let mut reply = client.find_call(&request, since(line), patience(self.settings));
        for _ in 1..ATTEMPTS {
            if reply.result != RECORDS_FAILED {
                break;
            }
            reply = client.find_call(&request, since(line), Duration::ZERO);
        }
        Look {
            line: line.clone(),
            reply,
        }
    }
}
