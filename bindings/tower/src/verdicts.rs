//! What was decided on a request, for whoever sees its response.

use sluicegate::Decision;
use sluicegate::http::{Answer, Quota, Settings, Verdict};
use smallvec::SmallVec;
use std::sync::Arc;

/// How many limits one request is usually held to at most: up to here nothing is allocated for them.
pub(crate) const FEW: usize = 4;

/// What the limits of this and of inner layers have decided: an extension of each response that carries their header fields.
///
/// Layers outside, such as one that writes an access log, can read it there.
#[derive(Debug, Clone)]
pub struct Verdicts {
    verdicts: SmallVec<[Told; FEW]>,
    now_unix_ns: u64,
}

#[derive(Debug, Clone)]
struct Told {
    quota: Arc<Quota<'static>>,
    decision: Decision,
    cost: u64,
}

impl Verdicts {
    pub(crate) fn new(now_unix_ns: u64) -> Self {
        Self { verdicts: SmallVec::new(), now_unix_ns }
    }

    pub(crate) fn push(&mut self, quota: &Arc<Quota<'static>>, decision: Decision, cost: u64) {
        self.verdicts.push(Told { quota: Arc::clone(quota), decision, cost });
    }

    /// Puts those of an inner layer behind these.
    pub(crate) fn and(&mut self, inner: Self) {
        self.verdicts.extend(inner.verdicts);
        self.now_unix_ns = self.now_unix_ns.max(inner.now_unix_ns);
    }

    /// The names of the limits, what each has decided, and at which cost.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Decision, u64)> {
        self.verdicts.iter().map(|told| (told.quota.name(), &told.decision, told.cost))
    }

    /// The answer that they come to: it is only lent, as it consists of what lies on the stack.
    pub fn answer<T>(&self, settings: &Settings<'_>, use_it: impl FnOnce(&Answer<'_>) -> T) -> T {
        let verdicts: SmallVec<[Verdict<'_>; FEW]> =
            self.verdicts.iter().map(|told| Verdict::new(&told.quota, told.decision).cost(told.cost)).collect();
        use_it(&Answer::new(settings, &verdicts, self.now_unix_ns))
    }
}
