//! What keys weigh and what the worst single check takes, each in a process of its own.

use crate::clocks::Clocks;
use crate::contenders::{Allowance, Contender, Setting, Who, make};
use crate::effort::Effort;
use crate::keys::{Key, Order, keys};
use crate::report::{Checks, Weight};
use crate::workloads::Keys;
use hdrhistogram::Histogram;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

/// Where a peer would need more than this, it is stopped, and the figure is of the keys it had by then.
const MOST_BYTES: u64 = 8 << 30;

/// Checks between two looks at the memory. Their keys are there with it, so they are few.
const AT_ONCE: u64 = 1 << 12;

/// Runs every contender in new processes, so that each starts with no memory that another one has left.
pub fn run(only: &[Who], effort: Effort, progress: impl Fn(Who, u64)) -> Vec<Weight> {
    let few = 1_000_000 / effort.divided_by;
    let many = 50 * few;
    let mut weights = Vec::new();
    for &who in <Who as clap::ValueEnum>::value_variants() {
        // The same table, and the floor has no keys.
        if matches!(who, Who::SluicegateC | Who::Floor) || !(only.is_empty() || only.contains(&who)) {
            continue;
        }
        let mut once = |kind, count| {
            progress(who, count);
            weights.push(in_a_process(who, kind, count));
        };
        (0..effort.processes).for_each(|_| once(Keys::U64, few));
        if !effort.is_large {
            continue;
        }
        (0..effort.processes).for_each(|_| once(Keys::Str, few));
        once(Keys::U64, many);
        if matches!(who, Who::Sluicegate | Who::Governor | Who::ShardedMutex) {
            once(Keys::Str, many);
        }
    }
    weights
}

fn in_a_process(who: Who, kind: Keys, count: u64) -> Weight {
    let kind_name = clap::ValueEnum::to_possible_value(&kind).expect("a kind has a name");
    let program = std::env::current_exe().expect("a program knows where it is");
    let output = Command::new(program)
        .args(["--bench", "--weigh", &who.name(), "--keys", kind_name.get_name(), "--count", &count.to_string()])
        .output()
        .expect("a program can start itself");
    let told = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&told).unwrap_or_else(|error| {
        panic!("{}: {error}: {told}{}", who.name(), String::from_utf8_lossy(&output.stderr))
    })
}

/// What the new process does.
pub fn weigh(who: Who, kind: Keys, count: u64) -> Weight {
    match kind {
        Keys::U64 => weigh_keys::<u64>(who, false, count),
        Keys::Str => weigh_keys::<Box<str>>(who, true, count),
    }
}

fn weigh_keys<K: Key>(who: Who, is_text: bool, asked_for: u64) -> Weight {
    let [mut new, mut known, mut flood] = [(); 3].map(|()| Watch::new());
    // What the first keys leave behind, all later ones use again.
    drop(keys::<K>(Order::New, 0, AT_ONCE as usize, 0));
    let before = resident_bytes();
    let setting = Setting { keys: asked_for, allowance: Allowance::Ample, clock: Clocks::Given };
    let contender = make::<K>(who, setting);
    let mut count = 0;
    while count < asked_for && resident_bytes() < MOST_BYTES {
        let more = AT_ONCE.min(asked_for - count);
        new.watch(&*contender, &keys(Order::New, count, more as usize, 0));
        count += more;
    }
    let bytes = resident_bytes().saturating_sub(before);
    known.watch(&*contender, &keys(Order::Uniform, count, 200_000, 1));
    // Whoever has a bound is at it once as many others have come.
    let mut others = 0;
    while others < count.min(2_000_000) && resident_bytes() < MOST_BYTES {
        flood.watch(&*contender, &keys(Order::New, count + others, AT_ONCE as usize, 0));
        others += AT_ONCE;
    }
    Weight {
        who,
        is_text,
        keys: count,
        asked_for,
        bytes_per_key: bytes as f64 / count as f64,
        new: new.checks(),
        known: known.checks(),
        flood: flood.checks(),
    }
}

/// Times single checks.
struct Watch {
    histogram: Histogram<u64>,
    worst_own: u64,
}

impl Watch {
    fn new() -> Self {
        // All its memory is there, and touched, before that of the keys is measured.
        let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 2).expect("bounds in range");
        histogram.record(1).expect("in range");
        histogram.clear();
        Self { histogram, worst_own: 0 }
    }

    #[inline(never)]
    fn watch<K: Key>(&mut self, contender: &dyn Contender<K>, keys: &[K]) {
        let mut switches = switches();
        let mut before = Instant::now();
        for key in keys {
            black_box(contender.check(black_box(key)));
            let after = Instant::now();
            let ns = (after - before).as_nanos() as u64;
            before = after;
            self.histogram.saturating_record(ns);
            if ns > self.worst_own.max(5_000) {
                // Nobody else can have had the processor in less, so if there was a switch, it was during this check.
                let now = self::switches();
                if std::mem::replace(&mut switches, now) == now {
                    self.worst_own = ns;
                }
                before = Instant::now();
            }
        }
    }

    fn checks(&self) -> Checks {
        let at = |share| self.histogram.value_at_quantile(share);
        let worst = self.histogram.max();
        Checks {
            median: at(0.5),
            p99: at(0.99),
            p99_99: at(0.9999),
            worst,
            worst_own: if self.worst_own == 0 { worst.min(5_000) } else { self.worst_own },
        }
    }
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    // SAFETY: asks for a number.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}

/// How often this thread gave up the processor, willingly or not.
#[cfg(target_os = "linux")]
fn switches() -> i64 {
    // SAFETY: zeroes are a value of it, and it is a valid place for one, which is all that the call writes.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage
    };
    usage.ru_nvcsw + usage.ru_nivcsw
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> u64 {
    0
}

#[cfg(not(target_os = "linux"))]
fn switches() -> i64 {
    0
}
