//! A table's words, wherever they are.

use super::allocation::Allocation;
#[cfg(target_os = "linux")]
use super::mapping::{HUGE_PAGE, Mapping};
use super::{BucketWords, TABLE_ALIGN};
use crate::error::Error;
use crate::sync::{AtomicU64, Ordering};
use crate::table::layout::{BUCKET_WORDS, BUCKETS_BEFORE, Geometry};
use std::ops::Range;
use std::ptr::NonNull;

/// Words that are neither moved nor freed while this lives. Others may write them at any time, but only as atomics of
/// this size.
#[derive(Debug)]
pub(crate) struct Words {
    first: NonNull<AtomicU64>,
    count: usize,
    /// How many whole buckets they are.
    buckets: usize,
    /// Where the first bucket of a table is, if the words are one.
    first_home: *const BucketWords,
    /// The words are in it, so it must live as long.
    _memory: Memory,
}

#[derive(Debug)]
enum Memory {
    Allocated(#[expect(dead_code, reason = "frees when dropped")] Allocation),
    #[cfg(target_os = "linux")]
    Mapped(#[expect(dead_code, reason = "unmaps when dropped")] Mapping),
    /// The caller keeps it.
    Lent,
}

// SAFETY: the memory is reached as `&AtomicU64` alone, and lives as long as this.
unsafe impl Send for Words {}
// SAFETY: as above; atomics may be shared among threads.
unsafe impl Sync for Words {}

impl Words {
    /// `count` words of 0, of this process's own.
    pub(crate) fn zeroed(count: usize) -> Result<Self, Error> {
        let bytes = count.saturating_mul(size_of::<AtomicU64>());
        let (first, memory) = zeroed_memory(bytes).ok_or(Error::OutOfMemory { bytes: bytes as u64 })?;
        // SAFETY: the memory has as many bytes, is aligned and zeroed, and is kept with the words.
        Ok(unsafe { Self::new(first, count, memory) })
    }

    /// The first `count` words of a mapping, which must be as long.
    #[cfg(target_os = "linux")]
    pub(crate) fn mapped(mapping: Mapping, count: usize) -> Self {
        // SAFETY: the mapping has as many words, is aligned to a page, and is kept with the words. Any bits are a valid
        // AtomicU64. Who else maps the file is bound by the file format to access it as words, atomically.
        unsafe { Self::new(mapping.first(), count, Memory::Mapped(mapping)) }
    }

    /// The `count` words that begin at `first`.
    ///
    /// # Safety
    /// They must be aligned to [`TABLE_ALIGN`], initialised, and valid for reads and writes while this lives, and
    /// be accessed in no other way than by atomics of 64 bits.
    pub(crate) unsafe fn lent(first: NonNull<u8>, count: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::new(first, count, Memory::Lent) }
    }

    /// # Safety
    /// As [`lent`](Self::lent), as long as `memory` lives.
    unsafe fn new(first: NonNull<u8>, count: usize, memory: Memory) -> Self {
        assert!(first.align_offset(TABLE_ALIGN) == 0, "a table that is not aligned");
        let first_home = first.as_ptr().cast::<BucketWords>().wrapping_add(BUCKETS_BEFORE);
        Self { first: first.cast(), count, buckets: count / BUCKET_WORDS, first_home, _memory: memory }
    }

    /// The word at `index`, which must be within the table.
    #[inline]
    pub(crate) fn at(&self, index: usize) -> &AtomicU64 {
        assert!(index < self.count, "a word outside the table");
        // SAFETY: the index is within the memory, which is aligned to more than 8, lives as long as `self`, and is
        // reached in no other way than through these atomics.
        unsafe { self.first.add(index).as_ref() }
    }

    /// The bucket at a position counted in buckets, which must be within the table.
    #[inline]
    pub(in crate::table) fn bucket(&self, position: usize) -> &BucketWords {
        assert!(position < self.buckets, "a bucket outside the table");
        // SAFETY: as in `at`, for each of the words.
        unsafe { self.first.cast::<BucketWords>().add(position).as_ref() }
    }

    /// Whether they are enough for a table of this geometry.
    pub(in crate::table) fn hold(&self, geometry: Geometry) -> bool {
        geometry.position(geometry.buckets) <= self.buckets
    }

    /// The bucket with a number, which is not looked at.
    ///
    /// # Safety
    /// The words [`hold`](Self::hold) a geometry with more buckets than `number`.
    #[inline(always)]
    pub(in crate::table) unsafe fn home_unchecked(&self, number: usize) -> &BucketWords {
        // SAFETY: the caller's promise: the position is one for which `bucket` would do the same.
        unsafe { &*self.first_home.add(number) }
    }

    /// Makes all words 0, and gives what memory the system can do without back to it until it is written again.
    ///
    /// Others may go on reading and writing; what they write may be lost or stay.
    pub(crate) fn clear(&self) {
        let cleared = self.give_back();
        for word in (0..cleared.start).chain(cleared.end..self.count) {
            // Relaxed: whoever says that the words are ready says so by another one.
            self.at(word).store(0, Ordering::Relaxed);
        }
    }

    /// Gives the whole pages of shared memory back, which then read as 0; the words of which that was done.
    ///
    /// Memory of another kind (private, a file's on most file systems) is refused, and stays as it is.
    fn give_back(&self) -> Range<usize> {
        #[cfg(target_os = "linux")]
        {
            // SAFETY: the call accesses no memory.
            let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(1 << 16);
            let first = self.first.as_ptr().cast::<u8>();
            let skipped = first.align_offset(page);
            let bytes = (self.count * size_of::<AtomicU64>()).saturating_sub(skipped) / page * page;
            // SAFETY: whole pages within this memory, which is reached as atomics alone, for which 0 is a valid value.
            // The kernel makes them 0 for all who map them, or refuses.
            if bytes > 0 && unsafe { libc::madvise(first.add(skipped).cast(), bytes, libc::MADV_REMOVE) } == 0 {
                return skipped / size_of::<AtomicU64>()..(skipped + bytes) / size_of::<AtomicU64>();
            }
        }
        0..0
    }
}

/// Large memory comes in huge pages where there are such, small memory from the allocator.
fn zeroed_memory(bytes: usize) -> Option<(NonNull<u8>, Memory)> {
    #[cfg(target_os = "linux")]
    if bytes >= HUGE_PAGE {
        return Mapping::zeroed(bytes).ok().map(|mapping| (mapping.first(), Memory::Mapped(mapping)));
    }
    Allocation::zeroed(bytes).map(|allocation| (allocation.first(), Memory::Allocated(allocation)))
}
