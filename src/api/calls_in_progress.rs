//! The calls that a process is placing, and those of them that ended in doubt.
//!
//! The API may have a record of a call before its response is here. Such a record belongs to that call, and
//! to no other that is in doubt; and of two calls in doubt to one callee, nobody knows which one it belongs to.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock::unix_now;
use super::recording_ids::hash_of;

/// The most calls in doubt that are remembered, the last ones.
const MAX_DOUBTS: usize = 1_024;

/// What is known of the calls, by the hashes of their callees.
#[derive(Debug, Default)]
pub struct CallsInProgress {
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    in_progress: Vec<u64>,
    // Each with the time when it began, by our clock.
    in_doubt: VecDeque<(u64, i64)>,
}

/// A call in progress, until it is dropped.
pub struct CallInProgress<'a> {
    calls: &'a CallsInProgress,
    callee: u64,
    began: i64,
    is_in_doubt: bool,
}

impl CallsInProgress {
    /// A call begins.
    pub fn enter(&self, callee: &str) -> CallInProgress<'_> {
        let call = CallInProgress {
            calls: self,
            callee: hash_of(callee),
            began: unix_now(),
            is_in_doubt: false,
        };
        self.lock().in_progress.push(call.callee);
        call
    }

    /// Whether one to this callee is in progress.
    pub fn contains(&self, callee: &str) -> bool {
        self.lock().in_progress.contains(&hash_of(callee))
    }

    /// How many to this callee that began at `since` or later ended in doubt.
    pub fn doubts(&self, callee: &str, since: i64) -> usize {
        let callee = hash_of(callee);
        let is_such = |(other, began): &&(u64, i64)| *other == callee && *began >= since;
        self.lock().in_doubt.iter().filter(is_such).count()
    }

    /// Forgets those of [`CallsInProgress::doubts`]: it is known what became of them.
    pub fn resolve(&self, callee: &str, since: i64) {
        let callee = hash_of(callee);
        let is_other = |(other, began): &(u64, i64)| *other != callee || *began < since;
        self.lock().in_doubt.retain(is_other);
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // The lists are whole at every step, so a panic elsewhere does not spoil them.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallInProgress<'_> {
    /// Remembers that it ended in doubt.
    pub fn set_in_doubt(&mut self) {
        self.is_in_doubt = true;
    }
}

impl Drop for CallInProgress<'_> {
    fn drop(&mut self) {
        let mut calls = self.calls.lock();
        let place = calls
            .in_progress
            .iter()
            .position(|callee| *callee == self.callee);
        if let Some(place) = place {
            calls.in_progress.swap_remove(place);
        }
        if self.is_in_doubt {
            if calls.in_doubt.len() == MAX_DOUBTS {
                calls.in_doubt.pop_front();
            }
            calls.in_doubt.push_back((self.callee, self.began));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_in_progress_until_it_is_over() {
        let calls = CallsInProgress::default();
        let first = calls.enter("1");
        let second = calls.enter("1");
        assert!(calls.contains("1") && !calls.contains("2"));
        drop(first);
        assert!(calls.contains("1"));
        drop(second);
        assert!(!calls.contains("1"));
        assert_eq!(calls.doubts("1", 0), 0);
    }

    #[test]
    fn the_last_calls_in_doubt_are_remembered() {
        let calls = CallsInProgress::default();
        let since = unix_now();
        for number in 0..=MAX_DOUBTS {
            calls.enter(&number.to_string()).set_in_doubt();
        }
        assert_eq!(calls.doubts("0", since), 0);
        assert_eq!(calls.doubts("1", since), 1);
        assert_eq!(calls.doubts("1", since + 3600), 0);
        calls.enter("1").set_in_doubt();
        assert_eq!(calls.doubts("1", since), 1);
        assert_eq!(calls.lock().in_doubt.len(), MAX_DOUBTS);
        calls.resolve("1", since + 3600);
        assert_eq!(calls.doubts("1", since), 1);
        calls.resolve("1", since);
        assert_eq!((calls.doubts("1", since), calls.doubts("2", since)), (0, 1));
    }
}
