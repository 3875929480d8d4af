//! One request held to several limits.

use super::call::{Call, Failed, call};
use super::check::{refuse_overlap, sluice_decision};
use super::limiter::{ClockChoice, sluice_limiter};
use crate::check_all::{Charge, check_in_turn};
use std::ffi::c_void;

/// What one limit is asked for: permits of a limiter for a key.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_charge {
    /// Who decides; not NULL.
    pub limiter: *const sluice_limiter,
    /// `key_len` bytes of any content: who asks. May be NULL if `key_len` is 0.
    pub key: *const c_void,
    /// The length of the key in bytes.
    pub key_len: usize,
    /// How many permits the request takes; 1 for an ordinary one.
    pub cost: u64,
}

/// Decides on one request that several limits hold, one a second and one a day, say, at the time of each limiter's
/// clock: charged to all of them if all allow it, else to none.
///
/// * `charges`: `n` of them, not changed during the call; NULL only if `n` is 0. The same limiter, or the same key, may
///   come twice and is charged twice
/// * `n`: how many; 0 is a request that nothing limits
/// * `out`: receives `n` answers in the same order; NULL only if `n` is 0; it must not overlap `charges` or the keys.
///   Where one limit denies, the others that would have allowed say how they stand: allowed, and nothing was consumed
/// * `allowed`: receives 1 if all allow, else 0; not NULL
///
/// All are asked first and charged after, so a denial writes nothing. If another request takes the last permit of one
/// limit between the two, what was already charged to the others is given back at once; until then it counts, so that a
/// third request may be denied that would have been allowed a moment later. Never is one too many admitted.
///
/// Returns `SLUICE_OK` whether the request is allowed or not, or `SLUICE_ERR_ARGUMENT` if anything is wrong with any of
/// the charges, and then none is decided and nothing is written. Safe from any number of threads at once. It takes no
/// lock and waits for nobody, and allocates nothing for up to 8 limits. Since 0.1.0.
///
/// # Safety
/// `charges` is NULL or good for reading `n` of them, each one's key for its length, and each one's limiter is not freed
/// before this returns; `out` is NULL or good for writing `n`; `allowed` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check_all(
    charges: *const sluice_charge,
    n: usize,
    out: *mut sluice_decision,
    allowed: *mut u32,
) -> i32 {
    call("sluice_check_all", |call| {
        // SAFETY: the caller's promise is this function's.
        unsafe { answer_all(call, charges, n, (out, allowed), |charge| charge.limiter.now()) }
    })
}

/// Decides as `sluice_check_all` does, for all limits at `now_unix_ns`, a time as for `sluice_check_at`. Since 0.1.0.
///
/// # Safety
/// As for `sluice_check_all`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check_all_at(
    charges: *const sluice_charge,
    n: usize,
    now_unix_ns: u64,
    out: *mut sluice_decision,
    allowed: *mut u32,
) -> i32 {
    call("sluice_check_all_at", |call| {
        // SAFETY: the caller's promise is this function's.
        unsafe { answer_all(call, charges, n, (out, allowed), |_| now_unix_ns) }
    })
}

/// # Safety
/// As for `sluice_check_all`.
unsafe fn answer_all(
    call: Call,
    charges: *const sluice_charge,
    n: usize,
    (out, allowed): (*mut sluice_decision, *mut u32),
    now: impl Fn(&Charge<'_, ClockChoice>) -> u64,
) -> Result<(), Failed> {
    let allowed = call.pointer("allowed", allowed)?;
    let mut all_allow = true;
    if n > 0 {
        // SAFETY: the caller's promise is this function's.
        let charges = unsafe { call.charges(charges, n) }?;
        let out = call.pointer("out", out)?;
        call.fits::<sluice_decision>(n)?;
        refuse_overlap(call, ("charges", charges), out)?;
        all_allow = check_in_turn(
            n,
            // SAFETY: `Call::charges` has seen it.
            |n| unsafe { charges[n].to_core() },
            // SAFETY: `out` is good for writing as many as there are charges, and overlaps none of them.
            |n, decision, _| unsafe { out.add(n).write(decision.into()) },
            now,
        );
    }
    // SAFETY: not NULL, aligned, and the caller's promise holds.
    unsafe { allowed.write(all_allow.into()) };
    Ok(())
}
