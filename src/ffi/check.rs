//! Deciding: one request, a batch, and what an answer looks like to C.

use super::call::{Call, Failed, call};
use super::limiter::sluice_limiter;
use crate::decision::{Decision, Reason};
use std::ffi::c_void;
use std::ptr::NonNull;

/// `retry_after_ns` of a denial that waiting cannot cure.
pub const SLUICE_NEVER: u64 = 0xFFFF_FFFF_FFFF_FFFF;

/// Nothing stands against the request.
pub const SLUICE_REASON_NONE: u32 = 0;
/// The key has used up its limit for now.
pub const SLUICE_REASON_LIMIT: u32 = 1;
/// The cost is above the capacity, or the limit is 0: the request can never fit.
pub const SLUICE_REASON_COST_EXCEEDS_LIMIT: u32 = 2;
/// More keys are live than fit, and `on_full` is deny, or allow, which allows the request without counting it.
pub const SLUICE_REASON_TABLE_FULL: u32 = 3;
/// The time given is after the year 2079, the last that fits a key's state.
pub const SLUICE_REASON_TIME_OUT_OF_RANGE: u32 = 4;
/// The table's memory holds what no limiter has written: somebody else writes to it. The request is denied.
pub const SLUICE_REASON_TABLE_DAMAGED: u32 = 5;

/// The answer to one request: all of it from the same atomic step. Times are in nanoseconds and count from the
/// time of the request.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_decision {
    /// 1 if the request is within the limit and has consumed its cost; 0 if it is denied and has consumed nothing.
    pub allowed: u32,
    /// One of `SLUICE_REASON_*`. Later releases may add others.
    pub reason: u32,
    /// The policy's limit, in permits.
    pub limit: u64,
    /// Permits left after this decision, rounded down: the largest cost that would be admitted at the same
    /// instant.
    pub remaining: u64,
    /// On a denial: how long until the same request is admitted if nobody else asks for the key; a nanosecond
    /// earlier it is denied. `SLUICE_NEVER` where waiting cannot help, 0 when allowed.
    pub retry_after_ns: u64,
    /// How long until the key is as one never seen. Fixed window: until its window ends.
    pub reset_after_ns: u64,
    /// Leaky bucket: how long to hold an allowed request so that requests leave at the constant rate. Else 0.
    pub delay_ns: u64,
}

/// One request of a batch.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_request {
    /// `key_len` bytes of any content: who asks. May be NULL if `key_len` is 0.
    pub key: *const c_void,
    /// The length of the key in bytes.
    pub key_len: usize,
    /// How many permits the request takes; 1 for an ordinary one.
    pub cost: u64,
}

impl From<Decision> for sluice_decision {
    #[inline(always)]
    fn from(decision: Decision) -> Self {
        Self {
            allowed: decision.allowed().into(),
            reason: match decision.reason {
                Reason::None => SLUICE_REASON_NONE,
                Reason::Limit => SLUICE_REASON_LIMIT,
                Reason::CostExceedsLimit => SLUICE_REASON_COST_EXCEEDS_LIMIT,
                Reason::TableFull => SLUICE_REASON_TABLE_FULL,
                Reason::TimeOutOfRange => SLUICE_REASON_TIME_OUT_OF_RANGE,
                Reason::TableDamaged => SLUICE_REASON_TABLE_DAMAGED,
            },
            limit: decision.limit(),
            remaining: decision.remaining(),
            retry_after_ns: decision.retry_after_ns(),
            reset_after_ns: decision.reset_after_ns,
            delay_ns: decision.delay_ns(),
        }
    }
}

/// Decides on `cost` permits for a key now, all or none, and consumes them if they are allowed.
///
/// * `limiter`: not NULL
/// * `key`, `key_len`: who asks, bytes of any content and length, read during the call only; (NULL, 0) is the
///   empty key, a key like any other
/// * `cost`: 1 for an ordinary request; 0 is always allowed and consumes nothing
/// * `out`: receives the answer, not NULL; left as it was on an error
///
/// Returns `SLUICE_OK` whether the request is allowed or not (look at `out->allowed`), or `SLUICE_ERR_ARGUMENT`.
/// Safe from any number of threads at once: the limit holds under every order of them. It takes no lock, waits for
/// nobody and allocates nothing. Since 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that is not freed before this returns; `key` is good for reading `key_len`
/// bytes; `out` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_check", |call| {
        // SAFETY: the caller's promise is this function's.
        let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len)?) };
        let out = call.pointer("out", out)?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        limiter.core.check_cost_into(key, cost, |decision| unsafe { out.write(decision.into()) });
        Ok(())
    })
}

/// Decides as `sluice_check` does, at a time of the caller's own.
///
/// * `now_unix_ns`: nanoseconds since 1970-01-01 00:00 UTC. Times may come in any order; a late one never earns
///   anything. After August 2079 every cost above 0 is denied with `SLUICE_REASON_TIME_OUT_OF_RANGE`.
///
/// All else as for `sluice_check`. Use either the calls with a time or those without it for one limiter, or know
/// that both count from 1970. Since 0.1.0.
///
/// # Safety
/// As for `sluice_check`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check_at(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    now_unix_ns: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_check_at", |call| {
        // SAFETY: the caller's promise is this function's.
        let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len)?) };
        let out = call.pointer("out", out)?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        limiter.core.check_at_into(key, cost, now_unix_ns, |decision| unsafe { out.write(decision.into()) });
        Ok(())
    })
}

/// Decides on a batch in order, as if by `sluice_check` for each, at one reading of the clock. Several times
/// faster than one after another once the table is larger than the processor's caches.
///
/// * `limiter`: not NULL
/// * `requests`: `n` of them, not changed during the call; NULL only if `n` is 0
/// * `n`: how many; 0 does nothing
/// * `out`: receives `n` answers in the same order; NULL only if `n` is 0; it must not overlap `requests` or the
///   keys
///
/// Returns `SLUICE_OK`, or `SLUICE_ERR_ARGUMENT` if anything is wrong with any of the requests, and then none is
/// decided and `out` is left as it was. Safe from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that is not freed before this returns; `requests` is NULL or good for reading
/// `n` of them, and each one's key for its length; `out` is NULL or good for writing `n`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check_many(
    limiter: *const sluice_limiter,
    requests: *const sluice_request,
    n: usize,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_check_many", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        // SAFETY: as above.
        unsafe { answer_many(call, limiter, requests, n, out, || limiter.core.now()) }
    })
}

/// Decides on a batch as `sluice_check_many` does, all of it at `now_unix_ns`, a time as for `sluice_check_at`.
/// Since 0.1.0.
///
/// # Safety
/// As for `sluice_check_many`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check_many_at(
    limiter: *const sluice_limiter,
    requests: *const sluice_request,
    n: usize,
    now_unix_ns: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_check_many_at", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        // SAFETY: as above.
        unsafe { answer_many(call, limiter, requests, n, out, || now_unix_ns) }
    })
}

/// Answers as `sluice_check` would, and consumes nothing. With a cost of 0 it tells how the key stands.
///
/// Arguments, statuses and threads as for `sluice_check`. Since 0.1.0.
///
/// # Safety
/// As for `sluice_check`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_peek(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_peek", |call| {
        // SAFETY: the caller's promise is this function's.
        let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len)?) };
        // SAFETY: as above.
        unsafe { answer(call, out, || limiter.core.peek_at(key, cost, limiter.core.now())) }
    })
}

/// Answers as `sluice_check_at` would, and consumes nothing.
///
/// Arguments, statuses and threads as for `sluice_check_at`. Since 0.1.0.
///
/// # Safety
/// As for `sluice_check`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_peek_at(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    now_unix_ns: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_peek_at", |call| {
        // SAFETY: the caller's promise is this function's.
        let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len)?) };
        // SAFETY: as above.
        unsafe { answer(call, out, || limiter.core.peek_at(key, cost, now_unix_ns)) }
    })
}

/// Writes one decision, made once it is known where to.
///
/// # Safety
/// `out` is NULL or good for writing.
#[inline(always)]
unsafe fn answer(call: Call, out: *mut sluice_decision, decide: impl FnOnce() -> Decision) -> Result<(), Failed> {
    let out = call.pointer("out", out)?;
    // SAFETY: not NULL, aligned, and the caller's promise holds.
    unsafe { out.write(decide().into()) };
    Ok(())
}

/// # Safety
/// As for `sluice_check_many`.
#[inline(always)]
unsafe fn answer_many(
    call: Call,
    limiter: &sluice_limiter,
    requests: *const sluice_request,
    n: usize,
    out: *mut sluice_decision,
    now: impl FnOnce() -> u64,
) -> Result<(), Failed> {
    if n == 0 {
        return Ok(());
    }
    // SAFETY: the caller's promise is this function's.
    let requests = unsafe { call.requests(requests, n) }?;
    let out = call.pointer("out", out)?;
    call.fits::<sluice_decision>(n)?;
    refuse_overlap(call, ("requests", requests), out)?;
    limiter.core.check_each(
        n,
        // SAFETY: `n` below the length, and `Call::requests` has seen it.
        |n| unsafe { requests.get_unchecked(n).to_core() },
        // SAFETY: `out` is good for writing as many as there are requests, and overlaps none of them.
        |n, decision| unsafe { out.add(n).write(decision.into()) },
        now,
    );
    Ok(())
}

/// Answers written over requests that are still to be read would make keys of them.
pub(super) fn refuse_overlap<T>(
    call: Call,
    (name, requests): (&str, &[T]),
    out: NonNull<sluice_decision>,
) -> Result<(), Failed> {
    let requests_at = requests.as_ptr().addr();
    let out_at = out.addr().get();
    let out_ends = out_at.saturating_add(size_of::<sluice_decision>() * requests.len());
    if out_at < requests_at + size_of_val(requests) && requests_at < out_ends {
        return Err(call.bad(format_args!("out overlaps {name}")));
    }
    Ok(())
}
