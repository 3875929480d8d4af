//! The bounds of a policy's numbers, and the messages that name them.

use super::{Algorithm, Policy};
use crate::algorithm::{Rule, WordOverflow};
use crate::error::Error;
use std::time::Duration;

/// The largest limit: 2^32 - 1 permits. A sliding window fits less when its period is short.
pub const MAX_LIMIT: u64 = u32::MAX as u64;
/// The largest burst: 2^32 - 1 permits.
pub const MAX_BURST: u64 = u32::MAX as u64;
/// The shortest period: 1 µs.
pub const MIN_PERIOD: Duration = Duration::from_micros(1);
/// The longest period: 3653 days, ten years.
pub const MAX_PERIOD: Duration = Duration::from_secs(3653 * 86_400);

/// The longest time a full bucket may take to refill: 36525 days, a century.
const MAX_REFILL_NS: u128 = 36_525 * 86_400 * 1_000_000_000;

fn out_of_range(problem: String) -> Error {
    Error::PolicyRange { problem }
}

/// A period in nanoseconds, if it is within its bounds.
pub(super) fn period_ns(period: Duration) -> Result<u64, Error> {
    if period < MIN_PERIOD || period > MAX_PERIOD {
        return Err(out_of_range(format!("the period is {period:?}; it must be from 1us to 3653d (ten years)")));
    }
    // MAX_PERIOD is below 2^59 ns.
    Ok(period.as_nanos() as u64)
}

/// Checks every bound but the period's, which `period_ns` has checked.
pub(super) fn check(policy: &Policy, burst_given: Option<u64>) -> Result<(), Error> {
    let Policy { algorithm, limit, period_ns, burst } = *policy;
    if limit > MAX_LIMIT {
        return Err(out_of_range(format!(
            "the limit is {limit}; the largest is {MAX_LIMIT}; count in larger units (a cost per kilobyte, say)"
        )));
    }
    if burst_given.is_some() && !algorithm.has_burst() {
        return Err(out_of_range(format!(
            "{algorithm} has no burst; leave it out, or use token-bucket or leaky-bucket"
        )));
    }
    if let Some(burst) = burst_given
        && !(1..=MAX_BURST).contains(&burst)
    {
        return Err(out_of_range(format!(
            "the burst is {burst}; it must be from 1 to {MAX_BURST}; to deny everything use a limit of 0"
        )));
    }
    if limit > period_ns {
        return Err(out_of_range(format!(
            "{limit} per {period_ns} ns is more than 10^9 a second, one a nanosecond; \
             lower the limit or count in larger units"
        )));
    }
    if limit > 0 && u128::from(burst) * u128::from(period_ns) > MAX_REFILL_NS * u128::from(limit) {
        return Err(out_of_range(format!(
            "a burst of {burst} would take longer than a century (36525d) to refill; lower it to {} or raise the rate",
            MAX_REFILL_NS * u128::from(limit) / u128::from(period_ns)
        )));
    }
    Rule::new(policy).map(drop).map_err(|overflow| does_not_fit(policy, overflow))
}

/// The message for numbers that are each in range but do not fit into one 64-bit word together.
fn does_not_fit(policy: &Policy, WordOverflow { largest_limit }: WordOverflow) -> Error {
    let way_out = match policy.algorithm {
        Algorithm::SlidingWindow => "use a longer period, or fixed-window or token-bucket",
        _ => "use a longer period",
    };
    out_of_range(format!(
        "a {} limit of {} does not fit with a period this short; the largest is {largest_limit}; {way_out}",
        policy.algorithm, policy.limit
    ))
}
