//! What to do about a response, and what it says.

use super::call::{Call, Failed, bytes, call};
use super::check::SLUICE_NEVER;
use super::retry::{SLUICE_RETRY_STRICT, flags, sluice_retry};
use super::sized::{self, SizedStruct};
use crate::retry::{Advice, Attempt, GiveUpReason, HintSource, Moment, RetryPolicy, ServerHint, Syntax};
use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;
use std::time::Duration;

/// The request may be sent twice without harm whatever its method: it has an `Idempotency-Key`, say.
pub const SLUICE_ATTEMPT_REPEATABLE: u32 = 1;
/// The request's body cannot be sent again.
pub const SLUICE_ATTEMPT_BODY_IS_GONE: u32 = 2;

/// There is a retry.
pub const SLUICE_GIVE_UP_NOT: u32 = 0;
/// The response is none that is tried again, as most are.
pub const SLUICE_GIVE_UP_STATUS: u32 = 1;
/// The server asks not to be asked again.
pub const SLUICE_GIVE_UP_SERVER_FORBIDS: u32 = 2;
/// The method is not idempotent, and nothing says that the request can be repeated without harm.
pub const SLUICE_GIVE_UP_METHOD: u32 = 3;
/// The request's body is gone.
pub const SLUICE_GIVE_UP_BODY: u32 = 4;
/// There have been as many attempts as there may be.
pub const SLUICE_GIVE_UP_ATTEMPTS: u32 = 5;
/// The server asks for a longer wait than is accepted.
pub const SLUICE_GIVE_UP_SERVER_WAIT: u32 = 6;
/// The next attempt would begin after the deadline.
pub const SLUICE_GIVE_UP_DEADLINE: u32 = 7;
/// Too few requests go well for so many retries.
pub const SLUICE_GIVE_UP_BUDGET: u32 = 8;

/// The server has not said when to come back.
pub const SLUICE_HINT_NONE: u32 = 0;
/// The server has named a time by `Retry-After`, or by `retry-after-ms` and its like.
pub const SLUICE_HINT_RETRY_AFTER: u32 = 1;
/// The server has named a time by the IETF draft's `RateLimit`.
pub const SLUICE_HINT_RATE_LIMIT: u32 = 2;
/// The server has named a time by `X-RateLimit-Reset` and its like.
pub const SLUICE_HINT_RESET: u32 = 3;

/// The attempt whose response has come. Begin with `SLUICE_ATTEMPT_INIT`. It grows as `sluice_options` does.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_attempt {
    /// sizeof(sluice_attempt), as the caller was compiled.
    pub struct_size: usize,
    /// The request's method, such as "GET", ended by a NUL; not NULL.
    pub method: *const c_char,
    /// Which attempt it was: the first is number 1.
    pub number: u32,
    /// The response's status.
    pub status: u32,
    /// How long ago the first attempt began, in nanoseconds, by a monotonic clock.
    pub elapsed_ns: u64,
    /// Some of `SLUICE_ATTEMPT_*`, combined by `|`.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: `repr(C)`, and numbers and raw pointers alone, of which the first is a `usize`.
unsafe impl SizedStruct for sluice_attempt {
    const NAME: &'static str = "attempt";
    const INIT: &'static str = "SLUICE_ATTEMPT_INIT";
    const TYPE: &'static str = "sluice_attempt";
    const FIELDS: &'static [usize] = &[
        offset_of!(sluice_attempt, method),
        offset_of!(sluice_attempt, number),
        offset_of!(sluice_attempt, status),
        offset_of!(sluice_attempt, elapsed_ns),
        offset_of!(sluice_attempt, flags),
        offset_of!(sluice_attempt, reserved),
    ];

    fn defaults() -> Self {
        let struct_size = size_of::<Self>();
        Self { struct_size, method: ptr::null(), number: 1, status: 0, elapsed_ns: 0, flags: 0, reserved: 0 }
    }
}

/// One header field of a response: bytes of any content.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_header {
    /// The name, in upper or lower case. May be NULL if `name_len` is 0.
    pub name: *const c_void,
    /// The length of the name in bytes.
    pub name_len: usize,
    /// The value. May be NULL if `value_len` is 0.
    pub value: *const c_void,
    /// The length of the value in bytes.
    pub value_len: usize,
}

/// What to do about a response.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_advice {
    /// 1 to ask again after `wait_ns`; 0 to let the caller have this response.
    pub retry: u32,
    /// One of `SLUICE_GIVE_UP_*`: why there is no retry.
    pub reason: u32,
    /// How long to wait before the next attempt, in nanoseconds; 0 if there is none.
    pub wait_ns: u64,
    /// Where there is no retry: how long the server wants to be left alone, in nanoseconds; `SLUICE_NEVER` where it has not
    /// said so. Else 0. More than 584 years are told as 1 less than `SLUICE_NEVER`.
    pub come_back_ns: u64,
}

/// What a response says of coming back.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_hint {
    /// One of `SLUICE_HINT_*`: which field says so.
    pub source: u32,
    /// 1 if the server asks not to be asked again, else 0.
    pub forbids_retry: u32,
    /// How long to wait at least, in nanoseconds; 0 for a time that has come already, `SLUICE_NEVER` where nothing is said.
    /// More than 584 years are told as 1 less than `SLUICE_NEVER`.
    pub wait_ns: u64,
}

static DEFAULT: RetryPolicy = RetryPolicy::DEFAULT;

/// Decides what to do about a response, by the system's clock and a random number: see `sluice_retry_decide_at`.
///
/// * `retry`, `attempt`, `headers`, `n`, `out`: as there
///
/// Since 0.1.0.
///
/// # Safety
/// As for `sluice_retry_decide_at`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_retry_decide(
    retry: *const sluice_retry,
    attempt: *const sluice_attempt,
    headers: *const sluice_header,
    n: usize,
    out: *mut sluice_advice,
) -> i32 {
    // SAFETY: the caller's promise is this function's.
    call("sluice_retry_decide", |call| unsafe { decide(call, retry, attempt, (headers, n), Moment::now(), out) })
}

/// Decides what to do about a response: wait so long and ask again, or let the caller have it and say when to come back.
///
/// A wait that the server has named is never shortened. The library neither waits nor asks.
///
/// * `retry`: NULL for all defaults, without a budget
/// * `attempt`: not NULL
/// * `headers`: the fields of the response, in any order; those that are no help are passed over. NULL only if `n` is 0
/// * `n`: how many
/// * `now_unix_ns`: the wall clock, in nanoseconds since 1970-01-01 00:00 UTC
/// * `random`: a number of which each is as likely as any other; 0 adds no jitter and makes own back-off the shortest
/// * `out`: receives the advice, not NULL; left as it was on an error
///
/// Returns `SLUICE_OK` whether there is a retry or not, or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once.
/// Since 0.1.0.
///
/// # Safety
/// `retry` is NULL or a retry policy that is not freed before this returns; `attempt` is NULL or good for reading its
/// `struct_size` bytes, and its method ends with a NUL; `headers` is NULL or good for reading `n` of them, and each one's
/// name and value for its length; `out` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_retry_decide_at(
    retry: *const sluice_retry,
    attempt: *const sluice_attempt,
    headers: *const sluice_header,
    n: usize,
    now_unix_ns: u64,
    random: u64,
    out: *mut sluice_advice,
) -> i32 {
    let moment = Moment { unix_ns: now_unix_ns, random };
    // SAFETY: the caller's promise is this function's.
    call("sluice_retry_decide_at", |call| unsafe { decide(call, retry, attempt, (headers, n), moment, out) })
}

/// # Safety
/// As for `sluice_retry_decide_at`.
unsafe fn decide(
    call: Call,
    retry: *const sluice_retry,
    attempt: *const sluice_attempt,
    headers: (*const sluice_header, usize),
    moment: Moment,
    out: *mut sluice_advice,
) -> Result<(), Failed> {
    let out = call.pointer("out", out)?;
    // SAFETY: the caller's promise is this function's.
    let (given, headers) = unsafe { (sized::read(call, attempt)?, fields(call, headers)?) };
    // SAFETY: as above.
    let method = unsafe { call.text("attempt.method", given.method) }?;
    call.reserved("attempt.reserved", given.reserved)?;
    let known = SLUICE_ATTEMPT_REPEATABLE | SLUICE_ATTEMPT_BODY_IS_GONE;
    let flags = flags(call, "attempt.flags", given.flags, known)?;
    // What is no text is no method that is known to be idempotent, and neither is the empty one.
    let method = method.to_str().unwrap_or_default();
    let attempt = Attempt::new(method, given.number, Duration::from_nanos(given.elapsed_ns))
        .idempotency_key(flags & SLUICE_ATTEMPT_REPEATABLE != 0)
        .replayable(flags & SLUICE_ATTEMPT_BODY_IS_GONE == 0);
    // What is no status at all is none that is tried again.
    let status = u16::try_from(given.status).unwrap_or(0);
    let policy = if retry.is_null() {
        &DEFAULT
    } else {
        let retry = call.pointer("retry", retry)?;
        // SAFETY: not NULL, so it is a live retry policy, which is only ever shared.
        &unsafe { retry.as_ref() }.core
    };
    let advice = policy.decide(&attempt, status, headers, moment);
    // SAFETY: not NULL, aligned, and the caller's promise holds.
    unsafe { out.write(advice.into()) };
    Ok(())
}

/// Tells what a response says of coming back, whatever its status.
///
/// * `headers`, `n`, `now_unix_ns`: as for `sluice_retry_decide_at`
/// * `flags`: `SLUICE_RETRY_STRICT` or 0
/// * `out`: receives what is said, not NULL; left as it was on an error
///
/// Returns `SLUICE_OK`, also where nothing is said, or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once.
/// Since 0.1.0.
///
/// # Safety
/// `headers` is NULL or good for reading `n` of them, and each one's name and value for its length; `out` is NULL or good
/// for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_retry_hint(
    headers: *const sluice_header,
    n: usize,
    now_unix_ns: u64,
    flags: u32,
    out: *mut sluice_hint,
) -> i32 {
    call("sluice_retry_hint", |call| {
        let out = call.pointer("out", out)?;
        let flags = self::flags(call, "flags", flags, SLUICE_RETRY_STRICT)?;
        let syntax = if flags == 0 { Syntax::Lenient } else { Syntax::Strict };
        // SAFETY: the caller's promise is this function's.
        let headers = unsafe { fields(call, (headers, n)) }?;
        let hint = ServerHint::read(headers, now_unix_ns, syntax);
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(hint.into()) };
        Ok(())
    })
}

/// The names and values of fields.
///
/// # Safety
/// The array is NULL or good for reading as many as it has during `'a`, and so are each one's name and value.
unsafe fn fields<'a>(
    call: Call,
    (headers, n): (*const sluice_header, usize),
) -> Result<impl Iterator<Item = (&'a [u8], &'a [u8])>, Failed> {
    // SAFETY: the caller's promise is this function's.
    let headers = unsafe { call.array("headers", headers, n) }?;
    for (at, header) in headers.iter().enumerate() {
        // SAFETY: as above; the names are put together only for an error.
        unsafe {
            call.bytes(format_args!("headers[{at}].name"), header.name, header.name_len)?;
            call.bytes(format_args!("headers[{at}].value"), header.value, header.value_len)?;
        }
    }
    // SAFETY: they have all been seen to be right, and the caller's promise holds.
    Ok(headers
        .iter()
        .map(|header| unsafe { (bytes(header.name, header.name_len), bytes(header.value, header.value_len)) }))
}

impl From<Advice> for sluice_advice {
    fn from(advice: Advice) -> Self {
        match advice {
            Advice::RetryIn(wait) => {
                Self { retry: 1, reason: SLUICE_GIVE_UP_NOT, wait_ns: ns(wait), come_back_ns: 0 }
            }
            Advice::GiveUp { reason, come_back } => Self {
                retry: 0,
                reason: number_of(reason),
                wait_ns: 0,
                come_back_ns: come_back.map_or(SLUICE_NEVER, ns),
            },
        }
    }
}

impl From<ServerHint> for sluice_hint {
    fn from(hint: ServerHint) -> Self {
        let source = match hint.source() {
            None => SLUICE_HINT_NONE,
            Some(HintSource::RetryAfter) => SLUICE_HINT_RETRY_AFTER,
            Some(HintSource::RateLimit) => SLUICE_HINT_RATE_LIMIT,
            Some(HintSource::Reset) => SLUICE_HINT_RESET,
        };
        let wait_ns = hint.wait().map_or(SLUICE_NEVER, ns);
        Self { source, forbids_retry: hint.forbids_retry().into(), wait_ns }
    }
}

/// The largest number stands for no wait at all.
fn ns(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX).min(SLUICE_NEVER - 1)
}

fn number_of(reason: GiveUpReason) -> u32 {
    match reason {
        GiveUpReason::Status => SLUICE_GIVE_UP_STATUS,
        GiveUpReason::ServerForbids => SLUICE_GIVE_UP_SERVER_FORBIDS,
        GiveUpReason::Method => SLUICE_GIVE_UP_METHOD,
        GiveUpReason::Body => SLUICE_GIVE_UP_BODY,
        GiveUpReason::Attempts => SLUICE_GIVE_UP_ATTEMPTS,
        GiveUpReason::ServerWait => SLUICE_GIVE_UP_SERVER_WAIT,
        GiveUpReason::Deadline => SLUICE_GIVE_UP_DEADLINE,
        GiveUpReason::Budget => SLUICE_GIVE_UP_BUDGET,
    }
}

/// A fixed English phrase for a reason, one of `SLUICE_GIVE_UP_*`.
///
/// Never NULL, valid for ever, nothing to free. A number that is no reason has a phrase too. Safe from any thread.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_give_up_message(reason: u32) -> *const c_char {
    let known = GiveUpReason::ALL.into_iter().find(|known| number_of(*known) == reason);
    let message = match known {
        Some(known) => known.phrase_in_c(),
        None if reason == SLUICE_GIVE_UP_NOT => c"there is a retry",
        None => c"unknown reason",
    };
    message.as_ptr()
}
