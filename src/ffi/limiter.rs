//! Making and freeing a limiter.

use super::call::{Call, Failed, call, copy_text, free};
use super::sized::{self, SizedStruct};
use super::status::{SLUICE_ERR_BUFFER, SLUICE_ERR_POLICY};
use crate::clock::{Clock, CoarseClock, MonotonicClock};
use crate::error::Error;
use crate::limiter::{DEFAULT_MAX_KEYS, Limiter, LimiterBuilder};
use crate::policy::Policy;
use crate::table::OnFull;
use std::ffi::{CStr, c_char};
use std::mem::offset_of;
use std::time::Duration;

/// When more keys are live than fit, the new key takes the place of one that has consumed least. The default.
pub const SLUICE_ON_FULL_EVICT: u32 = 0;
/// When more keys are live than fit, requests of new keys are denied with `SLUICE_REASON_TABLE_FULL`.
pub const SLUICE_ON_FULL_DENY: u32 = 1;
/// When more keys are live than fit, requests of new keys are allowed, uncounted, with `SLUICE_REASON_TABLE_FULL`.
pub const SLUICE_ON_FULL_ALLOW: u32 = 2;

/// A monotonic clock, precise to the nanosecond, that knows the wall time it started from. The default.
pub const SLUICE_CLOCK_MONOTONIC: u32 = 0;
/// A clock several times cheaper to read that moves in steps of the kernel's tick (1 to 10 ms), never ahead.
pub const SLUICE_CLOCK_COARSE: u32 = 1;
/// The coarse clock where a step of it is of no account to the policy: where what can be taken at one instant takes a tenth
/// of a second or longer to come back. Else the monotonic one.
pub const SLUICE_CLOCK_BY_POLICY: u32 = 2;

/// A buffer of so many bytes holds the text of any policy, its NUL included.
pub const SLUICE_POLICY_TEXT_MAX: usize = 128;

/// One policy over one table of keys. Made by `sluice_limiter_new`, `_open` or `_attach`, given back by
/// `sluice_limiter_free`.
///
/// One limiter serves any number of threads at once; every function that takes a `const sluice_limiter *` may be
/// called from all of them without a lock. A child process after fork() has a copy of its own, or the same table where
/// that is in a file or in memory that the processes share.
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_limiter {
    pub(super) core: Limiter<ClockChoice>,
}

/// What a limiter may be told beyond its policy. Begin with `SLUICE_OPTIONS_INIT`, then set what should differ; 0
/// stands for the default in every field but the first.
///
/// Later releases add fields at the end. A program that was compiled with a shorter struct gets the defaults for
/// the rest; one that was compiled with a longer one works as long as the fields unknown here are 0.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_options {
    /// sizeof(sluice_options), as the caller was compiled.
    pub struct_size: usize,
    /// How many keys can be live at once before `on_full` applies; 0 for the default of 1000000.
    pub max_keys: u64,
    /// One of `SLUICE_ON_FULL_*`.
    pub on_full: u32,
    /// One of `SLUICE_CLOCK_*`: the time of the calls that are not told theirs.
    pub clock: u32,
    /// For `sluice_limiter_open_with`: 1 to replace a table file that has another policy, and keep what its keys
    /// have consumed; 0 to be told of it by `SLUICE_ERR_MISMATCH`.
    pub replace: u32,
    /// 1 to have the table's memory come page by page, each with the first check that reaches it, which waits until the
    /// system has made it (half a millisecond for a huge page); 0 to take all of it when the limiter is made.
    pub no_prefault: u32,
}

impl Default for sluice_options {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            max_keys: 0,
            on_full: SLUICE_ON_FULL_EVICT,
            clock: SLUICE_CLOCK_MONOTONIC,
            replace: 0,
            no_prefault: 0,
        }
    }
}

/// The clock of a limiter that was made through this border.
#[derive(Debug, Clone, Copy)]
pub(super) enum ClockChoice {
    Monotonic(MonotonicClock),
    Coarse(CoarseClock),
}

impl Clock for ClockChoice {
    #[inline]
    fn now(&self) -> u64 {
        match self {
            Self::Monotonic(clock) => clock.now(),
            Self::Coarse(clock) => clock.now(),
        }
    }

    fn anchor(&mut self, offset_ns: u64) {
        match self {
            Self::Monotonic(clock) => clock.anchor(offset_ns),
            Self::Coarse(clock) => clock.anchor(offset_ns),
        }
    }
}

/// Makes a limiter on the heap, with the defaults for all that is not said.
///
/// * `policy`: "ALGORITHM LIMIT/PERIOD [burst=N]", ended by a NUL; read during the call only. Algorithms are
///   fixed-window, sliding-window, token-bucket and leaky-bucket; units ns us ms s m h d. For example
///   "token-bucket 100/s burst=200", "fixed-window 5000/1h", "sliding-window 100/60m", "leaky-bucket 10/s
///   burst=20". Limits and bursts go to 4294967295, rates to 10^9 a second, periods from 1us to 3653d.
/// * `max_keys`: how many keys can be live at once before one has to give way, from 1; 24 bytes each, all of which
///   are taken now and never more
/// * `out`: receives the limiter, the caller's to free; left as it was on an error
///
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, `SLUICE_ERR_POLICY`, `SLUICE_ERR_MEMORY` or `SLUICE_ERR_IO`;
/// `sluice_last_error` says what was wrong, where, and what would be right. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `policy` is NULL or ends with a NUL; `out` is NULL or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_new(
    policy: *const c_char,
    max_keys: u64,
    out: *mut *mut sluice_limiter,
) -> i32 {
    call("sluice_limiter_new", |call| {
        // SAFETY: the caller's promise is this function's.
        let policy = unsafe { call.text("policy", policy) }?;
        // SAFETY: as above.
        unsafe { make(call, policy, max_keys, &sluice_options::default(), out, LimiterBuilder::build) }
    })
}

/// Makes a limiter on the heap, with options.
///
/// * `policy`, `out`: as for `sluice_limiter_new`
/// * `options`: read during the call only; NULL for all defaults
///
/// Returns as `sluice_limiter_new` does; `SLUICE_ERR_ARGUMENT` too for an option out of its range, and for a
/// `struct_size` that is none or whose tail asks for something unknown here. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// As for `sluice_limiter_new`; `options` is NULL or good for reading its `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_new_with(
    policy: *const c_char,
    options: *const sluice_options,
    out: *mut *mut sluice_limiter,
) -> i32 {
    call("sluice_limiter_new_with", |call| {
        // SAFETY: the caller's promise is this function's.
        let policy = unsafe { call.text("policy", policy) }?;
        // SAFETY: as above.
        let options = unsafe { read_options(call, options) }?;
        // SAFETY: as above.
        unsafe { make(call, policy, options.max_keys(), &options, out, LimiterBuilder::build) }
    })
}

impl sluice_options {
    /// The number of keys that is meant.
    pub(super) fn max_keys(&self) -> u64 {
        if self.max_keys == 0 { DEFAULT_MAX_KEYS } else { self.max_keys }
    }
}

/// Makes a limiter by `build` from what the caller has said.
///
/// # Safety
/// `out` is NULL or good for writing.
pub(super) unsafe fn make(
    call: Call,
    policy: &CStr,
    max_keys: u64,
    options: &sluice_options,
    out: *mut *mut sluice_limiter,
    build: impl FnOnce(LimiterBuilder<ClockChoice>) -> Result<Limiter<ClockChoice>, Error>,
) -> Result<(), Failed> {
    let out = call.pointer("out", out)?;
    let policy = parse(call, policy)?;
    let builder = Limiter::builder(policy).max_keys(max_keys).on_full(on_full(call, options.on_full)?);
    let builder =
        builder.clock(clock(call, options.clock, &policy)?).replace(flag(call, "replace", options.replace)?);
    let builder = builder.prefault(!flag(call, "no_prefault", options.no_prefault)?);
    let core = build(builder).map_err(|error| call.error(&error))?;
    // SAFETY: not NULL, aligned, and the caller's promise holds.
    unsafe { out.write(Box::into_raw(Box::new(sluice_limiter { core }))) };
    Ok(())
}

/// The policy that a text says.
pub(super) fn parse(call: Call, policy: &CStr) -> Result<Policy, Failed> {
    let policy = policy.to_str().map_err(|error| {
        call.refuse(
            SLUICE_ERR_POLICY,
            format_args!("policy is not UTF-8 after its first {} bytes", error.valid_up_to()),
        )
    })?;
    policy.parse().map_err(|error| call.error(&error))
}

fn flag(call: Call, name: &str, number: u32) -> Result<bool, Failed> {
    match number {
        0 | 1 => Ok(number == 1),
        _ => Err(call.bad(format_args!("options.{name} is {number}; it is 0 (no) or 1 (yes)"))),
    }
}

pub(super) fn on_full(call: Call, number: u32) -> Result<OnFull, Failed> {
    match number {
        SLUICE_ON_FULL_EVICT => Ok(OnFull::Evict),
        SLUICE_ON_FULL_DENY => Ok(OnFull::Deny),
        SLUICE_ON_FULL_ALLOW => Ok(OnFull::Allow),
        _ => Err(call.bad(format_args!("options.on_full is {number}; it is 0 (evict), 1 (deny) or 2 (allow)"))),
    }
}

pub(super) fn clock(call: Call, number: u32, policy: &Policy) -> Result<ClockChoice, Failed> {
    match number {
        SLUICE_CLOCK_BY_POLICY if suits_a_coarse_clock(policy) => Ok(ClockChoice::Coarse(CoarseClock::new())),
        SLUICE_CLOCK_BY_POLICY => Ok(ClockChoice::Monotonic(MonotonicClock::new())),
        SLUICE_CLOCK_MONOTONIC => Ok(ClockChoice::Monotonic(MonotonicClock::new())),
        SLUICE_CLOCK_COARSE => Ok(ClockChoice::Coarse(CoarseClock::new())),
        _ => {
            Err(call
                .bad(format_args!("options.clock is {number}; it is 0 (monotonic), 1 (coarse) or 2 (by policy)")))
        }
    }
}

/// Whether a tick of 10 ms at most, in which nothing comes back, is a tenth at most of the time for all that there is.
fn suits_a_coarse_clock(policy: &Policy) -> bool {
    let refill_ns = policy.period().as_nanos() * u128::from(policy.burst());
    refill_ns >= Duration::from_millis(100).as_nanos() * u128::from(policy.limit())
}

// SAFETY: `repr(C)`, and numbers alone, of which the first is a `usize`.
unsafe impl SizedStruct for sluice_options {
    const NAME: &'static str = "options";
    const INIT: &'static str = "SLUICE_OPTIONS_INIT";
    const TYPE: &'static str = "sluice_options";
    const FIELDS: &'static [usize] = &[
        offset_of!(sluice_options, max_keys),
        offset_of!(sluice_options, on_full),
        offset_of!(sluice_options, clock),
        offset_of!(sluice_options, replace),
        offset_of!(sluice_options, no_prefault),
    ];

    fn defaults() -> Self {
        Self::default()
    }
}

/// The options of a caller that was compiled with this header, an older or a newer one.
///
/// # Safety
/// `options` is NULL or good for reading its `struct_size` bytes.
pub(super) unsafe fn read_options(call: Call, options: *const sluice_options) -> Result<sluice_options, Failed> {
    if options.is_null() {
        return Ok(sluice_options::default());
    }
    // SAFETY: not NULL, and the caller's promise holds.
    unsafe { sized::read(call, options) }
}

/// Frees a limiter. NULL is none, and nothing happens.
///
/// A table that is in a file, or in memory of the caller's, stays there with all that it holds.
///
/// * `limiter`: from `sluice_limiter_new`, `_open`, `_attach` or one of their `_with` forms; no other thread may be
///   using it, and nobody may afterwards
///
/// Since 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that was not freed before and that nobody uses now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_free(limiter: *mut sluice_limiter) {
    // SAFETY: the caller's promise is this function's.
    unsafe { free("sluice_limiter_free", limiter) }
}

/// Copies the text of the limiter's policy, ended by a NUL, into the caller's buffer: the shortest text that makes
/// the same policy.
///
/// * `limiter`: not NULL
/// * `buf`: where to, not NULL
/// * `cap`: the bytes at `buf`; `SLUICE_POLICY_TEXT_MAX` are always enough
///
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the text does not fit, and then
/// nothing is written. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that is not freed before this returns; `buf` is NULL or good for writing `cap`
/// bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_limiter_policy(
    limiter: *const sluice_limiter,
    buf: *mut c_char,
    cap: usize,
) -> i32 {
    call("sluice_limiter_policy", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        // SAFETY: as above.
        unsafe { copy_policy(call, limiter.core.policy(), buf, cap) }
    })
}

/// The text of a policy for a caller's buffer: all of it or nothing.
///
/// # Safety
/// `buf` is NULL or good for writing `cap` bytes.
pub(super) unsafe fn copy_policy(call: Call, policy: &Policy, buf: *mut c_char, cap: usize) -> Result<(), Failed> {
    let buf = call.pointer("buf", buf)?;
    let text = policy.to_string();
    if text.len() >= cap {
        let needed = text.len() + 1;
        return Err(call.refuse(SLUICE_ERR_BUFFER, format_args!("cap is {cap}; the text needs {needed} bytes")));
    }
    // SAFETY: not NULL, and the caller's promise holds.
    unsafe { copy_text(&text, buf.as_ptr(), cap) };
    Ok(())
}
