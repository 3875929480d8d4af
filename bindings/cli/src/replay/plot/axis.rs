//! Round numbers and round times for axes.

use std::time::Duration;

use crate::text::written;

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400;
const TIME_STEPS: [u64; 25] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    182 * DAY,
    364 * DAY,
];

/// A mark on the time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeMark {
    /// Where, in Unix nanoseconds.
    pub at: u64,
    /// What it says: a time of day, or a date.
    pub label: String,
    /// The day or year below it, where that is new.
    pub below: Option<String>,
}

/// At most about `most` marks between two instants, at round times.
pub fn time_marks(from: u64, to: u64, most: u64) -> Vec<TimeMark> {
    let step = time_step((to - from) / SECOND, most).saturating_mul(SECOND);
    let first = from.div_ceil(step);
    let (label, below) = match step / SECOND {
        ..60 => ("%H:%M:%S", "%-d %b %Y"),
        60..DAY => ("%H:%M", "%-d %b %Y"),
        _ => ("%-d %b", "%Y"),
    };
    let mut last_below = String::new();
    (first..=to / step)
        .map(|at| {
            let at = at * step;
            let under = written(below, at);
            let is_new = under != last_below;
            last_below.clone_from(&under);
            TimeMark { at, label: written(label, at), below: is_new.then_some(under) }
        })
        .collect()
}

fn time_step(seconds: u64, most: u64) -> u64 {
    let fits = |step: &u64| seconds / step < most;
    let known = TIME_STEPS.iter().copied().find(fits);
    known.unwrap_or_else(|| (seconds / most / (364 * DAY) + 1) * 364 * DAY)
}

/// Round counts from 0 to the first at or above `highest`, about five of them.
pub fn count_marks(highest: u64) -> Vec<u64> {
    let step = count_step(highest.max(1));
    (0..=highest.max(1).div_ceil(step)).map(|at| at * step).collect()
}

fn count_step(highest: u64) -> u64 {
    let mut decade: u64 = 1;
    loop {
        for step in [1, 2, 5].map(|digit| decade.saturating_mul(digit)) {
            if highest / step < 5 {
                return step;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

/// A bucket's width as a unit: `second`, `5 minutes`, `day`.
pub fn unit(width: u64) -> String {
    let seconds = Duration::from_nanos(width).as_secs().max(1);
    let (length, name) = match seconds {
        s if s.is_multiple_of(7 * DAY) => (7 * DAY, "week"),
        s if s.is_multiple_of(DAY) => (DAY, "day"),
        s if s.is_multiple_of(3_600) => (3_600, "hour"),
        s if s.is_multiple_of(60) => (60, "minute"),
        _ => (1, "second"),
    };
    match seconds / length {
        1 => name.to_owned(),
        many => format!("{many} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_marked_at_round_numbers() {
        assert_eq!(count_marks(0), [0, 1]);
        assert_eq!(count_marks(3), [0, 1, 2, 3]);
        assert_eq!(count_marks(47), [0, 10, 20, 30, 40, 50]);
        assert_eq!(count_marks(1_200), [0, 500, 1_000, 1_500]);
        assert!(count_marks(u64::MAX / 4).len() < 8);
    }

    #[test]
    fn times_are_marked_at_round_times_with_the_day_where_it_changes() {
        let noon = 1_431_864_000 * SECOND;
        let marks = time_marks(noon - 5 * SECOND, noon + 16 * 3_600 * SECOND, 7);
        let labels: Vec<_> = marks.iter().map(|mark| mark.label.as_str()).collect();
        assert_eq!(labels, ["12:00", "15:00", "18:00", "21:00", "00:00", "03:00"]);
        let below: Vec<_> = marks.iter().filter_map(|mark| mark.below.clone()).collect();
        assert_eq!(below, ["17 May 2015", "18 May 2015"]);
    }

    #[test]
    fn any_span_gets_few_marks() {
        for exponent in 0..34 {
            let to = 1_000_000_000 * SECOND + (SECOND << exponent.min(33));
            let marks = time_marks(1_000_000_000 * SECOND, to, 7);
            assert!((1..=8).contains(&marks.len()), "{exponent}: {}", marks.len());
        }
        assert!(time_marks(0, u64::MAX, 7).len() <= 8);
    }

    #[test]
    fn units_read_like_words() {
        assert_eq!(unit(SECOND), "second");
        assert_eq!(unit(300 * SECOND), "5 minutes");
        assert_eq!(unit(DAY * SECOND), "day");
        assert_eq!(unit(4 * 7 * DAY * SECOND), "4 weeks");
    }
}
