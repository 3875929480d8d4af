//! `Retry-After`: seconds, or one of three forms of date.

use super::Syntax;
use super::number::{Decimal, whole};
use super::when::When;
use crate::http_date;
use std::time::Duration;

/// What one value of `Retry-After` says, or `None` where it is malformed: never zero for that.
pub(super) fn parse(value: &[u8], syntax: Syntax, now_seconds: i64) -> Option<When> {
    let value = value.trim_ascii();
    if let Some(seconds) = whole(value) {
        return Some(When::After(Duration::from_secs(seconds)));
    }
    match syntax {
        Syntax::Strict => http_date::parse(value, now_seconds).map(When::at_second),
        Syntax::Lenient => {
            let date = || http_date::parse_leniently(value, now_seconds).map(When::at_second);
            seconds_of_list(value).map(When::After).or_else(date)
        }
    }
}

/// Leniently: seconds with a fraction, rounded up to whole ones, and the largest of several with commas between them, as
/// intermediaries make one line of two.
fn seconds_of_list(value: &[u8]) -> Option<Duration> {
    let mut largest = 0;
    for part in value.split(|byte| *byte == b',') {
        let Decimal { whole, billionths } = Decimal::parse(part.trim_ascii())?;
        largest = largest.max(whole.saturating_add(u64::from(billionths > 0)));
    }
    Some(Duration::from_secs(largest))
}
