//! How much a policy admits at most, told from the requests that were admitted.

use crate::model::{Kind, Rule};
use std::collections::BTreeMap;

/// A request that was admitted, with its time and the key's `reset_after`, in ns.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    pub now: u64,
    pub cost: u64,
    pub reset_after: u64,
}

/// Nothing of what one key was admitted is more than the rule allows.
pub fn assert_holds(rule: &Rule, admitted: Vec<Admitted>) {
    if rule.is_bucket() {
        assert_bucket_holds(rule, admitted);
    } else {
        assert_windows_hold(rule, &admitted);
    }
}

/// Each admission tells by its `reset_after` which window it was counted in, also where its own time was late:
/// a fixed window's end is the key's reset, a sliding one's is one period before.
pub fn counted_in(rule: &Rule, admitted: &Admitted) -> u64 {
    let windows_to_reset = if rule.kind == Kind::FixedWindow { 1 } else { 2 };
    (admitted.now + admitted.reset_after) / rule.period - windows_to_reset
}

/// No window takes more than L; and a sliding one, at its last admission, no more than the estimate leaves it.
fn assert_windows_hold(rule: &Rule, admitted: &[Admitted]) {
    // For each window, what was counted in it, and the latest time at which.
    let mut windows = BTreeMap::<u64, (u64, u64)>::new();
    for request in admitted {
        let window = counted_in(rule, request);
        assert!(window >= request.now / rule.period, "a request was counted in a window that was over");
        let (count, latest) = windows.entry(window).or_default();
        *count += request.cost;
        *latest = request.now.max(*latest);
    }
    for (&window, &(count, latest)) in &windows {
        assert!(count <= rule.limit, "{rule:?}: {count} were admitted in window {window}");
        if rule.kind == Kind::SlidingWindow {
            // Whichever admission came last, it was not later in the window than the latest: the estimate with
            // which it was admitted was at least this one.
            let previous = windows.get(&(window - 1)).map_or(0, |&(count, _)| u128::from(count));
            let elapsed = latest.saturating_sub(window * rule.period);
            let estimate =
                previous * u128::from(rule.period - elapsed) + u128::from(count) * u128::from(rule.period);
            assert!(estimate <= u128::from(rule.limit) * u128::from(rule.period), "{rule:?}: window {window}");
        }
    }
}

/// In no time from `a` to `b` more than `B + (b - a) * L / P`.
///
/// Late times make no exception: each admission puts off the instant at which the bucket is full again by its own
/// time, and none is admitted that would put it off beyond the bucket's capacity after its `now`. So for all those at
/// times in `[a, b]`, in the order they were decided, `a + sum * P / L <= full again <= b + B * P / L`.
fn assert_bucket_holds(rule: &Rule, mut admitted: Vec<Admitted>) {
    admitted.sort_by_key(|request| request.now);
    // Over all beginnings `a`, the most of `(admitted in [a, b]) * P - (b - a) * L`.
    let (mut most, mut before) = (0, 0);
    let bound = i128::from(rule.capacity()) * i128::from(rule.period);
    for request in admitted {
        let refilled = i128::from(request.now - before) * i128::from(rule.limit);
        most = 0.max(most - refilled) + i128::from(request.cost) * i128::from(rule.period);
        before = request.now;
        assert!(most <= bound, "{rule:?}: too much was admitted up to {before}: {most} instead of {bound}");
    }
}
