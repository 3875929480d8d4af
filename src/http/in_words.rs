//! Lengths of time as people say them.

use std::fmt;

/// A length of time in words, such as `30 minutes` or `1 hour and 5 minutes`. In English.
///
/// Rounded up, by less than a tenth, and never down: whoever waits as long has waited long enough.
///
/// ```
/// use sluicegate::http::InWords;
///
/// assert_eq!(InWords::seconds(1800).to_string(), "30 minutes");
/// assert_eq!(InWords::seconds(3601).to_string(), "1 hour and 1 minute");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InWords {
    seconds: u64,
}

/// The units, each with its seconds.
const UNITS: [(u64, &str); 5] =
    [(31_536_000, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];

/// From so many of a unit on, the next smaller one is no more told.
const MANY: u64 = 10;

impl InWords {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self { seconds }
    }

    /// The place in `UNITS` of the largest unit that there is one of.
    fn largest_unit(self) -> usize {
        UNITS.iter().position(|(unit, _)| self.seconds >= *unit).unwrap_or(UNITS.len() - 1)
    }

    /// Rounded up to the smallest unit that is told.
    fn rounded_up(self) -> Self {
        let Self { seconds } = self;
        let largest = self.largest_unit();
        let smallest = if seconds / UNITS[largest].0 >= MANY { largest } else { largest + 1 };
        let (unit, _) = UNITS[smallest.min(UNITS.len() - 1)];
        // Only among the last of all numbers there is no next multiple.
        Self { seconds: seconds.checked_next_multiple_of(unit).unwrap_or(seconds / unit * unit) }
    }
}

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = self.rounded_up();
        let mut left = rounded.seconds;
        let mut write = |f: &mut fmt::Formatter<'_>, (unit, name): (u64, &str)| {
            let count = left / unit;
            left %= unit;
            write!(f, "{count} {name}{}", if count == 1 { "" } else { "s" })
        };
        let largest = rounded.largest_unit();
        write(f, UNITS[largest])?;
        match UNITS.get(largest + 1) {
            Some(&next) if rounded.seconds % UNITS[largest].0 >= next.0 => {
                f.write_str(" and ")?;
                write(f, next)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_people_say() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "1 minute and 1 second"),
            (90, "1 minute and 30 seconds"),
            (599, "9 minutes and 59 seconds"),
            (601, "11 minutes"),
            (1_800, "30 minutes"),
            (3_541, "1 hour"),
            (3_600, "1 hour"),
            (3_601, "1 hour and 1 minute"),
            (35_999, "10 hours"),
            (36_001, "11 hours"),
            (86_400, "1 day"),
            (90_000, "1 day and 1 hour"),
            (2_592_000, "30 days"),
            (31_535_999, "1 year"),
            (40_000_000, "1 year and 98 days"),
            (3_155_760_000, "101 years"),
        ] {
            assert_eq!(InWords::seconds(seconds).to_string(), words, "{seconds}");
        }
        assert!(InWords::seconds(u64::MAX).to_string().ends_with(" years"));
    }

    #[test]
    fn words_are_never_less_than_the_time_and_less_than_a_tenth_more() {
        for seconds in (1..100_000).chain((100_000..70_000_000).step_by(997)) {
            let rounded = InWords::seconds(seconds).rounded_up().seconds;
            assert!(rounded >= seconds && (rounded - seconds) * 10 < seconds, "{seconds}: {rounded}");
        }
    }
}
