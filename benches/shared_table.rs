//! A shared table beside one on the heap: the same checks, the same keys, in turn.
//!
//! `cargo bench --package sluicegate-bench --bench shared_table` prints one table. What differs between the two is where the memory comes from. The
//! kernel gives large memory of a process's own in huge pages where it may; a file on /dev/shm has them only if that is
//! mounted with `huge=always`. Without, a random access to a large table pays for a page walk. So there is a third
//! contender: a table in memory of this process's own that may have no huge pages. The file should be as fast as that,
//! and as fast as the heap's where it has huge pages, which can be seen without changing the machine:
//!
//! ```sh
//! unshare --mount sh -c 'mount -t tmpfs -o huge=always tmpfs /dev/shm && cargo bench --package sluicegate-bench --bench shared_table'
//! ```

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};
    use sluicegate::{Decision, Limiter, Policy, Request};
    use sluicegate_bench::{AMPLE, NOW, Region, Rounds, is_bench, ratio, time};
    use std::fs;
    use std::hint::black_box;
    use std::path::PathBuf;
    use std::time::Duration;

    const KEYS: u64 = 1_000_000;
    const ROUNDS: usize = 21;

    /// The places that a table can be in, in the order of the columns.
    const PLACES: [&str; 4] = ["heap", "heap, small pages", "/dev/shm", "caller's memory"];

    fn attach(region: &Region, policy: Policy) -> Limiter {
        // SAFETY: the memory is aligned, zeroed and as long, and outlives the limiters, which alone access it.
        unsafe { Limiter::builder(policy).attach(region.first(), region.bytes()) }
            .expect("a region of the right size")
    }

    /// One limiter for each place, and what they need.
    struct Contenders {
        limiters: [Limiter; 4],
        _regions: [Region; 2],
        path: PathBuf,
    }

    impl Contenders {
        fn new(burst: u64) -> Self {
            let policy = Policy::token_bucket(1, Duration::from_secs(1)).burst(burst).build().expect("in range");
            let bytes = Limiter::region_size(KEYS).expect("in range") as usize;
            let regions = [Region::in_small_pages(bytes), Region::in_huge_pages(bytes)];
            let path = PathBuf::from(format!("/dev/shm/sluicegate-bench-{}", std::process::id()));
            let _ = fs::remove_file(&path);
            let heap = Limiter::new(policy, KEYS).expect("memory");
            let file = Limiter::open(&path, policy, KEYS).expect("room on /dev/shm");
            let [small, huge] = [&regions[0], &regions[1]].map(|region| attach(region, policy));
            Self { limiters: [heap, small, file, huge], _regions: regions, path }
        }
    }

    impl Drop for Contenders {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.path);
        }
    }

    pub fn main() {
        let (rounds, checks) = if is_bench() { (ROUNDS, 1_000_000) } else { (1, 10_000) };
        let mut random = SmallRng::seed_from_u64(1);
        let uniform: Vec<u64> = (0..checks).map(|_| random.random_range(0..KEYS)).collect();
        let hot = vec![7; checks];
        println!("ns per check, median of {rounds} interleaved rounds; x: beside the heap's of the same round");
        let setting = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
        println!("transparent huge pages: {}", setting.trim());
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        println!("/dev/shm: {}", mounts.lines().rfind(|mount| mount.contains(" /dev/shm ")).unwrap_or_default());
        print!("{:<30}", "workload");
        PLACES.iter().for_each(|place| print!("{place:>24}"));
        println!();

        let ample = Contenders::new(AMPLE);
        report("one hot key", rounds, |place| run(&ample.limiters[place], &hot));
        ample.limiters.iter().for_each(|limiter| _ = run(limiter, &(0..KEYS).collect::<Vec<_>>()));
        report("1 million keys, uniform", rounds, |place| run(&ample.limiters[place], &uniform));
        report("the same, batches of 32", rounds, |place| run_batches(&ample.limiters[place], &uniform));
        report("the same, clock of its own", rounds, |place| run_by_clock(&ample.limiters[place], &uniform));
        drop(ample);

        let spent = Contenders::new(1);
        spent.limiters.iter().for_each(|limiter| _ = run(limiter, &(0..KEYS).collect::<Vec<_>>()));
        report("denials, one hot key", rounds, |place| run(&spent.limiters[place], &hot));
        report("denials, 1 million keys", rounds, |place| run(&spent.limiters[place], &uniform));
        drop(spent);

        // Tables whose memory has been touched: making a table is another matter than using it.
        let mut next = 0;
        let full = Contenders::new(AMPLE);
        let mut new_keys = |checks: usize| -> Vec<u64> {
            next += checks as u64;
            (next..next + checks as u64).map(|key| key.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect()
        };
        full.limiters.iter().for_each(|limiter| _ = run(limiter, &new_keys(2 * KEYS as usize)));
        report("new keys, table full", rounds, |place| run(&full.limiters[place], &new_keys(checks)));
    }

    /// Not in line, here and below: one function with all workloads in it has no registers left for any.
    #[inline(never)]
    fn run(limiter: &Limiter, keys: &[u64]) -> f64 {
        time(keys.len(), || {
            keys.iter().for_each(|key| _ = black_box(limiter.check_at(black_box(key).to_ne_bytes(), 1, NOW)));
        })
    }

    #[inline(never)]
    fn run_by_clock(limiter: &Limiter, keys: &[u64]) -> f64 {
        time(keys.len(), || {
            keys.iter().for_each(|key| _ = black_box(limiter.check(black_box(key).to_ne_bytes())));
        })
    }

    #[inline(never)]
    fn run_batches(limiter: &Limiter, keys: &[u64]) -> f64 {
        let bytes: Vec<[u8; 8]> = keys.iter().map(|key| key.to_ne_bytes()).collect();
        let requests: Vec<Request<'_>> = bytes.iter().map(Request::new).collect();
        let mut decisions = [Decision::default(); 32];
        time(keys.len(), || {
            for batch in requests.chunks(32) {
                limiter.check_many_at(batch, &mut decisions[..batch.len()], NOW);
                black_box(&decisions);
            }
        })
    }

    fn report(workload: &str, rounds: usize, run: impl FnMut(usize) -> f64) {
        let rounds = Rounds::interleaved(PLACES.len(), rounds, run);
        print!("{workload:<30}");
        for place in 0..PLACES.len() {
            let beside = ratio(rounds.of(place), rounds.of(0));
            print!("{:>24}", format!("{:.1} ({beside:.2}x)", rounds.spread(place).median));
        }
        println!();
    }
}
