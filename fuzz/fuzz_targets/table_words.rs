//! A table in memory of the caller's whose words are anything, and calls of all kinds on it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::{Limiter, ManualClock, OnFull};
use std::cell::UnsafeCell;

/// Words that say what the table is, which stay as they were made.
const SUPERBLOCK_WORDS: usize = 32;
/// Three buckets: what comes before them, and 17 words for each.
const WORDS: usize = 176 + 3 * 17;
const BYTES: usize = WORDS * 8;
const NOW: u64 = 1_780_000_000_123_456_789;

const POLICIES: [&str; 6] = [
    "fixed-window 3/us",
    "fixed-window 4000000/365d",
    "sliding-window 3/ms",
    "token-bucket 7/s burst=9",
    "token-bucket 1/us burst=2",
    "leaky-bucket 33333/s",
];

#[repr(align(128))]
struct Region(UnsafeCell<[u64; WORDS]>);

impl Region {
    fn start(&self) -> *mut u64 {
        self.0.get().cast()
    }

    /// The word `number`, if there is one, becomes `word`.
    fn put(&self, number: usize, word: u64) {
        if (SUPERBLOCK_WORDS..WORDS).contains(&number) {
            // SAFETY: within the region, which has one thread.
            unsafe { self.start().add(number).write(word) };
        }
    }
}

/// Takes numbers from the input until it is used up.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn word(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }
}

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    _ = run(&mut input);
});

fn run(input: &mut Input<'_>) -> Option<()> {
    let options = usize::from(input.byte()?);
    let policy = POLICIES[options % POLICIES.len()];
    let on_full = [OnFull::Evict, OnFull::Deny, OnFull::Allow][options / 8 % 3];
    let region = Region(UnsafeCell::new([0; WORDS]));
    let builder = Limiter::builder(policy).on_full(on_full).clock(ManualClock::new(NOW));
    // SAFETY: the region is aligned, as long as said, lives longer than the limiter and has one thread.
    let limiter = unsafe { builder.attach(region.start().cast(), BYTES) }.unwrap();
    let mut now = NOW;
    loop {
        let (what, key) = (input.byte()?, [input.byte()? % 16]);
        match what % 16 {
            // Words at their places, and one word at many.
            0..=4 => region.put(SUPERBLOCK_WORDS + usize::from(input.byte()?), input.word()?),
            5 => {
                let (word, every) = (input.word()?, 1 + usize::from(input.byte()? % 16));
                (176..WORDS).step_by(every).for_each(|number| region.put(number, word));
            }
            6 => now = input.word()?,
            7 => now = NOW.saturating_add(u64::from(input.byte()?) << (what / 16)),
            8 => _ = limiter.peek_at(key, u64::from(input.byte()?), now),
            9 => limiter.refund_at(key, u64::from(input.byte()?), now),
            10 => limiter.reset(key),
            11 => _ = limiter.stats(),
            _ => {
                let decision = limiter.check_at(key, u64::from(what / 16), now);
                _ = (decision.remaining(), decision.retry_after(), decision.reset_after(), decision.delay());
            }
        }
    }
}
