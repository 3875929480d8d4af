//! Policies under the names that HTTP answers call them by.

use super::call::{Call, Failed, call, free};
use super::limiter::{parse, sluice_limiter};
use crate::http::{DEFAULT_NAME, Quota};
use crate::policy::Policy;
use std::ffi::c_char;

/// A policy under the name that HTTP answers call it by, made once for each limiter: by `sluice_quota_new` or
/// `sluice_quota_of`, given back by `sluice_quota_free`. It never changes, so one serves any number of threads at once.
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_quota {
    pub(super) core: Quota<'static>,
}

/// Names a policy for HTTP answers.
///
/// * `name`: 1 to 64 printable ASCII characters, ended by a NUL, such as "per-minute"; NULL for "default". Clients see it
/// * `policy`: a text as for `sluice_limiter_new`
/// * `out`: receives the quota, the caller's to free; left as it was on an error
///
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT` (`sluice_last_error` says what of the name is wrong) or
/// `SLUICE_ERR_POLICY`. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `name` and `policy` are NULL or end with a NUL; `out` is NULL or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_quota_new(
    name: *const c_char,
    policy: *const c_char,
    out: *mut *mut sluice_quota,
) -> i32 {
    call("sluice_quota_new", |call| {
        // SAFETY: the caller's promise is this function's.
        let policy = parse(call, unsafe { call.text("policy", policy) }?)?;
        // SAFETY: as above.
        unsafe { make(call, name, policy, out) }
    })
}

/// Names the policy of a limiter for HTTP answers.
///
/// * `name`, `out`: as for `sluice_quota_new`
/// * `limiter`: not NULL; used during the call only
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `name` is NULL or ends with a NUL; `limiter` is NULL or a limiter that is not freed before this returns; `out` is NULL
/// or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_quota_of(
    name: *const c_char,
    limiter: *const sluice_limiter,
    out: *mut *mut sluice_quota,
) -> i32 {
    call("sluice_quota_of", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        // SAFETY: as above.
        unsafe { make(call, name, *limiter.core.policy(), out) }
    })
}

/// # Safety
/// As for `sluice_quota_new`.
unsafe fn make(
    call: Call,
    name: *const c_char,
    policy: Policy,
    out: *mut *mut sluice_quota,
) -> Result<(), Failed> {
    let out = call.pointer("out", out)?;
    // SAFETY: the caller's promise is this function's.
    let name = unsafe { call.utf8("name", name) }?.unwrap_or(DEFAULT_NAME);
    let core = Quota::new(name.to_owned(), policy).map_err(|error| call.error(&error))?;
    // SAFETY: not NULL, aligned, and the caller's promise holds.
    unsafe { out.write(Box::into_raw(Box::new(sluice_quota { core }))) };
    Ok(())
}

/// Frees a quota. NULL is none, and nothing happens.
///
/// * `quota`: from `sluice_quota_new` or `sluice_quota_of`; no other thread may be using it, and nobody may afterwards
///
/// Since 0.1.0.
///
/// # Safety
/// `quota` is NULL or a quota that was not freed before and that nobody uses now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_quota_free(quota: *mut sluice_quota) {
    // SAFETY: the caller's promise is this function's.
    unsafe { free("sluice_quota_free", quota) }
}
