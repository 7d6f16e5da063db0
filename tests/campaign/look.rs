//! After the calls: each that ended in doubt is looked up in the API's records, and what the look says is compared
//! with what the gateway received.

use std::fmt;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::client::{Client, NO_RECORD, OK, RECORDS_FAILED, Request};
use crate::support::response::is_recording_id_for;

use super::compare::rings;
use super::run::{Evidence, Line, Setup};

/// How long a look waits for a record. The records of the last calls are there by then.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How often a look is tried whose own requests meet faults.
const ATTEMPTS: usize = 50;

/// What a look said.
#[derive(Clone, Debug)]
pub struct Look {
    pub callee: String,
    pub result: i32,
    pub may_have_dialed: bool,
    pub recording_id: Option<String>,
    pub reason: String,
    /// How many looks failed before.
    pub failed: usize,
}

/// What the looks came to.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// Calls that ended in doubt.
    pub doubts: usize,
    /// Of those: rang, and were found with their own recording ID.
    pub found: usize,
    /// Did not ring, and have no record: the doubt stays, and the look says so.
    pub none: usize,
    /// Looks that failed, and were tried again.
    pub failed: usize,
    /// Found, but did not ring; rang, but were not found; found with another call's ID; a result by which the
    /// phone cannot have rung.
    pub wrong: Vec<String>,
    /// Looks whose every attempt failed.
    pub unresolved: Vec<String>,
}

impl Setup {
    /// Looks up each call of the diary that ended in doubt, by the client of its group.
    pub fn look_up(&self, clients: &[&Client], diary: &[Line]) -> Vec<Look> {
        thread::scope(|scope| {
            let lookers: Vec<_> = self
                .groups
                .iter()
                .zip(clients)
                .map(|(group, client)| {
                    let doubts = diary.iter().filter(|line| {
                        let reported = &line.reported;
                        line.group == group.number
                            && reported.may_have_dialed
                            && reported.result != OK
                    });
                    scope
                        .spawn(move || doubts.map(|line| look_up(client, line)).collect::<Vec<_>>())
                })
                .collect();
            lookers
                .into_iter()
                .flat_map(|looker| looker.join().expect("a look that does not panic"))
                .collect()
        })
    }
}

fn look_up(client: &Client, line: &Line) -> Look {
    let began = SystemTime::now() - line.began.elapsed();
    let since = began
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let request = Request::to(&line.callee);
    let mut failed = 0;
    loop {
        let reply = client.find_call(&request, since.try_into().expect("a time"), PATIENCE);
        if reply.result == RECORDS_FAILED && failed < ATTEMPTS {
            failed += 1;
            continue;
        }
        return Look {
            callee: line.callee.clone(),
            result: reply.result,
            may_have_dialed: reply.may_have_dialed(),
            reason: reply.reason().to_owned(),
            recording_id: reply.recording_id,
            failed,
        };
    }
}

impl Looks {
    pub fn of(looks: &[Look], evidence: &Evidence) -> Looks {
        let mut all = Looks {
            doubts: looks.len(),
            ..Looks::default()
        };
        for look in looks {
            let rang = rings(evidence.arrivals_of(&look.callee)) > 0;
            let own = |id: &String| is_recording_id_for(id, &look.callee);
            all.failed += look.failed;
            match look.result {
                OK if rang && look.recording_id.as_ref().is_some_and(own) => all.found += 1,
                NO_RECORD if !rang && look.may_have_dialed => all.none += 1,
                RECORDS_FAILED if look.may_have_dialed => all.unresolved.push(format!("{look:?}")),
                _ => all.wrong.push(format!("rang: {rang}; {look:?}")),
            }
        }
        all
    }
}

impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Looks {
            doubts,
            found,
            none,
            failed,
            wrong,
            unresolved,
        } = self;
        write!(
            f,
            "{doubts} calls in doubt, looked up in the records: {found} were placed, {none} have no record and did not ring, \
             {} wrong, {} unresolved; {failed} looks met a fault and were tried again",
            wrong.len(),
            unresolved.len()
        )
    }
}
