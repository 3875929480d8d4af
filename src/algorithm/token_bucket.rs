//! Token bucket: B tokens at most, refilled continuously at L/P; a request takes as many as it costs.

use super::gcra::Gcra;
use super::nanosecond_bucket::NanosecondBucket;
use super::{Step, WordOverflow};
use std::ops::Deref;

/// The bucket is full at the instant the word names.
#[derive(Debug, Clone)]
pub(super) struct TokenBucket(Gcra);

impl TokenBucket {
    pub(super) fn new(limit: u64, period_ns: u64, burst: u64) -> Result<Self, WordOverflow> {
        Gcra::new(limit, period_ns, burst).map(Self)
    }

    pub(super) fn step(&self, word: u64, now: u64, cost: u64) -> Step {
        self.0.step::<false>(word, now, cost)
    }

    pub(super) fn in_nanoseconds(&self) -> NanosecondBucket {
        self.0.in_nanoseconds(false)
    }
}

impl Deref for TokenBucket {
    type Target = Gcra;

    fn deref(&self) -> &Gcra {
        &self.0
    }
}
