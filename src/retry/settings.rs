//! What a client is willing to do: the settings of a retry policy and their ranges.

use super::Syntax;
use super::budget::RetryBudget;
use crate::error::Error;
use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

/// The longest time that a setting may be. No wait is without end.
pub(super) const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// Own back-off is never shorter, whatever base and chance say: a server that is too busy is not asked at once.
pub(super) const LEAST_BACKOFF: Duration = Duration::from_millis(50);
const MOST_ATTEMPTS: u32 = 1_000;

/// Methods whose request may be sent twice without harm, by RFC 9110.
const IDEMPOTENT: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];
/// Too Many Requests, Service Unavailable.
const STATUSES: &[u16] = &[429, 503];
/// Content Too Large, which by RFC 9110 has a `Retry-After` where it is temporary.
const STATUSES_WITH_HINT: &[u16] = &[413];

/// When a request is tried again, and after how long.
///
/// Made once, by [`RetryPolicy::default`] or [`RetryPolicy::builder`], and used by all threads. It reads no clock, sleeps never
/// and draws no chance: see [`decide`](Self::decide). Copies share their budget.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) deadline: Duration,
    pub(crate) max_server_wait: Duration,
    pub(crate) jitter_percent: u32,
    pub(crate) max_jitter: Duration,
    pub(super) statuses: Cow<'static, [u16]>,
    pub(super) statuses_with_hint: Cow<'static, [u16]>,
    idempotent_too: Vec<String>,
    pub(super) any_method_on_429: bool,
    pub(super) syntax: Syntax,
    pub(super) budget: Option<Arc<RetryBudget>>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl RetryPolicy {
    pub(crate) const DEFAULT: Self = Self {
        base: Duration::from_millis(500),
        cap: Duration::from_secs(30),
        max_attempts: 4,
        deadline: Duration::from_secs(300),
        max_server_wait: Duration::from_secs(120),
        jitter_percent: 10,
        max_jitter: Duration::from_secs(30),
        statuses: Cow::Borrowed(STATUSES),
        statuses_with_hint: Cow::Borrowed(STATUSES_WITH_HINT),
        idempotent_too: Vec::new(),
        any_method_on_429: false,
        syntax: Syntax::Lenient,
        budget: None,
    };

    /// A policy with more to choose.
    ///
    /// ```
    /// use sluicegate::retry::{RetryBudget, RetryPolicy};
    /// use std::{sync::Arc, time::Duration};
    ///
    /// let policy = RetryPolicy::builder()
    ///     .max_attempts(6)
    ///     .max_server_wait(Duration::from_secs(600))
    ///     .deadline(Duration::from_secs(900))
    ///     .status_with_hint(403)
    ///     .budget(Arc::new(RetryBudget::new(100, 20)?))
    ///     .build()?;
    /// # Ok::<(), sluicegate::Error>(())
    /// ```
    pub fn builder() -> RetryPolicyBuilder {
        RetryPolicyBuilder { policy: Self::default() }
    }

    /// Whether requests of this method may be sent twice without harm.
    pub(super) fn is_idempotent(&self, method: &str) -> bool {
        IDEMPOTENT.contains(&method) || self.idempotent_too.iter().any(|known| known == method)
    }

    /// The longest wait that a server may ask for.
    #[must_use]
    pub fn max_server_wait(&self) -> Duration {
        self.max_server_wait
    }

    /// How long after the beginning of the first attempt the last one may begin.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }
}

/// Chooses the settings of a [`RetryPolicy`].
#[derive(Debug, Clone)]
#[must_use = "a builder makes nothing before `build`"]
pub struct RetryPolicyBuilder {
    policy: RetryPolicy,
}

impl RetryPolicyBuilder {
    /// Own back-off, for a response that does not say when: a chance between 50 ms and `base`, doubled for every further
    /// attempt. 500 ms unless said.
    pub fn base(mut self, base: Duration) -> Self {
        self.policy.base = base;
        self
    }

    /// The most that own back-off grows to. 30 s unless said.
    pub fn cap(mut self, cap: Duration) -> Self {
        self.policy.cap = cap;
        self
    }

    /// How many attempts there are in all, the first included, from 1 to 1000. 4 unless said.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.policy.max_attempts = attempts;
        self
    }

    /// How long after the beginning of the first attempt the last one may begin. 300 s unless said.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = deadline;
        self
    }

    /// The longest wait that a server may ask for. Beyond it there is no retry: the wait is never shortened. 120 s unless
    /// said.
    pub fn max_server_wait(mut self, wait: Duration) -> Self {
        self.policy.max_server_wait = wait;
        self
    }

    /// How much may be added to a wait that the server has named, so that not all clients come back at one moment: a chance
    /// of up to `percent` of it, from 0 to 100, and up to `at_most`. 10 % and 30 s unless said. Nothing is ever taken away.
    pub fn server_jitter(mut self, percent: u32, at_most: Duration) -> Self {
        (self.policy.jitter_percent, self.policy.max_jitter) = (percent, at_most);
        self
    }

    /// Another status, from 400 to 599, that is tried again. 429 and 503 are unless [`statuses`](Self::statuses) says
    /// otherwise.
    pub fn status(mut self, status: u16) -> Self {
        self.policy.statuses.to_mut().push(status);
        self
    }

    /// The statuses that are tried again, and no others.
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.policy.statuses = statuses.into_iter().collect();
        self.policy.statuses_with_hint = Cow::Borrowed(&[]);
        self
    }

    /// A status that is tried again only where the response says when: 413 is, and 403 is what GitHub answers.
    pub fn status_with_hint(mut self, status: u16) -> Self {
        self.policy.statuses_with_hint.to_mut().push(status);
        self
    }

    /// Another method whose requests may be sent twice without harm, beside GET, HEAD, OPTIONS, TRACE, PUT and DELETE.
    /// Upper and lower case differ.
    pub fn idempotent_method(mut self, method: impl Into<String>) -> Self {
        self.policy.idempotent_too.push(method.into());
        self
    }

    /// Whether every method is tried again on a 429: for a service that is known to count requests before it acts on any.
    /// No unless said. A request with an `Idempotency-Key` needs no such thing.
    pub fn any_method_on_429(mut self, yes: bool) -> Self {
        self.policy.any_method_on_429 = yes;
        self
    }

    /// How exactly servers must write. [`Syntax::Lenient`] unless said.
    pub fn syntax(mut self, syntax: Syntax) -> Self {
        self.policy.syntax = syntax;
        self
    }

    /// How many retries there may be beside the requests that go well. No bound but the others unless said.
    pub fn budget(mut self, budget: Arc<RetryBudget>) -> Self {
        self.policy.budget = Some(budget);
        self
    }

    /// The policy.
    ///
    /// # Errors
    /// [`Error::Setting`] for what is out of its range; times go up to 366 days.
    pub fn build(self) -> Result<RetryPolicy, Error> {
        let policy = self.policy;
        check_range("max_attempts", policy.max_attempts, 1, MOST_ATTEMPTS)?;
        check_range("server_jitter", policy.jitter_percent, 0, 100)?;
        for status in policy.statuses.iter().chain(&*policy.statuses_with_hint) {
            check_range("status", *status, 400, 599)?;
        }
        for (name, time) in [
            ("base", policy.base),
            ("cap", policy.cap),
            ("deadline", policy.deadline),
            ("max_server_wait", policy.max_server_wait),
            ("server_jitter", policy.max_jitter),
        ] {
            if time > LONGEST {
                return Err(Error::setting(name, format_args!("{time:?}"), "the longest time is 366 days"));
            }
        }
        Ok(policy)
    }
}

pub(super) fn check_range<T: PartialOrd + Display>(
    name: &'static str,
    given: T,
    least: T,
    most: T,
) -> Result<(), Error> {
    if (&least..=&most).contains(&&given) {
        return Ok(());
    }
    Err(Error::setting(name, given, format!("it is from {least} to {most}")))
}
