//! The only door to atomics: std's, or loom's when the crate is built with `--cfg loom`.
//!
//! Every word of the table comes from here, so a model run by loom executes the very code that is shipped.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};

/// A sequentially consistent fence for whoever has just done a compare-and-swap.
///
/// On x86-64 that is one already: a locked instruction has all that comes before it done before all that comes after. There
/// it is left to keep the compiler from moving what follows.
#[inline(always)]
pub(crate) fn fence_after_swap() {
    #[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(loom)]
    fence(Ordering::SeqCst);
    #[cfg(not(any(loom, all(target_arch = "x86_64", not(miri)))))]
    fence(Ordering::SeqCst);
}
