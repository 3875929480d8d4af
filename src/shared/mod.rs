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
use crate::policy::Policy;
use crate::table::{Description, Superblock, Unfit, Words};
pub(crate) use file::TableFile;
pub(crate) use info::look_at;
use std::ptr::NonNull;
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

    /// Refuses memory whose clock is another boot's: others may be using it, and there is no file's lock for whoever sets
    /// it anew.
    fn of_this_boot(self) -> Result<Self, Error> {
        if self.superblock().boot() == this_boot()? {
            return Ok(self);
        }
        let problem =
            "it was kept from another boot of the machine; open a table's file by its path, or zero the memory";
        Err(Unfit::Format(problem.to_owned()).at(CALLERS_MEMORY))
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
    describe_any(words, new, place, |found| found.matches(&wanted.policy, wanted.max_keys))
}

/// The same for whatever `fits`, which looks at all of a description.
fn describe_any(
    words: &Words,
    new: &Description,
    place: &str,
    fits: impl FnOnce(&Description) -> Result<(), Unfit>,
) -> Result<Description, Error> {
    let superblock = Superblock(words);
    let description = superblock.describe(new).map_err(|unfit| unfit.at(place))?;
    fits(&description).map_err(|unfit| unfit.at(place))?;
    superblock.anchor_first(this_boot()?, offset_for(wall_clock_ns())?);
    Ok(description)
}

/// What errors call memory that has no name.
const CALLERS_MEMORY: &str = "the caller's memory";

/// Uses memory that the caller has shared as a table, and makes it one if it is all zero.
///
/// # Safety
/// As [`Words::lent`] says.
pub(crate) unsafe fn attach(region: NonNull<u8>, wanted: &Wanted) -> Result<Joined, Error> {
    // SAFETY: the caller's promise.
    let words = unsafe { Words::lent(region, wanted.geometry.words()) };
    let description = describe(&words, wanted, &wanted.description()?, CALLERS_MEMORY)?;
    Joined { words, description }.of_this_boot()
}

/// The same, but a table that is there already may have another policy.
///
/// # Safety
/// As [`Words::lent`] says.
pub(crate) unsafe fn attach_to_any(region: NonNull<u8>, wanted: &Wanted) -> Result<Joined, Error> {
    // SAFETY: the caller's promise.
    let words = unsafe { Words::lent(region, wanted.geometry.words()) };
    let fits = |found: &Description| found.is_for(wanted.max_keys).map(drop);
    let description = describe_any(&words, &wanted.description()?, CALLERS_MEMORY, fits)?;
    Joined { words, description }.of_this_boot()
}

/// Makes a table with the policy that is wanted, and the seed, the clock and the age of `old`, of words that are all zero.
pub(crate) fn succeed(words: &Words, wanted: &Wanted, old: Superblock<'_>) -> Result<(), Error> {
    let origin = old.read();
    let new = Description::new(&wanted.policy, wanted.max_keys, wanted.geometry, origin.seed(), origin.made_at());
    let superblock = Superblock(words);
    superblock.describe(&new).map_err(|unfit| unfit.at(CALLERS_MEMORY))?;
    superblock.anchor_first(old.boot(), old.offset());
    superblock.note_latest(old.latest());
    Ok(())
}

/// Uses the table that others have made in these words for so many keys.
pub(crate) fn join(words: Words, max_keys: u64) -> Result<Joined, Error> {
    let description = Superblock(&words).read();
    description.is_for(max_keys).map_err(|unfit| unfit.at(CALLERS_MEMORY))?;
    Joined { words, description }.of_this_boot()
}

/// The policy of the table that others have made in these words for so many keys, with this seed.
pub(crate) fn policy_in(words: &Words, max_keys: u64, seed: u64) -> Result<Policy, Error> {
    let description = Superblock(words).read();
    let policy = description.is_for(max_keys).map_err(|unfit| unfit.at(CALLERS_MEMORY))?;
    if description.seed() == seed {
        return Ok(policy);
    }
    Err(Unfit::Format("its seed is not that of the table before".to_owned()).at(CALLERS_MEMORY))
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
