//! What is counted for one policy: in all, for each key, and over time.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;
use sluicegate::{Decision, Policy};

use super::demand::Demand;
use super::series::Series;

const MINUTE: u64 = 60_000_000_000;
const MINUTES_PER_HOUR: u64 = 60;
/// Minutes with denials that are told apart: two years of nothing but such minutes.
const MOST_MINUTES: usize = 1 << 20;

/// What is counted for one key: just a cache line, as each request of the log waits for one.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub struct KeyTally {
    /// Requests let through.
    pub admitted: u64,
    /// Requests denied.
    pub denied: u64,
    demand: Demand,
    denied_since: u64,
}

/// No denial since the last admission.
const NOT_DENIED: u64 = u64::MAX;

impl Default for KeyTally {
    fn default() -> Self {
        Self { admitted: 0, denied: 0, demand: Demand::default(), denied_since: NOT_DENIED }
    }
}

/// The extreme of something, with the key and the instant it belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peak {
    /// How much it was: a count, or a length in nanoseconds.
    pub amount: u64,
    /// The number of the key.
    pub key: usize,
    /// When it began, in Unix nanoseconds.
    pub since: u64,
}

impl Peak {
    fn raise(&mut self, amount: u64, key: usize, since: u64) {
        if amount > self.amount {
            *self = Self { amount, key, since };
        }
    }
}

/// What is counted for one policy.
#[derive(Debug)]
pub struct Tally {
    /// Requests let through.
    pub admitted: u64,
    /// Requests denied.
    pub denied: u64,
    /// Requests for keys that were not told apart.
    pub others_admitted: u64,
    /// Denials for keys that were not told apart.
    pub others_denied: u64,
    /// What each key did, by the key's number.
    pub keys: Vec<KeyTally>,
    /// Most requests of one key in one period, counted in periods from the Unix epoch.
    pub busiest_period: Peak,
    /// The smallest limit (windows) or burst (buckets) under which nobody would have been denied.
    pub needed: Peak,
    /// Longest run of denials of one key without an admission in between, from the first to the last.
    pub longest_run: Peak,
    /// The longest wait that anybody was told.
    pub longest_wait: Duration,
    /// Admitted and denied over time.
    pub series: Series,
    denials: DenialMinutes,
}

impl Tally {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self {
            admitted: 0,
            denied: 0,
            others_admitted: 0,
            others_denied: 0,
            keys: Vec::new(),
            busiest_period: Peak::default(),
            needed: Peak::default(),
            longest_run: Peak::default(),
            longest_wait: Duration::ZERO,
            series: Series::new(),
            denials: DenialMinutes::default(),
        }
    }

    /// Counts a decision for the key of that number, `None` for keys that are not told apart.
    pub fn count(&mut self, policy: &Policy, key: Option<usize>, time: u64, decision: &Decision) {
        let allowed = decision.allowed();
        self.series.count(time, allowed);
        match allowed {
            true => self.admitted += 1,
            false => self.count_denial(time, decision),
        }
        match (key, allowed) {
            (Some(key), _) => self.count_key(policy, key, time, allowed),
            (None, true) => self.others_admitted += 1,
            (None, false) => self.others_denied += 1,
        }
    }

    /// How many keys were denied at least once, of those told apart.
    pub fn keys_denied(&self) -> u64 {
        self.keys.iter().filter(|key| key.denied > 0).count() as u64
    }

    /// The busiest minute of denials: how many, and when it began. `None` without denials.
    pub fn busiest_minute(&mut self) -> Option<(u64, u64)> {
        self.denials.busiest(1)
    }

    /// The busiest hour of denials.
    pub fn busiest_hour(&mut self) -> Option<(u64, u64)> {
        self.denials.busiest(MINUTES_PER_HOUR)
    }

    fn count_denial(&mut self, time: u64, decision: &Decision) {
        self.denied += 1;
        self.denials.count(time);
        if let Some(wait) = decision.retry_after() {
            self.longest_wait = self.longest_wait.max(wait);
        }
    }

    fn count_key(&mut self, policy: &Policy, key: usize, time: u64, allowed: bool) {
        if key >= self.keys.len() {
            self.keys.resize(key + 1, KeyTally::default());
        }
        let tally = &mut self.keys[key];
        let asked = tally.demand.ask(policy, time);
        self.busiest_period.raise(asked.in_period, key, asked.period_start);
        self.needed.raise(asked.needed, key, time);
        if allowed {
            tally.admitted += 1;
            tally.denied_since = NOT_DENIED;
        } else {
            tally.denied += 1;
            if tally.denied_since == NOT_DENIED {
                tally.denied_since = time;
            }
            let since = tally.denied_since;
            self.longest_run.raise(time.saturating_sub(since), key, since);
        }
    }
}

/// Denials by the minute of UTC.
#[derive(Debug, Default)]
struct DenialMinutes {
    counts: HashMap<u64, u64, RandomState>,
    current: u64,
    in_current: u64,
}

impl DenialMinutes {
    fn count(&mut self, time: u64) {
        let minute = time / MINUTE;
        if minute != self.current {
            self.settle();
            self.current = minute;
        }
        self.in_current += 1;
    }

    fn settle(&mut self) {
        let denied = std::mem::take(&mut self.in_current);
        if denied > 0 && (self.counts.len() < MOST_MINUTES || self.counts.contains_key(&self.current)) {
            *self.counts.entry(self.current).or_default() += denied;
        }
    }

    /// The span of `minutes` minutes with the most denials; the earliest of equals.
    fn busiest(&mut self, minutes: u64) -> Option<(u64, u64)> {
        self.settle();
        let mut spans: HashMap<u64, u64, RandomState> = HashMap::default();
        for (minute, denied) in &self.counts {
            *spans.entry(minute / minutes).or_default() += denied;
        }
        let best = spans.into_iter().max_by_key(|(span, denied)| (*denied, std::cmp::Reverse(*span)))?;
        Some((best.1, best.0 * minutes * MINUTE))
    }
}
