//! Nanoseconds as units of which one permit takes a whole number.
//!
//! A permit refills in P/L ns, which need not be whole (3 per second: 333,333,333⅓). A bucket therefore counts
//! in units, `per_step` of them in every `step_ns` nanoseconds, chosen so that a permit is exactly
//! `per_permit` units: sums of permits never drift. A unit is at most 1 ns long.
//!
//! Times that are a multiple of `step_ns` are whole numbers of units, and decisions at such times are exact.
//! `step_ns` is 1 whenever P/L is whole. Otherwise it is as small as the word's bits allow (the part of L that does
//! not divide P, over about two), and a divisor of the microsecond, the millisecond or the second if there is such a
//! one: 20 ns for 33/s, half a millisecond for 1,000,003/s. Other times are rounded so that a decision comes up to
//! one unit late and never early.

use super::{MAX_UNIX_NS, WordOverflow};

#[derive(Debug, Clone)]
pub(super) struct TimeGrid {
    per_permit: u64,
    per_step: u64,
    step_ns: u64,
}

/// The units that clocks and logs count in, in ns.
const ROUND_TIMES_NS: [u64; 3] = [1_000, 1_000_000, 1_000_000_000];

impl TimeGrid {
    /// The finest grid on which `permits` permits after [`MAX_UNIX_NS`] are still at most `last_unit`.
    pub(super) fn new(limit: u64, period_ns: u64, permits: u64, last_unit: u64) -> Result<Self, WordOverflow> {
        let shared = gcd(limit, period_ns);
        let (limit, period) = (limit / shared, period_ns / shared);
        // No word holds 3 units per ns until MAX_UNIX_NS, so a finer step than limit/3 is not worth trying.
        let finest = limit.div_ceil(3);
        ROUND_TIMES_NS
            .into_iter()
            .flat_map(|round| divisors(gcd(period, round)))
            .filter(|&step| step >= finest)
            .chain([period])
            .map(|step_ns| {
                let multiple = step_ns.div_ceil(limit);
                Self { per_permit: multiple * (period / step_ns), per_step: multiple * limit, step_ns }
            })
            .find(|grid| grid.reaches(permits, last_unit))
            .ok_or(WordOverflow { largest_limit: 0 })
    }

    fn reaches(&self, permits: u64, last_unit: u64) -> bool {
        let units = u128::from(MAX_UNIX_NS) * u128::from(self.per_step) / u128::from(self.step_ns) + 1;
        units + u128::from(permits) * u128::from(self.per_permit) <= u128::from(last_unit)
    }

    /// Units that one permit takes to refill.
    pub(super) fn per_permit(&self) -> u64 {
        self.per_permit
    }

    /// The length of a step in ns.
    pub(super) fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// Whether a unit is a nanosecond, as it is whenever a permit takes a whole number of them.
    pub(super) fn is_nanoseconds(&self) -> bool {
        self.step_ns == self.per_step
    }

    /// The unit in which `ns` lies, and whether `ns` is past its beginning.
    pub(super) fn unit_of(&self, ns: u64) -> (u64, bool) {
        // `reaches` has shown that MAX_UNIX_NS in units fits, and `ns` is no later.
        let (steps, rest) = (ns / self.step_ns, ns % self.step_ns);
        let part = u128::from(rest) * u128::from(self.per_step);
        let step = u128::from(self.step_ns);
        (steps * self.per_step + (part / step) as u64, part % step != 0)
    }

    /// The first nanosecond at which `unit` has begun.
    pub(super) fn begins_at(&self, unit: u64) -> u64 {
        let (steps, rest) = (unit / self.per_step, unit % self.per_step);
        let part = u128::from(rest) * u128::from(self.step_ns);
        steps * self.step_ns + part.div_ceil(u128::from(self.per_step)) as u64
    }
}

/// All divisors, ascending. For the small numbers of [`ROUND_TIMES_NS`].
fn divisors(number: u64) -> impl Iterator<Item = u64> {
    let is_divisor = move |candidate: &u64| number.is_multiple_of(*candidate);
    let small = (1..=number.isqrt()).filter(is_divisor);
    let large = (1..=number.isqrt()).rev().filter(is_divisor).map(move |small| number / small);
    small.chain(large.skip(usize::from(number.isqrt().pow(2) == number)))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const LAST: u64 = (1 << 63) - 1;

    #[test]
    fn a_unit_is_never_longer_than_a_nanosecond_and_a_permit_is_whole() {
        for (limit, period) in
            [(3, SECOND), (33, SECOND), (1_000_003, SECOND), (7, 60 * SECOND), (999_999_937, SECOND)]
        {
            let grid = TimeGrid::new(limit, period, limit, LAST).unwrap();
            assert!(grid.per_step >= grid.step_ns, "{limit}/{period}: {grid:?}");
            let units_per_period = u128::from(period) * u128::from(grid.per_step);
            assert_eq!(
                units_per_period,
                u128::from(grid.per_permit) * u128::from(limit) * u128::from(grid.step_ns)
            );
        }
    }

    #[test]
    fn whole_permit_times_are_counted_in_nanoseconds_as_they_are() {
        let grid = TimeGrid::new(100, SECOND, 100, LAST).unwrap();
        assert_eq!((grid.per_permit, grid.per_step, grid.step_ns), (10_000_000, 1, 1));
    }

    #[test]
    fn odd_rates_keep_a_fine_step() {
        let step = |limit, period| TimeGrid::new(limit, period, limit, LAST).unwrap().step_ns;
        assert_eq!(step(3, SECOND), 2);
        assert_eq!(step(33, SECOND), 20);
        assert!(1_000_000u64.is_multiple_of(step(1_000_003, SECOND)), "whole milliseconds are exact");
        assert!(SECOND.is_multiple_of(step(7, 60 * SECOND)), "whole seconds are exact");
    }

    #[test]
    fn divisors_come_in_order_and_once() {
        assert_eq!(divisors(1).collect::<Vec<_>>(), [1]);
        assert_eq!(divisors(12).collect::<Vec<_>>(), [1, 2, 3, 4, 6, 12]);
        assert_eq!(divisors(36).collect::<Vec<_>>(), [1, 2, 3, 4, 6, 9, 12, 18, 36]);
    }

    #[test]
    fn a_unit_begins_at_the_first_nanosecond_that_lies_in_it_or_after() {
        let grid = TimeGrid::new(7, SECOND, 7, LAST).unwrap();
        for ns in (0..10_000).chain(MAX_UNIX_NS - 10_000..=MAX_UNIX_NS) {
            let (unit, past) = grid.unit_of(ns);
            assert!(grid.begins_at(unit) <= ns && grid.begins_at(unit + 1) > ns);
            assert_eq!(past, grid.begins_at(unit) != ns || grid.unit_of(ns).1);
        }
    }
}
