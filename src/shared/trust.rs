//! Which files are taken for tables: those that no stranger can cut short or write, on file systems whose memory is
//! this machine's alone.

use crate::error::{Error, shown};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Refuses a file that somebody may write who is neither its owner nor of its group, or that belongs to a stranger.
///
/// Whoever may write a table decides what its limits are, and can end all who use it by cutting it short. In a directory
/// that all may write to, such as /dev/shm, anybody can put a file where a table is expected.
pub(super) fn written_by_no_stranger(file: &File, path: &Path) -> Result<(), Error> {
    let metadata = file.metadata().map_err(|error| Error::io(format!("look at {}", shown(path)), &error))?;
    let problem = if metadata.mode() & 0o002 != 0 {
        "everybody on the machine may write to it (chmod o-w would mend that)".to_owned()
    } else if is_trusted(metadata.uid()) || metadata.mode() & 0o020 != 0 && is_own_group(metadata.gid()) {
        return Ok(());
    } else {
        format!(
            "it belongs to user {}, which is neither this process's nor root (to share it, make its group one of this \
             process's and give the group the right to write)",
            metadata.uid()
        )
    };
    Err(Error::TableFormat { place: shown(path), problem })
}

fn is_trusted(owner: u32) -> bool {
    // SAFETY: the call accesses no memory and cannot fail.
    owner == 0 || owner == unsafe { libc::geteuid() }
}

fn is_own_group(group: u32) -> bool {
    // SAFETY: the call accesses no memory and cannot fail.
    if group == unsafe { libc::getegid() } {
        return true;
    }
    // SAFETY: told that there is no room, the call writes nothing and says how much it needs.
    let count = unsafe { libc::getgroups(0, std::ptr::null_mut()) };
    let mut groups = vec![0; usize::try_from(count).unwrap_or(0)];
    // SAFETY: the vector has room for as many as it says.
    let count = unsafe { libc::getgroups(groups.len() as libc::c_int, groups.as_mut_ptr()) };
    groups.truncate(usize::try_from(count).unwrap_or(0));
    groups.contains(&group)
}

/// Refuses a file on a network file system: another machine that maps it has memory of its own, and so a limit.
pub(super) fn on_this_machine(file: &File, path: &Path) -> Result<(), Error> {
    let action = || format!("share the table {}", shown(path));
    // SAFETY: all zero is a valid statfs.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open as long as the file is borrowed, and `found` is a place for what the call writes.
    if unsafe { libc::fstatfs(file.as_raw_fd(), &raw mut found) } != 0 {
        return Err(Error::io(action(), &io::Error::last_os_error()));
    }
    // The numbers are 32 bits wide, in a field that is wider on some machines and signed on others.
    match network_name(found.f_type as u32) {
        None => Ok(()),
        Some(name) => {
            let problem = format!(
                "it would be on a network file system ({name}), whose memory machines do not share; name a place on \
                 this machine, such as /dev/shm"
            );
            Err(Error::Io { action: action(), kind: io::ErrorKind::Unsupported, problem })
        }
    }
}

/// The name of a network file system, by the number that statfs(2) tells it by.
fn network_name(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0x517B => Some("SMB"),
        0xFF53_4D42 => Some("CIFS"),
        0xFE53_4D42 => Some("SMB2"),
        0x00C3_6400 => Some("Ceph"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        0x7375_7245 => Some("Coda"),
        0x0BD0_0BD0 => Some("Lustre"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_this_machines() {
        assert_eq!(network_name(libc::NFS_SUPER_MAGIC as u32), Some("NFS"));
        assert_eq!(network_name(libc::SMB_SUPER_MAGIC as u32), Some("SMB"));
        assert_eq!(network_name(libc::CODA_SUPER_MAGIC as u32), Some("Coda"));
        for own in
            [libc::TMPFS_MAGIC, libc::EXT4_SUPER_MAGIC, libc::BTRFS_SUPER_MAGIC, libc::OVERLAYFS_SUPER_MAGIC]
        {
            assert_eq!(network_name(own as u32), None);
        }
        let here = File::open(std::env::current_exe().unwrap()).unwrap();
        on_this_machine(&here, Path::new("here")).unwrap();
    }
}
