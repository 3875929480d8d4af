//! "The answer is honest": what a decision says about the future comes true, to the nanosecond, and what
//! must change nothing changes nothing.

#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;

use common::strategies::{self, rule, start};
use common::{builder_of, for_all, limiter_of, ns, retry_ns};
use model::{Kind, Rule};
use proptest::prelude::*;
use sluicegate::{Decision, Limiter, MAX_UNIX_NS, Request};

const KINDS: [Kind; 4] = [Kind::FixedWindow, Kind::SlidingWindow, Kind::TokenBucket, Kind::LeakyBucket];
const KEY: &str = "203.0.113.10";
const CASES: u32 = 3_000;

/// Requests that have made a key's state: so long after the one before, so many 256ths of the capacity.
type Past = Vec<(u16, u8)>;

fn any_rule() -> impl Strategy<Value = Rule> {
    prop::sample::select(KINDS.to_vec()).prop_flat_map(rule).prop_filter("admits something", |rule| rule.limit > 0)
}

/// A rule, an instant to begin at, and a past.
fn any_past() -> impl Strategy<Value = (Rule, u64, Past)> {
    any_rule().prop_flat_map(|rule| {
        (Just(rule), start(rule.period), prop::collection::vec((any::<u16>(), any::<u8>()), 1..12))
    })
}

/// The cost of so many 256ths of the capacity, at least 1.
fn part_of_capacity(rule: &Rule, part: u8) -> u64 {
    (u128::from(rule.capacity()) * u128::from(part) / 256).max(1) as u64
}

/// Lets the past happen, and says when it ended.
fn live_through(limiter: &Limiter, rule: &Rule, start: u64, past: &Past) -> u64 {
    let mut now = start;
    for &(pause, part) in past {
        let pause = u128::from(rule.period) * u128::from(pause) / 65_536;
        now = now.saturating_add(pause as u64).min(MAX_UNIX_NS);
        // Whether it was admitted makes no difference to what is tested.
        let _ = limiter.check_at(KEY, part_of_capacity(rule, part), now);
    }
    now
}

/// The costs that tell one state from another.
fn telling_costs(rule: &Rule, remaining: u64) -> [u64; 7] {
    let capacity = rule.capacity();
    [0, 1, remaining.max(1), remaining + 1, (capacity / 2).max(1), capacity, capacity.saturating_add(1)]
}

fn assert_same_answers(left: &Limiter, right: &Limiter, rule: &Rule, now: u64) -> Result<(), String> {
    let remaining = left.peek_at(KEY, 0, now).remaining();
    for cost in telling_costs(rule, remaining) {
        let (left, right) = (left.peek_at(KEY, cost, now), right.peek_at(KEY, cost, now));
        if left != right {
            return Err(format!("at {now} for a cost of {cost} under {rule:?}:\n  {left:?}\n  {right:?}"));
        }
    }
    Ok(())
}

#[test]
fn a_denied_request_is_admitted_at_the_end_of_retry_after_and_not_before() {
    for_all(file!(), CASES, (any_past(), any::<u8>()), |((rule, start, past), part)| {
        let limiter = limiter_of(&rule);
        let now = live_through(&limiter, &rule, start, &past);
        let cost = part_of_capacity(&rule, part);
        let denial = limiter.peek_at(KEY, cost, now);
        if denial.allowed() {
            return Ok(());
        }
        let wait = retry_ns(&denial);
        if wait == 0 {
            return Err(format!("denied and told to wait for nothing: {denial:?} under {rule:?}"));
        }
        // One nanosecond before, two where the instant was rounded.
        let before = if rule.has_whole_instants() { 1 } else { 2 };
        if now + wait - before.min(wait) <= MAX_UNIX_NS
            && limiter.peek_at(KEY, cost, now + wait - before.min(wait)).allowed()
        {
            return Err(format!("{before} ns before the end of {denial:?} at {now}, {cost} fit under {rule:?}"));
        }
        if now + wait <= MAX_UNIX_NS && !limiter.check_at(KEY, cost, now + wait).allowed() {
            return Err(format!("at the end of {denial:?} at {now}, {cost} do not fit under {rule:?}"));
        }
        Ok(())
    });
}

#[test]
fn the_key_is_fresh_at_the_end_of_reset_after() {
    for_all(file!(), CASES, any_past(), |(rule, start, past)| {
        let limiter = limiter_of(&rule);
        let now = live_through(&limiter, &rule, start, &past);
        let fresh_at = now + ns(limiter.peek_at(KEY, 0, now).reset_after());
        if fresh_at > MAX_UNIX_NS {
            return Ok(());
        }
        assert_same_answers(&limiter, &limiter_of(&rule), &rule, fresh_at)
    });
}

/// The wait for the whole capacity is the wait for a fresh key, in a bucket and in a fixed window.
#[test]
fn the_key_is_not_fresh_before_the_end_of_reset_after() {
    for_all(file!(), CASES, any_past(), |(rule, start, past)| {
        let limiter = limiter_of(&rule);
        let now = live_through(&limiter, &rule, start, &past);
        let state = limiter.peek_at(KEY, 0, now);
        let wait = ns(state.reset_after());
        let before = if rule.has_whole_instants() { 1 } else { 2 };
        let untouched = state.remaining() == rule.capacity();
        if untouched || wait < before || now + wait - before > MAX_UNIX_NS {
            return Ok(());
        }
        let almost = limiter.peek_at(KEY, rule.capacity(), now + wait - before);
        let rolls_off_sooner = rule.kind == Kind::SlidingWindow && wait > rule.period;
        if almost.allowed() && !rolls_off_sooner {
            return Err(format!("{before} ns before the end of {state:?} at {now}: {almost:?} under {rule:?}"));
        }
        Ok(())
    });
}

/// Two limiters with the same past; what `act` does to the first must leave no trace there.
fn leaves_no_trace(act: impl Fn(&Limiter, &Rule, u64, u8) -> Result<(), String>) {
    for_all(file!(), CASES, (any_past(), any::<u8>(), any::<u16>()), |((rule, start, past), part, later)| {
        let (touched, untouched) = (limiter_of(&rule), limiter_of(&rule));
        let now = live_through(&touched, &rule, start, &past);
        live_through(&untouched, &rule, start, &past);
        act(&touched, &rule, now, part)?;
        let later = now + (u128::from(rule.period) * u128::from(later) / 16_384) as u64;
        for now in [now, later.min(MAX_UNIX_NS), now - (later - now).min(now)] {
            assert_same_answers(&touched, &untouched, &rule, now)?;
        }
        Ok(())
    });
}

#[test]
fn a_denial_changes_nothing() {
    leaves_no_trace(|limiter, rule, now, _| {
        let too_much = limiter.peek_at(KEY, 0, now).remaining() + 1;
        for cost in [too_much, rule.capacity(), rule.capacity() + 1, u64::MAX] {
            if !limiter.peek_at(KEY, cost, now).allowed() && limiter.check_at(KEY, cost, now).allowed() {
                return Err(format!("peek denied {cost} at {now} and check did not, under {rule:?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn a_cost_of_nothing_is_admitted_and_changes_nothing() {
    leaves_no_trace(|limiter, rule, now, _| {
        for time in [now, now.saturating_add(rule.period), now.saturating_sub(rule.period), 0, u64::MAX] {
            let answer = limiter.check_at(KEY, 0, time);
            if !answer.allowed() {
                return Err(format!(
                    "a cost of 0 at {time}, the last request being at {now}: {answer:?}, {rule:?}"
                ));
            }
        }
        Ok(())
    });
}

#[test]
fn a_peek_changes_nothing_and_answers_as_check_then_does() {
    for_all(file!(), CASES, (any_past(), any::<u8>()), |((rule, start, past), part)| {
        let limiter = limiter_of(&rule);
        let now = live_through(&limiter, &rule, start, &past);
        let cost = part_of_capacity(&rule, part);
        let peeks = [limiter.peek_at(KEY, cost, now), limiter.peek_at(KEY, cost, now)];
        let check = limiter.check_at(KEY, cost, now);
        if peeks != [check; 2] {
            return Err(format!("{cost} at {now} under {rule:?}: peeked {peeks:?}, then {check:?}"));
        }
        Ok(())
    });
}

/// Where the permits' times are whole nanoseconds; elsewhere rounding may leave a trace of 1 ns.
#[test]
fn a_refund_undoes_a_check() {
    for_all(file!(), CASES, (any_past(), any::<u8>(), any::<u16>()), |((rule, start, past), part, later)| {
        let (touched, untouched) = (limiter_of(&rule), limiter_of(&rule));
        let now = live_through(&touched, &rule, start, &past);
        live_through(&untouched, &rule, start, &past);
        let cost = part_of_capacity(&rule, part);
        if !rule.has_whole_instants() || !is_live(&touched, now) || !touched.check_at(KEY, cost, now).allowed() {
            return Ok(());
        }
        touched.refund_at(KEY, cost, now);
        let later = now + (u128::from(rule.period) * u128::from(later) / 16_384) as u64;
        for now in [now, later.min(MAX_UNIX_NS)] {
            assert_same_answers(&touched, &untouched, &rule, now)?;
        }
        Ok(())
    });
}

/// Whether the key has anything left to forget at `now`: only then is there a state for a refund to restore.
fn is_live(limiter: &Limiter, now: u64) -> bool {
    limiter.peek_at(KEY, 0, now).remaining() < limiter.peek_at("never seen", 0, now).remaining()
}

#[test]
fn a_refund_gives_no_more_than_a_fresh_key_has() {
    for_all(
        file!(),
        CASES,
        (any_past(), prop::sample::select(vec![1, 1 << 32, u64::MAX])),
        |((rule, start, past), more)| {
            let limiter = limiter_of(&rule);
            let now = live_through(&limiter, &rule, start, &past);
            // The two counts of a sliding window together are at most twice its limit.
            limiter.refund_at(KEY, more.saturating_add(2 * rule.capacity()), now);
            assert_same_answers(&limiter, &limiter_of(&rule), &rule, now)
        },
    );
}

#[test]
fn a_reset_forgets_the_key_whatever_the_clock() {
    for_all(file!(), CASES, any_past(), |(rule, start, past)| {
        let limiter = limiter_of(&rule);
        let now = live_through(&limiter, &rule, start, &past);
        limiter.reset(KEY);
        for now in [now, start, 0, MAX_UNIX_NS] {
            assert_same_answers(&limiter, &limiter_of(&rule), &rule, now)?;
        }
        Ok(())
    });
}

#[test]
fn a_late_request_is_never_admitted_where_the_latest_would_not_be() {
    for_all(file!(), CASES, (any_past(), any::<u16>(), any::<u8>()), |((rule, start, past), late, part)| {
        let limiter = limiter_of(&rule);
        let now = live_through(&limiter, &rule, start, &past);
        let late = now - ((u128::from(rule.period) * u128::from(late) / 16_384) as u64).min(now);
        let cost = part_of_capacity(&rule, part);
        // A key that nothing was ever admitted for, or not since it was fresh, has seen no later time.
        if !is_live(&limiter, now) {
            return Ok(());
        }
        let (in_time, too_late) = (limiter.peek_at(KEY, cost, now), limiter.peek_at(KEY, cost, late));
        if too_late.allowed() && !in_time.allowed() || too_late.remaining() > in_time.remaining() + cost {
            return Err(format!("{cost} under {rule:?}:\n  at {late} {too_late:?}\n  at {now} {in_time:?}"));
        }
        Ok(())
    });
}

#[test]
fn going_back_and_forth_in_time_earns_nothing() {
    for kind in KINDS {
        let rule = Rule::new(kind, 10, common::SECOND);
        let limiter = limiter_of(&rule);
        let now = common::IN_2026;
        let mut numbers = common::Numbers(7);
        let admitted = (0..100_000)
            .filter(|_| limiter.check_at(KEY, 1, now - numbers.below(100 * common::SECOND)).allowed())
            .count();
        // The first requests may each open a later window; a bucket is drained by its first ten.
        let latest = limiter.peek_at(KEY, 10, now + 100 * common::SECOND);
        assert!(latest.allowed(), "{kind:?}: {latest:?}");
        let windows = 100;
        assert!(admitted <= 10 * (windows + 1), "{kind:?} admitted {admitted}");
    }
}

/// "Capacity `B` ..., full for a fresh key. Admit iff tokens >= c".
///
/// Where a permit does not refill in a whole number of nanoseconds, a word cannot hold every fraction, and at a time
/// off the policy's grid the last of the burst may come 1 ns late (the crate's documentation says so). Whole permits
/// and the limiter's own clock are exact: the clock ticks on the grid.
#[test]
fn a_fresh_bucket_admits_its_whole_burst_at_one_instant() {
    let buckets = prop::sample::select(vec![Kind::TokenBucket, Kind::LeakyBucket]).prop_flat_map(rule);
    for_all(file!(), CASES, (buckets, 0..MAX_UNIX_NS), |(rule, now)| {
        if rule.limit == 0 {
            return Ok(());
        }
        let limiter = limiter_of(&rule);
        let most = rule.capacity();
        if rule.period % rule.limit != 0 {
            let allowed = limiter.check_at(KEY, most - most.min(20), now).allowed();
            let singly = (0..most.min(20)).filter(|_| limiter.check_at(KEY, 1, now).allowed()).count() as u64;
            return if allowed && singly + 1 >= most.min(20) && singly <= most.min(20) {
                Ok(())
            } else {
                Err(format!("{singly} of the last of a burst at {now} under {rule:?}"))
            };
        }
        // Most of a large burst at once, the last of it one by one.
        if most > 20 && !limiter.check_at(KEY, most - 20, now).allowed() {
            return Err(format!("{} of a burst denied at {now} under {rule:?}", most - 20));
        }
        for left in (0..most.min(20)).rev() {
            let (answer, looked_again) = (limiter.check_at(KEY, 1, now), limiter.peek_at(KEY, 0, now));
            if !answer.allowed() || answer.remaining() != left || looked_again.remaining() != left {
                return Err(format!(
                    "{left} should be left at {now} under {rule:?}:\n {answer:?}\n {looked_again:?}"
                ));
            }
        }
        if limiter.check_at(KEY, 1, now).allowed() {
            return Err(format!("one more than the burst at {now} under {rule:?}"));
        }
        Ok(())
    });
}

/// `delay` spaces what is admitted: the requests of a burst leave one permit's time apart.
#[test]
fn a_leaky_bucket_lets_requests_leave_at_the_constant_rate() {
    let strategy = (rule(Kind::LeakyBucket), start(common::SECOND));
    for_all(file!(), 500, strategy, |(rule, start)| {
        if rule.limit == 0 {
            return Ok(());
        }
        let limiter = limiter_of(&rule);
        // Whether the last of the burst fits at the same instant is another test's business.
        for place in 0..(rule.capacity() - u64::from(!rule.has_whole_instants())).min(50) {
            let answer = limiter.check_at(KEY, 1, start);
            let exact = model::rounded_up(&(rule.permit_time() * model::whole(place)));
            let late = answer.delay().as_nanos().checked_sub(exact);
            let allowance = if rule.has_whole_instants() { 0 } else { 1 };
            if late.is_none_or(|late| late > allowance) {
                return Err(format!("place {place} at {start}: {answer:?} instead of {exact} ns under {rule:?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn a_limit_of_nothing_denies_everything_and_promises_nothing() {
    for kind in KINDS {
        for burst in [None, Some(5)] {
            let rule = Rule { burst, ..Rule::new(kind, 0, common::SECOND) };
            let Ok(policy) = builder_of(&rule).build() else {
                assert!(burst.is_some(), "a limit of 0 is valid");
                continue;
            };
            let limiter = Limiter::new(policy, 8).expect("a small table fits");
            for cost in [1, 2, 5, 6, u64::MAX] {
                let answer = limiter.check_at(KEY, cost, common::IN_2026);
                assert!(!answer.allowed() && answer.retry_after().is_none(), "{rule:?}: {answer:?}");
                assert_eq!(answer.reason(), sluicegate::Reason::CostExceedsLimit, "{rule:?}");
            }
            assert!(limiter.check_at(KEY, 0, common::IN_2026).allowed());
        }
    }
}

/// Every strategy stays within the documented bounds, to the bounds themselves.
#[test]
fn every_policy_within_the_bounds_is_accepted() {
    for_all(file!(), 20_000, prop::sample::select(KINDS.to_vec()).prop_flat_map(strategies::rule), |rule| {
        builder_of(&rule).build().map(drop).map_err(|error| format!("{rule:?}: {error}"))
    });
}

/// The limiter's own clock ticks where decisions are exact, whatever the rate: a batch gets its whole burst.
#[test]
fn a_batch_at_one_reading_of_the_clock_gets_the_whole_burst_at_any_rate() {
    for policy in ["token-bucket 3/s", "token-bucket 33/s", "leaky-bucket 7/min", "token-bucket 99/h"] {
        let limiter = Limiter::new(policy, 1).unwrap();
        let burst = limiter.policy().burst() as usize;
        let requests = vec![Request::new("key"); burst + 1];
        let mut decisions = vec![Decision::default(); burst + 1];
        limiter.check_many(&requests, &mut decisions);
        let allowed = decisions.iter().filter(|decision| decision.allowed()).count();
        assert_eq!(allowed, burst, "{policy}");
    }
}
