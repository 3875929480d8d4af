//! Giving a charge back after some time, as far as it is still there.

use crate::clock::Clock;
use crate::decision::{Decision, Reason};
use crate::limiter::Limiter;
use crate::policy::{Algorithm, Policy};

impl<C: Clock> Limiter<C> {
    /// Gives back what one decision has charged, unless it has lapsed, and tells how the key stands then.
    ///
    /// For a request that turns out not to count when it has been served, which may take long. A [`refund`](Self::refund)
    /// takes permits off whatever the key has consumed by then: after a new window has begun, or a bucket has been full in
    /// between, that is what others have consumed, and so one too many would be admitted. This gives back nothing then.
    ///
    /// * `charge`: the decision; one that was denied or not counted has charged nothing
    /// * `charged_at`: a time no later than the decision's, in nanoseconds since the Unix epoch
    ///
    /// What is told is what a check of cost 0 would be.
    ///
    /// ```
    /// use sluicegate::{Limiter, ManualClock};
    /// use std::{sync::Arc, time::Duration};
    ///
    /// let clock = Arc::new(ManualClock::new(59_000_000_000));
    /// let limiter = Limiter::builder("fixed-window 2/1m").clock(Arc::clone(&clock)).build()?;
    /// let at = limiter.now();
    /// let charge = limiter.check("ann");
    /// assert_eq!(limiter.refund_charge("ann", 1, &charge, at).remaining(), 2);
    ///
    /// let charge = limiter.check("ann");
    /// clock.advance(Duration::from_secs(1)); // a new window begins
    /// limiter.check("ann");
    /// assert_eq!(limiter.refund_charge("ann", 1, &charge, at).remaining(), 1);
    /// # Ok::<(), sluicegate::Error>(())
    /// ```
    pub fn refund_charge(
        &self,
        key: impl AsRef<[u8]>,
        cost: u64,
        charge: &Decision,
        charged_at_unix_ns: u64,
    ) -> Decision {
        self.refund_charge_at(key, cost, charge, charged_at_unix_ns, self.now())
    }
}

impl<C> Limiter<C> {
    /// [`refund_charge`](Self::refund_charge) at `now_unix_ns`.
    pub fn refund_charge_at(
        &self,
        key: impl AsRef<[u8]>,
        cost: u64,
        charge: &Decision,
        charged_at_unix_ns: u64,
        now_unix_ns: u64,
    ) -> Decision {
        if is_whole(self.policy(), charge, charged_at_unix_ns, now_unix_ns) {
            self.refund_at(&key, cost, now_unix_ns);
        }
        self.peek_at(key, 0, now_unix_ns)
    }
}

/// Whether a charge surely is part of what the key has consumed at `now`, as a whole.
pub(crate) fn is_whole(policy: &Policy, charge: &Decision, charged_at_unix_ns: u64, now_unix_ns: u64) -> bool {
    let is_counted = charge.allowed() && charge.reason() == Reason::None;
    is_counted && now_unix_ns < whole_until(policy, charge, charged_at_unix_ns)
}

/// Until when a charge surely is part of what the key has consumed, as a whole. Later it may have lapsed, and to give it
/// back would be to give what others have consumed.
///
/// A fixed window's lapses with its window, and `reset_after` is that window's end. A sliding window's begins to when the
/// next window begins, a period before the key is fresh. A bucket's has drained at the latest when the key would have been
/// fresh; up to then it never was, so that the charge still is in the level.
fn whole_until(policy: &Policy, charge: &Decision, charged_at_unix_ns: u64) -> u64 {
    let fresh_at = charged_at_unix_ns.saturating_add(charge.reset_after_ns);
    match policy.algorithm() {
        Algorithm::SlidingWindow => fresh_at.saturating_sub(policy.period_ns()),
        Algorithm::FixedWindow | Algorithm::TokenBucket | Algorithm::LeakyBucket => fresh_at,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The beginning of a minute.
    const START: u64 = 1_795_305_600_000_000_000;

    /// A charge at `START + charged_ms`, others in between, and what is left once it is given back at `START + back_ms`.
    fn left_after(policy: &str, charged_ms: u64, between: &[(u64, u64)], back_ms: u64) -> u64 {
        let at = |ms: u64| START + ms * 1_000_000;
        let limiter = Limiter::new(policy.parse::<Policy>().unwrap(), 10).unwrap();
        let charge = limiter.check_at("key", 1, at(charged_ms));
        for &(ms, cost) in between {
            assert!(limiter.check_at("key", cost, at(ms)).allowed());
        }
        limiter.refund_charge_at("key", 1, &charge, at(charged_ms), at(back_ms)).remaining()
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
    fn a_denial_has_charged_nothing() {
        let limiter = Limiter::new("fixed-window 1/1m".parse::<Policy>().unwrap(), 10).unwrap();
        assert!(limiter.check_at("key", 1, START).allowed());
        let denial = limiter.check_at("key", 1, START);
        assert_eq!(limiter.refund_charge_at("key", 1, &denial, START, START).remaining(), 0);
    }
}
