//! The bodies of a denial, each in a file of its own, and what they have in common.

mod html;
mod json;
mod problem;
mod text;
mod words;

use super::answer::Answer;
use std::borrow::Cow;

/// A body of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BodyFormat {
    /// JSON with `status`, `error`, `message`, `code`, `retryAfter` (seconds), `limit`, `remaining` and `reset` (Unix
    /// seconds); `retryAfter` and `reset` are left out where waiting does not help.
    #[default]
    Json,
    /// JSON with `error`, `message`, `limit`, `remaining`, `resetAt` (RFC 3339, UTC) and `retryAfter` (seconds);
    /// `retryAfter` and `resetAt` are left out where waiting does not help.
    JsonResetAt,
    /// JSON by RFC 9457 (`application/problem+json`) with `type`, `title`, `status`, `detail` and `violated-policies`.
    Problem,
    /// A page for people, complete in itself: no script, nothing to load.
    Html,
    /// Plain text.
    Text,
}

impl BodyFormat {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Json, Self::JsonResetAt, Self::Problem, Self::Html, Self::Text];

    /// The value for `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::JsonResetAt => "application/json",
            Self::Problem => "application/problem+json",
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

/// A body and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The value for `Content-Type`.
    pub content_type: &'static str,
    /// The body, in UTF-8. An answer to a HEAD request says its length and leaves it out.
    pub text: String,
}

impl Answer<'_> {
    /// The body of a denial; `None` where the request is allowed, and the body is the application's.
    ///
    /// Whatever the policies' names and the settings' texts are, JSON stays JSON and HTML shows them as text.
    #[must_use]
    pub fn body(&self, format: BodyFormat) -> Option<Body> {
        let denial = Denial::of(self)?;
        let text = match format {
            BodyFormat::Json => json::with_reset(&denial),
            BodyFormat::JsonResetAt => json::with_reset_at(&denial),
            BodyFormat::Problem => problem::details(&denial),
            BodyFormat::Html => html::page(&denial),
            BodyFormat::Text => text::lines(&denial),
        };
        Some(Body { content_type: format.content_type(), text })
    }
}

/// What bodies tell of a denial.
struct Denial<'a> {
    answer: &'a Answer<'a>,
    /// What happened, in the settings' words or ours.
    message: Cow<'a, str>,
    /// What to do about it.
    advice: String,
    limit: u64,
    remaining: u64,
    retry_after_s: Option<u64>,
    reset_unix: Option<u64>,
}

impl<'a> Denial<'a> {
    fn of(answer: &'a Answer<'a>) -> Option<Self> {
        let speaking = answer.speaking().filter(|_| !answer.allowed())?;
        let message = match answer.settings.message.as_deref() {
            Some(message) => Cow::Borrowed(message),
            None => Cow::Borrowed(words::what_happened(answer, speaking)),
        };
        Some(Self {
            answer,
            message,
            advice: words::what_to_do(answer, speaking),
            limit: speaking.decision.limit(),
            remaining: speaking.decision.remaining(),
            retry_after_s: answer.retry_after_seconds(),
            reset_unix: answer.reset_unix(),
        })
    }

    /// The settings' message as it is, or ours with the advice.
    fn whole_message(&self) -> Cow<'_, str> {
        match &self.answer.settings.message {
            Some(message) => Cow::Borrowed(message),
            None => Cow::Owned(format!("{} {}", self.message, self.advice)),
        }
    }

    /// The code of the denial: the settings' is for the client's own excess.
    fn code(&self) -> &str {
        if self.answer.is_clients_excess() { &self.answer.settings.code } else { "service_unavailable" }
    }
}
