//! "the rolling estimate from two counters".

use super::{Exact, Model, Rule, first_instant, whole};
use num_bigint::BigInt;

/// The window the key last counted in, and the counts of the window before it and of itself.
#[derive(Clone)]
pub struct SlidingWindow {
    rule: Rule,
    seen: Option<Counts>,
}

#[derive(Clone, Copy)]
struct Counts {
    window: i128,
    previous: u128,
    current: u128,
}

impl SlidingWindow {
    pub fn fresh(rule: Rule) -> SlidingWindow {
        SlidingWindow { rule, seen: None }
    }

    /// The counts as a request at `now` finds them. "Windows do not go back: the request counts in the key's
    /// current window".
    fn at(&self, now: i128) -> Counts {
        let window = now.div_euclid(i128::from(self.rule.period));
        match self.seen {
            Some(seen) if seen.window >= window => seen,
            Some(seen) if seen.window + 1 == window => Counts { window, previous: seen.current, current: 0 },
            _ => Counts { window, previous: 0, current: 0 },
        }
    }

    /// `prev*(P-e) + cur*P`: the estimate, times `P`. `e` is the "time since the current window began", at
    /// the request's "own time or that window's start, whichever is later".
    fn estimate_times_period(&self, now: i128) -> BigInt {
        let counts = self.at(now);
        let period = i128::from(self.rule.period);
        let elapsed = (now - counts.window * period).max(0);
        BigInt::from(counts.previous) * BigInt::from(period - elapsed)
            + BigInt::from(counts.current) * BigInt::from(period)
    }

    /// An instant by which whatever the key has counted has rolled out of both windows.
    fn surely_fresh(&self, now: i128) -> i128 {
        (self.at(now).window + 2) * i128::from(self.rule.period)
    }
}

impl Model for SlidingWindow {
    fn rule(&self) -> &Rule {
        &self.rule
    }

    /// "`remaining` = floor(L - estimate)", before the floor.
    fn left(&self, now: i128) -> Exact {
        whole(self.rule.limit) - Exact::new(self.estimate_times_period(now), self.rule.period.into())
    }

    /// "admit iff `prev*(P-e) + (cur+c)*P <= L*P`, in whole numbers."
    fn admits(&self, now: i128, cost: u64) -> bool {
        let period = BigInt::from(self.rule.period);
        self.estimate_times_period(now) + BigInt::from(cost) * &period <= BigInt::from(self.rule.limit) * period
    }

    fn consume(&mut self, now: i128, cost: u64) {
        let mut counts = self.at(now);
        counts.current += u128::from(cost);
        self.seen = Some(counts);
    }

    /// "`retry_after` is the exact first instant at which this request would be admitted if nobody else
    /// asked, whether it falls into this window or the next": looked for, not computed.
    fn wait_for(&self, now: i128, cost: u64) -> Exact {
        let first = first_instant(now, self.surely_fresh(now), |then| self.admits(then, cost));
        whole(first - now)
    }

    /// "`reset_after` = when the key is fresh again."
    fn reset_after(&self, now: i128) -> Exact {
        let first = first_instant(now, self.surely_fresh(now), |then| self.is_fresh(then));
        whole(first - now)
    }

    fn is_fresh(&self, now: i128) -> bool {
        let counts = self.at(now);
        counts.previous == 0 && counts.current == 0
    }

    /// Permits given back are taken from the current count first, then from the previous one. What was consumed before the
    /// current window began is not in its count, and before the previous one in neither.
    fn refund(&mut self, now: i128, cost: u64) {
        let mut counts = self.at(now);
        let late_by = counts.window - now.div_euclid(i128::from(self.rule.period));
        if self.is_fresh(now) || late_by > 1 {
            return;
        }
        let from_current = if late_by > 0 { 0 } else { counts.current.min(u128::from(cost)) };
        let from_previous = counts.previous.min(u128::from(cost) - from_current);
        counts.current -= from_current;
        counts.previous -= from_previous;
        self.seen = Some(counts);
    }

    fn reset(&mut self) {
        self.seen = None;
    }

    fn copy(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
