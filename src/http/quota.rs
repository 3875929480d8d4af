//! A policy under the name that answers call it by, and what it is in the IETF draft's words.

use super::seconds::NS_PER_SECOND;
use super::structured::LARGEST_INTEGER;
use super::valid;
use crate::error::Error;
use crate::policy::{Algorithm, Policy};
use std::borrow::Cow;

/// The name of a policy that was given none.
pub const DEFAULT_NAME: &str = "default";

/// The longest window that is multiplied to get whole seconds: an hour.
const LONGEST_SCALED_WINDOW: u128 = 3600;

/// A policy under a name: made once for each limiter.
///
/// ```
/// use sluicegate::Policy;
/// use sluicegate::http::Quota;
///
/// let policy: Policy = "sliding-window 100/1m".parse()?;
/// let quota = Quota::new("per-minute", policy)?;
/// assert_eq!((quota.quota(), quota.window_seconds()), (100, Some(60)));
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota<'a> {
    name: Cow<'a, str>,
    policy: Policy,
    quota: u64,
    window_s: Option<u64>,
}

impl<'a> Quota<'a> {
    /// The policy under a name of 1 to 64 printable ASCII characters.
    ///
    /// # Errors
    /// [`Error::Setting`] for any other name.
    pub fn new(name: impl Into<Cow<'a, str>>, policy: Policy) -> Result<Self, Error> {
        let name = name.into();
        valid::name(&name)?;
        Ok(Self::named(name, policy))
    }

    /// The policy under the name [`DEFAULT_NAME`].
    #[must_use]
    pub fn unnamed(policy: Policy) -> Self {
        Self::named(Cow::Borrowed(DEFAULT_NAME), policy)
    }

    fn named(name: Cow<'a, str>, policy: Policy) -> Self {
        let (quota, window_s) = quota_and_window(&policy);
        Self { name, policy, quota, window_s }
    }

    /// What answers call the policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The draft's `q`: the most permits that a client can take within [`window_seconds`](Self::window_seconds), if it
    /// goes on at the policy's rate.
    ///
    /// That is a window's limit, or a bucket's capacity: `q=200;w=2` for `token-bucket 100/s burst=200`. Where the
    /// window is no whole number of seconds, both are multiplied: `q=10;w=1` for `fixed-window 5/500ms`.
    #[must_use]
    pub const fn quota(&self) -> u64 {
        self.quota
    }

    /// The draft's `w`, in seconds; `None` where only more than an hour would be a whole number of them.
    #[must_use]
    pub const fn window_seconds(&self) -> Option<u64> {
        self.window_s
    }
}

/// The most permits that can be taken at one instant.
pub(super) fn capacity(policy: &Policy) -> u64 {
    if policy.limit() == 0 { 0 } else { policy.burst() }
}

/// `q` and `w`, whose ratio is the policy's rate exactly.
fn quota_and_window(policy: &Policy) -> (u64, Option<u64>) {
    let capacity = capacity(policy);
    let period = u128::from(policy.period_ns());
    // The window is a fraction of two whole numbers, for a bucket the time in which it refills. Neither overflows:
    // permits are below 2^32, a period is below 2^59.
    let (above, below) = match policy.algorithm() {
        Algorithm::TokenBucket | Algorithm::LeakyBucket if capacity > 0 => {
            (u128::from(capacity) * period, u128::from(policy.limit()) * u128::from(NS_PER_SECOND))
        }
        _ => (period, u128::from(NS_PER_SECOND)),
    };
    let shared = gcd(above, below);
    let (window_s, times) = (above / shared, below / shared);
    let quota = u128::from(capacity) * times;
    let is_sensible = times == 1 || window_s <= LONGEST_SCALED_WINDOW && quota <= u128::from(LARGEST_INTEGER);
    // Both fit: a century has below 2^32 seconds.
    if is_sensible { (quota as u64, Some(window_s as u64)) } else { (capacity, None) }
}

fn gcd(one: u128, other: u128) -> u128 {
    if other == 0 { one } else { gcd(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_and_window_have_the_policys_rate() {
        for (policy, expected) in [
            ("fixed-window 100/1m", (100, Some(60))),
            ("fixed-window 5000/1h", (5000, Some(3600))),
            ("sliding-window 1000/1d", (1000, Some(86_400))),
            ("fixed-window 5/500ms", (10, Some(1))),
            ("fixed-window 10/1500ms", (20, Some(3))),
            ("fixed-window 10/1us", (10_000_000, Some(1))),
            ("fixed-window 10/1000000001ns", (10, None)),
            ("fixed-window 7/3653d", (7, Some(3653 * 86_400))),
            ("fixed-window 0/1m", (0, Some(60))),
            ("token-bucket 10/1m", (10, Some(60))),
            ("token-bucket 100/s burst=200", (200, Some(2))),
            ("token-bucket 100/s burst=50", (100, Some(1))),
            ("leaky-bucket 3/s burst=10", (30, Some(10))),
            ("token-bucket 7/m burst=10", (70, Some(600))),
            ("token-bucket 1000000000/s burst=4294967295", (4_294_967_295, None)),
            ("token-bucket 0/s", (0, Some(1))),
            ("token-bucket 0/s burst=5", (0, Some(1))),
        ] {
            assert_eq!(quota_and_window(&policy.parse().unwrap()), expected, "{policy}");
        }
    }
}
