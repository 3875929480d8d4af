//! What token bucket and leaky bucket share: the time at which the key is fresh again.
//!
//! A bucket that is full (or a queue that is empty) at `fresh_at` and changes at L/P is described by that one
//! instant, the *theoretical arrival time* of the generic cell rate algorithm (ITU-T I.371, annex A). It is
//! kept in the units of a [`TimeGrid`]; the word is `fresh_at` above the marks of keys never charged.

use super::time_grid::TimeGrid;
use super::{Step, WORD_BITS, WordOverflow, admit, deny};

/// Words below this are marks of keys never charged.
const FIRST_UNIT: u64 = 1 << 23;

#[derive(Debug, Clone)]
pub(super) struct Gcra {
    limit: u64,
    capacity: u64,
    grid: TimeGrid,
    /// The whole capacity in units.
    full: u64,
}

/// A step and what a leaky bucket adds to it: when the level before the request will have drained.
pub(super) struct Arrival {
    pub(super) step: Step,
    pub(super) drains_after_ns: u64,
}

impl Gcra {
    pub(super) fn new(limit: u64, period_ns: u64, capacity: u64) -> Result<Self, WordOverflow> {
        let last_unit = (1 << WORD_BITS) - 1 - FIRST_UNIT;
        let grid = TimeGrid::new(limit, period_ns, capacity, last_unit)?;
        let full = capacity * grid.per_permit();
        Ok(Self { limit, capacity, grid, full })
    }

    /// When the key of `word` is fresh again, in units; 0 for a key never charged.
    #[inline]
    fn fresh_at(word: u64) -> u64 {
        word.saturating_sub(FIRST_UNIT)
    }

    #[inline]
    pub(super) fn arrive(&self, word: u64, now: u64, cost: u64) -> Arrival {
        let (now_unit, past_unit) = self.grid.units(now);
        let fresh_at = Self::fresh_at(word);
        if fresh_at <= now_unit {
            // A time inside a unit counts from the unit's end: up to a unit late, never early.
            let next_fresh_at = now_unit + u64::from(past_unit) + cost * self.grid.per_permit();
            let (next, reset_after) =
                if cost == 0 { (word, 0) } else { (next_fresh_at + FIRST_UNIT, self.after(next_fresh_at, now)) };
            return Arrival {
                step: admit(next, self.limit, self.capacity - cost, reset_after),
                drains_after_ns: 0,
            };
        }
        let drains_after_ns = self.after(fresh_at, now);
        let next_fresh_at = fresh_at + cost * self.grid.per_permit();
        // The instant at which the level will leave room for the cost.
        let fits_at = next_fresh_at.saturating_sub(self.full);
        let step = if fits_at <= now_unit || cost == 0 {
            let remaining = self.permits_at(next_fresh_at, now_unit);
            admit(word + (next_fresh_at - fresh_at), self.limit, remaining, self.after(next_fresh_at, now))
        } else {
            let remaining = self.permits_at(fresh_at, now_unit);
            deny(word, self.limit, remaining, self.after(fits_at, now), drains_after_ns)
        };
        Arrival { step, drains_after_ns }
    }

    /// From `now` until `unit` begins, 0 if it has.
    #[inline]
    fn after(&self, unit: u64, now: u64) -> u64 {
        self.grid.begins_at(unit).saturating_sub(now)
    }

    /// Whole permits there are at `now_unit` when the key is fresh at `fresh_at`.
    #[inline]
    fn permits_at(&self, fresh_at: u64, now_unit: u64) -> u64 {
        (now_unit + self.full).saturating_sub(fresh_at) / self.grid.per_permit()
    }

    pub(super) fn refund(&self, word: u64, now: u64, cost: u64) -> u64 {
        let (now_unit, _) = self.grid.units(now);
        let fresh_at = Self::fresh_at(word);
        if fresh_at <= now_unit {
            return word;
        }
        let refunded = cost.saturating_mul(self.grid.per_permit());
        fresh_at.saturating_sub(refunded).max(now_unit) + FIRST_UNIT
    }

    pub(super) fn expires_at(&self, word: u64) -> u64 {
        self.grid.begins_at(Self::fresh_at(word))
    }

    pub(super) fn memory_ns(&self) -> u64 {
        self.grid.begins_at(self.full)
    }

    pub(super) fn consumed(&self, word: u64, now: u64) -> u64 {
        Self::fresh_at(word).saturating_sub(self.grid.units(now).0)
    }

    pub(super) fn fresh_marks(&self) -> u64 {
        FIRST_UNIT - 1
    }
}
