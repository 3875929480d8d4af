//! The four algorithms as arithmetic on one machine word.
//!
//! A key's whole state is one `u64`, its *word*. Each algorithm is a pure function from the word, the time
//! and a cost to the next word and the decision: no atomics, no clock, no key. So one compare-and-swap is the
//! linearization point of a check, and a denial is a load.
//!
//! What all words have in common:
//! * the top bit is never set by an algorithm: it belongs to the table;
//! * 0 means "never charged", and no charge or refund leaves it;
//! * of two words of one rule the larger one expires later, or at the same time;
//! * a word says all of itself in absolute Unix time, so it needs no sweeper and outlives the process.

mod fixed_window;
mod gcra;
mod leaky_bucket;
mod nanosecond_bucket;
mod period;
mod sliding_window;
mod time_grid;
mod token_bucket;

use crate::decision::{Decision, NEVER, Outcome, Reason, Scale};
use crate::error::Error;
use crate::policy::{Algorithm, Policy};
pub(crate) use fixed_window::FixedWindow;
use leaky_bucket::LeakyBucket;
pub(crate) use nanosecond_bucket::NanosecondBucket;
pub(crate) use sliding_window::SlidingWindow;
use token_bucket::TokenBucket;

/// The last time that can be decided on, in nanoseconds since the Unix epoch: 3·2^60, in August 2079.
///
/// A check of a cost above 0 at a later time is denied with [`Reason::TimeOutOfRange`].
pub const MAX_UNIX_NS: u64 = 3 << 60;

/// The word of a key that was never seen.
pub(crate) const FRESH: u64 = 0;

/// Bits that a word may use; the top one belongs to the table.
const WORD_BITS: u32 = 63;

/// The numbers of a policy, each in range, do not fit into one word together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WordOverflow {
    /// The largest limit that would fit with the same period.
    pub(crate) largest_limit: u64,
}

/// What a check does to a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The word afterwards: the same one when nothing was consumed.
    pub(crate) next: u64,
    pub(crate) decision: Decision,
}

/// A policy made ready for deciding.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    limit: u64,
    /// The largest cost that can ever fit; 0 for a limit of 0.
    capacity: u64,
    /// The quick form of the arithmetic, where it has one.
    quick: NanosecondBucket,
    /// Times that are a whole number of these are decided on exactly.
    tick_ns: u64,
    /// The longest time for which one charge can keep a word from being fresh, in ns.
    memory_ns: u64,
    arithmetic: Arithmetic,
}

#[derive(Debug, Clone)]
enum Arithmetic {
    FixedWindow(FixedWindow),
    SlidingWindow(SlidingWindow),
    TokenBucket(TokenBucket),
    LeakyBucket(LeakyBucket),
    /// A bucket with a limit of 0: there is nothing to keep.
    Nothing,
}

/// Calls the same method on whichever algorithm it is, with an answer for a limit of 0.
macro_rules! each_algorithm {
    ($rule:expr, $algorithm:ident => $call:expr, nothing => $nothing:expr) => {
        match &$rule.arithmetic {
            Arithmetic::FixedWindow($algorithm) => $call,
            Arithmetic::SlidingWindow($algorithm) => $call,
            Arithmetic::TokenBucket($algorithm) => $call,
            Arithmetic::LeakyBucket($algorithm) => $call,
            Arithmetic::Nothing => $nothing,
        }
    };
}

impl Rule {
    /// The rule of a policy, every one of which has passed [`new`](Self::new) when it was made.
    pub(crate) fn of(policy: &Policy) -> Result<Self, Error> {
        Self::new(policy).map_err(|_| Error::PolicyRange { problem: policy.to_string() })
    }

    /// Refuses a policy whose numbers do not fit into one word.
    pub(crate) fn new(policy: &Policy) -> Result<Self, WordOverflow> {
        let (limit, period_ns, burst) = (policy.limit(), policy.period_ns(), policy.burst());
        let arithmetic = match policy.algorithm() {
            Algorithm::FixedWindow => Arithmetic::FixedWindow(FixedWindow::new(limit, period_ns)?),
            Algorithm::SlidingWindow => Arithmetic::SlidingWindow(SlidingWindow::new(limit, period_ns)?),
            Algorithm::TokenBucket | Algorithm::LeakyBucket if limit == 0 => Arithmetic::Nothing,
            Algorithm::TokenBucket => Arithmetic::TokenBucket(TokenBucket::new(limit, period_ns, burst)?),
            Algorithm::LeakyBucket => Arithmetic::LeakyBucket(LeakyBucket::new(limit, period_ns, burst)?),
        };
        let capacity = if limit == 0 { 0 } else { burst };
        let quick = match &arithmetic {
            Arithmetic::TokenBucket(bucket) => bucket.in_nanoseconds(),
            Arithmetic::LeakyBucket(bucket) => bucket.in_nanoseconds(),
            Arithmetic::FixedWindow(_) | Arithmetic::SlidingWindow(_) | Arithmetic::Nothing => {
                NanosecondBucket::NONE
            }
        };
        let tick_ns = match &arithmetic {
            Arithmetic::TokenBucket(bucket) => bucket.step_ns(),
            Arithmetic::LeakyBucket(bucket) => bucket.step_ns(),
            Arithmetic::FixedWindow(_) | Arithmetic::SlidingWindow(_) | Arithmetic::Nothing => 1,
        };
        let mut rule = Self { limit, capacity, quick, tick_ns, memory_ns: 0, arithmetic };
        rule.memory_ns = each_algorithm!(rule, algorithm => algorithm.memory_ns(), nothing => 0);
        Ok(rule)
    }

    /// The quick form of this rule, for the requests that it serves.
    #[inline(always)]
    pub(crate) fn quick(&self) -> &NanosecondBucket {
        &self.quick
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The fixed window that decides on such a request just as [`step`](Self::step) does, if one does. Who is admitted by it
    /// is charged: a cost of 0 is not its own.
    #[inline(always)]
    pub(crate) fn fixed_window(&self, now: u64, cost: u64) -> Option<&FixedWindow> {
        match &self.arithmetic {
            Arithmetic::FixedWindow(window) if self.is_ordinary(now, cost) => Some(window),
            _ => None,
        }
    }

    /// The same of a sliding window.
    #[inline(always)]
    pub(crate) fn sliding_window(&self, now: u64, cost: u64) -> Option<&SlidingWindow> {
        match &self.arithmetic {
            Arithmetic::SlidingWindow(window) if self.is_ordinary(now, cost) => Some(window),
            _ => None,
        }
    }

    /// Whether the time is in range, and the cost can fit and is one.
    #[inline(always)]
    fn is_ordinary(&self, now: u64, cost: u64) -> bool {
        now <= MAX_UNIX_NS && cost.wrapping_sub(1) < self.capacity
    }

    /// Decides on `cost` permits at `now` for a key whose word is `word`.
    pub(crate) fn step(&self, word: u64, now: u64, cost: u64) -> Step {
        if self.quick.serves(now, cost) {
            return match self.quick.step(word, now, cost) {
                Ok(admission) => Step { next: admission.next, decision: admission.decision() },
                Err(decision) => Step { next: word, decision },
            };
        }
        if now > MAX_UNIX_NS && cost > 0 {
            return Step { next: word, decision: Decision::refused(Reason::TimeOutOfRange, self.limit) };
        }
        if cost > self.capacity {
            return self.never_fits(word, now);
        }
        let now = now.min(MAX_UNIX_NS);
        each_algorithm!(self, algorithm => algorithm.step(word, now, cost),
            nothing => Step { next: word, decision: Decision { outcome: Outcome::Allowed, ..Decision::default() } })
    }

    /// The denial of a cost above the capacity, with what a cost of 0 would say of the key.
    #[cold]
    fn never_fits(&self, word: u64, now: u64) -> Step {
        let asked = self.step(word, now, 0).decision;
        let decision =
            Decision { outcome: Outcome::Denied, reason: Reason::CostExceedsLimit, wait_ns: NEVER, ..asked };
        Step { next: word, decision }
    }

    /// The time to decide at when a clock of ours reads `now`: with buckets whose permit is a fraction of a nanosecond
    /// long, a clock that ticks in whole units makes every decision exact for what it shows.
    #[inline]
    pub(crate) fn tick(&self, now: u64) -> u64 {
        if self.tick_ns > 1 { now - now % self.tick_ns } else { now }
    }

    /// The word after `cost` permits are given back at `now`: never more than were taken.
    pub(crate) fn refund(&self, word: u64, now: u64, cost: u64) -> u64 {
        let now = now.min(MAX_UNIX_NS);
        each_algorithm!(self, algorithm => algorithm.refund(word, now, cost), nothing => word)
    }

    /// From when on `word` equals that of a key never seen, whatever it was before: by time alone, in Unix ns.
    #[inline(always)]
    pub(crate) fn expires_at(&self, word: u64) -> u64 {
        if self.quick.is_some() {
            return NanosecondBucket::expires_at(word);
        }
        self.expires_at_otherwise(word)
    }

    /// The same where there is no quick form.
    #[inline(never)]
    fn expires_at_otherwise(&self, word: u64) -> u64 {
        each_algorithm!(self, algorithm => algorithm.expires_at(word), nothing => 0)
    }

    /// The largest word that has expired at `now`: it, and all that are smaller, and no other.
    #[inline(always)]
    pub(crate) fn last_expired(&self, now: u64) -> u64 {
        let now = now.min(MAX_UNIX_NS);
        if self.quick.is_some() {
            return NanosecondBucket::last_expired(now);
        }
        each_algorithm!(self, algorithm => algorithm.last_expired(now), nothing => 0)
    }

    /// From when on no word of a key that has had `word` can be in use that is not in the past: when a later word of it, which
    /// a refund has lowered to this one, has expired.
    #[inline]
    pub(crate) fn forgotten_at(&self, word: u64) -> u64 {
        self.expires_at(word).saturating_add(self.memory_ns)
    }

    /// How much of its limit a key has consumed at `now`: 0 when fresh, comparable among words of one rule.
    #[inline(always)]
    pub(crate) fn consumed(&self, word: u64, now: u64) -> u64 {
        if self.quick.is_some() {
            return NanosecondBucket::expires_at(word).saturating_sub(now);
        }
        let now = now.min(MAX_UNIX_NS);
        each_algorithm!(self, algorithm => algorithm.consumed(word, now), nothing => 0)
    }

    /// Whether of two words that have not expired the larger one has consumed more, at any time.
    #[inline(always)]
    pub(crate) fn consumed_grows_with_word(&self) -> bool {
        self.quick.is_some()
    }

    /// What a key has consumed at `now`: as much as a new key that is charged as much at `now` has.
    pub(crate) fn consumption(&self, word: u64, now: u64) -> Consumption {
        let now = now.min(MAX_UNIX_NS);
        each_algorithm!(self, algorithm => algorithm.consumption(word, now), nothing => Consumption::default())
    }

    /// The word of a key that has consumed as much at `now`, rounded up, or all that it can.
    pub(crate) fn word_after(&self, consumption: Consumption, now: u64) -> u64 {
        let now = now.min(MAX_UNIX_NS);
        if consumption.units == 0 || self.limit == 0 {
            return FRESH;
        }
        each_algorithm!(self, algorithm => algorithm.word_after(consumption, now), nothing => FRESH)
    }
}

/// A number of permits, of which those of one policy need not be whole ones of another: `units / per_permit`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Consumption {
    units: u128,
    per_permit: u64,
}

impl Consumption {
    /// The same in units of which a permit is `per_permit`, rounded up, but no more than `most`.
    fn in_units_of(self, per_permit: u64, most: u64) -> u64 {
        // Units are at most twice a limit times a period, below 2^92, for windows, and below 2^63 for buckets, whose
        // `per_permit` is the larger one; where the product overflows, it is more than `most` in any case.
        let product = self.units.checked_mul(u128::from(per_permit));
        let units = product.map_or(u128::MAX, |product| product.div_ceil(u128::from(self.per_permit.max(1))));
        u64::try_from(units).unwrap_or(u64::MAX).min(most)
    }
}

/// The answer to an admitted request.
#[inline(always)]
fn admission(scale: Scale, remaining_units: i64, reset_after_ns: u64, delay_ns: u64) -> Decision {
    Decision {
        scale,
        remaining_units,
        reset_after_ns,
        wait_ns: delay_ns,
        outcome: Outcome::Allowed,
        reason: Reason::None,
    }
}

/// The answer to a request that is denied for now.
#[inline(always)]
fn denial(scale: Scale, remaining_units: i64, retry_after_ns: u64, reset_after_ns: u64) -> Decision {
    Decision {
        scale,
        remaining_units,
        reset_after_ns,
        wait_ns: retry_after_ns,
        outcome: Outcome::Denied,
        reason: Reason::Limit,
    }
}

/// An admission that leaves `next`.
#[inline(always)]
fn admit(next: u64, scale: Scale, remaining_units: i64, reset_after_ns: u64, delay_ns: u64) -> Step {
    Step { next, decision: admission(scale, remaining_units, reset_after_ns, delay_ns) }
}

/// A denial, which changes nothing.
#[inline(always)]
fn deny(word: u64, scale: Scale, remaining_units: i64, retry_after_ns: u64, reset_after_ns: u64) -> Step {
    Step { next: word, decision: denial(scale, remaining_units, retry_after_ns, reset_after_ns) }
}

/// How many bits a number needs.
const fn bits(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}
