//! What a response says of coming back: all header fields of all families, and which of them counts.

use super::number::{Decimal, NS_PER_SECOND, whole};
use super::when::{Latest, UnixNs, When};
use super::{Syntax, rate_limit, reset, retry_after};
use crate::fields::Field;
use crate::http_date;
use std::time::Duration;

/// Which field the server has named a time by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HintSource {
    /// `Retry-After`, or `retry-after-ms` and its like.
    RetryAfter,
    /// The IETF draft's `RateLimit`.
    RateLimit,
    /// `X-RateLimit-Reset` and its like, or the `RateLimit-Reset` of the draft's first revisions.
    Reset,
}

/// What a response says of coming back.
///
/// Fields that are malformed say nothing, whatever stands in them. See the [module](super) for what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerHint {
    wait: Option<(Duration, HintSource)>,
    /// Whether it is said that nothing is left, or when to come back: not just when a quota will be there again.
    is_explicit: bool,
    pub(super) forbids: bool,
}

/// The fields other than ours that hold milliseconds, all of them meaning `Retry-After`.
const MILLISECONDS: [&str; 4] =
    ["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after", "grpc-retry-pushback-ms"];
/// The last of them, by which a server also forbids retries.
const PUSHBACK: &str = MILLISECONDS[3];
const SHOULD_RETRY: [&str; 2] = ["x-should-retry", "stripe-should-retry"];

/// When a quota is there again, and the field that says whether it is used up.
const RESETS: [(&str, &str); 7] = [
    (Field::RateLimitReset.lowercase_name(), Field::RateLimitRemaining.lowercase_name()),
    (Field::XRateLimitReset.lowercase_name(), Field::XRateLimitRemaining.lowercase_name()),
    ("x-ratelimit-reset-after", Field::XRateLimitRemaining.lowercase_name()),
    ("x-rate-limit-reset", "x-rate-limit-remaining"),
    ("x-ratelimit-retry-after", Field::XRateLimitRemaining.lowercase_name()),
    ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"),
    ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
];

impl ServerHint {
    /// Reads the header fields of a response that has just come, names and values, in any order and any case of names.
    ///
    /// `now_unix_ns` is the client's wall clock. Where the response has a `Date`, that is the time from which the server
    /// counts, so a clock that is wrong does no harm.
    ///
    /// ```
    /// use sluicegate::retry::{HintSource, ServerHint, Syntax};
    /// use std::time::Duration;
    ///
    /// let now_unix_ns = 1_795_305_600_000_000_000; // 22 November 2026, 00:00
    /// let headers = [
    ///     ("date", "Sun, 22 Nov 2026 00:10:00 GMT"), // this clock is ten minutes slow
    ///     ("retry-after", "Sun, 22 Nov 2026 00:12:00 GMT"),
    /// ];
    /// let hint = ServerHint::read(headers, now_unix_ns, Syntax::Strict);
    /// assert_eq!(hint.wait(), Some(Duration::from_secs(120)));
    /// assert_eq!(hint.source(), Some(HintSource::RetryAfter));
    /// ```
    pub fn read<N, V>(headers: impl IntoIterator<Item = (N, V)>, now_unix_ns: u64, syntax: Syntax) -> Self
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut fields = Fields::new(now_unix_ns, syntax);
        for (name, value) in headers {
            fields.add(name.as_ref(), value.as_ref());
        }
        fields.hint()
    }

    /// How long to wait at least, from now on. Zero for a time that has come already.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait.map(|(wait, _)| wait)
    }

    /// Which field says so.
    #[must_use]
    pub fn source(&self) -> Option<HintSource> {
        self.wait.map(|(_, source)| source)
    }

    /// Whether the response means itself to be temporary.
    pub(super) fn is_explicit(&self) -> bool {
        self.is_explicit
    }

    /// Whether the server asks not to be asked again, by `x-should-retry: false` or a negative `grpc-retry-pushback-ms`.
    #[must_use]
    pub fn forbids_retry(&self) -> bool {
        self.forbids
    }
}

/// The fields that count, as they come by.
struct Fields {
    now_unix_ns: u64,
    syntax: Syntax,
    retry_after: Latest,
    retry_after_lines: usize,
    /// All lines of it: a structured field is parsed as one.
    rate_limit: Option<Vec<u8>>,
    resets: [Latest; RESETS.len()],
    /// Whether something is left, as far as that is said.
    left: [Option<bool>; RESETS.len()],
    date: Option<i64>,
    age: u64,
    forbids: bool,
}

impl Fields {
    fn new(now_unix_ns: u64, syntax: Syntax) -> Self {
        Self {
            now_unix_ns,
            syntax,
            retry_after: Latest::default(),
            retry_after_lines: 0,
            rate_limit: None,
            resets: [Latest::default(); RESETS.len()],
            left: [None; RESETS.len()],
            date: None,
            age: 0,
            forbids: false,
        }
    }

    fn now_seconds(&self) -> i64 {
        // Below 2^64 / 10^9.
        (self.now_unix_ns / NS_PER_SECOND) as i64
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let value = value.trim_ascii();
        if is(Field::RetryAfter.name()) {
            self.retry_after_lines += 1;
            self.retry_after.add(retry_after::parse(value, self.syntax, self.now_seconds()));
        } else if is(Field::RateLimit.name()) {
            self.rate_limit_line(value);
        } else if is("date") {
            self.date = self.date.or(http_date::parse(value, self.now_seconds()));
        } else if is("age") {
            self.age = self.age.max(whole(value).unwrap_or(0));
        } else if MILLISECONDS.into_iter().any(is) {
            self.milliseconds(value, is(PUSHBACK));
        } else if SHOULD_RETRY.into_iter().any(is) {
            self.forbids |= value.eq_ignore_ascii_case(b"false");
        } else {
            self.reset(name, value);
        }
    }

    fn milliseconds(&mut self, value: &[u8], is_pushback: bool) {
        match whole(value) {
            Some(ms) => self.retry_after.add(Some(When::After(Duration::from_millis(ms)))),
            None => self.forbids |= is_pushback,
        }
    }

    fn rate_limit_line(&mut self, line: &[u8]) {
        match &mut self.rate_limit {
            Some(lines) => {
                lines.extend_from_slice(b", ");
                lines.extend_from_slice(line);
            }
            None => self.rate_limit = Some(line.to_vec()),
        }
    }

    fn reset(&mut self, name: &[u8], value: &[u8]) {
        for (at, (reset_name, left_name)) in RESETS.into_iter().enumerate() {
            if name.eq_ignore_ascii_case(reset_name.as_bytes()) {
                self.resets[at].add(reset::parse(value, self.now_seconds()));
            }
            if name.eq_ignore_ascii_case(left_name.as_bytes()) {
                self.left[at] = is_something_left(value);
            }
        }
    }

    fn hint(&self) -> ServerHint {
        let server_now = match self.date {
            // What comes out of a cache was said when it went in.
            Some(seconds) => (UnixNs::from(seconds) + UnixNs::from(self.age)) * UnixNs::from(NS_PER_SECOND),
            None => UnixNs::from(self.now_unix_ns),
        };
        let wait = self.wait(server_now);
        let is_explicit = match wait {
            Some((_, HintSource::Reset)) => self.left.contains(&Some(false)),
            other => other.is_some(),
        };
        ServerHint { wait, is_explicit, forbids: self.forbids }
    }

    /// The first family that says when, in the order of how exactly they mean it.
    fn wait(&self, server_now: UnixNs) -> Option<(Duration, HintSource)> {
        // Two lines of a field that is no list: which of them is meant nobody knows, but none is longer than the longest.
        let is_readable = self.retry_after_lines <= 1 || self.syntax == Syntax::Lenient;
        if let Some(wait) = self.retry_after.wait(server_now).filter(|_| is_readable) {
            return Some((wait, HintSource::RetryAfter));
        }
        if self.age > 0 {
            // What the others say is of the moment at which a cache was filled.
            return None;
        }
        if let Some(wait) = self.rate_limit.as_deref().and_then(rate_limit::parse) {
            return Some((wait, HintSource::RateLimit));
        }
        let used_up = self.resets.into_iter().zip(self.left).filter(|(_, left)| *left != Some(true));
        let latest = used_up.filter_map(|(reset, _)| reset.wait(server_now)).max();
        latest.map(|wait| (wait, HintSource::Reset))
    }
}

/// Whether a quota has something left; `None` where that cannot be told.
fn is_something_left(value: &[u8]) -> Option<bool> {
    // The draft's third revision writes parameters after the number.
    let number = value.split(|byte| matches!(byte, b';' | b',')).next()?.trim_ascii();
    match number.strip_prefix(b"-") {
        Some(negative) => whole(negative).map(|_| false),
        None => Decimal::parse(number).map(|left| left.whole > 0),
    }
}
