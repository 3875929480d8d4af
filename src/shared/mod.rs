//! Tables that several processes share: in a file, or in memory that the caller has shared.
//!
//! `file` makes, joins and replaces table files; `info` looks at one without joining. What the words of a table mean
//! is the table's own affair (`table::superblock` for those that say what it is).
//!
//! # A file that is cut short
//!
//! Whoever may write a table's file may also truncate it, and no system call tells that to those who have it mapped. What
//! is cut off is gone for all of them: the kernel ends a process that reaches for it with the signal SIGBUS, as a read of
//! the file would have failed. Nothing is caught: a handler would have to be the whole process's, which a library has no
//! claim to, and there is nothing to go on with. Processes that have another table are unharmed, and so is whoever opens
//! the file afterwards, which is refused for its size: remove it, and it is made anew. The mode 0600 keeps others off; of
//! one's own tools, those that rewrite files in place (`cp` onto it, `>`) are the ones to keep off. A file that is removed
//! or replaced by a rename harms nobody: who has it mapped keeps it (see `Limiter::is_current`).
//!
//! A full disk or a full /dev/shm, which would be the same signal, is met when the file is made: all of its bytes are
//! set aside then, or there is an error.

mod create;
mod file;
#[cfg(test)]
mod hostile;
mod info;
mod join;
mod lock;

use crate::error::Error;
use crate::machine::{boot_id, since_boot_ns, wall_clock_ns};
use crate::policy::Policy;
use crate::table::{Description, Geometry, Superblock, Unfit, Words};
pub(crate) use file::TableFile;
pub use info::TableInfo;
pub(crate) use join::LATEST_STEP_NS;

/// What a limiter that wants to share a table asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) policy: Policy,
    pub(crate) max_keys: u64,
    pub(crate) geometry: Geometry,
    /// Whether a table with another policy is to be replaced by one with this.
    pub(crate) replace: bool,
}

impl Wanted {
    /// The description of a new table with a seed of its own.
    pub(crate) fn description(&self) -> Result<Description, Error> {
        let seed = random_seed()?;
        Ok(Description::new(&self.policy, self.max_keys, self.geometry, seed, wall_clock_ns()))
    }
}

/// A table that can be used: its words, and what they were found to be.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) words: Words,
    pub(crate) description: Description,
}

impl Joined {
    pub(crate) fn superblock(&self) -> Superblock<'_> {
        Superblock(&self.words)
    }
}

fn random_seed() -> Result<u64, Error> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|_| Error::NoEntropy)?;
    Ok(u64::from_ne_bytes(seed).max(1))
}

fn this_boot() -> Result<u64, Error> {
    boot_id().map_err(|error| Error::io("tell which boot of the machine this is", &error))
}

/// What to add to this process's time since boot for it to be as many ns outside of its time namespace, plus `offset`.
pub(crate) fn local_offset(offset: u64) -> u64 {
    offset.saturating_add_signed(crate::machine::namespace_offset_ns().saturating_neg())
}

/// The offset by which the machine's time since boot becomes `now`.
fn offset_for(now: u64) -> u64 {
    let since_boot = since_boot_ns().saturating_add_signed(crate::machine::namespace_offset_ns().saturating_neg());
    now.saturating_sub(since_boot)
}

/// Makes a table of the zeroed words, or finds one; whatever it is, it is valid and as wanted afterwards.
fn describe(words: &Words, wanted: &Wanted, new: &Description, place: &str) -> Result<Description, Error> {
    let superblock = Superblock(words);
    let description = superblock.describe(new).map_err(|unfit| unfit.at(place))?;
    description.matches(&wanted.policy, wanted.max_keys).map_err(|unfit| unfit.at(place))?;
    superblock.anchor_first(this_boot()?, offset_for(wall_clock_ns()));
    Ok(description)
}

/// Uses memory that the caller has shared as a table, and makes it one if it is all zero.
///
/// # Safety
/// As [`Words::lent`] says.
pub(crate) unsafe fn attach(region: std::ptr::NonNull<u8>, wanted: &Wanted) -> Result<Joined, Error> {
    // SAFETY: the caller's promise.
    let words = unsafe { Words::lent(region, wanted.geometry.words()) };
    let description = describe(&words, wanted, &wanted.description()?, "in the caller's memory")?;
    Ok(Joined { words, description })
}

impl Unfit {
    /// The error of a table at `place`.
    fn at(self, place: &str) -> Error {
        let place = place.to_owned();
        match self {
            Self::Format(problem) => Error::TableFormat { place, problem },
            Self::Mismatch { what, found, wanted } => Error::TableMismatch { place, what, found, wanted },
        }
    }
}
