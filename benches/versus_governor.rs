//! One check, beside governor 0.10 (keyed, default store and hasher), both with a given clock.
//!
//! `cargo bench --bench versus_governor` prints one table. Rounds of both are interleaved, so that whatever else the
//! machine does meets both alike; figures are medians of ns per check, the ratio is the median of the rounds'
//! ratios. Peers and workloads in full are a later benchmark's; this one answers "how does a check compare".
//!
//! # What made it fast, by what it took or saved
//!
//! Instructions are valgrind's, of one check with a key of 8 bytes, the loop included.
//!
//! | what | before | after |
//! | --- | ---: | ---: |
//! | a new key: claim and complete, instead of a header that is opened, bound and closed; counts from the tags | 1037, 9 locked | 500, 2 locked |
//! | the first free slot from one mask, without a branch | 452 | 304 |
//! | the home bucket in line, the rest out of it | 304 | 236 |
//! | a batch: answers from registers to their places | 138 | 125 |
//! | a C call: the same | 186 | 162 |
//!
//! The locked instructions are those of a slot never used; one that has expired takes a third, an eviction a fourth.
//!
//! What did not help: a batch fetched 8, 12, 24 or 32 ahead was no faster than 16 beyond the noise of a busy machine.

use governor::clock::{Clock, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sluicegate::{Limiter, OnFull, Policy, Request};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

const KEYS: u64 = 1_000_000;
const CHECKS: usize = 1_000_000;
const ROUNDS: usize = 15;
/// A Unix time for the given clock, in ns: windows and buckets are far from its beginning.
const NOW: u64 = 1_700_000_000_000_000_000;

type GivenTime = <FakeRelativeClock as Clock>::Instant;
type Governor = RateLimiter<u64, DashMapStateStore<u64>, FakeRelativeClock, NoOpMiddleware<GivenTime>>;

/// A limiter under test. `check` answers whether the request was admitted.
trait Contender: Sync {
    fn check(&self, key: u64) -> bool;
}

impl Contender for Governor {
    #[inline]
    fn check(&self, key: u64) -> bool {
        self.check_key(&key).is_ok()
    }
}

struct Sluicegate(Limiter);

impl Contender for Sluicegate {
    #[inline]
    fn check(&self, key: u64) -> bool {
        self.0.check_at(key.to_ne_bytes(), 1, NOW).allowed()
    }
}

/// A token bucket that admits whatever these workloads send, or, with a burst of 1, denies all but the first.
fn governor(burst: u32) -> Governor {
    let burst = NonZeroU32::new(burst).expect("bursts here are above 0");
    let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(burst);
    RateLimiter::dashmap_with_clock(quota, FakeRelativeClock::default())
}

fn sluicegate(burst: u32) -> Sluicegate {
    let policy = Policy::token_bucket(1, Duration::from_secs(1)).burst(burst.into());
    let builder = Limiter::builder(policy).max_keys(KEYS).on_full(OnFull::Evict);
    Sluicegate(builder.build().expect("a policy in range"))
}

/// A burst that no workload here uses up and that takes less than a century to refill.
const AMPLE: u32 = 1_000_000_000;

fn main() {
    let uniform = uniform_keys();
    println!("ns per check, median of {ROUNDS} interleaved rounds; (spread: quartiles)\n");
    println!("{:<34} {:>22} {:>22} {:>8}", "workload", "governor 0.10", "sluicegate", "faster");

    let hot = vec![7; CHECKS];
    let ample = (governor(AMPLE), sluicegate(AMPLE));
    report("one hot key", || run(&ample.0, &hot), || run(&ample.1, &hot));

    let ample = (governor(AMPLE), sluicegate(AMPLE));
    (0..KEYS).for_each(|key| _ = (ample.0.check(key), ample.1.check(key)));
    report("1 million keys, uniform", || run(&ample.0, &uniform), || run(&ample.1, &uniform));
    report("the same, two threads", || run_twice(&ample.0, &uniform), || run_twice(&ample.1, &uniform));
    report("the same, isolated", || run_isolated(&ample.0, &uniform), || run_isolated(&ample.1, &uniform));
    report("the same, batches of 32", || run(&ample.0, &uniform), || run_batches(&ample.1, &uniform));

    let spent = (governor(1), sluicegate(1));
    spent.0.check(7);
    spent.1.check(7);
    report("denials, one hot key", || run(&spent.0, &hot), || run(&spent.1, &hot));
    (0..KEYS).for_each(|key| _ = (spent.0.check(key), spent.1.check(key)));
    report("denials, 1 million keys", || run(&spent.0, &uniform), || run(&spent.1, &uniform));

    let new: Vec<u64> = (0..CHECKS as u64).map(|key| key.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    report("new keys into an empty table", || run(&governor(AMPLE), &new), || run(&sluicegate(AMPLE), &new));

    let full = (governor(AMPLE), sluicegate(AMPLE));
    let mut flood = 0;
    (0..2 * KEYS).for_each(|_| _ = full.1.check(fresh_key(&mut flood)));
    let mut other_flood = flood;
    report(
        "new keys, table full (it evicts)",
        || run_new(&full.0, &mut other_flood),
        || run_new(&full.1, &mut flood),
    );
}

fn uniform_keys() -> Vec<u64> {
    let mut random = SmallRng::seed_from_u64(1);
    (0..CHECKS).map(|_| random.random_range(0..KEYS)).collect()
}

fn fresh_key(counter: &mut u64) -> u64 {
    *counter += 1;
    counter.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// ns per check, one after another as fast as they go. Not in line, here and below: one function with all workloads
/// in it has no registers left for any.
#[inline(never)]
fn run(contender: &impl Contender, keys: &[u64]) -> f64 {
    time(keys.len(), || keys.iter().for_each(|&key| _ = black_box(contender.check(black_box(key)))))
}

/// ns per check when each waits until the one before is done with memory: what a lone request pays.
#[inline(never)]
fn run_isolated(contender: &impl Contender, keys: &[u64]) -> f64 {
    time(keys.len(), || {
        for &key in keys {
            black_box(contender.check(black_box(key)));
            wait_for_memory();
        }
    })
}

/// Waits until all that was begun is done, which the checks' own results would not make the processor do: it goes on
/// as if they were what it expects.
#[inline(always)]
fn wait_for_memory() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction accesses nothing, and is part of SSE2, as every x86-64 has it.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    #[cfg(not(target_arch = "x86_64"))]
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

/// ns per check and thread, on two threads at once.
#[inline(never)]
fn run_twice(contender: &impl Contender, keys: &[u64]) -> f64 {
    let (left, right) = keys.split_at(keys.len() / 2);
    let mut times = [0.0; 2];
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(contender, left));
        times[0] = run(contender, right);
        times[1] = other.join().expect("a check does not panic");
    });
    times.iter().sum::<f64>() / 2.0
}

#[inline(never)]
fn run_new(contender: &impl Contender, counter: &mut u64) -> f64 {
    time(CHECKS, || (0..CHECKS).for_each(|_| _ = black_box(contender.check(fresh_key(counter)))))
}

#[inline(never)]
fn run_batches(contender: &Sluicegate, keys: &[u64]) -> f64 {
    let bytes: Vec<[u8; 8]> = keys.iter().map(|key| key.to_ne_bytes()).collect();
    let requests: Vec<Request<'_>> = bytes.iter().map(Request::new).collect();
    let mut decisions = [sluicegate::Decision::default(); 32];
    time(keys.len(), || {
        for batch in requests.chunks(32) {
            contender.0.check_many_at(batch, &mut decisions[..batch.len()], NOW);
            black_box(&decisions);
        }
    })
}

fn time(checks: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / checks as f64
}

fn report(workload: &str, mut governor: impl FnMut() -> f64, mut sluicegate: impl FnMut() -> f64) {
    let (mut theirs, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (their, our) = (governor(), sluicegate());
        // The first round warms caches and page tables.
        if round > 0 {
            theirs.push(their);
            ours.push(our);
            ratios.push(their / our);
        }
    }
    let (theirs, ours, ratio) = (spread(theirs), spread(ours), spread(ratios).1);
    let show = |(low, median, high): (f64, f64, f64)| format!("{median:.1} ({low:.1}-{high:.1})");
    println!("{workload:<34} {:>22} {:>22} {ratio:>7.2}x", show(theirs), show(ours));
}

/// Lower quartile, median, upper quartile.
fn spread(mut figures: Vec<f64>) -> (f64, f64, f64) {
    figures.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| figures[((figures.len() - 1) as f64 * share) as usize];
    (at(0.25), at(0.5), at(0.75))
}
