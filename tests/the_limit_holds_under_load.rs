//! "The limit holds": whatever the threads, the permits admitted to a key are those of some order of its requests.

#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;

use common::agreement::{Tolerance, agrees};
use common::bounds::{Admitted, assert_holds, counted_in};
use common::{IN_2026, Numbers, ns, policy_of};
use model::{Exact, Kind, Model, Rule};
use sluicegate::{Decision, Limiter, OnFull};
use std::collections::{HashMap, HashSet};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

const KINDS: [Kind; 4] = [Kind::FixedWindow, Kind::SlidingWindow, Kind::TokenBucket, Kind::LeakyBucket];

fn rule(kind: Kind, limit: u64, period: u64, burst: u64) -> Rule {
    let rule = Rule::new(kind, limit, period);
    if rule.is_bucket() { rule.burst(burst) } else { rule }
}

/// A limiter that has room for all keys of a test, so that nothing but the limit denies.
fn limiter_of(rule: &Rule) -> Limiter {
    Limiter::builder(policy_of(rule).unwrap()).max_keys(100_000).on_full(OnFull::Deny).build().unwrap()
}

/// Runs the same in so many threads that begin at once; what each returns.
fn in_threads<T: Send>(threads: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let spawn = |thread| {
            let (start, run) = (&start, &run);
            scope.spawn(move || {
                start.wait();
                run(thread)
            })
        };
        let running: Vec<_> = (0..threads).map(spawn).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

// ---- In any length of time ----

/// Threads whose clocks differ by microseconds ask for random keys; what each key was admitted.
///
/// A slot whose key is fresh at one request's time may go to another key, and a late request then finds its key
/// never seen. So where that has happened, the late requests are left out: the rest must keep to the limit.
fn admitted_under_load(rule: &Rule, keys: u64, threads: usize, requests: usize) -> Vec<Vec<Admitted>> {
    let limiter = limiter_of(rule);
    let (clock, latest) = (Instant::now(), AtomicU64::new(0));
    let by_thread = in_threads(threads, |thread| {
        let mut random = Numbers(thread as u64);
        // Clocks stand up to 3 microseconds before or behind the middle one.
        let skew = thread as u64 * 1_000 % 7_000;
        let mut admitted = Vec::new();
        for _ in 0..requests {
            let (key, cost) = (random.below(keys), random.below(6));
            // One request in ten has been under way for up to a period.
            let late = if random.below(10) == 0 { random.below(rule.period) } else { 0 };
            let now = IN_2026 + ns(clock.elapsed()) + rule.period + skew - late;
            latest.fetch_max(now, Ordering::SeqCst);
            let decision = limiter.check_at(key.to_ne_bytes(), cost, now);
            if decision.allowed() && cost > 0 {
                let reset_after = ns(decision.reset_after());
                // The latest time of any request that was invoked before this one was answered.
                let latest = latest.load(Ordering::SeqCst);
                admitted.push((key, Admitted { now, cost, reset_after }, latest));
            }
        }
        admitted
    });
    let stats = limiter.stats();
    assert_eq!((stats.refused_full, stats.evicted), (0, 0), "the table is large enough");
    let none_was_forgotten = stats.inserted <= keys;
    let counts = |admitted: &Admitted, latest: u64| {
        // A window's requests are remembered until it is over. A bucket may have been fresh at any later time.
        let is_late = if rule.is_bucket() {
            admitted.now < latest
        } else {
            counted_in(rule, admitted) < latest / rule.period
        };
        none_was_forgotten || !is_late
    };
    let mut by_key = vec![Vec::new(); keys as usize];
    let counted = by_thread.into_iter().flatten().filter(|(_, admitted, latest)| counts(admitted, *latest));
    counted.for_each(|(key, admitted, _)| by_key[key as usize].push(admitted));
    by_key
}

#[test]
fn no_length_of_time_sees_more_admitted_than_the_policy_allows() {
    // The more keys, the less often each is asked for: limits and periods at which each is denied now and then.
    for (keys, limit, period, requests) in
        [(1, 20, 100_000, 40_000), (10, 10, 1_000_000, 40_000), (10_000, 5, 50_000_000, 40_000)]
    {
        for kind in KINDS {
            let rule = rule(kind, limit, period, 2 * limit);
            for threads in [4, 8] {
                for admitted in admitted_under_load(&rule, keys, threads, requests) {
                    assert_holds(&rule, admitted);
                }
            }
        }
    }
}

// ---- As in some order ----

#[derive(Clone, Copy, Debug)]
enum Request {
    Check(u64),
    Peek(u64),
    Refund(u64),
    Reset,
}

/// A request, its answer, and when it was under way: from `invoked` to `answered` on one counter for all.
#[derive(Clone, Debug)]
struct Event {
    invoked: u64,
    answered: u64,
    now: u64,
    request: Request,
    /// That of a refund or a reset says nothing.
    decision: Decision,
}

struct Recorder<'a> {
    limiter: &'a Limiter,
    counter: &'a AtomicU64,
}

impl Recorder<'_> {
    fn record(&self, key: u64, now: u64, request: Request) -> Event {
        let key = key.to_ne_bytes();
        let invoked = self.counter.fetch_add(1, Ordering::SeqCst);
        let mut decision = Decision::default();
        match request {
            Request::Check(cost) => decision = self.limiter.check_at(key, cost, now),
            Request::Peek(cost) => decision = self.limiter.peek_at(key, cost, now),
            Request::Refund(cost) => self.limiter.refund_at(key, cost, now),
            Request::Reset => self.limiter.reset(key),
        }
        let answered = self.counter.fetch_add(1, Ordering::SeqCst);
        Event { invoked, answered, now, request, decision }
    }
}

/// What a model's state answers at some times, by which any two states are told apart. The first time is before all
/// requests, where nothing has drained and every window seen is still the current one.
fn fingerprint(model: &dyn Model, history: &[Event]) -> Vec<(Exact, Exact)> {
    let period = i128::from(model.rule().period);
    let first = history.iter().map(|event| i128::from(event.now)).min().unwrap_or(0);
    let times = [first - 4 * period, first, first + period / 2, first + period, first + 3 * period / 2];
    // Which window a sliding state is in shows only in where it counts the next request.
    let mut charged = model.copy();
    charged.consume(first, 1);
    let told = |model: &dyn Model, time| (model.left(time), model.reset_after(time));
    times.iter().map(|&time| told(model, time)).chain([told(charged.as_ref(), first)]).collect()
}

/// Wing and Gong's search: whether the events not in `done` follow upon `model` in some order in which none comes
/// before one that was answered before it was invoked. `dead` holds what has been tried in vain.
fn is_explained(
    history: &[Event],
    done: u32,
    model: &dyn Model,
    dead: &mut HashSet<(u32, Vec<(Exact, Exact)>)>,
) -> bool {
    let left = || (0..history.len()).filter(|index| done & 1 << index == 0);
    let Some(first_answer) = left().map(|index| history[index].answered).min() else {
        return true;
    };
    if !dead.is_empty() && dead.contains(&(done, fingerprint(model, history))) {
        return false;
    }
    for index in left().filter(|&index| history[index].invoked < first_answer) {
        let Event { now, request, decision, .. } = &history[index];
        let mut model = model.copy();
        let answers = |cost| agrees(decision, model.as_ref(), *now, cost, Tolerance::None).is_ok();
        match *request {
            Request::Check(cost) | Request::Peek(cost) if !answers(cost) => continue,
            Request::Check(cost) => _ = model.check((*now).into(), cost),
            Request::Peek(_) => {}
            Request::Refund(cost) => model.refund((*now).into(), cost),
            Request::Reset => model.reset(),
        }
        if is_explained(history, done | 1 << index, model.as_ref(), dead) {
            return true;
        }
    }
    dead.insert((done, fingerprint(model, history)));
    false
}

/// Rounds of a few requests by a few threads at once, each round for a key of its own.
fn histories(
    rule: &Rule,
    rounds: u64,
    seed: u64,
    request: impl Fn(&mut Numbers) -> Request + Sync,
) -> Vec<Vec<Event>> {
    let (limiter, counter, arrived) = (limiter_of(rule), AtomicU64::new(0), AtomicUsize::new(0));
    let recorder = Recorder { limiter: &limiter, counter: &counter };
    let threads = 3 + seed as usize % 2;
    // Waits until all threads have arrived so often.
    let wait_for = |times: usize| {
        while arrived.load(Ordering::SeqCst) < threads * times {
            thread::yield_now();
        }
    };
    let by_thread = in_threads(threads, |thread| {
        let mut random = Numbers(seed << 8 | thread as u64);
        let mut events = Vec::new();
        for round in 0..rounds {
            // The times of a round lie around the end of a window, and go back as often as they go forward.
            let time = IN_2026 / rule.period * rule.period + 10 * round * rule.period;
            let planned: Vec<_> = (0..3 + random.below(3))
                .map(|_| (time + random.below(2 * rule.period), request(&mut random)))
                .collect();
            // Threads go into a round together, awake: a barrier that puts them to sleep would wake them in turn.
            arrived.fetch_add(1, Ordering::SeqCst);
            wait_for(2 * round as usize + 1);
            for (now, request) in planned {
                events.push((round, recorder.record(round, now, request)));
            }
            // What the key is left with belongs to the history. By the next round it may be forgotten.
            arrived.fetch_add(1, Ordering::SeqCst);
            if thread == 0 {
                wait_for(2 * round as usize + 2);
                events.push((round, recorder.record(round, time, Request::Peek(1))));
            }
        }
        events
    });
    let mut by_round = HashMap::<u64, Vec<Event>>::new();
    by_thread.into_iter().flatten().for_each(|(round, event)| by_round.entry(round).or_default().push(event));
    by_round.into_values().collect()
}

fn assert_explained(seed: u64, request: impl Fn(&mut Numbers) -> Request + Sync) {
    for kind in KINDS {
        for (limit, burst) in [(3, 4), (10, 10)] {
            let rule = rule(kind, limit, 30_000, burst);
            for seed in [seed, seed + 1] {
                let mut overlapping = 0;
                for mut history in histories(&rule, 1_000, seed, &request) {
                    history.sort_by_key(|event| event.invoked);
                    overlapping += u64::from(history.windows(2).any(|pair| pair[1].invoked < pair[0].answered));
                    let explained = is_explained(&history, 0, rule.model().as_ref(), &mut HashSet::new());
                    assert!(explained, "no order explains, with seed {seed}, under {rule:?}: {history:#?}");
                }
                println!("{rule:?}, seed {seed}: requests overlapped in {overlapping} of 1000 rounds");
            }
        }
    }
}

#[test]
fn checks_that_race_are_answered_as_in_some_order() {
    assert_explained(100, |random| Request::Check(random.below(6)));
}

#[test]
fn checks_refunds_and_resets_that_race_are_answered_as_in_some_order() {
    assert_explained(200, |random| match random.below(10) {
        0..6 => Request::Check(random.below(6)),
        6 => Request::Peek(random.below(6)),
        7 | 8 => Request::Refund(random.below(6)),
        _ => Request::Reset,
    });
}

#[test]
fn a_history_that_no_order_explains_is_found_out() {
    // Two permits of one: what the search is for, and must not let pass.
    let rule = Rule::new(Kind::TokenBucket, 1, 1_000_000);
    let admitted = limiter_of(&rule).check_at("key", 1, IN_2026);
    let event =
        |invoked| Event { invoked, answered: 9, now: IN_2026, request: Request::Check(1), decision: admitted };
    assert!(is_explained(&[event(0)], 0, rule.model().as_ref(), &mut HashSet::new()));
    assert!(!is_explained(&[event(0), event(1)], 0, rule.model().as_ref(), &mut HashSet::new()));
}

// ---- To the last permit ----

fn rules_at_one_time() -> [Rule; 4] {
    KINDS.map(|kind| rule(kind, 100, 1_000_000_000, 150))
}

#[test]
fn demand_far_above_the_limit_is_admitted_the_limit_to_the_last_permit() {
    for rule in rules_at_one_time() {
        let limiter = limiter_of(&rule);
        for round in 0..300_u64 {
            let key = round.to_ne_bytes();
            let admitted = in_threads(4, |_| {
                let asked = 0..rule.capacity();
                asked.filter(|_| limiter.check_at(key, 1, IN_2026).allowed()).count() as u64
            });
            assert_eq!(admitted.iter().sum::<u64>(), rule.capacity(), "{rule:?}, round {round}: {admitted:?}");
        }
    }
}

#[test]
fn permits_given_back_are_admitted_again_to_the_last_one() {
    for rule in rules_at_one_time() {
        let limiter = limiter_of(&rule);
        for round in 0..300_u64 {
            let key = round.to_ne_bytes();
            let kept = in_threads(4, |thread| {
                let mut random = Numbers(round << 8 | thread as u64);
                let mut kept = 0;
                for _ in 0..rule.capacity() {
                    let cost = 1 + random.below(5);
                    if random.below(3) > 0 {
                        kept += if limiter.check_at(key, cost, IN_2026).allowed() { cost } else { 0 };
                    } else if cost <= kept {
                        // A thread gives back no more than it has, so the key is never given back what it has not.
                        limiter.refund_at(key, cost, IN_2026);
                        kept -= cost;
                    }
                }
                kept
            });
            let left = rule.capacity() - kept.iter().sum::<u64>();
            assert_eq!(limiter.peek_at(key, 0, IN_2026).remaining(), left, "{rule:?}, round {round}");
        }
    }
}
