//! Answering over HTTP: status, header fields and bodies from decisions. No framework needed.
//!
//! Behind the feature `http`.
//!
//! ```
//! use sluicegate::http::{Answer, BodyFormat, Quota, Settings, Verdict};
//! use sluicegate::{Limiter, Policy};
//!
//! // Made once, with the limiter.
//! let policy: Policy = "fixed-window 100/1h".parse()?;
//! let limiter = Limiter::new(policy, 1_000_000)?;
//! let (settings, quota) = (Settings::default(), Quota::new("hourly", policy)?);
//!
//! // For each request.
//! # let _ = limiter.check_at("203.0.113.10", 100, 1_795_305_600_000_000_000);
//! # let now = 1_795_305_600_000_000_000;
//! # /*
//! let now = limiter.now();
//! # */
//! let verdicts = [Verdict::new(&quota, limiter.check_at("203.0.113.10", 1, now))];
//! let answer = Answer::new(&settings, &verdicts, now);
//! if let Some(body) = answer.body(BodyFormat::from_accept("*/*")) {
//!     let mut head = format!("{} {}\n", answer.status(), answer.reason_phrase());
//!     answer.headers(|field, value| head += &format!("{field}: {value}\n"));
//!     assert_eq!(
//!         head,
//!         "429 Too Many Requests\n\
//!          Retry-After: 3600\n\
//!          X-RateLimit-Limit: 100\n\
//!          X-RateLimit-Remaining: 0\n\
//!          X-RateLimit-Reset: 1795309200\n\
//!          RateLimit-Policy: \"hourly\";q=100;w=3600\n\
//!          RateLimit: \"hourly\";r=0;t=3600\n\
//!          Cache-Control: no-store\n"
//!     );
//!     assert_eq!(
//!         body.text,
//!         r#"{"status":429,"error":"Too Many Requests","message":"You have sent more requests than the limit allows. Try again in 1 hour.","code":"rate_limit_exceeded","retryAfter":3600,"limit":100,"remaining":0,"reset":1795309200}"#
//!     );
//! }
//! # Ok::<(), sluicegate::Error>(())
//! ```
//!
//! # What is promised
//!
//! * **`Retry-After` is true.** The client that waits as many whole seconds, or until that date, is admitted if nobody else
//!   asks for its keys in between: seconds are rounded up, and never 0. Where waiting cannot help there is none.
//! * **`X-RateLimit-Reset` is true.** At that Unix second the key is fresh. A denial that waiting cannot help has none,
//!   because clients without a `Retry-After` wait for it.
//! * **`RateLimit` is safe to obey.** A client that takes no more than `r` within `t` seconds is never denied, and
//!   `r / t` is never more than the policy's rate. On a denial `Retry-After` is no earlier than any `t` of a policy that
//!   denies.
//! * **No header is split and no markup injected**, whatever names, messages and keys hold: options are checked when they are
//!   made, and everything is escaped for its place.
//! * Header fields are rendered without an allocation.
//!
//! # What is what
//!
//! | field | is |
//! | --- | --- |
//! | `X-RateLimit-Limit`, `limit` | the policy's limit `L` |
//! | `X-RateLimit-Remaining`, `remaining` | permits left, rounded down; more than the limit where a bucket's burst is |
//! | `X-RateLimit-Reset`, `reset`, `resetAt` | the second at which the key is as one never seen |
//! | `Retry-After`, `retryAfter` | the wait until the same request is admitted |
//! | `q`, `w` | the limit and the period of a window; a bucket's capacity and the time in which it refills |
//! | `r`, `t` | permits left, and the seconds that they must last |
//!
//! Fields whose names a draft still changes are written as its revision 11 has them ([`Families`] has older ones). The
//! draft's and all other names are in [`fields`].
//!
//! # Cross-origin requests
//!
//! A script of another origin sees none of the fields unless the response says
//! `Access-Control-Expose-Headers`: [`Families::expose_headers`] is its value. A denial needs the response's other CORS
//! headers as much as any answer.

mod accept;
mod answer;
mod body;
mod families;
/// The names: every response header field of an answer, and the parameters and keys inside them. Who reads answers takes
/// them from the same place.
pub mod fields {
    #[doc(inline)]
    pub use crate::fields::{Field, parameter, problem};
}
mod headers;
mod in_words;
mod line;
mod quota;
mod seconds;
mod settings;
mod standing;
mod structured;
mod valid;
mod verdict;

pub use answer::Answer;
pub use body::{Body, BodyFormat};
pub use families::Families;
pub use fields::Field;
pub use in_words::InWords;
pub use quota::{DEFAULT_NAME, Quota};
#[cfg(feature = "capi")]
pub(crate) use seconds::to_wait as whole_seconds;
pub use settings::{DEFAULT_CODE, DEFAULT_STATUS, RetryAfterForm, Settings, SettingsBuilder};
pub use valid::{MAX_MESSAGE, MAX_NAME, MAX_PARAMETER, MAX_PARTITION_KEY, MAX_PROBLEM_TYPE};
pub use verdict::Verdict;
