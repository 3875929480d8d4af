//! The bodies of a denial, each in a file of its own, and what they have in common.

mod html;
mod json;
mod problem;
mod text;
mod words;

use super::answer::Answer;
use super::verdict::Verdict;
use std::ffi::CStr;
use std::fmt::{self, Write};

/// The code of a denial that is none of the client's doing.
const UNAVAILABLE_CODE: &str = "service_unavailable";

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
        // They are all ASCII.
        match self.content_type_in_c().to_str() {
            Ok(content_type) => content_type,
            Err(_) => "",
        }
    }

    pub(crate) const fn content_type_in_c(self) -> &'static CStr {
        match self {
            Self::Json | Self::JsonResetAt => c"application/json",
            Self::Problem => c"application/problem+json",
            Self::Html => c"text/html; charset=utf-8",
            Self::Text => c"text/plain; charset=utf-8",
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
        let mut text = String::new();
        // A `String` takes everything.
        let _ = denial.write(format, &mut text);
        Some(Body { content_type: format.content_type(), text })
    }

    /// Writes what [`body`](Self::body) gives, and nothing where the request is allowed. Allocates nothing.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_body(&self, format: BodyFormat, out: &mut dyn Write) -> fmt::Result {
        Denial::of(self).map_or(Ok(()), |denial| denial.write(format, out))
    }
}

/// What bodies tell of a denial.
struct Denial<'a> {
    answer: &'a Answer<'a>,
    speaking: &'a Verdict<'a>,
}

impl<'a> Denial<'a> {
    fn of(answer: &'a Answer<'a>) -> Option<Self> {
        let speaking = answer.speaking().filter(|_| !answer.allowed())?;
        Some(Self { answer, speaking })
    }

    fn write(&self, format: BodyFormat, out: &mut dyn Write) -> fmt::Result {
        match format {
            BodyFormat::Json => json::with_reset(self, out),
            BodyFormat::JsonResetAt => json::with_reset_at(self, out),
            BodyFormat::Problem => problem::details(self, out),
            BodyFormat::Html => html::page(self, out),
            BodyFormat::Text => text::lines(self, out),
        }
    }

    fn limit(&self) -> u64 {
        self.speaking.decision.limit()
    }

    fn remaining(&self) -> u64 {
        self.speaking.decision.remaining()
    }

    /// The code of the denial: the settings' is for the client's own excess.
    fn code(&self) -> &str {
        if self.answer.is_clients_excess() { &self.answer.settings.code } else { UNAVAILABLE_CODE }
    }
}
