//! Numbers as servers write them: ASCII digits alone, and no number too large.

use std::time::Duration;

pub(super) const NS_PER_SECOND: u64 = 1_000_000_000;

/// A whole number of digits alone, `u64::MAX` where it is larger; `None` for a sign, a blank, or nothing.
pub(super) fn whole(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = text.iter().map(|digit| u64::from(digit - b'0'));
    Some(digits.fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(digit)))
}

/// A number of digits with perhaps a point and more digits after it: its whole part, and billionths rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    pub whole: u64,
    pub billionths: u64,
}

impl Decimal {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut halves = text.splitn(2, |byte| *byte == b'.');
        let whole_part = whole(halves.next()?)?;
        let billionths = match halves.next() {
            Some(digits) => billionths(digits)?,
            None => 0,
        };
        Some(Self { whole: whole_part, billionths })
    }

    /// So many units of `unit` nanoseconds, rounded up; what is too long for a [`Duration`] is the longest one.
    pub(super) fn of(self, unit: u64) -> Duration {
        let part = u128::from(self.billionths) * u128::from(unit);
        let whole = u128::from(self.whole) * u128::from(unit);
        from_ns(whole + part.div_ceil(NS_PER_SECOND.into()))
    }
}

/// The digits after a point, in billionths rounded up, which may be a whole one.
fn billionths(digits: &[u8]) -> Option<u64> {
    whole(digits)?;
    let (kept, dropped) = digits.split_at(digits.len().min(9));
    let shift = 10_u64.pow(9 - kept.len() as u32);
    let rounded_up = dropped.iter().any(|digit| *digit != b'0');
    Some(whole(kept)? * shift + u64::from(rounded_up))
}

/// A duration of so many nanoseconds; the longest one where they are more.
pub(super) fn from_ns(ns: u128) -> Duration {
    let seconds = u64::try_from(ns / u128::from(NS_PER_SECOND));
    seconds.map_or(Duration::MAX, |seconds| Duration::new(seconds, (ns % u128::from(NS_PER_SECOND)) as u32))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_too_large_and_nothing_else_is_one() {
        assert_eq!(whole(b"007"), Some(7));
        assert_eq!(whole(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(whole(b"18446744073709551616"), Some(u64::MAX));
        assert_eq!(whole(&[b'9'; 5000]), Some(u64::MAX));
        for none in ["", " 1", "1 ", "+1", "-1", "1_0", "0x1", "1e3", "\u{663}"] {
            assert_eq!(whole(none.as_bytes()), None, "{none}");
            assert_eq!(Decimal::parse(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn fractions_are_rounded_up_to_a_nanosecond() {
        let seconds = |text: &str| Decimal::parse(text.as_bytes()).map(|decimal| decimal.of(NS_PER_SECOND));
        assert_eq!(seconds("2.0"), Some(Duration::from_secs(2)));
        assert_eq!(seconds("0.503"), Some(Duration::from_millis(503)));
        assert_eq!(seconds("0.0000000001"), Some(Duration::from_nanos(1)));
        assert_eq!(seconds("0.9999999999"), Some(Duration::from_secs(1)));
        assert_eq!(seconds("18446744073709551615.9999999999"), Some(Duration::MAX));
        assert_eq!(Decimal::parse(b"0.1").map(|tenth| tenth.of(1)), Some(Duration::from_nanos(1)));
        for none in [".5", "5.", ".", "1.2.3", "1.-2", "1,5"] {
            assert_eq!(seconds(none), None, "{none}");
        }
    }
}
