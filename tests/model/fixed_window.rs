//! "windows `[nP, (n+1)P)` counted from the Unix epoch".

use super::{Exact, Model, Rule, whole};

/// The window the key last counted in, and its count.
#[derive(Clone)]
pub struct FixedWindow {
    rule: Rule,
    seen: Option<(i128, u128)>,
}

impl FixedWindow {
    pub fn fresh(rule: Rule) -> FixedWindow {
        FixedWindow { rule, seen: None }
    }

    /// The window a request at `now` counts in, and the count there before it. "Windows do not go back: the
    /// request counts in the key's current window".
    fn at(&self, now: i128) -> (i128, u128) {
        let window = now.div_euclid(i128::from(self.rule.period));
        match self.seen {
            Some((seen, count)) if seen >= window => (seen, count),
            _ => (window, 0),
        }
    }
}

impl Model for FixedWindow {
    fn rule(&self) -> &Rule {
        &self.rule
    }

    fn left(&self, now: i128) -> Exact {
        whole(self.rule.limit) - whole(self.at(now).1)
    }

    /// "Admit iff `count + c <= L`."
    fn admits(&self, now: i128, cost: u64) -> bool {
        self.at(now).1 + u128::from(cost) <= u128::from(self.rule.limit)
    }

    fn consume(&mut self, now: i128, cost: u64) {
        let (window, count) = self.at(now);
        self.seen = Some((window, count + u128::from(cost)));
    }

    /// "a denial's `retry_after` the same."
    fn wait_for(&self, now: i128, _cost: u64) -> Exact {
        self.reset_after(now)
    }

    /// "`reset_after` = time to the window's end": of the window the key is in.
    fn reset_after(&self, now: i128) -> Exact {
        whole((self.at(now).0 + 1) * i128::from(self.rule.period) - now)
    }

    fn is_fresh(&self, now: i128) -> bool {
        self.at(now).1 == 0
    }

    /// In a new window there is nothing to give back, and the key is left as it is; so it is by a refund from before it.
    fn refund(&mut self, now: i128, cost: u64) {
        let (window, count) = self.at(now);
        if count > 0 && window * i128::from(self.rule.period) <= now {
            self.seen = Some((window, count.saturating_sub(u128::from(cost))));
        }
    }

    fn reset(&mut self) {
        self.seen = None;
    }

    fn copy(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
