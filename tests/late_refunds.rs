//! A refund that comes late gives back what the request consumed, or nothing: never what others have consumed since.

#![cfg(not(loom))]

use sluicegate::Limiter;

const HOUR: u64 = 3_600_000_000_000;
/// The top of an hour in 2026.
const TEN: u64 = 1_780_000_000_000_000_000 / HOUR * HOUR;

fn remaining_after(policy: &str, checks: &[(u64, u64)], refund: (u64, u64)) -> u64 {
    let limiter = Limiter::new(policy, 10).unwrap();
    for &(cost, at) in checks {
        assert!(limiter.check_at("ann", cost, at).allowed());
    }
    limiter.refund_at("ann", refund.0, refund.1);
    limiter.peek_at("ann", 0, TEN).remaining()
}

#[test]
fn a_fixed_window_gives_nothing_back_of_one_before_it() {
    let checks = [(1, TEN - 1), (1, TEN)];
    assert_eq!(remaining_after("fixed-window 2/h", &checks, (1, TEN - 1)), 1);
    assert_eq!(remaining_after("fixed-window 2/h", &checks, (1, TEN)), 2);
}

#[test]
fn a_sliding_window_gives_back_of_the_one_before_it_what_was_consumed_there() {
    let checks = [(2, TEN - 1), (1, TEN)];
    assert_eq!(remaining_after("sliding-window 4/h", &checks, (3, TEN - 1)), 3);
    assert_eq!(remaining_after("sliding-window 4/h", &checks, (3, TEN - HOUR - 1)), 1);
    assert_eq!(remaining_after("sliding-window 4/h", &checks, (3, TEN)), 4);
}
