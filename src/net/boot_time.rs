//! The clock that waits, idle connections and cached addresses are measured by.
//!
//! It goes on while the machine sleeps (CLOCK_BOOTTIME), as do the servers and the people at the other end:
//! `std::time::Instant` stands still (CLOCK_MONOTONIC), so that after a night's sleep an idle connection and
//! an address were a moment old, and a call that waited for its connection was placed hours late. Nothing of
//! it depends on the wall clock, which may be set at any time.

use std::ops::Add;
use std::time::Duration;

use crate::sys;

/// A moment since the system was started. Two of one system compare; there is no other use of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(Duration);

impl BootTime {
    /// Now. No system call where the kernel's vDSO has this clock, as that of CLOCK_MONOTONIC (Linux 5.3).
    pub fn now() -> BootTime {
        BootTime(sys::time_since_boot())
    }

    /// The time from `earlier` to this; zero where it is not earlier.
    pub fn saturating_since(self, earlier: BootTime) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for BootTime {
    type Output = BootTime;

    fn add(self, time: Duration) -> BootTime {
        BootTime(self.0.saturating_add(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_never_back() {
        let first = BootTime::now();
        std::thread::sleep(Duration::from_millis(2));
        let second = BootTime::now();
        assert!(second.saturating_since(first) >= Duration::from_millis(2));
        assert_eq!(first.saturating_since(second), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_cannot_be_read_leaves_no_time() {
        let unreadable = BootTime(Duration::MAX);
        let later = unreadable + Duration::from_secs(1);
        assert_eq!(later.saturating_since(unreadable), Duration::ZERO);
        assert!(unreadable >= later);
    }
}
