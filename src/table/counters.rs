//! Counts of what the table did, kept off the lines that checks touch.
//!
//! What happens all the time is not counted beside what happens: a locked instruction costs as much as a claim. Each
//! insert has made a new version of a tag, so their sum is the number of inserts, but for the few versions that were
//! something else, and for those that were so many that the number began anew, which are counted.

use super::find::Place;
use super::layout::{COUNTER_SHARDS, FULL_UNTIL_WORD, Standing, Tag};
use super::{OnFull, Table};
use crate::sync::{AtomicU64, Ordering};

/// What is counted; the number is the counter's place in its shard.
#[derive(Debug, Clone, Copy)]
enum Counter {
    /// Versions of tags that were not an insert.
    NoInserts = 0,
    Evicted = 1,
    RefusedFull = 2,
    AllowedFull = 3,
    /// How often a tag's version has come to its end and begun anew.
    Rounds = 4,
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
    /// Counts what the tag of a new key does not show: inserts themselves are counted by the tags' versions.
    #[inline]
    pub(super) fn count_claim(&self, tag: Tag) {
        if tag.version() == 0 {
            self.count(0, Counter::Rounds);
        }
    }

    /// Counts a key that had to give way: a live one, or one that was about to be charged for the first time.
    pub(super) fn count_eviction(&self, home: usize, place: &Place<'_>) {
        match place.standing() {
            Standing::Awaited => self.count_unseated(place.tag),
            _ => self.count(home, Counter::Evicted),
        }
    }

    /// Takes back the count of a key that was not given the slot after all.
    #[cold]
    pub(super) fn count_unseated(&self, tag: Tag) {
        self.count(tag.version() as usize, Counter::NoInserts);
    }

    /// Counts a tag that has a new version and no new owner.
    pub(super) fn count_renamed(&self, tag: Tag) {
        self.count(tag.version() as usize, Counter::NoInserts);
        self.count_claim(tag);
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

    /// A pass over the whole table.
    pub(crate) fn counts(&self) -> Counts {
        let count = |shard, counter| self.counter(shard, counter).load(Ordering::Relaxed);
        // Saturating, because memory that others can write may hold any numbers.
        let sum = |counter| (0..COUNTER_SHARDS).map(|shard| count(shard, counter)).fold(0, u64::saturating_add);
        let versions: u64 = self.slots().map(|(bucket, slot)| self.tag(bucket, slot).version()).sum();
        let rounds = sum(Counter::Rounds).saturating_mul(Tag::VERSIONS);
        Counts {
            inserted: rounds.saturating_add(versions).saturating_sub(sum(Counter::NoInserts)),
            evicted: sum(Counter::Evicted),
            refused_full: sum(Counter::RefusedFull),
            allowed_full: sum(Counter::AllowedFull),
        }
    }
}
