//! The workloads: which keys come, how they are asked for, and who takes part.

use crate::clocks::Clocks;
use crate::contenders::{Allowance, Setting, Who};
use crate::keys::Order;
use clap::ValueEnum;

/// How the checks follow upon one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    BackToBack,
    Isolated,
    TwoThreads,
    /// So many at once, by those who can; the others are asked back to back.
    Batches(usize),
}

/// Whether keys are numbers or text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keys {
    /// 64-bit numbers.
    U64,
    /// Text of 16 to 40 bytes.
    Str,
}

/// What the contenders hold before the first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Every key that comes is known.
    Known,
    /// Nothing: a new limiter for each round.
    Empty,
    /// As many other keys as fit; twice as many, so that whoever has a bound is at it. Anew for each round.
    Full,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    pub name: &'static str,
    pub about: &'static str,
    pub keys: Keys,
    pub order: Order,
    pub mode: Mode,
    pub filled: Filled,
    pub setting: Setting,
}

const MILLION: u64 = 1_000_000;

impl Workload {
    const fn known(name: &'static str, order: Order, mode: Mode, about: &'static str) -> Self {
        let setting = Setting { keys: MILLION, allowance: Allowance::Ample, clock: Clocks::Given };
        Self { name, about, keys: Keys::U64, order, mode, filled: Filled::Known, setting }
    }

    const fn among(self, keys: u64) -> Self {
        Self { setting: Setting { keys, ..self.setting }, ..self }
    }

    const fn with(self, clock: Clocks) -> Self {
        Self { setting: Setting { clock, ..self.setting }, ..self }
    }

    const fn denied(self) -> Self {
        Self { setting: Setting { allowance: Allowance::One, ..self.setting }, ..self }
    }

    const fn text(self) -> Self {
        Self { keys: Keys::Str, ..self }
    }

    const fn into(self, filled: Filled) -> Self {
        Self { filled, ..self }
    }

    /// Whether it can be run on what the other one was run on.
    pub fn shares_contenders_with(&self, other: &Self) -> bool {
        self.keys == other.keys
            && self.setting == other.setting
            && [self.filled, other.filled] == [Filled::Known; 2]
    }

    /// Whether it is one for a machine with time and memory to spare.
    pub fn is_large(&self) -> bool {
        self.setting.keys > MILLION
    }

    /// Who takes part: all but those that would need more memory than most machines have.
    pub fn contenders(&self) -> Vec<Who> {
        let is_small_enough = |who: &Who| !(self.is_large() && matches!(who, Who::RateNet | Who::Papaya));
        Who::value_variants().iter().copied().filter(is_small_enough).collect()
    }
}

use Clocks::{Coarse, Default as Own};
use Mode::{BackToBack, Batches, Isolated, TwoThreads};
use Order::{Hot, New, Uniform, Zipf};

/// Those that share their contenders stand together, since filling a million keys' takes longer than a round.
pub const ALL: &[Workload] = &[
    Workload::known("uniform-1k", Uniform, BackToBack, "1 thousand keys, uniform").among(1_000),
    Workload::known("uniform-1k-isolated", Uniform, Isolated, "1 thousand keys, isolated").among(1_000),
    Workload::known("hot", Hot, BackToBack, "one hot key"),
    Workload::known("uniform-1m", Uniform, BackToBack, "1 million keys, uniform"),
    Workload::known("uniform-1m-isolated", Uniform, Isolated, "1 million keys, isolated"),
    Workload::known("zipf-1m", Zipf, BackToBack, "1 million keys, Zipf"),
    Workload::known("batch-8", Uniform, Batches(8), "1 million keys, batches of 8"),
    Workload::known("batch-32", Uniform, Batches(32), "1 million keys, batches of 32"),
    Workload::known("batch-128", Uniform, Batches(128), "1 million keys, batches of 128"),
    Workload::known("hot-2t", Hot, TwoThreads, "one hot key, 2 threads"),
    Workload::known("uniform-1m-2t", Uniform, TwoThreads, "1 million keys, uniform, 2 threads"),
    Workload::known("deny-hot", Hot, BackToBack, "denials, one hot key").denied(),
    Workload::known("deny-1m", Uniform, BackToBack, "denials, 1 million keys").denied(),
    Workload::known("new-1m", New, BackToBack, "new keys into an empty table").into(Filled::Empty),
    Workload::known("flood-1m", New, BackToBack, "new keys at capacity").into(Filled::Full),
    Workload::known("hot-coarse", Hot, BackToBack, "one hot key, coarse clock").with(Coarse),
    Workload::known("uniform-1m-coarse", Uniform, BackToBack, "1 million keys, coarse clock").with(Coarse),
    Workload::known("hot-default", Hot, BackToBack, "one hot key, default clock").with(Own),
    Workload::known("uniform-1m-default", Uniform, BackToBack, "1 million keys, default clock").with(Own),
    Workload::known("uniform-1m-isolated-default", Uniform, Isolated, "1 million keys, isolated, default clock")
        .with(Own),
    Workload::known("batch-32-default", Uniform, Batches(32), "1 million keys, batches of 32, default clock")
        .with(Own),
    Workload::known("str-hot", Hot, BackToBack, "one hot key of text").text(),
    Workload::known("str-uniform-1m", Uniform, BackToBack, "1 million keys of text, uniform").text(),
    Workload::known("str-uniform-1m-isolated", Uniform, Isolated, "1 million keys of text, isolated").text(),
    Workload::known("str-batch-32", Uniform, Batches(32), "1 million keys of text, batches of 32").text(),
    Workload::known("str-new-1m", New, BackToBack, "new keys of text into an empty table")
        .text()
        .into(Filled::Empty),
    Workload::known("str-uniform-1m-default", Uniform, BackToBack, "1 million keys of text, default clock")
        .text()
        .with(Own),
    Workload::known("uniform-50m", Uniform, BackToBack, "50 million keys, uniform").among(50 * MILLION),
    Workload::known("uniform-50m-isolated", Uniform, Isolated, "50 million keys, isolated").among(50 * MILLION),
];
