//! The words a table lives in. Here: zeroed memory of this process's own.

use super::layout::LINE_WORDS;
use crate::error::Error;
use crate::sync::AtomicU64;

/// The words of one line.
pub(super) type LineWords = [AtomicU64; LINE_WORDS];

#[cfg(not(loom))]
pub(super) use heap::Words;
#[cfg(loom)]
pub(super) use modelled::Words;

#[cfg(not(loom))]
mod heap {
    use super::{AtomicU64, Error, LINE_WORDS, LineWords};
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::ptr::NonNull;

    /// Tables from this size on are aligned to, and advised to use, huge pages: a random access to a large
    /// table otherwise pays for a page walk on top of the cache miss.
    const HUGE_PAGE: usize = 2 << 20;
    /// The size of a bucket: two lines that the prefetcher fetches together.
    const BUCKET_ALIGN: usize = 128;

    /// Zeroed words that are neither moved nor freed while this lives.
    #[derive(Debug)]
    pub(in crate::table) struct Words {
        first: NonNull<AtomicU64>,
        layout: Layout,
    }

    // SAFETY: the memory is owned by this value alone and is only ever reached as `&AtomicU64`.
    unsafe impl Send for Words {}
    // SAFETY: as above; atomics may be shared among threads.
    unsafe impl Sync for Words {}

    impl Words {
        pub(in crate::table) fn zeroed(words: usize) -> Result<Self, Error> {
            let bytes = words.saturating_mul(size_of::<AtomicU64>());
            let out_of_memory = Error::OutOfMemory { bytes: bytes as u64 };
            let align = if bytes >= HUGE_PAGE { HUGE_PAGE } else { BUCKET_ALIGN };
            let layout = Layout::from_size_align(bytes, align).map_err(|_| out_of_memory.clone())?;
            if layout.size() == 0 {
                return Err(out_of_memory);
            }
            // SAFETY: the layout's size is not 0.
            let first = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(out_of_memory)?;
            advise_huge_pages(first, layout);
            Ok(Self { first: first.cast(), layout })
        }

        /// The word at `index`, which must be within the table.
        #[inline]
        pub(in crate::table) fn at(&self, index: usize) -> &AtomicU64 {
            assert!(index < self.layout.size() / size_of::<AtomicU64>(), "a word outside the table");
            // SAFETY: the index is within the allocation, which is aligned to more than 8, was zeroed (a valid
            // AtomicU64), lives as long as `self`, and is reached in no other way than through these atomics.
            unsafe { self.first.add(index).as_ref() }
        }

        /// The line that begins at `index`, which must be within the table.
        #[inline]
        pub(in crate::table) fn line(&self, index: usize) -> &LineWords {
            assert!(index <= self.layout.size() / size_of::<AtomicU64>() - LINE_WORDS, "a line outside the table");
            // SAFETY: as in `at`, for each of the words; a table has many lines, so the bound is not negative.
            unsafe { self.first.add(index).cast().as_ref() }
        }

        /// Asks the processor for the line at `index`, which is only a hint.
        #[inline]
        pub(in crate::table) fn prefetch(&self, index: usize) {
            prefetch_line(self.first.as_ptr().wrapping_add(index).cast());
        }
    }

    impl Drop for Words {
        fn drop(&mut self) {
            // SAFETY: allocated in `zeroed` with this very layout, and freed only here.
            unsafe { dealloc(self.first.as_ptr().cast(), self.layout) }
        }
    }

    #[inline]
    fn prefetch_line(line: *const i8) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch accesses nothing and cannot fault, whatever the address; SSE is part of x86_64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = line;
    }

    #[cfg(target_os = "linux")]
    fn advise_huge_pages(first: NonNull<u8>, layout: Layout) {
        if layout.align() == HUGE_PAGE {
            // SAFETY: the range is this allocation, and the advice changes no content. It may be refused, which
            // costs speed alone, so the result is of no interest.
            unsafe { libc::madvise(first.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE) };
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn advise_huge_pages(_: NonNull<u8>, _: Layout) {}
}

#[cfg(loom)]
mod modelled {
    use super::{AtomicU64, Error, LINE_WORDS, LineWords};

    /// The same words for a model: loom's atomics carry an identity and must be made one by one.
    #[derive(Debug)]
    pub(in crate::table) struct Words(Box<[AtomicU64]>);

    impl Words {
        pub(in crate::table) fn zeroed(words: usize) -> Result<Self, Error> {
            Ok(Self((0..words).map(|_| AtomicU64::new(0)).collect()))
        }

        pub(in crate::table) fn at(&self, index: usize) -> &AtomicU64 {
            &self.0[index]
        }

        pub(in crate::table) fn line(&self, index: usize) -> &LineWords {
            self.0[index..index + LINE_WORDS].try_into().expect("a line has as many words")
        }

        pub(in crate::table) fn prefetch(&self, _: usize) {}
    }
}
