//! The recording IDs that a client has handed out.
//!
//! An ID belongs to one call. One that comes a second time shows that the response belongs to an earlier
//! request.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use once_cell::race::OnceBox;

/// How many IDs share a set.
const WAYS: usize = 31;

/// How many sets are made at once, where the first of them is used: 2 KiB, for a client that places few
/// calls.
const SETS: usize = 8;

/// How many of these there are. 128 KiB in all.
const BLOCKS: usize = 64;

/// The IDs of the last calls, by their hashes: at most 15,872, and of the last 8,000 nearly all. It has no
/// lock, which a fork could leave taken: a forked child inherits the IDs, too.
pub struct RecordingIds {
    blocks: [OnceBox<Block>; BLOCKS],
}

type Block = [Set; SETS];

/// The IDs whose hashes fall into one set.
#[derive(Default)]
struct Set {
    // 0 where there is none.
    hashes: [AtomicU64; WAYS],
    // How many have been inserted: the next takes the place of the oldest.
    count: AtomicUsize,
}

impl RecordingIds {
    /// Remembers `id`; false where it was remembered already.
    ///
    /// One new ID in 2^60 or so is taken for another.
    pub fn insert(&self, id: &str) -> bool {
        let (set, hash) = self.set_of(id);
        set.is_none_or(|set| set.insert(hash))
    }

    /// Whether `id` is remembered.
    pub fn contains(&self, id: &str) -> bool {
        let (set, hash) = self.set_of(id);
        set.is_some_and(|set| set.occurrences(hash) > 0)
    }

    fn set_of(&self, id: &str) -> (Option<&Set>, u64) {
        let hash = hash_of(id).max(1);
        let place = usize::try_from(hash % (BLOCKS * SETS) as u64).unwrap_or_default();
        let block = self.blocks.get(place / SETS);
        let set = block.and_then(|block| block.get_or_init(Box::default).get(place % SETS));
        (set, hash)
    }
}

/// The same for the same text in every process.
pub fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Set {
    /// False where `hash` was there already. Where two threads insert the same one at the same time, it is
    /// false for one of them, or for both: each writes before it looks, in one order for all threads.
    fn insert(&self, hash: u64) -> bool {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let oldest = self.hashes.get(count % WAYS);
        let is_oldest = oldest.is_some_and(|oldest| oldest.swap(hash, Ordering::SeqCst) == hash);
        !is_oldest && self.occurrences(hash) <= 1
    }

    fn occurrences(&self, hash: u64) -> usize {
        let is_same = |known: &&AtomicU64| known.load(Ordering::SeqCst) == hash;
        self.hashes.iter().filter(is_same).count()
    }
}

impl Default for RecordingIds {
    fn default() -> RecordingIds {
        let blocks = [const { OnceBox::new() }; BLOCKS];
        RecordingIds { blocks }
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

    /// What two threads get that call `insert` for the same set, with a few IDs in it, at the same time.
    fn at_once(insert: impl Fn(&Set, u64) -> bool + Sync) -> Vec<(bool, bool)> {
        let turns = if cfg!(miri) { 50 } else { 200_000 };
        let sets: Vec<_> = (0..turns).map(|_| Set::default()).collect();
        for set in &sets {
            assert!((11..15).all(|known| set.insert(known)));
        }
        let arrived = AtomicUsize::new(0);
        let in_step = |number: u64| -> Vec<bool> {
            let insert = |(turn, set)| {
                arrived.fetch_add(1, Ordering::SeqCst);
                while arrived.load(Ordering::SeqCst) < 2 * (turn + 1) {
                    // Of a processor with one core, the other thread needs it.
                    thread::yield_now();
                }
                insert(set, number)
            };
            sets.iter().enumerate().map(insert).collect()
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| in_step(2));
            let own = in_step(1);
            own.into_iter().zip(other.join().unwrap()).collect()
        })
    }

    #[test]
    fn an_id_is_not_taken_for_another_that_shares_its_set_at_the_same_time() {
        assert!(
            at_once(Set::insert)
                .iter()
                .all(|given| *given == (true, true))
        );
    }

    #[test]
    fn an_id_that_comes_to_several_threads_at_once_is_new_to_at_most_one() {
        assert!(!at_once(|set, _| set.insert(7)).contains(&(true, true)));
    }
}
