//! When requests are tried again: the client's side of a 429.

use super::call::{Call, Failed, call, free};
use super::sized::{self, SizedStruct};
use crate::retry::{RetryBudget, RetryPolicy, Syntax};
use std::mem::offset_of;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// Read header fields as the standards' grammars have them, and nothing else.
pub const SLUICE_RETRY_STRICT: u32 = 1;
/// Try every method again on a 429: for a service that is known to count requests before it acts on any.
pub const SLUICE_RETRY_ANY_METHOD_ON_429: u32 = 2;
/// Add nothing by chance to a wait that the server has named.
pub const SLUICE_RETRY_NO_JITTER: u32 = 4;

/// When requests are tried again, checked once: made by `sluice_retry_new`, given back by `sluice_retry_free`. It serves
/// any number of threads at once, who share its budget.
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_retry {
    pub(super) core: RetryPolicy,
}

/// When requests may be tried again. Begin with `SLUICE_RETRY_OPTIONS_INIT`, then set what should differ; 0 or NULL stands
/// for the default in every field but the first. Times are in nanoseconds and go up to 366 days.
///
/// It grows as `sluice_options` does.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_retry_options {
    /// sizeof(sluice_retry_options), as the caller was compiled.
    pub struct_size: usize,
    /// Own back-off, for a response that does not say when: a chance between 50 ms and this, doubled for every further
    /// attempt; 0 for 500 ms.
    pub base_ns: u64,
    /// The most that own back-off grows to; 0 for 30 s.
    pub cap_ns: u64,
    /// How long after the beginning of the first attempt the last one may begin; 0 for 300 s.
    pub deadline_ns: u64,
    /// The longest wait that a server may ask for; beyond it there is no retry. 0 for 120 s.
    pub max_server_wait_ns: u64,
    /// The most that is added by chance to a wait that the server has named; 0 for 30 s.
    pub max_jitter_ns: u64,
    /// The same in percent of that wait, up to 100; 0 for 10.
    pub jitter_percent: u32,
    /// How many attempts there are in all, the first included, up to 1000; 0 for 4.
    pub max_attempts: u32,
    /// How many retries may come without a time that the server has named: while more than half of so many tokens are
    /// left, of which each such response takes one; up to 1000000. 0 for no such bound.
    pub budget_tokens: u32,
    /// How much of a token a response gives back that goes well, in percent, up to 100; 0 for 20.
    pub budget_percent: u32,
    /// Some of `SLUICE_RETRY_*`, combined by `|`.
    pub flags: u32,
    /// How many statuses there are at `statuses`.
    pub n_statuses: u32,
    /// How many there are at `statuses_with_hint`.
    pub n_statuses_with_hint: u32,
    /// 0.
    pub reserved: u32,
    /// The statuses that are tried again, from 400 to 599; NULL for 429 and 503, and 413 where it says when.
    pub statuses: *const u16,
    /// More that are tried again only where the response says when, such as the 403 of GitHub; NULL for none.
    pub statuses_with_hint: *const u16,
}

// SAFETY: `repr(C)`, and numbers and raw pointers alone, of which the first is a `usize`.
unsafe impl SizedStruct for sluice_retry_options {
    const NAME: &'static str = "options";
    const INIT: &'static str = "SLUICE_RETRY_OPTIONS_INIT";
    const TYPE: &'static str = "sluice_retry_options";
    const FIELDS: &'static [usize] = &[
        offset_of!(sluice_retry_options, base_ns),
        offset_of!(sluice_retry_options, cap_ns),
        offset_of!(sluice_retry_options, deadline_ns),
        offset_of!(sluice_retry_options, max_server_wait_ns),
        offset_of!(sluice_retry_options, max_jitter_ns),
        offset_of!(sluice_retry_options, jitter_percent),
        offset_of!(sluice_retry_options, max_attempts),
        offset_of!(sluice_retry_options, budget_tokens),
        offset_of!(sluice_retry_options, budget_percent),
        offset_of!(sluice_retry_options, flags),
        offset_of!(sluice_retry_options, n_statuses),
        offset_of!(sluice_retry_options, n_statuses_with_hint),
        offset_of!(sluice_retry_options, reserved),
        offset_of!(sluice_retry_options, statuses),
        offset_of!(sluice_retry_options, statuses_with_hint),
    ];

    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            base_ns: 0,
            cap_ns: 0,
            deadline_ns: 0,
            max_server_wait_ns: 0,
            max_jitter_ns: 0,
            jitter_percent: 0,
            max_attempts: 0,
            budget_tokens: 0,
            budget_percent: 0,
            flags: 0,
            n_statuses: 0,
            n_statuses_with_hint: 0,
            reserved: 0,
            statuses: ptr::null(),
            statuses_with_hint: ptr::null(),
        }
    }
}

/// Checks when requests are to be tried again, and keeps it.
///
/// * `options`: not NULL; read during the call only. Whoever wants all defaults needs none: `sluice_retry_decide` takes NULL
/// * `out`: receives the retry policy, the caller's to free; left as it was on an error
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`; `sluice_last_error` says which option is wrong, and what would be right.
/// Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `options` is NULL or good for reading its `struct_size` bytes, and its statuses for reading as many as it says; `out` is
/// NULL or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_retry_new(
    options: *const sluice_retry_options,
    out: *mut *mut sluice_retry,
) -> i32 {
    call("sluice_retry_new", |call| {
        let out = call.pointer("out", out)?;
        // SAFETY: the caller's promise is this function's.
        let options = unsafe { sized::read(call, options) }?;
        // SAFETY: as above.
        let core = unsafe { policy(call, &options) }?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(Box::into_raw(Box::new(sluice_retry { core }))) };
        Ok(())
    })
}

/// # Safety
/// The statuses of `options` are NULL or good for reading as many as it says.
unsafe fn policy(call: Call, options: &sluice_retry_options) -> Result<RetryPolicy, Failed> {
    call.reserved("options.reserved", options.reserved)?;
    let known = SLUICE_RETRY_STRICT | SLUICE_RETRY_ANY_METHOD_ON_429 | SLUICE_RETRY_NO_JITTER;
    let flag = |flag| flags(call, "options.flags", options.flags, known).map(|flags| flags & flag != 0);
    let or = |given: u32, default| if given == 0 { default } else { given };
    let time = |given, default| if given == 0 { default } else { Duration::from_nanos(given) };
    let default = RetryPolicy::DEFAULT;
    let jitter =
        if flag(SLUICE_RETRY_NO_JITTER)? { 0 } else { or(options.jitter_percent, default.jitter_percent) };
    let mut builder = RetryPolicy::builder()
        .base(time(options.base_ns, default.base))
        .cap(time(options.cap_ns, default.cap))
        .deadline(time(options.deadline_ns, default.deadline))
        .max_server_wait(time(options.max_server_wait_ns, default.max_server_wait))
        .server_jitter(jitter, time(options.max_jitter_ns, default.max_jitter))
        .max_attempts(or(options.max_attempts, default.max_attempts))
        .any_method_on_429(flag(SLUICE_RETRY_ANY_METHOD_ON_429)?)
        .syntax(if flag(SLUICE_RETRY_STRICT)? { Syntax::Strict } else { Syntax::Lenient });
    if !options.statuses.is_null() || options.n_statuses > 0 {
        // SAFETY: the caller's promise is this function's.
        let statuses = unsafe { call.array("options.statuses", options.statuses, options.n_statuses as usize) }?;
        builder = builder.statuses(statuses.iter().copied());
    }
    let n = options.n_statuses_with_hint as usize;
    // SAFETY: as above.
    let with_hint = unsafe { call.array("options.statuses_with_hint", options.statuses_with_hint, n) }?;
    builder = with_hint.iter().fold(builder, |builder, status| builder.status_with_hint(*status));
    if options.budget_tokens > 0 {
        let budget = RetryBudget::new(options.budget_tokens, or(options.budget_percent, 20));
        builder = builder.budget(Arc::new(budget.map_err(|error| call.error(&error))?));
    }
    builder.build().map_err(|error| call.error(&error))
}

/// Flags of which none is unknown.
pub(super) fn flags(call: Call, name: &str, given: u32, known: u32) -> Result<u32, Failed> {
    if given & !known != 0 {
        return Err(call.bad(format_args!("{name} is {given}, of which {} is not known", given & !known)));
    }
    Ok(given)
}

/// Frees a retry policy. NULL is none, and nothing happens.
///
/// * `retry`: from `sluice_retry_new`; no other thread may be using it, and nobody may afterwards
///
/// Since 0.1.0.
///
/// # Safety
/// `retry` is NULL or a retry policy that was not freed before and that nobody uses now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_retry_free(retry: *mut sluice_retry) {
    // SAFETY: the caller's promise is this function's.
    unsafe { free("sluice_retry_free", retry) }
}
