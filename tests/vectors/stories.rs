//! What is asked of each policy.
//!
//! Where a permit takes a fraction of a nanosecond, all times are whole milliseconds: there every answer has one
//! right value, which the model and the crate both have to the bit.

use crate::common::{DAY, HOUR, IN_2026, MINUTE, Numbers, SECOND};
use crate::model::{Kind, ModelDecision, Rule, rounded_up};
use crate::recorder::Recorder;

const MILLISECOND: u64 = 1_000_000;
/// The largest cost that every reader of JSON takes.
const HUGE: u64 = i64::MAX as u64;

/// The policies, as text and as numbers, and when their stories begin.
fn policies() -> Vec<(&'static str, Rule, u64)> {
    use Kind::{FixedWindow, LeakyBucket, SlidingWindow, TokenBucket};
    let year = 366 * DAY;
    vec![
        ("fixed-window 3/h", Rule::new(FixedWindow, 3, HOUR), IN_2026),
        ("fixed-window 5000/60s", Rule::new(FixedWindow, 5_000, MINUTE), 0),
        ("fixed-window 4294967295/366d", Rule::new(FixedWindow, 4_294_967_295, year), IN_2026),
        ("fixed-window 10/1us", Rule::new(FixedWindow, 10, 1_000), IN_2026),
        ("fixed-window 0/s", Rule::new(FixedWindow, 0, SECOND), IN_2026),
        ("sliding-window 10/10s", Rule::new(SlidingWindow, 10, 10 * SECOND), IN_2026),
        ("sliding-window 7/min", Rule::new(SlidingWindow, 7, MINUTE), IN_2026 + 59 * SECOND),
        ("sliding-window 4194303/1d", Rule::new(SlidingWindow, 4_194_303, DAY), IN_2026),
        ("token-bucket 2/s burst=5", Rule::new(TokenBucket, 2, SECOND).burst(5), IN_2026),
        ("token-bucket 100r/s burst=200", Rule::new(TokenBucket, 100, SECOND).burst(200), 0),
        ("token-bucket 3/s", Rule::new(TokenBucket, 3, SECOND), IN_2026),
        ("token-bucket 70/day burst=9", Rule::new(TokenBucket, 70, DAY).burst(9), IN_2026),
        (
            "token-bucket 1000000000/s burst=4294967295",
            Rule::new(TokenBucket, 1_000_000_000, SECOND).burst(4_294_967_295),
            IN_2026,
        ),
        ("token-bucket 0/s", Rule::new(TokenBucket, 0, SECOND), IN_2026),
        ("leaky-bucket 10/s burst=20", Rule::new(LeakyBucket, 10, SECOND).burst(20), IN_2026),
        ("leaky-bucket 33/s", Rule::new(LeakyBucket, 33, SECOND), IN_2026),
        ("leaky-bucket 1/hour burst=3", Rule::new(LeakyBucket, 1, HOUR).burst(3), 0),
    ]
}

/// All stories, as JSON.
pub fn all() -> String {
    let story = |(number, (policy, rule, start)): (usize, (&'static str, Rule, u64))| {
        let mut recorder = Recorder::new(policy, rule, start);
        told(&mut recorder);
        at_random(&mut recorder, &mut Numbers(number as u64));
        recorder.finish()
    };
    let stories: Vec<String> = policies().into_iter().enumerate().map(story).collect();
    format!("[\n  {}\n]\n", stories.join(",\n  "))
}

/// Every kind of call and every edge, in turn.
fn told(recorder: &mut Recorder) {
    let Rule { period, .. } = recorder.rule;
    let capacity = recorder.rule.capacity();
    costs_of_every_size(recorder, capacity);
    keys_of_every_kind(recorder);
    let full = used_up(recorder, "a");
    waited_for(recorder, &full);
    late(recorder, period);
    given_back(recorder);
    over_the_edge_of_a_window(recorder, period);
    until_fresh(recorder);
}

fn costs_of_every_size(recorder: &mut Recorder, capacity: u64) {
    recorder.peek("a", 1);
    recorder.check("a", 0);
    recorder.check("a", 1);
    recorder.check("a", capacity);
    recorder.check("a", capacity + 1);
    recorder.check("a", HUGE);
    recorder.peek("a", capacity);
}

fn keys_of_every_kind(recorder: &mut Recorder) {
    recorder.check("", 1);
    recorder.check("a\u{0}b", 1);
    recorder.check("schlüssel \u{1f511}", 1);
    recorder.check(&"long ".repeat(40), 1);
    let capacity = recorder.rule.capacity();
    recorder.check_many(&[("a", 1), ("b", 1), ("", 1), ("b", capacity), ("a", 0), ("b", capacity + 1), ("b", 1)]);
    recorder.check_many(&[]);
}

/// Takes all that is left, and gives the denial that follows.
fn used_up(recorder: &mut Recorder, key: &str) -> ModelDecision {
    let left = recorder.peek(key, 0).remaining;
    recorder.check(key, left);
    recorder.peek(key, 1);
    recorder.check(key, 1)
}

/// Comes back a nanosecond too early, and in time.
fn waited_for(recorder: &mut Recorder, denial: &ModelDecision) {
    let Some(wait) = &denial.retry_after else { return };
    if recorder.rule.has_whole_instants() {
        recorder.clock += rounded_up(wait) as u64;
        recorder.check_at("a", 1, recorder.clock - 1);
    } else {
        recorder.clock += rounded_up(wait) as u64 / MILLISECOND * MILLISECOND;
        recorder.check("a", 1);
        recorder.clock += MILLISECOND;
    }
    recorder.check("a", 1);
}

/// A late time earns nothing.
fn late(recorder: &mut Recorder, period: u64) {
    let before = recorder.clock.saturating_sub(whole(recorder, period / 2));
    recorder.check_at("a", 1, before);
    recorder.peek_at("b", 0, before);
    recorder.check_at("b", 1, recorder.clock.saturating_sub(whole(recorder, 3 * period)));
}

fn given_back(recorder: &mut Recorder) {
    recorder.refund("a", 1);
    recorder.check("a", 1);
    recorder.refund("a", HUGE);
    recorder.peek("a", 0);
    recorder.check("a", 1);
    recorder.refund("never seen", 1);
    recorder.peek("never seen", 1);
    recorder.reset("b");
    recorder.peek("b", 0);
    recorder.check("b", 1);
    recorder.reset("never seen");
}

fn over_the_edge_of_a_window(recorder: &mut Recorder, period: u64) {
    used_up(recorder, "edge");
    let step = if recorder.rule.has_whole_instants() { 1 } else { MILLISECOND };
    recorder.clock = (recorder.clock / period + 1) * period;
    recorder.check_at("edge", 1, recorder.clock - step);
    recorder.check("edge", 1);
    recorder.clock += whole(recorder, period / 4);
    recorder.check("edge", 1);
    recorder.peek("edge", 0);
}

fn until_fresh(recorder: &mut Recorder) {
    let reset_after = rounded_up(&used_up(recorder, "edge").reset_after) as u64;
    if recorder.rule.has_whole_instants() {
        recorder.clock += reset_after;
        recorder.peek_at("edge", 0, recorder.clock.saturating_sub(1));
    } else {
        recorder.clock += (reset_after / MILLISECOND + 1) * MILLISECOND;
    }
    recorder.peek("edge", 0);
}

/// Calls nobody thought of.
fn at_random(recorder: &mut Recorder, numbers: &mut Numbers) {
    let Rule { period, .. } = recorder.rule;
    let capacity = recorder.rule.capacity();
    for _ in 0..25 {
        let stays = numbers.below(3) == 0;
        recorder.clock += if stays { 0 } else { whole(recorder, numbers.below(period / 2 + 1)) };
        let key = ["x", "y"][numbers.below(2) as usize];
        let cost = numbers.below(capacity.min(1 << 40) / 2 + 2);
        let back = if numbers.below(5) == 0 { whole(recorder, numbers.below(period)) } else { 0 };
        match numbers.below(10) {
            0 => recorder.refund(key, cost),
            1 => _ = recorder.peek_at(key, cost, recorder.clock.saturating_sub(back)),
            2 => recorder.check_many(&[(key, 1), ("x", cost), ("y", cost)]),
            _ => _ = recorder.check_at(key, cost, recorder.clock.saturating_sub(back)),
        }
    }
}

/// A length of time that keeps the clock where every answer is exact.
fn whole(recorder: &Recorder, length: u64) -> u64 {
    if recorder.rule.has_whole_instants() { length } else { length / MILLISECOND * MILLISECOND }
}
