//! Joining the table in a file: everything is looked at before anything is used.

use super::lock::Lock;
use super::{Joined, offset_for, this_boot};
use crate::error::{Error, shown};
use crate::machine::wall_clock_ns;
use crate::policy::Policy;
use crate::table::{DESCRIPTION_WORDS, Description, Geometry, LATEST_STEP_NS, Mapping, Superblock, Words};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Opens a table's file to look at, or with `write` for use; `None` where there is none.
pub(super) fn open_file(path: &Path, write: bool) -> Result<Option<File>, Error> {
    // A pipe must not keep the call waiting, nor a terminal become the process's own.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    match OpenOptions::new().read(true).write(write).custom_flags(flags).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("open the table {}", shown(path)), &error)),
    }
}

/// What the file says that it is, once all of that is found to be true.
pub(super) fn read_description(file: &File, path: &Path) -> Result<(Description, Policy), Error> {
    let place = shown(path);
    let fail = |problem: &str| Err(Error::TableFormat { place: place.clone(), problem: problem.to_owned() });
    let cannot_read = |error: io::Error| Error::io(format!("read the table {place}"), &error);
    let metadata = file.metadata().map_err(cannot_read)?;
    if !metadata.is_file() {
        return fail("it is no regular file");
    }
    let mut bytes = [0; DESCRIPTION_WORDS * 8];
    if metadata.len() < bytes.len() as u64 {
        return fail(&format!("it has {} bytes, fewer than any table", metadata.len()));
    }
    file.read_exact_at(&mut bytes, 0).map_err(cannot_read)?;
    let description = Description::from_bytes(&bytes);
    let policy = description.validate().map_err(|unfit| unfit.at(&place))?;
    if metadata.len() != description.bytes() {
        return fail(&format!("it has {} bytes where there should be {}", metadata.len(), description.bytes()));
    }
    Ok((description, policy))
}

/// Maps the file that `description`, which is valid, is of.
pub(super) fn map(file: &File, path: &Path, description: Description) -> Result<Joined, Error> {
    let geometry = geometry_of(&description);
    let mapping = Mapping::of_file(file, geometry.bytes() as usize);
    let mapping = mapping.map_err(|error| Error::io(format!("map the table {}", shown(path)), &error))?;
    Ok(Joined { words: Words::mapped(mapping, geometry.words()), description })
}

/// The sizes of the table that a valid description is of.
pub(super) fn geometry_of(description: &Description) -> Geometry {
    Geometry::new(description.max_keys()).expect("a valid description has a size")
}

/// Sees to it that the table's clock is this boot's.
pub(super) fn anchor(superblock: Superblock<'_>, file: &File, path: &Path) -> Result<(), Error> {
    let boot = this_boot()?;
    if superblock.boot() == boot {
        return Ok(());
    }
    let _lock = Lock::take(file, path)?;
    anchor_while_locked(superblock)
}

/// The same for who has the lock.
pub(super) fn anchor_while_locked(superblock: Superblock<'_>) -> Result<(), Error> {
    let boot = this_boot()?;
    if superblock.boot() != boot {
        // Never behind what the table has seen, which was noted up to a step late.
        let seen = superblock.latest().saturating_add(LATEST_STEP_NS);
        let now = if superblock.latest() == 0 { wall_clock_ns() } else { wall_clock_ns().max(seen) };
        superblock.anchor_again(boot, offset_for(now.min(crate::MAX_UNIX_NS))?);
    }
    Ok(())
}
