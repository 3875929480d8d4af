//! What the benches share: rounds of several contenders in turn, what they come to, and memory as the tables have it.

#[cfg(target_os = "linux")]
mod region;
mod rounds;

#[cfg(target_os = "linux")]
pub use region::Region;
pub use rounds::{Rounds, Spread, difference, ratio};

use std::time::Instant;

/// A Unix time for the checks that are told theirs, in ns: windows and buckets are far from its beginning.
pub const NOW: u64 = 1_700_000_000_000_000_000;

/// A burst that no workload uses up and that takes less than a century to refill at one a second.
pub const AMPLE: u64 = 1_000_000_000;

/// Whether this is `cargo bench`. `cargo test` runs the benches too, once and briefly, to see that they can be.
#[must_use]
pub fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// ns for each of `checks` that `work` makes.
pub fn time(checks: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / checks as f64
}

/// Waits until all that was begun is done, which the checks' own results would not make the processor do: it goes on
/// as if they were what it expects.
#[inline(always)]
pub fn wait_for_memory() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction accesses nothing, and is part of SSE2, as every x86-64 has it.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    #[cfg(not(target_arch = "x86_64"))]
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}
