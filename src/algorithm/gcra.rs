//! What token bucket and leaky bucket share: the time at which the key is fresh again.
//!
//! A bucket that is full (or a queue that is empty) at `fresh_at` and changes at L/P is described by that one
//! instant, the *theoretical arrival time* of the generic cell rate algorithm (ITU-T I.371, annex A). It is
//! kept in the units of a [`TimeGrid`]; the word is `fresh_at` above [`FIRST_UNIT`].

use super::nanosecond_bucket::NanosecondBucket;
use super::time_grid::TimeGrid;
use super::{Consumption, Step, WORD_BITS, WordOverflow, admit, deny};
use crate::decision::Scale;
use std::num::NonZeroU64;

/// The word of a bucket that is fresh from the Unix epoch on. Any number above 0 would do.
pub(super) const FIRST_UNIT: u64 = 1 << 23;

#[derive(Debug, Clone)]
pub(super) struct Gcra {
    /// The limit, and one permit in units.
    scale: Scale,
    capacity: u64,
    grid: TimeGrid,
    /// The whole capacity in units.
    full: u64,
}

impl Gcra {
    pub(super) fn new(limit: u64, period_ns: u64, capacity: u64) -> Result<Self, WordOverflow> {
        let last_unit = (1 << WORD_BITS) - 1 - FIRST_UNIT;
        let grid = TimeGrid::new(limit, period_ns, capacity, last_unit)?;
        // A permit takes a unit or more.
        let units_per_permit = NonZeroU64::new(grid.per_permit()).unwrap_or(NonZeroU64::MIN);
        let scale = Scale { limit, units_per_permit };
        Ok(Self { scale, capacity, grid, full: capacity * scale.units_per_permit.get() })
    }

    /// When the key of `word` is fresh again, in units; 0 for a key never charged.
    fn fresh_at(word: u64) -> u64 {
        word.saturating_sub(FIRST_UNIT)
    }

    /// The quick form of this bucket, if units are nanoseconds. `delays` as in [`step`](Self::step).
    pub(super) fn in_nanoseconds(&self, delays: bool) -> NanosecondBucket {
        if self.grid.is_nanoseconds() {
            NanosecondBucket::new(self.scale, self.capacity, delays)
        } else {
            NanosecondBucket::NONE
        }
    }

    /// A step on any grid. `DELAYS` says whether an admitted request is told what to wait for.
    pub(super) fn step<const DELAYS: bool>(&self, word: u64, now: u64, cost: u64) -> Step {
        let after = |unit: u64| self.grid.begins_at(unit).saturating_sub(now);
        let (now_unit, past_unit) = self.grid.unit_of(now);
        let fresh_at = Self::fresh_at(word);
        let charge = cost * self.scale.units_per_permit.get();
        if fresh_at <= now_unit {
            if cost == 0 {
                return admit(word, self.scale, self.full.cast_signed(), 0, 0);
            }
            // A time inside a unit counts from the unit's end: up to a unit late, never early.
            let rounded = u64::from(past_unit);
            let next_fresh_at = now_unit + rounded + charge;
            let remaining = (self.full - charge).cast_signed() - rounded.cast_signed();
            return admit(next_fresh_at + FIRST_UNIT, self.scale, remaining, after(next_fresh_at), 0);
        }
        // What is left of the capacity, in units: below 0 when a late time sees more than all of it taken.
        let room = (now_unit + self.full).cast_signed() - fresh_at.cast_signed();
        let after_charge = room - charge.cast_signed();
        if after_charge >= 0 || cost == 0 {
            let delay = if DELAYS { after(fresh_at) } else { 0 };
            return admit(word + charge, self.scale, after_charge, after(fresh_at + charge), delay);
        }
        // The instant at which the level will leave room for the cost.
        let fits_at = fresh_at + charge - self.full;
        deny(word, self.scale, room, after(fits_at), after(fresh_at))
    }

    /// Times that are a whole number of these are a whole number of units, at which every decision is exact.
    pub(super) fn step_ns(&self) -> u64 {
        self.grid.step_ns()
    }

    pub(super) fn refund(&self, word: u64, now: u64, cost: u64) -> u64 {
        let (now_unit, _) = self.grid.unit_of(now);
        let fresh_at = Self::fresh_at(word);
        if fresh_at <= now_unit {
            return word;
        }
        let refunded = cost.saturating_mul(self.scale.units_per_permit.get());
        fresh_at.saturating_sub(refunded).max(now_unit) + FIRST_UNIT
    }

    pub(super) fn expires_at(&self, word: u64) -> u64 {
        self.grid.begins_at(Self::fresh_at(word))
    }

    pub(super) fn last_expired(&self, now: u64) -> u64 {
        self.grid.unit_of(now).0 + FIRST_UNIT
    }

    pub(super) fn memory_ns(&self) -> u64 {
        self.grid.begins_at(self.full)
    }

    pub(super) fn consumed(&self, word: u64, now: u64) -> u64 {
        Self::fresh_at(word).saturating_sub(self.grid.unit_of(now).0)
    }

    pub(super) fn consumption(&self, word: u64, now: u64) -> Consumption {
        Consumption { units: u128::from(self.consumed(word, now)), per_permit: self.scale.units_per_permit.get() }
    }

    pub(super) fn word_after(&self, consumption: Consumption, now: u64) -> u64 {
        let (now_unit, past_unit) = self.grid.unit_of(now);
        now_unit
            + u64::from(past_unit)
            + consumption.in_units_of(self.scale.units_per_permit.get(), self.full)
            + FIRST_UNIT
    }
}
