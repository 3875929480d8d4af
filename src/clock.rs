//! Clocks: where a check without a time of its own gets one.
//!
//! Time is a whole number of nanoseconds since the Unix epoch, so that windows begin at round wall-clock
//! times. The clocks here read the wall clock once and count on by a monotonic clock: a step of the wall
//! clock (NTP, an operator) neither admits nor denies anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch by the wall clock, 0 for a clock set before 1970.
fn wall_clock_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// A source of time in nanoseconds since the Unix epoch.
///
/// A clock that steps back is safe: a late time never earns anything (see the crate's documentation).
pub trait Clock {
    /// The time now, in nanoseconds since the Unix epoch.
    fn now(&self) -> u64;
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
/// Precise to the nanosecond and never steps back, on any thread. It stands still while the machine is
/// suspended, so limits last a little longer then, never shorter.
///
/// ```
/// use sluicegate::{Clock, MonotonicClock};
/// let clock = MonotonicClock::new();
/// let first = clock.now();
/// assert!(clock.now() >= first);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock {
    made_at: Instant,
    made_at_unix_ns: u64,
}

impl MonotonicClock {
    /// A clock that starts from the wall time now.
    #[must_use]
    pub fn new() -> Self {
        Self { made_at: Instant::now(), made_at_unix_ns: wall_clock_ns() }
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
        // u64 nanoseconds last 584 years, so the cast loses nothing in any machine's uptime.
        self.made_at_unix_ns.saturating_add(self.made_at.elapsed().as_nanos() as u64)
    }
}

/// A clock several times cheaper to read than [`MonotonicClock`], that moves in steps of the kernel's tick
/// (1 to 10 ms). It is at most a tick behind, never ahead.
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
}

#[cfg(target_os = "linux")]
#[inline]
fn coarse_monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, exclusive place for one timespec, which is all the call writes. The clock
    // exists since Linux 2.6.32, before any kernel Rust supports, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(not(target_os = "linux"))]
fn coarse_monotonic_ns() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
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
