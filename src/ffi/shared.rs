//! Limiters on tables that several processes share.

use super::call::{Failed, call};
use super::limiter::{ClockChoice, make, parse, read_options, sluice_limiter, sluice_options};
use crate::error::Error;
use crate::limiter::{Limiter, LimiterBuilder};
use std::ffi::{CStr, c_char, c_void};
use std::path::PathBuf;

/// Makes a limiter on the table in a file, which it makes or joins: all processes that have it open enforce one limit.
/// After the last one is gone the file keeps the state.
///
/// * `path`: ended by a NUL; read during the call only. The file is made with mode 0600, whole or not at all. On
///   /dev/shm it lasts as long as the machine runs, on a disk beyond that. Not on a network file system.
/// * `policy`, `max_keys`: as for `sluice_limiter_new`, and the same in all processes
/// * `out`: receives the limiter, the caller's to free; left as it was on an error
///
/// Everything in the file is looked at before anything is used, and a file that does not fit is left as it was.
/// Returns `SLUICE_OK`; `SLUICE_ERR_IO` for a file that cannot be made or opened, or is on a network file system;
/// `SLUICE_ERR_FORMAT` for one that is no table of this format, is damaged, or may be written by strangers (it belongs
/// to this user or to root, or its group is one of the process's and may write); `SLUICE_ERR_MISMATCH` for a table with
/// another policy or size; or as `sluice_limiter_new` does. A process that is killed at any instant harms no other. A
/// file that is cut short while it is in use ends its processes by SIGBUS: remove it instead. What happens in other
/// events is told in src/shared_tables.rs. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `path` and `policy` are NULL or end with a NUL; `out` is NULL or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_open(
    path: *const c_char,
    policy: *const c_char,
    max_keys: u64,
    out: *mut *mut sluice_limiter,
) -> i32 {
    call("sluice_limiter_open", |call| {
        // SAFETY: the caller's promise is this function's.
        let (path, policy) = unsafe { (call.text("path", path)?, call.text("policy", policy)?) };
        // SAFETY: as above.
        unsafe { make(call, policy, max_keys, &sluice_options::default(), out, |builder| open(builder, path)) }
    })
}

/// Makes a limiter on the table in a file, with options.
///
/// * `path`, `policy`, `out`: as for `sluice_limiter_open`
/// * `options`: read during the call only; NULL for all defaults. With `replace`, a table with another policy gives way
///   to a new file with this one, in which each key has consumed what it had; limiters that have the old file open go
///   on with it until they open it anew (see `sluice_limiter_is_current`).
///
/// Returns as `sluice_limiter_open` and `sluice_limiter_new_with` do. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// As for `sluice_limiter_open`; `options` is NULL or good for reading its `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_open_with(
    path: *const c_char,
    policy: *const c_char,
    options: *const sluice_options,
    out: *mut *mut sluice_limiter,
) -> i32 {
    call("sluice_limiter_open_with", |call| {
        // SAFETY: the caller's promise is this function's.
        let (path, policy) = unsafe { (call.text("path", path)?, call.text("policy", policy)?) };
        // SAFETY: as above.
        let options = unsafe { read_options(call, options) }?;
        // SAFETY: as above.
        unsafe { make(call, policy, options.max_keys(), &options, out, |builder| open(builder, path)) }
    })
}

/// How many bytes of memory a table for `max_keys` keys takes, for `sluice_limiter_attach`.
///
/// * `policy`, `max_keys`: as for `sluice_limiter_new`
///
/// Returns the bytes, or 0 where one of the two is wrong (`sluice_last_error` says which). Safe from any thread.
/// Since 0.1.0.
///
/// # Safety
/// `policy` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_region_size(policy: *const c_char, max_keys: u64) -> usize {
    let mut bytes = 0;
    call("sluice_region_size", |call| {
        // SAFETY: the caller's promise is this function's.
        let policy = unsafe { call.text("policy", policy) }?;
        parse(call, policy)?;
        let size = Limiter::region_size(max_keys).map_err(|error| call.error(&error))?;
        // A table's size is below that of the address space.
        bytes = size as usize;
        Ok(())
    });
    bytes
}

/// Makes a limiter on a table in memory of the caller's, which several processes may share: it makes the table there if
/// the memory is all zero, and joins it if there is one.
///
/// * `region`: `size` bytes, aligned to 128, readable and writable as long as the limiter lives; only limiters may
///   touch them from the first attach on. The limiter is for as many keys as fit (see `sluice_region_size`).
/// * `policy`: as for `sluice_limiter_new`, and the same in all processes
/// * `out`: receives the limiter, the caller's to free (which leaves the memory as it is); left as it was on an error
///
/// Returns `SLUICE_OK`; `SLUICE_ERR_FORMAT` for memory that is too small, not aligned, or neither zero nor a table;
/// `SLUICE_ERR_MISMATCH` for a table with another policy or size; or as `sluice_limiter_new` does. Safe from any
/// thread and any process at once. Since 0.1.0.
///
/// # Safety
/// `region` is NULL or as above; `policy` is NULL or ends with a NUL; `out` is NULL or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_attach(
    region: *mut c_void,
    size: usize,
    policy: *const c_char,
    out: *mut *mut sluice_limiter,
) -> i32 {
    call("sluice_limiter_attach", |call| {
        // SAFETY: the caller's promise is this function's.
        let policy = unsafe { call.text("policy", policy) }?;
        // SAFETY: as above.
        unsafe { make(call, policy, 1, &sluice_options::default(), out, |builder| attach(builder, region, size)) }
    })
}

/// Makes a limiter on a table in memory of the caller's, with options.
///
/// * `region`, `size`, `policy`, `out`: as for `sluice_limiter_attach`
/// * `options`: read during the call only; NULL for all defaults. `max_keys` and `replace` have no meaning here.
///
/// Returns as `sluice_limiter_attach` and `sluice_limiter_new_with` do. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// As for `sluice_limiter_attach`; `options` is NULL or good for reading its `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_attach_with(
    region: *mut c_void,
    size: usize,
    policy: *const c_char,
    options: *const sluice_options,
    out: *mut *mut sluice_limiter,
) -> i32 {
    call("sluice_limiter_attach_with", |call| {
        // SAFETY: the caller's promise is this function's.
        let policy = unsafe { call.text("policy", policy) }?;
        // SAFETY: as above.
        let options = unsafe { read_options(call, options) }?;
        // SAFETY: as above.
        unsafe { make(call, policy, 1, &options, out, |builder| attach(builder, region, size)) }
    })
}

/// Whether the file that the limiter opened still is the one under that name.
///
/// * `limiter`: not NULL
/// * `current`: receives 1, or 0 where the file was removed or replaced: whoever opens it now shares another table, so
///   it is time to open it anew. Always 1 for a table that is in no file. Not NULL; left as it was on an error.
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Asks the operating system each time. Safe from any thread. Since
/// 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that is not freed before this returns; `current` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_is_current(limiter: *const sluice_limiter, current: *mut u32) -> i32 {
    call("sluice_limiter_is_current", |call| -> Result<(), Failed> {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        let current = call.pointer("current", current)?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { current.write(limiter.core.is_current().into()) };
        Ok(())
    })
}

type Builder = LimiterBuilder<ClockChoice>;

fn open(builder: Builder, path: &CStr) -> Result<Limiter<ClockChoice>, Error> {
    builder.path(path_of(path)).build()
}

fn attach(builder: Builder, region: *mut c_void, size: usize) -> Result<Limiter<ClockChoice>, Error> {
    // SAFETY: what `sluice_limiter_attach` asks of its caller; a NULL is refused.
    unsafe { builder.attach(region.cast(), size) }
}

#[cfg(unix)]
fn path_of(path: &CStr) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(path.to_bytes()).into()
}

#[cfg(not(unix))]
fn path_of(path: &CStr) -> PathBuf {
    path.to_string_lossy().into_owned().into()
}
