//! One table, many processes, and what becomes of it when they are killed.
//!
//! A program of its own, not a set of `#[test]`s: it forks, and so must have no other thread. `cargo test --test
//! processes` takes some seconds; with `SLUICE_LONG_TESTS=1` each part runs as long as is promised. Words on the command
//! line choose the parts that have them in their names.

#[cfg(all(target_os = "linux", not(loom)))]
#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[cfg(all(target_os = "linux", not(loom)))]
#[path = "../model/mod.rs"]
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;
#[cfg(all(target_os = "linux", not(loom)))]
#[path = "../shared_support/mod.rs"]
mod shared_support;

#[cfg(all(target_os = "linux", not(loom)))]
mod board;
#[cfg(all(target_os = "linux", not(loom)))]
mod crew;
#[cfg(all(target_os = "linux", not(loom)))]
mod demand;
#[cfg(all(target_os = "linux", not(loom)))]
mod kills;
#[cfg(all(target_os = "linux", not(loom)))]
mod load;
#[cfg(all(target_os = "linux", not(loom)))]
mod truncation;

#[cfg(all(target_os = "linux", not(loom)))]
fn main() {
    let parts: [(&str, fn()); 6] = [
        ("processes_that_share_a_table_enforce_one_limit_in_full", load::enforce_one_limit),
        ("processes_killed_under_load_neither_break_the_limit_nor_stop_the_others", kills::under_load),
        ("a_kill_loses_no_permit_and_makes_none", kills::account_for_every_permit),
        ("a_kill_costs_one_slot_at_most", kills::cost_a_slot_at_most),
        ("a_crowded_table_goes_on_whoever_is_killed", kills::in_a_crowded_table),
        (
            "a_file_cut_short_ends_who_reaches_for_the_rest_and_nobody_else",
            truncation::ends_who_reaches_for_the_rest,
        ),
    ];
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, part) in parts {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            println!("{name} …");
            let start = std::time::Instant::now();
            part();
            println!("  {:.1} s", start.elapsed().as_secs_f64());
        }
    }
    println!("processes: ok");
}

#[cfg(not(all(target_os = "linux", not(loom))))]
fn main() {}

/// Whether all is to run as long as the project promises, and not only as long as a developer waits.
#[cfg(all(target_os = "linux", not(loom)))]
fn is_long() -> bool {
    std::env::var_os("SLUICE_LONG_TESTS").is_some()
}
