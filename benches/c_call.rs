//! One check through the C ABI, beside the same check in Rust.
//!
//! `cargo bench --package sluicegate-bench --bench c_call` prints one table. The C functions are called as a C program calls
//! them in a shared library: through a pointer that the compiler cannot see behind. Rounds of both are interleaved,
//! so that whatever else the machine does meets both alike, and both are given keys whose length the compiler does not
//! know. Figures are medians of ns per check, and the difference is the median of the rounds' differences.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sluicegate::ffi::{
    sluice_check, sluice_check_at, sluice_check_many_at, sluice_decision, sluice_limiter, sluice_limiter_free,
    sluice_limiter_new, sluice_request,
};
use sluicegate::{Decision, Limiter, Request};
use sluicegate_bench::{NOW, Rounds, difference, is_bench, ratio, time};
use std::ffi::{CString, c_void};
use std::hint::black_box;
use std::ptr::null_mut;
use std::sync::LazyLock;

const KEYS: usize = 1_000_000;
const CHECKS: usize = 1_000_000;
/// Under `cargo test`, one round shows that it runs.
static ROUNDS: LazyLock<usize> = LazyLock::new(|| if is_bench() { 25 } else { 1 });
const BATCH: usize = 32;

type Check = unsafe extern "C" fn(*const sluice_limiter, *const c_void, usize, u64, *mut sluice_decision) -> i32;
type CheckAt =
    unsafe extern "C" fn(*const sluice_limiter, *const c_void, usize, u64, u64, *mut sluice_decision) -> i32;
type CheckManyAt =
    unsafe extern "C" fn(*const sluice_limiter, *const sluice_request, usize, u64, *mut sluice_decision) -> i32;

/// A policy on both sides of the border.
struct Sides {
    rust: Limiter,
    c: *mut sluice_limiter,
}

impl Sides {
    fn new(policy: &str) -> Self {
        let text = CString::new(policy).expect("no NUL in a policy");
        let mut c = null_mut();
        // SAFETY: a text and a place of ours.
        assert_eq!(unsafe { sluice_limiter_new(text.as_ptr(), KEYS as u64, &raw mut c) }, 0);
        Self { rust: Limiter::new(policy, KEYS as u64).expect("a policy in range"), c }
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        // SAFETY: made in `new`, used by nobody else, freed once.
        unsafe { sluice_limiter_free(self.c) }
    }
}

fn main() {
    let mut random = SmallRng::seed_from_u64(1);
    let uniform: Vec<[u8; 8]> = (0..CHECKS).map(|_| random.random_range(0..KEYS as u64).to_ne_bytes()).collect();
    let hot = vec![7_u64.to_ne_bytes(); CHECKS];
    println!("ns per check, median of {} interleaved rounds; (spread: quartiles)\n", *ROUNDS);
    println!("{:<46} {:>20} {:>20} {:>8} {:>6}", "workload", "Rust", "C", "C - Rust", "ratio");

    let ample = "token-bucket 1/s burst=1000000000";
    for (name, policy) in [
        ("token bucket", ample),
        ("leaky bucket", "leaky-bucket 1/s burst=1000000000"),
        ("fixed window", "fixed-window 4000000000/d"),
        ("sliding window", "sliding-window 4000000/d"),
        ("denials", "token-bucket 1/d burst=1"),
    ] {
        let sides = Sides::new(policy);
        report(&format!("{name}, one hot key, _at"), || rust_at(&sides, &hot), || c_at(&sides, &hot));
    }
    let sides = Sides::new(ample);
    report("token bucket, one hot key, clock", || rust(&sides, &hot), || c(&sides, &hot));
    report("token bucket, 1 million keys, _at", || rust_at(&sides, &uniform), || c_at(&sides, &uniform));
    report("the same, batches of 32", || rust_many(&sides, &uniform), || c_many(&sides, &uniform));
    report("one hot key, batches of 32", || rust_many(&sides, &hot), || c_many(&sides, &hot));
}

/// All that an answer says, as C gets it.
fn read(decision: &Decision) -> (bool, u64, u64) {
    (decision.allowed(), decision.remaining(), decision.reset_after().as_nanos() as u64)
}

fn rust_at(sides: &Sides, keys: &[[u8; 8]]) -> f64 {
    time(CHECKS, || {
        keys.iter().for_each(|key| _ = black_box(read(&sides.rust.check_at(black_box(key.as_slice()), 1, NOW))))
    })
}

fn c_at(sides: &Sides, keys: &[[u8; 8]]) -> f64 {
    let check = black_box(sluice_check_at as CheckAt);
    let mut decision = sluice_decision::default();
    time(CHECKS, || {
        for key in keys {
            // SAFETY: a live limiter, a key and a place of ours.
            black_box(unsafe { check(sides.c, black_box(key).as_ptr().cast(), 8, 1, NOW, &raw mut decision) });
            black_box(&decision);
        }
    })
}

fn rust(sides: &Sides, keys: &[[u8; 8]]) -> f64 {
    time(CHECKS, || keys.iter().for_each(|key| _ = black_box(read(&sides.rust.check(black_box(key.as_slice()))))))
}

fn c(sides: &Sides, keys: &[[u8; 8]]) -> f64 {
    let check = black_box(sluice_check as Check);
    let mut decision = sluice_decision::default();
    time(CHECKS, || {
        for key in keys {
            // SAFETY: as in `c_at`.
            black_box(unsafe { check(sides.c, black_box(key).as_ptr().cast(), 8, 1, &raw mut decision) });
            black_box(&decision);
        }
    })
}

fn rust_many(sides: &Sides, keys: &[[u8; 8]]) -> f64 {
    let requests: Vec<Request<'_>> = keys.iter().map(Request::new).collect();
    let mut decisions = [Decision::default(); BATCH];
    time(CHECKS, || {
        for batch in requests.chunks_exact(BATCH) {
            sides.rust.check_many_at(batch, &mut decisions, NOW);
            black_box(&decisions);
        }
    })
}

fn c_many(sides: &Sides, keys: &[[u8; 8]]) -> f64 {
    let request = |key: &[u8; 8]| sluice_request { key: key.as_ptr().cast(), key_len: key.len(), cost: 1 };
    let requests: Vec<sluice_request> = keys.iter().map(request).collect();
    let check_many = black_box(sluice_check_many_at as CheckManyAt);
    let mut decisions = [sluice_decision::default(); BATCH];
    time(CHECKS, || {
        for batch in requests.chunks_exact(BATCH) {
            // SAFETY: a live limiter, requests and places of ours.
            black_box(unsafe { check_many(sides.c, batch.as_ptr(), BATCH, NOW, decisions.as_mut_ptr()) });
            black_box(&decisions);
        }
    })
}

fn report(workload: &str, rust: impl Fn() -> f64, c: impl Fn() -> f64) {
    let sides: [&dyn Fn() -> f64; 2] = [&rust, &c];
    let rounds = Rounds::interleaved(2, *ROUNDS, |side| sides[side]());
    let (rust, c) = (rounds.of(0), rounds.of(1));
    println!(
        "{workload:<46} {:>20} {:>20} {:>+8.1} {:>5.2}x",
        rounds.spread(0),
        rounds.spread(1),
        difference(c, rust),
        ratio(c, rust)
    );
}
