//! How much a key asks for, whether it gets it or not: what a policy would have to allow.

use sluicegate::{Algorithm, Policy};

/// What one key has asked for so far.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    period: u64,
    in_period: u64,
    in_period_before: u64,
    /// Level of a bucket without a bound, in requests, and the instant it belongs to.
    level: f64,
    level_at: u64,
}

/// What a request adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The key's requests so far in this period, of periods counted from the Unix epoch.
    pub in_period: u64,
    /// When that period began, in Unix nanoseconds.
    pub period_start: u64,
    /// The limit (windows) or burst (buckets) that would have let everything through so far.
    pub needed: u64,
}

impl Demand {
    /// Counts one request at `time`. A late one counts in the current period, as windows do not go back.
    pub fn ask(&mut self, policy: &Policy, time: u64) -> Asked {
        let length = u64::try_from(policy.period().as_nanos()).unwrap_or(u64::MAX).max(1);
        self.move_to(time / length);
        self.in_period += 1;
        let needed = match policy.algorithm() {
            Algorithm::FixedWindow => self.in_period,
            Algorithm::SlidingWindow => self.estimate(time, length),
            // The buckets; any other algorithm is nearest to one, too.
            _ => self.fill(policy, time, length),
        };
        Asked { in_period: self.in_period, period_start: self.period.saturating_mul(length), needed }
    }

    fn move_to(&mut self, period: u64) {
        if period <= self.period {
            return;
        }
        self.in_period_before = match period - self.period {
            1 => self.in_period,
            _ => 0,
        };
        self.in_period = 0;
        self.period = period;
    }

    /// The rolling estimate, rounded up.
    fn estimate(&self, time: u64, length: u64) -> u64 {
        let elapsed = time.saturating_sub(self.period.saturating_mul(length));
        let weight = u128::from(length - elapsed.min(length));
        let before = (u128::from(self.in_period_before) * weight).div_ceil(u128::from(length));
        self.in_period + before as u64
    }

    /// The level of an unbounded bucket after this request, rounded up.
    fn fill(&mut self, policy: &Policy, time: u64, length: u64) -> u64 {
        let passed = time.saturating_sub(self.level_at) as f64;
        let drained = passed * policy.limit() as f64 / length as f64;
        self.level = (self.level - drained).max(0.0) + 1.0;
        self.level_at = self.level_at.max(time);
        // A level is a sum of many roundings: a billionth above a whole number is that number.
        (self.level - 1e-6).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const START: u64 = 1_431_857_100 * SECOND;

    /// The need after requests at these milliseconds.
    fn needed(policy: &str, milliseconds: &[u64]) -> u64 {
        let policy: Policy = policy.parse().unwrap();
        let mut demand = Demand::default();
        let asked = milliseconds.iter().map(|ms| demand.ask(&policy, START + ms * 1_000_000).needed);
        asked.max().unwrap_or(0)
    }

    #[test]
    fn a_fixed_window_needs_its_fullest_window() {
        assert_eq!(needed("fixed-window 1/1s", &[0, 1, 2, 1000, 1001]), 3);
    }

    #[test]
    fn a_sliding_window_needs_its_highest_estimate() {
        assert_eq!(needed("sliding-window 1/1s", &[900, 900, 900, 1500]), 3);
        assert_eq!(needed("sliding-window 1/1s", &[900, 900, 900, 1000, 1000]), 5);
    }

    #[test]
    fn a_bucket_needs_its_highest_level() {
        assert_eq!(needed("token-bucket 10/s", &[0, 0, 0, 0]), 4);
        assert_eq!(needed("token-bucket 10/s", &[0, 100, 200, 300, 400]), 1);
        assert_eq!(needed("leaky-bucket 10/s", &[0, 50, 100, 150]), 3);
    }

    #[test]
    fn the_need_is_just_enough() {
        let times: Vec<u64> = (0..200)
            .map(|at: u64| at * at * 37 % 5_000)
            .scan(0, |last, t| {
                *last += t % 97;
                Some(*last)
            })
            .collect();
        for algorithm in ["fixed-window 5/1s", "sliding-window 5/1s"] {
            let need = needed(algorithm, &times);
            let name = algorithm.split(' ').next().unwrap();
            assert!(denied(&format!("{name} {need}/1s"), &times) == 0, "{algorithm}");
            assert!(denied(&format!("{name} {}/1s", need - 1), &times) > 0, "{algorithm}");
        }
        for algorithm in ["token-bucket 5/1s", "leaky-bucket 5/1s"] {
            let need = needed(algorithm, &times);
            assert!(denied(&format!("{algorithm} burst={need}"), &times) == 0);
            assert!(denied(&format!("{algorithm} burst={}", need - 1), &times) > 0);
        }
    }

    fn denied(policy: &str, milliseconds: &[u64]) -> usize {
        let limiter = sluicegate::Limiter::new(policy, 10).unwrap();
        let decisions = milliseconds.iter().map(|ms| limiter.check_at(b"key", 1, START + ms * 1_000_000));
        decisions.filter(|decision| !decision.allowed()).count()
    }
}
