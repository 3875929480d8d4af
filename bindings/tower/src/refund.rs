//! Giving permits back, and when it is too late for that.

use sluicegate::{Algorithm, Clock, Decision, Limiter, Policy, Reason};
use std::time::Duration;

/// Until when a charge that was allowed at `at` surely is what the key has consumed, as a whole. Later it may have lapsed,
/// and to give it back would be to give what others have consumed.
///
/// A fixed window's lapses with its window, and `reset_after` is that window's end. A sliding window's begins to when the
/// next window begins, a period before the key is fresh. A bucket's has drained at the latest when the key would have been
/// fresh; up to then it never was, so that the charge still is in the level.
fn whole_until(policy: &Policy, at: u64, decision: &Decision) -> u64 {
    let fresh_at = at.saturating_add(ns(decision.reset_after()));
    match policy.algorithm() {
        Algorithm::SlidingWindow => fresh_at.saturating_sub(ns(policy.period())),
        Algorithm::FixedWindow | Algorithm::TokenBucket | Algorithm::LeakyBucket => fresh_at,
        // Nothing is known of it.
        _ => 0,
    }
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Gives back what was charged at `at` with this decision, if it is not too late, and answers how the key stands then.
pub(crate) fn give_back<C: Clock>(
    limiter: &Limiter<C>,
    key: &[u8],
    cost: u64,
    at: u64,
    decision: &Decision,
) -> Decision {
    let now = limiter.now();
    // What was let through uncounted has nothing to get.
    let is_counted = decision.allowed() && decision.reason() == Reason::None;
    if is_counted && now < whole_until(limiter.policy(), at, decision) {
        limiter.refund_at(key, cost, now);
    }
    limiter.peek_at(key, 0, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::ManualClock;
    use std::sync::Arc;

    const SECOND: u64 = 1_000_000_000;
    /// The beginning of a minute.
    const START: u64 = 1_795_305_600 * SECOND;

    /// A charge at `START + charged_ms`, others in between, and what is left once it is given back at `START + back_ms`.
    fn left_after(policy: &str, charged_ms: u64, between: &[(u64, u64)], back_ms: u64) -> u64 {
        let at = |ms: u64| START + ms * 1_000_000;
        let clock = Arc::new(ManualClock::new(at(charged_ms)));
        let limiter = Limiter::builder(policy).clock(Arc::clone(&clock)).max_keys(10).build().unwrap();
        let charge = limiter.check_at("key", 1, at(charged_ms));
        for &(ms, cost) in between {
            assert!(limiter.check_at("key", cost, at(ms)).allowed());
        }
        clock.set(at(back_ms));
        give_back(&limiter, b"key", 1, at(charged_ms), &charge).remaining()
    }

    #[test]
    fn in_time_a_charge_is_given_back_whole() {
        for policy in ["fixed-window 5/1m", "sliding-window 5/1m", "token-bucket 5/1m", "leaky-bucket 5/1m"] {
            assert_eq!(left_after(policy, 0, &[], 1_000), 5, "{policy}");
            assert_eq!(left_after(policy, 0, &[(500, 2)], 1_000), 3, "{policy}");
        }
    }

    #[test]
    fn a_charge_that_has_lapsed_takes_nothing_from_what_others_have_consumed() {
        // Another window of the key.
        assert_eq!(left_after("fixed-window 5/1m", 59_900, &[(60_100, 5)], 60_200), 0);
        // The previous window counts by a share, the current one whole.
        assert_eq!(left_after("sliding-window 5/1m", 59_900, &[(60_100, 3)], 60_200), 1);
        // The bucket was full again in between, at 12 s.
        for bucket in ["token-bucket 5/1m", "leaky-bucket 5/1m"] {
            assert_eq!(left_after(bucket, 0, &[(13_000, 5)], 13_100), 0, "{bucket}");
            assert_eq!(left_after(bucket, 0, &[(11_000, 4)], 11_900), 1, "{bucket}");
        }
    }

    #[test]
    fn what_was_let_through_uncounted_has_nothing_to_get() {
        let decision = Decision::default();
        assert!(!decision.allowed());
        let limiter = Limiter::new("fixed-window 5/1m", 10).unwrap();
        let before = limiter.check("key").remaining();
        assert_eq!(give_back(&limiter, b"key", 1, limiter.now(), &decision).remaining(), before);
    }
}
