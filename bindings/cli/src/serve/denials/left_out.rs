//! What the log has left out, by key, in a bounded memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sluicegate::identity::Key;

use super::line::Told;

/// Denials that had no line of their own.
pub struct LeftOut {
    keys: HashMap<Key, (u64, Told)>,
    most: usize,
    others: u64,
}

impl LeftOut {
    /// Of at most so many keys; what is left out of others is counted together.
    pub fn at_most(most: usize) -> Self {
        Self { keys: HashMap::new(), most, others: 0 }
    }

    /// So many denials more of a key.
    pub fn add(&mut self, key: Key, count: u64, told: impl FnOnce() -> Told) {
        let has_room = self.keys.len() < self.most;
        match self.keys.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().0 += count,
            Entry::Vacant(new) if has_room => drop(new.insert((count, told()))),
            Entry::Vacant(_) => self.others += count,
        }
    }

    /// So many denials more of keys that had no room.
    pub fn add_others(&mut self, count: u64) {
        self.others += count;
    }

    /// The denials of a key, which are told now.
    pub fn take(&mut self, key: &Key) -> u64 {
        self.keys.remove(key).map_or(0, |(count, _)| count)
    }

    /// Those of all keys.
    pub fn take_all(&mut self) -> Vec<(Key, u64, Told)> {
        std::mem::take(&mut self.keys).into_iter().map(|(key, (count, told))| (key, count, told)).collect()
    }

    /// Those of keys that had no room.
    pub fn take_others(&mut self) -> u64 {
        std::mem::take(&mut self.others)
    }
}
