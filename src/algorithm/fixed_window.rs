//! Fixed window: at most L permits in each window `[nP, (n+1)P)` counted from the Unix epoch.
//!
//! Word: `window number + 1` above the count. The count's bits are chosen from the limit; the window's number
//! takes the rest, and [`FixedWindow::new`] refuses what would not reach [`MAX_UNIX_NS`].

use super::period::Period;
use super::{Consumption, Step, WORD_BITS, WordOverflow, admit, bits, deny};
use crate::decision::Scale;

#[derive(Debug, Clone)]
pub(crate) struct FixedWindow {
    limit: u64,
    period: Period,
    count_bits: u32,
    /// As many ones.
    count_mask: u64,
    /// The largest word whose window begins by [`MAX_UNIX_NS`](super::MAX_UNIX_NS): no word of ours has a later one, and none
    /// is believed.
    last_word: u64,
}

/// A word brought up to a time, and taken apart.
struct Window {
    word: u64,
    number: u64,
    count: u64,
}

impl FixedWindow {
    pub(super) fn new(limit: u64, period_ns: u64) -> Result<Self, WordOverflow> {
        let period = Period::new(period_ns);
        let last_number = period.last_number();
        let (count_bits, number_bits) = (bits(limit), bits(last_number + 1));
        if count_bits + number_bits > WORD_BITS {
            return Err(WordOverflow { largest_limit: (1 << (WORD_BITS - number_bits)) - 1 });
        }
        let last_word = ((last_number + 2) << count_bits) - 1;
        Ok(Self { limit, period, count_bits, count_mask: (1 << count_bits) - 1, last_word })
    }

    /// The key's current window: that of `now`, or a later one it has already seen. Windows do not go back.
    #[inline(always)]
    fn window(&self, word: u64, now: u64) -> Window {
        // Of two words the one of the later window is larger, whatever their counts.
        let word = word.min(self.last_word).max(self.word(self.period.number(now), 0));
        Window { word, number: (word >> self.count_bits) - 1, count: word & self.count_mask }
    }

    #[inline(always)]
    fn word(&self, number: u64, count: u64) -> u64 {
        (number + 1) << self.count_bits | count
    }

    #[inline(always)]
    pub(crate) fn step(&self, word: u64, now: u64, cost: u64) -> Step {
        let window = self.window(word, now);
        let ends_after = (window.number + 1) * self.period.ns() - now;
        let scale = Scale::of_permits(self.limit);
        let remaining = self.limit.cast_signed() - window.count.cast_signed();
        let after_charge = remaining - cost.cast_signed();
        if cost == 0 {
            return admit(word, scale, remaining, ends_after, 0);
        }
        if after_charge < 0 {
            return deny(word, scale, remaining, ends_after, ends_after);
        }
        admit(window.word + cost, scale, after_charge, ends_after, 0)
    }

    /// A late refund is of a window that is over: what the key's has, others have consumed.
    pub(super) fn refund(&self, word: u64, now: u64, cost: u64) -> u64 {
        let window = self.window(word, now);
        if window.count == 0 || window.number > self.period.number(now) {
            return word;
        }
        self.word(window.number, window.count.saturating_sub(cost))
    }

    pub(super) fn expires_at(&self, word: u64) -> u64 {
        (word.min(self.last_word) >> self.count_bits) * self.period.ns()
    }

    pub(super) fn last_expired(&self, now: u64) -> u64 {
        ((self.period.number(now) + 1) << self.count_bits) - 1
    }

    pub(super) fn memory_ns(&self) -> u64 {
        self.period.ns()
    }

    pub(super) fn consumed(&self, word: u64, now: u64) -> u64 {
        self.window(word, now).count
    }

    pub(super) fn consumption(&self, word: u64, now: u64) -> Consumption {
        Consumption { units: u128::from(self.consumed(word, now)), per_permit: 1 }
    }

    pub(super) fn word_after(&self, consumption: Consumption, now: u64) -> u64 {
        self.word(self.period.number(now), consumption.in_units_of(1, self.limit))
    }
}
