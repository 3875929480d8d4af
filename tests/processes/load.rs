//! Eight processes ask one table as fast as they can: never more than the policy allows, and all that it does.

use crate::board::{Board, Lane};
use crate::common::bounds::{Admitted, assert_holds};
use crate::common::{Numbers, ns, policy_of};
use crate::crew::{Crew, PROCESSES, THREADS};
use crate::demand::assert_all_was_admitted;
use crate::is_long;
use crate::model::{Kind, Rule};
use crate::shared_support::Scratch;
use sluicegate::{Clock, Limiter, OnFull};
use std::collections::HashMap;
use std::thread::sleep;
use std::time::Duration;

pub const KINDS: [Kind; 4] = [Kind::FixedWindow, Kind::SlidingWindow, Kind::TokenBucket, Kind::LeakyBucket];

const MS: u64 = 1_000_000;

pub fn enforce_one_limit() {
    // Each key is asked for far more often than it may be admitted: millions of checks a second, so dozens for each of
    // 100,000 keys.
    for (keys, limit, period) in [(1, 500, 100 * MS), (100, 50, 100 * MS), (100_000, 2, 500 * MS)] {
        for kind in KINDS {
            let is_quickest = keys < 100_000 || [Kind::TokenBucket, Kind::FixedWindow].contains(&kind);
            if is_long() || is_quickest {
                one_limit(kind, keys, limit, period);
            }
        }
    }
}

/// A rule whose bucket, if it is one, holds twice what comes in a period.
pub fn rule(kind: Kind, limit: u64, period: u64) -> Rule {
    let rule = Rule::new(kind, limit, period);
    if rule.is_bucket() { rule.burst(2 * limit) } else { rule }
}

/// Opens the table at `path`, or makes it, for a rule and so many keys.
pub fn open(path: &Scratch, rule: &Rule, max_keys: u64, on_full: OnFull) -> Limiter {
    let builder = Limiter::builder(policy_of(rule).unwrap()).max_keys(max_keys).on_full(on_full).path(path);
    builder.build().unwrap()
}

/// Asks once for `key`, by the table's clock, and puts the answer down.
pub fn ask(limiter: &Limiter, lane: Lane<'_>, key: u64) {
    lane.is_asking(key);
    let now = limiter.clock().now();
    let decision = limiter.check_at(key.to_ne_bytes(), 1, now);
    let admitted = Admitted { now, cost: 1, reset_after: ns(decision.reset_after()) };
    lane.is_answered(key, decision.allowed().then_some(admitted));
}

fn one_limit(kind: Kind, keys: u64, limit: u64, period: u64) {
    let rule = rule(kind, limit, period);
    let path = Scratch::new("load");
    let open = || open(&path, &rule, 100_000, OnFull::Deny);
    let board = Board::new(PROCESSES * THREADS);
    let work = |limiter: &Limiter, lane: Lane<'_>, number: u64| {
        let mut random = Numbers(number);
        while !board.is_stopped() {
            ask(limiter, lane, random.below(keys));
        }
    };
    let limiter = open();
    let crew = Crew::hire(&board, &open, &work);
    crew.see_all_go_on(1);
    let seconds = if is_long() { 5 } else { 0 };
    sleep(Duration::from_secs(seconds) + Duration::from_nanos(4 * period));
    crew.dismiss();
    let until = limiter.clock().now();
    let stats = limiter.stats();
    assert_eq!((stats.evicted, stats.refused_full), (0, 0), "the table is large enough");

    let by_key = admitted_by_key(&board);
    let admitted: usize = by_key.values().map(Vec::len).sum();
    let shown = format!("{:?}, {keys} keys: {admitted} of {} checks admitted", rule.kind, board.checks());
    // With fewer questions than this for every permit, some keys may not have been asked for when one was there.
    let is_demanded = board.checks() / admitted as u64 >= 5;
    let share = is_demanded.then(|| assert_all_was_admitted(&rule, &by_key, until));
    for admitted in by_key.into_values() {
        assert_holds(&rule, admitted);
    }
    match share {
        Some(share) => println!("  {shown}, {:.2} % of what is allowed", 100.0 * share),
        None if is_long() => panic!("{shown}: there was no demand for what the policy allows"),
        None => println!("  {shown}: not enough to tell whether all was that is allowed"),
    }
}

pub fn admitted_by_key(board: &Board) -> HashMap<u64, Vec<Admitted>> {
    let mut by_key = HashMap::<u64, Vec<Admitted>>::new();
    for (key, admitted) in board.lanes().flat_map(Lane::admitted) {
        by_key.entry(key).or_default().push(admitted);
    }
    by_key
}
