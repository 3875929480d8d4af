//! Sliding window: the rolling estimate from two counters.
//!
//! With `e` the time since the current window began, a cost `c` is admitted iff
//! `prev·(P-e) + (cur+c)·P <= L·P`, in whole numbers.
//!
//! Word: `window number + 1`, then the previous and the current count. The counts' bits are chosen from the
//! limit; [`SlidingWindow::new`] refuses what would not reach [`MAX_UNIX_NS`].

use super::{Consumption, MAX_UNIX_NS, Permits, Step, WORD_BITS, WordOverflow, admit, bits, deny};

#[derive(Debug, Clone)]
pub(crate) struct SlidingWindow {
    limit: u64,
    period_ns: u64,
    count_bits: u32,
    /// The number of the window that [`MAX_UNIX_NS`] lies in: no word of ours has a later one, and none is believed.
    last_number: u64,
}

/// A word taken apart and brought up to a time.
#[derive(Clone, Copy)]
struct Windows {
    number: u64,
    previous: u64,
    current: u64,
    /// What is left of the current window, 1..=P: `P - e`.
    left_ns: u64,
}

impl SlidingWindow {
    pub(super) fn new(limit: u64, period_ns: u64) -> Result<Self, WordOverflow> {
        let last_number = MAX_UNIX_NS / period_ns;
        let (count_bits, number_bits) = (bits(limit), bits(last_number + 1));
        if 2 * count_bits + number_bits > WORD_BITS {
            return Err(WordOverflow { largest_limit: (1 << ((WORD_BITS - number_bits) / 2)) - 1 });
        }
        Ok(Self { limit, period_ns, count_bits, last_number })
    }

    /// The key's current window: that of `now`, or a later one it has already seen, then at its start.
    #[inline]
    fn windows(&self, word: u64, now: u64) -> Windows {
        let number = now / self.period_ns;
        let left_ns = self.period_ns - now % self.period_ns;
        let counts = (1 << self.count_bits) - 1;
        let (previous, current) = (word >> self.count_bits & counts, word & counts);
        match (word >> (2 * self.count_bits)).min(self.last_number + 1).checked_sub(1) {
            Some(seen) if seen > number => Windows { number: seen, previous, current, left_ns: self.period_ns },
            Some(seen) if seen == number => Windows { number, previous, current, left_ns },
            Some(seen) if seen + 1 == number => Windows { number, previous: current, current: 0, left_ns },
            _ => Windows { number, previous: 0, current: 0, left_ns },
        }
    }

    #[inline]
    fn word(&self, windows: &Windows) -> u64 {
        (windows.number + 1) << (2 * self.count_bits) | windows.previous << self.count_bits | windows.current
    }

    /// `L·P - prev·(P-e) - cur·P`: what is free, in permits times P, or `None` when the estimate is over L.
    #[inline]
    fn room(&self, windows: &Windows) -> Option<u128> {
        let used = wide(windows.previous, windows.left_ns) + wide(windows.current, self.period_ns);
        wide(self.limit, self.period_ns).checked_sub(used)
    }

    #[inline(always)]
    pub(crate) fn step(&self, word: u64, now: u64, cost: u64) -> Step {
        let windows = self.windows(word, now);
        let room = self.room(&windows);
        let after = room.and_then(|room| room.checked_sub(wide(cost, self.period_ns)));
        let Some(after) = after.or_else(|| (cost == 0).then_some(0)) else {
            let remaining = self.permits(room.unwrap_or(0));
            let retry_after = self.admits_at(&windows, cost) - now;
            return deny(word, self.limit, remaining, retry_after, self.fresh_after(&windows, now));
        };
        let charged = Windows { current: windows.current + cost, ..windows };
        let next = if cost == 0 { word } else { self.word(&charged) };
        admit(next, self.limit, self.permits(after), self.fresh_after(&charged, now), 0)
    }

    /// Whole permits in `room`. It is at most `L·P`, so the quotient is at most L.
    #[inline]
    fn permits(&self, room: u128) -> Permits {
        Permits::whole((room / u128::from(self.period_ns)) as u64)
    }

    /// The first instant at which `cost`, which does not fit now, will: in this window or a later one.
    ///
    /// Within a window the estimate falls with `prev·(P-e)`, and at its end it goes on as `cur·P` of the next,
    /// so it never rises and the first instant found is the earliest.
    fn admits_at(&self, windows: &Windows, cost: u64) -> u64 {
        let this_window = windows.number * self.period_ns;
        match self.limit.checked_sub(windows.current + cost) {
            Some(allowance) => this_window + self.decays_to(windows.previous, allowance),
            None => this_window + self.period_ns + self.decays_to(windows.current, self.limit - cost),
        }
    }

    /// The first `e` for which `count·(P-e) <= allowance·P`, rounded up to a nanosecond; P where it is the end.
    fn decays_to(&self, count: u64, allowance: u64) -> u64 {
        if count <= allowance {
            return 0;
        }
        self.period_ns - (wide(allowance, self.period_ns) / u128::from(count)) as u64
    }

    /// How long until both counts have left the estimate.
    #[inline]
    fn fresh_after(&self, windows: &Windows, now: u64) -> u64 {
        let windows_left = match (windows.previous, windows.current) {
            (0, 0) => return 0,
            (_, 0) => 1,
            _ => 2,
        };
        (windows.number + windows_left) * self.period_ns - now
    }

    /// A late refund is of what was consumed before the key's window began, of which only the window before it counts.
    pub(super) fn refund(&self, word: u64, now: u64, cost: u64) -> u64 {
        let windows = self.windows(word, now);
        let late_by = windows.number - now / self.period_ns;
        if late_by > 1 || windows.previous == 0 && windows.current == 0 {
            return word;
        }
        let from_current = if late_by == 0 { cost.min(windows.current) } else { 0 };
        let previous = windows.previous.saturating_sub(cost - from_current);
        self.word(&Windows { previous, current: windows.current - from_current, ..windows })
    }

    pub(super) fn expires_at(&self, word: u64) -> u64 {
        match word >> (2 * self.count_bits) {
            0 => 0,
            number_and_one => (number_and_one.min(self.last_number + 1) + 1) * self.period_ns,
        }
    }

    pub(super) fn last_expired(&self, now: u64) -> u64 {
        ((now / self.period_ns).max(1) << (2 * self.count_bits)) - 1
    }

    pub(super) fn memory_ns(&self) -> u64 {
        2 * self.period_ns
    }

    /// The estimate rounded up, so that whoever has consumed anything counts as more than a fresh key.
    pub(super) fn consumed(&self, word: u64, now: u64) -> u64 {
        // At most twice the largest count: the quotient fits.
        self.used(word, now).div_ceil(u128::from(self.period_ns)) as u64
    }

    /// The estimate, in permits times P.
    fn used(&self, word: u64, now: u64) -> u128 {
        let windows = self.windows(word, now);
        wide(windows.previous, windows.left_ns) + wide(windows.current, self.period_ns)
    }

    pub(super) fn consumption(&self, word: u64, now: u64) -> Consumption {
        Consumption { units: self.used(word, now), per_permit: self.period_ns }
    }

    pub(super) fn word_after(&self, consumption: Consumption, now: u64) -> u64 {
        let current = consumption.in_units_of(1, self.limit);
        let left_ns = self.period_ns - now % self.period_ns;
        self.word(&Windows { number: now / self.period_ns, previous: 0, current, left_ns })
    }
}

/// A product of a count and a time, which may need more than 64 bits.
#[inline]
fn wide(count: u64, ns: u64) -> u128 {
    u128::from(count) * u128::from(ns)
}
