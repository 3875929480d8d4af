//! What denials say to people.

use super::super::answer::Answer;
use super::super::in_words::InWords;
use super::super::verdict::Verdict;
use crate::decision::Reason;

/// What happened.
pub(super) fn what_happened(answer: &Answer<'_>, speaking: &Verdict<'_>) -> &'static str {
    match speaking.decision.reason() {
        _ if !answer.is_clients_excess() => "This request cannot be taken now.",
        Reason::CostExceedsLimit if speaking.decision.limit() == 0 => "No requests are allowed here.",
        Reason::CostExceedsLimit => "This request asks for more than is allowed at once.",
        _ => "You have sent too many requests.",
    }
}

/// What to do about it.
pub(super) fn what_to_do(answer: &Answer<'_>, speaking: &Verdict<'_>) -> String {
    match answer.retry_after_seconds() {
        Some(seconds) => format!("Try again in {}.", InWords::seconds(seconds)),
        None if speaking.decision.reason() == Reason::CostExceedsLimit => {
            "Trying again later will not help.".to_owned()
        }
        None => "Try again later.".to_owned(),
    }
}
