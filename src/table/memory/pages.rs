//! Large zeroed memory straight from the kernel: huge pages from the first touch on, and none before it.

use std::ptr::NonNull;

/// What a processor maps with one entry of its second-level tables: 2 MiB on x86-64 and with 4 KiB pages on ARM.
pub(super) const HUGE_PAGE: usize = 2 << 20;

/// A private mapping, aligned to [`HUGE_PAGE`].
#[derive(Debug)]
pub(super) struct Pages {
    mapping: NonNull<libc::c_void>,
    mapped_bytes: usize,
    first: NonNull<u8>,
}

impl Pages {
    /// `bytes` zeroed bytes, or `None` if the kernel has not that many.
    ///
    /// The kernel is asked for huge pages before anything is touched: a random access to a large table otherwise pays
    /// for a page walk on top of the cache miss.
    pub(super) fn zeroed(bytes: usize) -> Option<Self> {
        let mapped_bytes = bytes.checked_add(HUGE_PAGE)?;
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no other memory.
        let mapping = unsafe { libc::mmap(std::ptr::null_mut(), mapped_bytes, protection, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return None;
        }
        let mapping = NonNull::new(mapping)?;
        let padding = mapping.align_offset(HUGE_PAGE);
        // SAFETY: the mapping is a huge page longer than `bytes`, and less than one is skipped.
        let first = unsafe { mapping.cast::<u8>().add(padding) };
        // SAFETY: the range lies in the mapping made above, and the advice changes no content. It may be refused,
        // which costs speed alone, so the result is of no interest.
        unsafe { libc::madvise(first.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
        Some(Self { mapping, mapped_bytes, first })
    }

    /// The first byte, aligned to [`HUGE_PAGE`].
    pub(super) fn first(&self) -> NonNull<u8> {
        self.first
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped in `zeroed` with this very length, and unmapped only here. A failure would leave the pages
        // mapped, which is harmless.
        unsafe { libc::munmap(self.mapping.as_ptr(), self.mapped_bytes) };
    }
}
