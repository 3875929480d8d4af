//! Running a workload: its contenders are made, filled, and run in turn.

use crate::contenders::{Contender, Setting, Who, make, on_two_threads};
use crate::effort::Effort;
use crate::keys::{Key, Order, keys};
use crate::report::{Figure, Measured};
use crate::workloads::{Filled, Keys, Mode, Workload};
use sluicegate_bench::Rounds;

/// Runs the workloads one after another.
pub fn run(workloads: &[Workload], only: &[Who], effort: Effort, progress: impl Fn(&Workload)) -> Vec<Measured> {
    let (mut numbers, mut texts) = (Stage::<u64>::default(), Stage::<Box<str>>::default());
    let mut measured = Vec::new();
    for workload in workloads {
        progress(workload);
        let keys = (workload.setting.keys / effort.divided_by).max(100);
        let workload = Workload { setting: Setting { keys, ..workload.setting }, ..*workload };
        // There is memory for the contenders of one kind at a time.
        measured.push(match workload.keys {
            Keys::U64 => {
                texts.clear();
                numbers.run(&workload, only, effort)
            }
            Keys::Str => {
                numbers.clear();
                texts.run(&workload, only, effort)
            }
        });
    }
    measured
}

/// Contenders that have been filled, and what for.
struct Stage<K> {
    set_for: Option<Workload>,
    contenders: Vec<(Who, Box<dyn Contender<K>>)>,
}

impl<K> Default for Stage<K> {
    fn default() -> Self {
        Self { set_for: None, contenders: Vec::new() }
    }
}

impl<K: Key> Stage<K> {
    fn clear(&mut self) {
        *self = Self::default();
    }

    fn run(&mut self, workload: &Workload, only: &[Who], effort: Effort) -> Measured {
        let takes_part = |who: &Who| only.is_empty() || only.contains(who);
        let whos: Vec<Who> = workload.contenders().into_iter().filter(takes_part).collect();
        let entries: Vec<(Who, Mode)> = whos.iter().map(|&who| (who, workload.mode)).collect();
        let rounds = match workload.filled {
            Filled::Known => {
                self.set_up(workload, &whos);
                return self.run_known(workload, entries, effort);
            }
            Filled::Empty | Filled::Full => {
                self.clear();
                Rounds::from_the_first(whos.len(), effort.rounds_anew, |who| {
                    run_anew::<K>(whos[who], workload, effort)
                })
            }
        };
        measured(workload, &entries, &rounds)
    }

    fn set_up(&mut self, workload: &Workload, whos: &[Who]) {
        if self.set_for.is_some_and(|other| other.shares_contenders_with(workload)) {
            return;
        }
        self.clear();
        self.contenders = whos.iter().map(|&who| (who, make::<K>(who, workload.setting))).collect();
        self.contenders.iter().for_each(|(_, contender)| fill(&**contender, 0, workload.setting.keys));
        self.set_for = Some(*workload);
    }

    fn run_known(&self, workload: &Workload, mut entries: Vec<(Who, Mode)>, effort: Effort) -> Measured {
        // Beside two threads, what one of them does alone.
        if workload.mode == Mode::TwoThreads && entries.iter().any(|(who, _)| *who == Who::Sluicegate) {
            entries.push((Who::Sluicegate, Mode::BackToBack));
        }
        let (mut seed, mut turns) = (0, 0);
        let mut this_round: Vec<K> = Vec::new();
        let rounds = Rounds::interleaved(entries.len(), effort.rounds, |entry| {
            // All contenders of a round are asked for the same keys.
            if turns % entries.len() == 0 {
                seed += 1;
                this_round = keys(workload.order, workload.setting.keys, effort.checks, seed);
            }
            turns += 1;
            let (who, mode) = entries[entry];
            let (_, contender) = self.contenders.iter().find(|(it, _)| *it == who).expect("it was set up");
            run_once(&**contender, mode, &this_round)
        });
        measured(workload, &entries, &rounds)
    }
}

fn run_once<K: Key>(contender: &dyn Contender<K>, mode: Mode, keys: &[K]) -> f64 {
    match mode {
        Mode::BackToBack => contender.back_to_back(keys),
        Mode::Isolated => contender.isolated(keys),
        Mode::TwoThreads => on_two_threads(contender, keys),
        Mode::Batches(size) => contender.in_batches(keys, size).unwrap_or_else(|| contender.back_to_back(keys)),
    }
}

/// A round with a contender of its own: as many new keys as there is room for.
fn run_anew<K: Key>(who: Who, workload: &Workload, effort: Effort) -> f64 {
    let room = workload.setting.keys;
    let contender = make::<K>(who, workload.setting);
    let known = match workload.filled {
        Filled::Full => 2 * room,
        Filled::Known | Filled::Empty => 0,
    };
    fill(&*contender, 0, known);
    let count = (room as usize).min(2 * effort.checks);
    contender.back_to_back(&keys::<K>(Order::New, known, count, 0))
}

/// Has the keys from `first` on come once each.
pub fn fill<K: Key>(contender: &dyn Contender<K>, first: u64, count: u64) {
    const AT_ONCE: u64 = 1 << 16;
    for first in (first..first + count).step_by(AT_ONCE as usize) {
        let keys = keys::<K>(Order::New, first, AT_ONCE.min(count - first) as usize, 0);
        if contender.in_batches(&keys, 128).is_none() {
            contender.back_to_back(&keys);
        }
    }
}

fn measured(workload: &Workload, entries: &[(Who, Mode)], rounds: &Rounds) -> Measured {
    let is_alone = |mode: Mode| workload.mode == Mode::TwoThreads && mode != Mode::TwoThreads;
    let figure = |(entry, &(who, mode)): (usize, &(Who, Mode))| Figure {
        who,
        is_alone: is_alone(mode),
        // A hundredth of a nanosecond is more than can be told apart.
        rounds: rounds.of(entry).iter().map(|ns| (ns * 100.0).round() / 100.0).collect(),
    };
    Measured {
        name: workload.name.to_owned(),
        about: workload.about.to_owned(),
        figures: entries.iter().enumerate().map(figure).collect(),
    }
}
