//! What an answer says of the future comes true: random policies of all four algorithms, alone and several at once, after
//! random pasts.

use crate::common::strategies::{rule, start};
use crate::common::{for_all, limiter_of, ns, policy_of};
use crate::model::{Kind, Rule};
use crate::reading::{SECOND, header, items, number};
use jiff::fmt::rfc2822::DateTimeParser;
use proptest::prelude::*;
use sluicegate::http::{Answer, Quota, RetryAfterForm, Settings, Verdict};
use sluicegate::{Limiter, MAX_UNIX_NS};

const KINDS: [Kind; 4] = [Kind::FixedWindow, Kind::SlidingWindow, Kind::TokenBucket, Kind::LeakyBucket];
const CASES: u32 = 3_000;
const KEY: &str = "203.0.113.10";

/// A policy, what was asked of it before (after a 65536th of its period, a 256th of its capacity), and what is asked.
#[derive(Debug, Clone)]
struct Case {
    rule: Rule,
    past: Vec<(u16, u8)>,
    part: u8,
}

fn case() -> impl Strategy<Value = Case> {
    let past = prop::collection::vec((any::<u16>(), any::<u8>()), 1..8);
    let rule = prop::sample::select(KINDS.to_vec()).prop_flat_map(rule);
    (rule, past, any::<u8>()).prop_map(|(rule, past, part)| Case { rule, past, part })
}

/// One to three of them, and the instant of the last request.
fn cases() -> impl Strategy<Value = (Vec<Case>, u64)> {
    prop::collection::vec(case(), 1..4).prop_flat_map(|cases| {
        let period = cases[0].rule.period;
        (Just(cases), start(period))
    })
}

impl Case {
    fn part_of_capacity(&self, part: u8) -> u64 {
        (u128::from(self.rule.capacity()) * u128::from(part) / 256).max(1) as u64
    }

    fn cost(&self) -> u64 {
        self.part_of_capacity(self.part)
    }

    /// A limiter whose past ends at `now`.
    fn limiter(&self, now: u64) -> Limiter {
        let limiter = limiter_of(&self.rule);
        let pause = |pause: u16| (u128::from(self.rule.period) * u128::from(pause) / 65_536) as u64;
        let whole: u64 = self.past.iter().map(|(part, _)| pause(*part)).fold(0, u64::saturating_add);
        let mut at = now.saturating_sub(whole);
        for &(part, cost) in &self.past {
            at = (at + pause(part)).min(now);
            // Whether it was admitted makes no difference.
            let _ = limiter.check_at(KEY, self.part_of_capacity(cost), at);
        }
        limiter
    }
}

/// Asks all policies for one request, and hands the answer to a test, with whether all would admit the request later.
fn asked(
    settings: &Settings<'_>,
    (cases, now): &(Vec<Case>, u64),
    test: impl FnOnce(&Answer<'_>, &dyn Fn(u64) -> bool) -> Result<(), String>,
) -> Result<(), String> {
    let limiters: Vec<_> = cases.iter().map(|case| case.limiter(*now)).collect();
    let quotas: Vec<_> = cases.iter().map(|case| Quota::unnamed(policy_of(&case.rule).unwrap())).collect();
    let verdicts: Vec<_> = (limiters.iter().zip(cases).zip(&quotas))
        .map(|((limiter, case), quota)| {
            Verdict::new(quota, limiter.peek_at(KEY, case.cost(), *now)).cost(case.cost())
        })
        .collect();
    let admitted_at = |then: u64| {
        limiters.iter().zip(cases).all(|(limiter, case)| limiter.peek_at(KEY, case.cost(), then).allowed())
    };
    let answer = Answer::new(settings, &verdicts, *now);
    test(&answer, &admitted_at)
        .map_err(|error| format!("{error}\n{verdicts:#?}\n{:#?}", crate::reading::lines(&answer)))
}

/// What is not to be asked for, because time ends before it.
fn is_beyond_time(then: u64) -> bool {
    then > MAX_UNIX_NS
}

#[test]
fn whoever_waits_retry_after_whole_seconds_is_admitted_and_not_a_second_earlier() {
    for_all(file!(), CASES, cases(), |input| {
        asked(&Settings::default(), &input, |answer, admitted_at| {
            let seconds = number(answer, "Retry-After");
            let (cases, now) = &input;
            if answer.allowed() {
                return if seconds.is_none() { Ok(()) } else { Err("allowed, and told to wait".into()) };
            }
            let never = cases.iter().any(|case| case.rule.can_never_fit(case.cost()));
            let Some(seconds) = seconds else {
                return if never { Ok(()) } else { Err("denied, and not told to wait".into()) };
            };
            if seconds == 0 {
                return Err("told to wait for 0 s".into());
            }
            let then = now + seconds * SECOND;
            if !is_beyond_time(then) && !admitted_at(then) {
                return Err(format!("denied after {seconds} s"));
            }
            if seconds > 1 && admitted_at(then - SECOND) {
                return Err(format!("admitted a second before {seconds} s are over"));
            }
            Ok(())
        })
    });
}

#[test]
fn whoever_waits_until_the_date_is_admitted() {
    let settings = Settings::builder().retry_after(RetryAfterForm::HttpDate).build().unwrap();
    for_all(file!(), CASES, cases(), |input| {
        asked(&settings, &input, |answer, admitted_at| {
            let Some(date) = header(answer, "Retry-After") else { return Ok(()) };
            let second =
                DateTimeParser::new().parse_timestamp(&date).map_err(|error| error.to_string())?.as_second();
            let then = u64::try_from(second).unwrap() * SECOND;
            let (_, now) = &input;
            if then <= *now {
                return Err(format!("{date} is over"));
            }
            if !is_beyond_time(then) && !admitted_at(then) {
                return Err(format!("denied on {date}"));
            }
            if then - now > SECOND && admitted_at(then - SECOND) {
                return Err(format!("admitted a second before {date}"));
            }
            Ok(())
        })
    });
}

#[test]
fn at_the_second_of_x_ratelimit_reset_the_key_is_fresh() {
    for_all(file!(), CASES, (case(), start(60 * SECOND)), |(case, now)| {
        let limiter = case.limiter(now);
        let quota = Quota::unnamed(policy_of(&case.rule).unwrap());
        let verdicts = [Verdict::new(&quota, limiter.peek_at(KEY, case.cost(), now)).cost(case.cost())];
        let settings = Settings::default();
        let answer = Answer::new(&settings, &verdicts, now);
        let Some(reset) = number(&answer, "X-RateLimit-Reset") else {
            return if case.rule.can_never_fit(case.cost()) { Ok(()) } else { Err("no reset".into()) };
        };
        let (then, capacity) = (reset * SECOND, if case.rule.limit == 0 { 0 } else { case.rule.capacity() });
        if then >= SECOND + now + ns(verdicts[0].decision().reset_after()) {
            return Err(format!("{reset} is a second too late: {verdicts:#?}"));
        }
        if is_beyond_time(then) || limiter.peek_at(KEY, 0, then).remaining() == capacity {
            return Ok(());
        }
        Err(format!("{capacity} should be left at {reset}: {verdicts:#?}"))
    });
}

#[test]
fn available_quota_and_effective_window_never_promise_more_than_the_rate() {
    for_all(file!(), CASES, cases(), |input| {
        asked(&Settings::default(), &input, |answer, _| {
            let (cases, _) = &input;
            let retry_after = number(answer, "Retry-After");
            // `RateLimit` has those that deny first.
            let mut order: Vec<_> = cases.iter().zip(answer.verdicts()).collect();
            order.sort_by_key(|(_, verdict)| !verdict.is_violated());
            for (item, (case, verdict)) in items(answer, "RateLimit").iter().zip(order) {
                let (r, rule) = (item.r.unwrap(), &case.rule);
                let Some(t) = item.t else {
                    let is_open = rule.limit > 0 && !rule.can_never_fit(case.cost());
                    return if is_open { Err(format!("{item:?} has no window")) } else { continue };
                };
                if t == 0 {
                    return Err(format!("{item:?} has a window of no length"));
                }
                // r/t <= L/P
                let promised = u128::from(r) * u128::from(rule.period);
                if promised > u128::from(t) * u128::from(SECOND) * u128::from(rule.limit) {
                    return Err(format!("{item:?} promises more than {rule:?}"));
                }
                if verdict.is_violated() && retry_after.is_some_and(|wait| wait < t) {
                    return Err(format!("Retry-After is before the end of {item:?}"));
                }
            }
            Ok(())
        })
    });
}

/// Whoever obeys `r` and `t` is never denied: `r` permits are there at once, and where none are, one is after `t`.
#[test]
fn whoever_obeys_available_quota_and_effective_window_is_not_denied() {
    for_all(file!(), CASES, (case(), start(60 * SECOND)), |(case, now)| {
        let limiter = case.limiter(now);
        let quota = Quota::unnamed(policy_of(&case.rule).unwrap());
        let verdicts = [Verdict::new(&quota, limiter.peek_at(KEY, case.cost(), now)).cost(case.cost())];
        // A request that is charged, so that what the next one meets is what the answer tells of.
        let _ = limiter.check_at(KEY, case.cost(), now);
        let settings = Settings::default();
        let answer = Answer::new(&settings, &verdicts, now);
        let item = items(&answer, "RateLimit").remove(0);
        let (r, t) = (item.r.unwrap(), item.t);
        if r > 0 {
            let at_once = limiter.peek_at(KEY, r, now).allowed();
            return if at_once { Ok(()) } else { Err(format!("{item:?}, and {r} are denied: {verdicts:#?}")) };
        }
        let Some(t) = t else { return Ok(()) };
        let then = now + t * SECOND;
        if is_beyond_time(then) || limiter.peek_at(KEY, 1, then).allowed() {
            return Ok(());
        }
        Err(format!("{item:?}, and one is denied after {t} s: {verdicts:#?} under {:?}", case.rule))
    });
}

#[test]
fn quota_and_window_have_the_rate_of_the_policy() {
    for_all(file!(), CASES, (case(), start(60 * SECOND)), |(case, now)| {
        let limiter = case.limiter(now);
        let quota = Quota::unnamed(policy_of(&case.rule).unwrap());
        let verdicts = [Verdict::new(&quota, limiter.peek_at(KEY, 1, now))];
        let settings = Settings::default();
        let item = items(&Answer::new(&settings, &verdicts, now), "RateLimit-Policy").remove(0);
        let (Some(q), rule) = (item.q, &case.rule) else { return Err("no quota".into()) };
        let Some(w) = item.w else { return Ok(()) };
        let told = u128::from(q) * u128::from(rule.period);
        let right = u128::from(w) * u128::from(SECOND) * u128::from(rule.limit);
        if w > 0 && told == right { Ok(()) } else { Err(format!("{item:?} under {rule:?}")) }
    });
}
