//! How HTTP answers look.

use super::call::{Call, Failed, call, free};
use super::sized::{self, SizedStruct};
use super::text_out::TextOut;
use crate::http::{DEFAULT_STATUS, Families, RetryAfterForm, Settings};
use std::ffi::c_char;
use std::fmt::Write;
use std::mem::offset_of;
use std::ptr;

/// `X-RateLimit-Limit`, `-Remaining` and `-Reset`, the last in Unix seconds.
pub const SLUICE_FAMILY_X_RATELIMIT: u32 = 1;
/// `RateLimit-Policy` and `RateLimit` as in the newest revision of draft-ietf-httpapi-ratelimit-headers, which is 11.
pub const SLUICE_FAMILY_IETF: u32 = 2;
/// The draft's revision 06: `RateLimit-Limit`, `-Remaining`, `-Reset` (in seconds to go) and `RateLimit-Policy`.
pub const SLUICE_FAMILY_DRAFT_06: u32 = 4;
/// The draft's revision 07: `RateLimit` as a dictionary, and `RateLimit-Policy`. Never together with
/// `SLUICE_FAMILY_IETF`, whose `RateLimit` is a list.
pub const SLUICE_FAMILY_DRAFT_07: u32 = 8;
/// Says that two revisions of the draft on one answer are meant, which is an error otherwise.
pub const SLUICE_FAMILY_MIXED: u32 = 16;
/// No such fields: `Retry-After` alone. Goes together with no other.
pub const SLUICE_FAMILY_NONE: u32 = 32;

/// `Retry-After` as seconds to wait. The default.
pub const SLUICE_RETRY_AFTER_SECONDS: u32 = 0;
/// `Retry-After` as an HTTP-date.
pub const SLUICE_RETRY_AFTER_DATE: u32 = 1;

/// How HTTP answers look, checked once: made by `sluice_http_settings_new`, given back by `sluice_http_settings_free`. It
/// never changes, so one serves any number of threads at once.
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_http_settings {
    pub(super) core: Settings<'static>,
}

/// How HTTP answers may be told to look. Begin with `SLUICE_HTTP_OPTIONS_INIT`, then set what should differ; 0 or NULL
/// stands for the default in every field but the first. Texts end with a NUL and are copied.
///
/// It grows as `sluice_options` does.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_http_options {
    /// sizeof(sluice_http_options), as the caller was compiled.
    pub struct_size: usize,
    /// Some of `SLUICE_FAMILY_*`, combined by `|`; 0 for `SLUICE_FAMILY_X_RATELIMIT | SLUICE_FAMILY_IETF`.
    pub families: u32,
    /// One of `SLUICE_RETRY_AFTER_*`.
    pub retry_after: u32,
    /// The status of a denial for the client's own excess, 400 to 599; 0 for 429, which is what clients understand.
    pub status: u32,
    /// 0.
    pub reserved: u32,
    /// The member `code` of JSON bodies: 1 to 64 printable ASCII characters; NULL for "rate_limit_exceeded".
    pub code: *const c_char,
    /// What denials tell people: one line of 1 to 1024 bytes of UTF-8; NULL for a sentence that says what happened and when
    /// to try again.
    pub message: *const c_char,
    /// The `type` of problem details: a URI of 1 to 256 characters; NULL for the IETF draft's.
    pub problem_type: *const c_char,
    /// The name of a parameter that tells a policy's burst in `RateLimit-Policy`, such as "acme-burst": 1 to 32 of
    /// a-z 0-9 _ - . *; NULL for none.
    pub burst_parameter: *const c_char,
}

// SAFETY: `repr(C)`, and numbers and raw pointers alone, of which the first is a `usize`.
unsafe impl SizedStruct for sluice_http_options {
    const NAME: &'static str = "options";
    const INIT: &'static str = "SLUICE_HTTP_OPTIONS_INIT";
    const TYPE: &'static str = "sluice_http_options";
    const FIELDS: &'static [usize] = &[
        offset_of!(sluice_http_options, families),
        offset_of!(sluice_http_options, retry_after),
        offset_of!(sluice_http_options, status),
        offset_of!(sluice_http_options, reserved),
        offset_of!(sluice_http_options, code),
        offset_of!(sluice_http_options, message),
        offset_of!(sluice_http_options, problem_type),
        offset_of!(sluice_http_options, burst_parameter),
    ];

    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            families: 0,
            retry_after: SLUICE_RETRY_AFTER_SECONDS,
            status: 0,
            reserved: 0,
            code: ptr::null(),
            message: ptr::null(),
            problem_type: ptr::null(),
            burst_parameter: ptr::null(),
        }
    }
}

/// Checks how HTTP answers are to look, and keeps it.
///
/// * `options`: not NULL; read during the call only. Whoever wants all defaults needs no settings: every function takes
///   NULL for them
/// * `out`: receives the settings, the caller's to free; left as it was on an error
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`; `sluice_last_error` says which option is wrong, where, and what would be
/// right. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `options` is NULL or good for reading its `struct_size` bytes, and its texts are NULL or end with a NUL; `out` is NULL
/// or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_http_settings_new(
    options: *const sluice_http_options,
    out: *mut *mut sluice_http_settings,
) -> i32 {
    call("sluice_http_settings_new", |call| {
        let out = call.pointer("out", out)?;
        // SAFETY: the caller's promise is this function's.
        let options = unsafe { sized::read(call, options) }?;
        // SAFETY: as above.
        let core = unsafe { settings(call, &options) }?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(Box::into_raw(Box::new(sluice_http_settings { core }))) };
        Ok(())
    })
}

/// # Safety
/// The texts of `options` are NULL or end with a NUL.
unsafe fn settings(call: Call, options: &sluice_http_options) -> Result<Settings<'static>, Failed> {
    call.reserved("options.reserved", options.reserved)?;
    let mut builder = Settings::builder()
        .families(families(call, "options.families", options.families)?)
        .retry_after(retry_after(call, options.retry_after)?)
        .status(status(options.status));
    // SAFETY: the caller's promise is this function's.
    let text = |name, text| unsafe { call.utf8(name, text) };
    if let Some(code) = text("options.code", options.code)? {
        builder = builder.code(code.to_owned());
    }
    if let Some(message) = text("options.message", options.message)? {
        builder = builder.message(message.to_owned());
    }
    if let Some(problem_type) = text("options.problem_type", options.problem_type)? {
        builder = builder.problem_type(problem_type.to_owned());
    }
    if let Some(burst_parameter) = text("options.burst_parameter", options.burst_parameter)? {
        builder = builder.burst_parameter(burst_parameter.to_owned());
    }
    builder.build().map_err(|error| call.error(&error))
}

fn families(call: Call, name: &str, number: u32) -> Result<Families, Failed> {
    let known = match number {
        0 => Some(Families::default()),
        SLUICE_FAMILY_NONE => Some(Families::NONE),
        bits => u8::try_from(bits).ok().and_then(Families::from_bits),
    };
    known.ok_or_else(|| {
        call.bad(format_args!(
            "{name} is {number}; it is a sum of some of SLUICE_FAMILY_*, or SLUICE_FAMILY_NONE alone"
        ))
    })
}

fn retry_after(call: Call, number: u32) -> Result<RetryAfterForm, Failed> {
    match number {
        SLUICE_RETRY_AFTER_SECONDS => Ok(RetryAfterForm::Seconds),
        SLUICE_RETRY_AFTER_DATE => Ok(RetryAfterForm::HttpDate),
        _ => Err(call.bad(format_args!("options.retry_after is {number}; it is 0 (seconds) or 1 (a date)"))),
    }
}

/// What is more than 16 bits hold is out of range in any case.
fn status(number: u32) -> u16 {
    if number == 0 { DEFAULT_STATUS } else { u16::try_from(number).unwrap_or(u16::MAX) }
}

/// Frees settings. NULL is none, and nothing happens.
///
/// * `settings`: from `sluice_http_settings_new`; no other thread may be using them, and nobody may afterwards
///
/// Since 0.1.0.
///
/// # Safety
/// `settings` is NULL or settings that were not freed before and that nobody uses now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_http_settings_free(settings: *mut sluice_http_settings) {
    // SAFETY: the caller's promise is this function's.
    unsafe { free("sluice_http_settings_free", settings) }
}

/// Copies the value for `Access-Control-Expose-Headers`, ended by a NUL: the names of all fields that answers may have,
/// none of which a script of another origin sees without it.
///
/// * `families`: as in `sluice_http_options`
/// * `buf`: where to; NULL only if `cap` is 0
/// * `cap`: the bytes at `buf`; 256 are always enough
/// * `length`: receives the bytes of the text without its NUL, also on `SLUICE_ERR_BUFFER`; not NULL
///
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the text and its NUL do not fit, and then what is
/// at `buf` is of no use. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `buf` is NULL or good for writing `cap` bytes; `length` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_expose_headers(
    families: u32,
    buf: *mut c_char,
    cap: usize,
    length: *mut usize,
) -> i32 {
    call("sluice_expose_headers", |call| {
        let text = self::families(call, "families", families)?.expose_headers();
        // SAFETY: the caller's promise is this function's.
        let mut out = unsafe { TextOut::new(call, buf, cap, length) }?;
        // What does not fit is counted, and told in the end.
        let _ = out.write_str(&text);
        out.finish(call)
    })
}
