//! From nanoseconds to what HTTP counts in: whole seconds, never too few, and dates.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;

pub(super) const NS_PER_SECOND: u64 = 1_000_000_000;

/// Whole seconds to wait for so many nanoseconds, and never 0: a client that is told 0 asks again at once.
pub(crate) fn to_wait(ns: u64) -> u64 {
    ns.div_ceil(NS_PER_SECOND).max(1)
}

/// The first whole Unix second at or after `now` and `after_ns` more.
pub(super) fn unix(now_unix_ns: u64, after_ns: u64) -> u64 {
    let ns = u128::from(now_unix_ns) + u128::from(after_ns);
    // Below 2^65 / 10^9.
    ns.div_ceil(NS_PER_SECOND.into()) as u64
}

/// A Unix second as a point in time. The sum of any two times in nanoseconds is in the year 3139 at the latest.
fn timestamp(unix_seconds: u64) -> Timestamp {
    i64::try_from(unix_seconds)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok())
        .unwrap_or(Timestamp::MAX)
}

/// A Unix second by RFC 3339, such as `1994-11-06T08:49:37Z`.
pub(super) struct Rfc3339(pub(super) u64);

impl Rfc3339 {
    /// The same as people write it: `1994-11-06 08:49:37 UTC`.
    pub(super) fn for_people(&self) -> impl fmt::Display + use<> {
        timestamp(self.0).strftime("%Y-%m-%d %H:%M:%S UTC")
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        timestamp(self.0).fmt(f)
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_date::ImfFixdate;

    #[test]
    fn seconds_are_rounded_up_and_never_0() {
        let waits = [0, 1, 999_999_999, 1_000_000_000, 1_000_000_001, 7_000_000_000, u64::MAX].map(to_wait);
        assert_eq!(waits, [1, 1, 1, 1, 2, 7, 18_446_744_074]);
        assert_eq!(unix(1_500_000_000, 500_000_000), 2);
        assert_eq!(unix(1_500_000_000, 500_000_001), 3);
        assert_eq!(unix(u64::MAX, u64::MAX), 36_893_488_148);
        assert!(unix(u64::MAX, u64::MAX) <= ImfFixdate::LAST, "every answer can have a date");
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        assert_eq!(Rfc3339(784_111_777).to_string(), "1994-11-06T08:49:37Z");
        assert_eq!(Rfc3339(1_795_305_720).to_string(), "2026-11-22T00:02:00Z");
        assert_eq!(Rfc3339(784_111_777).for_people().to_string(), "1994-11-06 08:49:37 UTC");
    }
}
