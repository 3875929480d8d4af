//! The words a table lives in. Here: zeroed memory of this process's own.

#[cfg(not(loom))]
mod heap;
#[cfg(loom)]
mod modelled;
#[cfg(all(not(loom), target_os = "linux"))]
mod pages;

use super::layout::BUCKET_WORDS;
use crate::sync::AtomicU64;

#[cfg(not(loom))]
pub(super) use heap::Words;
#[cfg(loom)]
pub(super) use modelled::Words;

/// The words of one bucket.
pub(super) type BucketWords = [AtomicU64; BUCKET_WORDS];

/// Asks the processor for the line that the word is in. Only a hint: any address will do.
#[inline]
pub(super) fn prefetch_line(word: *const AtomicU64) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch accesses nothing and cannot fault, whatever the address; SSE is part of x86_64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(word.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = word;
}
