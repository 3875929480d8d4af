//! The only door to atomics: std's, or loom's when the crate is built with `--cfg loom`.
//!
//! Every word of the table comes from here, so a model run by loom executes the very code that is shipped.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};

/// A sequentially consistent fence after a read-modify-write of this thread's.
///
/// On x86-64 that instruction is one, and no later load comes before it: the processor is told nothing, the compiler that
/// it must leave their order.
#[inline(always)]
pub(crate) fn fence_after_swap() {
    #[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
    fence(Ordering::SeqCst);
}
