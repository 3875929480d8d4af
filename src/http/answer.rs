//! What one request is answered: all verdicts on it taken together.

use super::seconds;
use super::settings::Settings;
use super::verdict::Verdict;
use crate::decision::NEVER;
use std::ffi::CStr;

/// What one request is answered: its status, headers and body, from all verdicts on it.
///
/// ```
/// use sluicegate::http::{Answer, BodyFormat, Quota, Settings, Verdict};
/// use sluicegate::{Limiter, Policy};
///
/// let policy: Policy = "fixed-window 1/1m".parse()?;
/// let limiter = Limiter::new(policy, 1_000)?;
/// let settings = Settings::default();
/// let quota = Quota::new("per-minute", policy)?;
///
/// let now = limiter.now(); // one reading of the clock, for the decision and for what is said of it
/// let verdicts = [Verdict::new(&quota, limiter.check_at("203.0.113.10", 1, now))];
/// let answer = Answer::new(&settings, &verdicts, now);
///
/// let mut response = format!("HTTP/1.1 {}\r\n", answer.status());
/// answer.headers(|field, value| response += &format!("{field}: {value}\r\n"));
/// if let Some(body) = answer.body(BodyFormat::from_accept("text/html")) {
///     response += &format!("Content-Type: {}\r\n\r\n{}", body.content_type, body.text); // a denial
/// }
/// assert!(answer.allowed() && response.contains("\r\nX-RateLimit-Remaining: 0\r\n"));
/// # Ok::<(), sluicegate::Error>(())
/// ```
///
/// # Several verdicts
///
/// A request that several policies decide on is allowed if all of them allow it. On a denial, `Retry-After` is the longest
/// wait of those that deny it, and absent if one of them is not cured by waiting. `X-RateLimit-*` and the bodies'
/// numbers are [one verdict's](Self::speaking). `RateLimit` tells of all policies, those that deny first;
/// `RateLimit-Policy` in the order given, which should be the same on every answer.
///
/// Decide by [`check_all_at`](crate::check_all_at), which charges all policies or none: a request that is not served
/// should have used nothing.
///
/// # The status of a denial
///
/// * 429 where the client has asked for too much: [`Reason::Limit`](crate::Reason::Limit), and
///   [`Reason::CostExceedsLimit`](crate::Reason::CostExceedsLimit), whose 429 has no `Retry-After`;
/// * 503 where the limiter could not count, which is none of the client's doing:
///   [`Reason::TableFull`](crate::Reason::TableFull) under [`OnFull::Deny`](crate::OnFull::Deny),
///   [`Reason::TableDamaged`](crate::Reason::TableDamaged), [`Reason::TimeOutOfRange`](crate::Reason::TimeOutOfRange).
///   When it can again is not known, so there is no `Retry-After`;
/// * 429 where both are among the verdicts.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub(super) settings: &'a Settings<'a>,
    pub(super) verdicts: &'a [Verdict<'a>],
    pub(super) now_unix_ns: u64,
    speaking: Option<&'a Verdict<'a>>,
    pub(super) outcome: Outcome,
}

/// What the verdicts come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Allowed,
    Denied {
        /// Whether the client has asked for too much, in contrast to the limiter's not being able to count.
        clients_excess: bool,
        /// The longest wait, if waiting helps.
        wait_ns: Option<u64>,
    },
}

impl<'a> Answer<'a> {
    /// The answer to a request that was decided on at `now_unix_ns`, in nanoseconds since the Unix epoch.
    ///
    /// Let it be the time that the decisions were made at ([`Limiter::now`](crate::Limiter::now) and
    /// [`Limiter::check_at`](crate::Limiter::check_at)): what the answer says of the future counts from it. Without
    /// verdicts, as for a request that nobody limits, it is allowed and has no headers.
    #[must_use]
    pub fn new(settings: &'a Settings<'a>, verdicts: &'a [Verdict<'a>], now_unix_ns: u64) -> Self {
        let (outcome, speaking) = (outcome(verdicts), speaking(verdicts));
        Self { settings, verdicts, now_unix_ns, speaking, outcome }
    }

    /// Whether the request is allowed.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }

    /// The status: 200 where the request is allowed, else 429 (or the settings') or 503.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.outcome {
            Outcome::Allowed => 200,
            Outcome::Denied { clients_excess: true, .. } => self.settings.status,
            Outcome::Denied { clients_excess: false, .. } => 503,
        }
    }

    /// The phrase that belongs to the status; for those that have nothing to do with limits that of 429.
    #[must_use]
    pub fn reason_phrase(&self) -> &'static str {
        // They are all ASCII.
        self.reason_phrase_in_c().to_str().unwrap_or_default()
    }

    pub(crate) fn reason_phrase_in_c(&self) -> &'static CStr {
        match self.status() {
            200 => c"OK",
            403 => c"Forbidden",
            503 => c"Service Unavailable",
            509 => c"Bandwidth Limit Exceeded",
            _ => c"Too Many Requests",
        }
    }

    /// On a denial that waiting cures: whole seconds, at least 1, after which the same request is admitted if nobody else
    /// asks for its keys in between.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.wait_ns().map(seconds::to_wait)
    }

    /// The verdict whose numbers stand in `X-RateLimit-*` and in bodies.
    ///
    /// On a denial that with the longest wait of those that deny (of the client's excess alone, where the status is 429);
    /// else the one that binds most, under which the fewest more such requests would be admitted. The first of equals.
    #[must_use]
    pub fn speaking(&self) -> Option<&'a Verdict<'a>> {
        self.speaking
    }

    /// All verdicts on the request, in the order given.
    #[must_use]
    pub fn verdicts(&self) -> &'a [Verdict<'a>] {
        self.verdicts
    }

    /// The verdicts that deny the request.
    pub fn violated(&self) -> impl Iterator<Item = &'a Verdict<'a>> {
        self.verdicts.iter().filter(|verdict| verdict.is_violated())
    }

    /// Whether the request is denied, and because the client has asked for too much.
    pub(super) fn is_clients_excess(&self) -> bool {
        matches!(self.outcome, Outcome::Denied { clients_excess: true, .. })
    }

    pub(super) fn wait_ns(&self) -> Option<u64> {
        match self.outcome {
            Outcome::Allowed => None,
            Outcome::Denied { wait_ns, .. } => wait_ns,
        }
    }

    /// The first Unix second at which the speaking verdict's key is fresh; none on a denial that waiting does not cure.
    pub(super) fn reset_unix(&self) -> Option<u64> {
        let knows = self.allowed() || self.wait_ns().is_some();
        let speaking = self.speaking.filter(|_| knows)?;
        Some(seconds::unix(self.now_unix_ns, speaking.decision.reset_after_ns))
    }
}

fn outcome(verdicts: &[Verdict<'_>]) -> Outcome {
    let violated = || verdicts.iter().filter(|verdict| verdict.is_violated());
    // Of all waits NEVER is the longest.
    match violated().map(|verdict| verdict.decision.retry_after_ns()).max() {
        None => Outcome::Allowed,
        Some(wait) => Outcome::Denied {
            clients_excess: violated().any(Verdict::is_clients_excess),
            wait_ns: (wait != NEVER).then_some(wait),
        },
    }
}

fn speaking<'a>(verdicts: &'a [Verdict<'a>]) -> Option<&'a Verdict<'a>> {
    let rank = |verdict: &Verdict<'_>| {
        let wait = if verdict.is_violated() { verdict.decision.retry_after_ns() } else { 0 };
        (verdict.is_clients_excess(), verdict.is_violated(), wait)
    };
    verdicts.iter().reduce(|best, next| {
        let more = rank(next) > rank(best)
            || rank(next) == rank(best) && !next.is_violated() && next.binds_more_than(best);
        if more { next } else { best }
    })
}
