//! One request held to several limits is charged to all of them or to none.

#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;

use common::{HOUR, IN_2026, Numbers};
use sluicegate::{Charge, Clock, Decision, Limiter, ManualClock, OnFull, Reason, check_all, check_all_at};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;

const ALGORITHMS: [&str; 4] = ["fixed-window", "sliding-window", "token-bucket", "leaky-bucket"];

fn limiter(policy: &str) -> Limiter {
    Limiter::builder(policy).max_keys(10_000).on_full(OnFull::Deny).build().unwrap()
}

fn remaining(limiter: &Limiter, key: &str) -> u64 {
    limiter.peek_at(key, 0, IN_2026).remaining()
}

#[test]
fn all_are_charged_if_all_allow() {
    for algorithm in ALGORITHMS {
        let (first, second) = (limiter(&format!("{algorithm} 10/h")), limiter(&format!("{algorithm} 5/h")));
        let charges = [Charge::new(&first, "address").cost(2), Charge::new(&second, "user")];
        let mut decisions = [Decision::default(); 2];
        assert!(check_all_at(&charges, &mut decisions, IN_2026));
        assert_eq!((decisions[0].remaining(), decisions[1].remaining()), (8, 4), "{algorithm}");
        assert_eq!((remaining(&first, "address"), remaining(&second, "user")), (8, 4), "{algorithm}");
    }
}

#[test]
fn none_is_charged_if_one_denies_whichever_it_is() {
    for denying in 0..3 {
        let limiters: Vec<_> =
            (0..3).map(|n| limiter(if n == denying { "token-bucket 1/h" } else { "token-bucket 9/h" })).collect();
        let charges: Vec<_> = limiters.iter().map(|limiter| Charge::new(limiter, "ann")).collect();
        let mut decisions = [Decision::default(); 3];
        assert!(check_all_at(&charges, &mut decisions, IN_2026));
        let left: Vec<_> = limiters.iter().map(|limiter| limiter.peek_at("ann", 0, IN_2026)).collect();
        assert!(!check_all_at(&charges, &mut decisions, IN_2026));
        for (n, limiter) in limiters.iter().enumerate() {
            assert_eq!(decisions[n].allowed(), n != denying);
            assert_eq!(decisions[n].remaining(), left[n].remaining());
            assert_eq!(limiter.peek_at("ann", 0, IN_2026), left[n]);
        }
        assert_eq!(decisions[denying].reason(), Reason::Limit);
        assert!(decisions[denying].retry_after().is_some());
    }
}

#[test]
fn a_denial_writes_nothing_not_even_a_new_key() {
    let (open, shut) = (limiter("token-bucket 10/h"), limiter("token-bucket 0/h"));
    let charges = [Charge::new(&open, "new"), Charge::new(&shut, "new")];
    assert!(!check_all_at(&charges, &mut [Decision::default(); 2], IN_2026));
    assert_eq!(open.stats_at(IN_2026).inserted, 0);
}

#[test]
fn two_charges_to_one_key_are_both_counted() {
    let (limiter, open) = (limiter("fixed-window 3/h"), limiter("fixed-window 9/h"));
    let charges = [Charge::new(&limiter, "ann").cost(2), Charge::new(&limiter, "ann").cost(2)];
    let mut decisions = [Decision::default(); 2];
    // Either would fit alone, so the asking finds nothing, and what was charged for the first is given back.
    assert!(!check_all_at(&charges, &mut decisions, IN_2026));
    assert_eq!(remaining(&limiter, "ann"), 3);
    assert_eq!(decisions[0].remaining(), 3);
    let charges =
        [Charge::new(&limiter, "ann").cost(2), Charge::new(&limiter, "ann").cost(2), Charge::new(&open, "ann")];
    let mut three = [Decision::default(); 3];
    assert!(!check_all_at(&charges, &mut three, IN_2026));
    assert_eq!(
        three.map(|decision| (decision.allowed(), decision.remaining())),
        [(true, 3), (false, 1), (true, 9)]
    );
    let charges = [Charge::new(&limiter, "ann"), Charge::new(&limiter, "ann").cost(2)];
    assert!(check_all_at(&charges, &mut decisions, IN_2026));
    assert_eq!(remaining(&limiter, "ann"), 0);
}

#[test]
fn no_limit_at_all_allows() {
    assert!(check_all::<ManualClock>(&[], &mut []));
}

#[test]
fn each_limit_is_asked_at_the_time_of_its_clock() {
    let (early, late) = (ManualClock::new(IN_2026), ManualClock::new(IN_2026 + HOUR / 2));
    let with = |clock| Limiter::builder("token-bucket 2/h").max_keys(10).clock(clock).build().unwrap();
    let (first, second) = (with(&early), with(&late));
    let charges = [Charge::new(&first, "ann"), Charge::new(&second, "ann")];
    assert!(check_all(&charges, &mut [Decision::default(); 2]));
    assert_eq!(first.peek_at("ann", 0, IN_2026), second.peek_at("ann", 0, IN_2026 + HOUR / 2));
}

/// The clock of somebody who is stopped between a charge and its being taken back: for so long that the charge has lapsed
/// and somebody else has come for the same key.
#[derive(Debug, Default)]
struct Stopped {
    readings: AtomicUsize,
    limiter: OnceLock<&'static Limiter<Stopped>>,
}

impl Clock for Stopped {
    fn now(&self) -> u64 {
        // Two charges are asked for, and made; the first is taken back.
        if self.readings.fetch_add(1, Ordering::Relaxed) < 4 {
            return IN_2026;
        }
        let _ = self.limiter.get().unwrap().check_at("ann", 1, IN_2026 + HOUR);
        IN_2026 + HOUR
    }
}

#[test]
fn a_charge_that_has_lapsed_is_not_taken_back_from_others() {
    for policy in ["fixed-window 3/h", "token-bucket 3/h", "leaky-bucket 3/h"] {
        let limiter = Limiter::builder(policy).max_keys(10).clock(Stopped::default()).build().unwrap();
        let limiter: &'static _ = Box::leak(Box::new(limiter));
        limiter.clock().limiter.set(limiter).unwrap();
        let twice = [Charge::new(limiter, "ann").cost(2); 2];
        assert!(!check_all(&twice, &mut [Decision::default(); 2]));
        let others = limiter.clock().readings.load(Ordering::Relaxed) as u64 - 4;
        assert_eq!(limiter.peek_at("ann", 0, IN_2026 + HOUR).remaining(), 3 - others, "{policy}");
    }
}

/// Threads with one limit in common and one of their own, over and over, as it is the last permits that are raced for:
/// what each limit counts is exactly what was admitted, so that every charge of a denied request was given back, once.
#[test]
fn under_races_every_limit_counts_exactly_what_was_admitted() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 2_000;
    const COMMON: u64 = 30;
    const OWN: u64 = 10;
    for algorithm in ALGORITHMS {
        let common = limiter(&format!("{algorithm} {COMMON}/30d"));
        let own = limiter(&format!("{algorithm} {OWN}/30d"));
        let start = Barrier::new(THREADS);
        let run = |thread: usize| -> Vec<u64> {
            let mut random = Numbers(thread as u64);
            let admitted_in = |round: usize| {
                let (key, all) = (format!("{thread} in {round}"), format!("all in {round}"));
                start.wait();
                let mut admitted = 0;
                for _ in 0..2 * OWN {
                    let cost = 1 + random.below(3);
                    let mut charges = [Charge::new(&own, &key).cost(cost), Charge::new(&common, &all).cost(cost)];
                    if random.below(2) == 0 {
                        charges.reverse();
                    }
                    let mut decisions = [Decision::default(); 2];
                    let allowed = check_all_at(&charges, &mut decisions, IN_2026);
                    assert_eq!(allowed, decisions.iter().all(Decision::allowed));
                    admitted += if allowed { cost } else { 0 };
                }
                admitted
            };
            (0..ROUNDS).map(admitted_in).collect()
        };
        let admitted: Vec<Vec<u64>> = thread::scope(|scope| {
            let running: Vec<_> = (0..THREADS)
                .map(|thread| {
                    scope.spawn({
                        let run = &run;
                        move || run(thread)
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for round in 0..ROUNDS {
            let in_all: u64 = admitted.iter().map(|rounds| rounds[round]).sum();
            assert_eq!(remaining(&common, &format!("all in {round}")), COMMON - in_all, "{algorithm}");
            for (thread, rounds) in admitted.iter().enumerate() {
                assert_eq!(remaining(&own, &format!("{thread} in {round}")), OWN - rounds[round], "{algorithm}");
            }
        }
    }
}
