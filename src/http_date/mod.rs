//! HTTP-dates (RFC 9110, section 5.6.7): one form to write, three to read.
//!
//! ```
//! use sluicegate::http_date::{self, ImfFixdate};
//!
//! assert_eq!(ImfFixdate::new(784_111_777).unwrap().as_str(), "Sun, 06 Nov 1994 08:49:37 GMT");
//!
//! let now = 1_795_305_600; // 22 November 2026
//! for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
//!     assert_eq!(http_date::parse(text, now), Some(784_111_777));
//! }
//! assert_eq!(http_date::parse("sun, 06 nov 1994 08:49:37 +0000", now), None);
//! assert_eq!(http_date::parse_leniently("sun, 06 nov 1994 08:49:37 +0000", now), Some(784_111_777));
//! ```
//!
//! Times are whole seconds since 1970-01-01 00:00 UTC, before it negative. Nothing here reads a clock, knows a locale, or
//! allocates.

use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// How much of a day's name the forms other than RFC 850's show.
const SHORT: usize = 3;

/// A date in the form that is sent: `Sun, 06 Nov 1994 08:49:37 GMT`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImfFixdate([u8; Self::LENGTH]);

impl ImfFixdate {
    /// The length of every such date, in bytes.
    pub const LENGTH: usize = 29;
    /// The last second that has four digits for its year: 31 Dec 9999 23:59:59.
    pub const LAST: u64 = 253_402_300_799;

    /// The date of a second since 1970, up to [`LAST`](Self::LAST); `None` for a later one.
    #[must_use]
    pub fn new(unix_seconds: u64) -> Option<Self> {
        if unix_seconds > Self::LAST {
            return None;
        }
        let since_epoch = SignedDuration::from_secs(i64::try_from(unix_seconds).ok()?);
        let time = EPOCH.checked_add(since_epoch).ok()?;
        let mut text = *b"Day, 00 Mon 0000 00:00:00 GMT";
        let day_name = DAYS[usize::from(time.weekday().to_monday_zero_offset().unsigned_abs())];
        let month_name = MONTHS[usize::from(time.month().unsigned_abs()) - 1];
        text[..3].copy_from_slice(&day_name.as_bytes()[..SHORT]);
        text[8..11].copy_from_slice(month_name.as_bytes());
        let year = time.year().unsigned_abs();
        for (at, number) in [
            (5, time.day().unsigned_abs().into()),
            (12, year / 100),
            (14, year % 100),
            (17, time.hour().unsigned_abs().into()),
            (20, time.minute().unsigned_abs().into()),
            (23, time.second().unsigned_abs().into()),
        ] {
            // Each is below 100, so each digit is below 10.
            text[at] += (number / 10) as u8;
            text[at + 1] += (number % 10) as u8;
        }
        Some(Self(text))
    }

    /// The date as text, all of it printable ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It was made of ASCII alone, so there is always a text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<[u8]> for ImfFixdate {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for ImfFixdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ImfFixdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The second that an HTTP-date names, in any of its three forms and exactly as their grammar has it.
///
/// `now` (Unix seconds) decides about the two-digit years of RFC 850's form: the date is the latest one that is not more
/// than 50 years after `now`. A leap second, 23:59:60, is the second after 23:59:59. The day's name must be one, and is not
/// compared with the date. A date that is not in the calendar, such as 31 Feb, is none.
#[must_use]
pub fn parse(text: impl AsRef<[u8]>, now: i64) -> Option<i64> {
    parse_with(text.as_ref(), now, Grammar::Strict)
}

/// The same with more tolerance: blanks around the date, names in any case, a day of one digit, `UTC`, `UT`, `Z`, `+0000`
/// and `-0000` for `GMT`, and the dates of RFC 3339 (`2026-11-22T00:02:00Z`), whose fractions of a second are rounded up.
///
/// Other zones than UTC are no HTTP-date, but for RFC 3339's offsets in numbers.
#[must_use]
pub fn parse_leniently(text: impl AsRef<[u8]>, now: i64) -> Option<i64> {
    let text = text.as_ref().trim_ascii();
    parse_with(text, now, Grammar::Lenient).or_else(|| rfc3339(text))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Grammar {
    Strict,
    Lenient,
}

fn parse_with(text: &[u8], now: i64, grammar: Grammar) -> Option<i64> {
    let reader = Reader { rest: text, grammar };
    reader.imf_fixdate().or_else(|| reader.rfc850(now)).or_else(|| reader.asctime())
}

/// Reads a date from the left, one part after the other.
#[derive(Clone, Copy)]
struct Reader<'a> {
    rest: &'a [u8],
    grammar: Grammar,
}

impl Reader<'_> {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    fn imf_fixdate(mut self) -> Option<i64> {
        self.day_name(SHORT)?;
        self.skip(b", ")?;
        let day = self.day()?;
        self.skip(b" ")?;
        let month = self.month()?;
        self.skip(b" ")?;
        let year = self.year()?;
        self.skip(b" ")?;
        let time = self.time()?;
        self.skip(b" ")?;
        self.zone()?;
        self.end()?;
        time.on(Date::new(year, month, day).ok()?)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    fn rfc850(mut self, now: i64) -> Option<i64> {
        self.day_name(usize::MAX)?;
        self.skip(b", ")?;
        let day = self.day()?;
        self.skip(b"-")?;
        let month = self.month()?;
        self.skip(b"-")?;
        let year = i16::from(self.two_digits()?);
        self.skip(b" ")?;
        let time = self.time()?;
        self.skip(b" ")?;
        self.zone()?;
        self.end()?;
        let year = year_of_two_digits(year, (month, day, time), now)?;
        time.on(Date::new(year, month, day).ok()?)
    }

    /// `Sun Nov  6 08:49:37 1994`
    fn asctime(mut self) -> Option<i64> {
        self.day_name(SHORT)?;
        self.skip(b" ")?;
        let month = self.month()?;
        self.skip(b" ")?;
        let day = match self.skip(b" ") {
            Some(()) => self.digit()?,
            None => self.two_digits()?,
        };
        self.skip(b" ")?;
        let time = self.time()?;
        self.skip(b" ")?;
        let year = self.year()?;
        self.end()?;
        time.on(Date::new(year, month, day).ok()?)
    }

    /// The name of a day, or as much of it as `length` says.
    fn day_name(&mut self, length: usize) -> Option<()> {
        DAYS.iter().find_map(|day| self.word(&day.as_bytes()[..day.len().min(length)]))
    }

    fn month(&mut self) -> Option<i8> {
        (1..).zip(MONTHS).find_map(|(number, name)| self.word(name.as_bytes()).map(|()| number))
    }

    fn zone(&mut self) -> Option<()> {
        let zones: &[&str] = match self.grammar {
            Grammar::Strict => &["GMT"],
            Grammar::Lenient => &["GMT", "UTC", "UT", "Z", "+0000", "-0000"],
        };
        zones.iter().find_map(|zone| self.word(zone.as_bytes()))
    }

    /// A day of two digits; leniently, of one.
    fn day(&mut self) -> Option<i8> {
        let one_digit = self.grammar == Grammar::Lenient && !self.rest.get(1).is_some_and(u8::is_ascii_digit);
        if one_digit { self.digit() } else { self.two_digits() }
    }

    fn time(&mut self) -> Option<TimeOfDay> {
        let hour = self.two_digits()?;
        self.skip(b":")?;
        let minute = self.two_digits()?;
        self.skip(b":")?;
        TimeOfDay::new(hour, minute, self.two_digits()?)
    }

    fn year(&mut self) -> Option<i16> {
        Some(i16::from(self.two_digits()?) * 100 + i16::from(self.two_digits()?))
    }

    fn two_digits(&mut self) -> Option<i8> {
        Some(self.digit()? * 10 + self.digit()?)
    }

    fn digit(&mut self) -> Option<i8> {
        let (first, rest) = self.rest.split_first()?;
        let digit = first.is_ascii_digit().then(|| (first - b'0') as i8)?;
        self.rest = rest;
        Some(digit)
    }

    /// A word of letters, whose case counts in the strict grammar.
    fn word(&mut self, word: &[u8]) -> Option<()> {
        let (found, rest) = self.rest.split_at_checked(word.len())?;
        let same = match self.grammar {
            Grammar::Strict => found == word,
            Grammar::Lenient => found.eq_ignore_ascii_case(word),
        };
        same.then(|| self.rest = rest)
    }

    fn skip(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(bytes)?;
        Some(())
    }

    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

/// A time of day, of which the last second may be a leap second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TimeOfDay {
    hour: i8,
    minute: i8,
    second: i8,
}

impl TimeOfDay {
    fn new(hour: i8, minute: i8, second: i8) -> Option<Self> {
        let is_leap_second = (hour, minute, second) == (23, 59, 60);
        let is_time = hour < 24 && minute < 60 && (second < 60 || is_leap_second);
        is_time.then_some(Self { hour, minute, second })
    }

    /// This time on that day, in seconds since 1970.
    fn on(self, day: Date) -> Option<i64> {
        let midnight = day.at(0, 0, 0, 0).duration_since(EPOCH).as_secs();
        let seconds = (i64::from(self.hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        midnight.checked_add(seconds)
    }
}

/// The latest year with these last two digits in which the moment is not more than 50 years after `now`.
fn year_of_two_digits(two_digits: i16, (month, day, time): (i8, i8, TimeOfDay), now: i64) -> Option<i16> {
    let now = EPOCH.checked_add(SignedDuration::from_secs(now)).ok()?;
    let clock = TimeOfDay { hour: now.hour(), minute: now.minute(), second: now.second() };
    let latest = (now.year().checked_add(50)?, now.month(), now.day(), clock);
    let centuries = [100, 0, -100].map(|century| now.year() / 100 * 100 + century + two_digits);
    centuries.into_iter().find(|year| (*year, month, day, time) <= latest)
}

/// A date of RFC 3339, rounded up to whole seconds.
fn rfc3339(text: &[u8]) -> Option<i64> {
    // What the library takes beyond RFC 3339, such as signed years and names of zones in brackets, is none.
    let is_plain = text.first()?.is_ascii_digit() && text.iter().all(|byte| b"0123456789-+:.TtZz ".contains(byte));
    if !is_plain {
        return None;
    }
    let time: Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
    time.as_second().checked_add(i64::from(time.subsec_nanosecond() > 0))
}

#[cfg(all(test, not(loom)))]
mod tests;
