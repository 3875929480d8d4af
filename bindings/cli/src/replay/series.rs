//! Counts over time in bounded memory: buckets that widen as the log's span grows.

const SECOND: u64 = 1_000_000_000;
/// Bucket widths in seconds. Each is a multiple of the one before it, so that buckets can be merged.
const WIDTHS: [u64; 17] = [
    1,
    5,
    15,
    60,
    300,
    900,
    3_600,
    10_800,
    21_600,
    43_200,
    86_400,
    604_800,
    2_419_200,
    24_192_000,
    241_920_000,
    2_419_200_000,
    24_192_000_000,
];
const MOST_BUCKETS: u64 = 180;

/// What happened in one span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Requests let through.
    pub admitted: u64,
    /// Requests denied.
    pub denied: u64,
}

/// Admitted and denied requests over time, in at most 180 buckets aligned to the Unix epoch.
#[derive(Debug)]
pub struct Series {
    step: usize,
    first: u64,
    buckets: Vec<Bucket>,
    /// Nanoseconds at which the bucket counted last begins and ends: it is mostly the next one, too.
    current: std::ops::Range<u64>,
    current_at: usize,
}

impl Series {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self { step: 0, first: 0, buckets: Vec::new(), current: 0..0, current_at: 0 }
    }

    /// Counts one request.
    pub fn count(&mut self, time: u64, allowed: bool) {
        if !self.current.contains(&time) {
            self.move_to(time);
        }
        let bucket = &mut self.buckets[self.current_at];
        match allowed {
            true => bucket.admitted += 1,
            false => bucket.denied += 1,
        }
    }

    /// Width of a bucket in nanoseconds.
    pub fn width(&self) -> u64 {
        WIDTHS[self.step] * SECOND
    }

    /// When the first bucket begins, in Unix nanoseconds.
    pub fn start(&self) -> u64 {
        self.first.saturating_mul(self.width())
    }

    /// The buckets, one after the other without gaps.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    fn move_to(&mut self, time: u64) {
        if self.buckets.is_empty() {
            self.first = time / self.width();
        }
        loop {
            let at = time / self.width();
            let first = self.first.min(at);
            let last = at.max(self.first + (self.buckets.len() as u64).saturating_sub(1));
            if last - first < MOST_BUCKETS || self.step + 1 == WIDTHS.len() {
                self.stretch(first, last);
                self.current_at = (at - first) as usize;
                let begin = at * self.width();
                self.current = begin..begin.saturating_add(self.width());
                return;
            }
            self.widen();
        }
    }

    /// Makes room from bucket `first` to `last`.
    fn stretch(&mut self, first: u64, last: u64) {
        let before = (self.first - first) as usize;
        if before > 0 && !self.buckets.is_empty() {
            let empty = std::iter::repeat_n(Bucket::default(), before);
            self.buckets.splice(0..0, empty);
        }
        self.first = first;
        self.buckets.resize((last - first + 1) as usize, Bucket::default());
    }

    /// Takes the next width and merges the buckets into it.
    fn widen(&mut self) {
        let ratio = WIDTHS[self.step + 1] / WIDTHS[self.step];
        let first = self.first / ratio;
        let mut merged: Vec<Bucket> = Vec::new();
        for (at, bucket) in (self.first..).zip(&self.buckets) {
            let into = (at / ratio - first) as usize;
            merged.resize(merged.len().max(into + 1), Bucket::default());
            merged[into].admitted += bucket.admitted;
            merged[into].denied += bucket.denied;
        }
        self.step += 1;
        self.first = first;
        self.buckets = merged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(series: &Series) -> u64 {
        let buckets = series.buckets().iter();
        buckets.map(|b| b.admitted + b.denied).sum()
    }

    #[test]
    fn one_second_is_one_bucket() {
        let mut series = Series::new();
        for _ in 0..3 {
            series.count(1_431_857_103 * SECOND + 5, true);
        }
        series.count(1_431_857_103 * SECOND + 7, false);
        assert_eq!(series.buckets(), [Bucket { admitted: 3, denied: 1 }]);
        assert_eq!(series.start(), 1_431_857_103 * SECOND);
        assert_eq!(series.width(), SECOND);
    }

    #[test]
    fn buckets_widen_and_lose_nothing_in_any_order() {
        let day = 86_400 * SECOND;
        let times = (0..3_000_u64).map(|at| 16_000 * day + at * 97 * SECOND);
        let shuffled = times.clone().map(|t| 16_000 * day + t.wrapping_mul(7_919) % (3 * day));
        for order in [times.clone().collect::<Vec<_>>(), times.rev().collect(), shuffled.collect()] {
            let mut series = Series::new();
            for (counted, time) in order.into_iter().enumerate() {
                series.count(time, counted % 2 == 0);
                assert_eq!(total(&series), counted as u64 + 1);
                assert!(series.buckets().len() as u64 <= MOST_BUCKETS);
                let at = (time - series.start()) / series.width();
                let bucket = series.buckets()[at as usize];
                assert!(bucket.admitted + bucket.denied > 0);
            }
        }
    }

    #[test]
    fn the_whole_range_of_time_fits() {
        let mut series = Series::new();
        for time in [1_431_857_103 * SECOND, 0, u64::MAX, 5] {
            series.count(time, false);
        }
        assert_eq!(total(&series), 4);
        assert!(series.buckets().len() as u64 <= MOST_BUCKETS);
    }
}
