//! A limit at work: its limiter, and what it has decided so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate::{Decision, Limiter, MonotonicClock, Reason};

use super::config::{LimitSpec, TableSpec};
use crate::error::Failure;

/// A limit at work.
#[derive(Debug)]
pub struct Limit {
    /// What it is to be.
    pub spec: LimitSpec,
    /// Who decides.
    pub limiter: Arc<Limiter>,
    /// What was decided.
    pub counts: Arc<Counts>,
}

/// What a limit has decided since the server began.
#[derive(Debug, Default)]
pub struct Counts {
    allowed: AtomicU64,
    denied: [AtomicU64; REASONS.len()],
    skipped: AtomicU64,
}

/// Why a limit may deny.
pub const REASONS: [Reason; 5] =
    [Reason::Limit, Reason::CostExceedsLimit, Reason::TableFull, Reason::TimeOutOfRange, Reason::TableDamaged];

impl Limit {
    /// A limit by what it is to be. It goes on with the limiter of `known` ones where name and table are the same, and
    /// with their counts where the name is.
    pub fn open(spec: LimitSpec, known: &[Self], clock: MonotonicClock) -> Result<Self, Failure> {
        let known = known.iter().find(|known| known.spec.quota.name() == spec.quota.name());
        let limiter = match known {
            Some(known) if known.spec.table == spec.table && known.limiter.is_current() => known.limiter.clone(),
            _ => Arc::new(limiter(&spec.table, clock).map_err(|error| spec.failure(error))?),
        };
        let counts = known.map(|known| known.counts.clone()).unwrap_or_default();
        Ok(Self { spec, limiter, counts })
    }

    /// What answers and logs call it.
    pub fn name(&self) -> &str {
        self.spec.quota.name()
    }

    /// Whether nobody else has its table.
    pub fn is_private(&self) -> bool {
        self.spec.table.path.is_none()
    }
}

fn limiter(table: &TableSpec, clock: MonotonicClock) -> Result<Limiter, sluicegate::Error> {
    let builder =
        Limiter::builder(table.policy).max_keys(table.max_keys).on_full(table.on_full.into()).clock(clock);
    match &table.path {
        Some(path) => builder.path(path).replace(table.replace).build(),
        None => builder.build(),
    }
}

impl Counts {
    /// Counts a decision on a request that was `admitted` or not by all limits together.
    pub fn add(&self, decision: &Decision, admitted: bool) {
        // Relaxed, here and below: counts order nothing.
        if admitted {
            self.allowed.fetch_add(1, Ordering::Relaxed);
        } else if let Some(at) =
            REASONS.iter().position(|reason| !decision.allowed() && *reason == decision.reason())
        {
            self.denied[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a request that the limit did not apply to.
    pub fn add_skipped(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that this limit and all others allowed.
    pub fn allowed(&self) -> u64 {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Requests that this limit denied, by reason.
    pub fn denied(&self) -> impl Iterator<Item = (Reason, u64)> {
        REASONS.into_iter().zip(self.denied.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Requests that lacked its key's header, where that is to be skipped.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }
}
