//! The situations that are measured.

use std::hint::black_box;

use sluicegate::{Decision, Limiter, Policy, Request};

use super::limiter;
use crate::error::Failure;

/// Checks between two looks at the clock.
pub const BLOCK: u64 = 1_024;
const BATCH: usize = 32;
const HOT: &[u8] = b"the one hot key!";

/// A situation that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// All threads check one key, which is admitted.
    HotKey,
    /// Keys drawn at random from all known ones.
    Uniform,
    /// The same, 32 at a time.
    Batches,
    /// Each key is checked for the first time.
    NewKeys,
    /// All threads check one key that has used up its limit.
    Denials,
}

/// One thread's place in the race.
pub struct Worker {
    random: u64,
    next_new: u64,
    last_new: u64,
}

impl Worker {
    /// Worker `number` of `threads`, with its own random numbers and its own share of new keys.
    pub fn new(number: u64, threads: u64, keys: u64) -> Self {
        Self {
            random: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number + 1) | 1,
            next_new: keys / threads * number,
            last_new: keys / threads * (number + 1),
        }
    }

    /// Marsaglia's xorshift: cheap beside a check, and spread well enough to defeat the caches.
    fn random_below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((u128::from(self.random) * u128::from(bound)) >> 64) as u64
    }
}

/// What a block of checks came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Block {
    /// How many checks were made; fewer than asked for when the new keys have run out.
    pub checks: u64,
    /// How many of them were admitted.
    pub admitted: u64,
}

impl Scenario {
    /// Every scenario, in the order of the report.
    pub const ALL: [Self; 5] = [Self::HotKey, Self::Uniform, Self::Batches, Self::NewKeys, Self::Denials];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::HotKey => "one hot key",
            Self::Uniform => "known keys at random",
            Self::Batches => "the same, batches of 32",
            Self::NewKeys => "new keys",
            Self::Denials => "denials of one key",
        }
    }

    /// A limiter of its own for each round, where the scenario cannot do with the one that knows all keys.
    pub fn fresh_limiter(self, policy: Policy, keys: u64) -> Result<Option<Limiter>, Failure> {
        match self {
            Self::Uniform | Self::Batches => Ok(None),
            Self::HotKey | Self::NewKeys => limiter(policy, keys).map(Some),
            Self::Denials => {
                let text = format!("{} 1/1h", policy.algorithm());
                let strict = text.parse().map_err(|error: sluicegate::Error| Failure::work(error.to_string()))?;
                let limiter = limiter(strict, keys)?;
                let _ = limiter.check(HOT);
                Ok(Some(limiter))
            }
        }
    }

    /// Makes one block of checks.
    pub fn block(self, limiter: &Limiter, worker: &mut Worker, keys: u64) -> Block {
        match self {
            Self::HotKey | Self::Denials => each(BLOCK, || limiter.check(black_box(HOT)).allowed()),
            Self::Uniform => each(BLOCK, || limiter.check(key(worker.random_below(keys))).allowed()),
            Self::NewKeys => {
                let checks = (worker.last_new - worker.next_new).min(BLOCK);
                each(checks, || {
                    worker.next_new += 1;
                    limiter.check(key(worker.next_new)).allowed()
                })
            }
            Self::Batches => batches(limiter, worker, keys),
        }
    }
}

fn each(checks: u64, mut check: impl FnMut() -> bool) -> Block {
    let admitted = (0..checks).map(|_| u64::from(check())).sum();
    Block { checks, admitted }
}

fn batches(limiter: &Limiter, worker: &mut Worker, keys: u64) -> Block {
    let mut decisions = [Decision::default(); BATCH];
    let mut block = Block::default();
    while block.checks < BLOCK {
        let names: [[u8; 16]; BATCH] = std::array::from_fn(|_| key(worker.random_below(keys)));
        let requests = names.each_ref().map(Request::new);
        limiter.check_many(&requests, &mut decisions);
        block.checks += BATCH as u64;
        block.admitted += decisions.iter().filter(|d| d.allowed()).count() as u64;
    }
    block
}

/// A key of 16 bytes, as long as an address in text.
pub fn key(number: u64) -> [u8; 16] {
    let mut key = *b"client..........";
    key[8..].copy_from_slice(&number.to_le_bytes());
    key
}
