//! What stands for shared tables where there are none: on systems other than Linux, and in models.

#![allow(dead_code, reason = "what would use it is not there either")]

#[path = "wanted.rs"]
mod wanted;

use crate::error::Error;
use crate::policy::Policy;
use crate::table::{Superblock, Words};
use crate::table_info::TableInfo;
use std::io::ErrorKind;
use std::path::Path;
use std::ptr::NonNull;
pub(crate) use wanted::Wanted;

/// A table that can be used: none.
#[derive(Debug)]
pub(crate) enum Joined {}

impl Joined {
    pub(crate) fn seed(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn clock_offset(&self) -> Result<u64, Error> {
        match *self {}
    }

    pub(crate) fn into_words(self) -> Words {
        match self {}
    }
}

/// The file of a table: none.
#[derive(Debug)]
pub(crate) enum TableFile {}

impl TableFile {
    pub(crate) fn open(_: &Path, _: &Wanted) -> Result<(Joined, Self), Error> {
        Err(unsupported())
    }

    pub(crate) fn is_current(&self) -> bool {
        match *self {}
    }
}

/// # Safety
/// There is nothing to keep.
pub(crate) unsafe fn attach(_: NonNull<u8>, _: &Wanted) -> Result<Joined, Error> {
    Err(unsupported())
}

/// # Safety
/// There is nothing to keep.
pub(crate) unsafe fn attach_to_any(_: NonNull<u8>, _: &Wanted) -> Result<Joined, Error> {
    Err(unsupported())
}

pub(crate) fn succeed(_: &Words, _: &Wanted, _: Superblock<'_>) -> Result<(), Error> {
    Err(unsupported())
}

pub(crate) fn join(_: Words, _: u64) -> Result<Joined, Error> {
    Err(unsupported())
}

pub(crate) fn policy_in(_: &Words, _: u64, _: u64) -> Result<Policy, Error> {
    Err(unsupported())
}

fn unsupported() -> Error {
    let problem = "shared tables need Linux; leave the path out for a table of this process's own".to_owned();
    Error::Io { action: "share a table".to_owned(), kind: ErrorKind::Unsupported, problem }
}

/// See [`TableInfo::read`].
pub(crate) fn look_at(_: &Path) -> Result<TableInfo, Error> {
    Err(unsupported())
}
