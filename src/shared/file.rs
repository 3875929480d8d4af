//! A table's file, as a limiter uses it.

use super::create::Unpublished;
use super::join::{anchor, anchor_while_locked, map, open_file, read_description};
use super::lock::Lock;
use super::{Joined, Wanted, time_by, trust};
use crate::algorithm::Rule;
use crate::error::{Error, shown};
use crate::policy::Policy;
use crate::table::{Description, OnFull, Table};
use std::fs::{File, canonicalize, metadata, symlink_metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How often a file that changes under its name is opened anew before that is an error.
const TRIES: u32 = 1_000;

/// Which file it is, whatever becomes of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl TableFile {
    /// Joins the table at `path`, or makes it; of several makers one's becomes the table, and the others join it.
    pub(crate) fn open(path: &Path, wanted: &Wanted) -> Result<(Joined, Self), Error> {
        let fail = |error: io::Error| Error::io(format!("open the table {}", shown(path)), &error);
        // Absolute, so that it names the same file when the process goes to another directory.
        let path = std::path::absolute(path).map_err(fail)?;
        for _ in 0..TRIES {
            // The file itself: whatever replaces it must take its place, and not that of a link to it.
            let is_link = symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
            let target = if is_link { canonicalize(&path).map_err(fail)? } else { path.clone() };
            if let Some((joined, this)) = Self::join_or_make(&target, wanted)? {
                return Ok((joined, Self { path, ..this }));
            }
        }
        let (kind, problem) =
            (io::ErrorKind::WouldBlock, "it is made, replaced or removed all the time".to_owned());
        Err(Error::Io { action: format!("open the table {}", shown(&path)), kind, problem })
    }

    /// One try; `None` where another process was quicker.
    fn join_or_make(path: &Path, wanted: &Wanted) -> Result<Option<(Joined, Self)>, Error> {
        let Some(file) = open_file(path, true)? else {
            let new = Unpublished::nameless(path, wanted, &wanted.description()?)?;
            let this = Self::of(&new.file, path)?;
            return Ok(new.publish(path)?.map(|joined| (joined, this)));
        };
        let (description, policy) = read_description(&file, path)?;
        trust::written_by_no_stranger(&file, path)?;
        trust::on_this_machine(&file, path)?;
        match description.matches(&wanted.policy, wanted.max_keys) {
            Ok(()) => {
                let joined = map(&file, path, description)?;
                anchor(joined.superblock(), &file, path)?;
                Ok(Some((joined, Self::of(&file, path)?)))
            }
            // Only the policy can be replaced: the keys' places depend on all the rest.
            Err(_) if wanted.replace && description.max_keys() == wanted.max_keys => {
                Self::replace(&file, path, description, &policy, wanted)
            }
            Err(unfit) => Err(unfit.at(&shown(path))),
        }
    }

    /// Puts a table with the policy that is wanted in the place of one with another, and what the keys have consumed
    /// into it.
    fn replace(
        file: &File,
        path: &Path,
        old: Description,
        old_policy: &Policy,
        wanted: &Wanted,
    ) -> Result<Option<(Joined, Self)>, Error> {
        let _lock = Lock::take(file, path)?;
        if !Self::of(file, path)?.is_current() {
            return Ok(None);
        }
        let old_joined = map(file, path, old)?;
        anchor_while_locked(old_joined.superblock())?;
        let new = Description::new(&wanted.policy, wanted.max_keys, wanted.geometry, old.seed(), old.made_at());
        let mut unpublished = Unpublished::nameless(path, wanted, &new)?;
        let this = Self::of(&unpublished.file, path)?;
        unpublished.joined = take_over(unpublished.joined, wanted, old_joined, old_policy)?;
        Ok(Some((unpublished.put_in_place_of(path)?, this)))
    }

    fn of(file: &File, path: &Path) -> Result<Self, Error> {
        let metadata = file.metadata().map_err(|error| Error::io(format!("look at {}", shown(path)), &error))?;
        Ok(Self { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() })
    }

    /// Whether the file is still the one that has its name.
    pub(crate) fn is_current(&self) -> bool {
        metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }
}

/// The new table with the old one's clock, and its keys, which have consumed what they had.
fn take_over(new: Joined, wanted: &Wanted, old: Joined, old_policy: &Policy) -> Result<Joined, Error> {
    let (from, to) = (old.superblock(), new.superblock());
    to.anchor_again(from.boot(), from.offset());
    to.note_latest(from.latest());
    let now = time_by(from.offset())?;
    let description = new.description;
    let table = |policy: &Policy, words| -> Result<Table, Error> {
        Ok(Table::over(words, Rule::of(policy)?, wanted.geometry, OnFull::default()))
    };
    let (old, new) = (table(old_policy, old.words)?, table(&wanted.policy, new.words)?);
    new.adopt(&old, now);
    Ok(Joined { words: new.into_words(), description })
}
