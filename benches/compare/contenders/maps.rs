//! Hash maps with GCRA: what one would write without a limiter at hand, each with a fast hash.

use super::Contender;
use super::gcra::Gcra;
use crate::clocks::Time;
use crate::keys::Key;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use papaya::{HashMap, ResizeMode};
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

const SHARDS: usize = 256;

/// A shard, on lines of its own.
#[repr(align(128))]
struct Shard<K>(Mutex<HashTable<(K, u64)>>);

/// One hash chooses the shard and the place in it. Time is read before the lock is taken.
pub struct Sharded<K, T> {
    shards: Box<[Shard<K>; SHARDS]>,
    hasher: RandomState,
    gcra: Gcra,
    time: T,
}

impl<K: Key, T: Time> Sharded<K, T> {
    pub fn new(gcra: Gcra, time: T) -> Self {
        let shards = Box::new(std::array::from_fn(|_| Shard(Mutex::new(HashTable::new()))));
        Self { shards, hasher: RandomState::default(), gcra, time }
    }
}

impl<K: Key, T: Time> Contender<K> for Sharded<K, T> {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        let now = self.time.now();
        let hash = self.hasher.hash_one(key);
        // Bits that the table within does not use: it takes those at both ends.
        let shard = &self.shards[(hash >> 40) as usize % SHARDS];
        let mut table = shard.0.lock().expect("no check panics");
        if let Some((_, word)) = table.find_mut(hash, |(known, _)| known == key) {
            return match self.gcra.step(*word, now) {
                Some(next) => {
                    *word = next;
                    true
                }
                None => false,
            };
        }
        let fresh = self.gcra.step(0, now);
        if let Some(next) = fresh {
            table.insert_unique(hash, (key.clone(), next), |(known, _)| self.hasher.hash_one(known));
        }
        fresh.is_some()
    }
}

/// Known keys are found without a lock; a growing map has everybody help, which is much slower here.
pub struct Papaya<K, T> {
    words: HashMap<K, AtomicU64, RandomState>,
    gcra: Gcra,
    time: T,
}

impl<K: Key, T: Time> Papaya<K, T> {
    pub fn new(gcra: Gcra, time: T) -> Self {
        let words = HashMap::builder().hasher(RandomState::default()).resize_mode(ResizeMode::Blocking).build();
        Self { words, gcra, time }
    }
}

impl<K: Key, T: Time> Contender<K> for Papaya<K, T> {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        let now = self.time.now();
        let words = self.words.pin();
        let word = match words.get(key) {
            Some(word) => word,
            None => words.get_or_insert_with(key.clone(), || AtomicU64::new(0)),
        };
        self.gcra.charge(word, now)
    }
}

/// A lock for each bucket. scc's index, which is read without, moves its words when it grows and would lose charges.
pub struct Scc<K, T> {
    words: scc::HashMap<K, u64, RandomState>,
    gcra: Gcra,
    time: T,
}

impl<K: Key, T: Time> Scc<K, T> {
    pub fn new(gcra: Gcra, time: T) -> Self {
        Self { words: scc::HashMap::with_hasher(RandomState::default()), gcra, time }
    }
}

impl<K: Key, T: Time> Contender<K> for Scc<K, T> {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        let now = self.time.now();
        let charge = |word: &mut u64| match self.gcra.step(*word, now) {
            Some(next) => {
                *word = next;
                true
            }
            None => false,
        };
        let known = self.words.update_sync(key, |_, word| charge(word));
        known.unwrap_or_else(|| charge(self.words.entry_sync(key.clone()).or_insert(0).get_mut()))
    }
}
