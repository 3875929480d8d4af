//! sluicegate beside its peers and beside the floor: one command, one table.
//!
//! `cargo bench --package sluicegate-bench --bench compare`; what the workloads are, what decides them, and what else can
//! be said on the command line is in `benches/README.md`.

mod chart;
mod clocks;
mod contenders;
mod effort;
mod keys;
mod memory;
mod publish;
mod report;
mod runs;
mod tables;
mod targets;
mod workloads;

use clap::Parser;
use contenders::Who;
use effort::{Effort, FULL, GLANCE, QUICK};
use report::{Machine, Report};
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use workloads::{ALL, Keys, Workload};

#[derive(Debug, Default, Parser)]
#[command(about = "sluicegate beside its peers: ns per check, bytes per key, the worst single check")]
struct Options {
    /// Fewer rounds, and no tables of 50 million keys: less than a minute, for a first look
    #[arg(long)]
    quick: bool,
    /// Only these workloads, by their names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    workload: Vec<String>,
    /// Only these contenders
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    contender: Vec<Who>,
    /// Only what keys weigh and the worst single checks
    #[arg(long)]
    memory: bool,
    /// Names the workloads and does nothing
    #[arg(long)]
    list: bool,
    /// Writes the figures of every round to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draws a chart of them
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Replaces the figures, the chart and the tables that are checked in
    #[arg(long)]
    publish: bool,
    /// Makes the chart and the tables that are checked in from the figures that are
    #[arg(long)]
    redraw: bool,
    /// As cargo says it
    #[arg(long, hide = true)]
    bench: bool,
    /// In a process of its own: whose keys to weigh
    #[arg(long, hide = true)]
    weigh: Option<Who>,
    #[arg(long, hide = true, default_value = "u64")]
    keys: Option<Keys>,
    #[arg(long, hide = true, default_value_t = 0)]
    count: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    if !sluicegate_bench::is_bench() {
        return glance();
    }
    let options = Options::parse();
    if let Some((who, kind)) = options.weigh.zip(options.keys) {
        println!("{}", serde_json::to_string(&memory::weigh(who, kind, options.count))?);
        return Ok(());
    }
    if options.list {
        ALL.iter().for_each(|workload| println!("{:<28} {}", workload.name, workload.about));
        return Ok(());
    }
    if options.redraw {
        return publish::redraw();
    }
    let effort = if options.quick { QUICK } else { FULL };
    let report = run(&options, effort)?;
    println!("{}\n", tables::all(&report));
    if let Some(file) = &options.json {
        fs::write(file, publish::json(&report)?)?;
    }
    if let Some(file) = &options.svg {
        fs::write(file, chart::svg(&report)?)?;
    }
    if options.publish {
        publish::publish(&report)?;
    }
    Ok(())
}

/// Runs what the options say.
fn run(options: &Options, effort: Effort) -> Result<Report, Box<dyn Error>> {
    let workloads = chosen(&options.workload, effort)?;
    let runs_workloads = !options.memory;
    let runs_memory = options.memory || options.workload.is_empty();
    let only = &options.contender;
    let workloads = match runs_workloads {
        true => runs::run(&workloads, only, effort, |workload| eprintln!("{}", workload.name)),
        false => Vec::new(),
    };
    let memory = match runs_memory {
        true => memory::run(only, effort, |who, count| eprintln!("memory: {}, {count} keys", who.name())),
        false => Vec::new(),
    };
    Ok(Report { effort: effort.name.to_owned(), machine: Machine::this(), workloads, memory })
}

fn chosen(names: &[String], effort: Effort) -> Result<Vec<Workload>, String> {
    if let Some(unknown) = names.iter().find(|name| ALL.iter().all(|workload| workload.name != **name)) {
        let known: Vec<_> = ALL.iter().map(|workload| workload.name).collect();
        return Err(format!("there is no workload {unknown}; there are {}", known.join(", ")));
    }
    let fits = |workload: &&Workload| effort.is_large || !workload.is_large();
    let is_named = |workload: &&Workload| names.iter().any(|name| name == workload.name);
    let all = ALL.iter().filter(|workload| if names.is_empty() { fits(workload) } else { is_named(workload) });
    Ok(all.copied().collect())
}

/// What `cargo test` runs: everything once and briefly, and whether all of it was there.
fn glance() -> Result<(), Box<dyn Error>> {
    let report = run(&Options::default(), GLANCE)?;
    println!("{}", tables::all(&report));
    assert_eq!(report.workloads.len(), ALL.len());
    for (measured, workload) in report.workloads.iter().zip(ALL) {
        for who in workload.contenders() {
            let figure = measured.figure(who).unwrap_or_else(|| panic!("{}: no {}", workload.name, who.name()));
            assert!(figure.rounds.iter().all(|ns| ns.is_finite() && *ns > 0.0), "{}: {figure:?}", workload.name);
        }
    }
    assert!(targets::outcomes(&report).iter().all(|outcome| outcome.measured.is_some()), "a target has no figure");
    assert!(chosen(&["uniform".to_owned()], GLANCE).is_err_and(|error| error.contains("uniform-1m")));
    let texts = keys::keys::<Box<str>>(keys::Order::New, 0, 10_000, 0);
    assert!(texts.iter().all(|text| (16..=40).contains(&text.len())), "keys of text have 16 to 40 bytes");
    let again: Report = serde_json::from_str(&publish::json(&report)?)?;
    assert_eq!(chart::svg(&again)?, chart::svg(&report)?);
    publish::check()
}
