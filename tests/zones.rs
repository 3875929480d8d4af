//! Zones: a policy that is replaced while others use it, what keys have consumed, and several limits for one request.

#![cfg(all(target_os = "linux", not(loom)))]

use sluicegate::{Decision, OnFull, Policy, Zone, ZoneCharge, check_zones};
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const KEYS: u64 = 10_000;
/// As many policies as can tell a limit of so many, for a time in which nothing comes back.
const ALGORITHMS: [&str; 4] = ["fixed-window", "sliding-window", "token-bucket", "leaky-bucket"];

/// Shared memory for a zone, of a file without a name, so that it can be seen how much there is of it.
struct Memory {
    file: File,
    first: *mut u8,
    bytes: usize,
}

// SAFETY: an address that zones alone use.
unsafe impl Sync for Memory {}

impl Memory {
    fn for_keys(keys: u64) -> Self {
        Self::of(Zone::bytes_for(keys).unwrap())
    }

    fn of(bytes: usize) -> Self {
        // SAFETY: the name ends with a zero; the descriptor is new and nobody else's.
        let file = unsafe { File::from_raw_fd(libc::memfd_create(c"zone".as_ptr(), 0)) };
        file.set_len(bytes as u64).unwrap();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let first =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        assert_ne!(first, libc::MAP_FAILED);
        Self { file, first: first.cast(), bytes }
    }

    fn zone(&self, policy: &str) -> Zone {
        self.attach(policy).unwrap()
    }

    fn attach(&self, policy: &str) -> Result<Zone, sluicegate::Error> {
        // SAFETY: the memory is mapped as long as the test runs.
        unsafe { Zone::attach(self.first, self.bytes, policy.parse().unwrap(), OnFull::Evict) }
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: mapped, aligned to a page, and reached as atomics alone.
        unsafe { std::slice::from_raw_parts(self.first.cast(), self.bytes / 8) }
    }

    fn bytes_taken(&self) -> u64 {
        self.file.metadata().unwrap().blocks() * 512
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped by `of`; the zones are gone.
        unsafe { libc::munmap(self.first.cast(), self.bytes) };
    }
}

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

#[test]
fn all_who_attach_enforce_one_limit() {
    let memory = Memory::for_keys(KEYS);
    let zones: Vec<Zone> = (0..5).map(|_| memory.zone("token-bucket 10/h")).collect();
    assert_eq!((0..50).filter(|turn| zones[turn % 5].check("somebody", 1).allowed()).count(), 10);
    assert!(zones[0].max_keys() >= KEYS);
    assert_eq!(zones[0].stats().live_keys, 1);
}

#[test]
fn what_keys_have_consumed_stays_consumed_whatever_replaces_the_policy() {
    for from in ALGORITHMS {
        for to in ALGORITHMS {
            let memory = Memory::for_keys(KEYS);
            let (old, new) = (memory.zone(&format!("{from} 10/365d")), memory.zone("token-bucket 1/s"));
            assert_eq!(new.policy(), old.policy(), "who comes later takes the policy that is there");
            assert!(old.check("light", 7).allowed() && old.check("heavy", 10).allowed());
            new.replace(policy(&format!("{to} 20/365d"))).unwrap();
            for zone in [&old, &new] {
                assert_eq!(zone.policy(), policy(&format!("{to} 20/365d")));
                assert_eq!(zone.peek("light", 0).remaining(), 13, "{from} to {to}");
                assert_eq!(zone.peek("heavy", 0).remaining(), 10, "{from} to {to}");
                assert_eq!(zone.peek("nobody", 0).remaining(), 20, "{from} to {to}");
            }
            assert!(old.check("light", 13).allowed());
            assert!(!new.check("light", 1).allowed());
        }
    }
}

#[test]
fn a_key_that_has_consumed_more_than_a_new_policy_allows_has_consumed_all_of_it() {
    let memory = Memory::for_keys(KEYS);
    let zone = memory.zone("token-bucket 10/d");
    assert!(zone.check("heavy", 9).allowed());
    for limit in [5, 3, 8] {
        zone.replace(policy(&format!("token-bucket {limit}/d"))).unwrap();
        assert_eq!(zone.peek("heavy", 0).remaining(), if limit == 8 { 5 } else { 0 });
        assert_eq!(zone.peek("nobody", 0).remaining(), limit);
    }
}

#[test]
fn the_same_policy_again_replaces_nothing() {
    let memory = Memory::for_keys(KEYS);
    let zone = memory.zone("token-bucket 10/h");
    zone.replace(policy("token-bucket 10/60m")).unwrap();
    assert_eq!(memory.words()[16].load(Ordering::Relaxed), 0, "a replacement was begun");
    assert_eq!(zone.policy(), policy("token-bucket 10/h"));
}

#[test]
fn who_attaches_in_the_middle_of_a_replacement_finds_a_zone() {
    for _ in 0..200 {
        let memory = Memory::for_keys(100);
        let zone = memory.zone("token-bucket 7/d");
        thread::scope(|scope| {
            scope.spawn(|| zone.replace(policy("fixed-window 7/d")).unwrap());
            (0..50).for_each(|_| assert!(memory.zone("token-bucket 1/s").peek("k", 0).limit() == 7));
        });
    }
}

/// Threads with a zone each, as processes have, charge one key while its policy is replaced, in one zone after another.
#[test]
fn not_one_more_is_admitted_while_the_policy_is_replaced_under_load() {
    const THREADS: u64 = 3;
    const LIMIT: u64 = 2_000;
    let mut charged_twice = 0;
    for turn in 0..200 {
        let memory = Memory::for_keys(100);
        let zone = memory.zone(&format!("{} {LIMIT}/3653d", ALGORITHMS[turn % 4]));
        let admitted: u64 = thread::scope(|scope| {
            let charge = || {
                let zone = memory.zone("token-bucket 1/s");
                (0..LIMIT).filter(|_| zone.check("key", 1).allowed()).count() as u64
            };
            let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(charge)).collect();
            while zone.peek("key", 0).remaining() > LIMIT / 2 {}
            zone.replace(policy(&format!("{} {LIMIT}/3653d", ALGORITHMS[turn / 4 % 4]))).unwrap();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(zone.peek("key", 0).remaining(), 0);
        assert!((LIMIT - THREADS..=LIMIT).contains(&admitted), "{admitted} of {LIMIT} in turn {turn}");
        charged_twice += LIMIT - admitted;
    }
    println!("{charged_twice} permits were charged twice");
}

#[test]
fn each_of_many_keys_gets_its_limit_while_the_policy_is_replaced() {
    const LIMIT: u64 = 3;
    const THREADS: u64 = 3;
    for turn in 0..16 {
        let memory = Memory::for_keys(KEYS);
        let zone = memory.zone(&format!("{} {LIMIT}/3653d", ALGORITHMS[turn % 4]));
        let admitted: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
        thread::scope(|scope| {
            for worker in 0..THREADS {
                let (memory, admitted) = (&memory, &admitted);
                scope.spawn(move || {
                    let zone = memory.zone("token-bucket 1/s");
                    for turn in 0..4 * KEYS {
                        let key = (turn * 7919 + worker * 131) % KEYS;
                        if zone.check(key.to_le_bytes(), 1).allowed() {
                            admitted[key as usize].fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            while zone.stats().live_keys < KEYS / 2 {}
            zone.replace(policy(&format!("{} {LIMIT}/3653d", ALGORITHMS[turn / 4]))).unwrap();
        });
        let lost: Vec<u64> = admitted.iter().map(|each| LIMIT.abs_diff(each.load(Ordering::Relaxed))).collect();
        assert!(admitted.iter().all(|each| each.load(Ordering::Relaxed) <= LIMIT), "more than the limit");
        assert!(lost.iter().sum::<u64>() <= THREADS, "{} permits were lost", lost.iter().sum::<u64>());
    }
}

#[test]
fn memory_is_taken_for_one_table_and_given_back_after_a_replacement() {
    let memory = Memory::for_keys(200_000);
    let zone = memory.zone("fixed-window 5/3653d");
    let fill = || (0..200_000_u32).for_each(|key| assert!(zone.check(key.to_le_bytes(), 1).allowed()));
    fill();
    let table = zone.stats().memory_bytes;
    let taken = memory.bytes_taken();
    assert!(taken <= table + (64 << 10), "{taken} bytes for a table of {table}");
    for _ in 0..2 {
        zone.replace(policy("token-bucket 50/3653d")).unwrap();
        zone.replace(policy("fixed-window 50/3653d")).unwrap();
        let taken = memory.bytes_taken();
        assert!(taken <= table + (64 << 10), "{taken} bytes for a table of {table}");
    }
    assert_eq!(zone.stats().live_keys, 200_000);
    assert!((0..200_000_u32).all(|key| zone.peek(key.to_le_bytes(), 0).remaining() == 49));
}

#[test]
fn memory_that_is_no_zone_or_of_another_size_is_refused_with_what_is_wrong() {
    let memory = Memory::for_keys(KEYS);
    let refused = |first: *mut u8, bytes| {
        // SAFETY: within the mapping, or refused before it is touched.
        let zone = unsafe { Zone::attach(first, bytes, policy("token-bucket 1/s"), OnFull::Evict) };
        zone.unwrap_err().to_string()
    };
    assert!(refused(std::ptr::null_mut(), memory.bytes).contains("not aligned"));
    assert!(refused(memory.first.wrapping_add(64), memory.bytes - 64).contains("not aligned to 128"));
    assert!(refused(memory.first, 3 * 4096 - 1).contains("the smallest zone has 12288"));
    drop(memory.zone("token-bucket 1/s"));
    assert!(refused(memory.first, memory.bytes - 8192).contains("it is a zone of"));
    memory.words()[0].store(1, Ordering::Relaxed);
    assert!(refused(memory.first, memory.bytes).contains("neither zero nor a zone"));
    let memory = Memory::of(Zone::bytes_for(1).unwrap());
    assert!(memory.zone("token-bucket 1/s").max_keys() >= 1);
}

/// Whatever somebody else writes, calls come to an end.
#[test]
fn words_that_no_zone_has_written_do_no_harm() {
    let memory = Memory::for_keys(300);
    let zone = memory.zone("token-bucket 5/h");
    let mut random = 88172645463325252_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for turn in 0..20_000_u64 {
        let words = memory.words();
        let at = if turn % 3 == 0 { 16 } else { next() as usize % words.len() };
        words[at].store(if turn % 2 == 0 { next() } else { next() % 8 }, Ordering::Relaxed);
        let key = (turn % 50).to_le_bytes();
        let _ = zone.check(key, 1 + turn % 3);
        let _ = (zone.peek(key, 0), zone.policy(), zone.now());
        zone.refund(key, 1);
        if turn % 50 == 0 {
            let _ = zone.stats();
            let _ = zone.replace(policy(["token-bucket 5/h", "fixed-window 7/h"][turn as usize % 100 / 50]));
        }
        if let Ok(other) = memory.attach("token-bucket 5/h") {
            let _ = other.check(key, 1);
        }
    }
}

/// Charges one permit of each zone, and gives what they answered.
fn charge_together(zones: [&Zone; 2]) -> (bool, [Decision; 2]) {
    let mut decisions = [Decision::default(); 2];
    let charges = zones.map(|zone| ZoneCharge { zone, key: b"k", cost: 1 });
    let allowed = check_zones(&charges, |n, decision, now| {
        assert!(now > 1_700_000_000_000_000_000, "a time of our days");
        decisions[n] = decision;
    });
    (allowed, decisions)
}

#[test]
fn a_request_that_one_zone_denies_costs_nothing_of_the_others() {
    let (wide, narrow) = (Memory::for_keys(100), Memory::for_keys(100));
    let (wide, narrow) = (wide.zone("fixed-window 10/3653d"), narrow.zone("token-bucket 3/3653d"));
    for turn in 0..20 {
        let (allowed, decisions) = charge_together([&wide, &narrow]);
        assert_eq!((allowed, decisions[0].allowed(), decisions[1].allowed()), (turn < 3, true, turn < 3));
    }
    assert!(!charge_together([&narrow, &wide]).0);
    assert_eq!(wide.peek("k", 0).remaining(), 7);
    assert!(wide.check("k", 7).allowed());
    let (allowed, decisions) = charge_together([&wide, &narrow]);
    assert!(!allowed && decisions.iter().all(|decision| !decision.allowed()));
    assert!(check_zones::<sluicegate::MonotonicClock>(&[], |_, _, _| ()), "nothing limits such a request");
}

#[test]
fn all_or_nothing_holds_under_load() {
    const WIDE: u64 = 60_000;
    const NARROW: u64 = 20_000;
    let (wide_memory, narrow_memory) = (Memory::for_keys(100), Memory::for_keys(100));
    let wide = wide_memory.zone(&format!("token-bucket {WIDE}/3653d"));
    let narrow = narrow_memory.zone(&format!("fixed-window {NARROW}/3653d"));
    let (both, one) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for number in 0..4 {
            let (wide, narrow, both, one) = (&wide, &narrow, &both, &one);
            scope.spawn(move || {
                for turn in 0..30_000 {
                    if (turn + number) % 4 == 0 {
                        // Uses the narrow one up in between.
                        one.fetch_add(u64::from(narrow.check("k", 1).allowed()), Ordering::Relaxed);
                    } else {
                        both.fetch_add(u64::from(charge_together([wide, narrow]).0), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (both, one) = (both.into_inner(), one.into_inner());
    assert_eq!(both + one, NARROW);
    assert_eq!(wide.peek("k", 0).remaining(), WIDE - both);
}
