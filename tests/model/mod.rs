//! What sluicegate must answer, written from the contract and from nothing else.
//!
//! Each algorithm is the plainest transcription of its paragraph in the specification: exact rationals and
//! unbounded integers, one key per model, no cleverness. It shares no code, no number format and no formula
//! with the crate, and does not import it: where the two disagree, one of them misreads the contract.

mod fixed_window;
mod leaky_bucket;
mod sliding_window;
mod token_bucket;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};

/// A number of permits or of nanoseconds, without any rounding.
pub type Exact = BigRational;

/// The four algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    FixedWindow,
    SlidingWindow,
    TokenBucket,
    LeakyBucket,
}

/// A policy as the specification names it: an algorithm with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub kind: Kind,
    /// `L`
    pub limit: u64,
    /// `P`, in nanoseconds
    pub period: u64,
    /// `B` where it was given; a bucket's capacity is `L` unless said.
    pub burst: Option<u64>,
}

impl Rule {
    pub fn new(kind: Kind, limit: u64, period: u64) -> Rule {
        Rule { kind, limit, period, burst: None }
    }

    pub fn burst(self, burst: u64) -> Rule {
        Rule { burst: Some(burst), ..self }
    }

    pub fn is_bucket(&self) -> bool {
        matches!(self.kind, Kind::TokenBucket | Kind::LeakyBucket)
    }

    /// The largest cost that fits a fresh key.
    pub fn capacity(&self) -> u64 {
        self.burst.unwrap_or(self.limit)
    }

    /// "A cost that can never fit (above the capacity) is denied with the reason 'cost exceeds limit'"; "A
    /// limit of 0 is valid: it denies every cost above 0, with no `retry_after`".
    pub fn can_never_fit(&self, cost: u64) -> bool {
        cost > 0 && (self.limit == 0 || cost > self.capacity())
    }

    /// The time one permit takes to come back, `P/L`, in nanoseconds.
    pub fn permit_time(&self) -> Exact {
        ratio(self.period, self.limit)
    }

    /// `L/P`, in permits per nanosecond.
    pub fn rate(&self) -> Exact {
        ratio(self.limit, self.period)
    }

    /// Whether every instant that can matter is a whole number of nanoseconds.
    pub fn has_whole_instants(&self) -> bool {
        !self.is_bucket() || self.limit == 0 || self.period.is_multiple_of(self.limit)
    }

    /// A key never seen, under this rule.
    pub fn model(&self) -> Box<dyn Model> {
        match self.kind {
            Kind::FixedWindow => Box::new(fixed_window::FixedWindow::fresh(*self)),
            Kind::SlidingWindow => Box::new(sliding_window::SlidingWindow::fresh(*self)),
            Kind::TokenBucket => Box::new(token_bucket::TokenBucket::fresh(*self)),
            Kind::LeakyBucket => Box::new(leaky_bucket::LeakyBucket::fresh(*self)),
        }
    }
}

/// Why a request was denied, or that it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    None,
    Limit,
    CostExceedsLimit,
}

/// The answer to one request; lengths of time in nanoseconds, not rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDecision {
    pub allowed: bool,
    pub why: Why,
    pub remaining: u64,
    pub retry_after: Option<Exact>,
    pub reset_after: Exact,
    pub delay: Exact,
}

/// One key under one rule. Times are signed so that "1 ns earlier" always exists.
pub trait Model {
    /// The rule it obeys.
    fn rule(&self) -> &Rule;

    /// The permits left at `now` before any request, unrounded; negative where a late `now` sees more taken
    /// than there ever was room for.
    fn left(&self, now: i128) -> Exact;

    /// Whether a cost that can fit fits at `now`: the sentence "admit iff ..." of the algorithm.
    fn admits(&self, now: i128, cost: u64) -> bool;

    /// "Admitting is the only thing that consumes."
    fn consume(&mut self, now: i128, cost: u64);

    /// The time from `now` to the first instant at which `cost` would be admitted if nobody else asked.
    fn wait_for(&self, now: i128, cost: u64) -> Exact;

    /// The time from `now` to the instant the contract calls reset.
    fn reset_after(&self, now: i128) -> Exact;

    /// "A key's state is *fresh* when it equals that of a key never seen" that asks at `now`.
    fn is_fresh(&self, now: i128) -> bool;

    /// How long an admitted request is held, from the level before it. Only the leaky bucket holds anything.
    fn delay(&self, _now: i128) -> Exact {
        Exact::zero()
    }

    /// "`refund` gives permits back, never beyond fresh."
    fn refund(&mut self, now: i128, cost: u64);

    /// "`reset` forgets the key."
    fn reset(&mut self);

    /// The same key, for questions of the kind "what if".
    fn copy(&self) -> Box<dyn Model>;

    /// "`peek` answers as `check` would and consumes nothing."
    fn peek(&self, now: i128, cost: u64) -> ModelDecision {
        let never = self.rule().can_never_fit(cost);
        // "Cost 0 is always admitted and consumes nothing."
        let allowed = cost == 0 || (!never && self.admits(now, cost));
        let mut after = self.copy();
        if allowed && cost > 0 {
            after.consume(now, cost);
        }
        ModelDecision {
            allowed,
            why: match (allowed, never) {
                (true, _) => Why::None,
                (false, true) => Why::CostExceedsLimit,
                (false, false) => Why::Limit,
            },
            remaining: floor_at_zero(&after.left(now)),
            retry_after: (!allowed && !never).then(|| self.wait_for(now, cost)),
            reset_after: after.reset_after(now),
            delay: if allowed { self.delay(now) } else { Exact::zero() },
        }
    }

    /// "A denial changes nothing. Admitting is the only thing that consumes."
    fn check(&mut self, now: i128, cost: u64) -> ModelDecision {
        let decision = self.peek(now, cost);
        if decision.allowed && cost > 0 {
            self.consume(now, cost);
        }
        decision
    }
}

/// `over/under` as an exact number.
pub fn ratio(over: u64, under: u64) -> Exact {
    Exact::new(BigInt::from(over), BigInt::from(under))
}

/// A whole number as an exact number.
pub fn whole(number: impl Into<BigInt>) -> Exact {
    Exact::from_integer(number.into())
}

/// A length of time as an answer gives it: rounded up to whole nanoseconds.
pub fn rounded_up(time: &Exact) -> u128 {
    time.ceil().to_integer().to_u128().expect("a time to wait is not negative")
}

/// "`remaining` = floor(...)", and 0 where the exact value is negative.
fn floor_at_zero(permits: &Exact) -> u64 {
    let floor = permits.floor().to_integer();
    floor.max(BigInt::zero()).to_u64().expect("permits fit in 64 bits")
}

/// The first whole nanosecond from `from` to `to` at which `holds`, found by halving. `holds` must stay true
/// once it is, as "nobody else asks" makes every condition of ours, and must be true at `to`.
fn first_instant(from: i128, to: i128, holds: impl Fn(i128) -> bool) -> i128 {
    assert!(holds(to), "what is waited for never comes");
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    high
}
