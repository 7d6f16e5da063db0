//! What each process keeps of a client, and a forked child does not share.

use std::io;
use std::mem;
use std::sync::Arc;

use once_cell::race::OnceBox;

use super::calls_in_progress::CallsInProgress;
use super::clock::Clock;
use crate::http::client::{HttpClient, Route};
use crate::process::process_id;

/// What one process keeps of a client.
pub struct ProcessState {
    /// Its connections and addresses.
    pub http: Arc<HttpClient>,
    /// What it knows of the server's clock.
    pub clock: Clock,
    /// The calls that it is placing.
    pub calls: CallsInProgress,
    process_id: u64,
    // Of the processes forked from this one. Each sees its own only, in its own copy of the memory. Set
    // without a lock, since one could be inherited taken.
    child: OnceBox<ProcessState>,
}

impl ProcessState {
    /// For this process, without connections. Fails where the process has no descriptor left.
    pub fn new(route: &Route, clock: Clock) -> io::Result<ProcessState> {
        Ok(ProcessState {
            http: Arc::new(HttpClient::new(route)?),
            clock,
            calls: CallsInProgress::default(),
            process_id: process_id(),
            child: OnceBox::new(),
        })
    }

    /// The state of the process that asks. A forked child makes its own at its first use, and
    /// touches nothing of its parent's, neither locks nor connections.
    pub fn of_this_process(&self, route: &Route) -> io::Result<&ProcessState> {
        let here = process_id();
        let mut state = self;
        while state.process_id != here {
            let parent = state;
            state = parent.child.get_or_try_init(|| {
                let child = ProcessState::new(route, Clock::copy_of(&parent.clock))?;
                if parent.http.is_shut_down() {
                    child.http.shut_down();
                }
                Ok::<_, io::Error>(Box::new(child))
            })?;
        }
        Ok(state)
    }
}

impl Drop for ProcessState {
    fn drop(&mut self) {
        if self.process_id != process_id() {
            // Inherited: to close its connections would end the parent's, and its locks may be
            // taken for ever. One more owner, never dropped, keeps it as it is.
            Box::leak(Box::new(Arc::clone(&self.http)));
            // Another thread of the parent's may have been making room in it.
            Box::leak(Box::new(mem::take(&mut self.calls)));
        }
    }
}
