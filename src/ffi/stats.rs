//! What a limiter holds and has done, as C sees it.

use super::call::{Call, Failed, call};
use super::limiter::sluice_limiter;
use super::sized::SizedOut;
use crate::limiter::Stats;

/// What a limiter holds and has done. Begin with `SLUICE_LIMITER_STATS_INIT`.
///
/// Later releases add fields at the end. As many are filled as `struct_size` says there is room for; a program
/// that was compiled with more of them than the library knows finds 0 in the rest.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_limiter_stats {
    /// sizeof(sluice_limiter_stats), as the caller was compiled. Set before the call.
    pub struct_size: usize,
    /// Keys that can be live at once before `on_full` applies: the `max_keys` of the limiter.
    pub capacity: u64,
    /// Keys that are live now, that is, not as one never seen.
    pub live_keys: u64,
    /// The table's size in bytes. It never changes.
    pub memory_bytes: u64,
    /// How often a key was given a slot, since the limiter was made. So are the counts that follow.
    pub inserted: u64,
    /// How often a live key had to give way to a new one.
    pub evicted: u64,
    /// Requests denied with `SLUICE_REASON_TABLE_FULL`.
    pub refused_full: u64,
    /// Requests allowed uncounted with `SLUICE_REASON_TABLE_FULL`.
    pub allowed_full: u64,
}

/// Tells what a limiter holds and has done.
///
/// * `limiter`: not NULL
/// * `out`: its `struct_size` set, not NULL; receives the numbers, or is left as it was on an error
///
/// Passes over the whole table: for monitoring, not for every request. Returns `SLUICE_OK` or
/// `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that is not freed before this returns; `out` is NULL or good for reading and
/// writing its `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_stats(limiter: *const sluice_limiter, out: *mut sluice_limiter_stats) -> i32 {
    call("sluice_stats", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        // SAFETY: as above.
        unsafe { fill(call, out, || limiter.core.stats()) }
    })
}

/// Tells what `sluice_stats` does, as of `now_unix_ns`, a time as for `sluice_check_at`: for limiters whose checks are
/// told their time. Since 0.1.0.
///
/// # Safety
/// As for `sluice_stats`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_stats_at(
    limiter: *const sluice_limiter,
    now_unix_ns: u64,
    out: *mut sluice_limiter_stats,
) -> i32 {
    call("sluice_stats_at", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        // SAFETY: as above.
        unsafe { fill(call, out, || limiter.core.stats_at(now_unix_ns)) }
    })
}

/// # Safety
/// `out` is NULL or good for reading and writing its `struct_size` bytes.
pub(super) unsafe fn fill(
    call: Call,
    out: *mut sluice_limiter_stats,
    stats: impl FnOnce() -> Stats,
) -> Result<(), Failed> {
    let names = ("SLUICE_LIMITER_STATS_INIT", "sluice_limiter_stats");
    // SAFETY: the caller's promise is this function's.
    let out = unsafe { SizedOut::new(call, out, 8, names) }?;
    let stats = stats();
    let known = sluice_limiter_stats {
        struct_size: out.struct_size,
        capacity: stats.capacity,
        live_keys: stats.live_keys,
        memory_bytes: stats.memory_bytes,
        inserted: stats.inserted,
        evicted: stats.evicted,
        refused_full: stats.refused_full,
        allowed_full: stats.allowed_full,
    };
    // SAFETY: plain numbers without padding.
    unsafe { out.fill(&known) };
    Ok(())
}
