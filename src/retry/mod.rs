//! The client's side of a 429: how long to wait, or to give up and say when to come back.
//!
//! ```
//! use sluicegate::retry::{Advice, Attempt, Moment, RetryPolicy};
//! use std::time::Duration;
//!
//! let policy = RetryPolicy::default();
//! let attempt = Attempt::new("GET", 1, Duration::from_millis(80)); // the first one, 80 ms after it began
//! match policy.decide(&attempt, 429, [("Retry-After", "7")], Moment::now()) {
//!     Advice::RetryIn(wait) => {
//!         assert!(wait >= Duration::from_secs(7) && wait <= Duration::from_millis(7_700));
//!         // sleep(wait), and ask again
//!     }
//!     Advice::GiveUp { reason, come_back } => println!("{reason}; come back in {come_back:?}"),
//! }
//! ```
//!
//! # Rules
//!
//! * **A server's word is never shortened.** Beyond [`max_server_wait`](RetryPolicyBuilder::max_server_wait) or the deadline
//!   there is no retry, and the advice says when the server wants to be asked again. What is added to a wait that a server
//!   has named is positive and bounded.
//! * Where the server does not say when: exponential back-off with full jitter.
//! * Attempts and time are always bounded. Nothing here sleeps, reads a clock or draws a chance; whoever calls does, by
//!   [`Moment::now`] if nothing better is at hand. Waiting is for a monotonic clock, and ought to be interruptible.
//! * Statuses: 429 and 503, and 413 where it says when; more if told.
//! * Methods: those that are idempotent, or a request with an `Idempotency-Key`; any on 429 if told. A request whose body is
//!   gone cannot be sent again.
//! * Let one layer retry. Three layers of four attempts each are 64 attempts.
//!
//! # What is read, in this order
//!
//! | field | what of it |
//! | --- | --- |
//! | `Retry-After` | seconds, or a date in any of HTTP's three forms; beside it `retry-after-ms`, `x-ms-retry-after-ms`, `x-amz-retry-after` and `grpc-retry-pushback-ms` in milliseconds; the latest of them |
//! | `RateLimit` | the draft's revisions 08 to 11 and the next (`"name";r=0;t=30`, also `a` and `w`) and 07 (`limit=100, remaining=0, reset=5`): the longest time of those with nothing left |
//! | `RateLimit-Reset`, `X-RateLimit-Reset`, `X-RateLimit-Reset-After`, `X-Rate-Limit-Reset`, `X-RateLimit-Retry-After`, and those of requests and of tokens | the latest of them, unless the `-Remaining` beside it has something left |
//! | `Date`, `Age` | the server's own time, from which its dates and Unix times count |
//! | `x-should-retry: false`, a negative `grpc-retry-pushback-ms` | no retry |
//!
//! A reset is told apart by its value: a number from 10^12 on is a Unix time in milliseconds, from 10^9 on one in seconds, up to
//! 10^7 so many seconds from now, with or without a fraction; `6m0s` and `12ms` are durations as Go writes them; the rest is
//! dates, HTTP's and RFC 3339's. What came out of a cache (`Age` above 0) has only its `Retry-After` read.
//!
//! # What comes of strange values
//!
//! | value of `Retry-After` | strict | lenient |
//! | --- | --- | --- |
//! | `120`, `007`, blanks around it | as many seconds | the same |
//! | `0`, a date in the past | no wait named: own back-off is the least | the same |
//! | `-1`, `+5`, `1e3`, `0x10`, `1_000`, `nan`, `30s`, nothing, other digits than ASCII's | as if it were not there | the same |
//! | `1.5`, `0.503` | as if it were not there | rounded up to seconds |
//! | `0,120`, several lines | as if they were not there | the largest |
//! | above 2^64 - 1 | 2^64 - 1 seconds, so: give up and say so | the same |
//! | `Sunday, 06-Nov-94 08:49:37 GMT` | the latest such year that is not more than 50 years ahead | the same |
//! | `… 23:59:60 GMT` | the second after 23:59:59 | the same |
//! | `31 Feb`, `24:00:00`, `PST`, a foreign month | as if it were not there | the same |
//! | the wrong day of the week | the date counts | the same |
//! | `sun, 22 nov 2026 …`, `UTC` or `+0000` for `GMT`, RFC 3339 | as if it were not there | the date |
//!
//! A `RateLimit` field that is no structured field is nothing as a whole; an item of it without `r`, or with a negative number or
//! no whole one, is nothing by itself.

mod budget;
mod hint;
mod not_before;
mod number;
mod rate_limit;
mod reset;
mod retry_after;
mod settings;
#[cfg(all(test, not(loom)))]
mod tests;
#[cfg(all(test, not(loom)))]
mod vectors;
mod when;

pub use budget::RetryBudget;
pub use hint::{HintSource, ServerHint};
pub use not_before::NotBefore;
pub use settings::{RetryPolicy, RetryPolicyBuilder};

use settings::LEAST_BACKOFF;
use std::ffi::CStr;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How exactly a server must write what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Syntax {
    /// As the standards' grammars have it.
    Strict,
    /// Also what many servers write instead and what can only be meant in one way. Never shorter than what is meant. The
    /// default.
    #[default]
    Lenient,
}

/// The attempt whose response has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt<'a> {
    method: &'a str,
    number: u32,
    elapsed: Duration,
    has_idempotency_key: bool,
    is_replayable: bool,
}

impl<'a> Attempt<'a> {
    /// An attempt by `method`: the first is number 1. `elapsed` is the time since the first one began, on a monotonic clock.
    #[must_use]
    pub const fn new(method: &'a str, number: u32, elapsed: Duration) -> Self {
        Self { method, number, elapsed, has_idempotency_key: false, is_replayable: true }
    }

    /// Whether the request carries an `Idempotency-Key`, by which the server knows a second one to be the same. No unless said.
    #[must_use]
    pub const fn idempotency_key(mut self, yes: bool) -> Self {
        self.has_idempotency_key = yes;
        self
    }

    /// Whether the request's body can be sent again. Yes unless said.
    #[must_use]
    pub const fn replayable(mut self, yes: bool) -> Self {
        self.is_replayable = yes;
        self
    }
}

/// What a decision takes from outside: the wall clock, by which dates are read, and chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    pub unix_ns: u64,
    /// Any number, each as likely as any other: 0 adds no jitter, and makes own back-off the shortest.
    pub random: u64,
}

impl Moment {
    /// The system's clock, and a random number of the system's.
    #[must_use]
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ns = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
        // No secret hangs on it: where the system has no random numbers, the clock's last digits are chance enough.
        let random = getrandom::u64().unwrap_or_else(|_| unix_ns.reverse_bits());
        Self { unix_ns, random }
    }
}

/// What to do about a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Ask again after so long.
    RetryIn(Duration),
    /// Let the caller have this response.
    GiveUp {
        /// Why there is no retry.
        reason: GiveUpReason,
        /// How long the server wants to be left alone, where it has said so: coming back earlier is no use.
        come_back: Option<Duration>,
    },
}

/// Why there is no retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GiveUpReason {
    /// The response is none that is tried again, as most are.
    Status,
    /// The server asks not to be asked again.
    ServerForbids,
    /// The method is not idempotent, and nothing says that the request can be repeated without harm.
    Method,
    /// The request's body is gone.
    Body,
    /// There have been as many attempts as there may be.
    Attempts,
    /// The server asks for a longer wait than is accepted.
    ServerWait,
    /// The next attempt would begin after the deadline.
    Deadline,
    /// Too few requests go well for so many retries.
    Budget,
}

impl GiveUpReason {
    #[allow(dead_code, reason = "the C ABI finds a reason by its number")]
    pub(crate) const ALL: [Self; 8] = [
        Self::Status,
        Self::ServerForbids,
        Self::Method,
        Self::Body,
        Self::Attempts,
        Self::ServerWait,
        Self::Deadline,
        Self::Budget,
    ];

    pub(crate) const fn phrase_in_c(self) -> &'static CStr {
        match self {
            Self::Status => c"the status is none to try again",
            Self::ServerForbids => c"the server asks not to be asked again",
            Self::Method => c"the method is not idempotent",
            Self::Body => c"the body cannot be sent again",
            Self::Attempts => c"no attempts are left",
            Self::ServerWait => c"the server asks for a longer wait than is accepted",
            Self::Deadline => c"the deadline comes first",
            Self::Budget => c"the retry budget is used up",
        }
    }
}

impl fmt::Display for GiveUpReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All of them are ASCII.
        f.pad(self.phrase_in_c().to_str().unwrap_or_default())
    }
}

impl RetryPolicy {
    /// What to do about a response.
    ///
    /// `headers` are the response's names and values, in any order; only those of a status that may be tried again are looked
    /// at. A response of another status counts as one that goes well for the budget. All else is a function of what is
    /// given. Safe from any number of threads.
    pub fn decide<N, V>(
        &self,
        attempt: &Attempt<'_>,
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
        moment: Moment,
    ) -> Advice
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let always = self.statuses.contains(&status);
        if !always && !self.statuses_with_hint.contains(&status) {
            self.went_well();
            return Advice::GiveUp { reason: GiveUpReason::Status, come_back: None };
        }
        let hint = ServerHint::read(headers, moment.unix_ns, self.syntax);
        if !always && !hint.is_explicit() {
            self.went_well();
            return Advice::GiveUp { reason: GiveUpReason::Status, come_back: None };
        }
        match self.wait(attempt, status, hint, moment.random) {
            Ok(wait) => Advice::RetryIn(wait),
            Err(reason) => Advice::GiveUp { reason, come_back: hint.wait() },
        }
    }

    /// A wait with as much added by chance as to one that a server has named: for many who wait for one moment.
    ///
    /// ```
    /// use sluicegate::retry::{Moment, RetryPolicy};
    /// use std::time::Duration;
    ///
    /// let wait = RetryPolicy::default().spread(Duration::from_secs(10), Moment::now());
    /// assert!(wait >= Duration::from_secs(10) && wait <= Duration::from_secs(11));
    /// ```
    #[must_use]
    pub fn spread(&self, wait: Duration, moment: Moment) -> Duration {
        wait.saturating_add(self.jitter(wait, moment.random))
    }

    fn went_well(&self) {
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
    }

    fn wait(
        &self,
        attempt: &Attempt<'_>,
        status: u16,
        hint: ServerHint,
        random: u64,
    ) -> Result<Duration, GiveUpReason> {
        // A wait that the server has named costs the budget nothing; everything else does, tried again or not.
        let named = hint.wait().filter(|wait| !wait.is_zero());
        let in_budget = named.is_some() || self.budget.as_ref().is_none_or(|budget| budget.withdraw());
        if hint.forbids {
            return Err(GiveUpReason::ServerForbids);
        }
        if !self.may_repeat(attempt, status) {
            return Err(GiveUpReason::Method);
        }
        if !attempt.is_replayable {
            return Err(GiveUpReason::Body);
        }
        if attempt.number >= self.max_attempts {
            return Err(GiveUpReason::Attempts);
        }
        let left = self.deadline.checked_sub(attempt.elapsed).ok_or(GiveUpReason::Deadline)?;
        let backoff = self.backoff(attempt.number, random);
        let wait = match named {
            None => backoff,
            Some(named) if named > self.max_server_wait => return Err(GiveUpReason::ServerWait),
            Some(named) if named > left => return Err(GiveUpReason::Deadline),
            // What comes on top of the server's word may be cut off.
            Some(named) => named.max(backoff).saturating_add(self.jitter(named, random)).min(left),
        };
        if wait > left {
            return Err(GiveUpReason::Deadline);
        }
        if in_budget { Ok(wait) } else { Err(GiveUpReason::Budget) }
    }

    fn may_repeat(&self, attempt: &Attempt<'_>, status: u16) -> bool {
        attempt.has_idempotency_key
            || (self.any_method_on_429 && status == 429)
            || self.is_idempotent(attempt.method)
    }

    /// Full jitter: a chance between the least and `base`, doubled for every attempt but the first, up to `cap`.
    fn backoff(&self, attempt: u32, random: u64) -> Duration {
        let doublings = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let least = LEAST_BACKOFF.min(self.cap);
        let most = self.base.saturating_mul(doublings).min(self.cap).max(least);
        least + share(most - least, random)
    }

    /// What is added to a wait that the server has named.
    fn jitter(&self, named: Duration, random: u64) -> Duration {
        let most = (named / 100).saturating_mul(self.jitter_percent).min(self.max_jitter);
        share(most, random)
    }
}

/// A share of a time: from none of it for 0 to all of it for the largest number.
fn share(most: Duration, random: u64) -> Duration {
    // Times are at most 366 days here, as settings are, which is below 2^55 ns.
    let ns = ((most.as_nanos() + 1) * u128::from(random)) >> 64;
    number::from_ns(ns)
}
