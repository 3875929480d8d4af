//! Statuses: what a function returns, and the sentence for each.

use crate::error::Error;
use std::ffi::{CStr, c_char};

/// The call did what it says. Whether a request is allowed is not a status: see `sluice_decision`.
pub const SLUICE_OK: i32 = 0;
/// An argument is NULL where it must not be, or out of its range. Nothing was done.
pub const SLUICE_ERR_ARGUMENT: i32 = -1;
/// The text of a policy is wrong, or its numbers are out of range.
pub const SLUICE_ERR_POLICY: i32 = -2;
/// The operating system refused something: a file, or random bytes for the table's secret seed.
pub const SLUICE_ERR_IO: i32 = -3;
/// A file, or memory of the caller's, is no table of this format, or a damaged one. It was left as it was.
pub const SLUICE_ERR_FORMAT: i32 = -4;
/// A shared table has another policy or size than was asked for. It was left as it was.
pub const SLUICE_ERR_MISMATCH: i32 = -5;
/// The caller's buffer is too small.
pub const SLUICE_ERR_BUFFER: i32 = -6;
/// No memory for the table.
pub const SLUICE_ERR_MEMORY: i32 = -7;
/// A bug in the library. The call may have been carried out or not; the limiter remains usable.
pub const SLUICE_ERR_INTERNAL: i32 = -8;

/// A fixed English sentence for a status, without the particulars that `sluice_last_error` knows.
///
/// Never NULL, valid for ever, nothing to free. A number that is no status has a sentence too.
/// Safe from any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_status_message(status: i32) -> *const c_char {
    let message: &'static CStr = match status {
        SLUICE_OK => c"success",
        SLUICE_ERR_ARGUMENT => c"an argument is NULL or out of range",
        SLUICE_ERR_POLICY => c"the policy is wrong or out of range",
        SLUICE_ERR_IO => c"the operating system refused",
        SLUICE_ERR_FORMAT => c"not a table of this format, or a damaged one",
        SLUICE_ERR_MISMATCH => c"the shared table has another policy or size",
        SLUICE_ERR_BUFFER => c"the buffer is too small",
        SLUICE_ERR_MEMORY => c"out of memory",
        SLUICE_ERR_INTERNAL => c"internal error: a bug in sluicegate",
        _ => c"unknown status",
    };
    message.as_ptr()
}

/// The status that stands for an error of the core.
pub(super) fn status_of(error: &Error) -> i32 {
    match error {
        Error::PolicyText { .. } | Error::PolicyRange { .. } => SLUICE_ERR_POLICY,
        Error::MaxKeys { .. } | Error::Setting { .. } => SLUICE_ERR_ARGUMENT,
        Error::OutOfMemory { .. } => SLUICE_ERR_MEMORY,
        Error::NoEntropy | Error::Io { .. } => SLUICE_ERR_IO,
        Error::TableFormat { .. } => SLUICE_ERR_FORMAT,
        Error::TableMismatch { .. } => SLUICE_ERR_MISMATCH,
    }
}
