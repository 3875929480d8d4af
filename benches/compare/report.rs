//! What was measured, as it is kept in a file.

use crate::contenders::Who;
use serde::{Deserialize, Serialize};
use sluicegate_bench::{Spread, ratio};

/// Everything of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    pub effort: String,
    pub machine: Machine,
    pub workloads: Vec<Measured>,
    pub memory: Vec<Weight>,
}

/// Where it was run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub threads: usize,
    pub system: String,
    pub huge_pages: String,
}

/// A workload and its contenders' figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    pub name: String,
    pub about: String,
    pub figures: Vec<Figure>,
}

/// A contender's ns per check, round by round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    pub who: Who,
    /// On one thread, where the workload has two.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_alone: bool,
    pub rounds: Vec<f64>,
}

/// What a contender's keys weigh, and how long single checks took, in a process of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Weight {
    pub who: Who,
    /// Whether keys are text.
    pub is_text: bool,
    /// How many keys there were: fewer than asked for where memory ended.
    pub keys: u64,
    pub asked_for: u64,
    /// What the process's resident memory grew by, for each key.
    pub bytes_per_key: f64,
    /// While the keys came for the first time.
    pub new: Checks,
    /// Of keys that are known.
    pub known: Checks,
    /// Of as many other keys again.
    pub flood: Checks,
}

/// Single checks, in ns, each with a reading of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    pub median: u64,
    pub p99: u64,
    pub p99_99: u64,
    pub worst: u64,
    /// The worst one during which nobody else was given the processor.
    pub worst_own: u64,
}

impl Report {
    pub fn workload(&self, name: &str) -> Option<&Measured> {
        self.workloads.iter().find(|workload| workload.name == name)
    }

    /// Of many keys, or of few: of several processes the one with the middle worst check.
    pub fn weight(&self, who: Who, is_text: bool, is_large: bool) -> Option<&Weight> {
        let is_it = |it: &&Weight| (it.who, it.is_text) == (who, is_text) && self.is_large(it) == is_large;
        let mut weights: Vec<&Weight> = self.memory.iter().filter(is_it).collect();
        weights.sort_unstable_by_key(|weight| weight.new.worst_own.max(weight.flood.worst_own));
        weights.get(weights.len().saturating_sub(1) / 2).copied()
    }

    fn is_large(&self, weight: &Weight) -> bool {
        self.memory.iter().any(|other| other.asked_for < weight.asked_for)
    }
}

impl Measured {
    pub fn figure(&self, who: Who) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.who == who && !figure.is_alone)
    }

    pub fn alone(&self, who: Who) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.who == who && figure.is_alone)
    }

    /// How many times as long one takes as the other.
    pub fn ratio(&self, who: Who, to: Who) -> Option<f64> {
        Some(ratio(&self.figure(who)?.rounds, &self.figure(to)?.rounds))
    }
}

impl Figure {
    pub fn spread(&self) -> Spread {
        Spread::of(&self.rounds)
    }
}

impl Machine {
    pub fn this() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.to_owned()),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()),
            huge_pages: read("/sys/kernel/mm/transparent_hugepage/enabled").trim().to_owned(),
        }
    }
}
