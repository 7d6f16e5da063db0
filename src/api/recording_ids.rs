//! The recording IDs that a client has handed out.
//!
//! An ID belongs to one call. One that comes a second time shows that the response belongs to an earlier
//! request.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use once_cell::race::OnceBox;

/// How many IDs share a set.
const WAYS: usize = 16;

/// How many sets are made at once, where the first of them is used: 2 KiB, for a client that places few
/// calls.
const SETS: usize = 16;

/// How many of these there are. 128 KiB in all.
const BLOCKS: usize = 64;

/// The IDs of the last calls, by their hashes: at most 16,384, and of the last 8,000 nearly all. It has no
/// lock, which a fork could leave taken: a forked child inherits the IDs, too.
pub struct RecordingIds {
    blocks: [OnceBox<Block>; BLOCKS],
}

type Block = [Set; SETS];

/// The IDs whose hashes fall into one set, the newest first; 0 where there is none.
#[derive(Default)]
struct Set([AtomicU64; WAYS]);

impl RecordingIds {
    /// Remembers `id`; false where it was remembered already.
    ///
    /// One new ID in 2^60 or so is taken for another.
    pub fn insert(&self, id: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let hash = hasher.finish().max(1);
        let place = usize::try_from(hash % (BLOCKS * SETS) as u64).unwrap_or_default();
        let block = self.blocks.get(place / SETS);
        let set = block.and_then(|block| block.get_or_init(Box::default).get(place % SETS));
        // The new hash goes in at the front, and each moves on by one place. Every place is swapped in one
        // step, so that nothing is lost where several threads do this at once.
        let mut moving = hash;
        for place in set.map_or(&[][..], |set| &set.0) {
            moving = place.swap(moving, Ordering::AcqRel);
            if moving == 0 {
                return true;
            }
            if moving == hash {
                return false;
            }
        }
        true
    }
}

impl Default for RecordingIds {
    fn default() -> RecordingIds {
        RecordingIds {
            blocks: [const { OnceBox::new() }; BLOCKS],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn an_id_is_new_once() {
        let recording_ids = RecordingIds::default();
        assert!(recording_ids.insert("1"));
        assert!(recording_ids.insert("2"));
        assert!(!recording_ids.insert("1"));
        assert!(!recording_ids.insert("2"));
        assert!(recording_ids.insert(""));
        assert!(!recording_ids.insert(""));
    }

    #[test]
    fn the_last_thousands_of_ids_are_remembered() {
        let count = if cfg!(miri) { 200 } else { 8_000 };
        let recording_ids = RecordingIds::default();
        for turn in 0..3 {
            for number in 0..count {
                assert!(recording_ids.insert(&format!("{turn}-{number}")));
            }
            // In the same order, so that none of these looks pushes out what has not been looked at.
            let forgotten = (0..count)
                .filter(|number| recording_ids.insert(&format!("{turn}-{number}")))
                .count();
            // A set that got many more IDs than the others forgets the oldest of them.
            assert!(forgotten * 100 <= count, "{forgotten} of {count}");
        }
    }

    #[test]
    fn threads_that_insert_at_once_lose_none() {
        let (threads, count) = if cfg!(miri) { (2, 20) } else { (4, 500) };
        let recording_ids = RecordingIds::default();
        thread::scope(|scope| {
            for thread in 0..threads {
                let recording_ids = &recording_ids;
                scope.spawn(move || {
                    for number in 0..count {
                        assert!(recording_ids.insert(&format!("{thread}-{number}")));
                    }
                });
            }
        });
        for thread in 0..threads {
            for number in 0..count {
                assert!(!recording_ids.insert(&format!("{thread}-{number}")));
            }
        }
    }
}
