//! Sums of several campaigns' numbers.

use std::collections::BTreeMap;

/// What can be added up.
pub trait Sum {
    /// Adds another campaign's.
    fn add(&mut self, other: Self);
}

impl Sum for usize {
    fn add(&mut self, other: usize) {
        *self += other;
    }
}

impl<A: Sum, B: Sum> Sum for (A, B) {
    fn add(&mut self, other: (A, B)) {
        self.0.add(other.0);
        self.1.add(other.1);
    }
}

impl<T> Sum for Vec<T> {
    fn add(&mut self, other: Vec<T>) {
        self.extend(other);
    }
}

impl<K: Ord, V: Sum + Default> Sum for BTreeMap<K, V> {
    fn add(&mut self, other: BTreeMap<K, V>) {
        for (key, value) in other {
            self.entry(key).or_default().add(value);
        }
    }
}
