//! Tables that several processes share: in a file, or in memory that the caller has shared.
//!
//! What is promised to users, and the file's format, is in [`shared_tables`](crate::shared_tables).
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
mod trust;
mod wanted;

use crate::error::Error;
use crate::machine::{boot_id, namespace_offset_ns, since_boot_ns, wall_clock_ns};
use crate::table::{Description, Superblock, Unfit, Words};
pub(crate) use file::TableFile;
pub(crate) use info::look_at;
pub(crate) use wanted::Wanted;

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
    words: Words,
    description: Description,
}

impl Joined {
    /// The seed of the keys' hash.
    pub(crate) fn seed(&self) -> u64 {
        self.description.seed()
    }

    /// What to add to this process's time since boot to get the table's time.
    pub(crate) fn clock_offset(&self) -> Result<u64, Error> {
        local_offset(self.superblock().offset())
    }

    pub(crate) fn into_words(self) -> Words {
        self.words
    }

    fn superblock(&self) -> Superblock<'_> {
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

/// What to add to this process's time since boot to get the time of a table whose clock has this offset.
fn local_offset(offset: u64) -> Result<u64, Error> {
    Ok(offset.saturating_add_signed(out_of_namespace()?))
}

/// The time of a table whose clock is this boot's and has this offset.
fn time_by(offset: u64) -> Result<u64, Error> {
    Ok(local_offset(offset)?.saturating_add(since_boot_ns()))
}

/// The offset of the clock of a table whose time is `now`.
fn offset_for(now: u64) -> Result<u64, Error> {
    Ok(now.saturating_sub(since_boot_ns().saturating_add_signed(out_of_namespace()?)))
}

/// What to add to this process's time since boot to get that outside of all time namespaces, in ns.
fn out_of_namespace() -> Result<i64, Error> {
    let error = |error: std::io::Error| Error::io("tell which time namespace this process is in", &error);
    namespace_offset_ns().map(i64::saturating_neg).map_err(error)
}

/// Makes a table of the zeroed words, or finds one; whatever it is, it is valid and as wanted afterwards.
fn describe(words: &Words, wanted: &Wanted, new: &Description, place: &str) -> Result<Description, Error> {
    let superblock = Superblock(words);
    let description = superblock.describe(new).map_err(|unfit| unfit.at(place))?;
    description.matches(&wanted.policy, wanted.max_keys).map_err(|unfit| unfit.at(place))?;
    superblock.anchor_first(this_boot()?, offset_for(wall_clock_ns())?);
    Ok(description)
}

/// Uses memory that the caller has shared as a table, and makes it one if it is all zero.
///
/// # Safety
/// As [`Words::lent`] says.
pub(crate) unsafe fn attach(region: std::ptr::NonNull<u8>, wanted: &Wanted) -> Result<Joined, Error> {
    // SAFETY: the caller's promise.
    let words = unsafe { Words::lent(region, wanted.geometry.words()) };
    let place = "the caller's memory";
    let description = describe(&words, wanted, &wanted.description()?, place)?;
    let joined = Joined { words, description };
    if joined.superblock().boot() == this_boot()? {
        return Ok(joined);
    }
    // Others may be using it, and there is no file's lock for whoever sets its clock anew.
    let problem =
        "it was kept from another boot of the machine; open a table's file by its path, or zero the memory";
    Err(Unfit::Format(problem.to_owned()).at(place))
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
