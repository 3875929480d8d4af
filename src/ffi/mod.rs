//! The C ABI: the functions, structs and constants that `include/sluicegate.h` declares.
//!
//! Built with the feature `capi`. The comments here are the header's text (cbindgen copies them), so they speak to
//! a reader of C.
//!
//! # The rules of this border
//!
//! * Every function reports by an `int32_t` status, or cannot fail. No panic crosses: what should never happen
//!   is [`SLUICE_ERR_INTERNAL`].
//! * Pointers are checked for NULL and alignment, numbers that stand for an enum are checked like any other, and
//!   outputs are written on success only.
//! * The way of a good call takes no lock and touches no thread-local; only a failing one keeps its text.

mod advice;
mod answer;
mod body;
mod call;
mod check;
mod check_all;
mod http_settings;
mod identity;
mod last_error;
mod limiter;
mod manage;
mod networks;
mod packed;
#[cfg(test)]
mod packed_tests;
mod quota;
mod retry;
mod shared;
mod sized;
mod stats;
mod status;
#[cfg(test)]
mod tests;
mod text_out;
mod version;
mod zone;

pub use advice::*;
pub use answer::*;
pub use body::*;
pub use check::*;
pub use check_all::*;
pub use http_settings::*;
pub use identity::*;
pub use last_error::{SLUICE_ERROR_TEXT_MAX, sluice_last_error};
pub use limiter::*;
pub use manage::*;
pub use networks::*;
pub use packed::*;
pub use quota::*;
pub use retry::*;
pub use shared::*;
pub use stats::*;
pub use status::*;
pub use version::*;
pub use zone::*;
