//! Whether all was admitted that a policy allows, where it was asked for all the time.

use crate::common::bounds::Admitted;
use crate::common::{ns, policy_of};
use crate::is_long;
use crate::model::Rule;
use sluicegate::Limiter;
use std::collections::HashMap;

/// Asserts that the keys, each of which was asked for all the time from its first admission to `until`, were admitted
/// nearly all that they could be; which share it was.
///
/// 99 % is the promise. Of a short run, a moment in which the machine has something else to do may be a tenth.
pub fn assert_all_was_admitted(rule: &Rule, by_key: &HashMap<u64, Vec<Admitted>>, until: u64) -> f64 {
    let alone = Limiter::new(policy_of(rule).unwrap(), by_key.len() as u64).unwrap();
    let (mut was, mut could_be, mut forgotten) = (0, 0, 0);
    for (key, admitted) in by_key {
        let mut times: Vec<u64> = admitted.iter().map(|admitted| admitted.now).collect();
        times.sort_unstable();
        forgotten += usize::from(until.saturating_sub(times[times.len() - 1]) > 2 * rule.period);
        // Windows are compared as far as they were whole. A bucket keeps what nobody takes, so it is compared where it was
        // emptiest: later than that, who was to ask may have been stopped.
        let (from, earliest, until) = if rule.is_bucket() {
            let earliest = asked_at_the_first_instant(&alone, *key, times[0], until);
            let until = emptiest(&times, &earliest);
            (times[0], earliest, until)
        } else {
            let (from, until) = ((times[0] / rule.period + 1) * rule.period, until / rule.period * rule.period);
            let before = times.iter().take_while(|&&time| time < from);
            before.for_each(|&time| _ = alone.check_at(key.to_ne_bytes(), 1, time));
            (from, asked_at_the_first_instant(&alone, *key, from, until - 1), until - 1)
        };
        let count = |times: &[u64]| times.iter().filter(|&&time| (from..=until).contains(&time)).count();
        was += count(&times);
        could_be += count(&earliest);
    }
    let share = was as f64 / could_be as f64;
    let promised = if is_long() { 0.99 } else { 0.9 };
    assert!(share >= promised, "{rule:?}: {was} of {could_be} were admitted");
    assert!(forgotten * 100 <= by_key.len(), "{rule:?}: {forgotten} keys were admitted no more");
    share
}

/// When in the second half of a key's admissions it was the least behind what it could have been.
fn emptiest(times: &[u64], earliest: &[u64]) -> u64 {
    let lags = times.iter().zip(earliest).skip(times.len() / 2);
    let least = lags.min_by_key(|(time, earliest)| time.saturating_sub(**earliest));
    *least.expect("no more was admitted than could be").0
}

/// When a lone client is admitted that comes back at the very instant it is told to.
fn asked_at_the_first_instant(limiter: &Limiter, key: u64, first: u64, until: u64) -> Vec<u64> {
    let (mut now, mut admitted) = (first, Vec::new());
    while now <= until {
        let decision = limiter.check_at(key.to_ne_bytes(), 1, now);
        match decision.retry_after() {
            Some(wait) => now += ns(wait),
            None => admitted.push(now),
        }
    }
    admitted
}
