//! The only door to atomics: std's, or loom's when the crate is built with `--cfg loom`.
//!
//! Every word of the table comes from here, so a model run by loom executes the very code that is shipped.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};
