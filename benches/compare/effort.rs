//! How much is measured: all, or enough to see that it works.

/// Sizes and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    pub name: &'static str,
    pub rounds: usize,
    /// For those where each round has new contenders.
    pub rounds_anew: usize,
    pub checks: usize,
    /// All numbers of keys are divided by it.
    pub divided_by: u64,
    /// Whether there are 50 million keys.
    pub is_large: bool,
    /// Fresh processes for each contender's worst check.
    pub processes: usize,
}

/// What a figure to be quoted takes.
pub const FULL: Effort = Effort {
    name: "full",
    rounds: 15,
    rounds_anew: 7,
    checks: 500_000,
    divided_by: 1,
    is_large: true,
    processes: 5,
};

/// Under a minute: the same tables, but for those of 50 million keys.
pub const QUICK: Effort =
    Effort { name: "quick", rounds: 3, rounds_anew: 1, checks: 50_000, is_large: false, processes: 1, ..FULL };

/// A few seconds without optimisation: every line once, figures of no account.
pub const GLANCE: Effort =
    Effort { name: "glance", rounds: 1, checks: 2_000, divided_by: 200, is_large: true, ..QUICK };
