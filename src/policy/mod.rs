//! Policies: an algorithm with its numbers, every bound of which is checked when the policy is made.

mod range;
mod text;

use crate::error::Error;
use std::fmt;
use std::time::Duration;

pub use range::{MAX_BURST, MAX_LIMIT, MAX_PERIOD, MIN_PERIOD};

/// One of the four ways to decide. The crate's documentation says what each promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// `fixed-window`: at most `limit` permits in each window `[n·period, (n+1)·period)` since the Unix epoch.
    FixedWindow,
    /// `sliding-window`: at most `limit` permits in any rolling window, estimated from two counters.
    SlidingWindow,
    /// `token-bucket`: a bucket of `burst` tokens, refilled continuously at `limit` per `period`.
    TokenBucket,
    /// `leaky-bucket`: a queue of `burst` places, drained at the constant rate `limit` per `period`.
    LeakyBucket,
}

impl Algorithm {
    /// All four, in the order of the specification.
    pub const ALL: [Self; 4] = [Self::FixedWindow, Self::SlidingWindow, Self::TokenBucket, Self::LeakyBucket];

    /// The name that a policy's text begins with.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed-window",
            Self::SlidingWindow => "sliding-window",
            Self::TokenBucket => "token-bucket",
            Self::LeakyBucket => "leaky-bucket",
        }
    }

    /// Whether the algorithm has a capacity of its own beside the limit.
    const fn has_burst(self) -> bool {
        matches!(self, Self::TokenBucket | Self::LeakyBucket)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An algorithm with its numbers, known to be within every bound.
///
/// Made from text or by the typed constructors; prints as text that parses to the same policy.
///
/// ```
/// use sluicegate::Policy;
/// use std::time::Duration;
///
/// let parsed: Policy = "token-bucket 100/s burst=200".parse()?;
/// let built = Policy::token_bucket(100, Duration::from_secs(1)).burst(200).build()?;
/// assert_eq!(parsed, built);
/// assert_eq!(built.to_string(), "token-bucket 100/s burst=200");
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    algorithm: Algorithm,
    limit: u64,
    period_ns: u64,
    burst: u64,
}

impl Policy {
    /// At most `limit` permits in each window of `period`, counted from the Unix epoch.
    pub fn fixed_window(limit: u64, period: Duration) -> PolicyBuilder {
        PolicyBuilder::new(Algorithm::FixedWindow, limit, period)
    }

    /// At most `limit` permits in a rolling window of `period`, estimated from two counters.
    pub fn sliding_window(limit: u64, period: Duration) -> PolicyBuilder {
        PolicyBuilder::new(Algorithm::SlidingWindow, limit, period)
    }

    /// `limit` permits per `period`, refilled continuously into a bucket of `limit` (or [`PolicyBuilder::burst`]).
    pub fn token_bucket(limit: u64, period: Duration) -> PolicyBuilder {
        PolicyBuilder::new(Algorithm::TokenBucket, limit, period)
    }

    /// A queue drained at `limit` per `period` that holds at most `limit` (or [`PolicyBuilder::burst`]) requests.
    pub fn leaky_bucket(limit: u64, period: Duration) -> PolicyBuilder {
        PolicyBuilder::new(Algorithm::LeakyBucket, limit, period)
    }

    /// The algorithm that decides.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Permits per period, 0 to [`MAX_LIMIT`]. A limit of 0 denies every cost above 0.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// The length of time the limit is meant for, [`MIN_PERIOD`] to [`MAX_PERIOD`].
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_nanos(self.period_ns)
    }

    /// The most permits that can be taken at one instant: the bucket's capacity, or the limit of a window.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// A policy from the numbers that one prints as.
    pub(crate) fn from_parts(
        algorithm: Algorithm,
        limit: u64,
        period: Duration,
        burst: u64,
    ) -> Result<Self, Error> {
        let builder = PolicyBuilder::new(algorithm, limit, period);
        let own_burst = algorithm.has_burst() && burst != limit;
        let policy = if own_burst { builder.burst(burst) } else { builder }.build()?;
        if policy.burst == burst {
            return Ok(policy);
        }
        Err(Error::PolicyRange { problem: format!("{algorithm} has no burst, and here is one of {burst}") })
    }

    /// The period in nanoseconds.
    pub(crate) const fn period_ns(&self) -> u64 {
        self.period_ns
    }
}

/// A policy in the making; [`build`](Self::build) checks it, and so does whatever takes a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a policy that is not built limits nothing"]
pub struct PolicyBuilder {
    algorithm: Algorithm,
    limit: u64,
    period: Duration,
    burst: Option<u64>,
}

impl PolicyBuilder {
    fn new(algorithm: Algorithm, limit: u64, period: Duration) -> Self {
        Self { algorithm, limit, period, burst: None }
    }

    /// The bucket's capacity, 1 to [`MAX_BURST`], where it is not the limit itself. Only for buckets.
    pub fn burst(self, burst: u64) -> Self {
        Self { burst: Some(burst), ..self }
    }

    /// The policy, once every bound is checked.
    ///
    /// # Errors
    /// [`Error::PolicyRange`] with the number that is out of range, its bound and a way out.
    pub fn build(self) -> Result<Policy, Error> {
        let policy = Policy {
            algorithm: self.algorithm,
            limit: self.limit,
            period_ns: range::period_ns(self.period)?,
            burst: self.burst.unwrap_or(self.limit),
        };
        range::check(&policy, self.burst)?;
        Ok(policy)
    }
}

impl TryFrom<PolicyBuilder> for Policy {
    type Error = Error;

    fn try_from(builder: PolicyBuilder) -> Result<Self, Error> {
        builder.build()
    }
}

impl TryFrom<&str> for Policy {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}
