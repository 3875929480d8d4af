//! One decision on a request, and the policy that it was made by.

use super::quota::Quota;
use super::valid;
use crate::decision::{Decision, Reason};
use crate::error::Error;

/// One decision on a request, and the policy that it was made by.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'a> {
    pub(super) quota: &'a Quota<'a>,
    pub(super) decision: Decision,
    pub(super) cost: u64,
    pub(super) partition_key: Option<&'a [u8]>,
}

impl<'a> Verdict<'a> {
    /// A decision of cost 1, made by the policy of `quota`.
    #[must_use]
    pub fn new(quota: &'a Quota<'a>, decision: Decision) -> Self {
        Self { quota, decision, cost: 1, partition_key: None }
    }

    /// How many permits the request asked for, where it was not 1: it tells which of several policies binds most.
    #[must_use]
    pub fn cost(self, cost: u64) -> Self {
        Self { cost, ..self }
    }

    /// The draft's `pk`: bytes, at most 96, by which clients can tell one partition of the quota from another.
    ///
    /// They are shown to the client. Do not use what it must not know, or what is personal: an address, say, of which
    /// even a hash without a secret tells all.
    ///
    /// # Errors
    /// [`Error::Setting`] for more than 96 bytes.
    pub fn partition_key(self, key: &'a [u8]) -> Result<Self, Error> {
        valid::partition_key(key)?;
        Ok(Self { partition_key: Some(key), ..self })
    }

    /// The name of the policy.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.quota.name()
    }

    /// The decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether the request is denied by this policy.
    #[must_use]
    pub fn is_violated(&self) -> bool {
        !self.decision.allowed()
    }

    /// Whether the request is denied, and because the client has asked for too much.
    pub(super) fn is_clients_excess(&self) -> bool {
        self.is_violated() && matches!(self.decision.reason(), Reason::Limit | Reason::CostExceedsLimit)
    }

    /// Whether fewer more such requests would be admitted than by `other`.
    pub(super) fn binds_more_than(&self, other: &Self) -> bool {
        // What is left of one divided by its cost, against the other's, without dividing.
        let times = |left: u64, cost: u64| u128::from(left) * u128::from(cost.max(1));
        let own = times(self.decision.remaining(), other.cost);
        let others = times(other.decision.remaining(), self.cost);
        (own, other.decision.reset_after()) < (others, self.decision.reset_after())
    }
}
