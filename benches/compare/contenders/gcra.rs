//! GCRA in a word: the generic cell rate algorithm, as governor has it, for the maps and the floor.

use std::sync::atomic::{AtomicU64, Ordering};

/// A token bucket of one permit a second.
#[derive(Debug, Clone, Copy)]
pub struct Gcra {
    /// How far the time at which the bucket is full again may be ahead.
    ahead: u64,
}

const INTERVAL: u64 = 1_000_000_000;

impl Gcra {
    pub fn new(burst: u64) -> Self {
        Self { ahead: burst * INTERVAL }
    }

    /// The word after a request that is admitted.
    #[inline(always)]
    pub fn step(self, word: u64, now: u64) -> Option<u64> {
        let next = word.max(now) + INTERVAL;
        (next - now <= self.ahead).then_some(next)
    }

    /// The same on a word that others charge too.
    #[inline(always)]
    pub fn charge(self, word: &AtomicU64, now: u64) -> bool {
        // Acquire and AcqRel, as sluicegate has them: a decision is seen with all that came before it.
        let mut seen = word.load(Ordering::Acquire);
        while let Some(next) = self.step(seen, now) {
            match word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(other) => seen = other,
            }
        }
        false
    }
}
