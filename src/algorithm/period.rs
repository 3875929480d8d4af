//! A window's length, and which window a time lies in.
//!
//! Both are divisions by a number that is known when the policy is, so they are multiplications by its reciprocal: a
//! processor takes 3 to 5 cycles for one, and 10 to 90 for a division, during which it begins few others.

use super::MAX_UNIX_NS;

#[derive(Debug, Clone)]
pub(super) struct Period {
    /// The length in ns.
    ns: u64,
    /// `2^(64 + shift) / ns`, rounded up: at least 2^63.
    reciprocal: u64,
    shift: u32,
}

impl Period {
    /// A period of `ns`, more than 1 and less than 2^62.
    pub(super) fn new(ns: u64) -> Self {
        assert!(ns > 1 && ns < 1 << 62, "a period of {ns} ns");
        // 2^shift < ns <= 2^(shift + 1), so the quotient is from 2^63 up to, but below, 2^64.
        let shift = (ns - 1).ilog2();
        let reciprocal = (1u128 << (64 + shift)).div_ceil(u128::from(ns)) as u64;
        Self { ns, reciprocal, shift }
    }

    #[inline(always)]
    pub(super) fn ns(&self) -> u64 {
        self.ns
    }

    /// The number of the window that `now`, which must be below 2^63, lies in: `now / ns`.
    ///
    /// The reciprocal is too large by less than 1, so the product over `2^(64 + shift)` is by less than `now / 2^(64 + shift)`,
    /// which is below `1 / ns`, as `now` is below 2^63 and `ns` at most 2^(shift + 1). The quotient is a multiple of that, so
    /// its whole part is the same.
    #[inline(always)]
    pub(super) fn number(&self, now: u64) -> u64 {
        (wide(now, self.reciprocal) >> 64) as u64 >> (self.shift % 64)
    }

    /// The number of the window that [`MAX_UNIX_NS`] lies in.
    pub(super) fn last_number(&self) -> u64 {
        self.number(MAX_UNIX_NS)
    }

    /// `count * elapsed / ns`, rounded down, for a count below 2^32 and an `elapsed` below `ns`.
    #[inline(always)]
    pub(super) fn share(&self, count: u64, elapsed: u64) -> u64 {
        // `elapsed / ns` times 2^64, rounded up: too large by less than 3, since the reciprocal is by less than 1 and `elapsed`
        // is below 2^(shift + 1). That is below 2^64, as `ns` is below 2^62.
        let part = (wide(elapsed, self.reciprocal) >> (self.shift % 64)) as u64 + 1;
        // So this is too large by less than 3 * 2^32 / 2^64: it is the quotient, or the next number.
        let quotient = (wide(count, part) >> 64) as u64;
        quotient - u64::from(wide(quotient, self.ns) > wide(count, elapsed))
    }
}

/// A product of two numbers, which may need more than 64 bits.
#[inline(always)]
pub(super) fn wide(one: u64, other: u64) -> u128 {
    u128::from(one) * u128::from(other)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lengths that are short, long, and near to powers of two.
    fn lengths() -> impl Strategy<Value = u64> {
        let powers = (1u32..62, -2i64..=2).prop_map(|(bit, off)| (1u64 << bit).saturating_add_signed(off));
        prop_oneof![powers, 2u64..1 << 62, Just(86_400_000_000_000)].prop_map(|ns| ns.clamp(2, (1 << 62) - 1))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_window_is_found_as_by_division(ns in lengths(), now in 0u64..1 << 63, off in -1i64..=1) {
            let period = Period::new(ns);
            // The quotient changes at the multiples of the length.
            let near = (now / ns * ns).saturating_add_signed(off);
            for now in [now, near, (1 << 63) - 1, MAX_UNIX_NS] {
                prop_assert_eq!(period.number(now), now / ns, "{} / {}", now, ns);
            }
        }

        #[test]
        fn a_share_is_what_a_division_says(ns in lengths(), count in 0u64..1 << 32, random: u64, off in -1i64..=1) {
            let period = Period::new(ns);
            // The share changes where `count * elapsed` is a multiple of the length.
            let whole = (wide(random % count.max(1), ns) / u128::from(count.max(1))) as u64;
            for elapsed in [random % ns, whole.saturating_add_signed(off).min(ns - 1), whole.min(ns - 1), 0, ns - 1] {
                let share = wide(count, elapsed) / u128::from(ns);
                prop_assert_eq!(u128::from(period.share(count, elapsed)), share, "{} * {} / {}", count, elapsed, ns);
            }
        }
    }
}
