//! The answer to one check.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

/// The `retry_after` of a denial that waiting cannot cure.
pub(crate) const NEVER: u64 = u64::MAX;

/// Why a request was denied, or, for [`Reason::TableFull`] on an admitted one, why it was not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[repr(u32)]
pub enum Reason {
    /// Nothing stood against the request.
    #[default]
    None,
    /// The key has used up its limit for now.
    Limit,
    /// The cost is above the capacity (or the limit is 0), so it can never fit.
    CostExceedsLimit,
    /// The table holds as many live keys as it can and [`OnFull`](crate::OnFull) is `Deny` or `Allow`.
    TableFull,
    /// The time given is after [`MAX_UNIX_NS`](crate::MAX_UNIX_NS), the last one that fits a key's state.
    TimeOutOfRange,
    /// The table's memory holds what no limiter has written: somebody else writes to it.
    TableDamaged,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Limit => "limit",
            Self::CostExceedsLimit => "cost exceeds limit",
            Self::TableFull => "table full",
            Self::TimeOutOfRange => "time out of range",
            Self::TableDamaged => "table damaged",
        })
    }
}

/// The answer to one check: all of it from the same atomic step.
///
/// ```
/// use sluicegate::{Limiter, Policy};
/// use std::time::Duration;
///
/// let limiter = Limiter::new("fixed-window 1/m".parse::<Policy>()?, 1_000)?;
/// assert!(limiter.check_at("203.0.113.10", 1, 0).allowed());
/// let denied = limiter.check_at("203.0.113.10", 1, 0);
/// assert!(!denied.allowed());
/// assert_eq!(denied.retry_after(), Some(Duration::from_secs(60)));
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Clone, Copy, Default)]
#[must_use = "a decision that nobody looks at limits nobody"]
pub struct Decision {
    pub(crate) scale: Scale,
    /// What is left, in the scale's units; below 0 where a late time sees more taken than there is. Working out the permits is
    /// left to who asks for them.
    pub(crate) remaining_units: i64,
    pub(crate) reset_after_ns: u64,
    /// How long an allowed request is to be held, or after what time a denied one is to come back.
    pub(crate) wait_ns: u64,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Reason,
}

/// Whether a request is allowed, in as many bytes as the reason takes: a decision has no gaps, which would be copied with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub(crate) enum Outcome {
    #[default]
    Denied = 0,
    Allowed = 1,
}

/// What all answers of a policy have in common, copied in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) limit: u64,
    pub(crate) units_per_permit: NonZeroU64,
}

impl Default for Scale {
    fn default() -> Self {
        Self::of_permits(0)
    }
}

impl Scale {
    /// Of what counts permits.
    #[inline(always)]
    pub(crate) const fn of_permits(limit: u64) -> Self {
        Self { limit, units_per_permit: NonZeroU64::MIN }
    }
}

impl Decision {
    /// Whether the request is within the limit. Only an allowed request has consumed anything.
    #[inline]
    #[must_use]
    pub fn allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allowed)
    }

    /// Why not, when it is not allowed.
    #[inline]
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The policy's limit `L`, in permits.
    #[inline]
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.scale.limit
    }

    /// Permits that are left after this decision, rounded down: the largest cost that would be
    /// admitted at the same instant.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> u64 {
        let units = self.remaining_units.max(0).cast_unsigned();
        units / self.scale.units_per_permit
    }

    /// On a denial that waiting can cure: how long after the `now` of the check the same request is
    /// admitted if nobody else asks for the key in between. A nanosecond earlier it is denied.
    #[inline]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.retry_after_ns() {
            NEVER => None,
            _ if self.allowed() => None,
            wait => Some(Duration::from_nanos(wait)),
        }
    }

    /// How long after the `now` of the check the key is fresh again (fixed window: its window ends).
    #[inline]
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        Duration::from_nanos(self.reset_after_ns)
    }

    /// Leaky bucket: how long to hold an allowed request so that requests leave at the constant rate.
    /// Zero for the other algorithms; who only polices ignores it.
    #[inline]
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_nanos(self.delay_ns())
    }

    /// [`retry_after`](Self::retry_after) in ns: 0 for an allowed request, [`NEVER`] where waiting does not help.
    #[inline]
    pub(crate) fn retry_after_ns(&self) -> u64 {
        if self.allowed() { 0 } else { self.wait_ns }
    }

    /// [`delay`](Self::delay) in ns.
    #[inline]
    pub(crate) fn delay_ns(&self) -> u64 {
        if self.allowed() { self.wait_ns } else { 0 }
    }

    /// A denial for `reason` that waiting cannot cure and that knows nothing of the key.
    pub(crate) fn refused(reason: Reason, limit: u64) -> Self {
        Self { reason, scale: Scale::of_permits(limit), wait_ns: NEVER, ..Self::default() }
    }
}

impl PartialEq for Decision {
    fn eq(&self, other: &Self) -> bool {
        let answers = |decision: &Self| {
            let Self { outcome, reason, reset_after_ns, wait_ns, .. } = *decision;
            (outcome, reason, decision.limit(), decision.remaining(), reset_after_ns, wait_ns)
        };
        answers(self) == answers(other)
    }
}

impl Eq for Decision {}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("allowed", &self.allowed())
            .field("reason", &self.reason)
            .field("limit", &self.limit())
            .field("remaining", &self.remaining())
            .field("retry_after", &self.retry_after())
            .field("reset_after", &self.reset_after())
            .field("delay", &self.delay())
            .finish()
    }
}
