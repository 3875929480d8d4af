//! Running a scenario on several threads for a given time.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use sluicegate::Limiter;

use super::scenario::{Block, Scenario, Worker};

/// What one round, or the median of several, came to.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// What was measured.
    pub scenario: Scenario,
    /// With how many threads.
    pub threads: usize,
    /// Nanoseconds that a check takes its thread.
    pub ns_per_check: f64,
    /// Checks that all threads make in a second.
    pub checks_per_second: f64,
    /// The share of checks that were admitted.
    pub admitted: f64,
}

/// Runs one round of about `length`.
pub fn run(scenario: Scenario, limiter: &Limiter, keys: u64, threads: usize, length: Duration) -> Figure {
    let start = Barrier::new(threads);
    let one = |number: usize| {
        let mut worker = Worker::new(number as u64, threads as u64, keys);
        start.wait();
        timed(length, || scenario.block(limiter, &mut worker, keys))
    };
    let done: Vec<(Block, Duration)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(move || one_of(&one, number))).collect();
        let joined = running.into_iter().map(|thread| thread.join());
        joined.filter_map(Result::ok).collect()
    });
    figure(scenario, threads, &done)
}

fn one_of<T>(one: &impl Fn(usize) -> T, number: usize) -> T {
    one(number)
}

/// Repeats blocks until `length` has passed or there is nothing left to check.
fn timed(length: Duration, mut block: impl FnMut() -> Block) -> (Block, Duration) {
    let begin = Instant::now();
    let mut total = Block::default();
    loop {
        let done = block();
        total.checks += done.checks;
        total.admitted += done.admitted;
        let passed = begin.elapsed();
        if done.checks == 0 || passed >= length {
            return (total, passed);
        }
    }
}

fn figure(scenario: Scenario, threads: usize, done: &[(Block, Duration)]) -> Figure {
    let checks: u64 = done.iter().map(|(block, _)| block.checks).sum();
    let admitted: u64 = done.iter().map(|(block, _)| block.admitted).sum();
    let busy: f64 = done.iter().map(|(_, passed)| passed.as_secs_f64()).sum();
    let per_check = busy / checks.max(1) as f64;
    Figure {
        scenario,
        threads,
        ns_per_check: per_check * 1e9,
        checks_per_second: threads as f64 / per_check,
        admitted: admitted as f64 / checks.max(1) as f64,
    }
}

/// The middle one of the rounds by time per check.
pub fn median(mut rounds: Vec<Figure>) -> Figure {
    rounds.sort_by(|a, b| a.ns_per_check.total_cmp(&b.ns_per_check));
    rounds[rounds.len() / 2]
}
