//! What a shared table's file holds, for whoever looks at it without joining.

use crate::error::Error;
use crate::policy::Policy;
use std::path::Path;

/// What a shared table's file holds. The counts go on from the making of the table.
///
/// ```
/// use sluicegate::{Limiter, Policy, TableInfo};
///
/// let path = std::env::temp_dir().join(format!("sluicegate-example-{}", std::process::id()));
/// let limiter = Limiter::open(&path, "token-bucket 10/s".parse::<Policy>()?, 1_000)?;
/// assert!(limiter.check("somebody").allowed());
/// let info = TableInfo::read(&path)?;
/// assert_eq!((info.policy.to_string().as_str(), info.live_keys), ("token-bucket 10/s", 1));
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableInfo {
    /// The policy that every key is held to.
    pub policy: Policy,
    /// Keys that can be live at once before anything is evicted or refused.
    pub max_keys: u64,
    /// Keys that are live now.
    pub live_keys: u64,
    /// The file's size in bytes.
    pub bytes: u64,
    /// When the table was made, in ns since the Unix epoch.
    pub made_at_unix_ns: u64,
    /// The latest time that a limiter has seen, to a second; 0 where there was none yet.
    pub last_used_unix_ns: u64,
    /// The table's time, in ns since the Unix epoch: by its clock, or by the wall if it was not used since a reboot.
    pub now_unix_ns: u64,
    /// How often a key was given a slot.
    pub inserted: u64,
    /// How often a live key had to give way to a new one.
    pub evicted: u64,
    /// Requests denied because the table was full.
    pub refused_full: u64,
    /// Requests allowed uncounted because the table was full.
    pub allowed_full: u64,
}

impl TableInfo {
    /// What the table at `path` holds. Changes nothing, and needs the right to read it alone.
    ///
    /// Others may go on using the table meanwhile: each number is true of some instant during the call.
    ///
    /// # Errors
    /// A file that is not there, cannot be read, or is no table.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        crate::shared::look_at(path.as_ref())
    }
}
