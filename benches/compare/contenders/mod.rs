//! The contenders: a limiter each, asked for one permit of a key at a time, or for a batch where it can.

mod floor;
mod gcra;
mod maps;
mod peers;
mod sluice;

use crate::clocks::{Clocks, Coarse, ForGovernor, Given, GivenForRateNet, Precise, Time};
use crate::keys::Key;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sluicegate_bench::{AMPLE, NOW, time, wait_for_memory};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Duration;

/// A limiter under test.
///
/// The loops are the trait's own, so that each contender has them compiled for itself. Not in line: one function with
/// all of them in it has no registers left for any.
pub trait Contender<K: Key>: Sync {
    /// Whether a request of the key was admitted.
    fn check(&self, key: &K) -> bool;

    /// ns per check, one after another as fast as they go.
    #[inline(never)]
    fn back_to_back(&self, keys: &[K]) -> f64 {
        time(keys.len(), || keys.iter().for_each(|key| _ = black_box(self.check(black_box(key)))))
    }

    /// ns per check when each waits until the one before is done with memory: what a lone request pays.
    #[inline(never)]
    fn isolated(&self, keys: &[K]) -> f64 {
        time(keys.len(), || {
            for key in keys {
                black_box(self.check(black_box(key)));
                wait_for_memory();
            }
        })
    }

    /// ns per check when so many are asked for at once; `None` if it cannot be.
    fn in_batches(&self, keys: &[K], size: usize) -> Option<f64> {
        let _ = (keys, size);
        None
    }
}

/// ns per check and thread, on two threads at once.
pub fn on_two_threads<K: Key>(contender: &dyn Contender<K>, keys: &[K]) -> f64 {
    let (left, right) = keys.split_at(keys.len() / 2);
    let start = Barrier::new(2);
    let run = |keys| {
        start.wait();
        contender.back_to_back(keys)
    };
    let times = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(left));
        [run(right), other.join().expect("a check does not panic")]
    });
    times.iter().sum::<f64>() / 2.0
}

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// sluicegate, on the heap, from Rust.
    Sluicegate,
    /// sluicegate through its C functions, by pointers that the compiler cannot see behind.
    SluicegateC,
    /// sluicegate with its table in a file on /dev/shm.
    SluicegateShared,
    /// governor as it comes: its default store and hasher.
    Governor,
    /// governor with foldhash, which is not its default.
    GovernorFast,
    /// rate-net, told how many keys there are.
    RateNet,
    /// 256 hash tables with a mutex each and foldhash, with GCRA: the strongest of the simple ones.
    ShardedMutex,
    /// A papaya map with foldhash of atomic words, with GCRA.
    Papaya,
    /// An scc map with foldhash, with GCRA.
    Scc,
    /// pingora-limits' rate as it comes: an estimate over 4 times 1024 counters, and no limiter.
    Pingora,
    /// No limiter: a hash, one touch of a slot of 16 bytes and one compare-and-swap, in a table of sluicegate's size.
    Floor,
}

impl Who {
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// sluicegate itself, whichever way.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Sluicegate | Self::SluicegateC | Self::SluicegateShared)
    }

    /// Whether it is a limiter of others that admits what a limit says and no more.
    pub fn is_exact_peer(self) -> bool {
        !self.is_ours() && !matches!(self, Self::Pingora | Self::Floor)
    }
}

/// What each key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// All that is asked for.
    Ample,
    /// One request.
    One,
}

impl Allowance {
    fn burst(self) -> u64 {
        match self {
            Self::Ample => AMPLE,
            Self::One => 1,
        }
    }
}

/// What a contender is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// How many keys there are to be room for.
    pub keys: u64,
    pub allowance: Allowance,
    pub clock: Clocks,
}

/// A contender, which is empty.
pub fn make<K: Key>(who: Who, setting: Setting) -> Box<dyn Contender<K>> {
    // What is known when the benches are compiled is not known to a program that is given the time.
    let given = Given(black_box(NOW));
    match who {
        Who::Sluicegate | Who::SluicegateShared => sluice::in_rust(who == Who::SluicegateShared, setting),
        Who::SluicegateC => Box::new(sluice::InC::new(setting)),
        Who::Governor => governor::<K, std::hash::RandomState>(setting, given),
        Who::GovernorFast => governor::<K, foldhash::fast::RandomState>(setting, given),
        Who::RateNet => rate_net(setting),
        Who::Pingora => Box::new(peers::pingora(setting)),
        Who::ShardedMutex | Who::Papaya | Who::Scc | Who::Floor => match setting.clock {
            Clocks::Given => with_gcra(who, setting, given),
            Clocks::Coarse => with_gcra(who, setting, Coarse),
            Clocks::Default => with_gcra(who, setting, Precise::new()),
        },
    }
}

/// What has no rule and no clock of its own.
fn with_gcra<K: Key, T: Time>(who: Who, setting: Setting, time: T) -> Box<dyn Contender<K>> {
    let gcra = gcra::Gcra::new(setting.allowance.burst());
    match who {
        Who::Papaya => Box::new(maps::Papaya::new(gcra, time)),
        Who::Scc => Box::new(maps::Scc::new(gcra, time)),
        Who::Floor => Box::new(floor::Floor::new(setting.keys, gcra, time)),
        _ => Box::new(maps::Sharded::new(gcra, time)),
    }
}

fn governor<K: Key, S>(setting: Setting, given: Given) -> Box<dyn Contender<K>>
where
    S: std::hash::BuildHasher + Clone + Default + Send + Sync + 'static,
{
    match setting.clock {
        Clocks::Given => Box::new(peers::governor::<K, S, _>(setting, ForGovernor(given))),
        Clocks::Coarse => Box::new(peers::governor::<K, S, _>(setting, ForGovernor(Coarse))),
        Clocks::Default => Box::new(peers::governor::<K, S, _>(setting, governor::clock::DefaultClock::default())),
    }
}

fn rate_net<K: Key>(setting: Setting) -> Box<dyn Contender<K>> {
    match setting.clock {
        Clocks::Given => Box::new(peers::rate_net(setting, GivenForRateNet(clock_lib::Monotonic::now()))),
        Clocks::Coarse => {
            let clock = rate_net::CoarseClock::spawn(Duration::from_millis(1)).expect("a thread");
            Box::new(peers::rate_net(setting, clock))
        }
        Clocks::Default => Box::new(peers::rate_net(setting, clock_lib::SystemClock::new())),
    }
}
