//! How answers look: chosen once, checked once, used for every answer.

use super::families::Families;
use super::valid;
use crate::error::Error;
use std::borrow::Cow;

/// The code of a denial for the client's own excess, unless another is chosen.
pub const DEFAULT_CODE: &str = "rate_limit_exceeded";

/// The status of such a denial, unless another is chosen.
pub const DEFAULT_STATUS: u16 = 429;

/// How `Retry-After` tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RetryAfterForm {
    /// As seconds to wait, which every client understands and no wrong clock spoils.
    #[default]
    Seconds,
    /// As an HTTP-date.
    HttpDate,
}

/// How answers look. The default is right for most; else [`builder`](Self::builder).
///
/// ```
/// use sluicegate::http::{Families, Settings};
///
/// let settings = Settings::builder()
///     .families(Families::IETF)
///     .code("plan_quota_exceeded")
///     .message("Your plan allows 100 requests an hour.")
///     .burst_parameter("acme-burst")
///     .build()?;
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings<'a> {
    pub(super) families: Families,
    pub(super) status: u16,
    pub(super) retry_after: RetryAfterForm,
    pub(super) code: Cow<'a, str>,
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) problem_type: Option<Cow<'a, str>>,
    pub(super) burst_parameter: Option<Cow<'a, str>>,
}

impl<'a> Settings<'a> {
    /// The defaults, and what to change of them.
    pub const fn builder() -> SettingsBuilder<'a> {
        SettingsBuilder(Settings {
            families: Families::X_RATELIMIT.with(Families::IETF),
            status: DEFAULT_STATUS,
            retry_after: RetryAfterForm::Seconds,
            code: Cow::Borrowed(DEFAULT_CODE),
            message: None,
            problem_type: None,
            burst_parameter: None,
        })
    }

    /// The header fields that answers carry.
    #[must_use]
    pub const fn families(&self) -> Families {
        self.families
    }
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self::builder().0
    }
}

/// Settings in the making; [`build`](Self::build) checks them.
#[derive(Debug, Clone)]
#[must_use = "settings that are not built change nothing"]
pub struct SettingsBuilder<'a>(Settings<'a>);

impl<'a> SettingsBuilder<'a> {
    /// The header fields that answers carry; [`Families::X_RATELIMIT`] and [`Families::IETF`] unless said.
    pub fn families(self, families: Families) -> Self {
        Self(Settings { families, ..self.0 })
    }

    /// The status of a denial for the client's own excess, 400 to 599; [`DEFAULT_STATUS`] unless said.
    ///
    /// Clients know by 429 that they have asked too often, and by it alone. Another is for those that cannot take it.
    pub fn status(self, status: u16) -> Self {
        Self(Settings { status, ..self.0 })
    }

    /// How `Retry-After` tells the time; in seconds unless said.
    pub fn retry_after(self, retry_after: RetryAfterForm) -> Self {
        Self(Settings { retry_after, ..self.0 })
    }

    /// The code by which programs know the denial, in [`BodyFormat::Json`](super::BodyFormat::Json): 1 to 64 printable
    /// ASCII characters; [`DEFAULT_CODE`] unless said.
    pub fn code(self, code: impl Into<Cow<'a, str>>) -> Self {
        Self(Settings { code: code.into(), ..self.0 })
    }

    /// What the denial tells people, in all bodies: one line of at most 1024 bytes. Unless said, a sentence that says
    /// what happened and when to try again.
    pub fn message(self, message: impl Into<Cow<'a, str>>) -> Self {
        Self(Settings { message: Some(message.into()), ..self.0 })
    }

    /// The `type` of [`BodyFormat::Problem`](super::BodyFormat::Problem), a URI; unless said, the draft's
    /// [`QUOTA_EXCEEDED`](super::fields::problem::QUOTA_EXCEEDED).
    pub fn problem_type(self, uri: impl Into<Cow<'a, str>>) -> Self {
        Self(Settings { problem_type: Some(uri.into()), ..self.0 })
    }

    /// Adds to each item of `RateLimit-Policy` the most permits that can be taken at one instant
    /// ([`Policy::burst`](crate::Policy::burst)), by a parameter of this name, such as `acme-burst`; unless said, it has
    /// none.
    pub fn burst_parameter(self, name: impl Into<Cow<'a, str>>) -> Self {
        Self(Settings { burst_parameter: Some(name.into()), ..self.0 })
    }

    /// The settings, once everything in them is checked.
    ///
    /// # Errors
    /// [`Error::Setting`]: which setting is wrong, where, and what would be right.
    pub fn build(self) -> Result<Settings<'a>, Error> {
        let settings = self.0;
        if let Some(conflict) = settings.families.conflict() {
            return Err(Error::setting("families", format_args!("{:?}", settings.families), conflict));
        }
        valid::status(settings.status)?;
        valid::code(&settings.code)?;
        settings.message.as_deref().map_or(Ok(()), valid::message)?;
        settings.problem_type.as_deref().map_or(Ok(()), valid::problem_type)?;
        settings.burst_parameter.as_deref().map_or(Ok(()), valid::burst_parameter)?;
        Ok(settings)
    }
}
