//! "a queue drained at the constant rate `L/P`, holding at most `B` (`L` unless said) requests".

use super::{Exact, Model, Rule, whole};
use num_traits::Zero;

/// The instant at which the queue will be empty.
#[derive(Clone)]
pub struct LeakyBucket {
    rule: Rule,
    fresh_at: Option<Exact>,
}

impl LeakyBucket {
    pub fn fresh(rule: Rule) -> LeakyBucket {
        LeakyBucket { rule, fresh_at: None }
    }

    /// The time in which the queue runs empty.
    fn time_to_drain(&self, now: i128) -> Exact {
        match &self.fresh_at {
            None => Exact::zero(),
            Some(fresh_at) => (fresh_at - whole(now)).max(Exact::zero()),
        }
    }

    /// "the level at `t` is the level that will have drained by the fresh instant, `(fresh_at - t) * L/P`,
    /// also for a late `t`."
    fn level(&self, now: i128) -> Exact {
        self.time_to_drain(now) * self.rule.rate()
    }
}

impl Model for LeakyBucket {
    fn rule(&self) -> &Rule {
        &self.rule
    }

    fn left(&self, now: i128) -> Exact {
        whole(self.rule.capacity()) - self.level(now)
    }

    /// "admit iff `level + c <= B`"
    fn admits(&self, now: i128, cost: u64) -> bool {
        self.level(now) + whole(cost) <= whole(self.rule.capacity())
    }

    fn consume(&mut self, now: i128, cost: u64) {
        let level = self.level(now) + whole(cost);
        self.fresh_at = Some(whole(now) + level * self.rule.permit_time());
    }

    /// "`retry_after`, `remaining`, `reset_after` as for the token bucket": the time in which the level falls
    /// to where the request fits.
    fn wait_for(&self, now: i128, cost: u64) -> Exact {
        let too_much = self.level(now) + whole(cost) - whole(self.rule.capacity());
        too_much * self.rule.permit_time()
    }

    fn reset_after(&self, now: i128) -> Exact {
        self.time_to_drain(now)
    }

    /// "an admitted request is told `delay` = level before it × `P/L`"
    fn delay(&self, now: i128) -> Exact {
        let level = self.level(now);
        if level.is_zero() {
            return level;
        }
        level * self.rule.permit_time()
    }

    fn is_fresh(&self, now: i128) -> bool {
        self.level(now).is_zero()
    }

    fn refund(&mut self, now: i128, cost: u64) {
        let level = self.level(now);
        if !level.is_zero() {
            let left = (level - whole(cost)).max(Exact::zero());
            self.fresh_at = Some(whole(now) + left * self.rule.permit_time());
        }
    }

    fn reset(&mut self) {
        self.fresh_at = None;
    }

    fn copy(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
