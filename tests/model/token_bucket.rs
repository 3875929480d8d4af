//! "capacity `B` (`L` unless said), refilled continuously at `L/P`, full for a fresh key".

use super::{Exact, Model, Rule, whole};
use num_traits::Zero;

/// The tokens the bucket held at an instant. Before and after it they follow from the rate alone: a late
/// request finds what "will have drained by the fresh instant, `(fresh_at - t) * L/P`, also for a late `t`".
#[derive(Clone)]
pub struct TokenBucket {
    rule: Rule,
    seen: Option<(Exact, i128)>,
}

impl TokenBucket {
    pub fn fresh(rule: Rule) -> TokenBucket {
        TokenBucket { rule, seen: None }
    }

    fn full(&self) -> Exact {
        whole(self.rule.capacity())
    }

    fn tokens(&self, now: i128) -> Exact {
        match &self.seen {
            None => self.full(),
            Some((tokens, at)) => self.full().min(tokens + whole(now - at) * self.rule.rate()),
        }
    }

    /// The time in which the bucket, at its constant rate, gains so many tokens.
    fn time_to_gain(&self, tokens: Exact) -> Exact {
        if tokens <= Exact::zero() {
            return Exact::zero();
        }
        tokens * self.rule.permit_time()
    }
}

impl Model for TokenBucket {
    fn rule(&self) -> &Rule {
        &self.rule
    }

    /// "`remaining` = floor(tokens left)", before the floor.
    fn left(&self, now: i128) -> Exact {
        self.tokens(now)
    }

    /// "Admit iff tokens >= c."
    fn admits(&self, now: i128, cost: u64) -> bool {
        self.tokens(now) >= whole(cost)
    }

    fn consume(&mut self, now: i128, cost: u64) {
        self.seen = Some((self.tokens(now) - whole(cost), now));
    }

    /// "`retry_after` = time until `c` tokens are there."
    fn wait_for(&self, now: i128, cost: u64) -> Exact {
        self.time_to_gain(whole(cost) - self.tokens(now))
    }

    /// "`reset_after` = time until full."
    fn reset_after(&self, now: i128) -> Exact {
        self.time_to_gain(self.full() - self.tokens(now))
    }

    fn is_fresh(&self, now: i128) -> bool {
        self.tokens(now) == self.full()
    }

    fn refund(&mut self, now: i128, cost: u64) {
        let tokens = self.tokens(now);
        if tokens < self.full() {
            self.seen = Some((self.full().min(tokens + whole(cost)), now));
        }
    }

    fn reset(&mut self) {
        self.seen = None;
    }

    fn copy(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
