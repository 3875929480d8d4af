//! Which header fields an answer carries.

use super::fields::Field;
use std::fmt;
use std::ops::BitOr;

/// Families of rate limit header fields, combined by `|`.
///
/// ```
/// use sluicegate::http::Families;
///
/// let families = Families::X_RATELIMIT | Families::IETF; // the default
/// assert_eq!(
///     families.expose_headers(),
///     "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit-Policy, RateLimit"
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Families(u8);

impl Families {
    /// No such fields: `Retry-After` alone.
    pub const NONE: Self = Self(0);
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`, the last in Unix seconds.
    pub const X_RATELIMIT: Self = Self(1);
    /// `RateLimit-Policy` and `RateLimit` as in the newest revision of draft-ietf-httpapi-ratelimit-headers, which is 11.
    pub const IETF: Self = Self(2);
    /// The draft's revision 06: `RateLimit-Limit`, `-Remaining`, `-Reset` (in seconds to go) and `RateLimit-Policy`.
    pub const DRAFT_06: Self = Self(4);
    /// The draft's revision 07: `RateLimit` as a dictionary, and `RateLimit-Policy`.
    pub const DRAFT_07: Self = Self(8);
    /// Says that two revisions of the draft on one answer are meant. [`IETF`](Self::IETF) and
    /// [`DRAFT_07`](Self::DRAFT_07) cannot go together even so: both are one field, `RateLimit`.
    pub const MIXED: Self = Self(16);

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The fields that an answer may have beyond `Cache-Control`, in the order in which it has them.
    pub fn fields(self) -> impl Iterator<Item = Field> {
        const RETRY_AFTER: &[Field] = &[Field::RetryAfter];
        const X_RATELIMIT: &[Field] =
            &[Field::XRateLimitLimit, Field::XRateLimitRemaining, Field::XRateLimitReset];
        const DRAFT_06: &[Field] = &[Field::RateLimitLimit, Field::RateLimitRemaining, Field::RateLimitReset];
        const POLICY: &[Field] = &[Field::RateLimitPolicy];
        const STANDING: &[Field] = &[Field::RateLimit];
        let any_of = |families: Self| self.0 & families.0 != 0;
        let standing = Self::IETF | Self::DRAFT_07;
        [
            (true, RETRY_AFTER),
            (any_of(Self::X_RATELIMIT), X_RATELIMIT),
            (any_of(Self::DRAFT_06), DRAFT_06),
            (any_of(standing | Self::DRAFT_06), POLICY),
            (any_of(standing), STANDING),
        ]
        .into_iter()
        .filter(|(chosen, _)| *chosen)
        .flat_map(|(_, fields)| fields)
        .copied()
    }

    /// The value for `Access-Control-Expose-Headers`, without which a script of another origin sees none of the fields.
    ///
    /// Put it on every answer to a cross-origin request, denials too.
    #[must_use]
    pub fn expose_headers(self) -> String {
        self.fields().map(Field::name).collect::<Vec<_>>().join(", ")
    }

    /// The bits, as the C interface has them.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The families of such bits; `None` where a bit stands for none.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits < 32 { Some(Self(bits)) } else { None }
    }

    /// What is wrong with the combination, if anything is.
    pub(super) fn conflict(self) -> Option<&'static str> {
        let drafts = (self.0 & (Self::IETF.0 | Self::DRAFT_06.0 | Self::DRAFT_07.0)).count_ones();
        if self.contains(Self::IETF.with(Self::DRAFT_07)) {
            return Some(
                "IETF and DRAFT_07 cannot go together, for both write the field RateLimit; choose one of them",
            );
        }
        (drafts > 1 && !self.contains(Self::MIXED)).then_some(
            "they are two revisions of one draft, and clients may misread both; choose one, or add MIXED if it is meant",
        )
    }
}

impl Default for Families {
    /// What most clients read, and the newest draft.
    fn default() -> Self {
        Self::X_RATELIMIT | Self::IETF
    }
}

impl BitOr for Families {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 5] = ["X_RATELIMIT", "IETF", "DRAFT_06", "DRAFT_07", "MIXED"];
        let mut names = NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name);
        f.write_str(names.next().unwrap_or("NONE"))?;
        names.try_for_each(|name| write!(f, " | {name}"))
    }
}
