//! Memory of this process's own, in huge pages where there are such or never.

use libc::{MADV_HUGEPAGE, MADV_NOHUGEPAGE, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE, c_int, c_void};
use std::ptr::null_mut;

const HUGE_PAGE: usize = 2 << 20;

/// Zeroed memory that begins at a huge page.
#[derive(Debug)]
pub struct Region {
    start: *mut c_void,
    bytes: usize,
    first: *mut u8,
}

// SAFETY: owns the mapping, which is the same on every thread.
unsafe impl Send for Region {}
// SAFETY: gives its address away and nothing else.
unsafe impl Sync for Region {}

impl Region {
    /// `bytes` in huge pages, where the system has such.
    #[must_use]
    pub fn in_huge_pages(bytes: usize) -> Self {
        Self::new(bytes, MADV_HUGEPAGE)
    }

    /// `bytes` in small pages, always.
    #[must_use]
    pub fn in_small_pages(bytes: usize) -> Self {
        Self::new(bytes, MADV_NOHUGEPAGE)
    }

    fn new(bytes: usize, advice: c_int) -> Self {
        let (length, flags) = (bytes + HUGE_PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let start = unsafe { libc::mmap(null_mut(), length, PROT_READ | PROT_WRITE, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "no memory for a table");
        let first = start.cast::<u8>().wrapping_add(start.align_offset(HUGE_PAGE));
        // SAFETY: the range lies in the mapping; the advice changes no content.
        unsafe { libc::madvise(first.cast(), bytes, advice) };
        Self { start, bytes, first }
    }

    /// The first byte.
    #[must_use]
    pub fn first(&self) -> *mut u8 {
        self.first
    }

    /// How many bytes there are.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// From here on, who writes to it is ended by SIGSEGV.
    pub fn forbid_writing(&self) {
        // SAFETY: a range of whole pages of this very mapping, to which nobody has a mutable reference.
        let result = unsafe { libc::mprotect(self.start, self.bytes + HUGE_PAGE, PROT_READ) };
        assert_eq!(result, 0, "memory of one's own can be made read-only");
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and unmapped only here.
        unsafe { libc::munmap(self.start, self.bytes + HUGE_PAGE) };
    }
}
