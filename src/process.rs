//! Tells a process from those that were forked from it.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys;

/// The number of this process where the kernel wipes no page.
static NOT_WIPED: AtomicU64 = AtomicU64::new(0);

/// Which process this is: a number that no process that this one was forked from has, however it was
/// forked: by fork(), _Fork(), or clone(2) without libc, seen by its libc or not.
///
/// A child that shares its parent's memory (vfork(), `CLONE_VM`) is not another process here: it may
/// only exec or _exit.
///
/// It costs a few loads; where the kernel wipes no page, a `getpid`, and then a child is not told from an
/// ancestor that is gone and whose process ID it has got, unless libc forked it, or a process between the
/// two has used the library.
pub fn process_id() -> u64 {
    // 0 where this process has just been forked.
    let number = sys::zeroed_on_fork(&NOT_WIPED, forget_process);
    let known = number.load(Ordering::Acquire);
    if known != 0 && !(ptr::eq(number, &NOT_WIPED) && known as u32 != std::process::id()) {
        return known;
    }
    number_process(number, known)
}

/// Gives this process a number, unless another thread has, in place of `old`.
#[cold]
fn number_process(number: &AtomicU64, old: u64) -> u64 {
    // Copied into a child by the fork, so that it is ahead of every ancestor's.
    static LAST: AtomicU64 = AtomicU64::new(0);
    let count = LAST.fetch_add(1, Ordering::SeqCst) + 1;
    // Together with the process ID, should the fork have copied the count a moment earlier than what
    // another thread did with it.
    let new = count << 32 | u64::from(std::process::id());
    match number.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => new,
        Err(others) => others,
    }
}

/// For a child in a namespace of its own, or with a process ID used again: there the process ID is not enough.
extern "C" fn forget_process() {
    NOT_WIPED.store(0, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no madvise")]
    fn a_process_keeps_its_number() {
        let number = process_id();
        assert_ne!(number, 0);
        assert_eq!(std::thread::spawn(process_id).join().unwrap(), number);
    }

    #[test]
    fn a_number_is_given_once_and_is_never_an_ancestors() {
        let number = AtomicU64::new(0);
        let first = number_process(&number, 0);
        // Another thread that comes too late.
        assert_eq!(number_process(&number, 0), first);
        // As in a forked child.
        number.store(0, Ordering::Relaxed);
        assert!(number_process(&number, 0) > first);
    }
}
