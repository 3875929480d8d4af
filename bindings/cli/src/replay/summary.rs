//! What a finished replay amounts to: the figures that the report, the JSON and the picture all show.

use std::cmp::Reverse;
use std::time::Duration;

use sluicegate::{Algorithm, Policy};

use super::engine::{Reading, Replay, Trial};
use super::keys::Keys;
use super::log::KeyField;
use super::series::Series;
use super::tally::{KeyTally, Peak};

/// A finished replay.
pub struct Summary {
    /// The logs' names, in order.
    pub sources: Vec<String>,
    /// What was read.
    pub reading: Reading,
    /// What the requests were limited by.
    pub key_field: String,
    /// Keys told apart.
    pub keys: u64,
    /// How many keys are told apart at most.
    pub max_keys: u64,
    /// One outcome for each policy.
    pub outcomes: Vec<Outcome>,
}

/// What came of one policy.
pub struct Outcome {
    /// The policy.
    pub policy: Policy,
    /// Requests let through.
    pub admitted: u64,
    /// Requests denied.
    pub denied: u64,
    /// Keys denied at least once.
    pub keys_denied: u64,
    /// Requests for keys not told apart, because there were too many: admitted and denied.
    pub others: (u64, u64),
    /// Live keys that the limiter had to forget.
    pub evicted: u64,
    /// The keys denied most.
    pub worst: Vec<KeyRow>,
    /// The keys that asked most.
    pub busiest: Vec<KeyRow>,
    /// The minute with the most denials, and how many.
    pub busiest_minute: Option<(u64, u64)>,
    /// The hour with the most denials, and how many.
    pub busiest_hour: Option<(u64, u64)>,
    /// The most requests of one key in one period.
    pub peak: Extreme,
    /// What would have denied nobody.
    pub needed: Extreme,
    /// The longest run of denials, in nanoseconds.
    pub longest_run: Extreme,
    /// The longest wait told to anybody.
    pub longest_wait: Duration,
    /// Admitted and denied over time.
    pub series: Series,
}

/// A key with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The key.
    pub key: Vec<u8>,
    /// Requests let through.
    pub admitted: u64,
    /// Requests denied.
    pub denied: u64,
}

/// The extreme of something, with whom and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extreme {
    /// How much: a count, or a length in nanoseconds.
    pub amount: u64,
    /// Whose it was.
    pub key: Vec<u8>,
    /// When, in Unix nanoseconds.
    pub since: u64,
}

impl Summary {
    /// Sums up `replay`, with the `top` worst keys of each policy.
    pub fn new(replay: Replay, key_field: &KeyField, top: usize, max_keys: u64, sources: Vec<String>) -> Self {
        let keys = replay.keys;
        let outcomes = replay.trials.into_iter().map(|trial| Outcome::new(trial, &keys, top)).collect();
        Self {
            sources,
            reading: replay.reading,
            key_field: key_field.to_string(),
            keys: keys.len() as u64,
            max_keys,
            outcomes,
        }
    }

    /// Earliest and latest instant, in Unix nanoseconds.
    pub fn span(&self) -> (u64, u64) {
        self.reading.span.unwrap_or_default()
    }

    /// Requests for keys that were not told apart.
    pub fn others(&self) -> u64 {
        let first = self.outcomes.first();
        first.map_or(0, |outcome| outcome.others.0 + outcome.others.1)
    }
}

impl Outcome {
    fn new(trial: Trial, keys: &Keys, top: usize) -> Self {
        let evicted = trial.stats().evicted;
        let mut tally = trial.tally;
        let extreme = |peak: Peak| match peak.amount {
            0 => Extreme::default(),
            amount => Extreme { amount, key: keys.get(peak.key).to_vec(), since: peak.since },
        };
        Self {
            policy: trial.policy,
            admitted: tally.admitted,
            denied: tally.denied,
            keys_denied: tally.keys_denied(),
            others: (tally.others_admitted, tally.others_denied),
            evicted,
            worst: first_by(&tally.keys, keys, top, |key| key.denied),
            busiest: first_by(&tally.keys, keys, top, |key| key.admitted + key.denied),
            busiest_minute: tally.busiest_minute(),
            busiest_hour: tally.busiest_hour(),
            peak: extreme(tally.busiest_period),
            needed: extreme(tally.needed),
            longest_run: extreme(tally.longest_run),
            longest_wait: tally.longest_wait,
            series: tally.series,
        }
    }

    /// Requests in all.
    pub fn requests(&self) -> u64 {
        self.admitted + self.denied
    }

    /// The part of the policy that decides whether everything fits: `limit`, or `burst` for the buckets.
    pub fn deciding_number(&self) -> (&'static str, u64) {
        match self.policy.algorithm() {
            Algorithm::FixedWindow | Algorithm::SlidingWindow => ("limit", self.policy.limit()),
            _ => ("burst", self.policy.burst()),
        }
    }

    /// Whether counts of this policy are approximate, because live keys were forgotten.
    pub fn is_approximate(&self) -> bool {
        self.evicted > 0
    }
}

/// The `top` keys with most of `amount`, the earlier met first among equals; none that have nothing of it.
fn first_by(tallies: &[KeyTally], keys: &Keys, top: usize, amount: impl Fn(&KeyTally) -> u64) -> Vec<KeyRow> {
    let rank = |number: &usize| (Reverse(amount(&tallies[*number])), *number);
    let mut numbers: Vec<usize> = (0..tallies.len()).filter(|number| amount(&tallies[*number]) > 0).collect();
    if top == 0 {
        return Vec::new();
    }
    if numbers.len() > top {
        numbers.select_nth_unstable_by_key(top, rank);
        numbers.truncate(top);
    }
    numbers.sort_unstable_by_key(rank);
    numbers
        .into_iter()
        .map(|number| KeyRow {
            key: keys.get(number).to_vec(),
            admitted: tallies[number].admitted,
            denied: tallies[number].denied,
        })
        .collect()
}
