//! What no limiter can be below: a hash, one touch of a slot of 16 bytes, one compare-and-swap.
//!
//! It is no limiter. Keys that meet in four slots take each other's, and two threads that do so at once may charge one
//! another's key; a table that decides exactly must look at more than this.

use super::Contender;
use super::gcra::Gcra;
use crate::clocks::Time;
use crate::keys::Key;
use foldhash::fast::RandomState;
use sluicegate::Limiter;
use sluicegate_bench::time;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

/// A key's hash and its word.
#[derive(Default)]
#[repr(C, align(16))]
struct Slot {
    tag: AtomicU64,
    word: AtomicU64,
}

/// How many slots a key may be in.
const REACH: usize = 4;
/// The largest batch.
const BATCH: usize = 128;

pub struct Floor<T> {
    memory: Memory,
    hasher: RandomState,
    gcra: Gcra,
    time: T,
}

impl<T: Time> Floor<T> {
    /// In as much memory as a limiter takes that has room for so many keys.
    pub fn new(keys: u64, gcra: Gcra, time: T) -> Self {
        let bytes = Limiter::region_size(keys).expect("keys in range") as usize;
        Self { memory: Memory::of(bytes / size_of::<Slot>()), hasher: RandomState::default(), gcra, time }
    }

    #[inline(always)]
    fn place(&self, hash: u64) -> usize {
        ((u128::from(hash) * (self.memory.slots().len() - REACH) as u128) >> 64) as usize
    }

    #[inline(always)]
    fn charge(&self, hash: u64, now: u64) -> bool {
        let place = self.place(hash);
        let reach = &self.memory.slots()[place..place + REACH];
        for slot in reach {
            // Relaxed, here and below: nothing but the word itself is to be told by it.
            let tag = slot.tag.load(Ordering::Relaxed);
            if tag == hash {
                return self.gcra.charge(&slot.word, now);
            }
            if tag == 0 {
                slot.tag.store(hash, Ordering::Relaxed);
                return self.gcra.charge(&slot.word, now);
            }
        }
        reach[0].tag.store(hash, Ordering::Relaxed);
        reach[0].word.store(0, Ordering::Relaxed);
        self.gcra.charge(&reach[0].word, now)
    }

    #[inline(always)]
    fn prefetch(&self, hash: u64) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint that accesses nothing the program can tell; SSE is part of x86-64.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>((&raw const self.memory.slots()[self.place(hash)]).cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = hash;
    }
}

impl<K: Key, T: Time> Contender<K> for Floor<T> {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        let hash = self.hasher.hash_one(key);
        if T::IS_READ {
            self.prefetch(hash);
        }
        self.charge(hash, self.time.now())
    }

    #[inline(never)]
    fn in_batches(&self, keys: &[K], size: usize) -> Option<f64> {
        let mut hashes = [0; BATCH];
        Some(time(keys.len(), || {
            for batch in keys.chunks(size) {
                let hashes = &mut hashes[..batch.len()];
                for (key, hash) in batch.iter().zip(&mut *hashes) {
                    *hash = self.hasher.hash_one(key);
                    self.prefetch(*hash);
                }
                let now = self.time.now();
                hashes.iter().for_each(|&hash| _ = black_box(self.charge(hash, now)));
            }
        }))
    }
}

/// Slots in huge pages, as sluicegate's are.
#[cfg(target_os = "linux")]
struct Memory {
    region: sluicegate_bench::Region,
    slots: usize,
}

#[cfg(target_os = "linux")]
impl Memory {
    fn of(slots: usize) -> Self {
        let slots = slots.max(2 * REACH);
        Self { region: sluicegate_bench::Region::in_huge_pages(slots * size_of::<Slot>()), slots }
    }

    #[inline(always)]
    fn slots(&self) -> &[Slot] {
        // SAFETY: zeroed memory that is as long and aligned to more, and lasts as long as this; zeroes are a slot; what is
        // written later are atomics.
        unsafe { std::slice::from_raw_parts(self.region.first().cast(), self.slots) }
    }
}

#[cfg(not(target_os = "linux"))]
struct Memory(Box<[Slot]>);

#[cfg(not(target_os = "linux"))]
impl Memory {
    fn of(slots: usize) -> Self {
        Self((0..slots.max(2 * REACH)).map(|_| Slot::default()).collect())
    }

    #[inline(always)]
    fn slots(&self) -> &[Slot] {
        &self.0
    }
}
