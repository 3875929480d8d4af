//! Giving back and forgetting.

use super::answer::decision;
use super::call::{Call, Failed, call};
use super::check::sluice_decision;
use super::limiter::sluice_limiter;
use std::ffi::c_void;

/// Gives `cost` permits back to a key, never beyond fresh: for a request that turned out not to count.
///
/// * `limiter`: not NULL
/// * `key`, `key_len`: as for `sluice_check`
/// * `cost`: permits; more than the key has consumed are not an error
///
/// In a fixed window they go back to the current window only. Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe
/// from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that is not freed before this returns; `key` is good for reading `key_len`
/// bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_refund(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: usize,
    cost: u64,
) -> i32 {
    call("sluice_refund", |call| {
        // SAFETY: the caller's promise is this function's.
        let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len)?) };
        limiter.core.refund(key, cost);
        Ok(())
    })
}

/// Gives permits back as `sluice_refund` does, at `now_unix_ns`, a time as for `sluice_check_at`. Since 0.1.0.
///
/// # Safety
/// As for `sluice_refund`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_refund_at(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    now_unix_ns: u64,
) -> i32 {
    call("sluice_refund_at", |call| {
        // SAFETY: the caller's promise is this function's.
        let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len)?) };
        limiter.core.refund_at(key, cost, now_unix_ns);
        Ok(())
    })
}

/// Gives back what one decision has charged, unless it has lapsed, and tells how the key stands then: for a request that
/// turns out not to count when it has been served, which may take long.
///
/// `sluice_refund` takes permits off whatever the key has consumed by then; after a new window has begun, or a bucket has
/// been full in between, that is what others have consumed. This gives back nothing then.
///
/// * `limiter`: not NULL
/// * `key`, `key_len`, `cost`: as they were for the check
/// * `charge`: its decision, not NULL; one that was denied or not counted has charged nothing
/// * `charged_at_unix_ns`: a time no later than the check's, such as `sluice_now` before it
/// * `out`: receives how the key stands, as a check of cost 0 would tell it; not NULL, may be `charge`; left as it was on
///   an error
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// As for `sluice_refund`; `charge` is NULL or good for reading, `out` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_refund_charge(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    charge: *const sluice_decision,
    charged_at_unix_ns: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_refund_charge", |call| {
        // SAFETY: the caller's promise is this function's.
        unsafe { refund_charge(call, (limiter, key, key_len, cost), (charge, charged_at_unix_ns, None), out) }
    })
}

/// Gives a charge back as `sluice_refund_charge` does, at `now_unix_ns`, a time as for `sluice_check_at`. Since 0.1.0.
///
/// # Safety
/// As for `sluice_refund_charge`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_refund_charge_at(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    charge: *const sluice_decision,
    charged_at_unix_ns: u64,
    now_unix_ns: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_refund_charge_at", |call| {
        let charge = (charge, charged_at_unix_ns, Some(now_unix_ns));
        // SAFETY: the caller's promise is this function's.
        unsafe { refund_charge(call, (limiter, key, key_len, cost), charge, out) }
    })
}

/// Gives back a charge made at the first time, at the second or else now.
///
/// # Safety
/// As for `sluice_refund_charge`.
unsafe fn refund_charge(
    call: Call,
    (limiter, key, key_len, cost): (*const sluice_limiter, *const c_void, usize, u64),
    (charge, charged_at, now): (*const sluice_decision, u64, Option<u64>),
    out: *mut sluice_decision,
) -> Result<(), Failed> {
    // SAFETY: the caller's promise is this function's.
    let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len)?) };
    let (charge, out) = (call.pointer("charge", charge)?, call.pointer("out", out)?);
    // SAFETY: not NULL, aligned, and the caller's promise holds.
    let charge = unsafe { charge.read() };
    let Some(charge) = decision(&charge) else {
        let sluice_decision { allowed, reason, .. } = charge;
        return Err(call.bad(format_args!(
            "charge has allowed {allowed} and reason {reason}, which no check gives; take it from one"
        )));
    };
    let now = now.unwrap_or_else(|| limiter.core.now());
    let stands = limiter.core.refund_charge_at(key, cost, &charge, charged_at, now);
    // SAFETY: as above.
    unsafe { out.write(stands.into()) };
    Ok(())
}

/// Forgets a key, whatever the time: its next request is that of a key never seen.
///
/// * `limiter`: not NULL
/// * `key`, `key_len`: as for `sluice_check`; a key never seen is not an error
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// As for `sluice_refund`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_reset(limiter: *const sluice_limiter, key: *const c_void, key_len: usize) -> i32 {
    call("sluice_reset", |call| {
        // SAFETY: the caller's promise is this function's.
        let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len)?) };
        limiter.core.reset(key);
        Ok(())
    })
}

/// Tells the time as the calls take it that are not told theirs: of the limiter's clock, in nanoseconds since
/// 1970-01-01 00:00 UTC.
///
/// For who needs the time of a decision beside it, as HTTP answers do: read it here and decide by `sluice_check_at`.
///
/// * `limiter`: not NULL
/// * `out`: receives the time, not NULL; left as it was on an error
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that is not freed before this returns; `out` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_now(limiter: *const sluice_limiter, out: *mut u64) -> i32 {
    call("sluice_now", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        let out = call.pointer("out", out)?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(limiter.core.now()) };
        Ok(())
    })
}
