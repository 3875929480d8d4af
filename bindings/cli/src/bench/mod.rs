//! `sluice bench`: what one check costs on this machine, and what one key weighs.

mod race;
mod report;
mod scenario;

use std::num::NonZero;
use std::time::Duration;

use sluicegate::{Limiter, Policy};

use self::race::Figure;
use self::scenario::{Scenario, key};
use crate::error::Failure;
use crate::{cli, output};

/// Rounds for each figure, of which the median counts.
const ROUNDS: u32 = 5;

/// Everything that was measured.
struct Results {
    policy: Policy,
    keys: u64,
    figures: Vec<Figure>,
    capacity: u64,
    memory_bytes: u64,
}

/// Measures every scenario, with one thread and with several, and prints the figures.
pub fn run(options: &cli::Bench) -> Result<(), Failure> {
    let results = measure(options)?;
    let told = match options.json {
        true => report::json(&results)?,
        false => report::text(&results),
    };
    output::print(told)
}

fn measure(options: &cli::Bench) -> Result<Results, Failure> {
    let known = limiter(options.policy, options.keys)?;
    let stats = known.stats();
    for number in 0..options.keys {
        let _ = known.check(key(number));
    }
    let threads = thread_counts(options);
    let runs = Scenario::ALL.len() * threads.len() * ROUNDS as usize;
    let round = Duration::from_secs_f64(options.seconds / runs as f64);
    let mut figures = Vec::new();
    for scenario in Scenario::ALL {
        for threads in &threads {
            let one_round = || {
                let fresh = scenario.fresh_limiter(options.policy, options.keys)?;
                let limiter = fresh.as_ref().unwrap_or(&known);
                Ok(race::run(scenario, limiter, options.keys, *threads, round))
            };
            let rounds = (0..ROUNDS).map(|_| one_round()).collect::<Result<Vec<_>, Failure>>()?;
            figures.push(race::median(rounds));
        }
    }
    Ok(Results {
        policy: options.policy,
        keys: options.keys,
        figures,
        capacity: stats.capacity,
        memory_bytes: stats.memory_bytes,
    })
}

/// One thread, and as many as asked for or as there are cores.
fn thread_counts(options: &cli::Bench) -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let asked = options.threads.map_or(cores, |threads| usize::try_from(threads).unwrap_or(cores));
    match asked {
        1 => vec![1],
        many => vec![1, many],
    }
}

fn limiter(policy: Policy, keys: u64) -> Result<Limiter, Failure> {
    Limiter::new(policy, keys).map_err(|error| Failure::work(error.to_string()))
}
