//! Making a table's file, so that under its name there is a whole table or none.

use super::{Joined, Wanted, describe};
use crate::error::Error;
use crate::table::{Description, Mapping, Words};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Only the owner may read (keys are hashed, but how much they have used is nobody's business) or write it.
const MODE: u32 = 0o600;

/// A table in a file that has no name yet, or one that only its maker knows.
#[derive(Debug)]
pub(super) struct Unpublished {
    pub(super) file: File,
    pub(super) joined: Joined,
    name: Option<TemporaryName>,
}

impl Unpublished {
    /// A table in a file without a name, or, where the file system has no such files, as [`named`](Self::named).
    pub(super) fn nameless(path: &Path, wanted: &Wanted, new: &Description) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .mode(MODE)
            .custom_flags(libc::O_TMPFILE)
            .open(directory_of(path));
        match file {
            Ok(file) => Self::make(file, None, path, wanted, new),
            // What kernels and file systems say that do not know the flag.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL)) => {
                Self::named(path, wanted, new)
            }
            Err(error) => Err(cannot_make(path, &error)),
        }
    }

    /// A table in a file beside `path` with a name that nobody else uses.
    pub(super) fn named(path: &Path, wanted: &Wanted, new: &Description) -> Result<Self, Error> {
        let name = TemporaryName::beside(path)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(&name.0);
        let file = file.map_err(|error| cannot_make(path, &error))?;
        Self::make(file, Some(name), path, wanted, new)
    }

    fn make(
        file: File,
        name: Option<TemporaryName>,
        path: &Path,
        wanted: &Wanted,
        new: &Description,
    ) -> Result<Self, Error> {
        let fail = |error: io::Error| cannot_make(path, &error);
        // The mode that was asked for is cut by the process's umask.
        file.set_permissions(Permissions::from_mode(MODE)).map_err(fail)?;
        let bytes = wanted.geometry.bytes();
        reserve(&file, bytes).map_err(fail)?;
        // A geometry fits the address space.
        let mapping = Mapping::of_file(&file, bytes as usize).map_err(fail)?;
        let words = Words::mapped(mapping, wanted.geometry.words());
        let description = describe(&words, wanted, new, &path.display().to_string())?;
        Ok(Self { file, joined: Joined { words, description }, name })
    }

    /// Gives the file its name, unless there is one of that name: `None`.
    pub(super) fn publish(self, path: &Path) -> Result<Option<Joined>, Error> {
        let fail = |error: io::Error| cannot_make(path, &error);
        // So that after a loss of power the file is whole or not there.
        self.file.sync_all().map_err(fail)?;
        let link = match &self.name {
            Some(name) => fs::hard_link(&name.0, path),
            None => link_nameless(&self.file, path),
        };
        match link {
            Ok(()) => Ok(Some(self.joined)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(fail(error)),
        }
    }

    /// Puts the file in the place of the one named `path`.
    pub(super) fn put_in_place_of(mut self, path: &Path) -> Result<Joined, Error> {
        self.file.sync_all().map_err(|error| cannot_make(path, &error))?;
        if let Some(name) = self.name.take() {
            fs::rename(&name.0, path).map_err(|error| cannot_make(path, &error))?;
            name.forget();
        }
        Ok(self.joined)
    }
}

/// A name that goes away with this, so that nothing is left behind by whoever fails.
#[derive(Debug)]
struct TemporaryName(PathBuf);

impl TemporaryName {
    fn beside(path: &Path) -> Result<Self, Error> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{:016x}.new", super::random_seed()?));
        Ok(Self(name.into()))
    }

    /// The file has another name now.
    fn forget(mut self) {
        self.0.clear();
    }
}

impl Drop for TemporaryName {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // It may not have been made; otherwise there is nobody to tell.
            let _ = fs::remove_file(&self.0);
        }
    }
}

fn cannot_make(path: &Path, error: &io::Error) -> Error {
    Error::io(format!("make the table {}", path.display()), error)
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Has the file system set the bytes aside, all zero: a full disk is an error now and not a signal later.
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    let bytes = libc::off_t::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::StorageFull))?;
    // SAFETY: the descriptor is open as long as the file is borrowed, and the call accesses no memory.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, bytes) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Gives a file without a name one, unless it is taken.
fn link_nameless(file: &File, path: &Path) -> io::Result<()> {
    let from = c_path(format!("/proc/self/fd/{}", file.as_raw_fd()).as_ref())?;
    let to = c_path(path)?;
    // SAFETY: both are strings that end with a zero and live as long as the call.
    let result = unsafe {
        libc::linkat(libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), libc::AT_SYMLINK_FOLLOW)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn c_path(path: &Path) -> io::Result<std::ffi::CString> {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}
