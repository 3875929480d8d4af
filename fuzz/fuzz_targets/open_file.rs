//! Any bytes as a table's file: refused and left as they are, or used without harm.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::{Limiter, OnFull, TableInfo};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

const POLICY: &str = "token-bucket 7/s burst=9";
const MAX_KEYS: u64 = 8;

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = PathBuf::from("/dev/shm").join(format!("sluicegate-fuzz-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory.join("table")
});

/// A table that was never used, of which the input changes bytes.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let _ = fs::remove_file(&*PATH);
    drop(Limiter::open(&*PATH, POLICY, MAX_KEYS).unwrap());
    fs::read(&*PATH).unwrap()
});

fuzz_target!(|input: &[u8]| {
    let [options, input @ ..] = input else { return };
    let mut bytes = input.to_vec();
    if options & 1 != 0 {
        // The input is what differs from a table that could be used.
        bytes.resize(input.len().max(if options & 2 != 0 { 0 } else { WHOLE.len() }), 0);
        bytes.iter_mut().zip(&*WHOLE).for_each(|(byte, whole)| *byte ^= whole);
    }
    if options & 4 != 0 {
        sluicegate::seal_table_for_fuzzing(&mut bytes);
    }
    fs::write(&*PATH, &bytes).unwrap();
    let _ = TableInfo::read(&*PATH);
    let on_full = [OnFull::Evict, OnFull::Deny, OnFull::Allow][usize::from(options >> 4) % 3];
    let builder = Limiter::builder(POLICY).max_keys(MAX_KEYS).on_full(on_full).path(&*PATH);
    match builder.replace(options & 8 != 0).build() {
        Ok(limiter) => {
            for key in 0..8_u8 {
                _ = limiter.check([key]);
                _ = limiter.check_at([key], 1, u64::from(*options) << 56);
                _ = limiter.peek([key]);
                limiter.refund([key], 1);
            }
            limiter.reset([3]);
            _ = limiter.stats();
        }
        Err(_) => assert_eq!(fs::read(&*PATH).unwrap(), bytes, "a file that was refused has changed"),
    }
});
