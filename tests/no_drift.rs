//! "No drift after any number of requests (3 per second is three per second for ever, although 1/3 s is no
//! whole number of nanoseconds)": millions of admissions, held against whole-number arithmetic.

#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;

use common::{DAY, HOUR, IN_2026, MINUTE, Numbers, SECOND, limiter_of, retry_ns};
use model::{Kind, Rule};
use sluicegate::Limiter;

const BUCKETS: [Kind; 2] = [Kind::TokenBucket, Kind::LeakyBucket];
const KEY: &str = "203.0.113.10";

/// Limits and periods whose permits take no whole number of nanoseconds, but for the last.
const RATES: [(u64, u64); 10] = [
    (3, SECOND),
    (7, MINUTE),
    (33, SECOND),
    (1_000_003, SECOND),
    (999_999_937, SECOND),
    (99, HOUR),
    (1_000_003, DAY),
    (3, 1_001),
    (16_777_213, 86_399_999_999_989),
    (1_000, SECOND),
];

/// The admissions each rate is followed for. Two of the rates go the whole way, the others a tenth of it.
fn admissions(index: usize, rule: &Rule) -> u64 {
    let all = if matches!(index, 0 | 4) { 10_000_000 } else { 1_000_000 };
    // Not beyond the last time that fits.
    let century = (sluicegate::MAX_UNIX_NS - IN_2026) as u128 * u128::from(rule.limit) / u128::from(rule.period);
    all.min(century as u64 - 2)
}

/// When the `k`th permit after the first is there: `k*P/L`, rounded up.
fn permit_is_due(rule: &Rule, k: u64) -> u64 {
    (u128::from(k) * u128::from(rule.period)).div_ceil(u128::from(rule.limit)) as u64
}

fn bucket_rules(burst: u64) -> impl Iterator<Item = (u64, Rule)> {
    RATES.into_iter().enumerate().flat_map(move |(index, (limit, period))| {
        BUCKETS.map(|kind| {
            let rule = Rule::new(kind, limit, period).burst(burst);
            (admissions(index, &rule), rule)
        })
    })
}

#[test]
fn a_client_at_exactly_the_rate_is_never_denied() {
    for (admissions, rule) in bucket_rules(2) {
        let limiter = limiter_of(&rule);
        for k in 0..admissions {
            let answer = limiter.check_at(KEY, 1, IN_2026 + permit_is_due(&rule, k));
            assert!(answer.allowed(), "request {k} under {rule:?}: {answer:?}");
        }
    }
}

/// With room for one permit alone there is no slack at all but the nanosecond that rounding may take.
#[test]
fn a_client_at_the_rate_is_never_denied_where_only_one_permit_fits() {
    for (admissions, rule) in bucket_rules(1) {
        let limiter = limiter_of(&rule);
        // The instants, rounded up, are at least this far apart, and the next one is judged from the last.
        let interval = permit_is_due(&rule, 1) + u64::from(!rule.has_whole_instants());
        let requests = admissions.min((sluicegate::MAX_UNIX_NS - IN_2026) / interval);
        for k in 0..requests {
            let answer = limiter.check_at(KEY, 1, IN_2026 + k * interval);
            assert!(answer.allowed(), "request {k} under {rule:?}: {answer:?}");
        }
    }
}

/// Takes a permit as soon as it can, and says when it got one.
fn next_admission(limiter: &Limiter, now: u64) -> u64 {
    let mut now = now;
    loop {
        let answer = limiter.check_at(KEY, 1, now);
        if answer.allowed() {
            return now;
        }
        now += retry_ns(&answer);
        assert!(limiter.peek_at(KEY, 1, now).allowed(), "told to come back at {now}: {answer:?}");
    }
}

/// Whoever waits exactly as told gets every permit at its own instant: `floor(B + T*L/P)` of them in any `T`.
#[test]
fn a_client_that_follows_retry_after_gets_all_it_is_due_and_not_one_more() {
    for burst in [2, 5] {
        for (admissions, rule) in bucket_rules(burst) {
            let limiter = limiter_of(&rule);
            let late = u64::from(!rule.has_whole_instants());
            let mut now = IN_2026;
            for k in 0..admissions / 2 {
                now = next_admission(&limiter, now);
                let due = IN_2026 + permit_is_due(&rule, (k + 1).saturating_sub(burst));
                assert!((due..=due + late).contains(&now), "permit {k} at {now} instead of {due} under {rule:?}");
            }
        }
    }
}

/// Whether more than `B + T*L/P` were ever admitted in any stretch of time `T`, from any admission to any.
/// With `f(i) = i*P - t(i)*L`, the `i`th to the `j`th are too many iff `f(j) - f(i) + P > B*P`.
struct AnyWindow {
    rule: Rule,
    admitted: i128,
    least: i128,
}

impl AnyWindow {
    fn new(rule: Rule) -> AnyWindow {
        AnyWindow { rule, admitted: 0, least: i128::MAX }
    }

    fn admit(&mut self, cost: u64, now: u64) {
        let (period, limit) = (i128::from(self.rule.period), i128::from(self.rule.limit));
        let elapsed = i128::from(now - IN_2026) * limit;
        self.least = self.least.min(self.admitted * period - elapsed);
        self.admitted += i128::from(cost);
        let most = i128::from(self.rule.capacity()) * period;
        let taken = self.admitted * period - elapsed - self.least;
        assert!(taken <= most, "{} admitted by {now} under {:?}", self.admitted, self.rule);
    }
}

#[test]
fn no_stretch_of_time_ever_admits_more_than_burst_and_rate() {
    for burst in [1, 2, 10] {
        for (admissions, rule) in bucket_rules(burst) {
            let limiter = limiter_of(&rule);
            let mut numbers = Numbers(burst);
            let mut window = AnyWindow::new(rule);
            let mut now = IN_2026;
            let permit = rule.period.div_ceil(rule.limit);
            for _ in 0..admissions.min(1_000_000) / 2 {
                let cost = 1 + numbers.below(burst);
                let answer = limiter.check_at(KEY, cost, now);
                if answer.allowed() {
                    window.admit(cost, now);
                }
                now += match (numbers.below(4), answer.retry_after()) {
                    (0, _) => numbers.below(permit + 1),
                    (1, _) => 1,
                    (2, Some(_)) => retry_ns(&answer),
                    _ => 0,
                };
            }
        }
    }
}

/// The fraction of a permit that is earned between two polls is not lost, however often the bucket is polled.
#[test]
fn the_rate_does_not_depend_on_how_often_the_bucket_is_asked() {
    for kind in BUCKETS {
        for poll in [999, 1_000, 1_999, 3_999, 1_000_003] {
            let rule = Rule::new(kind, 100, SECOND).burst(1);
            let limiter = limiter_of(&rule);
            let polls = (0..SECOND).step_by(poll);
            let admitted =
                polls.filter(|since| limiter.check_at(KEY, 1, IN_2026 + since).allowed()).count() as u64;
            // A full bucket that waits for the next poll spills what it earns until then.
            let interval = (10_000_000_u64).div_ceil(poll as u64) * poll as u64;
            assert_eq!(admitted, (SECOND - 1) / interval + 1, "{kind:?} polled every {poll} ns");
        }
    }
}

#[test]
fn a_fixed_window_admits_its_limit_in_each_of_a_million_windows() {
    let rule = Rule::new(Kind::FixedWindow, 3, MINUTE);
    let limiter = limiter_of(&rule);
    for window in 0..1_000_000 {
        let start = IN_2026 + window * MINUTE;
        for time in [start, start + 1, start + MINUTE - 1] {
            assert!(limiter.check_at(KEY, 1, time).allowed(), "window {window}");
        }
        assert!(!limiter.check_at(KEY, 1, start + MINUTE - 1).allowed(), "window {window}");
    }
}

/// The promise of the estimate, by its own formula: two counters kept here, whole numbers, a million admissions.
#[test]
fn a_sliding_window_never_admits_beyond_its_estimate() {
    let (limit, period) = (100_u64, 10 * SECOND);
    let limiter = limiter_of(&Rule::new(Kind::SlidingWindow, limit, period));
    let mut counts = [0_u128; 2];
    let (mut window, mut now) = (IN_2026 / period, IN_2026);
    for admission in 0..1_000_000 {
        let asked = now;
        now = next_admission(&limiter, asked);
        while window < now / period {
            counts = [counts[1], 0];
            window += 1;
        }
        counts[1] += 1;
        let left_of_window = u128::from(period - now % period);
        let taken = counts[0] * left_of_window + counts[1] * u128::from(period);
        assert!(taken <= u128::from(limit) * u128::from(period), "admission {admission} at {now}");
        // And nothing was held back: whoever had to wait found no room a nanosecond before.
        let before = counts[0] * (left_of_window + 1) + counts[1] * u128::from(period);
        let waited_within_the_window = now > asked && !now.is_multiple_of(period);
        assert!(
            !waited_within_the_window || before > u128::from(limit * period),
            "admission {admission} at {now}"
        );
    }
}
