//! Budgets that do not depend on the machine's mood: instructions, locked instructions and cache lines of each path.
//!
//! valgrind counts them in an optimised build of `paths.rs`. When a count has grown beyond its budget, the test fails and
//! prints them all: either the change is to be made cheaper, or the budget in `table.rs` is to be raised, with the reason.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod counts;
mod table;

use counts::{Count, counts};
use sluicegate::{Decision, Limiter, Request};
use sluicegate_bench::{NOW, Region};
use table::{BUDGETS, Budget, TOLERANCE};

#[test]
fn no_path_takes_more_than_its_budget() {
    let Some(counts) = counts() else {
        println!("skipped: there is no valgrind here");
        return;
    };
    let told: Vec<String> = counts.iter().map(|(path, count)| row(path, count)).collect();
    let told = told.join("\n");
    println!("{told}");
    let paths: Vec<&str> = counts.iter().map(|(path, _)| path.as_str()).collect();
    let budgeted: Vec<&str> = BUDGETS.iter().map(|budget| budget.path).collect();
    assert_eq!(paths, budgeted, "a budget for each path\n{told}");
    let exceeded: Vec<&str> = counts
        .iter()
        .zip(BUDGETS)
        .filter(|((_, count), it)| it.is_exceeded_by(count))
        .map(|(_, it)| it.path)
        .collect();
    assert!(exceeded.is_empty(), "beyond the budgets in benches/budgets/table.rs: {exceeded:?}\n{told}");
}

impl Budget {
    fn is_exceeded_by(&self, count: &Count) -> bool {
        let is_beyond = |count: f64, budget: f64| count > budget * (1.0 + TOLERANCE) + 0.01;
        is_beyond(count.instructions, self.instructions)
            || is_beyond(count.locked, self.locked)
            || self.lines.is_some_and(|lines| is_beyond(count.lines, lines))
    }
}

/// A count beside its budget, in the columns of the table.
fn row(path: &str, count: &Count) -> String {
    let Count { instructions, locked, lines } = count;
    let row = format!("{path:<30} {instructions:>7.1} instructions {locked:>5.2} locked {lines:>5.2} lines");
    match BUDGETS.iter().find(|budget| budget.path == path) {
        None => format!("{row}   no budget"),
        Some(it) => {
            let lines = it.lines.map_or_else(|| "-".to_owned(), |lines| format!("{lines:.2}"));
            format!("{row}   budget {:.1}, {:.2}, {lines}: {}", it.instructions, it.locked, it.why)
        }
    }
}

/// A key that has used up its limit, in memory that may be read and no more: a store, or a locked instruction even if it
/// changed nothing, would end the process.
#[test]
fn a_denial_writes_nothing_to_the_table() {
    for policy in ["fixed-window 3/d", "sliding-window 3/d", "token-bucket 3/d", "leaky-bucket 3/d"] {
        let bytes = Limiter::region_size(1_000).unwrap() as usize;
        let region = Region::in_small_pages(bytes);
        let policy: sluicegate::Policy = policy.parse().unwrap();
        // SAFETY: zeroed memory as long and aligned to more, which outlives the limiter, and only it accesses.
        let limiter = unsafe { Limiter::builder(policy).attach(region.first(), region.bytes()) }.unwrap();
        (0..500_u64).for_each(|key| _ = limiter.check_at(key.to_ne_bytes(), 3, NOW));
        region.forbid_writing();
        let keys: Vec<[u8; 8]> = (0..500_u64).map(u64::to_ne_bytes).collect();
        assert!(keys.iter().all(|key| !limiter.check_at(key, 1, NOW).allowed()), "{policy}");
        let mut decisions = [Decision::default(); 500];
        limiter.check_many_at(&keys.iter().map(Request::new).collect::<Vec<_>>(), &mut decisions, NOW);
        assert!(decisions.iter().all(|decision| !decision.allowed()), "{policy}");
        assert!(!limiter.peek_at(keys[0], 1, NOW).allowed(), "{policy}");
    }
}
