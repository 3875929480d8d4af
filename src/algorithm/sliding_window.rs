//! Sliding window: the rolling estimate from two counters.
//!
//! With `e` the time since the current window began, a cost `c` is admitted iff
//! `prev·(P-e) + (cur+c)·P <= L·P`. As all but `e` are whole multiples of P, that is `prev - ⌊prev·e/P⌋ + cur + c <= L`.
//!
//! Word: `window number + 1`, then the previous and the current count. The counts' bits are chosen from the
//! limit; [`SlidingWindow::new`] refuses what would not reach [`MAX_UNIX_NS`].

use super::period::{Period, wide};
use super::{Consumption, Step, WORD_BITS, WordOverflow, admit, bits, deny};
use crate::decision::Scale;

#[derive(Debug, Clone)]
pub(crate) struct SlidingWindow {
    limit: u64,
    period: Period,
    count_bits: u32,
    /// As many ones.
    count_mask: u64,
    /// The largest word whose window begins by [`MAX_UNIX_NS`](super::MAX_UNIX_NS): no word of ours has a later one, and none
    /// is believed.
    last_word: u64,
}

/// A word taken apart and brought up to a time.
#[derive(Clone, Copy)]
struct Windows {
    number: u64,
    previous: u64,
    current: u64,
    /// How much of the current window is over, 0..P.
    elapsed_ns: u64,
}

impl SlidingWindow {
    pub(super) fn new(limit: u64, period_ns: u64) -> Result<Self, WordOverflow> {
        let period = Period::new(period_ns);
        let last_number = period.last_number();
        let (count_bits, number_bits) = (bits(limit), bits(last_number + 1));
        if 2 * count_bits + number_bits > WORD_BITS {
            return Err(WordOverflow { largest_limit: (1 << ((WORD_BITS - number_bits) / 2)) - 1 });
        }
        let last_word = ((last_number + 2) << (2 * count_bits)) - 1;
        Ok(Self { limit, period, count_bits, count_mask: (1 << count_bits) - 1, last_word })
    }

    /// The key's current window: that of `now`, or a later one it has already seen, then at its start.
    #[inline(always)]
    fn windows(&self, word: u64, now: u64) -> Windows {
        let number = self.period.number(now);
        let elapsed_ns = now - number * self.period.ns();
        let word = word.min(self.last_word);
        let (previous, current) = (word >> self.count_bits & self.count_mask, word & self.count_mask);
        let (seen_and_one, number_and_one) = (word >> (2 * self.count_bits), number + 1);
        if seen_and_one == number_and_one {
            Windows { number, previous, current, elapsed_ns }
        } else if seen_and_one > number_and_one {
            Windows { number: seen_and_one - 1, previous, current, elapsed_ns: 0 }
        } else {
            // 0 for a key never charged, whose count is 0 as well.
            let previous = if seen_and_one == number { current } else { 0 };
            Windows { number, previous, current: 0, elapsed_ns }
        }
    }

    #[inline(always)]
    fn word(&self, windows: &Windows) -> u64 {
        (windows.number + 1) << (2 * self.count_bits) | windows.previous << self.count_bits | windows.current
    }

    #[inline(always)]
    pub(crate) fn step(&self, word: u64, now: u64, cost: u64) -> Step {
        let windows = self.windows(word, now);
        let scale = Scale::of_permits(self.limit);
        // L less the estimate rounded up: what a request may cost.
        let counted = windows.previous - self.period.share(windows.previous, windows.elapsed_ns);
        let remaining = self.limit.cast_signed() - (windows.current + counted).cast_signed();
        let after_charge = remaining - cost.cast_signed();
        if cost == 0 {
            return admit(word, scale, remaining, self.fresh_after(&windows, now), 0);
        }
        if after_charge < 0 {
            let retry_after = self.admits_at(&windows, cost) - now;
            return deny(word, scale, remaining, retry_after, self.fresh_after(&windows, now));
        }
        admit(self.word(&windows) + cost, scale, after_charge, self.gone_after(&windows, now), 0)
    }

    /// The first instant at which `cost`, which does not fit now, will: in this window or a later one.
    ///
    /// Within a window the estimate falls with `prev·(P-e)`, and at its end it goes on as `cur·P` of the next,
    /// so it never rises and the first instant found is the earliest.
    fn admits_at(&self, windows: &Windows, cost: u64) -> u64 {
        let this_window = windows.number * self.period.ns();
        match self.limit.checked_sub(windows.current + cost) {
            Some(allowance) => this_window + self.decays_to(windows.previous, allowance),
            None => this_window + self.period.ns() + self.decays_to(windows.current, self.limit - cost),
        }
    }

    /// The first `e` for which `count·(P-e) <= allowance·P`, rounded up to a nanosecond; P where it is the end.
    fn decays_to(&self, count: u64, allowance: u64) -> u64 {
        if count <= allowance {
            return 0;
        }
        // `allowance * P / count`, by halves of 32 bits, as one has it at school. Counts are below 2^30, since the word has two of
        // them and the number of a window of at most ten years, and P is below 2^59: nothing overflows.
        let (high, low) = (self.period.ns() >> 32, self.period.ns() & u64::from(u32::MAX));
        let first = allowance * high;
        let second = ((first % count) << 32) + allowance * low;
        self.period.ns() - (((first / count) << 32) + second / count)
    }

    /// How long until both counts have left the estimate.
    #[inline(always)]
    fn fresh_after(&self, windows: &Windows, now: u64) -> u64 {
        match (windows.previous, windows.current) {
            (0, 0) => 0,
            (_, 0) => self.gone_after(windows, now) - self.period.ns(),
            _ => self.gone_after(windows, now),
        }
    }

    /// How long until the current count has left it.
    #[inline(always)]
    fn gone_after(&self, windows: &Windows, now: u64) -> u64 {
        (windows.number + 2) * self.period.ns() - now
    }

    /// A late refund is of what was consumed before the key's window began, of which only the window before it counts.
    pub(super) fn refund(&self, word: u64, now: u64, cost: u64) -> u64 {
        let windows = self.windows(word, now);
        let late_by = windows.number - self.period.number(now);
        if late_by > 1 || windows.previous == 0 && windows.current == 0 {
            return word;
        }
        let from_current = if late_by == 0 { cost.min(windows.current) } else { 0 };
        let previous = windows.previous.saturating_sub(cost - from_current);
        self.word(&Windows { previous, current: windows.current - from_current, ..windows })
    }

    pub(super) fn expires_at(&self, word: u64) -> u64 {
        match word.min(self.last_word) >> (2 * self.count_bits) {
            0 => 0,
            number_and_one => (number_and_one + 1) * self.period.ns(),
        }
    }

    pub(super) fn last_expired(&self, now: u64) -> u64 {
        (self.period.number(now).max(1) << (2 * self.count_bits)) - 1
    }

    pub(super) fn memory_ns(&self) -> u64 {
        2 * self.period.ns()
    }

    /// The estimate rounded up, so that whoever has consumed anything counts as more than a fresh key.
    pub(super) fn consumed(&self, word: u64, now: u64) -> u64 {
        // At most twice the largest count: the quotient fits.
        self.used(word, now).div_ceil(u128::from(self.period.ns())) as u64
    }

    /// The estimate, in permits times P.
    fn used(&self, word: u64, now: u64) -> u128 {
        let windows = self.windows(word, now);
        wide(windows.previous, self.period.ns() - windows.elapsed_ns) + wide(windows.current, self.period.ns())
    }

    pub(super) fn consumption(&self, word: u64, now: u64) -> Consumption {
        Consumption { units: self.used(word, now), per_permit: self.period.ns() }
    }

    pub(super) fn word_after(&self, consumption: Consumption, now: u64) -> u64 {
        let current = consumption.in_units_of(1, self.limit);
        self.word(&Windows { number: self.period.number(now), previous: 0, current, elapsed_ns: 0 })
    }
}
