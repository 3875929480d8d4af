//! Files that are no tables, or were: refused and left as they are, or used without harm.

use super::Wanted;
use crate::limiter::Limiter;
use crate::policy::Policy;
use crate::table::{DESCRIPTION_WORDS, Description};
use crate::{MAX_UNIX_NS, OnFull, TableInfo};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::fs;
use std::path::{Path, PathBuf};

const POLICIES: [&str; 4] =
    ["fixed-window 3/us", "sliding-window 30/ms", "token-bucket 7/s burst=9", "leaky-bucket 33333/s"];

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let path = base.join(format!("sluicegate-hostile-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn random_of<T: Copy>(random: &mut SmallRng, choices: &[T]) -> T {
    choices[random.random_range(0..choices.len())]
}

/// A table in use, as bytes.
fn table_in_use(path: &Path, policy: &str, max_keys: u64, random: &mut SmallRng) -> Vec<u8> {
    let _ = fs::remove_file(path);
    let limiter = Limiter::open(path, policy, max_keys).unwrap();
    for _ in 0..random.random_range(0..20) {
        _ = limiter.check(random.random_range(0_u8..12).to_ne_bytes());
    }
    fs::read(path).unwrap()
}

fn random_word(random: &mut SmallRng) -> u64 {
    match random.random_range(0..5) {
        0 => random.random(),
        1 => random.random_range(0..300),
        2 => u64::MAX >> random.random_range(0..64),
        3 => 1 << random.random_range(0..64),
        _ => u64::MAX << random.random_range(0..64),
    }
}

/// Does something to a table's bytes that nobody should.
fn mutate(bytes: &mut Vec<u8>, random: &mut SmallRng) {
    let words = bytes.len() / 8;
    match random.random_range(0..8) {
        0 => bytes.truncate(random.random_range(0..bytes.len() + 1)),
        1 => bytes.extend((0..random.random_range(1..5000)).map(|byte| byte as u8)),
        2 if words > 0 => {
            let byte = random.random_range(0..words * 8);
            bytes[byte] ^= 1 << random.random_range(0..8);
        }
        3 => bytes.fill(random_of(random, &[0, 0xFF, 0x80])),
        // What it says of itself and what it says beside that; then anywhere.
        4 | 5 if words > DESCRIPTION_WORDS => {
            let word = random.random_range(0..20);
            put(bytes, word, random);
        }
        _ if words > DESCRIPTION_WORDS => {
            for _ in 0..random.random_range(0..words) {
                let word = random.random_range(DESCRIPTION_WORDS..words);
                put(bytes, word, random);
            }
        }
        _ => {}
    }
}

fn put(bytes: &mut [u8], word: usize, random: &mut SmallRng) {
    if let Some(place) = bytes.get_mut(word * 8..(word + 1) * 8) {
        place.copy_from_slice(&random_word(random).to_ne_bytes());
    }
}

/// Makes the hashes of what a table says of itself right, whatever it says.
fn seal(bytes: &mut [u8]) {
    if let Some(first) = bytes.first_chunk_mut() {
        *first = Description::from_bytes(first).sealed().to_bytes();
    }
}

fn use_it(limiter: &Limiter, random: &mut SmallRng) {
    for _ in 0..6 {
        let key = random.random_range(0_u8..12).to_ne_bytes();
        let now = random_of(random, &[0, MAX_UNIX_NS, u64::MAX, 1_780_000_000_000_000_000]);
        match random.random_range(0..6) {
            0 => _ = limiter.peek(key),
            1 => limiter.refund_at(key, 1, now),
            2 => limiter.reset(key),
            3 => _ = limiter.check_at(key, 1, now),
            _ => _ = limiter.check(key),
        }
    }
    _ = limiter.stats();
}

#[test]
fn files_that_were_tables_are_refused_unchanged_or_used_without_harm() {
    let directory = Directory::new("files");
    let path = directory.0.join("table");
    let files = if std::env::var_os("SLUICE_LONG_TESTS").is_some() { 700_000 } else { 20_000 };
    let (mut used, mut refused) = (0, 0);
    for seed in 0..files {
        let random = &mut SmallRng::seed_from_u64(seed);
        let (policy, max_keys) = (random_of(random, &POLICIES), random_of(random, &[1, 8, 40]));
        let mut bytes = table_in_use(&path, policy, max_keys, random);
        for _ in 0..random.random_range(1..4) {
            mutate(&mut bytes, random);
        }
        if random.random() {
            seal(&mut bytes);
        }
        fs::write(&path, &bytes).unwrap();
        // So that a failure names its file.
        let outcome = std::panic::catch_unwind(|| open_and_use(&path, policy, max_keys, seed));
        match outcome.unwrap_or_else(|_| panic!("seed {seed}: {policy}, {max_keys} keys")) {
            true => used += 1,
            false => {
                assert!(fs::read(&path).unwrap() == bytes, "seed {seed}: a file that was refused has changed");
                refused += 1;
            }
        }
    }
    println!("{used} were used, {refused} refused");
    assert!(used > files / 10 && refused > files / 10);
}

/// Whether the file could be used.
fn open_and_use(path: &Path, policy: &str, max_keys: u64, seed: u64) -> bool {
    let random = &mut SmallRng::seed_from_u64(seed);
    let _ = TableInfo::read(path);
    let policy = if random.random() { policy } else { random_of(random, &POLICIES) };
    let on_full = random_of(random, &[OnFull::Evict, OnFull::Deny, OnFull::Allow]);
    let builder = Limiter::builder(policy).max_keys(max_keys).on_full(on_full).path(path);
    let opened = builder.replace(random.random()).build();
    opened.map(|limiter| use_it(&limiter, random)).is_ok()
}

/// Memory of the caller's is refused unchanged as well, unless it is zero where a table says what it is.
#[test]
fn memory_that_is_no_table_is_refused_unchanged() {
    let policy: Policy = POLICIES[0].parse().unwrap();
    let geometry = crate::table::Geometry::new(8).unwrap();
    let wanted = Wanted { policy, max_keys: 8, geometry, replace: false };
    for seed in 0..50_000 {
        let random = &mut SmallRng::seed_from_u64(seed);
        let words = crate::table::Words::zeroed(geometry.words()).unwrap();
        let changed = random.random_range(0..DESCRIPTION_WORDS);
        let word = random_word(random).max(1);
        words.at(changed).store(word, std::sync::atomic::Ordering::Relaxed);
        let before = super::Superblock(&words).read();
        // The intent alone, if it is another's, is a table that another has begun.
        assert!(super::describe(&words, &wanted, &wanted.description().unwrap(), "here").is_err());
        assert_eq!(super::Superblock(&words).read(), before, "seed {seed}");
    }
}
