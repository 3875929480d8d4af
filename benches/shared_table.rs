//! A shared table beside one on the heap: the same checks, the same keys, in turn.
//!
//! `cargo bench --bench shared_table` prints one table. What differs between the two is where the memory comes from. The
//! kernel gives large memory of a process's own in huge pages where it may; a file on /dev/shm has them only if that is
//! mounted with `huge=always`. Without, a random access to a large table pays for a page walk. So there is a third
//! contender: a table in memory of this process's own that may have no huge pages. The file should be as fast as that,
//! and as fast as the heap's where it has huge pages, which can be seen without changing the machine:
//!
//! ```sh
//! unshare --mount sh -c 'mount -t tmpfs -o huge=always tmpfs /dev/shm && cargo bench --bench shared_table'
//! ```

#[cfg(all(target_os = "linux", not(loom)))]
fn main() {
    linux::main();
}

#[cfg(not(all(target_os = "linux", not(loom))))]
fn main() {}

#[cfg(all(target_os = "linux", not(loom)))]
mod linux {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};
    use sluicegate::{Decision, Limiter, Policy, Request};
    use std::fs;
    use std::hint::black_box;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    const KEYS: u64 = 1_000_000;
    /// A Unix time for the given clock, in ns.
    const NOW: u64 = 1_700_000_000_000_000_000;
    /// A burst that no workload here uses up.
    const AMPLE: u64 = 1_000_000_000;
    const ROUNDS: usize = 21;

    /// The places that a table can be in, in the order of the columns.
    const PLACES: [&str; 4] = ["heap", "heap, small pages", "/dev/shm", "caller's memory"];

    /// Memory of this process's own, in huge pages where there are such or never.
    struct Region {
        start: *mut libc::c_void,
        bytes: usize,
        first: *mut u8,
    }

    impl Region {
        fn new(bytes: usize, advice: libc::c_int) -> Self {
            const HUGE_PAGE: usize = 2 << 20;
            let length = bytes + HUGE_PAGE;
            let (protection, flags) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
            let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
            assert_ne!(start, libc::MAP_FAILED);
            let first = start.cast::<u8>().wrapping_add(start.align_offset(HUGE_PAGE));
            // SAFETY: the range lies in the mapping; the advice changes no content.
            unsafe { libc::madvise(first.cast(), bytes, advice) };
            Self { start, bytes, first }
        }

        fn attach(&self, policy: Policy) -> Limiter {
            // SAFETY: the memory is aligned, zeroed and as long, and outlives the limiters, which alone access it.
            unsafe { Limiter::builder(policy).attach(self.first, self.bytes) }.expect("a region of the right size")
        }
    }

    impl Drop for Region {
        fn drop(&mut self) {
            // SAFETY: mapped in `new` with this length, and unmapped only here.
            unsafe { libc::munmap(self.start, self.bytes + (2 << 20)) };
        }
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
            let regions = [libc::MADV_NOHUGEPAGE, libc::MADV_HUGEPAGE].map(|advice| Region::new(bytes, advice));
            let path = PathBuf::from(format!("/dev/shm/sluicegate-bench-{}", std::process::id()));
            let _ = fs::remove_file(&path);
            let heap = Limiter::new(policy, KEYS).expect("memory");
            let file = Limiter::open(&path, policy, KEYS).expect("room on /dev/shm");
            let [small, huge] = [&regions[0], &regions[1]].map(|region| region.attach(policy));
            Self { limiters: [heap, small, file, huge], _regions: regions, path }
        }
    }

    impl Drop for Contenders {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.path);
        }
    }

    pub fn main() {
        // Without `--bench`, as `cargo test` runs it, all is done once to see that it can be.
        let is_bench = std::env::args().any(|argument| argument == "--bench");
        let (rounds, checks) = if is_bench { (ROUNDS, 1_000_000) } else { (1, 10_000) };
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
        let start = Instant::now();
        keys.iter().for_each(|key| _ = black_box(limiter.check_at(black_box(key).to_ne_bytes(), 1, NOW)));
        start.elapsed().as_nanos() as f64 / keys.len() as f64
    }

    #[inline(never)]
    fn run_by_clock(limiter: &Limiter, keys: &[u64]) -> f64 {
        let start = Instant::now();
        keys.iter().for_each(|key| _ = black_box(limiter.check(black_box(key).to_ne_bytes())));
        start.elapsed().as_nanos() as f64 / keys.len() as f64
    }

    #[inline(never)]
    fn run_batches(limiter: &Limiter, keys: &[u64]) -> f64 {
        let bytes: Vec<[u8; 8]> = keys.iter().map(|key| key.to_ne_bytes()).collect();
        let requests: Vec<Request<'_>> = bytes.iter().map(Request::new).collect();
        let mut decisions = [Decision::default(); 32];
        let start = Instant::now();
        for batch in requests.chunks(32) {
            limiter.check_many_at(batch, &mut decisions[..batch.len()], NOW);
            black_box(&decisions);
        }
        start.elapsed().as_nanos() as f64 / keys.len() as f64
    }

    fn report(workload: &str, rounds: usize, mut run: impl FnMut(usize) -> f64) {
        let mut times = [const { Vec::new() }; PLACES.len()];
        let mut ratios = [const { Vec::new() }; PLACES.len()];
        // The first round warms caches and page tables.
        for round in 0..=rounds {
            let figures: [f64; PLACES.len()] = std::array::from_fn(&mut run);
            for (place, figure) in figures.into_iter().enumerate().filter(|_| round > 0) {
                times[place].push(figure);
                ratios[place].push(figure / figures[0]);
            }
        }
        print!("{workload:<30}");
        for (times, ratios) in times.into_iter().zip(ratios) {
            print!("{:>24}", format!("{:.1} ({:.2}x)", median(times), median(ratios)));
        }
        println!();
    }

    fn median(mut figures: Vec<f64>) -> f64 {
        figures.sort_unstable_by(f64::total_cmp);
        figures[figures.len() / 2]
    }
}
