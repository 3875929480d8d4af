//! Counts of what the table did, kept off the lines that checks touch and written on inserts only.

use super::layout::{COUNTER_SHARDS, FULL_UNTIL_WORD};
use super::{OnFull, Table};
use crate::sync::{AtomicU64, Ordering};

/// What is counted; the number is the counter's place in its shard.
#[derive(Debug, Clone, Copy)]
enum Counter {
    Inserted = 0,
    Evicted = 1,
    RefusedFull = 2,
    AllowedFull = 3,
}

/// The sums over all shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) inserted: u64,
    pub(crate) evicted: u64,
    pub(crate) refused_full: u64,
    pub(crate) allowed_full: u64,
}

impl Table {
    pub(super) fn count_insert(&self, home: usize, evicts: bool) {
        self.count(home, Counter::Inserted);
        if evicts {
            self.count(home, Counter::Evicted);
        }
    }

    pub(super) fn count_refusal(&self, home: usize, on_full: OnFull) {
        self.count(home, if on_full == OnFull::Allow { Counter::AllowedFull } else { Counter::RefusedFull });
    }

    fn count(&self, home: usize, counter: Counter) {
        #[cfg(all(test, not(loom)))]
        super::interleavings::stop_if_told();
        // Relaxed: a count publishes nothing but itself.
        self.counter(home, counter).fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, shard: usize, counter: Counter) -> &AtomicU64 {
        self.words.at(self.geometry.counter_word(shard, counter as usize))
    }

    pub(super) fn full_until_word(&self) -> &AtomicU64 {
        self.words.at(FULL_UNTIL_WORD)
    }

    pub(crate) fn counts(&self) -> Counts {
        let count = |shard, counter| self.counter(shard, counter).load(Ordering::Relaxed);
        // Saturating, because memory that others can write may hold any numbers.
        let sum = |counter| (0..COUNTER_SHARDS).map(|shard| count(shard, counter)).fold(0, u64::saturating_add);
        Counts {
            inserted: sum(Counter::Inserted),
            evicted: sum(Counter::Evicted),
            refused_full: sum(Counter::RefusedFull),
            allowed_full: sum(Counter::AllowedFull),
        }
    }
}
