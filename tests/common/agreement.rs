//! When an answer of the crate agrees with the model's.

use crate::model::{Exact, Model, ModelDecision, Why, rounded_up};
use sluicegate::{Decision, Reason};
use std::time::Duration;

/// How closely the answers must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// To the bit.
    None,
    /// "Where a real instant falls between two nanoseconds, a decision may come up to 1 ns late, never early."
    OneNanosecondLate,
}

/// Whether the crate's `answer` to a request is one that the model allows, and what is wrong if not.
pub fn agrees(
    answer: &Decision,
    model: &dyn Model,
    now: u64,
    cost: u64,
    tolerance: Tolerance,
) -> Result<(), String> {
    let expected = model.peek(now.into(), cost);
    let compared = match tolerance {
        Tolerance::None => agrees_exactly(answer, &expected),
        Tolerance::OneNanosecondLate => agrees_within_a_nanosecond(answer, &expected, model, now, cost),
    };
    let limit = same("limit", answer.limit(), model.rule().limit);
    compared.and(limit).map_err(|difference| {
        format!(
            "{difference}\n  at {now} for a cost of {cost} under {:?}\n  crate: {answer:?}\n  model: {}",
            model.rule(),
            shown(&expected)
        )
    })
}

fn agrees_exactly(answer: &Decision, expected: &ModelDecision) -> Result<(), String> {
    same("allowed", answer.allowed(), expected.allowed)?;
    same("reason", answer.reason(), reason(expected.why))?;
    same("remaining", answer.remaining(), expected.remaining)?;
    let retry_after = expected.retry_after.as_ref().map(rounded_up);
    same("retry_after", answer.retry_after().map(|wait| wait.as_nanos()), retry_after)?;
    same("reset_after", answer.reset_after().as_nanos(), rounded_up(&expected.reset_after))?;
    same("delay", answer.delay().as_nanos(), rounded_up(&expected.delay))
}

fn agrees_within_a_nanosecond(
    answer: &Decision,
    expected: &ModelDecision,
    model: &dyn Model,
    now: u64,
    cost: u64,
) -> Result<(), String> {
    // Up to 1 ns late: the crate may still answer as the model would have a nanosecond ago.
    let just_before = model.peek(i128::from(now) - 1, cost);
    if answer.allowed() != expected.allowed {
        if answer.allowed() {
            return Err("admitted too early".into());
        }
        same("allowed, even 1 ns late", answer.allowed(), just_before.allowed)?;
    }
    if answer.allowed() {
        same("reason", answer.reason(), Reason::None)?;
        let earlier = permits_left_after(model, now, cost);
        same_or("remaining", answer.remaining(), expected.remaining, earlier)?;
        late_by_at_most_one("delay", answer.delay(), &expected.delay)?;
        late_by_at_most_one("reset_after", answer.reset_after(), &expected.reset_after)
    } else {
        // The denial that the model would have given now, or else a nanosecond ago.
        let denial = if expected.allowed { &just_before } else { expected };
        same("reason", answer.reason(), reason(denial.why))?;
        let now_left = model.peek(now.into(), 0);
        let left_just_before = model.peek(i128::from(now) - 1, 0);
        same_or("remaining", answer.remaining(), now_left.remaining, left_just_before.remaining)?;
        same("delay", answer.delay(), Duration::ZERO)?;
        late_by_at_most_one("reset_after", answer.reset_after(), &now_left.reset_after)?;
        match (answer.retry_after(), &denial.retry_after) {
            (None, None) => Ok(()),
            // The model admits now: then the crate may ask for the one nanosecond it is late, and no more.
            (Some(wait), Some(_)) if expected.allowed => same("retry_after, 1 ns late", wait.as_nanos(), 1),
            (Some(wait), Some(exact)) => late_by_at_most_one("retry_after", wait, exact),
            (told, exact) => Err(format!("retry_after: {told:?} instead of {exact:?}")),
        }
    }
}

/// What the model has left a nanosecond before `now`, the request at `now` being admitted.
fn permits_left_after(model: &dyn Model, now: u64, cost: u64) -> u64 {
    let mut after = model.copy();
    if cost > 0 {
        after.consume(now.into(), cost);
    }
    after.peek(i128::from(now) - 1, 0).remaining
}

fn reason(why: Why) -> Reason {
    match why {
        Why::None => Reason::None,
        Why::Limit => Reason::Limit,
        Why::CostExceedsLimit => Reason::CostExceedsLimit,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, told: T, expected: T) -> Result<(), String> {
    if told == expected { Ok(()) } else { Err(format!("{what}: {told:?} instead of {expected:?}")) }
}

fn same_or(what: &str, told: u64, expected: u64, just_before: u64) -> Result<(), String> {
    if told == just_before { Ok(()) } else { same(what, told, expected) }
}

/// Not before the exact instant, and at most 1 ns after it has been rounded up.
fn late_by_at_most_one(what: &str, told: Duration, exact: &Exact) -> Result<(), String> {
    let (told, exact) = (told.as_nanos(), rounded_up(exact));
    if told == exact || told == exact + 1 {
        Ok(())
    } else {
        Err(format!("{what}: {told} ns instead of {exact} ns"))
    }
}

fn shown(expected: &ModelDecision) -> String {
    format!(
        "{} ({:?}), remaining {}, retry after {:?} ns, reset after {} ns, delay {} ns",
        if expected.allowed { "allowed" } else { "denied" },
        expected.why,
        expected.remaining,
        expected.retry_after.as_ref().map(rounded_up),
        rounded_up(&expected.reset_after),
        rounded_up(&expected.delay),
    )
}
