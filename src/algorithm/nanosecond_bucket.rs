//! A bucket whose permit takes a whole number of nanoseconds, decided on in a dozen instructions.
//!
//! The same arithmetic as [`Gcra`](super::gcra::Gcra)'s, for the requests that nearly all are: the cost is from 1 to
//! the capacity, the time is in range. How many checks a processor has under way to memory at once depends on how few
//! instructions each takes, so this is written to be compiled into the check itself.

use super::gcra::FIRST_UNIT;
use super::{MAX_UNIX_NS, Permits, admission, denial};
use crate::decision::Decision;

#[derive(Debug, Clone)]
pub(crate) struct NanosecondBucket {
    limit: u64,
    /// The largest cost that this decides on; 0 where another form of the rule must.
    max_cost: u64,
    /// One permit in ns.
    per_permit: u64,
    /// The whole capacity in ns.
    full: u64,
    /// All ones where an admitted request is told what to wait for, else 0.
    delay_mask: u64,
}

impl NanosecondBucket {
    /// Decides on nothing.
    pub(super) const NONE: Self = Self { limit: 0, max_cost: 0, per_permit: 0, full: 0, delay_mask: 0 };

    pub(super) const fn new(limit: u64, capacity: u64, per_permit: u64, delays: bool) -> Self {
        let delay_mask = if delays { u64::MAX } else { 0 };
        Self { limit, max_cost: capacity, per_permit, full: capacity * per_permit, delay_mask }
    }

    /// Whether [`step`](Self::step) decides on such a request. A cost of 0 never fits.
    #[inline(always)]
    pub(crate) fn serves(&self, now: u64, cost: u64) -> bool {
        cost.wrapping_sub(1) < self.max_cost && now <= MAX_UNIX_NS
    }

    /// Decides on a request that it [`serves`](Self::serves). Nothing overflows, whatever the word: words are below
    /// 2^63, and so are the times and charges that `TimeGrid` has let pass.
    #[inline(always)]
    pub(crate) fn step(&self, word: u64, now: u64, cost: u64) -> Result<Admission<'_>, Decision> {
        let now = now + FIRST_UNIT;
        let fresh_at = word.max(now);
        let next = fresh_at + cost * self.per_permit;
        let fits_until = now + self.full;
        if next <= fits_until {
            return Ok(Admission { bucket: self, now, fresh_at, next, fits_until });
        }
        let remaining = self.permits(fits_until.saturating_sub(fresh_at));
        Err(denial(self.limit, remaining, next - fits_until, fresh_at - now))
    }

    /// Whether it decides on any request.
    #[inline(always)]
    pub(super) fn is_some(&self) -> bool {
        self.max_cost > 0
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

    #[inline(always)]
    fn permits(&self, units: u64) -> Permits {
        Permits { units, per_permit: self.per_permit }
    }
}

/// A request that is within the limit, once its word is swapped in.
pub(crate) struct Admission<'bucket> {
    bucket: &'bucket NanosecondBucket,
    now: u64,
    fresh_at: u64,
    /// The key's next word.
    pub(crate) next: u64,
    fits_until: u64,
}

impl Admission<'_> {
    /// The answer to the request.
    #[inline(always)]
    pub(crate) fn decision(self) -> Decision {
        let Self { bucket, now, fresh_at, next, fits_until } = self;
        let remaining = bucket.permits(fits_until - next);
        admission(bucket.limit, remaining, next - now, (fresh_at - now) & bucket.delay_mask)
    }
}
