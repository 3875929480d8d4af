//! Rounds: each contender once, one after another, so that whatever else the machine does meets all alike.

use std::fmt;

/// The figures of several contenders, of which those of one round belong together.
#[derive(Debug, Clone)]
pub struct Rounds {
    by_contender: Vec<Vec<f64>>,
}

impl Rounds {
    /// Has `run` run each of `contenders` in each of `rounds`, after a round that warms caches and page tables.
    pub fn interleaved(contenders: usize, rounds: usize, mut run: impl FnMut(usize) -> f64) -> Self {
        (0..contenders).for_each(|contender| _ = run(contender));
        Self::from_the_first(contenders, rounds, run)
    }

    /// The same where each round has contenders of its own, which nothing warms. Each round begins with another
    /// contender, so that none always comes after the same one.
    pub fn from_the_first(contenders: usize, rounds: usize, mut run: impl FnMut(usize) -> f64) -> Self {
        let mut by_contender = vec![Vec::with_capacity(rounds); contenders];
        for round in 0..rounds {
            for turn in 0..contenders {
                let contender = (round + turn) % contenders;
                by_contender[contender].push(run(contender));
            }
        }
        Self { by_contender }
    }

    /// A contender's figures, round by round.
    #[must_use]
    pub fn of(&self, contender: usize) -> &[f64] {
        &self.by_contender[contender]
    }

    /// A contender's median and quartiles.
    #[must_use]
    pub fn spread(&self, contender: usize) -> Spread {
        Spread::of(self.of(contender))
    }
}

/// The median of the rounds' ratios.
#[must_use]
pub fn ratio(figures: &[f64], to: &[f64]) -> f64 {
    Spread::of_each(figures, to, |figure, to| figure / to).median
}

/// The median of the rounds' differences.
#[must_use]
pub fn difference(figures: &[f64], from: &[f64]) -> f64 {
    Spread::of_each(figures, from, |figure, from| figure - from).median
}

/// Half of the figures lie between the quartiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The lower quartile.
    pub low: f64,
    /// The middle one.
    pub median: f64,
    /// The upper quartile.
    pub high: f64,
}

impl Spread {
    /// The spread of the figures, which must be some.
    #[must_use]
    pub fn of(figures: &[f64]) -> Self {
        let mut figures = figures.to_vec();
        figures.sort_unstable_by(f64::total_cmp);
        let at = |quarter: usize| figures[(figures.len() - 1) * quarter / 4];
        Self { low: at(1), median: at(2), high: at(3) }
    }

    fn of_each(left: &[f64], right: &[f64], compare: impl Fn(f64, f64) -> f64) -> Self {
        Self::of(&left.iter().zip(right).map(|(&left, &right)| compare(left, right)).collect::<Vec<_>>())
    }

    /// How far apart the quartiles are, as a share of the median.
    #[must_use]
    pub fn width(&self) -> f64 {
        (self.high - self.low) / self.median
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.1} ({:.1}-{:.1})", self.median, self.low, self.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_contender_runs_once_a_round_and_the_first_round_does_not_count() {
        let mut runs = Vec::new();
        let rounds = Rounds::interleaved(3, 2, |contender| {
            runs.push(contender);
            runs.len() as f64
        });
        assert_eq!(runs, [0, 1, 2, 0, 1, 2, 1, 2, 0]);
        assert_eq!([0, 1, 2].map(|contender| rounds.of(contender).to_vec()), [[4., 9.], [5., 7.], [6., 8.]]);
    }

    #[test]
    fn a_ratio_is_that_of_the_middle_round_not_of_the_medians() {
        assert_eq!(ratio(&[10., 20., 100.], &[5., 4., 50.]), 2.);
        assert_eq!(difference(&[10., 20., 100.], &[5., 4., 50.]), 16.);
        assert_eq!(Spread::of(&[3., 1., 2., 5., 4.]), Spread { low: 2., median: 3., high: 4. });
    }
}
