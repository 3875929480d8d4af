//! `X-RateLimit-Reset` and its like, of which every service has its own idea: the unit is told by the value.

use super::number::{Decimal, NS_PER_SECOND};
use super::when::{UnixNs, When};
use crate::http_date;
use std::time::Duration;

/// From here on a number is a point in time, in seconds since 1970: September 2001.
const LEAST_UNIX_SECONDS: u64 = 1_000_000_000;
/// From here on it is one in milliseconds.
const LEAST_UNIX_MS: u64 = 1_000_000_000_000;
/// The longest delta in seconds that is believed, 115 days. What is above and no point in time either is nothing.
const LONGEST_DELTA: u64 = 10_000_000;
const NS_PER_MS: u64 = 1_000_000;

/// Go's units of durations, so that none is found where a longer name is meant.
const UNITS: [(&[u8], u64); 8] = [
    (b"ms", NS_PER_MS),
    (b"us", 1_000),
    ("\u{b5}s".as_bytes(), 1_000),
    ("\u{3bc}s".as_bytes(), 1_000),
    (b"ns", 1),
    (b"h", 3_600 * NS_PER_SECOND),
    (b"m", 60 * NS_PER_SECOND),
    (b"s", NS_PER_SECOND),
];

/// What one value says, or `None` where it is malformed, negative or implausible.
pub(super) fn parse(value: &[u8], now_seconds: i64) -> Option<When> {
    let value = value.trim_ascii();
    if let Some(number) = Decimal::parse(value) {
        return of_number(number);
    }
    let date = || http_date::parse_leniently(value, now_seconds).map(When::at_second);
    go_duration(value).map(When::After).or_else(date)
}

fn of_number(number: Decimal) -> Option<When> {
    match number.whole {
        LEAST_UNIX_MS.. => Some(point(number.of(NS_PER_MS))),
        LEAST_UNIX_SECONDS.. => Some(point(number.of(NS_PER_SECOND))),
        ..=LONGEST_DELTA => Some(When::After(number.of(NS_PER_SECOND))),
        _ => None,
    }
}

fn point(since_1970: Duration) -> When {
    // A duration is below 2^64 seconds, so its nanoseconds are below 2^94.
    When::At(since_1970.as_nanos() as UnixNs)
}

/// A duration as Go prints it: `6m0s`, `12ms`, `1h2m3.5s`.
fn go_duration(value: &[u8]) -> Option<Duration> {
    let (mut rest, mut sum) = (value, Duration::ZERO);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_length = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        let (number, after) = rest.split_at(number_length);
        let (unit, length) =
            UNITS.iter().find(|(name, _)| after.starts_with(name)).map(|(name, ns)| (*ns, name.len()))?;
        sum = sum.saturating_add(Decimal::parse(number)?.of(unit));
        rest = &after[length..];
    }
    Some(sum)
}
