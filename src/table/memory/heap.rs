//! Zeroed words of this process's own.

#[cfg(target_os = "linux")]
use super::pages::{HUGE_PAGE, Pages};
use super::{BucketWords, prefetch_line};
use crate::error::Error;
use crate::sync::AtomicU64;
use crate::table::layout::{BUCKET_WORDS, SLOTS};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// The size of a bucket: two lines that the prefetcher fetches together.
const BUCKET_ALIGN: usize = 128;

/// Zeroed words that are neither moved nor freed while this lives.
#[derive(Debug)]
pub(in crate::table) struct Words {
    first: NonNull<AtomicU64>,
    count: usize,
    /// How many whole buckets they are.
    buckets: usize,
    /// The words are its, so it must live as long.
    _memory: Memory,
}

#[derive(Debug)]
enum Memory {
    Allocated(#[expect(dead_code, reason = "frees when dropped")] Allocation),
    #[cfg(target_os = "linux")]
    Mapped(#[expect(dead_code, reason = "unmaps when dropped")] Pages),
}

// SAFETY: the memory is owned by this value alone and is only ever reached as `&AtomicU64`.
unsafe impl Send for Words {}
// SAFETY: as above; atomics may be shared among threads.
unsafe impl Sync for Words {}

impl Words {
    /// `count` words.
    pub(in crate::table) fn zeroed(count: usize) -> Result<Self, Error> {
        let bytes = count.saturating_mul(size_of::<AtomicU64>());
        let (first, memory) = zeroed_memory(bytes).ok_or(Error::OutOfMemory { bytes: bytes as u64 })?;
        Ok(Self { first: first.cast(), count, buckets: count / BUCKET_WORDS, _memory: memory })
    }

    /// The word at `index`, which must be within the table.
    #[inline]
    pub(in crate::table) fn at(&self, index: usize) -> &AtomicU64 {
        assert!(index < self.count, "a word outside the table");
        // SAFETY: the index is within the memory, which is aligned to more than 8, was zeroed (a valid AtomicU64),
        // lives as long as `self`, and is reached in no other way than through these atomics.
        unsafe { self.first.add(index).as_ref() }
    }

    /// The bucket at a position counted in buckets, which must be within the table.
    #[inline]
    pub(in crate::table) fn bucket(&self, position: usize) -> &BucketWords {
        assert!(position < self.buckets, "a bucket outside the table");
        // SAFETY: as in `at`, for each of the words.
        unsafe { self.first.cast::<BucketWords>().add(position).as_ref() }
    }

    /// Asks the processor for both lines of the bucket at a position, which is only a hint.
    #[inline]
    pub(in crate::table) fn prefetch(&self, position: usize) {
        let bucket = self.first.cast::<BucketWords>().as_ptr().wrapping_add(position).cast::<AtomicU64>();
        prefetch_line(bucket);
        prefetch_line(bucket.wrapping_add(SLOTS));
    }
}

/// Large memory comes in huge pages where there are such, small memory from the allocator.
fn zeroed_memory(bytes: usize) -> Option<(NonNull<u8>, Memory)> {
    #[cfg(target_os = "linux")]
    if bytes >= HUGE_PAGE {
        return Pages::zeroed(bytes).map(|pages| (pages.first(), Memory::Mapped(pages)));
    }
    Allocation::zeroed(bytes).map(|allocation| (allocation.first, Memory::Allocated(allocation)))
}

#[derive(Debug)]
struct Allocation {
    first: NonNull<u8>,
    layout: Layout,
}

impl Allocation {
    fn zeroed(bytes: usize) -> Option<Self> {
        let layout = Layout::from_size_align(bytes, BUCKET_ALIGN).ok().filter(|layout| layout.size() > 0)?;
        // SAFETY: the layout's size is not 0.
        let first = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { first, layout })
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this very layout, and freed only here.
        unsafe { dealloc(self.first.as_ptr(), self.layout) }
    }
}
