//! The crate and the model side by side on one history of requests.

use super::agreement::{Tolerance, agrees};
use super::strategies::{Action, Cost, KEYS, Operation, Step};
use super::{limiter_of, ns};
use crate::model::{Model, Rule, rounded_up};
use sluicegate::{Decision, Limiter, MAX_UNIX_NS, Reason};

/// One limiter, one model for each of its keys, and a clock.
pub struct Duel {
    rule: Rule,
    tolerance: Tolerance,
    limiter: Limiter,
    models: Vec<Box<dyn Model>>,
    /// Where a key was given back all it had: the same, fresh a nanosecond sooner. The instant that the crate
    /// remembers is rounded and must not lie after the refund; how far before, only a late request can tell,
    /// which might as well have found the key never seen.
    sooner: [Option<Box<dyn Model>>; KEYS],
    last: [Option<Decision>; KEYS],
    clock: u64,
    latest: u64,
    history: Vec<String>,
}

/// The time of one request, and where it leaves the clock.
struct Moment {
    now: u64,
    clock: u64,
}

impl Duel {
    /// Two fresh sides. Agreement is to the bit wherever no real instant falls between two nanoseconds.
    pub fn new(rule: Rule, clock: u64) -> Duel {
        let exact = rule.has_whole_instants();
        Duel {
            rule,
            tolerance: if exact { Tolerance::None } else { Tolerance::OneNanosecondLate },
            limiter: limiter_of(&rule),
            models: (0..KEYS).map(|_| rule.model()).collect(),
            sooner: [const { None }; KEYS],
            last: [None; KEYS],
            clock,
            latest: 0,
            history: Vec::new(),
        }
    }

    /// The same, with agreement to the bit demanded.
    pub fn to_the_bit(rule: Rule, clock: u64) -> Duel {
        Duel { tolerance: Tolerance::None, ..Duel::new(rule, clock) }
    }

    /// Runs a whole sequence of requests on both sides.
    pub fn play_all(&mut self, operations: &[Operation]) -> Result<(), String> {
        for (index, operation) in operations.iter().enumerate() {
            self.play(operation).map_err(|difference| {
                format!("step {index}: {difference}\n  after:\n    {}", self.history.join("\n    "))
            })?;
        }
        Ok(())
    }

    fn play(&mut self, operation: &Operation) -> Result<(), String> {
        let &Operation { action, cost, step, key } = operation;
        let Moment { now, clock } = self.moment(step, key);
        self.clock = clock;
        let cost = self.cost(cost, key);
        match action {
            Action::Check => self.check(key, cost, now).map(drop),
            Action::Peek => self.peek(key, cost, now),
            Action::Refund => {
                self.refund(key, cost, now.min(MAX_UNIX_NS));
                Ok(())
            }
            Action::Reset => {
                self.reset(key);
                Ok(())
            }
        }
    }

    /// Asks both sides to check, and lets the model follow what the crate has admitted: where instants are
    /// rounded, the two may differ by a nanosecond, and their histories must not.
    pub fn check(&mut self, key: usize, cost: u64, now: u64) -> Result<Decision, String> {
        let foretold = self.limiter.peek_at(name(key), cost, now);
        let answer = self.limiter.check_at(name(key), cost, now);
        if answer != foretold {
            return Err(format!("peek said {foretold:?}, check {answer:?}, at {now} for a cost of {cost}"));
        }
        self.compare(&answer, key, cost, now)?;
        if answer.allowed() && cost > 0 {
            self.models[key].consume(now.into(), cost);
            if let Some(sooner) = &mut self.sooner[key] {
                sooner.consume(now.into(), cost);
            }
            self.latest = self.latest.max(now);
            self.history.push(format!("key {key}: admitted {cost} at {now}"));
        }
        self.last[key] = Some(answer);
        Ok(answer)
    }

    /// Asks both sides to peek.
    pub fn peek(&mut self, key: usize, cost: u64, now: u64) -> Result<(), String> {
        let answer = self.limiter.peek_at(name(key), cost, now);
        self.compare(&answer, key, cost, now)
    }

    /// Gives permits back on both sides.
    pub fn refund(&mut self, key: usize, cost: u64, now: u64) {
        self.history.push(format!("key {key}: gave back {cost} at {now}"));
        self.limiter.refund_at(name(key), cost, now);
        let model = &mut self.models[key];
        let rounds = self.tolerance == Tolerance::OneNanosecondLate && !model.is_fresh(i128::from(now) - 1);
        model.refund(now.into(), cost);
        if rounds && model.is_fresh(now.into()) {
            let mut sooner = model.copy();
            sooner.refund(i128::from(now) - 1, u64::MAX);
            self.sooner[key] = Some(sooner);
        } else if let Some(sooner) = &mut self.sooner[key] {
            sooner.refund(now.into(), cost);
        }
    }

    /// Forgets the key on both sides.
    pub fn reset(&mut self, key: usize) {
        self.history.push(format!("key {key}: reset"));
        self.limiter.reset(name(key));
        self.models[key].reset();
        self.sooner[key] = None;
    }

    fn compare(&mut self, answer: &Decision, key: usize, cost: u64, now: u64) -> Result<(), String> {
        if now > MAX_UNIX_NS {
            return beyond_the_last_time(answer, cost)
                .then_some(())
                .ok_or_else(|| format!("{answer:?} at {now}, beyond the last time, for a cost of {cost}"));
        }
        let remembered = agrees(answer, self.models[key].as_ref(), now, cost, self.tolerance);
        let sooner = self.sooner[key].as_ref();
        let agrees_sooner =
            || sooner.is_some_and(|it| agrees(answer, it.as_ref(), now, cost, self.tolerance).is_ok());
        if remembered.is_ok() || agrees_sooner() {
            return Ok(());
        }
        if !self.may_be_forgotten(key, now) {
            return remembered;
        }
        let forgotten = agrees(answer, self.rule.model().as_ref(), now, cost, self.tolerance);
        if forgotten.is_ok() {
            self.models[key].reset();
            self.sooner[key] = None;
        }
        forgotten.or(remembered)
    }

    /// "A slot whose key is fresh again is reused in place": once another key was admitted at a later time, at
    /// which this one was fresh, a late request may find it never seen.
    fn may_be_forgotten(&self, key: usize, now: u64) -> bool {
        now < self.latest && self.models[key].is_fresh(self.latest.into())
    }

    fn moment(&self, step: Step, key: usize) -> Moment {
        let clock = self.clock;
        let period = self.rule.period;
        let retry_after = self.last[key].and_then(|last| last.retry_after()).map_or(0, ns);
        let reset_after = self.last[key].map_or(0, |last| ns(last.reset_after()));
        let part_of_period = |part: u16| (u128::from(period) * u128::from(part) / 65_536) as u64;
        let forward = |by: u64| {
            let now = clock.saturating_add(by).min(MAX_UNIX_NS);
            Moment { now, clock: now }
        };
        match step {
            Step::Stay => forward(0),
            Step::Forward(by) => forward(by),
            Step::RetryAfter => forward(retry_after),
            Step::RetryAfterLessOne => forward(retry_after.saturating_sub(1)),
            Step::ResetAfter => forward(reset_after),
            Step::ResetAfterLessOne => forward(reset_after.saturating_sub(1)),
            Step::OnePermit if self.rule.limit == 0 => forward(0),
            Step::OnePermit => forward(rounded_up(&self.rule.permit_time()) as u64),
            Step::PartOfPeriod(part) => forward(part_of_period(part)),
            Step::Periods(count) => forward(period.saturating_mul(count)),
            Step::WindowEnd(offset) => forward(period - clock % period - 1 + offset),
            Step::Back(by) => Moment { now: clock.saturating_sub(by), clock: clock.saturating_sub(by) },
            Step::Late(by) => Moment { now: clock.saturating_sub(by), clock },
            Step::LateByPartOfPeriod(part) => Moment { now: clock.saturating_sub(part_of_period(part)), clock },
            Step::BeyondTheLastTime(by) => Moment { now: MAX_UNIX_NS + by, clock },
        }
    }

    fn cost(&self, cost: Cost, key: usize) -> u64 {
        let capacity = self.rule.capacity();
        let remaining = self.last[key].map_or(capacity, |last| last.remaining());
        match cost {
            Cost::Exactly(cost) => cost,
            Cost::PartOfCapacity(part) => (u128::from(capacity) * u128::from(part) / 256).max(1) as u64,
            Cost::Capacity => capacity,
            Cost::CapacityLessOne => capacity.saturating_sub(1),
            Cost::OneAboveCapacity => capacity + 1,
            Cost::Remaining => remaining,
            Cost::OneAboveRemaining => remaining.saturating_add(1),
        }
    }
}

fn beyond_the_last_time(answer: &Decision, cost: u64) -> bool {
    if cost == 0 {
        return answer.allowed();
    }
    !answer.allowed() && answer.reason() == Reason::TimeOutOfRange && answer.retry_after().is_none()
}

/// The bytes of a key; one of them is the empty key.
fn name(key: usize) -> &'static [u8] {
    [&b"203.0.113.10"[..], b"", b"\0user"][key]
}
