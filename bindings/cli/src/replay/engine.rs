//! Running log entries through the policies.

use std::io;

use sluicegate::{Limiter, OnFull, Policy, Stats};

use super::addresses::Addresses;
use super::keys::Keys;
use super::lines::{Line, Lines};
use super::log::{Entry, Format, KeyField, LogReader, Unreadable};
use super::progress::Progress;
use super::tally::Tally;
use crate::error::Failure;

/// How many unreadable lines are shown.
const SHOWN_DAMAGE: usize = 5;
/// Lines between two looks at the progress bar.
const LINES_PER_TICK: u64 = 8_192;

/// A line that could not be read.
#[derive(Debug)]
pub struct Damage {
    /// Where it came from.
    pub source: String,
    /// Its number there, from 1.
    pub line: u64,
    /// What was wrong with it.
    pub reason: String,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Lines in all, the skipped ones included.
    pub lines: u64,
    /// Lines that could not be read.
    pub skipped: u64,
    /// Lines without a key.
    pub unkeyed: u64,
    /// Lines earlier than a line before them.
    pub late: u64,
    /// Earliest and latest instant, in Unix nanoseconds.
    pub span: Option<(u64, u64)>,
    /// The first unreadable lines.
    pub damage: Vec<Damage>,
}

/// A policy, its limiter and its counts.
pub struct Trial {
    /// The policy.
    pub policy: Policy,
    /// What was counted.
    pub tally: Tally,
    limiter: Limiter,
}

impl Trial {
    fn new(policy: Policy, max_keys: u64) -> Result<Self, Failure> {
        let limiter = Limiter::builder(policy)
            .max_keys(max_keys)
            .on_full(OnFull::Evict)
            .build()
            .map_err(|error| Failure::work(error.to_string()))?;
        Ok(Self { policy, tally: Tally::new(), limiter })
    }

    /// The limiter's own counts.
    pub fn stats(&self) -> Stats {
        self.limiter.stats()
    }
}

/// Everything a replay knows.
pub struct Replay {
    /// What was read.
    pub reading: Reading,
    /// The keys met.
    pub keys: Keys,
    /// One trial for each policy.
    pub trials: Vec<Trial>,
    reader: LogReader,
    addresses: Addresses,
    latest: u64,
}

impl Replay {
    /// A replay of nothing yet.
    pub fn new(
        policies: &[Policy],
        key: &KeyField,
        addresses: Addresses,
        format: Format,
        max_keys: u64,
    ) -> Result<Self, Failure> {
        let trials = policies.iter().map(|policy| Trial::new(*policy, max_keys)).collect::<Result<_, _>>()?;
        Ok(Self {
            reading: Reading::default(),
            keys: Keys::new(usize::try_from(max_keys).unwrap_or(usize::MAX)),
            trials,
            reader: LogReader::new(format, key),
            addresses,
            latest: 0,
        })
    }

    /// Runs all lines of one source. After an error, the lines before it have been counted.
    pub fn run<R: io::Read>(&mut self, source: &str, mut lines: Lines<R>, progress: &Progress) -> io::Result<()> {
        let mut number = 0;
        while let Some(line) = lines.next()? {
            number += 1;
            self.reading.lines += 1;
            if number % LINES_PER_TICK == 0 {
                progress.tick(self.reading.lines);
            }
            self.line(source, number, line);
        }
        Ok(())
    }

    fn line(&mut self, source: &str, number: u64, line: Line<'_>) {
        let entry = match line {
            Line::Text(text) => self.reader.read(text),
            Line::TooLong(length) => Err(Unreadable::TooLong(length)),
        };
        match entry {
            Ok(Entry { time, key }) => {
                let key = key.map(|key| self.addresses.counted(key));
                count(Entry { time, key }, &mut self.reading, &mut self.latest, &mut self.keys, &mut self.trials);
            }
            Err(reason) => self.reading.damaged(source, number, &reason),
        }
    }
}

impl Reading {
    fn damaged(&mut self, source: &str, line: u64, reason: &Unreadable) {
        self.skipped += 1;
        if self.damage.len() < SHOWN_DAMAGE {
            self.damage.push(Damage { source: source.to_owned(), line, reason: reason.to_string() });
        }
    }

    fn reach(&mut self, time: u64) {
        self.span = Some(match self.span {
            None => (time, time),
            Some((from, to)) => (from.min(time), to.max(time)),
        });
    }
}

/// Runs one entry through every trial.
fn count(entry: Entry<'_>, reading: &mut Reading, latest: &mut u64, keys: &mut Keys, trials: &mut [Trial]) {
    reading.reach(entry.time);
    reading.late += u64::from(entry.time < *latest);
    *latest = entry.time.max(*latest);
    let Some(key) = entry.key else {
        reading.unkeyed += 1;
        return;
    };
    let number = keys.number(key);
    for trial in trials {
        let decision = trial.limiter.check_at(key, 1, entry.time);
        trial.tally.count(&trial.policy, number, entry.time, &decision);
    }
}
