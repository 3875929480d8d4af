//! A bucket whose permit takes a whole number of nanoseconds, decided on in a dozen instructions.
//!
//! The same arithmetic as [`Gcra`](super::gcra::Gcra)'s, for the requests that nearly all are: the cost is from 1 to
//! the capacity, the time is in range. How many checks a processor has under way to memory at once depends on how few
//! instructions each takes, so this is written to be compiled into the check itself.

use super::gcra::FIRST_UNIT;
use super::{MAX_UNIX_NS, admission, denial};
use crate::decision::{Decision, Scale};

#[derive(Debug, Clone)]
pub(crate) struct NanosecondBucket {
    /// The limit, and one permit in ns.
    scale: Scale,
    /// The whole capacity in ns.
    full: u64,
    /// The first time that this does not decide at any more; 0 where another form of the rule must decide.
    ends: u64,
    /// The largest cost that this decides on: the capacity, at least 1.
    max_cost: u64,
    /// All ones where an admitted request is told what to wait for, else 0.
    delay_mask: u64,
}

impl NanosecondBucket {
    /// Decides on nothing.
    pub(super) const NONE: Self =
        Self { scale: Scale::of_permits(0), full: 0, ends: 0, max_cost: 0, delay_mask: 0 };

    pub(super) const fn new(scale: Scale, capacity: u64, delays: bool) -> Self {
        let delay_mask = if delays { u64::MAX } else { 0 };
        let full = capacity * scale.units_per_permit.get();
        Self { scale, full, ends: MAX_UNIX_NS + 1, max_cost: capacity, delay_mask }
    }

    /// Whether [`step`](Self::step) decides on such a request. A cost of 0 never fits; one of 1 always does, which saves
    /// whoever says 1 a comparison.
    #[inline(always)]
    pub(crate) fn serves(&self, now: u64, cost: u64) -> bool {
        now < self.ends && (cost == 1 || cost.wrapping_sub(1) < self.max_cost)
    }

    /// Decides on a request that it [`serves`](Self::serves). Nothing overflows, whatever the word: words are below
    /// 2^63, and so are the times and charges that `TimeGrid` has let pass.
    #[inline(always)]
    pub(crate) fn step(&self, word: u64, now: u64, cost: u64) -> Result<Admission<'_>, Decision> {
        let now = now + FIRST_UNIT;
        // What is taken of the capacity: more than all of it where the time is a late one.
        let taken = word.saturating_sub(now);
        let charge = cost * self.scale.units_per_permit.get();
        let may_be_taken = self.full - charge;
        if taken <= may_be_taken {
            return Ok(Admission { bucket: self, next: now + taken + charge, taken, charge, may_be_taken });
        }
        let remaining = self.full.cast_signed() - taken.cast_signed();
        Err(denial(self.scale, remaining, taken - may_be_taken, taken))
    }

    /// Whether it decides on any request.
    #[inline(always)]
    pub(super) fn is_some(&self) -> bool {
        self.ends > 0
    }

    /// From when on a word is that of a fresh key, in Unix ns.
    #[inline(always)]
    pub(super) fn expires_at(word: u64) -> u64 {
        word.saturating_sub(FIRST_UNIT)
    }

    /// See [`Rule::last_expired`](super::Rule::last_expired).
    #[inline(always)]
    pub(crate) fn last_expired(now: u64) -> u64 {
        now + FIRST_UNIT
    }
}

/// A request that is within the limit, once its word is swapped in.
pub(crate) struct Admission<'bucket> {
    bucket: &'bucket NanosecondBucket,
    /// The key's next word.
    pub(crate) next: u64,
    taken: u64,
    charge: u64,
    may_be_taken: u64,
}

impl Admission<'_> {
    /// The answer to the request.
    #[inline(always)]
    pub(crate) fn decision(self) -> Decision {
        let Self { bucket, taken, charge, may_be_taken, .. } = self;
        let remaining = (may_be_taken - taken).cast_signed();
        admission(bucket.scale, remaining, taken + charge, taken & bucket.delay_mask)
    }
}
