//! What denials say to people.

use super::super::in_words::InWords;
use super::Denial;
use crate::decision::Reason;
use serde::{Serialize, Serializer};
use std::fmt;

impl Denial<'_> {
    /// What happened, in the settings' words or in ours.
    pub(super) fn what_happened(&self) -> &str {
        if let Some(message) = &self.answer.settings.message {
            return message;
        }
        match self.speaking.decision.reason() {
            _ if !self.answer.is_clients_excess() => "This request cannot be taken now.",
            Reason::CostExceedsLimit if self.limit() == 0 => "No requests are allowed here.",
            Reason::CostExceedsLimit => "This request asks for more than is allowed at once.",
            _ => "You have sent more requests than the limit allows.",
        }
    }

    /// What to do about it.
    pub(super) fn advice(&self) -> Advice {
        match self.answer.retry_after_seconds() {
            Some(seconds) => Advice::TryAgainIn(InWords::seconds(seconds)),
            None if self.speaking.decision.reason() == Reason::CostExceedsLimit => Advice::DoNotTryAgain,
            None => Advice::TryAgainLater,
        }
    }

    /// The message of bodies that have but one: the settings' as it is, or ours with the advice.
    pub(super) fn message(&self) -> Message<'_> {
        let own = self.answer.settings.message.is_none();
        Message { what_happened: self.what_happened(), advice: own.then(|| self.advice()) }
    }
}

/// What to do about a denial.
pub(super) enum Advice {
    TryAgainIn(InWords),
    TryAgainLater,
    DoNotTryAgain,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TryAgainIn(time) => write!(f, "Try again in {time}."),
            Self::TryAgainLater => f.write_str("Try again later."),
            Self::DoNotTryAgain => f.write_str("Trying again later will not help."),
        }
    }
}

/// What happened and what to do about it, in one.
pub(super) struct Message<'a> {
    what_happened: &'a str,
    advice: Option<Advice>,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what_happened)?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, " {advice}"))
    }
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
