//! When a line was logged: the forms in which access logs write an instant, read as Unix nanoseconds.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Length of `17/May/2015:10:05:03 +0000`.
pub const CLF_LENGTH: usize = 26;
const DAY: std::ops::Range<usize> = 0..11;
const ZONE: std::ops::Range<usize> = 21..26;
const NS: u64 = 1_000_000_000;

/// Reads instants, and remembers the last ones: neighbouring lines mostly share their second, and nearly always their day.
#[derive(Debug, Default)]
pub struct TimeReader {
    clf_text: [u8; CLF_LENGTH],
    clf_instant: u64,
    day: [u8; 11],
    zone: [u8; 5],
    midnight: i64,
    text: Vec<u8>,
    instant: u64,
}

impl TimeReader {
    /// Reads `17/May/2015:10:05:03 +0000`, the common log format's way.
    pub fn clf(&mut self, text: &[u8; CLF_LENGTH]) -> Option<u64> {
        if *text == self.clf_text {
            return Some(self.clf_instant);
        }
        if text[DAY] != self.day || text[ZONE] != self.zone {
            self.midnight = clf_midnight(text)?;
            self.day.copy_from_slice(&text[DAY]);
            self.zone.copy_from_slice(&text[ZONE]);
        }
        let seconds = self.midnight.checked_add(clf_time_of_day(text)?)?;
        let instant = u64::try_from(seconds).ok()?.checked_mul(NS)?;
        self.clf_text = *text;
        self.clf_instant = instant;
        Some(instant)
    }

    /// Reads an instant from text of any known form: RFC 3339, a Unix time, or the common log's form.
    pub fn text(&mut self, text: &[u8]) -> Option<u64> {
        let text = text.trim_ascii();
        if !text.is_empty() && text == self.text {
            return Some(self.instant);
        }
        let instant = self.any_form(text)?;
        self.text.clear();
        self.text.extend_from_slice(text);
        self.instant = instant;
        Some(instant)
    }

    fn any_form(&mut self, text: &[u8]) -> Option<u64> {
        let bare = text.strip_prefix(b"[").and_then(|t| t.strip_suffix(b"]")).unwrap_or(text);
        if let Ok(clf) = <&[u8; CLF_LENGTH]>::try_from(bare)
            && clf[2] == b'/'
        {
            return self.clf(clf);
        }
        if text.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
            return unix_text(text);
        }
        rfc3339(text)
    }
}

/// A Unix time as a number: seconds, milliseconds, microseconds or nanoseconds, told apart by magnitude.
pub fn unix_integer(value: u64) -> Option<u64> {
    value.checked_mul(nanoseconds_per_unit(value))
}

/// A Unix time with a fraction. A JSON number has room for microseconds of today's times, so it is read to the microsecond.
pub fn unix_fraction(value: f64) -> Option<u64> {
    if !(0.0..1e19).contains(&value) {
        return None;
    }
    let microseconds_per_unit = nanoseconds_per_unit(value as u64) as f64 / 1_000.0;
    let microseconds = (value * microseconds_per_unit).round();
    // Beyond this the product with 1,000 would not fit.
    (microseconds < 1.8e16).then(|| microseconds as u64 * 1_000)
}

/// Seconds reach the year 5138 before they look like milliseconds, which in turn begin in March 1973.
fn nanoseconds_per_unit(value: u64) -> u64 {
    match value {
        0..100_000_000_000 => NS,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    }
}

/// `1431857103` or `1431857103.123`, as nginx writes `$msec`.
fn unix_text(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let value: u64 = whole.parse().ok()?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = &fraction[..fraction.len().min(9)];
    let scale = 10_u64.pow(9 - u32::try_from(digits.len()).ok()?);
    let billionths = match digits {
        "" => 0,
        digits => digits.parse::<u64>().ok()? * scale,
    };
    let part = u128::from(billionths) * u128::from(nanoseconds_per_unit(value)) / u128::from(NS);
    unix_integer(value)?.checked_add(u64::try_from(part).ok()?)
}

/// RFC 3339, with or without a fraction; a time without an offset is taken as UTC.
fn rfc3339(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let timestamp = match text.parse::<Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => {
            let civil = text.parse::<DateTime>().ok()?;
            civil.to_zoned(TimeZone::UTC).ok()?.timestamp()
        }
    };
    u64::try_from(timestamp.as_nanosecond()).ok()
}

/// The Unix second of the text's day, 00:00:00 in the text's zone.
fn clf_midnight(text: &[u8; CLF_LENGTH]) -> Option<i64> {
    if text[2] != b'/' || text[6] != b'/' {
        return None;
    }
    let year = two_digits(text, 7)? * 100 + two_digits(text, 9)?;
    let date = Date::new(i16::try_from(year).ok()?, month(&text[3..6])?, i8::try_from(two_digits(text, 0)?).ok()?)
        .ok()?;
    let utc = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(utc - zone_offset(text)?)
}

/// Seconds east of UTC.
fn zone_offset(text: &[u8; CLF_LENGTH]) -> Option<i64> {
    let (hours, minutes) = (two_digits(text, 22)?, two_digits(text, 24)?);
    if text[20] != b' ' || hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    match text[21] {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn clf_time_of_day(text: &[u8; CLF_LENGTH]) -> Option<i64> {
    if text[11] != b':' || text[14] != b':' || text[17] != b':' {
        return None;
    }
    let hours = two_digits(text, 12)?;
    let minutes = two_digits(text, 15)?;
    let seconds = two_digits(text, 18)?;
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    // A leap second counts as the second before it, as Unix time has it.
    Some(hours * 3_600 + minutes * 60 + seconds.min(59))
}

fn two_digits(text: &[u8; CLF_LENGTH], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens) * 10 + i64::from(ones))
}

fn month(name: &[u8]) -> Option<i8> {
    const NAMES: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let at = NAMES.iter().position(|known| known.as_slice() == name)?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAY: u64 = 1_431_857_103;

    fn read(text: &str) -> Option<u64> {
        TimeReader::default().text(text.as_bytes())
    }

    #[test]
    fn the_common_logs_form_is_read_with_any_offset() {
        assert_eq!(read("17/May/2015:10:05:03 +0000"), Some(MAY * NS));
        assert_eq!(read("[17/May/2015:10:05:03 +0000]"), Some(MAY * NS));
        assert_eq!(read("17/May/2015:12:05:03 +0200"), Some(MAY * NS));
        assert_eq!(read("17/May/2015:04:35:03 -0530"), Some(MAY * NS));
        assert_eq!(read("18/May/2015:00:05:03 +1400"), Some(MAY * NS));
    }

    #[test]
    fn impossible_times_of_the_common_logs_form_are_refused() {
        for text in [
            "32/May/2015:10:05:03 +0000",
            "30/Feb/2015:10:05:03 +0000",
            "17/Mai/2015:10:05:03 +0000",
            "17/May/2015:24:05:03 +0000",
            "17/May/2015:10:60:03 +0000",
            "17/May/2015:10:05:61 +0000",
            "17/May/2015:10:05:03 00000",
            "17/May/2015:10:05:03 +2400",
            "17/May/2015:10:05:03_+0000",
            "17-May-2015:10:05:03 +0000",
            "17/May/1969:10:05:03 +0000",
            "17/May/9999:10:05:03 +0000",
            "xx/xxx/xxxx:xx:xx:xx xxxxx",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_remembered_time_is_never_given_for_another_text() {
        let mut reader = TimeReader::default();
        for second in 0..60_u64 {
            for zone in ["+0000", "+0100"] {
                let text = format!("17/May/2015:10:05:{second:02} {zone}");
                let early = if zone == "+0100" { 3_600 } else { 0 };
                let expected = (MAY - 3 + second - early) * NS;
                assert_eq!(reader.text(text.as_bytes()), Some(expected));
            }
        }
        assert_eq!(reader.text(b"17/May/2015:10:05:99 +0000"), None);
        assert_eq!(reader.text(b"17/May/2015:10:05:03 +0000"), Some(MAY * NS));
    }

    #[test]
    fn a_leap_second_counts_as_the_second_before_it() {
        assert_eq!(read("31/Dec/2016:23:59:60 +0000"), read("31/Dec/2016:23:59:59 +0000"));
    }

    #[test]
    fn rfc_3339_is_read_with_offset_and_fraction() {
        assert_eq!(read("2015-05-17T10:05:03Z"), Some(MAY * NS));
        assert_eq!(read("2015-05-17T12:05:03+02:00"), Some(MAY * NS));
        assert_eq!(read("2015-05-17T12:05:03+0200"), Some(MAY * NS));
        assert_eq!(read("2015-05-17T10:05:03.250Z"), Some(MAY * NS + 250_000_000));
        assert_eq!(read("2015-05-17T10:05:03.123456789Z"), Some(MAY * NS + 123_456_789));
        assert_eq!(read("2015-05-17 10:05:03"), Some(MAY * NS));
        assert_eq!(read("2015-13-17T10:05:03Z"), None);
        assert_eq!(read("1969-12-31T23:59:59Z"), None);
        assert_eq!(read("yesterday"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn units_of_unix_times_are_told_by_magnitude() {
        assert_eq!(unix_integer(MAY), Some(MAY * NS));
        assert_eq!(unix_integer(MAY * 1_000 + 7), Some(MAY * NS + 7_000_000));
        assert_eq!(unix_integer(MAY * 1_000_000 + 7), Some(MAY * NS + 7_000));
        assert_eq!(unix_integer(MAY * NS + 7), Some(MAY * NS + 7));
        assert_eq!(unix_fraction(1_431_857_103.25), Some(MAY * NS + 250_000_000));
        assert_eq!(unix_fraction(1_431_857_103_250.5), Some(MAY * NS + 250_500_000));
        assert_eq!(unix_fraction(-1.0), None);
        assert_eq!(unix_fraction(f64::NAN), None);
        assert_eq!(unix_fraction(f64::INFINITY), None);
        assert_eq!(unix_fraction(1e300), None);
    }

    #[test]
    fn unix_times_written_as_text_keep_every_digit() {
        assert_eq!(read("1431857103"), Some(MAY * NS));
        assert_eq!(read("1431857103.123"), Some(MAY * NS + 123_000_000));
        assert_eq!(read("1431857103.1234567891"), Some(MAY * NS + 123_456_789));
        assert_eq!(read("1431857103250.5"), Some(MAY * NS + 250_500_000));
        assert_eq!(read("1.2.3"), None);
        assert_eq!(read("."), None);
        assert_eq!(read("99999999999999999999999"), None);
    }
}
