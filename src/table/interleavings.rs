//! Two threads, stopped before each access in turn: every order `A B A B` of their accesses, one by one.
//!
//! loom leaves out orders: it takes a thread back only to the last access of a word, and a thread that reads a word
//! before it swaps it hides the reads that others made before. So what loom covers with weak orderings and three
//! threads is gone through here once more without gaps, with the shipped sizes: A runs up to its `a`-th access, B up to
//! its `b`-th, A to its end, B to its end, for all `a` and `b`, and the other way round.

use super::layout::{Geometry, SLOTS};
use super::{KeyId, OnFull, Table};
use crate::algorithm::Rule;
use crate::decision::{Decision, Reason};
use crate::policy::Policy;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{JoinHandle, spawn};

/// The period of the policies here, in ns.
const PERIOD: u64 = 1_000;

thread_local! {
    /// What this thread does before each access of a word.
    static BEFORE_EACH_ACCESS: Cell<Option<Box<dyn FnMut()>>> = const { Cell::new(None) };
}

/// Has this thread do something before each access of a word, or nothing any more.
pub(super) fn before_each_access(act: Option<Box<dyn FnMut()>>) {
    BEFORE_EACH_ACCESS.set(act);
}

/// Called before each access of a word.
pub(super) fn stop_if_told() {
    // Taken out meanwhile, so that what it does itself does not call it again.
    if let Some(mut act) = BEFORE_EACH_ACCESS.take() {
        act();
        BEFORE_EACH_ACCESS.set(Some(act));
    }
}

/// Does `act` before the access after so many others, once.
pub(super) fn before_access(mut accesses_left: usize, act: impl FnOnce() + 'static) {
    let mut act = Some(act);
    before_each_access(Some(Box::new(move || {
        match accesses_left {
            0 => act.take().into_iter().for_each(|act| act()),
            _ => accesses_left -= 1,
        };
    })));
}

/// A thread that runs up to its stop and waits there.
struct Actor {
    thread: JoinHandle<Decision>,
    go_on: Sender<()>,
    was_stopped: bool,
}

impl Actor {
    fn run_up_to(accesses_left: usize, table: &Arc<Table>, act: Act) -> Self {
        let (stopped, is_stopped) = channel();
        let (go_on, may_go_on) = channel();
        let table = table.clone();
        let thread = spawn(move || {
            before_access(accesses_left, move || {
                stopped.send(()).unwrap();
                may_go_on.recv().unwrap();
            });
            let decision = act(&table);
            // Drops the sender where it never stopped, which tells that it has finished.
            before_each_access(None);
            decision
        });
        let was_stopped = is_stopped.recv().is_ok();
        Self { thread, go_on, was_stopped }
    }

    fn finish(self) -> Decision {
        if self.was_stopped {
            self.go_on.send(()).unwrap();
        }
        self.thread.join().unwrap()
    }
}

type Act = fn(&Table) -> Decision;

/// Runs `a` and `b` on tables made by `prepare` in every order, either of them first, and looks at each outcome; gives
/// their number.
fn in_every_order(prepare: fn() -> Table, a: Act, b: Act, outcome: fn(&Table, Decision, Decision)) -> usize {
    let other_way = |table: &Table, first, second| outcome(table, second, first);
    in_orders_from(prepare, a, b, outcome) + in_orders_from(prepare, b, a, other_way)
}

/// The orders in which `a` is first.
fn in_orders_from(prepare: fn() -> Table, a: Act, b: Act, outcome: impl Fn(&Table, Decision, Decision)) -> usize {
    let mut orders = 0;
    for a_stops in 0.. {
        let mut a_has_ended = false;
        for b_stops in 0.. {
            let table = Arc::new(prepare());
            let first = Actor::run_up_to(a_stops, &table, a);
            let second = Actor::run_up_to(b_stops, &table, b);
            a_has_ended = !first.was_stopped;
            let b_has_ended = !second.was_stopped;
            let (first, second) = (first.finish(), second.finish());
            outcome(&table, first, second);
            orders += 1;
            if a_has_ended || b_has_ended {
                break;
            }
        }
        if a_has_ended {
            return orders;
        }
    }
    unreachable!("an operation ends")
}

/// A table of one bucket with `free` places left; the others are keys that are live for long.
fn table_with_free_places(policy: &str, on_full: OnFull, free: u32) -> Table {
    let policy: Policy = policy.parse().unwrap();
    let table = Table::new(Rule::new(&policy).unwrap(), Geometry { buckets: 1 }, on_full).unwrap();
    for other in 0..SLOTS as u32 - free {
        assert!(table.check(key(100 + other), 50 * PERIOD, 1).allowed());
    }
    table
}

fn key(fingerprint: u32) -> KeyId {
    KeyId { home: 0, fingerprint }
}

const OLD: u32 = u32::MAX - 9;
const NEW: u32 = u32::MAX - 5;

/// One place, whose owner has used up its limit in the first window.
fn one_expired_place(policy: &str) -> Table {
    let table = table_with_free_places(policy, OnFull::Deny, 1);
    assert!(table.check(key(OLD), 0, 1).allowed());
    table
}

#[test]
fn a_key_that_comes_back_and_one_that_wants_its_slot_do_not_both_get_it() {
    comes_back_while_its_slot_is_wanted(|| one_expired_place("fixed-window 1/us"));
}

/// Whose checks are decided in line.
#[test]
fn a_bucket_that_comes_back_and_a_key_that_wants_its_slot_do_not_both_get_it() {
    comes_back_while_its_slot_is_wanted(|| one_expired_place("token-bucket 1/us"));
}

fn comes_back_while_its_slot_is_wanted(prepare: fn() -> Table) {
    let orders = in_every_order(
        prepare,
        |table| table.check(key(OLD), PERIOD, 1),
        |table| table.check(key(NEW), PERIOD, 1),
        |table, old, new| {
            assert!(old.allowed() ^ new.allowed(), "{old:?} {new:?}");
            for (fingerprint, first) in [(OLD, old), (NEW, new)] {
                let reason = if first.allowed() { Reason::Limit } else { Reason::TableFull };
                assert_eq!(first.reason(), if first.allowed() { Reason::None } else { Reason::TableFull });
                assert_eq!(table.check(key(fingerprint), PERIOD, 1).reason(), reason);
            }
        },
    );
    assert!(orders > 200, "{orders}");
}

#[test]
fn two_first_requests_for_one_key_end_in_one_entry() {
    in_every_order(
        || table_with_free_places("fixed-window 1/us", OnFull::Deny, 2),
        |table| table.check(key(NEW), 0, 1),
        |table| table.check(key(NEW), 0, 1),
        |table, first, second| {
            assert!(first.allowed() ^ second.allowed(), "{first:?} {second:?}");
            let entries = (0..SLOTS).filter(|&slot| table.tag(0, slot).is_of(NEW, 0)).count();
            assert_eq!(entries, 1);
        },
    );
}

#[test]
fn a_key_that_comes_twice_at_once_to_a_full_table_does_not_evict_itself() {
    const NOW: u64 = 50 * PERIOD;
    in_every_order(
        || {
            // Once it has the last place, the new key is the one that has consumed least.
            let table = table_with_free_places("token-bucket 1/us burst=3", OnFull::Evict, 1);
            assert!((0..SLOTS as u32 - 1).all(|other| table.check(key(100 + other), NOW, 1).allowed()));
            table
        },
        |table| table.check(key(NEW), NOW, 1),
        |table| table.check(key(NEW), NOW, 1),
        |table, first, second| {
            assert!(first.allowed() && second.allowed());
            assert_eq!(table.peek(key(NEW), NOW, 0).remaining(), 1);
        },
    );
}

#[test]
fn the_last_place_goes_to_one_of_two_new_keys() {
    in_every_order(
        || table_with_free_places("fixed-window 1/us", OnFull::Deny, 1),
        |table| table.check(key(OLD), 0, 1),
        |table| table.check(key(NEW), 0, 1),
        |_, first, second| assert!(first.allowed() ^ second.allowed(), "{first:?} {second:?}"),
    );
}

#[test]
fn two_places_go_to_two_new_keys() {
    in_every_order(
        || table_with_free_places("fixed-window 1/us", OnFull::Deny, 2),
        |table| table.check(key(OLD), 0, 1),
        |table| table.check(key(NEW), 0, 1),
        |table, first, second| {
            assert!(first.allowed() && second.allowed(), "{first:?} {second:?}");
            for fingerprint in [OLD, NEW] {
                assert_eq!(table.check(key(fingerprint), 0, 1).reason(), Reason::Limit);
            }
        },
    );
}

/// Two permits of the old key's are out, at time 0; a permit takes a period to refill.
fn a_place_with_permits_out() -> Table {
    let table = table_with_free_places("token-bucket 1/us burst=2", OnFull::Deny, 1);
    assert!(table.check(key(OLD), 0, 2).allowed());
    table
}

#[test]
fn a_refund_never_reaches_the_next_owner_of_the_slot() {
    in_every_order(
        a_place_with_permits_out,
        |table| {
            table.refund(key(OLD), 0, 1);
            Decision::default()
        },
        |table| {
            // All is given back, and time passes until the slot may just be another key's.
            table.refund(key(OLD), 0, 2);
            let times = [0, PERIOD, 2 * PERIOD, 3 * PERIOD, 4 * PERIOD];
            let admitted = times.into_iter().map(|now| table.check(key(NEW), now, 2)).find(Decision::allowed);
            admitted.expect("a refunded slot is reused when what it held has passed twice over")
        },
        |table, _, new| {
            let now = (0..5).map(|step| step * PERIOD).find(|&now| !table.peek(key(NEW), now, 1).allowed());
            assert!(new.allowed() && now.is_some(), "the next owner was given a permit back");
        },
    );
}

#[test]
fn a_reset_and_a_charge_leave_the_key_fresh_or_charged_once() {
    in_every_order(
        || table_with_free_places("token-bucket 2/us", OnFull::Deny, 3),
        |table| {
            table.reset(key(OLD));
            Decision::default()
        },
        |table| {
            assert!(table.check(key(OLD), 0, 1).allowed());
            table.check(key(OLD), 0, 1)
        },
        |table, _, last| {
            assert!(last.allowed());
            let left = table.peek(key(OLD), 0, 0).remaining();
            assert!(left <= 2, "{left}");
            assert_eq!((0..3).filter(|_| table.check(key(OLD), 0, 1).allowed()).count() as u64, left);
        },
    );
}

#[test]
fn a_key_that_is_reset_and_comes_again_has_its_own_slot_and_is_charged_for_all_that_came_after() {
    in_every_order(
        || {
            let table = table_with_free_places("token-bucket 3/us", OnFull::Deny, 1);
            assert!(table.check(key(OLD), 0, 2).allowed());
            table
        },
        |table| table.check(key(OLD), 0, 1),
        |table| {
            table.reset(key(OLD));
            table.check(key(OLD), 0, 1)
        },
        |table, other, after| {
            assert!(other.allowed() && after.allowed(), "{other:?} {after:?}");
            assert_eq!((0..SLOTS).filter(|&slot| table.tag(0, slot).is_of(OLD, 0)).count(), 1);
            // The other came before the reset or after it.
            let left = table.peek(key(OLD), 0, 0).remaining();
            assert!([1, 2].contains(&left), "{left}");
        },
    );
}

#[test]
fn an_eviction_leaves_the_key_that_has_used_up_its_limit() {
    in_every_order(
        || {
            let table = table_with_free_places("fixed-window 2/us", OnFull::Evict, 1);
            assert!(table.check(key(OLD), 50 * PERIOD, 2).allowed());
            table
        },
        |table| table.check(key(NEW), 50 * PERIOD, 1),
        |table| table.check(key(NEW + 1), 50 * PERIOD, 1),
        |table, first, second| {
            assert!(first.allowed() && second.allowed());
            assert_eq!(table.check(key(OLD), 50 * PERIOD, 1).reason(), Reason::Limit);
        },
    );
}

#[test]
fn a_refund_of_an_evicted_key_does_not_reach_the_key_that_took_its_place() {
    const NOW: u64 = 50 * PERIOD;
    in_every_order(
        || {
            // The old key has consumed least, and the new one's first charge leaves the very word it had.
            let table = table_with_free_places("token-bucket 1/us burst=3", OnFull::Evict, 1);
            assert!((0..SLOTS as u32 - 1).all(|other| table.check(key(100 + other), NOW, 1).allowed()));
            assert!(table.check(key(OLD), NOW, 1).allowed());
            table
        },
        |table| {
            table.refund(key(OLD), NOW, 1);
            Decision::default()
        },
        |table| table.check(key(NEW), NOW, 1),
        |table, _, new| {
            assert!(new.allowed());
            assert_eq!(table.peek(key(NEW), NOW, 0).remaining(), 2, "the new key was given the old one's permit");
        },
    );
}

#[test]
fn a_refund_and_an_insert_of_one_slot_leave_it_to_somebody() {
    in_every_order(
        || one_expired_place("token-bucket 1/us burst=2"),
        |table| {
            // By its time the key has not expired yet.
            table.refund(key(OLD), 0, 1);
            Decision::default()
        },
        |table| table.check(key(NEW), PERIOD, 1),
        |table, _, new| {
            let taken = u32::from(new.allowed());
            // When all have expired, whatever is still on its way to their words, each slot has a new key.
            let later = 1_000_000 * PERIOD;
            let placed = (0..SLOTS as u32).filter(|&other| table.check(key(1_000 + other), later, 1).allowed());
            assert_eq!(placed.count(), SLOTS, "a slot was lost, with {taken} taken");
        },
    );
}

#[test]
fn a_key_that_is_refunded_and_reset_while_it_is_evicted_is_fresh() {
    const NOW: u64 = 50 * PERIOD;
    in_every_order(
        || {
            let table = table_with_free_places("token-bucket 1/us burst=3", OnFull::Evict, 1);
            assert!((0..SLOTS as u32 - 1).all(|other| table.check(key(100 + other), NOW, 2).allowed()));
            assert!(table.check(key(OLD), NOW, 2).allowed());
            table
        },
        |table| {
            table.refund(key(OLD), NOW, 1);
            table.reset(key(OLD));
            Decision::default()
        },
        |table| table.check(key(NEW), NOW, 1),
        |table, _, new| {
            assert!(new.allowed());
            assert_eq!(table.peek(key(OLD), NOW, 0).remaining(), 3);
        },
    );
}
