//! An embeddable rate limiter. A program hands it a key (a client address, a user, an API key) and gets back, in
//! nanoseconds, whether this request is within the limit and everything an HTTP 429 answer needs when it is not.
//!
//! ```
//! use sluicegate::{Limiter, Policy};
//!
//! let policy: Policy = "token-bucket 100/s burst=200".parse()?;
//! let limiter = Limiter::new(policy, 1_000_000)?; // at least 1,000,000 live keys in 24 MB, for ever
//! let decision = limiter.check("203.0.113.10");
//! if !decision.allowed() {
//!     println!("429, retry after {:?}", decision.retry_after());
//! }
//! # Ok::<(), sluicegate::Error>(())
//! ```
//!
//! # Guarantees
//!
//! * **The limit holds.** Under any interleaving of any threads and processes the permits admitted to a key are those of some
//!   order of its requests, one after another. Never one more.
//! * **The answer is honest.** If nobody else asks for the key, the same request is admitted at
//!   `now + retry_after`, and denied a nanosecond before. At `now + reset_after` the key is fresh.
//! * **A denial changes nothing** and writes nothing. Only what is admitted consumes.
//! * **No drift.** Arithmetic is in whole numbers: 3 per second is 3 per second for ever.
//! * **Late times earn nothing.** A check whose time is earlier than one the key has seen is never admitted where
//!   the later time would not be; windows do not go back.
//! * **Bounded.** The memory is fixed when the limiter is made. `max_keys` keys can be live at once before
//!   [`OnFull`] applies; a key that is fresh again leaves its place to others at no cost.
//! * **No lock, no waiting.** A thread stopped anywhere blocks nobody.
//! * **All of this for many processes** where they share a table, whichever of them is killed: see [`shared_tables`].
//!
//! # What is approximate, and by how much
//!
//! * Where a bucket's permit does not refill in a whole number of nanoseconds, a decision may come up to 1 ns late,
//!   never early. (Times that are whole milliseconds are exact for every rate below a million a second.)
//! * A late time finds a key never seen if the key's state had expired and its place has gone to another key since.
//! * A sliding window is an estimate by definition: it takes the previous window's requests as evenly spread.
//! * Keys are told apart by their home bucket and 32 more bits of a secret hash: one given key shares its budget
//!   with one of `n` others with odds of about `n / (2^32 · max_keys / 5.75)`, one in a billion in a full table.
//! * The promise of `max_keys` has odds of failing far below one in a million (derived in the table's layout).
//! * Under [`OnFull::Evict`], what gives way when more keys are live than fit is forgotten: the least consumed of the 8
//!   places at the new key's home if it has consumed no more than the new key will have, else of the 16 nearest.
//!
//! # Parts
//!
//! [`Policy`] says what is allowed, [`Limiter`] decides, [`Decision`] is the answer, [`Clock`] gives the time.
//! [`check_all`] holds one request to several limits.
#![cfg_attr(feature = "http", doc = "[`http`] makes HTTP answers of decisions: status, header fields and bodies.")]
#![cfg_attr(
    feature = "identity",
    doc = "[`identity`] finds who is asking, and the key by which to count a client."
)]
#![cfg_attr(
    feature = "retry",
    doc = "[`retry`] is the client's side: how long to wait after a 429, or to give up."
)]
#![cfg_attr(
    any(not(target_os = "linux"), loom),
    allow(dead_code, unused_imports, reason = "shared tables need Linux, and models none")
)]

mod algorithm;
mod check_all;
mod clock;
mod decision;
mod error;
#[cfg(feature = "capi")]
pub mod ffi;
#[cfg(any(feature = "http", feature = "retry"))]
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "who only reads answers needs a part of it"))]
#[path = "http/fields.rs"]
mod fields;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(feature = "http", feature = "retry"))]
pub mod http_date;
#[cfg(any(feature = "http", feature = "identity"))]
mod http_token;
#[cfg(feature = "identity")]
pub mod identity;
mod limiter;
mod machine;
mod policy;
mod refund_charge;
#[cfg(feature = "retry")]
pub mod retry;
#[cfg_attr(any(not(target_os = "linux"), loom), path = "shared/unsupported.rs")]
mod shared;
pub mod shared_tables;
mod sync;
mod table;
mod table_info;
#[cfg(not(loom))]
mod zone;

pub use algorithm::MAX_UNIX_NS;
pub use check_all::{Charge, check_all, check_all_at};
pub use clock::{Clock, CoarseClock, ManualClock, MonotonicClock};
pub use decision::{Decision, Reason};
pub use error::Error;
pub use limiter::{DEFAULT_MAX_KEYS, Limiter, LimiterBuilder, Request, Stats};
pub use policy::{Algorithm, MAX_BURST, MAX_LIMIT, MAX_PERIOD, MIN_PERIOD, Policy, PolicyBuilder};
pub use table::OnFull;
pub use table_info::TableInfo;
#[cfg(not(loom))]
pub use zone::{Zone, ZoneCharge, check_zones};

/// Makes the hashes right by which a table's file shows that it is whole, whatever else it says. For the fuzzer alone.
#[cfg(all(fuzzing, target_os = "linux"))]
#[doc(hidden)]
pub fn seal_table_for_fuzzing(bytes: &mut [u8]) {
    if let Some(first) = bytes.first_chunk_mut() {
        *first = table::Description::from_bytes(first).sealed().to_bytes();
    }
}

/// The README's examples, compiled and run with the tests.
#[cfg(all(doctest, feature = "http", feature = "identity", feature = "retry"))]
#[doc = include_str!("../README.md")]
struct Readme;
