//! Processes that are killed before each access in turn, in the middle of everything that changes a table.
//!
//! Each maps the same memory as the test, which looks afterwards whether all is as it was before or as it would have been
//! in the end, finishes what was begun, and counts the slots that can still be had.

use super::interleavings::before_access;
use super::layout::{Geometry, SLOTS};
use super::memory::{Mapping, Words};
use super::superblock::{Description, Superblock};
use super::{KeyId, OnFull, Table};
use crate::algorithm::Rule;
use crate::decision::Reason;
use crate::policy::Policy;
use std::collections::HashSet;
use std::fs::File;
use std::os::fd::FromRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A permit comes back in as many ns under the policy here, which has two.
const PERIOD: u64 = 1_000;
const POLICY: &str = "token-bucket 1/us burst=2";
/// All that `prepare` charges is live at this time.
const NOW: u64 = 50 * PERIOD;
/// Nothing is live any more at this one.
const MUCH_LATER: u64 = 1_000 * PERIOD;

const OLD: KeyId = KeyId { home: 0, fingerprint: u32::MAX - 9 };
const NEW: KeyId = KeyId { home: 0, fingerprint: u32::MAX - 5 };
const ANOTHER: KeyId = KeyId { home: 0, fingerprint: u32::MAX - 3 };

/// Memory that processes share.
struct Memory {
    file: File,
    geometry: Geometry,
}

impl Memory {
    fn zeroed(buckets: usize) -> Self {
        // SAFETY: the name is a string that ends with a zero; the descriptor is new and nobody else's.
        let file = unsafe { File::from_raw_fd(libc::memfd_create(c"table".as_ptr(), 0)) };
        let geometry = Geometry { buckets };
        file.set_len(geometry.bytes()).unwrap();
        Self { file, geometry }
    }

    fn words(&self) -> Words {
        Words::mapped(Mapping::of_file(&self.file, self.geometry.bytes() as usize).unwrap(), self.geometry.words())
    }

    fn table(&self, on_full: OnFull) -> Table {
        let policy: Policy = POLICY.parse().unwrap();
        Table::over(self.words(), Rule::new(&policy).unwrap(), self.geometry, on_full)
    }
}

/// Runs `act` in a process of its own that is killed before the access after `accesses` others; whether it came to that.
pub(crate) fn is_killed_after(accesses: usize, act: impl FnOnce()) -> bool {
    // SAFETY: the child touches nothing that another thread of this process may have had a lock on but the allocator's,
    // which the C library hands over whole.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: a call that ends the process.
        before_access(accesses, || unsafe { _ = libc::raise(libc::SIGKILL) });
        let code = i32::from(catch_unwind(AssertUnwindSafe(act)).is_err());
        // SAFETY: ends the process at once, without what its parent has to do in the end.
        unsafe { libc::_exit(code) }
    }
    let mut status = 0;
    // SAFETY: `status` is a valid place for the one number that is written.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    let is_killed = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL;
    assert!(is_killed || status == 0, "the process ended with {status:#x}");
    is_killed
}

/// Kills a process in the middle of `act` before each of its accesses, each time over what `prepare` left, and has
/// `look` see what it left. Gives the number of kills.
fn kill_before_each_access(
    buckets: usize,
    on_full: OnFull,
    prepare: impl Fn(&Table),
    act: impl Fn(&Table),
    mut look: impl FnMut(&Table),
) -> usize {
    for accesses in 0.. {
        let memory = Memory::zeroed(buckets);
        let table = memory.table(on_full);
        prepare(&table);
        let is_killed = is_killed_after(accesses, || act(&memory.table(on_full)));
        look(&table);
        assert_no_key_has_two_entries(&table);
        if !is_killed {
            return accesses;
        }
    }
    unreachable!("an operation ends")
}

fn assert_no_key_has_two_entries(table: &Table) {
    let mut owners = HashSet::new();
    for bucket in 0..table.geometry.buckets {
        for slot in 0..SLOTS {
            let tag = table.tag(bucket, slot);
            if let Some(displacement) = tag.displacement() {
                let home = table.geometry.home_of(bucket, displacement);
                assert!(owners.insert((home, tag.0 >> 32)), "a key with two entries");
            }
        }
    }
}

fn fill_all_but(table: &Table, free: usize, cost: u64) {
    let places = table.geometry.buckets * SLOTS - free;
    (0..places as u32).for_each(|other| assert!(table.check(other_key(other), NOW, cost).allowed()));
}

fn other_key(number: u32) -> KeyId {
    KeyId { home: 0, fingerprint: 100 + number }
}

fn left(table: &Table, key: KeyId) -> u64 {
    table.peek(key, NOW, 0).remaining()
}

/// The key is admitted what is left to it and not one permit more.
fn assert_limited(table: &Table, key: KeyId) {
    let left = left(table, key);
    let admitted = (0..4).filter(|_| table.check(key, NOW, 1).allowed()).count() as u64;
    assert_eq!(admitted, left);
    assert_eq!(table.check(key, NOW, 1).reason(), Reason::Limit);
}

/// At a time at which nobody is live, as many keys as there are slots find a place, but for `lost` at most.
fn assert_slots_lost(table: &Table, lost: usize) {
    let table = Table::over(
        // SAFETY: the words are those of `table`, which outlives this one, and are accessed as atomics by both.
        unsafe { Words::lent(std::ptr::NonNull::from(table.words.at(0)).cast(), table.geometry.words()) },
        table.rule.clone(),
        table.geometry,
        OnFull::Deny,
    );
    let slots = table.geometry.buckets * SLOTS;
    let keys = (0..2 * slots as u32).map(|number| KeyId { home: 0, fingerprint: 10_000 + number });
    let placed = keys.filter(|&key| table.check(key, MUCH_LATER, 1).allowed()).count();
    assert!(placed + lost >= slots, "{placed} of {slots} slots are left");
}

#[test]
fn an_insert_that_is_killed_is_finished_by_others() {
    for buckets in [1, 3] {
        let kills = kill_before_each_access(
            buckets,
            OnFull::Deny,
            |_| {},
            |table| assert!(table.check(NEW, NOW, 1).allowed()),
            |table| {
                assert!([1, 2].contains(&left(table, NEW)), "as before or as after");
                // A neighbour first, who has to get past what was begun.
                assert!(table.check(ANOTHER, NOW, 1).allowed());
                assert_limited(table, NEW);
                assert_limited(table, ANOTHER);
                assert_slots_lost(table, 0);
            },
        );
        assert!(kills > 8, "{kills}");
    }
}

#[test]
fn an_insert_that_is_killed_costs_one_slot_if_its_key_never_comes_again() {
    for on_full in [OnFull::Deny, OnFull::Evict] {
        kill_before_each_access(
            1,
            on_full,
            |table| fill_all_but(table, 2, 1),
            |table| assert!(table.check(NEW, NOW, 1).allowed()),
            |table| {
                assert!(table.check(ANOTHER, NOW, 1).allowed());
                assert_slots_lost(table, 1);
            },
        );
    }
}

#[test]
fn an_insert_over_an_expired_slot_that_is_killed_is_finished_by_others() {
    kill_before_each_access(
        1,
        OnFull::Deny,
        |table| {
            fill_all_but(table, 2, 1);
            // Fresh again by now.
            assert!(table.check(OLD, 0, 2).allowed());
            assert!(table.check(ANOTHER, 0, 2).allowed());
        },
        |table| assert!(table.check(NEW, NOW, 1).allowed()),
        |table| {
            // The one that comes back gets its slot, or the other one.
            assert!(table.check(OLD, NOW, 1).allowed());
            assert_limited(table, OLD);
            assert_limited(table, NEW);
            assert_slots_lost(table, 0);
        },
    );
}

#[test]
fn an_expired_slot_is_anybodys_until_it_is_claimed() {
    let mut was_claimed = [false; 2];
    kill_before_each_access(
        1,
        OnFull::Deny,
        |table| {
            fill_all_but(table, 1, 1);
            assert!(table.check(OLD, 0, 2).allowed());
        },
        |table| assert!(table.check(NEW, NOW, 1).allowed()),
        |table| {
            let is_claimed = (0..SLOTS).any(|slot| table.tag(0, slot).is_of(NEW.fingerprint, 0));
            assert_eq!(table.check(ANOTHER, NOW, 1).allowed(), !is_claimed);
            was_claimed[usize::from(is_claimed)] = true;
        },
    );
    assert_eq!(was_claimed, [true; 2]);
}

#[test]
fn an_eviction_that_is_killed_forgets_the_least_consumed_key_alone() {
    kill_before_each_access(
        1,
        OnFull::Evict,
        |table| {
            fill_all_but(table, 1, 2);
            assert!(table.check(OLD, NOW, 1).allowed());
        },
        |table| assert!(table.check(NEW, NOW, 2).allowed()),
        |table| {
            assert!(table.check(NEW, NOW, left(table, NEW)).allowed());
            for other in 0..SLOTS as u32 - 1 {
                assert_eq!(table.peek(other_key(other), NOW, 1).reason(), Reason::Limit, "{other} was forgotten");
            }
            assert_limited(table, NEW);
            assert_slots_lost(table, 0);
        },
    );
}

type Act = fn(&Table);

#[test]
fn a_charge_a_refund_and_a_reset_that_are_killed_are_done_or_not_done() {
    let acts: [(Act, u64); 3] = [
        (|table| assert!(table.check(OLD, NOW, 1).allowed()), 0),
        (|table| table.refund(OLD, NOW, 1), 2),
        (|table| table.reset(OLD), 2),
    ];
    for (act, after) in acts {
        kill_before_each_access(
            1,
            OnFull::Deny,
            |table| assert!(table.check(OLD, NOW, 1).allowed()),
            act,
            |table| {
                assert!([1, after].contains(&left(table, OLD)));
                assert_limited(table, OLD);
                assert!(table.check(NEW, NOW, 1).allowed());
                assert_slots_lost(table, 0);
            },
        );
    }
}

/// The second failure is the interesting one: whoever finishes what the first has begun is killed too.
#[test]
fn helpers_that_are_killed_are_helped_as_well() {
    let prepare = |table: &Table| {
        fill_all_but(table, 3, 1);
        assert!(table.check(OLD, 0, 2).allowed());
    };
    let mut kills = 0;
    for first in 0.. {
        let mut was_first_killed = false;
        for second in 0.. {
            let memory = Memory::zeroed(1);
            let table = memory.table(OnFull::Deny);
            prepare(&table);
            was_first_killed = is_killed_after(first, || _ = memory.table(OnFull::Deny).check(NEW, NOW, 1));
            let was_second_killed =
                is_killed_after(second, || _ = memory.table(OnFull::Deny).check(ANOTHER, NOW, 1));
            kills += usize::from(was_first_killed) + usize::from(was_second_killed);
            assert!(table.check(OLD, NOW, 1).allowed());
            assert_limited(&table, NEW);
            assert_limited(&table, ANOTHER);
            assert_limited(&table, OLD);
            assert_no_key_has_two_entries(&table);
            assert_slots_lost(&table, 0);
            if !was_second_killed {
                break;
            }
        }
        if !was_first_killed {
            break;
        }
    }
    assert!(kills > 200, "{kills}");
}

/// In memory of the caller's, where a table is made in place.
#[test]
fn the_making_of_a_table_that_is_killed_is_finished_by_the_next() {
    let policy: Policy = POLICY.parse().unwrap();
    let description = |seed| Description::new(&policy, 37, Geometry::new(37).unwrap(), seed, 7);
    for accesses in 0.. {
        let memory = Memory::zeroed(8);
        let is_killed = is_killed_after(accesses, || _ = Superblock(&memory.words()).describe(&description(1)));
        let words = memory.words();
        let made = Superblock(&words).describe(&description(2)).unwrap();
        made.matches(&policy, 37).unwrap();
        assert_eq!(Superblock(&words).describe(&description(3)).unwrap(), made);
        if !is_killed {
            assert!(accesses > 10);
            return;
        }
    }
}
