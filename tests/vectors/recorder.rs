//! Puts calls to the exact model and writes both down, a line of JSON each.

use crate::model::{Model, ModelDecision, Rule, Why, rounded_up};
use std::collections::BTreeMap;

/// One limiter's keys as the model has them, a clock, and what was written down.
pub struct Recorder {
    pub rule: Rule,
    pub clock: u64,
    policy: &'static str,
    keys: BTreeMap<String, Box<dyn Model>>,
    lines: Vec<String>,
}

impl Recorder {
    pub fn new(policy: &'static str, rule: Rule, clock: u64) -> Recorder {
        Recorder { rule, clock, policy, keys: BTreeMap::new(), lines: Vec::new() }
    }

    /// The whole story as JSON.
    pub fn finish(self) -> String {
        let calls = self.lines.join(",\n    ");
        format!("{{\"policy\": {}, \"calls\": [\n    {calls}\n  ]}}", quoted(self.policy))
    }

    /// Checks, and gives the model's answer for the story to go by.
    pub fn check(&mut self, key: &str, cost: u64) -> ModelDecision {
        self.check_at(key, cost, self.clock)
    }

    pub fn check_at(&mut self, key: &str, cost: u64, at: u64) -> ModelDecision {
        let answer = self.key(key).check(at.into(), cost);
        self.asked("check", key, cost, at, &answer);
        answer
    }

    pub fn peek(&mut self, key: &str, cost: u64) -> ModelDecision {
        self.peek_at(key, cost, self.clock)
    }

    pub fn peek_at(&mut self, key: &str, cost: u64, at: u64) -> ModelDecision {
        let answer = self.key(key).peek(at.into(), cost);
        self.asked("peek", key, cost, at, &answer);
        answer
    }

    pub fn refund(&mut self, key: &str, cost: u64) {
        let at = self.clock;
        self.key(key).refund(at.into(), cost);
        let key = quoted(key);
        self.lines.push(format!(r#"{{"op": "refund", "key": {key}, "cost": {cost}, "at": {at}}}"#));
    }

    pub fn reset(&mut self, key: &str) {
        self.key(key).reset();
        self.lines.push(format!(r#"{{"op": "reset", "key": {}}}"#, quoted(key)));
    }

    pub fn check_many(&mut self, requests: &[(&str, u64)]) {
        let at = self.clock;
        let request = |&(key, cost): &(&str, u64)| format!(r#"{{"key": {}, "cost": {cost}}}"#, quoted(key));
        let asked: Vec<String> = requests.iter().map(request).collect();
        let limit = self.rule.limit;
        let mut answer = |&(key, cost): &(&str, u64)| shown(&self.key(key).check(at.into(), cost), limit);
        let told: Vec<String> = requests.iter().map(&mut answer).collect();
        self.lines.push(format!(
            r#"{{"op": "check_many", "at": {at}, "requests": [{}], "expect": [{}]}}"#,
            asked.join(", "),
            told.join(", ")
        ));
    }

    fn key(&mut self, key: &str) -> &mut dyn Model {
        let rule = self.rule;
        self.keys.entry(key.to_owned()).or_insert_with(|| rule.model()).as_mut()
    }

    fn asked(&mut self, op: &str, key: &str, cost: u64, at: u64, answer: &ModelDecision) {
        let (key, expect) = (quoted(key), shown(answer, self.rule.limit));
        self.lines
            .push(format!(r#"{{"op": "{op}", "key": {key}, "cost": {cost}, "at": {at}, "expect": {expect}}}"#));
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// An answer in JSON, its fields named as in C. `null` is for ever.
fn shown(answer: &ModelDecision, limit: u64) -> String {
    let reason = match answer.why {
        Why::None => "none",
        Why::Limit => "limit",
        Why::CostExceedsLimit => "cost exceeds limit",
    };
    let retry_after = match &answer.retry_after {
        _ if answer.allowed => "0".to_owned(),
        Some(wait) => rounded_up(wait).to_string(),
        None => "null".to_owned(),
    };
    format!(
        r#"{{"allowed": {}, "reason": "{reason}", "limit": {limit}, "remaining": {}, "retry_after_ns": {retry_after}, "reset_after_ns": {}, "delay_ns": {}}}"#,
        answer.allowed,
        answer.remaining,
        rounded_up(&answer.reset_after),
        rounded_up(&answer.delay)
    )
}
