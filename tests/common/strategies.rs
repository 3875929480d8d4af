//! Random policies, times and requests over the whole ranges, with the edges more often than chance would.

use super::{CENTURY, DAY, HOUR, IN_2026, LONGEST_PERIOD, MINUTE, MOST_PERMITS, SECOND, SHORTEST_PERIOD};
use super::{bits, sliding_window_fits};
use crate::model::{Kind, Rule};
use proptest::prelude::*;
use sluicegate::MAX_UNIX_NS;

/// A number of `low` to `high` of which each length in bits is equally likely.
pub fn log_uniform(low: u64, high: u64) -> impl Strategy<Value = u64> {
    (bits(low)..=bits(high), any::<u64>()).prop_map(move |(bits, random)| {
        let top = 1_u64.checked_shl(bits.wrapping_sub(1)).unwrap_or(0);
        let below = random & top.saturating_sub(1);
        (top | below).clamp(low, high)
    })
}

/// A limit or a burst.
fn permits() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => log_uniform(1, MOST_PERMITS),
        3 => 1..20_u64,
        1 => prop_oneof![Just(1), Just(1_000_000), Just(MOST_PERMITS - 1), Just(MOST_PERMITS), Just(1 << 31)],
    ]
}

fn period() -> impl Strategy<Value = u64> {
    let round = [SHORTEST_PERIOD, 1_000_000, SECOND, MINUTE, HOUR, DAY, 7 * DAY, 366 * DAY, LONGEST_PERIOD];
    prop_oneof![
        3 => log_uniform(SHORTEST_PERIOD, LONGEST_PERIOD),
        2 => prop::sample::select(round.to_vec()),
        1 => (1..120_u64, prop::sample::select(vec![SECOND, MINUTE, HOUR])).prop_map(|(n, unit)| n * unit),
    ]
}

/// Any rule within the bounds: about half of the buckets with whole nanoseconds per permit.
pub fn rule(kind: Kind) -> impl Strategy<Value = Rule> {
    let limit = prop_oneof![40 => permits(), 1 => Just(0)];
    let burst = prop::option::of(permits());
    (limit, period(), burst, any::<bool>()).prop_map(move |(limit, period, burst, whole_instants)| {
        let period = if whole_instants { nearest_multiple(period, limit) } else { period };
        within_bounds(kind, limit, period, burst)
    })
}

/// A period near to the one given that is a multiple of the limit.
fn nearest_multiple(period: u64, limit: u64) -> u64 {
    let limit = limit.max(1);
    (period / limit).max(SHORTEST_PERIOD.div_ceil(limit)) * limit
}

/// The rule with those numbers, the limit and the burst lowered to what the bounds allow.
pub fn within_bounds(kind: Kind, limit: u64, period: u64, burst: Option<u64>) -> Rule {
    // At most 10^9 permits a second, one a nanosecond.
    let mut rule = Rule::new(kind, limit.min(period), period);
    if kind == Kind::SlidingWindow {
        while !sliding_window_fits(rule.limit, period) {
            rule.limit /= 2;
        }
    }
    if rule.is_bucket() && rule.limit > 0 {
        let refilled_in_a_century = CENTURY * u128::from(rule.limit) / u128::from(period);
        rule.burst = burst.map(|burst| u128::from(burst).min(refilled_in_a_century) as u64);
    }
    rule
}

/// Where a sequence begins.
pub fn start(period: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        1 => Just(0),
        3 => log_uniform(0, MAX_UNIX_NS),
        3 => (0..3653 * DAY).prop_map(|since| IN_2026 + since),
        // Around the edges of windows, of the first ones and of any.
        2 => (log_uniform(1, MAX_UNIX_NS), 0..3_u64).prop_map(move |(time, offset)| {
            ((time / period).max(1) * period + offset - 1).min(MAX_UNIX_NS)
        }),
        1 => log_uniform(0, 100 * DAY).prop_map(|before| MAX_UNIX_NS - before),
    ]
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    Check,
    Peek,
    Refund,
    Reset,
}

/// How many permits, said relative to the policy and to the key's last answer.
#[derive(Clone, Copy, Debug)]
pub enum Cost {
    Exactly(u64),
    /// So many 256ths of the capacity, at least 1.
    PartOfCapacity(u8),
    Capacity,
    CapacityLessOne,
    OneAboveCapacity,
    /// What the last answer for the key said is left.
    Remaining,
    OneAboveRemaining,
}

/// The time of the request, said relative to the clock and to the key's last answer. All but the last three
/// move the clock.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Stay,
    Forward(u64),
    RetryAfter,
    RetryAfterLessOne,
    ResetAfter,
    ResetAfterLessOne,
    OnePermit,
    PartOfPeriod(u16),
    Periods(u64),
    /// To the end of the current window and so many nanoseconds from 1 ns before it.
    WindowEnd(u64),
    Back(u64),
    /// This request alone is late.
    Late(u64),
    LateByPartOfPeriod(u16),
    /// This request alone is beyond the last time that fits.
    BeyondTheLastTime(u64),
}

#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub action: Action,
    pub cost: Cost,
    pub step: Step,
    pub key: usize,
}

/// How many keys a sequence uses.
pub const KEYS: usize = 3;

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        30 => Just(Action::Check),
        4 => Just(Action::Peek),
        4 => Just(Action::Refund),
        1 => Just(Action::Reset),
    ]
}

fn cost() -> impl Strategy<Value = Cost> {
    prop_oneof![
        10 => Just(Cost::Exactly(1)),
        1 => Just(Cost::Exactly(0)),
        2 => (2..10_u64).prop_map(Cost::Exactly),
        2 => log_uniform(1, MOST_PERMITS).prop_map(Cost::Exactly),
        1 => prop::sample::select(vec![1 << 32, 1 << 63, u64::MAX - 1, u64::MAX]).prop_map(Cost::Exactly),
        6 => any::<u8>().prop_map(Cost::PartOfCapacity),
        2 => Just(Cost::Capacity),
        1 => Just(Cost::CapacityLessOne),
        1 => Just(Cost::OneAboveCapacity),
        4 => Just(Cost::Remaining),
        3 => Just(Cost::OneAboveRemaining),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Stay),
        2 => Just(Step::Forward(1)),
        3 => log_uniform(1, HOUR).prop_map(Step::Forward),
        5 => Just(Step::RetryAfter),
        3 => Just(Step::RetryAfterLessOne),
        1 => Just(Step::ResetAfter),
        1 => Just(Step::ResetAfterLessOne),
        3 => Just(Step::OnePermit),
        4 => any::<u16>().prop_map(Step::PartOfPeriod),
        1 => (1..4_u64).prop_map(Step::Periods),
        1 => log_uniform(1, 10_000).prop_map(Step::Periods),
        3 => (0..3_u64).prop_map(Step::WindowEnd),
        1 => log_uniform(1, 4 * HOUR).prop_map(Step::Back),
        2 => log_uniform(1, 4 * HOUR).prop_map(Step::Late),
        2 => any::<u16>().prop_map(Step::LateByPartOfPeriod),
        1 => log_uniform(1, u64::MAX - MAX_UNIX_NS).prop_map(Step::BeyondTheLastTime),
    ]
}

/// What is asked of one limiter, one request after another.
pub fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let key = prop_oneof![4 => Just(0), 1 => 1..KEYS];
    let operation = (action(), cost(), step(), key).prop_map(|(action, cost, step, key)| Operation {
        action,
        cost,
        step,
        key,
    });
    prop::collection::vec(operation, 1..200)
}
