//! The log of denied keys: a JSON line for each, at most one in a while, so that abuse is seen and fills no disk.

mod left_out;
mod line;
mod writer;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use sluicegate::identity::Key;
use sluicegate::{Charge, Decision, Limiter, OnFull, Policy, check_all};

use self::left_out::LeftOut;
use self::line::{Line, Told};
use self::writer::Writer;
use super::asked::Asked;
use super::gate::{Asking, Judgement};
use crate::cli::{self, KeysShown};
use crate::error::Failure;

/// How many denied keys are told apart; what others are denied is counted together.
const KEYS: usize = 10_000;

/// How many lines a second there may be of all keys together.
const LINES_A_SECOND: u64 = 100;

/// The log of denied keys.
pub struct Denials {
    /// One line for each key in each period.
    by_key: Limiter,
    /// So many lines of all keys.
    overall: Limiter,
    left_out: Mutex<LeftOut>,
    writer: Writer,
    period: Duration,
    shown: KeysShown,
}

impl Denials {
    /// The log that the options describe; `None` where there is to be none.
    pub fn open(options: &cli::Watch) -> Result<Option<Self>, Failure> {
        if options.quiet && options.log.is_none() {
            return Ok(None);
        }
        let limiter = |policy, on_full| {
            let limiter = Limiter::builder(policy).max_keys(KEYS as u64).on_full(on_full).build();
            limiter.map_err(|error| Failure::work(error.to_string()))
        };
        let by_key = Policy::token_bucket(1, options.log_period).burst(1);
        let overall = Policy::token_bucket(LINES_A_SECOND, Duration::from_secs(1));
        Ok(Some(Self {
            by_key: limiter(by_key, OnFull::Deny)?,
            overall: limiter(overall, OnFull::Evict)?,
            left_out: Mutex::new(LeftOut::at_most(KEYS)),
            writer: Writer::open(options.log.as_deref())?,
            period: options.log_period,
            shown: options.log_keys,
        }))
    }

    /// Tells of the keys that a request was denied for.
    pub fn tell(&self, judgement: &Judgement<'_>, asked: &Asked<'_>) {
        let status = judgement.answer().status();
        for (Asking { limit, key, .. }, verdict) in judgement.violated() {
            let told = || Told::of(judgement.route, limit, verdict.decision(), asked, status, self.shown);
            let key = Key::new().part(limit.name(), key);
            match self.may_write(&key) {
                true => {
                    let before = self.left_out().take(&key);
                    self.write(&key, Line { told: told(), left_out: before });
                }
                false => self.left_out().add(key, 1, told),
            }
        }
    }

    /// Tells now and then of what was left out and whose turn has come. Never ends.
    pub async fn tell_of_the_rest(&self) {
        loop {
            tokio::time::sleep(self.period).await;
            let all = self.left_out().take_all();
            for (key, count, told) in all {
                match self.may_write(&key) {
                    // The line is one of them.
                    true => self.write(&key, Line { told, left_out: count - 1 }),
                    false => self.left_out().add(key, count, || told),
                }
            }
            self.tell_of_others();
        }
    }

    /// Opens the file anew, as after it was moved away.
    pub fn reopen(&self) {
        self.writer.reopen();
    }

    /// Tells of all that was left out, of the first keys by lines of their own, and waits a moment for the lines to be
    /// written.
    pub fn finish(&self) {
        let mut all = self.left_out().take_all().into_iter();
        for (key, count, told) in all.by_ref().take(LINES_A_SECOND as usize) {
            self.write(&key, Line { told, left_out: count - 1 });
        }
        let others = all.chain(self.left_out().take_all()).map(|(_, count, _)| count).sum();
        self.left_out().add_others(others);
        self.tell_of_others();
        self.writer.finish();
    }

    fn may_write(&self, key: &Key) -> bool {
        let mut decisions = [Decision::default(); 2];
        check_all(&[Charge::new(&self.by_key, key), Charge::new(&self.overall, "")], &mut decisions)
    }

    fn write(&self, key: &Key, line: Line) {
        if let Err(line) = self.writer.write(Box::new(line)) {
            // One line more that was left out.
            self.left_out().add(key.clone(), line.left_out + 1, || line.told);
        }
    }

    fn tell_of_others(&self) {
        let others = self.left_out().take_others();
        if others > 0 && !self.writer.write_others(others) {
            self.left_out().add_others(others);
        }
    }

    fn left_out(&self) -> std::sync::MutexGuard<'_, LeftOut> {
        // Counts are whole whatever a panic has interrupted.
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
