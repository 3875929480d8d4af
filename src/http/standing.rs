//! How a client stands under one policy, in the words of the IETF draft: the *available quota* `r`, and the *effective
//! window* `t`, the seconds within which the client can use no more than that.
//!
//! Whoever obeys them is never denied, and they never promise more than the policy's rate:
//!
//! * `r` is rounded down, `t` up;
//! * `r / t` is at most `limit / period`. On an admission `t` is lengthened for it: with all of a fixed window's 100 left
//!   and a second of its minute to go, it is `r=100;t=60`, as 100 in each of two consecutive seconds is nothing to
//!   invite to. On a denial `r` is lowered instead, because `t` is the time after which the same request is
//!   admitted, and `Retry-After` must not be earlier;
//! * where nothing is left, `t` is the time to the next permit. A sliding window's decision does not tell it; there it is
//!   the latest that it can be;
//! * where waiting cannot help, there is no `t`.

use super::quota::{Quota, capacity};
use super::seconds::{NS_PER_SECOND, to_wait};
use crate::decision::{Decision, NEVER};
use crate::policy::{Algorithm, Policy};

/// The draft's two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) available: u64,
    pub(super) effective_window_s: Option<u64>,
}

impl Standing {
    pub(super) fn of(quota: &Quota<'_>, decision: &Decision) -> Self {
        let policy = quota.policy();
        let left = decision.remaining();
        if !decision.allowed() {
            return match decision.retry_after_ns() {
                NEVER => Self { available: left, effective_window_s: None },
                wait => {
                    let window_s = to_wait(wait);
                    Self { available: left.min(earned_in(policy, window_s)), effective_window_s: Some(window_s) }
                }
            };
        }
        if capacity(policy) == 0 {
            return Self { available: left, effective_window_s: None };
        }
        let window_s =
            if left == 0 { until_next_permit_s(policy, decision) } else { budget_s(policy, decision, left) };
        Self { available: left, effective_window_s: Some(window_s.max(1)) }
    }
}

/// Permits that the policy's rate gives in so many seconds, rounded down.
fn earned_in(policy: &Policy, seconds: u64) -> u64 {
    let ns = u128::from(seconds) * u128::from(NS_PER_SECOND);
    let permits = ns * u128::from(policy.limit()) / u128::from(policy.period_ns());
    u64::try_from(permits).unwrap_or(u64::MAX)
}

/// The time that so many permits take at the policy's rate, in units of 1/L ns.
fn earning(policy: &Policy, permits: u64) -> u128 {
    u128::from(permits) * u128::from(policy.period_ns())
}

/// Units of 1/L ns as whole seconds, rounded up.
fn in_seconds(policy: &Policy, units: u128) -> u64 {
    let seconds = units.div_ceil(u128::from(policy.limit()) * u128::from(NS_PER_SECOND));
    u64::try_from(seconds).unwrap_or(u64::MAX)
}

/// Where `left` permits are left: the time that they must last.
fn budget_s(policy: &Policy, decision: &Decision, left: u64) -> u64 {
    let at_the_rate = in_seconds(policy, earning(policy, left));
    match policy.algorithm() {
        // No more will be there before the window's end.
        Algorithm::FixedWindow => at_the_rate.max(to_wait(decision.reset_after_ns)),
        Algorithm::SlidingWindow => at_the_rate,
        // What is left, with the fraction of a permit beyond `left`.
        Algorithm::TokenBucket | Algorithm::LeakyBucket => {
            let taken = u128::from(decision.reset_after_ns) * u128::from(policy.limit());
            let level = earning(policy, policy.burst()).saturating_sub(taken);
            at_the_rate.max(in_seconds(policy, level))
        }
    }
}

/// Where no whole permit is left: the time until one is.
fn until_next_permit_s(policy: &Policy, decision: &Decision) -> u64 {
    let limit = u128::from(policy.limit());
    match policy.algorithm() {
        Algorithm::FixedWindow => to_wait(decision.reset_after_ns),
        // The key is fresh when the window after the current one ends, or the current one if nothing was taken in it. At
        // the current one's end at most L are in the estimate, and a permit's share of the period later one less.
        Algorithm::SlidingWindow => {
            let window_end = decision.reset_after_ns.saturating_sub(policy.period_ns());
            in_seconds(policy, u128::from(window_end) * limit + earning(policy, 1))
        }
        // The level has one permit when all but one of the capacity has still to come.
        Algorithm::TokenBucket | Algorithm::LeakyBucket => {
            let taken = u128::from(decision.reset_after_ns) * limit;
            in_seconds(policy, taken.saturating_sub(earning(policy, policy.burst() - 1)))
        }
    }
}
