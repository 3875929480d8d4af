//! sluicegate: on the heap, in a file, through C.

use super::{Contender, Setting};
use crate::clocks::Clocks;
use crate::keys::Key;
use sluicegate::ffi::{
    SLUICE_CLOCK_COARSE, SLUICE_CLOCK_MONOTONIC, sluice_check, sluice_check_at, sluice_check_many,
    sluice_check_many_at, sluice_decision, sluice_limiter, sluice_limiter_free, sluice_limiter_new_with,
    sluice_options, sluice_request,
};
use sluicegate::{Clock, CoarseClock, Decision, Limiter, LimiterBuilder, Policy, Request};
use sluicegate_bench::{NOW, time};
use std::ffi::{CString, c_void};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The largest batch.
const BATCH: usize = 128;

/// A limiter that is told the time.
struct Told {
    limiter: Limiter,
    now: u64,
}

/// A limiter that reads its clock.
struct Asking<C>(Limiter<C>);

/// A limiter from Rust.
pub fn in_rust<K: Key>(is_shared: bool, setting: Setting) -> Box<dyn Contender<K>> {
    let policy = Policy::token_bucket(1, Duration::from_secs(1)).burst(setting.allowance.burst());
    let builder = Limiter::builder(policy).max_keys(setting.keys);
    match setting.clock {
        Clocks::Given => Box::new(Told { limiter: built(builder, is_shared), now: black_box(NOW) }),
        Clocks::Coarse => Box::new(Asking(built(builder.clock(CoarseClock::new()), is_shared))),
        Clocks::Default => Box::new(Asking(built(builder, is_shared))),
    }
}

fn built<C: Clock>(builder: LimiterBuilder<C>, is_shared: bool) -> Limiter<C> {
    if !is_shared {
        return builder.build().expect("memory");
    }
    let path = path_of_its_own();
    let limiter = builder.path(&path).build().expect("room for a file");
    // The table lasts as long as somebody has it.
    std::fs::remove_file(path).expect("the table that was made");
    limiter
}

fn path_of_its_own() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let shm = Path::new("/dev/shm");
    let folder = if shm.exists() { shm.to_owned() } else { std::env::temp_dir() };
    // Relaxed: a number that nobody else has is all there is to it.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("sluicegate-bench-{}-{number}", std::process::id()))
}

impl<K: Key> Contender<K> for Told {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        self.limiter.check_at(key.bytes(), 1, self.now).allowed()
    }

    #[inline(never)]
    fn in_batches(&self, keys: &[K], size: usize) -> Option<f64> {
        Some(batches(keys, size, |requests, answers| self.limiter.check_many_at(requests, answers, self.now)))
    }
}

impl<K: Key, C: Clock + Sync> Contender<K> for Asking<C> {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        self.0.check(key.bytes()).allowed()
    }

    #[inline(never)]
    fn in_batches(&self, keys: &[K], size: usize) -> Option<f64> {
        Some(batches(keys, size, |requests, answers| self.0.check_many(requests, answers)))
    }
}

/// Writing the requests down is part of it.
#[inline(always)]
fn batches<K: Key>(keys: &[K], size: usize, check: impl Fn(&[Request<'_>], &mut [Decision])) -> f64 {
    let mut requests = [Request::new(b""); BATCH];
    let mut answers = [Decision::default(); BATCH];
    time(keys.len(), || {
        for batch in keys.chunks(size) {
            requests.iter_mut().zip(batch).for_each(|(request, key)| *request = Request::new(key.bytes()));
            check(&requests[..batch.len()], &mut answers[..batch.len()]);
            black_box(&answers);
        }
    })
}

type Check = unsafe extern "C" fn(*const sluice_limiter, *const c_void, usize, u64, *mut sluice_decision) -> i32;
type CheckAt =
    unsafe extern "C" fn(*const sluice_limiter, *const c_void, usize, u64, u64, *mut sluice_decision) -> i32;

/// A limiter as a C program has it.
pub struct InC {
    limiter: *mut sluice_limiter,
    is_told: bool,
    check: Check,
    check_at: CheckAt,
    now: u64,
}

// SAFETY: a limiter may be used, and freed, by any thread.
unsafe impl Send for InC {}
// SAFETY: it may be used by any number of threads at once.
unsafe impl Sync for InC {}

impl InC {
    pub fn new(setting: Setting) -> Self {
        let policy = format!("token-bucket 1/s burst={}", setting.allowance.burst());
        let policy = CString::new(policy).expect("no NUL in a policy");
        let clock = if setting.clock == Clocks::Coarse { SLUICE_CLOCK_COARSE } else { SLUICE_CLOCK_MONOTONIC };
        let options = sluice_options { max_keys: setting.keys, clock, ..Default::default() };
        let mut limiter = null_mut();
        // SAFETY: a text, options and a place of ours.
        let status = unsafe { sluice_limiter_new_with(policy.as_ptr(), &raw const options, &raw mut limiter) };
        assert_eq!(status, 0);
        // As in a shared library: the compiler does not know what is behind the pointers.
        let (check, check_at) = (black_box(sluice_check as Check), black_box(sluice_check_at as CheckAt));
        Self { limiter, is_told: setting.clock == Clocks::Given, check, check_at, now: black_box(NOW) }
    }
}

impl Drop for InC {
    fn drop(&mut self) {
        // SAFETY: made in `new`, and freed only here.
        unsafe { sluice_limiter_free(self.limiter) }
    }
}

impl<K: Key> Contender<K> for InC {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        let mut answer = MaybeUninit::<sluice_decision>::uninit();
        let (key, length, place) = (key.bytes().as_ptr().cast(), key.bytes().len(), answer.as_mut_ptr());
        // SAFETY: a live limiter, a key and a place of ours, which is written on success.
        unsafe {
            let status = match self.is_told {
                true => (self.check_at)(self.limiter, key, length, 1, self.now, place),
                false => (self.check)(self.limiter, key, length, 1, place),
            };
            status == 0 && (*place).allowed != 0
        }
    }

    #[inline(never)]
    fn in_batches(&self, keys: &[K], size: usize) -> Option<f64> {
        let mut requests = [sluice_request { key: std::ptr::null(), key_len: 0, cost: 1 }; BATCH];
        let mut answers = [sluice_decision::default(); BATCH];
        let (many, many_at) = (black_box(sluice_check_many as Many), black_box(sluice_check_many_at as ManyAt));
        Some(time(keys.len(), || {
            for batch in keys.chunks(size) {
                for (request, key) in requests.iter_mut().zip(batch) {
                    (request.key, request.key_len) = (key.bytes().as_ptr().cast(), key.bytes().len());
                }
                let (count, places) = (batch.len(), answers.as_mut_ptr());
                // SAFETY: a live limiter, and at least as many requests and places of ours.
                unsafe {
                    match self.is_told {
                        true => many_at(self.limiter, requests.as_ptr(), count, self.now, places),
                        false => many(self.limiter, requests.as_ptr(), count, places),
                    };
                }
                black_box(&answers);
            }
        }))
    }
}

type Many = unsafe extern "C" fn(*const sluice_limiter, *const sluice_request, usize, *mut sluice_decision) -> i32;
type ManyAt =
    unsafe extern "C" fn(*const sluice_limiter, *const sluice_request, usize, u64, *mut sluice_decision) -> i32;
