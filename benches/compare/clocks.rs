//! Clocks for the contenders that bring none, each as cheap as it can be.

use clock_lib::{Monotonic, Wall};
use governor::nanos::Nanos;
use serde::{Deserialize, Serialize};

/// Where a check's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clocks {
    /// The caller gives it: nothing is read.
    Given,
    /// The time of the kernel's last tick, or of a thread that ticks.
    Coarse,
    /// What each contender does when it is told nothing; the processor's counter, where it says nothing either.
    Default,
}

/// A clock for the maps and the floor.
pub trait Time: Send + Sync + 'static {
    /// Whether reading it takes so long that memory is best fetched meanwhile.
    const IS_READ: bool = true;

    fn now(&self) -> u64;
}

#[derive(Debug, Clone, Copy)]
pub struct Given(pub u64);

impl Time for Given {
    const IS_READ: bool = false;

    #[inline(always)]
    fn now(&self) -> u64 {
        self.0
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Coarse;

impl Time for Coarse {
    #[inline(always)]
    #[cfg(target_os = "linux")]
    fn now(&self) -> u64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid, exclusive place for one timespec, which is all the call writes.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    #[cfg(not(target_os = "linux"))]
    fn now(&self) -> u64 {
        use std::time::{SystemTime, UNIX_EPOCH};
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
    }
}

/// As governor's default clock reads it.
#[derive(Debug, Clone)]
pub struct Precise(quanta::Clock);

impl Precise {
    pub fn new() -> Self {
        Self(quanta::Clock::new())
    }
}

impl Time for Precise {
    #[inline(always)]
    fn now(&self) -> u64 {
        self.0.delta_as_nanos(0, self.0.raw())
    }
}

/// A clock of ours for governor: cheaper than its own fake one, which is behind a pointer.
#[derive(Debug, Clone)]
pub struct ForGovernor<T>(pub T);

impl<T: Time> governor::clock::Clock for ForGovernor<T> {
    type Instant = Nanos;

    #[inline(always)]
    fn now(&self) -> Nanos {
        self.0.now().into()
    }
}

/// The same for rate-net, whose own manual one computes.
#[derive(Debug, Clone)]
pub struct GivenForRateNet(pub Monotonic);

impl clock_lib::Clock for GivenForRateNet {
    #[inline(always)]
    fn now(&self) -> Monotonic {
        self.0
    }

    fn wall(&self) -> Wall {
        Wall::now()
    }
}
