//! The table under loom: the shipped code, in every order of its accesses that up to three preemptions allow.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib models`. Each model asserts that it was run often enough, so
//! that a bound cannot end it early unseen, and loom fails a model in which a thread goes on for more than
//! `MAX_BRANCHES` accesses, which is how a livelock shows. `tests/broken_models.py` takes out, one after another,
//! the steps that these models protect, and sees them fail.

use super::layout::{Geometry, SLOTS};
use super::{Deciding, KeyId, OnFull, Stage, Table};
use crate::algorithm::Rule;
use crate::decision::{Decision, Reason};
use crate::policy::Policy;
use crate::sync::AtomicU64;
use loom::sync::{Arc, Notify};
use loom::thread;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

const MAX_BRANCHES: usize = 20_000;
/// The period of the policies in these models, in ns.
const PERIOD: u64 = 1_000;

/// Runs `model` in all orders of at most three preemptions; there must be at least `orders` of them.
fn in_all_orders(orders: usize, model: impl Fn() + Sync + Send + 'static) {
    let runs = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(4);
    builder.max_branches = MAX_BRANCHES;
    (builder.max_permutations, builder.max_duration) = (None, None);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let runs = runs.load(Ordering::Relaxed);
    assert!(runs >= orders, "only {runs} orders were run");
    println!("{runs} orders");
}

fn table(buckets: usize, policy: &str, on_full: OnFull) -> Arc<Table> {
    Arc::new(unshared_table(buckets, policy, on_full))
}

fn unshared_table(buckets: usize, policy: &str, on_full: OnFull) -> Table {
    let policy: Policy = policy.parse().unwrap();
    Table::new(Rule::new(&policy).unwrap(), Geometry { buckets }, on_full).unwrap()
}

const fn key(home: usize, fingerprint: u32) -> KeyId {
    KeyId { home, fingerprint }
}

fn check(table: &Arc<Table>, key: KeyId, now: u64) -> impl FnOnce() -> Decision + 'static {
    let table = table.clone();
    move || table.check(key, now, 1)
}

/// How many slots of the table are the key's.
fn entries(table: &Table, key: KeyId) -> usize {
    let buckets = table.geometry.buckets;
    let places = (0..buckets).flat_map(|bucket| (0..SLOTS).map(move |slot| (bucket, slot)));
    places
        .filter(|&(bucket, slot)| {
            let tag = table.tag(bucket, slot);
            tag.displacement().is_some_and(|displacement| {
                tag.is_of(key.fingerprint, displacement)
                    && table.geometry.home_of(bucket, displacement) == key.home
            })
        })
        .count()
}

#[test]
fn two_first_requests_for_one_key_end_in_one_entry() {
    in_all_orders(200, || {
        let table = table(2, "fixed-window 1/us", OnFull::Deny);
        let key = key(0, 7);
        let other = thread::spawn(check(&table, key, 0));
        let mine = check(&table, key, 0)();
        let theirs = other.join().unwrap();
        assert!(mine.allowed() ^ theirs.allowed(), "{mine:?} {theirs:?}");
        assert_eq!(entries(&table, key), 1);
        let owned = (0..2).filter(|&bucket| table.tag(bucket, 0).displacement().is_some()).count();
        assert_eq!(owned, 1, "a slot went to a key that nobody asked for");
    });
}

#[test]
fn requests_for_one_key_never_get_more_than_its_limit() {
    in_all_orders(10, || {
        let table = table(1, "token-bucket 2/us", OnFull::Deny);
        let key = key(0, 7);
        assert!(table.check(key, 0, 1).allowed());
        let other = thread::spawn(check(&table, key, 0));
        let mine = check(&table, key, 0)();
        assert!(mine.allowed() ^ other.join().unwrap().allowed());
    });
}

#[test]
fn a_key_that_comes_back_and_one_that_wants_its_slot_do_not_both_get_it() {
    comes_back_while_its_slot_is_wanted("fixed-window 1/us");
}

/// Whose checks are decided in line.
#[test]
fn a_bucket_that_comes_back_and_a_key_that_wants_its_slot_do_not_both_get_it() {
    comes_back_while_its_slot_is_wanted("token-bucket 1/us");
}

fn comes_back_while_its_slot_is_wanted(policy: &'static str) {
    in_all_orders(200, move || {
        let table = table(1, policy, OnFull::Deny);
        let (old, new) = (key(0, 7), key(0, 8));
        assert!(table.check(old, 0, 1).allowed());
        // The slot has expired: its owner comes back while another key wants it.
        let newcomer = thread::spawn(check(&table, new, PERIOD));
        let revived = check(&table, old, PERIOD)();
        let newcomer = newcomer.join().unwrap();
        assert!(revived.allowed() ^ newcomer.allowed(), "{revived:?} {newcomer:?}");
        for (key, first) in [(old, revived), (new, newcomer)] {
            // The loser was turned away for want of room and not for what the other had used up, and the
            // winner's permit is remembered.
            let reason = if first.allowed() { Reason::Limit } else { Reason::TableFull };
            assert_eq!(first.reason(), if first.allowed() { Reason::None } else { Reason::TableFull });
            assert_eq!(table.check(key, PERIOD, 1).reason(), reason);
        }
    });
}

#[test]
fn neighbouring_homes_that_want_one_slot_do_not_both_get_it() {
    in_all_orders(200, || {
        let table = table(2, "fixed-window 1/us", OnFull::Deny);
        assert!(table.check(key(0, 6), 0, 1).allowed());
        let (spilled, at_home) = (key(0, 7), key(1, 7));
        let other = thread::spawn(check(&table, spilled, 0));
        let mine = check(&table, at_home, 0)();
        let theirs = other.join().unwrap();
        assert!(mine.allowed() ^ theirs.allowed(), "{mine:?} {theirs:?}");
        assert_eq!(entries(&table, spilled) + entries(&table, at_home), 1);
        assert_eq!(table.check(key(0, 6), 0, 1).reason(), Reason::Limit);
    });
}

#[test]
fn a_spilled_key_comes_back_while_its_slot_is_wanted_by_the_slots_home() {
    in_all_orders(200, || {
        let table = table(2, "fixed-window 1/us", OnFull::Deny);
        let (stays, spilled, at_home) = (key(0, 6), key(0, 7), key(1, 8));
        assert!(table.check(stays, 0, 1).allowed() && table.check(spilled, 0, 1).allowed());
        assert!(table.check(stays, PERIOD, 1).allowed());
        let other = thread::spawn(check(&table, spilled, PERIOD));
        let mine = check(&table, at_home, PERIOD)();
        let theirs = other.join().unwrap();
        assert!(mine.allowed() ^ theirs.allowed(), "{mine:?} {theirs:?}");
        assert_eq!(entries(&table, spilled) + entries(&table, at_home), 1);
    });
}

#[test]
fn an_eviction_takes_the_least_consumed_key_and_no_other() {
    in_all_orders(200, || {
        let table = table(3, "fixed-window 2/us", OnFull::Evict);
        let heavy = key(0, 6);
        assert!(table.check(heavy, 0, 2).allowed());
        for light in [key(1, 7), key(2, 8)] {
            assert!(table.check(light, 0, 1).allowed());
        }
        let other = thread::spawn(check(&table, key(0, 9), 0));
        let mine = check(&table, key(1, 9), 0)();
        assert!(mine.allowed() && other.join().unwrap().allowed());
        assert_eq!(table.check(heavy, 0, 1).reason(), Reason::Limit, "the heavy key was forgotten");
    });
}

#[test]
fn refunds_and_charges_of_one_key_add_up() {
    in_all_orders(3, || {
        let table = table(1, "token-bucket 2/us", OnFull::Deny);
        let key = key(0, 7);
        assert!(table.check(key, 0, 2).allowed());
        let refunding = table.clone();
        let refund = thread::spawn(move || refunding.refund(key, 0, 1));
        let mine = check(&table, key, 0)();
        refund.join().unwrap();
        assert_eq!(table.peek(key, 0, 0).remaining(), u64::from(!mine.allowed()));
    });
}

#[test]
fn a_refund_never_reaches_the_next_owner_of_the_slot() {
    in_all_orders(10, || {
        let table = table(1, "token-bucket 1/us burst=2", OnFull::Deny);
        let (old, new) = (key(0, 7), key(0, 8));
        assert!(table.check(old, 0, 1).allowed());
        // One refund lowers the word, so that the slot may go to another key whose word then is what the other
        // refund may still hold.
        let refunding = table.clone();
        let refund = thread::spawn(move || refunding.refund(old, 0, 1));
        table.refund(old, 0, 1);
        let mine = check(&table, new, 0)();
        refund.join().unwrap();
        if mine.allowed() {
            assert_eq!(table.peek(new, 0, 0).remaining(), 1, "the next owner was given a permit back");
        }
    });
}

#[test]
fn a_key_whose_home_is_full_for_one_and_free_for_another_has_one_entry() {
    in_all_orders(200, || {
        let table = table(2, "token-bucket 1/us", OnFull::Deny);
        let (old, new) = (key(0, 6), key(0, 7));
        assert!(table.check(old, 0, 1).allowed());
        // The old key's slot has expired by the later time, so one goes to it and the other to the next bucket.
        let late = thread::spawn(check(&table, new, PERIOD - 1));
        let mine = check(&table, new, PERIOD)();
        let theirs = late.join().unwrap();
        assert!(mine.allowed() ^ theirs.allowed(), "{mine:?} {theirs:?}");
        assert_eq!(entries(&table, new), 1);
        assert_eq!(table.check(new, PERIOD, 1).reason(), Reason::Limit);
    });
}

#[test]
fn a_key_that_goes_to_two_places_away_from_home_has_one_entry() {
    const NOW: u64 = PERIOD - 1;
    in_all_orders(200, || {
        let table = table(3, "token-bucket 1/us", OnFull::Deny);
        let new = key(0, 7);
        // The next bucket's slot has expired by the later time, and the one after that was never used.
        assert!(table.check(key(0, 6), NOW, 1).allowed() && table.check(key(1, 5), 0, 1).allowed());
        let early = thread::spawn(check(&table, new, NOW));
        let mine = check(&table, new, PERIOD)();
        let theirs = early.join().unwrap();
        assert!(mine.allowed() ^ theirs.allowed(), "{mine:?} {theirs:?}");
        assert_eq!(entries(&table, new), 1);
        assert_eq!(table.check(new, PERIOD, 1).reason(), Reason::Limit);
    });
}

#[test]
fn a_key_that_spills_while_the_reach_of_its_home_is_lowered_is_found() {
    const NOW: u64 = 2 * PERIOD;
    in_all_orders(200, || {
        let table = table(2, "fixed-window 1/us", OnFull::Deny);
        let (stays, went, spills, lowers) = (key(0, 6), key(0, 5), key(0, 7), key(0, 8));
        // A key of this home was in the next bucket, a key of that one took its place, and has expired too by now.
        assert!(table.check(stays, 0, 1).allowed() && table.check(went, 0, 1).allowed());
        assert!(table.check(stays, PERIOD, 1).allowed() && table.check(key(1, 9), PERIOD, 1).allowed());
        assert!(table.check(stays, NOW, 1).allowed());
        assert_eq!((table.reach(0), entries(&table, went)), (1, 0));
        // By its fingerprint this one lowers the reach, before it wants the place as well.
        let other = thread::spawn(check(&table, lowers, NOW));
        let mine = check(&table, spills, NOW)();
        let theirs = other.join().unwrap();
        assert!(mine.allowed() ^ theirs.allowed(), "{mine:?} {theirs:?}");
        for (key, first) in [(spills, mine), (lowers, theirs)] {
            let reason = if first.allowed() { Reason::Limit } else { Reason::TableFull };
            assert_eq!(table.check(key, NOW, 1).reason(), reason);
            assert_eq!(entries(&table, key), usize::from(first.allowed()));
        }
    });
}

/// The swaps of a first request: tag, state.
const SWAPS_OF_AN_INSERT: usize = 2;
/// The same over an expired slot: freeze, tag, state.
const SWAPS_OF_A_REUSE: usize = 3;
/// The same of a key that is not at home: tag, header, state.
const SWAPS_OF_A_SPILL: usize = 3;

/// Stops a thread for good before each swap of an insert in turn; others must get all they ask for meanwhile.
/// Then, as if it had only slept, the thread goes on, and must do no harm.
fn with_a_thread_stopped_in_an_insert(buckets: usize, meanwhile: fn(&Table)) {
    with_a_thread_stopped(SWAPS_OF_AN_INSERT, buckets, |_| {}, meanwhile);
}

fn with_a_thread_stopped(swaps: usize, buckets: usize, before: fn(&Table), meanwhile: fn(&Table)) {
    for swaps_left in 0..swaps {
        in_all_orders(1, move || {
            let table = table(buckets, "fixed-window 1/us", OnFull::Deny);
            before(&table);
            let key = key(0, 7);
            let (stopped, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let stop = Stop { swaps_left, stopped: stopped.clone(), go_on: go_on.clone() };
            let check = check(&table, key, 0);
            let sleeper = thread::spawn(move || {
                STOP.with(|cell| cell.replace(Some(stop)));
                check()
            });
            stopped.wait();
            meanwhile(&table);
            let again = table.check(key, 0, 1);
            go_on.notify();
            let slept = sleeper.join().unwrap();
            assert!(again.allowed() ^ slept.allowed(), "before swap {swaps_left}: {again:?} {slept:?}");
            assert_eq!(entries(&table, key), 1, "before swap {swaps_left}");
            assert_eq!(table.check(key, 0, 1).reason(), Reason::Limit);
        });
    }
}

#[test]
fn a_thread_that_stops_in_an_insert_holds_up_nobody_of_its_home() {
    with_a_thread_stopped_in_an_insert(2, |table| {
        assert!(table.check(key(0, 8), 0, 1).allowed());
    });
}

#[test]
fn a_thread_that_stops_in_an_insert_holds_up_nobody_of_its_slots_home() {
    with_a_thread_stopped_in_an_insert(3, |table| {
        for other in [key(1, 8), key(2, 9)] {
            assert!(table.check(other, 0, 1).allowed());
        }
    });
}

#[test]
fn a_thread_that_stops_while_its_key_spills_holds_up_nobody() {
    let home_is_full = |table: &Table| assert!(table.check(key(0, 6), 0, 1).allowed());
    with_a_thread_stopped(SWAPS_OF_A_SPILL, 4, home_is_full, |table| {
        for other in [key(0, 8), key(1, 9)] {
            assert!(table.check(other, 0, 1).allowed());
        }
    });
}

#[test]
fn a_thread_that_stops_in_an_insert_over_an_expired_slot_does_not_keep_its_owner_out() {
    for swaps_left in 0..SWAPS_OF_A_REUSE {
        in_all_orders(1, move || {
            let table = table(2, "fixed-window 1/us", OnFull::Deny);
            let (old, new) = (key(0, 6), key(0, 7));
            assert!(table.check(old, 0, 1).allowed());
            let (stopped, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let stop = Stop { swaps_left, stopped: stopped.clone(), go_on: go_on.clone() };
            let check = check(&table, new, PERIOD);
            let sleeper = thread::spawn(move || {
                STOP.with(|cell| cell.replace(Some(stop)));
                check()
            });
            stopped.wait();
            assert!(table.check(old, PERIOD, 1).allowed(), "before swap {swaps_left}");
            go_on.notify();
            assert!(sleeper.join().unwrap().allowed(), "before swap {swaps_left}");
            for key in [old, new] {
                assert_eq!(table.check(key, PERIOD, 1).reason(), Reason::Limit);
                assert_eq!(entries(&table, key), 1);
            }
        });
    }
}

/// A stage, the table that decides at first, and the one that follows upon it.
struct Succession {
    stage: AtomicU64,
    tables: [Table; 2],
}

impl Succession {
    fn new(policies: [&str; 2]) -> Arc<Self> {
        let tables = policies.map(|policy| unshared_table(2, policy, OnFull::Deny));
        Arc::new(Self { stage: AtomicU64::new(0), tables })
    }

    /// As a zone does that sees the stage.
    fn deciding(&self) -> Deciding<'_> {
        let stage = Stage(&self.stage).number();
        let [old, new] = &self.tables;
        let table = if stage == 0 { old } else { new };
        Deciding { stage, table, previous: Stage::is_moving(stage).then_some(old) }
    }

    fn check(&self, key: KeyId) -> Decision {
        loop {
            if let Some(decision) = self.deciding().check(Stage(&self.stage), key, 0, 1) {
                return decision;
            }
        }
    }

    fn replace(&self) {
        assert!(Stage(&self.stage).advance(0));
        self.deciding().take_over(0);
        assert!(Stage(&self.stage).advance(1));
    }
}

/// Two requests, of which the limit allows one, while the policy is replaced by another thread.
fn admits_no_more_while_it_is_replaced(used: u64, policies: [&'static str; 2], orders: usize) {
    in_all_orders(orders, move || {
        let zone = Succession::new(policies);
        let key = key(0, 7);
        (0..used).for_each(|_| assert!(zone.check(key).allowed()));
        let replaced = zone.clone();
        let replacement = thread::spawn(move || replaced.replace());
        let first = zone.check(key).allowed();
        let second = zone.check(key).allowed();
        replacement.join().unwrap();
        let third = zone.check(key).allowed();
        let admitted = u64::from(first) + u64::from(second) + u64::from(third);
        let limit = zone.tables[1].rule.limit();
        assert!(used + admitted <= limit, "{admitted} beside {used} of {limit}");
        // One of them may have been charged twice.
        assert!(used + admitted + 1 >= limit, "{admitted} beside {used} of {limit}");
    });
}

#[test]
fn a_key_keeps_what_it_has_consumed_while_the_policy_is_replaced() {
    admits_no_more_while_it_is_replaced(1, ["token-bucket 2/us", "fixed-window 2/us"], 50);
}

#[test]
fn a_new_key_is_counted_while_the_policy_is_replaced() {
    admits_no_more_while_it_is_replaced(0, ["fixed-window 2/us", "token-bucket 2/us"], 50);
}

/// Whoever replaces the policy has done no more than close the table: those who ask move their keys.
#[test]
fn a_key_is_moved_with_all_that_others_charge_while_the_policy_is_replaced() {
    in_all_orders(50, || {
        let zone = Succession::new(["token-bucket 3/us", "token-bucket 3/us"]);
        let key = key(0, 7);
        assert!(zone.check(key).allowed());
        let charged = zone.clone();
        let charge = thread::spawn(move || charged.check(key).allowed());
        assert!(Stage(&zone.stage).advance(0));
        let mine = zone.check(key).allowed();
        let theirs = charge.join().unwrap();
        let last = zone.check(key).allowed();
        let admitted = 1 + [mine, theirs, last].map(u64::from).iter().sum::<u64>();
        assert!((2..=3).contains(&admitted), "{admitted} of 3");
    });
}

loom::thread_local! {
    /// After how many swaps this thread stops, and how it says so and is woken.
    static STOP: RefCell<Option<Stop>> = RefCell::new(None);
}

struct Stop {
    swaps_left: usize,
    stopped: Arc<Notify>,
    go_on: Arc<Notify>,
}

/// Called before each swap: the place where a thread of the models above stops.
pub(super) fn stop_if_told() {
    let stop = STOP.with(|cell| {
        let mut stop = cell.borrow_mut();
        match &mut *stop {
            Some(Stop { swaps_left: 0, .. }) => stop.take(),
            Some(Stop { swaps_left, .. }) => {
                *swaps_left -= 1;
                None
            }
            None => None,
        }
    });
    if let Some(Stop { stopped, go_on, .. }) = stop {
        stopped.notify();
        go_on.wait();
    }
}
