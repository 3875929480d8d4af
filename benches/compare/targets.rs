//! What a run must show: each target with what was measured.

use crate::contenders::Who;
use crate::report::{Figure, Measured, Report};
use sluicegate_bench::{difference, ratio};

/// What came of a target.
pub struct Outcome {
    pub workload: &'static str,
    pub target: String,
    /// `None` where the run left out what it takes.
    pub measured: Option<String>,
    pub is_met: bool,
}

/// How a target's figure is bounded.
#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}
use Bound::{AtLeast, AtMost};
use Who::{Floor, Governor, ShardedMutex, Sluicegate, SluicegateC};

impl Bound {
    fn is_met_by(self, figure: f64) -> bool {
        match self {
            AtLeast(bound) => figure >= bound,
            AtMost(bound) => figure <= bound,
        }
    }

    fn name(self) -> &'static str {
        match self {
            AtLeast(_) => "at least",
            AtMost(_) => "at most",
        }
    }

    fn value(self) -> f64 {
        match self {
            AtLeast(bound) | AtMost(bound) => bound,
        }
    }
}

/// How many times as fast as somebody, or as slow as the floor, in a workload.
const BESIDE: &[(&str, &str, Who, Bound)] = &[
    ("1 million keys, uniform, given clock", "uniform-1m", Governor, AtLeast(4.0)),
    ("1 million keys, uniform, given clock", "uniform-1m", Floor, AtMost(1.25)),
    ("the same, against sharded mutexes", "uniform-1m", ShardedMutex, AtLeast(1.6)),
    ("the same, two threads", "uniform-1m-2t", ShardedMutex, AtLeast(2.0)),
    ("one hot key on two threads", "hot-2t", ShardedMutex, AtLeast(1.0)),
    ("1 million keys, isolated, given clock", "uniform-1m-isolated", Governor, AtLeast(1.7)),
    ("1 million keys, isolated, given clock", "uniform-1m-isolated", ShardedMutex, AtLeast(1.7)),
    ("1 million keys, each with its default clock", "uniform-1m-default", Governor, AtLeast(2.2)),
    ("1 million keys of 16-40 bytes, given clock", "str-uniform-1m", Governor, AtLeast(4.0)),
    ("batch of 32, 1 million keys, default clocks", "batch-32-default", Governor, AtLeast(10.0)),
    ("batch of 32, 1 million keys, default clocks", "batch-32-default", Floor, AtMost(1.3)),
    ("one hot key, given clock", "hot", Governor, AtLeast(2.2)),
    ("one hot key, given clock", "hot", Floor, AtMost(1.4)),
    ("denial, one hot key, given clock", "deny-hot", Governor, AtLeast(5.0)),
    ("new keys", "new-1m", Governor, AtLeast(3.0)),
    ("flood at capacity", "flood-1m", Governor, AtLeast(3.0)),
];

/// All targets, in the order of the list that they come from.
pub fn outcomes(report: &Report) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = BESIDE.iter().map(|&target| beside(report, target)).collect();
    outcomes.extend([flood_beside_hits(report), single_flood_checks(report), pauses(report), two_threads(report)]);
    outcomes.extend([false, true].map(|is_text| weight(report, is_text)));
    outcomes.extend(["str-hot", "str-uniform-1m"].map(|workload| c_call(report, workload)));
    outcomes.push(nobody_is_ahead(report));
    outcomes
}

fn beside(report: &Report, (workload, name, who, bound): (&'static str, &str, Who, Bound)) -> Outcome {
    let measured = report.workload(name);
    // A peer's figure is how many times as long it takes; the floor's, how many times as long we take.
    let figure = measured.and_then(|measured| match who {
        Floor => measured.ratio(Sluicegate, Floor),
        peer => measured.ratio(peer, Sluicegate),
    });
    let target = format!("{} {} × {}", bound.name(), bound.value(), who.name());
    outcome(workload, target, figure, bound, |figure| format!("{figure:.2} ×"))
}

fn outcome(
    workload: &'static str,
    target: String,
    figure: Option<f64>,
    bound: Bound,
    show: impl Fn(f64) -> String,
) -> Outcome {
    let is_met = figure.is_some_and(|figure| bound.is_met_by(figure));
    Outcome { workload, target, measured: figure.map(show), is_met }
}

fn flood_beside_hits(report: &Report) -> Outcome {
    let median = |name: &str| Some(report.workload(name)?.figure(Sluicegate)?.spread().median);
    let figure = median("flood-1m").zip(median("uniform-1m")).map(|(flood, hit)| flood / hit);
    let target = "at most 2 × a hit, back to back".to_owned();
    outcome("flood at capacity", target, figure, AtMost(2.0), |figure| format!("{figure:.2} ×"))
}

fn single_flood_checks(report: &Report) -> Outcome {
    let weight = report.weight(Sluicegate, false, false);
    let figure = weight.map(|weight| weight.flood.p99 as f64 / weight.known.p99 as f64);
    let target = "99 of 100 single checks under 2 × a hit's".to_owned();
    outcome("flood at capacity", target, figure, AtMost(2.0), |figure| format!("{figure:.2} ×"))
}

fn pauses(report: &Report) -> Outcome {
    let weight = report.weight(Sluicegate, false, false);
    let figure = weight.map(|weight| weight.new.worst_own.max(weight.flood.worst_own) as f64 / 1e3);
    let target = "no pause above 50 µs".to_owned();
    outcome("new keys, and flood at capacity", target, figure, AtMost(50.0), |figure| format!("{figure:.0} µs"))
}

fn two_threads(report: &Report) -> Outcome {
    let figure = report.workload("uniform-1m-2t").and_then(|measured| {
        Some(2.0 * ratio(&measured.alone(Sluicegate)?.rounds, &measured.figure(Sluicegate)?.rounds))
    });
    let target = "at least 1.9 × its one-thread throughput".to_owned();
    outcome("2 threads, uniform", target, figure, AtLeast(1.9), |figure| format!("{figure:.2} ×"))
}

fn weight(report: &Report, is_text: bool) -> Outcome {
    let figure = report.weight(Sluicegate, is_text, true).map(|weight| weight.bytes_per_key);
    let workload = if is_text { "50 million keys of 16-40 bytes" } else { "50 million keys, u64" };
    let target = "at most 24 bytes a key, resident".to_owned();
    outcome(workload, target, figure, AtMost(24.0), |figure| format!("{figure:.1} bytes"))
}

/// Where neither side knows the key's length beforehand.
fn c_call(report: &Report, name: &str) -> Outcome {
    let figure = report.workload(name).and_then(|measured| {
        Some(difference(&measured.figure(SluicegateC)?.rounds, &measured.figure(Sluicegate)?.rounds))
    });
    let workload =
        if name == "str-hot" { "C call, one hot key of text" } else { "C call, 1 million keys of text" };
    outcome(workload, "at most 3 ns above Rust".to_owned(), figure, AtMost(3.0), |figure| {
        format!("{figure:+.1} ns")
    })
}

fn nobody_is_ahead(report: &Report) -> Outcome {
    let ahead = ahead(report).len();
    Outcome {
        workload: "every workload above",
        target: "no peer that is as exact is ahead".to_owned(),
        is_met: ahead == 0,
        measured: Some(if ahead == 0 { "none is".to_owned() } else { format!("{ahead} times, see below") }),
    }
}

/// A peer that is as exact and takes less time than sluicegate in a workload, in how many parts of the time.
pub struct Ahead<'report> {
    pub workload: &'report str,
    pub who: Who,
    pub by: f64,
}

/// All of them.
pub fn ahead(report: &Report) -> Vec<Ahead<'_>> {
    report.workloads.iter().flat_map(ahead_in).collect()
}

fn ahead_in(measured: &Measured) -> impl Iterator<Item = Ahead<'_>> {
    let is_peer = |figure: &&Figure| figure.who.is_exact_peer() && !figure.is_alone;
    let beside = |peer: &Figure| {
        Some(Ahead { workload: &measured.about, who: peer.who, by: measured.ratio(Sluicegate, peer.who)? })
    };
    // What is less than one in a hundred is nothing that two runs would agree on.
    measured.figures.iter().filter(is_peer).filter_map(beside).filter(|ahead| ahead.by > 1.01)
}
