//! Memory that the kernel maps: large zeroed memory of this process's own, or a file that others map too.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::NonNull;

/// What a processor maps with one entry of its second-level tables: 2 MiB on x86-64 and with 4 KiB pages on ARM.
pub(super) const HUGE_PAGE: usize = 2 << 20;

/// Bytes that can be read and written, until this is dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<libc::c_void>,
    length: usize,
    first: NonNull<u8>,
}

// SAFETY: owns the mapping, which is the same on every thread.
unsafe impl Send for Mapping {}
// SAFETY: gives its address away and nothing else.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// `bytes` zeroed bytes of this process's own, aligned to [`HUGE_PAGE`].
    ///
    /// The kernel is asked for huge pages before anything is touched: a random access to a large table otherwise pays
    /// for a page walk on top of the cache miss.
    pub(super) fn zeroed(bytes: usize) -> io::Result<Self> {
        let length = bytes.checked_add(HUGE_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        let start = map(length, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
        let padding = start.align_offset(HUGE_PAGE);
        // SAFETY: the mapping is a huge page longer than `bytes`, and less than one is skipped.
        let first = unsafe { start.cast::<u8>().add(padding) };
        advise_huge_pages(first, bytes);
        Ok(Self { start, length, first })
    }

    /// The first `bytes` bytes of the file, which must be as long, shared with whoever else maps it.
    pub(crate) fn of_file(file: &File, bytes: usize) -> io::Result<Self> {
        let start = map(bytes, libc::MAP_SHARED, file.as_raw_fd())?;
        let first = start.cast();
        // On /dev/shm where the system allows it; elsewhere it is refused.
        advise_huge_pages(first, bytes);
        Ok(Self { start, length: bytes, first })
    }

    /// The same as a view of this process's own: what it writes, nobody else sees.
    pub(crate) fn copy_of_file(file: &File, bytes: usize) -> io::Result<Self> {
        let start = map(bytes, libc::MAP_PRIVATE, file.as_raw_fd())?;
        Ok(Self { start, length: bytes, first: start.cast() })
    }

    /// The first byte, aligned to a page.
    pub(super) fn first(&self) -> NonNull<u8> {
        self.first
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this very length, and unmapped only here. A failure would leave the pages mapped,
        // which is harmless.
        unsafe { libc::munmap(self.start.as_ptr(), self.length) };
    }
}

fn map(length: usize, flags: libc::c_int, file: RawFd) -> io::Result<NonNull<libc::c_void>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, file, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

fn advise_huge_pages(first: NonNull<u8>, bytes: usize) {
    // SAFETY: the range lies in a mapping made here, and the advice changes no content. It may be refused, which costs
    // speed alone, so the result is of no interest.
    unsafe { libc::madvise(first.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
}
