//! Each way through a check, alone in a function, for valgrind to count what is executed in it.
//!
//! It counts in the functions `count_…`, and writes down what it has counted whenever `path` has been called. What is run
//! is named on standard output, a line for each call of that. A function makes [`CHECKS`] checks; what its loop takes
//! without them is one of the paths too.

use sluicegate::ffi::{
    sluice_check_at, sluice_check_many_at, sluice_decision, sluice_limiter, sluice_limiter_new, sluice_request,
};
use sluicegate::{Decision, Limiter, Request};
use sluicegate_bench::NOW;
use std::ffi::{CString, c_void};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// How many checks each function makes. The test divides by it.
const CHECKS: u64 = 10_016;
/// How many keys are known where they are many: their table is a hundred times as large as the cache that is counted by.
const KEYS: u64 = 150_000;
const BATCH: usize = 32;
/// Of how many tables the checks are where one would not tell enough.
const TABLES: u64 = 8;

const AMPLE: &str = "token-bucket 1/s burst=1000000000";
/// All that there is, gone with the first request.
const SPENT: &str = "token-bucket 1/d burst=1";

type Bytes = [u8; 8];

fn key(number: u64) -> Bytes {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_ne_bytes()
}

/// One of the known keys: the next in an order that no cache foresees.
#[inline(always)]
fn one_of_many(check: u64) -> Bytes {
    key(check * 7_919 % KEYS)
}

/// Functions that the tool can tell by their names, of what is done once or more for each check.
macro_rules! functions {
    ($($(#[$about:meta])* fn $name:ident($($argument:ident: $type:ty),*) $body:block)*) => {
        $(
            $(#[$about])*
            #[inline(never)]
            #[unsafe(no_mangle)]
            extern "Rust" fn $name($($argument: $type),*) $body
        )*
    };
}

functions! {
    /// What is left of the others when the check is taken out.
    fn count_loop() {
        (0..CHECKS).for_each(|_| _ = black_box(black_box(&key(7))));
    }

    fn count_loop_many() {
        (0..CHECKS).for_each(|check| _ = black_box(black_box(&one_of_many(check))));
    }

    /// One key, and the whole answer.
    fn count_checks(limiter: &Limiter) {
        (0..CHECKS).for_each(|_| _ = black_box(limiter.check_at(black_box(&key(7)), 1, black_box(NOW))));
    }

    /// One key, and of the answer only whether the request is allowed.
    fn count_whether_allowed(limiter: &Limiter) {
        (0..CHECKS).for_each(|_| _ = black_box(limiter.check_at(black_box(&key(7)), 1, black_box(NOW)).allowed()));
    }

    /// One key, of a length that is not known beforehand.
    fn count_checks_of_text(limiter: &Limiter, key: &[u8]) {
        (0..CHECKS).for_each(|_| _ = black_box(limiter.check_at(black_box(key), 1, black_box(NOW))));
    }

    fn count_checks_of_many(limiter: &Limiter) {
        let check = |check| black_box(limiter.check_at(black_box(&one_of_many(check)), 1, black_box(NOW)));
        (0..CHECKS).for_each(|number| _ = check(number));
    }

    fn count_checks_of_new_keys(limiter: &Limiter, first: u64, checks: u64) {
        let check = |number| black_box(limiter.check_at(black_box(&key(number)), 1, black_box(NOW)));
        (first..first + checks).for_each(|number| _ = check(number));
    }

    fn count_batches(limiter: &Limiter) {
        let keys = [key(7); BATCH];
        batches(limiter, |_| keys);
    }

    fn count_batches_of_many(limiter: &Limiter) {
        batches(limiter, |first| std::array::from_fn(|nth| one_of_many(first + nth as u64)));
    }

    fn count_c_calls(limiter: &InC) {
        (0..CHECKS).for_each(|_| limiter.check());
    }

    fn count_c_batches(limiter: &InC) {
        limiter.batches();
    }
}

#[inline(always)]
fn batches(limiter: &Limiter, keys: impl Fn(u64) -> [Bytes; BATCH]) {
    let mut decisions = [Decision::default(); BATCH];
    for first in (0..CHECKS).step_by(BATCH) {
        let keys = black_box(keys(first));
        limiter.check_many_at(&keys.each_ref().map(Request::new), &mut decisions, black_box(NOW));
        black_box(&decisions);
    }
}

type CheckAt =
    unsafe extern "C" fn(*const sluice_limiter, *const c_void, usize, u64, u64, *mut sluice_decision) -> i32;

/// A limiter as a C program has it.
struct InC {
    limiter: *mut sluice_limiter,
    check_at: CheckAt,
}

impl InC {
    /// A limiter that lasts as long as the process.
    fn new(policy: &str) -> Self {
        let text = CString::new(policy).expect("no NUL in a policy");
        let mut limiter = null_mut();
        // SAFETY: a text and a place of ours.
        assert_eq!(unsafe { sluice_limiter_new(text.as_ptr(), 1_000, &raw mut limiter) }, 0);
        Self { limiter, check_at: black_box(sluice_check_at as CheckAt) }
    }

    #[inline(always)]
    fn check(&self) {
        let mut decision = MaybeUninit::<sluice_decision>::uninit();
        let key = key(7);
        let key = black_box(&key).as_ptr().cast();
        // SAFETY: a live limiter, a key and a place of ours.
        black_box(unsafe { (self.check_at)(self.limiter, key, 8, 1, black_box(NOW), decision.as_mut_ptr()) });
        black_box(&decision);
    }

    #[inline(always)]
    fn batches(&self) {
        let key = black_box(key(7));
        let requests = [sluice_request { key: key.as_ptr().cast(), key_len: 8, cost: 1 }; BATCH];
        let mut decisions = [sluice_decision::default(); BATCH];
        for _ in (0..CHECKS).step_by(BATCH) {
            let (requests, places) = (black_box(&requests).as_ptr(), decisions.as_mut_ptr());
            // SAFETY: a live limiter, requests and places of ours.
            black_box(unsafe { sluice_check_many_at(self.limiter, requests, BATCH, black_box(NOW), places) });
            black_box(&decisions);
        }
    }
}

fn main() {
    path("loop", &count_loop);
    path("loop, many keys", &count_loop_many);
    hits();
    denials();
    through_c();
    many_keys();
}

/// Runs one of the functions, once, and tells what it is run for.
#[inline(never)]
#[unsafe(no_mangle)]
extern "Rust" fn path(name: &str, count: &dyn Fn()) {
    println!("{name}");
    count();
}

/// A limiter that knows the first so many keys.
fn knowing(keys: u64, policy: &str, max_keys: u64) -> Limiter {
    let limiter = Limiter::new(policy, max_keys).expect("a policy in range");
    (0..keys).for_each(|number| _ = limiter.check_at(key(number), 1, NOW));
    limiter
}

fn hits() {
    let of = |policy| knowing(10, policy, 1_000);
    for (name, policy) in [
        ("hit, fixed window", "fixed-window 4000000000/d"),
        ("hit, sliding window", "sliding-window 4000000/d"),
        ("hit, token bucket", AMPLE),
        ("hit, leaky bucket", "leaky-bucket 1/s burst=1000000000"),
    ] {
        path(name, &|| count_checks(&of(policy)));
    }
    let limiter = of(AMPLE);
    path("hit, only whether allowed", &|| count_whether_allowed(&limiter));
    let text = b"user:2001:db8:a1c5:6bc3:cf10:da4:dc55:69";
    for (name, length) in
        [("hit, key of 16 bytes", 16), ("hit, key of 24 bytes", 24), ("hit, key of 40 bytes", 40)]
    {
        limiter.reset(&text[..length]);
        let _ = limiter.check_at(&text[..length], 1, NOW);
        path(name, &|| count_checks_of_text(&limiter, &text[..length]));
    }
    path("batch item", &|| count_batches(&limiter));
}

fn denials() {
    for (name, policy) in [
        ("denial, fixed window", "fixed-window 1/365d"),
        ("denial, sliding window", "sliding-window 1/365d"),
        ("denial, token bucket", SPENT),
        ("denial, leaky bucket", "leaky-bucket 1/d burst=1"),
    ] {
        path(name, &|| count_checks(&knowing(10, policy, 1_000)));
    }
    path("denial, only whether allowed", &|| count_whether_allowed(&knowing(10, SPENT, 1_000)));
}

fn through_c() {
    let ample = InC::new(AMPLE);
    ample.check();
    path("C call, hit", &|| count_c_calls(&ample));
    path("C call, batch item", &|| count_c_batches(&ample));
    let spent = InC::new(SPENT);
    spent.check();
    path("C call, denial", &|| count_c_calls(&spent));
}

fn many_keys() {
    let known = knowing(KEYS, AMPLE, KEYS + CHECKS);
    path("many keys, hit", &|| count_checks_of_many(&known));
    path("many keys, batch item", &|| count_batches_of_many(&known));
    path("many keys, denial", &|| count_checks_of_many(&knowing(KEYS, SPENT, KEYS)));
    path("many keys, insert", &|| count_checks_of_new_keys(&known, KEYS, CHECKS));
    drop(known);
    // Twice as many as there is room for have come, so another key gives way to each.
    // How far keys have spilled until their table was full differs from one to the next.
    let full = || knowing(2 * KEYS, AMPLE, KEYS);
    path("many keys, evict", &|| {
        (0..TABLES).for_each(|_| count_checks_of_new_keys(&full(), 2 * KEYS, CHECKS / TABLES));
    });
}
