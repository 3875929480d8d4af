//! The bodies of denials.

use super::answer::{sluice_answer, with_answer};
use super::call::{Call, Failed, call};
use super::text_out::TextOut;
use crate::http::BodyFormat;
use std::ffi::c_char;

/// JSON with `status`, `error`, `message`, `code`, `retryAfter` (seconds), `limit`, `remaining` and `reset` (Unix seconds).
/// Where waiting does not help, `retryAfter` and `reset` are left out.
pub const SLUICE_BODY_JSON: u32 = 0;
/// JSON with `error`, `message`, `limit`, `remaining`, `resetAt` (RFC 3339, UTC) and `retryAfter` (seconds). Where waiting
/// does not help, `retryAfter` and `resetAt` are left out.
pub const SLUICE_BODY_JSON_RESET_AT: u32 = 1;
/// JSON by RFC 9457 with `type`, `title`, `status`, `detail` and `violated-policies`.
pub const SLUICE_BODY_PROBLEM: u32 = 2;
/// A page for people, complete in itself: no script, nothing to load.
pub const SLUICE_BODY_HTML: u32 = 3;
/// Plain text.
pub const SLUICE_BODY_TEXT: u32 = 4;

const FORMATS: [(u32, BodyFormat); 5] = [
    (SLUICE_BODY_JSON, BodyFormat::Json),
    (SLUICE_BODY_JSON_RESET_AT, BodyFormat::JsonResetAt),
    (SLUICE_BODY_PROBLEM, BodyFormat::Problem),
    (SLUICE_BODY_HTML, BodyFormat::Html),
    (SLUICE_BODY_TEXT, BodyFormat::Text),
];

fn known(number: u32) -> Option<BodyFormat> {
    FORMATS.iter().find(|(known, _)| *known == number).map(|(_, format)| *format)
}

fn format(call: Call, name: &str, number: u32) -> Result<BodyFormat, Failed> {
    known(number).ok_or_else(|| {
        call.bad(format_args!(
            "{name} is {number}; it is 0 (JSON), 1 (JSON with resetAt), 2 (problem), 3 (HTML) or 4 (text)"
        ))
    })
}

/// Writes the body of a denial, ended by a NUL; an empty text where the request is allowed, and the body is the
/// program's.
///
/// * `answer`: as for `sluice_answer_outcome`
/// * `body`: one of `SLUICE_BODY_*`
/// * `buf`: where to; NULL only if `cap` is 0
/// * `cap`: the bytes at `buf`, of which `SLUICE_BODY_MAX(n)` are always enough
/// * `length`: receives the bytes of the body without its NUL, also on `SLUICE_ERR_BUFFER`; not NULL
///
/// Whatever names and texts are in it, JSON stays JSON and HTML shows them as text. Returns `SLUICE_OK`,
/// `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the body and its NUL do not fit, and then what is at `buf` is of no use.
/// Safe from any number of threads at once; it takes no lock, and allocates nothing for up to 16 verdicts. Since 0.1.0.
///
/// # Safety
/// As for `sluice_answer_header_lines`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_answer_body(
    answer: *const sluice_answer,
    body: u32,
    buf: *mut c_char,
    cap: usize,
    length: *mut usize,
) -> i32 {
    call("sluice_answer_body", |call| {
        let format = format(call, "body", body)?;
        // SAFETY: the caller's promise is this function's.
        let mut out = unsafe { TextOut::new(call, buf, cap, length) }?;
        // What does not fit is counted, and told in the end.
        // SAFETY: as above.
        let _ = unsafe { with_answer(call, answer, |answer| answer.write_body(format, &mut out)) }?;
        out.finish(call)
    })
}

/// The value for `Content-Type` that belongs to a body.
///
/// Never NULL, valid for ever, nothing to free. A number that is no body has "application/octet-stream". Safe from any
/// thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_body_content_type(body: u32) -> *const c_char {
    known(body).map_or(c"application/octet-stream", BodyFormat::content_type_in_c).as_ptr()
}

/// The body that a request's `Accept` header asks for: that of the highest quality; of equals the one that is named, not only
/// covered by a range; of equals still the one that is offered first.
///
/// * `accept`, `accept_len`: the header's value, bytes of any content; (NULL, 0) where the request has none
/// * `offered`, `n`: which of `SLUICE_BODY_*` there are, what the server would rather send first; (NULL, 0) for JSON, problem
///   details, HTML and text. The first is taken without the header, and where it accepts none of them
/// * `out`: receives one of `SLUICE_BODY_*`; not NULL
///
/// Nothing in the header is an error: a member that is no media range, or whose quality is no number from 0 to 1, counts as
/// if it were not there. Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any thread; it allocates nothing. Since
/// 0.1.0.
///
/// # Safety
/// `accept` is good for reading `accept_len` bytes and `offered` for reading `n` numbers; `out` is NULL or good for
/// writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_body_from_accept(
    accept: *const c_char,
    accept_len: usize,
    offered: *const u32,
    n: usize,
    out: *mut u32,
) -> i32 {
    call("sluice_body_from_accept", |call| {
        let out = call.pointer("out", out)?;
        // SAFETY: the caller's promise is this function's.
        let accept = unsafe { call.bytes("accept", accept.cast(), accept_len) }?;
        let chosen = if n == 0 {
            BodyFormat::from_accept(accept)
        } else {
            // SAFETY: as above.
            let (formats, n) = unsafe { offer(call, offered, n) }?;
            BodyFormat::from_accept_of(accept, &formats[..n])
        };
        let number =
            FORMATS.iter().find(|(_, format)| *format == chosen).map_or(SLUICE_BODY_JSON, |(number, _)| *number);
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(number) };
        Ok(())
    })
}

/// The formats on offer, and how many they are.
///
/// # Safety
/// `offered` is NULL or good for reading `n` numbers.
unsafe fn offer(
    call: Call,
    offered: *const u32,
    n: usize,
) -> Result<([BodyFormat; FORMATS.len()], usize), Failed> {
    let offered = call.pointer("offered", offered)?;
    if n > FORMATS.len() {
        return Err(call.bad(format_args!("n is {n}; there are no more than {} bodies", FORMATS.len())));
    }
    // SAFETY: not NULL, aligned, few, and the caller's promise holds.
    let numbers = unsafe { std::slice::from_raw_parts(offered.as_ptr(), n) };
    let mut formats = [BodyFormat::Json; FORMATS.len()];
    for (slot, number) in formats.iter_mut().zip(numbers) {
        *slot = format(call, "offered", *number)?;
    }
    Ok((formats, n))
}
