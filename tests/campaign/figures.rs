//! The results of a campaign, in numbers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use crate::support::client::{BAD_RESPONSE, HTTP_ERROR, OK, REJECTED};

use super::behavior::{Arrival, Behavior, EXPIRED, Page, ResponseKind, Verdict};
use super::compare::{is_true_response_late, rings};
use super::connection_log::{Age, ConnectionRecord};
use super::group::{BULK, Group};
use super::plan::{Direction, FaultKind};
use super::run::{Evidence, Line};
use super::sum::Sum;
use super::unsolicited::{Copy, Timing, TrueResponse, Unsolicited};

/// Where a request was lost of which the library could not say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// The peer had received all of it, and did not pass it on.
    Dropped,
    /// Some of it had not left this machine, or was on its way, when the call ended.
    InTransit,
    /// None of it was received: a reused connection had ended, and its end crossed the request.
    Crossed,
    /// Neither: to be looked into.
    Unexplained,
}

/// The caller's side of a campaign, and the gateway's.
#[derive(Debug, Default)]
pub struct Figures {
    pub seed: u64,
    pub calls: usize,
    /// Calls during which a fault was injected (of groups with one caller), or that the gateway left
    /// without a response, or with one that was not theirs.
    pub hit: usize,
    /// Calls whose phone rang and that got a page as the response, by the page.
    pub pages: BTreeMap<Page, usize>,
    /// Unsolicited responses that came to the caller's system before it sent the next request.
    pub unsolicited: BTreeMap<(Timing, Unsolicited), usize>,
    /// Responses that were sent twice; and requests that came on such a connection afterwards.
    pub copies: BTreeMap<(&'static str, &'static str), (usize, usize)>,
    /// Calls that were refused before the true response came, and those of them that ended as a bad response.
    pub true_responses: BTreeMap<(&'static str, TrueResponse), (usize, usize)>,
    /// Those that were reported as refused after all, since the true response came after their deadline.
    pub true_responses_too_late: usize,
    /// Responses with a line end behind them, and the calls whose result is what they say.
    pub line_ends: BTreeMap<&'static str, (usize, usize)>,
    /// Those that ended as a bad response, though nothing else was wrong.
    pub false_alarms: Vec<String>,
    /// Calls that had one of these before them, or got such a page as the response (of groups with one
    /// caller).
    pub hit_by_responses: usize,
    /// Faults of the proxies; without an age in groups of several callers.
    pub faults: BTreeMap<(FaultKind, Direction, Option<Age>), usize>,
    pub connections: usize,
    /// By result: how many calls arrived, and how many did not.
    pub results: BTreeMap<i32, (usize, usize)>,
    pub rang_twice: usize,
    pub repeats: usize,
    /// Of the calls that did not arrive: those reported as not sent, and the others by where they were lost.
    pub known_not_sent: usize,
    /// Those of them that were bulky: most had been written in part.
    pub known_not_sent_bulky: usize,
    /// Bulky requests that were in part still in the caller's system when their deadline came.
    pub held_back: usize,
    pub losses: BTreeMap<Loss, usize>,
    /// Losses in groups of several callers, where the call that a fault met is not known.
    pub losses_on_shared_groups: usize,
    pub unexplained: Vec<String>,
    /// How long the slowest call took, and of the callee.
    pub slowest: (Duration, String),
}

/// The seed stays the first one's.
impl Sum for Figures {
    fn add(&mut self, other: Figures) {
        self.calls.add(other.calls);
        self.hit.add(other.hit);
        self.pages.add(other.pages);
        self.unsolicited.add(other.unsolicited);
        self.copies.add(other.copies);
        self.true_responses.add(other.true_responses);
        self.true_responses_too_late
            .add(other.true_responses_too_late);
        self.line_ends.add(other.line_ends);
        self.false_alarms.add(other.false_alarms);
        self.hit_by_responses.add(other.hit_by_responses);
        self.faults.add(other.faults);
        self.connections.add(other.connections);
        self.results.add(other.results);
        self.rang_twice.add(other.rang_twice);
        self.repeats.add(other.repeats);
        self.known_not_sent.add(other.known_not_sent);
        self.known_not_sent_bulky.add(other.known_not_sent_bulky);
        self.held_back.add(other.held_back);
        self.losses.add(other.losses);
        self.losses_on_shared_groups
            .add(other.losses_on_shared_groups);
        self.unexplained.add(other.unexplained);
        if other.slowest.0 > self.slowest.0 {
            self.slowest = other.slowest;
        }
    }
}

impl Figures {
    pub fn of(diary: &[Line], evidence: &Evidence) -> Figures {
        let groups: HashMap<u64, &Group> = evidence.groups.iter().map(|l| (l.number, l)).collect();
        let seed = evidence.settings.seed;
        let mut figures = Figures {
            seed,
            calls: diary.len(),
            connections: evidence.connections,
            ..Figures::default()
        };
        let mut hit: HashSet<(u64, u64)> = HashSet::new();
        let mut hit_by_responses: HashSet<(u64, u64)> = HashSet::new();
        for (group, connection_records) in (0..).zip(&evidence.connection_records) {
            for record in connection_records {
                figures.held_back += usize::from(
                    groups[&group].bulky
                        // More than a handshake.
                        && record.held.is_some_and(|held| (4096..BULK as u64).contains(&held)),
                );
                for sent in &record.unsolicited {
                    let kind = (sent.timing, sent.unsolicited);
                    *figures.unsolicited.entry(kind).or_default() += 1;
                    let call = match sent.after {
                        Some(after) => Some(after + 1),
                        None => record.opened.call(),
                    };
                    hit_by_responses.extend(call.map(|call| (group, call)));
                }
                let Some(fault) = record.fault else {
                    continue;
                };
                let what = (fault.kind, fault.direction, record.age());
                *figures.faults.entry(what).or_default() += 1;
                hit.extend(fault.at.call().map(|call| (group, call)));
            }
        }
        for line in diary {
            let arrivals = evidence.arrivals_of(&line.callee);
            let reported = &line.reported;
            let arrived = !arrivals.is_empty();
            let row = figures.results.entry(reported.result).or_default();
            *(if arrived { &mut row.0 } else { &mut row.1 }) += 1;
            figures.rang_twice += usize::from(rings(arrivals) > 1);
            figures.repeats += usize::from(is_corrected(arrivals));
            figures.slowest =
                std::mem::take(&mut figures.slowest).max((reported.elapsed, line.callee.clone()));
            let behavior = Behavior::of(seed, &evidence.groups, &line.callee);
            let page = behavior.page().filter(|_| arrived);
            if let Some(page) = page {
                *figures.pages.entry(page).or_default() += 1;
            }
            if let (true, Behavior::Twice(response_kind, copy)) = (arrived, behavior)
                && copy != Copy::WithTheNext
            {
                let kind = (response_kind.name(), copy.name());
                figures.copies.entry(kind).or_default().0 += 1;
            }
            let mut met = false;
            for (response_kind, copy) in arrivals.iter().filter_map(|arrival| arrival.copy) {
                let copies = figures.copies.entry((response_kind.name(), copy.name()));
                let copies = copies.or_default();
                copies.0 += usize::from(copy == Copy::WithTheNext);
                copies.1 += 1;
                met = true;
            }
            if groups[&line.group].callers == 1 {
                if arrived && behavior.is_silent() {
                    hit.insert((line.group, line.call));
                }
                if met
                    || page.is_some_and(Page::has_status)
                    || (arrived && behavior.true_response().is_some())
                {
                    hit_by_responses.insert((line.group, line.call));
                }
            }
            let is_bad_response = [BAD_RESPONSE, HTTP_ERROR].contains(&reported.result);
            match behavior {
                Behavior::RefuseAndAccept(response_kind) if arrived => {
                    note(
                        &mut figures.true_responses,
                        (response_kind.name(), TrueResponse::SameWrite),
                        is_bad_response,
                    );
                }
                Behavior::ExpireThenAccept(_) if arrived => {
                    note(
                        &mut figures.true_responses,
                        ("expired", TrueResponse::Later),
                        is_bad_response,
                    );
                    figures.true_responses_too_late += usize::from(
                        reported.result == REJECTED
                            && is_true_response_late(line, arrivals, evidence),
                    );
                }
                Behavior::LineEnd(response_kind) if arrived => {
                    let expected = match response_kind {
                        ResponseKind::Refused(_) => REJECTED,
                        _ => OK,
                    };
                    let is_so = reported.result == expected;
                    note(&mut figures.line_ends, response_kind.name(), is_so);
                    let alone = groups[&line.group].callers == 1
                        && !hit.contains(&(line.group, line.call))
                        && !met;
                    if is_bad_response && alone {
                        figures.false_alarms.push(format!("{line:?} {arrivals:?}"));
                    }
                }
                _ => {}
            }
            if arrived || reported.result == REJECTED || reported.result == OK {
                continue;
            }
            if !reported.may_have_dialed {
                figures.known_not_sent += 1;
                figures.known_not_sent_bulky += usize::from(groups[&line.group].bulky);
            } else if groups[&line.group].callers > 1 {
                figures.losses_on_shared_groups += 1;
            } else {
                let (loss, connection_records) = loss(line, evidence);
                *figures.losses.entry(loss).or_default() += 1;
                if loss == Loss::Unexplained {
                    figures
                        .unexplained
                        .push(format!("{line:?} {connection_records:?}"));
                }
            }
        }
        figures.hit_by_responses = hit_by_responses.len();
        hit.extend(hit_by_responses);
        figures.hit = hit.len();
        figures
    }

    /// Calls that did not arrive.
    pub fn lost(&self) -> usize {
        self.known_not_sent + self.losses_on_shared_groups + self.losses.values().sum::<usize>()
    }
}

/// Counts one more, and whether it `is_so`.
fn note<Key: Ord>(counts: &mut BTreeMap<Key, (usize, usize)>, key: Key, is_so: bool) {
    let count = counts.entry(key).or_default();
    count.0 += 1;
    count.1 += usize::from(is_so);
}

fn is_corrected(arrivals: &[Arrival]) -> bool {
    matches!(arrivals, [first, _] if first.verdict == Verdict::Refused(EXPIRED))
}

/// Where a lone caller's request was lost, and the connections that show it.
fn loss<'a>(line: &Line, evidence: &'a Evidence) -> (Loss, Vec<&'a ConnectionRecord>) {
    let number = usize::try_from(line.group).expect("a small number");
    let group = &evidence.groups[number];
    let dials = |call| group.callee(line.caller, call);
    // All requests of a group have the same length, TLS not counted.
    let length = (0..group.calls_per_caller)
        .find_map(|call| evidence.arrivals_of(&dials(call)).first())
        .map_or(u64::MAX, |arrival| arrival.length);
    let ended = |record: &ConnectionRecord, stalled: bool| {
        record.opened.call() != Some(line.call)
            && record.fault.is_some_and(|fault| {
                fault.at.is_about(line.call) && fault.kind.is_stall() == stalled
            })
    };
    // What a stall held back came without the proxy's notice, and so without its call.
    let taken = |record: &ConnectionRecord| {
        let late = ended(record, true);
        // A session ticket may come between the parts of one request.
        let hello = usize::from(group.wire.is_tls());
        let bursts = record.bursts.iter().enumerate().skip(hello);
        bursts
            .filter(|(place, burst)| {
                burst.call == Some(line.call) || (late && place + 1 == record.bursts.len())
            })
            .map(|(_, burst)| burst.taken)
            .reduce(|sum, more| sum + more)
    };
    let connection_records: Vec<_> = evidence.connection_records[number]
        .iter()
        .filter(|record| taken(record).is_some() || ended(record, false))
        .collect();
    let most = connection_records
        .iter()
        .filter_map(|record| taken(record))
        .max();
    let hung_up = line.call.checked_sub(1).is_some_and(|before| {
        Behavior::of(evidence.settings.seed, &evidence.groups, &dials(before)).hangs_up()
    });
    let loss = if most.is_some_and(|most| most >= length) {
        Loss::Dropped
    } else if group.bulky && most.is_some() {
        Loss::InTransit
    } else if hung_up || connection_records.iter().any(|record| ended(record, false)) {
        Loss::Crossed
    } else {
        Loss::Unexplained
    };
    (loss, connection_records)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {} calls over {} connections",
            self.seed, self.calls, self.connections
        )?;
        let injected: usize = self.faults.values().sum();
        writeln!(
            f,
            "{injected} faults injected; {} calls hit (on groups of one caller)",
            self.hit
        )?;
        for ((kind, direction, age), count) in &self.faults {
            let age = age.map_or("shared".to_owned(), |age| format!("{age:?}"));
            writeln!(f, "    {count:6}  {kind:?} {direction:?} {age}")?;
        }
        writeln!(f, "pages for calls that rang: {:?}", self.pages)?;
        writeln!(f, "unsolicited responses: {:?}", self.unsolicited)?;
        writeln!(f, "responses sent twice, and requests after them:")?;
        for ((response_kind, when), (sent, met)) in &self.copies {
            writeln!(f, "    {sent:6}  {met:6}  {response_kind}, {when}")?;
        }
        writeln!(
            f,
            "refused before the true response came, and reported as a bad response: {:?}; too late for the call: {}",
            self.true_responses, self.true_responses_too_late
        )?;
        writeln!(
            f,
            "responses with a line end behind them, and reported as what they say: {:?}; false alarms: {}",
            self.line_ends,
            self.false_alarms.len()
        )?;
        writeln!(
            f,
            "calls hit by a page with a status, an unsolicited response, a copy or a refusal before the true response: {} (on groups of one caller)",
            self.hit_by_responses
        )?;
        writeln!(f, "result   arrived   did not")?;
        for (result, (arrived, not)) in &self.results {
            writeln!(f, "    {result:2}  {arrived:8}  {not:8}")?;
        }
        writeln!(
            f,
            "rang twice: {}; repeats after -16: {}",
            self.rang_twice, self.repeats
        )?;
        writeln!(
            f,
            "did not arrive: {}; reported not sent: {} ({:.1} %), {} of them bulky; {} bulky ones held back in part",
            self.lost(),
            self.known_not_sent,
            100.0 * self.known_not_sent as f64 / self.lost().max(1) as f64,
            self.known_not_sent_bulky,
            self.held_back,
        )?;
        writeln!(
            f,
            "reported as unknown: {:?}, and on shared groups {}",
            self.losses, self.losses_on_shared_groups,
        )?;
        let (elapsed, callee) = &self.slowest;
        write!(f, "slowest call: {} ms ({callee})", elapsed.as_millis())
    }
}
