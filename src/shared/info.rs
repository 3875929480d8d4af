//! Looking at a table's file without joining it.

use super::join::{geometry_of, open_file, read_description};
use super::time_by;
use crate::algorithm::Rule;
use crate::error::{Error, shown};
use crate::machine::{boot_id, wall_clock_ns};
use crate::table::{Mapping, OnFull, Table, Words};
use crate::table_info::TableInfo;
use std::io;
use std::path::Path;

/// See [`TableInfo::read`].
pub(crate) fn look_at(path: &Path) -> Result<TableInfo, Error> {
    let fail = |error: io::Error| Error::io(format!("read the table {}", shown(path)), &error);
    let file = open_file(path, false)?.ok_or_else(|| fail(io::Error::from_raw_os_error(libc::ENOENT)))?;
    let (description, policy) = read_description(&file, path)?;
    let geometry = geometry_of(&description);
    let mapping = Mapping::copy_of_file(&file, geometry.bytes() as usize).map_err(fail)?;
    let words = Words::mapped(mapping, geometry.words());
    let table = Table::over(words, Rule::of(&policy)?, geometry, OnFull::default());
    let superblock = table.superblock();
    let is_this_boots = boot_id().is_ok_and(|boot| superblock.boot() == boot);
    let now = if is_this_boots { time_by(superblock.offset())? } else { wall_clock_ns() };
    let counts = table.counts();
    Ok(TableInfo {
        policy,
        max_keys: description.max_keys(),
        live_keys: table.live_keys(now),
        bytes: geometry.bytes(),
        made_at_unix_ns: description.made_at(),
        last_used_unix_ns: superblock.latest(),
        now_unix_ns: now,
        inserted: counts.inserted,
        evicted: counts.evicted,
        refused_full: counts.refused_full,
        allowed_full: counts.allowed_full,
    })
}
