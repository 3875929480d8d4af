//! The lock of a table's file: for whoever sets its clock after a reboot or replaces it, and for nothing else. No check
//! ever takes it, and the kernel takes it back from whoever is killed.

use crate::error::{Error, shown};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// How often a lock that another has is tried, and how long to wait in between: a minute in all. Replacing the largest
/// tables takes seconds.
const TRIES: u32 = 6_000;
const PAUSE: Duration = Duration::from_millis(10);

/// The lock, until this is dropped.
#[derive(Debug)]
pub(super) struct Lock<'file>(&'file File);

impl<'file> Lock<'file> {
    pub(super) fn take(file: &'file File, path: &Path) -> Result<Self, Error> {
        for _ in 0..TRIES {
            match flock(file, libc::LOCK_EX | libc::LOCK_NB) {
                Ok(()) => return Ok(Self(file)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(PAUSE),
                Err(error) => return Err(Error::io(format!("lock {}", shown(path)), &error)),
            }
        }
        let problem = "another process has held the lock for a minute; see that it ends, and try again".to_owned();
        Err(Error::Io { action: format!("lock {}", shown(path)), kind: io::ErrorKind::WouldBlock, problem })
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // A failure would leave it to the end of the file's handle, which is soon.
        let _ = flock(self.0, libc::LOCK_UN);
    }
}

fn flock(file: &File, operation: libc::c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as the file is borrowed, and the call accesses no memory.
    match unsafe { libc::flock(file.as_raw_fd(), operation) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
