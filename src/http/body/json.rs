//! The two JSON shapes. Their members are a contract: none is added, none renamed.

use super::super::seconds::Rfc3339;
use super::Denial;
use super::words::Message;
use serde::Serialize;
use std::fmt::{self, Write};
use std::io;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithReset<'a> {
    status: u16,
    error: &'a str,
    message: Message<'a>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    limit: u64,
    remaining: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithResetAt<'a> {
    error: &'a str,
    message: Message<'a>,
    limit: u64,
    remaining: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_at: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

pub(super) fn with_reset(denial: &Denial<'_>, out: &mut dyn Write) -> fmt::Result {
    let body = WithReset {
        status: denial.answer.status(),
        error: denial.answer.reason_phrase(),
        message: denial.message(),
        code: denial.code(),
        retry_after: denial.answer.retry_after_seconds(),
        limit: denial.limit(),
        remaining: denial.remaining(),
        reset: denial.answer.reset_unix(),
    };
    write_json(&body, out)
}

pub(super) fn with_reset_at(denial: &Denial<'_>, out: &mut dyn Write) -> fmt::Result {
    let body = WithResetAt {
        error: denial.answer.reason_phrase(),
        message: denial.message(),
        limit: denial.limit(),
        remaining: denial.remaining(),
        reset_at: denial.answer.reset_unix().map(Rfc3339),
        retry_after: denial.answer.retry_after_seconds(),
    };
    write_json(&body, out)
}

pub(super) fn write_json(body: &impl Serialize, out: &mut dyn Write) -> fmt::Result {
    // Of texts and numbers under fixed names everything can be written, so an error is one of `out`.
    serde_json::to_writer(Pieces(out), body).map_err(|_| fmt::Error)
}

/// Takes the bytes that serde_json writes, which are whole pieces of UTF-8.
struct Pieces<'a>(&'a mut dyn Write);

impl io::Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = std::str::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        self.0.write_str(piece).map_err(|fmt::Error| io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
