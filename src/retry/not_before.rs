//! A time before which nobody is to ask, shared by all who ask one server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The latest time that a server has named to anyone: who heeds it does not knock where others have just been turned away.
///
/// One for each server. Times are nanoseconds of any clock, as long as it is one clock. Safe from any number of threads,
/// without a lock.
///
/// ```
/// use sluicegate::retry::NotBefore;
/// use std::time::Duration;
///
/// let not_before = NotBefore::default();
/// assert_eq!(not_before.wait(1_000), None);
/// not_before.put_off(1_000, Duration::from_nanos(500));
/// not_before.put_off(1_000, Duration::from_nanos(200));
/// assert_eq!(not_before.wait(1_100), Some(Duration::from_nanos(400)));
/// assert_eq!(not_before.wait(1_500), None);
/// ```
#[derive(Debug, Default)]
pub struct NotBefore(AtomicU64);

impl NotBefore {
    /// Nobody is to ask before `now_ns` and `wait` more. A time that is earlier than the one known changes nothing.
    pub fn put_off(&self, now_ns: u64, wait: Duration) {
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        // Relaxed: the number publishes nothing but itself.
        self.0.fetch_max(now_ns.saturating_add(wait_ns), Ordering::Relaxed);
    }

    /// How long it is until then; `None` once it has come.
    #[must_use]
    pub fn wait(&self, now_ns: u64) -> Option<Duration> {
        // Relaxed: as in `put_off`.
        let left = self.0.load(Ordering::Relaxed).saturating_sub(now_ns);
        (left > 0).then(|| Duration::from_nanos(left))
    }
}
