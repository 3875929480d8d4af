//! What a request is answered: all verdicts on it taken together.

use super::call::{Call, Failed, call};
use super::check::{
    SLUICE_NEVER, SLUICE_REASON_COST_EXCEEDS_LIMIT, SLUICE_REASON_LIMIT, SLUICE_REASON_NONE,
    SLUICE_REASON_TABLE_DAMAGED, SLUICE_REASON_TABLE_FULL, SLUICE_REASON_TIME_OUT_OF_RANGE, sluice_decision,
};
use super::http_settings::sluice_http_settings;
use super::quota::sluice_quota;
use super::sized::{self, SizedOut, SizedStruct};
use super::text_out::TextOut;
use crate::decision::{Decision, Outcome, Reason, Scale};
use crate::http::{Answer, Field, Settings, Verdict};
use std::ffi::{c_char, c_void};
use std::fmt::Write;
use std::mem::offset_of;
use std::ptr;

/// One decision on a request, and the policy that it was made by.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_verdict {
    /// The policy, under its name; not NULL.
    pub quota: *const sluice_quota,
    /// The decision, from `sluice_check` or any other function that gives one; not NULL.
    pub decision: *const sluice_decision,
    /// How many permits the request asked for, where it was not 1: tells which of several policies binds most.
    pub cost: u64,
    /// Bytes by which clients can tell one partition of the quota from another, which they see; NULL for none. Do not use
    /// what is secret or personal.
    pub partition_key: *const c_void,
    /// The length of the partition key in bytes, at most 96.
    pub partition_key_len: usize,
}

/// A request's answer, of which its status, headers and body are asked. Begin with `SLUICE_ANSWER_INIT`. It grows as
/// `sluice_options` does.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_answer {
    /// sizeof(sluice_answer), as the caller was compiled.
    pub struct_size: usize,
    /// How answers look; NULL for all defaults.
    pub settings: *const sluice_http_settings,
    /// `n` verdicts on the request, always in the same order; NULL only if `n` is 0.
    pub verdicts: *const sluice_verdict,
    /// How many: 1 for most, 0 for a request that nobody limits. Up to 16 need no memory beyond the stack.
    pub n: usize,
    /// When the decisions were made, in nanoseconds since 1970-01-01 00:00 UTC: what the answer says of the future counts
    /// from it.
    pub now_unix_ns: u64,
}

// SAFETY: `repr(C)`, and numbers and raw pointers alone, of which the first is a `usize`.
unsafe impl SizedStruct for sluice_answer {
    const NAME: &'static str = "answer";
    const INIT: &'static str = "SLUICE_ANSWER_INIT";
    const TYPE: &'static str = "sluice_answer";
    const FIELDS: &'static [usize] = &[
        offset_of!(sluice_answer, settings),
        offset_of!(sluice_answer, verdicts),
        offset_of!(sluice_answer, n),
        offset_of!(sluice_answer, now_unix_ns),
    ];

    fn defaults() -> Self {
        let struct_size = size_of::<Self>();
        Self { struct_size, settings: ptr::null(), verdicts: ptr::null(), n: 0, now_unix_ns: 0 }
    }
}

/// What the verdicts on a request come to. Begin with `SLUICE_OUTCOME_INIT`. It grows as `sluice_limiter_stats` does.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_outcome {
    /// sizeof(sluice_outcome), as the caller was compiled. Set before the call.
    pub struct_size: usize,
    /// 1 if all verdicts allow the request, else 0.
    pub allowed: u32,
    /// 200 if it is allowed; 429, or the settings' status, if the client has asked for too much; 503 if a limiter could not
    /// count, which is none of the client's doing: `SLUICE_REASON_TABLE_FULL`, `_TABLE_DAMAGED`, `_TIME_OUT_OF_RANGE`.
    pub status: u32,
    /// The phrase that belongs to the status, such as "Too Many Requests". Valid for ever, nothing to free.
    pub reason_phrase: *const c_char,
    /// On a denial that waiting cures: whole seconds, at least 1, after which the request is admitted if nobody else asks
    /// for its keys in between. Else 0.
    pub retry_after_s: u64,
    /// The place of the verdict whose numbers stand in `X-RateLimit-*` and in bodies; `n` if there are none. On a denial that
    /// with the longest wait of those that deny, else the one that binds most.
    pub speaking: usize,
}

/// So many verdicts are kept on the stack.
const STACK_VERDICTS: usize = 16;

/// Tells what the verdicts on a request come to.
///
/// * `answer`: not NULL; nothing in it is changed or kept
/// * `out`: its `struct_size` set, not NULL; left as it was on an error
///
/// Returns `SLUICE_OK`, or `SLUICE_ERR_ARGUMENT` if anything in `answer` is wrong. Safe from any number of threads at once.
/// Since 0.1.0.
///
/// # Safety
/// `answer` is NULL or good for reading its `struct_size` bytes, and what it points to for reading as long as said;
/// settings and quotas are not freed before this returns; `out` is NULL or good for reading and writing its
/// `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_answer_outcome(answer: *const sluice_answer, out: *mut sluice_outcome) -> i32 {
    call("sluice_answer_outcome", |call| {
        let names = ("SLUICE_OUTCOME_INIT", "sluice_outcome");
        // SAFETY: the caller's promise is this function's.
        let out = unsafe { SizedOut::new(call, out, 4, names) }?;
        // SAFETY: as above.
        let outcome = unsafe { with_answer(call, answer, |answer| outcome(answer, out.struct_size)) }?;
        // SAFETY: numbers and a pointer, without padding.
        unsafe { out.fill(&outcome) };
        Ok(())
    })
}

fn outcome(answer: &Answer<'_>, struct_size: usize) -> sluice_outcome {
    let speaking = answer.speaking().map_or(answer.verdicts().len(), |speaking| {
        answer.verdicts().iter().position(|verdict| ptr::eq(verdict, speaking)).unwrap_or_default()
    });
    sluice_outcome {
        struct_size,
        allowed: answer.allowed().into(),
        status: answer.status().into(),
        reason_phrase: answer.reason_phrase_in_c().as_ptr(),
        retry_after_s: answer.retry_after_seconds().unwrap_or(0),
        speaking,
    }
}

/// Receives one header field: the context that was given, the field's name, such as "Retry-After", and its value, which is
/// printable ASCII. Neither ends with a NUL, and both last as long as the call only. It must return.
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub type sluice_header_visitor = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        name: *const c_char,
        name_len: usize,
        value: *const c_char,
        value_len: usize,
    ),
>;

/// Hands every header field of an answer to `visit`, in order: `Retry-After` on a denial that waiting cures, the fields of
/// the families chosen, and `Cache-Control: no-store` on a denial.
///
/// * `answer`: as for `sluice_answer_outcome`
/// * `visit`: called for each field, on this thread, before this returns; not NULL. Put fields in place of those of the
///   same name that a response has; among them a name comes twice only where a list of very many policies is too long for
///   one line, and then both lines count
/// * `context`: handed on as it is
///
/// Returns `SLUICE_OK`, or `SLUICE_ERR_ARGUMENT`, and then no field was handed on. Safe from any number of threads at once;
/// it takes no lock, and allocates nothing for up to 16 verdicts. Since 0.1.0.
///
/// # Safety
/// As for `sluice_answer_outcome`; `visit` may be called with `context`, returns, and does not throw.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_answer_headers(
    answer: *const sluice_answer,
    visit: sluice_header_visitor,
    context: *mut c_void,
) -> i32 {
    call("sluice_answer_headers", |call| {
        let visit = visit.ok_or_else(|| call.bad(format_args!("visit is NULL")))?;
        let hand_on = |field: Field, value: &str| {
            let name = field.name();
            // SAFETY: the caller's promise is this function's.
            unsafe { visit(context, name.as_ptr().cast(), name.len(), value.as_ptr().cast(), value.len()) }
        };
        // SAFETY: as above.
        unsafe { with_answer(call, answer, |answer| answer.headers(hand_on)) }
    })
}

/// Writes the header fields of an answer as lines "Name: value\r\n", ended by a NUL: those that `sluice_answer_headers`
/// hands on.
///
/// * `answer`: as for `sluice_answer_outcome`
/// * `buf`: where to; NULL only if `cap` is 0
/// * `cap`: the bytes at `buf`, of which `SLUICE_HEADER_LINES_MAX(n)` are always enough
/// * `length`: receives the bytes of the lines without their NUL, also on `SLUICE_ERR_BUFFER`; not NULL
///
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the lines and their NUL do not fit, and then what
/// is at `buf` is of no use. Safe from any number of threads at once; it takes no lock, and allocates nothing for up to
/// 16 verdicts. Since 0.1.0.
///
/// # Safety
/// As for `sluice_answer_outcome`; `buf` is NULL or good for writing `cap` bytes; `length` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_answer_header_lines(
    answer: *const sluice_answer,
    buf: *mut c_char,
    cap: usize,
    length: *mut usize,
) -> i32 {
    call("sluice_answer_header_lines", |call| {
        // SAFETY: the caller's promise is this function's.
        let mut out = unsafe { TextOut::new(call, buf, cap, length) }?;
        // What does not fit is counted, and told in the end.
        let line = |field, value: &str| _ = write!(out, "{field}: {value}\r\n");
        // SAFETY: as above.
        unsafe { with_answer(call, answer, |answer| answer.headers(line)) }?;
        out.finish(call)
    })
}

/// What `ask` makes of the core's answer that is meant.
///
/// # Safety
/// `answer` is NULL or good for reading its `struct_size` bytes, and what it points to for reading as long as said;
/// settings and quotas are not freed before this returns.
pub(super) unsafe fn with_answer<T>(
    call: Call,
    answer: *const sluice_answer,
    ask: impl FnOnce(&Answer<'_>) -> T,
) -> Result<T, Failed> {
    // SAFETY: the caller's promise is this function's.
    let answer = unsafe { sized::read(call, answer) }?;
    let default = Settings::default();
    let settings = if answer.settings.is_null() {
        &default
    } else {
        let settings = call.pointer("answer.settings", answer.settings)?;
        // SAFETY: not NULL, so they are live settings, which are only ever shared.
        &unsafe { settings.as_ref() }.core
    };
    // SAFETY: the caller's promise is this function's.
    let given = unsafe { call.array("answer.verdicts", answer.verdicts, answer.n) }?;
    let now = answer.now_unix_ns;
    // SAFETY: as above.
    let verdict = |place: usize| unsafe { verdict(call, place, &given[place]) };
    match given.len() {
        0 => Ok(ask(&Answer::new(settings, &[], now))),
        1 => Ok(ask(&Answer::new(settings, &[verdict(0)?], now))),
        n @ 2..=STACK_VERDICTS => {
            let mut verdicts = [verdict(0)?; STACK_VERDICTS];
            for (place, slot) in verdicts.iter_mut().enumerate().take(n).skip(1) {
                *slot = verdict(place)?;
            }
            Ok(ask(&Answer::new(settings, &verdicts[..n], now)))
        }
        n => {
            let verdicts = (0..n).map(verdict).collect::<Result<Vec<_>, _>>()?;
            Ok(ask(&Answer::new(settings, &verdicts, now)))
        }
    }
}

/// A verdict as the core has it.
///
/// # Safety
/// Its quota is NULL or not freed during `'a`; its decision and its partition key are NULL or good for reading.
unsafe fn verdict<'a>(call: Call, place: usize, given: &sluice_verdict) -> Result<Verdict<'a>, Failed> {
    let quota = call.pointer(format_args!("answer.verdicts[{place}].quota"), given.quota)?;
    let told = call.pointer(format_args!("answer.verdicts[{place}].decision"), given.decision)?;
    // SAFETY: not NULL and aligned, and the caller's promise holds.
    let (quota, told) = unsafe { (&quota.as_ref().core, told.as_ref()) };
    let decision = decision(told).ok_or_else(|| {
        call.bad(format_args!(
            "answer.verdicts[{place}].decision has allowed {} and reason {}, which no check gives; take it from one",
            told.allowed,
            told.reason
        ))
    })?;
    let verdict = Verdict::new(quota, decision).cost(given.cost);
    if given.partition_key.is_null() && given.partition_key_len == 0 {
        return Ok(verdict);
    }
    // SAFETY: as above.
    let key = unsafe {
        let name = format_args!("answer.verdicts[{place}].partition_key");
        call.bytes(name, given.partition_key, given.partition_key_len)
    }?;
    verdict.partition_key(key).map_err(|error| call.bad(format_args!("answer.verdicts[{place}]: {error}")))
}

/// The core's decision that C has been told; `None` for one that there cannot be.
pub(super) fn decision(told: &sluice_decision) -> Option<Decision> {
    let reason = match told.reason {
        SLUICE_REASON_NONE if told.allowed <= 1 => Reason::None,
        SLUICE_REASON_LIMIT if told.allowed == 0 => Reason::Limit,
        SLUICE_REASON_COST_EXCEEDS_LIMIT if told.allowed == 0 => Reason::CostExceedsLimit,
        SLUICE_REASON_TABLE_FULL if told.allowed <= 1 => Reason::TableFull,
        SLUICE_REASON_TIME_OUT_OF_RANGE if told.allowed == 0 => Reason::TimeOutOfRange,
        SLUICE_REASON_TABLE_DAMAGED if told.allowed == 0 => Reason::TableDamaged,
        _ => return None,
    };
    Some(Decision {
        outcome: if told.allowed == 1 { Outcome::Allowed } else { Outcome::Denied },
        reason,
        scale: Scale::of_permits(told.limit),
        // No check says more than 2^32.
        remaining_units: i64::try_from(told.remaining).unwrap_or(i64::MAX),
        reset_after_ns: told.reset_after_ns,
        wait_ns: if told.allowed == 1 { told.delay_ns } else { told.retry_after_ns },
    })
}

/// Nanoseconds as whole seconds, rounded up and at least 1, as `Retry-After` has them; `SLUICE_NEVER` stays.
///
/// Safe from any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_whole_seconds(ns: u64) -> u64 {
    if ns == SLUICE_NEVER { SLUICE_NEVER } else { crate::http::whole_seconds(ns) }
}
