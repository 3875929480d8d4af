//! The figures as Markdown tables, for a terminal and for the README.

use crate::contenders::Who;
use crate::report::{Figure, Measured, Report, Weight};
use crate::targets::{ahead, outcomes};
use clap::ValueEnum;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// Everything, in the order of reading.
pub fn all(report: &Report) -> String {
    joined([speed(report), memory(report), summary(report)])
}

/// What a run must show and what it does, and where it loses.
pub fn summary(report: &Report) -> String {
    joined([targets(report), losses(report)])
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// A row for each workload, a column for each contender.
fn speed(report: &Report) -> String {
    if report.workloads.is_empty() {
        return String::new();
    }
    let whos = Who::value_variants();
    let titles = ["workload".to_owned()].into_iter().chain(whos.iter().map(|who| who.name()));
    let mut table = titled(titles);
    for measured in &report.workloads {
        let cells = whos.iter().map(|&who| cell(measured, who));
        table.add_row([measured.about.clone()].into_iter().chain(cells));
        if let Some(alone) = measured.alone(Who::Sluicegate) {
            let alone = format!("{:.1}", alone.spread().median);
            table.add_row([format!("{}: one of the threads alone", measured.about), alone]);
        }
    }
    format!(
        "ns per check (and thread), medians of interleaved rounds; × how many times as long as sluicegate takes, the \
         median of the rounds'; ~ where half of the rounds are more than 15 % apart\n\n{}",
        told(&table)
    )
}

fn cell(measured: &Measured, who: Who) -> String {
    let Some(figure) = measured.figure(who) else { return "-".to_owned() };
    let ns = median(figure);
    match measured.ratio(who, Who::Sluicegate) {
        Some(ratio) if who != Who::Sluicegate => format!("{ns} {ratio:.2}×"),
        _ => ns,
    }
}

fn median(figure: &Figure) -> String {
    let spread = figure.spread();
    let mark = if spread.width() > 0.15 { "~" } else { "" };
    format!("{:.1}{mark}", spread.median)
}

/// A row for each contender.
fn memory(report: &Report) -> String {
    if report.memory.is_empty() {
        return String::new();
    }
    let titles = [
        "contender",
        "keys",
        "bytes a key",
        "hit p99",
        "new p99",
        "new p99.99",
        "new, worst",
        "flood p99",
        "flood p99.99",
        "flood, worst",
    ];
    let mut table = titled(titles.map(str::to_owned));
    for &who in Who::value_variants() {
        for (is_text, is_large) in [(false, false), (true, false), (false, true), (true, true)] {
            if let Some(weight) = report.weight(who, is_text, is_large) {
                table.add_row(memory_row(weight));
            }
        }
    }
    format!(
        "Resident memory of a new process for each key, and single checks in ns, of which each reads a clock too \
         (worst: without those during which another thread was given the processor; of several processes the middle \
         one)\n\n{}",
        told(&table)
    )
}

fn memory_row(weight: &Weight) -> Vec<String> {
    let kind = if weight.is_text { "text" } else { "u64" };
    let millions = weight.keys as f64 / 1e6;
    let stopped = if weight.keys < weight.asked_for { ", then out of memory" } else { "" };
    let Weight { new, known, flood, .. } = weight;
    let numbers = [known.p99, new.p99, new.p99_99, new.worst_own, flood.p99, flood.p99_99, flood.worst_own];
    let first =
        [weight.who.name(), format!("{millions:.1} M {kind}{stopped}"), format!("{:.1}", weight.bytes_per_key)];
    first.into_iter().chain(numbers.map(grouped)).collect()
}

/// With a space at each thousand.
fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{} {:03}", grouped(number / 1_000), number % 1_000),
    }
}

/// A row for each target that the run has figures for.
fn targets(report: &Report) -> String {
    let mut table = titled(["workload", "target", "measured", ""].map(str::to_owned));
    let mut left_out = 0;
    for outcome in outcomes(report) {
        let verdict = if outcome.is_met { "met" } else { "missed" };
        match outcome.measured {
            None => left_out += 1,
            Some(measured) => {
                table.add_row([outcome.workload.to_owned(), outcome.target, measured, verdict.to_owned()]);
            }
        }
    }
    match left_out {
        0 => told(&table),
        _ => format!("{}\n\nThis run leaves out what {left_out} more targets take.", told(&table)),
    }
}

/// Where a peer that is as exact is ahead, and by how much.
fn losses(report: &Report) -> String {
    let ahead = ahead(report);
    if ahead.is_empty() {
        return String::new();
    }
    let mut table = titled(["a peer is ahead", "peer", "by"].map(str::to_owned));
    for loss in ahead {
        table.add_row([loss.workload.to_owned(), loss.who.name(), format!("{:.2} ×", loss.by)]);
    }
    told(&table)
}

fn titled(titles: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(titles.into_iter().collect::<Vec<_>>());
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn told(table: &Table) -> String {
    table.to_string()
}
