//! The names: every response header field of an answer, and the parameters and keys inside them.
//!
//! The one place for them. The IETF draft still renames its parameters from one revision to the next, so whoever writes
//! such a field and whoever reads one takes the names from here.

use std::fmt;

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $field:ident = $name:literal, $lowercase:literal;)+) => {
        /// A response header field that an answer may carry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Field {
            $($(#[doc = $doc])+ $field,)+
        }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$field,)+];

            /// The name as its specification writes it, such as `Retry-After`. Names compare without regard to case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)+
                }
            }

            /// The name in lower case, as HTTP/2, HTTP/3 and many libraries have it, such as `retry-after`.
            #[must_use]
            pub const fn lowercase_name(self) -> &'static str {
                match self {
                    $(Self::$field => $lowercase,)+
                }
            }
        }
    };
}

fields! {
    /// RFC 9110, section 10.2.3: seconds, or an HTTP-date.
    RetryAfter = "Retry-After", "retry-after";
    /// RFC 9111, section 5.2.
    CacheControl = "Cache-Control", "cache-control";
    /// The limit, in permits.
    XRateLimitLimit = "X-RateLimit-Limit", "x-ratelimit-limit";
    /// Permits left.
    XRateLimitRemaining = "X-RateLimit-Remaining", "x-ratelimit-remaining";
    /// When the whole limit is there again, in Unix seconds.
    XRateLimitReset = "X-RateLimit-Reset", "x-ratelimit-reset";
    /// The policies, in the IETF draft's words.
    RateLimitPolicy = "RateLimit-Policy", "ratelimit-policy";
    /// How the client stands, in the IETF draft's words, from revision 07 on.
    RateLimit = "RateLimit", "ratelimit";
    /// The quota, up to the draft's revision 06.
    RateLimitLimit = "RateLimit-Limit", "ratelimit-limit";
    /// What is left of the quota, up to the draft's revision 06.
    RateLimitRemaining = "RateLimit-Remaining", "ratelimit-remaining";
    /// Seconds until the quota is there again, up to the draft's revision 06.
    RateLimitReset = "RateLimit-Reset", "ratelimit-reset";
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What stands inside the IETF draft's fields (draft-ietf-httpapi-ratelimit-headers).
pub mod parameter {
    /// `RateLimit-Policy`, revisions 08 to 11: the quota, in quota units.
    pub const QUOTA: &str = "q";
    /// `RateLimit-Policy`, all revisions from 03 on: the window, in seconds.
    pub const WINDOW: &str = "w";
    /// `RateLimit-Policy`, revisions 08 to 11: the quota's unit, `requests` unless said.
    pub const QUOTA_UNIT: &str = "qu";
    /// Both fields, revisions 08 to 11: the partition key, a byte sequence.
    pub const PARTITION_KEY: &str = "pk";
    /// `RateLimit`, revisions 08 to 11: the available quota.
    pub const AVAILABLE: &str = "r";
    /// `RateLimit`, revisions 08 to 11: the effective window, in seconds.
    pub const EFFECTIVE_WINDOW: &str = "t";
    /// `RateLimit`, the unpublished next revision (pull request 166): the available quota. Read, never written.
    pub const NEXT_AVAILABLE: &str = "a";
    /// `RateLimit`, the unpublished next revision: the effective window, in seconds. Read, never written.
    pub const NEXT_EFFECTIVE_WINDOW: &str = "w";
    /// `RateLimit`, revision 07, a dictionary: the quota.
    pub const DICTIONARY_LIMIT: &str = "limit";
    /// `RateLimit`, revision 07: what is left of the quota.
    pub const DICTIONARY_REMAINING: &str = "remaining";
    /// `RateLimit`, revision 07: seconds until the quota is there again.
    pub const DICTIONARY_RESET: &str = "reset";

    /// Those of the newest revision, which a vendor's own parameter must not be named as.
    pub(crate) const RESERVED: [&str; 6] = [QUOTA, WINDOW, QUOTA_UNIT, PARTITION_KEY, AVAILABLE, EFFECTIVE_WINDOW];
}

/// What RFC 9457's bodies hold of the draft's.
pub mod problem {
    /// The type of a problem that is the client's own excess.
    pub const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
    /// The type of a problem that is the server's.
    pub const TEMPORARY_REDUCED_CAPACITY: &str =
        "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";
    /// The extension member with the names of the policies that a request was over.
    pub const VIOLATED_POLICIES: &str = "violated-policies";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_a_field_are_the_same_but_for_case() {
        for field in Field::ALL {
            assert_eq!(field.name().to_ascii_lowercase(), field.lowercase_name());
        }
    }
}
