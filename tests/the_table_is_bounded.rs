//! "The memory is fixed": `max_keys` live keys fit, a key that is fresh again makes room, and when there is no room
//! `on_full` says what happens.

#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;

use common::{IN_2026, SECOND};
use sluicegate::{Limiter, OnFull, Policy, Reason};
use std::ops::Range;
use std::sync::Barrier;
use std::thread;

/// A limiter with a hash seed of its own, as every one.
fn limiter(policy: &str, max_keys: u64, on_full: OnFull) -> Limiter {
    let policy: Policy = policy.parse().unwrap();
    Limiter::builder(policy).max_keys(max_keys).on_full(on_full).build().unwrap()
}

/// Has each of the keys ask for one permit; how many were admitted.
fn admitted(limiter: &Limiter, keys: Range<u64>, now: u64) -> u64 {
    keys.filter(|key| limiter.check_at(key.to_ne_bytes(), 1, now).allowed()).count() as u64
}

fn assert_none_refused(limiter: &Limiter) {
    let stats = limiter.stats();
    assert_eq!((stats.refused_full, stats.evicted, stats.allowed_full), (0, 0, 0), "{stats:?}");
}

/// Runs the same in 4 threads that begin at once; the sum of what they return.
fn in_four_threads(run: impl Fn(u64) -> u64 + Sync) -> u64 {
    let start = Barrier::new(4);
    thread::scope(|scope| {
        let spawn = |thread| {
            let (start, run) = (&start, &run);
            scope.spawn(move || {
                start.wait();
                run(thread)
            })
        };
        let running: Vec<_> = (0..4).map(spawn).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn a_key_that_is_reset_over_and_over_takes_one_place() {
    let limiter = limiter("fixed-window 3/365d", 1_000, OnFull::Deny);
    for _ in 0..100_000 {
        assert!((0..3).all(|_| limiter.check_at("somebody", 1, IN_2026).allowed()));
        assert!(!limiter.check_at("somebody", 1, IN_2026).allowed());
        limiter.reset("somebody");
    }
    assert_eq!(limiter.stats_at(IN_2026).live_keys, 0);
    assert_eq!(admitted(&limiter, 0..1_000, IN_2026), 1_000, "the others' places are taken");
    assert_none_refused(&limiter);
}

#[test]
fn as_many_live_keys_fit_as_were_promised() {
    let limiters =
        [(1, 200), (2, 200), (7, 200), (10, 200), (100, 200), (1_000, 100), (100_000, 10), (1_000_000, 3)];
    for (max_keys, limiters) in limiters {
        for number in 0..limiters {
            let limiter = limiter("fixed-window 1/s", max_keys, OnFull::Deny);
            let fitted = admitted(&limiter, 0..max_keys, IN_2026);
            assert_eq!(fitted, max_keys, "limiter {number} with room for {max_keys}");
            assert_none_refused(&limiter);
            // They are there: each has used up its limit.
            assert_eq!(admitted(&limiter, 0..max_keys, IN_2026), 0, "limiter {number} with room for {max_keys}");
        }
    }
}

#[test]
fn as_many_keys_fit_again_each_time_that_all_have_expired() {
    for max_keys in [1, 2, 7, 10, 100, 1_000, 100_000] {
        let limiter = limiter("fixed-window 1/s", max_keys, OnFull::Deny);
        for round in 0..20 {
            let keys = round * max_keys..(round + 1) * max_keys;
            assert_eq!(
                admitted(&limiter, keys, IN_2026 + round * SECOND),
                max_keys,
                "round {round} of {max_keys}"
            );
        }
        assert_none_refused(&limiter);
    }
}

#[test]
fn slots_are_reused_without_end_by_the_keys_of_any_algorithm() {
    let max_keys = 1_000;
    for policy in ["fixed-window 1/s", "sliding-window 1/s", "token-bucket 1/s", "leaky-bucket 1/s"] {
        let limiter = limiter(policy, max_keys, OnFull::Deny);
        for batch in 0..50 {
            // A sliding window remembers a request for two periods.
            let now = IN_2026 + batch * 2 * SECOND;
            let keys = batch * max_keys..(batch + 1) * max_keys;
            assert_eq!(admitted(&limiter, keys, now), max_keys, "{policy}: batch {batch}");
        }
        assert_none_refused(&limiter);
        assert_eq!(limiter.stats().inserted, 50 * max_keys, "{policy}");
    }
}

// ---- Under a flood ----

const HEAVY: u64 = 100;

/// Has 100 keys use up their limit, then ten times `max_keys` others come once each, and looks whether the 100 are
/// still limited. `step` is by how much the time moves on between two others, in ns.
fn heavy_keys_forgotten(policy: &str, limit: u64, max_keys: u64, step: u64) -> u64 {
    let limiter = limiter(policy, max_keys, OnFull::Evict);
    let heavy = u64::MAX - HEAVY..u64::MAX;
    for _ in 0..limit {
        assert_eq!(admitted(&limiter, heavy.clone(), IN_2026), HEAVY);
    }
    let others = 10 * max_keys;
    let came =
        (0..others).filter(|other| limiter.check_at(other.to_ne_bytes(), 1, IN_2026 + other * step).allowed());
    assert_eq!(came.count() as u64, others, "each new key is admitted under {policy}");
    admitted(&limiter, heavy, IN_2026 + others * step)
}

fn assert_heavy_keys_stay_limited(max_keys: u64, tables: usize) {
    for algorithm in ["fixed-window", "sliding-window", "token-bucket", "leaky-bucket"] {
        for limit in [2, 100] {
            // A step so small that within the whole flood no permit comes back: the period is an hour.
            for step in [0, 3_600 * SECOND / 100 / (20 * max_keys)] {
                let policy = format!("{algorithm} {limit}/h");
                for table in 0..tables {
                    let forgotten = heavy_keys_forgotten(&policy, limit, max_keys, step);
                    assert_eq!(forgotten, 0, "{policy}, {max_keys} keys, {step} ns a key, table {table}");
                }
            }
        }
    }
}

#[test]
fn keys_at_their_limit_stay_limited_while_ten_times_as_many_others_come_by_a_small_table() {
    assert_heavy_keys_stay_limited(1_000, 10);
}

#[test]
fn keys_at_their_limit_stay_limited_while_ten_times_as_many_others_come_by_a_large_table() {
    assert_heavy_keys_stay_limited(100_000, 1);
}

// ---- When there is no room ----

#[test]
fn a_full_table_that_denies_refuses_new_keys_and_keeps_the_others_limited() {
    let limiter = limiter("fixed-window 1/s", 1_000, OnFull::Deny);
    let (mut inside, mut refused) = (Vec::new(), 0);
    for key in 0..10_000_u64 {
        let decision = limiter.check_at(key.to_ne_bytes(), 1, IN_2026);
        if decision.allowed() {
            inside.push(key);
            continue;
        }
        refused += 1;
        assert_eq!((decision.reason(), decision.retry_after()), (Reason::TableFull, None));
        assert_eq!((decision.limit(), decision.remaining()), (1, 0));
    }
    assert!(refused > 0 && inside.len() >= 1_000);
    for key in &inside {
        assert_eq!(limiter.check_at(key.to_ne_bytes(), 1, IN_2026).reason(), Reason::Limit);
    }
    let stats = limiter.stats();
    assert_eq!((stats.inserted, stats.refused_full), (inside.len() as u64, refused));
    assert_eq!((stats.evicted, stats.allowed_full), (0, 0));
    // In the next window there is room again.
    assert_eq!(admitted(&limiter, 20_000..21_000, IN_2026 + SECOND), 1_000);
    assert_eq!(limiter.stats().refused_full, refused);
}

#[test]
fn a_full_table_that_allows_admits_new_keys_uncounted_and_keeps_the_others_limited() {
    let limiter = limiter("fixed-window 1/s", 1_000, OnFull::Allow);
    let (mut inside, mut uncounted) = (Vec::new(), Vec::new());
    for key in 0..10_000_u64 {
        let decision = limiter.check_at(key.to_ne_bytes(), 1, IN_2026);
        assert!(decision.allowed());
        if decision.reason() == Reason::TableFull { &mut uncounted } else { &mut inside }.push(key);
    }
    assert!(inside.len() >= 1_000);
    for key in &inside {
        assert_eq!(limiter.check_at(key.to_ne_bytes(), 1, IN_2026).reason(), Reason::Limit);
    }
    for key in &uncounted {
        let decision = limiter.check_at(key.to_ne_bytes(), 1, IN_2026);
        assert!(decision.allowed() && decision.reason() == Reason::TableFull);
    }
    let stats = limiter.stats();
    assert_eq!((stats.inserted, stats.allowed_full), (inside.len() as u64, 2 * uncounted.len() as u64));
    assert_eq!((stats.evicted, stats.refused_full), (0, 0));
}

#[test]
fn each_key_that_gives_way_is_counted() {
    let limiter = limiter("fixed-window 1/h", 1_000, OnFull::Evict);
    assert_eq!(admitted(&limiter, 0..10_000, IN_2026), 10_000);
    let stats = limiter.stats();
    assert_eq!((stats.inserted, stats.refused_full, stats.allowed_full), (10_000, 0, 0));
    // Whoever was not evicted is still limited, and asking changes nothing for those who are.
    let limited = (0..10_000_u64).filter(|key| !limiter.peek_at(key.to_ne_bytes(), 1, IN_2026).allowed()).count();
    assert_eq!(stats.inserted - stats.evicted, limited as u64);
    assert_eq!(limiter.stats().evicted, stats.evicted);
}

#[test]
fn what_racing_threads_were_refused_or_admitted_uncounted_adds_up() {
    for on_full in [OnFull::Deny, OnFull::Allow] {
        let limiter = limiter("fixed-window 1/h", 1_000, on_full);
        let turned_away = in_four_threads(|thread| {
            let keys = thread * 5_000..(thread + 1) * 5_000;
            let reasons = keys.map(|key| limiter.check_at(key.to_ne_bytes(), 1, IN_2026).reason());
            reasons.filter(|&reason| reason == Reason::TableFull).count() as u64
        });
        let stats = limiter.stats();
        assert_eq!(stats.refused_full + stats.allowed_full, turned_away, "{on_full:?}");
        assert_eq!(stats.inserted + turned_away, 20_000, "{on_full:?}");
        assert_eq!(if on_full == OnFull::Deny { stats.allowed_full } else { stats.refused_full }, 0);
    }
    let limiter = limiter("fixed-window 1/h", 1_000, OnFull::Evict);
    let came = in_four_threads(|thread| admitted(&limiter, thread * 5_000..(thread + 1) * 5_000, IN_2026));
    assert_eq!(came, 20_000, "a table that evicts turns nobody away");
    assert_eq!((limiter.stats().refused_full, limiter.stats().allowed_full), (0, 0));
}

// ---- By threads at once ----

#[test]
fn new_keys_from_four_threads_at_once_are_each_charged_once() {
    for _ in 0..5 {
        let limiter = limiter("token-bucket 5/h", 100_000, OnFull::Deny);
        let fitted = in_four_threads(|thread| admitted(&limiter, thread * 25_000..(thread + 1) * 25_000, IN_2026));
        assert_eq!(fitted, 100_000);
        assert_none_refused(&limiter);
        for key in 0..100_000_u64 {
            assert_eq!(limiter.peek_at(key.to_ne_bytes(), 0, IN_2026).remaining(), 4, "key {key}");
        }
    }
}

#[test]
fn the_same_new_keys_from_four_threads_at_once_are_admitted_once_each() {
    for policy in ["fixed-window 1/h", "sliding-window 1/h", "token-bucket 1/h", "leaky-bucket 1/h"] {
        let limiter = limiter(policy, 100_000, OnFull::Deny);
        assert_eq!(in_four_threads(|_| admitted(&limiter, 0..100_000, IN_2026)), 100_000, "{policy}");
        assert_none_refused(&limiter);
        assert_eq!(limiter.stats().inserted, 100_000, "{policy}");
    }
}

// ---- After refunds and resets ----

#[test]
fn slots_come_back_when_what_was_given_back_or_forgotten_would_have_expired() {
    let max_keys = 1_000;
    // What one permit keeps a slot for, in periods of a second; a refunded slot is kept for one such time longer.
    for (policy, periods) in
        [("fixed-window 1/s", 1), ("sliding-window 1/s", 2), ("token-bucket 1/s", 1), ("leaky-bucket 1/s", 1)]
    {
        for (given_back, wait) in [("refunds", 2 * periods), ("resets", periods)] {
            let limiter = limiter(policy, max_keys, OnFull::Deny);
            for round in 0..20 {
                let now = IN_2026 + round * wait * SECOND;
                let keys = round * max_keys..(round + 1) * max_keys;
                let what = format!("{policy}, round {round} of {given_back}");
                assert_eq!(admitted(&limiter, keys.clone(), now), max_keys, "{what}");
                for key in keys.map(u64::to_ne_bytes) {
                    if given_back == "refunds" {
                        limiter.refund_at(key, 1, now);
                    } else {
                        limiter.reset(key);
                    }
                    assert!(limiter.peek_at(key, 1, now).allowed(), "{what}");
                }
            }
            assert_none_refused(&limiter);
        }
    }
}

// ---- Memory ----

/// How much memory the process has resident, in KiB; 0 where there is no telling.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse().unwrap())
}

#[test]
fn a_key_costs_at_most_32_bytes() {
    for max_keys in [1_000, 1_001, 10_000, 100_000, 1_000_000] {
        let stats = limiter("token-bucket 1/s", max_keys, OnFull::Evict).stats();
        assert_eq!(stats.capacity, max_keys);
        assert!(stats.memory_bytes <= 32 * max_keys, "{stats:?}");
    }
}

/// So many distinct keys by a limiter with room for 100,000, in a process of their own: other tests that run in this
/// one would come and go in its memory.
fn flood_in_a_process_of_its_own(test: &str, keys: u64) {
    const CHILD: &str = "SLUICEGATE_TEST_FLOOD";
    if std::env::var_os(CHILD).is_none() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = child.args(["--exact", test, "--include-ignored"]).env(CHILD, "1").status().unwrap();
        assert!(ended.success());
        return;
    }
    let limiter = limiter("token-bucket 10/s", 100_000, OnFull::Evict);
    let bytes = limiter.stats().memory_bytes;
    // Once every page of the table has been touched, nothing may be added.
    let touched = 500_000;
    let flood = |keys: Range<u64>| {
        for key in keys {
            assert!(limiter.check_at(key.to_ne_bytes(), 1, IN_2026 + key).allowed());
        }
    };
    flood(0..touched);
    let before = resident_kib();
    flood(touched..keys);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 4 * 1024, "{grown} KiB were added");
    assert_eq!(limiter.stats().memory_bytes, bytes);
}

#[test]
fn memory_does_not_grow_while_five_million_keys_come_by() {
    flood_in_a_process_of_its_own("memory_does_not_grow_while_five_million_keys_come_by", 5_000_000);
}

#[test]
#[ignore = "minutes: run by .ci/run"]
fn memory_does_not_grow_while_fifty_million_keys_come_by() {
    flood_in_a_process_of_its_own("memory_does_not_grow_while_fifty_million_keys_come_by", 50_000_000);
}
