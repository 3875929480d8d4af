//! What hooks are told.

use crate::head::RequestHead;
use sluicegate::Decision;
use sluicegate::http::{Answer, Quota};
use sluicegate::identity::Key;
use std::fmt;
use std::time::Duration;

/// What has been decided on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// All limits allow it.
    Allowed,
    /// A limit denies it.
    Denied,
    /// It is served, and a limit in a dry run would have denied it.
    WouldBeDenied,
    /// It is denied because it has not got what a limit counts by ([`Missing::Deny`](crate::Missing::Deny)).
    NoKey,
    /// It is answered with 500 because a limit counts by address and the server does not tell the peer's.
    NoAddress,
}

/// One request, and what was decided on it.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) request: &'a RequestHead<'a>,
    pub(crate) checks: &'a [Check<'a>],
    pub(crate) answer: Option<&'a Answer<'a>>,
    pub(crate) delay: Duration,
}

/// What one limit has decided.
#[derive(Clone, Copy)]
pub struct Check<'a> {
    pub(crate) quota: &'a Quota<'static>,
    pub(crate) key: &'a Key,
    pub(crate) cost: u64,
    pub(crate) decision: Decision,
    pub(crate) dry_run: bool,
}

impl<'a> Event<'a> {
    /// What has been decided.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The request. What is in it was chosen by the client: escape it for where it is written.
    #[must_use]
    pub fn request(&self) -> &'a RequestHead<'a> {
        self.request
    }

    /// What each limit that holds the request has decided. A denial by one of them consumes nothing of any, and others
    /// say how they stand without it. Empty where nothing could be decided.
    #[must_use]
    pub fn checks(&self) -> &'a [Check<'a>] {
        self.checks
    }

    /// Those that deny the request, or would.
    pub fn violated(&self) -> impl Iterator<Item = &'a Check<'a>> {
        self.checks.iter().filter(|check| !check.decision.allowed())
    }

    /// What the client is answered: status, seconds to wait. None where no limit is enforced on the request.
    #[must_use]
    pub fn answer(&self) -> Option<&'a Answer<'a>> {
        self.answer
    }

    /// How long the request is held before it is served.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }
}

impl<'a> Check<'a> {
    /// The limit's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.quota.name()
    }

    /// The limit's name and policy.
    #[must_use]
    pub fn quota(&self) -> &'a Quota<'static> {
        self.quota
    }

    /// What the request was counted by. Shown by its `Display`, it is one line of printable ASCII without secrets, fit for a
    /// log whatever the client has sent.
    #[must_use]
    pub fn key(&self) -> &'a Key {
        self.key
    }

    /// How many permits it asked for.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// The decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether the limit is in a dry run, so that the decision has no consequence.
    #[must_use]
    pub fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("name", &self.name())
            .field("key", &format_args!("{}", self.key))
            .field("cost", &self.cost)
            .field("decision", &self.decision)
            .field("dry_run", &self.dry_run)
            .finish()
    }
}

/// Whoever wants to know.
pub(crate) type Hook = dyn Fn(&Event<'_>) + Send + Sync;
