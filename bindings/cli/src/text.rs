//! Numbers, lengths of time, instants and keys as people read them.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `count` things, with the noun in the right number: `1 line`, `2 lines`.
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// A share as a percentage that never says 0 % or 100 % of something that is only nearly so.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0%".to_owned();
    }
    if part == whole {
        return "100%".to_owned();
    }
    let share = 100.0 * part as f64 / whole as f64;
    match share {
        s if s < 0.01 => "<0.01%".to_owned(),
        s if s < 10.0 => format!("{s:.2}%"),
        s if s > 99.9 && s < 100.0 => ">99.9%".to_owned(),
        s => format!("{s:.1}%"),
    }
}

/// A length of time in at most two units: `340ms`, `12.5s`, `3m 20s`, `2h`, `1d 4h`.
pub fn lasting(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 if length.is_zero() => "0s".to_owned(),
        0 if length.subsec_nanos() < 1_000 => format!("{}ns", length.subsec_nanos()),
        0 if length.subsec_nanos() < 1_000_000 => format!("{}us", length.subsec_micros()),
        0 => format!("{}ms", length.subsec_millis()),
        1..60 if length.subsec_millis() >= 50 => format!("{:.1}s", length.as_secs_f64()),
        1..60 => format!("{seconds}s"),
        60..3_600 => two_units(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => two_units(seconds / 3_600, "h", seconds % 3_600 / 60, "m"),
        _ => two_units(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

fn two_units(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit} {small}{small_unit}"),
    }
}

/// An instant as `2015-05-17 10:05:03` in UTC.
pub fn instant(unix_ns: u64) -> String {
    written("%Y-%m-%d %H:%M:%S", unix_ns)
}

/// An instant as `2015-05-17T10:05:03Z`.
pub fn rfc3339(unix_ns: u64) -> String {
    written("%Y-%m-%dT%H:%M:%SZ", unix_ns)
}

/// An instant in UTC, written the way `pattern` (as of strftime) says.
pub fn written(pattern: &str, unix_ns: u64) -> String {
    match Timestamp::from_nanosecond(i128::from(unix_ns)) {
        Ok(timestamp) => timestamp.to_zoned(TimeZone::UTC).strftime(pattern).to_string(),
        // Every u64 of nanoseconds lies before the year 2555, well within jiff's range.
        Err(_) => format!("{unix_ns}ns"),
    }
}

/// A key as text that is safe to print: invalid UTF-8 replaced, control and direction-changing characters escaped.
pub fn visible(key: &[u8]) -> String {
    let mut out = String::with_capacity(key.len());
    for character in String::from_utf8_lossy(key).chars() {
        match character {
            c if c.is_control() || changes_direction(c) => {
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

/// Characters that reorder or hide the text around them, by which a key could forge the rest of a table.
fn changes_direction(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// At most `width` characters of `text`, the cut marked by an ellipsis.
pub fn shortened(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(width.saturating_sub(1)).collect();
            kept + "…"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn a_share_is_never_rounded_to_none_or_all() {
        assert_eq!(percent(0, 10), "0%");
        assert_eq!(percent(1, 1_000_000), "<0.01%");
        assert_eq!(percent(999_999, 1_000_000), ">99.9%");
        assert_eq!(percent(1, 3), "33.3%");
        assert_eq!(percent(7, 7), "100%");
        assert_eq!(percent(0, 0), "0%");
    }

    #[test]
    fn lengths_of_time_use_at_most_two_units() {
        assert_eq!(lasting(Duration::from_millis(340)), "340ms");
        assert_eq!(lasting(Duration::from_secs(200)), "3m 20s");
        assert_eq!(lasting(Duration::from_secs(7_200)), "2h");
        assert_eq!(lasting(Duration::from_secs(100_800)), "1d 4h");
        assert_eq!(lasting(Duration::from_millis(12_500)), "12.5s");
        assert_eq!(lasting(Duration::ZERO), "0s");
    }

    #[test]
    fn hostile_keys_cannot_steer_a_terminal() {
        assert_eq!(visible(b"\x1b[2Jhi\r\n"), "\\u{1b}[2Jhi\\u{d}\\u{a}");
        assert_eq!(visible("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(visible(b"caf\xc3\xa9 \xff"), "café \u{fffd}");
    }

    #[test]
    fn long_texts_end_in_an_ellipsis() {
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}
