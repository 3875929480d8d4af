//! What the test files share: the crate asked by the model's words, random policies and requests, and the
//! comparison of the two answers.

pub mod agreement;
pub mod bounds;
pub mod duel;
pub mod strategies;

use crate::model::{Kind, Rule};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use sluicegate::{Decision, Error, Limiter, MAX_UNIX_NS, Policy, PolicyBuilder};
use std::time::Duration;

/// Nanoseconds in a second, a minute, an hour and a day.
pub const SECOND: u64 = 1_000_000_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// An instant in 2026, on the top of an hour.
pub const IN_2026: u64 = 1_780_000_000_000_000_000 / HOUR * HOUR;

/// The largest limit and burst, and the shortest and longest period.
pub const MOST_PERMITS: u64 = u32::MAX as u64;
pub const SHORTEST_PERIOD: u64 = 1_000;
pub const LONGEST_PERIOD: u64 = 3653 * DAY;

/// The longest time a full bucket may take to refill.
pub const CENTURY: u128 = 36_525 * DAY as u128;

/// Tests so many random cases; the seeds of those that fail are kept beside the test's file and tried first the
/// next time.
pub fn for_all<S: Strategy>(
    file: &'static str,
    cases: u32,
    strategy: S,
    test: impl Fn(S::Value) -> Result<(), String>,
) {
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 2_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        source_file: Some(file),
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&strategy, |input| test(input).map_err(TestCaseError::fail));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// The policy's builder for a rule.
pub fn builder_of(rule: &Rule) -> PolicyBuilder {
    let period = Duration::from_nanos(rule.period);
    let builder = match rule.kind {
        Kind::FixedWindow => Policy::fixed_window(rule.limit, period),
        Kind::SlidingWindow => Policy::sliding_window(rule.limit, period),
        Kind::TokenBucket => Policy::token_bucket(rule.limit, period),
        Kind::LeakyBucket => Policy::leaky_bucket(rule.limit, period),
    };
    match rule.burst {
        Some(burst) => builder.burst(burst),
        None => builder,
    }
}

/// The policy for a rule, or why there is none.
pub fn policy_of(rule: &Rule) -> Result<Policy, Error> {
    builder_of(rule).build()
}

/// A limiter for a rule within the documented bounds, with room for the few keys of a test.
pub fn limiter_of(rule: &Rule) -> Limiter {
    let policy = policy_of(rule).unwrap_or_else(|error| panic!("{rule:?} is within the bounds, but: {error}"));
    Limiter::new(policy, 64).expect("a small table fits")
}

/// A limiter from a policy's text.
pub fn limiter(policy: &str) -> Limiter {
    let policy: Policy = policy.parse().unwrap_or_else(|error| panic!("{policy}: {error}"));
    Limiter::new(policy, 64).expect("a small table fits")
}

/// A length of time as whole nanoseconds.
pub fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("no answer is longer than 584 years")
}

/// The wait that a denial tells, in nanoseconds.
pub fn retry_ns(denial: &Decision) -> u64 {
    ns(denial.retry_after().expect("waiting cures this denial"))
}

/// Whether a sliding window's numbers fit: two counts and the number of the window in 63 bits.
pub fn sliding_window_fits(limit: u64, period: u64) -> bool {
    bits(MAX_UNIX_NS / period + 2) + 2 * bits(limit) <= 63
}

/// How many bits a number takes.
pub fn bits(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// The repeatable random numbers of the long runs (SplitMix64, from a seed that the test names).
pub struct Numbers(pub u64);

impl Numbers {
    /// A number from 0 to `below` - 1.
    pub fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }
}
