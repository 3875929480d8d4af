//! The words a table lives in: this process's own, a file's that several processes map, or the caller's.

#[cfg(not(loom))]
mod allocation;
#[cfg(all(not(loom), target_os = "linux"))]
mod mapping;
#[cfg(loom)]
mod modelled;
#[cfg(not(loom))]
mod words;

use super::layout::BUCKET_WORDS;
use crate::sync::AtomicU64;

#[cfg(all(not(loom), target_os = "linux"))]
pub(crate) use mapping::Mapping;
#[cfg(loom)]
pub(crate) use modelled::Words;
#[cfg(not(loom))]
pub(crate) use words::Words;

/// The words of one bucket.
pub(super) type BucketWords = [AtomicU64; BUCKET_WORDS];

/// The size of a bucket, and what a table is aligned to: two lines that the prefetcher fetches together.
pub(crate) const TABLE_ALIGN: usize = 128;

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
