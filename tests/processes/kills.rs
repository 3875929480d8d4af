//! Processes are killed at any instruction, every few milliseconds, and others take their places.

use crate::board::{Board, Lane};
use crate::common::bounds::{Admitted, assert_holds};
use crate::common::{IN_2026, Numbers};
use crate::crew::{Crew, PROCESSES, THREADS};
use crate::demand::assert_all_was_admitted;
use crate::is_long;
use crate::load::{KINDS, admitted_by_key, ask, open, rule};
use crate::model::Kind;
use crate::shared_support::Scratch;
use sluicegate::{Clock, Limiter, OnFull};
use std::collections::HashMap;
use std::thread::sleep;
use std::time::Duration;

const MS: u64 = 1_000_000;

/// Kills in all parts together: 5,600 where as many are promised.
fn kills_per_run() -> u64 {
    if is_long() { 1_250 } else { 40 }
}

/// Kills so many workers, some at a time, with 0.5 to 3 ms in between; what the dead had been asking for, and how often.
///
/// It takes a process its turn on a processor to die, so if each had to do so alone, there would be few kills a second.
fn kill(crew: &mut Crew<'_>, kills: u64, seed: u64) -> HashMap<u64, u64> {
    let mut random = Numbers(seed);
    let mut pending = HashMap::new();
    let mut killed = 0;
    while killed < kills {
        sleep(Duration::from_micros(500 + random.below(2_500)));
        let first = random.below(PROCESSES as u64) as usize;
        let count = (1 + random.below(PROCESSES as u64 - 2)).min(kills - killed) as usize;
        let workers: Vec<usize> = (first..first + count).map(|worker| worker % PROCESSES).collect();
        crew.replace(&workers).into_iter().for_each(|key| *pending.entry(key).or_default() += 1);
        let hundreds = killed / 100;
        killed += count as u64;
        if killed / 100 > hundreds {
            crew.see_all_go_on(1);
        }
    }
    crew.see_all_go_on(100);
    pending
}

/// A key that nobody else asks for: inserts are where a slot can be lost.
fn new_key(number: u64, count: &mut u64) -> [u8; 24] {
    *count += 1;
    let mut key = *b"new key ................";
    key[8..16].copy_from_slice(&number.to_ne_bytes());
    key[16..].copy_from_slice(&count.to_ne_bytes());
    key
}

/// Checks, refunds and resets of keys whose admissions nobody counts, so that kills hit those too.
///
/// There are many: each reset leaves a slot behind until what was in it expires, and few keys would fill the places near
/// them.
fn disturb(limiter: &Limiter, random: &mut Numbers) {
    let key = format!("disturbed {}", random.below(100_000));
    for _ in 0..2 {
        match random.below(4) {
            0 => limiter.refund(&key, 1 + random.below(3)),
            1 => limiter.reset(&key),
            _ => _ = limiter.check(&key),
        }
    }
}

/// The limits hold, and all that they allow is admitted, while processes are killed all the time.
pub fn under_load() {
    const KEYS: u64 = 500;
    for kind in KINDS {
        let rule = rule(kind, 20, 100 * MS);
        let path = Scratch::new("kills");
        let open = || open(&path, &rule, 400_000, OnFull::Deny);
        let board = Board::new(PROCESSES * THREADS);
        let work = |limiter: &Limiter, lane: Lane<'_>, number: u64| {
            let (mut random, mut count) = (Numbers(number), 0);
            while !board.is_stopped() {
                ask(limiter, lane, random.below(KEYS));
                match random.below(64) {
                    0 => _ = limiter.check(new_key(number, &mut count)),
                    1 => disturb(limiter, &mut random),
                    _ => {}
                }
            }
        };
        let limiter = open();
        let mut crew = Crew::hire(&board, &open, &work);
        crew.see_all_go_on(1);
        let kills = kills_per_run();
        let pending = kill(&mut crew, kills, kind as u64);
        crew.dismiss();
        let until = limiter.clock().now();
        assert_eq!(limiter.stats().refused_full, 0, "the table is large enough");
        let by_key = admitted_by_key(&board);
        let admitted: usize = by_key.values().map(Vec::len).sum();
        // What was admitted to the dead is not known to have been.
        let unknown = pending.values().sum::<u64>();
        let is_demanded = board.checks() / admitted as u64 >= 5 && unknown * 200 < admitted as u64;
        let share = is_demanded.then(|| assert_all_was_admitted(&rule, &by_key, until));
        by_key.into_values().for_each(|admitted| assert_holds(&rule, admitted));
        assert!(share.is_some() || !is_long(), "there was no demand for what the policy allows");
        let share = share.map_or("?".to_owned(), |share| format!("{:.2}", 100.0 * share));
        let checks = board.checks();
        println!(
            "  {kind:?}: {kills} kills, {admitted} of {checks} checks admitted, {share} % of what is allowed"
        );
    }
}

/// At one instant, each key gets all that it may have, to the permit; but for what was under way when somebody was
/// killed, of which nobody knows whether it was admitted.
pub fn account_for_every_permit() {
    const KEYS: u64 = 100;
    let capacity = if is_long() { 20_000 } else { 2_000 };
    for kind in KINDS {
        let rule = crate::model::Rule::new(kind, capacity, 1_000 * MS);
        let path = Scratch::new("permits");
        let open = || open(&path, &rule, 10_000, OnFull::Deny);
        let board = Board::new(PROCESSES * THREADS);
        let work = |limiter: &Limiter, lane: Lane<'_>, number: u64| {
            let mut random = Numbers(number);
            while !board.is_stopped() {
                let key = random.below(KEYS);
                if random.below(128) > 0 {
                    _ = limiter.peek_at(key.to_ne_bytes(), 1, IN_2026);
                    continue;
                }
                lane.is_asking(key);
                let allowed = limiter.check_at(key.to_ne_bytes(), 1, IN_2026).allowed();
                lane.is_answered(key, allowed.then_some(Admitted { now: IN_2026, cost: 1, reset_after: 0 }));
            }
        };
        let limiter = open();
        let mut crew = Crew::hire(&board, &open, &work);
        let kills = 10;
        let (mut rounds, mut pending) = (0, HashMap::<u64, u64>::new());
        let is_left = |key: u64| limiter.peek_at(key.to_ne_bytes(), 1, IN_2026).allowed();
        while rounds < 1 || (0..KEYS).any(is_left) {
            rounds += 1;
            kill(&mut crew, kills, rounds).into_iter().for_each(|(key, n)| *pending.entry(key).or_default() += n);
        }
        crew.dismiss();
        let mut known = HashMap::<u64, u64>::new();
        for (key, _) in board.lanes().flat_map(Lane::admitted) {
            *known.entry(key).or_default() += 1;
        }
        for key in 0..KEYS {
            let (known, pending) = (known[&key], pending.get(&key).copied().unwrap_or(0));
            assert!(known <= capacity, "{kind:?}: {known} of {capacity} were admitted");
            assert!(capacity <= known + pending, "{kind:?}: {known} and at most {pending} of {capacity} permits");
        }
        let unknown = KEYS * capacity - known.values().sum::<u64>();
        println!("  {kind:?}: {} permits, {} kills; the dead took {unknown}", KEYS * capacity, rounds * kills);
    }
}

/// After many kills in the middle of inserts, all slots but one a kill can still be used by keys never seen.
///
/// A process of one thread is in the middle of one insert at most; a thread that dies costs no more than that one's slot.
pub fn cost_a_slot_at_most() {
    for kind in [Kind::TokenBucket, Kind::FixedWindow] {
        let rule = rule(kind, 5, 20 * MS);
        let path = Scratch::new("slots");
        let open = || open(&path, &rule, 100_000, OnFull::Deny);
        let board = Board::new(PROCESSES);
        let work = |limiter: &Limiter, lane: Lane<'_>, number: u64| {
            let (mut random, mut count) = (Numbers(number), 0);
            while !board.is_stopped() {
                lane.is_asking(0);
                let allowed = limiter.check(new_key(number, &mut count)).allowed();
                lane.is_answered(0, None);
                // Without a break they would fill the table, and then there is little to insert.
                if !allowed {
                    disturb(limiter, &mut random);
                }
            }
        };
        let mut crew = Crew::hire(&board, &open, &work);
        crew.see_all_go_on(1);
        let kills = kills_per_run() / 2;
        kill(&mut crew, kills, 7);
        crew.dismiss();
        let lost = slots_of(&open()) - fill(&open(), rule.period);
        println!("  {kind:?}: {kills} kills among {} inserts lost {lost} slots", open().stats().inserted);
        assert!(lost <= kills, "{kind:?}: {kills} kills cost {lost} slots");
    }
}

/// Slots of a table, whose sizes `src/table/layout.rs` tells: 17 words for 8 slots, after 176 words.
fn slots_of(limiter: &Limiter) -> u64 {
    (limiter.stats().memory_bytes / 8 - 176) / 17 * 8
}

/// Gives every slot that can be had to keys never seen, at a time at which no other key is live; how many there are.
fn fill(limiter: &Limiter, period: u64) -> u64 {
    let then = limiter.clock().now() + 1_000 * period;
    // Those that are live now are not any more when they are counted.
    sleep(Duration::from_nanos(4 * period));
    let (mut count, mut filled) = (0, 0);
    loop {
        (0..2 * slots_of(limiter)).for_each(|_| _ = limiter.check_at(new_key(0, &mut count), 1, then));
        let live = limiter.stats().live_keys;
        if live == filled {
            return filled;
        }
        filled = live;
    }
}

/// A table of 64 slots that thousands of keys fight for: whoever dies in the middle, the others go on.
pub fn in_a_crowded_table() {
    for on_full in [OnFull::Evict, OnFull::Deny] {
        let rule = rule(Kind::TokenBucket, 5, MS);
        let path = Scratch::new("crowd");
        let open = || open(&path, &rule, 37, on_full);
        let board = Board::new(PROCESSES * THREADS);
        let work = |limiter: &Limiter, lane: Lane<'_>, number: u64| {
            let mut random = Numbers(number);
            while !board.is_stopped() {
                lane.is_asking(0);
                _ = limiter.check(random.below(2_000).to_ne_bytes());
                disturb(limiter, &mut random);
                lane.is_answered(0, None);
            }
        };
        let mut crew = Crew::hire(&board, &open, &work);
        crew.see_all_go_on(1);
        let kills = kills_per_run() / 4;
        kill(&mut crew, kills, 3);
        crew.dismiss();
        let stats = open().stats();
        assert_eq!(stats.evicted > 0, on_full == OnFull::Evict);
        println!("  {on_full:?}: {kills} kills among {} inserts", stats.inserted);
    }
}
