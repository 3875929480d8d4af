//! Fixed window: at most L permits in each window `[nP, (n+1)P)` counted from the Unix epoch.
//!
//! Word: `window number + 1` above the count. The count's bits are chosen from the limit; the window's number
//! takes the rest, and [`FixedWindow::new`] refuses what would not reach [`MAX_UNIX_NS`].

use super::{Consumption, MAX_UNIX_NS, Permits, Step, WORD_BITS, WordOverflow, admit, bits, deny};

#[derive(Debug, Clone)]
pub(crate) struct FixedWindow {
    limit: u64,
    period_ns: u64,
    count_bits: u32,
    /// The number of the window that [`MAX_UNIX_NS`] lies in: no word of ours has a later one, and none is believed.
    last_number: u64,
}

/// A word taken apart and brought up to a time.
struct Window {
    number: u64,
    count: u64,
}

impl FixedWindow {
    pub(super) fn new(limit: u64, period_ns: u64) -> Result<Self, WordOverflow> {
        let last_number = MAX_UNIX_NS / period_ns;
        let (count_bits, number_bits) = (bits(limit), bits(last_number + 1));
        if count_bits + number_bits > WORD_BITS {
            return Err(WordOverflow { largest_limit: (1 << (WORD_BITS - number_bits)) - 1 });
        }
        Ok(Self { limit, period_ns, count_bits, last_number })
    }

    /// The key's current window: that of `now`, or a later one it has already seen. Windows do not go back.
    #[inline]
    fn window(&self, word: u64, now: u64) -> Window {
        let number = now / self.period_ns;
        match (word >> self.count_bits).checked_sub(1) {
            Some(seen) if seen >= number => {
                Window { number: seen.min(self.last_number), count: word & ((1 << self.count_bits) - 1) }
            }
            _ => Window { number, count: 0 },
        }
    }

    #[inline]
    fn word(&self, window: &Window) -> u64 {
        (window.number + 1) << self.count_bits | window.count
    }

    #[inline(always)]
    pub(crate) fn step(&self, word: u64, now: u64, cost: u64) -> Step {
        let window = self.window(word, now);
        let ends_after = (window.number + 1) * self.period_ns - now;
        let remaining = self.limit.saturating_sub(window.count);
        if cost > remaining {
            return deny(word, self.limit, Permits::whole(remaining), ends_after, ends_after);
        }
        let next = if cost == 0 { word } else { self.word(&Window { count: window.count + cost, ..window }) };
        admit(next, self.limit, Permits::whole(remaining - cost), ends_after, 0)
    }

    /// A late refund is of a window that is over: what the key's has, others have consumed.
    pub(super) fn refund(&self, word: u64, now: u64, cost: u64) -> u64 {
        let window = self.window(word, now);
        if window.count == 0 || window.number > now / self.period_ns {
            return word;
        }
        self.word(&Window { count: window.count.saturating_sub(cost), ..window })
    }

    pub(super) fn expires_at(&self, word: u64) -> u64 {
        (word >> self.count_bits).min(self.last_number + 1) * self.period_ns
    }

    pub(super) fn last_expired(&self, now: u64) -> u64 {
        ((now / self.period_ns + 1) << self.count_bits) - 1
    }

    pub(super) fn memory_ns(&self) -> u64 {
        self.period_ns
    }

    pub(super) fn consumed(&self, word: u64, now: u64) -> u64 {
        self.window(word, now).count
    }

    pub(super) fn consumption(&self, word: u64, now: u64) -> Consumption {
        Consumption { units: u128::from(self.consumed(word, now)), per_permit: 1 }
    }

    pub(super) fn word_after(&self, consumption: Consumption, now: u64) -> u64 {
        self.word(&Window { number: now / self.period_ns, count: consumption.in_units_of(1, self.limit) })
    }
}
