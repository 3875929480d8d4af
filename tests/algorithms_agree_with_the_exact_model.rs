//! The crate against the exact model: every field of every answer, over the whole ranges of policies, costs
//! and times, on long random histories. To the bit wherever all instants are whole nanoseconds.

#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;

use common::duel::Duel;
use common::strategies::{self, operations, rule, start};
use common::{
    CENTURY, DAY, HOUR, IN_2026, MINUTE, SECOND, agreement::Tolerance, agreement::agrees, for_all, limiter_of,
};
use model::{Kind, Rule};
use proptest::prelude::*;

const MILLISECOND: u64 = 1_000_000;

fn agrees_on_random_histories(kind: Kind) {
    let histories = rule(kind).prop_flat_map(|rule| (Just(rule), start(rule.period), operations()));
    for_all(file!(), 1_500, histories, |(rule, start, operations)| Duel::new(rule, start).play_all(&operations));
}

#[test]
fn fixed_window_agrees_with_the_model() {
    agrees_on_random_histories(Kind::FixedWindow);
}

#[test]
fn sliding_window_agrees_with_the_model() {
    agrees_on_random_histories(Kind::SlidingWindow);
}

#[test]
fn token_bucket_agrees_with_the_model() {
    agrees_on_random_histories(Kind::TokenBucket);
}

#[test]
fn leaky_bucket_agrees_with_the_model() {
    agrees_on_random_histories(Kind::LeakyBucket);
}

/// Buckets asked and given back to at whole milliseconds, in order and late, must answer to the bit.
fn is_exact_at_whole_milliseconds(rates: impl Strategy<Value = (u64, u64)>) {
    let kinds = [Kind::TokenBucket, Kind::LeakyBucket];
    let request = (0..4_u64, 0..6_u64, prop_oneof![0..20_u64, 0..2_000_u64], prop::option::of(0..500_u64));
    let history = (
        prop::sample::select(kinds.to_vec()),
        rates,
        prop::option::of(1..50_u64),
        prop::collection::vec(request, 1..200),
    );
    for_all(file!(), 1_000, history, |(kind, (limit, period), burst, requests)| {
        let mut duel = Duel::to_the_bit(Rule { burst, ..Rule::new(kind, limit, period) }, 0);
        let mut clock = IN_2026;
        for (action, cost, milliseconds, late) in requests {
            clock += milliseconds * MILLISECOND;
            let now = clock - late.unwrap_or(0) * MILLISECOND;
            match action {
                0 if cost > 2 => duel.refund(0, cost, now),
                _ => duel.check(0, cost, now).map(drop)?,
            }
        }
        Ok(())
    });
}

/// One third of a second is no whole number of nanoseconds, but all that is asked at whole milliseconds has
/// one right answer, and gets it.
#[test]
fn modest_rates_are_exact_at_whole_milliseconds() {
    let rates = [(3, SECOND), (7, MINUTE), (33, SECOND), (1_000, SECOND), (99, HOUR), (6, SECOND), (70, DAY)];
    is_exact_at_whole_milliseconds(prop::sample::select(rates.to_vec()));
}

/// The crate's documentation: "Times that are whole milliseconds are exact for every rate below a million a second."
#[test]
fn every_rate_below_a_million_a_second_is_exact_at_whole_milliseconds() {
    let periods = prop::sample::select(vec![SECOND, MINUTE, HOUR, DAY, 7 * DAY]);
    let rates = (strategies::log_uniform(1, 999_999), periods)
        .prop_filter("a refill within a century", |rate| u128::from(rate.1) * 50 < CENTURY * u128::from(rate.0));
    is_exact_at_whole_milliseconds(rates);
}

/// One request of a history worked out by hand: when, for how many, and the whole answer.
struct Worked {
    now: u64,
    cost: u64,
    allowed: bool,
    remaining: u64,
    retry_after: Option<u64>,
    reset_after: u64,
    delay: u64,
}

/// Asks the model and the crate the same, and holds both against the answers worked out by hand: what a
/// model says is worth no more than the model.
fn both_answer(rule: Rule, history: &[Worked]) {
    let limiter = limiter_of(&rule);
    let mut model = rule.model();
    for Worked { now, cost, allowed, remaining, retry_after, reset_after, delay } in history {
        let expected = model.peek((*now).into(), *cost);
        assert_eq!(expected.allowed, *allowed, "model at {now}");
        assert_eq!(expected.remaining, *remaining, "model at {now}");
        let wait = expected.retry_after.as_ref().map(|wait| model::rounded_up(wait) as u64);
        assert_eq!(wait, *retry_after, "model at {now}");
        assert_eq!(model::rounded_up(&expected.reset_after) as u64, *reset_after, "model at {now}");
        assert_eq!(model::rounded_up(&expected.delay) as u64, *delay, "model at {now}");
        let answer = limiter.check_at("key", *cost, *now);
        agrees(&answer, model.as_ref(), *now, *cost, Tolerance::None).unwrap_or_else(|error| panic!("{error}"));
        model.check((*now).into(), *cost);
    }
}

fn admitted(now: u64, cost: u64, remaining: u64, reset_after: u64) -> Worked {
    Worked { now, cost, allowed: true, remaining, retry_after: None, reset_after, delay: 0 }
}

fn denied(now: u64, cost: u64, remaining: u64, retry_after: u64, reset_after: u64) -> Worked {
    Worked { now, cost, allowed: false, remaining, retry_after: Some(retry_after), reset_after, delay: 0 }
}

#[test]
fn a_fixed_window_worked_out_by_hand() {
    let t = IN_2026;
    both_answer(
        Rule::new(Kind::FixedWindow, 3, HOUR),
        &[
            admitted(t + 59 * MINUTE, 2, 1, MINUTE),
            denied(t + HOUR - 1, 2, 1, 1, 1),
            admitted(t + HOUR, 3, 0, HOUR),
            // An hour late: it counts in the window that has begun, which ends in two hours from its own time.
            denied(t, 1, 0, 2 * HOUR, 2 * HOUR),
        ],
    );
}

#[test]
fn a_sliding_window_worked_out_by_hand() {
    let t = IN_2026;
    both_answer(
        Rule::new(Kind::SlidingWindow, 10, 10 * SECOND),
        &[
            admitted(t, 10, 0, 20 * SECOND),
            // Nothing fits before the next window; there, 10 * (P-e) + P <= 10 * P once a tenth has passed.
            denied(t + SECOND, 1, 0, 10 * SECOND, 19 * SECOND),
            denied(t + 11 * SECOND - 1, 1, 0, 1, 9 * SECOND + 1),
            admitted(t + 11 * SECOND, 1, 0, 19 * SECOND),
            // Half of the window gone: 10/2 + 1 are taken.
            admitted(t + 15 * SECOND, 0, 4, 15 * SECOND),
            // Late, so at the start of the window: 10 + 1 are taken, more than there ever was room for.
            admitted(t + 9 * SECOND, 0, 0, 21 * SECOND),
        ],
    );
}

#[test]
fn a_token_bucket_worked_out_by_hand() {
    let t = IN_2026;
    both_answer(
        Rule::new(Kind::TokenBucket, 2, SECOND).burst(5),
        &[
            admitted(t, 4, 1, 2 * SECOND),
            denied(t, 2, 1, SECOND / 2, 2 * SECOND),
            admitted(t + SECOND / 2, 2, 0, 2 * SECOND + SECOND / 2),
            // Half a second late the bucket was one token emptier still.
            denied(t, 1, 0, SECOND, 3 * SECOND),
            admitted(t + 4 * SECOND, 1, 4, SECOND / 2),
        ],
    );
}

#[test]
fn a_leaky_bucket_worked_out_by_hand() {
    let t = IN_2026;
    let second_in_line = Worked { delay: SECOND, ..admitted(t, 1, 0, 3 * SECOND / 2) };
    both_answer(
        Rule::new(Kind::LeakyBucket, 2, SECOND).burst(3),
        &[
            admitted(t, 2, 1, SECOND),
            second_in_line,
            denied(t + 1, 1, 0, SECOND / 2 - 1, 3 * SECOND / 2 - 1),
            Worked { delay: SECOND, ..admitted(t + SECOND / 2, 1, 0, 3 * SECOND / 2) },
        ],
    );
}
