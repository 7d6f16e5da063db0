//! The calls that a process is placing.
//!
//! The API may have a record of a call before its response is here. Such a record belongs to that call, and
//! to no other that is in doubt.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::recording_ids::hash_of;

/// The callees of the calls in progress, by their hashes.
#[derive(Debug, Default)]
pub struct CallsInProgress {
    callees: Mutex<Vec<u64>>,
}

/// A call in progress, until it is dropped.
pub struct CallInProgress<'a> {
    calls: &'a CallsInProgress,
    callee: u64,
}

impl CallsInProgress {
    /// A call begins.
    pub fn enter(&self, callee: &str) -> CallInProgress<'_> {
        let callee = hash_of(callee);
        self.lock().push(callee);
        CallInProgress {
            calls: self,
            callee,
        }
    }

    /// Whether one to this callee is in progress.
    pub fn contains(&self, callee: &str) -> bool {
        self.lock().contains(&hash_of(callee))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        // A list of numbers is whole at every step, so a panic elsewhere does not spoil it.
        self.callees.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CallInProgress<'_> {
    fn drop(&mut self) {
        let mut callees = self.calls.lock();
        if let Some(place) = callees.iter().position(|callee| *callee == self.callee) {
            callees.swap_remove(place);
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
    }
}
