//! The two JSON shapes. Their members are a contract: none is added, none renamed.

use super::super::seconds::rfc3339;
use super::Denial;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithReset<'a> {
    status: u16,
    error: &'a str,
    message: &'a str,
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
    message: &'a str,
    limit: u64,
    remaining: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

pub(super) fn with_reset(denial: &Denial<'_>) -> String {
    written(&WithReset {
        status: denial.answer.status(),
        error: denial.answer.reason_phrase(),
        message: &denial.whole_message(),
        code: denial.code(),
        retry_after: denial.retry_after_s,
        limit: denial.limit,
        remaining: denial.remaining,
        reset: denial.reset_unix,
    })
}

pub(super) fn with_reset_at(denial: &Denial<'_>) -> String {
    written(&WithResetAt {
        error: denial.answer.reason_phrase(),
        message: &denial.whole_message(),
        limit: denial.limit,
        remaining: denial.remaining,
        reset_at: denial.reset_unix.map(rfc3339),
        retry_after: denial.retry_after_s,
    })
}

pub(super) fn written(body: &impl Serialize) -> String {
    // Of strings and numbers under fixed names everything can be written.
    serde_json::to_string(body).unwrap_or_default()
}
