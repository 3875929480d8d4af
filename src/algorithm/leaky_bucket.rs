//! Leaky bucket: a queue of at most B requests, drained at the constant rate L/P. An admitted request is told
//! how long to wait for those before it.

use super::gcra::Gcra;
use super::nanosecond_bucket::NanosecondBucket;
use super::{Step, WordOverflow};
use std::ops::Deref;

/// The queue is empty at the instant the word names.
#[derive(Debug, Clone)]
pub(super) struct LeakyBucket(Gcra);

impl LeakyBucket {
    pub(super) fn new(limit: u64, period_ns: u64, burst: u64) -> Result<Self, WordOverflow> {
        Gcra::new(limit, period_ns, burst).map(Self)
    }

    pub(super) fn step(&self, word: u64, now: u64, cost: u64) -> Step {
        self.0.step::<true>(word, now, cost)
    }

    pub(super) fn in_nanoseconds(&self) -> NanosecondBucket {
        self.0.in_nanoseconds(true)
    }
}

impl Deref for LeakyBucket {
    type Target = Gcra;

    fn deref(&self) -> &Gcra {
        &self.0
    }
}
