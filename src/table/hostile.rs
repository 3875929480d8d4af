//! Tables whose words no thread of ours has written, or that change under a call: it may answer wrongly, but it answers.

use super::interleavings::before_each_access;
use super::layout::{Frozen, Geometry, Header, SLOTS, SUPERBLOCK_WORDS, Tag};
use super::{Call, KeyId, OnFull, Table};
use crate::MAX_UNIX_NS;
use crate::algorithm::Rule;
use crate::decision::Reason;
use crate::policy::Policy;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

const NOW: u64 = 1_780_000_000_123_456_789;

const POLICIES: [&str; 7] = [
    "fixed-window 3/us",
    "fixed-window 4000000/365d",
    "sliding-window 3/ms",
    "sliding-window 2000000/1h",
    "token-bucket 7/s burst=9",
    "token-bucket 1/us burst=2",
    "leaky-bucket 33333/s",
];

fn random_of<T: Copy>(random: &mut SmallRng, choices: &[T]) -> T {
    choices[random.random_range(0..choices.len())]
}

fn random_table(random: &mut SmallRng) -> Table {
    let policy: Policy = random_of(random, &POLICIES).parse().unwrap();
    let geometry = Geometry { buckets: random_of(random, &[1, 2, 3, 70]) };
    let on_full = random_of(random, &[OnFull::Evict, OnFull::Deny, OnFull::Allow]);
    Table::new(Rule::new(&policy).unwrap(), geometry, on_full).unwrap()
}

fn random_key(random: &mut SmallRng, table: &Table) -> KeyId {
    KeyId {
        home: random.random_range(0..table.geometry.buckets),
        fingerprint: random_of(random, &[0, 1, 2, u32::MAX]),
    }
}

/// Words that mean something, more often than not the same as others of them do.
fn random_word(random: &mut SmallRng) -> u64 {
    let few = |random: &mut SmallRng| random_of(random, &[0, 1, 2, 3, 62, 63, 64, 254, 255]);
    match random.random_range(0..10) {
        0 => 0,
        1 => u64::MAX,
        2 => random.random(),
        3 => random.random_range(0..16),
        4 | 5 => {
            let tag = Tag(few(random) << 1);
            let frozen = Frozen::returnable(tag, random_of(random, &[0, NOW, u64::MAX]));
            if random.random() { frozen.state() } else { frozen.released(tag).state() }
        }
        6 => Header(few(random)).with_reach(few(random) as usize).0,
        // A tag: fingerprint, place, version, mark.
        7 => {
            let fingerprint = random_of(random, &[0, 1, 2, u32::MAX]);
            let tag = Tag(few(random) << 1).succeeded_by(fingerprint, (few(random) as usize).min(254));
            if random.random() { tag.refunded().0 } else { tag.0 }
        }
        // A time, as buckets have it.
        8 => NOW + random.random_range(0..1 << 40),
        _ => u64::MAX >> random.random_range(0..64),
    }
}

fn random_index(random: &mut SmallRng, table: &Table) -> usize {
    random.random_range(SUPERBLOCK_WORDS..table.geometry.words())
}

fn set(table: &Table, index: usize, word: u64) {
    table.words.at(index).store(word, Ordering::Relaxed);
}

fn random_time(random: &mut SmallRng) -> u64 {
    let any = random.random();
    random_of(random, &[0, 1, NOW, NOW, NOW, MAX_UNIX_NS, MAX_UNIX_NS + 1, u64::MAX, any])
}

fn random_call(random: &mut SmallRng, table: &Table) {
    let (key, now) = (random_key(random, table), random_time(random));
    let cost = random_of(random, &[0, 1, 1, 1, 2, 3, 10, u64::MAX]);
    match random.random_range(0..8) {
        0 => _ = table.peek(key, now, cost),
        1 => table.refund(key, now, cost),
        2 => table.reset(key),
        3 => _ = (table.live_keys(now), table.counts()),
        _ => {
            let decision = table.check(key, now, cost);
            _ = (decision.remaining(), decision.retry_after(), decision.reset_after(), decision.delay());
        }
    }
}

/// Has this thread do so before each access, and counts the accesses.
fn count_accesses(mut also: impl FnMut() + 'static) -> Rc<Cell<u64>> {
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    before_each_access(Some(Box::new(move || {
        counted.set(counted.get() + 1);
        also();
    })));
    count
}

/// How many tables a test goes through.
fn tables(few: u64) -> u64 {
    if std::env::var_os("SLUICE_LONG_TESTS").is_some() { 10 * few } else { few }
}

#[test]
fn no_words_that_a_table_may_hold_keep_a_call_from_its_answer() {
    let longest = thread::spawn(|| {
        let count = count_accesses(|| {});
        let mut longest = 0;
        for seed in 0..tables(20_000) {
            let random = &mut SmallRng::seed_from_u64(seed);
            let table = random_table(random);
            let share = random.random();
            for index in SUPERBLOCK_WORDS..table.geometry.words() {
                if random.random::<f64>() < share {
                    set(&table, index, random_word(random));
                }
            }
            for _ in 0..8 {
                count.set(0);
                random_call(random, &table);
                longest = count.get().max(longest);
            }
        }
        longest
    });
    let longest = longest.join().expect("the seed is the number of the table");
    println!("the longest call made {longest} accesses");
    // Some words send a call in circles until its turns are used up, which takes milliseconds. Turns that each look at
    // all places would be a hundred times as long.
    assert!(longest < 64 * u64::from(Call::TURNS), "{longest}");
}

/// All words alike: the worst of what a reference may refer to, itself included.
#[test]
fn a_table_of_one_word_answers() {
    let mut random = SmallRng::seed_from_u64(1);
    for _ in 0..tables(5_000) {
        let (table, word) = (random_table(&mut random), random_word(&mut random));
        (SUPERBLOCK_WORDS..table.geometry.words()).for_each(|index| set(&table, index, word));
        (0..4).for_each(|_| random_call(&mut random, &table));
    }
}

/// Somebody who knows the protocol changes a word before every access of a call.
#[test]
fn words_that_change_at_every_access_do_not_keep_a_call_from_its_answer() {
    thread::spawn(|| {
        let mut longest = 0;
        for seed in 0..tables(5_000) {
            let random = &mut SmallRng::seed_from_u64(seed);
            let table = Rc::new(random_table(random));
            let (writers, one_in) = (table.clone(), random_of(random, &[1, 2, 10, 100]));
            let mut writer = SmallRng::seed_from_u64(seed);
            let count = count_accesses(move || {
                if writer.random_range(0..one_in) == 0 {
                    set(&writers, random_index(&mut writer, &writers), random_word(&mut writer));
                }
            });
            for _ in 0..20 {
                count.set(0);
                random_call(random, &table);
                longest = count.get().max(longest);
            }
            before_each_access(None);
        }
        println!("the longest call made {longest} accesses");
    })
    .join()
    .expect("the seed is the number of the table");
}

/// Whoever claims a slot finds its tag changed, over and over.
#[test]
fn whoever_changes_every_tag_all_the_time_does_not_keep_a_call_from_its_answer() {
    let accesses = thread::spawn(|| {
        let policy: Policy = "token-bucket 7/s".parse().unwrap();
        let table =
            Rc::new(Table::new(Rule::new(&policy).unwrap(), Geometry { buckets: 70 }, OnFull::Evict).unwrap());
        let writers = table.clone();
        let mut version = 0;
        let count = count_accesses(move || {
            version = (version + 2) % (1 << 24);
            (0..SLOTS).for_each(|slot| set(&writers, writers.geometry.tag_word(0, slot), version));
        });
        let decision = table.check(KeyId { home: 0, fingerprint: 7 }, NOW, 1);
        before_each_access(None);
        assert_eq!(decision.reason(), Reason::TableDamaged);
        count.get()
    });
    let accesses = accesses.join().unwrap();
    println!("{accesses} accesses");
    // It did try to the end, or else this shows nothing.
    assert!(accesses > u64::from(Call::TURNS), "{accesses}");
}

/// The same by another thread, at full speed.
#[test]
fn words_that_another_thread_changes_do_not_keep_a_call_from_its_answer() {
    for seed in 0..tables(40) {
        let random = &mut SmallRng::seed_from_u64(seed);
        let table = random_table(random);
        let (writes, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        thread::scope(|threads| {
            threads.spawn(|| {
                let mut random = SmallRng::seed_from_u64(seed);
                while !is_over.load(Ordering::Relaxed) {
                    set(&table, random_index(&mut random, &table), random_word(&mut random));
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            });
            // Until both have done so much, whatever the other does meanwhile.
            let mut calls = 0;
            while calls < 20_000 || writes.load(Ordering::Relaxed) < 20_000 {
                random_call(random, &table);
                calls += 1;
            }
            is_over.store(true, Ordering::Relaxed);
        });
    }
}
