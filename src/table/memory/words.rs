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
            let page = page_bytes();
            let first = self.first.as_ptr().cast::<u8>();
            let skipped = first.align_offset(page);
            let bytes = self.bytes().saturating_sub(skipped) / page * page;
            // SAFETY: whole pages within this memory, which is reached as atomics alone, for which 0 is a valid value.
            // The kernel makes them 0 for all who map them, or refuses.
            if bytes > 0 && unsafe { libc::madvise(first.add(skipped).cast(), bytes, libc::MADV_REMOVE) } == 0 {
                return skipped / size_of::<AtomicU64>()..(skipped + bytes) / size_of::<AtomicU64>();
            }
        }
        0..0
    }

    /// Has the system give all of this memory at once, and map it: no check has to wait until a page is made, or read from
    /// a disk.
    ///
    /// No word changes, so others may use them meanwhile.
    pub(crate) fn prefault(&self) -> Result<(), Error> {
        let page = page_bytes();
        #[cfg(all(target_os = "linux", not(miri)))]
        match self.populate(page).err().and_then(|error| error.raw_os_error()) {
            // A file that was cut short, or a page that the hardware has lost, is for whoever comes there.
            None | Some(libc::EFAULT | libc::EHWPOISON) => return Ok(()),
            Some(libc::ENOMEM) => return Err(Error::OutOfMemory { bytes: self.bytes() as u64 }),
            // Kernels before 5.14 do not know the advice.
            Some(_) => {}
        }
        self.touch(page);
        Ok(())
    }

    /// Writes to each page what is there.
    fn touch(&self, page: usize) {
        let a_word_of_each = (0..self.count).step_by(page / size_of::<AtomicU64>());
        for word in a_word_of_each.chain(self.count.checked_sub(1)).map(|index| self.at(index)) {
            // Relaxed: nothing is published. Where it fails, somebody else has written.
            let value = word.load(Ordering::Relaxed);
            let _ = word.compare_exchange(value, value, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Prefaults all pages that any of the words are in, where the kernel can.
    #[cfg(all(target_os = "linux", not(miri)))]
    fn populate(&self, page: usize) -> std::io::Result<()> {
        let first = self.first.as_ptr().cast::<u8>();
        let before = first.addr() % page;
        // SAFETY: no content changes, of these pages or of what else may be in the first and the last of them; the kernel
        // refuses what is not mapped for writing.
        let result = unsafe {
            libc::madvise(first.wrapping_sub(before).cast(), before + self.bytes(), libc::MADV_POPULATE_WRITE)
        };
        if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    }

    fn bytes(&self) -> usize {
        self.count * size_of::<AtomicU64>()
    }
}

/// The bytes of a page.
fn page_bytes() -> usize {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the call accesses no memory.
        usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(1 << 16)
    }
    // Of the sizes that there are, the smallest.
    #[cfg(not(target_os = "linux"))]
    4096
}

/// Large memory comes in huge pages where there are such, small memory from the allocator.
fn zeroed_memory(bytes: usize) -> Option<(NonNull<u8>, Memory)> {
    #[cfg(target_os = "linux")]
    if bytes >= HUGE_PAGE {
        return Mapping::zeroed(bytes).ok().map(|mapping| (mapping.first(), Memory::Mapped(mapping)));
    }
    Allocation::zeroed(bytes).map(|allocation| (allocation.first(), Memory::Allocated(allocation)))
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    /// The share of the words' pages that is resident.
    fn resident(words: &Words) -> f64 {
        let page = page_bytes();
        let first = words.first.as_ptr().cast::<u8>();
        let start = first.wrapping_sub(first.addr() % page);
        let mut pages = vec![0_u8; (first.addr() % page + words.bytes()).div_ceil(page)];
        // SAFETY: there is a byte for each page, all that the call writes.
        assert_eq!(unsafe { libc::mincore(start.cast(), pages.len() * page, pages.as_mut_ptr()) }, 0);
        pages.iter().filter(|&&page| page & 1 == 1).count() as f64 / pages.len() as f64
    }

    /// Such as the kernel maps, and end anywhere in a page.
    const COUNTS: [usize; 2] = [270_001, 2_000_003];

    fn is_there_and_unchanged_after(count: usize, prefault: fn(&Words)) {
        let words = Words::zeroed(count).unwrap();
        assert!(resident(&words) < 0.5, "{count} words were there before");
        words.at(count / 2).store(7, Ordering::Relaxed);
        prefault(&words);
        assert_eq!(resident(&words), 1.0, "of {count} words");
        let unchanged = |index| words.at(index).load(Ordering::Relaxed) == if index == count / 2 { 7 } else { 0 };
        assert!((0..count).all(unchanged));
    }

    #[test]
    fn prefaulted_memory_is_there_and_unchanged() {
        for count in COUNTS {
            is_there_and_unchanged_after(count, |words| words.prefault().unwrap());
        }
    }

    #[test]
    fn memory_that_is_touched_by_hand_is_there_and_unchanged() {
        for count in COUNTS {
            is_there_and_unchanged_after(count, |words| words.touch(page_bytes()));
        }
        Words::zeroed(1).unwrap().touch(page_bytes());
    }
}
