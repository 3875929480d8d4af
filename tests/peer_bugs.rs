//! What broke in other rate limiters, each class with the input that showed it, asked of this one.
//!
//! (a) to (p) are the classes; a name says what must hold here.

#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;

use common::{DAY, HOUR, IN_2026, LONGEST_PERIOD, MINUTE, MOST_PERMITS, SECOND, limiter, limiter_of, retry_ns};
use model::{Kind, Rule};
use sluicegate::{Decision, Limiter, MAX_UNIX_NS, OnFull, Policy, Reason, Request};
use std::sync::Barrier;
use std::thread;

const KINDS: [Kind; 4] = [Kind::FixedWindow, Kind::SlidingWindow, Kind::TokenBucket, Kind::LeakyBucket];
const BUCKETS: [Kind; 2] = [Kind::TokenBucket, Kind::LeakyBucket];
const KEY: &str = "203.0.113.10";

/// How many of so many requests of cost 1 at one instant are admitted.
fn burst_at(limiter: &Limiter, requests: u64, now: u64) -> u64 {
    (0..requests).filter(|_| limiter.check_at(KEY, 1, now).allowed()).count() as u64
}

// (a) The product of the interval and the weight overflows.

/// Elsewhere `t*(n-1)` wrapped at a cost of 5,124,097 and let it pass, twice.
#[test]
fn a_no_cost_wraps_the_product_of_interval_and_weight() {
    for kind in BUCKETS {
        let limiter = limiter_of(&Rule::new(kind, 1, HOUR).burst(10));
        for power in 0..64 {
            for cost in [(1_u64 << power) + 11, (1_u64 << power).wrapping_mul(5_124_097), u64::MAX - (1 << power)]
            {
                let answer = limiter.check_at(KEY, cost.max(11), IN_2026);
                assert_eq!(answer.reason(), Reason::CostExceedsLimit, "{cost}: {answer:?}");
            }
        }
        assert_eq!(burst_at(&limiter, 20, IN_2026), 10, "nothing of that was consumed");
    }
}

/// Elsewhere 1 a day with a burst of 1,000,000 admitted 145,984; here it would take 27 centuries to refill.
#[test]
fn a_burst_too_long_to_refill_is_refused_when_the_policy_is_made() {
    let refused = "token-bucket 1/d burst=1000000".parse::<Policy>().expect_err("above a century");
    assert!(refused.to_string().contains("century"), "{refused}");
    let limiter = limiter("token-bucket 1/d burst=36525");
    assert_eq!(burst_at(&limiter, 40_000, IN_2026), 36_525);
}

// (b) The interval is cut to whole nanoseconds.

/// Elsewhere 600 and 700 million a second both became 10^9.
#[test]
fn b_rates_near_one_a_nanosecond_are_as_they_say() {
    for kind in BUCKETS {
        for per_second in [600_000_000, 700_000_000, 999_999_999, 1_000_000_000] {
            let limiter = limiter_of(&Rule::new(kind, per_second, SECOND).burst(per_second));
            assert!(limiter.check_at(KEY, per_second, IN_2026).allowed());
            let a_second_on = limiter.peek_at(KEY, 0, IN_2026 + SECOND / 1_000);
            assert!(a_second_on.remaining().abs_diff(per_second / 1_000) <= 1, "{per_second}: {a_second_on:?}");
        }
    }
}

/// Elsewhere 1 a week was 15.6 % slow, and what was slower than 1 in 48.5 days was never refilled.
#[test]
fn b_the_slowest_rates_refill_to_the_nanosecond() {
    for kind in BUCKETS {
        for period in [DAY, 7 * DAY, 49 * DAY, 366 * DAY, LONGEST_PERIOD] {
            let limiter = limiter_of(&Rule::new(kind, 1, period));
            for round in 0..2 {
                let now = IN_2026 + round * period;
                assert!(limiter.check_at(KEY, 1, now).allowed(), "{kind:?} 1 per {period} ns, round {round}");
                assert!(!limiter.check_at(KEY, 1, now + period - 1).allowed());
            }
        }
    }
}

// (c) The fraction is dropped at each refill.

/// Elsewhere 1/s polled every 1,999 ns admitted 50 in 100 s. (`no_drift.rs` has more of this class.)
#[test]
fn c_polling_does_not_slow_the_refill() {
    for kind in BUCKETS {
        let limiter = limiter_of(&Rule::new(kind, 1, SECOND).burst(2));
        assert_eq!(burst_at(&limiter, 3, IN_2026), 2);
        let polls = (1..10 * SECOND).step_by(1_999);
        let admitted = polls.filter(|since| limiter.check_at(KEY, 1, IN_2026 + since).allowed()).count();
        assert_eq!(admitted, 9, "{kind:?}");
    }
}

// (d), (e) A late thread; the clock back, forward and wrapped.

/// Elsewhere a late `now` wrapped to 49.7 days, or to 71 minutes, and filled the bucket.
#[test]
fn d_a_late_request_does_not_refill() {
    for kind in KINDS {
        let limiter = limiter_of(&Rule::new(kind, 10, 5 * SECOND));
        let now = IN_2026 + SECOND;
        assert_eq!(burst_at(&limiter, 11, now), 10);
        for late in [1, 1_000, SECOND, MINUTE, 50 * DAY, IN_2026] {
            let answer = limiter.check_at(KEY, 1, now - late.min(now));
            assert!(!answer.allowed() && answer.remaining() == 0, "{kind:?} {late} ns late: {answer:?}");
        }
        assert!(!limiter.check_at(KEY, 1, now).allowed(), "{kind:?}: nor was anything written");
    }
}

/// Elsewhere a clock that dithered over a window's edge admitted 100 of 3.
#[test]
fn d_dithering_over_the_edge_of_a_window_admits_no_more_than_two_windows() {
    for kind in [Kind::FixedWindow, Kind::SlidingWindow] {
        let limiter = limiter_of(&Rule::new(kind, 3, 10 * SECOND));
        let admitted =
            (0..100).filter(|call| limiter.check_at(KEY, 1, IN_2026 - 1_000 * (call % 2)).allowed()).count();
        assert!(admitted <= 6, "{kind:?} admitted {admitted}");
    }
}

/// Elsewhere a step back of an hour at 1/s refused for 3,601 s. The answer here says how long, and means it.
#[test]
fn e_after_a_step_back_the_wait_that_is_told_is_enough() {
    for kind in KINDS {
        let limiter = limiter_of(&Rule::new(kind, 1, SECOND));
        assert!(limiter.check_at(KEY, 1, IN_2026 + HOUR).allowed());
        let denial = limiter.check_at(KEY, 1, IN_2026);
        let wait = retry_ns(&denial);
        assert!(wait <= HOUR + 2 * SECOND, "{kind:?}: {denial:?}");
        assert!(limiter.check_at(KEY, 1, IN_2026 + wait).allowed(), "{kind:?}: {denial:?}");
    }
}

#[test]
fn e_a_jump_ahead_fills_no_more_than_the_capacity() {
    for kind in KINDS {
        let limiter = limiter_of(&Rule::new(kind, 10, SECOND));
        for now in [0, 1, IN_2026, MAX_UNIX_NS - 2 * SECOND, MAX_UNIX_NS] {
            assert!(burst_at(&limiter, 1_000, now) <= 10, "{kind:?} at {now}");
        }
    }
}

#[test]
fn e_times_that_do_not_fit_are_denied_and_change_nothing() {
    for kind in KINDS {
        let limiter = limiter_of(&Rule::new(kind, 2, SECOND));
        assert!(limiter.check_at(KEY, 1, IN_2026).allowed());
        for now in [MAX_UNIX_NS + 1, 1 << 62, 1 << 63, u64::MAX - 1, u64::MAX] {
            let answer = limiter.check_at(KEY, 1, now);
            assert_eq!((answer.allowed(), answer.reason()), (false, Reason::TimeOutOfRange), "{kind:?} at {now}");
            assert_eq!(answer.retry_after(), None);
            limiter.refund_at(KEY, 0, now);
        }
        assert_eq!(limiter.peek_at(KEY, 0, IN_2026).remaining(), 1, "{kind:?}");
    }
}

// (f) Two words, updated one after the other: the permits of all threads together are those of some order.

/// So many threads, at once, each asking so often at the times that `now` gives; how many were admitted.
fn race(limiter: &Limiter, threads: u64, requests: u64, now: impl Fn(u64, u64) -> u64 + Sync) -> u64 {
    let start = Barrier::new(threads as usize);
    thread::scope(|scope| {
        let racers: Vec<_> = (0..threads)
            .map(|racer| {
                let (start, now) = (&start, &now);
                scope.spawn(move || {
                    start.wait();
                    (0..requests).filter(|&index| limiter.check_at(KEY, 1, now(racer, index)).allowed()).count()
                        as u64
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().expect("no thread panics")).sum()
    })
}

/// Elsewhere 8 threads got 1,949 of 1,000, and a late thread wrote an old state back.
#[test]
fn f_threads_together_get_the_limit_exactly() {
    for kind in KINDS {
        for _ in 0..50 {
            let limiter = limiter_of(&Rule::new(kind, 1_000, HOUR));
            assert_eq!(race(&limiter, 8, 250, |_, _| IN_2026), 1_000, "{kind:?}");
        }
    }
}

#[test]
fn f_threads_at_unequal_times_get_no_more_than_burst_and_rate() {
    for kind in BUCKETS {
        for _ in 0..20 {
            let limiter = limiter_of(&Rule::new(kind, 1_000, SECOND).burst(50));
            // 100 ms on threads of which each is some microseconds behind the last.
            let admitted = race(&limiter, 8, 2_000, |racer, index| IN_2026 + index * 50_000 + (8 - racer) * 3_000);
            assert!((50 + 99..=50 + 100).contains(&admitted), "{kind:?} admitted {admitted}");
        }
    }
}

// (g) A changed setting is applied to the past. A policy cannot be changed here, so no past can be revalued.

#[test]
fn g_a_limiter_keeps_the_policy_it_was_made_with() {
    let limiter = limiter("token-bucket 1/s burst=1000");
    assert!(limiter.check_at(KEY, 1_000, IN_2026).allowed());
    assert_eq!(limiter.peek_at(KEY, 0, IN_2026 + 10 * SECOND).remaining(), 10);
}

// (h) Forgetting sooner than recovering.

/// Elsewhere a default eviction after 60 s forgot the debt of 1 an hour, and all were admitted.
#[test]
fn h_a_slow_key_is_not_forgotten_while_it_is_idle() {
    for kind in BUCKETS {
        let limiter = limiter_of(&Rule::new(kind, 1, HOUR));
        let admitted =
            (0..119).filter(|minute| limiter.check_at(KEY, 1, IN_2026 + minute * 61 * SECOND).allowed()).count();
        assert_eq!(admitted, 2, "{kind:?}: at once, and after an hour, and in 7,259 s no third");
    }
}

/// Elsewhere junk keys drove a drained key out, and it came back full: 30 of 5.
#[test]
fn h_a_drained_key_stays_drained_under_a_flood_of_other_keys() {
    for kind in KINDS {
        let policy = common::policy_of(&Rule::new(kind, 5, HOUR)).expect("within the bounds");
        let limiter = Limiter::new(policy, 1_000).expect("a small table fits");
        assert_eq!(burst_at(&limiter, 6, IN_2026), 5);
        for junk in 0..10_000_u32 {
            assert!(limiter.check_at(junk.to_le_bytes(), 1, IN_2026 + 1).allowed());
        }
        assert_eq!(burst_at(&limiter, 5, IN_2026 + 2), 0, "{kind:?}");
    }
}

/// Elsewhere denied requests did not keep a key alive, so that it was swept in the middle of its debt.
#[test]
fn h_a_full_table_refuses_new_keys_and_forgets_no_old_one() {
    let limiter = Limiter::builder("fixed-window 1/h".parse::<Policy>().expect("a policy"))
        .max_keys(100)
        .on_full(OnFull::Deny)
        .build()
        .expect("a small table fits");
    let keys = |key: u32| key.to_le_bytes();
    let admitted: Vec<u32> =
        (0..10_000).filter(|&key| limiter.check_at(keys(key), 1, IN_2026).allowed()).collect();
    assert!(admitted.len() >= 100, "room for {} keys", admitted.len());
    for key in admitted {
        assert!(!limiter.check_at(keys(key), 1, IN_2026 + 1).allowed(), "key {key} was forgotten");
    }
}

// (i) A larger burst after idling.

/// Elsewhere 10 per 10 s admitted 17 at once after 17 s, and 20 after 3 s at 5/s.
#[test]
fn i_idling_earns_no_more_than_a_full_bucket() {
    for kind in BUCKETS {
        for (limit, period, idle) in
            [(10, 10 * SECOND, 17 * SECOND), (60, MINUTE, 197 * SECOND), (5, SECOND, 3 * SECOND)]
        {
            let burst = limit.max(10);
            let limiter = limiter_of(&Rule::new(kind, limit, period).burst(burst));
            assert_eq!(burst_at(&limiter, 1_000, IN_2026), burst);
            let earned = (idle * limit / period).min(burst);
            assert_eq!(
                burst_at(&limiter, 1_000, IN_2026 + idle),
                earned,
                "{kind:?} {limit}/{period} after {idle} ns"
            );
            assert_eq!(burst_at(&limiter, 1_000, IN_2026 + 400 * DAY), burst, "{kind:?} after a year");
        }
    }
}

/// Elsewhere a burst of 5 admitted 6 once the clock had moved, because of an off-by-one in the tolerance.
#[test]
fn i_a_burst_is_that_many_and_not_one_more() {
    for kind in BUCKETS {
        let limiter = limiter_of(&Rule::new(kind, 1, SECOND).burst(5));
        assert_eq!(burst_at(&limiter, 10, IN_2026), 5);
        assert_eq!(burst_at(&limiter, 10, IN_2026 + SECOND - 1), 0);
        assert_eq!(burst_at(&limiter, 10, IN_2026 + 100 * SECOND), 5);
    }
}

// (j) retry_after: denied one tick before, admitted at it.

/// Elsewhere 3/s told 333.333333 ms and denied again then. (`answers_are_honest.rs` has more of this class.)
#[test]
fn j_a_third_of_a_second_is_rounded_up() {
    for kind in BUCKETS {
        let limiter = limiter_of(&Rule::new(kind, 3, SECOND));
        assert_eq!(burst_at(&limiter, 4, IN_2026), 3);
        assert_eq!(retry_ns(&limiter.check_at(KEY, 1, IN_2026)), 333_333_334, "{kind:?}");
        assert!(!limiter.check_at(KEY, 1, IN_2026 + 333_333_333).allowed(), "{kind:?}");
        assert!(limiter.check_at(KEY, 1, IN_2026 + 333_333_334).allowed(), "{kind:?}");
    }
}

// (k) remaining on a denial.

/// Elsewhere a drained bucket's denial said 5.
#[test]
fn k_a_denial_says_what_is_left() {
    for kind in KINDS {
        let limiter = limiter_of(&Rule::new(kind, 5, SECOND));
        assert!(limiter.check_at(KEY, 3, IN_2026).allowed());
        assert_eq!(limiter.check_at(KEY, 3, IN_2026).remaining(), 2, "{kind:?}");
        assert_eq!(limiter.check_at(KEY, 6, IN_2026).remaining(), 2, "{kind:?}: a cost that never fits");
        assert!(limiter.check_at(KEY, 2, IN_2026).allowed());
        assert_eq!(limiter.check_at(KEY, 1, IN_2026).remaining(), 0, "{kind:?}");
    }
}

// (l) A weight above the limit.

/// Elsewhere a cost of 1,000,000 passed a limit of 10, or was told "not yet" instead of "never".
#[test]
fn l_a_cost_above_the_limit_is_never_admitted_and_told_so() {
    for kind in KINDS {
        for drained in [0, 1, 10] {
            let limiter = limiter_of(&Rule::new(kind, 10, 10 * SECOND));
            assert_eq!(burst_at(&limiter, drained, IN_2026), drained);
            for cost in [11, 1_000_000, 1 << 32, u64::MAX] {
                let answer = limiter.check_at(KEY, cost, IN_2026);
                assert!(!answer.allowed() && answer.retry_after().is_none(), "{kind:?} {cost}: {answer:?}");
                assert_eq!(answer.reason(), Reason::CostExceedsLimit);
            }
            assert_eq!(burst_at(&limiter, 11, IN_2026), 10 - drained, "{kind:?}");
        }
    }
}

// (m) A weight of nothing.

#[test]
fn m_a_cost_of_nothing_is_admitted_by_a_drained_key_too() {
    for kind in KINDS {
        let limiter = limiter_of(&Rule::new(kind, 2, SECOND));
        assert_eq!(burst_at(&limiter, 3, IN_2026), 2);
        for now in [IN_2026, IN_2026 - HOUR, 0, MAX_UNIX_NS] {
            let answer = limiter.check_at(KEY, 0, now);
            assert!(answer.allowed() && answer.reason() == Reason::None, "{kind:?} at {now}: {answer:?}");
        }
        assert!(!limiter.check_at(KEY, 1, IN_2026).allowed(), "{kind:?}");
    }
}

// (n) A limit of nothing, a period of nothing.

#[test]
fn n_a_limit_of_nothing_denies_all_for_ever_and_a_period_of_nothing_is_no_policy() {
    for kind in KINDS {
        let limiter = limiter_of(&Rule::new(kind, 0, SECOND));
        for now in [0, IN_2026, MAX_UNIX_NS] {
            let answer = limiter.check_at(KEY, 1, now);
            assert!(!answer.allowed() && answer.retry_after().is_none(), "{kind:?}: {answer:?}");
        }
        assert!(common::policy_of(&Rule::new(kind, 1, 0)).is_err(), "{kind:?}");
    }
}

// (o) The edges of 32 and 64 bits.

/// Elsewhere `base + n` wrapped for limits above 2^31.
#[test]
fn o_limits_and_costs_at_the_edges_of_32_bits_add_up() {
    for kind in [Kind::FixedWindow, Kind::TokenBucket, Kind::LeakyBucket] {
        for limit in [(1 << 31) - 1, 1 << 31, (1 << 31) + 1, MOST_PERMITS] {
            let limiter = limiter_of(&Rule::new(kind, limit, DAY));
            assert!(limiter.check_at(KEY, limit - 1, IN_2026).allowed(), "{kind:?} {limit}");
            assert_eq!(limiter.check_at(KEY, limit, IN_2026).reason(), Reason::Limit);
            assert_eq!(limiter.check_at(KEY, 1 << 32, IN_2026).reason(), Reason::CostExceedsLimit);
            assert_eq!(burst_at(&limiter, 3, IN_2026), 1, "{kind:?} {limit}");
        }
    }
}

/// Elsewhere a batch of 50,000,000 took 400 MB: here a cost is a number, whatever its size.
#[test]
fn o_a_batch_takes_costs_of_any_size() {
    let limiter = limiter("fixed-window 4294967295/d");
    let costs = [MOST_PERMITS - 1, 2, 1, 0, u64::MAX, 1];
    let requests = costs.map(|cost| Request::new(KEY).cost(cost));
    let mut decisions = [Decision::default(); 6];
    limiter.check_many_at(&requests, &mut decisions, IN_2026);
    assert_eq!(decisions.map(|decision| decision.allowed()), [true, false, true, true, false, false]);
}

// (p) The edges of windows, with threads on either side.

/// Elsewhere a late thread's elapsed time wrapped and cleared both slots: 690 of 410.
#[test]
fn p_threads_on_both_sides_of_an_edge_get_at_most_two_windows() {
    for kind in [Kind::FixedWindow, Kind::SlidingWindow] {
        for _ in 0..50 {
            let limiter = limiter_of(&Rule::new(kind, 100, SECOND));
            let admitted = race(&limiter, 4, 500, |racer, index| IN_2026 - 250 + index - 100 * (racer % 2));
            let at_most = if kind == Kind::FixedWindow { 200 } else { 101 };
            assert!((100..=at_most).contains(&admitted), "{kind:?} admitted {admitted}");
        }
    }
}

/// Elsewhere a "sliding" counter admitted 199 within 9.991 s: bursts at 9.999 s and at 19.990 s.
#[test]
fn p_a_sliding_window_remembers_the_burst_at_the_end_of_the_last_one() {
    let limiter = limiter_of(&Rule::new(Kind::SlidingWindow, 100, 10 * SECOND));
    let millisecond = SECOND / 1_000;
    assert_eq!(burst_at(&limiter, 200, IN_2026 + 9_999 * millisecond), 100);
    // By the estimate's own formula 100 - 100 * 10/10,000 are free then, rounded down: the documented worst case.
    assert_eq!(burst_at(&limiter, 200, IN_2026 + 10_001 * millisecond), 0);
    assert_eq!(burst_at(&limiter, 200, IN_2026 + 19_990 * millisecond), 99);
}
