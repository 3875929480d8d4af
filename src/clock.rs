//! Clocks: where a check without a time of its own gets one.
//!
//! Time is a whole number of nanoseconds since the Unix epoch, so that windows begin at round wall-clock
//! times. The clocks here read the wall clock once and count on by a monotonic clock: a step of the wall
//! clock (NTP, an operator) neither admits nor denies anything.

use crate::machine::{coarse_monotonic_ns, since_boot_ns, wall_clock_ns};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A source of time in nanoseconds since the Unix epoch.
///
/// A clock that steps back is safe: a late time never earns anything (see the crate's documentation).
pub trait Clock {
    /// The time now, in nanoseconds since the Unix epoch.
    fn now(&self) -> u64;

    /// Called once when a limiter joins a shared table, before the first reading: all that share one must agree on
    /// the time, so a clock that chose its own beginning takes the table's. `offset_ns` is what they add to the time
    /// since the machine's boot (`CLOCK_BOOTTIME` in this process) to get nanoseconds since the Unix epoch.
    ///
    /// A clock whose time comes from elsewhere has nothing to do, as here.
    fn anchor(&mut self, offset_ns: u64) {
        let _ = offset_ns;
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> u64 {
        (**self).now()
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> u64 {
        (**self).now()
    }
}

/// The default clock: a monotonic clock that knows the wall time at which it was made.
///
/// Precise to the nanosecond and never steps back, on any thread. It goes on while the machine is suspended (on Linux;
/// elsewhere it may stand still, and limits last a little longer then, never shorter). With a shared table, it is the
/// table's, and the same in all processes.
///
/// ```
/// use sluicegate::{Clock, MonotonicClock};
/// let clock = MonotonicClock::new();
/// let first = clock.now();
/// assert!(clock.now() >= first);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock {
    offset_ns: u64,
}

impl MonotonicClock {
    /// A clock that starts from the wall time now.
    #[must_use]
    pub fn new() -> Self {
        Self { offset_ns: wall_clock_ns().saturating_sub(since_boot_ns()) }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    #[inline]
    fn now(&self) -> u64 {
        self.offset_ns.saturating_add(since_boot_ns())
    }

    fn anchor(&mut self, offset_ns: u64) {
        self.offset_ns = offset_ns;
    }
}

/// A clock several times cheaper to read than [`MonotonicClock`], that moves in steps of the kernel's tick
/// (1 to 10 ms). It is at most a tick behind, never ahead. It stands still while the machine is suspended.
///
/// On systems other than Linux it is as precise, and as dear, as `MonotonicClock`.
#[derive(Debug, Clone, Copy)]
pub struct CoarseClock {
    offset_ns: u64,
}

impl CoarseClock {
    /// A clock that starts from the wall time now.
    #[must_use]
    pub fn new() -> Self {
        Self { offset_ns: wall_clock_ns().saturating_sub(coarse_monotonic_ns()) }
    }
}

impl Default for CoarseClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for CoarseClock {
    #[inline]
    fn now(&self) -> u64 {
        self.offset_ns.saturating_add(coarse_monotonic_ns())
    }

    fn anchor(&mut self, offset_ns: u64) {
        #[cfg(target_os = "linux")]
        let suspended_ns = since_boot_ns().saturating_sub(crate::machine::monotonic_ns());
        #[cfg(not(target_os = "linux"))]
        let suspended_ns = 0;
        self.offset_ns = offset_ns.saturating_add(suspended_ns);
    }
}

/// A clock that stands where it is put: for tests and replays.
///
/// ```
/// use sluicegate::{Limiter, ManualClock, Policy};
/// use std::{sync::Arc, time::Duration};
///
/// let clock = Arc::new(ManualClock::new(0));
/// let limiter = Limiter::builder("token-bucket 1/s".parse::<Policy>()?).clock(clock.clone()).build()?;
/// assert!(limiter.check("key").allowed());
/// assert!(!limiter.check("key").allowed());
/// clock.advance(Duration::from_secs(1));
/// assert!(limiter.check("key").allowed());
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ns: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `unix_ns`.
    #[must_use]
    pub const fn new(unix_ns: u64) -> Self {
        Self { now_ns: AtomicU64::new(unix_ns) }
    }

    /// Puts the clock to `unix_ns`, forwards or back.
    pub fn set(&self, unix_ns: u64) {
        // Relaxed: the clock's value publishes nothing but itself.
        self.now_ns.store(unix_ns, Ordering::Relaxed);
    }

    /// Moves the clock on, up to the largest time a `u64` holds.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        // Relaxed: as in `set`. The closure never declines, so there is no error to see.
        let _ = self.now_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(by)));
    }
}

impl Clock for ManualClock {
    #[inline]
    fn now(&self) -> u64 {
        // Relaxed: as in `set`.
        self.now_ns.load(Ordering::Relaxed)
    }
}
